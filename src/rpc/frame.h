/*
 * frame.h: one message of libvirt's RPC protocol on a byte stream
 *
 * The header as numbers, a captured message as an object, and a reader that takes a stream apart
 * however its bytes arrive.  No sockets here: bytes and descriptors are handed in and out, so the
 * same code runs in the daemon, in the tests and under a fuzzer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "remote_protocol.h"

typedef struct {
    guint32 length; /* of the whole message but its descriptors */
    guint32 program;
    guint32 version;
    gint32 procedure;
    guint32 type;
    guint32 serial;
    guint32 status;
    guint32 nfds; /* of the two types WITH_FDS, else 0 */
} vbFrameHeader;

/* A message that was taken off the stream. */
typedef struct {
    vbFrameHeader header;
    guint8 *payload;      /* as much of it as was asked for; NULL where that is nothing */
    size_t payloadLength;
    int *fds;             /* header.nfds of them, owned; -1 where they were taken away */
} vbFrame;

void
vbFrameFree(vbFrame *frame);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbFrame, vbFrameFree)

/* Bytes in front of the payload: 28, or 32 for the two types WITH_FDS. */
size_t
vbFrameHeaderGetSize(const vbFrameHeader *header);

/* Reads VB_FRAME_HEADER_SIZE bytes; the number of descriptors stands behind them. */
void
vbFrameHeaderRead(vbFrameHeader *header, const guint8 *bytes);

/* Writes vbFrameHeaderGetSize() bytes; @bytes has room for 32. */
void
vbFrameHeaderWrite(const vbFrameHeader *header, guint8 *bytes);

/**
 * vbFrameBuild:
 *
 * Returns: (transfer full): the bytes of a whole message without descriptors; header->length is
 * computed
 */
GByteArray *
vbFrameBuild(const vbFrameHeader *header, const guint8 *payload, size_t length);

typedef enum {
    VB_FRAME_ROUTE_PASS,    /* hand the bytes on while they arrive */
    VB_FRAME_ROUTE_CAPTURE, /* collect the message and hand it over when it is whole */
    VB_FRAME_ROUTE_HOLD,    /* not now: stop in front of this message and ask again later */
} vbFrameRoute;

/* What the owner of a stream does with what is on it.  None of these may free the reader. */
typedef struct {
    /* A header is complete. @available: how many bytes behind it are here already. */
    vbFrameRoute (*route)(const vbFrameHeader *header, size_t available, gpointer opaque);

    /* How much of a captured message's payload is wanted, judged by the @have bytes that are here:
     * no more than @have where that is all.  The rest is read and dropped. */
    size_t (*want)(const vbFrameHeader *header, const guint8 *payload, size_t have,
                   gpointer opaque);

    /* Bytes to hand on, and a descriptor to hand on (transfer full) with its one byte. */
    void (*pass)(const guint8 *bytes, size_t length, gpointer opaque);
    void (*passFd)(int fd, gpointer opaque);

    /* A passed message is over; the stream stands between two messages.  Its last bytes may not
     * have been handed on yet: vbFrameReaderFlush() before writing something behind it. */
    void (*passed)(const vbFrameHeader *header, gpointer opaque);

    /* (transfer full): a captured message is here whole. */
    void (*captured)(vbFrame *frame, gpointer opaque);
} vbFrameReaderOps;

typedef struct _vbFrameReader vbFrameReader;

typedef enum {
    VB_FRAME_READER_MORE,  /* everything was taken */
    VB_FRAME_READER_HELD,  /* a message is held: feed the rest again when it may go on */
    VB_FRAME_READER_ERROR, /* this is not libvirt's protocol, or memory ran out: close */
} vbFrameReaderResult;

vbFrameReader *
vbFrameReaderNew(const vbFrameReaderOps *ops, gpointer opaque);

void
vbFrameReaderFree(vbFrameReader *reader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbFrameReader, vbFrameReaderFree)

/**
 * vbFrameReaderFeed:
 * @bytes: what one recvmsg() brought
 * @fd: the descriptor that came with it, or -1.  The kernel ends a read behind the message that
 *     carried a descriptor, so it can only belong to the last byte of @bytes.  *@fd is -1 once it
 *     was taken.  Otherwise it stays the caller's: to be closed, or, with a result of HELD, to be
 *     fed again with the rest.
 * @consumed: (out): how many of @bytes were taken
 *
 * A held message is asked for again by feeding, be it nothing.
 */
vbFrameReaderResult
vbFrameReaderFeed(vbFrameReader *reader, const guint8 *bytes, size_t length, int *fd,
                  size_t *consumed);

/* Hands on what is to be passed and was kept back to be passed in one piece. */
void
vbFrameReaderFlush(vbFrameReader *reader);

/* Whether the stream stands between two messages (a half header or a held one counts as between:
 * nothing of it was handed on). */
bool
vbFrameReaderIsBetween(const vbFrameReader *reader);
