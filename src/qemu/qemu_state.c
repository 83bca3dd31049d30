/*
 * qemu_state.c: where the state of the balloon shows, in answers that libvirt gives
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_state.h"

#include <string.h>

#include "qemu_message.h"
#include "vbmarkup.h"
#include "vbxml.h"

/* A guest may have hundreds of virtual functions; the count says how many there are. */
#define QEMU_STATE_INHIBITORS_MAX 64

static qemuDomainVerdict *
qemuStateInspect(const qemuDomainFacts *facts, const qemuDomainSettings *settings)
{
    qemuDomainSettings quiet = *settings;

    quiet.qmp = QEMU_DOMAIN_QMP_NEVER;
    return qemuDomainInspect(facts, &quiet);
}

/* Returns: whether the size of the guest is one that virtio-mem devices are resized for */
static bool
qemuStateFindReach(const qemuDomainFacts *facts, const qemuDomainVerdict *verdict,
                   qemuRedirectReach *reach)
{
    const vbDomainDef *def = qemuDomainFactsGetDef(facts);

    return verdict->policy == VB_DOMAIN_BALLOON_POLICY_REDIRECT && def->id >= 0 &&
        verdict->state != QEMU_DOMAIN_BALLOON_NONE &&
        qemuRedirectFindReach(def, verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED, reach);
}

char *
qemuStateFormatMessage(const qemuDomainFacts *facts, const qemuDomainSettings *settings)
{
    g_autoptr(qemuDomainVerdict) verdict = qemuStateInspect(facts, settings);
    g_autofree char *list = qemuMessageFormatInhibitors(verdict->inhibitors);
    const char *policy = vbDomainBalloonPolicyTypeToString(verdict->policy);
    const vbDomainDef *def = qemuDomainFactsGetDef(facts);
    qemuRedirectReach reach;
    g_autofree char *sizes = NULL;

    if (verdict->action != QEMU_DOMAIN_VERDICT_PASS || def->id < 0)
        return NULL;
    switch (verdict->state) {
    case QEMU_DOMAIN_BALLOON_INHIBITED:
        if (qemuStateFindReach(facts, verdict, &reach)) {
            sizes = qemuMessageFormatReach(&reach);
            return g_strdup_printf("ballooning: inhibited by %s (policy 'redirect': sizes %s)",
                                   list, sizes);
        }
        return g_strdup_printf("ballooning: inhibited by %s (policy '%s')", list,
                               policy ? policy : "block");
    case QEMU_DOMAIN_BALLOON_INEFFECTIVE:
        return g_strdup_printf("ballooning: ineffective because of %s", list);
    case QEMU_DOMAIN_BALLOON_UNKNOWN:
        return g_strdup("ballooning: unknown, the XML alone cannot tell what inhibits it");
    case QEMU_DOMAIN_BALLOON_NONE:
    case QEMU_DOMAIN_BALLOON_AVAILABLE:
    default:
        return NULL;
    }
}

static void
qemuStateAddInhibitor(remoteStatsRecord *record, guint number, const qemuInhibitor *inhibitor)
{
    const struct {
        const char *what;
        const char *value;
    } fields[] = {
        { "kind", qemuInhibitorKindGetInfo(inhibitor->kind)->name },
        { "device", inhibitor->alias },
        { "address", inhibitor->address },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autofree char *name = g_strdup_printf("balloon.inhibitor.%u.%s", number, fields[i].what);
        g_autofree char *value = NULL;

        if (!fields[i].value)
            continue;
        value = qemuMessageFormatName(fields[i].value);
        remoteStatsAddString(record, name, value);
    }
}

void
qemuStateAddStats(remoteStatsRecord *record, vbDomainDef *def, const qemuDomainSettings *settings)
{
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    qemuRedirectReach reach;
    const char *policy;

    qemuDomainFactsAddDef(facts, false, def);
    verdict = qemuStateInspect(facts, settings);
    policy = vbDomainBalloonPolicyTypeToString(verdict->policy);
    remoteStatsAddString(record, "balloon.policy", policy ? policy : "block");
    remoteStatsAddString(record, "balloon.state",
                         qemuDomainBalloonStateTypeToString(verdict->state));
    remoteStatsAddUInt(record, "balloon.inhibitor.count", verdict->inhibitors->len);
    for (guint i = 0; i < MIN(verdict->inhibitors->len, QEMU_STATE_INHIBITORS_MAX); i++)
        qemuStateAddInhibitor(record, i, g_ptr_array_index(verdict->inhibitors, i));
    if (qemuStateFindReach(facts, verdict, &reach)) {
        remoteStatsAddULLong(record, "balloon.redirect.minimum", reach.minimum);
        remoteStatsAddULLong(record, "balloon.redirect.maximum", reach.maximum);
        remoteStatsAddULLong(record, "balloon.redirect.target", reach.target);
    }
}

char *
qemuStateShowCapabilities(const char *text, size_t length, size_t *newLength)
{
    /* Indented as libvirt indents its own: the last line is that of the closing tag behind it. */
    static const char policies[] =
        "  <enum name='policy'>\n"
        "        <value>block</value>\n"
        "        <value>warn</value>\n"
        "        <value>ignore</value>\n"
        "        <value>redirect</value>\n"
        "        <value>default</value>\n"
        "      </enum>\n"
        "    ";
    static const char ballooning[] =
        "  <enum name='ballooning'>\n"
        "        <value>on</value>\n"
        "        <value>off</value>\n"
        "      </enum>\n"
        "    ";
    g_autoptr(xmlDoc) doc = vbXMLParse(text, length, NULL);
    g_autoptr(vbMarkup) markup = doc ? vbMarkupNew(text, length, doc, NULL) : NULL;
    const xmlNode *devices = markup ? vbXMLChild(xmlDocGetRootElement(doc), "devices") : NULL;
    const xmlNode *hostdev = vbXMLChild(devices, "hostdev");
    const xmlNode *memballoon = vbXMLChild(devices, "memballoon");

    if (!devices)
        return NULL;
    if (hostdev && vbXMLPropIs(hostdev, "supported", "yes"))
        vbMarkupAppend(markup, hostdev, ballooning);
    if (memballoon) {
        vbMarkupAppend(markup, memballoon, policies);
    } else {
        g_autofree char *whole = g_strdup_printf("  <memballoon supported='yes'>\n    %s"
                                                 "</memballoon>\n  ", policies);

        vbMarkupAppend(markup, devices, whole);
    }
    return vbMarkupApply(markup, newLength);
}
