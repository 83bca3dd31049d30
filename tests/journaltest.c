/*
 * journaltest.c: what the daemon says about verdicts, and how often
 *
 * The clock is the test's own, and so is the log: each line is kept with its fields.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>
#include <string.h>

#include "journal.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

static gint64 testNow;

/* Instead of GLib's: the program's own comes first. */
gint64
g_get_monotonic_time(void)
{
    return testNow;
}

static const guint8 testUUID[16] = {
    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
};

/* Of GHashTable, field -> value */
static GPtrArray *testLines;

static GLogWriterOutput
testWriter(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer opaque)
{
    GHashTable *line = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    gsize i;

    g_assert_cmpint(level & G_LOG_LEVEL_MASK, ==, G_LOG_LEVEL_WARNING);
    for (i = 0; i < count; i++) {
        char *value = fields[i].length < 0 ? g_strdup(fields[i].value) :
            g_strndup(fields[i].value, (gsize)fields[i].length);

        g_hash_table_insert(line, g_strdup(fields[i].key), value);
    }
    g_ptr_array_add(testLines, line);
    return G_LOG_WRITER_HANDLED;
}

static const char *
testField(guint line, const char *name)
{
    g_assert_cmpuint(line, <, testLines->len);
    if (line >= testLines->len)
        return "no such line";
    return g_hash_table_lookup(g_ptr_array_index(testLines, line), name);
}

typedef struct {
    vbJournal *journal;
    qemuDomainVerdict *verdict;
} testFixture;

static void
testSetUp(testFixture *fixture, gconstpointer opaque)
{
    testNow = 1000 * SECOND;
    g_ptr_array_set_size(testLines, 0);
    fixture->journal = vbJournalNew();
    fixture->verdict = g_new0(qemuDomainVerdict, 1);
    fixture->verdict->action = QEMU_DOMAIN_VERDICT_REFUSE;
    fixture->verdict->questions = g_ptr_array_new();
    fixture->verdict->inhibitors =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);
    fixture->verdict->logText = g_strdup("domain 'guest': refused");
}

static void
testTearDown(testFixture *fixture, gconstpointer opaque)
{
    vbJournalFree(fixture->journal);
    qemuDomainVerdictFree(fixture->verdict);
}

static void
testSayOf(testFixture *fixture, const guint8 *uuid)
{
    vbJournalVerdict(fixture->journal, fixture->verdict, "guest", uuid, 4711, 1000);
}

static void
testSay(testFixture *fixture)
{
    testSayOf(fixture, testUUID);
}

static void
testSayTimes(testFixture *fixture, unsigned int times)
{
    while (times-- > 0)
        testSay(fixture);
}

static void
testAddInhibitor(testFixture *fixture, qemuInhibitorKind kind, const char *alias)
{
    g_ptr_array_add(fixture->verdict->inhibitors,
                    qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_XML, alias, NULL));
}

/* Fields */

static void
testFields(testFixture *fixture, gconstpointer opaque)
{
    testAddInhibitor(fixture, QEMU_INHIBITOR_VFIO_PCI, "hostdev0");
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 1);
    g_assert_cmpstr(testField(0, "MESSAGE"), ==,
                    "domain 'guest': refused (client 4711, uid 1000)");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_VERDICT"), ==, "refuse");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_DOMAIN"), ==, "guest");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_UUID"), ==, "01234567-89ab-cdef-fedc-ba9876543210");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_CLIENT_PID"), ==, "4711");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_CLIENT_UID"), ==, "1000");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_INHIBITORS"), ==, "vfio-pci:hostdev0");
}

static void
testWarns(testFixture *fixture, gconstpointer opaque)
{
    fixture->verdict->action = QEMU_DOMAIN_VERDICT_PASS;
    testSay(fixture);
    g_assert_cmpstr(testField(0, "VIRTBALLOON_VERDICT"), ==, "warn");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_INHIBITORS"), ==, "");
}

static void
testInhibitors(testFixture *fixture, gconstpointer opaque)
{
    testAddInhibitor(fixture, QEMU_INHIBITOR_VFIO_MDEV, "ua-gpu");
    testAddInhibitor(fixture, QEMU_INHIBITOR_SEV, NULL);
    testAddInhibitor(fixture, QEMU_INHIBITOR_VHOST_VDPA, "net1");
    testSay(fixture);
    g_assert_cmpstr(testField(0, "VIRTBALLOON_INHIBITORS"), ==,
                    "vfio-mdev:ua-gpu,sev,vhost-vdpa:net1");
}

/* Root has uid 0; a client that is not known has the largest uid there is and no process. */
static void
testClients(testFixture *fixture, gconstpointer opaque)
{
    vbJournalVerdict(fixture->journal, fixture->verdict, "guest", testUUID, 1, 0);
    vbJournalVerdict(fixture->journal, fixture->verdict, "guest", testUUID, -1, (uid_t)-1);
    g_assert_cmpstr(testField(0, "VIRTBALLOON_CLIENT_UID"), ==, "0");
    g_assert_cmpstr(testField(1, "VIRTBALLOON_CLIENT_PID"), ==, "-1");
    g_assert_cmpstr(testField(1, "VIRTBALLOON_CLIENT_UID"), ==, "4294967295");
}

static void
testPercent(testFixture *fixture, gconstpointer opaque)
{
    g_free(fixture->verdict->logText);
    fixture->verdict->logText = g_strdup("domain '%s%n': refused");
    vbJournalVerdict(fixture->journal, fixture->verdict, "%s%n", testUUID, 1, 1);
    g_assert_cmpstr(testField(0, "MESSAGE"), ==, "domain '%s%n': refused (client 1, uid 1)");
    g_assert_cmpstr(testField(0, "VIRTBALLOON_DOMAIN"), ==, "%s%n");
}

/* How often */

static void
testBurst(testFixture *fixture, gconstpointer opaque)
{
    guint i;

    testSayTimes(fixture, 10);
    g_assert_cmpuint(testLines->len, ==, 10);
    testSayTimes(fixture, 1000);
    g_assert_cmpuint(testLines->len, ==, 10);
    for (i = 0; i < 10; i++)
        g_assert_cmpstr(testField(i, "MESSAGE"), ==,
                        "domain 'guest': refused (client 4711, uid 1000)");
}

static void
testLeftOut(testFixture *fixture, gconstpointer opaque)
{
    testSayTimes(fixture, 10 + 7);
    testNow += 30 * SECOND - 1;
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 10);
    testNow += 1;
    testSayTimes(fixture, 3);
    g_assert_cmpuint(testLines->len, ==, 11);
    g_assert_cmpstr(testField(10, "MESSAGE"), ==, "domain 'guest': refused (client 4711, uid 1000) "
                    "(8 more were not logged)");
    testNow += 30 * SECOND;
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 12);
    g_assert_cmpstr(testField(11, "MESSAGE"), ==, "domain 'guest': refused (client 4711, uid 1000) "
                    "(2 more were not logged)");
    testNow += 30 * SECOND;
    testSay(fixture);
    g_assert_cmpstr(testField(12, "MESSAGE"), ==, "domain 'guest': refused (client 4711, uid "
                    "1000)");
}

/* A controller that asks every second for a day. */
static void
testController(testFixture *fixture, gconstpointer opaque)
{
    guint i;

    for (i = 0; i < 86400; i++) {
        testSay(fixture);
        testNow += SECOND;
    }
    g_assert_cmpuint(testLines->len, >=, 86400 / 30);
    g_assert_cmpuint(testLines->len, <=, 86400 / 30 + 10);
}

static void
testRecovers(testFixture *fixture, gconstpointer opaque)
{
    testSayTimes(fixture, 20);
    testNow += 4 * 30 * SECOND + 15 * SECOND;
    testSayTimes(fixture, 20);
    g_assert_cmpuint(testLines->len, ==, 14);
    /* What was left of the time is not lost. */
    testNow += 15 * SECOND;
    testSayTimes(fixture, 20);
    g_assert_cmpuint(testLines->len, ==, 15);
}

static void
testNoMoreThanBurst(testFixture *fixture, gconstpointer opaque)
{
    testSayTimes(fixture, 20);
    testNow += G_TIME_SPAN_DAY * 365;
    testSayTimes(fixture, 20);
    g_assert_cmpuint(testLines->len, ==, 20);
    /* Nor does time count that went by while there was nothing to be made good. */
    testNow += 29 * SECOND;
    testSayTimes(fixture, 20);
    g_assert_cmpuint(testLines->len, ==, 20);
}

static void
testIdleTimeIsNotSaved(testFixture *fixture, gconstpointer opaque)
{
    testSay(fixture);
    testNow += 3600 * SECOND;
    testSayTimes(fixture, 20);
    g_assert_cmpuint(testLines->len, ==, 11);
    testNow += 29 * SECOND;
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 11);
    testNow += SECOND;
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 12);
}

static void
testPerDomain(testFixture *fixture, gconstpointer opaque)
{
    guint8 other[16];
    size_t i;

    testSayTimes(fixture, 20);
    for (i = 0; i < sizeof(other); i++) {
        memcpy(other, testUUID, sizeof(other));
        other[i] ^= 1;
        g_ptr_array_set_size(testLines, 0);
        testSayOf(fixture, other);
        g_assert_cmpuint(testLines->len, ==, 1);
        g_assert_null(strstr(testField(0, "MESSAGE"), "more"));
    }
    g_ptr_array_set_size(testLines, 0);
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 0);
}

/* A domain is told by its UUID: a client may call it what it likes. */
static void
testNameDoesNotCount(testFixture *fixture, gconstpointer opaque)
{
    guint i;

    for (i = 0; i < 20; i++) {
        g_autofree char *name = g_strdup_printf("guest%u", i);

        vbJournalVerdict(fixture->journal, fixture->verdict, name, testUUID, (pid_t)i, i);
    }
    g_assert_cmpuint(testLines->len, ==, 10);
}

/* Refusals and warnings share the lines of their domain. */
static void
testVerdictDoesNotCount(testFixture *fixture, gconstpointer opaque)
{
    testSayTimes(fixture, 5);
    fixture->verdict->action = QEMU_DOMAIN_VERDICT_PASS;
    testSayTimes(fixture, 15);
    g_assert_cmpuint(testLines->len, ==, 10);
}

/* So many UUIDs do not fill the memory: then all is forgotten and may be said again. */
static void
testManyDomains(testFixture *fixture, gconstpointer opaque)
{
    guint8 uuid[16] = { 0 };
    guint32 i;

    testSayTimes(fixture, 20);
    for (i = 1; i < 1024; i++) {
        memcpy(uuid, &i, sizeof(i));
        testSayOf(fixture, uuid);
    }
    g_ptr_array_set_size(testLines, 0);
    testSay(fixture);
    g_assert_cmpuint(testLines->len, ==, 0);

    memcpy(uuid, &i, sizeof(i));
    testSayOf(fixture, uuid);
    g_assert_cmpuint(testLines->len, ==, 1);
    testSayTimes(fixture, 20);
    g_assert_cmpuint(testLines->len, ==, 11);
}

/* Names from outside */

static void
testAssertOneLine(const char *text)
{
    const char *c;

    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (c = text; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);

        g_assert_false(g_unichar_iscntrl(character));
        /* LINE SEPARATOR and PARAGRAPH SEPARATOR */
        g_assert_true(character != 0x2028 && character != 0x2029);
    }
}

static void
testHostileName(testFixture *fixture, gconstpointer opaque)
{
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_BLOCK, QEMU_DOMAIN_QMP_AUTO };
    const char *name = opaque;
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = qemuDomainJudgeUnanswered(
        facts, &settings, name, VIR_ERR_OPERATION_TIMEOUT, "no answer", false);

    vbJournalVerdict(fixture->journal, verdict, name, testUUID, 1, 1);
    g_assert_cmpuint(testLines->len, ==, 1);
    testAssertOneLine(testField(0, "MESSAGE"));
    g_assert_true(g_str_has_suffix(testField(0, "MESSAGE"), " (client 1, uid 1)"));
    testAssertOneLine(testField(0, "VIRTBALLOON_DOMAIN"));
    g_assert_null(testField(0, "FORGED"));
    g_assert_cmpstr(testField(0, "VIRTBALLOON_VERDICT"), ==, "refuse");
}

/* Should a text bring line ends all the same, they end here. */
static void
testLineEnds(testFixture *fixture, gconstpointer opaque)
{
    g_free(fixture->verdict->logText);
    fixture->verdict->logText = g_strdup("a\nb\rc\r\nd\n");
    testSay(fixture);
    g_assert_cmpstr(testField(0, "MESSAGE"), ==, "a b c  d  (client 4711, uid 1000)");
}

static void
testNothing(void)
{
    vbJournalFree(NULL);
}

typedef void (*testFunc)(testFixture *fixture, gconstpointer opaque);

static void
testAdd(const char *path, gconstpointer opaque, testFunc func)
{
    g_test_add(path, testFixture, opaque, testSetUp, func, testTearDown);
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    /* One wrong line must not hide the others. */
    g_test_set_nonfatal_assertions();
    testLines = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    g_log_set_writer_func(testWriter, NULL, NULL);

    testAdd("/journal/a refusal has all fields", NULL, testFields);
    testAdd("/journal/a warning is no refusal", NULL, testWarns);
    testAdd("/journal/inhibitors are a list", NULL, testInhibitors);
    testAdd("/journal/a client may be anybody", NULL, testClients);
    testAdd("/journal/a percent sign is a percent sign", NULL, testPercent);
    testAdd("/journal/ten lines and then silence", NULL, testBurst);
    testAdd("/journal/the next line says how many were left out", NULL, testLeftOut);
    testAdd("/journal/a controller gets a line in 30 seconds", NULL, testController);
    testAdd("/journal/lines come back with time", NULL, testRecovers);
    testAdd("/journal/never more than ten lines come back", NULL, testNoMoreThanBurst);
    testAdd("/journal/time without a line is not saved up", NULL, testIdleTimeIsNotSaved);
    testAdd("/journal/each domain has its own lines", NULL, testPerDomain);
    testAdd("/journal/another name is no other domain", NULL, testNameDoesNotCount);
    testAdd("/journal/another verdict is no other domain", NULL, testVerdictDoesNotCount);
    testAdd("/journal/of very many domains all are forgotten", NULL, testManyDomains);
    testAdd("/journal/a name with a line feed makes no line",
            "guest\nFORGED=1\nMESSAGE=all is well", testHostileName);
    testAdd("/journal/a name with a carriage return makes no line", "guest\rall is well",
            testHostileName);
    testAdd("/journal/a name with an escape does not reach a terminal", "\033[2J\033]0;x\a",
            testHostileName);
    testAdd("/journal/a name with a vertical tab and a form feed makes no line", "a\v\fb",
            testHostileName);
    testAdd("/journal/a name with control characters beyond ASCII makes no line",
            "a\xc2\x85\xc2\x9b" "2Jb", testHostileName);
    testAdd("/journal/a name with a line separator makes no line", "a\xe2\x80\xa8\xe2\x80\xa9" "b",
            testHostileName);
    testAdd("/journal/a name that is no UTF-8 makes a line that is", "a\xff\xc3(", testHostileName);
    testAdd("/journal/an empty name makes a line", "", testHostileName);
    testAdd("/journal/line ends become blanks", NULL, testLineEnds);
    g_test_add_func("/journal/no journal can be freed", testNothing);

    status = g_test_run();
    g_ptr_array_unref(testLines);
    return status;
}
