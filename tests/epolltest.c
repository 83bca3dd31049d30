/*
 * epolltest.c: watches of descriptors behind one GSource
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbepoll.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testfd.h"

#define TEST_MANY 200

typedef struct _testWatch testWatch;

struct _testWatch {
    vbEpoll *epoll;
    int fds[2];          /* the watched one, and its peer */
    vbEpollWatch *watch;
    guint calls;
    guint32 events;      /* of the last call */

    /* What the function does when it is called. */
    testWatch *remove;   /* may be itself */
    testWatch *silence;
    testWatch *again;    /* watches its descriptor anew */
};

static void
testCalled(guint32 events, gpointer opaque)
{
    testWatch *self = opaque;

    self->calls++;
    self->events = events;
    if (self->remove && self->remove->watch)
        vbEpollWatchRemove(g_steal_pointer(&self->remove->watch));
    if (self->silence)
        vbEpollWatchSet(self->silence->watch, 0);
    if (self->again) {
        self->again->watch = vbEpollAdd(self->epoll, self->again->fds[0], EPOLLIN, testCalled,
                                        self->again);
        self->again = NULL;
    }
}

static void
testWatchInit(testWatch *self, vbEpoll *epoll, guint32 events)
{
    memset(self, 0, sizeof(*self));
    self->epoll = epoll;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, self->fds),
                    ==, 0);
    self->watch = vbEpollAdd(epoll, self->fds[0], events, testCalled, self);
    g_assert_nonnull(self->watch);
}

static void
testWatchClear(testWatch *self)
{
    if (self->watch)
        vbEpollWatchRemove(g_steal_pointer(&self->watch));
    close(self->fds[0]);
    if (self->fds[1] >= 0)
        close(self->fds[1]);
}

static void
testWatchWrite(testWatch *self)
{
    g_assert_cmpint(write(self->fds[1], "x", 1), ==, 1);
}

static void
testWatchRead(testWatch *self)
{
    char byte;

    g_assert_cmpint(read(self->fds[0], &byte, 1), ==, 1);
}

static void
testWatchHangUp(testWatch *self)
{
    close(self->fds[1]);
    self->fds[1] = -1;
}

/* One turn of the main loop. */
static void
testTurn(void)
{
    g_main_context_iteration(NULL, FALSE);
}

static vbEpoll *
testNew(void)
{
    g_autoptr(GError) error = NULL;
    vbEpoll *epoll = vbEpollNew(&error);

    g_assert_no_error(error);
    g_assert_nonnull(epoll);
    return epoll;
}

/* ---- one watch ---- */

static void
testReadable(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 0);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events, ==, EPOLLIN);
    testWatchClear(&watch);
}

static void
testWritable(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLOUT);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events, ==, EPOLLOUT);
    testWatchClear(&watch);
}

static void
testBoth(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN | EPOLLOUT);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events, ==, EPOLLIN | EPOLLOUT);
    testWatchClear(&watch);
}

static void
testLevel(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testWatchWrite(&watch);
    testTurn();
    testTurn();
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 3);
    testWatchRead(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 3);
    testWatchClear(&watch);
}

static void
testHangUp(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testWatchHangUp(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events & EPOLLHUP, ==, EPOLLHUP);
    testWatchClear(&watch);
}

static void
testError(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch = { .epoll = epoll };

    g_assert_cmpint(pipe2(watch.fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
    close(watch.fds[0]);
    watch.fds[0] = watch.fds[1];
    watch.fds[1] = -1;
    watch.watch = vbEpollAdd(epoll, watch.fds[0], EPOLLOUT, testCalled, &watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events & EPOLLERR, ==, EPOLLERR);
    testWatchClear(&watch);
}

/* ---- what is waited for changes ---- */

static void
testNothingWanted(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, 0);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 0);

    vbEpollWatchSet(watch.watch, EPOLLIN);
    testTurn();
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 2);
    testWatchClear(&watch);
}

static void
testSetNothing(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN | EPOLLOUT);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    vbEpollWatchSet(watch.watch, 0);
    testTurn();
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

static void
testSetOther(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testWatchWrite(&watch);
    vbEpollWatchSet(watch.watch, EPOLLOUT);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events, ==, EPOLLOUT);
    testWatchClear(&watch);
}

static void
testSetSame(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    vbEpollWatchSet(watch.watch, EPOLLIN);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

/* Otherwise one client that went while it is not read would keep the daemon busy. */
static void
testNothingWantedHangUp(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;
    guint i;

    testWatchInit(&watch, epoll, 0);
    testWatchHangUp(&watch);
    for (i = 0; i < 5; i++)
        testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmphex(watch.events & EPOLLHUP, ==, EPOLLHUP);
    testWatchClear(&watch);
}

static void
testSetNothingHangUp(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;
    guint i;

    testWatchInit(&watch, epoll, EPOLLIN);
    vbEpollWatchSet(watch.watch, 0);
    testWatchHangUp(&watch);
    for (i = 0; i < 5; i++)
        testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

static void
testHangUpToldAgain(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, 0);
    testWatchHangUp(&watch);
    testTurn();
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    vbEpollWatchSet(watch.watch, EPOLLIN);
    testTurn();
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 3);
    g_assert_cmphex(watch.events & EPOLLHUP, ==, EPOLLHUP);
    testWatchClear(&watch);
}

/* Two watches that silence each other, both ready at once: the one that comes second was silenced
 * when its event had come already. */
static void
testSetNothingWhileDelivered(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch one;
    testWatch two;

    testWatchInit(&one, epoll, EPOLLIN);
    testWatchInit(&two, epoll, EPOLLIN);
    one.silence = &two;
    two.silence = &one;
    testWatchWrite(&one);
    testWatchWrite(&two);
    testTurn();
    g_assert_cmpuint(one.calls + two.calls, ==, 1);
    testWatchClear(&one);
    testWatchClear(&two);
}

static void
testSetNothingOwn(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    watch.silence = &watch;
    testWatchWrite(&watch);
    testTurn();
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

/* ---- removal ---- */

static void
testRemove(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testWatchWrite(&watch);
    vbEpollWatchRemove(g_steal_pointer(&watch.watch));
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 0);

    /* The descriptor stays its owner's, and can be watched again. */
    watch.watch = vbEpollAdd(epoll, watch.fds[0], EPOLLIN, testCalled, &watch);
    g_assert_nonnull(watch.watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

static void
testRemoveOwn(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    watch.remove = &watch;
    testWatchWrite(&watch);
    testTurn();
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_null(watch.watch);
    testWatchClear(&watch);
}

static void
testRemoveOther(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch one;
    testWatch two;

    testWatchInit(&one, epoll, EPOLLIN);
    testWatchInit(&two, epoll, EPOLLIN);
    one.remove = &two;
    two.remove = &one;
    testWatchWrite(&one);
    testWatchWrite(&two);
    testTurn();
    g_assert_cmpuint(one.calls + two.calls, ==, 1);
    testTurn();
    g_assert_cmpuint(one.calls + two.calls, ==, 2);
    testWatchClear(&one);
    testWatchClear(&two);
}

static void
testRemoveOtherIdle(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch one;
    testWatch two;

    testWatchInit(&one, epoll, EPOLLIN);
    testWatchInit(&two, epoll, EPOLLIN);
    one.remove = &two;
    testWatchWrite(&one);
    testTurn();
    g_assert_null(two.watch);
    testWatchWrite(&two);
    testTurn();
    g_assert_cmpuint(two.calls, ==, 0);
    testWatchClear(&one);
    testWatchClear(&two);
}

/* A watch that takes a removed one's place while events are delivered is not taken for it. */
static void
testRemoveAndAdd(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch one;
    testWatch two;

    testWatchInit(&one, epoll, EPOLLIN);
    testWatchInit(&two, epoll, EPOLLIN);
    one.remove = one.again = &two;
    two.remove = two.again = &one;
    testWatchWrite(&one);
    testWatchWrite(&two);
    testTurn();
    g_assert_cmpuint(one.calls + two.calls, ==, 1);
    g_assert_nonnull(one.watch);
    g_assert_nonnull(two.watch);
    one.remove = two.remove = NULL;
    one.again = two.again = NULL;
    testTurn();
    g_assert_cmpuint(one.calls + two.calls, ==, 3);
    testWatchClear(&one);
    testWatchClear(&two);
}

static void
testRemoveAndClose(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;
    guint i;

    for (i = 0; i < 100; i++) {
        testWatchInit(&watch, epoll, EPOLLIN);
        testWatchWrite(&watch);
        if (i % 2 == 0) {
            watch.remove = &watch;
            testTurn();
            g_assert_cmpuint(watch.calls, ==, 1);
        }
        testWatchClear(&watch);
        testTurn();
    }
}

/* ---- many watches ---- */

static void
testMany(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    g_autofree testWatch *watches = g_new0(testWatch, TEST_MANY);
    guint i;

    for (i = 0; i < TEST_MANY; i++) {
        testWatchInit(&watches[i], epoll, EPOLLIN);
        testWatchWrite(&watches[i]);
    }
    /* More than one delivery takes, none of them read: still everyone's turn comes. */
    for (i = 0; i < 8; i++)
        testTurn();
    for (i = 0; i < TEST_MANY; i++) {
        g_assert_cmpuint(watches[i].calls, >, 0);
        testWatchClear(&watches[i]);
    }
}

static void
testManyRemovedByOne(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watches[32];
    guint calls = 0;
    guint i;

    for (i = 0; i < G_N_ELEMENTS(watches); i++) {
        testWatchInit(&watches[i], epoll, EPOLLIN);
        testWatchWrite(&watches[i]);
    }
    /* Each removes the next: half of them are called, whoever is first. */
    for (i = 0; i < G_N_ELEMENTS(watches); i++)
        watches[i].remove = &watches[(i + 1) % G_N_ELEMENTS(watches)];
    testTurn();
    for (i = 0; i < G_N_ELEMENTS(watches); i++) {
        calls += watches[i].calls;
        testWatchClear(&watches[i]);
    }
    g_assert_cmpuint(calls, ==, G_N_ELEMENTS(watches) / 2);
}

static gboolean
testTimer(gpointer opaque)
{
    *(bool *)opaque = true;
    return G_SOURCE_REMOVE;
}

static gboolean
testNever(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
          gpointer opaque G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
testOthersRun(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    testWatch watch;
    bool fired = false;

    testWatchInit(&watch, epoll, EPOLLIN | EPOLLOUT);
    testWatchWrite(&watch);
    g_timeout_add(5, testTimer, &fired);
    while (!fired && g_get_monotonic_time() < deadline)
        testTurn();
    g_assert_true(fired);
    g_assert_cmpuint(watch.calls, >, 1);
    testWatchClear(&watch);
}

/* ---- beside other sources ---- */

/* A source that goes before all events of one turn, and does something then. */
typedef struct {
    GSource source;
    testWatch *remove;
} testFirst;

static gboolean
testFirstCheck(GSource *source G_GNUC_UNUSED)
{
    return TRUE;
}

static gboolean
testFirstDispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
    testFirst *first = (testFirst *)source;

    if (first->remove)
        vbEpollWatchRemove(g_steal_pointer(&first->remove->watch));
    return G_SOURCE_REMOVE;
}

static void
testAddFirst(testWatch *remove)
{
    static GSourceFuncs funcs = { .check = testFirstCheck, .dispatch = testFirstDispatch };
    GSource *source = g_source_new(&funcs, sizeof(testFirst));

    ((testFirst *)source)->remove = remove;
    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_attach(source, NULL);
    g_source_unref(source);
}

static void
testRemoveBeforeDelivery(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;
    testWatch other;

    testWatchInit(&watch, epoll, EPOLLIN);
    testWatchInit(&other, epoll, EPOLLIN);
    testTurn();
    testWatchWrite(&watch);
    testWatchWrite(&other);
    testAddFirst(&watch);
    testTurn();
    g_assert_null(watch.watch);
    g_assert_cmpuint(other.calls, ==, 0);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 0);
    g_assert_cmpuint(other.calls, ==, 1);
    testWatchClear(&watch);
    testWatchClear(&other);
}

static void
testFreeBeforeDelivery(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testTurn();
    testWatchWrite(&watch);
    testAddFirst(&watch);
    testTurn();
    g_assert_null(watch.watch);
    testWatchClear(&watch);
}

static void
testHangUpDelayed(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, 0);
    testTurn();
    testWatchHangUp(&watch);
    testAddFirst(NULL);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 0);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

static gpointer
testOtherThread(gpointer opaque)
{
    g_usleep(50000);
    g_idle_add(testTimer, opaque);
    return NULL;
}

static void
testWokenUp(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    bool fired = false;
    testWatch watch;
    GThread *thread;

    testWatchInit(&watch, epoll, EPOLLIN);
    testTurn();
    thread = g_thread_new("other", testOtherThread, &fired);
    /* It would wait for ever. */
    while (!fired)
        g_main_context_iteration(NULL, TRUE);
    g_thread_join(thread);
    g_assert_cmpuint(watch.calls, ==, 0);
    /* Nothing is left of it that would keep the loop busy. */
    fired = false;
    g_timeout_add(50, testTimer, &fired);
    for (guint turns = 0; turns < 5 && !fired; turns++)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(fired);
    testWatchClear(&watch);
}

/* As while another program is asked something: the main loop waits for more than the set. */
static void
testMoreDescriptors(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;
    testWatch late;
    guint source;
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    testWatchInit(&watch, epoll, EPOLLIN);
    testTurn();
    source = g_unix_fd_add(fds[0], G_IO_IN, testNever, NULL);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_source_remove(source);
    testWatchInit(&late, epoll, EPOLLIN);
    testWatchWrite(&late);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 2);
    g_assert_cmpuint(late.calls, ==, 1);
    close(fds[0]);
    close(fds[1]);
    testWatchClear(&watch);
    testWatchClear(&late);
}

static void
testTwoSets(void)
{
    g_autoptr(vbEpoll) one = testNew();
    g_autoptr(vbEpoll) two = testNew();
    testWatch watch;
    testWatch other;

    testWatchInit(&watch, one, EPOLLIN);
    testWatchInit(&other, two, EPOLLIN);
    testWatchWrite(&other);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 0);
    g_assert_cmpuint(other.calls, ==, 1);
    testWatchClear(&watch);
    testWatchClear(&other);
}

/* ---- failures and the end ---- */

static void
testAddTwice(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    errno = 0;
    g_assert_null(vbEpollAdd(epoll, watch.fds[0], EPOLLIN, testCalled, &watch));
    g_assert_cmpint(errno, ==, EEXIST);
    testWatchWrite(&watch);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    testWatchClear(&watch);
}

static void
testAddBad(void)
{
    g_autoptr(vbEpoll) epoll = testNew();
    int file = memfd_create("epolltest", MFD_CLOEXEC);

    errno = 0;
    g_assert_null(vbEpollAdd(epoll, file, EPOLLIN, testCalled, NULL));
    g_assert_cmpint(errno, ==, EPERM);
    close(file);
    errno = 0;
    g_assert_null(vbEpollAdd(epoll, file, EPOLLIN, testCalled, NULL));
    g_assert_cmpint(errno, ==, EBADF);
}

static void
testFree(void)
{
    guint before = testFdCount();
    vbEpoll *epoll = testNew();
    testWatch watch;

    testWatchInit(&watch, epoll, EPOLLIN);
    testWatchWrite(&watch);
    testTurn();
    testWatchClear(&watch);
    vbEpollFree(epoll);
    vbEpollFree(NULL);
    testTurn();
    g_assert_cmpuint(watch.calls, ==, 1);
    g_assert_cmpuint(testFdCount(), ==, before);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    testTurn(); /* the main context opens what it needs */

    g_test_add_func("/epoll/a readable descriptor is told", testReadable);
    g_test_add_func("/epoll/a writable descriptor is told", testWritable);
    g_test_add_func("/epoll/what comes together is told together", testBoth);
    g_test_add_func("/epoll/a level is told until it is gone", testLevel);
    g_test_add_func("/epoll/a hang-up is told", testHangUp);
    g_test_add_func("/epoll/an error is told", testError);

    g_test_add_func("/epoll/a watch may wait for nothing at first", testNothingWanted);
    g_test_add_func("/epoll/setting a watch to nothing stops it", testSetNothing);
    g_test_add_func("/epoll/setting a watch to something else changes it", testSetOther);
    g_test_add_func("/epoll/setting a watch to what it is keeps it", testSetSame);
    g_test_add_func("/epoll/a hang-up is told once where nothing is waited for",
                    testNothingWantedHangUp);
    g_test_add_func("/epoll/a hang-up is told once where nothing is waited for any more",
                    testSetNothingHangUp);
    g_test_add_func("/epoll/a hang-up is told again when something is waited for",
                    testHangUpToldAgain);
    g_test_add_func("/epoll/setting another watch to nothing stops an event that has come",
                    testSetNothingWhileDelivered);
    g_test_add_func("/epoll/a watch may set itself to nothing", testSetNothingOwn);

    g_test_add_func("/epoll/a removed watch is silent", testRemove);
    g_test_add_func("/epoll/a watch may remove itself", testRemoveOwn);
    g_test_add_func("/epoll/a watch may remove another whose event has come", testRemoveOther);
    g_test_add_func("/epoll/a watch may remove another that is idle", testRemoveOtherIdle);
    g_test_add_func("/epoll/a watch may replace another whose event has come", testRemoveAndAdd);
    g_test_add_func("/epoll/watches come and go with their descriptors", testRemoveAndClose);

    g_test_add_func("/epoll/among many ready descriptors everyone's turn comes", testMany);
    g_test_add_func("/epoll/many watches may be removed in one delivery", testManyRemovedByOne);
    g_test_add_func("/epoll/a busy descriptor lets other sources run", testOthersRun);
    g_test_add_func("/epoll/a watch may go between its event and the delivery",
                    testRemoveBeforeDelivery);
    g_test_add_func("/epoll/a set may go between an event and its delivery",
                    testFreeBeforeDelivery);
    g_test_add_func("/epoll/a hang-up is not lost where another source goes first",
                    testHangUpDelayed);
    g_test_add_func("/epoll/another thread wakes the loop up", testWokenUp);
    g_test_add_func("/epoll/a main loop that waits for more delivers the same",
                    testMoreDescriptors);
    g_test_add_func("/epoll/two sets do not disturb each other", testTwoSets);

    g_test_add_func("/epoll/a descriptor is watched once", testAddTwice);
    g_test_add_func("/epoll/a descriptor that cannot be watched is refused", testAddBad);
    g_test_add_func("/epoll/freeing leaves nothing behind", testFree);

    return g_test_run();
}
