/*
 * fuzz_relay.c: whole relays, between clients that send anything and a libvirtd that is slow
 *
 * Input: a byte of settings, then a script: who writes what, how much of it goes out, who reads,
 * who ends, how time passes.  The client writes messages of a catalogue or any bytes; libvirtd
 * answers what it was asked, in any order, right or wrong, and says something of its own.
 *
 * What must hold:
 *  - what libvirtd sends and is no answer to a question of the relay's reaches the client
 *    unaltered, in order, with its descriptors;
 *  - while a client sends whole messages, the same the other way round, but for calls that are
 *    judged, which may come later or be answered instead;
 *  - where libvirtd says of every guest that its ballooning is inhibited (it may fail, but it does
 *    not lie), no call that reduces a guest's memory ever reaches it;
 *  - in the end every call has reached libvirtd or was answered;
 *  - nothing is left: no turn, no timer, no descriptor, no memory; and nothing spins.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "relay.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "remote_protocol.h"

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

#define FUZZ_XML_OF(policy, devices) \
    "<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<name>guest</name><uuid>d9726b48-263f-4d63-962e-3973021df959</uuid>" policy \
    "<memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>1048576</currentMemory>" \
    "<devices>" devices "<memballoon model='virtio'/></devices></domain>"

static const char fuzzXmlInhibited[] = FUZZ_XML_OF(
    "", "<hostdev mode='subsystem' type='pci'><driver name='vfio'/><source>"
    "<address domain='0' bus='7' slot='0' function='0'/></source>"
    "<alias name='hostdev0'/></hostdev>");
static const char fuzzXmlFree[] = FUZZ_XML_OF("", "");
static const char fuzzXmlDoubtful[] = FUZZ_XML_OF("", "<qemu:x/>");
static const char fuzzXmlWarn[] = FUZZ_XML_OF(
    "<metadata><balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='warn'/>"
    "</metadata>", "");

/* As QMP and as HMP; both would reduce memory. */
static const char fuzzBalloonQmp[] =
    "{\"execute\":\"balloon\",\"arguments\":{\"value\":536870912}}";
static const char fuzzBalloonHmp[] = "balloon 512";

typedef enum {
    FUZZ_MUST_ARRIVE,
    FUZZ_MAY_ARRIVE,
    FUZZ_MUST_NOT_ARRIVE,
} fuzzDuty;

/* A message on its way, or one that came. */
typedef struct {
    GByteArray *bytes;
    size_t args;       /* of a call that may be judged: bytes without padding; else 0 */
    fuzzDuty duty;
    bool arrived;
    bool answered;     /* of a call that may be judged: by the relay */
    guint nfds;
    ino_t inodes[VB_FRAME_FDS_MAX];
} fuzzFrame;

/* A run of bytes to be sent, or a descriptor. */
typedef struct {
    GByteArray *bytes; /* or NULL */
    size_t done;
    int fd;
} fuzzItem;

typedef struct {
    int fd;
    GQueue out;      /* of fuzzItem */
    GPtrArray *sent; /* of fuzzFrame */
    guint next;      /* of them: the first one that has not arrived */
    size_t written;
    size_t got;
    bool reading;
    bool ended;
    bool broken;
    bool raw;        /* it has sent bytes that are no messages of ours */
    fuzzFrame *half; /* that is being read */
} fuzzPeer;

/* A call that libvirtd has and has not answered for good. */
typedef struct {
    guint32 words[7]; /* of its header */
    bool question;
    bool first;       /* not answered yet */
    gint32 status;    /* of an OPEN */
    bool test;        /* of a GET_TYPE: what is true */
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
} fuzzLink;

typedef struct {
    guint id;
    guint due;
} fuzzTimer;

typedef struct {
    const guint8 *data;
    size_t size;
    bool honest;
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

/* XDR. */

static void
fuzzPutWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

static void
fuzzPutZeros(GByteArray *bytes, size_t count)
{
    guint before = bytes->len;

    g_byte_array_set_size(bytes, (guint)(before + count));
    memset(bytes->data + before, 0, count);
}

static void
fuzzPutString(GByteArray *bytes, const char *text)
{
    size_t length = strlen(text);

    fuzzPutWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    fuzzPutZeros(bytes, (4 - length % 4) % 4);
}

static guint32
fuzzGetWord(const GByteArray *bytes, size_t at)
{
    guint32 wire;

    CHECK(at + sizeof(wire) <= bytes->len);
    memcpy(&wire, bytes->data + at, sizeof(wire));
    return GUINT32_FROM_BE(wire);
}

static void
fuzzSetWord(GByteArray *bytes, size_t at, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    memcpy(bytes->data + at, &wire, sizeof(wire));
}

/* A walk over arguments. Returns false where they are too short. */
static bool
fuzzSkip(const GByteArray *bytes, size_t *at, size_t count)
{
    if (bytes->len - *at < count)
        return false;
    *at += count;
    return true;
}

/* @text: (out) (optional): (transfer full) */
static bool
fuzzWalkString(const GByteArray *bytes, size_t *at, char **text)
{
    size_t start = *at + 4;
    guint32 length;

    if (!fuzzSkip(bytes, at, 4))
        return false;
    length = fuzzGetWord(bytes, start - 4);
    if (length > REMOTE_STRING_MAX || !fuzzSkip(bytes, at, (length + 3u) & ~3u))
        return false;
    if (text)
        *text = g_strndup((const char *)bytes->data + start, length);
    return true;
}

/* Messages. */

static fuzzFrame *
fuzzFrameNew(guint32 program, guint32 procedure, guint32 type, guint32 serial, guint32 status)
{
    fuzzFrame *frame = g_new0(fuzzFrame, 1);

    frame->bytes = g_byte_array_new();
    fuzzPutWord(frame->bytes, 0);
    fuzzPutWord(frame->bytes, program);
    fuzzPutWord(frame->bytes, 1);
    fuzzPutWord(frame->bytes, procedure);
    fuzzPutWord(frame->bytes, type);
    fuzzPutWord(frame->bytes, serial);
    fuzzPutWord(frame->bytes, status);
    if (type == VB_FRAME_CALL_WITH_FDS || type == VB_FRAME_REPLY_WITH_FDS)
        fuzzPutWord(frame->bytes, 0);
    return frame;
}

static void
fuzzFrameFree(fuzzFrame *frame)
{
    if (!frame)
        return;
    g_byte_array_unref(frame->bytes);
    g_free(frame);
}

static guint32
fuzzFrameGetProgram(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 4);
}

static guint32
fuzzFrameGetProcedure(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 12);
}

static guint32
fuzzFrameGetType(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 16);
}

static guint32
fuzzFrameGetSerial(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 20);
}

static size_t
fuzzFrameGetHeaderSize(const fuzzFrame *frame)
{
    guint32 type = fuzzFrameGetType(frame);

    return type == VB_FRAME_CALL_WITH_FDS || type == VB_FRAME_REPLY_WITH_FDS ? 32 : 28;
}

static bool
fuzzFrameIsCall(const fuzzFrame *frame)
{
    guint32 type = fuzzFrameGetType(frame);

    return type == VB_FRAME_CALL || type == VB_FRAME_CALL_WITH_FDS;
}

/* Whether a reply to the one is a reply to the other. */
static bool
fuzzFrameIsSameCall(const fuzzFrame *frame, const fuzzFrame *other)
{
    return memcmp(frame->bytes->data + 4, other->bytes->data + 4, 12) == 0 &&
        fuzzFrameGetSerial(frame) == fuzzFrameGetSerial(other);
}

/* Whether the two are the same in the first @length bytes, but for the word that says how many
 * there are, and in their descriptors. */
static bool
fuzzFramesAreEqual(const fuzzFrame *frame, const fuzzFrame *other, size_t length)
{
    return frame->bytes->len == length && length <= other->bytes->len &&
        frame->nfds == other->nfds &&
        memcmp(frame->bytes->data + 4, other->bytes->data + 4, length - 4) == 0 &&
        memcmp(frame->inodes, other->inodes, frame->nfds * sizeof(ino_t)) == 0;
}

/* Peers. */

static void
fuzzItemFree(fuzzItem *item)
{
    if (item->bytes)
        g_byte_array_unref(item->bytes);
    else
        close(item->fd);
    g_free(item);
}

static void
fuzzPeerQueueBytes(fuzzPeer *peer, const guint8 *bytes, size_t length)
{
    fuzzItem *item = g_new0(fuzzItem, 1);

    item->bytes = g_byte_array_new();
    g_byte_array_append(item->bytes, bytes, (guint)length);
    g_queue_push_tail(&peer->out, item);
}

/* Takes @frame, and gives it @nfds descriptors. */
static void
fuzzPeerSend(fuzzPeer *peer, fuzzFrame *frame, guint nfds)
{
    guint i;

    if (peer->fd < 0) {
        fuzzFrameFree(frame);
        return;
    }
    if (fuzzFrameGetHeaderSize(frame) > 28)
        fuzzSetWord(frame->bytes, 28, nfds);
    fuzzSetWord(frame->bytes, 0, frame->bytes->len);
    fuzzPeerQueueBytes(peer, frame->bytes->data, frame->bytes->len);
    for (i = 0; fuzzFrameGetHeaderSize(frame) > 28 && i < nfds; i++) {
        fuzzItem *item = g_new0(fuzzItem, 1);
        struct stat st;

        item->fd = memfd_create("fuzz_relay", MFD_CLOEXEC);
        CHECK(item->fd >= 0 && fstat(item->fd, &st) == 0);
        frame->inodes[frame->nfds++] = st.st_ino;
        g_queue_push_tail(&peer->out, item);
    }
    g_ptr_array_add(peer->sent, frame);
}

static void
fuzzPeerEnd(fuzzPeer *peer)
{
    if (peer->fd < 0)
        return;
    close(peer->fd);
    peer->fd = -1;
    g_queue_clear_full(&peer->out, (GDestroyNotify)fuzzItemFree);
    g_clear_pointer(&peer->half, fuzzFrameFree);
}

/* Writes up to @most bytes, or one descriptor. Returns how much was written. */
static size_t
fuzzPeerFlush(fuzzPeer *peer, size_t most)
{
    static const guint8 zero = 0;
    fuzzItem *item = g_queue_peek_head(&peer->out);
    struct iovec iov = { .iov_base = (void *)&zero, .iov_len = 1 };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (!item || peer->fd < 0 || peer->broken)
        return 0;
    if (item->bytes) {
        iov.iov_base = item->bytes->data + item->done;
        iov.iov_len = MIN(most, item->bytes->len - item->done);
    } else {
        struct cmsghdr *cmsg;

        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &item->fd, sizeof(int));
    }
    n = sendmsg(peer->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        CHECK(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        peer->broken = errno != EAGAIN;
        return 0;
    }
    peer->written += (size_t)n;
    item->done += (size_t)n;
    if (!item->bytes || item->done == item->bytes->len)
        fuzzItemFree(g_queue_pop_head(&peer->out));
    return (size_t)n;
}

/* One read, as libvirt reads. @whole: (out): a message, once it is whole. Returns whether
 * something came. */
static bool
fuzzPeerRead(fuzzPeer *peer, fuzzFrame **whole)
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
    fuzzFrame *frame;
    size_t wanted;
    ssize_t n;

    *whole = NULL;
    if (peer->fd < 0 || peer->ended || !peer->reading)
        return false;
    if (!peer->half) {
        peer->half = g_new0(fuzzFrame, 1);
        peer->half->bytes = g_byte_array_new();
    }
    frame = peer->half;
    wanted = (frame->bytes->len < 4 ? 4 : fuzzGetWord(frame->bytes, 0)) - frame->bytes->len;
    iov.iov_len = wanted > 0 ? MIN(wanted, sizeof(buffer)) : 1;

    n = recvmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        peer->ended = true;
        return true;
    }
    peer->got += (size_t)n;

    cmsg = CMSG_FIRSTHDR(&msg);
    if (wanted > 0) {
        CHECK(!cmsg);
        g_byte_array_append(frame->bytes, buffer, (guint)n);
        CHECK(frame->bytes->len < 4 || (fuzzGetWord(frame->bytes, 0) >= 28 &&
                                        fuzzGetWord(frame->bytes, 0) <= VB_FRAME_LENGTH_MAX));
    } else {
        struct stat st;
        int fd;

        CHECK(cmsg && cmsg->cmsg_len == CMSG_LEN(sizeof(int)) && buffer[0] == 0);
        memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
        CHECK(fstat(fd, &st) == 0);
        frame->inodes[frame->nfds++] = st.st_ino;
        close(fd);
    }

    if (frame->bytes->len >= 28 && frame->bytes->len == fuzzGetWord(frame->bytes, 0)) {
        guint nfds = 0;

        if (fuzzFrameGetHeaderSize(frame) > 28) {
            nfds = fuzzGetWord(frame->bytes, 28);
            CHECK(nfds <= VB_FRAME_FDS_MAX);
        }
        if (frame->nfds == nfds)
            *whole = g_steal_pointer(&peer->half);
    }
    return true;
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
        REMOTE_PROC_DOMAIN_CREATE_WITH_FLAGS,
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

static bool
fuzzIsQuestion(guint32 program, guint32 procedure)
{
    if (program == QEMU_PROGRAM)
        return procedure == QEMU_PROC_DOMAIN_MONITOR_COMMAND;
    return program == REMOTE_PROGRAM &&
        (procedure == REMOTE_PROC_CONNECT_GET_TYPE ||
         procedure == REMOTE_PROC_DOMAIN_GET_XML_DESC ||
         procedure == REMOTE_PROC_DOMAIN_IS_PERSISTENT ||
         procedure == REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE ||
         procedure == REMOTE_PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC ||
         procedure == REMOTE_PROC_DOMAIN_GET_MESSAGES);
}

/* libvirtd. */

/* Whether libvirtd would reduce the memory of a guest because of @frame. */
static bool
fuzzReduces(const fuzzFrame *frame)
{
    const GByteArray *bytes = frame->bytes;
    guint32 procedure = fuzzFrameGetProcedure(frame);
    size_t at = fuzzFrameGetHeaderSize(frame);
    g_autofree char *text = NULL;
    guint64 memory;
    guint32 flags;

    if (!fuzzFrameIsCall(frame) || fuzzGetWord(bytes, 8) != 1 ||
        !fuzzWalkString(bytes, &at, NULL) || !fuzzSkip(bytes, &at, 16 + 4))
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

/* Finds what the client sent and has come as @frame. Returns false if there is no such thing. */
static bool
fuzzMatchClient(fuzzPeer *client, const fuzzFrame *frame)
{
    guint i;

    for (i = client->next; i < client->sent->len; i++) {
        fuzzFrame *sent = g_ptr_array_index(client->sent, i);

        if (sent->arrived)
            continue;
        if (fuzzFramesAreEqual(frame, sent, sent->bytes->len) ||
            (sent->args > 0 && fuzzFramesAreEqual(frame, sent, sent->args))) {
            sent->arrived = true;
            return !sent->answered || fuzzSwapAnswered(client, sent);
        }
        /* Only calls that are judged may be overtaken. */
        if (sent->args == 0)
            return false;
    }
    return false;
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
    CHECK(!link->readonly);
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
    bool ours = !link->client.raw && !fuzzMatchClient(&link->client, frame);
    fuzzPending *pending;
    size_t i;

    if (ours)
        fuzzCheckQuestion(link, frame);
    CHECK(!state->honest || link->readonly || !link->open || link->test || !fuzzReduces(frame));
    if (!fuzzFrameIsCall(frame))
        return;

    pending = g_new0(fuzzPending, 1);
    for (i = 0; i < 7; i++)
        pending->words[i] = fuzzGetWord(frame->bytes, i * 4);
    pending->question = ours;
    pending->first = true;
    pending->test = link->test;
    g_ptr_array_add(link->pending, pending);
    if (fuzzFrameGetProgram(frame) != REMOTE_PROGRAM || fuzzGetWord(frame->bytes, 8) != 1)
        return;
    if (fuzzFrameGetProcedure(frame) == REMOTE_PROC_CONNECT_OPEN)
        fuzzOpen(link, frame, pending);
    else if (fuzzFrameGetProcedure(frame) == REMOTE_PROC_CONNECT_CLOSE)
        link->open = false;
}

/* The payload of an answer that says what @how asks for. */
static void
fuzzPutAnswer(fuzzState *state, const fuzzPending *pending, GByteArray *bytes, guint8 how)
{
    static const char *const xmls[] = { fuzzXmlInhibited, fuzzXmlFree, fuzzXmlDoubtful,
                                        fuzzXmlWarn };
    static const char *const replies[] = {
        "{\"return\":[]}",
        "{\"return\":[{\"name\":\"hostdev0\",\"type\":\"child<vfio-pci>\"}]}",
        "{\"return\":true}",
        "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}",
    };
    bool remote = pending->words[1] == REMOTE_PROGRAM;

    if (remote && pending->words[3] == REMOTE_PROC_CONNECT_GET_TYPE) {
        bool test = state->honest ? pending->test : how & 1;

        fuzzPutString(bytes, test ? "Test" : "QEMU");
    } else if (remote && (pending->words[3] == REMOTE_PROC_DOMAIN_GET_XML_DESC ||
                          pending->words[3] == REMOTE_PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC)) {
        fuzzPutString(bytes, xmls[state->honest ? 0 : how % G_N_ELEMENTS(xmls)]);
    } else if (remote && pending->words[3] == REMOTE_PROC_DOMAIN_IS_PERSISTENT) {
        fuzzPutWord(bytes, state->honest ? 1 : how & 1);
    } else if (remote && pending->words[3] == REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE) {
        fuzzPutWord(bytes, how & 1);
    } else if (remote && pending->words[3] == REMOTE_PROC_DOMAIN_GET_MESSAGES) {
        fuzzPutWord(bytes, how & 1);
        if (how & 1)
            fuzzPutString(bytes, "tainted: custom monitor control commands issued");
    } else if (pending->words[1] == QEMU_PROGRAM) {
        fuzzPutString(bytes, replies[how % G_N_ELEMENTS(replies)]);
    }
}

/* What is to become of the next reply to the call @pending. */
static fuzzDuty
fuzzGetDuty(const fuzzLink *link, const fuzzPending *pending)
{
    if (link->client.raw)
        return pending->words[5] >= 0xf0000000u ? FUZZ_MAY_ARRIVE : FUZZ_MUST_ARRIVE;
    return pending->question && pending->first ? FUZZ_MUST_NOT_ARRIVE : FUZZ_MUST_ARRIVE;
}

/* libvirtd answers a call. In bits: 0-1 how well, 2 as if it were another procedure, 3 and it may
 * do so again, 4-7 what it says. */
static void
fuzzAnswer(fuzzState *state, fuzzLink *link, guint index, guint8 how)
{
    fuzzPending *pending = g_ptr_array_index(link->pending, index);
    bool question = fuzzIsQuestion(pending->words[1], pending->words[3]);
    guint32 status = how & 3 ? VB_FRAME_OK : VB_FRAME_ERROR;
    guint32 type = how % 8 == 7 ? VB_FRAME_REPLY_WITH_FDS : VB_FRAME_REPLY;
    bool isOpen = pending->words[1] == REMOTE_PROGRAM && pending->words[2] == 1 &&
        pending->words[3] == REMOTE_PROC_CONNECT_OPEN;
    fuzzFrame *frame;

    if (isOpen)
        status = (guint32)pending->status;
    frame = fuzzFrameNew(pending->words[1], pending->words[3], type, pending->words[5], status);
    fuzzSetWord(frame->bytes, 8, pending->words[2]);
    frame->duty = fuzzGetDuty(link, pending);

    if (status == VB_FRAME_ERROR) {
        static const gint32 codes[] = { VIR_ERR_INTERNAL_ERROR, VIR_ERR_RPC, VIR_ERR_NO_DOMAIN,
                                        VIR_ERR_OPERATION_INVALID };
        /* The last two make calls pass, for libvirtd to refuse them. */
        guint8 which = state->honest ? how >> 4 & 1 : how >> 4 & 3;

        fuzzPutWord(frame->bytes, (guint32)codes[which]);
        fuzzPutWord(frame->bytes, VIR_FROM_DOMAIN);
        fuzzPutWord(frame->bytes, 0);
    } else if (question && (how & 3) != 2) {
        fuzzPutAnswer(state, pending, frame->bytes, how >> 4);
    }
    /* Behind an answer anything may stand; it makes each one different. */
    fuzzPutWord(frame->bytes, 0xabcdef00u);
    fuzzPutWord(frame->bytes, state->counter++);
    fuzzPeerSend(&link->upstream, frame, how >> 4 & 3);

    /* A second reply to a call of the client's in our range could be one to a question of ours that
     * has taken the serial since; libvirtd gives none. */
    pending->first = false;
    if (!(how & 8) || isOpen || (!pending->question && pending->words[5] >= 0xf0000000u))
        g_ptr_array_remove_index(link->pending, index);
}

/* The client has got @frame. */
static void
fuzzClientGot(fuzzLink *link, const fuzzFrame *frame)
{
    fuzzPeer *upstream = &link->upstream;
    fuzzPeer *client = &link->client;
    guint i;

    for (i = upstream->next; i < upstream->sent->len; i++) {
        const fuzzFrame *sent = g_ptr_array_index(upstream->sent, i);

        if (sent->duty != FUZZ_MUST_NOT_ARRIVE &&
            fuzzFramesAreEqual(frame, sent, sent->bytes->len)) {
            upstream->next = i + 1;
            return;
        }
        if (sent->duty == FUZZ_MUST_ARRIVE)
            break;
    }
    if (upstream->raw)
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
fuzzPutDomain(fuzzState *state, GByteArray *bytes, guint8 domain)
{
    guint8 uuid[16];

    memset(uuid, domain & 1, sizeof(uuid));
    fuzzPutString(bytes, "guest");
    g_byte_array_append(bytes, uuid, sizeof(uuid));
    fuzzPutWord(bytes, state->counter++); /* its id, which nobody looks at */
}

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
    static const guint32 sizes[] = { FUZZ_CURRENT / 2, FUZZ_CURRENT, 1, 0 };
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
        fuzzPutDomain(state, frame->bytes, kind >> 3);
        fuzzPutWord(frame->bytes, 0);
        fuzzPutWord(frame->bytes, sizes[kind >> 4 & 3]);
        fuzzPutWord(frame->bytes, kind >> 6);
        frame->args = frame->bytes->len;
        break;
    case 2:
        frame = fuzzFrameNew(REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SET_MEMORY, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3);
        fuzzPutWord(frame->bytes, 0);
        fuzzPutWord(frame->bytes, sizes[kind >> 4 & 3]);
        frame->args = frame->bytes->len;
        break;
    case 3:
        frame = fuzzFrameNew(QEMU_PROGRAM, QEMU_PROC_DOMAIN_MONITOR_COMMAND, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3);
        fuzzPutString(frame->bytes, kind & 16 ? fuzzBalloonHmp : fuzzBalloonQmp);
        fuzzPutWord(frame->bytes, kind >> 4 & 1);
        frame->args = frame->bytes->len;
        break;
    case 4:
        frame = fuzzFrameNew(REMOTE_PROGRAM, others[which].procedure, type, serial, 0);
        fuzzPutDomain(state, frame->bytes, kind >> 3);
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

            CHECK(sent->duty == FUZZ_MUST_NOT_ARRIVE);
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
    vbEpollFree(state.shared.epoll);

    after = fcntl(STDERR_FILENO, F_DUPFD, 0);
    CHECK(after == lowest);
    close(after);
    return 0;
}
