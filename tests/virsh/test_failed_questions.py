"""What becomes of a call when the question about it fails, as docs/architecture.rst has it.

Every line of that table is brought about with the real libvirtd and QEMU.
"""

import os
import signal
import struct
import time

import pytest

import frames
import guests
import harness
import setmem
from setmem import CONFIG, LIVE

INTERNAL_ERROR, RPC, NO_DOMAIN, OPERATION_INVALID = 1, 39, 42, 55
FROM_RPC, FROM_DOMAIN = 7, 20
HMP = 1

# libvirt keeps the reference to the entity and forgets what it stands for.
DOCTYPE = "<!DOCTYPE domain [<!ENTITY x 'y'>]>"
UNREADABLE = "<metadata><a xmlns='urn:unreadable'>&x;</a></metadata>"
# So many lines that the text is longer than a message may be, once libvirt has indented it.
TOO_LONG = "<metadata><a xmlns='urn:long'>" + "<b/>" * 800_000 + "</a></metadata>"


def judged_calls(guest):
    """Every kind of call that is judged, in a form that raises a question, by name."""
    domain = guest.wire()
    return {
        "SET_MEMORY": frames.pack(frames.SET_MEMORY, setmem.arguments(frames.SET_MEMORY, domain)),
        "SET_MEMORY_FLAGS": frames.pack(
            frames.SET_MEMORY_FLAGS, setmem.arguments(frames.SET_MEMORY_FLAGS, domain)),
        "ATTACH_DEVICE": frames.pack(frames.ATTACH_DEVICE, domain + frames.string(guests.MDEV)),
        "MONITOR_COMMAND": frames.pack(
            frames.MONITOR_COMMAND, domain + frames.string("balloon 48") + struct.pack(">I", HMP),
            program=frames.QEMU),
    }


KINDS = ["SET_MEMORY", "SET_MEMORY_FLAGS", "ATTACH_DEVICE", "MONITOR_COMMAND"]


def answers(servers, call):
    """The replies of several servers to the same bytes, which all must be the same."""
    replies = []
    for server in servers:
        with server.open() as connection:
            connection.send(call)
            replies.append(connection.read_frame())
    assert replies.count(replies[0]) == len(replies)
    return replies[0]


def send(server, call):
    """An open connection with a call on its way."""
    connection = server.open()
    connection.send(call)
    return connection


@pytest.mark.parametrize("kind", KINDS)
def test_a_domain_that_has_been_undefined_meanwhile_gets_libvirts_own_error(
        direct, through, start_guest, kind):
    guest = start_guest(start=False)
    call = judged_calls(guest)[kind]
    with through.open() as connection:
        connection.send(call)
        assert connection.read_frame().error().code == OPERATION_INVALID
        assert direct.virsh("undefine", guest.name).code == 0
        connection.send(call)
        assert connection.read_frame().error().code == NO_DOMAIN
    assert guest.uuid in answers([direct, through], call).error().message


@pytest.mark.parametrize("kind", KINDS)
def test_a_domain_that_has_been_stopped_meanwhile_gets_libvirts_own_error(
        direct, through, start_guest, kind):
    guest = start_guest()
    assert direct.virsh("destroy", guest.name).code == 0
    error = answers([direct, through], judged_calls(guest)[kind]).error()
    assert error == (OPERATION_INVALID, FROM_DOMAIN, setmem.REFUSED + "domain is not running")


def wait_until_off(server, guest):
    """Waits until libvirt knows that a guest's QEMU has gone."""
    harness.wait_for(lambda: server.virsh("domstate", guest.name).out == b"shut off\n\n")


def test_a_domain_that_stops_while_a_call_waits_its_turn_gets_libvirts_own_error(
        direct, through, start_guest):
    guest = start_guest()
    os.kill(guest.pid(), signal.SIGSTOP)
    with send(through, setmem.shrink(guest)) as first:
        time.sleep(0.3)
        with send(through, setmem.shrink(guest)) as second:
            time.sleep(0.3)
            os.kill(guest.pid(), signal.SIGKILL)
            for connection in (first, second):
                assert connection.read_frame().status == frames.ERROR
    wait_until_off(direct, guest)


def test_an_error_of_the_monitor_answers_the_call_word_for_word(
        direct, start_virtballoond, start_guest):
    """The same QEMU dies under a question of ours and under a question that was asked directly."""
    daemon = start_virtballoond("auth=none\nqmp=always\n")
    guest = start_guest()
    os.kill(guest.pid(), signal.SIGSTOP)
    with send(daemon, setmem.shrink(guest)) as connection:
        time.sleep(0.3)
        os.kill(guest.pid(), signal.SIGKILL)
        ours = connection.read_frame()
        assert (ours.procedure, ours.serial) == (frames.SET_MEMORY, 5)
    wait_until_off(direct, guest)
    assert direct.virsh("start", guest.name, "--paused").code == 0
    os.kill(guest.pid(), signal.SIGSTOP)
    query = frames.pack(frames.MONITOR_COMMAND, guest.wire() + frames.string(
        '{"execute":"qom-list"}') + struct.pack(">I", 0), program=frames.QEMU)
    with send(direct, query) as connection:
        time.sleep(0.3)
        os.kill(guest.pid(), signal.SIGKILL)
        assert connection.read_frame().payload == ours.payload
    assert "monitor" in ours.error().message


def test_an_error_of_libvirts_protocol_answers_the_call_word_for_word(
        direct, virtballoond, start_guest):
    guest = start_guest(start=False, extra=TOO_LONG)
    get_xml = frames.pack(frames.GET_XML_DESC, guest.wire() + struct.pack(">I", 0))
    call = frames.pack(frames.SET_MEMORY_FLAGS, setmem.configure(guest))
    expected = answers([direct, virtballoond], get_xml)
    assert expected.error() == (RPC, FROM_RPC, "Unable to encode message payload")
    with send(virtballoond, call) as connection:
        reply = connection.read_frame()
    assert (reply.procedure, reply.payload) == (frames.SET_MEMORY_FLAGS, expected.payload)


@pytest.fixture
def make_unreadable(direct):
    """Gives a guest a definition that nobody can read; not even libvirt, when it starts again."""
    changed = []

    def change(guest):
        changed.append(guest)
        guest.define(doctype=DOCTYPE, extra=UNREADABLE)
        assert b">&x;<" in direct.virsh("dumpxml", guest.name, "--inactive").out
        return guest

    yield change
    for guest in changed:
        guest.define()


@pytest.fixture(params=["inactive", "running"])
def unreadable(make_unreadable, start_guest, request):
    """A guest that is unreadable at its next start."""
    return make_unreadable(start_guest(start=request.param == "running"))


def test_what_cannot_be_read_is_refused_and_the_log_says_so(direct, virtballoond, unreadable):
    call = frames.pack(frames.SET_MEMORY_FLAGS, setmem.arguments(
        frames.SET_MEMORY_FLAGS, unreadable.wire(), flags=LIVE | CONFIG))
    logged = virtballoond.process.log.stat().st_size
    errors = []
    sent = direct.commands_sent(lambda: errors.append(answers([virtballoond], call).error()))
    assert sent == []
    assert errors[0].code == INTERNAL_ERROR
    for word in (f"'{unreadable.name}'", "cannot be read", "nothing was changed"):
        assert word in errors[0].message
    assert unreadable.name.encode() in virtballoond.process.log.read_bytes()[logged:]


@pytest.mark.parametrize("command", ["dominfo", "dumpxml --inactive", "domstats"])
def test_a_guest_that_cannot_be_read_is_shown_as_directly(same, unreadable, command):
    name, *options = command.split()
    assert same(name, unreadable.name, *options).code == 0


@pytest.mark.parametrize("word", ["warn", "ignore"])
def test_what_cannot_be_read_passes_where_the_policy_is_known_to_let_it(
        same, make_unreadable, start_guest, word):
    guest = make_unreadable(start_guest(extra=guests.policy(word)))
    assert same("setmem", guest.name, "48M", "--live", "--config").code == 0


def test_what_passes_without_having_been_read_leaves_a_line_in_the_log(
        virtballoond, make_unreadable, start_guest):
    guest = make_unreadable(start_guest(extra=guests.policy("warn")))
    logged = virtballoond.process.log.stat().st_size
    assert virtballoond.virsh("setmem", guest.name, "48M", "--live", "--config").code == 0
    log = virtballoond.process.log.read_bytes()[logged:].decode()
    assert f"'{guest.name}'" in log and "without knowing" in log
