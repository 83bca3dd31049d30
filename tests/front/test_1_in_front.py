"""virtballoond comes in front of libvirt, works there, and goes again: each test goes on from the
last.

Runs in the container that tests/front/run starts, and nowhere else.
"""

import os
import re
import signal
import textwrap
import time
from pathlib import Path

import pytest

import container
import front
from container import HERE, SERVICE, SOCKETS, active, run, state, wait_for
from front import RW, UPSTREAM, remember, status, tool, virsh

DROP_INS = Path("/etc/systemd/system")
BEFORE = {}


def bypasses(code=0):
    """The sockets that lead past virtballoond."""
    return [one["socket"] for one in status(code)["sockets"] if one["bypass"]]


@pytest.fixture
def file():
    """Writes a file, which is as it was after the test."""
    written = []

    def write(path, text):
        path = Path(path)
        written.append((path, path.read_bytes() if path.exists() else None))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    for path, text in reversed(written):
        if text is None:
            path.unlink()
            if not list(path.parent.iterdir()):
                path.parent.rmdir()
        else:
            path.write_bytes(text)
    run("systemctl", "daemon-reload")


def test_installed_it_is_not_in_front():
    run("dpkg", "-i", HERE / "first.deb")
    assert virsh("uri").strip() == "qemu:///system"
    assert (status(1)["front"], status(1)["daemon"]) == (False, "libvirtd")
    assert bypasses(1) == [str(RW), f"{RW}-ro"]


def test_a_guest_runs_that_libvirt_shrinks_for_nothing():
    front.define("guest")
    virsh("start", "guest")
    front.inhibit("guest")
    virsh("setmem", "guest", "63M", "--live")


def test_it_is_put_in_front():
    BEFORE["before"] = remember()
    assert tool("front", "enable") == "virtballoond is in front of libvirtd\n"
    assert status()["front"] is True
    assert bypasses() == []


def test_without_any_option_setmem_goes_through_it():
    assert front.REFUSED in virsh("setmem", "guest", "32M", "--live", code=1)
    line, = front.fields()
    assert front.REFUSED in line["MESSAGE"] and int(line["CLIENT_PID"]) > 1
    assert (line["VERDICT"], line["DOMAIN"], line["CLIENT_UID"], line["INHIBITORS"]) == (
        "refuse", "guest", "0", "vhost-vdpa:ua-vdpa")
    assert line["UUID"] == virsh("domuuid", "guest").strip()


def test_read_only_clients_go_through_it_and_are_read_only():
    assert "guest" in virsh("-r", "list")
    assert "ballooning: inhibited" in virsh("-r", "dominfo", "guest")
    assert "read only" in virsh("-r", "setmem", "guest", "32M", "--live", code=1)


def test_nobody_but_root_comes_to_libvirts_own_socket():
    assert UPSTREAM.stat().st_mode & 0o7777 == 0o700
    socket = f"qemu:///system?socket={UPSTREAM}/{RW.name}"
    assert "Permission denied" in virsh("uri", user="alice", uri=socket, code=1)
    assert virsh("uri", uri=socket)


def test_the_manual_shows_what_status_says():
    manual = (HERE / "virt-balloon.rst").read_text()
    shown = re.search(r"^ +\$ virt-balloon front status\n((?: +\S.*\n)+)", manual, re.MULTILINE)
    assert textwrap.dedent(shown[1]) == tool("front", "status")


def test_to_enable_it_again_changes_nothing():
    pid = state(SERVICE, "MainPID")
    assert tool("front", "enable") == "virtballoond is in front of libvirtd\n"
    assert state(SERVICE, "MainPID") == pid


def test_a_client_is_served_at_once_after_it_was_killed():
    for _ in range(10):
        os.kill(int(state(SERVICE, "MainPID")), signal.SIGKILL)
        begin = time.monotonic()
        virsh("uri")
        assert time.monotonic() - begin < 5
    assert status()["front"] is True


def test_it_stays_without_clients():
    assert "--timeout" not in run("systemctl", "show", "-P", "ExecStart", SERVICE)


def test_a_socket_that_leads_past_it_is_shown():
    run("systemctl", "stop", "libvirtd.service")
    run("systemctl", "start", "libvirtd-tcp.socket", "libvirtd.service")
    assert bypasses() == ["[::]:16509"]
    run("systemctl", "stop", "libvirtd-tcp.socket")
    assert bypasses() == ["[::]:16509"], "libvirtd still has it"
    run("systemctl", "restart", "libvirtd.service")
    assert bypasses() == []


def test_a_monitor_of_its_own_that_a_guest_has_is_shown():
    qemu = run("sh", "-c", "qemu-system-x86_64 -display none -S -qmp unix:/run/m,server=on,"
               "wait=off >/dev/null 2>&1 & echo $!").strip()
    wait_for(Path("/run/m").exists)
    shown = [one for one in status()["sockets"] if one["bypass"]]
    os.kill(int(qemu), signal.SIGKILL)
    assert [(one["socket"], one["of"]) for one in shown] == \
        [("unix:/run/m,server=on,wait=off", f"qemu-system-x86 ({qemu})")]


def test_a_second_libvirtd_is_shown():
    other = Path("/run/other")
    other.mkdir()
    (other / "conf").write_text(f'unix_sock_dir = "{other}"\n')
    run("systemctl", "stop", "libvirtd.service")
    run("systemd-run", "--unit=other", "libvirtd", "-f", other / "conf", "-p", other / "pid")
    try:
        wait_for(lambda: bypasses() == [f"{other}/libvirt-sock", f"{other}/libvirt-sock-ro"])
    finally:
        run("systemctl", "stop", "other")


def test_an_upgrade_leaves_it_in_front():
    pid = state(SERVICE, "MainPID")
    run("dpkg", "-i", HERE / "newer.deb")
    wait_for(lambda: state(SERVICE, "MainPID") not in (pid, "0"))
    assert status()["front"] is True
    assert front.REFUSED in virsh("setmem", "guest", "32M", "--live", code=1)
    run("dpkg", "-i", HERE / "first.deb")


def test_to_take_it_away_leaves_the_host_exactly_as_before():
    assert tool("front", "disable") == "virtballoond is not in front of libvirtd\n"
    assert remember() ^ BEFORE["before"] == set()
    virsh("setmem", "guest", "62M", "--live")


def test_to_take_it_away_again_changes_nothing():
    assert tool("front", "disable") == "virtballoond is not in front of libvirtd\n"
    assert remember() ^ BEFORE["before"] == set()


def test_where_it_cannot_start_libvirt_is_put_back(file):
    file(front.CONFIG, "[virtballoond]\nno_such_key=1\n")
    before = remember()
    said = tool("front", "enable", code=1)
    assert "virtballoond.service failed" in said
    assert "not put in front of libvirtd: everything is as it was" in said
    assert remember() ^ before == set()
    assert virsh("uri")


def test_where_other_settings_keep_the_old_path_libvirt_is_put_back(file):
    file(DROP_INS / "libvirtd.socket.d/zzz.conf", f"[Socket]\nListenStream={RW}\n")
    run("systemctl", "daemon-reload")
    before = remember()
    assert "is not virtballoond's: other settings" in tool("front", "enable", code=1)
    assert remember() ^ before == set()


def test_where_libvirt_does_not_answer_before_nothing_is_done(file):
    file(front.LIBVIRTD, front.LIBVIRTD.read_text() + "no_such_key = 1\n")
    run("systemctl", "stop", "libvirtd.service")
    files = front.files()
    assert "nothing was changed" in tool("front", "enable", code=3)
    assert front.files() == files
    run("systemctl", "stop", "libvirtd.service")
    run("systemctl", "reset-failed", *(f"libvirtd{unit}" for unit in (
        ".service", ".socket", "-ro.socket", "-admin.socket")), code=None)


def test_what_libvirts_socket_lets_in_virtballoonds_does(file):
    run("systemctl", "stop", "libvirtd.service", "libvirtd.socket")
    file(DROP_INS / "libvirtd.socket.d/mode.conf",
         "[Socket]\nSocketMode=0660\nSocketGroup=libvirt\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")
    before = remember()
    tool("front", "enable")
    try:
        assert (RW.stat().st_mode & 0o777, RW.group()) == (0o660, "libvirt")
        tool("front", "enable")
        assert (RW.stat().st_mode & 0o777, RW.group()) == (0o660, "libvirt")
    finally:
        tool("front", "disable")
    assert remember() ^ before == set()
    run("systemctl", "stop", "libvirtd.service", "libvirtd.socket")


def test_where_libvirtd_makes_its_sockets_itself_nothing_is_done():
    run("systemctl", "stop", "libvirtd.service", "libvirtd.socket")
    run("systemctl", "mask", "--runtime", "libvirtd.socket", "libvirtd-ro.socket",
        "libvirtd-admin.socket")
    run("systemctl", "start", "libvirtd.service")
    assert virsh("uri")
    assert "systemd holds no socket of libvirt's" in tool("front", "enable", code=3)
    owners = [one["of"].split()[0] for one in status(1)["sockets"] if one["bypass"]]
    assert owners == ["libvirtd"] * 2
    run("systemctl", "stop", "libvirtd.service")
    run("systemctl", "unmask", "--runtime", "libvirtd.socket", "libvirtd-ro.socket",
        "libvirtd-admin.socket")
    run("systemctl", "start", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")


def test_sockets_that_were_enabled_beside_it_come_back():
    run("systemctl", "enable", "--now", *SOCKETS)
    before = remember()
    tool("front", "enable")
    beside = "qemu:///system?socket=/run/virtballoond/virtballoond-sock"
    assert "domstats" in virsh("help", "domstats", uri=beside)
    tool("front", "disable")
    assert remember() ^ before == set()
    run("systemctl", "disable", "--now", *SOCKETS)
    Path("/run/virtballoond").rmdir()


def test_without_systemd_the_links_are_removed_for_its_next_start():
    before = remember()
    tool("front", "enable")
    run("unshare", "--mount", "sh", "-ec",
        "mount -t tmpfs none /run; virt-balloon front enable; exit $?", code=3)
    run("unshare", "--mount", "sh", "-ec", "mount -t tmpfs none /run; virt-balloon front disable")
    assert "virt-balloon" not in "".join(front.files())
    tool("front", "disable")
    assert remember() ^ before == set()


def test_links_to_nothing_do_not_count():
    tool("front", "enable")
    place = Path("/usr/share/virt-balloon/front")
    place.rename("/usr/share/virt-balloon/gone")
    try:
        run("systemctl", "stop", "libvirtd.service", "libvirtd.socket", *container.UNITS)
        run("systemctl", "daemon-reload")
        run("systemctl", "start", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")
        assert virsh("uri") and not active(SERVICE)
        assert status(1)["front"] is False
    finally:
        Path("/usr/share/virt-balloon/gone").rename(place)
    tool("front", "enable")
    assert status()["front"] is True
    tool("front", "disable")


def block(words):
    """The commands behind some words of the page about deployment."""
    text = (HERE / "deployment.rst").read_text().split(words)[1].split("::\n\n")[1]
    return textwrap.dedent(re.match(r"( +).*\n(?:\1.*\n|\n)*", text)[0])


def test_by_hand_it_is_the_same():
    before = remember()
    run("sh", "-ec", block("The same by hand"))
    assert status()["front"] is True
    assert "virtballoond is in front" in tool("front", "enable")
    tool("front", "disable")
    assert remember() ^ before == set()


def test_without_systemds_sockets_links_take_their_place(file):
    run("systemctl", "stop", "libvirtd.service", "libvirtd.socket")
    Path(f"{RW}-ro").unlink()  # which systemd leaves
    file(front.LIBVIRTD, "")
    script = block("A container, such as").replace("libvirtd --daemon", "libvirtd &").replace(
        "ln -s", "sleep 2; ln -s", 1) + "wait"
    run("systemd-run", "--collect", "--unit=launcher", "sh", "-ec", script)
    wait_for(Path(f"{RW}-ro").exists)
    assert "balloon.policy=block" in virsh("domstats", "--balloon", "guest")
    assert "balloon.policy=block" in virsh("-r", "domstats", "--balloon", "guest")
    run("systemctl", "stop", "launcher")
    for path in (RW, f"{RW}-ro"):
        Path(path).unlink()
    UPSTREAM.rmdir()
    run("systemctl", "start", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")


def test_a_modular_daemon_is_put_behind_it():
    front.destroy("guest")
    run("systemctl", "stop", "libvirtd.service", "libvirtd.socket")
    run("systemctl", "start", "virtqemud.socket", "virtqemud-ro.socket", "virtqemud-admin.socket")
    assert virsh("uri", uri="qemu:///system?mode=direct")
    assert tool("front", "enable") == "virtballoond is in front of virtqemud\n"
    assert bypasses() == []
    virsh("start", "guest")
    assert "balloon.policy=block" in virsh("domstats", "guest", "--balloon")
    assert "balloon.policy=block" in virsh("-r", "domstats", "guest", "--balloon",
                                             uri="qemu:///system?mode=direct")
    front.destroy("guest")


def test_a_modular_daemon_is_itself_again():
    assert tool("front", "disable") == "virtballoond is not in front of virtqemud\n"
    assert "balloon.policy" not in virsh("domstats", "guest", "--balloon")
    assert not active("virtballoond.socket") and not UPSTREAM.exists()
    run("systemctl", "stop", "virtqemud.service", "virtqemud.socket")
    run("systemctl", "start", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")
    assert virsh("uri")


def test_without_the_package_there_is_libvirt():
    virsh("start", "guest")
    tool("front", "enable")
    run("dpkg", "-r", "virt-balloon")
    assert virsh("uri").strip() == "qemu:///system"
    assert "running" in virsh("domstate", "guest")
    assert not UPSTREAM.exists()
    run("dpkg", "-P", "virt-balloon")
    assert "virt-balloon" not in "".join(front.files())
    front.destroy("guest")
    run("dpkg", "-i", HERE / "first.deb")
