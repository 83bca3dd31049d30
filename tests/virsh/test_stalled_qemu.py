"""What waits for a QEMU that has stopped: whose time limit ends it, and in whose words.

The calls of all these tests wait at the same time, in one fixture.
"""

import os
import signal
import time
from typing import NamedTuple

import pytest

import frames
import guests
import harness
import setmem

OPERATION_TIMEOUT = 68
OURS, LIBVIRTS = 25, 30
GRACE = 5


class Outcome(NamedTuple):
    """A reply and after how many seconds it came."""

    reply: frames.Frame
    seconds: float


@pytest.fixture(scope="module")
def asking(direct, directory):
    """A virtballoond that always asks QEMU."""
    daemon = harness.Virtballoond(directory / "asking", "auth=none\nqmp=always\n")
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def lenient(start_guest):
    """A guest with policy 'warn'."""
    return start_guest(extra=guests.policy("warn"))


@pytest.fixture(scope="module")
def outcomes(direct, virtballoond, asking, guest, lenient):
    """What became of the calls, by where they waited."""
    calls = {
        "in libvirt's job": (direct, guest),
        "in libvirt for the job": (virtballoond, guest),
        "in libvirt for the job, directly": (direct, guest),
        "for a turn": (virtballoond, guest),
        "for an answer": (asking, guest),
        "for an answer, with policy warn": (asking, lenient),
    }
    waiting = {}
    pids = guest.pid(), lenient.pid()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        for name, (server, target) in calls.items():
            connection = server.open(timeout=LIBVIRTS + 10)
            waiting[name] = connection, time.monotonic()
            connection.send(setmem.shrink(target))
            time.sleep(0.2)
        found = {name: read(*waiting.pop(name)) for name in (
            "for a turn", "for an answer", "in libvirt for the job",
            "in libvirt for the job, directly")}
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    return found | {name: read(*rest) for name, rest in waiting.items()}


def read(connection, since):
    """Reads a reply and closes the connection."""
    with connection:
        return Outcome(connection.read_frame(), time.monotonic() - since)


def assert_timeout(outcome, seconds, *words):
    """Asserts that a call was refused, when, and that the text says why."""
    error = outcome.reply.error()
    assert error.code == OPERATION_TIMEOUT
    for word in words:
        assert word in error.message
    assert seconds - 1 < outcome.seconds < seconds + GRACE


def test_libvirts_own_time_limit_for_a_job_is_libvirts_own_error(outcomes):
    ours = outcomes["in libvirt for the job"]
    assert_timeout(ours, LIBVIRTS, "cannot acquire state change lock")
    assert ours.reply == outcomes["in libvirt for the job, directly"].reply


def test_a_turn_that_does_not_come_in_time_is_refused(outcomes, guest):
    assert_timeout(outcomes["for a turn"], OURS, f"'{guest.name}'", "another change of it",
                   "nothing was changed")


def test_an_answer_that_does_not_come_in_time_is_refused(outcomes, guest):
    assert_timeout(outcomes["for an answer"], OURS, f"'{guest.name}'", "libvirt has not answered",
                   "nothing was changed")


def test_without_an_answer_in_time_the_policy_warn_lets_the_call_pass(outcomes, asking, lenient):
    outcome = outcomes["for an answer, with policy warn"]
    assert outcome.reply.status == frames.OK, outcome.reply.error()
    log = asking.process.log.read_text()
    for words in (f"'{lenient.name}'", "a change is passed without knowing",
                  "has not answered within 25 seconds"):
        assert words in log


def test_the_call_that_had_the_job_ends_well_once_its_qemu_goes_on(outcomes, guest, direct):
    reply = outcomes["in libvirt's job"].reply
    assert reply.status == frames.OK, reply.error()
    assert direct.virsh("domstate", guest.name).out == b"paused\n\n"
