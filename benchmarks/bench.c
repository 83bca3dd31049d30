/*
 * bench.c: measures libvirt's daemon directly and through relays, in turns
 *
 * In each round every target is measured once by every scenario, one right after the other and each
 * time another one first, so that what else the machine does hits all alike.  Each measurement is
 * printed as a line of JSON; who reads them makes ratios of those of one round.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "scenario.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

typedef struct {
    int rounds;
    int msec;
    int fixed;
    int guests;
    int events;
    int idle;
    int idleSeconds;
    int counted;
    int most;
    char *data;
    char **scenarios;
    GPtrArray *targets; /* of benchTarget; the first one is libvirt itself */
} benchOptions;

void
benchComplain(const benchTarget *target, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "bench: %s: %s\n", target->name, text);
}

char *
benchTargetGetURI(const benchTarget *target)
{
    return g_strdup_printf("qemu+unix:///system?socket=%s", target->socket);
}

bool
benchTargetIsOurs(const benchTarget *target)
{
    return g_str_equal(target->name, "virtballoond");
}

/* libvirt prints errors by itself otherwise. */
static void
benchIgnoreError(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static gboolean
benchParse(benchOptions *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "rounds", 0, 0, G_OPTION_ARG_INT, &options->rounds, "Rounds", "N" },
        { "msec", 0, 0, G_OPTION_ARG_INT, &options->msec, "Time for a sample", "MSEC" },
        { "fixed", 0, 0, G_OPTION_ARG_INT, &options->fixed,
          "Calls of each connection, whatever time they take", "N" },
        { "guests", 0, 0, G_OPTION_ARG_INT, &options->guests, "Running guests there are", "N" },
        { "events", 0, 0, G_OPTION_ARG_INT, &options->events, "Events in a flood", "N" },
        { "idle", 0, 0, G_OPTION_ARG_INT, &options->idle, "Idle connections", "N" },
        { "idle-seconds", 0, 0, G_OPTION_ARG_INT, &options->idleSeconds, "Time to be idle", "S" },
        { "calls", 0, 0, G_OPTION_ARG_INT, &options->counted,
          "Calls whose processor time is taken", "N" },
        { "most", 0, 0, G_OPTION_ARG_INT, &options->most, "Leave out what has more connections",
          "N" },
        { "data", 0, 0, G_OPTION_ARG_FILENAME, &options->data, "Directory of documents", "DIR" },
        { "scenario", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->scenarios,
          "Measure this alone, and others so named", "NAME" },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GOptionContext) context = g_option_context_new("NAME=SOCKET[,PID]...");

    g_option_context_set_summary(context, "Measures libvirt's daemon (the first socket) directly "
                                 "and through relays.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    for (int i = 1; i < *argc; i++) {
        benchTarget *target = benchTargetParse((*argv)[i]);

        if (!target) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "invalid argument '%s': expected NAME=SOCKET[,PID]", (*argv)[i]);
            return FALSE;
        }
        g_ptr_array_add(options->targets, target);
    }
    if (options->targets->len == 0 || !options->data) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "a socket and --data are needed");
        return FALSE;
    }
    return TRUE;
}

static void
benchPrint(const benchScenario *scenario, const benchTarget *target, guint round,
           benchSample *sample)
{
    printf("{\"scenario\": \"%s\", \"connections\": %u, \"target\": \"%s\", \"round\": %u, "
           "\"count\": %" G_GUINT64_FORMAT ", \"seconds\": %.6f", scenario->name,
           scenario->connections, target->name, round, sample->count, sample->seconds);
    if (sample->latencies->len > 0)
        printf(", \"p50\": %.2f, \"p99\": %.2f", benchSampleGetPercentile(sample, 50),
               benchSampleGetPercentile(sample, 99));
    if (sample->cpu >= 0 && target->pid > 0)
        printf(", \"cpu\": %.9f", (double)sample->cpu / 1e9);
    printf("}\n");
    fflush(stdout);
}

static bool
benchMeasure(const benchScenario *scenario, const benchOptions *options,
             const benchSettings *settings, guint round)
{
    guint count = options->targets->len;
    bool ok = true;

    for (guint i = 0; i < count && ok; i++) {
        const benchTarget *target = g_ptr_array_index(options->targets, (i + round) % count);
        g_auto(benchSample) sample = { .latencies = NULL };

        if ((scenario->flags & BENCH_ONCE && (!benchTargetIsOurs(target) || round > 0)) ||
            (scenario->flags & BENCH_TEST_DRIVER && g_str_equal(target->name, "virtproxyd")))
            continue;
        benchSampleInit(&sample);
        ok = scenario->measure(scenario, target, settings, &sample);
        if (ok)
            benchPrint(scenario, target, round, &sample);
        else
            benchComplain(target, "scenario '%s' has failed", scenario->name);
    }
    return ok;
}

static bool
benchMeasureAll(const benchScenario *scenarios, const benchOptions *options,
                const benchSettings *settings, guint round)
{
    bool ok = true;

    for (size_t i = 0; scenarios[i].name; i++) {
        if (scenarios[i].connections <= (guint)options->most &&
            (!options->scenarios ||
             g_strv_contains((const char *const *)options->scenarios, scenarios[i].name)))
            ok &= benchMeasure(&scenarios[i], options, settings, round);
    }
    return ok;
}

int
main(int argc, char **argv)
{
    benchOptions options = {
        .rounds = 7, .msec = 300, .guests = 50, .events = 4000, .idle = 1000, .idleSeconds = 60,
        .counted = 20000, .most = G_MAXINT,
        .targets = g_ptr_array_new_with_free_func((GDestroyNotify)benchTargetFree),
    };
    g_autoptr(GError) error = NULL;
    benchSettings settings;
    struct rlimit limit;
    bool ok = true;

    if (!benchParse(&options, &argc, &argv, &error)) {
        fprintf(stderr, "bench: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (virInitialize() < 0)
        return EXIT_FAILED;
    virSetErrorFunc(NULL, benchIgnoreError);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    settings = (benchSettings) {
        .msec = (guint)options.msec,
        .fixed = (guint)options.fixed,
        .guests = (guint)options.guests,
        .events = (guint)options.events,
        .idle = (guint)options.idle,
        .idleSeconds = (guint)options.idleSeconds,
        .counted = (guint)options.counted,
        .data = options.data,
        .direct = ((const benchTarget *)g_ptr_array_index(options.targets, 0))->socket,
    };
    for (guint round = 0; round < (guint)options.rounds; round++) {
        ok &= benchMeasureAll(benchFirstScenarios, &options, &settings, round);
        ok &= benchMeasureAll(benchCallScenarios, &options, &settings, round);
        ok &= benchMeasureAll(benchMessageScenarios, &options, &settings, round);
    }
    g_ptr_array_unref(options.targets);
    g_strfreev(options.scenarios);
    g_free(options.data);
    return ok ? EXIT_SUCCESS : EXIT_FAILED;
}
