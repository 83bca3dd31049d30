"""The host was shut down and started again with virtballoond in front.

Runs in the container that tests/front/run starts, and nowhere else.
"""

import json

import front
from container import HERE, SERVICE, run, state
from front import status, virsh

GUESTS = "libvirt-guests.service"


def before(*words):
    """What the journal of the start before this one has."""
    lines = run("journalctl", "-b", "-1", "-o", "json", *words).splitlines()
    return [json.loads(line) for line in lines]


def moments(unit, what):
    """When systemd said something of a unit, in microseconds."""
    return [int(line["__MONOTONIC_TIMESTAMP"]) for line in before("_PID=1", f"UNIT={unit}")
            if line["MESSAGE"].startswith(what)]


def test_the_guest_was_told_to_go_and_went():
    assert "guest: the power button was pressed" in (HERE / "console").read_text()
    said = " ".join(line["MESSAGE"] for line in before("-u", GUESTS))
    assert "Shutdown of guest" in said or "Shutting down guests" in said, said
    assert "linux" in said


def test_libvirt_and_virtballoond_were_there_until_all_guests_had_gone():
    gone = moments(GUESTS, "Stopped ")[-1]
    for unit in (SERVICE, "libvirtd.service", "virtballoond.socket", "libvirtd.socket"):
        ended = (moments(unit, "Stopping ") or moments(unit, "Closed "))[-1]
        assert gone <= ended, unit


def test_the_host_comes_up_with_it_in_front():
    assert status()["front"] is True
    assert state(SERVICE) == "active"
    assert virsh("list", "--all", "--name").split().count("linux") == 1


def test_guests_that_were_started_inflated_and_inhibited_are_reported_once_a_boot():
    report = "virt-balloon-report.service"
    assert (state(report), state(report, "Result")) == ("active", "success")
    assert front.fields() == []
    virsh("start", "guest")
    front.inhibit("guest", memory=128)
    assert front.fields() == []
    run("systemctl", "restart", report)
    line, = front.fields()
    uuid = virsh("domuuid", "guest").strip()
    assert line == {
        "VERDICT": "report", "DOMAIN": "guest", "UUID": uuid, "INHIBITORS": "vhost-vdpa:ua-vdpa",
        "MESSAGE": "domain 'guest': it runs with 65536 KiB less than it could have, and the host "
                   f"gains nothing: {front.REFUSED}"}
    front.destroy("guest")


def test_removed_while_it_is_in_front_it_leaves_libvirt():
    run("dpkg", "-P", "virt-balloon")
    assert virsh("uri").strip() == "qemu:///system"
    assert not front.UPSTREAM.exists()
    assert "virt-balloon" not in "".join(front.files())
