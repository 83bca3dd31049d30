/*
 * qemu_command.h: what a user writes of ballooning, as what libvirt stores and QEMU is given
 *
 * The opt-out of a mediated device is QEMU's property 'x-balloon-allowed', which libvirt puts on
 * QEMU's command line from <qemu:override>, by the device's alias; the policy is metadata.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

/* The alias of a mediated device that we opt out is this and its UUID. */
#define QEMU_COMMAND_ALIAS_PREFIX "ua-vb-"

/**
 * qemuCommandMakeAlias:
 * @text: a UUID, as libvirt reads it
 *
 * Returns: (transfer full) (nullable): the alias, NULL where @text is none
 */
char *
qemuCommandMakeAlias(const char *text);

/* Whether the attributes of a text need a look before libvirt gets it. */
bool
qemuCommandMayBeOurs(const char *xml, size_t length);

/**
 * qemuCommandStoreAttributes:
 * @text: a domain, or a document with domains in it, as a user writes it
 * @prune: whether opt-outs of ours go whose devices are gone
 * @optsOut: (out): whether a device of it is to be opted out
 * @stored: (out) (transfer full): the same as libvirt stores it; NULL where that is @text
 * @error: VB_ERROR_XML, VB_ERROR_UNSUPPORTED; also where our attributes are in a text that cannot
 *     be edited.  XML that cannot be read is no error: libvirt words it
 */
bool
qemuCommandStoreAttributes(const char *text, size_t length, bool prune, bool *optsOut,
                           char **stored, GError **error);

/* The same of a device: neither attribute can be stored in it, both are only cut out. */
bool
qemuCommandStoreDeviceAttributes(const char *text, size_t length, bool *optsOut, char **stored,
                                 GError **error);

/**
 * qemuCommandShowAttributes:
 * @text: what libvirt has stored
 *
 * Returns: (transfer full) (nullable): the same with the attributes that are in force; NULL where
 * there are none, or they cannot be shown
 */
char *
qemuCommandShowAttributes(const char *text, size_t length, size_t *shownLength);

/**
 * qemuCommandAddDevice:
 * @text: a domain's definition
 * @device: a device's
 *
 * Returns: (transfer full) (nullable): @text with @device as its last device
 */
char *
qemuCommandAddDevice(const char *text, size_t length, const char *device, size_t deviceLength);
