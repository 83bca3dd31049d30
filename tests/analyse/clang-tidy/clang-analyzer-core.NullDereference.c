int
vbPlanted(const int *number)
{
    if (!number)
        return *number;
    return 0;
}
