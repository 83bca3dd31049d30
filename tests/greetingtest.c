/*
 * greetingtest.c: what libvirt is told about a client, and when
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "fakelibvirtd.h"
#include "remote_auth.h"

#define TEST_PATIENCE 60

/* A relay that introduces its clients. */
static testLink *
testLinkIntroducing(testFixture *test, uid_t uid)
{
    test->shared.introduces = true;
    test->peer.uid = uid;
    return testLinkNew(test);
}

static testFrame *
testReplyAuth(const testFrame *call, guint32 type)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testPutWord(frame->bytes, 1);
    testPutWord(frame->bytes, type);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

/* libvirt is asked how it authenticates, and answers. */
static void
testLetIn(testFixture *test, testLink *link, guint32 type)
{
    g_autoptr(testFrame) call = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST);

    g_assert_cmpuint(call->bytes->len, ==, 28);
    testPeerSendNew(&link->upstream, testReplyAuth(call, type));
    testSettle(test);
}

/* The client opens, and libvirt agrees. Returns: (transfer full): what libvirt is told then */
static testFrame *
testOpenToIdentity(testFixture *test, testLink *link, const testFrame *call)
{
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
    testPeerSendNew(&link->upstream, testReplyPlain(call));
    return testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_SET_IDENTITY);
}

/* libvirt takes what it is told, and lets the client in. */
static void
testAcknowledge(testFixture *test, testLink *link, const testFrame *identity)
{
    g_autoptr(testFrame) question = NULL;

    testPeerSendNew(&link->upstream, testReplyPlain(identity));
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_MAX_VCPUS);
    testPeerSendNew(&link->upstream, testReplyPlain(question));
}

/* All of it. */
static testLink *
testLinkIntroduced(testFixture *test, uid_t uid)
{
    testLink *link = testLinkIntroducing(test, uid);
    g_autoptr(testFrame) call = testOpenCall(1);
    g_autoptr(testFrame) reply = testReplyPlain(call);
    g_autoptr(testFrame) identity = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    identity = testOpenToIdentity(test, link, call);
    testAcknowledge(test, link, identity);
    testExpectSame(test, &link->client, reply);
    return link;
}

static void
testAsksFirst(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) call = testPlainCall(0);
    g_autoptr(testFrame) ping = testKeepalive(KEEPALIVE_PING);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    testPeerSend(&link->client, ping);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST);
    testExpectNothing(test, &link->upstream);
    testPeerSendNew(&link->upstream, testReplyAuth(question, REMOTE_AUTH_NONE));
    testExpectSame(test, &link->upstream, call);
    testExpectSame(test, &link->upstream, ping);
    testExpectNothing(test, &link->client);
}

static void
testClientsOwnAuthList(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 0);
    g_autoptr(testFrame) call = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST, VB_FRAME_CALL, 0,
                                             VB_FRAME_OK);
    g_autoptr(testFrame) reply = NULL;

    testFrameSetWord(call, 0, call->bytes->len);
    testPeerSend(&link->client, call);
    testLetIn(test, link, REMOTE_AUTH_NONE);
    testExpectSame(test, &link->upstream, call);
    reply = testReplyAuth(call, REMOTE_AUTH_NONE);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
}

/* Every call is answered with the reason, and the connection ends with the client. */
static void
testExpectFailed(testFixture *test, testLink *link, const char *part)
{
    g_autoptr(testFrame) call = testOpenCall(7);

    testPeerSend(&link->client, call);
    testExpectError(test, link, call, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, part);
    testExpectEnd(test, &link->upstream);
    testExpectNothing(test, &link->upstream);
    g_assert_cmpuint(testLogLines, ==, 1);
}

static void
testOtherAuth(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkIntroducing(test, 1000);
    guint32 type = GPOINTER_TO_UINT(data);

    testLetIn(test, link, type);
    testExpectFailed(test, link, type == REMOTE_AUTH_SASL ? "asks virtballoond for SASL" :
                     type == REMOTE_AUTH_POLKIT ? "asks virtballoond for polkit" :
                     "asks virtballoond for an unknown");
}

static void
testAuthError(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) question = testTakeQuestion(test, link, REMOTE_PROGRAM,
                                                     REMOTE_PROC_AUTH_LIST);

    testPeerSendNew(&link->upstream, testReplyError(question, VIR_ERR_RPC, VIR_FROM_RPC));
    testExpectFailed(test, link, "does not say how it authenticates");
}

static void
testAuthUnreadable(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) question = testTakeQuestion(test, link, REMOTE_PROGRAM,
                                                     REMOTE_PROC_AUTH_LIST);
    g_autoptr(testFrame) reply = testReplyTo(question, VB_FRAME_OK);

    testPutWord(reply->bytes, 0);
    testFrameSetWord(reply, 0, reply->bytes->len);
    testPeerSend(&link->upstream, reply);
    testExpectFailed(test, link, "does not say how it authenticates");
}

static void
testAuthNeverAnswered(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) question = testTakeQuestion(test, link, REMOTE_PROGRAM,
                                                     REMOTE_PROC_AUTH_LIST);

    /* That is libvirt's fault, and the client may wait as long as it would without us. */
    testSleep(test, 10 * TEST_PATIENCE);
    g_assert_nonnull(link->relay);
    testPeerSendNew(&link->upstream, testReplyAuth(question, REMOTE_AUTH_NONE));
    testSettle(test);
    testSleep(test, TEST_PATIENCE);
    testExpectEnd(test, &link->client);
}

static void
testIdentityArguments(testFixture *test, gconstpointer data)
{
    const char *context = data;
    testLink *link;
    g_autoptr(testFrame) call = testOpenCall(1);
    g_autoptr(testFrame) question = NULL;
    const remoteIdentity identity = {
        .userId = 1000,
        .groupId = 1001,
        .processId = 4711,
        .processTime = 123456789012,
        .selinuxContext = context,
    };
    g_autoptr(GByteArray) expected = remoteEncodeIdentity(&identity);

    test->peer.selinuxContext = (char *)context;
    link = testLinkIntroducing(test, 1000);
    testLetIn(test, link, REMOTE_AUTH_NONE);
    question = testOpenToIdentity(test, link, call);
    g_assert_cmpmem(question->bytes->data + 28, question->bytes->len - 28, expected->data,
                    expected->len);
}

/* The client hears that it is connected only when libvirt knows who it is, and nothing that it has
 * sent meanwhile reaches libvirt before. */
static void
testIdentityBeforeAll(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) reply = testReplyPlain(open);
    g_autoptr(testFrame) call = testPlainCall(2);
    g_autoptr(testFrame) ping = testKeepalive(KEEPALIVE_PING);
    g_autoptr(testFrame) shrink = testShrink(3, 1);
    g_autoptr(testFrame) identity = NULL;
    g_autoptr(testFrame) question = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    testPeerSend(&link->client, open);
    testPeerSend(&link->client, call);
    testPeerSend(&link->client, shrink);
    testExpectSame(test, &link->upstream, open);
    testExpectNothing(test, &link->upstream);
    testPeerSend(&link->upstream, reply);
    identity = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_SET_IDENTITY);
    testPeerSend(&link->upstream, ping);
    testExpectSame(test, &link->client, ping);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);

    testPeerSendNew(&link->upstream, testReplyPlain(identity));
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_MAX_VCPUS);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
    testPeerSendNew(&link->upstream, testReplyPlain(question));
    testExpectSame(test, &link->client, reply);
    testExpectSame(test, &link->upstream, call);
    g_clear_pointer(&question, testFrameFree);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
}

static void
testKeepaliveGoesOn(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) ping = testKeepalive(KEEPALIVE_PING);

    testLetIn(test, link, REMOTE_AUTH_NONE);
    testPeerSend(&link->client, open);
    testPeerSend(&link->client, ping);
    testExpectSame(test, &link->upstream, open);
    testExpectSame(test, &link->upstream, ping);
}

static void
testOpenRefused(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) first = testOpenCall(1);
    g_autoptr(testFrame) second = testOpenCall(2);
    g_autoptr(testFrame) refused = testReplyError(first, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC);
    g_autoptr(testFrame) identity = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    testPeerSend(&link->client, first);
    testPeerSend(&link->client, second);
    testExpectSame(test, &link->upstream, first);
    testPeerSend(&link->upstream, refused);
    testExpectSame(test, &link->client, refused);
    testExpectSame(test, &link->upstream, second);
    testPeerSendNew(&link->upstream, testReplyPlain(second));
    identity = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_SET_IDENTITY);
}

static void
testIdentityRefused(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) call = testPlainCall(2);
    g_autoptr(testFrame) identity = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    identity = testOpenToIdentity(test, link, open);
    testPeerSend(&link->client, call);
    testPeerSendNew(&link->upstream, testReplyError(identity, VIR_ERR_RPC, VIR_FROM_RPC));
    testExpectError(test, link, open, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC,
                    "needs libvirt 5.8.0 or newer: said by libvirt");
    testExpectError(test, link, call, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "said by libvirt");
    testExpectFailed(test, link, "said by libvirt");
    testSleep(test, TEST_LINGER);
    testExpectEnd(test, &link->client);
}

/* Its own error, byte for byte, and nothing for the client on the connection that a root opened. */
static void
testAccessDenied(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) call = testPlainCall(2);
    g_autoptr(testFrame) identity = NULL;
    g_autoptr(testFrame) question = NULL;
    g_autoptr(testFrame) denial = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    identity = testOpenToIdentity(test, link, open);
    testPeerSend(&link->client, call);
    testPeerSendNew(&link->upstream, testReplyPlain(identity));
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_MAX_VCPUS);
    denial = testReplyError(question, VIR_ERR_ACCESS_DENIED, VIR_FROM_ACCESS);
    testPeerSend(&link->upstream, denial);
    testFrameSetWord(denial, 12, REMOTE_PROC_CONNECT_OPEN);
    testFrameSetWord(denial, 20, testGetWord(open->bytes, 20));
    testExpectSame(test, &link->client, denial);
    testExpectError(test, link, call, VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "said by libvirt");
    testExpectFailed(test, link, "said by libvirt");
}

static void
testAccessUnknown(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) reply = testReplyPlain(open);
    g_autoptr(testFrame) identity = NULL;
    g_autoptr(testFrame) question = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    identity = testOpenToIdentity(test, link, open);
    testPeerSendNew(&link->upstream, testReplyPlain(identity));
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_MAX_VCPUS);
    testPeerSendNew(&link->upstream, testReplyError(question, VIR_ERR_NO_SUPPORT, VIR_FROM_TEST));
    testExpectSame(test, &link->client, reply);
}

static void
testIdentityNeverAnswered(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) identity = NULL;

    testLetIn(test, link, REMOTE_AUTH_NONE);
    identity = testOpenToIdentity(test, link, open);
    testPeerClose(GPOINTER_TO_INT(data) ? &link->upstream : &link->client);
    testSettle(test);
    g_assert_null(link->relay);
    testExpectNothing(test, &link->client);
}

/* A reply that only looks like libvirt's to us goes to the client. */
static void
testOtherReplies(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);
    g_autoptr(testFrame) identity = NULL;
    g_autoptr(testFrame) other = NULL;
    size_t word = GPOINTER_TO_SIZE(data);

    testLetIn(test, link, REMOTE_AUTH_NONE);
    identity = testOpenToIdentity(test, link, open);
    other = testReplyPlain(identity);
    testFrameSetWord(other, word, testGetWord(other->bytes, word) - 1);
    testPeerSend(&link->upstream, other);
    testExpectSame(test, &link->client, other);
    testExpectNothing(test, &link->client);
    testAcknowledge(test, link, identity);
    testSettle(test);
    g_assert_cmpuint(link->client.frames.length, ==, 1);
}

static testFrame *
testForgery(guint32 serial, size_t length)
{
    return testNoise(REMOTE_PROC_CONNECT_SET_IDENTITY, VB_FRAME_CALL, serial, length);
}

static void
testForged(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroduced(test, 1000);
    g_autoptr(testFrame) small = testForgery(2, 100);
    g_autoptr(testFrame) large = testForgery(3, 300000);
    g_autoptr(testFrame) withFds = testNoise(REMOTE_PROC_CONNECT_SET_IDENTITY,
                                             VB_FRAME_CALL_WITH_FDS, 4, 0);
    g_autoptr(testFrame) call = testPlainCall(5);

    testFrameAddFds(withFds, 1);
    testPeerSend(&link->client, small);
    testPeerSend(&link->client, large);
    testPeerSend(&link->client, withFds);
    testPeerSend(&link->client, call);
    testExpectError(test, link, small, VIR_ERR_OPERATION_DENIED, VIR_FROM_RPC, "only root");
    testExpectError(test, link, large, VIR_ERR_OPERATION_DENIED, VIR_FROM_RPC, "only root");
    testExpectError(test, link, withFds, VIR_ERR_OPERATION_DENIED, VIR_FROM_RPC, "only root");
    testExpectSame(test, &link->upstream, call);
    testExpectNothing(test, &link->upstream);
}

static void
testForgedEarly(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) call = testForgery(0, 100);

    testPeerSend(&link->client, call);
    testLetIn(test, link, REMOTE_AUTH_NONE);
    testExpectError(test, link, call, VIR_ERR_OPERATION_DENIED, VIR_FROM_RPC, "only root");
    testExpectNothing(test, &link->upstream);
}

/* virtproxyd is root, and speaks for its own clients. */
static void
testRootTells(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroduced(test, 0);
    g_autoptr(testFrame) call = testForgery(2, 100);

    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
}

static void
testNotIntroduced(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNew(test);
    g_autoptr(testFrame) call = testForgery(2, 100);

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
}

static void
testPatience(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);

    testLetIn(test, link, REMOTE_AUTH_NONE);
    testPeerSendPart(&link->client, open, 0, GPOINTER_TO_SIZE(data));
    testSleep(test, TEST_PATIENCE - 1);
    g_assert_nonnull(link->relay);
    testSleep(test, 1);
    testExpectEnd(test, &link->client);
    testExpectEnd(test, &link->upstream);
    g_assert_cmpuint(testLogLines, ==, 1);
}

static void
testPatienceWithOthers(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroducing(test, 1000);
    g_autoptr(testFrame) open = testOpenCall(1);

    testLetIn(test, link, REMOTE_AUTH_NONE);
    testPeerSend(&link->client, open);
    testExpectSame(test, &link->upstream, open);
    /* Now it is libvirt's turn. */
    testSleep(test, 10 * TEST_PATIENCE);
    g_assert_nonnull(link->relay);
    testPeerSendNew(&link->upstream, testReplyError(open, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC));
    testSettle(test);
    testSleep(test, TEST_PATIENCE);
    testExpectEnd(test, &link->client);
}

static void
testOpenedStays(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkIntroduced(test, 1000);

    testSleep(test, 100 * TEST_PATIENCE);
    g_assert_nonnull(link->relay);
}

static void
testAdd(const char *path, gconstpointer data, void (*func)(testFixture *, gconstpointer))
{
    g_autofree char *full = g_strdup_printf("/greeting/%s", path);

    g_test_add(full, testFixture, data, testSetup, func, testTeardown);
}

static void
testAddAll(void)
{
    testAdd("nothing reaches libvirt before it was asked how it authenticates", NULL,
            testAsksFirst);
    testAdd("a client that asks that itself is answered by libvirt", NULL, testClientsOwnAuthList);
    testAdd("a libvirt that wants SASL is not for us", GUINT_TO_POINTER(REMOTE_AUTH_SASL),
            testOtherAuth);
    testAdd("a libvirt that wants polkit of us is not for us",
            GUINT_TO_POINTER(REMOTE_AUTH_POLKIT), testOtherAuth);
    testAdd("a libvirt that wants what nobody knows is not for us", GUINT_TO_POINTER(3),
            testOtherAuth);
    testAdd("a libvirt that does not say what it wants is not for us", NULL, testAuthError);
    testAdd("a libvirt that wants nothing that can be read is not for us", NULL,
            testAuthUnreadable);
    testAdd("a libvirt that takes its time to say it is waited for", NULL, testAuthNeverAnswered);
    testAdd("libvirt is told user, group, process and its start", NULL, testIdentityArguments);
    testAdd("libvirt is told a security context that there is",
            "unconfined_u:unconfined_r:unconfined_t:s0", testIdentityArguments);
    testAdd("a client is connected once libvirt knows it, and its calls wait for that", NULL,
            testIdentityBeforeAll);
    testAdd("a keepalive does not wait for a connection", NULL, testKeepaliveGoesOn);
    testAdd("a connection that libvirt refuses may be asked for again", NULL, testOpenRefused);
    testAdd("a client whom libvirt does not want to know is not connected", NULL,
            testIdentityRefused);
    testAdd("a client whom libvirt's access control lets open nothing is not connected", NULL,
            testAccessDenied);
    testAdd("a driver that does not know our question lets everybody in", NULL, testAccessUnknown);
    testAdd("libvirt may end before it knows the client", GINT_TO_POINTER(true),
            testIdentityNeverAnswered);
    testAdd("the client may end before libvirt knows it", GINT_TO_POINTER(false),
            testIdentityNeverAnswered);
    testAdd("a reply of another procedure is not ours", GSIZE_TO_POINTER(12), testOtherReplies);
    testAdd("a reply with another serial is not ours", GSIZE_TO_POINTER(20), testOtherReplies);
    testAdd("a reply of another program is not ours", GSIZE_TO_POINTER(4), testOtherReplies);
    testAdd("a client that is not root does not say who it is", NULL, testForged);
    testAdd("a client that is not root does not say it before it is connected either", NULL,
            testForgedEarly);
    testAdd("root says on whose behalf it calls", NULL, testRootTells);
    testAdd("where nobody is introduced everybody may say who he is", NULL, testNotIntroduced);
    testAdd("a client that never asks for a connection is left", GSIZE_TO_POINTER(0),
            testPatience);
    testAdd("a client that asks for half a connection is left", GSIZE_TO_POINTER(40),
            testPatience);
    testAdd("a client that waits for libvirt's connection is not left", NULL,
            testPatienceWithOthers);
    testAdd("a client that is connected may be silent", NULL, testOpenedStays);
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
