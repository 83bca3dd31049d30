/*
 * auth.c: a client that has to prove who it is, before anything is done for it
 *
 * As libvirtd does it with auth_unix_rw="polkit": AUTH_LIST is answered with polkit, AUTH_POLKIT
 * has polkit asked about the process at the other end, and every other call is answered with
 * "authentication required".  A refusal ends nothing: the client may try again.
 *
 * Nobody here is known yet.  One call is read at a time, never a byte behind it, and almost nothing
 * is kept; a client that sends what no client sends at this point, or does not read its answers,
 * has its connection closed.  How long it may take is the caller's affair.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "auth.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "frame.h"
#include "remote_auth.h"
#include "remote_codec.h"

/* No call of a client's that is not let in yet is as long. */
#define VB_AUTH_MESSAGE_MAX 65536u

struct _vbAuth {
    vbPolkit *polkit;
    const vbPeer *peer;
    const char *action;
    int fd;
    vbEpollWatch *watch;
    guint8 raw[VB_FRAME_HEADER_SIZE];
    size_t have;         /* bytes of raw */
    vbFrameHeader header;
    size_t rest;         /* of a message whose header is here */
    vbPolkitRequest *request; /* or NULL */
    vbAuthFunc func;
    vbAuthDeniedFunc denied;
    gpointer opaque;
};

static void
vbAuthEnd(vbAuth *auth, bool ok)
{
    /* The caller may free us. */
    vbEpollWatchSet(auth->watch, 0);
    auth->func(ok, auth->opaque);
}

/* Returns: whether the client has taken the answer; @payload is freed */
static bool
vbAuthAnswer(vbAuth *auth, guint32 status, GByteArray *payload)
{
    vbFrameHeader header = auth->header;
    g_autoptr(GByteArray) bytes = NULL;
    ssize_t n;

    header.type = VB_FRAME_REPLY;
    header.status = status;
    bytes = vbFrameBuild(&header, payload->data, payload->len);
    g_byte_array_unref(payload);
    do {
        n = send(auth->fd, bytes->data, bytes->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)bytes->len;
}

static bool
vbAuthAnswerError(vbAuth *auth, gint32 code, gint32 domain, const char *text)
{
    return vbAuthAnswer(auth, VB_FRAME_ERROR, remoteEncodeError(code, domain, text));
}

static bool
vbAuthDeny(vbAuth *auth, gint32 code, gint32 domain, const char *text)
{
    auth->denied(text, auth->opaque);
    return vbAuthAnswerError(auth, code, domain, text);
}

static void
vbAuthChecked(gint32 code, gint32 domain, const char *text, gpointer opaque)
{
    vbAuth *auth = opaque;

    auth->request = NULL;
    if (code == VIR_ERR_OK)
        vbAuthEnd(auth, vbAuthAnswer(auth, VB_FRAME_OK, remoteEncodeAuthPolkit()));
    else if (vbAuthDeny(auth, code, domain, text))
        vbEpollWatchSet(auth->watch, EPOLLIN);
    else
        vbAuthEnd(auth, false);
}

/* Does what the call asks for. Returns: whether the client is still to be listened to */
static bool
vbAuthCall(vbAuth *auth)
{
    const vbFrameHeader *header = &auth->header;

    /* As libvirtd does, nothing is said about what is no call. */
    if (header->type != VB_FRAME_CALL)
        return true;
    if (header->program == REMOTE_PROGRAM && header->version == REMOTE_PROTOCOL_VERSION) {
        if (header->procedure == REMOTE_PROC_AUTH_LIST)
            return vbAuthAnswer(auth, VB_FRAME_OK, remoteEncodeAuthTypes(REMOTE_AUTH_POLKIT));
        if (header->procedure == REMOTE_PROC_AUTH_POLKIT) {
            /* Without it another process of the same number could be meant. */
            if (auth->peer->startTime == 0)
                return vbAuthDeny(auth, VIR_ERR_AUTH_FAILED, VIR_FROM_RPC,
                                  "the start time of the client's process is not known");
            auth->request = vbPolkitCheck(auth->polkit, auth->action, auth->peer, vbAuthChecked,
                                          auth);
            vbEpollWatchSet(auth->watch, 0);
            return true;
        }
    }
    return vbAuthAnswerError(auth, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
}

/* Reads at most what is missing. Returns: the bytes, 0 where there are none now, -1 at the end */
static ssize_t
vbAuthRead(vbAuth *auth, guint8 *bytes, size_t length)
{
    ssize_t n;

    do {
        n = recv(auth->fd, bytes, length, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    return n == 0 ? -1 : n;
}

/* The header is here. Returns: whether it is one */
static bool
vbAuthHeader(vbAuth *auth)
{
    vbFrameHeader *header = &auth->header;

    vbFrameHeaderRead(header, auth->raw);
    if (header->length < VB_FRAME_HEADER_SIZE || header->length > VB_AUTH_MESSAGE_MAX ||
        header->type == VB_FRAME_CALL_WITH_FDS || header->type == VB_FRAME_REPLY_WITH_FDS)
        return false;
    auth->rest = header->length - VB_FRAME_HEADER_SIZE;
    return true;
}

/* Returns: whether the client is still to be listened to */
static bool
vbAuthStep(vbAuth *auth)
{
    ssize_t n;

    if (auth->have < VB_FRAME_HEADER_SIZE) {
        n = vbAuthRead(auth, auth->raw + auth->have, VB_FRAME_HEADER_SIZE - auth->have);
        if (n < 0)
            return false;
        auth->have += (size_t)n;
        if (auth->have < VB_FRAME_HEADER_SIZE)
            return true;
        if (!vbAuthHeader(auth))
            return false;
    } else {
        guint8 dropped[512];

        n = vbAuthRead(auth, dropped, MIN(auth->rest, sizeof(dropped)));
        if (n < 0)
            return false;
        auth->rest -= (size_t)n;
    }
    if (auth->rest > 0)
        return true;
    auth->have = 0;
    return vbAuthCall(auth);
}

static void
vbAuthEvent(guint32 events, gpointer opaque)
{
    vbAuth *auth = opaque;

    /* While polkit is asked only the client's end is of interest. */
    if (auth->request ? events & (EPOLLHUP | EPOLLERR) : !vbAuthStep(auth))
        vbAuthEnd(auth, false);
}

vbAuth *
vbAuthNew(vbEpoll *epoll, vbPolkit *polkit, int fd, const vbPeer *peer, bool readonly,
          vbAuthFunc func, vbAuthDeniedFunc denied, gpointer opaque)
{
    vbAuth *auth = g_new0(vbAuth, 1);

    auth->polkit = polkit;
    auth->peer = peer;
    auth->action = readonly ? "org.libvirt.unix.monitor" : "org.libvirt.unix.manage";
    auth->fd = fd;
    auth->func = func;
    auth->denied = denied;
    auth->opaque = opaque;
    auth->watch = vbEpollAdd(epoll, fd, EPOLLIN, vbAuthEvent, auth);
    if (!auth->watch)
        g_clear_pointer(&auth, g_free);
    return auth;
}

void
vbAuthFree(vbAuth *auth)
{
    if (!auth)
        return;
    g_clear_pointer(&auth->request, vbPolkitRequestCancel);
    vbEpollWatchRemove(auth->watch);
    g_free(auth);
}
