"""Documents as users write them, and what must become of them, told without virtballoond.

Here a document is read as a whole, where virtballoond edits its text: two ways that must agree.
"""

import os
import re
import shlex
import uuid
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent.parent / "qemuxml2argvdata"
REGENERATE = "VB_REGENERATE" in os.environ

POLICY = "{urn:virt-balloon:policy:1}"
QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
POLICIES = {"block", "warn", "ignore", "redirect"}

# The environment that libvirtd hands on from its own.
INHERITED = re.compile(r"(PATH|HOME|TMPDIR|XDG_\w+)=")
OPTED_OUT = re.compile(r'"sysfsdev":"/sys/bus/mdev/devices/([0-9a-f-]+)".*"x-balloon-allowed":true')


class Effect(NamedTuple):
    """The policy that a document gives its domain, and the mdevs that it opts out, by UUID."""

    policy: str | None
    opted_out: set


def names(kind):
    """The cases that have a file of a kind: xml, args or err."""
    return sorted(path.stem for path in DATA.glob(f"*.{kind}"))


def source(name):
    """The file that the user of a case writes."""
    return DATA / f"{name}.xml"


def written(name):
    """The same, read."""
    return Document(source(name).read_bytes())


def recorded(name):
    """What a case must come to: its kind and its text; there is one of them."""
    found = [(kind, path.read_text()) for kind in ("args", "err")
             if (path := DATA / f"{name}.{kind}").exists()]
    assert len(found) == 1, f"{name} needs either .args or .err"
    return found[0]


def record(name, kind, text):
    """Writes down what a case came to, in the place of what was there."""
    for other in ("args", "err"):
        (DATA / f"{name}.{other}").unlink(missing_ok=True)
    (DATA / f"{name}.{kind}").write_text(text)


def outcome(result):
    """What a run of virsh domxml-to-native came to, in the same form."""
    if result.code:
        return "err", result.err.decode(errors="backslashreplace")
    return "args", arguments(result.out.decode())


def arguments(text):
    """A command line with one option and its values a line; what stands before has lines too."""
    lines = []
    options = False
    for word in shlex.split(text):
        options = options or word.startswith("-")
        if word.startswith("-") or not options:
            lines.append([])
        lines[-1].append(word)
    return "".join(f"{shlex.join(line)}\n" for line in lines if not INHERITED.match(line[0]))


def without_opt_outs(args):
    """Arguments without what an opt-out changes: the property, and the ids of the devices."""
    args = re.sub(r',"x-balloon-allowed":("\w*"|\w+)', "", args)
    return re.sub(r'"id":"(hostdev|ua-)[\w-]*"', '"id":"ID"', args)


def opted_out(args):
    """The mdevs whose -device has the property, by UUID."""
    return {match[1] for line in args.splitlines() if (match := OPTED_OUT.search(line))}


def without_attributes(dump):
    """A dump without what virtballoond adds to libvirt's."""
    dump = re.sub(r"(<memballoon .*) policy='\w+'(?=/?>)", r"\1", dump)
    return re.sub(r"(<hostdev .*) ballooning='on'(?=>)", r"\1", dump)


class Document:
    """A domain as text."""

    def __init__(self, text):
        self._domain = ElementTree.fromstring(text)
        self._balloons = self._domain.findall("devices/memballoon")
        self._hostdevs = self._domain.findall("devices/hostdev")
        self._overrides = self._domain.findall(f"{QEMU}override/{QEMU}device")

    def attributes(self):
        """The values of our attributes."""
        values = [balloon.get("policy") for balloon in self._balloons]
        values += [hostdev.get("ballooning") for hostdev in self._hostdevs]
        return [value for value in values if value is not None]

    def shown(self):
        """What our attributes say by themselves."""
        return Effect(self._balloons[0].get("policy"), self._written("on"))

    def effect(self):
        """What it all comes to: an attribute wins over what is stored beside it.

        An override may also name a device by its place among those without a user's alias.
        """
        stored = self._domain.find(f"metadata[1]/{POLICY}policy")
        policy = None if stored is None else stored.get("memballoon")
        for balloon in self._balloons:
            policy = balloon.get("policy", policy)
        out = self._written("on")
        automatic = 0
        for hostdev in self._hostdevs:
            alias = user_alias(hostdev)
            if not alias:
                alias, automatic = f"hostdev{automatic}", automatic + 1
            if hostdev.get("ballooning") is None and self._in_force(alias):
                out.add(mdev(hostdev))
        return Effect(policy if policy in POLICIES else None, out)

    def leftovers(self, written):
        """What should have gone, had libvirt stored this for what a user has written.

        An alias of ours may stay where devices are overridden by their places: they would move.
        """
        off = written._written("off")
        aliases = {user_alias(hostdev): mdev(hostdev) for hostdev in self._hostdevs}
        named = {device.get("alias") for device in self._overrides}
        if any(alias.startswith("hostdev") for alias in named):
            named |= aliases.keys()
        ours = {alias for alias in {*aliases, *named} if alias and alias.startswith("ua-vb-")}
        without_effect = [device.get("alias") for device in self._overrides
                          if aliases.get(device.get("alias")) in off
                          and (properties(device) or len(device) == 0)]
        return [*without_effect, *(ours - (aliases.keys() & named))]

    def _written(self, value):
        return {mdev(hostdev) for hostdev in self._hostdevs
                if attribute(hostdev, "type") == "mdev" and hostdev.get("ballooning") == value}

    def _in_force(self, alias):
        """libvirt applies all properties that an alias has, one after the other."""
        found = [found for device in self._overrides if attribute(device, "alias") == alias
                 for found in properties(device)]
        return bool(found) and [attribute(found[-1], name)
                                for name in ("type", "value")] == ["bool", "true"]


def attribute(element, name):
    """The first attribute of a name, whatever its namespace: that is how libvirt reads most."""
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), None)


def properties(device):
    """The opt-outs, true or not, of a device in qemu:override."""
    return [found for found in device.findall(f"{QEMU}frontend/{QEMU}property")
            if attribute(found, "name") == "x-balloon-allowed"]


def mdev(hostdev):
    """The UUID of an mdev as libvirt writes it, or None."""
    if attribute(hostdev, "type") != "mdev":
        return None
    return str(uuid.UUID(hostdev.find("source/address").get("uuid").strip()))


def user_alias(hostdev):
    """The alias that libvirt keeps: the first that has a name, if that can be a user's."""
    found = [alias.get("name") for alias in hostdev.findall("alias") if alias.get("name")]
    return found[0] if found and re.fullmatch("ua-[A-Za-z0-9_-]*", found[0]) else None
