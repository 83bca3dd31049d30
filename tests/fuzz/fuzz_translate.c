/*
 * fuzz_translate.c: any document to libvirt, and any from libvirt
 *
 * What is stored is held against what was written: both trees without what is ours must be the
 * same, what was asked for must be in force, and storing again must change nothing.  What is shown
 * is held against what was stored, and storing it must give the same bytes again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "domain_conf.h"
#include "domain_xml.h"
#include "fuzz_xml.h"
#include "qemu_command.h"
#include "qemu_validate.h"
#include "vberror.h"

/* Both trees of a comparison. */
typedef struct {
    xmlDoc *doc;
    GPtrArray *domains;
    GPtrArray *gone; /* of xmlNode: taken out */
} fuzzTree;

static bool
fuzzIs(const xmlNode *node, const char *name)
{
    return vbXMLNodeIs(node, name, NULL);
}

static bool
fuzzIsQemu(const xmlNode *node, const char *name)
{
    return vbXMLNodeIs(node, name, VB_DOMAIN_QEMU_NAMESPACE);
}

static fuzzTree *
fuzzTreeNew(const char *text, size_t length)
{
    fuzzTree *tree = g_new0(fuzzTree, 1);
    xmlNode *root;

    tree->doc = vbXMLParse(text, length, NULL);
    tree->domains = g_ptr_array_new();
    tree->gone = g_ptr_array_new();
    CHECK(tree->doc);
    root = xmlDocGetRootElement(tree->doc);
    if (vbXMLRootIs(root, "domain"))
        g_ptr_array_add(tree->domains, root);
    if (vbXMLRootIs(root, "domainsnapshot") || vbXMLRootIs(root, "domaincheckpoint")) {
        for (xmlNode *node = root->children; node; node = node->next) {
            if (fuzzIs(node, "domain") || fuzzIs(node, "inactiveDomain"))
                g_ptr_array_add(tree->domains, node);
        }
    }
    return tree;
}

static void
fuzzTreeFree(fuzzTree *tree)
{
    for (guint i = 0; i < tree->gone->len; i++) {
        xmlNode *node = g_ptr_array_index(tree->gone, i);

        if (node->type == XML_ATTRIBUTE_NODE)
            xmlFreeProp((xmlAttr *)node);
        else
            xmlFreeNode(node);
    }
    xmlFreeDoc(tree->doc);
    g_ptr_array_unref(tree->domains);
    g_ptr_array_unref(tree->gone);
    g_free(tree);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(fuzzTree, fuzzTreeFree)

static void
fuzzTakeOut(fuzzTree *tree, xmlNode *node, GHashTable *loose)
{
    if (loose && node->type == XML_ELEMENT_NODE)
        g_hash_table_add(loose, node->parent);
    xmlUnlinkNode(node);
    g_ptr_array_add(tree->gone, node);
}

static xmlAttr *
fuzzFindAttr(const xmlNode *node, const char *name)
{
    for (xmlAttr *attr = node->properties; attr; attr = attr->next) {
        if (!attr->ns && strcmp((const char *)attr->name, name) == 0)
            return attr;
    }
    return NULL;
}

static GPtrArray *
fuzzListDevices(const xmlNode *domain, const char *name)
{
    GPtrArray *list = g_ptr_array_new();

    for (const xmlNode *devices = domain->children; devices; devices = devices->next) {
        for (xmlNode *node = devices->children; fuzzIs(devices, "devices") && node;
             node = node->next) {
            if (fuzzIs(node, name))
                g_ptr_array_add(list, node);
        }
    }
    return list;
}

/* Whether something of a tree is an attribute of ours where it counts. */
static bool
fuzzHasAttributes(const fuzzTree *tree)
{
    for (guint i = 0; i < tree->domains->len; i++) {
        const xmlNode *domain = g_ptr_array_index(tree->domains, i);
        g_autoptr(GPtrArray) memballoons = fuzzListDevices(domain, "memballoon");
        g_autoptr(GPtrArray) hostdevs = fuzzListDevices(domain, "hostdev");

        for (guint j = 0; j < memballoons->len; j++) {
            if (fuzzFindAttr(g_ptr_array_index(memballoons, j), "policy"))
                return true;
        }
        for (guint j = 0; j < hostdevs->len; j++) {
            if (fuzzFindAttr(g_ptr_array_index(hostdevs, j), "ballooning"))
                return true;
        }
    }
    return false;
}

static bool
fuzzIsEmpty(const xmlNode *node)
{
    return xmlFirstElementChild((xmlNode *)node) == NULL;
}

/* Overrides of the opt-out in @node, which is one of libvirt's three levels, and what is left
 * without elements: libvirt drops that, too. */
static void
fuzzTakeOutOverrides(fuzzTree *tree, xmlNode *node, int depth, GHashTable *loose)
{
    static const char *const names[] = { "property", "frontend", "device" };
    xmlNode *next;

    for (xmlNode *child = node->children; child; child = next) {
        next = child->next;
        if (!fuzzIsQemu(child, names[depth]))
            continue;
        if (depth > 0)
            fuzzTakeOutOverrides(tree, child, depth - 1, loose);
        if (depth > 0 ? fuzzIsEmpty(child) : vbXMLPropIs(child, "name", "x-balloon-allowed"))
            fuzzTakeOut(tree, child, loose);
    }
}

static void
fuzzTakeOutStored(fuzzTree *tree, xmlNode *domain, GHashTable *loose)
{
    xmlNode *metadata = (xmlNode *)vbXMLChild(domain, "metadata");
    xmlNode *next;

    g_hash_table_add(loose, domain);
    for (xmlNode *node = metadata ? metadata->children : NULL; node; node = next) {
        next = node->next;
        if (node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
            strcmp((const char *)node->ns->href, VB_DOMAIN_POLICY_NAMESPACE) == 0)
            fuzzTakeOut(tree, node, loose);
    }
    if (metadata && !metadata->children)
        fuzzTakeOut(tree, metadata, loose);

    for (xmlNode *node = domain->children; node; node = next) {
        next = node->next;
        if (!fuzzIsQemu(node, "override"))
            continue;
        fuzzTakeOutOverrides(tree, node, 2, loose);
        if (fuzzIsEmpty(node))
            fuzzTakeOut(tree, node, loose);
    }
}

/* Of a hostdev whose attribute says something: its alias may be another one now. @every: of
 * several, not only the one that counts. */
static void
fuzzTakeOutAlias(fuzzTree *tree, xmlNode *hostdev, bool every, GHashTable *loose)
{
    xmlNode *alias;

    g_hash_table_add(loose, hostdev);
    while ((alias = (xmlNode *)vbDomainDeviceFindAlias(hostdev))) {
        fuzzTakeOut(tree, alias, loose);
        if (!every)
            return;
    }
}

static void
fuzzTakeOutAttr(fuzzTree *tree, const xmlNode *node, const char *name)
{
    xmlAttr *attr = fuzzFindAttr(node, name);

    if (attr)
        fuzzTakeOut(tree, (xmlNode *)attr, NULL);
}

/* Both trees without what is ours are the same. */
static void
fuzzCompareStored(const char *text, size_t length, const char *result)
{
    g_autoptr(fuzzTree) before = fuzzTreeNew(text, length);
    g_autoptr(fuzzTree) after = fuzzTreeNew(result, strlen(result));
    g_autoptr(GHashTable) loose = g_hash_table_new(NULL, NULL);

    CHECK(!fuzzHasAttributes(after));
    CHECK(before->domains->len == after->domains->len);
    for (guint i = 0; i < before->domains->len; i++) {
        xmlNode *left = g_ptr_array_index(before->domains, i);
        xmlNode *right = g_ptr_array_index(after->domains, i);
        g_autoptr(GPtrArray) memballoons = fuzzListDevices(left, "memballoon");
        g_autoptr(GPtrArray) leftHostdevs = fuzzListDevices(left, "hostdev");
        g_autoptr(GPtrArray) rightHostdevs = fuzzListDevices(right, "hostdev");

        for (guint j = 0; j < memballoons->len; j++)
            fuzzTakeOutAttr(before, g_ptr_array_index(memballoons, j), "policy");
        CHECK(leftHostdevs->len == rightHostdevs->len);
        for (guint j = 0; j < leftHostdevs->len; j++) {
            xmlNode *hostdev = g_ptr_array_index(leftHostdevs, j);
            xmlNode *stored = g_ptr_array_index(rightHostdevs, j);

            if (!fuzzFindAttr(hostdev, "ballooning"))
                continue;
            fuzzTakeOutAttr(before, hostdev, "ballooning");
            fuzzTakeOutAlias(before, hostdev, !vbDomainDeviceFindAlias(stored), loose);
            fuzzTakeOutAlias(after, stored, false, loose);
        }
        fuzzTakeOutStored(before, left, loose);
        fuzzTakeOutStored(after, right, loose);
    }
    CHECK(fuzzTreesAreEqual(xmlDocGetRootElement(before->doc), xmlDocGetRootElement(after->doc),
                            loose));
}

/* What libvirt calls the device when the domain starts. */
static const char *
fuzzGetName(const vbDomainHostdevDef *hostdev)
{
    return vbDomainAliasIsUser(hostdev->alias) ? hostdev->alias : hostdev->place;
}

static bool
fuzzIsOptedOut(const vbDomainDef *def, const char *alias)
{
    const vbDomainOverrideDef *override =
        alias ? vbDomainDefFindOverride(def, alias, "x-balloon-allowed") : NULL;

    return override && g_strcmp0(override->type, "bool") == 0 &&
        g_strcmp0(override->value, "true") == 0;
}

/* Whether two hostdevs share an alias or a UUID, or one has the alias that stands for another's:
 * libvirt refuses the first two, and who is meant is not said. */
static bool
fuzzIsAmbiguous(const vbDomainDef *def)
{
    for (guint i = 0; i < def->hostdevs->len; i++) {
        const vbDomainHostdevDef *left = g_ptr_array_index(def->hostdevs, i);
        g_autofree char *leftAlias = left->address ? qemuCommandMakeAlias(left->address) : NULL;

        for (guint j = 0; j < def->hostdevs->len; j++) {
            const vbDomainHostdevDef *right = g_ptr_array_index(def->hostdevs, j);
            g_autofree char *rightAlias =
                right->address ? qemuCommandMakeAlias(right->address) : NULL;

            if (i == j)
                continue;
            if ((left->alias && g_strcmp0(left->alias, right->alias) == 0) ||
                (leftAlias && g_strcmp0(leftAlias, right->alias) == 0) ||
                (leftAlias && g_strcmp0(leftAlias, rightAlias) == 0))
                return true;
        }
    }
    return false;
}

static void
fuzzCheckPolicy(const vbDomainDef *before, const vbDomainDef *after)
{
    if (!before->policyAttribute) {
        CHECK(before->policyElements == after->policyElements);
        CHECK(g_strcmp0(before->policyText, after->policyText) == 0);
    } else if (strcmp(before->policyAttribute, "default") == 0) {
        CHECK(after->policyElements == 0);
    } else {
        CHECK(after->policyElements == 1);
        CHECK(g_strcmp0(before->policyAttribute, after->policyText) == 0);
    }
}

static void
fuzzCheckHostdev(const vbDomainDef *before, const vbDomainHostdevDef *left,
                 const vbDomainDef *after, const vbDomainHostdevDef *right)
{
    g_autofree char *alias = left->address ? qemuCommandMakeAlias(left->address) : NULL;

    CHECK(left->type == right->type && left->isInterface == right->isInterface);
    CHECK(g_strcmp0(left->address, right->address) == 0);
    if (left->isInterface || left->ballooning == VB_DOMAIN_BALLOONING_ABSENT) {
        CHECK(g_strcmp0(left->alias, right->alias) == 0);
        CHECK(fuzzIsOptedOut(before, fuzzGetName(left)) ==
              fuzzIsOptedOut(after, fuzzGetName(right)));
        return;
    }
    CHECK(left->ballooning != VB_DOMAIN_BALLOONING_INVALID);
    if (left->ballooning == VB_DOMAIN_BALLOONING_OFF) {
        CHECK(!fuzzIsOptedOut(after, fuzzGetName(right)));
        CHECK(!right->alias || g_strcmp0(left->alias, right->alias) == 0);
        return;
    }
    CHECK(left->type == VB_DOMAIN_HOSTDEV_MDEV && left->model == VB_DOMAIN_MDEV_MODEL_VFIO_PCI);
    if (!alias)
        return;
    CHECK(fuzzIsOptedOut(after, fuzzGetName(right)));
    CHECK(g_strcmp0(left->alias, right->alias) == 0 || strcmp(alias, right->alias) == 0);
    if (vbDomainAliasIsUser(left->alias))
        CHECK(strcmp(left->alias, right->alias) == 0);
}

static void
fuzzCheckOrphans(const vbDomainDef *def)
{
    for (guint i = 0; i < def->overrides->len; i++) {
        const vbDomainOverrideDef *override = g_ptr_array_index(def->overrides, i);
        bool used = !g_str_has_prefix(override->alias, "ua-vb-") ||
            strcmp(override->name, "x-balloon-allowed") != 0;

        for (guint j = 0; j < def->hostdevs->len && !used; j++) {
            const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, j);

            used = g_strcmp0(hostdev->alias, override->alias) == 0;
        }
        CHECK(used);
    }
}

static void
fuzzCheckForce(const char *text, size_t length, const char *stored, bool prune)
{
    g_autoptr(fuzzTree) left = fuzzTreeNew(text, length);
    g_autoptr(fuzzTree) right = fuzzTreeNew(stored, strlen(stored));

    for (guint i = 0; i < left->domains->len; i++) {
        g_autoptr(vbDomainDef) before =
            vbDomainDefParseNode(g_ptr_array_index(left->domains, i), NULL);
        g_autoptr(vbDomainDef) after =
            vbDomainDefParseNode(g_ptr_array_index(right->domains, i), NULL);

        CHECK(!before == !after);
        if (!before)
            continue;
        fuzzCheckPolicy(before, after);
        CHECK(before->hostdevs->len == after->hostdevs->len);
        if (fuzzIsAmbiguous(before))
            continue;
        for (guint j = 0; j < before->hostdevs->len; j++)
            fuzzCheckHostdev(before, g_ptr_array_index(before->hostdevs, j), after,
                             g_ptr_array_index(after->hostdevs, j));
        if (prune)
            fuzzCheckOrphans(after);
    }
}

static void
fuzzCheckError(const GError *error)
{
    CHECK(g_error_matches(error, VB_ERROR, VB_ERROR_XML) ||
          g_error_matches(error, VB_ERROR, VB_ERROR_UNSUPPORTED));
    CHECK(g_utf8_validate(error->message, -1, NULL));
    CHECK(!strpbrk(error->message, "\n\r\t\033") && strlen(error->message) < 1000);
}

/* Storing once more: nothing changes. Returns whether it may be stored. */
static bool
fuzzStoreAgain(const char *text, size_t length, bool prune)
{
    g_autofree char *stored = NULL;
    bool optsOut;
    bool ok = qemuCommandStoreAttributes(text, length, prune, &optsOut, &stored, NULL);

    CHECK(!stored && (!ok || !optsOut));
    return ok;
}

/* Whether sizes of a domain cannot be read, which leaves it as it is. */
static bool
fuzzIsLeft(const fuzzTree *tree)
{
    for (guint i = 0; i < tree->domains->len; i++) {
        g_autoptr(vbDomainDef) def =
            vbDomainDefParseNode(g_ptr_array_index(tree->domains, i), NULL);

        if (!def)
            return true;
    }
    return false;
}

/* What @shown has more than @stored is two attributes. */
static void
fuzzCompareShown(const char *stored, size_t length, const char *shown, size_t shownLength)
{
    g_autoptr(fuzzTree) before = fuzzTreeNew(stored, length);
    g_autoptr(fuzzTree) after = fuzzTreeNew(shown, shownLength);
    g_autoptr(GHashTable) loose = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < after->domains->len; i++) {
        const xmlNode *domain = g_ptr_array_index(after->domains, i);
        g_autoptr(vbDomainDef) def = vbDomainDefParseNode(domain, NULL);
        g_autoptr(GPtrArray) memballoons = fuzzListDevices(domain, "memballoon");
        g_autoptr(GPtrArray) hostdevs = fuzzListDevices(domain, "hostdev");

        if (!def)
            continue;
        for (guint j = 0; j < memballoons->len; j++) {
            xmlNode *memballoon = g_ptr_array_index(memballoons, j);
            xmlAttr *attr = fuzzFindAttr(memballoon, "policy");
            bool expected = j == 0 && def->policy != VB_DOMAIN_BALLOON_POLICY_DEFAULT &&
                def->policy != VB_DOMAIN_BALLOON_POLICY_INVALID;

            CHECK(!attr == !expected);
            CHECK(!attr || (!attr->next && vbXMLPropIs(memballoon, "policy", def->policyText)));
            fuzzTakeOutAttr(after, memballoon, "policy");
        }
        for (guint j = 0, next = 0; j < def->hostdevs->len; j++) {
            const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, j);
            xmlNode *node;
            xmlAttr *attr;

            if (hostdev->isInterface)
                continue;
            node = g_ptr_array_index(hostdevs, next++);
            attr = fuzzFindAttr(node, "ballooning");
            CHECK(!attr || (!attr->next && vbXMLPropIs(node, "ballooning", "on")));
            CHECK(!attr || (hostdev->type == VB_DOMAIN_HOSTDEV_MDEV &&
                            (fuzzIsOptedOut(def, hostdev->alias) ||
                             fuzzIsOptedOut(def, fuzzGetName(hostdev)))));
            fuzzTakeOutAttr(after, node, "ballooning");
        }
    }
    CHECK(fuzzTreesAreEqual(xmlDocGetRootElement(before->doc), xmlDocGetRootElement(after->doc),
                            loose));
}

/* Whether a hostdev is called something else than it will be when the domain starts again. */
static bool
fuzzIsMisplaced(const char *text, size_t length)
{
    g_autoptr(fuzzTree) tree = fuzzTreeNew(text, length);

    for (guint i = 0; i < tree->domains->len; i++) {
        g_autoptr(vbDomainDef) def =
            vbDomainDefParseNode(g_ptr_array_index(tree->domains, i), NULL);

        for (guint j = 0; def && j < def->hostdevs->len; j++) {
            const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, j);

            if (hostdev->alias && strcmp(hostdev->alias, fuzzGetName(hostdev)) != 0)
                return true;
        }
    }
    return false;
}

/* @text is as libvirt has it: nothing of it has to be stored. */
static void
fuzzShow(const char *text, size_t length)
{
    size_t shownLength = 0;
    g_autofree char *shown = qemuCommandShowAttributes(text, length, &shownLength);
    g_autofree char *again = NULL;
    g_autofree char *stored = NULL;
    g_autoptr(GError) error = NULL;
    size_t againLength;
    bool optsOut;

    if (!shown)
        return;
    CHECK(strlen(shown) == shownLength && shownLength > length);
    fuzzCompareShown(text, length, shown, shownLength);
    again = qemuCommandShowAttributes(shown, shownLength, &againLength);
    CHECK(!again);
    if (fuzzIsMisplaced(text, length))
        return;
    if (!qemuCommandStoreAttributes(shown, shownLength, false, &optsOut, &stored, &error)) {
        g_printerr("ERROR: what was shown cannot be stored: %s\n", error->message);
        abort();
    }
    CHECK(stored && strlen(stored) == length && memcmp(stored, text, length) == 0);
}

static void
fuzzStore(const char *text, size_t length, bool prune)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *stored = NULL;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(fuzzTree) tree = NULL;
    bool optsOut;

    if (!qemuCommandStoreAttributes(text, length, prune, &optsOut, &stored, &error)) {
        CHECK(!stored);
        fuzzCheckError(error);
        return;
    }
    CHECK(!error);
    doc = length > 0 ? vbXMLParse(text, length, NULL) : NULL;
    if (!doc) {
        CHECK(!stored && !optsOut);
        return;
    }
    tree = fuzzTreeNew(text, length);
    if (!stored) {
        CHECK(fuzzIsLeft(tree) || !fuzzHasAttributes(tree));
        fuzzShow(text, length);
        return;
    }
    if (fuzzIsLeft(tree))
        return;
    fuzzCompareStored(text, length, stored);
    fuzzCheckForce(text, length, stored, prune);
    if (fuzzStoreAgain(stored, strlen(stored), prune))
        fuzzShow(stored, strlen(stored));
}

/* Of a device only the root's one attribute goes. */
static void
fuzzStoreDevice(const char *text, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *stored = NULL;
    g_autofree char *again = NULL;
    g_autoptr(fuzzTree) before = NULL;
    g_autoptr(fuzzTree) after = NULL;
    g_autoptr(GHashTable) loose = g_hash_table_new(NULL, NULL);
    const xmlNode *root;
    bool optsOut;

    if (!qemuCommandStoreDeviceAttributes(text, length, &optsOut, &stored, &error)) {
        CHECK(!stored);
        fuzzCheckError(error);
        return;
    }
    if (!stored)
        return;
    before = fuzzTreeNew(text, length);
    after = fuzzTreeNew(stored, strlen(stored));
    root = xmlDocGetRootElement(before->doc);
    fuzzTakeOutAttr(before, root, vbXMLRootIs(root, "hostdev") ? "ballooning" : "policy");
    CHECK(before->gone->len == 1);
    CHECK(fuzzTreesAreEqual(root, xmlDocGetRootElement(after->doc), loose));
    CHECK(qemuCommandStoreDeviceAttributes(stored, strlen(stored), &optsOut, &again, NULL));
    CHECK(!again && !optsOut);
}

static void
fuzzAddDevice(const char *text, size_t length)
{
    static const char device[] = "<?xml version='1.0'?>\n<!-- -->\n<fuzz a='1'><b/></fuzz>\n";
    g_autofree char *added = qemuCommandAddDevice(text, length, device, strlen(device));
    g_autoptr(fuzzTree) before = NULL;
    g_autoptr(fuzzTree) after = NULL;
    g_autoptr(GHashTable) loose = g_hash_table_new(NULL, NULL);
    const xmlNode *devices;
    xmlNode *last;

    if (!added)
        return;
    before = fuzzTreeNew(text, length);
    after = fuzzTreeNew(added, strlen(added));
    CHECK(after->domains->len == 1);
    devices = vbXMLChild(g_ptr_array_index(after->domains, 0), "devices");
    last = xmlLastElementChild((xmlNode *)devices);
    CHECK(last && fuzzIs(last, "fuzz") && vbXMLChild(last, "b"));
    fuzzTakeOut(after, last, loose);
    CHECK(fuzzTreesAreEqual(xmlDocGetRootElement(before->doc), xmlDocGetRootElement(after->doc),
                            loose));
}

static void
fuzzAlias(const char *text)
{
    g_autofree char *alias = qemuCommandMakeAlias(text);
    g_autofree char *again = alias ? qemuCommandMakeAlias(alias + strlen("ua-vb-")) : NULL;

    CHECK(!alias || (strlen(alias) == 42 && vbDomainAliasIsUser(alias)));
    CHECK(g_strcmp0(alias, again) == 0);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    /* Not a byte more than the text has. */
    g_autofree char *text = g_memdup2(data, size);
    g_autofree char *string = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;

    fuzzAlias(string);
    if (size == 0)
        return 0;
    fuzzStore(text, size, false);
    fuzzStore(text, size, true);
    fuzzStoreDevice(text, size);
    fuzzAddDevice(text, size);
    if (!qemuValidatePolicyElement(text, size, &error))
        fuzzCheckError(error);
    return 0;
}
