/*
 * fakelibvirtd.c: a client and a libvirtd for one relay or several, both played by the test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fakelibvirtd.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char testXmlInhibited[] = TEST_XML_OF("", TEST_HOSTDEV);
const char testXmlFree[] = TEST_XML_OF("", "");
const char testXmlWarn[] = TEST_XML_OF(TEST_POLICY("warn"), "");

/* A run of bytes to be sent, or a descriptor. */
typedef struct {
    GByteArray *bytes; /* or NULL */
    size_t done;
    guint id;
} testItem;

typedef struct {
    guint id;
    guint due;
} testTimer;

static GArray *testTimers; /* of testTimer */
static guint testNow;      /* seconds */
guint testLogLines;

/* Instead of GLib's, for the relay: its seconds are ours. */
guint
g_timeout_add_seconds(guint interval, GSourceFunc function, gpointer data)
{
    testTimer timer = { .id = g_timeout_add(G_MAXINT, function, data), .due = testNow + interval };

    g_array_append_val(testTimers, timer);
    return timer.id;
}

/* Forgets the timers that are over. */
static guint
testTimersCount(void)
{
    guint i = 0;

    while (i < testTimers->len) {
        if (g_main_context_find_source_by_id(NULL, g_array_index(testTimers, testTimer, i).id))
            i++;
        else
            g_array_remove_index_fast(testTimers, i);
    }
    return testTimers->len;
}

static GLogWriterOutput
testLogWriter(GLogLevelFlags level G_GNUC_UNUSED, const GLogField *fields G_GNUC_UNUSED,
              gsize count G_GNUC_UNUSED, gpointer opaque G_GNUC_UNUSED)
{
    testLogLines++;
    return G_LOG_WRITER_HANDLED;
}

/* XDR. */

void
testPutWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

guint32
testGetWord(const GByteArray *bytes, size_t at)
{
    guint32 wire;

    g_assert_cmpuint(at + sizeof(wire), <=, bytes->len);
    memcpy(&wire, bytes->data + at, sizeof(wire));
    return GUINT32_FROM_BE(wire);
}

void
testPutZeros(GByteArray *bytes, size_t count)
{
    guint before = bytes->len;

    g_byte_array_set_size(bytes, (guint)(before + count));
    memset(bytes->data + before, 0, count);
}

void
testPutString(GByteArray *bytes, const char *text, size_t length)
{
    testPutWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    testPutZeros(bytes, (4 - length % 4) % 4);
}

/* Messages. */

/*
 * Room that a short message need not grow out of: under MALLOC_PERTURB_ (meson sets it) glibc fills
 * all of the free memory behind a block that grows, which may be megabytes for every word.
 */
#define TEST_FRAME_ROOM 256

testFrame *
testFrameNew(guint32 program, gint32 procedure, guint32 type, guint32 serial, guint32 status)
{
    testFrame *frame = g_new0(testFrame, 1);

    frame->bytes = g_byte_array_sized_new(TEST_FRAME_ROOM);
    testPutWord(frame->bytes, 0);
    testPutWord(frame->bytes, program);
    testPutWord(frame->bytes, 1);
    testPutWord(frame->bytes, (guint32)procedure);
    testPutWord(frame->bytes, type);
    testPutWord(frame->bytes, serial);
    testPutWord(frame->bytes, status);
    if (type == VB_FRAME_CALL_WITH_FDS || type == VB_FRAME_REPLY_WITH_FDS)
        testPutWord(frame->bytes, 0);
    return frame;
}

void
testFrameFree(testFrame *frame)
{
    if (!frame)
        return;
    g_byte_array_unref(frame->bytes);
    g_free(frame);
}

void
testFrameSetWord(testFrame *frame, size_t at, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    memcpy(frame->bytes->data + at, &wire, sizeof(wire));
}

void
testFrameAddFds(testFrame *frame, guint count)
{
    static guint next = 1;
    guint i;

    testFrameSetWord(frame, 28, count);
    for (i = 0; i < count; i++)
        frame->ids[frame->nfds++] = next++;
}

static guint32
testFrameGetProgram(const testFrame *frame)
{
    return testGetWord(frame->bytes, 4);
}

gint32
testFrameGetProcedure(const testFrame *frame)
{
    return (gint32)testGetWord(frame->bytes, 12);
}

static guint32
testFrameGetType(const testFrame *frame)
{
    return testGetWord(frame->bytes, 16);
}

guint32
testFrameGetSerial(const testFrame *frame)
{
    return testGetWord(frame->bytes, 20);
}

static guint32
testFrameGetStatus(const testFrame *frame)
{
    return testGetWord(frame->bytes, 24);
}

void
testFramesAreEqual(const testFrame *a, const testFrame *b)
{
    guint i;

    g_assert_cmpmem(a->bytes->data, a->bytes->len, b->bytes->data, b->bytes->len);
    g_assert_cmpuint(a->nfds, ==, b->nfds);
    for (i = 0; i < a->nfds; i++)
        g_assert_cmpuint(a->ids[i], ==, b->ids[i]);
}

void
testPutNoise(GByteArray *bytes, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        guint8 byte = (guint8)g_test_rand_int();

        g_byte_array_append(bytes, &byte, 1);
    }
}

testFrame *
testNoise(gint32 procedure, guint32 type, guint32 serial, size_t length)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, procedure, type, serial, VB_FRAME_OK);

    testPutNoise(frame->bytes, length);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

testFrame *
testPlainCall(guint32 serial)
{
    return testNoise(REMOTE_PROC_CONNECT_GET_VERSION, VB_FRAME_CALL, serial, 12);
}

testFrame *
testKeepalive(gint32 procedure)
{
    testFrame *frame = testFrameNew(KEEPALIVE_PROGRAM, procedure, VB_FRAME_MESSAGE, 0, VB_FRAME_OK);

    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

testFrame *
testSetMemoryOfType(guint32 type, guint32 serial, guint8 domain, guint32 memory, guint32 flags)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, type,
                                    serial, VB_FRAME_OK);
    guint8 uuid[16];

    memset(uuid, domain, sizeof(uuid));
    testPutString(frame->bytes, "guest", 5);
    g_byte_array_append(frame->bytes, uuid, sizeof(uuid));
    testPutWord(frame->bytes, 3);
    testPutWord(frame->bytes, 0);
    testPutWord(frame->bytes, memory);
    testPutWord(frame->bytes, flags);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

testFrame *
testShrink(guint32 serial, guint8 domain)
{
    return testSetMemoryOfType(VB_FRAME_CALL, serial, domain, TEST_SHRUNK, VIR_DOMAIN_MEM_LIVE);
}

testFrame *
testOpenCall(guint32 serial)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN, VB_FRAME_CALL, serial,
                                    VB_FRAME_OK);

    testPutWord(frame->bytes, 1);
    testPutString(frame->bytes, "qemu:///system", 14);
    testPutWord(frame->bytes, 0);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

testFrame *
testReplyTo(const testFrame *call, guint32 status)
{
    return testFrameNew(testFrameGetProgram(call), testFrameGetProcedure(call), VB_FRAME_REPLY,
                        testFrameGetSerial(call), status);
}

testFrame *
testReplyError(const testFrame *call, gint32 code, gint32 domain)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_ERROR);
    const char *text = "said by libvirt";

    testPutWord(frame->bytes, (guint32)code);
    testPutWord(frame->bytes, (guint32)domain);
    testPutWord(frame->bytes, 1);
    testPutString(frame->bytes, text, strlen(text));
    testPutZeros(frame->bytes, 24);
    testPutNoise(frame->bytes, 16);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

testFrame *
testReplyString(const testFrame *call, const char *text, size_t length)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testPutString(frame->bytes, text, length);
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

testFrame *
testReplyPlain(const testFrame *call)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

/* Peers. */

static void
testItemFree(testItem *item)
{
    if (item->bytes)
        g_byte_array_unref(item->bytes);
    g_free(item);
}

void
testPeerSendBytes(testPeer *peer, const guint8 *bytes, size_t length)
{
    testItem *item = g_new0(testItem, 1);

    item->bytes = g_byte_array_sized_new((guint)length);
    g_byte_array_append(item->bytes, bytes, (guint)length);
    peer->unsent += length;
    g_queue_push_tail(&peer->out, item);
}

void
testPeerSendFd(testPeer *peer, guint id)
{
    testItem *item = g_new0(testItem, 1);

    item->id = id;
    g_queue_push_tail(&peer->out, item);
}

void
testPeerSend(testPeer *peer, const testFrame *frame)
{
    guint i;

    testPeerSendBytes(peer, frame->bytes->data, frame->bytes->len);
    for (i = 0; i < frame->nfds; i++)
        testPeerSendFd(peer, frame->ids[i]);
}

void
testPeerSendNew(testPeer *peer, testFrame *frame)
{
    testPeerSend(peer, frame);
    testFrameFree(frame);
}

void
testPeerSendPart(testPeer *peer, const testFrame *frame, size_t from, size_t to)
{
    testPeerSendBytes(peer, frame->bytes->data + from, to - from);
}

void
testPeerClose(testPeer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    g_queue_clear_full(&peer->out, (GDestroyNotify)testItemFree);
    peer->unsent = 0;
    g_clear_pointer(&peer->half, testFrameFree);
}

/* Bytes or -1; @passed: a descriptor to send, or -1 */
static ssize_t
testPeerWrite(const testPeer *peer, const guint8 *bytes, size_t length, int passed)
{
    struct iovec iov = { .iov_base = (void *)bytes, .iov_len = length };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (passed >= 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &passed, sizeof(int));
    }
    return sendmsg(peer->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool
testPeerFlush(testPeer *peer)
{
    testItem *item = g_queue_peek_head(&peer->out);
    ssize_t n;

    if (!item || peer->broken)
        return false;
    if (item->bytes) {
        size_t length = item->bytes->len - item->done;

        if (peer->chunk > 0) {
            size_t most = peer->random ?
                (size_t)g_test_rand_int_range(1, (gint32)peer->chunk + 1) : peer->chunk;

            length = MIN(length, most);
        }
        /* An empty array has no data to point into. */
        n = testPeerWrite(peer, length > 0 ? item->bytes->data + item->done : NULL, length, -1);
    } else {
        static const guint8 zero = 0;
        int fd = testFdNew(item->id);

        n = testPeerWrite(peer, &zero, 1, fd);
        close(fd);
    }
    if (n < 0) {
        g_assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        peer->broken = errno != EAGAIN;
        return false;
    }
    if (item->bytes) {
        peer->unsent -= (size_t)n;
        item->done += (size_t)n;
        if (item->done < item->bytes->len)
            return true;
    }
    testItemFree(g_queue_pop_head(&peer->out));
    return true;
}

/* How many bytes libvirt would ask for next; 0 where the message is whole but for descriptors. */
static size_t
testPeerGetWanted(const testPeer *peer)
{
    size_t have = peer->half->bytes->len;

    return have < 4 ? 4 - have : testGetWord(peer->half->bytes, 0) - have;
}

/* Returns whether the message that is being read is whole. */
static bool
testPeerIsWhole(testPeer *peer)
{
    testFrame *frame = peer->half;
    guint32 type;

    if (testPeerGetWanted(peer) > 0)
        return false;
    type = testFrameGetType(frame);
    return (type != VB_FRAME_CALL_WITH_FDS && type != VB_FRAME_REPLY_WITH_FDS) ||
        frame->nfds == testGetWord(frame->bytes, 28);
}

/* One read. Returns whether something came. */
static bool
testPeerRead(testPeer *peer)
{
    static guint8 buffer[65536];
    struct iovec iov = { .iov_base = buffer };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *cmsg;
    size_t wanted;
    ssize_t n;

    if (peer->fd < 0 || peer->ended || !peer->reading)
        return false;
    if (!peer->half) {
        peer->half = g_new0(testFrame, 1);
        peer->half->bytes = g_byte_array_sized_new(TEST_FRAME_ROOM);
    }
    wanted = testPeerGetWanted(peer);
    iov.iov_len = wanted > 0 ? MIN(wanted, sizeof(buffer)) : 1;

    n = recvmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        peer->ended = true;
        return true;
    }

    cmsg = CMSG_FIRSTHDR(&msg);
    if (wanted > 0) {
        g_assert_null(cmsg);
        g_byte_array_append(peer->half->bytes, buffer, (guint)n);
    } else {
        int fd;

        g_assert_cmpuint(buffer[0], ==, 0);
        g_assert(cmsg);
        g_assert_cmpuint(cmsg->cmsg_len, ==, CMSG_LEN(sizeof(int)));
        memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
        peer->half->ids[peer->half->nfds++] = testFdGetId(fd);
        close(fd);
    }
    if (testPeerIsWhole(peer))
        g_queue_push_tail(&peer->frames, g_steal_pointer(&peer->half));
    return true;
}

static void
testPeerInit(testPeer *peer, int fd)
{
    peer->fd = fd;
    peer->reading = true;
    g_queue_init(&peer->out);
    g_queue_init(&peer->frames);
}

void
testSettle(testFixture *test)
{
    guint quiet = 0;
    bool moved;

    do {
        guint i;

        moved = false;
        while (g_main_context_iteration(NULL, FALSE)) {
            /* The relay must not turn round and round without getting anywhere. */
            g_assert_cmpuint(quiet++, <, 10000);
            moved = true;
        }
        for (i = 0; i < test->used; i++) {
            testPeer *peers[] = { &test->links[i].client, &test->links[i].upstream };
            size_t j;

            for (j = 0; j < G_N_ELEMENTS(peers); j++) {
                bool came;

                if (peers[j]->fd < 0)
                    continue;
                came = testPeerFlush(peers[j]);
                while (testPeerRead(peers[j]))
                    came = true;
                if (came)
                    quiet = 0;
                moved = moved || came;
            }
        }
    } while (moved);
}

void
testSleep(testFixture *test, guint seconds)
{
    guint i;

    testSettle(test);
    testNow += seconds;
    for (i = 0; i < testTimers->len; i++) {
        const testTimer *timer = &g_array_index(testTimers, testTimer, i);
        GSource *source = g_main_context_find_source_by_id(NULL, timer->id);

        if (source && timer->due <= testNow)
            g_source_set_ready_time(source, 0);
    }
    testSettle(test);
}

static void
testRelayClosed(vbRelay *relay, gpointer opaque)
{
    testLink *link = opaque;

    g_assert_true(link->relay == relay);
    link->relay = NULL;
    link->closed++;
}

testLink *
testLinkNewWith(testFixture *test, bool readonly, const char *failure)
{
    testLink *link = &test->links[test->used++];
    int client[2];
    int upstream[2] = { -1, -1 };

    g_assert_cmpuint(test->used, <=, TEST_LINKS);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, client), ==,
                    0);
    if (!failure)
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                   upstream), ==, 0);
    testPeerInit(&link->client, client[1]);
    testPeerInit(&link->upstream, upstream[1]);
    link->relay = vbRelayNew(&test->shared, client[0], upstream[0], failure, readonly,
                             &test->peer, testRelayClosed, link);
    g_assert_nonnull(link->relay);
    return link;
}

testLink *
testLinkNew(testFixture *test)
{
    return testLinkNewWith(test, false, NULL);
}

void
testSetup(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    test->fdsBefore = testFdCount();
    test->shared.epoll = vbEpollNew(NULL);
    test->shared.queue = vbDomainQueueNew();
    test->shared.journal = vbJournalNew();
    test->shared.recent = qemuDriverRecentNew();
    test->shared.settings.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_BLOCK;
    test->shared.settings.qmp = QEMU_DOMAIN_QMP_NEVER;
    test->peer = (vbPeer){ .pid = 4711, .uid = 1000, .gid = 1001, .startTime = 123456789012 };
    testLogLines = 0;
}

void
testTeardown(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    guint i;

    for (i = 0; i < test->used; i++) {
        testPeerClose(&test->links[i].client);
        testPeerClose(&test->links[i].upstream);
    }
    testSettle(test);
    for (i = 0; i < test->used; i++) {
        testLink *link = &test->links[i];

        g_assert_null(link->relay);
        g_assert_cmpuint(link->closed, ==, 1);
        g_queue_clear_full(&link->client.frames, (GDestroyNotify)testFrameFree);
        g_queue_clear_full(&link->upstream.frames, (GDestroyNotify)testFrameFree);
    }
    testFrameFree(test->two.call);
    testFrameFree(test->two.waiting);
    testFrameFree(test->two.question);
    vbDomainQueueFree(test->shared.queue);
    vbJournalFree(test->shared.journal);
    qemuDriverRecentFree(test->shared.recent);
    vbEpollFree(test->shared.epoll);
    g_assert_cmpuint(testTimersCount(), ==, 0);
    g_assert_cmpuint(testFdCount(), ==, test->fdsBefore);
}

/* What came. */

testFrame *
testTake(testFixture *test, testPeer *peer)
{
    testFrame *frame;

    testSettle(test);
    frame = g_queue_pop_head(&peer->frames);
    g_assert_nonnull(frame);
    return frame;
}

void
testExpectNothing(testFixture *test, testPeer *peer)
{
    testSettle(test);
    g_assert_cmpuint(peer->frames.length, ==, 0);
}

void
testExpectSame(testFixture *test, testPeer *peer, const testFrame *expected)
{
    g_autoptr(testFrame) frame = testTake(test, peer);

    testFramesAreEqual(frame, expected);
}

testFrame *
testTakeQuestion(testFixture *test, testLink *link, guint32 program, gint32 procedure)
{
    testFrame *frame = testTake(test, &link->upstream);

    g_assert_cmphex(testFrameGetProgram(frame), ==, program);
    g_assert_cmpint(testFrameGetProcedure(frame), ==, procedure);
    g_assert_cmpuint(testGetWord(frame->bytes, 8), ==, 1);
    g_assert_cmpuint(testFrameGetType(frame), ==, VB_FRAME_CALL);
    g_assert_cmphex(testFrameGetSerial(frame), >=, 0xf0000000u);
    g_assert_cmpuint(testFrameGetStatus(frame), ==, VB_FRAME_OK);
    return frame;
}

void
testExpectError(testFixture *test, testLink *link, const testFrame *call, gint32 code,
                gint32 domain, const char *part)
{
    g_autoptr(testFrame) frame = testTake(test, &link->client);
    g_autofree char *text = NULL;
    const GByteArray *bytes = frame->bytes;

    g_assert_cmphex(testFrameGetProgram(frame), ==, testFrameGetProgram(call));
    g_assert_cmpint(testFrameGetProcedure(frame), ==, testFrameGetProcedure(call));
    g_assert_cmpuint(testGetWord(bytes, 8), ==, testGetWord(call->bytes, 8));
    g_assert_cmpuint(testFrameGetType(frame), ==, VB_FRAME_REPLY);
    g_assert_cmphex(testFrameGetSerial(frame), ==, testFrameGetSerial(call));
    g_assert_cmpuint(testFrameGetStatus(frame), ==, VB_FRAME_ERROR);
    g_assert_cmpint((gint32)testGetWord(bytes, 28), ==, code);
    g_assert_cmpint((gint32)testGetWord(bytes, 32), ==, domain);
    g_assert_cmpuint(testGetWord(bytes, 36), ==, 1);
    g_assert_cmpuint(testGetWord(bytes, 40), <=, bytes->len - 44);
    text = g_strndup((const char *)bytes->data + 44, testGetWord(bytes, 40));
    if (!strstr(text, part))
        g_error("'%s' does not say '%s'", text, part);
}

void
testExpectEnd(testFixture *test, testPeer *peer)
{
    testSettle(test);
    g_assert_true(peer->ended);
}

/* What usually happens. */

void
testOpen(testFixture *test, testLink *link)
{
    g_autoptr(testFrame) call = testOpenCall(1);
    g_autoptr(testFrame) reply = testReplyPlain(call);

    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, call);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
}

testLink *
testLinkOpen(testFixture *test)
{
    testLink *link = testLinkNew(test);

    testOpen(test, link);
    return link;
}

void
testAnswerString(testLink *link, const testFrame *question, const char *text)
{
    testPeerSendNew(&link->upstream, testReplyString(question, text, strlen(text)));
}

void
testAnswerType(testFixture *test, testLink *link, const char *type)
{
    g_autoptr(testFrame) question =
        testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);

    g_assert_cmpuint(question->bytes->len, ==, 28);
    testAnswerString(link, question, type);
}

testFrame *
testTakeXmlQuestion(testFixture *test, testLink *link)
{
    return testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC);
}

void
testAnswerXml(testFixture *test, testLink *link, const char *xml)
{
    g_autoptr(testFrame) question = testTakeXmlQuestion(test, link);

    testAnswerString(link, question, xml);
}

testLink *
testLinkKnown(testFixture *test)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testShrink(2, 0xee);
    g_autoptr(testFrame) reply = testReplyPlain(call);

    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testAnswerXml(test, link, testXmlFree);
    testExpectSame(test, &link->upstream, call);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
    return link;
}

void
testFinishCall(testFixture *test, testLink *link, const testFrame *call)
{
    g_autoptr(testFrame) reply = testReplyPlain(call);

    testExpectSame(test, &link->upstream, call);
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, reply);
}

void
testExpectRefused(testFixture *test, testLink *link, const testFrame *call)
{
    testExpectError(test, link, call, VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU,
                    "ballooning is inhibited by");
}

int
testRun(int argc, char **argv, void (*add)(void))
{
    int status;

    g_test_init(&argc, &argv, NULL);
    /* What is logged is counted, and no test's end. */
    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    g_log_set_writer_func(testLogWriter, NULL, NULL);
    testTimers = g_array_new(FALSE, FALSE, sizeof(testTimer));
    g_main_context_iteration(NULL, FALSE); /* opens what it needs */

    add();

    status = g_test_run();
    g_array_unref(testTimers);
    return status;
}
