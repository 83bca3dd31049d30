/*
 * config.h: the daemon's configuration file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <sys/types.h>

#include "qemu_domain.h"

typedef enum {
    VB_CONFIG_AUTH_DEFAULT, /* as libvirt's daemon of the same kind; gone after vbConfigSettle() */
    VB_CONFIG_AUTH_NONE,
    VB_CONFIG_AUTH_POLKIT,
} vbConfigAuth;

typedef struct {
    qemuDomainSettings domain;  /* default_policy, qmp */
    vbConfigAuth auth;          /* auth */
    gboolean socketModeGiven;   /* otherwise socketMode follows auth */
    mode_t socketMode;          /* socket_mode */
    char *socketGroup;          /* socket_group, or NULL */
    unsigned int maxClients;    /* max_clients */
    unsigned int maxClientsPerUser; /* max_clients_per_user */
    unsigned int maxAnonymousClients; /* max_anonymous_clients */
    uid_t probeUid;             /* probe_user; 0: there is none, and no QEMU is run */
    gid_t probeGid;
} vbConfig;

/* Returns: (transfer full): what is in force where no file says otherwise */
vbConfig *
vbConfigNew(void);

void
vbConfigFree(vbConfig *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbConfig, vbConfigFree)

/**
 * vbConfigLoad:
 * @path: a GKeyFile
 * @optional: whether @path may be absent
 *
 * A key or a group that is not known is an error, so that a slip of the pen is not silently
 * without effect; the message names what may have been meant.
 *
 * Returns: (transfer full): the configuration; NULL and VB_ERROR_CONFIG, which names file, key,
 * value and what is accepted
 */
vbConfig *
vbConfigLoad(const char *path, gboolean optional, GError **error);

/**
 * vbConfigSettle:
 * @session: whether the daemon is a user's, where the defaults are others
 *
 * Gives what the file does not say its value, and looks whether all of it can be followed here.
 *
 * Returns: FALSE and VB_ERROR_CONFIG where it cannot
 */
gboolean
vbConfigSettle(vbConfig *config, gboolean session, GError **error);

/**
 * vbConfigCheckSocket:
 * @path: of a socket that is not read-only
 * @mode: of its file
 *
 * A socket that everybody may write to and where nobody is asked would make everybody root.
 *
 * Returns: FALSE and VB_ERROR_CONFIG for such a one
 */
gboolean
vbConfigCheckSocket(const vbConfig *config, const char *path, mode_t mode, GError **error);

/**
 * vbConfigTake:
 * @config: what is in force
 * @fresh: what was read again
 *
 * Puts in force what can change while the daemon runs.
 *
 * Returns: (transfer full): the other keys that differ, which wait for the next start; NULL if
 * there are none
 */
char *
vbConfigTake(vbConfig *config, const vbConfig *fresh);
