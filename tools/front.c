/*
 * front.c: whether virtballoond is in front of libvirt's daemon on this host
 *
 * systemd holds the sockets of both. Drop-ins that are installed with virtballoond move libvirt's
 * to a directory that only root enters, and add the paths where libvirt's clients look to
 * virtballoond's. They count once they are linked to where systemd reads them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* libvirt's clients look for the modular one first. */
const vbFrontKind vbFrontKinds[VB_FRONT_KINDS] = {
    { "virtqemud", "/run/libvirt/virtqemud-sock" },
    { "libvirtd", "/run/libvirt/libvirt-sock" },
};

const char *const vbFrontLinks[VB_FRONT_LINKS] = {
    "%s.socket", "%s-ro.socket", "virtballoond.socket", "virtballoond-ro.socket",
    "virtballoond.service", "libvirt-guests.service",
};

static const char *const vbFrontUnits[] = {
    "%s.service", "%s.socket", "%s-ro.socket", "%s-admin.socket", "%s-tcp.socket",
    "%s-tls.socket", "virtballoond.service", "virtballoond.socket", "virtballoond-ro.socket",
};

char *
vbFrontFormat(const vbFrontKind *kind, const char *format)
{
    g_auto(GStrv) parts = g_strsplit(format, "%s", 2);

    return g_strjoinv(kind->daemon, parts);
}

char *
vbFrontGetDirectory(const vbFrontKind *kind, const char *format)
{
    g_autofree char *unit = vbFrontFormat(kind, format);

    return g_strdup_printf("%s/%s.d", VB_FRONT_UNITS, unit);
}

bool
vbFrontIsLinked(const vbFrontKind *kind, const char *format)
{
    g_autofree char *directory = vbFrontGetDirectory(kind, format);
    g_autofree char *path = g_build_filename(directory, VB_FRONT_NAME, NULL);
    g_autofree char *target = g_file_read_link(path, NULL);
    g_autofree char *start = g_strdup_printf("%s/%s/", VB_FRONT_INSTALLED, kind->daemon);

    return target && g_str_has_prefix(target, start);
}

static guint
vbFrontCountLinks(const vbFrontKind *kind)
{
    guint count = 0;

    for (size_t i = 0; i < VB_FRONT_LINKS; i++)
        count += vbFrontIsLinked(kind, vbFrontLinks[i]);
    return count;
}

void
vbFrontFree(vbFront *front)
{
    if (!front)
        return;
    if (front->units)
        g_ptr_array_unref(front->units);
    g_free(front);
}

const vbSystemdUnit *
vbFrontFindUnit(const vbFront *front, const char *format)
{
    g_autofree char *name = vbFrontFormat(front->kind, format);

    for (guint i = 0; i < front->units->len; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(front->units, i);

        if (g_str_equal(unit->name, name))
            return unit;
    }
    return NULL;
}

static bool
vbFrontUnitListens(const vbSystemdUnit *unit, const char *path)
{
    return unit && g_ptr_array_find_with_equal_func(unit->listen, path, g_str_equal, NULL);
}

/* Finds out which daemon is meant. */
static bool
vbFrontFindKind(vbFront *front, GError **error)
{
    const char *const names[] = { "virtqemud.socket", "libvirtd.socket", NULL };
    g_autoptr(GPtrArray) sockets = vbSystemdShow(names, error);

    if (!sockets)
        return false;
    for (size_t i = 0; i < VB_FRONT_KINDS && !front->kind; i++) {
        front->linked = vbFrontCountLinks(&vbFrontKinds[i]);
        if (front->linked > 0)
            front->kind = &vbFrontKinds[i];
    }
    for (guint i = 0; i < sockets->len && !front->kind; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(sockets, i);

        if (unit->active)
            front->kind = &vbFrontKinds[i];
    }
    return true;
}

bool
vbFrontLook(vbFront *front, GError **error)
{
    const char *names[G_N_ELEMENTS(vbFrontUnits) + 1] = { NULL };

    g_clear_pointer(&front->units, g_ptr_array_unref);
    for (size_t i = 0; i < G_N_ELEMENTS(vbFrontUnits); i++)
        names[i] = vbFrontFormat(front->kind, vbFrontUnits[i]);
    front->units = vbSystemdShow(names, error);
    for (size_t i = 0; i < G_N_ELEMENTS(vbFrontUnits); i++)
        g_free((char *)names[i]);
    if (!front->units)
        return false;

    front->linked = vbFrontCountLinks(front->kind);
    front->listens = vbFrontUnitListens(vbFrontFindUnit(front, "virtballoond.socket"),
                                        front->kind->path) &&
        !vbFrontUnitListens(vbFrontFindUnit(front, "%s.socket"), front->kind->path);
    return true;
}

vbFront *
vbFrontNew(void)
{
    g_autoptr(vbFront) front = g_new0(vbFront, 1);
    g_autoptr(GError) error = NULL;

    if (!vbFrontFindKind(front, &error) || (front->kind && !vbFrontLook(front, &error))) {
        vbToolError("%s", error->message);
        return NULL;
    }
    return g_steal_pointer(&front);
}

bool
vbFrontIs(const vbFront *front)
{
    const vbSystemdUnit *ours = front->kind ? vbFrontFindUnit(front, "virtballoond.socket") : NULL;

    return ours && ours->active && front->listens && front->linked == VB_FRONT_LINKS;
}

/* Two changes at once would start what the other one has just stopped. Held until the end. */
static int vbFrontLockFd = -1;

static bool
vbFrontLock(void)
{
    vbFrontLockFd = open(VB_FRONT_UNITS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (vbFrontLockFd >= 0 && flock(vbFrontLockFd, LOCK_EX | LOCK_NB) == 0)
        return true;
    vbToolError("cannot lock '%s': %s", VB_FRONT_UNITS, g_strerror(errno));
    return false;
}

/* Returns: whether somebody who may do it asked for something that there is, here */
static bool
vbFrontIsPossible(const vbTool *tool, const char *what, vbExit *status)
{
    static const char *const words[] = { "enable", "disable", "status", NULL };

    *status = VB_EXIT_USAGE;
    if (!g_strv_contains(words, what)) {
        vbToolError("front takes one word: 'enable', 'disable' or 'status'");
        return false;
    }
    if (tool->uri) {
        vbToolError("front does not go with --connect: it is about this host");
        return false;
    }
    *status = VB_EXIT_NOT_SO;
    if (!g_str_equal(what, "status") && geteuid() != 0) {
        vbToolError("only root can %s it", what);
        return false;
    }
    *status = VB_EXIT_NO_PEER;
    if (!vbSystemdIsRunning() && !g_str_equal(what, "disable")) {
        vbToolError("systemd does not run here, and holds no sockets");
        return false;
    }
    return true;
}

vbExit
vbVerbFront(const vbTool *tool, int argc, char **argv)
{
    static const GOptionEntry entries[] = { G_OPTION_ENTRY_NULL };
    g_autoptr(vbFront) front = NULL;
    const char *what;
    vbExit status;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    what = argc == 2 ? argv[1] : "";
    if (!vbFrontIsPossible(tool, what, &status))
        return status;
    if (!vbSystemdIsRunning())
        return vbFrontDisableOffline();
    if (!g_str_equal(what, "status") && !vbFrontLock())
        return VB_EXIT_NOT_SO;
    if (!(front = vbFrontNew()))
        return VB_EXIT_NO_PEER;
    if (g_str_equal(what, "status"))
        return vbFrontStatus(tool, front);
    if (front->kind)
        return g_str_equal(what, "enable") ? vbFrontEnable(front) : vbFrontDisable(front);
    if (g_str_equal(what, "disable"))
        return VB_EXIT_OK;
    vbToolError("systemd holds no socket of libvirt's: neither virtqemud.socket nor "
                "libvirtd.socket is active");
    return VB_EXIT_NO_PEER;
}
