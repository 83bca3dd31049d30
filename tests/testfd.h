/*
 * testfd.h: descriptors, counted and told apart
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the process; one of its own for the count is among them, each time. */
static inline guint
testFdCount(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir))
        count++;
    return count;
}

/* A descriptor that can be told from others: by the size of its file. */
static inline int
testFdNew(guint id)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, id), ==, 0);
    return fd;
}

static inline guint
testFdGetId(int fd)
{
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    return (guint)st.st_size;
}
