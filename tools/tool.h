/*
 * tool.h: what the verbs of virt-balloon share
 *
 * Over libvirt's public API only, and the policy of src/qemu, which is the daemon's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <json-c/json.h>
#include <libvirt/libvirt.h>

#include "qemu_domain.h"

typedef enum {
    VB_EXIT_OK = 0,
    VB_EXIT_NOT_SO = 1,  /* the thing asked for is not so, or was refused */
    VB_EXIT_USAGE = 2,   /* wrong usage, or input that cannot be read */
    VB_EXIT_NO_PEER = 3, /* libvirt or QEMU could not be reached */
} vbExit;

typedef struct {
    const char *uri; /* NULL: libvirt's default */
    const char *qmp; /* the socket of a monitor instead of libvirt, or NULL */
    bool json;
    bool colour;
} vbTool;

/* A verb; @argv begins with its name. */
typedef vbExit (*vbVerbFunc)(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbStatus(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbExplain(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbCheck(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbCapabilities(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbReclaim(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbVerify(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbMetrics(const vbTool *tool, int argc, char **argv);

vbExit
vbVerbFront(const vbTool *tool, int argc, char **argv);

/* Returns: (transfer full): what somebody else worded, on one line that no terminal obeys */
char *
vbToolFormatText(const char *text);

/* Prints to stderr, with the program's name in front, on one line that no terminal obeys. */
void
vbToolError(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Parses the options of a verb; what is left in @argv behind the verb's name are its arguments,
 * whatever they begin with. Returns false after a message. */
bool
vbToolParse(const GOptionEntry *entries, int *argc, char ***argv);

/* Returns: (nullable): a read-only connection where @write is not asked for; NULL after a
 * message */
virConnectPtr
vbToolConnect(const vbTool *tool, bool write);

/* SIGINT and its like are held off, for good: what is being written is soon there. */
void
vbToolIgnoreSignals(void);

/* Prints @text, whole unless stdout will not take it; then false after a message. */
bool
vbToolPrint(const char *text);

/* Prints @value as one document, as vbToolPrint(), and drops it. */
bool
vbToolPrintJSON(json_object *value);

/* Returns: (transfer full): "256 MiB", "1000 KiB" */
char *
vbToolFormatSize(unsigned long long kib);

/* Returns: (transfer full): @state, in colour where that is wanted */
char *
vbToolFormatState(const vbTool *tool, qemuDomainBalloonState state);

/* Returns: whether the file @path, one of those in /proc, says how much @name is; @kib: (out) */
bool
vbToolReadSize(const char *path, const char *name, unsigned long long *kib);

/* Returns: whether @text is a size, such as "64MiB", "1G" or "512", which is KiB; @kib: (out) */
bool
vbToolParseSize(const char *text, unsigned long long *kib);

/**
 * vbToolAppendTable:
 * @cells: (element-type utf8): row by row, the heads first
 *
 * The last column is as wide as it likes.
 */
void
vbToolAppendTable(GString *text, const GPtrArray *cells, guint columns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_tokener, json_tokener_free)
