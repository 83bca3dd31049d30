/*
 * explain.c: the full story of one guest, in the order of interest
 *
 * What is so, on what evidence, what follows from it, what it costs right now, and what to do.
 * The running QEMU is asked, which taints the domain, unless '--no-ask' says otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>
#include <stdio.h>

#include "guest.h"
#include "qemu_message.h"

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
        return "ballooning has no effect on the host: the guest's memory is locked";
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

static void
vbExplainPrintEvidence(const vbGuest *guest)
{
    const GPtrArray *inhibitors = guest->verdict->inhibitors;

    if (inhibitors->len == 0)
        return;
    printf("\nBecause of:\n");
    for (guint i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);
        const qemuInhibitorKindInfo *info = qemuInhibitorKindGetInfo(inhibitor->kind);
        bool xml = inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_XML;
        bool qmp = inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_QMP;
        g_autoptr(GPtrArray) one = g_ptr_array_new();
        g_autofree char *text = NULL;

        g_ptr_array_add(one, (gpointer)inhibitor);
        text = qemuMessageFormatInhibitors(one);
        printf("  %s\n      kind %s, %s; shown by %s\n", text, info->name,
               info->passing ? "passing" : "lasting",
               xml && qmp ? "the XML and by QEMU" : qmp ? "QEMU" : "the XML");
    }
}

static void
vbExplainPrintSizes(const vbGuest *guest)
{
    g_autofree char *current = vbToolFormatSize(guest->current);
    g_autofree char *maximum = vbToolFormatSize(guest->maximum);
    g_autofree char *inflated = vbToolFormatSize(vbGuestGetInflated(guest));
    bool nothing = guest->verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED ||
        guest->verdict->state == QEMU_DOMAIN_BALLOON_INEFFECTIVE;

    if (guest->verdict->state == QEMU_DOMAIN_BALLOON_NONE)
        return;
    printf("\nThe balloon leaves the guest %s of %s.\n", current, maximum);
    if (vbGuestGetInflated(guest) > 0 && nothing)
        printf("It has given up %s, of which the host has what was given up before that began, "
               "and no more.\n", inflated);
    if (guest->haveResident) {
        g_autofree char *resident = vbToolFormatSize(guest->resident);

        printf("QEMU has %s of the host's memory.\n", resident);
    }
}

static void
vbExplainPrintAdvice(const vbGuest *guest)
{
    g_autofree char *advice = NULL;

    if (guest->verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED) {
        advice = qemuMessageFormatAdvice(guest->verdict->inhibitors);
        printf("\nWhat to do:\n  %s.\n", advice);
    } else if (guest->verdict->state == QEMU_DOMAIN_BALLOON_INEFFECTIVE) {
        printf("\nWhat to do:\n  remove <locked/> from <memoryBacking>, or lower <memory> of the "
               "domain, and start it again.\n");
    }
}

static void
vbExplainPrint(const vbGuest *guest)
{
    g_autofree char *name = qemuMessageFormatName(guest->name);

    printf("Domain '%s', %s: %s.\n", name, guest->running ? "running" : "not running",
           vbExplainGetSentence(guest));
    vbExplainPrintEvidence(guest);
    vbExplainPrintSizes(guest);
    printf("Its policy is '%s'.\n", vbGuestGetPolicy(guest));
    vbExplainPrintAdvice(guest);
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
    g_autoptr(virConnect) conn = NULL;
    g_autoptr(virDomain) domain = NULL;
    g_autoptr(vbGuest) guest = NULL;

    if (!vbToolParse(entries, "DOMAIN", &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2) {
        vbToolError("explain needs one domain");
        return VB_EXIT_USAGE;
    }
    if (!(conn = vbToolConnect(tool, !noAsk)))
        return VB_EXIT_NO_PEER;
    if (!(domain = virDomainLookupByName(conn, argv[1])) &&
        !(domain = virDomainLookupByUUIDString(conn, argv[1]))) {
        vbToolError("there is no domain '%s'", argv[1]);
        return VB_EXIT_NOT_SO;
    }

    guest = vbGuestNew(domain, !noAsk);
    if (tool->json)
        return vbToolPrintJSON(vbGuestToJSON(guest)) && guest->verdict ? VB_EXIT_OK :
            VB_EXIT_NOT_SO;
    if (!guest->verdict) {
        vbToolError("domain '%s': %s", guest->name, guest->error);
        return VB_EXIT_NOT_SO;
    }
    vbExplainPrint(guest);
    return VB_EXIT_OK;
}
