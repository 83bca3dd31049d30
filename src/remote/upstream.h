/*
 * upstream.h: a connection to libvirt's own daemon
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _vbUpstream vbUpstream;
typedef struct _vbUpstreamRequest vbUpstreamRequest;

/* @fd: (transfer full): a non-blocking socket; -1 and @error (transfer none) on failure */
typedef void (*vbUpstreamFunc)(int fd, const GError *error, gpointer opaque);

/**
 * vbUpstreamNew:
 * @directory: where libvirt's sockets are
 * @spawn: start libvirt's session daemon where none answers, as libvirt's client library does
 */
vbUpstream *
vbUpstreamNew(const char *directory, bool spawn);

/* All requests must be over. */
void
vbUpstreamFree(vbUpstream *upstream);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbUpstream, vbUpstreamFree)

/**
 * vbUpstreamConnect:
 * @readonly: to the read-only socket
 * @spare: (transfer full): a descriptor that is closed just before the connection needs one, so
 *     that nobody else takes its place
 *
 * Calls @func once, never from within this call.  Tries libvirtd's socket, then virtqemud's.
 */
vbUpstreamRequest *
vbUpstreamConnect(vbUpstream *upstream, bool readonly, int spare, vbUpstreamFunc func,
                  gpointer opaque);

/* @func is not called any more. */
void
vbUpstreamRequestCancel(vbUpstreamRequest *request);
