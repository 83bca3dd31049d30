/*
 * messages.c: what libvirt's library is in the way of: many connections that only listen or do
 * nothing, and calls that cost their caller little
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frame.h"
#include "remote_codec.h"
#include "scenario.h"

#define PROC_DOMAIN_RESUME 28
#define PROC_DOMAIN_SUSPEND 34
#define PROC_AUTH_LIST 66
#define PROC_EVENT_CALLBACK_REGISTER_ANY 316
/* How long the next bytes may take. */
#define PATIENCE_MSEC 30000

/* The domain that every test:///default has. */
static const guint8 benchTestUUID[16] = {
    0x66, 0x95, 0xeb, 0x01, 0xf6, 0xa4, 0x83, 0x04, 0x79, 0xaa, 0x97, 0xf2, 0x50, 0x2e, 0x19, 0x3f,
};

typedef struct {
    const benchTarget *target;
    int fd;
    vbFrameReader *reader;
    guint32 serial;
    guint64 replies;
    guint64 events;
    bool failed; /* a call was answered with an error */
} benchConnection;

static vbFrameRoute
benchRoute(const vbFrameHeader *header G_GNUC_UNUSED, size_t available G_GNUC_UNUSED,
           gpointer opaque G_GNUC_UNUSED)
{
    return VB_FRAME_ROUTE_PASS;
}

static void
benchPass(const guint8 *bytes G_GNUC_UNUSED, size_t length G_GNUC_UNUSED,
          gpointer opaque G_GNUC_UNUSED)
{
}

static void
benchPassFd(int fd, gpointer opaque G_GNUC_UNUSED)
{
    close(fd);
}

static void
benchPassed(const vbFrameHeader *header, gpointer opaque)
{
    benchConnection *connection = opaque;

    if (header->type == VB_FRAME_MESSAGE)
        connection->events++;
    else
        connection->replies++;
    if (header->status == VB_FRAME_ERROR)
        connection->failed = true;
}

static const vbFrameReaderOps benchReaderOps = {
    .route = benchRoute,
    .pass = benchPass,
    .passFd = benchPassFd,
    .passed = benchPassed,
};

static void
benchConnectionClose(benchConnection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    vbFrameReaderFree(connection->reader);
    g_free(connection);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(benchConnection, benchConnectionClose)

static benchConnection *
benchConnectionNew(const benchTarget *target, const char *path)
{
    benchConnection *connection = g_new0(benchConnection, 1);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    connection->target = target;
    connection->reader = vbFrameReaderNew(&benchReaderOps, connection);
    connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        benchComplain(target, "cannot connect to '%s': %s", path, g_strerror(errno));
        benchConnectionClose(connection);
        return NULL;
    }
    return connection;
}

/* Reads what is there, or what comes next. */
static bool
benchConnectionRead(benchConnection *connection)
{
    guint8 bytes[65536];
    size_t consumed;
    int none = -1;
    ssize_t n = recv(connection->fd, bytes, sizeof(bytes), 0);

    if (n <= 0 || vbFrameReaderFeed(connection->reader, bytes, (size_t)n, &none, &consumed) !=
        VB_FRAME_READER_MORE) {
        benchComplain(connection->target, "the connection has ended");
        return false;
    }
    return true;
}

static bool
benchConnectionCall(benchConnection *connection, gint32 procedure, const GByteArray *args)
{
    vbFrameHeader header = {
        .program = REMOTE_PROGRAM,
        .version = REMOTE_PROTOCOL_VERSION,
        .procedure = procedure,
        .type = VB_FRAME_CALL,
        .serial = connection->serial++,
    };
    g_autoptr(GByteArray) call = vbFrameBuild(&header, args ? args->data : NULL,
                                              args ? args->len : 0);
    guint64 replies = connection->replies;

    if (send(connection->fd, call->data, call->len, MSG_NOSIGNAL) != (ssize_t)call->len) {
        benchComplain(connection->target, "cannot send a call: %s", g_strerror(errno));
        return false;
    }
    while (connection->replies == replies) {
        if (!benchConnectionRead(connection))
            return false;
    }
    if (connection->failed)
        benchComplain(connection->target, "procedure %d was answered with an error", procedure);
    return !connection->failed;
}

static void
benchAppendWord(GByteArray *bytes, guint32 word)
{
    guint32 wire = GUINT32_TO_BE(word);

    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof(wire));
}

/* Authenticated and open, as every client is first. */
static benchConnection *
benchConnectionOpen(const benchTarget *target, const char *path, const char *driver)
{
    g_autoptr(benchConnection) connection = benchConnectionNew(target, path);
    g_autoptr(GByteArray) args = g_byte_array_new();
    static const guint8 padding[4] = { 0 };
    guint length = (guint)strlen(driver);

    benchAppendWord(args, 1);
    benchAppendWord(args, length);
    g_byte_array_append(args, (const guint8 *)driver, length);
    g_byte_array_append(args, padding, -length & 3);
    benchAppendWord(args, 0);
    if (!connection || !benchConnectionCall(connection, PROC_AUTH_LIST, NULL) ||
        !benchConnectionCall(connection, REMOTE_PROC_CONNECT_OPEN, args))
        return NULL;
    return g_steal_pointer(&connection);
}

/* The generator of events: a domain of libvirt's test driver that stops and goes on. */
typedef struct {
    benchConnection *connection;
    guint events;
    bool ok;
} benchGenerator;

static gpointer
benchGeneratorRun(gpointer opaque)
{
    benchGenerator *generator = opaque;
    remoteNonnullDomain domain = { .name = (char *)"test", .id = 1 };
    g_autoptr(GByteArray) args = NULL;

    memcpy(domain.uuid, benchTestUUID, sizeof(domain.uuid));
    args = remoteEncodeDomain(&domain);
    generator->ok = true;
    for (guint i = 0; i < generator->events && generator->ok; i++)
        generator->ok = benchConnectionCall(generator->connection, i % 2 == 0 ?
                                            PROC_DOMAIN_SUSPEND : PROC_DOMAIN_RESUME, args);
    return NULL;
}

static bool
benchListen(benchConnection *connection)
{
    g_autoptr(GByteArray) args = g_byte_array_new();

    benchAppendWord(args, VIR_DOMAIN_EVENT_ID_LIFECYCLE);
    benchAppendWord(args, 0);
    return benchConnectionCall(connection, PROC_EVENT_CALLBACK_REGISTER_ANY, args);
}

/* Reads until each of the connections has had so many events. A resumption is two. */
static bool
benchCollect(GPtrArray *connections, guint64 expected)
{
    g_autofree struct pollfd *fds = g_new0(struct pollfd, connections->len);
    bool missing = true;

    for (guint i = 0; i < connections->len; i++) {
        const benchConnection *connection = g_ptr_array_index(connections, i);

        fds[i].fd = connection->fd;
        fds[i].events = POLLIN;
    }
    while (missing) {
        if (poll(fds, connections->len, PATIENCE_MSEC) <= 0) {
            const benchConnection *first = g_ptr_array_index(connections, 0);

            benchComplain(first->target, "only %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                          " events have come", first->events, expected);
            return false;
        }
        missing = false;
        for (guint i = 0; i < connections->len; i++) {
            benchConnection *connection = g_ptr_array_index(connections, i);

            if (fds[i].revents && !benchConnectionRead(connection))
                return false;
            missing |= connection->events < expected;
        }
    }
    return true;
}

static bool
benchMeasureEvents(const benchScenario *scenario, const benchTarget *target,
                   const benchSettings *settings, benchSample *sample)
{
    g_autoptr(GPtrArray) connections =
        g_ptr_array_new_with_free_func((GDestroyNotify)benchConnectionClose);
    g_autoptr(benchConnection) direct = benchConnectionOpen(target, settings->direct,
                                                            "test:///default");
    benchGenerator generator = { .connection = direct, .events = settings->events & ~1u };
    GThread *thread;
    gint64 start;
    gint64 cpu;
    bool ok = direct;

    for (guint i = 0; i < scenario->connections && ok; i++) {
        benchConnection *connection = benchConnectionOpen(target, target->socket,
                                                          "test:///default");

        if (connection)
            g_ptr_array_add(connections, connection);
        ok = connection && benchListen(connection);
    }
    if (!ok)
        return false;

    cpu = benchTargetGetCPU(target);
    start = benchNow();
    thread = g_thread_new("generator", benchGeneratorRun, &generator);
    ok = benchCollect(connections, generator.events);
    g_thread_join(thread);
    sample->seconds = (double)(benchNow() - start) / 1e9;
    sample->cpu = benchTargetGetCPU(target) - cpu;
    sample->count = (guint64)generator.events * scenario->connections;
    return ok && generator.ok;
}

/* Calls by a caller that costs little, one after the other; what counts is the relay's time. */
static bool
benchMeasureCPU(const benchScenario *scenario G_GNUC_UNUSED, const benchTarget *target,
                const benchSettings *settings, benchSample *sample)
{
    g_autoptr(benchConnection) connection = benchConnectionOpen(target, target->socket,
                                                                "qemu:///system");
    gint64 start;
    gint64 cpu;
    bool ok = connection;

    cpu = benchTargetGetCPU(target);
    start = benchNow();
    for (guint i = 0; i < settings->counted && ok; i++) {
        gint64 before = benchNow();
        float usec;

        ok = benchConnectionCall(connection, REMOTE_PROC_CONNECT_GET_LIB_VERSION, NULL);
        usec = (float)(benchNow() - before) / 1000;
        g_array_append_val(sample->latencies, usec);
    }
    sample->seconds = (double)(benchNow() - start) / 1e9;
    sample->cpu = benchTargetGetCPU(target) - cpu;
    sample->count = settings->counted;
    return ok;
}

static bool
benchOpenMany(GPtrArray *connections, const benchTarget *target, guint count)
{
    while (connections->len < count) {
        benchConnection *connection = benchConnectionOpen(target, target->socket,
                                                          "qemu:///system");

        if (!connection)
            return false;
        g_ptr_array_add(connections, connection);
    }
    return true;
}

/* What the relay's memory grows by with many connections: bytes for each of so many "seconds". */
static bool
benchMeasureMemory(const benchScenario *scenario G_GNUC_UNUSED, const benchTarget *target,
                   const benchSettings *settings, benchSample *sample)
{
    g_autoptr(GPtrArray) connections =
        g_ptr_array_new_with_free_func((GDestroyNotify)benchConnectionClose);
    gint64 before;
    gint64 after;

    /* What the first ones leave behind for those after them is no part of it. */
    if (!benchOpenMany(connections, target, 1))
        return false;
    before = benchTargetRead(target, "smaps_rollup", "Anonymous");
    if (!benchOpenMany(connections, target, settings->idle + 1))
        return false;
    after = benchTargetRead(target, "smaps_rollup", "Anonymous");
    sample->seconds = settings->idle;
    sample->count = (guint64)(MAX(after - before, 0)) * 1024;
    return before >= 0 && after >= 0;
}

/* How often the relay wakes up while its clients do nothing. */
static bool
benchMeasureWakeUps(const benchScenario *scenario, const benchTarget *target,
                    const benchSettings *settings, benchSample *sample)
{
    g_autoptr(GPtrArray) connections =
        g_ptr_array_new_with_free_func((GDestroyNotify)benchConnectionClose);
    gint64 before;
    gint64 after;

    if (!benchOpenMany(connections, target, scenario->connections))
        return false;
    g_usleep(500000);
    before = benchTargetRead(target, "status", "voluntary_ctxt_switches");
    sample->seconds = settings->idleSeconds;
    g_usleep(settings->idleSeconds * 1000000ul);
    after = benchTargetRead(target, "status", "voluntary_ctxt_switches");
    sample->count = (guint64)(after - before);
    return before >= 0;
}

/* Bytes of memory of a relay that has no clients. */
static bool
benchMeasureRSS(const benchScenario *scenario G_GNUC_UNUSED, const benchTarget *target,
                const benchSettings *settings G_GNUC_UNUSED, benchSample *sample)
{
    gint64 size = benchTargetRead(target, "smaps_rollup", "Rss");

    sample->seconds = 1;
    sample->count = (guint64)(MAX(size, 0)) * 1024;
    return size > 0;
}

const benchScenario benchFirstScenarios[] = {
    { "rss-started", 0, benchMeasureRSS, NULL, BENCH_ONCE },
    { "memory", 1, benchMeasureMemory, NULL, BENCH_ONCE },
    { NULL, 0, NULL, NULL, 0 },
};

const benchScenario benchMessageScenarios[] = {
    { "event-flood", 32, benchMeasureEvents, NULL, BENCH_TEST_DRIVER },
    { "cpu", 1, benchMeasureCPU, NULL, 0 },
    { "wake-ups", 0, benchMeasureWakeUps, NULL, BENCH_ONCE },
    { "wake-ups", 32, benchMeasureWakeUps, NULL, BENCH_ONCE },
    { "rss", 0, benchMeasureRSS, NULL, BENCH_ONCE },
    { NULL, 0, NULL, NULL, 0 },
};
