"""Guests for these tests: a small Linux of 256 MiB that has touched all of it once."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import booted
import harness
import host

QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
SERVER = Path(__file__).with_name("server.py")
MIB = booted.MIB
MEMORY = booted.MEMORY  # in MiB, as all sizes here
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


class Guest(booted.LibvirtGuest):
    """A running guest that is ready: it has touched its memory and freed it again."""

    def __init__(self, server, directory, name, **parts):
        super().__init__(server, directory, name, **parts)
        self.console.wait_for()

    def definition(self, devices=(), free_ports=0, memfd=False, reporting=False):
        """Its XML; devices are QEMU's own."""
        ElementTree.register_namespace("qemu", QEMU_NAMESPACE)
        domain = ElementTree.fromstring(host.domain_xml(
            self.name, memory=MEMORY, console=self.console.path, free_ports=free_ports))
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

    def resident(self):
        """What the host has resident of it, in MiB."""
        return host.resident(self.name) // MIB

    def reports(self):
        """MemTotal in MiB by each of its reports."""
        return [total // MIB for total in self.console.said("(?:ready|memory)")]

    def total(self):
        """MemTotal in MiB by a report that was not there yet when this was called."""
        seen = len(self.reports())
        return harness.wait_for(lambda: self.reports()[seen + 1:], REACTION_SECONDS)[-1]

    def refusal(self, server, size):
        """The text with which setmem is refused; the balloon stays as it is."""
        text = self.refused(server, size).strip()
        assert text.startswith(REFUSED), text
        return text.removeprefix(REFUSED)

    def plug(self, device, port=1):
        """Hot-plugs a device of QEMU's own, of which libvirt knows nothing, into a free port.

        Those ports that libvirt's own devices do not need are the last ones.
        """
        live = ElementTree.fromstring(self.do("dumpxml", self.name))
        ports = [int(found.get("index")) for found in
                 live.findall("devices/controller[@model='pcie-root-port']")]
        assert self.ask("device_add", bus=f"pci.{max(ports) + 1 - port}", **device) == {}

    def unplug(self, alias):
        """Takes it out again, and waits until the guest has let it go."""
        assert self.ask("device_del", id=alias) == {}
        harness.wait_for(lambda: alias not in self.peripherals(), REACTION_SECONDS)

    def is_smaller(self, by):
        """Waits until the guest itself says that it has lost memory since it was ready."""
        full = self.reports()[0]
        harness.wait_for(lambda: self.total() <= full - by, REACTION_SECONDS)

    def peripherals(self):
        """The aliases of its devices, by QEMU."""
        return [child["name"] for child in self.ask("qom-list", path="/machine/peripheral")]
