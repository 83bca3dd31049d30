/*
 * guest.h: one guest as libvirt and QEMU show it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "monitor.h"
#include "tool.h"

typedef struct {
    char *name;
    char *uuid;                  /* or NULL, where QEMU has none */
    bool alone;                  /* a QEMU that was asked without libvirt: there is no policy */
    bool running;
    unsigned long long current;  /* KiB: what the balloon leaves the guest */
    unsigned long long maximum;  /* KiB: what it can leave at most */
    bool haveResident;
    unsigned long long resident; /* KiB: what QEMU really has of the host's memory */
    qemuDomainFacts *facts;
    qemuDomainVerdict *verdict;  /* or NULL: see error */
    char *error;                 /* why nothing is known, or NULL */
    bool gone;                   /* it is not known because there is no such domain any more */
} vbGuest;

/* A guest of which nothing but its name is known. */
vbGuest *
vbGuestNew(virDomainPtr domain);

/**
 * vbGuestInspect:
 * @ask: whether QEMU's monitor is used, which taints the domain
 *
 * Finds out everything but what is resident, once; libvirt's calls block.
 */
void
vbGuestInspect(vbGuest *guest, virDomainPtr domain, bool ask);

/* Returns: whether libvirt says; @resident: (out): KiB that QEMU has of the host's memory, without
 * huge pages */
bool
vbGuestMeasure(virDomainPtr domain, unsigned long long *resident);

/* Returns: (transfer full) (nullable): the guest of a QEMU that libvirt need not know; NULL and
 * @error where it does not answer as QEMU does */
vbGuest *
vbGuestNewFromMonitor(vbMonitor *monitor, GError **error);

void
vbGuestFree(vbGuest *guest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbGuest, vbGuestFree)

/* KiB that the guest has given up, whatever the host got of it. */
unsigned long long
vbGuestGetInflated(const vbGuest *guest);

/* KiB that the guest has given up and QEMU may still have: no more than that, and some of it is
 * QEMU's own. 0 where that is not known. */
unsigned long long
vbGuestGetUnfreed(const vbGuest *guest);

/* 'block', ..., or 'default' where the domain does not say. */
const char *
vbGuestGetPolicy(const vbGuest *guest);

/* Whether sizes for the guest are ones that virtio-mem devices are resized for, by what the domain
 * itself says. */
bool
vbGuestFindReach(const vbGuest *guest, qemuRedirectReach *reach);

/* Returns: (transfer full) (nullable): @text as a JSON string, NULL as null */
json_object *
vbGuestStringToJSON(const char *text);

/* Returns: (transfer full): the array of @inhibitors */
json_object *
vbGuestInhibitorsToJSON(const GPtrArray *inhibitors);

/* Returns: (transfer full) */
json_object *
vbGuestToJSON(const vbGuest *guest);
