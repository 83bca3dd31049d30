"""What is not QEMU's, on the same socket: relayed, and never judged.

This libvirtd has the test driver, and drivers for networks, storage and so on; lxc it has not.
"""

import struct

import pytest

import frames
import guests
import setmem

TEST_DOMAIN = frames.domain("test", "6695eb01-f6a4-8304-79aa-97f2502e193f")
DRIVERS = ["test:///default", "network:///system", "secret:///system", "storage:///system",
           "nodedev:///system", "interface:///system", "nwfilter:///system"]
ABSENT = ["lxc:///", "lxc:///system", "xen:///system", "bhyve:///system", "no-such-driver:///"]
CALLS = {
    "SET_MEMORY": frames.pack(
        frames.SET_MEMORY, setmem.arguments(frames.SET_MEMORY, TEST_DOMAIN, 1 << 20), serial=5),
    "SET_MEMORY_FLAGS": frames.pack(
        frames.SET_MEMORY_FLAGS, setmem.arguments(frames.SET_MEMORY_FLAGS, TEST_DOMAIN, 1 << 20),
        serial=5),
    "ATTACH_DEVICE": frames.pack(
        frames.ATTACH_DEVICE, TEST_DOMAIN + frames.string(guests.PCI), serial=5),
    "DETACH_DEVICE": frames.pack(
        frames.DETACH_DEVICE, TEST_DOMAIN + frames.string(guests.PCI), serial=5),
    "MONITOR_COMMAND": frames.pack(
        frames.MONITOR_COMMAND, TEST_DOMAIN + frames.string("balloon 1") + struct.pack(">I", 1),
        program=frames.QEMU, serial=5),
    "SET_METADATA": frames.pack(
        frames.SET_METADATA, TEST_DOMAIN + struct.pack(">i", 0) +
        frames.optional(frames.string("words")) + bytes(12), serial=5),
}


def conversation(server, name, call):
    """All that is answered to a client that opens a driver and makes a call."""
    with server.connect() as connection:
        sent = [frames.pack(frames.AUTH_LIST),
                frames.pack(frames.CONNECT_OPEN,
                            frames.optional(frames.string(name)) + bytes(4), serial=1),
                call, frames.pack(frames.GET_TYPE, serial=6)]
        answers = []
        for frame in sent:
            connection.send(frame)
            answers.append(connection.read_frame())
        return answers


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_another_driver_answers_for_itself(direct, through, name, call):
    answers = conversation(direct, name, call)
    assert conversation(through, name, call) == answers
    assert answers[1].status == answers[3].status == frames.OK
    granted = name.startswith("test:") and answers[2].procedure in (
        frames.SET_MEMORY, frames.SET_MEMORY_FLAGS, frames.SET_METADATA)
    assert (answers[2].status == frames.OK) == granted


@pytest.mark.parametrize("name", ABSENT)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_driver_that_libvirtd_has_not_is_refused_by_libvirtd(direct, through, name, call):
    answers = conversation(direct, name, call)
    assert conversation(through, name, call) == answers
    assert answers[1].error().message == f"no connection driver available for {name}"
    assert "connection not open" in answers[2].error().message


def test_virsh_on_the_lxc_driver_prints_the_same(same):
    for command in ("list --all", "setmem test 1G", "attach-device test /dev/null"):
        assert same(command, driver="lxc").code == 1


def test_nothing_but_the_type_of_its_driver_is_asked(recorded):
    client, behind = recorded
    with client.open("test:///default") as connection:
        for call in CALLS.values():
            connection.send(call)
            connection.read_frame()
    said = [frame.procedure for frame in behind.connections[-1].calls()]
    assert said == [frames.AUTH_LIST, frames.AUTH_LIST, frames.CONNECT_OPEN, frames.SET_IDENTITY,
                    frames.GET_MAX_VCPUS, frames.GET_TYPE,
                    *(frames.unpack(call).procedure for call in CALLS.values())]
