"""Domains written with policy='...' and ballooning='...', and what is stored and shown of them."""

import contextlib
import itertools
import re

import libvirt
import pytest

import guests
import xml2argv

POLICY_URI = "urn:virt-balloon:policy:1"
MDEV_UUIDS = [f"b1e6b7c2-3f3c-4f5e-9d2a-0000000000{number:02}" for number in range(4)]
NUMBERS = itertools.count(1)
WRONG_POLICY = ("invalid value 'nonsense' of attribute 'policy' in element 'memballoon': expected "
                "'block', 'warn', 'ignore', 'redirect' or 'default'")
WRONG_BALLOONING = ("invalid value 'nonsense' of attribute 'ballooning' in element 'hostdev': "
                    "expected 'on' or 'off'")


def balloon(policy=None):
    """A memory balloon with a policy of its own, or without."""
    return f"<memballoon model='virtio'{attribute('policy', policy)}/>"


def mdev(ballooning=None, number=0, alias=""):
    """A mediated device, opted out or not, that need not exist."""
    return (f"<hostdev mode='subsystem' type='mdev' model='vfio-pci'"
            f"{attribute('ballooning', ballooning)}>"
            f"<source><address uuid='{MDEV_UUIDS[number]}'/></source>{alias}</hostdev>")


def attribute(name, value):
    """An attribute behind others."""
    return "" if value is None else f" {name}='{value}'"


def text_of(result):
    """What a command that went well has printed."""
    assert result.code == 0, result
    return result.out.decode()


def refusal(result):
    """The last line that virsh prints for a call that was refused."""
    assert result.code == 1, result
    return result.err.decode(errors="replace").splitlines()[-1].removeprefix("error: ")


def misses_device(text):
    """Whether libvirt says that there is no mediated device, or nothing to assign it with."""
    return re.search(r"requires VFIO support|mediated device '[\w-]+' not found", text) is not None


@contextlib.contextmanager
def opened(server, readonly=False):
    """An open libvirt-python connection."""
    uri = server.uri(readonly=readonly)
    connection = libvirt.openReadOnly(uri) if readonly else libvirt.open(uri)
    try:
        yield connection
    finally:
        connection.close()


def error_of(call):
    """The code, domain and text of the exception that a call raises."""
    with pytest.raises(libvirt.libvirtError) as caught:
        call()
    error = caught.value
    return error.get_error_code(), error.get_error_domain(), error.get_error_message()


def effect(text):
    """The policy and the opt-outs that are in force by what libvirt stores, and nothing else is."""
    document = xml2argv.Document(text)
    assert document.attributes() == []
    return document.effect()


def shown(text):
    """The policy and the opt-outs that a document says in our attributes."""
    return xml2argv.Document(text).shown()


class Domain:
    """A domain of 64 MiB; libvirtd knows nothing of it yet."""

    def __init__(self, direct, directory):
        number = next(NUMBERS)
        self.direct = direct
        self.directory = directory
        self.name = f"xml{number}"
        self.uuid = f"00000000-0000-4000-9000-{number:012}"

    def text(self, devices="", extra="", current=64):
        """Its XML."""
        text = guests.DOMAIN.format(name=self.name, uuid=self.uuid, devices=devices, extra=extra,
                                    vnc=self.directory / f"{self.name}.vnc", doctype="")
        return text.replace("<currentMemory unit='MiB'>64", f"<currentMemory unit='MiB'>{current}")

    def file(self, text, name="domain"):
        """Writes some XML, and returns the file's path."""
        path = self.directory / f"{self.name}-{name}.xml"
        path.write_text(text)
        return path

    def define(self, server, *args, **options):
        """Defines it, which must go well."""
        text_of(server.virsh("define", self.file(self.text(*args, **options))))
        return self

    def stored(self, *options):
        """What libvirtd has stored."""
        return text_of(self.direct.virsh("dumpxml", self.name, *(options or ["--inactive"])))

    def exists(self):
        """Whether libvirtd knows it."""
        return self.name in text_of(self.direct.virsh("list", "--all", "--name")).split()

    def remove(self):
        """Takes it away."""
        self.direct.virsh("destroy", self.name)
        self.direct.virsh("undefine", self.name, "--managed-save", "--snapshots-metadata",
                          "--checkpoints-metadata")


def logged(server, action):
    """What virtballoond logs during an action."""
    start = server.process.log.stat().st_size
    action()
    return server.process.log.read_bytes()[start:].decode()


def spliced(text, policy=None, ballooning=None):
    """A dump of libvirt's with the attributes where virtballoond adds them."""
    if policy:
        text = re.sub(r"(<memballoon [^>]*?)(/?>)", rf"\1 policy='{policy}'\2", text)
    if ballooning:
        text = re.sub(r"(<hostdev [^>]*type='mdev'[^>]*?)>", r"\1 ballooning='on'>", text)
    return text
