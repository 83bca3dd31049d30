/*
 * activation.h: what the service manager hands over at start, and what it is told
 *
 * Built without libsystemd, nothing is handed over and nothing is told.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

typedef struct {
    int fd;
    gboolean readonly;
} vbActivationSocket;

typedef struct _vbActivation vbActivation;

/**
 * vbActivationNew:
 *
 * Takes the sockets of LISTEN_FDS over, which are told apart by LISTEN_FDNAMES: the names of the
 * units virtballoond.socket and virtballoond-ro.socket. Programs that we start see none of it.
 *
 * Returns: NULL and an error where something was handed over that is none of these
 */
vbActivation *
vbActivationNew(GError **error);

/* Ends the watchdog. Closes no descriptor. */
void
vbActivationFree(vbActivation *activation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbActivation, vbActivationFree)

/* Returns: (element-type vbActivationSocket): without elements where we make our own sockets */
const GArray *
vbActivationGetSockets(const vbActivation *activation);

/* We serve: from now on, and again after vbActivationReloading(). Begins to feed the watchdog, from
 * the main loop, so that a loop that hangs is noticed. */
void
vbActivationReady(vbActivation *activation);

void
vbActivationReloading(vbActivation *activation);

void
vbActivationStopping(vbActivation *activation);
