"""What the tests of the nested VFIO host are made of: virsh, domain XML, the log of what libvirtd
said to QEMU, and a virtballoond of one's own. See `run` and `host-init` for the host itself."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import time
import uuid
from typing import NamedTuple
from xml.etree import ElementTree

DIRECT = "qemu:///system"
POLICY_NAMESPACE = "urn:virt-balloon:policy:1"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(os.environ.get("VFIO_HOST_WORK", "."))
KERNEL = REPOSITORY / ".cache/vfio-host/kernel/image"
GUEST_INITRD = REPOSITORY / ".cache/vfio-host/guest.cpio"
MDEV_TYPES = pathlib.Path("/sys/devices/vbmdev/mdev_supported_types")
MDEV_DEVICES = pathlib.Path("/sys/bus/mdev/devices")
BUILD = REPOSITORY / os.environ.get("VB_BUILD", "build")
VIRT_BALLOON = BUILD / "tools/virt-balloon"
VIRTBALLOOND = BUILD / "src/virtballoond"
E1000E = ("0x8086", "0x10d3")


class Result(NamedTuple):
    """How a command ended."""
    status: int
    out: str
    err: str


def virsh(*arguments, uri=DIRECT):
    """Runs virsh as typed and returns its exit status, standard output and standard error."""
    done = subprocess.run(["virsh", "-c", uri, *arguments], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def virt_balloon(*arguments):
    """Runs virt-balloon as typed, on libvirtd itself."""
    done = subprocess.run([VIRT_BALLOON, "-c", DIRECT, *arguments], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def checked_virsh(*arguments, uri=DIRECT):
    """virsh for the steps around a test, which have to work; returns standard output."""
    result = virsh(*arguments, uri=uri)
    assert result.status == 0, f"virsh {' '.join(arguments)}: {result.err}"
    return result.out


def spare_devices():
    """The host addresses of the emulated NICs that guests may have, such as 0000:00:10.0."""
    return sorted(
        device.name for device in pathlib.Path("/sys/bus/pci/devices").iterdir()
        if ((device / "vendor").read_text().strip(), (device / "device").read_text().strip())
        == E1000E)


def wait_until(condition, seconds, what):
    """Waits until condition() gives something true and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


def hostdev_xml(address):
    """A <hostdev> for the PCI device at a host address."""
    domain, bus, slot, function = re.fullmatch(r"(\w+):(\w+):(\w+)\.(\w+)", address).groups()
    return f"""
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/>
      </source>
      <rom enabled='no'/>
    </hostdev>"""


@contextlib.contextmanager
def mdevs(count):
    """The UUIDs of that many new mediated devices, see mdev/vbmdev.c; afterwards they are gone."""
    names = [str(uuid.uuid4()) for _ in range(count)]
    # What stands before the name of a type depends on the parent's driver.
    create, = MDEV_TYPES.glob("*config/create")
    try:
        for name in names:
            create.write_text(name)
        yield names
    finally:
        for name in names:
            if (device := MDEV_DEVICES / name).exists():
                (device / "remove").write_text("1")


def mdev_xml(name, ballooning=None, alias=None):
    """A <hostdev> for the mediated device with that UUID."""
    attribute = "" if ballooning is None else f" ballooning='{ballooning}'"
    user_alias = "" if alias is None else f"""
      <alias name='{alias}'/>"""
    return f"""
    <hostdev mode='subsystem' type='mdev' model='vfio-pci'{attribute}>
      <source><address uuid='{name}'/></source>{user_alias}
    </hostdev>"""


def override_xml(alias):
    """What unmodified libvirt keeps of an opt-out, see docs/formatdomain.rst."""
    return f"""
  <qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
    <qemu:device alias='{alias}'>
      <qemu:frontend>
        <qemu:property name='x-balloon-allowed' type='bool' value='true'/>
      </qemu:frontend>
    </qemu:device>
  </qemu:override>"""


def virtio_mem_xml(size, requested, node=0):
    """A virtio-mem device; sizes in MiB."""
    return f"""
    <memory model='virtio-mem'>
      <target>
        <size unit='MiB'>{size}</size>
        <node>{node}</node>
        <block unit='MiB'>2</block>
        <requested unit='MiB'>{requested}</requested>
      </target>
      <alias name='ua-vm{node}'/>
    </memory>"""


def domain_xml(name, memory=256, hostdevs=(), current=None, policy=None, virtio_mem=(),
               memballoon="virtio", console=None, free_ports=0, devices=(), override=""):
    """A small q35 guest under emulation, without disk. Sizes in MiB.

    hostdevs    host addresses of the PCI devices it gets
    current     <currentMemory>
    policy      memballoon policy in the domain's metadata
    virtio_mem  (size, requested) of virtio-mem devices, one for each NUMA node, in addition to
                memory
    memballoon  model of the balloon device
    console     boots the small Linux of guest-initrd with its console in this file; otherwise
                nothing runs in the guest
    free_ports  how many PCIe devices can be plugged in while it runs
    devices     further devices in XML, such as mdev_xml() gives
    override    what QEMU is told beyond libvirt's own knowledge, see override_xml()
    """
    devices = [hostdev_xml(address) for address in hostdevs] + list(devices)
    # Those that the devices from the start take are in these, too: the balloon and the console.
    if free_ports:
        devices += ["""
    <controller type='pci' model='pcie-root' index='0'/>"""] + ["""
    <controller type='pci' model='pcie-root-port'/>"""] * (free_ports + 2 + len(devices))
    total, cpu, boot = memory, "", ""
    if virtio_mem:
        nodes = len(virtio_mem)
        total += sum(size for size, _ in virtio_mem)
        devices += [virtio_mem_xml(*sizes, node) for node, sizes in enumerate(virtio_mem)]
        cells = "".join(f"<cell id='{node}' cpus='{node}' memory='{memory // nodes}' unit='MiB'/>"
                        for node in range(nodes))
        cpu = f"""
  <maxMemory slots='2' unit='MiB'>{2 * total}</maxMemory>
  <cpu><numa>{cells}</numa></cpu>"""
    if console:
        devices.append(f"""
    <console type='file'><source path='{console}'/><target type='virtio'/></console>""")
        boot = f"""
    <kernel>{KERNEL}</kernel>
    <initrd>{GUEST_INITRD}</initrd>
    <cmdline>quiet panic=-1 no_timer_check mitigations=off</cmdline>"""
    metadata = "" if policy is None else f"""
  <metadata>
    <balloon:policy xmlns:balloon='{POLICY_NAMESPACE}' memballoon='{policy}'/>
  </metadata>"""
    current_memory = "" if current is None else f"""
  <currentMemory unit='MiB'>{current}</currentMemory>"""
    return f"""
<domain type='qemu'>
  <name>{name}</name>{metadata}
  <memory unit='MiB'>{total}</memory>{current_memory}
  <vcpu>{max(1, len(virtio_mem))}</vcpu>{cpu}
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>{boot}
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>{''.join(devices)}
    <controller type='usb' model='none'/>
    <memballoon model='{memballoon}'/>
  </devices>{override}
</domain>"""


@contextlib.contextmanager
def guests():
    """Gives a function that defines a guest from the parts that domain_xml() knows and returns
    its name; `uri` says through what. Afterwards the guests are gone, running or not."""
    names = []

    def define(name, uri=DIRECT, **parts):
        path = WORK / f"{name}.xml"
        path.write_text(domain_xml(name, **parts))
        checked_virsh("define", str(path), uri=uri)
        names.append(name)
        return name

    yield define
    for name in names:
        virsh("destroy", name)
        virsh("undefine", name)


def start(name):
    """Starts a guest with its processors stopped: nothing runs in it that would take time."""
    checked_virsh("start", "--paused", name)
    return name


def live_size(name, path):
    """A size in KiB from the live XML of a running guest, by libvirtd itself."""
    return int(ElementTree.fromstring(checked_virsh("dumpxml", name)).findtext(path))


def process(name):
    """The directory in /proc of a guest's QEMU."""
    return pathlib.Path("/proc") / pathlib.Path(f"/run/libvirt/qemu/{name}.pid").read_text().strip()


def resident(name):
    """The resident set of a guest's QEMU in KiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", (process(name) / "status").read_text())[1])


def device_on_command_line(name, alias):
    """The properties of a device, by the arguments that a guest's QEMU was started with."""
    arguments = (process(name) / "cmdline").read_text().split("\0")
    devices = [json.loads(value) for option, value in zip(arguments, arguments[1:])
               if option == "-device"]
    device, = [device for device in devices if device["id"] == alias]
    return device


def device_property(name, alias, property_name):
    """A property of a device, by the guest's QEMU."""
    answer = checked_virsh("qemu-monitor-command", name, "--return-value", json.dumps({
        "execute": "qom-get",
        "arguments": {"path": f"/machine/peripheral/{alias}", "property": property_name}}))
    return json.loads(answer)


class MonitorLog:
    """What libvirtd has said to the QEMU of each domain, read from libvirtd's log as it grows.

    The log names monitors by address. Whose monitor that is says the line before the one
    that announces it, in the same thread; addresses are used again after a guest is gone.
    """

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.connecting = {}
        self.owner = {}
        self.sent = {}

    def commands(self, domain):
        """Every QMP command that the domain's QEMU has got so far."""
        with self.path.open("rb") as log:
            log.seek(self.position)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self.position += len(line)
                self.take(line.decode(errors="replace"))
        return self.sent.get(domain, [])

    def take(self, line):
        """Takes note of one line of the log."""
        if match := re.search(r": (\d+): .*Connect monitor to vm=\w+ name='(.*)'$", line):
            self.connecting[match[1]] = match[2]
        elif match := re.search(r": (\d+): .*QEMU_MONITOR_NEW: mon=(\w+)", line):
            self.owner[match[2]] = self.connecting.pop(match[1], None)
        elif match := re.search(r"QEMU_MONITOR_SEND_MSG: mon=(\w+) msg=(.*)$", line):
            self.sent.setdefault(self.owner.get(match[1]), []).append(json.loads(match[2]))


MONITOR_LOG = MonitorLog(pathlib.Path(os.environ.get("VFIO_HOST_MONITOR_LOG", "monitor.log")))


@contextlib.contextmanager
def balloon_commands(domain):
    """Collects the sizes in MiB of the `balloon` commands that a domain's QEMU gets meanwhile."""
    sizes = []
    before = len(MONITOR_LOG.commands(domain))
    yield sizes
    sizes += [command["arguments"]["value"] // 2**20
              for command in MONITOR_LOG.commands(domain)[before:]
              if command["execute"] == "balloon"]


class Virtballoond:
    """A virtballoond between this test and the host's libvirtd."""

    def __init__(self, directory, config=""):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.socket = self.directory / "virtballoond-sock"
        self.log_file = WORK / f"virtballoond-{self.directory.name}.log"
        config_file = self.directory / "virtballoond.conf"
        config_file.write_text(f"[virtballoond]\nauth=none\n{config}\n")
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [VIRTBALLOOND, "--system", "--config", config_file,
                 "--socket-dir", self.directory, "--upstream-dir", "/run/libvirt"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(self.is_up, 60, "virtballoond's socket")
        except AssertionError:
            self.stop()
            raise

    def is_up(self):
        """Whether its socket is there; fails at once when the process has ended."""
        assert self.process.poll() is None, f"virtballoond ended: {self.log()}"
        return self.socket.is_socket()

    @property
    def uri(self):
        """The URI of a libvirt connection through it."""
        return f"qemu:///system?socket={self.socket}"

    @property
    def read_only_uri(self):
        """The same for clients that connect read-only."""
        return f"{self.uri}-ro"

    def log(self):
        """What it has written so far."""
        return self.log_file.read_text(errors="replace")

    def stop(self):
        """Ends it, and fails when it was gone already or ended badly."""
        early = self.process.poll()
        self.process.terminate()
        status = self.process.wait(timeout=60)
        assert early is None and status == 0, f"virtballoond ended with {status}: {self.log()}"
