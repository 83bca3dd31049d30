/*
 * vbepoll.c: many file descriptors behind one GSource
 *
 * A watch that is removed while events are being delivered may have one of its own waiting, so it
 * is only marked then and freed when the delivery is over.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbepoll.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vberror.h"

#define VB_EPOLL_EVENTS 64

typedef struct {
    GSource source;
    vbEpoll *epoll;
} vbEpollSource;

struct _vbEpoll {
    int fd;
    GSource *source;
    bool delivering;
    GSList *removed; /* of vbEpollWatch: waiting for the end of the delivery */
};

struct _vbEpollWatch {
    vbEpoll *epoll;
    int fd; /* -1 once removed */
    guint32 events;
    vbEpollFunc func;
    gpointer opaque;
};

static gboolean
vbEpollDispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                gpointer data G_GNUC_UNUSED)
{
    vbEpoll *epoll = ((vbEpollSource *)source)->epoll;
    struct epoll_event events[VB_EPOLL_EVENTS];
    int n = epoll_wait(epoll->fd, events, VB_EPOLL_EVENTS, 0);
    int i;

    epoll->delivering = true;
    for (i = 0; i < n; i++) {
        vbEpollWatch *watch = events[i].data.ptr;
        /* What one watch does may change what another one waits for. */
        guint32 wanted = events[i].events & (watch->events | EPOLLERR | EPOLLHUP);

        if (watch->fd >= 0 && wanted)
            watch->func(wanted, watch->opaque);
    }
    epoll->delivering = false;
    g_slist_free_full(g_steal_pointer(&epoll->removed), g_free);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs vbEpollSourceFuncs = { .dispatch = vbEpollDispatch };

vbEpoll *
vbEpollNew(GError **error)
{
    vbEpoll *epoll;
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot create an epoll set: %s",
                    g_strerror(errno));
        return NULL;
    }

    epoll = g_new0(vbEpoll, 1);
    epoll->fd = fd;
    epoll->source = g_source_new(&vbEpollSourceFuncs, sizeof(vbEpollSource));
    ((vbEpollSource *)epoll->source)->epoll = epoll;
    g_source_set_name(epoll->source, "vbEpoll");
    /* Nobody runs a main loop inside of a delivery.  GLib would take the descriptor off its list
     * while one goes on, and wake itself up for it, twice: three system calls. */
    g_source_set_can_recurse(epoll->source, TRUE);
    g_source_add_unix_fd(epoll->source, fd, G_IO_IN);
    g_source_attach(epoll->source, NULL);
    return epoll;
}

void
vbEpollFree(vbEpoll *epoll)
{
    if (!epoll)
        return;
    g_source_destroy(epoll->source);
    g_source_unref(epoll->source);
    close(epoll->fd);
    g_free(epoll);
}

vbEpollWatch *
vbEpollAdd(vbEpoll *epoll, int fd, guint32 events, vbEpollFunc func, gpointer opaque)
{
    vbEpollWatch *watch = g_new0(vbEpollWatch, 1);
    struct epoll_event event = { .events = events ? events : EPOLLET, .data.ptr = watch };

    if (epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        g_free(watch);
        return NULL;
    }
    watch->epoll = epoll;
    watch->fd = fd;
    watch->events = events;
    watch->func = func;
    watch->opaque = opaque;
    return watch;
}

void
vbEpollWatchSet(vbEpollWatch *watch, guint32 events)
{
    /* The kernel reports a hang-up unasked; edge-triggered, it cannot do so over and over. */
    struct epoll_event event = { .events = events ? events : EPOLLET, .data.ptr = watch };

    if (watch->events == events)
        return;
    /* Changing a member of the set allocates nothing, so it cannot fail. */
    epoll_ctl(watch->epoll->fd, EPOLL_CTL_MOD, watch->fd, &event);
    watch->events = events;
}

void
vbEpollWatchRemove(vbEpollWatch *watch)
{
    epoll_ctl(watch->epoll->fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fd = -1;
    if (watch->epoll->delivering)
        watch->epoll->removed = g_slist_prepend(watch->epoll->removed, watch);
    else
        g_free(watch);
}
