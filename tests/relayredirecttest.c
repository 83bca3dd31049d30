/*
 * relayredirecttest.c: what is changed in the name of a client before its own call is forwarded
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "fakelibvirtd.h"

#define LIVE VIR_DOMAIN_AFFECT_LIVE
#define CONFIG VIR_DOMAIN_AFFECT_CONFIG

/* 1 GiB of boot memory and two devices of half as much. */
#define DEVICE(name, requested) \
    "<memory model='virtio-mem'><target><size unit='KiB'>524288</size><node>0</node>" \
    "<block unit='KiB'>2048</block><requested unit='KiB'>" requested \
    "</requested><current unit='KiB'>524288</current></target><alias name='" name "'/></memory>"
#define GUEST(id, current, devices) "<domain type='kvm'" id "><name>guest</name>" \
    "<uuid>d9726b48-263f-4d63-962e-3973021df959</uuid>" TEST_POLICY("redirect") \
    "<memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>" current "</currentMemory>" \
    "<devices>" devices "<memballoon model='virtio'/></devices></domain>"
#define RUNNING(first, second) GUEST(" id='3'", "2097152", TEST_HOSTDEV DEVICE("ua-a", first) \
                                     DEVICE("ua-b", second))
#define FULL RUNNING("524288", "524288")
#define BALLOON 1048576u
#define ASKED 1572864u /* both devices are to have half of what they could */

/* A device's element as it is sent. */
static char *
testElement(const char *name, unsigned int requested)
{
    g_autofree char *number = g_strdup_printf("%u", requested);
    g_autoptr(GString) text = g_string_new(DEVICE("NAME", "SIZE"));

    g_string_replace(text, "'", "\"", 0);
    g_string_replace(text, "NAME", name, 0);
    g_string_replace(text, "SIZE", number, 0);
    return g_strdup(text->str);
}

static testFrame *
testMemory(guint32 serial, guint32 memory, guint32 flags)
{
    return testSetMemoryOfType(VB_FRAME_CALL, serial, 1, memory, flags);
}

/* The client's call, which the fixture keeps, up to the first change, which is out then. */
static testLink *
testLinkBegun(testFixture *test, const char *xml)
{
    testLink *link = testLinkKnown(test);

    test->two.call = testMemory(10, ASKED, LIVE);
    testPeerSend(&link->client, test->two.call);
    testAnswerXml(test, link, xml);
    return link;
}

/* Returns: (transfer full): the change of a device that libvirt was sent, the only one */
static testFrame *
testTakeResize(testFixture *test, testLink *link, const char *name, unsigned int requested,
               guint32 flags)
{
    testFrame *frame = testTakeQuestion(test, link, REMOTE_PROGRAM,
                                        REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS);
    g_autoptr(testFrame) like = testMemory(1, 0, 0);
    g_autoptr(GByteArray) args = g_byte_array_new();
    g_autofree char *element = testElement(name, requested);

    /* The domain, as the client names it. */
    g_byte_array_append(args, like->bytes->data + 28, 32);
    testPutString(args, element, strlen(element));
    testPutWord(args, flags);
    g_assert_cmpmem(frame->bytes->data + 28, frame->bytes->len - 28, args->data, args->len);
    testExpectNothing(test, &link->upstream);
    testExpectNothing(test, &link->client);
    return frame;
}

static void
testResize(testFixture *test, testLink *link, const char *name, unsigned int requested,
           guint32 flags)
{
    g_autoptr(testFrame) change = testTakeResize(test, link, name, requested, flags);

    testPeerSendNew(&link->upstream, testReplyPlain(change));
}

static void
testResizeFails(testFixture *test, testLink *link, const char *name, unsigned int requested)
{
    g_autoptr(testFrame) change = testTakeResize(test, link, name, requested, LIVE);

    testPeerSendNew(&link->upstream, testReplyError(change, VIR_ERR_OPERATION_TIMEOUT,
                                                    VIR_FROM_QEMU));
}

/* The client's call with another size, and with its own serial. */
static testFrame *
testTakeCall(testFixture *test, testLink *link, guint32 memory, guint32 flags)
{
    testFrame *frame = testTake(test, &link->upstream);
    g_autoptr(testFrame) expected = testMemory(10, memory, flags);

    testFramesAreEqual(frame, expected);
    return frame;
}

static void
testAnswerCall(testFixture *test, testLink *link, guint32 memory, guint32 flags)
{
    g_autoptr(testFrame) frame = testTakeCall(test, link, memory, flags);
    g_autoptr(testFrame) reply = testReplyPlain(frame);

    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
}

/* Nothing of it is left: the next call about the domain is decided at once. */
static void
testIsOver(testFixture *test, testLink *link)
{
    g_autoptr(testFrame) call = testShrink(77, 1);

    testExpectNothing(test, &link->upstream);
    testExpectNothing(test, &link->client);
    testPeerSend(&link->client, call);
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
}

static void
testBothDevices(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);

    testResize(test, link, "ua-a", 262144, LIVE);
    testResize(test, link, "ua-b", 262144, LIVE);
    testAnswerCall(test, link, BALLOON, LIVE);
    testIsOver(test, link);
}

static void
testNothingToResize(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, RUNNING("262144", "262144"));

    testAnswerCall(test, link, BALLOON, LIVE);
    testIsOver(test, link);
}

/* What a daemon that was killed between the two has left. */
static void
testRepeated(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, RUNNING("262144", "524288"));

    testResize(test, link, "ua-b", 262144, LIVE);
    testAnswerCall(test, link, BALLOON, LIVE);
    testIsOver(test, link);
}

static void
testWithoutFlags(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testMemory(10, ASKED, 0);
    g_autoptr(testFrame) expected = testMemory(10, BALLOON, 0);
    g_autoptr(testFrame) reply = NULL;

    /* DOMAIN_SET_MEMORY has no word of flags. */
    testFrameSetWord(call, 12, REMOTE_PROC_DOMAIN_SET_MEMORY);
    testFrameSetWord(expected, 12, REMOTE_PROC_DOMAIN_SET_MEMORY);
    g_byte_array_set_size(call->bytes, call->bytes->len - 4);
    g_byte_array_set_size(expected->bytes, expected->bytes->len - 4);
    testFrameSetWord(call, 0, call->bytes->len);
    testFrameSetWord(expected, 0, expected->bytes->len);
    reply = testReplyPlain(call);

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, FULL);
    testResize(test, link, "ua-a", 262144, LIVE);
    testResize(test, link, "ua-b", 262144, LIVE);
    testExpectSame(test, &link->upstream, expected);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
}

static void
testNextStart(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testMemory(10, ASKED, LIVE | CONFIG);
    guint i;

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, FULL);
    for (i = 0; i < 2; i++) {
        g_autoptr(testFrame) question = testTake(test, &link->upstream);

        if (testFrameGetProcedure(question) == REMOTE_PROC_DOMAIN_GET_XML_DESC) {
            testAnswerString(link, question, GUEST("", "2097152", DEVICE("ua-a", "524288")
                                                   DEVICE("ua-b", "0")));
        } else {
            testFrame *reply = testReplyTo(question, VB_FRAME_OK);

            testPutWord(reply->bytes, 1);
            testFrameSetWord(reply, 0, reply->bytes->len);
            testPeerSendNew(&link->upstream, reply);
        }
    }
    testResize(test, link, "ua-a", 262144, LIVE);
    testResize(test, link, "ua-b", 262144, LIVE);
    testResize(test, link, "ua-a", 262144, CONFIG);
    testResize(test, link, "ua-b", 262144, CONFIG);
    testAnswerCall(test, link, BALLOON, LIVE | CONFIG);
}

static void
testDeflatesFirst(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link =
        testLinkBegun(test, GUEST(" id='3'", "1572864", TEST_HOSTDEV DEVICE("ua-a", "524288")
                                  DEVICE("ua-b", "524288")));
    g_autoptr(testFrame) change = testTakeQuestion(test, link, REMOTE_PROGRAM,
                                                   REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS);
    g_autoptr(testFrame) like = testMemory(10, BALLOON, LIVE);

    g_assert_cmpmem(change->bytes->data + 28, change->bytes->len - 28, like->bytes->data + 28,
                    like->bytes->len - 28);
    testExpectNothing(test, &link->upstream);
    testPeerSendNew(&link->upstream, testReplyPlain(change));
    testResize(test, link, "ua-a", 262144, LIVE);
    testResize(test, link, "ua-b", 262144, LIVE);
    testAnswerCall(test, link, BALLOON, LIVE);
}

static void
testSecondFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);

    testResize(test, link, "ua-a", 262144, LIVE);
    testResizeFails(test, link, "ua-b", 262144);
    testResize(test, link, "ua-a", 524288, LIVE);
    testExpectError(test, link, test->two.call, VIR_ERR_OPERATION_FAILED, VIR_FROM_QEMU,
                    "operation failed: cannot set memory of domain 'guest' to 1572864 KiB: "
                    "virtio-mem device 'ua-b' was not resized to 262144 KiB: said by libvirt; what "
                    "was resized before (1 device) was set back");
    g_assert_cmpuint(testLogLines, ==, 1);
    testIsOver(test, link);
}

static void
testSetBackFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);

    testResize(test, link, "ua-a", 262144, LIVE);
    testResizeFails(test, link, "ua-b", 262144);
    testResizeFails(test, link, "ua-a", 524288);
    testExpectError(test, link, test->two.call, VIR_ERR_OPERATION_FAILED, VIR_FROM_QEMU,
                    "said by libvirt; 1 of 1 devices that were resized before could not be set "
                    "back");
    testIsOver(test, link);
}

static void
testFirstFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);
    g_autoptr(testFrame) change = testTakeResize(test, link, "ua-a", 262144, LIVE);
    g_autoptr(testFrame) said = testReplyError(change, VIR_ERR_AUTH_UNAVAILABLE, VIR_FROM_ACCESS);
    g_autoptr(testFrame) heard = NULL;

    testPeerSend(&link->upstream, said);
    heard = testTake(test, &link->client);
    g_assert_cmpuint(testFrameGetSerial(heard), ==, 10);
    g_assert_cmpint(testFrameGetProcedure(heard), ==, REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS);
    g_assert_cmpmem(heard->bytes->data + 28, heard->bytes->len - 28, said->bytes->data + 28,
                    said->bytes->len - 28);
    testIsOver(test, link);
}

static void
testUnreadableError(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);
    g_autoptr(testFrame) change = testTakeResize(test, link, "ua-a", 262144, LIVE);
    testFrame *said = testReplyTo(change, VB_FRAME_ERROR);

    testPutWord(said->bytes, 1);
    testFrameSetWord(said, 0, said->bytes->len);
    testPeerSendNew(&link->upstream, said);
    testExpectError(test, link, test->two.call, VIR_ERR_OPERATION_FAILED, VIR_FROM_QEMU,
                    "was not resized to 262144 KiB: libvirt's answer cannot be read");
    testIsOver(test, link);
}

/* The last one first, and then libvirt's own words. */
static void
testCallFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);
    g_autoptr(testFrame) forwarded = NULL;
    g_autoptr(testFrame) said = NULL;

    testResize(test, link, "ua-a", 262144, LIVE);
    testResize(test, link, "ua-b", 262144, LIVE);
    forwarded = testTakeCall(test, link, BALLOON, LIVE);
    said = testReplyError(forwarded, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU);
    testPeerSend(&link->upstream, said);
    testResize(test, link, "ua-b", 524288, LIVE);
    testResize(test, link, "ua-a", 524288, LIVE);
    testExpectSame(test, &link->client, said);
    testIsOver(test, link);
}

/* Whoever set the balloon alone hears of the error as it came. */
static void
testCallAloneFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, RUNNING("262144", "262144"));
    g_autoptr(testFrame) forwarded = testTakeCall(test, link, BALLOON, LIVE);
    g_autoptr(testFrame) said = testReplyError(forwarded, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU);

    testPeerSend(&link->upstream, said);
    testExpectSame(test, &link->client, said);
    testIsOver(test, link);
}

static void
testNoDeadline(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);
    g_autoptr(testFrame) change = testTakeResize(test, link, "ua-a", 262144, LIVE);

    testSleep(test, 10 * TEST_DEADLINE);
    testExpectNothing(test, &link->client);
    testPeerSendNew(&link->upstream, testReplyPlain(change));
    testSleep(test, 10 * TEST_DEADLINE);
    testResize(test, link, "ua-b", 262144, LIVE);
    testAnswerCall(test, link, BALLOON, LIVE);
}

/* Before the first change is out there is one: here other calls have all the room for questions. */
static void
testDeadlineBefore(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    guint i;

    /* The first one asks for two more things when it has its answer. */
    testPeerSendNew(&link->client, testSetMemoryOfType(VB_FRAME_CALL, 20, 9, TEST_SHRUNK,
                                                       LIVE | CONFIG));
    testPeerSendNew(&link->client, testShrink(21, 21));
    testPeerSendNew(&link->client, testShrink(22, 22));
    testPeerSendNew(&link->client, testMemory(10, ASKED, LIVE));
    testAnswerXml(test, link, testXmlFree);
    for (i = 0; i < 2; i++)
        testFrameFree(testTakeXmlQuestion(test, link));
    testAnswerXml(test, link, FULL);

    /* Only those two, and no change. */
    testFrameFree(testTakeXmlQuestion(test, link));
    testFrameFree(testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_IS_PERSISTENT));
    testExpectNothing(test, &link->upstream);
    testSleep(test, TEST_DEADLINE);
    for (i = 0; i < 4; i++)
        testFrameFree(testTake(test, &link->client));
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

/* Another connection's call about the domain waits for all of it. */
static void
testAwaited(testFixture *test, gconstpointer data)
{
    bool goes = GPOINTER_TO_INT(data);
    testLink *link = testLinkBegun(test, FULL);
    testLink *other = testLinkKnown(test);
    g_autoptr(testFrame) waiting = testShrink(20, 1);
    g_autoptr(testFrame) change = testTakeResize(test, link, "ua-a", 262144, LIVE);
    g_autoptr(testFrame) forwarded = NULL;

    testPeerSend(&other->client, waiting);
    testExpectNothing(test, &other->upstream);
    if (goes) {
        testPeerClose(&link->client);
        testSettle(test);
    }
    testPeerSendNew(&link->upstream, testReplyPlain(change));
    testResize(test, link, "ua-b", 262144, LIVE);
    forwarded = testTakeCall(test, link, BALLOON, LIVE);
    testExpectNothing(test, &other->upstream);
    testPeerSendNew(&link->upstream, testReplyPlain(forwarded));
    testAnswerXml(test, other, testXmlInhibited);
    testExpectRefused(test, other, waiting);
    if (goes)
        g_assert_null(link->relay);
}

static void
testClientGoesAndSecondFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);

    testResize(test, link, "ua-a", 262144, LIVE);
    testPeerClose(&link->client);
    {
        g_autoptr(testFrame) change =
            testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS);

        testPeerSendNew(&link->upstream, testReplyError(change, VIR_ERR_OPERATION_TIMEOUT,
                                                        VIR_FROM_QEMU));
    }
    {
        g_autoptr(testFrame) back =
            testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS);

        testPeerSendNew(&link->upstream, testReplyPlain(back));
    }
    testExpectEnd(test, &link->upstream);
    g_assert_null(link->relay);
}

static void
testClientGoesAndCallFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, RUNNING("262144", "524288"));
    g_autoptr(testFrame) forwarded = NULL;
    g_autoptr(testFrame) back = NULL;

    testResize(test, link, "ua-b", 262144, LIVE);
    forwarded = testTakeCall(test, link, BALLOON, LIVE);
    testPeerClose(&link->client);
    testSettle(test);
    testPeerSendNew(&link->upstream, testReplyError(forwarded, VIR_ERR_OPERATION_TIMEOUT,
                                                    VIR_FROM_QEMU));
    back = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS);
    testPeerSendNew(&link->upstream, testReplyPlain(back));
    testExpectEnd(test, &link->upstream);
    g_assert_null(link->relay);
}

static void
testLibvirtGoes(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkBegun(test, FULL);
    testLink *other = testLinkKnown(test);
    g_autoptr(testFrame) waiting = testShrink(20, 1);

    testFrameFree(testTakeResize(test, link, "ua-a", 262144, LIVE));
    testPeerSend(&other->client, waiting);
    testExpectNothing(test, &other->upstream);
    testPeerClose(&link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_cmpuint(link->client.frames.length, ==, 0);
    testAnswerXml(test, other, testXmlInhibited);
    testExpectRefused(test, other, waiting);
}

static void
testAddAll(void)
{
#define testAdd(sentence, data, function) \
    g_test_add("/redirect/" sentence, testFixture, data, testSetup, function, testTeardown)
    testAdd("devices are resized one after the other, and then the balloon is set", NULL,
            testBothDevices);
    testAdd("where nothing is to be resized the balloon is set at once", NULL,
            testNothingToResize);
    testAdd("what was begun and left is completed when it is repeated", NULL, testRepeated);
    testAdd("a size without flags is one for the running guest", NULL, testWithoutFlags);
    testAdd("the next start's devices are resized after the running guest's", NULL, testNextStart);
    testAdd("a balloon that is inflated for nothing is deflated before that", NULL,
            testDeflatesFirst);
    testAdd("where the second device fails the first is set back, and there is one error", NULL,
            testSecondFails);
    testAdd("what cannot be set back is said", NULL, testSetBackFails);
    testAdd("where the first one fails libvirt's own words are the error", NULL, testFirstFails);
    testAdd("an error that cannot be read is one", NULL, testUnreadableError);
    testAdd("where libvirt refuses the call itself the devices are set back first", NULL,
            testCallFails);
    testAdd("where no device was resized none is set back", NULL, testCallAloneFails);
    testAdd("what libvirt has begun has no deadline", NULL, testNoDeadline);
    testAdd("what libvirt has not begun has one", NULL, testDeadlineBefore);
    testAdd("another call about the domain waits for all of it", GINT_TO_POINTER(false),
            testAwaited);
    testAdd("a client that goes in between changes nothing", GINT_TO_POINTER(true), testAwaited);
    testAdd("a failure after the client has gone sets back as well", NULL,
            testClientGoesAndSecondFails);
    testAdd("a refusal after the client has gone sets back as well", NULL,
            testClientGoesAndCallFails);
    testAdd("a libvirt that goes in between ends it", NULL, testLibvirtGoes);
#undef testAdd
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
