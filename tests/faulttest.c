/*
 * faulttest.c: a conversation that is broken off at every byte of it
 *
 * In it are a call that is refused, questions of ours, a reply that is edited, a call that passes,
 * one that nobody looks at, and one about whose reply we ask.  Wherever it ends, the refused call
 * is not with libvirt, what the client was told is what it would have been told anyway, and the
 * next client is served.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/resource.h>

#include "fakelibvirtd.h"

/* What the UUID of the domain with an assigned device consists of, and of the one without. */
#define INHIBITED 0x11
#define PLAIN 0x22
/* The calls of the conversation, by their serials. */
enum {
    OPEN = 1,
    REFUSED,
    DUMP,
    PASSED,
    UNSEEN,
    STATS,
    CALLS = STATS,
};

static const char testStored[] = TEST_XML_OF(TEST_POLICY("warn"), TEST_HOSTDEV);

/* libvirtd: it answers every call that comes, until it has said so many bytes. */
typedef struct {
    testLink *link;
    size_t left; /* bytes that it still says */
    size_t said;
    bool over;        /* they are said */
    testPeer *closes; /* who closes then, or NULL */
    guint shrunk;     /* calls that took memory from the domain without a device */
} testServer;

static void
testPutDomain(GByteArray *bytes, guint8 domain)
{
    guint8 uuid[16];

    memset(uuid, domain, sizeof(uuid));
    testPutString(bytes, "guest", 5);
    g_byte_array_append(bytes, uuid, sizeof(uuid));
    testPutWord(bytes, 3);
}

static testFrame *
testDump(guint32 serial, guint8 domain)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC, VB_FRAME_CALL,
                                    serial, VB_FRAME_OK);

    testPutDomain(frame->bytes, domain);
    testPutWord(frame->bytes, VIR_DOMAIN_XML_SECURE);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

static testFrame *
testStats(guint32 serial)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                                    VB_FRAME_CALL, serial, VB_FRAME_OK);

    testPutWord(frame->bytes, 0);
    testPutWord(frame->bytes, VIR_DOMAIN_STATS_BALLOON);
    testPutWord(frame->bytes, 0);
    return frame;
}

/* As libvirt has them: of one domain, with one parameter. */
static testFrame *
testReplyStats(const testFrame *call)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testPutWord(frame->bytes, 1);
    testPutDomain(frame->bytes, INHIBITED);
    testPutWord(frame->bytes, 1);
    testPutString(frame->bytes, "balloon.maximum", 15);
    testPutWord(frame->bytes, VIR_TYPED_PARAM_UINT);
    testPutWord(frame->bytes, TEST_MEMORY);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

/* Returns: (transfer full): the call of the conversation with @serial */
static testFrame *
testCallOf(guint32 serial)
{
    switch (serial) {
    case OPEN:
        return testOpenCall(OPEN);
    case REFUSED:
        return testShrink(REFUSED, INHIBITED);
    case DUMP:
        return testDump(DUMP, INHIBITED);
    case PASSED:
        return testShrink(PASSED, PLAIN);
    case STATS:
        return testStats(STATS);
    case UNSEEN:
    default:
        return testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_VERSION, VB_FRAME_CALL, UNSEEN,
                            VB_FRAME_OK);
    }
}

/* All calls of the conversation, one behind the other. */
static GByteArray *
testCalls(void)
{
    GByteArray *bytes = g_byte_array_new();
    guint32 serial;

    for (serial = OPEN; serial <= CALLS; serial++) {
        g_autoptr(testFrame) call = testCallOf(serial);

        testFrameSetWord(call, 0, call->bytes->len);
        g_byte_array_append(bytes, call->bytes->data, call->bytes->len);
    }
    return bytes;
}

/* Which domain a call is about; its name is the same in all of them. */
static guint8
testGetDomain(const testFrame *call)
{
    g_assert_cmpuint(call->bytes->len, >=, 28 + 12 + 16);
    return call->bytes->data[28 + 12];
}

static testFrame *
testServerAnswer(testServer *server, const testFrame *call)
{
    switch (testFrameGetProcedure(call)) {
    case REMOTE_PROC_CONNECT_GET_TYPE:
        return testReplyString(call, "QEMU", 4);
    case REMOTE_PROC_DOMAIN_GET_XML_DESC: {
        const char *xml = testGetDomain(call) == PLAIN ? testXmlFree :
            testFrameGetSerial(call) == DUMP ? testStored : testXmlInhibited;

        return testReplyString(call, xml, strlen(xml));
    }
    case REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS:
        /* This is what must not happen. */
        g_assert_cmphex(testGetDomain(call), ==, PLAIN);
        server->shrunk++;
        return testReplyPlain(call);
    case REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS:
        return testReplyStats(call);
    default:
        return testReplyPlain(call);
    }
}

/* Until nobody says anything more. */
static void
testServe(testFixture *test, testServer *server)
{
    testPeer *upstream = &server->link->upstream;
    testFrame *call;

    testSettle(test);
    while ((call = g_queue_pop_head(&upstream->frames))) {
        g_autoptr(testFrame) answer = testServerAnswer(server, call);
        size_t length = MIN(answer->bytes->len, server->left);

        testFrameFree(call);
        if (upstream->fd < 0 || server->over)
            continue;
        if (length > 0)
            testPeerSendPart(upstream, answer, 0, length);
        server->said += length;
        server->left -= length;
        testSettle(test);
        if (server->left > 0)
            continue;
        server->over = true;
        if (server->closes)
            testPeerClose(server->closes);
        testSettle(test);
    }
}

/* Every message that came to the client is the one that it gets where nothing breaks; only what is
 * known of nowhere else may be missing in it. Returns: how many */
static guint
testCheckTold(const testLink *link, testFrame *const *told)
{
    GList *item;

    for (item = link->client.frames.head; item; item = item->next) {
        const testFrame *frame = item->data;
        guint32 serial = testFrameGetSerial(frame);

        g_assert_cmpuint(serial, >=, OPEN);
        g_assert_cmpuint(serial, <=, CALLS);
        if (serial == STATS && frame->bytes->len < told[STATS]->bytes->len) {
            g_autoptr(testFrame) call = testCallOf(STATS);
            g_autoptr(testFrame) reply = testReplyStats(call);

            testFramesAreEqual(frame, reply);
        } else {
            testFramesAreEqual(frame, told[serial]);
        }
    }
    return link->client.frames.length;
}

/* A client that comes afterwards: nothing of what was before holds it up. */
static void
testNextClient(testFixture *test)
{
    testServer server = { .link = testLinkNew(test), .left = G_MAXSIZE };
    g_autoptr(GByteArray) calls = testCalls();
    GList *item;
    guint answered = 0;

    testPeerSendBytes(&server.link->client, calls->data, calls->len);
    testServe(test, &server);
    g_assert_cmpuint(server.link->client.frames.length, ==, CALLS);
    g_assert_cmpuint(server.shrunk, ==, 1);
    for (item = server.link->client.frames.head; item; item = item->next) {
        const testFrame *frame = item->data;
        bool error = testGetWord(frame->bytes, 24) == VB_FRAME_ERROR;

        g_assert_true(error == (testFrameGetSerial(frame) == REFUSED));
        answered |= 1u << testFrameGetSerial(frame);
    }
    g_assert_cmphex(answered, ==, 0x7e);
}

/* Whether a domain's XML comes with what libvirt does not know of. */
static bool
testIsEdited(const testFrame *reply)
{
    static const char attribute[] = "<memballoon model='virtio' policy='warn'/>";

    return memmem(reply->bytes->data, reply->bytes->len, attribute, strlen(attribute));
}

/* The whole conversation. Returns: (transfer full): what the client is told, by serial */
static testFrame **
testWhole(testFixture *test, size_t *said)
{
    testServer server = { .link = testLinkNew(test), .left = G_MAXSIZE };
    g_autoptr(GByteArray) calls = testCalls();
    testFrame **told = g_new0(testFrame *, CALLS + 1);
    testFrame *frame;

    testPeerSendBytes(&server.link->client, calls->data, calls->len);
    testServe(test, &server);
    while ((frame = g_queue_pop_head(&server.link->client.frames))) {
        guint32 serial = testFrameGetSerial(frame);

        g_assert_cmpuint(serial, <=, CALLS);
        g_assert_null(told[serial]);
        told[serial] = frame;
    }
    g_assert_nonnull(told[REFUSED]);
    g_assert_cmpuint(testGetWord(told[REFUSED]->bytes, 24), ==, VB_FRAME_ERROR);
    g_assert_true(testIsEdited(told[DUMP]));
    g_assert_nonnull(memmem(told[STATS]->bytes->data, told[STATS]->bytes->len, "inhibited", 9));
    *said = server.said;
    return told;
}

static void
testToldFree(testFrame **told)
{
    guint serial;

    for (serial = 0; serial <= CALLS; serial++)
        testFrameFree(told[serial]);
    g_free(told);
}

/* How many bytes libvirt says in all of it. */
static size_t
testCountSaid(testFixture *test)
{
    size_t said = 0;

    testToldFree(testWhole(test, &said));
    return said;
}

/* Breaks */

/* The conversation on a fixture of its own, as far as it gets when libvirt says @left bytes. */
static void
testBegin(testFixture *one, testServer *server, size_t left)
{
    memset(one, 0, sizeof(*one));
    testSetup(one, NULL);
    memset(server, 0, sizeof(*server));
    server->link = testLinkNew(one);
    server->left = left;
}

static void
testSayAll(testFixture *one, testServer *server)
{
    g_autoptr(GByteArray) calls = testCalls();

    testPeerSendBytes(&server->link->client, calls->data, calls->len);
    testServe(one, server);
}

static void
testEnd(testFixture *one, const testServer *server)
{
    g_assert_null(server->link->relay);
    testNextClient(one);
    testTeardown(one, NULL);
}

static void
testLibvirtCloses(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    size_t said = 0;
    testFrame **told = testWhole(test, &said);
    testFixture one;
    testServer server;
    guint most = 0;
    size_t cut;

    for (cut = 0; cut < said; cut++) {
        guint count;

        testBegin(&one, &server, cut);
        server.closes = &server.link->upstream;
        testSayAll(&one, &server);
        testExpectEnd(&one, &server.link->client);
        count = testCheckTold(server.link, told);
        g_assert_cmpuint(count, >=, most);
        most = count;
        testEnd(&one, &server);
    }
    /* What ends last is the answer to a question about a reply, which arrives without it. */
    g_assert_cmpuint(most, ==, CALLS);
    g_test_message("broken off at %zu places", said);
    testToldFree(told);
}

/* What libvirt does not answer in time is refused, and forwarded to nobody. */
static void
testLibvirtFallsSilent(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    size_t said = testCountSaid(test);
    testFixture one;
    testServer server;
    size_t cut;

    for (cut = 0; cut < said; cut++) {
        testBegin(&one, &server, cut);
        testSayAll(&one, &server);
        testSleep(&one, TEST_DEADLINE);
        testServe(&one, &server);
        g_assert_nonnull(server.link->relay);
        testPeerClose(&server.link->upstream);
        testExpectEnd(&one, &server.link->client);
        testEnd(&one, &server);
    }
}

/* While something of its own is being decided, forwarded, or edited; libvirt closes inside a
 * message then. */
static void
testClientClosesMeanwhile(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    size_t said = testCountSaid(test);
    testFixture one;
    testServer server;
    size_t cut;

    for (cut = 0; cut < said; cut++) {
        testBegin(&one, &server, cut);
        server.closes = &server.link->client;
        testSayAll(&one, &server);
        testPeerClose(&server.link->upstream);
        testSettle(&one);
        testEnd(&one, &server);
    }
}

/* @data: whether libvirt has answered before what has come until then */
static void
testClientCloses(testFixture *test, gconstpointer data)
{
    g_autoptr(GByteArray) calls = testCalls();
    size_t said = 0;
    testFrame **told = testWhole(test, &said);
    testFixture one;
    testServer server;
    size_t cut;

    for (cut = 0; cut < calls->len; cut++) {
        testBegin(&one, &server, G_MAXSIZE);
        if (cut > 0)
            testPeerSendBytes(&server.link->client, calls->data, cut);
        if (data)
            testServe(&one, &server);
        else
            testSettle(&one);
        testPeerClose(&server.link->client);
        testServe(&one, &server);
        /* What was not decided when it went is not done any more. */
        g_assert_cmpuint(server.shrunk, <=, data ? 1 : 0);
        testExpectEnd(&one, &server.link->upstream);
        testCheckTold(server.link, told);
        testEnd(&one, &server);
    }
    g_test_message("broken off at %u places", calls->len);
    testToldFree(told);
}

/* Full buffers */

#define FLOOD 200

static void
testFlood(testPeer *peer)
{
    g_autoptr(testFrame) frame = testNoise(201, VB_FRAME_STREAM, 99, 100);
    guint i;

    testPutZeros(frame->bytes, 50000);
    testFrameSetWord(frame, 0, frame->bytes->len);
    for (i = 0; i < FLOOD; i++)
        testPeerSend(peer, frame);
}

static guint
testDropFlood(testPeer *peer)
{
    guint dropped = 0;

    while (peer->frames.head && testFrameGetSerial(peer->frames.head->data) == 99) {
        testFrameFree(g_queue_pop_head(&peer->frames));
        dropped++;
    }
    return dropped;
}

/* Neither side reads, with a call that is to be refused in between; then both do. */
static void
testFullBothWays(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testCallOf(REFUSED);

    link->client.reading = link->upstream.reading = false;
    testFlood(&link->client);
    testPeerSend(&link->client, call);
    testFlood(&link->client);
    testFlood(&link->upstream);
    testSettle(test);
    g_assert_cmpuint(link->client.unsent, >, 0);
    g_assert_cmpuint(link->upstream.unsent, >, 0);

    link->client.reading = link->upstream.reading = true;
    testSettle(test);
    g_assert_cmpuint(testDropFlood(&link->upstream), ==, FLOOD);
    testAnswerXml(test, link, testXmlInhibited);
    testSettle(test);
    g_assert_cmpuint(testDropFlood(&link->upstream), ==, FLOOD);
    g_assert_cmpuint(testDropFlood(&link->client), ==, FLOOD);
    testExpectRefused(test, link, call);
    testExpectNothing(test, &link->upstream);
}

/* Nobody waits for a call that went down with libvirt, even if its client has yet to read. */
static void
testLibvirtClosesOnSlowClient(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testCallOf(PASSED);
    g_autoptr(testFrame) large = testNoise(201, VB_FRAME_STREAM, 99, 100);

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, testXmlFree);
    testExpectSame(test, &link->upstream, call);
    link->client.reading = false;
    testPutZeros(large->bytes, 400000);
    testFrameSetWord(large, 0, large->bytes->len);
    testPeerSend(&link->upstream, large);
    testSettle(test);
    g_assert_cmpuint(link->upstream.unsent, ==, 0);
    testPeerClose(&link->upstream);
    testSettle(test);
    g_assert_nonnull(link->relay);
    testNextClient(test);
    link->client.reading = true;
    testExpectSame(test, &link->client, large);
    testExpectEnd(test, &link->client);
}

/* No descriptor is left */

/* @data: whether it is the client that sends one */
static void
testNoDescriptorLeft(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    testPeer *from = data ? &link->client : &link->upstream;
    testPeer *to = data ? &link->upstream : &link->client;
    g_autoptr(testFrame) frame = testNoise(249, data ? VB_FRAME_CALL_WITH_FDS :
                                           VB_FRAME_REPLY_WITH_FDS, 5, 10);
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(int));
    struct rlimit limit;
    struct rlimit low;
    int fd;

    testFrameAddFds(frame, 2);
    testPeerSend(from, frame);
    /* Bytes and descriptors are on their way, each for itself, before the relay reads. */
    while (testPeerFlush(from))
        continue;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    low = limit;
    low.rlim_cur = 64;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
    while ((fd = dup(from->fd)) >= 0)
        g_array_append_val(taken, fd);
    testSettle(test);
    for (guint i = 0; i < taken->len; i++)
        close(g_array_index(taken, int, i));
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    testExpectEnd(test, to);
    testExpectNothing(test, to);
    testExpectEnd(test, from);
    g_assert_null(link->relay);
    testNextClient(test);
}

/* Strange replies */

/* A reply that differs from the awaited one in one word of the header is another's. */
static void
testOtherReply(testFixture *test, gconstpointer data)
{
    size_t at = GPOINTER_TO_SIZE(data);
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testCallOf(DUMP);
    g_autoptr(testFrame) reply = testReplyString(call, testStored, strlen(testStored));
    g_autoptr(testFrame) other = testReplyString(call, testStored, strlen(testStored));
    g_autoptr(testFrame) shown = NULL;

    testFrameSetWord(other, at, testGetWord(other->bytes, at) + 1);
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
    testPeerSend(&link->upstream, other);
    testExpectSame(test, &link->client, other);
    testPeerSend(&link->upstream, reply);
    shown = testTake(test, &link->client);
    g_assert_true(testIsEdited(shown));
}

static void
testSecondReply(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testCallOf(DUMP);
    g_autoptr(testFrame) reply = testReplyString(call, testStored, strlen(testStored));
    g_autoptr(testFrame) shown = NULL;

    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
    testPeerSend(&link->upstream, reply);
    testPeerSend(&link->upstream, reply);
    shown = testTake(test, &link->client);
    g_assert_true(testIsEdited(shown));
    testExpectSame(test, &link->client, reply);
    testExpectNothing(test, &link->client);
}

/* One that comes while the call is still being decided is no reply to it: libvirt does not have
 * it. The turn stays, and so does the verdict. */
static void
testReplyBeforeCall(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testCallOf(REFUSED);
    g_autoptr(testFrame) reply = testReplyPlain(call);

    testPeerSend(&link->client, call);
    testSettle(test);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
    testAnswerXml(test, link, testXmlInhibited);
    testExpectRefused(test, link, call);
    testExpectNothing(test, &link->upstream);
}

static void
testAdd(const char *path, gconstpointer data, void (*func)(testFixture *, gconstpointer))
{
    g_autofree char *full = g_strdup_printf("/fault/%s", path);

    g_test_add(full, testFixture, data, testSetup, func, testTeardown);
}

static void
testAddAll(void)
{
    testAdd("libvirt may close behind every byte", NULL, testLibvirtCloses);
    testAdd("libvirt may fall silent behind every byte", NULL, testLibvirtFallsSilent);
    testAdd("a client may close behind every byte that libvirt answers", NULL,
            testClientClosesMeanwhile);
    testAdd("a client may close behind every byte of its own", GINT_TO_POINTER(false),
            testClientCloses);
    testAdd("a client may close behind every byte of its own that was answered",
            GINT_TO_POINTER(true), testClientCloses);
    testAdd("a call is refused between full buffers both ways", NULL, testFullBothWays);
    testAdd("a turn ends with libvirt though its client does not read", NULL,
            testLibvirtClosesOnSlowClient);
    testAdd("without room for a client's descriptor its connection ends", GINT_TO_POINTER(true),
            testNoDescriptorLeft);
    testAdd("without room for libvirt's descriptor the connection ends", GINT_TO_POINTER(false),
            testNoDescriptorLeft);
    testAdd("a reply of another program is not edited", GSIZE_TO_POINTER(4), testOtherReply);
    testAdd("a reply of another procedure is not edited", GSIZE_TO_POINTER(12), testOtherReply);
    testAdd("a reply with another serial is not edited", GSIZE_TO_POINTER(20), testOtherReply);
    testAdd("a second reply is handed on", NULL, testSecondReply);
    testAdd("a reply to a call that libvirt does not have decides nothing", NULL,
            testReplyBeforeCall);
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
