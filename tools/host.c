/*
 * host.c: what a host has for the assignment of its devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "host.h"

#include <string.h>

static void
vbHostMdevTypeFree(gpointer opaque)
{
    vbHostMdevType *type = opaque;

    g_free(type->parent);
    g_free(type->name);
    g_free(type->model);
    g_free(type->available);
    g_free(type);
}

static gint
vbHostCompare(gconstpointer a, gconstpointer b)
{
    const char *const *first = a;
    const char *const *second = b;

    return strcmp(*first, *second);
}

/* The names in a directory, in order; none where there is no such directory. */
static GPtrArray *
vbHostList(const char *path)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(name));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_sort(names, vbHostCompare);
    return names;
}

static char *
vbHostRead(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL))
        g_strchomp(text);
    return text;
}

static void
vbHostAddTypes(vbHost *host, const char *bus, const char *parent)
{
    g_autofree char *directory = g_build_filename(bus, parent, "mdev_supported_types", NULL);
    g_autoptr(GPtrArray) names = vbHostList(directory);

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *path = g_build_filename(directory, name, NULL);
        vbHostMdevType *type = g_new0(vbHostMdevType, 1);

        type->parent = g_strdup(parent);
        type->name = g_strdup(name);
        type->model = vbHostRead(path, "device_api");
        type->available = vbHostRead(path, "available_instances");
        if (!type->model)
            type->model = g_strdup("unknown");
        g_ptr_array_add(host->mdevTypes, type);
    }
}

vbHost *
vbHostNew(const char *root)
{
    vbHost *host = g_new0(vbHost, 1);
    g_autofree char *vfio = g_build_filename(root, "dev/vfio/vfio", NULL);
    g_autofree char *iommufd = g_build_filename(root, "dev/iommu", NULL);
    g_autofree char *groups = g_build_filename(root, "sys/kernel/iommu_groups", NULL);
    g_autofree char *bus = g_build_filename(root, "sys/class/mdev_bus", NULL);
    g_autoptr(GPtrArray) groupNames = vbHostList(groups);
    g_autoptr(GPtrArray) parents = vbHostList(bus);

    host->vfio = g_file_test(vfio, G_FILE_TEST_EXISTS);
    host->iommufd = g_file_test(iommufd, G_FILE_TEST_EXISTS);
    host->iommuGroups = groupNames->len;
    host->mdevTypes = g_ptr_array_new_with_free_func(vbHostMdevTypeFree);
    for (guint i = 0; i < parents->len; i++)
        vbHostAddTypes(host, bus, g_ptr_array_index(parents, i));
    return host;
}

void
vbHostFree(vbHost *host)
{
    if (!host)
        return;
    g_ptr_array_unref(host->mdevTypes);
    g_free(host);
}

bool
vbHostMdevTypeIsCompatible(const vbHostMdevType *type)
{
    static const char *const models[] = { "vfio-pci", "vfio-ccw", "vfio-ap", NULL };

    return g_strv_contains(models, type->model);
}

bool
vbHostHasCompatible(const vbHost *host)
{
    for (guint i = 0; i < host->mdevTypes->len; i++) {
        if (vbHostMdevTypeIsCompatible(g_ptr_array_index(host->mdevTypes, i)))
            return true;
    }
    return false;
}
