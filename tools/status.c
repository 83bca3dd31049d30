/*
 * status.c: one line for each guest
 *
 * The monitor is not used unless '--ask' says so: it would taint every domain.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "guests.h"
#include "qemu_message.h"

enum {
    VB_STATUS_NAME,
    VB_STATUS_CURRENT,
    VB_STATUS_MAXIMUM,
    VB_STATUS_RESIDENT,
    VB_STATUS_POLICY,
    VB_STATUS_STATE,
    VB_STATUS_WHY,
    VB_STATUS_COLUMNS,
};

/* What inhibits, and what 'setmem' reaches all the same. */
static char *
vbStatusFormatWhy(const vbGuest *guest)
{
    char *list = qemuMessageFormatInhibitors(guest->verdict->inhibitors);
    g_autofree char *sizes = NULL;
    qemuRedirectReach reach;
    char *text;

    if (!vbGuestFindReach(guest, &reach))
        return list;
    sizes = qemuMessageFormatReach(&reach);
    text = g_strdup_printf("%s%ssizes %s", list, *list ? "; " : "", sizes);
    g_free(list);
    return text;
}

/* Adds what stands in each column. */
static void
vbStatusAddRow(const vbTool *tool, const vbGuest *guest, GPtrArray *cells)
{
    const qemuDomainVerdict *verdict = guest->verdict;
    char *row[VB_STATUS_COLUMNS] = { NULL };

    row[VB_STATUS_NAME] = qemuMessageFormatName(guest->name);
    row[VB_STATUS_STATE] = vbToolFormatState(tool, verdict ? verdict->state :
                                             QEMU_DOMAIN_BALLOON_UNKNOWN);
    if (guest->haveResident)
        row[VB_STATUS_RESIDENT] = vbToolFormatSize(guest->resident);
    if (verdict) {
        row[VB_STATUS_CURRENT] = vbToolFormatSize(guest->current);
        row[VB_STATUS_MAXIMUM] = vbToolFormatSize(guest->maximum);
        row[VB_STATUS_WHY] = vbStatusFormatWhy(guest);
    } else {
        row[VB_STATUS_WHY] = qemuMessageFormatName(guest->error);
    }
    if (verdict && !guest->alone)
        row[VB_STATUS_POLICY] = g_strdup(vbGuestGetPolicy(guest));
    for (guint i = 0; i < VB_STATUS_COLUMNS; i++)
        g_ptr_array_add(cells, row[i] ? row[i] : g_strdup("-"));
}

static bool
vbStatusPrintTable(const vbTool *tool, const GPtrArray *guests)
{
    static const char *const heads[] = {
        "DOMAIN", "CURRENT", "MAXIMUM", "RESIDENT", "POLICY", "BALLOON", "INHIBITED BY",
    };
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint column = 0; column < VB_STATUS_COLUMNS; column++)
        g_ptr_array_add(cells, g_strdup(heads[column]));
    for (guint i = 0; i < guests->len; i++)
        vbStatusAddRow(tool, g_ptr_array_index(guests, i), cells);
    vbToolAppendTable(text, cells, VB_STATUS_COLUMNS);
    return vbToolPrint(text->str);
}

static bool
vbStatusPrintJSON(const GPtrArray *guests)
{
    json_object *list = json_object_new_array();

    for (guint i = 0; i < guests->len; i++)
        json_object_array_add(list, vbGuestToJSON(g_ptr_array_index(guests, i)));
    return vbToolPrintJSON(list);
}

/* One line for each guest that runs without memory that the host has not got: one that libvirt
 * started by itself no virtballoond has judged. The fields are virtballoond's. */
static void
vbStatusLog(const GPtrArray *guests)
{
    for (guint i = 0; i < guests->len; i++) {
        const vbGuest *guest = g_ptr_array_index(guests, i);
        const qemuDomainVerdict *verdict = guest->verdict;
        g_autofree char *name = NULL;
        g_autofree char *text = NULL;
        g_autofree char *kinds = NULL;

        if (!guest->running || !verdict || verdict->state != QEMU_DOMAIN_BALLOON_INHIBITED ||
            vbGuestGetInflated(guest) == 0)
            continue;
        name = qemuMessageFormatName(guest->name);
        text = qemuMessageFormatReport(guest->name, vbGuestGetInflated(guest),
                                       verdict->inhibitors);
        kinds = qemuMessageFormatKinds(verdict->inhibitors);
        g_log_structured(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
                         "VIRTBALLOON_VERDICT", "report",
                         "VIRTBALLOON_DOMAIN", name,
                         "VIRTBALLOON_UUID", guest->uuid,
                         "VIRTBALLOON_INHIBITORS", kinds,
                         "MESSAGE", "%s", text);
    }
}

/* A domain that has gone meanwhile is no guest, unless it was asked for. */
static void
vbStatusDropGone(GPtrArray *guests)
{
    for (guint i = guests->len; i > 0; i--) {
        const vbGuest *guest = g_ptr_array_index(guests, i - 1);

        if (guest->gone)
            g_ptr_array_remove_index(guests, i - 1);
    }
}

/* Returns: (transfer full) (nullable): the guests; NULL after a message, @status says which */
static GPtrArray *
vbStatusAskLibvirt(const vbTool *tool, bool all, bool ask, int argc, char **argv, vbExit *status)
{
    g_autoptr(virConnect) conn = NULL;
    g_autoptr(GPtrArray) domains = NULL;
    GPtrArray *guests;

    *status = VB_EXIT_NO_PEER;
    if (!(conn = vbToolConnect(tool, ask)) ||
        !(domains = vbGuestsFind(conn, all, argv + 1, argc - 1, status)))
        return NULL;
    guests = vbGuestsInspect(conn, domains, ask);
    if (guests && argc == 1)
        vbStatusDropGone(guests);
    return guests;
}

vbExit
vbVerbStatus(const vbTool *tool, int argc, char **argv)
{
    gboolean all = FALSE;
    gboolean ask = FALSE;
    gboolean log = FALSE;
    const GOptionEntry entries[] = {
        { "all", 0, 0, G_OPTION_ARG_NONE, &all, "Show inactive domains, too", NULL },
        { "ask", 0, 0, G_OPTION_ARG_NONE, &ask, "Ask each QEMU, which taints its domain", NULL },
        { "log", 0, 0, G_OPTION_ARG_NONE, &log,
          "Log the guests that run inflated and inhibited, and print nothing", NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GPtrArray) guests = NULL;
    vbExit status = VB_EXIT_NO_PEER;
    bool ok;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (tool->qmp && (argc > 1 || all || ask || log)) {
        vbToolError("with --qmp status takes no domains and no options");
        return VB_EXIT_USAGE;
    }
    guests = tool->qmp ? vbGuestsAskMonitor(tool->qmp) :
        vbStatusAskLibvirt(tool, all, ask, argc, argv, &status);
    if (!guests)
        return status;
    if (log) {
        vbStatusLog(guests);
        return VB_EXIT_OK;
    }
    ok = tool->json ? vbStatusPrintJSON(guests) : vbStatusPrintTable(tool, guests);
    return ok ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}
