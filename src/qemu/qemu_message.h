/*
 * qemu_message.h: the sentences that a user reads when ballooning is inhibited
 *
 * One place for all wording, because what virsh prints on a refusal is the product.  libvirt's
 * manner: lower case, no final dot, names in quotes, sizes in KiB.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "qemu_inhibitor.h"
#include "qemu_redirect.h"

/* Returns: (transfer full): @name as it may stand in a message: UTF-8, on one line, not too long */
char *
qemuMessageFormatName(const char *name);

/* Says " 'hostdev0' (0000:07:00.0)": which one of its kind a device is. @alias and @address may be
 * NULL. */
void
qemuMessageAppendPlace(GString *text, const char *alias, const char *address);

/* Returns: (transfer full): "assigned PCI device 'hostdev0' (0000:07:00.0) and ..." */
char *
qemuMessageFormatInhibitors(const GPtrArray *inhibitors);

/* Returns: (transfer full): "vfio-pci:hostdev0,nvme": for programs */
char *
qemuMessageFormatKinds(const GPtrArray *inhibitors);

/* Returns: (transfer full): what to do about what inhibits */
char *
qemuMessageFormatAdvice(const GPtrArray *inhibitors);

/* Returns: (transfer full): why reducing the running guest to @memory KiB was refused */
char *
qemuMessageFormatShrinkRefused(const vbDomainDef *def, unsigned long long memory,
                               const GPtrArray *inhibitors);

/* The same of a guest whose policy is 'redirect' */
char *
qemuMessageFormatRedirectRefused(const vbDomainDef *def, unsigned long long memory,
                                 const GPtrArray *inhibitors);

/* Returns: (transfer full): why @memory KiB were refused, which neither the balloon nor virtio-mem
 * devices can give */
char *
qemuMessageFormatRedirectTooLarge(const vbDomainDef *def, unsigned long long memory);

/* Returns: (transfer full): which sizes can be asked for under 'redirect', and how far the guest is
 * from what it was asked for */
char *
qemuMessageFormatReach(const qemuRedirectReach *reach);

/**
 * qemuMessageFormatChangeFailed:
 * @name: of the domain
 * @memory: that was asked for
 * @change: one that was not made
 * @said: what libvirt says of it; NULL where that cannot be read
 * @changes: (element-type qemuRedirectChange): of which the first @made were made before it
 * @stuck: how many of those could not be taken back
 *
 * Returns: (transfer full): why @memory KiB were not reached
 */
char *
qemuMessageFormatChangeFailed(const char *name, unsigned long long memory,
                              const qemuRedirectChange *change, const char *said,
                              const GPtrArray *changes, guint made, guint stuck);

/* Returns: (transfer full): why @memory KiB were refused as the size for the next start */
char *
qemuMessageFormatConfigRefused(const vbDomainDef *def, unsigned long long memory,
                               const GPtrArray *inhibitors);

/* Returns: (transfer full): why a domain with less currentMemory than memory was not let @verb
 * ('define', 'start') */
char *
qemuMessageFormatStartRefused(const vbDomainDef *def, const char *verb,
                              const GPtrArray *inhibitors);

/* Returns: (transfer full): why a monitor command that may reduce the memory was refused */
char *
qemuMessageFormatCommandRefused(const vbDomainDef *def, const GPtrArray *inhibitors);

/* Returns: (transfer full): why attaching what inhibits (or, where that is empty, a device that
 * cannot be read) was refused while the balloon is inflated */
char *
qemuMessageFormatAttachRefused(const vbDomainDef *def, const GPtrArray *attached);

/* Returns: (transfer full): that a domain runs with its balloon @inflated by so many KiB while
 * something inhibits */
char *
qemuMessageFormatReport(const char *name, unsigned long long inflated, const GPtrArray *inhibitors);
