"""What setmem does to the memory of a Linux guest that has a real VFIO device and answers its
balloon: nothing is freed before virtballoond, and all that virtballoond knows is checked against
a balloon that moves. One guest runs through it all, in the order of this file: booting it takes
about a minute on an idle machine.
"""

import re

import host
import pytest

MIB = 1024
CONSOLE = host.WORK / "linux1-console.log"
BOOT_SECONDS = 900
REACTION_SECONDS = 120


def reports():
    """What the guest has said about its MemTotal so far, in KiB."""
    return [int(total) for total in re.findall(
        r"guest: (?:ready|memory) MemTotal=(\d+) MemFree=\d+", CONSOLE.read_text(errors="replace"))]


def guest_memory():
    """MemTotal of the guest in KiB by a report that was not there yet when this was called."""
    seen = len(reports())
    return host.wait_until(lambda: reports()[seen + 1:], REACTION_SECONDS, "a new report")[-1]


def plugged(name):
    """How much of the guest's virtio-mem device is plugged, in KiB, by the live XML."""
    return host.live_size(name, "devices/memory/target/current")


def current_memory(name):
    """The guest's currentMemory in KiB, by the live XML."""
    return host.live_size(name, "currentMemory")


@pytest.fixture(scope="module")
def linux_guest():
    """256 MiB for the balloon, 128 of 256 MiB of virtio-mem plugged, all of it touched."""
    with host.guests() as define:
        name = define("linux1", hostdevs=[host.spare_devices()[3]], virtio_mem=[(256, 128)],
                      console=CONSOLE)
        host.checked_virsh("start", name)
        host.wait_until(reports, BOOT_SECONDS, "the guest's first report")
        yield name


def setmem_and_wait(name, size, uri):
    """setmem that is accepted, and the guest's answer to it."""
    host.checked_virsh("setmem", name, f"{size}M", "--live", uri=uri)
    host.wait_until(lambda: current_memory(name) == size * MIB + plugged(name),
                    REACTION_SECONDS, f"the balloon at {size} MiB")


def test_half_plugged_virtio_mem_is_not_mistaken_for_the_balloons_memory(linux_guest, through_uri):
    assert plugged(linux_guest) == 128 * MIB
    assert current_memory(linux_guest) == 384 * MIB
    setmem_and_wait(linux_guest, 256, through_uri)
    result = host.virsh("setmem", linux_guest, "255M", "--live", uri=through_uri)
    assert result.status == 1
    assert "hostdev0" in result.err


def test_a_refused_setmem_takes_nothing_from_the_guest(linux_guest, through_uri):
    before = guest_memory()
    assert host.virsh("setmem", linux_guest, "128M", "--live", uri=through_uri).status == 1
    assert [guest_memory(), guest_memory()] == [before, before]


def test_the_command_that_the_refusal_names_gives_memory_back(linux_guest, through_uri):
    before = host.resident(linux_guest)
    refused = host.virsh("setmem", linux_guest, "128M", "--live", uri=through_uri)
    command = re.search(r"'virsh (update-memory-device .*?)'", refused.err)[1]
    assert linux_guest in command and "ua-vm0" in command
    host.checked_virsh(*command.split(), uri=through_uri)
    host.wait_until(lambda: plugged(linux_guest) == 0, REACTION_SECONDS, "the unplugged memory")
    assert host.resident(linux_guest) < before - 100 * MIB


def test_stock_libvirt_takes_memory_from_the_guest_and_frees_nothing(linux_guest, direct_uri):
    setmem_and_wait(linux_guest, 256, direct_uri)
    guest, qemu = guest_memory(), host.resident(linux_guest)
    setmem_and_wait(linux_guest, 160, direct_uri)
    host.wait_until(lambda: guest_memory() < guest - 80 * MIB, REACTION_SECONDS,
                    "a guest with less memory")
    assert host.resident(linux_guest) > qemu - 8 * MIB


def test_an_inflated_balloon_may_deflate_but_not_inflate_further(
        linux_guest, direct_uri, through_uri):
    setmem_and_wait(linux_guest, 160, direct_uri)
    assert host.virsh("setmem", linux_guest, "159M", "--live", uri=through_uri).status == 1
    setmem_and_wait(linux_guest, 160, through_uri)
    setmem_and_wait(linux_guest, 200, through_uri)
    assert host.virsh("setmem", linux_guest, "199M", "--live", uri=through_uri).status == 1
    setmem_and_wait(linux_guest, 256, through_uri)


def test_setmem_passes_and_frees_memory_once_the_device_is_unplugged(
        linux_guest, direct_uri, through_uri):
    setmem_and_wait(linux_guest, 256, direct_uri)
    device = host.WORK / "linux1-hostdev.xml"
    device.write_text(host.hostdev_xml(host.spare_devices()[3]))
    host.checked_virsh("detach-device", linux_guest, str(device), "--live", uri=through_uri)
    host.wait_until(lambda: "<hostdev" not in host.checked_virsh("dumpxml", linux_guest),
                    REACTION_SECONDS, "the unplugged device")
    before = host.resident(linux_guest)
    setmem_and_wait(linux_guest, 160, through_uri)
    assert host.resident(linux_guest) < before - 64 * MIB


def test_an_inflated_guest_that_asks_for_block_gets_its_device_once_deflated(
        linux_guest, through_uri):
    device = host.WORK / "linux1-hostdev.xml"
    address = host.spare_devices()[3]
    host.checked_virsh("metadata", linux_guest, host.POLICY_NAMESPACE, "--live", "--key", "balloon",
                       "--set", "<policy memballoon='block'/>", uri=through_uri)
    assert current_memory(linux_guest) == 160 * MIB

    refused = host.virsh("attach-device", linux_guest, str(device), "--live", uri=through_uri)
    assert refused.status == 1
    for words in ("cannot attach", address, f"'{linux_guest}'", f"{96 * MIB} KiB"):
        assert words in refused.err
    raw = host.virsh("qemu-monitor-command", linux_guest, '{"execute":"device_add","arguments":'
                     f'{{"driver":"vfio-pci","host":"{address}"}}}}', uri=through_uri)
    assert raw.status == 1 and "cannot attach" in raw.err
    assert "<hostdev" not in host.checked_virsh("dumpxml", linux_guest)

    command = re.search(r"'virsh (setmem .*?)'", refused.err)[1]
    host.checked_virsh(*command.split(), uri=through_uri)
    host.wait_until(lambda: current_memory(linux_guest) == 256 * MIB, REACTION_SECONDS,
                    "the deflated balloon")
    host.checked_virsh("attach-device", linux_guest, str(device), "--live", uri=through_uri)
    assert "<hostdev" in host.checked_virsh("dumpxml", linux_guest)
    assert host.virsh("setmem", linux_guest, "160M", "--live", uri=through_uri).status == 1


def test_verify_finds_out_that_a_device_keeps_the_memory(linux_guest):
    done = host.virt_balloon("verify", linux_guest, "--probe=16M")
    assert (done.status, done.err) == (1, "")
    assert f"domain '{linux_guest}': ballooning frees nothing" in done.out


def test_reclaim_frees_what_was_given_up_beside_a_device_that_has_gone(linux_guest, direct_uri):
    setmem_and_wait(linux_guest, 160, direct_uri)
    still = host.virt_balloon("reclaim", linux_guest)
    assert still.status == 1 and "ballooning is still inhibited by assigned PCI" in still.err
    device = host.WORK / "linux1-hostdev.xml"
    host.checked_virsh("detach-device", linux_guest, str(device), "--live")
    host.wait_until(lambda: "<hostdev" not in host.checked_virsh("dumpxml", linux_guest),
                    REACTION_SECONDS, "the unplugged device")
    before = host.resident(linux_guest)
    assert "'virt-balloon reclaim' frees it" in \
        " ".join(host.virt_balloon("explain", linux_guest).out.split())

    done = host.virt_balloon("reclaim", linux_guest, "--timeout=180")
    print(done.out, done.err)
    assert done.status == 0
    assert host.resident(linux_guest) < before - 64 * MIB
    assert current_memory(linux_guest) == 160 * MIB


def test_verify_gives_up_on_a_guest_that_has_no_memory_to_spare(linux_guest):
    """It goes to and fro above what is asked of it, and never gets there."""
    done = host.virt_balloon("verify", linux_guest, "--probe=32M", "--timeout=20")
    assert done.status == 1 and f"has not come nearer to {128 * MIB} KiB than " in done.err
    host.wait_until(lambda: current_memory(linux_guest) == 160 * MIB, REACTION_SECONDS,
                    "the balloon as it was")
