/*
 * fuzz_driver.c: the whole way of a call, from its arguments to a verdict and to what is shown
 *
 * Input: FUZZ_WORDS bytes of settings and of a size, then texts, parted by FUZZ_SEPARATOR: the
 * call's own XML, command or name, of which arguments are made; the domain's XML; the same for its
 * next start; libvirt's messages, a line each; a network's XML; and answers of QEMU's monitor, of
 * which each question gets the next one.  Or, by the last of the settings, the rest is arguments as
 * they are, and there are no texts.
 *
 * What must hold, by a reading of the XML of its own that abstains where it is not sure:
 *  - where an assigned PCI device inhibits ballooning and the policy is 'block', nothing that takes
 *    memory from the running guest passes, and neither does the first such device for an inflated
 *    guest that asks for 'block' itself;
 *  - where nothing can inhibit it, and where nothing is taken, no setmem is refused;
 *  - an answer that cannot be had lets nothing of that pass, either;
 *  - a refusal is an error that clients can read, what is forwarded is arguments, and both come
 *    soon.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "fuzz_xml.h"
#include "qemu_driver.h"

#define FUZZ_WORDS 10
#define FUZZ_SEPARATOR 0x1e
#define FUZZ_TEXTS 16
/* More rounds of questions than any call has: its type, its turn, the domain, two about networks,
 * capabilities and binary, and three of the monitor's. */
#define FUZZ_ROUNDS 16
/* Devices of both halves, forth and back, and the balloon. */
#define FUZZ_CHANGES_MAX (2 * 2 * 256 + 4)
#define FUZZ_PROCEDURES 64
#define FUZZ_EMULATOR "/usr/bin/qemu-system-x86_64"

enum { FUZZ_ARGUMENT, FUZZ_LIVE, FUZZ_NEXT, FUZZ_MESSAGES, FUZZ_NETWORK, FUZZ_MONITOR };

typedef enum {
    FUZZ_FAULT_NONE,
    FUZZ_FAULT_GONE,    /* there is no such domain */
    FUZZ_FAULT_ERROR,
    FUZZ_FAULT_LARGE,
    FUZZ_FAULT_GARBAGE,
    FUZZ_FAULT_LATE,
    FUZZ_FAULT_COUNT,
} fuzzFault;

typedef struct {
    const qemuDriverProcedure *procedure;
    qemuDomainSettings settings;
    qemuDriverConn conn;
    bool test;           /* what libvirt says the connection's driver is */
    guint32 flags;
    guint64 memory;      /* KiB */
    guint32 facts;       /* bits: what else libvirt answers */
    fuzzFault fault;
    guint faulty;        /* which question has it */
    bool failed;         /* it was asked */
    guint asked;
    guint changes;
    guint monitor;
    char *texts[FUZZ_TEXTS];
    guint count;
} fuzzState;

/* What the domain's XML says, if it says it so plainly that there is nothing to interpret. */
typedef struct {
    bool plain;
    bool pci;            /* an assigned PCI device, and nothing else */
    unsigned long long memory;
    unsigned long long current;
    int policy;          /* vbDomainBalloonPolicy; -1: written in some other way */
} fuzzReading;

static const qemuDriverProcedure *fuzzProcedures[FUZZ_PROCEDURES];
static guint fuzzProcedureCount;

static void
fuzzFindProcedures(void)
{
    for (gint32 number = 0; number < 1000; number++) {
        for (guint32 program = REMOTE_PROGRAM; program <= QEMU_PROGRAM; program++) {
            const qemuDriverProcedure *found = qemuDriverFindProcedure(program, 1, number);

            CHECK(fuzzProcedureCount < FUZZ_PROCEDURES);
            if (found)
                fuzzProcedures[fuzzProcedureCount++] = found;
        }
    }
    CHECK(fuzzProcedureCount > 40);
}

/* Arguments */

static void
fuzzPutWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

static void
fuzzPutText(GByteArray *bytes, const char *text)
{
    static const guint8 zeros[4] = { 0 };
    size_t length = strlen(text);

    fuzzPutWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    g_byte_array_append(bytes, zeros, (guint)((4 - length % 4) % 4));
}

static void
fuzzPutDomain(GByteArray *bytes)
{
    static const guint8 uuid[16] = { 0xd9, 0x72, 0x6b, 0x48 };

    fuzzPutText(bytes, "guest");
    g_byte_array_append(bytes, uuid, sizeof(uuid));
    fuzzPutWord(bytes, 3);
}

static void
fuzzPutParams(GByteArray *bytes, const char *text)
{
    static const char *const names[] = { "destination_xml", "dxml" };

    fuzzPutWord(bytes, G_N_ELEMENTS(names));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        fuzzPutText(bytes, names[i]);
        fuzzPutWord(bytes, 7);
        fuzzPutText(bytes, text);
    }
}

/* Arguments of the procedure's layout, with the first text wherever there is a string. */
static GByteArray *
fuzzMakeArgs(const fuzzState *state)
{
    const char *text = state->texts[FUZZ_ARGUMENT];
    GByteArray *bytes = g_byte_array_new();

    for (const char *letter = state->procedure->layout; *letter; letter++) {
        switch (*letter) {
        case 'd':
            fuzzPutDomain(bytes);
            break;
        case 'D':
            fuzzPutWord(bytes, 1);
            fuzzPutDomain(bytes);
            break;
        case 'o':
        case 'O':
            fuzzPutWord(bytes, 1);
            fuzzPutText(bytes, text);
            break;
        case 'T':
            fuzzPutParams(bytes, text);
            break;
        case 'l':
            fuzzPutWord(bytes, (guint32)(state->memory >> 32));
            fuzzPutWord(bytes, (guint32)state->memory);
            break;
        case 'u':
            fuzzPutWord(bytes, state->flags);
            break;
        default:
            fuzzPutText(bytes, text);
            break;
        }
    }
    return bytes;
}

/* Answers */

static const char *
fuzzGetText(const fuzzState *state, guint which)
{
    return which < state->count ? state->texts[which] : "";
}

static void
fuzzPutMessages(const fuzzState *state, GByteArray *bytes)
{
    g_auto(GStrv) lines = g_strsplit(fuzzGetText(state, FUZZ_MESSAGES), "\n", -1);

    fuzzPutWord(bytes, g_strv_length(lines));
    for (size_t i = 0; lines[i]; i++)
        fuzzPutText(bytes, lines[i]);
}

static void
fuzzPutXML(fuzzState *state, const qemuDriverQuestion *question, GByteArray *bytes)
{
    /* The flags are its last word. */
    bool next = question->args->data[question->args->len - 1] & VIR_DOMAIN_XML_INACTIVE;

    fuzzPutText(bytes, fuzzGetText(state, next ? FUZZ_NEXT : FUZZ_LIVE));
}

static void
fuzzPutAnswer(fuzzState *state, const qemuDriverQuestion *question, GByteArray *bytes)
{
    guint monitor = state->count > FUZZ_MONITOR ? state->count - FUZZ_MONITOR : 1;

    if (question->program == QEMU_PROGRAM) {
        CHECK(question->procedure == QEMU_PROC_DOMAIN_MONITOR_COMMAND);
        CHECK(state->settings.qmp != QEMU_DOMAIN_QMP_NEVER);
        fuzzPutText(bytes, fuzzGetText(state, FUZZ_MONITOR + state->monitor++ % monitor));
        return;
    }
    switch (question->procedure) {
    case REMOTE_PROC_CONNECT_GET_TYPE:
        fuzzPutText(bytes, state->test ? "TEST" : "QEMU");
        break;
    case REMOTE_PROC_DOMAIN_GET_XML_DESC:
        fuzzPutXML(state, question, bytes);
        break;
    case REMOTE_PROC_DOMAIN_GET_MESSAGES:
        fuzzPutMessages(state, bytes);
        break;
    case REMOTE_PROC_DOMAIN_IS_PERSISTENT:
        fuzzPutWord(bytes, state->facts & 1);
        break;
    case REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE:
        fuzzPutWord(bytes, state->facts >> 1 & 1);
        break;
    case REMOTE_PROC_CONNECT_GET_LIB_VERSION:
        fuzzPutWord(bytes, 0);
        fuzzPutWord(bytes, (state->facts >> 2 & 15) * 1000000);
        break;
    case REMOTE_PROC_NETWORK_LOOKUP_BY_NAME:
        fuzzPutText(bytes, "network");
        g_byte_array_append(bytes, (const guint8 *)"0123456789abcdef", 16);
        break;
    case REMOTE_PROC_NETWORK_GET_XML_DESC:
        fuzzPutText(bytes, fuzzGetText(state, FUZZ_NETWORK));
        break;
    case REMOTE_PROC_CONNECT_GET_CAPABILITIES:
        fuzzPutText(bytes, "<capabilities><guest><arch><emulator>" FUZZ_EMULATOR
                    "</emulator></arch></guest></capabilities>");
        break;
    /* Changes, which have no answer but that they were made. */
    case REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS:
        CHECK(remoteArgsWant("dSu", question->args->data, question->args->len) ==
              question->args->len);
        break;
    case REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS:
        CHECK(remoteArgsWant("dlu", question->args->data, question->args->len) ==
              question->args->len);
        break;
    default:
        CHECK(question->procedure == REMOTE_PROC_DOMAIN_SNAPSHOT_GET_XML_DESC ||
              question->procedure == REMOTE_PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC);
        fuzzPutText(bytes, fuzzGetText(state, FUZZ_NEXT));
        break;
    }
}

static void
fuzzAnswerWrongly(fuzzState *state, qemuDriverCall *call, guint index)
{
    static const guint8 garbage[] = { 0xff, 0xff, 0xff, 0xff, 0 };
    bool gone = state->fault == FUZZ_FAULT_GONE;
    g_autoptr(GByteArray) error =
        remoteEncodeError(gone ? VIR_ERR_NO_DOMAIN : VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "no");

    state->failed = true;
    switch (state->fault) {
    case FUZZ_FAULT_LARGE:
        qemuDriverCallAnswer(call, index, VB_FRAME_OK, NULL, 0);
        break;
    case FUZZ_FAULT_GARBAGE:
        qemuDriverCallAnswer(call, index, VB_FRAME_OK, garbage, sizeof(garbage));
        break;
    case FUZZ_FAULT_LATE:
        qemuDriverCallExpire(call, "it took too long");
        break;
    case FUZZ_FAULT_GONE:
    case FUZZ_FAULT_ERROR:
    case FUZZ_FAULT_NONE:
    case FUZZ_FAULT_COUNT:
    default:
        qemuDriverCallAnswer(call, index, VB_FRAME_ERROR, error->data, error->len);
        break;
    }
}

static void
fuzzAnswer(fuzzState *state, qemuDriverCall *call, guint index)
{
    const GPtrArray *questions = qemuDriverCallGetQuestions(call);
    const qemuDriverQuestion *question = g_ptr_array_index(questions, index);
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    if (question->emulator) {
        qemuDriverCallAnswerEmulator(call, index, state->facts >> 6 & 1);
        return;
    }
    if (state->fault != FUZZ_FAULT_NONE && state->asked++ == state->faulty) {
        fuzzAnswerWrongly(state, call, index);
        return;
    }
    fuzzPutAnswer(state, question, bytes);
    qemuDriverCallAnswer(call, index, VB_FRAME_OK, bytes->data, bytes->len);
}

static bool
fuzzIsSetMemory(const fuzzState *state)
{
    return state->procedure->procedure == REMOTE_PROC_DOMAIN_SET_MEMORY ||
        state->procedure->procedure == REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS;
}

/* Returns: PASS or REFUSE */
static qemuDriverOutcome
fuzzDecide(fuzzState *state, qemuDriverCall *call)
{
    bool queued = false;

    for (guint round = 0; round < FUZZ_ROUNDS; round++) {
        qemuDriverOutcome outcome = qemuDriverCallDecide(call);

        /* One a round, and as many that are taken back. */
        if (qemuDriverCallIsChanging(call)) {
            CHECK(qemuDriverCallGetQuestions(call)->len == 1 && fuzzIsSetMemory(state));
            CHECK(state->changes++ < FUZZ_CHANGES_MAX);
            round--;
        }

        switch (outcome) {
        case QEMU_DRIVER_QUEUE:
            CHECK(!queued);
            queued = true;
            break;
        case QEMU_DRIVER_ASK:
            CHECK(qemuDriverCallGetQuestions(call)->len > 0);
            for (guint i = 0; i < qemuDriverCallGetQuestions(call)->len &&
                 !qemuDriverCallIsSettled(call); i++)
                fuzzAnswer(state, call, i);
            break;
        case QEMU_DRIVER_PASS:
        case QEMU_DRIVER_REFUSE:
        default:
            return outcome;
        }
    }
    CHECK(!"it asks and asks");
    return QEMU_DRIVER_REFUSE;
}

/* A reading of the XML that knows nothing of domain_conf.c */

/* Returns: (nullable): the only element of that name; *@plain is false where there are several */
static xmlNode *
fuzzFindOnly(const xmlNode *parent, const char *name, bool *plain)
{
    xmlNode *found = NULL;

    for (xmlNode *node = xmlFirstElementChild((xmlNode *)parent); node;
         node = xmlNextElementSibling(node)) {
        if (!xmlStrEqual(node->name, BAD_CAST name))
            continue;
        *plain = *plain && !found && !node->ns;
        found = node;
    }
    return found;
}

static bool
fuzzAttrIs(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *text = (char *)xmlGetNoNsProp((xmlNode *)node, BAD_CAST name);

    return g_strcmp0(text, value) == 0;
}

/* A number of KiB, of one to ten digits and nothing else. */
static bool
fuzzReadKiB(const xmlNode *node, unsigned long long *size)
{
    g_autofree char *text = node ? (char *)xmlNodeGetContent(node) : NULL;

    if (!text || xmlFirstElementChild((xmlNode *)node) || strlen(text) < 1 || strlen(text) > 10 ||
        strspn(text, "0123456789") != strlen(text) ||
        (node->properties && !fuzzAttrIs(node, "unit", "KiB")))
        return false;
    *size = g_ascii_strtoull(text, NULL, 10);
    return true;
}

static int
fuzzReadPolicy(const xmlNode *domain, bool *plain)
{
    static const char *const words[] = { "default", "block", "warn", "ignore", "redirect" };
    const xmlNode *metadata = fuzzFindOnly(domain, "metadata", plain);
    const xmlNode *policy = metadata ? xmlFirstElementChild((xmlNode *)metadata) : NULL;

    if (!policy)
        return VB_DOMAIN_BALLOON_POLICY_DEFAULT;
    if (xmlNextElementSibling((xmlNode *)policy) || !policy->ns || policy->properties == NULL ||
        !xmlStrEqual(policy->name, BAD_CAST "policy") ||
        !xmlStrEqual(policy->ns->href, BAD_CAST "urn:virt-balloon:policy:1"))
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (fuzzAttrIs(policy, "memballoon", words[i]))
            return (int)i;
    }
    return -1;
}

static bool
fuzzIsPci(const xmlNode *hostdev)
{
    static const char *const parts[] = { "domain", "bus", "slot", "function" };
    bool plain = true;
    const xmlNode *source = fuzzFindOnly(hostdev, "source", &plain);
    const xmlNode *address = source ? fuzzFindOnly(source, "address", &plain) : NULL;

    for (size_t i = 0; address && i < G_N_ELEMENTS(parts); i++)
        plain = plain && fuzzAttrIs(address, parts[i], "0");
    return plain && address && !fuzzFindOnly(hostdev, "driver", &plain) &&
        fuzzAttrIs(hostdev, "mode", "subsystem") && fuzzAttrIs(hostdev, "type", "pci");
}

/* A virtio balloon, perhaps one PCI device, and nothing else. */
static bool
fuzzReadDevices(const xmlNode *devices, fuzzReading *reading)
{
    bool balloon = false;

    for (const xmlNode *node = xmlFirstElementChild((xmlNode *)devices); node;
         node = xmlNextElementSibling((xmlNode *)node)) {
        if (!node->ns && !balloon && xmlStrEqual(node->name, BAD_CAST "memballoon") &&
            fuzzAttrIs(node, "model", "virtio"))
            balloon = true;
        else if (!node->ns && !reading->pci && xmlStrEqual(node->name, BAD_CAST "hostdev") &&
                 fuzzIsPci(node))
            reading->pci = true;
        else
            return false;
    }
    return balloon;
}

static void
fuzzReadDomain(const char *text, fuzzReading *reading)
{
    static const char *const known[] = {
        "name", "uuid", "memory", "currentMemory", "metadata", "devices", NULL,
    };
    g_autoptr(xmlDoc) doc = *text ? vbXMLParse(text, strlen(text), NULL) : NULL;
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    bool plain = root && !root->ns && !doc->intSubset &&
        xmlStrEqual(root->name, BAD_CAST "domain") && fuzzAttrIs(root, "id", "3") &&
        fuzzAttrIs(root, "type", "kvm");
    const xmlNode *devices;
    bool complete;

    memset(reading, 0, sizeof(*reading));
    if (!plain)
        return;
    for (const xmlNode *node = xmlFirstElementChild((xmlNode *)root); node;
         node = xmlNextElementSibling((xmlNode *)node))
        plain = plain && !node->ns && g_strv_contains(known, (const char *)node->name);
    devices = fuzzFindOnly(root, "devices", &plain);
    complete = devices && fuzzFindOnly(root, "name", &plain) &&
        fuzzReadKiB(fuzzFindOnly(root, "memory", &plain), &reading->memory) &&
        fuzzReadKiB(fuzzFindOnly(root, "currentMemory", &plain), &reading->current) &&
        reading->current <= reading->memory && fuzzReadDevices(devices, reading);
    reading->policy = fuzzReadPolicy(root, &plain);
    reading->plain = plain && complete;
}

/* What must follow */

static bool
fuzzIsMonitorCommand(const fuzzState *state)
{
    return state->procedure->program == QEMU_PROGRAM;
}

/* Whether the call takes memory from the running guest of @reading. */
static bool
fuzzTakes(const fuzzState *state, const fuzzReading *reading)
{
    g_auto(qemuMonitorRawCommand) command = { 0 };

    if (fuzzIsSetMemory(state))
        return state->memory > 0 && state->memory < reading->current &&
            (state->procedure->procedure == REMOTE_PROC_DOMAIN_SET_MEMORY ||
             state->flags <= VIR_DOMAIN_MEM_LIVE);
    if (!fuzzIsMonitorCommand(state))
        return false;
    qemuMonitorRawParse(state->texts[FUZZ_ARGUMENT],
                        state->flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, &command);
    return command.effect == QEMU_MONITOR_RAW_UNREADABLE ||
        (command.effect == QEMU_MONITOR_RAW_BALLOON &&
         (!command.haveTarget || command.target / 1024 < reading->current));
}

/* Whether the call attaches a plain PCI device to the running guest. */
static bool
fuzzAttaches(const fuzzState *state)
{
    const char *text = state->texts[FUZZ_ARGUMENT];
    g_autoptr(xmlDoc) doc = NULL;
    const xmlNode *root;

    if (!*text || (state->procedure->procedure != REMOTE_PROC_DOMAIN_ATTACH_DEVICE &&
                   (state->procedure->procedure != REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS ||
                    (state->flags != VIR_DOMAIN_DEVICE_MODIFY_LIVE && state->flags != 0))))
        return false;
    doc = vbXMLParse(text, strlen(text), NULL);
    root = doc ? xmlDocGetRootElement(doc) : NULL;
    return root && !root->ns && !doc->intSubset && xmlStrEqual(root->name, BAD_CAST "hostdev") &&
        fuzzIsPci(root);
}

static bool
fuzzIsBlock(int policy)
{
    return policy == VB_DOMAIN_BALLOON_POLICY_BLOCK || policy == VB_DOMAIN_BALLOON_POLICY_REDIRECT;
}

static void
fuzzCheckSafety(const fuzzState *state, qemuDriverOutcome outcome)
{
    int policy = (int)state->settings.defaultPolicy;
    /* libvirt words what it says of a domain that has gone, and of one that is no QEMU's. */
    bool judged = !state->test && !(state->failed && state->fault == FUZZ_FAULT_GONE);
    fuzzReading reading;

    fuzzReadDomain(fuzzGetText(state, FUZZ_LIVE), &reading);
    if (!reading.plain || reading.policy < 0)
        return;
    if (reading.policy != VB_DOMAIN_BALLOON_POLICY_DEFAULT)
        policy = reading.policy;

    if (judged && reading.pci && fuzzIsBlock(policy) && fuzzTakes(state, &reading))
        CHECK(outcome == QEMU_DRIVER_REFUSE);
    if (judged && !state->failed && !reading.pci && fuzzIsBlock(reading.policy) &&
        reading.current < reading.memory && fuzzAttaches(state) &&
        state->settings.qmp == QEMU_DOMAIN_QMP_NEVER)
        CHECK(outcome == QEMU_DRIVER_REFUSE);

    if (!fuzzIsSetMemory(state) || state->failed || state->flags > VIR_DOMAIN_MEM_LIVE)
        return;
    if (!fuzzTakes(state, &reading) || policy == VB_DOMAIN_BALLOON_POLICY_IGNORE ||
        policy == VB_DOMAIN_BALLOON_POLICY_WARN ||
        (!reading.pci && state->settings.qmp == QEMU_DOMAIN_QMP_NEVER))
        CHECK(outcome == QEMU_DRIVER_PASS);
}

static void
fuzzCheckRefusal(const qemuDriverCall *call)
{
    const GByteArray *error = qemuDriverCallGetError(call);
    gint32 code = 0;
    gint32 domain = 0;

    CHECK(error && remoteDecodeError(error->data, error->len, &code, &domain));
    CHECK(code != VIR_ERR_OK);
    CHECK(qemuDriverCallGetName(call) && qemuDriverCallGetUUID(call));
}

/* What is forwarded must be arguments of what is called, and decided in the same way again. */
static void
fuzzCheckForward(const fuzzState *state, const qemuDriverCall *call)
{
    const qemuDriverProcedure *other;
    const guint8 *args = NULL;
    gint32 procedure = 0;
    size_t length = 0;

    if (!qemuDriverCallGetForward(call, &procedure, &args, &length))
        return;
    CHECK(!state->test);
    other = qemuDriverFindProcedure(state->procedure->program, 1, procedure);
    CHECK(other && remoteArgsWant(other->layout, args, length) == length && length > 0);
}

/* What libvirt replies to a call that is shown: its text, or statistics of a domain. */
static void
fuzzShow(fuzzState *state, qemuDriverCall *call)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autofree guint8 *edited = NULL;
    size_t length = 0;

    if (!qemuDriverCallWantsReply(call))
        return;
    if (state->procedure->procedure == REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS) {
        fuzzPutWord(bytes, 1);
        fuzzPutDomain(bytes);
        fuzzPutWord(bytes, 0);
    } else if (state->procedure->procedure == REMOTE_PROC_DOMAIN_GET_MESSAGES) {
        fuzzPutMessages(state, bytes);
    } else {
        fuzzPutText(bytes, fuzzGetText(state, FUZZ_LIVE));
    }
    if (qemuDriverCallReplied(call, VB_FRAME_OK, bytes->data, bytes->len))
        CHECK(fuzzDecide(state, call) == QEMU_DRIVER_PASS);
    edited = qemuDriverCallEditReply(call, VB_FRAME_OK, bytes->data, bytes->len, &length);
    if (edited && (state->procedure->flags & QEMU_DRIVER_SHOW))
        CHECK(length > bytes->len);
    CHECK(!qemuDriverCallEditReply(call, VB_FRAME_ERROR, bytes->data, bytes->len, &length));
}

static void
fuzzCall(fuzzState *state)
{
    g_autoptr(GByteArray) args = fuzzMakeArgs(state);
    qemuDriverCall *call;
    qemuDriverOutcome outcome;

    CHECK(remoteArgsWant(state->procedure->layout, args->data, args->len) == args->len);
    call = qemuDriverCallNew(state->procedure, &state->conn, &state->settings, args->data,
                             args->len);
    if (!call)
        return;
    outcome = fuzzDecide(state, call);
    CHECK(outcome == QEMU_DRIVER_PASS || !state->test || state->failed);
    if (outcome == QEMU_DRIVER_REFUSE)
        fuzzCheckRefusal(call);
    else
        fuzzCheckForward(state, call);
    fuzzCheckSafety(state, outcome);
    if (outcome == QEMU_DRIVER_PASS)
        fuzzShow(state, call);
    qemuDriverCallFree(call);
}

static void
fuzzSplit(fuzzState *state, const guint8 *data, size_t size)
{
    while (state->count < FUZZ_TEXTS) {
        const guint8 *end = size > 0 ? memchr(data, FUZZ_SEPARATOR, size) : NULL;
        size_t length = end ? (size_t)(end - data) : size;

        state->texts[state->count++] = g_strndup((const char *)data, length);
        if (!end)
            return;
        data = end + 1;
        size -= length + 1;
    }
}

/* Where the line between a smaller and a larger size is: @delta off the running guest's. */
static void
fuzzAimAtLine(fuzzState *state, gint16 delta)
{
    fuzzReading reading;

    fuzzReadDomain(fuzzGetText(state, FUZZ_LIVE), &reading);
    if (!reading.plain || (gint64)reading.current + delta < 0)
        return;
    state->memory = (guint64)((gint64)reading.current + delta);
    if (!fuzzIsMonitorCommand(state))
        return;
    g_free(state->texts[FUZZ_ARGUMENT]);
    state->texts[FUZZ_ARGUMENT] = g_strdup_printf(
        "{\"execute\":\"balloon\",\"arguments\":{\"value\":%" G_GUINT64_FORMAT "}}",
        state->memory * 1024 + (state->facts & 255));
    state->flags = 0;
}

/* The input is arguments as they are, of every procedure. */
static void
fuzzCallAll(fuzzState *state, const guint8 *data, size_t size)
{
    /* Not a byte more than there is. */
    g_autofree guint8 *args = g_memdup2(data, size);

    for (guint i = 0; i < fuzzProcedureCount; i++) {
        qemuDriverCall *call;

        state->procedure = fuzzProcedures[i];
        state->asked = 0;
        state->failed = false;
        call = qemuDriverCallNew(state->procedure, &state->conn, &state->settings, args, size);
        if (!call)
            continue;
        if (fuzzDecide(state, call) == QEMU_DRIVER_REFUSE)
            fuzzCheckRefusal(call);
        else
            fuzzCheckForward(state, call);
        qemuDriverCallFree(call);
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static const vbDomainBalloonPolicy policies[] = {
        VB_DOMAIN_BALLOON_POLICY_BLOCK, VB_DOMAIN_BALLOON_POLICY_WARN,
        VB_DOMAIN_BALLOON_POLICY_IGNORE, VB_DOMAIN_BALLOON_POLICY_REDIRECT,
    };
    fuzzState state = { 0 };

    if (fuzzProcedureCount == 0)
        fuzzFindProcedures();
    if (size < FUZZ_WORDS)
        return 0;
    state.procedure = fuzzProcedures[data[0] % fuzzProcedureCount];
    state.settings.defaultPolicy = policies[data[1] & 3];
    state.settings.qmp = (qemuDomainQmpMode)((data[1] >> 2 & 3) % 3);
    state.test = (data[1] >> 4 & 7) == 7;
    state.conn.type = data[1] & 0x80 ? QEMU_DRIVER_TYPE_QEMU : QEMU_DRIVER_TYPE_UNKNOWN;
    if (state.test)
        state.conn.type = data[1] & 0x80 ? QEMU_DRIVER_TYPE_OTHER : QEMU_DRIVER_TYPE_UNKNOWN;
    state.flags = (guint32)(data[2] & 0x0f) | (guint32)(data[2] >> 4) << (data[3] & 31);
    state.memory = ((guint64)data[4] << 8 | data[5]) << (data[6] & 63);
    state.facts = data[7];
    state.fault = (fuzzFault)(data[8] % FUZZ_FAULT_COUNT);
    state.faulty = data[9] % 8;
    if (data[9] & 0x80) {
        fuzzCallAll(&state, data + FUZZ_WORDS, size - FUZZ_WORDS);
        return 0;
    }
    fuzzSplit(&state, data + FUZZ_WORDS, size - FUZZ_WORDS);
    if (data[6] & 0x40)
        fuzzAimAtLine(&state, (gint16)(data[4] << 8 | data[5]));
    fuzzCall(&state);
    for (guint i = 0; i < state.count; i++)
        g_free(state.texts[i]);
    return 0;
}
