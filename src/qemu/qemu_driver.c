/*
 * qemu_driver.c: the procedures of libvirt's protocol that are not simply relayed
 *
 * A call first decides without any question, then learns which driver the connection has, then
 * takes its turn at its domain, and only then asks about the domain, so that what it learns still
 * holds when it is forwarded.
 *
 * Some calls are not judged at all but take their turn, so that what is judged meanwhile does not
 * change under a verdict: what starts the domain, detaches or updates a device, or sets metadata.
 * What ends a domain does not wait: it may be what frees a call that hangs.
 *
 * When libvirt answers a question with an error: no such domain, or not running, lets the call
 * pass, because libvirt then words its own refusal of it.  Any other error answers the client's
 * call, word for word.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_driver.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "vberror.h"

/* What a client may make us repeat of a name that it made up. */
#define QEMU_DRIVER_NAME_MAX 255
/* Bytes of an error of libvirt's that answers a call; a sentence has a few hundred. */
#define QEMU_DRIVER_ERROR_MAX 65536

struct _qemuDriverCall {
    const qemuDriverProcedure *procedure;
    qemuDriverConn *conn;
    const qemuDomainSettings *settings;

    remoteNonnullDomain dom;
    guint64 memory; /* KiB */
    guint32 flags;
    qemuMonitorRawCommand command;
    vbDomainDef *device; /* what is attached; NULL if only libvirt can read it */

    qemuDomainFacts *facts;
    qemuDomainVerdict *verdict; /* the last one */
    GPtrArray *questions;       /* of qemuDriverQuestion, as verdict->questions has them */
    bool askedType;             /* the only question is the connection's type */
    bool queued;

    bool settled; /* the outcome is fixed, whatever the policy would say */
    qemuDriverOutcome outcome;
    GByteArray *error;
};

static bool
qemuDriverDecodeSetMemory(qemuDriverCall *call, const guint8 *args, size_t length)
{
    call->flags = VIR_DOMAIN_MEM_LIVE;
    return remoteDecodeSetMemory(args, length, &call->dom, &call->memory, NULL);
}

static bool
qemuDriverDecodeSetMemoryFlags(qemuDriverCall *call, const guint8 *args, size_t length)
{
    return remoteDecodeSetMemory(args, length, &call->dom, &call->memory, &call->flags);
}

static qemuDomainVerdict *
qemuDriverJudgeSetMemory(const qemuDriverCall *call)
{
    return qemuDomainJudgeSetMemory(call->facts, call->settings, call->memory, call->flags);
}

static bool
qemuDriverDecodeMonitorCommand(qemuDriverCall *call, const guint8 *args, size_t length)
{
    char *text = NULL;
    bool ok = remoteDecodeDomainString(args, length, &call->dom, &text, &call->flags);

    if (ok)
        qemuMonitorRawParse(text, call->flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP,
                            &call->command);
    free(text);
    return ok;
}

static qemuDomainVerdict *
qemuDriverJudgeMonitorCommand(const qemuDriverCall *call)
{
    return qemuDomainJudgeMonitorCommand(call->facts, call->settings, &call->command);
}

/* libvirt words the error of XML that is none; a document type it would read, and we do not. */
static bool
qemuDriverDecodeDevice(qemuDriverCall *call, const guint8 *args, size_t length, guint32 *flags)
{
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    bool ok = remoteDecodeDomainString(args, length, &call->dom, &text, flags);

    if (ok) {
        call->device = vbDomainDefParseDeviceString(text, strlen(text), &error);
        ok = call->device || g_error_matches(error, VB_ERROR, VB_ERROR_DOCTYPE);
    }
    free(text);
    return ok;
}

static bool
qemuDriverDecodeAttach(qemuDriverCall *call, const guint8 *args, size_t length)
{
    call->flags = VIR_DOMAIN_DEVICE_MODIFY_LIVE;
    return qemuDriverDecodeDevice(call, args, length, NULL);
}

static bool
qemuDriverDecodeAttachFlags(qemuDriverCall *call, const guint8 *args, size_t length)
{
    return qemuDriverDecodeDevice(call, args, length, &call->flags);
}

static qemuDomainVerdict *
qemuDriverJudgeAttach(const qemuDriverCall *call)
{
    return qemuDomainJudgeAttach(call->facts, call->settings, call->device, call->flags);
}

static bool
qemuDriverDecodeDomain(qemuDriverCall *call, const guint8 *args, size_t length)
{
    return remoteDecodeDomain(args, length, &call->dom);
}

#define REMOTE(name) REMOTE_PROGRAM, REMOTE_PROTOCOL_VERSION, REMOTE_PROC_ ## name
#define QEMU(name) QEMU_PROGRAM, QEMU_PROTOCOL_VERSION, QEMU_PROC_ ## name

static const qemuDriverProcedure qemuDriverProcedures[] = {
    { REMOTE(DOMAIN_SET_MEMORY), "dl", qemuDriverDecodeSetMemory, qemuDriverJudgeSetMemory },
    { REMOTE(DOMAIN_SET_MEMORY_FLAGS), "dlu", qemuDriverDecodeSetMemoryFlags,
      qemuDriverJudgeSetMemory },
    { REMOTE(DOMAIN_ATTACH_DEVICE), "ds", qemuDriverDecodeAttach, qemuDriverJudgeAttach },
    { REMOTE(DOMAIN_ATTACH_DEVICE_FLAGS), "dsu", qemuDriverDecodeAttachFlags,
      qemuDriverJudgeAttach },
    { QEMU(DOMAIN_MONITOR_COMMAND), "dsu", qemuDriverDecodeMonitorCommand,
      qemuDriverJudgeMonitorCommand },
    { QEMU(DOMAIN_MONITOR_COMMAND_WITH_FILES), "dsu", qemuDriverDecodeMonitorCommand,
      qemuDriverJudgeMonitorCommand },
    { REMOTE(DOMAIN_CREATE), "d", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_CREATE_WITH_FLAGS), "du", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_CREATE_WITH_FILES), "du", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_DETACH_DEVICE), "ds", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_DETACH_DEVICE_FLAGS), "dsu", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_DETACH_DEVICE_ALIAS), "dsu", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_UPDATE_DEVICE_FLAGS), "dsu", qemuDriverDecodeDomain, NULL },
    { REMOTE(DOMAIN_SET_METADATA), "duooou", qemuDriverDecodeDomain, NULL },
};

#undef REMOTE
#undef QEMU

const qemuDriverProcedure *
qemuDriverFindProcedure(guint32 program, guint32 version, gint32 procedure)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qemuDriverProcedures); i++) {
        const qemuDriverProcedure *entry = &qemuDriverProcedures[i];

        if (entry->procedure == procedure && entry->program == program &&
            entry->version == version)
            return entry;
    }
    return NULL;
}

static void
qemuDriverQuestionFree(qemuDriverQuestion *question)
{
    g_byte_array_unref(question->args);
    g_free(question);
}

qemuDriverCall *
qemuDriverCallNew(const qemuDriverProcedure *procedure, qemuDriverConn *conn,
                  const qemuDomainSettings *settings, const guint8 *args, size_t length)
{
    qemuDriverCall *call = g_new0(qemuDriverCall, 1);

    call->procedure = procedure;
    call->conn = conn;
    call->settings = settings;
    call->facts = qemuDomainFactsNew();
    call->questions = g_ptr_array_new_with_free_func((GDestroyNotify)qemuDriverQuestionFree);

    if (!procedure->decode(call, args, length)) {
        qemuDriverCallFree(call);
        return NULL;
    }
    /* libvirtd looks domains up by UUID; the name only has to be there. */
    if (strlen(call->dom.name) > QEMU_DRIVER_NAME_MAX)
        call->dom.name[QEMU_DRIVER_NAME_MAX] = '\0';
    return call;
}

void
qemuDriverCallFree(qemuDriverCall *call)
{
    if (!call)
        return;
    remoteNonnullDomainClear(&call->dom);
    qemuMonitorRawCommandClear(&call->command);
    vbDomainDefFree(call->device);
    qemuDomainFactsFree(call->facts);
    qemuDomainVerdictFree(call->verdict);
    g_ptr_array_unref(call->questions);
    if (call->error)
        g_byte_array_unref(call->error);
    g_free(call);
}

const char *
qemuDriverCallGetName(const qemuDriverCall *call)
{
    const char *name = qemuDomainFactsGetName(call->facts);

    return name ? name : call->dom.name;
}

const guint8 *
qemuDriverCallGetUUID(const qemuDriverCall *call)
{
    return call->dom.uuid;
}

static void
qemuDriverCallAsk(qemuDriverCall *call, guint32 program, gint32 procedure, GByteArray *args)
{
    qemuDriverQuestion *question = g_new0(qemuDriverQuestion, 1);

    question->program = program;
    question->procedure = procedure;
    question->args = args;
    g_ptr_array_add(call->questions, question);
}

static void
qemuDriverCallAskDomain(qemuDriverCall *call, const qemuDomainQuestion *question)
{
    const remoteNonnullDomain *dom = &call->dom;

    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC,
                          remoteEncodeDomainFlags(dom, 0));
        break;
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC,
                          remoteEncodeDomainFlags(dom, VIR_DOMAIN_XML_INACTIVE));
        break;
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_IS_PERSISTENT,
                          remoteEncodeDomain(dom));
        break;
    case QEMU_DOMAIN_QUESTION_MESSAGES:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_MESSAGES,
                          remoteEncodeDomainFlags(dom, 0));
        break;
    case QEMU_DOMAIN_QUESTION_MONITOR:
        qemuDriverCallAsk(call, QEMU_PROGRAM, QEMU_PROC_DOMAIN_MONITOR_COMMAND,
                          remoteEncodeMonitorCommand(dom, question->command, 0));
        break;
    default:
        g_assert_not_reached();
    }
}

/* Takes @verdict. */
static qemuDriverOutcome
qemuDriverCallTakeVerdict(qemuDriverCall *call, qemuDomainVerdict *verdict)
{
    qemuDomainVerdictFree(call->verdict);
    call->verdict = verdict;

    switch (verdict->action) {
    case QEMU_DOMAIN_VERDICT_PASS:
        return QEMU_DRIVER_PASS;
    case QEMU_DOMAIN_VERDICT_REFUSE:
        g_clear_pointer(&call->error, g_byte_array_unref);
        call->error = remoteEncodeError(verdict->errorCode, VIR_FROM_QEMU, verdict->errorText);
        return QEMU_DRIVER_REFUSE;
    case QEMU_DOMAIN_VERDICT_NEED:
    default:
        return QEMU_DRIVER_ASK;
    }
}

qemuDriverOutcome
qemuDriverCallDecide(qemuDriverCall *call)
{
    qemuDriverOutcome outcome;
    guint i;

    if (call->settled)
        return call->outcome;

    if (call->procedure->judge) {
        outcome = qemuDriverCallTakeVerdict(call, call->procedure->judge(call));
        if (outcome != QEMU_DRIVER_ASK)
            return outcome;
    }

    g_ptr_array_set_size(call->questions, 0);
    switch (call->conn->type) {
    case QEMU_DRIVER_TYPE_UNKNOWN:
        call->askedType = true;
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE, g_byte_array_new());
        return QEMU_DRIVER_ASK;
    case QEMU_DRIVER_TYPE_OTHER:
        return QEMU_DRIVER_PASS;
    case QEMU_DRIVER_TYPE_QEMU:
    default:
        break;
    }

    call->askedType = false;
    if (!call->queued) {
        call->queued = true;
        return QEMU_DRIVER_QUEUE;
    }
    if (!call->procedure->judge)
        return QEMU_DRIVER_PASS;
    for (i = 0; i < call->verdict->questions->len; i++)
        qemuDriverCallAskDomain(call, g_ptr_array_index(call->verdict->questions, i));
    return QEMU_DRIVER_ASK;
}

const GPtrArray *
qemuDriverCallGetQuestions(const qemuDriverCall *call)
{
    return call->questions;
}

static void
qemuDriverCallSettle(qemuDriverCall *call, qemuDriverOutcome outcome)
{
    call->settled = true;
    call->outcome = outcome;
}

static bool
qemuDriverCallIsAttach(const qemuDriverCall *call)
{
    return call->procedure->judge == qemuDriverJudgeAttach ||
        call->command.effect == QEMU_MONITOR_RAW_DEVICE_ADD;
}

static void
qemuDriverCallSettleUnanswered(qemuDriverCall *call, int code, const char *reason)
{
    if (call->settled)
        return;
    if (!call->procedure->judge) {
        qemuDriverCallSettle(call, QEMU_DRIVER_PASS);
        return;
    }
    qemuDriverCallSettle(call, qemuDriverCallTakeVerdict(
        call, qemuDomainJudgeUnanswered(call->facts, call->settings, qemuDriverCallGetName(call),
                                        code, reason, qemuDriverCallIsAttach(call))));
}

static void
qemuDriverCallAnswerError(qemuDriverCall *call, const qemuDomainQuestion *question,
                          const guint8 *payload, size_t length)
{
    static const char *const noMessages[] = { NULL };
    gint32 code = 0;
    gint32 domain = 0;

    if (length > QEMU_DRIVER_ERROR_MAX || !remoteDecodeError(payload, length, &code, &domain)) {
        qemuDriverCallSettleUnanswered(call, VIR_ERR_INTERNAL_ERROR,
                                       "libvirt's answer cannot be read");
        return;
    }

    if (question && question->kind == QEMU_DOMAIN_QUESTION_MESSAGES && code == VIR_ERR_RPC) {
        /* Unknown procedure: libvirt before 7.1. */
        qemuDomainFactsAddMessages(call->facts, noMessages);
        return;
    }
    if (code == VIR_ERR_NO_DOMAIN ||
        (code == VIR_ERR_OPERATION_INVALID && domain == VIR_FROM_DOMAIN)) {
        g_clear_pointer(&call->verdict, qemuDomainVerdictFree);
        qemuDriverCallSettle(call, QEMU_DRIVER_PASS);
        return;
    }
    g_clear_pointer(&call->verdict, qemuDomainVerdictFree);
    call->error = g_byte_array_new();
    g_byte_array_append(call->error, payload, (guint)length);
    qemuDriverCallSettle(call, QEMU_DRIVER_REFUSE);
}

static bool
qemuDriverCallAnswerType(qemuDriverCall *call, const guint8 *payload, size_t length)
{
    size_t size = 0;
    const char *type = remoteDecodeString(payload, length, &size);

    if (!type)
        return false;
    call->conn->type = QEMU_DRIVER_TYPE_OTHER;
    if (size == strlen("QEMU") && memcmp(type, "QEMU", size) == 0)
        call->conn->type = QEMU_DRIVER_TYPE_QEMU;
    return true;
}

/* Returns false if @payload is no answer to @question. */
static bool
qemuDriverCallAnswerDomain(qemuDriverCall *call, const qemuDomainQuestion *question,
                           const guint8 *payload, size_t length)
{
    g_auto(GStrv) messages = NULL;
    g_autofree char *reply = NULL;
    const char *text;
    size_t size = 0;
    gint32 number = 0;

    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
        text = remoteDecodeString(payload, length, &size);
        return text &&
            qemuDomainFactsAddXML(call->facts,
                                  question->kind == QEMU_DOMAIN_QUESTION_XML_INACTIVE,
                                  text, size, NULL);
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
        if (!remoteDecodeInt(payload, length, &number))
            return false;
        qemuDomainFactsAddPersistent(call->facts, number != 0);
        return true;
    case QEMU_DOMAIN_QUESTION_MESSAGES:
        messages = remoteDecodeMessages(payload, length);
        if (!messages)
            return false;
        qemuDomainFactsAddMessages(call->facts, (const char *const *)messages);
        return true;
    case QEMU_DOMAIN_QUESTION_MONITOR:
        text = remoteDecodeString(payload, length, &size);
        if (!text)
            return false;
        reply = g_strndup(text, size);
        qemuDomainFactsAddMonitorReply(call->facts, question->command, reply);
        return true;
    default:
        return false;
    }
}

void
qemuDriverCallAnswer(qemuDriverCall *call, guint question, guint32 status, const guint8 *payload,
                     size_t length)
{
    const qemuDomainQuestion *asked = NULL;
    bool ok;

    if (call->settled)
        return;
    if (!call->askedType)
        asked = g_ptr_array_index(call->verdict->questions, question);

    if (payload && status == VB_FRAME_ERROR) {
        qemuDriverCallAnswerError(call, asked, payload, length);
        return;
    }
    if (!payload || status != VB_FRAME_OK)
        ok = false;
    else if (call->askedType)
        ok = qemuDriverCallAnswerType(call, payload, length);
    else
        ok = qemuDriverCallAnswerDomain(call, asked, payload, length);
    if (!ok)
        qemuDriverCallSettleUnanswered(call, VIR_ERR_INTERNAL_ERROR,
                                       "libvirt's answer cannot be read");
}

bool
qemuDriverCallIsSettled(const qemuDriverCall *call)
{
    return call->settled;
}

void
qemuDriverCallExpire(qemuDriverCall *call, const char *reason)
{
    qemuDriverCallSettleUnanswered(call, VIR_ERR_OPERATION_TIMEOUT, reason);
}

const GByteArray *
qemuDriverCallGetError(const qemuDriverCall *call)
{
    return call->error;
}

const qemuDomainVerdict *
qemuDriverCallGetVerdict(const qemuDriverCall *call)
{
    return call->verdict;
}
