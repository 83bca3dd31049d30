#include <stdio.h>

int
main(int argc, char **argv)
{
    g_autofree char *text = g_malloc(16);

    return argv[argc - 1][0] == text[8] ? printf("\n") : 0;
}
