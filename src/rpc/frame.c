/*
 * frame.c: one message of libvirt's RPC protocol on a byte stream
 *
 *     u32 length, program, version, procedure, type, serial, status    XDR, big endian
 *     u32 nfds                                                         of types WITH_FDS only
 *     payload                                                          up to length
 *     nfds times one byte 0, each with one descriptor (SCM_RIGHTS)      outside length
 *
 * What libvirtd closes the connection for is an error here (libvirt 9.0, measured): a length
 * below a whole header or above the maximum, more than 32 descriptors, and a byte that should
 * carry a descriptor and does not.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "frame.h"

#include <string.h>
#include <unistd.h>

/* A captured payload starts at this size and doubles, so that a peer pays for what it claims with
 * bytes that it sends. */
#define VB_FRAME_CAPTURE_SIZE 256u

typedef enum {
    VB_FRAME_STATE_HEADER,
    VB_FRAME_STATE_HELD, /* the header is whole, and its message may not go on yet */
    VB_FRAME_STATE_PAYLOAD,
    VB_FRAME_STATE_FDS,
} vbFrameState;

struct _vbFrameReader {
    const vbFrameReaderOps *ops;
    gpointer opaque;

    vbFrameState state;
    guint8 raw[VB_FRAME_HEADER_SIZE + 4];
    size_t rawLength;
    vbFrameHeader header;
    size_t payloadLeft;
    guint32 fdsLeft;

    vbFrame *capture;    /* of a captured message */
    size_t captureSize;  /* allocated for its payload */
    size_t wanted;       /* of its payload, as far as is known yet */
    const guint8 *run;   /* bytes to hand on that lie together and were not yet handed on */
    size_t runLength;
};

static guint32
vbFrameGetWord(const guint8 *bytes)
{
    return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static void
vbFramePutWord(guint8 *bytes, guint32 word)
{
    bytes[0] = (guint8)(word >> 24);
    bytes[1] = (guint8)(word >> 16);
    bytes[2] = (guint8)(word >> 8);
    bytes[3] = (guint8)word;
}

static bool
vbFrameTypeHasFds(guint32 type)
{
    return type == VB_FRAME_CALL_WITH_FDS || type == VB_FRAME_REPLY_WITH_FDS;
}

size_t
vbFrameHeaderGetSize(const vbFrameHeader *header)
{
    return vbFrameTypeHasFds(header->type) ? VB_FRAME_HEADER_SIZE + 4 : VB_FRAME_HEADER_SIZE;
}

void
vbFrameHeaderRead(vbFrameHeader *header, const guint8 *bytes)
{
    header->length = vbFrameGetWord(bytes);
    header->program = vbFrameGetWord(bytes + 4);
    header->version = vbFrameGetWord(bytes + 8);
    header->procedure = (gint32)vbFrameGetWord(bytes + 12);
    header->type = vbFrameGetWord(bytes + 16);
    header->serial = vbFrameGetWord(bytes + 20);
    header->status = vbFrameGetWord(bytes + 24);
    header->nfds = 0;
}

void
vbFrameHeaderWrite(const vbFrameHeader *header, guint8 *bytes)
{
    vbFramePutWord(bytes, header->length);
    vbFramePutWord(bytes + 4, header->program);
    vbFramePutWord(bytes + 8, header->version);
    vbFramePutWord(bytes + 12, (guint32)header->procedure);
    vbFramePutWord(bytes + 16, header->type);
    vbFramePutWord(bytes + 20, header->serial);
    vbFramePutWord(bytes + 24, header->status);
    if (vbFrameTypeHasFds(header->type))
        vbFramePutWord(bytes + 28, header->nfds);
}

GByteArray *
vbFrameBuild(const vbFrameHeader *header, const guint8 *payload, size_t length)
{
    vbFrameHeader whole = *header;
    size_t size = vbFrameHeaderGetSize(header);
    GByteArray *bytes = g_byte_array_sized_new((guint)(size + length));

    whole.length = (guint32)(size + length);
    g_byte_array_set_size(bytes, (guint)size);
    vbFrameHeaderWrite(&whole, bytes->data);
    if (length > 0)
        g_byte_array_append(bytes, payload, (guint)length);
    return bytes;
}

static vbFrame *
vbFrameNew(const vbFrameHeader *header)
{
    vbFrame *frame = g_new0(vbFrame, 1);
    guint32 i;

    frame->header = *header;
    frame->fds = g_new(int, header->nfds + 1);
    for (i = 0; i < header->nfds; i++)
        frame->fds[i] = -1;
    return frame;
}

void
vbFrameFree(vbFrame *frame)
{
    guint32 i;

    if (!frame)
        return;
    for (i = 0; i < frame->header.nfds; i++) {
        if (frame->fds[i] >= 0)
            close(frame->fds[i]);
    }
    g_free(frame->fds);
    g_free(frame->payload);
    g_free(frame);
}

vbFrameReader *
vbFrameReaderNew(const vbFrameReaderOps *ops, gpointer opaque)
{
    vbFrameReader *reader = g_new0(vbFrameReader, 1);

    reader->ops = ops;
    reader->opaque = opaque;
    return reader;
}

void
vbFrameReaderFree(vbFrameReader *reader)
{
    if (!reader)
        return;
    vbFrameFree(reader->capture);
    g_free(reader);
}

bool
vbFrameReaderIsBetween(const vbFrameReader *reader)
{
    return reader->state == VB_FRAME_STATE_HEADER || reader->state == VB_FRAME_STATE_HELD ||
        reader->capture;
}

void
vbFrameReaderFlush(vbFrameReader *reader)
{
    if (reader->runLength > 0)
        reader->ops->pass(reader->run, reader->runLength, reader->opaque);
    reader->runLength = 0;
}

static void
vbFrameReaderPass(vbFrameReader *reader, const guint8 *bytes, size_t length)
{
    if (reader->runLength > 0 && reader->run + reader->runLength != bytes)
        vbFrameReaderFlush(reader);
    if (reader->runLength == 0)
        reader->run = bytes;
    reader->runLength += length;
}

/* Takes header bytes until the header is whole. Returns false if it is none. */
static bool
vbFrameReaderTakeHeader(vbFrameReader *reader, const guint8 **bytes, size_t *length)
{
    vbFrameHeader *header = &reader->header;
    /* Behind the first part the type is known, and with it whether there is more. */
    size_t size = reader->rawLength > VB_FRAME_HEADER_SIZE ? vbFrameHeaderGetSize(header) :
        VB_FRAME_HEADER_SIZE;

    for (;;) {
        size_t take = MIN(*length, size - reader->rawLength);

        memcpy(reader->raw + reader->rawLength, *bytes, take);
        reader->rawLength += take;
        *bytes += take;
        *length -= take;

        if (reader->rawLength >= 4) {
            header->length = vbFrameGetWord(reader->raw);
            if (header->length < VB_FRAME_HEADER_SIZE || header->length > VB_FRAME_LENGTH_MAX)
                return false;
        }
        if (reader->rawLength < size)
            return true;
        if (size > VB_FRAME_HEADER_SIZE)
            break;

        vbFrameHeaderRead(header, reader->raw);
        size = vbFrameHeaderGetSize(header);
        if (header->length < size)
            return false;
        if (size == VB_FRAME_HEADER_SIZE)
            break;
    }

    if (size > VB_FRAME_HEADER_SIZE) {
        header->nfds = vbFrameGetWord(reader->raw + VB_FRAME_HEADER_SIZE);
        if (header->nfds > VB_FRAME_FDS_MAX)
            return false;
    }
    reader->state = VB_FRAME_STATE_HELD;
    return true;
}

/* The message is whole. The owner may write between messages when it hears of it, so what was
 * passed must have gone before. */
static void
vbFrameReaderFinish(vbFrameReader *reader)
{
    vbFrame *frame = g_steal_pointer(&reader->capture);

    reader->state = VB_FRAME_STATE_HEADER;
    reader->rawLength = 0;
    if (frame) {
        vbFrameReaderFlush(reader);
        reader->ops->captured(frame, reader->opaque);
    } else {
        reader->ops->passed(&reader->header, reader->opaque);
    }
}

static void
vbFrameReaderStart(vbFrameReader *reader)
{
    const vbFrameHeader *header = &reader->header;
    size_t size = vbFrameHeaderGetSize(header);

    reader->payloadLeft = header->length - size;
    reader->fdsLeft = header->nfds;
    reader->state = VB_FRAME_STATE_PAYLOAD;
    reader->wanted = 0;
    reader->captureSize = 0;
}

/* Appends to the captured payload. Returns false if memory ran out. */
static bool
vbFrameReaderAppend(vbFrameReader *reader, const guint8 *bytes, size_t length)
{
    vbFrame *frame = reader->capture;

    if (frame->payloadLength + length > reader->captureSize) {
        size_t size = MAX(reader->captureSize, VB_FRAME_CAPTURE_SIZE);
        guint8 *payload;

        while (size < frame->payloadLength + length)
            size *= 2;
        payload = g_try_realloc(frame->payload, size);
        if (!payload)
            return false;
        frame->payload = payload;
        reader->captureSize = size;
    }
    memcpy(frame->payload + frame->payloadLength, bytes, length);
    frame->payloadLength += length;
    return true;
}

static bool
vbFrameReaderCollect(vbFrameReader *reader, const guint8 *bytes, size_t length)
{
    const vbFrame *frame = reader->capture;

    while (length > 0) {
        size_t take;

        if (frame->payloadLength >= reader->wanted) {
            reader->wanted = reader->ops->want(&reader->header, frame->payload,
                                               frame->payloadLength, reader->opaque);
            if (reader->wanted <= frame->payloadLength)
                return true; /* the rest is of no use to anybody */
        }
        take = MIN(length, reader->wanted - frame->payloadLength);
        if (!vbFrameReaderAppend(reader, bytes, take))
            return false;
        bytes += take;
        length -= take;
    }
    return true;
}

static bool
vbFrameReaderTakePayload(vbFrameReader *reader, const guint8 **bytes, size_t *length)
{
    size_t take = MIN(*length, reader->payloadLeft);

    if (reader->capture) {
        if (!vbFrameReaderCollect(reader, *bytes, take))
            return false;
    } else {
        vbFrameReaderPass(reader, *bytes, take);
    }
    *bytes += take;
    *length -= take;
    reader->payloadLeft -= take;
    if (reader->payloadLeft == 0)
        reader->state = VB_FRAME_STATE_FDS;
    return true;
}

static bool
vbFrameReaderTakeFd(vbFrameReader *reader, const guint8 **bytes, size_t *length, int *fd)
{
    if (*length != 1 || *fd < 0)
        return false;

    (*bytes)++;
    (*length)--;
    if (reader->capture) {
        reader->capture->fds[reader->header.nfds - reader->fdsLeft] = *fd;
    } else {
        vbFrameReaderFlush(reader);
        reader->ops->passFd(*fd, reader->opaque);
    }
    *fd = -1;
    reader->fdsLeft--;
    return true;
}

vbFrameReaderResult
vbFrameReaderFeed(vbFrameReader *reader, const guint8 *bytes, size_t length, int *fd,
                  size_t *consumed)
{
    const guint8 *start = bytes;
    vbFrameReaderResult result = VB_FRAME_READER_MORE;

    for (;;) {
        if (reader->state == VB_FRAME_STATE_HEADER) {
            if (length == 0)
                break;
            if (!vbFrameReaderTakeHeader(reader, &bytes, &length)) {
                result = VB_FRAME_READER_ERROR;
                break;
            }
        } else if (reader->state == VB_FRAME_STATE_HELD) {
            vbFrameRoute route = reader->ops->route(&reader->header, length, reader->opaque);

            if (route == VB_FRAME_ROUTE_HOLD) {
                result = VB_FRAME_READER_HELD;
                break;
            }
            vbFrameReaderStart(reader);
            if (route == VB_FRAME_ROUTE_CAPTURE) {
                reader->capture = vbFrameNew(&reader->header);
            } else if (bytes - start >= (ptrdiff_t)reader->rawLength) {
                /* The header lies in @bytes in one piece with what follows. */
                vbFrameReaderPass(reader, bytes - reader->rawLength, reader->rawLength);
            } else {
                vbFrameReaderFlush(reader);
                reader->ops->pass(reader->raw, reader->rawLength, reader->opaque);
            }
        } else if (reader->state == VB_FRAME_STATE_PAYLOAD) {
            if (length == 0 && reader->payloadLeft > 0)
                break;
            if (!vbFrameReaderTakePayload(reader, &bytes, &length)) {
                result = VB_FRAME_READER_ERROR;
                break;
            }
        } else if (reader->fdsLeft == 0) {
            vbFrameReaderFinish(reader);
        } else {
            if (length == 0)
                break;
            if (!vbFrameReaderTakeFd(reader, &bytes, &length, fd)) {
                result = VB_FRAME_READER_ERROR;
                break;
            }
        }
    }

    vbFrameReaderFlush(reader);
    *consumed = (size_t)(bytes - start);
    return result;
}
