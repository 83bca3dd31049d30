/*
 * vbnearest.c: the known name that somebody may have meant
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbnearest.h"

#include <string.h>

/* Nobody means a name of ours by a longer one. */
#define VB_NEAREST_LENGTH_MAX 64

/* How many letters must be added, removed, replaced or swapped with the next. */
static guint
vbNearestDistance(const char *from, const char *to)
{
    /* The row of this letter of @from, the one before, and the one before that. */
    guint rows[3][VB_NEAREST_LENGTH_MAX + 1];
    size_t length = strlen(to);
    size_t i;
    size_t j;

    for (j = 0; j <= length; j++)
        rows[0][j] = (guint)j;
    for (i = 1; from[i - 1]; i++) {
        const guint *twice = rows[(i + 1) % 3];
        const guint *before = rows[(i + 2) % 3];
        guint *row = rows[i % 3];

        row[0] = (guint)i;
        for (j = 1; j <= length; j++) {
            char a = g_ascii_tolower(from[i - 1]);
            char b = g_ascii_tolower(to[j - 1]);

            row[j] = MIN(MIN(before[j], row[j - 1]) + 1, before[j - 1] + (a != b));
            if (i > 1 && j > 1 && a == g_ascii_tolower(to[j - 2]) &&
                b == g_ascii_tolower(from[i - 2]))
                row[j] = MIN(row[j], twice[j - 2] + 1);
        }
    }
    return rows[(i - 1) % 3][length];
}

const char *
vbNearestName(const char *name, const char *const *known, size_t count)
{
    const char *nearest = NULL;
    guint least = G_MAXUINT;
    size_t i;

    if (strlen(name) > VB_NEAREST_LENGTH_MAX)
        return NULL;
    for (i = 0; i < count; i++) {
        guint distance;

        if (strlen(known[i]) > VB_NEAREST_LENGTH_MAX)
            continue;
        distance = vbNearestDistance(name, known[i]);
        if (distance < least && distance <= strlen(known[i]) / 3) {
            least = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
