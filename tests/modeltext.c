/*
 * modeltext.c: the model's world in libvirt's XML and QEMU's QMP
 *
 * All that the code gets to see of it.  The forms are those of libvirt 9.0 and QEMU 7.2.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "model.h"

#include <json-c/json.h>
#include <string.h>

#define MODEL_RETURN(value) "{\"return\":" value ",\"id\":\"libvirt-7\"}"

/* Unique among all devices of libvirt's, and so used for everything that has to be. */
static int
modelGetPlace(const modelDevice *device)
{
    return 16 + (int)device->kind * MODEL_NUMBERS + device->number;
}

/* libvirt's alias, QEMU's id */
static char *
modelFormatAlias(const modelDevice *device)
{
    if (device->behind)
        return g_strdup_printf("q%d", modelGetPlace(device));
    if (device->kind == MODEL_MDEV)
        return g_strdup_printf("ua-m%d", device->number);
    return g_strdup_printf("%s%d", device->kind == MODEL_PCI ? "hostdev" : "dev",
                           modelGetPlace(device));
}

static char *
modelFormatUuid(const modelDevice *device)
{
    return g_strdup_printf("4b20d080-1b54-4048-85b3-a6a62d165c%02x",
                           (unsigned int)modelGetPlace(device));
}

/* Documents */

static void
modelFormatDeviceBody(const modelDevice *device, const char *alias, GString *xml)
{
    g_autofree char *uuid = modelFormatUuid(device);
    g_autofree char *address = NULL;
    static const char *const models[] = { [MODEL_MDEV] = "vfio-pci", [MODEL_CCW] = "vfio-ccw",
                                          [MODEL_AP] = "vfio-ap" };
    int place = modelGetPlace(device);

    address = g_strdup_printf("domain='0x0000' bus='0x%02x' slot='0x00' function='0x0'", place);
    switch ((int)device->kind) {
    case MODEL_PCI:
        g_string_append_printf(xml, "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
                               "<address %s/></source>%s</hostdev>", address, alias);
        break;
    case MODEL_INTERFACE:
        g_string_append_printf(xml, "<interface type='hostdev' managed='yes'><source><address "
                               "type='pci' %s/></source>%s</interface>", address, alias);
        break;
    case MODEL_MDEV:
    case MODEL_CCW:
    case MODEL_AP:
        g_string_append_printf(xml, "<hostdev mode='subsystem' type='mdev' managed='no' "
                               "model='%s'><source><address uuid='%s'/></source>%s</hostdev>",
                               models[device->kind], uuid, alias);
        break;
    case MODEL_VDPA:
        g_string_append_printf(xml, "<interface type='vdpa'><source dev='/dev/vhost-vdpa-%d'/>"
                               "%s</interface>", device->number, alias);
        break;
    case MODEL_NETWORK:
        g_string_append_printf(xml, "<interface type='network'><source network='network%d'/>"
                               "%s</interface>", device->number, alias);
        break;
    case MODEL_NVME:
        g_string_append_printf(xml, "<disk type='nvme' device='disk'><driver name='qemu' "
                               "type='raw'/><source type='pci' managed='yes' namespace='1' "
                               "index='%d'><address %s/></source><target dev='vd%c' "
                               "bus='virtio'/>%s</disk>", place, address, 'b' + device->number,
                               alias);
        break;
    case MODEL_BLKIO:
        g_string_append_printf(xml, "<disk type='vhostvdpa' device='disk'><driver name='qemu' "
                               "type='raw'/><source dev='/dev/vhost-vdpa-%d' index='%d'/>"
                               "<target dev='vd%c' bus='virtio'/>%s</disk>", place, place,
                               'f' + device->number, alias);
        break;
    case MODEL_USB:
        g_string_append_printf(xml, "<hostdev mode='subsystem' type='usb'><source><vendor "
                               "id='0x1234'/><product id='0x%04x'/></source>%s</hostdev>", place,
                               alias);
        break;
    case MODEL_BRIDGE:
        g_string_append_printf(xml, "<interface type='bridge'><source bridge='br%d'/>%s"
                               "</interface>", device->number, alias);
        break;
    default:
        g_string_append_printf(xml, "<disk type='file' device='disk'><source file='/nvme%d'/>"
                               "<target dev='vd%c' bus='virtio'/>%s</disk>", place,
                               'j' + device->number, alias);
        break;
    }
}

char *
modelFormatDevice(const modelDevice *device)
{
    GString *xml = g_string_new(NULL);

    modelFormatDeviceBody(device, device->kind == MODEL_MDEV ? (device->number == 0 ?
                          "<alias name='ua-m0'/>" : device->number == 1 ? "<alias name='ua-m1'/>" :
                          "<alias name='ua-m2'/>") : "", xml);
    return g_string_free(xml, FALSE);
}

static void
modelFormatDevices(const modelDevices *devices, bool live, GString *xml)
{
    int i;

    for (i = 0; i < devices->count; i++) {
        modelDevice device = devices->items[i];
        g_autofree char *name = modelFormatAlias(&device);
        g_autofree char *alias = NULL;

        /* Aliases that nobody chose are there as long as the guest runs. */
        alias = live || device.kind == MODEL_MDEV ? g_strdup_printf("<alias name='%s'/>", name)
            : g_strdup("");
        /* Of a running guest libvirt shows what the network has handed out. */
        if (live && device.hostdev)
            device.kind = MODEL_INTERFACE;
        modelFormatDeviceBody(&device, alias, xml);
    }
}

static void
modelFormatMemories(const modelDefinition *def, bool live, modelLie lie, GString *xml)
{
    int i;

    for (i = 0; i < MODEL_SLOTS; i++) {
        const modelMemory *memory = &def->memories[i];

        if (memory->size == 0)
            continue;
        g_string_append_printf(xml, "<memory model='virtio-mem'><target><size unit='KiB'>%llu"
                               "</size><node>0</node><block unit='KiB'>2048</block>"
                               "<requested unit='KiB'>%llu</requested>", memory->size,
                               memory->requested);
        if (live)
            g_string_append_printf(xml, "<current unit='KiB'>%llu</current>",
                                   lie == MODEL_LIE_PLUGGED ? 0 : memory->plugged);
        g_string_append_printf(xml, "</target><alias name='ua-mem%d'/></memory>", i);
    }
    if (def->dimm > 0)
        g_string_append_printf(xml, "<memory model='dimm'><target><size unit='KiB'>%llu</size>"
                               "<node>0</node></target></memory>", def->dimm);
    if (def->nvdimm > 0)
        g_string_append_printf(xml, "<memory model='%s'><target><size unit='KiB'>%llu</size>"
                               "<node>0</node></target></memory>",
                               lie == MODEL_LIE_NVDIMM ? "dimm" : "nvdimm", def->nvdimm);
}

static void
modelFormatQemu(const modelDefinition *def, GString *xml)
{
    static const char *const lines[] = { "", "-name", "vfio-pci,host=0000:07:00.0", "sev-guest",
                                         "sev-snp-guest", "vfio-pci.x-balloon-allowed=on" };
    static const char *const values[] = { "", "true", "false" };
    bool any = false;
    int i;

    if (def->line != MODEL_LINE_NONE)
        g_string_append_printf(xml, "<qemu:commandline><qemu:arg value='%s'/></qemu:commandline>",
                               lines[def->line]);
    for (i = 0; i < MODEL_NUMBERS; i++) {
        if (def->overrides[i] == MODEL_OVERRIDE_NONE)
            continue;
        g_string_append(xml, any ? "" : "<qemu:override>");
        any = true;
        g_string_append_printf(xml, "<qemu:device alias='ua-m%d'><qemu:frontend><qemu:property "
                               "name='x-balloon-allowed' type='bool' value='%s'/></qemu:frontend>"
                               "</qemu:device>", i, values[def->overrides[i]]);
    }
    g_string_append(xml, any ? "</qemu:override>" : "");
}

static void
modelFormatPolicy(const modelDefinition *def, modelLie lie, GString *xml)
{
    static const char *const policies[] = { NULL, "default", "block", "warn", "ignore", "redirect",
                                            "nonsense" };
    modelPolicy policy = def->policy;

    if (lie == MODEL_LIE_POLICY && policy == MODEL_POLICY_WARN)
        policy = MODEL_POLICY_BLOCK;
    if (policy != MODEL_POLICY_NONE)
        g_string_append_printf(xml, "<metadata><balloon:policy "
                               "xmlns:balloon='urn:virt-balloon:policy:1' memballoon='%s'/>"
                               "</metadata>", policies[policy]);
}

char *
modelFormatDomain(const modelWorld *world, bool inactive, modelLie lie)
{
    static const char *const securities[] = {
        "", "<launchSecurity type='sev'><policy>0x3</policy></launchSecurity>",
        "<launchSecurity type='sev-snp'><policy>0x30000</policy></launchSecurity>",
        "<launchSecurity type='s390-pv'/>",
    };
    bool live = world->running && !inactive;
    /* A transient domain has no other definition. */
    const modelDefinition *def = world->running && (!inactive || world->transient) ? &world->live
        : &world->next;
    /* libvirt adds what virtio-mem has plugged to what the balloon says. */
    unsigned long long current = live
        ? world->balloon + def->memories[0].plugged + def->memories[1].plugged : def->current;
    GString *xml = g_string_new(NULL);

    g_string_append_printf(xml, "<domain type='kvm'%s "
                           "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
                           "<name>guest</name><uuid>6f3b0a52-2f3b-4a0e-9a3e-5c2f6f1d7a01</uuid>",
                           live ? " id='3'" : "");
    modelFormatPolicy(def, lie, xml);
    g_string_append_printf(xml, "<memory unit='KiB'>%llu</memory><currentMemory unit='KiB'>%llu"
                           "</currentMemory>%s<devices>", modelGetTotal(def), current,
                           def->locked ? "<memoryBacking><locked/></memoryBacking>" : "");
    modelFormatDevices(&def->devices, live, xml);
    g_string_append_printf(xml, "<memballoon model='%s'/>", def->noBalloon ? "none" : "virtio");
    modelFormatMemories(def, live, lie, xml);
    g_string_append_printf(xml, "</devices>%s", securities[def->security]);
    modelFormatQemu(def, xml);
    g_string_append(xml, "</domain>");
    return g_string_free(xml, FALSE);
}

/* Answers of QEMU */

/* Returns: (nullable): the type of the device's front end; NULL where it has none */
static const char *
modelGetType(const modelDevice *device)
{
    static const char *const types[] = {
        [MODEL_PCI] = "vfio-pci", [MODEL_INTERFACE] = "vfio-pci", [MODEL_MDEV] = "vfio-pci",
        [MODEL_VDPA] = "virtio-net-pci", [MODEL_NETWORK] = "virtio-net-pci",
        [MODEL_NVME] = "virtio-blk-pci", [MODEL_BLKIO] = "virtio-blk-pci",
        [MODEL_CCW] = "vfio-ccw", [MODEL_AP] = "vfio-ap", [MODEL_USB] = "usb-host",
        [MODEL_BRIDGE] = "virtio-net-pci", [MODEL_DISK] = "nvme",
        [MODEL_VFIO_USER] = "vfio-user-pci", [MODEL_PLATFORM] = "vfio-amd-xgbe",
        [MODEL_VDPA_GENERIC] = "vhost-vdpa-device-pci", [MODEL_NETDEV] = NULL,
        [MODEL_NODE] = NULL, [MODEL_RNG] = "virtio-rng-pci",
    };

    return device->hostdev ? "vfio-pci" : types[device->kind];
}

static const modelDevice *
modelGetDevice(const modelWorld *world, int i)
{
    if (i < world->live.devices.count)
        return &world->live.devices.items[i];
    i -= world->live.devices.count;
    return i < world->behind.count ? &world->behind.items[i] : NULL;
}

/* Every third device behind libvirt's back has no id. */
static bool
modelIsAnonymous(const modelDevice *device)
{
    return device->behind && device->number == 2;
}

static char *
modelAnswerList(const modelWorld *world, bool anonymous)
{
    GString *reply = g_string_new("{\"return\":[{\"name\":\"type\",\"type\":\"string\"}");
    const modelDevice *device;
    int i;

    for (i = 0; (device = modelGetDevice(world, i)); i++) {
        g_autofree char *alias = modelFormatAlias(device);

        if (!modelGetType(device) || modelIsAnonymous(device) != anonymous)
            continue;
        g_string_append_printf(reply, ",{\"name\":\"%s\",\"type\":\"child<%s>\"}", alias,
                               modelGetType(device));
    }
    if (!anonymous && !world->live.noBalloon)
        g_string_append(reply, ",{\"name\":\"balloon0\",\"type\":\"child<virtio-balloon-pci>\"}");
    g_string_append(reply, "],\"id\":\"libvirt-7\"}");
    return g_string_free(reply, FALSE);
}

static char *
modelAnswerProperty(const modelDevice *device, const char *property, modelLie lie)
{
    g_autofree char *uuid = modelFormatUuid(device);
    bool vfioPci = g_strcmp0(modelGetType(device), "vfio-pci") == 0;

    if (vfioPci && g_str_equal(property, "x-balloon-allowed"))
        return g_strdup_printf(MODEL_RETURN("%s"), device->allowed ||
                               (lie == MODEL_LIE_ALLOWED && device->kind == MODEL_MDEV)
                               ? "true" : "false");
    if (vfioPci && g_str_equal(property, "sysfsdev") && device->kind == MODEL_MDEV)
        return g_strdup_printf(MODEL_RETURN("\"/sys/bus/mdev/devices/%s\""), uuid);
    if (vfioPci && g_str_equal(property, "sysfsdev"))
        return g_strdup_printf(MODEL_RETURN("\"/sys/bus/pci/devices/0000:%02x:00.0\""),
                               (unsigned int)modelGetPlace(device));
    return g_strdup_printf("{\"id\":\"libvirt-7\",\"error\":{\"class\":\"GenericError\","
                           "\"desc\":\"Property '%s.%s' not found\"}}", modelGetType(device),
                           property);
}

static char *
modelAnswerGet(const modelWorld *world, const char *path, const char *property, modelLie lie)
{
    const modelDevice *device;
    int i;

    for (i = 0; (device = modelGetDevice(world, i)); i++) {
        g_autofree char *alias = modelFormatAlias(device);
        g_autofree char *own = g_strdup_printf("/machine/peripheral%s/%s",
                                               modelIsAnonymous(device) ? "-anon" : "", alias);

        if (modelGetType(device) && g_str_equal(path, own))
            return modelAnswerProperty(device, property, lie);
    }
    return NULL;
}

static char *
modelAnswerMigrate(const modelWorld *world, modelLie lie)
{
    static const char *const statuses[] = { NULL, "active", "active", "setup", "postcopy-active",
        "active", "postcopy-active", "postcopy-paused", "colo", "completed", "cancelled" };
    modelMigration migration = world->migration;
    bool sends = migration == MODEL_MIGRATION_SNAPSHOT || migration == MODEL_MIGRATION_OUTGOING ||
        migration == MODEL_MIGRATION_POSTCOPY_OUT;
    GString *reply = g_string_new("{\"return\":{");

    if (lie == MODEL_LIE_POSTCOPY && (migration == MODEL_MIGRATION_POSTCOPY_IN ||
                                      migration == MODEL_MIGRATION_POSTCOPY_PAUSED))
        migration = MODEL_MIGRATION_NONE;
    g_string_append_printf(reply, "\"blocked\":%s", "false");
    if (statuses[migration])
        g_string_append_printf(reply, ",\"status\":\"%s\"", statuses[migration]);
    if (sends)
        g_string_append(reply, ",\"ram\":{\"total\":268967936,\"remaining\":268009472}");
    if (world->live.security == MODEL_SECURITY_PV)
        g_string_append(reply, ",\"blocked-reasons\":[\"protected VMs are currently not "
                        "migratable.\"]");
    g_string_append(reply, "},\"id\":\"libvirt-7\"}");
    return g_string_free(reply, FALSE);
}

static char *
modelAnswerSev(const modelWorld *world)
{
    bool line = world->live.security == MODEL_SECURITY_NONE;

    if (world->live.security == MODEL_SECURITY_SEV ||
        (line && world->live.line == MODEL_LINE_SEV))
        return g_strdup(MODEL_RETURN("{\"enabled\":true,\"state\":\"running\"}"));
    if (world->live.security == MODEL_SECURITY_SNP ||
        (line && world->live.line == MODEL_LINE_SNP))
        return g_strdup(MODEL_RETURN("{\"enabled\":true,\"sev-type\":\"sev-snp\"}"));
    return g_strdup(MODEL_RETURN("{\"enabled\":false,\"state\":\"uninit\"}"));
}

static char *
modelAnswerNodes(const modelWorld *world)
{
    GString *reply = g_string_new("{\"return\":[{\"drv\":\"file\",\"node-name\":\"nvme\"}");
    const modelDevice *device;
    int i;

    for (i = 0; (device = modelGetDevice(world, i)); i++) {
        g_autofree char *alias = modelFormatAlias(device);
        g_autofree char *libvirts = g_strdup_printf("libvirt-%d-storage", modelGetPlace(device));
        bool nvme = device->kind == MODEL_NVME || device->kind == MODEL_NODE;

        if (nvme || device->kind == MODEL_BLKIO)
            g_string_append_printf(reply, ",{\"drv\":\"%s\",\"node-name\":\"%s\"}",
                                   nvme ? "nvme" : "virtio-blk-vhost-vdpa",
                                   device->behind ? alias : libvirts);
    }
    g_string_append(reply, "],\"id\":\"libvirt-7\"}");
    return g_string_free(reply, FALSE);
}

static char *
modelAnswerNetwork(const modelWorld *world)
{
    GString *reply = g_string_new("{\"return\":\"");
    const modelDevice *device;
    int i;

    for (i = 0; (device = modelGetDevice(world, i)); i++) {
        g_autofree char *alias = modelFormatAlias(device);

        if (device->kind == MODEL_VDPA)
            g_string_append_printf(reply, "%s: index=0,type=nic,model=virtio-net-pci\\r\\n \\\\ "
                                   "host%s: index=0,type=vhost-vdpa,vhost-vdpa\\r\\n", alias,
                                   alias);
        if (device->kind == MODEL_NETDEV)
            g_string_append_printf(reply, "%s: index=0,type=vhost-vdpa,vhost-vdpa\\r\\n", alias);
    }
    g_string_append(reply, "\",\"id\":\"libvirt-7\"}");
    return g_string_free(reply, FALSE);
}

static const char *
modelGetArgument(json_object *command, const char *name)
{
    json_object *arguments = NULL;
    json_object *value = NULL;

    if (!json_object_object_get_ex(command, "arguments", &arguments) ||
        !json_object_object_get_ex(arguments, name, &value))
        return "";
    return json_object_get_string(value);
}

static char *
modelAnswerCommand(const modelWorld *world, const char *name, json_object *command, modelLie lie)
{
    const char *path = modelGetArgument(command, "path");

    if (g_str_equal(name, "qom-list") && g_str_equal(path, "/machine/peripheral"))
        return modelAnswerList(world, false);
    if (g_str_equal(name, "qom-list") && g_str_equal(path, "/machine/peripheral-anon"))
        return modelAnswerList(world, true);
    if (g_str_equal(name, "qom-get"))
        return modelAnswerGet(world, path, modelGetArgument(command, "property"), lie);
    if (g_str_equal(name, "query-migrate"))
        return modelAnswerMigrate(world, lie);
    if (g_str_equal(name, "query-migrate-capabilities"))
        return g_strdup_printf(MODEL_RETURN("[{\"state\":true,\"capability\":\"xbzrle\"},"
                                            "{\"state\":%s,\"capability\":"
                                            "\"background-snapshot\"}]"),
                               world->snapshotCapability ? "true" : "false");
    if (g_str_equal(name, "query-sev"))
        return modelAnswerSev(world);
    if (g_str_equal(name, "query-colo-status"))
        return g_strdup_printf(MODEL_RETURN("{\"mode\":\"%s\",\"last-mode\":\"none\","
                                            "\"reason\":\"none\"}"),
                               world->migration == MODEL_MIGRATION_COLO ? "secondary" : "none");
    if (g_str_equal(name, "query-version"))
        return g_strdup(MODEL_RETURN("{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},"
                                     "\"package\":\"\"}"));
    if (g_str_equal(name, "query-named-block-nodes"))
        return modelAnswerNodes(world);
    if (g_str_equal(name, "human-monitor-command") &&
        g_str_equal(modelGetArgument(command, "command-line"), "info network"))
        return modelAnswerNetwork(world);
    return NULL;
}

char *
modelAnswerMonitor(const modelWorld *world, const char *command, modelLie lie)
{
    json_object *object = json_tokener_parse(command);
    json_object *name = NULL;
    char *reply = NULL;

    if (json_object_object_get_ex(object, "execute", &name))
        reply = modelAnswerCommand(world, json_object_get_string(name), object, lie);
    json_object_put(object);
    return reply;
}
