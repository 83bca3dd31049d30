/*
 * markuptest.c: positions in a text that libxml2 has read, and what edits make of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "vberror.h"
#include "vbmarkup.h"
#include "vbxml.h"

typedef struct {
    char *text; /* not a byte more than the document */
    size_t length;
    xmlDoc *doc;
    vbMarkup *markup;
} testDocument;

static testDocument *
testNewBytes(const char *text, size_t length)
{
    testDocument *document = g_new0(testDocument, 1);
    g_autoptr(GError) error = NULL;

    document->text = g_memdup2(text, length);
    document->length = length;
    document->doc = vbXMLParse(document->text, length, &error);
    g_assert_no_error(error);
    document->markup = vbMarkupNew(document->text, length, document->doc, &error);
    g_assert_no_error(error);
    g_assert_nonnull(document->markup);
    return document;
}

static testDocument *
testNew(const char *text)
{
    return testNewBytes(text, strlen(text));
}

static void
testFree(testDocument *document)
{
    vbMarkupFree(document->markup);
    xmlFreeDoc(document->doc);
    g_free(document->text);
    g_free(document);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(testDocument, testFree)

/* The first element of this name in document order; a name with a prefix as it is written. */
static const xmlNode *
testFind(const testDocument *document, const char *name)
{
    const xmlNode *node = xmlDocGetRootElement(document->doc);

    while (node) {
        const xmlNode *next = xmlFirstElementChild((xmlNode *)node);
        size_t length;
        const char *written = vbMarkupGetName(document->markup, node, &length);

        if (length == strlen(name) && memcmp(written, name, length) == 0)
            return node;
        while (!next && node->type == XML_ELEMENT_NODE) {
            next = xmlNextElementSibling((xmlNode *)node);
            node = node->parent;
        }
        node = next;
    }
    g_assert_not_reached();
}

static const xmlAttr *
testFindAttr(const testDocument *document, const char *element, const char *name)
{
    const xmlAttr *attr = testFind(document, element)->properties;

    while (attr && strcmp((const char *)attr->name, name) != 0)
        attr = attr->next;
    g_assert_nonnull(attr);
    return attr;
}

static char *
testCopy(const testDocument *document, size_t start, size_t end)
{
    g_assert_cmpuint(start, <=, end);
    g_assert_cmpuint(end, <=, document->length);
    return g_strndup(document->text + start, end - start);
}

/* The element as it is written, its start tag and what is in it. */
static void
testAssertElement(const testDocument *document, const char *name, const char *whole,
                  const char *tag, const char *content)
{
    const vbMarkupElement *element = vbMarkupGetElement(testFind(document, name));
    g_autofree char *wholeText = testCopy(document, element->start, element->end);
    g_autofree char *tagText = testCopy(document, element->start, element->tagEnd);
    g_autofree char *contentText = testCopy(document, element->tagEnd, element->contentEnd);
    g_autofree char *nameText = testCopy(document, element->start + 1, element->nameEnd);

    g_assert_cmpstr(wholeText, ==, whole);
    g_assert_cmpstr(tagText, ==, tag);
    g_assert_cmpstr(contentText, ==, content);
    g_assert_cmpstr(nameText, ==, name);
}

/* The attribute from its name on to its closing quote, and its value as it is written. */
static void
testAssertAttr(const testDocument *document, const char *element, const char *name,
               const char *whole, const char *value)
{
    const vbMarkupAttr *place = vbMarkupGetAttr(testFindAttr(document, element, name));
    g_autofree char *wholeText = testCopy(document, place->start, place->valueEnd + 1);
    g_autofree char *valueText = testCopy(document, place->value, place->valueEnd);

    g_assert_cmpstr(wholeText, ==, whole);
    g_assert_cmpstr(valueText, ==, value);
}

/* No positions for this text, though libxml2 reads it. */
static void
testAssertRefused(const char *text)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(text, strlen(text), NULL);
    g_autoptr(vbMarkup) markup = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(doc);
    markup = vbMarkupNew(text, strlen(text), doc, &error);
    g_assert_null(markup);
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
    g_assert_cmpstr(error->message, ==, "the document is not written in plain UTF-8");
}

/* No positions for @text by the tree of @other. */
static void
testAssertDisagree(const char *text, const char *other)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(other, strlen(other), NULL);
    g_autoptr(vbMarkup) markup = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *exact = g_memdup2(text, strlen(text));

    g_assert_nonnull(doc);
    markup = vbMarkupNew(exact, strlen(text), doc, &error);
    g_assert_null(markup);
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
}

static void
testAssertResult(const testDocument *document, const char *expected)
{
    size_t length = 0;
    g_autofree char *result = vbMarkupApply(document->markup, &length);

    g_assert_cmpstr(result, ==, expected);
    g_assert_cmpuint(length, ==, strlen(expected));
}

/* Positions */

static void
testElements(void)
{
    g_autoptr(testDocument) document = testNew("<a x='1'>one<b>two</b><c/>three</a>");

    testAssertElement(document, "a", "<a x='1'>one<b>two</b><c/>three</a>", "<a x='1'>",
                      "one<b>two</b><c/>three");
    testAssertElement(document, "b", "<b>two</b>", "<b>", "two");
    testAssertElement(document, "c", "<c/>", "<c/>", "");
}

static void
testEmptyElement(void)
{
    g_autoptr(testDocument) document = testNew("<a><b x='1' /><c></c></a>");
    const vbMarkupElement *empty = vbMarkupGetElement(testFind(document, "b"));
    const vbMarkupElement *open = vbMarkupGetElement(testFind(document, "c"));

    testAssertElement(document, "b", "<b x='1' />", "<b x='1' />", "");
    testAssertElement(document, "c", "<c></c>", "<c>", "");
    g_assert_true(empty->contentEnd == empty->tagEnd && empty->end == empty->tagEnd);
    g_assert_true(open->contentEnd == open->tagEnd && open->end > open->tagEnd);
}

static void
testQuotes(void)
{
    g_autoptr(testDocument) document = testNew("<a b='x\"y' c=\"x'y\"/>");

    testAssertAttr(document, "a", "b", "b='x\"y'", "x\"y");
    testAssertAttr(document, "a", "c", "c=\"x'y\"", "x'y");
}

static void
testEmptyValue(void)
{
    g_autoptr(testDocument) document = testNew("<a b='' c=\"\"/>");

    testAssertAttr(document, "a", "b", "b=''", "");
    testAssertAttr(document, "a", "c", "c=\"\"", "");
}

static void
testTagCharactersInValue(void)
{
    g_autoptr(testDocument) document = testNew("<a b='/>' c='>'><d e=\"--> ]]> ?>\"/></a>");

    testAssertAttr(document, "a", "b", "b='/>'", "/>");
    testAssertAttr(document, "a", "c", "c='>'", ">");
    testAssertAttr(document, "d", "e", "e=\"--> ]]> ?>\"", "--> ]]> ?>");
    testAssertElement(document, "d", "<d e=\"--> ]]> ?>\"/>", "<d e=\"--> ]]> ?>\"/>", "");
}

static void
testSpaceInTag(void)
{
    static const char text[] = "<a\n\tb = '1'\r\n  c\t=\n\"2\"\n><d\n/></a\n>";
    g_autoptr(testDocument) document = testNew(text);

    testAssertAttr(document, "a", "b", "b = '1'", "1");
    testAssertAttr(document, "a", "c", "c\t=\n\"2\"", "2");
    testAssertElement(document, "d", "<d\n/>", "<d\n/>", "");
    testAssertElement(document, "a", text, "<a\n\tb = '1'\r\n  c\t=\n\"2\"\n>", "<d\n/>");
}

static void
testPredefinedEntities(void)
{
    g_autoptr(testDocument) document = testNew("<a b='&lt;&gt;&amp;&apos;&quot;'/>");

    testAssertAttr(document, "a", "b", "b='&lt;&gt;&amp;&apos;&quot;'",
                   "&lt;&gt;&amp;&apos;&quot;");
}

static void
testCharacterReferences(void)
{
    g_autoptr(testDocument) document = testNew(
        "<a b='&#65;&#x42;&#x0043;&#10;&#13;&#9;&#xe9;&#8364;&#x1F600;&#x10FFFD;'/>");

    g_assert_cmpstr(vbXMLProp(testFind(document, "a"), "b"), ==,
                    "ABC\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbd");
    testAssertAttr(document, "a", "b",
                   "b='&#65;&#x42;&#x0043;&#10;&#13;&#9;&#xe9;&#8364;&#x1F600;&#x10FFFD;'",
                   "&#65;&#x42;&#x0043;&#10;&#13;&#9;&#xe9;&#8364;&#x1F600;&#x10FFFD;");
}

static void
testReferenceToAmpersand(void)
{
    g_autoptr(testDocument) document = testNew("<a b='&#38;' c='&amp;amp;' d='&#x26;lt;'/>");

    g_assert_cmpstr(vbXMLProp(testFind(document, "a"), "b"), ==, "&");
    testAssertAttr(document, "a", "b", "b='&#38;'", "&#38;");
    testAssertAttr(document, "a", "c", "c='&amp;amp;'", "&amp;amp;");
    testAssertAttr(document, "a", "d", "d='&#x26;lt;'", "&#x26;lt;");
}

static void
testSpaceInValue(void)
{
    g_autoptr(testDocument) document = testNew("<a b=' \t1\n2\r\n3\r4 '/>");

    g_assert_cmpstr(vbXMLProp(testFind(document, "a"), "b"), ==, "  1 2 3 4 ");
    testAssertAttr(document, "a", "b", "b=' \t1\n2\r\n3\r4 '", " \t1\n2\r\n3\r4 ");
}

static void
testComments(void)
{
    g_autoptr(testDocument) document = testNew(
        "<!-- <a b='0'> --><a><!----><!--<b/>--><b x='1'/><!-- ' --></a><!-- </a> -->");

    testAssertElement(document, "b", "<b x='1'/>", "<b x='1'/>", "");
    testAssertElement(document, "a", "<a><!----><!--<b/>--><b x='1'/><!-- ' --></a>", "<a>",
                      "<!----><!--<b/>--><b x='1'/><!-- ' -->");
}

static void
testCommentOfTagEnds(void)
{
    g_autoptr(testDocument) document = testNew("<a><!--> <b/> --><b>1</b></a>");

    testAssertElement(document, "b", "<b>1</b>", "<b>", "1");
}

static void
testCdata(void)
{
    g_autoptr(testDocument) document = testNew(
        "<a><![CDATA[<b x='0'/></a>]]]]><![CDATA[>]]><b x='1'/></a>");

    testAssertElement(document, "b", "<b x='1'/>", "<b x='1'/>", "");
}

static void
testInstructions(void)
{
    g_autoptr(testDocument) document = testNew(
        "<?xml version='1.0'?><?p <b>?><a><?q <b/> > ?><b x='1'/></a><?r?>");

    testAssertElement(document, "b", "<b x='1'/>", "<b x='1'/>", "");
}

static void
testDeclaredUTF8(void)
{
    static const char *const names[] = { "UTF-8", "utf-8", "Utf-8" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text =
            g_strdup_printf("<?xml version='1.0' encoding='%s'?><a b='\xc3\xa9'/>", names[i]);
        g_autoptr(testDocument) document = testNew(text);

        testAssertAttr(document, "a", "b", "b='\xc3\xa9'", "\xc3\xa9");
    }
}

static void
testByteOrderMark(void)
{
    g_autoptr(testDocument) document = testNew("\xef\xbb\xbf<a b='1'/>");

    testAssertElement(document, "a", "<a b='1'/>", "<a b='1'/>", "");
    g_assert_cmpuint(vbMarkupGetElement(testFind(document, "a"))->start, ==, 3);
}

static void
testTextAround(void)
{
    g_autoptr(testDocument) document = testNew("\n \t<?p?>\r\n<a/>\r\n \n");

    testAssertElement(document, "a", "<a/>", "<a/>", "");
}

static void
testTextWithGreater(void)
{
    g_autoptr(testDocument) document = testNew("<a>1 > 0 \" ' = /> &lt;b&gt;<b/></a>");

    testAssertElement(document, "b", "<b/>", "<b/>", "");
}

static void
testNonASCIINames(void)
{
    static const char text[] = "<\xc3\xa9l\xc3\xa9ment \xe5\x90\x8d='x'/>";
    g_autoptr(testDocument) document = testNew(text);

    testAssertElement(document, "\xc3\xa9l\xc3\xa9ment", text, text, "");
    testAssertAttr(document, "\xc3\xa9l\xc3\xa9ment", "\xe5\x90\x8d", "\xe5\x90\x8d='x'", "x");
}

static void
testPrefixes(void)
{
    g_autoptr(testDocument) document = testNew(
        "<p:a xmlns:p='urn:p' p:b='1'><p:b xmlns:p='urn:q' p:c='2'/></p:a>");

    testAssertElement(document, "p:b", "<p:b xmlns:p='urn:q' p:c='2'/>",
                      "<p:b xmlns:p='urn:q' p:c='2'/>", "");
    testAssertAttr(document, "p:a", "b", "p:b='1'", "1");
    testAssertAttr(document, "p:b", "c", "p:c='2'", "2");
}

static void
testUndeclaredPrefix(void)
{
    g_autoptr(testDocument) document = testNew("<a><p:b p:c='1'/></a>");

    testAssertElement(document, "p:b", "<p:b p:c='1'/>", "<p:b p:c='1'/>", "");
    testAssertAttr(document, "p:b", "p:c", "p:c='1'", "1");
}

static void
testDeclarationsBetweenAttributes(void)
{
    g_autoptr(testDocument) document = testNew(
        "<a b='1' xmlns='urn:a' c='2' xmlns:p=\"urn:p>\" d='3' xmlnsx='4'/>");

    testAssertAttr(document, "a", "b", "b='1'", "1");
    testAssertAttr(document, "a", "c", "c='2'", "2");
    testAssertAttr(document, "a", "d", "d='3'", "3");
    testAssertAttr(document, "a", "xmlnsx", "xmlnsx='4'", "4");
}

static void
testXMLPrefix(void)
{
    g_autoptr(testDocument) document =
        testNew("<a xml:space='preserve' xml:id='i' xml:lang='en'/>");

    testAssertAttr(document, "a", "space", "xml:space='preserve'", "preserve");
    testAssertAttr(document, "a", "id", "xml:id='i'", "i");
}

static void
testNestedSameName(void)
{
    g_autoptr(testDocument) document = testNew("<a><b><b><b/></b></b><b/></a>");
    const xmlNode *outer = testFind(document, "b");
    const xmlNode *inner = xmlFirstElementChild((xmlNode *)outer);
    const xmlNode *second = xmlNextElementSibling((xmlNode *)outer);

    testAssertElement(document, "b", "<b><b><b/></b></b>", "<b>", "<b><b/></b>");
    g_assert_cmpuint(vbMarkupGetElement(inner)->end - vbMarkupGetElement(inner)->start, ==, 11);
    g_assert_cmpuint(vbMarkupGetElement(second)->start, ==, vbMarkupGetElement(outer)->end);
}

static void
testDeepNesting(void)
{
    const guint depth = 250;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(testDocument) document = NULL;

    for (guint i = 0; i < depth; i++)
        g_string_append(text, "<a>");
    g_string_append(text, "<b/>");
    for (guint i = 0; i < depth; i++)
        g_string_append(text, "</a>");
    document = testNew(text->str);
    g_assert_cmpuint(vbMarkupGetElement(testFind(document, "b"))->start, ==, depth * 3);
    g_assert_cmpuint(vbMarkupGetElement(testFind(document, "a"))->end, ==, text->len);
}

static void
testManyElements(void)
{
    g_autoptr(GString) text = g_string_new("<a>");
    g_autoptr(testDocument) document = NULL;
    const xmlNode *node;

    for (guint i = 0; i < 50000; i++)
        g_string_append(text, "<b c='1' d=''/>");
    g_string_append(text, "</a>");
    document = testNew(text->str);
    node = xmlLastElementChild((xmlNode *)testFind(document, "a"));
    g_assert_cmpuint(vbMarkupGetElement(node)->end, ==, text->len - 4);
}

static void
testName(void)
{
    g_autoptr(testDocument) document = testNew("<q:a xmlns:q='urn:q'><b/></q:a>");
    size_t length = 0;
    const char *name = vbMarkupGetName(document->markup, testFind(document, "q:a"), &length);

    g_assert_true(name == document->text + 1);
    g_assert_cmpuint(length, ==, 3);
}

/* Disagreement */

/* libvirt reads it as if it were UTF-8 (xmlCtxtReadDoc(), libxml2 2.9.14). */
static void
testOtherEncoding(void)
{
    testAssertRefused("<?xml version='1.0' encoding='UTF-7'?><a b='\xc3\xa9'/>");
}

static void
testOtherEncodingOfASCII(void)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(vbMarkup) markup = NULL;
    static const char text[] = "<?xml version='1.0' encoding='ISO-8859-1'?><a b='1'/>";

    doc = vbXMLParse(text, strlen(text), NULL);
    markup = vbMarkupNew(text, strlen(text), doc, NULL);
    g_assert_nonnull(markup);
}

static void
testOtherElement(void)
{
    testAssertDisagree("<a><b/></a>", "<a><c/></a>");
    testAssertDisagree("<a><b/></a>", "<a><bb/></a>");
    testAssertDisagree("<a><bb/></a>", "<a><b/></a>");
}

static void
testElementTooMany(void)
{
    testAssertDisagree("<a><b/><b/></a>", "<a><b/></a>");
    testAssertDisagree("<a/><a/>", "<a/>");
    testAssertDisagree("<a><b><c/></b></a>", "<a><b/></a>");
}

static void
testElementTooFew(void)
{
    testAssertDisagree("<a><b/></a>", "<a><b/><b/></a>");
    testAssertDisagree("<a/>", "<a><b/></a>");
    testAssertDisagree("<a></a>", "<a><b/></a>");
}

static void
testOtherNesting(void)
{
    testAssertDisagree("<a><b/><c/></a>", "<a><b><c/></b></a>");
    testAssertDisagree("<a><b><c/></b></a>", "<a><b/><c/></a>");
}

static void
testOtherAttr(void)
{
    testAssertDisagree("<a b='1'/>", "<a c='1'/>");
    testAssertDisagree("<a b='1' c='2'/>", "<a c='2' b='1'/>");
}

static void
testAttrTooMany(void)
{
    testAssertDisagree("<a b='1' c='2'/>", "<a b='1'/>");
    testAssertDisagree("<a b='1'/>", "<a b='1' c='2'/>");
}

static void
testOtherValue(void)
{
    testAssertDisagree("<a b='1'/>", "<a b='2'/>");
    testAssertDisagree("<a b='1'/>", "<a b='12'/>");
    testAssertDisagree("<a b='12'/>", "<a b='1'/>");
    testAssertDisagree("<a b=''/>", "<a b='1'/>");
    testAssertDisagree("<a b='&lt;'/>", "<a b='&gt;'/>");
    testAssertDisagree("<a b='&#65;'/>", "<a b='&#66;'/>");
}

static void
testOtherPrefix(void)
{
    testAssertDisagree("<p:a xmlns:p='urn:a'/>", "<q:a xmlns:q='urn:a'/>");
    testAssertDisagree("<a xmlns='urn:a'/>", "<q:a xmlns:q='urn:a'/>");
    testAssertDisagree("<q:a xmlns:q='urn:a'/>", "<a xmlns='urn:a'/>");
    testAssertDisagree("<a p:b='1' xmlns:p='urn:a'/>", "<a q:b='1' xmlns:q='urn:a'/>");
}

static void
testNoReference(void)
{
    testAssertDisagree("<a b='&x;'/>", "<a b='&amp;x;'/>");
    testAssertDisagree("<a b='&'/>", "<a b='&amp;'/>");
    testAssertDisagree("<a b='&#;'/>", "<a b='&amp;#;'/>");
    testAssertDisagree("<a b='&#x;'/>", "<a b='&amp;#x;'/>");
    testAssertDisagree("<a b='&#65'/>", "<a b='A'/>");
    testAssertDisagree("<a b='&#0;'/>", "<a b=''/>");
    testAssertDisagree("<a b='&#x110000;'/>", "<a b='x'/>");
    testAssertDisagree("<a b='&#99999999999999999999;'/>", "<a b='x'/>");
}

/* Text that libxml2 would not have read ends the search and never the program. */
static void
testTruncated(void)
{
    static const char text[] =
        "<?xml version='1.0'?><!-- c --><a b = '&#65;' p:c=\"2\" xmlns:p='urn:p'>"
        "<![CDATA[x]]><?p q?><p:d e='&lt;'/><f></f ></a>";
    size_t length = strlen(text);
    g_autoptr(xmlDoc) doc = vbXMLParse(text, length, NULL);

    g_assert_nonnull(doc);
    for (size_t cut = 0; cut < length; cut++) {
        g_autofree char *exact = g_memdup2(text, MAX(cut, 1));
        g_autoptr(GError) error = NULL;

        g_assert_null(vbMarkupNew(exact, cut, doc, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_XML);
    }
}

static void
testEndTags(void)
{
    testAssertDisagree("<a></b>", "<a/>");
    testAssertDisagree("<a></a", "<a/>");
    testAssertDisagree("<a></a x>", "<a/>");
    testAssertDisagree("</a>", "<a/>");
    testAssertDisagree("<a/></a>", "<a/>");
    testAssertDisagree("<a><b></a></b>", "<a><b/></a>");
}

static void
testErrorNotWanted(void)
{
    g_autoptr(xmlDoc) doc = vbXMLParse("<a/>", 4, NULL);

    g_assert_null(vbMarkupNew("<b/>", 4, doc, NULL));
}

/* Edits */

static void
testNoEdit(void)
{
    static const char text[] = "\xef\xbb\xbf<?xml version='1.0'?>\r\n<a\tb = '1'/>\n";
    g_autoptr(testDocument) document = testNew(text);

    g_assert_false(vbMarkupIsEdited(document->markup));
    testAssertResult(document, text);
}

static void
testCutAttr(void)
{
    g_autoptr(testDocument) document = testNew("<a b='1' c='2' d='3'/>");

    vbMarkupCutAttr(document->markup, testFindAttr(document, "a", "c"));
    g_assert_true(vbMarkupIsEdited(document->markup));
    testAssertResult(document, "<a b='1' d='3'/>");
}

static void
testCutAttrSpace(void)
{
    g_autoptr(testDocument) document = testNew("<a b='1'\n\t  c = \"2\"  \n/>");

    vbMarkupCutAttr(document->markup, testFindAttr(document, "a", "c"));
    testAssertResult(document, "<a b='1'  \n/>");
}

static void
testCutOnlyAttr(void)
{
    g_autoptr(testDocument) document = testNew("<a><b c='&gt;>'>x</b></a>");

    vbMarkupCutAttr(document->markup, testFindAttr(document, "b", "c"));
    testAssertResult(document, "<a><b>x</b></a>");
}

static void
testCutAllAttrs(void)
{
    g_autoptr(testDocument) document = testNew("<a b='1' c='2' d='3'/>");

    vbMarkupCutAttr(document->markup, testFindAttr(document, "a", "d"));
    vbMarkupCutAttr(document->markup, testFindAttr(document, "a", "b"));
    vbMarkupCutAttr(document->markup, testFindAttr(document, "a", "c"));
    testAssertResult(document, "<a/>");
}

static void
testCutElement(void)
{
    g_autoptr(testDocument) document = testNew("<a>\n  <b/>\r\n\t<c x='1'><d/></c>\n</a>");

    vbMarkupCutElement(document->markup, testFind(document, "c"));
    testAssertResult(document, "<a>\n  <b/>\n</a>");
}

static void
testCutKeepsText(void)
{
    g_autoptr(testDocument) document = testNew("<a>one <b/> two<!-- --> <c/></a>");

    vbMarkupCutElement(document->markup, testFind(document, "b"));
    vbMarkupCutElement(document->markup, testFind(document, "c"));
    testAssertResult(document, "<a>one two<!-- --></a>");
}

/* Text may have no "]]>" in it. */
static void
testCutBetweenBrackets(void)
{
    static const char *const texts[][2] = {
        { "<a>]]<b/>></a>", "<a>]] ></a>" },
        { "<a>]<b/>]></a>", "<a>] ]></a>" },
        { "<a>]]\n<b>x</b>></a>", "<a>]] ></a>" },
        { "<a>]]<b/></a>", "<a>]] </a>" },
        { "<a><![CDATA[]]><b/>></a>", "<a><![CDATA[]]>></a>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(testDocument) document = testNew(texts[i][0]);

        vbMarkupCutElement(document->markup, testFind(document, "b"));
        testAssertResult(document, texts[i][1]);
    }
}

static void
testCutTwice(void)
{
    g_autoptr(testDocument) document = testNew("<a> <b c='1'/> </a>");

    vbMarkupCutElement(document->markup, testFind(document, "b"));
    vbMarkupCutElement(document->markup, testFind(document, "b"));
    testAssertResult(document, "<a> </a>");
}

static void
testCutNested(void)
{
    g_autoptr(testDocument) document = testNew("<a><b c='1'><d/><e/></b><f/></a>");

    vbMarkupCutElement(document->markup, testFind(document, "d"));
    vbMarkupCutElement(document->markup, testFind(document, "b"));
    vbMarkupCutAttr(document->markup, testFindAttr(document, "b", "c"));
    vbMarkupAddAttr(document->markup, testFind(document, "e"), "x", "1");
    vbMarkupAppend(document->markup, testFind(document, "e"), "<g/>");
    vbMarkupAppend(document->markup, testFind(document, "b"), "<h/>");
    testAssertResult(document, "<a><f/></a>");
}

static void
testCutNeighbours(void)
{
    g_autoptr(testDocument) document = testNew("<a> <b/> <c/><d/> </a>");

    vbMarkupCutElement(document->markup, testFind(document, "d"));
    vbMarkupCutElement(document->markup, testFind(document, "c"));
    vbMarkupCutElement(document->markup, testFind(document, "b"));
    testAssertResult(document, "<a> </a>");
}

static void
testReplaceValue(void)
{
    g_autoptr(testDocument) document = testNew("<a b=\"1\" c='&lt;'/>");
    const vbMarkupAttr *place = vbMarkupGetAttr(testFindAttr(document, "a", "c"));

    vbMarkupReplace(document->markup, place->value, place->valueEnd, g_strdup("longer"));
    place = vbMarkupGetAttr(testFindAttr(document, "a", "b"));
    vbMarkupReplace(document->markup, place->value, place->valueEnd, g_strdup(""));
    testAssertResult(document, "<a b=\"\" c='longer'/>");
}

static void
testReplaceEmptyValue(void)
{
    g_autoptr(testDocument) document = testNew("<a b=''/>");
    const vbMarkupAttr *place = vbMarkupGetAttr(testFindAttr(document, "a", "b"));

    vbMarkupReplace(document->markup, place->value, place->valueEnd, g_strdup("1"));
    testAssertResult(document, "<a b='1'/>");
}

static void
testReplaceInCut(void)
{
    g_autoptr(testDocument) document = testNew("<a b='1' c='2'/>");
    const xmlAttr *attr = testFindAttr(document, "a", "b");

    vbMarkupReplace(document->markup, vbMarkupGetAttr(attr)->value,
                    vbMarkupGetAttr(attr)->valueEnd, g_strdup("3"));
    vbMarkupCutAttr(document->markup, attr);
    testAssertResult(document, "<a c='2'/>");
}

static void
testAddAttr(void)
{
    g_autoptr(testDocument) document = testNew("<a><b/><c x='1'/><d></d><e  \n></e><f />"
                                               "<g x='/'></g><h x='/'\n/></a>");
    static const char *const names[] = { "b", "c", "d", "e", "f", "g", "h" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        vbMarkupAddAttr(document->markup, testFind(document, names[i]), "y", "2");
    testAssertResult(document,
                     "<a><b y='2'/><c x='1' y='2'/><d y='2'></d><e y='2'  \n></e><f y='2' />"
                     "<g x='/' y='2'></g><h x='/' y='2'\n/></a>");
}

static void
testAddAttrBehindDeclaration(void)
{
    g_autoptr(testDocument) document = testNew("<a b='1' xmlns:p='urn:p'/>");

    vbMarkupAddAttr(document->markup, testFind(document, "a"), "c", "2");
    testAssertResult(document, "<a b='1' xmlns:p='urn:p' c='2'/>");
}

static void
testAddAttrs(void)
{
    g_autoptr(testDocument) document = testNew("<a/>");

    vbMarkupAddAttr(document->markup, testFind(document, "a"), "z", "1");
    vbMarkupAddAttr(document->markup, testFind(document, "a"), "y", "2");
    vbMarkupAddAttr(document->markup, testFind(document, "a"), "x", "3");
    testAssertResult(document, "<a z='1' y='2' x='3'/>");
}

static void
testAddWhereCut(void)
{
    g_autoptr(testDocument) document = testNew("<a b='1'  c='2' />");

    vbMarkupCutAttr(document->markup, testFindAttr(document, "a", "c"));
    vbMarkupAddAttr(document->markup, testFind(document, "a"), "d", "3");
    testAssertResult(document, "<a b='1' d='3' />");
}

static void
testAddUndone(void)
{
    static const char text[] = "<a>\n  <b c='1'\t/>\n  <d>x</d >\r\n</a>";
    g_autoptr(testDocument) document = testNew(text);
    g_autoptr(testDocument) again = NULL;
    g_autofree char *result = NULL;
    size_t length;

    vbMarkupAddAttr(document->markup, testFind(document, "b"), "e", "1");
    vbMarkupAddAttr(document->markup, testFind(document, "d"), "e", "1");
    result = vbMarkupApply(document->markup, &length);
    again = testNewBytes(result, length);
    vbMarkupCutAttr(again->markup, testFindAttr(again, "b", "e"));
    vbMarkupCutAttr(again->markup, testFindAttr(again, "d", "e"));
    testAssertResult(again, text);
}

static void
testAppend(void)
{
    g_autoptr(testDocument) document = testNew("<a>\n  <b/>\n</a>");

    vbMarkupAppend(document->markup, testFind(document, "a"), "<c/>");
    g_assert_true(vbMarkupIsEdited(document->markup));
    testAssertResult(document, "<a>\n  <b/>\n<c/></a>");
}

static void
testAppendOrder(void)
{
    g_autoptr(testDocument) document = testNew("<a><b></b></a>");

    vbMarkupAppend(document->markup, testFind(document, "b"), "<d/>");
    vbMarkupAppend(document->markup, testFind(document, "a"), "<c/>");
    vbMarkupAppend(document->markup, testFind(document, "b"), "<e/>");
    testAssertResult(document, "<a><b><d/><e/></b><c/></a>");
}

static void
testAppendToEmpty(void)
{
    g_autoptr(testDocument) document = testNew("<a><p:b xmlns:p='urn:p' /><c/></a>");

    vbMarkupAppend(document->markup, testFind(document, "p:b"), "<d/>");
    vbMarkupAppend(document->markup, testFind(document, "c"), "x");
    vbMarkupAppend(document->markup, testFind(document, "p:b"), "<e/>");
    testAssertResult(document, "<a><p:b xmlns:p='urn:p' ><d/><e/></p:b><c>x</c></a>");
}

static void
testAppendAndAddAttr(void)
{
    g_autoptr(testDocument) document = testNew("<a><b c='1'/></a>");

    vbMarkupAppend(document->markup, testFind(document, "b"), "<e/>");
    vbMarkupCutAttr(document->markup, testFindAttr(document, "b", "c"));
    vbMarkupAddAttr(document->markup, testFind(document, "b"), "d", "2");
    testAssertResult(document, "<a><b d='2'><e/></b></a>");
}

static void
testAppendBehindCut(void)
{
    g_autoptr(testDocument) document = testNew("<a> <b/></a>");

    vbMarkupAppend(document->markup, testFind(document, "a"), "<c/>");
    vbMarkupCutElement(document->markup, testFind(document, "b"));
    testAssertResult(document, "<a><c/></a>");
}

static void
testPlainCut(void)
{
    g_autoptr(testDocument) document = testNew("<a>12345</a>");

    vbMarkupCut(document->markup, 4, 6);
    testAssertResult(document, "<a>145</a>");
}

static void
testInsertOrder(void)
{
    g_autoptr(testDocument) document = testNew("<a>12</a>");

    vbMarkupReplace(document->markup, 4, 5, g_strdup("C"));
    vbMarkupReplace(document->markup, 4, 4, g_strdup("A"));
    vbMarkupReplace(document->markup, 4, 4, g_strdup("B"));
    testAssertResult(document, "<a>1ABC</a>");
}

static void
testWholeText(void)
{
    g_autoptr(testDocument) document = testNew("<a/>");

    vbMarkupReplace(document->markup, 0, document->length, g_strdup("<b/>"));
    testAssertResult(document, "<b/>");
}

static void
testApplyTwice(void)
{
    g_autoptr(testDocument) document = testNew("<a><b/></a>");

    vbMarkupAppend(document->markup, testFind(document, "b"), "<c/>");
    testAssertResult(document, "<a><b><c/></b></a>");
    testAssertResult(document, "<a><b><c/></b></a>");
    vbMarkupAppend(document->markup, testFind(document, "b"), "<d/>");
    testAssertResult(document, "<a><b><c/><d/></b></a>");
}

static void
testManyEdits(void)
{
    g_autoptr(GString) text = g_string_new("<a>");
    g_autoptr(GString) expected = g_string_new("<a>");
    g_autoptr(testDocument) document = NULL;

    for (guint i = 0; i < 5000; i++) {
        g_string_append(text, "\n<b c='1'/>");
        g_string_append(expected, "\n<b d='2'/>");
    }
    g_string_append(text, "</a>");
    g_string_append(expected, "</a>");
    document = testNew(text->str);
    for (xmlNode *node = xmlLastElementChild((xmlNode *)testFind(document, "a")); node;
         node = xmlPreviousElementSibling(node)) {
        vbMarkupAddAttr(document->markup, node, "d", "2");
        vbMarkupCutAttr(document->markup, node->properties);
    }
    testAssertResult(document, expected->str);
}

static void
testFreeNothing(void)
{
    vbMarkupFree(NULL);
}

#define TEST(sentence, function) g_test_add_func("/markup/" sentence, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    TEST("an element has a place, a start tag and content", testElements);
    TEST("an empty-element tag is all there is of its element", testEmptyElement);
    TEST("both quotes are quotes, and each can be in the other's value", testQuotes);
    TEST("an empty value has a place", testEmptyValue);
    TEST("the ends of tags, comments and sections mean nothing in a value",
         testTagCharactersInValue);
    TEST("white space can be anywhere in a tag", testSpaceInTag);
    TEST("the five entities stand for their characters", testPredefinedEntities);
    TEST("references to characters are decimal or hexadecimal", testCharacterReferences);
    TEST("a reference to an ampersand begins no other reference", testReferenceToAmpersand);
    TEST("white space in a value counts as spaces", testSpaceInValue);
    TEST("tags in comments are none", testComments);
    TEST("a comment can begin with the end of a tag", testCommentOfTagEnds);
    TEST("tags in CDATA are none", testCdata);
    TEST("tags in processing instructions are none", testInstructions);
    TEST("a text that says it is UTF-8 is", testDeclaredUTF8);
    TEST("a byte order mark is before everything", testByteOrderMark);
    TEST("there can be white space around the document", testTextAround);
    TEST("quotes and ends of tags mean nothing in text", testTextWithGreater);
    TEST("names can have any letters", testNonASCIINames);
    TEST("a prefix is part of the name", testPrefixes);
    TEST("a prefix need not be declared", testUndeclaredPrefix);
    TEST("declarations of namespaces are no attributes", testDeclarationsBetweenAttributes);
    TEST("the prefix xml needs no declaration", testXMLPrefix);
    TEST("elements of one name nest", testNestedSameName);
    TEST("250 levels are no problem", testDeepNesting);
    TEST("50,000 elements are no problem", testManyElements);
    TEST("a name is where it is written", testName);

    TEST("a text that says it is in another encoding has no positions", testOtherEncoding);
    TEST("a text of ASCII has positions whatever it says of itself", testOtherEncodingOfASCII);
    TEST("another element than the tree's is disagreement", testOtherElement);
    TEST("an element that the tree does not have is disagreement", testElementTooMany);
    TEST("an element that only the tree has is disagreement", testElementTooFew);
    TEST("other nesting than the tree's is disagreement", testOtherNesting);
    TEST("another attribute or another order is disagreement", testOtherAttr);
    TEST("an attribute too many or too few is disagreement", testAttrTooMany);
    TEST("another value than the tree's is disagreement", testOtherValue);
    TEST("another prefix than the tree's is disagreement", testOtherPrefix);
    TEST("a reference to nothing is disagreement", testNoReference);
    TEST("a text cut off anywhere is disagreement", testTruncated);
    TEST("end tags must end what began", testEndTags);
    TEST("the caller need not want the error", testErrorNotWanted);

    TEST("without an edit the text is the same bytes", testNoEdit);
    TEST("an attribute is cut out", testCutAttr);
    TEST("white space in front of a cut attribute goes, that behind it stays", testCutAttrSpace);
    TEST("an only attribute is cut out", testCutOnlyAttr);
    TEST("all attributes are cut out in any order", testCutAllAttrs);
    TEST("an element is cut out with the white space in front of it", testCutElement);
    TEST("text and comments beside a cut element stay", testCutKeepsText);
    TEST("an element cut out between brackets leaves white space", testCutBetweenBrackets);
    TEST("cutting twice is cutting once", testCutTwice);
    TEST("an edit inside of what is cut has no effect", testCutNested);
    TEST("neighbours are cut out in any order", testCutNeighbours);
    TEST("values are replaced between their quotes", testReplaceValue);
    TEST("an empty value is replaced", testReplaceEmptyValue);
    TEST("a value of a cut attribute is not replaced", testReplaceInCut);
    TEST("an attribute is added as the last in every kind of tag", testAddAttr);
    TEST("an attribute is added behind declarations of namespaces", testAddAttrBehindDeclaration);
    TEST("attributes are added in the order of asking", testAddAttrs);
    TEST("an attribute is added where another is cut", testAddWhereCut);
    TEST("cutting what was added gives the same bytes", testAddUndone);
    TEST("content is appended as the last in its element", testAppend);
    TEST("content is appended in the order of asking", testAppendOrder);
    TEST("an empty-element tag is opened for content", testAppendToEmpty);
    TEST("an element gets content and attributes at once", testAppendAndAddAttr);
    TEST("content is appended behind what is cut", testAppendBehindCut);
    TEST("any bytes can be cut", testPlainCut);
    TEST("what is inserted at a place is before what is replaced there", testInsertOrder);
    TEST("the whole text can be replaced", testWholeText);
    TEST("edits can be applied again and again", testApplyTwice);
    TEST("10,000 edits in reverse order take effect", testManyEdits);
    TEST("no markup can be freed", testFreeNothing);

    return g_test_run();
}
