/*
 * fuzz_frame.c: any bytes, cut anywhere, routed anyhow
 *
 * Input: a byte N, N bytes of script, then the stream.  The script says where reads end, whether a
 * byte for a descriptor has one, and what becomes of each message.  A second, simple parser that
 * sees the whole stream at once says what is to come out: every byte that was accepted, in its
 * place, once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "frame.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

typedef struct {
    size_t start;
    size_t headerEnd;
    size_t payloadEnd;
    size_t end; /* behind the descriptors */
    guint32 nfds;
} fuzzMessage;

typedef struct {
    const guint8 *script;
    size_t scriptLength;
    size_t scriptAt;

    const guint8 *stream;
    size_t length;
    GArray *messages;   /* of fuzzMessage: the whole headers in the stream */
    bool broken;        /* behind them comes no header */
    size_t brokenAt;    /* the byte that shows it */

    vbFrameReader *reader;
    size_t chunkEnd;
    size_t fed;         /* bytes that the reader took */
    guint routed;       /* messages */
    guint done;         /* messages */
    guint8 route;       /* what the script says about the current message */
    guint holds;        /* how often it was held */
    size_t wanted;
    size_t at;          /* in the stream: everything in front of it has come out */
    guint fdsSeen;      /* of the current message */
    int fds[VB_FRAME_FDS_MAX];
} fuzzState;

static guint8
fuzzNext(fuzzState *state)
{
    if (state->scriptLength == 0)
        return 0;
    return state->script[state->scriptAt++ % state->scriptLength];
}

static guint32
fuzzGetWord(const guint8 *bytes)
{
    return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static void
fuzzParse(fuzzState *state)
{
    size_t at = 0;

    while (state->length - at >= 4) {
        const guint8 *bytes = state->stream + at;
        fuzzMessage message = { .start = at, .headerEnd = at + 28 };
        guint32 length = fuzzGetWord(bytes);
        guint32 type;

        state->broken = length < 28 || length > 33554436;
        state->brokenAt = at + 4;
        if (state->broken || state->length - at < 28)
            return;
        type = fuzzGetWord(bytes + 16);
        if (type == 4 || type == 5) {
            state->broken = length < 32;
            state->brokenAt = at + 28;
            if (state->broken || state->length - at < 32)
                return;
            message.nfds = fuzzGetWord(bytes + 28);
            message.headerEnd = at + 32;
            state->broken = message.nfds > 32;
            state->brokenAt = at + 32;
            if (state->broken)
                return;
        }
        message.payloadEnd = at + length;
        message.end = at + length + message.nfds;
        g_array_append_val(state->messages, message);
        at = message.end;
        if (at > state->length)
            return;
    }
}

static fuzzMessage *
fuzzGetMessage(fuzzState *state, guint i)
{
    CHECK(i < state->messages->len);
    return &g_array_index(state->messages, fuzzMessage, i);
}

/* A byte that carries a descriptor is written anew, whatever it was. */
static void
fuzzOut(fuzzState *state, const guint8 *bytes, size_t length)
{
    CHECK(length <= state->length - state->at);
    CHECK(length == 0 || memcmp(bytes, state->stream + state->at, length) == 0);
    state->at += length;
}

static void
fuzzCheckHeader(fuzzState *state, const vbFrameHeader *header, guint i)
{
    const fuzzMessage *message = fuzzGetMessage(state, i);
    guint8 raw[32];

    CHECK(vbFrameHeaderGetSize(header) == message->headerEnd - message->start);
    vbFrameHeaderWrite(header, raw);
    CHECK(memcmp(raw, state->stream + message->start, vbFrameHeaderGetSize(header)) == 0);
    CHECK(header->nfds == message->nfds);
}

static vbFrameRoute
fuzzRoute(const vbFrameHeader *header, size_t available, gpointer opaque)
{
    fuzzState *state = opaque;
    const fuzzMessage *message = fuzzGetMessage(state, state->routed);

    CHECK(state->routed == state->done);
    CHECK(message->headerEnd + available == state->chunkEnd);
    CHECK(vbFrameReaderIsBetween(state->reader));
    fuzzCheckHeader(state, header, state->routed);

    if (state->holds == 0)
        state->route = fuzzNext(state);
    if (state->holds < (state->route >> 1 & 3)) {
        state->holds++;
        return VB_FRAME_ROUTE_HOLD;
    }
    state->holds = 0;
    state->routed++;
    state->wanted = 0;
    state->fdsSeen = 0;
    return state->route & 1 ? VB_FRAME_ROUTE_CAPTURE : VB_FRAME_ROUTE_PASS;
}

/* All, nothing, a few bytes, or a growing number. */
static size_t
fuzzWant(const vbFrameHeader *header, const guint8 *payload, size_t have, gpointer opaque)
{
    fuzzState *state = opaque;
    const fuzzMessage *message = fuzzGetMessage(state, state->routed - 1);
    size_t few = state->route >> 5;

    fuzzCheckHeader(state, header, state->routed - 1);
    CHECK(have == state->wanted);
    CHECK(have == 0 || memcmp(payload, state->stream + message->headerEnd, have) == 0);
    switch (state->route >> 3 & 3) {
    case 0:
        state->wanted = G_MAXSIZE;
        break;
    case 1:
        break;
    case 2:
        state->wanted = MAX(have, few);
        break;
    default:
        if (have < few * 100)
            state->wanted += few;
        break;
    }
    return state->wanted;
}

static void
fuzzPass(const guint8 *bytes, size_t length, gpointer opaque)
{
    CHECK(length > 0);
    fuzzOut(opaque, bytes, length);
}

static void
fuzzPassFd(int fd, gpointer opaque)
{
    fuzzState *state = opaque;
    const fuzzMessage *message = fuzzGetMessage(state, state->routed - 1);

    CHECK(state->at == message->payloadEnd + state->fdsSeen);
    CHECK(state->fdsSeen < message->nfds);
    CHECK(fd == state->fds[state->fdsSeen]);
    state->fdsSeen++;
    state->at++;
    close(fd);
}

static void
fuzzPassed(const vbFrameHeader *header, gpointer opaque)
{
    fuzzState *state = opaque;

    CHECK(vbFrameReaderIsBetween(state->reader));
    CHECK(state->done + 1 == state->routed);
    CHECK(!(state->route & 1));
    fuzzCheckHeader(state, header, state->done);
    if (state->route & 8) {
        vbFrameReaderFlush(state->reader);
        CHECK(state->at == fuzzGetMessage(state, state->done)->end);
    }
    state->done++;
}

static void
fuzzCaptured(vbFrame *frame, gpointer opaque)
{
    fuzzState *state = opaque;
    const fuzzMessage *message = fuzzGetMessage(state, state->done);
    size_t payload = message->payloadEnd - message->headerEnd;
    guint32 i;

    CHECK(vbFrameReaderIsBetween(state->reader));
    CHECK(state->done + 1 == state->routed);
    CHECK(state->route & 1);
    CHECK(state->at == message->start);
    fuzzCheckHeader(state, &frame->header, state->done);
    CHECK(frame->payloadLength == MIN(payload, state->wanted));
    CHECK(!frame->payload == (frame->payloadLength == 0));
    state->at = message->headerEnd;
    fuzzOut(state, frame->payload, frame->payloadLength);
    state->at = message->end;
    for (i = 0; i < message->nfds; i++)
        CHECK(frame->fds[i] == state->fds[i]);
    vbFrameFree(frame);
    for (i = 0; i < message->nfds; i++)
        CHECK(fcntl(state->fds[i], F_GETFD) < 0);
    state->done++;
}

static const vbFrameReaderOps fuzzOps = {
    .route = fuzzRoute,
    .want = fuzzWant,
    .pass = fuzzPass,
    .passFd = fuzzPassFd,
    .passed = fuzzPassed,
    .captured = fuzzCaptured,
};

/* The number of the descriptor that the byte at @at carries in its message, or -1. */
static int
fuzzGetFdIndex(fuzzState *state, size_t at)
{
    guint i;

    for (i = state->done; i < state->messages->len; i++) {
        const fuzzMessage *message = fuzzGetMessage(state, i);

        if (at < message->payloadEnd)
            return -1;
        if (at < message->end)
            return (int)(at - message->payloadEnd);
    }
    return -1;
}

/* One read: up to where the script or a descriptor ends it. Returns false at an error. */
static bool
fuzzFeedChunk(fuzzState *state)
{
    guint8 step = fuzzNext(state);
    size_t start = state->fed;
    size_t end = step == 0 ? state->length : MIN(state->length, start + (step & 0x7f) + 1);
    vbFrameReaderResult result;
    int fd = -1;
    bool mustFail = false;
    size_t at;

    for (at = start; at < end; at++) {
        int number = fuzzGetFdIndex(state, at);

        if (number < 0)
            continue;
        end = at + 1;
        if (step == 0xff) {
            mustFail = true;
            break;
        }
        fd = fcntl(STDERR_FILENO, F_DUPFD, 0);
        CHECK(fd >= 0);
        state->fds[number] = fd;
        break;
    }
    state->chunkEnd = end;
    mustFail = mustFail || (state->broken && end >= state->brokenAt);

    do {
        g_autofree guint8 *chunk = g_malloc(MAX(end - start, 1));
        size_t consumed = G_MAXSIZE;

        if (end > start)
            memcpy(chunk, state->stream + start, end - start);
        result = vbFrameReaderFeed(state->reader, chunk, end - start, &fd, &consumed);
        CHECK(consumed <= end - start);
        start += consumed;
        if (result == VB_FRAME_READER_HELD)
            CHECK(start == fuzzGetMessage(state, state->routed)->headerEnd);
    } while (result == VB_FRAME_READER_HELD);

    state->fed = start;
    CHECK((result == VB_FRAME_READER_ERROR) == mustFail);
    CHECK(mustFail || (start == end && fd == -1));
    if (fd >= 0)
        close(fd);
    return !mustFail;
}

/* What was taken and did not come out is a half header or a half captured message. */
static void
fuzzCheckEnd(fuzzState *state)
{
    bool inside = state->routed > state->done;

    if (inside && !(state->route & 1)) {
        CHECK(!vbFrameReaderIsBetween(state->reader));
        CHECK(state->at == state->fed);
        return;
    }
    CHECK(vbFrameReaderIsBetween(state->reader));
    CHECK(state->at == (state->done > 0 ? fuzzGetMessage(state, state->done - 1)->end : 0));
    CHECK(inside || state->done == state->messages->len);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    fuzzState state = { 0 };
    int lowest = fcntl(STDERR_FILENO, F_DUPFD, 0);
    int after;
    bool ok = true;

    close(lowest);
    if (size > 0) {
        state.scriptLength = MIN(data[0], size - 1);
        state.script = data + 1;
        state.stream = data + 1 + state.scriptLength;
        state.length = size - 1 - state.scriptLength;
    }
    state.messages = g_array_new(FALSE, FALSE, sizeof(fuzzMessage));
    state.reader = vbFrameReaderNew(&fuzzOps, &state);
    fuzzParse(&state);

    while (ok && state.fed < state.length)
        ok = fuzzFeedChunk(&state);
    if (ok)
        fuzzCheckEnd(&state);

    vbFrameReaderFree(state.reader);
    g_array_unref(state.messages);

    /* No descriptor is left open. */
    after = fcntl(STDERR_FILENO, F_DUPFD, 0);
    CHECK(after == lowest);
    close(after);
    return 0;
}
