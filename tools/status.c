/*
 * status.c: one line for each guest
 *
 * The monitor is not used unless '--ask' says so: it would taint every domain.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "qemu_message.h"

/* A stopped QEMU costs only its own line, and libvirt works on several at once. */
#define VB_STATUS_THREADS 8

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

typedef struct {
    virDomainPtr domain;
    bool ask;
    vbGuest *guest;
} vbStatusJob;

static void
vbStatusDomainFree(gpointer domain)
{
    virDomainFree(domain);
}

static void
vbStatusWork(gpointer data, gpointer opaque G_GNUC_UNUSED)
{
    vbStatusJob *job = data;

    job->guest = vbGuestNew(job->domain, job->ask);
}

/* The domains that are named, or all. Returns NULL and a message where one is not there. */
static GPtrArray *
vbStatusListDomains(virConnectPtr conn, bool all, int argc, char **argv)
{
    g_autoptr(GPtrArray) domains = g_ptr_array_new_with_free_func(vbStatusDomainFree);
    virDomainPtr *list = NULL;
    int count;

    for (int i = 1; i < argc; i++) {
        virDomainPtr domain = virDomainLookupByName(conn, argv[i]);

        if (!domain)
            domain = virDomainLookupByUUIDString(conn, argv[i]);
        if (!domain) {
            vbToolError("there is no domain '%s'", argv[i]);
            return NULL;
        }
        g_ptr_array_add(domains, domain);
    }
    if (argc > 1)
        return g_steal_pointer(&domains);

    count = virConnectListAllDomains(conn, &list, all ? 0 : VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (count < 0) {
        vbToolError("cannot list domains: %s", virGetLastErrorMessage());
        return NULL;
    }
    for (int i = 0; i < count; i++)
        g_ptr_array_add(domains, list[i]);
    free(list);
    return g_steal_pointer(&domains);
}

static int
vbStatusCompare(const void *a, const void *b)
{
    return strcmp(((const vbStatusJob *)a)->guest->name, ((const vbStatusJob *)b)->guest->name);
}

/* What stands in each column; to be freed. */
static void
vbStatusFormat(const vbGuest *guest, char **cells)
{
    cells[VB_STATUS_NAME] = qemuMessageFormatName(guest->name);
    cells[VB_STATUS_RESIDENT] = guest->haveResident ? vbToolFormatSize(guest->resident) :
        g_strdup("-");
    if (!guest->verdict) {
        cells[VB_STATUS_CURRENT] = g_strdup("-");
        cells[VB_STATUS_MAXIMUM] = g_strdup("-");
        cells[VB_STATUS_POLICY] = g_strdup("-");
        cells[VB_STATUS_STATE] = g_strdup("unknown");
        cells[VB_STATUS_WHY] = qemuMessageFormatName(guest->error);
        return;
    }
    cells[VB_STATUS_CURRENT] = vbToolFormatSize(guest->current);
    cells[VB_STATUS_MAXIMUM] = vbToolFormatSize(guest->maximum);
    cells[VB_STATUS_POLICY] = g_strdup(vbGuestGetPolicy(guest));
    cells[VB_STATUS_STATE] = g_strdup(qemuDomainBalloonStateTypeToString(guest->verdict->state));
    cells[VB_STATUS_WHY] = qemuMessageFormatInhibitors(guest->verdict->inhibitors);
}

/* The last column is as wide as it likes. */
static void
vbStatusPrintTable(const vbStatusJob *jobs, guint count)
{
    static const char *const heads[] = {
        "DOMAIN", "CURRENT", "MAXIMUM", "RESIDENT", "POLICY", "BALLOON", "INHIBITED BY",
    };
    g_autofree char **cells = g_new0(char *, (count + 1) * VB_STATUS_COLUMNS);
    int widths[VB_STATUS_COLUMNS] = { 0 };

    for (guint column = 0; column < VB_STATUS_COLUMNS; column++)
        cells[column] = g_strdup(heads[column]);
    for (guint i = 0; i < count; i++)
        vbStatusFormat(jobs[i].guest, cells + (i + 1) * VB_STATUS_COLUMNS);

    for (guint i = 0; i < (count + 1) * VB_STATUS_COLUMNS; i++)
        widths[i % VB_STATUS_COLUMNS] = MAX(widths[i % VB_STATUS_COLUMNS],
                                            (int)g_utf8_strlen(cells[i], -1));
    for (guint i = 0; i < (count + 1) * VB_STATUS_COLUMNS; i++) {
        guint column = i % VB_STATUS_COLUMNS;
        int padding = widths[column] - (int)g_utf8_strlen(cells[i], -1);

        if (column + 1 < VB_STATUS_COLUMNS)
            printf("%s%*s  ", cells[i], padding, "");
        else
            printf("%s\n", cells[i]);
        g_free(cells[i]);
    }
}

vbExit
vbVerbStatus(const vbTool *tool, int argc, char **argv)
{
    gboolean all = FALSE;
    gboolean ask = FALSE;
    const GOptionEntry entries[] = {
        { "all", 0, 0, G_OPTION_ARG_NONE, &all, "Show inactive domains, too", NULL },
        { "ask", 0, 0, G_OPTION_ARG_NONE, &ask, "Ask each QEMU, which taints its domain", NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(virConnect) conn = NULL;
    g_autoptr(GPtrArray) domains = NULL;
    g_autofree vbStatusJob *jobs = NULL;
    GThreadPool *pool;
    bool ok = true;

    if (!vbToolParse(entries, "one line for each guest", &argc, &argv))
        return VB_EXIT_USAGE;
    if (!(conn = vbToolConnect(tool, ask)))
        return VB_EXIT_NO_PEER;
    if (!(domains = vbStatusListDomains(conn, all, argc, argv)))
        return VB_EXIT_NOT_SO;

    jobs = g_new0(vbStatusJob, domains->len + 1);
    pool = g_thread_pool_new(vbStatusWork, NULL, VB_STATUS_THREADS, FALSE, NULL);
    for (guint i = 0; i < domains->len; i++) {
        jobs[i].domain = g_ptr_array_index(domains, i);
        jobs[i].ask = ask;
        g_thread_pool_push(pool, &jobs[i], NULL);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
    qsort(jobs, domains->len, sizeof(*jobs), vbStatusCompare);

    if (tool->json) {
        json_object *list = json_object_new_array();

        for (guint i = 0; i < domains->len; i++)
            json_object_array_add(list, vbGuestToJSON(jobs[i].guest));
        ok = vbToolPrintJSON(list);
    } else {
        vbStatusPrintTable(jobs, domains->len);
    }
    for (guint i = 0; i < domains->len; i++)
        vbGuestFree(jobs[i].guest);
    return ok ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}
