/*
 * check.c: the verdict on domain XML that is not defined anywhere
 *
 * For whoever keeps definitions in a repository: needs no libvirt, and says by its exit status
 * whether ballooning would do any good.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdio.h>
#include <string.h>

#include "qemu_message.h"
#include "qemu_start.h"
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
    json_object *inhibitors = json_object_new_array();

    for (guint i = 0; i < verdict->inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(verdict->inhibitors, i);

        json_object_array_add(inhibitors, json_object_new_string(
            qemuInhibitorKindGetInfo(inhibitor->kind)->name));
    }
    json_object_object_add(value, "name", json_object_new_string(def->name));
    json_object_object_add(value, "state", json_object_new_string(
        qemuDomainBalloonStateTypeToString(verdict->state)));
    json_object_object_add(value, "inhibitors", inhibitors);
    json_object_object_add(value, "problem", problem ? json_object_new_string(problem) : NULL);
    return value;
}

static bool
vbCheckPrint(const vbDomainDef *def, const qemuDomainVerdict *verdict, const char *problem)
{
    g_autofree char *name = qemuMessageFormatName(def->name);
    g_autofree char *list = qemuMessageFormatInhibitors(verdict->inhibitors);

    if (problem)
        printf("domain '%s': %s\n", name, problem);
    else if (verdict->inhibitors->len > 0)
        printf("domain '%s': ballooning will be %s because of %s\n", name,
               qemuDomainBalloonStateTypeToString(verdict->state), list);
    else
        printf("domain '%s': %s\n", name, verdict->state == QEMU_DOMAIN_BALLOON_NONE ?
               "there is no balloon device" : "ballooning will work");
    return fflush(stdout) == 0;
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
    size_t length = 0;
    bool printed;

    if (!vbToolParse(entries, "FILE", &argc, &argv))
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
    printed = tool->json ? vbToolPrintJSON(vbCheckToJSON(def, verdict, document->errorText)) :
        vbCheckPrint(def, verdict, document->errorText);
    return !document->errorText && printed && verdict->inhibitors->len == 0 ? VB_EXIT_OK :
        VB_EXIT_NOT_SO;
}
