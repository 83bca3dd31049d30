/*
 * qemu_balloon.c: what is known of a domain, and what state its balloon is in
 *
 * The definition is believed where it shows an inhibitor.  Where it shows none, or mediated devices
 * that may be opted out in a way that it does not show, the running QEMU is asked by the rule of
 * the setting 'qmp', in rounds: what devices it has and what it is doing, and then of each VFIO
 * device whether it is opted out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_balloon.h"

#include <string.h>

#include "qemu_monitor_json.h"

/* Inhibitors that are told apart; a QEMU that lies may list any number. */
#define QEMU_BALLOON_INHIBITORS_MAX 1024
/* Networks of one domain that are looked up at a time; it has a dozen. */
#define QEMU_BALLOON_NETWORKS_MAX 64

/* How libvirt words VIR_DOMAIN_TAINT_CUSTOM_MONITOR (libvirt 7.1 to 12.8). A libvirtd that runs in
 * another language says it otherwise, and then it is no reason. */
#define QEMU_DOMAIN_TAINT_MONITOR "tainted: custom monitor control commands issued"

qemuDomainFacts *
qemuDomainFactsNew(void)
{
    qemuDomainFacts *facts = g_new0(qemuDomainFacts, 1);

    facts->replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    facts->networks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    facts->emulators = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
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
    g_free(facts->definition);
    vbDomainDefFree(facts->image);
    g_hash_table_unref(facts->networks);
    g_hash_table_unref(facts->emulators);
    g_free(facts);
}

bool
qemuDomainFactsAddXML(qemuDomainFacts *facts, bool inactive, const char *xml, size_t length,
                      GError **error)
{
    vbDomainDef *def = vbDomainDefParseString(xml, length, error);

    if (!def)
        return false;
    qemuDomainFactsAddDef(facts, inactive, def);
    return true;
}

void
qemuDomainFactsAddDef(qemuDomainFacts *facts, bool inactive, vbDomainDef *def)
{
    vbDomainDef **where = inactive ? &facts->inactive : &facts->def;

    vbDomainDefFree(*where);
    *where = def;
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

const vbDomainDef *
qemuDomainFactsGetDef(const qemuDomainFacts *facts)
{
    return facts->def;
}

const char *
qemuDomainFactsGetName(const qemuDomainFacts *facts)
{
    return facts->def ? facts->def->name : NULL;
}

void
qemuDomainFactsAddMonitorReply(qemuDomainFacts *facts, const char *command, const char *reply)
{
    g_hash_table_replace(facts->replies, g_strdup(command), g_strdup(reply));
}

void
qemuDomainFactsAddDefinition(qemuDomainFacts *facts, char *xml)
{
    g_free(facts->definition);
    facts->definition = xml;
}

void
qemuDomainFactsAddManagedSave(qemuDomainFacts *facts, bool managedSave)
{
    facts->haveManagedSave = true;
    facts->managedSave = managedSave;
}

void
qemuDomainFactsAddImage(qemuDomainFacts *facts, vbDomainDef *def)
{
    vbDomainDefFree(facts->image);
    facts->haveImage = true;
    facts->image = def;
}

void
qemuDomainFactsAddNetwork(qemuDomainFacts *facts, const char *name, bool hostdev)
{
    g_hash_table_replace(facts->networks, g_strdup(name), GINT_TO_POINTER(hostdev));
}

void
qemuDomainFactsAddLibvirt(qemuDomainFacts *facts, unsigned long long version)
{
    facts->haveLibvirt = true;
    facts->libvirt = version;
}

void
qemuDomainFactsAddEmulator(qemuDomainFacts *facts, const char *path, bool hasProperty)
{
    g_hash_table_replace(facts->emulators, g_strdup(path), GINT_TO_POINTER(hasProperty));
}

static void
qemuDomainQuestionFree(qemuDomainQuestion *question)
{
    g_free(question->command);
    g_free(question->name);
    g_free(question);
}

qemuDomainVerdict *
qemuBalloonVerdictNew(void)
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
    qemuRedirectPlanFree(verdict->redirect);
    g_free(verdict->errorText);
    g_free(verdict->logText);
    g_free(verdict);
}

void
qemuBalloonRefuse(qemuDomainVerdict *verdict, int code, char *text)
{
    verdict->action = QEMU_DOMAIN_VERDICT_REFUSE;
    verdict->errorCode = code;
    verdict->errorText = text;
}

vbDomainBalloonPolicy
qemuBalloonGetPolicy(const vbDomainDef *def, const qemuDomainSettings *settings)
{
    if (def->policy == VB_DOMAIN_BALLOON_POLICY_DEFAULT)
        return settings->defaultPolicy;
    return def->policy;
}

void
qemuBalloonNeed(qemuDomainVerdict *verdict, qemuDomainQuestionKind kind)
{
    qemuDomainQuestion *question = g_new0(qemuDomainQuestion, 1);

    question->kind = kind;
    verdict->action = QEMU_DOMAIN_VERDICT_NEED;
    g_ptr_array_add(verdict->questions, question);
}

void
qemuBalloonNeedNamed(qemuDomainVerdict *verdict, qemuDomainQuestionKind kind, const char *name)
{
    qemuDomainQuestion *question;

    qemuBalloonNeed(verdict, kind);
    question = g_ptr_array_index(verdict->questions, verdict->questions->len - 1);
    question->name = g_strdup(name);
}

void
qemuBalloonAddNetworks(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                       const vbDomainDef *def, GPtrArray *inhibitors)
{
    g_autoptr(GHashTable) asked = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < def->devices->len; i++) {
        const vbDomainDeviceDef *device = g_ptr_array_index(def->devices, i);
        g_autofree char *address = NULL;
        qemuInhibitor *inhibitor;
        gpointer hostdev = NULL;

        if (device->type != VB_DOMAIN_DEVICE_NETWORK_NET || !device->address)
            continue;
        if (!g_hash_table_lookup_extended(facts->networks, device->address, NULL, &hostdev)) {
            if (g_hash_table_size(asked) < QEMU_BALLOON_NETWORKS_MAX &&
                g_hash_table_add(asked, device->address))
                qemuBalloonNeedNamed(verdict, QEMU_DOMAIN_QUESTION_NETWORK, device->address);
        } else if (GPOINTER_TO_INT(hostdev)) {
            address = g_strdup_printf("of network '%s'", device->address);
            inhibitor = qemuInhibitorNew(QEMU_INHIBITOR_VFIO_PCI, QEMU_INHIBITOR_EVIDENCE_XML,
                                         device->alias, address);
            inhibitor->isInterface = true;
            g_ptr_array_add(inhibitors, inhibitor);
        }
    }
}

/* The answer to a QMP command, or NULL and the question in @verdict. Takes @command. */
static const char *
qemuBalloonNeedMonitor(qemuDomainVerdict *verdict, const qemuDomainFacts *facts, char *command)
{
    g_autofree char *owned = command;
    const char *reply = g_hash_table_lookup(facts->replies, owned);
    qemuDomainQuestion *question;

    if (reply)
        return reply;
    qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_MONITOR);
    question = g_ptr_array_index(verdict->questions, verdict->questions->len - 1);
    question->command = g_steal_pointer(&owned);
    return NULL;
}

static const vbDomainHostdevDef *
qemuBalloonFindHostdev(const vbDomainDef *def, const char *alias)
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
qemuBalloonDescribeVfio(qemuInhibitor *inhibitor, const vbDomainHostdevDef *hostdev,
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

/* Whether both are the same thing, one of them shown by the XML and one by QEMU. */
static bool
qemuBalloonIsSame(const qemuInhibitor *a, const qemuInhibitor *b)
{
    return a->kind == b->kind && (g_strcmp0(a->alias, b->alias) == 0 ||
                                  (a->id && g_strcmp0(a->id, b->alias) == 0));
}

/* Takes @inhibitor; what is known already only gains evidence. */
static void
qemuBalloonAddInhibitor(qemuDomainVerdict *verdict, qemuInhibitor *inhibitor)
{
    for (guint i = 0; i < verdict->inhibitors->len; i++) {
        qemuInhibitor *known = g_ptr_array_index(verdict->inhibitors, i);

        if (!qemuBalloonIsSame(known, inhibitor))
            continue;
        known->evidence |= inhibitor->evidence;
        qemuInhibitorSetAnswer(known, inhibitor->question, inhibitor->answer);
        qemuInhibitorFree(inhibitor);
        return;
    }
    /* One is enough to inhibit, and no guest has that many. */
    if (verdict->inhibitors->len < QEMU_BALLOON_INHIBITORS_MAX)
        g_ptr_array_add(verdict->inhibitors, inhibitor);
    else
        qemuInhibitorFree(inhibitor);
}

/* The definition showed a mediated device that QEMU says is opted out. */
static void
qemuBalloonDropMdev(qemuDomainVerdict *verdict, const char *alias)
{
    for (guint i = 0; i < verdict->inhibitors->len; i++) {
        const qemuInhibitor *known = g_ptr_array_index(verdict->inhibitors, i);

        if (known->kind == QEMU_INHIBITOR_VFIO_MDEV && g_strcmp0(known->alias, alias) == 0) {
            g_ptr_array_remove_index(verdict->inhibitors, i);
            return;
        }
    }
}

/* What QEMU answered to @question shows it. */
static void
qemuBalloonAddAnswer(qemuDomainVerdict *verdict, qemuInhibitorKind kind, const char *alias,
                     const char *question, const char *answer)
{
    qemuInhibitor *inhibitor = qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_QMP, alias, NULL);

    qemuInhibitorSetAnswer(inhibitor, question, answer);
    qemuBalloonAddInhibitor(verdict, inhibitor);
}

/* Judges one device that QEMU has; leaves @verdict at NEED where answers are missing. Returns
 * false and @error where one cannot be read. */
static bool
qemuBalloonAddDevice(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                      const vbDomainDef *def, const char *container,
                      const qemuMonitorQomChild *child, GError **error)
{
    g_autofree char *path = NULL;
    g_autofree char *sysfsdev = NULL;
    g_autofree char *question = NULL;
    g_autofree char *shown = NULL;
    const vbDomainHostdevDef *hostdev;
    const char *allowedReply = NULL;
    const char *sysfsdevReply = NULL;
    qemuInhibitor *inhibitor;
    qemuInhibitorKind kind;
    bool allowed = false;

    if (!qemuInhibitorTypeIsDevice(child->type, &kind))
        return true;

    path = g_strdup_printf("%s/%s", container, child->name);
    hostdev = qemuBalloonFindHostdev(def, child->name);

    if (kind == QEMU_INHIBITOR_VFIO_PCI) {
        allowedReply = qemuBalloonNeedMonitor(verdict, facts,
                                             qemuMonitorJSONMakeQomGet(path,
                                                                       VB_DOMAIN_OPT_OUT_PROPERTY));
        if (!hostdev)
            sysfsdevReply = qemuBalloonNeedMonitor(verdict, facts,
                                                  qemuMonitorJSONMakeQomGet(path, "sysfsdev"));
        if (verdict->action == QEMU_DOMAIN_VERDICT_NEED)
            return true;
        if (!qemuMonitorJSONParseBool(allowedReply, &allowed, error))
            return false;
        if (allowed) {
            qemuBalloonDropMdev(verdict, child->name);
            return true;
        }
        if (sysfsdevReply)
            sysfsdev = qemuMonitorJSONParseString(sysfsdevReply, NULL);
    }

    inhibitor = qemuInhibitorNew(kind, QEMU_INHIBITOR_EVIDENCE_QMP, child->name, NULL);
    qemuBalloonDescribeVfio(inhibitor, hostdev, sysfsdev);
    if (allowedReply) {
        question = g_strdup_printf("qom-get %s " VB_DOMAIN_OPT_OUT_PROPERTY, path);
    } else {
        question = g_strdup_printf("qom-list %s", container);
        shown = g_strdup_printf("%s: child<%s>", child->name, child->type);
    }
    qemuInhibitorSetAnswer(inhibitor, question, allowedReply ? allowedReply : shown);
    qemuBalloonAddInhibitor(verdict, inhibitor);
    return true;
}

/* The devices that the running QEMU has; as qemuBalloonAddDevice(). */
static bool
qemuBalloonAskDevices(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
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

        reply = qemuBalloonNeedMonitor(verdict, facts, qemuMonitorJSONMakeQomList(containers[i]));
        if (!reply)
            continue;
        children = qemuMonitorJSONParseQomList(reply, error);
        if (!children)
            return false;
        for (j = 0; j < children->len; j++) {
            if (!qemuBalloonAddDevice(verdict, facts, def, containers[i],
                                       g_ptr_array_index(children, j), error))
                return false;
        }
    }
    return true;
}

/* While a migration is in one of these QEMU keeps what a background snapshot reads (QEMU 7.2 and
 * 10.0, migration_in_bg_snapshot()). */
static bool
qemuBalloonMigrationRuns(const char *status)
{
    static const char *const running[] = {
        "setup", "active", "postcopy-active", "postcopy-device", "postcopy-paused",
        "postcopy-recover", "postcopy-recover-setup", "pre-switchover", "device", "wait-unplug",
        "colo", "cancelling", NULL,
    };

    return status && g_strv_contains(running, status);
}

static bool
qemuBalloonAddMigration(qemuDomainVerdict *verdict, const char *reply, const char *capabilities,
                        GError **error)
{
    static const char protectedGuest[] = "protected VMs are currently not migratable.";
    g_auto(qemuMonitorMigration) migration = { 0 };
    bool snapshot = false;

    if (!qemuMonitorJSONParseMigrate(reply, &migration, error) ||
        !qemuMonitorJSONParseCapability(capabilities, "background-snapshot", &snapshot, error))
        return false;
    if (migration.blocked && g_strv_contains((const char *const *)migration.blocked,
                                             protectedGuest))
        qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_S390_PV, NULL, "query-migrate", reply);
    if (snapshot && qemuBalloonMigrationRuns(migration.status))
        qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_BACKGROUND_SNAPSHOT, NULL, "query-migrate",
                             reply);
    else if (migration.status && g_str_has_prefix(migration.status, "postcopy-") &&
             !migration.sending)
        qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_POSTCOPY, NULL, "query-migrate", reply);
    return true;
}

static bool
qemuBalloonAddSecurity(qemuDomainVerdict *verdict, const char *sevReply, const char *coloReply,
                       GError **error)
{
    bool sev = false;
    bool secondary = false;

    if (!qemuMonitorJSONParseSev(sevReply, &sev, error) ||
        !qemuMonitorJSONParseColo(coloReply, &secondary, error))
        return false;
    if (sev)
        qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_SEV, NULL, "query-sev", sevReply);
    if (secondary)
        qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_COLO, NULL, "query-colo-status", coloReply);
    return true;
}

static bool
qemuBalloonAddBlockNodes(qemuDomainVerdict *verdict, const char *reply, GError **error)
{
    static const char *const blkio[] = {
        "virtio-blk-vhost-vdpa", "virtio-blk-vfio-pci", "nvme-io_uring", NULL,
    };
    g_autoptr(GPtrArray) nodes = qemuMonitorJSONParseBlockNodes(reply, error);

    if (!nodes)
        return false;
    for (guint i = 0; i < nodes->len; i++) {
        const qemuMonitorBlockNode *node = g_ptr_array_index(nodes, i);
        g_autofree char *shown = g_strdup_printf("%s: drv %s", node->name ? node->name : "?",
                                                 node->driver);

        if (strcmp(node->driver, "nvme") == 0)
            qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_NVME, node->name,
                                 "query-named-block-nodes", shown);
        else if (g_strv_contains(blkio, node->driver))
            qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_BLKIO, node->name,
                                 "query-named-block-nodes", shown);
    }
    return true;
}

/* No query tells the type of a network back end (QEMU 5.2 to 11.1), only the text for humans:
 *  \ net0: index=0,type=vhost-vdpa,vhostdev=/dev/vhost-vdpa-0 */
static bool
qemuBalloonAddNetdevs(qemuDomainVerdict *verdict, const char *versionReply, const char *reply,
                      GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) problem = NULL;
    unsigned int version = 0;

    if (!qemuMonitorJSONParseVersion(versionReply, &version, error))
        return false;
    text = qemuMonitorJSONParseString(reply, &problem);
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    /* QEMU before 6.2 pins for vDPA and does not inhibit. */
    if (!text || version < 6002)
        return true;
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        const char *line = g_strchomp(lines[i]) + strspn(lines[i], " \\");
        const char *index = strstr(line, ": index=");
        g_autofree char *alias = NULL;
        const char *type;
        const char *hub;

        if (!index)
            continue;
        type = index + strlen(": index=");
        type += strspn(type, "0123456789");
        if (!g_str_has_prefix(type, ",type=vhost-vdpa") ||
            !strchr(",", type[strlen(",type=vhost-vdpa")]))
            continue;
        /* Behind a port of a hub. */
        alias = g_strndup(line, (gsize)(index - line));
        hub = strstr(alias, ": ");
        qemuBalloonAddAnswer(verdict, QEMU_INHIBITOR_VHOST_VDPA, hub ? hub + 2 : alias,
                             "info network", line);
    }
    return true;
}

/* Everything that the running QEMU itself says; as qemuBalloonAddDevice(). */
static bool
qemuBalloonAskMonitor(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                      const vbDomainDef *def, GError **error)
{
    static const char *const queries[] = {
        "query-migrate", "query-migrate-capabilities", "query-sev", "query-colo-status",
        "query-version",
    };
    const char *replies[G_N_ELEMENTS(queries)];
    const char *nodes;
    const char *network;

    if (!qemuBalloonAskDevices(verdict, facts, def, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++)
        replies[i] = qemuBalloonNeedMonitor(verdict, facts,
                                            qemuMonitorJSONMakeCommand(queries[i]));
    nodes = qemuBalloonNeedMonitor(verdict, facts, qemuMonitorJSONMakeBlockNodes());
    network = qemuBalloonNeedMonitor(verdict, facts, qemuMonitorJSONMakeHuman("info network"));
    if (verdict->action == QEMU_DOMAIN_VERDICT_NEED)
        return true;

    return qemuBalloonAddMigration(verdict, replies[0], replies[1], error) &&
        qemuBalloonAddSecurity(verdict, replies[2], replies[3], error) &&
        qemuBalloonAddBlockNodes(verdict, nodes, error) &&
        qemuBalloonAddNetdevs(verdict, replies[4], network, error);
}

/* Whether all that the definition shows are mediated devices, and something else than an override
 * of theirs may have opted them out, such as an argument on QEMU's command line. */
static bool
qemuBalloonMayBeOptedOut(const qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                         const qemuDomainSettings *settings)
{
    for (guint i = 0; i < verdict->inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(verdict->inhibitors, i);

        if (inhibitor->kind != QEMU_INHIBITOR_VFIO_MDEV)
            return false;
    }
    return settings->qmp == QEMU_DOMAIN_QMP_ALWAYS ||
        (settings->qmp == QEMU_DOMAIN_QMP_AUTO && facts->def->qemuCommandline);
}

/* Whether to ask the running QEMU about a definition that shows no inhibitor. Leaves @verdict at
 * NEED where only libvirt's messages can tell. An opt-out is a reason for doubt too, and always
 * comes with an element of QEMU's namespace. */
static bool
qemuBalloonIsToBeAsked(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                       const qemuDomainSettings *settings)
{
    switch (settings->qmp) {
    case QEMU_DOMAIN_QMP_ALWAYS:
        return true;
    case QEMU_DOMAIN_QMP_NEVER:
        return false;
    case QEMU_DOMAIN_QMP_AUTO:
    default:
        break;
    }

    if (facts->def->qemuNamespace)
        return true;
    if (!facts->messages) {
        qemuBalloonNeed(verdict, QEMU_DOMAIN_QUESTION_MESSAGES);
        return false;
    }
    return g_strv_contains((const char *const *)facts->messages, QEMU_DOMAIN_TAINT_MONITOR);
}

/* What keeps the host from gaining although nothing inhibits (measured with QEMU 7.2, with memory
 * that is anonymous, of a memfd and of hugetlbfs). madvise() fails on what is locked; what is
 * shared goes with a hole in its file, locked or not. Of a huge page QEMU forgets what it was given
 * as soon as the guest's next batch comes, and Linux has batches of 1 MiB. */
static void
qemuBalloonAddIneffective(qemuDomainVerdict *verdict, const vbDomainDef *def)
{
    if (def->memoryLocked && !def->memoryShared)
        g_ptr_array_add(verdict->inhibitors, qemuInhibitorNew(QEMU_INHIBITOR_LOCKED_MEMORY,
                                                              QEMU_INHIBITOR_EVIDENCE_XML,
                                                              NULL, NULL));
    if (def->memoryHugepages)
        g_ptr_array_add(verdict->inhibitors, qemuInhibitorNew(QEMU_INHIBITOR_HUGE_PAGES,
                                                              QEMU_INHIBITOR_EVIDENCE_XML,
                                                              NULL, NULL));
}

/* What follows from the inhibitors that were found. */
static void
qemuBalloonSettleState(qemuDomainVerdict *verdict, const vbDomainDef *def)
{
    if (verdict->inhibitors->len > 0) {
        verdict->state = QEMU_DOMAIN_BALLOON_INHIBITED;
        return;
    }
    qemuBalloonAddIneffective(verdict, def);
    verdict->state = verdict->inhibitors->len > 0 ? QEMU_DOMAIN_BALLOON_INEFFECTIVE :
        QEMU_DOMAIN_BALLOON_AVAILABLE;
}

bool
qemuBalloonFindAll(qemuDomainVerdict *verdict, const qemuDomainFacts *facts, GError **error)
{
    qemuInhibitorsFromDef(facts->def, verdict->inhibitors);
    if (!qemuBalloonAskMonitor(verdict, facts, facts->def, error))
        return false;
    if (verdict->action != QEMU_DOMAIN_VERDICT_NEED)
        qemuBalloonSettleState(verdict, facts->def);
    return true;
}

void
qemuBalloonReadState(qemuDomainVerdict *verdict, const vbDomainDef *def)
{
    qemuInhibitorsFromDef(def, verdict->inhibitors);
    qemuBalloonSettleState(verdict, def);
}

void
qemuBalloonAddNext(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                   const vbDomainDef *def, GPtrArray *inhibitors)
{
    qemuInhibitorsFromDef(def, inhibitors);
    qemuBalloonAddNetworks(verdict, facts, def, inhibitors);
}

void
qemuBalloonForesee(qemuDomainVerdict *verdict, const qemuDomainFacts *facts)
{
    qemuBalloonAddNext(verdict, facts, facts->def, verdict->inhibitors);
    if (verdict->inhibitors->len > 0 || verdict->action != QEMU_DOMAIN_VERDICT_NEED)
        qemuBalloonSettleState(verdict, facts->def);
}

bool
qemuBalloonFindState(qemuDomainVerdict *verdict, const qemuDomainFacts *facts,
                     const qemuDomainSettings *settings, GError **error)
{
    const vbDomainDef *def = facts->def;
    bool ask;

    qemuInhibitorsFromDef(def, verdict->inhibitors);
    ask = verdict->inhibitors->len > 0 ? qemuBalloonMayBeOptedOut(verdict, facts, settings) :
        qemuBalloonIsToBeAsked(verdict, facts, settings);
    if (ask && !qemuBalloonAskMonitor(verdict, facts, def, error))
        return false;
    if (verdict->action != QEMU_DOMAIN_VERDICT_NEED)
        qemuBalloonSettleState(verdict, def);
    return true;
}
