/*
 * calls.c: calls by libvirt's own library, each connection with a thread of its own
 *
 * All connections of a sample are opened, and have made the call a few times, before the clock
 * runs, and are closed after it: those of one target are never there while another is measured.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "scenario.h"

/* As many calls as fit into this, and one at least, are made before the clock runs. */
#define WARM_UP_NSEC (20 * G_GINT64_CONSTANT(1000000))
#define STREAM_CHUNK 262144u
#define RUNNING "bench-running"
#define INHIBITED "bench-inhibited"

/* What a call is made with. */
typedef struct {
    const benchTarget *target;
    const benchSettings *settings;
    virConnectPtr conn;
    virDomainPtr domain;
    char *text;
} benchClient;

typedef struct {
    const char *domain; /* that is looked up first, or NULL */
    const char *file;   /* of which the text is read first, or NULL */
    bool (*call)(benchClient *client);
} benchCall;

/* One connection's part in a sample. */
typedef struct {
    const benchCall *call;
    benchClient client;
    GThread *thread;
    GArray *latencies; /* of float */
    gint64 until;
    guint fixed; /* so many calls, whatever the time is; or 0 */
    bool failed;
    GMutex *mutex;
    GCond *changed;
    guint *ready;
    bool *go;
} benchWorker;

static bool
benchCallLibVersion(benchClient *client)
{
    unsigned long version = 0;

    return virConnectGetLibVersion(client->conn, &version) == 0;
}

static bool
benchCallInfo(benchClient *client)
{
    virDomainInfo info;

    return virDomainGetInfo(client->domain, &info) == 0;
}

static bool
benchCallXML(benchClient *client)
{
    g_autofree char *xml = virDomainGetXMLDesc(client->domain, 0);

    return xml;
}

/* The guest, which stands still and so never releases anything, is asked for less than it has. It
 * is not inhibited: judged, and then carried out. */
static bool
benchCallSetmem(benchClient *client)
{
    return virDomainSetMemoryFlags(client->domain, 48 << 10, VIR_DOMAIN_AFFECT_LIVE) == 0;
}

/* What is not less is passed by the XML alone. */
static bool
benchCallSetmemGrow(benchClient *client)
{
    return virDomainSetMemoryFlags(client->domain, 64 << 10, VIR_DOMAIN_AFFECT_LIVE) == 0;
}

/* Only virtballoond refuses it. */
static bool
benchCallSetmemRefused(benchClient *client)
{
    int result = virDomainSetMemoryFlags(client->domain, 48 << 10, VIR_DOMAIN_AFFECT_LIVE);

    if (benchTargetIsOurs(client->target))
        return result < 0 && virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID;
    return result == 0;
}

static bool
benchCallStatsOne(benchClient *client)
{
    virDomainPtr domains[] = { client->domain, NULL };
    virDomainStatsRecordPtr *records = NULL;
    int count = virDomainListGetStats(domains, VIR_DOMAIN_STATS_BALLOON, &records, 0);

    virDomainStatsRecordListFree(records);
    return count == 1;
}

static bool
benchCallStatsAll(benchClient *client)
{
    virDomainStatsRecordPtr *records = NULL;
    int count = virConnectGetAllDomainStats(client->conn, VIR_DOMAIN_STATS_BALLOON, &records,
                                            VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE);

    virDomainStatsRecordListFree(records);
    return count >= (int)client->settings->guests;
}

static bool
benchCallDefine(benchClient *client)
{
    virDomainPtr domain = virDomainDefineXMLFlags(client->conn, client->text, 0);

    if (!domain)
        return false;
    virDomainFree(domain);
    return true;
}

static bool
benchCallConnect(benchClient *client)
{
    g_autofree char *uri = benchTargetGetURI(client->target);
    virConnectPtr conn = virConnectOpen(uri);

    return conn && virConnectClose(conn) == 0;
}

static bool
benchClientOpen(benchClient *client, const benchCall *call)
{
    g_autofree char *uri = benchTargetGetURI(client->target);

    client->conn = virConnectOpen(uri);
    if (!client->conn)
        return false;
    if (call->domain && !(client->domain = virDomainLookupByName(client->conn, call->domain)))
        return false;
    if (call->file) {
        g_autofree char *path = g_build_filename(client->settings->data, call->file, NULL);

        if (!g_file_get_contents(path, &client->text, NULL, NULL))
            return false;
    }
    return true;
}

static void
benchClientClose(benchClient *client)
{
    if (client->domain)
        virDomainFree(client->domain);
    if (client->conn)
        virConnectClose(client->conn);
    g_free(client->text);
}

static gpointer
benchWorkerRun(gpointer opaque)
{
    benchWorker *worker = opaque;
    gint64 before = benchNow();

    worker->failed = !benchClientOpen(&worker->client, worker->call);
    do {
        worker->failed = worker->failed || !worker->call->call(&worker->client);
    } while (!worker->failed && worker->fixed == 0 && benchNow() < before + WARM_UP_NSEC);
    if (worker->failed)
        benchComplain(worker->client.target, "%s", virGetLastErrorMessage());

    g_mutex_lock(worker->mutex);
    (*worker->ready)++;
    g_cond_broadcast(worker->changed);
    while (!*worker->go)
        g_cond_wait(worker->changed, worker->mutex);
    g_mutex_unlock(worker->mutex);

    before = benchNow();
    while (!worker->failed && (worker->fixed > 0 ? worker->latencies->len < worker->fixed :
                               before < worker->until)) {
        gint64 after;
        float usec;

        worker->failed = !worker->call->call(&worker->client);
        if (worker->failed)
            benchComplain(worker->client.target, "%s", virGetLastErrorMessage());
        after = benchNow();
        usec = (float)(after - before) / 1000;
        g_array_append_val(worker->latencies, usec);
        before = after;
    }
    return NULL;
}

static bool
benchMeasureCalls(const benchScenario *scenario, const benchTarget *target,
                  const benchSettings *settings, benchSample *sample)
{
    g_autofree benchWorker *workers = g_new0(benchWorker, scenario->connections);
    bool failed = false;
    bool go = false;
    guint ready = 0;
    gint64 start;
    gint64 cpu;
    GMutex mutex;
    GCond changed;

    g_mutex_init(&mutex);
    g_cond_init(&changed);
    for (guint i = 0; i < scenario->connections; i++) {
        benchWorker *worker = &workers[i];

        worker->call = scenario->detail;
        worker->client.target = target;
        worker->client.settings = settings;
        worker->fixed = settings->fixed;
        worker->latencies = g_array_new(FALSE, FALSE, sizeof(float));
        worker->mutex = &mutex;
        worker->changed = &changed;
        worker->ready = &ready;
        worker->go = &go;
        worker->thread = g_thread_new("client", benchWorkerRun, worker);
    }

    g_mutex_lock(&mutex);
    while (ready < scenario->connections)
        g_cond_wait(&changed, &mutex);
    cpu = benchTargetGetCPU(target);
    start = benchNow();
    for (guint i = 0; i < scenario->connections; i++)
        workers[i].until = start + settings->msec * G_GINT64_CONSTANT(1000000);
    go = true;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&mutex);

    for (guint i = 0; i < scenario->connections; i++)
        g_thread_join(workers[i].thread);
    sample->seconds = (double)(benchNow() - start) / 1e9;
    sample->cpu = benchTargetGetCPU(target) - cpu;
    for (guint i = 0; i < scenario->connections; i++) {
        sample->count += workers[i].latencies->len;
        g_array_append_vals(sample->latencies, workers[i].latencies->data,
                            workers[i].latencies->len);
        failed |= workers[i].failed;
        g_array_unref(workers[i].latencies);
        benchClientClose(&workers[i].client);
    }
    g_mutex_clear(&mutex);
    g_cond_clear(&changed);
    return !failed;
}

/* One volume down, or up; the count is of its bytes. */
static bool
benchTransfer(virConnectPtr conn, bool upload, benchSample *sample)
{
    g_autofree char *chunk = g_malloc0(STREAM_CHUNK);
    virStoragePoolPtr pool = virStoragePoolLookupByName(conn, "bench");
    virStorageVolPtr volume = pool ? virStorageVolLookupByName(pool, "volume") : NULL;
    virStreamPtr stream = volume ? virStreamNew(conn, 0) : NULL;
    virStorageVolInfo info = { .capacity = 0 };
    bool ok = stream && virStorageVolGetInfo(volume, &info) == 0;
    int n = 1;

    if (ok)
        ok = upload ? virStorageVolUpload(volume, stream, 0, 0, 0) == 0 :
            virStorageVolDownload(volume, stream, 0, 0, 0) == 0;
    while (ok && n > 0) {
        size_t left = info.capacity - sample->count;

        if (upload)
            n = left > 0 ? virStreamSend(stream, chunk, MIN(left, STREAM_CHUNK)) : 0;
        else
            n = virStreamRecv(stream, chunk, STREAM_CHUNK);
        ok = n >= 0;
        sample->count += (guint)MAX(n, 0);
    }
    ok = ok && sample->count == info.capacity && virStreamFinish(stream) == 0;
    if (stream)
        virStreamFree(stream);
    if (volume)
        virStorageVolFree(volume);
    if (pool)
        virStoragePoolFree(pool);
    return ok;
}

static bool
benchMeasureStream(const benchScenario *scenario, const benchTarget *target,
                   const benchSettings *settings G_GNUC_UNUSED, benchSample *sample)
{
    g_autofree char *uri = benchTargetGetURI(target);
    virConnectPtr conn = virConnectOpen(uri);
    gint64 cpu = benchTargetGetCPU(target);
    gint64 start = benchNow();
    bool ok = conn && benchTransfer(conn, scenario->detail, sample);

    sample->seconds = (double)(benchNow() - start) / 1e9;
    sample->cpu = benchTargetGetCPU(target) - cpu;
    if (!ok)
        benchComplain(target, "%s", virGetLastErrorMessage());
    if (conn)
        virConnectClose(conn);
    return ok;
}

static const benchCall benchLibVersion = { NULL, NULL, benchCallLibVersion };
static const benchCall benchInfo = { RUNNING, NULL, benchCallInfo };
static const benchCall benchXML = { RUNNING, NULL, benchCallXML };
static const benchCall benchXMLLarge = { "bench-large", NULL, benchCallXML };
static const benchCall benchXMLOurs = { "bench-large-ours", NULL, benchCallXML };
static const benchCall benchSetmem = { RUNNING, NULL, benchCallSetmem };
static const benchCall benchSetmemGrow = { RUNNING, NULL, benchCallSetmemGrow };
static const benchCall benchSetmemRefused = { INHIBITED, NULL, benchCallSetmemRefused };
static const benchCall benchStatsOne = { RUNNING, NULL, benchCallStatsOne };
static const benchCall benchStatsAll = { NULL, NULL, benchCallStatsAll };
static const benchCall benchDefine = { NULL, "define-large.xml", benchCallDefine };
static const benchCall benchDefineOurs = { NULL, "define-large-ours.xml", benchCallDefine };
static const benchCall benchConnect = { NULL, NULL, benchCallConnect };

const benchScenario benchCallScenarios[] = {
    { "tiny", 1, benchMeasureCalls, &benchLibVersion, 0 },
    { "tiny-many", 32, benchMeasureCalls, &benchLibVersion, 0 },
    { "getinfo", 1, benchMeasureCalls, &benchInfo, 0 },
    { "getinfo", 8, benchMeasureCalls, &benchInfo, 0 },
    { "getinfo", 32, benchMeasureCalls, &benchInfo, 0 },
    { "getinfo", 256, benchMeasureCalls, &benchInfo, 0 },
    { "getxml", 1, benchMeasureCalls, &benchXML, 0 },
    { "getxml-64k", 1, benchMeasureCalls, &benchXMLLarge, 0 },
    { "getxml-64k-ours", 1, benchMeasureCalls, &benchXMLOurs, 0 },
    { "setmem", 1, benchMeasureCalls, &benchSetmem, 0 },
    { "setmem-grow", 1, benchMeasureCalls, &benchSetmemGrow, 0 },
    { "setmem-refused", 1, benchMeasureCalls, &benchSetmemRefused, 0 },
    { "domstats-one", 1, benchMeasureCalls, &benchStatsOne, 0 },
    { "domstats-all", 1, benchMeasureCalls, &benchStatsAll, 0 },
    { "define-64k", 1, benchMeasureCalls, &benchDefine, 0 },
    { "define-64k-ours", 1, benchMeasureCalls, &benchDefineOurs, 0 },
    { "connect-close", 1, benchMeasureCalls, &benchConnect, 0 },
    { "download", 1, benchMeasureStream, NULL, 0 },
    { "upload", 1, benchMeasureStream, &benchMeasureStream, 0 },
    { NULL, 0, NULL, NULL, 0 },
};
