/*
 * emulator.c: a QEMU binary is asked what it can do
 *
 * The daemon's prober is careful whose binary it runs, because somebody else names it.  Here it is
 * the user's own choice.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "emulator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vberror.h"

#define VB_EMULATOR_MSEC 10000

typedef struct {
    int in; /* the child's standard input */
    int out;
    gint64 deadline; /* monotonic microseconds */
    qemuCapsProbe *probe;
} vbEmulator;

static bool
vbEmulatorFail(GError **error, const char *problem)
{
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "%s", problem);
    return false;
}

/* Waits for the child. Returns false and @error at the deadline. */
static bool
vbEmulatorWait(const vbEmulator *emulator, int fd, short events, GError **error)
{
    struct pollfd ready = { .fd = fd, .events = events };
    int count;

    do {
        gint64 left = (emulator->deadline - g_get_monotonic_time()) / 1000;

        count = left > 0 ? poll(&ready, 1, (int)left) : 0;
    } while (count < 0 && errno == EINTR);
    return count > 0 ? true : vbEmulatorFail(error, "it did not answer in time");
}

/* The pipe has room for all that is ever said, so this does not block. */
static bool
vbEmulatorSay(const vbEmulator *emulator, const GString *commands, GError **error)
{
    if (write(emulator->in, commands->str, commands->len) == (ssize_t)commands->len)
        return true;
    return vbEmulatorFail(error, "it does not listen");
}

static qemuCaps *
vbEmulatorTalk(const vbEmulator *emulator, GError **error)
{
    g_autoptr(GString) commands = g_string_new(NULL);

    for (;;) {
        char bytes[8192];
        ssize_t count;
        qemuCaps *caps;

        if (!vbEmulatorWait(emulator, emulator->out, POLLIN, error))
            return NULL;
        count = read(emulator->out, bytes, sizeof(bytes));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            vbEmulatorFail(error, "it ended before it had answered");
            return NULL;
        }
        g_string_truncate(commands, 0);
        if (!qemuCapsProbeFeed(emulator->probe, bytes, (size_t)count, commands, error))
            return NULL;
        if ((caps = qemuCapsProbeTake(emulator->probe)))
            return caps;
        if (!vbEmulatorSay(emulator, commands, error))
            return NULL;
    }
}

/* In the child: it goes when we go. */
static void
vbEmulatorSetUp(gpointer opaque G_GNUC_UNUSED)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

qemuCaps *
vbEmulatorAsk(const char *path, GError **error)
{
    const char *const argv[] = { path, QEMU_CAPS_ARGUMENTS, NULL };
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    vbEmulator emulator = { .probe = probe };
    GPid pid;
    qemuCaps *caps;

    emulator.deadline = g_get_monotonic_time() + (gint64)VB_EMULATOR_MSEC * 1000;
    if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD |
                                  G_SPAWN_STDERR_TO_DEV_NULL, vbEmulatorSetUp, NULL, &pid,
                                  &emulator.in, &emulator.out, NULL, error))
        return NULL;
    caps = vbEmulatorTalk(&emulator, error);

    /* What it was asked it has said, or never will. */
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(emulator.in);
    close(emulator.out);
    return caps;
}
