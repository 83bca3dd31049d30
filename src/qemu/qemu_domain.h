/*
 * qemu_domain.h: is a guest's ballooning inhibited, and what follows from it
 *
 * A pure function from what is known to either "these questions first" or a verdict.  Daemon and
 * command line drive it, one asynchronously, one not; tests drive it with text.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "qemu_inhibitor.h"
#include "qemu_monitor_raw.h"
#include "qemu_redirect.h"

typedef enum {
    QEMU_DOMAIN_BALLOON_UNKNOWN,
    QEMU_DOMAIN_BALLOON_NONE,        /* there is no balloon device */
    QEMU_DOMAIN_BALLOON_AVAILABLE,
    QEMU_DOMAIN_BALLOON_INEFFECTIVE, /* not inhibited, but the host gains nothing either */
    QEMU_DOMAIN_BALLOON_INHIBITED,
} qemuDomainBalloonState;

/* When the running QEMU is asked, which taints the domain. */
typedef enum {
    QEMU_DOMAIN_QMP_AUTO,   /* where a shrink is undecided and there is a reason */
    QEMU_DOMAIN_QMP_ALWAYS, /* wherever a shrink is undecided */
    QEMU_DOMAIN_QMP_NEVER,  /* never: what the XML says counts */
} qemuDomainQmpMode;

typedef struct {
    vbDomainBalloonPolicy defaultPolicy; /* BLOCK, WARN, IGNORE or REDIRECT */
    qemuDomainQmpMode qmp;
} qemuDomainSettings;

typedef enum {
    QEMU_DOMAIN_QUESTION_XML,          /* virDomainGetXMLDesc, flags 0 */
    QEMU_DOMAIN_QUESTION_XML_INACTIVE, /* virDomainGetXMLDesc, VIR_DOMAIN_XML_INACTIVE */
    QEMU_DOMAIN_QUESTION_PERSISTENT,   /* virDomainIsPersistent */
    QEMU_DOMAIN_QUESTION_MESSAGES,     /* virDomainGetMessages, flags 0 (libvirt 7.1) */
    QEMU_DOMAIN_QUESTION_MONITOR,      /* virDomainQemuMonitorCommand, flags 0 */
    QEMU_DOMAIN_QUESTION_DEFINITION,   /* virDomainGetXMLDesc, VIR_DOMAIN_XML_INACTIVE and SECURE */
    QEMU_DOMAIN_QUESTION_MANAGED_SAVE, /* virDomainHasManagedSaveImage */
    QEMU_DOMAIN_QUESTION_IMAGE,        /* the XML of what is to be resumed, whatever it is */
    QEMU_DOMAIN_QUESTION_NETWORK,      /* virNetworkGetXMLDesc */
    QEMU_DOMAIN_QUESTION_LIBVIRT,      /* virConnectGetLibVersion */
    QEMU_DOMAIN_QUESTION_EMULATOR,     /* whether a QEMU binary has the property to opt out */
} qemuDomainQuestionKind;

typedef struct {
    qemuDomainQuestionKind kind;
    char *command; /* QMP text, of QUESTION_MONITOR only */
    char *name;    /* of the network or the emulator, of those questions only */
} qemuDomainQuestion;

/* What is known of one domain at one moment. */
typedef struct _qemuDomainFacts qemuDomainFacts;

qemuDomainFacts *
qemuDomainFactsNew(void);

void
qemuDomainFactsFree(qemuDomainFacts *facts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuDomainFacts, qemuDomainFactsFree)

/**
 * qemuDomainFactsAddXML:
 * @inactive: whether @xml answers QUESTION_XML_INACTIVE; otherwise it answers QUESTION_XML
 * @error: VB_ERROR_XML; nothing was added
 */
bool
qemuDomainFactsAddXML(qemuDomainFacts *facts, bool inactive, const char *xml, size_t length,
                      GError **error);

/* The same of one that was read already; @def: (transfer full) */
void
qemuDomainFactsAddDef(qemuDomainFacts *facts, bool inactive, vbDomainDef *def);

void
qemuDomainFactsAddPersistent(qemuDomainFacts *facts, bool persistent);

/* @messages: copied; an empty list where libvirt is too old to have the call. */
void
qemuDomainFactsAddMessages(qemuDomainFacts *facts, const char *const *messages);

/* The definition as libvirt would store it again; @xml: (transfer full) */
void
qemuDomainFactsAddDefinition(qemuDomainFacts *facts, char *xml);

void
qemuDomainFactsAddManagedSave(qemuDomainFacts *facts, bool managedSave);

/* @def: (transfer full) (nullable): of the domain that is to be resumed; NULL where nobody knows */
void
qemuDomainFactsAddImage(qemuDomainFacts *facts, vbDomainDef *def);

/* @hostdev: whether the network hands out devices of the host; false where nobody knows. */
void
qemuDomainFactsAddNetwork(qemuDomainFacts *facts, const char *name, bool hostdev);

void
qemuDomainFactsAddLibvirt(qemuDomainFacts *facts, unsigned long long version);

/* @hasProperty: true where nobody knows. */
void
qemuDomainFactsAddEmulator(qemuDomainFacts *facts, const char *path, bool hasProperty);

/* Returns: (nullable) (transfer none): the answer to QUESTION_XML */
const vbDomainDef *
qemuDomainFactsGetDef(const qemuDomainFacts *facts);

/* Returns: (nullable) (transfer none): the domain's name as libvirt has it, once that is known */
const char *
qemuDomainFactsGetName(const qemuDomainFacts *facts);

void
qemuDomainFactsAddMonitorReply(qemuDomainFacts *facts, const char *command, const char *reply);

typedef enum {
    QEMU_DOMAIN_VERDICT_NEED,
    QEMU_DOMAIN_VERDICT_PASS,
    QEMU_DOMAIN_VERDICT_REFUSE,
} qemuDomainAction;

typedef struct {
    qemuDomainAction action;

    /* Of NEED: (element-type qemuDomainQuestion), none of which depends on another's answer. */
    GPtrArray *questions;

    /* Of PASS: what is done beside and instead, or NULL: the request passes as it came. */
    qemuRedirectPlan *redirect;

    /* Of REFUSE: a VIR_ERR_... number, and the text behind libvirt's prefix for that number. */
    int errorCode;
    char *errorText;

    /* Of PASS and REFUSE: a line for the log, or NULL where nothing is to be said. */
    char *logText;

    /* What it rests on, for whoever shows or logs it. */
    vbDomainBalloonPolicy policy;
    qemuDomainBalloonState state;
    GPtrArray *inhibitors; /* (element-type qemuInhibitor) */
} qemuDomainVerdict;

void
qemuDomainVerdictFree(qemuDomainVerdict *verdict);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuDomainVerdict, qemuDomainVerdictFree)

/**
 * qemuDomainInspect:
 *
 * The state of a domain's balloon, for whoever only wants to know: of an inactive one, what it
 * will be.  With qmp=never the monitor is not used, and where there is a reason to doubt the XML
 * the state is UNKNOWN.  NEED comes with the state as it is known so far.
 *
 * Returns: (transfer full): PASS or NEED; REFUSE where an answer cannot be read
 */
qemuDomainVerdict *
qemuDomainInspect(const qemuDomainFacts *facts, const qemuDomainSettings *settings);

/**
 * qemuDomainJudgeSetMemory:
 * @memory: the target of virDomainSetMemory() or virDomainSetMemoryFlags(), KiB
 * @flags: virDomainMemoryModFlags; VIR_DOMAIN_MEM_LIVE for virDomainSetMemory()
 *
 * Returns: (transfer full): the verdict
 */
qemuDomainVerdict *
qemuDomainJudgeSetMemory(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                         unsigned long long memory, unsigned int flags);

/**
 * qemuDomainJudgeMonitorCommand:
 * @command: what a raw monitor command would do
 *
 * Returns: (transfer full): the verdict
 */
qemuDomainVerdict *
qemuDomainJudgeMonitorCommand(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                              const qemuMonitorRawCommand *command);

/**
 * qemuDomainJudgeAttach:
 * @device: a definition that has nothing but the device, as vbDomainDefParseDeviceString() makes
 *     it; NULL for a device that cannot be read but may be one to libvirt
 * @flags: virDomainDeviceModifyFlags; VIR_DOMAIN_DEVICE_MODIFY_LIVE for virDomainAttachDevice()
 *
 * Returns: (transfer full): the verdict
 */
qemuDomainVerdict *
qemuDomainJudgeAttach(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                      const vbDomainDef *device, unsigned int flags);

/**
 * qemuDomainJudgeUnanswered:
 * @facts: what is known so far
 * @name: the domain's, as the client calls it
 * @code: the VIR_ERR_... to refuse with
 * @reason: why no more is known
 * @lenient: whether the request is one that no domain is kept from that is not known to have asked
 *     for it: to get a device, to be defined or to start
 *
 * Returns: (transfer full): the verdict where a question has no answer, PASS or REFUSE
 */
qemuDomainVerdict *
qemuDomainJudgeUnanswered(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                          const char *name, int code, const char *reason, bool lenient);

/* 'available', 'inhibited', ...: stable, printed and exported. */
const char *
qemuDomainBalloonStateTypeToString(qemuDomainBalloonState state);

bool
qemuDomainQmpModeTypeFromString(const char *text, qemuDomainQmpMode *mode);
