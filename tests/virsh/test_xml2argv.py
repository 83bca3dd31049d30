"""From what a user writes to what QEMU is started with: the cases of tests/qemuxml2argvdata.

The command lines are libvirt's own (virsh domxml-to-native), made from what virtballoond gives it.
tests/virsh/regenerate-argv writes them anew.
"""

import libvirt
import pytest

import xml2argv

ACCEPTED = xml2argv.names("args")
REFUSED = xml2argv.names("err")
REFUSED_WITHOUT_ATTRIBUTES = {"two-policies", "override-of-pci", "override-of-pci-by-position",
                              "override-of-usb"}
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE


def native(server, *what):
    """The command line that libvirt would start QEMU with, or its error."""
    return xml2argv.outcome(server.virsh("domxml-to-native", "qemu-argv", *what))


def define(server, path):
    """Defines the domain of a case, which must go well."""
    result = server.virsh("define", path)
    assert result.code == 0, result.err


@pytest.fixture(scope="module")
def connections(direct, virtballoond):
    """A connection to either, for what need not be said by virsh."""
    opened = [libvirt.open(server.uri()) for server in (direct, virtballoond)]
    yield opened
    for connection in opened:
        connection.close()


@pytest.fixture
def dump(connections):
    """Dumps the domain of these cases, directly and through virtballoond; takes it away later."""
    yield lambda: [connection.lookupByName("argv").XMLDesc(INACTIVE) for connection in connections]
    for domain in connections[0].listAllDomains():
        if domain.name() == "argv":
            domain.undefine()


@pytest.mark.parametrize("name", xml2argv.names("xml"))
def test_the_command_line_is_as_recorded(virtballoond, name):
    found = native(virtballoond, xml2argv.source(name))
    if xml2argv.REGENERATE:
        xml2argv.record(name, *found)
    assert found == xml2argv.recorded(name)


@pytest.mark.parametrize("name", ACCEPTED)
def test_exactly_the_mdevs_that_are_opted_out_get_the_property(name):
    _, args = xml2argv.recorded(name)
    assert xml2argv.opted_out(args) == xml2argv.written(name).effect().opted_out


@pytest.mark.parametrize("name", ACCEPTED)
def test_nothing_but_opt_outs_differs_from_what_libvirt_makes_of_it_alone(direct, name):
    recorded = xml2argv.recorded(name)
    kind, alone = native(direct, xml2argv.source(name))
    if not xml2argv.written(name).attributes():
        assert (kind, alone) == recorded
    elif kind == "args":
        assert xml2argv.without_opt_outs(alone) == xml2argv.without_opt_outs(recorded[1])


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_libvirt_stores_has_the_same_effect_without_virtballoond(
        direct, virtballoond, dump, name):
    define(virtballoond, xml2argv.source(name))
    stored, _ = dump()
    document = xml2argv.Document(stored)
    assert document.attributes() == []
    assert document.effect() == xml2argv.written(name).effect()
    assert document.leftovers(xml2argv.written(name)) == []
    for server in (direct, virtballoond):
        assert native(server, "--domain", "argv") == xml2argv.recorded(name)


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_dump_shows_what_is_stored_and_can_be_defined_again(virtballoond, dump, directory, name):
    define(virtballoond, xml2argv.source(name))
    stored, shown = dump()
    assert xml2argv.without_attributes(shown) == stored
    assert xml2argv.Document(shown).shown() == xml2argv.Document(stored).effect()
    again = directory / "argv.xml"
    again.write_text(shown)
    define(virtballoond, again)
    assert dump() == [stored, shown]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_by_define_or_by_libvirt_alone(
        direct, virtballoond, dump, name):
    source = xml2argv.source(name)
    kind, text = xml2argv.recorded(name)
    defined = virtballoond.virsh("define", source)
    if native(direct, source) == (kind, text):
        assert name not in REFUSED_WITHOUT_ATTRIBUTES
        assert direct.virsh("define", source) == defined
    else:
        assert name in REFUSED_WITHOUT_ATTRIBUTES or xml2argv.written(name).attributes()
        assert defined.err.decode() == f"error: Failed to define domain from {source}\n{text}"
        with pytest.raises(libvirt.libvirtError):
            dump()


def interface(directory, value):
    """An assigned PCI device that is written as an interface, with the attribute.

    Not among the cases: libvirt 9.0 may abort in domxml-to-native of it.
    """
    text = xml2argv.source("pci").read_text()
    for old, new in (("<hostdev mode='subsystem' type='pci'>",
                      f"<interface type='hostdev' ballooning='{value}'>"
                      "<mac address='52:54:00:00:09:02'/>"),
                     ("<address domain", "<address type='pci' domain"), ("/hostdev", "/interface")):
        text = text.replace(old, new)
    xml = directory / "interface.xml"
    xml.write_text(text)
    return xml


@pytest.mark.parametrize("value, problem", [
    ("on", b"unsupported configuration: ballooning='on' for assigned PCI device (0000:07:00.0)"),
    ("yes", b"XML error: invalid value 'yes' of attribute 'ballooning' in element 'interface'")])
def test_an_interface_cannot_be_opted_out(virtballoond, directory, value, problem):
    result = virtballoond.virsh("define", interface(directory, value))
    assert result.code == 1 and problem in result.err


def test_an_interface_that_is_not_opted_out_is_libvirts(direct, virtballoond, dump, directory):
    xml = interface(directory, "off")
    stored = []
    for server in (direct, virtballoond):
        define(server, xml)
        stored += dump()
    assert "<interface type='hostdev'" in stored[0] and "ballooning" not in stored[0]
    assert stored == [stored[0]] * 4
