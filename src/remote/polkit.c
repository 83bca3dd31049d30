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

#include <gio/gio.h>
#include <libvirt/virterror.h>

#define VB_POLKIT_NAME "org.freedesktop.PolicyKit1"
#define VB_POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define VB_POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define VB_POLKIT_INTERACTIVE 1u

struct _vbPolkit {
    char *address; /* or NULL */
    GDBusConnection *bus; /* NULL until somebody is asked about, and once it was lost */
    GCancellable *connecting; /* while the bus is being connected to, or NULL */
    GQueue waiting; /* of vbPolkitRequest: for the bus */
    guint64 last; /* number of a request, by which polkit knows what is cancelled */
};

struct _vbPolkitRequest {
    vbPolkit *polkit;
    char *action;
    guint32 pid;
    guint64 startTime;
    gint32 uid;
    char *number;
    GCancellable *cancellable; /* of the call, or NULL while the request waits */
    vbPolkitFunc func;
    gpointer opaque;
};

static void
vbPolkitRequestFree(vbPolkitRequest *request)
{
    g_clear_object(&request->cancellable);
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

static void
vbPolkitRequestAnswered(vbPolkitRequest *request, GVariant *reply)
{
    g_autoptr(GVariant) details = NULL;
    const char *dismissed = NULL;
    gboolean authorized;
    gboolean challenge;

    g_variant_get(reply, "((bb@a{ss}))", &authorized, &challenge, &details);
    g_variant_lookup(details, "polkit.dismissed", "&s", &dismissed);
    if (authorized) {
        vbPolkitRequestEnd(request, VIR_ERR_OK, VIR_FROM_NONE, NULL);
    } else if (g_strcmp0(dismissed, "true") == 0) {
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
}

static void
vbPolkitCalled(GObject *source, GAsyncResult *result, gpointer opaque)
{
    vbPolkitRequest *request = opaque;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result,
                                                              &error);

    /* Nobody waits, whatever has come meanwhile. */
    if (g_cancellable_is_cancelled(request->cancellable))
        vbPolkitRequestFree(request);
    else if (reply)
        vbPolkitRequestAnswered(request, reply);
    else
        vbPolkitRequestEnd(request, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS, error->message);
}

static void
vbPolkitRequestSend(vbPolkitRequest *request)
{
    GVariantBuilder subject;

    g_variant_builder_init(&subject, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&subject, "{sv}", "pid", g_variant_new_uint32(request->pid));
    g_variant_builder_add(&subject, "{sv}", "start-time",
                          g_variant_new_uint64(request->startTime));
    g_variant_builder_add(&subject, "{sv}", "uid", g_variant_new_int32(request->uid));

    request->cancellable = g_cancellable_new();
    g_dbus_connection_call(request->polkit->bus, VB_POLKIT_NAME, VB_POLKIT_PATH,
                           VB_POLKIT_INTERFACE, "CheckAuthorization",
                           g_variant_new("((sa{sv})sa{ss}us)", "unix-process", &subject,
                                         request->action, NULL, VB_POLKIT_INTERACTIVE,
                                         request->number),
                           G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                           request->cancellable, vbPolkitCalled, request);
}

static void
vbPolkitConnected(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer opaque)
{
    vbPolkit *polkit = opaque;
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = g_dbus_connection_new_for_address_finish(result, &error);
    vbPolkitRequest *request;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* and @polkit is gone */
    g_clear_object(&polkit->connecting);
    polkit->bus = bus;
    while ((request = g_queue_pop_head(&polkit->waiting))) {
        if (bus) {
            vbPolkitRequestSend(request);
        } else {
            g_autofree char *text = g_strdup_printf("Unable to get system bus connection: %s",
                                                    error->message);

            vbPolkitRequestEnd(request, VIR_ERR_INTERNAL_ERROR, VIR_FROM_DBUS, text);
        }
    }
}

static void
vbPolkitConnect(vbPolkit *polkit)
{
    g_autofree char *system = NULL;
    const char *address = polkit->address;

    /* No bus is asked for this one: it is a constant or in the environment. */
    if (!address)
        address = system = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
    polkit->connecting = g_cancellable_new();
    g_dbus_connection_new_for_address(address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
                                      polkit->connecting, vbPolkitConnected, polkit);
}

vbPolkit *
vbPolkitNew(const char *address)
{
    vbPolkit *polkit = g_new0(vbPolkit, 1);

    polkit->address = g_strdup(address);
    g_queue_init(&polkit->waiting);
    return polkit;
}

void
vbPolkitFree(vbPolkit *polkit)
{
    if (!polkit)
        return;
    if (polkit->connecting)
        g_cancellable_cancel(polkit->connecting);
    g_clear_object(&polkit->connecting);
    g_clear_object(&polkit->bus);
    g_free(polkit->address);
    g_free(polkit);
}

vbPolkitRequest *
vbPolkitCheck(vbPolkit *polkit, const char *action, const vbPeer *peer, vbPolkitFunc func,
              gpointer opaque)
{
    vbPolkitRequest *request = g_new0(vbPolkitRequest, 1);

    request->polkit = polkit;
    request->action = g_strdup(action);
    request->pid = (guint32)peer->pid;
    request->startTime = peer->startTime;
    request->uid = (gint32)peer->uid;
    request->number = g_strdup_printf("virtballoond-%" G_GUINT64_FORMAT, ++polkit->last);
    request->func = func;
    request->opaque = opaque;

    /* The bus may have been restarted. */
    if (polkit->bus && g_dbus_connection_is_closed(polkit->bus))
        g_clear_object(&polkit->bus);
    if (polkit->bus) {
        vbPolkitRequestSend(request);
    } else {
        g_queue_push_tail(&polkit->waiting, request);
        if (!polkit->connecting)
            vbPolkitConnect(polkit);
    }
    return request;
}

void
vbPolkitRequestCancel(vbPolkitRequest *request)
{
    vbPolkit *polkit = request->polkit;

    if (!request->cancellable) {
        g_queue_remove(&polkit->waiting, request);
        vbPolkitRequestFree(request);
        return;
    }
    /* Without it polkit would go on to ask for a password. */
    if (polkit->bus)
        g_dbus_connection_call(polkit->bus, VB_POLKIT_NAME, VB_POLKIT_PATH, VB_POLKIT_INTERFACE,
                               "CancelCheckAuthorization", g_variant_new("(s)", request->number),
                               NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
    g_cancellable_cancel(request->cancellable);
}
