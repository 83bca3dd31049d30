"""Fixtures for the tests of the XML, beside those in environment.py."""

import itertools
import os

import pytest

import attributes
import environment
import harness
import second as second_host


@pytest.fixture
def domain(direct, directory):
    """A domain for one test, of which libvirtd knows nothing yet."""
    made = attributes.Domain(direct, directory)
    yield made
    made.remove()


@pytest.fixture(scope="session")
def make_disk(directory):
    """Makes small qcow2 disks, one for each domain."""
    numbers = itertools.count(1)

    def make():
        path = directory / f"xml{next(numbers)}.qcow2"
        made = harness.run(["qemu-img", "create", "-f", "qcow2", path, "4M"])
        assert made.returncode == 0, made
        return (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                f"<source file='{path}'/><target dev='vda' bus='virtio'/></disk>")

    return make


@pytest.fixture
def editor(directory):
    """The environment of a virsh whose editor runs a sed script, an empty one if need be."""
    def make(script=""):
        path = directory / "editor.sed"
        path.write_text(script)
        return dict(os.environ, EDITOR=f"sed -i -f {path}")

    return make


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
    if environment.SELF_CHECK:
        pytest.skip("needs virtballoond")
    daemon = harness.Virtballoond(directory / "before-second", "auth=none\n",
                                  upstream_dir=second.path.parent)
    yield daemon
    daemon.stop()
