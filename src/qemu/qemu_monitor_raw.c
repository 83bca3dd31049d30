/*
 * qemu_monitor_raw.c: what a raw monitor command would do to the balloon
 *
 * Hostile input: a command that is written so that it is read here in another way than by QEMU
 * would walk around the guard.  So whatever is not understood is UNREADABLE, never NONE.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_monitor_raw.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "qemu_inhibitor.h"

#define QEMU_MONITOR_RAW_MIB (1024ull * 1024)
/* A longer QMP command is not read; a real one has a few hundred bytes. */
#define QEMU_MONITOR_RAW_TEXT_MAX 65536
/* What the human monitor keeps of a word (QEMU 7.2: a buffer of 1024 bytes). */
#define QEMU_MONITOR_RAW_WORD_MAX 1023
/* isspace() of the C locale, as QEMU has it. */
#define QEMU_MONITOR_RAW_BLANKS " \t\n\v\f\r"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)

void
qemuMonitorRawCommandClear(qemuMonitorRawCommand *command)
{
    g_clear_pointer(&command->driver, g_free);
    g_clear_pointer(&command->id, g_free);
}

/* Takes @driver and @id. @allowed: it is to be opted out of the inhibit, which QEMU refuses for
 * anything but a mediated device (QEMU 7.2 to 11.1). */
static void
qemuMonitorRawSetDevice(qemuMonitorRawCommand *command, char *driver, char *id, bool allowed)
{
    qemuInhibitorKind kind;

    if (!driver || !qemuInhibitorTypeIsDevice(driver, &kind) ||
        (allowed && kind == QEMU_INHIBITOR_VFIO_PCI)) {
        g_free(driver);
        g_free(id);
        return;
    }
    command->effect = QEMU_MONITOR_RAW_DEVICE_ADD;
    command->driver = driver;
    command->id = id;
}

/* The human monitor's first word, which may be quoted and is cut off (QEMU 7.2, get_str(); tried);
 * NULL where its quote is not closed, which QEMU refuses. */
static char *
qemuMonitorRawTakeWord(const char *text)
{
    GString *word = g_string_new(NULL);
    bool quoted;

    text += strspn(text, QEMU_MONITOR_RAW_BLANKS);
    quoted = *text == '"';
    if (quoted)
        text++;
    for (; *text && !strchr(quoted ? "\"" : QEMU_MONITOR_RAW_BLANKS, *text); text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        if (word->len < QEMU_MONITOR_RAW_WORD_MAX)
            g_string_append_c(word, *text);
    }
    return g_string_free(word, quoted && *text != '"');
}

/* A value ends at a comma that is not doubled (QEMU 7.2, get_opt_value()). Leaves *@text behind
 * that comma. */
static char *
qemuMonitorRawTakeValue(const char **text)
{
    GString *value = g_string_new(NULL);
    const char *c;

    for (c = *text; *c && !(*c == ',' && *++c != ','); c++)
        g_string_append_c(value, *c);
    *text = c;
    return g_string_free(value, FALSE);
}

/* What QEMU takes for true wherever a property is written as text (QEMU 7.2). */
static bool
qemuMonitorRawIsTrue(const char *value)
{
    static const char *const words[] = { "on", "yes", "true", "y", NULL };

    return value && g_strv_contains(words, value);
}

/* device_add [driver=]TYPE[,PROPERTY=VALUE]...  Of several values of a property the last counts. */
static void
qemuMonitorRawParseDeviceAdd(const char *arguments, qemuMonitorRawCommand *command)
{
    g_autofree char *word = qemuMonitorRawTakeWord(arguments);
    g_autofree char *driver = NULL;
    g_autofree char *id = NULL;
    g_autofree char *allowed = NULL;
    bool switches = false;
    const char *option = word;

    while (option && *option) {
        size_t length = strcspn(option, "=,");
        char **where = NULL;
        g_autofree char *value = NULL;

        if (option[length] == '=') {
            if (strncmp(option, "driver=", length + 1) == 0)
                where = &driver;
            else if (strncmp(option, "id=", length + 1) == 0)
                where = &id;
            else if (strncmp(option, VB_DOMAIN_OPT_OUT_PROPERTY "=", length + 1) == 0)
                where = &allowed;
            option += length + 1;
        } else if (option == word) {
            where = &driver;
        } else {
            /* 'x' is 'x=on', and 'nox' is 'x=off'. */
            switches = true;
            option += length + (option[length] == ',');
            continue;
        }

        value = qemuMonitorRawTakeValue(&option);
        if (where) {
            g_free(*where);
            *where = g_steal_pointer(&value);
        }
    }
    qemuMonitorRawSetDevice(command, g_steal_pointer(&driver), g_steal_pointer(&id),
                            qemuMonitorRawIsTrue(allowed) && !switches);
}

/* A number in MiB; QEMU takes expressions too, which only QEMU can compute. */
static void
qemuMonitorRawParseMiB(const char *text, qemuMonitorRawCommand *command)
{
    char *end = NULL;
    guint64 value;

    command->effect = QEMU_MONITOR_RAW_BALLOON;
    text += strspn(text, QEMU_MONITOR_RAW_BLANKS);
    if (!g_ascii_isdigit(*text))
        return;
    errno = 0;
    value = g_ascii_strtoull(text, &end, 0);
    end += strspn(end, QEMU_MONITOR_RAW_BLANKS);
    if (errno != 0 || *end != '\0' || value > G_MAXINT64 / QEMU_MONITOR_RAW_MIB)
        return;
    command->haveTarget = true;
    command->target = value * QEMU_MONITOR_RAW_MIB;
}

/* The human monitor's name ends at a blank or at '/' (QEMU 7.2, get_command_name()). */
static void
qemuMonitorRawParseHMP(const char *text, qemuMonitorRawCommand *command)
{
    g_autofree char *name = NULL;
    const char *end;

    text += strspn(text, QEMU_MONITOR_RAW_BLANKS);
    end = text + strcspn(text, "/" QEMU_MONITOR_RAW_BLANKS);
    name = g_strndup(text, (gsize)(end - text));

    if (g_str_equal(name, "balloon"))
        qemuMonitorRawParseMiB(end, command);
    else if (g_str_equal(name, "device_add"))
        qemuMonitorRawParseDeviceAdd(end, command);
}

static char *
qemuMonitorRawGetString(json_object *object, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_string))
        return NULL;
    return g_strdup(json_object_get_string(member));
}

/* QEMU takes integers above zero and refuses everything else itself; a number with a fraction or
 * an exponent is left to it to tell. */
static void
qemuMonitorRawParseValue(json_object *arguments, qemuMonitorRawCommand *command)
{
    json_object *value;

    if (!json_object_object_get_ex(arguments, "value", &value))
        return;
    if (json_object_is_type(value, json_type_double)) {
        command->effect = QEMU_MONITOR_RAW_BALLOON;
    } else if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) > 0) {
        command->effect = QEMU_MONITOR_RAW_BALLOON;
        command->haveTarget = true;
        command->target = (unsigned long long)json_object_get_int64(value);
    }
}

/* Text would be refused (QEMU 6.2). */
static bool
qemuMonitorRawGetBool(json_object *object, const char *name)
{
    json_object *member;

    return json_object_object_get_ex(object, name, &member) &&
        json_object_is_type(member, json_type_boolean) && json_object_get_boolean(member);
}

static void
qemuMonitorRawParseQMP(const char *text, qemuMonitorRawCommand *command)
{
    g_autoptr(json_object) root = NULL;
    g_autofree char *execute = NULL;
    g_autofree char *line = NULL;
    json_object *arguments = NULL;

    /* json-c makes 250 bytes of one. */
    if (strlen(text) <= QEMU_MONITOR_RAW_TEXT_MAX)
        root = json_tokener_parse(text);
    if (!json_object_is_type(root, json_type_object)) {
        command->effect = QEMU_MONITOR_RAW_UNREADABLE;
        return;
    }
    execute = qemuMonitorRawGetString(root, "execute");
    if (!execute)
        execute = qemuMonitorRawGetString(root, "exec-oob");
    json_object_object_get_ex(root, "arguments", &arguments);
    if (!execute || !json_object_is_type(arguments, json_type_object))
        return;

    if (g_str_equal(execute, "balloon")) {
        qemuMonitorRawParseValue(arguments, command);
    } else if (g_str_equal(execute, "human-monitor-command")) {
        line = qemuMonitorRawGetString(arguments, "command-line");
        if (line)
            qemuMonitorRawParseHMP(line, command);
    } else if (g_str_equal(execute, "device_add")) {
        qemuMonitorRawSetDevice(command, qemuMonitorRawGetString(arguments, "driver"),
                                qemuMonitorRawGetString(arguments, "id"),
                                qemuMonitorRawGetBool(arguments, VB_DOMAIN_OPT_OUT_PROPERTY));
    }
}

void
qemuMonitorRawParse(const char *text, bool hmp, qemuMonitorRawCommand *command)
{
    memset(command, 0, sizeof(*command));
    if (hmp)
        qemuMonitorRawParseHMP(text, command);
    else
        qemuMonitorRawParseQMP(text, command);
}
