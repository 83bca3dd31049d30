/*
 * domain_memory.h: the element of a virtio-mem device, with another size for libvirt
 *
 * libvirt changes nothing of such a device but its <requested>, and compares all the rest: so the
 * element is kept as libvirt has written it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <libxml/tree.h>

#include "domain_conf.h"

/* Returns: (transfer full) (nullable): the text of an element; NULL if it cannot be written */
char *
vbDomainMemoryCopyXML(const xmlNode *memory);

/* Returns: (transfer full) (nullable): the element of @memory with @requested KiB; NULL where it
 * has no size that could be changed */
char *
vbDomainMemoryDefFormat(const vbDomainMemoryDef *memory, unsigned long long requested);
