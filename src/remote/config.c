/*
 * config.c: the daemon's configuration file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "vberror.h"
#include "vbnearest.h"

#define VB_CONFIG_GROUP "virtballoond"

/* libvirtd's own default. */
#define VB_CONFIG_CLIENTS 5000
#define VB_CONFIG_CLIENTS_MAX 1000000
/* More than libvirtd's 20: here they cost next to nothing, and nobody waits for room. */
#define VB_CONFIG_ANONYMOUS 1000

typedef struct {
    const char *name;
    const char *accepted;
    gboolean (*set)(vbConfig *config, const char *value);
} vbConfigKey;

static gboolean
vbConfigSetDefaultPolicy(vbConfig *config, const char *value)
{
    vbDomainBalloonPolicy policy = vbDomainBalloonPolicyTypeFromString(value);

    if (policy == VB_DOMAIN_BALLOON_POLICY_INVALID || policy == VB_DOMAIN_BALLOON_POLICY_DEFAULT)
        return FALSE;
    config->domain.defaultPolicy = policy;
    return TRUE;
}

static gboolean
vbConfigSetQmp(vbConfig *config, const char *value)
{
    return qemuDomainQmpModeTypeFromString(value, &config->domain.qmp);
}

static gboolean
vbConfigSetAuth(vbConfig *config, const char *value)
{
    config->auth = g_str_equal(value, "polkit") ? VB_CONFIG_AUTH_POLKIT : VB_CONFIG_AUTH_NONE;
    return (VB_HAVE_SYSTEMD && config->auth == VB_CONFIG_AUTH_POLKIT) ||
        g_str_equal(value, "none");
}

static gboolean
vbConfigSetSocketMode(vbConfig *config, const char *value)
{
    char *end;
    guint64 mode = g_ascii_strtoull(value, &end, 8);

    if (!g_ascii_isdigit(value[0]) || *end != '\0' || mode > 0777)
        return FALSE;
    config->socketMode = (mode_t)mode;
    config->socketModeGiven = TRUE;
    return TRUE;
}

static gboolean
vbConfigSetSocketGroup(vbConfig *config, const char *value)
{
    g_free(config->socketGroup);
    config->socketGroup = g_strdup(value);
    return value[0] != '\0';
}

static gboolean
vbConfigParseCount(const char *value, unsigned int *count)
{
    char *end;
    guint64 number = g_ascii_strtoull(value, &end, 10);

    if (!g_ascii_isdigit(value[0]) || *end != '\0' || number < 1 || number > VB_CONFIG_CLIENTS_MAX)
        return FALSE;
    *count = (unsigned int)number;
    return TRUE;
}

static gboolean
vbConfigSetMaxClients(vbConfig *config, const char *value)
{
    return vbConfigParseCount(value, &config->maxClients);
}

static gboolean
vbConfigSetMaxClientsPerUser(vbConfig *config, const char *value)
{
    return vbConfigParseCount(value, &config->maxClientsPerUser);
}

static gboolean
vbConfigSetMaxAnonymousClients(vbConfig *config, const char *value)
{
    return vbConfigParseCount(value, &config->maxAnonymousClients);
}

/* Root would run what it is to be protected from. */
static gboolean
vbConfigSetProbeUser(vbConfig *config, const char *value)
{
    const struct passwd *user = getpwnam(value);

    if (!user || user->pw_uid == 0)
        return FALSE;
    config->probeUid = user->pw_uid;
    config->probeGid = user->pw_gid;
    return TRUE;
}

static const vbConfigKey vbConfigKeys[] = {
    { "default_policy", "block, warn, ignore or redirect", vbConfigSetDefaultPolicy },
    { "qmp", "auto, always or never", vbConfigSetQmp },
    { "auth", VB_HAVE_SYSTEMD ? "polkit or none" :
      "none, since this program was built without libsystemd", vbConfigSetAuth },
    { "socket_mode", "an octal mode such as 0600", vbConfigSetSocketMode },
    { "socket_group", "the name of a group", vbConfigSetSocketGroup },
    { "max_clients", "a number from 1 to 1000000", vbConfigSetMaxClients },
    { "max_clients_per_user", "a number from 1 to 1000000", vbConfigSetMaxClientsPerUser },
    { "max_anonymous_clients", "a number from 1 to 1000000", vbConfigSetMaxAnonymousClients },
    { "probe_user", "the name of a user other than root", vbConfigSetProbeUser },
};

vbConfig *
vbConfigNew(void)
{
    vbConfig *config = g_new0(vbConfig, 1);

    config->domain.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_BLOCK;
    config->domain.qmp = QEMU_DOMAIN_QMP_AUTO;
    config->maxClients = VB_CONFIG_CLIENTS;
    config->maxClientsPerUser = VB_CONFIG_CLIENTS;
    config->maxAnonymousClients = VB_CONFIG_ANONYMOUS;
    /* libvirt's user for QEMU, by the names that distributions give it. */
    if (!vbConfigSetProbeUser(config, "libvirt-qemu"))
        vbConfigSetProbeUser(config, "qemu");
    return config;
}

void
vbConfigFree(vbConfig *config)
{
    if (!config)
        return;
    g_free(config->socketGroup);
    g_free(config);
}

static void
vbConfigSetUnknown(const char *path, const char *name, GError **error)
{
    const char *known[G_N_ELEMENTS(vbConfigKeys)];
    const char *meant;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vbConfigKeys); i++)
        known[i] = vbConfigKeys[i].name;
    meant = vbNearestName(name, known, G_N_ELEMENTS(known));
    if (meant)
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "%s: unknown key '%s'; did you mean '%s'?", path, name, meant);
    else
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG, "%s: unknown key '%s'", path, name);
}

static gboolean
vbConfigSet(vbConfig *config, const char *path, const char *name, const char *value,
            GError **error)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vbConfigKeys); i++) {
        const vbConfigKey *key = &vbConfigKeys[i];

        if (!g_str_equal(key->name, name))
            continue;
        if (key->set(config, value))
            return TRUE;
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "%s: invalid value '%s' for key '%s': expected %s", path, value, name,
                    key->accepted);
        return FALSE;
    }
    vbConfigSetUnknown(path, name, error);
    return FALSE;
}

vbConfig *
vbConfigLoad(const char *path, gboolean optional, GError **error)
{
    g_autoptr(vbConfig) config = vbConfigNew();
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) failure = NULL;
    g_auto(GStrv) groups = NULL;
    g_auto(GStrv) keys = NULL;
    size_t i;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_TRANSLATIONS, &failure)) {
        if (optional && g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return g_steal_pointer(&config);
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG, "%s: %s", path, failure->message);
        return NULL;
    }

    groups = g_key_file_get_groups(file, NULL);
    for (i = 0; groups[i]; i++) {
        if (!g_str_equal(groups[i], VB_CONFIG_GROUP)) {
            g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                        "%s: unknown group '%s': expected '%s'", path, groups[i],
                        VB_CONFIG_GROUP);
            return NULL;
        }
    }

    keys = g_key_file_get_keys(file, VB_CONFIG_GROUP, NULL, NULL);
    for (i = 0; keys && keys[i]; i++) {
        g_autofree char *value = g_key_file_get_string(file, VB_CONFIG_GROUP, keys[i], NULL);

        if (!vbConfigSet(config, path, keys[i], value ? value : "", error))
            return NULL;
    }
    return g_steal_pointer(&config);
}

gboolean
vbConfigSettle(vbConfig *config, gboolean session, GError **error)
{
    if (session && config->auth == VB_CONFIG_AUTH_POLKIT) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "invalid value 'polkit' for key 'auth': a session daemon serves its own user "
                    "only; expected none");
        return FALSE;
    }
    if (config->auth == VB_CONFIG_AUTH_DEFAULT)
        config->auth = session || !VB_HAVE_SYSTEMD ? VB_CONFIG_AUTH_NONE : VB_CONFIG_AUTH_POLKIT;
    if (!config->socketModeGiven)
        config->socketMode = config->auth == VB_CONFIG_AUTH_POLKIT ? 0666 : 0600;
    if (config->auth == VB_CONFIG_AUTH_NONE && config->socketMode & S_IWOTH) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "invalid value '%04o' for key 'socket_mode': with auth=none everybody would be "
                    "let in; expected a mode without rights of others, such as 0660",
                    config->socketMode);
        return FALSE;
    }
    if (config->socketGroup && !getgrnam(config->socketGroup)) {
        g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                    "invalid value '%s' for key 'socket_group': there is no such group",
                    config->socketGroup);
        return FALSE;
    }
    return TRUE;
}

gboolean
vbConfigCheckSocket(const vbConfig *config, const char *path, mode_t mode, GError **error)
{
    if (config->auth == VB_CONFIG_AUTH_POLKIT || !(mode & S_IWOTH))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_CONFIG,
                "everybody may connect to socket '%s' (mode %04o) and nobody is asked (auth=none): "
                "take the rights of others away, or set auth to polkit", path, mode & 07777);
    return FALSE;
}

char *
vbConfigTake(vbConfig *config, const vbConfig *fresh)
{
    GString *waiting = g_string_new(NULL);

    config->domain = fresh->domain;
    config->maxClients = fresh->maxClients;
    config->maxClientsPerUser = fresh->maxClientsPerUser;
    config->maxAnonymousClients = fresh->maxAnonymousClients;

    if (config->auth != fresh->auth)
        g_string_append(waiting, ", auth");
    if (config->socketMode != fresh->socketMode)
        g_string_append(waiting, ", socket_mode");
    if (g_strcmp0(config->socketGroup, fresh->socketGroup) != 0)
        g_string_append(waiting, ", socket_group");
    if (config->probeUid != fresh->probeUid || config->probeGid != fresh->probeGid)
        g_string_append(waiting, ", probe_user");
    if (waiting->len > 0)
        g_string_erase(waiting, 0, 2);
    return g_string_free(waiting, waiting->len == 0);
}
