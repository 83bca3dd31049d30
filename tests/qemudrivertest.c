/*
 * qemudrivertest.c: intercepted calls from their bytes to their outcome, without a connection
 *
 * Arguments, answers and the calls that are expected in between are put together here byte by
 * byte, not by the codec that is used inside: a mistake in that must not confirm itself.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "qemu_driver.h"

#define HALF 524288ULL
#define UUID_TEXT "00010203-0405-0607-0809-0a0b0c0d0e0f"

#define NEW_PCI "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='8' " \
    "slot='0' function='0'/></source></hostdev>"
#define PCI "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' slot='0' " \
    "function='0'/></source><alias name='hostdev0'/></hostdev>"
#define POLICY(word) "<metadata><b:policy xmlns:b='urn:virt-balloon:policy:1' memballoon='" word \
    "'/></metadata>"
#define COMMAND_LINE "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<q:arg value='-S'/></q:commandline>"
#define GUEST(id, current, more, devices) "<domain type='kvm'" id "><name>guest</name>" \
    "<uuid>" UUID_TEXT "</uuid><memory unit='KiB'>1048576</memory>" \
    "<currentMemory unit='KiB'>" current "</currentMemory>" more \
    "<devices><memballoon model='virtio'/>" devices "</devices></domain>"
#define RUNNING(more, devices) GUEST(" id='7'", "1048576", more, devices)
#define INFLATED(more, devices) GUEST(" id='7'", "524288", more, devices)

#define LIST_PERIPHERAL "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/" \
    "peripheral\"}}"
#define LIST_ANONYMOUS "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/" \
    "peripheral-anon\"}}"

#define UNREADABLE "cannot check whether ballooning of domain 'guest' is inhibited: libvirt's " \
    "answer cannot be read; nothing was changed"
#define EXPIRED "cannot check whether ballooning of domain 'guest' is inhibited: too late; " \
    "nothing was changed"

/* XDR */

static GByteArray *
testWord(GByteArray *bytes, guint32 word)
{
    guint32 big = GUINT32_TO_BE(word);

    return g_byte_array_append(bytes, (const guint8 *)&big, sizeof(big));
}

static GByteArray *
testString(GByteArray *bytes, const char *text)
{
    static const guint8 zeros[3] = { 0 };
    guint length = (guint)strlen(text);

    testWord(bytes, length);
    g_byte_array_append(bytes, (const guint8 *)text, length);
    return g_byte_array_append(bytes, zeros, (4 - length % 4) % 4);
}

static GByteArray *
testDomainNamed(const char *name)
{
    GByteArray *bytes = testString(g_byte_array_new(), name);
    guint8 i;

    for (i = 0; i < 16; i++)
        g_byte_array_append(bytes, &i, 1);
    return testWord(bytes, 7);
}

static GByteArray *
testDomain(void)
{
    return testDomainNamed("guest");
}

static GByteArray *
testDomainWord(guint32 word)
{
    return testWord(testDomain(), word);
}

static GByteArray *
testDomainString(const char *text)
{
    return testString(testDomain(), text);
}

static GByteArray *
testMemory(guint64 memory)
{
    return testWord(testDomainWord((guint32)(memory >> 32)), (guint32)memory);
}

static GByteArray *
testAnswerString(const char *text)
{
    return testString(g_byte_array_new(), text);
}

static GByteArray *
testOptional(GByteArray *bytes, const char *text)
{
    testWord(bytes, text != NULL);
    return text ? testString(bytes, text) : bytes;
}

static GByteArray *
testError(gint32 code, gint32 domain, const char *message, const char *format, const char *detail)
{
    GByteArray *bytes = testWord(testWord(g_byte_array_new(), code), domain);

    testOptional(bytes, message);
    testWord(bytes, VIR_ERR_ERROR);
    testWord(bytes, 0); /* no domain */
    testOptional(bytes, format);
    testOptional(bytes, detail);
    testOptional(bytes, NULL);
    testWord(testWord(bytes, -1), -1);
    return testWord(bytes, 0); /* no network */
}

/* Our own, which look like libvirtd's. */
static GByteArray *
testRefusal(gint32 code, const char *prefix, const char *detail)
{
    g_autofree char *message = g_strconcat(prefix, ": ", detail, NULL);
    g_autofree char *format = g_strconcat(prefix, ": %s", NULL);

    return testError(code, VIR_FROM_QEMU, message, format, detail);
}

/* Takes @expected. */
static void
testAssertBytes(GByteArray *actual, GByteArray *expected)
{
    g_assert_cmpmem(actual->data, actual->len, expected->data, expected->len);
    g_byte_array_unref(expected);
}

/* A call and what stands around it */

typedef struct {
    qemuDriverConn conn;
    qemuDomainSettings settings;
    qemuDriverCall *call;
} testRun;

static const qemuDriverProcedure *
testFind(guint32 program, gint32 procedure)
{
    return qemuDriverFindProcedure(program, 1, procedure);
}

/* Takes @args. */
static void
testStart(testRun *run, guint32 program, gint32 procedure, GByteArray *args)
{
    const qemuDriverProcedure *found = testFind(program, procedure);

    g_assert_nonnull(found);
    run->settings.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_BLOCK;
    run->call = qemuDriverCallNew(found, &run->conn, &run->settings, args->data, args->len);
    g_byte_array_unref(args);
}

static void
testEnd(testRun *run)
{
    qemuDriverCallFree(run->call);
    run->call = NULL;
}

static void
testAssertDecides(testRun *run, qemuDriverOutcome outcome)
{
    g_assert_cmpint(qemuDriverCallDecide(run->call), ==, outcome);
}

/* Takes @args. */
static void
testAssertQuestion(const testRun *run, guint index, guint count, guint32 program, gint32 procedure,
                   GByteArray *args)
{
    const GPtrArray *questions = qemuDriverCallGetQuestions(run->call);
    const qemuDriverQuestion *question;

    g_assert_cmpuint(questions->len, ==, count);
    question = g_ptr_array_index(questions, index);
    g_assert_cmpuint(question->program, ==, program);
    g_assert_cmpint(question->procedure, ==, procedure);
    testAssertBytes(question->args, args);
}

/* Takes @payload. */
static void
testAnswer(testRun *run, guint question, guint32 status, GByteArray *payload)
{
    qemuDriverCallAnswer(run->call, question, status, payload->data, payload->len);
    g_byte_array_unref(payload);
}

static void
testAnswerOk(testRun *run, guint question, GByteArray *payload)
{
    testAnswer(run, question, VB_FRAME_OK, payload);
}

static void
testAssertRefuses(testRun *run, GByteArray *error)
{
    testAssertDecides(run, QEMU_DRIVER_REFUSE);
    g_assert_nonnull(qemuDriverCallGetError(run->call));
    testAssertBytes((GByteArray *)qemuDriverCallGetError(run->call), error);
}

static void
testAssertRefusesUnreadable(testRun *run)
{
    g_assert_true(qemuDriverCallIsSettled(run->call));
    testAssertRefuses(run, testRefusal(VIR_ERR_INTERNAL_ERROR, "internal error", UNREADABLE));
}

/* Up to the question for the XML, which is out then. */
static void
testAskXML(testRun *run)
{
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE,
                       g_byte_array_new());
    testAnswerOk(run, 0, testAnswerString("QEMU"));
    g_assert_false(qemuDriverCallIsSettled(run->call));
    testAssertDecides(run, QEMU_DRIVER_QUEUE);
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC,
                       testDomainWord(0));
}

static void
testStartSetMemory(testRun *run)
{
    testStart(run, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SET_MEMORY, testMemory(HALF));
    g_assert_nonnull(run->call);
}

static void
testStartSetMemoryAsked(testRun *run)
{
    testStartSetMemory(run);
    testAskXML(run);
}

/* The table */

typedef struct {
    const char *name;
    guint32 program;
    gint32 number;
    bool judged;
    GByteArray *(*args)(void);
} testProcedure;

static GByteArray *
testArgsSetMemory(void)
{
    return testMemory(HALF);
}

static GByteArray *
testArgsSetMemoryFlags(void)
{
    return testWord(testMemory(HALF), VIR_DOMAIN_MEM_LIVE);
}

static GByteArray *
testArgsDevice(void)
{
    return testDomainString(NEW_PCI);
}

static GByteArray *
testArgsDeviceFlags(void)
{
    return testWord(testArgsDevice(), VIR_DOMAIN_DEVICE_MODIFY_LIVE);
}

static GByteArray *
testArgsAlias(void)
{
    return testWord(testDomainString("ua-nic"), 0);
}

static GByteArray *
testArgsCommand(void)
{
    return testWord(testDomainString("balloon 256"), VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP);
}

static GByteArray *
testArgsMetadata(void)
{
    GByteArray *args = testDomainWord(VIR_DOMAIN_METADATA_ELEMENT);

    testOptional(args, "<policy memballoon='warn'/>");
    testOptional(args, NULL);
    testOptional(args, "urn:virt-balloon:policy:1");
    return testWord(args, 0);
}

static GByteArray *
testArgsCreate(void)
{
    return testDomainWord(VIR_DOMAIN_START_PAUSED);
}

static const testProcedure testProcedures[] = {
    { "SET_MEMORY", REMOTE_PROGRAM, 31, true, testArgsSetMemory },
    { "SET_MEMORY_FLAGS", REMOTE_PROGRAM, 204, true, testArgsSetMemoryFlags },
    { "ATTACH_DEVICE", REMOTE_PROGRAM, 8, true, testArgsDevice },
    { "ATTACH_DEVICE_FLAGS", REMOTE_PROGRAM, 160, true, testArgsDeviceFlags },
    { "MONITOR_COMMAND", QEMU_PROGRAM, 1, true, testArgsCommand },
    { "MONITOR_COMMAND_WITH_FILES", QEMU_PROGRAM, 7, true, testArgsCommand },
    { "CREATE", REMOTE_PROGRAM, 9, false, testDomain },
    { "CREATE_WITH_FLAGS", REMOTE_PROGRAM, 196, false, testArgsCreate },
    { "CREATE_WITH_FILES", REMOTE_PROGRAM, 310, false, testArgsCreate },
    { "DETACH_DEVICE", REMOTE_PROGRAM, 13, false, testArgsDevice },
    { "DETACH_DEVICE_FLAGS", REMOTE_PROGRAM, 161, false, testArgsDeviceFlags },
    { "DETACH_DEVICE_ALIAS", REMOTE_PROGRAM, 392, false, testArgsAlias },
    { "UPDATE_DEVICE_FLAGS", REMOTE_PROGRAM, 174, false, testArgsDeviceFlags },
    { "SET_METADATA", REMOTE_PROGRAM, 264, false, testArgsMetadata },
};

static void
testStartProcedure(testRun *run, const testProcedure *procedure)
{
    testStart(run, procedure->program, procedure->number, procedure->args());
    g_assert_nonnull(run->call);
}

static void
testTable(void)
{
    size_t found = 0;
    gint32 number;

    for (number = -1; number <= 1000; number++) {
        found += qemuDriverFindProcedure(REMOTE_PROGRAM, 1, number) != NULL;
        found += qemuDriverFindProcedure(QEMU_PROGRAM, 1, number) != NULL;
        g_assert_null(qemuDriverFindProcedure(REMOTE_PROGRAM, 0, number));
        g_assert_null(qemuDriverFindProcedure(REMOTE_PROGRAM, 2, number));
        g_assert_null(qemuDriverFindProcedure(0x6b656570, 1, number)); /* keepalive */
        g_assert_null(qemuDriverFindProcedure(0x00068000, 1, number)); /* lxc */
    }
    g_assert_cmpuint(found, ==, G_N_ELEMENTS(testProcedures));
    g_assert_null(qemuDriverFindProcedure(QEMU_PROGRAM, 1, 31));
    g_assert_null(qemuDriverFindProcedure(REMOTE_PROGRAM, 1, 1));
}

static void
testProcedureIsFound(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const qemuDriverProcedure *found = testFind(procedure->program, procedure->number);

    g_assert_nonnull(found);
    if (!found)
        return;
    g_assert_cmpuint(found->program, ==, procedure->program);
    g_assert_cmpint(found->procedure, ==, procedure->number);
    g_assert_true((found->judge != NULL) == procedure->judged);
}

/* What is asked for, byte by byte, are the arguments: not less, and nothing of what follows. */
static void
testProcedureLayout(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const char *layout = testFind(procedure->program, procedure->number)->layout;
    g_autoptr(GByteArray) args = procedure->args();
    size_t have = 0;
    size_t want;

    while ((want = remoteArgsWant(layout, args->data, have)) > have) {
        g_assert_cmpuint(want, <=, args->len);
        if (want > args->len)
            return;
        have = want;
    }
    g_assert_cmpuint(have, ==, args->len);
}

static void
testProcedureDecodes(gconstpointer opaque)
{
    static const guint8 uuid[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    testRun run = { 0 };

    testStartProcedure(&run, opaque);
    g_assert_cmpstr(qemuDriverCallGetName(run.call), ==, "guest");
    g_assert_cmpmem(qemuDriverCallGetUUID(run.call), 16, uuid, 16);
    g_assert_false(qemuDriverCallIsSettled(run.call));
    g_assert_null(qemuDriverCallGetVerdict(run.call));
    g_assert_null(qemuDriverCallGetError(run.call));
    testEnd(&run);
}

/* What libvirtd cannot decode either; of what is not judged, the domain is all that is read. */
static void
testProcedureTooShort(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const qemuDriverProcedure *found = testFind(procedure->program, procedure->number);
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_BLOCK, QEMU_DOMAIN_QMP_AUTO };
    qemuDriverConn conn = { 0 };
    g_autoptr(GByteArray) args = procedure->args();
    g_autoptr(GByteArray) domain = testDomain();
    size_t needed = procedure->judged ? args->len : domain->len;
    size_t length;

    for (length = 0; length < args->len; length++) {
        /* A copy, so that reading behind the end is noticed. */
        g_autofree guint8 *bytes = g_memdup2(args->data, length);
        qemuDriverCall *call = qemuDriverCallNew(found, &conn, &settings, bytes, length);

        g_assert_true((call != NULL) == (length >= needed));
        qemuDriverCallFree(call);
    }
}

static void
testProcedureTrailing(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };
    GByteArray *args = procedure->args();

    testStart(&run, procedure->program, procedure->number,
              testString(args, "what follows means nothing"));
    g_assert_nonnull(run.call);
    testEnd(&run);
}

static void
testProcedureHostile(gconstpointer opaque)
{
    static const guint32 lengths[] = { 4194305, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
    const testProcedure *procedure = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        testRun run = { 0 };
        GByteArray *args = procedure->args();
        guint32 big = GUINT32_TO_BE(lengths[i]);

        memcpy(args->data, &big, sizeof(big));
        testStart(&run, procedure->program, procedure->number, args);
        g_assert_null(run.call);
        testEnd(&run);
    }
}

/* Order */

static void
testProcedureOrder(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStartProcedure(&run, procedure);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 3, g_byte_array_new());
    testAnswerOk(&run, 0, testAnswerString("QEMU"));
    g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_QEMU);
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    if (procedure->judged) {
        testAssertDecides(&run, QEMU_DRIVER_ASK);
        testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 14, testDomainWord(0));
    } else {
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        g_assert_null(qemuDriverCallGetVerdict(run.call));
    }
    testEnd(&run);

    /* The type is learned once. */
    testStartProcedure(&run, procedure);
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testEnd(&run);
}

static void
testProcedureOther(gconstpointer opaque)
{
    static const char *const types[] = { "Test", "LXC", "", "qemu", "QEMU ", "QEM", "QEMUQEMU" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        testRun run = { 0 };

        testStartProcedure(&run, opaque);
        testAssertDecides(&run, QEMU_DRIVER_ASK);
        testAnswerOk(&run, 0, testAnswerString(types[i]));
        g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_OTHER);
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testEnd(&run);

        testStartProcedure(&run, opaque);
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testEnd(&run);
    }
}

static void
testProcedureExpires(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    int state;

    /* Before the first decision, while the type is asked, in the queue, with questions out. */
    for (state = 0; state < 4; state++) {
        testRun run = { 0 };

        testStartProcedure(&run, procedure);
        if (state > 0)
            testAssertDecides(&run, QEMU_DRIVER_ASK);
        if (state > 1) {
            testAnswerOk(&run, 0, testAnswerString("QEMU"));
            testAssertDecides(&run, QEMU_DRIVER_QUEUE);
        }
        if (state > 2)
            testAssertDecides(&run, procedure->judged ? QEMU_DRIVER_ASK : QEMU_DRIVER_PASS);

        qemuDriverCallExpire(run.call, "too late");
        g_assert_true(qemuDriverCallIsSettled(run.call));
        /* An answer that comes all the same. */
        if (state == 1 || state == 3)
            testAnswerOk(&run, 0, testAnswerString("QEMU"));
        /* No domain is kept from its device that is not known to have asked for it. */
        if (procedure->judged && !g_str_has_prefix(procedure->name, "ATTACH"))
            testAssertRefuses(&run, testRefusal(VIR_ERR_OPERATION_TIMEOUT,
                                                "Timed out during operation", EXPIRED));
        else
            testAssertDecides(&run, QEMU_DRIVER_PASS);
        testEnd(&run);
    }
}

/* Verdicts */

static void
testRefusesSetMemory(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", PCI)));
    g_assert_false(qemuDriverCallIsSettled(run.call));
    testAssertRefuses(&run, testRefusal(
        VIR_ERR_OPERATION_INVALID, "Requested operation is not valid",
        "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by assigned "
        "PCI device 'hostdev0' (0000:07:00.0): the guest would lose 524288 KiB and the host would "
        "gain nothing; detach the device, or lower <memory> of the domain and start it again"));
    g_assert_nonnull(qemuDriverCallGetVerdict(run.call));
    g_assert_nonnull(qemuDriverCallGetVerdict(run.call)->logText);
    testEnd(&run);
}

static void
testRefusesMonitorCommand(gconstpointer opaque)
{
    const bool hmp = GPOINTER_TO_INT(opaque) & 1;
    const bool withFiles = GPOINTER_TO_INT(opaque) & 2;
    const char *text = hmp ? "\nballoon 0x200" :
        "{\"execute\":\"b\\u0061lloon\",\"arguments\":{\"value\":536870912}}";
    testRun run = { 0 };

    testStart(&run, QEMU_PROGRAM, withFiles ? 7 : 1, testWord(testDomainString(text), hmp));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", PCI)));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    g_assert_nonnull(strstr(qemuDriverCallGetVerdict(run.call)->errorText, "to 524288 KiB"));
    testEnd(&run);
}

static void
testMonitorCommandPasses(gconstpointer opaque)
{
    testRun run = { 0 };

    testStart(&run, QEMU_PROGRAM, 1, testWord(testDomainString(opaque), 0));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_UNKNOWN);
    testEnd(&run);

    testStart(&run, QEMU_PROGRAM, 7, testWord(testDomainString(opaque), 0));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

static void
testMonitorCommandUnreadable(void)
{
    testRun run = { 0 };

    testStart(&run, QEMU_PROGRAM, 1, testWord(testDomainString("balloon 512"), 0));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", PCI)));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    testEnd(&run);
}

static void
testRefusesAttach(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStartProcedure(&run, procedure);
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(INFLATED(POLICY("block"), "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 426, testDomainWord(0));
    testAnswerOk(&run, 0, testWord(g_byte_array_new(), 0));
    testAssertRefuses(&run, testRefusal(
        VIR_ERR_OPERATION_INVALID, "Requested operation is not valid",
        "cannot attach assigned PCI device (0000:08:00.0) to domain 'guest' while its balloon is "
        "inflated: all of the guest's memory would be pinned, and the host would lose the 524288 "
        "KiB that it gained; deflate the balloon first, with 'virsh setmem guest 1048576KiB "
        "--live'"));
    testEnd(&run);
}

static void
testAttachUnreadable(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    static const char *const broken[] = { "", "<hostdev", "<hostdev></host>", "device", "\xff" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(broken); i++) {
        testRun run = { 0 };

        testStart(&run, procedure->program, procedure->number,
                  testWord(testDomainString(broken[i]), 1));
        g_assert_null(run.call);
        testEnd(&run);
    }
}

static void
testAttachDoctype(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStart(&run, procedure->program, procedure->number,
              testWord(testDomainString("<!DOCTYPE a [<!ENTITY t 'pci'>]>"
                                        "<hostdev mode='subsystem' type='&t;'/>"), 1));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(INFLATED(POLICY("block"), "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testWord(g_byte_array_new(), 0));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    testEnd(&run);
}

static void
testAttachHarmless(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStart(&run, procedure->program, procedure->number,
              testWord(testDomainString("<disk type='file'><source file='/a'/></disk>"), 1));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

/* What libvirt refuses itself is let pass without a single question. */
static void
testPassesAtOnce(void)
{
    const struct {
        guint64 memory;
        guint32 flags;
    } calls[] = {
        { 0, VIR_DOMAIN_MEM_LIVE }, { HALF, VIR_DOMAIN_MEM_MAXIMUM },
        { HALF, VIR_DOMAIN_MEM_MAXIMUM | VIR_DOMAIN_MEM_LIVE }, { HALF, 8 }, { HALF, 0x80000000 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(calls); i++) {
        testRun run = { 0 };

        testStart(&run, REMOTE_PROGRAM, 204, testWord(testMemory(calls[i].memory), calls[i].flags));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        g_assert_cmpuint(qemuDriverCallGetQuestions(run.call)->len, ==, 0);
        testEnd(&run);
    }
}

static void
testSizeAbove32Bits(void)
{
    testRun run = { 0 };

    /* Read as 32 bits this would be a shrink. */
    testStart(&run, REMOTE_PROGRAM, 31, testMemory((1ULL << 32) + 1));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", PCI)));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

/* Every question that there is, and the rounds they are asked in. */
static void
testQuestions(void)
{
    testRun run = { 0 };
    GByteArray *messages;

    testStart(&run, REMOTE_PROGRAM, 204,
              testWord(testMemory(HALF), VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));

    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 2, REMOTE_PROGRAM, 14, testDomainWord(VIR_DOMAIN_XML_INACTIVE));
    testAssertQuestion(&run, 1, 2, REMOTE_PROGRAM, 151, testDomain());
    /* In whichever order the answers come. */
    testAnswerOk(&run, 1, testWord(g_byte_array_new(), 1));
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));

    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 426, testDomainWord(0));
    messages = testWord(g_byte_array_new(), 2);
    testString(messages, "tainted: high privileges");
    testAnswerOk(&run, 0, testString(messages,
                                     "tainted: custom monitor control commands issued"));

    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 2, QEMU_PROGRAM, 1,
                       testWord(testDomainString(LIST_PERIPHERAL), 0));
    testAssertQuestion(&run, 1, 2, QEMU_PROGRAM, 1,
                       testWord(testDomainString(LIST_ANONYMOUS), 0));
    testAnswerOk(&run, 0, testAnswerString("{\"return\":[{\"name\":\"a\",\"type\":"
                                           "\"child<vfio-user-pci>\"}]}"));
    testAnswerOk(&run, 1, testAnswerString("{\"return\":[]}"));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    testEnd(&run);
}

static void
testInactivePasses(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", PCI)));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

static void
testIgnorePasses(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING(POLICY("ignore"), PCI)));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_null(qemuDriverCallGetVerdict(run.call)->logText);
    testEnd(&run);
}

/* Names that a client made up */

static void
testLongName(void)
{
    g_autofree char *name = g_strnfill(100000, 'x');
    testRun run = { 0 };
    GByteArray *args = testDomainNamed(name);

    testStart(&run, REMOTE_PROGRAM, 31, testWord(testWord(args, 0), (guint32)HALF));
    g_assert_nonnull(run.call);
    name[255] = '\0';
    g_assert_cmpstr(qemuDriverCallGetName(run.call), ==, name);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString("QEMU"));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 14, testWord(testDomainNamed(name), 0));
    testEnd(&run);
}

static void
testHostileName(void)
{
    static const char *const names[] = { "", "\033[2J\n", "\xff\xfe", "a'b\"c" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        testRun run = { 0 };
        const qemuDomainVerdict *verdict;

        testStart(&run, REMOTE_PROGRAM, 31,
                  testWord(testWord(testDomainNamed(names[i]), 0), (guint32)HALF));
        testAssertDecides(&run, QEMU_DRIVER_ASK);
        qemuDriverCallExpire(run.call, "too late");
        testAssertDecides(&run, QEMU_DRIVER_REFUSE);
        verdict = qemuDriverCallGetVerdict(run.call);
        g_assert_true(g_utf8_validate(verdict->errorText, -1, NULL));
        g_assert_null(strpbrk(verdict->errorText, "\033\n"));
        testEnd(&run);
    }
}

/* What a failed question means */

typedef struct {
    const char *sentence;
    gint32 code;
    gint32 domain;
    bool passes; /* otherwise the error answers the call, word for word */
} testFailure;

static const testFailure testFailures[] = {
    { "no such domain lets the call pass", VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, true },
    { "no such domain of any other source does as well", VIR_ERR_NO_DOMAIN, VIR_FROM_DOMAIN, true },
    { "a domain that is not running lets the call pass", VIR_ERR_OPERATION_INVALID,
      VIR_FROM_DOMAIN, true },
    { "what else is not valid answers the call", VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, false },
    { "denied access answers the call", VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, false },
    { "a job that timed out answers the call", VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, false },
    { "a monitor that failed answers the call", VIR_ERR_OPERATION_FAILED, VIR_FROM_QEMU, false },
    { "an internal error answers the call", VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, false },
    { "a number that nobody knows answers the call", 9999, 9999, false },
    { "a negative number answers the call", -1, -1, false },
    { "no error at all answers the call", VIR_ERR_OK, VIR_FROM_NONE, false },
};

static GByteArray *
testMakeFailure(const testFailure *failure)
{
    return testError(failure->code, failure->domain, "what libvirt says", "%s",
                     "what libvirt says");
}

static void
testAssertFailure(testRun *run, const testFailure *failure)
{
    g_assert_true(qemuDriverCallIsSettled(run->call));
    if (failure->passes)
        testAssertDecides(run, QEMU_DRIVER_PASS);
    else
        testAssertRefuses(run, testMakeFailure(failure));
}

static void
testFailureOfXML(gconstpointer opaque)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswer(&run, 0, VB_FRAME_ERROR, testMakeFailure(opaque));
    testAssertFailure(&run, opaque);
    testEnd(&run);
}

static void
testFailureOfType(gconstpointer opaque)
{
    testRun run = { 0 };

    testStartSetMemory(&run);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswer(&run, 0, VB_FRAME_ERROR, testMakeFailure(opaque));
    testAssertFailure(&run, opaque);
    g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_UNKNOWN);
    testEnd(&run);
}

static void
testFailureOfMonitor(gconstpointer opaque)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING(COMMAND_LINE, "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswer(&run, 1, VB_FRAME_ERROR, testMakeFailure(opaque));
    testAssertFailure(&run, opaque);
    /* The other one's answer comes all the same. */
    testAnswerOk(&run, 0, testAnswerString("{\"return\":[]}"));
    testAssertFailure(&run, opaque);
    testEnd(&run);
}

/* A settled call has one outcome, whatever comes later. */
static void
testSettledStays(void)
{
    const testFailure first = { NULL, VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, false };
    testRun run = { 0 };

    testStart(&run, REMOTE_PROGRAM, 204,
              testWord(testMemory(HALF), VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", PCI)));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswer(&run, 0, VB_FRAME_ERROR, testMakeFailure(&first));
    testAnswer(&run, 1, VB_FRAME_ERROR, testError(VIR_ERR_NO_DOMAIN, 10, "b", "%s", "b"));
    testAssertFailure(&run, &first);
    qemuDriverCallExpire(run.call, "too late");
    qemuDriverCallAnswer(run.call, 1, VB_FRAME_OK, NULL, 0);
    testAssertFailure(&run, &first);
    testAssertFailure(&run, &first);
    testEnd(&run);
}

static void
testExpiresOnce(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    qemuDriverCallExpire(run.call, "too late");
    qemuDriverCallExpire(run.call, "later still");
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAssertRefuses(&run, testRefusal(VIR_ERR_OPERATION_TIMEOUT, "Timed out during operation",
                                        EXPIRED));
    testEnd(&run);
}

static void
testExpiresUnderWarn(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING(POLICY("warn"), "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallExpire(run.call, "too late");
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_nonnull(qemuDriverCallGetVerdict(run.call)->logText);
    testEnd(&run);
}

/* libvirt alone decided, and so there is nothing to be said about it. */
static void
testNoVerdictOfOurs(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswer(&run, 0, VB_FRAME_ERROR, testError(VIR_ERR_NO_DOMAIN, 10, "a", "%s", "a"));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_null(qemuDriverCallGetVerdict(run.call));
    testEnd(&run);
}

/* libvirt before 7.1 has no messages, and that is no reason to ask QEMU. */
static void
testNoMessages(void)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 426, testDomainWord(0));
    testAnswer(&run, 0, VB_FRAME_ERROR,
               testError(VIR_ERR_RPC, VIR_FROM_RPC, "unknown procedure: 426", "%s", "x"));
    g_assert_false(qemuDriverCallIsSettled(run.call));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

static void
testRpcErrorOfXML(void)
{
    const testFailure failure = { NULL, VIR_ERR_RPC, VIR_FROM_RPC, false };

    testFailureOfXML(&failure);
}

/* Answers that cannot be read */

static void
testUnreadableXML(gconstpointer opaque)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(opaque));
    testAssertRefusesUnreadable(&run);
    testEnd(&run);
}

static void
testUnreadableBytes(void)
{
    static const guint8 bytes[][8] = {
        { 0, 0, 0, 9, '<', 'a', '/', '>' }, { 0, 0, 0, 5, '<', 'a', '/', '>' },
        { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0 },
        { 0x80, 0, 0, 0, 0, 0, 0, 0 }, { 0, 0x40, 0, 1, 0, 0, 0, 0 },
    };
    size_t i;
    size_t length;

    for (i = 0; i < G_N_ELEMENTS(bytes); i++) {
        testRun run = { 0 };

        testStartSetMemoryAsked(&run);
        qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, bytes[i], sizeof(bytes[i]));
        testAssertRefusesUnreadable(&run);
        testEnd(&run);
    }
    /* Not even a length. */
    for (length = 0; length < 4; length++) {
        g_autofree guint8 *few = g_malloc0(length + 1);
        testRun run = { 0 };

        testStartSetMemoryAsked(&run);
        qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, few, length);
        testAssertRefusesUnreadable(&run);
        testEnd(&run);
    }
}

static void
testUnreadableType(void)
{
    static const guint8 bytes[] = { 0, 0, 0, 9, 'Q', 'E', 'M', 'U' };
    testRun run = { 0 };

    testStartSetMemory(&run);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, bytes, sizeof(bytes));
    g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_UNKNOWN);
    testAssertRefusesUnreadable(&run);
    testEnd(&run);
}

/* A call that is not judged is not refused either. */
static void
testUnreadableTypeOfUnjudged(void)
{
    testRun run = { 0 };

    testStart(&run, REMOTE_PROGRAM, 13, testArgsDevice());
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, NULL, 0);
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

static void
testNoPayload(gconstpointer opaque)
{
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    qemuDriverCallAnswer(run.call, 0, (guint32)GPOINTER_TO_INT(opaque), NULL, 0);
    testAssertRefusesUnreadable(&run);
    testEnd(&run);
}

static void
testUnknownStatus(void)
{
    static const guint32 statuses[] = { VB_FRAME_CONTINUE, 3, 0xffffffff };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(statuses); i++) {
        testRun run = { 0 };

        testStartSetMemoryAsked(&run);
        testAnswer(&run, 0, statuses[i], testAnswerString(RUNNING("", "")));
        testAssertRefusesUnreadable(&run);
        testEnd(&run);
    }
}

static void
testUnreadableError(void)
{
    static const size_t lengths[] = { 0, 1, 4, 7 };
    guint8 bytes[8] = { 0, 0, 0, VIR_ERR_NO_DOMAIN, 0, 0, 0, VIR_FROM_QEMU };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree guint8 *few = g_malloc0(lengths[i] + 1);
        testRun run = { 0 };

        memcpy(few, bytes, lengths[i]);
        testStartSetMemoryAsked(&run);
        qemuDriverCallAnswer(run.call, 0, VB_FRAME_ERROR, few, lengths[i]);
        testAssertRefusesUnreadable(&run);
        testEnd(&run);
    }
}

static void
testHugeError(void)
{
    g_autofree char *text = g_strnfill(65536, 'x');
    testRun run = { 0 };

    testStartSetMemoryAsked(&run);
    testAnswer(&run, 0, VB_FRAME_ERROR, testError(VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, text,
                                                  "%s", NULL));
    testAssertRefusesUnreadable(&run);
    testEnd(&run);
}

static void
testUnreadableOthers(void)
{
    static const guint8 three[] = { 0, 0, 0 };
    static const guint8 manyMessages[] = { 0, 0, 8, 1 };
    static const guint8 cutMessages[] = { 0, 0, 0, 2, 0, 0, 0, 0 };
    testRun run = { 0 };

    /* IS_PERSISTENT */
    testStart(&run, REMOTE_PROGRAM, 204,
              testWord(testMemory(HALF), VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG));
    testAskXML(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", PCI)));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 1, VB_FRAME_OK, three, sizeof(three));
    testAssertRefusesUnreadable(&run);
    testEnd(&run);

    /* GET_MESSAGES */
    run.conn.type = QEMU_DRIVER_TYPE_UNKNOWN;
    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, manyMessages, sizeof(manyMessages));
    testAssertRefusesUnreadable(&run);
    testEnd(&run);

    run.conn.type = QEMU_DRIVER_TYPE_UNKNOWN;
    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, cutMessages, sizeof(cutMessages));
    testAssertRefusesUnreadable(&run);
    testEnd(&run);

    /* MONITOR_COMMAND: that libvirt's answer holds none of QEMU's is told when it is judged. */
    run.conn.type = QEMU_DRIVER_TYPE_UNKNOWN;
    testStartSetMemoryAsked(&run);
    testAnswerOk(&run, 0, testAnswerString(RUNNING(COMMAND_LINE, "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString("nonsense"));
    testAnswerOk(&run, 1, testAnswerString("{\"return\":[]}"));
    testAssertRefuses(&run, testRefusal(
        VIR_ERR_INTERNAL_ERROR, "internal error",
        "cannot check whether ballooning of domain 'guest' is inhibited: the monitor's answer is "
        "no QMP reply; nothing was changed"));
    testEnd(&run);
}

/* Two calls of one connection ask for its type at the same time. */
static void
testTypeAskedTwice(void)
{
    testRun first = { 0 };
    qemuDriverCall *second;

    testStartSetMemory(&first);
    testAssertDecides(&first, QEMU_DRIVER_ASK);
    second = first.call;
    testStartSetMemory(&first);
    testAssertDecides(&first, QEMU_DRIVER_ASK);
    testAnswerOk(&first, 0, testAnswerString("QEMU"));
    testAssertDecides(&first, QEMU_DRIVER_QUEUE);

    qemuDriverCallAnswer(second, 0, VB_FRAME_OK, (const guint8 *)"\0\0\0\4QEMU", 8);
    g_assert_cmpint(qemuDriverCallDecide(second), ==, QEMU_DRIVER_QUEUE);
    g_assert_cmpint(first.conn.type, ==, QEMU_DRIVER_TYPE_QEMU);
    qemuDriverCallFree(second);
    testEnd(&first);
}

static void
testFreeNothing(void)
{
    qemuDriverCallFree(NULL);
}

static void
testAddProcedure(const testProcedure *procedure)
{
    static const struct {
        const char *sentence;
        GTestDataFunc func;
    } tests[] = {
        { "is in the table", testProcedureIsFound },
        { "asks for its arguments and no more", testProcedureLayout },
        { "names its domain", testProcedureDecodes },
        { "is libvirt's to refuse where it is cut off", testProcedureTooShort },
        { "does not mind what follows", testProcedureTrailing },
        { "is libvirt's to refuse where a string is too long", testProcedureHostile },
        { "learns the type, takes its turn, and goes on", testProcedureOrder },
        { "passes on a connection to another driver", testProcedureOther },
        { "ends when its time is over", testProcedureExpires },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/qemudriver/%s %s", procedure->name,
                                                tests[i].sentence);

        g_test_add_data_func(path, procedure, tests[i].func);
    }
}

static void
testAddAttach(const testProcedure *procedure)
{
    static const struct {
        const char *sentence;
        GTestDataFunc func;
    } tests[] = {
        { "is kept from pinning what the balloon holds", testRefusesAttach },
        { "of what is no XML is libvirt's to refuse", testAttachUnreadable },
        { "of a document type is judged", testAttachDoctype },
        { "of a harmless device passes without a question", testAttachHarmless },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/qemudriver/%s %s", procedure->name,
                                                tests[i].sentence);

        g_test_add_data_func(path, procedure, tests[i].func);
    }
}

static void
testAddFailure(const testFailure *failure)
{
    g_autofree char *xml = g_strdup_printf("/qemudriver/XML: %s", failure->sentence);
    g_autofree char *type = g_strdup_printf("/qemudriver/type: %s", failure->sentence);
    g_autofree char *monitor = g_strdup_printf("/qemudriver/monitor: %s", failure->sentence);

    g_test_add_data_func(xml, failure, testFailureOfXML);
    g_test_add_data_func(type, failure, testFailureOfType);
    g_test_add_data_func(monitor, failure, testFailureOfMonitor);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One wrong outcome must not hide the others. */
    g_test_set_nonfatal_assertions();

    g_test_add_func("/qemudriver/nothing else is in the table", testTable);
    for (i = 0; i < G_N_ELEMENTS(testProcedures); i++)
        testAddProcedure(&testProcedures[i]);
    testAddAttach(&testProcedures[2]);
    testAddAttach(&testProcedures[3]);

    g_test_add_func("/qemudriver/a shrink is refused", testRefusesSetMemory);
    g_test_add_data_func("/qemudriver/a QMP command is refused", GINT_TO_POINTER(0),
                         testRefusesMonitorCommand);
    g_test_add_data_func("/qemudriver/an HMP command is refused", GINT_TO_POINTER(1),
                         testRefusesMonitorCommand);
    g_test_add_data_func("/qemudriver/a QMP command with files is refused", GINT_TO_POINTER(2),
                         testRefusesMonitorCommand);
    g_test_add_data_func("/qemudriver/an HMP command with files is refused", GINT_TO_POINTER(3),
                         testRefusesMonitorCommand);
    g_test_add_data_func("/qemudriver/a harmless QMP command passes without a question",
                         "{\"execute\":\"query-status\"}", testMonitorCommandPasses);
    g_test_add_func("/qemudriver/HMP without the flag for HMP is unreadable",
                    testMonitorCommandUnreadable);
    g_test_add_func("/qemudriver/what libvirt refuses anyway passes without a question",
                    testPassesAtOnce);
    g_test_add_func("/qemudriver/a size has 64 bits", testSizeAbove32Bits);
    g_test_add_func("/qemudriver/questions are asked in rounds", testQuestions);
    g_test_add_func("/qemudriver/an inactive domain passes", testInactivePasses);
    g_test_add_func("/qemudriver/policy ignore passes", testIgnorePasses);
    g_test_add_func("/qemudriver/a long name is cut", testLongName);
    g_test_add_func("/qemudriver/a hostile name reaches no message", testHostileName);

    for (i = 0; i < G_N_ELEMENTS(testFailures); i++)
        testAddFailure(&testFailures[i]);
    g_test_add_func("/qemudriver/a settled call stays settled", testSettledStays);
    g_test_add_func("/qemudriver/a call expires once", testExpiresOnce);
    g_test_add_func("/qemudriver/a call expires under policy warn and passes",
                    testExpiresUnderWarn);
    g_test_add_func("/qemudriver/what libvirt alone decided has no verdict", testNoVerdictOfOurs);
    g_test_add_func("/qemudriver/a libvirt without messages has none", testNoMessages);
    g_test_add_func("/qemudriver/a libvirt without dumps is an error", testRpcErrorOfXML);

    g_test_add_data_func("/qemudriver/a dump that is no XML is refused", "nonsense",
                         testUnreadableXML);
    g_test_add_data_func("/qemudriver/an empty dump is refused", "", testUnreadableXML);
    g_test_add_data_func("/qemudriver/a dump of something else is refused", "<network/>",
                         testUnreadableXML);
    g_test_add_data_func("/qemudriver/a dump with a document type is refused",
                         "<!DOCTYPE domain []>" RUNNING("", ""), testUnreadableXML);
    g_test_add_data_func("/qemudriver/a dump with a size that is none is refused",
                         GUEST(" id='7'", "much", "", ""), testUnreadableXML);
    g_test_add_func("/qemudriver/a dump that is cut off is refused", testUnreadableBytes);
    g_test_add_func("/qemudriver/a type that is cut off is refused", testUnreadableType);
    g_test_add_func("/qemudriver/a type that is cut off does not refuse what is not judged",
                    testUnreadableTypeOfUnjudged);
    g_test_add_data_func("/qemudriver/an answer too large to be kept is refused",
                         GINT_TO_POINTER(VB_FRAME_OK), testNoPayload);
    g_test_add_data_func("/qemudriver/an error too large to be kept is refused",
                         GINT_TO_POINTER(VB_FRAME_ERROR), testNoPayload);
    g_test_add_func("/qemudriver/a status that nobody knows is refused", testUnknownStatus);
    g_test_add_func("/qemudriver/an error that is cut off is refused", testUnreadableError);
    g_test_add_func("/qemudriver/an error of more than 64 KiB is refused", testHugeError);
    g_test_add_func("/qemudriver/other answers that cannot be read are refused",
                    testUnreadableOthers);
    g_test_add_func("/qemudriver/two calls may learn the type at the same time",
                    testTypeAskedTwice);
    g_test_add_func("/qemudriver/nothing can be freed", testFreeNothing);

    return g_test_run();
}
