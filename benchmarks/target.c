/*
 * target.c: a way to libvirt's daemon that is measured, and what its process costs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "target.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC G_GINT64_CONSTANT(1000000000)

benchTarget *
benchTargetParse(const char *text)
{
    const char *equals = strchr(text, '=');
    const char *comma = equals ? strrchr(equals, ',') : NULL;
    benchTarget *target;
    char *end = NULL;
    long pid = 0;

    if (!equals || equals == text)
        return NULL;
    if (comma) {
        pid = strtol(comma + 1, &end, 10);
        if (*end != '\0' || pid <= 0)
            return NULL;
    }
    target = g_new0(benchTarget, 1);
    target->name = g_strndup(text, (gsize)(equals - text));
    target->socket = comma ? g_strndup(equals + 1, (gsize)(comma - equals - 1)) :
        g_strdup(equals + 1);
    target->pid = (pid_t)pid;
    return target;
}

void
benchTargetFree(benchTarget *target)
{
    g_free(target->name);
    g_free(target->socket);
    g_free(target);
}

gint64
benchNow(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

/* The kernel's own count, which is finer than the ticks of /proc/PID/stat. */
static gint64
benchProcessGetCPU(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return 0;
    return used.tv_sec * NSEC_PER_SEC + used.tv_nsec;
}

static pid_t
benchProcessGetParent(const char *pid)
{
    g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
    g_autofree char *text = NULL;
    const char *behind;
    int parent = 0;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    /* The name, in parentheses, may have anything in it; then a letter and the parent. */
    behind = strrchr(text, ')');
    if (behind && strlen(behind) > 4)
        parent = (int)strtol(behind + 4, NULL, 10);
    return parent;
}

gint64
benchTargetGetCPU(const benchTarget *target)
{
    gint64 used;
    const char *name;
    GDir *proc;

    if (target->pid == 0)
        return 0;
    used = benchProcessGetCPU(target->pid);
    proc = g_dir_open("/proc", 0, NULL);
    while (proc && (name = g_dir_read_name(proc))) {
        if (g_ascii_isdigit(name[0]) && benchProcessGetParent(name) == target->pid)
            used += benchProcessGetCPU((pid_t)strtol(name, NULL, 10));
    }
    g_clear_pointer(&proc, g_dir_close);
    return used;
}

gint64
benchTargetRead(const benchTarget *target, const char *file, const char *field)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", target->pid, file);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    size_t length = strlen(field);

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -1;
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], field) && lines[i][length] == ':')
            return g_ascii_strtoll(lines[i] + length + 1, NULL, 10);
    }
    return -1;
}

void
benchSampleInit(benchSample *sample)
{
    memset(sample, 0, sizeof(*sample));
    sample->latencies = g_array_new(FALSE, FALSE, sizeof(float));
    sample->cpu = -1;
}

void
benchSampleClear(benchSample *sample)
{
    if (sample->latencies)
        g_array_unref(sample->latencies);
}

static gint
benchCompare(gconstpointer a, gconstpointer b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;

    return (x > y) - (x < y);
}

double
benchSampleGetPercentile(benchSample *sample, double percent)
{
    guint last = sample->latencies->len - 1;

    g_array_sort(sample->latencies, benchCompare);
    return (double)g_array_index(sample->latencies, float, (guint)(last * percent / 100));
}
