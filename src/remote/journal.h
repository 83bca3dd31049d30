/*
 * journal.h: what the daemon says about verdicts, and how often
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include "qemu_domain.h"

typedef struct _vbJournal vbJournal;

vbJournal *
vbJournalNew(void);

void
vbJournalFree(vbJournal *journal);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbJournal, vbJournalFree)

/* What became of a client, by the same rate for all of them together. */
void
vbJournalClient(vbJournal *journal, pid_t pid, uid_t uid, const char *text);

/**
 * vbJournalVerdict:
 * @verdict: one with a logText
 * @name: the domain's
 * @uuid: the domain's, 16 bytes
 * @pid: @uid: of the client
 *
 * Writes one line, with the fields VIRTBALLOON_VERDICT, _DOMAIN, _UUID, _CLIENT_PID, _CLIENT_UID
 * and _INHIBITORS where the journal takes fields.  A controller repeats a refused call for ever, so
 * a domain gets 10 lines and then one in 30 seconds; the next line says how many were left out.
 */
void
vbJournalVerdict(vbJournal *journal, const qemuDomainVerdict *verdict, const char *name,
                 const guint8 *uuid, pid_t pid, uid_t uid);
