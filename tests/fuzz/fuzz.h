/*
 * fuzz.h: what every fuzzer has
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

/* Not g_error(): libFuzzer saves no input at a SIGTRAP. */
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            g_printerr("ERROR: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)
