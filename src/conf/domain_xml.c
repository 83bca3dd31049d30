/*
 * domain_xml.c: how the text of a <domain> is edited
 *
 * What is added declares its own namespace, or uses the prefix of the element that it goes into:
 * libvirt takes both (9.0, tried) and stores everything in its own form.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_xml.h"

#include <string.h>

#include "vbxml.h"

/* Domains are where libvirt looks for them, by the name of the root. */
static void
vbDomainXMLFindDomains(vbDomainXML *xml)
{
    const xmlNode *root = xmlDocGetRootElement(xml->doc);

    if (vbXMLRootIs(root, "domain")) {
        g_ptr_array_add(xml->domains, (gpointer)root);
        return;
    }
    if (!vbXMLRootIs(root, "domainsnapshot") && !vbXMLRootIs(root, "domaincheckpoint"))
        return;
    for (const xmlNode *node = root->children; node; node = node->next) {
        if (vbXMLNodeIs(node, "domain", NULL) || vbXMLNodeIs(node, "inactiveDomain", NULL))
            g_ptr_array_add(xml->domains, (gpointer)node);
    }
}

vbDomainXML *
vbDomainXMLNew(const char *text, size_t length, GError **error)
{
    g_autoptr(vbDomainXML) xml = g_new0(vbDomainXML, 1);

    xml->domains = g_ptr_array_new();
    if (!(xml->doc = vbXMLParse(text, length, error)) ||
        !(xml->markup = vbMarkupNew(text, length, xml->doc, error)))
        return NULL;
    vbDomainXMLFindDomains(xml);
    return g_steal_pointer(&xml);
}

void
vbDomainXMLFree(vbDomainXML *xml)
{
    if (!xml)
        return;
    g_ptr_array_unref(xml->domains);
    vbMarkupFree(xml->markup);
    xmlFreeDoc(xml->doc);
    g_free(xml);
}

static bool
vbDomainXMLContains(const char *xml, size_t length, const char *word)
{
    return memmem(xml, length, word, strlen(word));
}

/* 'policy' is an attribute of others, too: it counts between "memballoon" and the next tag, where a
 * value cannot have a '<' in it. */
static bool
vbDomainXMLMayHavePolicy(const char *xml, size_t length)
{
    static const char element[] = "memballoon";
    const char *end = xml + length;
    const char *found;

    while ((found = memmem(xml, (size_t)(end - xml), element, strlen(element)))) {
        const char *next = memchr(found, '<', (size_t)(end - found));

        xml = next ? next : end;
        if (vbDomainXMLContains(found, (size_t)(xml - found), VB_DOMAIN_POLICY_ATTRIBUTE))
            return true;
    }
    return false;
}

bool
vbDomainXMLMayHaveAttributes(const char *xml, size_t length)
{
    return vbDomainXMLContains(xml, length, VB_DOMAIN_BALLOONING_ATTRIBUTE) ||
        vbDomainXMLMayHavePolicy(xml, length);
}

bool
vbDomainXMLMayShowAttributes(const char *xml, size_t length)
{
    return vbDomainXMLContains(xml, length, VB_DOMAIN_POLICY_NAMESPACE) ||
        vbDomainXMLContains(xml, length, VB_DOMAIN_OPT_OUT_PROPERTY);
}

/* The children @name in every <devices> of @domain, as libvirt's XPath finds them. */
static GPtrArray *
vbDomainXMLListDevices(const xmlNode *domain, const char *name)
{
    GPtrArray *nodes = g_ptr_array_new();

    for (const xmlNode *devices = domain->children; devices; devices = devices->next) {
        if (!vbXMLNodeIs(devices, "devices", NULL))
            continue;
        for (const xmlNode *node = devices->children; node; node = node->next) {
            if (vbXMLNodeIs(node, name, NULL))
                g_ptr_array_add(nodes, (gpointer)node);
        }
    }
    return nodes;
}

GPtrArray *
vbDomainXMLListHostdevs(const xmlNode *domain)
{
    return vbDomainXMLListDevices(domain, "hostdev");
}

static const xmlAttr *
vbDomainXMLFindAttr(const xmlNode *node, const char *name, bool plain)
{
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        if (strcmp((const char *)attr->name, name) == 0 && (!plain || !attr->ns))
            return attr;
    }
    return NULL;
}

void
vbDomainXMLCutAttribute(vbDomainXML *xml, const xmlNode *node, const char *name)
{
    const xmlAttr *attr = vbDomainXMLFindAttr(node, name, true);

    if (attr)
        vbMarkupCutAttr(xml->markup, attr);
}

void
vbDomainXMLCutPolicy(vbDomainXML *xml, const xmlNode *domain)
{
    g_autoptr(GPtrArray) memballoons = vbDomainXMLListDevices(domain, "memballoon");

    for (guint i = 0; i < memballoons->len; i++)
        vbDomainXMLCutAttribute(xml, g_ptr_array_index(memballoons, i),
                                VB_DOMAIN_POLICY_ATTRIBUTE);
}

void
vbDomainXMLShowPolicy(vbDomainXML *xml, const xmlNode *domain, vbDomainBalloonPolicy policy)
{
    g_autoptr(GPtrArray) memballoons = vbDomainXMLListDevices(domain, "memballoon");

    if (memballoons->len > 0)
        vbMarkupAddAttr(xml->markup, g_ptr_array_index(memballoons, 0),
                        VB_DOMAIN_POLICY_ATTRIBUTE, vbDomainBalloonPolicyTypeToString(policy));
}

/* Writes @value into an attribute of @node, which is added if it is not there. */
static void
vbDomainXMLSetAttribute(vbDomainXML *xml, const xmlNode *node, const char *name, const char *value)
{
    const xmlAttr *attr = vbDomainXMLFindAttr(node, name, false);

    if (attr) {
        const vbMarkupAttr *place = vbMarkupGetAttr(attr);

        vbMarkupReplace(xml->markup, place->value, place->valueEnd, g_strdup(value));
    } else {
        vbMarkupAddAttr(xml->markup, node, name, value);
    }
}

/* libvirt keeps the first element of a namespace, whatever its name (9.0, tried). */
static const xmlNode *
vbDomainXMLFindPolicy(const xmlNode *metadata)
{
    for (const xmlNode *node = metadata ? metadata->children : NULL; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && node->ns &&
            g_strcmp0((const char *)node->ns->href, VB_DOMAIN_POLICY_NAMESPACE) == 0)
            return node;
    }
    return NULL;
}

void
vbDomainXMLSetPolicy(vbDomainXML *xml, const xmlNode *domain, vbDomainBalloonPolicy policy)
{
    const xmlNode *metadata = vbXMLChild(domain, "metadata");
    const xmlNode *element = vbDomainXMLFindPolicy(metadata);
    const char *value = vbDomainBalloonPolicyTypeToString(policy);
    g_autofree char *added = NULL;

    if (policy == VB_DOMAIN_BALLOON_POLICY_DEFAULT) {
        if (element)
            vbMarkupCutElement(xml->markup, element);
        return;
    }
    if (element && strcmp((const char *)element->name, "policy") == 0) {
        if (!vbXMLPropIs(element, "memballoon", value))
            vbDomainXMLSetAttribute(xml, element, "memballoon", value);
        return;
    }

    if (element)
        vbMarkupCutElement(xml->markup, element);
    added = g_strdup_printf("<balloon:policy xmlns:balloon='%s' memballoon='%s'/>",
                            VB_DOMAIN_POLICY_NAMESPACE, value);
    if (metadata) {
        vbMarkupAppend(xml->markup, metadata, added);
    } else {
        g_autofree char *whole = g_strdup_printf("<metadata>%s</metadata>", added);

        vbMarkupAppend(xml->markup, domain, whole);
    }
}

void
vbDomainXMLSetAlias(vbDomainXML *xml, const xmlNode *device, const char *alias)
{
    const xmlNode *element = vbDomainDeviceFindAlias(device);
    g_autofree char *added = NULL;

    if (element && alias) {
        vbDomainXMLSetAttribute(xml, element, "name", alias);
    } else if (element) {
        /* Of several the first one counts: without it the next one would. */
        for (; element; element = element->next) {
            if (vbDomainNodeIsAlias(element))
                vbMarkupCutElement(xml->markup, element);
        }
    } else if (alias) {
        added = g_strdup_printf("<alias name='%s'/>", alias);
        vbMarkupAppend(xml->markup, device, added);
    }
}

/* The overrides of a domain while they are being edited. */
typedef struct {
    vbDomainXML *xml;
    const char *property;
    GHashTable *cut;   /* of xmlNode: elements that go */
    GHashTable *kept;  /* of xmlNode: elements that get something new */
    GString *devices;  /* what goes into an element that has to be made */
    const xmlNode *first; /* the first <qemu:override>, or NULL */
    GHashTable *known;    /* alias -> xmlNode: the first device of each in that */
} vbDomainOverrideEdit;

/* Marks all overrides of the property in a device. */
static void
vbDomainOverrideEditCutDevice(vbDomainOverrideEdit *edit, const xmlNode *device)
{
    for (const xmlNode *frontend = device->children; frontend; frontend = frontend->next) {
        if (!vbXMLNodeIs(frontend, "frontend", VB_DOMAIN_QEMU_NAMESPACE))
            continue;
        for (const xmlNode *node = frontend->children; node; node = node->next) {
            if (vbXMLNodeIs(node, "property", VB_DOMAIN_QEMU_NAMESPACE) &&
                vbXMLPropIs(node, "name", edit->property))
                g_hash_table_add(edit->cut, (gpointer)node);
        }
    }
}

/* "q:" where the element is written as <q:override>; no more than "" where it is <override>. */
static char *
vbDomainOverrideEditGetPrefix(const vbDomainOverrideEdit *edit, const xmlNode *node)
{
    size_t length = 0;
    const char *name = vbMarkupGetName(edit->xml->markup, node, &length);
    const char *colon = memchr(name, ':', length);

    return colon ? g_strndup(name, (size_t)(colon - name) + 1) : g_strdup("");
}

/* Adds the property to @alias in the place that is there for it already, if there is one. */
static void
vbDomainOverrideEditAdd(vbDomainOverrideEdit *edit, const char *alias)
{
    const xmlNode *known = g_hash_table_lookup(edit->known, alias);
    const xmlNode *parent = known ? known : edit->first;
    const char *outer = NULL;
    g_autofree char *prefix = NULL;
    g_autofree char *property = NULL;
    g_autofree char *frontend = NULL;
    g_autofree char *device = NULL;

    for (const xmlNode *node = known ? known->children : NULL; node; node = node->next) {
        if (vbXMLNodeIs(node, "frontend", VB_DOMAIN_QEMU_NAMESPACE)) {
            parent = node;
            break;
        }
    }

    prefix = parent ? vbDomainOverrideEditGetPrefix(edit, parent) : g_strdup("qemu:");
    property = g_strdup_printf("<%sproperty name='%s' type='bool' value='true'/>", prefix,
                               edit->property);
    frontend = g_strdup_printf("<%sfrontend>%s</%sfrontend>", prefix, property, prefix);
    device = g_strdup_printf("<%sdevice alias='%s'>%s</%sdevice>", prefix, alias, frontend,
                             prefix);
    if (!parent) {
        g_string_append(edit->devices, device);
        return;
    }
    outer = strcmp((const char *)parent->name, "override") == 0 ? device :
        strcmp((const char *)parent->name, "device") == 0 ? frontend : property;
    vbMarkupAppend(edit->xml->markup, parent, outer);
    for (; parent; parent = parent == edit->first ? NULL : parent->parent)
        g_hash_table_add(edit->kept, (gpointer)parent);
}

/* Whether @node had elements in it, gets none, and loses all that it had. */
static bool
vbDomainOverrideEditIsEmptied(const vbDomainOverrideEdit *edit, const xmlNode *node)
{
    bool any = false;

    if (g_hash_table_contains(edit->kept, node))
        return false;
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (!g_hash_table_contains(edit->cut, child))
            return false;
        any = true;
    }
    return any;
}

/* Marks @node, which is an override, a device or a frontend, if nothing is left in it. */
static void
vbDomainOverrideEditPrune(vbDomainOverrideEdit *edit, const xmlNode *node, int depth)
{
    for (const xmlNode *child = node->children; child && depth > 0; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            vbDomainOverrideEditPrune(edit, child, depth - 1);
    }
    if (vbDomainOverrideEditIsEmptied(edit, node))
        g_hash_table_add(edit->cut, (gpointer)node);
}

void
vbDomainXMLSetOverrides(vbDomainXML *xml, const xmlNode *domain, const char *property,
                        const GPtrArray *on, GHashTable *off)
{
    g_autoptr(GHashTable) onSet = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) cut = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) kept = g_hash_table_new(NULL, NULL);
    g_autoptr(GString) devices = g_string_new(NULL);
    vbDomainOverrideEdit edit = {
        .xml = xml, .property = property, .cut = cut, .kept = kept, .devices = devices,
        .known = known,
    };
    GHashTableIter iter;
    gpointer node;

    for (guint i = 0; i < on->len; i++)
        g_hash_table_add(onSet, g_ptr_array_index(on, i));
    for (const xmlNode *override = domain->children; override; override = override->next) {
        if (!vbXMLNodeIs(override, "override", VB_DOMAIN_QEMU_NAMESPACE))
            continue;
        if (!edit.first)
            edit.first = override;
        for (const xmlNode *device = override->children; device; device = device->next) {
            const char *alias;

            if (!vbXMLNodeIs(device, "device", VB_DOMAIN_QEMU_NAMESPACE))
                continue;
            alias = vbXMLProp(device, "alias");
            if (!alias)
                continue;
            if (override == edit.first && !g_hash_table_contains(known, alias))
                g_hash_table_insert(known, (gpointer)alias, (gpointer)device);
            if (g_hash_table_contains(onSet, alias) || g_hash_table_contains(off, alias))
                vbDomainOverrideEditCutDevice(&edit, device);
        }
    }
    for (guint i = 0; i < on->len; i++)
        vbDomainOverrideEditAdd(&edit, g_ptr_array_index(on, i));
    if (devices->len > 0) {
        g_autofree char *whole = g_strdup_printf("<qemu:override xmlns:qemu='%s'>%s"
                                                 "</qemu:override>", VB_DOMAIN_QEMU_NAMESPACE,
                                                 devices->str);

        vbMarkupAppend(xml->markup, domain, whole);
    }

    for (const xmlNode *override = domain->children; override; override = override->next) {
        if (vbXMLNodeIs(override, "override", VB_DOMAIN_QEMU_NAMESPACE))
            vbDomainOverrideEditPrune(&edit, override, 2);
    }
    g_hash_table_iter_init(&iter, cut);
    while (g_hash_table_iter_next(&iter, &node, NULL))
        vbMarkupCutElement(xml->markup, node);
}
