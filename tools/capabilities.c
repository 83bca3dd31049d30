/*
 * capabilities.c: what QEMU binaries and this host can do about ballooning and assigned devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "domain_conf.h"
#include "emulator.h"
#include "host.h"
#include "qemu_message.h"
#include "tool.h"
#include "vbxml.h"

/* A binary and what it says, or why it does not. */
typedef struct {
    char *path;
    qemuCaps *caps;
    GError *error;
} vbCapabilitiesEmulator;

static void
vbCapabilitiesEmulatorFree(gpointer opaque)
{
    vbCapabilitiesEmulator *emulator = opaque;

    g_free(emulator->path);
    qemuCapsUnref(emulator->caps);
    g_clear_error(&emulator->error);
    g_free(emulator);
}

static void
vbCapabilitiesAdd(GPtrArray *paths, const char *path)
{
    if (!g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL))
        g_ptr_array_add(paths, g_strdup(path));
}

/* All that is called <emulator>, in whatever <guest>. */
static void
vbCapabilitiesAddNode(GPtrArray *paths, const xmlNode *node)
{
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (vbXMLNodeIs(child, "emulator", NULL)) {
            g_autofree char *path = vbXMLText(child);

            if (path)
                vbCapabilitiesAdd(paths, path);
        } else {
            vbCapabilitiesAddNode(paths, child);
        }
    }
}

/* A libvirt on another host lists other binaries. */
static bool
vbCapabilitiesIsElsewhere(virConnectPtr conn)
{
    char *uri = virConnectGetURI(conn);
    const char *host = uri ? strstr(uri, "://") : NULL;
    bool elsewhere = host && host[strlen("://")] != '/';

    free(uri);
    return elsewhere;
}

static bool
vbCapabilitiesAskLibvirt(const vbTool *tool, GPtrArray *paths, vbExit *status)
{
    g_autoptr(virConnect) conn = vbToolConnect(tool, false);
    g_autoptr(xmlDoc) doc = NULL;
    char *xml;

    *status = VB_EXIT_NO_PEER;
    if (!conn)
        return false;
    if (vbCapabilitiesIsElsewhere(conn)) {
        vbToolError("capabilities are those of this host, and libvirt is on another one");
        *status = VB_EXIT_USAGE;
        return false;
    }
    xml = virConnectGetCapabilities(conn);
    doc = xml ? vbXMLParse(xml, strlen(xml), NULL) : NULL;
    free(xml);
    if (!doc) {
        vbToolError("cannot read libvirt's capabilities: %s", virGetLastErrorMessage());
        return false;
    }
    vbCapabilitiesAddNode(paths, xmlDocGetRootElement(doc));
    return true;
}

/* Where distributions put QEMU. */
static void
vbCapabilitiesAddUsual(GPtrArray *paths)
{
    static const char *const others[] = { "/usr/bin/qemu-kvm", "/usr/libexec/qemu-kvm" };
    g_autofree char *path = NULL;
    struct utsname name;

    if (uname(&name) == 0) {
        path = g_strdup_printf("/usr/bin/qemu-system-%s",
                               g_str_equal(name.machine, "ppc64le") ? "ppc64" : name.machine);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            vbCapabilitiesAdd(paths, path);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (g_file_test(others[i], G_FILE_TEST_IS_EXECUTABLE))
            vbCapabilitiesAdd(paths, others[i]);
    }
}

static char *
vbCapabilitiesFormatVersion(const qemuCaps *caps)
{
    return g_strdup_printf("%u.%u.%u", caps->major, caps->minor, caps->micro);
}

static void
vbCapabilitiesAppendEmulator(GString *text, const vbCapabilitiesEmulator *emulator)
{
    g_autofree char *path = qemuMessageFormatName(emulator->path);
    g_autofree char *version = NULL;
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);

    if (!emulator->caps) {
        g_autofree char *problem = qemuMessageFormatName(emulator->error->message);

        g_string_append_printf(text, "%s: %s\n\n", path, problem);
        return;
    }
    version = vbCapabilitiesFormatVersion(emulator->caps);
    g_string_append_printf(text, "%s: QEMU %s", path, version);
    if (*emulator->caps->package)
        g_string_append_printf(text, " (%s)", emulator->caps->package);
    g_string_append_printf(text, ", %s virtio-mem\n",
                           emulator->caps->virtioMem ? "with" : "without");

    g_ptr_array_add(cells, g_strdup("  DEVICE TYPE"));
    g_ptr_array_add(cells, g_strdup("CAN BE OPTED OUT (" VB_DOMAIN_OPT_OUT_PROPERTY ")"));
    for (guint i = 0; i < emulator->caps->devices->len; i++) {
        const qemuCapsDevice *device = g_ptr_array_index(emulator->caps->devices, i);

        g_ptr_array_add(cells, g_strdup_printf("  %s", device->name));
        g_ptr_array_add(cells, g_strdup(device->hasOptOut ? "yes" : "no"));
    }
    vbToolAppendTable(text, cells, 2);
    g_string_append_c(text, '\n');
}

static void
vbCapabilitiesAppendHost(GString *text, const vbHost *host)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);

    g_string_append_printf(text, "This host: VFIO %s, iommufd %s, %u IOMMU group%s\n",
                           host->vfio ? "yes" : "no", host->iommufd ? "yes" : "no",
                           host->iommuGroups, host->iommuGroups == 1 ? "" : "s");
    if (host->mdevTypes->len > 0) {
        static const char *const heads[] = {
            "  PARENT", "MEDIATED DEVICE TYPE", "MODEL", "AVAILABLE", "CAN BE COMPATIBLE",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(heads); i++)
            g_ptr_array_add(cells, g_strdup(heads[i]));
        for (guint i = 0; i < host->mdevTypes->len; i++) {
            const vbHostMdevType *type = g_ptr_array_index(host->mdevTypes, i);
            g_autofree char *parent = qemuMessageFormatName(type->parent);

            g_ptr_array_add(cells, g_strdup_printf("  %s", parent));
            g_ptr_array_add(cells, qemuMessageFormatName(type->name));
            g_ptr_array_add(cells, qemuMessageFormatName(type->model));
            g_ptr_array_add(cells, type->available ? qemuMessageFormatName(type->available) :
                            g_strdup("-"));
            g_ptr_array_add(cells, g_strdup(vbHostMdevTypeIsCompatible(type) ? "yes" : "no"));
        }
        vbToolAppendTable(text, cells, G_N_ELEMENTS(heads));
    }
    g_string_append(text, vbHostHasCompatible(host) ?
                    "  mediated devices that do not pin guest memory can be compatible with "
                    "ballooning\n" :
                    "  no device of this host can be compatible with ballooning: only mediated "
                    "devices can\n");
}

static json_object *
vbCapabilitiesEmulatorToJSON(const vbCapabilitiesEmulator *emulator)
{
    json_object *value = json_object_new_object();
    json_object *devices = json_object_new_array();
    const qemuCaps *caps = emulator->caps;

    json_object_object_add(value, "path", json_object_new_string(emulator->path));
    json_object_object_add(value, "error", emulator->error ?
                           json_object_new_string(emulator->error->message) : NULL);
    if (caps) {
        g_autofree char *version = vbCapabilitiesFormatVersion(caps);

        json_object_object_add(value, "version", json_object_new_string(version));
        json_object_object_add(value, "package", json_object_new_string(caps->package));
        json_object_object_add(value, "virtio_mem", json_object_new_boolean(caps->virtioMem));
    }
    for (guint i = 0; caps && i < caps->devices->len; i++) {
        const qemuCapsDevice *device = g_ptr_array_index(caps->devices, i);
        json_object *one = json_object_new_object();

        json_object_object_add(one, "type", json_object_new_string(device->name));
        json_object_object_add(one, "opt_out", json_object_new_boolean(device->hasOptOut));
        json_object_array_add(devices, one);
    }
    json_object_object_add(value, "devices", devices);
    return value;
}

static json_object *
vbCapabilitiesHostToJSON(const vbHost *host)
{
    json_object *value = json_object_new_object();
    json_object *types = json_object_new_array();

    for (guint i = 0; i < host->mdevTypes->len; i++) {
        const vbHostMdevType *type = g_ptr_array_index(host->mdevTypes, i);
        json_object *one = json_object_new_object();

        json_object_object_add(one, "parent", json_object_new_string(type->parent));
        json_object_object_add(one, "type", json_object_new_string(type->name));
        json_object_object_add(one, "model", json_object_new_string(type->model));
        json_object_object_add(one, "available", type->available ?
                               json_object_new_string(type->available) : NULL);
        json_object_object_add(one, "compatible",
                               json_object_new_boolean(vbHostMdevTypeIsCompatible(type)));
        json_object_array_add(types, one);
    }
    json_object_object_add(value, "vfio", json_object_new_boolean(host->vfio));
    json_object_object_add(value, "iommufd", json_object_new_boolean(host->iommufd));
    json_object_object_add(value, "iommu_groups", json_object_new_int((int)host->iommuGroups));
    json_object_object_add(value, "mediated_device_types", types);
    json_object_object_add(value, "compatible",
                           json_object_new_boolean(vbHostHasCompatible(host)));
    return value;
}

static bool
vbCapabilitiesPrint(const vbTool *tool, const GPtrArray *emulators, const vbHost *host)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (tool->json) {
        json_object *value = json_object_new_object();
        json_object *list = json_object_new_array();

        for (guint i = 0; i < emulators->len; i++)
            json_object_array_add(list, vbCapabilitiesEmulatorToJSON(
                g_ptr_array_index(emulators, i)));
        json_object_object_add(value, "emulators", list);
        json_object_object_add(value, "host", vbCapabilitiesHostToJSON(host));
        return vbToolPrintJSON(value);
    }
    if (emulators->len == 0)
        g_string_append(text, "no QEMU was found\n\n");
    for (guint i = 0; i < emulators->len; i++)
        vbCapabilitiesAppendEmulator(text, g_ptr_array_index(emulators, i));
    vbCapabilitiesAppendHost(text, host);
    return vbToolPrint(text->str);
}

/* Returns: (transfer full): one vbCapabilitiesEmulator for each of @paths; @answered: how many of
 * them have capabilities */
static GPtrArray *
vbCapabilitiesAskAll(const GPtrArray *paths, guint *answered)
{
    GPtrArray *emulators = g_ptr_array_new_with_free_func(vbCapabilitiesEmulatorFree);

    for (guint i = 0; i < paths->len; i++) {
        vbCapabilitiesEmulator *emulator = g_new0(vbCapabilitiesEmulator, 1);

        emulator->path = g_strdup(g_ptr_array_index(paths, i));
        emulator->caps = vbEmulatorAsk(emulator->path, &emulator->error);
        if (emulator->caps)
            (*answered)++;
        g_ptr_array_add(emulators, emulator);
    }
    return emulators;
}

/* Those that are named, those of the libvirt that is named, or those that are found. */
static bool
vbCapabilitiesFind(const vbTool *tool, char **named, GPtrArray *paths, vbExit *status)
{
    virConnectPtr conn;

    if (named) {
        for (guint i = 0; named[i]; i++)
            vbCapabilitiesAdd(paths, named[i]);
        return true;
    }
    if (tool->uri)
        return vbCapabilitiesAskLibvirt(tool, paths, status);
    if ((conn = virConnectOpenReadOnly(NULL))) {
        bool here = g_strcmp0(virConnectGetType(conn), "QEMU") == 0 &&
            !vbCapabilitiesIsElsewhere(conn);

        virConnectClose(conn);
        if (here)
            return vbCapabilitiesAskLibvirt(tool, paths, status);
    }
    vbCapabilitiesAddUsual(paths);
    return true;
}

vbExit
vbVerbCapabilities(const vbTool *tool, int argc, char **argv)
{
    g_auto(GStrv) named = NULL;
    g_autofree char *root = NULL;
    const GOptionEntry entries[] = {
        { "emulator", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &named, "Ask the QEMU binary PATH",
          "PATH" },
        { "root", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &root, "Look at another host",
          "DIR" },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) emulators = NULL;
    g_autoptr(vbHost) host = NULL;
    vbExit status = VB_EXIT_OK;
    guint answered = 0;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 1) {
        vbToolError("capabilities takes no arguments");
        return VB_EXIT_USAGE;
    }
    if (!vbCapabilitiesFind(tool, named, paths, &status))
        return status;
    emulators = vbCapabilitiesAskAll(paths, &answered);
    host = vbHostNew(root ? root : "/");
    if (!vbCapabilitiesPrint(tool, emulators, host))
        return VB_EXIT_NOT_SO;
    return answered == 0 || (named && answered < paths->len) ? VB_EXIT_NO_PEER : VB_EXIT_OK;
}
