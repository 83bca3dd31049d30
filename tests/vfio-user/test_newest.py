"""virtballoond and virt-balloon with a libvirt and a QEMU that are newer than this machine's: what
tests/virsh shows at length, here once, with the newer virsh as well."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

import attributes
import guests
import harness
import newest
import tool
from attributes import balloon, mdev, text_of

OPTED_OUT = {attributes.MDEV_UUIDS[0]}


@pytest.fixture
def editor(directory):
    """A command that edits a file as a sed script says."""
    def make(script):
        path = directory / "editor.sed"
        path.write_text(script)
        return f"EDITOR=sed -i -f {path}"

    return make


@pytest.fixture
def full(virtballoond, domain):
    """A domain with a policy and an opt-out, defined by the newer virsh."""
    path = domain.file(domain.text(balloon("warn") + mdev("on")))
    newest.virsh(virtballoond, "define", "--validate", path)
    return domain


def version(text):
    """A version number as a tuple."""
    return tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", text).groups()))


def test_both_are_newer_than_this_machines_and_seen_through_virtballoond(virtballoond):
    text = newest.virsh(virtballoond, "version", "--daemon")
    print(text)
    running = re.findall(r"^Running (?:hypervisor: QEMU|against daemon:) (\S+)$", text, re.M)
    assert [version(found) for found in running] >= [(11, 1, 0), (12, 0, 0)]
    assert newest.run("virsh", "--version").strip() == running[1]


def test_what_is_defined_with_both_attributes_is_stored_and_shown(direct, virtballoond, full):
    assert attributes.effect(full.stored()) == ("warn", OPTED_OUT)
    shown = newest.virsh(virtballoond, "dumpxml", "--inactive", full.name)
    assert attributes.shown(shown) == ("warn", OPTED_OUT)
    assert shown == attributes.spliced(full.stored(), "warn", "on")
    assert attributes.shown(newest.virsh(direct, "dumpxml", full.name)) == (None, set())


def test_what_is_shown_can_be_defined_again_and_changes_nothing(virtballoond, full):
    before = full.stored()
    shown = newest.virsh(virtballoond, "dumpxml", "--inactive", full.name)
    newest.virsh(virtballoond, "define", "--validate", full.file(shown, "again"))
    assert full.stored() == before


def test_an_opt_out_reaches_qemus_command_line(virtballoond, full):
    text = newest.virsh(virtballoond, "domxml-to-native", "qemu-argv", "--domain", full.name)
    assert re.search(r'"driver":"vfio-pci",[^\']*"x-balloon-allowed":true', text), text


@pytest.mark.parametrize("script, expected", [
    ("s/policy='warn'/policy='ignore'/", ("ignore", OPTED_OUT)),
    ("s/ballooning='on'/ballooning='off'/", ("warn", set())),
    ("s/policy='warn'/policy='default'/; /<hostdev/,/<.hostdev>/d", (None, set()))])
def test_an_edit_by_the_newer_virsh_changes_what_it_says(
        virtballoond, full, editor, script, expected):
    done = harness.run(
        ["chroot", newest.CHROOT, "env", editor(script), "virsh", "-c", virtballoond.uri(),
         "edit", full.name])
    assert done.returncode == 0 and b"XML configuration edited" in done.stdout, done
    assert attributes.effect(full.stored()) == expected


def test_a_wrong_value_is_refused(virtballoond, domain):
    refused = virtballoond.virsh("define", domain.file(domain.text(balloon("nonsense"))))
    assert attributes.refusal(refused).endswith(attributes.WRONG_POLICY)
    assert not domain.exists()


def test_attributes_in_an_encoding_that_only_the_newer_libvirt_follows_are_not_lost(
        virtballoond, domain):
    def define(devices):
        text = domain.text(devices, "<title>\u00e9</title>")
        path = domain.file("")
        path.write_bytes(b"<?xml version='1.0' encoding='ISO-8859-1'?>" + text.encode("latin-1"))
        return virtballoond.virsh("define", path)

    refused = attributes.refusal(define(balloon("warn")))
    print(refused)
    assert "attributes 'policy' and 'ballooning' cannot be read" in refused
    assert not domain.exists()
    text_of(define(balloon()))
    assert "<title>\u00e9</title>" in domain.stored()


def test_dominfo_and_domstats_tell_of_the_balloon(direct, virtballoond, start_guest):
    doubtful = start_guest(extra=guests.COMMAND_LINE + guests.policy("warn"))
    raw = {}
    for command in (["domstats", "--balloon"], ["dominfo"]):
        uri = virtballoond.uri()
        raw[command[0]] = newest.run("virsh", "-c", uri, *command, doubtful.name)
        assert "ballooning" not in newest.run("virsh", "-c", direct.uri(), *command, doubtful.name)
    print(raw["domstats"], raw["dominfo"])
    assert "balloon.policy=warn\n  balloon.state=unknown\n" in raw["domstats"]
    assert "ballooning: unknown, the XML alone cannot tell what inhibits it" in raw["dominfo"]


def test_domcapabilities_tell_the_values_of_both_attributes(direct, virtballoond):
    values = []
    for server in (direct, virtballoond):
        devices = ElementTree.fromstring(newest.run(
            "virsh", "-c", server.uri(), "domcapabilities", "--virttype", "qemu")).find("devices")
        values.append([[value.text for value in devices.findall(f"{path}/value")] for path in (
            "memballoon/enum[@name='policy']", "hostdev/enum[@name='ballooning']")])
    print(values)
    assert values == [[[], []], [["block", "warn", "ignore", "redirect", "default"],
                                 ["on", "off"]]]


def test_a_guest_without_an_inhibitor_is_resized(direct, virtballoond, start_guest):
    guest = start_guest()
    sent = direct.commands_sent(
        lambda: newest.virsh(virtballoond, "setmem", guest.name, "48M"))
    assert sent == [b'{"execute":"balloon","arguments":{"value":50331648},"id":""}']


def test_virt_balloon_tells_what_the_newer_qemu_has():
    text = tool.text_of(tool.run("capabilities", "--emulator", "/usr/bin/qemu-system-x86_64"))
    print(text)
    rows = dict(re.findall(r"^  (vfio-\S+) +(yes|no)", text, re.M))
    assert version(text) >= (11, 1, 0)
    assert rows["vfio-pci"] == "yes" and rows["vfio-user-pci"] == "no"
