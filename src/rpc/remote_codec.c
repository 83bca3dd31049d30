/*
 * remote_codec.c: the arguments and answers of the procedures that we read or make
 *
 * The shapes are those of libvirt's remote_protocol.x and qemu_protocol.x, 7.0 to 12.8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_codec.h"

#include <libvirt/virterror.h>
#include <rpc/rpc.h>
#include <string.h>

/* What a message may have at most: it repeats names that come from outside. */
#define REMOTE_ERROR_TEXT_MAX 16384

/* virErrorLevel VIR_ERR_ERROR, as every error of libvirtd's has it. */
#define REMOTE_ERROR_LEVEL VIR_ERR_ERROR

void
remoteNonnullDomainClear(remoteNonnullDomain *dom)
{
    g_clear_pointer(&dom->name, free); /* libtirpc's */
}

static size_t
remoteGetPadded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static guint32
remoteGetWord(const guint8 *bytes)
{
    guint32 word;

    memcpy(&word, bytes, sizeof(word));
    return GUINT32_FROM_BE(word);
}

size_t
remoteArgsWant(const char *layout, const guint8 *bytes, size_t have)
{
    size_t need = 0;
    guint32 word;

    for (; *layout; layout++) {
        switch (*layout) {
        case 'o':
            need += 4;
            if (have < need)
                return need;
            if (remoteGetWord(bytes + need - 4) == 0)
                break;
            G_GNUC_FALLTHROUGH;
        case 'd':
        case 's':
            need += 4;
            if (have < need)
                return need;
            word = remoteGetWord(bytes + need - 4);
            if (word > REMOTE_STRING_MAX)
                return have;
            need += remoteGetPadded(word);
            if (*layout == 'd')
                need += 16 + 4;
            break;
        case 'l':
            need += 8;
            break;
        case 'u':
            need += 4;
            break;
        default:
            g_assert_not_reached();
        }
    }
    return MAX(need, have);
}

static bool
remoteXdrDomain(XDR *xdr, remoteNonnullDomain *dom)
{
    return xdr_string(xdr, &dom->name, REMOTE_STRING_MAX) &&
        xdr_opaque(xdr, (char *)dom->uuid, sizeof(dom->uuid)) && xdr_int32_t(xdr, &dom->id);
}

bool
remoteDecodeSetMemory(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                      guint64 *memory, guint32 *flags)
{
    XDR xdr;
    bool ok;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = remoteXdrDomain(&xdr, dom) && xdr_uint64_t(&xdr, memory) &&
        (!flags || xdr_uint32_t(&xdr, flags));
    xdr_destroy(&xdr);
    return ok;
}

bool
remoteDecodeDomainString(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                         char **text, guint32 *flags)
{
    XDR xdr;
    bool ok;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = remoteXdrDomain(&xdr, dom) && xdr_string(&xdr, text, REMOTE_STRING_MAX) &&
        (!flags || xdr_uint32_t(&xdr, flags));
    xdr_destroy(&xdr);
    return ok;
}

bool
remoteDecodeDomain(const guint8 *bytes, size_t length, remoteNonnullDomain *dom)
{
    XDR xdr;
    bool ok;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = remoteXdrDomain(&xdr, dom);
    xdr_destroy(&xdr);
    return ok;
}

/* Everything we make is small but for its strings, whose sum is known. */
static GByteArray *
remoteEncodeStart(XDR *xdr, size_t strings)
{
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_set_size(bytes, (guint)(strings + 128));
    xdrmem_create(xdr, (char *)bytes->data, bytes->len, XDR_ENCODE);
    return bytes;
}

static GByteArray *
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
remoteEncodeMonitorCommand(const remoteNonnullDomain *dom, const char *command, guint32 flags)
{
    remoteNonnullDomain copy = *dom;
    char *text = (char *)command;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(dom->name) + strlen(command));

    return remoteEncodeEnd(&xdr, bytes, remoteXdrDomain(&xdr, &copy) &&
                           xdr_string(&xdr, &text, REMOTE_STRING_MAX) &&
                           xdr_uint32_t(&xdr, &flags));
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

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    if (xdr_u_int(&xdr, &size) && size <= REMOTE_STRING_MAX &&
        remoteGetPadded(size) <= length - sizeof(guint32)) {
        *textLength = size;
        text = (const char *)bytes + xdr_getpos(&xdr);
    }
    xdr_destroy(&xdr);
    return text;
}

char **
remoteDecodeMessages(const guint8 *bytes, size_t length)
{
    g_autoptr(GStrvBuilder) messages = g_strv_builder_new();
    u_int count = 0;
    u_int i;
    XDR xdr;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
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
    xdr_destroy(&xdr);
    return i == count ? g_strv_builder_end(messages) : NULL;
}

bool
remoteDecodeInt(const guint8 *bytes, size_t length, gint32 *value)
{
    XDR xdr;
    bool ok;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = xdr_int32_t(&xdr, value);
    xdr_destroy(&xdr);
    return ok;
}

bool
remoteDecodeError(const guint8 *bytes, size_t length, gint32 *code, gint32 *domain)
{
    XDR xdr;
    bool ok;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = xdr_int32_t(&xdr, code) && xdr_int32_t(&xdr, domain);
    xdr_destroy(&xdr);
    return ok;
}

/* libvirt's format for each number that we answer with (virerror.c, 7.0 to 12.8). */
static const char *
remoteErrorGetFormat(gint32 code)
{
    switch (code) {
    case VIR_ERR_OPERATION_INVALID:
        return "Requested operation is not valid: %s";
    case VIR_ERR_OPERATION_TIMEOUT:
        return "Timed out during operation: %s";
    case VIR_ERR_SYSTEM_ERROR:
        return "%s";
    case VIR_ERR_INTERNAL_ERROR:
    default:
        return "internal error: %s";
    }
}

static bool
remoteXdrOptionalString(XDR *xdr, char *text)
{
    bool_t present = text != NULL;

    return xdr_bool(xdr, &present) && (!text || xdr_string(xdr, &text, REMOTE_STRING_MAX));
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
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, strlen(message) + strlen(format) +
                                          strlen(detail));
    bool ok;

    ok = xdr_int32_t(&xdr, &code) && xdr_int32_t(&xdr, &domain) &&
        remoteXdrOptionalString(&xdr, message) && xdr_int32_t(&xdr, &level) &&
        remoteXdrOptionalString(&xdr, NULL) /* dom */ &&
        remoteXdrOptionalString(&xdr, (char *)format) &&
        remoteXdrOptionalString(&xdr, detail) &&
        remoteXdrOptionalString(&xdr, NULL) /* str3 */ && xdr_int32_t(&xdr, &minusOne) &&
        xdr_int32_t(&xdr, &minusOne) && remoteXdrOptionalString(&xdr, NULL) /* net */;
    return remoteEncodeEnd(&xdr, bytes, ok);
}
