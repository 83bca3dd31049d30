/*
 * qemu_validate.c: what a document may ask of ballooning, and what neither libvirt nor QEMU can do
 *
 * QEMU's property 'x-balloon-allowed' exists for devices of type vfio-pci and is taken only where
 * the device is a mediated one and QEMU has opened it itself (3.1 to 11.1, vfio_pci_realize()); it
 * is refused otherwise, and the guest would not start.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qemu_validate.h"

#include <string.h>

#include "qemu_inhibitor.h"
#include "qemu_message.h"
#include "vberror.h"
#include "vbxml.h"

#define QEMU_VALIDATE_POLICIES "'block', 'warn', 'ignore', 'redirect' or 'default'"

static void
qemuValidateReportValue(const char *value, const char *attribute, const char *element,
                        const char *expected, GError **error)
{
    g_autofree char *shown = qemuMessageFormatName(value);

    g_set_error(error, VB_ERROR, VB_ERROR_XML,
                "invalid value '%s' of attribute '%s' in element '%s': expected %s", shown,
                attribute, element, expected);
}

/* "device of type 'usb'", with alias and address where it has them. */
static char *
qemuValidateFormatHostdev(const vbDomainHostdevDef *hostdev)
{
    g_autofree char *type = qemuMessageFormatName(hostdev->typeName ? hostdev->typeName : "");
    GString *text = g_string_new(NULL);

    switch (hostdev->type) {
    case VB_DOMAIN_HOSTDEV_MDEV:
        g_string_append(text, "mediated device");
        break;
    case VB_DOMAIN_HOSTDEV_PCI:
        g_string_append(text, "assigned PCI device");
        break;
    case VB_DOMAIN_HOSTDEV_VDPA:
    case VB_DOMAIN_HOSTDEV_OTHER:
    default:
        g_string_append_printf(text, "host device of type '%s'", type);
        break;
    }
    qemuMessageAppendPlace(text, hostdev->alias, hostdev->address);
    return g_string_free(text, FALSE);
}

static bool
qemuValidateIsMediated(const vbDomainHostdevDef *hostdev)
{
    return hostdev->type == VB_DOMAIN_HOSTDEV_MDEV &&
        hostdev->model == VB_DOMAIN_MDEV_MODEL_VFIO_PCI;
}

/* An override that hands QEMU the open device: then QEMU cannot tell whether it is mediated. */
static const char *
qemuValidateFindPassedFd(const vbDomainDef *def, const vbDomainHostdevDef *hostdev)
{
    static const char *const names[] = { "fd", "iommufd" };

    if (hostdev->iommufd)
        return "iommufd";
    for (size_t i = 0; hostdev->alias && i < G_N_ELEMENTS(names); i++) {
        const vbDomainOverrideDef *override =
            vbDomainDefFindOverride(def, hostdev->alias, names[i]);

        if (override && g_strcmp0(override->type, "remove") != 0)
            return names[i];
    }
    return NULL;
}

bool
qemuValidateCanBeOptedOut(const vbDomainDef *def, const vbDomainHostdevDef *hostdev)
{
    return qemuValidateIsMediated(hostdev) && !qemuValidateFindPassedFd(def, hostdev);
}

static bool
qemuValidateOptOut(const vbDomainDef *def, const vbDomainHostdevDef *hostdev, GError **error)
{
    g_autofree char *device = qemuValidateFormatHostdev(hostdev);
    const char *passed = qemuValidateFindPassedFd(def, hostdev);

    if (hostdev->type == VB_DOMAIN_HOSTDEV_MDEV &&
        (hostdev->model == VB_DOMAIN_MDEV_MODEL_VFIO_CCW ||
         hostdev->model == VB_DOMAIN_MDEV_MODEL_VFIO_AP)) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "ballooning='on' for %s: a device of model '%s' never inhibits ballooning; "
                    "remove the attribute", device, hostdev->modelName);
        return false;
    }
    if (!qemuValidateIsMediated(hostdev)) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "ballooning='on' for %s: QEMU can only let a mediated device (type='mdev') of "
                    "model 'vfio-pci' be compatible with ballooning; remove the attribute", device);
        return false;
    }
    if (passed) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "ballooning='on' for %s: QEMU refuses it for a device that comes by '%s', "
                    "since it cannot tell then whether it is a mediated one; remove one of the "
                    "two", device, passed);
        return false;
    }
    return true;
}

static bool
qemuValidateHostdev(const vbDomainDef *def, const vbDomainHostdevDef *hostdev, GError **error)
{
    const vbDomainOverrideDef *override =
        vbDomainDefFindOverride(def, hostdev->place ? hostdev->place : hostdev->alias,
                                VB_DOMAIN_OPT_OUT_PROPERTY);

    switch (hostdev->ballooning) {
    case VB_DOMAIN_BALLOONING_INVALID:
        qemuValidateReportValue(hostdev->ballooningText, "ballooning",
                                hostdev->isInterface ? "interface" : "hostdev", "'on' or 'off'",
                                error);
        return false;
    case VB_DOMAIN_BALLOONING_ON:
        if (!qemuValidateOptOut(def, hostdev, error))
            return false;
        break;
    case VB_DOMAIN_BALLOONING_ABSENT:
    case VB_DOMAIN_BALLOONING_OFF:
    default:
        break;
    }

    /* 'off' takes it away, but not from an interface, which has no such attribute. */
    if ((hostdev->ballooning != VB_DOMAIN_BALLOONING_OFF || hostdev->isInterface) && override &&
        g_strcmp0(override->value, "true") == 0 && !qemuValidateIsMediated(hostdev)) {
        g_autofree char *device = qemuValidateFormatHostdev(hostdev);

        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "override of property '%s' for %s: QEMU only takes it for a mediated device "
                    "(type='mdev') of model 'vfio-pci', and the domain would not start; remove the "
                    "override", VB_DOMAIN_OPT_OUT_PROPERTY, device);
        return false;
    }
    return true;
}

bool
qemuValidateAttributes(const vbDomainDef *def, GError **error)
{
    if (def->policyElements > 1) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML,
                    "element 'metadata' has %u elements of namespace '%s', and libvirt would keep "
                    "the first one only", def->policyElements, VB_DOMAIN_POLICY_NAMESPACE);
        return false;
    }
    if (def->policyAttribute && vbDomainBalloonPolicyTypeFromString(def->policyAttribute) ==
        VB_DOMAIN_BALLOON_POLICY_INVALID) {
        qemuValidateReportValue(def->policyAttribute, "policy", "memballoon",
                                QEMU_VALIDATE_POLICIES, error);
        return false;
    }
    for (guint i = 0; i < def->hostdevs->len; i++) {
        if (!qemuValidateHostdev(def, g_ptr_array_index(def->hostdevs, i), error))
            return false;
    }
    return true;
}

bool
qemuValidateStoredPolicy(const vbDomainDef *def, GError **error)
{
    g_autofree char *shown = NULL;

    if (def->policy != VB_DOMAIN_BALLOON_POLICY_INVALID)
        return true;
    shown = qemuMessageFormatName(def->policyText);
    g_set_error(error, VB_ERROR, VB_ERROR_XML,
                "the stored policy '%s' is none and counts as 'block': expected %s", shown,
                QEMU_VALIDATE_POLICIES);
    return false;
}

bool
qemuValidateHasOptOut(const vbDomainDef *def)
{
    for (guint i = 0; i < def->hostdevs->len; i++) {
        const vbDomainHostdevDef *hostdev = g_ptr_array_index(def->hostdevs, i);

        if (hostdev->ballooning == VB_DOMAIN_BALLOONING_ON)
            return true;
    }
    return false;
}

bool
qemuValidateLibvirt(unsigned long long version, GError **error)
{
    if (version >= QEMU_VALIDATE_LIBVIRT_OVERRIDE)
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "ballooning='on' needs libvirt 8.2.0 or newer, and this one is %llu.%llu.%llu, "
                "which cannot override properties of devices; remove the attribute",
                version / 1000000, version / 1000 % 1000, version % 1000);
    return false;
}

bool
qemuValidateEmulator(const char *emulator, bool hasProperty, GError **error)
{
    g_autofree char *shown = qemuMessageFormatName(emulator);

    if (hasProperty)
        return true;
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "ballooning='on' is not supported by emulator '%s', whose devices of type "
                "'vfio-pci' have no property '%s'; remove the attribute", shown,
                VB_DOMAIN_OPT_OUT_PROPERTY);
    return false;
}

void
qemuValidateReportHotplug(const vbDomainDef *device, const char *name, GError **error)
{
    g_autofree char *hostdev = qemuValidateFormatHostdev(g_ptr_array_index(device->hostdevs, 0));
    g_autofree char *domain = qemuMessageFormatName(name);

    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "ballooning='on' for %s: libvirt cannot override properties of a device that is "
                "plugged into a running domain; attach it to domain '%s' with '--config' and start "
                "that again, or remove the attribute", hostdev, domain);
}

void
qemuValidateReportUnread(const vbDomainDef *device, GError **error)
{
    g_autofree char *hostdev = qemuValidateFormatHostdev(g_ptr_array_index(device->hostdevs, 0));

    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "ballooning='on' for %s: the device cannot be put into the domain's definition; "
                "write it without a namespace", hostdev);
}

void
qemuValidateReportPlaces(const vbDomainHostdevDef *hostdev, GError **error)
{
    g_autofree char *device = qemuValidateFormatHostdev(hostdev);

    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "ballooning='on' for %s: the domain overrides properties of devices by their "
                "places ('hostdev0'), which would change; give the devices aliases of your own "
                "('ua-...') and use those", device);
}

bool
qemuValidatePolicyElement(const char *element, size_t length, GError **error)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(element, length, NULL);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    const char *value = NULL;

    if (!root)
        return true;
    if (strcmp((const char *)root->name, "policy") != 0 ||
        !(value = vbXMLProp(root, "memballoon"))) {
        g_set_error(error, VB_ERROR, VB_ERROR_XML,
                    "metadata of namespace '%s' must be an element 'policy' with an attribute "
                    "'memballoon'", VB_DOMAIN_POLICY_NAMESPACE);
        return false;
    }
    if (vbDomainBalloonPolicyTypeFromString(value) == VB_DOMAIN_BALLOON_POLICY_INVALID) {
        qemuValidateReportValue(value, "memballoon", "policy", QEMU_VALIDATE_POLICIES, error);
        return false;
    }
    return true;
}
