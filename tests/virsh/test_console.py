"""virsh console, on a terminal: a guest whose boot sector echoes its serial port."""

import os
import re
import select
import subprocess
import termios
import time
import tty

import pytest

import harness

ECHO = bytes.fromhex(
    "bafd03"  # read:  mov dx, 0x3fd   the line status
    "ec"      #        in al, dx
    "a801"    #        test al, 1      nothing received?
    "74f8"    #        jz read
    "baf803"  #        mov dx, 0x3f8
    "ec"      #        in al, dx
    "ee"      #        out dx, al
    "ebf1"    #        jmp read
)
DISK = """\
<disk type='file' device='disk'>
  <driver name='qemu' type='raw'/><source file='{}'/><target dev='hda' bus='ide'/>
</disk>
<console type='pty'/>
"""
ESCAPE = b"\x1d"


class Terminal:
    """A command on a terminal of its own, that does not echo what is typed before it is read.

    Signals are left on: that they are off is how one sees that virsh has made the terminal raw.
    """

    def __init__(self, *argv):
        self._fd, child = os.openpty()
        tty.setraw(child)
        mode = termios.tcgetattr(child)
        mode[tty.LFLAG] |= termios.ISIG
        termios.tcsetattr(child, termios.TCSANOW, mode)
        self._process = subprocess.Popen(argv, stdin=child, stdout=child, stderr=child,
                                         start_new_session=True)
        os.close(child)
        self.seen = b""

    def is_raw(self):
        """Whether it has been made raw; what was typed before has been thrown away then."""
        return not termios.tcgetattr(self._fd)[tty.LFLAG] & termios.ISIG

    def read_until(self, text, seconds=15):
        """Reads until it has shown a text, or has ended; returns whether it has shown it."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self._fd], [], [], max(0, end - time.monotonic()))[0]:
                return False
            try:
                self.seen += os.read(self._fd, 4096)
            except OSError:  # what the end of the last program on a terminal looks like
                return False
        return True

    def type(self, text):
        """Types on it."""
        os.write(self._fd, text)

    def finish(self):
        """Waits for the end; returns all that it has shown, and the exit status."""
        assert not self.read_until(b"more than anybody says")
        os.close(self._fd)
        return self.seen, self._process.wait(15)


def is_booted(guest):
    """Whether its boot sector is running; before, its firmware may take what is typed."""
    registers = guest.server.virsh("qemu-monitor-command", "--hmp", guest.name, "info registers")
    return re.search(rb"\bEIP=00007c", registers.out)


def console(server, *args):
    """virsh console on a terminal."""
    return Terminal("virsh", "-c", server.uri(), "console", *args)


def attach(server, guest, *options):
    """virsh console that has been heard by the guest.

    What is typed waits until QEMU, which looks once a second, sees that there is somebody.
    """
    harness.wait_for(lambda: is_booted(guest), 30)
    terminal = console(server, guest.name, *options)
    harness.wait_for(terminal.is_raw, 15)
    terminal.type(b"?")
    assert terminal.read_until(b"?"), terminal.seen
    return terminal


def leave(terminal):
    """Leaves as a user does."""
    terminal.type(ESCAPE)
    return terminal.finish()


@pytest.fixture(scope="module")
def echo(direct, start_guest, directory):
    """A guest that echoes what it gets on its serial port."""
    sector = directory / "echo.img"
    sector.write_bytes(ECHO + bytes(510 - len(ECHO)) + b"\x55\xaa")
    guest = start_guest(devices=DISK.format(sector))
    assert direct.virsh("resume", guest.name).code == 0
    yield guest
    assert direct.virsh("destroy", guest.name).code == 0


def converse(server, guest):
    """All that a user sees who types a few words and leaves."""
    terminal = attach(server, guest)
    for word in (b"hello", b"\x01\x7f\xff", b"0123456789" * 10, b"good bye"):
        terminal.type(word)
        assert terminal.read_until(word), terminal.seen
    return leave(terminal)


def test_a_console_shows_the_same(direct, through, echo):
    seen, code = converse(direct, echo)
    assert (seen, code) == converse(through, echo)
    assert code == 0
    assert seen.startswith(f"Connected to domain '{echo.name}'".encode())


def test_a_console_that_somebody_else_has_is_refused_the_same(direct, through, echo):
    ends = []
    for holder, other in ((direct, through), (through, direct)):
        terminal = attach(holder, echo)
        ends.append(console(other, echo.name).finish())
        leave(terminal)
    assert ends[0] == ends[1]
    assert b"Active console session exists for this domain" in ends[0][0]


def test_a_console_is_taken_over_by_force(direct, through, echo):
    ends = []
    for holder, other in ((direct, through), (through, direct)):
        first = attach(holder, echo)
        second = attach(other, echo, "--force")
        ends.append((first.finish(), leave(second)))
    assert ends[0] == ends[1]
    assert ends[0][1][1] == 0


def test_the_end_of_a_guest_ends_its_console_the_same(direct, through, echo):
    ends = []
    for server in (direct, through):
        terminal = attach(server, echo)
        assert direct.virsh("destroy", echo.name).code == 0
        ends.append(terminal.finish())
        assert direct.virsh("start", echo.name).code == 0
    assert ends[0] == ends[1]


def test_a_console_that_is_not_there_is_refused_the_same(direct, through, echo):
    for args in (["no-such-guest"], [echo.name, "--devname", "no-such-device"]):
        ends = [console(server, *args).finish() for server in (direct, through)]
        assert ends[0] == ends[1]
        assert ends[0][1] == 1
