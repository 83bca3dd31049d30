/*
 * verify.c: finds out by doing whether the host gets what a guest gives up
 *
 * The guest gives up a little, what QEMU has of the host's memory is measured before and after, and
 * the guest gets it back.  Nothing else is as sure, and nothing else of these verbs costs the guest
 * anything: it is done only when it is asked for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "balloon.h"

#define VB_VERIFY_PROBE 32768
/* QEMU's own memory moves by some MiB meanwhile; KiB. */
#define VB_VERIFY_PROBE_MIN 16384

typedef enum {
    VB_VERIFY_WORKS,
    VB_VERIFY_NOTHING,
    VB_VERIFY_UNCLEAR,
} vbVerifyResult;

typedef struct {
    unsigned long long probe;  /* KiB that the guest gave up */
    unsigned long long before; /* KiB of the host's memory */
    unsigned long long after;
    vbVerifyResult result;
} vbVerify;

/* Pages that the guest has not used since it last had them the host need not give, and cannot get
 * back: that nothing was gained proves nothing, unless something is known to inhibit.  A guest may
 * also clear the pages that it gives up, and then QEMU ends with more unless it discards them. */
static vbVerifyResult
vbVerifyConclude(const vbVerify *verify, qemuDomainBalloonState state)
{
    if (verify->before >= verify->after + verify->probe / 2)
        return VB_VERIFY_WORKS;
    if (verify->after >= verify->before + verify->probe / 2 ||
        state == QEMU_DOMAIN_BALLOON_INHIBITED || state == QEMU_DOMAIN_BALLOON_INEFFECTIVE)
        return VB_VERIFY_NOTHING;
    return VB_VERIFY_UNCLEAR;
}

/* Returns: false after a message */
static bool
vbVerifyRun(vbBalloon *balloon, vbVerify *verify)
{
    unsigned long long start = vbBalloonGetGuest(balloon)->current;
    unsigned long long at = start;
    bool ok;

    if (!vbBalloonGetResident(balloon, &verify->before))
        return false;
    ok = vbBalloonMove(balloon, start - verify->probe, true, &at) &&
        vbBalloonGetResident(balloon, &verify->after);
    if (!vbBalloonMove(balloon, start, false, &at) || !ok)
        return false;
    verify->result = vbVerifyConclude(verify, vbBalloonGetGuest(balloon)->verdict->state);
    return true;
}

static bool
vbVerifyPrint(const vbTool *tool, const vbBalloon *balloon, const vbVerify *verify)
{
    static const struct {
        const char *name;
        const char *text;
    } results[] = {
        [VB_VERIFY_WORKS] = { "works", "ballooning works" },
        [VB_VERIFY_NOTHING] = { "nothing", "ballooning frees nothing" },
        [VB_VERIFY_UNCLEAR] = { "unclear", "it cannot be told whether ballooning works: the guest "
                                "may not have used what it gave up, or has huge pages" },
    };
    g_autofree char *probe = vbToolFormatSize(verify->probe);
    g_autofree char *before = vbToolFormatSize(verify->before);
    g_autofree char *after = vbToolFormatSize(verify->after);
    g_autofree char *text = NULL;
    json_object *value;

    if (!tool->json) {
        text = g_strdup_printf("%s: %s\nThe guest gave up %s: QEMU had %s of the host's memory "
                               "and then %s.\n", vbBalloonGetTitle(balloon),
                               results[verify->result].text, probe, before, after);
        return vbToolPrint(text);
    }
    value = json_object_new_object();
    json_object_object_add(value, "name",
                           json_object_new_string(vbBalloonGetGuest(balloon)->name));
    json_object_object_add(value, "result", json_object_new_string(results[verify->result].name));
    json_object_object_add(value, "probe_kib", json_object_new_int64((int64_t)verify->probe));
    json_object_object_add(value, "resident_before_kib",
                           json_object_new_int64((int64_t)verify->before));
    json_object_object_add(value, "resident_after_kib",
                           json_object_new_int64((int64_t)verify->after));
    return vbToolPrintJSON(value);
}

/* Returns: false after a message */
static bool
vbVerifyParseProbe(const char *text, unsigned long long *probe)
{
    if (!vbToolParseSize(text, probe) || *probe < VB_VERIFY_PROBE_MIN) {
        vbToolError("invalid size '%s': expected at least %d KiB, such as '64MiB'", text,
                    VB_VERIFY_PROBE_MIN);
        return false;
    }
    *probe -= *probe % 4;
    return true;
}

vbExit
vbVerbVerify(const vbTool *tool, int argc, char **argv)
{
    g_autofree char *size = NULL;
    int timeout = VB_BALLOON_TIMEOUT;
    const GOptionEntry entries[] = {
        { "probe", 0, 0, G_OPTION_ARG_STRING, &size, "How much the guest is to give up", "SIZE" },
        { "timeout", 0, 0, G_OPTION_ARG_INT, &timeout,
          "Give up where the guest stands still for SECONDS", "SECONDS" },
        G_OPTION_ENTRY_NULL
    };
    vbVerify verify = { .probe = VB_VERIFY_PROBE };
    g_autoptr(vbBalloon) balloon = NULL;
    vbExit status;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (size && !vbVerifyParseProbe(size, &verify.probe))
        return VB_EXIT_USAGE;
    balloon = vbBalloonOpen(tool, argc, argv, timeout, &status);
    if (!balloon)
        return status;
    if (verify.probe > vbBalloonGetGuest(balloon)->current / 2) {
        vbToolError("%s: it has %llu KiB, and is not made to give up more than half of that",
                    vbBalloonGetTitle(balloon), vbBalloonGetGuest(balloon)->current);
        return VB_EXIT_NOT_SO;
    }
    if (!vbVerifyRun(balloon, &verify) || !vbVerifyPrint(tool, balloon, &verify))
        return VB_EXIT_NOT_SO;
    return verify.result == VB_VERIFY_WORKS ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}
