/*
 * qemumonitorjsontest.c: QMP commands as text, and answers of honest and of hostile QEMUs
 *
 * Honest answers are files in qemumonitorjsondata/, where README says which are recorded and which
 * are written after measured shapes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "qemu_monitor_json.h"
#include "vberror.h"

static char *
testLoad(const char *name)
{
    g_autofree char *file = g_strconcat(VB_TEST_DATA_DIR, "/qemumonitorjsondata/", name, ".json",
                                        NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(file, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* "balloon0=virtio-balloon-pci net0=virtio-net-pci", or "" where there are none */
static char *
testFormatChildren(const GPtrArray *children)
{
    GString *text = g_string_new(NULL);
    guint i;

    for (i = 0; i < children->len; i++) {
        const qemuMonitorQomChild *child = g_ptr_array_index(children, i);

        g_string_append_printf(text, "%s%s=%s", i > 0 ? " " : "", child->name, child->type);
    }
    return g_string_free(text, FALSE);
}

static void
testAssertList(const char *reply, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) children = qemuMonitorJSONParseQomList(reply, &error);
    g_autofree char *text = NULL;

    g_assert_no_error(error);
    if (!children)
        return;
    text = testFormatChildren(children);
    g_assert_cmpstr(text, ==, expected);
}

static void
testAssertNoList(const char *reply)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) children = qemuMonitorJSONParseQomList(reply, &error);

    g_assert_null(children);
    g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
}

static void
testAssertBool(const char *reply, bool expected)
{
    g_autoptr(GError) error = NULL;
    bool value = !expected;

    g_assert_true(qemuMonitorJSONParseBool(reply, &value, &error));
    g_assert_no_error(error);
    g_assert_cmpint(value, ==, expected);
}

static void
testAssertNoBool(const char *reply)
{
    g_autoptr(GError) error = NULL;
    bool value = false;

    g_assert_false(qemuMonitorJSONParseBool(reply, &value, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
    g_assert_false(value);
}

/* @expected NULL: an error of QEMU's own */
static void
testAssertString(const char *reply, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = qemuMonitorJSONParseString(reply, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, expected);
}

static void
testAssertNoString(const char *reply)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = qemuMonitorJSONParseString(reply, &error);

    g_assert_null(text);
    g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
}

/* What no parser may take for an answer, whatever was asked. */
static void
testAssertNothing(const char *reply)
{
    testAssertNoList(reply);
    testAssertNoBool(reply);
    testAssertNoString(reply);
}

/* Builders */

typedef struct {
    const char *name;
    const char *path;
    const char *property; /* NULL: qom-list */
    const char *expected;
} testCommand;

static const testCommand testCommands[] = {
    { "qom-list of the devices with an id", QEMU_MONITOR_PERIPHERAL, NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral\"}}" },
    { "qom-list of the devices without an id", QEMU_MONITOR_PERIPHERAL_ANON, NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral-anon\"}}" },
    { "qom-get of the opt-out", "/machine/peripheral/hostdev0", "x-balloon-allowed",
      "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine/peripheral/hostdev0\","
      "\"property\":\"x-balloon-allowed\"}}" },
    { "brackets of a device without an id stay", "/machine/peripheral-anon/device[0]", "sysfsdev",
      "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine/peripheral-anon/device[0]\","
      "\"property\":\"sysfsdev\"}}" },
    { "a quote cannot end the string", "/a\",\"property\":\"realized", "sysfsdev",
      "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/a\\\",\\\"property\\\":\\\"realized\","
      "\"property\":\"sysfsdev\"}}" },
    { "a backslash is doubled", "/a\\", NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/a\\\\\"}}" },
    { "a line break cannot end the command", "/a\nb\r\tc", NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/a\\nb\\r\\tc\"}}" },
    { "control characters are escaped", "/\001\033\037", NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/\\u0001\\u001b\\u001f\"}}" },
    { "UTF-8 stays UTF-8", "/gr\303\274n", NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/gr\303\274n\"}}" },
    { "an empty path is still an argument", "", NULL,
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"\"}}" },
    { "an odd property is escaped as well", "/a", "x\"y\\z",
      "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/a\",\"property\":\"x\\\"y\\\\z\"}}" },
    { "a percent sign is no format", "/%s%n", "%d",
      "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/%s%n\",\"property\":\"%d\"}}" },
};

static void
testMakeCommand(void)
{
    g_autofree char *query = qemuMonitorJSONMakeCommand("query-migrate");
    g_autofree char *odd = qemuMonitorJSONMakeCommand("a\"b\\c\n%s");

    g_assert_cmpstr(query, ==, "{\"execute\":\"query-migrate\"}");
    g_assert_cmpstr(odd, ==, "{\"execute\":\"a\\\"b\\\\c\\n%s\"}");
}

static void
testMakeHuman(void)
{
    g_autofree char *line = qemuMonitorJSONMakeHuman("info network");
    g_autofree char *odd = qemuMonitorJSONMakeHuman("a\",\"cpu-index\":1,\"b\":\"/\n");

    g_assert_cmpstr(line, ==, "{\"execute\":\"human-monitor-command\",\"arguments\":"
                    "{\"command-line\":\"info network\"}}");
    g_assert_cmpstr(odd, ==, "{\"execute\":\"human-monitor-command\",\"arguments\":{"
                    "\"command-line\":\"a\\\",\\\"cpu-index\\\":1,\\\"b\\\":\\\"/\\n\"}}");
}

static void
testMake(gconstpointer data)
{
    const testCommand *command = data;
    g_autofree char *text = command->property
        ? qemuMonitorJSONMakeQomGet(command->path, command->property)
        : qemuMonitorJSONMakeQomList(command->path);

    g_assert_cmpstr(text, ==, command->expected);
}

/* Answers of an honest QEMU */

static void
testRecordedList(void)
{
    g_autofree char *peripheral = testLoad("qom-list-peripheral");
    g_autofree char *anonymous = testLoad("qom-list-peripheral-anon");
    g_autofree char *vfio = testLoad("qom-list-vfio");

    testAssertList(peripheral, "balloon0=virtio-balloon-pci pci.3=pcie-root-port "
                   "pci.1=pcie-root-port usb=qemu-xhci pci.2=pcie-root-port");
    testAssertList(anonymous, "device[0]=virtio-rng-pci");
    testAssertList(vfio, "hostdev0=vfio-pci hostdev1=vfio-pci-nohotplug vu0=vfio-user-pci "
                   "hostdev2=vfio-ccw vdpa0=vhost-vdpa-device-pci balloon0=virtio-balloon-pci");
}

static void
testRecordedBool(void)
{
    g_autofree char *yes = testLoad("qom-get-true");
    g_autofree char *no = testLoad("qom-get-false");

    testAssertBool(yes, true);
    testAssertBool(no, false);
}

static void
testRecordedString(void)
{
    g_autofree char *type = testLoad("qom-get-string");
    g_autofree char *pci = testLoad("qom-get-sysfsdev-pci");
    g_autofree char *mdev = testLoad("qom-get-sysfsdev-mdev");

    testAssertString(type, "virtio-balloon-pci");
    testAssertString(pci, "/sys/bus/pci/devices/0000:07:00.0");
    testAssertString(mdev, "/sys/bus/mdev/devices/4b20d080-1b54-4048-85b3-a6a62d165c01");
}

/* An error of QEMU's own: no list to be had, nothing switched on, no string there. */
static void
testRecordedError(void)
{
    static const char *const names[] = {
        "error-no-property", "error-no-device", "error-no-command", "error-vfio-user-no-property",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *reply = testLoad(names[i]);

        testAssertNoList(reply);
        testAssertBool(reply, false);
        testAssertString(reply, NULL);
    }
}

static void
testFormatOfTheTextDoesNotMatter(void)
{
    testAssertBool("  {\r\n  \"id\" : \"libvirt-1\",\n\t\"return\" : true\n}\n\n", true);
    testAssertList("{ \"return\" : [ { \"type\" : \"child<vfio-pci>\" , \"name\" : \"a\" } ] }",
                   "a=vfio-pci");
    testAssertString("{\"return\":\"\\u002fsys\\u002fa\"}", "/sys/a");
}

static void
testEmptyListHasNoChildren(void)
{
    testAssertList("{\"return\":[]}", "");
}

static void
testUnknownMembersAreSkipped(void)
{
    testAssertList("{\"return\":[{\"name\":\"a\",\"type\":\"child<b>\",\"default-value\":[1],"
                   "\"description\":\"c\"}],\"id\":7,\"more\":{}}", "a=b");
}

static void
testOnlyChildrenAreListed(void)
{
    testAssertList("{\"return\":["
                   "{\"name\":\"type\",\"type\":\"string\"},"
                   "{\"name\":\"parent\",\"type\":\"link<bus>\"},"
                   "{\"name\":\"open\",\"type\":\"child<vfio-pci\"},"
                   "{\"name\":\"other\",\"type\":\"Child<vfio-pci>\"},"
                   "{\"name\":\"word\",\"type\":\"child\"},"
                   "{\"name\":\"empty\",\"type\":\"\"},"
                   "{\"name\":\"real\",\"type\":\"child<vfio-pci>\"}]}", "real=vfio-pci");
}

/* "child<" and ">" must not be counted twice or overlap in memory. */
static void
testShortestChildTypes(void)
{
    testAssertList("{\"return\":[{\"name\":\"a\",\"type\":\"child<>\"}]}", "a=");
    testAssertList("{\"return\":[{\"name\":\"a\",\"type\":\"child<\"}]}", "");
    testAssertList("{\"return\":[{\"name\":\"a\",\"type\":\"child<<>>\"}]}", "a=<>");
}

static void
testEmptyNameIsKept(void)
{
    testAssertList("{\"return\":[{\"name\":\"\",\"type\":\"child<vfio-pci>\"}]}", "=vfio-pci");
}

static void
testThousandsOfChildrenAreRead(void)
{
    const guint count = 5000;
    g_autoptr(GString) reply = g_string_new("{\"return\":[");
    g_autoptr(GPtrArray) children = NULL;
    g_autoptr(GError) error = NULL;
    guint i;

    for (i = 0; i < count; i++)
        g_string_append_printf(reply, "%s{\"name\":\"d%u\",\"type\":\"child<vfio-pci>\"}",
                               i > 0 ? "," : "", i);
    g_string_append(reply, "]}");

    children = qemuMonitorJSONParseQomList(reply->str, &error);
    g_assert_no_error(error);
    if (children)
        g_assert_cmpuint(children->len, ==, count);
}

/* Answers that are none */

typedef struct {
    const char *name;
    const char *reply;
} testReply;

static const testReply testNothings[] = {
    { "nothing at all", "" },
    { "only spaces", "  \n\t " },
    { "null", "null" },
    { "a number", "42" },
    { "a boolean outside of an object", "true" },
    { "a string outside of an object", "\"true\"" },
    { "a list outside of an object", "[{\"name\":\"a\",\"type\":\"child<vfio-pci>\"}]" },
    { "an empty object", "{}" },
    { "an object with neither return nor error", "{\"id\":\"libvirt-1\"}" },
    { "return in another case", "{\"Return\":true}" },
    { "an error that is a text", "{\"error\":\"no\"}" },
    { "an error that is null", "{\"error\":null}" },
    { "an error that is a list", "{\"error\":[]}" },
    { "an event", "{\"event\":\"BALLOON_CHANGE\",\"data\":{\"actual\":1}}" },
    { "QEMU's greeting", "{\"QMP\":{\"version\":{},\"capabilities\":[]}}" },
    { "return that is null", "{\"return\":null}" },
    { "return that is an object", "{\"return\":{}}" },
    { "return that is a number", "{\"return\":1}" },
    { "return that is a fraction", "{\"return\":1.5}" },
    { "an unclosed object", "{\"return\":true" },
    { "an unclosed string", "{\"return\":\"tr" },
    { "a member without a value", "{\"return\":}" },
    { "a word that is no JSON", "{\"return\":yes}" },
    { "an error of libvirt's instead of an answer", "error: Timed out during operation" },
};

static void
testNothing(gconstpointer data)
{
    const testReply *reply = data;

    testAssertNothing(reply->reply);
}

/* A list that is not quite one is none: the child that cannot be read may be the inhibitor. */
static const testReply testNoLists[] = {
    { "a true list is no object", "{\"return\":{\"name\":\"a\",\"type\":\"child<b>\"}}" },
    { "a list as text", "{\"return\":\"[]\"}" },
    { "a list of texts", "{\"return\":[\"child<vfio-pci>\"]}" },
    { "a list of lists", "{\"return\":[[]]}" },
    { "a list with null", "{\"return\":[null]}" },
    { "a child without a name", "{\"return\":[{\"type\":\"child<vfio-pci>\"}]}" },
    { "a child without a type", "{\"return\":[{\"name\":\"a\"}]}" },
    { "a name that is a number", "{\"return\":[{\"name\":1,\"type\":\"child<vfio-pci>\"}]}" },
    { "a name that is null", "{\"return\":[{\"name\":null,\"type\":\"child<vfio-pci>\"}]}" },
    { "a type that is an object", "{\"return\":[{\"name\":\"a\",\"type\":{}}]}" },
    { "a type that is null", "{\"return\":[{\"name\":\"a\",\"type\":null}]}" },
    { "one bad child after a good one",
      "{\"return\":[{\"name\":\"a\",\"type\":\"child<b>\"},{\"name\":\"c\",\"type\":[]}]}" },
};

static void
testNoList(gconstpointer data)
{
    const testReply *reply = data;

    testAssertNoList(reply->reply);
}

static const testReply testNoBools[] = {
    { "true as text", "{\"return\":\"true\"}" },
    { "on as text", "{\"return\":\"on\"}" },
    { "one", "{\"return\":1}" },
    { "a list with true", "{\"return\":[true]}" },
    { "an empty text", "{\"return\":\"\"}" },
};

static void
testNoBool(gconstpointer data)
{
    const testReply *reply = data;

    testAssertNoBool(reply->reply);
}

static const testReply testNoStrings[] = {
    { "a boolean", "{\"return\":true}" },
    { "a list with a text", "{\"return\":[\"/sys\"]}" },
    { "an object with a text", "{\"return\":{\"path\":\"/sys\"}}" },
};

static void
testNoString(gconstpointer data)
{
    const testReply *reply = data;

    testAssertNoString(reply->reply);
}

static void
testHostileFiles(void)
{
    static const char *const names[] = { "hostile-empty", "hostile-truncated", "hostile-html" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *reply = testLoad(names[i]);

        testAssertNothing(reply);
    }
}

/* A reply is one JSON value: what comes after it would be an answer that nobody has read. */
static void
testTextAfterTheAnswer(void)
{
    g_autofree char *text = testLoad("hostile-trailing-text");

    testAssertNoBool(text);
    testAssertNoList("{\"return\":[]} ]");
}

static void
testTwoAnswersAreNone(void)
{
    g_autofree char *two = testLoad("hostile-two-replies");

    testAssertNoBool(two);
}

/* QMP knows no reply that is both: taking the better half would let an error pass for a yes. */
static void
testReturnAndErrorAreNone(void)
{
    testAssertNoBool("{\"return\":true,\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}");
    testAssertNoBool("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"return\":true}");
}

static char *
testRepeat(const char *prefix, const char *open, const char *middle, const char *close, guint depth)
{
    GString *text = g_string_new(prefix);
    guint i;

    for (i = 0; i < depth; i++)
        g_string_append(text, open);
    g_string_append(text, middle);
    for (i = 0; i < depth; i++)
        g_string_append(text, close);
    return g_string_free(text, FALSE);
}

/* Deeper than the stack would bear if the reader had no limit. */
static void
testDeepNesting(void)
{
    static const guint depths[] = { 40, 1000, 1000000 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(depths); i++) {
        g_autofree char *lists = testRepeat("{\"return\":", "[", "true", "]", depths[i]);
        g_autofree char *closed = g_strconcat(lists, "}", NULL);
        g_autofree char *objects = testRepeat("", "{\"return\":", "true", "}", depths[i]);
        g_autofree char *open = testRepeat("", "{\"return\":[", "", "", depths[i]);

        testAssertNothing(closed);
        testAssertNothing(objects);
        testAssertNothing(open);
    }
}

/* Every prefix of an answer is either no answer, or, with the last brace, the answer. */
static void
testEveryPrefix(void)
{
    g_autofree char *reply = testLoad("qom-list-vfio");
    size_t end = strlen(g_strchomp(reply));
    size_t i;

    for (i = 0; i < end; i++) {
        g_autofree char *prefix = g_strndup(reply, i);

        testAssertNothing(prefix);
    }
}

/* Any byte replaced by any of the odd ones: an answer or an error, never both and never neither;
 * the sanitizers watch the rest. */
static void
testEveryByteReplaced(void)
{
    static const char odd[] = "\"\\{}[]:,\001\377 0n";
    g_autofree char *reply = testLoad("qom-list-vfio");
    size_t length = strlen(reply);
    size_t i;
    size_t j;

    for (i = 0; i < length; i++) {
        for (j = 0; j < sizeof(odd) - 1; j++) {
            g_autofree char *changed = g_strdup(reply);
            g_autoptr(GPtrArray) children = NULL;
            g_autoptr(GError) error = NULL;
            bool value;
            g_autofree char *text = NULL;

            changed[i] = odd[j];
            children = qemuMonitorJSONParseQomList(changed, &error);
            g_assert_true((children == NULL) == (error != NULL));
            g_clear_error(&error);
            g_assert_true(qemuMonitorJSONParseBool(changed, &value, &error) == (error == NULL));
            text = qemuMonitorJSONParseString(changed, NULL);
        }
    }
}

static void
testDuplicateMembersGiveTheLast(void)
{
    testAssertBool("{\"return\":true,\"return\":false}", false);
    testAssertNoBool("{\"return\":true,\"return\":\"true\"}");
}

/* What is read goes into messages and into D-Bus, journal and JSON, all of which want UTF-8. */
static void
testInvalidUtf8IsNoAnswer(void)
{
    g_autofree char *list = testLoad("hostile-invalid-utf8");

    testAssertNoList(list);
    testAssertNoString("{\"return\":\"/sys/\377\"}");
}

/* C strings end at NUL, so a name with one inside would be another name than QEMU's. */
static void
testNulInsideTextIsNoAnswer(void)
{
    testAssertNoList("{\"return\":[{\"name\":\"a\\u0000b\",\"type\":\"child<vfio-pci>\"}]}");
    testAssertNoList("{\"return\":[{\"name\":\"a\",\"type\":\"child<vfio-pci>\\u0000\"}]}");
    testAssertNoString("{\"return\":\"/sys\\u0000/bus\"}");
}

/* What a running QEMU says of itself */

/* "postcopy-active sending: reason one, reason two", or "-" without a status */
static char *
testFormatMigration(const qemuMonitorMigration *migration)
{
    g_autofree char *reasons = migration->blocked ? g_strjoinv(", ", migration->blocked) : NULL;

    return g_strconcat(migration->status ? migration->status : "-",
                       migration->sending ? " sending" : "",
                       reasons ? ": " : NULL, reasons, NULL);
}

static char *
testFormatNodes(const GPtrArray *nodes)
{
    GString *text = g_string_new(NULL);
    guint i;

    for (i = 0; i < nodes->len; i++) {
        const qemuMonitorBlockNode *node = g_ptr_array_index(nodes, i);

        g_string_append_printf(text, "%s%s=%s", i > 0 ? " " : "", node->name ? node->name : "?",
                               node->driver);
    }
    return g_string_free(text, FALSE);
}

/* Each gives what the query says in words, or NULL and @error. */

static char *
testReadMigrate(const char *reply, GError **error)
{
    g_auto(qemuMonitorMigration) migration = { 0 };

    if (!qemuMonitorJSONParseMigrate(reply, &migration, error))
        return NULL;
    return testFormatMigration(&migration);
}

static char *
testReadSnapshot(const char *reply, GError **error)
{
    bool value = true;

    if (!qemuMonitorJSONParseCapability(reply, "background-snapshot", &value, error))
        return NULL;
    return g_strdup(value ? "on" : "off");
}

static char *
testReadSev(const char *reply, GError **error)
{
    bool sev = true;

    if (!qemuMonitorJSONParseSev(reply, &sev, error))
        return NULL;
    return g_strdup(sev ? "sev" : "none");
}

static char *
testReadColo(const char *reply, GError **error)
{
    bool secondary = true;

    if (!qemuMonitorJSONParseColo(reply, &secondary, error))
        return NULL;
    return g_strdup(secondary ? "secondary" : "none");
}

static char *
testReadVersion(const char *reply, GError **error)
{
    unsigned int version = 1;

    if (!qemuMonitorJSONParseVersion(reply, &version, error))
        return NULL;
    return g_strdup_printf("%u", version);
}

static char *
testReadNodes(const char *reply, GError **error)
{
    g_autoptr(GPtrArray) nodes = qemuMonitorJSONParseBlockNodes(reply, error);

    return nodes ? testFormatNodes(nodes) : NULL;
}

typedef char *
(*testReader)(const char *reply, GError **error);

/* In the order of testReaders. */
typedef enum {
    TEST_MIGRATE,
    TEST_SNAPSHOT,
    TEST_SEV,
    TEST_COLO,
    TEST_VERSION,
    TEST_NODES,
} testQueryKind;

static const struct {
    const char *name;
    testReader read;
    const char *none;  /* where QEMU does not have the query */
    const char *other; /* an answer of a type that this query never has */
} testReaders[] = {
    { "query-migrate", testReadMigrate, "-", "{\"return\":[]}" },
    { "query-migrate-capabilities", testReadSnapshot, "off", "{\"return\":{}}" },
    { "query-sev", testReadSev, "none", "{\"return\":[]}" },
    { "query-colo-status", testReadColo, "none", "{\"return\":[]}" },
    { "query-version", testReadVersion, "0", "{\"return\":[]}" },
    { "query-named-block-nodes", testReadNodes, "", "{\"return\":{}}" },
};

typedef struct {
    const char *sentence;
    testQueryKind kind;
    const char *reply;    /* JSON, or the name of a file */
    const char *expected; /* NULL: it is refused */
} testQuery;

#define CAPABILITY(name, state) "{\"state\":" state ",\"capability\":\"" name "\"}"
#define SNAPSHOT(state) "{\"return\":[" CAPABILITY("xbzrle", "true") "," \
    CAPABILITY("background-snapshot", state) "," CAPABILITY("colo", "true") "]}"
#define VERSION(major, minor) "{\"return\":{\"qemu\":{\"micro\":0,\"minor\":" minor \
    ",\"major\":" major "},\"package\":\"\"}}"

static const testQuery testQueries[] = {
    { "nothing ever migrated", TEST_MIGRATE, "query-migrate-none", "-" },
    { "a device that cannot migrate", TEST_MIGRATE, "query-migrate-blocked",
      "-: non-migratable device: 0000:00:03.0/nvme" },
    { "two reasons not to migrate, one of them protection", TEST_MIGRATE,
      "query-migrate-protected", "-: non-migratable device: 0000:00:03.0/nvme, protected VMs are "
      "currently not migratable." },
    { "a running background snapshot", TEST_MIGRATE, "query-migrate-snapshot-active",
      "active sending" },
    { "a background snapshot that has ended", TEST_MIGRATE, "query-migrate-snapshot-completed",
      "completed sending" },
    { "a source", TEST_MIGRATE, "query-migrate-source-active", "active sending" },
    { "a source after the switch to postcopy", TEST_MIGRATE, "query-migrate-source-postcopy",
      "postcopy-active sending" },
    { "a target", TEST_MIGRATE, "query-migrate-target-active", "active" },
    { "a target after the switch to postcopy", TEST_MIGRATE, "query-migrate-target-postcopy",
      "postcopy-active" },
    { "a target that has all", TEST_MIGRATE, "query-migrate-target-completed", "completed" },
    { "a target of COLO", TEST_MIGRATE, "query-migrate-target-colo", "colo" },
    { "an empty list of reasons", TEST_MIGRATE, "{\"return\":{\"blocked-reasons\":[]}}", "-: " },
    { "members that nobody knows", TEST_MIGRATE,
      "{\"return\":{\"novelty\":[[1]],\"status\":\"device\"}}", "device" },
    { "a status that is a number", TEST_MIGRATE, "{\"return\":{\"status\":1}}", NULL },
    { "a status with a NUL", TEST_MIGRATE, "{\"return\":{\"status\":\"active\\u0000\"}}", NULL },
    { "reasons that are a text", TEST_MIGRATE,
      "{\"return\":{\"blocked-reasons\":\"protected VMs are currently not migratable.\"}}", NULL },
    { "a reason that is no text", TEST_MIGRATE,
      "{\"return\":{\"blocked-reasons\":[{\"protected\":true}]}}", NULL },

    { "no capability is on", TEST_SNAPSHOT, "query-migrate-capabilities", "off" },
    { "the capability is on", TEST_SNAPSHOT, "query-migrate-capabilities-snapshot", "on" },
    { "the capability is on among others", TEST_SNAPSHOT, SNAPSHOT("true"), "on" },
    { "only others are on", TEST_SNAPSHOT, SNAPSHOT("false"), "off" },
    { "a version without the capability", TEST_SNAPSHOT,
      "{\"return\":[" CAPABILITY("postcopy-ram", "true") "]}", "off" },
    { "a longer name is another capability", TEST_SNAPSHOT,
      "{\"return\":[" CAPABILITY("background-snapshot-x", "true") "]}", "off" },
    { "no capabilities at all", TEST_SNAPSHOT, "{\"return\":[]}", "off" },
    { "a state that is a text", TEST_SNAPSHOT, SNAPSHOT("\"false\""), NULL },
    { "a state that is a number", TEST_SNAPSHOT, SNAPSHOT("1"), NULL },
    { "a state that is null", TEST_SNAPSHOT, SNAPSHOT("null"), NULL },
    { "a capability without a state", TEST_SNAPSHOT,
      "{\"return\":[{\"capability\":\"background-snapshot\"}]}", NULL },
    { "a capability that is no object", TEST_SNAPSHOT, "{\"return\":[\"background-snapshot\"]}",
      NULL },
    { "a capability that is null", TEST_SNAPSHOT, "{\"return\":[null]}", NULL },

    { "SEV is off", TEST_SEV, "query-sev-off", "none" },
    { "SEV is on", TEST_SEV, "query-sev-sev", "sev" },
    { "SEV-ES is on", TEST_SEV, "query-sev-sev-es", "sev" },
    { "SEV is off where it has a type", TEST_SEV, "query-sev-9.1-off", "none" },
    { "SEV is on and has its type", TEST_SEV, "query-sev-9.1-sev", "sev" },
    { "SEV-SNP discards", TEST_SEV, "query-sev-9.1-sev-snp", "none" },
    { "nothing said of SEV", TEST_SEV, "{\"return\":{}}", NULL },
    { "SEV on as a text", TEST_SEV, "{\"return\":{\"enabled\":\"false\"}}", NULL },
    { "SEV on as a number", TEST_SEV, "{\"return\":{\"enabled\":1}}", NULL },
    { "a type of SEV that is a list", TEST_SEV,
      "{\"return\":{\"enabled\":true,\"sev-type\":[\"sev-snp\"]}}", NULL },

    { "no COLO", TEST_COLO, "query-colo-status-none", "none" },
    { "the primary side of COLO", TEST_COLO, "query-colo-status-primary", "none" },
    { "the secondary side of COLO", TEST_COLO, "query-colo-status-secondary", "secondary" },
    { "what was the secondary side", TEST_COLO, "query-colo-status-survivor", "secondary" },
    { "what was the primary side", TEST_COLO,
      "{\"return\":{\"last-mode\":\"primary\",\"mode\":\"none\",\"reason\":\"error\"}}", "none" },
    { "a last mode that is a list", TEST_COLO,
      "{\"return\":{\"last-mode\":[],\"mode\":\"none\",\"reason\":\"none\"}}", NULL },
    { "nothing said of COLO", TEST_COLO, "{\"return\":{}}", NULL },
    { "a mode that is a list", TEST_COLO, "{\"return\":{\"mode\":[\"secondary\"]}}", NULL },

    { "7.2 with a package's name", TEST_VERSION, "query-version", "7002" },
    { "5.2", TEST_VERSION, VERSION("5", "2"), "5002" },
    { "6.1.94 is before 6.2", TEST_VERSION,
      "{\"return\":{\"qemu\":{\"micro\":94,\"minor\":1,\"major\":6},\"package\":\"\"}}", "6001" },
    { "10.0", TEST_VERSION, VERSION("10", "0"), "10000" },
    { "11.1", TEST_VERSION, VERSION("11", "1"), "11001" },
    { "no version", TEST_VERSION, "{\"return\":{}}", NULL },
    { "a version without a minor number", TEST_VERSION, "{\"return\":{\"qemu\":{\"major\":7}}}",
      NULL },
    { "a version in texts", TEST_VERSION, VERSION("\"7\"", "\"2\""), NULL },
    { "a version in lists", TEST_VERSION, VERSION("[7]", "[2]"), NULL },
    { "a version that is a text", TEST_VERSION, "{\"return\":{\"qemu\":\"7.2\"}}", NULL },

    { "a disk of a file", TEST_NODES, "query-named-block-nodes",
      "libvirt-1-format=raw libvirt-1-storage=file" },
    { "a userspace NVMe disk", TEST_NODES, "query-named-block-nodes-nvme",
      "libvirt-1-format=raw libvirt-1-storage=nvme" },
    { "disks of libblkio", TEST_NODES, "query-named-block-nodes-blkio",
      "libvirt-1-storage=virtio-blk-vhost-vdpa libvirt-2-storage=virtio-blk-vfio-pci "
      "libvirt-3-storage=nvme-io_uring" },
    { "no disks", TEST_NODES, "{\"return\":[]}", "" },
    { "a node without a name", TEST_NODES, "{\"return\":[{\"drv\":\"nvme\"}]}", "?=nvme" },
    { "a node without a driver", TEST_NODES, "{\"return\":[{\"node-name\":\"a\"}]}", NULL },
    { "a driver that is an object", TEST_NODES,
      "{\"return\":[{\"node-name\":\"a\",\"drv\":{\"nvme\":1}}]}", NULL },
    { "a driver with a NUL", TEST_NODES,
      "{\"return\":[{\"node-name\":\"a\",\"drv\":\"nvme\\u0000x\"}]}", NULL },
    { "a node that is null", TEST_NODES, "{\"return\":[null]}", NULL },
    { "a node that is a text", TEST_NODES, "{\"return\":[\"nvme\"]}", NULL },
};

static void
testAssertQuery(testQueryKind kind, const char *reply, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = testReaders[kind].read(reply, &error);

    g_assert_cmpstr(text, ==, expected);
    if (expected)
        g_assert_no_error(error);
    else
        g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
}

static void
testQueryCase(gconstpointer opaque)
{
    const testQuery *data = opaque;
    g_autofree char *text = data->reply[0] == '{' ? g_strdup(data->reply) : testLoad(data->reply);

    testAssertQuery(data->kind, text, data->expected);
}

/* A version without the query does not have the thing either. */
static void
testQueriesThatAVersionLacks(void)
{
    g_autofree char *notFound = testLoad("error-no-command");
    static const char generic[] =
        "{\"id\":\"libvirt-1\",\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}";
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testReaders); i++) {
        testAssertQuery((testQueryKind)i, notFound, testReaders[i].none);
        testAssertQuery((testQueryKind)i, generic, testReaders[i].none);
    }
}

static void
testQueriesWithoutAnswer(void)
{
    static const char *const hostile[] = {
        "hostile-empty", "hostile-truncated", "hostile-html", "hostile-trailing-text",
        "hostile-two-replies", "hostile-invalid-utf8",
    };
    size_t i;
    size_t j;

    for (i = 0; i < G_N_ELEMENTS(testReaders); i++) {
        testAssertQuery((testQueryKind)i, testReaders[i].other, NULL);
        testAssertQuery((testQueryKind)i, "{\"return\":\"\"}", NULL);
        testAssertQuery((testQueryKind)i, "{\"return\":true}", NULL);
        for (j = 0; j < G_N_ELEMENTS(hostile); j++) {
            g_autofree char *reply = testLoad(hostile[j]);

            testAssertQuery((testQueryKind)i, reply, NULL);
        }
        for (j = 0; j < G_N_ELEMENTS(testNothings); j++) {
            const char *reply = testNothings[j].reply;

            if (strcmp(reply, "{\"return\":{}}") != 0)
                testAssertQuery((testQueryKind)i, reply, NULL);
        }
    }
}

/* A MiB is read and one byte more is not. */
static void
testLargestAnswer(void)
{
    const gsize limit = 1048576;
    static const char open[] = "{\"return\":[],\"id\":\"";
    g_autofree char *id = g_strnfill(limit - strlen(open) - strlen("\"}"), 'x');
    g_autofree char *largest = g_strconcat(open, id, "\"}", NULL);
    g_autofree char *larger = g_strconcat(open, id, "x\"}", NULL);

    g_assert_cmpuint(strlen(largest), ==, limit);
    testAssertList(largest, "");
    testAssertQuery(TEST_NODES, largest, "");
    testAssertNothing(larger);
    testAssertQuery(TEST_NODES, larger, NULL);
}

static void
testHundredDisks(void)
{
    g_autofree char *two = testLoad("query-named-block-nodes");
    const char *first = strchr(two, '[') + 1;
    g_autofree char *nodes = g_strndup(first, (gsize)(strrchr(two, ']') - first));
    g_autoptr(GString) reply = g_string_new("{\"return\":[");
    g_autoptr(GPtrArray) read = NULL;
    g_autoptr(GError) error = NULL;
    guint i;

    for (i = 0; i < 100; i++)
        g_string_append_printf(reply, "%s%s", i > 0 ? "," : "", nodes);
    g_string_append(reply, "]}");
    read = qemuMonitorJSONParseBlockNodes(reply->str, &error);
    g_assert_no_error(error);
    if (read)
        g_assert_cmpuint(read->len, ==, 200);
}

/* Every byte of a recorded answer replaced, and every byte left off: read or refused. */
static void
testQueriesChanged(void)
{
    static const char *const names[] = {
        "query-migrate-protected", "query-migrate-capabilities", "query-sev-9.1-sev",
        "query-colo-status-secondary", "query-version", "query-named-block-nodes-nvme",
    };
    static const char odd[] = "\"\\{}[]:,\001\377 0n";
    size_t i;
    size_t j;
    size_t k;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *reply = testLoad(names[i]);
        size_t length = strlen(g_strchomp(reply));

        for (j = 0; j < length; j++) {
            g_autofree char *prefix = g_strndup(reply, j);

            testAssertQuery((testQueryKind)i, prefix, NULL);
            for (k = 0; k < sizeof(odd) - 1; k++) {
                g_autofree char *changed = g_strdup(reply);
                g_autofree char *text = NULL;
                g_autoptr(GError) error = NULL;

                changed[j] = odd[k];
                text = testReaders[i].read(changed, &error);
                g_assert_true((text == NULL) == (error != NULL));
            }
        }
    }
}

/* The texts for humans: what the parser of texts gives, and an unknown command is one, too. */
static void
testTextForHumans(void)
{
    g_autofree char *network = testLoad("info-network");
    g_autofree char *unknown = testLoad("info-unknown");

    testAssertString(network, "hub 0\r\n \\ h0\r\nnet0: index=0,type=nic,model=virtio-net-pci,"
                     "macaddr=52:54:00:12:34:56\r\n \\ hostnet0: index=0,type=user,net=10.0.2.0,"
                     "restrict=off\r\n");
    testAssertString(unknown, "unknown command: 'info novelty'\r\n");
}

/* What is cleared may be cleared again. */
static void
testMigrationIsCleared(void)
{
    g_autofree char *reply = testLoad("query-migrate-protected");
    qemuMonitorMigration migration = { 0 };

    g_assert_true(qemuMonitorJSONParseMigrate(reply, &migration, NULL));
    g_assert_nonnull(migration.blocked);
    qemuMonitorMigrationClear(&migration);
    g_assert_null(migration.blocked);
    g_assert_null(migration.status);
    qemuMonitorMigrationClear(&migration);
}

static void
testErrorsAreOptional(void)
{
    bool value;

    g_assert_null(qemuMonitorJSONParseQomList("nonsense", NULL));
    g_assert_false(qemuMonitorJSONParseBool("nonsense", &value, NULL));
    g_assert_null(qemuMonitorJSONParseString("nonsense", NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(testReaders); i++)
        g_assert_null(testReaders[i].read("nonsense", NULL));
}

static void
testAddReplies(const char *group, const testReply *replies, size_t count, GTestDataFunc function)
{
    size_t i;

    for (i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/qemumonitorjson/%s/%s", group, replies[i].name);

        g_test_add_data_func(path, &replies[i], function);
    }
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One bad answer must not hide what the others do. */
    g_test_set_nonfatal_assertions();

    for (i = 0; i < G_N_ELEMENTS(testCommands); i++) {
        g_autofree char *path = g_strdup_printf("/qemumonitorjson/make/%s", testCommands[i].name);

        g_test_add_data_func(path, &testCommands[i], testMake);
    }

    g_test_add_func("/qemumonitorjson/make/a command without arguments", testMakeCommand);
    g_test_add_func("/qemumonitorjson/make/a line for the human monitor", testMakeHuman);
    for (i = 0; i < G_N_ELEMENTS(testQueries); i++) {
        g_autofree char *path = g_strdup_printf("/qemumonitorjson/%s/%s",
                                                testReaders[testQueries[i].kind].name,
                                                testQueries[i].sentence);

        g_test_add_data_func(path, &testQueries[i], testQueryCase);
    }
    g_test_add_func("/qemumonitorjson/queries that a version lacks say nothing",
                    testQueriesThatAVersionLacks);
    g_test_add_func("/qemumonitorjson/no answer/to any query", testQueriesWithoutAnswer);
    g_test_add_func("/qemumonitorjson/no answer/more than a MiB", testLargestAnswer);
    g_test_add_func("/qemumonitorjson/a hundred disks are read", testHundredDisks);
    g_test_add_func("/qemumonitorjson/every byte of a query's answer left off or replaced",
                    testQueriesChanged);
    g_test_add_func("/qemumonitorjson/texts for humans are texts", testTextForHumans);
    g_test_add_func("/qemumonitorjson/a migration is cleared", testMigrationIsCleared);

    g_test_add_func("/qemumonitorjson/recorded lists", testRecordedList);
    g_test_add_func("/qemumonitorjson/recorded booleans", testRecordedBool);
    g_test_add_func("/qemumonitorjson/recorded texts", testRecordedString);
    g_test_add_func("/qemumonitorjson/recorded errors are QEMU's own", testRecordedError);
    g_test_add_func("/qemumonitorjson/spaces, order and escapes do not matter",
                    testFormatOfTheTextDoesNotMatter);
    g_test_add_func("/qemumonitorjson/an empty list has no children", testEmptyListHasNoChildren);
    g_test_add_func("/qemumonitorjson/unknown members are skipped", testUnknownMembersAreSkipped);
    g_test_add_func("/qemumonitorjson/only children are listed", testOnlyChildrenAreListed);
    g_test_add_func("/qemumonitorjson/the shortest child types", testShortestChildTypes);
    g_test_add_func("/qemumonitorjson/an empty name is kept", testEmptyNameIsKept);
    g_test_add_func("/qemumonitorjson/thousands of children are read",
                    testThousandsOfChildrenAreRead);
    g_test_add_func("/qemumonitorjson/of duplicate members the last counts",
                    testDuplicateMembersGiveTheLast);
    g_test_add_func("/qemumonitorjson/the caller need not want errors", testErrorsAreOptional);

    testAddReplies("no answer", testNothings, G_N_ELEMENTS(testNothings), testNothing);
    testAddReplies("no list", testNoLists, G_N_ELEMENTS(testNoLists), testNoList);
    testAddReplies("no boolean", testNoBools, G_N_ELEMENTS(testNoBools), testNoBool);
    testAddReplies("no text", testNoStrings, G_N_ELEMENTS(testNoStrings), testNoString);
    g_test_add_func("/qemumonitorjson/no answer/files", testHostileFiles);
    g_test_add_func("/qemumonitorjson/no answer/text after the answer", testTextAfterTheAnswer);
    g_test_add_func("/qemumonitorjson/no answer/two answers", testTwoAnswersAreNone);
    g_test_add_func("/qemumonitorjson/no answer/both return and error", testReturnAndErrorAreNone);
    g_test_add_func("/qemumonitorjson/no answer/deep nesting", testDeepNesting);
    g_test_add_func("/qemumonitorjson/no answer/every prefix of one", testEveryPrefix);
    g_test_add_func("/qemumonitorjson/no answer/text that is no UTF-8", testInvalidUtf8IsNoAnswer);
    g_test_add_func("/qemumonitorjson/no answer/a NUL inside a text", testNulInsideTextIsNoAnswer);
    g_test_add_func("/qemumonitorjson/every byte of an answer replaced", testEveryByteReplaced);

    return g_test_run();
}
