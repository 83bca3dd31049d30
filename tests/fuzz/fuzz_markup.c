/*
 * fuzz_markup.c: any text, and any edits of it
 *
 * The input is a text up to the first NUL, then what to edit.  Where libxml2 reads the text and
 * the tokenizer agrees, every position is looked at, and a second tree of the same text is edited
 * with libxml2's means: the edited text must be that tree.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fuzz_xml.h"
#include "vberror.h"
#include "vbmarkup.h"

/* Name as in "prefix:name". */
static char *
fuzzFormatName(const xmlNs *ns, const xmlChar *name)
{
    return ns && ns->prefix ? g_strdup_printf("%s:%s", ns->prefix, name) :
        g_strdup((const char *)name);
}

static bool
fuzzHas(const char *text, size_t length, size_t at, const char *part)
{
    return at <= length && length - at >= strlen(part) &&
        memcmp(text + at, part, strlen(part)) == 0;
}

/* libxml2 reads the same value out of the place on its own. */
static void
fuzzCheckValue(const char *text, const vbMarkupAttr *place, const xmlAttr *attr)
{
    g_autoptr(GString) alone = g_string_new("<a b=");
    g_autoptr(xmlDoc) doc = NULL;

    g_string_append_len(alone, text + place->value - 1,
                        (gssize)(place->valueEnd - place->value + 2));
    g_string_append(alone, "/>");
    doc = vbXMLParse(alone->str, alone->len, NULL);
    CHECK(doc);
    CHECK(g_strcmp0(vbXMLProp(xmlDocGetRootElement(doc), "b"),
                    attr->children ? (char *)attr->children->content : "") == 0);
}

static void
fuzzCheckAttrs(const char *text, size_t length, const xmlNode *node)
{
    const vbMarkupElement *element = vbMarkupGetElement(node);
    size_t before = element->nameEnd;

    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        const vbMarkupAttr *place = vbMarkupGetAttr(attr);
        g_autofree char *name = fuzzFormatName(attr->ns, attr->name);

        CHECK(place->start > before && place->valueEnd < element->tagEnd);
        CHECK(strchr(" \t\r\n", text[place->start - 1]));
        CHECK(fuzzHas(text, length, place->start, name));
        CHECK(place->value > place->start + strlen(name) && place->valueEnd >= place->value);
        CHECK(strchr("'\"", text[place->valueEnd]));
        CHECK(text[place->value - 1] == text[place->valueEnd]);
        CHECK(!memchr(text + place->value, text[place->valueEnd],
                      place->valueEnd - place->value));
        fuzzCheckValue(text, place, attr);
        before = place->valueEnd;
    }
}

static void
fuzzCheckElement(const char *text, size_t length, const vbMarkup *markup, const xmlNode *node)
{
    const vbMarkupElement *element = vbMarkupGetElement(node);
    g_autofree char *name = fuzzFormatName(node->ns, node->name);
    size_t nameLength;

    CHECK(element->end <= length && element->contentEnd <= element->end);
    CHECK(element->tagEnd <= element->contentEnd && element->nameEnd < element->tagEnd);
    CHECK(text[element->start] == '<' && text[element->tagEnd - 1] == '>');
    CHECK(text[element->end - 1] == '>');
    CHECK(vbMarkupGetName(markup, node, &nameLength) == text + element->start + 1);
    CHECK(nameLength == strlen(name) && fuzzHas(text, length, element->start + 1, name));
    CHECK(element->nameEnd == element->start + 1 + nameLength);
    if (element->end == element->tagEnd) {
        CHECK(text[element->tagEnd - 2] == '/' && !node->children);
    } else {
        CHECK(fuzzHas(text, length, element->contentEnd, "</"));
        CHECK(fuzzHas(text, length, element->contentEnd + 2, name));
    }

    if (node->parent->type == XML_ELEMENT_NODE) {
        const vbMarkupElement *parent = vbMarkupGetElement(node->parent);
        const xmlNode *previous = xmlPreviousElementSibling((xmlNode *)node);

        CHECK(element->end <= parent->contentEnd);
        CHECK(element->start >= (previous ? vbMarkupGetElement(previous)->end : parent->tagEnd));
    }
    fuzzCheckAttrs(text, length, node);
}

/* The text is edited, and so is the model. */
typedef struct {
    vbMarkup *markup;
    GPtrArray *nodes;  /* of xmlNode: of the text's tree */
    GPtrArray *models; /* of xmlNode: the same elements of the model */
    GHashTable *loose;
    GHashTable *replaced; /* of xmlAttr */
    guint added;
} fuzzEdits;

static xmlAttr *
fuzzPickAttr(const xmlNode *node, guint number)
{
    xmlAttr *attr = node->properties;

    while (attr && number-- > 0)
        attr = attr->next;
    return attr;
}

/* Asks for one edit; @later gets what may only be taken out of the model in the end, since others
 * may still come that are inside of it. */
static void
fuzzEdit(fuzzEdits *edits, const guint8 *script, GPtrArray *later)
{
    guint number = (guint)script[1] % edits->nodes->len;
    xmlNode *node = g_ptr_array_index(edits->nodes, number);
    xmlNode *model = g_ptr_array_index(edits->models, number);
    xmlAttr *attr = fuzzPickAttr(node, script[0] >> 4);
    xmlAttr *modelAttr = fuzzPickAttr(model, script[0] >> 4);
    g_autofree char *added = g_strdup_printf("fuzz%u", edits->added++);

    switch (script[0] % 5) {
    case 0:
        if (node->parent->type != XML_ELEMENT_NODE)
            break;
        vbMarkupCutElement(edits->markup, node);
        g_hash_table_add(edits->loose, model->parent);
        g_ptr_array_add(later, model);
        break;
    case 1:
        if (!attr)
            break;
        vbMarkupCutAttr(edits->markup, attr);
        g_ptr_array_add(later, modelAttr);
        break;
    case 2:
        if (!attr || !g_hash_table_add(edits->replaced, attr))
            break;
        vbMarkupReplace(edits->markup, vbMarkupGetAttr(attr)->value,
                        vbMarkupGetAttr(attr)->valueEnd, g_strdup(added));
        xmlFreeNodeList(modelAttr->children);
        modelAttr->children = modelAttr->last = xmlNewText((xmlChar *)added);
        modelAttr->children->parent = (xmlNode *)modelAttr;
        break;
    case 3:
        if (vbXMLProp(node, added))
            break;
        vbMarkupAddAttr(edits->markup, node, added, "x");
        xmlNewProp(model, (xmlChar *)added, (const xmlChar *)"x");
        break;
    case 4:
    default: {
        g_autofree char *element = g_strdup_printf("<%s xmlns=''/>", added);

        vbMarkupAppend(edits->markup, node, element);
        xmlAddChild(model, xmlNewNode(NULL, (xmlChar *)added));
        break;
    }
    }
}

static void
fuzzApply(const fuzzEdits *edits, xmlDoc *model, const char *text, size_t length)
{
    g_autofree char *result = NULL;
    g_autofree char *exact = NULL;
    size_t resultLength;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(vbMarkup) markup = NULL;

    result = vbMarkupApply(edits->markup, &resultLength);
    CHECK(result && strlen(result) == resultLength);
    if (!vbMarkupIsEdited(edits->markup))
        CHECK(resultLength == length && memcmp(result, text, length) == 0);

    exact = g_memdup2(result, resultLength);
    doc = vbXMLParse(exact, resultLength, NULL);
    CHECK(doc);
    CHECK(fuzzTreesAreEqual(xmlDocGetRootElement(model), xmlDocGetRootElement(doc), edits->loose));
    markup = vbMarkupNew(exact, resultLength, doc, NULL);
    CHECK(markup);
}

static void
fuzzEditAll(vbMarkup *markup, xmlDoc *doc, const char *text, size_t length, const guint8 *script,
            size_t scriptLength)
{
    g_autoptr(xmlDoc) model = vbXMLParse(text, length, NULL);
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    g_autoptr(GPtrArray) models = g_ptr_array_new();
    g_autoptr(GPtrArray) later = g_ptr_array_new();
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    g_autoptr(GHashTable) loose = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) replaced = g_hash_table_new(NULL, NULL);
    fuzzEdits edits = {
        .markup = markup, .nodes = nodes, .models = models, .loose = loose, .replaced = replaced,
    };

    for (xmlNode *node = xmlDocGetRootElement(doc); node; node = fuzzNextElement(node))
        g_ptr_array_add(nodes, node);
    for (xmlNode *node = xmlDocGetRootElement(model); node; node = fuzzNextElement(node))
        g_ptr_array_add(models, node);
    CHECK(nodes->len == models->len);

    for (size_t i = 0; i + 1 < scriptLength && i < 64; i += 2)
        fuzzEdit(&edits, script + i, later);
    for (guint i = 0; i < later->len; i++) {
        xmlNode *node = g_ptr_array_index(later, i);

        if (!g_ptr_array_find(gone, node, NULL)) {
            xmlUnlinkNode(node);
            g_ptr_array_add(gone, node);
        }
    }
    fuzzApply(&edits, model, text, length);

    for (guint i = 0; i < gone->len; i++) {
        xmlNode *node = g_ptr_array_index(gone, i);

        if (node->type == XML_ATTRIBUTE_NODE)
            xmlFreeProp((xmlAttr *)node);
        else
            xmlFreeNode(node);
    }
}

/* What libxml2 writes is read by the tokenizer. */
static void
fuzzCheckDump(xmlDoc *doc)
{
    xmlChar *dump = NULL;
    int length = 0;
    g_autoptr(xmlDoc) again = NULL;

    xmlDocDumpMemoryEnc(doc, &dump, &length, "UTF-8");
    CHECK(dump);
    again = vbXMLParse((char *)dump, (size_t)length, NULL);
    if (again) {
        g_autoptr(vbMarkup) markup = vbMarkupNew((char *)dump, (size_t)length, again, NULL);

        CHECK(markup);
    }
    xmlFree(dump);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    const guint8 *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t length = nul ? (size_t)(nul - data) : size;
    /* Not a byte more than the text has. */
    g_autofree char *text = g_memdup2(data, length);
    g_autoptr(xmlDoc) doc = length > 0 ? vbXMLParse(text, length, NULL) : NULL;
    g_autoptr(vbMarkup) markup = NULL;
    g_autoptr(GError) error = NULL;

    if (!doc)
        return 0;
    markup = vbMarkupNew(text, length, doc, &error);
    CHECK(!markup == !!error);
    if (!markup) {
        CHECK(g_error_matches(error, VB_ERROR, VB_ERROR_XML));
        return 0;
    }
    for (xmlNode *node = xmlDocGetRootElement(doc); node; node = fuzzNextElement(node))
        fuzzCheckElement(text, length, markup, node);
    fuzzEditAll(markup, doc, text, length, nul ? nul + 1 : NULL, nul ? size - length - 1 : 0);
    fuzzCheckDump(doc);
    return 0;
}
