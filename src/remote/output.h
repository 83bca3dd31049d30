/*
 * output.h: what still has to be written to one socket
 *
 * Bytes go straight to the socket while it takes them; only what it does not take is copied.  A
 * descriptor goes with a byte of its own, in a message of its own, in its place among the bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/uio.h>

typedef struct _vbOutput vbOutput;

/* @fd: a socket, non-blocking; stays the caller's */
vbOutput *
vbOutputNew(int fd);

void
vbOutputFree(vbOutput *output);

/* They return false when the peer is gone or memory ran out: the connection is over. */
bool
vbOutputSend(vbOutput *output, const guint8 *bytes, size_t length);

/* What lies in several places goes in one piece, for which its reader wakes up once. */
bool
vbOutputSendParts(vbOutput *output, const struct iovec *parts, size_t count);

/* @fd: (transfer full) */
bool
vbOutputSendFd(vbOutput *output, int fd);

/* Writes what waits. Returns false as above. */
bool
vbOutputFlush(vbOutput *output);

/* Bytes that wait; 0 where the socket took everything. */
size_t
vbOutputGetPending(const vbOutput *output);
