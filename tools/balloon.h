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

/* Of both verbs: seconds that a guest may stand still on its way to a size, if nobody says else. */
#define VB_BALLOON_TIMEOUT 60

/**
 * vbBalloonOpen:
 * @argv: @argc words: the verb, and what is left behind its options, which must be one domain; none
 *     with '--qmp'
 * @timeout: in seconds, as it was given
 * @status: (out): what to exit with where the answer is NULL, after a message
 *
 * The state of the guest is found out, by its monitor too.  From here on SIGINT and its like only
 * end the waiting of vbBalloonMove(), once: a second one ends the program.
 *
 * Returns: (transfer full) (nullable): the balloon of a guest that runs and has one
 */
vbBalloon *
vbBalloonOpen(const vbTool *tool, int argc, char **argv, int timeout, vbExit *status);

void
vbBalloonFree(vbBalloon *balloon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbBalloon, vbBalloonFree)

/* The guest as it was found. */
const vbGuest *
vbBalloonGetGuest(const vbBalloon *balloon);

/* "domain 'db'", "QEMU 'alone'" */
const char *
vbBalloonGetTitle(const vbBalloon *balloon);

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
 * Returns: false after a message where libvirt or QEMU refuses, where the guest stands still, or
 * after a signal
 */
bool
vbBalloonMove(vbBalloon *balloon, unsigned long long target, bool interruptible,
              unsigned long long *reached);
