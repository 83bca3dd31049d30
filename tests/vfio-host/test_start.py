"""The start check with a real VFIO device: a guest that would begin with an inflated balloon.

Where it passes, libvirt really starts the guest, and QEMU is told to inflate."""

import host
import pytest

EXPECTED = "cannot start domain '{}' with a currentMemory of 131072 KiB: ballooning will be inhibited"


@pytest.fixture(name="inflated")
def define_inflated(define):
    """Defines a guest that has a device and less currentMemory than memory; libvirtd itself does."""
    def inflated(name, policy):
        return define(name, hostdevs=[host.spare_devices()[2]], current=128, policy=policy)

    return inflated


def test_a_guest_that_asks_for_block_is_not_started(inflated, through_uri):
    name = inflated("start-block", "block")
    result = host.virsh("start", "--paused", name, uri=through_uri)
    assert result.status == 1
    assert EXPECTED.format(name) in result.err and host.spare_devices()[2] in result.err
    assert host.checked_virsh("domstate", name).strip() == "shut off"


@pytest.mark.parametrize("policy, logged", [(None, True), ("warn", True), ("ignore", False)])
def test_any_other_guest_starts_inflated(inflated, virtballoond, policy, logged):
    name = inflated(f"start-{policy}", policy)
    with host.balloon_commands(name) as sizes:
        host.checked_virsh("start", "--paused", name, uri=virtballoond.uri)
    assert sizes == [128]
    line = f"domain '{name}': it is started with 131072 KiB less than its memory"
    assert (line in virtballoond.log()) == logged


def test_a_guest_that_is_not_inflated_starts_whatever_it_asks_for(define, virtballoond):
    name = define("start-full", hostdevs=[host.spare_devices()[2]], policy="block")
    host.checked_virsh("start", "--paused", name, uri=virtballoond.uri)
    assert f"domain '{name}'" not in virtballoond.log()
