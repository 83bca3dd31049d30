/*
 * listener.h: the daemon's sockets and the clients on them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "config.h"
#include "polkit.h"
#include "relay.h"
#include "upstream.h"

typedef struct _vbListener vbListener;

/**
 * vbListenerNew:
 * @config: @shared: @polkit: @upstream: borrowed
 *
 * Without sockets yet.
 */
vbListener *
vbListenerNew(const vbConfig *config, const vbRelayShared *shared, vbPolkit *polkit,
              vbUpstream *upstream);

/**
 * vbListenerAdd:
 * @directory: is made if it is not there
 * @name: of the socket
 * @readonly: whether its clients go to libvirt's read-only socket
 *
 * A socket file that nobody listens on any more is replaced; one that somebody listens on is an
 * error.
 */
gboolean
vbListenerAdd(vbListener *listener, const char *directory, const char *name, gboolean readonly,
              GError **error);

/**
 * vbListenerTake:
 * @fd: (transfer full): listens already, non-blocking; its file, mode and group are the affair of
 *     who made it
 * @readonly: as above
 */
gboolean
vbListenerTake(vbListener *listener, int fd, gboolean readonly, GError **error);

/* For how many microseconds there has been no client; -1 while there is one. */
gint64
vbListenerGetIdle(const vbListener *listener);

/* Ends all connections and removes the socket files that are ours. */
void
vbListenerFree(vbListener *listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbListener, vbListenerFree)
