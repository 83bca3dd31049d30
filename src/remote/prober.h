/*
 * prober.h: QEMU binaries are asked what they can do
 *
 * A binary is run only if nobody but root could have put it where it is, as a user who has no
 * rights, one at a time, and for some seconds at most.  What it says is remembered until it
 * changes; that it could not be asked, for a minute.
 *
 * The caller ignores SIGPIPE.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include "qemu_capabilities.h"

typedef struct _vbProber vbProber;
typedef struct _vbProberRequest vbProberRequest;

/* What tests make smaller. */
typedef struct {
    unsigned int answerMsec; /* in which a binary must have said everything */
    unsigned int failedMsec; /* for which a failure is remembered */
    uid_t owner;             /* whose binaries are run */
    const char *top;         /* directories above this one are not looked at */
} vbProberLimits;

/* A binary has 10 s, a failure lasts 60 s, only root's are run, every directory is looked at. */
#define VB_PROBER_LIMITS { 10000, 60000, 0, "/" }

/* @caps is NULL if nothing is known; it is borrowed, and @func may take a reference. */
typedef void (*vbProberFunc)(qemuCaps *caps, gpointer opaque);

/**
 * vbProberNew:
 * @uid: who a binary is run as if we are root; with 0 none is run then.  It stays our own user
 *     if we are not root
 * @gid: likewise
 * @limits: copied
 */
vbProber *
vbProberNew(uid_t uid, gid_t gid, const vbProberLimits *limits);

/* All requests must have been answered or cancelled. A binary that runs is killed. */
void
vbProberFree(vbProber *prober);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbProber, vbProberFree)

/**
 * vbProberAsk:
 * @path: of a binary that libvirt's capabilities list, never of one that only a client names
 * @func: called once from the main loop, never from inside this function; it may ask again, and
 *     must not free @prober
 *
 * Returns: the request, which is gone when @func is called
 */
vbProberRequest *
vbProberAsk(vbProber *prober, const char *path, vbProberFunc func, gpointer opaque);

/* @func will not be called. What has been begun is still finished and remembered. */
void
vbProberRequestCancel(vbProberRequest *request);
