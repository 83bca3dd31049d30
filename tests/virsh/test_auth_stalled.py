"""Two thousand clients that stop somewhere in their first conversation, and what that costs."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

import harness
import people
from test_auth import fixture_everybody, fixture_polkit, outcome  # pylint: disable=unused-import

# Who, at which stage, how many; polkit answers until the last of them come.
STALLED = [("nobody", "silent", 500), ("nobody", "header", 400), ("nobody", "listed", 400),
           ("alice", "let-in", 200), ("alice", "half-open", 200), ("root", "silent", 100),
           ("nobody", "asked", 200)]
ANONYMOUS = 1000  # the default of max_anonymous_clients


class Stalled:
    """Clients of one user that stop at one stage."""

    def __init__(self, server, who, stage, count):
        self.count = count
        self._popen = subprocess.Popen(
            [*people.as_person(who), "/usr/bin/python3", Path(__file__).parent / "stall.py",
             server.path, stage, str(count)], stdout=subprocess.PIPE, text=True, cwd="/")
        assert self._popen.stdout.readline() == "ready\n"

    def ends(self):
        """How many were closed, and after how many seconds the first and the last."""
        said, _ = self._popen.communicate()
        return [float(word) for word in said.split()]

    def kill(self):
        self._popen.kill()
        self._popen.wait()


def assert_served(polkit, *who):
    for name in who:
        assert outcome(polkit.through, name, "uri").code == 0, name


@pytest.mark.seconds(240)
def test_two_thousand_stalled_clients_keep_nobody_out_and_are_left_after_a_minute(polkit):
    process = polkit.through.process
    assert_served(polkit, "root", "alice", "carol")
    before, fds = process.memory_kib(), polkit.through.idle_fds()
    upstream = polkit.direct.process.fds()
    with contextlib.ExitStack() as stack:
        groups = []
        for who, stage, count in STALLED[:-1]:
            groups.append(Stalled(polkit.through, who, stage, count))
            stack.callback(groups[-1].kill)
        assert_served(polkit, "root", "alice", "carol")
        held = polkit.direct.process.fds() - upstream

        pid, = people.People.polkit_pids(None)
        os.kill(pid, signal.SIGSTOP)
        stack.callback(os.kill, pid, signal.SIGCONT)
        groups.append(Stalled(polkit.through, *STALLED[-1]))
        stack.callback(groups[-1].kill)
        assert_served(polkit, "root")
        peak = process.memory_kib()
        ends = [group.ends() for group in groups]
    print(f"RSS {before} KiB, {peak} KiB with {sum(group.count for group in groups)} clients; "
          f"{held} connections to libvirtd; closed (number, first, last second): {ends}")

    # Only who was let in and has said something then has a connection to libvirt.
    assert held == 200
    assert peak - before < 8192
    for group, end in zip(groups, ends):
        assert end[0] == group.count
        assert end[2] < 75
    # The first of those who have not authenticated made room for others; nobody else left early.
    anonymous = sum(group.count for group, (who, *_) in zip(groups, STALLED) if who == "nobody")
    assert anonymous > ANONYMOUS and ends[0][1] < 50
    assert all(end[1] > 40 for end in ends[3:])
    harness.wait_for(lambda: polkit.through.process.fds() == fds)
    assert_served(polkit, "alice")
