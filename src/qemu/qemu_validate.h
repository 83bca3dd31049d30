/*
 * qemu_validate.h: what a document may ask of ballooning, and what neither libvirt nor QEMU can do
 *
 * Pure: definitions in, an error or none out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

/* libvirt applies <qemu:override> from here on; older ones drop it silently. */
#define QEMU_VALIDATE_LIBVIRT_OVERRIDE 8002000ULL

/**
 * qemuValidateAttributes:
 * @def: of a domain, or of a device on its own
 * @error: VB_ERROR_XML for a value that there is none, VB_ERROR_UNSUPPORTED for what cannot work
 *
 * Whether everything that @def says of ballooning can be done as far as the document tells.
 */
bool
qemuValidateAttributes(const vbDomainDef *def, GError **error);

/* Whether the policy that @def has in its metadata is one; @error: VB_ERROR_XML. One that is none
 * is kept, because a domain that has it must be possible to define again, and counts as 'block'. */
bool
qemuValidateStoredPolicy(const vbDomainDef *def, GError **error);

/* Whether QEMU would take an opt-out of @hostdev, a device of @def. */
bool
qemuValidateCanBeOptedOut(const vbDomainDef *def, const vbDomainHostdevDef *hostdev);

/* Whether a device is to be opted out that is in @def. */
bool
qemuValidateHasOptOut(const vbDomainDef *def);

/**
 * qemuValidateLibvirt:
 * @version: as virConnectGetLibVersion() says it
 * @error: VB_ERROR_UNSUPPORTED
 *
 * Whether this libvirt passes the opt-out on to QEMU.
 */
bool
qemuValidateLibvirt(unsigned long long version, GError **error);

/* Whether @emulator has the property; @error: VB_ERROR_UNSUPPORTED. */
bool
qemuValidateEmulator(const char *emulator, bool hasProperty, GError **error);

/* Sets @error (VB_ERROR_UNSUPPORTED): a device of @device is to be plugged into the running domain
 * @name with an opt-out. */
void
qemuValidateReportHotplug(const vbDomainDef *device, const char *name, GError **error);

/* Sets @error (VB_ERROR_UNSUPPORTED): libvirt would read @device as an attachment, and not in a
 * domain's definition. */
void
qemuValidateReportUnread(const vbDomainDef *device, GError **error);

/* Sets @error (VB_ERROR_UNSUPPORTED): @hostdev cannot be given an alias. */
void
qemuValidateReportPlaces(const vbDomainHostdevDef *hostdev, GError **error);

/**
 * qemuValidatePolicyElement:
 * @element: what virDomainSetMetadata() is to put into our namespace
 * @error: VB_ERROR_XML
 *
 * Whether it says a policy.  What is no XML at all is left to libvirt.
 */
bool
qemuValidatePolicyElement(const char *element, size_t length, GError **error);
