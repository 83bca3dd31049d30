"""Migration: what goes to another host is the stored form, and what comes with it is translated."""

import struct

import libvirt
import pytest

import attributes
import frames
import guests
from attributes import MDEV_UUIDS, balloon, logged, mdev, opened, text_of

EFFECT = ("warn", {MDEV_UUIDS[0]})
OFFLINE = ["--offline", "--persistent"]
ON_THIS_MACHINE = ["--migrateuri", "tcp://127.0.0.1"]
BEGIN3, BEGIN3_PARAMS = 213, 302


@pytest.fixture
def guest(direct, second, domain):
    """A running guest, not defined at the other host."""
    domain.define(direct, balloon())
    text_of(direct.virsh("start", domain.name, "--paused"))
    yield domain
    second.virsh("destroy", domain.name)
    second.virsh("undefine", domain.name)


@pytest.fixture
def definition(second, virtballoond, domain):
    """What is only defined, with a policy and an opt-out."""
    domain.define(virtballoond, balloon("warn") + mdev("on"))
    yield domain
    second.virsh("undefine", domain.name)


def at(host, guest, *options):
    """What is in force at a host."""
    return attributes.effect(text_of(host.virsh("dumpxml", guest.name, *options)))


def migrate(server, guest, to, *options):
    """Sends it to another host."""
    return server.virsh("migrate", guest.name, to.uri(), *options)


def set_policy(server, guest, word):
    """Sets the policy of what runs and of what is defined."""
    text_of(server.virsh("update-device", guest.name, guest.file(balloon(word), "device"),
                         "--live", "--config"))


def migratable(server, guest, word, live=True):
    """XML to go with a migration, as a user makes it, with a policy."""
    dump = text_of(server.virsh("dumpxml", guest.name, "--migratable",
                                *([] if live else ["--inactive"])))
    return guest.file(dump.replace("<memballoon ", f"<memballoon policy='{word}' "),
                      "live" if live else "inactive")


WAYS = {
    "peer to peer": ["--p2p"],
    "tunnelled": ["--p2p", "--tunnelled"],
    "managed by the client": [],
}


@pytest.mark.parametrize("options", [WAYS["peer to peer"], WAYS["managed by the client"]], ids=str)
def test_policy_and_opt_out_of_a_definition_arrive_at_a_host_without_virtballoond(
        virtballoond, second, definition, options):
    before = definition.stored()
    text_of(migrate(virtballoond, definition, second, *OFFLINE, *options))
    assert at(second, definition) == EFFECT
    assert text_of(second.virsh("dumpxml", definition.name)) == before


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
def test_the_policy_of_what_runs_arrives_at_a_host_without_virtballoond(
        virtballoond, second, guest, options):
    set_policy(virtballoond, guest, "redirect")
    uri = [] if "--tunnelled" in options else ON_THIS_MACHINE
    text_of(migrate(virtballoond, guest, second, "--live", "--persistent", *options, *uri))
    assert at(second, guest) == ("redirect", set())
    assert at(second, guest, "--inactive") == ("redirect", set())


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
def test_xml_that_goes_with_a_migration_counts_at_the_other_host(
        virtballoond, second, guest, options):
    uri = [] if "--tunnelled" in options else ON_THIS_MACHINE
    text_of(migrate(virtballoond, guest, second, "--live", "--persistent", *options, *uri,
                    "--xml", migratable(virtballoond, guest, "warn"),
                    "--persistent-xml", migratable(virtballoond, guest, "ignore", live=False)))
    assert at(second, guest).policy == "warn"
    assert at(second, guest, "--inactive").policy == "ignore"


@pytest.mark.parametrize("options", [WAYS["peer to peer"], WAYS["managed by the client"]], ids=str)
def test_a_definition_that_goes_along_with_one_counts_at_the_other_host(
        virtballoond, second, definition, options):
    xml = migratable(virtballoond, definition, "ignore", live=False)
    xml.write_text(xml.read_text().replace("<hostdev ", "<hostdev ballooning='off' "))
    text_of(migrate(virtballoond, definition, second, *OFFLINE, *options, "--xml", xml))
    assert at(second, definition) == ("ignore", set())
    assert attributes.effect(definition.stored()) == EFFECT


@pytest.mark.parametrize("way", ["migrate2", "migrateToURI2"])
def test_xml_that_goes_without_parameters_counts_too(virtballoond, second, guest, way):
    text = migratable(virtballoond, guest, "block").read_text()
    uri = ON_THIS_MACHINE[1]
    with opened(virtballoond) as connection, opened(second) as other:
        running = connection.lookupByName(guest.name)
        if way == "migrate2":
            running.migrate2(other, text, libvirt.VIR_MIGRATE_LIVE, None, uri, 0)
        else:
            running.migrateToURI2(second.uri(), uri, text, libvirt.VIR_MIGRATE_LIVE |
                                  libvirt.VIR_MIGRATE_PEER2PEER, None, 0)
    assert at(second, guest).policy == "block"


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
def test_a_guest_comes_in_through_virtballoond(
        direct, virtballoond, before_second, second, guest, options):
    set_policy(virtballoond, guest, "ignore")
    uri = [] if "--tunnelled" in options else ON_THIS_MACHINE
    text_of(migrate(direct, guest, before_second, "--live", *options, *uri))
    assert at(second, guest).policy == "ignore"
    shown = text_of(before_second.virsh("dumpxml", guest.name))
    assert attributes.shown(shown).policy == "ignore"


@pytest.mark.parametrize("options", [WAYS["peer to peer"], WAYS["managed by the client"]], ids=str)
def test_what_comes_in_inflated_and_inhibited_is_only_logged(
        direct, before_second, second, definition, options):
    definition.define(direct, balloon() + mdev(), guests.policy("block"), current=48)
    log = logged(before_second, lambda: text_of(
        migrate(direct, definition, before_second, *OFFLINE, *options)))
    assert f"domain '{definition.name}': it is received by migration with 16384 KiB less" in log
    assert at(second, definition).policy == "block"


@pytest.mark.parametrize("option", ["--xml", "--persistent-xml"])
@pytest.mark.parametrize("options", [WAYS["peer to peer"], WAYS["managed by the client"]], ids=str)
def test_wrong_values_in_xml_that_goes_along_are_refused(
        virtballoond, second, guest, option, options):
    xml = migratable(virtballoond, guest, "nonsense", live=option == "--xml")
    result = migrate(virtballoond, guest, second, "--live", "--persistent", *options,
                     *ON_THIS_MACHINE, option, xml)
    assert attributes.refusal(result) == f"XML error: {attributes.WRONG_POLICY}"
    assert guest.name not in text_of(second.virsh("list", "--all", "--name")).split()
    assert text_of(virtballoond.virsh("domstate", guest.name)) == "paused\n\n"
    text_of(migrate(virtballoond, guest, second, "--live", *ON_THIS_MACHINE))


def begin(server, guest, procedure):
    """The XML that the first step of a migration returns."""
    payload = frames.domain(guest.name, guest.uuid)
    if procedure == BEGIN3:
        payload += frames.optional(None) + struct.pack(">Q", libvirt.VIR_MIGRATE_LIVE)
        payload += frames.optional(None) + struct.pack(">Q", 0)
    else:
        payload += struct.pack(">II", 0, libvirt.VIR_MIGRATE_LIVE)
    with server.open() as connection:
        reply = connection.call(procedure, payload)
    assert reply.status == frames.OK, reply.error()
    start = reply.payload.rindex(b"<domain type=")
    return reply.payload[start:reply.payload.index(b"</domain>", start)]


@pytest.mark.parametrize("procedure", [BEGIN3, BEGIN3_PARAMS])
def test_what_a_migration_begins_with_is_the_stored_form(direct, virtballoond, guest, procedure):
    set_policy(virtballoond, guest, "warn")
    found = begin(virtballoond, guest, procedure)
    assert found == begin(direct, guest, procedure)
    assert attributes.effect(found + b"</domain>").policy == "warn"
