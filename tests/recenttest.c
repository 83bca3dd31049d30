/*
 * recenttest.c: what was made of the texts that came last
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vbrecent.h"

#include <string.h>

static guint testFreed;

static void
testFree(gpointer value)
{
    testFreed++;
    g_free(value);
}

static vbRecent *
testNew(void)
{
    testFreed = 0;
    return vbRecentNew(testFree);
}

static void
testAdd(vbRecent *recent, const char *text, size_t size)
{
    vbRecentAdd(recent, text, strlen(text), size, g_strdup(text));
}

static const char *
testFind(vbRecent *recent, const char *text)
{
    return vbRecentFind(recent, text, strlen(text));
}

static void
testSame(void)
{
    g_autoptr(vbRecent) recent = testNew();

    g_assert_null(testFind(recent, "one"));
    testAdd(recent, "one", 0);
    testAdd(recent, "two", 0);
    testAdd(recent, "", 0);
    g_assert_cmpstr(testFind(recent, "one"), ==, "one");
    g_assert_cmpstr(testFind(recent, "two"), ==, "two");
    g_assert_cmpstr(testFind(recent, ""), ==, "");
    g_assert_cmpuint(testFreed, ==, 0);
}

static void
testOther(void)
{
    g_autoptr(vbRecent) recent = testNew();

    testAdd(recent, "text", 0);
    g_assert_null(testFind(recent, "texT"));
    g_assert_null(testFind(recent, "Text"));
    g_assert_null(testFind(recent, "tex"));
    g_assert_null(testFind(recent, "texts"));
}

/* Its end is where its length says. */
static void
testZero(void)
{
    g_autoptr(vbRecent) recent = testNew();

    vbRecentAdd(recent, "a\0b", 3, 0, g_strdup("value"));
    g_assert_null(vbRecentFind(recent, "a\0c", 3));
    g_assert_cmpstr(vbRecentFind(recent, "a\0b", 3), ==, "value");
}

static void
testLimit(void)
{
    const size_t part = VB_RECENT_TOTAL_MAX / 4;
    g_autoptr(vbRecent) recent = testNew();

    testAdd(recent, "first", part);
    testAdd(recent, "second", part);
    testAdd(recent, "third", part);
    g_assert_cmpuint(testFreed, ==, 0);
    /* The first one was looked for, so the second one is the oldest. */
    g_assert_nonnull(testFind(recent, "first"));
    testAdd(recent, "fourth", part);
    g_assert_cmpuint(testFreed, ==, 1);
    g_assert_null(testFind(recent, "second"));
    g_assert_nonnull(testFind(recent, "first"));
    g_assert_nonnull(testFind(recent, "third"));
    g_assert_nonnull(testFind(recent, "fourth"));
}

static void
testLarge(void)
{
    g_autofree char *text = g_strnfill(VB_RECENT_TEXT_MAX + 1, 'x');
    g_autoptr(vbRecent) recent = testNew();

    testAdd(recent, "small", 0);
    testAdd(recent, "much", VB_RECENT_TOTAL_MAX);
    testAdd(recent, text, 0);
    g_assert_cmpuint(testFreed, ==, 2);
    g_assert_null(testFind(recent, "much"));
    g_assert_null(testFind(recent, text));
    g_assert_nonnull(testFind(recent, "small"));
    text[VB_RECENT_TEXT_MAX] = '\0';
    testAdd(recent, text, 0);
    g_assert_nonnull(testFind(recent, text));
}

/* Texts count as well as what was made of them. */
static void
testTexts(void)
{
    g_autofree char *text = g_strnfill(100000, 'x');
    g_autoptr(vbRecent) recent = testNew();
    const guint count = 20;

    for (guint i = 0; i < count; i++) {
        text[0] = (char)('a' + i);
        testAdd(recent, text, 0);
    }
    g_assert_cmpuint(testFreed, ==, count - VB_RECENT_TOTAL_MAX / 100000);
}

static void
testEnd(void)
{
    g_autoptr(vbRecent) recent = testNew();

    testAdd(recent, "one", 0);
    testAdd(recent, "two", 0);
    g_clear_pointer(&recent, vbRecentFree);
    g_assert_cmpuint(testFreed, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/recent/what was made of a text is found again", testSame);
    g_test_add_func("/recent/another text is not the same", testOther);
    g_test_add_func("/recent/a text may have any bytes", testZero);
    g_test_add_func("/recent/what was not looked for makes room", testLimit);
    g_test_add_func("/recent/what is too large is not kept", testLarge);
    g_test_add_func("/recent/texts take room too", testTexts);
    g_test_add_func("/recent/nothing is left at the end", testEnd);

    return g_test_run();
}
