/*
 * reclaim.c: memory that was given up while something inhibited is freed after all
 *
 * QEMU discards a page when the guest gives it up and never again, so what was swallowed stays
 * resident until the guest takes it back and gives it up once more (QEMU 5.2 to 11.1).  The way
 * down has to be over before the way up begins: a guest that goes one step there and back may move
 * the same pages every time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "balloon.h"
#include "qemu_message.h"

/* With less than that at hand the host would soon swap; KiB. */
#define VB_RECLAIM_STEP_MIN 32768

typedef struct {
    unsigned long long before;   /* KiB of the host's memory */
    unsigned long long after;
    unsigned long long deflated; /* KiB that the guest had back at most */
    bool complete;               /* whether that is all that it had given up */
} vbReclaim;

static bool
vbReclaimIsPossible(const vbBalloon *balloon)
{
    const qemuDomainVerdict *verdict = vbBalloonGetGuest(balloon)->verdict;
    g_autofree char *list = qemuMessageFormatInhibitors(verdict->inhibitors);

    if (verdict->state == QEMU_DOMAIN_BALLOON_AVAILABLE)
        return true;
    vbToolError("cannot reclaim memory of %s: %s %s", vbBalloonGetTitle(balloon),
                verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED ?
                "ballooning is still inhibited by" : "ballooning has no effect because of", list);
    return false;
}

/* What the guest takes back may cost the host as much again: never more at a time than half of what
 * it has. Returns false after a message; @at: what the balloon leaves the guest then. */
static bool
vbReclaimDeflate(vbBalloon *balloon, unsigned long long *at)
{
    const vbGuest *guest = vbBalloonGetGuest(balloon);

    while (*at < guest->maximum) {
        unsigned long long left = guest->maximum - *at;
        unsigned long long available;
        unsigned long long step;

        if (!vbBalloonGetAvailable(balloon, &available))
            return false;
        step = MIN(left, available / 2 / 1024 * 1024);
        if (step < MIN(left, VB_RECLAIM_STEP_MIN)) {
            vbToolError("%s: the host has no more than %llu KiB of memory available: %llu of %llu "
                        "KiB stay as they are", vbBalloonGetTitle(balloon), available, left,
                        vbGuestGetInflated(guest));
            return false;
        }
        if (!vbBalloonMove(balloon, *at + step, true, at))
            return false;
    }
    return true;
}

/* Returns: false after a message where the balloon is not as it was, or its effect unknown */
static bool
vbReclaimRun(vbBalloon *balloon, vbReclaim *reclaim)
{
    unsigned long long start = vbBalloonGetGuest(balloon)->current;
    unsigned long long at = start;

    if (!vbBalloonGetResident(balloon, &reclaim->before))
        return false;
    reclaim->complete = vbReclaimDeflate(balloon, &at);
    reclaim->deflated = at > start ? at - start : 0;
    if (vbBalloonIsMoved(balloon) && !vbBalloonMove(balloon, start, false, &at))
        return false;
    return vbBalloonGetResident(balloon, &reclaim->after);
}

static bool
vbReclaimPrint(const vbTool *tool, const vbBalloon *balloon, const vbReclaim *reclaim)
{
    g_autofree char *deflated = vbToolFormatSize(reclaim->deflated);
    g_autofree char *before = vbToolFormatSize(reclaim->before);
    g_autofree char *after = vbToolFormatSize(reclaim->after);
    g_autofree char *text = NULL;
    json_object *value;

    if (!tool->json && reclaim->deflated == 0 && !reclaim->complete)
        return true;
    if (!tool->json) {
        text = reclaim->deflated == 0 && reclaim->complete ?
            g_strdup_printf("%s: nothing to reclaim, its balloon is not inflated\n",
                            vbBalloonGetTitle(balloon)) :
            g_strdup_printf("%s: the guest had %s back and gave it up again: QEMU had %s of the "
                            "host's memory and has %s\n", vbBalloonGetTitle(balloon), deflated,
                            before, after);
        return vbToolPrint(text);
    }
    value = json_object_new_object();
    json_object_object_add(value, "name",
                           json_object_new_string(vbBalloonGetGuest(balloon)->name));
    json_object_object_add(value, "deflated_kib",
                           json_object_new_int64((int64_t)reclaim->deflated));
    json_object_object_add(value, "complete", json_object_new_boolean(reclaim->complete));
    json_object_object_add(value, "resident_before_kib",
                           json_object_new_int64((int64_t)reclaim->before));
    json_object_object_add(value, "resident_after_kib",
                           json_object_new_int64((int64_t)reclaim->after));
    return vbToolPrintJSON(value);
}

vbExit
vbVerbReclaim(const vbTool *tool, int argc, char **argv)
{
    int timeout = VB_BALLOON_TIMEOUT;
    const GOptionEntry entries[] = {
        { "timeout", 0, 0, G_OPTION_ARG_INT, &timeout,
          "Give up where the guest stands still for SECONDS", "SECONDS" },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(vbBalloon) balloon = NULL;
    vbReclaim reclaim = { 0 };
    vbExit status;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    balloon = vbBalloonOpen(tool, argc, argv, timeout, &status);
    if (!balloon)
        return status;
    if (!vbReclaimIsPossible(balloon) || !vbReclaimRun(balloon, &reclaim) ||
        !vbReclaimPrint(tool, balloon, &reclaim))
        return VB_EXIT_NOT_SO;
    return reclaim.complete ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}
