/*
 * qemu_capabilities.h: what a QEMU binary can do, as it says itself
 *
 * Text in, text out: who starts the binary and carries the text is not known here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* What a QEMU is started with, to be asked and nothing else.  TCG first: a build that has it does
 * not open KVM. */
#define QEMU_CAPS_ARGUMENTS \
    "-S", "-no-user-config", "-nodefaults", "-display", "none", \
    "-machine", "none,accel=tcg:kvm", "-qmp", "stdio"

/* A type of device that is VFIO's or vDPA's. */
typedef struct {
    char *name;     /* of the QOM type */
    bool hasOptOut; /* whether it has the property 'x-balloon-allowed' */
} qemuCapsDevice;

/* Counted references: see qemuCapsRef(). */
typedef struct {
    unsigned int major;
    unsigned int minor;
    unsigned int micro;
    char *package;      /* the distribution's own version; may be empty */
    GPtrArray *devices; /* of qemuCapsDevice, by name */
    bool virtioMem;     /* whether there is any virtio-mem device */
} qemuCaps;

qemuCaps *
qemuCapsRef(qemuCaps *caps);

void
qemuCapsUnref(qemuCaps *caps);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuCaps, qemuCapsUnref)

/* Whether there is the type @type and it can be opted out of the inhibit. */
bool
qemuCapsHasOptOut(const qemuCaps *caps, const char *type);

/**
 * qemuCapsListsEmulator:
 * @xml: libvirt's capabilities, as virConnectGetCapabilities() returns them
 *
 * Returns: whether they name @path as an emulator; false where @xml cannot be read
 */
bool
qemuCapsListsEmulator(const char *xml, size_t length, const char *path);

/* One conversation with one QEMU, from its greeting to 'quit'. */
typedef struct _qemuCapsProbe qemuCapsProbe;

qemuCapsProbe *
qemuCapsProbeNew(void);

void
qemuCapsProbeFree(qemuCapsProbe *probe);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuCapsProbe, qemuCapsProbeFree)

/**
 * qemuCapsProbeFeed:
 * @bytes: what QEMU has written, in pieces of any size
 * @commands: what QEMU is to be told next is added here
 * @error: VB_ERROR_PROTOCOL
 *
 * Returns: false if this is no QEMU's answer; after that the conversation is over
 */
bool
qemuCapsProbeFeed(qemuCapsProbe *probe, const char *bytes, size_t length, GString *commands,
                  GError **error);

/**
 * qemuCapsProbeTake:
 *
 * Returns: (transfer full) (nullable): what was learnt, once everything was answered; NULL before
 * that, and the second time
 */
qemuCaps *
qemuCapsProbeTake(qemuCapsProbe *probe);
