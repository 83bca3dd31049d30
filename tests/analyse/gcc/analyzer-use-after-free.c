char
vbPlanted(const char *text)
{
    char *copy = g_strdup(text);

    g_free(copy);
    return *copy;
}
