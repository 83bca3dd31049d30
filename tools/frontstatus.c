/*
 * frontstatus.c: whether virtballoond is in front of libvirt's daemon, and what leads past it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <unistd.h>

#include "front.h"
#include "guest.h"
#include "listening.h"

/* A socket by which libvirt or QEMU can be reached. */
typedef struct {
    char *address;
    char *owner; /* the unit that holds it, or the process */
    const char *leads;
    bool bypass;
} vbFrontSocket;

enum {
    VB_FRONT_COLUMN_SOCKET,
    VB_FRONT_COLUMN_OWNER,
    VB_FRONT_COLUMN_BYPASS,
    VB_FRONT_COLUMN_LEADS,
    VB_FRONT_COLUMNS,
};

static void
vbFrontSocketFree(gpointer opaque)
{
    vbFrontSocket *sock = opaque;

    g_free(sock->address);
    g_free(sock->owner);
    g_free(sock);
}

static gint
vbFrontSocketCompare(gconstpointer a, gconstpointer b)
{
    const vbFrontSocket *const *first = a;
    const vbFrontSocket *const *second = b;

    return strcmp((*first)->address, (*second)->address);
}

/* Says where a socket leads. @program: libvirt's daemon, or that of the unit */
static void
vbFrontSocketJudge(vbFrontSocket *sock, const vbFront *front, const char *program)
{
    bool inFront = vbFrontIs(front);

    sock->bypass = false;
    if (g_str_has_prefix(program, "virtballoond"))
        sock->leads = "to virtballoond";
    else if (strstr(sock->address, "-admin-sock"))
        sock->leads = "to the administration of the daemon, to no guest";
    else if (g_str_has_prefix(sock->address, VB_FRONT_UPSTREAM_DIR "/"))
        sock->leads = "virtballoond to libvirt; for root alone";
    else if (inFront && g_str_has_prefix(program, "virtproxyd") &&
             g_str_equal(front->kind->daemon, "virtqemud"))
        sock->leads = "to virtqemud's socket, which is virtballoond's";
    else if (g_str_has_prefix(program, "qemu-") || g_str_equal(program, "kvm")) {
        sock->leads = "to QEMU's monitor";
        sock->bypass = true;
    } else {
        sock->leads = "to libvirt";
        sock->bypass = true;
    }
}

static void
vbFrontAddSocket(GPtrArray *sockets, const vbFront *front, const char *address, const char *program,
                 pid_t pid)
{
    vbFrontSocket *sock;

    /* What systemd holds is handed to the daemon when that runs. */
    for (guint i = 0; i < sockets->len; i++) {
        sock = g_ptr_array_index(sockets, i);
        if (g_str_equal(sock->address, address))
            return;
    }
    sock = g_new0(vbFrontSocket, 1);
    sock->address = g_strdup(address);
    sock->owner = pid > 0 ? g_strdup_printf("%s (%lld)", program, (long long)pid) :
        g_strdup(program);
    vbFrontSocketJudge(sock, front, program);
    g_ptr_array_add(sockets, sock);
}

/* Returns: (transfer full) (nullable) (element-type vbFrontSocket): NULL after a message */
static GPtrArray *
vbFrontFindSockets(const vbFront *front)
{
    static const char *const names[] = { "libvirtd*.socket", "virtqemud*.socket",
                                         "virtproxyd*.socket", "virtballoond*.socket", NULL };
    g_autoptr(GPtrArray) sockets = g_ptr_array_new_with_free_func(vbFrontSocketFree);
    g_autoptr(GPtrArray) listening = vbListeningFind();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) units = vbSystemdShow(names, &error);

    if (!units) {
        vbToolError("%s", error->message);
        return NULL;
    }
    for (guint i = 0; i < units->len; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(units, i);

        for (guint j = 0; unit->active && j < unit->listen->len; j++)
            vbFrontAddSocket(sockets, front, g_ptr_array_index(unit->listen, j), unit->name, 0);
    }
    for (guint i = 0; i < listening->len; i++) {
        const vbListening *one = g_ptr_array_index(listening, i);

        vbFrontAddSocket(sockets, front, one->address, one->program, one->pid);
    }
    g_ptr_array_sort(sockets, vbFrontSocketCompare);
    return g_steal_pointer(&sockets);
}

/* Returns: (transfer full): how it is, in a sentence */
static char *
vbFrontFormatState(const vbFront *front)
{
    if (!front->kind)
        return g_strdup("virtballoond is not in front: systemd holds no socket of libvirt's");
    if (vbFrontIs(front))
        return g_strdup_printf("virtballoond is in front of %s", front->kind->daemon);
    if (front->linked == 0)
        return g_strdup_printf("virtballoond is not in front of %s", front->kind->daemon);
    return g_strdup_printf("virtballoond should be in front of %s and is not: %u of %d drop-ins "
                           "are there; 'virt-balloon front enable' or 'disable' puts it right",
                           front->kind->daemon, front->linked, VB_FRONT_LINKS);
}

static bool
vbFrontPrintTable(const char *state, const GPtrArray *sockets)
{
    static const char *const heads[] = { "SOCKET", "OF", "BYPASS", "LEADS" };
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "%s\n", state);
    for (guint i = 0; i < VB_FRONT_COLUMNS; i++)
        g_ptr_array_add(cells, g_strdup(heads[i]));
    for (guint i = 0; i < sockets->len; i++) {
        const vbFrontSocket *sock = g_ptr_array_index(sockets, i);
        char *row[VB_FRONT_COLUMNS];

        row[VB_FRONT_COLUMN_SOCKET] = vbToolFormatText(sock->address);
        row[VB_FRONT_COLUMN_OWNER] = vbToolFormatText(sock->owner);
        row[VB_FRONT_COLUMN_BYPASS] = g_strdup(sock->bypass ? "yes" : "no");
        row[VB_FRONT_COLUMN_LEADS] = g_strdup(sock->leads);
        for (guint j = 0; j < VB_FRONT_COLUMNS; j++)
            g_ptr_array_add(cells, row[j]);
    }
    if (sockets->len > 0)
        vbToolAppendTable(text, cells, VB_FRONT_COLUMNS);
    return vbToolPrint(text->str);
}

static bool
vbFrontPrintJSON(const vbFront *front, const char *state, const GPtrArray *sockets)
{
    json_object *document = json_object_new_object();
    json_object *list = json_object_new_array();

    json_object_object_add(document, "front", json_object_new_boolean(vbFrontIs(front)));
    json_object_object_add(document, "daemon",
                           vbGuestStringToJSON(front->kind ? front->kind->daemon : NULL));
    json_object_object_add(document, "state", vbGuestStringToJSON(state));
    for (guint i = 0; i < sockets->len; i++) {
        const vbFrontSocket *sock = g_ptr_array_index(sockets, i);
        json_object *entry = json_object_new_object();

        json_object_object_add(entry, "socket", vbGuestStringToJSON(sock->address));
        json_object_object_add(entry, "of", vbGuestStringToJSON(sock->owner));
        json_object_object_add(entry, "bypass", json_object_new_boolean(sock->bypass));
        json_object_object_add(entry, "leads", vbGuestStringToJSON(sock->leads));
        json_object_array_add(list, entry);
    }
    json_object_object_add(document, "sockets", list);
    return vbToolPrintJSON(document);
}

vbExit
vbFrontStatus(const vbTool *tool, const vbFront *front)
{
    g_autoptr(GPtrArray) sockets = vbFrontFindSockets(front);
    g_autofree char *state = vbFrontFormatState(front);
    bool ok;

    if (!sockets)
        return VB_EXIT_NO_PEER;
    if (geteuid() != 0)
        vbToolError("not every socket is shown: only root sees those of every process");
    ok = tool->json ? vbFrontPrintJSON(front, state, sockets) : vbFrontPrintTable(state, sockets);
    return ok && vbFrontIs(front) ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}
