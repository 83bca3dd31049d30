"""Ways around the judgement that a client might find, on purpose or by accident: none leads past.

Every test asks for a size that is to be refused, see test_setmem_refused.py.
"""

import struct

import pytest

import frames
import setmem

OPEN_QEMU = frames.optional(frames.string("qemu:///system")) + struct.pack(">I", 0)
OPEN_NOTHING = frames.optional(frames.string("test:///no/such/file")) + struct.pack(">I", 0)
REFUSED_CALL = frames.SET_MEMORY_FLAGS
NOT_OPEN = "connection not open"
# Where virtballoond takes the serials of its own questions from.
OWN_SERIALS = [0xFFFFFFFE - number for number in range(6)]


def replies_by_serial(connection, count):
    """Reads that many replies."""
    replies = [connection.read_frame() for _ in range(count)]
    return {reply.serial: reply for reply in replies}


def get_xml(guest, serial):
    """GET_XML_DESC as a frame."""
    return frames.pack(frames.GET_XML_DESC, guest.wire() + struct.pack(">I", 0), serial=serial)


@pytest.mark.parametrize("attempt", range(5))
def test_a_call_right_behind_the_open_is_judged(virtballoond, blocked, attempt):
    with virtballoond.connect() as connection:
        assert connection.call(frames.AUTH_LIST).status == frames.OK
        connection.send(frames.pack(frames.CONNECT_OPEN, OPEN_QEMU, serial=1) +
                        frames.pack(REFUSED_CALL, setmem.configure(blocked), serial=2))
        replies = replies_by_serial(connection, 2)
    assert replies[1].status == frames.OK
    setmem.assert_refused(replies[2], blocked)


def test_an_open_that_failed_does_not_settle_the_driver(virtballoond, blocked):
    with virtballoond.connect() as connection:
        assert connection.call(frames.AUTH_LIST).status == frames.OK
        assert connection.call(frames.CONNECT_OPEN, OPEN_NOTHING).status == frames.ERROR
        early = connection.call(REFUSED_CALL, setmem.configure(blocked))
        assert NOT_OPEN in early.error().message
        assert connection.call(frames.CONNECT_OPEN, OPEN_QEMU).status == frames.OK
        setmem.assert_refused(connection.call(REFUSED_CALL, setmem.configure(blocked)), blocked)


def test_another_open_changes_the_driver(virtballoond, blocked):
    with virtballoond.open("test:///default") as connection:
        relayed = connection.call(REFUSED_CALL, setmem.configure(blocked))
        assert "Domain not found" in relayed.error().message
        # libvirtd refuses the second one, but takes it as the end of the first, and then a third.
        assert connection.call(frames.CONNECT_OPEN, OPEN_QEMU).status == frames.ERROR
        closed = connection.call(REFUSED_CALL, setmem.configure(blocked))
        assert NOT_OPEN in closed.error().message
        assert connection.call(frames.CONNECT_OPEN, OPEN_QEMU).status == frames.OK
        setmem.assert_refused(connection.call(REFUSED_CALL, setmem.configure(blocked)), blocked)


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("attempt", range(5))
def test_answers_for_another_guest_are_not_taken_for_the_own_ones(
        virtballoond, blocked, guest, behind, attempt):
    others = [get_xml(guest, serial) for serial in OWN_SERIALS]
    judged = frames.pack(REFUSED_CALL, setmem.configure(blocked), serial=9)
    with virtballoond.open() as connection:
        connection.send(b"".join([judged, *others] if behind else [*others, judged]))
        replies = replies_by_serial(connection, len(others) + 1)
    setmem.assert_refused(replies[9], blocked)
    for serial in OWN_SERIALS:
        assert guest.uuid.encode() in replies[serial].payload


def test_a_frame_that_claims_to_be_an_answer_is_none(virtballoond, blocked):
    harmless = b"<domain type='qemu'><name>x</name></domain>"
    answer = struct.pack(">I", len(harmless)) + harmless + bytes(-len(harmless) % 4)
    with virtballoond.open() as connection:
        connection.send(frames.pack(REFUSED_CALL, setmem.configure(blocked), serial=9) + b"".join(
            frames.pack(frames.GET_XML_DESC, answer, kind=frames.REPLY, serial=serial)
            for serial in OWN_SERIALS))
        setmem.assert_refused(connection.read_frame(), blocked)


def test_a_call_behind_a_long_one_is_judged(virtballoond, blocked):
    long = frames.pack(frames.GET_VERSION, bytes(1 << 20), serial=8)
    with virtballoond.open() as connection:
        connection.send(long + frames.pack(REFUSED_CALL, setmem.configure(blocked), serial=9))
        replies = replies_by_serial(connection, 2)
    assert replies[8].status == frames.OK
    setmem.assert_refused(replies[9], blocked)
