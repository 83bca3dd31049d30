/*
 * relay.c: one client, one connection to libvirt's daemon, and what goes between them
 *
 * Every message goes on as it came, while it arrives, except: a call that qemu_driver.c knows is
 * taken off the stream and handed to decision.c, and so is every reply to a question of ours, and
 * every reply that is to be edited.
 *
 * A side is read only while the other one takes what is read, so a slow reader slows its own
 * peer and costs no memory.  Only while a call of a client has the turn at its domain is libvirt
 * read on for a client that does not read, because others wait for libvirt's answers: up to a
 * limit, and then the client is given a moment to read and is left.
 *
 * While a call waits for its verdict no message is begun that is not
 * here whole, because questions go out between two messages: a small one is collected first, a
 * large one is held.
 *
 * Before a client's first call and behind its CONNECT_OPEN it is introduced to libvirt, see
 * greeting.c.
 *
 * Messages that are held besides: a call with a serial that is in use, since libvirt's replies
 * could not be told apart; a CONNECT_OPEN while calls of the connection are being decided, since
 * it could change what they are about; and, while calls are being decided, a call beyond those
 * that libvirtd reads, since a verdict must not grow old while its call lies unread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "relay.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relaypriv.h"

/* What one read brings at most. One buffer serves all connections: nothing is kept in it. */
#define VB_RELAY_READ_SIZE 65536
/* A message up to this size is collected while a call waits for its verdict. */
#define VB_RELAY_COLLECT_MAX 65536
/* A client that does not read its answers is not read beyond this many bytes of them. */
#define VB_RELAY_UNREAD_MAX 262144
/* What is kept for a client that does not read while calls of it are being decided, and how long it
 * may stay at that limit. */
#define VB_RELAY_DECIDING_MAX 4194304
#define VB_RELAY_STALLED_SECONDS 10
/* The client's calls in flight with a serial in our range; a real client never gets there. */
#define VB_RELAY_HIGH_SERIALS_MAX 1024
/* In which a client must have asked for a connection. */
#define VB_RELAY_OPEN_SECONDS 60
/* How long what waits for one side is kept when the other one has gone. */
#define VB_RELAY_LINGER_SECONDS 30

static guint8 vbRelayReadBuffer[VB_RELAY_READ_SIZE];

static void
vbRelayFinish(vbRelay *relay);

/* Nothing more can be written to @side; reading what it still has to say ends in its end of
 * file, which is where the connection is taken down. */
static void
vbRelaySideBreak(vbRelaySide *side)
{
    if (side->broken)
        return;
    side->broken = true;
    shutdown(side->fd, SHUT_RDWR);
}

static void
vbRelaySideSend(vbRelaySide *side, const guint8 *bytes, size_t length)
{
    if (side->fd < 0 || side->broken)
        return;
    if (!vbOutputSend(side->output, bytes, length))
        vbRelaySideBreak(side);
}

static vbRelaySide *
vbRelaySideGetPeer(vbRelaySide *side)
{
    return side == &side->relay->client ? &side->relay->upstream : &side->relay->client;
}

static void
vbRelaySidePass(const guint8 *bytes, size_t length, gpointer opaque)
{
    vbRelaySideSend(vbRelaySideGetPeer(opaque), bytes, length);
}

static void
vbRelaySidePassFd(int fd, gpointer opaque)
{
    vbRelaySide *to = vbRelaySideGetPeer(opaque);

    if (to->fd < 0 || to->broken) {
        close(fd);
        return;
    }
    if (!vbOutputSendFd(to->output, fd))
        vbRelaySideBreak(to);
}

/* Sends what waits for @to, now that the stream to it stands between two messages. */
static void
vbRelaySideSendWaiting(vbRelaySide *to)
{
    GByteArray *bytes;

    if (!to->waiting.head)
        return;
    vbFrameReaderFlush(vbRelaySideGetPeer(to)->reader);
    while ((bytes = g_queue_pop_head(&to->waiting))) {
        vbRelaySideSend(to, bytes->data, bytes->len);
        g_byte_array_unref(bytes);
    }
}

void
vbRelayInject(vbRelaySide *to, GByteArray *bytes)
{
    if (to->fd < 0) {
        g_byte_array_unref(bytes);
        return;
    }
    g_queue_push_tail(&to->waiting, bytes);
    if (vbFrameReaderIsBetween(vbRelaySideGetPeer(to)->reader))
        vbRelaySideSendWaiting(to);
}

void
vbRelayForward(vbRelaySide *to, vbFrame *frame, const guint8 *payload, size_t length)
{
    vbFrameHeader header = frame->header;
    guint8 raw[VB_FRAME_HEADER_SIZE + 4];
    size_t size = vbFrameHeaderGetSize(&header);
    const struct iovec parts[] = {
        { .iov_base = raw, .iov_len = size },
        { .iov_base = (void *)payload, .iov_len = length },
    };
    guint32 i;

    /* What followed the arguments of a call was dropped: it means nothing to libvirtd. */
    header.length = (guint32)(size + length);
    vbFrameHeaderWrite(&header, raw);
    if (to->fd >= 0 && !to->broken &&
        !vbOutputSendParts(to->output, parts, length > 0 ? 2 : 1))
        vbRelaySideBreak(to);
    for (i = 0; i < header.nfds; i++) {
        vbRelaySidePassFd(frame->fds[i], vbRelaySideGetPeer(to));
        frame->fds[i] = -1;
    }
}

bool
vbRelayIsCall(const vbFrameHeader *header)
{
    return header->type == VB_FRAME_CALL || header->type == VB_FRAME_CALL_WITH_FDS;
}

static bool
vbRelayIsReply(const vbFrameHeader *header)
{
    return header->type == VB_FRAME_REPLY || header->type == VB_FRAME_REPLY_WITH_FDS;
}

static bool
vbRelayIsOpen(const vbFrameHeader *header)
{
    return header->program == REMOTE_PROGRAM && header->procedure == REMOTE_PROC_CONNECT_OPEN;
}

static const qemuDriverProcedure *
vbRelayFindProcedure(const vbRelay *relay, const vbFrameHeader *header)
{
    const qemuDriverProcedure *procedure;

    if (!vbRelayIsCall(header))
        return NULL;
    procedure = qemuDriverFindProcedure(header->program, header->version, header->procedure);
    if (procedure && relay->readonly && !(procedure->flags & QEMU_DRIVER_READONLY))
        return NULL;
    return procedure;
}

void
vbRelayTrackCall(vbRelay *relay, const vbFrameHeader *header)
{
    if (header->serial >= VB_RELAY_SERIAL_LAST)
        g_array_append_vals(relay->highSerials, header, 1);
    if (vbRelayIsOpen(header)) {
        relay->openPending++;
        vbGreetingOpening(relay);
    }
    relay->callsInFlight++;
}

void
vbRelayTrackReply(vbRelay *relay, const vbFrameHeader *header)
{
    guint i;

    relay->retry = true;
    if (vbDecisionReplied(relay, header))
        return;
    if (relay->callsInFlight > 0)
        relay->callsInFlight--;
    for (i = 0; header->serial >= VB_RELAY_SERIAL_LAST && i < relay->highSerials->len; i++) {
        const vbFrameHeader *call = &g_array_index(relay->highSerials, vbFrameHeader, i);

        if (call->serial == header->serial && call->procedure == header->procedure &&
            call->program == header->program) {
            g_array_remove_index_fast(relay->highSerials, i);
            break;
        }
    }

    if (vbRelayIsOpen(header) && relay->openPending > 0) {
        relay->openPending--;
        if (header->status == VB_FRAME_OK) {
            relay->opened = true;
            relay->conn.type = QEMU_DRIVER_TYPE_UNKNOWN;
        } else {
            vbGreetingOpenFailed(relay);
            if (!relay->opened && !relay->failure)
                vbRelayAwaitOpen(relay);
        }
        if (relay->openPending == 0)
            vbDecisionOpened(relay);
    }
}

static vbFrameRoute
vbRelayRouteCall(vbRelay *relay, const vbFrameHeader *header)
{
    bool intercepted = vbRelayFindProcedure(relay, header);
    guint deciding = relay->decisions.length;

    if (vbDecisionSerialIsTaken(relay, header->serial) ||
        relay->highSerials->len >= VB_RELAY_HIGH_SERIALS_MAX)
        return VB_FRAME_ROUTE_HOLD;
    if (vbRelayIsOpen(header) && deciding > 0)
        return VB_FRAME_ROUTE_HOLD;
    if ((intercepted || deciding > 0) &&
        relay->callsInFlight + deciding >= VB_RELAY_CALLS_MAX)
        return VB_FRAME_ROUTE_HOLD;
    return intercepted ? VB_FRAME_ROUTE_CAPTURE : VB_FRAME_ROUTE_PASS;
}

static vbFrameRoute
vbRelayClientRoute(const vbFrameHeader *header, size_t available, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;
    size_t payload = header->length - vbFrameHeaderGetSize(header);

    if (relay->failure || vbGreetingIsForged(relay, header))
        return VB_FRAME_ROUTE_CAPTURE;
    if (vbGreetingHolds(relay, header))
        return VB_FRAME_ROUTE_HOLD;

    if (vbRelayIsCall(header)) {
        vbFrameRoute route = vbRelayRouteCall(relay, header);

        if (route != VB_FRAME_ROUTE_PASS)
            return route;
    }

    if ((available < payload || header->nfds > 0) && vbDecisionIsAnyOpen(relay)) {
        if (payload > VB_RELAY_COLLECT_MAX)
            return VB_FRAME_ROUTE_HOLD;
        if (vbRelayIsCall(header))
            vbRelayTrackCall(relay, header);
        return VB_FRAME_ROUTE_CAPTURE;
    }
    if (vbRelayIsCall(header))
        vbRelayTrackCall(relay, header);
    return VB_FRAME_ROUTE_PASS;
}

static size_t
vbRelayClientWant(const vbFrameHeader *header, const guint8 *payload, size_t have, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;
    const qemuDriverProcedure *procedure = vbRelayFindProcedure(relay, header);
    size_t length = header->length - vbFrameHeaderGetSize(header);

    if (relay->failure || vbGreetingIsForged(relay, header))
        return have;
    return procedure ? MIN(remoteArgsWant(procedure->layout, payload, have), length) : length;
}

/* A call with @header was handed on whole. */
static void
vbRelayCallSent(vbRelay *relay, const vbFrameHeader *header)
{
    if (vbRelayIsCall(header) && vbRelayIsOpen(header))
        g_clear_handle_id(&relay->patience, g_source_remove);
}

static void
vbRelayClientPassed(const vbFrameHeader *header, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;

    vbRelayCallSent(relay, header);
    vbRelaySideSendWaiting(&relay->upstream);
}

void
vbRelayAnswerError(vbRelay *relay, const vbFrameHeader *call, const GByteArray *error)
{
    vbFrameHeader header = *call;

    /* As libvirtd does: the answer to a call with descriptors is a plain reply. */
    header.type = VB_FRAME_REPLY;
    header.status = VB_FRAME_ERROR;
    header.nfds = 0;
    vbRelayInject(&relay->client, vbFrameBuild(&header, error->data, error->len));
}

static void
vbRelayClientCaptured(vbFrame *frame, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;
    const qemuDriverProcedure *procedure = vbRelayFindProcedure(relay, &frame->header);

    if (relay->failure) {
        if (vbRelayIsCall(&frame->header)) {
            g_autoptr(GByteArray) error = remoteEncodeError(VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC,
                                                            relay->failure);

            vbRelayAnswerError(relay, &frame->header, error);
        }
        vbFrameFree(frame);
    } else if (vbGreetingIsForged(relay, &frame->header)) {
        vbGreetingForged(relay, frame);
    } else if (procedure) {
        vbDecisionStart(relay, procedure, frame);
    } else {
        vbRelayForward(&relay->upstream, frame, frame->payload, frame->payloadLength);
        vbRelayCallSent(relay, &frame->header);
        vbFrameFree(frame);
    }
}

static vbFrameRoute
vbRelayUpstreamRoute(const vbFrameHeader *header, size_t available G_GNUC_UNUSED, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;

    if (vbRelayIsReply(header) &&
        (vbGreetingWantsReply(relay, header) || vbDecisionFindQuestion(relay, header) ||
         vbDecisionWantsReply(relay, header)))
        return VB_FRAME_ROUTE_CAPTURE;
    return VB_FRAME_ROUTE_PASS;
}

static size_t
vbRelayUpstreamWant(const vbFrameHeader *header, const guint8 *payload G_GNUC_UNUSED, size_t have,
                    gpointer opaque G_GNUC_UNUSED)
{
    size_t length = header->length - vbFrameHeaderGetSize(header);

    return length <= VB_RELAY_REPLY_MAX ? length : have;
}

static void
vbRelayUpstreamPassed(const vbFrameHeader *header, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;

    if (vbRelayIsReply(header))
        vbRelayTrackReply(relay, header);
    vbRelaySideSendWaiting(&relay->client);
}

static void
vbRelayUpstreamCaptured(vbFrame *frame, gpointer opaque)
{
    vbRelay *relay = ((vbRelaySide *)opaque)->relay;
    vbRelayQuestion *question = vbDecisionFindQuestion(relay, &frame->header);

    if (vbGreetingWantsReply(relay, &frame->header)) {
        vbGreetingReply(relay, frame);
    } else if (question) {
        vbDecisionAnswer(relay, question, frame);
    } else {
        relay->retry = true;
        vbDecisionReply(relay, frame);
    }
}

static const vbFrameReaderOps vbRelayClientOps = {
    .route = vbRelayClientRoute,
    .want = vbRelayClientWant,
    .pass = vbRelaySidePass,
    .passFd = vbRelaySidePassFd,
    .passed = vbRelayClientPassed,
    .captured = vbRelayClientCaptured,
};

static const vbFrameReaderOps vbRelayUpstreamOps = {
    .route = vbRelayUpstreamRoute,
    .want = vbRelayUpstreamWant,
    .pass = vbRelaySidePass,
    .passFd = vbRelaySidePassFd,
    .passed = vbRelayUpstreamPassed,
    .captured = vbRelayUpstreamCaptured,
};

static void
vbRelaySideClose(vbRelaySide *side)
{
    if (side->fd < 0)
        return;
    vbEpollWatchRemove(side->watch);
    close(side->fd);
    side->fd = -1;
    if (side->backlogFd >= 0)
        close(side->backlogFd);
    side->backlogFd = -1;
    side->held = false;
    g_queue_clear_full(&side->waiting, (GDestroyNotify)g_byte_array_unref);
}

/* One side has gone. What it had sent before still reaches the other one, and a call that was
 * forwarded keeps its turn until libvirt's reply. */
static void
vbRelaySideGone(vbRelaySide *side)
{
    vbRelay *relay = side->relay;

    if (side == &relay->client)
        vbDecisionCancel(relay, false);
    vbRelaySideClose(side);
    if (side == &relay->upstream)
        vbDecisionCancel(relay, true);
}

void
vbRelayRunOut(vbRelay *relay)
{
    vbJournalClient(relay->shared->journal, relay->peer.pid, relay->peer.uid,
                    "left: out of memory");
    if (relay->client.fd >= 0)
        vbRelaySideBreak(&relay->client);
}

/* What waited was given its time; only a call that was handed on is waited for longer. */
static gboolean
vbRelayLingerEnd(gpointer opaque)
{
    vbRelay *relay = opaque;

    relay->linger = 0;
    if (relay->decisions.length == 0) {
        vbRelayFinish(relay);
    } else {
        vbRelaySideGone(&relay->client);
        vbRelayUpdate(relay);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
vbRelayStalledEnd(gpointer opaque)
{
    vbRelay *relay = opaque;

    relay->stalled = 0;
    vbJournalClient(relay->shared->journal, relay->peer.pid, relay->peer.uid,
                    "left: it does not read, and others wait for its calls to end");
    vbRelaySideGone(&relay->client);
    vbRelayUpdate(relay);
    return G_SOURCE_REMOVE;
}

/* Whether libvirt may be read on, though @pending bytes wait for the client. */
static bool
vbRelayMayReadUpstream(vbRelay *relay, size_t pending)
{
    bool awaited = vbDecisionIsAnyTurnHeld(relay);
    bool full = awaited && pending >= VB_RELAY_DECIDING_MAX;

    if (!full)
        g_clear_handle_id(&relay->stalled, g_source_remove);
    else if (relay->stalled == 0)
        relay->stalled = g_timeout_add_seconds(VB_RELAY_STALLED_SECONDS, vbRelayStalledEnd, relay);
    return pending == 0 || (awaited && !full);
}

static void
vbRelayLinger(vbRelay *relay)
{
    if (relay->linger == 0)
        relay->linger = g_timeout_add_seconds(VB_RELAY_LINGER_SECONDS, vbRelayLingerEnd, relay);
}

void
vbRelayFail(vbRelay *relay, char *failure)
{
    vbJournalClient(relay->shared->journal, relay->peer.pid, relay->peer.uid, failure);
    relay->failure = failure;
    relay->greeting = VB_GREETING_OVER;
    relay->retry = true;
    g_clear_handle_id(&relay->patience, g_source_remove);
    vbRelaySideBreak(&relay->upstream);
    vbRelayLinger(relay);
}

static gboolean
vbRelayPatienceEnd(gpointer opaque)
{
    vbRelay *relay = opaque;

    relay->patience = 0;
    vbJournalClient(relay->shared->journal, relay->peer.pid, relay->peer.uid,
                    "left: it has not asked for a connection within 60 seconds");
    vbRelaySideGone(&relay->client);
    vbRelayUpdate(relay);
    return G_SOURCE_REMOVE;
}

void
vbRelayAwaitOpen(vbRelay *relay)
{
    if (relay->patience == 0)
        relay->patience = g_timeout_add_seconds(VB_RELAY_OPEN_SECONDS, vbRelayPatienceEnd, relay);
}

static void
vbRelaySideFeed(vbRelaySide *side, const guint8 *bytes, size_t length, int fd)
{
    size_t consumed = 0;
    vbFrameReaderResult result = vbFrameReaderFeed(side->reader, bytes, length, &fd, &consumed);

    side->held = false;
    if (result == VB_FRAME_READER_HELD) {
        guint8 *rest = g_try_malloc(length - consumed + 1);

        if (rest) {
            memcpy(rest, bytes + consumed, length - consumed);
            side->held = true;
            g_free(side->backlog);
            side->backlog = rest;
            side->backlogLength = length - consumed;
            side->backlogFd = fd;
            return;
        }
        result = VB_FRAME_READER_ERROR;
    }
    if (fd >= 0)
        close(fd);
    if (result == VB_FRAME_READER_ERROR) {
        /* As libvirtd does: no word, the connection ends. */
        vbRelaySideGone(side);
    }
}

/* Reads one descriptor at most, as libvirt does; a message with more is cut, which its peer asked
 * for. Returns the bytes read, 0 at the end, -1 where there is nothing to read. */
static ssize_t
vbRelaySideRead(vbRelaySide *side, int *fd)
{
    struct iovec iov = { .iov_base = vbRelayReadBuffer, .iov_len = sizeof(vbRelayReadBuffer) };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        /* Not CMSG_SPACE, whose padding has room for a second one. */
        .msg_controllen = CMSG_LEN(sizeof(int)),
    };
    struct cmsghdr *cmsg;
    ssize_t n;

    do {
        n = recvmsg(side->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);

    if (n < 0)
        return errno == EAGAIN ? -1 : 0;

    cmsg = CMSG_FIRSTHDR(&msg);
    if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
        cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
    return n;
}

static void
vbRelayResume(vbRelaySide *side)
{
    g_autofree guint8 *bytes = g_steal_pointer(&side->backlog);
    int fd = side->backlogFd;

    side->backlogFd = -1;
    vbRelaySideFeed(side, bytes, side->backlogLength, fd);
}

/* Bytes that wait for @side, as long as there is hope for them. */
static size_t
vbRelaySideGetPending(const vbRelaySide *side)
{
    return side->fd < 0 || side->broken ? 0 : vbOutputGetPending(side->output);
}

static void
vbRelaySideWait(vbRelaySide *side, bool reading)
{
    if (side->fd < 0)
        return;
    side->reading = reading;
    vbEpollWatchSet(side->watch, (vbRelaySideGetPending(side) > 0 ? EPOLLOUT : 0u) |
                    (reading ? EPOLLIN : 0u));
}

void
vbRelayUpdate(vbRelay *relay)
{
    vbRelaySide *client = &relay->client;
    vbRelaySide *upstream = &relay->upstream;
    size_t toClient;
    size_t toUpstream;

    if (relay->dead)
        return;

    while (relay->retry && client->held) {
        relay->retry = false;
        vbRelayResume(client);
    }
    relay->retry = false;

    toClient = vbRelaySideGetPending(client);
    toUpstream = vbRelaySideGetPending(upstream);

    if (client->fd < 0) {
        /* Until what it sent is with libvirt, and libvirt has replied to what was judged. */
        if (upstream->fd < 0 || (relay->decisions.length == 0 && toUpstream == 0)) {
            vbRelayFinish(relay);
            return;
        }
        if (relay->decisions.length == 0)
            vbRelayLinger(relay);
    } else if (upstream->fd < 0) {
        if (toClient == 0 && !relay->failure) {
            vbRelayFinish(relay);
            return;
        }
        vbRelayLinger(relay);
    }

    vbRelaySideWait(client, (upstream->fd >= 0 || relay->failure) && !client->held &&
                    toUpstream == 0 && toClient < VB_RELAY_UNREAD_MAX);
    vbRelaySideWait(upstream, vbRelayMayReadUpstream(relay, toClient));
}

static void
vbRelaySideEvent(guint32 events, gpointer opaque)
{
    vbRelaySide *side = opaque;
    vbRelay *relay = side->relay;

    if (events & EPOLLOUT) {
        if (!vbOutputFlush(side->output))
            vbRelaySideBreak(side);
        relay->retry = true;
    }

    if (side->reading && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        int fd = -1;
        ssize_t n = vbRelaySideRead(side, &fd);

        if (n > 0)
            vbRelaySideFeed(side, vbRelayReadBuffer, (size_t)n, fd);
        else if (n == 0)
            vbRelaySideGone(side);
    } else if (side->held && events & (EPOLLHUP | EPOLLERR)) {
        /* Nobody waits for the answers to what is held, and libvirtd would not read it either. */
        vbRelaySideGone(side);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        /* What it has sent is still being taken by the other side, or not. */
        vbRelayLinger(relay);
    }
    vbRelayUpdate(relay);
}

static bool
vbRelaySideInit(vbRelaySide *side, vbRelay *relay, int fd, const vbFrameReaderOps *ops)
{
    side->relay = relay;
    side->fd = fd;
    side->backlogFd = -1;
    side->reading = true;
    side->reader = vbFrameReaderNew(ops, side);
    side->output = vbOutputNew(fd);
    g_queue_init(&side->waiting);
    if (fd < 0)
        return true;
    side->watch = vbEpollAdd(relay->shared->epoll, fd, EPOLLIN, vbRelaySideEvent, side);
    return side->watch;
}

static void
vbRelaySideClear(vbRelaySide *side)
{
    if (side->watch)
        vbRelaySideClose(side);
    else if (side->fd >= 0)
        close(side->fd);
    vbFrameReaderFree(side->reader);
    vbOutputFree(side->output);
    g_free(side->backlog);
}

static gboolean
vbRelayFree(gpointer opaque)
{
    vbRelay *relay = opaque;

    vbRelaySideClear(&relay->client);
    vbRelaySideClear(&relay->upstream);
    g_array_unref(relay->highSerials);
    vbFrameFree(relay->openReply);
    vbPeerClear(&relay->peer);
    g_free(relay->failure);
    g_free(relay);
    return G_SOURCE_REMOVE;
}

/* Whoever called may still look at the relay, so its memory goes when the main loop is back. */
static void
vbRelayFinish(vbRelay *relay)
{
    if (relay->dead)
        return;
    relay->dead = true;
    g_clear_handle_id(&relay->linger, g_source_remove);
    g_clear_handle_id(&relay->stalled, g_source_remove);
    g_clear_handle_id(&relay->patience, g_source_remove);
    vbDecisionCancel(relay, true);
    vbRelaySideClose(&relay->client);
    vbRelaySideClose(&relay->upstream);
    relay->closed(relay, relay->opaque);
    g_idle_add_full(G_PRIORITY_HIGH, vbRelayFree, relay, NULL);
}

void
vbRelayClose(vbRelay *relay)
{
    vbRelayFinish(relay);
}

vbRelay *
vbRelayNew(const vbRelayShared *shared, int client, int upstream, const char *failure,
           bool readonly, const vbPeer *peer, vbRelayClosedFunc closed, gpointer opaque)
{
    vbRelay *relay = g_new0(vbRelay, 1);
    bool ok;

    relay->shared = shared;
    relay->failure = g_strdup(failure);
    relay->readonly = readonly;
    relay->peer = *peer;
    relay->peer.selinuxContext = g_strdup(peer->selinuxContext);
    relay->closed = closed;
    relay->opaque = opaque;
    relay->conn.recent = shared->recent;
    relay->nextSerial = VB_RELAY_SERIAL_FIRST;
    relay->highSerials = g_array_new(FALSE, FALSE, sizeof(vbFrameHeader));
    g_queue_init(&relay->decisions);

    ok = vbRelaySideInit(&relay->client, relay, client, &vbRelayClientOps);
    if (!vbRelaySideInit(&relay->upstream, relay, upstream, &vbRelayUpstreamOps) || !ok) {
        vbRelayFree(relay);
        return NULL;
    }
    if (failure)
        vbRelayLinger(relay);
    else if (shared->introduces)
        vbGreetingStart(relay);
    else
        vbRelayAwaitOpen(relay);
    return relay;
}
