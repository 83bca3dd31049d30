/*
 * qemu_redirect.h: a size for the whole guest, reached with its virtio-mem devices
 *
 * Policy 'redirect'.  Pure arithmetic: a definition and a size in, what is to be changed out.  All
 * sizes are KiB.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

/* Something that is made so before the client's own call is forwarded: a virtio-mem device gets
 * another size, or, where there is no device, the balloon. */
typedef struct {
    char *device;      /* its alias where it has one, else its place; NULL: the balloon */
    char *xml;         /* its element with what is to be requested, and... */
    char *back;        /* ...as it was; NULL for the balloon, which is not set back */
    unsigned int flags; /* VIR_DOMAIN_AFFECT_LIVE or VIR_DOMAIN_AFFECT_CONFIG */
    unsigned long long size;
    unsigned long long before;
} qemuRedirectChange;

/* What is done instead of setting the balloon to what a client asks for. */
typedef struct {
    GPtrArray *changes; /* of qemuRedirectChange: first of all, in this order */
    /* What the client's call sets then: */
    unsigned long long memory;
    unsigned int flags;
} qemuRedirectPlan;

qemuRedirectPlan *
qemuRedirectPlanNew(void);

void
qemuRedirectPlanFree(qemuRedirectPlan *plan);

/* Whether the guest has virtio-mem devices, and all that they have to say is there. */
bool
qemuRedirectIsPossible(const vbDomainDef *def);

/* The most that balloon and virtio-mem devices can give to the guest. */
unsigned long long
qemuRedirectGetMaximum(const vbDomainDef *def);

/* Where a guest stands, and where it can get to. */
typedef struct {
    unsigned long long minimum;
    unsigned long long maximum;
    unsigned long long target;  /* what it will have once its devices have done what they should */
    unsigned long long current; /* what it has */
} qemuRedirectReach;

/**
 * qemuRedirectFindReach:
 * @inhibited: whether the balloon can free nothing
 *
 * Returns: whether there is anything to resize
 */
bool
qemuRedirectFindReach(const vbDomainDef *def, bool inhibited, qemuRedirectReach *reach);

/**
 * qemuRedirectAddDevices:
 * @def: one for which qemuRedirectIsPossible() holds
 * @memory: for the guest as a whole, not above qemuRedirectGetMaximum()
 * @flags: LIVE or CONFIG, whichever @def is of
 *
 * Adds the devices that are to be resized to @changes: all of them together get what @memory is
 * above the size of the balloon, in proportion to their sizes, in whole blocks and by less than a
 * block too much.  A device that was asked for its part already is left alone, so that nothing is
 * left to do where everything was done.
 */
void
qemuRedirectAddDevices(const vbDomainDef *def, unsigned long long memory, unsigned int flags,
                       GPtrArray *changes);

/* Adds the balloon to @changes. */
void
qemuRedirectAddBalloon(const vbDomainDef *def, unsigned long long memory, unsigned int flags,
                       GPtrArray *changes);

/* What remains for the balloon of @memory for the guest as a whole. */
unsigned long long
qemuRedirectGetBalloon(const vbDomainDef *def, unsigned long long memory);

/* Returns: (transfer full): the XML with which a guest without virtio-mem could be brought down to
 * @memory, on one line */
char *
qemuRedirectFormatSuggestion(const vbDomainDef *def, unsigned long long memory);
