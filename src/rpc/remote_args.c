/*
 * remote_args.c: arguments as they lie on the wire
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_args.h"

#include <libvirt/libvirt.h>
#include <string.h>

/* Of a domain without a name: the length of that, its UUID and its number. */
#define REMOTE_DOMAIN_SIZE_MIN 24

size_t
remoteGetPadded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static guint32
remoteGetWord(const guint8 *bytes)
{
    guint32 word;

    memcpy(&word, bytes, sizeof(word));
    return GUINT32_FROM_BE(word);
}

/* A walk along arguments that may not be here whole. */
typedef struct {
    const guint8 *bytes;
    size_t have;
    size_t need;         /* up to where is known what they are */
    GArray *documents;   /* of remoteDocument, or NULL */
} remoteWalk;

typedef enum {
    REMOTE_WALK_ON,
    REMOTE_WALK_MORE, /* as many bytes as it needs must be here first */
    REMOTE_WALK_END,  /* these are no arguments */
} remoteWalkResult;

static remoteWalkResult
remoteWalkWord(remoteWalk *walk, guint32 *word)
{
    walk->need += 4;
    if (walk->have < walk->need)
        return REMOTE_WALK_MORE;
    *word = remoteGetWord(walk->bytes + walk->need - 4);
    return REMOTE_WALK_ON;
}

/* A string or opaque bytes; @document: (out): where, or NULL. */
static remoteWalkResult
remoteWalkString(remoteWalk *walk, remoteDocument *document)
{
    guint32 length = 0;
    remoteWalkResult result = remoteWalkWord(walk, &length);

    if (result != REMOTE_WALK_ON)
        return result;
    if (length > REMOTE_STRING_MAX)
        return REMOTE_WALK_END;
    if (document) {
        document->offset = walk->need - 4;
        document->length = length;
    }
    walk->need += remoteGetPadded(length);
    return REMOTE_WALK_ON;
}

static void
remoteWalkAddDocument(remoteWalk *walk, const remoteDocument *document)
{
    remoteDocument known = *document;

    /* One that is not here whole will be walked again. */
    if (!walk->documents || walk->need > walk->have)
        return;
    known.textLength = strnlen((const char *)walk->bytes + known.offset + 4, known.length);
    g_array_append_vals(walk->documents, &known, 1);
}

/* Whether a typed parameter of that name is a domain's XML (VIR_MIGRATE_PARAM_DEST_XML,
 * VIR_MIGRATE_PARAM_PERSIST_XML, VIR_DOMAIN_SAVE_PARAM_DXML of libvirt 9.0). */
static bool
remoteParamIsDocument(const remoteWalk *walk, const remoteDocument *field)
{
    static const char *const names[] = { "destination_xml", "persistent_xml", "dxml" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (field->length == strlen(names[i]) &&
            memcmp(walk->bytes + field->offset + 4, names[i], field->length) == 0)
            return true;
    }
    return false;
}

static remoteWalkResult
remoteWalkParams(remoteWalk *walk)
{
    guint32 count = 0;
    remoteWalkResult result = remoteWalkWord(walk, &count);

    if (result == REMOTE_WALK_ON && count > REMOTE_TYPED_PARAMS_MAX)
        return REMOTE_WALK_END;
    for (guint32 i = 0; i < count && result == REMOTE_WALK_ON; i++) {
        remoteDocument field = { 0 };
        remoteDocument value = { 0 };
        guint32 type = 0;

        if ((result = remoteWalkString(walk, &field)) != REMOTE_WALK_ON ||
            (result = remoteWalkWord(walk, &type)) != REMOTE_WALK_ON)
            break;
        switch (type) {
        case VIR_TYPED_PARAM_INT:
        case VIR_TYPED_PARAM_UINT:
        case VIR_TYPED_PARAM_BOOLEAN:
            walk->need += 4;
            break;
        case VIR_TYPED_PARAM_LLONG:
        case VIR_TYPED_PARAM_ULLONG:
        case VIR_TYPED_PARAM_DOUBLE:
            walk->need += 8;
            break;
        case VIR_TYPED_PARAM_STRING:
            result = remoteWalkString(walk, &value);
            if (result == REMOTE_WALK_ON && remoteParamIsDocument(walk, &field))
                remoteWalkAddDocument(walk, &value);
            break;
        default:
            return REMOTE_WALK_END;
        }
    }
    return result;
}

static remoteWalkResult
remoteWalkDomains(remoteWalk *walk)
{
    guint32 count = 0;
    remoteWalkResult result = remoteWalkWord(walk, &count);

    if (result == REMOTE_WALK_ON && count > REMOTE_DOMAIN_LIST_MAX)
        return REMOTE_WALK_END;
    for (guint32 i = 0; i < count && result == REMOTE_WALK_ON; i++) {
        result = remoteWalkString(walk, NULL);
        if (result == REMOTE_WALK_ON)
            walk->need += REMOTE_DOMAIN_SIZE_MIN - 4;
        /* Who asked for one after the other would walk along all of them each time. */
        else if (result == REMOTE_WALK_MORE)
            walk->need += (size_t)(count - i) * REMOTE_DOMAIN_SIZE_MIN - 4;
    }
    return result;
}

static remoteWalkResult
remoteWalkArgument(remoteWalk *walk, char letter)
{
    remoteDocument document = { 0 };
    remoteWalkResult result = REMOTE_WALK_ON;
    guint32 present = 1;

    switch (letter) {
    case 'O':
    case 'o':
        result = remoteWalkWord(walk, &present);
        if (result != REMOTE_WALK_ON || !present)
            return result;
        G_GNUC_FALLTHROUGH;
    case 'S':
    case 's':
    case 'x':
        result = remoteWalkString(walk, &document);
        if (result == REMOTE_WALK_ON && g_ascii_isupper(letter))
            remoteWalkAddDocument(walk, &document);
        return result;
    case 'd':
        result = remoteWalkString(walk, NULL);
        walk->need += result == REMOTE_WALK_ON ? 16 + 4 : 0;
        return result;
    case 'D':
        return remoteWalkDomains(walk);
    case 'T':
        return remoteWalkParams(walk);
    case 'l':
        walk->need += 8;
        return result;
    case 'u':
        walk->need += 4;
        return result;
    default:
        g_assert_not_reached();
    }
}

static remoteWalkResult
remoteWalkArguments(remoteWalk *walk, const char *layout)
{
    remoteWalkResult result = REMOTE_WALK_ON;

    for (; *layout && result == REMOTE_WALK_ON; layout++)
        result = remoteWalkArgument(walk, *layout);
    return result;
}

size_t
remoteArgsWant(const char *layout, const guint8 *bytes, size_t have)
{
    remoteWalk walk = { .bytes = bytes, .have = have };

    if (remoteWalkArguments(&walk, layout) == REMOTE_WALK_END)
        return have;
    return MAX(walk.need, have);
}

GArray *
remoteArgsFindDocuments(const char *layout, const guint8 *bytes, size_t length)
{
    g_autoptr(GArray) documents = g_array_new(FALSE, FALSE, sizeof(remoteDocument));
    remoteWalk walk = { .bytes = bytes, .have = length, .documents = documents };

    if (remoteWalkArguments(&walk, layout) != REMOTE_WALK_ON || walk.need > length)
        return NULL;
    return g_steal_pointer(&documents);
}

guint8 *
remotePutString(guint8 *out, const char *text, size_t length)
{
    guint32 word = GUINT32_TO_BE((guint32)length);

    memcpy(out, &word, sizeof(word));
    memcpy(out + sizeof(word), text, length);
    memset(out + sizeof(word) + length, 0, remoteGetPadded(length) - length);
    return out + sizeof(word) + remoteGetPadded(length);
}

guint8 *
remoteArgsReplace(const guint8 *bytes, size_t length, const GArray *documents,
                  const char *const *texts, size_t *newLength)
{
    size_t size = length;
    size_t at = 0;
    guint8 *result;
    guint8 *out;

    for (guint i = 0; i < documents->len; i++) {
        const remoteDocument *document = &g_array_index(documents, remoteDocument, i);

        if (texts[i])
            size += remoteGetPadded(strlen(texts[i])) - remoteGetPadded(document->length);
    }
    if (!(result = out = g_try_malloc(size)))
        return NULL;
    for (guint i = 0; i < documents->len; i++) {
        const remoteDocument *document = &g_array_index(documents, remoteDocument, i);

        if (!texts[i])
            continue;
        out = mempcpy(out, bytes + at, document->offset - at);
        out = remotePutString(out, texts[i], strlen(texts[i]));
        at = document->offset + 4 + remoteGetPadded(document->length);
    }
    memcpy(out, bytes + at, length - at);
    *newLength = size;
    return result;
}
