/*
 * target.h: a way to libvirt's daemon that is measured, and what its process costs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    char *name;
    char *socket;
    pid_t pid; /* of the relay, which may have children; 0: there is none */
} benchTarget;

/* Reads "NAME=SOCKET" or "NAME=SOCKET,PID". Returns: (transfer full): the target, or NULL */
benchTarget *
benchTargetParse(const char *text);

void
benchTargetFree(benchTarget *target);

/* Nanoseconds of processor time that the relay and the children that it has now have used. */
gint64
benchTargetGetCPU(const benchTarget *target);

/* A number out of /proc/PID/@file, such as "Rss" (KiB) of "smaps_rollup", which, unlike those of
 * "status", is exact; -1 where there is none. */
gint64
benchTargetRead(const benchTarget *target, const char *file, const char *field);

/* What one measurement has found. */
typedef struct {
    guint64 count;      /* of calls, events, bytes: whatever is counted */
    double seconds;     /* that they took */
    GArray *latencies;  /* of float: microseconds of each; or NULL */
    gint64 cpu;         /* nanoseconds of the relay; -1: not measured */
} benchSample;

void
benchSampleInit(benchSample *sample);

void
benchSampleClear(benchSample *sample);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(benchSample, benchSampleClear)

/* The latency, in microseconds, that @percent of all are not above. Sorts them. */
double
benchSampleGetPercentile(benchSample *sample, double percent);

/* Of the monotonic clock. */
gint64
benchNow(void);
