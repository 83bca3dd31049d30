"""XML that is meant to mislead, by clients that are not virsh.

Whatever it is, the daemon lives, and what libvirt would read is what is judged."""

import struct

import pytest

import frames
from attributes import balloon, effect, mdev, refusal, text_of

DEFINE_XML_FLAGS, ATTACH_DEVICE_FLAGS = 350, 160
LIVE, CONFIG = 1, 2
CROWD = " ".join(f"a{number}=''" for number in range(2000))
TITLE = "<title>{}</title>"


def with_nul(text):
    """An XDR string with a NUL behind its text, and more behind that."""
    return frames.string(text + "\0<domain/>")


@pytest.fixture
def asleep(direct, domain):
    """A domain that is defined and does not run."""
    return domain.define(direct, balloon())


@pytest.mark.parametrize("where", ["--config", "--live", "--current"])
def test_a_domain_that_is_attached_as_a_device_is_refused_by_libvirt(
        direct, virtballoond, asleep, where):
    xml = asleep.file(f"<domain><devices>{mdev('on')}</devices></domain>", "device")
    assert virtballoond.virsh("attach-device", asleep.name, xml, where) == \
        direct.virsh("attach-device", asleep.name, xml, where)
    assert virtballoond.process.running()


def test_what_stands_behind_a_nul_is_nothing_to_anybody(virtballoond, domain):
    text = domain.text(balloon("warn"))
    with virtballoond.open() as client:
        reply = client.call(DEFINE_XML_FLAGS, with_nul(text) + struct.pack(">I", 0))
    assert reply.status == frames.OK
    assert effect(domain.stored())[0] == "warn"


def test_a_nul_does_not_get_a_device_past(virtballoond, asleep):
    device = mdev("on").replace("type='mdev' model='vfio-pci'", "type='pci'")
    for text in (frames.string(device), with_nul(device)):
        with virtballoond.open() as client:
            reply = client.call(ATTACH_DEVICE_FLAGS,
                                frames.domain(asleep.name, asleep.uuid) + text +
                                struct.pack(">I", CONFIG))
        assert "ballooning='on'" in reply.error().message


@pytest.mark.parametrize("attribute", [" policy='warn'", ""])
def test_an_element_with_thousands_of_attributes_is_not_read(
        direct, virtballoond, domain, attribute):
    text = domain.text(f"<memballoon model='virtio'{attribute}/>",
                       f"<metadata><a xmlns='urn:a' {CROWD}/></metadata>")
    result = virtballoond.virsh("define", domain.file(text))
    if attribute:
        assert "more than 1000 attributes" in refusal(result)
    else:
        text_of(result)
        assert "a1999" in domain.stored()


def test_a_word_of_ours_in_a_text_that_cannot_be_edited_is_only_a_word(virtballoond, domain):
    text = "<?xml version='1.0' encoding='UTF-7'?>" + domain.text(
        balloon(), TITLE.format("\u00e9: ballooning and its policy"))
    text_of(virtballoond.virsh("define", domain.file(text)))
    assert "ballooning and its policy" in domain.stored()
