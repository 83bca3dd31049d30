/*
 * guests.h: many guests at once
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "guest.h"

/**
 * vbGuestsFind:
 * @all: whether inactive domains count, where none is named
 * @names: @count names or UUIDs; those domains alone are meant
 * @status: (out): what to exit with where the answer is NULL, after a message
 *
 * Returns: (transfer full) (nullable) (element-type virDomain): the domains
 */
GPtrArray *
vbGuestsFind(virConnectPtr conn, bool all, char **names, int count, vbExit *status);

/**
 * vbGuestsInspect:
 * @domains: as vbGuestsFind() gives them
 * @ask: whether each QEMU is asked, which taints its domain
 *
 * Some at a time.  A QEMU that has stopped may keep libvirt waiting for ever, and then so many
 * other calls with it: what is not known after some seconds without any answer stays unknown.
 * That a guest's resident memory is not known spoils nothing else.
 *
 * Returns: (transfer full) (element-type vbGuest): the guests in the order of their names; NULL
 * where libvirt has gone, after a message
 */
GPtrArray *
vbGuestsInspect(virConnectPtr conn, const GPtrArray *domains, bool ask);

/**
 * vbGuestAskMonitor:
 * @path: of the monitor's socket
 * @monitor: (out) (transfer full): the conversation, to be gone on with; also without a guest
 *
 * Returns: (transfer full) (nullable): the one guest of a monitor; NULL after a message
 */
vbGuest *
vbGuestAskMonitor(const char *path, vbMonitor **monitor);

/* The same as a list, without the conversation. */
GPtrArray *
vbGuestsAskMonitor(const char *path);
