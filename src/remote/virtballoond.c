/*
 * virtballoond.c: the daemon's command line and its life
 *
 * Stays in the foreground.  Ends on SIGTERM and SIGINT with status 0; wrong usage or a wrong
 * configuration is status 2, a system that says no is status 1.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "listener.h"
#include "vberror.h"

#define VB_DAEMON_SOCKET "virtballoond-sock"
#define VB_DAEMON_SOCKET_RO "virtballoond-sock-ro"

enum {
    VB_EXIT_OK = 0,
    VB_EXIT_FAILED = 1,
    VB_EXIT_USAGE = 2,
};

typedef struct {
    gboolean system;
    gboolean session;
    gboolean version;
    char *config;
    char *socketDir;
    char *upstreamDir;
} vbDaemonOptions;

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

static vbConfig *
vbDaemonLoadConfig(const vbDaemonOptions *options, GError **error)
{
    g_autofree char *usual = NULL;

    if (options->config)
        return vbConfigLoad(options->config, FALSE, error);
    if (options->session)
        usual = g_build_filename(g_get_user_config_dir(), "virtballoond", "virtballoond.conf",
                                 NULL);
    else
        usual = g_strdup("/etc/virtballoond/virtballoond.conf");
    return vbConfigLoad(usual, TRUE, error);
}

static gboolean
vbDaemonStop(gpointer opaque)
{
    g_main_loop_quit(opaque);
    return G_SOURCE_CONTINUE;
}

static gboolean
vbDaemonRun(const vbDaemonOptions *options, const vbConfig *config, GError **error)
{
    g_autofree char *session = g_build_filename(g_get_user_runtime_dir(), "libvirt", NULL);
    const char *socketDir = options->session ? session : "/run/virtballoond";
    const char *upstreamDir = options->session ? session : "/run/libvirt";
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(vbEpoll) epoll = vbEpollNew(error);
    g_autoptr(vbDomainQueue) queue = vbDomainQueueNew();
    g_autoptr(vbJournal) journal = vbJournalNew();
    const vbProberLimits limits = VB_PROBER_LIMITS;
    g_autoptr(vbProber) prober = vbProberNew(config->probeUid, config->probeGid, &limits);
    g_autoptr(vbUpstream) upstream = NULL;
    g_autoptr(vbListener) listener = NULL;
    vbRelayShared shared = {
        .epoll = epoll,
        .queue = queue,
        .journal = journal,
        .prober = prober,
        .settings = config->domain,
    };

    if (!epoll)
        return FALSE;
    if (options->socketDir)
        socketDir = options->socketDir;
    if (options->upstreamDir)
        upstreamDir = options->upstreamDir;

    /* Before there is a socket by which anybody could know that we are here. */
    g_unix_signal_add(SIGTERM, vbDaemonStop, loop);
    g_unix_signal_add(SIGINT, vbDaemonStop, loop);

    upstream = vbUpstreamNew(upstreamDir, options->session);
    listener = vbListenerNew(config, &shared, upstream);
    if (!vbListenerAdd(listener, socketDir, VB_DAEMON_SOCKET, FALSE, error))
        return FALSE;
    /* libvirt has no read-only session socket. */
    if (!options->session &&
        !vbListenerAdd(listener, socketDir, VB_DAEMON_SOCKET_RO, TRUE, error))
        return FALSE;

    g_message("virtballoond %s listens in '%s' in front of libvirt in '%s'", VB_VERSION, socketDir,
              upstreamDir);
    g_main_loop_run(loop);

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

    /* Whoever reads the log may go away. */
    signal(SIGPIPE, SIG_IGN);
    vbDaemonRaiseLimit();
    if (!vbDaemonRun(&options, config, &error)) {
        fprintf(stderr, "virtballoond: %s\n", error->message);
        return g_error_matches(error, VB_ERROR, VB_ERROR_CONFIG) ? VB_EXIT_USAGE : VB_EXIT_FAILED;
    }
    return VB_EXIT_OK;
}
