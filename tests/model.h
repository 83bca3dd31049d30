/*
 * model.h: a small model of a guest, of the QEMU and the libvirt around it, and of the policy
 *
 * Written from the description of the policy, not from its code, and sharing nothing with it but
 * names of kinds and states.  It knows what the code has to find out: the truth about QEMU's
 * counter.  A world is plain data, so a copy of it is an assignment.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_domain.h"

#define MODEL_DEVICES 12 /* of one list */
#define MODEL_NUMBERS 3  /* of one kind */
#define MODEL_SLOTS 2    /* for memory devices */
#define MODEL_ARGS 3

/* Devices; the order is that of modelDeviceWords. */
typedef enum {
    MODEL_PCI,
    MODEL_INTERFACE, /* of type hostdev */
    MODEL_MDEV,
    MODEL_VDPA,
    MODEL_NETWORK, /* an interface; its number is that of the network */
    MODEL_NVME,
    MODEL_BLKIO,
    /* These never inhibit: */
    MODEL_CCW,
    MODEL_AP,
    MODEL_USB,
    MODEL_BRIDGE,
    MODEL_DISK,
    /* These come to QEMU behind libvirt's back only: */
    MODEL_VFIO_USER,
    MODEL_PLATFORM,
    MODEL_VDPA_GENERIC,
    MODEL_NETDEV, /* a back end of vDPA without a device */
    MODEL_NODE,   /* a block node of NVMe without a disk */
    MODEL_RNG,    /* harmless */
} modelDeviceKind;

typedef struct {
    modelDeviceKind kind;
    int number;
    bool behind;  /* libvirt does not know it */
    bool allowed; /* QEMU was told that it allows ballooning */
    bool hostdev; /* of NETWORK, once it is plugged: it is a device of the host */
} modelDevice;

typedef struct {
    modelDevice items[MODEL_DEVICES];
    int count;
} modelDevices;

/* virtio-mem, KiB */
typedef struct {
    unsigned long long size; /* 0: there is none */
    unsigned long long requested;
    unsigned long long plugged;
} modelMemory;

/* The order is that of the words that steps are written with. */
typedef enum { MODEL_POLICY_NONE, MODEL_POLICY_DEFAULT, MODEL_POLICY_BLOCK, MODEL_POLICY_WARN,
               MODEL_POLICY_IGNORE, MODEL_POLICY_REDIRECT, MODEL_POLICY_NONSENSE } modelPolicy;
typedef enum { MODEL_OVERRIDE_NONE, MODEL_OVERRIDE_TRUE, MODEL_OVERRIDE_FALSE } modelOverride;
typedef enum { MODEL_SECURITY_NONE, MODEL_SECURITY_SEV, MODEL_SECURITY_SNP,
               MODEL_SECURITY_PV } modelSecurity;
typedef enum { MODEL_LINE_NONE, MODEL_LINE_HARMLESS, MODEL_LINE_PCI, MODEL_LINE_SEV,
               MODEL_LINE_SNP, MODEL_LINE_ALLOWED } modelLine;
typedef enum { MODEL_MIGRATION_NONE, MODEL_MIGRATION_SNAPSHOT, MODEL_MIGRATION_OUTGOING,
               MODEL_MIGRATION_SETUP, MODEL_MIGRATION_POSTCOPY_OUT, MODEL_MIGRATION_INCOMING,
               MODEL_MIGRATION_POSTCOPY_IN, MODEL_MIGRATION_POSTCOPY_PAUSED, MODEL_MIGRATION_COLO,
               MODEL_MIGRATION_COMPLETED, MODEL_MIGRATION_CANCELLED } modelMigration;

/* What libvirt has of a domain, for now or for its next start */
typedef struct {
    unsigned long long boot; /* KiB, without any memory device */
    unsigned long long dimm; /* KiB, which the balloon reaches */
    unsigned long long nvdimm; /* KiB, which it does not */
    modelMemory memories[MODEL_SLOTS];
    unsigned long long current; /* KiB, <currentMemory> of the next start */
    modelDevices devices;
    modelOverride overrides[MODEL_NUMBERS]; /* of the mediated device of that number */
    modelPolicy policy;
    bool noBalloon;
    bool locked;
    modelSecurity security;
    modelLine line; /* <qemu:commandline> */
} modelDefinition;

typedef struct {
    modelPolicy defaultPolicy;
    qemuDomainQmpMode qmp;
    bool hostdevNetworks[MODEL_NUMBERS];

    bool transient;
    modelDefinition next;

    bool running;
    modelDefinition live;
    unsigned long long balloon; /* KiB that the balloon leaves to the guest */
    modelDevices behind; /* what QEMU has beside that of 'live' */
    modelMigration migration;
    bool snapshotCapability;
    bool tainted; /* libvirt saw its monitor used */
} modelWorld;

/* Steps */

typedef enum {
    MODEL_STEP_DEFAULT_POLICY,
    MODEL_STEP_QMP,
    MODEL_STEP_POLICY,
    MODEL_STEP_OVERRIDE,
    MODEL_STEP_DETACH,
    MODEL_STEP_BEHIND,
    MODEL_STEP_BEHIND_GONE,
    MODEL_STEP_BOOT,
    MODEL_STEP_CURRENT,
    MODEL_STEP_DIMM,
    MODEL_STEP_NVDIMM,
    MODEL_STEP_MEMORY,
    MODEL_STEP_RESIZE,
    MODEL_STEP_PLUGGED,
    MODEL_STEP_BALLOON,
    MODEL_STEP_LOCKED,
    MODEL_STEP_SECURITY,
    MODEL_STEP_LINE,
    MODEL_STEP_NETWORK,
    MODEL_STEP_STOP,
    MODEL_STEP_UNDEFINE,
    MODEL_STEP_MIGRATION,
    MODEL_STEP_CAPABILITY,
    MODEL_STEP_TAINT,
    /* Those that are judged: */
    MODEL_STEP_START,
    MODEL_STEP_SETMEM,
    MODEL_STEP_COMMAND_BALLOON,
    MODEL_STEP_COMMAND_ADD,
    MODEL_STEP_COMMAND,
    MODEL_STEP_ATTACH,
    MODEL_STEP_LAST,
} modelStepKind;

typedef struct {
    modelStepKind kind;
    int args[MODEL_ARGS]; /* indexes of words, or numbers */
} modelStep;

const char *
modelStepName(modelStepKind kind);

/* A step of @kind with any arguments; of any kind where that is MODEL_STEP_LAST */
modelStep
modelStepDraw(modelStepKind kind, GRand *random);

char *
modelStepFormat(const modelStep *step);

/* Returns: false where @line is no step */
bool
modelStepParse(const char *line, modelStep *step);

/* The same step with a simpler argument, for whoever looks for the simplest: false where there is
 * none left. @round counts up from 0. */
bool
modelStepSimplify(const modelStep *step, unsigned int round, modelStep *simpler);

bool
modelStepIsRequest(const modelStep *step);

/* What a client asks for */

typedef enum {
    MODEL_REQUEST_SETMEM,
    MODEL_REQUEST_COMMAND,
    MODEL_REQUEST_ATTACH,
    MODEL_REQUEST_START,
} modelRequestType;

typedef enum {
    MODEL_EFFECT_NONE,
    MODEL_EFFECT_BALLOON,   /* to bytes */
    MODEL_EFFECT_ADD,       /* the device */
    MODEL_EFFECT_ANYTHING,  /* nobody can tell before QEMU does it: it may be BALLOON to bytes */
} modelEffect;

typedef struct {
    modelRequestType type;
    unsigned long long memory; /* of SETMEM, KiB */
    unsigned int flags;        /* of SETMEM and ATTACH */
    modelEffect effect;        /* of COMMAND */
    unsigned long long bytes;
    bool hmp;
    char *text; /* the command, or the device's XML */
    modelDevice device;
} modelRequest;

void
modelRequestClear(modelRequest *request);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(modelRequest, modelRequestClear)

/* What happens */

void
modelWorldInit(modelWorld *world);

/* @step: one that is no request */
void
modelWorldApply(modelWorld *world, const modelStep *step);

/* @step: one that is a request; makes of it what a client would send in this world */
void
modelWorldRequest(const modelWorld *world, const modelStep *step, modelRequest *request);

/* What libvirt and QEMU make of a request that passed; if it is none for them, nothing. */
void
modelWorldServe(modelWorld *world, const modelRequest *request);

/**
 * modelServeRedirect:
 * @plan: what the code would do beside and instead, or NULL
 * @served: (inout): whether it was done: libvirt may refuse one half of it, which is not wrong
 *
 * Returns: (nullable): what is wrong with it
 */
const char *
modelServeRedirect(modelWorld *world, const modelRequest *request, const qemuRedirectPlan *plan,
                   bool *served);

/* QEMU's balloon goes to a size, as far as it can. */
void
modelSetBalloon(modelWorld *world, unsigned long long bytes);

/* Sizes, KiB */

unsigned long long
modelGetVirtioMem(const modelDefinition *def);

unsigned long long
modelGetBalloonMaximum(const modelDefinition *def);

unsigned long long
modelGetTotal(const modelDefinition *def);

/* Which halves a request is about; false where libvirt will refuse it. MODIFY flags and those of
 * memory have the same values for both. */
bool
modelGetHalves(const modelWorld *world, unsigned int flags, bool *live, bool *config);

/* The same of one that sets memory, with all that libvirt refuses of those. */
bool
modelTakesMemory(const modelWorld *world, const modelRequest *request, bool *live, bool *config);

/* What is expected */

typedef struct {
    bool refused;
    bool logged;
    bool asked; /* QEMU */
    bool found; /* the state was to be found, and is: */
    modelPolicy policy; /* BLOCK, WARN or IGNORE */
    qemuDomainBalloonState state;
    int inhibitors[QEMU_INHIBITOR_KIND_LAST];
} modelVerdict;

void
modelJudge(const modelWorld *world, const modelRequest *request, modelVerdict *verdict);

void
modelInspect(const modelWorld *world, qemuDomainQmpMode qmp, modelVerdict *verdict);

/* Whether QEMU's counter is above zero */
bool
modelIsInhibited(const modelWorld *world);

/* Whether QEMU was told of an opt-out that neither the XML shows nor QEMU may be asked about */
bool
modelHidesOptOut(const modelWorld *world);

/* BLOCK, WARN or IGNORE: what holds for a domain */
modelPolicy
modelGetPolicy(const modelWorld *world, const modelDefinition *def);

/* Whether a size for @def is reached with virtio-mem */
bool
modelIsRedirected(const modelWorld *world, const modelDefinition *def);

/* Whether it is a size that virtio-mem would have to reach and cannot: nvdimms and the like are part
 * of libvirt's <memory> */
bool
modelIsTooLarge(const modelWorld *world, const modelDefinition *def, unsigned long long memory);

/* Text for the code, and answers to what it asks */

/* Lies that a test of the test tells: what the code is told is not so. */
typedef enum {
    MODEL_LIE_NONE,
    MODEL_LIE_TAINT,     /* nobody used the monitor */
    MODEL_LIE_ALLOWED,   /* QEMU was told to allow every mediated device */
    MODEL_LIE_PLUGGED,   /* no virtio-mem device has anything plugged */
    MODEL_LIE_POSTCOPY,  /* nothing comes in */
    MODEL_LIE_NETWORK,   /* no network hands out devices */
    MODEL_LIE_POLICY,    /* 'warn' is 'block' */
    MODEL_LIE_NVDIMM,    /* is a DIMM */
    MODEL_LIE_LAST,
} modelLie;

char *
modelFormatDomain(const modelWorld *world, bool inactive, modelLie lie);

/* As a client sends it */
char *
modelFormatDevice(const modelDevice *device);

/* Returns: (nullable): QEMU's answer; NULL to a question that this QEMU does not expect */
char *
modelAnswerMonitor(const modelWorld *world, const char *command, modelLie lie);
