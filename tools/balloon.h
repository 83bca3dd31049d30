/*
 * balloon.h: moving the balloon of one running guest
 *
 * For the verbs that change something: they move a balloon away and back again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "guest.h"

typedef struct _vbBalloon vbBalloon;

/**
 * vbBalloonOpen:
 * @name: of the domain; NULL with '--qmp'
 * @timeout: seconds that the guest may stand still on its way to a size
 * @status: (out): what to exit with where the answer is NULL, after a message
 *
 * The state of the guest is found out, by its monitor too.  From here on SIGINT and its like only
 * make vbBalloonIsInterrupted() true, once: a second one ends the program.
 *
 * Returns: (transfer full) (nullable): the balloon of a guest that runs and has one
 */
vbBalloon *
vbBalloonOpen(const vbTool *tool, char *name, int timeout, vbExit *status);

void
vbBalloonFree(vbBalloon *balloon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbBalloon, vbBalloonFree)

/* The guest as it was found. */
const vbGuest *
vbBalloonGetGuest(const vbBalloon *balloon);

/* "domain 'db'", "QEMU 'alone'" */
const char *
vbBalloonGetTitle(const vbBalloon *balloon);

bool
vbBalloonIsInterrupted(void);

/* Whether it was ever asked to move. */
bool
vbBalloonIsMoved(const vbBalloon *balloon);

/* Of the host's memory; KiB. Returns false after a message. */
bool
vbBalloonGetResident(vbBalloon *balloon, unsigned long long *resident);

/**
 * vbBalloonGetAvailable:
 * @available: (out): KiB that the guest's host can give out without swapping; of a host that is
 *     not this one what is free, since nothing tells more
 *
 * Returns: false after a message
 */
bool
vbBalloonGetAvailable(vbBalloon *balloon, unsigned long long *available);

/**
 * vbBalloonMove:
 * @target: what the balloon is to leave the guest, KiB; multiple of 4
 * @interruptible: whether a signal ends the waiting
 * @reached: (out): what it leaves the guest now
 *
 * Waits until the guest is there, and shows on a terminal how far it is.
 *
 * Returns: false after a message where libvirt or QEMU refuses, or where the guest stands still
 */
bool
vbBalloonMove(vbBalloon *balloon, unsigned long long target, bool interruptible,
              unsigned long long *reached);
