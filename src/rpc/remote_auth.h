/*
 * remote_auth.h: how a client proves who it is, and how libvirt's daemon is told
 *
 * AUTH_LIST and AUTH_POLKIT, of which we play the daemon's side towards clients, and
 * CONNECT_SET_IDENTITY, which we send.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "remote_protocol.h"

/* What CONNECT_SET_IDENTITY takes of us (virtypedparam names VIR_CONNECT_IDENTITY_...). */
typedef struct {
    guint64 userId;
    guint64 groupId;
    gint64 processId;
    guint64 processTime; /* clock ticks since the machine's start */
    const char *selinuxContext; /* or NULL */
} remoteIdentity;

/* Returns: (transfer full): the answer of AUTH_LIST that names @type alone, as libvirtd's does */
GByteArray *
remoteEncodeAuthTypes(remoteAuth type);

/* @type: (out): the first one of an answer of AUTH_LIST */
bool
remoteDecodeAuthTypes(const guint8 *bytes, size_t length, gint32 *type);

/* Returns: (transfer full): the answer of AUTH_POLKIT to a client that may go on */
GByteArray *
remoteEncodeAuthPolkit(void);

/* Returns: (transfer full): the arguments of CONNECT_SET_IDENTITY, with flags 0 */
GByteArray *
remoteEncodeIdentity(const remoteIdentity *identity);
