// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mediated device for the tests of the nested VFIO host: a real one for the kernel, libvirt and
 * QEMU, with nothing behind it. It has a configuration space and neither memory nor interrupts;
 * guests see a PCI device that no driver takes.
 *
 * A device is made by writing a UUID to `create` in the directory of its type below
 * /sys/devices/vbmdev/mdev_supported_types.
 */

#include <linux/device.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci_regs.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#define VBMDEV_CONFIG_SIZE 256

/* Where a region's file offset says which region it is, as in vfio-pci. */
#define VBMDEV_REGION_SHIFT 40
#define VBMDEV_REGION_MASK ((1ULL << VBMDEV_REGION_SHIFT) - 1)

struct vbmdev {
    struct vfio_device vdev;
};

/* The vendor is the one that emulators use without having been given it; the class is "none". */
static const u8 vbmdev_config[VBMDEV_CONFIG_SIZE] = {
    [PCI_VENDOR_ID] = 0x34,
    [PCI_VENDOR_ID + 1] = 0x12,
    [PCI_DEVICE_ID] = 0x01,
    [PCI_CLASS_DEVICE + 1] = 0xff,
};

static bool vbmdev_in_config(loff_t position, size_t count)
{
    u64 offset = position & VBMDEV_REGION_MASK;

    return position >> VBMDEV_REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX &&
           offset <= VBMDEV_CONFIG_SIZE && count <= VBMDEV_CONFIG_SIZE - offset;
}

static ssize_t vbmdev_read(struct vfio_device *vdev, char __user *buffer, size_t count,
                           loff_t *position)
{
    if (!vbmdev_in_config(*position, count))
        return -EINVAL;
    if (copy_to_user(buffer, vbmdev_config + (*position & VBMDEV_REGION_MASK), count))
        return -EFAULT;
    *position += count;
    return count;
}

/* Every register is read-only. */
static ssize_t vbmdev_write(struct vfio_device *vdev, const char __user *buffer, size_t count,
                            loff_t *position)
{
    if (!vbmdev_in_config(*position, count))
        return -EINVAL;
    *position += count;
    return count;
}

static long vbmdev_get_info(void __user *argument)
{
    const size_t size = offsetofend(struct vfio_device_info, num_irqs);
    struct vfio_device_info info;

    if (copy_from_user(&info, argument, size))
        return -EFAULT;
    if (info.argsz < size)
        return -EINVAL;
    info.flags = VFIO_DEVICE_FLAGS_PCI;
    info.num_regions = VFIO_PCI_NUM_REGIONS;
    info.num_irqs = VFIO_PCI_NUM_IRQS;
    return copy_to_user(argument, &info, size) ? -EFAULT : 0;
}

static long vbmdev_get_region_info(void __user *argument)
{
    const size_t size = offsetofend(struct vfio_region_info, offset);
    struct vfio_region_info info;

    if (copy_from_user(&info, argument, size))
        return -EFAULT;
    if (info.argsz < size || info.index >= VFIO_PCI_NUM_REGIONS)
        return -EINVAL;
    info.flags = 0;
    info.cap_offset = 0;
    info.size = 0;
    info.offset = (u64)info.index << VBMDEV_REGION_SHIFT;
    if (info.index == VFIO_PCI_CONFIG_REGION_INDEX) {
        info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
        info.size = VBMDEV_CONFIG_SIZE;
    }
    return copy_to_user(argument, &info, size) ? -EFAULT : 0;
}

static long vbmdev_get_irq_info(void __user *argument)
{
    const size_t size = offsetofend(struct vfio_irq_info, count);
    struct vfio_irq_info info;

    if (copy_from_user(&info, argument, size))
        return -EFAULT;
    if (info.argsz < size || info.index >= VFIO_PCI_NUM_IRQS)
        return -EINVAL;
    info.flags = 0;
    info.count = 0;
    return copy_to_user(argument, &info, size) ? -EFAULT : 0;
}

static long vbmdev_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long argument)
{
    switch (command) {
    case VFIO_DEVICE_GET_INFO:
        return vbmdev_get_info((void __user *)argument);
    case VFIO_DEVICE_GET_REGION_INFO:
        return vbmdev_get_region_info((void __user *)argument);
    case VFIO_DEVICE_GET_IRQ_INFO:
        return vbmdev_get_irq_info((void __user *)argument);
    default:
        return -ENOTTY;
    }
}

static const struct vfio_device_ops vbmdev_ops = {
    .name = "vbmdev",
    .release = vfio_free_device,
    .read = vbmdev_read,
    .write = vbmdev_write,
    .ioctl = vbmdev_ioctl,
};

static int vbmdev_probe(struct mdev_device *mdev)
{
    struct vbmdev *device = vfio_alloc_device(vbmdev, vdev, &mdev->dev, &vbmdev_ops);
    int status;

    if (IS_ERR(device))
        return PTR_ERR(device);
    status = vfio_register_emulated_iommu_dev(&device->vdev);
    if (status) {
        vfio_put_device(&device->vdev);
        return status;
    }
    dev_set_drvdata(&mdev->dev, device);
    return 0;
}

static void vbmdev_remove(struct mdev_device *mdev)
{
    struct vbmdev *device = dev_get_drvdata(&mdev->dev);

    vfio_unregister_group_dev(&device->vdev);
    vfio_put_device(&device->vdev);
}

static struct mdev_driver vbmdev_driver = {
    .device_api = VFIO_DEVICE_API_PCI_STRING,
    .max_instances = 16,
    .probe = vbmdev_probe,
    .remove = vbmdev_remove,
    .driver = {
        .name = "vbmdev",
        .owner = THIS_MODULE,
        .mod_name = KBUILD_MODNAME,
    },
};

static struct mdev_type vbmdev_type = {
    .sysfs_name = "config",
    .pretty_name = "configuration space only",
};
static struct mdev_type *vbmdev_types[] = { &vbmdev_type };
static struct mdev_parent vbmdev_parent;
static struct device *vbmdev_root;

static int __init vbmdev_init(void)
{
    int status = mdev_register_driver(&vbmdev_driver);

    if (status)
        return status;
    vbmdev_root = root_device_register("vbmdev");
    if (IS_ERR(vbmdev_root)) {
        status = PTR_ERR(vbmdev_root);
        goto no_root;
    }
    status = mdev_register_parent(&vbmdev_parent, vbmdev_root, &vbmdev_driver, vbmdev_types,
                                  ARRAY_SIZE(vbmdev_types));
    if (status)
        goto no_parent;
    return 0;

no_parent:
    root_device_unregister(vbmdev_root);
no_root:
    mdev_unregister_driver(&vbmdev_driver);
    return status;
}

static void __exit vbmdev_exit(void)
{
    mdev_unregister_parent(&vbmdev_parent);
    root_device_unregister(vbmdev_root);
    mdev_unregister_driver(&vbmdev_driver);
}

module_init(vbmdev_init);
module_exit(vbmdev_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mediated device with nothing behind it, for tests");
