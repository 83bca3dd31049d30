/*
 * fuzz_relay.c: whole relays, between clients that send anything and a libvirtd that is slow
 *
 * Input: a byte of settings, then a script: who writes what, how much of it goes out, who reads,
 * who ends, how time passes.  The client writes messages of a catalogue or any bytes; libvirtd
 * answers what it was asked, in any order, right or wrong, and says something of its own.
 *
 * What must hold:
 *  - what libvirtd sends and is no answer to a question of the relay's reaches the client
 *    unaltered, in order, with its descriptors, but for what is shown in it (fuzz_document.h);
 *  - while a client sends whole messages, the same the other way round, but for calls that are
 *    judged, which may come later, in the form that libvirt stores, or be answered instead;
 *  - where libvirtd says of a guest that its ballooning is inhibited (it may fail, but it does
 *    not lie), no call that reduces that guest's memory ever reaches it, the relay's own included;
 *  - where it has said of another one that it is inflated and asks for 'block' itself, no call that
 *    attaches a device to that;
 *  - in the end every call has reached libvirtd or was answered;
 *  - nothing is left: no turn, no timer, no descriptor, no memory; and nothing spins.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "relay.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "fuzz_document.h"
#include "fuzz_peer.h"

#define FUZZ_LINKS 2
/* Beyond the buffers of the sockets. */
#define FUZZ_UNDERWAY_MAX (8u << 20)
#define FUZZ_CURRENT 1048576u /* KiB */
/* The first one that a question would have. */
#define FUZZ_SERIAL_UNASKED 0xfffffffeu

enum {
    REMOTE_PROC_CONNECT_CLOSE = 2,
    REMOTE_PROC_DOMAIN_GET_INFO = 16,
};

/* As QMP and as HMP; both would reduce memory. */
static const char fuzzBalloonQmp[] =
    "{\"execute\":\"balloon\",\"arguments\":{\"value\":536870912}}";
static const char fuzzBalloonHmp[] = "balloon 512";

/* A call that libvirtd has and has not answered for good. */
typedef struct {
    guint32 words[7]; /* of its header */
    bool question;
    bool first;       /* not answered yet */
    gint32 status;    /* of an OPEN */
    bool test;        /* of a GET_TYPE: what is true */
    guint8 domain;    /* whom it is about: see fuzzGetXml() */
    bool migratable;  /* of a GET_XML_DESC */
    guint32 asked;    /* or 0: what the client has called, where that is something else */
} fuzzPending;

typedef struct {
    vbRelay *relay;
    bool readonly;
    bool failure;
    fuzzPeer client;
    fuzzPeer upstream;
    GPtrArray *pending; /* of fuzzPending */
    bool open;          /* what libvirtd knows */
    bool test;
    bool unasked;       /* libvirtd has replied to FUZZ_SERIAL_UNASKED whatever that was */
    bool shows;         /* the client has called something in whose reply something is shown */
} fuzzLink;

typedef struct {
    guint id;
    guint due;
} fuzzTimer;

typedef struct {
    const guint8 *data;
    size_t size;
    bool honest;
    bool vague; /* it may be unknown of a guest what it asks for, or that nothing inhibits */
    vbRelayShared shared;
    fuzzLink links[FUZZ_LINKS];
    guint used;
    guint32 counter; /* makes each message unlike the others */
} fuzzState;

static GArray *fuzzTimers; /* of fuzzTimer */
static guint fuzzNow;

/* Instead of GLib's, for the relay: its seconds are ours. */
guint
g_timeout_add_seconds(guint interval, GSourceFunc function, gpointer data)
{
    fuzzTimer timer = { .id = g_timeout_add(G_MAXINT, function, data), .due = fuzzNow + interval };

    g_array_append_val(fuzzTimers, timer);
    return timer.id;
}

static GLogWriterOutput
fuzzLogWriter(GLogLevelFlags level, const GLogField *fields, gsize count,
              gpointer opaque G_GNUC_UNUSED)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        g_log_writer_standard_streams(level, fields, count, NULL);
        abort();
    }
    return G_LOG_WRITER_HANDLED;
}

static guint8
fuzzNext(fuzzState *state)
{
    if (state->size == 0)
        return 0;
    state->size--;
    return *state->data++;
}

/* Whether the relay judges such a call, or makes it take its turn. */
static bool
fuzzIsJudged(guint32 program, guint32 procedure)
{
    static const guint32 procedures[] = {
        REMOTE_PROC_DOMAIN_ATTACH_DEVICE, REMOTE_PROC_DOMAIN_DETACH_DEVICE,
        REMOTE_PROC_DOMAIN_SET_MEMORY, REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS,
        REMOTE_PROC_DOMAIN_DETACH_DEVICE_FLAGS, REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS,
        REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, REMOTE_PROC_DOMAIN_SET_METADATA,
        REMOTE_PROC_DOMAIN_DETACH_DEVICE_ALIAS, REMOTE_PROC_DOMAIN_CREATE,
        REMOTE_PROC_DOMAIN_CREATE_WITH_FLAGS, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS,
    };
    size_t i;

    if (program == QEMU_PROGRAM)
        return procedure == QEMU_PROC_DOMAIN_MONITOR_COMMAND ||
            procedure == QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES;
    for (i = 0; program == REMOTE_PROGRAM && i < G_N_ELEMENTS(procedures); i++) {
        if (procedure == procedures[i])
            return true;
    }
    return false;
}

/* What the relay changes in the name of a client. */
static bool
fuzzIsChange(guint32 procedure)
{
    return procedure == REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS ||
        procedure == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS;
}

static bool
fuzzIsSetMemory(guint32 program, guint32 procedure)
{
    return program == REMOTE_PROGRAM && (procedure == REMOTE_PROC_DOMAIN_SET_MEMORY ||
                                         procedure == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS);
}

static bool
fuzzIsQuestion(guint32 program, guint32 procedure)
{
    if (program == QEMU_PROGRAM)
        return procedure == QEMU_PROC_DOMAIN_MONITOR_COMMAND;
    return program == REMOTE_PROGRAM &&
        (procedure == REMOTE_PROC_CONNECT_GET_TYPE ||
         procedure == REMOTE_PROC_DOMAIN_GET_XML_DESC ||
         procedure == REMOTE_PROC_DOMAIN_IS_PERSISTENT ||
         procedure == REMOTE_PROC_CONNECT_GET_LIB_VERSION ||
         procedure == REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE ||
         procedure == REMOTE_PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC ||
         procedure == REMOTE_PROC_DOMAIN_GET_MESSAGES || fuzzIsChange(procedure));
}

static void
fuzzPutDomain(fuzzState *state, GByteArray *bytes, guint8 domain)
{
    guint8 uuid[16];

    memset(uuid, domain, sizeof(uuid));
    fuzzPutString(bytes, "guest");
    g_byte_array_append(bytes, uuid, sizeof(uuid));
    fuzzPutWord(bytes, state->counter++); /* its id, which nobody looks at */
}

/* libvirtd. */

/* Whether libvirtd would reduce the memory of an inhibited guest because of @frame. */
static bool
fuzzReduces(const fuzzFrame *frame)
{
    const GByteArray *bytes = frame->bytes;
    guint32 procedure = fuzzFrameGetProcedure(frame);
    size_t at = fuzzFrameGetHeaderSize(frame);
    g_autofree char *text = NULL;
    guint64 memory;
    guint32 flags;
    guint8 domain;

    if (!fuzzFrameIsCall(frame) || fuzzGetWord(bytes, 8) != 1 ||
        !fuzzWalkDomain(bytes, &at, &domain) || domain == FUZZ_DOMAIN_INFLATED ||
        domain == FUZZ_DOMAIN_WARN)
        return false;

    if (fuzzFrameGetProgram(frame) == QEMU_PROGRAM) {
        if (!fuzzIsJudged(QEMU_PROGRAM, procedure) || !fuzzWalkString(bytes, &at, &text) ||
            !fuzzSkip(bytes, &at, 4))
            return false;
        flags = fuzzGetWord(bytes, at - 4);
        return strcmp(text, flags & 1 ? fuzzBalloonHmp : fuzzBalloonQmp) == 0;
    }

    if (fuzzFrameGetProgram(frame) != REMOTE_PROGRAM ||
        (procedure != REMOTE_PROC_DOMAIN_SET_MEMORY &&
         procedure != REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS) || !fuzzSkip(bytes, &at, 8))
        return false;
    memory = (guint64)fuzzGetWord(bytes, at - 8) << 32 | fuzzGetWord(bytes, at - 4);
    flags = VIR_DOMAIN_MEM_LIVE;
    if (procedure == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS) {
        if (!fuzzSkip(bytes, &at, 4))
            return false;
        flags = fuzzGetWord(bytes, at - 4);
    }
    /* Flags that it does not know, and zero, it refuses; the maximum is no balloon. */
    return memory > 0 && memory < FUZZ_CURRENT &&
        (flags & ~(guint32)(VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG)) == 0 &&
        flags != VIR_DOMAIN_MEM_CONFIG;
}

static void
fuzzOpen(fuzzLink *link, const fuzzFrame *frame, fuzzPending *pending)
{
    size_t at = fuzzFrameGetHeaderSize(frame);
    g_autofree char *name = NULL;
    bool wasOpen = link->open;

    pending->status = VB_FRAME_ERROR;
    if (!fuzzSkip(frame->bytes, &at, 4) || fuzzGetWord(frame->bytes, at - 4) != 1 ||
        !fuzzWalkString(frame->bytes, &at, &name) || !fuzzSkip(frame->bytes, &at, 4))
        return;
    /* A second one fails and closes what the first one opened. */
    link->open = !wasOpen;
    if (wasOpen)
        return;
    link->test = g_str_has_prefix(name, "test");
    pending->status = VB_FRAME_OK;
}

/* @sent is not the call that was answered, so it was another one with its numbers. Returns false
 * if there is none. */
static bool
fuzzSwapAnswered(fuzzPeer *client, fuzzFrame *sent)
{
    guint i;

    for (i = 0; i < client->sent->len; i++) {
        fuzzFrame *other = g_ptr_array_index(client->sent, i);

        if (other->args > 0 && !other->arrived && !other->answered &&
            fuzzFrameIsSameCall(other, sent)) {
            other->answered = true;
            sent->answered = false;
            return true;
        }
    }
    return false;
}

/* Whether @frame is @sent with what remains of its size for the balloon. */
static bool
fuzzIsRedirected(const fuzzFrame *frame, const fuzzFrame *sent)
{
    size_t at = fuzzFrameGetHeaderSize(frame);
    g_autofree guint8 *bytes = NULL;
    guint8 domain;

    if (sent->args == 0 || frame->bytes->len != sent->args || !fuzzFramesHaveSameFds(frame, sent) ||
        !fuzzIsSetMemory(fuzzFrameGetProgram(sent), fuzzFrameGetProcedure(sent)) ||
        !fuzzWalkDomain(frame->bytes, &at, &domain) || !fuzzSkip(frame->bytes, &at, 8) ||
        fuzzGetWord(frame->bytes, at - 4) != FUZZ_CURRENT)
        return false;
    bytes = g_memdup2(sent->bytes->data, sent->args);
    memcpy(bytes, frame->bytes->data, 4);
    memcpy(bytes + at - 8, frame->bytes->data + at - 8, 8);
    return memcmp(bytes, frame->bytes->data, sent->args) == 0;
}

/* Finds what the client sent and has come as @frame. Returns NULL if there is no such thing. */
static const fuzzFrame *
fuzzMatchClient(fuzzPeer *client, const fuzzFrame *frame)
{
    guint i;

    for (i = client->next; i < client->sent->len; i++) {
        fuzzFrame *sent = g_ptr_array_index(client->sent, i);

        if (sent->arrived)
            continue;
        if (fuzzFramesAreEqual(frame, sent, sent->bytes->len) || fuzzIsStoredForm(frame, sent) ||
            fuzzIsRedirected(frame, sent) ||
            (sent->args > 0 && fuzzFramesAreEqual(frame, sent, sent->args))) {
            sent->arrived = true;
            return !sent->answered || fuzzSwapAnswered(client, sent) ? sent : NULL;
        }
        /* Only calls that are judged may be overtaken. */
        if (sent->args == 0)
            return NULL;
    }
    return NULL;
}

static void
fuzzCheckQuestion(const fuzzLink *link, const fuzzFrame *frame)
{
    guint32 serial = fuzzFrameGetSerial(frame);
    guint inFlight = 1;
    guint i;

    CHECK(fuzzFrameGetType(frame) == VB_FRAME_CALL && fuzzGetWord(frame->bytes, 8) == 1);
    CHECK(serial >= 0xf0000000u && serial <= 0xfffffffeu);
    CHECK(fuzzIsQuestion(fuzzFrameGetProgram(frame), fuzzFrameGetProcedure(frame)));
    CHECK(!link->readonly || link->shows);
    /* Any bytes may have been an answer. */
    for (i = 0; !link->upstream.raw && i < link->pending->len; i++) {
        const fuzzPending *pending = g_ptr_array_index(link->pending, i);

        if (pending->first && !(link->unasked && serial == FUZZ_SERIAL_UNASKED))
            CHECK(pending->words[5] != serial);
        if (pending->question && pending->first)
            inFlight++;
    }
    CHECK(inFlight <= 4);
}

/* libvirtd has got @frame. */
static void
fuzzUpstreamGot(fuzzState *state, fuzzLink *link, const fuzzFrame *frame)
{
    const fuzzFrame *sent = link->client.raw ? NULL : fuzzMatchClient(&link->client, frame);
    bool ours = !link->client.raw && !sent;
    bool judged = state->honest && !link->readonly && link->open && !link->test;
    size_t at = fuzzFrameGetHeaderSize(frame);
    fuzzPending *pending;
    size_t i;

    if (ours)
        fuzzCheckQuestion(link, frame);
    CHECK(!judged || !fuzzReduces(frame));
    CHECK(!judged || state->vague || !fuzzAttaches(frame));
    if (!fuzzFrameIsCall(frame))
        return;

    pending = g_new0(fuzzPending, 1);
    for (i = 0; i < 7; i++)
        pending->words[i] = fuzzGetWord(frame->bytes, i * 4);
    pending->question = ours;
    pending->first = true;
    pending->test = link->test;
    if (sent && fuzzFrameGetProcedure(sent) != pending->words[3])
        pending->asked = fuzzFrameGetProcedure(sent);
    /* The first one of a list. */
    if (pending->words[3] == REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS)
        fuzzSkip(frame->bytes, &at, 4);
    if (fuzzWalkDomain(frame->bytes, &at, &pending->domain) && fuzzSkip(frame->bytes, &at, 4))
        pending->migratable = fuzzGetWord(frame->bytes, at - 4) & VIR_DOMAIN_XML_MIGRATABLE;
    g_ptr_array_add(link->pending, pending);
    if (fuzzFrameGetProgram(frame) != REMOTE_PROGRAM || fuzzGetWord(frame->bytes, 8) != 1)
        return;
    if (fuzzFrameGetProcedure(frame) == REMOTE_PROC_CONNECT_OPEN)
        fuzzOpen(link, frame, pending);
    else if (fuzzFrameGetProcedure(frame) == REMOTE_PROC_CONNECT_CLOSE)
        link->open = false;
}

/* Statistics of one domain, of which libvirtd has none. */
static void
fuzzPutStats(fuzzState *state, const fuzzPending *pending, fuzzFrame *frame)
{
    fuzzPutWord(frame->bytes, 1);
    fuzzPutDomain(state, frame->bytes, pending->domain);
    frame->word = frame->bytes->len;
    fuzzPutWord(frame->bytes, 0);
    frame->at = frame->bytes->len;
    frame->tail = 8;
    frame->late = true;
}

static void
fuzzPutMessages(const fuzzPending *pending, guint8 how, fuzzFrame *frame)
{
    size_t word = frame->bytes->len;

    fuzzPutWord(frame->bytes, how & 1);
    if (how & 1)
        fuzzPutString(frame->bytes, "tainted: custom monitor control commands issued");
    if (!fuzzIsDocumentSerial(pending->words[5]))
        return;
    frame->word = word;
    frame->at = frame->bytes->len;
}

/* What an answer says, as @how asks for. */
static void
fuzzPutAnswer(fuzzState *state, const fuzzPending *pending, fuzzFrame *frame, guint8 how)
{
    static const char *const xmls[] = { fuzzXmlInhibited, fuzzXmlFree, fuzzXmlDoubtful,
                                        fuzzXmlWarn, fuzzXmlRedirected, fuzzXmlDeflated };
    static const char *const replies[] = {
        "{\"return\":[]}",
        "{\"return\":[{\"name\":\"hostdev0\",\"type\":\"child<vfio-pci>\"}]}",
        "{\"return\":true}",
        "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}",
    };
    GByteArray *bytes = frame->bytes;
    const char *xml;

    if (pending->words[1] == QEMU_PROGRAM) {
        state->vague = true;
        fuzzPutString(bytes, replies[how % G_N_ELEMENTS(replies)]);
        return;
    }
    switch (pending->words[3]) {
    case REMOTE_PROC_CONNECT_GET_TYPE:
        fuzzPutString(bytes, (state->honest ? pending->test : how & 1) ? "Test" : "QEMU");
        break;
    case REMOTE_PROC_DOMAIN_GET_XML_DESC:
    case REMOTE_PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC:
        xml = state->honest ? fuzzGetXml(pending->domain) : xmls[how % G_N_ELEMENTS(xmls)];
        fuzzPutString(bytes, xml);
        if (fuzzIsDocumentSerial(pending->words[5]) && !pending->migratable)
            fuzzMayShowXml(frame, xml);
        break;
    case REMOTE_PROC_DOMAIN_IS_PERSISTENT:
        fuzzPutWord(bytes, state->honest ? 1 : how & 1);
        break;
    case REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE:
        fuzzPutWord(bytes, how & 1);
        break;
    case REMOTE_PROC_CONNECT_GET_LIB_VERSION:
        fuzzPutWord(bytes, 0);
        fuzzPutWord(bytes, how & 1 ? 8001000 : 8002000);
        break;
    case REMOTE_PROC_DOMAIN_GET_MESSAGES:
        fuzzPutMessages(pending, how, frame);
        break;
    case REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS:
        fuzzPutStats(state, pending, frame);
        break;
    default:
        break;
    }
}

/* What is to become of the next reply to the call @pending. */
static fuzzDuty
fuzzGetDuty(const fuzzLink *link, const fuzzPending *pending)
{
    /* Nobody knows what it has called, and how much of the reply is shown to it. */
    if (link->client.raw)
        return pending->words[5] >= 0xf0000000u || fuzzIsShown(pending->words[3]) ||
            fuzzIsJudged(pending->words[1], pending->words[3]) ? FUZZ_MAY_ARRIVE : FUZZ_MUST_ARRIVE;
    return pending->question && pending->first ? FUZZ_MUST_NOT_ARRIVE : FUZZ_MUST_ARRIVE;
}

/* libvirtd answers a call. In bits: 0-1 how well, 2 as if it were another procedure, 3 and it may
 * do so again, 4-7 what it says. */
static void
fuzzAnswer(fuzzState *state, fuzzLink *link, guint index, guint8 how)
{
    fuzzPending *pending = g_ptr_array_index(link->pending, index);
    bool known = fuzzIsQuestion(pending->words[1], pending->words[3]) ||
        (pending->words[1] == REMOTE_PROGRAM && fuzzIsShown(pending->words[3]));
    guint32 status = how & 3 ? VB_FRAME_OK : VB_FRAME_ERROR;
    /* Statistics lose descriptors where they are waited for: libvirt sends none with them. */
    guint32 type = how % 8 == 7 && pending->words[3] != REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS ?
        VB_FRAME_REPLY_WITH_FDS : VB_FRAME_REPLY;
    bool isOpen = pending->words[1] == REMOTE_PROGRAM && pending->words[2] == 1 &&
        pending->words[3] == REMOTE_PROC_CONNECT_OPEN;
    fuzzFrame *frame;

    if (isOpen)
        status = (guint32)pending->status;
    frame = fuzzFrameNew(pending->words[1], pending->words[3], type, pending->words[5], status);
    fuzzSetWord(frame->bytes, 8, pending->words[2]);
    frame->duty = fuzzGetDuty(link, pending);
    /* What was changed for it is taken back before the client hears of it. */
    frame->late = status == VB_FRAME_ERROR && !pending->question &&
        fuzzIsSetMemory(pending->words[1], pending->words[3]);

    if (status == VB_FRAME_ERROR) {
        static const gint32 codes[] = { VIR_ERR_INTERNAL_ERROR, VIR_ERR_RPC, VIR_ERR_NO_DOMAIN,
                                        VIR_ERR_OPERATION_INVALID };
        /* The last two make calls pass, for libvirtd to refuse them. */
        guint8 which = state->honest ? how >> 4 & 1 : how >> 4 & 3;

        fuzzPutWord(frame->bytes, (guint32)codes[which]);
        fuzzPutWord(frame->bytes, VIR_FROM_DOMAIN);
        fuzzPutWord(frame->bytes, 0);
    } else if (known && (how & 3) != 2) {
        fuzzPutAnswer(state, pending, frame, how >> 4);
    } else if (known) {
        state->vague = true;
    }
    /* Behind an answer anything may stand; it makes each one different. */
    fuzzPutWord(frame->bytes, 0xabcdef00u);
    fuzzPutWord(frame->bytes, state->counter++);
    if (pending->asked)
        fuzzMustReplace(frame, pending->asked, status == VB_FRAME_OK);
    fuzzPeerSend(&link->upstream, frame, how >> 4 & 3);

    /* A second reply to a call of the client's in our range could be one to a question of ours that
     * has taken the serial since; libvirtd gives none. */
    pending->first = false;
    if (!(how & 8) || isOpen || fuzzIsDocumentSerial(pending->words[5]) ||
        (!pending->question && pending->words[5] >= 0xf0000000u))
        g_ptr_array_remove_index(link->pending, index);
}

/* What was sent before the message at @index does not come any more, but for what is late. */
static void
fuzzPassBy(fuzzPeer *upstream, guint index)
{
    fuzzFrame *sent = g_ptr_array_index(upstream->sent, index);
    guint i;

    for (i = upstream->next; i < index && !sent->late; i++) {
        fuzzFrame *before = g_ptr_array_index(upstream->sent, i);

        before->arrived = before->arrived || !before->late;
    }
    while (upstream->next < upstream->sent->len &&
           ((fuzzFrame *)g_ptr_array_index(upstream->sent, upstream->next))->arrived)
        upstream->next++;
}

/* The client has got @frame. */
static void
fuzzClientGot(fuzzLink *link, const fuzzFrame *frame)
{
    fuzzPeer *upstream = &link->upstream;
    fuzzPeer *client = &link->client;
    guint i;

    for (i = upstream->next; i < upstream->sent->len; i++) {
        fuzzFrame *sent = g_ptr_array_index(upstream->sent, i);

        if (sent->arrived)
            continue;
        if (sent->duty != FUZZ_MUST_NOT_ARRIVE && fuzzIsReply(frame, sent)) {
            sent->arrived = true;
            fuzzPassBy(upstream, i);
            return;
        }
        if (sent->duty == FUZZ_MUST_ARRIVE && !sent->late)
            break;
    }
    if (upstream->raw || (client->raw && fuzzFrameGetProgram(frame) == REMOTE_PROGRAM &&
                          (fuzzIsShown(fuzzFrameGetProcedure(frame)) ||
                           fuzzIsJudged(REMOTE_PROGRAM, fuzzFrameGetProcedure(frame)))))
        return;

    /* Then it is the relay itself that answers. */
    CHECK(fuzzFrameGetType(frame) == VB_FRAME_REPLY);
    CHECK(fuzzGetWord(frame->bytes, 24) == VB_FRAME_ERROR && frame->nfds == 0);
    CHECK(link->failure ||
          fuzzIsJudged(fuzzFrameGetProgram(frame), fuzzFrameGetProcedure(frame)));
    if (client->raw)
        return;
    for (i = 0; i < client->sent->len; i++) {
        fuzzFrame *sent = g_ptr_array_index(client->sent, i);

        if ((link->failure ? fuzzFrameIsCall(sent) : sent->args > 0) && !sent->arrived &&
            !sent->answered && fuzzFrameIsSameCall(sent, frame)) {
            sent->answered = true;
            return;
        }
    }
    /* An answer to nothing. */
    g_assert_not_reached();
}

/* Until nothing moves any more; @flush: all that waits to be written is written. */
static void
fuzzSettle(fuzzState *state, bool flush)
{
    guint quiet = 0;
    bool moved;

    do {
        guint i;

        moved = false;
        while (g_main_context_iteration(NULL, FALSE)) {
            CHECK(quiet++ < 5000);
            moved = true;
        }
        for (i = 0; i < state->used; i++) {
            fuzzLink *link = &state->links[i];
            fuzzFrame *frame;

            while (fuzzPeerRead(&link->upstream, &frame)) {
                moved = true;
                if (frame)
                    fuzzUpstreamGot(state, link, frame);
                fuzzFrameFree(frame);
            }
            while (fuzzPeerRead(&link->client, &frame)) {
                moved = true;
                if (frame)
                    fuzzClientGot(link, frame);
                fuzzFrameFree(frame);
            }
            if (flush && (fuzzPeerFlush(&link->client, G_MAXINT) > 0 ||
                          fuzzPeerFlush(&link->upstream, G_MAXINT) > 0))
                moved = true;
            if (moved)
                quiet = 0;
            /* Padding is dropped, and what the relay says itself is little. */
            if (!link->failure && link->upstream.fd >= 0 && link->client.fd >= 0)
                CHECK(link->upstream.written < link->client.got + FUZZ_UNDERWAY_MAX);
        }
    } while (moved);
}

static void
fuzzSleep(fuzzState *state, guint seconds)
{
    guint i;

    fuzzNow += seconds;
    state->vague = state->vague || seconds > 0;
    for (i = 0; i < fuzzTimers->len; i++) {
        const fuzzTimer *timer = &g_array_index(fuzzTimers, fuzzTimer, i);
        GSource *source = g_main_context_find_source_by_id(NULL, timer->id);

        if (source && timer->due <= fuzzNow)
            g_source_set_ready_time(source, 0);
    }
    fuzzSettle(state, false);
}

/* What a client says. */

static void
fuzzClientSays(fuzzState *state, fuzzLink *link)
{
    guint8 kind = fuzzNext(state);
    guint8 what = fuzzNext(state);
    guint32 type = what & 1 ? VB_FRAME_CALL_WITH_FDS : VB_FRAME_CALL;
    guint nfds = what >> 1 & 3;
    /* A few serials are used again, and a few are those of questions. */
    guint32 serial = what & 8 ? FUZZ_SERIAL_UNASKED - (what >> 4) : what & 0x80 ? what >> 4 :
        state->counter;
    static const guint32 sizes[] = { FUZZ_CURRENT / 2, FUZZ_CURRENT, 1, FUZZ_CURRENT / 2 * 3 };
    /* With what follows the domain: an empty string and flags, and the like. */
    static const struct {
        guint32 procedure;
        size_t length;
    } others[] = {
        { REMOTE_PROC_DOMAIN_DETACH_DEVICE, 4 },
        { REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS, 8 },
        { REMOTE_PROC_DOMAIN_SET_METADATA, 20 },
        { REMOTE_PROC_DOMAIN_DETACH_DEVICE_ALIAS, 8 },
        { REMOTE_PROC_DOMAIN_CREATE, 0 },
        { REMOTE_PROC_DOMAIN_CREATE_WITH_FLAGS, 4 },
    };
    size_t which = (kind >> 4) % G_N_ELEMENTS(others);
    fuzzFrame *frame;

    switch (kind & 7) {
    case 0:
    case 1:
        frame = fuzzFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3 & 1);
        fuzzPutWord(frame->bytes, 0);
        fuzzPutWord(frame->bytes, sizes[kind >> 4 & 3]);
        fuzzPutWord(frame->bytes, kind >> 6);
        frame->args = frame->bytes->len;
        break;
    case 2:
        frame = fuzzFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SET_MEMORY, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3 & 1);
        fuzzPutWord(frame->bytes, 0);
        fuzzPutWord(frame->bytes, sizes[kind >> 4 & 3]);
        frame->args = frame->bytes->len;
        break;
    case 3:
        frame = fuzzFrameNew(QEMU_PROGRAM, QEMU_PROC_DOMAIN_MONITOR_COMMAND, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3 & 1);
        fuzzPutString(frame->bytes, kind & 16 ? fuzzBalloonHmp : fuzzBalloonQmp);
        fuzzPutWord(frame->bytes, kind >> 4 & 1);
        frame->args = frame->bytes->len;
        break;
    case 4:
        frame = fuzzFrameNew(REMOTE_PROGRAM, others[which].procedure, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3 & 1);
        fuzzPutZeros(frame->bytes, others[which].length);
        frame->args = frame->bytes->len;
        break;
    case 5:
        frame = fuzzFrameNew(REMOTE_PROGRAM, kind & 8 ? REMOTE_PROC_CONNECT_CLOSE :
                             REMOTE_PROC_CONNECT_OPEN, type, serial, 0);
        fuzzPutWord(frame->bytes, 1);
        fuzzPutString(frame->bytes, kind & 16 ? "test:///default" : "qemu:///system");
        fuzzPutWord(frame->bytes, state->counter++);
        break;
    case 6:
        frame = fuzzFrameNew(REMOTE_PROGRAM, kind & 8 ? REMOTE_PROC_CONNECT_GET_TYPE :
                             REMOTE_PROC_DOMAIN_GET_INFO, type, serial, 0);
        fuzzPutWord(frame->bytes, state->counter++);
        break;
    case 7:
    default:
        frame = fuzzFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_INFO, kind >> 5, serial, 0);
        fuzzPutWord(frame->bytes, state->counter++);
        break;
    }
    /* What is short is padded, too: to a page, to what is not collected, to more than a socket
     * takes. */
    if ((what & 0x70) == 0x70) {
        static const size_t paddings[] = { 4, 4096, 70000, 500000 };

        fuzzPutZeros(frame->bytes, paddings[kind >> 4 & 3]);
    }
    fuzzPeerSend(&link->client, frame, nfds);
}

/* Calls with XML of ours in them, or in their replies. */
static void
fuzzClientWrites(fuzzState *state, fuzzLink *link)
{
    static const guint32 procedures[] = {
        REMOTE_PROC_DOMAIN_GET_XML_DESC, REMOTE_PROC_DOMAIN_GET_XML_DESC,
        REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS, REMOTE_PROC_DOMAIN_GET_MESSAGES,
        REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS, REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS,
        REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS,
    };
    guint8 kind = fuzzNext(state);
    guint8 what = fuzzNext(state);
    guint32 type = what & 1 ? VB_FRAME_CALL_WITH_FDS : VB_FRAME_CALL;
    guint32 serial = FUZZ_SERIAL_DOCUMENT + (what & 8 ? what >> 4 : 16 + state->counter++);
    fuzzFrame *frame = fuzzFrameNew(REMOTE_PROGRAM, procedures[kind & 7], type, serial, 0);
    guint8 domain = kind >> 3 & 3;
    guint32 flags = kind >> 5 & 3;

    link->shows = link->shows || fuzzIsShown(procedures[kind & 7]);
    switch (kind & 7) {
    case 0:
    case 1:
        fuzzPutDomain(state, frame->bytes, domain);
        fuzzPutWord(frame->bytes, kind & 1 ? VIR_DOMAIN_XML_MIGRATABLE : flags);
        break;
    case 2:
        fuzzPutWord(frame->bytes, 1);
        fuzzPutDomain(state, frame->bytes, domain);
        fuzzPutWord(frame->bytes, flags & 1 ? VIR_DOMAIN_STATS_BALLOON : flags);
        fuzzPutWord(frame->bytes, 0);
        break;
    case 3:
        fuzzPutDomain(state, frame->bytes, domain);
        fuzzPutWord(frame->bytes, flags & 1);
        break;
    case 4:
        fuzzPutDomain(state, frame->bytes, domain);
        fuzzPutString(frame->bytes, fuzzXmlDevice);
        fuzzPutWord(frame->bytes, flags);
        break;
    case 5:
        frame->form = state->honest ? FUZZ_FORM_OPT_OUT : FUZZ_FORM_CUT;
        fuzzPutDomain(state, frame->bytes, domain);
        fuzzPutString(frame->bytes, fuzzXmlOptOut);
        fuzzPutWord(frame->bytes, flags ^ VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
        break;
    case 6:
        frame->form = FUZZ_FORM_UPDATE;
        fuzzPutDomain(state, frame->bytes, domain);
        fuzzPutString(frame->bytes, fuzzXmlBalloon);
        fuzzPutWord(frame->bytes, flags);
        break;
    case 7:
    default:
        frame->form = FUZZ_FORM_DEFINE;
        fuzzPutString(frame->bytes, fuzzXmlDefinition);
        fuzzPutWord(frame->bytes, flags);
        break;
    }
    frame->args = frame->bytes->len;
    if (what & 0x80)
        fuzzPutZeros(frame->bytes, what & 0x40 ? 70000 : 4096);
    fuzzPeerSend(&link->client, frame, what >> 1 & 3);
}

static void
fuzzUpstreamSays(fuzzState *state, fuzzLink *link)
{
    guint8 kind = fuzzNext(state);
    static const guint32 types[] = { VB_FRAME_MESSAGE, VB_FRAME_STREAM, VB_FRAME_REPLY,
                                     VB_FRAME_REPLY_WITH_FDS };
    static const size_t sizes[] = { 0, 0, 4, 100, 1000, 4096, 70000, 500000 };
    fuzzFrame *frame = fuzzFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_INFO, types[kind & 3],
                                    kind & 4 ? FUZZ_SERIAL_UNASKED : 7, 0);

    link->unasked = link->unasked || kind & 4;
    fuzzPutWord(frame->bytes, state->counter++);
    fuzzPutZeros(frame->bytes, sizes[kind >> 3 & 7]);
    fuzzPeerSend(&link->upstream, frame, kind >> 6);
}

static void
fuzzRaw(fuzzState *state, fuzzPeer *peer)
{
    size_t length = fuzzNext(state);

    length = MIN(length, state->size);
    if (peer->fd < 0 || length == 0)
        return;
    peer->raw = true;
    fuzzPeerQueueBytes(peer, state->data, length);
    state->data += length;
    state->size -= length;
}

static void
fuzzStep(fuzzState *state)
{
    guint8 op = fuzzNext(state);
    fuzzLink *link = &state->links[op >> 7 ? state->used - 1 : 0];
    fuzzPeer *peer = op & 0x40 ? &link->client : &link->upstream;

    switch (op & 15) {
    case 0:
    case 1:
    case 2:
        fuzzClientSays(state, link);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        if (link->pending->len > 0 && link->upstream.fd >= 0) {
            guint8 index = fuzzNext(state);

            fuzzAnswer(state, link, index % link->pending->len, fuzzNext(state));
        }
        break;
    case 7:
        fuzzUpstreamSays(state, link);
        break;
    case 8:
        /* A libvirtd that speaks in riddles may say anything of a guest. */
        if (op & 0x40 || !state->honest)
            fuzzRaw(state, peer);
        break;
    case 9: {
        size_t length = fuzzNext(state);

        while (length > 0) {
            size_t n = fuzzPeerFlush(peer, length);

            if (n == 0)
                break;
            length -= n;
        }
        fuzzSettle(state, false);
        break;
    }
    case 10:
        peer->reading = !peer->reading;
        break;
    case 11:
        fuzzSleep(state, fuzzNext(state) % 32);
        break;
    case 12:
        if ((op & 0x30) == 0x30)
            fuzzPeerEnd(peer);
        else if ((op & 0x30) == 0x20 && peer->fd >= 0) {
            shutdown(peer->fd, SHUT_RD);
            peer->reading = false;
            peer->ended = true;
        }
        break;
    case 13:
        fuzzClientWrites(state, link);
        break;
    default:
        fuzzSettle(state, true);
        break;
    }
}

/* libvirtd answers everything, until there is nothing left to be done. */
static void
fuzzFinish(fuzzState *state)
{
    bool answered;
    guint i;

    for (i = 0; i < state->used; i++)
        state->links[i].client.reading = state->links[i].upstream.reading = true;
    do {
        fuzzSettle(state, true);
        answered = false;
        for (i = 0; i < state->used; i++) {
            fuzzLink *link = &state->links[i];

            while (link->pending->len > 0 && link->upstream.fd >= 0) {
                fuzzAnswer(state, link, 0, 1);
                answered = true;
            }
        }
    } while (answered);

    for (i = 0; i < state->used; i++) {
        fuzzLink *link = &state->links[i];
        const fuzzPeer *client = &link->client;
        fuzzPeer *upstream = &link->upstream;
        guint j;

        if (client->raw || upstream->raw || !link->relay || client->fd < 0 || client->ended ||
            (!link->failure && (upstream->fd < 0 || upstream->ended)))
            continue;
        for (j = 0; j < client->sent->len; j++) {
            const fuzzFrame *sent = g_ptr_array_index(client->sent, j);

            CHECK(sent->arrived || sent->answered || (link->failure && !fuzzFrameIsCall(sent)));
        }
        for (j = upstream->next; j < upstream->sent->len; j++) {
            const fuzzFrame *sent = g_ptr_array_index(upstream->sent, j);

            CHECK(sent->duty == FUZZ_MUST_NOT_ARRIVE || sent->arrived);
        }
    }
}

static void
fuzzRelayClosed(vbRelay *relay, gpointer opaque)
{
    fuzzLink *link = opaque;

    CHECK(link->relay == relay);
    link->relay = NULL;
}

static void
fuzzPeerInit(fuzzPeer *peer, int fd)
{
    peer->fd = fd;
    peer->reading = true;
    g_queue_init(&peer->out);
    peer->sent = g_ptr_array_new_with_free_func((GDestroyNotify)fuzzFrameFree);
}

static void
fuzzLinkInit(fuzzState *state, bool readonly, bool failure)
{
    static const vbPeer peer = { .pid = 1, .uid = 1 };
    fuzzLink *link = &state->links[state->used++];
    int client[2];
    int upstream[2] = { -1, -1 };

    link->readonly = readonly;
    link->failure = failure;
    link->pending = g_ptr_array_new_with_free_func(g_free);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, client) == 0);
    if (!failure)
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, upstream) == 0);
    fuzzPeerInit(&link->client, client[1]);
    fuzzPeerInit(&link->upstream, upstream[1]);
    link->relay = vbRelayNew(&state->shared, client[0], upstream[0],
                             failure ? "no libvirt" : NULL, readonly, &peer, fuzzRelayClosed,
                             link);
    CHECK(link->relay);
}

static void
fuzzPeerClear(fuzzPeer *peer)
{
    fuzzPeerEnd(peer);
    g_ptr_array_unref(peer->sent);
}

static void
fuzzInit(void)
{
    if (fuzzTimers)
        return;
    fuzzTimers = g_array_new(FALSE, FALSE, sizeof(fuzzTimer));
    g_log_set_writer_func(fuzzLogWriter, NULL, NULL);
    g_main_context_iteration(NULL, FALSE); /* opens what it needs */
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    fuzzState state = { .data = data, .size = size };
    guint8 settings = fuzzNext(&state);
    int lowest;
    int after;
    guint i;

    fuzzInit();
    g_array_set_size(fuzzTimers, 0);
    lowest = fcntl(STDERR_FILENO, F_DUPFD, 0);
    close(lowest);

    state.honest = settings & 1;
    state.counter = 0x100;
    state.shared.epoll = vbEpollNew(NULL);
    state.shared.queue = vbDomainQueueNew();
    state.shared.journal = vbJournalNew();
    state.shared.recent = qemuDriverRecentNew();
    state.shared.settings.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_BLOCK;
    state.shared.settings.qmp = (qemuDomainQmpMode)((settings >> 1) % 3);
    fuzzLinkInit(&state, false, false);
    if (settings & 0x10)
        fuzzLinkInit(&state, settings & 0x20, settings & 0x40);
    if (settings & 0x80) {
        /* Most inputs have no use for a connection that is not open. */
        for (i = 0; i < state.used; i++) {
            fuzzFrame *frame = fuzzFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN,
                                            VB_FRAME_CALL, 1, VB_FRAME_OK);

            fuzzPutWord(frame->bytes, 1);
            fuzzPutString(frame->bytes, "qemu:///system");
            fuzzPutWord(frame->bytes, 0);
            fuzzPeerSend(&state.links[i].client, frame, 0);
            fuzzSettle(&state, true);
            if (state.links[i].pending->len > 0)
                fuzzAnswer(&state, &state.links[i], 0, 1);
        }
        fuzzSettle(&state, true);
    }

    while (state.size > 0)
        fuzzStep(&state);
    fuzzFinish(&state);

    for (i = 0; i < state.used; i++) {
        fuzzPeerEnd(&state.links[i].client);
        fuzzPeerEnd(&state.links[i].upstream);
    }
    fuzzSettle(&state, false);
    for (i = 0; i < state.used; i++) {
        CHECK(!state.links[i].relay);
        fuzzPeerClear(&state.links[i].client);
        fuzzPeerClear(&state.links[i].upstream);
        g_ptr_array_unref(state.links[i].pending);
    }
    for (i = 0; i < fuzzTimers->len; i++)
        CHECK(!g_main_context_find_source_by_id(NULL,
                                                g_array_index(fuzzTimers, fuzzTimer, i).id));
    vbDomainQueueFree(state.shared.queue);
    vbJournalFree(state.shared.journal);
    qemuDriverRecentFree(state.shared.recent);
    vbEpollFree(state.shared.epoll);

    after = fcntl(STDERR_FILENO, F_DUPFD, 0);
    CHECK(after == lowest);
    close(after);
    return 0;
}
