/*
 * peer.c: who is at the other end of a client's socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "peer.h"

#include <string.h>
#include <sys/socket.h>

/* The kernel's own limit of a security context is a page. */
#define VB_PEER_CONTEXT_MAX 4096
/* Of /proc/PID/stat: where the start time stands, counted behind the name (proc(5): field 22). */
#define VB_PEER_START_FIELD 19

/* Returns: the start time in @stat, the text of /proc/PID/stat, or 0 */
static guint64
vbPeerParseStart(const char *stat)
{
    /* The name may have anything in it, parentheses and spaces too. */
    const char *behind = strrchr(stat, ')');
    g_auto(GStrv) fields = NULL;

    if (!behind || behind[1] != ' ')
        return 0;
    fields = g_strsplit(behind + 2, " ", VB_PEER_START_FIELD + 2);
    if (g_strv_length(fields) <= VB_PEER_START_FIELD)
        return 0;
    return g_ascii_strtoull(fields[VB_PEER_START_FIELD], NULL, 10);
}

static guint64
vbPeerGetStart(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/stat", (long long)pid);
    g_autofree char *stat = NULL;

    return g_file_get_contents(path, &stat, NULL, NULL) ? vbPeerParseStart(stat) : 0;
}

bool
vbPeerGet(int fd, vbPeer *peer)
{
    char context[VB_PEER_CONTEXT_MAX];
    struct ucred cred;
    socklen_t length = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) < 0)
        return false;
    *peer = (vbPeer){ .pid = cred.pid, .uid = cred.uid, .gid = cred.gid };
    peer->startTime = vbPeerGetStart(cred.pid);
    length = sizeof(context);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, context, &length) == 0 && length > 0)
        peer->selinuxContext = g_strndup(context, length);
    return true;
}

void
vbPeerClear(vbPeer *peer)
{
    g_clear_pointer(&peer->selinuxContext, g_free);
}
