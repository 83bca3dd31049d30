"""The life of the package on a host with systemd, in this order: each test goes on from the last.

Runs in the container that tests/package/run starts, and nowhere else.
"""

import os
import pwd
import signal
from pathlib import Path

import pytest

from container import HERE, SECONDS, SERVICE, SOCKETS, UNITS, active, run, state, wait_for

CONFIG = Path("/etc/virtballoond/virtballoond.conf")
SOCKET = Path("/run/virtballoond/virtballoond-sock")
SOCKET_RO = Path("/run/virtballoond/virtballoond-sock-ro")
USER = "somebody"
OPTED_OUT = """<domain type='qemu'><name>opted-out</name><memory>65536</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<hostdev mode='subsystem' type='mdev' model='vfio-pci' ballooning='on'><source>
<address uuid='4b20d080-1b54-4048-85b3-a6a62d165c01'/></source></hostdev></devices></domain>"""


def virsh(*words, socket=SOCKET, code=0):
    return run("timeout", SECONDS, "virsh", "-c", f"qemu:///system?socket={socket}", *words,
               code=code)


def said():
    run("journalctl", "--sync")
    return run("journalctl", "-u", SERVICE, "-o", "cat")


@pytest.fixture
def drop_in():
    """Changes the service's unit, for one test."""
    path = Path(f"/run/systemd/system/{SERVICE}.d/test.conf")

    def make(lines):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[Service]\n{lines}\n", encoding="ascii")
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", SERVICE)

    yield make
    path.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "reset-failed", SERVICE, code=None)
    run("systemctl", "restart", SERVICE)


def test_installing_the_package_enables_and_starts_nothing():
    run("dpkg", "-i", HERE / "first.deb")
    assert [run("systemctl", "is-enabled", unit, code=1).strip() for unit in SOCKETS] == \
        ["disabled"] * 2
    assert [state(unit) for unit in UNITS] == ["inactive"] * 3
    assert not SOCKET.parent.exists()


def test_the_configuration_comes_without_errors():
    assert run("virtballoond", "--check-config") == f"{CONFIG}: no errors\n"


def test_the_first_client_starts_the_daemon():
    run("systemctl", "enable", "--now", *SOCKETS)
    assert [state(unit) for unit in UNITS] == ["inactive", "active", "active"]
    assert virsh("uri").startswith("qemu:///system?socket=/run/virtballoond/")
    assert active(SERVICE)


def test_a_read_only_client_is_one():
    assert virsh("list", socket=SOCKET_RO)
    assert "read only" in virsh("pool-define-as", "x", "dir", "--target", "/tmp",
                                socket=SOCKET_RO, code=1)


def test_polkit_is_asked_about_users():
    run("useradd", "-m", "-s", "/bin/sh", USER)
    for path, code, said in ((SOCKET, 1, "org.libvirt.unix.manage"), (SOCKET_RO, 0, "qemu:///")):
        assert path.stat().st_mode & 0o777 == 0o666
        assert said in run("runuser", "-u", USER, "--", "virsh", "-c",
                           f"qemu:///system?socket={path}", "uri", code=code)


def test_a_changed_configuration_is_put_in_force_by_a_reload():
    pid = state(SERVICE, "MainPID")
    CONFIG.write_text(CONFIG.read_text() + "default_policy=warn\n")
    run("systemctl", "reload", SERVICE)
    assert "the configuration was read again" in said()
    assert state(SERVICE, "MainPID") == pid


def test_a_wrong_configuration_fails_the_reload_and_nothing_else():
    good = CONFIG.read_text()
    pid = state(SERVICE, "MainPID")
    CONFIG.write_text(good + "defualt_policy=warn\n")
    try:
        run("systemctl", "reload", SERVICE, code=1)
    finally:
        CONFIG.write_text(good)
    assert "did you mean 'default_policy'?" in said()
    assert (state(SERVICE), state(SERVICE, "MainPID")) == ("active", pid)
    assert virsh("uri")


def test_a_client_is_served_at_once_after_the_daemon_was_killed():
    run("systemctl", "kill", "-s", "KILL", "--kill-who=main", SERVICE)
    assert virsh("uri")


def test_the_hardened_daemon_can_ask_qemu():
    path = HERE / "opted-out.xml"
    path.write_text(OPTED_OUT, encoding="ascii")
    virsh("define", path)
    virsh("undefine", "opted-out")
    assert "the capabilities of QEMU" not in said()


def test_what_would_keep_it_from_asking_qemu_shows_in_the_log(drop_in):
    drop_in("MemoryDenyWriteExecute=yes")
    virsh("define", HERE / "opted-out.xml", code=None)
    virsh("undefine", "opted-out", code=None)
    assert "the capabilities of QEMU '/usr/bin/qemu-system-x86_64' are unknown" in said()


def test_a_daemon_that_hangs_is_replaced(drop_in):
    drop_in("WatchdogSec=2")
    pid = state(SERVICE, "MainPID")
    os.kill(int(pid), signal.SIGSTOP)
    wait_for(lambda: state(SERVICE, "MainPID") not in (pid, "0"))
    assert virsh("uri")
    assert "Watchdog timeout" in said()


def test_a_daemon_without_clients_ends_and_the_next_client_starts_it(drop_in):
    drop_in("ExecStart=\nExecStart=/usr/sbin/virtballoond --system --timeout 1")
    assert virsh("uri")
    wait_for(lambda: not active(SERVICE))
    assert (state(SERVICE), state(SERVICE, "Result")) == ("inactive", "success")
    assert virsh("uri")


def test_a_user_has_a_session_daemon_and_libvirtd_outlives_it():
    user = pwd.getpwnam(USER)
    runtime = Path(f"/run/user/{user.pw_uid}")
    as_user = ["runuser", "-u", USER, "--", "env", f"XDG_RUNTIME_DIR={runtime}"]
    run("loginctl", "enable-linger", USER)
    wait_for((runtime / "bus").exists)
    run(*as_user, "systemctl", "--user", "enable", "--now", "virtballoond.socket")
    uri = f"qemu:///session?socket={runtime}/libvirt/virtballoond-sock"
    assert run(*as_user, "virsh", "-c", uri, "list")
    assert run(*as_user, "systemctl", "--user", "is-active", SERVICE).strip() == "active"
    libvirtd = (runtime / "libvirt" / "libvirtd.pid").read_text()
    run(*as_user, "systemctl", "--user", "stop", "virtballoond.socket", SERVICE)
    assert os.path.exists(f"/proc/{int(libvirtd)}")
    run("loginctl", "disable-linger", USER)


def test_an_upgrade_restarts_the_daemon_and_keeps_all_else():
    assert virsh("uri")
    pid, node, config = state(SERVICE, "MainPID"), SOCKET.stat().st_ino, CONFIG.read_text()
    run("dpkg", "-i", HERE / "newer.deb")
    wait_for(lambda: state(SERVICE, "MainPID") not in (pid, "0"))
    assert SOCKET.stat().st_ino == node
    assert CONFIG.read_text() == config
    assert [run("systemctl", "is-enabled", unit).strip() for unit in SOCKETS] == ["enabled"] * 2
    assert virsh("uri")


def test_an_upgrade_does_not_start_what_was_stopped():
    run("systemctl", "stop", *UNITS)
    run("dpkg", "-i", HERE / "newer.deb")
    assert [state(unit) for unit in UNITS] == ["inactive"] * 3


def test_removing_the_package_stops_the_daemon_and_keeps_the_configuration():
    run("systemctl", "start", *SOCKETS)
    assert virsh("uri")
    pid = state(SERVICE, "MainPID")
    run("dpkg", "-r", "virt-balloon")
    assert not os.path.exists(f"/proc/{pid}")
    assert not SOCKET.exists() and not SOCKET_RO.exists()
    assert CONFIG.exists()
    assert run("virsh", "-c", "qemu:///system", "uri").strip() == "qemu:///system"


def test_purging_the_package_leaves_nothing():
    run("dpkg", "-P", "virt-balloon")
    assert run("find", "/etc", "/usr", "/lib", "/var/lib", "/home", "-xdev", "(",
               "-name", "*virtballoon*", "-o", "-name", "*virt-balloon*", ")",
               "-not", "-path", "/home/*/.config/*") == ""
