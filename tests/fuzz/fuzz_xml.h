/*
 * fuzz_xml.h: trees of documents held against each other
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "vbxml.h"

/* In document order. */
static inline xmlNode *
fuzzNextElement(const xmlNode *node)
{
    xmlNode *next = xmlFirstElementChild((xmlNode *)node);

    while (!next && node && node->type == XML_ELEMENT_NODE) {
        next = xmlNextElementSibling((xmlNode *)node);
        node = node->parent;
    }
    return next;
}

/* The text from *@node on up to the next node that is none, which is *@node then. */
static inline char *
fuzzTakeText(const xmlNode **node, bool squeeze)
{
    GString *text = g_string_new(NULL);

    for (; *node && ((*node)->type == XML_TEXT_NODE || (*node)->type == XML_CDATA_SECTION_NODE);
         *node = (*node)->next) {
        for (const char *p = (const char *)(*node)->content; p && *p; p++) {
            if (!squeeze || !g_ascii_isspace(*p))
                g_string_append_c(text, *p);
        }
    }
    return g_string_free(text, FALSE);
}

static inline bool
fuzzNsIsEqual(const xmlNs *a, const xmlNs *b)
{
    return !a == !b && (!a || (xmlStrEqual(a->href, b->href) && xmlStrEqual(a->prefix, b->prefix)));
}

static inline bool
fuzzAttrsAreEqual(const xmlNode *a, const xmlNode *b)
{
    const xmlAttr *left = a->properties;
    const xmlAttr *right = b->properties;

    for (; left && right; left = left->next, right = right->next) {
        g_autofree char *leftValue = (char *)xmlNodeGetContent((const xmlNode *)left);
        g_autofree char *rightValue = (char *)xmlNodeGetContent((const xmlNode *)right);

        if (!xmlStrEqual(left->name, right->name) || !fuzzNsIsEqual(left->ns, right->ns) ||
            strcmp(leftValue, rightValue) != 0)
            return false;
    }
    return !left && !right;
}

/* @loose: (element-type xmlNode): elements in which white space does not count */
static inline bool
fuzzTreesAreEqual(const xmlNode *a, const xmlNode *b, GHashTable *loose)
{
    bool squeeze = g_hash_table_contains(loose, a) || g_hash_table_contains(loose, b);
    const xmlNode *left = a->children;
    const xmlNode *right = b->children;

    if (a->type != b->type || !xmlStrEqual(a->name, b->name))
        return false;
    if (a->type != XML_ELEMENT_NODE)
        return xmlStrEqual(a->content, b->content);
    if (!fuzzNsIsEqual(a->ns, b->ns) || !fuzzAttrsAreEqual(a, b))
        return false;
    for (;;) {
        g_autofree char *leftText = fuzzTakeText(&left, squeeze);
        g_autofree char *rightText = fuzzTakeText(&right, squeeze);

        if (strcmp(leftText, rightText) != 0 || !left != !right)
            return false;
        if (!left)
            return true;
        if (!fuzzTreesAreEqual(left, right, loose))
            return false;
        left = left->next;
        right = right->next;
    }
}
