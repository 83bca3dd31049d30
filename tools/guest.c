/*
 * guest.c: one guest as libvirt and QEMU show it
 *
 * Drives the policy's function: it names questions, libvirt answers them, and it is asked again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "guest.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

/* No state takes more rounds of questions: what there is, and then of each device. */
#define VB_GUEST_ROUNDS_MAX 8

static const char *
vbGuestGetLibvirtError(void)
{
    const char *message = virGetLastErrorMessage();

    return message ? message : "no error";
}

static bool
vbGuestAskXML(vbGuest *guest, virDomainPtr domain, unsigned int flags)
{
    char *xml = virDomainGetXMLDesc(domain, flags);
    g_autoptr(GError) error = NULL;
    bool ok = xml && qemuDomainFactsAddXML(guest->facts, flags & VIR_DOMAIN_XML_INACTIVE, xml,
                                           strlen(xml), &error);

    if (!ok)
        guest->error = g_strdup(xml ? error->message : vbGuestGetLibvirtError());
    free(xml);
    return ok;
}

static bool
vbGuestAskMessages(vbGuest *guest, virDomainPtr domain)
{
    static const char *const none[] = { NULL };
    char **messages = NULL;
    int count = virDomainGetMessages(domain, &messages, 0);

    /* A libvirt before 7.1 has no messages. */
    qemuDomainFactsAddMessages(guest->facts, count < 0 ? none : (const char *const *)messages);
    for (int i = 0; i < count; i++)
        free(messages[i]);
    free(messages);
    return true;
}

static bool
vbGuestAskMonitor(vbGuest *guest, virDomainPtr domain, const char *command)
{
    char *reply = NULL;

    if (virDomainQemuMonitorCommand(domain, command, &reply, 0) < 0) {
        guest->error = g_strdup(vbGuestGetLibvirtError());
        return false;
    }
    qemuDomainFactsAddMonitorReply(guest->facts, command, reply);
    free(reply);
    return true;
}

static bool
vbGuestAsk(vbGuest *guest, virDomainPtr domain, const qemuDomainQuestion *question)
{
    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
        return vbGuestAskXML(guest, domain, 0);
    case QEMU_DOMAIN_QUESTION_MESSAGES:
        return vbGuestAskMessages(guest, domain);
    case QEMU_DOMAIN_QUESTION_MONITOR:
        return vbGuestAskMonitor(guest, domain, question->command);
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
    case QEMU_DOMAIN_QUESTION_DEFINITION:
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
    case QEMU_DOMAIN_QUESTION_IMAGE:
    case QEMU_DOMAIN_QUESTION_NETWORK:
    case QEMU_DOMAIN_QUESTION_LIBVIRT:
    case QEMU_DOMAIN_QUESTION_EMULATOR:
    default:
        guest->error = g_strdup("a question that is none about the state");
        return false;
    }
}

static void
vbGuestInspect(vbGuest *guest, virDomainPtr domain, bool ask)
{
    const qemuDomainSettings settings = {
        .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_DEFAULT,
        .qmp = ask ? QEMU_DOMAIN_QMP_ALWAYS : QEMU_DOMAIN_QMP_NEVER,
    };

    for (guint round = 0; round < VB_GUEST_ROUNDS_MAX; round++) {
        g_autoptr(qemuDomainVerdict) verdict = qemuDomainInspect(guest->facts, &settings);

        if (verdict->action == QEMU_DOMAIN_VERDICT_PASS) {
            guest->verdict = g_steal_pointer(&verdict);
            return;
        }
        if (verdict->action == QEMU_DOMAIN_VERDICT_REFUSE) {
            guest->error = g_strdup(verdict->errorText);
            return;
        }
        for (guint i = 0; i < verdict->questions->len; i++) {
            if (!vbGuestAsk(guest, domain, g_ptr_array_index(verdict->questions, i)))
                return;
        }
    }
    guest->error = g_strdup("QEMU's answers lead to no end");
}

static void
vbGuestMeasure(vbGuest *guest, virDomainPtr domain)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int count = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);

    for (int i = 0; i < count; i++) {
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS) {
            guest->haveResident = true;
            guest->resident = stats[i].val;
        }
    }
}

vbGuest *
vbGuestNew(virDomainPtr domain, bool ask)
{
    vbGuest *guest = g_new0(vbGuest, 1);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    const vbDomainDef *def;

    virDomainGetUUIDString(domain, uuid);
    guest->name = g_strdup(virDomainGetName(domain));
    guest->uuid = g_strdup(uuid);
    guest->facts = qemuDomainFactsNew();
    vbGuestInspect(guest, domain, ask);

    def = qemuDomainFactsGetDef(guest->facts);
    if (def) {
        guest->running = def->id >= 0;
        guest->current = vbDomainDefGetBalloonCurrent(def);
        guest->maximum = vbDomainDefGetBalloonMaximum(def);
    }
    if (guest->running)
        vbGuestMeasure(guest, domain);
    return guest;
}

void
vbGuestFree(vbGuest *guest)
{
    if (!guest)
        return;
    g_free(guest->name);
    g_free(guest->uuid);
    g_free(guest->error);
    qemuDomainFactsFree(guest->facts);
    qemuDomainVerdictFree(guest->verdict);
    g_free(guest);
}

unsigned long long
vbGuestGetInflated(const vbGuest *guest)
{
    return guest->maximum - guest->current;
}

const char *
vbGuestGetPolicy(const vbGuest *guest)
{
    const char *policy = guest->verdict ?
        vbDomainBalloonPolicyTypeToString(guest->verdict->policy) : NULL;

    /* Whatever it says, it is treated so. */
    return policy ? policy : "block";
}

static json_object *
vbGuestInhibitorToJSON(const qemuInhibitor *inhibitor)
{
    const qemuInhibitorKindInfo *info = qemuInhibitorKindGetInfo(inhibitor->kind);
    json_object *value = json_object_new_object();
    json_object *evidence = json_object_new_array();

    if (inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_XML)
        json_object_array_add(evidence, json_object_new_string("xml"));
    if (inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_QMP)
        json_object_array_add(evidence, json_object_new_string("qmp"));
    json_object_object_add(value, "kind", json_object_new_string(info->name));
    json_object_object_add(value, "device", inhibitor->alias ?
                           json_object_new_string(inhibitor->alias) : NULL);
    json_object_object_add(value, "address", inhibitor->address ?
                           json_object_new_string(inhibitor->address) : NULL);
    json_object_object_add(value, "passing", json_object_new_boolean(info->passing));
    json_object_object_add(value, "evidence", evidence);
    return value;
}

json_object *
vbGuestToJSON(const vbGuest *guest)
{
    json_object *value = json_object_new_object();
    json_object *inhibitors = json_object_new_array();

    json_object_object_add(value, "name", json_object_new_string(guest->name));
    json_object_object_add(value, "uuid", json_object_new_string(guest->uuid));
    json_object_object_add(value, "running", json_object_new_boolean(guest->running));
    if (guest->verdict) {
        for (guint i = 0; i < guest->verdict->inhibitors->len; i++)
            json_object_array_add(inhibitors, vbGuestInhibitorToJSON(
                g_ptr_array_index(guest->verdict->inhibitors, i)));
        json_object_object_add(value, "current_kib",
                               json_object_new_int64((int64_t)guest->current));
        json_object_object_add(value, "maximum_kib",
                               json_object_new_int64((int64_t)guest->maximum));
        json_object_object_add(value, "policy", json_object_new_string(vbGuestGetPolicy(guest)));
        json_object_object_add(value, "state", json_object_new_string(
            qemuDomainBalloonStateTypeToString(guest->verdict->state)));
    }
    json_object_object_add(value, "resident_kib", guest->haveResident ?
                           json_object_new_int64((int64_t)guest->resident) : NULL);
    json_object_object_add(value, "inhibitors", inhibitors);
    json_object_object_add(value, "error",
                           guest->error ? json_object_new_string(guest->error) : NULL);
    return value;
}
