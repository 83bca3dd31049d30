"""Raw monitor commands as frames, which virsh cannot be made to send: all as directly."""

import os
import struct

import pytest

import frames
import harness

PROCEDURES = [frames.MONITOR_COMMAND, frames.MONITOR_COMMAND_WITH_FILES]
QMP, HMP = 0, 1
BALLOON = '{"execute":"balloon","arguments":{"value":50331648}}'
NIL = "00000000-0000-0000-0000-000000000000"
UNREADABLE = {
    "nothing": "",
    "a word": "query-balloon",
    "half an object": BALLOON[:-1],
    "an object and more": BALLOON + " trailing",
    "two objects": BALLOON + BALLOON,
    "an array": f"[{BALLOON}]",
    "a string": '"balloon"',
    "a number": "48",
    "null": "null",
    "single quotes": BALLOON.replace('"', "'"),
    "a comment": "/* */" + BALLOON,
    "a comma too many": BALLOON.replace("}}", ",}}"),
    "deep nesting": "[" * 5000,
    "control characters": BALLOON.replace("balloon", "ball\x01oon"),
    "a byte order mark": "\ufeff" + BALLOON,
    "a NUL": "\0" + BALLOON,
    "a NUL behind": BALLOON + "\0",
    "lines": "\n\n" + BALLOON + "\n",
    "NaN": BALLOON.replace("50331648", "NaN"),
    "a hexadecimal number": BALLOON.replace("50331648", "0x3000000"),
    "a number with a plus": BALLOON.replace("50331648", "+50331648"),
    "a number with a zero in front": BALLOON.replace("50331648", "050331648"),
    "another case": BALLOON.replace("execute", "Execute"),
    "an escaped name": BALLOON.replace("balloon", "\\u0062alloon"),
    "a repeated member": BALLOON.replace("{\"execute", "{\"execute\":\"query-balloon\",\"execute"),
}


def arguments(guest, text, flags=QMP):
    """The payload of a raw monitor command."""
    data = text if isinstance(text, bytes) else text.encode()
    return guest.wire() + struct.pack(">I", len(data)) + data + bytes(-len(data) % 4) + \
        struct.pack(">I", flags)


def both(direct, through, payload, procedure=frames.MONITOR_COMMAND, fds=(), **header):
    """The one answer that both give; the connection lives on."""
    replies = []
    for server in (direct, through):
        with server.open() as connection:
            reply = connection.call(procedure, payload, program=frames.QEMU, serial=5, fds=fds,
                                    **header)
            assert (reply.procedure, reply.serial) == (procedure, 5)
            assert connection.call(frames.GET_VERSION, serial=6).serial == 6
            # libvirt numbers what it says to QEMU.
            replies.append(reply._replace(payload=server.normalise(reply.payload[4:])))
    assert replies[0] == replies[1]
    return replies[0]


@pytest.mark.parametrize("procedure", PROCEDURES)
@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_odd_text_gets_libvirts_own_answer(direct, through, guest, procedure, text):
    both(direct, through, arguments(guest, text), procedure)


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_odd_text_for_the_human_monitor_gets_libvirts_own_answer(direct, through, guest, text):
    both(direct, through, arguments(guest, text, HMP))


@pytest.mark.parametrize("flags", [QMP, HMP])
def test_text_that_is_not_utf8_gets_libvirts_own_answer(direct, through, guest, flags):
    both(direct, through, arguments(guest, b"balloon \xff\xfe 48", flags))


@pytest.mark.parametrize("flags", [2, 3, 0x80000000])
def test_unknown_flags_get_libvirts_own_answer(direct, through, guest, flags):
    assert both(direct, through, arguments(guest, BALLOON, flags)).status == frames.ERROR


@pytest.mark.parametrize("word", ["balloon 48", "balloon", "info balloon"])
def test_a_long_line_gets_libvirts_own_answer(direct, through, guest, word):
    """QEMU reads it byte by byte, so it is not as long as a string of libvirt's may be."""
    both(direct, through, arguments(guest, word + " " * 100_000, HMP))


@pytest.mark.parametrize("text", [BALLOON, '{"execute":"query-balloon"}', "balloon"])
def test_the_name_in_the_call_does_not_matter(direct, through, guest, text):
    payload = arguments(guest, text).replace(guest.name.encode(), b"x" * len(guest.name))
    both(direct, through, payload)


@pytest.mark.parametrize("text", [BALLOON, '{"execute":"query-balloon"}', "balloon"])
def test_an_unknown_domain_gets_libvirts_own_error(direct, through, guest, text):
    payload = frames.domain("nobody", NIL) + arguments(guest, text)[len(guest.wire()):]
    assert both(direct, through, payload).status == frames.ERROR


@pytest.mark.parametrize("text", [BALLOON, '{"execute":"query-balloon"}', "balloon"])
def test_an_inactive_domain_gets_libvirts_own_error(direct, through, blocked, text):
    assert both(direct, through, arguments(blocked, text)).status == frames.ERROR


@pytest.mark.parametrize("text", [BALLOON, '{"execute":"no"}', '{"execute":"query-balloon"}'])
def test_descriptors_of_a_command_do_not_stay_in_virtballoond(direct, virtballoond, guest, text):
    """They do stay in QEMU, which keeps what nothing takes, until its monitor gets the next."""
    before = virtballoond.idle_fds()
    fd = os.open("/dev/null", os.O_RDONLY)
    both(direct, virtballoond, arguments(guest, text), frames.MONITOR_COMMAND_WITH_FILES,
         kind=frames.CALL_WITH_FDS, nfds=3, fds=[fd] * 3)
    os.close(fd)
    harness.wait_for(lambda: virtballoond.process.fds() == before)


def test_the_text_reaches_qemu_as_the_client_wrote_it(direct, through, start_guest):
    """A shrink through virtballoond may raise questions; the command itself comes last."""
    guest = start_guest()
    for text in (BALLOON, '{ "arguments": {"value":50331648 },"execute" :"balloon"}'):
        sent = [direct.commands_sent(lambda: server.open().call(
            frames.MONITOR_COMMAND, arguments(guest, text), program=frames.QEMU))
            for server in (direct, through)]
        assert sent[0][-1] == sent[1][-1]
        assert b'"value":50331648' in sent[0][-1]
