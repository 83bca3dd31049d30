/*
 * peertest.c: who is at the other end of a client's socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

/* Returns: clock ticks since the machine's start, now */
static guint64
testNow(void)
{
    struct timespec now;
    guint64 ticks = (guint64)sysconf(_SC_CLK_TCK);

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (guint64)now.tv_sec * ticks + (guint64)now.tv_nsec * ticks / 1000000000u;
}

static void
testOurselves(void)
{
    g_auto(vbPeer) peer = { 0 };
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    g_assert_true(vbPeerGet(fds[0], &peer));
    g_assert_cmpint(peer.pid, ==, getpid());
    g_assert_cmpint(peer.uid, ==, getuid());
    g_assert_cmpint(peer.gid, ==, getgid());
    close(fds[0]);
    close(fds[1]);
}

/* A process of any name; its start lies between two moments that we know. */
static void
testStart(gconstpointer name)
{
    guint64 before = testNow();
    int status = -1;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        vbPeer peer;
        int fds[2];

        prctl(PR_SET_NAME, name);
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || !vbPeerGet(fds[0], &peer))
            _exit(2);
        _exit(peer.startTime >= before && peer.startTime <= testNow() ? 0 : 1);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

static void
testGone(void)
{
    g_auto(vbPeer) peer = { 0 };

    g_assert_false(vbPeerGet(-1, &peer));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peer/the kernel tells process, user and group", testOurselves);
    g_test_add_data_func("/peer/a process has a start", "plain", testStart);
    g_test_add_data_func("/peer/a process has a start whatever its name is", "a) R 1 (", testStart);
    g_test_add_func("/peer/what is no socket has no peer", testGone);
    return g_test_run();
}
