"""virt-balloon reclaim and verify, where a guest does as it is told, or not.

What they do to a real guest's memory is seen in test_inhibitors_*.py and in the nested host.
"""

import json
import os
import re
import signal
import subprocess

import pytest

import fakeqemu
import guests
import harness
import tool

MIB = 1 << 20
VERBS = ["reclaim", "verify"]
VFIO = {("/machine/peripheral", None): [{"name": "gpu", "type": "child<vfio-pci>"}],
        ("/machine/peripheral/gpu", "x-balloon-allowed"): False}


class Balloon(fakeqemu.FakeQemu):
    """A monitor in front of a guest of 256 MiB whose balloon moves, by default at once.

    What it has of the host's memory is that of this process.
    """

    def __init__(self, path, actual=128, speed=256, limits=(0, 256), refuse=False,
                 moved=lambda: None, wanders=False, more=()):
        self.actual, self.speed, self.limits = actual * MIB, speed * MIB, limits
        self.target, self.targets, self.refuse = self.actual, [], refuse
        self.moved, self.wanders = moved, wanders
        super().__init__(path, {"query-memory-size-summary": {"base-memory": 256 * MIB},
                                "query-cpus-fast": [{"thread-id": os.getpid()}]} | dict(more))

    def answer(self, command):
        """Moves when it is asked where it is."""
        name = command["execute"]
        if name == "balloon" and not self.refuse:
            self.target = command["arguments"]["value"]
            self.targets.append(self.target // MIB)
            self.moved()
            return self.line({"return": {}})
        if name == "query-balloon":
            low, high = (limit * MIB for limit in self.limits)
            goal = max(low, min(high, self.target))
            if self.wanders and self.targets:  # about, and comes no nearer than 1 MiB
                goal += MIB if self.actual != goal + MIB else 2 * MIB
            self.actual += max(-self.speed, min(self.speed, goal - self.actual))
            return self.line({"return": {"actual": self.actual}})
        return super().answer(command)


@pytest.fixture
def start(directory):
    """Starts such a guest."""
    path = directory / "fake"
    made = []

    def new(**options):
        made.append(Balloon(path, **options))
        made[-1].path = path
        return made[-1]

    yield new
    for one in made:
        one.close()
    path.unlink(missing_ok=True)


def said_of(guest, *args, code=0):
    """What a verb says of the guest: about success or about what went wrong."""
    done = tool.run("--qmp", guest.path, *args)
    assert done.returncode == code, done
    return (done.stderr if code else done.stdout).decode()


def with_file(path, over, *args):
    """Runs the tool where one file lies over another."""
    return harness.run(["unshare", "-m", "sh", "-ec",
                        'mount --bind "$1" "$2"; shift 2; exec "$@"', "sh", path, over,
                        tool.TOOL, *args])


def with_available(mib, guest):
    """Runs reclaim on a host that has so much memory available."""
    path = guest.path.with_name("meminfo")
    path.write_text(f"MemTotal: 99999999 kB\nMemAvailable: {mib << 10} kB\n")
    return with_file(path, "/proc/meminfo", "--qmp", guest.path, "reclaim")


def test_reclaim_deflates_the_whole_balloon_and_inflates_it_as_it_was(start):
    guest = start()
    assert re.fullmatch("QEMU 'fake': the guest had 128 MiB back and gave it up again: QEMU had "
                        r"\d+ [KM]iB of the host's memory and has \d+ [KM]iB\n",
                        said_of(guest, "reclaim"))
    assert guest.targets == [256, 128]


def test_reclaim_of_a_balloon_that_is_not_inflated_does_nothing(start):
    guest = start(actual=256)
    assert "nothing to reclaim, its balloon is not inflated" in said_of(guest, "reclaim")
    assert guest.targets == []


def test_explain_says_what_there_may_be_to_reclaim(start):
    guest = start(actual=16)
    done = tool.run("--qmp", guest.path, "explain")
    assert re.search(r"Up to \d+ [KM]iB of that was given up while something inhibited, if ever "
                     "something did: 'virt-balloon reclaim' frees it. What QEMU needs for itself "
                     "may be part of it, and stays.",
                     " ".join(done.stdout.decode().split()))
    found = json.loads(tool.run("--qmp", guest.path, "--format=json", "explain").stdout)
    assert 0 < found["unfreed_kib"] == found["resident_kib"] - found["current_kib"]


def test_explain_says_what_an_inhibited_guest_gave_up_for_nothing(start):
    guest = start(actual=16, more=VFIO)
    assert re.search(r"\nUp to \d+ [KM]iB of that the guest has given up for nothing.\n",
                     tool.run("--qmp", guest.path, "explain").stdout.decode())


def test_the_json_of_reclaim(start):
    found = json.loads(said_of(start(), "--format=json", "reclaim"))
    assert found.pop("resident_before_kib") > 0 and found.pop("resident_after_kib") > 0
    assert found == {"name": "fake", "deflated_kib": 128 << 10, "complete": True}


@pytest.mark.parametrize(("available", "targets"), [
    (300, [256, 128]), (128, [192, 256, 128]), (66, [161, 194, 227, 256, 128]),
])
def test_reclaim_never_asks_for_more_than_half_of_what_the_host_has(start, available, targets):
    guest = start()
    assert with_available(available, guest).returncode == 0
    assert guest.targets == targets


def test_reclaim_stops_where_the_host_has_too_little_memory(start):
    guest = start()
    assert tool.complaint(with_available(40, guest), 1) == (
        "QEMU 'fake': the host has no more than 40960 KiB of memory available: 131072 of 131072 "
        "KiB stay as they are")
    assert guest.targets == []


def test_reclaim_of_an_inhibited_guest_says_what_inhibits(start):
    guest = start(more=VFIO)
    assert "cannot reclaim memory of QEMU 'fake': ballooning is still inhibited by assigned PCI " \
        "device 'gpu'" in said_of(guest, "reclaim", code=1)
    assert guest.targets == []


@pytest.mark.parametrize(("verb", "target"), [("reclaim", 256), ("verify", 96)])
def test_a_guest_that_stands_still_is_left_as_it_was(start, verb, target):
    guest = start(limits=(128, 128))
    assert f"has not come nearer to {target << 10} KiB than 131072 KiB for 1 seconds" in \
        said_of(guest, verb, "--timeout", "1", code=1)
    assert guest.targets == [target, 128]


def test_a_guest_that_moves_about_and_comes_no_nearer_is_not_waited_for(start):
    guest = start(wanders=True)
    said = said_of(guest, "verify", "--timeout", "1", code=1)
    assert f"has not come nearer to {96 << 10} KiB than {97 << 10} KiB for 1 seconds" in said
    assert guest.targets == [96, 128]


def test_a_guest_that_stands_still_half_way_gets_its_size_back(start):
    guest = start(limits=(0, 200))
    assert "than 204800 KiB" in said_of(guest, "reclaim", "--timeout", "1", code=1)
    assert (guest.targets, guest.actual) == ([256, 128], 128 * MIB)


def test_a_guest_that_is_slow_is_waited_for(start):
    guest = start(speed=16)
    said_of(guest, "reclaim", "--timeout", "1")
    assert guest.actual == 128 * MIB


@pytest.mark.parametrize("verb", VERBS)
def test_a_balloon_that_qemu_refuses_to_move_exits_with_1(start, verb):
    assert "QEMU refuses to move its balloon" in said_of(start(refuse=True), verb, code=1)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_verb_puts_the_balloon_back(start, verb, number):
    guest = start(speed=8)
    with subprocess.Popen([tool.TOOL, "--qmp", guest.path, verb], stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as process:
        harness.wait_for(lambda: guest.actual != 128 * MIB)
        process.send_signal(number)
        said = process.stderr.read().decode()
    assert process.returncode == 1
    assert "interrupted, the balloon goes back to where it was" in said
    assert (guest.targets[-1], guest.actual) == (128, 128 * MIB)


def test_verify_takes_a_little_and_gives_it_back(start):
    guest = start()
    assert said_of(guest, "verify", code=1) == ""
    assert guest.targets == [96, 128]
    said_of(guest, "verify", "--probe", "16M", code=1)
    assert guest.targets[2:] == [112, 128]


@pytest.mark.parametrize(("resident", "result", "known"), [
    ([300, 268], "works", "works"), ([300, 284], "works", "works"),
    ([300, 285], "unclear", "nothing"), ([300, 310], "unclear", "nothing"),
    ([100, 115], "unclear", "nothing"), ([100, 116], "nothing", "nothing"),
    ([100, 100], "unclear", "nothing"), ([100, 84], "works", "works"),
])
@pytest.mark.parametrize("more", [{}, VFIO], ids=["available", "inhibited"])
def test_verify_concludes_from_what_is_resident(start, directory, resident, result, known, more):
    """Memory that a guest may not have used proves nothing, unless something inhibits."""
    result = known if more else result
    path = directory / "status"
    before, after = (f"Name:\tqemu\nVmRSS:\t{mib << 10} kB\n" for mib in resident)
    path.write_text(before)
    guest = start(moved=lambda: path.write_text(after), more=more)
    done = with_file(path, f"/proc/{os.getpid()}/status", "--format=json", "--qmp", guest.path,
                     "verify")
    assert done.returncode == (result != "works"), done
    found = json.loads(done.stdout)
    assert found == {"name": "fake", "result": result, "probe_kib": 32768,
                     "resident_before_kib": resident[0] << 10,
                     "resident_after_kib": resident[1] << 10}


@pytest.mark.parametrize("size", ["", "-1", "1", "16383", "5X", "64 MiB", "99999999999999999G"])
def test_a_size_that_is_none_exits_with_2(start, size):
    assert f"invalid size '{size}': expected at least 16384 KiB" in \
        said_of(start(), "verify", "--probe", size, code=2)


def test_verify_does_not_take_more_than_half_of_a_guest(start):
    guest = start()
    assert "it has 131072 KiB, and is not made to give up more than half" in \
        said_of(guest, "verify", "--probe=65M", code=1)
    assert guest.targets == []


@pytest.mark.parametrize("verb", VERBS)
def test_wrong_usage_exits_with_2(start, direct, verb):
    guest = start()
    assert "takes no domain" in said_of(guest, verb, "db", code=2)
    assert "invalid timeout '0'" in said_of(guest, verb, "--timeout=0", code=2)
    assert tool.complaint(tool.ask(direct, verb), 2) == f"{verb} needs one domain"
    assert tool.complaint(tool.ask(direct, verb, "a", "b"), 2) == f"{verb} needs one domain"


@pytest.mark.parametrize("verb", VERBS)
def test_a_domain_that_cannot_be_moved_exits_with_1(direct, blocked, verb):
    assert tool.complaint(tool.ask(direct, verb, blocked.name), 1) == \
        f"domain '{blocked.name}' is not running"
    assert tool.complaint(tool.ask(direct, verb, "no-such"), 1) == "there is no domain 'no-such'"


def test_a_guest_without_a_balloon_has_nothing_to_move(direct, start_guest):
    bare = start_guest(devices=guests.NO_BALLOON)
    for verb in VERBS:
        assert tool.complaint(tool.ask(direct, verb, bare.name), 1) == \
            f"domain '{bare.name}' has no balloon device"


def test_a_real_guest_without_a_driver_stands_still(direct, guest):
    said = tool.complaint(tool.ask(direct, "verify", "--timeout=1", guest.name), 1)
    assert "its balloon driver does not answer" in said
