/*
 * domain_queue.h: one change of a domain at a time, across all connections
 *
 * What a decision has learnt of a domain holds only until somebody else changes it, so calls that
 * change a domain's balloon, devices or policy take turns by UUID.  This is the daemon's only
 * state about domains.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _vbDomainQueue vbDomainQueue;
typedef struct _vbDomainTurn vbDomainTurn;

typedef void (*vbDomainTurnFunc)(gpointer opaque);

vbDomainQueue *
vbDomainQueueNew(void);

/* All turns must have been given back. */
void
vbDomainQueueFree(vbDomainQueue *queue);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbDomainQueue, vbDomainQueueFree)

/**
 * vbDomainQueueEnter:
 * @uuid: 16 bytes
 * @func: called when the turn comes, unless it is there at once
 *
 * Returns: the place in the queue, to be given to vbDomainTurnLeave() in any case
 */
vbDomainTurn *
vbDomainQueueEnter(vbDomainQueue *queue, const guint8 *uuid, vbDomainTurnFunc func,
                   gpointer opaque);

/* Whether it is this one's turn. */
bool
vbDomainTurnIsHere(const vbDomainTurn *turn);

/* Ends a turn, or a wait for one; the next in the queue is called. */
void
vbDomainTurnLeave(vbDomainTurn *turn);
