/*
 * fuzz_xdr.h: a walk over XDR that owes nothing to the decoders it is held against
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Where the walk is; what is not here, or too long, ends it. */
typedef struct {
    const guint8 *data;
    size_t size;
    size_t at;
    GArray *documents; /* of remoteDocument, or NULL: fuzz_codec's */
} fuzzPlace;

static inline guint32
fuzzGetWord(const guint8 *bytes)
{
    return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static inline size_t
fuzzGetPadded(guint32 length)
{
    return length + (size_t)((4 - length % 4) % 4);
}

static inline bool
fuzzSkip(fuzzPlace *place, size_t count)
{
    if (place->size - place->at < count)
        return false;
    place->at += count;
    return true;
}

static inline bool
fuzzTakeWord(fuzzPlace *place, guint32 *word)
{
    if (!fuzzSkip(place, 4))
        return false;
    *word = fuzzGetWord(place->data + place->at - 4);
    return true;
}

/* @length: (out): of the text, which follows its length at the old place->at */
static inline bool
fuzzTakeString(fuzzPlace *place, guint32 *length)
{
    return fuzzTakeWord(place, length) && *length <= 4194304 &&
        fuzzSkip(place, fuzzGetPadded(*length));
}
