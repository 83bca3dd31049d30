"""Two clients that change one guest at the same moment, under 'block' and around it.

Of what goes through one virtballoond nothing is wrong, ever. What goes past it, or through another
one, may be: how, is in docs/architecture.rst, and is shown here.
"""

import random
import shutil
import struct
import threading
import time

import pytest

import frames
import guests
import harness
import model
from model import BLOCK, WARN

ROUNDS = 200
HALF = model.MAXIMUM // 2
DOMAIN = frames.domain("model", model.UUID, 1)
ATTACH = frames.ATTACH_DEVICE, DOMAIN + frames.string(model.HOSTDEV)
DETACH = frames.DETACH_DEVICE, DOMAIN + frames.string(model.HOSTDEV)
SHRINK = frames.SET_MEMORY, DOMAIN + struct.pack(">Q", HALF)
GROW = frames.SET_MEMORY, DOMAIN + struct.pack(">Q", model.MAXIMUM)
NAMESPACE = "urn:virt-balloon:policy:1"


def set_policy(word):
    """A call that gives the guest another policy."""
    texts = f"<policy memballoon='{word}'/>", "balloon", NAMESPACE
    return frames.SET_METADATA, DOMAIN + struct.pack(">i", 2) + b"".join(
        frames.optional(frames.string(text)) for text in texts) + struct.pack(">I", 1)


@pytest.fixture
def guest(directory, start_virtballoond):
    """A model of libvirtd, and two virtballoonds in front of it."""
    upstream = directory / "model"
    upstream.mkdir()
    libvirtd = model.Model(upstream, delay=0.002)
    libvirtd.direct = harness.Server(upstream / "libvirt-sock")
    libvirtd.front = start_virtballoond(upstream_dir=upstream)
    libvirtd.other = start_virtballoond(upstream_dir=upstream)
    yield libvirtd
    libvirtd.stop()
    shutil.rmtree(upstream)


def race(connections, calls):
    """The replies to two calls that are made at the same moment, more or less."""
    replies = [None, None]

    def call(number):
        time.sleep(random.uniform(0, 0.002))
        replies[number] = connections[number].call(*calls[number])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [reply.status == frames.OK for reply in replies]


def rounds(guest, calls, prepare):
    """What came of a race of two clients of one virtballoond, round for round."""
    with guest.front.open() as first, guest.front.open() as second:
        for _ in range(ROUNDS):
            guest.reset()
            prepare()
            yield race((first, second), calls)
    assert not guest.wrong


def test_of_an_attachment_and_a_shrink_at_once_exactly_one_succeeds(guest):
    winners = set()
    for attached, shrunk in rounds(guest, (ATTACH, SHRINK), lambda: None):
        assert attached != shrunk
        assert (guest.attached, guest.current < model.MAXIMUM) == (attached, shrunk)
        winners.add(attached)
    assert winners == {True, False}, "one of the two always came first: no race was run"


def test_a_shrink_and_a_detachment_at_once_succeed_only_in_the_other_order(guest):
    """The shrink that came first is refused, and the one that came second works."""
    outcomes = set()

    def prepare():
        guest.attached = True

    for detached, shrunk in rounds(guest, (DETACH, SHRINK), prepare):
        assert detached and not guest.attached
        assert (guest.current < model.MAXIMUM) == shrunk
        outcomes.add(shrunk)
    assert outcomes == {True, False}, "one of the two always came first: no race was run"


@pytest.mark.parametrize("before, after", [(WARN, BLOCK), (BLOCK, WARN)])
def test_a_shrink_is_judged_by_the_policy_before_a_change_or_after_it(guest, before, after):
    outcomes = set()

    def prepare():
        guest.attached = True
        guest.policy = before

    for changed, shrunk in rounds(guest, (set_policy(after), SHRINK), prepare):
        assert changed and guest.policy == after
        assert (guest.current < model.MAXIMUM) == shrunk
        outcomes.add(shrunk)
    assert outcomes == {True, False}, "one of the two always came first: no race was run"


def start(connection, call):
    """Makes a call without waiting for the reply."""
    connection.send(frames.pack(*call, serial=9))


@pytest.mark.parametrize("change", [ATTACH, set_policy(BLOCK)], ids=["attach", "policy"])
def test_of_one_virtballoond_a_change_waits_until_a_shrink_is_carried_out(guest, change):
    guest.attached = change is not ATTACH
    guest.policy = BLOCK if change is ATTACH else WARN
    with guest.front.open() as first, guest.front.open() as second:
        with guest.holding(frames.SET_MEMORY) as shrink, guest.holding(change[0]) as changing:
            start(first, SHRINK)
            assert shrink.come.wait(30)
            start(second, change)
            assert not changing.come.wait(0.5), "libvirtd has two changes at once"
        assert first.read_frame().status == frames.OK
        assert (second.read_frame().status == frames.OK) == (change is not ATTACH)
    assert not guest.wrong


def assert_blocked(guest):
    """Asserts that every virtballoond refuses to take memory."""
    for server in (guest.front, guest.other):
        with server.open() as connection:
            smaller = frames.SET_MEMORY, DOMAIN + struct.pack(">Q", HALF // 2)
            assert "inhibited" in connection.call(*smaller).error().message


def test_two_virtballoonds_see_what_the_other_one_has_finished(guest):
    with guest.front.open() as first, guest.other.open() as second:
        for _ in range(50):
            guest.reset()
            assert first.call(*ATTACH).status == frames.OK
            assert "inhibited" in second.call(*SHRINK).error().message
            assert second.call(*DETACH).status == frames.OK
            assert first.call(*SHRINK).status == frames.OK
            assert "inflated" in second.call(*ATTACH).error().message
            assert second.call(*GROW).status == frames.OK
    assert not guest.wrong


@pytest.mark.parametrize("past", ["other", "direct"])
def test_what_goes_another_way_meanwhile_is_not_seen_by_a_verdict_that_was_made(guest, past):
    """The memory is lost; that it is, is seen by all, and nothing more is taken."""
    with guest.front.open() as first, getattr(guest, past).open() as second:
        with guest.holding(frames.SET_MEMORY) as shrink:
            start(first, SHRINK)
            assert shrink.come.wait(30)
            assert second.call(*ATTACH).status == frames.OK
        assert first.read_frame().status == frames.OK
    assert guest.wrong == ["taken from an inhibited guest"]
    assert_blocked(guest)


def test_an_attachment_is_judged_by_what_a_guest_has_given_and_not_by_what_it_was_asked_for(
        same, start_guest, directory):
    """A guest without an operating system never follows; libvirtd finds no such device."""
    idle = start_guest(extra=guests.policy("block"))
    same("setmem", idle.name, "48M", "--live")
    file = directory / "device.xml"
    file.write_text(guests.MDEV)
    result = same("attach-device", idle.name, file, "--live")
    assert b"ediated" in result.err and b"inflated" not in result.err


def test_a_policy_that_is_set_another_way_meanwhile_holds_from_the_next_call_on(guest):
    guest.attached = True
    guest.policy = WARN
    with guest.front.open() as first, guest.other.open() as second:
        with guest.holding(frames.SET_MEMORY) as shrink:
            start(first, SHRINK)
            assert shrink.come.wait(30)
            assert second.call(*set_policy(BLOCK)).status == frames.OK
        assert first.read_frame().status == frames.OK
    assert guest.wrong == ["taken from an inhibited guest"]
    assert_blocked(guest)
