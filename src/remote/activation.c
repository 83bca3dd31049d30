/*
 * activation.c: what the service manager hands over at start, and what it is told
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "activation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#if VB_HAVE_SYSTEMD
# include <systemd/sd-daemon.h>
#endif

#include "vberror.h"

struct _vbActivation {
    GArray *sockets; /* of vbActivationSocket */
    guint watchdog;  /* timer, or 0 */
};

#if VB_HAVE_SYSTEMD

static gboolean
vbActivationAdd(vbActivation *activation, int fd, const char *name, GError **error)
{
    vbActivationSocket sock = { .fd = fd };
    int flags = fcntl(fd, F_GETFL);

    if (g_str_equal(name, "virtballoond-ro.socket")) {
        sock.readonly = TRUE;
    } else if (!g_str_equal(name, "virtballoond.socket")) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "the service manager hands over a socket '%s': expected "
                    "'virtballoond.socket' or 'virtballoond-ro.socket'", name);
        return FALSE;
    }
    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "what the service manager hands over as '%s' is no UNIX socket that listens",
                    name);
        return FALSE;
    }
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot set up socket '%s': %s", name,
                    g_strerror(errno));
        return FALSE;
    }
    g_array_append_val(activation->sockets, sock);
    return TRUE;
}

static gboolean
vbActivationTake(vbActivation *activation, GError **error)
{
    g_auto(GStrv) names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    int i;

    if (count < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM,
                    "cannot take what the service manager hands over: %s", g_strerror(-count));
        return FALSE;
    }
    for (i = 0; i < count; i++) {
        if (!vbActivationAdd(activation, SD_LISTEN_FDS_START + i, names[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
vbActivationFeed(gpointer opaque G_GNUC_UNUSED)
{
    sd_notify(0, "WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

static void
vbActivationTell(const char *state)
{
    sd_notify(0, state);
}

static void
vbActivationWatchdog(vbActivation *activation)
{
    guint64 usec = 0;

    /* Half of what it allows, as its manual says. */
    if (activation->watchdog == 0 && sd_watchdog_enabled(0, &usec) > 0)
        activation->watchdog = g_timeout_add((guint)MIN(MAX(usec / 2000, 1), G_MAXINT),
                                             vbActivationFeed, NULL);
}

#else

static gboolean
vbActivationTake(vbActivation *activation G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static void
vbActivationTell(const char *state G_GNUC_UNUSED)
{
}

static void
vbActivationWatchdog(vbActivation *activation G_GNUC_UNUSED)
{
}

#endif

vbActivation *
vbActivationNew(GError **error)
{
    g_autoptr(vbActivation) activation = g_new0(vbActivation, 1);

    activation->sockets = g_array_new(FALSE, FALSE, sizeof(vbActivationSocket));
    if (!vbActivationTake(activation, error))
        return NULL;
    return g_steal_pointer(&activation);
}

void
vbActivationFree(vbActivation *activation)
{
    if (!activation)
        return;
    g_clear_handle_id(&activation->watchdog, g_source_remove);
    g_array_unref(activation->sockets);
    g_free(activation);
}

const GArray *
vbActivationGetSockets(const vbActivation *activation)
{
    return activation->sockets;
}

void
vbActivationReady(vbActivation *activation)
{
    vbActivationTell("READY=1");
    vbActivationWatchdog(activation);
}

void
vbActivationReloading(vbActivation *activation G_GNUC_UNUSED)
{
    g_autofree char *state = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
                                             g_get_monotonic_time());

    vbActivationTell(state);
}

void
vbActivationStopping(vbActivation *activation G_GNUC_UNUSED)
{
    vbActivationTell("STOPPING=1");
}
