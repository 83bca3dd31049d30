/*
 * monitor.c: a conversation with QEMU's monitor, without libvirt
 *
 * One question at a time, one line each.  What comes is hostile input, as what qemu_monitor_json.c
 * reads: the guest may have broken out of its QEMU.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vberror.h"

/* Who waits is told within 5 s. */
#define VB_MONITOR_MSEC 4000
/* Of one line; see QEMU_MONITOR_ANSWER_MAX. */
#define VB_MONITOR_LINE_MAX 262144
/* Of events between a question and its answer. */
#define VB_MONITOR_EVENTS_MAX 1000

struct _vbMonitor {
    int fd;
    gint64 deadline; /* monotonic microseconds */
    GString *input;  /* that no line was made of yet */
};

static bool
vbMonitorFail(GError **error, const char *problem)
{
    g_set_error(error, VB_ERROR, VB_ERROR_PROTOCOL, "%s", problem);
    return false;
}

static bool
vbMonitorFailSystem(GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "%s", g_strerror(errno));
    return false;
}

static void
vbMonitorBegin(vbMonitor *monitor)
{
    monitor->deadline = g_get_monotonic_time() + (gint64)VB_MONITOR_MSEC * 1000;
}

static bool
vbMonitorConnect(vbMonitor *monitor, const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return vbMonitorFailSystem(error);
    }
    monitor->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (monitor->fd < 0)
        return vbMonitorFailSystem(error);
    if (connect(monitor->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return true;
    /* Others wait for their turn already. */
    if (errno == EAGAIN)
        return vbMonitorFail(error, "the monitor is held by somebody else, and others wait for it");
    return vbMonitorFailSystem(error);
}

/* Waits until there is something to read, or room to write. */
static bool
vbMonitorWait(vbMonitor *monitor, short events, const char *problem, GError **error)
{
    struct pollfd ready = { .fd = monitor->fd, .events = events };
    int count;

    do {
        gint64 left = (monitor->deadline - g_get_monotonic_time()) / 1000;

        count = left > 0 ? poll(&ready, 1, (int)left) : 0;
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return vbMonitorFailSystem(error);
    return count > 0 ? true : vbMonitorFail(error, problem);
}

static bool
vbMonitorWrite(vbMonitor *monitor, const char *text, GError **error)
{
    size_t length = strlen(text);

    while (length > 0) {
        ssize_t sent = send(monitor->fd, text, length, MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return vbMonitorFailSystem(error);
        if (sent < 0) {
            if (!vbMonitorWait(monitor, POLLOUT, "QEMU does not read", error))
                return false;
            continue;
        }
        text += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Returns: (transfer full) (nullable): the next line, without its end; @silence: the problem where
 * none comes */
static char *
vbMonitorReadLine(vbMonitor *monitor, const char *silence, GError **error)
{
    for (;;) {
        const char *end = memchr(monitor->input->str, '\n', monitor->input->len);
        char bytes[4096];
        ssize_t count;

        if (end) {
            size_t length = (size_t)(end - monitor->input->str);
            char *line = g_strndup(monitor->input->str, length);

            g_string_erase(monitor->input, 0, (gssize)length + 1);
            return line;
        }
        if (monitor->input->len > VB_MONITOR_LINE_MAX) {
            vbMonitorFail(error, "its answer is larger than any of QEMU's");
            return NULL;
        }
        if (!vbMonitorWait(monitor, POLLIN, silence, error))
            return NULL;
        count = recv(monitor->fd, bytes, sizeof(bytes), 0);
        if (count == 0) {
            vbMonitorFail(error, "QEMU has hung up");
            return NULL;
        }
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            vbMonitorFailSystem(error);
            return NULL;
        }
        if (count > 0)
            g_string_append_len(monitor->input, bytes, count);
    }
}

/* Returns: (transfer full) (nullable): the object that @line is */
static json_object *
vbMonitorParse(const char *line)
{
    g_autoptr(json_tokener) tokener = json_tokener_new();
    g_autoptr(json_object) value = NULL;

    /* json-c wants the NUL too, to know that a text is over. */
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    value = json_tokener_parse_ex(tokener, line, (int)strlen(line) + 1);
    return json_object_is_type(value, json_type_object) ? g_steal_pointer(&value) : NULL;
}

vbMonitor *
vbMonitorOpen(const char *path, GError **error)
{
    g_autoptr(vbMonitor) monitor = g_new0(vbMonitor, 1);
    g_autofree char *greeting = NULL;
    g_autoptr(json_object) message = NULL;
    g_autoptr(json_object) agreed = NULL;

    monitor->fd = -1;
    monitor->input = g_string_new(NULL);
    vbMonitorBegin(monitor);
    if (!vbMonitorConnect(monitor, path, error))
        return NULL;
    greeting = vbMonitorReadLine(monitor, "QEMU does not greet: the monitor is held by somebody "
                                 "else, such as libvirt, or QEMU has stopped", error);
    if (!greeting)
        return NULL;
    message = vbMonitorParse(greeting);
    if (!message || !json_object_object_get_ex(message, "QMP", NULL)) {
        vbMonitorFail(error, "it does not greet as QEMU does");
        return NULL;
    }
    if (!vbMonitorQuery(monitor, "qmp_capabilities", &agreed, error))
        return NULL;
    if (!agreed) {
        vbMonitorFail(error, "it refuses to answer");
        return NULL;
    }
    return g_steal_pointer(&monitor);
}

void
vbMonitorFree(vbMonitor *monitor)
{
    if (!monitor)
        return;
    if (monitor->fd >= 0)
        close(monitor->fd);
    g_string_free(monitor->input, TRUE);
    g_free(monitor);
}

char *
vbMonitorAsk(vbMonitor *monitor, const char *command, GError **error)
{
    g_autofree char *line = g_strconcat(command, "\n", NULL);

    if (!vbMonitorWrite(monitor, line, error))
        return NULL;
    for (guint i = 0; i < VB_MONITOR_EVENTS_MAX; i++) {
        g_autofree char *answer = vbMonitorReadLine(monitor, "QEMU does not answer", error);
        g_autoptr(json_object) message = answer ? vbMonitorParse(answer) : NULL;

        if (!answer)
            return NULL;
        /* An event may come at any time, and tells nothing here. What is no QMP at all the policy
         * refuses to read. */
        if (!message || !json_object_object_get_ex(message, "event", NULL))
            return g_steal_pointer(&answer);
    }
    vbMonitorFail(error, "it sends events and no answer");
    return NULL;
}

bool
vbMonitorQuery(vbMonitor *monitor, const char *command, json_object **value, GError **error)
{
    g_autofree char *text = g_strdup_printf("{\"execute\":\"%s\"}", command);
    g_autofree char *answer = vbMonitorAsk(monitor, text, error);
    g_autoptr(json_object) message = NULL;

    *value = NULL;
    if (!answer)
        return false;
    message = vbMonitorParse(answer);
    if (!message || (!json_object_object_get_ex(message, "return", value) &&
                     !json_object_object_get_ex(message, "error", NULL)))
        return vbMonitorFail(error, "its answer is no QMP reply");
    json_object_get(*value);
    return true;
}

bool
vbMonitorGetNumber(json_object *object, const char *name, guint64 *value)
{
    json_object *member;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_int) || json_object_get_int64(member) < 0)
        return false;
    *value = (guint64)json_object_get_int64(member);
    return true;
}

bool
vbMonitorGetBalloon(vbMonitor *monitor, guint64 *actual, GError **error)
{
    g_autoptr(json_object) balloon = NULL;

    vbMonitorBegin(monitor);
    if (!vbMonitorQuery(monitor, "query-balloon", &balloon, error))
        return false;
    return vbMonitorGetNumber(balloon, "actual", actual) ||
        vbMonitorFail(error, "QEMU does not say how large its balloon is");
}

bool
vbMonitorSetBalloon(vbMonitor *monitor, guint64 target, GError **error)
{
    g_autofree char *command = g_strdup_printf("{\"execute\":\"balloon\",\"arguments\":{\"value\":%"
                                               G_GUINT64_FORMAT "}}", target);
    g_autofree char *answer = NULL;
    g_autoptr(json_object) message = NULL;

    vbMonitorBegin(monitor);
    answer = vbMonitorAsk(monitor, command, error);
    if (!answer)
        return false;
    message = vbMonitorParse(answer);
    return json_object_object_get_ex(message, "return", NULL) ||
        vbMonitorFail(error, "QEMU refuses to move its balloon");
}

/* The process at the other end, which may not be the QEMU that answers: it is if a processor of the
 * guest is one of its threads. */
static bool
vbMonitorFindProcess(vbMonitor *monitor, pid_t *pid)
{
    struct ucred peer = { 0 };
    socklen_t size = sizeof(peer);
    g_autoptr(json_object) processors = NULL;
    g_autofree char *thread = NULL;
    guint64 id;

    if (getsockopt(monitor->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0 ||
        !vbMonitorQuery(monitor, "query-cpus-fast", &processors, NULL) ||
        !json_object_is_type(processors, json_type_array) ||
        json_object_array_length(processors) == 0 ||
        !vbMonitorGetNumber(json_object_array_get_idx(processors, 0), "thread-id", &id))
        return false;
    thread = g_strdup_printf("/proc/%d/task/%" G_GUINT64_FORMAT, (int)peer.pid, id);
    *pid = peer.pid;
    return g_file_test(thread, G_FILE_TEST_IS_DIR);
}

bool
vbMonitorGetResident(vbMonitor *monitor, unsigned long long *resident)
{
    g_autofree char *path = NULL;
    pid_t pid;

    vbMonitorBegin(monitor);
    if (!vbMonitorFindProcess(monitor, &pid))
        return false;
    path = g_strdup_printf("/proc/%d/status", (int)pid);
    return vbToolReadSize(path, "VmRSS", resident);
}
