/*
 * qemuvalidatetest.c: what documents may ask of ballooning, and the words of each refusal
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "qemu_validate.h"
#include "vberror.h"

#define TEST_UUID "c2177883-f1bb-47f0-914d-32a22e3a8804"
#define TEST_SOURCE "<source><address uuid='" TEST_UUID "'/></source>"
#define TEST_ALIAS "<alias name='ua-gpu'/>"
#define TEST_POLICIES "'block', 'warn', 'ignore', 'redirect' or 'default'"
#define TEST_OVERRIDE(name, rest) \
    "<qemu:override><qemu:device alias='ua-gpu'><qemu:frontend>" \
    "<qemu:property name='" name "' " rest "/></qemu:frontend></qemu:device></qemu:override>"
#define TEST_OPT_OUT TEST_OVERRIDE("x-balloon-allowed", "type='bool' value='true'")

static vbDomainDef *
testParse(const char *devices, const char *rest)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain xmlns:qemu='" VB_DOMAIN_QEMU_NAMESPACE "'><devices>%s</devices>%s</domain>",
        devices, rest);
    g_autoptr(GError) error = NULL;
    vbDomainDef *def = vbDomainDefParseString(xml, strlen(xml), &error);

    g_assert_no_error(error);
    return def;
}

static void
testAssertFine(const char *devices, const char *rest)
{
    g_autoptr(vbDomainDef) def = testParse(devices, rest);
    g_autoptr(GError) error = NULL;

    g_assert_true(qemuValidateAttributes(def, &error));
    g_assert_no_error(error);
}

static void
testAssertRefused(const char *devices, const char *rest, int code, const char *message)
{
    g_autoptr(vbDomainDef) def = testParse(devices, rest);
    g_autoptr(GError) error = NULL;

    g_assert_false(qemuValidateAttributes(def, &error));
    g_assert_error(error, VB_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_false(qemuValidateAttributes(def, NULL));
}

/* ballooning='on' is refused for this device; @name: as the message has it */
static void
testAssertNoMdev(const char *device, const char *name)
{
    g_autofree char *message = g_strdup_printf(
        "ballooning='on' for %s: QEMU can only let a mediated device (type='mdev') of model "
        "'vfio-pci' be compatible with ballooning; remove the attribute", name);

    testAssertRefused(device, "", VB_ERROR_UNSUPPORTED, message);
}

/* Values */

static void
testNothing(void)
{
    testAssertFine("<memballoon model='virtio'/><hostdev type='pci'/>", "");
}

static void
testPolicyValues(void)
{
    static const char *const values[] = { "block", "warn", "ignore", "redirect", "default" };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *device = g_strdup_printf("<memballoon policy='%s'/>", values[i]);

        testAssertFine(device, "");
    }
}

static void
testPolicyWrong(void)
{
    static const char *const values[] = { "", "Warn", " warn", "warn ", "none", "on", "blocked" };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *device = g_strdup_printf("<memballoon policy='%s'/>", values[i]);
        g_autofree char *message = g_strdup_printf(
            "invalid value '%s' of attribute 'policy' in element 'memballoon': expected "
            TEST_POLICIES, values[i]);

        testAssertRefused(device, "", VB_ERROR_XML, message);
    }
}

static void
testPolicyForeign(void)
{
    testAssertFine("<memballoon xmlns:x='urn:x' x:policy='nonsense'/>", "");
}

static void
testBallooningValues(void)
{
    testAssertFine("<hostdev type='mdev' model='vfio-pci' ballooning='on'>" TEST_SOURCE
                   "</hostdev>", "");
    testAssertFine("<hostdev type='mdev' model='vfio-pci' ballooning='off'>" TEST_SOURCE
                   "</hostdev>", "");
}

static void
testBallooningWrong(void)
{
    static const char *const values[] = { "", "yes", "true", "1", "ON", " on", "default" };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *device = g_strdup_printf(
            "<hostdev type='mdev' model='vfio-pci' ballooning='%s'/>", values[i]);
        g_autofree char *message = g_strdup_printf(
            "invalid value '%s' of attribute 'ballooning' in element 'hostdev': expected 'on' or "
            "'off'", values[i]);

        testAssertRefused(device, "", VB_ERROR_XML, message);
    }
}

static void
testValueBeforeDevice(void)
{
    testAssertRefused("<hostdev type='usb' ballooning='x'/>", "", VB_ERROR_XML,
                      "invalid value 'x' of attribute 'ballooning' in element 'hostdev': expected "
                      "'on' or 'off'");
}

static void
testValueIsPrintable(void)
{
    testAssertRefused("<memballoon policy='a&#10;b&#x85;c&#x2028;d'/>", "", VB_ERROR_XML,
                      "invalid value 'a?b?c?d' of attribute 'policy' in element 'memballoon': "
                      "expected " TEST_POLICIES);
}

static void
testValueIsShort(void)
{
    g_autofree char *value = g_strnfill(100000, 'x');
    g_autofree char *devices = g_strdup_printf("<memballoon policy='%s'/>", value);
    g_autoptr(vbDomainDef) def = testParse(devices, "");
    g_autoptr(GError) error = NULL;

    g_assert_false(qemuValidateAttributes(def, &error));
    g_assert_cmpuint(strlen(error->message), <, 1000);
}

static void
testTwoPolicies(void)
{
    testAssertRefused("", "<metadata xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'>"
                      "<b:policy memballoon='warn'/><b:policy memballoon='warn'/></metadata>",
                      VB_ERROR_XML,
                      "element 'metadata' has 2 elements of namespace 'urn:virt-balloon:policy:1', "
                      "and libvirt would keep the first one only");
    testAssertRefused("", "<metadata xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'>"
                      "<b:x/><y/><b:policy memballoon='warn'/><b:z/></metadata>", VB_ERROR_XML,
                      "element 'metadata' has 3 elements of namespace 'urn:virt-balloon:policy:1', "
                      "and libvirt would keep the first one only");
}

static void
testOnePolicy(void)
{
    testAssertFine("", "<metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "'/>"
                   "<policy xmlns='urn:x'/></metadata><metadata><policy xmlns='"
                   VB_DOMAIN_POLICY_NAMESPACE "'/></metadata>");
}

static void
testStoredNonsense(void)
{
    testAssertFine("", "<metadata><policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE
                   "' memballoon='nonsense'/></metadata>");
}

/* Where ballooning='on' may stand */

static void
testOnPCI(void)
{
    testAssertNoMdev("<hostdev type='pci' ballooning='on'><source><address bus='7'/></source>"
                     TEST_ALIAS "</hostdev>", "assigned PCI device 'ua-gpu' (0000:07:00.0)");
    testAssertNoMdev("<hostdev type='pci' ballooning='on'/>", "assigned PCI device");
}

static void
testOnOthers(void)
{
    testAssertNoMdev("<hostdev type='usb' ballooning='on'/>", "host device of type 'usb'");
    testAssertNoMdev("<hostdev type='scsi' ballooning='on'>" TEST_ALIAS "</hostdev>",
                     "host device of type 'scsi' 'ua-gpu'");
    testAssertNoMdev("<hostdev type='scsi_host' ballooning='on'/>",
                     "host device of type 'scsi_host'");
    testAssertNoMdev("<hostdev mode='capabilities' type='net' ballooning='on'/>",
                     "host device of type 'net'");
    testAssertNoMdev("<hostdev type='vdpa' ballooning='on'><source dev='/dev/vhost-vdpa-0'/>"
                     "</hostdev>", "host device of type 'vdpa' (/dev/vhost-vdpa-0)");
    testAssertNoMdev("<hostdev ballooning='on'/>", "host device of type ''");
}

static void
testOnOtherModels(void)
{
    testAssertNoMdev("<hostdev type='mdev' ballooning='on'>" TEST_SOURCE "</hostdev>",
                     "mediated device (" TEST_UUID ")");
    testAssertNoMdev("<hostdev type='mdev' model='vfio-new' ballooning='on'>" TEST_SOURCE
                     TEST_ALIAS "</hostdev>", "mediated device 'ua-gpu' (" TEST_UUID ")");
}

static void
testOnCompatibleModels(void)
{
    testAssertRefused("<hostdev type='mdev' model='vfio-ccw' ballooning='on'>" TEST_SOURCE
                      "</hostdev>", "", VB_ERROR_UNSUPPORTED,
                      "ballooning='on' for mediated device (" TEST_UUID "): a device of model "
                      "'vfio-ccw' never inhibits ballooning; remove the attribute");
    testAssertRefused("<hostdev type='mdev' model='vfio-ap' ballooning='on'>" TEST_SOURCE
                      TEST_ALIAS "</hostdev>", "", VB_ERROR_UNSUPPORTED,
                      "ballooning='on' for mediated device 'ua-gpu' (" TEST_UUID "): a device of "
                      "model 'vfio-ap' never inhibits ballooning; remove the attribute");
}

static void
testOffAnywhere(void)
{
    testAssertFine("<hostdev type='pci' ballooning='off'/><hostdev type='usb' ballooning='off'/>"
                   "<hostdev type='mdev' model='vfio-ap' ballooning='off'/>", "");
}

static void
testOnInterface(void)
{
    testAssertNoMdev("<interface type='hostdev' ballooning='on'>"
                     "<source><address bus='7'/></source></interface>", "assigned PCI device (0000:07:00.0)");
    testAssertRefused("<interface type='hostdev' ballooning='x'/>", "", VB_ERROR_XML,
                      "invalid value 'x' of attribute 'ballooning' in element 'interface': expected "
                      "'on' or 'off'");
    testAssertFine("<interface type='network' ballooning='on'/>", "");
}

static void
testOnSecond(void)
{
    testAssertRefused("<hostdev type='mdev' model='vfio-pci' ballooning='on'>" TEST_SOURCE
                      "</hostdev><hostdev type='usb' ballooning='on'/>", "", VB_ERROR_UNSUPPORTED,
                      "ballooning='on' for host device of type 'usb': QEMU can only let a mediated "
                      "device (type='mdev') of model 'vfio-pci' be compatible with ballooning; "
                      "remove the attribute");
}

static void
testOnIommufd(void)
{
    testAssertRefused("<hostdev type='mdev' model='vfio-pci' ballooning='on'>"
                      "<driver iommufd='yes'/>" TEST_SOURCE "</hostdev>", "", VB_ERROR_UNSUPPORTED,
                      "ballooning='on' for mediated device (" TEST_UUID "): QEMU refuses it for a "
                      "device that comes by 'iommufd', since it cannot tell then whether it is a "
                      "mediated one; remove one of the two");
    testAssertFine("<hostdev type='mdev' model='vfio-pci' ballooning='on'>"
                   "<driver iommufd='no'/>" TEST_SOURCE "</hostdev>", "");
}

static void
testOnPassedFd(void)
{
    static const char device[] = "<hostdev type='mdev' model='vfio-pci' ballooning='on'>"
        TEST_SOURCE TEST_ALIAS "</hostdev>";

    testAssertRefused(device, TEST_OVERRIDE("fd", "type='string' value='9'"), VB_ERROR_UNSUPPORTED,
                      "ballooning='on' for mediated device 'ua-gpu' (" TEST_UUID "): QEMU refuses "
                      "it for a device that comes by 'fd', since it cannot tell then whether it is "
                      "a mediated one; remove one of the two");
    testAssertRefused(device, TEST_OVERRIDE("iommufd", "type='string' value='i'"),
                      VB_ERROR_UNSUPPORTED,
                      "ballooning='on' for mediated device 'ua-gpu' (" TEST_UUID "): QEMU refuses "
                      "it for a device that comes by 'iommufd', since it cannot tell then whether "
                      "it is a mediated one; remove one of the two");
    testAssertFine(device, TEST_OVERRIDE("fd", "type='remove'"));
    testAssertFine(device, TEST_OVERRIDE("x-fd", "type='string' value='9'"));
}

/* An override of the user's */

static void
testOverride(void)
{
    testAssertFine("<hostdev type='mdev' model='vfio-pci'>" TEST_ALIAS "</hostdev>", TEST_OPT_OUT);
}

static void
testOverrideOfOthers(void)
{
    static const char message[] =
        "override of property 'x-balloon-allowed' for %s: QEMU only takes it for a mediated device "
        "(type='mdev') of model 'vfio-pci', and the domain would not start; remove the override";
    static const struct {
        const char *device;
        const char *name;
    } cases[] = {
        { "<hostdev type='pci'>" TEST_ALIAS "</hostdev>", "assigned PCI device 'ua-gpu'" },
        { "<hostdev type='usb'>" TEST_ALIAS "</hostdev>", "host device of type 'usb' 'ua-gpu'" },
        { "<hostdev type='mdev' model='vfio-ap'>" TEST_ALIAS TEST_SOURCE "</hostdev>",
          "mediated device 'ua-gpu' (" TEST_UUID ")" },
        { "<interface type='hostdev'><source><address bus='7'/></source>" TEST_ALIAS "</interface>",
          "assigned PCI device 'ua-gpu' (0000:07:00.0)" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(GStrv) parts = g_strsplit(message, "%s", 2);
        g_autofree char *expected = g_strconcat(parts[0], cases[i].name, parts[1], NULL);

        testAssertRefused(cases[i].device, TEST_OPT_OUT, VB_ERROR_UNSUPPORTED, expected);
    }
}

static void
testOverrideFalse(void)
{
    testAssertFine("<hostdev type='pci'>" TEST_ALIAS "</hostdev>",
                   TEST_OVERRIDE("x-balloon-allowed", "type='bool' value='false'"));
    testAssertFine("<hostdev type='pci'>" TEST_ALIAS "</hostdev>",
                   TEST_OVERRIDE("x-balloon-allowed", "type='remove'"));
    testAssertFine("<hostdev type='pci'>" TEST_ALIAS "</hostdev>",
                   TEST_OPT_OUT TEST_OVERRIDE("x-balloon-allowed", "type='remove'"));
}

static void
testOverrideTakenAway(void)
{
    testAssertFine("<hostdev type='pci' ballooning='off'>" TEST_ALIAS "</hostdev>", TEST_OPT_OUT);
}

static void
testOverrideOfNobody(void)
{
    testAssertFine("<hostdev type='pci'/>", TEST_OPT_OUT);
}

/* Devices on their own */

static vbDomainDef *
testParseDevice(const char *xml)
{
    g_autoptr(GError) error = NULL;
    vbDomainDef *def = vbDomainDefParseDeviceString(xml, strlen(xml), &error);

    g_assert_no_error(error);
    return def;
}

static void
testHasOptOut(void)
{
    g_autoptr(vbDomainDef) none = testParse("<hostdev type='pci'/><memballoon policy='x'/>", "");
    g_autoptr(vbDomainDef) off = testParseDevice("<hostdev type='mdev' ballooning='off'/>");
    g_autoptr(vbDomainDef) on = testParseDevice("<hostdev type='mdev' ballooning='on'/>");
    g_autoptr(vbDomainDef) second =
        testParse("<hostdev type='pci'/><hostdev type='mdev' ballooning='on'/>", "");
    g_autoptr(vbDomainDef) stored = testParse("<hostdev>" TEST_ALIAS "</hostdev>", TEST_OPT_OUT);

    g_assert_false(qemuValidateHasOptOut(none));
    g_assert_false(qemuValidateHasOptOut(off));
    g_assert_true(qemuValidateHasOptOut(on));
    g_assert_true(qemuValidateHasOptOut(second));
    g_assert_false(qemuValidateHasOptOut(stored));
}

static void
testHotplug(void)
{
    g_autoptr(vbDomainDef) device = testParseDevice(
        "<hostdev type='mdev' model='vfio-pci' ballooning='on'>" TEST_SOURCE TEST_ALIAS
        "</hostdev>");
    g_autoptr(GError) error = NULL;

    qemuValidateReportHotplug(device, "my\nguest", &error);
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    g_assert_cmpstr(error->message, ==,
                    "ballooning='on' for mediated device 'ua-gpu' (" TEST_UUID "): libvirt cannot "
                    "override properties of a device that is plugged into a running domain; attach "
                    "it to domain 'my?guest' with '--config' and start that again, or remove the "
                    "attribute");
}

/* libvirt and QEMU */

static void
testLibvirt(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(qemuValidateLibvirt(8002000, &error));
    g_assert_true(qemuValidateLibvirt(9000000, &error));
    g_assert_true(qemuValidateLibvirt(12003000, &error));
    g_assert_no_error(error);
}

static void
testLibvirtOld(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(qemuValidateLibvirt(8001999, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    g_assert_cmpstr(error->message, ==,
                    "ballooning='on' needs libvirt 8.2.0 or newer, and this one is 8.1.999, which "
                    "cannot override properties of devices; remove the attribute");
    g_assert_false(qemuValidateLibvirt(0, NULL));
}

static void
testEmulator(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(qemuValidateEmulator("/usr/bin/qemu", true, &error));
    g_assert_no_error(error);
    g_assert_false(qemuValidateEmulator("/usr/bin/qe\tmu", false, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    g_assert_cmpstr(error->message, ==,
                    "ballooning='on' is not supported by emulator '/usr/bin/qe?mu', whose devices "
                    "of type 'vfio-pci' have no property 'x-balloon-allowed'; remove the "
                    "attribute");
}

/* What virDomainSetMetadata() is given */

static void
testAssertElementRefused(const char *element, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(qemuValidatePolicyElement(element, strlen(element), &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_false(qemuValidatePolicyElement(element, strlen(element), NULL));
}

static void
testElement(void)
{
    static const char *const elements[] = {
        "<policy memballoon='block'/>", "<policy memballoon='warn'>text</policy>",
        "<policy other='x' memballoon=\"ignore\"/>", "<policy memballoon='redirect'/>",
        "<policy memballoon='default'/>", "<!-- x --><policy memballoon='w&#97;rn'/>",
        "<b:policy xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='warn'/>",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_true(qemuValidatePolicyElement(elements[i], strlen(elements[i]), &error));
        g_assert_no_error(error);
    }
}

static void
testElementWrongValue(void)
{
    testAssertElementRefused("<policy memballoon='x'/>",
                             "invalid value 'x' of attribute 'memballoon' in element 'policy': "
                             "expected " TEST_POLICIES);
    testAssertElementRefused("<policy memballoon=''/>",
                             "invalid value '' of attribute 'memballoon' in element 'policy': "
                             "expected " TEST_POLICIES);
}

static void
testElementOther(void)
{
    static const char message[] =
        "metadata of namespace 'urn:virt-balloon:policy:1' must be an element 'policy' with an "
        "attribute 'memballoon'";

    testAssertElementRefused("<other memballoon='warn'/>", message);
    testAssertElementRefused("<policy/>", message);
    testAssertElementRefused("<policy><memballoon/></policy>", message);
}

static void
testElementNoXML(void)
{
    static const char *const elements[] = { "", "x", "<policy", "<policy memballoon='x'>",
                                            "<policy memballoon='x'/><policy/>" };

    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++)
        g_assert_true(qemuValidatePolicyElement(elements[i], strlen(elements[i]), NULL));
}

#define TEST(sentence, function) g_test_add_func("/qemuvalidate/" sentence, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    TEST("a domain that asks for nothing is fine", testNothing);
    TEST("every policy is fine", testPolicyValues);
    TEST("a policy of another name is refused", testPolicyWrong);
    TEST("a policy in a namespace is not ours", testPolicyForeign);
    TEST("on and off are fine for a mediated device", testBallooningValues);
    TEST("any other value than on and off is refused", testBallooningWrong);
    TEST("a wrong value is refused before the device is looked at", testValueBeforeDevice);
    TEST("a wrong value is printable in the message", testValueIsPrintable);
    TEST("a wrong value is cut in the message", testValueIsShort);
    TEST("several elements of our namespace are refused", testTwoPolicies);
    TEST("one element of our namespace is fine", testOnePolicy);
    TEST("nonsense that is stored is no error", testStoredNonsense);

    TEST("on is refused for a PCI device", testOnPCI);
    TEST("on is refused for devices that are no VFIO devices", testOnOthers);
    TEST("on is refused for a mediated device of another model", testOnOtherModels);
    TEST("on is refused for a model that never inhibits", testOnCompatibleModels);
    TEST("off is fine for any device", testOffAnywhere);
    TEST("on is refused for an interface that is a device", testOnInterface);
    TEST("every device is looked at", testOnSecond);
    TEST("on is refused with iommufd", testOnIommufd);
    TEST("on is refused with a passed descriptor", testOnPassedFd);

    TEST("an override for a mediated device is fine", testOverride);
    TEST("an override for any other device is refused", testOverrideOfOthers);
    TEST("an override that opts nothing out is fine for any device", testOverrideFalse);
    TEST("an override that is to be taken away is fine", testOverrideTakenAway);
    TEST("an override for no device is fine", testOverrideOfNobody);

    TEST("an opt-out is found where it is written", testHasOptOut);
    TEST("an opt-out of a device that is plugged in is refused", testHotplug);
    TEST("libvirt 8.2.0 and newer can override", testLibvirt);
    TEST("an older libvirt is refused", testLibvirtOld);
    TEST("an emulator without the property is refused", testEmulator);

    TEST("an element with a policy is fine", testElement);
    TEST("an element with a wrong policy is refused", testElementWrongValue);
    TEST("an element that is no policy is refused", testElementOther);
    TEST("an element that is no XML is left to libvirt", testElementNoXML);

    return g_test_run();
}
