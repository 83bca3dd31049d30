"""A soak: many kinds of real clients at the same time, for as long as one likes.

Every answer is compared with the one that libvirtd gives to the same question directly, or, where
virtballoond is to answer otherwise, with what it should say. In between there are moments without
clients, in which virtballoond must be as small as it was after the first ones.
"""

import collections
import random
import threading
import time

import libvirt

import soakclients
import soaksetting

DIFFERENCES = 20  # more of them end it
LONGEST = 2000
GROWTH_KIB = 512
JOIN = 120


class Checker:
    """Counts what was compared, by kind, and keeps what differed."""

    def __init__(self):
        self.compared = collections.Counter()
        self.differences = []
        self._lock = threading.Lock()

    def same(self, kind, what, expected, seen):
        """Compares an answer with what it should be."""
        with self._lock:
            self.compared[kind] += 1
        if expected != seen:
            self.differ(kind, f"{what}:\n  expected {shorten(expected)}"
                              f"\n  not      {shorten(seen)}")

    def differ(self, kind, text):
        """Notes a difference."""
        with self._lock:
            self.differences.append(f"{kind}: {text}")


def shorten(value):
    """As much of it as somebody reads."""
    return repr(value)[:LONGEST]


class Sampler(threading.Thread):
    """How large a daemon gets while it has clients."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.fds = self.memory = 0
        self._process = process
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(0.2):
            self.fds = max(self.fds, self._process.fds())
            self.memory = max(self.memory, self._process.memory_kib())

    def stop(self):
        """Looks no more."""
        self._over.set()
        self.join()


class Round:
    """What one round has come to; sizes are those with no client but the one that stays."""

    def __init__(self, compared, daemon, sampler):
        self.compared = compared
        self.fds = daemon.idle_fds()
        self.memory = daemon.process.memory_kib()
        self.most_fds = max(sampler.fds, self.fds)
        self.most_memory = max(sampler.memory, self.memory)

    def __str__(self):
        return (f"{self.compared} compared; {self.fds} descriptors (at most {self.most_fds}), "
                f"{self.memory} KiB (at most {self.most_memory})")


class Soak:
    """Clients of all kinds on a libvirtd and on a virtballoond in front of it."""

    def __init__(self, host, daemon, directory):
        libvirt.registerErrorHandler(lambda *_: None, None)  # libvirt prints errors by itself
        self.daemon = daemon
        self._host = host
        self.checker = Checker()
        self.rounds = []
        self.before = None
        self._random = random.Random(1)
        self._setting = soaksetting.Setting(host, daemon, directory)

    def run(self, seconds, rounds):
        """Has so many rounds, in so many seconds."""
        self.before = self.daemon.idle_fds(), self.daemon.process.memory_kib()
        for number in range(rounds):
            before = self.checker.compared.total()
            sampler = Sampler(self.daemon.process)
            sampler.start()
            self._round(seconds / rounds)
            sampler.stop()
            assert self._host.process.running(), "libvirtd has ended: " + \
                "\n".join(self.checker.differences)
            self.rounds.append(Round(self.checker.compared.total() - before, self.daemon, sampler))
            print(f"round {number + 1}: {self.rounds[-1]}", flush=True)
            if len(self.checker.differences) > DIFFERENCES:
                break
        self._setting.close()

    def _round(self, seconds):
        end = time.monotonic() + seconds
        clients = [kind(self._setting, self.checker, self._random.random(), end)
                   for kind in soakclients.KINDS]
        for client in clients:
            client.start()
        for client in clients:
            client.join(max(1, end + JOIN - time.monotonic()))
            if client.is_alive():
                self.checker.differ(client.kind, "has no answer yet")

    def growth(self):
        """By how many KiB it has grown between the end of the first round and the last one's."""
        return self.rounds[-1].memory - self.rounds[0].memory

    def report(self):
        """All of it, for whoever reads the output."""
        first, last = self.rounds[0], self.rounds[-1]
        kinds = ", ".join(f"{kind} {count}" for kind, count in
                          sorted(self.checker.compared.items()))
        fds, memory = self.before
        return "\n".join([
            f"compared: {self.checker.compared.total()} ({kinds})",
            f"differences: {len(self.checker.differences)}",
            f"descriptors: {fds} at the start, {first.fds} after the first round, {last.fds} after "
            f"the last, at most {max(entry.most_fds for entry in self.rounds)}",
            f"memory: {memory} KiB at the start, {first.memory} KiB after the first round, "
            f"{last.memory} KiB after the last, "
            f"at most {max(entry.most_memory for entry in self.rounds)} KiB",
            *self.checker.differences[:DIFFERENCES]])

    def check(self):
        """Asserts that nothing differed, that every kind had its say, and that nothing grew."""
        assert not self.checker.differences, self.report()
        assert set(self.checker.compared) == {kind.kind for kind in soakclients.KINDS}
        assert len({entry.fds for entry in self.rounds}) == 1, self.report()
        assert self.growth() < GROWTH_KIB, self.report()
        log = self.daemon.process.log.read_text(errors="replace")
        assert "CRITICAL" not in log  # of GLib


def hold(host, daemon, directory, seconds, rounds):
    """Has a soak, prints what it came to, and asserts that it was in order."""
    running = Soak(host, daemon, directory)
    running.run(seconds, rounds)
    print(running.report())
    running.check()
