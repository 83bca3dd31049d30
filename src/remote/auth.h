/*
 * auth.h: a client that has to prove who it is, before anything is done for it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "polkit.h"
#include "vbepoll.h"

typedef struct _vbAuth vbAuth;

/* @ok: whether the client may go on. It may not where it has gone, or speaks another protocol. */
typedef void (*vbAuthFunc)(bool ok, gpointer opaque);

/* The client was not let in, but may try again: for the log. */
typedef void (*vbAuthDeniedFunc)(const char *reason, gpointer opaque);

/**
 * vbAuthNew:
 * @fd: the client's socket, non-blocking; stays the caller's, and nothing is read of it that
 *     stands behind the call by which the client got in
 * @peer: borrowed
 * @readonly: which of libvirt's two actions polkit is asked about
 * @func: called once, from the main loop; it may free the vbAuth
 *
 * Returns: NULL if the kernel has no more room
 */
vbAuth *
vbAuthNew(vbEpoll *epoll, vbPolkit *polkit, int fd, const vbPeer *peer, bool readonly,
          vbAuthFunc func, vbAuthDeniedFunc denied, gpointer opaque);

/* Neither function is called any more. */
void
vbAuthFree(vbAuth *auth);
