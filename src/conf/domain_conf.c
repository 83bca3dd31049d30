/*
 * domain_conf.c: what virt-balloon reads of libvirt's <domain> document
 *
 * Walks libxml2's tree by hand: a request pays for one parse and no query language.  Names of
 * elements count only without a namespace, as libvirt writes them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_conf.h"

#include <libxml/parser.h>
#include <limits.h>
#include <string.h>

#include "vberror.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

static const char *const vbDomainBalloonPolicyNames[] = {
    [VB_DOMAIN_BALLOON_POLICY_DEFAULT] = "default",
    [VB_DOMAIN_BALLOON_POLICY_BLOCK] = "block",
    [VB_DOMAIN_BALLOON_POLICY_WARN] = "warn",
    [VB_DOMAIN_BALLOON_POLICY_IGNORE] = "ignore",
    [VB_DOMAIN_BALLOON_POLICY_REDIRECT] = "redirect",
};

const char *
vbDomainBalloonPolicyTypeToString(vbDomainBalloonPolicy policy)
{
    return policy == VB_DOMAIN_BALLOON_POLICY_INVALID ? NULL : vbDomainBalloonPolicyNames[policy];
}

vbDomainBalloonPolicy
vbDomainBalloonPolicyTypeFromString(const char *text)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vbDomainBalloonPolicyNames); i++) {
        if (g_strcmp0(text, vbDomainBalloonPolicyNames[i]) == 0)
            return (vbDomainBalloonPolicy)i;
    }
    return VB_DOMAIN_BALLOON_POLICY_INVALID;
}

static void
vbDomainHostdevDefFree(vbDomainHostdevDef *def)
{
    g_free(def->alias);
    g_free(def->address);
    g_free(def);
}

static void
vbDomainDeviceDefFree(vbDomainDeviceDef *def)
{
    g_free(def->alias);
    g_free(def->address);
    g_free(def);
}

static void
vbDomainMemoryDefFree(vbDomainMemoryDef *def)
{
    g_free(def->alias);
    g_free(def);
}

static void
vbDomainOverrideDefFree(vbDomainOverrideDef *def)
{
    g_free(def->alias);
    g_free(def->name);
    g_free(def->type);
    g_free(def->value);
    g_free(def);
}

static vbDomainDef *
vbDomainDefNew(void)
{
    vbDomainDef *def = g_new0(vbDomainDef, 1);

    def->id = -1;
    def->hostdevs = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainHostdevDefFree);
    def->devices = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainDeviceDefFree);
    def->memories = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainMemoryDefFree);
    def->overrides = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainOverrideDefFree);
    return def;
}

void
vbDomainDefFree(vbDomainDef *def)
{
    if (!def)
        return;
    g_free(def->virtType);
    g_free(def->name);
    g_free(def->uuid);
    g_free(def->memorySourceType);
    g_ptr_array_unref(def->hostdevs);
    g_ptr_array_unref(def->devices);
    g_ptr_array_unref(def->memories);
    g_ptr_array_unref(def->overrides);
    g_free(def->policyText);
    g_free(def->emulator);
    g_free(def);
}

static bool
vbDomainNodeIs(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !node->ns &&
        g_str_equal((const char *)node->name, name);
}

static bool
vbDomainNodeIsIn(const xmlNode *node, const char *name, const char *href)
{
    return node->type == XML_ELEMENT_NODE && node->ns &&
        g_strcmp0((const char *)node->ns->href, href) == 0 &&
        (!name || g_str_equal((const char *)node->name, name));
}

static xmlNode *
vbDomainNodeGetChild(const xmlNode *node, const char *name)
{
    xmlNode *child;

    for (child = node ? node->children : NULL; child; child = child->next) {
        if (vbDomainNodeIs(child, name))
            return child;
    }
    return NULL;
}

static char *
vbDomainTake(xmlChar *text)
{
    char *copy = g_strdup((const char *)text);

    xmlFree(text);
    return copy;
}

static char *
vbDomainNodeGetProp(const xmlNode *node, const char *name)
{
    return node ? vbDomainTake(xmlGetNoNsProp(node, (const xmlChar *)name)) : NULL;
}

static char *
vbDomainNodeGetText(const xmlNode *node)
{
    return node ? vbDomainTake(xmlNodeGetContent(node)) : NULL;
}

static bool
vbDomainNodePropIs(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *text = vbDomainNodeGetProp(node, name);

    return g_strcmp0(text, value) == 0;
}

/* Bytes in libvirt's unit names (virScaleInteger(), libvirt 9.0), which ignore case: 'k' and its
 * like are powers of 1024, 'KB' and its like are powers of 1000. Returns 0 for an unknown unit. */
static guint64
vbDomainUnitGetScale(const char *unit)
{
    static const char prefixes[] = "kmgtpe";
    const char *prefix;
    guint64 base = 1024;
    guint64 scale = 1;
    ptrdiff_t i;

    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "byte") == 0 ||
        g_ascii_strcasecmp(unit, "bytes") == 0)
        return 1;
    if (unit[0] == '\0' || !(prefix = strchr(prefixes, g_ascii_tolower(unit[0]))))
        return 0;
    if (unit[1] != '\0' && g_ascii_strcasecmp(unit + 1, "ib") != 0) {
        if (g_ascii_strcasecmp(unit + 1, "b") != 0)
            return 0;
        base = 1000;
    }
    for (i = 0; i <= prefix - prefixes; i++)
        scale *= base;
    return scale;
}

/* A size in KiB, rounded up as libvirt does (virDomainParseMemory()). @size is left alone where
 * @node is NULL. */
static bool
vbDomainParseMemory(const xmlNode *node, unsigned long long *size, GError **error)
{
    g_autofree char *text = vbDomainNodeGetText(node);
    g_autofree char *unit = vbDomainNodeGetProp(node, "unit");
    guint64 scale = unit ? vbDomainUnitGetScale(unit) : 1024;
    guint64 number = 0;
    guint64 bytes;

    if (!node)
        return true;
    if (!g_ascii_string_to_unsigned(g_strstrip(text), 10, 0, G_MAXUINT64, &number, NULL)) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "element '%s' is no size: '%.64s'",
                    node->name, text);
        return false;
    }
    if (scale == 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "unknown unit '%.64s' of element '%s'", unit,
                    node->name);
        return false;
    }
    if (!g_uint64_checked_mul(&bytes, number, scale) || bytes > G_MAXINT64) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "the size in element '%s' is too large",
                    node->name);
        return false;
    }
    *size = (bytes + 1023) / 1024;
    return true;
}

/* "0000:07:00.0" of <address domain= bus= slot= function=>. */
static char *
vbDomainParsePCIAddress(const xmlNode *address)
{
    static const char *const names[] = { "domain", "bus", "slot", "function" };
    static const guint64 limits[] = { 0xffffffff, 0xff, 0x1f, 7 };
    guint64 parts[G_N_ELEMENTS(names)] = { 0 };
    size_t i;

    if (!address)
        return NULL;
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = vbDomainNodeGetProp(address, names[i]);
        char *end;

        if (!text) {
            if (i == 0)
                continue;
            return NULL;
        }
        parts[i] = g_ascii_strtoull(text, &end, 0);
        if (end == text || *end != '\0' || parts[i] > limits[i])
            return NULL;
    }
    return g_strdup_printf("%04x:%02x:%02x.%x", (unsigned int)parts[0], (unsigned int)parts[1],
                           (unsigned int)parts[2], (unsigned int)parts[3]);
}

static char *
vbDomainNodeGetAlias(const xmlNode *node)
{
    return vbDomainNodeGetProp(vbDomainNodeGetChild(node, "alias"), "name");
}

static vbDomainMdevModel
vbDomainMdevModelParse(const xmlNode *node)
{
    g_autofree char *model = vbDomainNodeGetProp(node, "model");

    if (g_strcmp0(model, "vfio-pci") == 0)
        return VB_DOMAIN_MDEV_MODEL_VFIO_PCI;
    if (g_strcmp0(model, "vfio-ccw") == 0)
        return VB_DOMAIN_MDEV_MODEL_VFIO_CCW;
    if (g_strcmp0(model, "vfio-ap") == 0)
        return VB_DOMAIN_MDEV_MODEL_VFIO_AP;
    return VB_DOMAIN_MDEV_MODEL_OTHER;
}

static vbDomainHostdevDef *
vbDomainHostdevDefNew(vbDomainDef *def, const xmlNode *node, vbDomainHostdevType type)
{
    vbDomainHostdevDef *hostdev = g_new0(vbDomainHostdevDef, 1);

    hostdev->type = type;
    hostdev->model = VB_DOMAIN_MDEV_MODEL_OTHER;
    hostdev->alias = vbDomainNodeGetAlias(node);
    g_ptr_array_add(def->hostdevs, hostdev);
    return hostdev;
}

static void
vbDomainHostdevDefParsePCI(vbDomainHostdevDef *hostdev, const xmlNode *node)
{
    const xmlNode *source = vbDomainNodeGetChild(node, "source");
    const xmlNode *driver = vbDomainNodeGetChild(node, "driver");
    g_autofree char *name = vbDomainNodeGetProp(driver, "name");

    hostdev->address = vbDomainParsePCIAddress(vbDomainNodeGetChild(source, "address"));
    hostdev->iommufd = vbDomainNodePropIs(driver, "iommufd", "yes");
    hostdev->foreignDriver = name && !g_str_equal(name, "vfio");
}

static void
vbDomainHostdevDefParseXML(vbDomainDef *def, const xmlNode *node)
{
    const xmlNode *source = vbDomainNodeGetChild(node, "source");
    g_autofree char *type = vbDomainNodeGetProp(node, "type");
    vbDomainHostdevDef *hostdev;

    if (!vbDomainNodePropIs(node, "mode", "subsystem")) {
        vbDomainHostdevDefNew(def, node, VB_DOMAIN_HOSTDEV_OTHER);
    } else if (g_strcmp0(type, "pci") == 0) {
        vbDomainHostdevDefParsePCI(vbDomainHostdevDefNew(def, node, VB_DOMAIN_HOSTDEV_PCI), node);
    } else if (g_strcmp0(type, "mdev") == 0) {
        hostdev = vbDomainHostdevDefNew(def, node, VB_DOMAIN_HOSTDEV_MDEV);
        hostdev->model = vbDomainMdevModelParse(node);
        hostdev->address = vbDomainNodeGetProp(vbDomainNodeGetChild(source, "address"), "uuid");
    } else if (g_strcmp0(type, "vdpa") == 0) {
        hostdev = vbDomainHostdevDefNew(def, node, VB_DOMAIN_HOSTDEV_VDPA);
        hostdev->address = vbDomainNodeGetProp(source, "dev");
    } else {
        vbDomainHostdevDefNew(def, node, VB_DOMAIN_HOSTDEV_OTHER);
    }
}

static vbDomainDeviceDef *
vbDomainDeviceDefNew(vbDomainDef *def, vbDomainDeviceType type, char *alias, char *address)
{
    vbDomainDeviceDef *device = g_new0(vbDomainDeviceDef, 1);

    device->type = type;
    device->alias = alias;
    device->address = address;
    g_ptr_array_add(def->devices, device);
    return device;
}

static void
vbDomainNetDefParseXML(vbDomainDef *def, const xmlNode *node)
{
    const xmlNode *source = vbDomainNodeGetChild(node, "source");
    const xmlNode *actual = vbDomainNodeGetChild(node, "actual");
    const xmlNode *assigned = NULL;
    g_autofree char *type = vbDomainNodeGetProp(node, "type");

    /* A network of devices: libvirt's status documents keep the type that was written and say
     * inside <actual> what became of it; its live documents show that at once. */
    if (g_strcmp0(type, "hostdev") == 0)
        assigned = node;
    else if (actual && vbDomainNodePropIs(actual, "type", "hostdev"))
        assigned = actual;

    if (assigned) {
        vbDomainHostdevDef *hostdev = vbDomainHostdevDefNew(def, node, VB_DOMAIN_HOSTDEV_PCI);

        hostdev->isInterface = true;
        vbDomainHostdevDefParsePCI(hostdev, assigned);
    } else if (g_strcmp0(type, "network") == 0) {
        vbDomainDeviceDefNew(def, VB_DOMAIN_DEVICE_NETWORK_NET, vbDomainNodeGetAlias(node),
                             vbDomainNodeGetProp(source, "network"));
    } else if (g_strcmp0(type, "vdpa") == 0) {
        vbDomainDeviceDefNew(def, VB_DOMAIN_DEVICE_VDPA_NET, vbDomainNodeGetAlias(node),
                             vbDomainNodeGetProp(source, "dev"));
    }
}

/* One layer of a disk. A userspace NVMe driver below an overlay pins guest memory just the same,
 * so the whole chain is looked at; libxml2 bounds its depth. */
static void
vbDomainDiskDefParseLayer(vbDomainDef *def, const xmlNode *layer, const char *alias)
{
    const xmlNode *source = vbDomainNodeGetChild(layer, "source");
    g_autofree char *type = vbDomainNodeGetProp(layer, "type");
    const xmlNode *child;

    if (g_strcmp0(type, "nvme") == 0)
        vbDomainDeviceDefNew(def, VB_DOMAIN_DEVICE_NVME_DISK, g_strdup(alias),
                             vbDomainParsePCIAddress(vbDomainNodeGetChild(source, "address")));
    else if (g_strcmp0(type, "vhostvdpa") == 0)
        vbDomainDeviceDefNew(def, VB_DOMAIN_DEVICE_VHOST_VDPA_DISK, g_strdup(alias),
                             vbDomainNodeGetProp(source, "dev"));

    for (child = layer->children; child; child = child->next) {
        if (vbDomainNodeIs(child, "backingStore") || vbDomainNodeIs(child, "mirror"))
            vbDomainDiskDefParseLayer(def, child, alias);
    }
}

static vbDomainMemoryModel
vbDomainMemoryModelParse(const xmlNode *node)
{
    g_autofree char *model = vbDomainNodeGetProp(node, "model");

    if (g_strcmp0(model, "dimm") == 0)
        return VB_DOMAIN_MEMORY_DIMM;
    if (g_strcmp0(model, "virtio-mem") == 0)
        return VB_DOMAIN_MEMORY_VIRTIO_MEM;
    return VB_DOMAIN_MEMORY_OTHER;
}

static bool
vbDomainMemoryDefParseXML(vbDomainDef *def, const xmlNode *node, GError **error)
{
    const xmlNode *target = vbDomainNodeGetChild(node, "target");
    g_autofree char *guestNode = vbDomainNodeGetText(vbDomainNodeGetChild(target, "node"));
    vbDomainMemoryDef *mem = g_new0(vbDomainMemoryDef, 1);
    guint64 number;

    g_ptr_array_add(def->memories, mem);
    mem->model = vbDomainMemoryModelParse(node);
    mem->alias = vbDomainNodeGetAlias(node);
    mem->node = -1;
    if (guestNode &&
        g_ascii_string_to_unsigned(g_strstrip(guestNode), 10, 0, INT_MAX, &number, NULL))
        mem->node = (int)number;

    return vbDomainParseMemory(vbDomainNodeGetChild(target, "size"), &mem->size, error) &&
        vbDomainParseMemory(vbDomainNodeGetChild(target, "block"), &mem->block, error) &&
        vbDomainParseMemory(vbDomainNodeGetChild(target, "requested"), &mem->requested, error) &&
        vbDomainParseMemory(vbDomainNodeGetChild(target, "current"), &mem->current, error);
}

static void
vbDomainMemballoonDefParseXML(vbDomainDef *def, const xmlNode *node)
{
    g_autofree char *model = vbDomainNodeGetProp(node, "model");

    if (g_strcmp0(model, "none") == 0)
        def->memballoon = VB_DOMAIN_MEMBALLOON_NONE;
    else if (model && g_str_has_prefix(model, "virtio"))
        def->memballoon = VB_DOMAIN_MEMBALLOON_VIRTIO;
    else
        def->memballoon = VB_DOMAIN_MEMBALLOON_OTHER;
    def->freePageReporting = vbDomainNodePropIs(node, "freePageReporting", "on");
}

static bool
vbDomainDevicesParseXML(vbDomainDef *def, const xmlNode *devices, GError **error)
{
    const xmlNode *node;

    for (node = devices->children; node; node = node->next) {
        if (vbDomainNodeIs(node, "hostdev")) {
            vbDomainHostdevDefParseXML(def, node);
        } else if (vbDomainNodeIs(node, "interface")) {
            vbDomainNetDefParseXML(def, node);
        } else if (vbDomainNodeIs(node, "disk")) {
            g_autofree char *alias = vbDomainNodeGetAlias(node);

            vbDomainDiskDefParseLayer(def, node, alias);
        } else if (vbDomainNodeIs(node, "memory")) {
            if (!vbDomainMemoryDefParseXML(def, node, error))
                return false;
        } else if (vbDomainNodeIs(node, "memballoon")) {
            vbDomainMemballoonDefParseXML(def, node);
        } else if (vbDomainNodeIs(node, "emulator") && !def->emulator) {
            def->emulator = vbDomainNodeGetText(node);
        }
    }
    return true;
}

static void
vbDomainMemoryBackingParseXML(vbDomainDef *def, const xmlNode *node)
{
    def->memoryLocked = vbDomainNodeGetChild(node, "locked");
    def->memoryHugepages = vbDomainNodeGetChild(node, "hugepages");
    g_free(def->memorySourceType);
    def->memorySourceType = vbDomainNodeGetProp(vbDomainNodeGetChild(node, "source"), "type");
}

static vbDomainLaunchSecurity
vbDomainLaunchSecurityParse(const xmlNode *node)
{
    g_autofree char *type = vbDomainNodeGetProp(node, "type");

    if (g_strcmp0(type, "sev") == 0)
        return VB_DOMAIN_LAUNCH_SECURITY_SEV;
    if (g_strcmp0(type, "sev-snp") == 0)
        return VB_DOMAIN_LAUNCH_SECURITY_SEV_SNP;
    if (g_strcmp0(type, "tdx") == 0)
        return VB_DOMAIN_LAUNCH_SECURITY_TDX;
    if (g_strcmp0(type, "s390-pv") == 0)
        return VB_DOMAIN_LAUNCH_SECURITY_S390_PV;
    return VB_DOMAIN_LAUNCH_SECURITY_OTHER;
}

static void
vbDomainMetadataParseXML(vbDomainDef *def, const xmlNode *metadata)
{
    const xmlNode *node;

    for (node = metadata->children; node; node = node->next) {
        if (!def->policyText && vbDomainNodeIsIn(node, "policy", VB_DOMAIN_POLICY_NAMESPACE)) {
            def->policyText = vbDomainNodeGetProp(node, "memballoon");
            if (def->policyText)
                def->policy = vbDomainBalloonPolicyTypeFromString(def->policyText);
        }
    }
}

/* override > device[@alias] > frontend > property[@name,@type,@value], all in QEMU's namespace */
static void
vbDomainOverrideParseXML(vbDomainDef *def, const xmlNode *override)
{
    const xmlNode *device;
    const xmlNode *frontend;
    const xmlNode *property;

    for (device = override->children; device; device = device->next) {
        if (!vbDomainNodeIsIn(device, "device", VB_DOMAIN_QEMU_NAMESPACE))
            continue;
        for (frontend = device->children; frontend; frontend = frontend->next) {
            if (!vbDomainNodeIsIn(frontend, "frontend", VB_DOMAIN_QEMU_NAMESPACE))
                continue;
            for (property = frontend->children; property; property = property->next) {
                vbDomainOverrideDef *item;

                if (!vbDomainNodeIsIn(property, "property", VB_DOMAIN_QEMU_NAMESPACE))
                    continue;
                item = g_new0(vbDomainOverrideDef, 1);
                item->alias = vbDomainNodeGetProp(device, "alias");
                item->name = vbDomainNodeGetProp(property, "name");
                item->type = vbDomainNodeGetProp(property, "type");
                item->value = vbDomainNodeGetProp(property, "value");
                g_ptr_array_add(def->overrides, item);
            }
        }
    }
}

static bool
vbDomainDefParseXML(vbDomainDef *def, const xmlNode *root, GError **error)
{
    g_autofree char *id = vbDomainNodeGetProp(root, "id");
    const xmlNode *node;
    guint64 number;

    def->virtType = vbDomainNodeGetProp(root, "type");
    if (id && g_ascii_string_to_unsigned(id, 10, 0, INT_MAX, &number, NULL))
        def->id = (int)number;

    for (node = root->children; node; node = node->next) {
        if (vbDomainNodeIs(node, "name") && !def->name) {
            def->name = vbDomainNodeGetText(node);
        } else if (vbDomainNodeIs(node, "uuid") && !def->uuid) {
            def->uuid = vbDomainNodeGetText(node);
            g_strstrip(def->uuid);
        } else if (vbDomainNodeIs(node, "memory")) {
            if (!vbDomainParseMemory(node, &def->memory, error))
                return false;
        } else if (vbDomainNodeIs(node, "currentMemory")) {
            if (!vbDomainParseMemory(node, &def->currentMemory, error))
                return false;
        } else if (vbDomainNodeIs(node, "memoryBacking")) {
            vbDomainMemoryBackingParseXML(def, node);
        } else if (vbDomainNodeIs(node, "launchSecurity")) {
            def->launchSecurity = vbDomainLaunchSecurityParse(node);
        } else if (vbDomainNodeIs(node, "metadata")) {
            vbDomainMetadataParseXML(def, node);
        } else if (vbDomainNodeIs(node, "devices")) {
            if (!vbDomainDevicesParseXML(def, node, error))
                return false;
        } else if (vbDomainNodeIsIn(node, NULL, VB_DOMAIN_QEMU_NAMESPACE)) {
            def->qemuNamespace = true;
            if (g_str_equal((const char *)node->name, "override"))
                vbDomainOverrideParseXML(def, node);
        }
    }

    /* libvirt takes absent and zero for "all of it". */
    if (def->currentMemory == 0)
        def->currentMemory = def->memory;
    if (!def->name)
        def->name = g_strdup("");
    return true;
}

vbDomainDef *
vbDomainDefParseString(const char *xml, size_t length, GError **error)
{
    g_autoptr(xmlParserCtxt) context = xmlNewParserCtxt();
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(vbDomainDef) def = NULL;
    const xmlNode *root;

    if (context && length <= INT_MAX)
        doc = xmlCtxtReadMemory(context, xml, (int)length, "domain.xml", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOERROR);
    if (!doc) {
        const xmlError *failure = context ? xmlCtxtGetLastError(context) : NULL;
        g_autofree char *message = g_strdup(failure && failure->message ? failure->message :
                                            "it is too large");

        g_set_error(error, VB_ERROR, VB_ERROR_XML, "the domain's XML cannot be read: line %d: %s",
                    failure ? failure->line : 0, g_strchomp(message));
        return NULL;
    }

    /* libvirt writes none, and entities are a way to make a small text large. */
    if (doc->intSubset) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML,
                    "the domain's XML has a document type declaration, which is not read");
        return NULL;
    }
    root = xmlDocGetRootElement(doc);
    if (!root || !vbDomainNodeIs(root, "domain")) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "the document is no <domain>");
        return NULL;
    }

    def = vbDomainDefNew();
    if (!vbDomainDefParseXML(def, root, error))
        return NULL;
    return g_steal_pointer(&def);
}

unsigned long long
vbDomainDefGetBalloonMaximum(const vbDomainDef *def)
{
    unsigned long long outside = 0;
    size_t i;

    for (i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *mem = g_ptr_array_index(def->memories, i);

        if (mem->model != VB_DOMAIN_MEMORY_DIMM)
            outside += mem->size;
    }
    return outside < def->memory ? def->memory - outside : 0;
}

unsigned long long
vbDomainDefGetBalloonCurrent(const vbDomainDef *def)
{
    unsigned long long plugged = 0;
    size_t i;

    for (i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *mem = g_ptr_array_index(def->memories, i);

        if (mem->model == VB_DOMAIN_MEMORY_VIRTIO_MEM)
            plugged += mem->current;
    }
    return plugged < def->currentMemory ? def->currentMemory - plugged : 0;
}

const vbDomainOverrideDef *
vbDomainDefFindOverride(const vbDomainDef *def, const char *alias, const char *name)
{
    const vbDomainOverrideDef *found = NULL;
    size_t i;

    for (i = 0; i < def->overrides->len; i++) {
        const vbDomainOverrideDef *override = g_ptr_array_index(def->overrides, i);

        if (g_strcmp0(override->alias, alias) == 0 && g_strcmp0(override->name, name) == 0)
            found = override;
    }
    return found;
}
