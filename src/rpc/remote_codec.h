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

#include "remote_args.h"
#include "remote_protocol.h"

typedef struct {
    char *name;
    guint8 uuid[16];
    gint32 id;
} remoteNonnullDomain;

void
remoteNonnullDomainClear(remoteNonnullDomain *dom);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteNonnullDomain, remoteNonnullDomainClear)

typedef struct {
    char *name;
    guint8 uuid[16];
} remoteNonnullNetwork;

void
remoteNonnullNetworkClear(remoteNonnullNetwork *network);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteNonnullNetwork, remoteNonnullNetworkClear)

/* The arguments of DOMAIN_SET_METADATA behind the domain; strings may be NULL. */
typedef struct {
    gint32 type;
    char *text;
    char *key;
    char *uri;
    guint32 flags;
} remoteMetadata;

/* Of what was decoded. */
void
remoteMetadataClear(remoteMetadata *metadata);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(remoteMetadata, remoteMetadataClear)

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

/* A string and a domain; free() the string. */
bool
remoteDecodeStringDomain(const guint8 *bytes, size_t length, char **text,
                         remoteNonnullDomain *dom);

/* The domain that the arguments of a procedure begin with. */
bool
remoteDecodeDomain(const guint8 *bytes, size_t length, remoteNonnullDomain *dom);

bool
remoteDecodeSetMetadata(const guint8 *bytes, size_t length, remoteNonnullDomain *dom,
                        remoteMetadata *metadata);

/* Arguments: (transfer full). */
GByteArray *
remoteEncodeDomain(const remoteNonnullDomain *dom);

GByteArray *
remoteEncodeDomainFlags(const remoteNonnullDomain *dom, guint32 flags);

/* As remoteDecodeDomainString() reads them. */
GByteArray *
remoteEncodeDomainString(const remoteNonnullDomain *dom, const char *text, guint32 flags);

/* @flags: NULL for DOMAIN_SET_MEMORY, which has none. */
GByteArray *
remoteEncodeSetMemory(const remoteNonnullDomain *dom, guint64 memory, const guint32 *flags);

GByteArray *
remoteEncodeNetworkFlags(const remoteNonnullNetwork *network, guint32 flags);

GByteArray *
remoteEncodeSetMetadata(const remoteNonnullDomain *dom, const remoteMetadata *metadata);

/* Returns: (transfer full) (nullable): a string as an answer or argument, and @words words of 0
 * behind it; NULL if memory ran out */
guint8 *
remoteEncodeText(const char *text, size_t length, size_t words, size_t *size);

/**
 * remoteDecodeString:
 * @textLength: (out): bytes in the string
 *
 * Returns: (nullable): the string that an answer consists of, borrowed from @bytes and without a
 * NUL behind it: documents are large
 */
const char *
remoteDecodeString(const guint8 *bytes, size_t length, size_t *textLength);

/* Returns: (transfer full) (nullable): an answer of messages with one more; NULL where @bytes are
 * no such answer, or it has all that the protocol takes, or memory ran out */
guint8 *
remoteAddMessage(const guint8 *bytes, size_t length, const char *message, size_t *newLength);

/* Answers: (transfer full), or NULL and false if @bytes are none. */
char **
remoteDecodeMessages(const guint8 *bytes, size_t length);

bool
remoteDecodeNetwork(const guint8 *bytes, size_t length, remoteNonnullNetwork *network);

bool
remoteDecodeHyper(const guint8 *bytes, size_t length, guint64 *value);

bool
remoteDecodeInt(const guint8 *bytes, size_t length, gint32 *value);

/* The two numbers of a remote_error. */
bool
remoteDecodeError(const guint8 *bytes, size_t length, gint32 *code, gint32 *domain);

/* Returns: (transfer full) (nullable): the message of a remote_error, for which free() */
char *
remoteDecodeErrorText(const guint8 *bytes, size_t length);

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
