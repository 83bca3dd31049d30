#include <string.h>

int
main(int argc, char **argv)
{
    g_autofree char *text = g_strdup(argv[argc - 1]);

    return g_str_has_suffix(text, "never") || text[strlen(text) + 1] == 'x';
}
