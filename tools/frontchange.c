/*
 * frontchange.c: puts virtballoond in front of libvirt's daemon, and takes it away again
 *
 * Whatever does not come about is undone: a host must not be left without libvirt.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front.h"
#include "vberror.h"

/* Before an administrator's own: who may connect, where libvirt's socket is not for everybody. */
#define VB_FRONT_ACCESS "50-virt-balloon-front.conf"
/* Both daemons are started for it. */
#define VB_FRONT_ANSWER_SECONDS 60

/* What is done to change over. */
typedef struct {
    const vbFront *front;
    GPtrArray *all;    /* units: what is stopped */
    GPtrArray *before; /* what is started where virtballoond is not in front */
    GPtrArray *after;  /* what is started where it is */
} vbFrontPlan;

static void
vbFrontPlanFree(vbFrontPlan *plan)
{
    g_ptr_array_unref(plan->all);
    g_ptr_array_unref(plan->before);
    g_ptr_array_unref(plan->after);
    g_free(plan);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbFrontPlan, vbFrontPlanFree)

/* Adds what ends with libvirt's units and is not one of them. */
static bool
vbFrontPlanAddDependents(vbFrontPlan *plan, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(GPtrArray) units = NULL;

    for (guint i = 0; i < plan->front->units->len; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(plan->front->units, i);

        for (guint j = 0; j < unit->dependents->len; j++) {
            const char *name = g_ptr_array_index(unit->dependents, j);

            if (!vbFrontFindUnit(plan->front, name))
                g_ptr_array_add(names, (char *)name);
        }
    }
    if (names->len == 0)
        return true;
    g_ptr_array_add(names, NULL);
    if (!(units = vbSystemdShow((const char *const *)names->pdata, error)))
        return false;
    for (guint i = 0; i < units->len; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(units, i);

        if (unit->active) {
            g_ptr_array_add(plan->before, g_strdup(unit->name));
            g_ptr_array_add(plan->after, g_strdup(unit->name));
        }
    }
    return true;
}

/* What runs is started again, and so are sockets that should and do not. */
static vbFrontPlan *
vbFrontPlanNew(const vbFront *front, GError **error)
{
    g_autoptr(vbFrontPlan) plan = g_new0(vbFrontPlan, 1);
    const vbSystemdUnit *readonly = vbFrontFindUnit(front, "%s-ro.socket");

    plan->front = front;
    plan->all = g_ptr_array_new_with_free_func(g_free);
    plan->before = g_ptr_array_new_with_free_func(g_free);
    plan->after = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < front->units->len; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(front->units, i);
        bool ours = g_str_has_prefix(unit->name, "virtballoond");
        bool wanted = unit->active || unit->failed ||
            (unit->enabled && unit == vbFrontFindUnit(front, "%s.socket"));

        if (!unit->loaded)
            continue;
        g_ptr_array_add(plan->all, g_strdup(unit->name));
        if (ours ? unit->enabled && unit->listen->len > 0 : wanted)
            g_ptr_array_add(plan->before, g_strdup(unit->name));
        if (!ours && wanted)
            g_ptr_array_add(plan->after, g_strdup(unit->name));
    }
    /* Of a service that was not started for a client it is known at once that it cannot start. */
    g_ptr_array_add(plan->after, g_strdup("virtballoond.service"));
    g_ptr_array_add(plan->after, g_strdup("virtballoond.socket"));
    if (readonly && (readonly->active || readonly->failed))
        g_ptr_array_add(plan->after, g_strdup("virtballoond-ro.socket"));
    if (!vbFrontPlanAddDependents(plan, error))
        return NULL;
    return g_steal_pointer(&plan);
}

static bool
vbFrontFail(GError **error, const char *problem, const char *path)
{
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "%s '%s': %s", problem, path,
                g_strerror(errno));
    return false;
}

static bool
vbFrontLink(const vbFrontKind *kind, const char *format, GError **error)
{
    g_autofree char *unit = vbFrontFormat(kind, format);
    g_autofree char *directory = vbFrontGetDirectory(kind, format);
    g_autofree char *path = g_build_filename(directory, VB_FRONT_NAME, NULL);
    g_autofree char *target = g_strdup_printf("%s/%s/%s.d/%s", VB_FRONT_INSTALLED, kind->daemon,
                                              unit, VB_FRONT_NAME);

    if (access(target, R_OK) < 0)
        return vbFrontFail(error, "cannot read", target);
    if (g_mkdir_with_parents(directory, 0755) < 0)
        return vbFrontFail(error, "cannot make directory", directory);
    if ((unlink(path) < 0 && errno != ENOENT) || symlink(target, path) < 0)
        return vbFrontFail(error, "cannot make link", path);
    return true;
}

/* Who may connect to libvirt's socket may connect to virtballoond's, and nobody else. */
static bool
vbFrontCopyAccess(const vbSystemdUnit *theirs, const char *name, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s.d/%s", VB_FRONT_UNITS, name, VB_FRONT_ACCESS);
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *text = NULL;

    if (!theirs || (g_ascii_strtoull(theirs->mode, NULL, 8) & 0006) == 0006)
        return true;
    text = g_strdup_printf("# As %s had it before virtballoond was in front of it.\n"
                           "[Socket]\nSocketMode=%s\nSocketUser=%s\nSocketGroup=%s\n",
                           theirs->name, theirs->mode, theirs->user, theirs->group);
    if (g_mkdir_with_parents(directory, 0755) < 0)
        return vbFrontFail(error, "cannot make directory", directory);
    return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, error);
}

static bool
vbFrontLinkAll(const vbFront *front, GError **error)
{
    /* With the link what it says is ours. */
    bool first = !vbFrontIsLinked(front->kind, "%s.socket");

    if (first && (!vbFrontCopyAccess(vbFrontFindUnit(front, "%s.socket"), "virtballoond.socket",
                                     error) ||
                  !vbFrontCopyAccess(vbFrontFindUnit(front, "%s-ro.socket"),
                                     "virtballoond-ro.socket", error)))
        return false;
    for (size_t i = 0; i < VB_FRONT_LINKS; i++) {
        if (!vbFrontLink(front->kind, vbFrontLinks[i], error))
            return false;
    }
    return true;
}

/* What is there is removed; directories stay where something else is in them. */
static bool
vbFrontUnlinkAll(const vbFrontKind *kind, GError **error)
{
    static const char *const names[] = { VB_FRONT_NAME, VB_FRONT_ACCESS };

    for (size_t i = 0; i < VB_FRONT_LINKS; i++) {
        g_autofree char *directory = vbFrontGetDirectory(kind, vbFrontLinks[i]);

        for (size_t j = 0; j < G_N_ELEMENTS(names); j++) {
            g_autofree char *path = g_build_filename(directory, names[j], NULL);

            if (unlink(path) < 0 && errno != ENOENT)
                return vbFrontFail(error, "cannot remove", path);
        }
        rmdir(directory);
    }
    return true;
}

/* What has failed is forgotten, so that it can be started again. */
static bool
vbFrontForgetFailures(const GPtrArray *names, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    g_autoptr(GPtrArray) failed = g_ptr_array_new();
    g_autoptr(GPtrArray) units = NULL;

    for (guint i = 0; i < names->len; i++)
        g_ptr_array_add(list, g_ptr_array_index(names, i));
    g_ptr_array_add(list, NULL);
    if (!(units = vbSystemdShow((const char *const *)list->pdata, error)))
        return false;
    for (guint i = 0; i < units->len; i++) {
        const vbSystemdUnit *unit = g_ptr_array_index(units, i);

        if (unit->failed)
            g_ptr_array_add(failed, unit->name);
    }
    return vbSystemdDo("reset-failed", failed, error);
}

/* Stops everything, says how it is to be and starts it. What fails does not keep the rest from
 * being done: libvirt is to run again. */
static bool
vbFrontChange(const vbFrontPlan *plan, bool inFront, GError **error)
{
    const vbFrontKind *kind = plan->front->kind;
    bool ok = vbSystemdDo("stop", plan->all, error);

    ok = (inFront ? vbFrontLinkAll(plan->front, ok ? error : NULL) :
          vbFrontUnlinkAll(kind, ok ? error : NULL)) && ok;
    ok = vbSystemdDo("daemon-reload", NULL, ok ? error : NULL) && ok;
    ok = vbFrontForgetFailures(plan->all, ok ? error : NULL) && ok;
    if (!inFront) {
        rmdir(VB_FRONT_UPSTREAM_DIR);
        rmdir("/run/virtballoond");
    }
    return vbSystemdDo("start", inFront ? plan->after : plan->before, ok ? error : NULL) && ok;
}

typedef struct {
    char *uri;
    bool readonly;
    GAsyncQueue *answers; /* of strings: why libvirt does not answer, or "" */
} vbFrontQuestion;

static gpointer
vbFrontConnect(gpointer opaque)
{
    vbFrontQuestion *question = opaque;
    virConnectPtr conn = question->readonly ? virConnectOpenReadOnly(question->uri) :
        virConnectOpen(question->uri);
    unsigned long version;
    bool ok = conn && virConnectGetLibVersion(conn, &version) == 0;

    g_async_queue_push(question->answers, g_strdup(ok ? "" : virGetLastErrorMessage()));
    if (conn)
        virConnectClose(conn);
    g_async_queue_unref(question->answers);
    g_free(question->uri);
    g_free(question);
    return NULL;
}

/* Whether libvirt answers at a path. A daemon that hangs keeps its thread, and not this one. */
static bool
vbFrontAnswers(const char *path, bool readonly, GError **error)
{
    g_autoptr(GAsyncQueue) answers = g_async_queue_new_full(g_free);
    g_autofree char *problem = NULL;
    vbFrontQuestion *question = g_new0(vbFrontQuestion, 1);

    question->uri = g_strdup_printf("qemu:///system?socket=%s%s", path, readonly ? "-ro" : "");
    question->readonly = readonly;
    question->answers = g_async_queue_ref(answers);
    g_thread_unref(g_thread_new("connect", vbFrontConnect, question));
    problem = g_async_queue_timeout_pop(answers, VB_FRONT_ANSWER_SECONDS * G_TIME_SPAN_SECOND);
    if (problem && !*problem)
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "libvirt does not answer at '%s%s': %s", path,
                readonly ? "-ro" : "", problem ? problem : "nothing came for a minute");
    return false;
}

/* Whether libvirt answers where its clients look for it. */
static bool
vbFrontServes(const vbFront *front, GError **error)
{
    const vbSystemdUnit *readonly = vbFrontFindUnit(front, "%s-ro.socket");

    return vbFrontAnswers(front->kind->path, false, error) &&
        (!readonly || !readonly->active || vbFrontAnswers(front->kind->path, true, error));
}

/* Whether the drop-ins have the effect that they should have. */
static bool
vbFrontCheck(vbFront *front, bool inFront, GError **error)
{
    if (!vbFrontLook(front, error))
        return false;
    if (inFront && !front->listens) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM,
                    "'%s' is not virtballoond's: other settings of %s.socket or "
                    "virtballoond.socket are in force", front->kind->path, front->kind->daemon);
        return false;
    }
    return vbFrontServes(front, error);
}

static vbExit
vbFrontRollBack(vbFront *front, const vbFrontPlan *plan, const GError *reason)
{
    g_autoptr(GError) error = NULL;

    vbToolError("%s", reason->message);
    if (vbFrontChange(plan, false, &error) && vbFrontCheck(front, false, &error))
        vbToolError("virtballoond was not put in front of %s: everything is as it was",
                    front->kind->daemon);
    else
        vbToolError("virtballoond was taken away again, and still: %s", error->message);
    return VB_EXIT_NOT_SO;
}

vbExit
vbFrontEnable(vbFront *front)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(vbFrontPlan) plan = NULL;
    g_autofree char *text = g_strdup_printf("virtballoond is in front of %s\n",
                                            front->kind->daemon);

    if (vbFrontIs(front) && vbFrontServes(front, NULL))
        return vbToolPrint(text) ? VB_EXIT_OK : VB_EXIT_NOT_SO;
    /* What does not work before cannot be told from what does not work because of this. */
    if (front->linked == 0 && !vbFrontServes(front, &error)) {
        vbToolError("%s; nothing was changed", error->message);
        return VB_EXIT_NO_PEER;
    }
    if (!(plan = vbFrontPlanNew(front, &error))) {
        vbToolError("%s", error->message);
        return VB_EXIT_NOT_SO;
    }
    vbToolIgnoreSignals();
    if (!vbFrontChange(plan, true, &error) || !vbFrontCheck(front, true, &error))
        return vbFrontRollBack(front, plan, error);
    return vbToolPrint(text) ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}

vbExit
vbFrontDisable(vbFront *front)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(vbFrontPlan) plan = NULL;
    g_autofree char *text = g_strdup_printf("virtballoond is not in front of %s\n",
                                            front->kind->daemon);

    /* What systemd has not read again yet counts, too. */
    if (front->linked == 0 && !front->listens)
        return vbToolPrint(text) ? VB_EXIT_OK : VB_EXIT_NOT_SO;
    vbToolIgnoreSignals();
    if (!(plan = vbFrontPlanNew(front, &error)) || !vbFrontChange(plan, false, &error) ||
        !vbFrontCheck(front, false, &error)) {
        vbToolError("%s", error->message);
        return VB_EXIT_NOT_SO;
    }
    return vbToolPrint(text) ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}

vbExit
vbFrontDisableOffline(void)
{
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < VB_FRONT_KINDS; i++) {
        if (!vbFrontUnlinkAll(&vbFrontKinds[i], &error)) {
            vbToolError("%s", error->message);
            return VB_EXIT_NOT_SO;
        }
    }
    return VB_EXIT_OK;
}

