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
    char *definition;
    bool haveManagedSave;
    bool managedSave;
    bool haveImage;
    vbDomainDef *image;    /* or NULL */
    GHashTable *networks;  /* name -> whether it hands out devices of the host */
    bool haveLibvirt;
    unsigned long long libvirt;
    GHashTable *emulators; /* path -> whether it has the property */
};

/* Returns: (transfer full): PASS, and nothing known */
qemuDomainVerdict *
qemuBalloonVerdictNew(void);

/* Makes @verdict REFUSE. Takes @text. */
void
qemuBalloonRefuse(qemuDomainVerdict *verdict, int code, char *text);

/* The domain's policy, or the default one where it has none. */
vbDomainBalloonPolicy
qemuBalloonGetPolicy(const vbDomainDef *def, const qemuDomainSettings *settings);

/* Adds a question and makes @verdict NEED. */
void
qemuBalloonNeed(qemuDomainVerdict *verdict, qemuDomainQuestionKind kind);

/* The same with a name. */
void
qemuBalloonNeedNamed(qemuDomainVerdict *verdict, qemuDomainQuestionKind kind, const char *name);

/* Adds the interfaces of @def whose networks hand out devices of the host to @inhibitors; leaves
 * @verdict at NEED where that is not known of all. */
void
qemuBalloonAddNetworks(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                       const vbDomainDef *def, GPtrArray *inhibitors);

/* The same with all else that @def shows: what will inhibit once it is started. */
void
qemuBalloonAddNext(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                   const vbDomainDef *def, GPtrArray *inhibitors);

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

/* The same with all that both the definition and the running QEMU show, for whoever wants to know
 * everything. */
bool
qemuBalloonFindAll(qemuDomainVerdict *verdict, const qemuDomainFacts *facts, GError **error);

/* The same by the definition alone: an opt-out in it is believed. */
void
qemuBalloonReadState(qemuDomainVerdict *verdict, const vbDomainDef *def);

/* What the state of a domain that does not run will be; UNKNOWN where @verdict is left at NEED and
 * nothing but a network may inhibit. */
void
qemuBalloonForesee(qemuDomainVerdict *verdict, const qemuDomainFacts *facts);
