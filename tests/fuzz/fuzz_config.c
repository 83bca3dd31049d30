/*
 * fuzz_config.c: any bytes as a configuration file
 *
 * What is accepted is held against a reader of lines that knows nothing of GKeyFile: every line
 * must be a comment, the group or a key that there is, and the last word on a policy is in force.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "vberror.h"

static const char *const fuzzKeys[] = {
    "default_policy", "qmp", "auth", "socket_mode", "socket_group", "max_clients",
    "max_clients_per_user", "max_anonymous_clients", "probe_user", NULL,
};

static vbConfig *
fuzzLoad(const guint8 *data, size_t size, GError **error)
{
    int fd = memfd_create("fuzz_config", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    vbConfig *config;

    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    config = vbConfigLoad(path, FALSE, error);
    close(fd);
    return config;
}

/* Returns: (transfer full): the last value of @wanted, or NULL */
static char *
fuzzReadLines(const char *text, const char *wanted)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    char *last = NULL;

    for (size_t i = 0; lines[i]; i++) {
        char *line = g_strchomp(lines[i]);
        char *equals;

        while (g_ascii_isspace(*line))
            line++;
        if (!*line || *line == '#')
            continue;
        if (*line == '[') {
            CHECK(g_str_has_prefix(line, "[virtballoond]"));
            continue;
        }
        equals = strchr(line, '=');
        CHECK(equals);
        *equals = '\0';
        g_strchomp(line);
        CHECK(g_strv_contains(fuzzKeys, line));
        if (strcmp(line, wanted) == 0) {
            g_free(last);
            last = g_strdup(g_strchug(equals + 1));
        }
    }
    return last;
}

static void
fuzzCheckConfig(const vbConfig *config, const char *text)
{
    g_autofree char *policy = fuzzReadLines(text, "default_policy");

    CHECK(config->domain.defaultPolicy == (policy ?
          vbDomainBalloonPolicyTypeFromString(policy) : VB_DOMAIN_BALLOON_POLICY_BLOCK));
    CHECK(config->domain.defaultPolicy >= VB_DOMAIN_BALLOON_POLICY_BLOCK);
    CHECK(config->domain.defaultPolicy <= VB_DOMAIN_BALLOON_POLICY_REDIRECT);
    CHECK(config->domain.qmp <= QEMU_DOMAIN_QMP_NEVER);
    CHECK(config->socketMode <= 0777);
    CHECK(config->maxClients >= 1 && config->maxClients <= 1000000);
    CHECK(config->maxClientsPerUser >= 1 && config->maxClientsPerUser <= 1000000);
    CHECK(config->maxAnonymousClients >= 1 && config->maxAnonymousClients <= 1000000);
    CHECK(!config->socketGroup || *config->socketGroup);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(vbConfig) config = fuzzLoad(data, size, &error);

    CHECK(!config == (error != NULL));
    if (error)
        CHECK(g_error_matches(error, VB_ERROR, VB_ERROR_CONFIG) && *error->message);
    else if (strlen(text) == size)
        fuzzCheckConfig(config, text);
    /* Nobody is let in unasked through a socket that everybody may connect to. */
    if (config && vbConfigSettle(config, FALSE, NULL))
        CHECK(config->auth == VB_CONFIG_AUTH_POLKIT || !(config->socketMode & 2));
    return 0;
}
