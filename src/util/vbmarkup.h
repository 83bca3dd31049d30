/*
 * vbmarkup.h: where in an XML text its elements and attributes lie, and cutting at those places
 *
 * libxml2 says what a document means but not where in the text it says so.  A small tokenizer finds
 * the byte positions, in step with libxml2's tree of the same text: every element, attribute and
 * value must be the same to both, in the same order, or there are no positions at all and nothing
 * is edited.  Bytes that no edit names stay as they were.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>

/* Offsets into the text. */
typedef struct {
    size_t start;    /* of the name */
    size_t value;    /* of the value, behind its quote */
    size_t valueEnd; /* at the closing quote */
} vbMarkupAttr;

typedef struct {
    size_t start;      /* at '<' */
    size_t nameEnd;    /* behind the name in the start tag */
    size_t tagEnd;     /* behind the start tag, or behind all of an empty-element tag */
    size_t contentEnd; /* at the end tag; of an empty-element tag: tagEnd */
    size_t end;        /* behind all of it */
} vbMarkupElement;

typedef struct _vbMarkup vbMarkup;

/**
 * vbMarkupNew:
 * @text: what @doc was parsed from, UTF-8 and without a document type; borrowed
 * @doc: borrowed; its nodes' _private members are used
 * @error: VB_ERROR_XML where the two do not agree, VB_ERROR_SYSTEM
 */
vbMarkup *
vbMarkupNew(const char *text, size_t length, xmlDoc *doc, GError **error);

void
vbMarkupFree(vbMarkup *markup);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbMarkup, vbMarkupFree)

/* Of an element of the document. */
const vbMarkupElement *
vbMarkupGetElement(const xmlNode *node);

/* Of an attribute of the document that is no declaration of a namespace. */
const vbMarkupAttr *
vbMarkupGetAttr(const xmlAttr *attr);

/* The name of @node as it is written, with its prefix; @length: (out) */
const char *
vbMarkupGetName(const vbMarkup *markup, const xmlNode *node, size_t *length);

/* Edits to come.  Those at one place take effect in the order in which they were asked for; one
 * inside another's cut text has no effect. */

void
vbMarkupCut(vbMarkup *markup, size_t start, size_t end);

/* Takes @insert. */
void
vbMarkupReplace(vbMarkup *markup, size_t start, size_t end, char *insert);

/* Cuts an element with the white space in front of it. */
void
vbMarkupCutElement(vbMarkup *markup, const xmlNode *node);

/* Cuts an attribute with the white space in front of it. */
void
vbMarkupCutAttr(vbMarkup *markup, const xmlAttr *attr);

/* Adds an attribute behind all others. @value: must need no quoting. */
void
vbMarkupAddAttr(vbMarkup *markup, const xmlNode *node, const char *name, const char *value);

/* Adds @content as the last of what is in @node. */
void
vbMarkupAppend(vbMarkup *markup, const xmlNode *node, const char *content);

bool
vbMarkupIsEdited(const vbMarkup *markup);

/* Returns: (transfer full): the edited text with a NUL behind it; NULL if memory ran out */
char *
vbMarkupApply(const vbMarkup *markup, size_t *length);
