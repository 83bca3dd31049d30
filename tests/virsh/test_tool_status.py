"""virt-balloon status: one line for each guest, the same through virtballoond and directly."""

import contextlib
import os
import re
import signal
import time

import libvirt
import pytest

import attributes
import guests
import tool

COUNT = 500
SECOND = 1.0


@pytest.fixture(scope="module")
def assigned(start_guest):
    """An inactive guest with two devices that inhibit."""
    return start_guest(devices=guests.BALLOON + guests.PCI + guests.MDEV, start=False)


@pytest.fixture(scope="module")
def doubtful(start_guest):
    """A running guest of whose QEMU the XML does not tell everything."""
    return start_guest(extra=guests.COMMAND_LINE)


@pytest.fixture
def agree(direct, through):
    """Runs the tool on both sides, and returns the JSON, in which only what is resident differs."""
    def compare(*args, code=0):
        answers = []
        for server in (direct, through):
            answer = tool.json_of(tool.ask(server, "--format", "json", *args), code)
            for found in answer if isinstance(answer, list) else [answer]:
                found["resident_kib"] = found["resident_kib"] and found["resident_kib"] > 0
            answers.append(answer)
        assert answers[0] == answers[1]
        return answers[0]

    return compare


def test_a_running_guest_has_its_sizes_policy_and_state(direct, guest):
    row = tool.rows(tool.text_of(tool.ask(direct, "status", guest.name)))[guest.name]
    assert re.fullmatch(r"64 MiB +64 MiB +\d+ [KM]iB +default +available +", row)


def test_the_table_has_its_heads_and_a_row_for_each_domain_that_is_named(direct, guest, assigned):
    text = tool.text_of(tool.ask(direct, "status", guest.name, assigned.uuid))
    assert text.splitlines()[0].split("  ")[0] == "DOMAIN"
    assert text.splitlines()[0].endswith("BALLOON    INHIBITED BY")
    assert sorted(tool.rows(text)) == sorted([guest.name, assigned.name])


def test_a_domain_with_devices_is_inhibited_by_each(direct, assigned):
    row = tool.rows(tool.text_of(tool.ask(direct, "status", assigned.name)))[assigned.name]
    assert row.endswith(f"inhibited  assigned PCI device 'ua-nic' ({guests.PCI_ADDRESS}) and "
                        f"mediated device 'ua-gpu' ({guests.MDEV_UUID})")


def test_the_json_has_everything_of_a_running_guest(agree, guest):
    assert agree("status", guest.name) == [{
        "name": guest.name, "uuid": guest.uuid, "running": True, "current_kib": 65536,
        "maximum_kib": 65536, "resident_kib": True, "unfreed_kib": 0, "policy": "default",
        "state": "available", "inhibitors": [], "error": None}]


def test_the_json_has_every_inhibitor(agree, assigned):
    (found,) = agree("status", assigned.name)
    assert (found["running"], found["resident_kib"], found["state"]) == (False, None, "inhibited")
    assert found["inhibitors"] == [
        {"kind": "vfio-pci", "device": "ua-nic", "address": guests.PCI_ADDRESS, "passing": False,
         "evidence": ["xml"], "question": None, "answer": None},
        {"kind": "vfio-mdev", "device": "ua-gpu", "address": guests.MDEV_UUID, "passing": False,
         "evidence": ["xml"], "question": None, "answer": None}]


@pytest.mark.parametrize("policy", ["block", "warn", "ignore", "redirect"])
def test_the_policy_is_the_domains_own(agree, domain, direct, policy):
    domain.define(direct, guests.BALLOON, guests.policy(policy))
    assert agree("status", domain.name)[0]["policy"] == policy


def test_a_policy_written_through_virtballoond_is_seen_on_both_sides(agree, domain, virtballoond):
    domain.define(virtballoond, attributes.balloon("warn") + attributes.mdev("on"))
    (found,) = agree("status", domain.name)
    assert (found["policy"], found["state"]) == ("warn", "available")


@pytest.mark.parametrize(("devices", "extra", "state"), [
    (guests.NO_BALLOON, "", "none"),
    (guests.BALLOON, tool.LOCKED, "ineffective"),
    (guests.BALLOON + guests.PCI, tool.LOCKED, "inhibited"),
    (guests.NO_BALLOON + guests.PCI, "", "none"),
    (guests.BALLOON, "", "available"),
])
def test_the_state_of_a_definition(agree, domain, direct, devices, extra, state):
    domain.define(direct, devices, extra)
    assert agree("status", domain.name)[0]["state"] == state


def test_only_all_shows_inactive_domains(direct, guest, assigned):
    running = tool.rows(tool.text_of(tool.ask(direct, "status")))
    everything = tool.rows(tool.text_of(tool.ask(direct, "status", "--all")))
    assert guest.name in running and assigned.name not in running
    assert {guest.name, assigned.name} <= set(everything)
    assert list(everything) == sorted(everything)


def test_what_the_xml_cannot_tell_is_unknown_until_qemu_is_asked(agree, direct, doubtful):
    tainted = "tainted: custom monitor control commands issued"
    assert agree("status", doubtful.name)[0]["state"] == "unknown"
    assert tainted not in direct.virsh("dominfo", doubtful.name).out.decode()
    assert agree("status", "--ask", doubtful.name)[0]["state"] == "available"
    assert tainted in direct.virsh("dominfo", doubtful.name).out.decode()


def test_a_domain_that_is_not_there_exits_with_1_and_is_named(direct, through, guest):
    for server in (direct, through):
        for name in ("no-such-guest", "00000000-0000-4000-8000-00000000ffff"):
            done = tool.ask(server, "status", guest.name, name)
            assert tool.complaint(done, 1) == f"there is no domain '{name}'"


@pytest.mark.parametrize("name", ["--all", "--", "-c", "ümläut", "a b"])
def test_a_domain_may_have_any_name(direct, domain, name):
    domain.name = name
    domain.define(direct)
    assert tool.json_of(tool.ask(direct, "--format=json", "status", "--", name))[0]["name"] == name


def test_wide_and_combining_characters_keep_the_columns_in_line(direct, guest):
    names = ["表表表", "e\u0301e\u0301"]
    with contextlib.ExitStack() as stack, attributes.opened(direct) as connection:
        for number, name in enumerate(names):
            text = tool.definition(name).replace("a000-000000000001", f"b000-00000000000{number}")
            stack.callback(connection.defineXML(text).undefine)
        lines = tool.text_of(tool.ask(direct, "status", guest.name, *names)).splitlines()
    wide = {line.split()[0]: line.index("64 MiB") for line in lines[1:]}
    start = wide[guest.name]
    assert (wide[names[0]], wide[names[1]]) == (start - 3, start + 2)


def test_a_qemu_that_has_stopped_costs_what_it_has_resident_and_no_more(direct, start_guest, guest):
    stopped = start_guest()
    os.kill(stopped.pid(), signal.SIGSTOP)
    try:
        began = time.monotonic()
        found = tool.json_of(tool.ask(direct, "--format=json", "status", stopped.name, guest.name))
        assert 9 < time.monotonic() - began < 19
        asked = tool.json_of(tool.ask(direct, "--format=json", "status", "--ask", stopped.name))
    finally:
        os.kill(stopped.pid(), signal.SIGCONT)
    by_name = {one["name"]: one for one in found}
    assert by_name[stopped.name]["resident_kib"] is None
    assert by_name[guest.name]["resident_kib"] > 0
    assert [one["state"] for one in found] == ["available", "available"]
    assert (asked[0]["state"], asked[0]["error"]) == \
        ("unknown", "nothing was answered for 10 seconds")


def test_500_defined_domains_are_shown_in_less_than_a_second(direct, through):
    with attributes.opened(direct) as connection:
        defined = []
        try:
            for number in range(COUNT):
                uuid = f"00000000-0000-4000-a001-{number:012}"
                defined.append(connection.defineXML(
                    tool.definition(f"many{number}").replace("00000000-0000-4000-a000-000000000001",
                                                             uuid)))
            for server in (direct, through):
                took = []
                for _ in range(5):  # because others may want the processor, too
                    began = time.monotonic()
                    text = tool.text_of(tool.ask(server, "status", "--all"))
                    took.append(time.monotonic() - began)
                    assert sum(line.startswith("many") for line in text.splitlines()) == COUNT
                print(f"\nstatus --all of {COUNT} domains: {min(took) * 1000:.0f} ms")
                assert min(took) < SECOND
        finally:
            for one in defined:
                with contextlib.suppress(libvirt.libvirtError):
                    one.undefine()


@pytest.mark.parametrize(("mode", "state"), [("hostdev", "inhibited"), ("bridge", "available")])
def test_the_networks_of_a_guest_that_is_shut_off_are_looked_up(agree, direct, domain, mode, state):
    source = "<pf dev='eth9'/>" if mode == "hostdev" else ""
    driver = " managed='yes'" if mode == "hostdev" else ""
    bridge = "<bridge name='br9'/>" if mode == "bridge" else ""
    with attributes.opened(direct) as connection:
        network = connection.networkDefineXML(
            f"<network><name>vf</name><forward mode='{mode}'{driver}>{source}</forward>{bridge}"
            "</network>")
        domain.define(direct, guests.BALLOON
                      + "<interface type='network'><source network='vf'/></interface>")
        (found,) = agree("status", domain.name)
        network.undefine()
    assert found["state"] == state
    (found,) = agree("status", domain.name)
    assert found["state"] == "available"


@pytest.mark.seconds(120)
def test_of_what_runs_inflated_and_inhibited_one_line_is_logged(second, directory):
    made = [guests.Guest(second, directory, 9100 + number) for number in range(3)]
    second.inhibit(made[0], memory=128)
    second.inhibit(made[1])
    done = tool.ask(second, "status", "--all", "--log")
    assert (done.returncode, done.stdout) == (0, b"")
    line, = filter(None, done.stderr.decode().splitlines())
    assert line.endswith(
        f"domain '{made[0].name}': it runs with 65536 KiB less than it could have, and the host "
        "gains nothing: ballooning is inhibited by vDPA device 'ua-vdpa' (/dev/vhost-vdpa-0)")
