/*
 * fuzz_peer.h: the two ends that a relay lies between, and the messages that they exchange
 *
 * A peer writes as much at a time as it is told to, keeps what it has sent to be held against what
 * arrives, and reads as libvirt does.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frame.h"
#include "fuzz.h"
#include "remote_protocol.h"

typedef enum {
    FUZZ_MUST_ARRIVE,
    FUZZ_MAY_ARRIVE,
    FUZZ_MUST_NOT_ARRIVE,
} fuzzDuty;

/* What a call with XML of ours asks for */
typedef enum {
    FUZZ_FORM_NONE,
    FUZZ_FORM_DEFINE,  /* a policy of a domain that is defined */
    FUZZ_FORM_OPT_OUT, /* a device that is opted out: a definition of its domain */
    FUZZ_FORM_CUT,     /* the same, or no more than a device where libvirt refuses that anyway */
    FUZZ_FORM_UPDATE,  /* another policy: metadata */
} fuzzForm;

/* A message on its way, or one that came. */
typedef struct {
    GByteArray *bytes;
    size_t args;       /* of a call that may be judged: bytes without padding; else 0 */
    fuzzDuty duty;
    bool arrived;
    bool answered;     /* of a call that may be judged: by the relay */
    fuzzForm form;     /* of a call: what of it may arrive in the form that libvirt stores */
    GByteArray *other; /* of a reply, or NULL: what it may arrive as instead */
    bool replaced;     /* and that it must */
    size_t word;       /* of a reply, or 0: where the word is that counts what it has */
    size_t at;         /* and where more of that may be put in */
    size_t tail;       /* and how much of it must follow */
    bool late;         /* of a reply: others may overtake it */
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

/* XDR. */

static inline void
fuzzPutWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

static inline void
fuzzPutZeros(GByteArray *bytes, size_t count)
{
    guint before = bytes->len;

    g_byte_array_set_size(bytes, (guint)(before + count));
    memset(bytes->data + before, 0, count);
}

static inline void
fuzzPutString(GByteArray *bytes, const char *text)
{
    size_t length = strlen(text);

    fuzzPutWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    fuzzPutZeros(bytes, (4 - length % 4) % 4);
}

static inline guint32
fuzzGetWord(const GByteArray *bytes, size_t at)
{
    guint32 wire;

    CHECK(at + sizeof(wire) <= bytes->len);
    memcpy(&wire, bytes->data + at, sizeof(wire));
    return GUINT32_FROM_BE(wire);
}

static inline void
fuzzSetWord(GByteArray *bytes, size_t at, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    memcpy(bytes->data + at, &wire, sizeof(wire));
}

/* A walk over arguments. Returns false where they are too short. */
static inline bool
fuzzSkip(const GByteArray *bytes, size_t *at, size_t count)
{
    if (bytes->len - *at < count)
        return false;
    *at += count;
    return true;
}

/* @text: (out) (optional): (transfer full) */
static inline bool
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

static inline fuzzFrame *
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

static inline void
fuzzFrameFree(fuzzFrame *frame)
{
    if (!frame)
        return;
    g_byte_array_unref(frame->bytes);
    g_clear_pointer(&frame->other, g_byte_array_unref);
    g_free(frame);
}

static inline guint32
fuzzFrameGetProgram(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 4);
}

static inline guint32
fuzzFrameGetProcedure(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 12);
}

static inline guint32
fuzzFrameGetType(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 16);
}

static inline guint32
fuzzFrameGetSerial(const fuzzFrame *frame)
{
    return fuzzGetWord(frame->bytes, 20);
}

static inline size_t
fuzzFrameGetHeaderSize(const fuzzFrame *frame)
{
    guint32 type = fuzzFrameGetType(frame);

    return type == VB_FRAME_CALL_WITH_FDS || type == VB_FRAME_REPLY_WITH_FDS ? 32 : 28;
}

static inline bool
fuzzFrameIsCall(const fuzzFrame *frame)
{
    guint32 type = fuzzFrameGetType(frame);

    return type == VB_FRAME_CALL || type == VB_FRAME_CALL_WITH_FDS;
}

/* Whether a reply to the one is a reply to the other. */
static inline bool
fuzzFrameIsSameCall(const fuzzFrame *frame, const fuzzFrame *other)
{
    return memcmp(frame->bytes->data + 4, other->bytes->data + 4, 12) == 0 &&
        fuzzFrameGetSerial(frame) == fuzzFrameGetSerial(other);
}

static inline bool
fuzzFramesHaveSameFds(const fuzzFrame *frame, const fuzzFrame *other)
{
    return frame->nfds == other->nfds &&
        memcmp(frame->inodes, other->inodes, frame->nfds * sizeof(ino_t)) == 0;
}

/* Whether the two are the same in the first @length bytes, but for the word that says how many
 * there are, and in their descriptors. */
static inline bool
fuzzFramesAreEqual(const fuzzFrame *frame, const fuzzFrame *other, size_t length)
{
    return frame->bytes->len == length && length <= other->bytes->len &&
        memcmp(frame->bytes->data + 4, other->bytes->data + 4, length - 4) == 0 &&
        fuzzFramesHaveSameFds(frame, other);
}

/* Peers. */

static inline void
fuzzItemFree(fuzzItem *item)
{
    if (item->bytes)
        g_byte_array_unref(item->bytes);
    else
        close(item->fd);
    g_free(item);
}

static inline void
fuzzPeerQueueBytes(fuzzPeer *peer, const guint8 *bytes, size_t length)
{
    fuzzItem *item = g_new0(fuzzItem, 1);

    item->bytes = g_byte_array_new();
    g_byte_array_append(item->bytes, bytes, (guint)length);
    g_queue_push_tail(&peer->out, item);
}

/* Takes @frame, and gives it @nfds descriptors. */
static inline void
fuzzPeerSend(fuzzPeer *peer, fuzzFrame *frame, guint nfds)
{
    guint i;

    if (peer->fd < 0) {
        fuzzFrameFree(frame);
        return;
    }
    if (fuzzFrameGetHeaderSize(frame) > 28) {
        fuzzSetWord(frame->bytes, 28, nfds);
        if (frame->other)
            fuzzSetWord(frame->other, 28, nfds);
    }
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

static inline void
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
static inline size_t
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
static inline bool
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
