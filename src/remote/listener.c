/*
 * listener.c: the daemon's sockets and the clients on them
 *
 * A relay that runs as root reaches libvirt as root.  So who may connect is decided by the mode and
 * the group of the socket file, which are set before anybody can connect; and whoever is to be
 * asked about, by auth.c, gets no connection to libvirt before he was let in.  Neither does a
 * client that has not said anything yet.
 *
 * Those who are not let in yet have a minute, and there is a limit to them; where it is reached the
 * one goes who has waited longest, of the user who has most of them, so that nobody can keep others
 * out but those of his own user.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth.h"
#include "vberror.h"

/* Clients beyond the limits that are being told so; more are turned away without a word. */
#define VB_LISTENER_TURNED_AWAY_MAX 64
/* In which a client must have been let in, and have said its first word. */
#define VB_LISTENER_PATIENCE_SECONDS 60
/* After running out of descriptors or memory: how long nobody new is let in. */
#define VB_LISTENER_PAUSE_MSEC 100

typedef struct {
    vbListener *listener;
    char *path; /* NULL: the file is not ours to remove */
    int fd;
    gboolean readonly;
    vbEpollWatch *watch;
} vbListenerSocket;

/* A client on its way: it is let in, it says something, libvirt is connected to, it has a relay. Of
 * the pointers one is not NULL. */
typedef struct {
    vbListener *listener;
    int fd; /* -1 once the relay has it */
    int spare; /* keeps a descriptor free for the connection to libvirt; -1 once it is begun */
    gboolean readonly;
    gboolean turnedAway; /* beyond a limit: its relay only says so */
    vbPeer peer;
    guint patience;      /* timer, or 0 */
    vbAuth *auth;        /* while it is not let in */
    vbEpollWatch *watch; /* until it says something */
    vbUpstreamRequest *request;
    vbRelay *relay;
} vbListenerClient;

struct _vbListener {
    const vbConfig *config;
    const vbRelayShared *shared;
    vbPolkit *polkit;
    vbUpstream *upstream;
    GPtrArray *sockets; /* of vbListenerSocket */
    GQueue clients;     /* of vbListenerClient, the newest last */
    guint turnedAway;   /* of the clients */
    guint anonymous;    /* of the clients: not let in yet */
    guint pause;        /* timer, or 0 */
    gint64 idleSince;   /* monotonic; holds while there is no client */
};

static void
vbListenerSocketFree(vbListenerSocket *sock)
{
    if (sock->watch)
        vbEpollWatchRemove(sock->watch);
    if (sock->fd >= 0) {
        if (sock->path)
            unlink(sock->path);
        close(sock->fd);
    }
    g_free(sock->path);
    g_free(sock);
}

vbListener *
vbListenerNew(const vbConfig *config, const vbRelayShared *shared, vbPolkit *polkit,
              vbUpstream *upstream)
{
    vbListener *listener = g_new0(vbListener, 1);

    listener->config = config;
    listener->shared = shared;
    listener->polkit = polkit;
    listener->upstream = upstream;
    listener->sockets = g_ptr_array_new_with_free_func((GDestroyNotify)vbListenerSocketFree);
    g_queue_init(&listener->clients);
    listener->idleSince = g_get_monotonic_time();
    return listener;
}

/* Ends what a client without a relay waits for. */
static void
vbListenerClientStop(vbListenerClient *client)
{
    if (client->auth)
        client->listener->anonymous--;
    g_clear_pointer(&client->auth, vbAuthFree);
    g_clear_pointer(&client->watch, vbEpollWatchRemove);
    g_clear_pointer(&client->request, vbUpstreamRequestCancel);
}

static void
vbListenerClientFree(vbListenerClient *client)
{
    vbListener *listener = client->listener;

    g_queue_remove(&listener->clients, client);
    listener->idleSince = g_get_monotonic_time();
    if (client->turnedAway)
        listener->turnedAway--;
    g_clear_handle_id(&client->patience, g_source_remove);
    vbListenerClientStop(client);
    if (client->fd >= 0)
        close(client->fd);
    if (client->spare >= 0)
        close(client->spare);
    vbPeerClear(&client->peer);
    g_free(client);
}

static void
vbListenerLog(const vbListenerClient *client, const char *text)
{
    vbJournalClient(client->listener->shared->journal, client->peer.pid, client->peer.uid, text);
}

/* Leaves a client without a relay. */
static void
vbListenerClientLeave(vbListenerClient *client, const char *reason)
{
    vbListenerLog(client, reason);
    vbListenerClientFree(client);
}

void
vbListenerFree(vbListener *listener)
{
    vbListenerClient *client;

    if (!listener)
        return;
    while ((client = g_queue_peek_head(&listener->clients))) {
        if (client->relay)
            vbRelayClose(client->relay);
        else
            vbListenerClientFree(client);
    }
    g_clear_handle_id(&listener->pause, g_source_remove);
    g_ptr_array_unref(listener->sockets);
    g_free(listener);
}

static void
vbListenerRelayClosed(vbRelay *relay G_GNUC_UNUSED, gpointer opaque)
{
    vbListenerClientFree(opaque);
}

/* Gives @client its relay, or one that only says @failure where @upstream is -1. */
static void
vbListenerStart(vbListenerClient *client, int upstream, const char *failure)
{
    g_clear_handle_id(&client->patience, g_source_remove);
    if (failure)
        vbListenerLog(client, failure);
    client->relay = vbRelayNew(client->listener->shared, client->fd, upstream, failure,
                               client->readonly, &client->peer, vbListenerRelayClosed, client);
    client->fd = -1;
    if (!client->relay)
        vbListenerClientLeave(client, "turned away: out of memory");
}

static void
vbListenerConnected(int fd, const GError *error, gpointer opaque)
{
    vbListenerClient *client = opaque;

    client->request = NULL;
    vbListenerStart(client, fd, error ? error->message : NULL);
}

/* The client has said something, or has gone. */
static void
vbListenerHeard(guint32 events, gpointer opaque)
{
    vbListenerClient *client = opaque;
    int spare = client->spare;

    vbListenerClientStop(client);
    g_clear_handle_id(&client->patience, g_source_remove);
    if (!(events & EPOLLIN)) {
        vbListenerClientFree(client);
        return;
    }
    client->spare = -1;
    client->request = vbUpstreamConnect(client->listener->upstream, client->readonly, spare,
                                        vbListenerConnected, client);
}

/* The client is let in. */
static void
vbListenerAwaitWord(vbListenerClient *client)
{
    client->watch = vbEpollAdd(client->listener->shared->epoll, client->fd, EPOLLIN,
                               vbListenerHeard, client);
    if (!client->watch)
        vbListenerClientLeave(client, "turned away: out of memory");
}

static void
vbListenerAuthenticated(bool ok, gpointer opaque)
{
    vbListenerClient *client = opaque;

    vbListenerClientStop(client);
    if (ok)
        vbListenerAwaitWord(client);
    else
        vbListenerClientFree(client);
}

static void
vbListenerDenied(const char *reason, gpointer opaque)
{
    g_autofree char *text = g_strdup_printf("not let in: %s", reason);

    vbListenerLog(opaque, text);
}

static gboolean
vbListenerPatienceEnd(gpointer opaque)
{
    vbListenerClient *client = opaque;

    client->patience = 0;
    vbListenerClientLeave(client, client->auth ?
                          "left: it has not authenticated within 60 seconds" :
                          "left: it has not said anything for 60 seconds");
    return G_SOURCE_REMOVE;
}

/* Makes room for one more client that is not let in yet. */
static void
vbListenerDisplace(vbListener *listener)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(NULL, NULL);
    vbListenerClient *oldest = NULL;
    guint most = 0;
    GList *item;

    /* From the newest to the oldest: the last one that has most is the oldest of them. */
    for (item = listener->clients.tail; item; item = item->prev) {
        vbListenerClient *client = item->data;
        gpointer user = GUINT_TO_POINTER(client->peer.uid);
        guint count;

        if (!client->auth)
            continue;
        count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, user)) + 1;
        g_hash_table_insert(counts, user, GUINT_TO_POINTER(count));
        if (count >= most) {
            most = count;
            oldest = client;
        }
    }
    if (oldest)
        vbListenerClientLeave(oldest, "left: too many clients have not authenticated "
                              "(max_anonymous_clients)");
}

/* Has a client that has just come authenticate, if it must. */
static void
vbListenerBegin(vbListenerClient *client)
{
    vbListener *listener = client->listener;

    client->patience = g_timeout_add_seconds(VB_LISTENER_PATIENCE_SECONDS, vbListenerPatienceEnd,
                                             client);
    /* libvirt does not ask polkit about root, so that polkit need not be there. */
    if (listener->config->auth != VB_CONFIG_AUTH_POLKIT || client->peer.uid == 0) {
        vbListenerAwaitWord(client);
        return;
    }
    if (listener->anonymous >= listener->config->maxAnonymousClients)
        vbListenerDisplace(listener);
    client->auth = vbAuthNew(listener->shared->epoll, listener->polkit, client->fd, &client->peer,
                             client->readonly, vbListenerAuthenticated, vbListenerDenied, client);
    if (client->auth)
        listener->anonymous++;
    else
        vbListenerClientLeave(client, "turned away: out of memory");
}

/* Returns: (transfer full): why there is no room for another client of @uid, or NULL */
static char *
vbListenerFindLimit(const vbListener *listener, uid_t uid)
{
    const vbConfig *config = listener->config;
    unsigned int sameUser = 0;
    GList *item;

    if (listener->clients.length - listener->turnedAway >= config->maxClients)
        return g_strdup_printf("too many clients: max_clients is %u", config->maxClients);
    if (listener->clients.length < config->maxClientsPerUser)
        return NULL;
    for (item = listener->clients.head; item; item = item->next) {
        const vbListenerClient *client = item->data;

        if (client->peer.uid == uid && !client->turnedAway)
            sameUser++;
    }
    if (sameUser < config->maxClientsPerUser)
        return NULL;
    return g_strdup_printf("too many clients of user %lld: max_clients_per_user is %u",
                           (long long)uid, config->maxClientsPerUser);
}

static gboolean
vbListenerPauseEnd(gpointer opaque)
{
    vbListener *listener = opaque;
    guint i;

    listener->pause = 0;
    for (i = 0; i < listener->sockets->len; i++) {
        vbListenerSocket *sock = g_ptr_array_index(listener->sockets, i);

        vbEpollWatchSet(sock->watch, EPOLLIN);
    }
    return G_SOURCE_REMOVE;
}

static void
vbListenerPause(vbListener *listener)
{
    guint i;

    for (i = 0; i < listener->sockets->len; i++) {
        vbListenerSocket *sock = g_ptr_array_index(listener->sockets, i);

        vbEpollWatchSet(sock->watch, 0);
    }
    if (listener->pause == 0)
        listener->pause = g_timeout_add(VB_LISTENER_PAUSE_MSEC, vbListenerPauseEnd, listener);
}

static void
vbListenerAccept(guint32 events G_GNUC_UNUSED, gpointer opaque)
{
    vbListenerSocket *sock = opaque;
    vbListener *listener = sock->listener;
    g_auto(vbPeer) peer = { 0 };
    g_autofree char *limit = NULL;
    vbListenerClient *client;
    int fd = accept4(sock->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        /* A client that went away again is no reason to wait; a lack of room is. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            vbListenerPause(listener);
        return;
    }
    if (!vbPeerGet(fd, &peer) || listener->turnedAway >= VB_LISTENER_TURNED_AWAY_MAX) {
        close(fd);
        return;
    }

    limit = vbListenerFindLimit(listener, peer.uid);
    client = g_new0(vbListenerClient, 1);
    client->listener = listener;
    client->fd = fd;
    client->spare = limit ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (!limit && client->spare < 0)
        limit = g_strdup_printf("cannot connect to libvirt: %s", g_strerror(errno));
    client->readonly = sock->readonly;
    client->peer = peer;
    peer.selinuxContext = NULL;
    g_queue_push_tail(&listener->clients, client);
    if (limit) {
        client->turnedAway = TRUE;
        listener->turnedAway++;
        vbListenerStart(client, -1, limit);
    } else {
        vbListenerBegin(client);
    }
}

/* Whether somebody listens on the socket file. */
static gboolean
vbListenerIsServed(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean served;

    if (fd < 0)
        return FALSE;
    served = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
        errno == EAGAIN;
    close(fd);
    return served;
}

static int
vbListenerBind(vbListener *listener, const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *group = listener->config->socketGroup;
    struct group *entry = NULL;
    struct stat left;
    mode_t mask;
    int bound;
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG, "socket path '%s' is too long", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);

    if (group && !(entry = getgrnam(group))) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "invalid value '%s' for key 'socket_group': there is no such group", group);
        return -1;
    }
    if (vbListenerIsServed(&address)) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM,
                    "cannot listen on '%s': another process listens there", path);
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot make a socket: %s",
                    g_strerror(errno));
        return -1;
    }

    /* Only what an earlier daemon may have left. */
    if (lstat(path, &left) == 0 && S_ISSOCK(left.st_mode))
        unlink(path);
    /* Nobody else from the first moment on; then the group, and only then the mode. */
    mask = umask(0177);
    bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (bound < 0 || (entry && chown(path, (uid_t)-1, entry->gr_gid) < 0) ||
        chmod(path, listener->config->socketMode) < 0 || listen(fd, SOMAXCONN) < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot listen on '%s': %s", path,
                    g_strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* Begins to accept clients of @sock, which is freed where that fails. */
static gboolean
vbListenerWatch(vbListener *listener, vbListenerSocket *sock, GError **error)
{
    sock->watch = vbEpollAdd(listener->shared->epoll, sock->fd, EPOLLIN, vbListenerAccept, sock);
    if (!sock->watch) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot watch '%s': %s",
                    sock->path ? sock->path : "a socket that was handed over", g_strerror(errno));
        vbListenerSocketFree(sock);
        return FALSE;
    }
    g_ptr_array_add(listener->sockets, sock);
    return TRUE;
}

/* Looks whether a socket that somebody else has made is one for those whom it lets in. */
static gboolean
vbListenerCheckTaken(const vbListener *listener, int fd, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t length = sizeof(address) - 1; /* so that the path ends in any case */
    struct stat file;

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        address.sun_path[0] == '\0' || stat(address.sun_path, &file) < 0)
        return TRUE;
    return vbConfigCheckSocket(listener->config, address.sun_path, file.st_mode, error);
}

gboolean
vbListenerTake(vbListener *listener, int fd, gboolean readonly, GError **error)
{
    vbListenerSocket *sock;

    if (!readonly && !vbListenerCheckTaken(listener, fd, error)) {
        close(fd);
        return FALSE;
    }
    sock = g_new0(vbListenerSocket, 1);
    sock->listener = listener;
    sock->fd = fd;
    sock->readonly = readonly;
    return vbListenerWatch(listener, sock, error);
}

gint64
vbListenerGetIdle(const vbListener *listener)
{
    return listener->clients.length > 0 ? -1 : g_get_monotonic_time() - listener->idleSince;
}

gboolean
vbListenerAdd(vbListener *listener, const char *directory, const char *name, gboolean readonly,
              GError **error)
{
    vbListenerSocket *sock;

    if (g_mkdir_with_parents(directory, 0755) < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot make directory '%s': %s", directory,
                    g_strerror(errno));
        return FALSE;
    }

    sock = g_new0(vbListenerSocket, 1);
    sock->listener = listener;
    sock->path = g_build_filename(directory, name, NULL);
    sock->readonly = readonly;
    sock->fd = vbListenerBind(listener, sock->path, error);
    if (sock->fd < 0) {
        vbListenerSocketFree(sock);
        return FALSE;
    }
    return vbListenerWatch(listener, sock, error);
}
