/*
 * qemu_message.c: the sentences that a user reads when ballooning is inhibited
 *
 * A refusal says, in this order: what was refused, which devices are the reason, what would have
 * happened, and what works instead, as a command where there is one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_message.h"

#include <string.h>

/* A guest may have hundreds of virtual functions; a message that long helps nobody. */
#define QEMU_MESSAGE_DEVICES_MAX 8

/* Bytes of a name; libvirt's own are far shorter. */
#define QEMU_MESSAGE_NAME_MAX 255

char *
qemuMessageFormatName(const char *name)
{
    g_autofree char *start = g_strndup(name, QEMU_MESSAGE_NAME_MAX);
    g_autofree char *valid = g_utf8_make_valid(start, -1);
    GString *text = g_string_new(NULL);
    const char *c;

    for (c = valid; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);
        GUnicodeType type = g_unichar_type(character);
        bool fits = g_unichar_isprint(character) && type != G_UNICODE_LINE_SEPARATOR &&
            type != G_UNICODE_PARAGRAPH_SEPARATOR;

        g_string_append_unichar(text, fits ? character : '?');
    }
    return g_string_free(text, FALSE);
}

void
qemuMessageAppendPlace(GString *text, const char *alias, const char *address)
{
    if (alias) {
        g_autofree char *name = qemuMessageFormatName(alias);

        g_string_append_printf(text, " '%s'", name);
    }
    if (address) {
        g_autofree char *name = qemuMessageFormatName(address);

        g_string_append_printf(text, " (%s)", name);
    }
}

char *
qemuMessageFormatInhibitors(const GPtrArray *inhibitors)
{
    GString *text = g_string_new(NULL);
    guint shown = MIN(inhibitors->len, QEMU_MESSAGE_DEVICES_MAX);
    guint i;

    for (i = 0; i < shown; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);

        if (i > 0)
            g_string_append(text, i + 1 == inhibitors->len ? " and " : ", ");
        g_string_append(text, qemuInhibitorKindGetInfo(inhibitor->kind)->object);
        qemuMessageAppendPlace(text, inhibitor->alias, inhibitor->address);
    }
    if (shown < inhibitors->len)
        g_string_append_printf(text, " and %u more", inhibitors->len - shown);
    return g_string_free(text, FALSE);
}

char *
qemuMessageFormatKinds(const GPtrArray *inhibitors)
{
    GString *text = g_string_new(NULL);
    guint i;

    for (i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);

        if (i > 0)
            g_string_append_c(text, ',');
        g_string_append(text, qemuInhibitorKindGetInfo(inhibitor->kind)->name);
        if (inhibitor->alias)
            g_string_append_printf(text, ":%s", inhibitor->alias);
    }
    return g_string_free(text, FALSE);
}

/* How to name the domain on a command line: by UUID where the name would need quoting, or where
 * virsh would take it for an option or an id. */
static const char *
qemuMessageGetArgument(const vbDomainDef *def)
{
    static const char digits[] = "0123456789";
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+:@-";
    size_t length = strlen(def->name);

    if (def->name[0] != '-' && strspn(def->name, plain) == length &&
        strspn(def->name, digits) < length)
        return def->name;
    return def->uuid ? def->uuid : def->name;
}

/* The size to ask of a virtio-mem device so that it gives @shrink KiB or, if that is more than it
 * has, all. Returns false if it cannot give any, or was asked for that much already. */
static bool
qemuMessageGetRequested(const vbDomainMemoryDef *mem, unsigned long long shrink,
                        unsigned long long *requested)
{
    if (mem->model != VB_DOMAIN_MEMORY_VIRTIO_MEM || !mem->alias)
        return false;
    *requested = shrink < mem->current ? mem->current - shrink : 0;
    if (mem->block > 0)
        *requested -= *requested % mem->block;
    return *requested < mem->requested && *requested < mem->current;
}

/* virtio-mem discards in coordination with VFIO (QEMU 6.1), so it works where the balloon does
 * not.  The device that can give most is named. */
static void
qemuMessageAppendVirtioMem(GString *text, const vbDomainDef *def, unsigned long long shrink)
{
    const vbDomainMemoryDef *best = NULL;
    g_autofree char *alias = NULL;
    unsigned long long bestRequested = 0;
    size_t i;

    for (i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *mem = g_ptr_array_index(def->memories, i);
        unsigned long long requested;

        if (qemuMessageGetRequested(mem, shrink, &requested) &&
            (!best || mem->current > best->current)) {
            best = mem;
            bestRequested = requested;
        }
    }
    if (!best)
        return;

    alias = qemuMessageFormatName(best->alias);
    g_string_append_printf(text, "use 'virsh update-memory-device %s --alias %s --requested-size "
                           "%lluKiB' instead, or ", qemuMessageGetArgument(def), alias,
                           bestRequested);
}

static bool
qemuMessageIsDevice(qemuInhibitorKind kind)
{
    switch (kind) {
    case QEMU_INHIBITOR_VFIO_PCI:
    case QEMU_INHIBITOR_VFIO_MDEV:
    case QEMU_INHIBITOR_VFIO_USER:
    case QEMU_INHIBITOR_VFIO_PLATFORM:
    case QEMU_INHIBITOR_VHOST_VDPA:
    case QEMU_INHIBITOR_NVME:
    case QEMU_INHIBITOR_BLKIO:
        return true;
    case QEMU_INHIBITOR_SEV:
    case QEMU_INHIBITOR_S390_PV:
    case QEMU_INHIBITOR_COLO:
    case QEMU_INHIBITOR_POSTCOPY:
    case QEMU_INHIBITOR_BACKGROUND_SNAPSHOT:
    case QEMU_INHIBITOR_NO_SYNC_MMU:
    case QEMU_INHIBITOR_LOCKED_MEMORY:
    case QEMU_INHIBITOR_HUGE_PAGES:
    case QEMU_INHIBITOR_KIND_LAST:
    default:
        return false;
    }
}

/* What to do about the inhibitors themselves.  All of them must go, so one that only a restart
 * lifts leaves nothing else to advise. */
static void
qemuMessageAppendAdvice(GString *text, const GPtrArray *inhibitors)
{
    bool allDevices = true;
    bool allMdev = true;
    bool allPassing = true;
    guint i;

    for (i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);

        allDevices = allDevices && qemuMessageIsDevice(inhibitor->kind);
        allMdev = allMdev && inhibitor->kind == QEMU_INHIBITOR_VFIO_MDEV;
        allPassing = allPassing && qemuInhibitorKindGetInfo(inhibitor->kind)->passing;
    }

    if (allPassing) {
        g_string_append(text, "wait until that has ended and try again");
        return;
    }
    if (allDevices)
        g_string_append_printf(text, "detach the device%s, or ", inhibitors->len > 1 ? "s" : "");
    g_string_append(text, "lower <memory> of the domain and start it again");
    if (allMdev)
        g_string_append_printf(text, ", or, if the device%s not pin guest memory, override %s "
                               "property '%s' and start it again",
                               inhibitors->len > 1 ? "s do" : " does",
                               inhibitors->len > 1 ? "their" : "its", VB_DOMAIN_OPT_OUT_PROPERTY);
}

char *
qemuMessageFormatAdvice(const GPtrArray *inhibitors)
{
    GString *text = g_string_new(NULL);

    qemuMessageAppendAdvice(text, inhibitors);
    return g_string_free(text, FALSE);
}

char *
qemuMessageFormatShrinkRefused(const vbDomainDef *def, unsigned long long memory,
                               const GPtrArray *inhibitors)
{
    g_autofree char *list = qemuMessageFormatInhibitors(inhibitors);
    g_autofree char *name = qemuMessageFormatName(def->name);
    unsigned long long shrink = vbDomainDefGetBalloonCurrent(def) - memory;
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "cannot reduce memory of domain '%s' to %llu KiB: ballooning is "
                           "inhibited by %s: the guest would lose %llu KiB and the host would gain "
                           "nothing; ", name, memory, list, shrink);
    qemuMessageAppendVirtioMem(text, def, shrink);
    qemuMessageAppendAdvice(text, inhibitors);
    return g_string_free(text, FALSE);
}

/* Where there is nothing to resize it says what would have to be there. */
char *
qemuMessageFormatRedirectRefused(const vbDomainDef *def, unsigned long long memory,
                                 const GPtrArray *inhibitors)
{
    g_autofree char *list = qemuMessageFormatInhibitors(inhibitors);
    g_autofree char *name = qemuMessageFormatName(def->name);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "cannot reduce memory of domain '%s' to %llu KiB: ballooning is "
                           "inhibited by %s", name, memory, list);
    if (qemuRedirectIsPossible(def)) {
        g_string_append_printf(text, ", and with its virtio-mem devices alone the guest can be "
                               "brought down to %llu KiB; ask for that much, ",
                               vbDomainDefGetBalloonCurrent(def));
    } else {
        g_autofree char *devices = qemuRedirectFormatSuggestion(def, memory);

        g_string_append_printf(text, ", and the guest has no virtio-mem device that could be "
                               "resized instead: the guest would lose %llu KiB and the host would "
                               "gain nothing; give it %s, and start it again; or ",
                               vbDomainDefGetBalloonCurrent(def) - memory, devices);
    }
    qemuMessageAppendAdvice(text, inhibitors);
    return g_string_free(text, FALSE);
}

char *
qemuMessageFormatRedirectTooLarge(const vbDomainDef *def, unsigned long long memory)
{
    g_autofree char *name = qemuMessageFormatName(def->name);

    return g_strdup_printf("cannot set memory of domain '%s' to %llu KiB: its balloon and its "
                           "virtio-mem devices can give it %llu KiB at most, and the rest of its "
                           "memory is in other devices", name, memory, qemuRedirectGetMaximum(def));
}

char *
qemuMessageFormatReach(const qemuRedirectReach *reach)
{
    GString *text = g_string_new(NULL);

    if (reach->minimum > 0)
        g_string_append_printf(text, "from %llu to %llu KiB are reached by resizing virtio-mem "
                               "devices", reach->minimum, reach->maximum);
    else
        g_string_append_printf(text, "up to %llu KiB are reached by resizing virtio-mem devices "
                               "and with the balloon", reach->maximum);
    if (reach->current > reach->target)
        g_string_append_printf(text, "; the guest has yet to release %llu KiB that it was asked "
                               "for", reach->current - reach->target);
    else if (reach->current < reach->target)
        g_string_append_printf(text, "; the guest has yet to take %llu KiB that it was given",
                               reach->target - reach->current);
    return g_string_free(text, FALSE);
}

char *
qemuMessageFormatChangeFailed(const char *name, unsigned long long memory,
                              const qemuRedirectChange *change, const char *said,
                              const GPtrArray *changes, guint made, guint stuck)
{
    g_autofree char *domain = qemuMessageFormatName(name);
    g_autofree char *device = qemuMessageFormatName(change->device ? change->device : "");
    g_autofree char *words = qemuMessageFormatName(said ? said : "libvirt's answer cannot be read");
    GString *text = g_string_new(NULL);
    guint devices = 0;

    for (guint i = 0; i < made; i++)
        devices += ((const qemuRedirectChange *)g_ptr_array_index(changes, i))->back != NULL;
    g_string_append_printf(text, "cannot set memory of domain '%s' to %llu KiB: ", domain, memory);
    if (change->device)
        g_string_append_printf(text, "virtio-mem device '%s' was not resized to %llu KiB: %s",
                               device, change->size, words);
    else
        g_string_append_printf(text, "the balloon was not set to %llu KiB: %s", change->size,
                               words);
    if (stuck > 0)
        g_string_append_printf(text, "; %u of %u devices that were resized before could not be set "
                               "back", stuck, devices);
    else if (devices > 0)
        g_string_append_printf(text, "; what was resized before (%u device%s) was set back",
                               devices, devices > 1 ? "s" : "");
    return g_string_free(text, FALSE);
}

char *
qemuMessageFormatConfigRefused(const vbDomainDef *def, unsigned long long memory,
                               const GPtrArray *inhibitors)
{
    g_autofree char *list = qemuMessageFormatInhibitors(inhibitors);
    g_autofree char *name = qemuMessageFormatName(def->name);

    return g_strdup_printf("cannot set memory of domain '%s' to %llu KiB for its next start: "
                           "ballooning will be inhibited by %s: the guest would give up %llu KiB "
                           "when it starts and the host would gain nothing; lower <memory> of the "
                           "domain instead", name, memory, list,
                           vbDomainDefGetBalloonMaximum(def) - memory);
}

char *
qemuMessageFormatReport(const char *name, unsigned long long inflated, const GPtrArray *inhibitors)
{
    g_autofree char *list = qemuMessageFormatInhibitors(inhibitors);
    g_autofree char *printable = qemuMessageFormatName(name);

    return g_strdup_printf("domain '%s': it runs with %llu KiB less than it could have, and the "
                           "host gains nothing: ballooning is inhibited by %s", printable,
                           inflated, list);
}

char *
qemuMessageFormatStartRefused(const vbDomainDef *def, const char *verb,
                              const GPtrArray *inhibitors)
{
    g_autofree char *list = qemuMessageFormatInhibitors(inhibitors);
    g_autofree char *name = qemuMessageFormatName(def->name);
    unsigned long long current = def->currentMemory;

    return g_strdup_printf("cannot %s domain '%s' with a currentMemory of %llu KiB: ballooning "
                           "will be inhibited by %s: the guest would give up %llu KiB when it "
                           "starts and the host would gain nothing; raise <currentMemory> to %llu "
                           "KiB, or lower <memory>", verb, name, current, list,
                           vbDomainDefGetBalloonMaximum(def) - vbDomainDefGetBalloonCurrent(def),
                           def->memory);
}

char *
qemuMessageFormatCommandRefused(const vbDomainDef *def, const GPtrArray *inhibitors)
{
    g_autofree char *list = qemuMessageFormatInhibitors(inhibitors);
    g_autofree char *name = qemuMessageFormatName(def->name);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "cannot send domain '%s' a monitor command that may reduce its "
                           "memory: ballooning is inhibited by %s: the guest would lose memory and "
                           "the host would gain nothing; ", name, list);
    qemuMessageAppendAdvice(text, inhibitors);
    return g_string_free(text, FALSE);
}

char *
qemuMessageFormatAttachRefused(const vbDomainDef *def, const GPtrArray *attached)
{
    g_autofree char *list = qemuMessageFormatInhibitors(attached);
    g_autofree char *name = qemuMessageFormatName(def->name);
    unsigned long long maximum = vbDomainDefGetBalloonMaximum(def);
    GString *text = g_string_new(NULL);

    if (attached->len > 0)
        g_string_append_printf(text, "cannot attach %s to domain '%s' while its balloon is "
                               "inflated: all of the guest's memory would be pinned, and the host "
                               "would lose the %llu KiB that it gained; ", list, name,
                               maximum - vbDomainDefGetBalloonCurrent(def));
    else
        g_string_append_printf(text, "cannot attach a device to domain '%s' while its balloon is "
                               "inflated: its XML has a document type declaration or thousands "
                               "of attributes and is not read, so it may be one that pins all of "
                               "the guest's memory; write it without, or ", name);
    g_string_append_printf(text, "deflate the balloon first, with 'virsh setmem %s %lluKiB --live'",
                           qemuMessageGetArgument(def), maximum);
    return g_string_free(text, FALSE);
}
