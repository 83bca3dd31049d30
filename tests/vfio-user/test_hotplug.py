"""vfio-user devices that come and go while a guest runs. One guest runs through it all, in the
order of this file."""

import time

import pytest

import linux
import tool

SMALLER = linux.MEMORY - 128
AT_ONCE = 1.0  # seconds, most of which QEMU's answers and the start of a program take


@pytest.fixture(scope="module")
def guest(boot):
    """A guest with two free ports."""
    return boot(free_ports=2)


@pytest.fixture(scope="module")
def first(make_server):
    """The server of a device that comes and goes."""
    return make_server()


def found(server, guest):
    """The state of its ballooning, the devices that inhibit it, and the seconds to find out."""
    began = time.monotonic()
    answer, = tool.json_of(tool.ask(server, "--format", "json", "status", "--ask", guest.name))
    seconds = time.monotonic() - began
    return (answer["state"],
            [(one["kind"], one["device"]) for one in answer["inhibitors"]], seconds)


def test_without_a_device_setmem_passes_and_frees_memory(virtballoond, guest):
    assert found(virtballoond, guest)[:2] == ("available", [])
    before = guest.resident()
    guest.balloon(SMALLER, server=virtballoond)
    after = guest.resident()
    print(f"RSS {before} MiB; after setmem to {SMALLER} MiB: {after} MiB")
    assert after < before - 100
    guest.balloon(linux.MEMORY, server=virtballoond)


def test_a_device_inhibits_as_soon_as_it_is_plugged(direct, virtballoond, guest, first):
    guest.plug(first.device("vu0"))
    for server in (direct, virtballoond):
        *what, seconds = found(server, guest)
        print(f"{what} after {seconds:.2f} s")
        assert what == ["inhibited", [("vfio-user", "vu0")]]
        assert seconds < AT_ONCE
    text = guest.refusal(virtballoond, SMALLER)
    print(text)
    assert "vfio-user device 'vu0'" in text


def test_memory_given_up_meanwhile_costs_the_host_more_than_before(direct, guest):
    before = guest.resident()
    guest.balloon(SMALLER, server=direct)
    guest.is_smaller(by=120)
    after = guest.resident()
    print(f"RSS {before} MiB; after setmem to {SMALLER} MiB: {after} MiB")
    # The guest's kernel clears what it hands over.
    assert after > before + 100


def test_reclaim_is_of_no_use_while_inhibited(virtballoond, guest):
    refused = tool.complaint(tool.ask(virtballoond, "reclaim", guest.name), 1)
    print(refused)
    assert f"'{guest.name}'" in refused and "vfio-user device 'vu0'" in refused
    assert guest.actual() == SMALLER


def test_what_is_given_back_passes_while_inhibited(virtballoond, guest):
    guest.balloon(SMALLER + 16, server=virtballoond)
    guest.refusal(virtballoond, SMALLER)


def test_two_devices_inhibit_until_both_are_gone(virtballoond, guest, make_server):
    guest.plug(make_server().device("vu1"), port=2)
    assert found(virtballoond, guest)[:2] == \
        ("inhibited", [("vfio-user", "vu0"), ("vfio-user", "vu1")])
    text = guest.refusal(virtballoond, SMALLER)
    assert "'vu0'" in text and "'vu1'" in text
    guest.unplug("vu1")
    assert found(virtballoond, guest)[:2] == ("inhibited", [("vfio-user", "vu0")])
    text = guest.refusal(virtballoond, SMALLER)
    assert "'vu0'" in text and "'vu1'" not in text


def test_ballooning_is_available_as_soon_as_the_last_one_is_gone(direct, virtballoond, guest):
    before = guest.resident()
    guest.unplug("vu0")
    for server in (direct, virtballoond):
        *what, seconds = found(server, guest)
        print(f"{what} after {seconds:.2f} s")
        assert what == ["available", []]
        assert seconds < AT_ONCE
    print(f"RSS {before} MiB; without the device: {guest.resident()} MiB")
    print(tool.text_of(tool.ask(direct, "explain", guest.name)))
    assert guest.resident() > before - 8


def test_setmem_passes_again_and_frees_what_it_takes_now(virtballoond, guest):
    before = guest.resident()
    guest.balloon(SMALLER - 32, server=virtballoond)
    after = guest.resident()
    print(f"RSS {before} MiB; after setmem to {SMALLER - 32} MiB: {after} MiB")
    assert before - 64 < after < before - 16


def test_reclaim_frees_what_was_swallowed(direct, virtballoond, guest):
    before, size = guest.resident(), guest.actual()
    answer = tool.json_of(tool.ask(virtballoond, "--format", "json", "reclaim", guest.name,
                                   timeout=90))
    after = guest.resident()
    print(f"RSS {before} MiB; after reclaim: {after} MiB\n{answer}")
    assert answer["complete"] and answer["deflated_kib"] == (linux.MEMORY - size) * linux.MIB
    assert guest.actual() == size
    assert after < before - 80
    for told, found in (("resident_before_kib", before), ("resident_after_kib", after)):
        assert abs(answer[told] // linux.MIB - found) < 4
    print(tool.text_of(tool.ask(direct, "explain", guest.name)))


def test_a_device_that_comes_back_inhibits_again(virtballoond, guest, first):
    guest.plug(first.device("vu2"))
    assert "'vu2'" in guest.refusal(virtballoond, guest.actual() - 16)
