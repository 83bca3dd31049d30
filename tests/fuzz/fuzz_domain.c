/*
 * fuzz_domain.c: any text as a domain, a device or a network
 *
 * What is read must be in the text: sizes that go together, and no more devices than a walk over
 * the tree finds elements of their kinds.  What virtio-mem devices are asked for must be what it is
 * meant to be, and their elements must be theirs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "domain_conf.h"
#include "fuzz_xml.h"
#include "network_conf.h"
#include "qemu_redirect.h"
#include "vberror.h"

static guint
fuzzCount(const char *text, size_t length, const char *const *names)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(text, length, NULL);
    guint count = 0;

    CHECK(doc);
    for (const xmlNode *node = xmlDocGetRootElement(doc); node; node = fuzzNextElement(node))
        count += g_strv_contains(names, (const char *)node->name);
    return count;
}

static void
fuzzCheckHostdev(const vbDomainHostdevDef *hostdev)
{
    CHECK(!hostdev->place || !vbDomainAliasIsUser(hostdev->alias));
    CHECK(!hostdev->isInterface || hostdev->type != VB_DOMAIN_HOSTDEV_MDEV);
    if (hostdev->type == VB_DOMAIN_HOSTDEV_PCI && hostdev->address)
        CHECK(strlen(hostdev->address) >= strlen("0000:00:00.0"));
}

static void
fuzzCheckMemory(const vbDomainDef *def)
{
    unsigned long long maximum = vbDomainDefGetBalloonMaximum(def);
    unsigned long long current = vbDomainDefGetBalloonCurrent(def);

    CHECK(maximum <= def->memory);
    CHECK(current <= def->currentMemory && current <= maximum);
}

static void
fuzzCheckDef(const vbDomainDef *def, const char *text, size_t length)
{
    static const char *const hostdevs[] = { "hostdev", "interface", NULL };
    static const char *const memories[] = { "memory", NULL };
    static const char *const properties[] = { "property", NULL };

    CHECK(def->hostdevs->len <= fuzzCount(text, length, hostdevs));
    CHECK(def->memories->len <= fuzzCount(text, length, memories));
    CHECK(def->overrides->len <= fuzzCount(text, length, properties));
    for (guint i = 0; i < def->hostdevs->len; i++)
        fuzzCheckHostdev(g_ptr_array_index(def->hostdevs, i));
    for (guint i = 0; i < def->overrides->len; i++) {
        const vbDomainOverrideDef *override = g_ptr_array_index(def->overrides, i);

        CHECK(vbDomainDefFindOverride(def, override->alias, override->name));
    }
    CHECK(def->overrides->len == 0 || def->qemuNamespace);
    CHECK(def->policy != VB_DOMAIN_BALLOON_POLICY_INVALID || def->policyText);
}

/* @xml must be the element of @memory with @requested KiB. */
static void
fuzzCheckElement(const vbDomainMemoryDef *memory, const char *xml, unsigned long long requested)
{
    g_autoptr(vbDomainDef) def = xml ? vbDomainDefParseDeviceString(xml, strlen(xml), NULL) : NULL;
    const vbDomainMemoryDef *found;

    CHECK(def && def->memories->len == 1);
    found = g_ptr_array_index(def->memories, 0);
    CHECK(found->model == memory->model && found->requested == requested);
    CHECK(found->size == memory->size && found->block == memory->block);
    CHECK(found->node == memory->node && found->current == memory->current);
    CHECK(g_strcmp0(found->alias, memory->alias) == 0);
}

/* All that is asked of the devices for a size that they can reach. */
static void
fuzzRedirect(const vbDomainDef *def, unsigned long long memory)
{
    unsigned long long balloon = qemuRedirectGetBalloon(def, memory);
    unsigned long long sum = 0;
    unsigned long long block = 1;
    qemuRedirectPlan *plan = qemuRedirectPlanNew();
    guint next = 0;

    qemuRedirectAddDevices(def, memory, 1, plan->changes);
    for (guint i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *mem = g_ptr_array_index(def->memories, i);
        const qemuRedirectChange *change = next < plan->changes->len ?
            g_ptr_array_index(plan->changes, next) : NULL;

        if (mem->model != VB_DOMAIN_MEMORY_VIRTIO_MEM)
            continue;
        block = MAX(block, mem->block);
        /* A device is left alone where it has its part: then the next change is not its. */
        if (change && change->before == mem->requested &&
            g_strcmp0(change->device, mem->alias) == 0) {
            CHECK(change->size != change->before && change->size <= mem->size);
            CHECK(change->size % mem->block == 0);
            fuzzCheckElement(mem, change->xml, change->size);
            fuzzCheckElement(mem, change->back, change->before);
            sum += change->size;
            next++;
        } else {
            sum += mem->requested;
        }
    }
    /* Devices of one name and size cannot be told apart here. */
    if (next == plan->changes->len)
        CHECK(balloon + sum >= memory && balloon + sum - memory < block);
    qemuRedirectPlanFree(plan);
}

static void
fuzzRedirectAll(const vbDomainDef *def)
{
    unsigned long long maximum;

    if (!qemuRedirectIsPossible(def))
        return;
    maximum = qemuRedirectGetMaximum(def);
    CHECK(maximum >= vbDomainDefGetBalloonMaximum(def));
    fuzzRedirect(def, maximum);
    fuzzRedirect(def, maximum - maximum / 3);
    fuzzRedirect(def, vbDomainDefGetBalloonMaximum(def));
    fuzzRedirect(def, MIN(vbDomainDefGetBalloonMaximum(def) + 1, maximum));
}

static void
fuzzDomain(const char *text, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(text, length, &error);

    CHECK(!def == (error != NULL));
    if (error) {
        CHECK(error->domain == VB_ERROR && g_utf8_validate(error->message, -1, NULL));
        return;
    }
    CHECK(def->name && def->id >= -1);
    fuzzCheckMemory(def);
    fuzzCheckDef(def, text, length);
    CHECK(vbDomainDefHasMemballoon(def, def) || !def->memballoonNode);
    fuzzRedirectAll(def);
}

static void
fuzzDevice(const char *text, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = vbDomainDefParseDeviceString(text, length, &error);

    CHECK(!def == (error != NULL));
    if (!def)
        return;
    CHECK(def->hostdevs->len <= 1 && def->memories->len <= 1);
    fuzzCheckDef(def, text, length);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static const char *const forwards[] = { "forward", NULL };
    g_autofree char *text = g_memdup2(data, size);

    if (size == 0)
        return 0;
    fuzzDomain(text, size);
    fuzzDevice(text, size);
    if (vbNetworkIsHostdev(text, size))
        CHECK(fuzzCount(text, size, forwards) > 0);
    return 0;
}
