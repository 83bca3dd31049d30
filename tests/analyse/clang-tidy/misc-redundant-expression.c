int
vbPlanted(int first, int second)
{
    return first > second && first > second;
}
