"""Free page reporting, which a vfio-user device inhibits as well as ballooning."""

import time

import pytest

import linux

SECONDS = 25  # after the guest has freed its memory


@pytest.fixture(scope="module")
def resident(boot, make_server):
    """What the host has resident of a guest without such a device, and of one with it."""
    guests = [boot(reporting=True),
              boot(reporting=True, devices=[make_server().device("vu0")])]
    time.sleep(SECONDS)
    sizes = [guest.resident() for guest in guests]
    print(f"RSS {SECONDS} s after a guest of {linux.MEMORY} MiB has freed its memory: "
          f"{sizes[0]} MiB, with a vfio-user device {sizes[1]} MiB")
    return sizes


def test_a_guest_that_frees_memory_gives_it_to_the_host(resident):
    without, inhibited = resident
    assert without < inhibited - 120


def test_a_guest_with_a_vfio_user_device_gives_nothing_to_the_host(resident):
    _, inhibited = resident
    assert inhibited > linux.MEMORY
