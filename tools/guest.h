/*
 * guest.h: one guest as libvirt and QEMU show it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "tool.h"

typedef struct {
    char *name;
    char *uuid;
    bool running;
    unsigned long long current;  /* KiB: what the balloon leaves the guest */
    unsigned long long maximum;  /* KiB: what it can leave at most */
    bool haveResident;
    unsigned long long resident; /* KiB: what QEMU really has of the host's memory */
    qemuDomainFacts *facts;
    qemuDomainVerdict *verdict;  /* or NULL: see error */
    char *error;                 /* why nothing is known, or NULL */
} vbGuest;

/**
 * vbGuestNew:
 * @ask: whether QEMU's monitor is used, which taints the domain
 *
 * Asks everything that is to be known; libvirt's calls block.
 */
vbGuest *
vbGuestNew(virDomainPtr domain, bool ask);

void
vbGuestFree(vbGuest *guest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbGuest, vbGuestFree)

/* KiB that the guest has given up, whatever the host got of it. */
unsigned long long
vbGuestGetInflated(const vbGuest *guest);

/* 'block', ..., or 'default' where the domain does not say. */
const char *
vbGuestGetPolicy(const vbGuest *guest);

/* Returns: (transfer full) */
json_object *
vbGuestToJSON(const vbGuest *guest);
