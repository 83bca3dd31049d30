"""A background snapshot of a real guest, which lasts as long as a slow reader takes for it: what is
said while it runs, that this is right, and that it has an end. One guest goes through it all, in
the order of this file.
"""

import pytest

import booted
import harness
import tool

ALWAYS = "auth=none\nqmp=always\n"
REFUSED = ("ballooning is inhibited by background snapshot: the guest would lose 131072 KiB and "
           "the host would gain nothing; wait until that has ended and try again")


@pytest.fixture(scope="module")
def reader(directory):
    """What takes the snapshot."""
    made = booted.Reader(directory / "snapshot")
    yield made
    made.close()


@pytest.fixture(scope="module")
def snapshotted(direct, directory, reader):
    """A guest of which a snapshot is being taken."""
    guest = booted.LibvirtGuest(direct, directory, "snapshotted")
    guest.console.wait_for()
    booted.start_snapshot(guest, reader)
    yield guest
    guest.destroy()


def test_explain_shows_qemus_own_words(direct, snapshotted):
    (found,) = snapshotted.explain()["inhibitors"]
    assert (found["kind"], found["passing"], found["evidence"]) == (
        "background-snapshot", True, ["qmp"])
    assert found["question"] == "query-migrate" and '"status":"active"' in found["answer"]
    text = tool.text_of(tool.ask(direct, "explain", snapshotted.name))
    assert text.startswith(f"Domain '{snapshotted.name}', running: inhibited\n")
    assert text.endswith("What to do:\n  wait until that has ended and try again\n")


@pytest.mark.parametrize("config", ["auth=none\n", ALWAYS], ids=["auto", "always"])
def test_setmem_is_refused_meanwhile(snapshotted, start_virtballoond, config):
    assert REFUSED in snapshotted.refused(start_virtballoond(config), 128)


def test_without_asking_it_is_not_seen_and_the_host_gains_nothing(
        snapshotted, start_virtballoond):
    before = snapshotted.resident()
    snapshotted.balloon(128, start_virtballoond("auth=none\nqmp=never\n"))
    assert snapshotted.migration() == "active"
    assert booted.settled(snapshotted) > before - 4 * booted.MIB


def test_once_it_has_ended_nothing_inhibits_and_what_it_swallowed_stays_lost(snapshotted, reader):
    before = snapshotted.resident()
    reader.hurry()
    harness.wait_for(lambda: snapshotted.migration() == "completed")
    assert snapshotted.explain()["state"] == "available"
    assert booted.settled(snapshotted) > before - 4 * booted.MIB


def test_deflated_and_inflated_again_the_host_has_it(snapshotted, virtballoond):
    before = snapshotted.resident()
    snapshotted.balloon(256, virtballoond)
    snapshotted.balloon(128, virtballoond)
    assert booted.settled(snapshotted, 0) < before - 120 * booted.MIB
