"""The latency of other clients' calls while a hundred setmems wait for a stopped QEMU.

The client, in Python on the same cores, has its part in the milliseconds; what counts is how the
two lines compare.
"""

import pytest

import stalled

PENDING, CLIENTS, SECONDS, ROUNDS = 100, 50, 4, 3


@pytest.mark.seconds(300)
@pytest.mark.parametrize("qmp", ["auto", "always"])
def test_a_hundred_waiting_setmems_hold_up_nobody_else(start_virtballoond, start_guest, qmp):
    daemon = start_virtballoond(f"auth=none\nqmp={qmp}\n")
    stopped, other = start_guest(), start_guest()
    ratios = []
    for _ in range(ROUNDS):
        quiet, loaded = stalled.compare(daemon, stopped, other, pending=PENDING, clients=CLIENTS,
                                        seconds=SECONDS)
        ratios.append(loaded.p99 / quiet.p99)
    print(f"\nqmp={qmp}: p99 with to p99 without: " +
          ", ".join(f"{ratio:.2f}" for ratio in ratios))
    assert min(ratios) < 3


@pytest.mark.seconds(120)
def test_directly_a_hundred_waiting_setmems_hold_up_everybody(direct, start_guest):
    """What the queue of virtballoond spares libvirtd: its workers all wait for the stopped QEMU."""
    _, loaded = stalled.compare(direct, start_guest(), start_guest(), pending=PENDING,
                                clients=CLIENTS, seconds=SECONDS)
    assert loaded.calls == 0
