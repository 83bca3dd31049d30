"""define, create and dumpxml with our attributes: what is stored, and what is shown of it."""

import itertools

import libvirt
import pytest

import attributes
import guests
from attributes import MDEV_UUIDS, balloon, mdev, opened, text_of

DUMP_OPTIONS = ["--inactive", "--security-info", "--update-cpu", "--migratable"]
DUMPS = [options for count in range(len(DUMP_OPTIONS) + 1)
         for options in itertools.combinations(DUMP_OPTIONS, count)]
EFFECT = ("warn", {MDEV_UUIDS[0]})


def by_virsh(*options):
    """Defines with virsh."""
    return lambda server, domain, text: text_of(
        server.virsh("define", domain.file(text), *options))


def by_python(method, *args):
    """Defines with libvirt-python."""
    def define(server, _, text):
        with opened(server) as connection:
            getattr(connection, method)(text, *args)
    return define


DEFINES = {
    "virsh define": by_virsh(),
    "virsh define --validate": by_virsh("--validate"),
    "defineXML": by_python("defineXML"),
    "defineXMLFlags": by_python("defineXMLFlags", 0),
    "defineXMLFlags with VALIDATE": by_python("defineXMLFlags", libvirt.VIR_DOMAIN_DEFINE_VALIDATE),
}


def created_by_virsh(server, domain, text, *options):
    """Creates with virsh."""
    text_of(server.virsh("create", domain.file(text), "--paused", *options))


def created_by_python(method, *args):
    """Creates with libvirt-python, and keeps the connection no longer than that."""
    def create(server, _, text):
        with opened(server) as connection:
            getattr(connection, method)(text, *args, libvirt.VIR_DOMAIN_START_PAUSED)
    return create


CREATES = {
    "virsh create": created_by_virsh,
    "virsh create --validate": lambda *args: created_by_virsh(*args, "--validate"),
    "createXML": created_by_python("createXML"),
}


@pytest.fixture(scope="module")
def running(direct, virtballoond, directory):
    """A running domain with a policy."""
    domain = attributes.Domain(direct, directory).define(virtballoond, balloon("ignore"))
    text_of(direct.virsh("start", domain.name, "--paused"))
    yield domain
    domain.remove()


@pytest.fixture(scope="module")
def opted_out(direct, virtballoond, directory):
    """An inactive domain with a policy and an opt-out."""
    domain = attributes.Domain(direct, directory)
    yield domain.define(virtballoond, balloon("warn") + mdev("on"))
    domain.remove()


@pytest.mark.parametrize("define", DEFINES.values(), ids=DEFINES.keys())
def test_what_is_defined_is_stored_and_shown(virtballoond, domain, define):
    define(virtballoond, domain, domain.text(balloon("warn") + mdev("on")))
    stored = domain.stored()
    assert attributes.effect(stored) == EFFECT
    dump = text_of(virtballoond.virsh("dumpxml", domain.name))
    assert attributes.shown(dump) == EFFECT
    assert dump == attributes.spliced(stored, "warn", "on")


@pytest.mark.parametrize("define", DEFINES.values(), ids=DEFINES.keys())
def test_what_is_shown_is_defined_again_without_a_change(virtballoond, opted_out, define):
    stored = opted_out.stored()
    define(virtballoond, opted_out,
           text_of(virtballoond.virsh("dumpxml", opted_out.name)))
    assert opted_out.stored() == stored


@pytest.mark.parametrize("create", CREATES.values(), ids=CREATES.keys())
def test_what_is_created_has_its_policy(virtballoond, domain, create):
    create(virtballoond, domain, domain.text(balloon("redirect")))
    assert attributes.effect(domain.stored("--security-info")).policy == "redirect"
    dump = text_of(virtballoond.virsh("dumpxml", domain.name))
    assert attributes.shown(dump).policy == "redirect"


@pytest.mark.parametrize("create", CREATES.values(), ids=CREATES.keys())
def test_what_cannot_be_created_fails_as_its_stored_form_does(
        direct, virtballoond, domain, create):
    written = domain.text(balloon("warn") + mdev("on"))
    domain.define(virtballoond, balloon("warn") + mdev("on"))
    stored = domain.stored()
    domain.remove()
    errors = []
    for server, text in ((direct, stored), (virtballoond, written)):
        with pytest.raises((libvirt.libvirtError, AssertionError)) as caught:
            create(server, domain, text)
        errors.append(str(caught.value))
    assert attributes.misses_device(errors[0])
    assert errors[0] == errors[1]
    assert not domain.exists()


def test_what_libvirt_cannot_do_it_says_itself(direct, virtballoond, domain):
    errors = []
    for server in (direct, virtballoond):
        with opened(server) as connection:
            errors.append(attributes.error_of(lambda: connection.createXMLWithFiles(
                domain.text(balloon("warn")), [], libvirt.VIR_DOMAIN_START_PAUSED)))
    assert errors[0] == errors[1]
    assert "not supported by the connection driver" in errors[0][2]


def test_what_runs_is_defined_again_as_it_is(direct, virtballoond, domain):
    text_of(virtballoond.virsh("create", domain.file(domain.text(balloon("redirect"))),
                               "--paused"))
    live = text_of(virtballoond.virsh("dumpxml", domain.name, "--security-info"))
    text_of(virtballoond.virsh("define", domain.file(live)))
    assert attributes.effect(domain.stored()).policy == "redirect"
    text_of(direct.virsh("destroy", domain.name))
    assert attributes.effect(domain.stored()).policy == "redirect"


def test_a_user_may_write_them_too(session, domain):
    xml = domain.file(domain.text(balloon("warn") + mdev("on")))
    text_of(session.as_user(session, "define", xml))
    stored = text_of(session.as_user(session.upstream, "dumpxml", domain.name))
    assert attributes.effect(stored) == EFFECT
    assert text_of(session.as_user(session, "dumpxml", domain.name)) == \
        attributes.spliced(stored, "warn", "on")
    text_of(session.as_user(session, "undefine", domain.name))


@pytest.mark.parametrize("options", DUMPS, ids=" ".join)
@pytest.mark.parametrize("readonly", [False, True], ids=["", "readonly"])
def test_a_dump_is_libvirts_with_the_attributes_added(
        direct, virtballoond, running, opted_out, options, readonly):
    for domain, policy, ballooning in ((running, "ignore", None), (opted_out, "warn", "on")):
        expected, found = [server.virsh("dumpxml", domain.name, *options, readonly=readonly)
                           for server in (direct, virtballoond)]
        if "--migratable" in options:
            assert found == expected
            continue
        assert (found.code, found.err) == (expected.code, expected.err)
        assert found.out.decode() == \
            attributes.spliced(expected.out.decode(), policy, ballooning)
        assert (found.out == expected.out) == (found.code != 0)


def test_an_expression_of_virsh_finds_the_attributes(virtballoond, opted_out):
    found = [text_of(virtballoond.virsh("dumpxml", opted_out.name, "--xpath", path)).strip()
             for path in ("//memballoon/@policy", "//hostdev/@ballooning")]
    assert found == ['policy="warn"', 'ballooning="on"']


def test_a_read_only_client_may_not_see_secrets_here_either(virtballoond, opted_out):
    result = virtballoond.virsh("dumpxml", opted_out.name, "--security-info", readonly=True)
    assert attributes.refusal(result) == "operation forbidden: virDomainGetXMLDesc with secure flag"


@pytest.mark.parametrize("word", ["block", "warn", "ignore", "redirect"])
def test_every_policy_is_stored_changed_and_removed(virtballoond, domain, word):
    domain.define(virtballoond, balloon(word))
    assert attributes.effect(domain.stored()).policy == word
    domain.define(virtballoond, balloon("ignore" if word == "block" else "block"))
    assert attributes.effect(domain.stored()).policy != word
    text_of(virtballoond.virsh("define", domain.file(domain.stored().replace(
        "<memballoon ", "<memballoon policy='default' "))))
    assert "urn:virt-balloon" not in domain.stored()


def test_an_attribute_wins_over_what_is_stored(virtballoond, domain):
    domain.define(virtballoond, balloon("warn"), guests.policy("block"))
    assert attributes.effect(domain.stored()).policy == "warn"


def test_of_several_devices_each_has_its_own_opt_out(virtballoond, domain):
    domain.define(virtballoond, balloon() + mdev("on", 0) + mdev(None, 1) + mdev("off", 2) +
                  mdev("on", 3, "<alias name='ua-mine'/>"))
    assert attributes.effect(domain.stored()) == (None, {MDEV_UUIDS[0], MDEV_UUIDS[3]})
    assert "ua-mine" in domain.stored()


def test_an_opt_out_goes_with_its_device(virtballoond, opted_out, domain):
    domain.define(virtballoond, balloon() + mdev("on"))
    dump = text_of(virtballoond.virsh("dumpxml", domain.name))
    start, _, rest = dump.partition("<hostdev ")
    text_of(virtballoond.virsh(
        "define", domain.file(start + rest.partition("</hostdev>")[2])))
    for word in ("hostdev", "ua-vb", "override"):
        assert word not in domain.stored()
    assert attributes.effect(opted_out.stored()) == EFFECT


def test_a_definition_without_attributes_keeps_what_is_stored(virtballoond, domain):
    """As a client does that drops what it does not know."""
    domain.define(virtballoond, balloon("redirect") + mdev("on"))
    before = domain.stored()
    for text in (before, text_of(virtballoond.virsh("dumpxml", domain.name)).replace(
            " ballooning='on'", "").replace(" policy='redirect'", "")):
        text_of(virtballoond.virsh("define", domain.file(text)))
        assert domain.stored() == before


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-7", "nonsense"])
@pytest.mark.parametrize("devices", [balloon("warn") + mdev("on"), balloon() + mdev()],
                         ids=["with attributes", "without"])
def test_other_encodings_lose_nothing(direct, virtballoond, domain, encoding, devices):
    """What virtballoond cannot edit it refuses, and what has nothing of ours is left to libvirt."""
    text = f"<?xml version='1.0' encoding='{encoding}'?>" + domain.text(devices).replace(
        "</name>", "</name><title>\u00e9</title>")
    path = domain.file("")
    path.write_bytes(text.encode("latin-1" if encoding == "ISO-8859-1" else "utf-8"))
    result = virtballoond.virsh("define", path)
    if result.code == 0:
        assert "<title>\u00e9</title>" in domain.stored()
        assert attributes.effect(domain.stored()) == (EFFECT if "policy" in devices else
                                                      (None, set()))
    elif "policy" in devices:
        assert attributes.refusal(result).startswith("XML error: ") or \
            direct.virsh("define", path) == result
    else:
        assert direct.virsh("define", path) == result


def test_a_command_line_is_made_of_what_would_be_stored(direct, virtballoond, domain):
    domain.define(virtballoond, balloon("warn") + mdev("on"))
    of_domain, again = [text_of(server.virsh("domxml-to-native", "qemu-argv", "--domain",
                                             domain.name)) for server in (direct, virtballoond)]
    of_text = text_of(virtballoond.virsh(
        "domxml-to-native", "qemu-argv", domain.file(domain.text(balloon("warn") + mdev("on")))))
    assert '"x-balloon-allowed":true' in of_domain
    assert of_text == again == of_domain


def test_a_command_line_is_not_made_xml_of_as_directly(same, domain):
    path = domain.file("qemu-system-x86_64 -device vfio-pci,x-balloon-allowed=on\n")
    assert b"not supported" in same("domxml-from-native", "qemu-argv", path).err


@pytest.mark.parametrize("policy", [None, "warn", "nonsense"])
@pytest.mark.parametrize("ballooning", [None, "on", "nonsense"])
def test_the_test_driver_is_never_translated_for(same, domain, policy, ballooning):
    text = domain.text(balloon(policy)).replace("'qemu'", "'test'", 1)
    text = text.replace("<memballoon", "<hostdev mode='subsystem' type='usb'" +
                        attributes.attribute("ballooning", ballooning) + "><source>"
                        "<vendor id='0x1d6b'/><product id='1'/></source></hostdev><memballoon")
    result = same(f"define {domain.file(text)}; dumpxml {domain.name}", driver="test")
    assert b"urn:virt-balloon" not in result.out
    assert b"policy=" not in result.out
