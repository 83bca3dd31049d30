/*
 * listening.c: the sockets on which libvirt's daemons and QEMU listen, as the kernel shows them
 *
 * What a process listens on is the sockets among its descriptors that are in the kernel's tables as
 * listening, in the tables of its own network namespace: it may be a container's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "listening.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

/* In /proc/net/unix and /proc/net/tcp. */
#define VB_LISTENING_UNIX 0x10000
#define VB_LISTENING_TCP 0x0a

static void
vbListeningFree(gpointer opaque)
{
    vbListening *listening = opaque;

    g_free(listening->address);
    g_free(listening->program);
    g_free(listening);
}

static char *
vbListeningRead(pid_t pid, const char *name, gsize *length)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/%s", (long long)pid, name);
    char *text = NULL;

    if (!g_file_get_contents(path, &text, length, NULL))
        return g_strdup("");
    return text;
}

static guint64
vbListeningParseHex(const char *text)
{
    return g_ascii_strtoull(text, NULL, 16);
}

/* @fields: flags, inode, path. Returns: (transfer full) (nullable): the address, if it listens */
static char *
vbListeningFormatUnix(char **fields)
{
    return vbListeningParseHex(fields[1]) & VB_LISTENING_UNIX ? g_strdup(fields[3]) : NULL;
}

/* @fields: address, port, state, inode. The kernel writes the words of an address as this machine's
 * numbers. */
static char *
vbListeningFormatTCP(char **fields)
{
    size_t count = strlen(fields[1]) / 8;
    guint32 words[4] = { 0 };
    char text[INET6_ADDRSTRLEN];

    if (vbListeningParseHex(fields[3]) != VB_LISTENING_TCP)
        return NULL;
    for (size_t i = 0; i < MIN(count, G_N_ELEMENTS(words)); i++) {
        g_autofree char *word = g_strndup(fields[1] + 8 * i, 8);

        words[i] = (guint32)vbListeningParseHex(word);
    }
    if (!inet_ntop(count > 1 ? AF_INET6 : AF_INET, words, text, sizeof(text)))
        return NULL;
    return g_strdup_printf(count > 1 ? "[%s]:%u" : "%s:%u", text,
                           (unsigned int)vbListeningParseHex(fields[2]));
}

typedef struct {
    const char *name;
    const char *line; /* of the file: what matters is in brackets */
    guint inode;      /* in which of them the socket's is */
    char *(*format)(char **fields);
} vbListeningTable;

static void
vbListeningReadTable(const vbListeningTable *table, pid_t pid, GHashTable *found)
{
    g_autofree char *text = vbListeningRead(pid, table->name, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GRegex) regex = g_regex_new(table->line, G_REGEX_RAW, 0, NULL);

    for (char **line = lines; *line; line++) {
        g_autoptr(GMatchInfo) match = NULL;
        g_auto(GStrv) fields = NULL;
        char *address;

        if (!g_regex_match(regex, *line, 0, &match))
            continue;
        fields = g_match_info_fetch_all(match);
        if ((address = table->format(fields)))
            g_hash_table_insert(found, g_strdup(fields[table->inode]), address);
    }
}

/* Returns: (transfer full): inode -> address, of all that listens in the process' namespace */
static GHashTable *
vbListeningReadTables(pid_t pid)
{
    static const char tcp[] = "^ *\\d+: ([0-9A-F]+):([0-9A-F]{4}) \\S+ ([0-9A-F]{2}) \\S+ \\S+ "
        "\\S+ +\\d+ +\\d+ (\\d+)";
    static const vbListeningTable tables[] = {
        { "net/unix", "^\\S+: \\S+ \\S+ ([0-9A-F]+) \\S+ \\S+ +(\\d+) (.+)$",
          2, vbListeningFormatUnix },
        { "net/tcp", tcp, 4, vbListeningFormatTCP },
        { "net/tcp6", tcp, 4, vbListeningFormatTCP },
    };
    GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        vbListeningReadTable(&tables[i], pid, found);
    return found;
}

static void
vbListeningAdd(GPtrArray *found, const char *address, const char *program, pid_t pid)
{
    vbListening *listening = g_new0(vbListening, 1);

    listening->address = g_strdup(address);
    listening->program = g_strdup(program);
    listening->pid = pid;
    g_ptr_array_add(found, listening);
}

static void
vbListeningAddSockets(GPtrArray *found, pid_t pid, const char *program)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/fd", (long long)pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autoptr(GHashTable) table = dir ? vbListeningReadTables(pid) : NULL;
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(path, name, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);
        const char *address;

        if (!target || !g_str_has_prefix(target, "socket:[") || !g_str_has_suffix(target, "]"))
            continue;
        target[strlen(target) - 1] = '\0';
        address = g_hash_table_lookup(table, target + strlen("socket:["));
        if (address)
            vbListeningAdd(found, address, program, pid);
    }
}

/* A monitor of libvirt's own is held by libvirt: QEMU speaks to one client at a time. */
static void
vbListeningAddMonitors(GPtrArray *found, pid_t pid, const char *program)
{
    static const char *const options[] = { "-qmp", "-qmp-pretty", "-monitor", "--qmp",
                                           "--qmp-pretty", "--monitor", NULL };
    gsize length = 0;
    g_autofree char *text = vbListeningRead(pid, "cmdline", &length);

    for (const char *word = text; word < text + length; word += strlen(word) + 1) {
        const char *value = word + strlen(word) + 1;

        if (g_strv_contains(options, word) && value < text + length)
            vbListeningAdd(found, value, program, pid);
    }
}

static gint
vbListeningCompare(gconstpointer a, gconstpointer b)
{
    const vbListening *const *first = a;
    const vbListening *const *second = b;

    return strcmp((*first)->address, (*second)->address);
}

GPtrArray *
vbListeningFind(void)
{
    static const char *const daemons[] = { "libvirtd", "virtqemud", "virtproxyd", "virtballoond",
                                           NULL };
    GPtrArray *found = g_ptr_array_new_with_free_func(vbListeningFree);
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        pid_t pid = (pid_t)g_ascii_strtoll(name, NULL, 10);
        g_autofree char *program = pid > 0 ? vbListeningRead(pid, "comm", NULL) : g_strdup("");

        g_strchomp(program);
        if (g_strv_contains(daemons, program))
            vbListeningAddSockets(found, pid, program);
        else if (g_str_has_prefix(program, "qemu-") || g_str_equal(program, "kvm"))
            vbListeningAddMonitors(found, pid, program);
    }
    g_ptr_array_sort(found, vbListeningCompare);
    return found;
}
