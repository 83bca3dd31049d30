int
vbPlanted(const char *text)
{
    char *copy = g_strdup(text);

    return copy && *copy == '\0';
}
