/*
 * vbepoll.h: many file descriptors behind one GSource
 *
 * GLib polls its sources one by one; a relay has two descriptors for each client.  All of them
 * live in one epoll set that the main loop sees as a single source.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _vbEpoll vbEpoll;
typedef struct _vbEpollWatch vbEpollWatch;

/* @events: of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP; the last two come unasked */
typedef void (*vbEpollFunc)(guint32 events, gpointer opaque);

/* Attaches itself to the default main context. */
vbEpoll *
vbEpollNew(GError **error);

/* All watches must be gone. */
void
vbEpollFree(vbEpoll *epoll);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbEpoll, vbEpollFree)

/**
 * vbEpollAdd:
 * @fd: stays the caller's, and stays open until the watch is removed
 * @events: what to wait for; may be 0
 *
 * Returns: the watch; NULL if the kernel has no more room, errno set
 */
vbEpollWatch *
vbEpollAdd(vbEpoll *epoll, int fd, guint32 events, vbEpollFunc func, gpointer opaque);

/* Level-triggered; costs a system call only where something changes.  With 0 a hang-up is told once
 * at most, and told again when something is waited for. */
void
vbEpollWatchSet(vbEpollWatch *watch, guint32 events);

/* @func is never called again, even for events that have come already. */
void
vbEpollWatchRemove(vbEpollWatch *watch);
