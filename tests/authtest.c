/*
 * authtest.c: clients that have to prove who they are, and what polkit is asked about them
 *
 * The bus is real and the test's own. polkit is played by the test, so that it can be made to say
 * everything that it may say, or nothing; the real one is asked in tests/virsh/test_auth.py.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth.h"
#include "frame.h"
#include "testfd.h"

#define TEST_POLKIT "org.freedesktop.PolicyKit1"
#define TEST_POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define TEST_START 4242u

static const char testPolkitXml[] =
    "<node><interface name='org.freedesktop.PolicyKit1.Authority'>"
    "<method name='CheckAuthorization'>"
    "<arg type='(sa{sv})' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a{ss}' direction='in'/><arg type='u' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='(bba{ss})' direction='out'/></method>"
    "<method name='CancelCheckAuthorization'><arg type='s' direction='in'/></method>"
    "</interface></node>";

/* What polkit does when it is asked. */
typedef enum {
    TEST_YES,
    TEST_NO,
    TEST_CHALLENGE,
    TEST_DISMISSED,
    TEST_FAILURE,
    TEST_SILENCE,
} testAnswer;

static GTestDBus *testBus;
static GDBusConnection *testPolkitBus; /* polkit's own connection */
static GDBusNodeInfo *testPolkitInfo;

typedef struct {
    guint owner;
    guint object;
    testAnswer answer;
    guint asked;        /* how often polkit was */
    char *request;      /* the last one, printed */
    char *cancellation; /* which it may be cancelled by */
    char *cancelled;
    vbEpoll *epoll;
    vbPolkit *polkit;
    vbPeer peer;
    int client;
    int server;
    vbAuth *auth; /* NULL once the test has freed it, in the callback or at the end */
    guint ended;
    bool ok;
    char *denied; /* the last reason */
    guint fdsBefore;
} testFixture;

/* Runs the main loop until @condition is true. */
#define testWaitFor(condition) \
    G_STMT_START { \
        gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND; \
        guint wake = g_timeout_add(20, testNothing, NULL); \
        while (!(condition) && g_get_monotonic_time() < end) \
            g_main_context_iteration(NULL, TRUE); \
        g_source_remove(wake); \
        g_assert_true(condition); \
    } G_STMT_END

static gboolean
testNothing(gpointer opaque G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

static void
testPolkitAnswer(testFixture *test, GDBusMethodInvocation *invocation)
{
    GVariantBuilder details;

    g_variant_builder_init(&details, G_VARIANT_TYPE("a{ss}"));
    switch (test->answer) {
    case TEST_YES:
    case TEST_NO:
    case TEST_CHALLENGE:
    case TEST_DISMISSED:
        if (test->answer == TEST_DISMISSED)
            g_variant_builder_add(&details, "{ss}", "polkit.dismissed", "true");
        g_dbus_method_invocation_return_value(
            invocation, g_variant_new("((bba{ss}))", test->answer == TEST_YES,
                                      test->answer == TEST_CHALLENGE, &details));
        break;
    case TEST_FAILURE:
        g_dbus_method_invocation_return_dbus_error(
            invocation, "org.freedesktop.PolicyKit1.Error.Failed", "no such process");
        break;
    case TEST_SILENCE:
    default:
        g_object_unref(invocation);
        break;
    }
    g_variant_builder_clear(&details);
}

static void
testPolkitCall(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED,
               const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED,
               const char *method, GVariant *args, GDBusMethodInvocation *invocation,
               gpointer opaque)
{
    testFixture *test = opaque;

    if (g_str_equal(method, "CancelCheckAuthorization")) {
        g_variant_get(args, "(s)", &test->cancelled);
        g_dbus_method_invocation_return_value(invocation, NULL);
        return;
    }
    test->asked++;
    g_free(test->request);
    test->request = g_variant_print(args, FALSE);
    g_free(test->cancellation);
    g_variant_get_child(args, 4, "s", &test->cancellation);
    testPolkitAnswer(test, invocation);
}

static const GDBusInterfaceVTable testPolkitTable = { .method_call = testPolkitCall };

static void
testNameAcquired(GDBusConnection *bus G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
                 gpointer opaque)
{
    *(bool *)opaque = true;
}

static void
testPolkitStart(testFixture *test)
{
    bool acquired = false;

    test->object = g_dbus_connection_register_object(testPolkitBus, TEST_POLKIT_PATH,
                                                     testPolkitInfo->interfaces[0],
                                                     &testPolkitTable, test, NULL, NULL);
    g_assert_cmpuint(test->object, >, 0);
    test->owner = g_bus_own_name_on_connection(testPolkitBus, TEST_POLKIT, 0, testNameAcquired,
                                               NULL, &acquired, NULL);
    testWaitFor(acquired);
}

static void
testEnded(bool ok, gpointer opaque)
{
    testFixture *test = opaque;

    test->ended++;
    test->ok = ok;
    g_clear_pointer(&test->auth, vbAuthFree);
}

static void
testDenied(const char *reason, gpointer opaque)
{
    testFixture *test = opaque;

    g_free(test->denied);
    test->denied = g_strdup(reason);
}

static void
testBegin(testFixture *test, bool readonly)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
    test->client = fds[0];
    test->server = fds[1];
    test->auth = vbAuthNew(test->epoll, test->polkit, test->server, &test->peer, readonly,
                           testEnded, testDenied, test);
    g_assert_nonnull(test->auth);
}

static void
testSetup(testFixture *test, gconstpointer data)
{
    test->answer = (testAnswer)GPOINTER_TO_INT(data);
    testPolkitStart(test); /* after which GLib's threads have opened what they need */
    test->fdsBefore = testFdCount();
    test->epoll = vbEpollNew(NULL);
    test->polkit = vbPolkitNew(test->epoll, g_test_dbus_get_bus_address(testBus));
    test->peer = (vbPeer){ .pid = 4711, .uid = 1000, .gid = 1001, .startTime = TEST_START };
    test->client = test->server = -1;
}

static void
testTeardown(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    vbAuthFree(test->auth);
    g_dbus_connection_unregister_object(testPolkitBus, test->object);
    g_bus_unown_name(test->owner);
    if (test->client >= 0)
        close(test->client);
    if (test->server >= 0)
        close(test->server);
    vbPolkitFree(test->polkit);
    vbEpollFree(test->epoll);
    testWaitFor(testFdCount() == test->fdsBefore);
    g_free(test->request);
    g_free(test->cancellation);
    g_free(test->cancelled);
    g_free(test->denied);
}

/* The client. */

static GByteArray *
testCall(guint32 program, gint32 procedure, guint32 type, guint32 serial, size_t length)
{
    const vbFrameHeader header = {
        .program = program,
        .version = 1,
        .procedure = procedure,
        .type = type,
        .serial = serial,
        .status = VB_FRAME_OK,
    };
    g_autofree guint8 *payload = g_malloc0(length);

    return vbFrameBuild(&header, payload, length);
}

static void
testClientClose(testFixture *test)
{
    close(test->client);
    test->client = -1;
}

static void
testSend(testFixture *test, GByteArray *bytes)
{
    g_assert_cmpint(send(test->client, bytes->data, bytes->len, MSG_NOSIGNAL), ==, bytes->len);
    g_byte_array_unref(bytes);
}

static void
testSendCall(testFixture *test, gint32 procedure, guint32 serial)
{
    testSend(test, testCall(REMOTE_PROGRAM, procedure, VB_FRAME_CALL, serial, 0));
}

static bool
testReadable(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* Returns: (transfer full): the next message; its header in @header */
static GByteArray *
testTake(testFixture *test, vbFrameHeader *header)
{
    guint8 raw[VB_FRAME_HEADER_SIZE];
    GByteArray *payload = g_byte_array_new();

    testWaitFor(testReadable(test->client));
    g_assert_cmpint(recv(test->client, raw, sizeof(raw), 0), ==, sizeof(raw));
    vbFrameHeaderRead(header, raw);
    g_byte_array_set_size(payload, header->length - VB_FRAME_HEADER_SIZE);
    g_assert_cmpint(recv(test->client, payload->data, payload->len, 0), ==, payload->len);
    return payload;
}

static void
testExpect(testFixture *test, gint32 procedure, guint32 serial, const char *hex)
{
    vbFrameHeader header;
    g_autoptr(GByteArray) payload = testTake(test, &header);
    g_autoptr(GString) got = g_string_new(NULL);
    guint i;

    for (i = 0; i < payload->len; i++)
        g_string_append_printf(got, "%02x", payload->data[i]);
    g_assert_cmphex(header.program, ==, REMOTE_PROGRAM);
    g_assert_cmpint(header.procedure, ==, procedure);
    g_assert_cmpuint(header.type, ==, VB_FRAME_REPLY);
    g_assert_cmpuint(header.serial, ==, serial);
    g_assert_cmpuint(header.status, ==, VB_FRAME_OK);
    g_assert_cmpstr(got->str, ==, hex);
}

/* Returns: (transfer full): what it says */
static char *
testTakeError(testFixture *test, gint32 procedure, guint32 serial, gint32 code, gint32 domain)
{
    vbFrameHeader header;
    g_autoptr(GByteArray) payload = testTake(test, &header);

    g_assert_cmpint(header.procedure, ==, procedure);
    g_assert_cmpuint(header.type, ==, VB_FRAME_REPLY);
    g_assert_cmpuint(header.serial, ==, serial);
    g_assert_cmpuint(header.status, ==, VB_FRAME_ERROR);
    g_assert_cmpuint(payload->len, >, 16);
    g_assert_cmpint(payload->data[3], ==, code);
    g_assert_cmpint(payload->data[7], ==, domain);
    return g_strndup((const char *)payload->data + 16, payload->data[15]);
}

static void
testExpectError(testFixture *test, gint32 procedure, guint32 serial, gint32 code, gint32 domain,
                const char *text)
{
    g_autofree char *said = testTakeError(test, procedure, serial, code, domain);

    g_assert_cmpstr(said, ==, text);
}

/* Nothing happens for a while. */
static void
testExpectNothing(testFixture *test)
{
    gint64 end = g_get_monotonic_time() + 50 * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, FALSE);
    g_assert_false(testReadable(test->client));
    g_assert_cmpuint(test->ended, ==, 0);
}

static void
testExpectEnd(testFixture *test)
{
    testWaitFor(test->ended > 0);
    g_assert_cmpuint(test->ended, ==, 1);
    g_assert_false(test->ok);
}

/* The tests. */

static void
testListed(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_LIST, 0);
    testExpect(test, REMOTE_PROC_AUTH_LIST, 0, "0000000100000002");
    testExpectNothing(test);
    g_assert_cmpuint(test->asked, ==, 0);
}

static void
testLetIn(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_LIST, 0);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testExpect(test, REMOTE_PROC_AUTH_LIST, 0, "0000000100000002");
    testExpect(test, REMOTE_PROC_AUTH_POLKIT, 1, "00000001");
    testWaitFor(test->ended > 0);
    g_assert_true(test->ok);
    g_assert_null(test->denied);
    g_assert_cmpuint(test->asked, ==, 1);
}

static void
testAskedFor(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *expected = NULL;

    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testWaitFor(test->ended > 0);
    expected = g_strdup_printf("(('unix-process', {'pid': <uint32 4711>, 'start-time': "
                               "<uint64 4242>, 'uid': <1000>}), 'org.libvirt.unix.manage', {}, 1, "
                               "'%s')", test->cancellation);
    g_assert_cmpstr(test->request, ==, expected);
}

static void
testReadonly(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, true);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testWaitFor(test->ended > 0);
    g_assert_nonnull(strstr(test->request, "'org.libvirt.unix.monitor'"));
}

static void
testRefused(testFixture *test, gint32 code, gint32 domain, const char *text)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testExpectError(test, REMOTE_PROC_AUTH_POLKIT, 1, code, domain, text);
    g_assert_nonnull(test->denied);
    testExpectNothing(test);
}

static void
testNo(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testRefused(test, VIR_ERR_AUTH_FAILED, VIR_FROM_POLKIT,
                "authentication failed: access denied by policy");
    g_assert_cmpstr(test->denied, ==, "access denied by policy");
}

static void
testChallenge(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testRefused(test, VIR_ERR_AUTH_UNAVAILABLE, VIR_FROM_POLKIT,
                "authentication unavailable: no polkit agent available to authenticate action "
                "'org.libvirt.unix.manage'");
}

static void
testDismissed(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testRefused(test, VIR_ERR_AUTH_CANCELLED, VIR_FROM_POLKIT,
                "authentication cancelled: user cancelled authentication process");
}

static void
testFailure(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testRefused(test, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS, "error from service: GDBus.Error:"
                "org.freedesktop.PolicyKit1.Error.Failed: no such process");
}

static void
testAgain(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testNo(test, NULL);
    test->answer = TEST_YES;
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 2);
    testExpect(test, REMOTE_PROC_AUTH_POLKIT, 2, "00000001");
    testWaitFor(test->ended > 0);
    g_assert_true(test->ok);
}

/* What the client has sent behind the call that let it in is another's to read. */
static void
testNothingBehind(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    GByteArray *bytes = testCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_POLKIT, VB_FRAME_CALL, 1, 0);
    char behind[16];

    g_byte_array_append(bytes, (const guint8 *)"behind", 6);
    testBegin(test, false);
    testSend(test, bytes);
    testWaitFor(test->ended > 0);
    g_assert_true(test->ok);
    g_assert_cmpint(recv(test->server, behind, sizeof(behind), MSG_DONTWAIT), ==, 6);
}

static void
testRequired(testFixture *test, guint32 program, gint32 procedure, size_t length)
{
    testSend(test, testCall(program, procedure, VB_FRAME_CALL, 7, length));
    testExpectError(test, procedure, 7, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
}

static void
testOtherCalls(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testRequired(test, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN, 24);
    testRequired(test, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_SET_IDENTITY, 5000);
    testRequired(test, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN, 65536 - 28);
    testRequired(test, QEMU_PROGRAM, REMOTE_PROC_AUTH_LIST, 0);
    testRequired(test, REMOTE_PROGRAM, 60, 4);
    testExpectNothing(test);
    g_assert_cmpuint(test->asked, ==, 0);
}

static void
testNoCalls(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSend(test, testCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_POLKIT, VB_FRAME_REPLY, 0, 0));
    testSend(test, testCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_POLKIT, VB_FRAME_MESSAGE, 0, 0));
    testSend(test, testCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_POLKIT, VB_FRAME_STREAM, 0, 10));
    testExpectNothing(test);
    g_assert_cmpuint(test->asked, ==, 0);
}

static void
testByteByByte(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) first = testCall(REMOTE_PROGRAM, 60, VB_FRAME_CALL, 7, 4);
    g_autoptr(GByteArray) second = testCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST, VB_FRAME_CALL, 8,
                                            0);
    guint i;

    testBegin(test, false);
    g_byte_array_append(first, second->data, second->len);
    for (i = 0; i < first->len; i++) {
        g_assert_cmpint(send(test->client, first->data + i, 1, MSG_NOSIGNAL), ==, 1);
        testWaitFor(!testReadable(test->server));
    }
    testExpectError(test, 60, 7, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
    testExpect(test, REMOTE_PROC_AUTH_LIST, 8, "0000000100000002");
}

typedef struct {
    const char *sentence;
    guint32 length; /* what the message says of itself */
    guint32 type;
} testBad;

static const testBad testBads[] = {
    { "a message that is too short", 27, VB_FRAME_CALL },
    { "a message that nobody sends before he is let in", 65537, VB_FRAME_CALL },
    { "a message as long as they may be", VB_FRAME_LENGTH_MAX, VB_FRAME_CALL },
    { "a call with descriptors", 32, VB_FRAME_CALL_WITH_FDS },
    { "a reply with descriptors", 32, VB_FRAME_REPLY_WITH_FDS },
};

static void
testBadMessage(testFixture *test, gconstpointer data)
{
    const testBad *bad = data;
    const vbFrameHeader header = {
        .length = bad->length,
        .program = REMOTE_PROGRAM,
        .version = 1,
        .procedure = REMOTE_PROC_AUTH_LIST,
        .type = bad->type,
    };
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_set_size(bytes, VB_FRAME_HEADER_SIZE + 4);
    memset(bytes->data, 0, bytes->len);
    vbFrameHeaderWrite(&header, bytes->data);
    testBegin(test, false);
    testSend(test, bytes);
    testExpectEnd(test);
    g_assert_cmpuint(test->asked, ==, 0);
}

static void
testClientGone(testFixture *test, gconstpointer data)
{
    GByteArray *bytes = testCall(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_OPEN, VB_FRAME_CALL, 0, 20);

    testBegin(test, false);
    g_byte_array_set_size(bytes, GPOINTER_TO_UINT(data));
    testSend(test, bytes);
    testClientClose(test);
    testExpectEnd(test);
}

static void
testGoneMeanwhile(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testWaitFor(test->asked > 0);
    testClientClose(test);
    testExpectEnd(test);
    testWaitFor(test->cancelled);
    g_assert_cmpstr(test->cancelled, ==, test->cancellation);
}

/* Whoever waits no longer frees it. */
static void
testFreedMeanwhile(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testWaitFor(test->asked > 0);
    g_clear_pointer(&test->auth, vbAuthFree);
    testWaitFor(test->cancelled);
    g_assert_cmpuint(test->ended, ==, 0);
}

static void
testFreedBeforeAsked(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testWaitFor(!testReadable(test->server));
    g_clear_pointer(&test->auth, vbAuthFree);
    testExpectNothing(test);
}

static void
testWaitsSilently(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 2);
    testSendCall(test, REMOTE_PROC_AUTH_LIST, 3);
    testWaitFor(test->asked > 0);
    testExpectNothing(test);
    g_assert_cmpuint(test->asked, ==, 1);
}

static void
testDoesNotRead(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GByteArray) bytes = testCall(REMOTE_PROGRAM, REMOTE_PROC_AUTH_LIST, VB_FRAME_CALL, 0,
                                           0);
    gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;

    testBegin(test, false);
    while (test->ended == 0 && g_get_monotonic_time() < end) {
        send(test->client, bytes->data, bytes->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        g_main_context_iteration(NULL, FALSE);
    }
    testExpectEnd(test);
}

static void
testNoStart(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    test->peer.startTime = 0;
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testExpectError(test, REMOTE_PROC_AUTH_POLKIT, 1, VIR_ERR_AUTH_FAILED, VIR_FROM_RPC,
                    "authentication failed: the start time of the client's process is not known");
    g_assert_cmpuint(test->asked, ==, 0);
}

static void
testNoPolkit(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *said = NULL;

    g_bus_unown_name(test->owner);
    test->owner = g_bus_own_name_on_connection(testPolkitBus, "org.example.Other", 0, NULL, NULL,
                                               NULL, NULL);
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    said = testTakeError(test, REMOTE_PROC_AUTH_POLKIT, 1, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS);
    g_assert_nonnull(strstr(said, TEST_POLKIT));
    testExpectNothing(test);
}

/* The bus closes our connection, as it does when it ends. */
static void
testBusEnds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GSocket) listening = NULL;
    g_autofree char *directory = g_dir_make_tmp("bus-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "bus", NULL);
    g_autofree char *address = g_strdup_printf("unix:path=%s", path);
    g_autoptr(GSocketAddress) where = g_unix_socket_address_new(path);
    g_autoptr(GSocket) connected = NULL;

    listening = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
    g_assert_true(g_socket_bind(listening, where, FALSE, NULL));
    g_assert_true(g_socket_listen(listening, NULL));
    vbPolkitFree(test->polkit);
    test->polkit = vbPolkitNew(test->epoll, address);
    testBegin(test, false);
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 1);
    testWaitFor(g_socket_condition_check(listening, G_IO_IN) & G_IO_IN);
    connected = g_socket_accept(listening, NULL, NULL);
    testExpectNothing(test);
    g_assert_true(g_socket_close(connected, NULL));
    testExpectError(test, REMOTE_PROC_AUTH_POLKIT, 1, VIR_ERR_DBUS_SERVICE, VIR_FROM_DBUS,
                    "error from service: GDBus.Error:org.freedesktop.DBus.Error.NoReply: "
                    "Connection terminated");
    /* The next time it is connected to again. */
    testSendCall(test, REMOTE_PROC_AUTH_POLKIT, 2);
    testWaitFor(g_socket_condition_check(listening, G_IO_IN) & G_IO_IN);
    unlink(path);
    rmdir(directory);
}

static void
testNoBus(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    guint32 serial;

    vbPolkitFree(test->polkit);
    test->polkit = vbPolkitNew(test->epoll, "unix:path=/dev/null/bus");
    testBegin(test, false);
    for (serial = 1; serial <= 2; serial++) {
        g_autofree char *said = NULL;

        testSendCall(test, REMOTE_PROC_AUTH_POLKIT, serial);
        said = testTakeError(test, REMOTE_PROC_AUTH_POLKIT, serial, VIR_ERR_INTERNAL_ERROR,
                             VIR_FROM_DBUS);
        g_assert_true(g_str_has_prefix(said, "internal error: Unable to get system bus "
                                       "connection: "));
        testExpectNothing(test);
    }
}

static void
testAdd(const char *path, gconstpointer data, void (*func)(testFixture *, gconstpointer))
{
    g_autofree char *full = g_strdup_printf("/auth/%s", path);

    g_test_add(full, testFixture, data, testSetup, func, testTeardown);
}

int
main(int argc, char **argv)
{
    size_t i;
    int status;

    g_test_init(&argc, &argv, NULL);
    testBus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(testBus);
    testPolkitInfo = g_dbus_node_info_new_for_xml(testPolkitXml, NULL);
    testPolkitBus = g_dbus_connection_new_for_address_sync(
        g_test_dbus_get_bus_address(testBus), G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, NULL);
    g_assert_nonnull(testPolkitBus);
    g_main_context_iteration(NULL, FALSE); /* opens what it needs */

    testAdd("a client is told that polkit decides", NULL, testListed);
    testAdd("whom polkit knows is let in", GINT_TO_POINTER(TEST_YES), testLetIn);
    testAdd("polkit is asked about the process at the other end", GINT_TO_POINTER(TEST_YES),
            testAskedFor);
    testAdd("polkit is asked whether it may look where it can only look",
            GINT_TO_POINTER(TEST_YES), testReadonly);
    testAdd("whom polkit refuses is refused in libvirt's words", GINT_TO_POINTER(TEST_NO), testNo);
    testAdd("a client without an agent may start one", GINT_TO_POINTER(TEST_CHALLENGE),
            testChallenge);
    testAdd("a user may think better of it", GINT_TO_POINTER(TEST_DISMISSED), testDismissed);
    testAdd("an error of polkit's is a refusal", GINT_TO_POINTER(TEST_FAILURE), testFailure);
    testAdd("who was refused may try again", GINT_TO_POINTER(TEST_NO), testAgain);
    testAdd("nothing is read behind the call that lets a client in", GINT_TO_POINTER(TEST_YES),
            testNothingBehind);
    testAdd("every other call is answered that authentication is required", NULL, testOtherCalls);
    testAdd("what is no call is not answered", GINT_TO_POINTER(TEST_YES), testNoCalls);
    testAdd("calls may come byte by byte", NULL, testByteByByte);
    testAdd("a client may go without a word", GUINT_TO_POINTER(0), testClientGone);
    testAdd("a client may go within a header", GUINT_TO_POINTER(20), testClientGone);
    testAdd("a client may go within a message", GUINT_TO_POINTER(40), testClientGone);
    testAdd("a client that goes is no longer asked for a password", GINT_TO_POINTER(TEST_SILENCE),
            testGoneMeanwhile);
    testAdd("a client that is left is no longer asked for a password",
            GINT_TO_POINTER(TEST_SILENCE), testFreedMeanwhile);
    testAdd("a client may be left before there is a bus", NULL, testFreedBeforeAsked);
    testAdd("polkit is asked one thing at a time", GINT_TO_POINTER(TEST_SILENCE),
            testWaitsSilently);
    testAdd("a client that does not read is left", NULL, testDoesNotRead);
    testAdd("a process that cannot be told from another is refused", NULL, testNoStart);
    testAdd("without polkit nobody is let in", NULL, testNoPolkit);
    testAdd("without a bus nobody is let in", NULL, testNoBus);
    testAdd("a bus that ends is connected to again", NULL, testBusEnds);
    for (i = 0; i < G_N_ELEMENTS(testBads); i++) {
        g_autofree char *path = g_strdup_printf("/auth/the connection ends with %s",
                                                testBads[i].sentence);

        g_test_add(path, testFixture, &testBads[i], testSetup, testBadMessage, testTeardown);
    }
    status = g_test_run();

    g_dbus_node_info_unref(testPolkitInfo);
    g_object_unref(testPolkitBus);
    g_test_dbus_down(testBus);
    g_object_unref(testBus);
    return status;
}
