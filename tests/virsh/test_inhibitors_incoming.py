"""Two ways for a real guest to take its memory from another one that inhibit ballooning: postcopy
that goes on while it runs already, and COLO, which goes on for as long as both live, and inhibits
for ever. Both are set up behind libvirt's back. A guest each goes through it all, in the order of
this file.
"""

import pytest

import booted
import harness
import tool

MIB = booted.MIB
SLOW = 1 << 20
QUICK = 16 << 20
FAST = 1 << 40


@pytest.fixture(scope="module")
def pair(direct, directory):
    """Makes a guest that is ready, none of whose memory is zero, and one that is to get it."""
    made = []

    def make(name):
        for role, extra in (("source", ""), ("target", booted.INCOMING)):
            made.append(booted.LibvirtGuest(direct, directory, f"{name}-{role}", extra=extra,
                                            words="nonzero"))
        made[-2].console.wait_for()
        return made[-2:]

    yield make
    for guest in made:
        guest.destroy()


@pytest.fixture(scope="module")
def postcopy(pair, directory):
    """Both sides while the target runs and the source still has some of the memory."""
    source, target = pair("postcopy")
    source.set("postcopy-ram", max_postcopy_bandwidth=SLOW, max_bandwidth=QUICK)
    target.set("postcopy-ram")
    booted.connect(source, target, directory / "postcopy")
    # The target waits a tenth of a second for every page that it has to ask for.
    harness.wait_for(lambda: source.remaining() < 48 << 20, 60)
    source.ask("migrate-start-postcopy")
    harness.wait_for(lambda: target.migration() == "postcopy-active")
    target.do("resume", target.name)
    return source, target


@pytest.fixture(scope="module")
def colo(pair, directory):
    """The primary and the secondary side of COLO, of which no checkpoint is taken."""
    sides = pair("colo")
    for side in sides:
        side.set("x-colo", x_checkpoint_delay=600000)
    booted.connect(*sides, directory / "colo")
    harness.wait_for(lambda: sides[1].migration() == "colo", 60)
    return sides


def assert_inhibited(guest, servers, kind, answer, refusal):
    """Asserts that the tool shows this one inhibitor, and that setmem is refused because of it."""
    found = guest.explain()
    assert found["state"] == "inhibited"
    (one,) = found["inhibitors"]
    assert (one["kind"], one["evidence"]) == (kind, ["qmp"]) and answer in one["answer"]
    assert f"QEMU was asked: {one['question']}" in tool.text_of(
        tool.ask(guest.server, "explain", guest.name))
    for server in servers:
        assert refusal in guest.refused(server, 192)


def assert_lost(guest):
    """Asserts that what the guest gives up at this time the host does not get."""
    before = guest.resident()
    guest.balloon(192)
    assert booted.settled(guest) > before - 4 * MIB


@pytest.fixture(scope="module")
def servers(virtballoond, directory):
    """One that asks QEMU since the domain's monitor was used, and one that always does."""
    always = harness.Virtballoond(directory / "incoming", "auth=none\nqmp=always\n")
    yield virtballoond, always
    always.stop()


def test_incoming_postcopy_is_shown_and_setmem_is_refused(postcopy, servers):
    assert_inhibited(postcopy[1], servers, "postcopy", '"status":"postcopy-active"',
                     "inhibited by incoming postcopy migration")


def test_the_source_of_postcopy_is_not_inhibited(postcopy):
    assert postcopy[0].explain()["inhibitors"] == []


def test_during_incoming_postcopy_the_host_gains_nothing(postcopy):
    source, target = postcopy
    before = target.resident()
    target.balloon(224)
    assert target.migration() == "postcopy-active"
    assert target.resident() > before - 4 * MIB
    source.set(max_postcopy_bandwidth=FAST)
    harness.wait_for(lambda: target.migration() == "completed", 60)
    # All of it has come, what had been given up included.
    assert target.resident() > 230 * MIB


def test_after_incoming_postcopy_the_host_gets_it(postcopy, virtballoond):
    target = postcopy[1]
    assert target.explain()["state"] == "available"
    target.balloon(256, virtballoond)
    # Of what has come a page of zeros counts once the guest, which is running again, writes to it.
    before = booted.settled(target)
    target.balloon(224, virtballoond)
    assert target.resident() < before - 28 * MIB


def test_a_colo_secondary_is_shown_and_setmem_is_refused(colo, servers):
    assert_inhibited(colo[1], servers, "colo", '"mode":"secondary"', "inhibited by COLO secondary")


def test_a_colo_primary_is_not_inhibited(colo):
    assert colo[0].explain()["inhibitors"] == []


def test_of_a_colo_secondary_the_host_gains_nothing(colo):
    assert_lost(colo[1])


def test_once_it_has_taken_over_all_that_is_still_so(colo, servers):
    primary, survivor = colo
    primary.destroy()
    survivor.ask("x-colo-lost-heartbeat")
    harness.wait_for(lambda: survivor.migration() == "completed", 30)
    survivor.balloon(256)
    assert_inhibited(survivor, servers, "colo", '"last-mode":"secondary"',
                     "inhibited by COLO secondary")
    assert_lost(survivor)
