/*
 * qemu_redirect.c: a size for the whole guest, reached with its virtio-mem devices
 *
 * QEMU coordinates what virtio-mem discards with VFIO (since 6.1), so it gives memory back to the
 * host where the balloon only takes it from the guest.  The balloon holds boot memory and DIMMs,
 * the devices hold the rest: so the devices get what a size is above all that the balloon can hold,
 * and the balloon is only used below that.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_redirect.h"

#include "domain_memory.h"

/* Devices that are resized; libvirt has 256 slots at most, and a guest a few nodes. */
#define QEMU_REDIRECT_DEVICES_MAX 256
/* What Linux backs with one huge page, and QEMU with one block by default. */
#define QEMU_REDIRECT_BLOCK 2048ULL
/* Blocks of all suggested devices: VFIO maps each of them on its own, takes 65535 mappings
 * (dma_entry_limit), and needs some of them for other memory. */
#define QEMU_REDIRECT_BLOCKS_MAX 32768
/* Of a suggested guest at least this part is boot memory: Linux keeps its own data out of memory
 * that can be unplugged. */
#define QEMU_REDIRECT_BOOT_PART 4

/* One device's part. */
typedef struct {
    const vbDomainMemoryDef *memory;
    guint place;
    unsigned long long size; /* what it can have, in whole blocks */
    unsigned long long part;
    unsigned long long lost; /* of its part, by whole blocks */
} qemuRedirectShare;

static void
qemuRedirectChangeFree(qemuRedirectChange *change)
{
    g_free(change->device);
    g_free(change->xml);
    g_free(change->back);
    g_free(change);
}

qemuRedirectPlan *
qemuRedirectPlanNew(void)
{
    qemuRedirectPlan *plan = g_new0(qemuRedirectPlan, 1);

    plan->changes = g_ptr_array_new_with_free_func((GDestroyNotify)qemuRedirectChangeFree);
    return plan;
}

void
qemuRedirectPlanFree(qemuRedirectPlan *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->changes);
    g_free(plan);
}

/* The running guest's device is found by its alias, which libvirt always shows. */
static bool
qemuRedirectIsUsable(const vbDomainDef *def, const vbDomainMemoryDef *memory)
{
    g_autofree char *xml = vbDomainMemoryDefFormat(memory, 0);

    return xml && memory->block > 0 && memory->size >= memory->block &&
        (memory->alias || def->id < 0);
}

bool
qemuRedirectIsPossible(const vbDomainDef *def)
{
    guint count = 0;

    for (guint i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *memory = g_ptr_array_index(def->memories, i);

        if (memory->model != VB_DOMAIN_MEMORY_VIRTIO_MEM)
            continue;
        if (++count > QEMU_REDIRECT_DEVICES_MAX || !qemuRedirectIsUsable(def, memory))
            return false;
    }
    return count > 0;
}

/* The devices, with nothing for any of them yet. @total: (out): what all can have */
static GArray *
qemuRedirectListShares(const vbDomainDef *def, unsigned long long *total)
{
    GArray *shares = g_array_new(FALSE, TRUE, sizeof(qemuRedirectShare));

    *total = 0;
    for (guint i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *memory = g_ptr_array_index(def->memories, i);
        qemuRedirectShare share = { .memory = memory, .place = i };

        if (memory->model != VB_DOMAIN_MEMORY_VIRTIO_MEM || memory->block == 0)
            continue;
        share.size = memory->size - memory->size % memory->block;
        *total += share.size;
        g_array_append_val(shares, share);
    }
    return shares;
}

unsigned long long
qemuRedirectGetMaximum(const vbDomainDef *def)
{
    unsigned long long total;

    g_array_unref(qemuRedirectListShares(def, &total));
    return vbDomainDefGetBalloonMaximum(def) + total;
}

bool
qemuRedirectFindReach(const vbDomainDef *def, bool inhibited, qemuRedirectReach *reach)
{
    unsigned long long balloon = vbDomainDefGetBalloonCurrent(def);

    if (!qemuRedirectIsPossible(def))
        return false;
    reach->minimum = inhibited ? balloon : 0;
    reach->maximum = qemuRedirectGetMaximum(def);
    reach->target = reach->current = balloon;
    for (guint i = 0; i < def->memories->len; i++) {
        const vbDomainMemoryDef *memory = g_ptr_array_index(def->memories, i);

        reach->target += memory->requested;
        reach->current += memory->current;
    }
    return true;
}

unsigned long long
qemuRedirectGetBalloon(const vbDomainDef *def, unsigned long long memory)
{
    return MIN(memory, vbDomainDefGetBalloonMaximum(def));
}

/* @a * @b / @c, rounded down, of sizes below VB_XML_SIZE_LIMIT: their product has 106 bits. */
static unsigned long long
qemuRedirectMultiply(unsigned long long a, unsigned long long b, unsigned long long c)
{
    unsigned long long quotient = a / c * b;
    unsigned long long rest = 0;
    unsigned long long fraction = 0;

    a %= c;
    for (int bit = 63; bit >= 0; bit--) {
        fraction <<= 1;
        rest <<= 1;
        if (b >> bit & 1)
            rest += a;
        fraction += rest / c;
        rest %= c;
    }
    return quotient + fraction;
}

/* Who lost most by whole blocks comes first. */
static int
qemuRedirectCompare(gconstpointer a, gconstpointer b)
{
    const qemuRedirectShare *left = a;
    const qemuRedirectShare *right = b;

    if (left->lost != right->lost)
        return left->lost > right->lost ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

static int
qemuRedirectComparePlaces(gconstpointer a, gconstpointer b)
{
    const qemuRedirectShare *left = a;
    const qemuRedirectShare *right = b;

    return left->place < right->place ? -1 : left->place > right->place;
}

/* Shares @wanted out, which is not more than @total. */
static void
qemuRedirectShareOut(GArray *shares, unsigned long long wanted, unsigned long long total)
{
    unsigned long long shared = 0;

    for (guint i = 0; i < shares->len; i++) {
        qemuRedirectShare *share = &g_array_index(shares, qemuRedirectShare, i);

        share->part = total > 0 ? qemuRedirectMultiply(wanted, share->size, total) : 0;
        share->lost = share->part % share->memory->block;
        share->part -= share->lost;
        shared += share->part;
    }
    /* One more block for each would be more than is wanted, so that this ends before they do. */
    g_array_sort(shares, qemuRedirectCompare);
    for (guint i = 0; i < shares->len && shared < wanted; i++) {
        qemuRedirectShare *share = &g_array_index(shares, qemuRedirectShare, i);
        unsigned long long more = MIN(share->memory->block, share->size - share->part);

        share->part += more;
        shared += more;
    }
    g_array_sort(shares, qemuRedirectComparePlaces);
}

static void
qemuRedirectAddDevice(const qemuRedirectShare *share, unsigned int flags, GPtrArray *changes)
{
    qemuRedirectChange *change;

    if (share->part == share->memory->requested)
        return;
    change = g_new0(qemuRedirectChange, 1);
    change->device = share->memory->alias ? g_strdup(share->memory->alias) :
        g_strdup_printf("%u", share->place);
    change->xml = vbDomainMemoryDefFormat(share->memory, share->part);
    change->back = vbDomainMemoryDefFormat(share->memory, share->memory->requested);
    change->flags = flags;
    change->size = share->part;
    change->before = share->memory->requested;
    g_ptr_array_add(changes, change);
}

void
qemuRedirectAddDevices(const vbDomainDef *def, unsigned long long memory, unsigned int flags,
                       GPtrArray *changes)
{
    unsigned long long total;
    g_autoptr(GArray) shares = qemuRedirectListShares(def, &total);
    unsigned long long wanted = memory - qemuRedirectGetBalloon(def, memory);

    qemuRedirectShareOut(shares, MIN(wanted, total), total);
    for (guint i = 0; i < shares->len; i++)
        qemuRedirectAddDevice(&g_array_index(shares, qemuRedirectShare, i), flags, changes);
}

void
qemuRedirectAddBalloon(const vbDomainDef *def, unsigned long long memory, unsigned int flags,
                       GPtrArray *changes)
{
    qemuRedirectChange *change = g_new0(qemuRedirectChange, 1);

    change->flags = flags;
    change->size = memory;
    change->before = vbDomainDefGetBalloonCurrent(def);
    g_ptr_array_add(changes, change);
}

char *
qemuRedirectFormatSuggestion(const vbDomainDef *def, unsigned long long memory)
{
    guint nodes = MAX(def->cells, 1);
    unsigned long long whole = vbDomainDefGetBalloonMaximum(def);
    unsigned long long boot = MAX(memory, whole / QEMU_REDIRECT_BOOT_PART);
    unsigned long long block = QEMU_REDIRECT_BLOCK;
    unsigned long long size = (whole - MIN(boot, whole) + nodes - 1) / nodes;
    GString *text = g_string_new(NULL);

    while (size / block > MAX(QEMU_REDIRECT_BLOCKS_MAX / nodes, 1))
        block *= 2;
    size = MAX((size + block - 1) / block, 1) * block;
    g_string_append_printf(text, "<maxMemory slots='%u' unit='KiB'>%llu</maxMemory>, ",
                           MAX((guint)def->maxMemorySlots, nodes),
                           MAX(def->maxMemory, def->memory));
    if (def->cells == 0)
        g_string_append_printf(text, "<cpu><numa><cell id='0' memory='%llu' unit='KiB'/></numa>"
                               "</cpu>", whole - MIN(size, whole));
    else
        g_string_append_printf(text, "%llu KiB less in %s <cell>", size,
                               nodes > 1 ? "each" : "the");
    g_string_append_printf(text, " and <memory model='virtio-mem'><target><size unit='KiB'>%llu"
                           "</size><node>0</node><block unit='KiB'>%llu</block><requested "
                           "unit='KiB'>%llu</requested></target></memory>", size, block, size);
    if (nodes > 1)
        g_string_append_printf(text, ", and the same for each other <node> up to %u", nodes - 1);
    return g_string_free(text, FALSE);
}
