/*
 * qemu_state.h: where the state of the balloon shows, in answers that libvirt gives
 *
 * What people look at already: messages of a domain (virsh dominfo), statistics (domstats), what a
 * host can do (domcapabilities).  Nothing is added that is not known, and the monitor is never used
 * for it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_domain.h"
#include "remote_stats.h"

/* Returns: (transfer full) (nullable): one more message of the domain, NULL where there is nothing
 * to be said: it works, or there is no balloon, or the domain does not run */
char *
qemuStateFormatMessage(const qemuDomainFacts *facts, const qemuDomainSettings *settings);

/* Adds balloon.policy, balloon.state, balloon.inhibitor.count and the inhibitors to @record of the
 * domain @def (transfer full), and of one that runs under 'redirect' what sizes it can have. */
void
qemuStateAddStats(remoteStatsRecord *record, vbDomainDef *def, const qemuDomainSettings *settings);

/**
 * qemuStateShowCapabilities:
 * @text: a <domainCapabilities> document
 *
 * Returns: (transfer full) (nullable): the same with what may be written of ballooning; NULL where
 * it cannot be edited
 */
char *
qemuStateShowCapabilities(const char *text, size_t length, size_t *newLength);
