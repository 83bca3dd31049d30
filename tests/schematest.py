#!/usr/bin/python3
"""The grammar of <domain> takes our two attributes, where they may stand, and nothing else is new.

Speaks TAP.  The arguments are the grammar that was made, the directory of libvirt's own grammars
and the root of the source tree.  Documents are judged by xmllint.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

OURS = pathlib.Path(sys.argv[1]).resolve()
SCHEMAS = pathlib.Path(sys.argv[2])
ROOT = pathlib.Path(sys.argv[3])
STOCK = SCHEMAS / "domain.rng"
STYLESHEET = ROOT / "docs/schemas/domain.xsl"
DATA = ROOT / "tests/schemadata"
BASES = ["linux", "windows", "server", "hostdevs"]
OTHERS = ["domainconfdata", "qemudomaindata"]
CASES = ROOT / "tests/qemuxml2argvdata"

POLICIES = ["block", "warn", "ignore", "redirect", "default"]
NO_POLICIES = ["", "Block", "on", "yes", "none", "drop", "block,warn", "warn ignore", " warn",
               "warn\n"]
NO_BALLOONINGS = ["", "On", "yes", "no", "true", "1", "default", "auto", " on", "off "]

MEMBALLOON = "devices/memballoon"
VFIO_PCI = "devices/hostdev[@model='vfio-pci']"
# what 'on' may not stand at, in hostdevs.xml
INCOMPATIBLE = {
    "an mdev of model vfio-ccw": "devices/hostdev[@model='vfio-ccw']",
    "an mdev of model vfio-ap": "devices/hostdev[@model='vfio-ap']",
    "a PCI device": "devices/hostdev[@type='pci']",
    "a USB device": "devices/hostdev[@type='usb']",
    "a SCSI device": "devices/hostdev[@type='scsi']",
    "a SCSI host": "devices/hostdev[@type='scsi_host']",
}
# elements that have neither attribute: document, path
OTHER_ELEMENTS = {
    "the domain": ("linux", "."),
    "the devices": ("linux", "devices"),
    "the memory": ("linux", "memory"),
    "a disk": ("linux", "devices/disk"),
    "an interface": ("linux", "devices/interface"),
    "the random number generator": ("linux", "devices/rng"),
    "the watchdog": ("server", "devices/watchdog"),
    "a DIMM": ("server", "devices/memory"),
    "the balloon's statistics": ("server", MEMBALLOON + "/stats"),
    "the balloon's driver": ("server", MEMBALLOON + "/driver"),
    "an interface of type hostdev": ("hostdevs", "devices/interface"),
    "a device of mode capabilities": ("hostdevs", "devices/hostdev[@mode='capabilities']"),
    "the source of an mdev": ("hostdevs", VFIO_PCI + "/source"),
}
# what may change in libvirt's grammar: a text in domaincommon.rng, and what becomes of it
CHANGES = {
    "the balloon's definition has another name":
        ('<define name="memballoon">', '<define name="balloon">'),
    "the balloon's element has another name":
        ('<element name="memballoon">', '<element name="balloon">'),
    "the balloon has a policy already":
        ('<element name="memballoon">',
         '<element name="memballoon"><attribute name="policy"/>'),
    "there is no choice of host devices":
        ('<ref name="hostdevsubsysmdev"/>', '<ref name="hostdevsubsyshost"/>'),
    "the mediated device's definition has another name":
        ('<define name="hostdevsubsysmdev">', '<define name="hostdevmdev">'),
    "no mediated device is of model vfio-pci": ('<value>vfio-pci</value>', '<value>pci</value>'),
    "the mediated device has ballooning already":
        ('<define name="hostdevsubsysmdev">',
         '<define name="hostdevsubsysmdev"><attribute name="ballooning"/>'),
    "the models of mediated devices are no values":
        ('<value>vfio-ccw</value>', '<data type="string"/>'),
}


class Documents:
    """Documents in a directory, judged all at once by a grammar."""

    def __init__(self, directory):
        self.directory = directory
        self.count = 0
        self.verdicts = {}

    def add(self, text):
        path = self.directory / f"{self.count}.xml"
        path.write_text(text, encoding="utf-8")
        self.count += 1
        return path

    def judge(self, grammar):
        """Fills in whether the grammar takes each."""
        paths = [self.directory / f"{number}.xml" for number in range(self.count)]
        result = subprocess.run(["xmllint", "--nonet", "--noout", "--relaxng", grammar, *paths],
                                capture_output=True, text=True, check=False, cwd="/")
        said = re.findall(r"^(.*) (validates|fails to validate)$", result.stderr, re.MULTILINE)
        verdicts = {pathlib.Path(path): word == "validates" for path, word in said}
        if sorted(verdicts) != sorted(paths):
            raise RuntimeError(f"xmllint: {result.stderr[:1000]}")
        self.verdicts[grammar] = verdicts

    def takes(self, grammar, path):
        return self.verdicts[grammar][path]


def tree(name):
    return ElementTree.parse(DATA / f"{name}.xml").getroot()


def written(root):
    return ElementTree.tostring(root, encoding="unicode")


def with_attribute(name, path, attribute, value):
    """The document with that attribute at one element."""
    root = tree(name)
    found = root.findall(path)
    if len(found) != 1:
        raise RuntimeError(f"{name}.xml: {len(found)} elements {path}")
    found[0].set(attribute, value)
    return written(root)


def with_both():
    """One of each: both attributes in one document, 'on', 'off' and none side by side."""
    root = tree("hostdevs")
    devices = root.find("devices")
    first = root.find(VFIO_PCI)
    for number, ballooning in enumerate(["on", "off", None]):
        device = ElementTree.fromstring(written(first))
        device.remove(device.find("alias"))
        device.remove(device.find("address"))
        device.find("source/address").set("uuid", f"53764d0e-85a0-42b4-af5c-2046b460b1d{number}")
        if ballooning:
            device.set("ballooning", ballooning)
        devices.append(device)
    first.set("ballooning", "on")
    root.find(MEMBALLOON).set("policy", "warn")
    return written(root)


def without_ours(text):
    """The document without the two attributes."""
    root = ElementTree.fromstring(text)
    for element in root.iter("memballoon"):
        element.attrib.pop("policy", None)
    for element in root.iter("hostdev"):
        element.attrib.pop("ballooning", None)
    return written(root)


def taken():
    """name -> a document that has to be taken, and that libvirt's own grammar refuses"""
    cases = {}
    for base in BASES:
        for policy in POLICIES:
            cases[f"{base}.xml with policy='{policy}' is taken"] = \
                with_attribute(base, MEMBALLOON, "policy", policy)
    for model in ["virtio-transitional", "virtio-non-transitional", "xen", "none"]:
        root = tree("linux")
        root.find(MEMBALLOON).attrib.update(model=model, policy="ignore")
        cases[f"a policy is taken on a balloon of model {model}"] = written(root)
    for value in ["on", "off"]:
        cases[f"ballooning='{value}' is taken on an mdev of model vfio-pci"] = \
            with_attribute("hostdevs", VFIO_PCI, "ballooning", value)
    for what, path in INCOMPATIBLE.items():
        cases[f"ballooning='off' is taken on {what}"] = \
            with_attribute("hostdevs", path, "ballooning", "off")
    cases["both attributes are taken in one document"] = with_both()
    return cases


def refused():
    """name -> a document that has to be refused"""
    cases = {}
    for value in NO_POLICIES:
        cases[f"policy={value!r} is refused"] = with_attribute("linux", MEMBALLOON, "policy", value)
    for value in NO_BALLOONINGS:
        cases[f"ballooning={value!r} is refused"] = \
            with_attribute("hostdevs", VFIO_PCI, "ballooning", value)
    for what, path in INCOMPATIBLE.items():
        cases[f"ballooning='on' is refused on {what}"] = \
            with_attribute("hostdevs", path, "ballooning", "on")
    for what, (base, path) in OTHER_ELEMENTS.items():
        cases[f"a policy is refused on {what}"] = with_attribute(base, path, "policy", "warn")
        cases[f"ballooning is refused on {what}"] = \
            with_attribute(base, path, "ballooning", "off")
    cases["ballooning is refused on the balloon"] = \
        with_attribute("linux", MEMBALLOON, "ballooning", "on")
    cases["a policy is refused on a host device"] = \
        with_attribute("hostdevs", VFIO_PCI, "policy", "warn")
    cases["a policy in a namespace is refused"] = \
        with_attribute("linux", MEMBALLOON, "{urn:virt-balloon:policy:1}policy", "warn")
    return cases


def plain():
    """name -> a document without our attributes"""
    cases = {f"schemadata/{base}.xml": written(tree(base)) for base in BASES}
    for directory in OTHERS:
        for path in sorted((ROOT / "tests" / directory).glob("*.xml")):
            text = path.read_text(encoding="utf-8")
            if without_ours(text) == written(ElementTree.fromstring(text)):
                cases[f"{directory}/{path.name}"] = text
    # and what libvirt refuses without any doing of ours
    cases["a balloon without a model"] = re.sub(r"<memballoon[^>]*>", "<memballoon/>",
                                                written(tree("linux")))
    cases["an mdev without a model"] = written(tree("hostdevs")).replace(' model="vfio-pci"', "")
    cases["an mdev of an unknown model"] = written(tree("hostdevs")).replace("vfio-pci", "vfio")
    cases["a host device of an unknown type"] = \
        written(tree("hostdevs")).replace('type="usb"', 'type="isa"')
    cases["two balloons"] = re.sub(r"(<memballoon[^>]*/>)", r"\1\1", written(tree("linux")))
    return cases


def cases_of_command_lines():
    """name -> a document as a user writes it, of which a command line can be made"""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.xml"))
            if path.with_suffix(".args").exists()}


def cases_of_wrong_values():
    """name -> a document that virtballoond refuses for the value of an attribute"""
    said = re.compile(r"invalid value '.*' of attribute '(policy|ballooning)'")
    return {path.with_suffix(".xml").name: path.with_suffix(".xml").read_text(encoding="utf-8")
            for path in sorted(CASES.glob("*.err"))
            if said.search(path.read_text(encoding="utf-8"))}


def transform(common, output, schemas=SCHEMAS):
    return subprocess.run(["xsltproc", "--nonet", "--stringparam", "schemas", schemas,
                           "-o", output, STYLESHEET, common],
                          capture_output=True, text=True, check=False)


def made_again(directory):
    output = directory / "again.rng"
    return (transform(SCHEMAS / "domaincommon.rng", output).returncode == 0
            and output.read_bytes() == OURS.read_bytes())


def fails_over(directory, old, new):
    common, output = directory / "domaincommon.rng", directory / "changed.rng"
    text = (SCHEMAS / "domaincommon.rng").read_text(encoding="utf-8")
    if old not in text:
        return False
    common.write_text(text.replace(old, new), encoding="utf-8")
    result = transform(common, output)
    return (result.returncode != 0 and "domain.xsl: expected " in result.stderr
            and not output.exists())


def fails_at_relative_path(directory):
    output = directory / "relative.rng"
    result = transform(SCHEMAS / "domaincommon.rng", output, "schemas")
    return (result.returncode != 0 and "absolute path" in result.stderr and not output.exists())


def checks(directory):
    """Yields (name, passed)."""
    documents = Documents(directory)
    takes = {name: documents.add(text) for name, text in taken().items()}
    refuses = {name: documents.add(text) for name, text in refused().items()}
    plains = {name: documents.add(text) for name, text in plain().items()}
    lines = {name: (documents.add(text), documents.add(without_ours(text)))
             for name, text in cases_of_command_lines().items()}
    wrongs = {name: documents.add(text) for name, text in cases_of_wrong_values().items()}
    bases = [documents.add(written(tree(base))) for base in BASES]
    stripped = [documents.add(without_ours(path.read_text(encoding="utf-8")))
                for path in takes.values()]
    documents.judge(OURS)
    documents.judge(STOCK)

    for name, path in takes.items():
        yield name, documents.takes(OURS, path)
    yield ("libvirt's own grammar refuses all of these",
           not any(documents.takes(STOCK, path) for path in takes.values()))
    yield ("libvirt's own grammar takes them without the attributes",
           all(documents.takes(STOCK, path) for path in stripped))
    yield ("libvirt's own grammar takes what the others are made of",
           all(documents.takes(STOCK, path) for path in bases))
    for name, path in refuses.items():
        yield name, not documents.takes(OURS, path)
    for name, path in plains.items():
        yield (f"judged as by libvirt's own grammar: {name}",
               documents.takes(OURS, path) == documents.takes(STOCK, path))
    for name, (path, other) in lines.items():
        yield (f"judged as by libvirt's own grammar without the attributes: {name}",
               documents.takes(OURS, path) == documents.takes(STOCK, other))
    for name, path in wrongs.items():
        yield f"refused as by virtballoond: {name}", not documents.takes(OURS, path)
    verdicts = [documents.takes(STOCK, path) for path in plains.values()]
    yield ("of documents without the attributes libvirt's grammar takes some and refuses some",
           len(verdicts) > 10 and any(verdicts) and not all(verdicts))

    # as after installation: another place, the same verdicts
    moved = directory / "elsewhere" / "domain.rng"
    moved.parent.mkdir()
    shutil.copy(OURS, moved)
    documents.judge(moved)
    yield ("the grammar says the same from another place",
           documents.verdicts[moved] == documents.verdicts[OURS])
    yield "the grammar is made again byte for byte", made_again(directory)
    for what, (old, new) in CHANGES.items():
        yield f"no grammar is made where {what}", fails_over(directory, old, new)
    yield "no grammar is made for a relative path", fails_at_relative_path(directory)


def main():
    number = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, (name, passed) in enumerate(checks(pathlib.Path(directory)), 1):
            print(f"{'ok' if passed else 'not ok'} {number} {name}")
    print(f"1..{number}")


main()
