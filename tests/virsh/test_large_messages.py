"""The largest messages that libvirt allows, and the longest strings in them, go through intact."""

import struct

import pytest

import frames
import guests
import setmem

KIB = 1024
MIB = 1024 * KIB
DEFINE_XML, GET_METADATA, LIST_ALL_DOMAINS, ALL_STATS = 11, 265, 273, 344
STATS_STATE, ELEMENT, LIVE = 1, 2, 1
STRING_MAX = 4 * MIB
NAMES = 9
TEST_DOMAIN = """<domain type='test'><name>{}</name>
<uuid>00000000-0000-4000-8000-{:012}</uuid><memory>65536</memory><os><type>hvm</type></os></domain>
"""


@pytest.fixture
def own(start_virtballoond):
    """A virtballoond with no other clients, so that its memory can be measured."""
    return start_virtballoond()


class LargeDomains:
    """Domains of the test driver whose names together fill the largest message there may be."""

    def __init__(self, connection, reply_overhead):
        """The reply has so many bytes beyond the names and what belongs to each of them."""
        self._connection = connection
        each = 4 + 16 + 4  # length of the name, uuid, id
        room = frames.LENGTH_MAX - frames.HEADER.size - reply_overhead
        sizes = [room // NAMES // 4 * 4] * NAMES
        sizes[0] += room - sum(sizes)
        self.names = [chr(ord("a") + number) * (size - each) for number, size in enumerate(sizes)]
        for number, name in enumerate(self.names):
            xml = TEST_DOMAIN.format(name, number)
            reply = connection.call(DEFINE_XML, frames.string(xml), serial=number)
            assert reply.status == frames.OK, reply.error()

    def wire(self):
        """What names them in a call."""
        return b"".join(frames.domain(name, f"00000000-0000-4000-8000-{number:012}")
                        for number, name in enumerate(self.names))


def test_a_reply_may_be_as_long_as_libvirt_allows(direct, own):
    before = own.process.memory_kib("VmHWM")
    for server in (direct, own):
        with server.open("test:///default", timeout=30) as connection:
            itself = len(frames.domain("test", "0" * 32))
            domains = LargeDomains(connection, reply_overhead=4 + itself + 4)
            reply = connection.call(LIST_ALL_DOMAINS, struct.pack(">iI", 1, 0), serial=99)
            assert reply.status == frames.OK, reply.error()
            assert len(reply.payload) + frames.HEADER.size == frames.LENGTH_MAX
            for name in domains.names:
                assert name.encode() in reply.payload
    assert own.process.memory_kib("VmHWM") - before < 16 * KIB


def test_call_and_reply_may_both_be_long(direct, own):
    for server in (direct, own):
        with server.open("test:///default", timeout=30) as connection:
            domains = LargeDomains(connection, reply_overhead=4096)
            payload = struct.pack(">I", NAMES) + domains.wire() + struct.pack(">II", STATS_STATE, 0)
            reply = connection.call(ALL_STATS, payload, serial=99)
            assert reply.status == frames.OK, reply.error()
            assert len(reply.payload) > 32 * MIB - 4096


def set_metadata(guest, text):
    """The payload of frames.SET_METADATA, for an element of a running guest's metadata."""
    return guest.wire() + struct.pack(">i", ELEMENT) + b"".join(
        frames.optional(frames.string(part)) for part in (text, "l", "urn:long")) + \
        struct.pack(">I", LIVE)


def test_metadata_of_almost_four_mebibytes_is_set_and_read_and_judged(direct, through, start_guest):
    guest = start_guest()
    text = f"<a>{'x' * (STRING_MAX - 4096)}</a>"
    get = guest.wire() + struct.pack(">i", ELEMENT) + frames.optional(
        frames.string("urn:long")) + struct.pack(">I", LIVE)
    for server in (direct, through):
        with server.open(timeout=30) as connection:
            reply = connection.call(frames.SET_METADATA, set_metadata(guest, text))
            assert reply.status == frames.OK, reply.error()
            assert text.encode() in connection.call(GET_METADATA, get).payload
            assert text[3:-4].encode() in connection.call(
                frames.GET_XML_DESC, guest.wire() + bytes(4)).payload
            reply = connection.call(frames.SET_MEMORY, setmem.arguments(
                frames.SET_MEMORY, guest.wire()))
            assert reply.status == frames.OK, reply.error()


def outcome(server, procedure, payload):
    """The reply to a call, or None where the server ends the connection instead.

    libvirtd does so where its error, which may quote what it could not read, is too long itself.
    """
    with server.open(timeout=30) as connection:
        try:
            reply = connection.call(procedure, payload, serial=5)
        except EOFError:
            return None
        assert connection.call(frames.GET_VERSION, serial=6).serial == 6
        return reply


def padded(xml, length):
    """XML with a comment that makes it so long."""
    return xml + f"<!--{'x' * (length - len(xml) - 7)}-->"


@pytest.mark.parametrize("length", [STRING_MAX - 1, STRING_MAX, STRING_MAX + 1], ids=[
    "a byte less", "the limit", "a byte more"])
@pytest.mark.parametrize("device", [guests.MDEV, "<no-device/>", "<broken>"], ids=[
    "mdev", "unknown", "broken"])
def test_a_device_as_long_as_a_string_may_be_gets_libvirts_own_answer(
        direct, through, guest, device, length):
    payload = guest.wire() + frames.string(padded(device, length))
    expected = outcome(direct, frames.ATTACH_DEVICE, payload)
    assert outcome(through, frames.ATTACH_DEVICE, payload) == expected
    assert expected is None or expected.status == frames.ERROR


@pytest.mark.parametrize("length", [STRING_MAX - 1, STRING_MAX, STRING_MAX + 1], ids=[
    "a byte less", "the limit", "a byte more"])
def test_metadata_as_long_as_a_string_may_be_gets_libvirts_own_answer(
        direct, through, start_guest, length):
    guest = start_guest()
    payload = set_metadata(guest, f"<a>{'x' * (length - 7)}</a>")
    expected = outcome(direct, frames.SET_METADATA, payload)
    assert outcome(through, frames.SET_METADATA, payload) == expected
