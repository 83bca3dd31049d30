"""`<hostdev ballooning=...>` on real mediated devices: what QEMU is started with, which setmem is
refused, and what happens to the memory of guests that answer their balloon.

Two Linux guests boot while the other tests run, and are looked at in the end. Nothing runs in the
guests before those.
"""

import re

import host
import pytest

MIB = 1024
BOOT_SECONDS = 900
REACTION_SECONDS = 120
PROPERTY = "x-balloon-allowed"
UNSUPPORTED = "error: unsupported configuration: "
OPTED_OUT, ORDINARY = "mdev-on", "mdev-plain"


def console(name):
    """The file with what a Linux guest says."""
    return host.WORK / f"{name}-console.log"


@pytest.fixture(scope="module", name="mdevs")
def four_mdevs():
    """The UUIDs of four mediated devices. Two belong to the Linux guests."""
    with host.mdevs(4) as names:
        yield names


@pytest.fixture(scope="module", autouse=True)
def linux_guests(mdevs, through_uri):
    """A guest with a mediated device that is opted out and one with a device that is not."""
    with host.guests() as define:
        for name, device in ((OPTED_OUT, host.mdev_xml(mdevs[0], ballooning="on")),
                             (ORDINARY, host.mdev_xml(mdevs[1]))):
            define(name, uri=through_uri, devices=[device], console=console(name))
            host.checked_virsh("start", name, uri=through_uri)
        yield


@pytest.fixture
def start(define, through_uri):
    """Defines a guest with these devices, given as XML, through virtballoond and starts it."""
    def define_and_start(name, *devices, **parts):
        return host.start(define(name, uri=through_uri, devices=devices, **parts))

    return define_and_start


def vb_alias(mdev):
    """The alias that virtballoond gives to a device that is opted out."""
    return f"ua-vb-{mdev}"


def inactive(name):
    """What libvirt has stored of a guest."""
    return host.checked_virsh("dumpxml", name, "--inactive")


def restart(name):
    """Starts a guest anew."""
    host.checked_virsh("destroy", name)
    return host.start(name)


def attach(name, device, *where, uri):
    """attach-device of a device given as XML."""
    file = host.WORK / f"{name}-device.xml"
    file.write_text(device)
    return host.virsh("attach-device", name, str(file), *where, uri=uri)


def accepted(name, uri):
    """Whether a setmem is accepted and QEMU is told of it."""
    with host.balloon_commands(name) as sizes:
        result = host.virsh("setmem", name, "128M", "--live", uri=uri)
    assert (result.status, sizes) in ((0, [128]), (1, [])), result
    return result.status == 0


def refusal(name, uri):
    """How a setmem is refused of which QEMU hears nothing."""
    with host.balloon_commands(name) as sizes:
        result = host.virsh("setmem", name, "128M", "--live", uri=uri)
    assert (result.status, result.out.strip(), sizes) == (1, "", []), result
    assert result.err.startswith("error: Requested operation is not valid: ")
    assert f"'{name}'" in result.err
    return result.err


# What QEMU is started with

def test_the_attribute_is_a_property_on_the_command_line_and_in_qemu(mdevs):
    alias = vb_alias(mdevs[0])
    device = host.device_on_command_line(OPTED_OUT, alias)
    assert (device["driver"], device[PROPERTY]) == ("vfio-pci", True)
    assert device["sysfsdev"].endswith(mdevs[0])
    assert host.device_property(OPTED_OUT, alias, PROPERTY) is True


def test_without_the_attribute_qemu_is_told_nothing(mdevs):
    device = host.device_on_command_line(ORDINARY, "hostdev0")
    assert PROPERTY not in device
    assert device["sysfsdev"].endswith(mdevs[1])
    assert host.device_property(ORDINARY, "hostdev0", PROPERTY) is False


@pytest.mark.parametrize("options", [(), ("--inactive",)])
def test_the_attribute_is_shown_where_it_is_in_force(through_uri, options):
    shown = [re.findall(r"<hostdev [^>]* ballooning='(\w+)'",
                        host.checked_virsh("dumpxml", name, *options, uri=through_uri))
             for name in (OPTED_OUT, ORDINARY)]
    assert shown == [["on"], []]


# Several devices

def test_two_devices_that_are_both_opted_out_do_not_stand_in_the_way(mdevs, start, through_uri):
    guest = start("mdev2on", host.mdev_xml(mdevs[2].upper(), ballooning="on"),
                  host.mdev_xml(mdevs[3], ballooning="on", alias="ua-second"))
    for alias in vb_alias(mdevs[2]), "ua-second":
        assert host.device_on_command_line(guest, alias)[PROPERTY] is True
        assert host.device_property(guest, alias, PROPERTY) is True
    assert accepted(guest, through_uri)


def test_of_two_devices_only_the_one_that_is_not_opted_out_is_named(mdevs, start, through_uri):
    guest = start("mdev2one", host.mdev_xml(mdevs[2], ballooning="on"), host.mdev_xml(mdevs[3]))
    # libvirt counts only the devices that have no alias of the user's choice.
    assert [host.device_property(guest, alias, PROPERTY)
            for alias in (vb_alias(mdevs[2]), "hostdev0")] == [True, False]
    text = refusal(guest, through_uri)
    assert "hostdev0" in text and mdevs[3] in text
    assert mdevs[2] not in text


def test_beside_an_opted_out_device_only_the_pci_device_is_named(mdevs, start, through_uri):
    address = host.spare_devices()[0]
    guest = start("mdevpci", host.mdev_xml(mdevs[2], ballooning="on"), hostdevs=[address])
    assert host.device_property(guest, vb_alias(mdevs[2]), PROPERTY) is True
    text = refusal(guest, through_uri)
    assert "hostdev0" in text and address in text
    assert mdevs[2] not in text


def test_a_pci_device_cannot_be_opted_out(mdevs, through_uri):
    address = host.spare_devices()[0]
    file = host.WORK / "pci-on.xml"
    file.write_text(host.domain_xml("pci-on", devices=[
        host.hostdev_xml(address).replace("<hostdev ", "<hostdev ballooning='on' "),
        host.mdev_xml(mdevs[2])]))
    result = host.virsh("define", str(file), uri=through_uri)
    assert result.status == 1
    for words in UNSUPPORTED, "ballooning='on'", address:
        assert words in result.err
    assert host.virsh("domstate", "pci-on").status == 1


def test_an_opt_out_of_a_pci_device_that_would_keep_qemu_from_starting_is_refused(
        define, through_uri):
    device = host.hostdev_xml(host.spare_devices()[0]).replace(
        "<source>", "<alias name='ua-pci'/><source>")
    parts = {"devices": [device], "override": host.override_xml("ua-pci")}
    started = host.virsh("start", "--paused", define("pcioverride", **parts))
    assert started.status == 1
    assert "only potentially compatible with mdev devices" in started.err

    file = host.WORK / "pci-override.xml"
    file.write_text(host.domain_xml("pci-override", **parts))
    result = host.virsh("define", str(file), uri=through_uri)
    assert result.status == 1
    for words in UNSUPPORTED, PROPERTY, "ua-pci":
        assert words in result.err
    assert host.virsh("domstate", "pci-override").status == 1


# Taking it back

def test_off_leaves_nothing_behind_and_counts_from_the_next_start_on(mdevs, start, through_uri):
    guest = start("mdevoff", host.mdev_xml(mdevs[2], ballooning="on"))
    text = host.checked_virsh("dumpxml", guest, "--inactive", uri=through_uri)
    assert text.count("ballooning='on'") == 1
    file = host.WORK / "mdevoff.xml"
    file.write_text(text.replace("ballooning='on'", "ballooning='off'"))
    host.checked_virsh("define", str(file), uri=through_uri)
    for remainder in "ballooning", "override", "ua-vb-", PROPERTY:
        assert remainder not in inactive(guest)
    assert mdevs[2] in inactive(guest)

    assert accepted(guest, through_uri)
    restart(guest)
    assert host.device_property(guest, "hostdev0", PROPERTY) is False
    text = refusal(guest, through_uri)
    assert "hostdev0" in text and mdevs[2] in text


# Hot-plug

def test_on_is_refused_for_a_running_guest_and_accepted_for_its_next_start(
        mdevs, start, through_uri):
    guest = start("mdevplug", free_ports=1)
    opted_out = host.mdev_xml(mdevs[2], ballooning="on")
    for where in ("--live",), (), ("--live", "--config"):
        result = attach(guest, opted_out, *where, uri=through_uri)
        assert result.status == 1
        for words in UNSUPPORTED, "ballooning='on'", mdevs[2], f"'{guest}'", "--config":
            assert words in result.err
    for text in host.checked_virsh("dumpxml", guest), inactive(guest):
        assert "<hostdev" not in text
    assert accepted(guest, through_uri)

    assert attach(guest, host.mdev_xml(mdevs[2]), "--live", uri=through_uri).status == 0
    assert host.device_property(guest, "hostdev0", PROPERTY) is False
    assert mdevs[2] in refusal(guest, through_uri)

    assert attach(guest, opted_out, "--config", uri=through_uri).status == 0
    assert mdevs[2] in refusal(guest, through_uri)
    restart(guest)
    assert host.device_property(guest, vb_alias(mdevs[2]), PROPERTY) is True
    assert accepted(guest, through_uri)


# Without virtballoond

def test_what_is_stored_has_its_full_effect_without_virtballoond(
        mdevs, define, direct_uri, through_uri):
    guest = define("mdevdirect", uri=through_uri,
                   devices=[host.mdev_xml(mdevs[2], ballooning="on")])
    assert "ballooning" not in inactive(guest)
    host.checked_virsh("start", "--paused", guest, uri=direct_uri)
    assert host.device_property(guest, vb_alias(mdevs[2]), PROPERTY) is True
    assert accepted(guest, direct_uri)


def test_an_opt_out_that_is_written_in_the_stored_form_counts_and_is_shown(
        mdevs, define, through_uri):
    guest = host.start(define("mdevstored", devices=[host.mdev_xml(mdevs[2], alias="ua-own")],
                              override=host.override_xml("ua-own")))
    assert host.device_on_command_line(guest, "ua-own")[PROPERTY] is True
    assert accepted(guest, through_uri)
    assert "ballooning='on'" in host.checked_virsh("dumpxml", guest, uri=through_uri)


# Memory: the Linux guests

def reports(name):
    """What a guest has said about its MemTotal so far, in KiB."""
    return [int(total) for total in re.findall(r"guest: (?:ready|memory) MemTotal=(\d+)",
                                               console(name).read_text(errors="replace"))]


def guest_memory(name):
    """MemTotal of a guest in KiB by a report that was not there yet when this was called."""
    seen = len(reports(name))
    return host.wait_until(lambda: reports(name)[seen + 1:], REACTION_SECONDS, "a new report")[-1]


def setmem_and_wait(name, size, uri):
    """setmem that is accepted, and the guest's answer to it."""
    host.checked_virsh("setmem", name, f"{size}M", "--live", uri=uri)
    host.wait_until(lambda: host.live_size(name, "currentMemory") == size * MIB,
                    REACTION_SECONDS, f"the balloon at {size} MiB")


@pytest.fixture(scope="module")
def booted():
    """When both Linux guests have touched all their memory."""
    for name in OPTED_OUT, ORDINARY:
        host.wait_until(lambda guest=name: reports(guest), BOOT_SECONDS,
                        f"the first report of {name}")


@pytest.mark.usefixtures("booted")
def test_a_refused_setmem_takes_nothing_from_the_guest(mdevs, through_uri):
    guest, qemu = guest_memory(ORDINARY), host.resident(ORDINARY)
    text = refusal(ORDINARY, through_uri)
    assert "hostdev0" in text and mdevs[1] in text
    assert [guest_memory(ORDINARY), guest_memory(ORDINARY)] == [guest, guest]
    assert abs(host.resident(ORDINARY) - qemu) < 8 * MIB


@pytest.mark.usefixtures("booted")
def test_an_accepted_setmem_frees_memory_of_the_host(through_uri):
    guest, qemu = guest_memory(OPTED_OUT), host.resident(OPTED_OUT)
    setmem_and_wait(OPTED_OUT, 128, through_uri)
    assert host.resident(OPTED_OUT) < qemu - 100 * MIB
    assert guest_memory(OPTED_OUT) < guest - 100 * MIB


@pytest.mark.usefixtures("booted")
def test_what_is_refused_would_have_freed_nothing(direct_uri):
    guest, qemu = guest_memory(ORDINARY), host.resident(ORDINARY)
    setmem_and_wait(ORDINARY, 128, direct_uri)
    host.wait_until(lambda: guest_memory(ORDINARY) < guest - 100 * MIB, REACTION_SECONDS,
                    "a guest with less memory")
    assert host.resident(ORDINARY) > qemu - 8 * MIB
