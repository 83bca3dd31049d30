/*
 * journal.c: what the daemon says about verdicts, and how often
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "journal.h"

#include <string.h>

#include "qemu_message.h"

#define VB_JOURNAL_BURST 10
#define VB_JOURNAL_INTERVAL (30 * G_TIME_SPAN_SECOND)
/* Domains that are remembered; what was said of the others is forgotten and may be said again. */
#define VB_JOURNAL_DOMAINS_MAX 1024

#define VB_JOURNAL_UUID_LENGTH 36

typedef struct {
    unsigned int credit; /* lines that may be written now */
    gint64 since;        /* when credit was last added, monotonic microseconds */
    unsigned int left;   /* lines that were left out since the last one */
} vbJournalDomain;

struct _vbJournal {
    GHashTable *domains; /* UUID as text -> vbJournalDomain */
};

vbJournal *
vbJournalNew(void)
{
    vbJournal *journal = g_new0(vbJournal, 1);

    journal->domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return journal;
}

void
vbJournalFree(vbJournal *journal)
{
    if (!journal)
        return;
    g_hash_table_unref(journal->domains);
    g_free(journal);
}

static void
vbJournalFormatUUID(const guint8 *uuid, char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = digits[uuid[i] >> 4];
        *text++ = digits[uuid[i] & 15];
    }
    *text = '\0';
}

/* Whether a line about @uuid may be written, and how many were left out before it. */
static bool
vbJournalAllow(vbJournal *journal, const char *uuid, unsigned int *left)
{
    vbJournalDomain *domain = g_hash_table_lookup(journal->domains, uuid);
    gint64 now = g_get_monotonic_time();

    if (!domain) {
        if (g_hash_table_size(journal->domains) >= VB_JOURNAL_DOMAINS_MAX)
            g_hash_table_remove_all(journal->domains);
        domain = g_new0(vbJournalDomain, 1);
        domain->credit = VB_JOURNAL_BURST;
        domain->since = now;
        g_hash_table_insert(journal->domains, g_strdup(uuid), domain);
    }

    while (domain->credit < VB_JOURNAL_BURST && now - domain->since >= VB_JOURNAL_INTERVAL) {
        domain->credit++;
        domain->since += VB_JOURNAL_INTERVAL;
    }
    if (domain->credit == VB_JOURNAL_BURST)
        domain->since = now;
    if (domain->credit == 0) {
        domain->left++;
        return false;
    }
    domain->credit--;
    *left = domain->left;
    domain->left = 0;
    return true;
}

void
vbJournalClient(vbJournal *journal, pid_t pid, uid_t uid, const char *text)
{
    g_autofree char *line = NULL;
    unsigned int left = 0;

    if (!vbJournalAllow(journal, "clients", &left))
        return;
    /* It may repeat what libvirt or polkit said. */
    line = g_strdelimit(g_strdup(text), "\r\n", ' ');
    if (left > 0)
        g_warning("client %lld of user %lld: %s (%u more were not logged)", (long long)pid,
                  (long long)uid, line, left);
    else
        g_warning("client %lld of user %lld: %s", (long long)pid, (long long)uid, line);
}

void
vbJournalVerdict(vbJournal *journal, const qemuDomainVerdict *verdict, const char *name,
                 const guint8 *uuid, pid_t pid, uid_t uid)
{
    char uuidText[VB_JOURNAL_UUID_LENGTH + 1];
    g_autofree char *inhibitors = qemuMessageFormatKinds(verdict->inhibitors);
    g_autofree char *pidText = g_strdup_printf("%lld", (long long)pid);
    g_autofree char *uidText = g_strdup_printf("%lld", (long long)uid);
    g_autofree char *printable = qemuMessageFormatName(name);
    g_autofree char *message = NULL;
    g_autofree char *plain = NULL;
    bool refused = verdict->action == QEMU_DOMAIN_VERDICT_REFUSE;
    unsigned int left = 0;

    vbJournalFormatUUID(uuid, uuidText);
    if (!vbJournalAllow(journal, uuidText, &left))
        return;

    message = g_strdup_printf("%s (client %s, uid %s)", verdict->logText, pidText, uidText);
    /* Names come from outside and must not make lines of their own. */
    g_strdelimit(message, "\r\n", ' ');
    plain = left == 0 ? g_strdup(message) :
        g_strdup_printf("%s (%u more were not logged)", message, left);

    g_log_structured(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
                     "VIRTBALLOON_VERDICT", refused ? "refuse" : "warn",
                     "VIRTBALLOON_DOMAIN", printable,
                     "VIRTBALLOON_UUID", uuidText,
                     "VIRTBALLOON_CLIENT_PID", pidText,
                     "VIRTBALLOON_CLIENT_UID", uidText,
                     "VIRTBALLOON_INHIBITORS", inhibitors,
                     "MESSAGE", "%s", plain);
}
