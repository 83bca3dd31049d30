"""virt-balloon verify on a real guest, which goes through it all in the order of this file."""

import json

import pytest

import booted
import tool


@pytest.fixture(scope="module")
def guest(direct, directory):
    """A guest that has used all of its memory once."""
    made = booted.LibvirtGuest(direct, directory, "verified")
    made.console.wait_for()
    yield made
    made.destroy()


def verified(guest):
    """What verify finds out, and that the balloon is as it was."""
    before = guest.actual()
    done = tool.ask(guest.server, "--format=json", "verify", guest.name)
    found = json.loads(done.stdout)
    assert done.returncode == (found["result"] != "works"), done
    assert guest.actual() == before
    return found["result"]


def test_of_a_guest_that_has_used_its_memory_the_host_gets_it(guest):
    assert verified(guest) == "works"


def test_memory_that_the_guest_has_not_used_since_proves_nothing(guest):
    guest.balloon(128)
    guest.balloon(booted.MEMORY)
    assert verified(guest) == "unclear"


def test_during_a_background_snapshot_the_host_gets_nothing(guest, directory):
    reader = booted.Reader(directory / "verify.snapshot")
    booted.start_snapshot(guest, reader)
    assert verified(guest) == "nothing"
    reader.close()
