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
/* isspace() of the C locale, as QEMU has it. */
#define QEMU_MONITOR_RAW_BLANKS " \t\n\v\f\r"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)

void
qemuMonitorRawCommandClear(qemuMonitorRawCommand *command)
{
    g_clear_pointer(&command->driver, g_free);
    g_clear_pointer(&command->id, g_free);
}

static bool
qemuMonitorRawIsInhibitor(const char *driver)
{
    qemuInhibitorKind kind;

    return driver && qemuInhibitorTypeIsDevice(driver, &kind);
}

/* The human monitor's first word, which may be quoted (QEMU 7.2, get_str()); NULL where it is not
 * closed, which QEMU refuses. */
static char *
qemuMonitorRawTakeWord(const char *text)
{
    GString *word;

    text += strspn(text, QEMU_MONITOR_RAW_BLANKS);
    if (*text != '"')
        return g_strndup(text, strcspn(text, QEMU_MONITOR_RAW_BLANKS));

    word = g_string_new(NULL);
    for (text++; *text && *text != '"'; text++) {
        if (*text == '\\' && text[1])
            text++;
        g_string_append_c(word, *text);
    }
    return g_string_free(word, *text != '"');
}

/* device_add [driver=]TYPE[,PROPERTY=VALUE]...
 *
 * Which of several types QEMU takes depends on its rules for doubled commas and on where it cuts
 * the line off; a line that names an inhibiting type anywhere is taken for one that adds it. */
static void
qemuMonitorRawParseDeviceAdd(const char *arguments, qemuMonitorRawCommand *command)
{
    g_autofree char *word = qemuMonitorRawTakeWord(arguments);
    const char *option;
    size_t length;

    for (option = word; option && *option; option += length + (option[length] == ',')) {
        const char *value = option;

        length = strcspn(option, ",");
        if (g_str_has_prefix(option, "id=")) {
            g_free(command->id);
            command->id = g_strndup(option + 3, length - 3);
        } else if (!command->driver && (option == word || g_str_has_prefix(option, "driver="))) {
            g_autofree char *driver = NULL;

            if (g_str_has_prefix(option, "driver="))
                value += strlen("driver=");
            driver = g_strndup(value, length - (size_t)(value - option));
            if (qemuMonitorRawIsInhibitor(driver))
                command->driver = g_steal_pointer(&driver);
        }
    }

    if (command->driver)
        command->effect = QEMU_MONITOR_RAW_DEVICE_ADD;
    else
        g_clear_pointer(&command->id, g_free);
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

static void
qemuMonitorRawParseQMP(const char *text, qemuMonitorRawCommand *command)
{
    g_autoptr(json_object) root = json_tokener_parse(text);
    g_autofree char *execute = NULL;
    g_autofree char *line = NULL;
    json_object *arguments = NULL;

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
        g_autofree char *driver = qemuMonitorRawGetString(arguments, "driver");

        if (qemuMonitorRawIsInhibitor(driver)) {
            command->effect = QEMU_MONITOR_RAW_DEVICE_ADD;
            command->driver = g_steal_pointer(&driver);
            command->id = qemuMonitorRawGetString(arguments, "id");
        }
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
