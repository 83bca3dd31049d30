/*
 * qemu_start.h: what a domain starts with, and documents on their way into libvirt
 *
 * A document is translated once (see qemu_command.h) and then judged as what is asked for with it.
 * Pure, as qemu_domain.h, whose facts and verdicts these are.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_domain.h"

typedef enum {
    QEMU_START_NOTHING,  /* the document is only stored, or only looked at */
    QEMU_START_DEFINE,
    QEMU_START_CREATE,
    QEMU_START_START,    /* of what is defined */
    /* Of these the guest's memory is in a state already: never refused. */
    QEMU_START_RESTORE,
    QEMU_START_REVERT,
    QEMU_START_INCOMING, /* migration */
} qemuStartOperation;

/* A document that a client hands in. */
typedef struct {
    char *stored;     /* as libvirt is to get it; NULL: as it came */
    bool optsOut;     /* a device of it is to be opted out */
    vbDomainDef *def; /* of its first domain, or of a device, as libvirt will get it; or NULL */
    int errorCode;    /* a VIR_ERR_... where it is refused as it stands, else 0 */
    char *errorText;
} qemuStartDocument;

/**
 * qemuStartDocumentNew:
 * @xml: a domain's, a snapshot's, a checkpoint's
 * @operation: DEFINE and CREATE forget opt-outs of devices that are gone
 */
qemuStartDocument *
qemuStartDocumentNew(const char *xml, size_t length, qemuStartOperation operation);

/* The same of a device on its own. */
qemuStartDocument *
qemuStartDocumentNewDevice(const char *xml, size_t length);

void
qemuStartDocumentFree(qemuStartDocument *document);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuStartDocument, qemuStartDocumentFree)

/**
 * qemuStartJudgeDocuments:
 * @documents: (element-type qemuStartDocument): of which the last one is what would run
 *
 * Returns: (transfer full): the verdict
 */
qemuDomainVerdict *
qemuStartJudgeDocuments(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                        const GPtrArray *documents, qemuStartOperation operation);

/**
 * qemuStartJudgeDomain:
 * @force: whether a managed save image is thrown away (VIR_DOMAIN_START_FORCE_BOOT)
 *
 * Returns: (transfer full): the verdict on starting what is defined
 */
qemuDomainVerdict *
qemuStartJudgeDomain(const qemuDomainFacts *facts, const qemuDomainSettings *settings, bool force);

/* Returns: (transfer full) (nullable): the domain in a saved image's XML or a snapshot's */
vbDomainDef *
qemuStartParseImage(const char *text, size_t length);

/* Returns: (transfer full): the verdict, never a refusal, on resuming what is in an image */
qemuDomainVerdict *
qemuStartJudgeImage(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                    qemuStartOperation operation);

/* Whether what a device says of ballooning has to be stored in the domain's definition: it is to be
 * opted out, or has an alias by which it may be and is not to be. */
bool
qemuStartNeedsDefinition(const qemuStartDocument *device);

/**
 * qemuStartJudgeOptOut:
 * @device: one for which qemuStartNeedsDefinition() holds
 * @flags: of the attachment, virDomainDeviceModifyFlags
 * @definition: (out) (transfer full): the domain's whole definition with the device, to be stored
 *     instead of attaching it; NULL where libvirt is to word why it cannot be attached
 *
 * A device's override belongs to the domain, so a device that is opted out cannot be attached to a
 * definition: the definition as a whole is changed.
 *
 * Returns: (transfer full) (nullable): the verdict; NULL where it is an attachment like any other
 */
qemuDomainVerdict *
qemuStartJudgeOptOut(const qemuDomainFacts *facts, const qemuStartDocument *device,
                     const char *xml, unsigned int flags, char **definition);

/**
 * qemuStartJudgeUpdate:
 * @device: a memory balloon with a policy
 * @flags: virDomainDeviceModifyFlags
 * @policyOnly: (out): whether nothing but the policy would change
 *
 * Returns: (transfer full): PASS or NEED
 */
qemuDomainVerdict *
qemuStartJudgeUpdate(const qemuDomainFacts *facts, const vbDomainDef *device, unsigned int flags,
                     bool *policyOnly);
