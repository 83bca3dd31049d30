/*
 * remotestatstest.c: parameters are added to statistics, and everything else stays as it came
 *
 * Replies are put together here word by word, not by the library that is used inside.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_stats.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define FIELD "balloon.state"
#define NUMBER "balloon.inhibitor.count"

/* ---- replies by hand ---- */

static void
testPutWord(GByteArray *bytes, guint32 word)
{
    guint8 wire[4] = { (guint8)(word >> 24), (guint8)(word >> 16), (guint8)(word >> 8),
                       (guint8)word };

    g_byte_array_append(bytes, wire, 4);
}

static void
testSetWord(GByteArray *bytes, size_t at, guint32 word)
{
    g_autoptr(GByteArray) wire = g_byte_array_new();

    testPutWord(wire, word);
    memcpy(bytes->data + at, wire->data, 4);
}

/* @pad: what stands in the padding */
static void
testPutPadded(GByteArray *bytes, const char *text, guint8 pad)
{
    size_t length = strlen(text);

    testPutWord(bytes, (guint32)length);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)length);
    for (; length % 4 != 0; length++)
        g_byte_array_append(bytes, &pad, 1);
}

static void
testPutString(GByteArray *bytes, const char *text)
{
    testPutPadded(bytes, text, 0);
}

/* A domain whose UUID is all of one byte. */
static void
testPutDomain(GByteArray *bytes, const char *name, guint8 byte, guint32 id)
{
    guint8 uuid[16];

    memset(uuid, byte, sizeof(uuid));
    testPutString(bytes, name);
    g_byte_array_append(bytes, uuid, sizeof(uuid));
    testPutWord(bytes, id);
}

static void
testPutUInt(GByteArray *bytes, const char *field, guint32 value)
{
    testPutString(bytes, field);
    testPutWord(bytes, VIR_TYPED_PARAM_UINT);
    testPutWord(bytes, value);
}

static void
testPutText(GByteArray *bytes, const char *field, const char *value)
{
    testPutString(bytes, field);
    testPutWord(bytes, VIR_TYPED_PARAM_STRING);
    testPutString(bytes, value);
}

/* A parameter of every type. */
#define TEST_TYPES 7
static void
testPutTypes(GByteArray *bytes)
{
    for (guint32 type = VIR_TYPED_PARAM_INT; type < VIR_TYPED_PARAM_STRING; type++) {
        g_autofree char *field = g_strnfill(type, 'f');
        bool wide = type == VIR_TYPED_PARAM_LLONG || type == VIR_TYPED_PARAM_ULLONG ||
            type == VIR_TYPED_PARAM_DOUBLE;

        testPutString(bytes, field);
        testPutWord(bytes, type);
        testPutWord(bytes, 0x80000001u);
        if (wide)
            testPutWord(bytes, 0xffffffffu);
    }
    testPutText(bytes, "block.0.path", "/images/a disk");
}

/* Three domains, of which the second has no statistics. @added: whether the first and the third
 * have what testAddTo() adds */
static GByteArray *
testNewReply(bool added)
{
    GByteArray *bytes = g_byte_array_new();

    testPutWord(bytes, 3);
    testPutDomain(bytes, "guest", 0xa1, 7);
    testPutWord(bytes, TEST_TYPES + (added ? 2 : 0));
    testPutTypes(bytes);
    if (added) {
        testPutText(bytes, FIELD, "inhibited");
        testPutUInt(bytes, NUMBER, 0x01020304u);
    }
    testPutDomain(bytes, "", 0xa2, 0xffffffffu);
    testPutWord(bytes, 0);
    testPutDomain(bytes, "third", 0xa3, 9);
    testPutWord(bytes, 1 + (added ? 2 : 0));
    testPutUInt(bytes, "state.state", 1);
    if (added) {
        testPutText(bytes, FIELD, "inhibited");
        testPutUInt(bytes, NUMBER, 0x01020304u);
    }
    return bytes;
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

static GPtrArray *
testParse(const GByteArray *bytes)
{
    GPtrArray *records = remoteStatsParse(bytes->data, bytes->len);

    g_assert_nonnull(records);
    return records;
}

static void
testAssertNone(const GByteArray *bytes)
{
    g_autofree guint8 *copy = testCut(bytes, bytes->len);
    g_autoptr(GPtrArray) records = remoteStatsParse(copy, bytes->len);

    g_assert_null(records);
}

static void
testAddTo(const GPtrArray *records, guint index)
{
    remoteStatsAddString(g_ptr_array_index(records, index), FIELD, "inhibited");
    remoteStatsAddUInt(g_ptr_array_index(records, index), NUMBER, 0x01020304u);
}

static void
testAssertApplies(const GByteArray *bytes, const GPtrArray *records, const GByteArray *expected)
{
    g_autofree guint8 *result = NULL;
    size_t length = 0;

    result = remoteStatsApply(bytes->data, bytes->len, records, &length);
    g_assert_nonnull(result);
    g_assert_cmpmem(result, (guint)length, expected->data, expected->len);
}

/* ---- reading ---- */

static void
testRecords(void)
{
    static const struct {
        const char *name;
        guint8 byte;
        gint32 id;
    } expected[] = { { "guest", 0xa1, 7 }, { "", 0xa2, -1 }, { "third", 0xa3, 9 } };
    g_autoptr(GByteArray) bytes = testNewReply(false);
    g_autoptr(GPtrArray) records = testParse(bytes);

    g_assert_cmpuint(records->len, ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        const remoteStatsRecord *record = g_ptr_array_index(records, i);
        guint8 uuid[16];

        memset(uuid, expected[i].byte, sizeof(uuid));
        g_assert_cmpstr(record->dom.name, ==, expected[i].name);
        g_assert_cmpmem(record->dom.uuid, sizeof(record->dom.uuid), uuid, sizeof(uuid));
        g_assert_cmpint(record->dom.id, ==, expected[i].id);
        g_assert_null(record->added);
        g_assert_cmpuint(record->addedCount, ==, 0);
    }
}

static void
testRecordPlaces(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GPtrArray) records = NULL;
    const remoteStatsRecord *record;
    size_t count;

    testPutWord(bytes, 1);
    testPutDomain(bytes, "guest", 1, 7);
    count = bytes->len;
    testPutWord(bytes, TEST_TYPES);
    testPutTypes(bytes);
    records = testParse(bytes);
    record = g_ptr_array_index(records, 0);
    g_assert_cmpuint(record->count, ==, count);
    g_assert_cmpuint(record->end, ==, bytes->len);
}

static void
testNoRecords(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GPtrArray) records = NULL;
    size_t length = 1;

    testPutWord(bytes, 0);
    records = testParse(bytes);
    g_assert_cmpuint(records->len, ==, 0);
    g_assert_null(remoteStatsApply(bytes->data, bytes->len, records, &length));
}

static void
testTooShort(void)
{
    g_autoptr(GByteArray) bytes = testNewReply(true);

    for (size_t length = 0; length < bytes->len; length++) {
        g_autofree guint8 *cut = testCut(bytes, length);
        g_autoptr(GPtrArray) records = remoteStatsParse(cut, length);

        g_assert_null(records);
    }
}

/* What follows means nothing and stays where it is. */
static void
testTrailing(void)
{
    g_autoptr(GByteArray) bytes = testNewReply(false);
    g_autoptr(GByteArray) expected = testNewReply(true);
    g_autoptr(GPtrArray) records = NULL;

    testPutString(bytes, "what follows!");
    testPutString(expected, "what follows!");
    records = testParse(bytes);
    testAddTo(records, 0);
    testAddTo(records, 2);
    testAssertApplies(bytes, records, expected);
}

static void
testMostRecords(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GPtrArray) records = NULL;

    testPutWord(bytes, REMOTE_DOMAIN_LIST_MAX);
    for (guint i = 0; i < REMOTE_DOMAIN_LIST_MAX; i++) {
        testPutDomain(bytes, "g", 1, i);
        testPutWord(bytes, 0);
    }
    records = testParse(bytes);
    g_assert_cmpuint(records->len, ==, REMOTE_DOMAIN_LIST_MAX);

    testSetWord(bytes, 0, REMOTE_DOMAIN_LIST_MAX + 1);
    testPutDomain(bytes, "g", 1, 1);
    testPutWord(bytes, 0);
    testAssertNone(bytes);
}

static void
testHostileRecords(void)
{
    static const guint32 counts[] = { 4, REMOTE_DOMAIN_LIST_MAX, 0x7fffffff, 0x80000000,
                                      0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GByteArray) bytes = testNewReply(false);

        testSetWord(bytes, 0, counts[i]);
        testAssertNone(bytes);
    }
}

/* One domain with @count of the smallest parameters. */
static GByteArray *
testNewParams(guint32 count)
{
    GByteArray *bytes = g_byte_array_new();

    testPutWord(bytes, 1);
    testPutDomain(bytes, "guest", 1, 7);
    testPutWord(bytes, count);
    for (guint32 i = 0; i < count; i++)
        testPutUInt(bytes, "", i);
    return bytes;
}

static void
testMostParams(void)
{
    g_autoptr(GByteArray) most = testNewParams(REMOTE_STATS_PARAMS_MAX);
    g_autoptr(GByteArray) more = testNewParams(REMOTE_STATS_PARAMS_MAX + 1);
    g_autoptr(GPtrArray) records = testParse(most);

    g_assert_cmpuint(records->len, ==, 1);
    testAssertNone(more);
}

static void
testHostileParams(void)
{
    static const guint32 counts[] = { 2, REMOTE_STATS_PARAMS_MAX, 0x7fffffff, 0x80000000,
                                      0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GByteArray) bytes = testNewParams(1);

        testSetWord(bytes, 4 + 4 + 8 + 16 + 4, counts[i]);
        testAssertNone(bytes);
    }
}

static void
testUnknownType(void)
{
    static const guint32 types[] = { 0, VIR_TYPED_PARAM_STRING + 1, 0x80000001u, 0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(GByteArray) bytes = testNewParams(1);

        testSetWord(bytes, bytes->len - 8, types[i]);
        testPutWord(bytes, 0);
        testAssertNone(bytes);
    }
}

/* Every string in the reply: the domain's name, a parameter's and its value. */
static void
testHostileStrings(void)
{
    static const guint32 lengths[] = { 13, REMOTE_STRING_MAX, REMOTE_STRING_MAX + 1, 0x7fffffff,
                                       0x80000000, 0xfffffffc, 0xfffffffd, 0xffffffff };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        for (size_t string = 0; string < 3; string++) {
            g_autoptr(GByteArray) bytes = g_byte_array_new();
            size_t places[3] = { 4, 40, 48 };

            testPutWord(bytes, 1);
            testPutDomain(bytes, "guest", 1, 7);
            testPutWord(bytes, 1);
            testPutText(bytes, "", "a value");
            /* Then it ends in the middle of the value, whichever string it is. */
            testSetWord(bytes, places[string], string == 2 ? lengths[i] : MAX(lengths[i], 48));
            testAssertNone(bytes);
        }
    }
}

/* A value as long as a string can be, and longer. */
static void
testLongestValue(void)
{
    for (size_t more = 0; more < 2; more++) {
        g_autofree char *value = g_strnfill(REMOTE_STRING_MAX + more, 'v');
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GPtrArray) records = NULL;

        testPutWord(bytes, 1);
        testPutDomain(bytes, "guest", 1, 7);
        testPutWord(bytes, 1);
        testPutText(bytes, "path", value);
        records = remoteStatsParse(bytes->data, bytes->len);
        g_assert_true((records != NULL) == (more == 0));
    }
}

/* A name that ends earlier for libvirt, too. */
static void
testNulInName(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GPtrArray) records = NULL;
    const remoteStatsRecord *record;

    testPutWord(bytes, 1);
    testPutDomain(bytes, "guXst", 1, 7);
    bytes->data[10] = '\0';
    testPutWord(bytes, 0);
    records = testParse(bytes);
    record = g_ptr_array_index(records, 0);
    g_assert_cmpstr(record->dom.name, ==, "gu");
    g_assert_cmpint(record->dom.id, ==, 7);
    g_assert_cmpuint(record->end, ==, bytes->len);
}

/* ---- adding ---- */

static void
testApply(void)
{
    g_autoptr(GByteArray) bytes = testNewReply(false);
    g_autoptr(GByteArray) before = testNewReply(false);
    g_autoptr(GByteArray) expected = testNewReply(true);
    g_autoptr(GPtrArray) records = testParse(bytes);

    testAddTo(records, 0);
    testAddTo(records, 2);
    testAssertApplies(bytes, records, expected);
    g_assert_cmpmem(bytes->data, bytes->len, before->data, before->len);
}

static void
testApplyNothing(void)
{
    g_autoptr(GByteArray) bytes = testNewReply(false);
    g_autoptr(GPtrArray) records = testParse(bytes);
    size_t length = 1;

    g_assert_null(remoteStatsApply(bytes->data, bytes->len, records, &length));
}

/* To any of the records, the one without parameters included. */
static void
testApplyEach(void)
{
    for (guint which = 0; which < 8; which++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GByteArray) expected = g_byte_array_new();
        g_autoptr(GPtrArray) records = NULL;

        testPutWord(bytes, 3);
        testPutWord(expected, 3);
        for (guint i = 0; i < 3; i++) {
            bool added = which & 1u << i;

            testPutDomain(bytes, "guest", (guint8)i, i);
            testPutDomain(expected, "guest", (guint8)i, i);
            testPutWord(bytes, i);
            testPutWord(expected, i + (added ? 2 : 0));
            for (guint j = 0; j < i; j++) {
                testPutUInt(bytes, "vcpu.current", j);
                testPutUInt(expected, "vcpu.current", j);
            }
            if (added) {
                testPutText(expected, FIELD, "inhibited");
                testPutUInt(expected, NUMBER, 0x01020304u);
            }
        }
        records = testParse(bytes);
        for (guint i = 0; i < 3; i++) {
            if (which & 1u << i)
                testAddTo(records, i);
        }
        if (which == 0) {
            size_t length = 0;

            g_assert_null(remoteStatsApply(bytes->data, bytes->len, records, &length));
        } else {
            testAssertApplies(bytes, records, expected);
        }
    }
}

static void
testApplyPadding(void)
{
    for (size_t field = 0; field < 6; field++) {
        for (size_t value = 0; value < 6; value++) {
            g_autofree char *name = g_strnfill(field, 'n');
            g_autofree char *text = g_strnfill(value, 'v');
            g_autoptr(GByteArray) bytes = testNewParams(1);
            g_autoptr(GByteArray) expected = testNewParams(1);
            g_autoptr(GPtrArray) records = testParse(bytes);
            remoteStatsRecord *record = g_ptr_array_index(records, 0);

            remoteStatsAddString(record, name, text);
            remoteStatsAddUInt(record, name, G_MAXUINT32);
            g_assert_cmpuint(record->addedCount, ==, 2);
            testSetWord(expected, record->count, 3);
            testPutText(expected, name, text);
            testPutUInt(expected, name, G_MAXUINT32);
            testAssertApplies(bytes, records, expected);
        }
    }
}

/* What an old libvirt left in its buffer stays. */
static void
testApplyStalePadding(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GByteArray) expected = g_byte_array_new();
    GByteArray *both[] = { bytes, expected };
    g_autoptr(GPtrArray) records = NULL;

    for (guint i = 0; i < 2; i++) {
        testPutWord(both[i], 1);
        testPutDomain(both[i], "guest", 1, 7);
        memset(both[i]->data + 13, 0xee, 3);
        testPutWord(both[i], 1 + 2 * i);
        testPutPadded(both[i], "field", 0xee);
        testPutWord(both[i], VIR_TYPED_PARAM_STRING);
        testPutPadded(both[i], "v", 0xee);
    }
    testPutText(expected, FIELD, "inhibited");
    testPutUInt(expected, NUMBER, 0x01020304u);
    records = testParse(bytes);
    testAddTo(records, 0);
    testAssertApplies(bytes, records, expected);
}

/* What was added is there when the result is read. */
static void
testApplyTwice(void)
{
    g_autoptr(GByteArray) bytes = testNewReply(false);
    g_autoptr(GPtrArray) records = testParse(bytes);
    g_autoptr(GPtrArray) again = NULL;
    g_autofree guint8 *result = NULL;
    g_autofree guint8 *second = NULL;
    size_t length = 0;
    size_t secondLength = 0;

    testAddTo(records, 0);
    result = remoteStatsApply(bytes->data, bytes->len, records, &length);
    g_assert_nonnull(result);
    again = remoteStatsParse(result, length);
    g_assert_nonnull(again);
    g_assert_cmpuint(again->len, ==, 3);
    testAddTo(again, 2);
    second = remoteStatsApply(result, length, again, &secondLength);
    {
        g_autoptr(GByteArray) expected = testNewReply(true);

        g_assert_cmpmem(second, (guint)secondLength, expected->data, expected->len);
    }
}

/* A client takes no record with more, and would lose the whole reply. */
static void
testApplyNoRoom(void)
{
    for (guint32 room = 0; room < 4; room++) {
        g_autoptr(GByteArray) bytes = testNewParams(REMOTE_STATS_PARAMS_MAX - room);
        g_autoptr(GPtrArray) records = testParse(bytes);
        g_autofree guint8 *result = NULL;
        size_t length = 0;

        testAddTo(records, 0);
        result = remoteStatsApply(bytes->data, bytes->len, records, &length);
        if (room >= 2)
            g_assert_nonnull(result);
        if (result) {
            g_autoptr(GPtrArray) again = remoteStatsParse(result, length);

            g_assert_nonnull(again);
        }
    }
}

/* Others get theirs all the same. */
static void
testApplyNoRoomInOne(void)
{
    g_autoptr(GByteArray) bytes = testNewParams(REMOTE_STATS_PARAMS_MAX);
    g_autoptr(GByteArray) expected = testNewParams(REMOTE_STATS_PARAMS_MAX);
    g_autoptr(GPtrArray) records = NULL;

    testSetWord(bytes, 0, 2);
    testPutDomain(bytes, "other", 2, 8);
    testPutWord(bytes, 0);
    testSetWord(expected, 0, 2);
    testPutDomain(expected, "other", 2, 8);
    testPutWord(expected, 2);
    testPutText(expected, FIELD, "inhibited");
    testPutUInt(expected, NUMBER, 0x01020304u);
    records = testParse(bytes);
    testAddTo(records, 0);
    testAddTo(records, 1);
    testAssertApplies(bytes, records, expected);
}

/* A reply is never longer than a message may be, to the byte. */
static void
testApplyTooLong(void)
{
    const size_t most = VB_FRAME_LENGTH_MAX - VB_FRAME_HEADER_SIZE;
    const size_t one = 4 + 4 + 4 + REMOTE_STRING_MAX;
    g_autofree char *value = g_strnfill(REMOTE_STRING_MAX, 'v');
    g_autoptr(GByteArray) bytes = testNewParams(1);

    for (size_t more = 0; more <= 4; more += 4) {
        g_autoptr(GPtrArray) records = testParse(bytes);
        remoteStatsRecord *record = g_ptr_array_index(records, 0);
        g_autofree guint8 *result = NULL;
        g_autofree char *last = NULL;
        size_t length = 0;
        size_t left;

        for (left = most - bytes->len; left >= 2 * one; left -= one)
            remoteStatsAddString(record, "", value);
        /* What is left takes two. */
        remoteStatsAddUInt(record, "", 0);
        left -= 12;
        if (left > one) {
            remoteStatsAddString(record, "", value);
            left -= one;
        }
        last = g_strnfill(left - 12 + more, 'v');
        remoteStatsAddString(record, "", last);
        result = remoteStatsApply(bytes->data, bytes->len, records, &length);
        if (more == 0) {
            g_assert_nonnull(result);
            g_assert_cmpuint(length, ==, most);
        } else {
            g_assert_null(result);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/remotestats/domains are read", testRecords);
    g_test_add_func("/remotestats/a record is found with parameters of every type",
                    testRecordPlaces);
    g_test_add_func("/remotestats/there may be no domain", testNoRecords);
    g_test_add_func("/remotestats/a reply is refused at every length that is too short",
                    testTooShort);
    g_test_add_func("/remotestats/what follows a reply stays", testTrailing);
    g_test_add_func("/remotestats/as many domains as allowed are read, and no more",
                    testMostRecords);
    g_test_add_func("/remotestats/more domains than there are are refused", testHostileRecords);
    g_test_add_func("/remotestats/as many parameters as allowed are read, and no more",
                    testMostParams);
    g_test_add_func("/remotestats/more parameters than there are are refused", testHostileParams);
    g_test_add_func("/remotestats/a parameter of no known type is refused", testUnknownType);
    g_test_add_func("/remotestats/a string longer than the reply is refused", testHostileStrings);
    g_test_add_func("/remotestats/a value is as long as a string may be, and no longer",
                    testLongestValue);
    g_test_add_func("/remotestats/a name ends at a NUL", testNulInName);

    g_test_add_func("/remotestats/parameters are added and everything else stays", testApply);
    g_test_add_func("/remotestats/nothing is added", testApplyNothing);
    g_test_add_func("/remotestats/parameters are added to any of the records", testApplyEach);
    g_test_add_func("/remotestats/names and values of every padding are added", testApplyPadding);
    g_test_add_func("/remotestats/stale bytes in a padding stay", testApplyStalePadding);
    g_test_add_func("/remotestats/parameters are added to what has some of ours", testApplyTwice);
    g_test_add_func("/remotestats/a record gets no more parameters than a client takes",
                    testApplyNoRoom);
    g_test_add_func("/remotestats/a record without room keeps no other from its parameters",
                    testApplyNoRoomInOne);
    g_test_add_func("/remotestats/a reply gets no longer than a message may be", testApplyTooLong);

    return g_test_run();
}
