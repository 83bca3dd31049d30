"""Many clients at the same time: every call gets its own answer, and nothing is left behind."""

import pytest

import frames
import load
import setmem
import stalled

CLOSE = 2


@pytest.fixture
def own(start_virtballoond):
    """A virtballoond with no other clients, so that its descriptors and memory can be counted."""
    return start_virtballoond()


def test_eight_clients_with_four_threads_each_get_every_answer(own, start_guest):
    guests = [start_guest() for _ in range(2)]
    before = own.idle_fds()
    running = load.Load(own.uri(), guests, connections=8, threads=4, calls=25).start()
    assert running.finish() == 8 * 4 * 25, running.errors()
    assert own.idle_fds() == before


def test_a_thousand_connections_leave_no_descriptor_and_no_memory_behind(own, guest):
    def visit():
        with own.open() as connection:
            assert connection.call(frames.SET_MEMORY, setmem.arguments(
                frames.SET_MEMORY, guest.wire()), serial=2).status == frames.OK
            assert connection.call(CLOSE, serial=3).status == frames.OK

    for _ in range(100):
        visit()
    fds, memory = own.idle_fds(), own.process.memory_kib()
    for _ in range(1000):
        visit()
    assert own.idle_fds() == fds
    print(f"grew by {own.process.memory_kib() - memory} KiB")
    assert own.process.memory_kib() - memory < 256


@pytest.mark.parametrize("qmp", ["auto", "always"])
def test_calls_that_wait_for_a_stopped_qemu_hold_up_nobody_else(
        start_virtballoond, start_guest, qmp):
    """The figures are in tests/stress; here they only must not be of another order."""
    daemon = start_virtballoond(f"auth=none\nqmp={qmp}\n")
    quiet, loaded = stalled.compare(daemon, start_guest(), start_guest(), pending=30, clients=10,
                                    seconds=1)
    assert loaded.p99 < 10 * quiet.p99 + 200
    assert loaded.calls > quiet.calls / 10
