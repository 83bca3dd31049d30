/*
 * vbepoll.c: many file descriptors behind one GSource
 *
 * The main loop would ask the kernel twice: whether there is something, with poll(), and then what,
 * with epoll_wait().  Where it waits for nothing but the set and its own wake-ups, which is always
 * but while another program is being asked something, the wake-ups are part of the set, and
 * epoll_wait() is asked at once; what it has said is kept for the delivery, which other sources may
 * delay.
 *
 * A watch that is removed while events wait or are being delivered may have one of its own among
 * them, so it is only marked then and freed when the delivery is over.
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
    int wakeUp; /* GLib's descriptor that is in the set, or -1 */
    struct epoll_event events[VB_EPOLL_EVENTS];
    int ready; /* of them, which wait for the delivery; -1: it is to ask */
    bool delivering;
    GSList *removed; /* of vbEpollWatch: they go when the delivery is over */
};

struct _vbEpollWatch {
    vbEpoll *epoll;
    int fd; /* -1 once removed */
    guint32 events;
    vbEpollFunc func;
    gpointer opaque;
};

/* The set that the main loop is asked about at once, or NULL. */
static vbEpoll *vbEpollPolled;

/* Has GLib's own descriptor in the set, which it keeps as long as the main context. */
static bool
vbEpollTakeWakeUp(vbEpoll *epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

    if (epoll->wakeUp < 0 && epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &event) == 0)
        epoll->wakeUp = fd;
    return epoll->wakeUp == fd;
}

/* In the place of poll(). */
static gint
vbEpollPoll(GPollFD *fds, guint count, gint timeout)
{
    vbEpoll *epoll = vbEpollPolled;
    GPollFD *set = NULL;
    GPollFD *wakeUp = NULL;
    int n;
    int i;

    for (guint j = 0; count == 2 && j < count; j++) {
        if (epoll && fds[j].fd == epoll->fd)
            set = &fds[j];
        else
            wakeUp = &fds[j];
    }
    if (!set || !wakeUp || wakeUp->events != G_IO_IN || !vbEpollTakeWakeUp(epoll, wakeUp->fd))
        return g_poll(fds, count, timeout);

    set->revents = wakeUp->revents = 0;
    /* Those that wait are not told again, and a hang-up may be told only once. */
    n = epoll->ready;
    if (n < 0)
        n = epoll_wait(epoll->fd, epoll->events, VB_EPOLL_EVENTS, timeout);
    for (i = 0; i < n; i++) {
        if (epoll->events[i].data.ptr)
            set->revents = G_IO_IN;
        else
            wakeUp->revents = G_IO_IN;
    }
    if (set->revents)
        epoll->ready = n;
    return n < 0 ? -1 : (set->revents != 0) + (wakeUp->revents != 0);
}

static gboolean
vbEpollDispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                gpointer data G_GNUC_UNUSED)
{
    vbEpoll *epoll = ((vbEpollSource *)source)->epoll;
    int i;

    if (epoll->ready < 0)
        epoll->ready = epoll_wait(epoll->fd, epoll->events, VB_EPOLL_EVENTS, 0);
    epoll->delivering = true;
    for (i = 0; i < epoll->ready; i++) {
        vbEpollWatch *watch = epoll->events[i].data.ptr;
        /* What one watch does may change what another one waits for. */
        guint32 wanted = watch ? epoll->events[i].events & (watch->events | EPOLLERR | EPOLLHUP) :
            0;

        if (wanted && watch->fd >= 0)
            watch->func(wanted, watch->opaque);
    }
    epoll->delivering = false;
    epoll->ready = -1;
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
    epoll->wakeUp = epoll->ready = -1;
    epoll->source = g_source_new(&vbEpollSourceFuncs, sizeof(vbEpollSource));
    ((vbEpollSource *)epoll->source)->epoll = epoll;
    g_source_set_name(epoll->source, "vbEpoll");
    /* Nobody runs a main loop inside of a delivery.  GLib would take the descriptor off its list
     * while one goes on, and wake itself up for it, twice: three system calls. */
    g_source_set_can_recurse(epoll->source, TRUE);
    g_source_add_unix_fd(epoll->source, fd, G_IO_IN);
    g_source_attach(epoll->source, NULL);
    vbEpollPolled = epoll;
    g_main_context_set_poll_func(NULL, vbEpollPoll);
    return epoll;
}

void
vbEpollFree(vbEpoll *epoll)
{
    if (!epoll)
        return;
    if (vbEpollPolled == epoll) {
        vbEpollPolled = NULL;
        g_main_context_set_poll_func(NULL, NULL);
    }
    g_slist_free_full(epoll->removed, g_free);
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
    if (watch->epoll->delivering || watch->epoll->ready >= 0)
        watch->epoll->removed = g_slist_prepend(watch->epoll->removed, watch);
    else
        g_free(watch);
}
