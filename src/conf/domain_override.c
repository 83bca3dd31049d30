/*
 * domain_override.c: what a <domain> has QEMU told of its devices past libvirt (<qemu:override>)
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_override.h"

#include <string.h>

#include "vbxml.h"

static void
vbDomainOverrideDefFree(vbDomainOverrideDef *override)
{
    g_free(override->alias);
    g_free(override->name);
    g_free(override->type);
    g_free(override->value);
    g_free(override);
}

static guint
vbDomainOverrideDefHash(gconstpointer key)
{
    const vbDomainOverrideDef *override = key;

    return g_str_hash(override->alias) * 31 + g_str_hash(override->name);
}

static gboolean
vbDomainOverrideDefEqual(gconstpointer a, gconstpointer b)
{
    const vbDomainOverrideDef *left = a;
    const vbDomainOverrideDef *right = b;

    return strcmp(left->alias, right->alias) == 0 && strcmp(left->name, right->name) == 0;
}

void
vbDomainOverridesInit(vbDomainDef *def)
{
    def->overrides = g_ptr_array_new_with_free_func((GDestroyNotify)vbDomainOverrideDefFree);
    def->overrideIndex = g_hash_table_new(vbDomainOverrideDefHash, vbDomainOverrideDefEqual);
}

/* An override names its device by alias and its property by name: without them it has no effect. */
static void
vbDomainOverridePropertiesParseXML(vbDomainDef *def, const xmlNode *frontend, const char *alias)
{
    for (const xmlNode *node = frontend->children; node; node = node->next) {
        const char *name = NULL;
        vbDomainOverrideDef *override = NULL;

        if (!vbXMLNodeIs(node, "property", VB_DOMAIN_QEMU_NAMESPACE) ||
            !(name = vbXMLProp(node, "name")))
            continue;

        override = g_new0(vbDomainOverrideDef, 1);
        override->alias = g_strdup(alias);
        override->name = g_strdup(name);
        override->type = g_strdup(vbXMLProp(node, "type"));
        override->value = g_strdup(vbXMLProp(node, "value"));
        g_ptr_array_add(def->overrides, override);
        g_hash_table_replace(def->overrideIndex, override, override);
    }
}

void
vbDomainOverridesParseXML(vbDomainDef *def, const xmlNode *override)
{
    for (const xmlNode *device = override->children; device; device = device->next) {
        const char *alias = NULL;

        if (!vbXMLNodeIs(device, "device", VB_DOMAIN_QEMU_NAMESPACE) ||
            !(alias = vbXMLProp(device, "alias")))
            continue;
        for (const xmlNode *node = device->children; node; node = node->next) {
            if (vbXMLNodeIs(node, "frontend", VB_DOMAIN_QEMU_NAMESPACE))
                vbDomainOverridePropertiesParseXML(def, node, alias);
        }
    }
}

const vbDomainOverrideDef *
vbDomainDefFindOverride(const vbDomainDef *def, const char *alias, const char *name)
{
    const vbDomainOverrideDef key = { .alias = (char *)alias, .name = (char *)name };

    return alias ? g_hash_table_lookup(def->overrideIndex, &key) : NULL;
}
