/*
 * fuzz_qmp.c: any text as an answer of QEMU's, and as what QEMU is asked for
 *
 * Each reader either reads the text or says why not, and finds in it what json-c does.  A path
 * that is asked for arrives as it is, whatever it is made of.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <json-c/json.h>
#include <string.h>

#include "fuzz.h"
#include "qemu_monitor_json.h"
#include "vberror.h"

static void
fuzzCheckOutcome(bool ok, GError **error)
{
    CHECK(ok == !*error);
    if (!*error)
        return;
    CHECK((*error)->domain == VB_ERROR && *(*error)->message);
    CHECK(g_utf8_validate((*error)->message, -1, NULL));
    g_clear_error(error);
}

static void
fuzzCheckValues(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *string = NULL;
    unsigned int version = 0;
    bool value = true;
    bool ok;

    ok = qemuMonitorJSONParseBool(text, &value, &error);
    fuzzCheckOutcome(ok, &error);
    string = qemuMonitorJSONParseString(text, &error);
    CHECK(!string || !error);
    g_clear_error(&error);
    ok = qemuMonitorJSONParseVersion(text, &version, &error);
    fuzzCheckOutcome(ok, &error);
    ok = qemuMonitorJSONParseSev(text, &value, &error);
    fuzzCheckOutcome(ok, &error);
    ok = qemuMonitorJSONParseColo(text, &value, &error);
    fuzzCheckOutcome(ok, &error);
    ok = qemuMonitorJSONParseCapability(text, "background-snapshot", &value, &error);
    fuzzCheckOutcome(ok, &error);
}

static void
fuzzCheckLists(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) children = qemuMonitorJSONParseQomList(text, &error);
    g_autoptr(GPtrArray) nodes = NULL;
    g_auto(qemuMonitorMigration) migration = { 0 };
    bool ok;

    fuzzCheckOutcome(children, &error);
    for (guint i = 0; children && i < children->len; i++) {
        const qemuMonitorQomChild *child = g_ptr_array_index(children, i);

        CHECK(child->name && child->type && strlen(child->type) < strlen(text));
    }
    nodes = qemuMonitorJSONParseBlockNodes(text, &error);
    fuzzCheckOutcome(nodes, &error);
    for (guint i = 0; nodes && i < nodes->len; i++) {
        const qemuMonitorBlockNode *node = g_ptr_array_index(nodes, i);

        CHECK(node->driver);
    }
    ok = qemuMonitorJSONParseMigrate(text, &migration, &error);
    fuzzCheckOutcome(ok, &error);
}

/* What the text returns, read once more; NULL where it returns nothing. *@root is to be put. */
static json_object *
fuzzGetReturn(const char *text, json_object **root)
{
    json_tokener *tokener = json_tokener_new();
    json_object *value = NULL;

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *root = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
    json_tokener_free(tokener);
    if (json_object_is_type(*root, json_type_object) &&
        !json_object_object_get_ex(*root, "error", NULL))
        json_object_object_get_ex(*root, "return", &value);
    return value;
}

static const char *
fuzzGetMember(json_object *item, const char *name)
{
    json_object *member = NULL;

    json_object_object_get_ex(item, name, &member);
    return json_object_get_string(member);
}

static void
fuzzCheckChildren(json_object *list, const GPtrArray *children)
{
    guint next = 0;

    CHECK(json_object_is_type(list, json_type_array));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        const char *type = fuzzGetMember(item, "type");
        const qemuMonitorQomChild *child;
        g_autofree char *whole = NULL;

        if (!g_str_has_prefix(type, "child<") || !g_str_has_suffix(type, ">"))
            continue;
        CHECK(next < children->len);
        child = g_ptr_array_index(children, next++);
        whole = g_strdup_printf("child<%s>", child->type);
        CHECK(strcmp(whole, type) == 0);
        CHECK(strcmp(child->name, fuzzGetMember(item, "name")) == 0);
    }
    CHECK(next == children->len);
}

/* Nothing that QEMU has is overlooked, and nothing is there that it does not have. */
static void
fuzzCheckReturn(const char *text)
{
    json_object *root;
    json_object *value = fuzzGetReturn(text, &root);
    g_autoptr(GPtrArray) children = qemuMonitorJSONParseQomList(text, NULL);
    bool allowed = false;
    bool sev = false;

    CHECK(qemuMonitorJSONParseBool(text, &allowed, NULL) || !allowed);
    CHECK(allowed == (json_object_is_type(value, json_type_boolean) &&
                      json_object_get_boolean(value)));
    if (children)
        fuzzCheckChildren(value, children);
    if (qemuMonitorJSONParseSev(text, &sev, NULL) && json_object_is_type(value, json_type_object)) {
        json_object *type = NULL;
        json_object *enabled = NULL;

        json_object_object_get_ex(value, "sev-type", &type);
        json_object_object_get_ex(value, "enabled", &enabled);
        CHECK(sev == (json_object_get_boolean(enabled) &&
                      (!type || strcmp(json_object_get_string(type), "sev") == 0)));
    } else {
        CHECK(!sev);
    }
    json_object_put(root);
}

/* A command is one object of two members, and its one argument is @text. */
static void
fuzzCheckAsked(char *command, const char *name, const char *argument, const char *text)
{
    g_autofree char *owned = command;
    json_object *root = json_tokener_parse(owned);
    json_object *member;

    CHECK(json_object_is_type(root, json_type_object) && json_object_object_length(root) == 2);
    CHECK(json_object_object_get_ex(root, "execute", &member));
    CHECK(strcmp(json_object_get_string(member), name) == 0);
    CHECK(json_object_object_get_ex(root, "arguments", &member));
    CHECK(json_object_object_get_ex(member, argument, &member));
    CHECK(strcmp(json_object_get_string(member), text) == 0);
    json_object_put(root);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    fuzzCheckValues(text);
    fuzzCheckLists(text);
    fuzzCheckReturn(text);
    if (g_utf8_validate(text, -1, NULL)) {
        fuzzCheckAsked(qemuMonitorJSONMakeQomList(text), "qom-list", "path", text);
        fuzzCheckAsked(qemuMonitorJSONMakeQomGet(text, "p"), "qom-get", "path", text);
        fuzzCheckAsked(qemuMonitorJSONMakeQomGet("/", text), "qom-get", "property", text);
        fuzzCheckAsked(qemuMonitorJSONMakeHuman(text), "human-monitor-command", "command-line",
                       text);
    }
    return 0;
}
