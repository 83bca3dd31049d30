"""virt-balloon, the command line, run as a user would run it."""

import json
import os
from pathlib import Path

import guests
import harness

TOOL = Path(os.environ["VB_BUILD"]) / "tools" / "virt-balloon"
STATES = ["available", "inhibited", "ineffective", "unknown", "none"]
VDPA = ("<interface type='vdpa'><mac address='52:54:00:00:09:0{0}'/>"
        "<source dev='/dev/vhost-vdpa-{0}'/><model type='virtio'/><alias name='net{0}'/>"
        "<address type='pci' domain='0' bus='0' slot='0x1{0}' function='0'/></interface>")
LOCKED = "<memoryBacking><locked/></memoryBacking>"


def run(*args, **options):
    """Runs it without naming a libvirt."""
    return harness.run([TOOL, *args], **options)


def ask(server, *args, **options):
    """Runs it on a server."""
    return run("-c", server.uri(), *args, **options)


def text_of(done, code=0):
    """What it prints, which must end as expected, without a word to standard error."""
    assert (done.returncode, done.stderr) == (code, b""), done
    return done.stdout.decode()


def complaint(done, code):
    """What it says to standard error, which must be all, on one line."""
    assert (done.returncode, done.stdout) == (code, b""), done
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, done
    return lines[0].removeprefix("virt-balloon: ")


def json_of(done, code=0):
    """What it prints with --format json."""
    return json.loads(text_of(done, code))


def rows(text):
    """The rows of a table behind its heads: the first word -> the line's other columns."""
    lines = text.splitlines()
    return {line.split()[0]: line.split(None, 1)[1] for line in lines[1:]}


def definition(name, devices=guests.BALLOON, extra=""):
    """The XML of a domain that need not be defined anywhere."""
    return guests.DOMAIN.format(name=name, uuid="00000000-0000-4000-a000-000000000001",
                                devices=devices, extra=extra, vnc="/run/no.vnc", doctype="")


def disguise(server, guest, devices):
    """Makes libvirtd believe that a running guest has more than it has, by what it keeps of it."""
    server.kill()
    path = harness.UPSTREAM_DIR / "qemu" / f"{guest.name}.xml"
    before, end, behind = path.read_text().rpartition("</devices>")
    path.write_text(before + devices + end + behind)
    server.start()
