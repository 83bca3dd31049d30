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

/* Prints to stderr, with the program's name in front. */
void
vbToolError(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Parses the options of a verb. Returns false after a message. */
bool
vbToolParse(const GOptionEntry *entries, const char *summary, int *argc, char ***argv);

/* Returns: (nullable): a read-only connection where @write is not asked for; NULL after a message */
virConnectPtr
vbToolConnect(const vbTool *tool, bool write);

/* Prints @value as one document, and drops it. Returns false if stdout would not take it. */
bool
vbToolPrintJSON(json_object *value);

/* Returns: (transfer full): "256 MiB", "1000 KiB" */
char *
vbToolFormatSize(unsigned long long kib);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
