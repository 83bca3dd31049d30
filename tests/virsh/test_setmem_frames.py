"""SET_MEMORY and SET_MEMORY_FLAGS in every shape the protocol allows: judged, then relayed."""

import os

import pytest

import frames
import harness
from setmem import KIB, arguments

NIL = "00000000-0000-0000-0000-000000000000"
PROCEDURES = {"SET_MEMORY": frames.SET_MEMORY, "SET_MEMORY_FLAGS": frames.SET_MEMORY_FLAGS}


@pytest.fixture(params=PROCEDURES.values(), ids=PROCEDURES.keys())
def procedure(request):
    """The two calls that ask for the same thing."""
    return request.param


def both(direct, through, procedure, payload, *, fds=(), **header):
    """The one reply that both give; it carries the call's own serial and procedure."""
    replies = []
    for server in (direct, through):
        with server.open() as connection:
            replies.append(connection.call(procedure, payload, fds=fds, **header))
            assert connection.call(frames.GET_VERSION, serial=77).serial == 77
    assert replies[0] == replies[1]
    assert (replies[0].procedure, replies[0].type) == (procedure, frames.REPLY)
    return replies[0]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_call_with_descriptors_is_answered_and_they_are_closed(
        direct, through, guest, procedure, count):
    read, write = os.pipe()
    reply = both(direct, through, procedure, arguments(procedure, guest.wire()),
                 kind=frames.CALL_WITH_FDS, nfds=count, fds=[write] * count, serial=5)
    os.close(write)
    assert (reply.status, reply.serial, reply.payload) == (frames.OK, 5, b"")
    harness.assert_hung_up(read)


@pytest.mark.parametrize("length", [128, 65536, 1 << 20, frames.LENGTH_MAX])
def test_a_padded_call_is_answered(direct, through, guest, procedure, length):
    payload = arguments(procedure, guest.wire())
    payload += bytes(length - frames.HEADER.size - len(payload))
    reply = both(direct, through, procedure, payload, serial=5)
    assert (reply.status, reply.payload) == (frames.OK, b"")


def test_padded_calls_do_not_stay_in_memory(start_virtballoond, guest, procedure):
    daemon = start_virtballoond()
    payload = arguments(procedure, guest.wire())
    payload += bytes(frames.LENGTH_MAX - frames.HEADER.size - len(payload))
    before = daemon.process.memory_kib("VmHWM")
    with daemon.open() as connection:
        assert connection.call(procedure, payload, serial=5).status == frames.OK
    assert daemon.process.memory_kib("VmHWM") - before < 16 * KIB


def test_the_uuid_counts_and_not_the_name(direct, through, guest, procedure):
    payload = arguments(procedure, frames.domain("an-old-name", guest.uuid, 4711))
    assert both(direct, through, procedure, payload, serial=5).status == frames.OK


@pytest.mark.parametrize("name", ["", "x" * 255, "\u00e4\u00f6\u00fc", "a\nb", "%s%n"])
def test_an_unknown_uuid_is_refused_by_libvirt_itself(direct, through, procedure, name):
    payload = arguments(procedure, frames.domain(name, NIL))
    error = both(direct, through, procedure, payload, serial=5).error()
    assert error.code == 42, error
    assert "Domain not found" in error.message


@pytest.mark.parametrize("kib", [0, 1, 64 * KIB, 64 * KIB + 1, 1 << 54, (1 << 64) - 1])
def test_any_size_gets_the_same_answer(direct, through, guest, procedure, kib):
    both(direct, through, procedure, arguments(procedure, guest.wire(), kib), serial=5)


@pytest.mark.parametrize("serial", [0, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFC, 0xFFFFFFFD, 0xFFFFFFFE,
                                    0xFFFFFFFF])
def test_any_serial_comes_back(direct, through, guest, procedure, serial):
    reply = both(direct, through, procedure,
                 arguments(procedure, guest.wire()), serial=serial)
    assert (reply.status, reply.serial) == (frames.OK, serial)


@pytest.mark.parametrize("count", [2, 12])
def test_pipelined_calls_with_one_serial_all_get_their_reply(
        direct, through, guest, procedure, count):
    call = frames.pack(procedure, arguments(procedure, guest.wire()), serial=5)
    for server in (direct, through):
        with server.open() as connection:
            connection.send(call * count)
            replies = [connection.read_frame() for _ in range(count)]
            assert {(reply.serial, reply.status) for reply in replies} == {(5, frames.OK)}
            assert connection.call(frames.GET_VERSION, serial=6).serial == 6


def test_pipelined_calls_of_all_kinds_all_get_their_reply(direct, through, guest):
    calls = {serial: serial % 3 for serial in range(200, 260)}
    kinds = [frames.SET_MEMORY, frames.SET_MEMORY_FLAGS, frames.GET_VERSION]
    sent = b"".join(
        frames.pack(kinds[kind], b"" if kind == 2 else arguments(
            kinds[kind], guest.wire(), 40 * KIB + serial), serial=serial)
        for serial, kind in calls.items())
    for server in (direct, through):
        with server.open() as connection:
            connection.send(sent)
            replies = [connection.read_frame() for _ in calls]
        assert {reply.serial: (reply.procedure, reply.status) for reply in replies} == \
            {serial: (kinds[kind], frames.OK) for serial, kind in calls.items()}


@pytest.mark.parametrize("size", [1, 5, 29])
def test_a_call_may_arrive_in_small_pieces(through, guest, procedure, size):
    call = frames.pack(procedure, arguments(procedure, guest.wire()), serial=5)
    with through.open() as connection:
        for start in range(0, len(call), size):
            connection.send(call[start:start + size])
        assert connection.read_frame().status == frames.OK


def test_the_same_number_in_another_program_is_not_judged(direct, through, guest, procedure):
    payload = arguments(procedure, guest.wire())
    error = both(direct, through, procedure, payload, program=frames.QEMU, serial=5).error()
    assert error == (39, 7, f"unknown procedure: {procedure}")


def test_a_call_on_the_test_driver_is_relayed(direct, through, procedure):
    uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f"
    for server in (direct, through):
        with server.open("test:///default") as connection:
            payload = arguments(procedure, frames.domain("test", uuid), 1 << 20)
            reply = connection.call(procedure, payload, serial=5)
            assert (reply.status, reply.serial) == (frames.OK, 5)
