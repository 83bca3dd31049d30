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

/* json-c makes 250 bytes of one; the block nodes of a guest with a hundred disks are 200,000. */
#define QEMU_MONITOR_ANSWER_MAX 1048576

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_tokener, json_tokener_free)

static char *
qemuMonitorJSONFormat(json_object *root)
{
    return g_strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
                                                   JSON_C_TO_STRING_NOSLASHESCAPE));
}

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
    return qemuMonitorJSONFormat(root);
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

char *
qemuMonitorJSONMakeCommand(const char *command)
{
    g_autoptr(json_object) root = json_object_new_object();

    json_object_object_add(root, "execute", json_object_new_string(command));
    return qemuMonitorJSONFormat(root);
}

char *
qemuMonitorJSONMakeBlockNodes(void)
{
    g_autoptr(json_object) root = json_object_new_object();
    json_object *arguments = json_object_new_object();

    json_object_object_add(root, "execute", json_object_new_string("query-named-block-nodes"));
    json_object_object_add(arguments, "flat", json_object_new_boolean(true));
    json_object_object_add(root, "arguments", arguments);
    return qemuMonitorJSONFormat(root);
}

char *
qemuMonitorJSONMakeHuman(const char *line)
{
    g_autoptr(json_object) root = json_object_new_object();
    json_object *arguments = json_object_new_object();

    json_object_object_add(root, "execute", json_object_new_string("human-monitor-command"));
    json_object_object_add(arguments, "command-line", json_object_new_string(line));
    json_object_object_add(root, "arguments", arguments);
    return qemuMonitorJSONFormat(root);
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

/* The member @name of @value, which must be of @type; NULL without @error set where it may be
 * absent and is. */
static bool
qemuMonitorJSONGetMember(json_object *value, const char *name, json_type type, bool optional,
                         json_object **member, GError **error)
{
    bool there = json_object_object_get_ex(value, name, member);

    if (there ? json_object_is_type(*member, type) &&
        (type != json_type_string || qemuMonitorJSONGetString(*member)) :
        optional && json_object_is_type(value, json_type_object))
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "the query's answer has no valid '%s'", name);
    return false;
}

/* As qemuMonitorJSONParse(), where what is returned must be of @type. */
static json_object *
qemuMonitorJSONParseQuery(const char *reply, json_type type, json_object **value, GError **error)
{
    g_autoptr(json_object) root = qemuMonitorJSONParse(reply, value, error);

    if (root && *value && !json_object_is_type(*value, type)) {
        g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "the query's answer is of another type");
        return NULL;
    }
    return g_steal_pointer(&root);
}

void
qemuMonitorMigrationClear(qemuMonitorMigration *migration)
{
    g_clear_pointer(&migration->status, g_free);
    g_clear_pointer(&migration->blocked, g_strfreev);
}

bool
qemuMonitorJSONParseMigrate(const char *reply, qemuMonitorMigration *migration, GError **error)
{
    json_object *value = NULL;
    json_object *status = NULL;
    json_object *reasons = NULL;
    g_autoptr(json_object) root = qemuMonitorJSONParseQuery(reply, json_type_object, &value, error);
    g_autoptr(GStrvBuilder) blocked = g_strv_builder_new();

    if (!root || !value)
        return root;
    if (!qemuMonitorJSONGetMember(value, "status", json_type_string, true, &status, error) ||
        !qemuMonitorJSONGetMember(value, "blocked-reasons", json_type_array, true, &reasons, error))
        return false;
    for (size_t i = 0; reasons && i < json_object_array_length(reasons); i++) {
        const char *reason = qemuMonitorJSONGetString(json_object_array_get_idx(reasons, i));

        if (!reason) {
            g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "a blocked reason is no string");
            return false;
        }
        g_strv_builder_add(blocked, reason);
    }
    if (status)
        migration->status = g_strdup(json_object_get_string(status));
    migration->sending = json_object_object_get_ex(value, "ram", NULL);
    if (reasons)
        migration->blocked = g_strv_builder_end(blocked);
    return true;
}

bool
qemuMonitorJSONParseCapability(const char *reply, const char *name, bool *value, GError **error)
{
    json_object *list = NULL;
    g_autoptr(json_object) root = qemuMonitorJSONParseQuery(reply, json_type_array, &list, error);

    *value = false;
    if (!root)
        return false;
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        json_object *capability = NULL;
        json_object *state = NULL;

        if (!qemuMonitorJSONGetMember(item, "capability", json_type_string, false, &capability,
                                      error) ||
            !qemuMonitorJSONGetMember(item, "state", json_type_boolean, false, &state, error))
            return false;
        if (strcmp(json_object_get_string(capability), name) == 0)
            *value = json_object_get_boolean(state);
    }
    return true;
}

bool
qemuMonitorJSONParseSev(const char *reply, bool *sev, GError **error)
{
    json_object *value = NULL;
    json_object *enabled = NULL;
    json_object *type = NULL;
    g_autoptr(json_object) root = qemuMonitorJSONParseQuery(reply, json_type_object, &value, error);

    *sev = false;
    if (!root || !value)
        return root;
    /* 'sev-type' is there since QEMU 9.1, where it is off, too. */
    if (!qemuMonitorJSONGetMember(value, "enabled", json_type_boolean, false, &enabled, error) ||
        !qemuMonitorJSONGetMember(value, "sev-type", json_type_string, true, &type, error))
        return false;
    *sev = json_object_get_boolean(enabled) &&
        (!type || strcmp(json_object_get_string(type), "sev") == 0);
    return true;
}

bool
qemuMonitorJSONParseColo(const char *reply, bool *secondary, GError **error)
{
    json_object *value = NULL;
    json_object *mode = NULL;
    json_object *last = NULL;
    g_autoptr(json_object) root = qemuMonitorJSONParseQuery(reply, json_type_object, &value, error);

    *secondary = false;
    if (!root || !value)
        return root;
    if (!qemuMonitorJSONGetMember(value, "mode", json_type_string, false, &mode, error) ||
        !qemuMonitorJSONGetMember(value, "last-mode", json_type_string, true, &last, error))
        return false;
    *secondary = strcmp(json_object_get_string(mode), "secondary") == 0 ||
        (last && strcmp(json_object_get_string(last), "secondary") == 0);
    return true;
}

bool
qemuMonitorJSONParseVersion(const char *reply, unsigned int *version, GError **error)
{
    json_object *value = NULL;
    json_object *qemu = NULL;
    json_object *major = NULL;
    json_object *minor = NULL;
    g_autoptr(json_object) root = qemuMonitorJSONParseQuery(reply, json_type_object, &value, error);

    *version = 0;
    if (!root || !value)
        return root;
    if (!qemuMonitorJSONGetMember(value, "qemu", json_type_object, false, &qemu, error) ||
        !qemuMonitorJSONGetMember(qemu, "major", json_type_int, false, &major, error) ||
        !qemuMonitorJSONGetMember(qemu, "minor", json_type_int, false, &minor, error))
        return false;
    *version = (unsigned int)CLAMP(json_object_get_int(major), 0, 999) * 1000 +
        (unsigned int)CLAMP(json_object_get_int(minor), 0, 999);
    return true;
}

static void
qemuMonitorBlockNodeFree(qemuMonitorBlockNode *node)
{
    g_free(node->name);
    g_free(node->driver);
    g_free(node);
}

GPtrArray *
qemuMonitorJSONParseBlockNodes(const char *reply, GError **error)
{
    json_object *list = NULL;
    g_autoptr(json_object) root = qemuMonitorJSONParseQuery(reply, json_type_array, &list, error);
    g_autoptr(GPtrArray) nodes = NULL;

    if (!root)
        return NULL;
    nodes = g_ptr_array_new_with_free_func((GDestroyNotify)qemuMonitorBlockNodeFree);
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        json_object *driver = NULL;
        json_object *name = NULL;
        qemuMonitorBlockNode *node;

        if (!qemuMonitorJSONGetMember(item, "drv", json_type_string, false, &driver, error) ||
            !qemuMonitorJSONGetMember(item, "node-name", json_type_string, true, &name, error))
            return NULL;
        node = g_new0(qemuMonitorBlockNode, 1);
        node->name = name ? g_strdup(json_object_get_string(name)) : NULL;
        node->driver = g_strdup(json_object_get_string(driver));
        g_ptr_array_add(nodes, node);
    }
    return g_steal_pointer(&nodes);
}
