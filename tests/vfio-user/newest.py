"""The other suite's side of these tests; `run` has made /run the same directory for both."""

from pathlib import Path

import harness

CHROOT = Path("/run/chroot")


def run(*argv):
    """Runs a program of that suite, which has to work, and returns what it prints."""
    done = harness.run(["chroot", CHROOT, *argv])
    assert done.returncode == 0, done
    return done.stdout.decode()


def virsh(server, *args):
    """That suite's virsh on a server, for what has to work; returns what it prints."""
    done = server.virsh(*args, prefix=["chroot", CHROOT])
    assert done.code == 0, done
    return done.out.decode()
