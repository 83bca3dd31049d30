"""Fixtures: the private libvirtd, the daemons in front of it, guests, and pairs to compare."""

import itertools
import os
import shutil
import signal
from pathlib import Path

import pytest

import commands
import guests
import harness
import recorder
import second as second_host

SELF_CHECK = "VB_SELF_CHECK" in os.environ
NOBODY = 65534


def pytest_configure(config):
    """Says once what is missing."""
    config.addinivalue_line("markers", "seconds(n): how long a test may take, if not five minutes")
    if not SELF_CHECK and not harness.DAEMON.exists():
        pytest.exit(f"{harness.DAEMON} is not there: meson compile -C build", returncode=2)


@pytest.fixture(autouse=True)
def deadline(request):
    """No test waits for ever."""
    marker = request.node.get_closest_marker("seconds")
    seconds = marker.args[0] if marker else 300

    def expired(*_):
        raise TimeoutError(f"the test took more than {seconds} seconds")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def directory():
    """For temporary files, with a short path: a socket's address has 107 characters.

    /run is a tmpfs of the run's own namespace, so it goes by itself.
    """
    path = Path("/run/vb")
    path.mkdir(mode=0o755)
    return path


@pytest.fixture(scope="session")
def direct():
    """The private libvirtd."""
    libvirtd = harness.Libvirtd()
    yield libvirtd
    libvirtd.stop()


@pytest.fixture(scope="session")
def virtballoond(direct, directory):
    """The virtballoond that most tests share."""
    if SELF_CHECK:
        pytest.skip("needs virtballoond")
    daemon = harness.Virtballoond(directory / "system", "auth=none\n")
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def through(request):
    """What is compared with direct: virtballoond, or libvirtd again under VB_SELF_CHECK."""
    return request.getfixturevalue("direct" if SELF_CHECK else "virtballoond")


@pytest.fixture
def start_virtballoond(direct, directory):
    """Starts more daemons, with another configuration or another upstream directory."""
    if SELF_CHECK:
        pytest.skip("needs virtballoond")
    daemons = []

    def start(config="auth=none\n", **options):
        path = directory / f"system{len(daemons) + 2}"
        daemons.append(harness.Virtballoond(path, config, **options))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()
        shutil.rmtree(daemon.path.parent)


@pytest.fixture
def recorded(direct, start_virtballoond, directory):
    """A virtballoond, and a recorder of all that it says to libvirtd and hears from it."""
    path = directory / "recorded"
    path.mkdir()
    behind = recorder.Recorder(path / "libvirt-sock", direct.path)
    yield start_virtballoond(upstream_dir=path), behind
    behind.close()
    path.rmdir()


@pytest.fixture(scope="session")
def second(direct, directory):
    """The libvirtd of another host."""
    assert direct.listens()  # which asks QEMU what it can, for both
    host = second_host.Host(directory / "second")
    yield host
    host.stop()


@pytest.fixture(scope="session")
def before_second(second, directory):
    """A virtballoond in front of the other host's libvirtd."""
    if SELF_CHECK:
        pytest.skip("needs virtballoond")
    daemon = harness.Virtballoond(directory / "before-second", "auth=none\n",
                                  upstream_dir=second.path.parent)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def session(directory):
    """An ordinary user's virtballoond --session."""
    if SELF_CHECK:
        pytest.skip("needs virtballoond")
    daemon = harness.Session(directory / "session", NOBODY)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def start_guest(direct, directory):
    """Defines guests with names and UUIDs of their own, and starts them unless told otherwise."""
    numbers = itertools.count(1)
    return lambda **options: guests.Guest(direct, directory, next(numbers), **options)


@pytest.fixture(scope="module")
def guest(start_guest):
    """A guest that the tests of a module share and leave as it was."""
    return start_guest()


@pytest.fixture(scope="session")
def equipped(start_guest, directory):
    """A guest with devices of many kinds, that tests leave as it was."""
    made = harness.run(["qemu-img", "create", "-f", "qcow2", directory / "disk.qcow2", "1M"])
    assert made.returncode == 0, made
    (directory / "disk.iso").write_bytes(bytes(1 << 20))
    return start_guest(devices=guests.BALLOON + guests.DEVICES.format(directory=directory),
                       extra=guests.CPUS)


@pytest.fixture(scope="session")
def blocked(start_guest):
    """An inactive guest with a mediated device, that asks for policy 'block' itself."""
    return start_guest(devices=guests.BALLOON + guests.MDEV, extra=guests.policy("block"),
                       start=False)


@pytest.fixture
def same(direct, through):
    """Runs a virsh command directly and through, asserts no difference, returns the result."""
    def compare(*args, **options):
        expected = direct.virsh(*args, **options)
        assert through.virsh(*args, **options) == expected
        return expected

    return compare


@pytest.fixture
def run_same(same, directory):
    """Runs a line of a file of commands on both sides, and asserts that it ends as it is marked."""
    def compare(command, driver, guest=""):
        line = command.removeprefix("! ")
        for word, value in (("guest", guest), ("data", commands.DATA), ("tmp", directory)):
            line = line.replace(f"{{{word}}}", str(value))
        result = same(line, driver=driver)
        assert result.code == command.startswith("! "), result

    return compare
