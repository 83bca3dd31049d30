/*
 * qemurecenttest.c: what is made of the XML of domains, and is not made again
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "qemu_driverpriv.h"

#define DOMAIN(name, memory) \
    "<domain type='qemu'><name>" name "</name><metadata>" \
    "<b:policy xmlns:b='urn:virt-balloon:policy:1' memballoon='warn'/></metadata>" \
    "<memory unit='KiB'>" memory "</memory>" \
    "<devices><memballoon model='virtio'/></devices></domain>"

static const char testText[] = DOMAIN("one", "65536");
static const char testOther[] = DOMAIN("one", "65537");
static const char testPlain[] =
    "<domain><name>x</name><memory>1</memory><devices><memballoon model='virtio'/></devices>"
    "</domain>";

static void
testParseOnce(void)
{
    g_autoptr(qemuDriverRecent) recent = qemuDriverRecentNew();
    g_autoptr(vbDomainDef) first = qemuDriverRecentParse(recent, testText, strlen(testText));
    g_autoptr(vbDomainDef) again = qemuDriverRecentParse(recent, testText, strlen(testText));
    g_autoptr(vbDomainDef) other = qemuDriverRecentParse(recent, testOther, strlen(testOther));

    g_assert_nonnull(first);
    g_assert_true(first == again);
    g_assert_cmpuint(first->memory, ==, 65536);
    g_assert_cmpuint(other->memory, ==, 65537);
}

/* Who has it keeps it when nobody remembers it any more. */
static void
testParseOutlives(void)
{
    qemuDriverRecent *recent = qemuDriverRecentNew();
    g_autoptr(vbDomainDef) def = qemuDriverRecentParse(recent, testText, strlen(testText));

    qemuDriverRecentFree(recent);
    g_assert_cmpstr(def->name, ==, "one");
}

static void
testParseNone(void)
{
    g_autoptr(qemuDriverRecent) recent = qemuDriverRecentNew();
    g_autoptr(vbDomainDef) def = qemuDriverRecentParse(NULL, testText, strlen(testText));

    g_assert_cmpstr(def->name, ==, "one");
    g_assert_null(qemuDriverRecentParse(recent, "<domain>", 8));
    g_assert_null(qemuDriverRecentParse(recent, "<domain>", 8));
    g_assert_null(qemuDriverRecentParse(NULL, "<domain>", 8));
}

static void
testShowAgain(void)
{
    g_autoptr(qemuDriverRecent) recent = qemuDriverRecentNew();
    size_t lengths[3] = { 0 };
    g_autofree guint8 *first = qemuDriverRecentShow(recent, testText, strlen(testText),
                                                    &lengths[0]);
    g_autofree guint8 *again = qemuDriverRecentShow(recent, testText, strlen(testText),
                                                    &lengths[1]);
    g_autofree guint8 *alone = qemuDriverRecentShow(NULL, testText, strlen(testText),
                                                    &lengths[2]);

    g_assert_nonnull(memmem(first, lengths[0], "policy='warn'", 13));
    g_assert_cmpuint(lengths[1], ==, lengths[0]);
    g_assert_cmpuint(lengths[2], ==, lengths[0]);
    g_assert_cmpint(memcmp(again, first, lengths[0]), ==, 0);
    g_assert_cmpint(memcmp(alone, first, lengths[0]), ==, 0);
}

static void
testShowOther(void)
{
    g_autoptr(qemuDriverRecent) recent = qemuDriverRecentNew();
    size_t length = 0;
    g_autofree guint8 *first = qemuDriverRecentShow(recent, testText, strlen(testText), &length);
    g_autofree guint8 *other = qemuDriverRecentShow(recent, testOther, strlen(testOther), &length);

    g_assert_nonnull(first);
    g_assert_nonnull(memmem(other, length, "65537", 5));
    g_assert_null(qemuDriverRecentShow(recent, testPlain, strlen(testPlain), &length));
    g_assert_null(qemuDriverRecentShow(recent, testPlain, strlen(testPlain), &length));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/recent/a text is read once", testParseOnce);
    g_test_add_func("/recent/what was read stays with who has it", testParseOutlives);
    g_test_add_func("/recent/what cannot be read is nothing", testParseNone);
    g_test_add_func("/recent/the same text is shown the same", testShowAgain);
    g_test_add_func("/recent/another text is shown otherwise", testShowOther);

    return g_test_run();
}
