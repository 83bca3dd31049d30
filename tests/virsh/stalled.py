"""How long other clients wait for GetInfo while calls pile up behind a QEMU that has stopped."""

import contextlib
import os
import selectors
import signal
import time
from typing import NamedTuple

import frames
import setmem


class Latency(NamedTuple):
    """Milliseconds that a number of calls took."""

    calls: int
    p50: float
    p99: float
    worst: float

    def __str__(self):
        return (f"{self.calls} calls, p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms, "
                f"worst {self.worst:.2f} ms")


def latency(server, guest, clients, seconds):
    """GetInfo over and over on so many connections at the same time, each with one in flight."""
    call = frames.pack(frames.GET_INFO, guest.wire(), serial=5)
    took = []
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        since = {}
        for _ in range(clients):
            connection = stack.enter_context(server.open())
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            since[connection] = time.monotonic()
            connection.send(call)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in selector.select(1):
                reply = key.data.read_frame()
                now = time.monotonic()
                assert (reply.serial, reply.status) == (5, frames.OK)
                took.append((now - since[key.data]) * 1000)
                since[key.data] = now
                key.data.send(call)
        # Who has no answer yet has waited, too.
        waiting = max(time.monotonic() - began for began in since.values()) * 1000
    calls = len(took)
    took = sorted(took) or [waiting]
    return Latency(calls, took[calls // 2], took[calls * 99 // 100], max(took[-1], waiting))


@contextlib.contextmanager
def pile_up(server, guest, count):
    """So many connections with a setmem each that waits for a guest whose QEMU has stopped.

    Gives the connections; when it is left the QEMU has gone on, and every call has been answered.
    """
    connections = [server.open(timeout=40) for _ in range(count)]
    os.kill(guest.pid(), signal.SIGSTOP)
    try:
        for connection in connections:
            connection.send(setmem.shrink(guest))
        time.sleep(0.3)
        yield connections
    finally:
        os.kill(guest.pid(), signal.SIGCONT)
    for connection in connections:
        with connection:
            assert connection.read_frame().serial == 5


def compare(server, stopped, other, *, pending, clients, seconds):
    """The latency for other clients without and with setmems that wait."""
    quiet = latency(server, other, clients, seconds)
    with pile_up(server, stopped, pending):
        loaded = latency(server, other, clients, seconds)
    print(f"\nGetInfo by {clients} clients: {quiet}"
          f"\nwith {pending} setmems waiting: {loaded}")
    return quiet, loaded
