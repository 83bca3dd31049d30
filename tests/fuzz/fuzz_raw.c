/*
 * fuzz_raw.c: any raw monitor command, and 'balloon' in any spelling
 *
 * First the input is a command, of QMP and of the human monitor.  What QEMU, which reads strictly,
 * would take for a change of the balloon must be one here, with the same size.  Then the input
 * chooses how to spell a command whose effect is known: blanks, escapes, members around it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <json-c/json.h>
#include <string.h>

#include "fuzz.h"
#include "qemu_inhibitor.h"
#include "qemu_monitor_raw.h"

#define FUZZ_MIB G_GUINT64_CONSTANT(1048576)

typedef struct {
    const guint8 *data;
    size_t size;
} fuzzChoices;

static guint8
fuzzNext(fuzzChoices *choices)
{
    if (choices->size == 0)
        return 0;
    choices->size--;
    return *choices->data++;
}

static void
fuzzCheckCommand(const qemuMonitorRawCommand *command)
{
    qemuInhibitorKind kind;

    CHECK(!command->haveTarget || command->effect == QEMU_MONITOR_RAW_BALLOON);
    CHECK(command->haveTarget || command->target == 0);
    CHECK(!command->driver == (command->effect != QEMU_MONITOR_RAW_DEVICE_ADD));
    CHECK(!command->id || command->driver);
    CHECK(!command->driver || qemuInhibitorTypeIsDevice(command->driver, &kind));
}

static json_object *
fuzzParseStrictly(const char *text)
{
    json_tokener *tokener = json_tokener_new();
    json_object *root;

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    root = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
    json_tokener_free(tokener);
    if (root && !json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        return NULL;
    }
    return root;
}

/* What a strict reader finds in @text. */
static void
fuzzCheckQmp(const char *text, const qemuMonitorRawCommand *command)
{
    json_object *root = strlen(text) <= 65536 ? fuzzParseStrictly(text) : NULL;
    json_object *execute;
    json_object *arguments;
    json_object *value;

    if (root && json_object_object_get_ex(root, "execute", &execute) &&
        json_object_object_get_ex(root, "arguments", &arguments) &&
        json_object_is_type(execute, json_type_string) &&
        strcmp(json_object_get_string(execute), "balloon") == 0 &&
        json_object_is_type(arguments, json_type_object) &&
        json_object_object_get_ex(arguments, "value", &value) &&
        json_object_is_type(value, json_type_int) && json_object_get_int64(value) > 0) {
        CHECK(command->effect == QEMU_MONITOR_RAW_BALLOON && command->haveTarget);
        CHECK(command->target == (guint64)json_object_get_int64(value));
    }
    if (root)
        json_object_put(root);
}

static void
fuzzPutBlanks(fuzzChoices *choices, const char *blanks, bool some, GString *text)
{
    guint8 count = fuzzNext(choices) % 4;

    if (some && count == 0)
        count = 1;
    while (count-- > 0)
        g_string_append_c(text, blanks[fuzzNext(choices) % strlen(blanks)]);
}

/* A string in JSON, each character as it is or as an escape. */
static void
fuzzPutString(fuzzChoices *choices, const char *string, GString *text)
{
    g_string_append_c(text, '"');
    for (const char *p = string; *p; p++) {
        if (fuzzNext(choices) & 1)
            g_string_append_printf(text, fuzzNext(choices) & 1 ? "\\u%04x" : "\\u%04X", *p);
        else
            g_string_append_c(text, *p);
    }
    g_string_append_c(text, '"');
}

static void
fuzzPutMember(fuzzChoices *choices, const char *key, const char *value, bool isString,
              GString *text)
{
    fuzzPutBlanks(choices, " \t\r\n", false, text);
    fuzzPutString(choices, key, text);
    fuzzPutBlanks(choices, " \t\r\n", false, text);
    g_string_append_c(text, ':');
    fuzzPutBlanks(choices, " \t\r\n", false, text);
    if (isString)
        fuzzPutString(choices, value, text);
    else
        g_string_append(text, value);
    fuzzPutBlanks(choices, " \t\r\n", false, text);
}

static char *
fuzzSpellArguments(fuzzChoices *choices, const char *key, const char *value, bool isString)
{
    GString *text = g_string_new("{");

    if (fuzzNext(choices) & 1)
        g_string_append(text, "\"x\":[{\"value\":1}],");
    fuzzPutMember(choices, key, value, isString, text);
    if (fuzzNext(choices) & 1)
        g_string_append(text, ",\"Value\":null");
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

static char *
fuzzSpellQmp(fuzzChoices *choices, const char *command, const char *key, const char *value,
             bool isString)
{
    g_autofree char *arguments = fuzzSpellArguments(choices, key, value, isString);
    bool first = fuzzNext(choices) & 1;
    GString *text = g_string_new(NULL);

    fuzzPutBlanks(choices, " \t\r\n", false, text);
    g_string_append_c(text, '{');
    if (first)
        fuzzPutMember(choices, "arguments", arguments, false, text);
    else
        fuzzPutMember(choices, "execute", command, true, text);
    g_string_append_c(text, ',');
    if (fuzzNext(choices) & 1) {
        fuzzPutMember(choices, "id", "a", true, text);
        g_string_append_c(text, ',');
    }
    if (first)
        fuzzPutMember(choices, "execute", command, true, text);
    else
        fuzzPutMember(choices, "arguments", arguments, false, text);
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

/* QEMU takes the name up to '/' for the command. */
static char *
fuzzSpellHmp(fuzzChoices *choices, guint32 mib)
{
    GString *text = g_string_new(NULL);

    fuzzPutBlanks(choices, " \t\v\f\r", false, text);
    g_string_append(text, "balloon");
    fuzzPutBlanks(choices, " \t\v\f\r", true, text);
    g_string_append_printf(text, fuzzNext(choices) & 1 ? "%u" : "0x%x", mib);
    fuzzPutBlanks(choices, " \t\v\f\r", false, text);
    return g_string_free(text, FALSE);
}

static void
fuzzCheckSize(const char *text, bool hmp, guint64 target)
{
    g_auto(qemuMonitorRawCommand) command = { 0 };

    qemuMonitorRawParse(text, hmp, &command);
    fuzzCheckCommand(&command);
    CHECK(command.effect == QEMU_MONITOR_RAW_BALLOON && command.haveTarget);
    CHECK(command.target == target);
}

static void
fuzzSpell(fuzzChoices *choices)
{
    guint32 mib = (guint32)fuzzNext(choices) << 8 | fuzzNext(choices);
    g_autofree char *bytes = g_strdup_printf("%" G_GUINT64_FORMAT, (mib + 1) * FUZZ_MIB + mib);
    g_autofree char *hmp = fuzzSpellHmp(choices, mib);
    g_autofree char *qmp = fuzzSpellQmp(choices, "balloon", "value", bytes, false);
    g_autofree char *line = g_strdup_printf("balloon %u", mib);
    g_autofree char *human = fuzzSpellQmp(choices, "human-monitor-command", "command-line", line,
                                          true);

    fuzzCheckSize(hmp, true, mib * FUZZ_MIB);
    fuzzCheckSize(qmp, false, (mib + 1) * FUZZ_MIB + mib);
    fuzzCheckSize(human, false, mib * FUZZ_MIB);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(qemuMonitorRawCommand) qmp = { 0 };
    g_auto(qemuMonitorRawCommand) hmp = { 0 };
    fuzzChoices choices = { .data = data, .size = size };

    qemuMonitorRawParse(text, false, &qmp);
    fuzzCheckCommand(&qmp);
    fuzzCheckQmp(text, &qmp);
    qemuMonitorRawParse(text, true, &hmp);
    fuzzCheckCommand(&hmp);
    CHECK(hmp.effect != QEMU_MONITOR_RAW_UNREADABLE);
    fuzzSpell(&choices);
    return 0;
}
