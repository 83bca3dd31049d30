/*
 * qemu_capabilities.c: what a QEMU binary can do, as it says itself
 *
 * QEMU writes one JSON value a line.  What it writes is read strictly and within a bound: the
 * binary is root's, but the process shares its user with running guests.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_capabilities.h"

#include <json-c/json.h>
#include <string.h>

#include "domain_conf.h"
#include "vberror.h"
#include "vbxml.h"

/* Of a whole conversation. QEMU 7.2 writes 30 KiB, most of it the list of its device types. */
#define QEMU_CAPS_OUTPUT_MAX 262144
/* QEMU 11.1 has six types of ours. */
#define QEMU_CAPS_DEVICES_MAX 64
#define QEMU_CAPS_NAME_MAX 64
#define QEMU_CAPS_PACKAGE_MAX 256
#define QEMU_CAPS_VERSION_MAX 9999

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_tokener, json_tokener_free)

/* What is waited for. */
typedef enum {
    QEMU_CAPS_GREETING,
    QEMU_CAPS_NEGOTIATED,
    QEMU_CAPS_TYPES,
    QEMU_CAPS_PROPERTIES,
    QEMU_CAPS_QUIT,
    QEMU_CAPS_DONE,
    QEMU_CAPS_FAILED,
} qemuCapsStep;

struct _qemuCapsProbe {
    qemuCapsStep step;
    GString *line;      /* that has not ended yet */
    size_t total;       /* bytes fed so far */
    gint64 id;          /* of the command that is to be answered */
    guint device;       /* whose properties are asked for, or will be next */
    qemuCaps *caps;
};

static void
qemuCapsDeviceFree(qemuCapsDevice *device)
{
    g_free(device->name);
    g_free(device);
}

static qemuCaps *
qemuCapsNew(void)
{
    qemuCaps *caps = g_rc_box_new0(qemuCaps);

    caps->devices = g_ptr_array_new_with_free_func((GDestroyNotify)qemuCapsDeviceFree);
    return caps;
}

static void
qemuCapsClear(gpointer opaque)
{
    qemuCaps *caps = opaque;

    g_free(caps->package);
    g_ptr_array_unref(caps->devices);
}

qemuCaps *
qemuCapsRef(qemuCaps *caps)
{
    return g_rc_box_acquire(caps);
}

void
qemuCapsUnref(qemuCaps *caps)
{
    if (caps)
        g_rc_box_release_full(caps, qemuCapsClear);
}

static const qemuCapsDevice *
qemuCapsFindDevice(const qemuCaps *caps, const char *type)
{
    guint i;

    for (i = 0; i < caps->devices->len; i++) {
        const qemuCapsDevice *device = g_ptr_array_index(caps->devices, i);

        if (strcmp(device->name, type) == 0)
            return device;
    }
    return NULL;
}

bool
qemuCapsHasOptOut(const qemuCaps *caps, const char *type)
{
    const qemuCapsDevice *device = qemuCapsFindDevice(caps, type);

    return device && device->hasOptOut;
}

/* libvirt's capabilities */

static bool
qemuCapsNodeIsEmulator(const xmlNode *node, const char *path)
{
    g_autofree char *text = NULL;

    if (!vbXMLNodeIs(node, "emulator", NULL))
        return false;
    text = vbXMLText(node);
    return g_strcmp0(text, path) == 0;
}

/* An <arch> has an emulator of its own, and each of its <domain>s may have another. */
static bool
qemuCapsArchHasEmulator(const xmlNode *arch, const char *path)
{
    for (const xmlNode *node = arch->children; node; node = node->next) {
        if (qemuCapsNodeIsEmulator(node, path))
            return true;
        if (!vbXMLNodeIs(node, "domain", NULL))
            continue;
        for (const xmlNode *child = node->children; child; child = child->next) {
            if (qemuCapsNodeIsEmulator(child, path))
                return true;
        }
    }
    return false;
}

bool
qemuCapsListsEmulator(const char *xml, size_t length, const char *path)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(xml, length, NULL);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

    if (!root || !vbXMLNodeIs(root, "capabilities", NULL))
        return false;

    for (const xmlNode *guest = root->children; guest; guest = guest->next) {
        if (!vbXMLNodeIs(guest, "guest", NULL))
            continue;
        for (const xmlNode *arch = guest->children; arch; arch = arch->next) {
            if (vbXMLNodeIs(arch, "arch", NULL) && qemuCapsArchHasEmulator(arch, path))
                return true;
        }
    }
    return false;
}

/* The conversation */

static bool
qemuCapsProbeFail(GError **error, const char *problem)
{
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "%s", problem);
    return false;
}

qemuCapsProbe *
qemuCapsProbeNew(void)
{
    qemuCapsProbe *probe = g_new0(qemuCapsProbe, 1);

    probe->line = g_string_new(NULL);
    probe->caps = qemuCapsNew();
    return probe;
}

void
qemuCapsProbeFree(qemuCapsProbe *probe)
{
    if (!probe)
        return;
    g_string_free(probe->line, TRUE);
    qemuCapsUnref(probe->caps);
    g_free(probe);
}

/* @argument NULL: none */
static void
qemuCapsProbeSay(qemuCapsProbe *probe, const char *command, const char *argument,
                 const char *value, GString *commands)
{
    g_autoptr(json_object) root = json_object_new_object();

    json_object_object_add(root, "execute", json_object_new_string(command));
    if (argument) {
        json_object *arguments = json_object_new_object();

        json_object_object_add(arguments, argument, json_object_new_string(value));
        json_object_object_add(root, "arguments", arguments);
    }
    json_object_object_add(root, "id", json_object_new_int64(++probe->id));
    g_string_append(commands, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    g_string_append_c(commands, '\n');
}

/* Asks for the properties of the next VFIO device; vDPA's types have no opt-out in any version. */
static void
qemuCapsProbeSayNext(qemuCapsProbe *probe, GString *commands)
{
    const GPtrArray *devices = probe->caps->devices;

    for (; probe->device < devices->len; probe->device++) {
        const qemuCapsDevice *device = g_ptr_array_index(devices, probe->device);

        if (g_str_has_prefix(device->name, "vfio-")) {
            probe->step = QEMU_CAPS_PROPERTIES;
            qemuCapsProbeSay(probe, "device-list-properties", "typename", device->name, commands);
            return;
        }
    }
    probe->step = QEMU_CAPS_QUIT;
    qemuCapsProbeSay(probe, "quit", NULL, NULL, commands);
}

/* The string @name of @object; NULL for what is no string, and for one with a NUL inside, which
 * would read differently in C. */
static const char *
qemuCapsGetString(json_object *object, const char *name)
{
    json_object *member;
    const char *text;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_string))
        return NULL;
    text = json_object_get_string(member);
    return strlen(text) == (size_t)json_object_get_string_len(member) ? text : NULL;
}

static bool
qemuCapsGetVersion(json_object *version, const char *name, unsigned int *value)
{
    json_object *member;
    gint64 number;

    if (!json_object_object_get_ex(version, name, &member) ||
        !json_object_is_type(member, json_type_int))
        return false;
    number = json_object_get_int64(member);
    if (number < 0 || number > QEMU_CAPS_VERSION_MAX)
        return false;
    *value = (unsigned int)number;
    return true;
}

/* It ends up in logs and on terminals. */
static bool
qemuCapsIsPrintable(const char *text)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        if (!g_unichar_isprint(g_utf8_get_char(p)))
            return false;
    }
    return true;
}

static bool
qemuCapsProbeReadGreeting(qemuCapsProbe *probe, json_object *message, GError **error)
{
    json_object *greeting;
    json_object *version;
    json_object *numbers;
    const char *package;

    if (!json_object_object_get_ex(message, "QMP", &greeting) ||
        !json_object_is_type(greeting, json_type_object) ||
        !json_object_object_get_ex(greeting, "version", &version) ||
        !json_object_is_type(version, json_type_object) ||
        !json_object_object_get_ex(version, "qemu", &numbers) ||
        !json_object_is_type(numbers, json_type_object))
        return qemuCapsProbeFail(error, "it does not greet as QEMU does");

    package = qemuCapsGetString(version, "package");
    if (!qemuCapsGetVersion(numbers, "major", &probe->caps->major) ||
        !qemuCapsGetVersion(numbers, "minor", &probe->caps->minor) ||
        !qemuCapsGetVersion(numbers, "micro", &probe->caps->micro) ||
        !package || strlen(package) > QEMU_CAPS_PACKAGE_MAX || !qemuCapsIsPrintable(package))
        return qemuCapsProbeFail(error, "its version cannot be read");
    probe->caps->package = g_strdup(package);
    return true;
}

/* By prefix: VFIO's types have no common base before QEMU 10.1.  The bridge is one that QEMU itself
 * puts beside an assigned graphics device. */
static bool
qemuCapsTypeIsDevice(const char *type)
{
    return (g_str_has_prefix(type, "vfio-") && strcmp(type, "vfio-pci-igd-lpc-bridge") != 0) ||
        g_str_has_prefix(type, "vhost-vdpa-device");
}

/* The name is shown, and sent back. */
static bool
qemuCapsTypeIsName(const char *type)
{
    return strlen(type) <= QEMU_CAPS_NAME_MAX &&
        strspn(type, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_.") == strlen(type);
}

static gint
qemuCapsDeviceCompare(gconstpointer a, gconstpointer b)
{
    const qemuCapsDevice *const *first = a;
    const qemuCapsDevice *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

static bool
qemuCapsProbeReadTypes(qemuCapsProbe *probe, json_object *list, GError **error)
{
    GPtrArray *devices = probe->caps->devices;
    size_t i;

    if (!json_object_is_type(list, json_type_array))
        return qemuCapsProbeFail(error, "qom-list-types did not return a list");

    for (i = 0; i < json_object_array_length(list); i++) {
        const char *name = qemuCapsGetString(json_object_array_get_idx(list, i), "name");
        qemuCapsDevice *device;

        if (!name)
            return qemuCapsProbeFail(error, "qom-list-types returned a type without a name");
        if (strcmp(name, "virtio-mem") == 0 || g_str_has_prefix(name, "virtio-mem-"))
            probe->caps->virtioMem = true;
        if (!qemuCapsTypeIsDevice(name))
            continue;
        if (!qemuCapsTypeIsName(name) || qemuCapsFindDevice(probe->caps, name) ||
            devices->len == QEMU_CAPS_DEVICES_MAX)
            return qemuCapsProbeFail(error, "qom-list-types returned types that QEMU cannot have");
        device = g_new0(qemuCapsDevice, 1);
        device->name = g_strdup(name);
        g_ptr_array_add(devices, device);
    }
    g_ptr_array_sort(devices, qemuCapsDeviceCompare);
    return true;
}

/* @list NULL: QEMU answered with an error of its own.  A type that cannot tell its properties
 * cannot be used with one. */
static bool
qemuCapsProbeReadProperties(qemuCapsProbe *probe, json_object *list, GError **error)
{
    qemuCapsDevice *device = g_ptr_array_index(probe->caps->devices, probe->device);
    size_t i;

    if (!list)
        return true;
    if (!json_object_is_type(list, json_type_array))
        return qemuCapsProbeFail(error, "device-list-properties did not return a list");

    for (i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        const char *name = qemuCapsGetString(item, "name");
        const char *type = qemuCapsGetString(item, "type");

        if (!name || !type)
            return qemuCapsProbeFail(error, "device-list-properties returned a property without a "
                                     "name or a type");
        if (strcmp(name, VB_DOMAIN_OPT_OUT_PROPERTY) == 0 && strcmp(type, "bool") == 0)
            device->hasOptOut = true;
    }
    return true;
}

/* @value is what a command returned, NULL where QEMU answered with an error of its own. */
static bool
qemuCapsProbeReadReply(qemuCapsProbe *probe, json_object *message, json_object **value,
                       GError **error)
{
    json_object *id = NULL;
    json_object *failure = NULL;
    bool failed;

    *value = NULL;
    json_object_object_get_ex(message, "id", &id);
    if (!json_object_is_type(id, json_type_int) || json_object_get_int64(id) != probe->id)
        return qemuCapsProbeFail(error, "it answers what it was not asked");

    json_object_object_get_ex(message, "return", value);
    failed = json_object_object_get_ex(message, "error", &failure);
    if (failed ? *value || !json_object_is_type(failure, json_type_object) : !*value)
        return qemuCapsProbeFail(error, "its answer is no QMP reply");
    if (failed && probe->step != QEMU_CAPS_PROPERTIES)
        return qemuCapsProbeFail(error, "it refuses to answer");
    return true;
}

static bool
qemuCapsProbeRead(qemuCapsProbe *probe, json_object *message, GString *commands, GError **error)
{
    json_object *value;

    if (probe->step == QEMU_CAPS_GREETING) {
        if (!qemuCapsProbeReadGreeting(probe, message, error))
            return false;
        probe->step = QEMU_CAPS_NEGOTIATED;
        qemuCapsProbeSay(probe, "qmp_capabilities", NULL, NULL, commands);
        return true;
    }

    /* An event may come at any time, and tells nothing here. */
    if (qemuCapsGetString(message, "event"))
        return true;
    if (!qemuCapsProbeReadReply(probe, message, &value, error))
        return false;

    switch (probe->step) {
    case QEMU_CAPS_NEGOTIATED:
        probe->step = QEMU_CAPS_TYPES;
        qemuCapsProbeSay(probe, "qom-list-types", "implements", "device", commands);
        return true;
    case QEMU_CAPS_TYPES:
        if (!qemuCapsProbeReadTypes(probe, value, error))
            return false;
        qemuCapsProbeSayNext(probe, commands);
        return true;
    case QEMU_CAPS_PROPERTIES:
        if (!qemuCapsProbeReadProperties(probe, value, error))
            return false;
        probe->device++;
        qemuCapsProbeSayNext(probe, commands);
        return true;
    case QEMU_CAPS_QUIT:
        probe->step = QEMU_CAPS_DONE;
        return true;
    case QEMU_CAPS_GREETING:
    case QEMU_CAPS_DONE:
    case QEMU_CAPS_FAILED:
    default:
        g_assert_not_reached();
    }
}

static bool
qemuCapsProbeReadLine(qemuCapsProbe *probe, GString *commands, GError **error)
{
    g_autoptr(json_tokener) tokener = json_tokener_new();
    g_autoptr(json_object) message = NULL;
    const GString *line = probe->line;

    /* json-c wants the NUL too, to know that a text is over; an earlier one would hide the rest. */
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    if (!memchr(line->str, '\0', line->len))
        message = json_tokener_parse_ex(tokener, line->str, (int)line->len + 1);
    if (!json_object_is_type(message, json_type_object))
        return qemuCapsProbeFail(error, "it does not speak QMP");
    return qemuCapsProbeRead(probe, message, commands, error);
}

bool
qemuCapsProbeFeed(qemuCapsProbe *probe, const char *bytes, size_t length, GString *commands,
                  GError **error)
{
    size_t i;

    if (probe->step == QEMU_CAPS_FAILED)
        return qemuCapsProbeFail(error, "it was not understood before");
    if (probe->step != QEMU_CAPS_DONE && length > QEMU_CAPS_OUTPUT_MAX - probe->total) {
        probe->step = QEMU_CAPS_FAILED;
        return qemuCapsProbeFail(error, "it says more than QEMU has to say");
    }

    /* What is said after the last answer is not listened to. */
    for (i = 0; i < length && probe->step != QEMU_CAPS_DONE; i++) {
        probe->total++;
        if (bytes[i] != '\n') {
            g_string_append_c(probe->line, bytes[i]);
            continue;
        }
        if (!qemuCapsProbeReadLine(probe, commands, error)) {
            probe->step = QEMU_CAPS_FAILED;
            return false;
        }
        g_string_truncate(probe->line, 0);
    }
    return true;
}

qemuCaps *
qemuCapsProbeTake(qemuCapsProbe *probe)
{
    return probe->step == QEMU_CAPS_DONE ? g_steal_pointer(&probe->caps) : NULL;
}
