/*
 * vbxml.c: reading XML that may be hostile, and libvirt's way with what is in it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbxml.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "vberror.h"

/* libvirt's own elements have a dozen. */
#define VB_XML_ATTRIBUTES_MAX 1000
/* And its grammar has a thousand. Values of up to three bytes count as well, since libxml2 keeps
 * them with the names. */
#define VB_XML_NAMES_MAX 20000
/* Declared by an element and those around it; libvirt writes two. */
#define VB_XML_NAMESPACES_MAX 100

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

#if LIBXML_VERSION >= 21200
typedef const xmlError vbXMLError;
#else
typedef xmlError vbXMLError;
#endif

/* What the callbacks of one parser run leave behind. */
typedef struct {
    char *message; /* libxml2's first fatal error, or NULL */
    int line;
    bool doctype;
    const char *crowd;  /* what there is too much of, or NULL */
    GArray *namespaces; /* of int: how many are known in each element that has begun */
} vbXMLParserData;

/* Documents and what libxml2 says of them end up in logs and on terminals. */
static char *
vbXMLMakePrintable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *printable = g_string_new(NULL);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        g_string_append_unichar(printable, g_unichar_isprint(c) ? c : '?');
    }
    return g_string_free(printable, FALSE);
}

/* Later errors are mostly consequences of the first; those not fatal leave a usable document.
 * Behind a fatal one libxml2 would read on, and tell nobody what. */
static void
vbXMLCatchError(void *opaque, vbXMLError *error)
{
    xmlParserCtxt *ctxt = opaque;
    vbXMLParserData *data = ctxt->_private;
    g_autofree char *text = NULL;

    if (error->level != XML_ERR_FATAL || data->message)
        return;
    text = g_strchomp(g_strdup(error->message ? error->message : "malformed"));
    data->message = vbXMLMakePrintable(text);
    data->line = error->line;
    xmlStopParser(ctxt);
}

/* What libxml2 says past the parser, of encodings, would go to stderr. */
static void
vbXMLIgnoreError(void *opaque G_GNUC_UNUSED, vbXMLError *error G_GNUC_UNUSED)
{
}

/* libxml2 is at '<!DOCTYPE': nothing has been declared yet. */
static void
vbXMLRefuseDoctype(void *opaque,
                   const xmlChar *name G_GNUC_UNUSED,
                   const xmlChar *publicId G_GNUC_UNUSED,
                   const xmlChar *systemId G_GNUC_UNUSED)
{
    xmlParserCtxt *ctxt = opaque;
    vbXMLParserData *data = ctxt->_private;

    data->doctype = true;
    xmlStopParser(ctxt);
}

/* Stops at what would keep us for seconds, or minutes: libxml2 before 2.12 keeps names in a table
 * that stops growing at a few thousand, and looks for a prefix among all namespaces that are known.
 * Returns whether to go on. */
static bool
vbXMLCheckCrowd(xmlParserCtxt *ctxt, int namespaces)
{
    vbXMLParserData *data = ctxt->_private;

    if (xmlDictSize(ctxt->dict) > VB_XML_NAMES_MAX)
        data->crowd = G_STRINGIFY(VB_XML_NAMES_MAX) " different names";
    else if (namespaces > VB_XML_NAMESPACES_MAX)
        data->crowd = G_STRINGIFY(VB_XML_NAMESPACES_MAX) " namespaces in one place";
    if (data->crowd)
        xmlStopParser(ctxt);
    return !data->crowd;
}

static void
vbXMLStartElement(void *opaque, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                  int namespaceCount, const xmlChar **namespaces, int attributeCount,
                  int defaultedCount, const xmlChar **attributes)
{
    xmlParserCtxt *ctxt = opaque;
    GArray *known = ((vbXMLParserData *)ctxt->_private)->namespaces;
    int count = namespaceCount + (known->len > 0 ? g_array_index(known, int, known->len - 1) : 0);

    g_array_append_val(known, count);
    if (vbXMLCheckCrowd(ctxt, count))
        xmlSAX2StartElementNs(ctxt, name, prefix, uri, namespaceCount, namespaces, attributeCount,
                              defaultedCount, attributes);
}

static void
vbXMLEndElement(void *opaque, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    const xmlParserCtxt *ctxt = opaque;
    GArray *known = ((vbXMLParserData *)ctxt->_private)->namespaces;

    g_array_set_size(known, known->len - 1);
    xmlSAX2EndElementNs(opaque, name, prefix, uri);
}

static void
vbXMLProcessingInstruction(void *opaque, const xmlChar *target, const xmlChar *text)
{
    if (vbXMLCheckCrowd(opaque, 0))
        xmlSAX2ProcessingInstruction(opaque, target, text);
}

/* libxml2 before 2.12 compares every attribute of an element with every other one, and every prefix
 * with every namespace in scope: one tag with a million would keep us for minutes. */
static bool
vbXMLHasCrowdedTag(const char *xml, size_t length)
{
    const char *end = xml + length;
    size_t values = 0;
    bool tag = false;
    char quote = '\0';

    for (const char *p = xml; p < end; p++) {
        if (*p == '<') {
            tag = p + 1 < end && p[1] != '!' && p[1] != '?';
            values = 0;
            quote = '\0';
        } else if (!tag) {
            continue;
        } else if (quote) {
            if (*p == quote)
                quote = '\0';
        } else if (*p == '\'' || *p == '"') {
            quote = *p;
            if (++values > VB_XML_ATTRIBUTES_MAX)
                return true;
        } else if (*p == '>') {
            tag = false;
        }
    }
    return false;
}

/*
 * As libvirt's virXMLParse(), which lets libxml2 expand the entities of a document type and fill
 * in its attribute defaults.  Both can make a small text enormous, and libvirt never writes
 * either: the parser stops at the document type.
 */
xmlDoc *
vbXMLParse(const char *xml, size_t length, GError **error)
{
    g_autoptr(xmlParserCtxt) ctxt = NULL;
    g_autoptr(xmlDoc) doc = NULL;
    g_autofree char *message = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GArray) namespaces = g_array_new(FALSE, FALSE, sizeof(int));
    vbXMLParserData data = { .namespaces = namespaces };

    if (length == 0 || length > INT_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "a document of %zu bytes is not read", length);
        return NULL;
    }
    /* libvirt's strings end here, libxml2's do not always: nobody is to see two documents. */
    if (memchr(xml, '\0', length)) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "the document has a NUL byte in it");
        return NULL;
    }
    if (vbXMLHasCrowdedTag(xml, length)) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREAD,
                    "the document has an element with more than %d attributes, which is not read",
                    VB_XML_ATTRIBUTES_MAX);
        return NULL;
    }
    text = g_try_malloc(length + 1);
    if (!text || !(ctxt = xmlNewParserCtxt())) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "out of memory");
        return NULL;
    }

    memcpy(text, xml, length);
    text[length] = '\0';
    xmlSetStructuredErrorFunc(NULL, vbXMLIgnoreError);
    ctxt->_private = &data;
    ctxt->sax->serror = vbXMLCatchError;
    ctxt->sax->internalSubset = vbXMLRefuseDoctype;
    ctxt->sax->startElementNs = vbXMLStartElement;
    ctxt->sax->endElementNs = vbXMLEndElement;
    ctxt->sax->processingInstruction = vbXMLProcessingInstruction;
    /* Not xmlCtxtReadMemory(), which follows declared encodings that this one does not (2.9.14). */
    doc = xmlCtxtReadDoc(ctxt, (const xmlChar *)text, NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOWARNING);
    message = data.message;

    if (data.doctype) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREAD,
                    "the document has a document type declaration, which is not read");
        return NULL;
    }
    if (data.crowd) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREAD,
                    "the document has more than %s, which is not read", data.crowd);
        return NULL;
    }
    if (!doc || message) {
        /* A newer libxml2, which libvirt may have, follows a declared encoding here as well.  And
         * where libxml2 has a document all the same, it is not whole here. */
        bool elsewhere = doc || (g_str_has_prefix(text, "<?xml") &&
                                 !g_utf8_validate(text, (gssize)length, NULL));

        g_set_error(error, VB_ERROR, elsewhere ? VB_ERROR_UNREAD : VB_ERROR_XML, "line %d: %s",
                    data.line, message ? message : "malformed");
        return NULL;
    }
    return g_steal_pointer(&doc);
}

bool
vbXMLRootIs(const xmlNode *root, const char *name)
{
    return root && strcmp((const char *)root->name, name) == 0;
}

bool
vbXMLNodeIs(const xmlNode *node, const char *name, const char *ns)
{
    return node->type == XML_ELEMENT_NODE &&
           strcmp((const char *)node->name, name) == 0 &&
           g_strcmp0(node->ns ? (const char *)node->ns->href : NULL, ns) == 0;
}

const xmlNode *
vbXMLChild(const xmlNode *node, const char *name)
{
    if (!node)
        return NULL;
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (vbXMLNodeIs(child, name, NULL))
            return child;
    }
    return NULL;
}

const char *
vbXMLProp(const xmlNode *node, const char *name)
{
    if (!node)
        return NULL;
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        if (strcmp((const char *)attr->name, name) == 0)
            return attr->children ? (const char *)attr->children->content : "";
    }
    return NULL;
}

const char *
vbXMLPlainProp(const xmlNode *node, const char *name)
{
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        if (!attr->ns && strcmp((const char *)attr->name, name) == 0)
            return attr->children ? (const char *)attr->children->content : "";
    }
    return NULL;
}

bool
vbXMLPropIs(const xmlNode *node, const char *name, const char *value)
{
    return g_strcmp0(vbXMLProp(node, name), value) == 0;
}

char *
vbXMLText(const xmlNode *node)
{
    xmlChar *content = node ? xmlNodeGetContent(node) : NULL;
    char *text = content && *content ? g_strdup((const char *)content) : NULL;

    xmlFree(content);
    return text;
}

void
vbXMLReport(const xmlNode *node, const char *problem, const char *text, GError **error)
{
    g_autofree char *cut = g_strndup(text, 64);
    g_autofree char *shown = vbXMLMakePrintable(cut);

    g_set_error(error, VB_ERROR, VB_ERROR_XML, "line %ld: <%s>: %s '%s'",
                xmlGetLineNo(node), (const char *)node->name, problem, shown);
}

bool
vbXMLParseUnsigned(const char *text, int base, unsigned long long max, unsigned long long *value)
{
    char *end = NULL;

    errno = 0;
    *value = strtoull(text, &end, base);
    return errno == 0 && end != text && *end == '\0' && !strchr(text, '-') && *value <= max;
}

/* Bytes in a @unit of libvirt's scaled integers (virScaleInteger()); 0 if there is no such unit. */
static unsigned long long
vbXMLUnitScale(const char *unit)
{
    static const char prefixes[] = "kmgtpe";
    const char *prefix;
    unsigned long long base;
    unsigned long long scale = 1;

    if (!unit || *unit == '\0')
        return 1024;
    if (g_ascii_strcasecmp(unit, "b") == 0 ||
        g_ascii_strcasecmp(unit, "byte") == 0 ||
        g_ascii_strcasecmp(unit, "bytes") == 0)
        return 1;

    if (unit[1] == '\0' || g_ascii_strcasecmp(unit + 1, "iB") == 0)
        base = 1024;
    else if (g_ascii_strcasecmp(unit + 1, "B") == 0)
        base = 1000;
    else
        return 0;

    if (!(prefix = strchr(prefixes, g_ascii_tolower(*unit))))
        return 0;
    for (const char *p = prefixes; p <= prefix; p++)
        scale *= base;
    return scale;
}

bool
vbXMLParseSize(const xmlNode *node, const char *text, unsigned long long *kib, GError **error)
{
    const char *unit = vbXMLProp(node, "unit");
    unsigned long long scale = vbXMLUnitScale(unit);
    unsigned long long value;

    if (!vbXMLParseUnsigned(text, 10, ULLONG_MAX, &value)) {
        vbXMLReport(node, "not a size:", text, error);
        return false;
    }
    if (scale == 0) {
        vbXMLReport(node, "unknown unit", unit, error);
        return false;
    }
    if (value > LLONG_MAX / scale) {
        vbXMLReport(node, "size too large:", text, error);
        return false;
    }

    value *= scale;
    *kib = value / 1024 + (value % 1024 != 0);
    if (*kib >= VB_XML_SIZE_LIMIT) {
        vbXMLReport(node, "size too large:", text, error);
        return false;
    }
    return true;
}
