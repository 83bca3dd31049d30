"""Fixtures for the tests with vfio-user devices, beside those of tests/virsh/environment.py."""

import itertools

import pytest

import attributes
import linux
import newest

# A guest boots in half a minute on a busy machine.
SECONDS = 240


def pytest_configure(config):
    """These tests only make sense with the chroot."""
    del config
    if not newest.CHROOT.exists():
        pytest.exit("run me with: tests/vfio-user/run", returncode=2)


def pytest_collection_modifyitems(items):
    """These tests take longer than those with guests without an operating system."""
    for item in items:
        item.add_marker(pytest.mark.seconds(SECONDS))


@pytest.fixture(scope="session")
def make_server(directory):
    """Starts vfio-user servers, one for each device."""
    servers = []

    def make():
        servers.append(linux.Server(directory / f"vfio-user{len(servers)}"))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def names():
    """A name for each guest."""
    return (f"linux{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def boot(direct, directory, names):
    """Boots guests for a module and returns each when it is ready."""
    guests = []

    def start(**parts):
        guests.append(linux.Guest(direct, directory, next(names), **parts))
        return guests[-1]

    yield start
    for guest in guests:
        guest.destroy()


@pytest.fixture
def domain(direct, directory):
    """A domain for one test, of which libvirtd knows nothing yet."""
    made = attributes.Domain(direct, directory)
    yield made
    made.remove()
