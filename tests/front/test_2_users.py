"""Who may do what is the same with and without virtballoond, for each way in which libvirt decides
it: what virsh says, and its exit status.

Runs in the container that tests/front/run starts, and nowhere else.
"""

import itertools
import re
from pathlib import Path

import pytest

import front
from container import SERVICE, run, wait_for
from front import RW, UPSTREAM, tool, virsh

RULES = Path("/etc/polkit-1/rules.d/10-test.rules")
SOCKET = Path("/etc/systemd/system/libvirtd.socket.d/mode.conf")
# alice is in group libvirt, which Debian's own rule lets in; carol may look.
USERS = ["root", "alice", "nobody", "carol"]
CAROL = """
polkit.addRule(function(action, subject) {
    if (subject.user == "carol" && action.id.indexOf("org.libvirt.unix.") == 0)
        return action.id == "org.libvirt.unix.monitor" ? polkit.Result.YES : polkit.Result.NO;
});
"""
# With libvirt's own access control everybody may connect: to virtballoond by polkit, because it has
# no other way for everybody. alice may do everything, and carol with one domain.
ACCESS = """
polkit.addRule(function(action, subject) {
    if (action.id.indexOf("org.libvirt.unix.") == 0)
        return polkit.Result.YES;
    if (action.id.indexOf("org.libvirt.api.") != 0)
        return polkit.Result.NOT_HANDLED;
    if (subject.user == "root" || subject.user == "alice")
        return polkit.Result.YES;
    if (subject.user != "carol")
        return polkit.Result.NO;
    if (action.id == "org.libvirt.api.connect.getattr" ||
        action.id == "org.libvirt.api.connect.read" ||
        action.id == "org.libvirt.api.connect.search-domains")
        return polkit.Result.YES;
    return action.lookup("domain_name") == "hers" ? polkit.Result.YES : polkit.Result.NO;
});
"""
# name -> libvirtd.conf, socket unit, virtballoond.conf, polkit's rules
SETTINGS = {
    "polkit": ("", "", "", CAROL),
    "modes": ('auth_unix_rw = "none"\nauth_unix_ro = "none"\n',
              "[Socket]\nSocketMode=0660\nSocketGroup=libvirt\n", "auth=none\n", CAROL),
    "access": ('auth_unix_rw = "none"\nauth_unix_ro = "none"\naccess_drivers = ["polkit"]\n', "",
               "", ACCESS),
}
COMMANDS = ["uri", "list --all --name", "dominfo hers", "dominfo his", "setmem hers 63M --config",
            "setmem his 63M --config", "desc his --new-desc x"]
CELLS = list(itertools.product(SETTINGS, USERS, ["rw", "ro"]))


def outcome(user, kind):
    """What each command says to a user, and its exit status."""
    found = []
    for command in COMMANDS:
        words = ["timeout", "60", "virsh", *(["-r"] if kind == "ro" else []), "-c",
                 "qemu:///system", *command.split()]
        said = run("sh", "-c", '"$@"; echo "exit status $?"', "sh", "runuser", "-u", user, "--",
                   *words)
        # virtballoond adds what it knows, and a process has another number each time.
        said = re.sub(r"(?m)^Messages: .*\n", "", said)
        found.append((command, re.sub(r"\b\d{3,}\b", "N", said)))
    return found


def configure(libvirtd, socket, ours, rules):
    """Puts a setting in force, with virtballoond not in front."""
    tool("front", "disable")
    run("systemctl", "stop", "libvirtd.service", "libvirtd.socket", SERVICE)
    front.LIBVIRTD.write_text(libvirtd)
    front.CONFIG.write_text(f"[virtballoond]\n{ours}")
    RULES.write_text(rules)
    SOCKET.parent.mkdir(exist_ok=True)
    SOCKET.write_text(socket)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "polkit.service")
    run("systemctl", "start", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")


@pytest.fixture(scope="module", autouse=True)
def host():
    """Two domains."""
    kept = {path: path.read_bytes() for path in (front.LIBVIRTD, front.CONFIG)}
    for name in ("hers", "his"):
        front.define(name)
    yield
    configure("", "", "", "")
    for path, text in kept.items():
        path.write_bytes(text)
    RULES.unlink()
    SOCKET.unlink()
    SOCKET.parent.rmdir()
    run("systemctl", "daemon-reload")
    for name in ("hers", "his"):
        virsh("undefine", name)


@pytest.fixture(scope="module")
def outcomes():
    """setting, user, socket -> what came of it directly, and through virtballoond."""
    found = {}
    for name, setting in SETTINGS.items():
        configure(*setting)
        direct = {cell: outcome(*cell) for cell in itertools.product(USERS, ["rw", "ro"])}
        tool("front", "enable")
        for cell, said in direct.items():
            found[name, *cell] = (said, outcome(*cell))
    return found


@pytest.mark.parametrize("cell", CELLS, ids=["-".join(cell) for cell in CELLS])
def test_the_outcome_is_the_same_through_virtballoond(outcomes, cell):
    direct, through = outcomes[cell]
    assert through == direct


def statuses(outcomes, *cell):
    """The exit statuses of the commands in their order, directly."""
    return "".join(said.rsplit(None, 1)[1] for _, said in outcomes[cell][0])


def test_the_table_is_what_libvirt_is_known_to_do(outcomes):
    """So that the outcomes are not equal for want of any difference."""
    table = {cell: statuses(outcomes, *cell) for cell in CELLS}
    read_write, read_only, none = "0000000", "0000111", "1111111"
    for setting in SETTINGS:
        assert table[setting, "root", "rw"] == table[setting, "alice", "rw"] == read_write
        assert table[setting, "root", "ro"] == table[setting, "alice", "ro"] == read_only
    assert table["polkit", "nobody", "rw"] == table["polkit", "carol", "rw"] == none
    assert table["polkit", "nobody", "ro"] == table["polkit", "carol", "ro"] == read_only
    assert table["modes", "nobody", "rw"] == table["modes", "carol", "rw"] == none
    assert table["modes", "nobody", "ro"] == read_only
    # She sees one domain, and changes no other.
    assert table["access", "carol", "rw"] == "0001011"
    assert table["access", "nobody", "rw"] == table["access", "nobody", "ro"] == none


def test_virsh_says_to_nobody_what_libvirt_has_it_say(outcomes):
    assert "authentication unavailable" in outcomes["polkit", "nobody", "rw"][1][0][1]
    assert "org.libvirt.unix.manage" in outcomes["polkit", "nobody", "rw"][1][0][1]


def test_who_may_not_open_a_connection_has_none(outcomes):
    for _, said in outcomes["access", "nobody", "rw"][1]:
        assert said.startswith("error: failed to connect to the hypervisor\nerror: access denied")


RELAY = """
import os, socket, threading
listening = socket.socket(socket.AF_UNIX)
listening.bind("/run/relay-new")
os.chmod("/run/relay-new", 0o666)
listening.listen()
os.rename("/run/relay-new", "/run/relay-sock")
def copy(one, other):
    while data := one.recv(65536):
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)
while True:
    client = listening.accept()[0]
    upstream = socket.socket(socket.AF_UNIX)
    upstream.connect("{}")
    for pair in ((client, upstream), (upstream, client)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


def test_what_a_relay_of_root_gives_to_nobody_virtballoond_does_not():
    """libvirtd takes a relay for root, which is what it runs as."""
    configure(*SETTINGS["polkit"])
    tool("front", "enable")
    run("systemd-run", "--collect", "--unit=relay", "python3", "-c",
        RELAY.format(UPSTREAM / RW.name))
    wait_for(Path("/run/relay-sock").exists)
    try:
        assert "hers" in virsh("list", "--all", user="nobody",
                               uri="qemu:///system?socket=/run/relay-sock")
    finally:
        run("systemctl", "stop", "relay")
    for uri in ("qemu:///system", "qemu:///system?socket=/run/virtballoond/virtballoond-sock"):
        assert "hers" not in virsh("list", "--all", user="nobody", uri=uri, code=1)
