"""XML inside saved images, snapshots and checkpoints, and what comes with save and restore."""

import concurrent.futures
import os
import re

import libvirt
import pytest

import attributes
from attributes import MDEV_UUIDS, balloon, mdev, opened, text_of

PAUSED = libvirt.VIR_DOMAIN_SAVE_PAUSED
EFFECT = ("warn", set())


@pytest.fixture(scope="module", name="guest")
def fixture_guest(direct, directory, make_disk):
    """A running domain with a disk; tests leave it running and without a policy."""
    domain = attributes.Domain(direct, directory).define(direct, balloon() + make_disk())
    text_of(direct.virsh("start", domain.name, "--paused"))
    yield domain
    domain.remove()


@pytest.fixture
def image(directory):
    """Where a domain is saved."""
    path = directory / "xml.save"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def saved(direct, guest, image):
    """An image of the guest, that has no policy; the guest goes on later."""
    text_of(direct.virsh("save", guest.name, image))
    yield image
    if not guest_runs(direct, guest):
        text_of(direct.virsh("restore", image, "--paused"))
    forget_policy(guest)


@pytest.fixture
def managed(direct, guest):
    """The guest, saved by libvirt where libvirt keeps it; it goes on later."""
    text_of(direct.virsh("managedsave", guest.name))
    yield guest
    if not guest_runs(direct, guest):
        text_of(direct.virsh("start", guest.name, "--paused"))
    forget_policy(guest)


def guest_runs(server, guest):
    """Whether the guest is there, with a CPU or without."""
    return server.virsh("domstate", guest.name).out != b"shut off\n\n"


def forget_policy(guest):
    """Takes the policy of what runs away, if there is one."""
    guest.direct.virsh("metadata", guest.name, attributes.POLICY_URI, "--live", "--remove")


def with_policy(text, word):
    """XML of libvirt's with a policy in it."""
    assert "<memballoon model='virtio'" in text
    return text.replace("<memballoon model='virtio'", f"<memballoon model='virtio' policy='{word}'")


def balloons(text):
    """The start tags of the memory balloons in XML."""
    return re.findall("<memballoon .*>", text)


def give(word):
    """A script of sed that writes a policy."""
    return f"s/<memballoon /&policy='{word}' /"


def live(guest):
    """What the running guest has in force; its policy is taken away again."""
    found = attributes.effect(guest.stored("--security-info"))
    forget_policy(guest)
    return found


def images_policy(direct, image):
    """What is in force in an image."""
    return attributes.effect(text_of(direct.virsh("save-image-dumpxml", image))).policy


def managed_policy(direct, guest):
    """The same of a managed save."""
    return attributes.effect(text_of(direct.virsh("managedsave-dumpxml", guest.name))).policy


def test_xml_that_comes_with_save_is_stored_in_the_image(direct, virtballoond, guest, image):
    text = guest.stored("--security-info", "--migratable")
    xml = guest.file(with_policy(text, "warn"))
    text_of(virtballoond.virsh("save", guest.name, image, "--xml", xml))
    assert images_policy(direct, image) == "warn"
    shown = text_of(virtballoond.virsh("save-image-dumpxml", image))
    assert attributes.shown(shown).policy == "warn"
    text_of(direct.virsh("restore", image, "--paused"))
    assert live(guest) == EFFECT


def test_xml_that_comes_with_restore_counts(direct, virtballoond, guest, saved):
    text = text_of(direct.virsh("save-image-dumpxml", saved, "--security-info"))
    xml = guest.file(with_policy(text, "warn"))
    text_of(virtballoond.virsh("restore", saved, "--paused", "--xml", xml))
    assert live(guest) == EFFECT


def test_xml_in_parameters_of_save_and_restore_counts(direct, virtballoond, guest, image):
    with opened(virtballoond) as connection:
        running = connection.lookupByName(guest.name)
        running.saveParams({"file": str(image), "dxml": with_policy(
            running.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE), "ignore")})
        assert images_policy(direct, image) == "ignore"
        shown = connection.saveImageGetXMLDesc(str(image), libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE)
        assert attributes.shown(shown).policy == "ignore"
        connection.restoreParams({"file": str(image), "dxml": shown.replace(
            "policy='ignore'", "policy='warn'")}, PAUSED)
    assert live(guest) == EFFECT


def test_an_image_that_can_be_read_only_once_is_restored(virtballoond, guest, saved):
    """Whoever looks into it before libvirt does takes it away."""
    fifo = saved.with_name("xml.fifo")
    os.mkfifo(fifo)
    content = saved.read_bytes()

    def write():
        with open(fifo, "wb") as file:
            file.write(content)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        written = pool.submit(write)
        restored = virtballoond.virsh("restore", fifo, "--paused")
        written.result()
    fifo.unlink()
    text_of(restored)
    assert text_of(virtballoond.virsh("domstate", guest.name)) == "paused\n\n"


def test_an_image_is_given_a_policy(direct, virtballoond, guest, saved):
    text = text_of(virtballoond.virsh("save-image-dumpxml", saved, "--security-info"))
    text_of(virtballoond.virsh("save-image-define", saved,
                               guest.file(with_policy(text, "redirect"))))
    assert images_policy(direct, saved) == "redirect"
    shown = text_of(virtballoond.virsh("save-image-dumpxml", saved, "--security-info"))
    text_of(virtballoond.virsh("save-image-define", saved, guest.file(
        shown.replace("policy='redirect'", "policy='default'"))))
    assert images_policy(direct, saved) is None


def test_an_image_is_edited(direct, virtballoond, saved, editor):
    assert b"edited" in virtballoond.virsh("save-image-edit", saved, env=editor(give("block"))).out
    assert images_policy(direct, saved) == "block"
    unchanged = virtballoond.virsh("save-image-edit", saved, env=editor())
    assert b"not changed" in unchanged.out
    assert images_policy(direct, saved) == "block"


def test_a_managed_save_is_given_a_policy(direct, virtballoond, managed):
    text = text_of(virtballoond.virsh("managedsave-dumpxml", managed.name, "--security-info"))
    text_of(virtballoond.virsh("managedsave-define", managed.name,
                               managed.file(with_policy(text, "warn"))))
    assert managed_policy(direct, managed) == "warn"
    shown = text_of(virtballoond.virsh("managedsave-dumpxml", managed.name))
    assert attributes.shown(shown).policy == "warn"
    text_of(virtballoond.virsh("start", managed.name, "--paused"))
    assert live(managed) == EFFECT


def test_a_managed_save_is_edited(direct, virtballoond, managed, editor):
    result = virtballoond.virsh("managedsave-edit", managed.name, env=editor(give("ignore")))
    assert b"edited" in result.out
    assert managed_policy(direct, managed) == "ignore"
    unchanged = virtballoond.virsh("managedsave-edit", managed.name,
                                   env=editor())
    assert b"not changed" in unchanged.out


def test_a_snapshot_keeps_the_policy_of_its_time(direct, virtballoond, guest):
    text_of(direct.virsh("metadata", guest.name, attributes.POLICY_URI, "--live", "--key",
                         "balloon", "--set", "<policy memballoon='warn'/>"))
    text_of(virtballoond.virsh("snapshot-create-as", guest.name, "then"))
    assert live(guest) == EFFECT
    shown = text_of(virtballoond.virsh("snapshot-dumpxml", guest.name, "then"))
    stored = text_of(direct.virsh("snapshot-dumpxml", guest.name, "then"))
    assert balloons(shown) == ["<memballoon model='virtio' policy='warn'>",
                               "<memballoon model='virtio'>"]
    assert shown.replace(" policy='warn'", "") == stored
    text_of(virtballoond.virsh("snapshot-revert", guest.name, "then", "--paused"))
    assert live(guest) == EFFECT
    text_of(virtballoond.virsh("snapshot-delete", guest.name, "then"))


def redefine(connections, domain, kind, edit):
    """Redefines a snapshot or a checkpoint; returns what is stored and what is shown then."""
    ends = [connection.lookupByName(domain.name) for connection in connections]
    dump, create, flag = {
        "snapshot": ("snapshotLookupByName", "snapshotCreateXML",
                     libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE),
        "checkpoint": ("checkpointLookupByName", "checkpointCreateXML",
                       libvirt.VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE),
    }[kind]
    text = edit(getattr(ends[1], dump)("then").getXMLDesc())
    getattr(ends[1], create)(text, flag)
    return [getattr(end, dump)("then").getXMLDesc() for end in ends]


@pytest.mark.parametrize("kind", ["snapshot", "checkpoint"])
def test_it_is_redefined_with_policy_and_opt_out(direct, virtballoond, domain, make_disk, kind):
    # A snapshot must have the domain's devices; what runs cannot have this one.
    device = mdev() if kind == "snapshot" else ""
    domain.define(direct, balloon() + make_disk() + device)
    if kind == "checkpoint":
        text_of(direct.virsh("start", domain.name, "--paused"))
    text_of(virtballoond.virsh(f"{kind}-create-as", domain.name, "then"))

    def edit(text):
        text = with_policy(text, "warn")
        if device:
            return text.replace("<hostdev ", "<hostdev ballooning='on' ")
        return text.replace("<memballoon ", mdev("on") + "<memballoon ")

    with opened(direct) as first, opened(virtballoond) as second:
        stored, shown = redefine((first, second), domain, kind, edit)
        assert balloons(stored) == ["<memballoon model='virtio'>"] and "ballooning" not in stored
        assert 'memballoon="warn"' in stored and "name='x-balloon-allowed'" in stored
        assert shown == attributes.spliced(stored, "warn", "on")
        assert redefine((first, second), domain, kind, str) == [stored, shown]


def test_a_snapshot_is_edited(direct, virtballoond, domain, make_disk, editor):
    domain.define(direct, balloon() + make_disk())
    text_of(virtballoond.virsh("snapshot-create-as", domain.name, "then"))
    result = virtballoond.virsh("snapshot-edit", domain.name, "then", env=editor(give("block")))
    assert result.code == 0, result
    stored = text_of(direct.virsh("snapshot-dumpxml", domain.name, "then"))
    assert 'memballoon="block"' in stored and balloons(stored) == ["<memballoon model='virtio'>"]
    unchanged = virtballoond.virsh("snapshot-edit", domain.name, "then",
                                   env=editor())
    assert b"not changed" in unchanged.out
    text_of(virtballoond.virsh("snapshot-revert", domain.name, "then"))
    assert attributes.effect(domain.stored()).policy == "block"


def test_a_snapshot_is_made_of_xml_with_a_domain_in_it(direct, virtballoond, domain, make_disk):
    """libvirt puts the domain as it is into it, whatever stands there."""
    domain.define(direct, balloon() + make_disk())
    xml = f"<domainsnapshot><name>then</name>{domain.text(balloon('warn'))}</domainsnapshot>"
    text_of(virtballoond.virsh("snapshot-create", domain.name, domain.file(xml)))
    assert "urn:virt-balloon" not in text_of(
        direct.virsh("snapshot-dumpxml", domain.name, "then"))


def test_a_checkpoint_shows_the_policy_of_its_time(direct, virtballoond, guest):
    text_of(direct.virsh("metadata", guest.name, attributes.POLICY_URI, "--live", "--key",
                         "balloon", "--set", "<policy memballoon='warn'/>"))
    text_of(virtballoond.virsh("checkpoint-create-as", guest.name, "policy"))
    assert live(guest) == EFFECT
    stored, shown = [text_of(server.virsh("checkpoint-dumpxml", guest.name, "policy"))
                     for server in (direct, virtballoond)]
    assert shown == attributes.spliced(stored, "warn") != stored
    text_of(virtballoond.virsh("checkpoint-delete", guest.name, "policy"))


def test_a_read_only_client_sees_the_policy_of_a_snapshot(direct, virtballoond, domain, make_disk):
    domain.define(virtballoond, balloon("warn") + make_disk())
    text_of(virtballoond.virsh("snapshot-create-as", domain.name, "then"))
    stored, shown = [text_of(server.virsh("snapshot-dumpxml", domain.name, "then", readonly=True))
                     for server in (direct, virtballoond)]
    assert shown == attributes.spliced(stored, "warn") != stored


def test_a_read_only_client_cannot_look_into_images_or_change_them(same, guest, saved):
    for command in (["save-image-dumpxml", saved],
                    ["save-image-define", saved, guest.file(guest.text(balloon("warn")))]):
        assert b"read only access" in same(*command, readonly=True).err


def test_an_opt_out_is_stored_in_an_image_and_shown(direct, virtballoond, guest, saved):
    """libvirt compares what the guest sees, so it would not take the device; nothing is stored."""
    text = text_of(virtballoond.virsh("save-image-dumpxml", saved, "--security-info"))
    before = images_policy(direct, saved)
    with_device = text.replace("<memballoon", mdev("on") + "<memballoon")
    without = text.replace("<memballoon", mdev() + "<memballoon")
    errors = [server.virsh("save-image-define", saved, guest.file(xml))
              for server, xml in ((virtballoond, with_device), (direct, without))]
    assert errors[0].code == 1 and errors[0] == errors[1]
    assert images_policy(direct, saved) == before
    assert MDEV_UUIDS[0] not in text_of(direct.virsh("save-image-dumpxml", saved))


@pytest.fixture(name="ask")
def fixture_ask(same, direct, domain, image):
    """Runs a command for a domain that does not run and has nothing of what is asked for."""
    domain.define(direct, balloon())
    xml = domain.file(domain.text(balloon("warn") + mdev("on")))
    return lambda command: same(*command.format(image=image, name=domain.name, xml=xml).split())


@pytest.mark.parametrize("command", [
    "restore {image}", "restore {image} --xml {xml}", "save-image-dumpxml {image}",
    "save-image-define {image} {xml}"])
@pytest.mark.parametrize("content", [None, b"", b"LibvirtQemudSave" + bytes(200), b"nonsense" * 99],
                         ids=["no file", "empty", "broken", "nonsense"])
def test_what_is_no_image_gets_libvirts_error(ask, image, command, content):
    if content is not None:
        image.write_bytes(content)
    assert ask(command).code == 1


@pytest.mark.parametrize("command", [
    "managedsave-dumpxml {name}", "managedsave-define {name} {xml}", "snapshot-dumpxml {name} none",
    "snapshot-revert {name} none", "checkpoint-dumpxml {name} none",
    "save {name} {image} --xml {xml}"])
def test_what_is_not_there_gets_libvirts_error(ask, command):
    assert ask(command).code == 1
