"""virt-balloon --qmp: a QEMU that libvirt does not run, and monitors that do not answer."""

import contextlib
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

import fakeqemu
import harness
import tool

QEMU = ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-nodefaults", "-display", "none", "-S"]
UUID = fakeqemu.UUID
VFIO = {"name": "gpu0", "type": "child<vfio-pci>"}
SYSFSDEV = "/sys/bus/mdev/devices/c2177883-f1bb-47f0-914d-32a22e3a8804"


@pytest.fixture
def start_qemu(directory):
    """Starts a QEMU of our own with a monitor, and gives the monitor's path."""
    path = directory / "monitor"
    processes = []

    def start(*args):
        processes.append(harness.Process(
            [*QEMU, "-qmp", f"unix:{path},server=on,wait=off", *args],
            harness.RESULTS / "qemu.log"))
        harness.wait_for(lambda: harness.Server(path).listens())
        start.pid = processes[-1].pid
        return path

    yield start
    for process in processes:
        process.stop(signal.SIGKILL)
    path.unlink(missing_ok=True)


@pytest.fixture
def fake(directory):
    """Makes such a monitor; gives its path."""
    path = directory / "fake"
    made = []

    def make(answers=(), **options):
        made.append(fakeqemu.FakeQemu(path, dict(answers), **options))
        make.asked = made[-1].asked
        return path

    yield make
    for one in made:
        one.close()
    path.unlink(missing_ok=True)


def explain(path):
    """The JSON of explain."""
    return tool.json_of(tool.run("--format=json", "--qmp", path, "explain"))


def unreachable(path, *args):
    """What is said of a monitor that cannot be asked, which must not take 5 s."""
    began = time.monotonic()
    said = tool.complaint(tool.run("--qmp", path, *(args or ["explain"])), 3)
    assert time.monotonic() - began < 5
    assert said.startswith(f"cannot ask QEMU at '{path}': ")
    return said


def test_a_qemu_is_asked_what_it_is(start_qemu):
    path = start_qemu("-m", "96", "-device", "virtio-balloon", "-name", "alone", "-uuid", UUID)
    expected = {"name": "alone", "uuid": UUID, "running": True, "current_kib": 98304,
                "maximum_kib": 98304, "unfreed_kib": 0, "state": "available", "inhibitors": [],
                "error": None}
    found = explain(path)
    assert found.pop("resident_kib") > 10000
    assert found == expected
    (found,) = tool.json_of(tool.run("status", "--qmp", path, "--format=json"))
    assert found.pop("resident_kib") > 10000
    assert found == expected


def test_the_table_and_the_story_have_no_policy(start_qemu):
    path = start_qemu("-m", "96", "-device", "virtio-balloon", "-name", "alone")
    row = tool.rows(tool.text_of(tool.run("--qmp", path, "status")))["alone"]
    assert re.fullmatch("96 MiB +96 MiB +[0-9]+ [KM]iB +- +available +", row)
    story = tool.text_of(tool.run("--qmp", path, "explain"))
    assert re.fullmatch("QEMU 'alone', running: available\nballooning works: what the guest gives "
                        "up, the host gets\n\nThe balloon leaves the guest 96 MiB of 96 MiB.\n"
                        "QEMU has [0-9]+ [KM]iB of the host's memory.\n", story)


@pytest.mark.parametrize("answer", [None, [], [1], [{"thread-id": 1}], [{"thread-id": -1}]])
def test_what_is_resident_is_not_asked_of_a_process_that_is_not_qemu(fake, answer):
    assert explain(fake({"query-cpus-fast": answer}))["resident_kib"] is None


def test_without_a_balloon_there_is_none(start_qemu):
    found = explain(start_qemu("-m", "64"))
    assert (found["state"], found["name"]) == ("none", "qemu")


def test_the_balloon_spans_dimms_and_not_virtio_mem(start_qemu):
    path = start_qemu("-m", "64,slots=2,maxmem=1G", "-device", "virtio-balloon",
                      "-object", "memory-backend-ram,id=m0,size=128M",
                      "-device", "pc-dimm,memdev=m0",
                      "-object", "memory-backend-ram,id=m1,size=256M",
                      "-device", "virtio-mem-pci,memdev=m1,requested-size=0")
    assert explain(path)["maximum_kib"] == 192 << 10


def test_a_monitor_is_free_again_afterwards(start_qemu):
    path = start_qemu("-m", "64")
    assert all(explain(path) for _ in range(5))


def test_a_monitor_that_somebody_holds_exits_with_3_and_says_so(start_qemu):
    path = start_qemu("-m", "64")
    with socket.socket(socket.AF_UNIX) as holder, contextlib.ExitStack() as stack:
        holder.connect(str(path))
        assert b"QMP" in holder.recv(4096)
        assert "the monitor is held by somebody else" in unreachable(path)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(path))
        assert "the monitor is held by somebody else, and others wait" in unreachable(path)


def test_a_monitor_that_libvirt_holds_exits_with_3_and_says_so(guest):
    (path,) = Path("/var/lib/libvirt/qemu").glob(f"domain-*-{guest.name}/monitor.sock")
    for verb in ("status", "explain"):
        assert "the monitor is held by somebody else, such as libvirt" in unreachable(path, verb)


def test_a_qemu_that_has_stopped_exits_with_3(start_qemu):
    path = start_qemu("-m", "64")
    os.kill(start_qemu.pid, signal.SIGSTOP)
    assert "or QEMU has stopped" in unreachable(path)


def test_a_path_that_is_no_monitor_exits_with_3(directory):
    assert "No such file" in unreachable(directory / "absent")
    assert "File name too long" in unreachable("/" + "x" * 200)
    assert "refused" in unreachable(tool.__file__)


def test_devices_are_found_and_opt_outs_confirmed(fake):
    path = fake({("/machine/peripheral", None): [VFIO, VFIO | {"name": "gpu1"}],
                 ("/machine/peripheral/gpu0", "x-balloon-allowed"): True,
                 ("/machine/peripheral/gpu1", "x-balloon-allowed"): False,
                 ("/machine/peripheral/gpu1", "sysfsdev"): SYSFSDEV})
    found = explain(path)
    assert found["state"] == "inhibited"
    assert (found["current_kib"], found["maximum_kib"]) == (1 << 19, 1 << 20)
    assert found["inhibitors"] == [
        {"kind": "vfio-mdev", "device": "gpu1", "address": os.path.basename(SYSFSDEV),
         "passing": False, "evidence": ["qmp"],
         "question": "qom-get /machine/peripheral/gpu1 x-balloon-allowed",
         "answer": '{"return": false}'}]
    text = tool.text_of(tool.run("--qmp", path, "explain"))
    assert ("      QEMU was asked: qom-get /machine/peripheral/gpu1 x-balloon-allowed\n"
            '      and answered:   {"return": false}\n') in text
    assert "The balloon leaves the guest 512 MiB of 1024 MiB.\nIt has given up 512 MiB" in text
    assert "unplug what inhibits (device_del)" in text


def test_a_device_that_cannot_be_opted_out_is_shown_by_its_type(fake):
    path = fake({("/machine/peripheral", None): [{"name": "vu0", "type": "child<vfio-user-pci>"}]})
    (found,) = explain(path)["inhibitors"]
    assert (found["question"], found["answer"]) == \
        ("qom-list /machine/peripheral", "vu0: child<vfio-user-pci>")


def test_only_questions_are_asked(fake):
    explain(fake())
    assert fake.asked[0] == {"execute": "qmp_capabilities"}
    for command in fake.asked[1:]:
        name = command["execute"]
        assert name.startswith("query-") or name in ("qom-list", "qom-get") or \
            command["arguments"]["command-line"].startswith("info "), command


def test_a_hostile_qemu_is_harmless(fake):
    path = fake({"query-name": {"name": "\u009b31m\x1b[31m"},
                 ("/machine/peripheral", None): [VFIO | {"name": "\x1b]0;"}]})
    for args in (["status"], ["explain"], ["--format=json", "explain"]):
        text = tool.text_of(tool.run("--qmp", path, *args))
        assert all(char == "\n" or char.isprintable() for char in text)
    assert explain(path)["name"] == "\u009b31m\x1b[31m"


@pytest.mark.parametrize("greeting", [b"220 mail\r\n", b"{}\n", b"\xff\xff\n", b"\n",
                                      b'{"QMP": {}', pytest.param(b"[" * 300000, id="deep"),
                                      pytest.param(b"x" * 300000, id="long")])
def test_a_greeting_that_is_not_qemus_exits_with_3(fake, greeting):
    assert unreachable(fake(greeting=greeting))


@pytest.mark.parametrize(("command", "answer"), [
    ("qmp_capabilities", None), ("query-balloon", b"nonsense\n"), ("query-balloon", b"{}\n"),
    ("query-balloon", {"actual": -1}), ("query-balloon", {"actual": 1 << 40}),
    ("query-balloon", []), ("query-memory-size-summary", {}), ("query-memory-size-summary", None),
    ("query-memory-devices", [1]), ("query-memory-devices", [{"type": "dimm"}]),
    ("query-memory-devices", [{"type": "dimm", "data": {"size": (1 << 63) - 1}}]),
    ("query-name", b""), (("/machine/peripheral", None), b""),
    pytest.param("query-uuid", b'{"event": "RESUME"}\n' * 5000, id="events"),
    pytest.param("query-name", b"x" * 400000, id="long"),
])
def test_an_answer_that_cannot_be_read_exits_with_3(fake, command, answer):
    assert unreachable(fake({command: answer}))


def test_an_answer_of_the_policys_that_cannot_be_read_exits_with_1(fake):
    path = fake({("/machine/peripheral", None): b"nonsense\n"})
    assert tool.complaint(tool.run("--qmp", path, "explain"), 1)
    found = tool.json_of(tool.run("--format=json", "--qmp", path, "explain"), 1)
    assert found["state"] == "unknown" and found["error"]


def test_events_are_passed_over(fake):
    answer = b'{"event": "RESUME"}\n{"return": {"actual": 1048576}}\n'
    assert explain(fake({"query-balloon": answer}))["current_kib"] == 1024
