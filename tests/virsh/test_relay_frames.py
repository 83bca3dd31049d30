"""Raw frames are answered through virtballoond as libvirtd answers them, good ones and bad ones."""

import os
import struct

import pytest

import frames
import harness

GUEST_FORGED = frames.domain("no-such-guest", "00000000-0000-4000-8000-ffffffffffff")


def unaltered(direct, through, *sent, fds=()):
    """Sends the same bytes to both on open connections; returns the one answer both gave."""
    answers = []
    for server in (direct, through):
        with server.open() as connection:
            connection.send(b"".join(sent), fds)
            answers.append(connection.read_frame())
            alive = connection.call(frames.GET_VERSION, serial=77)
            assert (alive.serial, alive.status) == (77, frames.OK)
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.parametrize("number", [0, 9999, -1])
def test_an_unknown_procedure_is_refused_by_libvirt_itself(direct, through, number):
    reply = unaltered(direct, through, frames.pack(number, serial=5))
    assert reply.error() == (39, 7, f"unknown procedure: {number}")
    assert reply.serial == 5


@pytest.mark.parametrize("program", [(0x20008086, 2), (0x20008087, 9), (0x12345678, 1)])
def test_an_unknown_program_or_version_is_refused_by_libvirt_itself(direct, through, program):
    reply = unaltered(direct, through, frames.pack(frames.SET_MEMORY, program=program, serial=5))
    assert "Cannot find program" in reply.error().message


@pytest.mark.parametrize("procedure", [frames.GET_INFO, frames.SET_MEMORY, frames.SET_MEMORY_FLAGS])
@pytest.mark.parametrize("size", [0, 4, 20])
def test_arguments_that_are_too_short_are_refused_by_libvirt_itself(
        direct, through, procedure, size):
    reply = unaltered(direct, through, frames.pack(procedure, GUEST_FORGED[:size], serial=5))
    assert reply.error() == (39, 7, "Unable to decode message payload")


@pytest.mark.parametrize("procedure", [frames.GET_INFO, frames.SET_MEMORY, frames.SET_MEMORY_FLAGS])
def test_a_string_length_beyond_the_frame_is_refused_by_libvirt_itself(
        direct, through, procedure):
    payload = struct.pack(">I", 0xFFFFFFFF) + bytes(64)
    reply = unaltered(direct, through, frames.pack(procedure, payload, serial=5))
    assert reply.error() == (39, 7, "Unable to decode message payload")


@pytest.mark.parametrize("kind", [frames.REPLY, frames.MESSAGE, frames.STREAM, 9])
def test_a_frame_of_a_type_that_clients_do_not_send_is_swallowed(direct, through, kind):
    stray = frames.pack(frames.SET_MEMORY, GUEST_FORGED + bytes(8), kind=kind, serial=4)
    reply = unaltered(direct, through, stray, frames.pack(frames.GET_VERSION, serial=5))
    assert (reply.serial, reply.status) == (5, frames.OK)


MALFORMED = {
    "length 3": struct.pack(">I", 3) + bytes(24),
    "length 4": struct.pack(">I", 4) + bytes(24),
    "a header of 20 bytes": struct.pack(">I", 20) + bytes(16),
    "length 0": bytes(28),
    "one byte more than the maximum": struct.pack(">I", frames.LENGTH_MAX + 1) + bytes(24),
    "length 0xffffffff": b"\xff\xff\xff\xff" + bytes(24),
    "33 descriptors": frames.pack(frames.GET_VERSION, kind=frames.CALL_WITH_FDS, nfds=33),
    "a descriptor's byte without descriptor":
        frames.pack(frames.GET_VERSION, kind=frames.CALL_WITH_FDS, nfds=1) + b"\0",
    "no room for the number of descriptors":
        frames.pack(frames.GET_VERSION, kind=frames.CALL_WITH_FDS),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_frame_closes_the_connection(direct, through, sent):
    for server in (direct, through):
        with server.open() as connection:
            connection.send(sent)
            assert connection.closed_by_peer(), server.path


def test_a_call_before_authentication_and_open_is_answered_the_same(direct, through):
    for procedure in (frames.GET_VERSION, frames.SET_MEMORY, frames.SET_MEMORY_FLAGS):
        replies = []
        for server in (direct, through):
            with server.connect() as connection:
                replies.append(connection.call(procedure, GUEST_FORGED + bytes(12), serial=3))
        assert replies[0] == replies[1]
        assert "connection not open" in replies[0].error().message


def test_the_largest_frame_gets_a_normal_reply(direct, through):
    payload = bytes(frames.LENGTH_MAX - frames.HEADER.size)
    sent = frames.pack(frames.GET_VERSION, payload, serial=5)
    assert len(sent) == frames.LENGTH_MAX
    assert unaltered(direct, through, sent).status == frames.OK


@pytest.mark.parametrize("size", [1, 3, 7, 27])
def test_frames_may_arrive_in_small_pieces(through, size):
    with through.open() as connection:
        sent = frames.pack(frames.GET_VERSION, serial=5) * 3
        for start in range(0, len(sent), size):
            connection.send(sent[start:start + size])
        assert [connection.read_frame().status for _ in range(3)] == [frames.OK] * 3


def test_pipelined_calls_all_get_their_reply(direct, through):
    serials = set(range(100, 160))
    for server in (direct, through):
        with server.open() as connection:
            connection.send(b"".join(frames.pack(frames.GET_CAPABILITIES, serial=serial)
                                     for serial in serials))
            replies = [connection.read_frame() for _ in serials]
        assert {reply.serial for reply in replies} == serials
        assert {reply.status for reply in replies} == {frames.OK}
        assert len({reply.payload for reply in replies}) == 1


def test_calls_with_one_serial_all_get_a_reply(direct, through):
    for server in (direct, through):
        with server.open() as connection:
            connection.send(frames.pack(frames.GET_VERSION, serial=9) * 4)
            assert [connection.read_frame().serial for _ in range(4)] == [9] * 4


@pytest.mark.parametrize("serial", [0, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
def test_any_serial_may_be_used(direct, through, serial):
    reply = unaltered(direct, through, frames.pack(frames.GET_VERSION, serial=serial))
    assert (reply.serial, reply.status) == (serial, frames.OK)


@pytest.mark.parametrize("count", [0, 1, 32])
def test_descriptors_that_a_call_does_not_want_are_taken_and_closed(direct, through, count):
    sent = frames.pack(frames.GET_VERSION, kind=frames.CALL_WITH_FDS, nfds=count, serial=5)
    read, write = os.pipe()
    reply = unaltered(direct, through, sent, fds=[write] * count)
    os.close(write)
    assert (reply.type, reply.status) == (frames.REPLY, frames.OK)
    harness.assert_hung_up(read)


def test_a_ping_gets_a_pong(direct, through):
    ping = frames.pack(frames.PING, program=frames.KEEPALIVE, kind=frames.MESSAGE)
    pong = unaltered(direct, through, ping)
    assert (pong.program, pong.procedure, pong.type) == (
        frames.KEEPALIVE, frames.PONG, frames.MESSAGE)
