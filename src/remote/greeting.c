/*
 * greeting.c: a client is introduced to libvirt's daemon
 *
 * libvirt sees us, who are root, at the other end of its socket.  So it is asked how it
 * authenticates clients before a client says its first word, because libvirtd lets a root in only
 * when it is asked that; and it is told who the client is, with CONNECT_SET_IDENTITY, as soon as
 * the client's CONNECT_OPEN has succeeded and before the client hears of that.  libvirt's own
 * access control then sees the client, as it would without us; but it has let a root open the
 * connection.  So it is asked next how many CPUs a guest may have, which it knows by heart, and
 * tells those only who may open a connection.
 *
 * Meanwhile the client's calls are held.  Where libvirt does not let us in, does not take the
 * identity, or does not let the client in, the client is not connected at all.
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
    case VB_GREETING_ACCESS:
        return vbRelayIsCall(header);
    case VB_GREETING_OVER:
    case VB_GREETING_READY:
    default:
        return false;
    }
}

bool
vbGreetingIsForged(const vbRelay *relay, const vbFrameHeader *header)
{
    /* virtproxyd is root, and speaks for its own clients. */
    return relay->shared->introduces && relay->peer.uid != 0 && vbRelayIsCall(header) &&
        header->program == REMOTE_PROGRAM &&
        header->procedure == REMOTE_PROC_CONNECT_SET_IDENTITY;
}

void
vbGreetingForged(vbRelay *relay, vbFrame *frame)
{
    g_autoptr(GByteArray) error =
        remoteEncodeError(VIR_ERR_OPERATION_DENIED, VIR_FROM_RPC,
                          "only root may tell libvirt on whose behalf it calls");

    vbRelayAnswerError(relay, &frame->header, error);
    vbFrameFree(frame);
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
    case VB_GREETING_ACCESS:
        return header->procedure == REMOTE_PROC_CONNECT_GET_MAX_VCPUS &&
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

/* Answers the client's CONNECT_OPEN with @error, and lets it do nothing else. */
static void
vbGreetingRefuse(vbRelay *relay, const GByteArray *error, char *text)
{
    g_autoptr(vbFrame) reply = g_steal_pointer(&relay->openReply);

    reply->header.status = VB_FRAME_ERROR;
    vbRelayAnswerError(relay, &reply->header, error);
    vbRelayFail(relay, text);
    vbRelayTrackReply(relay, &reply->header);
}

static void
vbGreetingIntroduced(vbRelay *relay, const vbFrame *frame)
{
    char *said;
    char *text;
    g_autoptr(GByteArray) type = NULL;
    g_autoptr(GByteArray) error = NULL;

    if (frame->header.status == VB_FRAME_OK) {
        /* Of no type of guest in particular: a string that is not there. */
        type = g_byte_array_append(g_byte_array_new(), (const guint8 *)"\0\0\0", 4);
        vbGreetingCall(relay, VB_GREETING_ACCESS, REMOTE_PROC_CONNECT_GET_MAX_VCPUS, type);
        return;
    }
    said = remoteDecodeErrorText(frame->payload, frame->payloadLength);
    text = g_strdup_printf("libvirt does not let virtballoond tell who its client is, which needs "
                           "libvirt 5.8.0 or newer: %s", said ? said : "no reason given");
    error = remoteEncodeError(VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, text);
    free(said);
    vbGreetingRefuse(relay, error, text);
}

static void
vbGreetingAccess(vbRelay *relay, const vbFrame *frame)
{
    g_autoptr(vbFrame) reply = NULL;
    g_autoptr(GByteArray) error = NULL;
    gint32 code;
    gint32 domain;
    char *said;

    /* Another error is no answer to what we want to know; libvirt judges each call anyway. */
    if (frame->header.status == VB_FRAME_OK ||
        !remoteDecodeError(frame->payload, frame->payloadLength, &code, &domain) ||
        code != VIR_ERR_ACCESS_DENIED) {
        reply = g_steal_pointer(&relay->openReply);
        relay->greeting = VB_GREETING_OVER;
        vbRelayForward(&relay->client, reply, reply->payload, reply->payloadLength);
        vbRelayTrackReply(relay, &reply->header);
        return;
    }
    said = remoteDecodeErrorText(frame->payload, frame->payloadLength);
    error = g_byte_array_append(g_byte_array_new(), frame->payload, (guint)frame->payloadLength);
    vbGreetingRefuse(relay, error, g_strdup(said ? said : "libvirt does not let the client in"));
    free(said);
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
    case VB_GREETING_ACCESS:
        vbGreetingAccess(relay, frame);
        break;
    case VB_GREETING_OVER:
    case VB_GREETING_READY:
    default:
        break;
    }
    vbFrameFree(frame);
}
