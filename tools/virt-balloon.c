/*
 * virt-balloon.c: the command line, and what its verbs share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "tool.h"
#include "vberror.h"

static const struct {
    const char *name;
    vbVerbFunc func;
    const char *what;
} vbVerbs[] = {
    { "status", vbVerbStatus, "one line for each guest: sizes, policy, state, what inhibits" },
    { "explain", vbVerbExplain, "why a guest's ballooning is as it is, and what to do" },
    { "check", vbVerbCheck, "the same for domain XML that is not defined anywhere" },
};

void
vbToolError(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "virt-balloon: %s\n", text);
}

bool
vbToolParse(const GOptionEntry *entries, const char *summary, int *argc, char ***argv)
{
    g_autofree char *usage = g_strdup_printf("- %s", summary);
    g_autoptr(GOptionContext) context = g_option_context_new(usage);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (g_option_context_parse(context, argc, argv, &error))
        return true;
    vbToolError("%s", error->message);
    return false;
}

virConnectPtr
vbToolConnect(const vbTool *tool, bool write)
{
    virConnectPtr conn = write ? virConnectOpen(tool->uri) : virConnectOpenReadOnly(tool->uri);
    char *type;

    if (!conn) {
        vbToolError("cannot connect to libvirt: %s", virGetLastErrorMessage());
        return NULL;
    }
    type = (char *)virConnectGetType(conn);
    if (g_strcmp0(type, "QEMU") != 0) {
        vbToolError("libvirt's driver '%s' has no QEMU guests", type ? type : "");
        virConnectClose(conn);
        return NULL;
    }
    return conn;
}

bool
vbToolPrintJSON(json_object *value)
{
    /* Whole or not at all: whoever reads it has no use for half of it. */
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
                                                      JSON_C_TO_STRING_SPACED |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE);
    bool ok = puts(text) >= 0 && fflush(stdout) == 0;

    json_object_put(value);
    return ok;
}

char *
vbToolFormatSize(unsigned long long kib)
{
    if (kib % 1024 == 0)
        return g_strdup_printf("%llu MiB", kib / 1024);
    return g_strdup_printf("%llu KiB", kib);
}

/* libvirt prints errors itself unless it is told not to. */
static void
vbToolIgnoreError(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static void
vbToolHelp(GOptionContext *context)
{
    g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);

    printf("%sVerbs:\n", help);
    for (size_t i = 0; i < G_N_ELEMENTS(vbVerbs); i++)
        printf("  %-14s %s\n", vbVerbs[i].name, vbVerbs[i].what);
}

static vbExit
vbToolRun(const vbTool *tool, int argc, char **argv)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vbVerbs); i++) {
        if (g_str_equal(vbVerbs[i].name, argv[0])) {
            virSetErrorFunc(NULL, vbToolIgnoreError);
            return vbVerbs[i].func(tool, argc, argv);
        }
    }
    vbToolError("unknown verb '%s'; see 'virt-balloon --help'", argv[0]);
    return VB_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    g_autofree char *uri = NULL;
    g_autofree char *format = NULL;
    gboolean version = FALSE;
    gboolean help = FALSE;
    vbTool tool = { 0 };
    const GOptionEntry entries[] = {
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &uri, "Connect to libvirt at URI", "URI" },
        { "format", 0, 0, G_OPTION_ARG_STRING, &format, "Print as table or json", "FORMAT" },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Print this and exit", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and exit", NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GOptionContext) context = g_option_context_new("VERB ...");
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    g_set_prgname("virt-balloon");
    g_option_context_set_summary(context, "Tells whether ballooning a guest does any good.");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_strict_posix(context, TRUE);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        vbToolError("%s", error->message);
        return VB_EXIT_USAGE;
    }
    if (version) {
        printf("virt-balloon %s\n", VB_VERSION);
        return VB_EXIT_OK;
    }
    if (help) {
        vbToolHelp(context);
        return VB_EXIT_OK;
    }
    if (format && !g_str_equal(format, "table") && !g_str_equal(format, "json")) {
        vbToolError("invalid format '%s': expected 'table' or 'json'", format);
        return VB_EXIT_USAGE;
    }
    if (argc < 2) {
        vbToolError("no verb; see 'virt-balloon --help'");
        return VB_EXIT_USAGE;
    }
    tool.uri = uri;
    tool.json = g_strcmp0(format, "json") == 0;
    tool.colour = isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR");
    return (int)vbToolRun(&tool, argc - 1, argv + 1);
}
