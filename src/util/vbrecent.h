/*
 * vbrecent.h: what was made of the texts that came last
 *
 * Programs that watch guests ask the same again and again, and libvirt answers with the same text
 * until something changes.  A text is only the same if every byte of it is, so nothing here is ever
 * out of date.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

/* The longest text that is kept, and how much all of them and what was made of them may take. */
#define VB_RECENT_TEXT_MAX 131072u
#define VB_RECENT_TOTAL_MAX 786432u

typedef struct _vbRecent vbRecent;

/* @valueFree: of what was made of a text */
vbRecent *
vbRecentNew(GDestroyNotify valueFree);

void
vbRecentFree(vbRecent *recent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vbRecent, vbRecentFree)

/* Returns: (transfer none) (nullable): what was made of @text, until something else is added */
gpointer
vbRecentFind(vbRecent *recent, const char *text, size_t length);

/**
 * vbRecentAdd:
 * @text: copied; not one that is there already
 * @size: bytes that @value takes, about
 * @value: (transfer full)
 *
 * What has not been looked for the longest time makes room.  What is too large is not kept.
 */
void
vbRecentAdd(vbRecent *recent, const char *text, size_t length, size_t size, gpointer value);
