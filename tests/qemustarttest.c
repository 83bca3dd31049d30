/*
 * qemustarttest.c: what is started, defined, restored or received, and what is said about it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_start.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#define PCI "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' slot='0' " \
    "function='0'/></source><alias name='hostdev0'/></hostdev>"
#define MDEV_UUID "11112222-3333-4444-5555-666677778888"
#define MDEV(attribute) "<hostdev mode='subsystem' type='mdev' model='vfio-pci'" attribute \
    "><source><address uuid='" MDEV_UUID "'/></source></hostdev>"
#define OPTED_OUT "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='" \
    MDEV_UUID "'/></source><alias name='ua-a'/></hostdev>"
#define OVERRIDE "<q:override xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:device " \
    "alias='ua-a'><q:frontend><q:property name='x-balloon-allowed' type='bool' value='true'/>" \
    "</q:frontend></q:device></q:override>"
#define NETWORK(name) "<interface type='network'><source network='" name "'/></interface>"
#define BALLOON "<memballoon model='virtio'/>"
#define POLICY(word) "<metadata><b:policy xmlns:b='urn:virt-balloon:policy:1' memballoon='" word \
    "'/></metadata>"
#define DOMAIN(id, current, more, devices) "<domain type='kvm'" id "><name>guest</name>" \
    "<memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>" current "</currentMemory>" \
    more "<devices>" devices "</devices></domain>"
#define INFLATED(more, devices) DOMAIN("", "524288", more, devices)
#define DEFLATED(more, devices) DOMAIN("", "1048576", more, devices)

#define DEVICE "assigned PCI device 'hostdev0' (0000:07:00.0)"

/* What is known, and what is said of it. */
typedef struct {
    qemuDomainFacts *facts;
    qemuDomainSettings settings;
    qemuDomainVerdict *verdict;
} testRun;

static void
testInit(testRun *run)
{
    run->facts = qemuDomainFactsNew();
    run->settings.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_BLOCK;
}

static void
testClear(testRun *run)
{
    qemuDomainVerdictFree(run->verdict);
    qemuDomainFactsFree(run->facts);
    run->verdict = NULL;
}

/* Takes @verdict. */
static const qemuDomainVerdict *
testTake(testRun *run, qemuDomainVerdict *verdict)
{
    qemuDomainVerdictFree(run->verdict);
    run->verdict = verdict;
    return verdict;
}

static const qemuDomainVerdict *
testJudgeXML(testRun *run, const char *xml, qemuStartOperation operation)
{
    g_autoptr(GPtrArray) documents =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuStartDocumentFree);

    g_ptr_array_add(documents, qemuStartDocumentNew(xml, strlen(xml), operation));
    return testTake(run, qemuStartJudgeDocuments(run->facts, &run->settings, documents,
                                                 operation));
}

static void
testAddXML(testRun *run, const char *xml)
{
    g_assert_true(qemuDomainFactsAddXML(run->facts, false, xml, strlen(xml), NULL));
}

static const qemuDomainVerdict *
testJudgeDomain(testRun *run, bool force)
{
    return testTake(run, qemuStartJudgeDomain(run->facts, &run->settings, force));
}

static const qemuDomainVerdict *
testJudgeImage(testRun *run, const char *xml, qemuStartOperation operation)
{
    qemuDomainFactsAddImage(run->facts, qemuStartParseImage(xml, strlen(xml)));
    return testTake(run, qemuStartJudgeImage(run->facts, &run->settings, operation));
}

/* Each operation by the way that it really goes. */
static const qemuDomainVerdict *
testJudge(testRun *run, const char *xml, qemuStartOperation operation)
{
    switch (operation) {
    case QEMU_START_START:
        testAddXML(run, xml);
        qemuDomainFactsAddManagedSave(run->facts, false);
        return testJudgeDomain(run, false);
    case QEMU_START_RESTORE:
    case QEMU_START_REVERT:
        return testJudgeImage(run, xml, operation);
    case QEMU_START_NOTHING:
    case QEMU_START_DEFINE:
    case QEMU_START_CREATE:
    case QEMU_START_INCOMING:
    default:
        return testJudgeXML(run, xml, operation);
    }
}

static void
testAssertSilent(const qemuDomainVerdict *verdict)
{
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_null(verdict->logText);
    g_assert_null(verdict->errorText);
}

static void
testAssertNeeds(const qemuDomainVerdict *verdict, guint index, guint count,
                qemuDomainQuestionKind kind, const char *name)
{
    const qemuDomainQuestion *question;

    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_NEED);
    g_assert_cmpuint(verdict->questions->len, ==, count);
    if (index >= verdict->questions->len)
        return;
    question = g_ptr_array_index(verdict->questions, index);
    g_assert_cmpint(question->kind, ==, kind);
    g_assert_cmpstr(question->name, ==, name);
}

/* Operations */

static const struct {
    qemuStartOperation operation;
    const char *verb;
    const char *past;
    int code; /* of a refusal */
} testOperations[] = {
    { QEMU_START_NOTHING, NULL, NULL, 0 },
    { QEMU_START_DEFINE, "define", "defined", VIR_ERR_CONFIG_UNSUPPORTED },
    { QEMU_START_CREATE, "create", "created", VIR_ERR_CONFIG_UNSUPPORTED },
    { QEMU_START_START, "start", "started", VIR_ERR_OPERATION_INVALID },
    { QEMU_START_RESTORE, "restore", "restored", 0 },
    { QEMU_START_REVERT, "revert", "reverted", 0 },
    { QEMU_START_INCOMING, "receive", "received by migration", 0 },
};

static void
testAssertRefused(const qemuDomainVerdict *verdict, size_t operation)
{
    const char *verb = testOperations[operation].verb;
    g_autofree char *error = g_strdup_printf(
        "cannot %s domain 'guest' with a currentMemory of 524288 KiB: ballooning will be inhibited "
        "by " DEVICE ": the guest would give up 524288 KiB when it starts and the host would gain "
        "nothing; raise <currentMemory> to 1048576 KiB, or lower <memory>", verb);
    g_autofree char *log = g_strdup_printf(
        "domain 'guest': refused to %s it with 524288 KiB less than its memory: ballooning will be "
        "inhibited by " DEVICE, verb);

    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
    g_assert_cmpint(verdict->errorCode, ==, testOperations[operation].code);
    g_assert_cmpstr(verdict->errorText, ==, error);
    g_assert_cmpstr(verdict->logText, ==, log);
    g_assert_cmpint(verdict->state, ==, QEMU_DOMAIN_BALLOON_INHIBITED);
    g_assert_cmpuint(verdict->inhibitors->len, ==, 1);
}

static void
testAssertLogged(const qemuDomainVerdict *verdict, size_t operation)
{
    g_autofree char *log = g_strdup_printf(
        "domain 'guest': it is %s with 524288 KiB less than its memory although ballooning will be "
        "inhibited by " DEVICE ": the host will not gain them", testOperations[operation].past);

    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpstr(verdict->logText, ==, log);
    g_assert_null(verdict->errorText);
    g_assert_cmpint(verdict->state, ==, QEMU_DOMAIN_BALLOON_INHIBITED);
}

/* What follows for an inflated domain with an inhibitor: a letter for each operation above: 'R'
 * refused, 'L' logged, '-' nothing. */
typedef struct {
    const char *policy; /* that the domain has */
    const char *more;   /* of its XML */
    const char *block;  /* with this default_policy */
    const char *warn;
    const char *ignore;
    const char *redirect;
} testPolicy;

static const testPolicy testPolicies[] = {
    { "no policy", "", "-LLLLLL", "-LLLLLL", "-------", "-LLLLLL" },
    { "policy 'block'", POLICY("block"), "-RRRLLL", "-RRRLLL", "-RRRLLL", "-RRRLLL" },
    { "policy 'warn'", POLICY("warn"), "-LLLLLL", "-LLLLLL", "-LLLLLL", "-LLLLLL" },
    { "policy 'ignore'", POLICY("ignore"), "-------", "-------", "-------", "-------" },
    { "policy 'redirect'", POLICY("redirect"), "-RRRLLL", "-RRRLLL", "-RRRLLL", "-RRRLLL" },
    { "a policy that is none", POLICY("other"), "-RRRLLL", "-RRRLLL", "-RRRLLL", "-RRRLLL" },
    { "policy 'default'", POLICY("default"), "-LLLLLL", "-LLLLLL", "-------", "-LLLLLL" },
};

static void
testPolicyTable(gconstpointer opaque)
{
    const testPolicy *policy = opaque;
    g_autofree char *xml = g_strconcat("<domain type='kvm'><name>guest</name>"
                                       "<memory unit='KiB'>1048576</memory>"
                                       "<currentMemory unit='KiB'>524288</currentMemory>",
                                       policy->more, "<devices>" PCI BALLOON "</devices></domain>",
                                       NULL);
    const struct {
        vbDomainBalloonPolicy policy;
        const char *letters;
    } defaults[] = {
        { VB_DOMAIN_BALLOON_POLICY_BLOCK, policy->block },
        { VB_DOMAIN_BALLOON_POLICY_WARN, policy->warn },
        { VB_DOMAIN_BALLOON_POLICY_IGNORE, policy->ignore },
        { VB_DOMAIN_BALLOON_POLICY_REDIRECT, policy->redirect },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(testOperations); j++) {
            const qemuDomainVerdict *verdict;
            testRun run = { 0 };

            testInit(&run);
            run.settings.defaultPolicy = defaults[i].policy;
            verdict = testJudge(&run, xml, testOperations[j].operation);
            if (defaults[i].letters[j] == 'R')
                testAssertRefused(verdict, j);
            else if (defaults[i].letters[j] == 'L')
                testAssertLogged(verdict, j);
            else
                testAssertSilent(verdict);
            testClear(&run);
        }
    }
}

/* Of a domain that asks for 'block', whatever is done with it. */
typedef struct {
    const char *sentence;
    const char *xml;
} testHarmless;

#define BLOCK POLICY("block")

static const testHarmless testHarmlesses[] = {
    { "with all of its memory", DEFLATED(BLOCK, PCI BALLOON) },
    { "with more than its memory", DOMAIN("", "2097152", BLOCK, PCI BALLOON) },
    { "without an inhibitor", INFLATED(BLOCK, BALLOON) },
    { "without a balloon", INFLATED(BLOCK, PCI "<memballoon model='none'/>") },
    { "with memory that is plugged", "<domain type='kvm'><name>guest</name>"
      "<memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>524288</currentMemory>" BLOCK
      "<devices>" PCI BALLOON "<memory model='virtio-mem'><target><size unit='KiB'>524288</size>"
      "<current unit='KiB'>0</current></target></memory></devices></domain>" },
    { "with an interface of no network", INFLATED(BLOCK, "<interface type='network'/>" BALLOON) },
    { "with an interface of another kind", INFLATED(BLOCK, "<interface type='bridge'><source "
      "bridge='a'/></interface>" BALLOON) },
    { "with a device that is opted out", INFLATED(BLOCK OVERRIDE, OPTED_OUT BALLOON) },
};

static void
testHarmlessTable(gconstpointer opaque)
{
    const testHarmless *harmless = opaque;

    for (size_t i = 0; i < G_N_ELEMENTS(testOperations); i++) {
        testRun run = { 0 };

        testInit(&run);
        testAssertSilent(testJudge(&run, harmless->xml, testOperations[i].operation));
        testClear(&run);
    }
}

/* libvirt gives a domain a balloon that says nothing of one. */
static void
testImpliedBalloon(void)
{
    testRun run = { 0 };

    testInit(&run);
    testAssertRefused(testJudge(&run, INFLATED(BLOCK, PCI), QEMU_START_DEFINE), 1);
    testClear(&run);
}

/* What a user writes counts as what libvirt gets. */
static void
testWrittenPolicy(void)
{
    static const char written[] = INFLATED("", PCI "<memballoon model='virtio' policy='block'/>");
    static const char opted[] = INFLATED("", MDEV(" ballooning='on'")
                                         "<memballoon model='virtio' policy='block'/>");
    testRun run = { 0 };

    testInit(&run);
    testAssertRefused(testJudgeXML(&run, written, QEMU_START_DEFINE), 1);
    testAssertRefused(testJudgeXML(&run, written, QEMU_START_CREATE), 2);
    testAssertLogged(testJudgeXML(&run, written, QEMU_START_INCOMING), 6);

    qemuDomainFactsAddLibvirt(run.facts, 8002000);
    testAssertSilent(testJudgeXML(&run, opted, QEMU_START_DEFINE));
    testClear(&run);
}

/* A name that somebody made up. */
static void
testHostileName(void)
{
    static const char xml[] = "<domain><name>a&#10;b</name><memory>1048576</memory>"
        "<currentMemory>524288</currentMemory>" BLOCK "<devices>" PCI "</devices></domain>";
    const qemuDomainVerdict *verdict;
    testRun run = { 0 };

    testInit(&run);
    verdict = testJudgeXML(&run, xml, QEMU_START_DEFINE);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
    g_assert_null(strchr(verdict->errorText, '\n'));
    g_assert_null(strchr(verdict->logText, '\n'));
    testClear(&run);
}

/* Networks */

static void
testNetworks(void)
{
    static const char xml[] = INFLATED(BLOCK, NETWORK("a") NETWORK("b") NETWORK("a") BALLOON);
    const qemuDomainVerdict *verdict;
    testRun run = { 0 };

    testInit(&run);
    verdict = testJudgeXML(&run, xml, QEMU_START_DEFINE);
    testAssertNeeds(verdict, 0, 2, QEMU_DOMAIN_QUESTION_NETWORK, "a");
    testAssertNeeds(verdict, 1, 2, QEMU_DOMAIN_QUESTION_NETWORK, "b");

    qemuDomainFactsAddNetwork(run.facts, "a", false);
    testAssertNeeds(testJudgeXML(&run, xml, QEMU_START_DEFINE), 0, 1, QEMU_DOMAIN_QUESTION_NETWORK,
                    "b");
    qemuDomainFactsAddNetwork(run.facts, "b", false);
    testAssertSilent(testJudgeXML(&run, xml, QEMU_START_DEFINE));

    qemuDomainFactsAddNetwork(run.facts, "b", true);
    verdict = testJudgeXML(&run, xml, QEMU_START_DEFINE);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
    g_assert_cmpuint(verdict->inhibitors->len, ==, 1);
    g_assert_nonnull(strstr(verdict->errorText, "of network 'b'"));

    /* Each interface is a device of its own. */
    qemuDomainFactsAddNetwork(run.facts, "a", true);
    g_assert_cmpuint(testJudgeXML(&run, xml, QEMU_START_DEFINE)->inhibitors->len, ==, 3);
    testClear(&run);
}

static void
testNetworkIsLogged(void)
{
    const qemuDomainVerdict *verdict;
    testRun run = { 0 };

    testInit(&run);
    qemuDomainFactsAddNetwork(run.facts, "a", true);
    verdict = testJudge(&run, INFLATED("", NETWORK("a") BALLOON), QEMU_START_START);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_nonnull(strstr(verdict->logText, "although ballooning will be inhibited by "));
    g_assert_nonnull(strstr(verdict->logText, "of network 'a'"));
    testClear(&run);
}

/* Where it cannot matter no network is asked about. */
static void
testNetworkNotAsked(void)
{
    testRun run = { 0 };

    testInit(&run);
    testAssertSilent(testJudgeXML(&run, DEFLATED(BLOCK, NETWORK("a") BALLOON),
                                  QEMU_START_DEFINE));
    testAssertSilent(testJudgeXML(&run, INFLATED(POLICY("ignore"), NETWORK("a") BALLOON),
                                  QEMU_START_DEFINE));
    testAssertSilent(testJudgeXML(&run, INFLATED(BLOCK, NETWORK("a")
                                                 "<memballoon model='none'/>"),
                                  QEMU_START_DEFINE));
    testClear(&run);
}

static void
testNetworkBesideDevice(void)
{
    static const char xml[] = INFLATED(BLOCK, NETWORK("a") PCI BALLOON);
    const qemuDomainVerdict *verdict;
    testRun run = { 0 };

    testInit(&run);
    testAssertNeeds(testJudgeXML(&run, xml, QEMU_START_DEFINE), 0, 1, QEMU_DOMAIN_QUESTION_NETWORK,
                    "a");
    qemuDomainFactsAddNetwork(run.facts, "a", false);
    testAssertRefused(testJudgeXML(&run, xml, QEMU_START_DEFINE), 1);
    qemuDomainFactsAddNetwork(run.facts, "a", true);
    verdict = testJudgeXML(&run, xml, QEMU_START_DEFINE);
    g_assert_nonnull(strstr(verdict->errorText, "hostdev0"));
    g_assert_nonnull(strstr(verdict->errorText, "of network 'a'"));
    testClear(&run);
}

/* Starting */

static void
testStartAsks(void)
{
    const qemuDomainVerdict *verdict;
    testRun run = { 0 };

    testInit(&run);
    verdict = testJudgeDomain(&run, false);
    testAssertNeeds(verdict, 0, 2, QEMU_DOMAIN_QUESTION_XML, NULL);
    testAssertNeeds(verdict, 1, 2, QEMU_DOMAIN_QUESTION_MANAGED_SAVE, NULL);
    testAssertNeeds(testJudgeDomain(&run, true), 0, 1, QEMU_DOMAIN_QUESTION_XML, NULL);

    testAddXML(&run, INFLATED(BLOCK, PCI BALLOON));
    testAssertNeeds(testJudgeDomain(&run, false), 0, 1, QEMU_DOMAIN_QUESTION_MANAGED_SAVE, NULL);
    testAssertRefused(testJudgeDomain(&run, true), 3);
    testClear(&run);
}

static void
testStartRunning(void)
{
    testRun run = { 0 };

    testInit(&run);
    testAddXML(&run, DOMAIN(" id='3'", "524288", BLOCK, PCI BALLOON));
    qemuDomainFactsAddManagedSave(run.facts, false);
    testAssertSilent(testJudgeDomain(&run, false));
    testAssertSilent(testJudgeDomain(&run, true));
    testClear(&run);
}

/* The guest's memory is in its image, as it is. */
static void
testStartManagedSave(void)
{
    testRun run = { 0 };

    testInit(&run);
    testAddXML(&run, INFLATED(BLOCK, PCI BALLOON));
    qemuDomainFactsAddManagedSave(run.facts, true);
    testAssertNeeds(testJudgeDomain(&run, false), 0, 1, QEMU_DOMAIN_QUESTION_IMAGE, NULL);

    /* What counts is the image's definition. */
    testAssertLogged(testJudgeImage(&run, INFLATED(BLOCK, PCI BALLOON), QEMU_START_RESTORE), 4);
    testAssertLogged(testJudgeDomain(&run, false), 4);
    testJudgeImage(&run, DEFLATED(BLOCK, PCI BALLOON), QEMU_START_RESTORE);
    testAssertSilent(testJudgeDomain(&run, false));

    /* Unless it is thrown away. */
    testAssertRefused(testJudgeDomain(&run, true), 3);
    testClear(&run);
}

static void
testImageUnknown(void)
{
    static const char *const images[] = {
        "", "nonsense", "<domain", "<network/>", "<domainsnapshot><name>s</name></domainsnapshot>",
        "<domain><memory>much</memory></domain>",
    };
    testRun run = { 0 };

    testInit(&run);
    testAssertNeeds(testTake(&run, qemuStartJudgeImage(run.facts, &run.settings,
                                                       QEMU_START_REVERT)),
                    0, 1, QEMU_DOMAIN_QUESTION_IMAGE, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(images); i++) {
        g_assert_null(qemuStartParseImage(images[i], strlen(images[i])));
        testAssertSilent(testJudgeImage(&run, images[i], QEMU_START_REVERT));
    }
    testClear(&run);
}

/* A snapshot's domain is the one that it was taken of. */
static void
testImageSnapshot(void)
{
    testRun run = { 0 };

    testInit(&run);
    testAssertLogged(testJudgeImage(&run, "<domainsnapshot><name>s</name>"
                                    INFLATED(BLOCK, PCI BALLOON) "<inactiveDomain/>"
                                    "</domainsnapshot>", QEMU_START_REVERT), 5);
    testClear(&run);
}

/* Documents */

static void
testLastDocumentRuns(void)
{
    static const char inflated[] = INFLATED("", PCI BALLOON);
    static const char deflated[] = DEFLATED("", PCI BALLOON);
    const char *const orders[][2] = { { inflated, deflated }, { deflated, inflated } };
    testRun run = { 0 };

    testInit(&run);
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autoptr(GPtrArray) documents =
            g_ptr_array_new_with_free_func((GDestroyNotify)qemuStartDocumentFree);

        for (size_t j = 0; j < 2; j++)
            g_ptr_array_add(documents, qemuStartDocumentNew(orders[i][j], strlen(orders[i][j]),
                                                            QEMU_START_INCOMING));
        testTake(&run, qemuStartJudgeDocuments(run.facts, &run.settings, documents,
                                               QEMU_START_INCOMING));
        if (i == 0)
            testAssertSilent(run.verdict);
        else
            testAssertLogged(run.verdict, 6);
    }
    testClear(&run);
}

static void
testNoDocuments(void)
{
    g_autoptr(GPtrArray) documents = g_ptr_array_new();
    testRun run = { 0 };

    testInit(&run);
    testAssertSilent(testTake(&run, qemuStartJudgeDocuments(run.facts, &run.settings, documents,
                                                            QEMU_START_RESTORE)));
    testClear(&run);
}

/* What is wrong in any of the documents is refused, and first of all. */
static void
testWrongDocument(void)
{
    static const char wrong[] = INFLATED("", "<hostdev mode='subsystem' type='usb' "
                                         "ballooning='on'/>" BALLOON);
    static const qemuStartOperation operations[] = {
        QEMU_START_NOTHING, QEMU_START_DEFINE, QEMU_START_CREATE, QEMU_START_RESTORE,
        QEMU_START_INCOMING,
    };
    testRun run = { 0 };

    testInit(&run);
    for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
        const qemuDomainVerdict *verdict = testJudgeXML(&run, wrong, operations[i]);

        g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
        g_assert_cmpint(verdict->errorCode, ==, VIR_ERR_CONFIG_UNSUPPORTED);
        g_assert_true(g_str_has_prefix(verdict->errorText, "ballooning='on' for host device of "
                                       "type 'usb': "));
    }
    testClear(&run);
}

/* An opt-out of a device that is gone goes when a domain is defined, and stays in an image. */
static void
testOrphans(void)
{
    static const char xml[] = DEFLATED("<q:override xmlns:q='http://libvirt.org/schemas/domain/"
        "qemu/1.0'><q:device alias='ua-vb-" MDEV_UUID "'><q:frontend><q:property "
        "name='x-balloon-allowed' type='bool' value='true'/></q:frontend></q:device></q:override>",
        BALLOON);

    for (size_t i = 0; i < G_N_ELEMENTS(testOperations); i++) {
        qemuStartOperation operation = testOperations[i].operation;
        g_autoptr(qemuStartDocument) document = qemuStartDocumentNew(xml, strlen(xml), operation);

        g_assert_cmpint(document->errorCode, ==, 0);
        if (operation == QEMU_START_DEFINE || operation == QEMU_START_CREATE)
            g_assert_cmpstr(document->stored, ==, DEFLATED("", BALLOON));
        else
            g_assert_null(document->stored);
    }
}

static void
testFreeNothing(void)
{
    qemuStartDocumentFree(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* One wrong outcome must not hide the others. */
    g_test_set_nonfatal_assertions();

    for (size_t i = 0; i < G_N_ELEMENTS(testPolicies); i++) {
        g_autofree char *path = g_strdup_printf("/qemustart/a domain with %s and every default",
                                                testPolicies[i].policy);

        g_test_add_data_func(path, &testPolicies[i], testPolicyTable);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(testHarmlesses); i++) {
        g_autofree char *path = g_strdup_printf("/qemustart/a domain %s passes whatever is done",
                                                testHarmlesses[i].sentence);

        g_test_add_data_func(path, &testHarmlesses[i], testHarmlessTable);
    }
    g_test_add_func("/qemustart/a domain without a word of it has a balloon", testImpliedBalloon);
    g_test_add_func("/qemustart/attributes count as what is stored of them", testWrittenPolicy);
    g_test_add_func("/qemustart/a hostile name reaches no message", testHostileName);

    g_test_add_func("/qemustart/networks are asked about once each", testNetworks);
    g_test_add_func("/qemustart/a network of host devices is logged", testNetworkIsLogged);
    g_test_add_func("/qemustart/a network is not asked about in vain", testNetworkNotAsked);
    g_test_add_func("/qemustart/a network is named beside a device", testNetworkBesideDevice);

    g_test_add_func("/qemustart/a start asks for XML and image", testStartAsks);
    g_test_add_func("/qemustart/a start of what runs passes", testStartRunning);
    g_test_add_func("/qemustart/a start from a managed save image is only logged",
                    testStartManagedSave);
    g_test_add_func("/qemustart/an image that nobody can read passes", testImageUnknown);
    g_test_add_func("/qemustart/a snapshot has the domain inside", testImageSnapshot);

    g_test_add_func("/qemustart/the last document is what runs", testLastDocumentRuns);
    g_test_add_func("/qemustart/no document passes", testNoDocuments);
    g_test_add_func("/qemustart/a wrong document is refused whatever is done", testWrongDocument);
    g_test_add_func("/qemustart/an orphan is forgotten when a domain is defined", testOrphans);
    g_test_add_func("/qemustart/nothing can be freed", testFreeNothing);

    return g_test_run();
}
