/*
 * domain_memory.c: the element of a virtio-mem device, with another size for libvirt
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_memory.h"

#include <string.h>

#include "vbxml.h"

static char *
vbDomainMemoryDump(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    char *text = NULL;

    if (buffer && xmlNodeDump(buffer, doc, node, 0, 0) >= 0)
        text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

char *
vbDomainMemoryCopyXML(const xmlNode *memory)
{
    return vbDomainMemoryDump(memory->doc, (xmlNode *)memory);
}

char *
vbDomainMemoryDefFormat(const vbDomainMemoryDef *memory, unsigned long long requested)
{
    g_autoptr(xmlDoc) doc = memory->xml ? vbXMLParse(memory->xml, strlen(memory->xml), NULL) : NULL;
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *node = (xmlNode *)vbXMLChild(vbXMLChild(root, "target"), "requested");
    g_autofree char *size = g_strdup_printf("%llu", requested);

    if (!node)
        return NULL;
    xmlNodeSetContent(node, (const xmlChar *)size);
    xmlSetProp(node, (const xmlChar *)"unit", (const xmlChar *)"KiB");
    return vbDomainMemoryDump(doc, root);
}
