"""setmem under policy 'redirect', of a Linux guest that has a real VFIO device and two virtio-mem
devices on two NUMA nodes: what is asked for is what the guest has then, and what it gives up the
host gets. One guest runs through it all, in the order of this file.
"""

import re
import time

import host
import libvirt
import pytest

MIB = 1024
BOOT, ALL = 256, 512  # MiB without and with the virtio-mem devices
CONSOLE = host.WORK / "linux2-console.log"
BOOT_SECONDS = 1200
REACTION_SECONDS = 180
# What QEMU itself takes and gives meanwhile, beside a block of 2 MiB that a size may be above.
NOISE = 4 * MIB


def reports():
    """What the guest has said about its MemTotal so far, in KiB."""
    return [int(total) for total in re.findall(
        r"guest: (?:ready|memory) MemTotal=(\d+) MemFree=\d+", CONSOLE.read_text(errors="replace"))]


def guest_memory():
    """MemTotal of the guest in KiB by a report that was not there yet when this was called."""
    seen = len(reports())
    return host.wait_until(lambda: reports()[seen + 1:], REACTION_SECONDS, "a new report")[-1]


def used(name, uri=host.DIRECT):
    """What dominfo says that the guest has, in KiB."""
    return int(re.search(r"Used memory: +(\d+) KiB", host.checked_virsh("dominfo", name,
                                                                         uri=uri))[1])


def requested(name):
    """What is requested of each virtio-mem device, in MiB."""
    return [int(size) // MIB for size in re.findall(
        r"<requested unit='KiB'>(\d+)<", host.checked_virsh("dumpxml", name))]


def tell(name, what):
    """Prints a line of the table in which the run shows its figures; returns the last two."""
    memory, qemu = guest_memory(), host.resident(name)
    print(f"{what:34} dominfo {used(name):7} KiB  MemTotal {memory:7} kB  RSS {qemu:7} kB")
    return memory, qemu


def setmem(name, size, uri):
    """setmem without any option, and the guest's answer to it."""
    host.checked_virsh("setmem", name, f"{size}M", uri=uri)
    host.wait_until(lambda: used(name) == size * MIB, REACTION_SECONDS, f"{size} MiB in dominfo")


def refused(name, size, uri, *options):
    """The words with which a size is refused; nothing changes."""
    before = requested(name), used(name)
    result = host.virsh("setmem", name, size, *options, uri=uri)
    assert result.status == 1, result
    assert (requested(name), used(name)) == before
    return result.err


@pytest.fixture(scope="module")
def linux_guest():
    """256 MiB of boot memory and two virtio-mem devices of 128 MiB, all of it touched."""
    with host.guests() as define:
        name = define("linux2", hostdevs=[host.spare_devices()[2]], policy="redirect",
                      virtio_mem=[(128, 128), (128, 128)], console=CONSOLE)
        host.checked_virsh("start", name)
        host.wait_until(reports, BOOT_SECONDS, "the guest's first report")
        yield name


def test_a_controller_that_sets_the_memory_every_second_gets_there(linux_guest, through):
    """As MOM does; the host has what it thinks that it has. First of all, as long as the guest has
    touched everything."""
    domain = through.lookupByName(linux_guest)
    _, before = tell(linux_guest, "as it started")

    def control(sizes):
        for size in sizes:
            domain.setMemory(size * MIB)
            time.sleep(1)
        host.wait_until(lambda: domain.info()[2] == sizes[-1] * MIB, REACTION_SECONDS,
                        f"{sizes[-1]} MiB")

    for sizes in ([*range(ALL, 440, -10), 440], [*range(440, 360, -10), 360]):
        control(sizes)
        _, now = tell(linux_guest, f"a controller came to {sizes[-1]}M")
        assert abs(before - now - (ALL - sizes[-1]) * MIB) < NOISE
    control([*range(360, 480, 30), *range(480, 300, -45), 420, 300, 460, 460, ALL])
    tell(linux_guest, f"and after some to and fro to {ALL}M")


def test_down_and_up_the_guest_has_what_was_asked_for(linux_guest, through_uri):
    with host.balloon_commands(linux_guest) as sizes:
        memory, qemu = tell(linux_guest, "before")
        setmem(linux_guest, 384, through_uri)
        assert requested(linux_guest) == [64, 64]
        less, freed = tell(linux_guest, "virtballoond: setmem 384M")
        assert less < memory - 120 * MIB
        setmem(linux_guest, BOOT, through_uri)
        assert requested(linux_guest) == [0, 0]
        least, freed = tell(linux_guest, "virtballoond: setmem 256M")
        assert least < memory - 248 * MIB
        assert freed < qemu - 200 * MIB
        setmem(linux_guest, ALL, through_uri)
        memory, _ = tell(linux_guest, "virtballoond: setmem 512M")
        assert memory > least + 248 * MIB
    assert sizes == [BOOT] * 3


def test_every_refusal_leaves_the_guest_as_it_is(linux_guest, through_uri):
    text = refused(linux_guest, f"{BOOT - 1}M", through_uri)
    assert "hostdev0" in text and f"can be brought down to {BOOT * MIB} KiB" in text
    assert "cannot set memory higher than max memory" in refused(linux_guest, "513M", through_uri)
    assert "must not be zero" in refused(linux_guest, "0", through_uri)
    assert "read only access" in refused(linux_guest, "300M", through_uri.replace(
        "-sock", "-sock-ro"))
    text = refused(linux_guest, f"{BOOT - 1}M", through_uri, "--config")
    assert "for its next start: ballooning will be inhibited" in text
    refused(linux_guest, f"{BOOT - 1}M", through_uri, "--live", "--config")
    # Stock libvirt leaves virtio-mem out of account, and takes no such size.
    assert "cannot set memory higher than max memory" in refused(linux_guest, "384M", host.DIRECT)


def test_stock_libvirt_takes_memory_from_the_guest_and_frees_nothing(linux_guest, through_uri):
    memory, qemu = tell(linux_guest, "before")
    host.checked_virsh("setmem", linux_guest, "160M")
    host.wait_until(lambda: used(linux_guest) == (160 + 256) * MIB, REACTION_SECONDS, "the balloon")
    less, same = tell(linux_guest, "stock libvirt: setmem 160M")
    assert less < memory - 90 * MIB
    assert same > qemu - 8 * MIB

    # What it gave up for nothing is given back before anything else is taken.
    with host.balloon_commands(linux_guest) as sizes:
        setmem(linux_guest, 384, through_uri)
    assert sizes == [BOOT, BOOT]
    memory, _ = tell(linux_guest, "virtballoond: setmem 384M")
    assert less - 40 * MIB < memory < less + 8 * MIB


def test_the_state_says_what_is_reachable(linux_guest, through_uri):
    reach = f"from {BOOT * MIB} to {ALL * MIB} KiB are reached by resizing virtio-mem devices"
    assert reach in host.checked_virsh("dominfo", linux_guest, uri=through_uri)
    stats = host.checked_virsh("domstats", "--balloon", linux_guest, uri=through_uri)
    assert f"balloon.redirect.minimum={BOOT * MIB}" in stats
    assert f"balloon.redirect.target={384 * MIB}" in stats
    assert reach in " ".join(host.virt_balloon("explain", linux_guest).out.split())


def test_what_a_size_means_does_not_change_when_the_device_is_unplugged(linux_guest, through_uri):
    device = host.WORK / "linux2-hostdev.xml"
    device.write_text(host.hostdev_xml(host.spare_devices()[2]))
    host.checked_virsh("detach-device", linux_guest, str(device), "--live", uri=through_uri)
    host.wait_until(lambda: "<hostdev" not in host.checked_virsh("dumpxml", linux_guest),
                    REACTION_SECONDS, "the unplugged device")
    tell(linux_guest, "the device is gone")
    setmem(linux_guest, 300, through_uri)
    assert requested(linux_guest) == [22, 22]
    _, before = tell(linux_guest, "virtballoond: setmem 300M")
    setmem(linux_guest, 192, through_uri)
    assert requested(linux_guest) == [0, 0]
    _, after = tell(linux_guest, "virtballoond: setmem 192M")
    assert after < before - 48 * MIB
    setmem(linux_guest, 384, through_uri)
    tell(linux_guest, "virtballoond: setmem 384M")


def test_the_next_start_is_sized_alike(linux_guest, through):
    domain = through.lookupByName(linux_guest)
    domain.setMemoryFlags(320 * MIB, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    inactive = host.checked_virsh("dumpxml", linux_guest, "--inactive")
    assert re.findall(r"<requested unit='KiB'>(\d+)<", inactive) == [str(32 * MIB)] * 2
    assert f"<currentMemory unit='KiB'>{BOOT * MIB}<" in inactive
