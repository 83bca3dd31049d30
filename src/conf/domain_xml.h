/*
 * domain_xml.h: how the text of a <domain> is edited
 *
 * libvirt does not know our two attributes and drops them, so what a user writes is stored in
 * places that it does keep: the policy in <metadata>, a device's properties in <qemu:override>.
 * Here is the text of a document on its way between the two forms.  Which device may have what
 * property is not decided here.
 *
 * A document is a domain, or something that has domains inside (a snapshot, a checkpoint), or a
 * device on its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "vbmarkup.h"

#define VB_DOMAIN_POLICY_ATTRIBUTE "policy"
#define VB_DOMAIN_BALLOONING_ATTRIBUTE "ballooning"

typedef struct {
    xmlDoc *doc;
    vbMarkup *markup;
    GPtrArray *domains; /* of const xmlNode: <domain> and <inactiveDomain> elements */
} vbDomainXML;

/**
 * vbDomainXMLNew:
 * @text: borrowed
 * @error: VB_ERROR_XML, VB_ERROR_UNREAD, VB_ERROR_SYSTEM
 */
vbDomainXML *
vbDomainXMLNew(const char *text, size_t length, GError **error);

void
vbDomainXMLFree(vbDomainXML *xml);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbDomainXML, vbDomainXMLFree)

/* Whether a text could have an attribute of ours: looked for in its bytes, so that a document
 * without any is never parsed for it. */
bool
vbDomainXMLMayHaveAttributes(const char *xml, size_t length);

/* Whether a text could have something that is shown as an attribute of ours. */
bool
vbDomainXMLMayShowAttributes(const char *xml, size_t length);

/* Returns: (transfer container): the <hostdev> elements of a domain, in the order in which its
 * definition has those that are no interfaces */
GPtrArray *
vbDomainXMLListHostdevs(const xmlNode *domain);

/* Cuts the attribute @name out of @node, if it is there. */
void
vbDomainXMLCutAttribute(vbDomainXML *xml, const xmlNode *node, const char *name);

/* Cuts the attribute 'policy' out of every <memballoon> of @domain. */
void
vbDomainXMLCutPolicy(vbDomainXML *xml, const xmlNode *domain);

/* Shows @policy as attribute of the first <memballoon> of @domain. */
void
vbDomainXMLShowPolicy(vbDomainXML *xml, const xmlNode *domain, vbDomainBalloonPolicy policy);

/* Makes @policy, which is not INVALID, that of @domain in its metadata; DEFAULT removes. */
void
vbDomainXMLSetPolicy(vbDomainXML *xml, const xmlNode *domain, vbDomainBalloonPolicy policy);

/* Gives a device the alias @alias, which must need no quoting, or none where that is NULL. */
void
vbDomainXMLSetAlias(vbDomainXML *xml, const xmlNode *device, const char *alias);

/**
 * vbDomainXMLSetOverrides:
 * @property: of QEMU, a bool
 * @on: (element-type utf8): aliases that are to have it overridden as true
 * @off: (element-type utf8): a set of aliases that are to have no override of it
 *
 * Elements that are left with nothing in them go, too.
 */
void
vbDomainXMLSetOverrides(vbDomainXML *xml, const xmlNode *domain, const char *property,
                        const GPtrArray *on, GHashTable *off);
