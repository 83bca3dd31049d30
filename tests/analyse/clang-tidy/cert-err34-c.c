#include <stdlib.h>

int
vbPlanted(const char *text)
{
    return atoi(text);
}
