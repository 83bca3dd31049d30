/*
 * domain_conf.c: what virt-balloon reads of libvirt's <domain> document
 *
 * Elements and attributes are found where libvirt's XPath finds them: outside any namespace, the
 * first one where libvirt takes one, in every <devices> where libvirt takes all.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_conf.h"

#include <limits.h>
#include <string.h>

#include "domain_memory.h"
#include "domain_override.h"
#include "vberror.h"
#include "vbxml.h"

/* A memory balloon of libvirt's own has twenty; one with many more is not one that only changes
 * its policy. */
#define VB_DOMAIN_MEMBALLOON_NODES_MAX 200

static const char *const vbDomainBalloonPolicyNames[] = {
    [VB_DOMAIN_BALLOON_POLICY_DEFAULT] = "default",
    [VB_DOMAIN_BALLOON_POLICY_BLOCK] = "block",
    [VB_DOMAIN_BALLOON_POLICY_WARN] = "warn",
    [VB_DOMAIN_BALLOON_POLICY_IGNORE] = "ignore",
    [VB_DOMAIN_BALLOON_POLICY_REDIRECT] = "redirect",
};

static const char *const vbDomainHostdevNames[] = {
    [VB_DOMAIN_HOSTDEV_PCI] = "pci",
    [VB_DOMAIN_HOSTDEV_MDEV] = "mdev",
    [VB_DOMAIN_HOSTDEV_VDPA] = "vdpa",
};

static const char *const vbDomainMdevModelNames[] = {
    [VB_DOMAIN_MDEV_MODEL_VFIO_PCI] = "vfio-pci",
    [VB_DOMAIN_MDEV_MODEL_VFIO_CCW] = "vfio-ccw",
    [VB_DOMAIN_MDEV_MODEL_VFIO_AP] = "vfio-ap",
};

static const char *const vbDomainMemoryModelNames[] = {
    [VB_DOMAIN_MEMORY_DIMM] = "dimm",
    [VB_DOMAIN_MEMORY_VIRTIO_MEM] = "virtio-mem",
};

static const char *const vbDomainLaunchSecurityNames[] = {
    [VB_DOMAIN_LAUNCH_SECURITY_SEV] = "sev",
    [VB_DOMAIN_LAUNCH_SECURITY_SEV_SNP] = "sev-snp",
    [VB_DOMAIN_LAUNCH_SECURITY_TDX] = "tdx",
    [VB_DOMAIN_LAUNCH_SECURITY_S390_PV] = "s390-pv",
};

/* The index of @text in @names, where a value without a name is NULL; @fallback if it is not. */
static unsigned int
vbEnumFromString(const char *const *names, size_t count, const char *text, unsigned int fallback)
{
    for (unsigned int i = 0; i < count; i++) {
        if (g_strcmp0(names[i], text) == 0 && text != NULL)
            return i;
    }
    return fallback;
}

const char *
vbDomainBalloonPolicyTypeToString(vbDomainBalloonPolicy policy)
{
    if (policy >= G_N_ELEMENTS(vbDomainBalloonPolicyNames))
        return NULL;
    return vbDomainBalloonPolicyNames[policy];
}

vbDomainBalloonPolicy
vbDomainBalloonPolicyTypeFromString(const char *text)
{
    return vbEnumFromString(vbDomainBalloonPolicyNames, G_N_ELEMENTS(vbDomainBalloonPolicyNames),
                            text, VB_DOMAIN_BALLOON_POLICY_INVALID);
}

static void
vbDomainHostdevDefFree(vbDomainHostdevDef *hostdev)
{
    g_free(hostdev->typeName);
    g_free(hostdev->modelName);
    g_free(hostdev->ballooningText);
    g_free(hostdev->alias);
    g_free(hostdev->place);
    g_free(hostdev->address);
    g_free(hostdev);
}

static void
vbDomainDeviceDefFree(vbDomainDeviceDef *device)
{
    g_free(device->id);
    g_free(device->alias);
    g_free(device->address);
    g_free(device);
}

static void
vbDomainMemoryDefFree(vbDomainMemoryDef *memory)
{
    g_free(memory->alias);
    g_free(memory->xml);
    g_free(memory);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbDomainMemoryDef, vbDomainMemoryDefFree)

bool
vbDomainAliasIsUser(const char *alias)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return alias && g_str_has_prefix(alias, "ua-") && alias[strspn(alias, allowed)] == '\0';
}

static vbDomainDef *
vbDomainDefNew(void)
{
    vbDomainDef *def = g_new0(vbDomainDef, 1);

    def->id = -1;
    def->hostdevs = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainHostdevDefFree);
    def->devices = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainDeviceDefFree);
    def->memories = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainMemoryDefFree);
    vbDomainOverridesInit(def);
    return def;
}

vbDomainDef *
vbDomainDefRef(vbDomainDef *def)
{
    def->others++;
    return def;
}

void
vbDomainDefFree(vbDomainDef *def)
{
    if (!def)
        return;
    if (def->others > 0) {
        def->others--;
        return;
    }

    g_free(def->virtType);
    g_free(def->name);
    g_free(def->uuid);
    g_free(def->policyAttribute);
    g_free(def->policyText);
    g_free(def->emulator);
    xmlFreeNode(def->memballoonNode);
    g_ptr_array_unref(def->hostdevs);
    g_ptr_array_unref(def->devices);
    g_ptr_array_unref(def->memories);
    g_hash_table_unref(def->overrideIndex);
    g_ptr_array_unref(def->overrides);
    g_free(def);
}

static int
vbDomainParseInt(const char *text, int fallback)
{
    unsigned long long value;

    return text && vbXMLParseUnsigned(text, 10, INT_MAX, &value) ? (int)value : fallback;
}

/* The size in the child @name of @parent; untouched where it is absent or empty. */
static bool
vbDomainMemoryElementParseXML(const xmlNode *parent,
                              const char *name,
                              unsigned long long *kib,
                              GError **error)
{
    const xmlNode *node = vbXMLChild(parent, name);
    g_autofree char *text = vbXMLText(node);

    return !text || vbXMLParseSize(node, text, kib, error);
}

/* libvirt reads every part in base 0 (0x hexadecimal, leading 0 octal), 0 where it is absent. */
static char *
vbDomainPCIAddressParseXML(const xmlNode *address)
{
    static const char *const names[] = {"domain", "bus", "slot", "function"};
    static const unsigned long long limits[] = {UINT_MAX, 0xff, 0x1f, 7};
    unsigned long long parts[G_N_ELEMENTS(names)] = {0};

    if (!address)
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *text = vbXMLProp(address, names[i]);

        if (text && !vbXMLParseUnsigned(text, 0, limits[i], &parts[i]))
            return NULL;
    }
    return g_strdup_printf("%04llx:%02llx:%02llx.%llx", parts[0], parts[1], parts[2], parts[3]);
}

bool
vbDomainNodeIsAlias(const xmlNode *node)
{
    return vbXMLNodeIs(node, "alias", NULL) && vbXMLProp(node, "name");
}

/* The first one that has a name counts, whatever it is (9.0, tried). */
const xmlNode *
vbDomainDeviceFindAlias(const xmlNode *device)
{
    for (const xmlNode *node = device->children; node; node = node->next) {
        if (vbDomainNodeIsAlias(node))
            return node;
    }
    return NULL;
}

static char *
vbDomainDeviceAliasParseXML(const xmlNode *device)
{
    return g_strdup(vbXMLProp(vbDomainDeviceFindAlias(device), "name"));
}

static vbDomainBallooning
vbDomainBallooningFromString(const char *text)
{
    if (!text)
        return VB_DOMAIN_BALLOONING_ABSENT;
    if (strcmp(text, "on") == 0)
        return VB_DOMAIN_BALLOONING_ON;
    return strcmp(text, "off") == 0 ? VB_DOMAIN_BALLOONING_OFF : VB_DOMAIN_BALLOONING_INVALID;
}

/* @body has <driver> and <source>: @device itself, or the <actual> in an <interface>. */
static void
vbDomainHostdevDefParseXML(vbDomainDef *def,
                           const xmlNode *device,
                           const xmlNode *body,
                           vbDomainHostdevType type)
{
    const xmlNode *driver = vbXMLChild(body, "driver");
    const xmlNode *source = vbXMLChild(body, "source");
    const xmlNode *address = vbXMLChild(source, "address");
    const char *driverName = vbXMLProp(driver, "name");
    vbDomainHostdevDef *hostdev = g_new0(vbDomainHostdevDef, 1);

    hostdev->type = type;
    hostdev->typeName = g_strdup(vbXMLProp(device, "type"));
    hostdev->modelName = g_strdup(vbXMLProp(device, "model"));
    hostdev->model = VB_DOMAIN_MDEV_MODEL_OTHER;
    hostdev->isInterface = g_str_equal((const char *)device->name, "interface");
    hostdev->ballooningText = g_strdup(vbXMLPlainProp(device, "ballooning"));
    hostdev->ballooning = vbDomainBallooningFromString(hostdev->ballooningText);
    hostdev->iommufd = vbXMLPropIs(driver, "iommufd", "yes");
    hostdev->alias = vbDomainDeviceAliasParseXML(device);

    switch (type) {
    case VB_DOMAIN_HOSTDEV_PCI:
        hostdev->foreignDriver = driverName && strcmp(driverName, "vfio") != 0;
        hostdev->address = vbDomainPCIAddressParseXML(address);
        break;
    case VB_DOMAIN_HOSTDEV_MDEV:
        hostdev->model = vbEnumFromString(vbDomainMdevModelNames,
                                          G_N_ELEMENTS(vbDomainMdevModelNames),
                                          vbXMLProp(device, "model"), VB_DOMAIN_MDEV_MODEL_OTHER);
        hostdev->address = g_strdup(vbXMLProp(address, "uuid"));
        break;
    case VB_DOMAIN_HOSTDEV_VDPA:
        hostdev->address = g_strdup(vbXMLProp(source, "dev"));
        break;
    case VB_DOMAIN_HOSTDEV_OTHER:
    default:
        break;
    }

    g_ptr_array_add(def->hostdevs, hostdev);
}

static vbDomainHostdevType
vbDomainHostdevTypeParseXML(const xmlNode *node)
{
    const char *mode = vbXMLProp(node, "mode");

    if (mode && strcmp(mode, "subsystem") != 0)
        return VB_DOMAIN_HOSTDEV_OTHER;
    return vbEnumFromString(vbDomainHostdevNames, G_N_ELEMENTS(vbDomainHostdevNames),
                            vbXMLProp(node, "type"), VB_DOMAIN_HOSTDEV_OTHER);
}

/* An <interface type='hostdev'> says in its source address whether it is PCI; usb is possible. */
static vbDomainHostdevType
vbDomainNetHostdevTypeParseXML(const xmlNode *body)
{
    const xmlNode *address = vbXMLChild(vbXMLChild(body, "source"), "address");

    if (vbXMLPropIs(address, "type", "usb"))
        return VB_DOMAIN_HOSTDEV_OTHER;
    return VB_DOMAIN_HOSTDEV_PCI;
}

/* Takes @alias, @address and @id. */
static void
vbDomainDeviceDefAdd(vbDomainDef *def, vbDomainDeviceType type, char *alias, char *address,
                     char *id)
{
    vbDomainDeviceDef *device = g_new0(vbDomainDeviceDef, 1);

    device->type = type;
    device->alias = alias;
    device->address = address;
    device->id = id;
    g_ptr_array_add(def->devices, device);
}

/*
 * A dump of a running guest shows what a network interface became: libvirt writes type='hostdev'
 * and the device.  Only libvirt's status files, and dumps made for them, keep type='network' and
 * have an <actual> inside.
 */
static void
vbDomainNetDefParseXML(vbDomainDef *def, const xmlNode *node)
{
    const char *type = vbXMLProp(node, "type");
    const xmlNode *source = vbXMLChild(node, "source");
    const xmlNode *actual = vbXMLChild(node, "actual");

    if (g_strcmp0(type, "hostdev") == 0) {
        vbDomainHostdevDefParseXML(def, node, node, vbDomainNetHostdevTypeParseXML(node));
    } else if (g_strcmp0(type, "network") == 0 && vbXMLPropIs(actual, "type", "hostdev")) {
        vbDomainHostdevDefParseXML(def, node, actual, vbDomainNetHostdevTypeParseXML(actual));
    } else if (g_strcmp0(type, "network") == 0) {
        vbDomainDeviceDefAdd(def, VB_DOMAIN_DEVICE_NETWORK_NET,
                             vbDomainDeviceAliasParseXML(node),
                             g_strdup(vbXMLProp(source, "network")), NULL);
    } else if (g_strcmp0(type, "vdpa") == 0) {
        char *alias = vbDomainDeviceAliasParseXML(node);

        vbDomainDeviceDefAdd(def, VB_DOMAIN_DEVICE_VDPA_NET, alias,
                             g_strdup(vbXMLProp(source, "dev")),
                             alias ? g_strconcat("host", alias, NULL) : NULL);
    }
}

/* What libvirt calls the block node of a running guest's image. */
static char *
vbDomainStorageSourceGetNode(const xmlNode *source)
{
    const char *index = vbXMLProp(source, "index");

    return index ? g_strdup_printf("libvirt-%s-storage", index) : NULL;
}

/*
 * QEMU opens every image of a disk: those it is backed by, the target of a running copy, and the
 * data file of a qcow2 image.  How deep they nest is bounded by libxml2's limit on depth.
 */
static void
vbDomainStorageSourceParseXML(vbDomainDef *def, const xmlNode *storage, const char *alias)
{
    const xmlNode *source = vbXMLChild(storage, "source");

    if (!storage)
        return;

    if (vbXMLPropIs(storage, "type", "nvme")) {
        vbDomainDeviceDefAdd(def, VB_DOMAIN_DEVICE_NVME_DISK, g_strdup(alias),
                             vbDomainPCIAddressParseXML(vbXMLChild(source, "address")),
                             vbDomainStorageSourceGetNode(source));
    } else if (vbXMLPropIs(storage, "type", "vhostvdpa")) {
        vbDomainDeviceDefAdd(def, VB_DOMAIN_DEVICE_VHOST_VDPA_DISK, g_strdup(alias),
                             g_strdup(vbXMLProp(source, "dev")),
                             vbDomainStorageSourceGetNode(source));
    }

    vbDomainStorageSourceParseXML(def, vbXMLChild(source, "dataStore"), alias);
    vbDomainStorageSourceParseXML(def, vbXMLChild(storage, "backingStore"), alias);
    vbDomainStorageSourceParseXML(def, vbXMLChild(storage, "mirror"), alias);
}

static void
vbDomainDiskDefParseXML(vbDomainDef *def, const xmlNode *node)
{
    vbDomainStorageSourceParseXML(def, node, vbXMLProp(vbXMLChild(node, "alias"), "name"));
}

static bool
vbDomainMemoryDefParseXML(vbDomainDef *def, const xmlNode *node, GError **error)
{
    const xmlNode *target = vbXMLChild(node, "target");
    g_autofree char *nodeText = vbXMLText(vbXMLChild(target, "node"));
    g_autoptr(vbDomainMemoryDef) memory = g_new0(vbDomainMemoryDef, 1);

    memory->model = vbEnumFromString(vbDomainMemoryModelNames,
                                     G_N_ELEMENTS(vbDomainMemoryModelNames),
                                     vbXMLProp(node, "model"), VB_DOMAIN_MEMORY_OTHER);
    memory->alias = vbDomainDeviceAliasParseXML(node);
    memory->node = vbDomainParseInt(nodeText, -1);

    if (!vbDomainMemoryElementParseXML(target, "size", &memory->size, error))
        return false;
    if (memory->size == 0) {
        vbXMLReport(node, "a memory device needs a", "size", error);
        return false;
    }
    /* What nvdimm and others call <block> is not ours. */
    if (memory->model == VB_DOMAIN_MEMORY_VIRTIO_MEM &&
        (!vbDomainMemoryElementParseXML(target, "block", &memory->block, error) ||
         !vbDomainMemoryElementParseXML(target, "requested", &memory->requested, error) ||
         !vbDomainMemoryElementParseXML(target, "current", &memory->current, error)))
        return false;
    if (memory->model == VB_DOMAIN_MEMORY_VIRTIO_MEM)
        memory->xml = vbDomainMemoryCopyXML(node);

    g_ptr_array_add(def->memories, g_steal_pointer(&memory));
    return true;
}

/* Elements and attributes in @node, or more than @max. */
static guint
vbDomainCountNodes(const xmlNode *node, guint max)
{
    guint count = 1;

    for (const xmlAttr *attr = node->properties; attr && count <= max; attr = attr->next)
        count++;
    for (const xmlNode *child = node->children; child && count <= max; child = child->next)
        count += child->type == XML_ELEMENT_NODE ? vbDomainCountNodes(child, max - count) : 1;
    return count;
}

/* libvirt takes one memory balloon only; the first one stands here. */
static void
vbDomainMemballoonDefParseXML(vbDomainDef *def, const xmlNode *node)
{
    const char *model = vbXMLProp(node, "model");

    if (!def->memballoonWritten) {
        def->memballoonWritten = true;
        def->policyAttribute = g_strdup(vbXMLPlainProp(node, "policy"));
        if (vbDomainCountNodes(node, VB_DOMAIN_MEMBALLOON_NODES_MAX) <=
            VB_DOMAIN_MEMBALLOON_NODES_MAX)
            def->memballoonNode = xmlCopyNode((xmlNode *)node, 1);
    }

    if (g_strcmp0(model, "virtio") == 0 ||
        g_strcmp0(model, "virtio-transitional") == 0 ||
        g_strcmp0(model, "virtio-non-transitional") == 0)
        def->memballoon = VB_DOMAIN_MEMBALLOON_VIRTIO;
    else if (g_strcmp0(model, "none") == 0)
        def->memballoon = VB_DOMAIN_MEMBALLOON_NONE;
    else
        def->memballoon = VB_DOMAIN_MEMBALLOON_OTHER;

    def->freePageReporting = vbXMLPropIs(node, "freePageReporting", "on");
}

static bool
vbDomainDeviceParseXML(vbDomainDef *def, const xmlNode *node, GError **error)
{
    const char *name = (const char *)node->name;

    if (g_str_equal(name, "hostdev")) {
        vbDomainHostdevDefParseXML(def, node, node, vbDomainHostdevTypeParseXML(node));
    } else if (g_str_equal(name, "interface")) {
        vbDomainNetDefParseXML(def, node);
    } else if (g_str_equal(name, "disk")) {
        vbDomainDiskDefParseXML(def, node);
    } else if (g_str_equal(name, "memory")) {
        return vbDomainMemoryDefParseXML(def, node, error);
    } else if (g_str_equal(name, "memballoon")) {
        vbDomainMemballoonDefParseXML(def, node);
    } else if (g_str_equal(name, "emulator") && !def->emulator) {
        def->emulator = vbXMLText(node);
    }
    return true;
}

static bool
vbDomainDevicesParseXML(vbDomainDef *def, const xmlNode *devices, GError **error)
{
    for (const xmlNode *node = devices->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && !node->ns &&
            !vbDomainDeviceParseXML(def, node, error))
            return false;
    }
    return true;
}

static void
vbDomainQemuNamespaceParseXML(vbDomainDef *def, const xmlNode *root)
{
    for (const xmlNode *node = root->children; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE || !node->ns ||
            g_strcmp0((const char *)node->ns->href, VB_DOMAIN_QEMU_NAMESPACE) != 0)
            continue;
        def->qemuNamespace = true;
        if (vbXMLNodeIs(node, "commandline", VB_DOMAIN_QEMU_NAMESPACE))
            def->qemuCommandline = true;
        if (vbXMLNodeIs(node, "override", VB_DOMAIN_QEMU_NAMESPACE))
            vbDomainOverridesParseXML(def, node);
    }
}

static void
vbDomainPolicyParseXML(vbDomainDef *def, const xmlNode *metadata)
{
    bool found = false;

    if (!metadata)
        return;
    for (const xmlNode *node = metadata->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && node->ns &&
            g_strcmp0((const char *)node->ns->href, VB_DOMAIN_POLICY_NAMESPACE) == 0)
            def->policyElements++;
        if (!vbXMLNodeIs(node, "policy", VB_DOMAIN_POLICY_NAMESPACE) || found)
            continue;
        found = true;
        if ((def->policyText = g_strdup(vbXMLProp(node, "memballoon"))))
            def->policy = vbDomainBalloonPolicyTypeFromString(def->policyText);
    }
}

/* Whether QEMU maps all of the memory shared: libvirt asks for it where the domain does, for all
 * or for a cell, and a memfd is shared by QEMU's own default (libvirt 9.0, QEMU 7.2). */
static bool
vbDomainMemoryIsShared(const xmlNode *backing, const xmlNode *numa)
{
    const char *mode = vbXMLProp(vbXMLChild(backing, "access"), "mode");
    const char *source = vbXMLProp(vbXMLChild(backing, "source"), "type");
    bool usual = mode ? g_str_equal(mode, "shared") : g_strcmp0(source, "memfd") == 0;
    bool shared = true;
    bool cells = false;

    for (const xmlNode *cell = numa ? numa->children : NULL; cell; cell = cell->next) {
        const char *access;

        if (!vbXMLNodeIs(cell, "cell", NULL))
            continue;
        cells = true;
        access = vbXMLProp(cell, "memAccess");
        shared = shared && (access ? g_str_equal(access, "shared") : usual);
    }
    return cells ? shared : usual;
}

static void
vbDomainMemoryBackingParseXML(vbDomainDef *def, const xmlNode *root)
{
    const xmlNode *backing = vbXMLChild(root, "memoryBacking");

    def->memoryLocked = vbXMLChild(backing, "locked") != NULL;
    def->memoryHugepages = vbXMLChild(backing, "hugepages") != NULL;
    def->memoryShared = vbDomainMemoryIsShared(backing, vbXMLChild(vbXMLChild(root, "cpu"),
                                                                   "numa"));
}

static void
vbDomainLaunchSecurityParseXML(vbDomainDef *def, const xmlNode *node)
{
    if (!node)
        return;
    def->launchSecurity = vbEnumFromString(vbDomainLaunchSecurityNames,
                                           G_N_ELEMENTS(vbDomainLaunchSecurityNames),
                                           vbXMLProp(node, "type"),
                                           VB_DOMAIN_LAUNCH_SECURITY_OTHER);
}

/* Counts and adds up the guest's NUMA cells: 0 where there are none. */
static bool
vbDomainNumaMemoryParseXML(vbDomainDef *def, const xmlNode *root, unsigned long long *total,
                           GError **error)
{
    const xmlNode *numa = vbXMLChild(vbXMLChild(root, "cpu"), "numa");

    *total = 0;
    for (const xmlNode *cell = numa ? numa->children : NULL; cell; cell = cell->next) {
        const char *text = NULL;
        unsigned long long kib;

        if (!vbXMLNodeIs(cell, "cell", NULL))
            continue;
        def->cells++;
        text = vbXMLProp(cell, "memory");
        if (!vbXMLParseSize(cell, text ? text : "", &kib, error))
            return false;
        /* Checked at every step: no sum of two sizes below the limit can wrap. */
        *total += kib;
        if (*total >= VB_XML_SIZE_LIMIT) {
            vbXMLReport(cell, "size too large:", text, error);
            return false;
        }
    }
    return true;
}

/*
 * What libvirt does (virDomainDefParseMemory() and virDomainDefPostParseMemory(), seen with 9.0):
 * where the guest has NUMA cells, <memory> is overwritten with the sum of the cells and of all
 * memory devices when a domain is defined or created, whatever it said; where it has none,
 * <memory> includes the memory devices already and must be there.  A <currentMemory> that is
 * absent, 0 or above the total becomes the total.
 *
 * Cells win in a dump too: libvirt's own agree, and QEMU starts with no others.  Neither <memory>
 * nor cells is no error here, since a device on its own is read as a domain with nothing else.
 */
static bool
vbDomainDefParseMemory(vbDomainDef *def, const xmlNode *root, GError **error)
{
    const char *slots = vbXMLProp(vbXMLChild(root, "maxMemory"), "slots");
    unsigned long long cells;

    if (!vbDomainMemoryElementParseXML(root, "memory", &def->memory, error) ||
        !vbDomainMemoryElementParseXML(root, "currentMemory", &def->currentMemory, error) ||
        !vbDomainNumaMemoryParseXML(def, root, &cells, error))
        return false;
    /* What is wrong with these libvirt says: they are only repeated. */
    def->maxMemorySlots = vbDomainParseInt(slots, 0);
    if (!vbDomainMemoryElementParseXML(root, "maxMemory", &def->maxMemory, NULL))
        def->maxMemory = 0;

    if (cells > 0) {
        def->memory = cells;
        for (guint i = 0; i < def->memories->len; i++) {
            const vbDomainMemoryDef *memory = g_ptr_array_index(def->memories, i);

            def->memory += memory->size;
            if (def->memory >= VB_XML_SIZE_LIMIT) {
                vbXMLReport(root, "size too large:", "memory devices", error);
                return false;
            }
        }
    }
    if (def->currentMemory == 0 || def->currentMemory > def->memory)
        def->currentMemory = def->memory;
    return true;
}

/* libvirt numbers devices of the host that have no alias of the user's choice as it has read them:
 * interfaces before all others (9.0, tried). */
static void
vbDomainHostdevsNumber(vbDomainDef *def)
{
    guint next = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < def->hostdevs->len; i++) {
            vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, i);

            if (hostdev->isInterface == (pass == 0) && !vbDomainAliasIsUser(hostdev->alias))
                hostdev->place = g_strdup_printf("hostdev%u", next++);
        }
    }
}

vbDomainDef *
vbDomainDefParseNode(const xmlNode *root, GError **error)
{
    g_autoptr(vbDomainDef) def = vbDomainDefNew();

    def->virtType = g_strdup(vbXMLProp(root, "type"));
    def->id = vbDomainParseInt(vbXMLProp(root, "id"), -1);
    if (!(def->name = vbXMLText(vbXMLChild(root, "name"))))
        def->name = g_strdup("");
    if ((def->uuid = vbXMLText(vbXMLChild(root, "uuid"))))
        g_strstrip(def->uuid);

    for (const xmlNode *node = root->children; node; node = node->next) {
        if (vbXMLNodeIs(node, "devices", NULL) && !vbDomainDevicesParseXML(def, node, error))
            return NULL;
    }
    if (!vbDomainDefParseMemory(def, root, error))
        return NULL;

    vbDomainHostdevsNumber(def);
    vbDomainMemoryBackingParseXML(def, root);
    vbDomainLaunchSecurityParseXML(def, vbXMLChild(root, "launchSecurity"));
    vbDomainPolicyParseXML(def, vbXMLChild(root, "metadata"));
    vbDomainQemuNamespaceParseXML(def, root);
    return g_steal_pointer(&def);
}

vbDomainDef *
vbDomainDefParseString(const char *xml, size_t length, GError **error)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(xml, length, error);
    const xmlNode *root = NULL;

    if (!doc)
        return NULL;
    root = xmlDocGetRootElement(doc);
    if (!vbXMLRootIs(root, "domain")) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "the root element is not <domain>");
        return NULL;
    }
    return vbDomainDefParseNode(root, error);
}

vbDomainDef *
vbDomainDefParseDeviceString(const char *xml, size_t length, GError **error)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(xml, length, error);
    g_autoptr(vbDomainDef) def = NULL;
    const xmlNode *root = NULL;

    if (!doc)
        return NULL;
    /* libvirt goes by the root's local name, whatever namespace it is in (9.0, in
     * src/conf/domain_conf.c). */
    root = xmlDocGetRootElement(doc);
    def = vbDomainDefNew();
    if (!vbDomainDeviceParseXML(def, root, error))
        return NULL;
    return g_steal_pointer(&def);
}

unsigned long long
vbDomainDefGetBalloonMaximum(const vbDomainDef *def)
{
    unsigned long long maximum = def->memory;

    for (guint i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *memory = g_ptr_array_index(def->memories, i);

        if (memory->model != VB_DOMAIN_MEMORY_DIMM)
            maximum -= MIN(maximum, memory->size);
    }
    return maximum;
}

/* Never above the maximum: QEMU has no larger balloon, whatever <currentMemory> is at define. */
unsigned long long
vbDomainDefGetBalloonCurrent(const vbDomainDef *def)
{
    unsigned long long current = def->currentMemory;

    for (guint i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *memory = g_ptr_array_index(def->memories, i);

        current -= MIN(current, memory->current);
    }
    return MIN(current, vbDomainDefGetBalloonMaximum(def));
}

/* Whether all of @part is in @whole; @ours: of a device, an attribute that does not count. */
static bool
vbDomainNodeHas(const xmlNode *whole, const xmlNode *part, const char *ours)
{
    for (const xmlAttr *attr = part->properties; attr; attr = attr->next) {
        const char *name = (const char *)attr->name;

        if ((!ours || attr->ns || strcmp(name, ours) != 0) &&
            !vbXMLPropIs(whole, name, vbXMLProp(part, name)))
            return false;
    }
    for (const xmlNode *child = part->children; child; child = child->next) {
        const xmlNode *same = whole->children;
        const char *ns = NULL;

        if (child->type != XML_ELEMENT_NODE)
            continue;
        /* libvirt drops one that is not the user's, and a running domain shows one. */
        if (ours && vbXMLNodeIs(child, "alias", NULL) &&
            !vbDomainAliasIsUser(vbXMLProp(child, "name")))
            continue;
        ns = child->ns ? (const char *)child->ns->href : NULL;
        while (same && (!vbXMLNodeIs(same, (const char *)child->name, ns) ||
                        !vbDomainNodeHas(same, child, NULL)))
            same = same->next;
        if (!same)
            return false;
    }
    return true;
}

bool
vbDomainDefHasMemballoon(const vbDomainDef *def, const vbDomainDef *device)
{
    return def->memballoonNode && device->memballoonNode &&
        vbDomainNodeHas(def->memballoonNode, device->memballoonNode, "policy");
}
