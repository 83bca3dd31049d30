"""Guests with two virtio-mem devices on two NUMA nodes, and what is asked of these."""

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import booted
import guests

MIB = 1024
BOOT = 256  # MiB of boot memory, in two cells
DEVICE = 128  # MiB of each device
ALL = BOOT + 2 * DEVICE
NUMBERS = itertools.count(1)
DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  {policy}
  <maxMemory slots='2' unit='MiB'>1024</maxMemory>
  <memory unit='MiB'>512</memory>
  <vcpu>2</vcpu>
  <cpu><numa>
    <cell id='0' cpus='0' memory='128' unit='MiB'/><cell id='1' cpus='1' memory='128' unit='MiB'/>
  </numa></cpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{boot}</os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    {console}{memories}
    <memballoon model='virtio'/>
  </devices>
</domain>
"""
MEMORY = """
    <memory model='virtio-mem'>
      <target>
        <size unit='MiB'>{size}</size><node>{node}</node>
        <block unit='MiB'>2</block><requested unit='MiB'>{requested}</requested>
      </target>
    </memory>"""
BOOTS = "<kernel>{}</kernel><initrd>{}</initrd><cmdline>{}</cmdline>"
CONSOLE = "<console type='file'><source path='{}'/><target type='virtio'/></console>"


class Guest:
    """A persistent domain of 512 MiB, half of it in virtio-mem; paused, or a small Linux."""

    def __init__(self, server, directory, *, policy="redirect", boots=False, start=True):
        self.server = server
        self.name = f"virtiomem{next(NUMBERS)}"
        self.console = booted.Console(Path(directory) / f"{self.name}.console") if boots else None
        self.path = Path(directory) / f"{self.name}.xml"
        self.path.write_text(DOMAIN.format(
            name=self.name, policy=guests.policy(policy) if policy else "",
            boot=BOOTS.format(booted.KERNEL, booted.INITRD, booted.COMMAND_LINE) if boots else "",
            console=CONSOLE.format(self.console.path) if boots else "",
            memories="".join(MEMORY.format(size=DEVICE, node=node, requested=DEVICE)
                             for node in (0, 1))))
        self.do("define", self.path)
        if start:
            self.do("start", self.name, *([] if boots else ["--paused"]))
        if boots:
            self.console.wait_for()

    def do(self, *args):
        """A virsh command that has to work, straight at libvirtd; gives what it prints."""
        result = self.server.virsh(*args)
        assert result.code == 0, result
        return result.out.decode()

    def domain(self, *options):
        """Its XML, by libvirtd itself."""
        return ElementTree.fromstring(self.do("dumpxml", self.name, *options))

    def requested(self, *options):
        """What is requested of each device, in MiB."""
        return [int(size.text) // MIB
                for size in self.domain(*options).findall("devices/memory/target/requested")]

    def current(self, *options):
        """Its currentMemory, in MiB."""
        return int(self.domain(*options).findtext("currentMemory")) // MIB

    def used(self):
        """What dominfo says that it has, in KiB."""
        return int(re.search(r"Used memory: +(\d+) KiB", self.do("dominfo", self.name))[1])

    def pid(self):
        """The process id of its QEMU."""
        return int(Path(f"/run/libvirt/qemu/{self.name}.pid").read_text())

    def remove(self):
        """Takes it away."""
        self.server.virsh("destroy", self.name)
        self.server.virsh("undefine", self.name)
