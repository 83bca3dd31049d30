/*
 * fuzz_codec.c: any bytes as arguments and as answers
 *
 * Every decoder sees the input.  What one accepts is held against a walk over the same bytes that
 * knows no XDR library, and is encoded and decoded again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_codec.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_xdr.h"
#include "qemu_driver.h"

#define FUZZ_LAYOUTS 64
/* Two arguments with up to 64 typed parameters, of which each is asked for in three pieces. */
#define FUZZ_ASKED_MAX (2 * (64 * 3 + 1) + 8)

static void
fuzzPutWord(GByteArray *bytes, guint32 word)
{
    guint8 wire[4] = { (guint8)(word >> 24), (guint8)(word >> 16), (guint8)(word >> 8),
                       (guint8)word };

    g_byte_array_append(bytes, wire, 4);
}

static bool
fuzzTakeDocument(fuzzPlace *place, remoteDocument *string)
{
    guint32 length;

    string->offset = place->at;
    if (!fuzzTakeString(place, &length))
        return false;
    string->length = length;
    string->textLength = strnlen((const char *)place->data + string->offset + 4, length);
    return true;
}

static void
fuzzNote(fuzzPlace *place, const remoteDocument *document)
{
    if (place->documents)
        g_array_append_vals(place->documents, document, 1);
}

static bool
fuzzIsNamed(const fuzzPlace *place, const remoteDocument *name, const char *text)
{
    return name->length == strlen(text) &&
        memcmp(place->data + name->offset + 4, text, name->length) == 0;
}

static bool
fuzzWalkParams(fuzzPlace *place)
{
    /* By type, of which 7 is a string. */
    static const size_t sizes[] = { 0, 4, 4, 8, 8, 8, 4 };
    guint32 count;

    if (!fuzzTakeWord(place, &count) || count > 64)
        return false;
    for (guint32 i = 0; i < count; i++) {
        remoteDocument name = { 0 };
        remoteDocument value = { 0 };
        guint32 type;

        if (!fuzzTakeDocument(place, &name) || !fuzzTakeWord(place, &type) || type == 0 || type > 7)
            return false;
        if (type < 7) {
            if (!fuzzSkip(place, sizes[type]))
                return false;
            continue;
        }
        if (!fuzzTakeDocument(place, &value))
            return false;
        if (fuzzIsNamed(place, &name, "destination_xml") ||
            fuzzIsNamed(place, &name, "persistent_xml") || fuzzIsNamed(place, &name, "dxml"))
            fuzzNote(place, &value);
    }
    return true;
}

static bool
fuzzWalkDomains(fuzzPlace *place)
{
    guint32 count;

    if (!fuzzTakeWord(place, &count) || count > 16384)
        return false;
    for (guint32 i = 0; i < count; i++) {
        remoteDocument name = { 0 };

        if (!fuzzTakeDocument(place, &name) || !fuzzSkip(place, 20))
            return false;
    }
    return true;
}

static bool
fuzzWalkLetter(fuzzPlace *place, char letter)
{
    remoteDocument string = { 0 };
    guint32 present = 1;

    switch (letter) {
    case 'd':
        return fuzzTakeDocument(place, &string) && fuzzSkip(place, 20);
    case 'l':
        return fuzzSkip(place, 8);
    case 'u':
        return fuzzSkip(place, 4);
    case 'T':
        return fuzzWalkParams(place);
    case 'D':
        return fuzzWalkDomains(place);
    default:
        if (strchr("oO", letter) && !fuzzTakeWord(place, &present))
            return false;
        if (present == 0)
            return true;
        if (!fuzzTakeDocument(place, &string))
            return false;
        if (strchr("OS", letter))
            fuzzNote(place, &string);
        return true;
    }
}

static size_t
fuzzWalkNoting(const char *layout, const guint8 *data, size_t size, GArray *documents)
{
    fuzzPlace place = { .data = data, .size = size, .documents = documents };

    for (; *layout; layout++) {
        if (!fuzzWalkLetter(&place, *layout))
            return 0;
    }
    return place.at;
}

/* How long arguments of @layout are that @data starts with; 0 if it is too short or one of their
 * strings too long. */
static size_t
fuzzWalk(const char *layout, const guint8 *data, size_t size)
{
    return fuzzWalkNoting(layout, data, size, NULL);
}

/* Asks as a reader does, with nothing behind the bytes that are here. */
static void
fuzzArgsWant(const char *layout, const guint8 *data, size_t size)
{
    size_t whole = fuzzWalk(layout, data, size);
    size_t have = 0;
    guint asked;

    for (asked = 0; ; asked++) {
        g_autofree guint8 *cut = g_malloc(MAX(have, 1));
        size_t want;

        if (have > 0)
            memcpy(cut, data, have);
        want = remoteArgsWant(layout, cut, have);
        CHECK(want >= have);
        CHECK(asked <= FUZZ_ASKED_MAX);
        if (whole > 0)
            CHECK(want <= whole);
        if (want == have || want > size)
            break;
        have = want;
    }
    if (whole > 0) {
        CHECK(have == whole);
        CHECK(remoteArgsWant(layout, data, size) == size);
    }
}

/* Replaces every second document, and looks at what that gives. */
static void
fuzzReplace(const char *layout, const guint8 *data, size_t size, const GArray *documents)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    g_autoptr(GArray) again = NULL;
    g_autofree guint8 *bytes = NULL;
    size_t length = 0;

    for (guint i = 0; i < documents->len; i++)
        g_ptr_array_add(texts, (gpointer)(i % 2 ? NULL : "<a/>"));
    bytes = remoteArgsReplace(data, size, documents, (const char *const *)texts->pdata, &length);
    CHECK(bytes);
    again = remoteArgsFindDocuments(layout, bytes, length);
    CHECK(again && again->len == documents->len);
    for (guint i = 0; i < documents->len; i++) {
        const remoteDocument *before = &g_array_index(documents, remoteDocument, i);
        const remoteDocument *after = &g_array_index(again, remoteDocument, i);
        const guint8 *expected = i % 2 ? data + before->offset + 4 : (const guint8 *)"<a/>";

        CHECK(after->length == (i % 2 ? before->length : 4));
        CHECK(memcmp(bytes + after->offset + 4, expected, after->length) == 0);
    }
}

static void
fuzzDocuments(const char *layout, const guint8 *data, size_t size)
{
    g_autoptr(GArray) expected = g_array_new(FALSE, FALSE, sizeof(remoteDocument));
    g_autoptr(GArray) documents = remoteArgsFindDocuments(layout, data, size);
    size_t whole = fuzzWalkNoting(layout, data, size, expected);

    CHECK((documents != NULL) == (whole > 0));
    if (!documents)
        return;
    CHECK(documents->len == expected->len);
    CHECK(documents->len == 0 ||
          memcmp(documents->data, expected->data, documents->len * sizeof(remoteDocument)) == 0);
    fuzzReplace(layout, data, size, documents);
}

/* Encodes what was decoded and decodes that. */
static void
fuzzDomainAgain(const remoteNonnullDomain *dom, guint64 memory, guint32 flags, const guint8 *data)
{
    g_autoptr(GByteArray) bytes = remoteEncodeDomain(dom);
    g_autoptr(GByteArray) withFlags = remoteEncodeDomainFlags(dom, flags);
    g_auto(remoteNonnullDomain) again = { 0 };
    guint32 nameLength = fuzzGetWord(data);
    guint64 memoryAgain;
    guint32 flagsAgain;

    CHECK(withFlags->len == bytes->len + 4);
    CHECK(memcmp(withFlags->data, bytes->data, bytes->len) == 0);
    CHECK(fuzzGetWord(withFlags->data + bytes->len) == flags);
    CHECK(fuzzWalk("d", bytes->data, bytes->len) == bytes->len);

    /* But for a name that holds a NUL and for the padding, the same bytes. */
    CHECK(strlen(dom->name) <= nameLength);
    if (strlen(dom->name) == nameLength) {
        size_t padded = fuzzGetPadded(nameLength);

        CHECK(memcmp(bytes->data, data, 4 + (size_t)nameLength) == 0);
        CHECK(bytes->len == 4 + padded + 20);
        CHECK(memcmp(bytes->data + 4 + padded, data + 4 + padded, 20) == 0);
    }

    fuzzPutWord(bytes, (guint32)(memory >> 32));
    fuzzPutWord(bytes, (guint32)memory);
    fuzzPutWord(bytes, flags);
    CHECK(remoteDecodeSetMemory(bytes->data, bytes->len, &again, &memoryAgain, &flagsAgain));
    CHECK(strcmp(again.name, dom->name) == 0);
    CHECK(memcmp(again.uuid, dom->uuid, sizeof(again.uuid)) == 0);
    CHECK(again.id == dom->id);
    CHECK(memoryAgain == memory);
    CHECK(flagsAgain == flags);
}

/* What is sent instead is the same with another size. */
static void
fuzzSetMemoryAgain(const remoteNonnullDomain *dom, guint64 memory, bool withFlags, guint32 flags)
{
    g_autoptr(GByteArray) bytes = remoteEncodeSetMemory(dom, memory, withFlags ? &flags : NULL);
    g_auto(remoteNonnullDomain) again = { 0 };
    guint64 memoryAgain = 0;
    guint32 flagsAgain = flags;

    CHECK(fuzzWalk(withFlags ? "dlu" : "dl", bytes->data, bytes->len) == bytes->len);
    CHECK(remoteDecodeSetMemory(bytes->data, bytes->len, &again, &memoryAgain,
                                withFlags ? &flagsAgain : NULL));
    CHECK(strcmp(again.name, dom->name) == 0);
    CHECK(memcmp(again.uuid, dom->uuid, sizeof(again.uuid)) == 0);
    CHECK(again.id == dom->id && memoryAgain == memory && flagsAgain == flags);
}

static void
fuzzMonitorCommand(const remoteNonnullDomain *dom, const char *text)
{
    g_autoptr(GByteArray) bytes = remoteEncodeDomainString(dom, text, 1);
    size_t domain = fuzzWalk("d", bytes->data, bytes->len);
    size_t length = 0;
    const char *command;

    CHECK(fuzzWalk("dsu", bytes->data, bytes->len) == bytes->len);
    command = remoteDecodeString(bytes->data + domain, bytes->len - domain, &length);
    CHECK(command && length == strlen(text) && memcmp(command, text, length) == 0);
    CHECK(fuzzGetWord(bytes->data + bytes->len - 4) == 1);
}

static void
fuzzSetMemory(const guint8 *data, size_t size, bool withFlags, const char *text)
{
    const char *layout = withFlags ? "dlu" : "dl";
    g_auto(remoteNonnullDomain) dom = { 0 };
    guint64 memory = 0;
    guint32 flags = 0;
    size_t whole = fuzzWalk(layout, data, size);

    CHECK(remoteDecodeSetMemory(data, size, &dom, &memory, withFlags ? &flags : NULL) ==
          (whole > 0));
    if (whole == 0)
        return;
    CHECK(memory == ((guint64)fuzzGetWord(data + whole - (withFlags ? 12 : 8)) << 32 |
                     fuzzGetWord(data + whole - (withFlags ? 8 : 4))));
    CHECK(!withFlags || flags == fuzzGetWord(data + whole - 4));
    fuzzDomainAgain(&dom, memory, flags, data);
    fuzzSetMemoryAgain(&dom, memory, withFlags, flags);
    fuzzMonitorCommand(&dom, text);
}

static void
fuzzString(const guint8 *data, size_t size)
{
    size_t length = 0;
    const char *text = remoteDecodeString(data, size, &length);

    CHECK(!text == (fuzzWalk("s", data, size) == 0));
    if (text)
        CHECK(text == (const char *)data + 4 && length == fuzzGetWord(data));
}

/* How long a list of messages is; 0 if it is none. */
static size_t
fuzzWalkMessages(const guint8 *data, size_t size)
{
    size_t at = 4;
    guint32 i;

    if (size < 4 || fuzzGetWord(data) > 2048)
        return 0;
    for (i = 0; i < fuzzGetWord(data); i++) {
        size_t whole = fuzzWalk("s", data + at, size - at);

        if (whole == 0)
            return 0;
        at += whole;
    }
    return at;
}

static void
fuzzMessages(const guint8 *data, size_t size)
{
    g_auto(GStrv) messages = remoteDecodeMessages(data, size);
    size_t whole = fuzzWalkMessages(data, size);
    size_t at = 4;
    guint i;

    CHECK(!messages == (whole == 0));
    if (!messages)
        return;
    CHECK(g_strv_length(messages) == fuzzGetWord(data));
    for (i = 0; messages[i]; i++) {
        size_t length = strlen(messages[i]);

        CHECK(length == strnlen((const char *)data + at + 4, fuzzGetWord(data + at)));
        CHECK(memcmp(messages[i], data + at + 4, length) == 0);
        at += fuzzWalk("s", data + at, whole - at);
    }
}

static void
fuzzMetadata(const guint8 *data, size_t size)
{
    g_auto(remoteNonnullDomain) dom = { 0 };
    g_auto(remoteMetadata) metadata = { 0 };
    g_auto(remoteNonnullDomain) domAgain = { 0 };
    g_auto(remoteMetadata) again = { 0 };
    g_autoptr(GByteArray) bytes = NULL;

    CHECK(remoteDecodeSetMetadata(data, size, &dom, &metadata) ==
          (fuzzWalk("duooou", data, size) > 0));
    if (fuzzWalk("duooou", data, size) == 0)
        return;
    bytes = remoteEncodeSetMetadata(&dom, &metadata);
    CHECK(fuzzWalk("duooou", bytes->data, bytes->len) == bytes->len);
    CHECK(remoteDecodeSetMetadata(bytes->data, bytes->len, &domAgain, &again));
    CHECK(strcmp(dom.name, domAgain.name) == 0);
    CHECK(g_strcmp0(metadata.text, again.text) == 0 && g_strcmp0(metadata.key, again.key) == 0 &&
          g_strcmp0(metadata.uri, again.uri) == 0);
    CHECK(metadata.type == again.type && metadata.flags == again.flags);
}

static void
fuzzNetwork(const guint8 *data, size_t size)
{
    g_auto(remoteNonnullNetwork) network = { 0 };
    size_t name = fuzzWalk("s", data, size);
    bool whole = name > 0 && size - name >= 16;
    g_autoptr(GByteArray) bytes = NULL;

    CHECK(remoteDecodeNetwork(data, size, &network) == whole);
    if (!whole)
        return;
    CHECK(memcmp(network.uuid, data + name, 16) == 0);
    bytes = remoteEncodeNetworkFlags(&network, 7);
    CHECK(fuzzGetWord(bytes->data + bytes->len - 4) == 7);
    CHECK(memcmp(bytes->data + bytes->len - 20, network.uuid, 16) == 0);
}

static void
fuzzNumbers(const guint8 *data, size_t size)
{
    gint32 value = 0;
    gint32 code = 0;
    gint32 domain = 0;
    guint64 hyper = 0;

    CHECK(remoteDecodeHyper(data, size, &hyper) == (size >= 8));
    CHECK(size < 8 || hyper == ((guint64)fuzzGetWord(data) << 32 | fuzzGetWord(data + 4)));
    CHECK(remoteDecodeInt(data, size, &value) == (size >= 4));
    CHECK(size < 4 || (guint32)value == fuzzGetWord(data));
    CHECK(remoteDecodeError(data, size, &code, &domain) == (size >= 8));
    CHECK(size < 8 || ((guint32)code == fuzzGetWord(data) &&
                       (guint32)domain == fuzzGetWord(data + 4)));
}

/* Walks over a string that may be absent. Returns what lies behind it. */
static const guint8 *
fuzzSkipPointer(const guint8 *at, const guint8 *end)
{
    guint32 present;
    size_t whole;

    CHECK(end - at >= 4);
    present = fuzzGetWord(at);
    CHECK(present <= 1);
    at += 4;
    if (present == 0)
        return at;
    whole = fuzzWalk("s", at, (size_t)(end - at));
    CHECK(whole > 0);
    return at + whole;
}

static void
fuzzError(gint32 code, gint32 domain, const char *text)
{
    g_autoptr(GByteArray) bytes = remoteEncodeError(code, domain, text);
    const guint8 *end = bytes->data + bytes->len;
    const guint8 *at = bytes->data + 8;
    gint32 codeAgain;
    gint32 domainAgain;

    CHECK(remoteDecodeError(bytes->data, bytes->len, &codeAgain, &domainAgain));
    CHECK(codeAgain == code && domainAgain == domain);
    at = fuzzSkipPointer(at, end);
    CHECK(end - at >= 4 && fuzzGetWord(at) == VIR_ERR_ERROR);
    at = fuzzSkipPointer(at + 4, end);
    at = fuzzSkipPointer(at, end);
    at = fuzzSkipPointer(at, end);
    at = fuzzSkipPointer(at, end);
    CHECK(end - at == 12);
    CHECK(fuzzGetWord(at) == 0xffffffffu && fuzzGetWord(at + 4) == 0xffffffffu);
    CHECK(fuzzGetWord(at + 8) == 0);
}

/* What the arguments of the procedures are made of, each layout once. */
static const char *const *
fuzzGetLayouts(void)
{
    static const char *layouts[FUZZ_LAYOUTS + 1];
    guint count = 0;

    if (layouts[0])
        return layouts;
    for (gint32 number = 0; number < 1000; number++) {
        for (guint32 program = REMOTE_PROGRAM; program <= QEMU_PROGRAM; program++) {
            const qemuDriverProcedure *found = qemuDriverFindProcedure(program, 1, number);

            if (!found || g_strv_contains(layouts, found->layout))
                continue;
            CHECK(count < FUZZ_LAYOUTS);
            layouts[count++] = found->layout;
        }
    }
    CHECK(count > 20);
    return layouts;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    const char *const *layouts = fuzzGetLayouts();
    g_autofree char *text = g_strndup((const char *)data, size);

    for (size_t i = 0; layouts[i]; i++) {
        fuzzArgsWant(layouts[i], data, size);
        fuzzDocuments(layouts[i], data, size);
    }
    fuzzSetMemory(data, size, false, text);
    fuzzSetMemory(data, size, true, text);
    fuzzString(data, size);
    fuzzMessages(data, size);
    fuzzNumbers(data, size);
    fuzzMetadata(data, size);
    fuzzNetwork(data, size);
    fuzzError(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, text);
    fuzzError(size > 0 ? data[0] : 0, VIR_FROM_NONE, text);
    return 0;
}
