/*
 * domainqueuetest.c: who has a turn at a domain, in which order
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "domain_queue.h"

/* Those who may wait in the daemon: 5 calls of each of 5000 clients. */
#define TEST_MANY 25000

typedef struct _testClient testClient;
struct _testClient {
    vbDomainTurn *turn;
    GString *log;       /* of names, in the order of their turns */
    char name;
    testClient *leaves; /* who leaves inside the callback; NULL: nobody */
    testClient *enters; /* who enters inside the callback; NULL: nobody */
    vbDomainQueue *queue;
    const guint8 *uuid;
    unsigned int called;
};

static const guint8 testUUID[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void
testLeave(testClient *client)
{
    vbDomainTurn *turn = g_steal_pointer(&client->turn);

    vbDomainTurnLeave(turn);
}

static void
testTurn(gpointer opaque);

static void
testEnter(testClient *client)
{
    client->turn = vbDomainQueueEnter(client->queue, client->uuid, testTurn, client);
}

static void
testTurn(gpointer opaque)
{
    testClient *client = opaque;

    client->called++;
    g_assert_true(vbDomainTurnIsHere(client->turn));
    if (client->log)
        g_string_append_c(client->log, client->name);
    if (client->enters)
        testEnter(client->enters);
    if (client->leaves)
        testLeave(client->leaves);
}

typedef struct {
    vbDomainQueue *queue;
    GString *log;
    testClient clients[5]; /* named a to e */
} testFixture;

static void
testSetUp(testFixture *fixture, gconstpointer opaque)
{
    size_t i;

    fixture->queue = vbDomainQueueNew();
    fixture->log = g_string_new(NULL);
    for (i = 0; i < G_N_ELEMENTS(fixture->clients); i++) {
        testClient *client = &fixture->clients[i];

        client->queue = fixture->queue;
        client->uuid = testUUID;
        client->log = fixture->log;
        client->name = (char)('a' + i);
    }
}

/* Freeing the queue asserts that nobody is left in it. */
static void
testTearDown(testFixture *fixture, gconstpointer opaque)
{
    vbDomainQueueFree(fixture->queue);
    g_string_free(fixture->log, TRUE);
}

static void
testEnterAll(testFixture *fixture)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(fixture->clients); i++)
        testEnter(&fixture->clients[i]);
}

static void
testFirst(testFixture *fixture, gconstpointer opaque)
{
    testClient *a = &fixture->clients[0];

    testEnter(a);
    g_assert_true(vbDomainTurnIsHere(a->turn));
    g_assert_cmpuint(a->called, ==, 0);
    testLeave(a);
    g_assert_cmpuint(a->called, ==, 0);
}

static void
testOrder(testFixture *fixture, gconstpointer opaque)
{
    static const char *const logs[] = { "", "b", "bc", "bcd", "bcde" };
    size_t i;
    size_t j;

    testEnterAll(fixture);
    for (i = 0; i < G_N_ELEMENTS(fixture->clients); i++) {
        g_assert_cmpstr(fixture->log->str, ==, logs[i]);
        for (j = i; j < G_N_ELEMENTS(fixture->clients); j++)
            g_assert_true(vbDomainTurnIsHere(fixture->clients[j].turn) == (j == i));
        testLeave(&fixture->clients[i]);
    }
    g_assert_cmpstr(fixture->log->str, ==, "bcde");
}

static void
testLeavingWaiters(testFixture *fixture, gconstpointer opaque)
{
    testClient *clients = fixture->clients;

    testEnterAll(fixture);
    testLeave(&clients[2]);
    testLeave(&clients[4]);
    testLeave(&clients[1]);
    g_assert_cmpstr(fixture->log->str, ==, "");
    g_assert_true(vbDomainTurnIsHere(clients[0].turn));
    testLeave(&clients[0]);
    g_assert_cmpstr(fixture->log->str, ==, "d");
    testLeave(&clients[3]);
    g_assert_cmpstr(fixture->log->str, ==, "d");
}

static void
testLastLeavesFirst(testFixture *fixture, gconstpointer opaque)
{
    size_t i;

    testEnterAll(fixture);
    for (i = G_N_ELEMENTS(fixture->clients); i > 0; i--)
        testLeave(&fixture->clients[i - 1]);
    g_assert_cmpstr(fixture->log->str, ==, "");
}

static void
testLeavingInside(testFixture *fixture, gconstpointer opaque)
{
    testClient *clients = fixture->clients;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(fixture->clients); i++)
        clients[i].leaves = &clients[i];
    testEnterAll(fixture);
    testLeave(&clients[0]);
    g_assert_cmpstr(fixture->log->str, ==, "bcde");
    for (i = 0; i < G_N_ELEMENTS(fixture->clients); i++)
        g_assert_null(clients[i].turn);
}

static void
testAnotherLeavesInside(testFixture *fixture, gconstpointer opaque)
{
    testClient *clients = fixture->clients;

    testEnterAll(fixture);
    clients[1].leaves = &clients[2];
    testLeave(&clients[0]);
    g_assert_cmpstr(fixture->log->str, ==, "b");
    g_assert_true(vbDomainTurnIsHere(clients[1].turn));
    testLeave(&clients[1]);
    g_assert_cmpstr(fixture->log->str, ==, "bd");
    testLeave(&clients[3]);
    testLeave(&clients[4]);
    g_assert_cmpstr(fixture->log->str, ==, "bde");
}

static void
testEnteringInside(testFixture *fixture, gconstpointer opaque)
{
    testClient *clients = fixture->clients;

    testEnter(&clients[0]);
    testEnter(&clients[1]);
    testEnter(&clients[2]);
    clients[1].enters = &clients[3];
    testLeave(&clients[0]);
    g_assert_cmpstr(fixture->log->str, ==, "b");
    testLeave(&clients[1]);
    testLeave(&clients[2]);
    g_assert_cmpstr(fixture->log->str, ==, "bcd");
    testLeave(&clients[3]);
}

/* The line is empty for a moment in between, and another one after it. */
static void
testEnteringAndLeavingInside(testFixture *fixture, gconstpointer opaque)
{
    testClient *clients = fixture->clients;

    testEnter(&clients[0]);
    testEnter(&clients[1]);
    clients[1].leaves = &clients[1];
    clients[1].enters = &clients[2];
    testLeave(&clients[0]);
    g_assert_cmpstr(fixture->log->str, ==, "bc");
    g_assert_true(vbDomainTurnIsHere(clients[2].turn));
    testLeave(&clients[2]);
}

static void
testAgain(testFixture *fixture, gconstpointer opaque)
{
    testClient *a = &fixture->clients[0];
    int i;

    for (i = 0; i < 3; i++) {
        testEnter(a);
        g_assert_true(vbDomainTurnIsHere(a->turn));
        testLeave(a);
    }
    g_assert_cmpuint(a->called, ==, 0);
}

static void
testTwiceInLine(testFixture *fixture, gconstpointer opaque)
{
    testClient *a = &fixture->clients[0];
    testClient again = *a;

    again.name = 'A';
    testEnter(a);
    testEnter(&again);
    g_assert_false(vbDomainTurnIsHere(again.turn));
    testLeave(a);
    g_assert_cmpstr(fixture->log->str, ==, "A");
    testLeave(&again);
}

/* The UUID counts, not where it is written, and every byte of it. */
static void
testUUIDs(testFixture *fixture, gconstpointer opaque)
{
    testClient *clients = fixture->clients;
    guint8 copy[16];
    guint8 other[16];
    size_t i;

    for (i = 0; i < sizeof(copy); i++) {
        memcpy(copy, testUUID, sizeof(copy));
        memcpy(other, testUUID, sizeof(other));
        other[i] ^= 0x80;
        clients[1].uuid = copy;
        clients[2].uuid = other;

        testEnter(&clients[0]);
        testEnter(&clients[1]);
        testEnter(&clients[2]);
        /* What it was called with is not needed any more. */
        memset(copy, 0, sizeof(copy));
        memset(other, 0, sizeof(other));
        g_assert_false(vbDomainTurnIsHere(clients[1].turn));
        g_assert_true(vbDomainTurnIsHere(clients[2].turn));
        testLeave(&clients[2]);
        g_assert_false(vbDomainTurnIsHere(clients[1].turn));
        testLeave(&clients[0]);
        g_assert_true(vbDomainTurnIsHere(clients[1].turn));
        testLeave(&clients[1]);
    }
}

static void
testManyDomains(testFixture *fixture, gconstpointer opaque)
{
    g_autofree testClient *clients = g_new0(testClient, 2 * TEST_MANY);
    g_autofree guint8 *uuids = g_new0(guint8, 16 * TEST_MANY);
    guint32 i;

    for (i = 0; i < 2 * TEST_MANY; i++) {
        guint8 *uuid = &uuids[16 * (i % TEST_MANY)];

        /* The same first bytes, which a hash may look at alone. */
        memcpy(uuid + 4, &(guint32){ i % TEST_MANY % 1000 }, 4);
        memcpy(uuid, &(guint32){ i % TEST_MANY / 1000 }, 4);
        clients[i].queue = fixture->queue;
        clients[i].uuid = uuid;
        testEnter(&clients[i]);
        g_assert_true(vbDomainTurnIsHere(clients[i].turn) == (i < TEST_MANY));
    }
    for (i = 0; i < TEST_MANY; i++) {
        testLeave(&clients[i]);
        g_assert_cmpuint(clients[TEST_MANY + i].called, ==, 1);
    }
    for (i = TEST_MANY; i < 2 * TEST_MANY; i++)
        testLeave(&clients[i]);
}

/* All that the daemon lets wait leave one inside of the other. */
static void
testManyInside(testFixture *fixture, gconstpointer opaque)
{
    g_autofree testClient *clients = g_new0(testClient, TEST_MANY);
    size_t i;

    for (i = 0; i < TEST_MANY; i++) {
        clients[i].queue = fixture->queue;
        clients[i].uuid = testUUID;
        clients[i].leaves = &clients[i];
        testEnter(&clients[i]);
    }
    testLeave(&clients[0]);
    for (i = 0; i < TEST_MANY; i++) {
        g_assert_null(clients[i].turn);
        g_assert_cmpuint(clients[i].called, ==, i > 0);
    }
}

static void
testNothing(void)
{
    vbDomainQueueFree(NULL);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(testFixture *fixture, gconstpointer opaque);
    } tests[] = {
        { "/domainqueue/the first has its turn at once and is not called", testFirst },
        { "/domainqueue/turns come in the order of entering", testOrder },
        { "/domainqueue/who leaves while waiting is never called", testLeavingWaiters },
        { "/domainqueue/all may leave before their turn", testLastLeavesFirst },
        { "/domainqueue/a turn may end inside of the callback", testLeavingInside },
        { "/domainqueue/another may leave inside of the callback", testAnotherLeavesInside },
        { "/domainqueue/another may enter inside of the callback", testEnteringInside },
        { "/domainqueue/one may enter and one leave inside of the callback",
          testEnteringAndLeavingInside },
        { "/domainqueue/a domain may be entered again", testAgain },
        { "/domainqueue/one client may wait for itself", testTwiceInLine },
        { "/domainqueue/every byte of the UUID counts", testUUIDs },
        { "/domainqueue/very many domains", testManyDomains },
        { "/domainqueue/very many turns that end inside of one another", testManyInside },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);

    for (i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, testFixture, NULL, testSetUp, tests[i].func, testTearDown);
    g_test_add_func("/domainqueue/no queue can be freed", testNothing);

    return g_test_run();
}
