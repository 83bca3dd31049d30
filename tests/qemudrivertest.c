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


/* With nothing in it but what is asked about. */
#define DEFINITION_BEGIN(name) "<domain type='kvm'><name>" name DEFINITION_MIDDLE
#define DEFINITION_MIDDLE "</name><memory unit='KiB'>1048576</memory><devices>"
#define DEFINITION_END(devices, more) devices "</devices>" more "</domain>"
#define DEFINITION(name, devices, more) DEFINITION_BEGIN(name) DEFINITION_END(devices, more)
#define BALLOON "<memballoon model='virtio'/>"
#define WRITTEN_BALLOON(policy) "<memballoon model='virtio' policy='" policy "'/>"
#define STORED_POLICY(policy) \
    "<metadata><balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='" policy \
    "'/></metadata>"

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
testRefusalFrom(gint32 code, gint32 domain, const char *prefix, const char *detail)
{
    g_autofree char *message = g_strconcat(prefix, ": ", detail, NULL);
    g_autofree char *format = g_strconcat(prefix, ": %s", NULL);

    return testError(code, domain, message, format, detail);
}

static GByteArray *
testRefusal(gint32 code, const char *prefix, const char *detail)
{
    return testRefusalFrom(code, VIR_FROM_QEMU, prefix, detail);
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
    GByteArray *args;
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
    run->args = args;
    run->call = qemuDriverCallNew(found, &run->conn, &run->settings, args->data, args->len);
}

static void
testEnd(testRun *run)
{
    qemuDriverCallFree(run->call);
    run->call = NULL;
    g_clear_pointer(&run->args, g_byte_array_unref);
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
    if (!qemuDriverCallGetError(run->call)) {
        g_byte_array_unref(error);
        return;
    }
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

/* What must be here of the arguments before a call is one. */
typedef enum {
    TEST_NEEDS_ALL,
    TEST_NEEDS_DOMAIN,
    TEST_NEEDS_SNAPSHOT, /* a name and the domain */
    TEST_NEEDS_WORDS, /* two of them */
    TEST_NEEDS_NOTHING,
} testNeeds;

#define TURN QEMU_DRIVER_TURN
#define LENIENT QEMU_DRIVER_LENIENT
#define TURN_PASSES (QEMU_DRIVER_TURN | QEMU_DRIVER_PASSES)
#define SHOW (QEMU_DRIVER_SHOW | QEMU_DRIVER_READONLY | QEMU_DRIVER_LENIENT | QEMU_DRIVER_PASSES)

typedef struct {
    const char *name;
    guint32 program;
    gint32 number;
    const char *layout; /* in the letters of remoteArgsWant(), by libvirt's .x files */
    unsigned int flags; /* qemuDriverFlags */
    bool judged;
    gint32 asks; /* for this, first of all, once it is the call's turn; 0: nothing */
    bool named;  /* the domain is known from the arguments, and calls queue by it */
    testNeeds needs;
    const char *text;  /* of every plain string */
    const char *xml;   /* of every document */
    guint32 word;      /* of every word */
    const char *param; /* name of the typed parameter that is a document */
} testProcedure;

#define REMOTE(number) REMOTE_PROGRAM, number
#define QEMU(number) QEMU_PROGRAM, number
#define ALL TEST_NEEDS_ALL
#define DOMAIN TEST_NEEDS_DOMAIN
#define NOTHING TEST_NEEDS_NOTHING

#define DEVICE .xml = NEW_PCI, .word = VIR_DOMAIN_DEVICE_MODIFY_LIVE
#define WHOLE .xml = GUEST("", "1048576", "", "")
#define DESTINATION WHOLE, .param = "destination_xml"
#define SAVED WHOLE, .param = "dxml"

static const testProcedure testProcedures[] = {
    { "SET_MEMORY", REMOTE(31), "dl", 0, true, 14, true, ALL, .word = 0 },
    { "SET_MEMORY_FLAGS", REMOTE(204), "dlu", 0, true, 14, true, ALL,
      .word = VIR_DOMAIN_MEM_LIVE },
    { "ATTACH_DEVICE", REMOTE(8), "dS", 0, true, 14, true, ALL, DEVICE },
    { "ATTACH_DEVICE_FLAGS", REMOTE(160), "dSu", 0, true, 14, true, ALL, DEVICE },
    { "MONITOR_COMMAND", QEMU(1), "dsu", 0, true, 14, true, ALL, .text = "balloon 256",
      .word = VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP },
    { "MONITOR_COMMAND_WITH_FILES", QEMU(7), "dsu", 0, true, 14, true, ALL, .text = "balloon 256",
      .word = VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP },

    { "UPDATE_DEVICE_FLAGS", REMOTE(174), "dSu", TURN_PASSES, true, 0, true, ALL, DEVICE },
    { "DETACH_DEVICE", REMOTE(13), "dS", TURN_PASSES, true, 0, true, ALL, DEVICE },
    { "DETACH_DEVICE_FLAGS", REMOTE(161), "dSu", TURN_PASSES, true, 0, true, ALL, DEVICE },
    { "DETACH_DEVICE_ALIAS", REMOTE(392), "dsu", TURN_PASSES, false, 0, true, DOMAIN,
      .text = "ua-nic" },
    { "SET_METADATA", REMOTE(264), "duooou", TURN_PASSES, true, 0, true, ALL, .text = "urn:a",
      .word = VIR_DOMAIN_METADATA_ELEMENT },

    { "DEFINE_XML", REMOTE(11), "S", TURN | LENIENT, true, 0, true, ALL, WHOLE },
    { "DEFINE_XML_FLAGS", REMOTE(350), "Su", TURN | LENIENT, true, 0, true, ALL, WHOLE },
    { "CREATE_XML", REMOTE(10), "Su", TURN | LENIENT, true, 0, true, ALL, WHOLE },
    { "CREATE_XML_WITH_FILES", REMOTE(309), "Su", TURN | LENIENT, true, 0, true, ALL, WHOLE },
    { "CREATE", REMOTE(9), "d", TURN | LENIENT, true, 14, true, DOMAIN, .word = 0 },
    { "CREATE_WITH_FLAGS", REMOTE(196), "du", TURN | LENIENT, true, 14, true, DOMAIN,
      .word = VIR_DOMAIN_START_PAUSED },
    { "CREATE_WITH_FILES", REMOTE(310), "du", TURN | LENIENT, true, 14, true, DOMAIN,
      .word = VIR_DOMAIN_START_PAUSED },

    { "RESTORE_FLAGS", REMOTE(233), "sOu", LENIENT, true, 0, true, ALL, WHOLE,
      .text = "/save/guest" },
    { "RESTORE_PARAMS", REMOTE(441), "Tu", LENIENT, true, 0, true, ALL, SAVED },
    { "REVERT_TO_SNAPSHOT", REMOTE(192), "sdu", TURN | LENIENT, true, 186, true,
      TEST_NEEDS_SNAPSHOT, .text = "snap" },
    /* uri_in, flags, dname, resource */
    { "MIGRATE_PREPARE2", REMOTE(108), "ololS", LENIENT, true, 0, true, ALL, WHOLE },
    /* cookie_in, uri_in, flags, dname, resource */
    { "MIGRATE_PREPARE3", REMOTE(214), "xololS", LENIENT, true, 0, true, ALL, WHOLE },
    { "MIGRATE_PREPARE3_PARAMS", REMOTE(303), "Txu", LENIENT, true, 0, true, ALL, DESTINATION },
    /* flags, dname, resource */
    { "MIGRATE_PREPARE_TUNNEL", REMOTE(148), "lolS", LENIENT, true, 0, true, ALL, WHOLE },
    /* cookie_in, flags, dname, resource */
    { "MIGRATE_PREPARE_TUNNEL3", REMOTE(215), "xlolS", LENIENT, true, 0, true, ALL, WHOLE },
    { "MIGRATE_PREPARE_TUNNEL3_PARAMS", REMOTE(304), "Txu", LENIENT, true, 0, true, ALL,
      DESTINATION },

    /* xmlin, flags, dname, resource */
    { "MIGRATE_BEGIN3", REMOTE(213), "dOlol", 0, true, 0, false, ALL, WHOLE },
    { "MIGRATE_BEGIN3_PARAMS", REMOTE(302), "dTu", 0, true, 0, false, ALL, DESTINATION },
    /* xmlin, cookie_in, dconnuri, uri, flags, dname, resource */
    { "MIGRATE_PERFORM3", REMOTE(216), "dOxoolol", 0, true, 0, false, ALL, WHOLE },
    /* dconnuri, params, cookie_in, flags */
    { "MIGRATE_PERFORM3_PARAMS", REMOTE(305), "doTxu", 0, true, 0, false, ALL, WHOLE,
      .param = "persistent_xml" },
    { "SAVE_FLAGS", REMOTE(232), "dsOu", 0, true, 0, false, ALL, WHOLE, .text = "/save/guest" },
    { "SAVE_PARAMS", REMOTE(440), "dTu", 0, true, 0, false, ALL, SAVED },
    { "SAVE_IMAGE_DEFINE_XML", REMOTE(236), "sSu", 0, true, 0, false, ALL, WHOLE,
      .text = "/save/guest" },
    { "MANAGED_SAVE_DEFINE_XML", REMOTE(389), "dOu", 0, true, 0, false, ALL, WHOLE },
    { "SNAPSHOT_CREATE_XML", REMOTE(185), "dSu", 0, true, 0, false, ALL, WHOLE },
    { "CHECKPOINT_CREATE_XML", REMOTE(411), "dSu", 0, true, 0, false, ALL, WHOLE },
    { "XML_TO_NATIVE", REMOTE(136), "sSu", 0, true, 0, false, ALL, WHOLE, .text = "qemu-argv" },

    { "GET_XML_DESC", REMOTE(14), "du", SHOW, false, 0, false, NOTHING,
      .word = 0 },
    { "SAVE_IMAGE_GET_XML_DESC", REMOTE(235), "su", SHOW, false, 0, false, NOTHING,
      .text = "/save/guest" },
    { "MANAGED_SAVE_GET_XML_DESC", REMOTE(388), "du", SHOW, false, 0, false, NOTHING,
      .word = 0 },
    { "SNAPSHOT_GET_XML_DESC", REMOTE(186), "sdu", SHOW, false, 0, false, NOTHING,
      .text = "snap" },
    { "CHECKPOINT_GET_XML_DESC", REMOTE(412), "sdu", SHOW, false, 0, false, NOTHING,
      .text = "check" },
    { "XML_FROM_NATIVE", REMOTE(135), "ssu", SHOW, false, 0, false, NOTHING,
      .text = "qemu-argv" },
    { "GET_DOMAIN_CAPABILITIES", REMOTE(342), "oooou", SHOW, false, 0, false, NOTHING,
      .text = "kvm" },
    { "GET_ALL_DOMAIN_STATS", REMOTE(344), "Duu", SHOW, false, 0, false, TEST_NEEDS_WORDS,
      .word = 0 },
    { "GET_MESSAGES", REMOTE(426), "du", SHOW, true, 14, false, DOMAIN, .word = 0 },
};

#undef REMOTE
#undef QEMU
#undef ALL
#undef DOMAIN
#undef NOTHING
#undef DEVICE
#undef WHOLE
#undef DESTINATION
#undef SAVED

static const testProcedure *
testGetProcedure(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(testProcedures); i++) {
        if (strcmp(testProcedures[i].name, name) == 0)
            return &testProcedures[i];
    }
    g_error("there is no procedure %s", name);
}

/* Parameters of every type, with documents, or without where those are NULL, in between. */
static void
testPutParams(GByteArray *args, const char *name, const char *xml, const char *other,
              const char *otherXml)
{
    testWord(args, 6 + (xml != NULL) + (otherXml != NULL));
    testWord(testWord(testString(args, "flags"), VIR_TYPED_PARAM_INT), (guint32)-1);
    testWord(testWord(testString(args, "parallel"), VIR_TYPED_PARAM_UINT), 2);
    if (xml)
        testString(testWord(testString(args, name), VIR_TYPED_PARAM_STRING), xml);
    testWord(testWord(testWord(testString(args, "bandwidth"), VIR_TYPED_PARAM_ULLONG), 1), 2);
    testWord(testWord(testWord(testString(args, "downtime"), VIR_TYPED_PARAM_LLONG), 3), 4);
    testWord(testWord(testWord(testString(args, "ratio"), VIR_TYPED_PARAM_DOUBLE), 5), 6);
    if (otherXml)
        testString(testWord(testString(args, other), VIR_TYPED_PARAM_STRING), otherXml);
    testWord(testWord(testString(args, "tls"), VIR_TYPED_PARAM_BOOLEAN), 1);
}

/* The arguments of @procedure with @xml in them; NULL leaves out what may be absent. @string: (out)
 * (nullable): where the first length of a string or number of parameters stands */
static GByteArray *
testMakeArgs(const testProcedure *procedure, const char *xml, size_t *string)
{
    const char *text = procedure->text ? procedure->text : "text";
    GByteArray *args = g_byte_array_new();
    size_t first = G_MAXSIZE;

    for (const char *letter = procedure->layout; *letter; letter++) {
        g_autoptr(GByteArray) domain = NULL;
        size_t start = args->len;

        switch (*letter) {
        case 'D':
            testWord(args, 1);
            G_GNUC_FALLTHROUGH;
        case 'd':
            domain = testDomain();
            g_byte_array_append(args, domain->data, domain->len);
            break;
        case 's':
            testString(args, text);
            break;
        case 'o':
            testOptional(args, text);
            start += 4;
            break;
        case 'S':
            testString(args, xml);
            break;
        case 'O':
            testOptional(args, xml);
            start += 4;
            break;
        case 'x':
            testString(args, "cookie");
            break;
        case 'T':
            testPutParams(args, procedure->param, xml, NULL, NULL);
            break;
        case 'l':
            testWord(testWord(args, 0), (guint32)HALF);
            break;
        default:
            g_assert_cmpint(*letter, ==, 'u');
            testWord(args, procedure->word);
            break;
        }
        if (*letter != 'l' && *letter != 'u')
            first = MIN(first, start);
    }
    if (string)
        *string = first;
    return args;
}

/* The same of a procedure with typed parameters, with two documents of these names. */
static GByteArray *
testMakeParams(const testProcedure *procedure, const char *name, const char *xml, const char *other,
               const char *otherXml)
{
    GByteArray *args = g_byte_array_new();

    if (procedure->layout[0] == 'd') {
        g_byte_array_unref(args);
        args = testDomain();
    }
    if (procedure->layout[1] == 'o')
        testOptional(args, "qemu+ssh://there/system");
    testPutParams(args, name, xml, other, otherXml);
    if (strchr(procedure->layout, 'x'))
        testString(args, "cookie");
    return testWord(args, procedure->word);
}

static GByteArray *
testArgs(const testProcedure *procedure)
{
    return testMakeArgs(procedure, procedure->xml, NULL);
}

static bool
testIsShown(const testProcedure *procedure)
{
    return procedure->flags & QEMU_DRIVER_SHOW;
}

static bool
testTakesTurn(const testProcedure *procedure)
{
    return procedure->named && (procedure->flags & QEMU_DRIVER_TURN || procedure->asks != 0);
}

/* Whether the connection's type has to be known for a call that says nothing of ours. */
static bool
testAsksType(const testProcedure *procedure)
{
    return procedure->flags & QEMU_DRIVER_TURN || procedure->asks != 0 || testIsShown(procedure);
}

static void
testStartProcedure(testRun *run, const testProcedure *procedure)
{
    testStart(run, procedure->program, procedure->number, testArgs(procedure));
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
    g_assert_cmphex(found->flags, ==, procedure->flags);
    g_assert_true((found->judge != NULL) == procedure->judged);
}

/* Asks for the arguments byte by byte, as they are wanted. */
static void
testCheckLayout(const testProcedure *procedure, const GByteArray *args)
{
    const char *layout = testFind(procedure->program, procedure->number)->layout;
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

/* What is asked for, byte by byte, are the arguments: not less, and nothing of what follows. */
static void
testProcedureLayout(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    g_autoptr(GByteArray) args = testArgs(procedure);

    testCheckLayout(procedure, args);
    if (strpbrk(procedure->layout, "OT")) {
        g_autoptr(GByteArray) without = testMakeArgs(procedure, NULL, NULL);

        testCheckLayout(procedure, without);
    }
}

static void
testProcedureDecodes(gconstpointer opaque)
{
    static const guint8 uuid[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    const testProcedure *procedure = opaque;
    testRun run = { 0 };
    bool named;

    testStartProcedure(&run, procedure);
    /* Where it takes no turn, it is only named in messages. */
    named = procedure->named ||
        (procedure->layout[0] == 'd' && procedure->needs != TEST_NEEDS_NOTHING);
    g_assert_cmpstr(qemuDriverCallGetName(run.call), ==, named ? "guest" : "");
    if (procedure->named)
        g_assert_cmpmem(qemuDriverCallGetUUID(run.call), 16, uuid, 16);
    g_assert_false(qemuDriverCallIsSettled(run.call));
    g_assert_null(qemuDriverCallGetVerdict(run.call));
    g_assert_null(qemuDriverCallGetError(run.call));
    testEnd(&run);
}

static size_t
testGetNeeded(const testProcedure *procedure, const GByteArray *args)
{
    g_autoptr(GByteArray) domain = testDomain();

    switch (procedure->needs) {
    case TEST_NEEDS_DOMAIN:
        return domain->len;
    case TEST_NEEDS_SNAPSHOT:
        return args->len - 4;
    case TEST_NEEDS_WORDS:
        return 8;
    case TEST_NEEDS_NOTHING:
        return 0;
    case TEST_NEEDS_ALL:
    default:
        return args->len;
    }
}

/* What libvirtd cannot decode either; of what is not rewritten, no more is read than is used. */
static void
testProcedureTooShort(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const qemuDriverProcedure *found = testFind(procedure->program, procedure->number);
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_BLOCK, QEMU_DOMAIN_QMP_AUTO };
    qemuDriverConn conn = { 0 };
    g_autoptr(GByteArray) args = testArgs(procedure);
    size_t needed = testGetNeeded(procedure, args);
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
    GByteArray *args = testArgs(procedure);

    testStart(&run, procedure->program, procedure->number,
              testString(args, "what follows means nothing"));
    g_assert_nonnull(run.call);
    testEnd(&run);
}

/* Of a dump nothing is read, and so libvirt alone has a word to say about it. */
static void
testProcedureHostile(gconstpointer opaque)
{
    static const guint32 lengths[] = { 4194305, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
    const testProcedure *procedure = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        testRun run = { 0 };
        size_t place = 0;
        GByteArray *args = testMakeArgs(procedure, procedure->xml, &place);
        guint32 big = GUINT32_TO_BE(lengths[i]);

        memcpy(args->data + place, &big, sizeof(big));
        testStart(&run, procedure->program, procedure->number, args);
        g_assert_true((run.call != NULL) == (procedure->needs >= TEST_NEEDS_WORDS));
        testEnd(&run);
    }
}

/* Order */

/* Its name and its domain. */
static GByteArray *
testSnapshot(void)
{
    GByteArray *args = testAnswerString("snap");
    g_autoptr(GByteArray) domain = testDomain();

    return g_byte_array_append(args, domain->data, domain->len);
}

static void
testAssertUnchanged(const testRun *run)
{
    const guint8 *args = NULL;
    gint32 procedure = 0;
    size_t length = 0;

    g_assert_false(qemuDriverCallGetForward(run->call, &procedure, &args, &length));
    g_assert_null(args);
    g_assert_cmpint(procedure, ==, 0);
}

static void
testAssertAsks(const testRun *run, gint32 number)
{
    const GPtrArray *questions = qemuDriverCallGetQuestions(run->call);
    const qemuDriverQuestion *question;

    g_assert_cmpuint(questions->len, >, 0);
    question = g_ptr_array_index(questions, 0);
    g_assert_cmpuint(question->program, ==, REMOTE_PROGRAM);
    g_assert_cmpint(question->procedure, ==, number);
    g_assert_null(question->emulator);
}

static void
testAssertTakesTurn(testRun *run, const testProcedure *procedure)
{
    if (testTakesTurn(procedure))
        testAssertDecides(run, QEMU_DRIVER_QUEUE);
}

static void
testAssertGoesOn(testRun *run, const testProcedure *procedure)
{
    testAssertTakesTurn(run, procedure);
    if (procedure->asks != 0) {
        testAssertDecides(run, QEMU_DRIVER_ASK);
        testAssertAsks(run, procedure->asks);
        return;
    }
    testAssertDecides(run, QEMU_DRIVER_PASS);
    testAssertUnchanged(run);
    g_assert_true(qemuDriverCallWantsReply(run->call) == testIsShown(procedure));
}

static void
testProcedureOrder(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStartProcedure(&run, procedure);
    if (testAsksType(procedure)) {
        testAssertDecides(&run, QEMU_DRIVER_ASK);
        testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 3, g_byte_array_new());
        testAnswerOk(&run, 0, testAnswerString("QEMU"));
        g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_QEMU);
    }
    testAssertGoesOn(&run, procedure);
    testEnd(&run);

    /* The type is learned once. */
    run.conn.type = QEMU_DRIVER_TYPE_QEMU;
    testStartProcedure(&run, procedure);
    testAssertGoesOn(&run, procedure);
    testEnd(&run);
}

static void
testProcedureOther(gconstpointer opaque)
{
    static const char *const types[] = { "Test", "LXC", "", "qemu", "QEMU ", "QEM", "QEMUQEMU" };
    const testProcedure *procedure = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        testRun run = { 0 };

        testStartProcedure(&run, procedure);
        if (testAsksType(procedure)) {
            testAssertDecides(&run, QEMU_DRIVER_ASK);
            testAnswerOk(&run, 0, testAnswerString(types[i]));
            g_assert_cmpint(run.conn.type, ==, QEMU_DRIVER_TYPE_OTHER);
        }
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        g_assert_false(qemuDriverCallWantsReply(run.call));
        testEnd(&run);

        run.conn.type = QEMU_DRIVER_TYPE_OTHER;
        testStartProcedure(&run, procedure);
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testEnd(&run);
    }
}

/* No domain is kept from its device, or from starting, that is not known to have asked for it. */
static bool
testIsLenient(const testProcedure *procedure)
{
    return procedure->flags & (QEMU_DRIVER_LENIENT | QEMU_DRIVER_PASSES) ||
        g_str_has_prefix(procedure->name, "ATTACH");
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
            testAssertDecides(&run, testAsksType(procedure) ? QEMU_DRIVER_ASK : QEMU_DRIVER_PASS);
        if (state > 1 && testAsksType(procedure)) {
            testAnswerOk(&run, 0, testAnswerString("QEMU"));
            testAssertTakesTurn(&run, procedure);
        }
        if (state > 2)
            testAssertDecides(&run, procedure->asks ? QEMU_DRIVER_ASK : QEMU_DRIVER_PASS);

        qemuDriverCallExpire(run.call, "too late");
        g_assert_true(qemuDriverCallIsSettled(run.call));
        /* An answer that comes all the same. */
        if ((state == 1 && testAsksType(procedure)) || (state == 3 && procedure->asks))
            testAnswerOk(&run, 0, testAnswerString("QEMU"));
        if (testIsLenient(procedure))
            testAssertDecides(&run, QEMU_DRIVER_PASS);
        else if (procedure->asks)
            testAssertRefuses(&run, testRefusal(VIR_ERR_OPERATION_TIMEOUT,
                                                "Timed out during operation", EXPIRED));
        testEnd(&run);
    }
}

/* Documents on their way to libvirt */

#define POLICY_WRONG "invalid value 'off' of attribute 'policy' in element 'memballoon': " \
    "expected 'block', 'warn', 'ignore', 'redirect' or 'default'"
#define BALLOONING_WRONG "invalid value 'maybe' of attribute 'ballooning' in element 'hostdev': " \
    "expected 'on' or 'off'"

/* What a user writes and what libvirt gets, on both sides of a name. */
typedef struct {
    const char *begin;
    const char *written;
    const char *stored;
    const char *wrong; /* as written, with a value that is none */
    const char *error;
} testTexts;

static const testTexts testDomainTexts = {
    "<domain type='kvm'><name>",
    DEFINITION_MIDDLE DEFINITION_END(WRITTEN_BALLOON("warn"), ""),
    DEFINITION_MIDDLE DEFINITION_END(BALLOON, STORED_POLICY("warn")),
    DEFINITION_MIDDLE DEFINITION_END(WRITTEN_BALLOON("off"), ""), POLICY_WRONG,
};
static const testTexts testDeviceTexts = {
    "<hostdev managed='", "' mode='subsystem' type='usb' ballooning='off'/>",
    "' mode='subsystem' type='usb'/>", "' mode='subsystem' type='usb' ballooning='maybe'/>",
    BALLOONING_WRONG,
};

/* One for every number of bytes that pad a string. */
static const char *const testNames[] = { "guest", "guests", "a guest", "a, guest" };

static const testTexts *
testGetTexts(const testProcedure *procedure)
{
    return strstr(procedure->name, "DEVICE") ? &testDeviceTexts : &testDomainTexts;
}

static GByteArray *
testMakeText(const testProcedure *procedure, const char *name, const char *end)
{
    g_autofree char *text = g_strconcat(testGetTexts(procedure)->begin, name, end, NULL);

    return testMakeArgs(procedure, text, NULL);
}

/* Takes @args, which libvirt gets instead of what came. */
static void
testAssertForwards(const testRun *run, gint32 expected, GByteArray *args)
{
    const guint8 *bytes = NULL;
    gint32 procedure = 0;
    size_t length = 0;

    g_assert_true(qemuDriverCallGetForward(run->call, &procedure, &bytes, &length));
    g_assert_cmpint(procedure, ==, expected);
    g_assert_cmpmem(bytes, (guint)length, args->data, args->len);
    g_byte_array_unref(args);
}

/* A call that came with @xml; the connection is one to QEMU. */
static void
testStartWith(testRun *run, const testProcedure *procedure, GByteArray *args)
{
    run->conn.type = QEMU_DRIVER_TYPE_QEMU;
    testStart(run, procedure->program, procedure->number, args);
    g_assert_nonnull(run->call);
}

/* Takes its turn if it has to. */
static qemuDriverOutcome
testDecide(testRun *run)
{
    qemuDriverOutcome outcome = qemuDriverCallDecide(run->call);

    return outcome == QEMU_DRIVER_QUEUE ? qemuDriverCallDecide(run->call) : outcome;
}

static void
testProcedureRewrites(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const testTexts *texts = testGetTexts(procedure);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testNames); i++) {
        testRun run = { 0 };

        testStartWith(&run, procedure, testMakeText(procedure, testNames[i], texts->written));
        g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
        testAssertForwards(&run, procedure->number,
                           testMakeText(procedure, testNames[i], texts->stored));
        g_assert_false(qemuDriverCallWantsReply(run.call));
        testEnd(&run);
    }
}

/* Nothing is rewritten before it is known that this is QEMU. */
static void
testProcedureRewritesLater(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const testTexts *texts = testGetTexts(procedure);
    testRun run = { 0 };

    testStart(&run, procedure->program, procedure->number,
              testMakeText(procedure, "guest", texts->written));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 3, g_byte_array_new());
    testAssertUnchanged(&run);
    testAnswerOk(&run, 0, testAnswerString("QEMU"));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
    testAssertForwards(&run, procedure->number, testMakeText(procedure, "guest", texts->stored));
    testEnd(&run);

    /* The type stays unknown. */
    run.conn.type = QEMU_DRIVER_TYPE_UNKNOWN;
    testStart(&run, procedure->program, procedure->number,
              testMakeText(procedure, "guest", texts->written));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswer(&run, 0, VB_FRAME_ERROR, testError(VIR_ERR_NO_DOMAIN, 10, "a", "%s", "a"));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertUnchanged(&run);
    testEnd(&run);
}

static void
testProcedureLeavesOthers(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const testTexts *texts = testGetTexts(procedure);
    const char *const ends[] = { texts->written, texts->wrong };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(ends); i++) {
        testRun run = { 0 };

        testStart(&run, procedure->program, procedure->number,
                  testMakeText(procedure, "guest", ends[i]));
        g_assert_nonnull(run.call);
        testAssertDecides(&run, QEMU_DRIVER_ASK);
        testAnswerOk(&run, 0, testAnswerString("Test"));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        testEnd(&run);
    }
}

static void
testProcedureRefusesValue(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    const testTexts *texts = testGetTexts(procedure);
    testRun run = { 0 };

    testStartWith(&run, procedure, testMakeText(procedure, "guest", texts->wrong));
    testAssertRefuses(&run, testRefusalFrom(VIR_ERR_XML_ERROR, VIR_FROM_XML, "XML error",
                                            texts->error));
    testEnd(&run);
}

/* Only libvirt can word it. */
static void
testProcedureLeavesBroken(gconstpointer opaque)
{
    static const char *const broken[] = {
        "", "<", "<domain policy='x'", "<domain><memballoon policy='warn'></domain>",
        "<hostdev ballooning='on'", "\xff policy=", "policy=''",
    };
    const testProcedure *procedure = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(broken); i++) {
        testRun run = { 0 };

        testStartWith(&run, procedure, testMakeArgs(procedure, broken[i], NULL));
        g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        testEnd(&run);
    }
}

static void
testProcedureWithout(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStartWith(&run, procedure, testMakeArgs(procedure, NULL, NULL));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertUnchanged(&run);
    testEnd(&run);
}

/* Migration may bring two documents. */
static void
testProcedureParams(gconstpointer opaque)
{
    static const char written[] = DEFINITION("guest", WRITTEN_BALLOON("warn"), "");
    static const char stored[] = DEFINITION("guest", BALLOON, STORED_POLICY("warn"));
    static const char plain[] = DEFINITION("guest", BALLOON, "");
    static const struct {
        const char *first;
        const char *second;
        const char *firstStored;
        const char *secondStored;
    } cases[] = {
        { written, plain, stored, plain }, { plain, written, plain, stored },
        { written, written, stored, stored }, { NULL, written, NULL, stored },
    };
    static const char *const names[][2] = {
        { "destination_xml", "persistent_xml" }, { "persistent_xml", "destination_xml" },
        { "dxml", "destination_xml" },
    };
    const testProcedure *procedure = opaque;
    size_t i;
    size_t j;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (j = 0; j < G_N_ELEMENTS(names); j++) {
            testRun run = { 0 };

            testStartWith(&run, procedure, testMakeParams(procedure, names[j][0], cases[i].first,
                                                          names[j][1], cases[i].second));
            g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
            testAssertForwards(&run, procedure->number,
                               testMakeParams(procedure, names[j][0], cases[i].firstStored,
                                              names[j][1], cases[i].secondStored));
            testEnd(&run);
        }
    }
}

/* A string of another name is no document, whatever is in it. */
static void
testProcedureOtherParams(gconstpointer opaque)
{
    static const char *const names[] = {
        "", "dxm", "dxmls", "DXML", "destination_xm", "destination_xml2", "persistent_xmk", "uri",
    };
    const testProcedure *procedure = opaque;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        testRun run = { 0 };

        testStartWith(&run, procedure,
                      testMakeParams(procedure, names[i],
                                     DEFINITION("guest", WRITTEN_BALLOON("warn"), ""), NULL, NULL));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        testEnd(&run);
    }
}

#define SNAPSHOT(inner) "<domainsnapshot>\n <name>s</name>\n " inner "\n</domainsnapshot>\n"
#define INACTIVE(balloon, metadata) "<inactiveDomain><name>guest</name><devices>" balloon \
    "</devices>" metadata "</inactiveDomain>"

/* The domains inside of something else. */
static void
testInnerDomains(void)
{
    const testProcedure *procedure = testGetProcedure("SNAPSHOT_CREATE_XML");
    testRun run = { 0 };

    testStartWith(&run, procedure, testMakeArgs(procedure, SNAPSHOT(
        DEFINITION("guest", WRITTEN_BALLOON("warn"), "")
        INACTIVE(WRITTEN_BALLOON("block"), "")), NULL));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertForwards(&run, procedure->number, testMakeArgs(procedure, SNAPSHOT(
        DEFINITION("guest", BALLOON, STORED_POLICY("warn"))
        INACTIVE(BALLOON, STORED_POLICY("block"))), NULL));
    testEnd(&run);

    procedure = testGetProcedure("CHECKPOINT_CREATE_XML");
    testStartWith(&run, procedure, testMakeArgs(procedure, "<domaincheckpoint><name>c</name>"
        DEFINITION("guest", WRITTEN_BALLOON("off"), "") "</domaincheckpoint>", NULL));
    testAssertRefuses(&run, testRefusalFrom(VIR_ERR_XML_ERROR, VIR_FROM_XML, "XML error",
                                            POLICY_WRONG));
    testEnd(&run);
}

/* In a text that has one, an entity could be anything. */
static void
testDoctype(void)
{
    const testProcedure *procedure = testGetProcedure("DEFINE_XML");
    testRun run = { 0 };

    testStartWith(&run, procedure, testMakeArgs(procedure, "<!DOCTYPE domain []>"
        DEFINITION("guest", WRITTEN_BALLOON("warn"), ""), NULL));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    g_assert_cmpint(qemuDriverCallGetVerdict(run.call)->errorCode, ==, VIR_ERR_XML_ERROR);
    testEnd(&run);

    testStartWith(&run, procedure, testMakeArgs(procedure, "<!DOCTYPE domain []>"
        DEFINITION("guest", BALLOON, ""), NULL));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
    testAssertUnchanged(&run);
    testEnd(&run);
}

/* libvirt takes whatever it is told; only what has our namespace is looked at. */
typedef struct {
    const char *sentence;
    gint32 type;
    const char *text;
    const char *uri;
    const char *error; /* or NULL */
} testMetadata;

#define OUR_URI "urn:virt-balloon:policy:1"
#define NO_POLICY "metadata of namespace '" OUR_URI "' must be an element 'policy' with an " \
    "attribute 'memballoon'"
#define ELEMENT VIR_DOMAIN_METADATA_ELEMENT

static const testMetadata testMetadatas[] = {
    { "a policy", ELEMENT, "<policy memballoon='warn'/>", OUR_URI, NULL },
    { "a policy 'default'", ELEMENT, "<policy memballoon='default'/>", OUR_URI, NULL },
    { "a policy that is none", ELEMENT, "<policy memballoon='x'/>", OUR_URI,
      "invalid value 'x' of attribute 'memballoon' in element 'policy': expected 'block', 'warn', "
      "'ignore', 'redirect' or 'default'" },
    { "an element of another name", ELEMENT, "<balloon memballoon='warn'/>", OUR_URI, NO_POLICY },
    { "a policy without an attribute", ELEMENT, "<policy/>", OUR_URI, NO_POLICY },
    { "the removal of a policy", ELEMENT, NULL, OUR_URI, NULL },
    { "what is no XML", ELEMENT, "<policy", OUR_URI, NULL },
    { "another namespace", ELEMENT, "<policy memballoon='x'/>", "urn:other", NULL },
    { "no namespace", ELEMENT, "<policy memballoon='x'/>", NULL, NULL },
    { "a title", VIR_DOMAIN_METADATA_TITLE, "<policy memballoon='x'/>", OUR_URI, NULL },
    { "a description", VIR_DOMAIN_METADATA_DESCRIPTION, "<policy/>", OUR_URI, NULL },
};

static void
testSetMetadata(gconstpointer opaque)
{
    const testMetadata *metadata = opaque;
    GByteArray *args = testDomainWord((guint32)metadata->type);
    testRun run = { 0 };

    testOptional(args, metadata->text);
    testOptional(args, "key");
    testOptional(args, metadata->uri);
    testStartWith(&run, testGetProcedure("SET_METADATA"), testWord(args, 0));
    if (metadata->error) {
        testAssertRefuses(&run, testRefusalFrom(VIR_ERR_XML_ERROR, VIR_FROM_XML, "XML error",
                                                metadata->error));
    } else {
        g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
    }
    testEnd(&run);
}

/* Opting out */

#define MDEV_UUID "11112222-3333-4444-5555-666677778888"
#define MDEV(attribute, alias) "<hostdev mode='subsystem' type='mdev' model='vfio-pci'" attribute \
    "><source><address uuid='" MDEV_UUID "'/></source>" alias "</hostdev>"
#define MDEV_ALIAS "<alias name='ua-vb-" MDEV_UUID "'/>"
#define OVERRIDE "<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<qemu:device alias='ua-vb-" MDEV_UUID "'><qemu:frontend><qemu:property " \
    "name='x-balloon-allowed' type='bool' value='true'/></qemu:frontend></qemu:device>" \
    "</qemu:override>"
#define QEMU_BINARY "/usr/bin/qemu-system-x86_64"
#define EMULATOR "<emulator>" QEMU_BINARY "</emulator>"
#define CAPABILITIES(path) "<capabilities><guest><os_type>hvm</os_type><arch name='x86_64'>" \
    "<emulator>" path "</emulator></arch></guest></capabilities>"
#define LIBVIRT_8_2 8002000u

static GByteArray *
testHyper(guint32 value)
{
    return testWord(testWord(g_byte_array_new(), 0), value);
}

/* What a client defines with a device that is opted out, and what libvirt gets. */
#define OPTED_OUT(emulator) DEFINITION("guest", emulator MDEV(" ballooning='on'", ""), "")
#define STORED_OPT_OUT(emulator) DEFINITION("guest", emulator MDEV("", MDEV_ALIAS), OVERRIDE)

static void
testStartXML(testRun *run, const testProcedure *procedure, const char *xml)
{
    testStartWith(run, procedure, testMakeArgs(procedure, xml, NULL));
}

static void
testAssertRefusesUnsupported(testRun *run, const char *text)
{
    testAssertRefuses(run, testRefusal(VIR_ERR_CONFIG_UNSUPPORTED, "unsupported configuration",
                                       text));
}

static void
testAssertForwardsXML(const testRun *run, const testProcedure *procedure, const char *xml)
{
    testAssertForwards(run, procedure->number, testMakeArgs(procedure, xml, NULL));
}

#define LIBVIRT_TOO_OLD "ballooning='on' needs libvirt 8.2.0 or newer, and this one is 8.1.999, " \
    "which cannot override properties of devices; remove the attribute"

/* libvirt's version is asked once a connection. */
static void
testProcedureOptOutNeedsLibvirt(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStartXML(&run, procedure, OPTED_OUT(""));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 157, g_byte_array_new());
    testAnswerOk(&run, 0, testHyper(8001999));
    testAssertRefusesUnsupported(&run, LIBVIRT_TOO_OLD);
    testEnd(&run);
    testStartXML(&run, procedure, OPTED_OUT(""));
    testAssertRefusesUnsupported(&run, LIBVIRT_TOO_OLD);
    testEnd(&run);

    run.conn.libvirt = 0;
    testStartXML(&run, procedure, OPTED_OUT(""));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testHyper(8002000));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
    testAssertForwardsXML(&run, procedure, STORED_OPT_OUT(""));
    testEnd(&run);
    testStartXML(&run, procedure, OPTED_OUT(""));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
    testAssertForwardsXML(&run, procedure, STORED_OPT_OUT(""));
    testEnd(&run);
}

static const guint8 testThreeBytes[3];

static void
testLibvirtUnreadable(void)
{
    const testProcedure *procedure = testGetProcedure("SAVE_IMAGE_DEFINE_XML");
    testRun run = { 0 };

    testStartXML(&run, procedure, OPTED_OUT(""));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, testThreeBytes, sizeof(testThreeBytes));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    g_assert_cmpint(qemuDriverCallGetVerdict(run.call)->errorCode, ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpuint(run.conn.libvirt, ==, 0);
    testEnd(&run);
}

/* Up to the question whether libvirt's capabilities list the binary. */
static void
testAskEmulator(testRun *run, const testProcedure *procedure)
{
    run->conn.libvirt = 8002000;
    testStartXML(run, procedure, OPTED_OUT(EMULATOR));
    g_assert_cmpint(testDecide(run), ==, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, 7, g_byte_array_new());
}

static void
testAssertAsksEmulator(testRun *run)
{
    const qemuDriverQuestion *question;

    testAssertDecides(run, QEMU_DRIVER_ASK);
    g_assert_cmpuint(qemuDriverCallGetQuestions(run->call)->len, ==, 1);
    question = g_ptr_array_index(qemuDriverCallGetQuestions(run->call), 0);
    g_assert_cmpstr(question->emulator, ==, QEMU_BINARY);
    g_assert_null(question->args);
}

static void
testEmulatorHasProperty(void)
{
    const testProcedure *procedure = testGetProcedure("DEFINE_XML_FLAGS");
    testRun run = { 0 };

    testAskEmulator(&run, procedure);
    testAnswerOk(&run, 0, testAnswerString(CAPABILITIES(QEMU_BINARY)));
    testAssertAsksEmulator(&run);
    qemuDriverCallAnswerEmulator(run.call, 0, true);
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertForwardsXML(&run, procedure, STORED_OPT_OUT(EMULATOR));
    testEnd(&run);
}

static void
testEmulatorLacksProperty(void)
{
    testRun run = { 0 };

    testAskEmulator(&run, testGetProcedure("DEFINE_XML_FLAGS"));
    testAnswerOk(&run, 0, testAnswerString(CAPABILITIES(QEMU_BINARY)));
    testAssertAsksEmulator(&run);
    qemuDriverCallAnswerEmulator(run.call, 0, false);
    testAssertRefusesUnsupported(&run, "ballooning='on' is not supported by emulator '" QEMU_BINARY
                                 "', whose devices of type 'vfio-pci' have no property "
                                 "'x-balloon-allowed'; remove the attribute");
    testEnd(&run);
}

/* What libvirt would not run, is not run by us: libvirt has a word to say. */
static void
testEmulatorIsNotListed(void)
{
    static const char *const answers[] = {
        CAPABILITIES("/usr/bin/other"), "<capabilities/>", "nonsense", "",
    };
    const testProcedure *procedure = testGetProcedure("CREATE_XML");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(answers); i++) {
        testRun run = { 0 };

        testAskEmulator(&run, procedure);
        testAnswerOk(&run, 0, testAnswerString(answers[i]));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertForwardsXML(&run, procedure, STORED_OPT_OUT(EMULATOR));
        testEnd(&run);
    }
}

static void
testCapabilitiesFail(void)
{
    const testProcedure *procedure = testGetProcedure("SAVE_FLAGS");
    testRun run = { 0 };

    testAskEmulator(&run, procedure);
    testAnswer(&run, 0, VB_FRAME_ERROR,
               testError(VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, "a", "%s", "a"));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertForwardsXML(&run, procedure, STORED_OPT_OUT(EMULATOR));
    testEnd(&run);
}

static void
testExpiresWhileProbing(void)
{
    const testProcedure *procedure = testGetProcedure("DEFINE_XML");
    testRun run = { 0 };

    testAskEmulator(&run, procedure);
    testAnswerOk(&run, 0, testAnswerString(CAPABILITIES(QEMU_BINARY)));
    testAssertAsksEmulator(&run);
    qemuDriverCallExpire(run.call, "too late");
    qemuDriverCallAnswerEmulator(run.call, 0, false);
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertForwardsXML(&run, procedure, STORED_OPT_OUT(EMULATOR));
    testEnd(&run);
}

/* A call about which nothing could be learned names the domain that it is about. */
static void
testProcedureNamesUnanswered(gconstpointer opaque)
{
    const testProcedure *procedure = opaque;
    testRun run = { 0 };

    testStartXML(&run, procedure, OPTED_OUT(""));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallExpire(run.call, "too late");
    testAssertRefuses(&run, testRefusal(VIR_ERR_OPERATION_TIMEOUT, "Timed out during operation",
                                        EXPIRED));
    testEnd(&run);
}

/* Attaching a device that is opted out */

#define ATTACHED MDEV(" ballooning='on'", "")
#define ATTACHED_CUT MDEV("", "")
#define HOTPLUG "ballooning='on' for mediated device (" MDEV_UUID "): libvirt cannot override " \
    "properties of a device that is plugged into a running domain; attach it to domain 'guest' " \
    "with '--config' and start that again, or remove the attribute"

/* Up to the question for the XML. */
static void
testStartAttach(testRun *run, guint32 flags)
{
    testStartWith(run, testGetProcedure("ATTACH_DEVICE_FLAGS"),
                  testWord(testDomainString(ATTACHED), flags));
    testAssertDecides(run, QEMU_DRIVER_QUEUE);
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, 14, testDomainWord(0));
}

static void
testAssertAsksDefinition(testRun *run)
{
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, 14,
                       testDomainWord(VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE));
}

/* The definition is asked for last. */
static void
testAnswerDefinition(testRun *run, guint32 persistent, const char *xml)
{
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, 151, testDomain());
    testAnswerOk(run, 0, testWord(g_byte_array_new(), persistent));
    if (persistent) {
        testAssertAsksDefinition(run);
        testAnswerOk(run, 0, testAnswerString(xml));
    }
}

static void
testAssertDefines(testRun *run, const char *xml)
{
    testAssertDecides(run, QEMU_DRIVER_PASS);
    testAssertForwards(run, 350, testWord(testAnswerString(xml), 0));
    g_assert_true(qemuDriverCallWantsReply(run->call));
}

static void
testAssertAttachesCut(testRun *run, guint32 flags)
{
    testAssertDecides(run, QEMU_DRIVER_PASS);
    testAssertForwards(run, 160, testWord(testDomainString(ATTACHED_CUT), flags));
    g_assert_false(qemuDriverCallWantsReply(run->call));
}

static void
testAttachDefines(void)
{
    static const struct {
        guint32 flags;
        bool running;
    } cases[] = {
        { VIR_DOMAIN_DEVICE_MODIFY_CONFIG, false }, { VIR_DOMAIN_DEVICE_MODIFY_CONFIG, true },
        { VIR_DOMAIN_DEVICE_MODIFY_CURRENT, false },
    };
    static const char before[] = DEFINITION("guest", BALLOON, "\n ");
    static const char after[] = DEFINITION("guest", BALLOON MDEV("", MDEV_ALIAS), "\n " OVERRIDE);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        static const guint8 reply[40];
        testRun run = { .conn.libvirt = 8002000 };
        size_t length = 1;
        guint8 *edited;

        testStartAttach(&run, cases[i].flags);
        testAnswerOk(&run, 0, testAnswerString(cases[i].running ? RUNNING("", "") :
                                               GUEST("", "1048576", "", "")));
        testAnswerDefinition(&run, 1, before);
        testAssertDefines(&run, after);

        /* The client has attached a device, and so gets an empty answer. */
        edited = qemuDriverCallEditReply(run.call, VB_FRAME_OK, reply, sizeof(reply), &length);
        g_assert_nonnull(edited);
        g_assert_cmpuint(length, ==, 0);
        g_free(edited);
        g_assert_null(qemuDriverCallEditReply(run.call, VB_FRAME_ERROR, reply, sizeof(reply),
                                              &length));
        testEnd(&run);
    }
}

/* libvirt's version, and what the domain's own QEMU can do, matter here, too. */
static void
testAttachAsksAll(void)
{
    testRun run = { 0 };

    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", EMULATOR)));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 2, REMOTE_PROGRAM, 151, testDomain());
    testAssertQuestion(&run, 1, 2, REMOTE_PROGRAM, 157, g_byte_array_new());
    testAnswerOk(&run, 0, testWord(g_byte_array_new(), 1));
    testAnswerOk(&run, 1, testHyper(11003000));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 7, g_byte_array_new());
    testAnswerOk(&run, 0, testAnswerString(CAPABILITIES(QEMU_BINARY)));
    testAssertAsksEmulator(&run);
    qemuDriverCallAnswerEmulator(run.call, 0, true);
    testAssertAsksDefinition(&run);
    testAnswerOk(&run, 0, testAnswerString(DEFINITION("guest", EMULATOR, "")));
    testAssertDefines(&run, DEFINITION("guest", EMULATOR MDEV("", MDEV_ALIAS), OVERRIDE));
    testEnd(&run);

    run.conn.libvirt = 8001999;
    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));
    testAssertRefusesUnsupported(&run, LIBVIRT_TOO_OLD);
    testEnd(&run);
}

static void
testAttachHotplug(void)
{
    static const guint32 flags[] = {
        VIR_DOMAIN_DEVICE_MODIFY_LIVE, VIR_DOMAIN_DEVICE_MODIFY_CURRENT,
        VIR_DOMAIN_DEVICE_MODIFY_LIVE | VIR_DOMAIN_DEVICE_MODIFY_CONFIG,
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        testRun run = { 0 };

        testStartAttach(&run, flags[i]);
        testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
        testAssertRefusesUnsupported(&run, HOTPLUG);
        testEnd(&run);
    }
}

static void
testAttachHotplugWithoutFlags(void)
{
    testRun run = { 0 };

    testStartWith(&run, testGetProcedure("ATTACH_DEVICE"), testDomainString(ATTACHED));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAssertRefusesUnsupported(&run, HOTPLUG);
    testEnd(&run);
}

/* What libvirt refuses itself, it gets without the attribute. */
static void
testAttachIsLibvirts(void)
{
    testRun run = { .conn.libvirt = 8002000 };

    /* Not running. */
    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_LIVE);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));
    testAssertAttachesCut(&run, VIR_DOMAIN_DEVICE_MODIFY_LIVE);
    testEnd(&run);

    /* Not persistent. */
    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAnswerDefinition(&run, 0, DEFINITION("guest", BALLOON, ""));
    testAssertAttachesCut(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testEnd(&run);

    /* The domain has the device, however its UUID is written. */
    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));
    testAnswerDefinition(&run, 1, DEFINITION("guest",
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address "
        "uuid='11112222333344445555666677778888'/></source></hostdev>", ""));
    testAssertAttachesCut(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testEnd(&run);

    /* No such domain. */
    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswer(&run, 0, VB_FRAME_ERROR, testError(VIR_ERR_NO_DOMAIN, 10, "a", "%s", "a"));
    testAssertAttachesCut(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testEnd(&run);

    /* Flags that nobody knows. */
    testStartWith(&run, testGetProcedure("ATTACH_DEVICE_FLAGS"),
                  testWord(testDomainString(ATTACHED), 0x80000002));
    testAssertAttachesCut(&run, 0x80000002);
    testEnd(&run);
}

/* An override of another device in the domain stays, and is joined. */
static void
testAttachJoinsOverride(void)
{
    static const char begin[] = "<q:override xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<q:device alias='ua-disk'><q:frontend><q:property name='a' type='bool' value='true'/>"
        "</q:frontend></q:device>";
    g_autofree char *before = g_strconcat(DEFINITION_BEGIN("guest"), DEFINITION_END("", ""), NULL);
    g_autofree char *after = NULL;
    GString *text = g_string_new(before);
    testRun run = { .conn.libvirt = 8002000 };

    g_string_truncate(text, text->len - strlen("</domain>"));
    g_string_append(text, begin);
    g_string_append(text, "</q:override></domain>");
    after = g_strconcat(DEFINITION_BEGIN("guest"), MDEV("", MDEV_ALIAS), "</devices>", begin,
                        "<q:device alias='ua-vb-" MDEV_UUID "'><q:frontend><q:property "
                        "name='x-balloon-allowed' type='bool' value='true'/></q:frontend>"
                        "</q:device></q:override></domain>", NULL);
    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));
    testAnswerDefinition(&run, 1, text->str);
    testAssertDefines(&run, after);
    testEnd(&run);
    g_string_free(text, TRUE);
}

/* To attach it without what was asked for would be worse than not to attach it. */
static void
testAttachUnanswered(void)
{
    static const char expired[] = "cannot check whether the device can be opted out: too late; "
        "nothing was changed";
    static const char unreadable[] = "cannot check whether the device can be opted out: libvirt's "
        "answer cannot be read; nothing was changed";
    testRun run = { 0 };

    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    qemuDriverCallExpire(run.call, "too late");
    testAssertRefuses(&run, testRefusal(VIR_ERR_OPERATION_TIMEOUT, "Timed out during operation",
                                        expired));
    testEnd(&run);

    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString("nonsense"));
    testAssertRefuses(&run, testRefusal(VIR_ERR_INTERNAL_ERROR, "internal error", unreadable));
    testEnd(&run);

    testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, testThreeBytes, sizeof(testThreeBytes));
    testAssertRefuses(&run, testRefusal(VIR_ERR_INTERNAL_ERROR, "internal error", unreadable));
    testEnd(&run);
}

/* Networks */

#define NETWORK(name) "<interface type='network'><source network='" name "'/></interface>"
#define INFLATED_BLOCK(devices) "<domain type='kvm'><name>guest</name><memory>1048576</memory>" \
    "<currentMemory>524288</currentMemory>" POLICY("block") "<devices>" devices \
    "</devices></domain>"
#define HOSTDEV_NETWORK "<network><name>n</name><forward mode='hostdev'/></network>"

/* A network as libvirt names it; what follows is its XML's flags in a question. */
static GByteArray *
testNetwork(const char *name)
{
    GByteArray *bytes = testAnswerString(name);

    for (guint8 i = 0; i < 16; i++) {
        guint8 byte = 0xf0 | i;

        g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

static void
testStartNetworks(testRun *run, const char *xml)
{
    testStartXML(run, testGetProcedure("DEFINE_XML"), xml);
    testAssertDecides(run, QEMU_DRIVER_ASK);
}

/* A name, then its XML. */
static void
testNetworkRounds(void)
{
    testRun run = { 0 };

    testStartNetworks(&run, INFLATED_BLOCK(NETWORK("a") NETWORK("net")));
    testAssertQuestion(&run, 0, 2, REMOTE_PROGRAM, 46, testAnswerString("a"));
    testAssertQuestion(&run, 1, 2, REMOTE_PROGRAM, 46, testAnswerString("net"));
    testAnswerOk(&run, 1, testNetwork("net"));
    testAnswerOk(&run, 0, testNetwork("a"));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 2, REMOTE_PROGRAM, 43, testWord(testNetwork("a"), 0));
    testAssertQuestion(&run, 1, 2, REMOTE_PROGRAM, 43, testWord(testNetwork("net"), 0));
    testAnswerOk(&run, 0, testAnswerString("<network><forward mode='nat'/></network>"));
    testAnswerOk(&run, 1, testAnswerString(HOSTDEV_NETWORK));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    g_assert_nonnull(strstr(qemuDriverCallGetVerdict(run.call)->errorText, "of network 'net'"));
    testEnd(&run);
}

/* What is not known of a network is no reason to keep a domain from starting. */
static void
testNetworkUnknown(void)
{
    int step;

    for (step = 0; step < 5; step++) {
        testRun run = { 0 };

        testStartNetworks(&run, INFLATED_BLOCK(NETWORK("net")));
        if (step >= 2) {
            testAnswerOk(&run, 0, testNetwork("net"));
            testAssertDecides(&run, QEMU_DRIVER_ASK);
        }
        if (step == 0 || step == 2)
            testAnswer(&run, 0, VB_FRAME_ERROR,
                       testError(VIR_ERR_NO_NETWORK, VIR_FROM_NETWORK, "a", "%s", "a"));
        else if (step == 1 || step == 3)
            testAnswerOk(&run, 0, testAnswerString("net"));
        else
            qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, testThreeBytes, sizeof(testThreeBytes));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        testEnd(&run);
    }
}

/* It is looked up for an attachment, too, where its balloon is inflated. */
static void
testNetworkAttached(void)
{
    testRun run = { 0 };

    testStartXML(&run, testGetProcedure("ATTACH_DEVICE"), NETWORK("net"));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString(INFLATED(POLICY("block"), "")));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 46, testAnswerString("net"));
    testAnswerOk(&run, 0, testNetwork("net"));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString(HOSTDEV_NETWORK));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 426, testDomainWord(0));
    testAnswerOk(&run, 0, testWord(g_byte_array_new(), 0));
    testAssertDecides(&run, QEMU_DRIVER_REFUSE);
    testEnd(&run);

    testStartXML(&run, testGetProcedure("ATTACH_DEVICE"), NETWORK("net"));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString(RUNNING(POLICY("block"), "")));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testEnd(&run);
}

/* Starting, restoring, reverting */

typedef struct {
    const char *procedure;
    guint32 word;
    bool asksSave; /* whether there is an image that it would start from */
} testStartCase;

static const testStartCase testStartCases[] = {
    { "CREATE", 0, true }, { "CREATE_WITH_FLAGS", VIR_DOMAIN_START_PAUSED, true },
    { "CREATE_WITH_FLAGS", VIR_DOMAIN_START_FORCE_BOOT, false },
    { "CREATE_WITH_FILES", 0, true },
    { "CREATE_WITH_FILES", VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_PAUSED, false },
};

static void
testStartDomain(testRun *run, const testStartCase *start)
{
    GByteArray *args = testDomain();

    if (strcmp(start->procedure, "CREATE") != 0)
        testWord(args, start->word);
    testStartWith(run, testGetProcedure(start->procedure), args);
    testAssertDecides(run, QEMU_DRIVER_QUEUE);
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1 + start->asksSave, REMOTE_PROGRAM, 14, testDomainWord(0));
    if (start->asksSave)
        testAssertQuestion(run, 1, 2, REMOTE_PROGRAM, 183, testDomainWord(0));
}

static void
testStartsAreJudged(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testStartCases); i++) {
        testRun run = { 0 };

        testStartDomain(&run, &testStartCases[i]);
        testAnswerOk(&run, 0, testAnswerString(GUEST("", "524288", POLICY("block"), PCI)));
        if (testStartCases[i].asksSave)
            testAnswerOk(&run, 1, testWord(g_byte_array_new(), 0));
        testAssertRefuses(&run, testRefusal(
            VIR_ERR_OPERATION_INVALID, "Requested operation is not valid",
            "cannot start domain 'guest' with a currentMemory of 524288 KiB: ballooning will be "
            "inhibited by assigned PCI device 'hostdev0' (0000:07:00.0): the guest would give up "
            "524288 KiB when it starts and the host would gain nothing; raise <currentMemory> to "
            "1048576 KiB, or lower <memory>"));
        testEnd(&run);
    }
}

static void
testStartFromImage(void)
{
    static const char *const images[] = {
        GUEST("", "524288", POLICY("block"), PCI), GUEST("", "1048576", "", PCI), "nonsense", NULL,
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(images); i++) {
        testRun run = { 0 };

        testStartDomain(&run, &testStartCases[0]);
        testAnswerOk(&run, 0, testAnswerString(GUEST("", "524288", POLICY("block"), PCI)));
        testAnswerOk(&run, 1, testWord(g_byte_array_new(), 1));
        testAssertDecides(&run, QEMU_DRIVER_ASK);
        testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 388, testDomainWord(0));
        if (images[i])
            testAnswerOk(&run, 0, testAnswerString(images[i]));
        else
            testAnswer(&run, 0, VB_FRAME_ERROR,
                       testError(VIR_ERR_RPC, VIR_FROM_RPC, "a", "%s", "a"));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        g_assert_true((qemuDriverCallGetVerdict(run.call)->logText != NULL) == (i == 0));
        testEnd(&run);
    }
}

/* What libvirt will not tell keeps no domain from starting that did not ask for it. */
static void
testStartUnanswered(void)
{
    static const struct {
        const char *more;
        qemuDriverOutcome outcome;
    } cases[] = {
        { "", QEMU_DRIVER_PASS }, { POLICY("warn"), QEMU_DRIVER_PASS },
        { POLICY("ignore"), QEMU_DRIVER_PASS }, { POLICY("block"), QEMU_DRIVER_REFUSE },
        { POLICY("redirect"), QEMU_DRIVER_REFUSE },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strconcat("<domain><name>guest</name><memory>1048576</memory>",
                                           cases[i].more, "</domain>", NULL);
        testRun run = { 0 };

        testStartDomain(&run, &testStartCases[0]);
        testAnswerOk(&run, 0, testAnswerString(xml));
        qemuDriverCallExpire(run.call, "too late");
        testAssertDecides(&run, cases[i].outcome);
        testEnd(&run);

        /* An error is libvirt's, and it will have the same one for the call. */
        testStartDomain(&run, &testStartCases[0]);
        testAnswerOk(&run, 0, testAnswerString(xml));
        testAnswer(&run, 1, VB_FRAME_ERROR,
                   testError(VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, "a", "%s", "a"));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testEnd(&run);
    }
}

/* Whatever is in it, an image is resumed. */
static void
testImagesPass(void)
{
    testRun run = { 0 };

    /* The snapshot is asked for with flags of its own. */
    testStartWith(&run, testGetProcedure("REVERT_TO_SNAPSHOT"), testWord(testSnapshot(), 5));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAssertQuestion(&run, 0, 1, REMOTE_PROGRAM, 186, testWord(testSnapshot(), 0));
    testAnswerOk(&run, 0, testAnswerString("<domainsnapshot>" GUEST("", "524288", POLICY("block"),
                                                                   PCI) "</domainsnapshot>"));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_nonnull(strstr(qemuDriverCallGetVerdict(run.call)->logText, "it is reverted with "));
    testEnd(&run);
}

/* With other XML than the image's own. */
static void
testIncomingPasses(void)
{
    static const char *const names[] = {
        "RESTORE_FLAGS", "RESTORE_PARAMS", "MIGRATE_PREPARE2", "MIGRATE_PREPARE3",
        "MIGRATE_PREPARE3_PARAMS", "MIGRATE_PREPARE_TUNNEL", "MIGRATE_PREPARE_TUNNEL3",
        "MIGRATE_PREPARE_TUNNEL3_PARAMS",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        testRun run = { 0 };

        testStartXML(&run, testGetProcedure(names[i]), GUEST("", "524288", POLICY("block"), PCI));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        g_assert_nonnull(strstr(qemuDriverCallGetVerdict(run.call)->logText, i < 2 ?
                                "it is restored with " : "it is received by migration with "));
        testEnd(&run);
    }
}

/* The policy of a running guest's memory balloon */

typedef struct {
    const char *sentence;
    const char *device;
    guint32 flags;
    const char *live;     /* the memory balloon that the guest has; NULL: it is not asked for */
    const char *inactive; /* likewise in the definition */
    const char *policy;   /* that is set; "": removed; NULL: the device goes on without it */
    guint32 metadataFlags;
} testUpdate;

#define LIVE VIR_DOMAIN_DEVICE_MODIFY_LIVE
#define CONFIG VIR_DOMAIN_DEVICE_MODIFY_CONFIG
#define FORCE VIR_DOMAIN_DEVICE_MODIFY_FORCE
#define WARN WRITTEN_BALLOON("warn")
#define STATS "<memballoon model='virtio'><stats period='5'/><alias name='balloon0'/></memballoon>"

static const testUpdate testUpdates[] = {
    { "sets a policy", WARN, LIVE, BALLOON, NULL, "warn", LIVE },
    { "sets 'block'", WRITTEN_BALLOON("block"), LIVE, STATS, NULL, "block", LIVE },
    { "sets 'ignore'", WRITTEN_BALLOON("ignore"), LIVE, BALLOON, NULL, "ignore", LIVE },
    { "sets 'redirect'", WRITTEN_BALLOON("redirect"), LIVE, BALLOON, NULL, "redirect", LIVE },
    { "removes a policy", WRITTEN_BALLOON("default"), LIVE, BALLOON, NULL, "", LIVE },
    { "sets it for the next start", WARN, CONFIG, NULL, BALLOON, "warn", CONFIG },
    { "sets it for both", WARN, LIVE | CONFIG, BALLOON, BALLOON, "warn", LIVE | CONFIG },
    { "sets it for what there is", WARN, 0, BALLOON, NULL, "warn", 0 },
    { "sets it by force", WARN, LIVE | FORCE, BALLOON, NULL, "warn", LIVE },
    { "repeats what the domain says", "<memballoon policy='warn' model='virtio'><stats "
      "period='5'/></memballoon>", LIVE, STATS, NULL, "warn", LIVE },
    { "of another model is libvirt's", "<memballoon model='none' policy='warn'/>", LIVE, BALLOON,
      NULL, NULL, 0 },
    { "of another period is libvirt's", "<memballoon model='virtio' policy='warn'><stats "
      "period='6'/></memballoon>", LIVE, STATS, NULL, NULL, 0 },
    { "of another element is libvirt's", "<memballoon model='virtio' policy='warn'><driver "
      "iommu='on'/></memballoon>", LIVE, BALLOON, NULL, NULL, 0 },
    { "of another attribute is libvirt's", "<memballoon model='virtio' autodeflate='on' "
      "policy='warn'/>", LIVE, BALLOON, NULL, NULL, 0 },
    { "of which only the guest agrees is libvirt's", "<memballoon model='virtio' policy='warn'>"
      "<stats period='5'/></memballoon>", LIVE | CONFIG, STATS, BALLOON, NULL, 0 },
    { "without a memory balloon is libvirt's", WARN, LIVE, "", NULL, NULL, 0 },
};

static void
testAnswerUpdate(testRun *run, guint question, const char *balloon)
{
    g_autofree char *xml = g_strconcat(DEFINITION_BEGIN("guest"), balloon, DEFINITION_END("", ""),
                                       NULL);

    testAnswerOk(run, question, testAnswerString(xml));
}

/* The device's arguments with the policy cut out. */
static GByteArray *
testMakeCutUpdate(const testUpdate *update)
{
    g_autofree char *text = g_strdup(update->device);
    char *cut = strstr(text, " policy='warn'");

    memmove(cut, cut + strlen(" policy='warn'"), strlen(cut + strlen(" policy='warn'")) + 1);
    return testWord(testDomainString(text), update->flags);
}

static GByteArray *
testMakeMetadata(const char *policy, guint32 flags)
{
    GByteArray *args = testDomainWord(VIR_DOMAIN_METADATA_ELEMENT);
    g_autofree char *element = g_strdup_printf("<policy memballoon='%s'/>", policy);

    testOptional(args, policy[0] != '\0' ? element : NULL);
    testOptional(args, "balloon");
    testOptional(args, OUR_URI);
    return testWord(args, flags);
}

static void
testUpdateDevice(gconstpointer opaque)
{
    const testUpdate *update = opaque;
    guint count = (update->live != NULL) + (update->inactive != NULL);
    testRun run = { 0 };
    size_t length = 1;
    guint8 *edited;

    testStartWith(&run, testGetProcedure("UPDATE_DEVICE_FLAGS"),
                  testWord(testDomainString(update->device), update->flags));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    if (update->inactive)
        testAssertQuestion(&run, count - 1, count, REMOTE_PROGRAM, 14,
                           testDomainWord(VIR_DOMAIN_XML_INACTIVE));
    if (update->live)
        testAssertQuestion(&run, 0, count, REMOTE_PROGRAM, 14, testDomainWord(0));
    if (update->live)
        testAnswerUpdate(&run, 0, update->live);
    if (update->inactive)
        testAnswerUpdate(&run, count - 1, update->inactive);

    testAssertDecides(&run, QEMU_DRIVER_PASS);
    if (update->policy) {
        testAssertForwards(&run, 264, testMakeMetadata(update->policy, update->metadataFlags));
        g_assert_true(qemuDriverCallWantsReply(run.call));
        edited = qemuDriverCallEditReply(run.call, VB_FRAME_OK, testThreeBytes, 0, &length);
        g_assert_nonnull(edited);
        g_assert_cmpuint(length, ==, 0);
        g_free(edited);
    } else {
        testAssertForwards(&run, 174, testMakeCutUpdate(update));
        g_assert_false(qemuDriverCallWantsReply(run.call));
    }
    testEnd(&run);
}

static void
testUpdateUnknownFlags(void)
{
    static const testUpdate update = { NULL, WARN, 0x80000001, NULL, NULL, NULL, 0 };
    testRun run = { 0 };

    testStartWith(&run, testGetProcedure("UPDATE_DEVICE_FLAGS"),
                  testWord(testDomainString(update.device), update.flags));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertForwards(&run, 174, testMakeCutUpdate(&update));
    testEnd(&run);
}

/* Such a call is not refused because nothing can be learned. */
static void
testUpdateUnanswered(void)
{
    static const testUpdate update = { NULL, WARN, LIVE, NULL, NULL, NULL, 0 };
    testRun run = { 0 };

    testStartWith(&run, testGetProcedure("UPDATE_DEVICE_FLAGS"),
                  testWord(testDomainString(update.device), update.flags));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString("nonsense"));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertForwards(&run, 174, testMakeCutUpdate(&update));
    testEnd(&run);
}

/* What libvirt tells */

#define SHOWN_BALLOON(policy) "<memballoon model='virtio' policy='" policy "'/>"

/* Takes @payload and @expected; NULL: the reply goes on as it came. */
static void
testAssertEdits(const testRun *run, guint32 status, GByteArray *payload, GByteArray *expected)
{
    size_t length = 0;
    guint8 *edited;

    g_assert_true(qemuDriverCallWantsReply(run->call));
    edited = qemuDriverCallEditReply(run->call, status, payload->data, payload->len, &length);
    if (expected) {
        g_assert_nonnull(edited);
        g_assert_cmpmem(edited, (guint)length, expected->data, expected->len);
        g_byte_array_unref(expected);
    } else {
        g_assert_null(edited);
    }
    g_free(edited);
    g_byte_array_unref(payload);
}

static void
testStartDump(testRun *run, const testProcedure *procedure)
{
    testStartWith(run, procedure, testArgs(procedure));
    testAssertDecides(run, QEMU_DRIVER_PASS);
    testAssertUnchanged(run);
}

static void
testProcedureShows(gconstpointer opaque)
{
    static const char stored[] = DEFINITION("guest", BALLOON MDEV("", MDEV_ALIAS),
                                            STORED_POLICY("warn") OVERRIDE);
    static const char shown[] = DEFINITION("guest", SHOWN_BALLOON("warn")
                                           MDEV(" ballooning='on'", MDEV_ALIAS),
                                           STORED_POLICY("warn") OVERRIDE);
    static const char *const plain[] = {
        DEFINITION("guest", BALLOON MDEV("", MDEV_ALIAS), ""), "", "nonsense", "<domain",
        DEFINITION("guest", BALLOON, STORED_POLICY("other")),
        "<!DOCTYPE domain []>" DEFINITION("guest", BALLOON, STORED_POLICY("warn")),
    };
    testRun run = { 0 };
    size_t i;

    testStartDump(&run, opaque);
    testAssertEdits(&run, VB_FRAME_OK, testAnswerString(stored), testAnswerString(shown));
    for (i = 0; i < G_N_ELEMENTS(plain); i++)
        testAssertEdits(&run, VB_FRAME_OK, testAnswerString(plain[i]), NULL);
    testAssertEdits(&run, VB_FRAME_ERROR, testAnswerString(stored), NULL);
    testAssertEdits(&run, VB_FRAME_CONTINUE, testAnswerString(stored), NULL);
    testEnd(&run);
}

/* A string that does not fit into what came. */
static void
testShowsNothingCutOff(void)
{
    static const char stored[] = DEFINITION("guest", BALLOON, STORED_POLICY("warn"));
    g_autoptr(GByteArray) answer = testAnswerString(stored);
    testRun run = { 0 };
    size_t length;

    testStartDump(&run, testGetProcedure("GET_XML_DESC"));
    for (length = 0; length < answer->len; length++) {
        g_autofree guint8 *few = g_memdup2(answer->data, length);
        size_t newLength = 0;

        g_assert_null(qemuDriverCallEditReply(run.call, VB_FRAME_OK, few, length, &newLength));
    }
    testEnd(&run);
}

/* One that is as long as libvirt can take cannot grow. */
static void
testShowsNothingTooLong(void)
{
    static const char begin[] = DEFINITION_BEGIN("guest") BALLOON;
    static const char end[] = DEFINITION_END("", STORED_POLICY("warn"));
    size_t room = 4194304 - strlen(begin) - strlen(end);
    size_t most = room - strlen(" policy='warn'");
    size_t spaces;

    for (spaces = most - 1; spaces <= most + 2; spaces++) {
        g_autofree char *fill = g_strnfill(MIN(spaces, room), ' ');
        g_autofree char *stored = g_strconcat(begin, fill, end, NULL);
        g_autofree char *shown = g_strconcat(DEFINITION_BEGIN("guest") SHOWN_BALLOON("warn"), fill,
                                             end, NULL);
        testRun run = { 0 };

        testStartDump(&run, testGetProcedure("GET_XML_DESC"));
        testAssertEdits(&run, VB_FRAME_OK, testAnswerString(stored),
                        spaces <= most ? testAnswerString(shown) : NULL);
        testEnd(&run);
    }
}

/* What goes to another host stays as it is stored. */
static void
testShowsNoMigratable(void)
{
    static const struct {
        guint32 flags;
        bool shown;
    } cases[] = {
        { 0, true }, { VIR_DOMAIN_XML_SECURE, true }, { VIR_DOMAIN_XML_INACTIVE, true },
        { VIR_DOMAIN_XML_UPDATE_CPU, true }, { VIR_DOMAIN_XML_MIGRATABLE, false },
        { VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_SECURE, false },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        testRun run = { 0 };

        testStartWith(&run, testGetProcedure("GET_XML_DESC"), testDomainWord(cases[i].flags));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        g_assert_true(qemuDriverCallWantsReply(run.call) == cases[i].shown);
        testEnd(&run);
    }
}

/* The flags of other dumps are others: 8 means nothing to them. */
static void
testShowsOthersWithAnyFlags(void)
{
    testRun run = { 0 };

    testStartWith(&run, testGetProcedure("MANAGED_SAVE_GET_XML_DESC"),
                  testDomainWord(VIR_DOMAIN_XML_MIGRATABLE));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_true(qemuDriverCallWantsReply(run.call));
    testEnd(&run);
}

/* The state of the balloon */

#define SHOWN_MESSAGE "ballooning: inhibited by assigned PCI device 'hostdev0' (0000:07:00.0) " \
    "(policy 'block')"

static GByteArray *
testMessages(const char *message)
{
    GByteArray *bytes = testWord(g_byte_array_new(), message ? 2 : 1);

    testString(bytes, "tainted: high-privileges");
    return message ? testString(bytes, message) : bytes;
}

/* Forwarded, after libvirt has told @xml. */
static void
testStartMessages(testRun *run, const char *xml)
{
    testStartWith(run, testGetProcedure("GET_MESSAGES"), testDomainWord(0));
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 1, REMOTE_PROGRAM, 14, testDomainWord(0));
    testAnswerOk(run, 0, testAnswerString(xml));
    testAssertDecides(run, QEMU_DRIVER_PASS);
    testAssertUnchanged(run);
}

static void
testShowsMessage(void)
{
    static const struct {
        const char *xml;
        const char *message;
    } cases[] = {
        { RUNNING("", PCI), SHOWN_MESSAGE }, { RUNNING("", ""), NULL },
        { GUEST("", "1048576", "", NEW_PCI), NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        testRun run = { 0 };

        testStartMessages(&run, cases[i].xml);
        g_assert_false(qemuDriverCallReplied(run.call, VB_FRAME_OK, NULL, 0));
        testAssertEdits(&run, VB_FRAME_OK, testMessages(NULL),
                        cases[i].message ? testMessages(cases[i].message) : NULL);
        testAssertEdits(&run, VB_FRAME_ERROR, testMessages(NULL), NULL);
        testAssertEdits(&run, VB_FRAME_CONTINUE, testMessages(NULL), NULL);
        testAssertEdits(&run, VB_FRAME_OK, testWord(g_byte_array_new(), 2), NULL);
        g_assert_null(qemuDriverCallEditReply(run.call, VB_FRAME_OK, NULL, 0, &(size_t){ 0 }));
        testEnd(&run);
    }
}

static void
testShowsNoMessageCutOff(void)
{
    g_autoptr(GByteArray) answer = testMessages(NULL);
    testRun run = { 0 };

    testStartMessages(&run, RUNNING("", PCI));
    for (size_t length = 0; length < answer->len; length++) {
        g_autofree guint8 *few = g_memdup2(answer->data, length);
        size_t newLength = 0;

        g_assert_null(qemuDriverCallEditReply(run.call, VB_FRAME_OK, few ? few : (guint8 *)"",
                                              length, &newLength));
    }
    testEnd(&run);
}

/* Nothing is asked for whoever wants other messages. */
static void
testShowsNoOtherMessages(void)
{
    testRun run = { 0 };

    testStartWith(&run, testGetProcedure("GET_MESSAGES"),
                  testDomainWord(VIR_DOMAIN_MESSAGE_TAINTING));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_false(qemuDriverCallWantsReply(run.call));
    testEnd(&run);
}

/* Where libvirt does not tell the XML, its own messages are all. */
static void
testMessagesUnanswered(gconstpointer opaque)
{
    const guint how = GPOINTER_TO_UINT(opaque);
    testRun run = { 0 };

    testStartWith(&run, testGetProcedure("GET_MESSAGES"), testDomainWord(0));
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    if (how == 0)
        testAnswer(&run, 0, VB_FRAME_ERROR, testError(VIR_ERR_NO_DOMAIN, 10, "a", "%s", "a"));
    else if (how == 1)
        testAnswer(&run, 0, VB_FRAME_ERROR, testError(VIR_ERR_ACCESS_DENIED, 10, "a", "%s", "a"));
    else if (how == 2)
        testAnswerOk(&run, 0, testAnswerString("nonsense"));
    else if (how == 3)
        qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, NULL, 0);
    else
        qemuDriverCallExpire(run.call, "too late");
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertUnchanged(&run);
    testAssertEdits(&run, VB_FRAME_OK, testMessages(NULL), NULL);
    testEnd(&run);
}

/* The arguments of CONNECT_GET_ALL_DOMAIN_STATS, for all domains. */
static GByteArray *
testStatsArgs(guint32 stats)
{
    return testWord(testWord(testWord(g_byte_array_new(), 0), stats), 0);
}

/* Of two domains with a parameter each; @added: whether the first and the second have what is
 * known of a guest that is not inhibited */
static GByteArray *
testStats(bool first, bool second)
{
    const bool added[] = { first, second };
    GByteArray *bytes = testWord(g_byte_array_new(), 2);

    for (size_t i = 0; i < G_N_ELEMENTS(added); i++) {
        g_autoptr(GByteArray) domain = testDomainNamed(i == 0 ? "guest" : "other");

        g_byte_array_append(bytes, domain->data, domain->len);
        testWord(bytes, added[i] ? 4 : 1);
        testWord(testWord(testString(bytes, "vcpu.current"), VIR_TYPED_PARAM_UINT), 2);
        if (!added[i])
            continue;
        testString(testWord(testString(bytes, "balloon.policy"), VIR_TYPED_PARAM_STRING), "block");
        testString(testWord(testString(bytes, "balloon.state"), VIR_TYPED_PARAM_STRING),
                   "available");
        testWord(testWord(testString(bytes, "balloon.inhibitor.count"), VIR_TYPED_PARAM_UINT), 0);
    }
    return bytes;
}

static void
testStartStats(testRun *run, guint32 stats)
{
    testStartWith(run, testGetProcedure("GET_ALL_DOMAIN_STATS"), testStatsArgs(stats));
    testAssertDecides(run, QEMU_DRIVER_PASS);
    testAssertUnchanged(run);
}

/* Takes @payload. */
static bool
testReplied(testRun *run, guint32 status, GByteArray *payload)
{
    bool more = qemuDriverCallReplied(run->call, status, payload->data, payload->len);

    g_byte_array_unref(payload);
    return more;
}

/* Up to the questions about both domains. */
static void
testStartStatsAsked(testRun *run)
{
    g_autoptr(GByteArray) other = testDomainNamed("other");

    testStartStats(run, 0);
    g_assert_true(testReplied(run, VB_FRAME_OK, testStats(false, false)));
    testAssertDecides(run, QEMU_DRIVER_ASK);
    testAssertQuestion(run, 0, 2, REMOTE_PROGRAM, 14, testDomainWord(0));
    testAssertQuestion(run, 1, 2, REMOTE_PROGRAM, 14, testWord(g_steal_pointer(&other), 0));
}

static void
testShowsStats(void)
{
    for (guint known = 0; known < 4; known++) {
        const bool first = known & 1;
        const bool second = known & 2;
        testRun run = { 0 };

        testStartStatsAsked(&run);
        /* The second answer comes first. */
        if (second)
            testAnswerOk(&run, 1, testAnswerString(RUNNING("", "")));
        else
            testAnswer(&run, 1, VB_FRAME_ERROR, testError(VIR_ERR_NO_DOMAIN, 10, "a", "%s", "a"));
        g_assert_false(qemuDriverCallIsSettled(run.call));
        if (first)
            testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
        else
            testAnswerOk(&run, 0, testAnswerString("<domain"));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertUnchanged(&run);
        testAssertEdits(&run, VB_FRAME_OK, testStats(false, false),
                        known ? testStats(first, second) : NULL);
        testEnd(&run);
    }
}

/* Whatever an answer is, it ends nothing. */
static void
testShowsStatsOfNonsense(void)
{
    static const char *const texts[] = { "", "nonsense", "<network/>",
                                         "<!DOCTYPE domain []>" RUNNING("", "") };

    for (size_t i = 0; i < G_N_ELEMENTS(texts) + 5; i++) {
        testRun run = { 0 };

        testStartStatsAsked(&run);
        if (i < G_N_ELEMENTS(texts))
            testAnswerOk(&run, 0, testAnswerString(texts[i]));
        else if (i == G_N_ELEMENTS(texts))
            qemuDriverCallAnswer(run.call, 0, VB_FRAME_OK, NULL, 0);
        else if (i == G_N_ELEMENTS(texts) + 1)
            qemuDriverCallAnswer(run.call, 0, VB_FRAME_ERROR, NULL, 0);
        else if (i == G_N_ELEMENTS(texts) + 2)
            testAnswer(&run, 0, VB_FRAME_CONTINUE, testAnswerString(RUNNING("", PCI)));
        else if (i == G_N_ELEMENTS(texts) + 3)
            testAnswer(&run, 0, 99, testAnswerString(RUNNING("", PCI)));
        else
            testAnswerOk(&run, 0, testWord(g_byte_array_new(), 0xffffffff));
        g_assert_false(qemuDriverCallIsSettled(run.call));
        testAnswerOk(&run, 1, testAnswerString(RUNNING("", "")));
        testAssertDecides(&run, QEMU_DRIVER_PASS);
        testAssertEdits(&run, VB_FRAME_OK, testStats(false, false), testStats(false, true));
        testEnd(&run);
    }
}

static void
testStatsExpire(void)
{
    testRun run = { 0 };

    testStartStatsAsked(&run);
    testAnswerOk(&run, 1, testAnswerString(RUNNING("", "")));
    qemuDriverCallExpire(run.call, "too late");
    g_assert_true(qemuDriverCallIsSettled(run.call));
    /* One that comes all the same. */
    testAnswerOk(&run, 0, testAnswerString(RUNNING("", "")));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    testAssertUnchanged(&run);
    testAssertEdits(&run, VB_FRAME_OK, testStats(false, false), testStats(false, true));
    testEnd(&run);
}

/* Nothing is asked about a reply that says nothing of domains. */
static void
testStatsAskNothing(void)
{
    g_autoptr(GByteArray) answer = testStats(false, false);
    testRun run = { 0 };

    testStartStats(&run, 0);
    for (size_t length = 0; length < answer->len; length++) {
        g_autofree guint8 *few = g_memdup2(answer->data, length);

        g_assert_false(qemuDriverCallReplied(run.call, VB_FRAME_OK, few ? few : (guint8 *)"",
                                             length));
        g_assert_null(qemuDriverCallEditReply(run.call, VB_FRAME_OK, few ? few : (guint8 *)"",
                                              length, &(size_t){ 0 }));
    }
    testEnd(&run);

    for (guint status = VB_FRAME_ERROR; status <= VB_FRAME_CONTINUE; status++) {
        testStartStats(&run, 0);
        g_assert_false(testReplied(&run, status, testStats(false, false)));
        testAssertEdits(&run, status, testStats(false, false), NULL);
        testEnd(&run);
    }
    testStartStats(&run, 0);
    g_assert_false(qemuDriverCallReplied(run.call, VB_FRAME_OK, NULL, 0));
    g_assert_null(qemuDriverCallEditReply(run.call, VB_FRAME_OK, NULL, 0, &(size_t){ 0 }));
    testEnd(&run);
    testStartStats(&run, 0);
    g_assert_false(testReplied(&run, VB_FRAME_OK, testWord(g_byte_array_new(), 0)));
    testAssertEdits(&run, VB_FRAME_OK, testWord(g_byte_array_new(), 0), NULL);
    testEnd(&run);
}

static void
testShowsOnlyBalloonStats(void)
{
    static const struct {
        guint32 stats;
        bool shown;
    } cases[] = {
        { 0, true }, { VIR_DOMAIN_STATS_BALLOON, true }, { 0xffffffff, true },
        { VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_STATE, true },
        { VIR_DOMAIN_STATS_STATE, false }, { ~(guint32)VIR_DOMAIN_STATS_BALLOON, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        testRun run = { 0 };

        testStartStats(&run, cases[i].stats);
        g_assert_true(qemuDriverCallWantsReply(run.call) == cases[i].shown);
        testEnd(&run);
    }
}

/* Domains that are named in the call change nothing. */
static void
testStatsOfNamedDomains(void)
{
    const testProcedure *procedure = testGetProcedure("GET_ALL_DOMAIN_STATS");
    GByteArray *args = testWord(g_byte_array_new(), 2);
    testRun run = { 0 };

    for (guint i = 0; i < 2; i++) {
        g_autoptr(GByteArray) domain = testDomain();

        g_byte_array_append(args, domain->data, domain->len);
    }
    testStartWith(&run, procedure, testWord(testWord(args, VIR_DOMAIN_STATS_STATE), 0xffffffff));
    testAssertDecides(&run, QEMU_DRIVER_PASS);
    g_assert_false(qemuDriverCallWantsReply(run.call));
    testEnd(&run);
}

#define CAPS(hostdev, balloon) "<domainCapabilities><devices><hostdev supported='yes'>" \
    hostdev "</hostdev>" balloon "</devices>"
#define CAPS_END "</domainCapabilities>"
#define SHOWN_CAPS \
    CAPS("  <enum name='ballooning'>\n        <value>on</value>\n" \
                 "        <value>off</value>\n      </enum>\n    ", \
                 "  <memballoon supported='yes'>\n      <enum name='policy'>\n" \
                 "        <value>block</value>\n        <value>warn</value>\n" \
                 "        <value>ignore</value>\n        <value>redirect</value>\n" \
                 "        <value>default</value>\n      </enum>\n    </memballoon>\n  ")

static void
testShowsCapabilities(void)
{
    static const char before[] = CAPS("", "") CAPS_END;
    static const char after[] = SHOWN_CAPS CAPS_END;
    const size_t most = 4194304 - strlen(after);
    testRun run = { 0 };

    testStartDump(&run, testGetProcedure("GET_DOMAIN_CAPABILITIES"));
    g_assert_false(testReplied(&run, VB_FRAME_OK, testAnswerString(before)));
    testAssertEdits(&run, VB_FRAME_OK, testAnswerString(before), testAnswerString(after));
    testAssertEdits(&run, VB_FRAME_ERROR, testAnswerString(before), NULL);
    testAssertEdits(&run, VB_FRAME_OK, testAnswerString("<domainCapabilities/>"), NULL);
    /* A domain's attributes are none of a host's. */
    testAssertEdits(&run, VB_FRAME_OK, testAnswerString("<domainCapabilities><memballoon model="
                                                        "'virtio'/></domainCapabilities>"), NULL);
    for (size_t spaces = most; spaces <= most + 1; spaces++) {
        g_autofree char *fill = g_strnfill(spaces, ' ');
        g_autofree char *tooLong = g_strconcat(CAPS("", ""), fill, CAPS_END, NULL);
        g_autofree char *shown = g_strconcat(SHOWN_CAPS, fill, CAPS_END, NULL);

        testAssertEdits(&run, VB_FRAME_OK, testAnswerString(tooLong),
                        spaces == most ? testAnswerString(shown) : NULL);
    }
    testEnd(&run);
}

/* What has grown too large */

#define TOO_LARGE "the document would be larger than 4 MiB in the form in which libvirt stores it"

static char *
testFill(const char *begin, size_t length, const char *end)
{
    g_autofree char *fill = g_strnfill(length, ' ');

    return g_strconcat(begin, fill, end, NULL);
}

/* The longest stored form that libvirtd decodes, and one byte more. */
static void
testProcedureTooLarge(gconstpointer opaque)
{
    static const char begin[] = DEFINITION_BEGIN("guest");
    static const char written[] = DEFINITION_END(WRITTEN_BALLOON("warn"), "");
    static const char stored[] = DEFINITION_END(BALLOON, STORED_POLICY("warn"));
    const testProcedure *procedure = opaque;
    const size_t most = 4194304 - strlen(begin) - strlen(stored);

    for (size_t spaces = most; spaces <= most + 1; spaces++) {
        g_autofree char *before = testFill(begin, spaces, written);
        g_autofree char *after = testFill(begin, spaces, stored);
        testRun run = { 0 };

        testStartWith(&run, procedure, testMakeArgs(procedure, before, NULL));
        if (spaces == most) {
            g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
            testAssertForwards(&run, procedure->number, testMakeArgs(procedure, after, NULL));
        } else {
            g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_REFUSE);
            testAssertBytes((GByteArray *)qemuDriverCallGetError(run.call),
                            testRefusalFrom(VIR_ERR_XML_ERROR, VIR_FROM_XML, "XML error",
                                            TOO_LARGE));
            g_assert_false(qemuDriverCallGetForward(run.call, &(gint32){ 0 },
                                                    &(const guint8 *){ NULL }, &(size_t){ 0 }));
        }
        testEnd(&run);
    }
}

/* What needs no change may be as long as a string can be. */
static void
testLargePasses(void)
{
    static const char begin[] = DEFINITION_BEGIN("guest");
    static const char end[] = DEFINITION_END(BALLOON, STORED_POLICY("warn"));
    const testProcedure *procedure = testGetProcedure("DEFINE_XML_FLAGS");
    g_autofree char *text = testFill(begin, 4194304 - strlen(begin) - strlen(end), end);
    testRun run = { 0 };

    testStartWith(&run, procedure, testMakeArgs(procedure, text, NULL));
    g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_PASS);
    testAssertUnchanged(&run);
    testEnd(&run);
}

/* One of several documents is enough. */
static void
testParamsTooLarge(void)
{
    static const char begin[] = DEFINITION_BEGIN("guest");
    static const char written[] = DEFINITION_END(WRITTEN_BALLOON("warn"), "");
    const testProcedure *procedure = testGetProcedure("MIGRATE_PERFORM3_PARAMS");
    g_autofree char *small = testFill(begin, 1, written);
    g_autofree char *large = testFill(begin, 4194304 - strlen(begin) - strlen(written), written);

    for (guint i = 0; i < 2; i++) {
        testRun run = { 0 };

        testStartWith(&run, procedure,
                      testMakeParams(procedure, "destination_xml", i == 0 ? small : large,
                                     "persistent_xml", i == 0 ? large : small));
        g_assert_cmpint(testDecide(&run), ==, QEMU_DRIVER_REFUSE);
        testAssertBytes((GByteArray *)qemuDriverCallGetError(run.call),
                        testRefusalFrom(VIR_ERR_XML_ERROR, VIR_FROM_XML, "XML error", TOO_LARGE));
        testEnd(&run);
    }
}

/* A device that is small goes into a definition that is not. */
static void
testAttachTooLarge(void)
{
    static const char begin[] = DEFINITION_BEGIN("guest");
    static const char before[] = DEFINITION_END(BALLOON, "");
    static const char after[] = DEFINITION_END(BALLOON MDEV("", MDEV_ALIAS), OVERRIDE);
    const size_t most = 4194304 - strlen(begin) - strlen(after);

    for (size_t spaces = most; spaces <= most + 1; spaces++) {
        g_autofree char *definition = testFill(begin, spaces, before);
        g_autofree char *expected = testFill(begin, spaces, after);
        testRun run = { .conn.libvirt = 8002000 };

        testStartAttach(&run, VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
        testAnswerOk(&run, 0, testAnswerString(GUEST("", "1048576", "", "")));
        testAnswerDefinition(&run, 1, definition);
        if (spaces == most)
            testAssertDefines(&run, expected);
        else
            testAssertRefuses(&run, testRefusalFrom(VIR_ERR_XML_ERROR, VIR_FROM_XML, "XML error",
                                                    TOO_LARGE));
        testEnd(&run);
    }
}

#undef TURN
#undef LENIENT
#undef TURN_PASSES
#undef SHOW
#undef LIVE
#undef CONFIG
#undef FORCE

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
    static const char *const answers[] = {
        "{\"return\":[{\"name\":\"a\",\"type\":\"child<vfio-user-pci>\"}]}", "{\"return\":[]}",
        "{\"return\":{}}", "{\"return\":[]}", "{\"return\":{\"enabled\":false}}",
        "{\"return\":{\"mode\":\"none\",\"last-mode\":\"none\",\"reason\":\"none\"}}",
        "{\"return\":[]}",
        "{\"return\":{\"qemu\":{\"micro\":0,\"minor\":2,\"major\":7},\"package\":\"\"}}",
        "{\"return\":\"\"}",
    };
    testRun run = { 0 };
    GByteArray *messages;
    guint count;
    guint i;

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
    count = qemuDriverCallGetQuestions(run.call)->len;
    g_assert_cmpuint(count, ==, G_N_ELEMENTS(answers));
    testAssertQuestion(&run, 0, count, QEMU_PROGRAM, 1,
                       testWord(testDomainString(LIST_PERIPHERAL), 0));
    testAssertQuestion(&run, 1, count, QEMU_PROGRAM, 1,
                       testWord(testDomainString(LIST_ANONYMOUS), 0));
    testAssertQuestion(&run, 2, count, QEMU_PROGRAM, 1,
                       testWord(testDomainString("{\"execute\":\"query-migrate\"}"), 0));
    for (i = 0; i < MIN(count, G_N_ELEMENTS(answers)); i++)
        testAnswerOk(&run, i, testAnswerString(answers[i]));
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
    testAssertDecides(&run, QEMU_DRIVER_ASK);
    testAnswerOk(&run, 0, testAnswerString("QEMU"));
    testAssertDecides(&run, QEMU_DRIVER_QUEUE);
    name[255] = '\0';
    g_assert_cmpstr(qemuDriverCallGetName(run.call), ==, name);
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

    testStart(&run, REMOTE_PROGRAM, 13, testDomainString(NEW_PCI));
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
    g_autoptr(GByteArray) args = NULL;
    qemuDriverCall *second;

    testStartSetMemory(&first);
    testAssertDecides(&first, QEMU_DRIVER_ASK);
    second = first.call;
    args = first.args;
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

typedef struct {
    const char *sentence;
    GTestDataFunc func;
} testSentence;

static void
testAddAll(const testProcedure *procedure, const testSentence *sentences, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/qemudriver/%s %s", procedure->name,
                                                sentences[i].sentence);

        g_test_add_data_func(path, procedure, sentences[i].func);
    }
}

static void
testAddProcedure(const testProcedure *procedure)
{
    static const testSentence sentences[] = {
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
    static const testSentence documents[] = {
        { "is forwarded with the stored form", testProcedureRewrites },
        { "is rewritten only for QEMU", testProcedureRewritesLater },
        { "is not touched on a connection to another driver", testProcedureLeavesOthers },
        { "is refused with a value that is none", testProcedureRefusesValue },
    };
    static const testSentence domains[] = {
        { "leaves what is no XML to libvirt", testProcedureLeavesBroken },
        { "with an opt-out needs libvirt 8.2", testProcedureOptOutNeedsLibvirt },
    };
    static const testSentence optional = { "may come without XML", testProcedureWithout };
    static const testSentence params[] = {
        { "has two documents rewritten", testProcedureParams },
        { "has no other parameter rewritten", testProcedureOtherParams },
    };
    static const testSentence strict = { "names its domain in a refusal",
                                         testProcedureNamesUnanswered };
    static const testSentence shows = { "shows what is in force", testProcedureShows };
    bool device = strstr(procedure->name, "DEVICE");

    testAddAll(procedure, sentences, G_N_ELEMENTS(sentences));
    if (procedure->xml)
        testAddAll(procedure, documents, G_N_ELEMENTS(documents));
    if (procedure->xml && !device)
        testAddAll(procedure, domains, G_N_ELEMENTS(domains));
    if (strpbrk(procedure->layout, "OT"))
        testAddAll(procedure, &optional, 1);
    if (procedure->param)
        testAddAll(procedure, params, G_N_ELEMENTS(params));
    if (procedure->xml && procedure->flags == 0 && !device && procedure->layout[0] == 'd')
        testAddAll(procedure, &strict, 1);
    if (testIsShown(procedure) && strstr(procedure->name, "XML"))
        testAddAll(procedure, &shows, 1);
}

static void
testAddAttach(const testProcedure *procedure)
{
    static const testSentence sentences[] = {
        { "is kept from pinning what the balloon holds", testRefusesAttach },
        { "of what is no XML is libvirt's to refuse", testAttachUnreadable },
        { "of a document type is judged", testAttachDoctype },
        { "of a harmless device passes without a question", testAttachHarmless },
    };

    testAddAll(procedure, sentences, G_N_ELEMENTS(sentences));
}

static void
testAddXML(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(testMetadatas); i++) {
        g_autofree char *path = g_strdup_printf("/qemudriver/SET_METADATA with %s %s",
                                                testMetadatas[i].sentence, testMetadatas[i].error ?
                                                "is refused" : "passes");

        g_test_add_data_func(path, &testMetadatas[i], testSetMetadata);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(testUpdates); i++) {
        g_autofree char *path = g_strdup_printf("/qemudriver/an update %s",
                                                testUpdates[i].sentence);

        g_test_add_data_func(path, &testUpdates[i], testUpdateDevice);
    }
    g_test_add_func("/qemudriver/the domains inside a snapshot or checkpoint are read",
                    testInnerDomains);
    g_test_add_func("/qemudriver/attributes in a document type are refused", testDoctype);
    g_test_add_func("/qemudriver/a version that cannot be read is refused", testLibvirtUnreadable);
    g_test_add_func("/qemudriver/an emulator with the property may opt out",
                    testEmulatorHasProperty);
    g_test_add_func("/qemudriver/an emulator without the property is refused",
                    testEmulatorLacksProperty);
    g_test_add_func("/qemudriver/an emulator that libvirt does not list is not run",
                    testEmulatorIsNotListed);
    g_test_add_func("/qemudriver/capabilities that libvirt does not tell are done without",
                    testCapabilitiesFail);
    g_test_add_func("/qemudriver/an emulator that takes too long is done without",
                    testExpiresWhileProbing);
    g_test_add_func("/qemudriver/an opted out device is attached by a definition",
                    testAttachDefines);
    g_test_add_func("/qemudriver/an attachment with an opt-out asks what a definition asks",
                    testAttachAsksAll);
    g_test_add_func("/qemudriver/an opted out device is not plugged in", testAttachHotplug);
    g_test_add_func("/qemudriver/an opted out device is not plugged in without flags",
                    testAttachHotplugWithoutFlags);
    g_test_add_func("/qemudriver/an attachment that libvirt refuses goes on without the attribute",
                    testAttachIsLibvirts);
    g_test_add_func("/qemudriver/an attachment joins the overrides that there are",
                    testAttachJoinsOverride);
    g_test_add_func("/qemudriver/an attachment with an opt-out is refused where nothing is known",
                    testAttachUnanswered);
    g_test_add_func("/qemudriver/networks are looked up, then asked for", testNetworkRounds);
    g_test_add_func("/qemudriver/a network that is not known does not count", testNetworkUnknown);
    g_test_add_func("/qemudriver/a network is looked up for an attachment", testNetworkAttached);
    g_test_add_func("/qemudriver/starts are judged", testStartsAreJudged);
    g_test_add_func("/qemudriver/a start from an image is not refused", testStartFromImage);
    g_test_add_func("/qemudriver/a start about which nothing is known passes unless it is 'block'",
                    testStartUnanswered);
    g_test_add_func("/qemudriver/images are resumed", testImagesPass);
    g_test_add_func("/qemudriver/what comes with XML is resumed", testIncomingPasses);
    g_test_add_func("/qemudriver/an update with flags that nobody knows is libvirt's",
                    testUpdateUnknownFlags);
    g_test_add_func("/qemudriver/an update about which nothing can be learned is libvirt's",
                    testUpdateUnanswered);
    g_test_add_func("/qemudriver/nothing is shown in a dump that is cut off",
                    testShowsNothingCutOff);
    g_test_add_func("/qemudriver/nothing is shown where the string would be too long",
                    testShowsNothingTooLong);
    g_test_add_func("/qemudriver/nothing is shown in what can be migrated", testShowsNoMigratable);
    g_test_add_func("/qemudriver/other dumps have no such flag", testShowsOthersWithAnyFlags);
}

static void
testAddState(void)
{
    static const char *const unanswered[] = {
        "that has gone", "that may not be read", "with XML that is none",
        "with XML that is too large", "with XML that does not come in time",
    };

    g_test_add_func("/qemudriver/messages say what inhibits", testShowsMessage);
    g_test_add_func("/qemudriver/messages that are cut off stay", testShowsNoMessageCutOff);
    g_test_add_func("/qemudriver/messages of some kinds say nothing of ours",
                    testShowsNoOtherMessages);
    for (guint i = 0; i < G_N_ELEMENTS(unanswered); i++) {
        g_autofree char *path = g_strdup_printf("/qemudriver/messages of a domain %s are libvirt's",
                                                unanswered[i]);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), testMessagesUnanswered);
    }
    g_test_add_func("/qemudriver/statistics show the state of the domains that are known",
                    testShowsStats);
    g_test_add_func("/qemudriver/an answer that is none adds nothing to statistics",
                    testShowsStatsOfNonsense);
    g_test_add_func("/qemudriver/statistics show what is known in time", testStatsExpire);
    g_test_add_func("/qemudriver/statistics without a domain ask nothing", testStatsAskNothing);
    g_test_add_func("/qemudriver/only statistics of the balloon have something of ours",
                    testShowsOnlyBalloonStats);
    g_test_add_func("/qemudriver/which statistics are wanted stands behind the domains",
                    testStatsOfNamedDomains);
    g_test_add_func("/qemudriver/capabilities say what may be written", testShowsCapabilities);

    for (size_t i = 0; i < G_N_ELEMENTS(testProcedures); i++) {
        const testProcedure *procedure = &testProcedures[i];
        g_autofree char *path = g_strdup_printf("/qemudriver/%s is refused where its document "
                                                "grows too large", procedure->name);

        if (procedure->xml && !strstr(procedure->name, "DEVICE"))
            g_test_add_data_func(path, procedure, testProcedureTooLarge);
    }
    g_test_add_func("/qemudriver/a large document that needs no change passes", testLargePasses);
    g_test_add_func("/qemudriver/one document that grows too large is enough", testParamsTooLarge);
    g_test_add_func("/qemudriver/an attachment is refused where the definition grows too large",
                    testAttachTooLarge);
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
    testAddXML();
    testAddState();

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
