/*
 * mkinhibitors.c: prints inhibitors.rst from the table that the code uses
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdio.h>
#include <string.h>

#include "qemu_inhibitor.h"

#define MKINHIBITORS_WIDTH 96

/* @text in lines of less than 100 columns, four columns in. */
static void
printWrapped(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t column = 0;

    for (size_t i = 0; words[i]; i++) {
        size_t length = strlen(words[i]);

        if (column > 0 && column + 1 + length > MKINHIBITORS_WIDTH) {
            printf("\n");
            column = 0;
        }
        printf("%s%s", column > 0 ? " " : "    ", words[i]);
        column += (column > 0) + length;
    }
    printf("\n");
}

static void
printField(const char *name, const char *text)
{
    g_autofree char *line = g_strdup_printf("*%s*: %s.", name, text);

    printWrapped(line);
}

int
main(void)
{
    static const char title[] = "What inhibits ballooning";

    printf("%.*s\n%s\n%.*s\n\n", (int)strlen(title), "==============================", title,
           (int)strlen(title), "==============================");
    printf("QEMU counts its reasons not to discard guest memory. While the counter is above zero, a guest\n"
           "still gives memory up when it is asked to, and the host gets nothing; lifting one of two reasons\n"
           "changes nothing. A virtual IOMMU lifts none. Free page reporting is skipped by the same test.\n"
           "\n"
           "This page is made from the table in ``qemu_inhibitor.c`` (``docs/mkinhibitors.c``).\n\n");
    for (int i = 0; i < QEMU_INHIBITOR_KIND_LAST; i++) {
        const qemuInhibitorKindInfo *info = qemuInhibitorKindGetInfo((qemuInhibitorKind)i);

        printf("``%s``\n", info->name);
        printField("What", info->object);
        printf("\n");
        printField("QEMU", info->versions);
        printf("\n");
        printField("In the XML", info->xml ? info->xml : "nothing shows it");
        printf("\n");
        printField("Over QMP", info->qmp ? info->qmp : "nothing shows it");
        printf("\n");
        printField("Ends", info->passing ? "by itself" : "when somebody removes it");
        printf("\n");
    }
    return 0;
}
