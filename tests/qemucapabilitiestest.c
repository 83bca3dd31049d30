/*
 * qemucapabilitiestest.c: which emulators libvirt lists, and what QEMUs say of themselves
 *
 * Conversations of honest QEMUs are files in qemucapabilitiesdata/, where README says which are
 * recorded and which are written after measured shapes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "qemu_capabilities.h"
#include "vberror.h"

/* Of all that a QEMU may say. */
#define TEST_OUTPUT_MAX 262144

#define TEST_GREETING \
    "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":3,\"minor\":2,\"major\":9},\"package\":\"p\"}," \
    "\"capabilities\":[]}}\n"
#define TEST_NEGOTIATED "{\"return\":{},\"id\":1}\n"
#define TEST_TYPES "{\"return\":[{\"name\":\"vfio-pci\"}],\"id\":2}\n"
#define TEST_PROPERTIES \
    "{\"return\":[{\"name\":\"x-balloon-allowed\",\"type\":\"bool\"}],\"id\":3}\n"
#define TEST_QUIT "{\"return\":{},\"id\":4}\n"

static char *
testLoad(const char *name)
{
    g_autofree char *file = g_strconcat(VB_TEST_DATA_DIR, "/qemucapabilitiesdata/", name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(file, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* "9.2.3 (p) vfio-pci+ vfio-ap virtio-mem": '+' is the opt-out */
static char *
testFormat(const qemuCaps *caps)
{
    GString *text = g_string_new(NULL);
    guint i;

    g_string_printf(text, "%u.%u.%u (%s)", caps->major, caps->minor, caps->micro, caps->package);
    for (i = 0; i < caps->devices->len; i++) {
        const qemuCapsDevice *device = g_ptr_array_index(caps->devices, i);

        g_string_append_printf(text, " %s%s", device->name, device->hasOptOut ? "+" : "");
    }
    if (caps->virtioMem)
        g_string_append(text, " virtio-mem");
    return g_string_free(text, FALSE);
}

/* Feeds @text whole and takes what came of it; @commands may be NULL. */
static qemuCaps *
testConverse(const char *text, GString *commands, GError **error)
{
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GString) ignored = g_string_new(NULL);
    qemuCaps *caps;

    if (!qemuCapsProbeFeed(probe, text, strlen(text), commands ? commands : ignored, error)) {
        g_assert_null(qemuCapsProbeTake(probe));
        return NULL;
    }
    caps = qemuCapsProbeTake(probe);
    g_assert_null(qemuCapsProbeTake(probe));
    return caps;
}

static void
testAssertCaps(const char *text, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(qemuCaps) caps = testConverse(text, NULL, &error);
    g_autofree char *formatted = NULL;

    g_assert_no_error(error);
    g_assert_nonnull(caps);
    if (!caps)
        return;
    formatted = testFormat(caps);
    g_assert_cmpstr(formatted, ==, expected);
}

static void
testAssertHostile(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(qemuCaps) caps = testConverse(text, NULL, &error);

    g_assert_null(caps);
    g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
}

/* Neither an error nor an answer: more has to come. */
static void
testAssertUnfinished(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(qemuCaps) caps = testConverse(text, NULL, &error);

    g_assert_null(caps);
    g_assert_no_error(error);
}

/* Honest QEMUs */

typedef struct {
    const char *name;
    const char *expected;
} testVersion;

static const testVersion testVersions[] = {
    { "qemu-5.2-x86_64",
      "5.2.0 (Debian 1:5.2+dfsg-11+deb11u3) vfio-pci+ vfio-pci-nohotplug+ virtio-mem" },
    { "qemu-5.2-s390x",
      "5.2.0 (Debian 1:5.2+dfsg-11+deb11u3) vfio-ap vfio-ccw vfio-pci+ vfio-pci-nohotplug+" },
    { "qemu-7.2-x86_64",
      "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3) vfio-pci+ vfio-pci-nohotplug+ virtio-mem" },
    { "qemu-10.0-x86_64",
      "10.0.3 (Debian 1:10.0.3+ds-1) vfio-pci+ vfio-pci-nohotplug+ vhost-vdpa-device "
      "vhost-vdpa-device-pci vhost-vdpa-device-pci-non-transitional "
      "vhost-vdpa-device-pci-transitional virtio-mem" },
    { "qemu-11.1-x86_64",
      "11.1.2 (Debian 1:11.1.2) vfio-pci+ vfio-pci-nohotplug+ vfio-user-pci vhost-vdpa-device "
      "vhost-vdpa-device-pci vhost-vdpa-device-pci-non-transitional "
      "vhost-vdpa-device-pci-transitional virtio-mem" },
};

static void
testVersionIsRead(gconstpointer data)
{
    const testVersion *version = data;
    g_autofree char *file = g_strconcat(version->name, ".replies", NULL);
    g_autofree char *text = testLoad(file);

    testAssertCaps(text, version->expected);
}

static void
testEveryByteAlone(gconstpointer data)
{
    const testVersion *version = data;
    g_autofree char *file = g_strconcat(version->name, ".replies", NULL);
    g_autofree char *text = testLoad(file);
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GString) commands = g_string_new(NULL);
    g_autoptr(GString) whole = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(qemuCaps) caps = NULL;
    g_autofree char *formatted = NULL;

    caps = testConverse(text, whole, &error);
    g_assert_no_error(error);
    g_clear_pointer(&caps, qemuCapsUnref);
    for (const char *p = text; *p; p++)
        g_assert_true(qemuCapsProbeFeed(probe, p, 1, commands, NULL));
    g_assert_cmpstr(commands->str, ==, whole->str);
    caps = qemuCapsProbeTake(probe);
    g_assert_nonnull(caps);
    formatted = testFormat(caps);
    g_assert_cmpstr(formatted, ==, version->expected);
}

static void
testEverySplit(void)
{
    g_autofree char *text = testLoad("qemu-10.0-x86_64.replies");
    g_autoptr(GString) whole = g_string_new(NULL);
    size_t length = strlen(text);
    size_t i;

    qemuCapsUnref(testConverse(text, whole, NULL));
    for (i = 0; i <= length; i++) {
        g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
        g_autoptr(GString) commands = g_string_new(NULL);
        g_autoptr(qemuCaps) caps = NULL;

        g_assert_true(qemuCapsProbeFeed(probe, text, i, commands, NULL));
        g_assert_true(qemuCapsProbeFeed(probe, text + i, length - i, commands, NULL));
        g_assert_cmpstr(commands->str, ==, whole->str);
        caps = qemuCapsProbeTake(probe);
        g_assert_nonnull(caps);
    }
}

/* The last newline is what ends the last answer. */
static void
testEveryPrefixIsUnfinished(void)
{
    g_autofree char *text = testLoad("qemu-11.1-x86_64.replies");
    size_t length = strlen(text);
    size_t i;

    for (i = 0; i < length; i++) {
        g_autofree char *prefix = g_strndup(text, i);

        testAssertUnfinished(prefix);
    }
}

static void
testCommandsOneByOne(void)
{
    static const struct {
        const char *said;
        const char *command;
    } steps[] = {
        { TEST_GREETING, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n" },
        { TEST_NEGOTIATED,
          "{\"execute\":\"qom-list-types\",\"arguments\":{\"implements\":\"device\"},\"id\":2}\n" },
        { "{\"return\":[{\"name\":\"vhost-vdpa-device\"},{\"name\":\"vfio-pci\"},"
          "{\"name\":\"vfio-pci-igd-lpc-bridge\"},{\"name\":\"vfio-ap\"}],\"id\":2}\n",
          "{\"execute\":\"device-list-properties\",\"arguments\":{\"typename\":\"vfio-ap\"},"
          "\"id\":3}\n" },
        { "{\"return\":[],\"id\":3}\n",
          "{\"execute\":\"device-list-properties\",\"arguments\":{\"typename\":\"vfio-pci\"},"
          "\"id\":4}\n" },
        { "{\"return\":[],\"id\":4}\n", "{\"execute\":\"quit\",\"id\":5}\n" },
        { "{\"return\":{},\"id\":5}\n", "" },
    };
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(qemuCaps) caps = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GString) commands = g_string_new(NULL);

        g_assert_null(qemuCapsProbeTake(probe));
        g_assert_true(qemuCapsProbeFeed(probe, steps[i].said, strlen(steps[i].said), commands,
                                        NULL));
        g_assert_cmpstr(commands->str, ==, steps[i].command);
    }
    caps = qemuCapsProbeTake(probe);
    g_assert_nonnull(caps);
}

static void
testWithoutVfio(void)
{
    testAssertCaps(TEST_GREETING TEST_NEGOTIATED
                   "{\"return\":[{\"name\":\"virtio-net-pci\"}],\"id\":2}\n"
                   "{\"return\":{},\"id\":3}\n", "9.2.3 (p)");
}

static void
testErrorIsNoProperty(void)
{
    testAssertCaps(TEST_GREETING TEST_NEGOTIATED TEST_TYPES
                   "{\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"no\"},\"id\":3}\n"
                   TEST_QUIT, "9.2.3 (p) vfio-pci");
}

static void
testOtherProperties(void)
{
    static const char *const lists[] = {
        "[]",
        "[{\"name\":\"x-balloon-allowed\",\"type\":\"str\"}]",
        "[{\"name\":\"x-balloon-allowed2\",\"type\":\"bool\"}]",
        "[{\"name\":\"X-Balloon-Allowed\",\"type\":\"bool\"}]",
        "[{\"name\":\"sysfsdev\",\"type\":\"x-balloon-allowed\"}]",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autofree char *text = g_strconcat(TEST_GREETING TEST_NEGOTIATED TEST_TYPES
                                            "{\"return\":", lists[i], ",\"id\":3}\n" TEST_QUIT,
                                            NULL);

        testAssertCaps(text, "9.2.3 (p) vfio-pci");
    }
}

static void
testVirtioMemByName(void)
{
    static const struct {
        const char *type;
        bool is;
    } types[] = {
        { "virtio-mem", true },
        { "virtio-mem-pci", true },
        { "virtio-mem-ccw", true },
        { "virtio-memory", false },
        { "not-virtio-mem", false },
        { "virtio-balloon-pci", false },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *text = g_strconcat(TEST_GREETING TEST_NEGOTIATED
                                            "{\"return\":[{\"name\":\"", types[i].type,
                                            "\"}],\"id\":2}\n{\"return\":{},\"id\":3}\n", NULL);

        testAssertCaps(text, types[i].is ? "9.2.3 (p) virtio-mem" : "9.2.3 (p)");
    }
}

static void
testEventsAnywhere(void)
{
#define EVENT "{\"event\":\"RESUME\",\"data\":{},\"timestamp\":{\"seconds\":1}}\n"
    testAssertCaps(TEST_GREETING EVENT TEST_NEGOTIATED EVENT TEST_TYPES EVENT EVENT
                   TEST_PROPERTIES EVENT TEST_QUIT EVENT, "9.2.3 (p) vfio-pci+");
    testAssertHostile(EVENT TEST_GREETING);
#undef EVENT
}

static void
testNothingAfterTheEnd(void)
{
    g_autofree char *much = g_strnfill(TEST_OUTPUT_MAX, 'x');
    g_autofree char *text = g_strconcat(TEST_GREETING TEST_NEGOTIATED TEST_TYPES TEST_PROPERTIES
                                        TEST_QUIT "nonsense\n", much, NULL);
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GString) commands = g_string_new(NULL);
    g_autoptr(qemuCaps) caps = NULL;

    /* All at once it is too much; after the end it is not even counted. */
    testAssertHostile(text);
    for (const char *p = text; *p; p++)
        g_assert_true(qemuCapsProbeFeed(probe, p, 1, commands, NULL));
    g_assert_true(qemuCapsProbeFeed(probe, text, strlen(text), commands, NULL));
    caps = qemuCapsProbeTake(probe);
    g_assert_nonnull(caps);
}

static void
testOptOutByType(void)
{
    g_autofree char *text = testLoad("qemu-11.1-x86_64.replies");
    g_autoptr(qemuCaps) caps = testConverse(text, NULL, NULL);

    g_assert_true(qemuCapsHasOptOut(caps, "vfio-pci"));
    g_assert_true(qemuCapsHasOptOut(caps, "vfio-pci-nohotplug"));
    g_assert_false(qemuCapsHasOptOut(caps, "vfio-user-pci"));
    g_assert_false(qemuCapsHasOptOut(caps, "vhost-vdpa-device-pci"));
    g_assert_false(qemuCapsHasOptOut(caps, "vfio-ccw"));
    g_assert_false(qemuCapsHasOptOut(caps, "vfio-pci-igd-lpc-bridge"));
    g_assert_false(qemuCapsHasOptOut(caps, ""));
}

static void
testReference(void)
{
    g_autoptr(qemuCaps) first = testConverse(TEST_GREETING TEST_NEGOTIATED TEST_TYPES
                                             TEST_PROPERTIES TEST_QUIT, NULL, NULL);
    g_autoptr(qemuCaps) second = qemuCapsRef(first);

    g_clear_pointer(&first, qemuCapsUnref);
    g_assert_true(qemuCapsHasOptOut(second, "vfio-pci"));
}

/* Others */

typedef struct {
    const char *name;
    const char *text;
} testText;

#define TEST_VERSION(numbers, package) \
    "{\"QMP\":{\"version\":{\"qemu\":" numbers ",\"package\":" package "},\"capabilities\":[]}}\n"
#define TEST_NUMBERS "{\"micro\":3,\"minor\":2,\"major\":9}"
#define TEST_AT_TYPES TEST_GREETING TEST_NEGOTIATED
#define TEST_AT_PROPERTIES TEST_GREETING TEST_NEGOTIATED TEST_TYPES
#define TEST_AT_QUIT TEST_AT_PROPERTIES TEST_PROPERTIES

static const testText testHostiles[] = {
    { "an empty line", "\n" },
    { "a text", "Usage: qemu [options]\n" },
    { "a number", "1\n" },
    { "null", "null\n" },
    { "a list", "[]\n" },
    { "an empty object", "{}\n" },
    { "half an object", "{\"QMP\":\n" },
    { "a greeting over two lines", "{\"QMP\":{\"version\":\n{\"qemu\":" TEST_NUMBERS "}}}\n" },
    { "two answers in one line", TEST_GREETING
      "{\"return\":{},\"id\":1}{\"return\":{},\"id\":1}\n" },
    { "a comma before the end", TEST_GREETING "{\"return\":{},\"id\":1,}\n" },
    { "text after an answer", TEST_GREETING "{\"return\":{},\"id\":1} x\n" },
    { "a greeting that is a text", "{\"QMP\":\"yes\"}\n" },
    { "a greeting that is null", "{\"QMP\":null}\n" },
    { "a greeting without a version", "{\"QMP\":{\"capabilities\":[]}}\n" },
    { "a version that is a text", "{\"QMP\":{\"version\":\"9.2.3\"}}\n" },
    { "a version without QEMU's", "{\"QMP\":{\"version\":{\"package\":\"\"}}}\n" },
    { "a version without a package", "{\"QMP\":{\"version\":{\"qemu\":" TEST_NUMBERS "}}}\n" },
    { "a version without micro", TEST_VERSION("{\"minor\":2,\"major\":9}", "\"\"") },
    { "a version without minor", TEST_VERSION("{\"micro\":2,\"major\":9}", "\"\"") },
    { "a version without major", TEST_VERSION("{\"micro\":2,\"minor\":9}", "\"\"") },
    { "a negative version", TEST_VERSION("{\"micro\":3,\"minor\":2,\"major\":-9}", "\"\"") },
    { "a version of four billions",
      TEST_VERSION("{\"micro\":3,\"minor\":4294967296,\"major\":9}", "\"\"") },
    { "a version beyond 64 bits",
      TEST_VERSION("{\"micro\":3,\"minor\":2,\"major\":99999999999999999999}", "\"\"") },
    { "a version with a fraction",
      TEST_VERSION("{\"micro\":3,\"minor\":2.5,\"major\":9}", "\"\"") },
    { "a version in words", TEST_VERSION("{\"micro\":3,\"minor\":2,\"major\":\"9\"}", "\"\"") },
    { "a package that is a number", TEST_VERSION(TEST_NUMBERS, "1") },
    { "a package with an escape sequence", TEST_VERSION(TEST_NUMBERS, "\"\\u001b[31m\"") },
    { "a package with a line feed", TEST_VERSION(TEST_NUMBERS, "\"a\\nb\"") },
    { "a package with a NUL", TEST_VERSION(TEST_NUMBERS, "\"a\\u0000b\"") },
    { "a package that is no UTF-8", TEST_VERSION(TEST_NUMBERS, "\"\377\"") },
    { "an answer before the greeting", TEST_NEGOTIATED },
    { "an answer without an id", TEST_GREETING "{\"return\":{}}\n" },
    { "an answer with another id", TEST_GREETING "{\"return\":{},\"id\":2}\n" },
    { "an answer with an id that is a text", TEST_GREETING "{\"return\":{},\"id\":\"1\"}\n" },
    { "an answer with an id that is null", TEST_GREETING "{\"return\":{},\"id\":null}\n" },
    { "the same answer twice", TEST_GREETING TEST_NEGOTIATED TEST_NEGOTIATED },
    { "the greeting twice", TEST_GREETING TEST_GREETING },
    { "an answer that is both", TEST_AT_PROPERTIES
      "{\"return\":[],\"error\":{\"class\":\"c\"},\"id\":3}\n" },
    { "an answer that is neither", TEST_AT_PROPERTIES "{\"id\":3}\n" },
    { "an answer that is null", TEST_AT_PROPERTIES "{\"return\":null,\"id\":3}\n" },
    { "an error that is a text", TEST_AT_PROPERTIES "{\"error\":\"no\",\"id\":3}\n" },
    { "an error that is null", TEST_AT_PROPERTIES "{\"error\":null,\"id\":3}\n" },
    { "a return beside an error that is null", TEST_AT_PROPERTIES
      "{\"return\":[],\"error\":null,\"id\":3}\n" },
    { "an event that is a number", TEST_GREETING "{\"event\":1}\n" },
    { "refusing to be asked", TEST_GREETING "{\"error\":{\"class\":\"c\"},\"id\":1}\n" },
    { "refusing to list types", TEST_AT_TYPES "{\"error\":{\"class\":\"c\"},\"id\":2}\n" },
    { "refusing to quit", TEST_AT_QUIT "{\"error\":{\"class\":\"c\"},\"id\":4}\n" },
    { "types that are an object", TEST_AT_TYPES "{\"return\":{},\"id\":2}\n" },
    { "types that are a text", TEST_AT_TYPES "{\"return\":\"vfio-pci\",\"id\":2}\n" },
    { "a type that is a text", TEST_AT_TYPES "{\"return\":[\"vfio-pci\"],\"id\":2}\n" },
    { "a type that is null", TEST_AT_TYPES "{\"return\":[null],\"id\":2}\n" },
    { "a type without a name", TEST_AT_TYPES "{\"return\":[{\"parent\":\"a\"}],\"id\":2}\n" },
    { "a type whose name is a number", TEST_AT_TYPES "{\"return\":[{\"name\":1}],\"id\":2}\n" },
    { "a type whose name has a NUL", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"vfio-pci\\u0000\"}],\"id\":2}\n" },
    { "a type whose name has a quote", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"vfio-\\\"\"}],\"id\":2}\n" },
    { "a type whose name has a blank", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"vfio-pci x\"}],\"id\":2}\n" },
    { "a type whose name has a line feed", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"vfio-\\n\"}],\"id\":2}\n" },
    { "a type whose name is no UTF-8", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"\377\"}],\"id\":2}\n" },
    { "a type twice", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"vfio-pci\"},{\"name\":\"vfio-pci\"}],\"id\":2}\n" },
    { "one bad type after a good one", TEST_AT_TYPES
      "{\"return\":[{\"name\":\"vfio-pci\"},{}],\"id\":2}\n" },
    { "properties that are an object", TEST_AT_PROPERTIES "{\"return\":{},\"id\":3}\n" },
    { "properties that are true", TEST_AT_PROPERTIES "{\"return\":true,\"id\":3}\n" },
    { "a property that is a text", TEST_AT_PROPERTIES
      "{\"return\":[\"x-balloon-allowed\"],\"id\":3}\n" },
    { "a property without a name", TEST_AT_PROPERTIES
      "{\"return\":[{\"type\":\"bool\"}],\"id\":3}\n" },
    { "a property without a type", TEST_AT_PROPERTIES
      "{\"return\":[{\"name\":\"x-balloon-allowed\"}],\"id\":3}\n" },
    { "a property whose type is a list", TEST_AT_PROPERTIES
      "{\"return\":[{\"name\":\"x-balloon-allowed\",\"type\":[\"bool\"]}],\"id\":3}\n" },
    { "one bad property after the good one", TEST_AT_PROPERTIES
      "{\"return\":[{\"name\":\"x-balloon-allowed\",\"type\":\"bool\"},1],\"id\":3}\n" },
};

static void
testHostile(gconstpointer data)
{
    const testText *hostile = data;

    testAssertHostile(hostile->text);
}

static void
testNulInALine(void)
{
    static const char bytes[] = TEST_GREETING TEST_NEGOTIATED "{\"return\":[],\"id\":2}\0garbage\n";
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GString) commands = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(qemuCapsProbeFeed(probe, bytes, sizeof(bytes) - 1, commands, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
}

static void
testDeepNesting(void)
{
    static const guint depths[] = { 40, 1000, 100000 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(depths); i++) {
        g_autofree char *open = g_strnfill(depths[i], '[');
        g_autofree char *close = g_strnfill(depths[i], ']');
        g_autofree char *text = g_strconcat(TEST_AT_TYPES "{\"return\":", open, close,
                                            ",\"id\":2}\n", NULL);

        testAssertHostile(text);
    }
}

/* A conversation that is over does not go on with what would have been right. */
static void
testFailureIsFinal(void)
{
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GString) commands = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(qemuCapsProbeFeed(probe, TEST_GREETING, strlen(TEST_GREETING), commands, NULL));
    g_string_truncate(commands, 0);
    g_assert_false(qemuCapsProbeFeed(probe, "\n", 1, commands, NULL));
    g_assert_false(qemuCapsProbeFeed(probe, TEST_NEGOTIATED, strlen(TEST_NEGOTIATED), commands,
                                     &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_PROTOCOL);
    g_assert_cmpstr(commands->str, ==, "");
    g_assert_null(qemuCapsProbeTake(probe));
}

/* Blanks are JSON's own, so the greeting may be as long as it likes, up to the bound. */
static void
testOutputIsBounded(void)
{
    size_t rest = strlen(TEST_GREETING TEST_NEGOTIATED TEST_TYPES TEST_PROPERTIES TEST_QUIT);
    g_autofree char *fits = g_strnfill(TEST_OUTPUT_MAX - rest, ' ');
    g_autofree char *over = g_strnfill(TEST_OUTPUT_MAX - rest + 1, ' ');
    g_autofree char *good = g_strconcat(fits, TEST_AT_QUIT, TEST_QUIT, NULL);
    g_autofree char *bad = g_strconcat(over, TEST_AT_QUIT, TEST_QUIT, NULL);

    testAssertCaps(good, "9.2.3 (p) vfio-pci+");
    testAssertHostile(bad);
}

static void
testEndlessLine(void)
{
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GString) commands = g_string_new(NULL);
    g_autofree char *bytes = g_strnfill(4096, 'x');
    guint fed = 0;

    while (fed < 1000 && qemuCapsProbeFeed(probe, bytes, 4096, commands, NULL))
        fed++;
    g_assert_cmpuint(fed, ==, TEST_OUTPUT_MAX / 4096);
}

static char *
testMakeTypes(guint count, guint nameLength)
{
    g_autofree char *filler = g_strnfill(nameLength - strlen("vfio-000"), 'x');
    GString *text = g_string_new(TEST_AT_TYPES "{\"return\":[");
    guint i;

    for (i = 0; i < count; i++)
        g_string_append_printf(text, "%s{\"name\":\"vfio-%s%03u\"}", i > 0 ? "," : "", filler, i);
    g_string_append(text, "],\"id\":2}\n");
    return g_string_free(text, FALSE);
}

static void
testNumberOfTypesIsBounded(void)
{
    g_autofree char *fits = testMakeTypes(64, 10);
    g_autofree char *over = testMakeTypes(65, 10);

    testAssertUnfinished(fits);
    testAssertHostile(over);
}

static void
testNameOfTypeIsBounded(void)
{
    g_autofree char *fits = testMakeTypes(1, 64);
    g_autofree char *over = testMakeTypes(1, 65);

    testAssertUnfinished(fits);
    testAssertHostile(over);
}

static void
testPackageIsBounded(void)
{
    static const guint lengths[] = { 256, 257 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *package = g_strnfill(lengths[i], 'p');
        g_autofree char *text = g_strconcat("{\"QMP\":{\"version\":{\"qemu\":" TEST_NUMBERS ","
                                            "\"package\":\"", package, "\"}}}\n", NULL);

        if (i == 0)
            testAssertUnfinished(text);
        else
            testAssertHostile(text);
    }
}

/* Any byte replaced by any of the odd ones: an answer, an error or nothing yet, and never two of
 * them; the sanitizers watch the rest. */
static void
testEveryByteReplaced(void)
{
    static const char odd[] = "\"\\{}[]:,\n\001\377 0n";
    g_autofree char *text = testLoad("qemu-5.2-x86_64.replies");
    size_t length = strlen(text);
    size_t i;
    size_t j;

    for (i = 0; i < length; i++) {
        for (j = 0; j < sizeof(odd) - 1; j++) {
            g_autofree char *changed = g_strdup(text);
            g_autoptr(GError) error = NULL;
            g_autoptr(qemuCaps) caps = NULL;

            changed[i] = odd[j];
            caps = testConverse(changed, NULL, &error);
            g_assert_true(!caps || !error);
        }
    }
}

/* libvirt's capabilities */

static const testText testListed[] = {
    { "of an architecture", "/usr/bin/qemu-system-x86_64" },
    { "of another guest", "/usr/bin/qemu-system-i386" },
    { "of a domain type, with an entity", "/usr/bin/kvm & more" },
};

static const testText testNotListed[] = {
    { "an unknown path", "/usr/bin/qemu" },
    { "the beginning of one", "/usr/bin/qemu-system-x86_6" },
    { "one with a blank", "/usr/bin/qemu-system-x86_64 " },
    { "the same file by another path", "/usr/bin/../bin/qemu-system-x86_64" },
    { "the text with its entity", "/usr/bin/kvm &amp; more" },
    { "nothing", "" },
    { "one outside of guests", "/usr/bin/of-the-host" },
    { "one beside the architecture", "/usr/bin/of-a-feature" },
    { "one of another element", "/usr/bin/of-a-machine" },
    { "one in a comment", "/usr/bin/of-a-comment" },
    { "one in another namespace", "/usr/bin/of-another-namespace" },
};

static void
testEmulatorIsListed(gconstpointer data)
{
    const testText *emulator = data;
    g_autofree char *xml = testLoad("capabilities.xml");

    g_assert_true(qemuCapsListsEmulator(xml, strlen(xml), emulator->text));
}

static void
testEmulatorIsNotListed(gconstpointer data)
{
    const testText *emulator = data;
    g_autofree char *xml = testLoad("capabilities.xml");

    g_assert_false(qemuCapsListsEmulator(xml, strlen(xml), emulator->text));
}

static void
testUnreadableListsNothing(void)
{
#define GUEST "<guest><arch><emulator>/q</emulator></arch></guest>"
    static const char *const documents[] = {
        "",
        "nonsense",
        "<capabilities>" GUEST,
        "<domcapabilities>" GUEST "</domcapabilities>",
        "<c:capabilities xmlns:c='urn:c'>" GUEST "</c:capabilities>",
        "<!DOCTYPE capabilities [<!ENTITY e '/q'>]><capabilities>" GUEST "</capabilities>",
        "<x><capabilities>" GUEST "</capabilities></x>",
        "<capabilities/>",
        "<capabilities><guest/></capabilities>",
        "<capabilities><guest><arch/></guest></capabilities>",
    };
    static const char good[] = "<capabilities>" GUEST "</capabilities>";
    size_t i;

    g_assert_true(qemuCapsListsEmulator(good, strlen(good), "/q"));
    for (i = 0; i < G_N_ELEMENTS(documents); i++)
        g_assert_false(qemuCapsListsEmulator(documents[i], strlen(documents[i]), "/q"));
#undef GUEST
}

static void
testEmptyEmulator(void)
{
    static const char xml[] =
        "<capabilities><guest><arch><emulator/></arch></guest></capabilities>";

    g_assert_false(qemuCapsListsEmulator(xml, strlen(xml), ""));
}

static void
testAddTexts(const char *group, const testText *texts, size_t count, GTestDataFunc function)
{
    size_t i;

    for (i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/qemucapabilities/%s/%s", group, texts[i].name);

        g_test_add_data_func(path, &texts[i], function);
    }
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One bad answer must not hide what the others do. */
    g_test_set_nonfatal_assertions();

    for (i = 0; i < G_N_ELEMENTS(testVersions); i++) {
        g_autofree char *read = g_strdup_printf("/qemucapabilities/what %s says is read",
                                                testVersions[i].name);
        g_autofree char *alone = g_strdup_printf("/qemucapabilities/what %s says byte by byte is "
                                                 "read", testVersions[i].name);

        g_test_add_data_func(read, &testVersions[i], testVersionIsRead);
        g_test_add_data_func(alone, &testVersions[i], testEveryByteAlone);
    }

    g_test_add_func("/qemucapabilities/a conversation may be split anywhere", testEverySplit);
    g_test_add_func("/qemucapabilities/no prefix of a conversation is an answer",
                    testEveryPrefixIsUnfinished);
    g_test_add_func("/qemucapabilities/each answer leads to one command", testCommandsOneByOne);
    g_test_add_func("/qemucapabilities/a QEMU without VFIO has no devices", testWithoutVfio);
    g_test_add_func("/qemucapabilities/a type that tells no properties has no opt-out",
                    testErrorIsNoProperty);
    g_test_add_func("/qemucapabilities/other properties are no opt-out", testOtherProperties);
    g_test_add_func("/qemucapabilities/virtio-mem is known by its name", testVirtioMemByName);
    g_test_add_func("/qemucapabilities/events may come at any time but first", testEventsAnywhere);
    g_test_add_func("/qemucapabilities/what comes after the end is not read",
                    testNothingAfterTheEnd);
    g_test_add_func("/qemucapabilities/an opt-out belongs to one type", testOptOutByType);
    g_test_add_func("/qemucapabilities/a reference keeps capabilities", testReference);

    testAddTexts("no answer", testHostiles, G_N_ELEMENTS(testHostiles), testHostile);
    g_test_add_func("/qemucapabilities/no answer/a NUL in a line", testNulInALine);
    g_test_add_func("/qemucapabilities/no answer/deep nesting", testDeepNesting);
    g_test_add_func("/qemucapabilities/no answer/anything after a failure", testFailureIsFinal);
    g_test_add_func("/qemucapabilities/the output is bounded", testOutputIsBounded);
    g_test_add_func("/qemucapabilities/an endless line is bounded", testEndlessLine);
    g_test_add_func("/qemucapabilities/the number of types is bounded", testNumberOfTypesIsBounded);
    g_test_add_func("/qemucapabilities/the name of a type is bounded", testNameOfTypeIsBounded);
    g_test_add_func("/qemucapabilities/the package is bounded", testPackageIsBounded);
    g_test_add_func("/qemucapabilities/every byte of a conversation replaced",
                    testEveryByteReplaced);

    testAddTexts("an emulator is listed", testListed, G_N_ELEMENTS(testListed),
                 testEmulatorIsListed);
    testAddTexts("an emulator is not listed", testNotListed, G_N_ELEMENTS(testNotListed),
                 testEmulatorIsNotListed);
    g_test_add_func("/qemucapabilities/a document that cannot be read lists nothing",
                    testUnreadableListsNothing);
    g_test_add_func("/qemucapabilities/an empty emulator is none", testEmptyEmulator);

    return g_test_run();
}
