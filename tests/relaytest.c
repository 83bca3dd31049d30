/*
 * relaytest.c: one client, one libvirtd, and what goes between them
 *
 * What is rewritten or edited on its way is in relayxmltest.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakelibvirtd.h"

/* Handing on. */

/* Messages of all kinds. */
static GPtrArray *
testAllKinds(size_t large)
{
    static const guint fds[] = { 0, 1, 2, 32 };
    static const guint32 types[] = { 0, 1, 2, 3, 6, 9, 0xffffffff };
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)testFrameFree);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        g_ptr_array_add(frames, testNoise(REMOTE_PROC_DOMAIN_GET_INFO, types[i], (guint32)i, 0));
        g_ptr_array_add(frames, testNoise(REMOTE_PROC_DOMAIN_GET_INFO, types[i], (guint32)i, 37));
        g_ptr_array_add(frames, testNoise(-1, types[i], 0xffffffff, 3));
    }
    for (i = 0; i < G_N_ELEMENTS(fds); i++) {
        testFrame *call = testNoise(249, VB_FRAME_CALL_WITH_FDS, (guint32)i, 20);
        testFrame *reply = testNoise(343, VB_FRAME_REPLY_WITH_FDS, (guint32)i, 0);

        testFrameAddFds(call, fds[i]);
        testFrameAddFds(reply, fds[i]);
        g_ptr_array_add(frames, call);
        g_ptr_array_add(frames, reply);
    }
    g_ptr_array_add(frames, testNoise(201, VB_FRAME_STREAM, 5, large));
    g_ptr_array_add(frames, testNoise(201, VB_FRAME_CALL, 6, large));
    g_ptr_array_add(frames, testNoise(201, VB_FRAME_REPLY, 7, large));
    return frames;
}

static void
testExpectAll(testFixture *test, testPeer *peer, const GPtrArray *frames)
{
    guint i;

    for (i = 0; i < frames->len; i++)
        testExpectSame(test, peer, g_ptr_array_index(frames, i));
    testExpectNothing(test, peer);
}

typedef struct {
    bool fromClient;
    bool fromUpstream;
    guint chunk;
    bool random;
    size_t large;
} testHandOn;

static void
testUnaltered(testFixture *test, gconstpointer data)
{
    const testHandOn *how = data;
    testLink *link = testLinkNew(test);
    g_autoptr(GPtrArray) calls = testAllKinds(how->large);
    g_autoptr(GPtrArray) replies = testAllKinds(how->large);
    guint i;

    link->client.chunk = link->upstream.chunk = how->chunk;
    link->client.random = link->upstream.random = how->random;
    for (i = 0; i < calls->len; i++) {
        if (how->fromClient)
            testPeerSend(&link->client, g_ptr_array_index(calls, i));
        if (how->fromUpstream)
            testPeerSend(&link->upstream, g_ptr_array_index(replies, i));
    }
    if (how->fromClient)
        testExpectAll(test, &link->upstream, calls);
    else
        testExpectNothing(test, &link->upstream);
    if (how->fromUpstream)
        testExpectAll(test, &link->client, replies);
    else
        testExpectNothing(test, &link->client);
}

/* The same while calls are judged and the questions and refusals go in between. */
static void
testUnalteredAmongDecisions(testFixture *test, gconstpointer data)
{
    const testHandOn *how = data;
    testLink *link = testLinkKnown(test);
    g_autoptr(GPtrArray) calls = testAllKinds(how->large);
    g_autoptr(GPtrArray) replies = testAllKinds(how->large);
    guint refused = 0;
    guint called = 0;
    guint replied = 0;
    guint i;

    link->client.chunk = link->upstream.chunk = how->chunk;
    link->client.random = link->upstream.random = how->random;
    for (i = 0; i < calls->len; i++) {
        testPeerSend(&link->client, g_ptr_array_index(calls, i));
        testPeerSend(&link->upstream, g_ptr_array_index(replies, i));
        if (i % 4 == 0)
            testPeerSendNew(&link->client, testShrink(0x1000 + i, (guint8)i));
    }

    while (called < calls->len || replied < replies->len || refused * 4 < calls->len) {
        g_autoptr(testFrame) frame = NULL;

        testSettle(test);
        if ((frame = g_queue_pop_head(&link->upstream.frames))) {
            if (testFrameGetProcedure(frame) == REMOTE_PROC_DOMAIN_GET_XML_DESC)
                testAnswerString(link, frame, testXmlInhibited);
            else
                testFramesAreEqual(frame, g_ptr_array_index(calls, called++));
        } else {
            frame = testTake(test, &link->client);
            if (testFrameGetProcedure(frame) == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS)
                refused++;
            else
                testFramesAreEqual(frame, g_ptr_array_index(replies, replied++));
        }
    }
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

static void
testCutThrough(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_CALL, 6, 100000);

    testPeerSendPart(&link->client, frame, 0, 50000);
    testPeerSendPart(&link->upstream, frame, 0, 29);
    testSettle(test);
    g_assert_cmpuint(link->upstream.half->bytes->len, ==, 50000);
    g_assert_cmpuint(link->client.half->bytes->len, ==, 29);
    testPeerSendPart(&link->client, frame, 50000, frame->bytes->len);
    testExpectSame(test, &link->upstream, frame);
}

static void
testLargest(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_CALL, 6, 100);

    testPutZeros(frame->bytes, VB_FRAME_LENGTH_MAX - frame->bytes->len);
    testFrameSetWord(frame, 0, VB_FRAME_LENGTH_MAX);
    testPeerSend(&link->client, frame);
    testPeerSend(&link->upstream, frame);
    testExpectSame(test, &link->upstream, frame);
    testExpectSame(test, &link->client, frame);
}

typedef enum {
    TEST_BAD_SHORT,
    TEST_BAD_LONG,
    TEST_BAD_NO_COUNT,
    TEST_BAD_TOO_MANY_FDS,
    TEST_BAD_NO_FD,
    TEST_BAD_LAST,
} testBad;

static void
testPeerSendBad(testPeer *peer, testBad kind)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, 249, kind == TEST_BAD_SHORT ||
                                    kind == TEST_BAD_LONG ? VB_FRAME_CALL : VB_FRAME_CALL_WITH_FDS,
                                    7, VB_FRAME_OK);
    static const guint8 zero = 0;

    testFrameSetWord(frame, 0, frame->bytes->len);
    switch (kind) {
    case TEST_BAD_SHORT:
        testFrameSetWord(frame, 0, 27);
        break;
    case TEST_BAD_LONG:
        testFrameSetWord(frame, 0, VB_FRAME_LENGTH_MAX + 1);
        break;
    case TEST_BAD_NO_COUNT:
        testFrameSetWord(frame, 0, 28);
        break;
    case TEST_BAD_TOO_MANY_FDS:
        testFrameSetWord(frame, 28, 33);
        break;
    case TEST_BAD_NO_FD:
        testFrameSetWord(frame, 28, 1);
        break;
    case TEST_BAD_LAST:
    default:
        g_assert_not_reached();
    }
    testPeerSend(peer, frame);
    if (kind == TEST_BAD_NO_FD)
        testPeerSendBytes(peer, &zero, 1);
    testFrameFree(frame);
}

/* What came in front of it is delivered; then both sides end. */
static void
testMalformedFromClient(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) call = testPlainCall(5);

    testPeerSend(&link->client, call);
    testPeerSendBad(&link->client, (testBad)GPOINTER_TO_INT(data));
    testExpectSame(test, &link->upstream, call);
    testExpectEnd(test, &link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_null(link->relay);
}

static void
testMalformedFromUpstream(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) call = testPlainCall(5);

    testPeerSend(&link->upstream, call);
    testPeerSendBad(&link->upstream, (testBad)GPOINTER_TO_INT(data));
    testExpectSame(test, &link->client, call);
    testExpectEnd(test, &link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_null(link->relay);
}

static void
testStrayFd(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) call = testPlainCall(5);

    /* Which byte it comes with: the first of a message. */
    testPeerSendFd(&link->client, 99);
    testPeerSendPart(&link->client, call, 1, call->bytes->len);
    testExpectSame(test, &link->upstream, call);
    g_assert_nonnull(link->relay);
}

/* Questions. */

static void
testSerialsCountDown(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    guint32 serial = TEST_SERIAL_FIRST;
    guint i;

    for (i = 0; i < 20; i++) {
        g_autoptr(testFrame) call = testShrink(10 + i, (guint8)i);
        g_autoptr(testFrame) question = NULL;

        testPeerSend(&link->client, call);
        if (i == 0) {
            g_autoptr(testFrame) type =
                testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);

            g_assert_cmphex(testFrameGetSerial(type), ==, serial--);
            testAnswerString(link, type, "QEMU");
        }
        question = testTakeXmlQuestion(test, link);
        g_assert_cmphex(testFrameGetSerial(question), ==, serial--);
        testAnswerString(link, question, testXmlInhibited);
        testExpectRefused(test, link, call);
    }
}

static void
testQuestionIsAboutTheDomain(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 0xab);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    question = testTakeXmlQuestion(test, link);
    /* Domain, then flags 0. */
    g_assert_cmpuint(question->bytes->len, ==, 28 + 32 + 4);
    g_assert_cmpmem(question->bytes->data + 28, 32, call->bytes->data + 28, 32);
    g_assert_cmpuint(testGetWord(question->bytes, 28 + 32), ==, 0);
}

static void
testFourInFlight(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    guint answered;
    guint i;

    for (i = 0; i < 5; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)i));
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);

    for (answered = 0; answered < 5; answered++) {
        testAnswerXml(test, link, testXmlInhibited);
        testSettle(test);
        g_assert_cmpuint(link->upstream.frames.length, ==, answered == 0 ? 4 : 4 - answered);
        g_assert_cmpuint(link->client.frames.length, ==, answered + 1);
    }
}

static void
testFourInFlightOfOneCall(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testSetMemoryOfType(VB_FRAME_CALL, 9, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG);
    guint i;

    /* Three that ask for one document each, and one that then asks for two things. */
    for (i = 0; i < 3; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)(10 + i)));
    testPeerSend(&link->client, call);
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);
    {
        g_autoptr(testFrame) last = g_queue_pop_tail(&link->upstream.frames);

        testAnswerString(link, last, testXmlFree);
    }
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);
    testAnswerXml(test, link, testXmlInhibited);
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);
}

static void
testAnswersStayHere(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testExpectNothing(test, &link->client);
    testAnswerXml(test, link, testXmlFree);
    testExpectNothing(test, &link->client);
    testFinishCall(test, link, call);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

static void
testAnswersInAnyOrder(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(GPtrArray) questions =
        g_ptr_array_new_with_free_func((GDestroyNotify)testFrameFree);
    guint i;

    for (i = 0; i < 4; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)i));
    for (i = 0; i < 4; i++)
        g_ptr_array_add(questions, testTakeXmlQuestion(test, link));

    /* The last one first, and every other one is inhibited. */
    for (i = 4; i-- > 0;) {
        g_autoptr(testFrame) call = testShrink(10 + i, (guint8)i);

        testAnswerString(link, g_ptr_array_index(questions, i),
                         i % 2 ? testXmlInhibited : testXmlFree);
        if (i % 2)
            testExpectRefused(test, link, call);
        else
            testFinishCall(test, link, call);
    }
}

static void
testAnswersInPieces(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) event = testNoise(331, VB_FRAME_MESSAGE, 0, 30);

    link->client.chunk = link->upstream.chunk = 1;
    testPeerSend(&link->upstream, event);
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testPeerSend(&link->upstream, event);
    testAnswerXml(test, link, testXmlInhibited);
    testPeerSend(&link->upstream, event);
    testExpectSame(test, &link->client, event);
    testExpectSame(test, &link->client, event);
    testExpectRefused(test, link, call);
    testExpectSame(test, &link->client, event);
}

/* Every question that a call can ask is answered too late. */
static void
testLateAnswers(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) event = testNoise(331, VB_FRAME_MESSAGE, 0, 30);
    g_autoptr(GPtrArray) questions =
        g_ptr_array_new_with_free_func((GDestroyNotify)testFrameFree);
    guint i;

    for (i = 0; i < 4; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)i));
    for (i = 0; i < 4; i++)
        g_ptr_array_add(questions, testTakeXmlQuestion(test, link));
    testSleep(test, TEST_DEADLINE - 1);
    testExpectNothing(test, &link->client);
    testSleep(test, 1);
    for (i = 0; i < 4; i++) {
        g_autoptr(testFrame) call = testShrink(10 + i, (guint8)i);

        testExpectError(test, link, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU,
                        "libvirt has not answered within 25 seconds");
    }
    testExpectNothing(test, &link->upstream);

    /* An answer, an error, garbage, and one with descriptors. */
    testAnswerString(link, g_ptr_array_index(questions, 2), testXmlFree);
    testPeerSendNew(&link->upstream, testReplyError(g_ptr_array_index(questions, 0),
                                                    VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU));
    testPeerSendNew(&link->upstream, testReplyPlain(g_ptr_array_index(questions, 3)));
    {
        const testFrame *question = g_ptr_array_index(questions, 1);
        testFrame *reply = testNoise(testFrameGetProcedure(question), VB_FRAME_REPLY_WITH_FDS,
                                     testFrameGetSerial(question), 9);

        testFrameAddFds(reply, 2);
        testPeerSendNew(&link->upstream, reply);
    }
    testPeerSend(&link->upstream, event);
    testExpectSame(test, &link->client, event);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

static void
testLateSerialStaysTaken(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) again = testShrink(11, 1);
    g_autoptr(testFrame) late = NULL;
    g_autoptr(testFrame) clash = NULL;

    testPeerSend(&link->client, call);
    late = testTakeXmlQuestion(test, link);
    testSleep(test, TEST_DEADLINE);
    testExpectError(test, link, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, "25 seconds");

    testPeerSend(&link->client, again);
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, again);

    clash = testPlainCall(testFrameGetSerial(late));
    testPeerSend(&link->client, clash);
    testExpectNothing(test, &link->upstream);
    testAnswerString(link, late, testXmlFree);
    testFinishCall(test, link, clash);
}

static void
testLateAnswersOccupyTheirPlace(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(20, 20);
    g_autoptr(testFrame) late = NULL;
    guint i;

    for (i = 0; i < 4; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)i));
    testSleep(test, TEST_DEADLINE);
    g_assert_cmpuint(link->client.frames.length, ==, 4);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);
    g_queue_clear_full(&link->client.frames, (GDestroyNotify)testFrameFree);
    late = testTakeXmlQuestion(test, link);

    /* Four are in flight; a fifth goes out when one of them has come home. */
    testPeerSend(&link->client, call);
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 3);
    testAnswerString(link, late, testXmlFree);
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);
    {
        g_autoptr(testFrame) question = g_queue_pop_tail(&link->upstream.frames);

        testAnswerString(link, question, testXmlInhibited);
    }
    testExpectRefused(test, link, call);
}

static void
testSecondAnswer(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) answer = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    answer = testReplyString(question, testXmlInhibited, strlen(testXmlInhibited));
    testPeerSend(&link->upstream, answer);
    testPeerSend(&link->upstream, answer);
    testExpectRefused(test, link, call);
    testExpectSame(test, &link->client, answer);
    testExpectNothing(test, &link->client);
}

/* An answer that differs from the question in one word of the header is none. */
static void
testOtherWord(testFixture *test, gconstpointer data)
{
    size_t at = GPOINTER_TO_SIZE(data);
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) answer = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    answer = testReplyString(question, testXmlFree, strlen(testXmlFree));
    testFrameSetWord(answer, at, testGetWord(answer->bytes, at) + 1);
    testPeerSend(&link->upstream, answer);
    testExpectSame(test, &link->client, answer);
    testExpectNothing(test, &link->upstream);
    testAnswerString(link, question, testXmlInhibited);
    testExpectRefused(test, link, call);
}

static void
testAnswerWithFds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    testFrame *answer;
    guint fds;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    fds = testFdCount();
    answer = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC, VB_FRAME_REPLY_WITH_FDS,
                          testFrameGetSerial(question), VB_FRAME_OK);
    testFrameAddFds(answer, 32);
    testPutString(answer->bytes, testXmlFree, strlen(testXmlFree));
    testFrameSetWord(answer, 0, answer->bytes->len);
    testPeerSendNew(&link->upstream, answer);
    testSettle(test);
    g_assert_cmpuint(testFdCount(), ==, fds);
    testFinishCall(test, link, call);
}

/* What an answer means. */

typedef enum {
    TEST_FORWARDED,
    TEST_WORD_FOR_WORD,
    TEST_UNREADABLE,
} testOutcome;

static void
testExpectOutcome(testFixture *test, testLink *link, const testFrame *call,
                  const testFrame *answer, testOutcome outcome)
{
    switch (outcome) {
    case TEST_FORWARDED:
        testFinishCall(test, link, call);
        break;
    case TEST_WORD_FOR_WORD: {
        g_autoptr(testFrame) expected = testReplyTo(call, VB_FRAME_ERROR);

        g_byte_array_append(expected->bytes, answer->bytes->data + 28, answer->bytes->len - 28);
        testFrameSetWord(expected, 0, expected->bytes->len);
        testExpectSame(test, &link->client, expected);
        break;
    }
    case TEST_UNREADABLE:
    default:
        testExpectError(test, link, call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU,
                        "libvirt's answer cannot be read");
        break;
    }
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

typedef struct {
    gint32 code;
    gint32 domain;
    testOutcome outcome;
} testErrorCase;

static void
testErrorToXml(testFixture *test, gconstpointer data)
{
    const testErrorCase *error = data;
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) answer = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    answer = testReplyError(question, error->code, error->domain);
    testPeerSend(&link->upstream, answer);
    testExpectOutcome(test, link, call, answer, error->outcome);
}

static void
testErrorToType(testFixture *test, gconstpointer data)
{
    const testErrorCase *error = data;
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) answer = NULL;

    testPeerSend(&link->client, call);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    answer = testReplyError(question, error->code, error->domain);
    testPeerSend(&link->upstream, answer);
    testExpectOutcome(test, link, call, answer, error->outcome);
}

/* Up to the question for libvirt's messages. */
static testFrame *
testUntilMessages(testFixture *test, testLink *link, const testFrame *call, const char *xml)
{
    testPeerSend(&link->client, call);
    testAnswerXml(test, link, xml);
    return testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_MESSAGES);
}

static void
testErrorToMessages(testFixture *test, gconstpointer data)
{
    const testErrorCase *error = data;
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) answer = NULL;

    test->shared.settings.qmp = QEMU_DOMAIN_QMP_AUTO;
    question = testUntilMessages(test, link, call, testXmlFree);
    answer = testReplyError(question, error->code, error->domain);
    testPeerSend(&link->upstream, answer);
    testExpectOutcome(test, link, call, answer, error->outcome);
}

static void
testErrorSettlesAtOnce(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testSetMemoryOfType(VB_FRAME_CALL, 9, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG);
    g_autoptr(testFrame) first = NULL;
    g_autoptr(testFrame) second = NULL;
    g_autoptr(testFrame) answer = NULL;

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, testXmlFree);
    first = testTake(test, &link->upstream);
    second = testTake(test, &link->upstream);
    answer = testReplyError(second, VIR_ERR_OPERATION_DENIED, VIR_FROM_QEMU);
    testPeerSend(&link->upstream, answer);
    testExpectOutcome(test, link, call, answer, TEST_WORD_FOR_WORD);

    /* The other answer is on its way still, and nobody waits for it. */
    testAnswerString(link, first, testXmlFree);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

typedef enum {
    TEST_ANSWER_EMPTY,
    TEST_ANSWER_NOISE,
    TEST_ANSWER_CUT,
    TEST_ANSWER_TOO_LONG,
    TEST_ANSWER_NOT_XML,
    TEST_ANSWER_CONTINUE,
    TEST_ANSWER_EMPTY_ERROR,
    TEST_ANSWER_LARGE_ERROR,
    TEST_ANSWER_LARGE,
    TEST_ANSWER_LAST,
} testAnswerKind;

static testFrame *
testMakeAnswer(const testFrame *question, testAnswerKind kind)
{
    testFrame *answer = testReplyTo(question, kind == TEST_ANSWER_CONTINUE ? VB_FRAME_CONTINUE :
                                    kind == TEST_ANSWER_EMPTY_ERROR ||
                                    kind == TEST_ANSWER_LARGE_ERROR ? VB_FRAME_ERROR :
                                    VB_FRAME_OK);

    switch (kind) {
    case TEST_ANSWER_EMPTY:
    case TEST_ANSWER_EMPTY_ERROR:
        break;
    case TEST_ANSWER_NOISE:
        testPutWord(answer->bytes, 0x80000000u);
        testPutNoise(answer->bytes, 40);
        break;
    case TEST_ANSWER_CUT:
        testPutString(answer->bytes, testXmlFree, strlen(testXmlFree));
        g_byte_array_set_size(answer->bytes, answer->bytes->len - 8);
        break;
    case TEST_ANSWER_TOO_LONG:
        testPutWord(answer->bytes, REMOTE_STRING_MAX + 1);
        testPutZeros(answer->bytes, 4000);
        break;
    case TEST_ANSWER_NOT_XML:
        testPutString(answer->bytes, "<domain", 7);
        break;
    case TEST_ANSWER_CONTINUE:
        testPutString(answer->bytes, testXmlFree, strlen(testXmlFree));
        break;
    case TEST_ANSWER_LARGE_ERROR:
        testPutWord(answer->bytes, VIR_ERR_NO_DOMAIN);
        testPutWord(answer->bytes, VIR_FROM_QEMU);
        testPutWord(answer->bytes, 1);
        testPutWord(answer->bytes, 70000);
        testPutZeros(answer->bytes, 70000 + 28);
        break;
    case TEST_ANSWER_LARGE: {
        g_autofree char *spaces = g_strnfill(REMOTE_STRING_MAX + 8, ' ');

        memcpy(spaces, testXmlFree, strlen(testXmlFree));
        testPutString(answer->bytes, spaces, REMOTE_STRING_MAX + 8);
        break;
    }
    case TEST_ANSWER_LAST:
    default:
        g_assert_not_reached();
    }
    testFrameSetWord(answer, 0, answer->bytes->len);
    return answer;
}

static void
testUnreadableXml(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) again = testShrink(11, 1);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    testPeerSendNew(&link->upstream,
                    testMakeAnswer(question, (testAnswerKind)GPOINTER_TO_INT(data)));
    testExpectOutcome(test, link, call, NULL, TEST_UNREADABLE);

    /* The connection is none the worse for it. */
    testPeerSend(&link->client, again);
    testAnswerXml(test, link, testXmlFree);
    testFinishCall(test, link, again);
}

static void
testUnreadableType(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) again = testShrink(11, 1);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    testPeerSendNew(&link->upstream,
                    testMakeAnswer(question, (testAnswerKind)GPOINTER_TO_INT(data)));
    testExpectOutcome(test, link, call, NULL, TEST_UNREADABLE);

    /* It is still not known, and asked again. */
    testPeerSend(&link->client, again);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlFree);
    testFinishCall(test, link, again);
}

static void
testUnreadableMessages(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    testFrame *answer;

    test->shared.settings.qmp = QEMU_DOMAIN_QMP_AUTO;
    question = testUntilMessages(test, link, call, testXmlFree);
    answer = testReplyTo(question, VB_FRAME_OK);
    testPutWord(answer->bytes, REMOTE_DOMAIN_MESSAGES_MAX + 1);
    testFrameSetWord(answer, 0, answer->bytes->len);
    testPeerSendNew(&link->upstream, answer);
    testExpectOutcome(test, link, call, NULL, TEST_UNREADABLE);
}

static void
testLargestAnswer(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autofree char *text = g_strnfill(REMOTE_STRING_MAX, ' ');

    memcpy(text, testXmlInhibited, strlen(testXmlInhibited));
    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    testPeerSendNew(&link->upstream, testReplyString(question, text, REMOTE_STRING_MAX));
    testExpectRefused(test, link, call);
}

/* Known to be 'warn' is only what the domain has said already. */
static void
testWarnPassesUnreadable(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;

    test->shared.settings.qmp = QEMU_DOMAIN_QMP_AUTO;
    question = testUntilMessages(test, link, call, testXmlWarn);
    testPeerSendNew(&link->upstream, testReplyPlain(question));
    testFinishCall(test, link, call);
    g_assert_cmpuint(testLogLines, ==, 1);
}

static void
testWarnPassesLate(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;

    test->shared.settings.qmp = QEMU_DOMAIN_QMP_AUTO;
    question = testUntilMessages(test, link, call, testXmlWarn);
    testSleep(test, TEST_DEADLINE);
    testFinishCall(test, link, call);
    g_assert_cmpuint(testLogLines, ==, 1);
    testPeerSendNew(&link->upstream, testReplyPlain(question));
    testExpectNothing(test, &link->client);
}

static void
testWarnByDefaultIsNotKnown(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);

    test->shared.settings.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_WARN;
    testPeerSend(&link->client, call);
    testSleep(test, TEST_DEADLINE);
    testExpectError(test, link, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, "25 seconds");
    g_assert_cmpuint(testLogLines, ==, 1);
}

/* Serials of the client. */

static void
testClashIsHeld(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) clash = NULL;
    g_autoptr(testFrame) behind = testPlainCall(11);

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    clash = testPlainCall(testFrameGetSerial(question));
    testPeerSend(&link->client, clash);
    testPeerSend(&link->client, behind);
    testExpectNothing(test, &link->upstream);
    testAnswerString(link, question, testXmlInhibited);
    testExpectRefused(test, link, call);
    testExpectSame(test, &link->upstream, clash);
    testExpectSame(test, &link->upstream, behind);
}

static void
testClashMayBeNoCall(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) clash = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    clash = testNoise(201, VB_FRAME_STREAM, testFrameGetSerial(question), 40);
    testPeerSend(&link->client, clash);
    testExpectSame(test, &link->upstream, clash);
}

static void
testHighSerialsAreAvoided(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) first = testPlainCall(0xfffffffe);
    g_autoptr(testFrame) second = testPlainCall(0xfffffffc);
    g_autoptr(testFrame) third = testPlainCall(0xfffffffa);
    g_autoptr(testFrame) reply = testReplyPlain(third);
    /* The third is answered when its serial comes to be taken. */
    static const guint32 expected[] = { 0xfffffffd, 0xfffffffb, 0xfffffffa };
    size_t i;

    testPeerSend(&link->client, first);
    testPeerSend(&link->client, second);
    testPeerSend(&link->client, third);
    testExpectSame(test, &link->upstream, first);
    testExpectSame(test, &link->upstream, second);
    testExpectSame(test, &link->upstream, third);

    for (i = 0; i < G_N_ELEMENTS(expected); i++)
        testPeerSendNew(&link->client, testShrink(10 + (guint)i, (guint8)i));
    for (i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(testFrame) question = NULL;

        if (expected[i] == 0xfffffffa) {
            testExpectNothing(test, &link->upstream);
            testPeerSend(&link->upstream, reply);
            testExpectSame(test, &link->client, reply);
        }
        question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
        g_assert_cmphex(testFrameGetSerial(question), ==, expected[i]);
    }
}

static void
testAnsweredSerialIsFree(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testPlainCall(TEST_SERIAL_FIRST);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    testFinishCall(test, link, call);
    testPeerSendNew(&link->client, testShrink(10, 1));
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    g_assert_cmphex(testFrameGetSerial(question), ==, TEST_SERIAL_FIRST);
}

static void
testOwnSerialIsAvoided(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(TEST_SERIAL_FIRST, 1);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    g_assert_cmphex(testFrameGetSerial(question), ==, TEST_SERIAL_FIRST - 1);
}

/* One that is forwarded because only libvirt can word its error is in flight like any other. */
static void
testUndecodableSerialIsAvoided(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testNoise(REMOTE_PROC_DOMAIN_SET_MEMORY, VB_FRAME_CALL,
                                          TEST_SERIAL_FIRST, 0);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
    testPeerSendNew(&link->client, testShrink(10, 1));
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    g_assert_cmphex(testFrameGetSerial(question), ==, TEST_SERIAL_FIRST - 1);
}

static void
testManyHighSerials(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) reply = NULL;
    guint i;

    for (i = 0; i < 1025; i++)
        testPeerSendNew(&link->client, testPlainCall(0xffffffffu - i));
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 1024);
    reply = testReplyPlain(g_queue_peek_tail(&link->upstream.frames));
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
    g_assert_cmpuint(link->upstream.frames.length, ==, 1025);
}

/* Opening. */

static void
testNeverOpened(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSend(&link->client, call);
    testFinishCall(test, link, call);
}

static void
testOpenFailed(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) error = testReplyError(open, VIR_ERR_AUTH_FAILED, VIR_FROM_RPC);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSend(&link->client, open);
    testExpectSame(test, &link->upstream, open);
    testPeerSend(&link->upstream, error);
    testExpectSame(test, &link->client, error);
    testPeerSend(&link->client, call);
    testFinishCall(test, link, call);
}

static void
testOpenPending(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) reply = testReplyPlain(open);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) other = testPlainCall(11);

    testPeerSend(&link->client, open);
    testPeerSend(&link->client, call);
    testPeerSend(&link->client, other);
    testExpectSame(test, &link->upstream, open);
    testExpectSame(test, &link->upstream, other);
    testExpectNothing(test, &link->upstream);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
}

static void
testOpenPendingFails(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) error = testReplyError(open, VIR_ERR_AUTH_FAILED, VIR_FROM_RPC);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSend(&link->client, open);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, open);
    testPeerSend(&link->upstream, error);
    testExpectSame(test, &link->client, error);
    testFinishCall(test, link, call);
}

static void
testOpenPendingForLong(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) reply = testReplyPlain(open);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, open);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, open);
    testSleep(test, 10 * TEST_DEADLINE);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);

    /* Its own time begins now. */
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    testSleep(test, TEST_DEADLINE - 1);
    testExpectNothing(test, &link->client);
    testSleep(test, 1);
    testExpectError(test, link, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, "25 seconds");
}

/* Two opens, the second of which is answered first. */
static void
testOpensPending(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) first = testOpenCall(1);
    g_autoptr(testFrame) second = testOpenCall(2);
    g_autoptr(testFrame) error = testReplyError(second, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_autoptr(testFrame) reply = testReplyPlain(first);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSend(&link->client, first);
    testPeerSend(&link->client, second);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, first);
    testExpectSame(test, &link->upstream, second);
    testPeerSend(&link->upstream, error);
    testExpectSame(test, &link->client, error);
    testExpectNothing(test, &link->upstream);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
}

/* libvirtd serves calls side by side: one that was handed on because nothing was open yet could
 * find the connection open when it is served. */
static void
testOpenIsHeldForUnasked(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) reply = testReplyError(call, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_autoptr(testFrame) open = testOpenCall(11);

    testPeerSend(&link->client, call);
    testPeerSend(&link->client, open);
    testExpectSame(test, &link->upstream, call);
    testExpectNothing(test, &link->upstream);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
    testExpectSame(test, &link->upstream, open);
}

static void
testOpenIsHeld(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) open = testOpenCall(11);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    testPeerSend(&link->client, open);
    testExpectNothing(test, &link->upstream);
    testAnswerString(link, question, testXmlFree);
    testExpectSame(test, &link->upstream, call);
    testExpectNothing(test, &link->upstream);
    testPeerSendNew(&link->upstream, testReplyPlain(call));
    testExpectSame(test, &link->upstream, open);
}

static void
testTypeIsAskedAgain(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "Test");
    testFinishCall(test, link, call);
}

static void
testOtherDriver(testFixture *test, gconstpointer data)
{
    const char *type = data;
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) again = testShrink(11, 1);

    testPeerSend(&link->client, call);
    testAnswerType(test, link, type);
    testFinishCall(test, link, call);
    testPeerSend(&link->client, again);
    testFinishCall(test, link, again);
}

static void
testTypeIsAskedOnce(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) again = testShrink(11, 1);

    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
    testPeerSend(&link->client, again);
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, again);
}

static void
testReadonly(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, true, NULL);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testFinishCall(test, link, call);
}

/* What is asked, and what is not. */

static void
testMaximumIsNotJudged(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testSetMemoryOfType(VB_FRAME_CALL, 10, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_MAXIMUM);

    testPeerSend(&link->client, call);
    testFinishCall(test, link, call);
}

static void
testOtherVersion(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testFrameSetWord(call, 8, 2);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
}

static void
testNoCall(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testSetMemoryOfType(GPOINTER_TO_UINT(data), 10, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_LIVE);

    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
}

static void
testShortArguments(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    size_t length;

    for (length = 28; length < 28 + 44; length += 4) {
        g_autoptr(testFrame) call = testShrink(10, 1);

        g_byte_array_set_size(call->bytes, (guint)length);
        testFrameSetWord(call, 0, call->bytes->len);
        testPeerSend(&link->client, call);
        testFinishCall(test, link, call);
    }
}

static void
testPadding(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) plain = testShrink(10, 1);
    g_autoptr(testFrame) padded = testShrink(10, 1);
    g_autoptr(testFrame) behind = testPlainCall(11);
    size_t room = VB_FRAME_LENGTH_MAX - padded->bytes->len;

    testPutZeros(padded->bytes, MIN(room, GPOINTER_TO_SIZE(data)));
    testFrameSetWord(padded, 0, padded->bytes->len);
    testPeerSend(&link->client, padded);
    testPeerSend(&link->client, behind);
    testAnswerType(test, link, "QEMU");
    testExpectSame(test, &link->upstream, behind);
    testAnswerXml(test, link, testXmlFree);
    testFinishCall(test, link, plain);
}

static void
testPassedWithFds(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testSetMemoryOfType(VB_FRAME_CALL_WITH_FDS, 10, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_LIVE);

    testFrameAddFds(call, GPOINTER_TO_UINT(data));
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlFree);
    testExpectSame(test, &link->upstream, call);
}

static void
testRefusedWithFds(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    guint fds = testFdCount();
    g_autoptr(testFrame) call = testSetMemoryOfType(VB_FRAME_CALL_WITH_FDS, 10, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_LIVE);

    testFrameAddFds(call, GPOINTER_TO_UINT(data));
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
    g_assert_cmpuint(testFdCount(), ==, fds);
}

static void
testAbandonedWithFds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testSetMemoryOfType(VB_FRAME_CALL_WITH_FDS, 10, 1, TEST_SHRUNK,
                                                    VIR_DOMAIN_MEM_LIVE);

    /* The fixture counts descriptors: while it is judged, and in the middle of them. */
    testFrameAddFds(call, 3);
    testPeerSend(&link->client, call);
    testPeerSendPart(&link->client, call, 0, call->bytes->len);
    testPeerSendFd(&link->client, 7);
    testSettle(test);
    testPeerClose(&link->client);
    testSettle(test);
    g_assert_null(link->relay);
}

/* Limits. */

static void
testSixth(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) ping = testKeepalive(KEEPALIVE_PING);
    g_autoptr(testFrame) pong = testKeepalive(KEEPALIVE_PONG);
    guint i;

    for (i = 0; i < 5; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)i));
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 4);

    /* All else goes on. */
    testPeerSend(&link->upstream, ping);
    testPeerSend(&link->client, pong);
    testExpectSame(test, &link->client, ping);
    testFramesAreEqual(g_queue_peek_nth(&link->upstream.frames, 4), pong);
    g_assert_cmpuint(link->upstream.frames.length, ==, 5);

    /* The sixth is held, and what is behind it; what libvirt says is not. */
    testPeerSendNew(&link->client, testShrink(15, 5));
    testPeerSend(&link->client, pong);
    testPeerSend(&link->upstream, ping);
    testExpectSame(test, &link->client, ping);
    g_assert_cmpuint(link->upstream.frames.length, ==, 5);

    testAnswerXml(test, link, testXmlInhibited);
    testSettle(test);
    g_assert_cmpuint(link->client.frames.length, ==, 1);
    /* The fifth call's question, and the message behind the sixth. */
    g_assert_cmpuint(link->upstream.frames.length, ==, 4 + 2);
}

/* More descriptors than the one that a byte may carry: the fixture counts those left over. */
static void
testTwoDescriptorsAtOnce(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    char byte = 0;
    struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    int both[2] = { 0, 1 };

    g_assert(cmsg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(both));
    memcpy(CMSG_DATA(cmsg), both, sizeof(both));
    g_assert_cmpint(sendmsg(link->client.fd, &msg, 0), ==, 1);
    testSettle(test);
}

/* libvirtd reads five calls of a client: a verdict must not grow old behind others of its own. */
static void
testPlainCallsCount(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    guint i;

    for (i = 0; i < 7; i++)
        testPeerSendNew(&link->client, testPlainCall(100 + i));
    testPeerSendNew(&link->client, testShrink(10, 1));
    testSettle(test);
    /* Plain calls alone are not counted for the client. */
    g_assert_cmpuint(link->upstream.frames.length, ==, 7);
    for (i = 0; i < 3; i++) {
        g_autoptr(testFrame) call = g_queue_pop_head(&link->upstream.frames);

        testSettle(test);
        g_assert_cmpuint(link->upstream.frames.length, ==, 6 - i);
        testPeerSendNew(&link->upstream, testReplyPlain(call));
    }
    testSettle(test);
    /* With the third reply there is room for the shrink and its question. */
    g_assert_cmpuint(link->upstream.frames.length, ==, 4 + 1);
}

static void
testSixthWaitsForForwarded(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    guint i;

    for (i = 0; i < 6; i++)
        testPeerSendNew(&link->client, testSetMemoryOfType(VB_FRAME_CALL, 10 + i, (guint8)i,
                                                           TEST_MEMORY, VIR_DOMAIN_MEM_MAXIMUM));
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 5);
    testPeerSendNew(&link->upstream, testReplyPlain(g_queue_peek_tail(&link->upstream.frames)));
    testSettle(test);
    g_assert_cmpuint(link->upstream.frames.length, ==, 6);
}

/* Half messages while a call waits for its verdict. */

static void
testHalf(testFixture *test, testLink *link, const testFrame *half, size_t first)
{
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSend(&link->client, call);
    testPeerSendPart(&link->client, half, 0, first);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlFree);
    testFinishCall(test, link, call);
    testPeerSendPart(&link->client, half, first, half->bytes->len);
}

static void
testHalfMessage(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) half = testNoise(201, VB_FRAME_CALL, 11, 60000);
    g_autoptr(testFrame) behind = testPlainCall(12);

    testHalf(test, link, half, GPOINTER_TO_SIZE(data));
    testPeerSend(&link->client, behind);
    testExpectSame(test, &link->upstream, half);
    testExpectSame(test, &link->upstream, behind);
}

static void
testHalfLargeMessage(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) half = testNoise(201, VB_FRAME_CALL, 11, 300000);
    g_autoptr(testFrame) behind = testPlainCall(12);

    testHalf(test, link, half, GPOINTER_TO_SIZE(data));
    testPeerSend(&link->client, behind);
    testExpectSame(test, &link->upstream, half);
    testExpectSame(test, &link->upstream, behind);
}

static void
testHalfMessageWithFds(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) half = testNoise(249, VB_FRAME_CALL_WITH_FDS, 11, GPOINTER_TO_SIZE(data));
    g_autoptr(testFrame) behind = testPlainCall(12);

    testFrameAddFds(half, 2);
    testHalf(test, link, half, half->bytes->len);
    testPeerSendFd(&link->client, half->ids[0]);
    testPeerSendFd(&link->client, half->ids[1]);
    testPeerSend(&link->client, behind);
    testExpectSame(test, &link->upstream, half);
    testExpectSame(test, &link->upstream, behind);
}

/* A large message whose descriptor comes with the end of what was read in front of it. */
static void
testHeldWithFd(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) open = testOpenCall(11);
    g_autoptr(testFrame) withFds = testNoise(249, VB_FRAME_CALL_WITH_FDS, 12, 40);
    g_autoptr(testFrame) question = NULL;

    testFrameAddFds(withFds, 2);
    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    /* In the socket before the relay reads, so that it comes in one piece. */
    testPeerSend(&link->client, open);
    testPeerSend(&link->client, withFds);
    while (testPeerFlush(&link->client)) {
    }
    testExpectNothing(test, &link->upstream);
    testAnswerString(link, question, testXmlFree);
    testFinishCall(test, link, call);
    testExpectSame(test, &link->upstream, open);
    testExpectSame(test, &link->upstream, withFds);
}

static void
testHeldWithFdAbandoned(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) open = testOpenCall(11);
    g_autoptr(testFrame) withFds = testNoise(249, VB_FRAME_CALL_WITH_FDS, 12, 40);

    testFrameAddFds(withFds, 1);
    testPeerSendNew(&link->client, testShrink(10, 1));
    testSettle(test);
    testPeerSend(&link->client, open);
    testPeerSend(&link->client, withFds);
    while (testPeerFlush(&link->client)) {
    }
    testSettle(test);
    testPeerClose(&link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_null(link->relay);
}

static void
testRefusalBetweenMessages(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) large = testNoise(201, VB_FRAME_REPLY, 7, 300000);
    g_autoptr(testFrame) behind = testNoise(201, VB_FRAME_REPLY, 8, 300000);

    testPeerSend(&link->client, call);
    testPeerSendPart(&link->upstream, large, 0, 100000);
    testSleep(test, TEST_DEADLINE);
    testExpectNothing(test, &link->client);
    testPeerSendPart(&link->upstream, large, 100000, large->bytes->len);
    testPeerSend(&link->upstream, behind);
    testExpectSame(test, &link->client, large);
    testExpectError(test, link, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, "25 seconds");
    testExpectSame(test, &link->client, behind);
}

static void
testRefusalBeforeDescriptors(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) reply = testNoise(343, VB_FRAME_REPLY_WITH_FDS, 7, 4);

    testFrameAddFds(reply, 2);
    testPeerSend(&link->client, call);
    testPeerSendPart(&link->upstream, reply, 0, reply->bytes->len);
    testPeerSendFd(&link->upstream, reply->ids[0]);
    testSleep(test, TEST_DEADLINE);
    testExpectNothing(test, &link->client);
    testPeerSendFd(&link->upstream, reply->ids[1]);
    testExpectSame(test, &link->client, reply);
    testExpectError(test, link, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, "25 seconds");
}

/* @data: whether it is the client that ends */
static void
testRefusalThatCameTooLate(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) large = testNoise(201, VB_FRAME_REPLY, 7, 1000);

    testPeerSendNew(&link->client, testShrink(10, 1));
    testPeerSendPart(&link->upstream, large, 0, 500);
    testSleep(test, TEST_DEADLINE);
    testExpectNothing(test, &link->client);
    testPeerClose(GPOINTER_TO_INT(data) ? &link->client : &link->upstream);
    testSettle(test);
    g_assert_null(link->relay);
}

static void
testQuestionAfterMessage(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) large = testNoise(201, VB_FRAME_CALL, 7, 300000);
    g_autoptr(testFrame) call = testShrink(10, 1);

    testPeerSendPart(&link->client, large, 0, 100000);
    testExpectNothing(test, &link->upstream);
    testPeerSendPart(&link->client, large, 100000, large->bytes->len);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, large);
    testAnswerType(test, link, "QEMU");
}

/* Turns. */

/* A first connection has asked about domain 1, a second one waits for its turn at it. */
static const testTwo *
testTwoOfOneDomain(testFixture *test)
{
    testTwo *two = &test->two;

    two->first = testLinkKnown(test);
    two->second = testLinkKnown(test);
    two->call = testShrink(10, 1);
    two->waiting = testShrink(20, 1);
    testPeerSend(&two->first->client, two->call);
    two->question = testTakeXmlQuestion(test, two->first);
    testPeerSend(&two->second->client, two->waiting);
    testExpectNothing(test, &two->second->upstream);
    return two;
}

static void
testTurnAfterReply(testFixture *test, gconstpointer data)
{
    bool failed = GPOINTER_TO_INT(data);
    g_autoptr(testFrame) reply = NULL;
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    testExpectNothing(test, &two->second->upstream);
    reply = failed ? testReplyError(two->call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU) :
        testReplyPlain(two->call);
    testPeerSend(&two->first->upstream, reply);
    testExpectSame(test, &two->first->client, reply);
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, two->waiting);
}

static void
testTurnAfterWholeReply(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(testFrame) reply = NULL;
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    reply = testReplyPlain(two->call);
    testPutNoise(reply->bytes, 100);
    testFrameSetWord(reply, 0, reply->bytes->len);
    testPeerSendPart(&two->first->upstream, reply, 0, 100);
    testExpectNothing(test, &two->second->upstream);
    testPeerSendPart(&two->first->upstream, reply, 100, 128);
    testAnswerXml(test, two->second, testXmlFree);
}

/* A reply that is to something else. */
static void
testTurnAfterOtherReply(testFixture *test, gconstpointer data)
{
    size_t at = GPOINTER_TO_SIZE(data);
    g_autoptr(testFrame) reply = NULL;
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    reply = testReplyPlain(two->call);
    testFrameSetWord(reply, at, testGetWord(reply->bytes, at) + 1);
    testPeerSend(&two->first->upstream, reply);
    testExpectSame(test, &two->first->client, reply);
    testExpectNothing(test, &two->second->upstream);
}

static void
testTurnAfterRefusal(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlInhibited);
    testExpectRefused(test, two->first, two->call);
    testAnswerXml(test, two->second, testXmlInhibited);
    testExpectRefused(test, two->second, two->waiting);
}

static void
testTurnAfterDeadline(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *first = testLinkKnown(test);
    testLink *second = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) waiting = testShrink(20, 1);

    testPeerSend(&first->client, call);
    testSleep(test, 10);
    testPeerSend(&second->client, waiting);
    testSleep(test, 15);
    testExpectError(test, first, call, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, "25 seconds");
    testAnswerXml(test, second, testXmlFree);
    testFinishCall(test, second, waiting);
}

static void
testWaitedTooLong(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    /* What was forwarded has no deadline. */
    testSleep(test, TEST_DEADLINE);
    testExpectError(test, two->second, two->waiting, VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU,
                    "another change of it has not ended within 25 seconds");
    testExpectNothing(test, &two->first->client);
    testPeerSendNew(&two->first->upstream, testReplyPlain(two->call));
    testExpectNothing(test, &two->second->upstream);
}

static void
testTurnAfterClientEnd(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    const testTwo *two = testTwoOfOneDomain(test);

    testPeerClose(&two->first->client);
    testExpectEnd(test, &two->first->upstream);
    testExpectNothing(test, &two->first->upstream);
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, two->waiting);
}

static void
testTurnKeptAfterClientEnd(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    testPeerClose(&two->first->client);
    testExpectNothing(test, &two->second->upstream);
    g_assert_false(two->first->upstream.ended);
    g_assert_nonnull(two->first->relay);
    testPeerSendNew(&two->first->upstream, testReplyPlain(two->call));
    testExpectEnd(test, &two->first->upstream);
    g_assert_null(two->first->relay);
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, two->waiting);
}

static void
testTurnAfterUpstreamEnd(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    testPeerClose(&two->first->upstream);
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, two->waiting);
}

static void
testWaitingEnds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    const testTwo *two = testTwoOfOneDomain(test);

    testPeerClose(&two->second->client);
    testExpectEnd(test, &two->second->upstream);
    testAnswerString(two->first, two->question, testXmlFree);
    testFinishCall(test, two->first, two->call);
}

static void
testOtherDomain(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(testFrame) other = testShrink(30, 2);
    const testTwo *two = testTwoOfOneDomain(test);

    testPeerSend(&two->second->client, other);
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, other);
}

static void
testTurnsInOrder(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *links[TEST_LINKS];
    g_autoptr(testFrame) call = testShrink(10, 1);
    guint i;

    for (i = 0; i < TEST_LINKS; i++)
        links[i] = testLinkKnown(test);
    /* Two of each connection. */
    for (i = 0; i < 2 * TEST_LINKS; i++) {
        testPeerSend(&links[i % TEST_LINKS]->client, call);
        testSettle(test);
    }
    for (i = 0; i < 2 * TEST_LINKS; i++) {
        testLink *link = links[i % TEST_LINKS];
        guint j;

        for (j = 0; j < TEST_LINKS; j++)
            g_assert_cmpuint(links[j]->upstream.frames.length, ==, links[j] == link);
        if (i % 2) {
            testAnswerXml(test, link, testXmlInhibited);
            testExpectRefused(test, link, call);
        } else {
            testAnswerXml(test, link, testXmlFree);
            testFinishCall(test, link, call);
        }
    }
}

/* Everybody's upstream is gone at once, and turns pass among those who end. */
static void
testAllEnd(testFixture *test, gconstpointer data)
{
    bool clients = GPOINTER_TO_INT(data);
    testLink *links[TEST_LINKS];
    guint i;

    for (i = 0; i < TEST_LINKS; i++)
        links[i] = testLinkKnown(test);
    for (i = 0; i < 5 * TEST_LINKS; i++)
        testPeerSendNew(&links[i % TEST_LINKS]->client, testShrink(10 + i, (guint8)(i % 2)));
    testSettle(test);
    for (i = 0; i < TEST_LINKS; i++)
        testPeerClose(clients ? &links[i]->client : &links[i]->upstream);
    testSettle(test);
    for (i = 0; i < TEST_LINKS; i++)
        g_assert_null(links[i]->relay);
}

static void
testUnjudgedTakeTheirTurn(testFixture *test, gconstpointer data)
{
    gint32 procedure = GPOINTER_TO_INT(data);
    testLink *first = testLinkKnown(test);
    testLink *second = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) other = testShrink(20, 1);

    /* Whatever follows the domain is not looked at. */
    testFrameSetWord(call, 12, (guint32)procedure);
    testPutZeros(call->bytes, 64);
    testFrameSetWord(call, 0, call->bytes->len);
    testPeerSend(&first->client, call);
    testSettle(test);
    g_assert_cmpuint(first->upstream.frames.length, ==, 1);
    testPeerSend(&second->client, other);
    testExpectNothing(test, &second->upstream);
    testPeerSendNew(&first->upstream, testReplyPlain(call));
    testAnswerXml(test, second, testXmlFree);
}

/* Calls of two domains with one serial: the reply to one is no reply to the other. */
static void
testTurnWithEqualSerials(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *first = testLinkKnown(test);
    testLink *second = testLinkKnown(test);
    g_autoptr(testFrame) slow = testShrink(10, 1);
    g_autoptr(testFrame) quick = testShrink(10, 2);
    g_autoptr(testFrame) waiting = testShrink(20, 1);
    guint forwarded;

    testPeerSend(&first->client, slow);
    testAnswerXml(test, first, testXmlFree);
    testExpectSame(test, &first->upstream, slow);
    testPeerSend(&first->client, quick);
    testSettle(test);
    forwarded = first->upstream.frames.length;
    if (forwarded > 0) {
        testAnswerXml(test, first, testXmlFree);
        testExpectSame(test, &first->upstream, quick);
    }
    testPeerSend(&second->client, waiting);
    testExpectNothing(test, &second->upstream);
    if (forwarded > 0) {
        /* libvirt is done with domain 2, not with domain 1. */
        testPeerSendNew(&first->upstream, testReplyPlain(quick));
        testExpectNothing(test, &second->upstream);
    }
}

/* Back-pressure. */

/* Sends 16 MiB and more. */
static GPtrArray *
testFlood(testPeer *peer, guint32 type)
{
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)testFrameFree);
    guint i;

    for (i = 0; i < 170; i++) {
        testFrame *frame = testNoise(201, type, i, 100);

        testPutZeros(frame->bytes, 100000);
        testFrameSetWord(frame, 0, frame->bytes->len);
        testPeerSend(peer, frame);
        g_ptr_array_add(frames, frame);
    }
    return frames;
}

static void
testSlowClient(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(GPtrArray) frames = NULL;
    size_t total;

    link->client.reading = false;
    frames = testFlood(&link->upstream, VB_FRAME_REPLY);
    total = link->upstream.unsent;
    testSettle(test);
    g_assert_cmpuint(total - link->upstream.unsent, <, TEST_UNDERWAY_MAX);
    link->client.reading = true;
    testExpectAll(test, &link->client, frames);
}

static void
testSlowUpstream(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(GPtrArray) frames = NULL;
    size_t total;

    link->upstream.reading = false;
    frames = testFlood(&link->client, VB_FRAME_CALL);
    total = link->client.unsent;
    testSettle(test);
    g_assert_cmpuint(total - link->client.unsent, <, TEST_UNDERWAY_MAX);
    link->upstream.reading = true;
    testExpectAll(test, &link->upstream, frames);
}

static void
testSlowBoth(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(GPtrArray) calls = NULL;
    g_autoptr(GPtrArray) replies = NULL;
    size_t total;

    link->client.reading = link->upstream.reading = false;
    calls = testFlood(&link->client, VB_FRAME_CALL);
    replies = testFlood(&link->upstream, VB_FRAME_REPLY);
    total = link->client.unsent + link->upstream.unsent;
    testSettle(test);
    g_assert_cmpuint(total - link->client.unsent - link->upstream.unsent, <,
                     2 * TEST_UNDERWAY_MAX);
    link->client.reading = link->upstream.reading = true;
    testExpectAll(test, &link->upstream, calls);
    testExpectAll(test, &link->client, replies);
}

/* A client that does not read holds up nobody who waits for the end of its call. */
static void
testSlowClientKeepsNobodyWaiting(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(testFrame) large = testNoise(201, VB_FRAME_REPLY, 7, 100);
    const testTwo *two = testTwoOfOneDomain(test);

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    two->first->client.reading = false;
    testPutZeros(large->bytes, 2000000);
    testFrameSetWord(large, 0, large->bytes->len);
    testPeerSend(&two->first->upstream, large);
    testPeerSendNew(&two->first->upstream, testReplyPlain(two->call));
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, two->waiting);

    two->first->client.reading = true;
    testExpectSame(test, &two->first->client, large);
}

/* An answer that lies behind what the client does not read. */
static void
testSlowClientIsDecided(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testShrink(10, 1);
    g_autoptr(testFrame) large = testNoise(201, VB_FRAME_REPLY, 7, 100);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    link->client.reading = false;
    testPutZeros(large->bytes, 2000000);
    testFrameSetWord(large, 0, large->bytes->len);
    testPeerSend(&link->upstream, large);
    testAnswerString(link, question, testXmlFree);
    testExpectSame(test, &link->upstream, call);
    link->client.reading = true;
    testExpectSame(test, &link->client, large);
}

/* One that goes on not reading is left, and memory stays bounded. */
static void
testClientThatNeverReads(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) frames = NULL;
    const testTwo *two = testTwoOfOneDomain(test);
    size_t total;

    testAnswerString(two->first, two->question, testXmlFree);
    testExpectSame(test, &two->first->upstream, two->call);
    two->first->client.reading = false;
    frames = testFlood(&two->first->upstream, VB_FRAME_REPLY);
    testPeerSendNew(&two->first->upstream, testReplyPlain(two->call));
    total = two->first->upstream.unsent;
    testSettle(test);
    g_assert_cmpuint(total - two->first->upstream.unsent, <, (4u << 20) + TEST_UNDERWAY_MAX);
    testExpectNothing(test, &two->second->upstream);

    g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*does not read*");
    testSleep(test, 10);
    g_test_assert_expected_messages();
    testAnswerXml(test, two->second, testXmlFree);
    testFinishCall(test, two->second, two->waiting);
}

/* Ends. */

static void
testClientEndsWhileDataWaits(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(GPtrArray) frames =
        g_ptr_array_new_with_free_func((GDestroyNotify)testFrameFree);
    guint i;

    link->upstream.reading = false;
    for (i = 0; i < 4; i++) {
        g_ptr_array_add(frames, testNoise(201, VB_FRAME_CALL, i, 100000));
        testPeerSend(&link->client, g_ptr_array_index(frames, i));
    }
    testSettle(test);
    g_assert_cmpuint(link->client.unsent, ==, 0);
    testPeerClose(&link->client);
    testSettle(test);
    link->upstream.reading = true;
    testExpectAll(test, &link->upstream, frames);
    testExpectEnd(test, &link->upstream);
    g_assert_null(link->relay);
}

static void
testUpstreamEndsWhileDataWaits(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(GPtrArray) frames =
        g_ptr_array_new_with_free_func((GDestroyNotify)testFrameFree);
    guint i;

    link->client.reading = false;
    for (i = 0; i < 4; i++) {
        g_ptr_array_add(frames, testNoise(201, VB_FRAME_REPLY, i, 100000));
        testPeerSend(&link->upstream, g_ptr_array_index(frames, i));
    }
    testSettle(test);
    g_assert_cmpuint(link->upstream.unsent, ==, 0);
    testPeerClose(&link->upstream);
    testSettle(test);
    link->client.reading = true;
    testExpectAll(test, &link->client, frames);
    testExpectEnd(test, &link->client);
    g_assert_null(link->relay);
}

/* @data: whether it is the client that has gone */
static void
testLinger(testFixture *test, gconstpointer data)
{
    bool client = GPOINTER_TO_INT(data);
    testLink *link = testLinkNew(test);
    testPeer *goes = client ? &link->client : &link->upstream;
    testPeer *stays = client ? &link->upstream : &link->client;
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_STREAM, 1, 350000);

    stays->reading = false;
    testPeerSend(goes, frame);
    testSettle(test);
    g_assert_cmpuint(goes->unsent, ==, 0);
    testPeerClose(goes);
    testSleep(test, TEST_LINGER - 1);
    g_assert_nonnull(link->relay);
    testSleep(test, 1);
    g_assert_null(link->relay);
}

/* @data: whether it is the client that has gone */
static void
testEndInsideMessage(testFixture *test, gconstpointer data)
{
    bool client = GPOINTER_TO_INT(data);
    testLink *link = testLinkNew(test);
    testPeer *goes = client ? &link->client : &link->upstream;
    testPeer *stays = client ? &link->upstream : &link->client;
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_STREAM, 1, 1000);

    testPeerSendPart(goes, frame, 0, 500);
    testSettle(test);
    testPeerClose(goes);
    testExpectEnd(test, stays);
    g_assert_cmpmem(stays->half->bytes->data, stays->half->bytes->len, frame->bytes->data, 500);
    g_assert_null(link->relay);
}

/* One that takes no more may have said something before. */
static void
testBrokenPipe(testFixture *test, gconstpointer data)
{
    bool client = GPOINTER_TO_INT(data);
    testLink *link = testLinkNew(test);
    testPeer *goes = client ? &link->client : &link->upstream;
    testPeer *stays = client ? &link->upstream : &link->client;
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_STREAM, 1, 1000);

    g_assert_cmpint(shutdown(goes->fd, SHUT_RD), ==, 0);
    testPeerSend(goes, frame);
    testPeerSend(stays, frame);
    testExpectSame(test, stays, frame);
    testPeerSend(stays, frame);
    testExpectEnd(test, stays);
    g_assert_null(link->relay);
}

static void
testBrokenPipeWithData(testFixture *test, gconstpointer data)
{
    bool client = GPOINTER_TO_INT(data);
    testLink *link = testLinkNew(test);
    testPeer *goes = client ? &link->client : &link->upstream;
    testPeer *stays = client ? &link->upstream : &link->client;
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_STREAM, 1, 350000);

    goes->reading = false;
    testPeerSend(stays, frame);
    testSettle(test);
    testPeerClose(goes);
    testExpectEnd(test, stays);
    g_assert_null(link->relay);
}

static void
testUpstreamEndsWhileDeciding(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    guint i;

    for (i = 0; i < 6; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)(i / 2)));
    testSettle(test);
    testPeerClose(&link->upstream);
    testExpectEnd(test, &link->client);
    testExpectNothing(test, &link->client);
    g_assert_null(link->relay);
}

static void
testClientEndsWhileDeciding(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    guint i;

    for (i = 0; i < 5; i++)
        testPeerSendNew(&link->client, testShrink(10 + i, (guint8)(i / 2)));
    testSettle(test);
    g_queue_clear_full(&link->upstream.frames, (GDestroyNotify)testFrameFree);
    testPeerClose(&link->client);
    testExpectEnd(test, &link->upstream);
    testExpectNothing(test, &link->upstream);
    g_assert_null(link->relay);
}

static void
testClientEndsWhileOpening(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);

    testPeerSendNew(&link->client, testOpenCall(1));
    testPeerSendNew(&link->client, testShrink(10, 1));
    testSettle(test);
    testPeerClose(&link->client);
    testExpectEnd(test, &link->upstream);
    g_assert_null(link->relay);
}

static void
testClose(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);

    testPeerSendNew(&link->client, testShrink(10, 1));
    testSettle(test);
    vbRelayClose(link->relay);
    g_assert_null(link->relay);
    g_assert_cmpuint(link->closed, ==, 1);
    testExpectEnd(test, &link->client);
    testExpectEnd(test, &link->upstream);
}

/* Failures. */

static void
testFailure(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, false, "no libvirt today");
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) call = testShrink(0xfffffffe, 1);
    g_autoptr(testFrame) plain = testPlainCall(3);

    testPeerSend(&link->client, open);
    testPeerSend(&link->client, call);
    testPeerSend(&link->client, plain);
    testExpectError(test, link, open, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "no libvirt today");
    testExpectError(test, link, call, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "no libvirt today");
    testExpectError(test, link, plain, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "no libvirt today");
    testExpectNothing(test, &link->client);
    testPeerClose(&link->client);
    testSettle(test);
    g_assert_null(link->relay);
}

static void
testFailureEnds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, false, "no libvirt today");

    testSleep(test, TEST_LINGER - 1);
    g_assert_nonnull(link->relay);
    testSleep(test, 1);
    g_assert_null(link->relay);
    testExpectEnd(test, &link->client);
}

static void
testFailureOnlyToCalls(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, false, "no libvirt today");

    testPeerSendNew(&link->client, testKeepalive(KEEPALIVE_PING));
    testPeerSendNew(&link->client, testNoise(201, VB_FRAME_STREAM, 1, 100000));
    testPeerSendNew(&link->client, testNoise(201, VB_FRAME_REPLY, 1, 10));
    testExpectNothing(test, &link->client);
    g_assert_nonnull(link->relay);
}

static void
testFailureWithFds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, false, "no libvirt today");
    guint fds = testFdCount();
    g_autoptr(testFrame) call = testNoise(249, VB_FRAME_CALL_WITH_FDS, 5, 10);

    testFrameAddFds(call, 32);
    testPeerSend(&link->client, call);
    testExpectError(test, link, call, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "no libvirt today");
    g_assert_cmpuint(testFdCount(), ==, fds);
}

static void
testFailureAndSlowClient(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, false, "no libvirt today");
    guint i;

    link->client.reading = false;
    for (i = 0; i < 100000; i++)
        testPeerSendNew(&link->client, testPlainCall(i));
    testSettle(test);
    g_assert_cmpuint(link->client.unsent, >, 100000 * 40 - TEST_UNDERWAY_MAX);
    link->client.reading = true;
    testSettle(test);
    g_assert_cmpuint(link->client.frames.length, ==, 100000);
}

static void
testFailureMalformed(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNewWith(test, false, "no libvirt today");

    testPeerSendBad(&link->client, (testBad)GPOINTER_TO_INT(data));
    testExpectEnd(test, &link->client);
    g_assert_null(link->relay);
}

static void
testAdd(const char *path, gconstpointer data, void (*func)(testFixture *, gconstpointer))
{
    g_autofree char *full = g_strdup_printf("/relay/%s", path);

    g_test_add(full, testFixture, data, testSetup, func, testTeardown);
}

static void
testAddHandOn(void)
{
    static const testHandOn hows[] = {
        { true, false, 0, false, 300000 },
        { true, false, 1, false, 2000 },
        { true, false, 4000, true, 300000 },
        { true, false, 40, true, 5000 },
        { false, true, 0, false, 300000 },
        { false, true, 1, false, 2000 },
        { false, true, 4000, true, 300000 },
        { false, true, 40, true, 5000 },
        { true, true, 0, false, 300000 },
        { true, true, 1, false, 2000 },
        { true, true, 4000, true, 300000 },
        { true, true, 40, true, 5000 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(hows); i++) {
        const testHandOn *how = &hows[i];
        const char *who = how->fromClient && how->fromUpstream ? "both sides send" :
            how->fromClient ? "a client sends" : "libvirt sends";
        g_autofree char *cut = how->chunk == 0 ? g_strdup("whole") :
            how->random ? g_strdup_printf("in pieces of up to %u", how->chunk) :
            g_strdup("byte by byte");
        g_autofree char *plain = g_strdup_printf("what %s %s arrives unaltered", who, cut);
        g_autofree char *among = g_strdup_printf("what %s %s arrives unaltered among decisions",
                                                 who, cut);

        testAdd(plain, how, testUnaltered);
        if (how->fromClient && how->fromUpstream)
            testAdd(among, how, testUnalteredAmongDecisions);
    }
}

static void
testAddBad(void)
{
    static const char *const names[] = {
        [TEST_BAD_SHORT] = "a message shorter than its header",
        [TEST_BAD_LONG] = "a message that is too long",
        [TEST_BAD_NO_COUNT] = "a message without its number of descriptors",
        [TEST_BAD_TOO_MANY_FDS] = "a message with 33 descriptors",
        [TEST_BAD_NO_FD] = "a descriptor's byte without descriptor",
    };
    int i;

    for (i = 0; i < TEST_BAD_LAST; i++) {
        g_autofree char *client = g_strdup_printf("%s ends a client's connection", names[i]);
        g_autofree char *upstream = g_strdup_printf("%s from libvirt ends the connection",
                                                    names[i]);
        g_autofree char *failure = g_strdup_printf("%s ends a connection without libvirt",
                                                   names[i]);

        testAdd(client, GINT_TO_POINTER(i), testMalformedFromClient);
        testAdd(upstream, GINT_TO_POINTER(i), testMalformedFromUpstream);
        testAdd(failure, GINT_TO_POINTER(i), testFailureMalformed);
    }
}

static void
testAddErrors(void)
{
    static const testErrorCase errors[] = {
        { VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, TEST_FORWARDED },
        { VIR_ERR_OPERATION_INVALID, VIR_FROM_DOMAIN, TEST_FORWARDED },
        { VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, TEST_WORD_FOR_WORD },
        { VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, TEST_WORD_FOR_WORD },
        { VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS, TEST_WORD_FOR_WORD },
        { VIR_ERR_RPC, VIR_FROM_RPC, TEST_WORD_FOR_WORD },
        { 0, 0, TEST_WORD_FOR_WORD },
        { -1, -1, TEST_WORD_FOR_WORD },
    };
    static const testErrorCase unknownProcedure = { VIR_ERR_RPC, VIR_FROM_RPC, TEST_FORWARDED };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(errors); i++) {
        const testErrorCase *error = &errors[i];
        const char *outcome = error->outcome == TEST_FORWARDED ? "lets the call pass" :
            "answers the call";
        g_autofree char *xml = g_strdup_printf("error %d of %d about the domain %s", error->code,
                                               error->domain, outcome);
        g_autofree char *type = g_strdup_printf("error %d of %d about the connection %s",
                                                error->code, error->domain, outcome);
        g_autofree char *messages = g_strdup_printf("error %d of %d about its messages %s",
                                                    error->code, error->domain, outcome);

        testAdd(xml, error, testErrorToXml);
        testAdd(type, error, testErrorToType);
        if (error->code != VIR_ERR_RPC)
            testAdd(messages, error, testErrorToMessages);
    }
    testAdd("a libvirt that has no messages has no reason for doubt", &unknownProcedure,
            testErrorToMessages);
    testAdd("an error waits for no other answer", NULL, testErrorSettlesAtOnce);
}

static void
testAddAnswers(void)
{
    static const char *const names[] = {
        [TEST_ANSWER_EMPTY] = "an empty answer",
        [TEST_ANSWER_NOISE] = "an answer that is noise",
        [TEST_ANSWER_CUT] = "an answer that is cut",
        [TEST_ANSWER_TOO_LONG] = "an answer with a string that is too long",
        [TEST_ANSWER_NOT_XML] = "an answer that is no XML",
        [TEST_ANSWER_CONTINUE] = "an answer with a status of streams",
        [TEST_ANSWER_EMPTY_ERROR] = "an error without contents",
        [TEST_ANSWER_LARGE_ERROR] = "an error that is too large",
        [TEST_ANSWER_LARGE] = "an answer above 4 MiB",
    };
    int i;

    for (i = 0; i < TEST_ANSWER_LAST; i++) {
        g_autofree char *xml = g_strdup_printf("%s about the domain refuses the call", names[i]);
        g_autofree char *type = g_strdup_printf("%s about the connection refuses the call",
                                                names[i]);

        testAdd(xml, GINT_TO_POINTER(i), testUnreadableXml);
        if (i != TEST_ANSWER_NOT_XML)
            testAdd(type, GINT_TO_POINTER(i), testUnreadableType);
    }
    testAdd("too many messages refuse the call", NULL, testUnreadableMessages);
    testAdd("an answer of 4 MiB is read", NULL, testLargestAnswer);
    testAdd("an unreadable answer passes where the domain says 'warn'", NULL,
            testWarnPassesUnreadable);
    testAdd("a missing answer passes where the domain says 'warn'", NULL, testWarnPassesLate);
    testAdd("a missing answer is refused where only the configuration says 'warn'", NULL,
            testWarnByDefaultIsNotKnown);
}

static void
testAddQuestions(void)
{
    testAdd("serials of questions count down", NULL, testSerialsCountDown);
    testAdd("a question is about the call's domain", NULL, testQuestionIsAboutTheDomain);
    testAdd("four questions are in flight at most", NULL, testFourInFlight);
    testAdd("a call's questions are counted one by one", NULL, testFourInFlightOfOneCall);
    testAdd("answers never reach the client", NULL, testAnswersStayHere);
    testAdd("answers may come in any order", NULL, testAnswersInAnyOrder);
    testAdd("answers may come byte by byte", NULL, testAnswersInPieces);
    testAdd("answers after the deadline are swallowed", NULL, testLateAnswers);
    testAdd("the serial of a late answer stays taken", NULL, testLateSerialStaysTaken);
    testAdd("the place of a late answer stays taken", NULL, testLateAnswersOccupyTheirPlace);
    testAdd("a second answer goes to the client", NULL, testSecondAnswer);
    testAdd("an answer of another program goes to the client", GSIZE_TO_POINTER(4),
            testOtherWord);
    testAdd("an answer of another procedure goes to the client", GSIZE_TO_POINTER(12),
            testOtherWord);
    testAdd("an answer of another type goes to the client", GSIZE_TO_POINTER(16), testOtherWord);
    testAdd("an answer with another serial goes to the client", GSIZE_TO_POINTER(20),
            testOtherWord);
    testAdd("descriptors that come with an answer are closed", NULL, testAnswerWithFds);
}

static void
testAddSerials(void)
{
    testAdd("a call with the serial of a question is held", NULL, testClashIsHeld);
    testAdd("a stream with the serial of a question goes on", NULL, testClashMayBeNoCall);
    testAdd("serials of calls in flight are avoided", NULL, testHighSerialsAreAvoided);
    testAdd("the serial of an answered call is used again", NULL, testAnsweredSerialIsFree);
    testAdd("the serial of the call itself is avoided", NULL, testOwnSerialIsAvoided);
    testAdd("the serial of a call that cannot be decoded is avoided", NULL,
            testUndecodableSerialIsAvoided);
    testAdd("beyond 1024 high serials in flight a client is held", NULL, testManyHighSerials);
}

static void
testAddOpening(void)
{
    testAdd("a connection that was never opened is relayed", NULL, testNeverOpened);
    testAdd("a connection that could not be opened is relayed", NULL, testOpenFailed);
    testAdd("a call waits for a connection that is being opened", NULL, testOpenPending);
    testAdd("a call that waited for an opening that fails is relayed", NULL, testOpenPendingFails);
    testAdd("a call's time begins when the connection is open", NULL, testOpenPendingForLong);
    testAdd("a call waits for all openings", NULL, testOpensPending);
    testAdd("an opening is held while a call is in flight", NULL, testOpenIsHeld);
    testAdd("an opening is held while a call that was handed on unasked is in flight", NULL,
            testOpenIsHeldForUnasked);
    testAdd("after another opening the type is asked again", NULL, testTypeIsAskedAgain);
    testAdd("the type is asked once", NULL, testTypeIsAskedOnce);
    testAdd("a connection of type Test is relayed", "Test", testOtherDriver);
    testAdd("a connection of type QEM is relayed", "QEM", testOtherDriver);
    testAdd("a connection of type QEMUX is relayed", "QEMUX", testOtherDriver);
    testAdd("a connection without type is relayed", "", testOtherDriver);
    testAdd("a read-only connection is relayed", NULL, testReadonly);
}

static void
testAddArguments(void)
{
    testAdd("the maximum memory is not judged", NULL, testMaximumIsNotJudged);
    testAdd("another version of the protocol is relayed", NULL, testOtherVersion);
    testAdd("a reply from a client is relayed", GUINT_TO_POINTER(VB_FRAME_REPLY), testNoCall);
    testAdd("a message from a client is relayed", GUINT_TO_POINTER(VB_FRAME_MESSAGE), testNoCall);
    testAdd("a stream from a client is relayed", GUINT_TO_POINTER(VB_FRAME_STREAM), testNoCall);
    testAdd("arguments that are too short are relayed", NULL, testShortArguments);
    testAdd("padding behind the arguments is dropped", GSIZE_TO_POINTER(4), testPadding);
    testAdd("100 KiB of padding are dropped", GSIZE_TO_POINTER(102400), testPadding);
    testAdd("32 MiB of padding are dropped", GSIZE_TO_POINTER(VB_FRAME_LENGTH_MAX), testPadding);
    testAdd("a call that passes keeps its number of descriptors, 0", GUINT_TO_POINTER(0),
            testPassedWithFds);
    testAdd("a call that passes keeps its descriptor", GUINT_TO_POINTER(1), testPassedWithFds);
    testAdd("a call that passes keeps its 32 descriptors", GUINT_TO_POINTER(32),
            testPassedWithFds);
    testAdd("a refused call may have no descriptors", GUINT_TO_POINTER(0), testRefusedWithFds);
    testAdd("a refused call's descriptor is closed", GUINT_TO_POINTER(1), testRefusedWithFds);
    testAdd("a refused call's 32 descriptors are closed", GUINT_TO_POINTER(32),
            testRefusedWithFds);
    testAdd("an abandoned call's descriptors are closed", NULL, testAbandonedWithFds);
}

static void
testAddOrder(void)
{
    testAdd("a sixth call is held and keepalive is not", NULL, testSixth);
    testAdd("of two descriptors in one message none is left over", NULL,
            testTwoDescriptorsAtOnce);
    testAdd("a judged call waits until libvirtd reads it", NULL, testPlainCallsCount);
    testAdd("a sixth call waits for libvirt's reply to one of five", NULL,
            testSixthWaitsForForwarded);
    testAdd("half a header holds up no decision", GSIZE_TO_POINTER(13), testHalfMessage);
    testAdd("a header alone holds up no decision", GSIZE_TO_POINTER(28), testHalfMessage);
    testAdd("half a message holds up no decision", GSIZE_TO_POINTER(30000), testHalfMessage);
    testAdd("half a header of a large message holds up no decision", GSIZE_TO_POINTER(3),
            testHalfLargeMessage);
    testAdd("the header of a large message holds up no decision", GSIZE_TO_POINTER(28),
            testHalfLargeMessage);
    testAdd("half a large message holds up no decision", GSIZE_TO_POINTER(150000),
            testHalfLargeMessage);
    testAdd("a message without its descriptors holds up no decision", GSIZE_TO_POINTER(100),
            testHalfMessageWithFds);
    testAdd("a large message without its descriptors holds up no decision",
            GSIZE_TO_POINTER(200000), testHalfMessageWithFds);
    testAdd("a held message keeps its descriptors", NULL, testHeldWithFd);
    testAdd("the descriptors of a held message are closed at the end", NULL,
            testHeldWithFdAbandoned);
    testAdd("a refusal waits for the end of a reply that is on its way", NULL,
            testRefusalBetweenMessages);
    testAdd("a refusal waits for the descriptors of a reply that is on its way", NULL,
            testRefusalBeforeDescriptors);
    testAdd("a refusal that waits goes with the client", GINT_TO_POINTER(true),
            testRefusalThatCameTooLate);
    testAdd("a refusal that waits goes with libvirt", GINT_TO_POINTER(false),
            testRefusalThatCameTooLate);
    testAdd("a question waits for the end of a call that is on its way", NULL,
            testQuestionAfterMessage);
    testAdd("a message is handed on while it arrives", NULL, testCutThrough);
    testAdd("the largest message arrives unaltered", NULL, testLargest);
    testAdd("a descriptor that no message announced is closed", NULL, testStrayFd);
}

static void
testAddTurns(void)
{
    testAdd("another connection's call about the domain goes on after the reply",
            GINT_TO_POINTER(false), testTurnAfterReply);
    testAdd("another connection's call about the domain goes on after an error",
            GINT_TO_POINTER(true), testTurnAfterReply);
    testAdd("a turn lasts until all of the reply has passed", NULL, testTurnAfterWholeReply);
    testAdd("a turn does not end with a reply of another program", GSIZE_TO_POINTER(4),
            testTurnAfterOtherReply);
    testAdd("a turn does not end with a reply of another procedure", GSIZE_TO_POINTER(12),
            testTurnAfterOtherReply);
    testAdd("a turn does not end with a message that is no reply", GSIZE_TO_POINTER(16),
            testTurnAfterOtherReply);
    testAdd("a turn does not end with a reply to another serial", GSIZE_TO_POINTER(20),
            testTurnAfterOtherReply);
    testAdd("a turn does not end with the reply to a call of equal serial", NULL,
            testTurnWithEqualSerials);
    testAdd("a turn ends with a refusal", NULL, testTurnAfterRefusal);
    testAdd("a turn ends with the deadline for a verdict", NULL, testTurnAfterDeadline);
    testAdd("nobody waits for a turn for ever", NULL, testWaitedTooLong);
    testAdd("a turn ends with a client whose call was not forwarded", NULL,
            testTurnAfterClientEnd);
    testAdd("a turn is kept for a client that has gone until libvirt replies", NULL,
            testTurnKeptAfterClientEnd);
    testAdd("a turn ends with libvirt", NULL, testTurnAfterUpstreamEnd);
    testAdd("who waits for a turn may go", NULL, testWaitingEnds);
    testAdd("another domain does not wait", NULL, testOtherDomain);
    testAdd("turns come in the order of the calls", NULL, testTurnsInOrder);
    testAdd("all clients may end while turns are waited for", GINT_TO_POINTER(true), testAllEnd);
    testAdd("libvirt may end while turns are waited for", GINT_TO_POINTER(false), testAllEnd);
    testAdd("setting metadata takes its turn unasked",
            GINT_TO_POINTER(REMOTE_PROC_DOMAIN_SET_METADATA), testUnjudgedTakeTheirTurn);
    testAdd("detaching a device takes its turn unasked",
            GINT_TO_POINTER(REMOTE_PROC_DOMAIN_DETACH_DEVICE_ALIAS), testUnjudgedTakeTheirTurn);
}

static void
testAddEnds(void)
{
    testAdd("a client that does not read slows libvirt", NULL, testSlowClient);
    testAdd("a libvirt that does not read slows its client", NULL, testSlowUpstream);
    testAdd("both sides may be slow", NULL, testSlowBoth);
    testAdd("a client that does not read keeps nobody waiting", NULL,
            testSlowClientKeepsNobodyWaiting);
    testAdd("calls of a client that does not read are decided", NULL, testSlowClientIsDecided);
    testAdd("a client that never reads is left", NULL, testClientThatNeverReads);
    testAdd("what a client has sent reaches libvirt when it has gone", NULL,
            testClientEndsWhileDataWaits);
    testAdd("what libvirt has sent reaches the client when it has gone", NULL,
            testUpstreamEndsWhileDataWaits);
    testAdd("what a client has sent is kept for 30 seconds", GINT_TO_POINTER(true), testLinger);
    testAdd("what libvirt has sent is kept for 30 seconds", GINT_TO_POINTER(false), testLinger);
    testAdd("a client may end inside a message", GINT_TO_POINTER(true), testEndInsideMessage);
    testAdd("libvirt may end inside a message", GINT_TO_POINTER(false), testEndInsideMessage);
    testAdd("a client that takes no more is heard to its end", GINT_TO_POINTER(true),
            testBrokenPipe);
    testAdd("a libvirt that takes no more is heard to its end", GINT_TO_POINTER(false),
            testBrokenPipe);
    testAdd("what waits for a client goes with it", GINT_TO_POINTER(true),
            testBrokenPipeWithData);
    testAdd("what waits for libvirt goes with it", GINT_TO_POINTER(false),
            testBrokenPipeWithData);
    testAdd("libvirt may end while calls are decided", NULL, testUpstreamEndsWhileDeciding);
    testAdd("a client may end while calls are decided", NULL, testClientEndsWhileDeciding);
    testAdd("a client may end while it opens", NULL, testClientEndsWhileOpening);
    testAdd("a relay may be closed while calls are decided", NULL, testClose);
    testAdd("without libvirt every call is answered", NULL, testFailure);
    testAdd("without libvirt a connection lasts 30 seconds", NULL, testFailureEnds);
    testAdd("without libvirt nothing but calls is answered", NULL, testFailureOnlyToCalls);
    testAdd("without libvirt descriptors are closed", NULL, testFailureWithFds);
    testAdd("without libvirt a client that does not read is not read", NULL,
            testFailureAndSlowClient);
}

static void
testAddAll(void)
{
    testAddHandOn();
    testAddBad();
    testAddQuestions();
    testAddErrors();
    testAddAnswers();
    testAddSerials();
    testAddOpening();
    testAddArguments();
    testAddOrder();
    testAddTurns();
    testAddEnds();
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
