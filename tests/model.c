/*
 * model.c: what happens to the guest of the model
 *
 * What libvirt and QEMU do with sizes, devices and definitions, and nothing of the policy.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "model.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define MIB 1024ULL

void
modelWorldInit(modelWorld *world)
{
    memset(world, 0, sizeof(*world));
    world->defaultPolicy = MODEL_POLICY_BLOCK;
    world->next.boot = world->next.current = 1024 * MIB;
}

/* Sizes */

unsigned long long
modelGetBalloonMaximum(const modelDefinition *def)
{
    return def->boot + def->dimm;
}

unsigned long long
modelGetTotal(const modelDefinition *def)
{
    unsigned long long total = def->boot + def->dimm + def->nvdimm;
    int i;

    for (i = 0; i < MODEL_SLOTS; i++)
        total += def->memories[i].size;
    return total;
}

/* Devices */

static modelDevice *
modelDevicesFind(modelDevices *devices, const modelDevice *device)
{
    int i;

    for (i = 0; i < devices->count; i++) {
        if (devices->items[i].kind == device->kind && devices->items[i].number == device->number)
            return &devices->items[i];
    }
    return NULL;
}

/* Nothing takes the same device of the host twice. */
static void
modelDevicesAdd(modelDevices *devices, const modelDevice *device)
{
    if (devices->count < MODEL_DEVICES && !modelDevicesFind(devices, device))
        devices->items[devices->count++] = *device;
}

static void
modelDevicesRemove(modelDevices *devices, const modelDevice *device)
{
    modelDevice *found = modelDevicesFind(devices, device);

    if (!found)
        return;
    devices->count--;
    memmove(found, found + 1, (size_t)(devices->items + devices->count - found) * sizeof(*found));
}

/* QEMU is told so of all of its type, unless it is told otherwise of this one. */
static bool
modelIsAllowed(const modelWorld *world, const modelDevice *device, modelOverride override)
{
    return device->kind == MODEL_MDEV && (override == MODEL_OVERRIDE_TRUE ||
        (override == MODEL_OVERRIDE_NONE && world->live.line == MODEL_LINE_ALLOWED));
}

/* libvirt plugs a device into the running guest: no override is applied. */
static void
modelPlug(modelWorld *world, const modelDevice *device)
{
    modelDevice plugged = *device;

    plugged.allowed = modelIsAllowed(world, device, MODEL_OVERRIDE_NONE);
    plugged.hostdev = device->kind == MODEL_NETWORK && world->hostdevNetworks[device->number];
    modelDevicesAdd(&world->live.devices, &plugged);
}

/* Start and end */

/* QEMU's balloon takes any size, goes no further than it can, and takes whole pages. */
void
modelSetBalloon(modelWorld *world, unsigned long long bytes)
{
    unsigned long long most = modelGetBalloonMaximum(&world->live) * 1024;

    if (!world->live.noBalloon)
        world->balloon = (most - (most - MIN(bytes, most)) / 4096 * 4096) / 1024;
}

static void
modelStart(modelWorld *world)
{
    const modelDevice pci = { MODEL_PCI, 0, true, false, false };
    int i;

    if (world->running)
        return;
    world->running = true;
    world->live = world->next;
    world->balloon = modelGetBalloonMaximum(&world->live);
    modelSetBalloon(world, world->live.current * 1024);
    for (i = 0; i < world->live.devices.count; i++) {
        modelDevice *device = &world->live.devices.items[i];

        /* Here, and only here, libvirt applies overrides. */
        device->allowed = modelIsAllowed(world, device, world->live.overrides[device->number]);
        device->hostdev = device->kind == MODEL_NETWORK &&
            world->hostdevNetworks[device->number];
    }
    for (i = 0; i < MODEL_SLOTS; i++)
        world->live.memories[i].plugged = 0;
    if (world->live.line == MODEL_LINE_PCI)
        modelDevicesAdd(&world->behind, &pci);
}

static void
modelStop(modelWorld *world)
{
    if (!world->running)
        return;
    world->running = false;
    /* A domain that was transient is gone; its owner defines another one. */
    world->transient = false;
    memset(&world->live, 0, sizeof(world->live));
    memset(&world->behind, 0, sizeof(world->behind));
    world->balloon = 0;
    world->migration = MODEL_MIGRATION_NONE;
    world->snapshotCapability = false;
    world->tainted = false;
}

static bool
modelMigrationRuns(const modelWorld *world)
{
    return world->migration != MODEL_MIGRATION_NONE &&
        world->migration != MODEL_MIGRATION_COMPLETED &&
        world->migration != MODEL_MIGRATION_CANCELLED;
}

static void
modelMigrate(modelWorld *world, modelMigration migration)
{
    bool ends = migration == MODEL_MIGRATION_COMPLETED || migration == MODEL_MIGRATION_CANCELLED;

    if (!world->running || ends != modelMigrationRuns(world) || migration == MODEL_MIGRATION_NONE)
        return;
    world->migration = migration;
    if (migration == MODEL_MIGRATION_SNAPSHOT)
        world->snapshotCapability = true;
    /* QEMU has no background snapshot together with these. */
    else if (migration == MODEL_MIGRATION_POSTCOPY_OUT || migration == MODEL_MIGRATION_INCOMING ||
             migration == MODEL_MIGRATION_POSTCOPY_IN ||
             migration == MODEL_MIGRATION_POSTCOPY_PAUSED || migration == MODEL_MIGRATION_COLO)
        world->snapshotCapability = false;
}

/* Definitions */

/* libvirt takes a larger <currentMemory> for the whole. */
static void
modelTrim(modelDefinition *def)
{
    def->current = MIN(def->current, modelGetTotal(def));
}

static void
modelSetMemoryDevice(modelDefinition *def, int slot, unsigned long long size)
{
    def->memories[slot].size = size;
    def->memories[slot].requested = size / 2;
    def->memories[slot].plugged = 0;
    modelTrim(def);
}

static void
modelDetach(modelWorld *world, const modelDevice *device, bool live, bool config)
{
    if (live)
        modelDevicesRemove(&world->live.devices, device);
    if (config)
        modelDevicesRemove(&world->next.devices, device);
}

static bool
modelTakesFlags(unsigned int flags)
{
    return (flags & ~(unsigned int)(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)) == 0;
}

bool
modelGetHalves(const modelWorld *world, unsigned int flags, bool *live, bool *config)
{
    *live = flags & VIR_DOMAIN_AFFECT_LIVE || (flags == 0 && world->running);
    *config = flags & VIR_DOMAIN_AFFECT_CONFIG || (flags == 0 && !world->running);
    return modelTakesFlags(flags) && !(*live && !world->running) &&
        !(*config && world->running && world->transient);
}

void
modelWorldApply(modelWorld *world, const modelStep *step)
{
    static const unsigned long long sizes[] = { 0, 256 * MIB, 512 * MIB, 1024 * MIB };
    static const unsigned int halves[] = { VIR_DOMAIN_AFFECT_CURRENT, VIR_DOMAIN_AFFECT_LIVE,
        VIR_DOMAIN_AFFECT_CONFIG, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG };
    const int *args = step->args;
    modelDefinition *next = &world->next;
    modelMemory *memory = &world->live.memories[args[0] % MODEL_SLOTS];
    modelDevice device = { .kind = args[0], .number = args[1] };
    bool live;
    bool config;

    switch (step->kind) {
    case MODEL_STEP_DEFAULT_POLICY:
        world->defaultPolicy = args[0] + MODEL_POLICY_BLOCK;
        break;
    case MODEL_STEP_QMP:
        world->qmp = args[0];
        break;
    case MODEL_STEP_POLICY:
        if (!modelGetHalves(world, halves[args[1]], &live, &config))
            break;
        if (live)
            world->live.policy = args[0];
        if (config)
            next->policy = args[0];
        break;
    case MODEL_STEP_OVERRIDE:
        next->overrides[args[0]] = args[1];
        break;
    case MODEL_STEP_DETACH:
        if (modelGetHalves(world, halves[args[2]], &live, &config))
            modelDetach(world, &device, live, config);
        break;
    case MODEL_STEP_BEHIND:
        device.behind = true;
        device.allowed = device.kind == MODEL_MDEV && args[2] == 1;
        if (world->running)
            modelDevicesAdd(&world->behind, &device);
        break;
    case MODEL_STEP_BEHIND_GONE:
        modelDevicesRemove(&world->behind, &device);
        break;
    case MODEL_STEP_BOOT:
        next->boot = 256 * MIB + sizes[args[0]];
        modelTrim(next);
        break;
    case MODEL_STEP_CURRENT:
        next->current = modelGetBalloonMaximum(next) * (unsigned int)args[0] / 4 + 1;
        modelTrim(next);
        break;
    case MODEL_STEP_DIMM:
        next->dimm = sizes[args[0]];
        modelTrim(next);
        break;
    case MODEL_STEP_NVDIMM:
        next->nvdimm = sizes[args[0]];
        modelTrim(next);
        break;
    case MODEL_STEP_MEMORY:
        if (!modelGetHalves(world, halves[args[2]], &live, &config))
            break;
        /* The running guest can only be given one, not be robbed of what is plugged. */
        if (live && memory->size == 0)
            modelSetMemoryDevice(&world->live, args[0], sizes[args[1]]);
        if (config)
            modelSetMemoryDevice(next, args[0], sizes[args[1]]);
        break;
    case MODEL_STEP_RESIZE:
        memory->requested = memory->size / 4 * (unsigned int)args[1];
        break;
    case MODEL_STEP_PLUGGED:
        /* The guest goes all the way to what was requested, or half of it. */
        memory->plugged = args[1] == 0 ? memory->requested
            : (memory->plugged + memory->requested) / 2;
        break;
    case MODEL_STEP_BALLOON:
        next->noBalloon = args[0];
        break;
    case MODEL_STEP_LOCKED:
        next->locked = args[0];
        break;
    case MODEL_STEP_SECURITY:
        next->security = args[0];
        break;
    case MODEL_STEP_LINE:
        next->line = args[0];
        break;
    case MODEL_STEP_NETWORK:
        world->hostdevNetworks[args[0]] = args[1];
        break;
    case MODEL_STEP_STOP:
        modelStop(world);
        break;
    case MODEL_STEP_UNDEFINE:
        world->transient = world->running;
        break;
    case MODEL_STEP_MIGRATION:
        modelMigrate(world, args[0]);
        break;
    case MODEL_STEP_CAPABILITY:
        if (world->running && !modelMigrationRuns(world))
            world->snapshotCapability = args[0];
        break;
    case MODEL_STEP_TAINT:
        world->tainted = world->running;
        break;
    case MODEL_STEP_START:
    case MODEL_STEP_SETMEM:
    case MODEL_STEP_COMMAND_BALLOON:
    case MODEL_STEP_COMMAND_ADD:
    case MODEL_STEP_COMMAND:
    case MODEL_STEP_ATTACH:
    case MODEL_STEP_LAST:
    default:
        g_assert_not_reached();
    }
}

/* Requests */

void
modelRequestClear(modelRequest *request)
{
    g_clear_pointer(&request->text, g_free);
}

/* One of the sizes where something changes. */
static unsigned long long
modelGetSize(const modelWorld *world, int word)
{
    const modelDefinition *live = &world->live;
    unsigned long long plugged = live->memories[0].plugged + live->memories[1].plugged;
    const unsigned long long sizes[] = {
        world->balloon, modelGetBalloonMaximum(live), modelGetTotal(live),
        world->balloon + plugged, modelGetBalloonMaximum(&world->next),
        modelGetTotal(&world->next), world->balloon / 2, 0,
    };

    return sizes[word];
}

static char *
modelFormatCommand(int form, const char *qmp, const char *human)
{
    if (form == 0)
        return g_strdup(qmp);
    if (form == 1)
        return g_strdup(human);
    return g_strdup_printf("{\"execute\":\"human-monitor-command\",\"arguments\":"
                           "{\"command-line\":\"%s\"}}", human);
}

static void
modelRequestBalloon(const modelWorld *world, const int *args, modelRequest *request)
{
    g_autofree char *qmp = NULL;
    g_autofree char *human = NULL;
    long long mib = (long long)(modelGetSize(world, args[1]) / MIB) + args[2];
    long long bytes = (long long)modelGetSize(world, args[1]) * 1024 + args[2];

    /* QEMU refuses nothing and less. */
    mib = MAX(mib, 1);
    bytes = MAX(bytes, 1);
    request->hmp = args[0] == 1 || args[0] == 3;
    request->effect = args[0] == 3 ? MODEL_EFFECT_ANYTHING : MODEL_EFFECT_BALLOON;
    request->bytes = args[0] == 0 ? (unsigned long long)bytes : (unsigned long long)mib << 20;
    qmp = g_strdup_printf("{\"execute\":\"balloon\",\"arguments\":{\"value\":%lld}}", bytes);
    human = args[0] == 3 ? g_strdup_printf("balloon %lld+1", mib - 1)
        : g_strdup_printf("balloon %lld", mib);
    request->text = modelFormatCommand(args[0] == 3 ? 1 : args[0], qmp, human);
}

static void
modelRequestAdd(const int *args, modelRequest *request)
{
    static const struct {
        modelDeviceKind kind;
        bool allowed;
        const char *driver;
        const char *name;
        const char *value;
    } types[] = {
        { MODEL_VFIO_USER, false, "vfio-user-pci", "socket", "s" },
        { MODEL_PCI, false, "vfio-pci", "host", "0000:07:00.0" },
        { MODEL_MDEV, false, "vfio-pci", "sysfsdev", "/sys/bus/mdev/devices/a" },
        { MODEL_VDPA_GENERIC, false, "vhost-vdpa-device-pci", "vhostdev", "/dev/vhost-vdpa-0" },
        { MODEL_PLATFORM, false, "vfio-amd-xgbe", "host", "e0900000.xgmac" },
        { MODEL_RNG, false, "virtio-rng-pci", "rng", "vfio-pci" },
        { MODEL_AP, false, "vfio-ap", "sysfsdev", "/sys/devices/vfio_ap/matrix/a" },
        { MODEL_MDEV, true, "vfio-pci", "sysfsdev", "/sys/bus/mdev/devices/a" },
    };
    bool allowed = types[args[1]].allowed;
    g_autofree char *qmp = NULL;
    g_autofree char *human = NULL;

    request->effect = MODEL_EFFECT_ADD;
    request->hmp = args[0] == 1;
    request->device = (modelDevice){ types[args[1]].kind, args[2], true, allowed, false };
    qmp = g_strdup_printf("{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"%s\",\"%s\":"
                          "\"%s\",\"id\":\"x\"%s}}", types[args[1]].driver, types[args[1]].name,
                          types[args[1]].value, allowed ? ",\"x-balloon-allowed\":true" : "");
    human = g_strdup_printf("device_add %s,%s=%s,id=x%s", types[args[1]].driver,
                            types[args[1]].name, types[args[1]].value,
                            allowed ? ",x-balloon-allowed=on" : "");
    request->text = modelFormatCommand(args[0], qmp, human);
}

static void
modelRequestDevice(const int *args, modelRequest *request)
{
    bool unread = args[0] > MODEL_DISK;
    g_autofree char *xml = NULL;

    request->device = (modelDevice){ .kind = unread ? MODEL_PCI : args[0], .number = args[1] };
    xml = modelFormatDevice(&request->device);
    request->text = g_strconcat(unread ? "<!DOCTYPE hostdev>" : "", xml, NULL);
}

void
modelWorldRequest(const modelWorld *world, const modelStep *step, modelRequest *request)
{
    static const unsigned int memoryFlags[] = { VIR_DOMAIN_MEM_CURRENT, VIR_DOMAIN_MEM_LIVE,
        VIR_DOMAIN_MEM_CONFIG, VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG,
        VIR_DOMAIN_MEM_MAXIMUM | VIR_DOMAIN_MEM_LIVE, VIR_DOMAIN_MEM_MAXIMUM, 0x80 };
    static const unsigned int deviceFlags[] = { VIR_DOMAIN_DEVICE_MODIFY_CURRENT,
        VIR_DOMAIN_DEVICE_MODIFY_LIVE, VIR_DOMAIN_DEVICE_MODIFY_CONFIG,
        VIR_DOMAIN_DEVICE_MODIFY_LIVE | VIR_DOMAIN_DEVICE_MODIFY_CONFIG,
        VIR_DOMAIN_DEVICE_MODIFY_LIVE | VIR_DOMAIN_DEVICE_MODIFY_FORCE, 0x80 };
    static const struct { const char *text; bool hmp; modelEffect effect; } commands[] = {
        { "{\"execute\":\"query-balloon\"}", false, MODEL_EFFECT_NONE },
        { "info balloon", true, MODEL_EFFECT_NONE },
        { "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"vfio-pci\"}}", false,
          MODEL_EFFECT_NONE },
        { "balloon 1", false, MODEL_EFFECT_ANYTHING },
        { "{\"execute\":\"balloon\"", false, MODEL_EFFECT_ANYTHING },
    };
    const int *args = step->args;
    long long memory;

    memset(request, 0, sizeof(*request));
    switch ((int)step->kind) {
    case MODEL_STEP_START:
        request->type = MODEL_REQUEST_START;
        break;
    case MODEL_STEP_SETMEM:
        memory = (long long)modelGetSize(world, args[0]) + args[1];
        request->type = MODEL_REQUEST_SETMEM;
        request->memory = (unsigned long long)MAX(memory, 0);
        request->flags = memoryFlags[args[2]];
        break;
    case MODEL_STEP_COMMAND_BALLOON:
        request->type = MODEL_REQUEST_COMMAND;
        modelRequestBalloon(world, args, request);
        break;
    case MODEL_STEP_COMMAND_ADD:
        request->type = MODEL_REQUEST_COMMAND;
        modelRequestAdd(args, request);
        break;
    case MODEL_STEP_COMMAND:
        request->type = MODEL_REQUEST_COMMAND;
        request->text = g_strdup(commands[args[0]].text);
        request->hmp = commands[args[0]].hmp;
        request->effect = commands[args[0]].effect;
        break;
    default:
        g_assert_cmpint(step->kind, ==, MODEL_STEP_ATTACH);
        request->type = MODEL_REQUEST_ATTACH;
        request->flags = deviceFlags[args[2]];
        modelRequestDevice(args, request);
        break;
    }
}

bool
modelTakesMemory(const modelWorld *world, const modelRequest *request, bool *live, bool *config)
{
    return request->memory > 0 && modelGetHalves(world, request->flags, live, config) &&
        !(*live && (request->memory > modelGetTotal(&world->live) || world->live.noBalloon)) &&
        !(*config && request->memory > modelGetTotal(&world->next));
}

static void
modelServeMemory(modelWorld *world, const modelRequest *request)
{
    bool live;
    bool config;

    if (!modelTakesMemory(world, request, &live, &config))
        return;
    if (live)
        modelSetBalloon(world, request->memory * 1024);
    if (config)
        world->next.current = request->memory;
}

void
modelWorldServe(modelWorld *world, const modelRequest *request)
{
    bool live;
    bool config;

    if (request->type == MODEL_REQUEST_SETMEM) {
        modelServeMemory(world, request);
    } else if (request->type == MODEL_REQUEST_START) {
        modelStart(world);
    } else if (request->type == MODEL_REQUEST_ATTACH) {
        if (!modelGetHalves(world, request->flags, &live, &config))
            return;
        if (live)
            modelPlug(world, &request->device);
        if (config)
            modelDevicesAdd(&world->next.devices, &request->device);
    } else if (world->running) {
        world->tainted = true;
        if (request->effect == MODEL_EFFECT_ADD)
            modelDevicesAdd(&world->behind, &request->device);
        else if (request->bytes > 0)
            modelSetBalloon(world, request->bytes);
    }
}
