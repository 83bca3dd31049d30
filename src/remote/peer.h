/*
 * peer.h: who is at the other end of a client's socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;
    uid_t uid;
    gid_t gid;
    guint64 startTime;    /* of the process, in clock ticks since the machine's start; 0: unknown */
    char *selinuxContext; /* or NULL */
} vbPeer;

/**
 * vbPeerGet:
 * @fd: a connected UNIX socket
 * @peer: (out): numbers only, since a name service may take its time
 *
 * The kernel's word for it, of the time when the client connected; but the start time is that of
 * the process which has the number now.
 *
 * Returns: false if the kernel does not say
 */
bool
vbPeerGet(int fd, vbPeer *peer);

void
vbPeerClear(vbPeer *peer);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vbPeer, vbPeerClear)
