/*
 * greeting.c: a client is introduced to libvirt's daemon
 *
 * libvirt sees us, who are root, at the other end of its socket.  So it is asked how it
 * authenticates clients before a client says its first word, because libvirtd lets a root in only
 * when it is asked that; and it is told who the client is, with CONNECT_SET_IDENTITY, as soon as
 * the client's CONNECT_OPEN has succeeded and before the client hears of that.  libvirt's own
 * access control then sees the client, as it would without us.
 *
 * Meanwhile the client's calls are held.  Where libvirt does not let us in, or does not take the
 * identity, the client is not connected at all.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>

#include "relaypriv.h"
#include "remote_auth.h"

static void
vbGreetingCall(vbRelay *relay, vbGreetingState state, gint32 procedure, const GByteArray *args)
{
    vbFrameHeader header = {
        .program = REMOTE_PROGRAM,
        .version = REMOTE_PROTOCOL_VERSION,
        .procedure = procedure,
        .type = VB_FRAME_CALL,
        .serial = vbDecisionTakeSerial(relay),
        .status = VB_FRAME_OK,
    };

    relay->greeting = state;
    relay->greetingSerial = header.serial;
    vbRelayInject(&relay->upstream, vbFrameBuild(&header, args ? args->data : NULL,
                                                 args ? args->len : 0));
}

void
vbGreetingStart(vbRelay *relay)
{
    vbGreetingCall(relay, VB_GREETING_AUTH, REMOTE_PROC_AUTH_LIST, NULL);
}

bool
vbGreetingHolds(const vbRelay *relay, const vbFrameHeader *header)
{
    switch (relay->greeting) {
    case VB_GREETING_AUTH:
        return true;
    case VB_GREETING_OPENING:
    case VB_GREETING_IDENTITY:
        return header->type == VB_FRAME_CALL || header->type == VB_FRAME_CALL_WITH_FDS;
    case VB_GREETING_OVER:
    case VB_GREETING_READY:
    default:
        return false;
    }
}

void
vbGreetingOpening(vbRelay *relay)
{
    if (relay->greeting == VB_GREETING_READY)
        relay->greeting = VB_GREETING_OPENING;
}

void
vbGreetingOpenFailed(vbRelay *relay)
{
    if (relay->greeting == VB_GREETING_OPENING)
        relay->greeting = VB_GREETING_READY;
}

bool
vbGreetingWantsReply(const vbRelay *relay, const vbFrameHeader *header)
{
    if (header->program != REMOTE_PROGRAM)
        return false;
    switch (relay->greeting) {
    case VB_GREETING_AUTH:
        return header->procedure == REMOTE_PROC_AUTH_LIST &&
            header->serial == relay->greetingSerial;
    case VB_GREETING_OPENING:
        return header->procedure == REMOTE_PROC_CONNECT_OPEN && header->status == VB_FRAME_OK;
    case VB_GREETING_IDENTITY:
        return header->procedure == REMOTE_PROC_CONNECT_SET_IDENTITY &&
            header->serial == relay->greetingSerial;
    case VB_GREETING_OVER:
    case VB_GREETING_READY:
    default:
        return false;
    }
}

static void
vbGreetingAuth(vbRelay *relay, const vbFrame *frame)
{
    gint32 type = REMOTE_AUTH_NONE;

    if (frame->header.status != VB_FRAME_OK ||
        !remoteDecodeAuthTypes(frame->payload, frame->payloadLength, &type)) {
        vbRelayFail(relay, g_strdup("libvirt does not say how it authenticates its clients"));
    } else if (type != REMOTE_AUTH_NONE) {
        vbRelayFail(relay, g_strdup_printf("libvirt asks virtballoond for %s authentication, which "
                                           "cannot be passed on; set auth_unix_rw and "
                                           "auth_unix_ro in libvirt's configuration to 'polkit' "
                                           "or 'none'",
                                           type == REMOTE_AUTH_SASL ? "SASL" :
                                           type == REMOTE_AUTH_POLKIT ? "polkit" : "an unknown"));
    } else {
        relay->greeting = VB_GREETING_READY;
        vbRelayAwaitOpen(relay);
    }
}

static void
vbGreetingIntroduce(vbRelay *relay)
{
    const vbPeer *peer = &relay->peer;
    const remoteIdentity identity = {
        .userId = peer->uid,
        .groupId = peer->gid,
        .processId = peer->pid,
        .processTime = peer->startTime,
        .selinuxContext = peer->selinuxContext,
    };
    g_autoptr(GByteArray) args = remoteEncodeIdentity(&identity);

    vbGreetingCall(relay, VB_GREETING_IDENTITY, REMOTE_PROC_CONNECT_SET_IDENTITY, args);
}

static void
vbGreetingIntroduced(vbRelay *relay, const vbFrame *frame)
{
    g_autoptr(vbFrame) reply = g_steal_pointer(&relay->openReply);

    if (frame->header.status == VB_FRAME_OK) {
        relay->greeting = VB_GREETING_OVER;
        vbRelayForward(&relay->client, reply, reply->payload, reply->payloadLength);
    } else {
        char *said = remoteDecodeErrorText(frame->payload, frame->payloadLength);
        char *text = g_strdup_printf("libvirt does not let virtballoond tell who its client is, "
                                     "which needs libvirt 5.8.0 or newer: %s",
                                     said ? said : "no reason given");
        g_autoptr(GByteArray) error = remoteEncodeError(VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, text);

        free(said);
        reply->header.status = VB_FRAME_ERROR;
        vbRelayAnswerError(relay, &reply->header, error);
        vbRelayFail(relay, text);
    }
    vbRelayTrackReply(relay, &reply->header);
}

void
vbGreetingReply(vbRelay *relay, vbFrame *frame)
{
    relay->retry = true;
    switch (relay->greeting) {
    case VB_GREETING_AUTH:
        vbGreetingAuth(relay, frame);
        break;
    case VB_GREETING_OPENING:
        relay->openReply = g_steal_pointer(&frame);
        vbGreetingIntroduce(relay);
        break;
    case VB_GREETING_IDENTITY:
        vbGreetingIntroduced(relay, frame);
        break;
    case VB_GREETING_OVER:
    case VB_GREETING_READY:
    default:
        break;
    }
    vbFrameFree(frame);
}
