"""Libvirt on a host where virtballoond may be in front of it."""

import json
import re
import subprocess
from pathlib import Path

import container
from container import HERE, SECONDS, run

RW = Path("/run/libvirt/libvirt-sock")
UPSTREAM = Path("/run/virtballoond-upstream")
CONFIG = Path("/etc/virtballoond/virtballoond.conf")
LIBVIRTD = Path("/etc/libvirt/libvirtd.conf")
UNITS = ["libvirtd.service", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket",
         "libvirtd-tcp.socket", "libvirt-guests.service", *container.UNITS]
# What is different each time that a unit is started, or counts.
VOLATILE = re.compile(
    r"(?:.*Timestamp.*|.*Monotonic|MainPID|Exec.*|InvocationID|N[A-Z]\w+|ControlGroup.*|Memory.*|"
    r"CPU.*|Tasks.*|Status.*|UID|GID|IO.*|IP.*|.*Result|SubState|ActiveState|WatchdogUSec)$")
DOMAIN = """\
<domain type='qemu'><name>{name}</name><memory unit='MiB'>{memory}</memory>
<os><type arch='x86_64' machine='q35'>hvm</type>{boot}</os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}
<controller type='usb' model='none'/><memballoon model='virtio'/></devices></domain>"""
VDPA = """\
<interface type='vdpa'><mac address='52:54:00:00:09:09'/><source dev='/dev/vhost-vdpa-0'/>
<model type='virtio'/><alias name='ua-vdpa'/>
<address type='pci' domain='0x0000' bus='0x00' slot='0x1d' function='0x0'/></interface>
</devices>
"""
REFUSED = "ballooning is inhibited by vDPA device 'ua-vdpa' (/dev/vhost-vdpa-0)"


def virsh(*words, code=0, user=None, uri="qemu:///system"):
    """virsh as root or somebody else, with the URI that everybody uses."""
    who = ["runuser", "-u", user, "--"] if user else []
    return run(*who, "timeout", SECONDS, "virsh", "-c", uri, *words, code=code)


def tool(*words, code=0):
    """virt-balloon, as root."""
    return run("virt-balloon", *words, code=code)


def status(code=0):
    """What 'front status' says, as JSON."""
    return json.loads(tool("--format", "json", "front", "status", code=code))


def define(name, memory=64, boot="", devices=""):
    """Defines a domain."""
    path = HERE / f"{name}.xml"
    path.write_text(DOMAIN.format(name=name, memory=memory, boot=boot, devices=devices))
    virsh("define", path)


def destroy(name):
    """Ends a guest. A libvirtd that has just started may find it gone in the midst of that."""
    virsh("destroy", name, code=None)
    container.wait_for(lambda: "shut off" in virsh("domstate", name))


def inhibit(name, memory=64):
    """Makes libvirtd believe that a guest that runs has a vDPA device, which none has here.

    It reads that at its start, from the file in which it keeps what runs. With more memory than the
    64 MiB that the guest has, its balloon is inflated.
    """
    run("systemctl", "stop", "libvirtd.service")
    path = Path(f"/run/libvirt/qemu/{name}.xml")
    text = path.read_text().replace("<memory unit='KiB'>65536<",
                                    f"<memory unit='KiB'>{memory * 1024}<")
    head, _, rest = text.rpartition("    </devices>\n")
    path.write_text(head + VDPA + rest)
    run("systemctl", "start", "libvirtd.service")


def fields(*words):
    """The lines of the journal about verdicts: the fields that are virtballoond's, and the text."""
    run("journalctl", "--sync")
    lines = run("journalctl", "-b", "-o", "json", "_TRANSPORT=journal", *words).splitlines()
    return [{name.removeprefix("VIRTBALLOON_"): value for name, value in json.loads(line).items()
             if name.startswith("VIRTBALLOON_") or name == "MESSAGE"}
            for line in lines if "VIRTBALLOON_VERDICT" in line]


def properties():
    """What systemd says of the units of libvirt and virtballoond, but for what counts and is of one
    run."""
    found = []
    for block in run("systemctl", "show", *UNITS).split("\n\n"):
        lines = [line.partition("=") for line in block.splitlines()]
        unit = next(value for name, _, value in lines if name == "Id")
        for name, _, value in lines:
            # Lists have no order, a guest's scope comes and goes with libvirtd, and of a service
            # that does not run systemd may or may not know that it comes after a socket.
            words = sorted(word for word in value.split() if "machine" not in word and
                           (name, word) != ("Before", container.SERVICE))
            if not VOLATILE.match(name):
                found.append(" ".join([unit, name, *words]))
    return found


def files():
    """Everything below /etc, and what there is of libvirt and virtballoond below /run: kind, mode,
    owner, and what is in it."""
    places = ["/etc", "/run/libvirt", *map(str, Path("/run").glob("virtballoond*"))]
    listed = run("find", *places, "-not", "-path", "/run/libvirt/*/*", "-printf",
                 "%p %y %m %u %g %l\n").splitlines()
    sums = subprocess.run("find /etc -type f -print0 | xargs -0 sha256sum", shell=True, check=True,
                          capture_output=True, text=True).stdout.splitlines()
    return sorted(listed) + sorted(sums)


def states():
    """Which units are active, and which are enabled."""
    return [f"{unit} {container.state(unit)} {container.state(unit, 'UnitFileState')}"
            for unit in UNITS if unit not in ("libvirtd.service", container.SERVICE)]


def remember():
    """How it is on this host: properties of units, files, and what is active."""
    return set(properties() + files() + states())
