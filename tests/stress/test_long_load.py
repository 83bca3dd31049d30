"""Loads that go on for a while: no call without its answer, no growth."""

import pytest

import load

CLIENTS, THREADS, CALLS, ROUNDS = 8, 4, 200, 8


@pytest.mark.seconds(1200)
def test_round_after_round_every_call_is_answered_and_memory_stays_as_it_is(
        start_virtballoond, start_guest):
    daemon = start_virtballoond()
    guests = [start_guest() for _ in range(3)]
    sizes = []
    for _ in range(ROUNDS):
        running = load.Load(daemon.uri(), guests, connections=CLIENTS, threads=THREADS,
                            calls=CALLS).start()
        assert running.finish() == CLIENTS * THREADS * CALLS, running.errors()
        sizes.append((daemon.idle_fds(), daemon.process.memory_kib()))
    print(f"\ndescriptors and KiB after each {CLIENTS * THREADS * CALLS} calls: {sizes}")
    assert len({fds for fds, _ in sizes}) == 1
    assert sizes[-1][1] - sizes[0][1] < 512
