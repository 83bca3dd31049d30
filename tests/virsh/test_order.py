"""What libvirtd says reaches the client unaltered and in libvirtd's order, whatever the timing.

A recorder in front of virtballoond and one behind it have seen the same bytes, but for what
virtballoond asks and answers by itself.
"""

import struct
import subprocess
import threading

import libvirt
import pytest

import frames
import load
import recorder
import setmem

LIFECYCLE, BALLOON_CHANGE, METADATA_CHANGE = 0, 13, 24
REGISTER_ANY = 316
OWN_SERIAL = 0xF0000000
CALLS = 200


@pytest.fixture
def chain(recorded, directory):
    """A virtballoond between two recorders."""
    daemon, behind = recorded
    path = directory / "before"
    before = recorder.Recorder(path, daemon.path)
    yield before, behind, daemon.uri().replace(str(daemon.path), str(path))
    before.close()


def asked(connection):
    """Which calls to libvirtd are questions of virtballoond's."""
    return {(frame.program, frame.procedure, frame.serial) for frame in connection.calls()
            if frame.serial >= OWN_SERIAL}


def is_in(frame, calls):
    """Whether a frame is a call or the reply to a call."""
    return frame.type != frames.MESSAGE and (
        frame.program, frame.procedure, frame.serial) in calls


def assert_unaltered(before, behind):
    """Asserts that a client was told what libvirtd said and in that order; returns the rest.

    The rest is what only the client was told: refusals by virtballoond. What libvirtd said last may
    not have got to a client that has left.
    """
    questions = asked(behind)
    said = [frame for frame in behind.answers() if not is_in(frame, questions)]
    told = before.answers()
    passed = {(frame.program, frame.procedure, frame.serial) for frame in behind.calls()}
    refusals = [frame for frame in told if frame.type == frames.REPLY and not is_in(frame, passed)]
    relayed = [frame for frame in told if frame not in refusals]
    assert relayed and relayed == said[:len(relayed)]
    return refusals


def assert_nothing_added(before, behind):
    """Asserts that libvirtd heard the client's calls, each of them once, and questions."""
    questions = asked(behind)
    heard = [frame for frame in behind.calls() if not is_in(frame, questions)]
    assert sorted(heard) == sorted(before.calls())


def mixed_calls(guest, blocked):
    """Calls of many kinds as one piece: relayed, judged and granted, judged and refused."""
    kinds = [
        (frames.GET_VERSION, b""),
        (frames.SET_MEMORY, setmem.arguments(frames.SET_MEMORY, guest.wire())),
        (frames.GET_XML_DESC, guest.wire() + bytes(4)),
        (frames.SET_MEMORY_FLAGS, setmem.configure(blocked)),
        (frames.GET_INFO, guest.wire()),
        (9999, b""),
        (frames.GET_CAPABILITIES, b""),
    ]
    return b"".join(frames.pack(*kinds[number % len(kinds)], serial=100 + number)
                    for number in range(CALLS))


def stir(server, guest, stop):
    """Brings about events until told to stop."""
    while not stop.is_set():
        server.virsh(f"resume {guest.name}; suspend {guest.name}; "
                     f"metadata {guest.name} urn:o --key o --set '<o/>'")


def test_replies_and_events_of_one_client_keep_their_order(direct, chain, start_guest, blocked):
    before, behind, _ = chain
    guest = start_guest()
    stop = threading.Event()
    stirring = threading.Thread(target=stir, args=(direct, guest, stop))
    with frames.Connection(before.path, timeout=30) as connection:
        connection.open()
        for serial, event in enumerate((LIFECYCLE, BALLOON_CHANGE, METADATA_CHANGE), 2):
            payload = struct.pack(">i", event) + frames.optional(guest.wire())
            assert connection.call(REGISTER_ANY, payload, serial=serial).status == frames.OK
        stirring.start()
        events, replies = 0, 0
        connection.send(mixed_calls(guest, blocked))
        while replies < CALLS or events < 12:
            frame = connection.read_frame()
            events += frame.type == frames.MESSAGE
            replies += frame.type == frames.REPLY
        stop.set()
        stirring.join()
    refusals = assert_unaltered(before.connections[0], behind.connections[0])
    for refusal in refusals:
        setmem.assert_refused(refusal, blocked)
    assert len(refusals) == len(range(3, CALLS, 7))


def test_what_libvirtd_hears_is_what_the_clients_said(chain, start_guest):
    before, behind, uri = chain
    guests = [start_guest()]
    load.Load(uri, guests, connections=1, threads=4, calls=20).start().finish()
    assert_unaltered(before.connections[0], behind.connections[0])
    assert_nothing_added(before.connections[0], behind.connections[0])


def test_a_stream_among_other_calls_keeps_its_order(direct, chain, directory):
    before, behind, uri = chain
    path = directory / "order-pool"
    path.mkdir()
    (path / "volume").write_bytes(bytes(range(256)) * 8192)
    assert direct.virsh("pool-create-as", "order-pool", "dir", "--target", path).code == 0
    connection = libvirt.open(uri)
    stream = connection.newStream()
    pool = connection.storagePoolLookupByName("order-pool")
    pool.storageVolLookupByName("volume").download(stream, 0, 0)
    while stream.recv(100_000):
        connection.getLibVersion()
    stream.finish()
    connection.close()
    assert direct.virsh("pool-destroy", "order-pool").code == 0
    assert assert_unaltered(before.connections[0], behind.connections[0]) == []
    assert_nothing_added(before.connections[0], behind.connections[0])


def test_events_that_virsh_waits_for_keep_their_order(direct, chain, start_guest):
    before, behind, uri = chain
    guest = start_guest()
    watcher = subprocess.Popen(["virsh", "-c", uri, "event", guest.name, "--all", "--loop"],
                               stdout=subprocess.PIPE)
    stop = threading.Event()
    stirring = threading.Thread(target=stir, args=(direct, guest, stop))
    stirring.start()
    for _ in range(20):
        assert watcher.stdout.readline().startswith(b"event ")
    stop.set()
    stirring.join()
    watcher.terminate()
    watcher.communicate()
    assert assert_unaltered(before.connections[0], behind.connections[0]) == []
