/*
 * qemu_question.c: the questions of a call, as calls of libvirt's protocol, and their answers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "network_conf.h"
#include "qemu_capabilities.h"
#include "qemu_driverpriv.h"
#include "qemu_state.h"

void
qemuDriverQuestionFree(qemuDriverQuestion *question)
{
    if (question->args)
        g_byte_array_unref(question->args);
    g_free(question->emulator);
    g_free(question);
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
                          remoteEncodeDomainString(dom, question->command, 0));
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

qemuDriverOutcome
qemuDriverCallAskVerdict(qemuDriverCall *call)
{
    for (guint i = 0; i < call->verdict->questions->len; i++) {
        qemuDriverCallAskDomain(call, g_ptr_array_index(call->verdict->questions, i));
        g_array_append_val(call->asked, i);
    }
    return QEMU_DRIVER_ASK;
}

/* The XML of every domain in the reply, once. */
qemuDriverOutcome
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

const GPtrArray *
qemuDriverCallGetQuestions(const qemuDriverCall *call)
{
    return call->questions;
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
    vbDomainDef *def;
    const char *text;
    size_t size = 0;
    gint32 number = 0;
    guint64 version = 0;

    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
        text = remoteDecodeString(payload, length, &size);
        def = text ? qemuDriverRecentParse(call->conn->recent, text, size) : NULL;
        if (!def)
            return false;
        qemuDomainFactsAddDef(call->facts, question->kind == QEMU_DOMAIN_QUESTION_XML_INACTIVE,
                              def);
        return true;
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
    vbDomainDef *def = text ? qemuDriverRecentParse(call->conn->recent, text, size) : NULL;

    if (def)
        qemuStateAddStats(g_ptr_array_index(call->records, question), def, call->settings);
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
    if (qemuDriverCallIsChanging(call)) {
        qemuDriverCallAnswerChange(call, status, payload, length);
        return;
    }
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
