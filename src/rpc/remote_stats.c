/*
 * remote_stats.c: statistics of domains, as CONNECT_GET_ALL_DOMAIN_STATS returns them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_stats.h"

#include <libvirt/libvirt.h>
#include <rpc/rpc.h>
#include <string.h>

static void
remoteStatsRecordFree(remoteStatsRecord *record)
{
    remoteNonnullDomainClear(&record->dom);
    if (record->added)
        g_byte_array_unref(record->added);
    g_free(record);
}

/* To behind a string, of which only the length counts. */
static bool
remoteStatsSkipString(XDR *xdr, size_t length)
{
    u_int size = 0;

    if (!xdr_u_int(xdr, &size) || size > REMOTE_STRING_MAX)
        return false;
    size = (size + 3) & ~3u;
    return size <= length - xdr_getpos(xdr) && xdr_setpos(xdr, xdr_getpos(xdr) + size);
}

static bool
remoteStatsSkipParam(XDR *xdr, size_t length)
{
    gint32 type = 0;
    gint32 word;
    gint64 hyper;

    if (!remoteStatsSkipString(xdr, length) || !xdr_int32_t(xdr, &type))
        return false;
    switch (type) {
    case VIR_TYPED_PARAM_INT:
    case VIR_TYPED_PARAM_UINT:
    case VIR_TYPED_PARAM_BOOLEAN:
        return xdr_int32_t(xdr, &word);
    case VIR_TYPED_PARAM_LLONG:
    case VIR_TYPED_PARAM_ULLONG:
    case VIR_TYPED_PARAM_DOUBLE:
        return xdr_int64_t(xdr, &hyper);
    case VIR_TYPED_PARAM_STRING:
        return remoteStatsSkipString(xdr, length);
    default:
        return false;
    }
}

static bool
remoteStatsParseRecord(XDR *xdr, size_t length, remoteStatsRecord *record)
{
    u_int count = 0;

    if (!xdr_string(xdr, &record->dom.name, REMOTE_STRING_MAX) ||
        !xdr_opaque(xdr, (char *)record->dom.uuid, sizeof(record->dom.uuid)) ||
        !xdr_int32_t(xdr, &record->dom.id))
        return false;
    record->count = xdr_getpos(xdr);
    if (!xdr_u_int(xdr, &count) || count > REMOTE_STATS_PARAMS_MAX)
        return false;
    for (u_int i = 0; i < count; i++) {
        if (!remoteStatsSkipParam(xdr, length))
            return false;
    }
    record->end = xdr_getpos(xdr);
    return true;
}

GPtrArray *
remoteStatsParse(const guint8 *bytes, size_t length)
{
    g_autoptr(GPtrArray) records =
        g_ptr_array_new_with_free_func((GDestroyNotify)remoteStatsRecordFree);
    u_int count = 0;
    bool ok;
    XDR xdr;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = xdr_u_int(&xdr, &count) && count <= REMOTE_DOMAIN_LIST_MAX;
    for (u_int i = 0; i < count && ok; i++) {
        remoteStatsRecord *record = g_new0(remoteStatsRecord, 1);

        g_ptr_array_add(records, record);
        ok = remoteStatsParseRecord(&xdr, length, record);
    }
    xdr_destroy(&xdr);
    return ok ? g_steal_pointer(&records) : NULL;
}

static void
remoteStatsAppendWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

static void
remoteStatsAppendString(GByteArray *bytes, const char *text)
{
    static const guint8 padding[4] = { 0 };
    size_t length = strlen(text);

    remoteStatsAppendWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    g_byte_array_append(bytes, padding, (guint)(-length & 3));
}

static GByteArray *
remoteStatsAdd(remoteStatsRecord *record, const char *field, int type)
{
    if (!record->added)
        record->added = g_byte_array_new();
    record->addedCount++;
    remoteStatsAppendString(record->added, field);
    remoteStatsAppendWord(record->added, (guint32)type);
    return record->added;
}

void
remoteStatsAddString(remoteStatsRecord *record, const char *field, const char *value)
{
    remoteStatsAppendString(remoteStatsAdd(record, field, VIR_TYPED_PARAM_STRING), value);
}

void
remoteStatsAddUInt(remoteStatsRecord *record, const char *field, guint32 value)
{
    remoteStatsAppendWord(remoteStatsAdd(record, field, VIR_TYPED_PARAM_UINT), value);
}

void
remoteStatsAddULLong(remoteStatsRecord *record, const char *field, guint64 value)
{
    GByteArray *bytes = remoteStatsAdd(record, field, VIR_TYPED_PARAM_ULLONG);

    remoteStatsAppendWord(bytes, (guint32)(value >> 32));
    remoteStatsAppendWord(bytes, (guint32)value);
}

/* Whether @record gets what is to be added: a client would take no reply at all with one that has
 * too many. */
static bool
remoteStatsHasRoom(const remoteStatsRecord *record, const guint8 *bytes)
{
    guint32 count;

    if (!record->added)
        return false;
    memcpy(&count, bytes + record->count, sizeof(count));
    return GUINT32_FROM_BE(count) + record->addedCount <= REMOTE_STATS_PARAMS_MAX;
}

guint8 *
remoteStatsApply(const guint8 *bytes, size_t length, const GPtrArray *records, size_t *newLength)
{
    size_t size = length;
    size_t at = 0;
    guint8 *result;
    guint8 *out;

    for (guint i = 0; i < records->len; i++) {
        const remoteStatsRecord *record = g_ptr_array_index(records, i);

        size += remoteStatsHasRoom(record, bytes) ? record->added->len : 0;
    }
    if (size == length || size > VB_FRAME_LENGTH_MAX - VB_FRAME_HEADER_SIZE ||
        !(result = out = g_try_malloc(size)))
        return NULL;

    for (guint i = 0; i < records->len; i++) {
        const remoteStatsRecord *record = g_ptr_array_index(records, i);
        guint32 count;

        if (!remoteStatsHasRoom(record, bytes))
            continue;
        memcpy(&count, bytes + record->count, sizeof(count));
        count = GUINT32_FROM_BE(count) + record->addedCount;
        count = GUINT32_TO_BE(count);
        out = mempcpy(out, bytes + at, record->count - at);
        out = mempcpy(out, &count, sizeof(count));
        at = record->count + sizeof(count);
        out = mempcpy(out, bytes + at, record->end - at);
        out = mempcpy(out, record->added->data, record->added->len);
        at = record->end;
    }
    memcpy(out, bytes + at, length - at);
    *newLength = size;
    return result;
}
