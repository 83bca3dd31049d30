/*
 * domain_conf.h: what virt-balloon reads of libvirt's <domain> document
 *
 * Only what bears on ballooning is kept.  The text is read by libxml2 with libvirt's own options,
 * so that both see the same document; nothing here does input or output, and nothing here judges:
 * which device inhibits what is the business of qemu/qemu_inhibitor.c.
 *
 * All sizes are KiB, as in libvirt's API; QMP's bytes never get in here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Namespace of the policy element in <metadata>. */
#define VB_DOMAIN_POLICY_NAMESPACE "urn:virt-balloon:policy:1"
/* Namespace of <qemu:commandline>, <qemu:override> and their siblings. */
#define VB_DOMAIN_QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
/* QEMU's property that opts a mediated device out of the inhibit (vfio-pci, since QEMU 3.1). */
#define VB_DOMAIN_OPT_OUT_PROPERTY "x-balloon-allowed"

typedef enum {
    VB_DOMAIN_BALLOON_POLICY_DEFAULT, /* the domain says nothing, or says 'default' */
    VB_DOMAIN_BALLOON_POLICY_BLOCK,
    VB_DOMAIN_BALLOON_POLICY_WARN,
    VB_DOMAIN_BALLOON_POLICY_IGNORE,
    VB_DOMAIN_BALLOON_POLICY_REDIRECT,
    VB_DOMAIN_BALLOON_POLICY_INVALID, /* the domain says something that is none of these */
} vbDomainBalloonPolicy;

typedef enum {
    VB_DOMAIN_MEMBALLOON_NONE, /* model='none', or no element at all */
    VB_DOMAIN_MEMBALLOON_VIRTIO, /* virtio, virtio-transitional, virtio-non-transitional */
    VB_DOMAIN_MEMBALLOON_OTHER, /* xen and whatever libvirt invents next */
} vbDomainMemballoonModel;

typedef enum {
    VB_DOMAIN_HOSTDEV_PCI,
    VB_DOMAIN_HOSTDEV_MDEV,
    VB_DOMAIN_HOSTDEV_VDPA, /* openEuler's <hostdev type='vdpa'> */
    VB_DOMAIN_HOSTDEV_OTHER, /* usb, scsi, scsi_host, and mode='capabilities' */
} vbDomainHostdevType;

typedef enum {
    VB_DOMAIN_MDEV_MODEL_VFIO_PCI,
    VB_DOMAIN_MDEV_MODEL_VFIO_CCW,
    VB_DOMAIN_MDEV_MODEL_VFIO_AP,
    VB_DOMAIN_MDEV_MODEL_OTHER,
} vbDomainMdevModel;

/* The attribute 'ballooning' of a <hostdev>, as a user writes it: libvirt does not store it. */
typedef enum {
    VB_DOMAIN_BALLOONING_ABSENT,
    VB_DOMAIN_BALLOONING_ON,
    VB_DOMAIN_BALLOONING_OFF,
    VB_DOMAIN_BALLOONING_INVALID,
} vbDomainBallooning;

/* A device of the host in the hands of the guest, from <hostdev> or <interface type='hostdev'>. */
typedef struct {
    vbDomainHostdevType type;
    char *typeName;           /* as written, or NULL */
    char *modelName;          /* as written, or NULL */
    vbDomainBallooning ballooning;
    char *ballooningText;     /* as written, or NULL */
    vbDomainMdevModel model;  /* of an mdev only */
    bool isInterface;         /* written as <interface>, so 'detach-interface' applies */
    bool iommufd;             /* <driver iommufd='yes'/> (libvirt 12) */
    bool foreignDriver;       /* PCI with a <driver name> that is not 'vfio' (xen) */
    char *alias;              /* libvirt's alias or NULL (inactive documents may have none) */
    char *place;              /* the alias that libvirt gives it when the domain starts; NULL
                               * where it has one of the user's choice */
    char *address;            /* PCI '0000:07:00.0', mdev UUID, vdpa path; NULL if not readable */
} vbDomainHostdevDef;

typedef enum {
    VB_DOMAIN_DEVICE_VDPA_NET,       /* <interface type='vdpa'> */
    VB_DOMAIN_DEVICE_NETWORK_NET,    /* <interface type='network'>: may become a hostdev at start */
    VB_DOMAIN_DEVICE_NVME_DISK,      /* <disk type='nvme'>, in a backing chain or mirror too */
    VB_DOMAIN_DEVICE_VHOST_VDPA_DISK, /* <disk type='vhostvdpa'> */
} vbDomainDeviceType;

/* A device that is no hostdev and may inhibit ballooning all the same. */
typedef struct {
    vbDomainDeviceType type;
    char *alias;   /* or NULL */
    char *address; /* device node, PCI address or network name; or NULL */
    char *id;      /* what libvirt calls the back end in QEMU; NULL where it has none */
} vbDomainDeviceDef;

typedef enum {
    VB_DOMAIN_MEMORY_DIMM,
    VB_DOMAIN_MEMORY_VIRTIO_MEM,
    VB_DOMAIN_MEMORY_OTHER, /* nvdimm, virtio-pmem, sgx-epc: in <memory>, not in the balloon */
} vbDomainMemoryModel;

typedef struct {
    vbDomainMemoryModel model;
    char *alias;                  /* or NULL */
    int node;                     /* guest NUMA node, -1 if not given */
    unsigned long long size;      /* KiB */
    unsigned long long block;     /* KiB, virtio-mem only, else 0 */
    unsigned long long requested; /* KiB, virtio-mem only, else 0 */
    unsigned long long current;   /* KiB, virtio-mem of a running guest only, else 0 */
    char *xml;                    /* the element, virtio-mem only; or NULL */
} vbDomainMemoryDef;

typedef enum {
    VB_DOMAIN_LAUNCH_SECURITY_NONE,
    VB_DOMAIN_LAUNCH_SECURITY_SEV, /* SEV and SEV-ES */
    VB_DOMAIN_LAUNCH_SECURITY_SEV_SNP,
    VB_DOMAIN_LAUNCH_SECURITY_TDX,
    VB_DOMAIN_LAUNCH_SECURITY_S390_PV,
    VB_DOMAIN_LAUNCH_SECURITY_OTHER,
} vbDomainLaunchSecurity;

/* One <qemu:property> of a <qemu:override>. */
typedef struct {
    char *alias;
    char *name;
    char *type;  /* 'string', 'unsigned', 'signed', 'bool', 'remove'; or NULL */
    char *value; /* or NULL */
} vbDomainOverrideDef;

typedef struct _vbDomainDef vbDomainDef;
struct _vbDomainDef {
    guint others; /* owners, but for one */
    char *virtType; /* 'kvm', 'qemu', ... or NULL */
    char *name;
    char *uuid;     /* as written; NULL if absent (a document that was never defined) */
    int id;         /* of a running guest; -1 for an inactive document */

    unsigned long long memory;        /* KiB: <memory>, all memory devices included */
    unsigned long long currentMemory; /* KiB: <currentMemory>, or memory where it is absent */
    unsigned long long maxMemory;     /* KiB: <maxMemory>, 0 where it is absent */
    int maxMemorySlots;               /* its attribute 'slots', 0 where it is absent */
    guint cells;                      /* NUMA nodes of the guest */

    bool memoryLocked;      /* <memoryBacking><locked/> */
    bool memoryHugepages;   /* <memoryBacking><hugepages> */
    bool memoryShared;      /* all of it is mapped shared, from a file or memfd */

    vbDomainMemballoonModel memballoon;
    bool memballoonWritten; /* where there is no element, libvirt adds one at define */
    bool freePageReporting;
    struct _xmlNode *memballoonNode; /* a copy; NULL where it is huge or not there */
    char *policyAttribute; /* its attribute 'policy', as a user writes it; or NULL */

    GPtrArray *hostdevs;  /* of vbDomainHostdevDef, in document order */
    GPtrArray *devices;   /* of vbDomainDeviceDef, in document order */
    GPtrArray *memories;  /* of vbDomainMemoryDef, in document order */
    GPtrArray *overrides; /* of vbDomainOverrideDef, in document order */
    GHashTable *overrideIndex; /* the last one of each alias and name: a document may have many */

    vbDomainLaunchSecurity launchSecurity;

    bool qemuCommandline; /* <qemu:commandline> */
    bool qemuNamespace; /* any child of <domain> in QEMU's namespace: the XML is not all there is */

    vbDomainBalloonPolicy policy;
    char *policyText; /* what the domain says, or NULL: for messages about INVALID */
    guint policyElements; /* of our namespace in <metadata>: libvirt keeps the first one only */

    char *emulator; /* or NULL */
};

/**
 * vbDomainDefParseString:
 * @xml: a <domain> document, read as libvirt reads it
 * @length: bytes in @xml
 * @error: VB_ERROR_XML; VB_ERROR_UNREAD for a document with a document type declaration
 *
 * Never loads anything from outside the text, never expands external entities.  Unknown elements
 * and attributes are skipped.  A size that cannot be read (no number, an unknown unit, more than
 * fits) is an error, since a verdict would rest on it; anything else that cannot be read leaves
 * its field empty.
 *
 * Returns: (transfer full): the definition, or NULL
 */
vbDomainDef *
vbDomainDefParseString(const char *xml, size_t length, GError **error);

/* The same of an element that is a domain, such as the <domain> in a snapshot's document. */
vbDomainDef *
vbDomainDefParseNode(const struct _xmlNode *root, GError **error);

/**
 * vbDomainDefParseDeviceString:
 * @xml: a device such as <hostdev>, as virDomainAttachDevice() takes it
 * @error: VB_ERROR_XML; VB_ERROR_UNREAD for a document that libvirt would read and this does not
 *
 * Returns: (transfer full): a definition that has nothing but the device, or nothing at all where
 * the device is of a kind that is not kept; NULL and @error otherwise
 */
vbDomainDef *
vbDomainDefParseDeviceString(const char *xml, size_t length, GError **error);

/* Another owner of what nobody changes any more. Returns: (transfer full): @def */
vbDomainDef *
vbDomainDefRef(vbDomainDef *def);

/* Gives it up; the last owner frees it. */
void
vbDomainDefFree(vbDomainDef *def);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbDomainDef, vbDomainDefFree)

/**
 * vbDomainDefGetBalloonMaximum:
 *
 * QEMU's balloon spans boot memory and DIMMs only (QEMU 7.2, get_current_ram_size()): virtio-mem,
 * nvdimm, virtio-pmem and SGX memory are part of libvirt's <memory>, but never of the balloon.
 *
 * Returns: the largest size the balloon device knows, KiB
 */
unsigned long long
vbDomainDefGetBalloonMaximum(const vbDomainDef *def);

/**
 * vbDomainDefGetBalloonCurrent:
 *
 * libvirt adds what virtio-mem devices have plugged to the size that QEMU's balloon reports
 * (libvirt 9.0, qemuProcessHandleBalloonChange()); this takes it away again.
 *
 * Returns: the size a 'setmem' target is to be compared with, KiB
 */
unsigned long long
vbDomainDefGetBalloonCurrent(const vbDomainDef *def);

/**
 * vbDomainDefFindOverride:
 *
 * Returns: (nullable): the override of property @name on the device with @alias; where there are
 * several, the last one, which is the one that QEMU is given
 */
const vbDomainOverrideDef *
vbDomainDefFindOverride(const vbDomainDef *def, const char *alias, const char *name);

/**
 * vbDomainDefHasMemballoon:
 * @device: a definition that has nothing but a memory balloon
 *
 * Returns: whether all that @device says of its memory balloon, its policy aside, @def says too;
 * what @device leaves out counts as unchanged
 */
bool
vbDomainDefHasMemballoon(const vbDomainDef *def, const vbDomainDef *device);

/* Returns: whether @node is an <alias> with a name */
bool
vbDomainNodeIsAlias(const struct _xmlNode *node);

/* Returns: (nullable): the element that gives a device its alias */
const struct _xmlNode *
vbDomainDeviceFindAlias(const struct _xmlNode *device);

/* Whether @alias names a device of a user's choice: libvirt drops any other from a definition and
 * gives devices aliases by their place (9.0, virDomainDeviceInfoParseXML()). */
bool
vbDomainAliasIsUser(const char *alias);

/* 'block', 'warn', ...; NULL for INVALID. */
const char *
vbDomainBalloonPolicyTypeToString(vbDomainBalloonPolicy policy);

/* INVALID for a text that names no policy (NULL too). */
vbDomainBalloonPolicy
vbDomainBalloonPolicyTypeFromString(const char *text);
