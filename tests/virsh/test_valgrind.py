"""virtballoond under valgrind: nothing that virsh asks of it is a memory error or a leak.

The unit tests run under valgrind in scripts/analyse; here it is the whole daemon, to its end.
"""

import re

import pytest

VALGRIND = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite"]


@pytest.fixture
def daemon(start_virtballoond):
    """A daemon under valgrind, whose exit status tells of what valgrind has found."""
    return start_virtballoond(prefix=VALGRIND)


def test_no_memory_error_and_no_leak(daemon, start_guest, blocked):
    guest = start_guest()
    definition = guest.directory / "valgrind.xml"
    definition.write_bytes(re.sub(rb"<memballoon model='virtio'", rb"\g<0> policy='warn'",
                                  daemon.virsh("dumpxml", guest.name).out))
    # What passes, what is judged, and what has its answer edited; then two that are refused.
    for command in ("list --all", "domcapabilities", f"dominfo {guest.name}",
                    f"domstats {guest.name} {blocked.name}", f"setmem {guest.name} 64M --live",
                    f"qemu-monitor-command {guest.name} --hmp info balloon",
                    f"define {definition}", f"dumpxml {guest.name} --inactive"):
        assert daemon.virsh(*command.split()).code == 0, command
    assert daemon.virsh("list", "--all", readonly=True).code == 0
    assert daemon.virsh("setmem", blocked.name, "48M", "--config").code == 1
    assert daemon.virsh("metadata", guest.name, "urn:none").code == 1
    daemon.stop()
    last = daemon.process.log.read_text().splitlines()[-1]
    assert "ERROR SUMMARY: 0 errors from 0 contexts" in last
