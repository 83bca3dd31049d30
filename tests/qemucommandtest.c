/*
 * qemucommandtest.c: what users write as libvirt stores it, and what is stored as users see it
 *
 * Whole documents are files in domainconfdata/, see README there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <time.h>

#include "qemu_command.h"
#include "vberror.h"

#define TEST_UUID "c2177883-f1bb-47f0-914d-32a22e3a8804"
#define TEST_OTHER_UUID "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define TEST_ALIAS "ua-vb-" TEST_UUID
#define TEST_OTHER_ALIAS "ua-vb-" TEST_OTHER_UUID
#define TEST_QEMU_NS "xmlns:qemu='" VB_DOMAIN_QEMU_NAMESPACE "'"
#define TEST_POLICY(value) \
    "<metadata><balloon:policy xmlns:balloon='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='" value \
    "'/></metadata>"
#define TEST_PROPERTY "<qemu:property name='x-balloon-allowed' type='bool' value='true'/>"
#define TEST_FALSE "<qemu:property name='x-balloon-allowed' type='bool' value='false'/>"
#define TEST_OTHER_PROPERTY "<qemu:property name='x-other' type='remove'/>"
#define TEST_DEVICE(alias, properties) \
    "<qemu:device alias='" alias "'><qemu:frontend>" properties "</qemu:frontend></qemu:device>"
#define TEST_OVERRIDE(devices) "<qemu:override>" devices "</qemu:override>"
#define TEST_NEW_OVERRIDE(devices) \
    "<qemu:override " TEST_QEMU_NS ">" devices "</qemu:override>"
#define TEST_SOURCE(uuid) "<source><address uuid='" uuid "'/></source>"
#define TEST_MDEV(attributes, content) \
    "<hostdev mode='subsystem' type='mdev' model='vfio-pci'" attributes ">" content "</hostdev>"
#define TEST_DOMAIN(devices, rest) \
    "<domain " TEST_QEMU_NS "><devices>" devices "</devices>" rest "</domain>"
#define TEST_NAMED(name) "<alias name='" name "'/>"

/* Returns: what @xml is stored as, which is @xml itself if nothing changes */
static char *
testStore(const char *xml, bool prune, bool *optsOut)
{
    g_autofree char *exact = g_memdup2(xml, strlen(xml));
    g_autoptr(GError) error = NULL;
    char *stored = NULL;
    bool ok = qemuCommandStoreAttributes(exact, strlen(xml), prune, optsOut, &stored, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    if (stored)
        g_assert_cmpstr(stored, !=, xml);
    return stored ? stored : g_strdup(xml);
}

static void
testAssertStored(const char *xml, const char *expected, bool optsOutExpected)
{
    bool optsOut = !optsOutExpected;
    g_autofree char *stored = testStore(xml, false, &optsOut);
    g_autofree char *again = NULL;
    bool optsOutAgain;

    g_assert_cmpstr(stored, ==, expected);
    g_assert_true(optsOut == optsOutExpected);
    again = testStore(stored, false, &optsOutAgain);
    g_assert_cmpstr(again, ==, stored);
    g_assert_false(optsOutAgain);
}

static void
testAssertUnchanged(const char *xml)
{
    char *stored = (char *)"";
    bool optsOut = true;

    for (int prune = 0; prune < 2; prune++) {
        g_assert_true(qemuCommandStoreAttributes(xml, strlen(xml), prune, &optsOut, &stored, NULL));
        g_assert_null(stored);
        g_assert_false(optsOut);
    }
}

static void
testAssertPruned(const char *xml, const char *expected)
{
    bool optsOut = false;
    g_autofree char *kept = testStore(xml, false, &optsOut);
    g_autofree char *stored = testStore(xml, true, &optsOut);

    g_assert_cmpstr(kept, ==, xml);
    g_assert_cmpstr(stored, ==, expected);
}

static void
testAssertRefused(const char *xml, int code, const char *message)
{
    for (int prune = 0; prune < 2; prune++) {
        g_autoptr(GError) error = NULL;
        char *stored = (char *)"";
        bool optsOut;

        g_assert_false(
            qemuCommandStoreAttributes(xml, strlen(xml), prune, &optsOut, &stored, &error));
        g_assert_null(stored);
        g_assert_error(error, VB_ERROR, code);
        g_assert_cmpstr(error->message, ==, message);
    }
}

static void
testAssertDeviceStored(const char *xml, const char *expected, bool optsOutExpected)
{
    g_autofree char *exact = g_memdup2(xml, strlen(xml));
    g_autofree char *stored = NULL;
    g_autoptr(GError) error = NULL;
    bool optsOut = !optsOutExpected;
    char *again = (char *)"";

    g_assert_true(
        qemuCommandStoreDeviceAttributes(exact, strlen(xml), &optsOut, &stored, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(stored, ==, expected);
    g_assert_true(optsOut == optsOutExpected);
    if (stored) {
        g_assert_true(qemuCommandStoreDeviceAttributes(stored, strlen(stored), &optsOut, &again,
                                                       NULL));
        g_assert_null(again);
        g_assert_false(optsOut);
    }
}

static void
testAssertDeviceRefused(const char *xml, int code, const char *message)
{
    g_autoptr(GError) error = NULL;
    char *stored = (char *)"";
    bool optsOut;

    g_assert_false(qemuCommandStoreDeviceAttributes(xml, strlen(xml), &optsOut, &stored, &error));
    g_assert_null(stored);
    g_assert_error(error, VB_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
}

static char *
testShow(const char *xml)
{
    g_autofree char *exact = g_memdup2(xml, strlen(xml));
    size_t length = 0;
    char *shown = qemuCommandShowAttributes(exact, strlen(xml), &length);

    if (shown)
        g_assert_cmpuint(strlen(shown), ==, length);
    return shown;
}

/* What is shown is stored as the same bytes again. */
static void
testAssertShown(const char *xml, const char *expected)
{
    g_autofree char *shown = testShow(xml);
    g_autofree char *stored = NULL;
    bool optsOut;

    g_assert_cmpstr(shown, ==, expected);
    stored = testStore(shown, true, &optsOut);
    g_assert_cmpstr(stored, ==, xml);
}

static void
testAssertNotShown(const char *xml)
{
    g_autofree char *shown = testShow(xml);

    g_assert_cmpstr(shown, ==, NULL);
}

static void
testAssertAlias(const char *uuid, const char *expected)
{
    g_autofree char *alias = qemuCommandMakeAlias(uuid);

    g_assert_cmpstr(alias, ==, expected);
}

/* Aliases */

static void
testAlias(void)
{
    testAssertAlias(TEST_UUID, TEST_ALIAS);
}

static void
testAliasCase(void)
{
    testAssertAlias("C2177883-F1BB-47F0-914D-32A22E3A8804", TEST_ALIAS);
}

static void
testAliasDashes(void)
{
    testAssertAlias("c2177883f1bb47f0914d32a22e3a8804", TEST_ALIAS);
    testAssertAlias(" \tc2177883f1bb-47f0914d-32a2-2e3a8804-\n", TEST_ALIAS);
}

static void
testAliasNone(void)
{
    testAssertAlias("", NULL);
    testAssertAlias("c2177883-f1bb-47f0-914d-32a22e3a880", NULL);
    testAssertAlias(TEST_UUID "0", NULL);
    testAssertAlias("c2177883-f1bb-47f0-914d-32a22e3a880g", NULL);
    testAssertAlias("c2177883_f1bb_47f0_914d_32a22e3a8804", NULL);
    testAssertAlias("c2177883-f1bb-47f0-914d-32a22e3a88\xc3\xa9", NULL);
}

static void
testAliasIsUser(void)
{
    g_autofree char *alias = qemuCommandMakeAlias(TEST_UUID);

    g_assert_true(vbDomainAliasIsUser(alias));
}

/* Nothing of ours */

static void
testMayBeOurs(void)
{
    g_assert_false(qemuCommandMayBeOurs("<domain/>", 9));
    g_assert_true(qemuCommandMayBeOurs("ballooning", 10));
    g_assert_false(qemuCommandMayBeOurs("ballooning", 9));
    g_assert_true(qemuCommandMayBeOurs("<memballoon policy", 18));
    g_assert_true(qemuCommandMayBeOurs("urn:virt-balloon:policy:1", 25));
    g_assert_true(qemuCommandMayBeOurs("x-balloon-allowed", 17));
}

static void
testUnchanged(void)
{
    testAssertUnchanged("");
    testAssertUnchanged("<domain/>");
    testAssertUnchanged(TEST_DOMAIN("<memballoon model='virtio'/>"
                                    TEST_MDEV("", TEST_SOURCE(TEST_UUID)), ""));
}

static void
testUnchangedStored(void)
{
    testAssertUnchanged(TEST_DOMAIN("<memballoon model='virtio'/>"
                                    TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                                    TEST_POLICY("warn")
                                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))));
}

static void
testUnchangedMentions(void)
{
    testAssertUnchanged(
        "<domain><!-- <memballoon policy='x'/> ballooning='x' --><cpu><feature policy='require'/>"
        "</cpu><description><![CDATA[<memballoon policy='x'><hostdev ballooning='x'/>]]>"
        "</description><devices><memballoon x='policy'/><disk ballooning='x'/>"
        "<interface type='network' ballooning='x'/></devices><memballoon policy='x'/>"
        "<hostdev ballooning='x'/><metadata><memballoon policy='x'/></metadata></domain>");
}

static void
testUnchangedForeign(void)
{
    testAssertUnchanged(
        "<domain xmlns:x='urn:x'><devices><x:memballoon policy='x'/><x:hostdev ballooning='x'/>"
        "<memballoon x:policy='x'/><hostdev x:ballooning='x'/></devices></domain>");
}

static void
testUnchangedUnreadable(void)
{
    testAssertUnchanged("<domain><devices><memballoon policy='warn'></devices></domain>");
    testAssertUnchanged("<hostdev ballooning='on'");
    testAssertUnchanged("ballooning");
    testAssertUnchanged("<memory model='dimm' ballooning='x'/>");
    testAssertUnchanged("<domain><memory>x</memory><devices><memballoon policy='x'/></devices>"
                        "</domain>");
}

static void
testUnchangedOtherDocument(void)
{
    testAssertUnchanged("<network><memballoon policy='x'/><hostdev ballooning='x'/></network>");
    testAssertUnchanged("<domainsnapshot><disks><memballoon policy='x'/></disks>"
                        "</domainsnapshot>");
}

static void
testUnchangedLatin1(void)
{
    testAssertUnchanged("<?xml version='1.0' encoding='ISO-8859-1'?><domain><name>\xe9</name>"
                        TEST_POLICY("warn") "</domain>");
}

/* The policy */

static void
testPolicy(void)
{
    static const char *const values[] = { "block", "warn", "ignore", "redirect" };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<domain><devices><memballoon model='virtio' policy='%s'/></devices></domain>",
            values[i]);
        g_autofree char *expected = g_strdup_printf(
            "<domain><devices><memballoon model='virtio'/></devices>" TEST_POLICY("%s")
            "</domain>", values[i]);

        testAssertStored(xml, expected, false);
    }
}

static void
testPolicyDefault(void)
{
    testAssertStored(TEST_DOMAIN("<memballoon policy='default'/>", TEST_POLICY("warn")),
                     TEST_DOMAIN("<memballoon/>", "<metadata></metadata>"), false);
    testAssertStored(TEST_DOMAIN("<memballoon policy='default'/>", ""),
                     TEST_DOMAIN("<memballoon/>", ""), false);
}

static void
testPolicyWins(void)
{
    testAssertStored(TEST_DOMAIN("<memballoon policy='ignore'/>", TEST_POLICY("warn")),
                     TEST_DOMAIN("<memballoon/>", TEST_POLICY("ignore")), false);
    testAssertStored(TEST_DOMAIN("<memballoon policy='ignore'/>", TEST_POLICY("nonsense")),
                     TEST_DOMAIN("<memballoon/>", TEST_POLICY("ignore")), false);
}

static void
testPolicySame(void)
{
    testAssertStored(TEST_DOMAIN("<memballoon policy='warn'/>", TEST_POLICY("warn")),
                     TEST_DOMAIN("<memballoon/>", TEST_POLICY("warn")), false);
}

static void
testPolicyReferences(void)
{
    testAssertStored("<domain><devices><memballoon\n\tpolicy = \"w&#97;&#x72;n\"\n/></devices>"
                     "</domain>",
                     "<domain><devices><memballoon\n/></devices>" TEST_POLICY("warn") "</domain>",
                     false);
}

static void
testPolicyFirstMemballoon(void)
{
    testAssertStored("<domain><devices><memballoon policy='warn'/><memballoon policy='block'/>"
                     "</devices></domain>",
                     "<domain><devices><memballoon/><memballoon/></devices>" TEST_POLICY("warn")
                     "</domain>", false);
}

static void
testPolicySnapshot(void)
{
    testAssertStored(
        "<domainsnapshot><domain><devices><memballoon policy='warn'/></devices></domain>"
        "<inactiveDomain><devices><memballoon policy='block'/></devices></inactiveDomain>"
        "</domainsnapshot>",
        "<domainsnapshot><domain><devices><memballoon/></devices>" TEST_POLICY("warn") "</domain>"
        "<inactiveDomain><devices><memballoon/></devices>" TEST_POLICY("block")
        "</inactiveDomain></domainsnapshot>", false);
}

static void
testPolicyCheckpoint(void)
{
    testAssertStored(
        "<domaincheckpoint><domain><devices><memballoon policy='warn'/></devices></domain>"
        "</domaincheckpoint>",
        "<domaincheckpoint><domain><devices><memballoon/></devices>" TEST_POLICY("warn")
        "</domain></domaincheckpoint>", false);
}

static void
testPolicyDevice(void)
{
    testAssertDeviceStored("<memballoon model='virtio' policy='warn'><stats period='5'/>"
                           "</memballoon>",
                           "<memballoon model='virtio'><stats period='5'/></memballoon>", false);
    testAssertDeviceStored("<x:memballoon xmlns:x='urn:x' policy='default'/>",
                           "<x:memballoon xmlns:x='urn:x'/>", false);
}

static void
testBytesAround(void)
{
    testAssertStored(
        "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\r\n<!-- policy=\"x\" -->\r\n"
        "<domain >\r\n<devices\n><memballoon  policy='warn'  model = \"virtio\" /></devices>\r\n"
        "<!-- caf\xc3\xa9 --></domain\t>\r\n<?p?>",
        "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\r\n<!-- policy=\"x\" -->\r\n"
        "<domain >\r\n<devices\n><memballoon  model = \"virtio\" /></devices>\r\n"
        "<!-- caf\xc3\xa9 -->" TEST_POLICY("warn") "</domain\t>\r\n<?p?>", false);
}

/* Opting out */

static void
testOptOut(void)
{
    testAssertStored("<domain><devices>" TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID))
                     "</devices></domain>",
                     "<domain><devices>"
                     TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)) "</devices>"
                     TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)) "</domain>", true);
}

static void
testOptOutWithoutMode(void)
{
    testAssertStored("<domain><devices><hostdev type='mdev' ballooning='on' model='vfio-pci'>"
                     TEST_SOURCE(TEST_UUID) "</hostdev></devices></domain>",
                     "<domain><devices><hostdev type='mdev' model='vfio-pci'>"
                     TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS) "</hostdev></devices>"
                     TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)) "</domain>", true);
}

static void
testOptOutSeveral(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID))
                    TEST_MDEV("", TEST_SOURCE("00000000-0000-0000-0000-000000000001"))
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_OTHER_UUID)), ""),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS))
                    TEST_MDEV("", TEST_SOURCE("00000000-0000-0000-0000-000000000001"))
                    TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED(TEST_OTHER_ALIAS)),
                    TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)
                                      TEST_DEVICE(TEST_OTHER_ALIAS, TEST_PROPERTY))), true);
}

static void
testOptOutUserAlias(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_NAMED("ua-gpu") TEST_SOURCE(TEST_UUID)), ""),
        TEST_DOMAIN(TEST_MDEV("", TEST_NAMED("ua-gpu") TEST_SOURCE(TEST_UUID)),
                    TEST_NEW_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_PROPERTY))), true);
}

static void
testOptOutOtherAlias(void)
{
    static const char *const aliases[] = { "hostdev0", "hostdev7", "ua-a b", "ua-a.b", "UA-a",
                                           "ua", "", "ua-\xc3\xa9" };

    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
        g_autofree char *xml = g_strdup_printf(
            TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_NAMED("%s") TEST_SOURCE(TEST_UUID)), ""),
            aliases[i]);

        testAssertStored(xml, TEST_DOMAIN(
                             TEST_MDEV("", TEST_NAMED(TEST_ALIAS) TEST_SOURCE(TEST_UUID)),
                             TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true);
    }
}

static void
testOptOutInForce(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_FALSE TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_FALSE TEST_PROPERTY))), true);
}

static void
testOptOutNotInForce(void)
{
    static const char *const properties[] = {
        TEST_FALSE,
        TEST_PROPERTY TEST_FALSE,
        TEST_PROPERTY "<qemu:property name='x-balloon-allowed' type='remove'/>",
        "<qemu:property name='x-balloon-allowed' type='string' value='true'/>",
        "<qemu:property name='x-balloon-allowed' type='bool' value='on'/>",
        "<qemu:property name='x-balloon-allowed' value='true'/>",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
        g_autofree char *xml = g_strdup_printf(
            TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                        TEST_OVERRIDE(TEST_DEVICE("ua-gpu", "%s"))), properties[i]);

        testAssertStored(xml, TEST_DOMAIN(
                             TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                             TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_PROPERTY))), true);
    }
}

static void
testOptOutPlaceInForce(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))), true);
}

static void
testOptOutUnusableAliasInForce(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-a b")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-a b", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE("ua-a b", TEST_PROPERTY)
                                  TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true);
}

static void
testOptOutPlaces(void)
{
    testAssertRefused(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID))
                    TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev1", TEST_OTHER_PROPERTY))),
        VB_ERROR_UNSUPPORTED,
        "ballooning='on' for mediated device (" TEST_UUID "): the domain overrides properties of "
        "devices by their places ('hostdev0'), which would change; give the devices aliases of "
        "your own ('ua-...') and use those");
}

static void
testOptOutMerged(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-net", TEST_OTHER_PROPERTY)
                                  TEST_DEVICE("ua-gpu", TEST_OTHER_PROPERTY))
                    "<qemu:commandline><qemu:arg value='-s'/></qemu:commandline>"),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-net", TEST_OTHER_PROPERTY)
                                  TEST_DEVICE("ua-gpu", TEST_OTHER_PROPERTY TEST_PROPERTY))
                    "<qemu:commandline><qemu:arg value='-s'/></qemu:commandline>"), true);
}

static void
testOptOutAnyUUID(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'",
                              TEST_SOURCE(" C2177883F1BB47F0914D32A22E3A8804")), ""),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(" C2177883F1BB47F0914D32A22E3A8804")
                              TEST_NAMED(TEST_ALIAS)),
                    TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true);
}

static void
testOptOutNoUUID(void)
{
    testAssertStored(TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE("x")), ""),
                     TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE("x")), ""), true);
    testAssertStored(TEST_DOMAIN("<hostdev type='mdev' model='vfio-pci' ballooning='on'/>", ""),
                     TEST_DOMAIN("<hostdev type='mdev' model='vfio-pci'/>", ""), true);
}

/* libvirt refuses that: the alias is not unique. */
static void
testOptOutSharedAlias(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-a"))
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED("ua-a")),
                    ""),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-a"))
                    TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED("ua-a")),
                    TEST_NEW_OVERRIDE(TEST_DEVICE("ua-a", TEST_PROPERTY))), true);
}

static void
testOptOutBesideInterface(void)
{
    testAssertStored(
        TEST_DOMAIN("<interface type='hostdev'><source/></interface>"
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)), ""),
        TEST_DOMAIN("<interface type='hostdev'><source/></interface>"
                    TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true);
}

static void
testOptOutSecondDevices(void)
{
    testAssertStored(
        "<domain><devices><disk/></devices><devices>"
        TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)) "</devices></domain>",
        "<domain><devices><disk/></devices><devices>"
        TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)) "</devices>"
        TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)) "</domain>", true);
}

static void
testOptOutAndPolicy(void)
{
    testAssertStored(
        TEST_DOMAIN("<memballoon policy='warn'/>"
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)), ""),
        TEST_DOMAIN("<memballoon/>"
                    TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_POLICY("warn")
                    TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true);
}

static void
testOptOutSnapshot(void)
{
    testAssertStored(
        "<domainsnapshot><domain><devices/></domain><inactiveDomain><devices>"
        TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)) "</devices></inactiveDomain>"
        "</domainsnapshot>",
        "<domainsnapshot><domain><devices/></domain><inactiveDomain><devices>"
        TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)) "</devices>"
        TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)) "</inactiveDomain>"
        "</domainsnapshot>", true);
}

static void
testOptOutDevice(void)
{
    testAssertDeviceStored(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)),
                           TEST_MDEV("", TEST_SOURCE(TEST_UUID)), true);
    testAssertDeviceStored(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID)),
                           TEST_MDEV("", TEST_SOURCE(TEST_UUID)), false);
}

static void
testDeviceUnchanged(void)
{
    testAssertDeviceStored("<hostdev type='pci'/>", NULL, false);
    testAssertDeviceStored("<hostdev><source ballooning='x'/></hostdev>", NULL, false);
    testAssertDeviceStored("<memory model='dimm' ballooning='x'/>", NULL, false);
    testAssertDeviceStored("<disk ballooning='x'/>", NULL, false);
    testAssertDeviceStored("<hostdev ballooning='on'", NULL, false);
    testAssertDeviceStored("<!DOCTYPE hostdev><hostdev/>", NULL, false);
}

/* Each document is looked for by what libvirt takes it for. */
static void
testDeviceIsNoDomain(void)
{
    testAssertDeviceStored(TEST_DOMAIN("<memballoon policy='warn'/>", ""), NULL, false);
    testAssertUnchanged("<hostdev type='pci' ballooning='on'/>");
    testAssertUnchanged("<memballoon policy='nonsense'/>");
}

/* Opting in again */

static void
testOptIn(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)), ""), false);
}

static void
testOptInNothing(void)
{
    testAssertStored(TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID)), ""),
                     TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)), ""), false);
    testAssertStored(TEST_DOMAIN("<hostdev type='pci' ballooning='off'/>", ""),
                     TEST_DOMAIN("<hostdev type='pci'/>", ""), false);
}

static void
testOptInUserAlias(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")), ""), false);
}

static void
testOptInKeepsOverride(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_OTHER_PROPERTY TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_OTHER_PROPERTY))), false);
}

static void
testOptInPlace(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)), ""), false);
}

static void
testOptInDroppedAlias(void)
{
    bool optsOut;
    g_autofree char *stored = testStore(
        TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true, &optsOut);

    g_assert_cmpstr(stored, ==, TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)), ""));
}

static void
testOptInAndOut(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS))
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_OTHER_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID))
                    TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED(TEST_OTHER_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_OTHER_ALIAS, TEST_PROPERTY))), true);
}

/* Whose UUID was edited keeps the alias that was made of the old one. */
static void
testOptInLeavesOthers(void)
{
    testAssertStored(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED(TEST_ALIAS))
                    TEST_MDEV(" ballooning='off'", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED(TEST_ALIAS))
                    TEST_MDEV("", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), false);
}

/* Orphans */

static void
testOrphan(void)
{
    testAssertPruned(TEST_DOMAIN("<memballoon/>",
                                 TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
                     TEST_DOMAIN("<memballoon/>", ""));
}

static void
testOrphanOfSeveral(void)
{
    testAssertPruned(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)
                                  TEST_DEVICE(TEST_OTHER_ALIAS, TEST_PROPERTY TEST_OTHER_PROPERTY)
                                  TEST_DEVICE("ua-gone", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY)
                                  TEST_DEVICE(TEST_OTHER_ALIAS, TEST_OTHER_PROPERTY)
                                  TEST_DEVICE("ua-gone", TEST_PROPERTY))));
}

static void
testOrphanAdopted(void)
{
    bool optsOut = false;
    g_autofree char *stored = testStore(
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))), true, &optsOut);

    g_assert_cmpstr(stored, ==, TEST_DOMAIN(
                        TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                        TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))));
    g_assert_true(optsOut);
}

/* A client that dropped the alias and the attribute dropped the opt-out. */
static void
testOrphanOfDevice(void)
{
    testAssertPruned(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)), ""));
}

/* Refusals */

static void
testRefusedPolicy(void)
{
    testAssertRefused(TEST_DOMAIN("<memballoon policy='x'/>", ""), VB_ERROR_XML,
                      "invalid value 'x' of attribute 'policy' in element 'memballoon': expected "
                      "'block', 'warn', 'ignore', 'redirect' or 'default'");
    testAssertDeviceRefused("<memballoon policy=''/>", VB_ERROR_XML,
                      "invalid value '' of attribute 'policy' in element 'memballoon': expected "
                      "'block', 'warn', 'ignore', 'redirect' or 'default'");
}

static void
testRefusedBallooning(void)
{
    testAssertRefused(TEST_DOMAIN("<hostdev type='pci' ballooning='yes'/>", ""), VB_ERROR_XML,
                      "invalid value 'yes' of attribute 'ballooning' in element 'hostdev': "
                      "expected 'on' or 'off'");
    testAssertDeviceRefused("<hostdev ballooning='On'/>", VB_ERROR_XML,
                      "invalid value 'On' of attribute 'ballooning' in element 'hostdev': "
                      "expected 'on' or 'off'");
}

static void
testRefusedDevice(void)
{
    static const char message[] =
        "ballooning='on' for assigned PCI device 'ua-gpu' (0000:07:00.0): QEMU can only let a "
        "mediated device (type='mdev') of model 'vfio-pci' be compatible with ballooning; remove "
        "the attribute";
    static const char device[] =
        "<hostdev type='pci' ballooning='on'><source><address bus='7'/></source>"
        TEST_NAMED("ua-gpu") "</hostdev>";
    g_autofree char *domain = g_strdup_printf(TEST_DOMAIN("%s", ""), device);

    testAssertDeviceRefused(device, VB_ERROR_UNSUPPORTED, message);
    testAssertRefused(domain, VB_ERROR_UNSUPPORTED, message);
}

static void
testRefusedInSnapshot(void)
{
    testAssertRefused("<domainsnapshot><domain/><inactiveDomain><devices>"
                      "<memballoon policy='x'/></devices></inactiveDomain></domainsnapshot>",
                      VB_ERROR_XML,
                      "invalid value 'x' of attribute 'policy' in element 'memballoon': expected "
                      "'block', 'warn', 'ignore', 'redirect' or 'default'");
}

static void
testRefusedDoctype(void)
{
    testAssertRefused("<!DOCTYPE domain><domain><devices><memballoon policy='warn'/></devices>"
                      "</domain>", VB_ERROR_XML,
                      "attributes 'policy' and 'ballooning' cannot be read: the document has a "
                      "document type declaration, which is not read");
    testAssertUnchanged("<!DOCTYPE domain><domain><devices><memballoon/></devices></domain>");
    testAssertUnchanged("<!DOCTYPE domain><domain>" TEST_POLICY("warn") "</domain>");
}

static void
testRefusedLatin1(void)
{
    testAssertRefused("<?xml version='1.0' encoding='UTF-7'?><domain><name>\xc3\xa9</name>"
                      "<devices><memballoon policy='warn'/></devices></domain>", VB_ERROR_XML,
                      "attributes 'policy' and 'ballooning' cannot be read: the document is not "
                      "written in plain UTF-8");
}

/* libxml2 2.9 does not follow it, the one of a newer libvirt does. */
static void
testRefusedInvalidUTF8(void)
{
    static const char xml[] =
        "<?xml version='1.0' encoding='ISO-8859-1'?><domain><name>\xe9</name>"
        "<devices><memballoon policy='warn'/></devices></domain>";
    g_autofree char *stored = NULL;
    g_autoptr(GError) error = NULL;
    bool optsOut;

    g_assert_false(qemuCommandStoreAttributes(xml, strlen(xml), false, &optsOut, &stored, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
    g_assert_true(g_str_has_prefix(error->message,
                                   "attributes 'policy' and 'ballooning' cannot be read: "));
}

static void
testRefusedTwoPolicies(void)
{
    testAssertRefused("<domain><metadata><b:policy xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE
                      "' memballoon='warn'/><c:policy xmlns:c='" VB_DOMAIN_POLICY_NAMESPACE
                      "' memballoon='warn'/></metadata></domain>", VB_ERROR_XML,
                      "element 'metadata' has 2 elements of namespace 'urn:virt-balloon:policy:1', "
                      "and libvirt would keep the first one only");
}

static void
testErrorNotWanted(void)
{
    static const char xml[] = TEST_DOMAIN("<memballoon policy='x'/>", "");
    static const char device[] = "<memballoon policy='x'/>";
    char *stored = NULL;
    bool optsOut;

    g_assert_false(qemuCommandStoreAttributes(xml, strlen(xml), true, &optsOut, &stored, NULL));
    g_assert_false(qemuCommandStoreDeviceAttributes(device, strlen(device), &optsOut, &stored,
                                                    NULL));
}

/* Showing */

static void
testShowPolicy(void)
{
    testAssertShown(TEST_DOMAIN("<memballoon model='virtio'/>", TEST_POLICY("block")),
                    TEST_DOMAIN("<memballoon model='virtio' policy='block'/>",
                                TEST_POLICY("block")));
}

static void
testShowPolicyInFirst(void)
{
    testAssertShown(TEST_DOMAIN("<memballoon ></memballoon><memballoon/>", TEST_POLICY("ignore")),
                    TEST_DOMAIN("<memballoon policy='ignore' ></memballoon><memballoon/>",
                                TEST_POLICY("ignore")));
}

static void
testShowNoPolicy(void)
{
    testAssertNotShown(TEST_DOMAIN("<memballoon/>", ""));
    testAssertNotShown(TEST_DOMAIN("<memballoon/>", TEST_POLICY("default")));
    testAssertNotShown(TEST_DOMAIN("<memballoon/>", TEST_POLICY("nonsense")));
    testAssertNotShown(TEST_DOMAIN("", TEST_POLICY("warn")));
    testAssertNotShown(TEST_DOMAIN("<memballoon/>", "<metadata/>" TEST_POLICY("warn")));
}

static void
testShowOptOut(void)
{
    testAssertShown(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))));
}

static void
testShowOthersOptOut(void)
{
    testAssertShown(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID))
                    TEST_MDEV("", TEST_SOURCE(TEST_OTHER_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_FALSE TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID))
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_OTHER_UUID)
                              TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_FALSE TEST_PROPERTY))));
}

static void
testShowPlace(void)
{
    testAssertShown(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID)),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))));
    testAssertShown(
        TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("hostdev0")),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))),
        TEST_DOMAIN(TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("hostdev0")),
                    TEST_OVERRIDE(TEST_DEVICE("hostdev0", TEST_PROPERTY))));
}

static void
testShowNotInForce(void)
{
    static const char *const properties[] = {
        TEST_FALSE,
        TEST_PROPERTY TEST_FALSE,
        TEST_PROPERTY "<qemu:property name='x-balloon-allowed' type='remove'/>",
        "<qemu:property name='x-balloon-allowed' type='string' value='true'/>",
        "<qemu:property name='x-balloon-allowed' type='bool' value='on'/>",
        "",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
        g_autofree char *xml = g_strdup_printf(
            TEST_DOMAIN(TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                        TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, "%s"))), properties[i]);

        testAssertNotShown(xml);
    }
}

static void
testShowOtherDevices(void)
{
    static const char *const devices[] = {
        "<hostdev mode='subsystem' type='pci'>" TEST_NAMED("ua-a") "</hostdev>",
        "<hostdev mode='subsystem' type='mdev' model='vfio-ccw'>" TEST_NAMED("ua-a") "</hostdev>",
        "<hostdev mode='capabilities' type='mdev' model='vfio-pci'>" TEST_NAMED("ua-a")
        "</hostdev>",
        "<interface type='hostdev'>" TEST_NAMED("ua-a") "</interface>",
        TEST_MDEV("", TEST_NAMED("ua-b")),
    };

    for (size_t i = 0; i < G_N_ELEMENTS(devices); i++) {
        g_autofree char *xml = g_strdup_printf(
            TEST_DOMAIN("%s", TEST_OVERRIDE(TEST_DEVICE("ua-a", TEST_PROPERTY))), devices[i]);

        testAssertNotShown(xml);
    }
}

static void
testShowBesideInterface(void)
{
    testAssertShown(
        TEST_DOMAIN("<interface type='hostdev'/><hostdev type='usb'/>"
                    TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_PROPERTY))),
        TEST_DOMAIN("<interface type='hostdev'/><hostdev type='usb'/>"
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
                    TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_PROPERTY))));
}

static void
testShowShown(void)
{
    testAssertNotShown(
        TEST_DOMAIN("<memballoon policy='warn'/>"
                    TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                    TEST_POLICY("warn") TEST_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))));
}

static void
testShowSnapshot(void)
{
    testAssertShown(
        "<domainsnapshot><domain><devices><memballoon/></devices>" TEST_POLICY("warn") "</domain>"
        "<inactiveDomain><devices><memballoon/></devices>" TEST_POLICY("block")
        "</inactiveDomain></domainsnapshot>",
        "<domainsnapshot><domain><devices><memballoon policy='warn'/></devices>"
        TEST_POLICY("warn") "</domain><inactiveDomain><devices><memballoon policy='block'/>"
        "</devices>" TEST_POLICY("block") "</inactiveDomain></domainsnapshot>");
}

static void
testShowUnreadable(void)
{
    testAssertNotShown("<domain>" TEST_POLICY("warn"));
    testAssertNotShown("<!DOCTYPE domain>" TEST_DOMAIN("<memballoon/>", TEST_POLICY("warn")));
    testAssertNotShown("<?xml version='1.0' encoding='UTF-7'?>"
                       TEST_DOMAIN("<memballoon/>", "<name>\xc3\xa9</name>" TEST_POLICY("warn")));
    testAssertNotShown(TEST_DOMAIN("<memballoon/>", "<memory>x</memory>" TEST_POLICY("warn")));
    testAssertNotShown("urn:virt-balloon:policy:1");
}

/* QEMU would not start, so nothing is in force; and what is shown can always be stored. */
static void
testShowPassedFd(void)
{
    static const char xml[] = TEST_DOMAIN(
        TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED("ua-gpu")),
        TEST_OVERRIDE(TEST_DEVICE("ua-gpu", TEST_PROPERTY
                                  "<qemu:property name='fd' type='string' value='9'/>")));

    testAssertUnchanged(xml);
    testAssertNotShown(xml);
}

/* A device into a domain */

static void
testAssertAdded(const char *xml, const char *device, const char *expected)
{
    g_autofree char *added = qemuCommandAddDevice(xml, strlen(xml), device, strlen(device));

    g_assert_cmpstr(added, ==, expected);
}

static void
testAddDevice(void)
{
    testAssertAdded("<domain>\n<devices>\n  <disk/>\n</devices>\n</domain>",
                    "<hostdev type='pci'><source/></hostdev>",
                    "<domain>\n<devices>\n  <disk/>\n<hostdev type='pci'><source/></hostdev>"
                    "</devices>\n</domain>");
    testAssertAdded("<domain><devices/></domain>", "<hostdev/>",
                    "<domain><devices><hostdev/></devices></domain>");
}

static void
testAddDeviceAlone(void)
{
    testAssertAdded("<domain><devices/></domain>",
                    "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<hostdev\n/>\n<!-- y -->\n",
                    "<domain><devices><hostdev\n/></devices></domain>");
}

static void
testAddDeviceNowhere(void)
{
    testAssertAdded("<domain/>", "<hostdev/>", NULL);
    testAssertAdded("<domain>", "<hostdev/>", NULL);
    testAssertAdded("<domain><devices/></domain>", "<hostdev>", NULL);
    testAssertAdded("<domainsnapshot/>", "<hostdev/>", NULL);
    testAssertAdded("<?xml version='1.0' encoding='UTF-7'?><domain><name>\xc3\xa9</name><devices/>"
                    "</domain>", "<hostdev/>", NULL);
}

/* What attach-device --config does: the device with its attribute into the domain, then stored. */
static void
testAddDeviceOptedOut(void)
{
    static const char device[] = TEST_MDEV(" ballooning='on'", TEST_SOURCE(TEST_UUID));
    static const char xml[] = TEST_DOMAIN("<memballoon/>", "");
    g_autofree char *added = qemuCommandAddDevice(xml, strlen(xml), device, strlen(device));

    g_assert_nonnull(added);
    testAssertStored(added,
                     TEST_DOMAIN("<memballoon/>"
                                 TEST_MDEV("", TEST_SOURCE(TEST_UUID) TEST_NAMED(TEST_ALIAS)),
                                 TEST_NEW_OVERRIDE(TEST_DEVICE(TEST_ALIAS, TEST_PROPERTY))),
                     true);
}

/* Whole documents */

static char *
testLoad(const char *name, const char *suffix)
{
    g_autofree char *file =
        g_strconcat(VB_TEST_DATA_DIR, "/domainconfdata/", name, suffix, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(file, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static void
testRoundTrip(const void *data)
{
    const char *name = data;
    g_autofree char *written = testLoad(name, ".xml");
    g_autofree char *storedExpected = testLoad(name, ".stored.xml");
    g_autofree char *shownExpected = testLoad(name, ".shown.xml");
    bool optsOut;
    g_autofree char *stored = testStore(written, true, &optsOut);
    g_autofree char *shown = NULL;

    g_assert_cmpstr(stored, ==, storedExpected);
    shown = testShow(stored);
    g_assert_cmpstr(shown, ==, shownExpected);
    g_free(stored);
    stored = testStore(shown, true, &optsOut);
    g_assert_cmpstr(stored, ==, storedExpected);
}

/* libvirt takes strings of up to 4 MiB, and the daemon has one thread. */
static void
testLargeDocument(void)
{
    const guint count = 12000;
    g_autoptr(GString) xml = g_string_new("<domain " TEST_QEMU_NS "><devices>");
    g_autofree char *stored = NULL;
    g_autofree char *shown = NULL;
    double seconds;
    clock_t start;
    bool optsOut = false;

    for (guint i = 0; i < count; i++)
        g_string_append_printf(
            xml, "<hostdev type='mdev' model='vfio-pci' ballooning='on'><source>"
            "<address uuid='%08x-0000-0000-0000-000000000000'/></source></hostdev>", i);
    g_string_append(xml, "</devices><qemu:override>");
    for (guint i = 0; i < count; i++)
        g_string_append_printf(xml, TEST_DEVICE("ua-vb-%08x-", TEST_PROPERTY), i);
    g_string_append(xml, "</qemu:override></domain>");
    g_assert_cmpuint(xml->len, <, 4 * 1024 * 1024);

    /* Of the processor, which others may use as well; under valgrind it is a few seconds, and minutes
     * for what looks at everything again for each device. */
    start = clock();
    stored = testStore(xml->str, true, &optsOut);
    shown = testShow(stored);
    g_assert_nonnull(shown);
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    g_test_message("%.1f s", seconds);
    g_assert_cmpfloat(seconds, <, 30);
}

#define TEST(sentence, function) g_test_add_func("/qemucommand/" sentence, function)
#define TEST_DATA(sentence, name) \
    g_test_add_data_func("/qemucommand/round trip: " sentence, name, testRoundTrip)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    TEST("an alias is made of the UUID", testAlias);
    TEST("an alias is in lower case", testAliasCase);
    TEST("an alias has its dashes where a UUID has them", testAliasDashes);
    TEST("no alias is made of what is no UUID", testAliasNone);
    TEST("libvirt takes the alias that is made", testAliasIsUser);

    TEST("what may be ours is seen in the bytes", testMayBeOurs);
    TEST("a document with nothing of ours is unchanged", testUnchanged);
    TEST("a document in its stored form is unchanged", testUnchangedStored);
    TEST("our attributes in other places are nobody's", testUnchangedMentions);
    TEST("elements and attributes in namespaces are not ours", testUnchangedForeign);
    TEST("a document that cannot be read is left to libvirt", testUnchangedUnreadable);
    TEST("a document of another kind is unchanged", testUnchangedOtherDocument);
    TEST("a stored document in another encoding is unchanged", testUnchangedLatin1);

    TEST("every policy is stored as metadata", testPolicy);
    TEST("the default policy removes the one that is stored", testPolicyDefault);
    TEST("the policy that is written wins over the one that is stored", testPolicyWins);
    TEST("the same policy is only cut out", testPolicySame);
    TEST("a policy can be written with references and white space", testPolicyReferences);
    TEST("the policy of the first memballoon is stored", testPolicyFirstMemballoon);
    TEST("both domains of a snapshot have their policies", testPolicySnapshot);
    TEST("the domain of a checkpoint has its policy", testPolicyCheckpoint);
    TEST("the policy of a memballoon on its own is cut out", testPolicyDevice);
    TEST("all other bytes stay", testBytesAround);

    TEST("an opt-out is stored as alias and override", testOptOut);
    TEST("an opt-out needs no mode", testOptOutWithoutMode);
    TEST("several devices are opted out and others are not", testOptOutSeveral);
    TEST("an alias of the user's choice is kept", testOptOutUserAlias);
    TEST("an alias that libvirt would drop is replaced", testOptOutOtherAlias);
    TEST("an opt-out in force is only cut out", testOptOutInForce);
    TEST("an opt-out that is not in force is made anew", testOptOutNotInForce);
    TEST("an opt-out in force by the device's place is only cut out", testOptOutPlaceInForce);
    TEST("an opt-out by an alias that libvirt drops is not in force",
         testOptOutUnusableAliasInForce);
    TEST("no alias is given where others are overridden by their places", testOptOutPlaces);
    TEST("an opt-out is merged into the overrides that are there", testOptOutMerged);
    TEST("an opt-out takes a UUID as libvirt reads it", testOptOutAnyUUID);
    TEST("an opt-out without a UUID is left to libvirt", testOptOutNoUUID);
    TEST("an alias that two devices share is opted out once", testOptOutSharedAlias);
    TEST("an interface that is a device does not shift the devices", testOptOutBesideInterface);
    TEST("a device in the second devices element is opted out", testOptOutSecondDevices);
    TEST("policy and opt-out are stored at once", testOptOutAndPolicy);
    TEST("a device in a snapshot is opted out there", testOptOutSnapshot);
    TEST("the attribute of a device on its own is cut out", testOptOutDevice);
    TEST("a device with nothing of ours is unchanged", testDeviceUnchanged);
    TEST("a domain is no device and a device no domain", testDeviceIsNoDomain);

    TEST("opting in removes alias and override", testOptIn);
    TEST("opting in where nothing is stored only cuts out", testOptInNothing);
    TEST("opting in keeps an alias of the user's choice", testOptInUserAlias);
    TEST("opting in keeps an alias that another override needs", testOptInKeepsOverride);
    TEST("opting in removes an override by the device's place", testOptInPlace);
    TEST("opting in where the alias is gone leaves no orphan", testOptInDroppedAlias);
    TEST("one device is opted in and another out", testOptInAndOut);
    TEST("opting in leaves the opt-out of another device", testOptInLeavesOthers);

    TEST("an opt-out of ours whose device is gone goes if asked", testOrphan);
    TEST("only opt-outs of ours go with their devices", testOrphanOfSeveral);
    TEST("an opt-out whose device is opted out again stays", testOrphanAdopted);
    TEST("an opt-out whose device lost its alias goes", testOrphanOfDevice);

    TEST("a wrong policy is refused", testRefusedPolicy);
    TEST("a wrong opt-out is refused", testRefusedBallooning);
    TEST("an opt-out of an assigned PCI device is refused", testRefusedDevice);
    TEST("the inactive domain of a snapshot is looked at", testRefusedInSnapshot);
    TEST("our attributes with a document type are refused", testRefusedDoctype);
    TEST("our attributes in another encoding are refused", testRefusedLatin1);
    TEST("our attributes in what is not UTF-8 are refused", testRefusedInvalidUTF8);
    TEST("two policies in the metadata are refused", testRefusedTwoPolicies);
    TEST("the caller need not want the error", testErrorNotWanted);

    TEST("the policy is shown", testShowPolicy);
    TEST("the policy is shown in the first memballoon", testShowPolicyInFirst);
    TEST("no policy, the default one and nonsense are not shown", testShowNoPolicy);
    TEST("an opt-out is shown", testShowOptOut);
    TEST("an opt-out is shown whoever stored it", testShowOthersOptOut);
    TEST("an opt-out by the device's place is shown", testShowPlace);
    TEST("an opt-out that is not in force is not shown", testShowNotInForce);
    TEST("no opt-out is shown of devices that cannot have it", testShowOtherDevices);
    TEST("an opt-out is shown in the right device", testShowBesideInterface);
    TEST("what is shown already is not shown again", testShowShown);
    TEST("both domains of a snapshot show what they have", testShowSnapshot);
    TEST("what cannot be read is not shown", testShowUnreadable);
    TEST("an opt-out that keeps QEMU from starting is not shown", testShowPassedFd);

    TEST("a device is added as the last one", testAddDevice);
    TEST("only the device is added, not what is around it", testAddDeviceAlone);
    TEST("a device is not added where there is no place for it", testAddDeviceNowhere);
    TEST("a device that was added is opted out", testAddDeviceOptedOut);

    TEST_DATA("a policy and two opt-outs as a user writes them", "opt-out-written");
    TEST_DATA("overrides and metadata of others", "opt-out-merged");
    TEST_DATA("what is stored already is changed and removed", "opt-out-changed");
    TEST_DATA("both domains of a snapshot", "opt-out-snapshot");
    TEST_DATA("markup of every kind", "opt-out-markup");
    TEST("a document as large as libvirt takes does not stop the daemon", testLargeDocument);

    return g_test_run();
}
