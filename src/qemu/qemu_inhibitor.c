/*
 * qemu_inhibitor.c: the catalogue of what keeps QEMU from discarding a guest's memory
 *
 * The table of kinds, what a domain's definition proves of each, and which QEMU device types
 * inhibit.  Pure: documents in, lists out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_inhibitor.h"

static const qemuInhibitorKindInfo qemuInhibitorKinds[] = {
    [QEMU_INHIBITOR_VFIO_PCI] = { "vfio-pci", "assigned PCI device", false },
    [QEMU_INHIBITOR_VFIO_MDEV] = { "vfio-mdev", "mediated device", false },
    [QEMU_INHIBITOR_VFIO_USER] = { "vfio-user", "vfio-user device", false },
    [QEMU_INHIBITOR_VFIO_PLATFORM] = { "vfio-platform", "assigned platform device", false },
    [QEMU_INHIBITOR_VHOST_VDPA] = { "vhost-vdpa", "vDPA device", false },
    [QEMU_INHIBITOR_NVME] = { "nvme", "userspace NVMe disk", false },
    [QEMU_INHIBITOR_BLKIO] = { "blkio", "libblkio disk", false },
    [QEMU_INHIBITOR_SEV] = { "sev", "launch security 'sev'", false },
    [QEMU_INHIBITOR_S390_PV] = { "s390-pv", "launch security 's390-pv'", false },
    [QEMU_INHIBITOR_COLO] = { "colo", "COLO secondary", false },
    [QEMU_INHIBITOR_POSTCOPY] = { "postcopy", "incoming postcopy migration", true },
    [QEMU_INHIBITOR_BACKGROUND_SNAPSHOT] = { "background-snapshot", "background snapshot", true },
    [QEMU_INHIBITOR_NO_SYNC_MMU] = { "no-sync-mmu", "KVM without a synchronous MMU", false },
    [QEMU_INHIBITOR_LOCKED_MEMORY] = { "locked-memory", "locked memory", false },
};

G_STATIC_ASSERT(G_N_ELEMENTS(qemuInhibitorKinds) == QEMU_INHIBITOR_KIND_LAST);

const qemuInhibitorKindInfo *
qemuInhibitorKindGetInfo(qemuInhibitorKind kind)
{
    return &qemuInhibitorKinds[kind];
}

qemuInhibitor *
qemuInhibitorNew(qemuInhibitorKind kind, unsigned int evidence, const char *alias,
                 const char *address)
{
    qemuInhibitor *inhibitor = g_new0(qemuInhibitor, 1);

    inhibitor->kind = kind;
    inhibitor->evidence = evidence;
    inhibitor->alias = g_strdup(alias);
    inhibitor->address = g_strdup(address);
    return inhibitor;
}

void
qemuInhibitorFree(qemuInhibitor *inhibitor)
{
    if (!inhibitor)
        return;
    g_free(inhibitor->alias);
    g_free(inhibitor->address);
    g_free(inhibitor);
}

/* What QEMU takes for true (QEMU 7.2, qapi_bool_parse()); whether it was told so it must say. */
static bool
qemuInhibitorIsOptedOut(const vbDomainDef *def, const vbDomainHostdevDef *hostdev)
{
    static const char *const words[] = { "true", "on", "yes", "y", NULL };
    const char *alias = hostdev->alias ? hostdev->alias : hostdev->place;
    const vbDomainOverrideDef *override;

    if (!alias)
        return false;
    override = vbDomainDefFindOverride(def, alias, VB_DOMAIN_OPT_OUT_PROPERTY);
    return override && override->value && g_strcmp0(override->type, "remove") != 0 &&
        g_strv_contains(words, override->value);
}

static void
qemuInhibitorAddHostdev(const vbDomainDef *def, const vbDomainHostdevDef *hostdev,
                        GPtrArray *inhibitors)
{
    qemuInhibitorKind kind;
    qemuInhibitor *inhibitor;

    switch (hostdev->type) {
    case VB_DOMAIN_HOSTDEV_PCI:
        if (hostdev->foreignDriver)
            return;
        kind = QEMU_INHIBITOR_VFIO_PCI;
        break;
    case VB_DOMAIN_HOSTDEV_MDEV:
        if (hostdev->model == VB_DOMAIN_MDEV_MODEL_VFIO_CCW ||
            hostdev->model == VB_DOMAIN_MDEV_MODEL_VFIO_AP ||
            qemuInhibitorIsOptedOut(def, hostdev))
            return;
        kind = QEMU_INHIBITOR_VFIO_MDEV;
        break;
    case VB_DOMAIN_HOSTDEV_VDPA:
        kind = QEMU_INHIBITOR_VHOST_VDPA;
        break;
    case VB_DOMAIN_HOSTDEV_OTHER:
    default:
        return;
    }

    inhibitor = qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_XML, hostdev->alias,
                                 hostdev->address);
    inhibitor->isInterface = hostdev->isInterface;
    g_ptr_array_add(inhibitors, inhibitor);
}

void
qemuInhibitorsFromDef(const vbDomainDef *def, GPtrArray *inhibitors)
{
    size_t i;

    for (i = 0; i < def->hostdevs->len; i++)
        qemuInhibitorAddHostdev(def, g_ptr_array_index(def->hostdevs, i), inhibitors);

    for (i = 0; i < def->devices->len; i++) {
        const vbDomainDeviceDef *device = g_ptr_array_index(def->devices, i);
        qemuInhibitorKind kind;

        switch (device->type) {
        case VB_DOMAIN_DEVICE_VDPA_NET:
            kind = QEMU_INHIBITOR_VHOST_VDPA;
            break;
        case VB_DOMAIN_DEVICE_NVME_DISK:
            kind = QEMU_INHIBITOR_NVME;
            break;
        case VB_DOMAIN_DEVICE_VHOST_VDPA_DISK:
            kind = QEMU_INHIBITOR_BLKIO;
            break;
        case VB_DOMAIN_DEVICE_NETWORK_NET:
            /* Only the network knows, and in a running guest it is a hostdev if it is one. */
        default:
            continue;
        }
        g_ptr_array_add(inhibitors, qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_XML,
                                                     device->alias, device->address));
    }

    /* SEV-SNP and TDX are not listed: their memory requires discards (QEMU 10.0). */
    if (def->launchSecurity == VB_DOMAIN_LAUNCH_SECURITY_SEV)
        g_ptr_array_add(inhibitors, qemuInhibitorNew(QEMU_INHIBITOR_SEV,
                                                     QEMU_INHIBITOR_EVIDENCE_XML, NULL, NULL));
    if (def->launchSecurity == VB_DOMAIN_LAUNCH_SECURITY_S390_PV)
        g_ptr_array_add(inhibitors, qemuInhibitorNew(QEMU_INHIBITOR_S390_PV,
                                                     QEMU_INHIBITOR_EVIDENCE_XML, NULL, NULL));
}

bool
qemuInhibitorTypeIsDevice(const char *type, qemuInhibitorKind *kind)
{
    if (g_str_has_prefix(type, "vhost-vdpa-device")) {
        *kind = QEMU_INHIBITOR_VHOST_VDPA;
        return true;
    }
    if (!g_str_has_prefix(type, "vfio-"))
        return false;
    if (g_str_equal(type, "vfio-ccw") || g_str_equal(type, "vfio-ap") ||
        g_str_equal(type, "vfio-pci-igd-lpc-bridge"))
        return false;

    if (g_str_equal(type, "vfio-pci") || g_str_equal(type, "vfio-pci-nohotplug"))
        *kind = QEMU_INHIBITOR_VFIO_PCI;
    else if (g_str_has_prefix(type, "vfio-user"))
        *kind = QEMU_INHIBITOR_VFIO_USER;
    else
        *kind = QEMU_INHIBITOR_VFIO_PLATFORM;
    return true;
}
