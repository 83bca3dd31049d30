"""Who is let in, and to what: the same directly and through virtballoond, with real polkit."""

import re
import struct
from pathlib import Path

import pytest

import frames
import guests
import harness
import people
import second

PEOPLE = ["root", "alice", "carol", "nobody", "dave", "erin"]
# Name, libvirtd's configuration, virtballoond's.
SETTINGS = {
    "polkit": ("""
auth_unix_rw = "polkit"
auth_unix_ro = "polkit"
""", ""),
    "modes": ("""
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "libvirt"
unix_sock_rw_perms = "0660"
unix_sock_ro_perms = "0660"
""", "auth=none\nsocket_group=libvirt\nsocket_mode=0660\n"),
    "access": ("""
auth_unix_rw = "polkit"
auth_unix_ro = "polkit"
access_drivers = ["polkit"]
""", ""),
}
COMMANDS = ["uri", "version", "list --all", "dominfo one", "dominfo two", "dumpxml two",
            "setmem one 32M --config", "setmem two 32M --config", "dommemstat one",
            "metadata one urn:virt-balloon:policy:1"]


class Setting:
    """A libvirtd that lets in some, and a virtballoond in front of it."""

    def __init__(self, name, directory):
        lines, config = SETTINGS[name]
        self.name = name
        self.direct = second.Host(directory / f"auth-{name}", lines)
        for number, domain in enumerate(("one", "two")):
            path = directory / f"{domain}.xml"
            path.write_text(guests.DOMAIN.format(
                name=domain, uuid=f"00000000-0000-4000-b000-{number:012}", doctype="",
                devices=guests.BALLOON, extra="", vnc=directory / f"{domain}.vnc"))
            assert self.direct.virsh("define", path).code == 0
        self.through = harness.Virtballoond(directory / f"front-{name}", config,
                                            upstream_dir=self.direct.path.parent)

    def stop(self):
        self.through.stop()
        self.direct.stop()


@pytest.fixture(scope="module", name="everybody")
def fixture_everybody(direct, directory):
    """The users and polkit."""
    assert direct.listens()  # which asks QEMU what it can, for all of them
    made = people.People(directory)
    yield made
    made.stop()


@pytest.fixture(scope="module", name="setting", params=SETTINGS)
def fixture_setting(request, everybody, directory):
    """One way to let in people after another."""
    assert everybody
    made = Setting(request.param, directory)
    yield made
    made.stop()


@pytest.fixture(scope="module", name="polkit")
def fixture_polkit(request, everybody, directory):
    """A libvirtd and a virtballoond that ask polkit."""
    assert everybody
    path = directory / request.module.__name__
    path.mkdir()
    made = Setting("polkit", path)
    yield made
    made.stop()


def outcome(server, who, command, readonly=False):
    """What somebody gets to see."""
    return server.virsh(*command.split(), readonly=readonly, prefix=people.as_person(who), cwd="/")


@pytest.mark.parametrize("readonly", [False, True], ids=["rw", "ro"])
@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_gets_the_same_through_virtballoond(setting, who, readonly):
    for command in COMMANDS:
        expected = outcome(setting.direct, who, command, readonly)
        assert outcome(setting.through, who, command, readonly) == expected, command


# What it is that is the same, so that it is not all nothing.

def test_libvirts_access_control_sees_the_client(setting):
    codes = {who: [outcome(setting.through, who, f"setmem {domain} 48M --config").code
                   for domain in ("one", "two")] for who in ("root", "carol", "nobody")}
    carol = {"polkit": [0, 0], "modes": [1, 1], "access": [0, 1]}
    assert codes == {"root": [0, 0], "carol": carol[setting.name], "nobody": [1, 1]}


@pytest.mark.parametrize("who, readonly, code, text", [
    ("root", False, 0, b":///system"),
    ("alice", False, 0, b":///system"),
    ("carol", False, 0, b":///system"),
    ("nobody", False, 1, b"authentication unavailable: no polkit agent available to authenticate "
                         b"action 'org.libvirt.unix.manage'"),
    ("dave", False, 1, b"authentication failed: access denied by policy"),
    ("erin", False, 1, b"authentication unavailable: no polkit agent"),
    ("nobody", True, 0, b":///system"),
    ("dave", True, 1, b"authentication failed: access denied by policy"),
    ("erin", True, 1, b"action 'org.libvirt.unix.monitor'"),
])
def test_polkit_decides_in_front_of_virtballoond(polkit, who, readonly, code, text):
    result = outcome(polkit.through, who, "uri", readonly)
    assert result.code == code
    assert text in result.out + result.err


def test_a_relay_that_is_root_does_not_make_everybody_root(polkit):
    """What a socat in virtballoond's place would do."""
    with polkit.through.open() as root:
        assert root.call(frames.GET_VERSION, serial=2).status == frames.OK
    denied = outcome(polkit.through, "nobody", "list --all")
    assert denied.code == 1 and b"one" not in denied.out


def test_nothing_but_authentication_is_answered_before_it(polkit):
    ask = """
import struct, sys
sys.path.insert(0, sys.argv[2])
import frames
with frames.Connection(sys.argv[1]) as client:
    for procedure in (frames.CONNECT_OPEN, frames.SUPPORTS_FEATURE, frames.GET_VERSION,
                      frames.SET_IDENTITY):
        print(client.call(procedure, bytes(20)).error())
    print(struct.unpack(">II", client.call(frames.AUTH_LIST).payload))
    print(client.call(frames.AUTH_POLKIT).error())
"""
    results = []
    for server in (polkit.direct, polkit.through):
        done = harness.run([*people.as_person("dave"), "/usr/bin/python3", "-c", ask, server.path,
                            Path(__file__).parent], cwd="/")
        assert done.returncode == 0, done
        results.append(done.stdout)
    assert results[0] == results[1]
    assert b"authentication required" in results[0] and b"(1, 2)" in results[0]


def identity(host, who, server):
    """What libvirtd's administrator is shown of a client, and the client's own process."""
    client = harness.Process([*people.as_person(who), "virsh", "-c", server.uri(), "event", "--all",
                              "--loop"], harness.RESULTS / "identity.log", cwd="/")
    admin = ["virt-admin", "-c", f"libvirtd+unix:///system?socket={host.path.parent}/"
             "libvirt-admin-sock"]

    def shown():
        clients = harness.run([*admin, "srv-clients-list", "libvirtd"]).stdout.decode()
        numbers = re.findall(r"^ (\d+) ", clients, re.MULTILINE)
        infos = [harness.run([*admin, "client-info", "libvirtd", number]).stdout.decode()
                 for number in numbers]
        return [info for info in infos if f"unix_process_id: {client.pid}\n" in
                re.sub(r" +: ", ": ", info)]

    try:
        info, = harness.wait_for(shown)
    finally:
        client.stop()
    return dict(re.findall(r"^(\w+) +: (.*)$", info, re.MULTILINE))


@pytest.mark.parametrize("who", ["root", "alice"])
def test_libvirt_knows_who_the_client_is(polkit, who):
    expected = identity(polkit.direct, who, polkit.direct)
    told = identity(polkit.direct, who, polkit.through)
    for key in ("readonly", "unix_user_id", "unix_group_id"):
        assert told[key] == expected[key]
    assert told["unix_user_id"] == str(people.USERS.get(who, 0))


def test_a_user_does_not_say_that_he_is_another(polkit):
    forge = """
import struct, sys
sys.path.insert(0, sys.argv[2])
import frames
with frames.Connection(sys.argv[1]) as client:
    assert client.call(frames.AUTH_LIST).status == frames.OK
    assert client.call(frames.AUTH_POLKIT).status == frames.OK
    args = frames.optional(frames.string("qemu:///system")) + struct.pack(">I", 0)
    assert client.call(frames.CONNECT_OPEN, args).status == frames.OK
    user = frames.string("unix-user-id") + struct.pack(">IQ", 4, 0)
    print(client.call(frames.SET_IDENTITY, struct.pack(">I", 1) + user + struct.pack(">I", 0)).error())
    assert client.call(frames.GET_VERSION).status == frames.OK
"""
    done = harness.run([*people.as_person("alice"), "/usr/bin/python3", "-c", forge,
                        polkit.through.path, Path(__file__).parent], cwd="/")
    assert done.returncode == 0, done
    assert b"operation forbidden: only root may tell libvirt on whose behalf it calls" in done.stdout


def test_root_speaks_for_others(polkit):
    """As virtproxyd does."""
    with polkit.through.open() as client:
        user = frames.string("unix-user-id") + struct.pack(">IQ", 4, 7001)
        reply = client.call(frames.SET_IDENTITY, struct.pack(">I", 1) + user + struct.pack(">I", 0),
                            serial=2)
        assert reply.status == frames.OK


def test_libvirt_that_wants_sasl_is_said_to(directory, everybody):
    assert everybody
    lines = 'auth_unix_rw = "sasl"\nauth_unix_ro = "none"\n'
    host = second.Host(directory / "sasl", lines, readonly=True)
    front = harness.Virtballoond(directory / "front-sasl", upstream_dir=host.path.parent)
    try:
        result = front.virsh("uri")
        assert result.code == 1
        assert b"libvirt asks virtballoond for SASL authentication, which cannot be passed on" in \
            result.err
        assert front.virsh("uri", readonly=True).code == 0
    finally:
        front.stop()
        host.stop()


def test_without_a_bus_root_is_served_and_others_get_libvirts_words(directory, everybody):
    everybody.stop_bus()
    path = directory / "bus"
    path.mkdir()
    setting = Setting("polkit", path)
    try:
        for who in ("root", "alice"):
            expected = outcome(setting.direct, who, "uri")
            assert expected.code == (who != "root")
            assert outcome(setting.through, who, "uri") == expected
        everybody.start_bus()
        harness.wait_for(lambda: outcome(setting.through, "alice", "uri").code == 0)
    finally:
        setting.stop()
