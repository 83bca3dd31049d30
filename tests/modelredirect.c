/*
 * modelredirect.c: a size for the guest as a whole, reached with virtio-mem
 *
 * Which plan the code has is its own affair; what comes of it is not.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "model.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define MODEL_BLOCK 2048

bool
modelIsRedirected(const modelWorld *world, const modelDefinition *def)
{
    modelPolicy policy = def->policy;

    if (policy == MODEL_POLICY_NONE || policy == MODEL_POLICY_DEFAULT)
        policy = world->defaultPolicy;
    return policy == MODEL_POLICY_REDIRECT && !def->noBalloon && modelGetVirtioMem(def) > 0;
}

unsigned long long
modelGetVirtioMem(const modelDefinition *def)
{
    return def->memories[0].size + def->memories[1].size;
}

bool
modelIsTooLarge(const modelWorld *world, const modelDefinition *def, unsigned long long memory)
{
    return modelIsRedirected(world, def) &&
        memory > modelGetBalloonMaximum(def) + modelGetVirtioMem(def);
}

/* What comes of it for one half, or NULL where it is as it has to be */
static const char *
modelCheckShares(const modelDefinition *def, unsigned long long memory)
{
    unsigned long long base = modelGetBalloonMaximum(def);
    unsigned long long wanted = memory > base ? memory - base : 0;
    unsigned long long shared = def->memories[0].requested + def->memories[1].requested;

    if (shared < wanted || shared >= wanted + MODEL_BLOCK)
        return "its virtio-mem devices are not asked for what is wanted";
    for (int i = 0; i < MODEL_SLOTS; i++) {
        const modelMemory *device = &def->memories[i];
        double part = (double)wanted * (double)device->size / (double)modelGetVirtioMem(def);
        double more = (double)device->requested - part;

        if (device->requested % MODEL_BLOCK != 0 || device->requested > device->size)
            return "a virtio-mem device is asked for what it cannot do";
        if (device->size > 0 && (more <= -MODEL_BLOCK || more >= MODEL_BLOCK))
            return "a virtio-mem device has not its part";
    }
    return NULL;
}

/* libvirt's setmem leaves virtio-mem out of account (9.0, tried). */
static bool
modelLibvirtTakes(const modelDefinition *def, unsigned long long memory)
{
    return memory <= modelGetTotal(def) - modelGetVirtioMem(def);
}

static const char *
modelSet(modelWorld *world, bool live, bool config, unsigned long long memory)
{
    unsigned long long before = world->balloon;

    if ((live && !modelLibvirtTakes(&world->live, memory)) ||
        (config && !modelLibvirtTakes(&world->next, memory)))
        return "asks libvirt for more than it takes";
    if (live)
        modelSetBalloon(world, memory * 1024);
    if (config)
        world->next.current = memory;
    if (live && world->balloon < before && modelIsInhibited(world) &&
        world->qmp == QEMU_DOMAIN_QMP_ALWAYS &&
        modelGetPolicy(world, &world->live) == MODEL_POLICY_BLOCK)
        return "takes memory from the guest for nothing on the way";
    return NULL;
}

static const char *
modelChange(modelWorld *world, const qemuRedirectChange *change)
{
    bool live = change->flags == VIR_DOMAIN_AFFECT_LIVE;
    modelDefinition *def = live ? &world->live : &world->next;
    modelMemory *memory;

    if (!change->device)
        return modelSet(world, live, !live, change->size);
    if (!g_str_has_prefix(change->device, "ua-mem"))
        return "resizes what is no virtio-mem device";
    memory = &def->memories[change->device[strlen("ua-mem")] - '0'];
    if (change->before != memory->requested || change->size == memory->requested)
        return "resizes a virtio-mem device that has the size";
    memory->requested = change->size;
    return NULL;
}

const char *
modelServeRedirect(modelWorld *world, const modelRequest *request, const qemuRedirectPlan *plan,
                   bool *served)
{
    const char *wrong = NULL;
    unsigned long long wanted;
    bool redirectsLive;
    bool redirectsNext;
    bool live;
    bool config;

    if (!modelTakesMemory(world, request, &live, &config))
        return plan ? "redirects what libvirt refuses" : NULL;
    redirectsLive = live && modelIsRedirected(world, &world->live);
    redirectsNext = config && modelIsRedirected(world, &world->next);
    if ((redirectsLive || redirectsNext) != (plan != NULL))
        return plan ? "redirects what is not to be redirected" : "does not redirect";
    if (!plan)
        return NULL;

    /* A half that is not redirected gets what was asked for, which libvirt may refuse: then all is
     * set back. */
    if ((live && !redirectsLive && !modelLibvirtTakes(&world->live, request->memory)) ||
        (config && !redirectsNext && !modelLibvirtTakes(&world->next, request->memory)))
        return NULL;
    *served = true;
    for (guint i = 0; i < plan->changes->len && !wrong; i++)
        wrong = modelChange(world, g_ptr_array_index(plan->changes, i));
    if (wrong)
        return wrong;
    if (!modelGetHalves(world, plan->flags, &live, &config))
        return "asks for a half that there is not";
    wrong = modelSet(world, live, config, plan->memory);
    if (!wrong && redirectsLive)
        wrong = modelCheckShares(&world->live, request->memory);
    wanted = MIN(request->memory, modelGetBalloonMaximum(&world->live));
    if (!wrong && redirectsLive && (world->balloon < wanted || world->balloon >= wanted + 4))
        wrong = "leaves the balloon elsewhere";
    if (!wrong && redirectsNext)
        wrong = modelCheckShares(&world->next, request->memory);
    return wrong;
}
