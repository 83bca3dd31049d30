/*
 * remotecodectest.c: arguments and answers against bytes made by hand
 *
 * The vectors are built word by word as libvirt's .x files have them, without an XDR library, so
 * that a mistake that encoder and decoder share is seen.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_codec.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

static const guint8 testUuid[16] = {
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
};

/* ---- XDR by hand ---- */

static void
testPutWord(GByteArray *bytes, guint32 word)
{
    guint8 wire[4] = { (guint8)(word >> 24), (guint8)(word >> 16), (guint8)(word >> 8),
                       (guint8)word };

    g_byte_array_append(bytes, wire, 4);
}

static void
testPutLong(GByteArray *bytes, guint64 value)
{
    testPutWord(bytes, (guint32)(value >> 32));
    testPutWord(bytes, (guint32)value);
}

/* @pad: what stands in the padding */
static void
testPutBytes(GByteArray *bytes, const char *text, size_t length, guint8 pad)
{
    testPutWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    while (bytes->len % 4 != 0)
        g_byte_array_append(bytes, &pad, 1);
}

static void
testPutString(GByteArray *bytes, const char *text)
{
    testPutBytes(bytes, text, strlen(text), 0);
}

static void
testPutPointer(GByteArray *bytes, const char *text)
{
    testPutWord(bytes, text ? 1 : 0);
    if (text)
        testPutString(bytes, text);
}

static void
testPutDomain(GByteArray *bytes, const char *name, guint32 id)
{
    testPutString(bytes, name);
    g_byte_array_append(bytes, testUuid, sizeof(testUuid));
    testPutWord(bytes, id);
}

static GByteArray *
testNewSetMemory(const char *name, bool withFlags)
{
    GByteArray *bytes = g_byte_array_new();

    testPutDomain(bytes, name, 7);
    testPutLong(bytes, 0x0123456789abcdefu);
    if (withFlags)
        testPutWord(bytes, 0x80000003u);
    return bytes;
}

static char *
testNewName(size_t length)
{
    char *name = g_malloc(length + 1);

    memset(name, 'n', length);
    name[length] = '\0';
    return name;
}

/* The first @length bytes where nothing lies behind them, for the sanitizer. */
static guint8 *
testCut(const GByteArray *bytes, size_t length)
{
    guint8 *cut = g_malloc(MAX(length, 1));

    if (length > 0)
        memcpy(cut, bytes->data, length);
    return cut;
}

static void
testDomainInit(remoteNonnullDomain *dom, const char *name, gint32 id)
{
    dom->name = strdup(name);
    memcpy(dom->uuid, testUuid, sizeof(testUuid));
    dom->id = id;
}

/* ---- setting a domain's memory ---- */

static void
testCheckSetMemory(const char *name)
{
    g_autoptr(GByteArray) bytes = testNewSetMemory(name, false);
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory = 0;

    g_assert_true(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, NULL));
    g_assert_cmpstr(dom.name, ==, name);
    g_assert_cmpmem(dom.uuid, sizeof(dom.uuid), testUuid, sizeof(testUuid));
    g_assert_cmpint(dom.id, ==, 7);
    g_assert_cmphex(memory, ==, 0x0123456789abcdefu);
}

static void
testSetMemory(void)
{
    testCheckSetMemory("guest");
}

static void
testSetMemoryNameLengths(void)
{
    size_t length;

    for (length = 0; length < 20; length++) {
        g_autofree char *name = testNewName(length);

        testCheckSetMemory(name);
    }
}

static void
testSetMemoryFlags(void)
{
    g_autoptr(GByteArray) bytes = testNewSetMemory("guest", true);
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory = 0;
    guint32 flags = 0;

    g_assert_true(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, &flags));
    g_assert_cmpstr(dom.name, ==, "guest");
    g_assert_cmphex(memory, ==, 0x0123456789abcdefu);
    g_assert_cmphex(flags, ==, 0x80000003u);
}

static void
testSetMemoryInactive(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory;

    testPutDomain(bytes, "guest", 0xffffffffu);
    testPutLong(bytes, G_MAXUINT64);
    g_assert_true(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, NULL));
    g_assert_cmpint(dom.id, ==, -1);
    g_assert_cmphex(memory, ==, G_MAXUINT64);
}

/* Old clients leave what was in their buffer in the padding. */
static void
testSetMemoryStalePadding(void)
{
    size_t length;

    for (length = 1; length <= 4; length++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autofree char *name = testNewName(length);
        g_auto(remoteNonnullDomain) dom = { 0 };
        guint64 memory = 0;

        testPutBytes(bytes, name, length, 0xaa);
        g_byte_array_append(bytes, testUuid, sizeof(testUuid));
        testPutWord(bytes, 7);
        testPutLong(bytes, 524288);
        g_assert_true(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, NULL));
        g_assert_cmpstr(dom.name, ==, name);
        g_assert_cmpuint(memory, ==, 524288);
    }
}

static void
testSetMemoryTrailing(void)
{
    g_autoptr(GByteArray) bytes = testNewSetMemory("guest", true);
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory = 0;
    guint32 flags = 0;

    g_byte_array_append(bytes, testUuid, 13);
    g_assert_true(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, &flags));
    g_assert_cmphex(memory, ==, 0x0123456789abcdefu);
    g_assert_cmphex(flags, ==, 0x80000003u);
}

static void
testSetMemoryTooShort(void)
{
    guint withFlags;

    for (withFlags = 0; withFlags < 2; withFlags++) {
        g_autoptr(GByteArray) bytes = testNewSetMemory("guest", withFlags);
        size_t length;

        for (length = 0; length < bytes->len; length++) {
            g_autofree guint8 *cut = testCut(bytes, length);
            g_auto(remoteNonnullDomain) dom = { 0 };
            guint64 memory;
            guint32 flags;

            g_assert_false(remoteDecodeSetMemory(cut, length, &dom, &memory,
                                                 withFlags ? &flags : NULL));
        }
    }
}

/* As libvirtd has it: the name ends there, and everything behind it is in its place. */
static void
testSetMemoryNulInName(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory = 0;

    testPutBytes(bytes, "gu\0est", 6, 0);
    g_byte_array_append(bytes, testUuid, sizeof(testUuid));
    testPutWord(bytes, 7);
    testPutLong(bytes, 524288);
    g_assert_true(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, NULL));
    g_assert_cmpstr(dom.name, ==, "gu");
    g_assert_cmpmem(dom.uuid, sizeof(dom.uuid), testUuid, sizeof(testUuid));
    g_assert_cmpuint(memory, ==, 524288);
}

static void
testSetMemoryLongestName(void)
{
    g_autofree char *name = testNewName(REMOTE_STRING_MAX);

    testCheckSetMemory(name);
}

static void
testSetMemoryNameTooLong(void)
{
    g_autofree char *name = testNewName(REMOTE_STRING_MAX + 1);
    g_autoptr(GByteArray) bytes = testNewSetMemory(name, false);
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory;

    g_assert_false(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, NULL));
}

static void
testSetMemoryHostileName(void)
{
    static const guint32 lengths[] = { REMOTE_STRING_MAX, 0x7fffffff, 0x80000000u, 0xfffffffcu,
                                       0xfffffffdu, 0xffffffffu };
    guint i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_auto(remoteNonnullDomain) dom = { 0 };
        guint64 memory;

        testPutWord(bytes, lengths[i]);
        g_byte_array_append(bytes, testUuid, sizeof(testUuid));
        g_byte_array_append(bytes, testUuid, sizeof(testUuid));
        g_assert_false(remoteDecodeSetMemory(bytes->data, bytes->len, &dom, &memory, NULL));
    }
}

static void
testDomainClearTwice(void)
{
    remoteNonnullDomain dom = { 0 };

    testDomainInit(&dom, "guest", 1);
    remoteNonnullDomainClear(&dom);
    g_assert_null(dom.name);
    remoteNonnullDomainClear(&dom);
}

/* ---- arguments of our own calls ---- */

static void
testEncodeDomain(void)
{
    size_t length;

    for (length = 0; length < 20; length++) {
        g_autofree char *name = testNewName(length);
        g_autoptr(GByteArray) expected = g_byte_array_new();
        g_auto(remoteNonnullDomain) dom = { 0 };
        g_autoptr(GByteArray) bytes = NULL;

        testDomainInit(&dom, name, -1);
        bytes = remoteEncodeDomain(&dom);
        testPutDomain(expected, name, 0xffffffffu);
        g_assert_cmpmem(bytes->data, bytes->len, expected->data, expected->len);
    }
}

static void
testEncodeDomainFlags(void)
{
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_autoptr(GByteArray) bytes = NULL;

    testDomainInit(&dom, "guest", 0x12345678);
    bytes = remoteEncodeDomainFlags(&dom, 0x80000008u);
    testPutDomain(expected, "guest", 0x12345678);
    testPutWord(expected, 0x80000008u);
    g_assert_cmpmem(bytes->data, bytes->len, expected->data, expected->len);
}

static void
testEncodeMonitorCommand(void)
{
    static const char *command = "{\"execute\":\"query-balloon\"}";
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_autoptr(GByteArray) bytes = NULL;

    testDomainInit(&dom, "guest", 3);
    bytes = remoteEncodeDomainString(&dom, command, 1);
    testPutDomain(expected, "guest", 3);
    testPutString(expected, command);
    testPutWord(expected, 1);
    g_assert_cmpmem(bytes->data, bytes->len, expected->data, expected->len);
}

static void
testEncodeSetMemory(void)
{
    const guint32 flags = 0x80000003u;
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_autoptr(GByteArray) without = NULL;
    g_autoptr(GByteArray) with = NULL;

    testDomainInit(&dom, "guest", 3);
    without = remoteEncodeSetMemory(&dom, 0x123456789abcdef0ULL, NULL);
    with = remoteEncodeSetMemory(&dom, 0x123456789abcdef0ULL, &flags);
    testPutDomain(expected, "guest", 3);
    testPutWord(expected, 0x12345678u);
    testPutWord(expected, 0x9abcdef0u);
    g_assert_cmpmem(without->data, without->len, expected->data, expected->len);
    testPutWord(expected, flags);
    g_assert_cmpmem(with->data, with->len, expected->data, expected->len);
}

static void
testErrorMessage(void)
{
    g_autoptr(GByteArray) error = remoteEncodeError(VIR_ERR_OPERATION_FAILED, VIR_FROM_QEMU, "why");
    g_autoptr(GByteArray) silent = g_byte_array_new();
    char *message = remoteDecodeErrorText(error->data, error->len);

    g_assert_cmpstr(message, ==, "operation failed: why");
    free(message);
    /* Up to the end of the sentence. */
    for (guint have = 0; have < 12 + 4 + 24; have++) {
        g_autofree guint8 *cut = g_memdup2(error->data, have);

        g_assert_null(remoteDecodeErrorText(cut, have));
    }
    for (int i = 0; i < 3; i++)
        testPutWord(silent, 0);
    g_assert_null(remoteDecodeErrorText(silent->data, silent->len));
}

static void
testEncodeLongest(void)
{
    g_autofree char *name = testNewName(REMOTE_STRING_MAX);
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_autoptr(GByteArray) bytes = NULL;

    testDomainInit(&dom, name, 3);
    bytes = remoteEncodeDomainString(&dom, name, 1);
    testPutDomain(expected, name, 3);
    testPutString(expected, name);
    testPutWord(expected, 1);
    g_assert_cmpmem(bytes->data, bytes->len, expected->data, expected->len);
}

static void
testEncodeLeavesDomain(void)
{
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_autoptr(GByteArray) bytes = NULL;
    char *name;

    testDomainInit(&dom, "guest", 3);
    name = dom.name;
    bytes = remoteEncodeDomain(&dom);
    g_assert_true(dom.name == name);
    g_assert_cmpstr(dom.name, ==, "guest");
}

/* ---- how much of the arguments must be here ---- */

/* Grows from nothing by what is asked for, as a reader does. Returns where that ends. */
static size_t
testWantRun(const char *layout, const GByteArray *bytes)
{
    size_t have = 0;

    for (;;) {
        g_autofree guint8 *cut = testCut(bytes, have);
        size_t want = remoteArgsWant(layout, cut, have);

        g_assert_cmpuint(want, >=, have);
        if (want == have)
            return have;
        if (want > bytes->len)
            return want;
        have = want;
    }
}

/* At every prefix of complete arguments of @layout: asks for more, but for no more than there is;
 * and at the end, and behind it, for nothing. */
static void
testWantCheck(const char *layout, const GByteArray *bytes)
{
    size_t have;

    for (have = 0; have < bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        size_t want = remoteArgsWant(layout, cut, have);

        g_assert_cmpuint(want, >, have);
        g_assert_cmpuint(want, <=, bytes->len);
    }
    g_assert_cmpuint(remoteArgsWant(layout, bytes->data, bytes->len), ==, bytes->len);
    g_assert_cmpuint(testWantRun(layout, bytes), ==, bytes->len);
    {
        g_autoptr(GByteArray) more = g_byte_array_new();

        g_byte_array_append(more, bytes->data, bytes->len);
        for (have = bytes->len + 1; have < bytes->len + 9; have++) {
            g_byte_array_append(more, (const guint8 *)"\xff", 1);
            g_assert_cmpuint(remoteArgsWant(layout, more->data, have), ==, have);
        }
        g_assert_cmpuint(testWantRun(layout, more), ==, bytes->len);
    }
}

static void
testWantSetMemory(void)
{
    size_t length;

    for (length = 0; length < 10; length++) {
        g_autofree char *name = testNewName(length);
        g_autoptr(GByteArray) bytes = testNewSetMemory(name, false);

        testWantCheck("dl", bytes);
    }
}

static void
testWantSetMemoryFlags(void)
{
    size_t length;

    for (length = 0; length < 10; length++) {
        g_autofree char *name = testNewName(length);
        g_autoptr(GByteArray) bytes = testNewSetMemory(name, true);

        testWantCheck("dlu", bytes);
    }
}

static void
testWantMonitorCommand(void)
{
    size_t nameLength;
    size_t length;

    for (nameLength = 0; nameLength < 6; nameLength++) {
        for (length = 0; length < 6; length++) {
            g_autofree char *name = testNewName(nameLength);
            g_autofree char *command = testNewName(length);
            g_autoptr(GByteArray) bytes = g_byte_array_new();

            testPutDomain(bytes, name, 3);
            testPutString(bytes, command);
            testPutWord(bytes, 1);
            testWantCheck("dsu", bytes);
        }
    }
}

static void
testWantString(void)
{
    size_t length;

    for (length = 0; length < 10; length++) {
        g_autofree char *text = testNewName(length);
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        testPutString(bytes, text);
        testWantCheck("s", bytes);
    }
}

static void
testWantSetMemoryDecodes(void)
{
    g_autoptr(GByteArray) bytes = testNewSetMemory("guest", true);
    size_t have;

    for (have = 0; have <= bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        g_auto(remoteNonnullDomain) dom = { 0 };
        guint64 memory;
        guint32 flags;

        g_assert_cmpint(remoteDecodeSetMemory(cut, have, &dom, &memory, &flags), ==,
                        remoteArgsWant("dlu", cut, have) == have);
    }
}

static void
testWantStringDecodes(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t have;

    testPutString(bytes, "five!");
    for (have = 0; have <= bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        size_t length;

        g_assert_cmpint(remoteDecodeString(cut, have, &length) != NULL, ==,
                        remoteArgsWant("s", cut, have) == have);
    }
}

static void
testWantNameTooLong(void)
{
    static const char *layouts[] = { "dl", "dlu", "dsu", "s" };
    static const guint32 lengths[] = { REMOTE_STRING_MAX + 1, 0x80000000u, 0xfffffffcu,
                                       0xffffffffu };
    guint i;
    guint j;

    for (i = 0; i < G_N_ELEMENTS(layouts); i++) {
        for (j = 0; j < G_N_ELEMENTS(lengths); j++) {
            g_autoptr(GByteArray) bytes = g_byte_array_new();

            testPutWord(bytes, lengths[j]);
            g_assert_cmpuint(remoteArgsWant(layouts[i], bytes->data, 4), ==, 4);
            g_byte_array_append(bytes, testUuid, sizeof(testUuid));
            g_assert_cmpuint(remoteArgsWant(layouts[i], bytes->data, 20), ==, 20);
        }
    }
}

static void
testWantSecondStringTooLong(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    testPutDomain(bytes, "guest", 3);
    testPutWord(bytes, REMOTE_STRING_MAX + 1);
    g_assert_cmpuint(remoteArgsWant("dsu", bytes->data, bytes->len), ==, bytes->len);
}

static void
testWantLongestName(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    testPutWord(bytes, REMOTE_STRING_MAX);
    g_assert_cmpuint(remoteArgsWant("dl", bytes->data, 4), ==,
                     4 + REMOTE_STRING_MAX + 16 + 4 + 8);
}

/* ---- answers ---- */

static void
testString(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t length = 0;
    const char *text;

    testPutString(bytes, "<domain/>");
    text = remoteDecodeString(bytes->data, bytes->len, &length);
    g_assert_cmpmem(text, (int)length, "<domain/>", 9);
    g_assert_true(text == (const char *)bytes->data + 4);
}

static void
testStringEmpty(void)
{
    size_t length = 1;

    g_assert_nonnull(remoteDecodeString((const guint8 *)"\0\0\0\0", 4, &length));
    g_assert_cmpuint(length, ==, 0);
}

static void
testStringTooShort(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t have;

    testPutString(bytes, "full");
    for (have = 0; have < bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        size_t length;

        g_assert_null(remoteDecodeString(cut, have, &length));
    }
}

static void
testStringTooLong(void)
{
    g_autofree char *text = testNewName(REMOTE_STRING_MAX + 1);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t length;

    testPutString(bytes, text);
    g_assert_null(remoteDecodeString(bytes->data, bytes->len, &length));
}

static void
testStringHostile(void)
{
    static const guint32 lengths[] = { REMOTE_STRING_MAX, 0x7fffffff, 0x80000000u, 0xfffffffcu,
                                       0xffffffffu };
    guint i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        size_t length;

        testPutWord(bytes, lengths[i]);
        testPutWord(bytes, 0);
        g_assert_null(remoteDecodeString(bytes->data, bytes->len, &length));
    }
}

static void
testMessages(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_auto(GStrv) messages = NULL;

    testPutWord(bytes, 3);
    testPutString(bytes, "tainted: custom monitor control commands issued");
    testPutString(bytes, "");
    testPutString(bytes, "five!");
    messages = remoteDecodeMessages(bytes->data, bytes->len);
    g_assert_nonnull(messages);
    g_assert_cmpuint(g_strv_length(messages), ==, 3);
    g_assert_cmpstr(messages[0], ==, "tainted: custom monitor control commands issued");
    g_assert_cmpstr(messages[1], ==, "");
    g_assert_cmpstr(messages[2], ==, "five!");
}

static void
testMessagesNone(void)
{
    g_auto(GStrv) messages = remoteDecodeMessages((const guint8 *)"\0\0\0\0", 4);

    g_assert_nonnull(messages);
    g_assert_null(messages[0]);
}

static void
testMessagesTooShort(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t have;

    testPutWord(bytes, 2);
    testPutString(bytes, "first");
    testPutString(bytes, "second");
    for (have = 0; have < bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);

        g_assert_null(remoteDecodeMessages(cut, have));
    }
}

static void
testMessagesMost(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_auto(GStrv) messages = NULL;
    guint i;

    testPutWord(bytes, REMOTE_DOMAIN_MESSAGES_MAX);
    for (i = 0; i < REMOTE_DOMAIN_MESSAGES_MAX; i++)
        testPutString(bytes, "m");
    messages = remoteDecodeMessages(bytes->data, bytes->len);
    g_assert_nonnull(messages);
    g_assert_cmpuint(g_strv_length(messages), ==, REMOTE_DOMAIN_MESSAGES_MAX);
}

static void
testMessagesTooMany(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint i;

    testPutWord(bytes, REMOTE_DOMAIN_MESSAGES_MAX + 1);
    for (i = 0; i < REMOTE_DOMAIN_MESSAGES_MAX + 1; i++)
        testPutString(bytes, "m");
    g_assert_null(remoteDecodeMessages(bytes->data, bytes->len));
}

static void
testMessagesHostileCount(void)
{
    static const guint32 counts[] = { 3, REMOTE_DOMAIN_MESSAGES_MAX, 0x7fffffff, 0x80000000u,
                                      0xffffffffu };
    guint i;

    for (i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        testPutWord(bytes, counts[i]);
        testPutString(bytes, "first");
        testPutString(bytes, "second");
        g_assert_null(remoteDecodeMessages(bytes->data, bytes->len));
    }
}

static void
testMessagesHostileString(void)
{
    static const guint32 lengths[] = { REMOTE_STRING_MAX, REMOTE_STRING_MAX + 1, 0x80000000u,
                                       0xffffffffu };
    guint i;

    for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        testPutWord(bytes, 2);
        testPutString(bytes, "first");
        testPutWord(bytes, lengths[i]);
        testPutWord(bytes, 0);
        g_assert_null(remoteDecodeMessages(bytes->data, bytes->len));
    }
}

static void
testInt(void)
{
    gint32 value = 0;

    g_assert_true(remoteDecodeInt((const guint8 *)"\x01\x02\x03\x04", 4, &value));
    g_assert_cmpint(value, ==, 0x01020304);
    g_assert_true(remoteDecodeInt((const guint8 *)"\xff\xff\xff\xfe" "more", 8, &value));
    g_assert_cmpint(value, ==, -2);
}

static void
testIntTooShort(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t have;

    testPutWord(bytes, 1);
    for (have = 0; have < bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        gint32 value;

        g_assert_false(remoteDecodeInt(cut, have, &value));
    }
}

/* ---- errors ---- */

/* What libvirtd 9.0 was seen to answer, word by word. */
static GByteArray *
testNewCapturedError(void)
{
    GByteArray *bytes = g_byte_array_new();

    testPutWord(bytes, 55);
    testPutWord(bytes, 10);
    testPutPointer(bytes, "Requested operation is not valid: X");
    testPutWord(bytes, 2);
    testPutPointer(bytes, NULL); /* dom */
    testPutPointer(bytes, "Requested operation is not valid: %s");
    testPutPointer(bytes, "X");
    testPutPointer(bytes, NULL); /* str3 */
    testPutWord(bytes, 0xffffffffu);
    testPutWord(bytes, 0xffffffffu);
    testPutPointer(bytes, NULL); /* net */
    return bytes;
}

static void
testError(void)
{
    g_autoptr(GByteArray) bytes = testNewCapturedError();
    gint32 code = 0;
    gint32 domain = 0;

    g_assert_true(remoteDecodeError(bytes->data, bytes->len, &code, &domain));
    g_assert_cmpint(code, ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpint(domain, ==, VIR_FROM_QEMU);
}

static void
testErrorTooShort(void)
{
    g_autoptr(GByteArray) bytes = testNewCapturedError();
    size_t have;

    for (have = 0; have < 8; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        gint32 code;
        gint32 domain;

        g_assert_false(remoteDecodeError(cut, have, &code, &domain));
    }
}

static void
testEncodeErrorCaptured(void)
{
    g_autoptr(GByteArray) expected = testNewCapturedError();
    g_autoptr(GByteArray) bytes = remoteEncodeError(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, "X");

    g_assert_cmpmem(bytes->data, bytes->len, expected->data, expected->len);
}

static void
testEncodeErrorCheck(gint32 code, guint32 number, const char *prefix, const char *text)
{
    g_autoptr(GByteArray) bytes = remoteEncodeError(code, VIR_FROM_QEMU, text);
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_autofree char *message = g_strconcat(prefix, text, NULL);
    g_autofree char *format = g_strconcat(prefix, "%s", NULL);

    testPutWord(expected, number);
    testPutWord(expected, 10);
    testPutPointer(expected, message);
    testPutWord(expected, 2);
    testPutPointer(expected, NULL);
    testPutPointer(expected, format);
    testPutPointer(expected, text);
    testPutPointer(expected, NULL);
    testPutWord(expected, 0xffffffffu);
    testPutWord(expected, 0xffffffffu);
    testPutPointer(expected, NULL);
    g_assert_cmpmem(bytes->data, bytes->len, expected->data, expected->len);
}

static void
testEncodeErrorPrefixes(void)
{
    testEncodeErrorCheck(VIR_ERR_OPERATION_INVALID, 55, "Requested operation is not valid: ",
                         "no");
    testEncodeErrorCheck(VIR_ERR_OPERATION_TIMEOUT, 68, "Timed out during operation: ", "late");
    testEncodeErrorCheck(VIR_ERR_INTERNAL_ERROR, 1, "internal error: ", "odd");
    testEncodeErrorCheck(VIR_ERR_SYSTEM_ERROR, 38, "", "gone");
    testEncodeErrorCheck(VIR_ERR_XML_ERROR, 27, "XML error: ", "wrong");
    testEncodeErrorCheck(VIR_ERR_CONFIG_UNSUPPORTED, 67, "unsupported configuration: ", "no");
}

/* A guest's name may be anything: it is no format. */
static void
testEncodeErrorPercent(void)
{
    testEncodeErrorCheck(VIR_ERR_INTERNAL_ERROR, 1, "internal error: ", "100%s of %n '%%'");
}

static void
testEncodeErrorLengths(void)
{
    size_t length;

    for (length = 1; length < 300; length++) {
        g_autofree char *text = testNewName(length);

        testEncodeErrorCheck(VIR_ERR_OPERATION_INVALID, 55,
                             "Requested operation is not valid: ", text);
    }
}

/* A text may quote a name that a client sent, and that may be as long as a string can be. */
static void
testEncodeErrorLongest(void)
{
    g_autofree char *text = testNewName(REMOTE_STRING_MAX);
    g_autoptr(GByteArray) bytes = remoteEncodeError(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU,
                                                    text);
    guint32 length;

    g_assert_cmpuint(bytes->len, >, 16);
    memcpy(&length, bytes->data + 12, sizeof(length));
    length = GUINT32_FROM_BE(length);
    g_assert_cmpuint(length, <=, REMOTE_STRING_MAX);
    g_assert_cmpuint(length, <=, bytes->len - 16);
    g_assert_true(g_str_has_prefix((const char *)bytes->data + 16,
                                   "Requested operation is not valid: nnn"));
}

/* ---- documents among arguments ---- */

#define TEST_DOCUMENTS_MAX 8

/* Arguments of every kind, with what was noted of the documents in them. */
typedef struct {
    GByteArray *bytes;
    remoteDocument places[TEST_DOCUMENTS_MAX];
    guint count;
} testArgs;

static void
testArgsInit(testArgs *args)
{
    args->bytes = g_byte_array_new();
    args->count = 0;
}

static void
testArgsClear(testArgs *args)
{
    g_byte_array_unref(args->bytes);
}

static void
testPutDocument(testArgs *args, const char *text)
{
    args->places[args->count].offset = args->bytes->len;
    args->places[args->count].length = strlen(text);
    args->count++;
    testPutString(args->bytes, text);
}

static void
testPutParam(testArgs *args, const char *name, guint32 type)
{
    testPutString(args->bytes, name);
    testPutWord(args->bytes, type);
}

/* One of each type, the documents in between. */
static void
testPutParams(testArgs *args, const char *first, const char *second)
{
    testPutWord(args->bytes, 10);
    testPutParam(args, "int", VIR_TYPED_PARAM_INT);
    testPutWord(args->bytes, 1);
    testPutParam(args, "destination_xml", VIR_TYPED_PARAM_STRING);
    testPutDocument(args, first);
    testPutParam(args, "uint", VIR_TYPED_PARAM_UINT);
    testPutWord(args->bytes, 2);
    testPutParam(args, "llong", VIR_TYPED_PARAM_LLONG);
    testPutLong(args->bytes, 3);
    testPutParam(args, "ullong", VIR_TYPED_PARAM_ULLONG);
    testPutLong(args->bytes, 4);
    testPutParam(args, "persistent_xml", VIR_TYPED_PARAM_STRING);
    testPutDocument(args, second);
    testPutParam(args, "double", VIR_TYPED_PARAM_DOUBLE);
    testPutLong(args->bytes, 5);
    testPutParam(args, "boolean", VIR_TYPED_PARAM_BOOLEAN);
    testPutWord(args->bytes, 6);
    testPutParam(args, "uri", VIR_TYPED_PARAM_STRING);
    testPutString(args->bytes, "tcp://there");
    /* Only a string is a document. */
    testPutParam(args, "dxml", VIR_TYPED_PARAM_UINT);
    testPutWord(args->bytes, 7);
}

#define TEST_LAYOUT "dsSoOxTloOTu"

/* In the order of TEST_LAYOUT. */
static void
testPutAll(testArgs *args, const char *text)
{
    testPutDomain(args->bytes, "guest", 7);
    testPutString(args->bytes, "plain");
    testPutDocument(args, text);
    testPutPointer(args->bytes, "optional");
    testPutWord(args->bytes, 1);
    testPutDocument(args, text);
    testPutString(args->bytes, "cookie");
    testPutParams(args, text, "second");
    testPutLong(args->bytes, 0x0123456789abcdefu);
    testPutPointer(args->bytes, NULL);
    testPutPointer(args->bytes, NULL);
    testPutWord(args->bytes, 0);
    testPutWord(args->bytes, 0x80000001u);
}

static void
testAssertDocuments(const testArgs *args, const GArray *documents)
{
    g_assert_nonnull(documents);
    g_assert_cmpuint(documents->len, ==, args->count);
    for (guint i = 0; i < args->count; i++) {
        const remoteDocument *document = &g_array_index(documents, remoteDocument, i);

        g_assert_cmpuint(document->offset, ==, args->places[i].offset);
        g_assert_cmpuint(document->length, ==, args->places[i].length);
        g_assert_cmpuint(document->textLength, ==, args->places[i].length);
    }
}

static void
testDocuments(void)
{
    for (size_t length = 0; length < 9; length++) {
        g_autofree char *text = testNewName(length);
        g_autoptr(GArray) documents = NULL;
        testArgs args;

        testArgsInit(&args);
        testPutAll(&args, text);
        testWantCheck(TEST_LAYOUT, args.bytes);
        documents = remoteArgsFindDocuments(TEST_LAYOUT, args.bytes->data, args.bytes->len);
        testAssertDocuments(&args, documents);
        testArgsClear(&args);
    }
}

static void
testDocumentsNone(void)
{
    g_autoptr(GByteArray) bytes = testNewSetMemory("guest", true);
    g_autoptr(GArray) documents = remoteArgsFindDocuments("dlu", bytes->data, bytes->len);

    g_assert_nonnull(documents);
    g_assert_cmpuint(documents->len, ==, 0);
}

static void
testDocumentsTooShort(void)
{
    testArgs args;

    testArgsInit(&args);
    testPutAll(&args, "<domain/>");
    for (size_t length = 0; length < args.bytes->len; length++) {
        g_autofree guint8 *cut = testCut(args.bytes, length);

        g_assert_null(remoteArgsFindDocuments(TEST_LAYOUT, cut, length));
    }
    testArgsClear(&args);
}

static void
testDocumentsTrailing(void)
{
    g_autoptr(GArray) documents = NULL;
    testArgs args;

    testArgsInit(&args);
    testPutAll(&args, "<domain/>");
    testPutString(args.bytes, "what follows");
    documents = remoteArgsFindDocuments(TEST_LAYOUT, args.bytes->data, args.bytes->len);
    testAssertDocuments(&args, documents);
    testArgsClear(&args);
}

/* A pointer that is there is any word but 0. */
static void
testDocumentsPresent(void)
{
    g_autoptr(GArray) documents = NULL;
    testArgs args;

    testArgsInit(&args);
    testPutWord(args.bytes, 0xff000000u);
    testPutDocument(&args, "<domain/>");
    documents = remoteArgsFindDocuments("O", args.bytes->data, args.bytes->len);
    testAssertDocuments(&args, documents);
    testArgsClear(&args);
}

/* libvirtd's strings end there. */
static void
testDocumentsNul(void)
{
    static const struct {
        size_t length;
        size_t textLength;
    } cases[] = { { 0, 0 }, { 3, 3 }, { 4, 4 }, { 5, 4 }, { 8, 4 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GArray) documents = NULL;

        testPutBytes(bytes, "<a/>\0<b>", cases[i].length, 0xee);
        documents = remoteArgsFindDocuments("S", bytes->data, bytes->len);
        g_assert_nonnull(documents);
        g_assert_cmpuint(g_array_index(documents, remoteDocument, 0).length, ==, cases[i].length);
        g_assert_cmpuint(g_array_index(documents, remoteDocument, 0).textLength, ==,
                         cases[i].textLength);
    }
}

/* A number of parameters, of a type, with a value of one word. */
static GByteArray *
testNewParams(guint32 count, guint32 type)
{
    GByteArray *bytes = g_byte_array_new();

    testPutWord(bytes, count);
    for (guint32 i = 0; i < count && i < 100; i++) {
        testPutString(bytes, "a");
        testPutWord(bytes, type);
        testPutWord(bytes, 0);
    }
    return bytes;
}

static void
testParamsMost(void)
{
    g_autoptr(GByteArray) none = testNewParams(0, VIR_TYPED_PARAM_INT);
    g_autoptr(GByteArray) most = testNewParams(64, VIR_TYPED_PARAM_INT);
    g_autoptr(GArray) ofNone = remoteArgsFindDocuments("T", none->data, none->len);
    g_autoptr(GArray) ofMost = remoteArgsFindDocuments("T", most->data, most->len);

    g_assert_nonnull(ofNone);
    g_assert_nonnull(ofMost);
    testWantCheck("T", none);
    testWantCheck("T", most);
}

static void
testParamsTooMany(void)
{
    static const guint32 counts[] = { 65, 0x7fffffff, 0x80000000, 0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GByteArray) bytes = testNewParams(counts[i], VIR_TYPED_PARAM_INT);

        g_assert_null(remoteArgsFindDocuments("T", bytes->data, bytes->len));
        g_assert_cmpuint(remoteArgsWant("T", bytes->data, 4), ==, 4);
    }
}

static void
testParamsUnknownType(void)
{
    static const guint32 types[] = { 0, 8, 0x80000001, 0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(GByteArray) bytes = testNewParams(1, types[i]);

        g_assert_null(remoteArgsFindDocuments("T", bytes->data, bytes->len));
        g_assert_cmpuint(remoteArgsWant("T", bytes->data, bytes->len), ==, bytes->len);
    }
}

static void
testDocumentTooLong(void)
{
    static const guint32 lengths[] = { REMOTE_STRING_MAX + 1, 0x7fffffff, 0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        testPutWord(bytes, lengths[i]);
        testPutWord(bytes, 0);
        g_assert_null(remoteArgsFindDocuments("S", bytes->data, bytes->len));
        g_assert_null(remoteArgsFindDocuments("x", bytes->data, bytes->len));
        g_assert_cmpuint(remoteArgsWant("S", bytes->data, bytes->len), ==, bytes->len);
    }
}

/* ---- other documents in their places ---- */

/* Takes what the arguments become with @texts, which must be @expected. */
static void
testAssertReplaces(const testArgs *args, const char *const *texts, const testArgs *expected)
{
    g_autoptr(GArray) documents =
        remoteArgsFindDocuments(TEST_LAYOUT, args->bytes->data, args->bytes->len);
    g_autofree guint8 *bytes = NULL;
    size_t length = 0;

    bytes = remoteArgsReplace(args->bytes->data, args->bytes->len, documents, texts, &length);
    g_assert_nonnull(bytes);
    g_assert_cmpmem(bytes, (guint)length, expected->bytes->data, expected->bytes->len);
}

static void
testReplace(void)
{
    for (size_t before = 0; before < 6; before++) {
        for (size_t after = 0; after < 9; after++) {
            g_autofree char *old = testNewName(before);
            g_autofree char *text = testNewName(after);
            const char *const texts[] = { text, text, text, NULL };
            testArgs args;
            testArgs expected;

            testArgsInit(&args);
            testArgsInit(&expected);
            testPutAll(&args, old);
            testPutAll(&expected, text);
            testAssertReplaces(&args, texts, &expected);
            testArgsClear(&args);
            testArgsClear(&expected);
        }
    }
}

static void
testReplaceNothing(void)
{
    static const char *const texts[] = { NULL, NULL, NULL, NULL };
    testArgs args;

    testArgsInit(&args);
    testPutAll(&args, "<domain/>");
    testAssertReplaces(&args, texts, &args);
    testArgsClear(&args);
}

/* What is not replaced stays as it is, what pads it and what follows included. */
static void
testReplaceKeeps(void)
{
    static const char *const texts[] = { "longer" };
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_autoptr(GArray) documents = NULL;
    g_autofree guint8 *replaced = NULL;
    size_t length = 0;

    testPutBytes(bytes, "a", 1, 0xee);
    testPutBytes(bytes, "b", 1, 0xee);
    testPutBytes(bytes, "c", 1, 0xee);
    testPutBytes(expected, "a", 1, 0xee);
    testPutBytes(expected, "longer", 6, 0);
    testPutBytes(expected, "c", 1, 0xee);
    documents = remoteArgsFindDocuments("sS", bytes->data, bytes->len);
    g_assert_nonnull(documents);
    replaced = remoteArgsReplace(bytes->data, bytes->len, documents, texts, &length);
    g_assert_cmpmem(replaced, (guint)length, expected->data, expected->len);
}

static void
testEncodeText(void)
{
    for (size_t length = 0; length < 9; length++) {
        for (size_t words = 0; words < 3; words++) {
            g_autofree char *text = testNewName(length);
            g_autofree guint8 *bytes = NULL;
            g_autoptr(GByteArray) expected = g_byte_array_new();
            size_t size = 0;

            testPutString(expected, text);
            for (size_t i = 0; i < words; i++)
                testPutWord(expected, 0);
            bytes = remoteEncodeText(text, length, words, &size);
            g_assert_cmpmem(bytes, (guint)size, expected->data, expected->len);
        }
    }
}

/* ---- metadata, networks, versions ---- */

static GByteArray *
testNewMetadata(const char *text, const char *key, const char *uri)
{
    GByteArray *bytes = g_byte_array_new();

    testPutDomain(bytes, "guest", 7);
    testPutWord(bytes, 2);
    testPutPointer(bytes, text);
    testPutPointer(bytes, key);
    testPutPointer(bytes, uri);
    testPutWord(bytes, 0x80000003u);
    return bytes;
}

static void
testCheckMetadata(const char *text, const char *key, const char *uri)
{
    g_autoptr(GByteArray) bytes = testNewMetadata(text, key, uri);
    g_autoptr(GByteArray) encoded = NULL;
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_auto(remoteMetadata) metadata = { 0 };

    g_assert_true(remoteDecodeSetMetadata(bytes->data, bytes->len, &dom, &metadata));
    g_assert_cmpstr(dom.name, ==, "guest");
    g_assert_cmpint(metadata.type, ==, 2);
    g_assert_cmpstr(metadata.text, ==, text);
    g_assert_cmpstr(metadata.key, ==, key);
    g_assert_cmpstr(metadata.uri, ==, uri);
    g_assert_cmphex(metadata.flags, ==, 0x80000003u);

    encoded = remoteEncodeSetMetadata(&dom, &metadata);
    g_assert_cmpmem(encoded->data, encoded->len, bytes->data, bytes->len);
}

static void
testMetadata(void)
{
    for (size_t length = 0; length < 6; length++) {
        g_autofree char *text = testNewName(length);

        testCheckMetadata(text, "key", "urn:x");
        testCheckMetadata("text", text, NULL);
        testCheckMetadata(NULL, NULL, text);
    }
    testCheckMetadata(NULL, NULL, NULL);
}

static void
testMetadataTooShort(void)
{
    g_autoptr(GByteArray) bytes = testNewMetadata("text", "key", "urn:x");

    for (size_t length = 0; length < bytes->len; length++) {
        g_autofree guint8 *cut = testCut(bytes, length);
        g_auto(remoteNonnullDomain) dom = { 0 };
        g_auto(remoteMetadata) metadata = { 0 };

        g_assert_false(remoteDecodeSetMetadata(cut, length, &dom, &metadata));
    }
}

static void
testNetwork(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GByteArray) encoded = NULL;
    g_auto(remoteNonnullNetwork) network = { 0 };

    testPutString(bytes, "default");
    g_byte_array_append(bytes, testUuid, sizeof(testUuid));
    for (size_t length = 0; length < bytes->len; length++) {
        g_autofree guint8 *cut = testCut(bytes, length);
        g_auto(remoteNonnullNetwork) none = { 0 };

        g_assert_false(remoteDecodeNetwork(cut, length, &none));
    }
    g_assert_true(remoteDecodeNetwork(bytes->data, bytes->len, &network));
    g_assert_cmpstr(network.name, ==, "default");
    g_assert_cmpmem(network.uuid, sizeof(network.uuid), testUuid, sizeof(testUuid));

    testPutWord(bytes, 0x80000001u);
    encoded = remoteEncodeNetworkFlags(&network, 0x80000001u);
    g_assert_cmpmem(encoded->data, encoded->len, bytes->data, bytes->len);
}

static void
testHyper(void)
{
    static const guint8 bytes[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
    guint64 value = 0;

    g_assert_true(remoteDecodeHyper(bytes, sizeof(bytes), &value));
    g_assert_cmphex(value, ==, 0x0123456789abcdefu);
    for (size_t length = 0; length < sizeof(bytes); length++) {
        g_autofree guint8 *cut = g_memdup2(bytes, length);

        g_assert_false(remoteDecodeHyper(cut, length, &value));
    }
}

static void
testStringDomain(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_auto(remoteNonnullDomain) dom = { 0 };
    char *text = NULL;

    testPutString(bytes, "snap");
    testPutDomain(bytes, "guest", 7);
    for (size_t length = 0; length < bytes->len; length++) {
        g_autofree guint8 *cut = testCut(bytes, length);
        g_auto(remoteNonnullDomain) none = { 0 };

        g_assert_false(remoteDecodeStringDomain(cut, length, &text, &none));
        g_clear_pointer(&text, free);
    }
    g_assert_true(remoteDecodeStringDomain(bytes->data, bytes->len, &text, &dom));
    g_assert_cmpstr(text, ==, "snap");
    g_assert_cmpstr(dom.name, ==, "guest");
    g_assert_cmpmem(dom.uuid, sizeof(dom.uuid), testUuid, sizeof(testUuid));
    free(text);
}

static void
testAddDocuments(void)
{
    g_test_add_func("/remotecodec/documents are found among arguments of every kind",
                    testDocuments);
    g_test_add_func("/remotecodec/arguments may have no document", testDocumentsNone);
    g_test_add_func("/remotecodec/no document is found at any length that is too short",
                    testDocumentsTooShort);
    g_test_add_func("/remotecodec/documents are found with bytes behind the arguments",
                    testDocumentsTrailing);
    g_test_add_func("/remotecodec/an optional document is there whatever the word says",
                    testDocumentsPresent);
    g_test_add_func("/remotecodec/a document ends at a NUL", testDocumentsNul);
    g_test_add_func("/remotecodec/as many parameters as allowed are taken", testParamsMost);
    g_test_add_func("/remotecodec/more parameters than allowed are no arguments",
                    testParamsTooMany);
    g_test_add_func("/remotecodec/a parameter of no known type is no argument",
                    testParamsUnknownType);
    g_test_add_func("/remotecodec/a document above the maximum is no argument",
                    testDocumentTooLong);

    g_test_add_func("/remotecodec/documents are replaced by longer and shorter ones", testReplace);
    g_test_add_func("/remotecodec/no document needs to be replaced", testReplaceNothing);
    g_test_add_func("/remotecodec/what is not replaced stays", testReplaceKeeps);
    g_test_add_func("/remotecodec/a text is encoded with words behind it", testEncodeText);

    g_test_add_func("/remotecodec/metadata are decoded and encoded", testMetadata);
    g_test_add_func("/remotecodec/metadata are refused at every length that is too short",
                    testMetadataTooShort);
    g_test_add_func("/remotecodec/a network is decoded and encoded", testNetwork);
    g_test_add_func("/remotecodec/a number of 64 bits is decoded", testHyper);
    g_test_add_func("/remotecodec/a text and a domain are decoded", testStringDomain);
}

/* ---- lists of domains ---- */

static GByteArray *
testNewDomains(guint32 count)
{
    GByteArray *bytes = g_byte_array_new();

    testPutWord(bytes, count);
    for (guint32 i = 0; i < count; i++) {
        g_autofree char *name = testNewName(i % 6);

        testPutDomain(bytes, name, i);
    }
    return bytes;
}

/* The arguments of CONNECT_GET_ALL_DOMAIN_STATS. */
static void
testWantDomains(void)
{
    for (guint32 count = 0; count < 7; count++) {
        g_autoptr(GByteArray) bytes = testNewDomains(count);
        g_autoptr(GArray) documents = NULL;

        testPutWord(bytes, 0xffffffffu);
        testPutWord(bytes, 0);
        testWantCheck("Duu", bytes);
        documents = remoteArgsFindDocuments("Duu", bytes->data, bytes->len);
        g_assert_nonnull(documents);
        g_assert_cmpuint(documents->len, ==, 0);
        for (size_t length = 0; length < bytes->len; length++) {
            g_autofree guint8 *cut = testCut(bytes, length);

            g_assert_null(remoteArgsFindDocuments("Duu", cut, length));
        }
    }
}

/* Each time that more is wanted all of it is walked again. */
static void
testWantDomainsSeldom(void)
{
    g_autoptr(GByteArray) bytes = testNewDomains(REMOTE_DOMAIN_LIST_MAX);
    guint asked = 0;
    size_t have = 0;
    size_t want;

    while ((want = remoteArgsWant("D", bytes->data, have)) > have) {
        g_assert_cmpuint(want, <=, bytes->len);
        have = want;
        asked++;
    }
    g_assert_cmpuint(have, ==, bytes->len);
    g_assert_cmpuint(asked, <, 20);
}

static void
testWantMostDomains(void)
{
    g_autoptr(GByteArray) most = testNewDomains(REMOTE_DOMAIN_LIST_MAX);
    g_autoptr(GByteArray) more = testNewDomains(REMOTE_DOMAIN_LIST_MAX + 1);
    g_autoptr(GArray) documents = remoteArgsFindDocuments("D", most->data, most->len);

    g_assert_nonnull(documents);
    g_assert_cmpuint(testWantRun("D", most), ==, most->len);
    g_assert_null(remoteArgsFindDocuments("D", more->data, more->len));
    g_assert_cmpuint(testWantRun("D", more), ==, 4);
}

/* Nothing is wanted of a list that is none, and of a name that is none in the middle of it no more
 * than what every domain has. */
static void
testWantHostileDomains(void)
{
    static const guint32 counts[] = { REMOTE_DOMAIN_LIST_MAX + 1, 0x7fffffff, 0x80000000u,
                                      0xffffffffu };
    static const guint32 lengths[] = { REMOTE_STRING_MAX + 1, 0x7fffffff, 0x80000000u,
                                       0xffffffffu };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        testPutWord(bytes, counts[i]);
        testPutDomain(bytes, "guest", 7);
        g_assert_cmpuint(testWantRun("Duu", bytes), ==, 4);
        g_assert_null(remoteArgsFindDocuments("Duu", bytes->data, bytes->len));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        testPutWord(bytes, 2);
        testPutDomain(bytes, "guest", 7);
        testPutWord(bytes, lengths[i]);
        for (size_t j = 0; j < 5; j++)
            testPutLong(bytes, 0);
        g_assert_cmpuint(testWantRun("Duu", bytes), ==, 4 + 2 * 24);
        g_assert_null(remoteArgsFindDocuments("Duu", bytes->data, bytes->len));
    }
}

/* ---- one more message ---- */

/* Takes what @bytes become with @message behind the last one. */
static void
testAssertAdds(const GByteArray *bytes, const char *message, const GByteArray *expected)
{
    g_autofree guint8 *result = NULL;
    size_t length = 0;

    result = remoteAddMessage(bytes->data, bytes->len, message, &length);
    g_assert_nonnull(result);
    g_assert_cmpmem(result, (guint)length, expected->data, expected->len);
}

static void
testAddMessage(void)
{
    for (guint32 count = 0; count < 4; count++) {
        for (size_t length = 0; length < 6; length++) {
            g_autofree char *message = testNewName(length);
            g_autoptr(GByteArray) bytes = g_byte_array_new();
            g_autoptr(GByteArray) expected = g_byte_array_new();

            testPutWord(bytes, count);
            testPutWord(expected, count + 1);
            for (guint32 i = 0; i < count; i++) {
                g_autofree char *other = testNewName(count + i);

                /* What is in the padding stays. */
                testPutBytes(bytes, other, strlen(other), 0xee);
                testPutBytes(expected, other, strlen(other), 0xee);
            }
            testPutString(expected, message);
            testAssertAdds(bytes, message, expected);
        }
    }
}

static void
testAddMessageTooShort(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    testPutWord(bytes, 2);
    testPutString(bytes, "first");
    testPutString(bytes, "second");
    for (size_t have = 0; have < bytes->len; have++) {
        g_autofree guint8 *cut = testCut(bytes, have);
        size_t length = 0;

        g_assert_null(remoteAddMessage(cut, have, "third", &length));
    }
}

/* Who reads the result must find it, whatever followed. */
static void
testAddMessageTrailing(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GByteArray) expected = g_byte_array_new();

    testPutWord(bytes, 1);
    testPutString(bytes, "first");
    testPutString(bytes, "what follows");
    testPutWord(expected, 2);
    testPutString(expected, "first");
    testPutString(expected, "second");
    testAssertAdds(bytes, "second", expected);
}

static void
testAddMessageMost(void)
{
    for (guint32 count = REMOTE_DOMAIN_MESSAGES_MAX - 1; count <= REMOTE_DOMAIN_MESSAGES_MAX + 1;
         count++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GByteArray) expected = g_byte_array_new();
        size_t length = 0;

        testPutWord(bytes, count);
        testPutWord(expected, count + 1);
        for (guint32 i = 0; i < count; i++) {
            testPutString(bytes, "m");
            testPutString(expected, "m");
        }
        testPutString(expected, "one more");
        if (count < REMOTE_DOMAIN_MESSAGES_MAX)
            testAssertAdds(bytes, "one more", expected);
        else
            g_assert_null(remoteAddMessage(bytes->data, bytes->len, "one more", &length));
    }
}

static void
testAddMessageHostile(void)
{
    static const guint32 words[] = { 2, REMOTE_STRING_MAX, REMOTE_STRING_MAX + 1, 0x7fffffff,
                                     0x80000000u, 0xffffffffu };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autoptr(GByteArray) counted = g_byte_array_new();
        g_autoptr(GByteArray) measured = g_byte_array_new();
        size_t length = 0;

        testPutWord(counted, words[i]);
        testPutString(counted, "first");
        g_assert_null(remoteAddMessage(counted->data, counted->len, "more", &length));
        testPutWord(measured, 1);
        testPutWord(measured, words[i]);
        g_assert_null(remoteAddMessage(measured->data, measured->len, "more", &length));
    }
}

static void
testAddLists(void)
{
    g_test_add_func("/remotecodec/a list of domains wants what it has", testWantDomains);
    g_test_add_func("/remotecodec/a long list of domains does not want each one for itself",
                    testWantDomainsSeldom);
    g_test_add_func("/remotecodec/a list may have as many domains as allowed, and no more",
                    testWantMostDomains);
    g_test_add_func("/remotecodec/nothing is wanted of a list that is none",
                    testWantHostileDomains);
    g_test_add_func("/remotecodec/a message is added behind the others", testAddMessage);
    g_test_add_func("/remotecodec/no message is added at any length that is too short",
                    testAddMessageTooShort);
    g_test_add_func("/remotecodec/a message is not added behind what follows",
                    testAddMessageTrailing);
    g_test_add_func("/remotecodec/as many messages as allowed are full", testAddMessageMost);
    g_test_add_func("/remotecodec/no message is added to what is no list", testAddMessageHostile);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/remotecodec/set-memory is decoded", testSetMemory);
    g_test_add_func("/remotecodec/set-memory is decoded with names of every padding",
                    testSetMemoryNameLengths);
    g_test_add_func("/remotecodec/set-memory with flags is decoded", testSetMemoryFlags);
    g_test_add_func("/remotecodec/set-memory of an inactive domain is decoded",
                    testSetMemoryInactive);
    g_test_add_func("/remotecodec/set-memory with stale bytes in its padding is decoded",
                    testSetMemoryStalePadding);
    g_test_add_func("/remotecodec/set-memory with bytes behind it is decoded",
                    testSetMemoryTrailing);
    g_test_add_func("/remotecodec/set-memory is refused at every length that is too short",
                    testSetMemoryTooShort);
    g_test_add_func("/remotecodec/set-memory ends a name at a NUL", testSetMemoryNulInName);
    g_test_add_func("/remotecodec/set-memory takes the longest name", testSetMemoryLongestName);
    g_test_add_func("/remotecodec/set-memory refuses a name above the maximum",
                    testSetMemoryNameTooLong);
    g_test_add_func("/remotecodec/set-memory refuses a name longer than the message",
                    testSetMemoryHostileName);
    g_test_add_func("/remotecodec/a domain may be cleared twice", testDomainClearTwice);

    g_test_add_func("/remotecodec/a domain is encoded with names of every padding",
                    testEncodeDomain);
    g_test_add_func("/remotecodec/a domain with flags is encoded", testEncodeDomainFlags);
    g_test_add_func("/remotecodec/a monitor command is encoded", testEncodeMonitorCommand);
    g_test_add_func("/remotecodec/a size is encoded, with and without flags", testEncodeSetMemory);
    g_test_add_func("/remotecodec/the sentence of an error is read", testErrorMessage);
    g_test_add_func("/remotecodec/the longest strings are encoded", testEncodeLongest);
    g_test_add_func("/remotecodec/encoding leaves the domain alone", testEncodeLeavesDomain);

    g_test_add_func("/remotecodec/set-memory wants what it has", testWantSetMemory);
    g_test_add_func("/remotecodec/set-memory with flags wants what it has",
                    testWantSetMemoryFlags);
    g_test_add_func("/remotecodec/a monitor command wants what it has", testWantMonitorCommand);
    g_test_add_func("/remotecodec/a string wants what it has", testWantString);
    g_test_add_func("/remotecodec/set-memory can be decoded when no more is wanted",
                    testWantSetMemoryDecodes);
    g_test_add_func("/remotecodec/a string can be decoded when no more is wanted",
                    testWantStringDecodes);
    g_test_add_func("/remotecodec/nothing is wanted of a name above the maximum",
                    testWantNameTooLong);
    g_test_add_func("/remotecodec/nothing is wanted of a second string above the maximum",
                    testWantSecondStringTooLong);
    g_test_add_func("/remotecodec/all of the longest name is wanted", testWantLongestName);

    g_test_add_func("/remotecodec/a string is lent", testString);
    g_test_add_func("/remotecodec/a string may be empty", testStringEmpty);
    g_test_add_func("/remotecodec/a string is refused at every length that is too short",
                    testStringTooShort);
    g_test_add_func("/remotecodec/a string above the maximum is refused", testStringTooLong);
    g_test_add_func("/remotecodec/a string longer than the message is refused",
                    testStringHostile);
    g_test_add_func("/remotecodec/messages are decoded", testMessages);
    g_test_add_func("/remotecodec/no messages are an empty list", testMessagesNone);
    g_test_add_func("/remotecodec/messages are refused at every length that is too short",
                    testMessagesTooShort);
    g_test_add_func("/remotecodec/as many messages as allowed are decoded", testMessagesMost);
    g_test_add_func("/remotecodec/more messages than allowed are refused", testMessagesTooMany);
    g_test_add_func("/remotecodec/more messages than there are are refused",
                    testMessagesHostileCount);
    g_test_add_func("/remotecodec/a message longer than the answer is refused",
                    testMessagesHostileString);
    g_test_add_func("/remotecodec/an int is decoded", testInt);
    g_test_add_func("/remotecodec/an int is refused at every length that is too short",
                    testIntTooShort);

    g_test_add_func("/remotecodec/an error is decoded", testError);
    g_test_add_func("/remotecodec/an error is refused at every length that is too short",
                    testErrorTooShort);
    g_test_add_func("/remotecodec/an error is encoded as libvirtd encodes it",
                    testEncodeErrorCaptured);
    g_test_add_func("/remotecodec/errors have libvirt's prefixes", testEncodeErrorPrefixes);
    g_test_add_func("/remotecodec/an error's text is no format", testEncodeErrorPercent);
    g_test_add_func("/remotecodec/an error's text may have every padding",
                    testEncodeErrorLengths);
    g_test_add_func("/remotecodec/an error's text may be as long as a client's name",
                    testEncodeErrorLongest);
    testAddDocuments();
    testAddLists();

    return g_test_run();
}
