/*
 * qemu_driver.c: the procedures of libvirt's protocol that are not simply relayed
 *
 * One table, and for each kind of procedure a function that reads its arguments and one that has
 * it judged.  Some calls are not judged at all but take their turn, so that what is judged
 * meanwhile does not change under a verdict: what detaches a device, or starts a domain.  What ends
 * a domain does not wait: it may be what frees a call that hangs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_driver.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_balloon.h"
#include "qemu_driverpriv.h"
#include "qemu_state.h"
#include "qemu_validate.h"
#include "vberror.h"
#include "vbuuid.h"

static bool
qemuDriverDecodeDomain(qemuDriverCall *call)
{
    call->hasUUID = true;
    return remoteDecodeDomain(call->args, call->length, &call->dom);
}

/* The word that most arguments end with. */
static guint32
qemuDriverGetFlags(const qemuDriverCall *call)
{
    guint32 word = 0;

    if (call->length >= sizeof(word))
        memcpy(&word, call->args + call->length - sizeof(word), sizeof(word));
    return GUINT32_FROM_BE(word);
}

static bool
qemuDriverDecodeSetMemory(qemuDriverCall *call)
{
    call->flags = VIR_DOMAIN_MEM_LIVE;
    call->hasUUID = true;
    return remoteDecodeSetMemory(call->args, call->length, &call->dom, &call->memory, NULL);
}

static bool
qemuDriverDecodeSetMemoryFlags(qemuDriverCall *call)
{
    call->hasUUID = true;
    return remoteDecodeSetMemory(call->args, call->length, &call->dom, &call->memory,
                                 &call->flags);
}

static qemuDomainVerdict *
qemuDriverJudgeSetMemory(qemuDriverCall *call)
{
    return qemuDomainJudgeSetMemory(call->facts, call->settings, call->memory, call->flags);
}

static bool
qemuDriverDecodeMonitorCommand(qemuDriverCall *call)
{
    char *text = NULL;
    bool ok = remoteDecodeDomainString(call->args, call->length, &call->dom, &text, &call->flags);

    call->hasUUID = true;
    if (ok)
        qemuMonitorRawParse(text, call->flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP,
                            &call->command);
    free(text);
    return ok;
}

static qemuDomainVerdict *
qemuDriverJudgeMonitorCommand(qemuDriverCall *call)
{
    return qemuDomainJudgeMonitorCommand(call->facts, call->settings, &call->command);
}

/* Reads all documents of a call as what @operation would do with them. */
static bool
qemuDriverReadDocuments(qemuDriverCall *call, qemuStartOperation operation)
{
    call->places = remoteArgsFindDocuments(call->procedure->layout, call->args, call->length);
    if (!call->places)
        return false;
    for (guint i = 0; i < call->places->len; i++) {
        const remoteDocument *place = &g_array_index(call->places, remoteDocument, i);

        g_ptr_array_add(call->documents,
                        qemuStartDocumentNew((const char *)call->args + place->offset + 4,
                                             place->textLength, operation));
    }
    return true;
}

/* What starts or will start is what its own document calls it. */
static void
qemuDriverNameByDocument(qemuDriverCall *call)
{
    const qemuStartDocument *document = call->documents->len > 0 ?
        g_ptr_array_index(call->documents, call->documents->len - 1) : NULL;
    const vbDomainDef *def = document ? document->def : NULL;

    call->dom.name = strdup(def ? def->name : "");
    call->hasUUID = def && def->uuid && vbUUIDParse(def->uuid, call->dom.uuid);
}

static bool
qemuDriverDecodeDefine(qemuDriverCall *call)
{
    if (!qemuDriverReadDocuments(call, QEMU_START_DEFINE))
        return false;
    qemuDriverNameByDocument(call);
    return true;
}

static qemuDomainVerdict *
qemuDriverJudgeDefine(qemuDriverCall *call)
{
    return qemuStartJudgeDocuments(call->facts, call->settings, call->documents,
                                   QEMU_START_DEFINE);
}

static bool
qemuDriverDecodeCreateXML(qemuDriverCall *call)
{
    if (!qemuDriverReadDocuments(call, QEMU_START_CREATE))
        return false;
    qemuDriverNameByDocument(call);
    return true;
}

static qemuDomainVerdict *
qemuDriverJudgeCreateXML(qemuDriverCall *call)
{
    return qemuStartJudgeDocuments(call->facts, call->settings, call->documents,
                                   QEMU_START_CREATE);
}

/* Documents that start nothing. */
static bool
qemuDriverDecodeDocuments(qemuDriverCall *call)
{
    /* A domain is only named here: nothing about it is judged, and it takes no turn. */
    if (call->procedure->layout[0] != 'd')
        call->dom.name = strdup("");
    else if (!remoteDecodeDomain(call->args, call->length, &call->dom))
        return false;
    return qemuDriverReadDocuments(call, QEMU_START_NOTHING);
}

static qemuDomainVerdict *
qemuDriverJudgeDocuments(qemuDriverCall *call)
{
    return qemuStartJudgeDocuments(call->facts, call->settings, call->documents,
                                   QEMU_START_NOTHING);
}

static bool
qemuDriverDecodeIncoming(qemuDriverCall *call)
{
    if (!qemuDriverReadDocuments(call, QEMU_START_INCOMING))
        return false;
    qemuDriverNameByDocument(call);
    return true;
}

static qemuDomainVerdict *
qemuDriverJudgeIncoming(qemuDriverCall *call)
{
    return qemuStartJudgeDocuments(call->facts, call->settings, call->documents,
                                   QEMU_START_INCOMING);
}

static bool
qemuDriverDecodeStart(qemuDriverCall *call)
{
    if (call->procedure->procedure != REMOTE_PROC_DOMAIN_CREATE)
        call->flags = qemuDriverGetFlags(call);
    return qemuDriverDecodeDomain(call);
}

static qemuDomainVerdict *
qemuDriverJudgeStart(qemuDriverCall *call)
{
    return qemuStartJudgeDomain(call->facts, call->settings,
                                call->flags & VIR_DOMAIN_START_FORCE_BOOT);
}

/* Only what comes with the call is looked at: the file may be one to be read once (a FIFO). */
static bool
qemuDriverDecodeRestore(qemuDriverCall *call)
{
    if (!qemuDriverReadDocuments(call, QEMU_START_RESTORE))
        return false;
    qemuDriverNameByDocument(call);
    return true;
}

static qemuDomainVerdict *
qemuDriverJudgeRestore(qemuDriverCall *call)
{
    return qemuStartJudgeDocuments(call->facts, call->settings, call->documents,
                                   QEMU_START_RESTORE);
}

/* A snapshot: its name, and the domain. */
static bool
qemuDriverDecodeRevert(qemuDriverCall *call)
{
    char *name = NULL;
    bool ok = remoteDecodeStringDomain(call->args, call->length, &name, &call->dom);

    call->hasUUID = true;
    free(name);
    return ok;
}

static qemuDomainVerdict *
qemuDriverJudgeRevert(qemuDriverCall *call)
{
    return qemuStartJudgeImage(call->facts, call->settings, QEMU_START_REVERT);
}

void
qemuDriverCallAskImage(qemuDriverCall *call)
{
    GByteArray *args;

    switch (call->procedure->procedure) {
    case REMOTE_PROC_DOMAIN_REVERT_TO_SNAPSHOT:
        /* The same arguments, with other flags. */
        args = g_byte_array_new();
        g_byte_array_append(args, call->args, (guint)call->length);
        memset(args->data + args->len - 4, 0, 4);
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SNAPSHOT_GET_XML_DESC, args);
        break;
    default:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC,
                          remoteEncodeDomainFlags(&call->dom, 0));
        break;
    }
}

/* libvirt words the error of XML that is none; a document type it would read, and we do not. */
static bool
qemuDriverDecodeDevice(qemuDriverCall *call)
{
    const remoteDocument *place;
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = NULL;
    const char *text;

    if (!qemuDriverDecodeDomain(call))
        return false;
    call->places = remoteArgsFindDocuments(call->procedure->layout, call->args, call->length);
    if (!call->places || call->places->len != 1)
        return false;
    place = &g_array_index(call->places, remoteDocument, 0);
    text = (const char *)call->args + place->offset + 4;
    def = vbDomainDefParseDeviceString(text, place->textLength, &error);
    if (!def && !g_error_matches(error, VB_ERROR, VB_ERROR_UNREAD))
        return false;
    g_ptr_array_add(call->documents, qemuStartDocumentNewDevice(text, place->textLength));
    call->text = g_strndup(text, place->textLength);
    return true;
}

static bool
qemuDriverDecodeAttach(qemuDriverCall *call)
{
    call->flags = VIR_DOMAIN_DEVICE_MODIFY_LIVE;
    return qemuDriverDecodeDevice(call);
}

static bool
qemuDriverDecodeAttachFlags(qemuDriverCall *call)
{
    call->flags = qemuDriverGetFlags(call);
    return qemuDriverDecodeDevice(call);
}

const vbDomainDef *
qemuDriverCallGetDevice(const qemuDriverCall *call)
{
    const qemuStartDocument *document = g_ptr_array_index(call->documents, 0);

    return document->def;
}

/* What a device's XML says wrongly of our attributes; NULL if nothing. */
static qemuDomainVerdict *
qemuDriverJudgeDevice(const qemuDriverCall *call)
{
    const qemuStartDocument *document = g_ptr_array_index(call->documents, 0);
    qemuDomainVerdict *verdict;

    if (document->errorCode == 0)
        return NULL;
    verdict = qemuBalloonVerdictNew();
    qemuBalloonRefuse(verdict, document->errorCode, g_strdup(document->errorText));
    return verdict;
}

static qemuDomainVerdict *
qemuDriverJudgeAttach(qemuDriverCall *call)
{
    const qemuStartDocument *document = g_ptr_array_index(call->documents, 0);
    qemuDomainVerdict *verdict = qemuDriverJudgeDevice(call);

    if (verdict)
        return verdict;
    if (qemuStartNeedsDefinition(document)) {
        g_clear_pointer(&call->definition, g_free);
        verdict = qemuStartJudgeOptOut(call->facts, document, call->text, call->flags,
                                       &call->definition);
        if (verdict)
            return verdict;
    }
    return qemuDomainJudgeAttach(call->facts, call->settings, document->def, call->flags);
}

static qemuDomainVerdict *
qemuDriverJudgeUpdate(qemuDriverCall *call)
{
    const vbDomainDef *device = qemuDriverCallGetDevice(call);
    qemuDomainVerdict *verdict = qemuDriverJudgeDevice(call);

    if (verdict)
        return verdict;
    if (!device || !device->policyAttribute)
        return qemuBalloonVerdictNew();
    return qemuStartJudgeUpdate(call->facts, device, call->flags, &call->policyOnly);
}

static qemuDomainVerdict *
qemuDriverJudgeDetach(qemuDriverCall *call)
{
    qemuDomainVerdict *verdict = qemuDriverJudgeDevice(call);

    return verdict ? verdict : qemuBalloonVerdictNew();
}

static bool
qemuDriverDecodeSetMetadata(qemuDriverCall *call)
{
    call->hasUUID = true;
    return remoteDecodeSetMetadata(call->args, call->length, &call->dom, &call->metadata);
}

static qemuDomainVerdict *
qemuDriverJudgeSetMetadata(qemuDriverCall *call)
{
    qemuDomainVerdict *verdict = qemuBalloonVerdictNew();
    g_autoptr(GError) error = NULL;

    if (call->metadata.type == VIR_DOMAIN_METADATA_ELEMENT && call->metadata.text &&
        g_strcmp0(call->metadata.uri, VB_DOMAIN_POLICY_NAMESPACE) == 0 &&
        !qemuValidatePolicyElement(call->metadata.text, strlen(call->metadata.text), &error))
        qemuBalloonRefuse(verdict, VIR_ERR_XML_ERROR, g_strdup(error->message));
    return verdict;
}

/* Of what is dumped only the flags matter; what travels to another host stays as it is stored. */
static bool
qemuDriverDecodeDump(qemuDriverCall *call)
{
    call->flags = qemuDriverGetFlags(call);
    call->shows = call->procedure->procedure != REMOTE_PROC_DOMAIN_GET_XML_DESC ||
        !(call->flags & VIR_DOMAIN_XML_MIGRATABLE);
    call->dom.name = strdup("");
    return true;
}

/* Whoever asks for some kinds of messages only gets those. It takes no turn: nothing changes. */
static bool
qemuDriverDecodeMessages(qemuDriverCall *call)
{
    call->flags = qemuDriverGetFlags(call);
    call->shows = call->flags == 0;
    return remoteDecodeDomain(call->args, call->length, &call->dom);
}

static qemuDomainVerdict *
qemuDriverJudgeMessages(qemuDriverCall *call)
{
    qemuDomainVerdict *verdict = qemuBalloonVerdictNew();

    if (call->shows && !qemuDomainFactsGetDef(call->facts))
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
    return verdict;
}

/* Which statistics, and flags, are the last two words. */
static bool
qemuDriverDecodeStats(qemuDriverCall *call)
{
    guint32 stats = 0;

    if (call->length < 2 * sizeof(stats))
        return false;
    memcpy(&stats, call->args + call->length - 2 * sizeof(stats), sizeof(stats));
    stats = GUINT32_FROM_BE(stats);
    call->shows = stats == 0 || stats & VIR_DOMAIN_STATS_BALLOON;
    call->dom.name = strdup("");
    return true;
}

bool
qemuDriverCallHasMore(qemuDriverCall *call, const guint8 *payload, size_t length)
{
    if (call->procedure->procedure != REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS)
        return false;
    call->records = payload ? remoteStatsParse(payload, length) : NULL;
    return call->records && call->records->len > 0;
}

guint8 *
qemuDriverCallShow(const qemuDriverCall *call, const guint8 *payload, size_t length,
                   size_t *newLength)
{
    gint32 procedure = call->procedure->procedure;
    g_autofree char *shown = NULL;
    size_t shownLength = 0;
    size_t size = 0;
    const char *text;

    if (procedure == REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS)
        return call->records ? remoteStatsApply(payload, length, call->records, newLength) : NULL;
    if (procedure == REMOTE_PROC_DOMAIN_GET_MESSAGES) {
        shown = qemuDomainFactsGetDef(call->facts) ?
            qemuStateFormatMessage(call->facts, call->settings) : NULL;
        return shown ? remoteAddMessage(payload, length, shown, newLength) : NULL;
    }

    text = remoteDecodeString(payload, length, &size);
    if (!text)
        return NULL;
    if (procedure != REMOTE_PROC_CONNECT_GET_DOMAIN_CAPABILITIES)
        return qemuDriverRecentShow((call->flags & VIR_DOMAIN_XML_SECURE) ? NULL :
                                    call->conn->recent, text, size, newLength);
    shown = qemuStateShowCapabilities(text, size, &shownLength);
    if (!shown || shownLength > REMOTE_STRING_MAX)
        return NULL;
    return remoteEncodeText(shown, shownLength, 0, newLength);
}

#define REMOTE(name) REMOTE_PROGRAM, REMOTE_PROTOCOL_VERSION, REMOTE_PROC_ ## name
#define QEMU(name) QEMU_PROGRAM, QEMU_PROTOCOL_VERSION, QEMU_PROC_ ## name
#define TURN QEMU_DRIVER_TURN
#define LENIENT QEMU_DRIVER_LENIENT
#define TURN_PASSES (QEMU_DRIVER_TURN | QEMU_DRIVER_PASSES)
#define SHOW (QEMU_DRIVER_SHOW | QEMU_DRIVER_READONLY | QEMU_DRIVER_LENIENT | QEMU_DRIVER_PASSES)

static const qemuDriverProcedure qemuDriverProcedures[] = {
    { REMOTE(DOMAIN_SET_MEMORY), "dl", 0, qemuDriverDecodeSetMemory, qemuDriverJudgeSetMemory },
    { REMOTE(DOMAIN_SET_MEMORY_FLAGS), "dlu", 0, qemuDriverDecodeSetMemoryFlags,
      qemuDriverJudgeSetMemory },
    { QEMU(DOMAIN_MONITOR_COMMAND), "dsu", 0, qemuDriverDecodeMonitorCommand,
      qemuDriverJudgeMonitorCommand },
    { QEMU(DOMAIN_MONITOR_COMMAND_WITH_FILES), "dsu", 0, qemuDriverDecodeMonitorCommand,
      qemuDriverJudgeMonitorCommand },

    { REMOTE(DOMAIN_ATTACH_DEVICE), "dS", 0, qemuDriverDecodeAttach, qemuDriverJudgeAttach },
    { REMOTE(DOMAIN_ATTACH_DEVICE_FLAGS), "dSu", 0, qemuDriverDecodeAttachFlags,
      qemuDriverJudgeAttach },
    { REMOTE(DOMAIN_UPDATE_DEVICE_FLAGS), "dSu", TURN_PASSES, qemuDriverDecodeAttachFlags,
      qemuDriverJudgeUpdate },
    { REMOTE(DOMAIN_DETACH_DEVICE), "dS", TURN_PASSES, qemuDriverDecodeAttach,
      qemuDriverJudgeDetach },
    { REMOTE(DOMAIN_DETACH_DEVICE_FLAGS), "dSu", TURN_PASSES, qemuDriverDecodeAttachFlags,
      qemuDriverJudgeDetach },
    { REMOTE(DOMAIN_DETACH_DEVICE_ALIAS), "dsu", TURN_PASSES, qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_SET_METADATA), "duooou", TURN_PASSES, qemuDriverDecodeSetMetadata,
      qemuDriverJudgeSetMetadata },

    { REMOTE(DOMAIN_DEFINE_XML), "S", TURN | LENIENT, qemuDriverDecodeDefine,
      qemuDriverJudgeDefine },
    { REMOTE(DOMAIN_DEFINE_XML_FLAGS), "Su", TURN | LENIENT, qemuDriverDecodeDefine,
      qemuDriverJudgeDefine },
    { REMOTE(DOMAIN_CREATE_XML), "Su", TURN | LENIENT, qemuDriverDecodeCreateXML,
      qemuDriverJudgeCreateXML },
    { REMOTE(DOMAIN_CREATE_XML_WITH_FILES), "Su", TURN | LENIENT, qemuDriverDecodeCreateXML,
      qemuDriverJudgeCreateXML },
    { REMOTE(DOMAIN_CREATE), "d", TURN | LENIENT, qemuDriverDecodeStart, qemuDriverJudgeStart },
    { REMOTE(DOMAIN_CREATE_WITH_FLAGS), "du", TURN | LENIENT, qemuDriverDecodeStart,
      qemuDriverJudgeStart },
    { REMOTE(DOMAIN_CREATE_WITH_FILES), "du", TURN | LENIENT, qemuDriverDecodeStart,
      qemuDriverJudgeStart },

    { REMOTE(DOMAIN_RESTORE_FLAGS), "sOu", LENIENT, qemuDriverDecodeRestore,
      qemuDriverJudgeRestore },
    { REMOTE(DOMAIN_RESTORE_PARAMS), "Tu", LENIENT, qemuDriverDecodeRestore,
      qemuDriverJudgeRestore },
    { REMOTE(DOMAIN_REVERT_TO_SNAPSHOT), "sdu", TURN | LENIENT, qemuDriverDecodeRevert,
      qemuDriverJudgeRevert },
    { REMOTE(DOMAIN_MIGRATE_PREPARE2), "ololS", LENIENT, qemuDriverDecodeIncoming,
      qemuDriverJudgeIncoming },
    { REMOTE(DOMAIN_MIGRATE_PREPARE3), "xololS", LENIENT, qemuDriverDecodeIncoming,
      qemuDriverJudgeIncoming },
    { REMOTE(DOMAIN_MIGRATE_PREPARE3_PARAMS), "Txu", LENIENT, qemuDriverDecodeIncoming,
      qemuDriverJudgeIncoming },
    { REMOTE(DOMAIN_MIGRATE_PREPARE_TUNNEL), "lolS", LENIENT, qemuDriverDecodeIncoming,
      qemuDriverJudgeIncoming },
    { REMOTE(DOMAIN_MIGRATE_PREPARE_TUNNEL3), "xlolS", LENIENT, qemuDriverDecodeIncoming,
      qemuDriverJudgeIncoming },
    { REMOTE(DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS), "Txu", LENIENT, qemuDriverDecodeIncoming,
      qemuDriverJudgeIncoming },

    { REMOTE(DOMAIN_MIGRATE_BEGIN3), "dOlol", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_MIGRATE_BEGIN3_PARAMS), "dTu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_MIGRATE_PERFORM3), "dOxoolol", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_MIGRATE_PERFORM3_PARAMS), "doTxu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_SAVE_FLAGS), "dsOu", 0, qemuDriverDecodeDocuments, qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_SAVE_PARAMS), "dTu", 0, qemuDriverDecodeDocuments, qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_SAVE_IMAGE_DEFINE_XML), "sSu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_MANAGED_SAVE_DEFINE_XML), "dOu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_SNAPSHOT_CREATE_XML), "dSu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(DOMAIN_CHECKPOINT_CREATE_XML), "dSu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },
    { REMOTE(CONNECT_DOMAIN_XML_TO_NATIVE), "sSu", 0, qemuDriverDecodeDocuments,
      qemuDriverJudgeDocuments },

    { REMOTE(DOMAIN_GET_XML_DESC), "du", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(DOMAIN_SAVE_IMAGE_GET_XML_DESC), "su", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(DOMAIN_MANAGED_SAVE_GET_XML_DESC), "du", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(DOMAIN_SNAPSHOT_GET_XML_DESC), "sdu", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(DOMAIN_CHECKPOINT_GET_XML_DESC), "sdu", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(CONNECT_DOMAIN_XML_FROM_NATIVE), "ssu", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(CONNECT_GET_DOMAIN_CAPABILITIES), "oooou", SHOW, qemuDriverDecodeDump, NULL },
    { REMOTE(CONNECT_GET_ALL_DOMAIN_STATS), "Duu", SHOW, qemuDriverDecodeStats, NULL },
    { REMOTE(DOMAIN_GET_MESSAGES), "du", SHOW, qemuDriverDecodeMessages, qemuDriverJudgeMessages },
};

#undef REMOTE
#undef QEMU
#undef TURN
#undef LENIENT
#undef TURN_PASSES
#undef SHOW

const qemuDriverProcedure *
qemuDriverFindProcedure(guint32 program, guint32 version, gint32 procedure)
{
    for (size_t i = 0; i < G_N_ELEMENTS(qemuDriverProcedures); i++) {
        const qemuDriverProcedure *entry = &qemuDriverProcedures[i];

        if (entry->procedure == procedure && entry->program == program &&
            entry->version == version)
            return entry;
    }
    return NULL;
}
