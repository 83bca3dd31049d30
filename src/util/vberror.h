/*
 * vberror.h: the error domain of virt-balloon's own failures
 *
 * Errors that answer a libvirt client carry libvirt's numbers and are no GError: see
 * rpc/remote_codec.h.  These here are for whoever runs the programs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

#define VB_ERROR (vbErrorQuark())

typedef enum {
    VB_ERROR_XML,         /* a document that cannot be read */
    VB_ERROR_UNREAD,      /* a document that libvirt would read and we do not */
    VB_ERROR_UNSUPPORTED, /* what a document asks for and neither libvirt nor QEMU can do */
    VB_ERROR_CONFIG,      /* a configuration file or an option that cannot be followed */
    VB_ERROR_PROTOCOL,    /* a peer that does not speak libvirt's protocol */
    VB_ERROR_SYSTEM,      /* the operating system said no */
} vbError;

GQuark
vbErrorQuark(void);
