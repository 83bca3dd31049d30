"""virt-balloon's exit statuses; its output is whole, or not there, and harms no terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

import attributes
import guests
import harness
import tool

HOSTILE = "\u009b31mevil\u007f\u202e\u2028x"
NOWHERE = "qemu+unix:///system?socket=/run/no/socket"


@pytest.fixture
def hostile(direct):
    """A defined domain whose name and devices' names a terminal would obey, or make a mess of."""
    alias = "ua-" + "-" * 200
    devices = guests.BALLOON + guests.PCI.replace("ua-nic", alias)
    with attributes.opened(direct) as connection:
        defined = connection.defineXML(tool.definition(HOSTILE, devices))
        yield HOSTILE
        defined.undefine()


@pytest.fixture
def many(direct):
    """So many domains that their JSON is larger than a pipe; gives the command."""
    with attributes.opened(direct) as connection:
        defined = []
        for number in range(300):
            text = tool.definition(f"pipe{number}", guests.BALLOON + guests.PCI)
            defined.append(connection.defineXML(
                text.replace("00000000-0000-4000-a000-000000000001",
                             f"00000000-0000-4000-a002-{number:012}")))
        yield [str(tool.TOOL), "-c", direct.uri(), "--format", "json", "status", "--all"]
        for one in defined:
            one.undefine()


@pytest.mark.parametrize("args", [
    [], ["no-such-verb"], ["--no-such-option"], ["--format", "yaml", "status"], ["--format"],
    ["explain"], ["explain", "a", "b"], ["check"], ["check", "a", "b"], ["status", "--no-such"],
    ["-c", "qemu:///system", "--qmp", "/run/socket", "status"], ["--qmp", "/run/s", "check", "-"],
    ["--qmp", "/run/s", "status", "a"], ["--qmp", "/run/s", "status", "--all"],
    ["--qmp", "/run/s", "explain", "a"], ["--qmp", "/run/s", "explain", "--no-ask"],
    ["front"], ["front", "on"], ["front", "enable", "now"], ["front", "--all"],
    ["--qmp", "/run/s", "front", "status"], ["-c", "qemu:///system", "front", "status"],
])
def test_wrong_usage_exits_with_2(args):
    assert tool.complaint(tool.run(*args), 2)


@pytest.mark.parametrize("args", [["status"], ["status", "--ask"], ["explain", "a"],
                                  ["--format", "json", "status", "--all"]])
def test_without_libvirt_it_exits_with_3(args):
    assert tool.complaint(tool.run("-c", NOWHERE, *args), 3).startswith(
        "cannot connect to libvirt: ")


@pytest.mark.parametrize("word", ["enable", "status"])
def test_without_systemd_there_is_no_front(word):
    assert tool.complaint(tool.run("front", word), 3).startswith("systemd does not run here")


@pytest.mark.parametrize("word", ["enable", "disable"])
def test_only_root_changes_what_is_in_front(word):
    done = harness.run(["setpriv", "--reuid=65534", "--clear-groups", tool.TOOL, "front", word])
    assert tool.complaint(done, 1) == f"only root can {word} it"


def test_a_driver_without_qemu_guests_exits_with_3(direct):
    for args in (["status"], ["explain", "test"]):
        done = tool.run("-c", direct.uri("test"), *args)
        assert tool.complaint(done, 3) == "libvirt's driver 'TEST' has no QEMU guests"


def test_help_and_version_exit_with_0():
    text = tool.text_of(tool.run("--help"))
    for word in ("--connect", "--qmp", "--format", "status", "explain", "check"):
        assert word in text
    assert re.fullmatch(r"virt-balloon \d+\.\d+\.\d+\n", tool.text_of(tool.run("--version")))


@pytest.mark.parametrize("args", [["status", "--all"], ["explain", HOSTILE], ["status", HOSTILE]])
def test_a_hostile_name_is_harmless_in_a_table(direct, hostile, args):
    text = tool.text_of(tool.ask(direct, *args))
    assert "?31mevil???x" in text
    assert all(char == "\n" or char.isprintable() for char in text)


def test_a_hostile_name_is_harmless_and_exact_in_json(direct, hostile):
    text = tool.text_of(tool.ask(direct, "--format=json", "explain", hostile))
    assert json.loads(text)["name"] == hostile
    assert all(char == "\n" or char.isprintable() for char in text)


@pytest.mark.parametrize("name", [b"\x1b[31mno", HOSTILE.encode(), b"\xff\xfe\n", b"a\rb"])
def test_a_hostile_argument_is_harmless_in_messages(direct, name):
    done = tool.ask(direct, "status", name.decode(errors="surrogateescape"))
    said = tool.complaint(done, 1)
    assert all(char.isprintable() or char == "\ufffd" for char in said)


def test_a_checked_name_is_harmless(directory):
    path = directory / "hostile.xml"
    path.write_text(tool.definition(HOSTILE))
    text = tool.text_of(tool.run("check", path))
    assert text == "domain '?31mevil???x': ballooning will work\n"


def test_a_hostile_value_is_harmless_in_what_is_wrong_with_it(directory):
    path = directory / "hostile.xml"
    path.write_text(tool.definition("checked", attributes.balloon("\u009b31m\u202e")))
    text = tool.text_of(tool.run("check", path), 1)
    assert "invalid value '" in text and all(char == "\n" or char.isprintable() for char in text)


def test_colours_are_for_terminals_alone(direct, guest, blocked):
    leader, follower = pty.openpty()
    argv = [tool.TOOL, "-c", direct.uri(), "status", guest.name, blocked.name]
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        subprocess.run(argv, stdout=follower, check=True, timeout=60, env=environment | extra)
        seen = os.read(leader, 65536)
        assert (b"\033[32mavailable\033[0m" in seen and b"\033[31minhibited\033[0m" in seen) == \
            coloured
        assert (b"\033" in seen) == coloured
    os.close(leader)
    os.close(follower)
    assert b"\033" not in tool.ask(direct, "status", guest.name).stdout


@pytest.mark.parametrize("args", [["status", "--all"], ["--format=json", "status", "--all"],
                                  ["explain", "{name}"], ["--format=json", "explain", "{name}"],
                                  ["check", "{file}"], ["--format=json", "check", "{file}"],
                                  ["--help"], ["--version"]])
def test_output_that_nobody_takes_exits_with_1(direct, blocked, directory, args):
    path = directory / "taken.xml"
    path.write_text(tool.definition("taken"))
    argv = [str(tool.TOOL), "-c", direct.uri(),
            *(word.format(name=blocked.name, file=path) for word in args)]
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "wb") as full:
        for out, reason in ((writer, "Broken pipe"), (full, "No space left on device")):
            done = subprocess.run(argv, stdout=out, stderr=subprocess.PIPE, timeout=60, check=False)
            assert (done.returncode, done.stderr.decode()) == \
                (1, f"virt-balloon: cannot write: {reason}\n")
    os.close(writer)


def test_closed_standard_output_exits_with_1_and_is_not_taken_for_libvirts(direct, guest):
    for verb in ("status", "explain", "metrics"):
        argument = "" if verb == "metrics" else guest.name
        command = f"exec {tool.TOOL} -c '{direct.uri()}' {verb} {argument} >&-"
        done = harness.run(["sh", "-c", command])
        assert tool.complaint(done, 1) == "cannot write: Bad file descriptor"
    done = harness.run(["sh", "-c", f"exec {tool.TOOL} -c '{direct.uri()}' status <&- >&- 2>&-"])
    assert done.returncode == 1


def test_an_interrupt_leaves_no_half_printed_json(many):
    """At fifty moments between the start and twice the time to the first byte; then after that."""
    outcomes = []
    wait = 60
    for step in range(-1, 51):
        with subprocess.Popen(many, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
            if step in (-1, 50):
                began = time.monotonic()
                assert select.select([process.stdout], [], [], 60)[0]
                wait = (time.monotonic() - began) / 25
            else:
                time.sleep(step * wait)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
            if out:
                assert len(json.loads(out)) >= 300 and process.returncode == 0
            else:
                assert process.returncode == -signal.SIGINT
            outcomes.append(bool(out))
    print(f"\nof {len(outcomes)} interrupted runs {sum(outcomes)} had begun to print")
    assert outcomes[0] and not outcomes[1] and outcomes[-1]


def test_a_reader_that_goes_while_json_is_printed_exits_with_1(many):
    with subprocess.Popen(many, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        assert process.stdout.read(100).startswith(b"[")
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b"virt-balloon: cannot write: Broken pipe\n"


def test_a_libvirtd_that_goes_meanwhile_exits_with_3(start_virtballoond, start_guest):
    stopped = start_guest()
    daemon = start_virtballoond()
    os.kill(stopped.pid(), signal.SIGSTOP)
    try:
        with subprocess.Popen([tool.TOOL, "-c", daemon.uri(), "status", "--ask", stopped.name],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            harness.wait_for(lambda: daemon.process.fds() > 8)
            time.sleep(1)
            daemon.stop()
            out, err = process.communicate(timeout=60)
    finally:
        os.kill(stopped.pid(), signal.SIGCONT)
    assert (process.returncode, out) == (3, b""), err
    assert b"closed the connection" in err
