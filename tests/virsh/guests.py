"""Guests for the tests: 64 MiB, emulated by QEMU's TCG, without an operating system."""

from pathlib import Path

import frames

DOMAIN = """\
{doctype}<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>64</memory>
  <currentMemory unit='MiB'>64</currentMemory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <graphics type='vnc' socket='{vnc}'/>
    <video><model type='vga'/></video>
    {devices}
  </devices>
  {extra}
</domain>
"""

BALLOON = "<memballoon model='virtio'/>"
NO_BALLOON = "<memballoon model='none'/>"
COMMAND_LINE = "<qemu:commandline><qemu:arg value='-no-user-config'/></qemu:commandline>"

# A little of everything, so that there is something to ask about.
DEVICES = """\
<disk type='file' device='disk'>
  <driver name='qemu' type='qcow2'/>
  <source file='{directory}/disk.qcow2'/>
  <target dev='vda' bus='virtio'/>
</disk>
<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
<interface type='user'><mac address='52:54:00:00:09:01'/><model type='virtio'/></interface>
<console type='pty'/>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
"""
CPUS = "<vcpu current='1'>2</vcpu><iothreads>1</iothreads>"

# Devices that need not exist: a definition with them cannot be started, but it can be judged.
MDEV_UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804"
MDEV = f"""\
<hostdev mode='subsystem' type='mdev' model='vfio-pci'>
  <source><address uuid='{MDEV_UUID}'/></source>
  <alias name='ua-gpu'/>
</hostdev>"""
PCI_ADDRESS = "0000:07:00.0"
PCI = """\
<hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0' bus='7' slot='0' function='0'/></source>
  <alias name='ua-nic'/>
</hostdev>"""


def policy(word):
    """The metadata that gives a domain its own policy."""
    return ("<metadata><b:policy xmlns:b='urn:virt-balloon:policy:1'"
            f" memballoon='{word}'/></metadata>")


class Guest:
    """A persistent domain on a libvirtd; paused, so that nothing in it changes by itself.

    It stays until libvirtd is stopped, which is quicker than taking it away.
    """

    def __init__(self, server, directory, number, *, start=True, **definition):
        self.server = server
        self.directory = Path(directory)
        self.name = f"guest{number}"
        self.uuid = f"00000000-0000-4000-8000-{number:012}"
        self.define(**definition)
        if start:
            self._do("start", self.name, "--paused")

    def define(self, devices=BALLOON, extra="", doctype=""):
        """Defines it, or gives it another definition for its next start."""
        xml = self.directory / f"{self.name}.xml"
        xml.write_text(DOMAIN.format(name=self.name, uuid=self.uuid, devices=devices, extra=extra,
                                     vnc=self.directory / f"{self.name}.vnc", doctype=doctype))
        self._do("define", xml)

    def wire(self):
        """What names it in a call."""
        return frames.domain(self.name, self.uuid)

    def pid(self):
        """The process id of its QEMU."""
        return int(Path(f"/run/libvirt/qemu/{self.name}.pid").read_text())

    def _do(self, *args):
        result = self.server.virsh(*args)
        assert result.code == 0, result.err
