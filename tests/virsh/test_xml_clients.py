"""Clients that know nothing of our attributes: editors, tools of others, programs of users."""

import os
import re
import xml.etree.ElementTree as ElementTree

import libvirt
import pytest

import attributes
import harness
from attributes import MDEV_UUIDS, balloon, mdev, opened, text_of
from test_console import Terminal

OPTED_OUT = {MDEV_UUIDS[0]}
NOT_CHANGED = "Domain '{}' XML configuration not changed.\n\n"
EDITED = "Domain '{}' XML configuration edited.\n\n"

TITLE = "s/<name>/<title>new<\\/title>&/; "

# An edit of a domain with policy 'warn' and an opt-out, and what is in force then.
EDITS = {
    "another policy": ("s/policy='warn'/policy='ignore'/", ("ignore", OPTED_OUT)),
    "policy default": ("s/policy='warn'/policy='default'/", (None, OPTED_OUT)),
    "ballooning off": ("s/ballooning='on'/ballooning='off'/", ("warn", set())),
    "both": ("s/policy='warn'/policy='block'/; s/ballooning='on'/ballooning='off'/",
             ("block", set())),
    "no policy": (TITLE + "s/ policy='warn'//", ("warn", OPTED_OUT)),
    "no ballooning": (TITLE + "s/ ballooning='on'//", ("warn", OPTED_OUT)),
    "no device": ("/<hostdev/,/<.hostdev>/d", ("warn", set())),
    "no stored policy": ("/<balloon:policy/d; s/ policy='warn'//", (None, OPTED_OUT)),
    "another stored policy": ("s/ policy='warn'//; s/memballoon=\"warn\"/memballoon=\"block\"/",
                              ("block", OPTED_OUT)),
}


@pytest.fixture
def full(virtballoond, domain):
    """A domain with a policy and an opt-out."""
    return domain.define(virtballoond, balloon("warn") + mdev("on"))


def tool(server, name, *args):
    """Runs one of virt-manager's tools, which must go well; returns what it prints."""
    done = harness.run([name, "--connect", server.uri(), *args],
                       env=dict(os.environ, HOME="/run", XDG_CACHE_HOME="/run/cache"))
    assert done.returncode == 0, done
    return done.stdout.decode()


def effect(domain):
    """What is in force of what is stored."""
    return attributes.effect(domain.stored())


def test_an_edit_that_changes_nothing_changes_nothing(virtballoond, full, editor):
    before = full.stored()
    for script in ("", "s/memballoon/memballoon/"):
        result = virtballoond.virsh("edit", full.name, env=editor(script))
        assert text_of(result) == NOT_CHANGED.format(full.name)
    assert full.stored() == before


@pytest.mark.parametrize("script, expected", EDITS.values(), ids=EDITS.keys())
def test_an_edit_changes_what_it_says(virtballoond, full, editor, script, expected):
    assert text_of(virtballoond.virsh("edit", full.name, env=editor(script))) == \
        EDITED.format(full.name)
    assert effect(full) == expected
    if not expected[1]:
        for word in ("override", "ua-vb"):
            assert word not in full.stored()
    again = virtballoond.virsh("edit", full.name, env=editor())
    assert text_of(again) == NOT_CHANGED.format(full.name)


def test_an_edit_adds_policy_and_opt_out(direct, virtballoond, domain, editor):
    domain.define(direct, balloon() + mdev())
    scripts = ("s/<memballoon/& policy='redirect'/; s/<hostdev/& ballooning='on'/",
               "s/policy='redirect'/policy='default'/; s/ballooning='on'/ballooning='off'/")
    for script, expected in zip(scripts, (("redirect", OPTED_OUT), (None, set()))):
        text_of(virtballoond.virsh("edit", domain.name, env=editor(script)))
        assert effect(domain) == expected
    for word in ("urn:virt-balloon", "override", "ua-vb"):
        assert word not in domain.stored()


@pytest.mark.parametrize("script, problem", [
    ("s/policy='warn'/policy='nonsense'/", attributes.WRONG_POLICY),
    ("s/ballooning='on'/ballooning='nonsense'/", attributes.WRONG_BALLOONING)],
    ids=["policy", "ballooning"])
def test_an_edit_that_is_refused_changes_nothing(virtballoond, full, editor, script, problem):
    before = full.stored()
    terminal = Terminal("env", f"EDITOR={editor(script)['EDITOR']}", "virsh", "-c",
                        virtballoond.uri(), "edit", full.name)
    assert terminal.read_until(b"Try again? [y,n,i,f,?]:"), terminal.seen
    terminal.type(b"n")
    seen, _ = terminal.finish()
    assert f"error: XML error: {problem}\n" in seen.decode()
    assert full.stored() == before


def test_virt_xml_changes_the_balloon_and_keeps_the_policy(virtballoond, full):
    tool(virtballoond, "virt-xml", full.name, "--edit", "--memballoon", "autodeflate=on")
    assert "autodeflate='on'" in full.stored()
    assert effect(full) == ("warn", OPTED_OUT)


@pytest.mark.parametrize("word, expected", [("block", "block"), ("default", None)])
def test_virt_xml_changes_the_policy(virtballoond, full, word, expected):
    tool(virtballoond, "virt-xml", full.name, "--edit", "--memballoon",
         f"xpath.set=./@policy,xpath.value={word}")
    assert effect(full) == (expected, OPTED_OUT)


def test_virt_xml_opts_a_device_out_and_in_again(direct, virtballoond, domain):
    domain.define(direct, balloon() + mdev())
    for value, expected in (("on", OPTED_OUT), ("off", set())):
        tool(virtballoond, "virt-xml", domain.name, "--edit", "--hostdev",
             f"xpath.set=./@ballooning,xpath.value={value}")
        assert effect(domain) == (None, expected)


def test_virt_xml_adds_and_removes_an_opted_out_device(virtballoond, full):
    tool(virtballoond, "virt-xml", full.name, "--add-device", "--hostdev",
         "type=mdev,xpath0.set=./@model,xpath0.value=vfio-pci,xpath1.set=./@ballooning,"
         f"xpath1.value=on,xpath2.set=./source/address/@uuid,xpath2.value={MDEV_UUIDS[1]}")
    assert effect(full) == ("warn", set(MDEV_UUIDS[:2]))
    tool(virtballoond, "virt-xml", full.name, "--remove-device", "--hostdev", "1")
    assert effect(full) == ("warn", {MDEV_UUIDS[1]})


def test_virt_xml_updates_the_policy_of_what_runs(direct, virtballoond, domain):
    domain.define(virtballoond, balloon("block"))
    text_of(direct.virsh("start", domain.name, "--paused"))
    tool(virtballoond, "virt-xml", domain.name, "--edit", "--update", "--memballoon",
         "xpath.set=./@policy,xpath.value=warn")
    assert attributes.effect(domain.stored("--security-info")).policy == "warn"
    assert effect(domain).policy == "warn"


def test_virt_clone_keeps_policy_and_opt_out(direct, virtballoond, full):
    clone = f"{full.name}-clone"
    tool(virtballoond, "virt-clone", "--original", full.name, "--name", clone, "--auto-clone")
    try:
        stored = text_of(direct.virsh("dumpxml", clone, "--inactive"))
        assert attributes.effect(stored) == ("warn", OPTED_OUT)
    finally:
        text_of(direct.virsh("undefine", clone))


def test_virt_install_writes_a_policy(direct, virtballoond, domain):
    tool(virtballoond, "virt-install", "--name", domain.name, "--memory", "64", "--disk", "none",
         "--network", "none", "--graphics", "none", "--osinfo", "detect=off,require=off",
         "--virt-type", "qemu", "--import", "--noreboot", "--noautoconsole", "--memballoon",
         "model=virtio,xpath.set=./@policy,xpath.value=warn")
    assert effect(domain).policy == "warn"
    assert attributes.effect(
        text_of(direct.virsh("dumpxml", domain.name))).policy == "warn"


def test_virt_xml_validate_knows_the_stored_form_and_not_the_attributes(
        direct, virtballoond, full):
    dumps = [full.file(text_of(server.virsh("dumpxml", full.name)), word)
             for server, word in ((direct, "stored"), (virtballoond, "shown"))]
    results = [harness.run(["virt-xml-validate", dump, "domain"]) for dump in dumps]
    assert [result.returncode != 0 for result in results] == [False, True]


def element_tree(text):
    """XML through a parser and out again, in another spelling and without our attributes."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        for name in ("ballooning", "policy"):
            if element.tag in ("hostdev", "memballoon"):
                element.attrib.pop(name, None)
    return ElementTree.tostring(root, encoding="unicode")


def renamed_prefixes(text):
    """Also with other prefixes, which mean the same."""
    for uri, prefix in ((attributes.POLICY_URI, "p"),
                        ("http://libvirt.org/schemas/domain/qemu/1.0", "q")):
        ElementTree.register_namespace(prefix, uri)
    return element_tree(text)


def by_pattern(text):
    """XML as it was, but for our attributes."""
    return re.sub(r"(<(?:memballoon|hostdev)[^>]*) (?:policy|ballooning)='\w+'", r"\1", text)


@pytest.mark.parametrize("strip", [element_tree, renamed_prefixes, by_pattern])
def test_a_client_that_drops_what_it_does_not_know_loses_nothing(virtballoond, full, strip):
    with opened(virtballoond) as connection:
        text = connection.lookupByName(full.name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        stripped = strip(text)
        assert " ballooning=" not in stripped and " policy=" not in stripped
        connection.defineXMLFlags(stripped, 0)
        again = connection.lookupByName(full.name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert attributes.shown(again) == ("warn", OPTED_OUT)
    assert effect(full) == ("warn", OPTED_OUT)


@pytest.mark.parametrize("flags", [0, libvirt.VIR_DOMAIN_DEFINE_VALIDATE])
def test_a_client_that_changes_something_else_keeps_policy_and_opt_out(virtballoond, full, flags):
    with opened(virtballoond) as connection:
        text = connection.lookupByName(full.name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        connection.defineXMLFlags(text.replace("</name>", "</name><title>new</title>"), flags)
    assert "<title>new</title>" in full.stored()
    assert effect(full) == ("warn", OPTED_OUT)
