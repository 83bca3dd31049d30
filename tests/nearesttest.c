/*
 * nearesttest.c: the known name that somebody may have meant
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbnearest.h"

typedef struct {
    const char *sentence;
    const char *name;
    const char *nearest; /* or NULL */
} testName;

static const char *const testKnown[] = { "default_policy", "qmp", "max_clients",
                                         "max_clients_per_user", "socket_mode", "socket_group" };

#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

static const testName testNames[] = {
    { "the name itself", "qmp", "qmp" },
    { "two letters swapped count one", "qpm", "qmp" },
    { "two letters swapped in a long name", "defualt_policy", "default_policy" },
    { "the first two letters swapped", "edfault_policy", "default_policy" },
    { "the last two letters swapped", "default_poliyc", "default_policy" },
    { "a letter is missing", "qp", "qmp" },
    { "a letter too many", "qmpp", "qmp" },
    { "a letter too many in front", "qqmp", "qmp" },
    { "a wrong letter", "qmt", "qmp" },
    { "two wrong letters of three are too many", "qxt", NULL },
    { "a third of the letters is near enough", "dexaultxpolixx", "default_policy" },
    { "more than a third is not", "dexaxltxpolixx", NULL },
    { "capitals count nothing", "SOCKET_MODE", "socket_mode" },
    { "another separator", "socket-group", "socket_group" },
    { "no separator", "defaultpolicy", "default_policy" },
    { "the nearer of two", "max_client", "max_clients" },
    { "the nearer of two, the other way", "max_clients_peruser", "max_clients_per_user" },
    { "nothing like it", "listen_addr", NULL },
    { "an empty name", "", NULL },
    { "a name as long as is looked at", LONG64, NULL },
    { "a longer name", LONG64 "4", NULL },
    { "bytes that are no letters", "\xff\xfe\xfd", NULL },
};

static void
testNearest(gconstpointer opaque)
{
    const testName *data = opaque;

    g_assert_cmpstr(vbNearestName(data->name, testKnown, G_N_ELEMENTS(testKnown)), ==,
                    data->nearest);
}

static void
testNothingKnown(void)
{
    g_assert_null(vbNearestName("qmp", NULL, 0));
}

static void
testEquallyNear(void)
{
    const char *const known[] = { "socket_a", "socket_b" };

    g_assert_cmpstr(vbNearestName("socket_c", known, G_N_ELEMENTS(known)), ==, "socket_a");
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One wrong answer must not hide the others. */
    g_test_set_nonfatal_assertions();

    for (i = 0; i < G_N_ELEMENTS(testNames); i++) {
        g_autofree char *path = g_strdup_printf("/nearest/%s", testNames[i].sentence);

        g_test_add_data_func(path, &testNames[i], testNearest);
    }
    g_test_add_func("/nearest/of no names none is near", testNothingKnown);
    g_test_add_func("/nearest/of two that are equally near the first", testEquallyNear);

    return g_test_run();
}
