int
vbPlanted(const char *text)
{
    if (text && *text == '\0');
        return 0;
    return 1;
}
