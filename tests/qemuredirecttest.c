/*
 * qemuredirecttest.c: how a size for the whole guest is shared out among virtio-mem devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <string.h>

#include "qemu_redirect.h"

#define MIB 1024ULL
#define LIVE VIR_DOMAIN_AFFECT_LIVE
#define CONFIG VIR_DOMAIN_AFFECT_CONFIG

#define DEVICE(node, size, block, requested, current, alias) "<memory model='virtio-mem'><target>" \
    "<size unit='KiB'>" size "</size><node>" node "</node><block unit='KiB'>" block "</block>" \
    "<requested unit='KiB'>" requested "</requested>" current "</target>" alias "</memory>"
#define ALIAS(name) "<alias name='" name "'/>"
#define PLUGGED(size) "<current unit='KiB'>" size "</current>"
#define CELLS "<cpu><numa><cell id='0' memory='262144'/><cell id='1' memory='262144'/></numa></cpu>"
#define TWO DEVICE("0", "262144", "2048", "262144", PLUGGED("262144"), ALIAS("ua-a")) \
    DEVICE("1", "262144", "2048", "262144", PLUGGED("262144"), ALIAS("ua-b"))

/* 512 MiB of boot memory and what is in @devices */
static vbDomainDef *
testGuest(const char *id, const char *more, const char *devices)
{
    g_autofree char *xml = g_strdup_printf("<domain type='kvm'%s><name>guest</name>" CELLS "%s"
                                           "<devices><memballoon model='virtio'/>%s</devices>"
                                           "</domain>", id, more, devices);
    vbDomainDef *def = vbDomainDefParseString(xml, strlen(xml), NULL);

    g_assert_nonnull(def);
    return def;
}

static vbDomainDef *
testRunning(const char *devices)
{
    return testGuest(" id='3'", "", devices);
}

static GPtrArray *
testShare(const vbDomainDef *def, unsigned long long memory, unsigned int flags,
          qemuRedirectPlan *plan)
{
    g_ptr_array_set_size(plan->changes, 0);
    qemuRedirectAddDevices(def, memory, flags, plan->changes);
    return plan->changes;
}

/* "ua-a 262144->131072, ..." */
static char *
testFormat(const GPtrArray *changes)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < changes->len; i++) {
        const qemuRedirectChange *change = g_ptr_array_index(changes, i);

        g_string_append_printf(text, "%s%s %llu->%llu", i > 0 ? ", " : "", change->device,
                               change->before, change->size);
    }
    return g_string_free(text, FALSE);
}

typedef struct {
    const char *sentence;
    const char *devices;
    unsigned long long memory;
    const char *changes;
} testCase;

static const testCase testCases[] = {
    { "a size that the guest has changes nothing", TWO, 1024 * MIB, "" },
    { "less is taken from all devices alike", TWO, 768 * MIB,
      "ua-a 262144->131072, ua-b 262144->131072" },
    { "boot memory alone takes everything from them", TWO, 512 * MIB,
      "ua-a 262144->0, ua-b 262144->0" },
    { "less than boot memory takes no more than everything", TWO, 100 * MIB,
      "ua-a 262144->0, ua-b 262144->0" },
    { "1 KiB above boot memory is a whole block, once", TWO, 512 * MIB + 1,
      "ua-a 262144->2048, ua-b 262144->0" },
    { "a block and 1 KiB above boot memory is a block for each", TWO, 514 * MIB + 1,
      "ua-a 262144->2048, ua-b 262144->2048" },
    { "1 KiB less than all is all", TWO, 1024 * MIB - 1, "" },
    { "a block less than all is taken from the second device", TWO, 1022 * MIB,
      "ua-b 262144->260096" },
    { "devices of two sizes keep their proportion",
      DEVICE("0", "1048576", "2048", "1048576", "", ALIAS("ua-a"))
      DEVICE("1", "524288", "2048", "524288", "", ALIAS("ua-b")), (512 + 768) * MIB,
      "ua-a 1048576->524288, ua-b 524288->262144" },
    { "devices of two block sizes get whole blocks of their own",
      DEVICE("0", "1048576", "524288", "0", "", ALIAS("ua-a"))
      DEVICE("1", "1048576", "2048", "0", "", ALIAS("ua-b")), (512 + 512) * MIB,
      "ua-a 0->524288, ua-b 0->262144" },
    { "a device that has its part is left alone",
      DEVICE("0", "262144", "2048", "131072", "", ALIAS("ua-a"))
      DEVICE("1", "262144", "2048", "0", "", ALIAS("ua-b")), 768 * MIB, "ua-b 0->131072" },
    { "what a guest has not released yet does not count, what was requested does",
      DEVICE("0", "262144", "2048", "131072", PLUGGED("262144"), ALIAS("ua-a")),
      640 * MIB, "" },
    { "a size that is no whole number of blocks is used as far as it goes",
      DEVICE("0", "263000", "2048", "0", "", ALIAS("ua-a")), 1024 * MIB, "ua-a 0->262144" },
    { "other memory devices are no part of it",
      "<memory model='dimm'><target><size>262144</size></target></memory>"
      "<memory model='nvdimm'><target><size>262144</size></target></memory>"
      DEVICE("0", "262144", "2048", "0", "", ALIAS("ua-a")), 800 * MIB, "ua-a 0->32768" },
};

static void
testCaseShares(gconstpointer opaque)
{
    const testCase *data = opaque;
    g_autoptr(vbDomainDef) def = testRunning(data->devices);
    qemuRedirectPlan *plan = qemuRedirectPlanNew();
    g_autofree char *found = testFormat(testShare(def, data->memory, LIVE, plan));

    g_assert_true(qemuRedirectIsPossible(def));
    g_assert_cmpstr(found, ==, data->changes);
    qemuRedirectPlanFree(plan);
}

/* Every size of three devices of different sizes and blocks: enough, by less than a block, to each
 * its part, and the same again changes nothing. */
static void
testAllSizes(void)
{
    static const unsigned long long sizes[] = { 96 * MIB, 160 * MIB, 64 * MIB };
    static const unsigned long long blocks[] = { 2 * MIB, 4 * MIB, 32 * MIB };
    qemuRedirectPlan *plan = qemuRedirectPlanNew();

    for (unsigned long long wanted = 0; wanted <= 320 * MIB; wanted += 511) {
        unsigned long long requested[3] = { 1, 1, 1 };
        unsigned long long sum = 0;

        for (int round = 0; round < 2; round++) {
            GString *devices = g_string_new(NULL);
            g_autoptr(vbDomainDef) def = NULL;

            for (int i = 0; i < 3; i++)
                g_string_append_printf(devices, "<memory model='virtio-mem'><target><size>%llu"
                                       "</size><node>0</node><block>%llu</block><requested>%llu"
                                       "</requested></target>" ALIAS("%d") "</memory>", sizes[i],
                                       blocks[i], requested[i], i);
            def = testRunning(devices->str);
            g_string_free(devices, TRUE);
            testShare(def, 512 * MIB + wanted, LIVE, plan);
            g_assert_cmpuint(plan->changes->len, ==, round == 0 ? 3 : 0);
            for (guint i = 0; i < plan->changes->len; i++)
                requested[i] = ((qemuRedirectChange *)g_ptr_array_index(plan->changes, i))->size;
        }
        for (int i = 0; i < 3; i++) {
            double part = (double)wanted * (double)sizes[i] / (320 * MIB);

            sum += requested[i];
            g_assert_cmpuint(requested[i] % blocks[i], ==, 0);
            g_assert_cmpuint(requested[i], <=, sizes[i]);
            g_assert_cmpfloat((double)requested[i] - part, <, (double)blocks[i]);
            g_assert_cmpfloat(part - (double)requested[i], <, (double)blocks[i]);
        }
        g_assert_cmpuint(sum, >=, wanted);
        g_assert_cmpuint(sum, <, wanted + 32 * MIB);
    }
    qemuRedirectPlanFree(plan);
}

/* The largest that libvirt takes. */
static void
testHuge(void)
{
    g_autoptr(vbDomainDef) def =
        testRunning(DEVICE("0", "2251799813685248", "2048", "0", "", ALIAS("ua-a"))
                    DEVICE("1", "4503599627370496", "2048", "0", "", ALIAS("ua-b")));
    qemuRedirectPlan *plan = qemuRedirectPlanNew();
    g_autofree char *found = testFormat(testShare(def, 512 * MIB + 3377699720527872ULL, LIVE,
                                                  plan));

    g_assert_cmpstr(found, ==, "ua-a 0->1125899906842624, ua-b 0->2251799813685248");
    qemuRedirectPlanFree(plan);
}

static void
testElement(void)
{
    /* As libvirt 9.0 writes it, and with what newer ones may have. */
    static const char before[] = "<memory model='virtio-mem' access='shared'>\n  <source><nodemask>"
        "0-1</nodemask></source>\n  <target dynamicMemslots='yes'>\n    <size unit='KiB'>262144"
        "</size>\n    <node>0</node>\n    <block unit='KiB'>2048</block>\n    <requested "
        "unit='KiB'>262144</requested>\n    <current unit='KiB'>262144</current>\n    <address "
        "base='0x100000000'/>\n  </target>\n  <alias name='ua-a'/>\n  <address type='pci' "
        "domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>\n</memory>";
    g_autoptr(vbDomainDef) def = testRunning(before);
    qemuRedirectPlan *plan = qemuRedirectPlanNew();
    const qemuRedirectChange *change;
    g_autofree char *same = g_strdup(before);
    g_autoptr(GString) expected = NULL;

    for (char *c = same; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    expected = g_string_new(same);
    testShare(def, 640 * MIB, LIVE, plan);
    g_assert_cmpuint(plan->changes->len, ==, 1);
    change = g_ptr_array_index(plan->changes, 0);
    g_assert_cmpstr(change->back, ==, expected->str);
    g_string_replace(expected, "<requested unit=\"KiB\">262144<", "<requested unit=\"KiB\">131072<",
                     0);
    g_assert_cmpstr(change->xml, ==, expected->str);
    g_assert_cmpuint(change->flags, ==, LIVE);
    qemuRedirectPlanFree(plan);
}

/* A unit of its own is not kept with a number of KiB. */
static void
testUnit(void)
{
    g_autoptr(vbDomainDef) def =
        testRunning("<memory model='virtio-mem'><target><size unit='GiB'>1</size><node>0</node>"
                    "<block unit='MiB'>2</block><requested unit='GiB'>1</requested></target>"
                    ALIAS("ua-a") "</memory>");
    qemuRedirectPlan *plan = qemuRedirectPlanNew();
    const qemuRedirectChange *change = g_ptr_array_index(testShare(def, 600 * MIB, LIVE, plan), 0);

    g_assert_nonnull(strstr(change->xml, "<requested unit=\"KiB\">90112</requested>"));
    g_assert_nonnull(strstr(change->back, "<requested unit=\"KiB\">1048576</requested>"));
    qemuRedirectPlanFree(plan);
}

static void
testNextStart(void)
{
    g_autoptr(vbDomainDef) def = testGuest("", "", DEVICE("0", "262144", "2048", "0", "", ""));
    qemuRedirectPlan *plan = qemuRedirectPlanNew();
    const qemuRedirectChange *change;

    /* Without an alias, which libvirt does not keep of one that nobody chose. */
    g_assert_true(qemuRedirectIsPossible(def));
    change = g_ptr_array_index(testShare(def, 640 * MIB, CONFIG, plan), 0);
    g_assert_cmpuint(change->flags, ==, CONFIG);
    g_assert_cmpstr(change->device, ==, "0");
    qemuRedirectPlanFree(plan);
}

static const struct {
    const char *sentence;
    const char *devices;
} testImpossible[] = {
    { "a guest without memory devices", "" },
    { "a guest with a DIMM only",
      "<memory model='dimm'><target><size>262144</size></target></memory>" },
    { "a running guest's device without an alias", DEVICE("0", "262144", "2048", "0", "", "") },
    { "one such among others", TWO DEVICE("0", "262144", "2048", "0", "", "") },
    { "a device without a block size", "<memory model='virtio-mem'><target><size>262144</size>"
      "<requested>0</requested></target>" ALIAS("ua-a") "</memory>" },
    { "a device that is smaller than its block", DEVICE("0", "1024", "2048", "0", "",
                                                        ALIAS("ua-a")) },
    { "a device of which nothing is requested", "<memory model='virtio-mem'><target><size>262144"
      "</size><block>2048</block></target>" ALIAS("ua-a") "</memory>" },
};

static void
testIsImpossible(gconstpointer opaque)
{
    g_autoptr(vbDomainDef) def = testRunning(opaque);

    g_assert_false(qemuRedirectIsPossible(def));
}

static void
testTooMany(void)
{
    GString *devices = g_string_new(NULL);
    g_autoptr(vbDomainDef) most = NULL;
    g_autoptr(vbDomainDef) more = NULL;

    for (int i = 0; i < 256; i++)
        g_string_append(devices, DEVICE("0", "262144", "2048", "0", "", ALIAS("ua-a")));
    most = testRunning(devices->str);
    g_string_append(devices, DEVICE("0", "262144", "2048", "0", "", ALIAS("ua-a")));
    more = testRunning(devices->str);
    g_string_free(devices, TRUE);
    g_assert_true(qemuRedirectIsPossible(most));
    g_assert_false(qemuRedirectIsPossible(more));
}

static void
testSizes(void)
{
    g_autoptr(vbDomainDef) def =
        testGuest(" id='3'", "<currentMemory>917504</currentMemory>",
                  DEVICE("0", "262144", "2048", "131072", PLUGGED("262144"), ALIAS("ua-a"))
                  DEVICE("1", "262144", "2048", "262144", PLUGGED("131072"), ALIAS("ua-b")));

    qemuRedirectReach reach;

    g_assert_cmpuint(qemuRedirectGetMaximum(def), ==, 1024 * MIB);
    /* All of the balloon, and what was requested, and what is there. */
    g_assert_true(qemuRedirectFindReach(def, true, &reach));
    g_assert_cmpuint(reach.minimum, ==, 512 * MIB);
    g_assert_cmpuint(reach.maximum, ==, 1024 * MIB);
    g_assert_cmpuint(reach.target, ==, (512 + 384) * MIB);
    g_assert_cmpuint(reach.current, ==, 917504);
    g_assert_true(qemuRedirectFindReach(def, false, &reach));
    g_assert_cmpuint(reach.minimum, ==, 0);
    g_assert_cmpuint(qemuRedirectGetBalloon(def, 900 * MIB), ==, 512 * MIB);
    g_assert_cmpuint(qemuRedirectGetBalloon(def, 500 * MIB), ==, 500 * MIB);
}

typedef struct {
    const char *sentence;
    const char *guest;
    unsigned long long memory;
    const char *text;
} testSuggestion;

#define PLAIN(more, memory) "<domain id='3'><name>guest</name>" more "<memory>" memory "</memory>" \
    "<devices><memballoon model='virtio'/></devices></domain>"
#define SUGGESTED(size, block) "<memory model='virtio-mem'><target><size unit='KiB'>" size \
    "</size><node>0</node><block unit='KiB'>" block "</block><requested unit='KiB'>" size \
    "</requested></target></memory>"

static const testSuggestion testSuggestions[] = {
    { "a guest without NUMA nodes is given one", PLAIN("", "1048576"), 512 * MIB,
      "<maxMemory slots='1' unit='KiB'>1048576</maxMemory>, <cpu><numa><cell id='0' memory="
      "'524288' unit='KiB'/></numa></cpu> and " SUGGESTED("524288", "2048") },
    { "a quarter stays boot memory", PLAIN("", "1048576"), 1,
      "<maxMemory slots='1' unit='KiB'>1048576</maxMemory>, <cpu><numa><cell id='0' memory="
      "'262144' unit='KiB'/></numa></cpu> and " SUGGESTED("786432", "2048") },
    { "a size that is no whole number of blocks is one block larger", PLAIN("", "1048576"),
      512 * MIB + 1, "<maxMemory slots='1' unit='KiB'>1048576</maxMemory>, <cpu><numa><cell id='0' "
      "memory='524288' unit='KiB'/></numa></cpu> and " SUGGESTED("524288", "2048") },
    { "blocks grow with the device", PLAIN("", "1073741824"), 512 * MIB * 1024,
      "<maxMemory slots='1' unit='KiB'>1073741824</maxMemory>, <cpu><numa><cell id='0' memory="
      "'536870912' unit='KiB'/></numa></cpu> and " SUGGESTED("536870912", "16384") },
    { "of two nodes each has a device, and what is there already is kept",
      PLAIN("<maxMemory slots='8' unit='GiB'>4</maxMemory>" CELLS, "524288"), 256 * MIB,
      "<maxMemory slots='8' unit='KiB'>4194304</maxMemory>, 131072 KiB less in each <cell> and "
      SUGGESTED("131072", "2048") ", and the same for each other <node> up to 1" },
};

static void
testSuggests(gconstpointer opaque)
{
    const testSuggestion *data = opaque;
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(data->guest, strlen(data->guest), NULL);
    g_autofree char *text = qemuRedirectFormatSuggestion(def, data->memory);

    g_assert_cmpstr(text, ==, data->text);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    for (i = 0; i < G_N_ELEMENTS(testCases); i++) {
        g_autofree char *path = g_strconcat("/redirect/", testCases[i].sentence, NULL);

        g_test_add_data_func(path, &testCases[i], testCaseShares);
    }
    for (i = 0; i < G_N_ELEMENTS(testImpossible); i++) {
        g_autofree char *path = g_strconcat("/redirect/", testImpossible[i].sentence,
                                            " is nothing to resize", NULL);

        g_test_add_data_func(path, testImpossible[i].devices, testIsImpossible);
    }
    for (i = 0; i < G_N_ELEMENTS(testSuggestions); i++) {
        g_autofree char *path = g_strconcat("/redirect/suggestion: ", testSuggestions[i].sentence,
                                            NULL);

        g_test_add_data_func(path, &testSuggestions[i], testSuggests);
    }
    g_test_add_func("/redirect/every size is reached by less than a block, with parts for all",
                    testAllSizes);
    g_test_add_func("/redirect/the largest sizes are shared out exactly", testHuge);
    g_test_add_func("/redirect/nothing of the element changes but what is requested", testElement);
    g_test_add_func("/redirect/a size of another unit becomes one of KiB", testUnit);
    g_test_add_func("/redirect/devices of the next start need no alias", testNextStart);
    g_test_add_func("/redirect/more than 256 devices are not resized", testTooMany);
    g_test_add_func("/redirect/what is reachable, what is wanted, what is left for the balloon",
                    testSizes);
    return g_test_run();
}
