/*
 * memorytest.c: no memory is left for what a peer has sent
 *
 * The allocator here is the test's: it gives the relay so many bytes and no more, whoever asks for
 * them (the relay itself, GLib, libxml2, libtirpc).  What is small it always gives: without that no
 * program of GLib's goes on.  A conversation of large messages is held again and again, each time
 * with a little more memory, until nothing fails.  Whatever fails, a call that is to be refused is
 * not with libvirt, and a client that comes when there is memory again is served.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>

#include "fakelibvirtd.h"

/* From here on an allocation may fail. */
#define SMALL 16384u
/* Of a peer's message. */
#define LARGE (1u << 20)
#define STEPS 25

/* The allocator */

/* For the libraries, too. */
#pragma GCC visibility push(default)
void *
malloc(size_t size);
void *
calloc(size_t count, size_t size);
void *
realloc(void *old, size_t size);
void
free(void *pointer);
#pragma GCC visibility pop

static bool testLimited; /* the relay runs, and not the peers */
static size_t testLimit = G_MAXSIZE;
static size_t testUsed;
static size_t testPeak;  /* of what was used */
static size_t testAsked; /* at a time, without being used */
static guint testFailures;

void *
__libc_malloc(size_t size);
void *
__libc_calloc(size_t count, size_t size);
void *
__libc_realloc(void *old, size_t size);
void
__libc_free(void *old);

static bool
testMayHave(size_t size)
{
    if (!testLimited || size < SMALL || (size <= testLimit && testUsed <= testLimit - size))
        return true;
    testFailures++;
    errno = ENOMEM;
    return false;
}

static void *
testCount(void *pointer)
{
    if (testLimited && pointer)
        testUsed += malloc_usable_size(pointer);
    testPeak = MAX(testPeak, testUsed);
    return pointer;
}

static void
testUncount(void *pointer)
{
    if (testLimited && pointer)
        testUsed -= MIN(testUsed, malloc_usable_size(pointer));
}

void *
malloc(size_t size)
{
    return testMayHave(size) ? testCount(__libc_malloc(size)) : NULL;
}

void *
calloc(size_t count, size_t size)
{
    return testMayHave(count * size) ? testCount(__libc_calloc(count, size)) : NULL;
}

void *
realloc(void *old, size_t size)
{
    if (!testMayHave(size))
        return NULL;
    testUncount(old);
    return testCount(__libc_realloc(old, size));
}

void
free(void *pointer)
{
    testUncount(pointer);
    __libc_free(pointer);
}

/* The relay's (see meson.build). */
void *
__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *
__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);

void *
__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (testLimited)
        testAsked = MAX(testAsked, size);
    return testMayHave(size) ? __real_mmap64(at, size, protection, flags, fd, offset) : MAP_FAILED;
}

/* GLib's, under another name (see meson.build): what runs in it is the relay. */
gboolean
__real_g_main_context_iteration(GMainContext *context, gboolean block);
gboolean
__wrap_g_main_context_iteration(GMainContext *context, gboolean block);

gboolean
__wrap_g_main_context_iteration(GMainContext *context, gboolean block)
{
    gboolean dispatched;

    testLimited = true;
    dispatched = __real_g_main_context_iteration(context, block);
    testLimited = false;
    return dispatched;
}

/* The conversations */

#define QUIET 0x22 /* what the UUID of the domain consists of that the next client asks about */
#define ABOUT 0x11 /* and of the one that the calls are about */
#define CALL 10

#define HEAD "<domain type='kvm' id='3'><name>guest</name><memory>1048576</memory><currentMemory>"
#define TAIL "</currentMemory><devices>" TEST_HOSTDEV "<memballoon model='virtio'/></devices>" \
    TEST_POLICY("block")
#define BARE_TAIL "</currentMemory><devices><memballoon model='virtio'/></devices>" \
    TEST_POLICY("block")

typedef struct {
    const char *path;
    guint32 program;
    gint32 procedure;
    bool longName;     /* of the domain, in the call */
    const char *xml;   /* in the call, or NULL */
    const char *answer; /* to the question for the domain's XML, or the call's own reply */
    const char *fill;  /* what makes the last of these large */
    const char *end;   /* of that */
    bool early;        /* before the connection is known to be one to QEMU */
    bool refused;
    const char *never; /* what libvirt must not get, or NULL */
} testCase;

static const testCase testCases[] = {
    { "a shrink by a large description is refused", REMOTE_PROGRAM,
      REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, false, NULL, HEAD "1048576" TAIL, " ", "</domain>",
      false, true, NULL },
    { "a shrink by a crowded description is refused", REMOTE_PROGRAM,
      REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, false, NULL, HEAD "1048576" TAIL, "<b/>x", "</domain>",
      false, true, NULL },
    { "a shrink with a long name is refused", REMOTE_PROGRAM,
      REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, true, NULL, HEAD "1048576" TAIL "</domain>", NULL, NULL,
      false, true, NULL },
    { "a first shrink with a long name is refused", REMOTE_PROGRAM,
      REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, true, NULL, HEAD "1048576" TAIL "</domain>", NULL, NULL,
      true, true, NULL },
    { "a large attachment is refused", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_ATTACH_DEVICE, false,
      "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' slot='0' "
      "function='0'/></source>", HEAD "524288" BARE_TAIL "</domain>", " ", "</hostdev>", false,
      true, NULL },
    { "a crowded attachment is refused", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_ATTACH_DEVICE, false,
      "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' slot='0' "
      "function='0'/></source>", HEAD "524288" BARE_TAIL "</domain>", "<b/>x", "</hostdev>", false,
      true, NULL },
    { "a first large attachment is refused", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_ATTACH_DEVICE,
      false, "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='7' slot='0' "
      "function='0'/></source>", HEAD "524288" BARE_TAIL "</domain>", " ", "</hostdev>", true,
      true, NULL },
    { "a large monitor command is refused", QEMU_PROGRAM, QEMU_PROC_DOMAIN_MONITOR_COMMAND, false,
      "{\"execute\":\"balloon\",\"arguments\":{\"value\":1048576}", HEAD "1048576" TAIL
      "</domain>", " ", "}", false, true, NULL },
    { "a large description is shown", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC, false, NULL,
      HEAD "1048576" TAIL, " ", "</domain>", false, false, NULL },
    { "a crowded description is shown", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC, false,
      NULL, HEAD "1048576" TAIL, "<b/>x", "</domain>", false, false, NULL },
    { "a large definition is stored", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS, false,
      "<domain type='kvm'><name>guest</name><memory>1048576</memory><devices>"
      "<memballoon model='virtio' policy='warn'/></devices>", NULL, " ", "</domain>", false, false,
      "policy='warn'" },
    { "a crowded definition is stored", REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS, false,
      "<domain type='kvm'><name>guest</name><memory>1048576</memory><devices>"
      "<memballoon model='virtio' policy='warn'/></devices>", NULL, "<b/>x", "</domain>", false,
      false, "policy='warn'" },
};

/* @text, made large. */
static char *
testFillUp(const testCase *what, const char *text)
{
    GString *large = g_string_sized_new(LARGE + 4096);

    g_string_append(large, text);
    while (large->len < LARGE)
        g_string_append(large, what->fill);
    g_string_append(large, what->end);
    return g_string_free(large, FALSE);
}

static testFrame *
testMakeCall(const testCase *what)
{
    testFrame *call = testFrameNew(what->program, what->procedure, VB_FRAME_CALL, CALL,
                                   VB_FRAME_OK);
    bool defines = what->procedure == REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS;
    g_autofree char *name = what->longName ? g_strnfill(LARGE, 'g') : g_strdup("guest");
    guint8 uuid[16];

    memset(uuid, ABOUT, sizeof(uuid));
    if (!defines) {
        testPutString(call->bytes, name, strlen(name));
        g_byte_array_append(call->bytes, uuid, sizeof(uuid));
        testPutWord(call->bytes, 3);
    }
    if (what->xml) {
        g_autofree char *xml = testFillUp(what, what->xml);

        testPutString(call->bytes, xml, strlen(xml));
    } else if (what->procedure == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS) {
        testPutWord(call->bytes, 0);
        testPutWord(call->bytes, TEST_SHRUNK);
    }
    if (what->procedure != REMOTE_PROC_DOMAIN_ATTACH_DEVICE)
        testPutWord(call->bytes,
                    what->procedure == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS ?
                    VIR_DOMAIN_MEM_LIVE : 0);
    testFrameSetWord(call, 0, call->bytes->len);
    return call;
}

/* What libvirt says to what comes, while the case is on. */
static testFrame *
testAnswer(const testCase *what, const testFrame *call)
{
    g_autofree char *large = NULL;

    if (testFrameGetSerial(call) == CALL) {
        g_assert_false(what->refused);
        if (what->never)
            g_assert_null(memmem(call->bytes->data, call->bytes->len, what->never,
                                 strlen(what->never)));
    }
    switch (testFrameGetProcedure(call)) {
    case REMOTE_PROC_CONNECT_GET_TYPE:
        return testReplyString(call, "QEMU", 4);
    case REMOTE_PROC_DOMAIN_GET_XML_DESC:
        if (what->xml || !what->fill)
            return testReplyString(call, what->answer, strlen(what->answer));
        large = testFillUp(what, what->answer);
        return testReplyString(call, large, strlen(large));
    default:
        return testReplyPlain(call);
    }
}

/* With @limit bytes for the call. Returns whether it had its reply; else the connection has
 * ended. */
static bool
testHold(testFixture *test, const testCase *what, size_t limit)
{
    testLink *link = what->early ? testLinkOpen(test) : testLinkKnown(test);
    g_autoptr(testFrame) reply = NULL;
    testFrame *frame;

    testPeerSendNew(&link->client, testMakeCall(what));
    testLimit = limit;
    testUsed = 0;
    testPeak = 0;
    testAsked = 0;
    testFailures = 0;
    testSettle(test);
    while ((frame = g_queue_pop_head(&link->upstream.frames))) {
        testPeerSendNew(&link->upstream, testAnswer(what, frame));
        testFrameFree(frame);
        testSettle(test);
    }
    testLimit = G_MAXSIZE;
    reply = g_queue_pop_head(&link->client.frames);
    if (!reply) {
        g_assert_true(link->client.ended);
        g_assert_cmpuint(testFailures, >, 0);
        return false;
    }
    g_assert_cmpuint(testFrameGetSerial(reply), ==, CALL);
    g_assert_true((testGetWord(reply->bytes, 24) == VB_FRAME_ERROR) == what->refused);
    if (what->procedure == REMOTE_PROC_DOMAIN_GET_XML_DESC)
        g_assert_nonnull(memmem(reply->bytes->data, reply->bytes->len, "policy='block'", 14));
    return true;
}

static void
testNextClient(testFixture *test)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(CALL, ABOUT);

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
    testExpectNothing(test, &link->upstream);
}

static void
testCaseRuns(testFixture *test, gconstpointer data)
{
    const testCase *what = data;
    guint ended = 0;
    size_t most;
    guint step;

    /* A client that is left is logged. */
    g_log_set_always_fatal((GLogLevelFlags)G_LOG_FATAL_MASK);
    g_assert_true(testHold(test, what, G_MAXSIZE));
    g_test_message("%.1f times of what came are used, %.1f times are asked for",
                   (double)testPeak / LARGE, (double)testAsked / LARGE);
    /* Once there is enough nothing can fail any more. */
    g_assert_cmpuint(testPeak, <=, testAsked);
    most = testPeak + testAsked;
    for (step = 0; step <= STEPS; step++) {
        testFixture one = { 0 };
        bool held;

        testSetup(&one, NULL);
        held = testHold(&one, what, most * step / STEPS);
        g_assert_true(held || step < STEPS);
        if (!held)
            ended++;
        testNextClient(&one);
        testTeardown(&one, NULL);
    }
    g_test_message("the connection ended %u times of %u", ended, STEPS + 1);
    g_assert_cmpuint(ended, >, 1);
}

static void
testAddAll(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testCases); i++) {
        g_autofree char *full = g_strdup_printf("/memory/%s", testCases[i].path);

        g_test_add(full, testFixture, &testCases[i], testSetup, testCaseRuns, testTeardown);
    }
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
