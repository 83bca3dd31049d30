"""virtballoond killed in the middle of a load, again and again: nothing behind it notices."""

import random
import re
import signal
import time

import load

KIB = 1024


class State:
    """What must not change when virtballoond dies: libvirtd's and QEMU's processes, and guests."""

    def __init__(self, libvirtd, guests):
        self._libvirtd = libvirtd
        self._guests = guests
        self._before = self._look()

    def _look(self):
        return {guest.name: (guest.pid(), self._ask("domstate", guest, "--reason"),
                             re.findall(r"balloon.current=\d+", self._ask("domstats", guest)))
                for guest in self._guests} | {"libvirtd": self._libvirtd.process.pid}

    def _ask(self, command, guest, *options):
        result = self._libvirtd.virsh(command, guest.name, *options)
        assert result.code == 0, result.err
        return result.out.decode()

    def check(self):
        """Asserts that nothing has changed, and that sizes are sizes that somebody asked for."""
        assert self._libvirtd.process.running()
        assert self._look() == self._before
        for guest in self._guests:
            for options in ((), ("--inactive",)):
                text = self._ask("dumpxml", guest, *options)
                kib = int(re.search(r"<currentMemory unit='KiB'>(\d+)", text)[1])
                assert 40 * KIB <= kib <= 64 * KIB


def kill_repeatedly(libvirtd, daemon, guests, times, seed=1):
    """Kills it at so many random moments of a load; returns how many calls were answered."""
    state = State(libvirtd, guests)
    moments = random.Random(seed)
    answered = 0
    for number in range(times):
        running = load.Load(daemon.uri(), guests, connections=2, threads=3, calls=1 << 30).start()
        time.sleep(moments.uniform(0, 0.4))
        daemon.process.stop(signal.SIGKILL)
        answered += running.finish()
        assert all(isinstance(error, load.libvirt.libvirtError) for error in running.errors()), \
            running.errors()
        stale = daemon.path.stat().st_ino
        daemon.start()
        assert daemon.path.stat().st_ino != stale
        for readonly in (False, True):
            assert daemon.virsh("list", readonly=readonly).code == 0
        if number % 10 == 9 or number == times - 1:
            state.check()
    return answered
