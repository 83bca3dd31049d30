/*
 * configtest.c: the configuration file, every key with what it takes and what it does not
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <glib/gstdio.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "vberror.h"

static const char testGLibsOwn[] = "\1";

typedef struct {
    const char *sentence;
    const char *text; /* of the file; without a group line it stands in ours */
    vbDomainBalloonPolicy policy;
    qemuDomainQmpMode qmp;
    mode_t mode;
    const char *group;
    unsigned int clients;
    unsigned int perUser;
} testGood;

#define BLOCK VB_DOMAIN_BALLOON_POLICY_BLOCK
#define AUTO QEMU_DOMAIN_QMP_AUTO

static const testGood testGoods[] = {
    { "an empty group changes nothing", "", BLOCK, AUTO, 0666, NULL, 5000, 5000 },
    { "comments and blank lines change nothing", "# default_policy=warn\n\n#x\n", BLOCK, AUTO, 0666,
      NULL, 5000, 5000 },
    { "default_policy block", "default_policy=block\n", BLOCK, AUTO, 0666, NULL, 5000, 5000 },
    { "default_policy warn", "default_policy=warn\n", VB_DOMAIN_BALLOON_POLICY_WARN, AUTO, 0666,
      NULL, 5000, 5000 },
    { "default_policy ignore", "default_policy=ignore\n", VB_DOMAIN_BALLOON_POLICY_IGNORE, AUTO,
      0666, NULL, 5000, 5000 },
    { "default_policy redirect", "default_policy=redirect\n", VB_DOMAIN_BALLOON_POLICY_REDIRECT,
      AUTO, 0666, NULL, 5000, 5000 },
    { "blanks around the equals sign", "default_policy = warn\n", VB_DOMAIN_BALLOON_POLICY_WARN,
      AUTO, 0666, NULL, 5000, 5000 },
    { "qmp auto", "qmp=auto\n", BLOCK, AUTO, 0666, NULL, 5000, 5000 },
    { "qmp always", "qmp=always\n", BLOCK, QEMU_DOMAIN_QMP_ALWAYS, 0666, NULL, 5000, 5000 },
    { "qmp never", "qmp=never\n", BLOCK, QEMU_DOMAIN_QMP_NEVER, 0666, NULL, 5000, 5000 },
    { "auth polkit", "auth=polkit\n", BLOCK, AUTO, 0666, NULL, 5000, 5000 },
    { "auth none is for root alone", "auth=none\n", BLOCK, AUTO, 0600, NULL, 5000, 5000 },
    { "auth none may be for a group", "auth=none\nsocket_mode=0660\n", BLOCK, AUTO, 0660, NULL, 5000,
      5000 },
    { "socket_mode 0660", "socket_mode=0660\n", BLOCK, AUTO, 0660, NULL, 5000, 5000 },
    { "socket_mode 660 is octal too", "socket_mode=660\n", BLOCK, AUTO, 0660, NULL, 5000, 5000 },
    { "socket_mode 0", "socket_mode=0\n", BLOCK, AUTO, 0, NULL, 5000, 5000 },
    { "socket_mode 0777", "socket_mode=0777\n", BLOCK, AUTO, 0777, NULL, 5000, 5000 },
    { "socket_group", "socket_group=libvirt\n", BLOCK, AUTO, 0666, "libvirt", 5000, 5000 },
    { "socket_group may be a number", "socket_group=107\n", BLOCK, AUTO, 0666, "107", 5000, 5000 },
    { "of two groups the last", "socket_group=a\nsocket_group=b\n", BLOCK, AUTO, 0666, "b", 5000,
      5000 },
    { "max_clients 1", "max_clients=1\n", BLOCK, AUTO, 0666, NULL, 1, 5000 },
    { "max_clients 1000000", "max_clients=1000000\n", BLOCK, AUTO, 0666, NULL, 1000000, 5000 },
    { "max_clients is decimal", "max_clients=010\n", BLOCK, AUTO, 0666, NULL, 10, 5000 },
    { "max_clients_per_user 1", "max_clients_per_user=1\n", BLOCK, AUTO, 0666, NULL, 5000, 1 },
    { "max_clients_per_user 1000000", "max_clients_per_user=1000000\n", BLOCK, AUTO, 0666, NULL,
      5000, 1000000 },
    { "all keys at once", "max_clients_per_user=2\nmax_clients=3\nsocket_group=g\n"
      "socket_mode=0640\nauth=none\nqmp=never\ndefault_policy=ignore\n",
      VB_DOMAIN_BALLOON_POLICY_IGNORE, QEMU_DOMAIN_QMP_NEVER, 0640, "g", 3, 2 },
    { "the group twice", "[virtballoond]\nqmp=never\n[virtballoond]\nsocket_mode=0640\n", BLOCK,
      QEMU_DOMAIN_QMP_NEVER, 0640, NULL, 5000, 5000 },
};

typedef struct {
    const char *sentence;
    const char *text;    /* as above */
    const char *message; /* behind the name of the file; testGLibsOwn: GLib's own */
} testBad;

#define POLICIES "expected block, warn, ignore or redirect"
#define MODES "expected auto, always or never"
#define OCTAL "expected an octal mode such as 0600"
#define COUNT "expected a number from 1 to 1000000"
#define AUTH "expected polkit or none"
#define USER "expected the name of a user other than root"
#define INVALID(value, key) ": invalid value '" value "' for key '" key "': "

static const testBad testBads[] = {
    { "default_policy default would follow itself", "default_policy=default\n",
      INVALID("default", "default_policy") POLICIES },
    { "default_policy in capitals", "default_policy=Block\n",
      INVALID("Block", "default_policy") POLICIES },
    { "default_policy without a value", "default_policy=\n",
      INVALID("", "default_policy") POLICIES },
    { "default_policy in quotes", "default_policy='warn'\n",
      INVALID("'warn'", "default_policy") POLICIES },
    { "default_policy with a comment behind", "default_policy=warn # really\n",
      INVALID("warn # really", "default_policy") POLICIES },
    { "two policies", "default_policy=warn;block\n",
      INVALID("warn;block", "default_policy") POLICIES },
    { "qmp with another word", "qmp=on\n", INVALID("on", "qmp") MODES },
    { "qmp without a value", "qmp=\n", INVALID("", "qmp") MODES },
    { "auth sasl", "auth=sasl\n", INVALID("sasl", "auth") AUTH },
    { "auth without a value", "auth=\n", INVALID("", "auth") AUTH },
    { "max_anonymous_clients 0", "max_anonymous_clients=0\n",
      INVALID("0", "max_anonymous_clients") COUNT },
    { "socket_mode in letters", "socket_mode=rw\n", INVALID("rw", "socket_mode") OCTAL },
    { "socket_mode that is not octal", "socket_mode=0680\n", INVALID("0680", "socket_mode") OCTAL },
    { "socket_mode with the sticky bit", "socket_mode=1777\n",
      INVALID("1777", "socket_mode") OCTAL },
    { "socket_mode below zero", "socket_mode=-1\n", INVALID("-1", "socket_mode") OCTAL },
    { "socket_mode with a plus sign", "socket_mode=+600\n", INVALID("+600", "socket_mode") OCTAL },
    { "socket_mode in hexadecimal", "socket_mode=0x1ff\n", INVALID("0x1ff", "socket_mode") OCTAL },
    { "socket_mode without a value", "socket_mode=\n", INVALID("", "socket_mode") OCTAL },
    { "socket_mode with a word behind", "socket_mode=0600 x\n",
      INVALID("0600 x", "socket_mode") OCTAL },
    { "socket_mode too large", "socket_mode=7777777777777777777777777\n",
      INVALID("7777777777777777777777777", "socket_mode") OCTAL },
    { "socket_group without a value", "socket_group=\n",
      INVALID("", "socket_group") "expected the name of a group" },
    { "max_clients 0", "max_clients=0\n", INVALID("0", "max_clients") COUNT },
    { "max_clients 1000001", "max_clients=1000001\n", INVALID("1000001", "max_clients") COUNT },
    { "max_clients below zero", "max_clients=-1\n", INVALID("-1", "max_clients") COUNT },
    { "max_clients above 64 bits", "max_clients=18446744073709551617\n",
      INVALID("18446744073709551617", "max_clients") COUNT },
    { "max_clients in hexadecimal", "max_clients=0x10\n", INVALID("0x10", "max_clients") COUNT },
    { "max_clients with an exponent", "max_clients=1e3\n", INVALID("1e3", "max_clients") COUNT },
    { "max_clients without a value", "max_clients=\n", INVALID("", "max_clients") COUNT },
    { "max_clients_per_user 0", "max_clients_per_user=0\n",
      INVALID("0", "max_clients_per_user") COUNT },
    { "max_clients_per_user 1000001", "max_clients_per_user=1000001\n",
      INVALID("1000001", "max_clients_per_user") COUNT },
    { "max_clients_per_user in words", "max_clients_per_user=many\n",
      INVALID("many", "max_clients_per_user") COUNT },
    { "probe_user root would run what it is to be protected from", "probe_user=root\n",
      INVALID("root", "probe_user") USER },
    { "probe_user that nobody is", "probe_user=no such user\n",
      INVALID("no such user", "probe_user") USER },
    { "probe_user as a number", "probe_user=65534\n", INVALID("65534", "probe_user") USER },
    { "probe_user without a value", "probe_user=\n", INVALID("", "probe_user") USER },
    { "a good key does not make up for a bad one", "qmp=never\ndefault_policy=x\n",
      INVALID("x", "default_policy") POLICIES },
    { "an unknown key", "defaultpolicy=warn\n",
      ": unknown key 'defaultpolicy'; did you mean 'default_policy'?" },
    { "an unknown key with two letters swapped", "defualt_policy=warn\n",
      ": unknown key 'defualt_policy'; did you mean 'default_policy'?" },
    { "an unknown key like none of ours", "listen_addr=::1\n", ": unknown key 'listen_addr'" },
    { "a key in capitals", "Default_Policy=warn\n",
      ": unknown key 'Default_Policy'; did you mean 'default_policy'?" },
    { "a key of a language", "default_policy[de]=warn\n",
      ": unknown key 'default_policy[de]'; did you mean 'default_policy'?" },
    { "an unknown group", "[libvirtd]\ndefault_policy=warn\n",
      ": unknown group 'libvirtd': expected 'virtballoond'" },
    { "an unknown group behind ours", "[virtballoond]\nqmp=auto\n[x]\n",
      ": unknown group 'x': expected 'virtballoond'" },
    { "our group in capitals", "[VIRTBALLOOND]\n",
      ": unknown group 'VIRTBALLOOND': expected 'virtballoond'" },
    { "a line that is none", "default_policy\n", testGLibsOwn },
    { "bytes that are no text", "socket_group=\xff\xfe\n", testGLibsOwn },
};

typedef struct {
    char *directory;
    char *path;
} testFile;

/* Makes @text a file, in our group if it does not name one. */
static void
testFileWrite(testFile *file, const char *text)
{
    g_autofree char *whole = g_strconcat(text[0] == '[' ? "" : "[virtballoond]\n", text, NULL);
    g_autoptr(GError) error = NULL;

    file->directory = g_dir_make_tmp("configtest-XXXXXX", &error);
    g_assert_no_error(error);
    file->path = g_build_filename(file->directory, "virtballoond.conf", NULL);
    g_file_set_contents(file->path, whole, -1, &error);
    g_assert_no_error(error);
}

static void
testFileClear(testFile *file)
{
    g_unlink(file->path);
    g_rmdir(file->directory);
    g_free(file->path);
    g_free(file->directory);
}

static void
testAssertDefaults(const vbConfig *config)
{
    g_assert_cmpint(config->domain.defaultPolicy, ==, BLOCK);
    g_assert_cmpint(config->domain.qmp, ==, AUTO);
    g_assert_null(config->socketGroup);
    g_assert_cmpuint(config->maxClients, ==, 5000);
    g_assert_cmpuint(config->maxClientsPerUser, ==, 5000);
    g_assert_cmpuint(config->maxAnonymousClients, ==, 1000);
}

static void
testGoodFile(gconstpointer opaque)
{
    const testGood *data = opaque;
    testFile file;
    g_autoptr(vbConfig) config = NULL;
    g_autofree char *group = NULL;
    g_autoptr(GError) error = NULL;

    testFileWrite(&file, data->text);
    config = vbConfigLoad(file.path, FALSE, &error);
    testFileClear(&file);
    g_assert_no_error(error);
    if (!config)
        return;
    /* Not every machine has these groups: that they must be there is another test's. */
    group = g_steal_pointer(&config->socketGroup);
    g_assert_true(vbConfigSettle(config, FALSE, &error));
    g_assert_no_error(error);
    g_assert_cmpint(config->domain.defaultPolicy, ==, data->policy);
    g_assert_cmpint(config->domain.qmp, ==, data->qmp);
    g_assert_cmpint(config->socketMode, ==, data->mode);
    g_assert_cmpstr(group, ==, data->group);
    g_assert_cmpuint(config->maxClients, ==, data->clients);
    g_assert_cmpuint(config->maxClientsPerUser, ==, data->perUser);
}

/* Every machine has this one. */
static void
testProbeUser(void)
{
    const struct passwd *user = getpwnam("daemon");
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;
    testFile file;

    g_assert_nonnull(user);
    testFileWrite(&file, "probe_user=daemon\n");
    config = vbConfigLoad(file.path, FALSE, &error);
    testFileClear(&file);
    g_assert_no_error(error);
    g_assert_cmpuint(config->probeUid, ==, user->pw_uid);
    g_assert_cmpuint(config->probeGid, ==, user->pw_gid);
    g_assert_cmpuint(config->probeUid, !=, 0);
}

/* libvirt's user for QEMU, where there is one; nobody is run as root. */
static void
testProbeUserDefault(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    const struct passwd *user = getpwnam("libvirt-qemu");

    if (!user)
        user = getpwnam("qemu");
    g_assert_cmpuint(config->probeUid, ==, user ? user->pw_uid : 0);
    g_assert_cmpuint(config->probeGid, ==, user ? user->pw_gid : 0);
}

static void
testBadFile(gconstpointer opaque)
{
    const testBad *data = opaque;
    testFile file;
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *expected = NULL;

    testFileWrite(&file, data->text);
    /* That a file may be absent does not make a bad one good. */
    config = vbConfigLoad(file.path, TRUE, &error);
    g_assert_null(config);
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    if (error && data->message != testGLibsOwn) {
        expected = g_strconcat(file.path, data->message, NULL);
        g_assert_cmpstr(error->message, ==, expected);
    } else if (error) {
        g_assert_true(g_str_has_prefix(error->message, file.path));
    }
    testFileClear(&file);
}

static void
testDefaults(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();

    testAssertDefaults(config);
    vbConfigFree(NULL);
}

static void
testEmptyFile(void)
{
    testFile file;
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    testFileWrite(&file, "");
    g_assert_true(g_file_set_contents(file.path, "", 0, NULL));
    config = vbConfigLoad(file.path, FALSE, &error);
    testFileClear(&file);
    g_assert_no_error(error);
    testAssertDefaults(config);
}

static void
testAbsent(void)
{
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    config = vbConfigLoad("/nonexistent/virtballoond.conf", TRUE, &error);
    g_assert_no_error(error);
    g_assert_nonnull(config);
    if (config)
        testAssertDefaults(config);
}

static void
testAbsentButNamed(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vbConfigLoad("/nonexistent/virtballoond.conf", FALSE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==,
                    "/nonexistent/virtballoond.conf: No such file or directory");
}

/* There is something there that cannot be read, which is not the same as nothing. */
static void
testDirectory(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vbConfigLoad("/", TRUE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, "/: "));
}

static void
testNoDirectory(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vbConfigLoad("/dev/null/virtballoond.conf", TRUE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, "/dev/null/virtballoond.conf: "));
}

static void
testBeforeAnyGroup(void)
{
    testFile file;
    g_autoptr(GError) error = NULL;

    testFileWrite(&file, "");
    g_assert_true(g_file_set_contents(file.path, "default_policy=warn\n", -1, NULL));
    g_assert_null(vbConfigLoad(file.path, FALSE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, file.path));
    testFileClear(&file);
}

static void
testHost(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(GError) error = NULL;

    g_assert_true(vbConfigSettle(config, FALSE, &error));
    config->socketGroup = g_strdup("daemon");
    g_assert_true(vbConfigSettle(config, FALSE, &error));
    g_assert_no_error(error);
}

static void
testHostWithoutGroup(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(GError) error = NULL;

    config->socketGroup = g_strdup("no such group");
    g_assert_false(vbConfigSettle(config, FALSE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "invalid value 'no such group' for key 'socket_group': "
                    "there is no such group");
}

static void
testSettleSystem(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();

    g_assert_true(vbConfigSettle(config, FALSE, NULL));
    g_assert_cmpint(config->auth, ==, VB_CONFIG_AUTH_POLKIT);
    g_assert_cmpint(config->socketMode, ==, 0666);
}

static void
testSettleSession(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();

    g_assert_true(vbConfigSettle(config, TRUE, NULL));
    g_assert_cmpint(config->auth, ==, VB_CONFIG_AUTH_NONE);
    g_assert_cmpint(config->socketMode, ==, 0600);
}

static void
testSessionPolkit(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(GError) error = NULL;

    config->auth = VB_CONFIG_AUTH_POLKIT;
    g_assert_false(vbConfigSettle(config, TRUE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "invalid value 'polkit' for key 'auth': a session daemon "
                    "serves its own user only; expected none");
}

static void
testOpenToAll(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(GError) error = NULL;

    config->auth = VB_CONFIG_AUTH_NONE;
    config->socketModeGiven = TRUE;
    config->socketMode = 0602;
    g_assert_false(vbConfigSettle(config, FALSE, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "invalid value '0602' for key 'socket_mode': with auth=none "
                    "everybody would be let in; expected a mode without rights of others, such as "
                    "0660");
}

static void
testSocketOpenToAll(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(GError) error = NULL;

    config->auth = VB_CONFIG_AUTH_NONE;
    g_assert_true(vbConfigCheckSocket(config, "/x", S_IFSOCK | 0664, &error));
    g_assert_no_error(error);
    g_assert_false(vbConfigCheckSocket(config, "/x", S_IFSOCK | 0666, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "everybody may connect to socket '/x' (mode 0666) and "
                    "nobody is asked (auth=none): take the rights of others away, or set auth to "
                    "polkit");
    config->auth = VB_CONFIG_AUTH_POLKIT;
    g_assert_true(vbConfigCheckSocket(config, "/x", S_IFSOCK | 0666, NULL));
}

static void
testTake(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(vbConfig) fresh = vbConfigNew();
    g_autofree char *waiting = NULL;

    fresh->domain.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_WARN;
    fresh->domain.qmp = QEMU_DOMAIN_QMP_NEVER;
    fresh->maxClients = 2;
    fresh->maxClientsPerUser = 3;
    fresh->maxAnonymousClients = 4;
    waiting = vbConfigTake(config, fresh);
    g_assert_null(waiting);
    g_assert_cmpint(config->domain.defaultPolicy, ==, VB_DOMAIN_BALLOON_POLICY_WARN);
    g_assert_cmpint(config->domain.qmp, ==, QEMU_DOMAIN_QMP_NEVER);
    g_assert_cmpuint(config->maxClients, ==, 2);
    g_assert_cmpuint(config->maxClientsPerUser, ==, 3);
    g_assert_cmpuint(config->maxAnonymousClients, ==, 4);
}

static void
testTakeLater(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(vbConfig) fresh = vbConfigNew();
    g_autofree char *waiting = NULL;
    uid_t user = config->probeUid;

    config->auth = VB_CONFIG_AUTH_NONE;
    config->socketMode = 0600;
    fresh->auth = VB_CONFIG_AUTH_POLKIT;
    fresh->socketMode = 0666;
    fresh->socketGroup = g_strdup("daemon");
    fresh->probeUid = user + 1;
    waiting = vbConfigTake(config, fresh);
    g_assert_cmpstr(waiting, ==, "auth, socket_mode, socket_group, probe_user");
    g_assert_cmpint(config->auth, ==, VB_CONFIG_AUTH_NONE);
    g_assert_cmpint(config->socketMode, ==, 0600);
    g_assert_null(config->socketGroup);
    g_assert_cmpuint(config->probeUid, ==, user);
}

static void
testTakeLaterOne(void)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(vbConfig) fresh = vbConfigNew();
    g_autofree char *waiting = NULL;

    fresh->probeGid = config->probeGid + 1;
    waiting = vbConfigTake(config, fresh);
    g_assert_cmpstr(waiting, ==, "probe_user");
}

static void
testInstalled(void)
{
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    config = vbConfigLoad(TEST_INSTALLED, FALSE, &error);
    g_assert_no_error(error);
    if (config)
        testAssertDefaults(config);
}

/* Each commented line of the installed file says the default: taken in, all change nothing. */
static void
testInstalledLines(void)
{
    g_autoptr(GRegex) comment = g_regex_new("^#(?=\\w+=)", G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(vbConfig) config = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *installed = NULL;
    g_autofree char *text = NULL;
    char *probe;
    testFile file;

    g_assert_true(g_file_get_contents(TEST_INSTALLED, &installed, NULL, NULL));
    text = g_regex_replace_literal(comment, installed, -1, 0, "", 0, NULL);
    /* Not every machine has this user: which names are tried is another test's. */
    probe = strstr(text, "\nprobe_user=libvirt-qemu\n");
    g_assert_nonnull(probe);
    if (!getpwnam("libvirt-qemu"))
        probe[1] = '#';

    testFileWrite(&file, "");
    g_assert_true(g_file_set_contents(file.path, text, -1, NULL));
    config = vbConfigLoad(file.path, FALSE, &error);
    testFileClear(&file);
    g_assert_no_error(error);
    if (!config)
        return;
    /* Root's own, by its name. */
    g_assert_cmpstr(config->socketGroup, ==, "root");
    g_clear_pointer(&config->socketGroup, g_free);
    testAssertDefaults(config);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One wrong answer must not hide the others. */
    g_test_set_nonfatal_assertions();

    for (i = 0; i < G_N_ELEMENTS(testGoods); i++) {
        g_autofree char *path = g_strdup_printf("/config/is taken: %s", testGoods[i].sentence);

        g_test_add_data_func(path, &testGoods[i], testGoodFile);
    }
    for (i = 0; i < G_N_ELEMENTS(testBads); i++) {
        g_autofree char *path = g_strdup_printf("/config/is refused: %s", testBads[i].sentence);

        g_test_add_data_func(path, &testBads[i], testBadFile);
    }
    g_test_add_func("/config/probe_user is a user's name", testProbeUser);
    g_test_add_func("/config/probe_user is libvirt's for QEMU unless it is said",
                    testProbeUserDefault);
    g_test_add_func("/config/without a file there are defaults", testDefaults);
    g_test_add_func("/config/an empty file changes nothing", testEmptyFile);
    g_test_add_func("/config/a file that may be absent may be absent", testAbsent);
    g_test_add_func("/config/a file that was named must be there", testAbsentButNamed);
    g_test_add_func("/config/a directory is no file", testDirectory);
    g_test_add_func("/config/a file below a file is an error", testNoDirectory);
    g_test_add_func("/config/this host has what the defaults name", testHost);
    g_test_add_func("/config/a group that this host has not is an error", testHostWithoutGroup);
    g_test_add_func("/config/the system daemon asks polkit and lets everybody ask", testSettleSystem);
    g_test_add_func("/config/a session daemon is its user's alone", testSettleSession);
    g_test_add_func("/config/a session daemon does not ask polkit", testSessionPolkit);
    g_test_add_func("/config/sockets of our own that are open to all need polkit", testOpenToAll);
    g_test_add_func("/config/so do those that are handed over", testSocketOpenToAll);
    g_test_add_func("/config/policy, qmp and limits can change at any time", testTake);
    g_test_add_func("/config/auth, sockets and probe_user change at the next start", testTakeLater);
    g_test_add_func("/config/a user of another group waits for the next start", testTakeLaterOne);
    g_test_add_func("/config/the installed file changes nothing", testInstalled);
    g_test_add_func("/config/the installed file says the defaults", testInstalledLines);
    g_test_add_func("/config/a key before any group is an error", testBeforeAnyGroup);

    return g_test_run();
}
