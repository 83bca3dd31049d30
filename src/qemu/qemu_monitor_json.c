/*
 * qemu_monitor_json.c: the QMP commands we ask with, and what their answers say
 *
 * QEMU's answers are hostile input: a guest may have broken out of its QEMU.  json-c reads them
 * strictly and with its default limit of nesting, and every member's type is checked before it is
 * used.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_monitor_json.h"

#include <json-c/json.h>
#include <string.h>

#include "vberror.h"

/* json-c makes 250 bytes of one; the devices of a real guest are a few thousand. */
#define QEMU_MONITOR_ANSWER_MAX 262144

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_tokener, json_tokener_free)

static char *
qemuMonitorJSONMake(const char *command, const char *path, const char *property)
{
    g_autoptr(json_object) root = json_object_new_object();
    json_object *arguments = json_object_new_object();

    json_object_object_add(root, "execute", json_object_new_string(command));
    json_object_object_add(arguments, "path", json_object_new_string(path));
    if (property)
        json_object_object_add(arguments, "property", json_object_new_string(property));
    json_object_object_add(root, "arguments", arguments);

    return g_strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
                                                   JSON_C_TO_STRING_NOSLASHESCAPE));
}

char *
qemuMonitorJSONMakeQomList(const char *path)
{
    return qemuMonitorJSONMake("qom-list", path, NULL);
}

char *
qemuMonitorJSONMakeQomGet(const char *path, const char *property)
{
    return qemuMonitorJSONMake("qom-get", path, property);
}

/* Gives the 'return' member in @value, borrowed from the returned root; @value is NULL where QEMU
 * answered with an error of its own. */
static json_object *
qemuMonitorJSONParse(const char *reply, json_object **value, GError **error)
{
    g_autoptr(json_tokener) tokener = json_tokener_new();
    g_autoptr(json_object) root = NULL;
    json_object *failure = NULL;
    size_t length = strlen(reply);

    *value = NULL;
    /* json-c wants the NUL too, to know that a text is over. */
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    if (length <= QEMU_MONITOR_ANSWER_MAX)
        root = json_tokener_parse_ex(tokener, reply, (int)length + 1);

    if (json_object_is_type(root, json_type_object)) {
        json_object_object_get_ex(root, "error", &failure);
        json_object_object_get_ex(root, "return", value);
        if ((*value && !failure) ||
            (!*value && json_object_is_type(failure, json_type_object)))
            return g_steal_pointer(&root);
    }

    *value = NULL;
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "the monitor's answer is no QMP reply");
    return NULL;
}

/* NULL for what is no string, and for one with a NUL inside, which would read differently in C. */
static const char *
qemuMonitorJSONGetString(json_object *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static void
qemuMonitorQomChildFree(qemuMonitorQomChild *child)
{
    g_free(child->name);
    g_free(child->type);
    g_free(child);
}

GPtrArray *
qemuMonitorJSONParseQomList(const char *reply, GError **error)
{
    json_object *list;
    g_autoptr(json_object) root = qemuMonitorJSONParse(reply, &list, error);
    g_autoptr(GPtrArray) children = NULL;
    size_t i;

    if (!root)
        return NULL;
    if (!json_object_is_type(list, json_type_array)) {
        g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "qom-list did not return a list");
        return NULL;
    }

    children = g_ptr_array_new_with_free_func((GDestroyNotify)qemuMonitorQomChildFree);
    for (i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        json_object *member;
        const char *name = NULL;
        const char *type = NULL;
        qemuMonitorQomChild *child;

        if (json_object_object_get_ex(item, "name", &member))
            name = qemuMonitorJSONGetString(member);
        if (json_object_object_get_ex(item, "type", &member))
            type = qemuMonitorJSONGetString(member);
        if (!name || !type) {
            g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL,
                        "qom-list returned a property without a name or a type");
            return NULL;
        }

        if (!g_str_has_prefix(type, "child<") || !g_str_has_suffix(type, ">"))
            continue;
        child = g_new0(qemuMonitorQomChild, 1);
        child->name = g_strdup(name);
        child->type = g_strndup(type + strlen("child<"), strlen(type) - strlen("child<>"));
        g_ptr_array_add(children, child);
    }
    return g_steal_pointer(&children);
}

bool
qemuMonitorJSONParseBool(const char *reply, bool *value, GError **error)
{
    json_object *result;
    g_autoptr(json_object) root = qemuMonitorJSONParse(reply, &result, error);

    if (!root)
        return false;
    if (result && !json_object_is_type(result, json_type_boolean)) {
        g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "the property is no boolean");
        return false;
    }
    *value = result && json_object_get_boolean(result);
    return true;
}

char *
qemuMonitorJSONParseString(const char *reply, GError **error)
{
    json_object *result;
    g_autoptr(json_object) root = qemuMonitorJSONParse(reply, &result, error);
    const char *text;

    if (!root || !result)
        return NULL;
    text = qemuMonitorJSONGetString(result);
    if (!text)
        g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "the property is no string");
    return g_strdup(text);
}
