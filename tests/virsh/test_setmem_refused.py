"""What virtballoond refuses, as far as it can be shown without a device to assign.

A definition with a device that is not there cannot be started, but the size for its next start is
judged.
"""

import os

import pytest

import frames
import guests
import harness
import setmem
from setmem import CONFIG, KIB, LIVE, REFUSED


@pytest.fixture(scope="module")
def changed(start_guest):
    """A running guest that has its device and policy 'block' from its next start on."""
    guest = start_guest()
    guest.define(devices=guests.BALLOON + guests.PCI, extra=guests.policy("block"))
    return guest


def inactive_size(direct, guest):
    """The size for the next start."""
    text = direct.virsh("dumpxml", guest.name, "--inactive").out.decode()
    return int(text.partition("<currentMemory unit='KiB'>")[2].partition("<")[0])


@pytest.mark.parametrize("options", [["--config"], ["--current"]], ids="".join)
def test_a_size_for_the_next_start_is_refused(direct, virtballoond, blocked, options):
    result = virtballoond.virsh("setmem", blocked.name, "48M", *options)
    assert (result.code, result.out) == (1, b"\n")
    message = result.err.decode()
    assert message.startswith(f"error: {REFUSED}")
    for word in (blocked.name, "'ua-gpu'", guests.MDEV_UUID):
        assert word in message
    assert inactive_size(direct, blocked) == 64 * KIB


@pytest.mark.parametrize("word", ["warn", "ignore", None])
def test_a_size_for_the_next_start_passes_unless_the_domain_asks_for_block(
        direct, virtballoond, start_guest, word):
    guest = start_guest(devices=guests.BALLOON + guests.PCI,
                        extra=guests.policy(word) if word else "", start=False)
    logged = virtballoond.process.log.stat().st_size
    assert virtballoond.virsh("setmem", guest.name, "48M", "--config") == (0, b"\n", b"")
    assert inactive_size(direct, guest) == 48 * KIB
    log = virtballoond.process.log.read_bytes()[logged:]
    assert (f"'{guest.name}'".encode() in log) == (word != "ignore")


def test_nothing_is_half_applied(direct, virtballoond, changed):
    def shrink():
        result = virtballoond.virsh("setmem", changed.name, "48M", "--live", "--config")
        assert result.code == 1
        assert "'ua-nic'" in result.err.decode() and guests.PCI_ADDRESS in result.err.decode()

    assert direct.commands_sent(shrink) == []
    assert inactive_size(direct, changed) == 64 * KIB


def test_the_running_guest_is_judged_by_what_it_has_now(direct, virtballoond, changed):
    sent = direct.commands_sent(
        lambda: virtballoond.virsh("setmem", changed.name, "48M", "--live"))
    assert len(sent) == 1


@pytest.mark.parametrize("size, options", [
    ("64M", ["--config"]), ("65M", ["--config"]), ("0", ["--config"]), ("48M", ["--live"]),
    ("48M", [])], ids=str)
def test_what_libvirt_grants_or_refuses_by_itself_is_left_to_it(same, blocked, size, options):
    same("setmem", blocked.name, size, *options)


def test_a_read_only_client_gets_libvirts_own_refusal(same, blocked):
    result = same("setmem", blocked.name, "48M", "--config", readonly=True)
    assert b"read only access prevents virDomainSetMemory" in result.err


@pytest.mark.parametrize("flags", [CONFIG | 0x400, CONFIG | 4])
def test_other_flags_get_libvirts_own_answer(direct, through, blocked, flags):
    replies = []
    for server in (direct, through):
        with server.open() as connection:
            replies.append(connection.call(
                frames.SET_MEMORY_FLAGS, setmem.arguments(
                    frames.SET_MEMORY_FLAGS, blocked.wire(), 64 * KIB, flags)))
    assert replies[0] == replies[1]


@pytest.mark.parametrize("length", [128, 1 << 20, frames.LENGTH_MAX])
def test_a_padded_call_is_refused_too(virtballoond, blocked, length):
    payload = setmem.configure(blocked)
    payload += bytes(length - frames.HEADER.size - len(payload))
    with virtballoond.open() as connection:
        setmem.assert_refused(connection.call(frames.SET_MEMORY_FLAGS, payload, serial=5), blocked)
        assert connection.call(frames.GET_VERSION, serial=6).serial == 6


@pytest.mark.parametrize("count", [0, 1, 32])
def test_a_call_with_descriptors_is_refused_too(virtballoond, blocked, count):
    read, write = os.pipe()
    with virtballoond.open() as connection:
        reply = connection.call(
            frames.SET_MEMORY_FLAGS, setmem.configure(blocked),
            kind=frames.CALL_WITH_FDS, nfds=count, fds=[write] * count, serial=5)
        setmem.assert_refused(reply, blocked)
        os.close(write)
        harness.assert_hung_up(read)
        assert connection.call(frames.GET_VERSION, serial=6).serial == 6


def test_a_wrong_name_does_not_help(virtballoond, blocked):
    payload = setmem.arguments(frames.SET_MEMORY_FLAGS, frames.domain("harmless", blocked.uuid),
                               flags=CONFIG)
    with virtballoond.open() as connection:
        setmem.assert_refused(connection.call(frames.SET_MEMORY_FLAGS, payload), blocked)


@pytest.mark.parametrize("serial", [0, 0xFFFFFFFC, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF])
def test_a_refusal_carries_the_serial_of_the_call(virtballoond, blocked, serial):
    with virtballoond.open() as connection:
        reply = connection.call(frames.SET_MEMORY_FLAGS,
                                setmem.configure(blocked), serial=serial)
        setmem.assert_refused(reply, blocked)
        assert reply.serial == serial


@pytest.mark.parametrize("serials", [[5, 5], [5] * 12, list(range(40))], ids=len)
def test_pipelined_calls_are_all_refused(virtballoond, blocked, serials):
    payload = setmem.configure(blocked)
    with virtballoond.open() as connection:
        connection.send(b"".join(frames.pack(frames.SET_MEMORY_FLAGS, payload, serial=serial)
                                 for serial in serials))
        replies = [connection.read_frame() for _ in serials]
    for reply in replies:
        setmem.assert_refused(reply, blocked)
    assert sorted(reply.serial for reply in replies) == serials


def test_refused_and_granted_calls_may_be_mixed(virtballoond, blocked, guest):
    calls = {serial: blocked if serial % 2 else guest for serial in range(300, 340)}
    with virtballoond.open() as connection:
        connection.send(b"".join(
            frames.pack(frames.SET_MEMORY_FLAGS, setmem.arguments(
                frames.SET_MEMORY_FLAGS, target.wire(),
                flags=CONFIG if target is blocked else LIVE), serial=serial)
            for serial, target in calls.items()))
        replies = [connection.read_frame() for _ in calls]
    assert {reply.serial: reply.status for reply in replies} == {
        serial: frames.ERROR if target is blocked else frames.OK
        for serial, target in calls.items()}
