/*
 * testinhibitors.h: what inhibits, as one line to compare
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_inhibitor.h"

/* "vfio-pci hostdev0 0000:07:00.0 xml, sev - - xml": kind, alias, address, evidence and, of an
 * interface, that word */
static inline char *
testFormatInhibitors(const GPtrArray *inhibitors)
{
    static const char *const evidence[] = { "none", "xml", "qmp", "xml+qmp" };
    GString *text = g_string_new(NULL);
    guint i;

    for (i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);

        g_string_append_printf(text, "%s%s %s %s %s%s", i > 0 ? ", " : "",
                               qemuInhibitorKindGetInfo(inhibitor->kind)->name,
                               inhibitor->alias ? inhibitor->alias : "-",
                               inhibitor->address ? inhibitor->address : "-",
                               evidence[inhibitor->evidence & 3],
                               inhibitor->isInterface ? " interface" : "");
    }
    return g_string_free(text, FALSE);
}
