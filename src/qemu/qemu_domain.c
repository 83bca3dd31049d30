/*
 * qemu_domain.c: is a guest's ballooning inhibited, and what follows from it
 *
 * This is the policy, and it does no input or output: documents and answers in, a verdict out.
 * The paragraphs between the lines stand word for word in virtballoond(8).
 *
 * ----
 * A request to reduce the memory of a running guest is refused while something inhibits the
 * guest's ballooning, because the guest would lose the memory and the host would gain nothing.
 * To reduce is to ask for less than the guest's balloon holds now: currentMemory without what
 * virtio-mem devices have plugged. A request for that much or more always passes.
 *
 * The domain's policy decides what "refused" means: 'block' refuses, 'warn' lets the request pass
 * and logs one line, 'ignore' lets it pass. 'redirect' is treated as 'block', and so is a policy
 * that cannot be understood. A domain without a policy has the default_policy of the
 * configuration file, which is 'block' as shipped.
 *
 * A request for the next start only (--config) is refused only if the domain itself asks for
 * 'block' and the size would leave the balloon inflated while something inhibits it. A request
 * for both the running guest and the next start is refused as a whole, if either half would be.
 *
 * libvirt's own refusals come first, word for word: an unknown or inactive domain, a read-only
 * connection, a size of zero or above the maximum, a guest without a balloon device. The maximum
 * memory (setmaxmem) is never judged.
 *
 * What inhibits is read from the domain's XML. With qmp=auto the running QEMU is asked as well,
 * which taints the domain, only where the XML shows no inhibitor and there is a reason to doubt
 * it: an element of the qemu namespace, a mediated device that is opted out, or a domain that is
 * tainted by monitor commands already. With qmp=always it is asked wherever the XML shows no
 * inhibitor, and with qmp=never it is not asked, and an opt-out in the XML is believed.
 *
 * Memory locked by <locked/> is no inhibitor, but the host gains nothing from it either: the
 * request passes and one line is logged, unless the policy is 'ignore'.
 *
 * What could not be checked is refused, unless the policy is 'warn': an answer that cannot be
 * read, or none within 25 seconds.
 * ----
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_domain.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "qemu_message.h"
#include "qemu_monitor_json.h"

/* How libvirt words VIR_DOMAIN_TAINT_CUSTOM_MONITOR (libvirt 7.1 to 12.8). A libvirtd that runs in
 * another language says it otherwise, and then it is no reason. */
#define QEMU_DOMAIN_TAINT_MONITOR "tainted: custom monitor control commands issued"

struct _qemuDomainFacts {
    vbDomainDef *def;      /* answer to QUESTION_XML */
    vbDomainDef *inactive; /* answer to QUESTION_XML_INACTIVE */
    bool havePersistent;
    bool persistent;
    char **messages;
    GHashTable *replies; /* QMP command -> QMP answer */
};

qemuDomainFacts *
qemuDomainFactsNew(void)
{
    qemuDomainFacts *facts = g_new0(qemuDomainFacts, 1);

    facts->replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return facts;
}

void
qemuDomainFactsFree(qemuDomainFacts *facts)
{
    if (!facts)
        return;
    vbDomainDefFree(facts->def);
    vbDomainDefFree(facts->inactive);
    g_strfreev(facts->messages);
    g_hash_table_unref(facts->replies);
    g_free(facts);
}

bool
qemuDomainFactsAddXML(qemuDomainFacts *facts, bool inactive, const char *xml, size_t length,
                      GError **error)
{
    vbDomainDef **where = inactive ? &facts->inactive : &facts->def;
    vbDomainDef *def = vbDomainDefParseString(xml, length, error);

    if (!def)
        return false;
    vbDomainDefFree(*where);
    *where = def;
    return true;
}

void
qemuDomainFactsAddPersistent(qemuDomainFacts *facts, bool persistent)
{
    facts->havePersistent = true;
    facts->persistent = persistent;
}

void
qemuDomainFactsAddMessages(qemuDomainFacts *facts, const char *const *messages)
{
    g_strfreev(facts->messages);
    facts->messages = g_strdupv((char **)messages);
}

void
qemuDomainFactsAddMonitorReply(qemuDomainFacts *facts, const char *command, const char *reply)
{
    g_hash_table_replace(facts->replies, g_strdup(command), g_strdup(reply));
}

static void
qemuDomainQuestionFree(qemuDomainQuestion *question)
{
    g_free(question->command);
    g_free(question);
}

static qemuDomainVerdict *
qemuDomainVerdictNew(void)
{
    qemuDomainVerdict *verdict = g_new0(qemuDomainVerdict, 1);

    verdict->action = QEMU_DOMAIN_VERDICT_PASS;
    verdict->questions = g_ptr_array_new_with_free_func((GDestroyNotify)qemuDomainQuestionFree);
    verdict->inhibitors = g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);
    return verdict;
}

void
qemuDomainVerdictFree(qemuDomainVerdict *verdict)
{
    if (!verdict)
        return;
    g_ptr_array_unref(verdict->questions);
    g_ptr_array_unref(verdict->inhibitors);
    g_free(verdict->errorText);
    g_free(verdict->logText);
    g_free(verdict);
}

static void
qemuDomainNeed(qemuDomainVerdict *verdict, qemuDomainQuestionKind kind)
{
    qemuDomainQuestion *question = g_new0(qemuDomainQuestion, 1);

    question->kind = kind;
    verdict->action = QEMU_DOMAIN_VERDICT_NEED;
    g_ptr_array_add(verdict->questions, question);
}

/* The answer to a QMP command, or NULL and the question in @verdict. Takes @command. */
static const char *
qemuDomainNeedMonitor(qemuDomainVerdict *verdict, const qemuDomainFacts *facts, char *command)
{
    g_autofree char *owned = command;
    const char *reply = g_hash_table_lookup(facts->replies, owned);
    qemuDomainQuestion *question;

    if (reply)
        return reply;
    qemuDomainNeed(verdict, QEMU_DOMAIN_QUESTION_MONITOR);
    question = g_ptr_array_index(verdict->questions, verdict->questions->len - 1);
    question->command = g_steal_pointer(&owned);
    return NULL;
}

static void
qemuDomainRefuse(qemuDomainVerdict *verdict, int code, char *text)
{
    verdict->action = QEMU_DOMAIN_VERDICT_REFUSE;
    verdict->errorCode = code;
    verdict->errorText = text;
}

/* What could not be checked is not let pass, unless the policy lets everything pass. */
static void
qemuDomainSettleUnanswered(qemuDomainVerdict *verdict, const char *domain, int code,
                           const char *reason)
{
    g_autofree char *name = qemuMessageFormatName(domain);

    verdict->state = QEMU_DOMAIN_BALLOON_UNKNOWN;
    if (verdict->policy == VB_DOMAIN_BALLOON_POLICY_WARN) {
        verdict->logText = g_strdup_printf("domain '%s': memory is reduced without knowing whether "
                                           "ballooning is inhibited: %s (policy 'warn')",
                                           name, reason);
        return;
    }
    qemuDomainRefuse(verdict, code,
                     g_strdup_printf("cannot check whether ballooning of domain '%s' is inhibited: "
                                     "%s; its memory was not changed", name, reason));
    verdict->logText = g_strdup_printf("domain '%s': refused to reduce memory without knowing "
                                       "whether ballooning is inhibited: %s", name, reason);
}

static const vbDomainHostdevDef *
qemuDomainFindHostdev(const vbDomainDef *def, const char *alias)
{
    size_t i;

    for (i = 0; i < def->hostdevs->len; i++) {
        const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, i);

        if (g_strcmp0(hostdev->alias, alias) == 0)
            return hostdev;
    }
    return NULL;
}

/* The last part of its sysfs path tells a mediated device, which has a UUID, from a physical one,
 * which has a PCI address; libvirt's XML tells it where libvirt made the device. */
static void
qemuDomainDescribeVfio(qemuInhibitor *inhibitor, const vbDomainHostdevDef *hostdev,
                       const char *sysfsdev)
{
    if (hostdev) {
        inhibitor->evidence |= QEMU_INHIBITOR_EVIDENCE_XML;
        inhibitor->isInterface = hostdev->isInterface;
        inhibitor->address = g_strdup(hostdev->address);
        if (hostdev->type == VB_DOMAIN_HOSTDEV_MDEV)
            inhibitor->kind = QEMU_INHIBITOR_VFIO_MDEV;
    } else if (sysfsdev) {
        inhibitor->address = g_path_get_basename(sysfsdev);
        if (g_uuid_string_is_valid(inhibitor->address))
            inhibitor->kind = QEMU_INHIBITOR_VFIO_MDEV;
    }
}

/* Judges one device that QEMU has; leaves @verdict at NEED where answers are missing. Returns
 * false and @error where one cannot be read. */
static bool
qemuDomainJudgeDevice(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                      const vbDomainDef *def, const char *container,
                      const qemuMonitorQomChild *child, GError **error)
{
    g_autofree char *path = NULL;
    g_autofree char *sysfsdev = NULL;
    const vbDomainHostdevDef *hostdev;
    const char *allowedReply;
    const char *sysfsdevReply = NULL;
    qemuInhibitor *inhibitor;
    qemuInhibitorKind kind;
    bool allowed = false;

    if (!qemuInhibitorTypeIsDevice(child->type, &kind))
        return true;

    path = g_strdup_printf("%s/%s", container, child->name);
    hostdev = qemuDomainFindHostdev(def, child->name);

    if (kind == QEMU_INHIBITOR_VFIO_PCI) {
        allowedReply = qemuDomainNeedMonitor(verdict, facts,
                                             qemuMonitorJSONMakeQomGet(path,
                                                                       VB_DOMAIN_OPT_OUT_PROPERTY));
        if (!hostdev)
            sysfsdevReply = qemuDomainNeedMonitor(verdict, facts,
                                                  qemuMonitorJSONMakeQomGet(path, "sysfsdev"));
        if (verdict->action == QEMU_DOMAIN_VERDICT_NEED)
            return true;
        if (!qemuMonitorJSONParseBool(allowedReply, &allowed, error))
            return false;
        if (allowed)
            return true;
        if (sysfsdevReply)
            sysfsdev = qemuMonitorJSONParseString(sysfsdevReply, NULL);
    }

    inhibitor = qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_QMP, child->name, NULL);
    qemuDomainDescribeVfio(inhibitor, hostdev, sysfsdev);
    g_ptr_array_add(verdict->inhibitors, inhibitor);
    return true;
}

/* Everything that the running QEMU itself says; as qemuDomainJudgeDevice(). */
static bool
qemuDomainAskMonitor(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                     const vbDomainDef *def, GError **error)
{
    static const char *const containers[] = {
        QEMU_MONITOR_PERIPHERAL, QEMU_MONITOR_PERIPHERAL_ANON,
    };
    size_t i;
    guint j;

    for (i = 0; i < G_N_ELEMENTS(containers); i++) {
        g_autoptr(GPtrArray) children = NULL;
        const char *reply;

        reply = qemuDomainNeedMonitor(verdict, facts, qemuMonitorJSONMakeQomList(containers[i]));
        if (!reply)
            continue;
        children = qemuMonitorJSONParseQomList(reply, error);
        if (!children)
            return false;
        for (j = 0; j < children->len; j++) {
            if (!qemuDomainJudgeDevice(verdict, facts, def, containers[i],
                                       g_ptr_array_index(children, j), error))
                return false;
        }
    }
    return true;
}

/* Whether qmp=auto has a reason to doubt a definition that shows no inhibitor. Leaves @verdict at
 * NEED where only libvirt's messages can tell. */
static bool
qemuDomainHasDoubt(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                   const vbDomainDef *def, const GPtrArray *optedOut)
{
    if (def->qemuNamespace || optedOut->len > 0)
        return true;
    if (!facts->messages) {
        qemuDomainNeed(verdict, QEMU_DOMAIN_QUESTION_MESSAGES);
        return false;
    }
    return g_strv_contains((const char *const *)facts->messages, QEMU_DOMAIN_TAINT_MONITOR);
}

/* Finds the state of a running guest: leaves @verdict at PASS with state and inhibitors set, or at
 * NEED. Returns false and @error where an answer cannot be read. */
static bool
qemuDomainFindState(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                    const qemuDomainSettings *settings, GError **error)
{
    const vbDomainDef *def = facts->def;
    g_autoptr(GPtrArray) optedOut = g_ptr_array_new();
    bool ask = false;

    qemuInhibitorsFromDef(def, verdict->inhibitors, optedOut);

    if (verdict->inhibitors->len == 0) {
        switch (settings->qmp) {
        case QEMU_DOMAIN_QMP_ALWAYS:
            ask = true;
            break;
        case QEMU_DOMAIN_QMP_NEVER:
            break;
        case QEMU_DOMAIN_QMP_AUTO:
        default:
            ask = qemuDomainHasDoubt(verdict, facts, def, optedOut);
            break;
        }
        if (ask && !qemuDomainAskMonitor(verdict, facts, def, error))
            return false;
        if (verdict->action == QEMU_DOMAIN_VERDICT_NEED)
            return true;
    }

    if (verdict->inhibitors->len > 0) {
        verdict->state = QEMU_DOMAIN_BALLOON_INHIBITED;
    } else if (def->memoryLocked) {
        verdict->state = QEMU_DOMAIN_BALLOON_INEFFECTIVE;
        g_ptr_array_add(verdict->inhibitors, qemuInhibitorNew(QEMU_INHIBITOR_LOCKED_MEMORY,
                                                              QEMU_INHIBITOR_EVIDENCE_XML,
                                                              NULL, NULL));
    } else {
        verdict->state = QEMU_DOMAIN_BALLOON_AVAILABLE;
    }
    return true;
}

static vbDomainBalloonPolicy
qemuDomainGetPolicy(const vbDomainDef *def, const qemuDomainSettings *settings)
{
    if (def->policy == VB_DOMAIN_BALLOON_POLICY_DEFAULT)
        return settings->defaultPolicy;
    return def->policy;
}

/* Shrinking a running guest whose domain does not say 'ignore'. */
static void
qemuDomainJudgeShrink(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                      const qemuDomainSettings *settings, unsigned long long memory)
{
    const vbDomainDef *def = facts->def;
    g_autofree char *name = qemuMessageFormatName(def->name);
    g_autoptr(GError) error = NULL;
    g_autofree char *list = NULL;

    if (!qemuDomainFindState(verdict, facts, settings, &error)) {
        qemuDomainSettleUnanswered(verdict, def->name, VIR_ERR_INTERNAL_ERROR, error->message);
        return;
    }
    if (verdict->action == QEMU_DOMAIN_VERDICT_NEED ||
        verdict->state == QEMU_DOMAIN_BALLOON_AVAILABLE)
        return;

    list = qemuMessageFormatInhibitors(verdict->inhibitors);
    if (verdict->state == QEMU_DOMAIN_BALLOON_INEFFECTIVE) {
        verdict->logText = g_strdup_printf("domain '%s': memory is reduced to %llu KiB, but the "
                                           "host gains nothing from it because of %s",
                                           name, memory, list);
    } else if (verdict->policy == VB_DOMAIN_BALLOON_POLICY_WARN) {
        verdict->logText = g_strdup_printf("domain '%s': memory is reduced to %llu KiB although "
                                           "ballooning is inhibited by %s: the guest loses %llu KiB "
                                           "and the host gains nothing (policy 'warn')",
                                           name, memory, list,
                                           vbDomainDefGetBalloonCurrent(def) - memory);
    } else {
        qemuDomainRefuse(verdict, VIR_ERR_OPERATION_INVALID,
                         qemuMessageFormatShrinkRefused(def, memory, verdict->inhibitors));
        verdict->logText = g_strdup_printf("domain '%s': refused to reduce memory to %llu KiB: "
                                           "ballooning is inhibited by %s",
                                           name, memory, list);
    }
}

/* The size for the next start, by the definition @def that the next start will use. */
static void
qemuDomainJudgeConfig(qemuDomainVerdict *verdict, const vbDomainDef *def,
                      const qemuDomainSettings *settings, unsigned long long memory)
{
    g_autoptr(GPtrArray) inhibitors =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);
    g_autoptr(GPtrArray) optedOut = g_ptr_array_new();
    g_autofree char *name = qemuMessageFormatName(def->name);
    vbDomainBalloonPolicy policy = qemuDomainGetPolicy(def, settings);
    g_autofree char *list = NULL;

    if (def->memballoon == VB_DOMAIN_MEMBALLOON_NONE) {
        if (verdict->state == QEMU_DOMAIN_BALLOON_UNKNOWN)
            verdict->state = QEMU_DOMAIN_BALLOON_NONE;
        return;
    }
    if (memory > def->memory || memory >= vbDomainDefGetBalloonMaximum(def) ||
        policy == VB_DOMAIN_BALLOON_POLICY_IGNORE)
        return;
    qemuInhibitorsFromDef(def, inhibitors, optedOut);
    if (inhibitors->len == 0)
        return;

    list = qemuMessageFormatInhibitors(inhibitors);
    if (def->policy == VB_DOMAIN_BALLOON_POLICY_DEFAULT ||
        policy == VB_DOMAIN_BALLOON_POLICY_WARN) {
        /* One line a request: what happens to the running guest weighs more. */
        if (verdict->logText)
            return;
        verdict->logText = g_strdup_printf("domain '%s': memory is set to %llu KiB for the next "
                                           "start although ballooning will be inhibited by %s",
                                           name, memory, list);
    } else {
        qemuDomainRefuse(verdict, VIR_ERR_OPERATION_INVALID,
                         qemuMessageFormatConfigRefused(def, memory, inhibitors));
        g_free(verdict->logText);
        verdict->logText = g_strdup_printf("domain '%s': refused to set memory to %llu KiB for the "
                                           "next start: ballooning will be inhibited by %s",
                                           name, memory, list);
    }

    verdict->policy = policy;
    verdict->state = QEMU_DOMAIN_BALLOON_INHIBITED;
    g_ptr_array_unref(verdict->inhibitors);
    verdict->inhibitors = g_steal_pointer(&inhibitors);
}

/* Whether what is still to be known, to be sure that libvirt itself would not refuse a change of
 * the persistent definition of a running guest, is known. */
static bool
qemuDomainNeedConfig(qemuDomainVerdict *verdict, const qemuDomainFacts *facts)
{
    if (!facts->inactive)
        qemuDomainNeed(verdict, QEMU_DOMAIN_QUESTION_XML_INACTIVE);
    if (!facts->havePersistent)
        qemuDomainNeed(verdict, QEMU_DOMAIN_QUESTION_PERSISTENT);
    return verdict->action != QEMU_DOMAIN_VERDICT_NEED;
}

qemuDomainVerdict *
qemuDomainJudgeSetMemory(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                         unsigned long long memory, unsigned int flags)
{
    const unsigned int known = VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG | VIR_DOMAIN_MEM_MAXIMUM;
    g_autoptr(qemuDomainVerdict) verdict = qemuDomainVerdictNew();
    const vbDomainDef *def = facts->def;
    bool live = flags & VIR_DOMAIN_MEM_LIVE;
    bool config = flags & VIR_DOMAIN_MEM_CONFIG;

    /* libvirt refuses zero and flags it does not know, 0.9.10 to 12.8. */
    if (memory == 0 || flags & ~known || flags & VIR_DOMAIN_MEM_MAXIMUM)
        return g_steal_pointer(&verdict);

    if (!def) {
        qemuDomainNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
        return g_steal_pointer(&verdict);
    }

    if (def->id < 0) {
        /* Not running: libvirt refuses LIVE, and CURRENT means the next start. */
        if (!live)
            qemuDomainJudgeConfig(verdict, def, settings, memory);
        return g_steal_pointer(&verdict);
    }
    if (!config)
        live = true;

    if (config) {
        if (!qemuDomainNeedConfig(verdict, facts) || !facts->persistent ||
            memory > facts->inactive->memory)
            return g_steal_pointer(&verdict);
    }

    if (live) {
        if (def->memballoon == VB_DOMAIN_MEMBALLOON_NONE)
            verdict->state = QEMU_DOMAIN_BALLOON_NONE;
        if (memory > def->memory || def->memballoon == VB_DOMAIN_MEMBALLOON_NONE)
            return g_steal_pointer(&verdict);

        verdict->policy = qemuDomainGetPolicy(def, settings);
        if (memory < vbDomainDefGetBalloonCurrent(def) &&
            verdict->policy != VB_DOMAIN_BALLOON_POLICY_IGNORE)
            qemuDomainJudgeShrink(verdict, facts, settings, memory);
        if (verdict->action != QEMU_DOMAIN_VERDICT_PASS)
            return g_steal_pointer(&verdict);
    }

    if (config)
        qemuDomainJudgeConfig(verdict, facts->inactive, settings, memory);
    return g_steal_pointer(&verdict);
}

qemuDomainVerdict *
qemuDomainJudgeUnanswered(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                          const char *name, int code, const char *reason)
{
    qemuDomainVerdict *verdict = qemuDomainVerdictNew();

    /* What the domain would have said is not known before its XML is. */
    verdict->policy = VB_DOMAIN_BALLOON_POLICY_BLOCK;
    if (facts->def)
        verdict->policy = qemuDomainGetPolicy(facts->def, settings);
    qemuDomainSettleUnanswered(verdict, name, code, reason);
    return verdict;
}

const char *
qemuDomainBalloonStateTypeToString(qemuDomainBalloonState state)
{
    switch (state) {
    case QEMU_DOMAIN_BALLOON_NONE:
        return "none";
    case QEMU_DOMAIN_BALLOON_AVAILABLE:
        return "available";
    case QEMU_DOMAIN_BALLOON_INEFFECTIVE:
        return "ineffective";
    case QEMU_DOMAIN_BALLOON_INHIBITED:
        return "inhibited";
    case QEMU_DOMAIN_BALLOON_UNKNOWN:
    default:
        return "unknown";
    }
}

bool
qemuDomainQmpModeTypeFromString(const char *text, qemuDomainQmpMode *mode)
{
    static const char *const names[] = { "auto", "always", "never" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(text, names[i]) == 0) {
            *mode = (qemuDomainQmpMode)i;
            return true;
        }
    }
    return false;
}
