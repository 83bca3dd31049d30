/*
 * qemu_command.c: what a user writes of ballooning, as what libvirt stores and QEMU is given
 *
 * A present attribute is cut out and made true in the stored form; an absent one changes nothing,
 * so that a client that drops attributes it does not know loses nothing.  What is shown is what is
 * in force, whoever stored it; the stored form is shown, too.  Storing what was shown gives the
 * same bytes again.
 *
 * libvirt gives a device without an alias of the user's choice one by its place among all devices,
 * so an opted out device gets one that follows from what it is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_command.h"

#include <string.h>

#include "domain_xml.h"
#include "qemu_validate.h"
#include "vberror.h"
#include "vbuuid.h"
#include "vbxml.h"

char *
qemuCommandMakeAlias(const char *text)
{
    GString *alias;
    guint8 uuid[16];

    if (!vbUUIDParse(text, uuid))
        return NULL;
    alias = g_string_new(QEMU_COMMAND_ALIAS_PREFIX);
    for (size_t i = 0; i < sizeof(uuid); i++)
        g_string_append_printf(alias, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                               uuid[i]);
    return g_string_free(alias, FALSE);
}

bool
qemuCommandMayBeOurs(const char *xml, size_t length)
{
    return vbDomainXMLMayHaveAttributes(xml, length) ||
        vbDomainXMLMayShowAttributes(xml, length);
}

static bool
qemuCommandIsOptedOut(const vbDomainDef *def, const char *alias)
{
    const vbDomainOverrideDef *override =
        vbDomainDefFindOverride(def, alias, VB_DOMAIN_OPT_OUT_PROPERTY);

    return override && g_strcmp0(override->type, "bool") == 0 &&
        g_strcmp0(override->value, "true") == 0;
}

/* What a domain's devices and overrides are called; a document may have thousands. */
typedef struct {
    const vbDomainDef *def;
    GHashTable *devices; /* aliases of the user's choice that devices have */
    GHashTable *others;  /* aliases that have overrides of anything but the opt-out */
    bool places;         /* something is overridden by the place of a device, 'hostdev0' */
    GHashTable *on;      /* aliases to be opted out */
    GPtrArray *onList;   /* the same in order */
    GHashTable *off;     /* aliases that lose their opt-out */
    GPtrArray *kept;     /* aliases that devices get */
} qemuCommandNames;

static void
qemuCommandNamesClear(qemuCommandNames *names)
{
    g_clear_pointer(&names->devices, g_hash_table_unref);
    g_clear_pointer(&names->others, g_hash_table_unref);
    g_clear_pointer(&names->on, g_hash_table_unref);
    g_clear_pointer(&names->onList, g_ptr_array_unref);
    g_clear_pointer(&names->off, g_hash_table_unref);
    g_clear_pointer(&names->kept, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuCommandNames, qemuCommandNamesClear)

static void
qemuCommandNamesInit(qemuCommandNames *names, const vbDomainDef *def)
{
    static const char prefix[] = "hostdev";

    names->def = def;
    names->devices = g_hash_table_new(g_str_hash, g_str_equal);
    names->others = g_hash_table_new(g_str_hash, g_str_equal);
    names->on = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    names->onList = g_ptr_array_new();
    names->off = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    names->kept = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < def->hostdevs->len; i++) {
        const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, i);

        if (!hostdev->place)
            g_hash_table_add(names->devices, hostdev->alias);
    }
    for (guint i = 0; i < def->overrides->len; i++) {
        const vbDomainOverrideDef *override = g_ptr_array_index(def->overrides, i);

        if (strcmp(override->name, VB_DOMAIN_OPT_OUT_PROPERTY) != 0)
            g_hash_table_add(names->others, override->alias);
        if (g_str_has_prefix(override->alias, prefix) &&
            g_ascii_isdigit(override->alias[strlen(prefix)]))
            names->places = true;
    }
}

static void
qemuCommandNamesAddOn(qemuCommandNames *names, const char *alias)
{
    char *copy;

    if (g_hash_table_contains(names->on, alias))
        return;
    copy = g_strdup(alias);
    g_hash_table_add(names->on, copy);
    g_ptr_array_add(names->onList, copy);
}

/* @uuidAlias: what the device is called if it has no alias of the user's choice. */
static bool
qemuCommandOptOut(vbDomainXML *xml, const xmlNode *node, qemuCommandNames *names,
                  const vbDomainHostdevDef *hostdev, const char *uuidAlias, GError **error)
{
    const char *alias = hostdev->place ? uuidAlias : hostdev->alias;

    if (hostdev->place && qemuCommandIsOptedOut(names->def, hostdev->place))
        return true;
    if (hostdev->place && names->places) {
        qemuValidateReportPlaces(hostdev, error);
        return false;
    }
    if (hostdev->place)
        vbDomainXMLSetAlias(xml, node, uuidAlias);
    if (!qemuCommandIsOptedOut(names->def, alias))
        qemuCommandNamesAddOn(names, alias);
    return true;
}

static void
qemuCommandOptIn(vbDomainXML *xml, const xmlNode *node, qemuCommandNames *names,
                 const vbDomainHostdevDef *hostdev, const char *uuidAlias)
{
    const char *alias = hostdev->place ? hostdev->place : hostdev->alias;

    g_hash_table_add(names->off, g_strdup(alias));
    /* Without it others may change their places. */
    if (uuidAlias && strcmp(alias, uuidAlias) == 0 && !names->places &&
        !g_hash_table_contains(names->others, uuidAlias))
        vbDomainXMLSetAlias(xml, node, NULL);
}

/* Forgets the opt-outs of ours that no device has any more. */
static void
qemuCommandPrune(qemuCommandNames *names)
{
    for (guint i = 0; i < names->def->overrides->len; i++) {
        const vbDomainOverrideDef *override = g_ptr_array_index(names->def->overrides, i);

        if (g_str_has_prefix(override->alias, QEMU_COMMAND_ALIAS_PREFIX) &&
            !g_hash_table_contains(names->devices, override->alias))
            g_hash_table_add(names->off, g_strdup(override->alias));
    }
}

static bool
qemuCommandStoreDomain(vbDomainXML *xml, const xmlNode *domain, const vbDomainDef *def, bool prune,
                       GError **error)
{
    g_autoptr(GPtrArray) nodes = vbDomainXMLListHostdevs(domain);
    g_auto(qemuCommandNames) names = { 0 };
    guint next = 0;

    if (def->policyAttribute)
        vbDomainXMLSetPolicy(xml, domain,
                             vbDomainBalloonPolicyTypeFromString(def->policyAttribute));
    vbDomainXMLCutPolicy(xml, domain);

    qemuCommandNamesInit(&names, def);
    for (guint i = 0; i < def->hostdevs->len; i++) {
        const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, i);
        g_autofree char *uuidAlias = NULL;
        const xmlNode *node;

        if (hostdev->isInterface)
            continue;
        node = g_ptr_array_index(nodes, next++);
        if (hostdev->ballooning == VB_DOMAIN_BALLOONING_ABSENT)
            continue;
        vbDomainXMLCutAttribute(xml, node, VB_DOMAIN_BALLOONING_ATTRIBUTE);
        if (hostdev->type == VB_DOMAIN_HOSTDEV_MDEV && hostdev->address)
            uuidAlias = qemuCommandMakeAlias(hostdev->address);
        if (hostdev->ballooning == VB_DOMAIN_BALLOONING_OFF) {
            qemuCommandOptIn(xml, node, &names, hostdev, uuidAlias);
        } else if (uuidAlias) {
            /* Without a UUID libvirt has a word to say. */
            if (!qemuCommandOptOut(xml, node, &names, hostdev, uuidAlias, error))
                return false;
            g_hash_table_add(names.devices, hostdev->place ? (gpointer)uuidAlias : hostdev->alias);
            if (hostdev->place)
                g_ptr_array_add(names.kept, g_steal_pointer(&uuidAlias));
        }
    }

    if (prune)
        qemuCommandPrune(&names);
    if (names.onList->len + g_hash_table_size(names.off) > 0)
        vbDomainXMLSetOverrides(xml, domain, VB_DOMAIN_OPT_OUT_PROPERTY, names.onList, names.off);
    return true;
}

static bool
qemuCommandStoreDevice(vbDomainXML *xml, const char *text, size_t length, bool *optsOut,
                       GError **error)
{
    const xmlNode *root = xmlDocGetRootElement(xml->doc);
    g_autoptr(vbDomainDef) def = vbDomainDefParseDeviceString(text, length, NULL);

    if (!def)
        return true;
    if (!qemuValidateAttributes(def, error))
        return false;
    *optsOut = qemuValidateHasOptOut(def);
    if (vbXMLRootIs(root, "hostdev"))
        vbDomainXMLCutAttribute(xml, root, VB_DOMAIN_BALLOONING_ATTRIBUTE);
    if (vbXMLRootIs(root, "memballoon"))
        vbDomainXMLCutAttribute(xml, root, VB_DOMAIN_POLICY_ATTRIBUTE);
    return true;
}

static bool
qemuCommandStoreDomains(vbDomainXML *xml, bool prune, bool *optsOut, GError **error)
{
    for (guint i = 0; i < xml->domains->len; i++) {
        const xmlNode *domain = g_ptr_array_index(xml->domains, i);
        g_autoptr(vbDomainDef) def = vbDomainDefParseNode(domain, NULL);

        /* Sizes that libvirt does not understand either. */
        if (!def)
            continue;
        if (!qemuValidateAttributes(def, error))
            return false;
        *optsOut = *optsOut || qemuValidateHasOptOut(def);
        if (!qemuCommandStoreDomain(xml, domain, def, prune, error))
            return false;
    }
    return true;
}

static bool
qemuCommandHasAttributes(const xmlNode *node)
{
    bool found = (vbXMLRootIs(node, "memballoon") &&
                  vbXMLPlainProp(node, VB_DOMAIN_POLICY_ATTRIBUTE)) ||
        (vbXMLRootIs(node, "hostdev") && vbXMLPlainProp(node, VB_DOMAIN_BALLOONING_ATTRIBUTE));

    /* As deep as libxml2 lets a document be. */
    for (const xmlNode *child = node->children; child && !found; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            found = qemuCommandHasAttributes(child);
    }
    return found;
}

/* Gives a text to be edited in @xml: NULL where nothing of ours is in it, or only libvirt can say
 * what is wrong with it.  Returns false where our attributes are in a text that cannot be edited:
 * libvirt would drop them. */
static bool
qemuCommandOpen(const char *text, size_t length, vbDomainXML **xml, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(xmlDoc) doc = NULL;

    *xml = NULL;
    if (!qemuCommandMayBeOurs(text, length) || (*xml = vbDomainXMLNew(text, length, &problem)))
        return true;

    /* What is not read at all may have them. */
    doc = vbXMLParse(text, length, NULL);
    if (doc ? qemuCommandHasAttributes(xmlDocGetRootElement(doc)) :
        g_error_matches(problem, VB_ERROR, VB_ERROR_UNREAD) &&
        vbDomainXMLMayHaveAttributes(text, length)) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML, "attributes '%s' and '%s' cannot be read: %s",
                    VB_DOMAIN_POLICY_ATTRIBUTE, VB_DOMAIN_BALLOONING_ATTRIBUTE, problem->message);
        return false;
    }
    return true;
}

static bool
qemuCommandApply(const vbDomainXML *xml, char **stored, GError **error)
{
    size_t length;

    if (!vbMarkupIsEdited(xml->markup) || (*stored = vbMarkupApply(xml->markup, &length)))
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_SYSTEM, "out of memory");
    return false;
}

bool
qemuCommandStoreAttributes(const char *text, size_t length, bool prune, bool *optsOut,
                           char **stored, GError **error)
{
    g_autoptr(vbDomainXML) xml = NULL;

    *optsOut = false;
    *stored = NULL;
    if (!qemuCommandOpen(text, length, &xml, error))
        return false;
    return !xml || (qemuCommandStoreDomains(xml, prune, optsOut, error) &&
                    qemuCommandApply(xml, stored, error));
}

bool
qemuCommandStoreDeviceAttributes(const char *text, size_t length, bool *optsOut, char **stored,
                                 GError **error)
{
    g_autoptr(vbDomainXML) xml = NULL;

    *optsOut = false;
    *stored = NULL;
    if (!qemuCommandOpen(text, length, &xml, error))
        return false;
    return !xml || (qemuCommandStoreDevice(xml, text, length, optsOut, error) &&
                    qemuCommandApply(xml, stored, error));
}

char *
qemuCommandShowAttributes(const char *text, size_t length, size_t *shownLength)
{
    g_autoptr(vbDomainXML) xml = NULL;

    if (!vbDomainXMLMayShowAttributes(text, length) || !(xml = vbDomainXMLNew(text, length, NULL)))
        return NULL;

    for (guint i = 0; i < xml->domains->len; i++) {
        const xmlNode *domain = g_ptr_array_index(xml->domains, i);
        g_autoptr(vbDomainDef) def = vbDomainDefParseNode(domain, NULL);
        g_autoptr(GPtrArray) nodes = vbDomainXMLListHostdevs(domain);
        guint next = 0;

        if (!def)
            continue;
        if (!def->policyAttribute && def->policy != VB_DOMAIN_BALLOON_POLICY_DEFAULT &&
            def->policy != VB_DOMAIN_BALLOON_POLICY_INVALID)
            vbDomainXMLShowPolicy(xml, domain, def->policy);
        for (guint j = 0; j < def->hostdevs->len; j++) {
            const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, j);
            const xmlNode *node;

            if (hostdev->isInterface)
                continue;
            node = g_ptr_array_index(nodes, next++);
            /* A running domain shows what libvirt called it. */
            if (qemuValidateCanBeOptedOut(def, hostdev) &&
                hostdev->ballooning == VB_DOMAIN_BALLOONING_ABSENT &&
                qemuCommandIsOptedOut(def, hostdev->place && def->id < 0 ? hostdev->place :
                                      hostdev->alias))
                vbMarkupAddAttr(xml->markup, node, VB_DOMAIN_BALLOONING_ATTRIBUTE, "on");
        }
    }
    return vbMarkupIsEdited(xml->markup) ? vbMarkupApply(xml->markup, shownLength) : NULL;
}

char *
qemuCommandAddDevice(const char *text, size_t length, const char *device, size_t deviceLength)
{
    g_autoptr(vbDomainXML) xml = vbDomainXMLNew(text, length, NULL);
    g_autoptr(vbDomainXML) added = vbDomainXMLNew(device, deviceLength, NULL);
    const xmlNode *devices;
    const vbMarkupElement *element;
    g_autofree char *content = NULL;
    size_t newLength;

    if (!xml || !added || xml->domains->len != 1)
        return NULL;
    devices = vbXMLChild(g_ptr_array_index(xml->domains, 0), "devices");
    if (!devices)
        return NULL;
    element = vbMarkupGetElement(xmlDocGetRootElement(added->doc));
    content = g_strndup(device + element->start, element->end - element->start);
    vbMarkupAppend(xml->markup, devices, content);
    return vbMarkupApply(xml->markup, &newLength);
}
