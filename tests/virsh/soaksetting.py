"""What stays during a soak: the two servers, the guests, and who listens to events all the time."""

import contextlib
import itertools
import os
import subprocess

import guests
import harness

# Echoes its serial port, but sleeps until the next tick of the clock when nothing came.
ECHO = bytes.fromhex(
    "fb"      #        sti
    "bafd03"  #        mov dx, 0x3fd   the line status
    "f4"      # sleep: hlt
    "ec"      # read:  in al, dx
    "a801"    #        test al, 1      nothing received?
    "74fa"    #        jz sleep
    "baf803"  #        mov dx, 0x3f8
    "ec"      #        in al, dx
    "ee"      #        out dx, al
    "bafd03"  #        mov dx, 0x3fd
    "ebf1"    #        jmp read
)
ECHOING = """\
<disk type='file' device='disk'>
  <driver name='qemu' type='raw'/><source file='{}'/><target dev='hda' bus='ide'/>
</disk>
<console type='pty'/>
"""
NUMBERS = itertools.count(1)


class Setting:
    """The two servers, and the guests and the listener that stay for all rounds."""

    def __init__(self, direct, through, directory):
        self.direct, self.through = direct, through
        self.directory = directory / "soak"
        self.directory.mkdir()
        self._numbers = itertools.count(901)
        self.equipped = [self._equip() for _ in range(3)]
        self.shown = self.start(extra=guests.policy("warn"))
        self.inhibited = self.start()
        self.warned = self.start(extra=guests.policy("warn"))
        for guest in (self.inhibited, self.warned):
            direct.inhibit(guest)
        self.blocked = self.start(devices=guests.BALLOON + guests.MDEV,
                                  extra=guests.policy("block"), start=False)
        self.watched = self.start()
        self.left = self.start()
        self.echo = self._echo()
        self.pool = self.directory / "pool"
        self.pool.mkdir()
        assert direct.virsh("pool-create-as", "soak", "dir", "--target", self.pool).code == 0
        self.listeners = Listeners(self)

    def start(self, **options):
        """A guest, paused unless told otherwise."""
        return guests.Guest(self.direct, self.directory, next(self._numbers), **options)

    def _equip(self):
        own = self.directory / f"equipped{next(self._numbers)}"
        own.mkdir()
        made = harness.run(["qemu-img", "create", "-f", "qcow2", own / "disk.qcow2", "1M"])
        assert made.returncode == 0, made
        (own / "disk.iso").write_bytes(bytes(1 << 20))
        guest = self.start(devices=guests.BALLOON + guests.DEVICES.format(directory=own),
                           extra=guests.CPUS)
        return guest, own

    def _echo(self):
        sector = self.directory / "echo.img"
        sector.write_bytes(ECHO + bytes(510 - len(ECHO)) + b"\x55\xaa")
        guest = self.start(devices=ECHOING.format(sector))
        assert self.direct.virsh("resume", guest.name).code == 0
        return guest

    def close(self):
        """Ends what it has started."""
        self.listeners.close()
        self.direct.virsh("pool-destroy", "soak")


class Listeners:
    """virsh event on either side, from now on; what both have seen of a guest is compared."""

    def __init__(self, setting):
        self._setting = setting
        self._files = [open(setting.directory / f"events{next(NUMBERS)}", "w+b")
                       for _ in range(2)]
        self._virsh = [subprocess.Popen(
            ["virsh", "-c", server.uri(), "event", setting.watched.name, "--all", "--loop"],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file)
            for server, file in zip((setting.direct, setting.through), self._files)]
        # Both listen once both have seen the same.
        harness.wait_for(lambda: self._seen(self.mark(), 1), 30)
        self.since(self.mark())

    def mark(self):
        """Has something happen that is like nothing before, and returns what it is."""
        mark = f"urn:soak:{next(NUMBERS)}"
        command = f"metadata {self._setting.watched.name} {mark}"
        done = self._setting.direct.virsh(f"{command} --key k --set '<k/>'; {command} --remove")
        assert done.code == 0, done
        return mark.encode()

    def _texts(self):
        texts = []
        for file in self._files:
            with open(file.name, "rb") as again:
                texts.append(again.read())
        return texts

    def _seen(self, mark, seconds):
        with contextlib.suppress(AssertionError):
            return harness.wait_for(lambda: all(text.count(mark + b"\n") == 2
                                                for text in self._texts()), seconds)
        return False

    def since(self, mark):
        """What was seen since the last time, directly and through, when both have seen a mark."""
        assert self._seen(mark, 30), (mark, self._texts())
        texts = self._texts()
        for file in self._files:
            os.ftruncate(file.fileno(), 0)
            file.seek(0)
        return texts

    def close(self):
        """Listen no more."""
        for virsh, file in zip(self._virsh, self._files):
            virsh.terminate()
            virsh.wait(10)
            file.close()
            os.unlink(file.name)
