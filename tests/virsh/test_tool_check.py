"""virt-balloon check: the verdict on domain XML that is defined nowhere."""

import subprocess

import pytest

import attributes
import guests
import tool


@pytest.fixture
def check(directory):
    """Checks some XML in a file, and by standard input, which must be the same."""
    def compare(text, *options):
        path = directory / "check.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        by_file = tool.run(*options, "check", path)
        with open(path, "rb") as file:
            by_input = subprocess.run([tool.TOOL, *options, "check", "-"], stdin=file, timeout=60,
                                      capture_output=True, check=False)
        assert by_input.returncode == by_file.returncode
        assert by_input.stdout == by_file.stdout
        assert by_input.stderr == by_file.stderr.replace(str(path).encode(), b"-")
        return by_file

    return compare


@pytest.mark.parametrize(("devices", "extra", "code", "said"), [
    (guests.BALLOON, "", 0, "ballooning will work"),
    (guests.NO_BALLOON, "", 0, "there is no balloon device"),
    (guests.NO_BALLOON + guests.PCI, "", 0, "there is no balloon device"),
    (guests.BALLOON + guests.PCI, "", 1, "ballooning will be inhibited because of assigned PCI "
     f"device 'ua-nic' ({guests.PCI_ADDRESS})"),
    (guests.BALLOON + guests.MDEV, "", 1,
     f"ballooning will be inhibited because of mediated device 'ua-gpu' ({guests.MDEV_UUID})"),
    (guests.BALLOON + "<interface type='network'><source network='vf'/></interface>", "", 0,
     "ballooning will work, unless a network that it has an interface of hands out devices"),
    (guests.BALLOON, tool.LOCKED, 1, "ballooning will be ineffective because of "),
])
def test_the_verdict_is_said_and_is_the_exit_status(check, devices, extra, code, said):
    text = tool.text_of(check(tool.definition("checked", devices, extra)), code)
    assert text.startswith(f"domain 'checked': {said}")


def test_what_inhibits_is_the_same_in_json(check):
    done = check(tool.definition("checked", guests.BALLOON + guests.PCI), "--format", "json")
    assert tool.json_of(done, 1) == {
        "name": "checked", "state": "inhibited", "problem": None,
        "inhibitors": [{"kind": "vfio-pci", "device": "ua-nic", "address": guests.PCI_ADDRESS,
                        "passing": False, "evidence": ["xml"], "question": None,
                        "answer": None}]}


def test_an_opt_out_written_as_attribute_counts_as_it_would_be_stored(check):
    devices = attributes.balloon("block") + attributes.mdev("on")
    assert "ballooning will work" in tool.text_of(check(tool.definition("checked", devices)))
    devices = attributes.balloon("block") + attributes.mdev("off")
    assert "inhibited" in tool.text_of(check(tool.definition("checked", devices)), 1)


@pytest.mark.parametrize(("devices", "problem"), [
    (attributes.balloon("nonsense"), attributes.WRONG_POLICY),
    (attributes.balloon() + attributes.mdev("nonsense"), attributes.WRONG_BALLOONING),
    (guests.BALLOON + guests.PCI.replace("<hostdev ", "<hostdev ballooning='on' "),
     "ballooning='on' for assigned PCI device 'ua-nic' (0000:07:00.0): QEMU can only let"),
])
def test_attributes_that_virtballoond_refuses_are_a_problem(check, devices, problem):
    assert problem in tool.text_of(check(tool.definition("checked", devices)), 1)
    found = tool.json_of(check(tool.definition("checked", devices), "--format=json"), 1)
    assert problem in found["problem"]


def test_a_stored_policy_that_is_none_is_a_problem_though_virtballoond_takes_it(
        virtballoond, domain, check):
    stored = guests.policy("wran")
    text = tool.text_of(check(tool.definition("checked", extra=stored)), 1)
    assert text == ("domain 'checked': the stored policy 'wran' is none and counts as 'block': "
                    "expected 'block', 'warn', 'ignore', 'redirect' or 'default'\n")
    domain.define(virtballoond, guests.BALLOON, stored)


def test_it_is_what_virtballoond_makes_of_the_same_document(virtballoond, direct, domain, check):
    for devices in (attributes.balloon("warn") + attributes.mdev("on"),
                    guests.BALLOON + guests.MDEV):
        domain.define(virtballoond, devices)
        status = tool.json_of(tool.ask(direct, "--format=json", "status", domain.name))[0]
        inhibited = status["state"] == "inhibited"
        checked = tool.json_of(check(domain.text(devices), "--format=json"), inhibited)
        assert [checked["state"], checked["name"], checked["inhibitors"]] == \
            [status["state"], status["name"], status["inhibitors"]]


@pytest.mark.parametrize("text", [
    "", "no XML", "<domain", "<network/>", tool.definition("checked") + "<more/>",
    tool.definition("checked").replace("'MiB'>64", "'parsecs'>64"),
    "<!DOCTYPE domain [<!ENTITY a 'b'>]>" + tool.definition("checked"),
    "<!DOCTYPE domain>" + tool.definition("checked", attributes.balloon("warn")),
    tool.definition("checked").encode().replace(b"checked", b"\xff\xfe"),
    bytes(100),
])
def test_what_cannot_be_read_exits_with_2(check, text):
    assert tool.complaint(check(text), 2)


def test_a_file_that_is_not_there_or_is_none_or_is_too_large_exits_with_2(directory):
    assert "No such file" in tool.complaint(tool.run("check", directory / "absent.xml"), 2)
    assert "Is a directory" in tool.complaint(tool.run("check", directory), 2)
    assert "larger than" in tool.complaint(tool.run("check", "/dev/zero"), 2)


def test_it_needs_no_libvirt(check):
    done = check(tool.definition("checked"), "-c", "qemu+unix:///system?socket=/run/no/socket")
    assert tool.text_of(done) == "domain 'checked': ballooning will work\n"
