/*
 * scenario.h: something that is measured
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "target.h"

/* How long and how much. */
typedef struct {
    guint msec;        /* for a sample */
    guint fixed;       /* calls of each connection, where what they cost is counted; or 0 */
    guint guests;      /* that the many are */
    guint events;
    guint idle;        /* connections */
    guint idleSeconds;
    guint counted;     /* calls whose processor time is taken */
    const char *data;   /* directory of the documents */
    const char *direct; /* libvirt's own socket */
} benchSettings;

typedef enum {
    BENCH_ONCE = 1 << 0,        /* once in a run, and only for virtballoond */
    BENCH_TEST_DRIVER = 1 << 1, /* of libvirt's driver for tests, to which virtproxyd knows no way */
} benchFlags;

typedef struct _benchScenario benchScenario;
struct _benchScenario {
    const char *name;
    guint connections;
    /* Returns: whether everything went as it should; otherwise it has been said why */
    bool (*measure)(const benchScenario *scenario, const benchTarget *target,
                    const benchSettings *settings, benchSample *sample);
    gconstpointer detail;
    unsigned int flags; /* benchFlags */
};

/* calls.c: what libvirt's own library does. The last one has no name. */
extern const benchScenario benchCallScenarios[];

/* messages.c: what it is in the way of. The first ones go before all others, which leave memory
 * behind. */
extern const benchScenario benchFirstScenarios[];
extern const benchScenario benchMessageScenarios[];

/* Says on standard error what went wrong; printf-like. */
void
benchComplain(const benchTarget *target, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Whether it is virtballoond, of which more is expected. */
bool
benchTargetIsOurs(const benchTarget *target);

/* libvirt's URI of the target. */
char *
benchTargetGetURI(const benchTarget *target);
