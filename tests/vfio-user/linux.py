"""Guests for these tests: a small Linux of 256 MiB that has touched all of it once."""

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import harness
import host

QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
SERVER = Path(__file__).with_name("server.py")
MIB = 1024
MEMORY = 256  # in MiB, as all sizes here
BOOT_SECONDS = 120
REACTION_SECONDS = 30
REFUSED = "error: Requested operation is not valid: "


class Server(harness.Process):
    """A vfio-user server of its own for each device."""

    def __init__(self, path):
        self.path = path
        super().__init__([sys.executable, SERVER, path], harness.RESULTS / f"{path.name}.log")
        harness.wait_for(path.is_socket)

    def device(self, alias, **properties):
        """The device that it serves, for -device and device_add."""
        return {"driver": "vfio-user-pci", "id": alias,
                "socket": {"type": "unix", "path": str(self.path)}, **properties}


def definition(name, console, devices=(), free_ports=0, memfd=False, reporting=False):
    """The XML of a guest that boots; devices are QEMU's own."""
    ElementTree.register_namespace("qemu", QEMU_NAMESPACE)
    domain = ElementTree.fromstring(
        host.domain_xml(name, memory=MEMORY, console=console, free_ports=free_ports))
    # QEMU finds them below /run, see `run`.
    domain.find("os/kernel").text = "/run/boot/kernel/image"
    domain.find("os/initrd").text = "/run/boot/guest.cpio"
    if memfd:
        backing = ElementTree.SubElement(domain, "memoryBacking")
        ElementTree.SubElement(backing, "source", type="memfd")
        ElementTree.SubElement(backing, "access", mode="shared")
    if reporting:
        domain.find("devices/memballoon").set("freePageReporting", "on")
    if devices:
        arguments = ElementTree.SubElement(domain, f"{{{QEMU_NAMESPACE}}}commandline")
        for device in devices:
            for value in ("-device", json.dumps(device)):
                ElementTree.SubElement(arguments, f"{{{QEMU_NAMESPACE}}}arg", value=value)
    return ElementTree.tostring(domain, encoding="unicode")


class Guest:
    """A running guest that is ready: it has touched its memory and freed it again."""

    def __init__(self, libvirtd, directory, name, **parts):
        self.libvirtd = libvirtd
        self.name = name
        self.console = directory / f"{name}.console"
        xml = directory / f"{name}.xml"
        xml.write_text(definition(name, self.console, **parts))
        self.virsh("create", xml)
        harness.wait_for(lambda: "guest: ready" in self.told(), BOOT_SECONDS)

    def told(self):
        """What it has said so far."""
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def virsh(self, *args, server=None):
        """virsh on libvirtd itself or on another server, for what has to work."""
        done = (server or self.libvirtd).virsh(*args)
        assert done.code == 0, done
        return done.out.decode()

    def resident(self):
        """What the host has resident of it, in MiB."""
        return host.resident(self.name) // MIB

    def total(self):
        """MemTotal in MiB by a report that was not there yet when this was called."""
        seen = len(self.reports())
        return harness.wait_for(lambda: self.reports()[seen + 1:], REACTION_SECONDS)[-1]

    def reports(self):
        """MemTotal in MiB by each of its reports."""
        return [int(total) // MIB for total in re.findall(
            r"guest: (?:ready|memory) MemTotal=(\d+) MemFree=\d+", self.told())]

    def current(self):
        """What the balloon leaves it, in MiB, by libvirtd itself."""
        live = ElementTree.fromstring(self.virsh("dumpxml", self.name))
        return int(live.findtext("currentMemory")) // MIB

    def resize(self, size, server=None):
        """setmem that has to pass, and the guest's answer to it."""
        self.virsh("setmem", self.name, f"{size}M", "--live", server=server)
        harness.wait_for(lambda: self.current() == size, REACTION_SECONDS)

    def refusal(self, server, size):
        """The text with which setmem is refused; the balloon stays as it is."""
        before = self.current()
        done = server.virsh("setmem", self.name, f"{size}M", "--live")
        assert done.code == 1, done
        text = done.err.decode().strip()
        assert text.startswith(REFUSED), text
        assert self.current() == before
        return text.removeprefix(REFUSED)

    def monitor(self, execute, **arguments):
        """What its QEMU answers to a command."""
        command = json.dumps({"execute": execute, "arguments": arguments})
        return json.loads(self.virsh("qemu-monitor-command", self.name, command))

    def plug(self, device, port=1):
        """Hot-plugs a device of QEMU's own, of which libvirt knows nothing, into a free port.

        Those ports that libvirt's own devices do not need are the last ones.
        """
        live = ElementTree.fromstring(self.virsh("dumpxml", self.name))
        ports = [int(found.get("index")) for found in
                 live.findall("devices/controller[@model='pcie-root-port']")]
        answer = self.monitor("device_add", bus=f"pci.{max(ports) + 1 - port}", **device)
        assert answer.get("return") == {}, answer

    def unplug(self, alias):
        """Takes it out again, and waits until the guest has let it go."""
        answer = self.monitor("device_del", id=alias)
        assert answer.get("return") == {}, answer
        harness.wait_for(lambda: alias not in self.peripherals(), REACTION_SECONDS)

    def is_smaller(self, by):
        """Waits until the guest itself says that it has lost memory since it was ready."""
        full = self.reports()[0]
        harness.wait_for(lambda: self.total() <= full - by, REACTION_SECONDS)

    def peripherals(self):
        """The aliases of its devices, by QEMU."""
        return [child["name"] for child in
                self.monitor("qom-list", path="/machine/peripheral")["return"]]

    def destroy(self):
        """Ends it, if it is still there."""
        self.libvirtd.virsh("destroy", self.name)
