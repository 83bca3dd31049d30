/*
 * outputtest.c: bytes and descriptors to a socket that is slower than their sender
 *
 * The reader here reads as libvirt does: exactly the bytes in front of a descriptor with a plain
 * read(), which would lose a descriptor that came with them, then the one byte with recvmsg().
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testfd.h"

#define TEST_NOBODY 65534

static volatile sig_atomic_t testSigpipes;

static void
testSigpipe(int number G_GNUC_UNUSED)
{
    testSigpipes++;
}

/* @fds: (out): to write to, and to read from; non-blocking, and the former is full soon */
static void
testPair(int *fds)
{
    int size = 1;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    g_assert_cmpint(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), ==, 0);
}

static void
testPairClose(int *fds)
{
    close(fds[0]);
    close(fds[1]);
}

/* Sends bytes until the socket is full. Returns how many. */
static size_t
testFill(vbOutput *output)
{
    static const guint8 zeros[1000];
    size_t sent = 0;

    while (vbOutputGetPending(output) == 0) {
        g_assert_true(vbOutputSend(output, zeros, sizeof(zeros)));
        sent += sizeof(zeros);
    }
    return sent;
}

/* Flushes and reads until @length bytes have come. */
static void
testDrain(vbOutput *output, int fd, size_t length)
{
    guint8 bytes[4096];

    while (length > 0) {
        ssize_t n = read(fd, bytes, MIN(length, sizeof(bytes)));

        g_assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        if (n > 0)
            length -= (size_t)n;
        g_assert_true(vbOutputFlush(output));
    }
}

/* One read of up to @length bytes. Returns its descriptor or -1; there may be one at most. */
static int
testReceive(int fd, guint8 *bytes, size_t length, ssize_t *n)
{
    struct iovec iov = { .iov_base = bytes, .iov_len = length };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *cmsg;
    int passed;

    *n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    if (*n <= 0)
        return -1;
    g_assert_cmpint(msg.msg_flags & MSG_CTRUNC, ==, 0);
    cmsg = CMSG_FIRSTHDR(&msg);
    if (!cmsg)
        return -1;
    g_assert_cmpint(cmsg->cmsg_type, ==, SCM_RIGHTS);
    g_assert_cmpuint(cmsg->cmsg_len, ==, CMSG_LEN(sizeof(int)));
    memcpy(&passed, CMSG_DATA(cmsg), sizeof(int));
    return passed;
}

static void
testReceiveFd(int fd, guint id)
{
    guint8 byte = 0xff;
    ssize_t n;
    int passed = testReceive(fd, &byte, 1, &n);

    g_assert_cmpint(n, ==, 1);
    g_assert_cmpuint(byte, ==, 0);
    g_assert_cmpint(passed, >=, 0);
    g_assert_cmpuint(testFdGetId(passed), ==, id);
    close(passed);
}

static void
testReceiveBytes(int fd, const char *expected)
{
    char bytes[100];
    size_t length = strlen(expected);

    g_assert_cmpint(read(fd, bytes, length), ==, length);
    g_assert_cmpmem(bytes, (int)length, expected, (int)length);
}

/* ---- a socket that takes everything ---- */

static void
testStraight(void)
{
    int fds[2];
    vbOutput *output;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputSend(output, (const guint8 *)"one", 3));
    g_assert_true(vbOutputSend(output, (const guint8 *)"two", 3));
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    testReceiveBytes(fds[1], "onetwo");
    vbOutputFree(output);
    testPairClose(fds);
}

static void
testNothing(void)
{
    int fds[2];
    vbOutput *output;
    char byte;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputFlush(output));
    g_assert_true(vbOutputSend(output, (const guint8 *)"", 0));
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    testFill(output);
    g_assert_true(vbOutputSend(output, (const guint8 *)"", 0));
    vbOutputFree(output);
    vbOutputFree(NULL);

    /* The socket stays its owner's. */
    g_assert_cmpint(fcntl(fds[0], F_GETFD), >=, 0);
    g_assert_cmpint(read(fds[1], &byte, 1), ==, 1);
    testPairClose(fds);
}

static void
testFdStraight(void)
{
    int fds[2];
    vbOutput *output;
    guint before;

    testPair(fds);
    before = testFdCount();
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputSendFd(output, testFdNew(5)));
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    g_assert_cmpuint(testFdCount(), ==, before);
    testReceiveFd(fds[1], 5);
    vbOutputFree(output);
    testPairClose(fds);
}

static void
testFdAmongBytes(void)
{
    int fds[2];
    vbOutput *output;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputSend(output, (const guint8 *)"front", 5));
    g_assert_true(vbOutputSendFd(output, testFdNew(1)));
    g_assert_true(vbOutputSendFd(output, testFdNew(2)));
    g_assert_true(vbOutputSend(output, (const guint8 *)"behind", 6));
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    testReceiveBytes(fds[1], "front");
    testReceiveFd(fds[1], 1);
    testReceiveFd(fds[1], 2);
    testReceiveBytes(fds[1], "behind");
    vbOutputFree(output);
    testPairClose(fds);
}

/* What the reader of frames builds on: a read ends behind the byte with a descriptor, so that it
 * can only be the last one's. */
static void
testReadEndsBehindFd(void)
{
    int fds[2];
    vbOutput *output;
    guint8 bytes[100];
    ssize_t n;
    int passed;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputSend(output, (const guint8 *)"front", 5));
    g_assert_true(vbOutputSendFd(output, testFdNew(1)));
    g_assert_true(vbOutputSendFd(output, testFdNew(2)));
    g_assert_true(vbOutputSend(output, (const guint8 *)"behind", 6));

    passed = testReceive(fds[1], bytes, sizeof(bytes), &n);
    g_assert_cmpint(n, ==, 6);
    g_assert_cmpuint(testFdGetId(passed), ==, 1);
    close(passed);
    passed = testReceive(fds[1], bytes, sizeof(bytes), &n);
    g_assert_cmpint(n, ==, 1);
    g_assert_cmpuint(testFdGetId(passed), ==, 2);
    close(passed);
    g_assert_cmpint(testReceive(fds[1], bytes, sizeof(bytes), &n), ==, -1);
    g_assert_cmpint(n, ==, 6);
    vbOutputFree(output);
    testPairClose(fds);
}

static void
testParts(void)
{
    const struct iovec parts[] = {
        { .iov_base = (void *)"head", .iov_len = 4 },
        { .iov_base = (void *)"", .iov_len = 0 },
        { .iov_base = (void *)"body", .iov_len = 4 },
    };
    vbOutput *output;
    char bytes[16];
    int fds[2];

    /* Of this kind of socket a read takes no more than what was written at once. */
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputSendParts(output, parts, G_N_ELEMENTS(parts)));
    g_assert_cmpint(recv(fds[1], bytes, sizeof(bytes), 0), ==, 8);
    g_assert_cmpmem(bytes, 8, "headbody", 8);
    vbOutputFree(output);
    testPairClose(fds);
}

/* ---- a socket that is full ---- */

/* Wherever the socket ends to take them. */
static void
testPartsPending(void)
{
    g_autofree guint8 *sent = g_malloc(4 << 20);
    g_autofree guint8 *got = g_malloc(4 << 20);
    const size_t lengths[] = { 100000, 28, 300000, 4, 1, 2000000 };
    size_t total = 0;
    size_t read = 0;
    vbOutput *output;
    int fds[2];

    for (size_t i = 0; i < 4 << 20; i++)
        sent[i] = (guint8)(i * 7919 >> 8);
    testPair(fds);
    output = vbOutputNew(fds[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i += 2) {
        const struct iovec parts[] = {
            { .iov_base = sent + total, .iov_len = lengths[i] },
            { .iov_base = sent + total + lengths[i], .iov_len = lengths[i + 1] },
        };

        g_assert_true(vbOutputSendParts(output, parts, 2));
        total += lengths[i] + lengths[i + 1];
    }
    g_assert_cmpuint(vbOutputGetPending(output), >, 2000000);
    while (read < total) {
        ssize_t n = recv(fds[1], got + read, total - read, 0);

        g_assert_cmpint(n, >, 0);
        read += (size_t)n;
        g_assert_true(vbOutputFlush(output));
    }
    g_assert_cmpuint(read, ==, total);
    g_assert_cmpint(memcmp(got, sent, total), ==, 0);
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    vbOutputFree(output);
    testPairClose(fds);
}

static void
testPending(void)
{
    int fds[2];
    vbOutput *output;
    size_t sent;
    size_t read;
    guint8 bytes[4096];

    testPair(fds);
    output = vbOutputNew(fds[0]);
    sent = testFill(output);
    g_assert_true(vbOutputSend(output, (const guint8 *)"more", 4));
    g_assert_true(vbOutputSendFd(output, testFdNew(1)));
    sent += 4 + 1;

    /* What waits and what lies in the socket are all there is. */
    read = vbOutputGetPending(output);
    for (;;) {
        ssize_t n = recv(fds[1], bytes, sizeof(bytes), 0);

        if (n < 0)
            break;
        read += (size_t)n;
    }
    g_assert_cmpuint(read, ==, sent);

    g_assert_true(vbOutputFlush(output));
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    vbOutputFree(output);
    testPairClose(fds);
}

static void
testCopies(void)
{
    int fds[2];
    vbOutput *output;
    size_t sent;
    guint8 bytes[4] = "kept";

    testPair(fds);
    output = vbOutputNew(fds[0]);
    sent = testFill(output);
    g_assert_true(vbOutputSend(output, bytes, sizeof(bytes)));
    memset(bytes, 0, sizeof(bytes));
    testDrain(output, fds[1], sent);
    testReceiveBytes(fds[1], "kept");
    vbOutputFree(output);
    testPairClose(fds);
}

/* Nothing overtakes what waits, be there room for it again. */
static void
testNoOvertaking(void)
{
    int fds[2];
    vbOutput *output;
    size_t sent;
    guint8 byte;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    sent = testFill(output);
    g_assert_true(vbOutputSend(output, (const guint8 *)"first", 5));
    while (read(fds[1], &byte, 1) == 1)
        sent--;
    g_assert_cmpuint(vbOutputGetPending(output), ==, sent + 5);
    g_assert_true(vbOutputSend(output, (const guint8 *)"second", 6));
    g_assert_true(vbOutputSendFd(output, testFdNew(3)));
    g_assert_true(vbOutputSend(output, (const guint8 *)"third", 5));
    testDrain(output, fds[1], sent);
    testReceiveBytes(fds[1], "firstsecond");
    testReceiveFd(fds[1], 3);
    testReceiveBytes(fds[1], "third");
    vbOutputFree(output);
    testPairClose(fds);
}

static void
testLarge(void)
{
    int fds[2];
    vbOutput *output;
    size_t length = 3 << 20;
    g_autofree guint8 *sent = g_malloc(length);
    g_autofree guint8 *received = g_malloc(length);
    size_t at = 0;
    size_t i;

    for (i = 0; i < length; i++)
        sent[i] = (guint8)(i * 31 + (i >> 8) * 7 + (i >> 16));
    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_true(vbOutputSend(output, sent, length));
    while (at < length) {
        ssize_t n = read(fds[1], received + at, length - at);

        g_assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        if (n > 0)
            at += (size_t)n;
        g_assert_true(vbOutputFlush(output));
    }
    g_assert_true(memcmp(sent, received, length) == 0);
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    vbOutputFree(output);
    testPairClose(fds);
}

typedef struct {
    GByteArray *bytes;
    GArray *fds; /* of guint: where in @bytes the descriptors are; their number is their id */
    size_t at;
    guint nextFd;
} testExpected;

/* Reads one piece as libvirt does. Returns false if there is nothing to read. */
static bool
testReadOne(testExpected *expected, int fd)
{
    guint8 bytes[700];
    size_t next = expected->bytes->len;
    ssize_t n;

    if (expected->nextFd < expected->fds->len)
        next = g_array_index(expected->fds, guint, expected->nextFd);
    if (next == expected->at && expected->nextFd < expected->fds->len) {
        int passed = testReceive(fd, bytes, 1, &n);

        if (n < 0)
            return false;
        g_assert_cmpint(passed, >=, 0);
        g_assert_cmpuint(testFdGetId(passed), ==, expected->nextFd);
        close(passed);
        expected->nextFd++;
    } else {
        n = read(fd, bytes, MIN(sizeof(bytes), next - expected->at));
        if (n < 0)
            return false;
    }
    if (n > 0)
        g_assert_cmpmem(bytes, (int)n, expected->bytes->data + expected->at, (int)n);
    expected->at += (size_t)n;
    return true;
}

static void
testRandom(void)
{
    int fds[2];
    vbOutput *output;
    testExpected expected = { .bytes = g_byte_array_new() };
    guint8 bytes[3000];
    guint before;
    guint pending = 0;
    guint step;
    guint i;

    testPair(fds);
    before = testFdCount();
    output = vbOutputNew(fds[0]);
    expected.fds = g_array_new(FALSE, FALSE, sizeof(guint));
    for (step = 0; step < 5000; step++) {
        switch (g_test_rand_int_range(0, 5)) {
        case 0:
        case 1: {
            guint length = (guint)g_test_rand_int_range(1, sizeof(bytes));

            for (i = 0; i < length; i++)
                bytes[i] = (guint8)(step * 17 + i);
            g_byte_array_append(expected.bytes, bytes, length);
            g_assert_true(vbOutputSend(output, bytes, length));
            break;
        }
        case 2:
            g_array_append_val(expected.fds, expected.bytes->len);
            g_byte_array_append(expected.bytes, (const guint8 *)"", 1);
            g_assert_true(vbOutputSendFd(output, testFdNew(expected.fds->len - 1)));
            break;
        case 3:
            g_assert_true(vbOutputFlush(output));
            break;
        default:
            for (i = 0; i < 9 && testReadOne(&expected, fds[1]); i++)
                ;
            break;
        }
        if (vbOutputGetPending(output) > 0)
            pending++;
        /* No more than this process may have open. */
        while (expected.fds->len - expected.nextFd > 100) {
            g_assert_true(vbOutputFlush(output));
            testReadOne(&expected, fds[1]);
        }
    }
    while (expected.at < expected.bytes->len) {
        g_assert_true(vbOutputFlush(output));
        testReadOne(&expected, fds[1]);
    }
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    g_assert_cmpuint(pending, >, 1000);
    g_assert_cmpuint(testFdCount(), ==, before);
    vbOutputFree(output);
    g_byte_array_unref(expected.bytes);
    g_array_unref(expected.fds);
    testPairClose(fds);
}

static void
testFreeClosesFds(void)
{
    int fds[2];
    vbOutput *output;
    guint before;
    guint i;

    testPair(fds);
    before = testFdCount();
    output = vbOutputNew(fds[0]);
    testFill(output);
    for (i = 0; i < 20; i++)
        g_assert_true(vbOutputSendFd(output, testFdNew(i)));
    g_assert_cmpuint(testFdCount(), ==, before + 20);
    vbOutputFree(output);
    g_assert_cmpuint(testFdCount(), ==, before);
    testPairClose(fds);
}

static void
testFlushClosesFds(void)
{
    int fds[2];
    vbOutput *output;
    guint before;
    size_t sent;
    guint i;

    testPair(fds);
    before = testFdCount();
    output = vbOutputNew(fds[0]);
    sent = testFill(output);
    for (i = 0; i < 3; i++)
        g_assert_true(vbOutputSendFd(output, testFdNew(i)));
    testDrain(output, fds[1], sent);
    g_assert_cmpuint(vbOutputGetPending(output), ==, 0);
    g_assert_cmpuint(testFdCount(), ==, before);
    for (i = 0; i < 3; i++)
        testReceiveFd(fds[1], i);
    vbOutputFree(output);
    testPairClose(fds);
}

/* The kernel lets a user without privileges have no more descriptors on their way than it may have
 * open.  In a process of its own, which has neither privileges nor many. */
static int
testTooManyOnTheirWay(void)
{
    struct rlimit limit = { 24, 24 };
    const guint count = 60;
    int fds[2];
    vbOutput *output;
    guint sent;
    guint received = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        return 2;
    if (getuid() == 0 && (setgid(TEST_NOBODY) < 0 || setuid(TEST_NOBODY) < 0))
        return 77;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 77;
    output = vbOutputNew(fds[0]);
    for (sent = 0; sent < count && vbOutputGetPending(output) == 0; sent++) {
        if (!vbOutputSendFd(output, dup(fds[0])))
            return 3;
    }
    if (sent == count)
        return 77; /* this kernel has no such limit for us */
    while (received < sent) {
        guint8 byte;
        ssize_t n;
        int passed = testReceive(fds[1], &byte, 1, &n);

        if (passed >= 0) {
            close(passed);
            received++;
        }
        if (n == 0 || !vbOutputFlush(output))
            return 4;
    }
    return vbOutputGetPending(output) == 0 ? 0 : 5;
}

static void
testTooManyFds(void)
{
    pid_t child = fork();
    int status;

    g_assert_cmpint(child, >=, 0);
    if (child == 0)
        _exit(testTooManyOnTheirWay());
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        g_test_skip("cannot give up privileges here");
    else
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* ---- a peer that is gone ---- */

static void
testGoneSend(void)
{
    int fds[2];
    vbOutput *output;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    close(fds[1]);
    testSigpipes = 0;
    g_assert_false(vbOutputSend(output, (const guint8 *)"lost", 4));
    g_assert_cmpint(testSigpipes, ==, 0);
    vbOutputFree(output);
    close(fds[0]);
}

static void
testGoneSendFd(void)
{
    int fds[2];
    vbOutput *output;
    guint before;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    close(fds[1]);
    before = testFdCount();
    testSigpipes = 0;
    g_assert_false(vbOutputSendFd(output, testFdNew(1)));
    g_assert_cmpint(testSigpipes, ==, 0);
    g_assert_cmpuint(testFdCount(), ==, before);
    vbOutputFree(output);
    close(fds[0]);
}

static void
testGoneFlush(void)
{
    int fds[2];
    vbOutput *output;
    guint before;

    testPair(fds);
    before = testFdCount();
    output = vbOutputNew(fds[0]);
    testFill(output);
    g_assert_true(vbOutputSendFd(output, testFdNew(1)));
    close(fds[1]);
    testSigpipes = 0;
    /* The peer went with unread bytes, and is still gone when asked again. */
    g_assert_false(vbOutputFlush(output));
    g_assert_false(vbOutputFlush(output));
    g_assert_cmpint(testSigpipes, ==, 0);
    vbOutputFree(output);
    g_assert_cmpuint(testFdCount(), ==, before - 1);
    close(fds[0]);
}

static void
testGoneReading(void)
{
    int fds[2];
    vbOutput *output;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_cmpint(shutdown(fds[1], SHUT_RD), ==, 0);
    testSigpipes = 0;
    g_assert_false(vbOutputSend(output, (const guint8 *)"lost", 4));
    g_assert_cmpint(testSigpipes, ==, 0);
    vbOutputFree(output);
    testPairClose(fds);
}

/* A peer that has said its last word may still want ours. */
static void
testGoneWritingOnly(void)
{
    int fds[2];
    vbOutput *output;

    testPair(fds);
    output = vbOutputNew(fds[0]);
    g_assert_cmpint(shutdown(fds[1], SHUT_WR), ==, 0);
    g_assert_true(vbOutputSend(output, (const guint8 *)"last", 4));
    testReceiveBytes(fds[1], "last");
    vbOutputFree(output);
    testPairClose(fds);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, testSigpipe);

    g_test_add_func("/output/what lies in several places goes in one piece", testParts);
    g_test_add_func("/output/what lies in several places is kept in order", testPartsPending);
    g_test_add_func("/output/bytes go straight to the socket", testStraight);
    g_test_add_func("/output/nothing can be sent and flushed", testNothing);
    g_test_add_func("/output/a descriptor goes straight to the socket", testFdStraight);
    g_test_add_func("/output/a descriptor arrives in its place among bytes", testFdAmongBytes);
    g_test_add_func("/output/a read ends behind a descriptor", testReadEndsBehindFd);

    g_test_add_func("/output/what waits is counted", testPending);
    g_test_add_func("/output/what waits is copied", testCopies);
    g_test_add_func("/output/nothing overtakes what waits", testNoOvertaking);
    g_test_add_func("/output/more than fits arrives whole", testLarge);
    g_test_add_func("/output/bytes and descriptors keep their order under back-pressure",
                    testRandom);
    g_test_add_func("/output/descriptors that wait are closed when it is freed",
                    testFreeClosesFds);
    g_test_add_func("/output/descriptors that waited are closed once they are sent",
                    testFlushClosesFds);
    g_test_add_func("/output/too many descriptors on their way are waited for", testTooManyFds);

    g_test_add_func("/output/sending to a peer that is gone fails", testGoneSend);
    g_test_add_func("/output/a descriptor for a peer that is gone is closed", testGoneSendFd);
    g_test_add_func("/output/flushing to a peer that is gone fails", testGoneFlush);
    g_test_add_func("/output/sending to a peer that no longer reads fails", testGoneReading);
    g_test_add_func("/output/a peer that no longer writes is still written to",
                    testGoneWritingOnly);

    return g_test_run();
}
