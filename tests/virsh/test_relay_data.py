"""What is more than calls and replies: file descriptors, streams, events, keepalive."""

import hashlib
import os
import random
import signal
import socket
import struct
import subprocess
import threading

import libvirt
import pytest

import frames
import harness

FEATURE_KEEPALIVE = 10


@pytest.fixture(scope="module")
def pool(direct, directory):
    """A storage pool on a directory."""
    path = directory / "pool"
    path.mkdir()
    assert direct.virsh("pool-create-as", "pool", "dir", "--target", path).code == 0
    return path


@pytest.fixture(params=["direct", "through"])
def server(request):
    """Either side, for what cannot be compared byte for byte."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def connection(server):
    """A libvirt-python connection."""
    opened = libvirt.open(server.uri())
    yield opened
    opened.close()


@pytest.fixture
def content():
    """Three and a half megabytes: many stream packets, the last one not full."""
    return random.Random(1).randbytes(3_500_001)


def test_a_descriptor_reaches_qemu_with_a_monitor_command(server, start_guest):
    guest = start_guest()
    fd = os.open("/dev/null", os.O_RDONLY)
    added = server.virsh("qemu-monitor-command", guest.name, "--pass-fds", str(fd),
                         '{"execute":"add-fd","arguments":{"fdset-id":7,"opaque":"from us"}}',
                         pass_fds=[fd])
    os.close(fd)
    assert added.out.startswith(b'{"return":{"fd":'), added
    assert b'"opaque":"from us"' in server.virsh(
        "qemu-monitor-command", guest.name, '{"execute":"query-fdsets"}').out


def test_a_descriptor_comes_back_with_a_reply(connection, guest):
    fd = connection.lookupByName(guest.name).openGraphicsFD(0)
    assert os.read(fd, 12) == b"RFB 003.008\n"
    os.close(fd)


def test_a_descriptor_is_taken_along_with_a_call(connection, guest):
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    connection.lookupByName(guest.name).openGraphics(0, theirs.fileno())
    theirs.close()
    assert ours.recv(12) == b"RFB 003.008\n"
    ours.close()


def test_a_screenshot_is_the_same(direct, through, guest, directory):
    pictures = []
    for server in (direct, through):
        path = directory / "screenshot"
        assert server.virsh("screenshot", guest.name, path).code == 0
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG")


@pytest.mark.parametrize("sparse", [(), ("--sparse",)], ids=["whole", "sparse"])
def test_a_volume_goes_up_and_comes_down_unchanged(server, pool, directory, content, sparse):
    source, target = directory / "source", directory / "target"
    source.write_bytes(content[:1_000_000] + bytes(5_000_000) + content[1_000_000:])
    size = str(source.stat().st_size)
    try:
        for command in (("vol-create-as", "pool", "volume", size, "--allocation", "0"),
                        ("vol-upload", "volume", source, "pool", *sparse),
                        ("vol-download", "volume", target, "pool", *sparse)):
            result = server.virsh(*command)
            assert result.code == 0, result
        assert hashlib.sha256(target.read_bytes()).digest() == \
            hashlib.sha256(source.read_bytes()).digest()
    finally:
        server.virsh("vol-delete", "volume", "pool")


def test_a_stream_that_fails_ends_with_the_same_error(direct, through, pool, directory, content):
    source = directory / "too-long"
    source.write_bytes(content)
    ends = []
    for server in (direct, through):
        assert server.virsh("vol-create-as", "pool", "removed", "1").code == 0
        (pool / "removed").unlink()
        ends.append(server.virsh("vol-upload", "removed", source, "pool"))
        server.virsh("pool-refresh", "pool")
    assert ends[0] == ends[1]
    assert b"No such file or directory" in ends[0].err


def test_other_calls_go_on_while_a_stream_is_open(connection, pool, content):
    (pool / "big").write_bytes(content)
    found = connection.storagePoolLookupByName("pool")
    found.refresh()
    volume = found.storageVolLookupByName("big")
    stream = connection.newStream()
    volume.download(stream, 0, 0)
    received = bytearray()
    while part := stream.recv(100_000):
        received += part
        assert connection.getLibVersion() > 0
    stream.finish()
    volume.delete()
    assert received == content


def test_events_arrive_the_same(direct, through, start_guest, tmp_path):
    """From when both see events to when both have seen the last one, however long that takes."""
    guest = start_guest()
    logs = [tmp_path / name for name in ("direct", "through")]
    watchers = []
    for server, log in zip((direct, through), logs):
        with open(log, "wb") as file:
            watchers.append(subprocess.Popen(
                ["virsh", "-c", server.uri(), "event", guest.name, "--all", "--loop"],
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT))

    def note(urn):
        assert direct.virsh("metadata", guest.name, urn, "--key", "e", "--set", "<e/>").code == 0

    def seen_by_both(urn):
        return all(urn in log.read_text() for log in logs)

    harness.wait_for(lambda: note("urn:begin") or seen_by_both("urn:begin"))
    for command in ("resume", "suspend"):
        assert direct.virsh(command, guest.name).code == 0
    note("urn:end")
    harness.wait_for(lambda: seen_by_both("urn:end"))
    for watcher in watchers:
        watcher.terminate()
        watcher.wait()
    seen = [[line for line in log.read_text().splitlines() if "urn:begin" not in line]
            for log in logs]
    assert seen[0] == seen[1]
    text = "\n".join(seen[0])
    assert "Resumed" in text and "Suspended" in text and "metadata-change" in text


def test_keepalive_goes_on_while_a_call_waits(direct, through, start_guest):
    guest = start_guest()
    os.kill(guest.pid(), signal.SIGSTOP)
    waker = threading.Timer(5.5, os.kill, (guest.pid(), signal.SIGCONT))
    waker.start()
    try:
        clients = [subprocess.Popen(["virsh", "-k", "1", "-K", "3", "-c", server.uri(),
                                     "qemu-monitor-command", guest.name, "--hmp", "info status"],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for server in (direct, through)]
        seen = [client.communicate(timeout=20)[0] for client in clients]
    finally:
        waker.join()
    assert seen[0] == seen[1]
    assert seen[0].startswith(b"VM status: paused"), seen


def test_libvirtds_own_ping_reaches_an_idle_client(direct, through):
    with direct.open() as first, through.open() as second:
        for connection in (first, second):
            reply = connection.call(frames.SUPPORTS_FEATURE,
                                    struct.pack(">i", FEATURE_KEEPALIVE), serial=2)
            assert reply.status == frames.OK
        pings = [connection.read_frame() for connection in (first, second)]
        assert pings[0] == pings[1]
        assert (pings[0].program, pings[0].procedure) == (frames.KEEPALIVE, frames.PING)
