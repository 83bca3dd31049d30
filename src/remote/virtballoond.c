/*
 * virtballoond.c: the daemon's command line and its life
 *
 * Stays in the foreground.  Ends on SIGTERM, SIGINT and, where that was asked for, for want of
 * clients with status 0; wrong usage or a wrong configuration is status 2, a system that says no is
 * status 1.  SIGHUP reads the configuration again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "activation.h"
#include "config.h"
#include "listener.h"
#include "vberror.h"

#define VB_DAEMON_SOCKET "virtballoond-sock"
#define VB_DAEMON_SOCKET_RO "virtballoond-sock-ro"
/* A month; what is longer is no timeout but a slip of the pen. */
#define VB_DAEMON_TIMEOUT_MAX (31 * 24 * 3600)

enum {
    VB_EXIT_OK = 0,
    VB_EXIT_FAILED = 1,
    VB_EXIT_USAGE = 2,
};

typedef struct {
    gboolean system;
    gboolean session;
    gboolean version;
    gboolean checkConfig;
    int timeout; /* seconds without a client after which we end; 0: never */
    char *config; /* the file, named or usual */
    gboolean configOptional;
    char *socketDir;
    char *upstreamDir;
} vbDaemonOptions;

/* What the main loop calls us with. */
typedef struct {
    const vbDaemonOptions *options;
    vbConfig *config;
    GMainLoop *loop;
    vbActivation *activation;
    vbRelayShared *shared;
    vbListener *listener;
    guint idle; /* timer, or 0 */
} vbDaemon;

static void
vbDaemonOptionsClear(vbDaemonOptions *options)
{
    g_free(options->config);
    g_free(options->socketDir);
    g_free(options->upstreamDir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vbDaemonOptions, vbDaemonOptionsClear)

static gboolean
vbDaemonParse(vbDaemonOptions *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "system", 0, 0, G_OPTION_ARG_NONE, &options->system,
          "Stand in front of libvirt's system daemon (default for root)", NULL },
        { "session", 0, 0, G_OPTION_ARG_NONE, &options->session,
          "Stand in front of a user's session daemon (default for users)", NULL },
        { "config", 0, 0, G_OPTION_ARG_FILENAME, &options->config,
          "Read configuration from FILE", "FILE" },
        { "socket-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->socketDir,
          "Listen in DIR", "DIR" },
        { "upstream-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->upstreamDir,
          "Connect to libvirt's sockets in DIR", "DIR" },
        { "timeout", 't', 0, G_OPTION_ARG_INT, &options->timeout,
          "End when there has been no client for SECONDS", "SECONDS" },
        { "check-config", 0, 0, G_OPTION_ARG_NONE, &options->checkConfig,
          "Say whether the configuration is right and exit", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit",
          NULL },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, "Relays libvirt's protocol and keeps setmem honest.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG, "unexpected argument '%s'", (*argv)[1]);
        return FALSE;
    }
    if (options->timeout < 0 || options->timeout > VB_DAEMON_TIMEOUT_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "invalid value '%d' for option --timeout: expected a number from 0 to %d",
                    options->timeout, VB_DAEMON_TIMEOUT_MAX);
        return FALSE;
    }
    if (options->system && options->session) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "options --system and --session are mutually exclusive");
        return FALSE;
    }
    if (!options->system && !options->session)
        options->session = getuid() != 0;
    if (options->session && getuid() == 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "libvirt has no session daemon for root: use --system");
        return FALSE;
    }

    options->configOptional = !options->config;
    if (!options->config)
        options->config = g_build_filename(options->session ? g_get_user_config_dir() :
                                           VB_SYSCONFDIR, "virtballoond", "virtballoond.conf",
                                           NULL);
    return TRUE;
}

/* A relay needs two descriptors a client; libvirtd's unit raises its limit likewise. */
static void
vbDaemonRaiseLimit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Returns: (transfer full): the configuration, of which everything can be followed here */
static vbConfig *
vbDaemonLoadConfig(const vbDaemonOptions *options, GError **error)
{
    g_autoptr(vbConfig) config = vbConfigLoad(options->config, options->configOptional, error);

    if (!config || !vbConfigSettle(config, options->session, error))
        return NULL;
    return g_steal_pointer(&config);
}

static gboolean
vbDaemonStop(gpointer opaque)
{
    vbDaemon *daemon = opaque;

    g_main_loop_quit(daemon->loop);
    return G_SOURCE_CONTINUE;
}

/* A file that is not right changes nothing: who wrote it is not here to be told by an exit. */
static gboolean
vbDaemonReload(gpointer opaque)
{
    vbDaemon *daemon = opaque;
    g_autoptr(GError) error = NULL;
    g_autoptr(vbConfig) fresh = NULL;
    g_autofree char *waiting = NULL;

    vbActivationReloading(daemon->activation);
    fresh = vbDaemonLoadConfig(daemon->options, &error);
    if (!fresh) {
        g_warning("the configuration stays as it was: %s", error->message);
    } else {
        waiting = vbConfigTake(daemon->config, fresh);
        daemon->shared->settings = daemon->config->domain;
        if (waiting)
            g_warning("the configuration was read again; what has changed of %s waits for the "
                      "next start", waiting);
        else
            g_message("the configuration was read again");
    }
    vbActivationReady(daemon->activation);
    return G_SOURCE_CONTINUE;
}

static gboolean
vbDaemonIdle(gpointer opaque)
{
    vbDaemon *daemon = opaque;
    gint64 limit = daemon->options->timeout * G_TIME_SPAN_SECOND;
    gint64 idle = vbListenerGetIdle(daemon->listener);

    daemon->idle = 0;
    if (idle >= limit) {
        g_message("there has been no client for %d s", daemon->options->timeout);
        g_main_loop_quit(daemon->loop);
        return G_SOURCE_REMOVE;
    }
    /* While there is a client the whole time is ahead, and otherwise what is left of it. */
    daemon->idle = g_timeout_add((guint)((limit - MAX(idle, 0)) / G_TIME_SPAN_MILLISECOND) + 1,
                                 vbDaemonIdle, daemon);
    return G_SOURCE_REMOVE;
}

/* Listens where the service manager does, or on sockets of our own. */
static gboolean
vbDaemonListen(vbDaemon *daemon, const char *directory, GError **error)
{
    const GArray *sockets = vbActivationGetSockets(daemon->activation);
    guint i;

    for (i = 0; i < sockets->len; i++) {
        const vbActivationSocket *sock = &g_array_index(sockets, vbActivationSocket, i);

        if (!vbListenerTake(daemon->listener, sock->fd, sock->readonly, error))
            return FALSE;
    }
    if (sockets->len > 0)
        return TRUE;

    if (!vbListenerAdd(daemon->listener, directory, VB_DAEMON_SOCKET, FALSE, error))
        return FALSE;
    /* libvirt has no read-only session socket. */
    return daemon->options->session ||
        vbListenerAdd(daemon->listener, directory, VB_DAEMON_SOCKET_RO, TRUE, error);
}

static gboolean
vbDaemonRun(const vbDaemonOptions *options, vbConfig *config, GError **error)
{
    g_autofree char *session = g_build_filename(g_get_user_runtime_dir(), "libvirt", NULL);
    const char *socketDir = options->session ? session : "/run/virtballoond";
    const char *upstreamDir = options->session ? session : "/run/libvirt";
    g_autoptr(vbActivation) activation = vbActivationNew(error);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(vbEpoll) epoll = activation ? vbEpollNew(error) : NULL;
    g_autoptr(vbDomainQueue) queue = vbDomainQueueNew();
    g_autoptr(vbJournal) journal = vbJournalNew();
    const vbProberLimits limits = VB_PROBER_LIMITS;
    g_autoptr(vbProber) prober = vbProberNew(config->probeUid, config->probeGid, &limits);
    g_autoptr(qemuDriverRecent) recent = qemuDriverRecentNew();
    g_autoptr(vbPolkit) polkit = epoll ? vbPolkitNew(epoll, NULL) : NULL;
    g_autoptr(vbUpstream) upstream = NULL;
    g_autoptr(vbListener) listener = NULL;
    vbRelayShared shared = {
        .epoll = epoll,
        .queue = queue,
        .journal = journal,
        .prober = prober,
        .recent = recent,
        .settings = config->domain,
        .introduces = !options->session,
    };
    vbDaemon daemon = {
        .options = options,
        .config = config,
        .loop = loop,
        .activation = activation,
        .shared = &shared,
    };

    if (!epoll)
        return FALSE;
    if (options->socketDir)
        socketDir = options->socketDir;
    if (options->upstreamDir)
        upstreamDir = options->upstreamDir;

    /* Before there is a socket by which anybody could know that we are here. */
    g_unix_signal_add(SIGTERM, vbDaemonStop, &daemon);
    g_unix_signal_add(SIGINT, vbDaemonStop, &daemon);
    g_unix_signal_add(SIGHUP, vbDaemonReload, &daemon);

    upstream = vbUpstreamNew(upstreamDir, options->session);
    listener = vbListenerNew(config, &shared, polkit, upstream);
    daemon.listener = listener;
    if (!vbDaemonListen(&daemon, socketDir, error))
        return FALSE;

    if (vbActivationGetSockets(activation)->len > 0)
        g_message("virtballoond %s listens on %u sockets of the service manager in front of "
                  "libvirt in '%s'", VB_VERSION, vbActivationGetSockets(activation)->len,
                  upstreamDir);
    else
        g_message("virtballoond %s listens in '%s' in front of libvirt in '%s'", VB_VERSION,
                  socketDir, upstreamDir);
    if (options->timeout > 0)
        vbDaemonIdle(&daemon);
    vbActivationReady(activation);
    g_main_loop_run(loop);
    vbActivationStopping(activation);
    g_clear_handle_id(&daemon.idle, g_source_remove);

    /* Connections free themselves in the main loop. */
    g_clear_pointer(&listener, vbListenerFree);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    return TRUE;
}

int
main(int argc, char **argv)
{
    g_auto(vbDaemonOptions) options = { 0 };
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    g_set_prgname("virtballoond");
    g_log_writer_default_set_use_stderr(TRUE);
    if (!vbDaemonParse(&options, &argc, &argv, &error) ||
        (!options.version && !(config = vbDaemonLoadConfig(&options, &error)))) {
        fprintf(stderr, "virtballoond: %s\n", error->message);
        return VB_EXIT_USAGE;
    }
    if (options.version) {
        printf("virtballoond %s\n", VB_VERSION);
        return VB_EXIT_OK;
    }
    if (options.checkConfig) {
        printf("%s: %s\n", options.config, g_file_test(options.config, G_FILE_TEST_EXISTS) ?
               "no errors" : "no such file: the defaults are in force");
        return VB_EXIT_OK;
    }

    /* Whoever reads the log may go away. */
    signal(SIGPIPE, SIG_IGN);
    vbDaemonRaiseLimit();
    if (!vbDaemonRun(&options, config, &error)) {
        fprintf(stderr, "virtballoond: %s\n", error->message);
        return g_error_matches(error, VB_ERROR, VB_ERROR_CONFIG) ? VB_EXIT_USAGE : VB_EXIT_FAILED;
    }
    return VB_EXIT_OK;
}
