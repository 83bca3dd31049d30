"""What is refused, everywhere a client can say it: the text, the code, and nothing changed.

What virsh prints for devices is in test_xml_devices.py, for migration in test_xml_migration.py.
"""

import libvirt
import pytest

import attributes
import guests
from attributes import MDEV_UUIDS, balloon, mdev, opened, text_of

XML_ERROR = (libvirt.VIR_ERR_XML_ERROR, libvirt.VIR_FROM_XML)
UNSUPPORTED = (libvirt.VIR_ERR_CONFIG_UNSUPPORTED, libvirt.VIR_FROM_QEMU)
NOT_COMPATIBLE = ("QEMU can only let a mediated device (type='mdev') of model 'vfio-pci' be "
                  "compatible with ballooning; remove the attribute")
NEVER_INHIBITS = "a device of model '{}' never inhibits ballooning; remove the attribute"
PCI = guests.PCI.replace("<hostdev", "<hostdev ballooning='on'")
USB = "<hostdev mode='subsystem' type='usb' ballooning='on'><source><vendor id='0x1d6b'/>" \
    "<product id='1'/></source></hostdev>"
SCSI = "<hostdev mode='subsystem' type='scsi' ballooning='on'><source>" \
    "<adapter name='scsi_host0'/><address bus='0' target='0' unit='1'/></source></hostdev>"
POLICY = "<p:policy xmlns:p='urn:virt-balloon:policy:1' memballoon='warn'/>"
OVERRIDE = "<qemu:override><qemu:device alias='ua-{}'><qemu:frontend>" \
    "<qemu:property name='{}' type='{}' value='{}'/></qemu:frontend></qemu:device></qemu:override>"
OPT_OUT = OVERRIDE.format("nic", "x-balloon-allowed", "bool", "true")
GPU = mdev("on", alias="<alias name='ua-gpu'/>")

# What stands in the domain, code and domain of the error, and its text.
REFUSED = {
    "policy": (balloon("nonsense"), "", XML_ERROR, attributes.WRONG_POLICY),
    "empty policy": (balloon(""), "", XML_ERROR,
                     attributes.WRONG_POLICY.replace("nonsense", "")),
    "policy in capitals": (balloon("WARN"), "", XML_ERROR,
                           attributes.WRONG_POLICY.replace("nonsense", "WARN")),
    "ballooning": (mdev("nonsense"), "", XML_ERROR, attributes.WRONG_BALLOONING),
    "two policies": (balloon(), f"<metadata>{POLICY}{POLICY}</metadata>", XML_ERROR,
                     "element 'metadata' has 2 elements of namespace 'urn:virt-balloon:policy:1', "
                     "and libvirt would keep the first one only"),
    "PCI": (PCI, "", UNSUPPORTED, "ballooning='on' for assigned PCI device 'ua-nic' "
            f"({guests.PCI_ADDRESS}): {NOT_COMPATIBLE}"),
    "USB": (USB, "", UNSUPPORTED,
            f"ballooning='on' for host device of type 'usb': {NOT_COMPATIBLE}"),
    "SCSI": (SCSI, "", UNSUPPORTED,
             f"ballooning='on' for host device of type 'scsi': {NOT_COMPATIBLE}"),
    "vfio-ccw": (mdev("on").replace("vfio-pci", "vfio-ccw"), "", UNSUPPORTED,
                 f"ballooning='on' for mediated device ({MDEV_UUIDS[0]}): " +
                 NEVER_INHIBITS.format("vfio-ccw")),
    "vfio-ap": (mdev("on").replace("vfio-pci", "vfio-ap"), "", UNSUPPORTED,
                f"ballooning='on' for mediated device ({MDEV_UUIDS[0]}): " +
                NEVER_INHIBITS.format("vfio-ap")),
    "no model": (mdev("on").replace("model='vfio-pci'", ""), "", UNSUPPORTED,
                 f"ballooning='on' for mediated device ({MDEV_UUIDS[0]}): {NOT_COMPATIBLE}"),
    "iommufd": (GPU.replace("<source>", "<driver iommufd='yes'/><source>"), "", UNSUPPORTED,
                f"ballooning='on' for mediated device 'ua-gpu' ({MDEV_UUIDS[0]}): QEMU refuses it "
                "for a device that comes by 'iommufd', since it cannot tell then whether it is a "
                "mediated one; remove one of the two"),
    "fd": (GPU, OVERRIDE.format("gpu", "fd", "string", "9"), UNSUPPORTED,
           f"ballooning='on' for mediated device 'ua-gpu' ({MDEV_UUIDS[0]}): QEMU refuses it for a "
           "device that comes by 'fd', since it cannot tell then whether it is a mediated one; "
           "remove one of the two"),
    "override": (guests.PCI, OPT_OUT, UNSUPPORTED,
                 "override of property 'x-balloon-allowed' for assigned PCI device 'ua-nic' "
                 f"({guests.PCI_ADDRESS}): QEMU only takes it for a mediated device (type='mdev') "
                 "of model 'vfio-pci', and the domain would not start; remove the override"),
}
KINDS = {XML_ERROR: "XML error: ", UNSUPPORTED: "unsupported configuration: "}
WRONG = f"XML error: {attributes.WRONG_POLICY}"


@pytest.fixture(scope="module")
def running(direct, directory, make_disk):
    """A running domain with a disk, and a snapshot, and nothing of ours."""
    domain = attributes.Domain(direct, directory).define(direct, balloon() + make_disk())
    text_of(direct.virsh("start", domain.name, "--paused"))
    yield domain
    domain.remove()


def state(domain):
    """All that libvirtd has stored of a domain."""
    direct = domain.direct
    return [text_of(direct.virsh(*command, domain.name)) for command in (
        ["dumpxml"], ["dumpxml", "--inactive"], ["snapshot-list"], ["checkpoint-list"],
        ["dominfo"])]


@pytest.mark.parametrize("devices, extra, kind, text", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("verb", ["define", "create"])
def test_virsh_prints_why(virtballoond, domain, verb, devices, extra, kind, text):
    result = virtballoond.virsh(verb, domain.file(domain.text(devices, extra)))
    assert result.code == 1
    failed = f"error: Failed to {verb} domain from {domain.directory}/{domain.name}-domain.xml\n"
    assert result.err.decode() == f"{failed}error: {KINDS[kind]}{text}\n"
    assert not domain.exists()


@pytest.mark.parametrize("devices, extra, kind, text", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("method, args", [
    ("defineXML", []), ("defineXMLFlags", [libvirt.VIR_DOMAIN_DEFINE_VALIDATE]),
    ("createXML", []), ("domainXMLToNative", None)], ids=str)
def test_python_gets_code_and_domain_and_goes_on(
        virtballoond, domain, method, args, devices, extra, kind, text):
    xml = domain.text(devices, extra)
    with opened(virtballoond) as connection:
        call = getattr(connection, method)
        found = attributes.error_of(
            lambda: call("qemu-argv", xml) if args is None else call(xml, *args))
        assert found == (*kind, KINDS[kind] + text)
        assert connection.defineXML(domain.text(balloon("warn"))).name() == domain.name
    assert attributes.effect(domain.stored()).policy == "warn"


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_defined_before_stays(virtballoond, domain, name):
    devices, extra, kind, text = REFUSED[name]
    domain.define(virtballoond, balloon("warn") + mdev("on"))
    before = state(domain)
    result = virtballoond.virsh("define", domain.file(domain.text(devices, extra)))
    assert attributes.refusal(result) == KINDS[kind] + text
    assert state(domain) == before


def other_calls(domain, xml):
    """Calls by virsh that carry a domain's XML and store it in another place, by name."""
    file = domain.file(xml, "refused")
    snapshot = domain.file(f"<domainsnapshot><name>x</name>{xml}</domainsnapshot>", "snapshot")
    checkpoint = domain.file(f"<domaincheckpoint><name>x</name>{xml}</domaincheckpoint>",
                             "checkpoint")
    image = domain.directory / "refused.save"
    return {
        "save": ["save", domain.name, image, "--xml", file],
        "restore": ["restore", image, "--xml", file],
        "save-image-define": ["save-image-define", image, file],
        "managedsave-define": ["managedsave-define", domain.name, file],
        "snapshot-create": ["snapshot-create", domain.name, snapshot],
        "snapshot-create --redefine": ["snapshot-create", domain.name, snapshot, "--redefine"],
        "checkpoint-create": ["checkpoint-create", domain.name, checkpoint],
        "checkpoint-create --redefine": [
            "checkpoint-create", domain.name, checkpoint, "--redefine"],
        "domxml-to-native": ["domxml-to-native", "qemu-argv", file],
    }


OTHER_CALLS = ["save", "restore", "save-image-define", "managedsave-define", "snapshot-create",
               "snapshot-create --redefine", "checkpoint-create", "checkpoint-create --redefine",
               "domxml-to-native"]


@pytest.mark.parametrize("call", OTHER_CALLS)
def test_every_other_call_that_carries_xml_is_refused(virtballoond, running, call):
    before = state(running)
    result = virtballoond.virsh(*other_calls(running, running.text(balloon("nonsense")))[call])
    assert attributes.refusal(result) == WRONG
    assert state(running) == before
    assert not (running.directory / "refused.save").exists()


def test_parameters_of_save_and_restore_are_refused(virtballoond, running):
    before = state(running)
    parameters = {"file": str(running.directory / "refused.save"),
                  "dxml": running.text(balloon("nonsense"))}
    with opened(virtballoond) as connection:
        guest = connection.lookupByName(running.name)
        for call in (lambda: guest.saveParams(parameters),
                     lambda: connection.restoreParams(parameters)):
            assert attributes.error_of(call) == (*XML_ERROR, WRONG)
    assert state(running) == before


def test_metadata_of_python_is_refused(virtballoond, running):
    before = state(running)
    with opened(virtballoond) as connection:
        guest = connection.lookupByName(running.name)
        for flags in (libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG,
                      libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG, 0):
            code, origin, _ = attributes.error_of(lambda flags=flags: guest.setMetadata(
                libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<policy memballoon='nonsense'/>", "balloon",
                attributes.POLICY_URI, flags))
            assert (code, origin) == XML_ERROR
    assert state(running) == before


@pytest.mark.parametrize("text", ["<policy memballoon='nonsense'/>", "<a/>", "no XML"])
@pytest.mark.parametrize("uri", ["urn:virt-balloon:policy:2", "urn:e"])
def test_metadata_of_others_is_theirs(same, domain, direct, text, uri):
    domain.define(direct, balloon())
    same("metadata", domain.name, uri, "--key", "k", "--set", text)
    same("metadata", domain.name, uri)


@pytest.mark.parametrize("devices", [balloon("warn"), mdev("on"), balloon("nonsense")],
                         ids=["policy", "ballooning", "nonsense"])
def test_a_document_type_is_refused_with_our_attributes(virtballoond, domain, devices):
    text = "<!DOCTYPE domain [<!ENTITY x 'y'>]>" + domain.text(devices)
    with opened(virtballoond) as connection:
        code, origin, message = attributes.error_of(lambda: connection.defineXML(text))
    assert (code, origin) == XML_ERROR
    assert message.startswith("XML error: attributes 'policy' and 'ballooning' cannot be read: ")
    assert not domain.exists()


BROKEN = {
    "not well-formed": ("</devices>", ""),
    "an unknown entity": ("</name>", "&x;</name>"),
    "no name": ("<name>", "<noname>"),
    "no kind": ("type='qemu'", ""),
    "an unknown kind": ("type='qemu'", "type='nonsense'"),
    "an unknown machine": ("machine='pc'", "machine='nonsense'"),
    "an unknown architecture": ("arch='x86_64'", "arch='nonsense'"),
    "no operating system": ("<os>", "<so>"),
    "an emulator that is not there": ("/usr/bin/qemu-system-x86_64", "/no/such/emulator"),
    "a wrong UUID": ("<uuid>", "<uuid>no"),
    "no memory": ("<memory unit='MiB'>64</memory>", ""),
    "a wrong unit": ("<memory unit='MiB'>", "<memory unit='nonsense'>"),
    "a memory balloon twice": ("</devices>", "<memballoon model='none'/></devices>"),
    "a wrong memory balloon": ("model='virtio'", "model='nonsense'"),
    "a device without an address": ("<source><address", "<source><noaddress"),
    "a device twice": ("</devices>", mdev() + "</devices>"),
    "an override without a name": ("</domain>", "<qemu:override><qemu:device/></qemu:override>"
                                   "</domain>"),
    "another root": ("domain", "doomed"),
    "nothing": ("", None),
}


@pytest.mark.parametrize("old, new", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("devices", [balloon("warn") + mdev("on"), balloon() + mdev()],
                         ids=["with attributes", "without"])
def test_what_libvirt_refuses_is_refused_in_its_words(same, domain, old, new, devices):
    xml = domain.file("" if new is None else domain.text(devices).replace(old, new))
    for command in (["define"], ["create"], ["domxml-to-native", "qemu-argv"]):
        assert same(*command, xml).code == 1
    assert not domain.exists()


@pytest.mark.parametrize("old, new", BROKEN.values(), ids=BROKEN.keys())
def test_what_does_not_validate_is_refused_in_libvirts_words(same, domain, old, new):
    xml = domain.file("" if new is None else domain.text(balloon() + mdev()).replace(old, new))
    assert same("define", "--validate", xml).code == 1
    assert not domain.exists()
