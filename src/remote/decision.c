/*
 * decision.c: the calls of a client that wait for a verdict
 *
 * A decision is a continuation: it holds no thread and, but for large ones, no other message while
 * its questions are out.  Questions go out on the client's own connection to libvirt, so that
 * libvirt's access control applies to them, and their replies never reach the client.
 *
 * A forwarded call stays here, and keeps its turn at its domain, until libvirt's reply to it has
 * passed, even where the client has gone meanwhile.  So does one of which changes are made first,
 * from the first of them on.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "relaypriv.h"
#include "vbmemory.h"

/* Below the 30 s after which libvirt's own job waits and keepalives give up. */
#define VB_DECISION_SECONDS 25
/* What a byte of XML may take while it is read: libxml2 makes two nodes of the five in "<b/>x". And
 * what any byte may, in copies; and what is small and goes with all that. */
#define VB_DECISION_ROOM_XML 64u
#define VB_DECISION_ROOM_COPIES 8u
#define VB_DECISION_ROOM_SMALL (2u << 20)

typedef enum {
    VB_DECISION_OPENING,   /* waits for the reply to a CONNECT_OPEN */
    VB_DECISION_ASKING,    /* waits for answers */
    VB_DECISION_QUEUED,    /* waits for its turn */
    VB_DECISION_FORWARDED, /* waits for libvirt's reply */
    VB_DECISION_CANCELLED, /* is about to go */
} vbDecisionState;

typedef struct _vbDecision vbDecision;
struct _vbDecision {
    vbRelay *relay;
    vbDecisionState state;
    const qemuDriverProcedure *procedure;
    vbFrame *frame; /* the client's call; without payload once forwarded */
    qemuDriverCall *call; /* NULL: handed on unasked */
    vbDomainTurn *turn;   /* or NULL */
    guint timer;        /* or 0 */
    guint asked;        /* of the call's questions */
    guint unanswered;
    gint32 forwarded;   /* the procedure that was called in the end */
    vbFrame *reply;     /* libvirt's, while something is done before the client gets it; or NULL */
    size_t largest; /* of the call and of what was answered to it, in bytes */
    vbProberRequest *probe; /* the question that is not for libvirt, or NULL */
    guint probed;           /* which one it is */
};

static void
vbDecisionStep(vbDecision *decision);

static void
vbDecisionAbandonQuestions(vbDecision *decision)
{
    size_t i;

    for (i = 0; i < VB_RELAY_QUESTIONS_MAX; i++) {
        if (decision->relay->questions[i].decision == decision)
            decision->relay->questions[i].decision = NULL;
    }
    g_clear_pointer(&decision->probe, vbProberRequestCancel);
    decision->unanswered = 0;
}

static void
vbDecisionFree(vbDecision *decision)
{
    vbRelay *relay = decision->relay;
    vbDomainTurn *turn = decision->turn;

    vbDecisionAbandonQuestions(decision);
    g_queue_remove(&relay->decisions, decision);
    relay->retry = true;
    g_clear_handle_id(&decision->timer, g_source_remove);
    vbFrameFree(decision->frame);
    vbFrameFree(decision->reply);
    qemuDriverCallFree(decision->call);
    g_free(decision);
    if (turn)
        vbDomainTurnLeave(turn);
}

/* Whether there is memory to go on with @decision, now that @length bytes have come for it. */
static bool
vbDecisionHasRoom(vbDecision *decision, size_t length)
{
    decision->largest = MAX(decision->largest, length);
    return vbMemoryHasRoom(VB_DECISION_ROOM_XML * MIN(decision->largest, REMOTE_STRING_MAX) +
                           VB_DECISION_ROOM_COPIES * decision->largest + VB_DECISION_ROOM_SMALL);
}

/* Without memory nothing is judged, and what is not judged is not forwarded. */
static void
vbDecisionRunOut(vbDecision *decision)
{
    vbRelayRunOut(decision->relay);
    vbDecisionFree(decision);
}

bool
vbDecisionSerialIsTaken(const vbRelay *relay, guint32 serial)
{
    GList *item;
    size_t i;

    for (item = relay->decisions.head; item; item = item->next) {
        const vbDecision *decision = item->data;

        if (decision->frame->header.serial == serial)
            return true;
    }
    for (i = 0; i < VB_RELAY_QUESTIONS_MAX; i++) {
        if (relay->questions[i].used && relay->questions[i].serial == serial)
            return true;
    }
    for (i = 0; i < relay->highSerials->len; i++) {
        if (g_array_index(relay->highSerials, vbFrameHeader, i).serial == serial)
            return true;
    }
    return false;
}

guint32
vbDecisionTakeSerial(vbRelay *relay)
{
    guint32 serial;

    do {
        serial = relay->nextSerial;
        relay->nextSerial = serial == VB_RELAY_SERIAL_LAST ? VB_RELAY_SERIAL_FIRST : serial - 1;
    } while (vbDecisionSerialIsTaken(relay, serial));
    return serial;
}

/* Steps on with what is known of a QEMU binary. */
static void
vbDecisionProbed(qemuCaps *caps, gpointer opaque)
{
    vbDecision *decision = opaque;
    vbRelay *relay = decision->relay;

    decision->probe = NULL;
    qemuDriverCallAnswerEmulator(decision->call, decision->probed,
                                 !caps || qemuCapsHasOptOut(caps, "vfio-pci"));
    decision->unanswered--;
    if (decision->unanswered == 0)
        vbDecisionStep(decision);
    vbRelayUpdate(relay);
}

static void
vbDecisionInject(vbDecision *decision, const qemuDriverQuestion *question, vbRelayQuestion *slot)
{
    vbRelay *relay = decision->relay;
    vbFrameHeader header = {
        .program = question->program,
        .version = 1, /* of both programs that we ask */
        .procedure = question->procedure,
        .type = VB_FRAME_CALL,
        .serial = vbDecisionTakeSerial(relay),
        .status = VB_FRAME_OK,
    };

    slot->used = true;
    slot->program = header.program;
    slot->procedure = header.procedure;
    slot->serial = header.serial;
    slot->decision = decision;
    slot->question = decision->asked++;
    /* libvirt begins with it: as with what is forwarded, only its answer tells how it ends. */
    if (qemuDriverCallIsChanging(decision->call))
        g_clear_handle_id(&decision->timer, g_source_remove);
    vbRelayInject(&relay->upstream, vbFrameBuild(&header, question->args->data,
                                                 question->args->len));
}

/* Whether @question has to wait for the answers to those before it: libvirt asks the monitor of a
 * domain one thing at a time, and one that is stuck must not take all the room. */
static bool
vbDecisionMustWait(const vbDecision *decision, const qemuDriverQuestion *question)
{
    guint answered = qemuDriverCallGetQuestions(decision->call)->len - decision->unanswered;

    return question->program == QEMU_PROGRAM && decision->asked > answered;
}

/* Sends as many questions as there is room for, the oldest decision's first. */
static void
vbDecisionPump(vbRelay *relay)
{
    GList *item;
    size_t slot = 0;

    for (item = relay->decisions.head; item; item = item->next) {
        vbDecision *decision = item->data;

        if (decision->state != VB_DECISION_ASKING)
            continue;
        while (decision->asked < qemuDriverCallGetQuestions(decision->call)->len) {
            const qemuDriverQuestion *question =
                g_ptr_array_index(qemuDriverCallGetQuestions(decision->call), decision->asked);

            if (vbDecisionMustWait(decision, question))
                break;
            if (question->emulator) {
                decision->probed = decision->asked++;
                decision->probe = vbProberAsk(relay->shared->prober, question->emulator,
                                              vbDecisionProbed, decision);
                continue;
            }
            while (slot < VB_RELAY_QUESTIONS_MAX && relay->questions[slot].used)
                slot++;
            if (slot == VB_RELAY_QUESTIONS_MAX)
                return;
            vbDecisionInject(decision, question, &relay->questions[slot]);
        }
    }
}

static void
vbDecisionLog(const vbDecision *decision)
{
    const vbRelay *relay = decision->relay;
    const qemuDomainVerdict *verdict = NULL;

    if (decision->call)
        verdict = qemuDriverCallGetVerdict(decision->call);
    if (verdict && verdict->logText)
        vbJournalVerdict(relay->shared->journal, verdict, qemuDriverCallGetName(decision->call),
                         qemuDriverCallGetUUID(decision->call), relay->peer.pid, relay->peer.uid);
}

static void
vbDecisionForward(vbDecision *decision)
{
    vbFrame *frame = decision->frame;
    gint32 asked = frame->header.procedure;
    const guint8 *payload = frame->payload;
    size_t length = frame->payloadLength;

    g_clear_handle_id(&decision->timer, g_source_remove);
    if (!(decision->procedure->flags & QEMU_DRIVER_LENIENT))
        vbDecisionLog(decision);
    decision->state = VB_DECISION_FORWARDED;
    decision->relay->retry = true;
    if (decision->call)
        qemuDriverCallGetForward(decision->call, &frame->header.procedure, &payload, &length);
    vbRelayForward(&decision->relay->upstream, frame, payload, length);
    decision->forwarded = frame->header.procedure;
    frame->header.procedure = asked;
    g_clear_pointer(&frame->payload, g_free);
}

static void
vbDecisionRefuse(vbDecision *decision)
{
    vbDecisionLog(decision);
    vbRelayAnswerError(decision->relay, &decision->frame->header,
                       qemuDriverCallGetError(decision->call));
    vbDecisionFree(decision);
}

/* The client gets its reply, in the form that the call gives it. */
static void
vbDecisionFinish(vbDecision *decision)
{
    vbRelay *relay = decision->relay;
    vbFrame *reply = decision->reply;
    size_t length = reply->payloadLength;
    g_autofree guint8 *edited = NULL;
    const guint8 *payload;

    decision->reply = NULL;
    edited = qemuDriverCallEditReply(decision->call, reply->header.status, reply->payload,
                                     reply->payloadLength, &length);
    payload = edited ? edited : reply->payload;

    reply->header.procedure = decision->frame->header.procedure;
    /* One that was waited for may come while another message is on its way. */
    if (vbFrameReaderIsBetween(relay->upstream.reader)) {
        vbRelayForward(&relay->client, reply, payload, length);
    } else {
        /* No procedure of these returns descriptors. */
        reply->header.type = VB_FRAME_REPLY;
        vbRelayInject(&relay->client, vbFrameBuild(&reply->header, payload, length));
    }
    vbFrameFree(reply);
    vbDecisionFree(decision);
}

static void
vbDecisionTurn(gpointer opaque)
{
    vbDecision *decision = opaque;
    vbRelay *relay = decision->relay;

    /* One that went on without its turn, or is about to go, only has to give it back. */
    if (decision->state != VB_DECISION_QUEUED)
        return;
    vbDecisionStep(decision);
    vbRelayUpdate(relay);
}

static void
vbDecisionStepOn(vbDecision *decision)
{
    for (;;) {
        switch (qemuDriverCallDecide(decision->call)) {
        case QEMU_DRIVER_ASK:
            decision->state = VB_DECISION_ASKING;
            decision->asked = 0;
            decision->unanswered = qemuDriverCallGetQuestions(decision->call)->len;
            vbDecisionPump(decision->relay);
            return;
        case QEMU_DRIVER_QUEUE:
            decision->turn = vbDomainQueueEnter(decision->relay->shared->queue,
                                                qemuDriverCallGetUUID(decision->call),
                                                vbDecisionTurn, decision);
            if (!vbDomainTurnIsHere(decision->turn)) {
                decision->state = VB_DECISION_QUEUED;
                return;
            }
            break;
        case QEMU_DRIVER_PASS:
            if (decision->reply)
                vbDecisionFinish(decision);
            else
                vbDecisionForward(decision);
            return;
        case QEMU_DRIVER_REFUSE:
        default:
            vbDecisionRefuse(decision);
            return;
        }
    }
}

static void
vbDecisionStep(vbDecision *decision)
{
    if (vbDecisionHasRoom(decision, 0))
        vbDecisionStepOn(decision);
    else
        vbDecisionRunOut(decision);
}

static gboolean
vbDecisionExpire(gpointer opaque)
{
    vbDecision *decision = opaque;
    vbRelay *relay = decision->relay;
    const char *reason = decision->state == VB_DECISION_QUEUED ?
        "another change of it has not ended within 25 seconds" :
        "libvirt has not answered within 25 seconds";

    decision->timer = 0;
    vbDecisionAbandonQuestions(decision);
    qemuDriverCallExpire(decision->call, reason);
    vbDecisionStep(decision);
    vbRelayUpdate(relay);
    return G_SOURCE_REMOVE;
}

bool
vbDecisionIsAnyOpen(const vbRelay *relay)
{
    GList *item;

    for (item = relay->decisions.head; item; item = item->next) {
        const vbDecision *decision = item->data;

        if (decision->state != VB_DECISION_FORWARDED)
            return true;
    }
    return false;
}

bool
vbDecisionIsAnyTurnHeld(const vbRelay *relay)
{
    GList *item;

    for (item = relay->decisions.head; item; item = item->next) {
        const vbDecision *decision = item->data;

        if (decision->turn)
            return true;
    }
    return false;
}

/* The connection is open, or never will be. */
static void
vbDecisionBegin(vbDecision *decision)
{
    vbRelay *relay = decision->relay;
    const vbFrame *frame = decision->frame;

    if (!vbDecisionHasRoom(decision, frame->payloadLength)) {
        vbDecisionRunOut(decision);
        return;
    }
    if (relay->opened)
        decision->call = qemuDriverCallNew(decision->procedure, &relay->conn,
                                           &relay->shared->settings, frame->payload,
                                           frame->payloadLength);
    /* What cannot be decoded, or comes without a connection, libvirt refuses.  It stays here all
     * the same until libvirt has, so that its reply is not taken for another's and no opening
     * overtakes it. */
    if (!decision->call) {
        vbDecisionForward(decision);
        return;
    }
    decision->timer = g_timeout_add_seconds(VB_DECISION_SECONDS, vbDecisionExpire, decision);
    vbDecisionStepOn(decision);
}

void
vbDecisionStart(vbRelay *relay, const qemuDriverProcedure *procedure, vbFrame *frame)
{
    vbDecision *decision = g_new0(vbDecision, 1);

    decision->relay = relay;
    decision->procedure = procedure;
    decision->frame = frame;
    g_queue_push_tail(&relay->decisions, decision);

    /* Nothing is read for somebody whom libvirt has not let in. */
    if (relay->openPending > 0)
        decision->state = VB_DECISION_OPENING;
    else
        vbDecisionBegin(decision);
}

vbRelayQuestion *
vbDecisionFindQuestion(vbRelay *relay, const vbFrameHeader *header)
{
    size_t i;

    for (i = 0; i < VB_RELAY_QUESTIONS_MAX; i++) {
        vbRelayQuestion *question = &relay->questions[i];

        if (question->used && question->serial == header->serial &&
            question->procedure == header->procedure && question->program == header->program)
            return question;
    }
    return NULL;
}

void
vbDecisionAnswer(vbRelay *relay, vbRelayQuestion *question, vbFrame *frame)
{
    vbDecision *decision = question->decision;

    question->used = false;
    question->decision = NULL;
    relay->retry = true;
    if (decision && !vbDecisionHasRoom(decision, frame->payloadLength)) {
        vbDecisionRunOut(decision);
    } else if (decision) {
        qemuDriverCallAnswer(decision->call, question->question, frame->header.status,
                             frame->payload, frame->payloadLength);
        decision->unanswered--;
        if (qemuDriverCallIsSettled(decision->call))
            vbDecisionAbandonQuestions(decision);
        if (decision->unanswered == 0)
            vbDecisionStepOn(decision);
    }
    vbFrameFree(frame);
    vbDecisionPump(relay);
}

/* The call that a reply with @header answers, or NULL. */
static vbDecision *
vbDecisionFindForwarded(const vbRelay *relay, const vbFrameHeader *header)
{
    GList *item;

    for (item = relay->decisions.head; item; item = item->next) {
        vbDecision *decision = item->data;
        const vbFrameHeader *call = &decision->frame->header;

        if (decision->state == VB_DECISION_FORWARDED && call->serial == header->serial &&
            decision->forwarded == header->procedure && call->program == header->program)
            return decision;
    }
    return NULL;
}

bool
vbDecisionWantsReply(const vbRelay *relay, const vbFrameHeader *header)
{
    const vbDecision *decision = vbDecisionFindForwarded(relay, header);

    if (!decision || !decision->call)
        return false;
    if (header->status == VB_FRAME_ERROR && qemuDriverCallMayUndo(decision->call))
        return true;
    if (!qemuDriverCallWantsReply(decision->call))
        return false;
    /* What was not replaced goes on as it came where there is nothing to edit in it. */
    return decision->forwarded != decision->frame->header.procedure ||
        (header->status == VB_FRAME_OK &&
         header->length - vbFrameHeaderGetSize(header) <= VB_RELAY_REPLY_MAX);
}

void
vbDecisionReply(vbRelay *relay, vbFrame *frame)
{
    vbDecision *decision = vbDecisionFindForwarded(relay, &frame->header);

    decision->reply = frame;
    if (!vbDecisionHasRoom(decision, frame->payloadLength)) {
        vbDecisionRunOut(decision);
        return;
    }
    if (!qemuDriverCallReplied(decision->call, frame->header.status, frame->payload,
                               frame->payloadLength) ||
        (relay->client.fd < 0 && !qemuDriverCallIsChanging(decision->call))) {
        vbDecisionFinish(decision);
        return;
    }
    decision->timer = g_timeout_add_seconds(VB_DECISION_SECONDS, vbDecisionExpire, decision);
    vbDecisionStepOn(decision);
}

bool
vbDecisionReplied(vbRelay *relay, const vbFrameHeader *header)
{
    vbDecision *decision = vbDecisionFindForwarded(relay, header);

    if (!decision)
        return false;
    /* A domain that is defined or started may be any name that a client made up, until libvirt has
     * agreed. */
    if (decision->procedure->flags & QEMU_DRIVER_LENIENT && header->status == VB_FRAME_OK)
        vbDecisionLog(decision);
    vbDecisionFree(decision);
    return true;
}

void
vbDecisionOpened(vbRelay *relay)
{
    g_autoptr(GList) decisions = g_list_copy(relay->decisions.head);
    GList *item;

    for (item = decisions; item; item = item->next) {
        vbDecision *decision = item->data;

        if (decision->state == VB_DECISION_OPENING)
            vbDecisionBegin(decision);
    }
}

/* Whether libvirt does something because of it, so that it goes on without its client. */
static bool
vbDecisionIsBegun(const vbDecision *decision)
{
    return decision->state == VB_DECISION_FORWARDED ||
        (decision->call && qemuDriverCallIsChanging(decision->call));
}

void
vbDecisionCancel(vbRelay *relay, bool forwarded)
{
    GList *item;
    GList *next;

    /* All are marked before the first one goes: the turn that it gives back may be another's. */
    for (item = relay->decisions.head; item; item = item->next) {
        vbDecision *decision = item->data;

        if (forwarded || !vbDecisionIsBegun(decision))
            decision->state = VB_DECISION_CANCELLED;
    }
    for (item = relay->decisions.head; item; item = next) {
        vbDecision *decision = item->data;

        next = item->next;
        if (decision->state != VB_DECISION_CANCELLED)
            continue;
        /* What libvirt has replied before it went still reaches the client. */
        if (decision->reply && vbDecisionHasRoom(decision, 0))
            vbDecisionFinish(decision);
        else
            vbDecisionFree(decision);
    }
}
