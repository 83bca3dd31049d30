"""Fixtures for the tests of the XML, beside those in environment.py."""

import itertools
import os

import pytest

import attributes
import booted
import harness


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


@pytest.fixture
def boot(direct, directory):
    """Starts real guests, see booted.py, and waits until they are ready or say something else."""
    guests = []

    def start(until="ready", **definition):
        guests.append(booted.LibvirtGuest(direct, directory, f"booted{len(guests)}", **definition))
        guests[-1].console.wait_for(until)
        return guests[-1]

    yield start
    for guest in guests:
        guest.destroy()
