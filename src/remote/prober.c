/*
 * prober.c: QEMU binaries are asked what they can do
 *
 * Whoever asks joins a job; the first job in the queue has a child, and the others wait.  Nothing
 * blocks: the child is read through a pipe and reaped through a pidfd.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "prober.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qemu_message.h"
#include "vberror.h"

/* A machine has one QEMU for each architecture. */
#define VB_PROBER_REMEMBERED 32
/* Of the child: QEMU 7.2 needs less than ten descriptors and no second of CPU time. */
#define VB_PROBER_DESCRIPTORS 64
#define VB_PROBER_CPU_SECONDS 10

/* What a binary is remembered by; all zero if it may not be run. */
typedef struct {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
} vbProberIdentity;

/* What is known of a path. */
typedef struct {
    vbProberIdentity identity;
    qemuCaps *caps;  /* or NULL: it could not be asked */
    gint64 asked;    /* monotonic microseconds */
    guint64 used;    /* when it was last looked at, in calls of vbProberAsk() */
} vbProberEntry;

typedef struct {
    char *path;
    vbProberIdentity identity;
    GQueue requests; /* of vbProberRequest */
} vbProberJob;

struct _vbProber {
    uid_t uid;
    gid_t gid;
    vbProberLimits limits;
    char *top;
    GHashTable *entries; /* path -> vbProberEntry */
    guint64 asks;
    unsigned int requests; /* not yet answered */
    GQueue jobs;           /* that wait for their turn */
    guint begin;           /* source */

    /* The child's life and the conversation with it end one after the other, in any order. */
    pid_t pid;             /* of a child that is not reaped, or 0 */
    int pidfd;
    guint pidWatch;
    vbProberJob *job;      /* that is being answered, or NULL */
    qemuCapsProbe *probe;
    int in;                /* the child's standard input */
    int out;
    guint outWatch;
    guint timer;
};

struct _vbProberRequest {
    vbProber *prober;
    vbProberFunc func;
    gpointer opaque;
    vbProberJob *job; /* or NULL: the answer is here */
    qemuCaps *caps;
    guint idle;
};

static void
vbProberSchedule(vbProber *prober);

static bool
vbProberFail(GError **error, const char *what, const char *path)
{
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "%s '%s': %s", what, path, g_strerror(errno));
    return false;
}

static bool
vbProberRefuse(GError **error, const char *path, const char *problem)
{
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "'%s' %s", path, problem);
    return false;
}

/* What is known already */

static void
vbProberEntryFree(vbProberEntry *entry)
{
    qemuCapsUnref(entry->caps);
    g_free(entry);
}

static bool
vbProberIdentityEqual(const vbProberIdentity *a, const vbProberIdentity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
        a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static vbProberEntry *
vbProberLookup(vbProber *prober, const char *path, const vbProberIdentity *identity)
{
    vbProberEntry *entry = g_hash_table_lookup(prober->entries, path);
    gint64 age;

    if (!entry || !vbProberIdentityEqual(&entry->identity, identity))
        return NULL;
    age = g_get_monotonic_time() - entry->asked;
    if (!entry->caps && age >= (gint64)prober->limits.failedMsec * 1000)
        return NULL;
    entry->used = prober->asks;
    return entry;
}

/* Those looked at longest ago are forgotten. */
static void
vbProberMakeRoom(vbProber *prober)
{
    while (g_hash_table_size(prober->entries) >= VB_PROBER_REMEMBERED) {
        GHashTableIter iter;
        gpointer key;
        gpointer value;
        gpointer oldest = NULL;
        guint64 used = G_MAXUINT64;

        g_hash_table_iter_init(&iter, prober->entries);
        while (g_hash_table_iter_next(&iter, &key, &value)) {
            const vbProberEntry *entry = value;

            if (entry->used < used) {
                used = entry->used;
                oldest = key;
            }
        }
        g_hash_table_remove(prober->entries, oldest);
    }
}

/* @problem NULL: @caps are there. A failure is logged once for as long as it is remembered. */
static vbProberEntry *
vbProberRemember(vbProber *prober, const char *path, const vbProberIdentity *identity,
                 qemuCaps *caps, const GError *problem)
{
    vbProberEntry *entry = g_new0(vbProberEntry, 1);
    g_autofree char *shown = qemuMessageFormatName(path);

    if (problem)
        g_message("the capabilities of QEMU '%s' are unknown: %s", shown, problem->message);
    entry->identity = *identity;
    entry->caps = caps ? qemuCapsRef(caps) : NULL;
    entry->asked = g_get_monotonic_time();
    entry->used = prober->asks;

    g_hash_table_remove(prober->entries, path);
    vbProberMakeRoom(prober);
    g_hash_table_insert(prober->entries, g_strdup(path), entry);
    return entry;
}

/* What may be run */

static bool
vbProberCheckOwner(const vbProber *prober, const char *path, const struct stat *st, GError **error)
{
    if (st->st_uid != prober->limits.owner)
        return vbProberRefuse(error, path, prober->limits.owner == 0 ?
                              "does not belong to root" : "belongs to somebody else");
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return vbProberRefuse(error, path, "can be written to by others");
    return true;
}

static bool
vbProberCheckDirectories(const vbProber *prober, const char *file, GError **error)
{
    g_autofree char *path = g_path_get_dirname(file);

    for (;;) {
        struct stat st;
        char *parent;

        if (lstat(path, &st) < 0)
            return vbProberFail(error, "cannot look at", path);
        if (!vbProberCheckOwner(prober, path, &st, error))
            return false;
        if (strcmp(path, prober->top) == 0 || strcmp(path, "/") == 0)
            return true;
        parent = g_path_get_dirname(path);
        g_free(path);
        path = parent;
    }
}

/*
 * Gives the @real path, which is what is run: where a link points, only root may have put
 * something.  Nobody else can change any of it between this look and execve().
 */
static bool
vbProberCheck(const vbProber *prober, const char *path, char **real, vbProberIdentity *identity,
              GError **error)
{
    g_autofree char *resolved = NULL;
    char *allocated;
    struct stat st;

    memset(identity, 0, sizeof(*identity));
    if (geteuid() == 0 && (prober->uid == 0 || prober->gid == 0))
        return vbProberRefuse(error, path, "would be run as root");
    if (!g_path_is_absolute(path))
        return vbProberRefuse(error, path, "is no absolute path");

    /* GLib's allocator may be another one. */
    allocated = realpath(path, NULL);
    if (!allocated)
        return vbProberFail(error, "cannot look at", path);
    resolved = g_strdup(allocated);
    free(allocated);

    if (lstat(resolved, &st) < 0)
        return vbProberFail(error, "cannot look at", resolved);
    if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
        return vbProberRefuse(error, resolved, "is no program");
    if (!vbProberCheckOwner(prober, resolved, &st, error) ||
        !vbProberCheckDirectories(prober, resolved, error))
        return false;

    identity->device = st.st_dev;
    identity->inode = st.st_ino;
    identity->size = st.st_size;
    identity->changed = st.st_mtim;
    *real = g_steal_pointer(&resolved);
    return true;
}

/* The child */

typedef struct {
    char *path;
    pid_t parent;
    uid_t uid; /* 0: it stays who we are */
    gid_t gid;
    int in;
    int out;
} vbProberChild;

static bool
vbProberChildLimit(int resource, rlim_t value)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        return false;
    limit.rlim_cur = MIN(value, limit.rlim_max);
    limit.rlim_max = limit.rlim_cur;
    return setrlimit(resource, &limit) == 0;
}

/* RLIMIT_NPROC is left alone: it counts all that runs as this user, and that are the guests. */
static bool
vbProberChildLimits(void)
{
    return vbProberChildLimit(RLIMIT_CPU, VB_PROBER_CPU_SECONDS) &&
        vbProberChildLimit(RLIMIT_CORE, 0) &&
        vbProberChildLimit(RLIMIT_FSIZE, 0) &&
        vbProberChildLimit(RLIMIT_NOFILE, VB_PROBER_DESCRIPTORS);
}

/* With no new privileges the bounding set means nothing, and emptying it needs a capability. */
static bool
vbProberChildDropPrivileges(const vbProberChild *child)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

    if (child->uid != 0 &&
        (setgroups(0, NULL) < 0 ||
         setresgid(child->gid, child->gid, child->gid) < 0 ||
         setresuid(child->uid, child->uid, child->uid) < 0))
        return false;
    return syscall(SYS_capset, &header, none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* After a change of user, which takes the death signal away. */
static bool
vbProberChildDiesWithParent(const vbProberChild *child)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == child->parent;
}

/* Where we have no standard descriptors ourselves the first pipe's may be 0 to 2.  What is opened
 * after it cannot be. */
static bool
vbProberChildDescriptors(const vbProberChild *child)
{
    int in = fcntl(child->in, F_DUPFD, 3);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    return in >= 0 && null >= 0 && dup2(in, STDIN_FILENO) >= 0 &&
        dup2(child->out, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
        syscall(SYS_close_range, 3, ~0U, 0) == 0;
}

/* What we ignore stays ignored in what is run; SIGXFSZ shall, so that a write fails and no more. */
static bool
vbProberChildSignals(void)
{
    sigset_t none;
    int number;

    for (number = 1; number < NSIG; number++)
        signal(number, number == SIGXFSZ ? SIG_IGN : SIG_DFL);
    return sigemptyset(&none) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* After fork(): nothing but system calls. */
static void G_GNUC_NORETURN
vbProberChildRun(const vbProberChild *child)
{
    const char *const argv[] = { child->path, QEMU_CAPS_ARGUMENTS, NULL };
    char *const none[] = { NULL };

    umask(S_IRWXG | S_IRWXO);
    if (setsid() >= 0 && chdir("/") == 0 && vbProberChildDescriptors(child) &&
        vbProberChildLimits() && vbProberChildDropPrivileges(child) &&
        vbProberChildDiesWithParent(child) && vbProberChildSignals())
        execve(child->path, (char *const *)argv, none);
    _exit(127);
}

static void
vbProberCloseAll(const int *fds)
{
    size_t i;

    for (i = 0; i < 4; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

/* The first of @fds is what the child reads, the last what it writes. */
static bool
vbProberMakePipes(int *fds, GError **error)
{
    if (pipe2(fds, O_CLOEXEC) == 0 && pipe2(fds + 2, O_CLOEXEC) == 0 &&
        g_unix_set_fd_nonblocking(fds[1], TRUE, NULL) &&
        g_unix_set_fd_nonblocking(fds[2], TRUE, NULL))
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "cannot make pipes: %s", g_strerror(errno));
    return false;
}

/* Gives the @pidfd of the child. No handler of ours may run in it, so signals wait meanwhile. */
static pid_t
vbProberFork(const vbProberChild *child, int *pidfd, GError **error)
{
    sigset_t all;
    sigset_t before;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        vbProberChildRun(child);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    *pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (*pidfd >= 0)
        return pid;
    vbProberFail(error, "cannot start", child->path);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return -1;
}

/* Jobs */

/* Calls the waiting ones and forgets @job. */
static void
vbProberJobAnswer(vbProber *prober, vbProberJob *job, qemuCaps *caps)
{
    vbProberRequest *request;

    while ((request = g_queue_pop_head(&job->requests))) {
        prober->requests--;
        request->func(caps, request->opaque);
        g_free(request);
    }
    g_free(job->path);
    g_free(job);
}

/* The group goes before its leader is reaped, since then the number may be another's. */
static void
vbProberKill(vbProber *prober)
{
    if (prober->pid == 0)
        return;
    kill(-prober->pid, SIGKILL);
    kill(prober->pid, SIGKILL);
}

/* Ends the conversation and whatever the child has started. */
static void
vbProberHangUp(vbProber *prober)
{
    g_clear_handle_id(&prober->outWatch, g_source_remove);
    g_clear_handle_id(&prober->timer, g_source_remove);
    g_clear_pointer(&prober->probe, qemuCapsProbeFree);
    close(prober->in);
    close(prober->out);
    vbProberKill(prober);
}

static void
vbProberFinish(vbProber *prober, qemuCaps *caps, const GError *problem)
{
    vbProberJob *job = g_steal_pointer(&prober->job);

    vbProberHangUp(prober);
    vbProberRemember(prober, job->path, &job->identity, caps, problem);
    vbProberJobAnswer(prober, job, caps);
    vbProberSchedule(prober);
}

static void
vbProberReap(vbProber *prober)
{
    vbProberKill(prober);
    waitpid(prober->pid, NULL, WNOHANG);
    close(prober->pidfd);
    prober->pid = 0;
}

static gboolean
vbProberChildEnded(gint fd, GIOCondition condition, gpointer opaque)
{
    vbProber *prober = opaque;

    prober->pidWatch = 0;
    vbProberReap(prober);
    vbProberSchedule(prober);
    return G_SOURCE_REMOVE;
}

static gboolean
vbProberTooLate(gpointer opaque)
{
    vbProber *prober = opaque;
    g_autoptr(GError) problem = NULL;

    prober->timer = 0;
    g_set_error(&problem, VB_ERROR, VB_ERROR_PROTOCOL, "it did not answer within %u ms",
                prober->limits.answerMsec);
    vbProberFinish(prober, NULL, problem);
    return G_SOURCE_REMOVE;
}

/* Whoever does not read its few commands, so that they do not fit the pipe, is no QEMU. */
static bool
vbProberTell(vbProber *prober, const GString *commands, GError **error)
{
    if (commands->len == 0 ||
        write(prober->in, commands->str, commands->len) == (ssize_t)commands->len)
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "it does not listen");
    return false;
}

static bool
vbProberListen(vbProber *prober, qemuCaps **caps, GError **error)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    char bytes[8192];
    ssize_t n = read(prober->out, bytes, sizeof(bytes));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "it ended before it had answered");
        return false;
    }
    if (!qemuCapsProbeFeed(prober->probe, bytes, (size_t)n, commands, error))
        return false;
    *caps = qemuCapsProbeTake(prober->probe);
    return *caps || vbProberTell(prober, commands, error);
}

static gboolean
vbProberReadable(gint fd, GIOCondition condition, gpointer opaque)
{
    vbProber *prober = opaque;
    g_autoptr(qemuCaps) caps = NULL;
    g_autoptr(GError) problem = NULL;

    if (vbProberListen(prober, &caps, &problem) && !caps)
        return G_SOURCE_CONTINUE;
    prober->outWatch = 0;
    vbProberFinish(prober, caps, problem);
    return G_SOURCE_REMOVE;
}

/* Looks at the binary once more: a job may have waited long. */
static bool
vbProberStart(vbProber *prober, vbProberJob *job, GError **error)
{
    g_autofree char *real = NULL;
    int fds[4] = { -1, -1, -1, -1 };
    vbProberChild child = { .parent = getpid() };

    if (!vbProberCheck(prober, job->path, &real, &job->identity, error))
        return false;
    if (!vbProberMakePipes(fds, error)) {
        vbProberCloseAll(fds);
        return false;
    }

    child.path = real;
    child.in = fds[0];
    child.out = fds[3];
    if (geteuid() == 0) {
        child.uid = prober->uid;
        child.gid = prober->gid;
    }
    prober->pid = vbProberFork(&child, &prober->pidfd, error);
    if (prober->pid < 0) {
        prober->pid = 0;
        vbProberCloseAll(fds);
        return false;
    }

    close(fds[0]);
    close(fds[3]);
    prober->in = fds[1];
    prober->out = fds[2];
    prober->job = job;
    prober->probe = qemuCapsProbeNew();
    prober->pidWatch = g_unix_fd_add(prober->pidfd, G_IO_IN, vbProberChildEnded, prober);
    prober->outWatch = g_unix_fd_add(prober->out, G_IO_IN, vbProberReadable, prober);
    prober->timer = g_timeout_add(prober->limits.answerMsec, vbProberTooLate, prober);
    return true;
}

static gboolean
vbProberBegin(gpointer opaque)
{
    vbProber *prober = opaque;
    vbProberJob *job = g_queue_pop_head(&prober->jobs);
    g_autoptr(GError) problem = NULL;

    prober->begin = 0;
    if (job && !vbProberStart(prober, job, &problem)) {
        vbProberRemember(prober, job->path, &job->identity, NULL, problem);
        vbProberJobAnswer(prober, job, NULL);
        vbProberSchedule(prober);
    }
    return G_SOURCE_REMOVE;
}

/* The next job begins in the main loop, once the child of the last one is gone. */
static void
vbProberSchedule(vbProber *prober)
{
    if (!prober->begin && !prober->job && prober->pid == 0 && !g_queue_is_empty(&prober->jobs))
        prober->begin = g_idle_add_full(G_PRIORITY_DEFAULT, vbProberBegin, prober, NULL);
}

/* Requests */

vbProber *
vbProberNew(uid_t uid, gid_t gid, const vbProberLimits *limits)
{
    vbProber *prober = g_new0(vbProber, 1);

    prober->uid = uid;
    prober->gid = gid;
    prober->limits = *limits;
    prober->top = g_strdup(limits->top);
    prober->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify)vbProberEntryFree);
    g_queue_init(&prober->jobs);
    return prober;
}

void
vbProberFree(vbProber *prober)
{
    if (!prober)
        return;
    g_assert(prober->requests == 0);

    if (prober->job) {
        vbProberHangUp(prober);
        vbProberJobAnswer(prober, g_steal_pointer(&prober->job), NULL);
    }
    g_assert(g_queue_is_empty(&prober->jobs));
    g_clear_handle_id(&prober->pidWatch, g_source_remove);
    /* Who is killed here and not yet dead is reaped by init, after us. */
    if (prober->pid != 0)
        vbProberReap(prober);
    g_clear_handle_id(&prober->begin, g_source_remove);
    g_hash_table_unref(prober->entries);
    g_free(prober->top);
    g_free(prober);
}

/* One that has been begun asks the binary as it was then. */
static vbProberJob *
vbProberFindJob(vbProber *prober, const char *path, const vbProberIdentity *identity)
{
    if (prober->job && strcmp(prober->job->path, path) == 0 &&
        vbProberIdentityEqual(&prober->job->identity, identity))
        return prober->job;
    for (GList *link = prober->jobs.head; link; link = link->next) {
        vbProberJob *job = link->data;

        if (strcmp(job->path, path) == 0)
            return job;
    }
    return NULL;
}

static gboolean
vbProberAnswerKnown(gpointer opaque)
{
    vbProberRequest *request = opaque;

    request->prober->requests--;
    request->func(request->caps, request->opaque);
    qemuCapsUnref(request->caps);
    g_free(request);
    return G_SOURCE_REMOVE;
}

vbProberRequest *
vbProberAsk(vbProber *prober, const char *path, vbProberFunc func, gpointer opaque)
{
    vbProberRequest *request = g_new0(vbProberRequest, 1);
    g_autofree char *real = NULL;
    g_autoptr(GError) problem = NULL;
    vbProberIdentity identity;
    bool allowed = vbProberCheck(prober, path, &real, &identity, &problem);
    const vbProberEntry *entry;

    request->prober = prober;
    request->func = func;
    request->opaque = opaque;
    prober->requests++;
    prober->asks++;

    entry = vbProberLookup(prober, path, &identity);
    if (!entry && !allowed)
        entry = vbProberRemember(prober, path, &identity, NULL, problem);
    if (entry) {
        request->caps = entry->caps ? qemuCapsRef(entry->caps) : NULL;
        request->idle = g_idle_add_full(G_PRIORITY_DEFAULT, vbProberAnswerKnown, request, NULL);
        return request;
    }

    request->job = vbProberFindJob(prober, path, &identity);
    if (!request->job) {
        request->job = g_new0(vbProberJob, 1);
        request->job->path = g_strdup(path);
        g_queue_init(&request->job->requests);
        g_queue_push_tail(&prober->jobs, request->job);
        vbProberSchedule(prober);
    }
    g_queue_push_tail(&request->job->requests, request);
    return request;
}

void
vbProberRequestCancel(vbProberRequest *request)
{
    vbProber *prober = request->prober;
    vbProberJob *job = request->job;

    prober->requests--;
    g_clear_handle_id(&request->idle, g_source_remove);
    qemuCapsUnref(request->caps);
    if (job)
        g_queue_remove(&job->requests, request);
    g_free(request);
    if (!job)
        return;
    if (g_queue_is_empty(&job->requests) && g_queue_remove(&prober->jobs, job))
        vbProberJobAnswer(prober, job, NULL);
}
