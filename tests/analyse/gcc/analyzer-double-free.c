void
vbPlanted(size_t size)
{
    char *text = g_malloc(size);

    g_free(text);
    if (size > 4)
        g_free(text);
}
