"""Real domain XML passes byte for byte, or with the difference of our attributes and no other.

virt-install makes the documents (see documents.py), for QEMU and for libvirt's test driver, and
libvirt makes more of them when it stores and dumps them. A recorder between virtballoond and
libvirtd has what libvirtd was really sent.
"""

import json
import os
import re
import struct
import subprocess
import sys
from typing import NamedTuple

import pytest

import documents
import frames
import harness

CREATE_XML, DEFINE_XML, DESTROY, UNDEFINE_FLAGS, DEFINE_XML_FLAGS = 10, 11, 12, 231, 350
SECURE, INACTIVE, UPDATE_CPU, MIGRATABLE = 1, 2, 4, 8
WHOLE = SECURE | INACTIVE
SHOWING = [0, SECURE, INACTIVE, WHOLE, WHOLE | UPDATE_CPU]
FORMS = [*SHOWING, MIGRATABLE, WHOLE | MIGRATABLE]
PAUSED, KEEP_NVRAM = 1, 8
# The test driver knows no such flags.
FLAGS = {"qemu": {DEFINE_XML: b"", DEFINE_XML_FLAGS: bytes(4),
                  CREATE_XML: struct.pack(">I", PAUSED),
                  UNDEFINE_FLAGS: struct.pack(">I", KEEP_NVRAM)},
         "test": {DEFINE_XML: b"", DEFINE_XML_FLAGS: bytes(4), CREATE_XML: bytes(4),
                  UNDEFINE_FLAGS: bytes(4)}}
URI = {"qemu": "qemu:///system", "test": "test:///default"}
FAMILIES = [*documents.FAMILIES, "hostdevs", "mixes", "guests"]
QEMU_FAMILIES = [*FAMILIES, "machines"]
ALL_FAMILIES = [("qemu", family) for family in QEMU_FAMILIES] + \
    [("test", family) for family in FAMILIES]
LEAST, LEAST_STARTED = 500, 4

WORDS = ["warn", "ignore", "block", "redirect"]
POLICY = "<balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='{}'/>"
PROPERTY = "<qemu:property name='x-balloon-allowed' type='bool' value='true'/>"
DEVICE = f"<qemu:device alias='{{}}'><qemu:frontend>{PROPERTY}</qemu:frontend></qemu:device>"
OVERRIDE = "<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{}" \
    "</qemu:override>"
NO_METADATA = "  <metadata/>\n"

# How a user may write an attribute, and the white space after it. What is before goes with it.
STYLES = [
    (" {}='{}'", ""), (' {}="{}"', ""), ("\n  {}='{}'", ""), ("\t{} = '{}'", " "),
    ('  {}\n=\n"{}"', "\n"), (" \t\n {}='{}'", "\t"), (" {}= '{}'", "  "), ('\n{} ="{}"', "\n\n"),
]

# What else may be around it.
DECORATIONS = [
    lambda text: text,
    lambda text: f"<?xml version='1.0' encoding='UTF-8'?>\n{text}",
    lambda text: f"<!-- <memballoon policy='none'/> -->\n{text}<!-- \u00e4 -->\n\n",
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.replace("<devices>", "<devices><![CDATA[<hostdev ballooning='no'>]]>", 1),
    lambda text: re.sub(r"((?:policy|ballooning)\s*=\s*.)(\w)",
                        lambda value: f"{value[1]}&#{ord(value[2])};", text),
]

DEVICES = re.compile(r"(?s)(?<=\n  <devices>\n).*?(?=  </devices>\n)")
MEMBALLOON = re.compile(r"<memballoon(?:\s[^<>]*?)?(?=/?>)")
HOSTDEV = re.compile(r"(?s)<hostdev(?:\s[^<>]*?)>.*?</hostdev>")
MDEV = re.compile(r"<hostdev(?=[^<>]*\stype=['\"]mdev)(?=[^<>]*\smodel=['\"]vfio-pci)[^<>]*(?=>)")
UUID = re.compile(r"<address uuid=['\"](.*?)['\"]")
ALIAS = re.compile(r"<alias name=['\"](.*?)['\"]/>")
ATTRIBUTE = re.compile(r"\s[\w:]+=(?:\"[^\"]*\"|'[^']*')")
KIB = re.compile(r"<(memory|currentMemory)(?: unit=['\"]KiB['\"])?>(\d+)<")


class Client:
    """A connection, direct or through; of one through it is known what libvirtd was sent."""

    def __init__(self, server, driver, behind=None):
        self._connection = server.open(URI[driver], timeout=30)
        self._recorded = behind and behind.connections[-1]
        self._flags = FLAGS[driver]

    def call(self, procedure, payload):
        """Makes a call; a failure is an answer."""
        return self._connection.call(procedure, payload, serial=9)

    def define(self, text, procedure=DEFINE_XML):
        """Defines a domain, or creates one."""
        return self.call(procedure, frames.string(text) + self._flags[procedure])

    def describe(self, domain, form=WHOLE):
        """What a domain is said to be, as a reply: not all have a processor to tell of."""
        return self.call(frames.GET_XML_DESC, domain + struct.pack(">I", form))

    def dump(self, domain, form=WHOLE):
        """What a domain is said to be."""
        reply = self.describe(domain, form)
        assert reply.status == frames.OK, reply.error()
        return unpack_string(reply.payload)

    def remove(self, domain):
        """Takes a definition away."""
        reply = self.call(UNDEFINE_FLAGS, domain + self._flags[UNDEFINE_FLAGS])
        assert reply.status == frames.OK, reply.error()

    def destroy(self, domain):
        """Ends a guest."""
        reply = self.call(DESTROY, domain)
        assert reply.status == frames.OK, reply.error()

    def define_and_see(self, text, procedure=DEFINE_XML):
        """The reply, and the text that libvirtd was sent."""
        start = len(self._recorded.sent)
        reply = self.define(text, procedure)
        payload, = (call.payload for call in frames.split(self._recorded.sent[start:])
                    if call.procedure == procedure)
        flags = self._flags[procedure]
        assert payload.endswith(flags)
        return reply, unpack_string(payload[:len(payload) - len(flags)])


def unpack_string(data):
    """The text in a payload that has nothing else in it."""
    length, = struct.unpack_from(">I", data)
    text = data[4:4 + length].decode()
    assert data == frames.string(text)
    return text


def edit_devices(text, edit):
    """A document with its devices edited."""
    return DEVICES.sub(lambda devices: edit(devices[0]), text, count=1)


def find_mdevs(text):
    """Alias, or None, and UUID of the devices of a document that can be opted out, in order."""
    return {UUID.search(hostdev)[1]: (ALIAS.search(hostdev) or [None, None])[1]
            for hostdev in HOSTDEV.findall(DEVICES.search(text)[0]) if MDEV.match(hostdev)}


def edit_mdevs(text, uuids, edit):
    """A document with some of these devices edited."""
    return edit_devices(text, lambda devices: HOSTDEV.sub(
        lambda hostdev: edit(hostdev[0]) if MDEV.match(hostdev[0]) and
        UUID.search(hostdev[0])[1] in uuids else hostdev[0], devices))


def is_users(alias):
    """Whether libvirt keeps an alias."""
    return alias is not None and alias.startswith("ua-")


def word_for(text, number):
    """A policy for a document: some do not let a guest with an inhibitor start inflated."""
    sizes = dict(KIB.findall(text))
    plain = sizes["memory"] == sizes["currentMemory"] and "<maxMemory" not in text
    return WORDS[number % (4 if plain else 2)]


def store(text, word, uuids):
    """A dump of libvirt with a policy, and opt-outs of some devices, in the form it stores."""
    aliases = {uuid: alias or f"ua-vb-{uuid}" for uuid, alias in find_mdevs(text).items()}
    text = edit_mdevs(text, uuids, lambda hostdev: hostdev if ALIAS.search(hostdev) else
                      hostdev.replace("</hostdev>", f"<alias name='ua-vb-"
                                      f"{UUID.search(hostdev)[1]}'/></hostdev>"))
    for uuid in uuids:
        device = re.search(rf"<qemu:device alias='{aliases[uuid]}'>\s*<qemu:frontend>", text)
        if device:
            text = text.replace(device[0], device[0] + PROPERTY)
        elif "</qemu:override>" in text:
            text = text.replace("</qemu:override>",
                                DEVICE.format(aliases[uuid]) + "</qemu:override>")
        else:
            text = text.replace("\n</domain>", OVERRIDE.format(DEVICE.format(aliases[uuid])) +
                                "\n</domain>")
    if "  </metadata>\n" in text:
        return text.replace("  </metadata>\n", POLICY.format(word) + "</metadata>\n", 1)
    return text.replace("</uuid>\n", f"</uuid>\n<metadata>{POLICY.format(word)}</metadata>\n", 1)


def show(text, word, uuids):
    """A dump with the two attributes where they are to be seen, and no other difference."""
    text = edit_devices(text, lambda devices: MEMBALLOON.sub(
        lambda tag: f"{tag[0]} policy='{word}'", devices, count=1))
    return edit_mdevs(text, uuids, lambda hostdev: MDEV.sub(
        lambda tag: f"{tag[0]} ballooning='on'", hostdev, count=1))


def write_by_hand(text, number, word, uuids, ballooning="on"):
    """Writes the attributes into a document in the style of a user, whose number it is.

    Returns it, the same without the attributes, and the forms that are to be stored.
    """
    if not MEMBALLOON.search(DEVICES.search(text)[0]):
        text = edit_devices(text, lambda devices: f"{devices}    <memballoon model='virtio'/>\n")
    style, behind = STYLES[number % len(STYLES)]

    def add(name, value):
        def edit(tag):
            places = [tag[0].index("<") + len(re.match(r"<\w+", tag[0])[0]),
                      *(attribute.end() for attribute in ATTRIBUTE.finditer(tag[0]))]
            at = places[number % len(places)]
            return f"{tag[0][:at]}{style.format(name, value) if value else ''}{behind}{tag[0][at:]}"
        return edit

    def write(policy, opt_out):
        written = edit_devices(text, lambda devices: MEMBALLOON.sub(
            add("policy", policy), devices, count=1))
        return edit_mdevs(written, uuids, lambda hostdev: MDEV.sub(
            add("ballooning", opt_out), hostdev, count=1))

    added = []
    without = write(None, None)
    if word != "default":
        policy = POLICY.format(word)
        added.append(policy if "<metadata>" in text else f"<metadata>{policy}</metadata>")
        without = without.replace(NO_METADATA, "")
    new = []
    for uuid, alias in find_mdevs(text).items():
        if uuid not in uuids or ballooning != "on":
            continue
        if not is_users(alias):
            if alias is None:
                added.append(f"<alias name='ua-vb-{uuid}'/>")
            else:
                without = without.replace(alias, f"ua-vb-{uuid}")
            alias = f"ua-vb-{uuid}"
        if re.search(f"<qemu:device alias=['\"]{alias}['\"]", text):
            added.append(PROPERTY)
        else:
            new.append(DEVICE.format(alias))
    if "</qemu:override>" in text:
        added += new
    elif new:
        added.append(OVERRIDE.format("".join(new)))
    decorate = DECORATIONS[number % len(DECORATIONS)]
    return decorate(write(word, ballooning)), decorate(without), added


def assert_added(text, changed, added):
    """Asserts that a text got some forms and no other change but white space beside them."""
    forms = "|".join(re.escape(form).replace("><", r">\s*<")
                     for form in sorted(added, key=len, reverse=True))
    places = list(re.finditer(forms, changed)) if added else []
    assert sorted(re.sub(r">\s+<", "><", place[0]) for place in places) == sorted(added), changed
    done = 0
    for place in places:
        same = len(os.path.commonprefix([text, changed[done:place.start()]]))
        assert not changed[done + same:place.start()].strip(), changed
        text = text[same:]
        rest = changed[place.end():]
        blank, kept = (len(part) - len(part.lstrip()) for part in (rest, text))
        assert rest[:blank].endswith(text[:kept]), changed
        done = place.end() + blank - kept
    assert_same(changed[done:], text)


def assert_same(found, expected):
    """Asserts that two texts are the same, or shows where they part."""
    at = len(os.path.commonprefix([found, expected]))
    start = max(0, at - 300)
    assert found == expected, \
        f"...{found[start:at + 300]}...\n\ninstead of\n\n...{expected[start:at + 300]}..."


def assert_ok(reply, text):
    """Asserts that libvirt did as it was told, or shows what it was told."""
    assert reply.status == frames.OK, f"{reply.error()}\n{text}"


@pytest.fixture(scope="module")
def made(direct, directory):
    """The documents of virt-install by driver and family."""
    environment = dict(os.environ, XDG_CACHE_HOME=str(directory))
    programs = {driver: subprocess.Popen(
        [sys.executable, documents.__file__, direct.uri(driver), driver],
        env=environment, stdout=subprocess.PIPE) for driver in URI}
    printed = {driver: program.communicate()[0] for driver, program in programs.items()}
    assert [program.returncode for program in programs.values()] == [0] * len(programs)
    return {driver: json.loads(text) for driver, text in printed.items()}


@pytest.fixture(scope="module")
def readonly(virtballoond):
    """A client that may only read."""
    return Client(harness.Server(virtballoond.path_ro), "qemu")


class Stored(NamedTuple):
    """The documents that libvirt accepts, and all that it dumps for them, none twice."""

    accepted: dict
    dumps: dict


@pytest.fixture(scope="module")
def stored(direct, made):
    """What libvirt makes of the documents, by driver and family; live, too, where that is quick."""
    result = Stored({}, {})
    for driver, families in made.items():
        client = Client(direct, driver)
        seen = set()
        for family, texts in families.items():
            accepted, replies = [], []
            for text in texts:
                domain = client.define(text)
                if domain.status == frames.OK:
                    accepted.append(text)
                    replies += [client.describe(domain.payload, form) for form in FORMS]
                    client.remove(domain.payload)
                if domain.status == frames.OK and driver == "test":
                    domain = client.define(text, CREATE_XML)
                    assert_ok(domain, text)
                    replies += [client.describe(domain.payload, form) for form in FORMS]
                    client.destroy(domain.payload)
            dumps = [unpack_string(reply.payload) for reply in replies if reply.status == frames.OK]
            result.accepted[driver, family] = accepted
            result.dumps[driver, family] = documents.different(dumps, seen)
    return result


@pytest.fixture
def sides(direct, recorded):
    """A client on either side, for a driver; what a failed test leaves is taken away."""
    server, behind = recorded
    drivers = []

    def connect(driver):
        drivers.append(driver)
        return Client(direct, driver), Client(server, driver, behind)

    yield connect
    for driver in drivers:
        direct.virsh("destroy", "guest", driver=driver)
        direct.virsh("undefine", "guest", "--keep-nvram", driver=driver)


def test_there_are_enough_documents(made, stored, capsys):
    made = {driver: sum(map(len, families.values())) for driver, families in made.items()}
    accepted, dumps = ({driver: sum(len(texts) for (of, _), texts in found.items() if of == driver)
                        for driver in made} for found in stored)
    with capsys.disabled():
        print(f"\n{sum(made.values())} documents of virt-install {made},"
              f" {sum(accepted.values())} accepted by libvirt {accepted},"
              f" {sum(dumps.values())} made of them by libvirt {dumps}")
    assert min(made["qemu"], accepted["qemu"], dumps["qemu"]) >= LEAST


@pytest.mark.parametrize("driver, family", ALL_FAMILIES)
def test_a_document_reaches_libvirtd_as_it_was_sent(sides, made, stored, driver, family):
    direct, through = sides(driver)
    for text in made[driver][family]:
        expected = direct.define(text)
        accepted = text in stored.accepted[driver, family]
        assert (expected.status == frames.OK) == accepted
        before = accepted and direct.dump(expected.payload)
        for procedure in (DEFINE_XML, DEFINE_XML_FLAGS):
            reply, received = through.define_and_see(text, procedure)
            assert_same(received, text)
            assert reply.payload == expected.payload
        if accepted:
            after = direct.dump(expected.payload)
            assert_same(documents.anonymous(after), documents.anonymous(before))
            direct.remove(expected.payload)


@pytest.mark.parametrize("driver, family", ALL_FAMILIES)
def test_what_libvirt_makes_of_it_passes_both_ways(sides, stored, driver, family):
    direct, through = sides(driver)
    for text in stored.dumps[driver, family]:
        reply, received = through.define_and_see(text)
        assert_same(received, text)
        if reply.status != frames.OK:  # a dump without its secrets need not be a definition
            assert reply.payload == direct.define(text).payload
            continue
        for form in FORMS:
            assert through.describe(reply.payload, form) == direct.describe(reply.payload, form)
        direct.remove(reply.payload)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_drivers_guests_are_created_from_what_was_sent(sides, stored, family):
    direct, through = sides("test")
    for number, text in enumerate(stored.accepted["test", family]):
        for sent in (text, write_by_hand(text, number, "warn", find_mdevs(text))[0]):
            reply, received = through.define_and_see(sent, CREATE_XML)
            assert_same(received, sent)
            assert_ok(reply, sent)
            for form in FORMS:
                assert through.describe(reply.payload, form) == direct.describe(reply.payload, form)
            direct.destroy(reply.payload)


@pytest.mark.parametrize("family", QEMU_FAMILIES)
def test_what_is_stored_is_shown_as_attributes_and_stored_again(
        sides, readonly, stored, family):
    direct, through = sides("qemu")
    for number, text in enumerate(stored.accepted["qemu", family]):
        domain = direct.define(text).payload
        direct.define(direct.dump(domain))  # libvirt does not put all into order at once
        plain = direct.dump(domain)
        word = word_for(plain, number)
        uuids = list(find_mdevs(plain))[number % 2:]
        reply = direct.define(store(plain, word, uuids))
        assert_ok(reply, plain)
        whole = direct.dump(domain)

        for form in SHOWING:
            expected = direct.describe(domain, form)
            if expected.status == frames.OK:
                shown = show(unpack_string(expected.payload), word, uuids)
                assert shown != unpack_string(expected.payload)
                expected = expected._replace(payload=frames.string(shown))
            assert through.describe(domain, form) == expected
        for form in (MIGRATABLE, WHOLE | MIGRATABLE):
            assert through.describe(domain, form) == direct.describe(domain, form)

        shown = through.dump(domain)
        assert_same(readonly.dump(domain, 0), show(direct.dump(domain, 0), word, uuids))
        for procedure in (DEFINE_XML, DEFINE_XML_FLAGS):
            reply, received = through.define_and_see(shown, procedure)
            assert_ok(reply, shown)
            assert_same(received, whole)
            assert_same(direct.dump(domain), whole)

        # A client that drops what it does not know changes nothing; a new value takes a place.
        _, received = through.define_and_see(whole)
        assert_same(received, whole)
        other = WORDS[1 - WORDS.index(word) % 2]
        _, received = through.define_and_see(shown.replace(f" policy='{word}'",
                                                           f" policy='{other}'"))
        assert_same(received, whole.replace(f'memballoon="{word}"', f'memballoon="{other}"'))
        assert received != whole

        # The attributes take back what they gave. Like libvirt, they leave empty metadata.
        reply, _ = through.define_and_see(shown.replace(f" policy='{word}'", " policy='default'")
                                          .replace(" ballooning='on'", " ballooning='off'"))
        assert_ok(reply, shown)
        after = direct.dump(domain)
        assert_same(after.replace(NO_METADATA, ""), plain.replace(NO_METADATA, ""))
        assert_same(through.dump(domain), after)
        direct.remove(domain)


def written_and_stored(through, text, number, procedure=DEFINE_XML):
    """Writes attributes into a document as users do and sends it; the reply, and what to see."""
    word = word_for(text, number)
    uuids = list(find_mdevs(text))[number % 2:]
    sent, without, added = write_by_hand(text, number, word, uuids)
    reply, received = through.define_and_see(sent, procedure)
    assert_added(without, received, added)
    return reply, word, uuids


@pytest.mark.parametrize("family", QEMU_FAMILIES)
def test_what_users_write_is_cut_out_and_stored(sides, stored, family):
    direct, through = sides("qemu")
    for number, text in enumerate(stored.accepted["qemu", family]):
        domain = direct.define(text).payload
        for written in (text, direct.dump(domain)):
            reply, word, uuids = written_and_stored(through, written, number)
            assert_ok(reply, written)
            assert_same(through.dump(domain), show(direct.dump(domain), word, uuids))
            direct.remove(domain)


@pytest.mark.parametrize("family", QEMU_FAMILIES)
def test_attributes_that_ask_for_nothing_are_cut_out(sides, stored, family):
    direct, through = sides("qemu")
    for number, text in enumerate(stored.accepted["qemu", family]):
        sent, without, _ = write_by_hand(text, number, "default", find_mdevs(text), "off")
        reply, received = through.define_and_see(sent)
        assert_same(received, without)
        assert_ok(reply, sent)
        assert_same(through.dump(reply.payload), direct.dump(reply.payload))
        direct.remove(reply.payload)


@pytest.mark.parametrize("family", ["screens", "characters", "devices", "processors"])
def test_guests_are_started_from_what_users_write(sides, stored, family):
    direct, through = sides("qemu")
    started = 0
    for number, text in enumerate(stored.accepted["qemu", family][::4]):
        reply, word, uuids = written_and_stored(through, text, number, CREATE_XML)
        if reply.status != frames.OK:
            continue
        started += 1
        domain = reply.payload
        for form in (0, SECURE, WHOLE):
            assert_same(through.dump(domain, form),
                        show(direct.dump(domain, form), word, uuids))
        assert_same(through.dump(domain, MIGRATABLE), direct.dump(domain, MIGRATABLE))
        live = direct.dump(domain, SECURE)
        _, received = through.define_and_see(through.dump(domain, SECURE))
        assert_same(received, live)
        direct.destroy(domain)
        direct.remove(domain)
    assert started >= LEAST_STARTED
