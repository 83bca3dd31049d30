/*
 * listening.h: the sockets on which libvirt's daemons and QEMU listen, as the kernel shows them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct {
    char *address; /* "/run/libvirt/libvirt-sock", "[::]:16509" */
    char *program; /* "libvirtd", "qemu-system-x86" */
    pid_t pid;
} vbListening;

/* Returns: (transfer full) (element-type vbListening): by address; of those processes that the
 * caller may look at. Of QEMU only monitors to which its command line gives an address. */
GPtrArray *
vbListeningFind(void);
