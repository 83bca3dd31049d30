/*
 * vbmarkup.c: where in an XML text its elements and attributes lie, and cutting at those places
 *
 * The tokenizer knows no more of XML than it takes to find tags in a document that libxml2 has
 * read without an error.  It keeps nothing but the positions, in memory of the size that the tree
 * tells beforehand, and follows the tree instead of a stack of its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbmarkup.h"

#include <string.h>

#include "vberror.h"

typedef struct {
    size_t start;
    size_t end;
    size_t number; /* in the order of asking */
    char *insert;  /* or NULL */
} vbMarkupEdit;

/* What is to be added at the end of an element. */
typedef struct {
    const xmlNode *node;
    GString *content;
} vbMarkupContent;

struct _vbMarkup {
    const char *text;
    size_t length;
    vbMarkupElement *elements;
    vbMarkupAttr *attrs;
    GPtrArray *edits;    /* of vbMarkupEdit */
    GPtrArray *contents; /* of vbMarkupContent */
    GHashTable *contentOf; /* xmlNode -> vbMarkupContent */
};

/* Where the tokenizer stands, in the text and in the tree. */
typedef struct {
    vbMarkup *markup;
    const char *p;
    const char *end;
    xmlDoc *doc;
    xmlNode *open; /* the innermost element that has not ended, or NULL */
    xmlNode *last; /* what ended last in it, or NULL */
    size_t elements;
    size_t attrs;
} vbMarkupScan;

static void
vbMarkupEditFree(vbMarkupEdit *edit)
{
    g_free(edit->insert);
    g_free(edit);
}

static void
vbMarkupContentFree(vbMarkupContent *content)
{
    g_string_free(content->content, TRUE);
    g_free(content);
}

void
vbMarkupFree(vbMarkup *markup)
{
    if (!markup)
        return;
    g_free(markup->elements);
    g_free(markup->attrs);
    g_ptr_array_unref(markup->edits);
    g_hash_table_unref(markup->contentOf);
    g_ptr_array_unref(markup->contents);
    g_free(markup);
}

static bool
vbMarkupIsSpace(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t
vbMarkupAt(const vbMarkupScan *scan, const char *p)
{
    return (size_t)(p - scan->markup->text);
}

static void
vbMarkupSkipSpace(vbMarkupScan *scan)
{
    while (scan->p < scan->end && vbMarkupIsSpace(*scan->p))
        scan->p++;
}

static bool
vbMarkupSkip(vbMarkupScan *scan, const char *token)
{
    size_t length = strlen(token);

    if ((size_t)(scan->end - scan->p) < length || memcmp(scan->p, token, length) != 0)
        return false;
    scan->p += length;
    return true;
}

/* To behind the next @token. */
static bool
vbMarkupSkipTo(vbMarkupScan *scan, const char *token)
{
    const char *found = memmem(scan->p, (size_t)(scan->end - scan->p), token, strlen(token));

    if (!found)
        return false;
    scan->p = found + strlen(token);
    return true;
}

/* Behind a name, which ends where XML lets one end. */
static size_t
vbMarkupSkipName(vbMarkupScan *scan)
{
    const char *start = scan->p;

    while (scan->p < scan->end && !vbMarkupIsSpace(*scan->p) && !strchr("=/><'\"", *scan->p))
        scan->p++;
    return (size_t)(scan->p - start);
}

static bool
vbMarkupNameIs(const char *name, size_t length, const xmlNs *ns, const xmlChar *local)
{
    const char *prefix = ns ? (const char *)ns->prefix : NULL;
    size_t before = prefix ? strlen(prefix) + 1 : 0;

    if (length != before + strlen((const char *)local))
        return false;
    if (prefix && (memcmp(name, prefix, before - 1) != 0 || name[before - 1] != ':'))
        return false;
    return memcmp(name + before, local, length - before) == 0;
}

/* Takes one character off a raw value as it counts in the value: references stand for what they
 * name, white space for a space.  Returns its bytes in @out, 0 if there is no sense in it. */
static size_t
vbMarkupTakeChar(const char **p, const char *end, char *out)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {
        { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&apos;", '\'' }, { "&quot;", '"' },
    };
    guint64 code = 0;
    char *stop = NULL;
    bool hex;

    if (**p == '\r' && *p + 1 < end && (*p)[1] == '\n')
        (*p)++;
    if (**p != '&') {
        *out = vbMarkupIsSpace(**p) ? ' ' : **p;
        (*p)++;
        return 1;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
        size_t length = strlen(entities[i].name);

        if ((size_t)(end - *p) >= length && memcmp(*p, entities[i].name, length) == 0) {
            *p += length;
            *out = entities[i].c;
            return 1;
        }
    }
    if (end - *p < 4 || (*p)[1] != '#')
        return 0;
    hex = (*p)[2] == 'x';
    *p += hex ? 3 : 2;
    /* Ends at the closing quote at the latest. */
    code = g_ascii_strtoull(*p, &stop, hex ? 16 : 10);
    if (stop == *p || *stop != ';' || code == 0 || code > 0x10ffff)
        return 0;
    *p = stop + 1;
    return (size_t)g_unichar_to_utf8((gunichar)code, out);
}

static bool
vbMarkupValueIs(const char *p, const char *end, const xmlAttr *attr)
{
    const char *value = attr->children ? (const char *)attr->children->content : NULL;

    if (!value)
        value = "";
    while (p < end) {
        char bytes[6];
        size_t length = vbMarkupTakeChar(&p, end, bytes);

        if (length == 0 || strncmp(value, bytes, length) != 0)
            return false;
        value += length;
    }
    return *value == '\0';
}

/* The attributes of a start tag, up to its end. */
static bool
vbMarkupScanAttrs(vbMarkupScan *scan, const xmlNode *node)
{
    xmlAttr *next = node->properties;

    for (;;) {
        const char *name;
        const char *value;
        size_t length;
        char quote;
        vbMarkupAttr *attr;

        vbMarkupSkipSpace(scan);
        if (scan->p == scan->end)
            return false;
        if (*scan->p == '/' || *scan->p == '>')
            return !next;

        name = scan->p;
        length = vbMarkupSkipName(scan);
        vbMarkupSkipSpace(scan);
        if (length == 0 || !vbMarkupSkip(scan, "="))
            return false;
        vbMarkupSkipSpace(scan);
        if (scan->p == scan->end || (*scan->p != '\'' && *scan->p != '"'))
            return false;
        quote = *scan->p++;
        value = scan->p;
        scan->p = memchr(value, quote, (size_t)(scan->end - value));
        if (!scan->p)
            return false;

        if ((length == 5 && memcmp(name, "xmlns", 5) == 0) ||
            (length > 5 && memcmp(name, "xmlns:", 6) == 0)) {
            scan->p++;
            continue;
        }
        if (!next || !vbMarkupNameIs(name, length, next->ns, next->name) ||
            !vbMarkupValueIs(value, scan->p, next))
            return false;

        attr = &scan->markup->attrs[scan->attrs++];
        attr->start = vbMarkupAt(scan, name);
        attr->value = vbMarkupAt(scan, value);
        attr->valueEnd = vbMarkupAt(scan, scan->p++);
        next->_private = attr;
        next = next->next;
    }
}

/* The element that must come next in the tree. */
static xmlNode *
vbMarkupExpect(const vbMarkupScan *scan)
{
    if (scan->last)
        return xmlNextElementSibling(scan->last);
    return scan->open ? xmlFirstElementChild(scan->open) : xmlDocGetRootElement(scan->doc);
}

static bool
vbMarkupScanStart(vbMarkupScan *scan)
{
    xmlNode *node = vbMarkupExpect(scan);
    const char *start = scan->p - 1;
    const char *name = scan->p;
    size_t length = vbMarkupSkipName(scan);
    vbMarkupElement *element;
    bool empty;

    if (!node || !vbMarkupNameIs(name, length, node->ns, node->name))
        return false;
    element = &scan->markup->elements[scan->elements++];
    element->start = vbMarkupAt(scan, start);
    element->nameEnd = vbMarkupAt(scan, scan->p);
    if (!vbMarkupScanAttrs(scan, node))
        return false;
    empty = vbMarkupSkip(scan, "/");
    if (!vbMarkupSkip(scan, ">"))
        return false;
    element->tagEnd = element->contentEnd = element->end = vbMarkupAt(scan, scan->p);
    node->_private = element;

    if (empty && xmlFirstElementChild(node))
        return false;
    scan->open = empty ? scan->open : node;
    scan->last = empty ? node : NULL;
    return true;
}

static bool
vbMarkupScanEnd(vbMarkupScan *scan)
{
    xmlNode *node = scan->open;
    size_t start = vbMarkupAt(scan, scan->p) - 2;
    const char *name = scan->p;
    size_t length = vbMarkupSkipName(scan);
    vbMarkupElement *element;

    if (!node || vbMarkupExpect(scan) || !vbMarkupNameIs(name, length, node->ns, node->name))
        return false;
    vbMarkupSkipSpace(scan);
    if (!vbMarkupSkip(scan, ">"))
        return false;
    element = node->_private;
    element->contentEnd = start;
    element->end = vbMarkupAt(scan, scan->p);
    scan->last = node;
    scan->open = node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
    return true;
}

static bool
vbMarkupScanDocument(vbMarkupScan *scan)
{
    while (scan->p < scan->end) {
        const char *tag = memchr(scan->p, '<', (size_t)(scan->end - scan->p));
        bool ok;

        if (!tag)
            break;
        scan->p = tag + 1;
        if (vbMarkupSkip(scan, "!--"))
            ok = vbMarkupSkipTo(scan, "-->");
        else if (vbMarkupSkip(scan, "![CDATA["))
            ok = scan->open && vbMarkupSkipTo(scan, "]]>");
        else if (vbMarkupSkip(scan, "?"))
            ok = vbMarkupSkipTo(scan, "?>");
        else if (vbMarkupSkip(scan, "/"))
            ok = vbMarkupScanEnd(scan);
        else
            ok = vbMarkupScanStart(scan);
        if (!ok)
            return false;
    }
    return !scan->open && scan->last;
}

/* In document order, without recursion: a document may be deep. */
static const xmlNode *
vbMarkupNext(const xmlNode *node, const xmlNode *root)
{
    const xmlNode *next = xmlFirstElementChild((xmlNode *)node);

    while (!next && node != root) {
        next = xmlNextElementSibling((xmlNode *)node);
        node = node->parent;
    }
    return next;
}

/* What another encoding means matters only where there is more than ASCII. */
static bool
vbMarkupIsUTF8(const char *text, size_t length, const xmlDoc *doc)
{
    if (!doc->encoding || g_ascii_strcasecmp((const char *)doc->encoding, "UTF-8") == 0)
        return true;
    for (size_t i = 0; i < length; i++) {
        if ((guchar)text[i] >= 0x80)
            return false;
    }
    return true;
}

vbMarkup *
vbMarkupNew(const char *text, size_t length, xmlDoc *doc, GError **error)
{
    g_autoptr(vbMarkup) markup = g_new0(vbMarkup, 1);
    vbMarkupScan scan = { .markup = markup, .p = text, .end = text + length, .doc = doc };
    const xmlNode *root = xmlDocGetRootElement(doc);
    size_t elements = 0;
    size_t attrs = 0;

    markup->text = text;
    markup->length = length;
    markup->edits = g_ptr_array_new_with_free_func((GDestroyNotify)vbMarkupEditFree);
    markup->contents = g_ptr_array_new_with_free_func((GDestroyNotify)vbMarkupContentFree);
    markup->contentOf = g_hash_table_new(NULL, NULL);

    for (const xmlNode *node = root; node; node = vbMarkupNext(node, root)) {
        elements++;
        for (const xmlAttr *attr = node->properties; attr; attr = attr->next)
            attrs++;
    }
    markup->elements = g_try_new0(vbMarkupElement, elements);
    markup->attrs = g_try_new0(vbMarkupAttr, attrs + 1);
    if (!markup->elements || !markup->attrs) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    if (!vbMarkupIsUTF8(text, length, doc) || !vbMarkupScanDocument(&scan)) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "the document is not written in plain UTF-8");
        return NULL;
    }
    return g_steal_pointer(&markup);
}

const vbMarkupElement *
vbMarkupGetElement(const xmlNode *node)
{
    return node->_private;
}

const vbMarkupAttr *
vbMarkupGetAttr(const xmlAttr *attr)
{
    return attr->_private;
}

const char *
vbMarkupGetName(const vbMarkup *markup, const xmlNode *node, size_t *length)
{
    const vbMarkupElement *element = vbMarkupGetElement(node);

    *length = element->nameEnd - element->start - 1;
    return markup->text + element->start + 1;
}

static void
vbMarkupEditAdd(GPtrArray *edits, size_t start, size_t end, char *insert)
{
    vbMarkupEdit *edit = g_new0(vbMarkupEdit, 1);

    edit->start = start;
    edit->end = end;
    edit->number = edits->len;
    edit->insert = insert;
    g_ptr_array_add(edits, edit);
}

void
vbMarkupCut(vbMarkup *markup, size_t start, size_t end)
{
    vbMarkupEditAdd(markup->edits, start, end, NULL);
}

void
vbMarkupReplace(vbMarkup *markup, size_t start, size_t end, char *insert)
{
    vbMarkupEditAdd(markup->edits, start, end, insert);
}

static size_t
vbMarkupBeforeSpace(const vbMarkup *markup, size_t at)
{
    while (at > 0 && vbMarkupIsSpace(markup->text[at - 1]))
        at--;
    return at;
}

void
vbMarkupCutElement(vbMarkup *markup, const xmlNode *node)
{
    const vbMarkupElement *element = vbMarkupGetElement(node);
    size_t start = vbMarkupBeforeSpace(markup, element->start);

    /* What lies on both sides must not become "]]>", which no text may have in it. */
    vbMarkupReplace(markup, start, element->end,
                    start > 0 && markup->text[start - 1] == ']' ? g_strdup(" ") : NULL);
}

void
vbMarkupCutAttr(vbMarkup *markup, const xmlAttr *attr)
{
    const vbMarkupAttr *place = vbMarkupGetAttr(attr);

    vbMarkupCut(markup, vbMarkupBeforeSpace(markup, place->start), place->valueEnd + 1);
}

/* Behind the last attribute, declarations of namespaces included: in front of the white space that
 * stands before the end of the tag. */
void
vbMarkupAddAttr(vbMarkup *markup, const xmlNode *node, const char *name, const char *value)
{
    const vbMarkupElement *element = vbMarkupGetElement(node);
    size_t at = element->tagEnd - 1;

    if (markup->text[at - 1] == '/')
        at--;
    at = vbMarkupBeforeSpace(markup, at);
    vbMarkupReplace(markup, at, at, g_strdup_printf(" %s='%s'", name, value));
}

void
vbMarkupAppend(vbMarkup *markup, const xmlNode *node, const char *content)
{
    vbMarkupContent *added = g_hash_table_lookup(markup->contentOf, node);

    if (!added) {
        added = g_new0(vbMarkupContent, 1);
        added->node = node;
        added->content = g_string_new(NULL);
        g_ptr_array_add(markup->contents, added);
        g_hash_table_insert(markup->contentOf, (gpointer)node, added);
    }
    g_string_append(added->content, content);
}

bool
vbMarkupIsEdited(const vbMarkup *markup)
{
    return markup->edits->len + markup->contents->len > 0;
}

/* What is inserted at a place stands before what is cut there. */
static int
vbMarkupCompare(const void *a, const void *b)
{
    const vbMarkupEdit *left = *(vbMarkupEdit *const *)a;
    const vbMarkupEdit *right = *(vbMarkupEdit *const *)b;
    bool leftCuts = left->end > left->start;
    bool rightCuts = right->end > right->start;

    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (leftCuts != rightCuts)
        return leftCuts ? 1 : -1;
    return left->number < right->number ? -1 : 1;
}

/* The edit that writes @content into its element. */
static void
vbMarkupEditAddContent(GPtrArray *edits, const vbMarkup *markup, const vbMarkupContent *content)
{
    const vbMarkupElement *element = vbMarkupGetElement(content->node);
    const char *text = content->content->str;

    if (element->end == element->tagEnd) {
        size_t length;
        const char *name = vbMarkupGetName(markup, content->node, &length);

        vbMarkupEditAdd(edits, element->tagEnd - 2, element->tagEnd,
                        g_strdup_printf(">%s</%.*s>", text, (int)length, name));
    } else {
        vbMarkupEditAdd(edits, element->contentEnd, element->contentEnd, g_strdup(text));
    }
}

char *
vbMarkupApply(const vbMarkup *markup, size_t *length)
{
    g_autoptr(GPtrArray) edits = g_ptr_array_new();
    g_autoptr(GPtrArray) contents =
        g_ptr_array_new_with_free_func((GDestroyNotify)vbMarkupEditFree);
    size_t size = markup->length + 1;
    size_t at = 0;
    char *result;
    char *out;

    for (guint i = 0; i < markup->contents->len; i++)
        vbMarkupEditAddContent(contents, markup, g_ptr_array_index(markup->contents, i));
    g_ptr_array_extend(edits, markup->edits, NULL, NULL);
    g_ptr_array_extend(edits, contents, NULL, NULL);
    g_ptr_array_sort(edits, vbMarkupCompare);

    for (guint i = 0; i < edits->len; i++) {
        const vbMarkupEdit *edit = g_ptr_array_index(edits, i);

        size += edit->insert ? strlen(edit->insert) : 0;
    }
    result = out = g_try_malloc(size);
    if (!result)
        return NULL;

    for (guint i = 0; i < edits->len; i++) {
        const vbMarkupEdit *edit = g_ptr_array_index(edits, i);

        if (edit->start < at)
            continue;
        out = mempcpy(out, markup->text + at, edit->start - at);
        if (edit->insert)
            out = mempcpy(out, edit->insert, strlen(edit->insert));
        at = edit->end;
    }
    out = mempcpy(out, markup->text + at, markup->length - at);
    *out = '\0';
    *length = (size_t)(out - result);
    return result;
}
