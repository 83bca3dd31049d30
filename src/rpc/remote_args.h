/*
 * remote_args.h: arguments as they lie on the wire
 *
 * Not decoded but walked, by a layout that says what they are made of: to know how much of a call
 * is wanted while it arrives, to find the XML in it, and to put other XML in its place.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "remote_protocol.h"

/* An XML document among arguments. */
typedef struct {
    size_t offset;     /* of its length word */
    size_t length;     /* as that word says */
    size_t textLength; /* up to a NUL, where it ends for libvirtd, too; none is behind it */
} remoteDocument;

/**
 * remoteArgsWant:
 * @layout: what the arguments are made of, a letter each: 'd' domain, 'D' domains, 's' string,
 *     'o' string that may be absent, 'S' and 'O' the same where it is XML of a domain or device,
 *     'T' typed parameters, of which some may be such XML, 'x' bytes, 'l' 64 bit, 'u' 32 bit
 * @bytes: the first @have bytes of them
 *
 * How many bytes must be here before more can be said: never more than the arguments have.  Once
 * they are complete, or cannot be arguments at all, @have.
 */
size_t
remoteArgsWant(const char *layout, const guint8 *bytes, size_t have);

/* Returns: (transfer full) (nullable): of remoteDocument, the XML in whole arguments, in order;
 * NULL if they are no arguments */
GArray *
remoteArgsFindDocuments(const char *layout, const guint8 *bytes, size_t length);

/**
 * remoteArgsReplace:
 * @texts: for each of @documents another text, or NULL to keep it
 *
 * Returns: (transfer full) (nullable): the arguments with other documents; NULL if memory ran out
 */
guint8 *
remoteArgsReplace(const guint8 *bytes, size_t length, const GArray *documents,
                  const char *const *texts, size_t *newLength);

/* The bytes that a string of @length takes behind its length word. */
size_t
remoteGetPadded(size_t length);

/* Writes a string with its length word. Returns: what is behind it */
guint8 *
remotePutString(guint8 *out, const char *text, size_t length);
