/*
 * output.c: what still has to be written to one socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "output.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A run of bytes, or a descriptor with its one byte. */
typedef struct {
    int fd; /* -1: bytes */
    size_t length;
    size_t done;
    guint8 bytes[];
} vbOutputChunk;

struct _vbOutput {
    int fd;
    GQueue chunks; /* of vbOutputChunk */
    size_t pending;
};

vbOutput *
vbOutputNew(int fd)
{
    vbOutput *output = g_new0(vbOutput, 1);

    output->fd = fd;
    g_queue_init(&output->chunks);
    return output;
}

static void
vbOutputChunkFree(vbOutputChunk *chunk)
{
    if (chunk->fd >= 0)
        close(chunk->fd);
    g_free(chunk);
}

void
vbOutputFree(vbOutput *output)
{
    if (!output)
        return;
    g_queue_clear_full(&output->chunks, (GDestroyNotify)vbOutputChunkFree);
    g_free(output);
}

/* Bytes written, 0 if the socket is full, -1 if it is of no use any more. */
static ssize_t
vbOutputWrite(int fd, const struct iovec *parts, size_t count, int passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct msghdr msg = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };
    ssize_t n;

    if (passed >= 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &passed, sizeof(int));
    }

    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);

    /* ETOOMANYREFS: too many descriptors of ours are on their way; they will arrive. */
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS))
        return 0;
    return n;
}

static bool
vbOutputQueue(vbOutput *output, const guint8 *bytes, size_t length, int fd)
{
    vbOutputChunk *chunk = g_try_malloc(sizeof(*chunk) + length);

    if (!chunk) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    chunk->fd = fd;
    chunk->length = length;
    chunk->done = 0;
    memcpy(chunk->bytes, bytes, length);
    g_queue_push_tail(&output->chunks, chunk);
    output->pending += length;
    return true;
}

bool
vbOutputSendParts(vbOutput *output, const struct iovec *parts, size_t count)
{
    size_t written = 0;

    if (output->pending == 0) {
        ssize_t n = vbOutputWrite(output->fd, parts, count, -1);

        if (n < 0)
            return false;
        written = (size_t)n;
    }
    for (size_t i = 0; i < count; i++) {
        size_t gone = MIN(written, parts[i].iov_len);

        written -= gone;
        if (gone < parts[i].iov_len &&
            !vbOutputQueue(output, (const guint8 *)parts[i].iov_base + gone,
                           parts[i].iov_len - gone, -1))
            return false;
    }
    return true;
}

bool
vbOutputSend(vbOutput *output, const guint8 *bytes, size_t length)
{
    const struct iovec part = { .iov_base = (void *)bytes, .iov_len = length };

    return vbOutputSendParts(output, &part, 1);
}

bool
vbOutputSendFd(vbOutput *output, int fd)
{
    static const guint8 byte = 0;
    const struct iovec part = { .iov_base = (void *)&byte, .iov_len = 1 };

    if (output->pending == 0) {
        ssize_t n = vbOutputWrite(output->fd, &part, 1, fd);

        if (n != 0) {
            close(fd);
            return n > 0;
        }
    }
    return vbOutputQueue(output, &byte, 1, fd);
}

bool
vbOutputFlush(vbOutput *output)
{
    vbOutputChunk *chunk;

    while ((chunk = g_queue_peek_head(&output->chunks))) {
        const struct iovec rest = {
            .iov_base = chunk->bytes + chunk->done,
            .iov_len = chunk->length - chunk->done,
        };
        ssize_t n = vbOutputWrite(output->fd, &rest, 1, chunk->fd);

        if (n < 0)
            return false;
        chunk->done += (size_t)n;
        output->pending -= (size_t)n;
        if (chunk->done < chunk->length)
            return true;
        g_queue_pop_head(&output->chunks);
        vbOutputChunkFree(chunk);
    }
    return true;
}

size_t
vbOutputGetPending(const vbOutput *output)
{
    return output->pending;
}
