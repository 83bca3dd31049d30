"""The other ways than `virsh setmem` by which a guest with a real VFIO device might lose memory:
raw monitor commands, calls that no libvirt client would send, a setmem during an attachment.

What counts is what QEMU is told: every test of a refusal reads libvirtd's log for it. Nothing runs
in the guests here.
"""

import contextlib
import json
import os
import re
import select
import struct
import subprocess
import sys
import time

import host
import libvirt
import libvirt_qemu
import pytest

sys.path.append(str(host.REPOSITORY / "tests/virsh"))
import frames  # noqa: E402 pylint: disable=wrong-import-position

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
HMP = libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
MIB = 1024
SHRUNK, FULL = 128 * 2**20, 256 * 2**20
REFUSED = (55, 10)
ATTACH_DEVICE = 8
REACTION_SECONDS = 120


def qmp(execute, **arguments):
    """A QMP command as text."""
    return json.dumps({"execute": execute, "arguments": arguments})


def escaped(word):
    """A JSON string with every character escaped."""
    return '"' + "".join(f"\\u{ord(character):04x}" for character in word) + '"'


QMP_SHRINKS = {
    "plain": qmp("balloon", value=SHRUNK),
    "blanks": f' \t\r\n{{ "execute" :\n"balloon" , "arguments":\t{{"value" : {SHRUNK} }} }} ',
    "escaped key": f'{{{escaped("execute")}:"balloon","arguments":{{"value":{SHRUNK}}}}}',
    "escaped value": f'{{"execute":{escaped("balloon")},"arguments":{{"value":{SHRUNK}}}}}',
    "all escaped": f'{{{escaped("execute")}:{escaped("balloon")},{escaped("arguments")}:'
                   f'{{{escaped("value")}:{SHRUNK}}}}}',
    "a NUL in the key": f'{{"execute\\u0000x":"balloon","arguments":{{"value":{SHRUNK}}}}}',
    "a NUL in the value": f'{{"execute":"balloon\\u0000x","arguments":{{"value":{SHRUNK}}}}}',
    "second command": f'{{"execute":"query-status","execute":"balloon",'
                      f'"arguments":{{"value":{SHRUNK}}}}}',
    "second value": f'{{"execute":"balloon","arguments":{{"value":{FULL},"value":{SHRUNK}}}}}',
    "exec-oob": f'{{"exec-oob":"balloon","arguments":{{"value":{SHRUNK}}}}}',
    "exec-oob with id": f'{{"exec-oob":"balloon","id":7,"arguments":{{"value":{SHRUNK}}}}}',
    "arguments first": f'{{"arguments":{{"value":{SHRUNK}}},"id":"x","execute":"balloon"}}',
    "with a fraction": '{"execute":"balloon","arguments":{"value":134217728.0}}',
    "with an exponent": '{"execute":"balloon","arguments":{"value":1.34217728e8}}',
    "one byte less": qmp("balloon", value=FULL - 1),
    "one byte": qmp("balloon", value=1),
    "human": qmp("human-monitor-command", **{"command-line": "balloon 128"}),
    "human with blanks": qmp("human-monitor-command", **{"command-line": " \t balloon\t0x80 "}),
    "human escaped": '{"execute":"human-monitor-command","arguments":'
                     f'{{{escaped("command-line")}:{escaped("balloon 128")}}}}}',
    "human cpu": qmp("human-monitor-command", **{"command-line": "balloon 64+64", "cpu-index": 0}),
}
HMP_SHRINKS = ["balloon 128", "  balloon 128", "\t balloon\t128", "\n\v\f\rballoon 128",
               "balloon 0x80", "balloon 0200", "balloon 64+64", "balloon (64+64)",
               "balloon 256-128", "balloon $pc", "balloon/x 128", "balloon 255",
               "balloon 1", "balloon 128 "]
UNREADABLE = ["", "   ", "balloon 128", '{"execute":"balloon"', "[]", '"balloon"', "null", "\x01",
              f'[{qmp("balloon", value=SHRUNK)}]', "{" * 100]


@contextlib.contextmanager
def said_to_qemu(guest):
    """Collects the commands that a guest's QEMU gets meanwhile and that are about the balloon."""
    commands = []
    before = len(host.MONITOR_LOG.commands(guest))
    yield commands
    commands += [command for command in host.MONITOR_LOG.commands(guest)[before:]
                 if "balloon" in json.dumps(command) and command.get("execute") != "query-balloon"]


def error_of(call, *arguments):
    """Code and domain of the error that a call ends with."""
    with pytest.raises(libvirt.libvirtError) as error:
        call(*arguments)
    return error.value.get_error_code(), error.value.get_error_domain()


def outcome(call, *arguments):
    """What a call returns, or everything that is said about its failure."""
    try:
        return call(*arguments)
    except libvirt.libvirtError as error:
        return error.err


def set_policy(connection, guest, policy):
    """Sets the memballoon policy of a running guest."""
    connection.lookupByName(guest).setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, f"<policy memballoon='{policy}'/>", "balloon",
        host.POLICY_NAMESPACE, LIVE)


def lines_about(daemon, guest):
    """The lines of a virtballoond's log that name a guest."""
    return [line for line in daemon.log().splitlines() if guest in line]


def monitor_command(guest, text, uri, *options):
    """A raw command by virsh."""
    return host.virsh("qemu-monitor-command", guest, *options, "--", text, uri=uri)


# Raw commands that reduce

@pytest.mark.parametrize("form", QMP_SHRINKS)
def test_a_raw_balloon_command_is_refused_however_it_is_written(vfio_guest, through, form):
    domain = through.lookupByName(vfio_guest)
    with said_to_qemu(vfio_guest) as commands:
        assert error_of(libvirt_qemu.qemuMonitorCommand, domain, QMP_SHRINKS[form], 0) == REFUSED
    assert commands == []


@pytest.mark.parametrize("line", HMP_SHRINKS)
def test_a_human_balloon_command_is_refused_however_it_is_written(vfio_guest, through, line):
    domain = through.lookupByName(vfio_guest)
    with said_to_qemu(vfio_guest) as commands:
        assert error_of(libvirt_qemu.qemuMonitorCommand, domain, line, HMP) == REFUSED
    assert commands == []


@pytest.mark.parametrize("options, text", [
    ((), qmp("balloon", value=SHRUNK)),
    (("--pretty",), qmp("balloon", value=SHRUNK)),
    (("--return-value",), qmp("balloon", value=SHRUNK)),
    (("--hmp",), "balloon 128"),
    (("--hmp",), " \t balloon 0x80"),
])
def test_virsh_says_why_its_raw_command_is_refused(vfio_guest, through_uri, options, text):
    with said_to_qemu(vfio_guest) as commands:
        result = monitor_command(vfio_guest, text, through_uri, *options)
    assert (result.status, result.out.strip(), commands) == (1, "", [])
    assert result.err.startswith("error: Requested operation is not valid: ")
    for name in f"'{vfio_guest}'", "hostdev0", host.spare_devices()[0]:
        assert name in result.err


@pytest.mark.parametrize("form", ["plain", "all escaped", "human"])
def test_a_raw_balloon_command_with_file_descriptors_is_refused(vfio_guest, through, form):
    domain = through.lookupByName(vfio_guest)
    with said_to_qemu(vfio_guest) as commands, open(os.devnull, "rb") as file:
        for files in [file.fileno()], [file.fileno()] * 3:
            assert error_of(libvirt_qemu.qemuMonitorCommandWithFiles, domain, QMP_SHRINKS[form],
                            files, 0) == REFUSED
        assert domain.name() == vfio_guest
    assert commands == []


def test_virsh_with_a_file_descriptor_to_pass_is_refused(vfio_guest, through_uri):
    with said_to_qemu(vfio_guest) as commands, open(os.devnull, "rb") as file:
        done = subprocess.run(
            ["virsh", "-c", through_uri, "qemu-monitor-command", vfio_guest, "--pass-fds",
             str(file.fileno()), qmp("balloon", value=SHRUNK)],
            pass_fds=[file.fileno()], stdin=subprocess.DEVNULL, text=True, capture_output=True,
            check=False)
    assert (done.returncode, commands) == (1, [])
    assert done.stderr.startswith("error: Requested operation is not valid: ")
    assert "hostdev0" in done.stderr


def test_of_a_key_that_is_there_twice_neither_reaches_qemu(vfio_guest, through):
    domain = through.lookupByName(vfio_guest)
    arguments = f'"arguments":{{"value":{SHRUNK}}}'
    with said_to_qemu(vfio_guest) as commands:
        for text in (f'{{"execute":"balloon","execute":"query-status",{arguments}}}',
                     f'{{"execute":"balloon","arguments":{{"value":{SHRUNK},"value":{FULL}}}}}',
                     f'{{"execute":"balloon",{arguments},"arguments":{{}}}}'):
            with pytest.raises(libvirt.libvirtError):
                libvirt_qemu.qemuMonitorCommand(domain, text, 0)
    assert commands == []


# Raw commands that cannot be read

@pytest.mark.parametrize("text", UNREADABLE)
def test_a_raw_command_that_cannot_be_read_is_refused_only_where_it_could_do_harm(
        vfio_guest, plain_guest, through, direct, text):
    with said_to_qemu(vfio_guest) as commands:
        assert error_of(libvirt_qemu.qemuMonitorCommand, through.lookupByName(vfio_guest), text,
                        0) == REFUSED
    assert commands == []
    outcomes = [outcome(libvirt_qemu.qemuMonitorCommand, connection.lookupByName(plain_guest), text,
                        0) for connection in (direct, through)]
    assert outcomes[0] == outcomes[1]


# Raw commands that take nothing

@pytest.mark.parametrize("options, text", [
    ((), qmp("balloon", value=FULL)),
    ((), qmp("balloon", value=FULL + 2**20)),
    ((), qmp("human-monitor-command", **{"command-line": "balloon 256"})),
    (("--hmp",), "balloon 256"),
    (("--hmp",), " balloon 0x100 "),
])
def test_a_raw_balloon_command_to_the_current_size_or_above_passes(
        vfio_guest, through_uri, direct_uri, options, text):
    with said_to_qemu(vfio_guest) as commands:
        result = monitor_command(vfio_guest, text, through_uri, *options)
    assert len(commands) == 1
    assert result.status == 0
    beside = monitor_command(vfio_guest, text, direct_uri, *options)
    assert re.sub("libvirt-[0-9]+", "", result.out) == re.sub("libvirt-[0-9]+", "", beside.out)


@pytest.mark.parametrize("options, text", [
    (("--return-value",), '{"execute":"query-balloon"}'),
    (("--return-value",), '{"execute":"query-status","arguments":{}}'),
    (("--return-value",), qmp("human-monitor-command", **{"command-line": "info balloon"})),
    (("--return-value",), qmp("no-such-command", value=SHRUNK)),
    (("--return-value",), qmp("balloon")),
    (("--return-value",), qmp("balloon", value=str(SHRUNK))),
    (("--hmp",), "info balloon"),
    (("--hmp",), "info status"),
    (("--hmp",), "balloons 128"),
    (("--hmp",), "\"balloon\" 128"),
])
def test_a_harmless_raw_command_says_what_it_says_without_virtballoond(
        vfio_guest, through_uri, direct_uri, options, text):
    direct = monitor_command(vfio_guest, text, direct_uri, *options)
    assert monitor_command(vfio_guest, text, through_uri, *options) == direct
    balloon = host.checked_virsh("qemu-monitor-command", vfio_guest, "--hmp", "info balloon")
    assert "actual=256" in balloon


# Policies

@pytest.mark.parametrize("policy, lines", [("warn", 1), ("ignore", 0)])
@pytest.mark.parametrize("options, text", [
    ((), QMP_SHRINKS["all escaped"]),
    (("--hmp",), "balloon 128"),
    (("--hmp",), "balloon 64+64"),
], ids=["qmp", "hmp", "expression"])
def test_warn_and_ignore_let_raw_commands_pass_and_warn_logs_one_line(
        vfio_guest, direct, start_virtballoond, policy, lines, options, text):
    # A fresh one: how often it speaks of the same domain is limited.
    daemon = start_virtballoond()
    set_policy(direct, vfio_guest, policy)
    with said_to_qemu(vfio_guest) as commands:
        result = monitor_command(vfio_guest, text, daemon.uri, *options)
    assert (result.status, result.err.strip(), len(commands)) == (0, "", 1)
    assert len(lines_about(daemon, vfio_guest)) == lines, daemon.log()


# Calls that no client of libvirt sends

@pytest.fixture
def raw(virtballoond):
    """An open connection for frames of one's own."""
    with frames.Connection(virtballoond.socket, timeout=60) as connection:
        yield connection.open()


@pytest.fixture
def wire(vfio_guest, direct):
    """How the guest is named in a call."""
    domain = direct.lookupByName(vfio_guest)
    return frames.domain(vfio_guest, domain.UUIDString(), domain.ID())


def assert_refused(reply, procedure=frames.SET_MEMORY, serial=0):
    """That a reply is the refusal of that call."""
    assert (reply.type, reply.procedure, reply.serial) == (frames.REPLY, procedure, serial)
    error = reply.error()
    assert (error.code, error.domain) == REFUSED, error
    assert "hostdev0" in error.message


def assert_alive(connection):
    """That a connection still answers."""
    reply = connection.call(frames.GET_VERSION, serial=77)
    assert (reply.serial, reply.status) == (77, frames.OK)


def size(kib):
    """A size on the wire."""
    return struct.pack(">Q", kib)


@pytest.mark.parametrize("count", [0, 1])
def test_set_memory_with_file_descriptors_is_refused(vfio_guest, raw, wire, count):
    with said_to_qemu(vfio_guest) as commands, open(os.devnull, "rb") as file:
        reply = raw.call(frames.SET_MEMORY, wire + size(128 * MIB), kind=frames.CALL_WITH_FDS,
                         nfds=count, fds=[file.fileno()] * count)
        assert_refused(reply)
        assert_alive(raw)
    assert commands == []


def test_set_memory_in_the_longest_frame_is_refused(vfio_guest, raw, wire):
    payload = wire + size(128 * MIB)
    padding = bytes(frames.LENGTH_MAX - frames.HEADER.size - len(payload))
    with said_to_qemu(vfio_guest) as commands:
        assert_refused(raw.call(frames.SET_MEMORY, payload + padding))
        assert_alive(raw)
    assert commands == []


@pytest.mark.parametrize("name", ["plain1", "no such guest", ""])
def test_a_stale_name_with_the_right_uuid_is_refused(vfio_guest, direct, raw, name):
    uuid = direct.lookupByName(vfio_guest).UUIDString()
    with said_to_qemu(vfio_guest) as commands:
        assert_refused(raw.call(frames.SET_MEMORY, frames.domain(name, uuid) + size(128 * MIB)))
        assert_alive(raw)
    assert commands == []


def test_set_memory_flags_without_flags_is_refused(vfio_guest, raw, wire):
    with said_to_qemu(vfio_guest) as commands:
        assert_refused(raw.call(frames.SET_MEMORY_FLAGS,
                                wire + size(128 * MIB) + struct.pack(">I", 0)),
                       frames.SET_MEMORY_FLAGS)
        assert_alive(raw)
    assert commands == []


@pytest.mark.parametrize("serial", [0xFFFFFFFE, 0xFFFFFFFF])
def test_set_memory_with_a_serial_like_virtballoonds_own_is_refused(vfio_guest, raw, wire, serial):
    with said_to_qemu(vfio_guest) as commands:
        assert_refused(raw.call(frames.SET_MEMORY, wire + size(128 * MIB), serial=serial),
                       serial=serial)
        assert_alive(raw)
    assert commands == []


def test_two_set_memory_in_one_write_are_both_refused(vfio_guest, raw, wire):
    calls = [frames.pack(frames.SET_MEMORY, wire + size(128 * MIB), serial=serial)
             for serial in (11, 12)]
    with said_to_qemu(vfio_guest) as commands:
        raw.send(b"".join(calls))
        # In whichever order libvirt answers what is asked about them.
        replies = sorted((raw.read_frame() for _ in calls), key=lambda reply: reply.serial)
        for serial, reply in zip((11, 12), replies):
            assert_refused(reply, serial=serial)
        assert_alive(raw)
    assert commands == []


# Attaching

def attached(guest):
    """Whether the guest has a VFIO device."""
    return "<hostdev" in host.checked_virsh("dumpxml", guest)


def attach_frame(wire, address):
    """An attachment as a frame."""
    return frames.pack(ATTACH_DEVICE, wire + frames.string(host.hostdev_xml(address)), serial=21)


@pytest.fixture(scope="module")
def pluggable_guest():
    """A guest without a VFIO device and with a place for one; nothing runs in it."""
    with host.guests() as define:
        yield host.start(define("plug1", free_ports=1))


def detach(guest, address):
    """Takes a device from a guest in which nothing runs: QEMU does it when the machine is reset."""
    file = host.WORK / f"{guest}-hostdev.xml"
    file.write_text(host.hostdev_xml(address))
    host.checked_virsh("detach-device", guest, str(file), "--live")
    host.checked_virsh("reset", guest)
    host.wait_until(lambda: not attached(guest), REACTION_SECONDS, "the unplugged device")


def test_setmem_waits_for_an_attachment_by_another_client_and_is_refused_then(
        pluggable_guest, virtballoond, direct):
    guest, address = pluggable_guest, host.spare_devices()[1]
    domain = direct.lookupByName(guest)
    wire = frames.domain(guest, domain.UUIDString(), domain.ID())
    begin = time.monotonic()
    rounds = 0
    while rounds < 3 or (rounds < 10 and time.monotonic() - begin < 20):
        rounds += 1
        with frames.Connection(virtballoond.socket, timeout=60) as first, \
                frames.Connection(virtballoond.socket, timeout=60) as second:
            # Whose driver is known has its turn as soon as its call is there.
            for connection in (first, second):
                connection.open()
                dump = connection.call(frames.GET_XML_DESC, wire + struct.pack(">I", 0))
                assert dump.status == frames.OK
            with said_to_qemu(guest) as commands:
                first.send(attach_frame(wire, address))
                time.sleep(0.02)
                second.send(frames.pack(frames.SET_MEMORY, wire + size(128 * MIB), serial=22))
                sockets = first.socket, second.socket
                assert first.socket in select.select(sockets, [], [], 60)[0], rounds
                assert first.read_frame().status == frames.OK
                assert_refused(second.read_frame(), serial=22)
            assert commands == []
        detach(guest, address)
