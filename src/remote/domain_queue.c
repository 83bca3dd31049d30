/*
 * domain_queue.c: one change of a domain at a time, across all connections
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_queue.h"

#include <string.h>

#define VB_DOMAIN_UUID_SIZE 16

struct _vbDomainQueue {
    GHashTable *lines; /* vbDomainLine -> itself */
};

/* Those who wait for one domain; the head has its turn. */
typedef struct {
    guint8 uuid[VB_DOMAIN_UUID_SIZE];
    GQueue turns; /* of vbDomainTurn */
} vbDomainLine;

struct _vbDomainTurn {
    vbDomainQueue *queue;
    vbDomainLine *line;
    vbDomainTurnFunc func;
    gpointer opaque;
};

/* A line is looked up by its first member. */
static guint
vbDomainLineHash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof(hash));
    return hash;
}

static gboolean
vbDomainLineEqual(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, VB_DOMAIN_UUID_SIZE) == 0;
}

vbDomainQueue *
vbDomainQueueNew(void)
{
    vbDomainQueue *queue = g_new0(vbDomainQueue, 1);

    queue->lines = g_hash_table_new_full(vbDomainLineHash, vbDomainLineEqual, NULL, g_free);
    return queue;
}

void
vbDomainQueueFree(vbDomainQueue *queue)
{
    if (!queue)
        return;
    g_assert(g_hash_table_size(queue->lines) == 0);
    g_hash_table_unref(queue->lines);
    g_free(queue);
}

vbDomainTurn *
vbDomainQueueEnter(vbDomainQueue *queue, const guint8 *uuid, vbDomainTurnFunc func,
                   gpointer opaque)
{
    vbDomainLine *line = g_hash_table_lookup(queue->lines, uuid);
    vbDomainTurn *turn = g_new0(vbDomainTurn, 1);

    if (!line) {
        line = g_new0(vbDomainLine, 1);
        memcpy(line->uuid, uuid, VB_DOMAIN_UUID_SIZE);
        g_queue_init(&line->turns);
        g_hash_table_add(queue->lines, line);
    }
    turn->queue = queue;
    turn->line = line;
    turn->func = func;
    turn->opaque = opaque;
    g_queue_push_tail(&line->turns, turn);
    return turn;
}

bool
vbDomainTurnIsHere(const vbDomainTurn *turn)
{
    return g_queue_peek_head(&turn->line->turns) == turn;
}

void
vbDomainTurnLeave(vbDomainTurn *turn)
{
    vbDomainLine *line = turn->line;
    bool wasHere = vbDomainTurnIsHere(turn);
    vbDomainTurn *next;

    g_queue_remove(&line->turns, turn);
    next = g_queue_peek_head(&line->turns);
    if (!next)
        g_hash_table_remove(turn->queue->lines, line);
    g_free(turn);
    if (next && wasHere)
        next->func(next->opaque);
}
