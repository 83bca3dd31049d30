"""Attaching a device and reducing the memory at the same moment, by two clients, under 'block'."""

import random
import struct
import threading
import time

import pytest

import frames
import model

ROUNDS = 1000


@pytest.fixture
def guest(directory, start_virtballoond):
    """A model of libvirtd, and the virtballoond in front of it."""
    upstream = directory / "model"
    upstream.mkdir()
    libvirtd = model.Model(upstream, delay=0.002)
    libvirtd.front = start_virtballoond(upstream_dir=upstream)
    yield libvirtd
    libvirtd.stop()


def test_of_an_attachment_and_a_shrink_at_once_exactly_one_succeeds(guest):
    dom = frames.domain("model", model.UUID, 1)
    calls = (model.ATTACH_DEVICE, dom + frames.string(model.HOSTDEV)), \
            (frames.SET_MEMORY, dom + struct.pack(">Q", model.MAXIMUM // 2))
    winners = set()

    def call(connection, number, replies):
        time.sleep(random.uniform(0, 0.002))
        replies[number] = connection.call(*calls[number])

    with guest.front.open() as first, guest.front.open() as second:
        for _ in range(ROUNDS):
            guest.reset()
            replies = {}
            threads = [threading.Thread(target=call, args=(connection, number, replies))
                       for number, connection in enumerate((first, second))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(reply.status for reply in replies.values()) == [frames.OK, frames.ERROR]
            assert guest.attached != (guest.current < model.MAXIMUM)
            winners.add(guest.attached)
    assert not guest.wrong
    assert winners == {True, False}, "one of the two always came first: no race was run"
