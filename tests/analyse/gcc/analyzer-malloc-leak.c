char *
vbPlanted(size_t size)
{
    char *text = g_malloc(size);

    *text = '\0';
    text = g_malloc(size);
    return text;
}
