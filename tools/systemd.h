/*
 * systemd.h: units of the service manager, asked and told by systemctl
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *name;
    bool loaded;           /* there is such a unit, and it is not masked */
    bool active;
    bool failed;
    bool enabled;
    GPtrArray *listen;     /* of strings: where a socket listens, such as "/run/x-sock" or
                              "[::]:16509" */
    GPtrArray *dependents; /* of strings: the units that end with it */
    char *mode;            /* of a socket: "0666" */
    char *user;
    char *group;
} vbSystemdUnit;

/* Whether systemd is this host's service manager. */
bool
vbSystemdIsRunning(void);

/**
 * vbSystemdShow:
 * @names: (array zero-terminated=1): of units; a pattern stands for all that are loaded
 *
 * Returns: (transfer full) (nullable) (element-type vbSystemdUnit): what there is of them
 */
GPtrArray *
vbSystemdShow(const char *const *names, GError **error);

/**
 * vbSystemdDo:
 * @verb: "start", "stop", "reset-failed" or "daemon-reload"
 * @names: (element-type utf8) (nullable): of units; where there are none nothing is done
 *
 * Returns: whether it was done, and has come to its end
 */
bool
vbSystemdDo(const char *verb, const GPtrArray *names, GError **error);
