/*
 * balloon.c: moving the balloon of one running guest
 *
 * A guest follows at its own pace or not at all, so every wait has an end: the time in which it
 * does not come any nearer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "balloon.h"

#include <libvirt/virterror.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "guests.h"
#include "qemu_message.h"

#define VB_BALLOON_POLL_USEC 200000
/* KiB; a guest moves whole pages of its own, which are as large as that on some machines. */
#define VB_BALLOON_PAGE 64

struct _vbBalloon {
    virConnectPtr conn; /* or... */
    virDomainPtr domain;
    vbMonitor *monitor; /* ...this one */
    vbGuest *guest;
    char *title;
    int timeout;
    bool progress;
    bool moved;
};

static volatile sig_atomic_t vbBalloonSignalled;

static void
vbBalloonSignal(int number G_GNUC_UNUSED)
{
    vbBalloonSignalled = 1;
}

static void
vbBalloonCatchSignals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = vbBalloonSignal,
                                .sa_flags = (int)SA_RESETHAND | SA_RESTART };

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        sigaction(numbers[i], &action, NULL);
}

static void
vbBalloonAskLibvirt(vbBalloon *balloon, const vbTool *tool, char *name, vbExit *status)
{
    g_autoptr(GPtrArray) domains = NULL;
    g_autoptr(GPtrArray) guests = NULL;

    if (!(balloon->conn = vbToolConnect(tool, true)) ||
        !(domains = vbGuestsFind(balloon->conn, true, &name, 1, status)))
        return;
    balloon->domain = g_ptr_array_index(domains, 0);
    virDomainRef(balloon->domain);
    guests = vbGuestsInspect(balloon->conn, domains, true);
    if (guests)
        balloon->guest = g_ptr_array_steal_index(guests, 0);
}

/* Returns: false after a message */
static bool
vbBalloonCheckUsage(const vbTool *tool, int argc, char **argv, int timeout)
{
    if (tool->qmp && argc > 1) {
        vbToolError("with --qmp %s takes no domain", argv[0]);
        return false;
    }
    if (!tool->qmp && argc != 2) {
        vbToolError("%s needs one domain", argv[0]);
        return false;
    }
    if (timeout < 1) {
        vbToolError("invalid timeout '%d': expected at least one second", timeout);
        return false;
    }
    return true;
}

vbBalloon *
vbBalloonOpen(const vbTool *tool, int argc, char **argv, int timeout, vbExit *status)
{
    g_autoptr(vbBalloon) balloon = g_new0(vbBalloon, 1);
    const vbGuest *guest;
    g_autofree char *shown = NULL;

    *status = VB_EXIT_USAGE;
    if (!vbBalloonCheckUsage(tool, argc, argv, timeout))
        return NULL;
    balloon->timeout = timeout;
    balloon->progress = !tool->json && isatty(STDERR_FILENO);
    *status = VB_EXIT_NO_PEER;
    if (tool->qmp)
        balloon->guest = vbGuestAskMonitor(tool->qmp, &balloon->monitor);
    else
        vbBalloonAskLibvirt(balloon, tool, argv[1], status);
    if (!balloon->guest)
        return NULL;

    *status = VB_EXIT_NOT_SO;
    guest = balloon->guest;
    shown = qemuMessageFormatName(guest->name);
    balloon->title = g_strdup_printf("%s '%s'", guest->alone ? "QEMU" : "domain", shown);
    if (!guest->verdict) {
        vbToolError("%s: %s", balloon->title, guest->error);
        return NULL;
    }
    if (!guest->running) {
        vbToolError("%s is not running", balloon->title);
        return NULL;
    }
    if (guest->verdict->state == QEMU_DOMAIN_BALLOON_NONE) {
        vbToolError("%s has no balloon device", balloon->title);
        return NULL;
    }
    vbBalloonCatchSignals();
    return g_steal_pointer(&balloon);
}

void
vbBalloonFree(vbBalloon *balloon)
{
    if (!balloon)
        return;
    if (balloon->domain)
        virDomainFree(balloon->domain);
    if (balloon->conn)
        virConnectClose(balloon->conn);
    vbMonitorFree(balloon->monitor);
    vbGuestFree(balloon->guest);
    g_free(balloon->title);
    g_free(balloon);
}

const vbGuest *
vbBalloonGetGuest(const vbBalloon *balloon)
{
    return balloon->guest;
}

const char *
vbBalloonGetTitle(const vbBalloon *balloon)
{
    return balloon->title;
}

bool
vbBalloonIsMoved(const vbBalloon *balloon)
{
    return balloon->moved;
}

bool
vbBalloonGetResident(vbBalloon *balloon, unsigned long long *resident)
{
    if (balloon->monitor ? vbMonitorGetResident(balloon->monitor, resident) :
        vbGuestMeasure(balloon->domain, resident))
        return true;
    vbToolError("%s: nobody says how much of the host's memory it has", balloon->title);
    return false;
}

/* Whether the guests of a connection are on this host. */
static bool
vbBalloonIsLocal(const vbBalloon *balloon)
{
    g_autofree char *text = NULL;
    g_autoptr(GUri) uri = NULL;
    const char *host;

    if (balloon->monitor)
        return true;
    text = virConnectGetURI(balloon->conn);
    uri = text ? g_uri_parse(text, G_URI_FLAGS_NONE, NULL) : NULL;
    host = uri ? g_uri_get_host(uri) : NULL;
    return uri && (!host || !*host);
}

bool
vbBalloonGetAvailable(vbBalloon *balloon, unsigned long long *available)
{
    unsigned long long bytes;

    if (vbBalloonIsLocal(balloon)) {
        /* Linux's own estimate. */
        if (vbToolReadSize("/proc/meminfo", "MemAvailable", available))
            return true;
        vbToolError("this host does not say how much memory is available");
        return false;
    }
    bytes = virNodeGetFreeMemory(balloon->conn);
    *available = bytes / 1024;
    if (bytes == 0)
        vbToolError("cannot ask how much memory the host has free: %s", virGetLastErrorMessage());
    return bytes > 0;
}

static bool
vbBalloonFail(const vbBalloon *balloon, const char *problem)
{
    vbToolError("%s: %s", balloon->title, problem);
    return false;
}

static bool
vbBalloonSet(vbBalloon *balloon, unsigned long long target)
{
    g_autoptr(GError) error = NULL;

    balloon->moved = true;
    if (balloon->domain) {
        return virDomainSetMemoryFlags(balloon->domain, target, VIR_DOMAIN_AFFECT_LIVE) == 0 ||
            vbBalloonFail(balloon, virGetLastErrorMessage());
    }
    return vbMonitorSetBalloon(balloon->monitor, target * 1024, &error) ||
        vbBalloonFail(balloon, error->message);
}

static bool
vbBalloonGet(vbBalloon *balloon, unsigned long long *current)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(vbGuest) guest = NULL;

    if (balloon->monitor) {
        guint64 actual;

        if (!vbMonitorGetBalloon(balloon->monitor, &actual, &error))
            return vbBalloonFail(balloon, error->message);
        *current = actual / 1024;
        return true;
    }
    guest = vbGuestNew(balloon->domain);
    vbGuestInspect(guest, balloon->domain, false);
    if (!guest->verdict)
        return vbBalloonFail(balloon, guest->error);
    if (!guest->running)
        return vbBalloonFail(balloon, "it has stopped running");
    *current = guest->current;
    return true;
}

/* On the same line again and again; at the end nothing is left of it. */
static void
vbBalloonShow(const vbBalloon *balloon, unsigned long long current, unsigned long long target)
{
    if (!balloon->progress)
        return;
    if (current == target)
        fprintf(stderr, "\r\033[K");
    else
        fprintf(stderr, "\r\033[K%s: at %llu MiB on the way to %llu MiB", balloon->title,
                current / 1024, target / 1024);
    fflush(stderr);
}

/* Returns: false after a message */
static bool
vbBalloonAwait(vbBalloon *balloon, unsigned long long target, bool interruptible,
               unsigned long long *reached)
{
    gint64 since = g_get_monotonic_time();
    unsigned long long nearest = G_MAXUINT64;

    for (;;) {
        unsigned long long distance;

        if (!vbBalloonGet(balloon, reached))
            return false;
        if (interruptible && vbBalloonSignalled)
            return vbBalloonFail(balloon, "interrupted, the balloon goes back to where it was");
        distance = *reached > target ? *reached - target : target - *reached;
        if (distance < VB_BALLOON_PAGE)
            return true;
        /* A guest without memory to give up may go to and fro for ever. */
        if (distance < nearest)
            since = g_get_monotonic_time();
        nearest = MIN(nearest, distance);
        if (g_get_monotonic_time() - since > balloon->timeout * G_TIME_SPAN_SECOND) {
            vbToolError("%s has not come nearer to %llu KiB than %llu KiB for %d seconds: its "
                        "balloon driver does not answer, or it has no memory left to give up",
                        balloon->title, target,
                        *reached > target ? target + nearest : target - nearest, balloon->timeout);
            return false;
        }
        vbBalloonShow(balloon, *reached, target);
        g_usleep(VB_BALLOON_POLL_USEC);
    }
}

bool
vbBalloonMove(vbBalloon *balloon, unsigned long long target, bool interruptible,
              unsigned long long *reached)
{
    bool ok = vbBalloonSet(balloon, target) &&
        vbBalloonAwait(balloon, target, interruptible, reached);

    vbBalloonShow(balloon, target, target);
    return ok;
}
