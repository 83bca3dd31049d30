/*
 * remote_codec.h: the arguments and answers of the procedures that we read or make
 *
 * XDR by libtirpc, the library that libvirt itself uses, so that what libvirtd can decode we can
 * decode and the other way round.  As there, bytes behind the arguments are ignored.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "remote_protocol.h"

typedef struct {
    char *name;
    guint8 uuid[16];
    gint32 id;
} remoteNonnullDomain;

void
remoteNonnullDomainClear(remoteNonnullDomain *dom);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteNonnullDomain, remoteNonnullDomainClear)

/**
 * remoteArgsWant:
 * @layout: what the arguments are made of, a letter each: 'd' domain, 's' string, 'o' string
 *     that may be absent, 'l' 64 bit, 'u' 32 bit
 * @bytes: the first @have bytes of them
 *
 * How many bytes must be here before more can be said: never more than the arguments have.  Once
 * they are complete, or cannot be arguments at all, @have.
 */
size_t
remoteArgsWant(const char *layout, const guint8 *bytes, size_t have);

/* @flags: may be NULL, for DOMAIN_SET_MEMORY, which has none. */
bool
remoteDecodeSetMemory(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                      guint64 *memory, guint32 *flags);

/**
 * remoteDecodeDomainString:
 * @text: (out): free() it
 * @flags: may be NULL, for what has none
 *
 * The arguments of many procedures: of the raw monitor commands and of those that attach.
 */
bool
remoteDecodeDomainString(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                         char **text, guint32 *flags);

/* The domain that the arguments of a procedure begin with. */
bool
remoteDecodeDomain(const guint8 *bytes, size_t length, remoteNonnullDomain *dom);

/* Arguments: (transfer full). */
GByteArray *
remoteEncodeDomain(const remoteNonnullDomain *dom);

GByteArray *
remoteEncodeDomainFlags(const remoteNonnullDomain *dom, guint32 flags);

GByteArray *
remoteEncodeMonitorCommand(const remoteNonnullDomain *dom, const char *command, guint32 flags);

/**
 * remoteDecodeString:
 * @textLength: (out): bytes in the string
 *
 * Returns: (nullable): the string that an answer consists of, borrowed from @bytes and without a
 * NUL behind it: documents are large
 */
const char *
remoteDecodeString(const guint8 *bytes, size_t length, size_t *textLength);

/* Answers: (transfer full), or NULL and false if @bytes are none. */
char **
remoteDecodeMessages(const guint8 *bytes, size_t length);

bool
remoteDecodeInt(const guint8 *bytes, size_t length, gint32 *value);

/* The two numbers of a remote_error. */
bool
remoteDecodeError(const guint8 *bytes, size_t length, gint32 *code, gint32 *domain);

/**
 * remoteEncodeError:
 * @code: a VIR_ERR_... that has a prefix here (see remote_codec.c)
 * @domain: a VIR_FROM_...
 * @text: behind the prefix
 *
 * Returns: (transfer full): a remote_error as libvirtd makes it of virReportError(@code, "%s",
 * @text)
 */
GByteArray *
remoteEncodeError(gint32 code, gint32 domain, const char *text);
