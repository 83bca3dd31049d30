/*
 * fuzz_stats.c: any bytes as statistics of domains
 *
 * What is read is held against a walk over the same bytes that knows no XDR library.  Then
 * something is added: the result must be a reply again, with the counts that it should have, and
 * but for those with every byte that was there, in its place.
 *
 * The first byte says what is added to which record, the rest is the reply.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_stats.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_xdr.h"

/* What the walk finds of a record. */
typedef struct {
    size_t name; /* offset of its length */
    size_t count;
    size_t end;
} fuzzRecord;

static bool
fuzzSkipString(fuzzPlace *place)
{
    guint32 length;

    return fuzzTakeString(place, &length);
}

static bool
fuzzSkipParam(fuzzPlace *place)
{
    /* By type, of which 7 is a string. */
    static const size_t sizes[] = { 0, 4, 4, 8, 8, 8, 4 };
    guint32 type;

    if (!fuzzSkipString(place) || !fuzzTakeWord(place, &type) || type == 0 || type > 7)
        return false;
    return type == 7 ? fuzzSkipString(place) : fuzzSkip(place, sizes[type]);
}

static bool
fuzzWalkRecord(fuzzPlace *place, fuzzRecord *record)
{
    guint32 count;

    record->name = place->at;
    if (!fuzzSkipString(place) || !fuzzSkip(place, 20))
        return false;
    record->count = place->at;
    if (!fuzzTakeWord(place, &count) || count > 262144)
        return false;
    for (guint32 i = 0; i < count; i++) {
        if (!fuzzSkipParam(place))
            return false;
    }
    record->end = place->at;
    return true;
}

/* Returns: (transfer full) (nullable): of fuzzRecord; NULL if @data is no reply */
static GArray *
fuzzWalk(const guint8 *data, size_t size)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(fuzzRecord));
    fuzzPlace place = { .data = data, .size = size };
    guint32 count;

    if (!fuzzTakeWord(&place, &count) || count > 16384)
        return NULL;
    for (guint32 i = 0; i < count; i++) {
        fuzzRecord record = { 0 };

        if (!fuzzWalkRecord(&place, &record))
            return NULL;
        g_array_append_val(records, record);
    }
    return g_steal_pointer(&records);
}

static void
fuzzCheckRecords(const guint8 *data, const GPtrArray *records, const GArray *expected)
{
    CHECK(records->len == expected->len);
    for (guint i = 0; i < records->len; i++) {
        const remoteStatsRecord *record = g_ptr_array_index(records, i);
        const fuzzRecord *walked = &g_array_index(expected, fuzzRecord, i);
        const char *name = (const char *)data + walked->name + 4;
        size_t length = strnlen(name, fuzzGetWord(data + walked->name));

        CHECK(record->count == walked->count && record->end == walked->end);
        CHECK(strlen(record->dom.name) == length && memcmp(record->dom.name, name, length) == 0);
        CHECK(memcmp(record->dom.uuid, data + walked->count - 20, 16) == 0);
        CHECK((guint32)record->dom.id == fuzzGetWord(data + walked->count - 4));
    }
}

/* What is added to a record, by one of two bits each. Returns how many parameters that is. */
static guint32
fuzzAdd(remoteStatsRecord *record, guint bits)
{
    static const char text[] = "any value";

    if (bits & 1)
        remoteStatsAddString(record, "balloon.state", text + bits % sizeof(text));
    if (bits & 2)
        remoteStatsAddUInt(record, "n", 0x01020304u + bits);
    return (bits & 1) + (bits >> 1 & 1);
}

/* The parameters that fuzzAdd() has added. Returns what lies behind them. */
static size_t
fuzzCheckAdded(const guint8 *data, size_t size, size_t at, guint bits)
{
    fuzzPlace place = { .data = data, .size = size, .at = at };

    if (bits & 1) {
        CHECK(size - at > 24 && memcmp(data + at, "\0\0\0\15balloon.state\0\0\0\0\0\0\7", 24) == 0);
        CHECK(fuzzSkipParam(&place));
    }
    if (bits & 2) {
        CHECK(size - place.at >= 16 &&
              memcmp(data + place.at, "\0\0\0\1n\0\0\0\0\0\0\2", 12) == 0);
        CHECK(fuzzGetWord(data + place.at + 12) == 0x01020304u + bits);
        CHECK(fuzzSkipParam(&place));
    }
    return place.at;
}

static guint
fuzzGetBits(guint8 selector, guint record)
{
    return selector >> 2 * (record % 4) & 3;
}

/* @bytes must be @data with what was added. */
static void
fuzzCheckResult(const guint8 *data, size_t size, const GArray *expected, guint8 selector,
                const guint8 *bytes, size_t length)
{
    g_autoptr(GArray) walked = fuzzWalk(bytes, length);
    size_t from = 0;
    size_t to = 0;

    CHECK(walked && walked->len == expected->len);
    for (guint i = 0; i < expected->len; i++) {
        const fuzzRecord *before = &g_array_index(expected, fuzzRecord, i);
        guint bits = fuzzGetBits(selector, i);
        size_t part = before->count - from;
        guint32 added = (bits & 1) + (bits >> 1 & 1);

        CHECK(length - to >= part && memcmp(bytes + to, data + from, part) == 0);
        to += part;
        CHECK(length - to >= 4);
        CHECK(fuzzGetWord(bytes + to) == fuzzGetWord(data + before->count) + added);
        to += 4;
        part = before->end - before->count - 4;
        CHECK(length - to >= part && memcmp(bytes + to, data + before->count + 4, part) == 0);
        to = fuzzCheckAdded(bytes, length, to + part, bits);
        from = before->end;
    }
    CHECK(length - to == size - from && memcmp(bytes + to, data + from, size - from) == 0);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GArray) expected = NULL;
    g_autofree guint8 *bytes = NULL;
    guint32 added = 0;
    size_t length = 0;
    guint8 selector;

    if (size == 0)
        return 0;
    selector = data[0];
    data++;
    size--;

    records = remoteStatsParse(data, size);
    expected = fuzzWalk(data, size);
    CHECK((records != NULL) == (expected != NULL));
    if (!records)
        return 0;
    fuzzCheckRecords(data, records, expected);
    for (guint i = 0; i < records->len; i++)
        added += fuzzAdd(g_ptr_array_index(records, i), fuzzGetBits(selector, i));
    bytes = remoteStatsApply(data, size, records, &length);
    CHECK((bytes != NULL) == (added > 0));
    if (bytes)
        fuzzCheckResult(data, size, expected, selector, bytes, length);
    return 0;
}
