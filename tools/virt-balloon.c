/*
 * virt-balloon.c: the command line, and what its verbs share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const struct {
    const char *name;
    vbVerbFunc func;
    bool monitor; /* whether it goes without libvirt, by '--qmp' */
    const char *what;
} vbVerbs[] = {
    { "status", vbVerbStatus, true,
      "one line for each guest: sizes, policy, state, what inhibits" },
    { "explain", vbVerbExplain, true, "why a guest's ballooning is as it is, and what to do" },
    { "check", vbVerbCheck, false, "the same for domain XML that is not defined anywhere" },
    { "capabilities", vbVerbCapabilities, false,
      "what QEMU and this host can do about ballooning and assigned devices" },
    { "reclaim", vbVerbReclaim, true,
      "once nothing inhibits any more, free what was given up meanwhile" },
    { "verify", vbVerbVerify, true,
      "find out by doing whether the host gets what a guest gives up" },
    { "metrics", vbVerbMetrics, false, "the running guests in Prometheus' text format" },
    { "front", vbVerbFront, false,
      "whether virtballoond is in front of libvirt, and put it there or take it away" },
};

/* Whether a terminal just shows it, on the same line. */
static bool
vbToolIsPrintable(gunichar character)
{
    GUnicodeType type = g_unichar_type(character);

    return g_unichar_isprint(character) && type != G_UNICODE_LINE_SEPARATOR &&
        type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *
vbToolFormatText(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *printable = g_string_new(NULL);

    for (const char *c = valid; *c; c = g_utf8_next_char(c))
        g_string_append_unichar(printable, vbToolIsPrintable(g_utf8_get_char(c)) ?
                                g_utf8_get_char(c) : '?');
    return g_string_free(printable, FALSE);
}

void
vbToolError(const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *printable = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    printable = vbToolFormatText(text);
    fprintf(stderr, "virt-balloon: %s\n", printable);
}

bool
vbToolParse(const GOptionEntry *entries, int *argc, char ***argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_help_enabled(context, FALSE);
    if (!g_option_context_parse(context, argc, argv, &error)) {
        vbToolError("%s", error->message);
        return false;
    }
    /* It is left where an argument behind it begins with '-'. */
    for (int i = 1; i < *argc; i++) {
        if (g_str_equal((*argv)[i], "--")) {
            memmove(*argv + i, *argv + i + 1, (size_t)(*argc - i) * sizeof(**argv));
            (*argc)--;
            break;
        }
    }
    return true;
}

virConnectPtr
vbToolConnect(const vbTool *tool, bool write)
{
    virConnectPtr conn = write ? virConnectOpen(tool->uri) : virConnectOpenReadOnly(tool->uri);
    const char *type;

    if (!conn) {
        vbToolError("cannot connect to libvirt: %s", virGetLastErrorMessage());
        return NULL;
    }
    type = virConnectGetType(conn);
    if (g_strcmp0(type, "QEMU") != 0) {
        vbToolError("libvirt's driver '%s' has no QEMU guests", type ? type : "");
        virConnectClose(conn);
        return NULL;
    }
    return conn;
}

void
vbToolIgnoreSignals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

    /* For the whole process: a blocked signal would find another thread. */
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        signal(numbers[i], SIG_IGN);
}

bool
vbToolPrint(const char *text)
{
    size_t length = strlen(text);

    vbToolIgnoreSignals();
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            vbToolError("cannot write: %s", g_strerror(errno));
            return false;
        }
        text += written;
        length -= (size_t)written;
    }
    return true;
}

/* json-c escapes ASCII's control characters, and leaves what else a terminal may obey: outside
 * strings there is nothing but ASCII. */
static char *
vbToolEscapeJSON(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *escaped = g_string_new(NULL);

    for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);

        if (character == '\n' || vbToolIsPrintable(character))
            g_string_append_unichar(escaped, character);
        else if (character <= 0xffff)
            g_string_append_printf(escaped, "\\u%04x", character);
        else
            g_string_append_printf(escaped, "\\u%04x\\u%04x",
                                   0xd800 + ((character - 0x10000) >> 10),
                                   0xdc00 + ((character - 0x10000) & 0x3ff));
    }
    return g_string_free(escaped, FALSE);
}

bool
vbToolPrintJSON(json_object *value)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
                                                      JSON_C_TO_STRING_SPACED |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE);
    g_autofree char *escaped = vbToolEscapeJSON(text);
    g_autofree char *line = g_strconcat(escaped, "\n", NULL);

    json_object_put(value);
    return vbToolPrint(line);
}

char *
vbToolFormatSize(unsigned long long kib)
{
    if (kib % 1024 == 0)
        return g_strdup_printf("%llu MiB", kib / 1024);
    return g_strdup_printf("%llu KiB", kib);
}

bool
vbToolReadSize(const char *path, const char *name, unsigned long long *kib)
{
    g_autofree char *start = g_strdup_printf("\n%s:", name);
    g_autofree char *text = NULL;
    const char *line;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(line = strstr(text, start)))
        return false;
    *kib = g_ascii_strtoull(line + strlen(start), NULL, 10);
    return true;
}

bool
vbToolParseSize(const char *text, unsigned long long *kib)
{
    static const struct {
        const char *name;
        unsigned int shift;
    } units[] = {
        { "", 0 }, { "K", 0 }, { "KiB", 0 }, { "M", 10 }, { "MiB", 10 }, { "G", 20 }, { "GiB", 20 },
    };
    char *end;
    guint64 value = g_ascii_strtoull(text, &end, 10);

    /* It would take a sign and spaces. */
    if (!g_ascii_isdigit(*text))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (!g_str_equal(units[i].name, end) || value > G_MAXUINT64 >> (units[i].shift + 10))
            continue;
        *kib = value << units[i].shift;
        return true;
    }
    return false;
}

char *
vbToolFormatState(const vbTool *tool, qemuDomainBalloonState state)
{
    const char *name = qemuDomainBalloonStateTypeToString(state);
    int colour = 33; /* yellow */

    if (!tool->colour || state == QEMU_DOMAIN_BALLOON_NONE)
        return g_strdup(name);
    if (state == QEMU_DOMAIN_BALLOON_AVAILABLE)
        colour = 32; /* green */
    else if (state == QEMU_DOMAIN_BALLOON_INHIBITED)
        colour = 31; /* red */
    return g_strdup_printf("\033[%dm%s\033[0m", colour, name);
}

/* Columns of a terminal. An escape sequence, which can only be one of our colours, has none. */
static int
vbToolGetWidth(const char *cell)
{
    int width = 0;

    for (const char *c = cell; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);

        if (*c == '\033')
            c = strchr(c, 'm');
        else if (!g_unichar_iszerowidth(character))
            width += g_unichar_iswide(character) ? 2 : 1;
    }
    return width;
}

void
vbToolAppendTable(GString *text, const GPtrArray *cells, guint columns)
{
    g_autofree int *widths = g_new0(int, columns);

    for (guint i = 0; i < cells->len; i++)
        widths[i % columns] = MAX(widths[i % columns],
                                  vbToolGetWidth(g_ptr_array_index(cells, i)));
    for (guint i = 0; i < cells->len; i++) {
        const char *cell = g_ptr_array_index(cells, i);

        if (i % columns + 1 < columns)
            g_string_append_printf(text, "%s%*s  ", cell,
                                   widths[i % columns] - vbToolGetWidth(cell), "");
        else
            g_string_append_printf(text, "%s\n", cell);
    }
}

/* libvirt prints errors itself unless it is told not to. */
static void
vbToolIgnoreError(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static vbExit
vbToolHelp(GOptionContext *context)
{
    g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);
    GString *text = g_string_new(help);
    g_autofree char *whole = NULL;

    g_string_append(text, "Verbs:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(vbVerbs); i++)
        g_string_append_printf(text, "  %-14s %s\n", vbVerbs[i].name, vbVerbs[i].what);
    g_string_append(text, "\nEach verb has arguments and options of its own: see "
                    "virt-balloon(1).\n");
    whole = g_string_free(text, FALSE);
    return vbToolPrint(whole) ? VB_EXIT_OK : VB_EXIT_NOT_SO;
}

static vbExit
vbToolRun(const vbTool *tool, int argc, char **argv)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vbVerbs); i++) {
        if (!g_str_equal(vbVerbs[i].name, argv[0]))
            continue;
        if (tool->qmp && !vbVerbs[i].monitor) {
            vbToolError("%s does not go with --qmp", argv[0]);
            return VB_EXIT_USAGE;
        }
        virSetErrorFunc(NULL, vbToolIgnoreError);
        return vbVerbs[i].func(tool, argc, argv);
    }
    vbToolError("unknown verb '%s'; see 'virt-balloon --help'", argv[0]);
    return VB_EXIT_USAGE;
}

/* No connection of ours may become standard output.  What is opened instead takes nothing. */
static void
vbToolOpenStandard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            _exit(VB_EXIT_NOT_SO);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *uri = NULL;
    g_autofree char *qmp = NULL;
    g_autofree char *format = NULL;
    gboolean version = FALSE;
    gboolean help = FALSE;
    vbTool tool = { 0 };
    const GOptionEntry entries[] = {
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &uri, "Connect to libvirt at URI", "URI" },
        { "qmp", 0, 0, G_OPTION_ARG_FILENAME, &qmp,
          "Ask the QEMU whose monitor is at SOCKET; libvirt need not know it", "SOCKET" },
        { "format", 0, 0, G_OPTION_ARG_STRING, &format, "Print as table or json", "FORMAT" },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Print this and exit", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and exit", NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GOptionContext) context = g_option_context_new("VERB ...");
    g_autoptr(GError) error = NULL;

    vbToolOpenStandard();
    setlocale(LC_ALL, "");
    g_set_prgname("virt-balloon");
    g_log_writer_default_set_use_stderr(TRUE);
    /* A reader that has gone is an error of writing, and no reason to die. */
    signal(SIGPIPE, SIG_IGN);
    g_option_context_set_summary(context, "Tells whether ballooning a guest does any good.");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_help_enabled(context, FALSE);
    /* They may stand behind the verb, too; what is left is the verb's. */
    g_option_context_set_ignore_unknown_options(context, TRUE);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        vbToolError("%s", error->message);
        return VB_EXIT_USAGE;
    }
    if (version)
        return vbToolPrint("virt-balloon " VB_VERSION "\n") ? VB_EXIT_OK : VB_EXIT_NOT_SO;
    if (help)
        return (int)vbToolHelp(context);
    if (format && !g_str_equal(format, "table") && !g_str_equal(format, "json")) {
        vbToolError("invalid format '%s': expected 'table' or 'json'", format);
        return VB_EXIT_USAGE;
    }
    if (uri && qmp) {
        vbToolError("--connect and --qmp exclude each other");
        return VB_EXIT_USAGE;
    }
    if (argc < 2) {
        vbToolError("no verb; see 'virt-balloon --help'");
        return VB_EXIT_USAGE;
    }
    tool.uri = uri;
    tool.qmp = qmp;
    tool.json = g_strcmp0(format, "json") == 0;
    tool.colour = isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR");
    return (int)vbToolRun(&tool, argc - 1, argv + 1);
}
