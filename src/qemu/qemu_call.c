/*
 * qemu_call.c: the way of one call from its arguments to what becomes of it
 *
 * A call first decides without any question, then learns which driver the connection has, then
 * takes its turn at its domain, and only then asks about the domain, so that what it learns still
 * holds when it is forwarded.  Before the driver is known nothing is refused and nothing rewritten.
 *
 * When libvirt answers a question with an error: no such domain, or not running, lets the call
 * pass, because libvirt then words its own refusal of it.  Any other error answers the client's
 * call, word for word; but what defines or starts a domain passes (QEMU_DRIVER_LENIENT), and so does
 * a call that can do without the answer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_capabilities.h"
#include "qemu_driverpriv.h"
#include "qemu_state.h"
#include "vbxml.h"

/* What a client may make us repeat of a name that it made up. */
#define QEMU_DRIVER_NAME_MAX 255
/* Bytes of an error of libvirt's that answers a call; a sentence has a few hundred. */
#define QEMU_DRIVER_ERROR_MAX 65536

static void
qemuDriverQuestionFree(qemuDriverQuestion *question)
{
    if (question->args)
        g_byte_array_unref(question->args);
    g_free(question->emulator);
    g_free(question);
}

static void
qemuDriverNetworkFree(remoteNonnullNetwork *network)
{
    remoteNonnullNetworkClear(network);
    g_free(network);
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

    if (!procedure->decode(call)) {
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

static qemuDriverQuestion *
qemuDriverCallAddQuestion(qemuDriverCall *call)
{
    qemuDriverQuestion *question = g_new0(qemuDriverQuestion, 1);

    g_ptr_array_add(call->questions, question);
    return question;
}

void
qemuDriverCallAsk(qemuDriverCall *call, guint32 program, gint32 procedure, GByteArray *args)
{
    qemuDriverQuestion *question = qemuDriverCallAddQuestion(call);

    question->program = program;
    question->procedure = procedure;
    question->args = args;
}

/* libvirtd looks a network up by its UUID, so a name takes two rounds. */
static void
qemuDriverCallAskNetwork(qemuDriverCall *call, const char *name)
{
    const remoteNonnullNetwork *network = g_hash_table_lookup(call->networks, name);
    size_t size = 0;
    guint8 *bytes;

    if (network) {
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_NETWORK_GET_XML_DESC,
                          remoteEncodeNetworkFlags(network, 0));
        return;
    }
    bytes = remoteEncodeText(name, strlen(name), 0, &size);
    qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_NETWORK_LOOKUP_BY_NAME,
                      bytes ? g_byte_array_new_take(bytes, size) : g_byte_array_new());
}

/* Whether libvirt itself would run the binary, and then what that binary says. */
static void
qemuDriverCallAskEmulator(qemuDriverCall *call, const char *path)
{
    if (g_strcmp0(call->listedEmulator, path) == 0)
        qemuDriverCallAddQuestion(call)->emulator = g_strdup(path);
    else
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_CAPABILITIES,
                          g_byte_array_new());
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
    case QEMU_DOMAIN_QUESTION_DEFINITION:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC,
                          remoteEncodeDomainFlags(dom, VIR_DOMAIN_XML_INACTIVE |
                                                  VIR_DOMAIN_XML_SECURE));
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
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE,
                          remoteEncodeDomainFlags(dom, 0));
        break;
    case QEMU_DOMAIN_QUESTION_IMAGE:
        qemuDriverCallAskImage(call);
        break;
    case QEMU_DOMAIN_QUESTION_NETWORK:
        qemuDriverCallAskNetwork(call, question->name);
        break;
    case QEMU_DOMAIN_QUESTION_LIBVIRT:
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_LIB_VERSION,
                          g_byte_array_new());
        break;
    case QEMU_DOMAIN_QUESTION_EMULATOR:
        qemuDriverCallAskEmulator(call, question->name);
        break;
    default:
        g_assert_not_reached();
    }
}

static void
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

static bool
qemuDriverCallIsRewritten(const qemuDriverCall *call)
{
    for (guint i = 0; i < call->documents->len; i++) {
        const qemuStartDocument *document = g_ptr_array_index(call->documents, i);

        if (document->stored)
            return true;
    }
    return call->definition || call->policyOnly;
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
    return !call->definition || strlen(call->definition) <= REMOTE_STRING_MAX;
}

/* The outcome where a call is to be forwarded. */
static qemuDriverOutcome
qemuDriverCallPass(qemuDriverCall *call)
{
    size_t length = 0;
    guint8 *args;

    if (call->conn->type != QEMU_DRIVER_TYPE_QEMU || !qemuDriverCallIsRewritten(call))
        return QEMU_DRIVER_PASS;

    if (call->definition) {
        args = remoteEncodeText(call->definition, strlen(call->definition), 1, &length);
        qemuDriverCallTakeForward(call, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS, args, length);
    } else if (call->policyOnly) {
        qemuDriverCallMakeMetadata(call);
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

static qemuDriverOutcome
qemuDriverCallAskVerdict(qemuDriverCall *call)
{
    for (guint i = 0; i < call->verdict->questions->len; i++) {
        qemuDriverCallAskDomain(call, g_ptr_array_index(call->verdict->questions, i));
        g_array_append_val(call->asked, i);
    }
    return QEMU_DRIVER_ASK;
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

/* The XML of every domain in the reply, once. */
static qemuDriverOutcome
qemuDriverCallAskRecords(qemuDriverCall *call)
{
    if (call->asking)
        return QEMU_DRIVER_PASS;
    call->asking = true;
    g_ptr_array_set_size(call->questions, 0);
    for (guint i = 0; i < call->records->len; i++) {
        const remoteStatsRecord *record = g_ptr_array_index(call->records, i);

        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_GET_XML_DESC,
                          remoteEncodeDomainFlags(&record->dom, 0));
    }
    return QEMU_DRIVER_ASK;
}

qemuDriverOutcome
qemuDriverCallDecide(qemuDriverCall *call)
{
    unsigned int flags = call->procedure->flags;
    qemuDriverOutcome outcome = QEMU_DRIVER_PASS;

    if (call->settled)
        return call->outcome == QEMU_DRIVER_PASS && !call->after ? qemuDriverCallPass(call) :
            call->outcome;
    if (call->after)
        return qemuDriverCallAskRecords(call);

    if (call->procedure->judge)
        outcome = qemuDriverCallTakeVerdict(call, call->procedure->judge(call));
    if (outcome == QEMU_DRIVER_PASS && !(flags & (QEMU_DRIVER_TURN | QEMU_DRIVER_SHOW)) &&
        !qemuDriverCallIsRewritten(call))
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
    return outcome == QEMU_DRIVER_ASK ? qemuDriverCallAskVerdict(call) : qemuDriverCallPass(call);
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

static void
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

/* What libvirt would not tell and the call can do without. Returns false for what it needs. */
static bool
qemuDriverCallDoWithout(qemuDriverCall *call, const qemuDomainQuestion *question, gint32 code)
{
    static const char *const noMessages[] = { NULL };

    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_MESSAGES:
        /* Unknown procedure: libvirt before 7.1. */
        if (code == VIR_ERR_RPC)
            qemuDomainFactsAddMessages(call->facts, noMessages);
        return code == VIR_ERR_RPC;
    case QEMU_DOMAIN_QUESTION_NETWORK:
        /* There is no such network, or (virtqemud) nobody here who knows of networks. */
        if (code != VIR_ERR_NO_NETWORK && code != VIR_ERR_NO_SUPPORT)
            return false;
        qemuDomainFactsAddNetwork(call->facts, question->name, false);
        return true;
    case QEMU_DOMAIN_QUESTION_IMAGE:
        qemuDomainFactsAddImage(call->facts, NULL);
        return true;
    case QEMU_DOMAIN_QUESTION_EMULATOR:
        qemuDomainFactsAddEmulator(call->facts, question->name, true);
        return true;
    case QEMU_DOMAIN_QUESTION_XML:
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
    case QEMU_DOMAIN_QUESTION_DEFINITION:
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
    case QEMU_DOMAIN_QUESTION_MONITOR:
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
    case QEMU_DOMAIN_QUESTION_LIBVIRT:
    default:
        return false;
    }
}

static void
qemuDriverCallAnswerError(qemuDriverCall *call, const qemuDomainQuestion *question,
                          const guint8 *payload, size_t length)
{
    gint32 code = 0;
    gint32 domain = 0;

    if (length > QEMU_DRIVER_ERROR_MAX || !remoteDecodeError(payload, length, &code, &domain)) {
        qemuDriverCallSettleUnanswered(call, VIR_ERR_INTERNAL_ERROR,
                                       "libvirt's answer cannot be read");
        return;
    }
    if (question && qemuDriverCallDoWithout(call, question, code))
        return;

    g_clear_pointer(&call->verdict, qemuDomainVerdictFree);
    if (call->procedure->flags & QEMU_DRIVER_LENIENT || code == VIR_ERR_NO_DOMAIN ||
        (code == VIR_ERR_OPERATION_INVALID && domain == VIR_FROM_DOMAIN)) {
        qemuDriverCallSettle(call, QEMU_DRIVER_PASS);
        return;
    }
    g_clear_pointer(&call->error, g_byte_array_unref);
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

/* The network's identity first, and then its XML. */
static bool
qemuDriverCallAnswerNetwork(qemuDriverCall *call, const char *name, const guint8 *payload,
                            size_t length)
{
    size_t size = 0;
    const char *text;

    if (!g_hash_table_contains(call->networks, name)) {
        remoteNonnullNetwork *network = g_new0(remoteNonnullNetwork, 1);
        bool ok = remoteDecodeNetwork(payload, length, network);

        g_hash_table_insert(call->networks, g_strdup(name), network);
        if (!ok)
            qemuDomainFactsAddNetwork(call->facts, name, false);
        return true;
    }
    text = remoteDecodeString(payload, length, &size);
    qemuDomainFactsAddNetwork(call->facts, name, text && vbNetworkIsHostdev(text, size));
    return true;
}

static bool
qemuDriverCallAnswerCapabilities(qemuDriverCall *call, const char *path, const guint8 *payload,
                                 size_t length)
{
    size_t size = 0;
    const char *text = remoteDecodeString(payload, length, &size);

    g_clear_pointer(&call->listedEmulator, g_free);
    if (text && qemuCapsListsEmulator(text, size, path))
        call->listedEmulator = g_strdup(path);
    else
        qemuDomainFactsAddEmulator(call->facts, path, true);
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
    guint64 version = 0;

    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
        text = remoteDecodeString(payload, length, &size);
        return text &&
            qemuDomainFactsAddXML(call->facts,
                                  question->kind == QEMU_DOMAIN_QUESTION_XML_INACTIVE,
                                  text, size, NULL);
    case QEMU_DOMAIN_QUESTION_DEFINITION:
        text = remoteDecodeString(payload, length, &size);
        if (text)
            qemuDomainFactsAddDefinition(call->facts, g_strndup(text, size));
        return text;
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
        if (!remoteDecodeInt(payload, length, &number))
            return false;
        qemuDomainFactsAddPersistent(call->facts, number != 0);
        return true;
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
        if (!remoteDecodeInt(payload, length, &number))
            return false;
        qemuDomainFactsAddManagedSave(call->facts, number != 0);
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
    case QEMU_DOMAIN_QUESTION_IMAGE:
        text = remoteDecodeString(payload, length, &size);
        qemuDomainFactsAddImage(call->facts, text ? qemuStartParseImage(text, size) : NULL);
        return true;
    case QEMU_DOMAIN_QUESTION_NETWORK:
        return qemuDriverCallAnswerNetwork(call, question->name, payload, length);
    case QEMU_DOMAIN_QUESTION_LIBVIRT:
        if (!remoteDecodeHyper(payload, length, &version))
            return false;
        call->conn->libvirt = version;
        qemuDomainFactsAddLibvirt(call->facts, version);
        return true;
    case QEMU_DOMAIN_QUESTION_EMULATOR:
        return qemuDriverCallAnswerCapabilities(call, question->name, payload, length);
    default:
        return false;
    }
}

static void
qemuDriverCallAnswerRecord(qemuDriverCall *call, guint question, const guint8 *payload,
                           size_t length)
{
    size_t size = 0;
    const char *text = remoteDecodeString(payload, length, &size);

    if (text)
        qemuStateAddStats(g_ptr_array_index(call->records, question), text, size, call->settings);
}

static const qemuDomainQuestion *
qemuDriverCallGetAsked(const qemuDriverCall *call, guint question)
{
    if (call->askedType)
        return NULL;
    return g_ptr_array_index(call->verdict->questions,
                             g_array_index(call->asked, guint, question));
}

void
qemuDriverCallAnswer(qemuDriverCall *call, guint question, guint32 status, const guint8 *payload,
                     size_t length)
{
    const qemuDomainQuestion *asked = NULL;
    bool ok;

    if (call->settled)
        return;
    if (call->records) {
        /* A domain that has gone meanwhile shows nothing. */
        if (payload && status == VB_FRAME_OK)
            qemuDriverCallAnswerRecord(call, question, payload, length);
        return;
    }
    asked = qemuDriverCallGetAsked(call, question);

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

void
qemuDriverCallAnswerEmulator(qemuDriverCall *call, guint question, bool hasProperty)
{
    const qemuDriverQuestion *asked = g_ptr_array_index(call->questions, question);

    if (!call->settled)
        qemuDomainFactsAddEmulator(call->facts, asked->emulator, hasProperty);
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
    call->after = status == VB_FRAME_OK && qemuDriverCallHasMore(call, payload, length);
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
