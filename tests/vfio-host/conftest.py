"""Fixtures for the tests of the nested VFIO host. Starting a guest costs seconds there, so guests
that many tests look at are started once."""

import itertools
import os

import host
import libvirt
import pytest


def pytest_configure(config):
    """These tests only make sense inside the nested host."""
    del config
    if "VFIO_HOST_WORK" not in os.environ:
        pytest.exit("run me with: tests/vfio-host/run tests/vfio-host/inside", returncode=2)
    libvirt.registerErrorHandler(lambda context, error: None, None)


@pytest.fixture(scope="session")
def direct_uri():
    """libvirtd itself."""
    return host.DIRECT


@pytest.fixture
def define():
    """Defines guests for one test, see host.guests()."""
    with host.guests() as define_guest:
        yield define_guest


@pytest.fixture(scope="session")
def start_virtballoond():
    """Starts a virtballoond whose configuration has the given lines; stopped at the end."""
    if not host.VIRTBALLOOND.exists():
        pytest.fail(f"{host.VIRTBALLOOND} is not there: meson compile -C build", pytrace=False)
    numbers = itertools.count()
    daemons = []

    def start(config=""):
        daemon = host.Virtballoond(f"/run/vfio-host/daemon-{next(numbers)}", config)
        daemons.append(daemon)
        return daemon

    yield start
    for daemon in daemons:
        daemon.stop()


@pytest.fixture(scope="session")
def virtballoond(start_virtballoond):
    """A virtballoond as shipped, but without authentication."""
    return start_virtballoond()


@pytest.fixture(scope="session")
def through_uri(virtballoond):
    """libvirtd through virtballoond."""
    return virtballoond.uri


@pytest.fixture(scope="session")
def direct(direct_uri):
    """An open connection to libvirtd itself."""
    connection = libvirt.open(direct_uri)
    yield connection
    connection.close()


@pytest.fixture
def through(through_uri):
    """An open connection through virtballoond, for one test."""
    connection = libvirt.open(through_uri)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def running_vfio_guest():
    """A guest of 256 MiB with a real VFIO device, started once."""
    with host.guests() as define:
        yield host.start(define("gpu1", hostdevs=[host.spare_devices()[0]]))


@pytest.fixture
def vfio_guest(running_vfio_guest, direct):
    """The name of that guest; afterwards its balloon and its policy are as they were."""
    yield running_vfio_guest
    domain = direct.lookupByName(running_vfio_guest)
    everywhere = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
    domain.setMemoryFlags(domain.maxMemory(), everywhere)
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, None, None, host.POLICY_NAMESPACE,
                       everywhere)


@pytest.fixture(scope="session")
def plain_guest():
    """A guest without any device that matters, started once."""
    with host.guests() as define:
        yield host.start(define("plain1"))


@pytest.fixture(scope="session")
def idle_guest():
    """A guest with a VFIO device that is defined and not running."""
    with host.guests() as define:
        yield define("idle1", hostdevs=[host.spare_devices()[1]])
