/*
 * vbrecent.c: what was made of the texts that came last
 *
 * There are dozens, so looking for one is looking at the lengths of all.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbrecent.h"

#include <string.h>

typedef struct {
    gpointer value;
    size_t size; /* of all of it */
    size_t length;
    char text[];
} vbRecentEntry;

struct _vbRecent {
    GDestroyNotify valueFree;
    GQueue entries; /* of vbRecentEntry; what was looked for last is the head */
    size_t total;
};

vbRecent *
vbRecentNew(GDestroyNotify valueFree)
{
    vbRecent *recent = g_new0(vbRecent, 1);

    recent->valueFree = valueFree;
    g_queue_init(&recent->entries);
    return recent;
}

static void
vbRecentDropLast(vbRecent *recent)
{
    vbRecentEntry *entry = g_queue_pop_tail(&recent->entries);

    recent->total -= entry->size;
    recent->valueFree(entry->value);
    g_free(entry);
}

void
vbRecentFree(vbRecent *recent)
{
    if (!recent)
        return;
    while (recent->entries.length > 0)
        vbRecentDropLast(recent);
    g_free(recent);
}

gpointer
vbRecentFind(vbRecent *recent, const char *text, size_t length)
{
    for (GList *item = recent->entries.head; item; item = item->next) {
        const vbRecentEntry *entry = item->data;

        if (entry->length == length && memcmp(entry->text, text, length) == 0) {
            g_queue_unlink(&recent->entries, item);
            g_queue_push_head_link(&recent->entries, item);
            return entry->value;
        }
    }
    return NULL;
}

void
vbRecentAdd(vbRecent *recent, const char *text, size_t length, size_t size, gpointer value)
{
    vbRecentEntry *entry = NULL;

    size += sizeof(*entry) + length;
    if (length <= VB_RECENT_TEXT_MAX && size <= VB_RECENT_TOTAL_MAX)
        entry = g_try_malloc(sizeof(*entry) + length);
    if (!entry) {
        recent->valueFree(value);
        return;
    }
    entry->value = value;
    entry->size = size;
    entry->length = length;
    memcpy(entry->text, text, length);
    g_queue_push_head(&recent->entries, entry);
    recent->total += size;
    while (recent->total > VB_RECENT_TOTAL_MAX)
        vbRecentDropLast(recent);
}
