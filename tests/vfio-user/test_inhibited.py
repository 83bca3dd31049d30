"""A guest that has a vfio-user device from its start: what is said of it, and that it is true."""

import re

import pytest

import linux
import tool

SMALLER = linux.MEMORY - 128


@pytest.fixture(scope="module", params=["anonymous", "memfd"])
def inhibited(request, boot, make_server):
    """A guest with one such device, on both kinds of memory."""
    return boot(devices=[make_server().device("vu0")], memfd=request.param == "memfd")


def test_the_device_and_qemus_own_answer_are_told(direct, inhibited):
    found, = tool.json_of(tool.ask(direct, "--format", "json", "status", "--ask", inhibited.name))
    assert found["state"] == "inhibited"
    inhibitor, = found["inhibitors"]
    assert (inhibitor["kind"], inhibitor["device"]) == ("vfio-user", "vu0")
    story = tool.text_of(tool.ask(direct, "explain", inhibited.name))
    print(story)
    assert story.startswith(f"Domain '{inhibited.name}', running: inhibited\n")
    told = re.sub(r"\s+", " ", story)
    assert "vfio-user device 'vu0'" in told
    assert "kind vfio-user, lasting; shown by QEMU in QEMU: 10.1 and newer" in told
    assert "and answered: vu0: child<vfio-user-pci>" in told


def test_setmem_is_refused_and_the_device_is_named(virtballoond, inhibited):
    text = inhibited.refusal(virtballoond, SMALLER)
    print(text)
    assert "vfio-user device 'vu0'" in text and f"'{inhibited.name}'" in text


def test_the_refusal_was_right_because_directly_the_host_gains_nothing(inhibited):
    resident = inhibited.resident()
    inhibited.balloon(SMALLER)
    inhibited.is_smaller(by=120)
    after = inhibited.resident()
    print(f"RSS {resident} MiB; after setmem from {linux.MEMORY} to {SMALLER} MiB: {after} MiB")
    assert resident > linux.MEMORY - 16
    assert after > resident - 8
    inhibited.balloon(linux.MEMORY)
