/*
 * guest.c: one guest as libvirt and QEMU show it
 *
 * Drives the policy's function: it names questions, libvirt or a monitor answers them, and it is
 * asked again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "guest.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "network_conf.h"
#include "vberror.h"

/* No state takes more rounds of questions: what there is, and then of each device. */
#define VB_GUEST_ROUNDS_MAX 8

/* Who is asked: libvirt about a domain, or a monitor. */
typedef struct {
    virDomainPtr domain;
    vbMonitor *monitor;
    GError *error; /* of the monitor; then the guest has one, too */
} vbGuestPeer;

static void
vbGuestFailLibvirt(vbGuest *guest)
{
    const char *message = virGetLastErrorMessage();

    guest->gone = virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
    guest->error = g_strdup(message ? message : "no error");
}

static bool
vbGuestAddXML(vbGuest *guest, const char *xml)
{
    g_autoptr(GError) error = NULL;

    if (qemuDomainFactsAddXML(guest->facts, false, xml, strlen(xml), &error))
        return true;
    guest->error = g_strdup(error->message);
    return false;
}

static bool
vbGuestAskXML(vbGuest *guest, const vbGuestPeer *peer)
{
    char *xml = virDomainGetXMLDesc(peer->domain, 0);
    bool ok = xml && vbGuestAddXML(guest, xml);

    if (!xml)
        vbGuestFailLibvirt(guest);
    free(xml);
    return ok;
}

static bool
vbGuestAskMonitor(vbGuest *guest, vbGuestPeer *peer, const char *command)
{
    char *reply = NULL;

    if (peer->monitor) {
        g_autofree char *answer = vbMonitorAsk(peer->monitor, command, &peer->error);

        if (answer)
            qemuDomainFactsAddMonitorReply(guest->facts, command, answer);
        else
            guest->error = g_strdup(peer->error->message);
        return answer;
    }
    if (virDomainQemuMonitorCommand(peer->domain, command, &reply, 0) < 0) {
        vbGuestFailLibvirt(guest);
        return false;
    }
    qemuDomainFactsAddMonitorReply(guest->facts, command, reply);
    free(reply);
    return true;
}

/* A network that is not there hands out nothing. */
static bool
vbGuestAskNetwork(vbGuest *guest, const vbGuestPeer *peer, const char *name)
{
    virNetworkPtr network = virNetworkLookupByName(virDomainGetConnect(peer->domain), name);
    char *xml = network ? virNetworkGetXMLDesc(network, 0) : NULL;
    int code = xml ? VIR_ERR_OK : virGetLastErrorCode();
    bool ok = xml || code == VIR_ERR_NO_NETWORK || code == VIR_ERR_NO_SUPPORT;

    if (ok)
        qemuDomainFactsAddNetwork(guest->facts, name, xml && vbNetworkIsHostdev(xml, strlen(xml)));
    else
        vbGuestFailLibvirt(guest);
    free(xml);
    if (network)
        virNetworkFree(network);
    return ok;
}

static bool
vbGuestAsk(vbGuest *guest, vbGuestPeer *peer, const qemuDomainQuestion *question)
{
    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
        return vbGuestAskXML(guest, peer);
    case QEMU_DOMAIN_QUESTION_MONITOR:
        return vbGuestAskMonitor(guest, peer, question->command);
    case QEMU_DOMAIN_QUESTION_NETWORK:
        return vbGuestAskNetwork(guest, peer, question->name);
    case QEMU_DOMAIN_QUESTION_MESSAGES: /* is asked with qmp=auto only */
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
    case QEMU_DOMAIN_QUESTION_DEFINITION:
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
    case QEMU_DOMAIN_QUESTION_IMAGE:
    case QEMU_DOMAIN_QUESTION_LIBVIRT:
    case QEMU_DOMAIN_QUESTION_EMULATOR:
    default:
        guest->error = g_strdup("a question that is none about the state");
        return false;
    }
}

static void
vbGuestJudge(vbGuest *guest, vbGuestPeer *peer, bool ask)
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
            if (!vbGuestAsk(guest, peer, g_ptr_array_index(verdict->questions, i)))
                return;
        }
    }
    guest->error = g_strdup("QEMU's answers lead to no end");
}

static void
vbGuestFill(vbGuest *guest, vbGuestPeer *peer, bool ask)
{
    const vbDomainDef *def;

    vbGuestJudge(guest, peer, ask);
    def = qemuDomainFactsGetDef(guest->facts);
    if (def) {
        guest->running = def->id >= 0;
        guest->current = vbDomainDefGetBalloonCurrent(def);
        guest->maximum = vbDomainDefGetBalloonMaximum(def);
    }
}

vbGuest *
vbGuestNew(virDomainPtr domain)
{
    vbGuest *guest = g_new0(vbGuest, 1);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    virDomainGetUUIDString(domain, uuid);
    guest->name = g_strdup(virDomainGetName(domain));
    guest->uuid = g_strdup(uuid);
    guest->facts = qemuDomainFactsNew();
    return guest;
}

void
vbGuestInspect(vbGuest *guest, virDomainPtr domain, bool ask)
{
    vbGuestPeer peer = { .domain = domain };

    vbGuestFill(guest, &peer, ask);
}

bool
vbGuestMeasure(virDomainPtr domain, unsigned long long *resident)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int count = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);

    for (int i = 0; i < count; i++) {
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS) {
            *resident = stats[i].val;
            return true;
        }
    }
    return false;
}

static bool
vbGuestFailMonitor(GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "it does not say how much memory it has");
    return false;
}

/* What the balloon spans: see vbDomainDefGetBalloonMaximum(). */
static bool
vbGuestAskMaximum(vbMonitor *monitor, guint64 *maximum, GError **error)
{
    g_autoptr(json_object) summary = NULL;
    g_autoptr(json_object) devices = NULL;

    if (!vbMonitorQuery(monitor, "query-memory-size-summary", &summary, error) ||
        !vbMonitorQuery(monitor, "query-memory-devices", &devices, error))
        return false;
    if (!vbMonitorGetNumber(summary, "base-memory", maximum) ||
        !json_object_is_type(devices, json_type_array))
        return vbGuestFailMonitor(error);
    for (size_t i = 0; i < json_object_array_length(devices); i++) {
        json_object *device = json_object_array_get_idx(devices, i);
        json_object *type = NULL;
        json_object *data = NULL;
        guint64 size;

        if (!json_object_is_type(device, json_type_object))
            return vbGuestFailMonitor(error);
        json_object_object_get_ex(device, "type", &type);
        if (!json_object_is_type(type, json_type_string) ||
            !g_str_equal(json_object_get_string(type), "dimm"))
            continue;
        json_object_object_get_ex(device, "data", &data);
        if (!vbMonitorGetNumber(data, "size", &size) || size > G_MAXINT64 - *maximum)
            return vbGuestFailMonitor(error);
        *maximum += size;
    }
    return true;
}

/* The string @name in what @command returns, or NULL. */
static bool
vbGuestAskString(vbMonitor *monitor, const char *command, const char *name, char **text,
                 GError **error)
{
    g_autoptr(json_object) value = NULL;
    json_object *member = NULL;

    if (!vbMonitorQuery(monitor, command, &value, error))
        return false;
    if (json_object_is_type(value, json_type_object))
        json_object_object_get_ex(value, name, &member);
    *text = json_object_is_type(member, json_type_string) ?
        g_strdup(json_object_get_string(member)) : NULL;
    return true;
}

/* A definition that says no more than QEMU says of itself. Without a balloon device QEMU answers
 * query-balloon with an error. */
static char *
vbGuestDescribe(vbMonitor *monitor, GError **error)
{
    g_autoptr(json_object) balloon = NULL;
    guint64 maximum = 0;
    guint64 actual;

    if (!vbGuestAskMaximum(monitor, &maximum, error) ||
        !vbMonitorQuery(monitor, "query-balloon", &balloon, error))
        return NULL;
    actual = maximum;
    if (balloon && (!vbMonitorGetNumber(balloon, "actual", &actual) || actual > maximum)) {
        vbGuestFailMonitor(error);
        return NULL;
    }
    return g_strdup_printf("<domain type='kvm' id='1'><name>qemu</name><memory>%" G_GUINT64_FORMAT
                           "</memory><currentMemory>%" G_GUINT64_FORMAT "</currentMemory><devices>"
                           "<memballoon model='%s'/></devices></domain>", maximum / 1024,
                           actual / 1024, balloon ? "virtio" : "none");
}

vbGuest *
vbGuestNewFromMonitor(vbMonitor *monitor, GError **error)
{
    g_autoptr(vbGuest) guest = g_new0(vbGuest, 1);
    vbGuestPeer peer = { .monitor = monitor };
    g_autofree char *xml = vbGuestDescribe(monitor, error);

    if (!xml || !vbGuestAskString(monitor, "query-name", "name", &guest->name, error) ||
        !vbGuestAskString(monitor, "query-uuid", "UUID", &guest->uuid, error))
        return NULL;
    if (!guest->name)
        guest->name = g_strdup("qemu");
    guest->alone = true;
    guest->facts = qemuDomainFactsNew();
    if (vbGuestAddXML(guest, xml))
        vbGuestFill(guest, &peer, true);
    if (peer.error) {
        g_propagate_error(error, peer.error);
        return NULL;
    }
    guest->haveResident = vbMonitorGetResident(monitor, &guest->resident);
    return g_steal_pointer(&guest);
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

unsigned long long
vbGuestGetUnfreed(const vbGuest *guest)
{
    if (!guest->haveResident || guest->resident <= guest->current)
        return 0;
    return MIN(guest->resident - guest->current, vbGuestGetInflated(guest));
}

const char *
vbGuestGetPolicy(const vbGuest *guest)
{
    const char *policy = guest->verdict ?
        vbDomainBalloonPolicyTypeToString(guest->verdict->policy) : NULL;

    /* Whatever it says, it is treated so. */
    return policy ? policy : "block";
}

bool
vbGuestFindReach(const vbGuest *guest, qemuRedirectReach *reach)
{
    const vbDomainDef *def = guest->facts ? qemuDomainFactsGetDef(guest->facts) : NULL;

    return def && guest->verdict && guest->running &&
        guest->verdict->policy == VB_DOMAIN_BALLOON_POLICY_REDIRECT &&
        guest->verdict->state != QEMU_DOMAIN_BALLOON_NONE &&
        qemuRedirectFindReach(def, guest->verdict->state == QEMU_DOMAIN_BALLOON_INHIBITED, reach);
}

static json_object *
vbGuestReachToJSON(const qemuRedirectReach *reach)
{
    json_object *value = json_object_new_object();

    json_object_object_add(value, "minimum_kib", json_object_new_int64((int64_t)reach->minimum));
    json_object_object_add(value, "maximum_kib", json_object_new_int64((int64_t)reach->maximum));
    json_object_object_add(value, "target_kib", json_object_new_int64((int64_t)reach->target));
    json_object_object_add(value, "current_kib", json_object_new_int64((int64_t)reach->current));
    return value;
}

json_object *
vbGuestStringToJSON(const char *text)
{
    return text ? json_object_new_string(text) : NULL;
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
    json_object_object_add(value, "device", vbGuestStringToJSON(inhibitor->alias));
    json_object_object_add(value, "address", vbGuestStringToJSON(inhibitor->address));
    json_object_object_add(value, "passing", json_object_new_boolean(info->passing));
    json_object_object_add(value, "evidence", evidence);
    json_object_object_add(value, "question", vbGuestStringToJSON(inhibitor->question));
    json_object_object_add(value, "answer", vbGuestStringToJSON(inhibitor->answer));
    return value;
}

json_object *
vbGuestInhibitorsToJSON(const GPtrArray *inhibitors)
{
    json_object *list = json_object_new_array();

    for (guint i = 0; i < inhibitors->len; i++)
        json_object_array_add(list, vbGuestInhibitorToJSON(g_ptr_array_index(inhibitors, i)));
    return list;
}

json_object *
vbGuestToJSON(const vbGuest *guest)
{
    json_object *value = json_object_new_object();
    const qemuDomainVerdict *verdict = guest->verdict;
    qemuRedirectReach reach;

    json_object_object_add(value, "name", json_object_new_string(guest->name));
    json_object_object_add(value, "uuid", vbGuestStringToJSON(guest->uuid));
    json_object_object_add(value, "running", json_object_new_boolean(guest->running));
    if (verdict) {
        json_object_object_add(value, "current_kib",
                               json_object_new_int64((int64_t)guest->current));
        json_object_object_add(value, "maximum_kib",
                               json_object_new_int64((int64_t)guest->maximum));
    }
    json_object_object_add(value, "resident_kib", guest->haveResident ?
                           json_object_new_int64((int64_t)guest->resident) : NULL);
    json_object_object_add(value, "unfreed_kib", verdict && guest->haveResident ?
                           json_object_new_int64((int64_t)vbGuestGetUnfreed(guest)) : NULL);
    if (verdict && !guest->alone)
        json_object_object_add(value, "policy", json_object_new_string(vbGuestGetPolicy(guest)));
    if (vbGuestFindReach(guest, &reach))
        json_object_object_add(value, "redirect", vbGuestReachToJSON(&reach));
    json_object_object_add(value, "state", json_object_new_string(
        qemuDomainBalloonStateTypeToString(verdict ? verdict->state :
                                           QEMU_DOMAIN_BALLOON_UNKNOWN)));
    json_object_object_add(value, "inhibitors", verdict ?
                           vbGuestInhibitorsToJSON(verdict->inhibitors) :
                           json_object_new_array());
    json_object_object_add(value, "error", vbGuestStringToJSON(guest->error));
    return value;
}
