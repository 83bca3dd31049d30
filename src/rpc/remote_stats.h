/*
 * remote_stats.h: statistics of domains, as CONNECT_GET_ALL_DOMAIN_STATS returns them
 *
 * A reply has a record for each domain, and a record any number of typed parameters.  It is not
 * decoded but walked, so that parameters can be added to records and everything else stays as it
 * came.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "remote_codec.h"

/* libvirt 9.0 */
#define REMOTE_STATS_PARAMS_MAX 262144u

typedef struct {
    remoteNonnullDomain dom;
    size_t count;  /* offset of the number of parameters */
    size_t end;    /* offset behind the last one */
    GByteArray *added; /* parameters to be added, or NULL */
    guint32 addedCount;
} remoteStatsRecord;

/* Returns: (transfer full) (nullable) (element-type remoteStatsRecord): NULL if @bytes are no such
 * reply */
GPtrArray *
remoteStatsParse(const guint8 *bytes, size_t length);

void
remoteStatsAddString(remoteStatsRecord *record, const char *field, const char *value);

void
remoteStatsAddUInt(remoteStatsRecord *record, const char *field, guint32 value);

void
remoteStatsAddULLong(remoteStatsRecord *record, const char *field, guint64 value);

/* Returns: (transfer full) (nullable): the reply with what was added; NULL where that is nothing,
 * or more than the protocol takes, or memory ran out */
guint8 *
remoteStatsApply(const guint8 *bytes, size_t length, const GPtrArray *records, size_t *newLength);
