/*
 * domainconftest.c: what vbDomainDefParseString() makes of libvirt's documents, and of hostile ones
 *
 * Sizes, units and addresses are what libvirt 9.0 makes of the same text when it defines a QEMU
 * domain.  Whole documents are files in domainconfdata/, see README there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libxml/parserInternals.h>
#include <string.h>
#include <time.h>

#include "domain_conf.h"
#include "network_conf.h"
#include "vberror.h"
#include "vbuuid.h"
#include "vbxml.h"

#define TEST_QEMU_NS " xmlns:qemu='" VB_DOMAIN_QEMU_NAMESPACE "'"
#define TEST_POLICY_NS " xmlns:b='" VB_DOMAIN_POLICY_NAMESPACE "'"
#define TEST_MDEV_UUID "c2177883-f1bb-47f0-914d-32a22e3a8804"
#define TEST_PCI_SOURCE \
    "<source><address domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></source>"
#define TEST_NVME_SOURCE \
    "<source type='pci' managed='yes' namespace='1'>" \
    "<address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></source>"

static vbDomainDef *
testParse(const char *xml)
{
    g_autoptr(GError) error = NULL;
    vbDomainDef *def = vbDomainDefParseString(xml, strlen(xml), &error);

    g_assert_no_error(error);
    g_assert_nonnull(def);
    return def;
}

static vbDomainDef *
testParseChildren(const char *children)
{
    g_autofree char *xml = g_strdup_printf("<domain type='kvm'" TEST_QEMU_NS ">"
                                           "<name>guest</name>%s</domain>", children);

    return testParse(xml);
}

static vbDomainDef *
testParseDevices(const char *devices)
{
    g_autofree char *xml = g_strdup_printf("<memory>4194304</memory><devices>%s</devices>",
                                           devices);

    return testParseChildren(xml);
}

static vbDomainDef *
testLoad(const char *name)
{
    g_autofree char *file = g_strconcat(VB_TEST_DATA_DIR, "/domainconfdata/", name, ".xml", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(file, &text, NULL, &error);
    g_assert_no_error(error);
    return testParse(text);
}

/* @pattern is a glob for the message, which must be fit to be shown. */
static void
testAssertRefusedBytes(const char *xml, size_t length, const char *pattern)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(xml, length, &error);

    g_assert_null(def);
    g_assert_true(error->domain == VB_ERROR);
    g_assert_true(error->code == VB_ERROR_XML || error->code == VB_ERROR_UNREAD);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 1000);
    if (!g_pattern_match_simple(pattern, error->message))
        g_error("'%s' does not match '%s'", error->message, pattern);
}

static void
testAssertRefused(const char *xml, const char *pattern)
{
    testAssertRefusedBytes(xml, strlen(xml), pattern);
}

static void
testAssertRefusedChildren(const char *children, const char *pattern)
{
    g_autofree char *xml = g_strdup_printf("<domain type='kvm'>%s</domain>", children);

    testAssertRefused(xml, pattern);
}

/* <memory> with these attributes and this text is so many KiB. */
static void
testAssertMemory(const char *attributes, const char *text, unsigned long long expected)
{
    g_autofree char *xml = g_strdup_printf("<memory %s>%s</memory>", attributes, text);
    g_autoptr(vbDomainDef) def = testParseChildren(xml);

    g_assert_cmpuint(def->memory, ==, expected);
}

static void
testAssertMemoryRefused(const char *attributes, const char *text, const char *pattern)
{
    g_autofree char *xml = g_strdup_printf("<memory %s>%s</memory>", attributes, text);

    testAssertRefusedChildren(xml, pattern);
}

static const vbDomainHostdevDef *
testHostdev(const vbDomainDef *def, guint index)
{
    g_assert_cmpuint(index, <, def->hostdevs->len);
    return g_ptr_array_index(def->hostdevs, index);
}

static const vbDomainMemoryDef *
testMemory(const vbDomainDef *def, guint index)
{
    g_assert_cmpuint(index, <, def->memories->len);
    return g_ptr_array_index(def->memories, index);
}

static void
testAssertHostdev(const vbDomainDef *def,
                  guint index,
                  vbDomainHostdevType type,
                  const char *alias,
                  const char *address)
{
    const vbDomainHostdevDef *hostdev = testHostdev(def, index);

    g_assert_cmpint(hostdev->type, ==, type);
    g_assert_cmpstr(hostdev->alias, ==, alias);
    g_assert_cmpstr(hostdev->address, ==, address);
}

static void
testAssertDevice(const vbDomainDef *def,
                 guint index,
                 vbDomainDeviceType type,
                 const char *alias,
                 const char *address)
{
    const vbDomainDeviceDef *device = NULL;

    g_assert_cmpuint(index, <, def->devices->len);
    device = g_ptr_array_index(def->devices, index);
    g_assert_cmpint(device->type, ==, type);
    g_assert_cmpstr(device->alias, ==, alias);
    g_assert_cmpstr(device->address, ==, address);
}

/* A PCI hostdev with these attributes of its source address is at @expected. */
static void
testAssertPCIAddress(const char *attributes, const char *expected)
{
    g_autofree char *xml = g_strdup_printf("<hostdev mode='subsystem' type='pci'>"
                                           "<source><address %s/></source></hostdev>", attributes);
    g_autoptr(vbDomainDef) def = testParseDevices(xml);

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, NULL, expected);
}

static void
testAssertPolicy(const char *metadata, vbDomainBalloonPolicy policy, const char *text)
{
    g_autofree char *xml = g_strdup_printf("<metadata" TEST_POLICY_NS ">%s</metadata>", metadata);
    g_autoptr(vbDomainDef) def = testParseChildren(xml);

    g_assert_cmpint(def->policy, ==, policy);
    g_assert_cmpstr(def->policyText, ==, text);
}

static void
testAssertLaunchSecurity(const char *element, vbDomainLaunchSecurity expected)
{
    g_autoptr(vbDomainDef) def = testParseChildren(element);

    g_assert_cmpint(def->launchSecurity, ==, expected);
}

static void
testAssertMemballoon(const char *element, vbDomainMemballoonModel expected)
{
    g_autoptr(vbDomainDef) def = testParseDevices(element);

    g_assert_cmpint(def->memballoon, ==, expected);
}

static void
testAssertMdevModel(const char *attribute, vbDomainMdevModel expected)
{
    g_autofree char *xml = g_strdup_printf("<hostdev mode='subsystem' type='mdev' %s/>", attribute);
    g_autoptr(vbDomainDef) def = testParseDevices(xml);

    g_assert_cmpint(testHostdev(def, 0)->model, ==, expected);
}

/* Identity */

static void
testIdentity(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    g_assert_cmpstr(def->virtType, ==, "kvm");
    g_assert_cmpstr(def->name, ==, "everything");
    g_assert_cmpstr(def->uuid, ==, "4f1dd6d7-6a5f-4d7c-8d0b-0a4b1d8a7e01");
    g_assert_cmpint(def->id, ==, 12);
    g_assert_cmpstr(def->emulator, ==, "/usr/bin/qemu-system-x86_64");
}

static void
testInactive(void)
{
    g_autoptr(vbDomainDef) def = testLoad("one-of-each-inactive");

    g_assert_cmpint(def->id, ==, -1);
    g_assert_cmpstr(def->name, ==, "everything");
}

static void
testUnreadableId(void)
{
    const char *const ids[] = {"", "-1", "x", "3x", "2147483648", "99999999999999999999"};

    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *xml = g_strdup_printf("<domain id='%s'/>", ids[i]);
        g_autoptr(vbDomainDef) def = testParse(xml);

        g_assert_cmpint(def->id, ==, -1);
    }
}

static void
testEmptyDomain(void)
{
    g_autoptr(vbDomainDef) def = testParse("<domain/>");

    g_assert_null(def->virtType);
    g_assert_cmpstr(def->name, ==, "");
    g_assert_null(def->uuid);
    g_assert_null(def->emulator);
    g_assert_false(def->memoryShared);
    g_assert_null(def->policyText);
    g_assert_cmpuint(def->memory, ==, 0);
    g_assert_cmpuint(def->currentMemory, ==, 0);
    g_assert_cmpint(def->memballoon, ==, VB_DOMAIN_MEMBALLOON_NONE);
    g_assert_cmpuint(def->hostdevs->len + def->devices->len + def->memories->len, ==, 0);
}

static void
testFirstNameWins(void)
{
    g_autoptr(vbDomainDef) def = testParse("<domain><name>a</name><name>b</name></domain>");

    g_assert_cmpstr(def->name, ==, "a");
}

static void
testFirstEmulatorWins(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices("<emulator>/a</emulator>"
                                                  "<emulator>/b</emulator>");

    g_assert_cmpstr(def->emulator, ==, "/a");
}

static void
testUUIDBlanks(void)
{
    g_autoptr(vbDomainDef) def = testParse(
        "<domain><uuid> 4f1dd6d7-6a5f-4d7c-8d0b-0a4b1d8a7e01\n</uuid></domain>");

    g_assert_cmpstr(def->uuid, ==, "4f1dd6d7-6a5f-4d7c-8d0b-0a4b1d8a7e01");
}

static void
testReferences(void)
{
    g_autoptr(vbDomainDef) def = testParse(
        "<domain type='a&amp;b&#x21;&lt;'><name>x &amp; <![CDATA[<y>]]>&#33;</name></domain>");

    g_assert_cmpstr(def->virtType, ==, "a&b!<");
    g_assert_cmpstr(def->name, ==, "x & <y>!");
}

/* libvirt 9.0 says the same of it (xmlCtxtReadDoc()). */
static void
testDeclaredEncoding(void)
{
    testAssertRefused("<?xml version='1.0' encoding='ISO-8859-1'?>"
                      "<domain><name>caf\xe9</name></domain>", "line 1: *UTF-8*");
}

static void
testForeignNamespace(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory xmlns='urn:x'>1</memory><memory>5</memory>"
        "<x:devices xmlns:x='urn:x'><hostdev mode='subsystem' type='pci'/></x:devices>"
        "<devices><x:hostdev xmlns:x='urn:x' mode='subsystem' type='pci'/></devices>");

    g_assert_cmpuint(def->memory, ==, 5);
    g_assert_cmpuint(def->hostdevs->len, ==, 0);
}

static void
testForeignAttribute(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory x:unit='MiB' xmlns:x='urn:x'>1024</memory>"
        "<devices><hostdev mode='subsystem' x:type='pci' xmlns:x='urn:x'>" TEST_PCI_SOURCE
        "</hostdev></devices>");
    const vbDomainHostdevDef *hostdev;

    g_assert_cmpuint(def->memory, ==, 1024 * 1024);
    g_assert_cmpuint(def->hostdevs->len, ==, 1);
    hostdev = g_ptr_array_index(def->hostdevs, 0);
    g_assert_cmpint(hostdev->type, ==, VB_DOMAIN_HOSTDEV_PCI);
}

static void
testSeveralDevicesElements(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<devices><hostdev mode='subsystem' type='pci'>" TEST_PCI_SOURCE "</hostdev></devices>"
        "<devices><memballoon model='virtio'/></devices>");

    g_assert_cmpuint(def->hostdevs->len, ==, 1);
    g_assert_cmpint(def->memballoon, ==, VB_DOMAIN_MEMBALLOON_VIRTIO);
}

/* Sizes */

static void
testMemoryNoUnit(void)
{
    testAssertMemory("", "1024", 1024);
    testAssertMemory("unit=''", "1024", 1024);
}

static void
testMemoryBytes(void)
{
    testAssertMemory("unit='b'", "1048576", 1024);
    testAssertMemory("unit='byte'", "1048576", 1024);
    testAssertMemory("unit='BYTES'", "1048576", 1024);
}

static void
testMemoryBinaryUnits(void)
{
    testAssertMemory("unit='k'", "7", 7);
    testAssertMemory("unit='KiB'", "7", 7);
    testAssertMemory("unit='M'", "7", 7ULL << 10);
    testAssertMemory("unit='MiB'", "7", 7ULL << 10);
    testAssertMemory("unit='g'", "7", 7ULL << 20);
    testAssertMemory("unit='GiB'", "7", 7ULL << 20);
    testAssertMemory("unit='T'", "7", 7ULL << 30);
    testAssertMemory("unit='TiB'", "7", 7ULL << 30);
    testAssertMemory("unit='PiB'", "7", 7ULL << 40);
    testAssertMemory("unit='EiB'", "7", 7ULL << 50);
}

static void
testMemoryDecimalUnits(void)
{
    testAssertMemory("unit='KB'", "1024", 1000);
    testAssertMemory("unit='MB'", "100", 97657);
    testAssertMemory("unit='GB'", "1", 976563);
    testAssertMemory("unit='TB'", "1", 976562500);
    testAssertMemory("unit='PB'", "1", 976562500000);
    testAssertMemory("unit='eb'", "9", 8789062500000000);
}

static void
testMemoryUnitCase(void)
{
    testAssertMemory("unit='gib'", "1", 1048576);
    testAssertMemory("unit='GIB'", "1", 1048576);
    testAssertMemory("unit='kb'", "1024", 1000);
}

static void
testMemoryRoundsUp(void)
{
    testAssertMemory("unit='b'", "1", 1);
    testAssertMemory("unit='b'", "1024", 1);
    testAssertMemory("unit='b'", "1025", 2);
    testAssertMemory("unit='bytes'", "1048577", 1025);
}

static void
testMemoryLargest(void)
{
    testAssertMemory("unit='b'", "9223372036854774784", 9007199254740991);
    testAssertMemory("", "9007199254740991", 9007199254740991);
}

static void
testMemoryOverflow(void)
{
    testAssertMemoryRefused("unit='EiB'", "8", "line 1: <memory>: size too large: '8'");
    testAssertMemoryRefused("unit='b'", "9223372036854775807", "*size too large*");
    testAssertMemoryRefused("", "9007199254740992", "*size too large*");
    testAssertMemoryRefused("", "18446744073709551615", "*size too large*");
    testAssertMemoryRefused("", "18446744073709551616", "*not a size: '18446744073709551616'");
    testAssertMemoryRefused("unit='KiB'", "18014398509481985", "*size too large*");
}

static void
testMemoryUnknownUnit(void)
{
    testAssertMemoryRefused("unit='kbyte'", "1", "line 1: <memory>: unknown unit 'kbyte'");
    testAssertMemoryRefused("unit='KiBs'", "1", "*unknown unit*");
    testAssertMemoryRefused("unit=' KiB'", "1", "*unknown unit*");
    testAssertMemoryRefused("unit='z'", "0", "*unknown unit*");
    testAssertMemoryRefused("unit='ib'", "1", "*unknown unit*");
}

static void
testMemoryNegative(void)
{
    testAssertMemoryRefused("", "-1024", "*not a size: '-1024'");
    testAssertMemoryRefused("", " -1", "*not a size*");
    testAssertMemoryRefused("", "-0", "*not a size*");
}

static void
testMemoryNoNumber(void)
{
    const char *const texts[] = {"x", " ", "+", "0x400", "1e3", "1.5", "10 24", "1024KiB", "1024 "};

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        testAssertMemoryRefused("", texts[i], "*<memory>: not a size*");
}

static void
testMemoryLeniency(void)
{
    testAssertMemory("", " 1024", 1024);
    testAssertMemory("", "\n 1024", 1024);
    testAssertMemory("", "+1024", 1024);
    testAssertMemory("", "0001024", 1024);
    testAssertMemory("", "10<!-- c -->24", 1024);
    testAssertMemory("", "10<b>24</b>", 1024);
    testAssertMemory("", "<![CDATA[1024]]>", 1024);
}

static void
testMemoryEmptyElement(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren("<memory unit='nonsense'/>");

    g_assert_cmpuint(def->memory, ==, 0);
}

static void
testFirstMemoryWins(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren("<memory>1024</memory><memory>2048</memory>");

    g_assert_cmpuint(def->memory, ==, 1024);
}

static void
testErrorLine(void)
{
    testAssertRefused("<domain>\n<name>a</name>\n<memory>much</memory></domain>",
                      "line 3: <memory>: not a size: 'much'");
}

static void
testErrorIsShort(void)
{
    g_autofree char *text = g_strnfill(100000, '7');

    testAssertMemoryRefused("", text, "*not a size: '7777*");
}

/* What is cut off after 64 bytes may be half a character. */
static void
testErrorIsUTF8(void)
{
    g_autoptr(GString) text = g_string_new("x");

    for (int i = 0; i < 64; i++)
        g_string_append(text, "\u00e4");
    testAssertMemoryRefused("", text->str, "*not a size: 'x\u00e4*");
}

static void
testErrorIsOneLine(void)
{
    const char xml[] = "<domain><memory>1&#10;2&#x9b;3&#x202e;</memory></domain>";
    g_autoptr(GError) error = NULL;

    g_assert_null(vbDomainDefParseString(xml, strlen(xml), &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
    g_assert_cmpstr(error->message, ==, "line 1: <memory>: not a size: '1?2?3?'");
}

static void
testCurrentMemory(void)
{
    g_autoptr(vbDomainDef) def = testLoad("no-balloon-inactive");

    g_assert_cmpuint(def->memory, ==, 2097152);
    g_assert_cmpuint(def->currentMemory, ==, 1572864);
}

static void
testCurrentMemoryAbsent(void)
{
    g_autoptr(vbDomainDef) absent = testParseChildren("<memory>1024</memory>");
    g_autoptr(vbDomainDef) zero = testParseChildren("<memory>1024</memory>"
                                                    "<currentMemory>0</currentMemory>");

    g_assert_cmpuint(absent->currentMemory, ==, 1024);
    g_assert_cmpuint(zero->currentMemory, ==, 1024);
}

static void
testCurrentMemoryTooLarge(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren("<memory>1024</memory>"
                                                   "<currentMemory>2048</currentMemory>");

    g_assert_cmpuint(def->currentMemory, ==, 1024);
}

static void
testCurrentMemoryUnreadable(void)
{
    testAssertRefusedChildren("<memory>1024</memory><currentMemory>all</currentMemory>",
                              "*<currentMemory>: not a size: 'all'");
}

static void
testNumaCells(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<cpu><numa><cell id='0' memory='1' unit='GiB'/><cell id='1' memory='1024'/></numa></cpu>");

    g_assert_cmpuint(def->memory, ==, 1048576 + 1024);
    g_assert_cmpuint(def->currentMemory, ==, 1048576 + 1024);
}

static void
testNumaCellsWin(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory unit='GiB'>3</memory><cpu><numa><cell memory='1' unit='GiB'/></numa></cpu>"
        "<devices><memory model='dimm'><target><size unit='MiB'>256</size></target></memory>"
        "</devices>");

    g_assert_cmpuint(def->memory, ==, 1310720);
    g_assert_cmpuint(def->currentMemory, ==, 1310720);
}

static void
testNumaCellUnreadable(void)
{
    testAssertRefusedChildren("<cpu><numa><cell id='0'/></numa></cpu>", "*<cell>: not a size: ''");
    testAssertRefusedChildren("<cpu><numa><cell memory='1' unit='?'/></numa></cpu>",
                              "*<cell>: unknown unit*");
}

static void
testNumaSumOverflow(void)
{
    testAssertRefusedChildren("<cpu><numa><cell memory='7' unit='EiB'/>"
                              "<cell memory='7' unit='EiB'/></numa></cpu>",
                              "*<cell>: size too large*");
    testAssertRefusedChildren("<cpu><numa><cell memory='7' unit='EiB'/></numa></cpu>"
                              "<devices><memory model='dimm'><target><size unit='EiB'>7</size>"
                              "</target></memory></devices>",
                              "*<domain>: size too large*");
}

/* Memory devices, and what is in the balloon */

static void
testVirtioMem(void)
{
    g_autoptr(vbDomainDef) def = testLoad("virtio-mem-and-dimm-live");
    const vbDomainMemoryDef *memory = testMemory(def, 0);

    g_assert_cmpint(memory->model, ==, VB_DOMAIN_MEMORY_VIRTIO_MEM);
    g_assert_cmpstr(memory->alias, ==, "virtiomem0");
    g_assert_cmpint(memory->node, ==, 0);
    g_assert_cmpuint(memory->size, ==, 131072);
    g_assert_cmpuint(memory->block, ==, 2048);
    g_assert_cmpuint(memory->requested, ==, 65536);
    g_assert_cmpuint(memory->current, ==, 0);
}

static void
testDimm(void)
{
    g_autoptr(vbDomainDef) def = testLoad("virtio-mem-and-dimm-live");
    const vbDomainMemoryDef *memory = testMemory(def, 1);

    g_assert_cmpint(memory->model, ==, VB_DOMAIN_MEMORY_DIMM);
    g_assert_cmpstr(memory->alias, ==, "dimm0");
    g_assert_cmpuint(memory->size, ==, 131072);
    g_assert_cmpuint(memory->block + memory->requested + memory->current, ==, 0);
}

static void
testDimmBlock(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<memory model='nvdimm'><target><size>1048576</size><block>?</block>"
        "<current>1048576</current></target></memory>");

    g_assert_cmpuint(testMemory(def, 0)->block, ==, 0);
    g_assert_cmpuint(testMemory(def, 0)->current, ==, 0);
}

static void
testOtherMemory(void)
{
    const char *const models[] = {"nvdimm", "virtio-pmem", "sgx-epc", "", "DIMM"};

    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autofree char *xml = g_strdup_printf("<memory model='%s'><target><size>1</size>"
                                               "</target></memory>", models[i]);
        g_autoptr(vbDomainDef) def = testParseDevices(xml);

        g_assert_cmpint(testMemory(def, 0)->model, ==, VB_DOMAIN_MEMORY_OTHER);
        g_assert_cmpint(testMemory(def, 0)->node, ==, -1);
    }
}

static void
testMemoryDeviceUnits(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<memory model='virtio-mem'><target><size unit='GiB'>2</size><node>1</node>"
        "<block unit='MiB'>2</block><requested>1048576</requested>"
        "<current unit='KB'>1024</current></target></memory>");

    g_assert_cmpint(testMemory(def, 0)->node, ==, 1);
    g_assert_cmpuint(testMemory(def, 0)->size, ==, 2097152);
    g_assert_cmpuint(testMemory(def, 0)->block, ==, 2048);
    g_assert_cmpuint(testMemory(def, 0)->requested, ==, 1048576);
    g_assert_cmpuint(testMemory(def, 0)->current, ==, 1000);
}

static void
testMemoryDeviceUnreadable(void)
{
    const char *const fields[] = {"size", "block", "requested", "current"};

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<devices><memory model='virtio-mem'><target><%s>?</%s><size>1</size></target>"
            "</memory></devices>", fields[i], fields[i]);
        g_autofree char *pattern = g_strdup_printf("*<%s>: not a size*", fields[i]);

        testAssertRefusedChildren(xml, pattern);
    }
}

static void
testMemoryDeviceWithoutSize(void)
{
    testAssertRefusedChildren("<devices><memory model='dimm'/></devices>", "*<memory>: *size*");
    testAssertRefusedChildren("<devices><memory model='dimm'><target><node>0</node></target>"
                              "</memory></devices>", "*<memory>: *size*");
}

/* Measured: QEMU gave this guest's balloon as 256 MiB, boot memory and DIMM. */
static void
testBalloonMaximum(void)
{
    g_autoptr(vbDomainDef) def = testLoad("virtio-mem-and-dimm-live");

    g_assert_cmpuint(def->memory, ==, 393216);
    g_assert_cmpuint(vbDomainDefGetBalloonMaximum(def), ==, 262144);
    g_assert_cmpuint(vbDomainDefGetBalloonCurrent(def), ==, 262144);
}

static void
testBalloonMaximumOther(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<memory model='nvdimm'><target><size>1048576</size></target></memory>"
        "<memory model='dimm'><target><size>1048576</size></target></memory>");

    g_assert_cmpuint(vbDomainDefGetBalloonMaximum(def), ==, 3145728);
}

static void
testBalloonCurrent(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory>4194304</memory><currentMemory>2097152</currentMemory>"
        "<devices><memory model='virtio-mem'><target><size>2097152</size>"
        "<requested>524288</requested><current>524288</current></target></memory></devices>");

    g_assert_cmpuint(vbDomainDefGetBalloonMaximum(def), ==, 2097152);
    g_assert_cmpuint(vbDomainDefGetBalloonCurrent(def), ==, 1572864);
}

static void
testBalloonCurrentBounded(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory>4194304</memory><devices><memory model='virtio-mem'><target>"
        "<size>2097152</size></target></memory></devices>");

    g_assert_cmpuint(def->currentMemory, ==, 4194304);
    g_assert_cmpuint(vbDomainDefGetBalloonCurrent(def), ==, 2097152);
}

static void
testBalloonNeverNegative(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory>1024</memory><devices><memory model='virtio-mem'><target><size>4096</size>"
        "<current>4096</current></target></memory></devices>");

    g_assert_cmpuint(vbDomainDefGetBalloonMaximum(def), ==, 0);
    g_assert_cmpuint(vbDomainDefGetBalloonCurrent(def), ==, 0);
}

static void
testBalloonCurrentNeverNegative(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<memory>8192</memory><currentMemory>1024</currentMemory><devices>"
        "<memory model='virtio-mem'><target><size>4096</size><current>4096</current></target>"
        "</memory></devices>");

    g_assert_cmpuint(vbDomainDefGetBalloonMaximum(def), ==, 4096);
    g_assert_cmpuint(vbDomainDefGetBalloonCurrent(def), ==, 0);
}

/* Assigned devices */

static void
testHostdevPCI(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertHostdev(def, 1, VB_DOMAIN_HOSTDEV_PCI, "hostdev1", "0000:07:00.0");
    g_assert_false(testHostdev(def, 1)->isInterface);
    g_assert_false(testHostdev(def, 1)->iommufd);
    g_assert_false(testHostdev(def, 1)->foreignDriver);
}

static void
testHostdevMdev(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertHostdev(def, 2, VB_DOMAIN_HOSTDEV_MDEV, "ua-vb-" TEST_MDEV_UUID, TEST_MDEV_UUID);
    g_assert_cmpint(testHostdev(def, 2)->model, ==, VB_DOMAIN_MDEV_MODEL_VFIO_PCI);
}

static void
testHostdevUSB(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertHostdev(def, 3, VB_DOMAIN_HOSTDEV_OTHER, "hostdev3", NULL);
}

static void
testHostdevOther(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source>"
        "</hostdev>"
        "<hostdev mode='subsystem' type='scsi_host'/>"
        "<hostdev mode='capabilities' type='pci'>" TEST_PCI_SOURCE "</hostdev>"
        "<hostdev mode='subsystem'/><hostdev/>");

    g_assert_cmpuint(def->hostdevs->len, ==, 5);
    for (guint i = 0; i < def->hostdevs->len; i++)
        testAssertHostdev(def, i, VB_DOMAIN_HOSTDEV_OTHER, NULL, NULL);
}

static void
testHostdevVdpa(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev mode='subsystem' type='vdpa'><source dev='/dev/vhost-vdpa-1'/></hostdev>");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_VDPA, NULL, "/dev/vhost-vdpa-1");
}

static void
testHostdevWithoutMode(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev type='pci'>" TEST_PCI_SOURCE "</hostdev>");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, NULL, "0000:07:00.0");
}

static void
testHostdevDriver(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev type='pci'><driver name='vfio'/>" TEST_PCI_SOURCE "</hostdev>"
        "<hostdev type='pci'><driver name='xen'/>" TEST_PCI_SOURCE "</hostdev>"
        "<hostdev type='pci'><driver name='kvm'/>" TEST_PCI_SOURCE "</hostdev>"
        "<hostdev type='pci'><driver/>" TEST_PCI_SOURCE "</hostdev>");

    g_assert_false(testHostdev(def, 0)->foreignDriver);
    g_assert_true(testHostdev(def, 1)->foreignDriver);
    g_assert_true(testHostdev(def, 2)->foreignDriver);
    g_assert_false(testHostdev(def, 3)->foreignDriver);
}

static void
testHostdevIommufd(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev type='pci'><driver iommufd='yes'/>" TEST_PCI_SOURCE "</hostdev>"
        "<hostdev type='pci'><driver name='vfio' iommufd='no'/>" TEST_PCI_SOURCE "</hostdev>");

    g_assert_true(testHostdev(def, 0)->iommufd);
    g_assert_false(testHostdev(def, 0)->foreignDriver);
    g_assert_false(testHostdev(def, 1)->iommufd);
}

static void
testHostdevWithoutSource(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices("<hostdev mode='subsystem' type='pci'/>"
                                                  "<hostdev mode='subsystem' type='mdev'/>"
                                                  "<hostdev mode='subsystem' type='vdpa'/>");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, NULL, NULL);
    testAssertHostdev(def, 1, VB_DOMAIN_HOSTDEV_MDEV, NULL, NULL);
    testAssertHostdev(def, 2, VB_DOMAIN_HOSTDEV_VDPA, NULL, NULL);
}

static void
testMdevModels(void)
{
    testAssertMdevModel("model='vfio-pci'", VB_DOMAIN_MDEV_MODEL_VFIO_PCI);
    testAssertMdevModel("model='vfio-ccw'", VB_DOMAIN_MDEV_MODEL_VFIO_CCW);
    testAssertMdevModel("model='vfio-ap'", VB_DOMAIN_MDEV_MODEL_VFIO_AP);
    testAssertMdevModel("model='vfio-next'", VB_DOMAIN_MDEV_MODEL_OTHER);
    testAssertMdevModel("", VB_DOMAIN_MDEV_MODEL_OTHER);
}

static void
testPCIAddressHexadecimal(void)
{
    testAssertPCIAddress("domain='0x0001' bus='0xFF' slot='0x1f' function='0x7'", "0001:ff:1f.7");
}

static void
testPCIAddressDecimal(void)
{
    testAssertPCIAddress("domain='0' bus='17' slot='31' function='2'", "0000:11:1f.2");
}

static void
testPCIAddressOctal(void)
{
    testAssertPCIAddress("bus='07' slot='010'", "0000:07:08.0");
    testAssertPCIAddress("bus='07' slot='08'", NULL);
}

static void
testPCIAddressDefaults(void)
{
    testAssertPCIAddress("bus='7'", "0000:07:00.0");
}

static void
testPCIAddressLongDomain(void)
{
    testAssertPCIAddress("domain='0x10000' bus='1'", "10000:01:00.0");
    testAssertPCIAddress("domain='0xffffffff' bus='1'", "ffffffff:01:00.0");
}

static void
testPCIAddressOutOfRange(void)
{
    testAssertPCIAddress("domain='0x100000000' bus='1'", NULL);
    testAssertPCIAddress("bus='256'", NULL);
    testAssertPCIAddress("bus='1' slot='32'", NULL);
    testAssertPCIAddress("bus='1' function='8'", NULL);
    testAssertPCIAddress("bus='99999999999999999999'", NULL);
}

static void
testPCIAddressUnreadable(void)
{
    testAssertPCIAddress("bus='-1'", NULL);
    testAssertPCIAddress("bus='zz'", NULL);
    testAssertPCIAddress("bus=''", NULL);
    testAssertPCIAddress("bus='0x'", NULL);
    testAssertPCIAddress("bus='0x7 '", NULL);
}

static void
testManyHostdevs(void)
{
    g_autoptr(GString) xml = g_string_new(NULL);
    g_autoptr(vbDomainDef) def = NULL;

    for (int i = 0; i < 10000; i++) {
        g_string_append_printf(xml, "<hostdev mode='subsystem' type='pci'>"
                               "<source><address domain='%d' bus='0'/></source>"
                               "<alias name='hostdev%d'/></hostdev>", i, i);
    }
    def = testParseDevices(xml->str);
    g_assert_cmpuint(def->hostdevs->len, ==, 10000);
    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, "hostdev0", "0000:00:00.0");
    testAssertHostdev(def, 9999, VB_DOMAIN_HOSTDEV_PCI, "hostdev9999", "270f:00:00.0");
}

/* Interfaces */

static void
testInterfaceHostdev(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, "hostdev0", "0000:3b:10.2");
    g_assert_true(testHostdev(def, 0)->isInterface);
    g_assert_false(testHostdev(def, 0)->foreignDriver);
}

static void
testInterfaceHostdevUSB(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<interface type='hostdev'><source><address type='usb' bus='1' device='2'/></source>"
        "</interface>");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_OTHER, NULL, NULL);
    g_assert_true(testHostdev(def, 0)->isInterface);
}

static void
testInterfaceNetwork(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertDevice(def, 2, VB_DOMAIN_DEVICE_NETWORK_NET, "net0", "default");
}

static void
testInterfaceActual(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<interface type='network'><source network='vfs'/>"
        "<actual type='hostdev' managed='yes'><driver name='vfio'/><source>"
        "<address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x4'/></source>"
        "</actual><alias name='hostdev0'/></interface>");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, "hostdev0", "0000:3b:10.4");
    g_assert_true(testHostdev(def, 0)->isInterface);
    g_assert_cmpuint(def->devices->len, ==, 0);
}

static void
testInterfaceActualOther(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<interface type='network'><source network='lan'/>"
        "<actual type='bridge'><source bridge='br0'/></actual></interface>");

    g_assert_cmpuint(def->hostdevs->len, ==, 0);
    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_NETWORK_NET, NULL, "lan");
}

static void
testInterfaceVdpa(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertDevice(def, 3, VB_DOMAIN_DEVICE_VDPA_NET, "net2", "/dev/vhost-vdpa-0");
}

static void
testInterfaceOrdinary(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<interface type='bridge'><source bridge='br0'/></interface><interface type='user'/>"
        "<interface type='direct'><source dev='eth0' mode='passthrough'/></interface><interface/>");

    g_assert_cmpuint(def->hostdevs->len + def->devices->len, ==, 0);
}

/* Disks */

static void
testDiskNvme(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertDevice(def, 1, VB_DOMAIN_DEVICE_NVME_DISK, "virtio-disk1", "0000:04:00.0");
}

static void
testDiskNvmeBacking(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_NVME_DISK, "virtio-disk0", "0000:03:00.0");
}

static void
testDiskNvmeDeepBacking(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<disk type='file'><source file='/c'/><backingStore type='file'><source file='/b'/>"
        "<backingStore type='block'><source dev='/a'/><backingStore type='nvme'>" TEST_NVME_SOURCE
        "<backingStore/></backingStore></backingStore></backingStore></disk>");

    g_assert_cmpuint(def->devices->len, ==, 1);
    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_NVME_DISK, NULL, "0000:03:00.0");
}

static void
testDiskNvmeMirror(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<disk type='file'><source file='/a'/><mirror type='nvme' job='copy' ready='yes'>"
        "<format type='raw'/>" TEST_NVME_SOURCE "</mirror><alias name='virtio-disk0'/></disk>");

    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_NVME_DISK, "virtio-disk0", "0000:03:00.0");
}

static void
testDiskNvmeMirrorBacking(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<disk type='file'><source file='/a'/><mirror type='file' job='copy'><source file='/b'/>"
        "<backingStore type='nvme'>" TEST_NVME_SOURCE "</backingStore></mirror></disk>");

    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_NVME_DISK, NULL, "0000:03:00.0");
}

static void
testDiskNvmeDataStore(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<disk type='file'><source file='/a'><dataStore type='nvme'>" TEST_NVME_SOURCE
        "</dataStore></source></disk>");

    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_NVME_DISK, NULL, "0000:03:00.0");
}

static void
testDiskVhostVdpa(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<disk type='vhostvdpa' device='disk'><driver name='qemu' type='raw'/>"
        "<source dev='/dev/vhost-vdpa-2'/><target dev='vda' bus='virtio'/>"
        "<alias name='virtio-disk0'/></disk>");

    testAssertDevice(def, 0, VB_DOMAIN_DEVICE_VHOST_VDPA_DISK, "virtio-disk0",
                     "/dev/vhost-vdpa-2");
}

static void
testDiskOrdinary(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<disk type='file' device='disk'><source file='/nvme'/>"
        "<target dev='nvme0n1' bus='nvme'/></disk><disk type='block'><source dev='/dev/nvme0n1'/>"
        "</disk><disk/>");

    g_assert_cmpuint(def->devices->len, ==, 0);
}

/* Balloon, memory backing, launch security */

static void
testMemballoonNone(void)
{
    g_autoptr(vbDomainDef) def = testLoad("no-balloon-inactive");

    g_assert_cmpint(def->memballoon, ==, VB_DOMAIN_MEMBALLOON_NONE);
    g_assert_false(def->freePageReporting);
}

static void
testMemballoonVirtio(void)
{
    testAssertMemballoon("<memballoon model='virtio'/>", VB_DOMAIN_MEMBALLOON_VIRTIO);
    testAssertMemballoon("<memballoon model='virtio-transitional'/>", VB_DOMAIN_MEMBALLOON_VIRTIO);
    testAssertMemballoon("<memballoon model='virtio-non-transitional'/>",
                         VB_DOMAIN_MEMBALLOON_VIRTIO);
}

static void
testMemballoonOther(void)
{
    testAssertMemballoon("<memballoon model='xen'/>", VB_DOMAIN_MEMBALLOON_OTHER);
    testAssertMemballoon("<memballoon model='virtio-of-tomorrow'/>", VB_DOMAIN_MEMBALLOON_OTHER);
    testAssertMemballoon("<memballoon/>", VB_DOMAIN_MEMBALLOON_OTHER);
}

static void
testFreePageReporting(void)
{
    g_autoptr(vbDomainDef) on = testLoad("virtio-mem-and-dimm-live");
    g_autoptr(vbDomainDef) off = testParseDevices("<memballoon model='virtio' "
                                                  "freePageReporting='off'/>");

    g_assert_true(on->freePageReporting);
    g_assert_false(off->freePageReporting);
}

static void
testMemoryBacking(void)
{
    g_autoptr(vbDomainDef) def = testLoad("one-of-each-inactive");

    g_assert_true(def->memoryLocked);
    g_assert_true(def->memoryHugepages);
    g_assert_true(def->memoryShared);
}

static void
testMemoryBackingAbsent(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren("<memoryBacking><nosharepages/>"
                                                   "</memoryBacking>");

    g_assert_false(def->memoryLocked);
    g_assert_false(def->memoryHugepages);
    g_assert_false(def->memoryShared);
}

#define SHARED "<access mode='shared'/>"
#define PRIVATE "<access mode='private'/>"
#define MEMFD "<source type='memfd'/>"
#define CELLS(first, second) "<cpu><numa><cell id='0' memory='64' " first "/><cell id='1' " \
    "memory='64' " second "/></numa></cpu>"

static void
testMemoryShared(void)
{
    static const struct {
        const char *backing;
        const char *cpu;
        bool shared;
    } cases[] = {
        { MEMFD, "", true },
        { MEMFD SHARED, "", true },
        { MEMFD PRIVATE, "", false },
        { "<source type='file'/>", "", false },
        { "<source type='file'/>" SHARED, "", true },
        { "<source type='anonymous'/>", "", false },
        { SHARED, "", true },
        { PRIVATE, "", false },
        { "<access mode='tomorrow'/>", "", false },
        { "<source/><access/>", "", false },
        { MEMFD, CELLS("", ""), true },
        { MEMFD, CELLS("", "memAccess='private'"), false },
        { "", CELLS("memAccess='shared'", "memAccess='shared'"), true },
        { "", CELLS("memAccess='shared'", ""), false },
        { SHARED, CELLS("", "memAccess='shared'"), true },
        { PRIVATE, CELLS("memAccess='shared'", "memAccess='shared'"), true },
        { MEMFD, "<cpu><numa/></cpu>", true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("<memoryBacking>%s</memoryBacking>%s",
                                                cases[i].backing, cases[i].cpu);
        g_autoptr(vbDomainDef) def = testParseChildren(text);

        if (def->memoryShared != cases[i].shared) {
            g_test_message("%s", text);
            g_test_fail();
        }
    }
}

#undef SHARED
#undef PRIVATE
#undef MEMFD
#undef CELLS

static void
testLaunchSecurity(void)
{
    testAssertLaunchSecurity("", VB_DOMAIN_LAUNCH_SECURITY_NONE);
    testAssertLaunchSecurity("<launchSecurity type='sev'><policy>0x0001</policy></launchSecurity>",
                             VB_DOMAIN_LAUNCH_SECURITY_SEV);
    testAssertLaunchSecurity("<launchSecurity type='sev-snp'/>", VB_DOMAIN_LAUNCH_SECURITY_SEV_SNP);
    testAssertLaunchSecurity("<launchSecurity type='tdx'/>", VB_DOMAIN_LAUNCH_SECURITY_TDX);
    testAssertLaunchSecurity("<launchSecurity type='s390-pv'/>", VB_DOMAIN_LAUNCH_SECURITY_S390_PV);
    testAssertLaunchSecurity("<launchSecurity type='cca'/>", VB_DOMAIN_LAUNCH_SECURITY_OTHER);
    testAssertLaunchSecurity("<launchSecurity/>", VB_DOMAIN_LAUNCH_SECURITY_OTHER);
}

/* QEMU's namespace */

static void
testOverride(void)
{
    g_autoptr(vbDomainDef) def = testLoad("one-of-each-inactive");
    const vbDomainOverrideDef *override = vbDomainDefFindOverride(def, "ua-vb-" TEST_MDEV_UUID,
                                                                  VB_DOMAIN_OPT_OUT_PROPERTY);

    g_assert_true(def->qemuNamespace);
    g_assert_nonnull(override);
    g_assert_cmpstr(override->type, ==, "bool");
    g_assert_cmpstr(override->value, ==, "true");
}

static void
testOverrideMissing(void)
{
    g_autoptr(vbDomainDef) def = testLoad("one-of-each-inactive");

    g_assert_null(vbDomainDefFindOverride(def, "hostdev0", VB_DOMAIN_OPT_OUT_PROPERTY));
    g_assert_null(vbDomainDefFindOverride(def, "ua-vb-" TEST_MDEV_UUID, "x-other"));
    g_assert_null(vbDomainDefFindOverride(def, NULL, VB_DOMAIN_OPT_OUT_PROPERTY));
}

static void
testOverrideLastWins(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<qemu:override><qemu:device alias='a'><qemu:frontend>"
        "<qemu:property name='p' type='bool' value='true'/>"
        "<qemu:property name='q' type='bool' value='true'/>"
        "<qemu:property name='p' type='remove'/>"
        "</qemu:frontend></qemu:device></qemu:override>");
    const vbDomainOverrideDef *override = vbDomainDefFindOverride(def, "a", "p");

    g_assert_cmpuint(def->overrides->len, ==, 3);
    g_assert_cmpstr(override->type, ==, "remove");
    g_assert_null(override->value);
}

static void
testOverrideOtherPrefix(void)
{
    g_autoptr(vbDomainDef) def = testParse(
        "<domain><o:override xmlns:o='" VB_DOMAIN_QEMU_NAMESPACE "'><o:device alias='a'>"
        "<o:frontend><o:property name='p' value='1'/></o:frontend></o:device></o:override>"
        "</domain>");

    g_assert_nonnull(vbDomainDefFindOverride(def, "a", "p"));
}

static void
testOverrideDefaultNamespace(void)
{
    g_autoptr(vbDomainDef) def = testParse(
        "<domain><override xmlns='" VB_DOMAIN_QEMU_NAMESPACE "'><device alias='a'>"
        "<frontend><property name='p' value='1'/></frontend></device></override></domain>");

    g_assert_true(def->qemuNamespace);
    g_assert_nonnull(vbDomainDefFindOverride(def, "a", "p"));
}

static void
testOverrideNoNamespace(void)
{
    g_autoptr(vbDomainDef) def = testParse(
        "<domain><override><device alias='a'><frontend><property name='p'/></frontend></device>"
        "</override></domain>");

    g_assert_false(def->qemuNamespace);
    g_assert_cmpuint(def->overrides->len, ==, 0);
}

static void
testOverrideBackend(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<qemu:override><qemu:device alias='a'><qemu:backend>"
        "<qemu:property name='p' value='1'/></qemu:backend></qemu:device></qemu:override>");

    g_assert_cmpuint(def->overrides->len, ==, 0);
}

static void
testOverrideIncomplete(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren(
        "<qemu:override><qemu:device><qemu:frontend><qemu:property name='p'/></qemu:frontend>"
        "</qemu:device><qemu:device alias='a'><qemu:frontend><qemu:property value='1'/>"
        "</qemu:frontend></qemu:device></qemu:override>");

    g_assert_cmpuint(def->overrides->len, ==, 0);
}

static void
testQemuCommandline(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren("<qemu:commandline/>");

    g_assert_true(def->qemuNamespace);
}

static void
testQemuNamespaceOnlyDeclared(void)
{
    g_autoptr(vbDomainDef) def = testParseChildren("<metadata><qemu:commandline/></metadata>");

    g_assert_false(def->qemuNamespace);
}

static void
testQemuPrefixUndeclared(void)
{
    g_autoptr(vbDomainDef) def = testParse("<domain><qemu:commandline/></domain>");

    g_assert_false(def->qemuNamespace);
}

/* Policy */

static void
testPolicyDocument(void)
{
    g_autoptr(vbDomainDef) def = testLoad("assigned-devices-live");

    g_assert_cmpint(def->policy, ==, VB_DOMAIN_BALLOON_POLICY_REDIRECT);
    g_assert_cmpstr(def->policyText, ==, "redirect");
}

static void
testPolicyValues(void)
{
    testAssertPolicy("<b:policy memballoon='default'/>", VB_DOMAIN_BALLOON_POLICY_DEFAULT,
                     "default");
    testAssertPolicy("<b:policy memballoon='block'/>", VB_DOMAIN_BALLOON_POLICY_BLOCK, "block");
    testAssertPolicy("<b:policy memballoon='warn'/>", VB_DOMAIN_BALLOON_POLICY_WARN, "warn");
    testAssertPolicy("<b:policy memballoon='ignore'/>", VB_DOMAIN_BALLOON_POLICY_IGNORE, "ignore");
    testAssertPolicy("<b:policy memballoon='redirect'/>", VB_DOMAIN_BALLOON_POLICY_REDIRECT,
                     "redirect");
}

static void
testPolicyAbsent(void)
{
    testAssertPolicy("", VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
    testAssertPolicy("<b:policy/>", VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
}

static void
testPolicyInvalid(void)
{
    testAssertPolicy("<b:policy memballoon='Block'/>", VB_DOMAIN_BALLOON_POLICY_INVALID, "Block");
    testAssertPolicy("<b:policy memballoon=''/>", VB_DOMAIN_BALLOON_POLICY_INVALID, "");
}

static void
testPolicyFirstWins(void)
{
    testAssertPolicy("<b:policy memballoon='warn'/><b:policy memballoon='ignore'/>",
                     VB_DOMAIN_BALLOON_POLICY_WARN, "warn");
    testAssertPolicy("</metadata><metadata" TEST_POLICY_NS "><b:policy memballoon='warn'/>",
                     VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
}

static void
testPolicyDefaultNamespace(void)
{
    testAssertPolicy("<policy xmlns='" VB_DOMAIN_POLICY_NAMESPACE "' memballoon='warn'/>",
                     VB_DOMAIN_BALLOON_POLICY_WARN, "warn");
}

static void
testPolicyElsewhere(void)
{
    testAssertPolicy("<policy memballoon='warn'/>", VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
    testAssertPolicy("<x:policy xmlns:x='urn:x' memballoon='warn'/>",
                     VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
    testAssertPolicy("<x:a xmlns:x='urn:x'><b:policy memballoon='warn'/></x:a>",
                     VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
    testAssertPolicy("</metadata><b:policy" TEST_POLICY_NS " memballoon='warn'/><metadata>",
                     VB_DOMAIN_BALLOON_POLICY_DEFAULT, NULL);
}

static void
testPolicyNames(void)
{
    for (int i = VB_DOMAIN_BALLOON_POLICY_DEFAULT; i < VB_DOMAIN_BALLOON_POLICY_INVALID; i++) {
        const char *name = vbDomainBalloonPolicyTypeToString((vbDomainBalloonPolicy)i);

        g_assert_nonnull(name);
        g_assert_cmpint(vbDomainBalloonPolicyTypeFromString(name), ==, i);
    }
    g_assert_null(vbDomainBalloonPolicyTypeToString(VB_DOMAIN_BALLOON_POLICY_INVALID));
    g_assert_cmpint(vbDomainBalloonPolicyTypeFromString(NULL), ==,
                    VB_DOMAIN_BALLOON_POLICY_INVALID);
    g_assert_cmpint(vbDomainBalloonPolicyTypeFromString("no"), ==,
                    VB_DOMAIN_BALLOON_POLICY_INVALID);
}

/* Devices on their own */

static vbDomainDef *
testParseDevice(const char *xml)
{
    g_autoptr(GError) error = NULL;
    vbDomainDef *def = vbDomainDefParseDeviceString(xml, strlen(xml), &error);

    g_assert_no_error(error);
    g_assert_nonnull(def);
    return def;
}

static void
testAssertDeviceRefused(const char *xml, int code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vbDomainDefParseDeviceString(xml, strlen(xml), &error));
    g_assert_error(error, VB_ERROR, code);
}

static void
testDeviceHostdev(void)
{
    g_autoptr(vbDomainDef) def = testParseDevice(
        "<?xml version='1.0'?>\n<hostdev mode='subsystem' type='pci'>" TEST_PCI_SOURCE
        "<alias name='ua-gpu'/></hostdev>");

    g_assert_cmpint(def->id, ==, -1);
    g_assert_cmpuint(def->hostdevs->len, ==, 1);
    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, "ua-gpu", "0000:07:00.0");
}

static void
testDeviceInterface(void)
{
    g_autoptr(vbDomainDef) hostdev = testParseDevice(
        "<interface type='hostdev'><source><address type='pci' bus='0x3b'/></source></interface>");
    g_autoptr(vbDomainDef) vdpa = testParseDevice(
        "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>");

    testAssertHostdev(hostdev, 0, VB_DOMAIN_HOSTDEV_PCI, NULL, "0000:3b:00.0");
    g_assert_true(testHostdev(hostdev, 0)->isInterface);
    testAssertDevice(vdpa, 0, VB_DOMAIN_DEVICE_VDPA_NET, NULL, "/dev/vhost-vdpa-0");
}

static void
testDeviceMemory(void)
{
    g_autoptr(vbDomainDef) def = testParseDevice(
        "<memory model='dimm'><target><size unit='MiB'>1</size></target></memory>");

    g_assert_cmpuint(testMemory(def, 0)->size, ==, 1024);
}

static void
testDeviceForeignNamespace(void)
{
    g_autoptr(vbDomainDef) def = testParseDevice(
        "<x:interface xmlns:x='urn:x' type='hostdev'><source><address type='pci' bus='7'/></source>"
        "</x:interface>");

    testAssertHostdev(def, 0, VB_DOMAIN_HOSTDEV_PCI, NULL, "0000:07:00.0");
    g_assert_true(testHostdev(def, 0)->isInterface);
}

static void
testDeviceUnknown(void)
{
    g_autoptr(vbDomainDef) def = testParseDevice("<watchdog model='i6300esb'/>");

    g_assert_cmpuint(def->hostdevs->len + def->devices->len + def->memories->len, ==, 0);
}

static void
testDeviceRefused(void)
{
    testAssertDeviceRefused("", VB_ERROR_XML);
    testAssertDeviceRefused("<hostdev>", VB_ERROR_XML);
    testAssertDeviceRefused("<hostdev/><hostdev/>", VB_ERROR_XML);
    testAssertDeviceRefused("<memory model='dimm'/>", VB_ERROR_XML);
}

static void
testDeviceDoctype(void)
{
    testAssertDeviceRefused("<!DOCTYPE hostdev><hostdev/>", VB_ERROR_UNREAD);
}

/* Ballooning's attributes, and where they are stored */

static void
testPolicyAttribute(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices("<memballoon model='virtio' policy='w&#97;rn'/>");
    g_autoptr(vbDomainDef) none = testParseDevices("<memballoon model='virtio'/>");
    g_autoptr(vbDomainDef) empty = testParseDevices("<memballoon model='virtio' policy=''/>");

    g_assert_cmpstr(def->policyAttribute, ==, "warn");
    g_assert_cmpstr(none->policyAttribute, ==, NULL);
    g_assert_cmpstr(empty->policyAttribute, ==, "");
    g_assert_cmpint(def->policy, ==, VB_DOMAIN_BALLOON_POLICY_DEFAULT);
}

static void
testPolicyAttributeFirst(void)
{
    g_autoptr(vbDomainDef) def =
        testParseDevices("<memballoon/><memballoon model='none' policy='warn'/>");

    g_assert_cmpstr(def->policyAttribute, ==, NULL);
}

static void
testPolicyAttributeForeign(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<x:memballoon xmlns:x='urn:x' policy='block'/>"
        "<memballoon xmlns:x='urn:x' x:policy='warn'/>"
        "<cpu><feature policy='require'/></cpu>");

    g_assert_cmpstr(def->policyAttribute, ==, NULL);
}

static void
testPolicyElements(void)
{
    static const struct {
        const char *metadata;
        guint expected;
    } cases[] = {
        { "", 0 },
        { "<policy memballoon='warn'/>", 0 },
        { "<b:policy memballoon='warn'/>", 1 },
        { "<b:policy/><b:policy/>", 2 },
        { "<b:other/><policy/><b:policy memballoon='warn'/>", 2 },
        { "<x><b:policy/></x>", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<metadata" TEST_POLICY_NS ">%s</metadata><metadata" TEST_POLICY_NS "><b:policy/>"
            "</metadata>", cases[i].metadata);
        g_autoptr(vbDomainDef) def = testParseChildren(xml);

        g_assert_cmpuint(def->policyElements, ==, cases[i].expected);
    }
}

static void
testBallooning(void)
{
    static const struct {
        const char *attribute;
        vbDomainBallooning expected;
        const char *text;
    } cases[] = {
        { "", VB_DOMAIN_BALLOONING_ABSENT, NULL },
        { "ballooning='on'", VB_DOMAIN_BALLOONING_ON, "on" },
        { "ballooning='&#111;ff'", VB_DOMAIN_BALLOONING_OFF, "off" },
        { "ballooning=''", VB_DOMAIN_BALLOONING_INVALID, "" },
        { "ballooning='ON'", VB_DOMAIN_BALLOONING_INVALID, "ON" },
        { "xmlns:x='urn:x' x:ballooning='on'", VB_DOMAIN_BALLOONING_ABSENT, NULL },
        { "xmlns:x='urn:x' x:ballooning='on' ballooning='off'", VB_DOMAIN_BALLOONING_OFF, "off" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf("<hostdev type='mdev' %s/>", cases[i].attribute);
        g_autoptr(vbDomainDef) def = testParseDevices(xml);

        g_assert_cmpint(testHostdev(def, 0)->ballooning, ==, cases[i].expected);
        g_assert_cmpstr(testHostdev(def, 0)->ballooningText, ==, cases[i].text);
    }
}

static void
testBallooningInterface(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices("<interface type='hostdev' ballooning='on'/>");

    g_assert_cmpint(testHostdev(def, 0)->ballooning, ==, VB_DOMAIN_BALLOONING_ON);
}

static void
testHostdevNames(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev type='mdev' model='vfio-new'/><hostdev type='scsi'/><hostdev/>");

    g_assert_cmpstr(testHostdev(def, 0)->typeName, ==, "mdev");
    g_assert_cmpstr(testHostdev(def, 0)->modelName, ==, "vfio-new");
    g_assert_cmpstr(testHostdev(def, 1)->typeName, ==, "scsi");
    g_assert_cmpstr(testHostdev(def, 1)->modelName, ==, NULL);
    g_assert_cmpstr(testHostdev(def, 2)->typeName, ==, NULL);
}

static void
testHostdevPlaces(void)
{
    g_autoptr(vbDomainDef) def = testParseDevices(
        "<hostdev type='pci'><alias name='hostdev7'/></hostdev>"
        "<hostdev type='usb'><alias name='ua-usb'/></hostdev>"
        "<interface type='hostdev'/><interface type='network'/>"
        "<hostdev type='mdev'><alias name='ua-a b'/></hostdev>");

    g_assert_cmpstr(testHostdev(def, 0)->place, ==, "hostdev1");
    g_assert_cmpstr(testHostdev(def, 1)->place, ==, NULL);
    g_assert_cmpstr(testHostdev(def, 2)->place, ==, "hostdev0");
    g_assert_cmpstr(testHostdev(def, 3)->place, ==, "hostdev2");
}

static void
testAliasFirst(void)
{
    static const struct {
        const char *content;
        const char *expected;
    } cases[] = {
        { "", NULL },
        { "<alias/>", NULL },
        { "<alias name=''/>", "" },
        { "<alias name='hostdev0'/><alias name='ua-a'/>", "hostdev0" },
        { "<alias/><alias name='ua-a'/>", "ua-a" },
        { "<alias name='&#117;a-a'/>", "ua-a" },
        { "<x:alias xmlns:x='urn:x' name='ua-x'/><alias name='ua-a'/>", "ua-a" },
        { "<source><alias name='ua-x'/></source>", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf("<hostdev>%s</hostdev>", cases[i].content);
        g_autoptr(vbDomainDef) def = testParseDevices(xml);

        g_assert_cmpstr(testHostdev(def, 0)->alias, ==, cases[i].expected);
    }
}

static void
testAliasIsUser(void)
{
    g_autofree char *longest = g_strnfill(200, 'x');
    g_autofree char *longAlias = g_strconcat("ua-", longest, NULL);

    g_assert_true(vbDomainAliasIsUser("ua-a"));
    g_assert_true(vbDomainAliasIsUser("ua-"));
    g_assert_true(vbDomainAliasIsUser("ua-Az09_-"));
    g_assert_true(vbDomainAliasIsUser(longAlias));
}

static void
testAliasIsNotUser(void)
{
    static const char *const aliases[] = {
        "", "ua", "UA-a", "hostdev0", " ua-a", "ua-a b", "ua-a.b", "ua-a:b", "ua-a,b", "ua-a ",
        "ua-\xc3\xa9", "xua-a",
    };

    g_assert_false(vbDomainAliasIsUser(NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
        g_assert_false(vbDomainAliasIsUser(aliases[i]));
}

static void
testUUID(void)
{
    static const guint8 expected[16] = { 0xc2, 0x17, 0x78, 0x83, 0xf1, 0xbb, 0x47, 0xf0,
                                         0x91, 0x4d, 0x32, 0xa2, 0x2e, 0x3a, 0x88, 0x04 };
    static const char *const texts[] = { TEST_MDEV_UUID, "C2177883F1BB47F0914D32A22E3A8804",
                                         " \nc2-177883f1bb47f0914d32a22e3a88-04 " };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint8 uuid[16] = { 0 };

        g_assert_true(vbUUIDParse(texts[i], uuid));
        g_assert_cmpmem(uuid, 16, expected, 16);
    }
}

static void
testUUIDNone(void)
{
    static const char *const texts[] = { "", "-", "c2177883-f1bb-47f0-914d-32a22e3a880",
                                         TEST_MDEV_UUID "0", TEST_MDEV_UUID "x",
                                         "g2177883-f1bb-47f0-914d-32a22e3a8804" };
    guint8 uuid[16];

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_false(vbUUIDParse(texts[i], uuid));
}

static void
testNetwork(void)
{
    static const struct {
        const char *xml;
        bool expected;
    } cases[] = {
        { "<network><forward mode='hostdev' managed='yes'/></network>", true },
        { "<network><forward mode='nat'/></network>", false },
        { "<network><forward/></network>", false },
        { "<network><x><forward mode='hostdev'/></x></network>", false },
        { "<network/>", false },
        { "<network><forward mode='hostdev'/>", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_true(vbNetworkIsHostdev(cases[i].xml, strlen(cases[i].xml)) ==
                      cases[i].expected);
}

static void
testAssertHasMemballoon(const char *domain, const char *device, bool expected)
{
    g_autoptr(vbDomainDef) def = testParseDevices(domain);
    g_autoptr(vbDomainDef) part = testParseDevice(device);

    g_assert_true(vbDomainDefHasMemballoon(def, part) == expected);
}

static void
testMemballoonSame(void)
{
    static const char domain[] =
        "<memballoon model='virtio' autodeflate='on'><stats period='5'/><alias name='balloon0'/>"
        "<address type='pci' slot='0x05'/></memballoon>";

    testAssertHasMemballoon(domain, domain, true);
    testAssertHasMemballoon(domain, "<memballoon model='virtio' policy='warn'/>", true);
    testAssertHasMemballoon(domain, "<memballoon policy='warn'/>", true);
    testAssertHasMemballoon(domain, "<memballoon autodeflate='on' model=\"virt&#105;o\">"
                            "<address slot='0x05'/>\n<!-- x --><stats/></memballoon>", true);
}

static void
testMemballoonSameOddly(void)
{
    static const char domain[] =
        "<memballoon model='virtio' xmlns:x='urn:x'><stats period='5'/><stats period='6'/>"
        "<x:stats period='7'/><x:note/></memballoon>";

    testAssertHasMemballoon(domain, domain, true);
    testAssertHasMemballoon(domain, "<memballoon><stats period='6'/></memballoon>", true);
    testAssertHasMemballoon(domain, "<memballoon><stats period='7'/></memballoon>", false);
    testAssertHasMemballoon(domain, "<memballoon><note/></memballoon>", false);
}

static void
testMemballoonChanged(void)
{
    static const char domain[] =
        "<memballoon model='virtio' policy='warn'><stats period='5'/></memballoon>";

    testAssertHasMemballoon(domain, "<memballoon model='none' policy='warn'/>", false);
    testAssertHasMemballoon(domain, "<memballoon model='virtio' autodeflate='on'/>", false);
    testAssertHasMemballoon(domain, "<memballoon model='virtio'><stats period='6'/></memballoon>",
                            false);
    testAssertHasMemballoon(domain, "<memballoon model='virtio'><driver iommu='on'/></memballoon>",
                            false);
    testAssertHasMemballoon(domain, "<memballoon><stats period='5' policy='x'/></memballoon>",
                            false);
    testAssertHasMemballoon(domain, "<memballoon xmlns:x='urn:x' x:policy='block'/>", false);
}

static void
testMemballoonMissing(void)
{
    testAssertHasMemballoon("", "<memballoon model='virtio'/>", false);
    testAssertHasMemballoon("<memballoon model='virtio'/>", "<hostdev/>", false);
}

static void
testNode(void)
{
    static const char xml[] =
        "<domainsnapshot><domain id='3'><name>inner</name><devices><memballoon policy='warn'/>"
        "</devices></domain></domainsnapshot>";
    g_autoptr(xmlDoc) doc = vbXMLParse(xml, strlen(xml), NULL);
    g_autoptr(vbDomainDef) def =
        vbDomainDefParseNode(vbXMLChild(xmlDocGetRootElement(doc), "domain"), NULL);

    g_assert_cmpstr(def->name, ==, "inner");
    g_assert_cmpint(def->id, ==, 3);
    g_assert_cmpstr(def->policyAttribute, ==, "warn");
}

static void
testNodeRefused(void)
{
    static const char xml[] = "<domain><memory>x</memory></domain>";
    g_autoptr(xmlDoc) doc = vbXMLParse(xml, strlen(xml), NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(vbDomainDefParseNode(xmlDocGetRootElement(doc), &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
}

/* The definition keeps what it needs of a document that is gone. */
static void
testNodeOutlived(void)
{
    static const char xml[] = "<domain><devices><memballoon model='virtio'/></devices></domain>";
    xmlDoc *doc = vbXMLParse(xml, strlen(xml), NULL);
    g_autoptr(vbDomainDef) def = vbDomainDefParseNode(xmlDocGetRootElement(doc), NULL);
    g_autoptr(vbDomainDef) device = testParseDevice("<memballoon model='virtio'/>");

    xmlFreeDoc(doc);
    g_assert_true(vbDomainDefHasMemballoon(def, device));
}

/* Hostile texts */

static guint testEntitiesLoaded;

static xmlParserInput *
testEntityLoader(const char *url, const char *id, xmlParserCtxt *context)
{
    testEntitiesLoaded++;
    return NULL;
}

/* The text is refused, and libxml2 asked for nothing from outside. */
static void
testAssertNothingLoaded(const char *xml)
{
    xmlExternalEntityLoader loader = xmlGetExternalEntityLoader();

    testEntitiesLoaded = 0;
    xmlSetExternalEntityLoader(testEntityLoader);
    testAssertRefused(xml, "*document type declaration*");
    xmlSetExternalEntityLoader(loader);
    g_assert_cmpuint(testEntitiesLoaded, ==, 0);
}

static void
testEmpty(void)
{
    testAssertRefused("", "*0 bytes*");
    testAssertRefused(" \n", "line *");
}

static void
testNoXML(void)
{
    testAssertRefused("{\"execute\": \"balloon\"}", "line 1: *");
    testAssertRefused("\xff\xfe\xfd", "line 1: *");
    testAssertRefused("<", "line 1: *");
}

static void
testTruncated(void)
{
    g_autofree char *file = g_build_filename(VB_TEST_DATA_DIR, "domainconfdata",
                                             "no-balloon-inactive.xml", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    size_t length;

    g_file_get_contents(file, &text, &length, &error);
    g_assert_no_error(error);
    length = strlen(g_strchomp(text));
    for (size_t i = 1; i < length; i++) {
        g_autofree char *cut = g_memdup2(text, i);

        testAssertRefusedBytes(cut, i, "line *");
    }
}

static void
testLengthCounts(void)
{
    const char xml[] = "<domain><name>a</name></domain><junk";
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(xml, strlen(xml) - strlen("<junk"), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(def->name, ==, "a");
}

static void
testTooLong(void)
{
    testAssertRefusedBytes("<domain/>", (size_t)G_MAXINT + 1, "*2147483648 bytes*");
}

static void
testTrailingText(void)
{
    testAssertRefused("<domain/><domain/>", "line 1: *");
    testAssertRefused("<domain/>text", "line 1: *");
}

static void
testWrongRoot(void)
{
    testAssertRefused("<domstatus><domain/></domstatus>", "the root element is not <domain>");
    testAssertRefused("<Domain/>", "the root element is not <domain>");
}

static void
testRootNamespace(void)
{
    g_autoptr(vbDomainDef) def = testParse("<x:domain xmlns:x='urn:x'><name>a</name></x:domain>");

    g_assert_cmpstr(def->name, ==, "a");
}

static void
testMismatchedTags(void)
{
    testAssertRefused("<domain>\n<name>\n</domain>", "line 3: *mismatch*name*domain*");
}

static void
testNulBytes(void)
{
    const char behind[] = "<domain/>\0<domain><name>b</name></domain>";
    const char inside[] = "<domain><name>a\0b</name></domain>";

    testAssertRefusedBytes(behind, sizeof(behind) - 1, "*NUL*");
    testAssertRefusedBytes(inside, sizeof(inside) - 1, "*NUL*");
}

static void
testInvalidUTF8(void)
{
    testAssertRefused("<domain><name>caf\xe9</name></domain>", "line 1: *");
    testAssertRefused("<domain><name>\xc0\xaf</name></domain>", "line 1: *");
    testAssertRefused("<domain><na\xff/></domain>", "line 1: *");
    testAssertRefused("<domain type='\xed\xa0\x80'/>", "line 1: *");
}

static void
testControlCharacter(void)
{
    testAssertRefused("<domain><name>a\x01</name></domain>", "line 1: *");
    testAssertRefused("<domain><name>&#0;</name></domain>", "line 1: *");
}

static void
testUnknownEncoding(void)
{
    testAssertRefused("<?xml version='1.0' encoding='NONESUCH-1'?><domain/>", "line 1: *");
}

static void
testDoctype(void)
{
    testAssertRefused("<!DOCTYPE domain><domain/>", "*document type declaration*");
    testAssertRefused("<!DOCTYPE domain [<!ATTLIST hostdev type CDATA 'pci'>]><domain/>",
                      "*document type declaration*");
}

static void
testEntityBomb(void)
{
    g_autoptr(GString) xml = g_string_new("<!DOCTYPE domain [<!ENTITY e0 'ha'>");

    for (int i = 1; i < 64; i++) {
        g_string_append_printf(xml, "<!ENTITY e%d '&e%d;&e%d;&e%d;&e%d;'>",
                               i, i - 1, i - 1, i - 1, i - 1);
    }
    g_string_append(xml, "]><domain type='&e63;'><name>&e63;</name></domain>");
    testAssertRefused(xml->str, "*document type declaration*");
}

/* Between @before and @after stands one name after the other, each of them twice. */
static char *
testMakeNames(const char *before, const char *after, guint count)
{
    GString *xml = g_string_new("<domain type='kvm'><name>a</name><memory>1</memory><devices>");

    for (guint i = 0; i < 2 * count; i++)
        g_string_append_printf(xml, "%sn%u%s", before, i % count, after);
    g_string_append(xml, "</devices></domain>");
    return g_string_free(xml, FALSE);
}

/* libxml2 before 2.12 finds a name the slower the more of them there are: half a million take
 * seconds, in which nobody is served. */
static void
testManyNames(void)
{
    static const char *const around[][2] = {
        { "<", "/>" }, { "<a ", "='b'/>" }, { "<a xmlns:", "='b'/>" }, { "<?", "?>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(around); i++) {
        g_autofree char *some = testMakeNames(around[i][0], around[i][1], 19000);
        g_autofree char *more = testMakeNames(around[i][0], around[i][1], 21000);
        g_autoptr(vbDomainDef) def = testParse(some);

        g_assert_cmpstr(def->name, ==, "a");
        testAssertRefused(more, "*more than 20000 different names*");
        testAssertDeviceRefused(more, VB_ERROR_UNREAD);
    }
}

/* What is wrong is known at the beginning. */
static void
testManyNamesBehindError(void)
{
    static const char *const wrong[] = {
        "<a b='<'/>", "<a b/>", "<a b='1' b='2'/>", "&x;", "\x01", "<![CDATA[\x01", "]]>", "<!x>",
        "<!-- \x01", "<?xml x?>", "<a b='\x01'/>", "<a b='&x;'/>",
    };
    g_autofree char *names = testMakeNames("<", "/>", 400000);

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *xml = g_strconcat("<domain>", wrong[i], names, "</domain>", NULL);
        clock_t start = clock();

        testAssertRefused(xml, "line 1: *");
        g_assert_cmpint(clock() - start, <, CLOCKS_PER_SEC);
    }
}

/* Elements in each other that declare the same namespaces, and many that use one of outside. */
static char *
testMakeNamespaces(guint depth, guint each, guint count)
{
    GString *xml = g_string_new("<domain type='kvm' xmlns:z='z'><name>a</name><memory>1</memory>");

    for (guint i = 0; i < depth; i++) {
        g_string_append(xml, "<a");
        for (guint j = 0; j < each; j++)
            g_string_append_printf(xml, " xmlns:a%u='b'", j);
        g_string_append_c(xml, '>');
    }
    for (guint i = 0; i < count; i++)
        g_string_append(xml, "<z:x/>");
    for (guint i = 0; i < depth; i++)
        g_string_append(xml, "</a>");
    g_string_append(xml, "</domain>");
    return g_string_free(xml, FALSE);
}

/* libxml2 before 2.12 looks for a prefix among all that are declared around it. */
static void
testManyNamespaces(void)
{
    g_autofree char *some = testMakeNamespaces(9, 10, 200000);
    g_autofree char *inside = testMakeNamespaces(11, 10, 200000);
    g_autofree char *at = testMakeNamespaces(1, 101, 200000);
    g_autoptr(GString) apart = g_string_new("<domain type='kvm'><name>a</name><memory>1</memory>");
    g_autoptr(vbDomainDef) def = testParse(some);
    g_autoptr(vbDomainDef) other = NULL;

    g_assert_cmpstr(def->name, ==, "a");
    testAssertRefused(inside, "*more than 100 namespaces*");
    testAssertRefused(at, "*more than 100 namespaces*");

    for (guint i = 0; i < 1000; i++)
        g_string_append(apart, "<a xmlns:b='b'><c xmlns:d='d'/></a>");
    g_string_append(apart, "</domain>");
    other = testParse(apart->str);
    g_assert_cmpstr(other->name, ==, "a");
}

/* Returns: (transfer full): a domain with @before, many times @what, and @after */
static char *
testMakeCrowd(const char *before, const char *what, const char *after)
{
    GString *xml = g_string_new("<domain type='kvm'><name>a</name><memory>1</memory>");

    g_string_append(xml, before);
    for (guint i = 0; i < 1001; i++)
        g_string_append_printf(xml, " a%u%s", i, what);
    g_string_append_printf(xml, "%s</domain>", after);
    return g_string_free(xml, FALSE);
}

static void
testCrowdedElement(void)
{
    static const char *const crowds[][3] = {
        { "<b", "='c'", "/>" },
        { "<b", " = \"c\"", "/>" },
        { "<b", "\n=\n'c'", "></b>" },
        { "<b c='>'", "='>'", "/>" },
        { "<b c=\"'>\"", "=\">'\"", "/>" },
        { "<!-- ' --><b", "='c'", "/>" },
        { "<c>'</c><b", "='c'", "/>" },
        { "<c d='e", "='c'", "/>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(crowds); i++) {
        g_autofree char *xml = testMakeCrowd(crowds[i][0], crowds[i][1], crowds[i][2]);

        testAssertRefused(xml, "*more than 1000 attributes*");
    }
}

static void
testCrowdedText(void)
{
    static const char *const crowds[][3] = {
        { "<title>", "='c'", "</title>" },
        { "<title>", "=\"c\"", "</title>" },
        { "<title b='>' c=\">\">", "='c'", "</title>" },
        { "<title/>", "='c'", "" },
        { "<title><![CDATA[", ":\"c\"", "]]></title>" },
        { "<!--", "='c'", "-->" },
        { "<?b", "='c'", "?>" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(crowds); i++) {
        g_autofree char *xml = testMakeCrowd(crowds[i][0], crowds[i][1], crowds[i][2]);
        g_autoptr(vbDomainDef) def = testParse(xml);

        g_assert_cmpstr(def->name, ==, "a");
        /* Nor is it any other error if it is no XML. */
        testAssertRefused(xml + 1, "line 1: *");
    }
}

static void
testUndeclaredEntity(void)
{
    testAssertRefused("<domain><name>&pwned;</name></domain>", "line 1: *pwned*");
}

static void
testExternalEntity(void)
{
    testAssertNothingLoaded("<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>"
                            "<domain><name>&x;</name></domain>");
}

static void
testExternalSubset(void)
{
    testAssertNothingLoaded("<!DOCTYPE domain SYSTEM 'http://127.0.0.1:9/x.dtd'><domain/>");
    testAssertNothingLoaded("<!DOCTYPE domain [<!ENTITY % x SYSTEM 'file:///etc/hostname'> %x;]>"
                            "<domain/>");
}

static void
testXInclude(void)
{
    g_autoptr(vbDomainDef) def = testParse(
        "<domain><name><x:include xmlns:x='http://www.w3.org/2001/XInclude' parse='text' "
        "href='file:///etc/hostname'/></name></domain>");

    g_assert_cmpstr(def->name, ==, "");
}

/* Whether libxml2 finds it too long depends on how its version reads from memory. */
static void
testHugeText(void)
{
    g_autofree char *text = g_strnfill(10 * 1000 * 1000 + 1, 'a');
    g_autofree char *xml = g_strdup_printf("<domain><name>%s</name></domain>", text);
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(xml, strlen(xml), &error);

    if (def)
        g_assert_cmpuint(strlen(def->name), ==, strlen(text));
    else
        g_assert_error(error, VB_ERROR, VB_ERROR_XML);
}

static void
testHugeAttribute(void)
{
    g_autofree char *text = g_strnfill(10 * 1000 * 1000 + 1, 'a');
    g_autofree char *xml = g_strdup_printf("<domain type='%s'/>", text);

    testAssertRefused(xml, "line 1: *too long*");
}

static void
testDeepNesting(void)
{
    g_autoptr(GString) xml = g_string_new("<domain><devices><disk type='file'>");

    for (int i = 0; i < 100000; i++)
        g_string_append(xml, "<backingStore type='file'>");
    testAssertRefused(xml->str, "line 1: *depth*");
}

static void
testLongChain(void)
{
    g_autoptr(GString) xml = g_string_new("<disk type='file'>");
    g_autoptr(vbDomainDef) def = NULL;

    for (int i = 0; i < 200; i++)
        g_string_append(xml, "<backingStore type='nvme'>");
    for (int i = 0; i < 200; i++)
        g_string_append(xml, "</backingStore>");
    g_string_append(xml, "</disk>");
    def = testParseDevices(xml->str);
    g_assert_cmpuint(def->devices->len, ==, 200);
}

static void
testUnterminated(void)
{
    const char xml[] = "<domain><name>a</name></domain>";
    size_t length = sizeof(xml) - 1;
    g_autofree char *exact = g_memdup2(xml, length);
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(exact, length, NULL);

    g_assert_nonnull(def);
}

static void
testQuiet(void)
{
    if (g_test_subprocess()) {
        vbDomainDef *def = vbDomainDefParseString("<domain><a></b>&x;", 18, NULL);

        g_assert_null(def);
        def = vbDomainDefParseString("<domain><q:a b='1' b='2'/></domain>", 35, NULL);
        g_assert_null(def);
        def = vbDomainDefParseString("<domain><q:a/></domain>", 23, NULL);
        vbDomainDefFree(def);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("");
}

static void
testQuietEncoding(void)
{
    static const char xml[] = "<?xml version='1.0' encoding='UTF-7'?><!--\x87!--><domain/>";

    if (g_test_subprocess()) {
        vbDomainDefFree(vbDomainDefParseString(xml, strlen(xml), NULL));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("");
}

static void
testErrorNotWanted(void)
{
    g_assert_null(vbDomainDefParseString("<domain>", 8, NULL));
    g_assert_null(vbDomainDefParseString("<domain><memory>x</memory></domain>", 35, NULL));
}

static void
testFreeNothing(void)
{
    vbDomainDefFree(NULL);
}

#define TEST(sentence, function) g_test_add_func("/domainconf/" sentence, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    TEST("a live document gives type, name, uuid, id and emulator", testIdentity);
    TEST("an inactive document has the id -1", testInactive);
    TEST("an id that is no number is -1", testUnreadableId);
    TEST("a domain with nothing in it leaves every field empty", testEmptyDomain);
    TEST("the first of two names is taken", testFirstNameWins);
    TEST("the first of two emulators is taken", testFirstEmulatorWins);
    TEST("blanks around the uuid are dropped", testUUIDBlanks);
    TEST("character references and CDATA are resolved", testReferences);
    TEST("a declared encoding other than UTF-8 is not followed", testDeclaredEncoding);
    TEST("elements in a foreign namespace are skipped", testForeignNamespace);
    TEST("attributes count in whatever namespace they are", testForeignAttribute);
    TEST("every devices element counts", testSeveralDevicesElements);

    TEST("a size without a unit is KiB", testMemoryNoUnit);
    TEST("a size can be in bytes", testMemoryBytes);
    TEST("a bare prefix and a prefix with iB are powers of 1024", testMemoryBinaryUnits);
    TEST("a prefix with B is a power of 1000", testMemoryDecimalUnits);
    TEST("the case of a unit does not matter", testMemoryUnitCase);
    TEST("a size is rounded up to KiB", testMemoryRoundsUp);
    TEST("the largest size that libvirt takes is taken", testMemoryLargest);
    TEST("a size that libvirt finds too large is refused", testMemoryOverflow);
    TEST("a size in an unknown unit is refused", testMemoryUnknownUnit);
    TEST("a negative size is refused", testMemoryNegative);
    TEST("a size that is no number is refused", testMemoryNoNumber);
    TEST("a size is read as leniently as libvirt reads it", testMemoryLeniency);
    TEST("an empty memory element is as good as none", testMemoryEmptyElement);
    TEST("the first of two memory elements is taken", testFirstMemoryWins);
    TEST("the message about a size has its line", testErrorLine);
    TEST("the message about a size quotes only its beginning", testErrorIsShort);
    TEST("the message about a size is UTF-8 wherever it is cut", testErrorIsUTF8);
    TEST("the message about a size has no control characters of the document", testErrorIsOneLine);
    TEST("currentMemory is read beside memory", testCurrentMemory);
    TEST("currentMemory absent or zero is memory", testCurrentMemoryAbsent);
    TEST("currentMemory above memory is memory", testCurrentMemoryTooLarge);
    TEST("a currentMemory that is no size is refused", testCurrentMemoryUnreadable);
    TEST("without memory the NUMA cells add up", testNumaCells);
    TEST("NUMA cells and memory devices overrule memory", testNumaCellsWin);
    TEST("a NUMA cell without a readable size is refused", testNumaCellUnreadable);
    TEST("a sum of sizes that is too large is refused", testNumaSumOverflow);

    TEST("a virtio-mem device is read with all its sizes", testVirtioMem);
    TEST("a dimm has a size only", testDimm);
    TEST("block, requested and current belong to virtio-mem only", testDimmBlock);
    TEST("memory of other models is other memory", testOtherMemory);
    TEST("the sizes of a memory device have units", testMemoryDeviceUnits);
    TEST("a memory device with an unreadable size is refused", testMemoryDeviceUnreadable);
    TEST("a memory device without a size is refused", testMemoryDeviceWithoutSize);
    TEST("the balloon spans boot memory and dimms but no virtio-mem", testBalloonMaximum);
    TEST("the balloon does not span an nvdimm", testBalloonMaximumOther);
    TEST("what virtio-mem has plugged is taken out of currentMemory", testBalloonCurrent);
    TEST("the balloon's current size is never above its maximum", testBalloonCurrentBounded);
    TEST("the balloon's sizes never drop below zero", testBalloonNeverNegative);
    TEST("the balloon's current size alone never drops below zero",
         testBalloonCurrentNeverNegative);

    TEST("a PCI hostdev has alias and address", testHostdevPCI);
    TEST("an mdev hostdev has alias, uuid and model", testHostdevMdev);
    TEST("a usb hostdev is another hostdev", testHostdevUSB);
    TEST("scsi, capabilities and incomplete hostdevs are other hostdevs", testHostdevOther);
    TEST("a vdpa hostdev has its device node", testHostdevVdpa);
    TEST("a hostdev without a mode is a subsystem device", testHostdevWithoutMode);
    TEST("a PCI hostdev with a driver other than vfio is marked", testHostdevDriver);
    TEST("a PCI hostdev with iommufd is marked", testHostdevIommufd);
    TEST("a hostdev without a source has no address", testHostdevWithoutSource);
    TEST("the models of mdevs are told apart", testMdevModels);
    TEST("a PCI address can be hexadecimal", testPCIAddressHexadecimal);
    TEST("a PCI address can be decimal", testPCIAddressDecimal);
    TEST("a PCI address with a leading zero is octal", testPCIAddressOctal);
    TEST("absent parts of a PCI address are zero", testPCIAddressDefaults);
    TEST("a PCI domain can have more than four digits", testPCIAddressLongDomain);
    TEST("a PCI address out of range is none", testPCIAddressOutOfRange);
    TEST("a PCI address that is no number is none", testPCIAddressUnreadable);
    TEST("ten thousand hostdevs keep their order", testManyHostdevs);

    TEST("an interface of type hostdev counts as an assigned device", testInterfaceHostdev);
    TEST("an interface of type hostdev can be usb", testInterfaceHostdevUSB);
    TEST("an interface of type network has the network's name", testInterfaceNetwork);
    TEST("an interface whose actual type is hostdev counts as an assigned device",
         testInterfaceActual);
    TEST("an interface of another actual type stays one of type network", testInterfaceActualOther);
    TEST("an interface of type vdpa has its device node", testInterfaceVdpa);
    TEST("ordinary interfaces are skipped", testInterfaceOrdinary);

    TEST("an nvme disk has alias and PCI address", testDiskNvme);
    TEST("an nvme disk below an overlay is found", testDiskNvmeBacking);
    TEST("an nvme disk at the end of a long backing chain is found", testDiskNvmeDeepBacking);
    TEST("an nvme disk as the target of a copy is found", testDiskNvmeMirror);
    TEST("an nvme disk below the target of a copy is found", testDiskNvmeMirrorBacking);
    TEST("an nvme disk as data file is found", testDiskNvmeDataStore);
    TEST("a vhostvdpa disk has its device node", testDiskVhostVdpa);
    TEST("an emulated nvme disk is an ordinary disk", testDiskOrdinary);

    TEST("a memballoon of model none is none", testMemballoonNone);
    TEST("the three virtio models are one", testMemballoonVirtio);
    TEST("a memballoon of any other model is another one", testMemballoonOther);
    TEST("free page reporting is read", testFreePageReporting);
    TEST("locked memory and huge pages are read", testMemoryBacking);
    TEST("memory backing that says nothing of them leaves them empty", testMemoryBackingAbsent);
    TEST("memory is shared where libvirt has all of it mapped so", testMemoryShared);
    TEST("the types of launch security are told apart", testLaunchSecurity);

    TEST("an override is found by alias and property", testOverride);
    TEST("an override of another device or property is not found", testOverrideMissing);
    TEST("the last of several overrides is found", testOverrideLastWins);
    TEST("an override can have any prefix", testOverrideOtherPrefix);
    TEST("an override can be in the default namespace", testOverrideDefaultNamespace);
    TEST("an override without namespace is none", testOverrideNoNamespace);
    TEST("an override of a backend is none", testOverrideBackend);
    TEST("an override without alias or property name is none", testOverrideIncomplete);
    TEST("a qemu commandline is noticed", testQemuCommandline);
    TEST("qemu elements elsewhere than in the domain are not noticed",
         testQemuNamespaceOnlyDeclared);
    TEST("a qemu prefix that is not declared is no namespace", testQemuPrefixUndeclared);

    TEST("the policy is read from a whole document", testPolicyDocument);
    TEST("every policy is read", testPolicyValues);
    TEST("no policy is the default policy", testPolicyAbsent);
    TEST("a policy of another name is invalid", testPolicyInvalid);
    TEST("the first policy is taken", testPolicyFirstWins);
    TEST("a policy can be in the default namespace", testPolicyDefaultNamespace);
    TEST("a policy anywhere else is none", testPolicyElsewhere);
    TEST("the names of policies go both ways", testPolicyNames);

    TEST("a hostdev can come on its own", testDeviceHostdev);
    TEST("an interface can come on its own", testDeviceInterface);
    TEST("a memory device can come on its own", testDeviceMemory);
    TEST("a device on its own goes by its local name", testDeviceForeignNamespace);
    TEST("a device of a kind that is not kept leaves nothing", testDeviceUnknown);
    TEST("a device that cannot be read is refused", testDeviceRefused);
    TEST("a device with a document type declaration has an error of its own", testDeviceDoctype);

    TEST("the policy of a memballoon is read as it is written", testPolicyAttribute);
    TEST("the policy of the first memballoon is read", testPolicyAttributeFirst);
    TEST("the policy of anything else is not read", testPolicyAttributeForeign);
    TEST("elements of our namespace in the first metadata are counted", testPolicyElements);
    TEST("ballooning is read as on, off or wrong", testBallooning);
    TEST("ballooning is read in an interface that is a device, too", testBallooningInterface);
    TEST("type and model of a hostdev are kept as they are written", testHostdevNames);
    TEST("hostdevs without an alias of the user's choice are numbered", testHostdevPlaces);
    TEST("the first alias that has a name counts", testAliasFirst);
    TEST("letters, digits, dash and underscore make an alias of the user's choice",
         testAliasIsUser);
    TEST("any other alias is not of the user's choice", testAliasIsNotUser);
    TEST("a UUID has dashes and blanks anywhere", testUUID);
    TEST("a UUID has 32 digits", testUUIDNone);
    TEST("a network says whether it hands out devices", testNetwork);
    TEST("a memballoon that says nothing else is the same", testMemballoonSame);
    TEST("a memballoon with elements twice or of a namespace is the same as itself",
         testMemballoonSameOddly);
    TEST("a memballoon that says something else is another one", testMemballoonChanged);
    TEST("a memballoon that is not there is not the same", testMemballoonMissing);
    TEST("a domain inside of a document is read", testNode);
    TEST("a domain inside of a document is refused as any other", testNodeRefused);
    TEST("a definition outlives its document", testNodeOutlived);

    TEST("an empty text is refused", testEmpty);
    TEST("a text that is no XML is refused", testNoXML);
    TEST("a document cut off anywhere is refused", testTruncated);
    TEST("nothing beyond the length is read", testLengthCounts);
    TEST("a length beyond libxml2's is refused", testTooLong);
    TEST("text after the document is refused", testTrailingText);
    TEST("a root other than domain is refused", testWrongRoot);
    TEST("a root goes by its local name", testRootNamespace);
    TEST("mismatched tags are refused with their line", testMismatchedTags);
    TEST("NUL bytes are refused", testNulBytes);
    TEST("invalid UTF-8 is refused", testInvalidUTF8);
    TEST("control characters are refused", testControlCharacter);
    TEST("an unknown encoding is refused", testUnknownEncoding);
    TEST("a document type declaration is refused", testDoctype);
    TEST("a document with very many names is not read", testManyNames);
    TEST("a document that is wrong at its beginning is read no further", testManyNamesBehindError);
    TEST("a document with very many namespaces in one place is not read", testManyNamespaces);
    TEST("an element with very many attributes is not read", testCrowdedElement);
    TEST("a text that looks like very many attributes is read", testCrowdedText);
    TEST("an entity bomb does not go off", testEntityBomb);
    TEST("an entity that is not declared is refused", testUndeclaredEntity);
    TEST("an external entity is not loaded", testExternalEntity);
    TEST("an external document type is not loaded", testExternalSubset);
    TEST("an XInclude is not followed", testXInclude);
    TEST("a text of ten million bytes is read whole or refused", testHugeText);
    TEST("an attribute beyond libxml2's ten million bytes is refused", testHugeAttribute);
    TEST("nesting without end is refused", testDeepNesting);
    TEST("a backing chain of 200 images is read", testLongChain);
    TEST("a text without a terminating NUL is read", testUnterminated);
    TEST("nothing is ever printed", testQuiet);
    TEST("an encoding that cannot be followed prints nothing", testQuietEncoding);
    TEST("the caller need not want the error", testErrorNotWanted);
    TEST("no definition can be freed", testFreeNothing);

    return g_test_run();
}
