/*
 * metrics.c: the running guests in Prometheus' text format
 *
 * For node_exporter's textfile collector, which reads what is in a directory at any moment.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include "guests.h"
#include "qemu_message.h"

typedef struct {
    const char *name;
    const char *help;
    void (*append)(GString *text, const char *name, const vbGuest *guest, const char *labels);
} vbMetricsFamily;

/* @value as it stands between quotes: any other character may stand for itself. */
static void
vbMetricsAppendLabel(GString *text, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    g_string_append_printf(text, "%s=\"", name);
    for (const char *c = valid; *c; c++) {
        if (*c == '\n')
            g_string_append(text, "\\n");
        else if (*c == '\\' || *c == '"')
            g_string_append_printf(text, "\\%c", *c);
        else
            g_string_append_c(text, *c);
    }
    g_string_append_c(text, '"');
}

static void
vbMetricsAppendBytes(GString *text, const char *name, const char *labels, unsigned long long kib)
{
    g_string_append_printf(text, "%s{%s} %llu\n", name, labels, kib * 1024);
}

static void
vbMetricsAppendCurrent(GString *text, const char *name, const vbGuest *guest, const char *labels)
{
    if (guest->verdict)
        vbMetricsAppendBytes(text, name, labels, guest->current);
}

static void
vbMetricsAppendMaximum(GString *text, const char *name, const vbGuest *guest, const char *labels)
{
    if (guest->verdict)
        vbMetricsAppendBytes(text, name, labels, guest->maximum);
}

static void
vbMetricsAppendResident(GString *text, const char *name, const vbGuest *guest, const char *labels)
{
    if (guest->haveResident)
        vbMetricsAppendBytes(text, name, labels, guest->resident);
}

static void
vbMetricsAppendState(GString *text, const char *name, const vbGuest *guest, const char *labels)
{
    static const qemuDomainBalloonState states[] = {
        QEMU_DOMAIN_BALLOON_AVAILABLE, QEMU_DOMAIN_BALLOON_INHIBITED,
        QEMU_DOMAIN_BALLOON_INEFFECTIVE, QEMU_DOMAIN_BALLOON_UNKNOWN, QEMU_DOMAIN_BALLOON_NONE,
    };
    qemuDomainBalloonState state = guest->verdict ? guest->verdict->state :
        QEMU_DOMAIN_BALLOON_UNKNOWN;

    for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
        g_string_append_printf(text, "%s{%s,state=\"%s\"} %d\n", name, labels,
                               qemuDomainBalloonStateTypeToString(states[i]), states[i] == state);
}

static void
vbMetricsAppendCount(GString *text, const char *name, const vbGuest *guest, const char *labels)
{
    if (guest->verdict)
        g_string_append_printf(text, "%s{%s} %u\n", name, labels, guest->verdict->inhibitors->len);
}

/* The number keeps two apart that have neither alias nor address. */
static void
vbMetricsAppendInhibitors(GString *text, const char *name, const vbGuest *guest,
                          const char *labels)
{
    for (guint i = 0; guest->verdict && i < guest->verdict->inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(guest->verdict->inhibitors, i);

        g_string_append_printf(text, "%s{%s,number=\"%u\",", name, labels, i);
        vbMetricsAppendLabel(text, "kind", qemuInhibitorKindGetInfo(inhibitor->kind)->name);
        g_string_append_c(text, ',');
        vbMetricsAppendLabel(text, "device", inhibitor->alias ? inhibitor->alias : "");
        g_string_append_c(text, ',');
        vbMetricsAppendLabel(text, "address", inhibitor->address ? inhibitor->address : "");
        g_string_append(text, "} 1\n");
    }
}

static const vbMetricsFamily vbMetricsFamilies[] = {
    { "virtballoon_domain_current_bytes", "What the balloon leaves the guest.",
      vbMetricsAppendCurrent },
    { "virtballoon_domain_maximum_bytes", "What the balloon can leave the guest at most.",
      vbMetricsAppendMaximum },
    { "virtballoon_domain_resident_bytes", "What QEMU really has of the host's memory.",
      vbMetricsAppendResident },
    { "virtballoon_domain_state", "The state of ballooning: 1 for the one that is so.",
      vbMetricsAppendState },
    { "virtballoon_domain_inhibitors", "How many things keep ballooning from freeing memory.",
      vbMetricsAppendCount },
    { "virtballoon_domain_inhibitor", "A thing that keeps ballooning from freeing memory.",
      vbMetricsAppendInhibitors },
};

/* @plain: names are shown on a terminal, which must not obey them. */
static char *
vbMetricsFormatLabels(const vbGuest *guest, bool plain)
{
    g_autofree char *name = plain ? qemuMessageFormatName(guest->name) : g_strdup(guest->name);
    GString *labels = g_string_new(NULL);

    vbMetricsAppendLabel(labels, "domain", name);
    g_string_append_c(labels, ',');
    vbMetricsAppendLabel(labels, "uuid", guest->uuid);
    return g_string_free(labels, FALSE);
}

static char *
vbMetricsFormat(const GPtrArray *guests, bool plain)
{
    g_autoptr(GPtrArray) labels = g_ptr_array_new_with_free_func(g_free);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < guests->len; i++)
        g_ptr_array_add(labels, vbMetricsFormatLabels(g_ptr_array_index(guests, i), plain));
    for (size_t i = 0; i < G_N_ELEMENTS(vbMetricsFamilies); i++) {
        const vbMetricsFamily *family = &vbMetricsFamilies[i];

        g_string_append_printf(text, "# HELP %s %s\n# TYPE %s gauge\n", family->name, family->help,
                               family->name);
        for (guint j = 0; j < guests->len; j++) {
            const vbGuest *guest = g_ptr_array_index(guests, j);

            if (!guest->gone)
                family->append(text, family->name, guest, g_ptr_array_index(labels, j));
        }
    }
    return g_string_free(text, FALSE);
}

static bool
vbMetricsWrite(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    /* No file may be left that is not whole, nor one with another name. */
    vbToolIgnoreSignals();
    if (g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error))
        return true;
    vbToolError("%s", error->message);
    return false;
}

vbExit
vbVerbMetrics(const vbTool *tool, int argc, char **argv)
{
    g_autofree char *output = NULL;
    gboolean ask = FALSE;
    const GOptionEntry entries[] = {
        { "output", 0, 0, G_OPTION_ARG_FILENAME, &output, "Write FILE, all at once", "FILE" },
        { "ask", 0, 0, G_OPTION_ARG_NONE, &ask, "Ask each QEMU, which taints its domain", NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(virConnect) conn = NULL;
    g_autoptr(GPtrArray) domains = NULL;
    g_autoptr(GPtrArray) guests = NULL;
    g_autofree char *text = NULL;
    vbExit status = VB_EXIT_NO_PEER;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 1 || tool->json) {
        vbToolError(tool->json ? "metrics have a format of their own" :
                    "metrics takes no arguments");
        return VB_EXIT_USAGE;
    }
    if (!(conn = vbToolConnect(tool, ask)) ||
        !(domains = vbGuestsFind(conn, false, NULL, 0, &status)) ||
        !(guests = vbGuestsInspect(conn, domains, ask)))
        return status;

    text = vbMetricsFormat(guests, !output && isatty(STDOUT_FILENO));
    return (output ? vbMetricsWrite(output, text) : vbToolPrint(text)) ? VB_EXIT_OK :
        VB_EXIT_NOT_SO;
}
