/*
 * vbuuid.c: UUIDs as libvirt reads them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbuuid.h"

bool
vbUUIDParse(const char *text, guint8 *uuid)
{
    size_t digits = 0;

    for (; *text; text++) {
        int digit = g_ascii_xdigit_value(*text);

        if (*text == '-' || g_ascii_isspace(*text))
            continue;
        if (digit < 0 || digits == 32)
            return false;
        if (digits % 2 == 0)
            uuid[digits / 2] = (guint8)(digit << 4);
        else
            uuid[digits / 2] |= (guint8)digit;
        digits++;
    }
    return digits == 32;
}
