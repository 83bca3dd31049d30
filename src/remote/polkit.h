/*
 * polkit.h: polkit is asked whether a process may do something
 *
 * Over the system bus, which is not connected to before somebody has to be asked about.  By sd-bus,
 * which needs no thread; without libsystemd nobody can be asked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "peer.h"
#include "vbepoll.h"

typedef struct _vbPolkit vbPolkit;
typedef struct _vbPolkitRequest vbPolkitRequest;

/* @code: 0 if it may; otherwise that, @domain and @text are what libvirtd says in this place */
typedef void (*vbPolkitFunc)(gint32 code, gint32 domain, const char *text, gpointer opaque);

/* @epoll: borrowed. @address: of the bus; NULL: the system's */
vbPolkit *
vbPolkitNew(vbEpoll *epoll, const char *address);

/* All requests must have been answered or cancelled. */
void
vbPolkitFree(vbPolkit *polkit);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbPolkit, vbPolkitFree)

/**
 * vbPolkitCheck:
 * @action: such as "org.libvirt.unix.manage"
 * @peer: the subject: pid, startTime and uid of it
 *
 * Whoever is there may be asked for a password, so it can take any time; who waits no longer
 * cancels.
 *
 * Returns: the request, which is gone when @func is called; that is never from within this call
 */
vbPolkitRequest *
vbPolkitCheck(vbPolkit *polkit, const char *action, const vbPeer *peer, vbPolkitFunc func,
              gpointer opaque);

/* @func will not be called, and polkit stops asking. */
void
vbPolkitRequestCancel(vbPolkitRequest *request);
