/*
 * monitor.h: a conversation with QEMU's monitor, without libvirt
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "tool.h"

typedef struct _vbMonitor vbMonitor;

/**
 * vbMonitorOpen:
 * @path: of a UNIX socket where QEMU speaks QMP
 * @error: VB_ERROR_SYSTEM where there is no QEMU, VB_ERROR_PROTOCOL where it is none that speaks;
 *     as all of these functions
 *
 * The conversation has a deadline from here on, until the balloon is first moved; then each
 * question has its own.  QEMU speaks to one client at a time: where another one is there already
 * nothing comes.
 */
vbMonitor *
vbMonitorOpen(const char *path, GError **error);

void
vbMonitorFree(vbMonitor *monitor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbMonitor, vbMonitorFree)

/* Returns: (transfer full): the answer to a QMP command, as virDomainQemuMonitorCommand() gives it;
 * QEMU's own error is an answer, too */
char *
vbMonitorAsk(vbMonitor *monitor, const char *command, GError **error);

/**
 * vbMonitorQuery:
 * @command: the name of a command that needs no arguments
 * @value: (out) (transfer full): what it returns; NULL where QEMU answers with an error of its own
 *
 * Returns: false and @error where there is no answer
 */
bool
vbMonitorQuery(vbMonitor *monitor, const char *command, json_object **value, GError **error);

/* Returns: whether @object has a member @name that is a number of bytes or the like */
bool
vbMonitorGetNumber(json_object *object, const char *name, guint64 *value);

/* What the balloon leaves the guest; bytes, as QEMU has them. */
bool
vbMonitorGetBalloon(vbMonitor *monitor, guint64 *actual, GError **error);

/* @target: bytes */
bool
vbMonitorSetBalloon(vbMonitor *monitor, guint64 target, GError **error);

/**
 * vbMonitorGetResident:
 * @resident: (out): KiB of the host's memory that QEMU has, without huge pages
 *
 * Returns: false where QEMU's process is not to be seen from here
 */
bool
vbMonitorGetResident(vbMonitor *monitor, unsigned long long *resident);
