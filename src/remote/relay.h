/*
 * relay.h: one client, one connection to libvirt's daemon, and what goes between them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "domain_queue.h"
#include "journal.h"
#include "peer.h"
#include "prober.h"
#include "qemu_driver.h"
#include "vbepoll.h"

/* What all relays of a daemon share; borrowed by each. */
typedef struct {
    vbEpoll *epoll;
    vbDomainQueue *queue;
    vbJournal *journal;
    vbProber *prober;
    qemuDriverRecent *recent;
    qemuDomainSettings settings;
    bool introduces; /* libvirt's daemon sees us where it would see the client, and is told */
} vbRelayShared;

typedef struct _vbRelay vbRelay;

/* The relay is over and frees itself; its owner forgets it. */
typedef void (*vbRelayClosedFunc)(vbRelay *relay, gpointer opaque);

/**
 * vbRelayNew:
 * @client: (transfer full): socket of the client, non-blocking
 * @upstream: (transfer full): socket of libvirt's daemon, non-blocking; or -1
 * @failure: where @upstream is -1: why, which is what the client's calls are answered with, since a
 *     connection that just ends tells it nothing
 * @readonly: whether @upstream is a read-only socket, where libvirt refuses every change itself
 * @peer: copied
 *
 * Returns: the relay, which lives until @closed was called; NULL if the kernel has no room for it
 */
vbRelay *
vbRelayNew(const vbRelayShared *shared, int client, int upstream, const char *failure,
           bool readonly, const vbPeer *peer, vbRelayClosedFunc closed, gpointer opaque);

/* Ends the relay at once; @closed is called. */
void
vbRelayClose(vbRelay *relay);
