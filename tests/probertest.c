/*
 * probertest.c: which QEMU binaries are run, how, and what becomes of what they say
 *
 * Most of the binaries are shell scripts that we write ourselves.  They leave a trace when they
 * run: a directory with the script's process number, or a line in a FIFO (a file they could not
 * write to).  The tests run as root and as anybody else; the latter keeps its user.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prober.h"

#include "testfd.h"

/* Whom scripts are run as if we are root. Any user will do that has nothing. */
#define TEST_UID 64999
#define TEST_GID 64998
/* Nothing here takes as long. */
#define TEST_PATIENCE_MSEC 30000
/* What is to end before its deadline of 10 s ends before this. */
#define TEST_SOON_USEC (5 * G_USEC_PER_SEC)

/* All the answers of a QEMU 9.2.3, whatever the commands. */
#define TEST_GREETING \
    "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":3,\"minor\":2,\"major\":9},\"package\":\"p\"}}}\n"
#define TEST_SAY_ALL \
    "cat <<'END'\n" \
    TEST_GREETING \
    "{\"return\":{},\"id\":1}\n" \
    "{\"return\":[{\"name\":\"vfio-pci\"}],\"id\":2}\n" \
    "{\"return\":[{\"name\":\"x-balloon-allowed\",\"type\":\"bool\"}],\"id\":3}\n" \
    "{\"return\":{},\"id\":4}\n" \
    "END\n"
#define TEST_GREET "cat <<'END'\n" TEST_GREETING "END\n"
#define TEST_HONEST TEST_SAY_ALL "exec cat >/dev/null\n"

/* As QEMU does, and in small pieces; what it is told goes to the FIFO. */
#define TEST_CONVERSE \
    "say() { printf '%s\\n' \"$1\"; IFS= read -r line || exit 1; " \
    "echo \"$line\" >\"$t/report\"; }\n" \
    "printf '{\"QMP\":{\"version\":{\"qemu\":{\"micro\":3,\"minor\":2,'\n" \
    "sleep 0.1\n" \
    "say '\"major\":9},\"package\":\"p\"}}}'\n" \
    "say '{\"return\":{},\"id\":1}'\n" \
    "say '{\"return\":[{\"name\":\"vfio-pci\"}],\"id\":2}'\n" \
    "say '{\"return\":[{\"name\":\"x-balloon-allowed\",\"type\":\"bool\"}],\"id\":3}'\n" \
    "printf '%s\\n' '{\"return\":{},\"id\":4}'\n"

typedef struct {
    char *top;      /* nothing above is looked at */
    char *bin;      /* for scripts */
    char *trace;    /* where everybody may leave traces */
    int report;     /* the FIFO there */
    guint fds;      /* that were open before */
    vbProberLimits limits;
    vbProber *prober;
} testFixture;

typedef struct _testAnswer testAnswer;
struct _testAnswer {
    vbProberRequest *request;
    bool called;
    bool known;     /* whether there were capabilities */
    bool optOut;
    vbProberRequest **cancels; /* another that is cancelled in the callback */
    testFixture *asks;         /* who asks for @path in the callback */
    const char *path;
    testAnswer *next;
};

static void
testRemake(testFixture *fixture)
{
    g_clear_pointer(&fixture->prober, vbProberFree);
    fixture->prober = vbProberNew(TEST_UID, TEST_GID, &fixture->limits);
}

static void
testSetUp(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *made = g_dir_make_tmp("probertest-XXXXXX", NULL);
    g_autofree char *fifo = NULL;
    char *real = realpath(made, NULL);
    const vbProberLimits limits = VB_PROBER_LIMITS;

    fixture->fds = testFdCount();
    fixture->top = g_strdup(real);
    free(real);
    fixture->bin = g_build_filename(fixture->top, "bin", NULL);
    fixture->trace = g_build_filename(fixture->top, "trace", NULL);
    g_assert_cmpint(chmod(fixture->top, 0755), ==, 0);
    g_assert_cmpint(mkdir(fixture->bin, 0755), ==, 0);
    g_assert_cmpint(mkdir(fixture->trace, 0755), ==, 0);
    g_assert_cmpint(chmod(fixture->trace, 0777), ==, 0);
    fifo = g_build_filename(fixture->trace, "report", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_cmpint(chmod(fifo, 0666), ==, 0);
    fixture->report = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(fixture->report, >=, 0);

    fixture->limits = limits;
    fixture->limits.owner = geteuid();
    fixture->limits.top = fixture->top;
    testRemake(fixture);
}

static void
testRemove(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
            testRemove(child);
        else
            g_unlink(child);
    }
    g_rmdir(path);
}

/* Freeing the prober asserts that nobody waits. */
static void
testTearDown(testFixture *fixture, gconstpointer opaque)
{
    g_clear_pointer(&fixture->prober, vbProberFree);
    close(fixture->report);
    g_assert_cmpuint(testFdCount(), ==, fixture->fds);
    testRemove(fixture->top);
    g_free(fixture->top);
    g_free(fixture->bin);
    g_free(fixture->trace);
}

/* Writes a script that leaves its trace and then does @commands; $t is the trace directory. */
static char *
testScript(testFixture *fixture, const char *name, const char *commands)
{
    char *path = g_build_filename(fixture->bin, name, NULL);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\nt='%s'\nmkdir \"$t/run-$$\"\n%s",
                                            fixture->trace, commands);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    return path;
}

static guint
testCountTraces(testFixture *fixture, const char *prefix)
{
    g_autoptr(GDir) dir = g_dir_open(fixture->trace, 0, NULL);
    const char *name;
    guint count = 0;

    while ((name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, prefix))
            count++;
    }
    return count;
}

static guint
testCountRuns(testFixture *fixture)
{
    return testCountTraces(fixture, "run-");
}

static void
testAnswered(qemuCaps *caps, gpointer opaque)
{
    testAnswer *answer = opaque;

    g_assert_false(answer->called);
    g_assert_nonnull(answer->request);
    answer->request = NULL;
    answer->called = true;
    answer->known = caps != NULL;
    answer->optOut = caps && qemuCapsHasOptOut(caps, "vfio-pci");
    if (answer->cancels)
        vbProberRequestCancel(g_steal_pointer(answer->cancels));
    if (answer->asks) {
        testAnswer *next = answer->next;

        next->request = vbProberAsk(answer->asks->prober, answer->path, testAnswered, next);
    }
}

static void
testAsk(testFixture *fixture, const char *path, testAnswer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->request = vbProberAsk(fixture->prober, path, testAnswered, answer);
    g_assert_false(answer->called);
}

static gboolean
testOutOfPatience(gpointer opaque)
{
    /* Nothing happens any more. */
    g_assert_not_reached();
}

static void
testWait(const testAnswer *answer)
{
    guint timer = g_timeout_add(TEST_PATIENCE_MSEC, testOutOfPatience, NULL);

    while (!answer->called)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

static void
testRunLoop(unsigned int msec)
{
    gint64 end = g_get_monotonic_time() + msec * 1000;

    while (g_get_monotonic_time() < end) {
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    }
}

/* Whether there were capabilities. */
static bool
testAskAndWait(testFixture *fixture, const char *path)
{
    testAnswer answer;

    testAsk(fixture, path, &answer);
    testWait(&answer);
    g_assert_true(answer.known == answer.optOut);
    return answer.known;
}

/* What scripts have written to the FIFO, at least @lines lines of it. */
static char *
testReadReport(testFixture *fixture, guint lines)
{
    GString *text = g_string_new(NULL);
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_MSEC * 1000;
    guint seen = 0;

    while (seen < lines) {
        char bytes[4096];
        ssize_t n = read(fixture->report, bytes, sizeof(bytes));
        ssize_t i;

        g_assert_cmpint(g_get_monotonic_time(), <, end);
        for (i = 0; i < n; i++)
            seen += bytes[i] == '\n';
        if (n > 0)
            g_string_append_len(text, bytes, n);
        else if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    }
    return g_string_free(text, FALSE);
}

/* Asks with a short deadline, and with longer ones until the script comes as far as its report: a
 * busy machine may take long to start it. */
static char *
testAskUntilReported(testFixture *fixture, const char *path)
{
    gint64 msec;

    for (msec = 200; msec < TEST_PATIENCE_MSEC; msec *= 2) {
        gint64 begin = g_get_monotonic_time();
        char bytes[64];
        ssize_t n;

        fixture->limits.answerMsec = (unsigned int)msec;
        testRemake(fixture);
        g_assert_false(testAskAndWait(fixture, path));
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, msec * 1000);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, msec * 1000 + TEST_SOON_USEC);
        n = read(fixture->report, bytes, sizeof(bytes));
        if (n > 0)
            return g_strndup(bytes, (gsize)n);
    }
    g_assert_not_reached();
}

/* Gone, or dead and left to whoever reaps orphans here. */
static bool
testIsDead(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *stat = NULL;
    const char *end;

    if (!g_file_get_contents(path, &stat, NULL, NULL))
        return true;
    end = strrchr(stat, ')');
    return end && strchr("ZX", end[2]);
}

static void
testAssertDies(pid_t pid)
{
    guint i;

    g_assert_cmpint(pid, >, 1);
    for (i = 0; i < 5000 && !testIsDead(pid); i++)
        g_usleep(1000);
    g_assert_true(testIsDead(pid));
}

/* What is asked */

static void
testRealQemu(void)
{
    const vbProberLimits limits = VB_PROBER_LIMITS;
    g_autoptr(vbProber) prober = vbProberNew(TEST_UID, TEST_GID, &limits);
    testAnswer answer = { 0 };

    answer.request = vbProberAsk(prober, "/usr/bin/qemu-system-x86_64", testAnswered, &answer);
    testWait(&answer);
    g_assert_true(answer.known);
    g_assert_true(answer.optOut);
}

static void
testHonest(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);

    g_assert_true(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testOneCommandAfterTheOther(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_CONVERSE);
    g_autofree char *report = NULL;

    g_assert_true(testAskAndWait(fixture, path));
    report = testReadReport(fixture, 4);
    g_assert_cmpstr(report, ==,
                    "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
                    "{\"execute\":\"qom-list-types\",\"arguments\":{\"implements\":\"device\"},"
                    "\"id\":2}\n"
                    "{\"execute\":\"device-list-properties\",\"arguments\":{\"typename\":"
                    "\"vfio-pci\"},\"id\":3}\n"
                    "{\"execute\":\"quit\",\"id\":4}\n");
}

static void
testAnswerIsRemembered(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);

    g_assert_true(testAskAndWait(fixture, path));
    g_assert_true(testAskAndWait(fixture, path));
    g_assert_true(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testAnswerOutlivesFailureTime(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);

    fixture->limits.failedMsec = 0;
    testRemake(fixture);
    g_assert_true(testAskAndWait(fixture, path));
    testRunLoop(20);
    g_assert_true(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testOtherContentsAreAskedAnew(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    g_autofree char *other = NULL;

    g_assert_true(testAskAndWait(fixture, path));
    other = testScript(fixture, "qemu", "echo no\n");
    g_assert_false(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 2);
}

static void
testOtherTimeIsAskedAnew(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    const struct timespec times[] = { { 1000000000, 0 }, { 1000000000, 1 } };
    size_t i;

    g_assert_true(testAskAndWait(fixture, path));
    for (i = 0; i < G_N_ELEMENTS(times); i++) {
        const struct timespec both[] = { times[i], times[i] };

        g_assert_cmpint(utimensat(AT_FDCWD, path, both, 0), ==, 0);
        g_assert_true(testAskAndWait(fixture, path));
        g_assert_cmpuint(testCountRuns(fixture), ==, i + 2);
    }
}

static void
testFailureIsRemembered(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", "exit 1\n");

    g_assert_false(testAskAndWait(fixture, path));
    g_assert_false(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testFailureIsForgotten(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", "exit 1\n");

    fixture->limits.failedMsec = 100;
    testRemake(fixture);
    g_assert_false(testAskAndWait(fixture, path));
    testRunLoop(120);
    g_assert_false(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 2);
}

static void
testMemoryIsBounded(testFixture *fixture, gconstpointer opaque)
{
    char *paths[33];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *name = g_strdup_printf("qemu%zu", i);

        paths[i] = testScript(fixture, name, TEST_HONEST);
    }
    for (i = 0; i < 32; i++)
        g_assert_true(testAskAndWait(fixture, paths[i]));
    g_assert_cmpuint(testCountRuns(fixture), ==, 32);

    /* The first is wanted still, so the second goes. */
    g_assert_true(testAskAndWait(fixture, paths[0]));
    g_assert_cmpuint(testCountRuns(fixture), ==, 32);
    g_assert_true(testAskAndWait(fixture, paths[32]));
    g_assert_cmpuint(testCountRuns(fixture), ==, 33);
    g_assert_true(testAskAndWait(fixture, paths[0]));
    g_assert_true(testAskAndWait(fixture, paths[2]));
    g_assert_cmpuint(testCountRuns(fixture), ==, 33);
    g_assert_true(testAskAndWait(fixture, paths[1]));
    g_assert_cmpuint(testCountRuns(fixture), ==, 34);
    for (i = 0; i < G_N_ELEMENTS(paths); i++)
        g_free(paths[i]);
}

/* Several who ask */

static void
testManyJoinOneRun(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    testAnswer answers[20];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(answers); i++)
        testAsk(fixture, path, &answers[i]);
    for (i = 0; i < G_N_ELEMENTS(answers); i++) {
        testWait(&answers[i]);
        g_assert_true(answers[i].known);
    }
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testOneAtATime(testFixture *fixture, gconstpointer opaque)
{
    testAnswer answers[5];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *name = g_strdup_printf("qemu%zu", i);
        g_autofree char *path = testScript(fixture, name,
                                           "mkdir \"$t/lock\" || mkdir \"$t/overlap-$$\"\n"
                                           "sleep 0.05\n"
                                           "rmdir \"$t/lock\"\n"
                                           TEST_HONEST);

        testAsk(fixture, path, &answers[i]);
    }
    for (i = 0; i < G_N_ELEMENTS(answers); i++) {
        testWait(&answers[i]);
        g_assert_true(answers[i].known);
    }
    g_assert_cmpuint(testCountRuns(fixture), ==, G_N_ELEMENTS(answers));
    g_assert_cmpuint(testCountTraces(fixture, "overlap-"), ==, 0);
}

/* The old one may have answered already, so the new one is run for whoever asks after it came. */
static void
testReplacedWhileItRuns(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu",
                                       "echo up >\"$t/report\"\nsleep 0.2\n" TEST_HONEST);
    g_autofree char *other = NULL;
    g_autofree char *report = NULL;
    testAnswer before;
    testAnswer after;

    testAsk(fixture, path, &before);
    report = testReadReport(fixture, 1);
    g_unlink(path);
    other = testScript(fixture, "qemu", "exit 1\n");
    testAsk(fixture, path, &after);
    testWait(&after);
    g_assert_true(before.called);
    g_assert_true(before.known);
    g_assert_false(after.known);
    g_assert_false(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 2);
}

/* What counts is what the binary is when it is run. */
static void
testMadeWritableWhileItWaits(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *first = testScript(fixture, "first", TEST_HONEST);
    g_autofree char *second = testScript(fixture, "second", TEST_HONEST);
    testAnswer answers[2];

    testAsk(fixture, first, &answers[0]);
    testAsk(fixture, second, &answers[1]);
    g_assert_cmpint(chmod(second, 0757), ==, 0);
    testWait(&answers[1]);
    g_assert_true(answers[0].known);
    g_assert_false(answers[1].known);
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testAskingInTheCallback(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *first = testScript(fixture, "first", TEST_HONEST);
    g_autofree char *second = testScript(fixture, "second", TEST_HONEST);
    const char *const paths[] = { first, second };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(paths); i++) {
        testAnswer answers[2] = { 0 };

        testAsk(fixture, first, &answers[0]);
        answers[0].asks = fixture;
        answers[0].path = paths[i];
        answers[0].next = &answers[1];
        testWait(&answers[1]);
        g_assert_true(answers[1].known);
        g_assert_cmpuint(testCountRuns(fixture), ==, i + 1);
    }
}

static void
testCancelledBeforeItRuns(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    testAnswer answers[2];

    testAsk(fixture, path, &answers[0]);
    testAsk(fixture, path, &answers[1]);
    vbProberRequestCancel(answers[0].request);
    vbProberRequestCancel(answers[1].request);
    testRunLoop(100);
    g_assert_false(answers[0].called || answers[1].called);
    g_assert_cmpuint(testCountRuns(fixture), ==, 0);
    g_assert_true(testAskAndWait(fixture, path));
}

static void
testCancelledWhileItRuns(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu",
                                       "echo up >\"$t/report\"\nsleep 0.1\n" TEST_HONEST);
    g_autofree char *report = NULL;
    testAnswer answer;

    testAsk(fixture, path, &answer);
    report = testReadReport(fixture, 1);
    vbProberRequestCancel(answer.request);
    g_assert_true(testAskAndWait(fixture, path));
    g_assert_false(answer.called);
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static void
testCancelledWhenKnown(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    testAnswer answer;

    g_assert_true(testAskAndWait(fixture, path));
    testAsk(fixture, path, &answer);
    vbProberRequestCancel(answer.request);
    testRunLoop(20);
    g_assert_false(answer.called);
}

static void
testCancelledByAnother(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    testAnswer answers[2];

    testAsk(fixture, path, &answers[0]);
    testAsk(fixture, path, &answers[1]);
    answers[0].cancels = &answers[1].request;
    testWait(&answers[0]);
    testRunLoop(20);
    g_assert_false(answers[1].called);
}

static void
testFreeKillsTheChild(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", "echo $$ >\"$t/report\"\nsleep 1000\n");
    g_autofree char *report = NULL;
    testAnswer answer;

    testAsk(fixture, path, &answer);
    report = testReadReport(fixture, 1);
    vbProberRequestCancel(answer.request);
    g_clear_pointer(&fixture->prober, vbProberFree);
    testAssertDies(atoi(report));
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void
testChildrenAreReaped(testFixture *fixture, gconstpointer opaque)
{
    static const char *const scripts[] = { TEST_HONEST, "exit 1\n", "echo nonsense\nsleep 1000\n" };
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_MSEC * 1000;
    siginfo_t info;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autofree char *name = g_strdup_printf("qemu%zu", i);
        g_autofree char *path = testScript(fixture, name, scripts[i]);

        testAskAndWait(fixture, path);
        while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
            g_assert_cmpint(g_get_monotonic_time(), <, end);
            testRunLoop(10);
        }
        g_assert_cmpint(errno, ==, ECHILD);
    }
}

/* Those that are no QEMU */

typedef struct {
    const char *name;
    const char *script;
} testBroken;

static const testBroken testBrokens[] = {
    { "one that says nothing and ends", "exit 0\n" },
    { "one that fails", "echo 'error' >&2\nexit 1\n" },
    { "one that kills itself", "kill -9 $$\n" },
    { "one that talks nonsense", "echo 'Usage: qemu'\nsleep 1000\n" },
    { "one that talks nonsense without end", "exec yes\n" },
    { "one that writes zeros without end", "exec cat /dev/zero\n" },
    { "one that sends events without end", TEST_GREET "exec yes '{\"event\":\"RESUME\"}'\n" },
    { "one that closes its output", "exec >&-\nsleep 1000\n" },
    { "one that ends after the greeting", TEST_GREET },
    { "one that does not listen", "exec <&-\n" TEST_GREET "sleep 1000\n" },
};

static void
testBrokenIsUnknown(testFixture *fixture, gconstpointer data)
{
    const testBroken *broken = data;
    g_autofree char *path = testScript(fixture, "qemu", broken->script);
    gint64 begin = g_get_monotonic_time();

    g_assert_false(testAskAndWait(fixture, path));
    g_assert_cmpint(g_get_monotonic_time() - begin, <, TEST_SOON_USEC);
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

static const testBroken testHangings[] = {
    { "one that says nothing", "sleep 1000\n" },
    { "one that says nothing after its greeting", TEST_GREET "sleep 1000\n" },
    { "one that says little at a time", "while :; do printf ' '; sleep 0.05; done\n" },
    { "one that cannot be asked to end", "trap '' TERM INT HUP\nwhile :; do sleep 1000; done\n" },
};

static void
testHangingIsUnknown(testFixture *fixture, gconstpointer data)
{
    const testBroken *hanging = data;
    g_autofree char *script = g_strconcat("echo $$ >\"$t/report\"\n", hanging->script, NULL);
    g_autofree char *path = testScript(fixture, "qemu", script);
    g_autofree char *report = testAskUntilReported(fixture, path);

    testAssertDies(atoi(report));
}

/* What is in another session is out of reach, and the end of the output does not come. */
static void
testOutputIsLeftToAnother(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(
        fixture, "qemu",
        "setsid sh -c 'mkdir \"$1\"; exec sleep 60' sh \"$t/away-$$\" &\n"
        "while ! [ -d \"$t/away-$$\" ]; do sleep 0.01; done\n"
        "echo $! >\"$t/report\"\n");
    g_autofree char *report = testAskUntilReported(fixture, path);

    kill(atoi(report), SIGKILL);
    testAssertDies(atoi(report));
}

/* Those that the binary has started go with it, however it ends. */
static const testBroken testEndings[] = {
    { "an answer", TEST_HONEST },
    { "nonsense", "echo nonsense\nsleep 1000\n" },
    { "an end of its own", "exit 0\n" },
};

#define TEST_OFFSPRING "sleep 1000 >/dev/null &\necho $! >\"$t/report\"\n"

static void
testOffspringIsKilled(testFixture *fixture, gconstpointer data)
{
    const testBroken *ending = data;
    g_autofree char *script = g_strconcat(TEST_OFFSPRING, ending->script, NULL);
    g_autofree char *path = testScript(fixture, "qemu", script);
    g_autofree char *report = NULL;

    testAskAndWait(fixture, path);
    report = testReadReport(fixture, 1);
    testAssertDies(atoi(report));
}

static void
testOffspringIsKilledAtTheDeadline(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_OFFSPRING "sleep 1000\n");
    g_autofree char *report = testAskUntilReported(fixture, path);

    testAssertDies(atoi(report));
}

static void
testTheNextGoesOn(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *hanging = testScript(fixture, "hanging", "sleep 1000\n");
    g_autofree char *honest = testScript(fixture, "honest", TEST_HONEST);
    testAnswer answers[2];

    /* For the honest one too, so it is not short. */
    fixture->limits.answerMsec = 3000;
    testRemake(fixture);
    testAsk(fixture, hanging, &answers[0]);
    testAsk(fixture, honest, &answers[1]);
    testWait(&answers[1]);
    g_assert_true(answers[0].called);
    g_assert_false(answers[0].known);
    g_assert_true(answers[1].known);
}

static void
testDiesWithTheDaemon(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu",
                                       "echo $$ >\"$t/report\"\nexec sleep 1000\n");
    g_autofree char *report = NULL;
    pid_t daemon = fork();

    g_assert_cmpint(daemon, >=, 0);
    if (daemon == 0) {
        testAnswer answer;

        testAsk(fixture, path, &answer);
        for (;;)
            g_main_context_iteration(NULL, TRUE);
    }
    report = testReadReport(fixture, 1);
    g_assert_false(testIsDead(atoi(report)));
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    testAssertDies(atoi(report));
}

/* What is not run */

static void
testAssertNotRun(testFixture *fixture, const char *path)
{
    g_assert_false(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 0);
}

/* The same script at the same place, once nothing is wrong with it any more: so it was the mode or
 * the owner that kept it from being run, and it is asked without waiting a minute. */
static void
testAssertRun(testFixture *fixture, const char *path)
{
    g_assert_true(testAskAndWait(fixture, path));
    g_assert_cmpuint(testCountRuns(fixture), ==, 1);
}

typedef struct {
    const char *name;
    const char *which; /* below the top; "" is the top */
    mode_t mode;
} testMode;

static const testMode testModes[] = {
    { "a binary that its group can write to", "bin/qemu", 0775 },
    { "a binary that everybody can write to", "bin/qemu", 0757 },
    { "a binary that cannot be run", "bin/qemu", 0644 },
    { "a binary in a directory that its group can write to", "bin", 0775 },
    { "a binary in a directory that everybody can write to", "bin", 0757 },
    { "a binary in a directory for everybody's own files", "bin", 01777 },
    { "a binary below a directory that its group can write to", "", 0775 },
    { "a binary below a directory that everybody can write to", "", 0757 },
};

static void
testModeIsRefused(testFixture *fixture, gconstpointer data)
{
    const testMode *mode = data;
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    g_autofree char *which = g_build_filename(fixture->top, mode->which, NULL);

    g_assert_cmpint(chmod(which, mode->mode), ==, 0);
    testAssertNotRun(fixture, path);
    g_assert_cmpint(chmod(which, 0755), ==, 0);
    testAssertRun(fixture, path);
}

/* Who is not root cannot give files away, but can believe in another owner. */
static void
testOwnerIsRefused(testFixture *fixture, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    g_autofree char *which = g_build_filename(fixture->top, name, NULL);

    if (geteuid() == 0) {
        g_assert_cmpint(chown(which, TEST_UID, 0), ==, 0);
    } else {
        fixture->limits.owner = 0;
        testRemake(fixture);
    }
    testAssertNotRun(fixture, path);
    if (geteuid() == 0) {
        g_assert_cmpint(chown(which, 0, 0), ==, 0);
    } else {
        fixture->limits.owner = geteuid();
        testRemake(fixture);
    }
    testAssertRun(fixture, path);
}

/* /tmp, where this is, is for everybody. */
static void
testEveryDirectoryCounts(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);

    fixture->limits.top = "/";
    testRemake(fixture);
    testAssertNotRun(fixture, path);
}

/* As it is shipped, for whoever runs this. */
static void
testOnlyRootsBinaries(testFixture *fixture, gconstpointer opaque)
{
    const vbProberLimits limits = VB_PROBER_LIMITS;

    g_assert_cmpuint(limits.answerMsec, ==, 10000);
    g_assert_cmpuint(limits.failedMsec, ==, 60000);
    g_assert_cmpuint(limits.owner, ==, 0);
    g_assert_cmpstr(limits.top, ==, "/");
}

static void
testLinkToUnsafeIsRefused(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    g_autofree char *link = g_build_filename(fixture->bin, "link", NULL);

    g_assert_cmpint(symlink("qemu", link), ==, 0);
    g_assert_cmpint(chmod(path, 0757), ==, 0);
    testAssertNotRun(fixture, link);
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    testAssertRun(fixture, link);
}

/* What is run is where the link points, under its own name: swapping the link cannot change it. */
static void
testLinkToSafeIsFollowed(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", "echo \"$0\" >\"$t/report\"\n" TEST_HONEST);
    g_autofree char *link = g_build_filename(fixture->trace, "link", NULL);
    g_autofree char *expected = g_strconcat(path, "\n", NULL);
    g_autofree char *report = NULL;

    g_assert_cmpint(symlink(path, link), ==, 0);
    testAssertRun(fixture, link);
    report = testReadReport(fixture, 1);
    g_assert_cmpstr(report, ==, expected);
}

static void
testNoProgramIsRefused(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *missing = g_build_filename(fixture->bin, "missing", NULL);
    g_autofree char *script = testScript(fixture, "qemu", TEST_HONEST);
    g_autofree char *below = g_build_filename(script, "below", NULL);
    g_autofree char *fifo = g_build_filename(fixture->bin, "fifo", NULL);
    g_autofree char *loop = g_build_filename(fixture->bin, "loop", NULL);
    g_autofree char *slashes = g_strnfill(100000, '/');
    const char *const paths[] = { missing, below, fifo, loop, slashes, fixture->bin, "/dev/null",
                                  "/", "" };
    size_t i;

    g_assert_cmpint(mkfifo(fifo, 0755), ==, 0);
    g_assert_cmpint(symlink("loop", loop), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(paths); i++)
        testAssertNotRun(fixture, paths[i]);
}

static void
testRelativePathIsRefused(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    g_autofree char *before = g_get_current_dir();

    g_assert_cmpint(chdir(fixture->bin), ==, 0);
    testAssertNotRun(fixture, "qemu");
    testAssertNotRun(fixture, "./qemu");
    g_assert_cmpint(chdir(before), ==, 0);
    testAssertRun(fixture, path);
}

/* The kernel says no only after the fork. */
static void
testUnknownFormatIsUnknown(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = g_build_filename(fixture->bin, "qemu", NULL);

    g_assert_true(g_file_set_contents(path, "no program", -1, NULL));
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    testAssertNotRun(fixture, path);
}

/* Neither user nor group 0; who is not root stays who he is, whatever was configured. */
static void
testNothingIsRunAsRoot(testFixture *fixture, gconstpointer opaque)
{
    static const struct {
        uid_t uid;
        gid_t gid;
    } ids[] = { { 0, 0 }, { 0, TEST_GID }, { TEST_UID, 0 } };
    g_autofree char *path = testScript(fixture, "qemu", TEST_HONEST);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(ids); i++) {
        vbProberFree(fixture->prober);
        fixture->prober = vbProberNew(ids[i].uid, ids[i].gid, &fixture->limits);
        g_assert_true(testAskAndWait(fixture, path) == (geteuid() != 0));
    }
    g_assert_cmpuint(testCountRuns(fixture), ==, geteuid() == 0 ? 0 : G_N_ELEMENTS(ids));
}

/* How a binary is run */

/* Runs a script that does @commands with its output in the FIFO; gives the @lines it wrote. */
static char *
testInspect(testFixture *fixture, const char *commands, guint lines)
{
    g_autofree char *script = g_strconcat("{\n", commands, "} >\"$t/report\" 2>&1\n" TEST_HONEST,
                                          NULL);
    g_autofree char *path = testScript(fixture, "qemu", script);

    g_assert_true(testAskAndWait(fixture, path));
    return testReadReport(fixture, lines);
}

static void
testEnvironmentIsEmpty(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *report = testInspect(fixture, "cat /proc/$$/environ | wc -c\n", 1);

    g_assert_cmpstr(g_strstrip(report), ==, "0");
}

static void
testArguments(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *report = testInspect(fixture, "echo \"$@\"\n", 1);

    g_assert_cmpstr(report, ==, "-S -no-user-config -nodefaults -display none "
                    "-machine none,accel=tcg:kvm -qmp stdio\n");
}

/* The last one is that of ls itself. */
static void
testNoDescriptorIsInherited(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *report = NULL;
    int leaks[3];
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(leaks); i++)
        leaks[i] = fcntl(fixture->report, F_DUPFD, 3 + (int)i * 100);
    report = testInspect(fixture, "ls /proc/self/fd\n", 4);
    g_assert_cmpstr(report, ==, "0\n1\n2\n3\n");
    for (i = 0; i < G_N_ELEMENTS(leaks); i++)
        close(leaks[i]);
}

static void
testStandardDescriptors(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *script = g_strconcat("for i in 0 1 2; do readlink /proc/$$/fd/$i; done "
                                          "| sed 's/[0-9]//g' >\"$t/report\"\n" TEST_HONEST, NULL);
    g_autofree char *path = testScript(fixture, "qemu", script);
    g_autofree char *report = NULL;

    g_assert_true(testAskAndWait(fixture, path));
    report = testReadReport(fixture, 3);
    g_assert_cmpstr(report, ==, "pipe:[]\npipe:[]\n/dev/null\n");
}

/* The pipes then get these numbers. */
static void
testWithoutStandardDescriptors(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = testScript(fixture, "qemu", TEST_CONVERSE);
    int saved[3];
    bool known;
    int i;

    for (i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
        close(i);
    }
    known = testAskAndWait(fixture, path);
    for (i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    g_assert_true(known);
}

/* "Uid:\t1\t1\t1\t1" -> "1 1 1 1" */
static char *
testStatusField(const char *status, const char *name)
{
    g_autofree char *start = g_strdup_printf("\n%s:", name);
    const char *found = strstr(status, start);
    g_auto(GStrv) words = NULL;

    g_assert_nonnull(found);
    found += strlen(start);
    {
        g_autofree char *line = g_strndup(found, strcspn(found, "\n"));

        words = g_strsplit(g_strstrip(line), "\t", -1);
    }
    return g_strjoinv(" ", words);
}

static void
testAssertField(const char *status, const char *name, const char *expected)
{
    g_autofree char *field = testStatusField(status, name);

    g_assert_cmpstr(field, ==, expected);
}

static char *
testInspectStatus(testFixture *fixture)
{
    return testInspect(fixture, "grep -E '^(Name|Umask|Uid|Gid|Groups|NoNewPrivs|"
                       "Cap(Inh|Prm|Eff|Amb)):' /proc/self/status\n", 10);
}

/* Root's further groups are not passed on; who is not root keeps his. */
static void
testUserIsChanged(testFixture *fixture, gconstpointer opaque)
{
    const gid_t groups[] = { 64997 };
    bool root = geteuid() == 0;
    g_autofree char *status = NULL;
    unsigned int uid = root ? TEST_UID : geteuid();
    unsigned int gid = root ? TEST_GID : getegid();
    g_autofree char *uids = g_strdup_printf("%u %u %u %u", uid, uid, uid, uid);
    g_autofree char *gids = g_strdup_printf("%u %u %u %u", gid, gid, gid, gid);

    if (root)
        g_assert_cmpint(setgroups(G_N_ELEMENTS(groups), groups), ==, 0);
    status = testInspectStatus(fixture);
    if (root)
        g_assert_cmpint(setgroups(0, NULL), ==, 0);
    testAssertField(status, "Uid", uids);
    testAssertField(status, "Gid", gids);
    if (root)
        testAssertField(status, "Groups", "");
}

static void
testPrivilegesAreGone(testFixture *fixture, gconstpointer opaque)
{
    static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct before[_LINUX_CAPABILITY_U32S_3];
    struct __user_cap_data_struct inheritable[_LINUX_CAPABILITY_U32S_3];
    g_autofree char *status = NULL;
    size_t i;

    /* These outlive a change of user. */
    g_assert_cmpint(syscall(SYS_capget, &header, before), ==, 0);
    memcpy(inheritable, before, sizeof(inheritable));
    for (i = 0; i < G_N_ELEMENTS(inheritable); i++)
        inheritable[i].inheritable = inheritable[i].permitted;
    g_assert_cmpint(syscall(SYS_capset, &header, inheritable), ==, 0);
    status = testInspectStatus(fixture);
    g_assert_cmpint(syscall(SYS_capset, &header, before), ==, 0);

    for (i = 0; i < G_N_ELEMENTS(sets); i++)
        testAssertField(status, sets[i], "0000000000000000");
    testAssertField(status, "NoNewPrivs", "1");
    testAssertField(status, "Umask", "0077");
}

/* Only SIGXFSZ is ignored.  A shell unblocks signals when it has started something, so it starts
 * nothing here; it keeps its output open, since it is killed when that ends. */
static void
testSignalsAreUsual(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *path = g_build_filename(fixture->bin, "qemu", NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\nexec 3>&1\n"
                                              "exec grep -E '^(Name|SigBlk|SigIgn)' "
                                              "/proc/self/status >'%s/report'\n", fixture->trace);
    g_autofree char *status = NULL;
    sigset_t set;
    sigset_t before;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGHUP, SIG_IGN);
    g_assert_true(g_file_set_contents(path, script, -1, NULL));
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    g_assert_false(testAskAndWait(fixture, path));
    status = testReadReport(fixture, 3);
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    testAssertField(status, "SigBlk", "0000000000000000");
    testAssertField(status, "SigIgn", "0000000001000000");
}

static void
testLimits(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *report = testInspect(
        fixture, "for i in c f n t; do ulimit -S -$i; ulimit -H -$i; done\n", 8);

    g_assert_cmpstr(report, ==, "0\n0\n0\n0\n64\n64\n10\n10\n");
}

/* In another process, since a limit once lowered stays. */
static void
testLowerLimitStays(testFixture *fixture, gconstpointer opaque)
{
    const struct rlimit low = { 60, 60 };
    pid_t pid = fork();
    int status = 0;

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        g_autofree char *report = NULL;

        if (setrlimit(RLIMIT_NOFILE, &low) < 0)
            _exit(1);
        report = testInspect(fixture, "ulimit -S -n; ulimit -H -n\n", 2);
        _exit(strcmp(report, "60\n60\n") == 0 ? 0 : 2);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

static void
testNoFileCanBeWritten(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *report = testInspect(
        fixture, "echo x >\"$t/file\" || echo refused\nstat -c %s \"$t/file\"\n", 2);

    g_assert_nonnull(strstr(report, "refused\n"));
    g_assert_true(g_str_has_suffix(report, "\n0\n"));
}

/* Process group and session are its own, and it is in nobody's way at '/'. */
static void
testPlace(testFixture *fixture, gconstpointer opaque)
{
    g_autofree char *report = testInspect(
        fixture, "readlink /proc/$$/cwd\nset -- $(sed 's/.*) //' /proc/$$/stat)\n"
        "[ $3 = $$ ] && echo group\n[ $4 = $$ ] && echo session\n[ $5 = 0 ] && echo no terminal\n",
        4);

    g_assert_cmpstr(report, ==, "/\ngroup\nsession\nno terminal\n");
}

static void
testAdd(const char *name, void (*function)(testFixture *, gconstpointer))
{
    g_autofree char *path = g_strconcat("/prober/", name, NULL);

    g_test_add(path, testFixture, NULL, testSetUp, function, testTearDown);
}

static void
testAddBroken(const char *group, const testBroken *brokens, size_t count,
              void (*function)(testFixture *, gconstpointer))
{
    size_t i;

    for (i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/prober/%s/%s", group, brokens[i].name);

        g_test_add(path, testFixture, &brokens[i], testSetUp, function, testTearDown);
    }
}

/* GNU make starts programs with those two signals ignored that glibc keeps for itself, 32 and 33,
 * and lets nobody change: what the tests look at must not depend on who starts them. */
static void
testResetHiddenSignals(void)
{
    const struct {
        void *handler;
        unsigned long rest[8];
    } standard = { 0 };
    int number;

    for (number = 32; number < SIGRTMIN; number++)
        g_assert_cmpint(syscall(SYS_rt_sigaction, number, &standard, NULL, sizeof(guint64)), ==, 0);
}

int
main(int argc, char **argv)
{
    size_t i;

    testResetHiddenSignals();
    g_test_init(&argc, &argv, NULL);
    /* As in the daemon. */
    signal(SIGPIPE, SIG_IGN);
    umask(022);

    g_test_add_func("/prober/a real QEMU is asked and has the opt-out", testRealQemu);
    testAdd("a binary is asked", testHonest);
    testAdd("one command is sent after the other", testOneCommandAfterTheOther);
    testAdd("an answer is remembered", testAnswerIsRemembered);
    testAdd("an answer is remembered for longer than a failure", testAnswerOutlivesFailureTime);
    testAdd("a binary with other contents is asked anew", testOtherContentsAreAskedAnew);
    testAdd("a binary of another time is asked anew", testOtherTimeIsAskedAnew);
    testAdd("a failure is remembered", testFailureIsRemembered);
    testAdd("a failure is forgotten after a while", testFailureIsForgotten);
    testAdd("of many binaries the one not wanted for longest is forgotten", testMemoryIsBounded);

    testAdd("many who ask share one run", testManyJoinOneRun);
    testAdd("one binary runs at a time", testOneAtATime);
    testAdd("a binary replaced while it runs is asked anew", testReplacedWhileItRuns);
    testAdd("a binary made writable while it waits is not run", testMadeWritableWhileItWaits);
    testAdd("the callback may ask", testAskingInTheCallback);
    testAdd("a request cancelled early runs nothing", testCancelledBeforeItRuns);
    testAdd("a run whose request is cancelled is finished", testCancelledWhileItRuns);
    testAdd("a request with a known answer can be cancelled", testCancelledWhenKnown);
    testAdd("the callback may cancel another request", testCancelledByAnother);
    testAdd("freeing the prober kills what runs", testFreeKillsTheChild);
    testAdd("every child is reaped", testChildrenAreReaped);

    testAddBroken("unknown at once", testBrokens, G_N_ELEMENTS(testBrokens), testBrokenIsUnknown);
    testAddBroken("unknown at the deadline", testHangings, G_N_ELEMENTS(testHangings),
                  testHangingIsUnknown);
    testAddBroken("what was started is killed after", testEndings, G_N_ELEMENTS(testEndings),
                  testOffspringIsKilled);
    testAdd("unknown at the deadline/one that leaves its output to another session",
            testOutputIsLeftToAnother);
    testAdd("what was started is killed after/the deadline", testOffspringIsKilledAtTheDeadline);
    testAdd("a binary that hangs does not keep the next from its turn", testTheNextGoesOn);
    testAdd("a binary dies with the daemon", testDiesWithTheDaemon);

    for (i = 0; i < G_N_ELEMENTS(testModes); i++) {
        g_autofree char *path = g_strdup_printf("/prober/not run/%s", testModes[i].name);

        g_test_add(path, testFixture, &testModes[i], testSetUp, testModeIsRefused, testTearDown);
    }
    g_test_add("/prober/not run/a binary of another owner", testFixture, "bin/qemu", testSetUp,
               testOwnerIsRefused, testTearDown);
    g_test_add("/prober/not run/a binary in a directory of another owner", testFixture, "bin",
               testSetUp, testOwnerIsRefused, testTearDown);
    g_test_add("/prober/not run/a binary below a directory of another owner", testFixture, "",
               testSetUp, testOwnerIsRefused, testTearDown);
    testAdd("not run/a binary below a directory for everybody", testEveryDirectoryCounts);
    testAdd("not run/a link to a binary that others can write to", testLinkToUnsafeIsRefused);
    testAdd("not run/what is no program", testNoProgramIsRefused);
    testAdd("not run/a relative path", testRelativePathIsRefused);
    testAdd("not run/a program of an unknown format", testUnknownFormatIsUnknown);
    testAdd("not run/anything as root", testNothingIsRunAsRoot);
    testAdd("a link is followed to what is run", testLinkToSafeIsFollowed);
    testAdd("the limits are those of the manual", testOnlyRootsBinaries);

    testAdd("a binary has no environment", testEnvironmentIsEmpty);
    testAdd("a binary gets QEMU's arguments", testArguments);
    testAdd("a binary inherits no descriptor", testNoDescriptorIsInherited);
    testAdd("a binary has two pipes and no error output", testStandardDescriptors);
    testAdd("a binary has its pipes even where we have no standard descriptors",
            testWithoutStandardDescriptors);
    testAdd("a binary has another user", testUserIsChanged);
    testAdd("a binary has no privileges", testPrivilegesAreGone);
    testAdd("a binary has the usual signals", testSignalsAreUsual);
    testAdd("a binary is limited", testLimits);
    testAdd("a limit on us is a limit on a binary", testLowerLimitStays);
    testAdd("a binary cannot write files", testNoFileCanBeWritten);
    testAdd("a binary has a session of its own and no place", testPlace);

    return g_test_run();
}
