"""virsh setmem under policy 'redirect': one size for the whole guest, with real virtio-mem devices.

Without an assigned device, which there is none of here; tests/vfio-host has one.
"""

import re
import signal
import struct
import threading
import time
from xml.etree import ElementTree

import pytest

import attributes
import booted
import frames
import harness
import recorder
import tool
import virtiomem
from attributes import text_of
from virtiomem import ALL, BOOT, MIB

UPDATE_DEVICE = 174
BALLOON = f'{{"execute":"balloon","arguments":{{"value":{BOOT << 20}}},"id":""}}'.encode()


def resize(number, mib):
    """How libvirtd asks QEMU to resize a device."""
    return (f'{{"execute":"qom-set","arguments":{{"path":"/machine/peripheral/virtiomem{number}",'
            f'"property":"requested-size","value":{mib << 20}}},"id":""}}').encode()


@pytest.fixture(scope="module")
def shared(direct, directory):
    """A paused guest for all tests of this module."""
    guest = virtiomem.Guest(direct, directory)
    yield guest
    guest.remove()


@pytest.fixture
def paused(shared):
    """The same as it was: with all of its memory."""
    yield shared
    shared.do("setmem", shared.name, f"{BOOT}M", "--live")
    for options in (["--live"], ["--config"]):
        for memory in shared.domain(*(["--inactive"] if options == ["--config"] else [])
                                    ).findall("devices/memory"):
            memory.find("target/requested").text = str(virtiomem.DEVICE * MIB)
            shared.path.write_text(ElementTree.tostring(memory, encoding="unicode"))
            shared.do("update-device", shared.name, shared.path, *options)


@pytest.fixture
def make(direct, directory):
    """Makes guests for one test."""
    made = []

    def start(server=direct, **options):
        made.append(virtiomem.Guest(server, directory, **options))
        return made[-1]

    yield start
    for guest in made:
        guest.remove()


def test_libvirt_itself_takes_no_size_above_the_balloons(direct, paused):
    refused = direct.virsh("setmem", paused.name, f"{ALL}M")
    assert refused.code == 1 and b"cannot set memory higher than max memory" in refused.err


@pytest.mark.parametrize("options", [[], ["--live"], ["--current"]], ids="".join)
def test_a_size_is_shared_out_among_both_devices(direct, virtballoond, paused, options):
    for mib, each in ((384, 64), (ALL, 128), (BOOT, 0), (ALL, 128)):
        sent = direct.commands_sent(lambda size=mib: text_of(
            virtballoond.virsh("setmem", paused.name, f"{size}M", *options)))
        assert sent == [resize(0, each), resize(1, each), BALLOON]
        assert paused.requested() == [each, each]
        assert paused.requested("--inactive") == [128, 128]


def test_a_size_that_was_asked_for_already_resizes_nothing(direct, virtballoond, paused):
    text_of(virtballoond.virsh("setmem", paused.name, "300M"))
    sent = direct.commands_sent(lambda: text_of(virtballoond.virsh("setmem", paused.name, "300M")))
    assert sent == [BALLOON]
    assert sum(paused.requested()) == 44


def test_a_part_of_a_block_is_a_block(virtballoond, paused):
    text_of(virtballoond.virsh("setmem", paused.name, str(BOOT * MIB + 1)))
    assert paused.requested() == [2, 0]


def test_below_boot_memory_the_balloon_takes_the_rest(direct, virtballoond, paused):
    sent = direct.commands_sent(lambda: text_of(virtballoond.virsh("setmem", paused.name, "200M")))
    assert sent[:2] == [resize(0, 0), resize(1, 0)]
    assert b'"balloon","arguments":{"value":209715200}' in sent[2]


def test_the_next_start_has_its_own_devices(virtballoond, paused):
    text_of(virtballoond.virsh("setmem", paused.name, "384M", "--config"))
    assert paused.requested() == [128, 128]
    assert paused.requested("--inactive") == [64, 64]
    assert paused.current("--inactive") == BOOT
    text_of(virtballoond.virsh("setmem", paused.name, "200M", "--config"))
    assert paused.requested("--inactive") == [0, 0]
    assert paused.current("--inactive") == 200
    text_of(virtballoond.virsh("setmem", paused.name, "448M", "--live", "--config"))
    assert paused.requested() == paused.requested("--inactive") == [96, 96]
    assert paused.current("--inactive") == BOOT


def test_a_domain_that_does_not_run_is_configured(virtballoond, make):
    guest = make(start=False)
    text_of(virtballoond.virsh("setmem", guest.name, "384M", "--config"))
    assert guest.requested() == [64, 64]
    text_of(virtballoond.virsh("setmem", guest.name, "448M", "--current"))
    assert guest.requested() == [96, 96]
    guest.do("start", guest.name, "--paused")
    assert guest.requested() == [96, 96]
    assert guest.current() == BOOT  # nothing in it plugs any memory


@pytest.mark.parametrize("options", [[], ["--live"], ["--config"], ["--live", "--config"]],
                         ids="".join)
def test_more_than_the_maximum_is_refused_by_libvirt_itself(same, paused, options):
    result = same("setmem", paused.name, f"{ALL + 1}M", *options)
    assert result.code == 1 and b"cannot set memory higher than max memory" in result.err
    assert paused.requested() == paused.requested("--inactive") == [128, 128]


def test_other_refusals_are_libvirts_own(same, make, paused):
    idle = make(start=False)
    for arguments, words in (
            (["setmem", idle.name, "384M", "--live"], b"domain is not running"),
            (["setmem", paused.name, "0"], b"must not be zero"),
            (["setmem", "nobody", "384M"], b"failed to get domain 'nobody'")):
        assert words in same(*arguments).err
    result = same("setmem", paused.name, "384M", readonly=True)
    assert b"read only access prevents virDomainSetMemory" in result.err
    assert paused.requested() == idle.requested() == [128, 128]


def test_the_default_policy_of_the_host_is_as_good(start_virtballoond, make):
    guest = make(policy=None)
    daemon = start_virtballoond("auth=none\ndefault_policy=redirect\n")
    text_of(daemon.virsh("setmem", guest.name, "384M"))
    assert guest.requested() == [64, 64]


def test_without_the_policy_nothing_is_resized(same, make):
    guest = make(policy="block")
    assert same("setmem", guest.name, "384M").code == 1
    assert same("setmem", guest.name, "200M").code == 0
    assert guest.requested() == [128, 128]


@pytest.fixture
def misjudged(second, before_second, make):
    """A guest of which libvirtd believes that the second device is larger than it is for QEMU."""
    del before_second
    guest = make(second)
    second.edit(guest, lambda text: re.sub(
        r"(?s)(.*<size unit='KiB'>)131072(<.*)", r"\g<1>393216\2", text).replace(
            "<memory unit='KiB'>524288<", "<memory unit='KiB'>786432<"))
    return guest


def test_a_second_device_that_fails_leaves_the_first_as_it_was(before_second, misjudged):
    """What its QEMU cannot do libvirtd has to ask before it knows."""
    before = misjudged.requested()
    refused = attributes.refusal(before_second.virsh("setmem", misjudged.name, "700M"))
    assert refused.startswith(f"operation failed: cannot set memory of domain '{misjudged.name}' "
                              f"to {700 * MIB} KiB: virtio-mem device 'virtiomem1' was not resized "
                              f"to {332 * MIB} KiB: internal error: unable to execute QEMU command")
    assert refused.endswith("; what was resized before (1 device) was set back")
    assert misjudged.requested() == before


def test_the_devices_that_a_refusal_suggests_work(
        second, before_second, directory, make):
    domain = attributes.Domain(second, directory)
    domain.define(before_second, attributes.balloon("redirect"))
    text_of(second.virsh("start", domain.name, "--paused"))
    second.inhibit(domain)
    refused = attributes.refusal(before_second.virsh("setmem", domain.name, "40M"))
    assert "no virtio-mem device that could be resized instead" in refused
    found = {name: re.search(rf"<{name}[ >].*?</{name}>", refused)[0]
             for name in ("maxMemory", "cpu", "memory")}
    text = domain.text(found["memory"] + attributes.balloon("redirect"),
                       found["maxMemory"] + found["cpu"])
    second.virsh("destroy", domain.name)
    second.virsh("undefine", domain.name)
    other = attributes.Domain(second, directory)
    text = text.replace(domain.name, other.name).replace(domain.uuid, other.uuid)
    text_of(before_second.virsh("define", other.file(text)))
    text_of(second.virsh("start", other.name, "--paused"))
    text_of(before_second.virsh("setmem", other.name, "48M"))
    memory = ElementTree.fromstring(other.stored("--security-info"))
    assert 48 * MIB <= int(memory.findtext("devices/memory/target/requested")) + \
        int(memory.find("cpu/numa/cell").get("memory")) < 50 * MIB
    other.remove()


@pytest.mark.seconds(300)
def test_an_inhibited_guest_is_resized_and_deflated_but_not_inflated(second, before_second, make):
    """libvirtd believes that it has a device that inhibits; QEMU, which has none, frees all."""
    guest = make(second, boots=True)
    second.inhibit(guest)
    smallest = f"can be brought down to {BOOT * MIB} KiB"
    for options in ([], ["--live"], ["--live", "--config"]):
        assert smallest in attributes.refusal(
            before_second.virsh("setmem", guest.name, f"{BOOT - 1}M", *options))
    assert guest.requested() == guest.requested("--inactive") == [128, 128]

    text_of(before_second.virsh("setmem", guest.name, f"{BOOT}M"))
    harness.wait_for(lambda: guest.used() == BOOT * MIB, 60)
    text_of(before_second.virsh("setmem", guest.name, f"{ALL}M"))
    harness.wait_for(lambda: guest.used() == ALL * MIB, 60)

    # What it gives up without virtballoond it has back before the devices are resized.
    guest.do("setmem", guest.name, "160M")
    harness.wait_for(lambda: guest.used() == (160 + 2 * virtiomem.DEVICE) * MIB, 60)
    text_of(before_second.virsh("setmem", guest.name, "384M"))
    harness.wait_for(lambda: guest.used() == 384 * MIB, 60)
    assert guest.requested() == [64, 64]


class Gate(recorder.Recorder):
    """Hands calls on, but for one: the second update of a device, which never arrives."""

    def __init__(self, path, target):
        self.closed = threading.Event()
        self.updates = 0
        super().__init__(path, target)

    def _pump(self, source, target, copy):  # pylint: disable=arguments-differ
        stream = source.makefile("rb")
        try:
            while head := stream.read(4):
                body = stream.read(struct.unpack(">I", head)[0] - 4)
                kind = struct.unpack(">IIiI", body[:16])[2:]
                if kind == (UPDATE_DEVICE, frames.CALL):
                    self.updates += 1
                    if self.updates == 2:
                        self.closed.set()
                        return
                target.sendall(head + body)
        except OSError:
            pass


def test_what_a_killed_daemon_has_left_is_completed_by_the_same_call(
        direct, start_virtballoond, directory, make):
    guest = make()
    path = directory / "gate"
    path.mkdir()
    gate = Gate(path / "libvirt-sock", direct.path)
    daemon = start_virtballoond(upstream_dir=path)
    client = threading.Thread(target=lambda: daemon.virsh("setmem", guest.name, "384M"))
    client.start()
    assert gate.closed.wait(20)
    daemon.process.stop(signal.SIGKILL)
    client.join()
    assert guest.requested() == [64, 128]

    gate.updates = -1000
    daemon.start()
    text_of(daemon.virsh("setmem", guest.name, "384M"))
    assert guest.requested() == [64, 64]
    gate.close()
    path.rmdir()


@pytest.mark.seconds(300)
def test_memory_goes_to_the_host_and_comes_back(virtballoond, make):
    guest = make(boots=True)
    resident = booted.resident(guest.pid())
    total = guest.console.said("ready")[-1]
    for mib in (384, 257, BOOT):
        text_of(virtballoond.virsh("setmem", guest.name, f"{mib}M"))
        wanted = (mib + mib % 2) * MIB
        harness.wait_for(lambda size=wanted: guest.used() == size, 60)
    harness.wait_for(lambda: guest.console.said("memory")[-1] < total - 240 * MIB, 20)
    assert booted.resident(guest.pid()) < resident - 200 * MIB
    text_of(virtballoond.virsh("setmem", guest.name, f"{ALL}M"))
    harness.wait_for(lambda: guest.used() == ALL * MIB, 60)
    harness.wait_for(lambda: guest.console.said("memory")[-1] > total - 4 * MIB, 20)


@pytest.mark.seconds(300)
def test_a_controller_that_sets_the_memory_every_second_gets_there(virtballoond, make):
    """As MOM does: towards a target that moves, without looking at what became of the last one."""
    guest = make(boots=True)
    before = booted.resident(guest.pid())
    with attributes.opened(virtballoond) as connection:
        domain = connection.lookupByName(guest.name)

        def control(sizes):
            for mib in sizes:
                domain.setMemory(mib * MIB)
                time.sleep(1)
            harness.wait_for(lambda: domain.info()[2] == sizes[-1] * MIB, 60)

        # All of it was touched, so that the host gets what the guest gives.
        control([*range(ALL, 360, -24), 360])
        freed = before - booted.resident(guest.pid())
        assert abs(freed - (ALL - 360) * MIB) < 4 * MIB
        control([*range(360, 460, 30), *range(460, 300, -40), 420, 300, 460, 460])


def test_what_is_reachable_is_shown(direct, virtballoond, paused):
    for size, target in (("384M", 384), (f"{BOOT}M", BOOT)):
        text_of(virtballoond.virsh("setmem", paused.name, size))
        shown = harness.run(["virsh", "-c", virtballoond.uri(), "domstats", "--balloon",
                             paused.name]).stdout.decode()
        assert "balloon.redirect.minimum=0\n" in shown
        assert f"balloon.redirect.maximum={ALL * MIB}\n" in shown
        assert f"balloon.redirect.target={target * MIB}\n" in shown
    sentence = f"up to {ALL * MIB} KiB are reached by resizing virtio-mem devices"
    told = [" ".join(tool.text_of(tool.ask(direct, *verb, paused.name)).split())
            for verb in (["status"], ["explain", "--no-ask"])]
    assert all(sentence in text for text in told), told
    assert f"is for the guest as a whole, which has {BOOT * MIB} KiB" in told[1]
    redirect = tool.json_of(tool.ask(direct, "--format=json", "explain", "--no-ask",
                                     paused.name))["redirect"]
    assert redirect == {"minimum_kib": 0, "maximum_kib": ALL * MIB, "target_kib": BOOT * MIB,
                        "current_kib": BOOT * MIB}
