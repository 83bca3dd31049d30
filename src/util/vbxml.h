/*
 * vbxml.h: reading XML that may be hostile, and libvirt's way with what is in it
 *
 * The parser keeps libxml2's own limits, looks at nothing outside the text and prints nothing.  A
 * document type declaration is refused where it starts, before entities or attribute defaults can
 * make a small text large: so every attribute here has one value, in one piece.
 *
 * Elements are found by hand, not by XPath: a request pays for one parse and no query language.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* KiB. libvirt refuses sizes from here on, so that their bytes fit a long long. */
#define VB_XML_SIZE_LIMIT (1ULL << 53)

/**
 * vbXMLParse:
 * @xml: in UTF-8; what it declares to be in is only followed where libvirt follows it; need not end
 *     in a NUL
 * @error: VB_ERROR_XML, with the line of the first thing wrong; VB_ERROR_UNREAD for a document
 *     type, an element with thousands of attributes, tens of thousands of names, hundreds of
 *     namespaces in one place, or another encoding that is not followed
 */
xmlDoc *
vbXMLParse(const char *xml, size_t length, GError **error);

/* Whether @root, which may be NULL, is called @name: in whatever namespace, as libvirt has it. */
bool
vbXMLRootIs(const xmlNode *root, const char *name);

/* Whether @node is the element @name in the namespace @ns, or in none where that is NULL. */
bool
vbXMLNodeIs(const xmlNode *node, const char *name, const char *ns);

/* The first child element @name without namespace, or NULL; @node may be NULL, so calls nest. */
const xmlNode *
vbXMLChild(const xmlNode *node, const char *name);

/* The value of the first attribute @name, owned by the tree, or NULL; @node as above.  In whatever
 * namespace, as libvirt reads attributes (9.0, tried): what it takes for a PCI device must not be
 * something else here. */
const char *
vbXMLProp(const xmlNode *node, const char *name);

/* The same of an attribute without a namespace: what is ours is nobody else's. */
const char *
vbXMLPlainProp(const xmlNode *node, const char *name);

bool
vbXMLPropIs(const xmlNode *node, const char *name, const char *value);

/* The text of @node and all below, as XPath's string(); NULL where it is empty, as in libvirt. */
char *
vbXMLText(const xmlNode *node);

/* As libvirt's virStrToLong_ullp(): blanks in front are fine, anything behind is not. */
bool
vbXMLParseUnsigned(const char *text, int base, unsigned long long max, unsigned long long *value);

/**
 * vbXMLParseSize:
 * @node: the element that the size belongs to, with its 'unit'
 * @text: the number
 * @error: VB_ERROR_XML
 *
 * As libvirt's virDomainParseMemory(), seen with 9.0: KiB where there is no unit, the result
 * rounded up to KiB, VB_XML_SIZE_LIMIT and more refused.
 */
bool
vbXMLParseSize(const xmlNode *node, const char *text, unsigned long long *kib, GError **error);

/* Sets @error (VB_ERROR_XML) to @problem with @text at @node. @text may be anything. */
void
vbXMLReport(const xmlNode *node, const char *problem, const char *text, GError **error);
