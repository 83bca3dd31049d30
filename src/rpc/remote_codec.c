/*
 * remote_codec.c: the arguments and answers of the procedures that we read or make
 *
 * The shapes are those of libvirt's remote_protocol.x and qemu_protocol.x, 7.0 to 12.8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_codec.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "remote_codecpriv.h"

/* What a message may have at most: it repeats names that come from outside. */
#define REMOTE_ERROR_TEXT_MAX 16384

/* virErrorLevel VIR_ERR_ERROR, as every error of libvirtd's has it. */
#define REMOTE_ERROR_LEVEL VIR_ERR_ERROR

/* What was decoded is libtirpc's, and so free()d. */
void
remoteNonnullDomainClear(remoteNonnullDomain *dom)
{
    g_clear_pointer(&dom->name, free);
}

void
remoteNonnullNetworkClear(remoteNonnullNetwork *network)
{
    g_clear_pointer(&network->name, free);
}

void
remoteMetadataClear(remoteMetadata *metadata)
{
    g_clear_pointer(&metadata->text, free);
    g_clear_pointer(&metadata->key, free);
    g_clear_pointer(&metadata->uri, free);
}

guint8 *
remoteEncodeText(const char *text, size_t length, size_t words, size_t *size)
{
    guint8 *bytes = g_try_malloc(4 + remoteGetPadded(length) + 4 * words);

    if (!bytes)
        return NULL;
    *size = 4 + remoteGetPadded(length) + 4 * words;
    memset(remotePutString(bytes, text, length), 0, 4 * words);
    return bytes;
}

static void
remoteDecodeStart(XDR *xdr, const guint8 *bytes, size_t length)
{
    xdrmem_create(xdr, (char *)bytes, (u_int)length, XDR_DECODE);
}

static bool
remoteDecodeEnd(XDR *xdr, bool ok)
{
    xdr_destroy(xdr);
    return ok;
}

static bool
remoteXdrDomain(XDR *xdr, remoteNonnullDomain *dom)
{
    return xdr_string(xdr, &dom->name, REMOTE_STRING_MAX) &&
        xdr_opaque(xdr, (char *)dom->uuid, sizeof(dom->uuid)) && xdr_int32_t(xdr, &dom->id);
}

static bool
remoteXdrNetwork(XDR *xdr, remoteNonnullNetwork *network)
{
    return xdr_string(xdr, &network->name, REMOTE_STRING_MAX) &&
        xdr_opaque(xdr, (char *)network->uuid, sizeof(network->uuid));
}

/* A string that may be absent, in both directions. */
static bool
remoteXdrOptional(XDR *xdr, char **text)
{
    bool_t present = *text != NULL;

    return xdr_bool(xdr, &present) && (!present || xdr_string(xdr, text, REMOTE_STRING_MAX));
}

static bool
remoteXdrMetadata(XDR *xdr, remoteMetadata *metadata)
{
    return xdr_int32_t(xdr, &metadata->type) && remoteXdrOptional(xdr, &metadata->text) &&
        remoteXdrOptional(xdr, &metadata->key) && remoteXdrOptional(xdr, &metadata->uri) &&
        xdr_uint32_t(xdr, &metadata->flags);
}

bool
remoteDecodeSetMetadata(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                        remoteMetadata *metadata)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, remoteXdrDomain(&xdr, dom) && remoteXdrMetadata(&xdr, metadata));
}

bool
remoteDecodeNetwork(const guint8 *bytes, size_t length, remoteNonnullNetwork *network)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, remoteXdrNetwork(&xdr, network));
}

bool
remoteDecodeHyper(const guint8 *bytes, size_t length, guint64 *value)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, xdr_uint64_t(&xdr, value));
}

bool
remoteDecodeSetMemory(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                      guint64 *memory, guint32 *flags)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, remoteXdrDomain(&xdr, dom) && xdr_uint64_t(&xdr, memory) &&
                           (!flags || xdr_uint32_t(&xdr, flags)));
}

bool
remoteDecodeDomainString(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                         char **text, guint32 *flags)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, remoteXdrDomain(&xdr, dom) &&
                           xdr_string(&xdr, text, REMOTE_STRING_MAX) &&
                           (!flags || xdr_uint32_t(&xdr, flags)));
}

bool
remoteDecodeStringDomain(const guint8 *bytes, size_t length, char **text,
                         remoteNonnullDomain *dom)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, xdr_string(&xdr, text, REMOTE_STRING_MAX) &&
                           remoteXdrDomain(&xdr, dom));
}

bool
remoteDecodeDomain(const guint8 *bytes, size_t length, remoteNonnullDomain *dom)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, remoteXdrDomain(&xdr, dom));
}

/* Everything we make is small but for its strings, whose sum is known. */
GByteArray *
remoteEncodeStart(XDR *xdr, size_t strings)
{
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_set_size(bytes, (guint)(strings + 128));
    xdrmem_create(xdr, (char *)bytes->data, bytes->len, XDR_ENCODE);
    return bytes;
}

GByteArray *
remoteEncodeEnd(XDR *xdr, GByteArray *bytes, bool ok)
{
    /* The room was computed and the strings are no longer than what was once decoded. */
    g_assert(ok);
    g_byte_array_set_size(bytes, xdr_getpos(xdr));
    xdr_destroy(xdr);
    return bytes;
}

GByteArray *
remoteEncodeDomain(const remoteNonnullDomain *dom)
{
    remoteNonnullDomain copy = *dom;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(dom->name));

    return remoteEncodeEnd(&xdr, bytes, remoteXdrDomain(&xdr, &copy));
}

GByteArray *
remoteEncodeDomainFlags(const remoteNonnullDomain *dom, guint32 flags)
{
    remoteNonnullDomain copy = *dom;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(dom->name));

    return remoteEncodeEnd(&xdr, bytes, remoteXdrDomain(&xdr, &copy) && xdr_uint32_t(&xdr, &flags));
}

GByteArray *
remoteEncodeDomainString(const remoteNonnullDomain *dom, const char *text, guint32 flags)
{
    remoteNonnullDomain copy = *dom;
    char *string = (char *)text;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(dom->name) + strlen(text));

    return remoteEncodeEnd(&xdr, bytes, remoteXdrDomain(&xdr, &copy) &&
                           xdr_string(&xdr, &string, REMOTE_STRING_MAX) &&
                           xdr_uint32_t(&xdr, &flags));
}

GByteArray *
remoteEncodeSetMemory(const remoteNonnullDomain *dom, guint64 memory, const guint32 *flags)
{
    remoteNonnullDomain copy = *dom;
    guint32 word = flags ? *flags : 0;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(dom->name));

    return remoteEncodeEnd(&xdr, bytes, remoteXdrDomain(&xdr, &copy) &&
                           xdr_uint64_t(&xdr, &memory) && (!flags || xdr_uint32_t(&xdr, &word)));
}

GByteArray *
remoteEncodeNetworkFlags(const remoteNonnullNetwork *network, guint32 flags)
{
    remoteNonnullNetwork copy = *network;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(network->name));

    return remoteEncodeEnd(&xdr, bytes, remoteXdrNetwork(&xdr, &copy) &&
                           xdr_uint32_t(&xdr, &flags));
}

GByteArray *
remoteEncodeSetMetadata(const remoteNonnullDomain *dom, const remoteMetadata *metadata)
{
    remoteNonnullDomain copy = *dom;
    remoteMetadata rest = *metadata;
    size_t strings = strlen(dom->name) + (rest.text ? strlen(rest.text) : 0) +
        (rest.key ? strlen(rest.key) : 0) + (rest.uri ? strlen(rest.uri) : 0);
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strings);

    return remoteEncodeEnd(&xdr, bytes, remoteXdrDomain(&xdr, &copy) &&
                           remoteXdrMetadata(&xdr, &rest));
}

static char *
remoteXdrTakeString(XDR *xdr)
{
    char *text = NULL;
    char *copy;

    if (!xdr_string(xdr, &text, REMOTE_STRING_MAX)) {
        free(text);
        return NULL;
    }
    copy = g_strdup(text);
    free(text);
    return copy;
}

const char *
remoteDecodeString(const guint8 *bytes, size_t length, size_t *textLength)
{
    u_int size = 0;
    const char *text = NULL;
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    if (xdr_u_int(&xdr, &size) && size <= REMOTE_STRING_MAX &&
        remoteGetPadded(size) <= length - sizeof(guint32)) {
        *textLength = size;
        text = (const char *)bytes + xdr_getpos(&xdr);
    }
    xdr_destroy(&xdr);
    return text;
}

/* @end: (out): behind the last message */
static char **
remoteDecodeMessagesTo(const guint8 *bytes, size_t length, size_t *end)
{
    g_autoptr(GStrvBuilder) messages = g_strv_builder_new();
    u_int count = 0;
    u_int i;
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    if (!xdr_u_int(&xdr, &count) || count > REMOTE_DOMAIN_MESSAGES_MAX) {
        xdr_destroy(&xdr);
        return NULL;
    }
    for (i = 0; i < count; i++) {
        g_autofree char *message = remoteXdrTakeString(&xdr);

        if (!message)
            break;
        g_strv_builder_add(messages, message);
    }
    *end = xdr_getpos(&xdr);
    xdr_destroy(&xdr);
    return i == count ? g_strv_builder_end(messages) : NULL;
}

char **
remoteDecodeMessages(const guint8 *bytes, size_t length)
{
    size_t end = 0;

    return remoteDecodeMessagesTo(bytes, length, &end);
}

guint8 *
remoteAddMessage(const guint8 *bytes, size_t length, const char *message, size_t *newLength)
{
    size_t end = 0;
    g_auto(GStrv) messages = remoteDecodeMessagesTo(bytes, length, &end);
    guint32 count = messages ? g_strv_length(messages) : 0;
    size_t size = end + 4 + remoteGetPadded(strlen(message));
    guint8 *result;

    if (!messages || count == REMOTE_DOMAIN_MESSAGES_MAX || !(result = g_try_malloc(size)))
        return NULL;
    count = GUINT32_TO_BE(count + 1);
    memcpy(result, bytes, end);
    memcpy(result, &count, sizeof(count));
    remotePutString(result + end, message, strlen(message));
    *newLength = size;
    return result;
}

bool
remoteDecodeInt(const guint8 *bytes, size_t length, gint32 *value)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, xdr_int32_t(&xdr, value));
}

bool
remoteDecodeError(const guint8 *bytes, size_t length, gint32 *code, gint32 *domain)
{
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    return remoteDecodeEnd(&xdr, xdr_int32_t(&xdr, code) && xdr_int32_t(&xdr, domain));
}

char *
remoteDecodeErrorText(const guint8 *bytes, size_t length)
{
    char *text = NULL;
    gint32 code;
    gint32 domain;
    XDR xdr;

    remoteDecodeStart(&xdr, bytes, length);
    if (!remoteDecodeEnd(&xdr, xdr_int32_t(&xdr, &code) && xdr_int32_t(&xdr, &domain) &&
                         remoteXdrOptional(&xdr, &text)))
        g_clear_pointer(&text, free);
    return text;
}

/* libvirt's format for each number that we answer with (virerror.c, 7.0 to 12.8). */
static const char *
remoteErrorGetFormat(gint32 code)
{
    switch (code) {
    case VIR_ERR_XML_ERROR:
        return "XML error: %s";
    case VIR_ERR_CONFIG_UNSUPPORTED:
        return "unsupported configuration: %s";
    case VIR_ERR_OPERATION_FAILED:
        return "operation failed: %s";
    case VIR_ERR_OPERATION_INVALID:
        return "Requested operation is not valid: %s";
    case VIR_ERR_OPERATION_TIMEOUT:
        return "Timed out during operation: %s";
    case VIR_ERR_OPERATION_DENIED:
        return "operation forbidden: %s";
    case VIR_ERR_AUTH_FAILED:
        return "authentication failed: %s";
    case VIR_ERR_AUTH_CANCELLED:
        return "authentication cancelled: %s";
    case VIR_ERR_AUTH_UNAVAILABLE:
        return "authentication unavailable: %s";
    case VIR_ERR_DBUS_SERVICE:
        return "error from service: %s";
    case VIR_ERR_RPC:
    case VIR_ERR_SYSTEM_ERROR:
        return "%s";
    case VIR_ERR_INTERNAL_ERROR:
    default:
        return "internal error: %s";
    }
}

GByteArray *
remoteEncodeError(gint32 code, gint32 domain, const char *text)
{
    const char *format = remoteErrorGetFormat(code);
    const char *mark = strstr(format, "%s");
    g_autofree char *detail = g_strndup(text, REMOTE_ERROR_TEXT_MAX);
    g_autofree char *message = g_strdup_printf("%.*s%s", (int)(mark - format), format, detail);
    gint32 level = REMOTE_ERROR_LEVEL;
    gint32 minusOne = -1;
    char *formatText = (char *)format;
    char *none = NULL;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(message) + strlen(format) +
                                          strlen(detail));
    bool ok;

    ok = xdr_int32_t(&xdr, &code) && xdr_int32_t(&xdr, &domain) &&
        remoteXdrOptional(&xdr, &message) && xdr_int32_t(&xdr, &level) &&
        remoteXdrOptional(&xdr, &none) /* dom */ && remoteXdrOptional(&xdr, &formatText) &&
        remoteXdrOptional(&xdr, &detail) && remoteXdrOptional(&xdr, &none) /* str3 */ &&
        xdr_int32_t(&xdr, &minusOne) && xdr_int32_t(&xdr, &minusOne) &&
        remoteXdrOptional(&xdr, &none) /* net */;
    return remoteEncodeEnd(&xdr, bytes, ok);
}
