/*
 * systemd.c: units of the service manager, asked and told by systemctl
 *
 * systemctl waits for what it was told to do, and says in a sentence what went wrong.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "systemd.h"

#include <string.h>

#include "vberror.h"

static void
vbSystemdUnitFree(gpointer opaque)
{
    vbSystemdUnit *unit = opaque;

    g_free(unit->name);
    g_ptr_array_unref(unit->listen);
    g_ptr_array_unref(unit->dependents);
    g_free(unit->mode);
    g_free(unit->user);
    g_free(unit->group);
    g_free(unit);
}

static vbSystemdUnit *
vbSystemdUnitNew(void)
{
    vbSystemdUnit *unit = g_new0(vbSystemdUnit, 1);

    unit->listen = g_ptr_array_new_with_free_func(g_free);
    unit->dependents = g_ptr_array_new_with_free_func(g_free);
    return unit;
}

bool
vbSystemdIsRunning(void)
{
    /* As sd_booted() finds it out. */
    return g_file_test("/run/systemd/system", G_FILE_TEST_IS_DIR);
}

/* Returns: (transfer full) (nullable): what systemctl prints; NULL and @error where it fails */
static char *
vbSystemdRun(GPtrArray *argv, GError **error)
{
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    int status;

    g_ptr_array_insert(argv, 0, (char *)"systemctl");
    g_ptr_array_insert(argv, 1, (char *)"--no-pager");
    g_ptr_array_insert(argv, 2, (char *)"--no-ask-password");
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, environment, G_SPAWN_SEARCH_PATH, NULL, NULL,
                      &out, &err, &status, error))
        return NULL;
    if (status != 0) {
        g_strdelimit(g_strchomp(err), "\n", ' ');
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "systemctl fails: %s",
                    *err ? err : "it does not say why");
        return NULL;
    }
    return g_steal_pointer(&out);
}

static void
vbSystemdAddWords(GPtrArray *words, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, " ", -1);

    for (char **part = parts; *part; part++) {
        if (**part)
            g_ptr_array_add(words, g_strdup(*part));
    }
}

static void
vbSystemdSetState(vbSystemdUnit *unit, const char *state)
{
    unit->active = g_str_equal(state, "active") || g_str_equal(state, "activating") ||
        g_str_equal(state, "reloading");
    unit->failed = g_str_equal(state, "failed");
}

static void
vbSystemdSet(vbSystemdUnit *unit, const char *name, const char *value)
{
    if (g_str_equal(name, "Id"))
        unit->name = g_strdup(value);
    else if (g_str_equal(name, "LoadState"))
        unit->loaded = g_str_equal(value, "loaded");
    else if (g_str_equal(name, "ActiveState"))
        vbSystemdSetState(unit, value);
    else if (g_str_equal(name, "UnitFileState"))
        unit->enabled = g_str_has_prefix(value, "enabled");
    else if (g_str_equal(name, "Listen") && strstr(value, " ("))
        g_ptr_array_add(unit->listen, g_strndup(value, (gsize)(strstr(value, " (") - value)));
    else if (g_str_equal(name, "BoundBy") || g_str_equal(name, "RequiredBy") ||
             g_str_equal(name, "ConsistsOf"))
        vbSystemdAddWords(unit->dependents, value);
    else if (g_str_equal(name, "SocketMode"))
        unit->mode = g_strdup(value);
    else if (g_str_equal(name, "SocketUser"))
        unit->user = g_strdup(value);
    else if (g_str_equal(name, "SocketGroup"))
        unit->group = g_strdup(value);
}

GPtrArray *
vbSystemdShow(const char *const *names, GError **error)
{
    static const char *const properties =
        "--property=Id,LoadState,ActiveState,UnitFileState,Listen,BoundBy,RequiredBy,"
        "ConsistsOf,SocketMode,SocketUser,SocketGroup";
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(vbSystemdUnitFree);
    g_autofree char *text = NULL;
    g_auto(GStrv) blocks = NULL;

    g_ptr_array_add(argv, (char *)"show");
    g_ptr_array_add(argv, (char *)properties);
    for (; *names; names++)
        g_ptr_array_add(argv, (char *)*names);
    if (!(text = vbSystemdRun(argv, error)))
        return NULL;

    blocks = g_strsplit(text, "\n\n", -1);
    for (char **block = blocks; *block; block++) {
        g_auto(GStrv) lines = g_strsplit(*block, "\n", -1);
        vbSystemdUnit *unit = vbSystemdUnitNew();

        for (char **line = lines; *line; line++) {
            char *equals = strchr(*line, '=');

            if (equals) {
                *equals = '\0';
                vbSystemdSet(unit, *line, equals + 1);
            }
        }
        if (unit->name)
            g_ptr_array_add(units, unit);
        else
            vbSystemdUnitFree(unit);
    }
    return g_steal_pointer(&units);
}

bool
vbSystemdDo(const char *verb, const GPtrArray *names, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autofree char *text = NULL;

    if (names && names->len == 0)
        return true;
    g_ptr_array_add(argv, (char *)verb);
    for (guint i = 0; names && i < names->len; i++)
        g_ptr_array_add(argv, g_ptr_array_index(names, i));
    text = vbSystemdRun(argv, error);
    return text != NULL;
}
