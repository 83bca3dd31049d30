/*
 * polkit.c: polkit is asked whether a process may do something
 *
 * CheckAuthorization of org.freedesktop.PolicyKit1.Authority, with the subject that libvirtd makes
 * of a client (unix-process: pid, start-time, uid), its flag (a user may be asked) and its words
 * for each answer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "polkit.h"

#if VB_HAVE_SYSTEMD

# include <errno.h>
# include <libvirt/virterror.h>
# include <systemd/sd-bus.h>

# define VB_POLKIT_NAME "org.freedesktop.PolicyKit1"
# define VB_POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
# define VB_POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
# define VB_POLKIT_INTERACTIVE 1u

struct _vbPolkit {
    vbEpoll *epoll;
    char *address; /* or NULL */
    sd_bus *bus;   /* NULL until somebody is asked about, and once it was lost */
    vbEpollWatch *watch;
    guint timer;     /* when the bus wants to be looked at anyway, or 0 */
    GQueue requests; /* of vbPolkitRequest */
    guint64 last;    /* number of a request, by which polkit knows what is cancelled */
};

struct _vbPolkitRequest {
    vbPolkit *polkit;
    const sd_bus *bus; /* on which polkit is asked; NULL: it could not be */
    sd_bus_slot *slot; /* of the call, or NULL */
    char *action;
    char *number;
    int failure; /* errno: why not */
    guint idle;  /* where that is still to be told, or 0 */
    vbPolkitFunc func;
    gpointer opaque;
};

static void
vbPolkitRequestFree(vbPolkitRequest *request)
{
    g_queue_remove(&request->polkit->requests, request);
    g_clear_handle_id(&request->idle, g_source_remove);
    sd_bus_slot_unref(request->slot);
    g_free(request->action);
    g_free(request->number);
    g_free(request);
}

/* Tells the outcome; @request is gone then. */
static void
vbPolkitRequestEnd(vbPolkitRequest *request, gint32 code, gint32 domain, const char *text)
{
    vbPolkitFunc func = request->func;
    gpointer opaque = request->opaque;

    vbPolkitRequestFree(request);
    func(code, domain, text, opaque);
}

static gboolean
vbPolkitRequestFail(gpointer opaque)
{
    vbPolkitRequest *request = opaque;
    g_autofree char *text = g_strdup_printf("Unable to get system bus connection: Could not "
                                            "connect: %s", g_strerror(request->failure));

    request->idle = 0;
    vbPolkitRequestEnd(request, VIR_ERR_INTERNAL_ERROR, VIR_FROM_DBUS, text);
    return G_SOURCE_REMOVE;
}

/* Reads what is in the answer of a dictionary that may say so. Returns: < 0 if it is none */
static int
vbPolkitReadDismissed(sd_bus_message *reply, bool *dismissed)
{
    const char *value;
    const char *key;
    int rc = sd_bus_message_enter_container(reply, 'a', "{ss}");

    while (rc >= 0 && (rc = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0) {
        if (g_str_equal(key, "polkit.dismissed"))
            *dismissed = g_str_equal(value, "true");
    }
    return rc;
}

static int
vbPolkitAnswered(sd_bus_message *reply, void *opaque, sd_bus_error *failure G_GNUC_UNUSED)
{
    vbPolkitRequest *request = opaque;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    bool dismissed = false;
    int authorized = 0;
    int challenge = 0;

    if (error) {
        /* In libvirt's words, which are GLib's here. */
        g_autofree char *text = g_strdup_printf("GDBus.Error:%s: %s", error->name, error->message);

        vbPolkitRequestEnd(request, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS, text);
    } else if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
               sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0 ||
               vbPolkitReadDismissed(reply, &dismissed) < 0) {
        vbPolkitRequestEnd(request, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS,
                           "polkit's answer cannot be read");
    } else if (authorized) {
        vbPolkitRequestEnd(request, VIR_ERR_OK, VIR_FROM_NONE, NULL);
    } else if (dismissed) {
        vbPolkitRequestEnd(request, VIR_ERR_AUTH_CANCELLED, VIR_FROM_POLKIT,
                           "user cancelled authentication process");
    } else if (challenge) {
        g_autofree char *text =
            g_strdup_printf("no polkit agent available to authenticate action '%s'",
                            request->action);

        vbPolkitRequestEnd(request, VIR_ERR_AUTH_UNAVAILABLE, VIR_FROM_POLKIT, text);
    } else {
        vbPolkitRequestEnd(request, VIR_ERR_AUTH_FAILED, VIR_FROM_POLKIT,
                           "access denied by policy");
    }
    return 0;
}

static vbPolkitRequest *
vbPolkitFindRequest(const vbPolkit *polkit, const sd_bus *bus)
{
    GList *item;

    for (item = polkit->requests.head; item; item = item->next) {
        vbPolkitRequest *request = item->data;

        if (request->bus == bus)
            return request;
    }
    return NULL;
}

/* The bus is gone: whoever is still asked about is not let in, and may try again on the next. */
static void
vbPolkitDisconnect(vbPolkit *polkit)
{
    sd_bus *bus = g_steal_pointer(&polkit->bus);
    vbPolkitRequest *request;

    g_clear_handle_id(&polkit->timer, g_source_remove);
    g_clear_pointer(&polkit->watch, vbEpollWatchRemove);
    sd_bus_close(bus);
    while ((request = vbPolkitFindRequest(polkit, bus)))
        vbPolkitRequestEnd(request, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS,
                           "the connection to the system bus has ended");
    sd_bus_unref(bus);
}

static void
vbPolkitUpdate(vbPolkit *polkit);

static void
vbPolkitProcess(vbPolkit *polkit)
{
    /* A callback may have somebody else asked about, on this bus. */
    sd_bus *bus = sd_bus_ref(polkit->bus);
    int rc;

    do {
        rc = sd_bus_process(bus, NULL);
    } while (rc > 0);
    sd_bus_unref(bus);
    if (rc < 0 || sd_bus_is_open(polkit->bus) <= 0)
        vbPolkitDisconnect(polkit);
    else
        vbPolkitUpdate(polkit);
}

static void
vbPolkitEvent(guint32 events G_GNUC_UNUSED, gpointer opaque)
{
    vbPolkitProcess(opaque);
}

static gboolean
vbPolkitTimeout(gpointer opaque)
{
    vbPolkit *polkit = opaque;

    polkit->timer = 0;
    vbPolkitProcess(polkit);
    return G_SOURCE_REMOVE;
}

/* Waits for what the bus wants to be woken by. */
static void
vbPolkitUpdate(vbPolkit *polkit)
{
    int events = sd_bus_get_events(polkit->bus);
    guint64 due = G_MAXUINT64;

    /* poll() and epoll have the same numbers. */
    vbEpollWatchSet(polkit->watch, events > 0 ? (guint32)events : 0);
    g_clear_handle_id(&polkit->timer, g_source_remove);
    if (sd_bus_get_timeout(polkit->bus, &due) > 0 && due != G_MAXUINT64) {
        gint64 left = (gint64)due - g_get_monotonic_time();

        polkit->timer = g_timeout_add((guint)(MAX(left, 0) / 1000 + (left > 0)), vbPolkitTimeout,
                                      polkit);
    }
}

/* Returns: 0, or the negative errno that the bus cannot be connected to with */
static int
vbPolkitConnect(vbPolkit *polkit)
{
    sd_bus *bus = NULL;
    int rc;

    if (polkit->address) {
        rc = sd_bus_new(&bus);
        if (rc >= 0)
            rc = sd_bus_set_address(bus, polkit->address);
        if (rc >= 0)
            rc = sd_bus_set_bus_client(bus, 1);
        if (rc >= 0)
            rc = sd_bus_start(bus);
    } else {
        rc = sd_bus_open_system(&bus);
    }
    if (rc >= 0)
        rc = sd_bus_get_fd(bus);
    if (rc >= 0) {
        polkit->watch = vbEpollAdd(polkit->epoll, rc, 0, vbPolkitEvent, polkit);
        rc = polkit->watch ? 0 : -errno;
    }
    if (rc < 0) {
        sd_bus_unref(bus);
        return rc;
    }
    polkit->bus = bus;
    return 0;
}

vbPolkit *
vbPolkitNew(vbEpoll *epoll, const char *address)
{
    vbPolkit *polkit = g_new0(vbPolkit, 1);

    polkit->epoll = epoll;
    polkit->address = g_strdup(address);
    g_queue_init(&polkit->requests);
    return polkit;
}

void
vbPolkitFree(vbPolkit *polkit)
{
    if (!polkit)
        return;
    if (polkit->bus)
        vbPolkitDisconnect(polkit);
    g_free(polkit->address);
    g_free(polkit);
}

/* Returns: 0, or a negative errno */
static int
vbPolkitRequestSend(vbPolkitRequest *request, const vbPeer *peer)
{
    sd_bus *bus = request->polkit->bus;
    sd_bus_message *call = NULL;
    int rc;

    rc = sd_bus_message_new_method_call(bus, &call, VB_POLKIT_NAME, VB_POLKIT_PATH,
                                        VB_POLKIT_INTERFACE, "CheckAuthorization");
    if (rc >= 0)
        rc = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "unix-process", 3,
                                   "pid", "u", (guint32)peer->pid,
                                   "start-time", "t", peer->startTime,
                                   "uid", "i", (gint32)peer->uid,
                                   request->action, 0, VB_POLKIT_INTERACTIVE, request->number);
    if (rc >= 0)
        rc = sd_bus_call_async(bus, &request->slot, call, vbPolkitAnswered, request, G_MAXUINT64);
    if (rc >= 0)
        request->bus = bus;
    sd_bus_message_unref(call);
    return rc;
}

vbPolkitRequest *
vbPolkitCheck(vbPolkit *polkit, const char *action, const vbPeer *peer, vbPolkitFunc func,
              gpointer opaque)
{
    vbPolkitRequest *request = g_new0(vbPolkitRequest, 1);
    int rc = 0;

    request->polkit = polkit;
    request->action = g_strdup(action);
    request->number = g_strdup_printf("virtballoond-%" G_GUINT64_FORMAT, ++polkit->last);
    request->func = func;
    request->opaque = opaque;
    g_queue_push_tail(&polkit->requests, request);

    if (!polkit->bus)
        rc = vbPolkitConnect(polkit);
    if (rc >= 0)
        rc = vbPolkitRequestSend(request, peer);
    if (rc < 0) {
        request->failure = -rc;
        request->idle = g_idle_add_full(G_PRIORITY_DEFAULT, vbPolkitRequestFail, request, NULL);
    }
    if (polkit->bus)
        vbPolkitUpdate(polkit);
    return request;
}

void
vbPolkitRequestCancel(vbPolkitRequest *request)
{
    vbPolkit *polkit = request->polkit;

    /* Without it polkit would go on to ask for a password. */
    if (polkit->bus && request->bus == polkit->bus) {
        sd_bus_call_method_async(polkit->bus, NULL, VB_POLKIT_NAME, VB_POLKIT_PATH,
                                 VB_POLKIT_INTERFACE, "CancelCheckAuthorization", NULL, NULL, "s",
                                 request->number);
        vbPolkitUpdate(polkit);
    }
    vbPolkitRequestFree(request);
}

#else

struct _vbPolkit {
    char nothing;
};

vbPolkit *
vbPolkitNew(vbEpoll *epoll G_GNUC_UNUSED, const char *address G_GNUC_UNUSED)
{
    return g_new0(vbPolkit, 1);
}

void
vbPolkitFree(vbPolkit *polkit)
{
    g_free(polkit);
}

vbPolkitRequest *
vbPolkitCheck(vbPolkit *polkit G_GNUC_UNUSED, const char *action G_GNUC_UNUSED,
              const vbPeer *peer G_GNUC_UNUSED, vbPolkitFunc func G_GNUC_UNUSED,
              gpointer opaque G_GNUC_UNUSED)
{
    /* The configuration does not allow auth=polkit. */
    g_assert_not_reached();
}

void
vbPolkitRequestCancel(vbPolkitRequest *request G_GNUC_UNUSED)
{
}

#endif
