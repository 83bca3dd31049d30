/*
 * front.h: where virtballoond and libvirt's daemon listen, one in front of the other
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "systemd.h"
#include "tool.h"

/* Root's alone: packaging/front says so to systemd. */
#define VB_FRONT_UPSTREAM_DIR "/run/virtballoond-upstream"

typedef struct {
    const char *daemon; /* the name of libvirt's */
    const char *path;   /* where its clients look for it, read-only ones with "-ro" behind it */
} vbFrontKind;

#define VB_FRONT_KINDS 2
extern const vbFrontKind vbFrontKinds[VB_FRONT_KINDS];

/* The units that have a drop-in; '%s' is the daemon. */
#define VB_FRONT_LINKS 6
extern const char *const vbFrontLinks[VB_FRONT_LINKS];

#define VB_FRONT_INSTALLED VB_DATADIR "/virt-balloon/front"
#define VB_FRONT_UNITS "/etc/systemd/system"
/* Behind what an administrator calls his own. */
#define VB_FRONT_NAME "zz-virt-balloon-front.conf"

/* How it is on this host. */
typedef struct {
    const vbFrontKind *kind; /* NULL: systemd has no socket of libvirt's daemon in use */
    guint linked;            /* how many of the drop-ins count */
    bool listens;            /* what systemd holds is as the drop-ins say */
    GPtrArray *units;        /* of vbSystemdUnit: of the daemon, its sockets and virtballoond's */
} vbFront;

/* Returns: (transfer full) (nullable): NULL after a message */
vbFront *
vbFrontNew(void);

void
vbFrontFree(vbFront *front);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbFront, vbFrontFree)

/* Returns: (transfer full): @format with the daemon's name for its '%s', if it has one */
char *
vbFrontFormat(const vbFrontKind *kind, const char *format);

/* Returns: (transfer full): the directory of an administrator's drop-ins of a unit */
char *
vbFrontGetDirectory(const vbFrontKind *kind, const char *format);

/* Whether the drop-in of a unit counts. */
bool
vbFrontIsLinked(const vbFrontKind *kind, const char *format);

/* Finds out anew how it is. */
bool
vbFrontLook(vbFront *front, GError **error);

/* Whether virtballoond is in front of libvirt's daemon. */
bool
vbFrontIs(const vbFront *front);

/* Returns: (nullable): the unit with this name, '%s' in it being the daemon's */
const vbSystemdUnit *
vbFrontFindUnit(const vbFront *front, const char *format);

/* The state, and who listens where that leads past virtballoond. */
vbExit
vbFrontStatus(const vbTool *tool, const vbFront *front);

/* Puts virtballoond in front of libvirt's daemon, checks that libvirt answers there, and otherwise
 * puts everything back. */
vbExit
vbFrontEnable(vbFront *front);

vbExit
vbFrontDisable(vbFront *front);

/* The same where no systemd runs that would have to be told. */
vbExit
vbFrontDisableOffline(void);
