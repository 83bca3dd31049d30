/*
 * domainxmltest.c: the text of a domain with a policy, aliases and overrides put in and taken out
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "domain_xml.h"
#include "vberror.h"
#include "vbxml.h"

#define TEST_QEMU_NS "xmlns:qemu='" VB_DOMAIN_QEMU_NAMESPACE "'"
#define TEST_POLICY(value) \
    "<balloon:policy xmlns:balloon='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='" value "'/>"
#define TEST_PROPERTY(value) "<qemu:property name='p' type='bool' value='" value "'/>"
#define TEST_DEVICE(alias) \
    "<qemu:device alias='" alias "'><qemu:frontend>" TEST_PROPERTY("true") \
    "</qemu:frontend></qemu:device>"

static vbDomainXML *
testNew(const char *text)
{
    g_autoptr(GError) error = NULL;
    vbDomainXML *xml = vbDomainXMLNew(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_nonnull(xml);
    return xml;
}

static const xmlNode *
testDomain(const vbDomainXML *xml)
{
    g_assert_cmpuint(xml->domains->len, ==, 1);
    return g_ptr_array_index(xml->domains, 0);
}

static void
testAssertResult(const vbDomainXML *xml, const char *expected)
{
    size_t length = 0;
    g_autofree char *result = vbMarkupApply(xml->markup, &length);
    g_autoptr(xmlDoc) doc = vbXMLParse(result, length, NULL);

    g_assert_cmpstr(result, ==, expected);
    g_assert_nonnull(doc);
}

/* Which domains a document has, by their attribute 'n'. */
static void
testAssertDomains(const char *text, const char *expected)
{
    g_autoptr(vbDomainXML) xml = testNew(text);
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < xml->domains->len; i++)
        g_string_append(names, vbXMLProp(g_ptr_array_index(xml->domains, i), "n"));
    g_assert_cmpstr(names->str, ==, expected);
}

static void
testAssertRefused(const char *text, int code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vbDomainXMLNew(text, strlen(text), &error));
    g_assert_error(error, VB_ERROR, code);
}

static void
testAssertPolicySet(const char *text, vbDomainBalloonPolicy policy, const char *expected)
{
    g_autoptr(vbDomainXML) xml = testNew(text);

    vbDomainXMLSetPolicy(xml, testDomain(xml), policy);
    testAssertResult(xml, expected);
    g_assert_true(vbMarkupIsEdited(xml->markup) == (strcmp(text, expected) != 0));
}

static void
testAssertAliasSet(const char *device, const char *alias, const char *expected)
{
    g_autoptr(vbDomainXML) xml = testNew(device);

    vbDomainXMLSetAlias(xml, xmlDocGetRootElement(xml->doc), alias);
    testAssertResult(xml, expected);
}

/* @on, @off: aliases with blanks between them */
static void
testAssertOverridesSet(const char *text, const char *on, const char *off, const char *expected)
{
    g_autoptr(vbDomainXML) xml = testNew(text);
    g_auto(GStrv) onList = g_strsplit(on, " ", -1);
    g_auto(GStrv) offList = g_strsplit(off, " ", -1);
    g_autoptr(GPtrArray) onArray = g_ptr_array_new();
    g_autoptr(GHashTable) offSet = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; onList[i]; i++)
        g_ptr_array_add(onArray, onList[i]);
    for (size_t i = 0; offList[i]; i++)
        g_hash_table_add(offSet, offList[i]);
    vbDomainXMLSetOverrides(xml, testDomain(xml), "p", onArray, offSet);
    testAssertResult(xml, expected);
    g_assert_true(vbMarkupIsEdited(xml->markup) == (strcmp(text, expected) != 0));
}

/* Documents */

static void
testDomainDocument(void)
{
    testAssertDomains("<?xml version='1.0'?>\n<domain n='1'><domain n='2'/></domain>", "1");
}

static void
testSnapshotDocument(void)
{
    testAssertDomains("<domainsnapshot><domain n='1'/><inactiveDomain n='2'/></domainsnapshot>",
                      "12");
}

static void
testCheckpointDocument(void)
{
    testAssertDomains("<domaincheckpoint><name>x</name><domain n='1'/></domaincheckpoint>", "1");
}

static void
testDomainElsewhere(void)
{
    testAssertDomains("<domainsnapshot><disks><domain n='1'/></disks></domainsnapshot>", "");
    testAssertDomains("<other><domain n='1'/></other>", "");
    testAssertDomains("<inactiveDomain n='1'/>", "");
}

static void
testRootInNamespace(void)
{
    testAssertDomains("<x:domain xmlns:x='urn:x' n='1'/>", "1");
    testAssertDomains("<x:domainsnapshot xmlns:x='urn:x'><domain n='1'/></x:domainsnapshot>", "1");
}

static void
testDomainInNamespace(void)
{
    testAssertDomains("<domainsnapshot><x:domain xmlns:x='urn:x' n='1'/></domainsnapshot>", "");
}

static void
testDeviceDocument(void)
{
    testAssertDomains("<hostdev n='1'/>", "");
}

static void
testRefused(void)
{
    testAssertRefused("<domain>", VB_ERROR_XML);
    testAssertRefused("<!DOCTYPE domain><domain/>", VB_ERROR_UNREAD);
    testAssertRefused("<?xml version='1.0' encoding='UTF-7'?><domain>\xc3\xa9</domain>", VB_ERROR_XML);
}

static void
testFreeNothing(void)
{
    vbDomainXMLFree(NULL);
}

/* A look at the bytes */

static bool
testMayHave(const char *text)
{
    /* Not a byte more than the text has. */
    g_autofree char *exact = g_memdup2(text, strlen(text));

    return vbDomainXMLMayHaveAttributes(exact, strlen(text));
}

static void
testMayHaveAttributes(void)
{
    g_assert_true(testMayHave("<memballoon policy='warn'/>"));
    g_assert_true(testMayHave("<memballoon\nmodel='>'\n\tpolicy = 'warn'/>"));
    g_assert_true(testMayHave("<memballoon/><memballoon policy='warn'/>"));
    g_assert_true(testMayHave("<x:memballoon policy='warn'/>"));
    g_assert_true(testMayHave("<hostdev ballooning='on'/>"));
}

static void
testMayNotHaveAttributes(void)
{
    g_assert_false(testMayHave("<"));
    g_assert_false(testMayHave("<memballoon"));
    g_assert_false(testMayHave("<domain><devices><memballoon model='virtio'/></devices></domain>"));
    g_assert_false(testMayHave("<cpu><feature policy='require'/></cpu><memballoon/>"));
    g_assert_false(testMayHave("<memballoon/><x policy='warn'/>"));
    g_assert_false(testMayHave("<memballoon polic"));
}

static bool
testMayShow(const char *text)
{
    g_autofree char *exact = g_memdup2(text, strlen(text));

    return vbDomainXMLMayShowAttributes(exact, strlen(text));
}

static void
testMayShowAttributes(void)
{
    g_assert_true(testMayShow(TEST_POLICY("warn")));
    g_assert_true(testMayShow("<qemu:property name='x-balloon-allowed'/>"));
    g_assert_false(testMayShow("<hostdev ballooning='on'/><memballoon policy='warn'/>"));
    g_assert_false(testMayShow("<domain/>"));
}

/* Attributes */

static void
testListHostdevs(void)
{
    g_autoptr(vbDomainXML) xml = testNew(
        "<domain><hostdev n='0'/><devices><hostdev n='1'/><interface type='hostdev'/>"
        "<x:hostdev xmlns:x='urn:x' n='0'/><hostdev n='2'/></devices><x:devices xmlns:x='urn:x'>"
        "<hostdev n='0'/></x:devices><devices><hostdev n='3'/></devices></domain>");
    g_autoptr(GPtrArray) list = vbDomainXMLListHostdevs(testDomain(xml));

    g_assert_cmpuint(list->len, ==, 3);
    g_assert_cmpstr(vbXMLProp(g_ptr_array_index(list, 0), "n"), ==, "1");
    g_assert_cmpstr(vbXMLProp(g_ptr_array_index(list, 1), "n"), ==, "2");
    g_assert_cmpstr(vbXMLProp(g_ptr_array_index(list, 2), "n"), ==, "3");
}

static void
testCutAttribute(void)
{
    g_autoptr(vbDomainXML) xml = testNew("<hostdev type='mdev'  ballooning='on'/>");

    vbDomainXMLCutAttribute(xml, xmlDocGetRootElement(xml->doc), "ballooning");
    vbDomainXMLCutAttribute(xml, xmlDocGetRootElement(xml->doc), "other");
    testAssertResult(xml, "<hostdev type='mdev'/>");
}

static void
testCutForeignAttribute(void)
{
    g_autoptr(vbDomainXML) xml =
        testNew("<hostdev x:ballooning='on' xmlns:x='urn:x' ballooning='off'/>");

    vbDomainXMLCutAttribute(xml, xmlDocGetRootElement(xml->doc), "ballooning");
    testAssertResult(xml, "<hostdev x:ballooning='on' xmlns:x='urn:x'/>");
}

static void
testCutPolicy(void)
{
    g_autoptr(vbDomainXML) xml = testNew(
        "<domain><memballoon policy='0'/><cpu><feature policy='require'/></cpu>"
        "<devices><memballoon policy='1' model='virtio'/><disk policy='0'/></devices>"
        "<devices><memballoon policy='2'/></devices></domain>");

    vbDomainXMLCutPolicy(xml, testDomain(xml));
    testAssertResult(xml, "<domain><memballoon policy='0'/><cpu><feature policy='require'/></cpu>"
                     "<devices><memballoon model='virtio'/><disk policy='0'/></devices>"
                     "<devices><memballoon/></devices></domain>");
}

static void
testShowPolicy(void)
{
    g_autoptr(vbDomainXML) xml = testNew(
        "<domain><devices><memballoon model='virtio'><stats period='5'/></memballoon>"
        "<memballoon/></devices></domain>");

    vbDomainXMLShowPolicy(xml, testDomain(xml), VB_DOMAIN_BALLOON_POLICY_REDIRECT);
    testAssertResult(xml, "<domain><devices><memballoon model='virtio' policy='redirect'>"
                     "<stats period='5'/></memballoon><memballoon/></devices></domain>");
}

static void
testShowPolicyNowhere(void)
{
    g_autoptr(vbDomainXML) xml = testNew("<domain><memballoon/><devices/></domain>");

    vbDomainXMLShowPolicy(xml, testDomain(xml), VB_DOMAIN_BALLOON_POLICY_WARN);
    g_assert_false(vbMarkupIsEdited(xml->markup));
}

/* The policy */

static void
testPolicyNoMetadata(void)
{
    testAssertPolicySet("<domain>\n  <name>x</name>\n</domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
                        "<domain>\n  <name>x</name>\n<metadata>" TEST_POLICY("warn") "</metadata>"
                        "</domain>");
}

static void
testPolicyNothing(void)
{
    testAssertPolicySet("<domain/>", VB_DOMAIN_BALLOON_POLICY_BLOCK,
                        "<domain><metadata>" TEST_POLICY("block") "</metadata></domain>");
}

static void
testPolicyEmptyMetadata(void)
{
    testAssertPolicySet("<domain><metadata/></domain>", VB_DOMAIN_BALLOON_POLICY_IGNORE,
                        "<domain><metadata>" TEST_POLICY("ignore") "</metadata></domain>");
    testAssertPolicySet("<domain><metadata></metadata></domain>", VB_DOMAIN_BALLOON_POLICY_IGNORE,
                        "<domain><metadata>" TEST_POLICY("ignore") "</metadata></domain>");
}

static void
testPolicyBesideOthers(void)
{
    testAssertPolicySet("<domain><metadata>\n<x:y xmlns:x='urn:x' memballoon='0'/>\n</metadata>"
                        "</domain>", VB_DOMAIN_BALLOON_POLICY_REDIRECT,
                        "<domain><metadata>\n<x:y xmlns:x='urn:x' memballoon='0'/>\n"
                        TEST_POLICY("redirect") "</metadata></domain>");
}

static void
testPolicyFirstMetadata(void)
{
    testAssertPolicySet("<domain><metadata/><metadata>" TEST_POLICY("block") "</metadata>"
                        "</domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
                        "<domain><metadata>" TEST_POLICY("warn") "</metadata><metadata>"
                        TEST_POLICY("block") "</metadata></domain>");
}

static void
testPolicyForeignMetadata(void)
{
    testAssertPolicySet("<domain><m:metadata xmlns:m='urn:m'/></domain>",
                        VB_DOMAIN_BALLOON_POLICY_WARN,
                        "<domain><m:metadata xmlns:m='urn:m'/><metadata>" TEST_POLICY("warn")
                        "</metadata></domain>");
}

static void
testPolicyReplaced(void)
{
    testAssertPolicySet("<domain><metadata>" TEST_POLICY("warn") "</metadata></domain>",
                        VB_DOMAIN_BALLOON_POLICY_BLOCK,
                        "<domain><metadata>" TEST_POLICY("block") "</metadata></domain>");
}

static void
testPolicyReplacedInPlace(void)
{
    testAssertPolicySet(
        "<domain><metadata>\n <p:policy  memballoon = \"w&#97;rn\" xmlns:p=\""
        VB_DOMAIN_POLICY_NAMESPACE "\">x</p:policy>\n</metadata></domain>",
        VB_DOMAIN_BALLOON_POLICY_IGNORE,
        "<domain><metadata>\n <p:policy  memballoon = \"ignore\" xmlns:p=\""
        VB_DOMAIN_POLICY_NAMESPACE "\">x</p:policy>\n</metadata></domain>");
}

static void
testPolicyReplacedDefaultNamespace(void)
{
    testAssertPolicySet(
        "<domain><metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='x'/>"
        "</metadata></domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
        "<domain><metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='warn'/>"
        "</metadata></domain>");
}

static void
testPolicyReplacedPrefixAbove(void)
{
    testAssertPolicySet(
        "<domain xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'><metadata><b:policy memballoon='block'/>"
        "</metadata></domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
        "<domain xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'><metadata><b:policy memballoon='warn'/>"
        "</metadata></domain>");
}

static void
testPolicyReplacedForeignAttribute(void)
{
    testAssertPolicySet(
        "<domain><metadata><b:policy xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "' b:memballoon='x'/>"
        "</metadata></domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
        "<domain><metadata><b:policy xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "' b:memballoon='warn'/>"
        "</metadata></domain>");
}

static void
testPolicyWithoutValue(void)
{
    testAssertPolicySet(
        "<domain><metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "'/></metadata></domain>",
        VB_DOMAIN_BALLOON_POLICY_WARN,
        "<domain><metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='warn'/>"
        "</metadata></domain>");
    testAssertPolicySet(
        "<domain><metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon=''/>"
        "</metadata></domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
        "<domain><metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='warn'/>"
        "</metadata></domain>");
}

static void
testPolicySame(void)
{
    static const char text[] =
        "<domain><metadata>" TEST_POLICY("warn") "</metadata></domain>";

    testAssertPolicySet(text, VB_DOMAIN_BALLOON_POLICY_WARN, text);
}

static void
testPolicyOtherElement(void)
{
    testAssertPolicySet(
        "<domain><metadata> <b:other xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'/> <x:y "
        "xmlns:x='urn:x'/></metadata></domain>", VB_DOMAIN_BALLOON_POLICY_WARN,
        "<domain><metadata> <x:y xmlns:x='urn:x'/>" TEST_POLICY("warn") "</metadata></domain>");
}

static void
testPolicyRemoved(void)
{
    testAssertPolicySet(
        "<domain>\n<metadata>\n  <x:y xmlns:x='urn:x'/>\n  " TEST_POLICY("warn") "\n</metadata>"
        "</domain>", VB_DOMAIN_BALLOON_POLICY_DEFAULT,
        "<domain>\n<metadata>\n  <x:y xmlns:x='urn:x'/>\n</metadata></domain>");
}

static void
testPolicyRemovedOtherElement(void)
{
    testAssertPolicySet(
        "<domain><metadata><b:other xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'><c/></b:other>"
        "</metadata></domain>", VB_DOMAIN_BALLOON_POLICY_DEFAULT,
        "<domain><metadata></metadata></domain>");
}

static void
testPolicyRemovedNothing(void)
{
    static const char *const texts[] = {
        "<domain/>",
        "<domain><metadata/></domain>",
        "<domain><metadata><x:policy xmlns:x='urn:x' memballoon='warn'/></metadata></domain>",
        "<domain><metadata><policy memballoon='warn'/></metadata></domain>",
        "<domain><metadata><x:y xmlns:x='urn:x'>" TEST_POLICY("warn") "</x:y></metadata></domain>",
        "<domain>" TEST_POLICY("warn") "</domain>",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        testAssertPolicySet(texts[i], VB_DOMAIN_BALLOON_POLICY_DEFAULT, texts[i]);
}

static void
testPolicyOfOneDomain(void)
{
    g_autoptr(vbDomainXML) xml = testNew("<domainsnapshot><domain><metadata/></domain>"
                                         "<inactiveDomain/></domainsnapshot>");

    vbDomainXMLSetPolicy(xml, g_ptr_array_index(xml->domains, 1), VB_DOMAIN_BALLOON_POLICY_WARN);
    testAssertResult(xml, "<domainsnapshot><domain><metadata/></domain><inactiveDomain><metadata>"
                     TEST_POLICY("warn") "</metadata></inactiveDomain></domainsnapshot>");
}

/* Aliases */

static void
testAliasAdded(void)
{
    testAssertAliasSet("<hostdev>\n <source/>\n</hostdev>", "ua-x",
                       "<hostdev>\n <source/>\n<alias name='ua-x'/></hostdev>");
    testAssertAliasSet("<hostdev/>", "ua-x", "<hostdev><alias name='ua-x'/></hostdev>");
}

static void
testAliasReplaced(void)
{
    testAssertAliasSet("<hostdev><alias name=\"hostdev0\" x='1'/><source/></hostdev>", "ua-x",
                       "<hostdev><alias name=\"ua-x\" x='1'/><source/></hostdev>");
}

static void
testAliasWithoutName(void)
{
    testAssertAliasSet("<hostdev><alias/></hostdev>", "ua-x",
                       "<hostdev><alias/><alias name='ua-x'/></hostdev>");
    testAssertAliasSet("<hostdev><alias/><alias name='a'/><alias name='b'/></hostdev>", "ua-x",
                       "<hostdev><alias/><alias name='ua-x'/><alias name='b'/></hostdev>");
}

static void
testAliasElsewhere(void)
{
    testAssertAliasSet("<hostdev><source><alias name='a'/></source></hostdev>", "ua-x",
                       "<hostdev><source><alias name='a'/></source><alias name='ua-x'/></hostdev>");
    testAssertAliasSet("<hostdev><x:alias xmlns:x='urn:x' name='a'/></hostdev>", "ua-x",
                       "<hostdev><x:alias xmlns:x='urn:x' name='a'/><alias name='ua-x'/>"
                       "</hostdev>");
}

static void
testAliasRemoved(void)
{
    testAssertAliasSet("<hostdev>\n  <source/>\n  <alias name='ua-x'/>\n</hostdev>", NULL,
                       "<hostdev>\n  <source/>\n</hostdev>");
    testAssertAliasSet("<hostdev><source/></hostdev>", NULL, "<hostdev><source/></hostdev>");
}

static void
testAliasesRemoved(void)
{
    testAssertAliasSet("<hostdev><alias name='ua-x'/> <alias x='1'/>\n<alias name='ua-y'/>"
                       "</hostdev>", NULL, "<hostdev> <alias x='1'/></hostdev>");
}

/* Overrides */

static void
testOverrideMade(void)
{
    testAssertOverridesSet("<domain>\n  <name>x</name>\n</domain>", "ua-a", "",
                           "<domain>\n  <name>x</name>\n<qemu:override " TEST_QEMU_NS ">"
                           TEST_DEVICE("ua-a") "</qemu:override></domain>");
}

static void
testOverridesMade(void)
{
    testAssertOverridesSet("<domain/>", "ua-b ua-a", "",
                           "<domain><qemu:override " TEST_QEMU_NS ">" TEST_DEVICE("ua-b")
                           TEST_DEVICE("ua-a") "</qemu:override></domain>");
}

static void
testOverrideInOverride(void)
{
    testAssertOverridesSet("<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a")
                           "\n</qemu:override></domain>", "ua-b ua-c", "",
                           "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a") "\n"
                           TEST_DEVICE("ua-b") TEST_DEVICE("ua-c") "</qemu:override></domain>");
}

static void
testOverrideInEmptyOverride(void)
{
    testAssertOverridesSet("<domain " TEST_QEMU_NS "><qemu:override/></domain>", "ua-a", "",
                           "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a")
                           "</qemu:override></domain>");
}

static void
testOverrideInDevice(void)
{
    testAssertOverridesSet("<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'/>"
                           "</qemu:override></domain>", "ua-a", "",
                           "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a")
                           "</qemu:override></domain>");
}

static void
testOverrideInFrontend(void)
{
    testAssertOverridesSet("<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'>"
                           "<qemu:frontend>\n<qemu:property name='q' type='remove'/>\n"
                           "</qemu:frontend></qemu:device></qemu:override></domain>", "ua-a", "",
                           "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'>"
                           "<qemu:frontend>\n<qemu:property name='q' type='remove'/>\n"
                           TEST_PROPERTY("true") "</qemu:frontend></qemu:device></qemu:override>"
                           "</domain>");
    testAssertOverridesSet("<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'>"
                           "<qemu:frontend/></qemu:device></qemu:override></domain>", "ua-a", "",
                           "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a")
                           "</qemu:override></domain>");
}

static void
testOverrideReplaced(void)
{
    testAssertOverridesSet("<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'>"
                           "<qemu:frontend>" TEST_PROPERTY("false") "</qemu:frontend>"
                           "</qemu:device></qemu:override></domain>", "ua-a", "",
                           "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a")
                           "</qemu:override></domain>");
}

static void
testOverrideReplacedEverywhere(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        "<qemu:property name='q' type='bool' value='true'/>" TEST_PROPERTY("true")
        "</qemu:frontend></qemu:device><qemu:device alias='ua-a'><qemu:frontend>"
        TEST_PROPERTY("false") "</qemu:frontend></qemu:device></qemu:override><qemu:override>"
        "<qemu:device alias='ua-a'><qemu:frontend>" TEST_PROPERTY("false") "</qemu:frontend>"
        "</qemu:device></qemu:override></domain>", "ua-a", "",
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        "<qemu:property name='q' type='bool' value='true'/>" TEST_PROPERTY("true")
        "</qemu:frontend></qemu:device></qemu:override></domain>");
}

static void
testOverridePrefix(void)
{
    testAssertOverridesSet(
        "<domain><q:override xmlns:q='" VB_DOMAIN_QEMU_NAMESPACE "'/></domain>", "ua-a", "",
        "<domain><q:override xmlns:q='" VB_DOMAIN_QEMU_NAMESPACE "'><q:device alias='ua-a'>"
        "<q:frontend><q:property name='p' type='bool' value='true'/></q:frontend></q:device>"
        "</q:override></domain>");
}

static void
testOverrideInnerPrefix(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override><r:device alias='ua-a' xmlns:r='"
        VB_DOMAIN_QEMU_NAMESPACE "'/></qemu:override></domain>", "ua-a", "",
        "<domain " TEST_QEMU_NS "><qemu:override><r:device alias='ua-a' xmlns:r='"
        VB_DOMAIN_QEMU_NAMESPACE "'><r:frontend><r:property name='p' type='bool' value='true'/>"
        "</r:frontend></r:device></qemu:override></domain>");
}

static void
testOverrideDefaultNamespace(void)
{
    testAssertOverridesSet(
        "<domain><override xmlns='" VB_DOMAIN_QEMU_NAMESPACE "'><device alias='ua-b'/></override>"
        "</domain>", "ua-a", "",
        "<domain><override xmlns='" VB_DOMAIN_QEMU_NAMESPACE "'><device alias='ua-b'/>"
        "<device alias='ua-a'><frontend><property name='p' type='bool' value='true'/></frontend>"
        "</device></override></domain>");
}

static void
testOverrideForeign(void)
{
    testAssertOverridesSet(
        "<domain xmlns:qemu='urn:x'><qemu:override/><override/></domain>", "ua-a", "",
        "<domain xmlns:qemu='urn:x'><qemu:override/><override/><qemu:override " TEST_QEMU_NS ">"
        TEST_DEVICE("ua-a") "</qemu:override></domain>");
}

static void
testOverrideAfterCommandline(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:commandline><qemu:arg value='-s'/></qemu:commandline>"
        "</domain>", "ua-a", "",
        "<domain " TEST_QEMU_NS "><qemu:commandline><qemu:arg value='-s'/></qemu:commandline>"
        "<qemu:override " TEST_QEMU_NS ">" TEST_DEVICE("ua-a") "</qemu:override></domain>");
}

static void
testOverrideOff(void)
{
    testAssertOverridesSet("<domain " TEST_QEMU_NS ">\n  <qemu:override>\n    "
                           TEST_DEVICE("ua-a") "\n  </qemu:override>\n</domain>", "", "ua-a",
                           "<domain " TEST_QEMU_NS ">\n</domain>");
}

static void
testOverrideOffKeepsOthers(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a") TEST_DEVICE("ua-b")
        "</qemu:override></domain>", "", "ua-a",
        "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-b") "</qemu:override></domain>");
}

static void
testOverrideOffKeepsProperties(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        TEST_PROPERTY("true") "\n <qemu:property name='q' type='remove'/>" TEST_PROPERTY("x")
        "</qemu:frontend></qemu:device></qemu:override></domain>", "", "ua-a",
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        "\n <qemu:property name='q' type='remove'/>"
        "</qemu:frontend></qemu:device></qemu:override></domain>");
}

static void
testOverrideOffKeepsFrontend(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        TEST_PROPERTY("true") "</qemu:frontend><qemu:frontend>"
        "<qemu:property name='q' type='remove'/></qemu:frontend></qemu:device></qemu:override>"
        "</domain>", "", "ua-a",
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        "<qemu:property name='q' type='remove'/></qemu:frontend></qemu:device></qemu:override>"
        "</domain>");
}

static void
testOverrideOffKeepsEmpty(void)
{
    static const char text[] =
        "<domain " TEST_QEMU_NS "><qemu:override/><qemu:override><qemu:device alias='ua-a'/>"
        "<qemu:device alias='ua-b'><qemu:frontend/></qemu:device></qemu:override></domain>";

    testAssertOverridesSet(text, "", "ua-a ua-b", text);
}

static void
testOverrideOffAnyValue(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:frontend>"
        TEST_PROPERTY("false") "<qemu:property name='p' type='remove'/></qemu:frontend>"
        "</qemu:device></qemu:override></domain>", "", "ua-a",
        "<domain " TEST_QEMU_NS "></domain>");
}

static void
testOverrideWithoutAlias(void)
{
    static const char text[] =
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device><qemu:frontend>"
        TEST_PROPERTY("true") "</qemu:frontend></qemu:device></qemu:override></domain>";

    testAssertOverridesSet(text, "", "ua-a", text);
}

static void
testOverrideOffElsewhere(void)
{
    static const char text[] =
        "<domain " TEST_QEMU_NS "><qemu:override><qemu:device alias='ua-a'><qemu:backend>"
        TEST_PROPERTY("true") "</qemu:backend></qemu:device></qemu:override><override>"
        TEST_DEVICE("ua-a") "</override><metadata><qemu:override>" TEST_DEVICE("ua-a")
        "</qemu:override></metadata></domain>";

    testAssertOverridesSet(text, "", "ua-a", text);
}

static void
testOverrideOnAndOff(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-a") "</qemu:override></domain>",
        "ua-b", "ua-a",
        "<domain " TEST_QEMU_NS "><qemu:override>" TEST_DEVICE("ua-b") "</qemu:override></domain>");
}

static void
testOverrideComment(void)
{
    testAssertOverridesSet(
        "<domain " TEST_QEMU_NS "><qemu:override><!-- a -->" TEST_DEVICE("ua-a") "<!-- b -->"
        TEST_DEVICE("ua-b") "</qemu:override></domain>", "", "ua-a",
        "<domain " TEST_QEMU_NS "><qemu:override><!-- a --><!-- b -->" TEST_DEVICE("ua-b")
        "</qemu:override></domain>");
}

#define TEST(sentence, function) g_test_add_func("/domainxml/" sentence, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    TEST("a domain is the domain of its document", testDomainDocument);
    TEST("a snapshot has two domains", testSnapshotDocument);
    TEST("a checkpoint has a domain", testCheckpointDocument);
    TEST("a domain anywhere else is none", testDomainElsewhere);
    TEST("a root goes by its local name", testRootInNamespace);
    TEST("a domain in a namespace is none in a snapshot", testDomainInNamespace);
    TEST("a device has no domain", testDeviceDocument);
    TEST("what cannot be edited is refused", testRefused);
    TEST("no document can be freed", testFreeNothing);

    TEST("attributes of ours are seen in the bytes", testMayHaveAttributes);
    TEST("a policy of others is not taken for ours", testMayNotHaveAttributes);
    TEST("what may be shown is seen in the bytes", testMayShowAttributes);

    TEST("the hostdevs of every devices element are listed in order", testListHostdevs);
    TEST("an attribute is cut out where it is", testCutAttribute);
    TEST("an attribute in a namespace is not ours", testCutForeignAttribute);
    TEST("the policy is cut out of every memballoon of the domain", testCutPolicy);
    TEST("the policy is shown in the first memballoon", testShowPolicy);
    TEST("without a memballoon no policy is shown", testShowPolicyNowhere);

    TEST("a policy makes its metadata", testPolicyNoMetadata);
    TEST("a policy makes its metadata in an empty domain", testPolicyNothing);
    TEST("a policy is put into empty metadata", testPolicyEmptyMetadata);
    TEST("a policy is put behind the metadata of others", testPolicyBesideOthers);
    TEST("a policy is put into the first metadata", testPolicyFirstMetadata);
    TEST("metadata in a namespace is none", testPolicyForeignMetadata);
    TEST("a policy is replaced", testPolicyReplaced);
    TEST("a policy is replaced between its quotes", testPolicyReplacedInPlace);
    TEST("a policy in the default namespace is replaced", testPolicyReplacedDefaultNamespace);
    TEST("a policy whose prefix is declared above is replaced", testPolicyReplacedPrefixAbove);
    TEST("a policy's value in a namespace is replaced", testPolicyReplacedForeignAttribute);
    TEST("a policy without a value gets one", testPolicyWithoutValue);
    TEST("the same policy changes nothing", testPolicySame);
    TEST("another element of our namespace makes room for the policy", testPolicyOtherElement);
    TEST("the default policy removes the policy only", testPolicyRemoved);
    TEST("the default policy removes any element of our namespace", testPolicyRemovedOtherElement);
    TEST("the default policy leaves what is none of ours", testPolicyRemovedNothing);
    TEST("a policy is that of one domain of several", testPolicyOfOneDomain);

    TEST("an alias is added as the last element", testAliasAdded);
    TEST("an alias is replaced between its quotes", testAliasReplaced);
    TEST("an alias without a name does not count", testAliasWithoutName);
    TEST("an alias anywhere else is none", testAliasElsewhere);
    TEST("an alias is removed", testAliasRemoved);
    TEST("aliases that did not count do not count either when the first one is removed",
         testAliasesRemoved);

    TEST("an override is made at the end of the domain", testOverrideMade);
    TEST("several overrides are made in the order of asking", testOverridesMade);
    TEST("an override is put behind the others", testOverrideInOverride);
    TEST("an override is put into an empty one", testOverrideInEmptyOverride);
    TEST("an override is put into its device", testOverrideInDevice);
    TEST("an override is put into its frontend", testOverrideInFrontend);
    TEST("another value is replaced", testOverrideReplaced);
    TEST("another value is replaced wherever it is", testOverrideReplacedEverywhere);
    TEST("an override follows the prefix that is there", testOverridePrefix);
    TEST("an override follows the prefix of the innermost element", testOverrideInnerPrefix);
    TEST("an override follows the default namespace", testOverrideDefaultNamespace);
    TEST("an override of another namespace is none", testOverrideForeign);
    TEST("a command line is left alone", testOverrideAfterCommandline);
    TEST("an override goes with all that is left empty", testOverrideOff);
    TEST("an override goes and others stay", testOverrideOffKeepsOthers);
    TEST("an override goes and other properties stay", testOverrideOffKeepsProperties);
    TEST("an override goes and another frontend stays", testOverrideOffKeepsFrontend);
    TEST("what was empty before stays", testOverrideOffKeepsEmpty);
    TEST("an override goes whatever its value", testOverrideOffAnyValue);
    TEST("an override without an alias is left to libvirt", testOverrideWithoutAlias);
    TEST("an override anywhere else is none", testOverrideOffElsewhere);
    TEST("one override goes and another comes", testOverrideOnAndOff);
    TEST("comments between overrides stay", testOverrideComment);

    return g_test_run();
}
