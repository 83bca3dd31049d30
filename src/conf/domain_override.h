/*
 * domain_override.h: a definition's overrides, for domain_conf.c
 *
 * What others read of them is in domain_conf.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <libxml/tree.h>

#include "domain_conf.h"

/* vbDomainDefFree() frees what this allocates. */
void
vbDomainOverridesInit(vbDomainDef *def);

/* Adds to @def what the element @override says. */
void
vbDomainOverridesParseXML(vbDomainDef *def, const xmlNode *override);
