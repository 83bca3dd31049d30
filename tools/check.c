/*
 * check.c: the verdict on domain XML that is not defined anywhere
 *
 * For whoever keeps definitions in a repository: needs no libvirt, and says by its exit status
 * whether ballooning would do any good.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "qemu_message.h"
#include "qemu_start.h"
#include "qemu_validate.h"
#include "tool.h"

/* As much as libvirt's protocol takes. */
#define VB_CHECK_SIZE_MAX 4194304

/* Returns: (nullable): the whole of a file or, for "-", of stdin; NULL after a message */
static char *
vbCheckRead(const char *path, size_t *length)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    g_autofree char *text = g_malloc(VB_CHECK_SIZE_MAX + 1);

    if (!file) {
        vbToolError("%s: %s", path, g_strerror(errno));
        return NULL;
    }
    *length = fread(text, 1, VB_CHECK_SIZE_MAX + 1, file);
    if (ferror(file)) {
        vbToolError("%s: %s", path, g_strerror(errno));
        g_clear_pointer(&text, g_free);
    } else if (*length > VB_CHECK_SIZE_MAX) {
        vbToolError("%s: larger than %d bytes", path, VB_CHECK_SIZE_MAX);
        g_clear_pointer(&text, g_free);
    }
    if (file != stdin)
        fclose(file);
    return g_steal_pointer(&text);
}

static json_object *
vbCheckToJSON(const vbDomainDef *def, const qemuDomainVerdict *verdict, const char *problem)
{
    json_object *value = json_object_new_object();

    json_object_object_add(value, "name", json_object_new_string(def->name));
    json_object_object_add(value, "state", json_object_new_string(
        qemuDomainBalloonStateTypeToString(verdict->state)));
    json_object_object_add(value, "inhibitors", vbGuestInhibitorsToJSON(verdict->inhibitors));
    json_object_object_add(value, "problem", vbGuestStringToJSON(problem));
    return value;
}

static bool
vbCheckPrint(const vbDomainDef *def, const qemuDomainVerdict *verdict, const char *problem)
{
    g_autofree char *name = qemuMessageFormatName(def->name);
    g_autofree char *list = qemuMessageFormatInhibitors(verdict->inhibitors);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "domain '%s': ", name);
    if (problem) {
        g_autofree char *printable = vbToolFormatText(problem);

        g_string_append(text, printable);
    } else if (verdict->inhibitors->len > 0) {
        g_string_append_printf(text, "ballooning will be %s because of %s",
                               qemuDomainBalloonStateTypeToString(verdict->state), list);
    } else if (verdict->state == QEMU_DOMAIN_BALLOON_UNKNOWN) {
        g_string_append(text, "ballooning will work, unless a network that it has an interface of "
                        "hands out devices of the host");
    } else {
        g_string_append(text, verdict->state == QEMU_DOMAIN_BALLOON_NONE ?
                        "there is no balloon device" : "ballooning will work");
    }
    g_string_append_c(text, '\n');
    return vbToolPrint(text->str);
}

vbExit
vbVerbCheck(const vbTool *tool, int argc, char **argv)
{
    const GOptionEntry entries[] = { G_OPTION_ENTRY_NULL };
    const qemuDomainSettings settings = { .qmp = QEMU_DOMAIN_QMP_NEVER };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuStartDocument) document = NULL;
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    const vbDomainDef *def;
    const char *stored;
    const char *problem;
    size_t length = 0;
    bool printed;

    if (!vbToolParse(entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2) {
        vbToolError("check needs one file, or '-'");
        return VB_EXIT_USAGE;
    }
    if (!(text = vbCheckRead(argv[1], &length)))
        return VB_EXIT_USAGE;
    /* As virtballoond would store it: what the attributes ask for counts. */
    document = qemuStartDocumentNew(text, length, QEMU_START_DEFINE);
    stored = document->stored ? document->stored : text;
    if (!qemuDomainFactsAddXML(facts, false, stored,
                               document->stored ? strlen(stored) : length, &error)) {
        vbToolError("%s: %s", argv[1], error->message);
        return VB_EXIT_USAGE;
    }

    def = qemuDomainFactsGetDef(facts);
    verdict = qemuDomainInspect(facts, &settings);
    problem = document->errorText;
    if (!problem && !qemuValidateStoredPolicy(def, &error))
        problem = error->message;
    printed = tool->json ? vbToolPrintJSON(vbCheckToJSON(def, verdict, problem)) :
        vbCheckPrint(def, verdict, problem);
    return !problem && printed && verdict->inhibitors->len == 0 ? VB_EXIT_OK :
        VB_EXIT_NOT_SO;
}
