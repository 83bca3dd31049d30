/*
 * qemu_start.c: what a domain starts with, and documents on their way into libvirt
 *
 * libvirt inflates the balloon of every domain that it starts to its <currentMemory>.  With a
 * device that inhibits ballooning the guest gives that memory up and the host gains nothing, so
 * this is refused to a domain that asks for 'block', at the latest when it starts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_start.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "domain_xml.h"
#include "qemu_balloon.h"
#include "qemu_command.h"
#include "qemu_message.h"
#include "qemu_validate.h"
#include "vberror.h"
#include "vbuuid.h"

/* What is done, in a refusal and in the log. */
static const struct {
    const char *verb;
    const char *past;
} qemuStartWords[] = {
    [QEMU_START_NOTHING] = { "store", "stored" },
    [QEMU_START_DEFINE] = { "define", "defined" },
    [QEMU_START_CREATE] = { "create", "created" },
    [QEMU_START_START] = { "start", "started" },
    [QEMU_START_RESTORE] = { "restore", "restored" },
    [QEMU_START_REVERT] = { "revert", "reverted" },
    [QEMU_START_INCOMING] = { "receive", "received by migration" },
};

static int
qemuStartGetErrorCode(const GError *error)
{
    if (g_error_matches(error, VB_ERROR, VB_ERROR_UNSUPPORTED))
        return VIR_ERR_CONFIG_UNSUPPORTED;
    if (g_error_matches(error, VB_ERROR, VB_ERROR_SYSTEM))
        return VIR_ERR_INTERNAL_ERROR;
    return VIR_ERR_XML_ERROR;
}

static qemuStartDocument *
qemuStartDocumentTakeError(qemuStartDocument *document, const GError *error)
{
    if (error) {
        document->errorCode = qemuStartGetErrorCode(error);
        document->errorText = g_strdup(error->message);
    }
    return document;
}

qemuStartDocument *
qemuStartDocumentNew(const char *xml, size_t length, qemuStartOperation operation)
{
    bool prune = operation == QEMU_START_DEFINE || operation == QEMU_START_CREATE;
    qemuStartDocument *document = g_new0(qemuStartDocument, 1);
    g_autoptr(GError) error = NULL;

    if (qemuCommandStoreAttributes(xml, length, prune, &document->optsOut, &document->stored,
                                   &error) &&
        (operation != QEMU_START_NOTHING || document->optsOut)) {
        if (document->stored)
            document->def = vbDomainDefParseString(document->stored, strlen(document->stored),
                                                   NULL);
        else
            document->def = vbDomainDefParseString(xml, length, NULL);
    }
    return qemuStartDocumentTakeError(document, error);
}

qemuStartDocument *
qemuStartDocumentNewDevice(const char *xml, size_t length)
{
    qemuStartDocument *document = g_new0(qemuStartDocument, 1);
    g_autoptr(GError) error = NULL;

    qemuCommandStoreDeviceAttributes(xml, length, &document->optsOut, &document->stored, &error);
    document->def = vbDomainDefParseDeviceString(xml, length, NULL);
    return qemuStartDocumentTakeError(document, error);
}

void
qemuStartDocumentFree(qemuStartDocument *document)
{
    if (!document)
        return;
    g_free(document->stored);
    g_free(document->errorText);
    vbDomainDefFree(document->def);
    g_free(document);
}

static void
qemuStartRefuse(qemuDomainVerdict *verdict, const GError *error)
{
    qemuBalloonRefuse(verdict, qemuStartGetErrorCode(error), g_strdup(error->message));
}

/* Whether libvirt and the domain's QEMU can opt a device out. Leaves @verdict at NEED or REFUSE
 * where it is not known yet or not so. */
static void
qemuStartCheckOptOut(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                     const vbDomainDef *def)
{
    const char *emulator = def ? def->emulator : NULL;
    g_autoptr(GError) error = NULL;
    gpointer hasProperty = NULL;

    if (!facts->haveLibvirt) {
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_LIBVIRT);
        return;
    }
    if (!qemuValidateLibvirt(facts->libvirt, &error)) {
        qemuStartRefuse(verdict, error);
        return;
    }
    if (!emulator)
        return;
    if (!g_hash_table_lookup_extended(facts->emulators, emulator, NULL, &hasProperty))
        qemuBalloonNeedNamed(verdict, QEMU_DOMAIN_QUESTION_EMULATOR, emulator);
    else if (!qemuValidateEmulator(emulator, GPOINTER_TO_INT(hasProperty), &error))
        qemuStartRefuse(verdict, error);
}

/* Starting @def, now or later. */
static void
qemuStartJudge(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
               const qemuDomainSettings *settings, const vbDomainDef *def,
               qemuStartOperation operation)
{
    unsigned long long maximum = vbDomainDefGetBalloonMaximum(def);
    unsigned long long current = vbDomainDefGetBalloonCurrent(def);
    g_autofree char *name = NULL;
    g_autofree char *list = NULL;

    verdict->policy = qemuBalloonGetPolicy(def, settings);
    if (def->memballoonWritten && def->memballoon == VB_DOMAIN_MEMBALLOON_NONE) {
        verdict->state = QEMU_DOMAIN_BALLOON_NONE;
        return;
    }
    if (current >= maximum || verdict->policy == VB_DOMAIN_BALLOON_POLICY_IGNORE)
        return;
    qemuBalloonAddNext(verdict, facts, def, verdict->inhibitors);
    if (verdict->action == QEMU_DOMAIN_VERDICT_NEED || verdict->inhibitors->len == 0)
        return;

    verdict->state = QEMU_DOMAIN_BALLOON_INHIBITED;
    name = qemuMessageFormatName(def->name);
    list = qemuMessageFormatInhibitors(verdict->inhibitors);
    if (operation <= QEMU_START_START && def->policy != VB_DOMAIN_BALLOON_POLICY_DEFAULT &&
        verdict->policy != VB_DOMAIN_BALLOON_POLICY_WARN) {
        qemuBalloonRefuse(verdict, operation == QEMU_START_START ? VIR_ERR_OPERATION_INVALID :
                          VIR_ERR_CONFIG_UNSUPPORTED,
                          qemuMessageFormatStartRefused(def, qemuStartWords[operation].verb,
                                                        verdict->inhibitors));
        verdict->logText = g_strdup_printf("domain '%s': refused to %s it with %llu KiB less than "
                                           "its memory: ballooning will be inhibited by %s", name,
                                           qemuStartWords[operation].verb, maximum - current,
                                           list);
    } else {
        verdict->logText = g_strdup_printf("domain '%s': it is %s with %llu KiB less than its "
                                           "memory although ballooning will be inhibited by %s: "
                                           "the host will not gain them", name,
                                           qemuStartWords[operation].past, maximum - current,
                                           list);
    }
}

qemuDomainVerdict *
qemuStartJudgeDocuments(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                        const GPtrArray *documents, qemuStartOperation operation)
{
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();
    const vbDomainDef *last = NULL;

    for (guint i = 0; i < documents->len; i++) {
        const qemuStartDocument *document = g_ptr_array_index(documents, i);

        if (document->errorCode != 0)
            qemuBalloonRefuse(verdict, document->errorCode, g_strdup(document->errorText));
        else if (document->optsOut)
            qemuStartCheckOptOut(verdict, facts, document->def);
        if (verdict->action != QEMU_DOMAIN_VERDICT_PASS)
            return g_steal_pointer(&verdict);
        last = document->def;
    }
    if (last && operation != QEMU_START_NOTHING)
        qemuStartJudge(verdict, facts, settings, last, operation);
    return g_steal_pointer(&verdict);
}

qemuDomainVerdict *
qemuStartJudgeDomain(const qemuDomainFacts *facts, const qemuDomainSettings *settings, bool force)
{
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();

    if (!facts->def)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
    if (!force && !facts->haveManagedSave)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_MANAGED_SAVE);
    /* It runs already: libvirt says so.  A definition that is not there is needed. */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    if (verdict->action == QEMU_DOMAIN_VERDICT_NEED || facts->def->id >= 0)
        return g_steal_pointer(&verdict);

    if (!force && facts->managedSave)
        return qemuStartJudgeImage(facts, settings, QEMU_START_RESTORE);
    qemuStartJudge(verdict, facts, settings, facts->def, QEMU_START_START);
    return g_steal_pointer(&verdict);
}

vbDomainDef *
qemuStartParseImage(const char *text, size_t length)
{
    g_autoptr(vbDomainXML) xml = vbDomainXMLNew(text, length, NULL);

    if (!xml || xml->domains->len == 0)
        return NULL;
    return vbDomainDefParseNode(g_ptr_array_index(xml->domains, 0), NULL);
}

qemuDomainVerdict *
qemuStartJudgeImage(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                    qemuStartOperation operation)
{
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();

    if (!facts->haveImage)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_IMAGE);
    else if (facts->image)
        qemuStartJudge(verdict, facts, settings, facts->image, operation);
    return g_steal_pointer(&verdict);
}

static bool
qemuStartHasDevice(const vbDomainDef *def, const vbDomainDef *device)
{
    const vbDomainHostdevDef *wanted = g_ptr_array_index(device->hostdevs, 0);
    guint8 uuid[16];

    if (!wanted->address || !vbUUIDParse(wanted->address, uuid))
        return true;
    for (guint i = 0; i < def->hostdevs->len; i++) {
        const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, i);
        guint8 other[16];

        if (hostdev->type == VB_DOMAIN_HOSTDEV_MDEV && hostdev->address &&
            vbUUIDParse(hostdev->address, other) && memcmp(uuid, other, sizeof(uuid)) == 0)
            return true;
    }
    return false;
}

/* The domain's definition with the device.  NULL where libvirt is to say why there is none, or with
 * @verdict at REFUSE. */
static char *
qemuStartAddDevice(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                   const vbDomainDef *device, const char *xml)
{
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(facts->definition,
                                                        strlen(facts->definition), NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *whole = NULL;
    char *stored = NULL;
    bool optsOut = false;

    if (def && qemuStartHasDevice(def, device))
        return NULL;
    whole = qemuCommandAddDevice(facts->definition, strlen(facts->definition), xml, strlen(xml));
    if (whole && !qemuCommandStoreAttributes(whole, strlen(whole), false, &optsOut, &stored,
                                             &error)) {
        qemuStartRefuse(verdict, error);
    } else if (!stored) {
        /* libvirt reads a device's root in any namespace, and a domain's devices in none. */
        qemuValidateReportUnread(device, &error);
        qemuStartRefuse(verdict, error);
    }
    return stored;
}

/* What is not known yet of a device that is to be opted out in the definition of @facts. The
 * definition comes last: the less time is between reading and storing it, the better. */
static bool
qemuStartNeedDefinition(qemuDomainVerdict *verdict, const qemuDomainFacts *facts, bool optsOut)
{
    if (!facts->havePersistent)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_PERSISTENT);
    if (optsOut)
        qemuStartCheckOptOut(verdict, facts, facts->def);
    if (verdict->action != QEMU_DOMAIN_VERDICT_PASS || !facts->persistent)
        return true;
    if (!facts->definition)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_DEFINITION);
    return !facts->definition;
}

bool
qemuStartNeedsDefinition(const qemuStartDocument *device)
{
    const vbDomainHostdevDef *hostdev = device->def && device->def->hostdevs->len > 0 ?
        g_ptr_array_index(device->def->hostdevs, 0) : NULL;

    return hostdev && (device->optsOut || (hostdev->ballooning == VB_DOMAIN_BALLOONING_OFF &&
                                           hostdev->type == VB_DOMAIN_HOSTDEV_MDEV &&
                                           vbDomainAliasIsUser(hostdev->alias)));
}

qemuDomainVerdict *
qemuStartJudgeOptOut(const qemuDomainFacts *facts, const qemuStartDocument *device,
                     const char *xml, unsigned int flags, char **definition)
{
    const unsigned int known = VIR_DOMAIN_DEVICE_MODIFY_LIVE | VIR_DOMAIN_DEVICE_MODIFY_CONFIG;
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();

    if (flags & ~known)
        return g_steal_pointer(&verdict);
    if (!facts->def) {
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
        return g_steal_pointer(&verdict);
    }

    if (flags & VIR_DOMAIN_DEVICE_MODIFY_LIVE ||
        (!(flags & VIR_DOMAIN_DEVICE_MODIFY_CONFIG) && facts->def->id >= 0)) {
        g_autoptr(GError) error = NULL;

        if (!device->optsOut)
            return NULL;
        if (facts->def->id < 0)
            return g_steal_pointer(&verdict);
        qemuValidateReportHotplug(device->def, facts->def->name, &error);
        qemuStartRefuse(verdict, error);
        return g_steal_pointer(&verdict);
    }

    if (!qemuStartNeedDefinition(verdict, facts, device->optsOut))
        *definition = qemuStartAddDevice(verdict, facts, device->def, xml);
    return g_steal_pointer(&verdict);
}

qemuDomainVerdict *
qemuStartJudgeUpdate(const qemuDomainFacts *facts, const vbDomainDef *device, unsigned int flags,
                     bool *policyOnly)
{
    const unsigned int known = VIR_DOMAIN_DEVICE_MODIFY_LIVE | VIR_DOMAIN_DEVICE_MODIFY_CONFIG |
        VIR_DOMAIN_DEVICE_MODIFY_FORCE;
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();
    bool config = flags & VIR_DOMAIN_DEVICE_MODIFY_CONFIG;
    bool current = flags & VIR_DOMAIN_DEVICE_MODIFY_LIVE || !config;

    *policyOnly = false;
    if (flags & ~known)
        return g_steal_pointer(&verdict);
    if (current && !facts->def)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
    if (config && !facts->inactive)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML_INACTIVE);
    if (verdict->action == QEMU_DOMAIN_VERDICT_PASS)
        *policyOnly = (!current || vbDomainDefHasMemballoon(facts->def, device)) &&
            (!config || vbDomainDefHasMemballoon(facts->inactive, device));
    return g_steal_pointer(&verdict);
}
