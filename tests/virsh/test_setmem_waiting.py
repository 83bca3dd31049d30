"""Decisions that have to wait for a QEMU: nobody else waits with them, and not for ever.

The QEMU is stopped with SIGSTOP; virtballoond runs with qmp=always and so has to ask it.
"""

import contextlib
import os
import signal
import time

import pytest

import frames
import harness
import setmem

OPERATION_TIMEOUT = 68
DEADLINE = 25
KEEPALIVE = 30  # after which a client gives a server up that says nothing


@pytest.fixture
def daemon(start_virtballoond):
    """A virtballoond that always asks."""
    return start_virtballoond("auth=none\nqmp=always\n")


@contextlib.contextmanager
def stopped(guest):
    """A guest whose QEMU does not answer."""
    pid = guest.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_decision_that_waits_holds_up_nobody_else(daemon, guest, start_guest):
    other = start_guest()
    with daemon.open() as waiting, daemon.open() as second:
        with stopped(guest):
            waiting.send(setmem.shrink(guest))
            time.sleep(0.3)
            started = time.monotonic()
            assert waiting.call(frames.GET_VERSION, serial=6).serial == 6
            waiting.send(frames.pack(frames.PING, program=frames.KEEPALIVE, kind=frames.MESSAGE))
            assert waiting.read_frame().procedure == frames.PONG
            second.send(setmem.shrink(other))
            assert second.read_frame().status == frames.OK
            waiting.send(setmem.shrink(other, serial=7))
            reply = waiting.read_frame()
            assert (reply.serial, reply.status) == (7, frames.OK)
            assert time.monotonic() - started < DEADLINE / 2
        reply = waiting.read_frame()
        assert (reply.serial, reply.status) == (5, frames.OK)


def test_calls_for_one_guest_wait_for_each_other(direct, daemon, guest):
    connections = [daemon.open() for _ in range(3)]

    def shrink():
        with stopped(guest):
            for connection in connections:
                connection.send(setmem.shrink(guest))
            time.sleep(0.5)
        for connection in connections:
            connection.read_frame()

    sent = direct.commands_sent(shrink)
    for connection in connections:
        connection.socket.close()
    names = [command.split(b'"')[3] for command in sent]
    granted = [number for number, name in enumerate(names) if name == b"balloon"]
    assert len(granted) == 3
    assert all(later - earlier > 1 for earlier, later in zip(granted, granted[1:])), \
        "a decision was made before the one before it had been carried out"


def test_a_client_that_does_not_read_its_reply_gives_up_its_turn(virtballoond, start_guest):
    guest = start_guest()
    with virtballoond.open() as deaf, virtballoond.open() as other:
        with stopped(guest):
            deaf.send(setmem.shrink(guest))
            time.sleep(0.3)
            deaf.send(frames.pack(frames.GET_CAPABILITIES, serial=6) * 30)
            time.sleep(0.5)
        time.sleep(0.3)
        other.send(setmem.shrink(guest))
        reply = other.read_frame()
    assert reply.status == frames.OK, reply.error()


def test_clients_that_leave_while_their_decision_waits_leave_nothing_behind(daemon, guest):
    before = daemon.idle_fds()
    with stopped(guest):
        for _ in range(4):
            with daemon.open() as connection:
                connection.send(setmem.shrink(guest))
        time.sleep(0.3)
    harness.wait_for(lambda: daemon.process.fds() == before)
    with daemon.open() as connection:
        connection.send(setmem.shrink(guest))
        assert connection.read_frame().status == frames.OK


def test_what_could_not_be_checked_in_time_is_refused(daemon, guest):
    with daemon.open(timeout=DEADLINE + 10) as connection:
        with stopped(guest):
            started = time.monotonic()
            connection.send(setmem.shrink(guest))
            error = connection.read_frame().error()
            assert DEADLINE - 2 < time.monotonic() - started < KEEPALIVE
            assert error.code == OPERATION_TIMEOUT
            assert guest.name in error.message
            assert connection.call(frames.GET_VERSION, serial=6).serial == 6
        connection.send(setmem.shrink(guest, serial=7))
        reply = connection.read_frame()
        assert (reply.serial, reply.status) == (7, frames.OK)
