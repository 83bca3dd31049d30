/*
 * vbmemory.h: whether there is memory for what is about to be done
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

/**
 * vbMemoryHasRoom:
 *
 * Whether @size bytes could be had now.  GLib ends a program that gets no memory, and what other
 * libraries then say of a document is not to be told from what they say of a malformed one: so
 * whoever is about to read what a peer has sent asks first.  Nothing is taken.
 */
bool
vbMemoryHasRoom(size_t size);
