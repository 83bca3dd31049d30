"""A small Linux that answers its balloon, under libvirt or alone, and what the host has of it.

Its kernel and initial RAM disk are those of the nested VFIO host's guests. It touches all of its
memory once, frees it, and then says every two seconds how much it has.
"""

import contextlib
import json
import os
import re
import signal
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
COMMAND_LINE = "quiet panic=-1 mitigations=off init_on_alloc=0"
MEMORY = 256
BOOT_SECONDS = 60
DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>256</memory>
  {backing}
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

    def __init__(self, server, directory, name, *, backing="", words="", reporting=False):
        self.server = server
        self.name = name
        self.console = Console(directory / f"{name}.console")
        path = directory / f"{name}.xml"
        path.write_text(DOMAIN.format(
            name=name, kernel=KERNEL, initrd=INITRD, backing=backing,
            words=f"{COMMAND_LINE} {words}", console=self.console.path,
            reporting=" freePageReporting='on'" if reporting else ""))
        self.do("create", path)
        self.pid = int(Path(f"/run/libvirt/qemu/{name}.pid").read_text())

    def do(self, *args):
        """A virsh command that has to work, straight at libvirtd; gives what it prints."""
        result = self.server.virsh(*args)
        assert result.code == 0, result
        return result.out.decode()

    def ask(self, command, **arguments):
        """A command for its QEMU, behind libvirt's back."""
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(self.do("qemu-monitor-command", self.name, text))["return"]

    def actual(self):
        """What its balloon leaves it, in MiB, as libvirt knows from QEMU's event."""
        return int(re.search(r"Used memory: +(\d+) KiB", self.do("dominfo", self.name))[1]) // MIB

    def balloon(self, mib, server=None):
        """Moves the balloon, past virtballoond if need be, and waits until it has moved."""
        done = (server or self.server).virsh("setmem", self.name, f"{mib}M", "--live")
        assert done.code == 0, done
        harness.wait_for(lambda: self.actual() == mib, 30)

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


class Qemu:
    """A QEMU that libvirt does not run, whose monitor is free whenever nobody asks."""

    def __init__(self, directory, name, *args, words=""):
        self.console = Console(directory / f"{name}.console")
        self.monitor = directory / f"{name}.monitor"
        self._process = harness.Process(
            ["qemu-system-x86_64", "-name", name, "-machine", "q35,accel=tcg", "-m", MEMORY,
             "-nodefaults", "-no-user-config", "-display", "none",
             "-chardev", f"file,id=console,path={self.console.path}", "-device", "virtio-serial",
             "-device", "virtconsole,chardev=console", "-device", "virtio-balloon-pci",
             "-kernel", KERNEL, "-initrd", INITRD, "-append", f"{COMMAND_LINE} {words}",
             "-qmp", f"unix:{self.monitor},server=on,wait=off", *args],
            harness.RESULTS / f"{name}.log")
        harness.wait_for(lambda: harness.Server(self.monitor).listens())

    def ask(self, command, **arguments):
        """What QEMU returns."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(self.monitor))
            with client.makefile("rwb") as stream:
                for name, given in (("qmp_capabilities", {}), (command, arguments)):
                    stream.write(json.dumps({"execute": name, "arguments": given}).encode() + b"\n")
                    stream.flush()
                    while "return" not in (answer := json.loads(stream.readline())):
                        assert "error" not in answer, answer
        return answer["return"]

    def set(self, *capabilities, **parameters):
        """What its next migration is to be like."""
        self.ask("migrate-set-capabilities",
                 capabilities=[{"capability": name, "state": True} for name in capabilities])
        if parameters:
            self.ask("migrate-set-parameters",
                     **{name.replace("_", "-"): value for name, value in parameters.items()})

    def explain(self):
        """What virt-balloon says of it, as JSON."""
        return tool.json_of(tool.run("--format=json", "--qmp", self.monitor, "explain"))

    def balloon(self, mib, seconds=30):
        """Moves the balloon, and waits until it has moved."""
        self.ask("balloon", value=mib << 20)
        harness.wait_for(lambda: self.ask("query-balloon") == {"actual": mib << 20}, seconds)

    def resident(self):
        """What the host has given it, in KiB."""
        return resident(self._process.pid)

    def kill(self):
        """Ends it at once."""
        self._process.stop(signal.SIGKILL)
        self.monitor.unlink(missing_ok=True)


class Reader:
    """Takes what a migration writes to a socket, slowly until it is told to hurry."""

    def __init__(self, path, rate=4 << 20):
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


def start_snapshot(guest, reader):
    """Starts a background snapshot that lasts as long as its reader."""
    guest.ask("migrate-set-capabilities",
              capabilities=[{"capability": "background-snapshot", "state": True}])
    guest.ask("migrate", uri=reader.uri)
    harness.wait_for(lambda: migration(guest) == "active")


def migration(guest):
    """The status of its migration."""
    return guest.ask("query-migrate").get("status")


def settled(guest, seconds=3):
    """What the host has given a guest after a while in which it might have got some back."""
    time.sleep(seconds)
    return guest.resident()
