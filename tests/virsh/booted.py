"""A small Linux that answers its balloon, and what the host has of it.

Its kernel and initial RAM disk are those of the nested VFIO host's guests. It touches all of its
memory once, frees it, and then says every two seconds how much it has.
"""

import contextlib
import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import harness
import tool

MIB = 1024
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "vfio-host"
KERNEL = CACHE / "kernel" / "image"
INITRD = CACHE / "guest.cpio"
# Nothing but the guest's own use touches a page: what is ballooned stays as it was.
COMMAND_LINE = "quiet panic=-1 no_timer_check mitigations=off init_on_alloc=0"
MEMORY = 256
HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")
# libvirt sets QEMU's limit of locked memory to the hard limit, and any root may lower it; by its
# privileges QEMU is above it.
LOCKED = "<memtune><hard_limit unit='KiB'>1024</hard_limit></memtune>" \
    "<memoryBacking><locked/>{}</memoryBacking>"
# Such a guest takes its memory from another one, and libvirt has no part in it.
INCOMING = "<qemu:commandline><qemu:arg value='-incoming'/><qemu:arg value='defer'/>" \
    "</qemu:commandline>"
HUGE = "<memoryBacking><hugepages/><source type='memfd'/></memoryBacking>"
BOOT_SECONDS = 120
DOMAIN = """\
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>256</memory>
  {extra}
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kernel}</kernel><initrd>{initrd}</initrd><cmdline>{words}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <console type='file'><source path='{console}'/><target type='virtio'/></console>
    <controller type='usb' model='none'/>
    <memballoon model='virtio'{reporting}/>
  </devices>
</domain>
"""


def resident(pid):
    """What the host has given a QEMU for its guest, in KiB: pages that are not of its program."""
    status = Path(f"/proc/{pid}/status").read_text()
    sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", status))
    return sum(int(sizes[name]) for name in ("RssAnon", "RssShmem", "HugetlbPages"))


class Console:
    """What a guest has said."""

    def __init__(self, path):
        self.path = path
        self.path.unlink(missing_ok=True)

    def said(self, what):
        """What it says of its MemTotal at some point, in KiB."""
        text = self.path.read_text(errors="replace") if self.path.exists() else ""
        return [int(total) for total in re.findall(rf"guest: {what} MemTotal=(\d+)", text)]

    def wait_for(self, what="ready"):
        """Waits until it has said that."""
        return harness.wait_for(lambda: self.said(what), BOOT_SECONDS)


class LibvirtGuest:
    """A domain of 256 MiB on a libvirtd."""

    def __init__(self, server, directory, name, **parts):
        self.server = server
        self.name = name
        self.console = Console(directory / f"{name}.console")
        path = directory / f"{name}.xml"
        path.write_text(self.definition(**parts))
        self.do("create", path, *(["--paused"] if parts.get("extra") == INCOMING else []))
        self.pid = int(Path(f"/run/libvirt/qemu/{name}.pid").read_text())

    def definition(self, extra="", words="", reporting=False):
        """Its XML."""
        return DOMAIN.format(name=self.name, kernel=KERNEL, initrd=INITRD, extra=extra,
                             words=f"{COMMAND_LINE} {words}", console=self.console.path,
                             reporting=" freePageReporting='on'" if reporting else "")

    def do(self, *args):
        """A virsh command that has to work, straight at libvirtd; gives what it prints."""
        result = self.server.virsh(*args)
        assert result.code == 0, result
        return result.out.decode()

    def ask(self, command, **arguments):
        """A command for its QEMU, behind libvirt's back."""
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(self.do("qemu-monitor-command", self.name, text))["return"]

    def set(self, *capabilities, **parameters):
        """What its next migration is to be like."""
        if capabilities:
            self.ask("migrate-set-capabilities",
                     capabilities=[{"capability": name, "state": True} for name in capabilities])
        if parameters:
            self.ask("migrate-set-parameters",
                     **{name.replace("_", "-"): value for name, value in parameters.items()})

    def migration(self):
        """The status of its migration."""
        return self.ask("query-migrate").get("status")

    def remaining(self):
        """How many bytes its migration has yet to send, as far as it knows."""
        return self.ask("query-migrate").get("ram", {}).get("remaining", 1 << 40)

    def actual(self):
        """What its balloon leaves it, in MiB, as libvirt knows from QEMU's event."""
        return int(re.search(r"Used memory: +(\d+) KiB", self.do("dominfo", self.name))[1]) // MIB

    def balloon(self, mib, server=None):
        """Moves the balloon, past virtballoond if need be, and waits until it has moved."""
        done = (server or self.server).virsh("setmem", self.name, f"{mib}M", "--live")
        assert done.code == 0, done
        harness.wait_for(lambda: self.actual() == mib, 60)

    def refused(self, server, mib):
        """The words with which a server refuses to take memory from it, which stays as it is."""
        before = self.actual()
        done = server.virsh("setmem", self.name, f"{mib}M", "--live")
        assert done.code == 1 and self.actual() == before, done
        return done.err.decode()

    def explain(self):
        """What virt-balloon says of it, as JSON."""
        return tool.json_of(tool.ask(self.server, "--format=json", "explain", self.name))

    def resident(self):
        """What the host has given it, in KiB."""
        return resident(self.pid)

    def destroy(self):
        """Ends it, if it is still there; a transient domain leaves nothing."""
        self.server.virsh("destroy", self.name)


class Reader:
    """Takes what a migration writes to a socket, slowly until it is told to hurry."""

    def __init__(self, path, rate=2 << 20):
        self.uri = f"unix:{path}"
        self._rate = rate
        self._hurry = threading.Event()
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError), self._socket.accept()[0] as client:
            while data := client.recv(1 << 16):
                self._hurry.wait(len(data) / self._rate)

    def hurry(self):
        """Takes the rest as fast as it comes."""
        self._hurry.set()

    def close(self):
        """Takes the rest, and no more clients."""
        self.hurry()
        self._socket.close()
        os.unlink(self._path)


@contextlib.contextmanager
def huge_pages():
    """As many huge pages as one guest takes, beside those that the host has."""
    pages = MEMORY // 2
    before = int(HUGE_PAGES.read_text())
    try:
        HUGE_PAGES.write_text(str(before + pages))
        assert int(HUGE_PAGES.read_text()) == before + pages
        yield
    finally:
        HUGE_PAGES.write_text(str(before))


def connect(source, target, path):
    """Starts the migration of one guest into another one."""
    target.ask("migrate-incoming", uri=f"unix:{path}")
    source.ask("migrate", uri=f"unix:{path}")


def start_snapshot(guest, reader):
    """Starts a background snapshot that lasts as long as its reader."""
    guest.set("background-snapshot")
    guest.ask("migrate", uri=reader.uri)
    harness.wait_for(lambda: guest.migration() == "active")


def settled(guest, seconds=3):
    """What the host has given a guest after a while in which it might have got some back."""
    time.sleep(seconds)
    return guest.resident()
