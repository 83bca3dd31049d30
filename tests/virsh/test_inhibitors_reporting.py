"""Free page reporting of real guests that have freed memory: it gives it to the host at once, from
huge pages too, but not from what is locked, and not while a background snapshot is taken.
"""

import booted
import harness

# A guest of 256 MiB has touched all but 16 MiB of it; QEMU's own memory is beside that.
TOUCHED = 220 * booted.MIB
GIVEN = 190 * booted.MIB


def test_what_the_guest_frees_the_host_gets(boot):
    guest = boot(reporting=True)
    harness.wait_for(lambda: guest.resident() < GIVEN, 30)


def test_what_the_guest_frees_of_huge_pages_the_host_gets(boot):
    with booted.huge_pages():
        guest = boot(reporting=True, extra=booted.HUGE)
        harness.wait_for(lambda: guest.resident() < GIVEN, 30)
        guest.destroy()


def test_what_the_guest_frees_of_locked_memory_the_host_does_not_get(boot):
    guest = boot(reporting=True, extra=booted.LOCKED.format(""))
    assert guest.explain()["state"] == "ineffective"
    assert booted.settled(guest, 8) > TOUCHED


def test_what_the_guest_frees_during_a_background_snapshot_the_host_does_not_get(
        boot, directory):
    guest = boot(reporting=True, until="modules-loaded")
    # For fifty seconds, and still so fast that the guest does not wait long for its own pages.
    reader = booted.Reader(directory / "reporting", 1 << 20)
    booted.start_snapshot(guest, reader)
    guest.console.wait_for()
    assert guest.explain()["state"] == "inhibited"
    after = booted.settled(guest, 8)
    assert guest.migration() == "active"
    assert after > TOUCHED
    reader.close()
    harness.wait_for(lambda: guest.migration() == "completed")
    assert booted.settled(guest, 5) > TOUCHED
