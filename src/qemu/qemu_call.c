/*
 * qemu_call.c: the way of one call from its arguments to what becomes of it
 *
 * A call first decides without any question, then learns which driver the connection has, then
 * takes its turn at its domain, and only then asks about the domain, so that what it learns still
 * holds when it is forwarded.  Before the driver is known nothing is refused and nothing rewritten.
 *
 * When libvirt answers a question with an error: no such domain, or not running, lets the call
 * pass, because libvirt then words its own refusal of it.  Any other error answers the client's
 * call, word for word; but what defines or starts a domain passes (QEMU_DRIVER_LENIENT), and so
 * does a call that can do without the answer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_driverpriv.h"

/* Bytes of arguments that are read late; a domain's XML has a tenth of it. */
#define QEMU_DRIVER_LARGE 65536
/* What a client may make us repeat of a name that it made up. */
#define QEMU_DRIVER_NAME_MAX 255

static void
qemuDriverNetworkFree(remoteNonnullNetwork *network)
{
    remoteNonnullNetworkClear(network);
    g_free(network);
}

static bool
qemuDriverCallDecode(qemuDriverCall *call)
{
    remoteNonnullDomainClear(&call->dom);
    if (!call->procedure->decode(call))
        return false;
    /* libvirtd looks domains up by UUID; the name only has to be there. */
    if (strlen(call->dom.name) > QEMU_DRIVER_NAME_MAX)
        call->dom.name[QEMU_DRIVER_NAME_MAX] = '\0';
    call->decoded = true;
    return true;
}

qemuDriverCall *
qemuDriverCallNew(const qemuDriverProcedure *procedure, qemuDriverConn *conn,
                  const qemuDomainSettings *settings, const guint8 *args, size_t length)
{
    qemuDriverCall *call = g_new0(qemuDriverCall, 1);

    call->procedure = procedure;
    call->conn = conn;
    call->settings = settings;
    call->args = args;
    call->length = length;
    call->facts = qemuDomainFactsNew();
    call->questions = g_ptr_array_new_with_free_func((GDestroyNotify)qemuDriverQuestionFree);
    call->asked = g_array_new(FALSE, FALSE, sizeof(guint));
    call->documents = g_ptr_array_new_with_free_func((GDestroyNotify)qemuStartDocumentFree);
    call->networks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify)qemuDriverNetworkFree);
    if (conn->libvirt)
        qemuDomainFactsAddLibvirt(call->facts, conn->libvirt);

    /* What is large is not read before it is known that it is for QEMU. */
    if (conn->type != QEMU_DRIVER_TYPE_QEMU && length > QEMU_DRIVER_LARGE) {
        call->dom.name = strdup("");
    } else if (!qemuDriverCallDecode(call)) {
        qemuDriverCallFree(call);
        return NULL;
    }
    return call;
}

void
qemuDriverCallFree(qemuDriverCall *call)
{
    if (!call)
        return;
    remoteNonnullDomainClear(&call->dom);
    qemuMonitorRawCommandClear(&call->command);
    remoteMetadataClear(&call->metadata);
    if (call->places)
        g_array_unref(call->places);
    g_ptr_array_unref(call->documents);
    g_free(call->text);
    qemuDomainFactsFree(call->facts);
    qemuDomainVerdictFree(call->verdict);
    g_ptr_array_unref(call->questions);
    g_array_unref(call->asked);
    g_hash_table_unref(call->networks);
    g_free(call->listedEmulator);
    if (call->records)
        g_ptr_array_unref(call->records);
    g_free(call->definition);
    g_free(call->forwardArgs);
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

void
qemuDriverCallSetError(qemuDriverCall *call, int code, const char *text)
{
    g_clear_pointer(&call->error, g_byte_array_unref);
    call->error = remoteEncodeError(code, code == VIR_ERR_XML_ERROR ? VIR_FROM_XML : VIR_FROM_QEMU,
                                    text);
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
        qemuDriverCallSetError(call, verdict->errorCode, verdict->errorText);
        return QEMU_DRIVER_REFUSE;
    case QEMU_DOMAIN_VERDICT_NEED:
    default:
        return QEMU_DRIVER_ASK;
    }
}

/* Another size, or for fewer halves of the domain, or NULL. */
static const qemuRedirectPlan *
qemuDriverCallGetRedirect(const qemuDriverCall *call)
{
    const qemuRedirectPlan *redirect = call->verdict ? call->verdict->redirect : NULL;

    return redirect && (redirect->memory != call->memory || redirect->flags != call->flags) ?
        redirect : NULL;
}

static bool
qemuDriverCallIsRewritten(const qemuDriverCall *call)
{
    for (guint i = 0; i < call->documents->len; i++) {
        const qemuStartDocument *document = g_ptr_array_index(call->documents, i);

        if (document->stored)
            return true;
    }
    return call->definition || call->policyOnly || qemuDriverCallGetRedirect(call);
}

static void
qemuDriverCallTakeForward(qemuDriverCall *call, gint32 procedure, guint8 *args, size_t length)
{
    call->forwardProcedure = procedure;
    call->forwardArgs = args;
    call->forwardLength = length;
}

/* The policy of the memory balloon that is to be updated, as metadata. */
static void
qemuDriverCallMakeMetadata(qemuDriverCall *call)
{
    const char *policy = qemuDriverCallGetDevice(call)->policyAttribute;
    g_autofree char *element = g_strdup_printf("<policy memballoon='%s'/>", policy);
    remoteMetadata metadata = {
        .type = VIR_DOMAIN_METADATA_ELEMENT,
        .text = strcmp(policy, "default") == 0 ? NULL : element,
        .key = (char *)"balloon",
        .uri = (char *)VB_DOMAIN_POLICY_NAMESPACE,
        .flags = call->flags & (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG),
    };
    GByteArray *args = remoteEncodeSetMetadata(&call->dom, &metadata);
    size_t length = args->len;

    qemuDriverCallTakeForward(call, REMOTE_PROC_DOMAIN_SET_METADATA, g_byte_array_free(args, FALSE),
                              length);
}

static void
qemuDriverCallMakeMemory(qemuDriverCall *call, const qemuRedirectPlan *redirect)
{
    gint32 procedure = call->procedure->procedure;
    GByteArray *args =
        remoteEncodeSetMemory(&call->dom, redirect->memory,
                              procedure == REMOTE_PROC_DOMAIN_SET_MEMORY ? NULL : &redirect->flags);
    size_t length = args->len;

    qemuDriverCallTakeForward(call, procedure, g_byte_array_free(args, FALSE), length);
}

static void
qemuDriverCallMakeDocuments(qemuDriverCall *call)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    size_t length = 0;
    guint8 *args;

    for (guint i = 0; i < call->documents->len; i++) {
        const qemuStartDocument *document = g_ptr_array_index(call->documents, i);

        g_ptr_array_add(texts, document->stored);
    }
    args = remoteArgsReplace(call->args, call->length, call->places,
                             (const char *const *)texts->pdata, &length);
    qemuDriverCallTakeForward(call, call->procedure->procedure, args, length);
}

/* Whether libvirtd would decode what is stored. */
static bool
qemuDriverCallFits(const qemuDriverCall *call)
{
    for (guint i = 0; i < call->documents->len; i++) {
        const qemuStartDocument *document = g_ptr_array_index(call->documents, i);

        if (document->stored && strlen(document->stored) > REMOTE_STRING_MAX)
            return false;
    }
    return call->forwardLength <= VB_FRAME_LENGTH_MAX - VB_FRAME_HEADER_SIZE - sizeof(guint32) &&
        (!call->definition || strlen(call->definition) <= REMOTE_STRING_MAX);
}

qemuDriverOutcome
qemuDriverCallPass(qemuDriverCall *call)
{
    size_t length = 0;

    if (call->conn->type != QEMU_DRIVER_TYPE_QEMU || !qemuDriverCallIsRewritten(call))
        return QEMU_DRIVER_PASS;

    if (call->definition) {
        guint8 *args = remoteEncodeText(call->definition, strlen(call->definition), 1, &length);

        qemuDriverCallTakeForward(call, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS, args, length);
    } else if (call->policyOnly) {
        qemuDriverCallMakeMetadata(call);
    } else if (qemuDriverCallGetRedirect(call)) {
        qemuDriverCallMakeMemory(call, qemuDriverCallGetRedirect(call));
    } else {
        qemuDriverCallMakeDocuments(call);
    }
    call->instead = call->definition || call->policyOnly;
    if (call->forwardArgs && qemuDriverCallFits(call))
        return QEMU_DRIVER_PASS;
    if (call->forwardArgs) {
        g_clear_pointer(&call->forwardArgs, g_free);
        qemuDriverCallSetError(call, VIR_ERR_XML_ERROR,
                               "the document would be larger than 4 MiB in the form in which "
                               "libvirt stores it");
        return QEMU_DRIVER_REFUSE;
    }
    qemuDriverCallSetError(call, VIR_ERR_INTERNAL_ERROR, "virtballoond: out of memory");
    return QEMU_DRIVER_REFUSE;
}

/* Whether what is to be asked may change with the domain, and so needs its turn: nobody is to wait
 * for what is asked about a network or libvirt itself. */
static bool
qemuDriverCallIsAboutDomain(const qemuDriverCall *call)
{
    for (guint i = 0; i < call->verdict->questions->len; i++) {
        const qemuDomainQuestion *question = g_ptr_array_index(call->verdict->questions, i);

        if (question->kind != QEMU_DOMAIN_QUESTION_NETWORK &&
            question->kind != QEMU_DOMAIN_QUESTION_LIBVIRT &&
            question->kind != QEMU_DOMAIN_QUESTION_EMULATOR)
            return true;
    }
    return false;
}

qemuDriverOutcome
qemuDriverCallDecide(qemuDriverCall *call)
{
    unsigned int flags = call->procedure->flags;
    qemuDriverOutcome outcome = QEMU_DRIVER_PASS;

    if (call->settled)
        return call->outcome == QEMU_DRIVER_PASS && !call->after ? qemuDriverCallPass(call) :
            call->outcome;
    if (qemuDriverCallIsChanging(call))
        return qemuDriverCallChange(call);
    if (call->after)
        return qemuDriverCallAskRecords(call);

    if (!call->decoded && call->conn->type == QEMU_DRIVER_TYPE_QEMU &&
        !qemuDriverCallDecode(call)) {
        /* libvirt words what is wrong with it. */
        qemuDriverCallSettle(call, QEMU_DRIVER_PASS);
        return QEMU_DRIVER_PASS;
    }
    if (call->decoded && call->procedure->judge)
        outcome = qemuDriverCallTakeVerdict(call, call->procedure->judge(call));
    if (call->decoded && outcome == QEMU_DRIVER_PASS &&
        !(flags & (QEMU_DRIVER_TURN | QEMU_DRIVER_SHOW)) && !qemuDriverCallIsRewritten(call) &&
        !qemuDriverCallHasChanges(call))
        return QEMU_DRIVER_PASS;

    g_ptr_array_set_size(call->questions, 0);
    g_array_set_size(call->asked, 0);
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
    if (outcome == QEMU_DRIVER_REFUSE)
        return QEMU_DRIVER_REFUSE;
    if (outcome == QEMU_DRIVER_ASK && !qemuDriverCallIsAboutDomain(call))
        return qemuDriverCallAskVerdict(call);
    if (!call->queued && call->hasUUID &&
        (outcome == QEMU_DRIVER_ASK || flags & QEMU_DRIVER_TURN)) {
        call->queued = true;
        return QEMU_DRIVER_QUEUE;
    }
    if (outcome == QEMU_DRIVER_ASK)
        return qemuDriverCallAskVerdict(call);
    return qemuDriverCallHasChanges(call) ? qemuDriverCallChange(call) : qemuDriverCallPass(call);
}

void
qemuDriverCallSettle(qemuDriverCall *call, qemuDriverOutcome outcome)
{
    call->settled = true;
    call->outcome = outcome;
}

static bool
qemuDriverCallIsLenient(const qemuDriverCall *call)
{
    switch (call->procedure->procedure) {
    case REMOTE_PROC_DOMAIN_ATTACH_DEVICE:
    case REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS:
        return true;
    default:
        return call->procedure->flags & QEMU_DRIVER_LENIENT ||
            call->command.effect == QEMU_MONITOR_RAW_DEVICE_ADD;
    }
}

/* Whether libvirt would drop what is asked for if the call just passed: an opt-out in a document
 * that is no more than a device. */
static bool
qemuDriverCallOptsOut(const qemuDriverCall *call)
{
    const qemuStartDocument *device = call->hasUUID && call->documents->len == 1 ?
        g_ptr_array_index(call->documents, 0) : NULL;

    return device && device->optsOut && call->text;
}

void
qemuDriverCallSettleUnanswered(qemuDriverCall *call, int code, const char *reason)
{
    if (call->settled)
        return;
    if (call->after || call->procedure->flags & QEMU_DRIVER_PASSES) {
        qemuDriverCallSettle(call, QEMU_DRIVER_PASS);
        return;
    }
    if (qemuDriverCallOptsOut(call)) {
        g_autofree char *text = g_strdup_printf("cannot check whether the device can be opted "
                                                "out: %s; nothing was changed", reason);

        qemuDriverCallSetError(call, code, text);
        qemuDriverCallSettle(call, QEMU_DRIVER_REFUSE);
        return;
    }
    qemuDriverCallSettle(call, qemuDriverCallTakeVerdict(
        call, qemuDomainJudgeUnanswered(call->facts, call->settings, qemuDriverCallGetName(call),
                                        code, reason, qemuDriverCallIsLenient(call))));
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

bool
qemuDriverCallGetForward(const qemuDriverCall *call, gint32 *procedure, const guint8 **args,
                         size_t *length)
{
    if (!call->forwardArgs)
        return false;
    *procedure = call->forwardProcedure;
    *args = call->forwardArgs;
    *length = call->forwardLength;
    return true;
}

bool
qemuDriverCallWantsReply(const qemuDriverCall *call)
{
    if (call->conn->type != QEMU_DRIVER_TYPE_QEMU)
        return false;
    return call->instead || call->shows;
}

bool
qemuDriverCallReplied(qemuDriverCall *call, guint32 status, const guint8 *payload, size_t length)
{
    call->after = status == VB_FRAME_OK ? qemuDriverCallHasMore(call, payload, length) :
        qemuDriverCallUndo(call);
    return call->after;
}

guint8 *
qemuDriverCallEditReply(const qemuDriverCall *call, guint32 status, const guint8 *payload,
                        size_t length, size_t *newLength)
{
    if (status != VB_FRAME_OK)
        return NULL;
    if (call->instead) {
        /* What was asked for answers nothing. */
        *newLength = 0;
        return g_malloc0(1);
    }
    return call->shows && payload ? qemuDriverCallShow(call, payload, length, newLength) : NULL;
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
