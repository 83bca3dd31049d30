/*
 * guests.c: many guests at once
 *
 * First the state of every guest, then what is resident: libvirt answers the first without QEMU
 * unless QEMU is to be asked, and the second by asking it.  Threads that wait for QEMU for ever are
 * left behind, so they work on what is theirs, and hand it over under a lock.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "guests.h"
#include "vbuuid.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

/* libvirt works on five calls of a client at a time, as shipped. */
#define VB_GUESTS_THREADS 5
#define VB_GUESTS_SILENCE_SECONDS 10

typedef struct {
    GMutex lock;
    GCond finished;
    guint left;        /* jobs without an answer */
    bool over;         /* nobody waits for the others any more */
    bool measure;      /* only what is resident is wanted */
    bool ask;
    GPtrArray *guests; /* of vbGuest, or NULL where it is not known yet; one for each domain */
} vbGuestsRound;

typedef struct {
    vbGuestsRound *round; /* counted */
    virDomainPtr domain;  /* counted */
    guint index;
} vbGuestsJob;

static void
vbGuestsDomainFree(gpointer domain)
{
    if (domain)
        virDomainFree(domain);
}

static void
vbGuestsGuestFree(gpointer guest)
{
    vbGuestFree(guest);
}

static void
vbGuestsRoundClear(gpointer opaque)
{
    vbGuestsRound *round = opaque;

    g_mutex_clear(&round->lock);
    g_cond_clear(&round->finished);
    g_ptr_array_unref(round->guests);
}

/* Reports libvirt's last error. Returns what to exit with. */
static vbExit
vbGuestsFail(virConnectPtr conn, const char *problem)
{
    vbToolError("%s: %s", problem, virGetLastErrorMessage());
    return virConnectIsAlive(conn) == 1 ? VB_EXIT_NOT_SO : VB_EXIT_NO_PEER;
}

static virDomainPtr
vbGuestsFindOne(virConnectPtr conn, const char *name, vbExit *status)
{
    virDomainPtr domain = virDomainLookupByName(conn, name);
    guint8 uuid[VIR_UUID_BUFLEN];

    if (!domain && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN && vbUUIDParse(name, uuid))
        domain = virDomainLookupByUUID(conn, uuid);
    if (domain)
        return domain;

    if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
        vbToolError("there is no domain '%s'", name);
        *status = VB_EXIT_NOT_SO;
    } else {
        *status = vbGuestsFail(conn, "cannot look up a domain");
    }
    return NULL;
}

GPtrArray *
vbGuestsFind(virConnectPtr conn, bool all, char **names, int count, vbExit *status)
{
    g_autoptr(GPtrArray) domains = g_ptr_array_new_with_free_func(vbGuestsDomainFree);
    virDomainPtr *list = NULL;
    int listed;

    for (int i = 0; i < count; i++) {
        virDomainPtr domain = vbGuestsFindOne(conn, names[i], status);

        if (!domain)
            return NULL;
        g_ptr_array_add(domains, domain);
    }
    if (count > 0)
        return g_steal_pointer(&domains);

    listed = virConnectListAllDomains(conn, &list, all ? 0 : VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (listed < 0) {
        *status = vbGuestsFail(conn, "cannot list domains");
        return NULL;
    }
    for (int i = 0; i < listed; i++)
        g_ptr_array_add(domains, list[i]);
    free(list);
    return g_steal_pointer(&domains);
}

static void
vbGuestsWork(gpointer data, gpointer opaque G_GNUC_UNUSED)
{
    vbGuestsJob *job = data;
    vbGuestsRound *round = job->round;
    g_autoptr(vbGuest) guest = round->measure ? NULL : vbGuestNew(job->domain);
    unsigned long long resident = 0;
    bool haveResident = false;

    if (guest)
        vbGuestInspect(guest, job->domain, round->ask);
    else
        haveResident = vbGuestMeasure(job->domain, &resident);

    g_mutex_lock(&round->lock);
    if (!round->over && guest) {
        round->guests->pdata[job->index] = g_steal_pointer(&guest);
    } else if (!round->over && haveResident) {
        vbGuest *measured = g_ptr_array_index(round->guests, job->index);

        measured->haveResident = true;
        measured->resident = resident;
    }
    round->left--;
    g_cond_signal(&round->finished);
    g_mutex_unlock(&round->lock);

    g_atomic_rc_box_release_full(round, vbGuestsRoundClear);
    virDomainFree(job->domain);
    g_free(job);
}

/* Returns: whether every job has ended */
static bool
vbGuestsAwait(vbGuestsRound *round)
{
    bool all = true;

    g_mutex_lock(&round->lock);
    while (round->left > 0 && all) {
        gint64 deadline = g_get_monotonic_time() + VB_GUESTS_SILENCE_SECONDS * G_TIME_SPAN_SECOND;
        guint before = round->left;

        while (round->left == before && all)
            all = g_cond_wait_until(&round->finished, &round->lock, deadline);
    }
    round->over = true;
    g_mutex_unlock(&round->lock);
    return all;
}

/* Returns: whether every guest was answered for */
static bool
vbGuestsRun(const GPtrArray *domains, GPtrArray *guests, bool measure, bool ask)
{
    vbGuestsRound *round = g_atomic_rc_box_new0(vbGuestsRound);
    GThreadPool *pool = g_thread_pool_new(vbGuestsWork, NULL, VB_GUESTS_THREADS, FALSE, NULL);
    g_autoptr(GPtrArray) jobs = g_ptr_array_new();
    bool all;

    g_mutex_init(&round->lock);
    g_cond_init(&round->finished);
    round->measure = measure;
    round->ask = ask;
    round->guests = g_ptr_array_ref(guests);
    for (guint i = 0; i < domains->len; i++) {
        const vbGuest *guest = g_ptr_array_index(guests, i);
        vbGuestsJob *job;

        if (measure && !guest->running)
            continue;
        job = g_new0(vbGuestsJob, 1);
        job->round = g_atomic_rc_box_acquire(round);
        job->domain = g_ptr_array_index(domains, i);
        job->index = i;
        virDomainRef(job->domain);
        g_ptr_array_add(jobs, job);
    }
    round->left = jobs->len;
    for (guint i = 0; i < jobs->len; i++)
        g_thread_pool_push(pool, g_ptr_array_index(jobs, i), NULL);
    all = vbGuestsAwait(round);
    /* Jobs that were not begun are dropped, and what they hold with them. */
    g_thread_pool_free(pool, TRUE, FALSE);
    g_atomic_rc_box_release_full(round, vbGuestsRoundClear);
    return all;
}

static gint
vbGuestsCompare(gconstpointer a, gconstpointer b)
{
    const vbGuest *const *first = a;
    const vbGuest *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

GPtrArray *
vbGuestsInspect(virConnectPtr conn, const GPtrArray *domains, bool ask)
{
    g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(vbGuestsGuestFree);
    bool all;

    g_ptr_array_set_size(guests, (gint)domains->len);
    all = vbGuestsRun(domains, guests, false, ask);
    for (guint i = 0; i < domains->len; i++) {
        if (!g_ptr_array_index(guests, i)) {
            vbGuest *guest = vbGuestNew(g_ptr_array_index(domains, i));

            guest->error = g_strdup_printf("nothing was answered for %d seconds",
                                           VB_GUESTS_SILENCE_SECONDS);
            guests->pdata[i] = guest;
        }
    }
    /* Calls that are not answered keep the next ones from being read. */
    if (all)
        vbGuestsRun(domains, guests, true, ask);
    if (virConnectIsAlive(conn) != 1) {
        vbToolError("libvirt has closed the connection");
        return NULL;
    }
    g_ptr_array_sort(guests, vbGuestsCompare);
    return g_steal_pointer(&guests);
}

vbGuest *
vbGuestAskMonitor(const char *path, vbMonitor **monitor)
{
    g_autoptr(GError) error = NULL;
    vbGuest *guest = NULL;

    *monitor = vbMonitorOpen(path, &error);
    if (*monitor)
        guest = vbGuestNewFromMonitor(*monitor, &error);
    if (!guest)
        vbToolError("cannot ask QEMU at '%s': %s", path, error->message);
    return guest;
}

GPtrArray *
vbGuestsAskMonitor(const char *path)
{
    g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(vbGuestsGuestFree);
    g_autoptr(vbMonitor) monitor = NULL;
    vbGuest *guest = vbGuestAskMonitor(path, &monitor);

    if (!guest)
        return NULL;
    g_ptr_array_add(guests, guest);
    return g_steal_pointer(&guests);
}
