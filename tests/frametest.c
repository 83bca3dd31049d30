/*
 * frametest.c: libvirt's messages taken off a stream, however their bytes arrive
 *
 * The streams are put together here word by word, without the code under test.  What comes out of
 * the reader is written down as bytes and as a list of events, and both are compared with what was
 * written down while the stream was made.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "frame.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "testfd.h"

#define TEST_PROGRAM 0x20008086u
#define TEST_FDS 64u /* different descriptors; then they start again */

/* A message and what is to become of it. */
typedef struct {
    guint32 type;
    guint32 nfds;
    guint32 payload;
    vbFrameRoute route;
} testMessage;

typedef struct {
    const testMessage *messages;
    guint count;
    GByteArray *bytes;   /* as they are on the wire */
    GArray *fds;         /* of guint: where the bytes that carry a descriptor lie */
    guint *headerEnds;   /* one for each message */

    /* What is to come of them. */
    GByteArray *out;
    GString *events;
} testStream;

typedef struct {
    const testStream *stream;
    vbFrameReader *reader;
    guint *holds;        /* how often each message is still to be held */
    bool keepFlush;      /* leave it to the reader when bytes are handed on */
    guint passes;        /* calls of pass() */
    size_t chunkEnd;     /* where what was fed last ends in the stream */
    GByteArray *out;
    GString *events;
} testSink;

static bool
testHasFds(guint32 type)
{
    return type == VB_FRAME_CALL_WITH_FDS || type == VB_FRAME_REPLY_WITH_FDS;
}

static void
testPutWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

static guint8
testPayloadByte(guint32 serial, guint32 i)
{
    return (guint8)(serial * 31 + i * 7 + 1);
}

/* A descriptor whose number among TEST_FDS can be read off it: the size of its file. */
static int
testFdDup(guint id)
{
    static int fds[TEST_FDS];
    int fd;

    id %= TEST_FDS;
    if (fds[id] == 0) {
        fds[id] = testFdNew(id);
        g_assert_cmpint(fds[id], >, 0);
    }
    fd = fcntl(fds[id], F_DUPFD_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
testEventPassed(GString *events, guint32 serial, size_t at)
{
    g_string_append_printf(events, "passed %u at %zu\n", serial, at);
}

static void
testEventFd(GString *events, guint id, size_t at)
{
    g_string_append_printf(events, "fd %u at %zu\n", id, at);
}

static void
testEventCaptured(GString *events, guint32 serial, size_t at, guint32 length,
                  const guint8 *payload, size_t payloadLength)
{
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA1, payload, payloadLength);

    g_string_append_printf(events, "captured %u at %zu length %u payload %zu %s\n", serial, at,
                           length, payloadLength, sum);
}

static testStream *
testStreamNew(const testMessage *messages, guint count)
{
    testStream *stream = g_new0(testStream, 1);
    guint nextFd = 0;
    guint32 serial;

    stream->messages = messages;
    stream->count = count;
    stream->bytes = g_byte_array_new();
    stream->fds = g_array_new(FALSE, FALSE, sizeof(guint));
    stream->headerEnds = g_new0(guint, count);
    stream->out = g_byte_array_new();
    stream->events = g_string_new(NULL);

    for (serial = 0; serial < count; serial++) {
        const testMessage *message = &messages[serial];
        bool captured = message->route == VB_FRAME_ROUTE_CAPTURE;
        guint32 size = testHasFds(message->type) ? 32 : 28;
        guint start = stream->bytes->len;
        guint end;
        guint32 i;

        testPutWord(stream->bytes, size + message->payload);
        testPutWord(stream->bytes, TEST_PROGRAM + serial);
        testPutWord(stream->bytes, 1);
        testPutWord(stream->bytes, 0x80000000u + serial); /* a procedure is signed */
        testPutWord(stream->bytes, message->type);
        testPutWord(stream->bytes, serial);
        testPutWord(stream->bytes, VB_FRAME_CONTINUE);
        if (testHasFds(message->type))
            testPutWord(stream->bytes, message->nfds);
        stream->headerEnds[serial] = stream->bytes->len;
        for (i = 0; i < message->payload; i++) {
            guint8 byte = testPayloadByte(serial, i);

            g_byte_array_append(stream->bytes, &byte, 1);
        }
        end = stream->bytes->len;

        if (!captured)
            g_byte_array_append(stream->out, stream->bytes->data + start, end - start);
        else
            testEventCaptured(stream->events, serial, stream->out->len, size + message->payload,
                              stream->bytes->data + end - message->payload, message->payload);
        for (i = 0; i < message->nfds; i++, nextFd++) {
            testEventFd(stream->events, nextFd % TEST_FDS, stream->out->len);
            g_array_append_val(stream->fds, stream->bytes->len);
            g_byte_array_append(stream->bytes, (const guint8 *)"", 1);
            if (!captured)
                g_byte_array_append(stream->out, (const guint8 *)"", 1);
        }
        if (!captured)
            testEventPassed(stream->events, serial, stream->out->len);
    }
    return stream;
}

static void
testStreamFree(testStream *stream)
{
    g_byte_array_unref(stream->bytes);
    g_array_unref(stream->fds);
    g_free(stream->headerEnds);
    g_byte_array_unref(stream->out);
    g_string_free(stream->events, TRUE);
    g_free(stream);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(testStream, testStreamFree)

static vbFrameRoute
testSinkRoute(const vbFrameHeader *header, size_t available, gpointer opaque)
{
    testSink *sink = opaque;
    const testMessage *message;

    g_assert_cmpuint(header->serial, <, sink->stream->count);
    message = &sink->stream->messages[header->serial];
    g_assert_cmpuint(header->length, ==,
                     (testHasFds(message->type) ? 32 : 28) + message->payload);
    g_assert_cmpuint(header->program, ==, TEST_PROGRAM + header->serial);
    g_assert_cmpuint(header->version, ==, 1);
    g_assert_cmpint(header->procedure, ==, G_MININT32 + (gint32)header->serial);
    g_assert_cmpuint(header->type, ==, message->type);
    g_assert_cmpuint(header->status, ==, VB_FRAME_CONTINUE);
    g_assert_cmpuint(header->nfds, ==, message->nfds);
    g_assert_cmpuint(sink->stream->headerEnds[header->serial] + available, ==, sink->chunkEnd);
    g_assert_true(vbFrameReaderIsBetween(sink->reader));

    if (sink->holds[header->serial] > 0) {
        sink->holds[header->serial]--;
        return VB_FRAME_ROUTE_HOLD;
    }
    return message->route;
}

static size_t
testSinkWant(const vbFrameHeader *header, const guint8 *payload G_GNUC_UNUSED,
             size_t have G_GNUC_UNUSED, gpointer opaque G_GNUC_UNUSED)
{
    return header->length;
}

static void
testSinkPass(const guint8 *bytes, size_t length, gpointer opaque)
{
    testSink *sink = opaque;

    g_assert_cmpuint(length, >, 0);
    sink->passes++;
    g_byte_array_append(sink->out, bytes, (guint)length);
}

static void
testSinkPassFd(int fd, gpointer opaque)
{
    testSink *sink = opaque;

    testEventFd(sink->events, testFdGetId(fd), sink->out->len);
    g_byte_array_append(sink->out, (const guint8 *)"", 1);
    close(fd);
}

static void
testSinkPassed(const vbFrameHeader *header, gpointer opaque)
{
    testSink *sink = opaque;

    g_assert_true(vbFrameReaderIsBetween(sink->reader));
    if (sink->keepFlush)
        return;
    vbFrameReaderFlush(sink->reader);
    testEventPassed(sink->events, header->serial, sink->out->len);
}

static void
testSinkCaptured(vbFrame *frame, gpointer opaque)
{
    testSink *sink = opaque;
    guint32 i;

    g_assert_true(vbFrameReaderIsBetween(sink->reader));
    testEventCaptured(sink->events, frame->header.serial, sink->out->len, frame->header.length,
                      frame->payload, frame->payloadLength);
    for (i = 0; i < frame->header.nfds; i++)
        testEventFd(sink->events, testFdGetId(frame->fds[i]), sink->out->len);
    vbFrameFree(frame);
}

static const vbFrameReaderOps testSinkOps = {
    .route = testSinkRoute,
    .want = testSinkWant,
    .pass = testSinkPass,
    .passFd = testSinkPassFd,
    .passed = testSinkPassed,
    .captured = testSinkCaptured,
};

static void
testSinkInit(testSink *sink, const testStream *stream)
{
    memset(sink, 0, sizeof(*sink));
    sink->stream = stream;
    sink->reader = vbFrameReaderNew(&testSinkOps, sink);
    sink->holds = g_new0(guint, stream->count);
    sink->out = g_byte_array_new();
    sink->events = g_string_new(NULL);
}

static void
testSinkClear(testSink *sink)
{
    vbFrameReaderFree(sink->reader);
    g_free(sink->holds);
    g_byte_array_unref(sink->out);
    g_string_free(sink->events, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(testSink, testSinkClear)

/* Feeds what one read brought, and feeds it on for as long as a message is held.  Nothing that was
 * read earlier lies around it. */
static void
testSinkFeedChunk(testSink *sink, size_t start, size_t end, int fd)
{
    const testStream *stream = sink->stream;

    sink->chunkEnd = end;
    for (;;) {
        g_autofree guint8 *chunk = g_malloc(MAX(end - start, 1));
        size_t consumed = G_MAXSIZE;
        vbFrameReaderResult result;

        memcpy(chunk, stream->bytes->data + start, end - start);
        result = vbFrameReaderFeed(sink->reader, chunk, end - start, &fd, &consumed);
        start += consumed;
        if (result == VB_FRAME_READER_MORE)
            break;
        g_assert_cmpint(result, ==, VB_FRAME_READER_HELD);
        g_assert_true(vbFrameReaderIsBetween(sink->reader));
    }
    g_assert_cmpuint(start, ==, end);
    g_assert_cmpint(fd, ==, -1);
}

/* Feeds the whole stream in reads that end at the @splits, in rising order, and where the kernel
 * ends them: behind a byte that carries a descriptor. */
static void
testSinkFeed(testSink *sink, const size_t *splits, size_t nsplits)
{
    const testStream *stream = sink->stream;
    size_t start = 0;
    guint nextFd = 0;

    while (start < stream->bytes->len) {
        size_t end = stream->bytes->len;
        int fd = -1;

        while (nsplits > 0 && *splits <= start) {
            splits++;
            nsplits--;
        }
        if (nsplits > 0)
            end = MIN(end, *splits);
        if (nextFd < stream->fds->len) {
            size_t at = g_array_index(stream->fds, guint, nextFd);

            if (at < end) {
                end = at + 1;
                fd = testFdDup(nextFd++);
            }
        }
        testSinkFeedChunk(sink, start, end, fd);
        start = end;
    }
}

static void
testSinkCheck(const testSink *sink)
{
    g_assert_cmpmem(sink->out->data, sink->out->len, sink->stream->out->data,
                    sink->stream->out->len);
    g_assert_cmpstr(sink->events->str, ==, sink->stream->events->str);
    g_assert_true(vbFrameReaderIsBetween(sink->reader));
}

static void
testFeedAndCheck(const testStream *stream, const size_t *splits, size_t nsplits)
{
    g_auto(testSink) sink = { 0 };

    testSinkInit(&sink, stream);
    testSinkFeed(&sink, splits, nsplits);
    testSinkCheck(&sink);
}

/* The ends of reads of @size bytes each. */
static size_t *
testSplitsEvery(const testStream *stream, size_t size, size_t *nsplits)
{
    size_t *splits = g_new(size_t, stream->bytes->len / size);
    size_t i;

    *nsplits = stream->bytes->len / size;
    for (i = 0; i < *nsplits; i++)
        splits[i] = (i + 1) * size;
    return splits;
}

/* Something of everything, passed and captured in turn. */
static const testMessage testMixed[] = {
    { VB_FRAME_CALL, 0, 20, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL, 0, 20, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_REPLY, 0, 0, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_REPLY, 0, 0, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_CALL_WITH_FDS, 0, 12, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL_WITH_FDS, 0, 12, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_CALL_WITH_FDS, 1, 8, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL_WITH_FDS, 1, 8, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_REPLY_WITH_FDS, 3, 0, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_REPLY_WITH_FDS, 3, 0, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_STREAM, 0, 300, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_STREAM, 0, 300, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_STREAM, 0, 0, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_STREAM_HOLE, 0, 12, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL_WITH_FDS, 32, 4, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL_WITH_FDS, 32, 4, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_MESSAGE, 0, 0, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_MESSAGE, 0, 0, VB_FRAME_ROUTE_PASS },
    { 9, 0, 5, VB_FRAME_ROUTE_PASS },
    { 0xffffffffu, 0, 5, VB_FRAME_ROUTE_CAPTURE },
};

/* Short enough for every pair of splits. */
static const testMessage testShort[] = {
    { VB_FRAME_CALL, 0, 4, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL_WITH_FDS, 2, 4, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_REPLY_WITH_FDS, 1, 0, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_MESSAGE, 0, 0, VB_FRAME_ROUTE_CAPTURE },
    { VB_FRAME_STREAM, 0, 3, VB_FRAME_ROUTE_PASS },
};

static const testMessage testPassedOnly[] = {
    { VB_FRAME_CALL, 0, 9, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL, 0, 0, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL_WITH_FDS, 2, 6, VB_FRAME_ROUTE_PASS },
    { VB_FRAME_CALL, 0, 33, VB_FRAME_ROUTE_PASS },
};

static const testMessage testOneCall[] = {
    { VB_FRAME_CALL, 0, 40, VB_FRAME_ROUTE_PASS },
};

static const testMessage testOneCallWithFds[] = {
    { VB_FRAME_CALL_WITH_FDS, 2, 40, VB_FRAME_ROUTE_PASS },
};

/* ---- one stream, many ways to arrive ---- */

static void
testHeaderSplit(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCall, 1);
    size_t split;

    for (split = 1; split < 28; split++)
        testFeedAndCheck(stream, &split, 1);
    g_assert_cmpmem(stream->out->data, stream->out->len, stream->bytes->data, stream->bytes->len);
}

static void
testHeaderWithFdsSplit(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCallWithFds, 1);
    size_t split;

    for (split = 1; split < 32; split++)
        testFeedAndCheck(stream, &split, 1);
    g_assert_cmpmem(stream->out->data, stream->out->len, stream->bytes->data, stream->bytes->len);
}

static void
testMixedWhole(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));

    testFeedAndCheck(stream, NULL, 0);
}

static void
testMixedEverySplit(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    size_t split;

    for (split = 1; split < stream->bytes->len; split++)
        testFeedAndCheck(stream, &split, 1);
}

static void
testMixedByteByByte(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    size_t nsplits;
    g_autofree size_t *splits = testSplitsEvery(stream, 1, &nsplits);

    testFeedAndCheck(stream, splits, nsplits);
}

static void
testMixedEverySize(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    size_t size;

    for (size = 2; size < 400; size++) {
        size_t nsplits;
        g_autofree size_t *splits = testSplitsEvery(stream, size, &nsplits);

        testFeedAndCheck(stream, splits, nsplits);
    }
}

static void
testShortEveryPair(void)
{
    g_autoptr(testStream) stream = testStreamNew(testShort, G_N_ELEMENTS(testShort));
    size_t splits[2];

    for (splits[0] = 1; splits[0] < stream->bytes->len; splits[0]++) {
        for (splits[1] = splits[0] + 1; splits[1] < stream->bytes->len; splits[1]++)
            testFeedAndCheck(stream, splits, 2);
    }
}

static void
testEveryNumberOfFds(void)
{
    testMessage messages[2 * (VB_FRAME_FDS_MAX + 1)];
    g_autoptr(testStream) stream = NULL;
    g_autofree size_t *splits = NULL;
    size_t nsplits;
    guint before;
    guint i;

    for (i = 0; i < G_N_ELEMENTS(messages); i++) {
        messages[i].type = i % 3 == 0 ? VB_FRAME_REPLY_WITH_FDS : VB_FRAME_CALL_WITH_FDS;
        messages[i].nfds = i / 2;
        messages[i].payload = i % 5;
        messages[i].route = i % 2 == 0 ? VB_FRAME_ROUTE_PASS : VB_FRAME_ROUTE_CAPTURE;
    }
    stream = testStreamNew(messages, G_N_ELEMENTS(messages));
    testFeedAndCheck(stream, NULL, 0);

    before = testFdCount();
    splits = testSplitsEvery(stream, 1, &nsplits);
    testFeedAndCheck(stream, splits, nsplits);
    g_assert_cmpuint(testFdCount(), ==, before);
}

/* The byte that carries a descriptor says nothing: libvirt sends 0 and looks at none. */
static void
testFdByteValue(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    guint i;

    for (i = 0; i < stream->fds->len; i++)
        stream->bytes->data[g_array_index(stream->fds, guint, i)] = 0xff;
    testFeedAndCheck(stream, NULL, 0);
}

static void
testFeedNothing(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCall, 1);
    g_auto(testSink) sink = { 0 };
    size_t at;

    testSinkInit(&sink, stream);
    testSinkFeedChunk(&sink, 0, 0, -1);
    for (at = 0; at < stream->bytes->len; at++) {
        testSinkFeedChunk(&sink, at, at + 1, -1);
        testSinkFeedChunk(&sink, at + 1, at + 1, -1);
    }
    testSinkCheck(&sink);
}

/* ---- in as few pieces as possible ---- */

static void
testOnePiece(void)
{
    static const testMessage messages[] = {
        { VB_FRAME_CALL, 0, 9, VB_FRAME_ROUTE_PASS },
        { VB_FRAME_CALL, 0, 0, VB_FRAME_ROUTE_PASS },
        { VB_FRAME_REPLY_WITH_FDS, 0, 6, VB_FRAME_ROUTE_PASS },
        { VB_FRAME_CALL, 0, 33, VB_FRAME_ROUTE_PASS },
    };
    g_autoptr(testStream) stream = testStreamNew(messages, G_N_ELEMENTS(messages));
    g_auto(testSink) sink = { 0 };

    testSinkInit(&sink, stream);
    sink.keepFlush = true;
    testSinkFeed(&sink, NULL, 0);
    g_assert_cmpmem(sink.out->data, sink.out->len, stream->out->data, stream->out->len);
    g_assert_cmpuint(sink.passes, ==, 1);
}

/* What is passed has been handed on before a captured message behind it is. */
static void
testNoFlushNoLoss(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    g_autoptr(GRegex) passed = g_regex_new("passed .*\n", 0, 0, NULL);
    g_autofree char *events = g_regex_replace_literal(passed, stream->events->str, -1, 0, "", 0,
                                                      NULL);
    size_t split;

    for (split = 1; split < stream->bytes->len; split++) {
        g_auto(testSink) sink = { 0 };

        testSinkInit(&sink, stream);
        sink.keepFlush = true;
        testSinkFeed(&sink, &split, 1);
        g_assert_cmpmem(sink.out->data, sink.out->len, stream->out->data, stream->out->len);
        g_assert_cmpstr(sink.events->str, ==, events);
    }
}

/* ---- while a message arrives ---- */

static void
testCutThrough(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCall, 1);
    g_auto(testSink) sink = { 0 };
    size_t at;

    testSinkInit(&sink, stream);
    for (at = 0; at < stream->bytes->len; at++) {
        testSinkFeedChunk(&sink, at, at + 1, -1);
        g_assert_cmpuint(sink.out->len, ==, at + 1 < 28 ? 0 : at + 1);
    }
}

static void
testPassedLast(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCallWithFds, 1);
    g_auto(testSink) sink = { 0 };
    size_t payloadEnd = stream->bytes->len - 2;

    testSinkInit(&sink, stream);
    testSinkFeedChunk(&sink, 0, payloadEnd, -1);
    g_assert_cmpstr(sink.events->str, ==, "");
    g_assert_cmpuint(sink.out->len, ==, payloadEnd);
    testSinkFeedChunk(&sink, payloadEnd, payloadEnd + 1, testFdDup(0));
    g_assert_null(strstr(sink.events->str, "passed"));
    testSinkFeedChunk(&sink, payloadEnd + 1, payloadEnd + 2, testFdDup(1));
    testSinkCheck(&sink);
}

/* ---- writing between two messages ---- */

typedef struct {
    vbFrameReader *reader;
    GByteArray *out;
    guint captured;
} testWriter;

static vbFrameRoute
testWriterRoute(const vbFrameHeader *header G_GNUC_UNUSED, size_t available G_GNUC_UNUSED,
                gpointer opaque G_GNUC_UNUSED)
{
    return VB_FRAME_ROUTE_PASS;
}

static void
testWriterPass(const guint8 *bytes, size_t length, gpointer opaque)
{
    g_byte_array_append(((testWriter *)opaque)->out, bytes, (guint)length);
}

static void
testWriterPassFd(int fd, gpointer opaque)
{
    close(fd);
    g_byte_array_append(((testWriter *)opaque)->out, (const guint8 *)"", 1);
}

static void
testWriterPassed(const vbFrameHeader *header, gpointer opaque)
{
    testWriter *writer = opaque;
    g_autofree char *text = g_strdup_printf("<%u>", header->serial);

    vbFrameReaderFlush(writer->reader);
    g_byte_array_append(writer->out, (const guint8 *)text, (guint)strlen(text));
}

static const vbFrameReaderOps testWriterOps = {
    .route = testWriterRoute,
    .pass = testWriterPass,
    .passFd = testWriterPassFd,
    .passed = testWriterPassed,
};

static void
testWriteBetween(void)
{
    g_autoptr(testStream) stream = testStreamNew(testPassedOnly, G_N_ELEMENTS(testPassedOnly));
    g_autoptr(GByteArray) expected = g_byte_array_new();
    size_t split;
    guint start = 0;
    guint i;

    for (i = 0; i < stream->count; i++) {
        g_autofree char *text = g_strdup_printf("<%u>", i);
        guint end = stream->headerEnds[i] + testPassedOnly[i].payload + testPassedOnly[i].nfds;

        g_byte_array_append(expected, stream->bytes->data + start, end - start);
        g_byte_array_append(expected, (const guint8 *)text, (guint)strlen(text));
        start = end;
    }

    for (split = 1; split < stream->bytes->len; split++) {
        testWriter writer = { .out = g_byte_array_new() };
        g_autoptr(vbFrameReader) reader = vbFrameReaderNew(&testWriterOps, &writer);
        size_t at = 0;
        guint nextFd = 0;

        writer.reader = reader;
        while (at < stream->bytes->len) {
            size_t end = at < split ? split : stream->bytes->len;
            int fd = -1;
            size_t consumed;

            if (nextFd < stream->fds->len && g_array_index(stream->fds, guint, nextFd) < end) {
                end = g_array_index(stream->fds, guint, nextFd) + 1;
                fd = testFdDup(nextFd++);
            }
            g_assert_cmpint(vbFrameReaderFeed(reader, stream->bytes->data + at, end - at, &fd,
                                              &consumed), ==, VB_FRAME_READER_MORE);
            at = end;
        }
        g_assert_cmpmem(writer.out->data, writer.out->len, expected->data, expected->len);
        g_byte_array_unref(writer.out);
    }
}

/* ---- held messages ---- */

/* What is in front of the held message is on its way, and nothing of the held one. */
static void
testHoldStops(void)
{
    g_autoptr(testStream) stream = testStreamNew(testPassedOnly, G_N_ELEMENTS(testPassedOnly));
    g_auto(testSink) sink = { 0 };
    guint end = stream->headerEnds[1];
    size_t consumed;
    int fd = -1;
    guint i;

    testSinkInit(&sink, stream);
    sink.holds[1] = 3;
    sink.chunkEnd = stream->headerEnds[2];
    g_assert_cmpint(vbFrameReaderFeed(sink.reader, stream->bytes->data, sink.chunkEnd, &fd,
                                      &consumed), ==, VB_FRAME_READER_HELD);
    g_assert_cmpuint(consumed, ==, end);
    g_assert_cmpuint(sink.out->len, ==, end - 28);
    for (i = 0; i < 2; i++) {
        sink.chunkEnd = end;
        g_assert_cmpint(vbFrameReaderFeed(sink.reader, NULL, 0, &fd, &consumed), ==,
                        VB_FRAME_READER_HELD);
        g_assert_cmpuint(consumed, ==, 0);
        g_assert_cmpuint(sink.out->len, ==, end - 28);
    }
    testSinkFeedChunk(&sink, end, end, -1);
    g_assert_cmpuint(sink.out->len, ==, end);
}

static void
testHoldEach(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    size_t sizes[] = { 1, 7, 28, 32, 1000000 };
    guint held;
    guint i;

    for (held = 0; held < stream->count; held++) {
        for (i = 0; i < G_N_ELEMENTS(sizes); i++) {
            g_auto(testSink) sink = { 0 };
            size_t nsplits;
            g_autofree size_t *splits = testSplitsEvery(stream, sizes[i], &nsplits);

            testSinkInit(&sink, stream);
            sink.holds[held] = i + 1;
            testSinkFeed(&sink, splits, nsplits);
            g_assert_cmpuint(sink.holds[held], ==, 0);
            testSinkCheck(&sink);
        }
    }
}

static void
testHoldAllEverySplit(void)
{
    g_autoptr(testStream) stream = testStreamNew(testMixed, G_N_ELEMENTS(testMixed));
    size_t split;

    for (split = 1; split < stream->bytes->len; split++) {
        g_auto(testSink) sink = { 0 };
        guint i;

        testSinkInit(&sink, stream);
        for (i = 0; i < stream->count; i++)
            sink.holds[i] = 1;
        testSinkFeed(&sink, &split, 1);
        testSinkCheck(&sink);
    }
}

/* The descriptor that came with the end of a read is its last byte's, however often what is in
 * front of that byte is held. */
static void
testHoldKeepsFd(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCallWithFds, 1);
    g_auto(testSink) sink = { 0 };
    int fd = testFdDup(0);
    int kept = fd;
    size_t consumed;

    testSinkInit(&sink, stream);
    sink.holds[0] = 1;
    sink.chunkEnd = stream->bytes->len - 1;
    g_assert_cmpint(vbFrameReaderFeed(sink.reader, stream->bytes->data, sink.chunkEnd, &fd,
                                      &consumed), ==, VB_FRAME_READER_HELD);
    g_assert_cmpint(fd, ==, kept);
    testSinkFeedChunk(&sink, consumed, sink.chunkEnd, fd);
    testSinkFeedChunk(&sink, sink.chunkEnd, sink.chunkEnd + 1, testFdDup(1));
    testSinkCheck(&sink);
}

/* ---- how much of a captured payload is wanted ---- */

typedef size_t (*testWantFunc)(const guint8 *payload, size_t have);

typedef struct {
    testWantFunc want;
    size_t last;      /* what was wanted last */
    guint calls;
    vbFrame *frame;
} testCapture;

static vbFrameRoute
testCaptureRoute(const vbFrameHeader *header G_GNUC_UNUSED, size_t available G_GNUC_UNUSED,
                 gpointer opaque G_GNUC_UNUSED)
{
    return VB_FRAME_ROUTE_CAPTURE;
}

/* Asked only when there is more to look at than the last time, or nothing more is wanted. */
static size_t
testCaptureWant(const vbFrameHeader *header G_GNUC_UNUSED, const guint8 *payload, size_t have,
                gpointer opaque)
{
    testCapture *capture = opaque;

    g_assert_cmpuint(have, ==, capture->last);
    g_assert_true(have == 0 || payload);
    capture->calls++;
    capture->last = MAX(capture->want(payload, have), have);
    return capture->last;
}

static void
testCaptureCaptured(vbFrame *frame, gpointer opaque)
{
    testCapture *capture = opaque;

    g_assert_null(capture->frame);
    capture->frame = frame;
}

static const vbFrameReaderOps testCaptureOps = {
    .route = testCaptureRoute,
    .want = testCaptureWant,
    .captured = testCaptureCaptured,
};

/* Captures the message in @bytes, cut in two at @split. */
static vbFrame *
testCaptureRun(testCapture *capture, testWantFunc want, const GByteArray *bytes, size_t split)
{
    g_autoptr(vbFrameReader) reader = vbFrameReaderNew(&testCaptureOps, capture);
    size_t consumed;
    int fd = -1;

    memset(capture, 0, sizeof(*capture));
    capture->want = want;
    g_assert_cmpint(vbFrameReaderFeed(reader, bytes->data, split, &fd, &consumed), ==,
                    VB_FRAME_READER_MORE);
    g_assert_null(capture->frame);
    g_assert_cmpint(vbFrameReaderFeed(reader, bytes->data + split, bytes->len - split, &fd,
                                      &consumed), ==, VB_FRAME_READER_MORE);
    g_assert_nonnull(capture->frame);
    g_assert_cmpuint(capture->frame->header.length, ==, bytes->len);
    return g_steal_pointer(&capture->frame);
}

static size_t
testWantNone(const guint8 *payload G_GNUC_UNUSED, size_t have G_GNUC_UNUSED)
{
    return 0;
}

static size_t
testWantTen(const guint8 *payload G_GNUC_UNUSED, size_t have G_GNUC_UNUSED)
{
    return 10;
}

static size_t
testWantEverything(const guint8 *payload G_GNUC_UNUSED, size_t have G_GNUC_UNUSED)
{
    return G_MAXUINT32;
}

/* Twice a byte that says how many follow it. */
static size_t
testWantSteps(const guint8 *payload, size_t have)
{
    size_t need = 1;

    if (have >= need)
        need += payload[0] + 1u;
    if (have >= need && have > 1)
        need += payload[need - 1];
    return need;
}

static const testMessage testCaptured[] = {
    { VB_FRAME_CALL, 0, 1000, VB_FRAME_ROUTE_CAPTURE },
};

static void
testWantDropsRest(void)
{
    g_autoptr(testStream) stream = testStreamNew(testCaptured, 1);
    size_t split;

    for (split = 0; split < stream->bytes->len; split++) {
        testCapture capture;
        g_autoptr(vbFrame) frame = testCaptureRun(&capture, testWantTen, stream->bytes, split);

        g_assert_cmpmem(frame->payload, (int)frame->payloadLength, stream->bytes->data + 28, 10);
    }
}

static void
testWantNothing(void)
{
    g_autoptr(testStream) stream = testStreamNew(testCaptured, 1);
    testCapture capture;
    g_autoptr(vbFrame) frame = testCaptureRun(&capture, testWantNone, stream->bytes, 28);

    g_assert_null(frame->payload);
    g_assert_cmpuint(frame->payloadLength, ==, 0);
}

static void
testWantMoreThanThereIs(void)
{
    g_autoptr(testStream) stream = testStreamNew(testCaptured, 1);
    size_t split;

    for (split = 0; split < stream->bytes->len; split++) {
        testCapture capture;
        g_autoptr(vbFrame) frame = testCaptureRun(&capture, testWantEverything, stream->bytes,
                                                  split);

        g_assert_cmpmem(frame->payload, (int)frame->payloadLength, stream->bytes->data + 28, 1000);
        g_assert_cmpuint(capture.calls, ==, 1);
    }
}

static void
testWantGrows(void)
{
    g_autoptr(testStream) stream = testStreamNew(testCaptured, 1);
    size_t split;

    stream->bytes->data[28] = 200;
    stream->bytes->data[28 + 201] = 250;
    for (split = 0; split < stream->bytes->len; split++) {
        testCapture capture;
        g_autoptr(vbFrame) frame = testCaptureRun(&capture, testWantSteps, stream->bytes, split);

        g_assert_cmpmem(frame->payload, (int)frame->payloadLength, stream->bytes->data + 28, 452);
    }
}

static void
testWantNotAskedForNoPayload(void)
{
    static const testMessage messages[] = {
        { VB_FRAME_CALL, 0, 0, VB_FRAME_ROUTE_CAPTURE },
    };
    g_autoptr(testStream) stream = testStreamNew(messages, 1);
    testCapture capture;
    g_autoptr(vbFrame) frame = testCaptureRun(&capture, testWantTen, stream->bytes, 27);

    g_assert_cmpuint(capture.calls, ==, 0);
    g_assert_null(frame->payload);
    g_assert_cmpuint(frame->payloadLength, ==, 0);
}

static void
testWantAnew(void)
{
    g_autoptr(testStream) stream = testStreamNew(testCaptured, 1);
    testCapture capture = { .want = testWantEverything };
    g_autoptr(vbFrameReader) reader = vbFrameReaderNew(&testCaptureOps, &capture);
    size_t consumed;
    int fd = -1;

    vbFrameReaderFeed(reader, stream->bytes->data, stream->bytes->len, &fd, &consumed);
    g_assert_nonnull(capture.frame);
    g_assert_cmpuint(capture.frame->payloadLength, ==, 1000);
    vbFrameFree(capture.frame);

    capture = (testCapture){ .want = testWantTen };
    vbFrameReaderFeed(reader, stream->bytes->data, stream->bytes->len, &fd, &consumed);
    g_assert_nonnull(capture.frame);
    g_assert_cmpuint(capture.frame->payloadLength, ==, 10);
    vbFrameFree(capture.frame);
}

/* ---- what libvirtd would close the connection for ---- */

typedef struct {
    const char *path;
    guint32 length;
    guint32 type;
    guint32 nfds;
    size_t at; /* how many bytes must be here for it to be known; 0: it is no error */
} testHeader;

static const testHeader testHeaders[] = {
    { "/frame/a length of 0 is an error", 0, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length of 3 is an error", 3, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length of 4 is an error", 4, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length of 20 is an error", 20, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length of 27 is an error", 27, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length of 28 is a message", 28, VB_FRAME_CALL, 0, 0 },
    { "/frame/a length of the maximum is a message", 33554436, VB_FRAME_CALL, 0, 0 },
    { "/frame/a length above the maximum is an error", 33554437, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length with the highest bit is an error", 0x80000000u, VB_FRAME_CALL, 0, 4 },
    { "/frame/a length of all ones is an error", 0xffffffffu, VB_FRAME_CALL, 0, 4 },
    { "/frame/a call with descriptors of 28 bytes is an error", 28, VB_FRAME_CALL_WITH_FDS, 0,
      28 },
    { "/frame/a call with descriptors of 31 bytes is an error", 31, VB_FRAME_CALL_WITH_FDS, 0,
      28 },
    { "/frame/a call with descriptors of 32 bytes is a message", 32, VB_FRAME_CALL_WITH_FDS, 0,
      0 },
    { "/frame/a reply with descriptors of 28 bytes is an error", 28, VB_FRAME_REPLY_WITH_FDS, 0,
      28 },
    { "/frame/a reply with descriptors of 31 bytes is an error", 31, VB_FRAME_REPLY_WITH_FDS, 0,
      28 },
    { "/frame/32 descriptors are a message", 32, VB_FRAME_CALL_WITH_FDS, 32, 0 },
    { "/frame/33 descriptors are an error", 32, VB_FRAME_CALL_WITH_FDS, 33, 32 },
    { "/frame/33 descriptors with a reply are an error", 32, VB_FRAME_REPLY_WITH_FDS, 33, 32 },
    { "/frame/a number of descriptors of all ones is an error", 32, VB_FRAME_CALL_WITH_FDS,
      0xffffffffu, 32 },
};

static void
testHeaderBuild(GByteArray *bytes, const testHeader *header)
{
    testPutWord(bytes, header->length);
    testPutWord(bytes, TEST_PROGRAM);
    testPutWord(bytes, 1);
    testPutWord(bytes, 0x80000000u);
    testPutWord(bytes, header->type);
    testPutWord(bytes, 0);
    testPutWord(bytes, VB_FRAME_CONTINUE);
    if (testHasFds(header->type))
        testPutWord(bytes, header->nfds);
}

/* How many of @bytes go in one by one until an error comes; 0 if none does. */
static size_t
testCountToError(const vbFrameReaderOps *ops, gpointer opaque, const GByteArray *bytes)
{
    g_autoptr(vbFrameReader) reader = vbFrameReaderNew(ops, opaque);
    size_t i;

    for (i = 0; i < bytes->len; i++) {
        size_t consumed;
        int fd = -1;

        if (vbFrameReaderFeed(reader, bytes->data + i, 1, &fd, &consumed) ==
            VB_FRAME_READER_ERROR)
            return i + 1;
        g_assert_cmpuint(consumed, ==, 1);
    }
    return 0;
}

static void
testHeaderTable(gconstpointer opaque)
{
    const testHeader *header = opaque;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    testCapture capture = { .want = testWantNone };
    testWriter writer = { .out = g_byte_array_new() };
    g_autoptr(vbFrameReader) reader = vbFrameReaderNew(&testWriterOps, &writer);
    size_t consumed;
    int fd = -1;

    testHeaderBuild(bytes, header);
    g_assert_cmpuint(testCountToError(&testCaptureOps, &capture, bytes), ==, header->at);
    vbFrameFree(capture.frame);

    writer.reader = reader;
    g_assert_cmpint(vbFrameReaderFeed(reader, bytes->data, bytes->len, &fd, &consumed), ==,
                    header->at > 0 ? VB_FRAME_READER_ERROR : VB_FRAME_READER_MORE);
    if (header->at > 0)
        g_assert_cmpuint(writer.out->len, ==, 0);
    else
        g_assert_cmpmem(writer.out->data, MIN(writer.out->len, bytes->len), bytes->data,
                        bytes->len);
    g_byte_array_unref(writer.out);
}

/* Whoever is in front of a broken header gets what is theirs. */
static void
testErrorBehindMessage(void)
{
    static const testHeader broken = { NULL, 27, VB_FRAME_CALL, 0, 4 };
    g_autoptr(testStream) stream = testStreamNew(testOneCall, 1);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_auto(testSink) sink = { 0 };
    size_t consumed;
    int fd = -1;

    g_byte_array_append(bytes, stream->bytes->data, stream->bytes->len);
    testHeaderBuild(bytes, &broken);
    testSinkInit(&sink, stream);
    sink.chunkEnd = bytes->len;
    g_assert_cmpint(vbFrameReaderFeed(sink.reader, bytes->data, bytes->len, &fd, &consumed), ==,
                    VB_FRAME_READER_ERROR);
    testSinkCheck(&sink);
}

/* Feeds a message with two descriptors up to its first byte for one, then @rest with @fd. */
static vbFrameReaderResult
testFdRun(vbFrameRoute route, const guint8 *rest, size_t length, int *fd)
{
    testMessage message = testOneCallWithFds[0];
    g_autoptr(testStream) stream = NULL;
    g_auto(testSink) sink = { 0 };
    size_t consumed;

    message.route = route;
    stream = testStreamNew(&message, 1);
    testSinkInit(&sink, stream);
    testSinkFeedChunk(&sink, 0, stream->bytes->len - 2, -1);
    return vbFrameReaderFeed(sink.reader, rest, length, fd, &consumed);
}

static void
testFdMissingPassed(void)
{
    int fd = -1;

    g_assert_cmpint(testFdRun(VB_FRAME_ROUTE_PASS, (const guint8 *)"", 1, &fd), ==,
                    VB_FRAME_READER_ERROR);
}

static void
testFdMissingCaptured(void)
{
    int fd = -1;

    g_assert_cmpint(testFdRun(VB_FRAME_ROUTE_CAPTURE, (const guint8 *)"", 1, &fd), ==,
                    VB_FRAME_READER_ERROR);
}

/* The kernel ends a read behind a descriptor, so this one is not this byte's. */
static void
testFdNotLast(void)
{
    int fd = testFdDup(0);

    g_assert_cmpint(testFdRun(VB_FRAME_ROUTE_PASS, (const guint8 *)"\0\0", 2, &fd), ==,
                    VB_FRAME_READER_ERROR);
    g_assert_cmpuint(testFdGetId(fd), ==, 0);
    close(fd);
}

static void
testFdSecondMissing(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCallWithFds, 1);
    g_auto(testSink) sink = { 0 };
    size_t end = stream->bytes->len;
    size_t consumed;
    int fd = -1;

    testSinkInit(&sink, stream);
    testSinkFeedChunk(&sink, 0, end - 1, testFdDup(0));
    g_assert_cmpint(vbFrameReaderFeed(sink.reader, stream->bytes->data + end - 1, 1, &fd,
                                      &consumed), ==, VB_FRAME_READER_ERROR);
}

/* @end: how many bytes of the message come with a descriptor that is not theirs */
static void
testFdUnexpected(const testMessage *message, size_t end)
{
    g_autoptr(testStream) stream = testStreamNew(message, 1);
    g_auto(testSink) sink = { 0 };
    size_t consumed;
    int fd = testFdDup(7);
    int kept = fd;

    testSinkInit(&sink, stream);
    sink.chunkEnd = end;
    g_assert_cmpint(vbFrameReaderFeed(sink.reader, stream->bytes->data, end, &fd, &consumed), ==,
                    VB_FRAME_READER_MORE);
    g_assert_cmpuint(consumed, ==, end);
    g_assert_cmpint(fd, ==, kept);
    g_assert_cmpuint(testFdGetId(fd), ==, 7);
    close(fd);
}

static void
testFdWithPlainMessage(void)
{
    testFdUnexpected(testOneCall, 68);
}

static void
testFdWithHalfHeader(void)
{
    testFdUnexpected(testOneCall, 9);
}

static void
testFdWithHalfPayload(void)
{
    testFdUnexpected(testOneCallWithFds, 40);
}

static void
testFdTooEarly(void)
{
    testFdUnexpected(testOneCallWithFds, 72);
}

/* ---- memory and descriptors ---- */

static size_t
testGetResident(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;

    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    fields = g_strsplit(text, " ", 0);
    return (size_t)g_ascii_strtoull(fields[1], NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

typedef struct {
    vbFrameRoute route;
    size_t passed;
    size_t largest;
    guint messages;
    vbFrame *frame;
} testMaximum;

static vbFrameRoute
testMaximumRoute(const vbFrameHeader *header G_GNUC_UNUSED, size_t available G_GNUC_UNUSED,
                 gpointer opaque)
{
    return ((testMaximum *)opaque)->route;
}

static size_t
testMaximumWant(const vbFrameHeader *header G_GNUC_UNUSED, const guint8 *payload G_GNUC_UNUSED,
                size_t have G_GNUC_UNUSED, gpointer opaque G_GNUC_UNUSED)
{
    return 60;
}

static void
testMaximumPass(const guint8 *bytes G_GNUC_UNUSED, size_t length, gpointer opaque)
{
    testMaximum *maximum = opaque;

    maximum->passed += length;
    maximum->largest = MAX(maximum->largest, length);
}

static void
testMaximumPassed(const vbFrameHeader *header, gpointer opaque)
{
    g_assert_cmpuint(header->length, ==, VB_FRAME_LENGTH_MAX);
    ((testMaximum *)opaque)->messages++;
}

static void
testMaximumCaptured(vbFrame *frame, gpointer opaque)
{
    ((testMaximum *)opaque)->frame = frame;
}

static const vbFrameReaderOps testMaximumOps = {
    .route = testMaximumRoute,
    .want = testMaximumWant,
    .pass = testMaximumPass,
    .passed = testMaximumPassed,
    .captured = testMaximumCaptured,
};

/* Feeds a message of the maximum size in reads of 64 KiB. Returns how much memory it took. */
static size_t
testMaximumRun(testMaximum *maximum)
{
    static const testHeader header = { NULL, VB_FRAME_LENGTH_MAX, VB_FRAME_CALL, 0, 0 };
    g_autoptr(vbFrameReader) reader = vbFrameReaderNew(&testMaximumOps, maximum);
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autofree guint8 *block = g_malloc0(65536);
    size_t left = VB_FRAME_LENGTH_MAX - VB_FRAME_HEADER_SIZE;
    size_t before = testGetResident();
    size_t after = 0;
    size_t consumed;
    int fd = -1;

    testHeaderBuild(first, &header);
    g_assert_cmpint(vbFrameReaderFeed(reader, first->data, first->len, &fd, &consumed), ==,
                    VB_FRAME_READER_MORE);
    while (left > 0) {
        size_t take = MIN(left, 65536);

        if (take == left)
            after = testGetResident();
        g_assert_cmpint(vbFrameReaderFeed(reader, block, take, &fd, &consumed), ==,
                        VB_FRAME_READER_MORE);
        left -= take;
    }
    g_assert_true(vbFrameReaderIsBetween(reader));
    return after > before ? after - before : 0;
}

static void
testMaximumPassedOn(void)
{
    testMaximum maximum = { .route = VB_FRAME_ROUTE_PASS };

    g_assert_cmpuint(testMaximumRun(&maximum), <, 1 << 20);
    g_assert_cmpuint(maximum.passed, ==, VB_FRAME_LENGTH_MAX);
    g_assert_cmpuint(maximum.largest, <=, 65536);
    g_assert_cmpuint(maximum.messages, ==, 1);
}

static void
testMaximumNotHoarded(void)
{
    testMaximum maximum = { .route = VB_FRAME_ROUTE_CAPTURE };

    g_assert_cmpuint(testMaximumRun(&maximum), <, 1 << 20);
    g_assert_cmpuint(maximum.passed, ==, 0);
    g_assert_nonnull(maximum.frame);
    g_assert_cmpuint(maximum.frame->payloadLength, ==, 60);
    g_assert_cmpuint(maximum.frame->header.length, ==, VB_FRAME_LENGTH_MAX);
    vbFrameFree(maximum.frame);
}

/* A peer pays for what it claims with bytes that it sends. */
static void
testClaimCostsNothing(void)
{
    static const testHeader header = { NULL, VB_FRAME_LENGTH_MAX, VB_FRAME_CALL, 0, 0 };
    testCapture captures[100];
    vbFrameReader *readers[G_N_ELEMENTS(captures)];
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t before;
    guint i;

    testHeaderBuild(bytes, &header);
    testPutWord(bytes, 0);
    before = testGetResident();
    for (i = 0; i < G_N_ELEMENTS(captures); i++) {
        size_t consumed;
        int fd = -1;

        captures[i] = (testCapture){ .want = testWantEverything };
        readers[i] = vbFrameReaderNew(&testCaptureOps, &captures[i]);
        g_assert_cmpint(vbFrameReaderFeed(readers[i], bytes->data, bytes->len, &fd, &consumed),
                        ==, VB_FRAME_READER_MORE);
    }
    g_assert_cmpuint(testGetResident(), <, before + (1 << 20));
    for (i = 0; i < G_N_ELEMENTS(captures); i++)
        vbFrameReaderFree(readers[i]);
}

static void
testFreeClosesFds(void)
{
    static const testMessage messages[] = {
        { VB_FRAME_CALL_WITH_FDS, 5, 4, VB_FRAME_ROUTE_CAPTURE },
    };
    g_autoptr(testStream) stream = testStreamNew(messages, 1);
    testSink sink;
    size_t end = stream->bytes->len;
    guint before;
    guint i;

    close(testFdDup(0));
    close(testFdDup(1));
    close(testFdDup(2));
    before = testFdCount();
    testSinkInit(&sink, stream);
    testSinkFeedChunk(&sink, 0, end - 5, -1);
    for (i = 0; i < 3; i++)
        testSinkFeedChunk(&sink, end - 5 + i, end - 4 + i, testFdDup(i));
    g_assert_cmpuint(testFdCount(), ==, before + 3);
    testSinkClear(&sink);
    g_assert_cmpuint(testFdCount(), ==, before);
}

static void
testFrameFdTakenAway(void)
{
    g_autoptr(testStream) stream = NULL;
    testMessage message = testOneCallWithFds[0];
    testCapture capture = { .want = testWantEverything };
    g_autoptr(vbFrameReader) reader = vbFrameReaderNew(&testCaptureOps, &capture);
    int fds[2] = { testFdDup(3), testFdDup(4) };
    int taken = fds[0];
    int other = fds[1];
    size_t consumed;

    message.route = VB_FRAME_ROUTE_CAPTURE;
    stream = testStreamNew(&message, 1);
    vbFrameReaderFeed(reader, stream->bytes->data, stream->bytes->len - 1, &fds[0], &consumed);
    vbFrameReaderFeed(reader, stream->bytes->data + stream->bytes->len - 1, 1, &fds[1],
                      &consumed);
    g_assert_nonnull(capture.frame);
    g_assert_cmpint(capture.frame->fds[0], ==, taken);
    capture.frame->fds[0] = -1;
    vbFrameFree(capture.frame);
    g_assert_cmpuint(testFdGetId(taken), ==, 3);
    g_assert_cmpint(fcntl(other, F_GETFD), ==, -1);
    close(taken);
}

static void
testFreeNothing(void)
{
    vbFrameFree(NULL);
    vbFrameReaderFree(NULL);
}

/* ---- between two messages or inside one ---- */

/* @inside: from which byte to which the stream does not stand between two messages */
static void
testBetweenRun(const testMessage *message, size_t insideStart, size_t insideEnd)
{
    g_autoptr(testStream) stream = testStreamNew(message, 1);
    g_auto(testSink) sink = { 0 };
    guint nextFd = 0;
    size_t at;

    testSinkInit(&sink, stream);
    g_assert_true(vbFrameReaderIsBetween(sink.reader));
    for (at = 0; at < stream->bytes->len; at++) {
        int fd = -1;

        if (nextFd < stream->fds->len && g_array_index(stream->fds, guint, nextFd) == at)
            fd = testFdDup(nextFd++);
        testSinkFeedChunk(&sink, at, at + 1, fd);
        g_assert_cmpint(vbFrameReaderIsBetween(sink.reader), ==,
                        at + 1 < insideStart || at + 1 >= insideEnd);
    }
}

static void
testBetweenPassed(void)
{
    testBetweenRun(testOneCall, 28, 68);
}

static void
testBetweenPassedWithFds(void)
{
    testBetweenRun(testOneCallWithFds, 32, 74);
}

static void
testBetweenPassedEmpty(void)
{
    static const testMessage message = { VB_FRAME_MESSAGE, 0, 0, VB_FRAME_ROUTE_PASS };

    testBetweenRun(&message, 28, 28);
}

static void
testBetweenCaptured(void)
{
    static const testMessage message = { VB_FRAME_CALL_WITH_FDS, 2, 40, VB_FRAME_ROUTE_CAPTURE };

    testBetweenRun(&message, 1000, 1000);
}

static void
testBetweenHeld(void)
{
    g_autoptr(testStream) stream = testStreamNew(testOneCall, 1);
    g_auto(testSink) sink = { 0 };
    size_t consumed;
    int fd = -1;

    testSinkInit(&sink, stream);
    sink.holds[0] = 1;
    sink.chunkEnd = 68;
    g_assert_cmpint(vbFrameReaderFeed(sink.reader, stream->bytes->data, 68, &fd, &consumed), ==,
                    VB_FRAME_READER_HELD);
    g_assert_true(vbFrameReaderIsBetween(sink.reader));
    testSinkFeedChunk(&sink, 28, 40, -1);
    g_assert_false(vbFrameReaderIsBetween(sink.reader));
}

/* ---- making messages ---- */

static const vbFrameHeader testHeaderSet = {
    .length = 0x01020304,
    .program = 0x05060708,
    .version = 0x090a0b0c,
    .procedure = -2,
    .type = VB_FRAME_REPLY,
    .serial = 0x11121314,
    .status = VB_FRAME_ERROR,
    .nfds = 0x15161718,
};

static const guint8 testHeaderWire[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0xff, 0xff, 0xff, 0xfe,
    0x00, 0x00, 0x00, 0x01, 0x11, 0x12, 0x13, 0x14, 0x00, 0x00, 0x00, 0x01,
};

static void
testWriteHeader(void)
{
    guint8 bytes[32];

    memset(bytes, 0xee, sizeof(bytes));
    g_assert_cmpuint(vbFrameHeaderGetSize(&testHeaderSet), ==, 28);
    vbFrameHeaderWrite(&testHeaderSet, bytes);
    g_assert_cmpmem(bytes, 28, testHeaderWire, 28);
    g_assert_cmpmem(bytes + 28, 4, "\xee\xee\xee\xee", 4);
}

static void
testWriteHeaderWithFds(void)
{
    static const guint32 types[] = { VB_FRAME_CALL_WITH_FDS, VB_FRAME_REPLY_WITH_FDS };
    guint i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        vbFrameHeader header = testHeaderSet;
        guint8 expected[32];
        guint8 bytes[32];

        memcpy(expected, testHeaderWire, 28);
        expected[19] = (guint8)types[i];
        memcpy(expected + 28, "\x15\x16\x17\x18", 4);
        header.type = types[i];
        g_assert_cmpuint(vbFrameHeaderGetSize(&header), ==, 32);
        vbFrameHeaderWrite(&header, bytes);
        g_assert_cmpmem(bytes, 32, expected, 32);
    }
}

static void
testBuild(void)
{
    g_autoptr(GByteArray) bytes = vbFrameBuild(&testHeaderSet, (const guint8 *)"payload", 7);
    guint8 expected[28 + 7];

    memcpy(expected, testHeaderWire, 28);
    memcpy(expected, "\0\0\0\x23", 4);
    memcpy(expected + 28, "payload", 7);
    g_assert_cmpmem(bytes->data, bytes->len, expected, sizeof(expected));
}

static void
testBuildEmpty(void)
{
    g_autoptr(GByteArray) bytes = vbFrameBuild(&testHeaderSet, NULL, 0);

    g_assert_cmpuint(bytes->len, ==, 28);
    g_assert_cmpmem(bytes->data, 4, "\0\0\0\x1c", 4);
}

static void
testBuildIsRead(void)
{
    vbFrameHeader header = testHeaderSet;
    g_autoptr(GByteArray) bytes = NULL;
    testCapture capture;
    g_autoptr(vbFrame) frame = NULL;

    header.type = VB_FRAME_CALL_WITH_FDS;
    header.nfds = 0;
    bytes = vbFrameBuild(&header, (const guint8 *)"payload", 7);
    header.length = 32 + 7;
    frame = testCaptureRun(&capture, testWantEverything, bytes, 5);
    g_assert_cmpmem(&frame->header, sizeof(header), &header, sizeof(header));
    g_assert_cmpmem(frame->payload, (int)frame->payloadLength, "payload", 7);
}

int
main(int argc, char **argv)
{
    guint i;

    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/frame/a header split at every byte is passed on unaltered", testHeaderSplit);
    g_test_add_func("/frame/a header with descriptors split at every byte is passed on unaltered",
                    testHeaderWithFdsSplit);
    g_test_add_func("/frame/a mixed stream comes out right in one piece", testMixedWhole);
    g_test_add_func("/frame/a mixed stream comes out right split at every byte",
                    testMixedEverySplit);
    g_test_add_func("/frame/a mixed stream comes out right byte by byte", testMixedByteByByte);
    g_test_add_func("/frame/a mixed stream comes out right in reads of every size",
                    testMixedEverySize);
    g_test_add_func("/frame/a short stream comes out right at every pair of splits",
                    testShortEveryPair);
    g_test_add_func("/frame/every number of descriptors arrives, each in its place",
                    testEveryNumberOfFds);
    g_test_add_func("/frame/the value of a byte with a descriptor does not matter",
                    testFdByteValue);
    g_test_add_func("/frame/feeding nothing changes nothing", testFeedNothing);

    g_test_add_func("/frame/messages that arrive together are passed in one piece", testOnePiece);
    g_test_add_func("/frame/an owner that never flushes loses nothing and no order",
                    testNoFlushNoLoss);
    g_test_add_func("/frame/a message is passed while it arrives", testCutThrough);
    g_test_add_func("/frame/passed comes behind the last byte and descriptor", testPassedLast);
    g_test_add_func("/frame/an owner may write between two messages", testWriteBetween);

    g_test_add_func("/frame/a held message stops the stream in front of it", testHoldStops);
    g_test_add_func("/frame/each message can be held and goes on unaltered", testHoldEach);
    g_test_add_func("/frame/all messages can be held at every split", testHoldAllEverySplit);
    g_test_add_func("/frame/a descriptor waits while its message is held", testHoldKeepsFd);

    g_test_add_func("/frame/payload behind what is wanted is dropped", testWantDropsRest);
    g_test_add_func("/frame/a payload that is not wanted at all is NULL", testWantNothing);
    g_test_add_func("/frame/wanting more than there is gives all there is",
                    testWantMoreThanThereIs);
    g_test_add_func("/frame/what is wanted can grow with what is known", testWantGrows);
    g_test_add_func("/frame/an empty payload is not asked about", testWantNotAskedForNoPayload);
    g_test_add_func("/frame/each captured message is asked about anew", testWantAnew);

    for (i = 0; i < G_N_ELEMENTS(testHeaders); i++)
        g_test_add_data_func(testHeaders[i].path, &testHeaders[i], testHeaderTable);
    g_test_add_func("/frame/a message in front of an error is passed", testErrorBehindMessage);
    g_test_add_func("/frame/a passed message whose descriptor is missing is an error",
                    testFdMissingPassed);
    g_test_add_func("/frame/a captured message whose descriptor is missing is an error",
                    testFdMissingCaptured);
    g_test_add_func("/frame/a descriptor that is not the last byte's is an error", testFdNotLast);
    g_test_add_func("/frame/a message whose second descriptor is missing is an error",
                    testFdSecondMissing);
    g_test_add_func("/frame/a descriptor with a plain message is left to the caller",
                    testFdWithPlainMessage);
    g_test_add_func("/frame/a descriptor with half a header is left to the caller",
                    testFdWithHalfHeader);
    g_test_add_func("/frame/a descriptor with half a payload is left to the caller",
                    testFdWithHalfPayload);
    g_test_add_func("/frame/a descriptor in front of its byte is left to the caller",
                    testFdTooEarly);

    g_test_add_func("/frame/the largest message passes in bounded memory", testMaximumPassedOn);
    g_test_add_func("/frame/the largest message is not hoarded beyond what is wanted",
                    testMaximumNotHoarded);
    g_test_add_func("/frame/claiming a large payload costs no memory", testClaimCostsNothing);
    g_test_add_func("/frame/descriptors of half a message are closed with the reader",
                    testFreeClosesFds);
    g_test_add_func("/frame/a descriptor that was taken away is not closed",
                    testFrameFdTakenAway);
    g_test_add_func("/frame/freeing nothing is allowed", testFreeNothing);

    g_test_add_func("/frame/a passed message is inside from its header to its end",
                    testBetweenPassed);
    g_test_add_func("/frame/a passed message is inside until its last descriptor",
                    testBetweenPassedWithFds);
    g_test_add_func("/frame/a passed message without payload is never inside",
                    testBetweenPassedEmpty);
    g_test_add_func("/frame/a captured message is never inside", testBetweenCaptured);
    g_test_add_func("/frame/a held message counts as between", testBetweenHeld);

    g_test_add_func("/frame/a header is written in network order", testWriteHeader);
    g_test_add_func("/frame/a header with descriptors has their number", testWriteHeaderWithFds);
    g_test_add_func("/frame/a built message counts its own length", testBuild);
    g_test_add_func("/frame/a built message may be empty", testBuildEmpty);
    g_test_add_func("/frame/a built message can be read", testBuildIsRead);

    return g_test_run();
}
