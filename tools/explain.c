/*
 * explain.c: the full story of one guest, in the order of interest
 *
 * What is so, on what evidence, what follows from it, what it costs right now, and what to do.
 * The running QEMU is asked, which taints the domain, unless '--no-ask' says otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "guests.h"
#include "qemu_message.h"

#define VB_EXPLAIN_COLUMNS 79

static bool
vbExplainHas(const vbGuest *guest, qemuInhibitorKind kind)
{
    const GPtrArray *inhibitors = guest->verdict->inhibitors;

    for (guint i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);

        if (inhibitor->kind == kind)
            return true;
    }
    return false;
}

static const char *
vbExplainGetSentence(const vbGuest *guest)
{
    bool running = guest->running;

    switch (guest->verdict->state) {
    case QEMU_DOMAIN_BALLOON_INHIBITED:
        return running ?
            "ballooning is inhibited: what the guest gives up, the host does not get" :
            "ballooning will be inhibited: what the guest gives up, the host will not get";
    case QEMU_DOMAIN_BALLOON_INEFFECTIVE:
        return vbExplainHas(guest, QEMU_INHIBITOR_HUGE_PAGES) ?
            "ballooning has no effect on the host: the guest's memory is in huge pages" :
            "ballooning has no effect on the host: the guest's memory is locked";
    case QEMU_DOMAIN_BALLOON_AVAILABLE:
        return running ? "ballooning works: what the guest gives up, the host gets" :
            "ballooning will work: what the guest gives up, the host will get";
    case QEMU_DOMAIN_BALLOON_NONE:
        return "there is no balloon device";
    case QEMU_DOMAIN_BALLOON_UNKNOWN:
    default:
        return "whether ballooning is inhibited is not known: the XML alone cannot tell";
    }
}

/* Adds @text in lines that fit any terminal, each behind @indent; words are not taken apart. */
static void
vbExplainAppendLines(GString *story, const char *indent, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    glong column = 0;

    for (guint i = 0; words[i]; i++) {
        glong width = g_utf8_strlen(words[i], -1);

        if (i > 0 && column + 1 + width <= VB_EXPLAIN_COLUMNS) {
            g_string_append_c(story, ' ');
            column++;
        } else {
            g_string_append_printf(story, "%s%s", i > 0 ? "\n" : "", indent);
            column = (glong)strlen(indent);
        }
        g_string_append(story, words[i]);
        column += width;
    }
    g_string_append_c(story, '\n');
}

static void
vbExplainAppendEvidence(const vbGuest *guest, GString *story)
{
    const GPtrArray *inhibitors = guest->verdict->inhibitors;

    if (inhibitors->len == 0)
        return;
    g_string_append(story, "\nBecause of:\n");
    for (guint i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);
        const qemuInhibitorKindInfo *info = qemuInhibitorKindGetInfo(inhibitor->kind);
        bool xml = inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_XML;
        bool qmp = inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_QMP;
        g_autoptr(GPtrArray) one = g_ptr_array_new();
        g_autofree char *text = NULL;

        g_ptr_array_add(one, (gpointer)inhibitor);
        text = qemuMessageFormatInhibitors(one);
        g_string_append_printf(story, "  %s\n      kind %s, %s; shown by %s\n      in QEMU: %s\n",
                               text, info->name, info->passing ? "passing" : "lasting",
                               xml && qmp ? "the XML and by QEMU" : qmp ? "QEMU" : "the XML",
                               info->versions);
        if (inhibitor->question) {
            g_autofree char *question = vbToolFormatText(inhibitor->question);
            g_autofree char *answer = vbToolFormatText(inhibitor->answer);

            g_string_append_printf(story, "      QEMU was asked: %s\n      and answered:   %s\n",
                                   question, answer);
        }
    }
}

/* How much of it is QEMU's own nobody says. */
static void
vbExplainAppendUnfreed(const vbGuest *guest, GString *story)
{
    g_autofree char *unfreed = vbToolFormatSize(vbGuestGetUnfreed(guest));
    g_autofree char *text = NULL;

    if (vbGuestGetUnfreed(guest) == 0)
        return;
    text = guest->verdict->state == QEMU_DOMAIN_BALLOON_AVAILABLE ?
        g_strdup_printf("Up to %s of that was given up while something inhibited, if ever "
                        "something did: 'virt-balloon reclaim' frees it. What QEMU needs for "
                        "itself may be part of it, and stays.", unfreed) :
        g_strdup_printf("Up to %s of that the guest has given up for nothing.", unfreed);
    vbExplainAppendLines(story, "", text);
}

static void
vbExplainAppendSizes(const vbGuest *guest, GString *story)
{
    g_autofree char *current = vbToolFormatSize(guest->current);
    g_autofree char *maximum = vbToolFormatSize(guest->maximum);
    g_autofree char *inflated = vbToolFormatSize(vbGuestGetInflated(guest));
    bool nothing = guest->verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED ||
        guest->verdict->state == QEMU_DOMAIN_BALLOON_INEFFECTIVE;

    if (guest->verdict->state == QEMU_DOMAIN_BALLOON_NONE)
        return;
    g_string_append_printf(story, "\nThe balloon leaves the guest %s of %s.\n", current, maximum);
    if (vbGuestGetInflated(guest) > 0 && nothing)
        g_string_append_printf(story, "It has given up %s, of which the host has what was given up "
                               "before\nthat began, and no more.\n", inflated);
    if (guest->haveResident) {
        g_autofree char *resident = vbToolFormatSize(guest->resident);

        g_string_append_printf(story, "QEMU has %s of the host's memory.\n", resident);
    }
    vbExplainAppendUnfreed(guest, story);
}

static void
vbExplainAppendPolicy(const vbGuest *guest, GString *story)
{
    const vbDomainDef *def = qemuDomainFactsGetDef(guest->facts);

    if (def->policy == VB_DOMAIN_BALLOON_POLICY_INVALID) {
        g_autofree char *stored = qemuMessageFormatName(def->policyText);

        g_string_append_printf(story, "Its policy is '%s': what is stored, '%s', is none.\n",
                               vbGuestGetPolicy(guest), stored);
    } else {
        g_string_append_printf(story, "Its policy is '%s'.\n", vbGuestGetPolicy(guest));
    }
}

/* What 'setmem' means for it, and reaches. */
static void
vbExplainAppendReach(const vbGuest *guest, GString *story)
{
    qemuRedirectReach reach;
    g_autofree char *sizes = NULL;
    g_autofree char *text = NULL;

    if (!vbGuestFindReach(guest, &reach))
        return;
    sizes = qemuMessageFormatReach(&reach);
    text = g_strdup_printf("Through virtballoond 'setmem' is for the guest as a whole, which has "
                           "%llu KiB: sizes %s.", reach.current, sizes);
    vbExplainAppendLines(story, "", text);
}

/* libvirt's words help nobody whose QEMU was not started by it. */
static char *
vbExplainFormatAdvice(const vbGuest *guest)
{
    if (!guest->alone)
        return qemuMessageFormatAdvice(guest->verdict->inhibitors);
    return g_strdup("unplug what inhibits (device_del), or start QEMU with less memory (-m), or "
                    "with property '" VB_DOMAIN_OPT_OUT_PROPERTY "' on a mediated device that does "
                    "not pin guest memory");
}

static void
vbExplainAppendAdvice(const vbGuest *guest, GString *story)
{
    g_autofree char *advice = NULL;

    if (guest->verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED) {
        advice = vbExplainFormatAdvice(guest);
    } else if (guest->verdict->state == QEMU_DOMAIN_BALLOON_INEFFECTIVE) {
        bool locked = vbExplainHas(guest, QEMU_INHIBITOR_LOCKED_MEMORY);
        bool huge = vbExplainHas(guest, QEMU_INHIBITOR_HUGE_PAGES);

        advice = g_strdup_printf("remove %s%s%s from <memoryBacking>, or lower <memory> of the "
                                 "domain, and start it again", locked ? "<locked/>" : "",
                                 locked && huge ? " and " : "", huge ? "<hugepages/>" : "");
    }
    if (advice) {
        g_string_append(story, "\nWhat to do:\n");
        vbExplainAppendLines(story, "  ", advice);
    }
}

static bool
vbExplainPrint(const vbTool *tool, const vbGuest *guest)
{
    g_autofree char *name = qemuMessageFormatName(guest->name);
    g_autofree char *state = vbToolFormatState(tool, guest->verdict->state);
    g_autoptr(GString) story = g_string_new(NULL);

    g_string_append_printf(story, "%s '%s', %s: %s\n", guest->alone ? "QEMU" : "Domain", name,
                           guest->running ? "running" : "not running", state);
    vbExplainAppendLines(story, "", vbExplainGetSentence(guest));
    vbExplainAppendEvidence(guest, story);
    vbExplainAppendSizes(guest, story);
    if (!guest->alone)
        vbExplainAppendPolicy(guest, story);
    vbExplainAppendReach(guest, story);
    vbExplainAppendAdvice(guest, story);
    return vbToolPrint(story->str);
}

/* Returns: (transfer full) (nullable): the one guest; NULL after a message, @status says which */
static GPtrArray *
vbExplainAskLibvirt(const vbTool *tool, bool ask, char *name, vbExit *status)
{
    g_autoptr(virConnect) conn = NULL;
    g_autoptr(GPtrArray) domains = NULL;

    *status = VB_EXIT_NO_PEER;
    if (!(conn = vbToolConnect(tool, ask)) ||
        !(domains = vbGuestsFind(conn, true, &name, 1, status)))
        return NULL;
    return vbGuestsInspect(conn, domains, ask);
}

vbExit
vbVerbExplain(const vbTool *tool, int argc, char **argv)
{
    gboolean noAsk = FALSE;
    const GOptionEntry entries[] = {
        { "no-ask", 0, 0, G_OPTION_ARG_NONE, &noAsk,
          "Do not ask QEMU, which taints the domain", NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GPtrArray) guests = NULL;
    const vbGuest *guest;
    vbExit status = VB_EXIT_NO_PEER;
    bool ok;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (tool->qmp ? argc > 1 || noAsk : argc != 2) {
        vbToolError(tool->qmp ? "with --qmp explain takes no domain and no options" :
                    "explain needs one domain");
        return VB_EXIT_USAGE;
    }
    guests = tool->qmp ? vbGuestsAskMonitor(tool->qmp) :
        vbExplainAskLibvirt(tool, !noAsk, argv[1], &status);
    if (!guests)
        return status;

    guest = g_ptr_array_index(guests, 0);
    if (!tool->json && !guest->verdict) {
        vbToolError("domain '%s': %s%s", guest->name, guest->error, noAsk || guest->gone ? "" :
                    "; '--no-ask' tells what is known without asking QEMU");
        return VB_EXIT_NOT_SO;
    }
    ok = tool->json ? vbToolPrintJSON(vbGuestToJSON(guest)) : vbExplainPrint(tool, guest);
    return ok && guest->verdict ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}
