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
