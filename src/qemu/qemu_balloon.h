/*
 * qemu_balloon.h: what is known of a domain, and what state its balloon is in
 *
 * For qemu_domain.c, which draws the conclusions; everybody else uses qemu_domain.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_domain.h"

struct _qemuDomainFacts {
    vbDomainDef *def;      /* answer to QUESTION_XML */
    vbDomainDef *inactive; /* answer to QUESTION_XML_INACTIVE */
    bool havePersistent;
    bool persistent;
    char **messages;
    GHashTable *replies; /* QMP command -> QMP answer */
};

/* Returns: (transfer full): PASS, and nothing known */
qemuDomainVerdict *
qemuBalloonVerdictNew(void);

/* Adds a question and makes @verdict NEED. */
void
qemuBalloonNeed(qemuDomainVerdict *verdict, qemuDomainQuestionKind kind);

/**
 * qemuBalloonFindState:
 * @facts: must have the domain's definition, and the domain must be running
 *
 * Leaves @verdict at PASS with state and inhibitors set, or at NEED.
 *
 * Returns: false and @error where an answer cannot be read
 */
bool
qemuBalloonFindState(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                     const qemuDomainSettings *settings, GError **error);

/* The same by the definition alone: an opt-out in it is believed. */
void
qemuBalloonReadState(qemuDomainVerdict *verdict, const vbDomainDef *def);
