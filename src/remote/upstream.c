/*
 * upstream.c: a connection to libvirt's own daemon
 *
 * A UNIX socket connects at once or not at all, so nothing blocks here.  Where a daemon's queue
 * is full, or a session daemon is just being started, the attempt is repeated for a while.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "upstream.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vberror.h"

/* As long as libvirt's client waits for a daemon that it started. */
#define VB_UPSTREAM_SECONDS 30
#define VB_UPSTREAM_RETRY_MSEC 20

struct _vbUpstream {
    char *directory;
    bool spawn;
    GPid child; /* a session daemon that we started and that runs, or 0 */
    guint childWatch;
};

struct _vbUpstreamRequest {
    vbUpstream *upstream;
    bool readonly;
    int spare; /* or -1 */
    bool spawned;
    vbUpstreamFunc func;
    gpointer opaque;
    guint timer;
    gint64 deadline; /* monotonic microseconds */
};

vbUpstream *
vbUpstreamNew(const char *directory, bool spawn)
{
    vbUpstream *upstream = g_new0(vbUpstream, 1);

    upstream->directory = g_strdup(directory);
    upstream->spawn = spawn;
    return upstream;
}

void
vbUpstreamFree(vbUpstream *upstream)
{
    if (!upstream)
        return;
    /* The session daemon stays: it serves others too, and ends by itself when it is idle. */
    g_clear_handle_id(&upstream->childWatch, g_source_remove);
    g_free(upstream->directory);
    g_free(upstream);
}

static int
vbUpstreamTry(const char *directory, const char *name, bool readonly, char **tried)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_autofree char *path = g_strdup_printf("%s/%s%s", directory, name, readonly ? "-ro" : "");
    int failure;
    int fd;

    g_free(*tried);
    *tried = g_strdup(path);
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

static void
vbUpstreamChildExited(GPid pid, int status G_GNUC_UNUSED, gpointer opaque)
{
    vbUpstream *upstream = opaque;

    g_spawn_close_pid(pid);
    upstream->child = 0;
    upstream->childWatch = 0;
}

/* It outlives us and is to find its signals as a shell would leave them. */
static void
vbUpstreamChildSetup(gpointer opaque G_GNUC_UNUSED)
{
    signal(SIGPIPE, SIG_DFL);
    setsid();
}

/* libvirt's client starts libvirtd, or virtqemud where libvirt was built that way, with this very
 * timeout; a second one exits by itself because of the first one's lock. */
static bool
vbUpstreamSpawn(vbUpstream *upstream)
{
    static const char *const names[] = { "libvirtd", "virtqemud" };
    size_t i;

    if (upstream->child > 0)
        return true;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *found = g_find_program_in_path(names[i]);
        g_autofree char *usual = g_build_filename("/usr/sbin", names[i], NULL);
        char *argv[] = { found ? found : usual, (char *)"--timeout=120", NULL };

        if (g_spawn_async("/", argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                          G_SPAWN_STDERR_TO_DEV_NULL, vbUpstreamChildSetup, NULL,
                          &upstream->child, NULL)) {
            upstream->childWatch = g_child_watch_add(upstream->child, vbUpstreamChildExited,
                                                     upstream);
            return true;
        }
    }
    return false;
}

static void
vbUpstreamRequestCloseSpare(vbUpstreamRequest *request)
{
    if (request->spare >= 0)
        close(request->spare);
    request->spare = -1;
}

static gboolean
vbUpstreamAttempt(gpointer opaque)
{
    vbUpstreamRequest *request = opaque;
    vbUpstream *upstream = request->upstream;
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    int failure;
    int fd;

    vbUpstreamRequestCloseSpare(request);
    fd = vbUpstreamTry(upstream->directory, "libvirt-sock", request->readonly, &path);
    failure = errno;
    if (fd < 0 && (failure == ENOENT || failure == ECONNREFUSED)) {
        g_autofree char *modular = NULL;

        fd = vbUpstreamTry(upstream->directory, "virtqemud-sock", request->readonly, &modular);
        if (fd < 0 && errno != ENOENT) {
            failure = errno;
            g_free(path);
            path = g_steal_pointer(&modular);
        }
    }

    if (fd < 0) {
        bool again = failure == EAGAIN;

        if (upstream->spawn && (failure == ENOENT || failure == ECONNREFUSED)) {
            if (!request->spawned)
                request->spawned = vbUpstreamSpawn(upstream);
            again = request->spawned;
        }
        if (again && g_get_monotonic_time() < request->deadline) {
            request->timer = g_timeout_add(VB_UPSTREAM_RETRY_MSEC, vbUpstreamAttempt, request);
            return G_SOURCE_REMOVE;
        }
        g_set_error(&error, VB_ERROR, VB_ERROR_SYSTEM, "cannot connect to libvirt at '%s': %s",
                    path, g_strerror(failure));
    }

    request->timer = 0;
    request->func(fd, error, request->opaque);
    g_free(request);
    return G_SOURCE_REMOVE;
}

vbUpstreamRequest *
vbUpstreamConnect(vbUpstream *upstream, bool readonly, int spare, vbUpstreamFunc func,
                  gpointer opaque)
{
    vbUpstreamRequest *request = g_new0(vbUpstreamRequest, 1);

    request->upstream = upstream;
    request->readonly = readonly;
    request->spare = spare;
    request->func = func;
    request->opaque = opaque;
    request->deadline = g_get_monotonic_time() + VB_UPSTREAM_SECONDS * G_TIME_SPAN_SECOND;
    request->timer = g_idle_add_full(G_PRIORITY_DEFAULT, vbUpstreamAttempt, request, NULL);
    return request;
}

void
vbUpstreamRequestCancel(vbUpstreamRequest *request)
{
    g_source_remove(request->timer);
    vbUpstreamRequestCloseSpare(request);
    g_free(request);
}
