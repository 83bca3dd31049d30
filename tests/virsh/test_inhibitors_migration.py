"""Postcopy as libvirt itself does it: the target's libvirtd lets nobody change the guest, nor ask its
QEMU, before all of it has come, so setmem waits there, and then the host gains from it. After 30
seconds libvirtd gives its own error instead.
"""

import contextlib
import subprocess
import time

import booted
import harness

SPEED = ["--postcopy", "--bandwidth", "16", "--postcopy-bandwidth", "1"]


@contextlib.contextmanager
def running(server, *args):
    """A virsh that is to end well, but not before it is told to."""
    with subprocess.Popen(["virsh", "-c", server.uri(), *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield process
            said = process.communicate(timeout=60)[0]
            assert process.returncode == 0, said
        finally:
            process.kill()


def test_setmem_waits_for_the_end_of_libvirts_own_incoming_postcopy(
        direct, second, before_second, boot):
    guest = boot(words="nonzero")
    with running(direct, "migrate", "--live", guest.name, second.uri(), "--migrateuri",
                 "tcp://127.0.0.1", *SPEED):
        harness.wait_for(lambda: direct.virsh("migrate-postcopy", guest.name).code == 0)
        harness.wait_for(lambda: b"post-copy" in direct.virsh(
            "domstate", guest.name, "--reason").out)
        with running(before_second, "setmem", guest.name, "128M", "--live") as setmem:
            time.sleep(3)
            assert setmem.poll() is None
            assert f"{256 * booted.MIB} KiB" in second.virsh("dominfo", guest.name).out.decode()
            direct.virsh("migrate-setspeed", guest.name, "1000", "--postcopy")
    harness.wait_for(lambda: booted.resident(second.pid(guest.name)) < 190 * booted.MIB)
    second.virsh("destroy", guest.name)
