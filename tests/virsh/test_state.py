"""The state of the balloon where people look already: dominfo, domstats and domcapabilities.

The monitor is never used for it, so no domain is tainted by being looked at.
"""

import re
import subprocess

import libvirt
import pytest

ARGUMENT = """<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<qemu:arg value='-name'/><qemu:arg value='guest=other'/></qemu:commandline>"""
POLICY = "<metadata><b:policy xmlns:b='urn:virt-balloon:policy:1' memballoon='warn'/></metadata>"
NONE = "<memballoon model='none'/>"


def said(server, *args, readonly=False):
    """What virsh prints, with nothing taken out of it."""
    uri = server.uri("qemu", readonly)
    return subprocess.run(["virsh", *(["-r"] if readonly else []), "-c", uri, *args], text=True,
                          capture_output=True, check=True).stdout


def stats(server, name, **options):
    """What domstats says of the balloon that libvirt does not say."""
    added = re.findall(r"^  balloon\.((?:policy|state|inhibitor)[\w.]*)=(.*)$",
                       said(server, "domstats", name, "--balloon", **options), re.MULTILINE)
    return dict(added)


@pytest.fixture
def doubtful(start_guest):
    """A guest of which the XML does not tell everything."""
    return start_guest(extra=ARGUMENT)


def test_a_balloon_that_works_has_no_message(direct, virtballoond, start_guest):
    name = start_guest().name
    for command in ("dominfo", "domstats"):
        assert "ballooning" not in said(virtballoond, command, name)
    assert said(virtballoond, "dominfo", name).count("tainted") == \
        said(direct, "dominfo", name).count("tainted")


def test_a_doubtful_guest_has_a_message(direct, virtballoond, doubtful):
    text = said(virtballoond, "dominfo", doubtful.name)
    assert "ballooning: unknown, the XML alone cannot tell what inhibits it" in text
    assert "ballooning" not in said(direct, "dominfo", doubtful.name)


def test_a_message_is_only_for_those_who_ask_for_all(virtballoond, doubtful):
    conn = libvirt.open(virtballoond.uri())
    domain = conn.lookupByName(doubtful.name)
    everything = domain.messages(0)
    tainting = domain.messages(libvirt.VIR_DOMAIN_MESSAGE_TAINTING)
    assert [text for text in everything if text.startswith("ballooning")]
    assert not [text for text in tainting if text.startswith("ballooning")]
    assert [text for text in everything if not text.startswith("ballooning")] == tainting


@pytest.mark.parametrize("readonly", [False, True])
def test_statistics_tell_policy_and_state(virtballoond, start_guest, readonly):
    assert stats(virtballoond, start_guest(extra=POLICY).name, readonly=readonly) == {
        "policy": "warn", "state": "available", "inhibitor.count": "0"}


def test_a_domain_without_a_policy_shows_the_default_one(start_virtballoond, start_guest):
    name = start_guest().name
    daemon = start_virtballoond("auth=none\ndefault_policy=ignore\n")
    assert stats(daemon, name)["policy"] == "ignore"


def test_a_doubtful_guest_is_unknown(virtballoond, doubtful):
    assert stats(virtballoond, doubtful.name)["state"] == "unknown"


def test_no_balloon_is_none(virtballoond, start_guest):
    assert stats(virtballoond, start_guest(devices=NONE).name)["state"] == "none"


def test_an_inactive_domain_shows_what_it_will_be(virtballoond, start_guest):
    devices = """<memballoon model='virtio'/><hostdev mode='subsystem' type='pci'><source>
<address domain='0' bus='7' slot='0' function='0'/></source></hostdev>"""
    name = start_guest(start=False, devices=devices).name
    assert stats(virtballoond, name) == {
        "policy": "block", "state": "inhibited", "inhibitor.count": "1",
        "inhibitor.0.kind": "vfio-pci", "inhibitor.0.address": "0000:07:00.0"}
    assert "ballooning" not in said(virtballoond, "dominfo", name)


def test_other_statistics_are_left_alone(direct, virtballoond, start_guest):
    name = start_guest().name
    for kind in ("--state", "--vcpu", "--interface"):
        assert said(virtballoond, "domstats", name, kind) == said(direct, "domstats", name, kind)


def test_statistics_of_many_domains_have_each_its_own(virtballoond, start_guest):
    first = start_guest(start=False, extra=POLICY)
    second = start_guest(start=False, devices=NONE)
    text = said(virtballoond, "domstats", first.name, second.name)
    one, other = re.split(r"Domain: ", text)[1:]
    assert "balloon.policy=warn" in one and "balloon.state=available" in one
    assert "balloon.policy=block" in other and "balloon.state=none" in other


def test_nobody_is_tainted_by_being_looked_at(direct, virtballoond, doubtful):
    def look(server):
        for command in ("dominfo", "domstats", "dumpxml"):
            said(server, command, doubtful.name)
        said(server, "domstats", doubtful.name, readonly=True)

    look(direct)  # libvirt itself asks more the first time
    assert direct.commands_sent(lambda: look(virtballoond)) == \
        direct.commands_sent(lambda: look(direct))
    assert "custom monitor control" not in said(direct, "dominfo", doubtful.name)


def test_capabilities_tell_the_values_of_the_attributes(direct, virtballoond):
    # libvirt refuses them on the read-only socket.
    text = said(virtballoond, "domcapabilities")
    assert re.search(r"<enum name='ballooning'>\s*<value>on</value>\s*<value>off</value>", text)
    assert re.search(r"<enum name='policy'>\s*<value>block</value>\s*<value>warn</value>", text)
    assert virtballoond.normalise(text.encode()) == direct.normalise(
        said(direct, "domcapabilities").encode())
