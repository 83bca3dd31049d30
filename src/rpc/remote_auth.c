/*
 * remote_auth.c: how a client proves who it is, and how libvirt's daemon is told
 *
 * The shapes are those of libvirt's remote_protocol.x, 5.8 to 12.8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_auth.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "remote_codecpriv.h"

/* REMOTE_AUTH_TYPE_LIST_MAX */
#define REMOTE_AUTH_TYPES_MAX 20u
/* What an identity takes beside its security context: five names, types and numbers. */
#define REMOTE_AUTH_IDENTITY_ROOM 512u

GByteArray *
remoteEncodeAuthTypes(remoteAuth type)
{
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, 0);
    guint32 count = 1;
    gint32 value = type;

    return remoteEncodeEnd(&xdr, bytes, xdr_uint32_t(&xdr, &count) && xdr_int32_t(&xdr, &value));
}

bool
remoteDecodeAuthTypes(const guint8 *bytes, size_t length, gint32 *type)
{
    guint32 count;
    XDR xdr;
    bool ok;

    xdrmem_create(&xdr, (char *)bytes, (u_int)length, XDR_DECODE);
    ok = xdr_uint32_t(&xdr, &count) && count > 0 && count <= REMOTE_AUTH_TYPES_MAX &&
        xdr_int32_t(&xdr, type);
    xdr_destroy(&xdr);
    return ok;
}

GByteArray *
remoteEncodeAuthPolkit(void)
{
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, 0);
    gint32 complete = 1;

    return remoteEncodeEnd(&xdr, bytes, xdr_int32_t(&xdr, &complete));
}

static bool
remoteAuthParam(XDR *xdr, const char *field, guint32 type)
{
    char *name = (char *)field;

    return xdr_string(xdr, &name, VIR_TYPED_PARAM_FIELD_LENGTH) && xdr_uint32_t(xdr, &type);
}

static bool
remoteAuthULLong(XDR *xdr, const char *field, guint64 value)
{
    return remoteAuthParam(xdr, field, VIR_TYPED_PARAM_ULLONG) && xdr_uint64_t(xdr, &value);
}

static bool
remoteAuthLLong(XDR *xdr, const char *field, gint64 value)
{
    return remoteAuthParam(xdr, field, VIR_TYPED_PARAM_LLONG) && xdr_int64_t(xdr, &value);
}

static bool
remoteAuthString(XDR *xdr, const char *field, const char *value)
{
    char *text = (char *)value;

    return remoteAuthParam(xdr, field, VIR_TYPED_PARAM_STRING) &&
        xdr_string(xdr, &text, REMOTE_STRING_MAX);
}

GByteArray *
remoteEncodeIdentity(const remoteIdentity *identity)
{
    const char *context = identity->selinuxContext;
    XDR xdr;
    GByteArray *bytes = remoteEncodeStart(&xdr, REMOTE_AUTH_IDENTITY_ROOM +
                                          (context ? strlen(context) : 0));
    guint32 count = context ? 5 : 4;
    guint32 flags = 0;
    bool ok;

    ok = xdr_uint32_t(&xdr, &count) &&
        remoteAuthULLong(&xdr, VIR_CONNECT_IDENTITY_UNIX_USER_ID, identity->userId) &&
        remoteAuthULLong(&xdr, VIR_CONNECT_IDENTITY_UNIX_GROUP_ID, identity->groupId) &&
        remoteAuthLLong(&xdr, VIR_CONNECT_IDENTITY_PROCESS_ID, identity->processId) &&
        remoteAuthULLong(&xdr, VIR_CONNECT_IDENTITY_PROCESS_TIME, identity->processTime) &&
        (!context ||
         remoteAuthString(&xdr, VIR_CONNECT_IDENTITY_SELINUX_CONTEXT, context)) &&
        xdr_uint32_t(&xdr, &flags);
    return remoteEncodeEnd(&xdr, bytes, ok);
}
