/*
 * fuzz_auth.c: any bytes of a client that has not authenticated
 *
 * There is no bus, so nobody can be let in.  The bytes come in pieces, and what comes back must be
 * replies to calls that are among them: as many as a reader of whole messages finds, one each.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "auth.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "fuzz.h"

#define FUZZ_MESSAGE_MAX 65536u

typedef struct {
    vbAuth *auth;
    bool ended;
} fuzzClient;

static void
fuzzEnded(bool ok, gpointer opaque)
{
    fuzzClient *client = opaque;

    CHECK(!ok && !client->ended);
    client->ended = true;
    g_clear_pointer(&client->auth, vbAuthFree);
}

static void
fuzzDenied(const char *reason, gpointer opaque)
{
    const fuzzClient *client = opaque;

    CHECK(reason && *reason && !client->ended);
}

/* How many calls there are before something that ends the connection, and whether there is. */
static guint
fuzzCountCalls(const guint8 *data, size_t size, bool *bad)
{
    guint calls = 0;

    *bad = false;
    while (size >= VB_FRAME_HEADER_SIZE) {
        vbFrameHeader header;

        vbFrameHeaderRead(&header, data);
        if (header.length < VB_FRAME_HEADER_SIZE || header.length > FUZZ_MESSAGE_MAX ||
            header.type == VB_FRAME_CALL_WITH_FDS || header.type == VB_FRAME_REPLY_WITH_FDS) {
            *bad = true;
            break;
        }
        if (header.length > size)
            break;
        calls += header.type == VB_FRAME_CALL;
        data += header.length;
        size -= header.length;
    }
    return calls;
}

static guint
fuzzCountReplies(int fd)
{
    guint replies = 0;
    guint8 raw[VB_FRAME_HEADER_SIZE];
    guint8 payload[1024];

    while (recv(fd, raw, sizeof(raw), MSG_DONTWAIT) == (ssize_t)sizeof(raw)) {
        vbFrameHeader header;
        size_t length;

        vbFrameHeaderRead(&header, raw);
        CHECK(header.type == VB_FRAME_REPLY);
        CHECK(header.length >= sizeof(raw) && header.length <= sizeof(raw) + sizeof(payload));
        length = header.length - sizeof(raw);
        CHECK(recv(fd, payload, length, MSG_DONTWAIT) == (ssize_t)length);
        /* Nobody is told that he may go on. */
        CHECK(header.status == VB_FRAME_ERROR ||
              header.procedure == REMOTE_PROC_AUTH_LIST);
        replies++;
    }
    return replies;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static const vbPeer peer = { .pid = 1, .uid = 1, .startTime = 1 };
    g_autoptr(vbEpoll) epoll = vbEpollNew(NULL);
    g_autoptr(vbPolkit) polkit = vbPolkitNew(epoll, "unix:path=/dev/null/bus");
    fuzzClient client = { NULL, false };
    guint replies = 0;
    guint calls;
    bool bad;
    size_t sent = 0;
    int fds[2];

    /* More would not fit into a socket. */
    if (size < 1 || size > 16384)
        return 0;
    calls = fuzzCountCalls(data + 1, size - 1, &bad);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    client.auth = vbAuthNew(epoll, polkit, fds[1], &peer, data[0] & 1, fuzzEnded, fuzzDenied,
                            &client);
    CHECK(client.auth);
    /* Nobody reads any more once it is over. */
    while (sent < size - 1 && !client.ended) {
        size_t piece = MIN((size_t)(data[0] >> 1) * 8 + 1, size - 1 - sent);

        CHECK(send(fds[0], data + 1 + sent, piece, MSG_NOSIGNAL) == (ssize_t)piece);
        sent += piece;
        while (g_main_context_iteration(NULL, FALSE))
            replies += fuzzCountReplies(fds[0]);
    }
    replies += fuzzCountReplies(fds[0]);
    CHECK(replies == calls && client.ended == bad);
    vbAuthFree(client.auth);
    close(fds[0]);
    close(fds[1]);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    return 0;
}
