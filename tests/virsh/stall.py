"""Clients that stop at some stage of their first conversation, as a program of its own.

Says "ready" once all of them stand there, and at the end how many were closed, and after how many
seconds the first and the last one.
"""

import selectors
import struct
import sys
import time

import frames

OPEN = frames.pack(frames.CONNECT_OPEN, frames.optional(frames.string("qemu:///system")) +
                   struct.pack(">I", 0), serial=2)


def listed(client):
    """The client knows how it has to authenticate."""
    assert client.call(frames.AUTH_LIST).status == frames.OK


def asked(client):
    """polkit is asked about it, and has not answered yet."""
    client.send(frames.pack(frames.AUTH_POLKIT, serial=1))


def let_in(client):
    """It has authenticated."""
    listed(client)
    assert client.call(frames.AUTH_POLKIT, serial=1).status == frames.OK


def half_open(client):
    """It has begun to ask for a connection."""
    let_in(client)
    client.send(OPEN[:-8])


STAGES = {
    "silent": lambda client: None,
    "header": lambda client: client.send(OPEN[:13]),
    "listed": listed,
    "asked": asked,
    "let-in": let_in,
    "half-open": half_open,
}


def main():
    path, stage, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    selector = selectors.DefaultSelector()
    for _ in range(count):
        client = frames.Connection(path)
        STAGES[stage](client)
        selector.register(client.socket, selectors.EVENT_READ, client)
    started = time.monotonic()
    print("ready", flush=True)
    times = []
    while len(times) < count and time.monotonic() - started < 100:
        for key, _ in selector.select(1):
            if key.data.closed_by_peer():
                selector.unregister(key.fileobj)
                key.data.socket.close()
                times.append(time.monotonic() - started)
    print(len(times), *(f"{moment:.1f}" for moment in times[:1] + times[-1:]), flush=True)


main()
