/*
 * vbmemory.c: whether there is memory for what is about to be done
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbmemory.h"

#include <sys/mman.h>

bool
vbMemoryHasRoom(size_t size)
{
    /* Not malloc(), whose thresholds move with what it is asked for. */
    void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED)
        return false;
    munmap(room, size);
    return true;
}
