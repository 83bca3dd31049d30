/*
 * qemustatetest.c: what is said of the balloon in messages, statistics and capabilities
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_state.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define PCI "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' slot='0' " \
    "function='0'/></source><alias name='hostdev0'/></hostdev>"
#define NEW_PCI "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' " \
    "slot='0' function='0'/></source></hostdev>"
#define MDEV_UUID "11112222-3333-4444-5555-666677778888"
#define MDEV "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='" \
    MDEV_UUID "'/></source><alias name='ua-a'/></hostdev>"
#define OVERRIDE "<q:override xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:device " \
    "alias='ua-a'><q:frontend><q:property name='x-balloon-allowed' type='bool' value='true'/>" \
    "</q:frontend></q:device></q:override>"
#define COMMAND_LINE "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<q:arg value='-S'/></q:commandline>"
#define LOCKED "<memoryBacking><locked/></memoryBacking>"
#define SEV "<launchSecurity type='sev'/>"
#define BALLOON "<memballoon model='virtio'/>"
#define NO_BALLOON "<memballoon model='none'/>"
#define POLICY(word) "<metadata><b:policy xmlns:b='urn:virt-balloon:policy:1' memballoon='" word \
    "'/></metadata>"
#define DOMAIN(id, more, devices) "<domain type='kvm'" id "><name>guest</name>" \
    "<memory unit='KiB'>1048576</memory>" more "<devices>" devices "</devices></domain>"
#define RUNNING(more, devices) DOMAIN(" id='7'", more, devices)
#define INACTIVE(more, devices) DOMAIN("", more, devices)

#define INHIBITED "ballooning: inhibited by assigned PCI device 'hostdev0' (0000:07:00.0) "
#define UNKNOWN "ballooning: unknown, the XML alone cannot tell what inhibits it"

typedef struct {
    const char *name;
    vbDomainBalloonPolicy policy; /* the administrator's */
    const char *xml;
    const char *message; /* NULL: none */
    const char *stats;   /* as testFormat() writes them; NULL: none */
} testState;

#define BLOCK VB_DOMAIN_BALLOON_POLICY_BLOCK
#define WARN VB_DOMAIN_BALLOON_POLICY_WARN

#define STATS(policy, state, count) "balloon.policy=" policy "\nballoon.state=" state \
    "\nballoon.inhibitor.count=" count "\n"
#define STATS_PCI "balloon.inhibitor.0.kind=vfio-pci\nballoon.inhibitor.0.device=hostdev0\n" \
    "balloon.inhibitor.0.address=0000:07:00.0\n"

#define STATS_REDIRECT(minimum, maximum, target) "balloon.redirect.minimum=" minimum \
    "\nballoon.redirect.maximum=" maximum "\nballoon.redirect.target=" target "\n"
#define LARGE "<currentMemory>1048576</currentMemory>"
#define MEMORY(requested, current) "<memory model='virtio-mem'><target><size>524288</size><node>0" \
    "</node><block>2048</block><requested>" requested "</requested><current>" current "</current>" \
    "</target><alias name='ua-mem'/></memory>"

static const testState testStates[] = {
    { "a guest without an inhibitor", BLOCK, RUNNING("", BALLOON), NULL,
      STATS("block", "available", "0") },
    { "an inhibited guest", BLOCK, RUNNING("", BALLOON PCI), INHIBITED "(policy 'block')",
      STATS("block", "inhibited", "1") STATS_PCI },
    { "an inhibited guest where the default is 'warn'", WARN, RUNNING("", BALLOON PCI),
      INHIBITED "(policy 'warn')", STATS("warn", "inhibited", "1") STATS_PCI },
    { "an inhibited guest with policy 'ignore'", BLOCK, RUNNING(POLICY("ignore"), BALLOON PCI),
      INHIBITED "(policy 'ignore')", STATS("ignore", "inhibited", "1") STATS_PCI },
    { "an inhibited guest with policy 'redirect'", WARN, RUNNING(POLICY("redirect"), BALLOON PCI),
      INHIBITED "(policy 'redirect')", STATS("redirect", "inhibited", "1") STATS_PCI },
    { "an inhibited guest that is resized instead", WARN, RUNNING(POLICY("redirect") LARGE,
      BALLOON PCI MEMORY("524288", "524288")), INHIBITED "(policy 'redirect': sizes from 524288 to "
      "1048576 KiB are reached by resizing virtio-mem devices)",
      STATS("redirect", "inhibited", "1") STATS_PCI STATS_REDIRECT("524288", "1048576", "1048576") },
    { "an inhibited guest that has yet to release memory", WARN, RUNNING(POLICY("redirect") LARGE,
      BALLOON PCI MEMORY("131072", "524288")), INHIBITED "(policy 'redirect': sizes from 524288 to "
      "1048576 KiB are reached by resizing virtio-mem devices; the guest has yet to release 393216 "
      "KiB that it was asked for)",
      STATS("redirect", "inhibited", "1") STATS_PCI STATS_REDIRECT("524288", "1048576", "655360") },
    { "an inhibited guest that has yet to take memory", WARN,
      RUNNING(POLICY("redirect") "<currentMemory>655360</currentMemory>",
              BALLOON PCI MEMORY("524288", "131072")),
      INHIBITED "(policy 'redirect': sizes from 524288 to 1048576 KiB are reached by resizing "
      "virtio-mem devices; the guest has yet to take 393216 KiB that it was given)",
      STATS("redirect", "inhibited", "1") STATS_PCI STATS_REDIRECT("524288", "1048576", "1048576") },
    { "a guest that is resized first", WARN, RUNNING(POLICY("redirect") LARGE,
      BALLOON MEMORY("524288", "524288")), NULL,
      STATS("redirect", "available", "0") STATS_REDIRECT("0", "1048576", "1048576") },
    { "an inhibited guest with virtio-mem and another policy", WARN, RUNNING(LARGE,
      BALLOON PCI MEMORY("524288", "524288")), INHIBITED "(policy 'warn')",
      STATS("warn", "inhibited", "1") STATS_PCI },
    { "a definition that will be resized", WARN, INACTIVE(POLICY("redirect") LARGE,
      BALLOON MEMORY("524288", "0")), NULL, STATS("redirect", "available", "0") },
    { "an inhibited guest with a policy that nobody knows", WARN,
      RUNNING(POLICY("other"), BALLOON PCI), INHIBITED "(policy 'block')",
      STATS("block", "inhibited", "1") STATS_PCI },
    { "a guest with two inhibitors", BLOCK, RUNNING(SEV, BALLOON PCI),
      "ballooning: inhibited by assigned PCI device 'hostdev0' (0000:07:00.0) and launch security "
      "'sev' (policy 'block')",
      STATS("block", "inhibited", "2") STATS_PCI "balloon.inhibitor.1.kind=sev\n" },
    { "a guest with locked memory", BLOCK, RUNNING(LOCKED, BALLOON),
      "ballooning: ineffective because of locked memory",
      STATS("block", "ineffective", "1") "balloon.inhibitor.0.kind=locked-memory\n" },
    { "an inhibited guest with locked memory", BLOCK, RUNNING(LOCKED, BALLOON PCI),
      INHIBITED "(policy 'block')", STATS("block", "inhibited", "1") STATS_PCI },
    { "a guest without a balloon", BLOCK, RUNNING("", NO_BALLOON PCI), NULL,
      STATS("block", "none", "0") },
    { "a guest with arguments of its own", BLOCK, RUNNING(COMMAND_LINE, BALLOON), UNKNOWN,
      STATS("block", "unknown", "0") },
    { "an inhibited guest with arguments of its own", BLOCK, RUNNING(COMMAND_LINE, BALLOON PCI),
      INHIBITED "(policy 'block')", STATS("block", "inhibited", "1") STATS_PCI },
    { "a guest with a device that is opted out", BLOCK, RUNNING(OVERRIDE, BALLOON MDEV), UNKNOWN,
      STATS("block", "unknown", "0") },
    { "a guest with a mediated device", BLOCK, RUNNING("", BALLOON MDEV),
      "ballooning: inhibited by mediated device 'ua-a' (" MDEV_UUID ") (policy 'block')",
      STATS("block", "inhibited", "1") "balloon.inhibitor.0.kind=vfio-mdev\n"
      "balloon.inhibitor.0.device=ua-a\nballoon.inhibitor.0.address=" MDEV_UUID "\n" },
    { "a definition without an inhibitor", BLOCK, INACTIVE("", BALLOON), NULL,
      STATS("block", "available", "0") },
    { "a definition that will be inhibited", BLOCK, INACTIVE("", BALLOON NEW_PCI), NULL,
      STATS("block", "inhibited", "1") "balloon.inhibitor.0.kind=vfio-pci\n"
      "balloon.inhibitor.0.address=0000:07:00.0\n" },
    { "a definition with arguments of its own", BLOCK, INACTIVE(COMMAND_LINE, BALLOON), NULL,
      STATS("block", "available", "0") },
    { "what is no XML", BLOCK, "nonsense", NULL, NULL },
    { "nothing", BLOCK, "", NULL, NULL },
    { "something else", BLOCK, "<network><name>a</name></network>", NULL, NULL },
    { "a document with a document type", BLOCK, "<!DOCTYPE domain []>" RUNNING("", BALLOON PCI),
      NULL, NULL },
};

#undef BLOCK
#undef WARN

/* Settings under which the monitor would be used everywhere but here. */
static qemuDomainSettings
testSettings(vbDomainBalloonPolicy policy)
{
    return (qemuDomainSettings){ .defaultPolicy = policy, .qmp = QEMU_DOMAIN_QMP_ALWAYS };
}

/* ---- messages ---- */

static char *
testMessageOf(const char *xml, const qemuDomainSettings *settings)
{
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();

    if (!qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL))
        return NULL;
    return qemuStateFormatMessage(facts, settings);
}

static void
testMessage(gconstpointer opaque)
{
    const testState *state = opaque;
    const qemuDomainSettings settings = testSettings(state->policy);
    g_autofree char *message = testMessageOf(state->xml, &settings);

    g_assert_cmpstr(message, ==, state->message);
}

/* Devices like "hostdev7", from 0000:00:00.0 on. */
static char *
testManyDevices(guint count)
{
    GString *xml = g_string_new("<domain type='kvm' id='7'><name>guest</name>"
                                "<memory unit='KiB'>1048576</memory><devices>" BALLOON);

    for (guint i = 0; i < count; i++)
        g_string_append_printf(xml, "<hostdev mode='subsystem' type='pci'><source><address "
                               "domain='0' bus='%u' slot='0' function='0'/></source>"
                               "<alias name='hostdev%u'/></hostdev>", i, i);
    g_string_append(xml, "</devices></domain>");
    return g_string_free(xml, FALSE);
}

static void
testMessageOfMany(void)
{
    g_autofree char *xml = testManyDevices(200);
    const qemuDomainSettings settings = testSettings(VB_DOMAIN_BALLOON_POLICY_BLOCK);
    g_autofree char *message = testMessageOf(xml, &settings);

    g_assert_nonnull(message);
    g_assert_true(g_str_has_prefix(message, "ballooning: inhibited by assigned PCI device "
                                   "'hostdev0' (0000:00:00.0), "));
    g_assert_true(g_str_has_suffix(message, " and 192 more (policy 'block')"));
}

/* libvirt says it on a line of its own, and a terminal shows it. */
static void
testMessageOfHostileName(void)
{
    static const char xml[] =
        RUNNING("", BALLOON "<hostdev mode='subsystem' type='pci'><source><address domain='0' "
                "bus='7' slot='0' function='0'/></source><alias name='a&#10;b&#x9b;'/></hostdev>");
    const qemuDomainSettings settings = testSettings(VB_DOMAIN_BALLOON_POLICY_BLOCK);
    g_autofree char *message = testMessageOf(xml, &settings);

    g_assert_cmpstr(message, ==, "ballooning: inhibited by assigned PCI device 'a?b?' "
                    "(0000:07:00.0) (policy 'block')");
}

/* ---- statistics ---- */

static guint32
testTakeWord(const guint8 **at)
{
    guint32 word;

    memcpy(&word, *at, sizeof(word));
    *at += sizeof(word);
    return GUINT32_FROM_BE(word);
}

static char *
testTakeString(const guint8 **at)
{
    guint32 length = testTakeWord(at);
    char *text = g_strndup((const char *)*at, length);

    *at += (length + 3) & ~3u;
    return text;
}

/* A line for each parameter that was added. */
static char *
testFormat(const remoteStatsRecord *record)
{
    GString *text = g_string_new(NULL);
    const guint8 *at = record->added->data;

    for (guint32 i = 0; i < record->addedCount; i++) {
        g_autofree char *field = testTakeString(&at);
        guint32 type = testTakeWord(&at);

        if (type == VIR_TYPED_PARAM_STRING) {
            g_autofree char *value = testTakeString(&at);

            g_string_append_printf(text, "%s=%s\n", field, value);
        } else if (type == VIR_TYPED_PARAM_ULLONG) {
            guint64 high = testTakeWord(&at);

            g_string_append_printf(text, "%s=%" G_GUINT64_FORMAT "\n", field,
                                   high << 32 | testTakeWord(&at));
        } else {
            g_assert_cmpuint(type, ==, VIR_TYPED_PARAM_UINT);
            g_string_append_printf(text, "%s=%u\n", field, testTakeWord(&at));
        }
    }
    g_assert_true(at == record->added->data + record->added->len);
    return g_string_free(text, FALSE);
}

/* One domain without statistics. */
static GPtrArray *
testRecords(void)
{
    static const guint8 reply[] = { 0, 0, 0, 1, 0, 0, 0, 1, 'g', 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                    1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 7, 0, 0, 0, 0 };
    GPtrArray *records = remoteStatsParse(reply, sizeof(reply));

    g_assert_nonnull(records);
    return records;
}

static void
testAddStats(remoteStatsRecord *record, const char *xml, size_t length,
             const qemuDomainSettings *settings)
{
    vbDomainDef *def = vbDomainDefParseString(xml, length, NULL);

    if (def)
        qemuStateAddStats(record, def, settings);
}

static void
testStats(gconstpointer opaque)
{
    const testState *state = opaque;
    const qemuDomainSettings settings = testSettings(state->policy);
    g_autoptr(GPtrArray) records = testRecords();
    remoteStatsRecord *record = g_ptr_array_index(records, 0);

    testAddStats(record, state->xml, strlen(state->xml), &settings);
    if (state->stats) {
        g_autofree char *stats = testFormat(record);

        g_assert_cmpstr(stats, ==, state->stats);
    } else {
        g_assert_null(record->added);
        g_assert_cmpuint(record->addedCount, ==, 0);
    }
}

/* The count says how many there are. */
static void
testStatsOfMany(void)
{
    static const struct {
        guint count;
        guint shown;
    } cases[] = { { 63, 63 }, { 64, 64 }, { 65, 64 }, { 200, 64 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = testManyDevices(cases[i].count);
        const qemuDomainSettings settings = testSettings(VB_DOMAIN_BALLOON_POLICY_BLOCK);
        g_autofree char *count = g_strdup_printf("balloon.inhibitor.count=%u\n", cases[i].count);
        g_autofree char *last = g_strdup_printf("balloon.inhibitor.%u.device=hostdev%u\n",
                                                cases[i].shown - 1, cases[i].shown - 1);
        g_autofree char *next = g_strdup_printf("balloon.inhibitor.%u.", cases[i].shown);
        g_autoptr(GPtrArray) records = testRecords();
        remoteStatsRecord *record = g_ptr_array_index(records, 0);
        g_autofree char *stats = NULL;

        testAddStats(record, xml, strlen(xml), &settings);
        g_assert_cmpuint(record->addedCount, ==, 3 + 3 * cases[i].shown);
        stats = testFormat(record);
        g_assert_nonnull(strstr(stats, count));
        g_assert_nonnull(strstr(stats, last));
        g_assert_null(strstr(stats, next));
    }
}

/* The names that libvirt takes: VIR_TYPED_PARAM_FIELD_LENGTH with its NUL. */
static void
testStatsNames(void)
{
    g_autofree char *xml = testManyDevices(200);
    const qemuDomainSettings settings = testSettings(VB_DOMAIN_BALLOON_POLICY_BLOCK);
    g_autoptr(GPtrArray) records = testRecords();
    remoteStatsRecord *record = g_ptr_array_index(records, 0);
    g_autofree char *stats = NULL;
    g_auto(GStrv) lines = NULL;

    testAddStats(record, xml, strlen(xml), &settings);
    stats = testFormat(record);
    lines = g_strsplit(stats, "\n", -1);
    for (guint i = 0; lines[i]; i++)
        g_assert_cmpuint(strcspn(lines[i], "="), <, VIR_TYPED_PARAM_FIELD_LENGTH);
}

static void
testStatsOfHostileName(void)
{
    static const char xml[] =
        RUNNING("", BALLOON "<hostdev mode='subsystem' type='pci'><source><address domain='0' "
                "bus='7' slot='0' function='0'/></source><alias name='a&#10;b=&#x9b;'/></hostdev>");
    const qemuDomainSettings settings = testSettings(VB_DOMAIN_BALLOON_POLICY_BLOCK);
    g_autoptr(GPtrArray) records = testRecords();
    remoteStatsRecord *record = g_ptr_array_index(records, 0);
    g_autofree char *stats = NULL;

    testAddStats(record, xml, strlen(xml), &settings);
    stats = testFormat(record);
    g_assert_nonnull(strstr(stats, "\nballoon.inhibitor.0.device=a?b=?\n"));
}

/* Only what belongs to the document is read. */
static void
testStatsLength(void)
{
    static const char xml[] = RUNNING("", BALLOON PCI);
    const qemuDomainSettings settings = testSettings(VB_DOMAIN_BALLOON_POLICY_BLOCK);

    for (size_t length = 0; length <= strlen(xml); length++) {
        g_autofree char *copy = g_memdup2(xml, length);
        g_autoptr(GPtrArray) records = testRecords();
        remoteStatsRecord *record = g_ptr_array_index(records, 0);

        testAddStats(record, copy ? copy : "", length, &settings);
        g_assert_true((record->added != NULL) == (length == strlen(xml)));
    }
}

/* ---- capabilities ---- */

#define VALUE(text) "        <value>" text "</value>\n"
#define POLICIES "  <enum name='policy'>\n" VALUE("block") VALUE("warn") VALUE("ignore") \
    VALUE("redirect") VALUE("default") "      </enum>\n    "
#define BALLOONING "  <enum name='ballooning'>\n" VALUE("on") VALUE("off") "      </enum>\n    "
#define CAPS_BEGIN "<domainCapabilities>\n  <path>/usr/bin/qemu-system-x86_64</path>\n" \
    "  <devices>\n"
#define CAPS_END "  </devices>\n  <features/>\n</domainCapabilities>\n"
#define DISK "    <disk supported='yes'>\n      <enum name='bus'/>\n    </disk>\n"
#define HOSTDEV(supported, more) "    <hostdev supported='" supported "'>\n" \
    "      <enum name='mode'>\n        <value>subsystem</value>\n      </enum>\n    " more \
    "</hostdev>\n"
#define MEMBALLOON(more) "    <memballoon supported='yes'>\n      <enum name='model'>\n" \
    "        <value>virtio</value>\n      </enum>\n    " more "</memballoon>\n"
#define OURS "    <memballoon supported='yes'>\n    " POLICIES "</memballoon>\n"

typedef struct {
    const char *name;
    const char *before;
    const char *after; /* NULL: it stays as it is */
} testCapabilities;

static const testCapabilities testAllCapabilities[] = {
    { "with devices that are assigned",
      CAPS_BEGIN DISK HOSTDEV("yes", "") CAPS_END,
      CAPS_BEGIN DISK HOSTDEV("yes", BALLOONING) OURS CAPS_END },
    { "with no devices that are assigned",
      CAPS_BEGIN DISK HOSTDEV("no", "") CAPS_END,
      CAPS_BEGIN DISK HOSTDEV("no", "") OURS CAPS_END },
    { "without a word on assigned devices", CAPS_BEGIN DISK CAPS_END,
      CAPS_BEGIN DISK OURS CAPS_END },
    { "with a balloon of libvirt's", CAPS_BEGIN MEMBALLOON("") HOSTDEV("yes", "") CAPS_END,
      CAPS_BEGIN MEMBALLOON(POLICIES) HOSTDEV("yes", BALLOONING) CAPS_END },
    { "with elements that are empty",
      "<domainCapabilities><devices><hostdev supported='yes'/></devices></domainCapabilities>",
      "<domainCapabilities><devices><hostdev supported='yes'>" BALLOONING "</hostdev>"
      "  <memballoon supported='yes'>\n    " POLICIES "</memballoon>\n  "
      "</devices></domainCapabilities>" },
    { "that are in a comment, too",
      CAPS_BEGIN "<!-- </devices> <hostdev supported='yes'/> -->" DISK CAPS_END,
      CAPS_BEGIN "<!-- </devices> <hostdev supported='yes'/> -->" DISK OURS CAPS_END },
    { "without devices", "<domainCapabilities><features/></domainCapabilities>", NULL },
    { "that are no XML", "nonsense", NULL },
    { "that are nothing", "", NULL },
    { "that are cut off", "<domainCapabilities><devices>", NULL },
    { "with a document type", "<!DOCTYPE domainCapabilities []>" CAPS_BEGIN DISK CAPS_END, NULL },
};

static void
testShowCapabilities(gconstpointer opaque)
{
    const testCapabilities *caps = opaque;
    size_t length = 0;
    /* Without a NUL behind it, as it comes. */
    g_autofree char *copy = g_memdup2(caps->before, strlen(caps->before));
    g_autofree char *shown = qemuStateShowCapabilities(copy ? copy : "", strlen(caps->before),
                                                       &length);

    if (caps->after) {
        g_assert_nonnull(shown);
        g_assert_cmpmem(shown, (guint)length, caps->after, (guint)strlen(caps->after));
    } else {
        g_assert_null(shown);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(testStates); i++) {
        g_autofree char *message =
            g_strdup_printf("/qemustate/the message of %s", testStates[i].name);
        g_autofree char *stats =
            g_strdup_printf("/qemustate/the statistics of %s", testStates[i].name);

        g_test_add_data_func(message, &testStates[i], testMessage);
        g_test_add_data_func(stats, &testStates[i], testStats);
    }
    g_test_add_func("/qemustate/the message of a guest with many inhibitors", testMessageOfMany);
    g_test_add_func("/qemustate/a hostile name reaches no message", testMessageOfHostileName);
    g_test_add_func("/qemustate/the statistics list no more than 64 inhibitors", testStatsOfMany);
    g_test_add_func("/qemustate/libvirt takes the names of the statistics", testStatsNames);
    g_test_add_func("/qemustate/a hostile name reaches no statistics", testStatsOfHostileName);
    g_test_add_func("/qemustate/nothing is added for XML that is cut off", testStatsLength);
    for (size_t i = 0; i < G_N_ELEMENTS(testAllCapabilities); i++) {
        g_autofree char *name =
            g_strdup_printf("/qemustate/capabilities %s", testAllCapabilities[i].name);

        g_test_add_data_func(name, &testAllCapabilities[i], testShowCapabilities);
    }
    return g_test_run();
}
