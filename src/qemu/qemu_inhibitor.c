/*
 * qemu_inhibitor.c: the catalogue of what keeps QEMU from discarding a guest's memory
 *
 * The table of kinds, what a domain's definition proves of each, and which QEMU device types
 * inhibit.  Pure: documents in, lists out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_inhibitor.h"

#include <string.h>

/* Bytes of an answer that are kept: QEMU lists hundreds of block nodes. */
#define QEMU_INHIBITOR_ANSWER_MAX 1024

static const qemuInhibitorKindInfo qemuInhibitorKinds[] = {
    [QEMU_INHIBITOR_VFIO_PCI] = {
        "vfio-pci", "assigned PCI device", false, "3.1 and newer",
        "<hostdev type='pci'>, <interface type='hostdev'>, <interface type='network'> of a network "
        "with <forward mode='hostdev'>",
        "qom-list of /machine/peripheral and /machine/peripheral-anon: a child of type 'vfio-pci' "
        "or 'vfio-pci-nohotplug' whose 'x-balloon-allowed' is not true" },
    [QEMU_INHIBITOR_VFIO_MDEV] = {
        "vfio-mdev", "mediated device", false, "3.1 and newer, unless it is opted out",
        "<hostdev type='mdev' model='vfio-pci'>; 'vfio-ccw' and 'vfio-ap' never inhibit",
        "the same, with a 'sysfsdev' that ends in a UUID" },
    [QEMU_INHIBITOR_VFIO_USER] = {
        "vfio-user", "vfio-user device", false, "10.1 and newer", NULL,
        "qom-list: a child of type 'vfio-user-pci'" },
    [QEMU_INHIBITOR_VFIO_PLATFORM] = {
        "vfio-platform", "assigned platform device", false, "5.2 to 10.1, on ARM", NULL,
        "qom-list: a child of any other type that begins with 'vfio-', but for 'vfio-ccw', "
        "'vfio-ap' and 'vfio-pci-igd-lpc-bridge'" },
    [QEMU_INHIBITOR_VHOST_VDPA] = {
        "vhost-vdpa", "vDPA device", false, "6.2 and newer",
        "<interface type='vdpa'>, <hostdev type='vdpa'>",
        "qom-list: a child of type 'vhost-vdpa-device...'; 'info network': 'type=vhost-vdpa'" },
    [QEMU_INHIBITOR_NVME] = {
        "nvme", "userspace NVMe disk", false, "5.2 and newer",
        "<disk type='nvme'>, in a backing chain or mirror, too",
        "query-named-block-nodes: a node of driver 'nvme'" },
    [QEMU_INHIBITOR_BLKIO] = {
        "blkio", "libblkio disk", false, "7.2 and newer, built with libblkio",
        "<disk type='vhostvdpa'>",
        "query-named-block-nodes: a node of driver 'virtio-blk-vhost-vdpa', 'virtio-blk-vfio-pci' "
        "or 'nvme-io_uring'" },
    [QEMU_INHIBITOR_SEV] = {
        "sev", "launch security 'sev'", false, "5.2 and newer; not SEV-SNP, not TDX",
        "<launchSecurity type='sev'>",
        "query-sev: enabled, and of 'sev-type' 'sev' where it says one" },
    [QEMU_INHIBITOR_S390_PV] = {
        "s390-pv", "launch security 's390-pv'", false,
        "5.2 and newer, while the guest is protected",
        "<launchSecurity type='s390-pv'/>",
        "query-migrate: blocked because 'protected VMs are currently not migratable.' (6.0)" },
    [QEMU_INHIBITOR_COLO] = {
        "colo", "COLO secondary", false, "5.2 and newer, also once it has taken over", NULL,
        "query-colo-status: mode or last mode 'secondary'" },
    [QEMU_INHIBITOR_POSTCOPY] = {
        "postcopy", "incoming postcopy migration", true, "5.2 and newer, on the target", NULL,
        "query-migrate: a status that begins with 'postcopy-', and no count of RAM" },
    [QEMU_INHIBITOR_BACKGROUND_SNAPSHOT] = {
        "background-snapshot", "background snapshot", true, "6.0 and newer", NULL,
        "query-migrate-capabilities: 'background-snapshot', while query-migrate shows a migration "
        "that runs" },
    [QEMU_INHIBITOR_NO_SYNC_MMU] = {
        "no-sync-mmu", "KVM without a synchronous MMU", false, "5.2 and newer, on no host of today",
        NULL, NULL },
    [QEMU_INHIBITOR_LOCKED_MEMORY] = {
        "locked-memory", "locked memory", false, "all; no inhibitor, but discards of memory that "
        "is not shared fail",
        "<memoryBacking><locked/>, unless <access mode='shared'/> or <source type='memfd'/> has "
        "the memory shared", NULL },
    [QEMU_INHIBITOR_HUGE_PAGES] = {
        "huge-pages", "huge pages", false, "all; no inhibitor, but a balloon takes 1 MiB at a time "
        "in Linux and a page is discarded whole or not at all; free page reporting works",
        "<memoryBacking><hugepages>", NULL },
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
qemuInhibitorSetAnswer(qemuInhibitor *inhibitor, const char *question, const char *answer)
{
    const char *end = NULL;

    g_free(inhibitor->question);
    g_free(inhibitor->answer);
    inhibitor->question = g_strdup(question);
    /* Not cut inside of a character. */
    if (strlen(answer) > QEMU_INHIBITOR_ANSWER_MAX)
        end = g_utf8_find_prev_char(answer, answer + QEMU_INHIBITOR_ANSWER_MAX + 1);
    inhibitor->answer = end ? g_strndup(answer, (gsize)(end - answer)) : g_strdup(answer);
}

void
qemuInhibitorFree(qemuInhibitor *inhibitor)
{
    if (!inhibitor)
        return;
    g_free(inhibitor->question);
    g_free(inhibitor->answer);
    g_free(inhibitor->alias);
    g_free(inhibitor->id);
    g_free(inhibitor->address);
    g_free(inhibitor);
}

/* libvirt takes no other words for a bool (9.0), and QEMU no other type for the property (7.2);
 * whether QEMU was told so it must say. */
static bool
qemuInhibitorIsOptedOut(const vbDomainDef *def, const vbDomainHostdevDef *hostdev)
{
    /* Only a running domain's alias is what libvirt calls the device. */
    const char *alias = hostdev->place && def->id < 0 ? hostdev->place : hostdev->alias;
    const vbDomainOverrideDef *override =
        vbDomainDefFindOverride(def, alias, VB_DOMAIN_OPT_OUT_PROPERTY);

    return override && g_strcmp0(override->type, "bool") == 0 &&
        g_strcmp0(override->value, "true") == 0;
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
        qemuInhibitor *inhibitor;

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
        inhibitor = qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_XML, device->alias,
                                     device->address);
        inhibitor->id = g_strdup(device->id);
        g_ptr_array_add(inhibitors, inhibitor);
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
