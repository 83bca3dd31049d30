/*
 * qemu_recent.c: what is made of the XML of domains, kept while that stays the same
 *
 * Nothing that may have a password in it is kept: neither the client's dumps with secrets nor the
 * definitions that we ask for to store them again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>

#include "qemu_command.h"
#include "qemu_driverpriv.h"

struct _qemuDriverRecent {
    vbRecent *defs;  /* text -> vbDomainDef */
    vbRecent *shown; /* text -> GBytes: the reply that shows our attributes in it */
};

qemuDriverRecent *
qemuDriverRecentNew(void)
{
    qemuDriverRecent *recent = g_new0(qemuDriverRecent, 1);

    recent->defs = vbRecentNew((GDestroyNotify)vbDomainDefFree);
    recent->shown = vbRecentNew((GDestroyNotify)g_bytes_unref);
    return recent;
}

void
qemuDriverRecentFree(qemuDriverRecent *recent)
{
    if (!recent)
        return;
    vbRecentFree(recent->defs);
    vbRecentFree(recent->shown);
    g_free(recent);
}

vbDomainDef *
qemuDriverRecentParse(qemuDriverRecent *recent, const char *text, size_t length)
{
    vbDomainDef *def = recent ? vbRecentFind(recent->defs, text, length) : NULL;

    if (def)
        return vbDomainDefRef(def);
    def = vbDomainDefParseString(text, length, NULL);
    /* It has no more in it than the text. */
    if (def && recent)
        vbRecentAdd(recent->defs, text, length, length, vbDomainDefRef(def));
    return def;
}

guint8 *
qemuDriverRecentShow(qemuDriverRecent *recent, const char *text, size_t length, size_t *newLength)
{
    GBytes *known = recent ? vbRecentFind(recent->shown, text, length) : NULL;
    g_autofree char *shown = NULL;
    size_t shownLength = 0;
    guint8 *reply;

    if (known) {
        const void *bytes = g_bytes_get_data(known, newLength);

        return g_memdup2(bytes, *newLength);
    }
    shown = qemuCommandShowAttributes(text, length, &shownLength);
    if (!shown || shownLength > REMOTE_STRING_MAX)
        return NULL;
    reply = remoteEncodeText(shown, shownLength, 0, newLength);
    if (reply && recent && length <= VB_RECENT_TEXT_MAX)
        vbRecentAdd(recent->shown, text, length, *newLength, g_bytes_new(reply, *newLength));
    return reply;
}
