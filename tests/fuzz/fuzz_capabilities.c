/*
 * fuzz_capabilities.c: any bytes as what a QEMU binary says of itself, and libvirt of its host
 *
 * The conversation comes out the same whether the bytes come at once or in pieces; what it is
 * answered with is a line of JSON each.  An emulator that libvirt is said to list must be written
 * in an element of that name.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <json-c/json.h>
#include <string.h>

#include "fuzz_xml.h"
#include "qemu_capabilities.h"

/* What is fed at a time, if not everything. */
static const size_t fuzzPieces[] = { 1, 7, 100 };

typedef struct {
    bool ok;
    GString *commands;
    qemuCaps *caps;
} fuzzEnd;

static void
fuzzConverse(const guint8 *data, size_t size, size_t piece, fuzzEnd *end)
{
    g_autoptr(qemuCapsProbe) probe = qemuCapsProbeNew();
    g_autoptr(GError) error = NULL;

    end->ok = true;
    end->commands = g_string_new(NULL);
    for (size_t at = 0; at < size && end->ok; at += piece)
        end->ok = qemuCapsProbeFeed(probe, (const char *)data + at, MIN(piece, size - at),
                                    end->commands, &error);
    CHECK(end->ok == !error);
    end->caps = qemuCapsProbeTake(probe);
    CHECK(!qemuCapsProbeTake(probe));
    CHECK(end->ok || !end->caps);
}

static void
fuzzEndClear(fuzzEnd *end)
{
    g_string_free(end->commands, TRUE);
    if (end->caps)
        qemuCapsUnref(end->caps);
}

static void
fuzzCheckSame(const qemuCaps *a, const qemuCaps *b)
{
    CHECK(!a == !b);
    if (!a)
        return;
    CHECK(a->major == b->major && a->minor == b->minor && a->micro == b->micro);
    CHECK(strcmp(a->package, b->package) == 0 && a->virtioMem == b->virtioMem);
    CHECK(a->devices->len == b->devices->len);
    for (guint i = 0; i < a->devices->len; i++) {
        const qemuCapsDevice *left = g_ptr_array_index(a->devices, i);
        const qemuCapsDevice *right = g_ptr_array_index(b->devices, i);

        CHECK(strcmp(left->name, right->name) == 0 && left->hasOptOut == right->hasOptOut);
        CHECK(qemuCapsHasOptOut(a, left->name) == left->hasOptOut);
    }
}

static void
fuzzCheckCommands(const GString *commands)
{
    g_auto(GStrv) lines = g_strsplit(commands->str, "\n", -1);

    CHECK(commands->len == 0 || commands->str[commands->len - 1] == '\n');
    for (size_t i = 0; lines[i] && *lines[i]; i++) {
        json_object *root = json_tokener_parse(lines[i]);

        CHECK(json_object_object_get_ex(root, "execute", NULL));
        CHECK(json_object_object_get_ex(root, "id", NULL));
        json_object_put(root);
    }
}

static void
fuzzCheckConversation(const guint8 *data, size_t size)
{
    fuzzEnd whole;

    fuzzConverse(data, size, MAX(size, 1), &whole);
    fuzzCheckCommands(whole.commands);
    for (size_t i = 0; i < G_N_ELEMENTS(fuzzPieces); i++) {
        fuzzEnd pieces;

        fuzzConverse(data, size, fuzzPieces[i], &pieces);
        CHECK(pieces.ok == whole.ok);
        CHECK(g_string_equal(pieces.commands, whole.commands));
        fuzzCheckSame(whole.caps, pieces.caps);
        fuzzEndClear(&pieces);
    }
    fuzzEndClear(&whole);
}

static void
fuzzCheckEmulator(const guint8 *data, size_t size, const char *path)
{
    g_autofree char *text = g_memdup2(data, size);
    g_autoptr(xmlDoc) doc = NULL;
    bool found = false;

    if (!qemuCapsListsEmulator(text, size, path))
        return;
    doc = vbXMLParse(text, size, NULL);
    CHECK(doc);
    for (const xmlNode *node = xmlDocGetRootElement(doc); node; node = fuzzNextElement(node)) {
        g_autofree char *content = (char *)xmlNodeGetContent(node);

        found = found || (xmlStrEqual(node->name, BAD_CAST "emulator") &&
                          strcmp(content, path) == 0);
    }
    CHECK(found);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    fuzzCheckConversation(data, size);
    if (size > 0) {
        fuzzCheckEmulator(data, size, "/usr/bin/qemu-system-x86_64");
        fuzzCheckEmulator(data, size, "");
    }
    return 0;
}
