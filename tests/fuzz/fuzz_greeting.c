/*
 * fuzz_greeting.c: clients that are introduced to libvirt, in any order of events
 *
 * Each byte of the input is something that the client or libvirt does.  Whatever it is: libvirt
 * hears nothing before it was asked how it authenticates and has let us in; behind a CONNECT_OPEN
 * that it has granted it hears of nothing but the client's identity until it has taken that; the
 * client is not told before that it is connected; and it never says itself who it is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "fuzz.h"
#include "relay.h"

#define FUZZ_GET_VERSION 4
#define FUZZ_CALLS_MAX 64

/* What libvirt knows. */
typedef enum {
    FUZZ_STRANGER,  /* nothing: it was not asked yet, or has not answered */
    FUZZ_LET_IN,    /* root may come in */
    FUZZ_OPENING,   /* a connection was asked for */
    FUZZ_OPEN,      /* and granted; who the client is has not been said, or not taken */
    FUZZ_KNOWN,
    FUZZ_NOT_KNOWN, /* it did not want to know */
} fuzzState;

typedef struct {
    vbRelayShared shared;
    vbRelay *relay;
    int client; /* -1 once closed */
    int upstream;
    fuzzState state;
    GQueue calls; /* of vbFrameHeader: that libvirt has not answered */
    guint32 serial;
} fuzzTest;

static void
fuzzLog(const char *domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED,
        const char *message G_GNUC_UNUSED, gpointer opaque G_GNUC_UNUSED)
{
}

static void
fuzzClosed(vbRelay *relay, gpointer opaque)
{
    fuzzTest *test = opaque;

    CHECK(test->relay == relay);
    test->relay = NULL;
}

static void
fuzzSend(int fd, gint32 procedure, guint32 type, guint32 serial, guint32 status, guint payload)
{
    static const guint8 zeros[16];
    const vbFrameHeader header = {
        .program = REMOTE_PROGRAM,
        .version = 1,
        .procedure = procedure,
        .type = type,
        .serial = serial,
        .status = status,
    };
    g_autoptr(GByteArray) bytes = vbFrameBuild(&header, zeros, payload);

    if (fd < 0)
        return;
    /* One type, and that is none, to AUTH_LIST. */
    if (payload == 8)
        bytes->data[VB_FRAME_HEADER_SIZE + 3] = 1;
    if (send(fd, bytes->data, bytes->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

/* Returns: whether there is another message; there is none with more than 1 KiB here */
static bool
fuzzTake(int fd, vbFrameHeader *header)
{
    guint8 raw[VB_FRAME_HEADER_SIZE];
    guint8 payload[1024];
    size_t length;

    if (fd < 0 || recv(fd, raw, sizeof(raw), MSG_DONTWAIT) != (ssize_t)sizeof(raw))
        return false;
    vbFrameHeaderRead(header, raw);
    length = header->length - sizeof(raw);
    CHECK(length <= sizeof(payload));
    CHECK(length == 0 || recv(fd, payload, length, MSG_DONTWAIT) == (ssize_t)length);
    return true;
}

/* libvirt hears a call. */
static void
fuzzHear(fuzzTest *test, const vbFrameHeader *call)
{
    bool ours = call->procedure == REMOTE_PROC_CONNECT_SET_IDENTITY;

    CHECK(call->type == VB_FRAME_CALL);
    switch (test->state) {
    case FUZZ_STRANGER:
        CHECK(call->procedure == REMOTE_PROC_AUTH_LIST && g_queue_is_empty(&test->calls));
        break;
    case FUZZ_OPENING:
    case FUZZ_NOT_KNOWN:
        CHECK(false);
        break;
    case FUZZ_OPEN:
        CHECK(ours);
        break;
    case FUZZ_LET_IN:
    case FUZZ_KNOWN:
    default:
        CHECK(!ours);
        if (call->procedure == REMOTE_PROC_CONNECT_OPEN && test->state == FUZZ_LET_IN)
            test->state = FUZZ_OPENING;
        break;
    }
    g_queue_push_tail(&test->calls, g_memdup2(call, sizeof(*call)));
}

/* The client is told something. */
static void
fuzzTold(fuzzTest *test, const vbFrameHeader *reply)
{
    CHECK(reply->type == VB_FRAME_REPLY);
    if (reply->procedure == REMOTE_PROC_CONNECT_OPEN && reply->status == VB_FRAME_OK)
        CHECK(test->state == FUZZ_KNOWN);
    if (reply->procedure == REMOTE_PROC_CONNECT_SET_IDENTITY)
        CHECK(reply->status == VB_FRAME_ERROR);
}

static void
fuzzSettle(fuzzTest *test)
{
    vbFrameHeader header;
    bool moved;

    do {
        moved = false;
        while (g_main_context_iteration(NULL, FALSE))
            ;
        while (fuzzTake(test->upstream, &header)) {
            fuzzHear(test, &header);
            moved = true;
        }
        while (fuzzTake(test->client, &header)) {
            fuzzTold(test, &header);
            moved = true;
        }
    } while (moved);
}

/* libvirt answers the oldest call, or the newest. */
static void
fuzzAnswer(fuzzTest *test, bool oldest, bool ok)
{
    g_autofree vbFrameHeader *call = oldest ? g_queue_pop_head(&test->calls) :
        g_queue_pop_tail(&test->calls);

    if (!call)
        return;
    if (test->state == FUZZ_STRANGER && ok)
        test->state = FUZZ_LET_IN;
    else if (test->state == FUZZ_STRANGER)
        test->state = FUZZ_NOT_KNOWN;
    else if (test->state == FUZZ_OPENING && call->procedure == REMOTE_PROC_CONNECT_OPEN)
        test->state = ok ? FUZZ_OPEN : FUZZ_LET_IN;
    else if (call->procedure == REMOTE_PROC_CONNECT_SET_IDENTITY)
        test->state = ok ? FUZZ_KNOWN : FUZZ_NOT_KNOWN;
    fuzzSend(test->upstream, call->procedure, VB_FRAME_REPLY, call->serial,
             ok ? VB_FRAME_OK : VB_FRAME_ERROR,
             ok && call->procedure == REMOTE_PROC_AUTH_LIST ? 8 : 0);
}

static void
fuzzClose(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void
fuzzDo(fuzzTest *test, guint8 what)
{
    static const gint32 calls[] = {
        REMOTE_PROC_AUTH_LIST, REMOTE_PROC_CONNECT_OPEN, REMOTE_PROC_CONNECT_SET_IDENTITY,
        FUZZ_GET_VERSION,
    };
    /* Some of the serials that ours count down from, too. */
    guint32 serial = what & 0x80 ? 0xfffffffe - (what >> 4 & 7) : ++test->serial;

    switch (what & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
        fuzzSend(test->client, calls[what & 3], VB_FRAME_CALL, serial, VB_FRAME_OK, 0);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        fuzzAnswer(test, true, true);
        break;
    case 10:
        fuzzAnswer(test, true, false);
        break;
    case 11:
        fuzzAnswer(test, false, true);
        break;
    case 12:
        /* An answer to what was not asked. */
        fuzzSend(test->upstream, FUZZ_GET_VERSION, VB_FRAME_REPLY, serial, VB_FRAME_OK, 0);
        return;
    case 13:
        if (what >> 4 == 15)
            fuzzClose(&test->client);
        break;
    case 14:
        if (what >> 4 == 15)
            fuzzClose(&test->upstream);
        break;
    default:
        break;
    }
    /* Otherwise more comes at once. */
    if (what & 0x40)
        fuzzSettle(test);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static const vbPeer peer = { .pid = 1, .uid = 1, .startTime = 1 };
    fuzzTest test = { .shared = { .introduces = true } };
    int client[2];
    int upstream[2];

    if (size > FUZZ_CALLS_MAX)
        return 0;
    g_log_set_handler(NULL, G_LOG_LEVEL_WARNING, fuzzLog, NULL);
    test.shared.epoll = vbEpollNew(NULL);
    test.shared.queue = vbDomainQueueNew();
    test.shared.journal = vbJournalNew();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, client) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, upstream) == 0);
    test.client = client[1];
    test.upstream = upstream[1];
    test.relay = vbRelayNew(&test.shared, client[0], upstream[0], NULL, false, &peer, fuzzClosed,
                            &test);
    CHECK(test.relay);
    for (size_t i = 0; i < size; i++)
        fuzzDo(&test, data[i]);
    fuzzSettle(&test);
    if (test.relay)
        vbRelayClose(test.relay);
    fuzzClose(&test.client);
    fuzzClose(&test.upstream);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_queue_clear_full(&test.calls, g_free);
    vbDomainQueueFree(test.shared.queue);
    vbJournalFree(test.shared.journal);
    vbEpollFree(test.shared.epoll);
    return 0;
}
