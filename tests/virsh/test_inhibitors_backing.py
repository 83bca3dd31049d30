"""What a real guest's memory is made of, and whether the host gets what the guest gives up: locked
memory that is shared or not, and huge pages. Nothing of it is ever refused.
"""

import contextlib

import pytest

import attributes
import booted
import tool

MEMFD = "<source type='memfd'/>"
# What is written in the XML -> the kind that makes ballooning ineffective, and what to do.
BACKINGS = {
    "locked": (booted.LOCKED.format(""), "locked-memory", "remove <locked/> from"),
    "locked and shared": (booted.LOCKED.format(MEMFD), None, ""),
    "locked and private": (booted.LOCKED.format(MEMFD + "<access mode='private'/>"),
                           "locked-memory", "remove <locked/> from"),
    "huge pages": (booted.HUGE, "huge-pages", "remove <hugepages/> from"),
}


@pytest.mark.parametrize("xml, kind, advice", BACKINGS.values(), ids=BACKINGS.keys())
def test_the_state_says_whether_the_host_gains_from_a_balloon(
        direct, virtballoond, boot, xml, kind, advice):
    with booted.huge_pages() if kind == "huge-pages" else contextlib.nullcontext():
        guest = boot(extra=xml)
        found = guest.explain()
        assert found["state"] == ("ineffective" if kind else "available")
        assert [one["kind"] for one in found["inhibitors"]] == ([kind] if kind else [])
        assert advice in tool.text_of(tool.ask(direct, "explain", guest.name))

        before = guest.resident()
        log = attributes.logged(virtballoond, lambda: guest.balloon(128, virtballoond))
        assert ("but the host gains nothing from it because of" in log) == bool(kind)
        if kind:
            assert booted.settled(guest) > before - 4 * booted.MIB
        else:
            assert guest.resident() < before - 120 * booted.MIB
        guest.destroy()
