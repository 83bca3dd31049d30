/*
 * qemu_inhibitor.h: the catalogue of what keeps QEMU from discarding a guest's memory
 *
 * QEMU counts its reasons not to discard guest RAM; while the counter is above zero the balloon
 * still inflates, and the host gains nothing.  Lifting one of two reasons changes nothing, so a
 * guest has a list of inhibitors here and never a boolean.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

/* The order is the order of the table in qemu_inhibitor.c. */
typedef enum {
    QEMU_INHIBITOR_VFIO_PCI,
    QEMU_INHIBITOR_VFIO_MDEV,
    QEMU_INHIBITOR_VFIO_USER,
    QEMU_INHIBITOR_VFIO_PLATFORM,
    QEMU_INHIBITOR_VHOST_VDPA,
    QEMU_INHIBITOR_NVME,
    QEMU_INHIBITOR_BLKIO,
    QEMU_INHIBITOR_SEV,
    QEMU_INHIBITOR_S390_PV,
    QEMU_INHIBITOR_COLO,
    QEMU_INHIBITOR_POSTCOPY,
    QEMU_INHIBITOR_BACKGROUND_SNAPSHOT,
    QEMU_INHIBITOR_NO_SYNC_MMU,
    QEMU_INHIBITOR_LOCKED_MEMORY, /* no inhibitor to QEMU, but the discards fail all the same */
    QEMU_INHIBITOR_HUGE_PAGES,    /* nor this: but no page of the host's is ever given up whole */
    QEMU_INHIBITOR_KIND_LAST,
} qemuInhibitorKind;

typedef enum {
    QEMU_INHIBITOR_EVIDENCE_XML = 1 << 0,
    QEMU_INHIBITOR_EVIDENCE_QMP = 1 << 1,
} qemuInhibitorEvidence;

typedef struct {
    const char *name;     /* stable: it is printed, logged and exported */
    const char *object;   /* what it is, as it stands before an alias in a message */
    bool passing;         /* ends by itself; otherwise it lasts until somebody does something */
    const char *versions; /* of QEMU where it is so */
    const char *xml;      /* what in libvirt's XML shows it, or NULL */
    const char *qmp;      /* what QEMU answers that shows it, or NULL */
} qemuInhibitorKindInfo;

typedef struct {
    qemuInhibitorKind kind;
    unsigned int evidence; /* qemuInhibitorEvidence */
    bool isInterface;      /* an assigned device that the domain writes as <interface> */
    char *alias;           /* libvirt's alias, QEMU's id; NULL where there is none */
    char *id;              /* QEMU's id of its back end, where that is not the alias; or NULL */
    char *address;         /* on the host: PCI address, mdev UUID, device node; or NULL */
    char *question;        /* what QEMU was asked and... */
    char *answer;          /* ...what it answered, cut where it is long; NULL without QMP */
} qemuInhibitor;

const qemuInhibitorKindInfo *
qemuInhibitorKindGetInfo(qemuInhibitorKind kind);

qemuInhibitor *
qemuInhibitorNew(qemuInhibitorKind kind, unsigned int evidence, const char *alias,
                 const char *address);

/* Keeps QEMU's own words. */
void
qemuInhibitorSetAnswer(qemuInhibitor *inhibitor, const char *question, const char *answer);

void
qemuInhibitorFree(qemuInhibitor *inhibitor);

/**
 * qemuInhibitorsFromDef:
 * @def: a domain's definition
 * @inhibitors: (element-type qemuInhibitor): what the definition proves is added here
 *
 * A mediated device that an override claims to be compatible with ballooning is no proof.  Whether
 * QEMU was really told so only QEMU knows: libvirt ignores overrides when it hot-plugs.  Locked
 * memory and huge pages are not looked at: they inhibit nothing.
 */
void
qemuInhibitorsFromDef(const vbDomainDef *def, GPtrArray *inhibitors);

/**
 * qemuInhibitorTypeIsDevice:
 * @type: a QOM type name, as qom-list shows it inside 'child<...>'
 * @kind: (out): which inhibitor a device of that type is
 *
 * A rule of prefixes, since VFIO's device types have no common base before QEMU 10.1 and the base
 * was renamed in 10.2.  vfio-ccw and vfio-ap always allow discards (QEMU 5.2 to 11.1), and
 * vfio-pci-igd-lpc-bridge is a plain bridge.
 */
bool
qemuInhibitorTypeIsDevice(const char *type, qemuInhibitorKind *kind);
