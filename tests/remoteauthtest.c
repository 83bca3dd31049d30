/*
 * remoteauthtest.c: who a client is, on the wire
 *
 * The bytes are those of libvirt: see what virtproxyd and libvirtd say to each other.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "remote_auth.h"

static void
testTypesEncoded(void)
{
    static const guint8 polkit[] = { 0, 0, 0, 1, 0, 0, 0, 2 };
    g_autoptr(GByteArray) bytes = remoteEncodeAuthTypes(REMOTE_AUTH_POLKIT);

    g_assert_cmpmem(bytes->data, bytes->len, polkit, sizeof(polkit));
}

static void
testPolkitEncoded(void)
{
    static const guint8 complete[] = { 0, 0, 0, 1 };
    g_autoptr(GByteArray) bytes = remoteEncodeAuthPolkit();

    g_assert_cmpmem(bytes->data, bytes->len, complete, sizeof(complete));
}

typedef struct {
    const char *sentence;
    guint8 bytes[12];
    size_t length;
    bool ok;
    gint32 type;
} testTypes;

static const testTypes testTypesCases[] = {
    { "none", { 0, 0, 0, 1, 0, 0, 0, 0 }, 8, true, REMOTE_AUTH_NONE },
    { "SASL", { 0, 0, 0, 1, 0, 0, 0, 1 }, 8, true, REMOTE_AUTH_SASL },
    { "polkit", { 0, 0, 0, 1, 0, 0, 0, 2 }, 8, true, REMOTE_AUTH_POLKIT },
    { "of two the first", { 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0 }, 12, true, REMOTE_AUTH_SASL },
    { "no type at all", { 0, 0, 0, 0, 0, 0, 0, 0 }, 8, false, 0 },
    { "more types than the protocol has", { 0, 0, 0, 21, 0, 0, 0, 0 }, 8, false, 0 },
    { "a type that is cut", { 0, 0, 0, 1, 0, 0, 0, 0 }, 7, false, 0 },
    { "nothing", { 0 }, 0, false, 0 },
};

static void
testTypesDecoded(gconstpointer opaque)
{
    const testTypes *data = opaque;
    gint32 type = -1;

    g_assert_cmpint(remoteDecodeAuthTypes(data->bytes, data->length, &type), ==, data->ok);
    if (data->ok)
        g_assert_cmpint(type, ==, data->type);
}

#define ULLONG 0, 0, 0, 4
#define LLONG 0, 0, 0, 3
#define STRING 0, 0, 0, 7

#define NUMBERS \
    0, 0, 0, 12, 'u', 'n', 'i', 'x', '-', 'u', 's', 'e', 'r', '-', 'i', 'd', ULLONG, \
    0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe, \
    0, 0, 0, 13, 'u', 'n', 'i', 'x', '-', 'g', 'r', 'o', 'u', 'p', '-', 'i', 'd', 0, 0, 0, ULLONG, \
    0, 0, 0, 0, 0, 0, 0x03, 0xe9, \
    0, 0, 0, 10, 'p', 'r', 'o', 'c', 'e', 's', 's', '-', 'i', 'd', 0, 0, LLONG, \
    0, 0, 0, 0, 0, 0, 0x12, 0x67, \
    0, 0, 0, 12, 'p', 'r', 'o', 'c', 'e', 's', 's', '-', 't', 'i', 'm', 'e', ULLONG, \
    0, 0, 0, 0x1c, 0xbe, 0x99, 0x1a, 0x14

static const guint8 testIdentityNumbers[] = { 0, 0, 0, 4, NUMBERS, 0, 0, 0, 0 };
static const guint8 testIdentityContext[] = {
    0, 0, 0, 5, NUMBERS,
    0, 0, 0, 15, 's', 'e', 'l', 'i', 'n', 'u', 'x', '-', 'c', 'o', 'n', 't', 'e', 'x', 't', 0, STRING,
    0, 0, 0, 5, 'a', ':', 'b', ':', 'c', 0, 0, 0,
    0, 0, 0, 0
};

static void
testIdentity(gconstpointer opaque)
{
    const char *context = opaque;
    const remoteIdentity identity = {
        .userId = 4294967294,
        .groupId = 1001,
        .processId = 4711,
        .processTime = 123456789012,
        .selinuxContext = context,
    };
    g_autoptr(GByteArray) bytes = remoteEncodeIdentity(&identity);

    if (context)
        g_assert_cmpmem(bytes->data, bytes->len, testIdentityContext, sizeof(testIdentityContext));
    else
        g_assert_cmpmem(bytes->data, bytes->len, testIdentityNumbers, sizeof(testIdentityNumbers));
}

static void
testLongContext(void)
{
    g_autofree char *context = g_strnfill(4096, 'x');
    const remoteIdentity identity = { .selinuxContext = context };
    g_autoptr(GByteArray) bytes = remoteEncodeIdentity(&identity);

    g_assert_cmpuint(bytes->len, ==, sizeof(testIdentityContext) - 8 + 4096);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/polkit alone is named", testTypesEncoded);
    g_test_add_func("/auth/a client that is let in is told so", testPolkitEncoded);
    for (i = 0; i < G_N_ELEMENTS(testTypesCases); i++) {
        g_autofree char *path = g_strdup_printf("/auth/libvirt's word is read: %s",
                                                testTypesCases[i].sentence);

        g_test_add_data_func(path, &testTypesCases[i], testTypesDecoded);
    }
    g_test_add_data_func("/auth/an identity is numbers", NULL, testIdentity);
    g_test_add_data_func("/auth/an identity may have a security context", "a:b:c", testIdentity);
    g_test_add_func("/auth/a security context may be as long as the kernel makes it",
                    testLongContext);
    return g_test_run();
}
