/*
 * modelpolicy.c: what is expected of the policy
 *
 * QEMU's counter, what of it libvirt's XML proves, and the table of verdicts.  Each function is one
 * sentence of the description; none of them is clever.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "model.h"

#include <libvirt/libvirt.h>
#include <string.h>

/* Kinds, counted */
typedef struct {
    int of[QEMU_INHIBITOR_KIND_LAST];
    int all;
} modelCounter;

static void
modelCount(modelCounter *counter, qemuInhibitorKind kind)
{
    counter->of[kind]++;
    counter->all++;
}

/* What a device adds to QEMU's counter, if anything. */
static bool
modelDeviceInhibits(const modelDevice *device, qemuInhibitorKind *kind)
{
    switch (device->kind) {
    case MODEL_PCI:
    case MODEL_INTERFACE:
        *kind = QEMU_INHIBITOR_VFIO_PCI;
        return true;
    case MODEL_MDEV:
        *kind = QEMU_INHIBITOR_VFIO_MDEV;
        return !device->allowed;
    case MODEL_NETWORK:
        *kind = QEMU_INHIBITOR_VFIO_PCI;
        return device->hostdev;
    case MODEL_VDPA:
    case MODEL_VDPA_GENERIC:
    case MODEL_NETDEV:
        *kind = QEMU_INHIBITOR_VHOST_VDPA;
        return true;
    case MODEL_NVME:
    case MODEL_NODE:
        *kind = QEMU_INHIBITOR_NVME;
        return true;
    case MODEL_BLKIO:
        *kind = QEMU_INHIBITOR_BLKIO;
        return true;
    case MODEL_VFIO_USER:
        *kind = QEMU_INHIBITOR_VFIO_USER;
        return true;
    case MODEL_PLATFORM:
        *kind = QEMU_INHIBITOR_VFIO_PLATFORM;
        return true;
    case MODEL_CCW:
    case MODEL_AP:
    case MODEL_USB:
    case MODEL_BRIDGE:
    case MODEL_DISK:
    case MODEL_RNG:
    default:
        return false;
    }
}

static void
modelCountDevices(const modelDevices *devices, modelCounter *counter)
{
    qemuInhibitorKind kind;
    int i;

    for (i = 0; i < devices->count; i++) {
        if (modelDeviceInhibits(&devices->items[i], &kind))
            modelCount(counter, kind);
    }
}

static void
modelCountSecurity(const modelDefinition *def, modelCounter *counter)
{
    if (def->security == MODEL_SECURITY_SEV)
        modelCount(counter, QEMU_INHIBITOR_SEV);
    if (def->security == MODEL_SECURITY_PV)
        modelCount(counter, QEMU_INHIBITOR_S390_PV);
}

static bool
modelSnapshotRuns(const modelWorld *world)
{
    return world->snapshotCapability && (world->migration == MODEL_MIGRATION_SNAPSHOT ||
                                         world->migration == MODEL_MIGRATION_OUTGOING ||
                                         world->migration == MODEL_MIGRATION_SETUP);
}

/* The truth: everything that keeps QEMU from discarding memory now. */
static modelCounter
modelCountQemu(const modelWorld *world)
{
    modelCounter counter = { { 0 }, 0 };

    modelCountDevices(&world->live.devices, &counter);
    modelCountDevices(&world->behind, &counter);
    modelCountSecurity(&world->live, &counter);
    if (world->live.line == MODEL_LINE_SEV && world->live.security == MODEL_SECURITY_NONE)
        modelCount(&counter, QEMU_INHIBITOR_SEV);
    if (modelSnapshotRuns(world))
        modelCount(&counter, QEMU_INHIBITOR_BACKGROUND_SNAPSHOT);
    if (world->migration == MODEL_MIGRATION_POSTCOPY_IN ||
        world->migration == MODEL_MIGRATION_POSTCOPY_PAUSED)
        modelCount(&counter, QEMU_INHIBITOR_POSTCOPY);
    if (world->migration == MODEL_MIGRATION_COLO)
        modelCount(&counter, QEMU_INHIBITOR_COLO);
    return counter;
}

bool
modelIsInhibited(const modelWorld *world)
{
    return modelCountQemu(world).all > 0;
}

bool
modelHidesOptOut(const modelWorld *world)
{
    return world->live.line == MODEL_LINE_ALLOWED && world->qmp == QEMU_DOMAIN_QMP_NEVER;
}

/* What a definition proves: a device that it claims to be opted out is no proof, nor is a network
 * before it has handed out anything. */
static modelCounter
modelCountXML(const modelDefinition *def)
{
    modelCounter counter = { { 0 }, 0 };
    modelDevices claimed = def->devices;
    int i;

    for (i = 0; i < claimed.count; i++) {
        modelDevice *device = &claimed.items[i];

        if (device->kind == MODEL_MDEV)
            device->allowed = def->overrides[device->number] == MODEL_OVERRIDE_TRUE;
    }
    modelCountDevices(&claimed, &counter);
    modelCountSecurity(def, &counter);
    return counter;
}

/* The same of the next start, for which networks are looked up. */
static modelCounter
modelCountNext(const modelWorld *world)
{
    modelCounter counter = modelCountXML(&world->next);
    modelDevices looked = world->next.devices;
    int i;

    for (i = 0; i < looked.count; i++) {
        if (looked.items[i].kind == MODEL_NETWORK &&
            world->hostdevNetworks[looked.items[i].number])
            modelCount(&counter, QEMU_INHIBITOR_VFIO_PCI);
    }
    return counter;
}

/* Why the XML may not be the whole truth */
static bool
modelHasQemuNamespace(const modelDefinition *def)
{
    int i;

    for (i = 0; i < MODEL_NUMBERS; i++) {
        if (def->overrides[i] != MODEL_OVERRIDE_NONE)
            return true;
    }
    return def->line != MODEL_LINE_NONE;
}

static bool
modelMayAsk(const modelWorld *world, qemuDomainQmpMode qmp)
{
    return qmp == QEMU_DOMAIN_QMP_ALWAYS ||
        (qmp == QEMU_DOMAIN_QMP_AUTO && (world->tainted || modelHasQemuNamespace(&world->live)));
}

static void
modelFound(const modelWorld *world, const modelDefinition *def, const modelCounter *counter,
           modelVerdict *verdict)
{
    verdict->found = true;
    verdict->policy = modelGetPolicy(world, def);
    memcpy(verdict->inhibitors, counter->of, sizeof(verdict->inhibitors));
    verdict->state = counter->all > 0 ? QEMU_DOMAIN_BALLOON_INHIBITED
        : QEMU_DOMAIN_BALLOON_AVAILABLE;
    if (counter->all == 0 && def->locked) {
        verdict->state = QEMU_DOMAIN_BALLOON_INEFFECTIVE;
        verdict->inhibitors[QEMU_INHIBITOR_LOCKED_MEMORY] = 1;
    }
}

/* Mediated devices may be opted out in a way that the XML does not show. */
static bool
modelMayBeOptedOut(const modelWorld *world, qemuDomainQmpMode qmp, const modelCounter *counter)
{
    return counter->all == counter->of[QEMU_INHIBITOR_VFIO_MDEV] &&
        (qmp == QEMU_DOMAIN_QMP_ALWAYS ||
         (qmp == QEMU_DOMAIN_QMP_AUTO && world->live.line != MODEL_LINE_NONE));
}

/* The state of the running guest, as far as it can be known: by the XML if that proves anything,
 * or else by asking QEMU, where that may be asked. */
static void
modelFind(const modelWorld *world, modelVerdict *verdict)
{
    modelCounter counter = modelCountXML(&world->live);

    verdict->asked = counter.all == 0 ? modelMayAsk(world, world->qmp) :
        modelMayBeOptedOut(world, world->qmp, &counter);
    if (verdict->asked)
        counter = modelCountQemu(world);
    modelFound(world, &world->live, &counter, verdict);
}

/* Policies */

/* The domain itself asks for it; what cannot be understood counts. */
static bool
modelSaysBlock(const modelDefinition *def)
{
    return def->policy == MODEL_POLICY_BLOCK || def->policy == MODEL_POLICY_REDIRECT ||
        def->policy == MODEL_POLICY_NONSENSE;
}

modelPolicy
modelGetPolicy(const modelWorld *world, const modelDefinition *def)
{
    modelPolicy policy = def->policy;

    if (policy == MODEL_POLICY_NONE || policy == MODEL_POLICY_DEFAULT)
        policy = world->defaultPolicy;
    return policy == MODEL_POLICY_WARN || policy == MODEL_POLICY_IGNORE ? policy
        : MODEL_POLICY_BLOCK;
}

/* The rows of the table */

/* A live shrink. */
static void
modelJudgeShrink(const modelWorld *world, modelVerdict *verdict)
{
    modelPolicy policy = modelGetPolicy(world, &world->live);

    if (policy == MODEL_POLICY_IGNORE)
        return;
    modelFind(world, verdict);
    verdict->refused = verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED &&
        policy == MODEL_POLICY_BLOCK;
    verdict->logged = verdict->state != QEMU_DOMAIN_BALLOON_AVAILABLE;
}

/* A size for the next start, be it now. */
static void
modelJudgeNext(const modelWorld *world, unsigned long long memory, modelVerdict *verdict)
{
    modelCounter counter = modelCountNext(world);

    if (world->next.noBalloon || memory >= modelGetBalloonMaximum(&world->next) ||
        counter.all == 0 || modelGetPolicy(world, &world->next) == MODEL_POLICY_IGNORE)
        return;
    modelFound(world, &world->next, &counter, verdict);
    verdict->refused = modelSaysBlock(&world->next);
    verdict->logged = true;
}

static void
modelJudgeMemory(const modelWorld *world, const modelRequest *request, modelVerdict *verdict)
{
    modelVerdict next = { 0 };
    bool live;
    bool config;

    if (!modelTakesMemory(world, request, &live, &config))
        return;
    if (live && request->memory < world->balloon)
        modelJudgeShrink(world, verdict);
    if (live && modelIsTooLarge(world, &world->live, request->memory))
        verdict->refused = verdict->logged = true;
    if (!config || verdict->refused)
        return;
    modelJudgeNext(world, request->memory, &next);
    next.asked = verdict->asked;
    /* Of two lines that of the running guest is logged. */
    if (next.refused || (next.logged && !verdict->logged))
        *verdict = next;
    if (config && modelIsTooLarge(world, &world->next, request->memory))
        verdict->refused = verdict->logged = true;
}

/* A device for the running guest, by whatever way */
static void
modelJudgePlug(const modelWorld *world, const modelDevice *device, modelVerdict *verdict)
{
    const modelDefinition *live = &world->live;
    modelCounter counter = modelCountXML(live);
    modelDevice plugged = *device;
    qemuInhibitorKind kind;

    if (device->kind == MODEL_NETWORK)
        plugged.hostdev = world->hostdevNetworks[device->number];
    if (!modelDeviceInhibits(&plugged, &kind) || live->noBalloon ||
        world->balloon >= modelGetBalloonMaximum(live) ||
        modelGetPolicy(world, live) == MODEL_POLICY_IGNORE)
        return;
    /* No shrink is to be decided, so QEMU is asked only where the answer may mean a refusal. */
    if (modelSaysBlock(live))
        modelFind(world, verdict);
    else
        modelFound(world, live, &counter, verdict);
    if (verdict->state != QEMU_DOMAIN_BALLOON_AVAILABLE)
        return;
    verdict->refused = modelSaysBlock(live);
    verdict->logged = true;
}

void
modelJudge(const modelWorld *world, const modelRequest *request, modelVerdict *verdict)
{
    bool live;
    bool config;

    memset(verdict, 0, sizeof(*verdict));
    switch (request->type) {
    case MODEL_REQUEST_SETMEM:
        modelJudgeMemory(world, request, verdict);
        break;
    case MODEL_REQUEST_COMMAND:
        if (!world->running || world->live.noBalloon)
            break;
        if (request->effect == MODEL_EFFECT_ADD)
            modelJudgePlug(world, &request->device, verdict);
        else if (request->effect == MODEL_EFFECT_ANYTHING ||
                 (request->effect == MODEL_EFFECT_BALLOON &&
                  request->bytes < world->balloon * 1024))
            modelJudgeShrink(world, verdict);
        break;
    case MODEL_REQUEST_ATTACH:
        if (modelGetHalves(world, request->flags, &live, &config) && live)
            modelJudgePlug(world, &request->device, verdict);
        break;
    case MODEL_REQUEST_START:
        if (!world->running)
            modelJudgeNext(world, world->next.current, verdict);
        break;
    default:
        g_assert_not_reached();
    }
}

/* Whoever only wants to know */
void
modelInspect(const modelWorld *world, qemuDomainQmpMode qmp, modelVerdict *verdict)
{
    const modelDefinition *def = world->running ? &world->live : &world->next;
    modelCounter counter = world->running ? modelCountXML(def) : modelCountNext(world);

    memset(verdict, 0, sizeof(*verdict));
    if (def->noBalloon) {
        verdict->found = true;
        verdict->policy = modelGetPolicy(world, def);
        verdict->state = QEMU_DOMAIN_BALLOON_NONE;
        return;
    }
    verdict->asked = world->running && modelMayAsk(world, qmp) &&
        (counter.all == 0 || qmp == QEMU_DOMAIN_QMP_ALWAYS ||
         modelMayBeOptedOut(world, qmp, &counter));
    if (verdict->asked)
        counter = modelCountQemu(world);
    modelFound(world, def, &counter, verdict);
    if (verdict->state == QEMU_DOMAIN_BALLOON_AVAILABLE && world->running &&
        qmp == QEMU_DOMAIN_QMP_NEVER && modelHasQemuNamespace(def))
        verdict->state = QEMU_DOMAIN_BALLOON_UNKNOWN;
}
