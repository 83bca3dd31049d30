/*
 * host.h: what a host has for the assignment of its devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *parent;    /* the device that the host has: PCI address, CCW or AP bus id */
    char *name;      /* of the type, as 'create' wants it */
    char *model;     /* 'vfio-pci', 'vfio-ccw', 'vfio-ap', or what the kernel says */
    char *available; /* how many more can be made, as the kernel says; or NULL */
} vbHostMdevType;

typedef struct {
    bool vfio;
    bool iommufd;
    guint iommuGroups;
    GPtrArray *mdevTypes; /* of vbHostMdevType, by parent and name */
} vbHost;

/* @root: what counts as the root directory. Returns: (transfer full) */
vbHost *
vbHostNew(const char *root);

void
vbHostFree(vbHost *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbHost, vbHostFree)

/* Whether a guest with one of this type can be ballooned, if the device does not pin guest memory:
 * vfio-ccw and vfio-ap always can, vfio-pci can be opted out (QEMU 5.2 to 11.1). */
bool
vbHostMdevTypeIsCompatible(const vbHostMdevType *type);

/* Whether this host has any such type; a device that is not mediated never can. */
bool
vbHostHasCompatible(const vbHost *host);
