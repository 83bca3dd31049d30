"""Connections that end badly or do not keep up: nothing is left behind and nobody else suffers."""

import os
import random
import struct
import time

import libvirt
import pytest

import frames
import harness

MIB = 1024
SET_MEMORY = frames.pack(
    frames.SET_MEMORY, frames.domain("g", "00000000-0000-4000-8000-ffffffffffff") + bytes(8))
UNFINISHED = {
    "nothing": b"",
    "a part of the length word": b"\0\0",
    "a part of the header": frames.pack(frames.GET_VERSION)[:10],
    "a part of a payload": frames.pack(frames.GET_VERSION, bytes(1 << 20))[:1 << 19],
    "a part of a call that is judged": SET_MEMORY[:-4],
    "a call without its descriptor":
        frames.pack(frames.GET_VERSION, kind=frames.CALL_WITH_FDS, nfds=1),
    "a judged call without its descriptors":
        frames.pack(frames.SET_MEMORY, SET_MEMORY[frames.HEADER.size:],
                    kind=frames.CALL_WITH_FDS, nfds=2),
    "a call whose reply nobody reads": frames.pack(frames.GET_CAPABILITIES),
    "a judged call whose reply nobody reads": SET_MEMORY,
}


@pytest.fixture
def own(start_virtballoond):
    """A virtballoond with no other clients, so that its descriptors and memory can be counted."""
    return start_virtballoond()


def same_fds_again(daemon, before):
    """Asserts that everything that was opened gets closed."""
    harness.wait_for(lambda: daemon.process.fds() == before)


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(own, sent):
    before = own.idle_fds()
    for _ in range(5):
        with own.connect() as connection:
            connection.send(sent)
        with own.open() as connection:
            connection.send(sent)
    same_fds_again(own, before)
    assert own.virsh("uri").code == 0


def test_garbage_ends_its_own_connection_and_nothing_else(own):
    numbers = random.Random(7)
    before = own.idle_fds()
    for _ in range(200):
        noise = numbers.randbytes(numbers.randrange(1, 300))
        length = frames.HEADER.size + numbers.choice([0, 4, len(noise), 70000])
        header = struct.pack(">I", length) + struct.pack(
            ">IIiI", *frames.REMOTE, numbers.choice([1, 31, 204, 14]), numbers.randrange(8))
        with own.open() as connection:
            connection.send(header + noise)
    same_fds_again(own, before)
    assert own.virsh("uri").code == 0


def test_three_hundred_connections_leave_no_descriptor_behind(own):
    before = own.idle_fds()
    for _ in range(300):
        with own.open("test:///default") as connection:
            assert connection.call(frames.GET_VERSION, serial=2).status == frames.OK
    same_fds_again(own, before)


def test_many_clients_at_a_time_are_all_served(own):
    before = own.idle_fds()
    connections = [own.open("test:///default") for _ in range(60)]
    for connection in connections:
        connection.send(frames.pack(frames.GET_VERSION, serial=2))
    for connection in connections:
        assert connection.read_frame().status == frames.OK
        connection.socket.close()
    same_fds_again(own, before)


def test_a_client_that_does_not_read_replies_is_not_read_either(own):
    before = own.process.memory_kib()
    call = frames.pack(frames.GET_CAPABILITIES, bytes(60_000), serial=2)
    with own.open() as connection:
        connection.socket.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 256 * len(call) * 16:
                sent += connection.socket.send((call * 2)[sent % len(call):][:len(call)])
        assert own.process.memory_kib() - before < 32 * MIB
        assert own.virsh("uri").code == 0, "another client has to wait"
        connection.socket.settimeout(30)
        for _ in range(sent // len(call)):
            assert connection.read_frame().status == frames.OK


def test_a_stream_that_nobody_reads_does_not_pile_up(own, directory):
    path = directory / "long-pool"
    path.mkdir()
    (path / "long").touch()
    os.truncate(path / "long", 96 << 20)
    connection = libvirt.open(own.uri())
    pool = connection.storagePoolCreateXML(
        f"<pool type='dir'><name>long-pool</name><target><path>{path}</path></target></pool>")
    stream = connection.newStream()
    pool.storageVolLookupByName("long").download(stream, 0, 0)
    before = own.process.memory_kib()
    time.sleep(1)
    assert own.process.memory_kib() - before < 32 * MIB
    received = 0
    while part := stream.recv(1 << 20):
        received += len(part)
    assert received == 96 << 20
    stream.finish()
    pool.destroy()
    connection.close()
    assert own.process.memory_kib("VmHWM") - before < 32 * MIB


def test_clients_see_the_end_of_libvirtd_and_find_the_next_one(direct, through, guest):
    with direct.open() as first, through.open() as second:
        direct.kill()
        assert first.closed_by_peer()
        assert second.closed_by_peer()
    refused = through.virsh("uri")
    direct.start()
    assert refused.code == 1
    assert through.virsh("domstate", guest.name).out == b"paused\n\n"


def assert_turned_away(daemon):
    """Asserts that virsh is told that it cannot be served; a plain close kills it by SIGPIPE."""
    result = daemon.virsh("uri")
    assert result.code == 1, result
    assert b"failed to connect to the hypervisor" in result.err


def test_clients_are_turned_away_when_libvirtd_was_never_there(start_virtballoond, directory):
    daemon = start_virtballoond(upstream_dir=directory / "nowhere")
    before = daemon.process.fds()
    for _ in range(5):
        assert_turned_away(daemon)
    same_fds_again(daemon, before)


@pytest.mark.parametrize("key", ["max_clients", "max_clients_per_user"])
def test_clients_beyond_the_limit_are_turned_away(start_virtballoond, key):
    daemon = start_virtballoond(f"auth=none\n{key}=2\n")
    with daemon.open("test:///default") as first, daemon.open("test:///default"):
        before = daemon.process.fds()
        for _ in range(5):
            assert_turned_away(daemon)
        same_fds_again(daemon, before)
        assert first.call(frames.GET_VERSION, serial=2).status == frames.OK
    harness.wait_for(lambda: daemon.virsh("uri").code == 0)


def test_a_killed_virtballoond_can_be_started_again_in_its_place(own):
    own.process.stop(9)
    own.start()
    assert own.virsh("uri").code == 0
