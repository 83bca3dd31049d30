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
 * and logs one line, 'ignore' lets it pass. A policy that cannot be understood is treated as
 * 'block', and so is 'redirect' but for what follows. A domain without a policy has the
 * default_policy of the configuration file, which is 'block' as shipped.
 *
 * Under 'redirect' a size means all of the guest's memory, what libvirt reports as currentMemory,
 * and not the balloon's part of it alone, inhibited or not: this is the one place where a request
 * means something else than to libvirt itself, and more than <memory> is still libvirt's to
 * refuse. The guest's virtio-mem devices, which give memory back beside assigned devices, are
 * asked for what the size is above all that the balloon can hold, in whole blocks, in proportion
 * to their sizes; the balloon is set to what remains for it. So the balloon is used only below
 * what the devices can give, and that is refused while something inhibits it, with the smallest
 * size that can be reached. A balloon that is inflated while the XML shows an inhibitor is
 * deflated first. Where libvirt refuses one of these changes, those before it are taken back, and
 * the request is answered with one error; a request that was cut short is completed when it is
 * repeated. How much the guest releases is not waited for. For the next start (--config) the
 * definition's devices are asked for their part. A guest without virtio-mem devices is treated as
 * under 'block', and told what to add; monitor commands and attachments, which are about the
 * balloon alone, are judged as under 'block'.
 *
 * A request for the next start only (--config) is refused only if the domain itself asks for
 * 'block' and the size would leave the balloon inflated while something inhibits it. A request
 * for both the running guest and the next start is refused as a whole, if either half would be.
 *
 * A raw monitor command is judged as what it does: 'balloon', in whatever spelling, as a request
 * for that size, and 'device_add' of a VFIO device that is not opted out as an attachment. A
 * command whose effect cannot be told is taken for one that reduces memory.
 *
 * Attaching a first device that inhibits ballooning pins all of the guest's memory, what the
 * balloon holds included. While the balloon is inflated it is refused if the domain itself asks
 * for 'block'; otherwise it passes and one line is logged, unless the policy is 'ignore'. A domain
 * that never asked for a policy is never kept from getting its device.
 *
 * A domain whose currentMemory is below what its balloon can hold starts with an inflated balloon.
 * To define, create or start it while its definition has something that inhibits ballooning is
 * refused if the domain itself asks for 'block'; otherwise it passes and one line is logged, unless
 * the policy is 'ignore'. Restoring, reverting, a start from a managed save image and an incoming
 * migration are never refused, because the guest's memory is as it is; one line is logged likewise,
 * but for a restore without XML of its own: the file is not read.
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
 * Mediated devices alone are asked about, too, where there is a <qemu:commandline> or with
 * qmp=always: they may be opted out in a way that the rest of the XML does not show.
 *
 * Memory locked by <locked/> that is not shared, and huge pages, are no inhibitors, but the host
 * gains nothing from them either: the request passes and one line is logged, unless the policy is
 * 'ignore'.
 *
 * An interface of a network is looked up where it matters: a network that hands out devices of the
 * host counts as one that inhibits.
 *
 * What could not be checked, because an answer cannot be read or does not come within 25 seconds,
 * is refused; where the policy is known to be 'warn' or 'ignore', it passes and one line is
 * logged, and so do an attachment, a definition and a start unless the domain is known to ask for
 * 'block'.
 * ----
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_domain.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "qemu_balloon.h"
#include "qemu_message.h"

/* What could not be checked is not let pass, unless the policy lets everything pass. */
static void
qemuDomainSettleUnanswered(qemuDomainVerdict *verdict, const char *domain, int code,
                           const char *reason)
{
    g_autofree char *name = qemuMessageFormatName(domain);

    verdict->state = QEMU_DOMAIN_BALLOON_UNKNOWN;
    if (verdict->policy == VB_DOMAIN_BALLOON_POLICY_WARN ||
        verdict->policy == VB_DOMAIN_BALLOON_POLICY_IGNORE) {
        verdict->logText = g_strdup_printf("domain '%s': a change is passed without knowing "
                                           "whether ballooning is inhibited: %s", name, reason);
        return;
    }
    qemuBalloonRefuse(verdict, code,
                     g_strdup_printf("cannot check whether ballooning of domain '%s' is inhibited: "
                                     "%s; nothing was changed", name, reason));
    verdict->logText = g_strdup_printf("domain '%s': refused a change without knowing whether "
                                       "ballooning is inhibited: %s", name, reason);
}

/* Shrinking a running guest whose domain does not say 'ignore'. @command: what asks for it is a
 * raw monitor command that does not say for which size, or that cannot be read at all. */
static void
qemuDomainJudgeShrink(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                      const qemuDomainSettings *settings, unsigned long long memory, bool command)
{
    const vbDomainDef *def = facts->def;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    g_autofree char *list = NULL;
    g_autofree char *what = NULL;

    if (!qemuBalloonFindState(verdict, facts, settings, &error)) {
        qemuDomainSettleUnanswered(verdict, def->name, VIR_ERR_INTERNAL_ERROR, error->message);
        return;
    }
    if (verdict->action == QEMU_DOMAIN_VERDICT_NEED ||
        verdict->state == QEMU_DOMAIN_BALLOON_AVAILABLE)
        return;

    name = qemuMessageFormatName(def->name);
    list = qemuMessageFormatInhibitors(verdict->inhibitors);
    what = command ? g_strdup("a monitor command that may reduce memory is passed") :
        g_strdup_printf("memory is reduced to %llu KiB", memory);
    if (verdict->state == QEMU_DOMAIN_BALLOON_INEFFECTIVE) {
        verdict->logText = g_strdup_printf("domain '%s': %s, but the host gains nothing from it "
                                           "because of %s", name, what, list);
    } else if (verdict->policy == VB_DOMAIN_BALLOON_POLICY_WARN) {
        g_autofree char *loss = command ? g_strdup("memory") :
            g_strdup_printf("%llu KiB", vbDomainDefGetBalloonCurrent(def) - memory);

        verdict->logText = g_strdup_printf("domain '%s': %s although ballooning is inhibited by "
                                           "%s: the guest loses %s and the host gains nothing "
                                           "(policy 'warn')", name, what, list, loss);
    } else if (command) {
        qemuBalloonRefuse(verdict, VIR_ERR_OPERATION_INVALID,
                         qemuMessageFormatCommandRefused(def, verdict->inhibitors));
        verdict->logText = g_strdup_printf("domain '%s': refused a monitor command that may reduce "
                                           "memory: ballooning is inhibited by %s", name, list);
    } else {
        qemuBalloonRefuse(verdict, VIR_ERR_OPERATION_INVALID,
                          verdict->policy == VB_DOMAIN_BALLOON_POLICY_REDIRECT ?
                          qemuMessageFormatRedirectRefused(def, memory, verdict->inhibitors) :
                          qemuMessageFormatShrinkRefused(def, memory, verdict->inhibitors));
        verdict->logText = g_strdup_printf("domain '%s': refused to reduce memory to %llu KiB: "
                                           "ballooning is inhibited by %s", name, memory, list);
    }
}

/* The size for the next start, by the definition @def that the next start will use. */
static void
qemuDomainJudgeConfig(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                      const vbDomainDef *def, const qemuDomainSettings *settings,
                      unsigned long long memory)
{
    g_autoptr(GPtrArray) inhibitors =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);
    vbDomainBalloonPolicy policy = qemuBalloonGetPolicy(def, settings);
    g_autofree char *name = NULL;
    g_autofree char *list = NULL;

    if (def->memballoon == VB_DOMAIN_MEMBALLOON_NONE) {
        if (verdict->state == QEMU_DOMAIN_BALLOON_UNKNOWN)
            verdict->state = QEMU_DOMAIN_BALLOON_NONE;
        return;
    }
    if (memory > def->memory || memory >= vbDomainDefGetBalloonMaximum(def) ||
        policy == VB_DOMAIN_BALLOON_POLICY_IGNORE)
        return;
    qemuBalloonAddNext(verdict, facts, def, inhibitors);
    if (verdict->action == QEMU_DOMAIN_VERDICT_NEED || inhibitors->len == 0)
        return;

    name = qemuMessageFormatName(def->name);
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
        qemuBalloonRefuse(verdict, VIR_ERR_OPERATION_INVALID,
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
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML_INACTIVE);
    if (!facts->havePersistent)
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_PERSISTENT);
    return verdict->action != QEMU_DOMAIN_VERDICT_NEED;
}

/* Whether a size for @def is reached by resizing its virtio-mem devices. */
static bool
qemuDomainIsRedirected(const vbDomainDef *def, const qemuDomainSettings *settings)
{
    return def->memballoon != VB_DOMAIN_MEMBALLOON_NONE &&
        qemuBalloonGetPolicy(def, settings) == VB_DOMAIN_BALLOON_POLICY_REDIRECT &&
        qemuRedirectIsPossible(def);
}

/* Leaves @verdict at REFUSE where there is no such size. Returns: what the balloon is set to */
static unsigned long long
qemuDomainRedirectHalf(qemuDomainVerdict *verdict, const vbDomainDef *def,
                       const qemuDomainSettings *settings, unsigned long long memory,
                       unsigned int flags)
{
    if (!qemuDomainIsRedirected(def, settings))
        return memory;
    if (memory > qemuRedirectGetMaximum(def)) {
        g_autofree char *name = qemuMessageFormatName(def->name);

        qemuBalloonRefuse(verdict, VIR_ERR_OPERATION_INVALID,
                          qemuMessageFormatRedirectTooLarge(def, memory));
        g_free(verdict->logText);
        verdict->logText = g_strdup_printf("domain '%s': refused to set memory to %llu KiB: its "
                                           "balloon and its virtio-mem devices have less", name,
                                           memory);
        return memory;
    }
    if (!verdict->redirect)
        verdict->redirect = qemuRedirectPlanNew();
    qemuRedirectAddDevices(def, memory, flags, verdict->redirect->changes);
    return qemuRedirectGetBalloon(def, memory);
}

/* What the guest has given up for nothing goes back to it before its virtio-mem devices take as
 * much. */
static void
qemuDomainRedirectDeflate(qemuDomainVerdict *verdict, const vbDomainDef *def,
                          unsigned long long memory)
{
    g_autoptr(GPtrArray) inhibitors =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);

    qemuInhibitorsFromDef(def, inhibitors);
    if (inhibitors->len > 0 && vbDomainDefGetBalloonCurrent(def) < memory)
        qemuRedirectAddBalloon(def, memory, VIR_DOMAIN_MEM_LIVE, verdict->redirect->changes);
}

/* A size that passes: under 'redirect' it is one for the whole guest. libvirt's own is one for the
 * balloon alone, and it refuses more than that can hold. */
static void
qemuDomainRedirect(qemuDomainVerdict *verdict, const vbDomainDef *live, const vbDomainDef *config,
                   const qemuDomainSettings *settings, unsigned long long memory,
                   unsigned int flags)
{
    unsigned long long liveMemory = memory;
    unsigned long long configMemory = memory;

    if (live && qemuDomainIsRedirected(live, settings)) {
        verdict->redirect = qemuRedirectPlanNew();
        qemuDomainRedirectDeflate(verdict, live, qemuRedirectGetBalloon(live, memory));
        liveMemory = qemuDomainRedirectHalf(verdict, live, settings, memory, VIR_DOMAIN_MEM_LIVE);
    }
    if (config && verdict->action == QEMU_DOMAIN_VERDICT_PASS)
        configMemory = qemuDomainRedirectHalf(verdict, config, settings, memory,
                                              VIR_DOMAIN_MEM_CONFIG);
    if (!verdict->redirect)
        return;

    verdict->redirect->memory = live ? liveMemory : configMemory;
    verdict->redirect->flags = flags;
    if (live && config && liveMemory != configMemory) {
        qemuRedirectAddBalloon(live, liveMemory, VIR_DOMAIN_MEM_LIVE, verdict->redirect->changes);
        verdict->redirect->memory = configMemory;
        verdict->redirect->flags = VIR_DOMAIN_MEM_CONFIG;
    }
}

qemuDomainVerdict *
qemuDomainJudgeSetMemory(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                         unsigned long long memory, unsigned int flags)
{
    const unsigned int known = VIR_DOMAIN_MEM_LIVE | VIR_DOMAIN_MEM_CONFIG | VIR_DOMAIN_MEM_MAXIMUM;
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();
    const vbDomainDef *def = facts->def;
    bool live = flags & VIR_DOMAIN_MEM_LIVE;
    bool config = flags & VIR_DOMAIN_MEM_CONFIG;

    /* libvirt refuses zero and flags it does not know, 0.9.10 to 12.8. */
    if (memory == 0 || flags & ~known || flags & VIR_DOMAIN_MEM_MAXIMUM)
        return g_steal_pointer(&verdict);

    if (!def) {
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
        return g_steal_pointer(&verdict);
    }

    if (def->id < 0) {
        /* Not running: libvirt refuses LIVE, and CURRENT means the next start. */
        if (live)
            return g_steal_pointer(&verdict);
        qemuDomainJudgeConfig(verdict, facts, def, settings, memory);
        if (verdict->action == QEMU_DOMAIN_VERDICT_PASS && memory <= def->memory)
            qemuDomainRedirect(verdict, NULL, def, settings, memory, flags);
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

        verdict->policy = qemuBalloonGetPolicy(def, settings);
        if (memory < vbDomainDefGetBalloonCurrent(def) &&
            verdict->policy != VB_DOMAIN_BALLOON_POLICY_IGNORE)
            qemuDomainJudgeShrink(verdict, facts, settings, memory, false);
        if (verdict->action != QEMU_DOMAIN_VERDICT_PASS)
            return g_steal_pointer(&verdict);
    }

    if (config)
        qemuDomainJudgeConfig(verdict, facts, facts->inactive, settings, memory);
    if (verdict->action == QEMU_DOMAIN_VERDICT_PASS)
        qemuDomainRedirect(verdict, live ? def : NULL, config ? facts->inactive : NULL, settings,
                           memory, flags);
    return g_steal_pointer(&verdict);
}

/* Attaching what is in @attached to a running guest; where that is empty, what cannot be read. */
static void
qemuDomainJudgeInhibitor(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                         const qemuDomainSettings *settings, const GPtrArray *attached)
{
    const vbDomainDef *def = facts->def;
    g_autofree char *name = NULL;
    g_autofree char *list = NULL;
    unsigned long long inflated = vbDomainDefGetBalloonMaximum(def) -
        vbDomainDefGetBalloonCurrent(def);
    g_autoptr(GError) error = NULL;
    bool refuse;

    verdict->policy = qemuBalloonGetPolicy(def, settings);
    if (inflated == 0 || verdict->policy == VB_DOMAIN_BALLOON_POLICY_IGNORE)
        return;

    /* Whether it is the first one; where nothing can be refused, QEMU is not asked for it. */
    refuse = def->policy != VB_DOMAIN_BALLOON_POLICY_DEFAULT &&
        def->policy != VB_DOMAIN_BALLOON_POLICY_WARN;
    if (refuse) {
        if (!qemuBalloonFindState(verdict, facts, settings, &error)) {
            qemuDomainSettleUnanswered(verdict, def->name, VIR_ERR_INTERNAL_ERROR, error->message);
            return;
        }
        if (verdict->action == QEMU_DOMAIN_VERDICT_NEED)
            return;
    } else {
        qemuBalloonReadState(verdict, def);
    }
    /* What is inhibited already loses nothing more, and what is ineffective never gained. */
    if (verdict->state != QEMU_DOMAIN_BALLOON_AVAILABLE)
        return;

    name = qemuMessageFormatName(def->name);
    list = attached->len > 0 ? qemuMessageFormatInhibitors(attached) :
        g_strdup("a device whose XML was not read");
    if (refuse) {
        qemuBalloonRefuse(verdict, VIR_ERR_OPERATION_INVALID,
                         qemuMessageFormatAttachRefused(def, attached));
        verdict->logText = g_strdup_printf("domain '%s': refused to attach %s while the balloon is "
                                           "inflated by %llu KiB", name, list, inflated);
    } else {
        verdict->logText = g_strdup_printf("domain '%s': %s is to be attached while the balloon is "
                                           "inflated: the host will lose the %llu KiB that it "
                                           "gained", name, list, inflated);
    }
}

/* Whether there is a running guest with a balloon to judge. */
static bool
qemuDomainHasBalloon(qemuDomainVerdict *verdict, const qemuDomainFacts *facts)
{
    if (!facts->def) {
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
        return false;
    }
    if (facts->def->memballoon == VB_DOMAIN_MEMBALLOON_NONE) {
        verdict->state = QEMU_DOMAIN_BALLOON_NONE;
        return false;
    }
    return facts->def->id >= 0;
}

/* Whether the XML is not all that there is to know of a running domain. */
static bool
qemuDomainIsDoubtful(const vbDomainDef *def, const qemuDomainSettings *settings)
{
    return def->id >= 0 && settings->qmp == QEMU_DOMAIN_QMP_NEVER && def->qemuNamespace;
}

qemuDomainVerdict *
qemuDomainInspect(const qemuDomainFacts *facts, const qemuDomainSettings *settings)
{
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();
    const vbDomainDef *def = facts->def;
    g_autoptr(GError) error = NULL;

    if (!def) {
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_XML);
        return g_steal_pointer(&verdict);
    }
    verdict->policy = qemuBalloonGetPolicy(def, settings);
    if (def->memballoon == VB_DOMAIN_MEMBALLOON_NONE && (def->id >= 0 || def->memballoonWritten)) {
        verdict->state = QEMU_DOMAIN_BALLOON_NONE;
    } else if (def->id < 0) {
        qemuBalloonForesee(verdict, facts);
    } else if (!(settings->qmp == QEMU_DOMAIN_QMP_ALWAYS ?
                 qemuBalloonFindAll(verdict, facts, &error) :
                 qemuBalloonFindState(verdict, facts, settings, &error))) {
        qemuBalloonRefuse(verdict, VIR_ERR_INTERNAL_ERROR, g_strdup(error->message));
    } else if (verdict->state == QEMU_DOMAIN_BALLOON_AVAILABLE &&
               qemuDomainIsDoubtful(def, settings)) {
        verdict->state = QEMU_DOMAIN_BALLOON_UNKNOWN;
    }
    return g_steal_pointer(&verdict);
}

qemuDomainVerdict *
qemuDomainJudgeMonitorCommand(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                              const qemuMonitorRawCommand *command)
{
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();
    g_autoptr(GPtrArray) attached =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);
    qemuInhibitorKind kind;

    if (command->effect == QEMU_MONITOR_RAW_NONE || !qemuDomainHasBalloon(verdict, facts))
        return g_steal_pointer(&verdict);

    if (command->effect == QEMU_MONITOR_RAW_DEVICE_ADD) {
        if (qemuInhibitorTypeIsDevice(command->driver, &kind)) {
            g_ptr_array_add(attached, qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_QMP,
                                                       command->id, NULL));
            qemuDomainJudgeInhibitor(verdict, facts, settings, attached);
        }
        return g_steal_pointer(&verdict);
    }

    verdict->policy = qemuBalloonGetPolicy(facts->def, settings);
    if (verdict->policy == VB_DOMAIN_BALLOON_POLICY_IGNORE ||
        (command->haveTarget &&
         command->target / 1024 >= vbDomainDefGetBalloonCurrent(facts->def)))
        return g_steal_pointer(&verdict);
    qemuDomainJudgeShrink(verdict, facts, settings, command->target / 1024, !command->haveTarget);
    return g_steal_pointer(&verdict);
}

/* An interface of a network may be a device of the host: asked where it could matter. */
static bool
qemuDomainIsAttachingInhibitor(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                               const vbDomainDef *device, GPtrArray *attached)
{
    if (attached->len > 0)
        return true;
    if (vbDomainDefGetBalloonCurrent(facts->def) == vbDomainDefGetBalloonMaximum(facts->def))
        return false;
    qemuBalloonAddNetworks(verdict, facts, device, attached);
    return attached->len > 0;
}

qemuDomainVerdict *
qemuDomainJudgeAttach(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                      const vbDomainDef *device, unsigned int flags)
{
    const unsigned int known = VIR_DOMAIN_DEVICE_MODIFY_LIVE | VIR_DOMAIN_DEVICE_MODIFY_CONFIG;
    g_autoptr(qemuDomainVerdict) verdict = qemuBalloonVerdictNew();
    g_autoptr(GPtrArray) attached =
        g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);

    /* libvirt refuses flags that it does not know. */
    if (flags & ~known || flags == VIR_DOMAIN_DEVICE_MODIFY_CONFIG)
        return g_steal_pointer(&verdict);
    if (device) {
        qemuInhibitorsFromDef(device, attached);
        if (attached->len == 0 && device->devices->len == 0)
            return g_steal_pointer(&verdict);
    }
    if (!qemuDomainHasBalloon(verdict, facts) ||
        (device && !qemuDomainIsAttachingInhibitor(verdict, facts, device, attached)))
        return g_steal_pointer(&verdict);
    if (flags & VIR_DOMAIN_DEVICE_MODIFY_CONFIG) {
        /* libvirt refuses it for a domain that is not persistent. */
        if (!facts->havePersistent)
            qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_PERSISTENT);
        if (!facts->persistent)
            return g_steal_pointer(&verdict);
    }
    qemuDomainJudgeInhibitor(verdict, facts, settings, attached);
    return g_steal_pointer(&verdict);
}

qemuDomainVerdict *
qemuDomainJudgeUnanswered(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                          const char *name, int code, const char *reason, bool lenient)
{
    qemuDomainVerdict *verdict = qemuBalloonVerdictNew();

    /* What the domain would have said is not known before its XML is. */
    verdict->policy = lenient ? VB_DOMAIN_BALLOON_POLICY_WARN : VB_DOMAIN_BALLOON_POLICY_BLOCK;
    if (facts->def && !(lenient && facts->def->policy == VB_DOMAIN_BALLOON_POLICY_DEFAULT))
        verdict->policy = qemuBalloonGetPolicy(facts->def, settings);
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
