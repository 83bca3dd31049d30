/*
 * qemu_monitor_json.h: the QMP commands we ask with, and what their answers say
 *
 * Text in, text out: who carries it to QEMU is not known here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Where devices with an id are, and those without (QEMU 5.2 to 11.1). */
#define QEMU_MONITOR_PERIPHERAL "/machine/peripheral"
#define QEMU_MONITOR_PERIPHERAL_ANON "/machine/peripheral-anon"

typedef struct {
    char *name; /* of the property of the container: the device's id */
    char *type; /* QOM type name */
} qemuMonitorQomChild;

/* Returns: (transfer full): {"execute":"qom-list",...} */
char *
qemuMonitorJSONMakeQomList(const char *path);

/* Returns: (transfer full): {"execute":"qom-get",...} */
char *
qemuMonitorJSONMakeQomGet(const char *path, const char *property);

/* Returns: (transfer full): {"execute":"..."} */
char *
qemuMonitorJSONMakeCommand(const char *command);

/* Returns: (transfer full): query-named-block-nodes, without the backing chain in each node: that
 * is nested deeper than json-c reads, from 27 overlays on, and squares in size (QEMU 5.0). */
char *
qemuMonitorJSONMakeBlockNodes(void);

/* Returns: (transfer full): a command line of QEMU's human monitor, in QMP */
char *
qemuMonitorJSONMakeHuman(const char *line);

/**
 * qemuMonitorJSONParseQomList:
 * @reply: QEMU's answer, as virDomainQemuMonitorCommand() returns it
 *
 * Returns: (transfer full) (element-type qemuMonitorQomChild): the children; NULL and VB_ERROR if
 * @reply is no such answer, QEMU's own error included
 */
GPtrArray *
qemuMonitorJSONParseQomList(const char *reply, GError **error);

/**
 * qemuMonitorJSONParseBool:
 * @value: (out): false where QEMU answers with an error of its own: a property that the device
 *     does not have is not switched on
 *
 * Returns: false and VB_ERROR if @reply is neither a boolean nor an error of QEMU's
 */
bool
qemuMonitorJSONParseBool(const char *reply, bool *value, GError **error);

/**
 * qemuMonitorJSONParseString:
 *
 * Returns: (transfer full) (nullable): the string; NULL without @error set where QEMU answers with
 * an error of its own, NULL with VB_ERROR where @reply is neither
 */
char *
qemuMonitorJSONParseString(const char *reply, GError **error);

/* What a query says. All are false, 0 or NULL where QEMU answers with an error of its own: it does
 * not have the command, and so not the thing. */

typedef struct {
    char *status;       /* 'active', 'postcopy-active', ...; NULL where nothing ever migrated */
    bool sending;       /* there is a count of RAM: this is the side that sends */
    char **blocked;     /* reasons why it cannot migrate (QEMU 6.0), or NULL */
} qemuMonitorMigration;

void
qemuMonitorMigrationClear(qemuMonitorMigration *migration);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuMonitorMigration, qemuMonitorMigrationClear)

/* query-migrate. Returns false and VB_ERROR if @reply is no answer, as all of these do. */
bool
qemuMonitorJSONParseMigrate(const char *reply, qemuMonitorMigration *migration, GError **error);

/* query-migrate-capabilities: whether @name is switched on. */
bool
qemuMonitorJSONParseCapability(const char *reply, const char *name, bool *value, GError **error);

/* query-sev: whether the guest's memory is that of SEV or SEV-ES, and not of SEV-SNP. */
bool
qemuMonitorJSONParseSev(const char *reply, bool *sev, GError **error);

/* query-colo-status: whether this is the secondary side, or was it before it took over: QEMU does
 * not count down then (measured with 7.2: no page of what the guest gives up is discarded). */
bool
qemuMonitorJSONParseColo(const char *reply, bool *secondary, GError **error);

/* query-version: 6002 is 6.2. */
bool
qemuMonitorJSONParseVersion(const char *reply, unsigned int *version, GError **error);

typedef struct {
    char *name;   /* of the node */
    char *driver;
} qemuMonitorBlockNode;

/* query-named-block-nodes. Returns: (transfer full) (element-type qemuMonitorBlockNode) */
GPtrArray *
qemuMonitorJSONParseBlockNodes(const char *reply, GError **error);
