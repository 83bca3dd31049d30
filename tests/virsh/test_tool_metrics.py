"""virt-balloon metrics: Prometheus' text format, whole or not at all."""

import contextlib
import os
import pty
import re
import signal
import stat
import subprocess
import time

import pytest

import attributes
import guests
import tool

NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"(?P<name>{NAME})\{{(?P<labels>{LABEL}(?:,{LABEL})*)\}} (?P<value>\d+)")
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
FAMILIES = [f"virtballoon_domain_{word}" for word in (
    "current_bytes", "maximum_bytes", "resident_bytes", "state", "inhibitors", "inhibitor")]
ODD = 'a"b\\n\\c{}=,# ü'


def parse(text):
    """Reads the format strictly: family -> labels -> value; each family stands in one piece."""
    assert text.endswith("\n")
    families = {}
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in families and re.fullmatch(NAME, name) and len(line.split(" ")) > 3
            families[name] = None
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {name} gauge" and families[name] is None
            families[name] = {}
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample and sample["name"] == name, line
            labels = [(key, re.sub(r"\\.", lambda found: ESCAPES[found[0]], value))
                      for key, value in re.findall(LABEL, sample["labels"])]
            assert len(dict(labels)) == len(labels)
            assert frozenset(labels) not in families[name], f"twice: {line}"
            families[name][frozenset(labels)] = int(sample["value"])
    return families


def of(families, name, domain):
    """The samples of a domain in a family, without its name and UUID: other labels -> value."""
    return {tuple(sorted(value for key, value in labels if key not in ("domain", "uuid"))): value
            for labels, value in families[f"virtballoon_domain_{name}"].items()
            if ("domain", domain) in labels}


@pytest.fixture
def odd(direct, directory):
    """A running guest with a name that needs escapes."""
    text = tool.definition(ODD).replace("/run/no.vnc", f"{directory}/odd.vnc")
    with attributes.opened(direct) as connection:
        domain = connection.createXML(text)
        yield ODD
        domain.destroy()


def test_a_running_guest_has_one_set(direct, through, guest):
    for server in (direct, through):
        families = parse(tool.text_of(tool.ask(server, "metrics")))
        assert list(families) == FAMILIES
        assert of(families, "current_bytes", guest.name) == {(): 64 << 20}
        assert of(families, "maximum_bytes", guest.name) == {(): 64 << 20}
        assert 1 << 20 < of(families, "resident_bytes", guest.name)[()] < 4 << 30
        assert of(families, "state", guest.name) == {
            (state,): int(state == "available") for state in tool.STATES}
        assert of(families, "inhibitors", guest.name) == {(): 0}
        assert of(families, "inhibitor", guest.name) == {}
        (labels,) = [set(one) for one in families[FAMILIES[0]] if ("domain", guest.name) in one]
        assert labels == {("domain", guest.name), ("uuid", guest.uuid)}


def test_what_inhibits_is_counted_and_listed(direct, start_guest):
    inhibited = start_guest()
    odd = tool.VDPA.format(8).replace("vdpa-8", 'a&quot;b\\')
    tool.disguise(direct, inhibited, tool.VDPA.format(7) + odd)
    families = parse(tool.text_of(tool.ask(direct, "metrics")))
    assert of(families, "inhibitors", inhibited.name) == {(): 2}
    assert of(families, "inhibitor", inhibited.name) == {
        ("/dev/vhost-vdpa-7", "0", "net7", "vhost-vdpa"): 1,
        ('/dev/vhost-a"b\\', "1", "net8", "vhost-vdpa"): 1}
    assert of(families, "state", inhibited.name)[("inhibited",)] == 1


def test_an_inactive_domain_has_none(direct, blocked):
    assert f'"{blocked.name}"' not in tool.text_of(tool.ask(direct, "metrics"))


def test_a_name_is_escaped_and_exact(direct, odd):
    families = parse(tool.text_of(tool.ask(direct, "metrics")))
    assert of(families, "inhibitors", odd) == {(): 0}


def test_a_guest_that_cannot_be_told_is_unknown_until_qemu_is_asked(direct, start_guest):
    doubtful = start_guest(extra=guests.COMMAND_LINE)
    for args, state in (([], "unknown"), (["--ask"], "available")):
        families = parse(tool.text_of(tool.ask(direct, "metrics", *args)))
        assert of(families, "state", doubtful.name)[(state,)] == 1


def test_on_a_terminal_a_name_is_harmless(direct, directory):
    name = "\u009b31mevil"
    text = tool.definition(name).replace("/run/no.vnc", f"{directory}/evil.vnc")
    leader, follower = pty.openpty()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, leader)
        domain = stack.enter_context(attributes.opened(direct)).createXML(text)
        stack.callback(domain.destroy)
        seen = b""
        # Read while it writes: a terminal takes little, and other tests have left guests.
        with subprocess.Popen([tool.TOOL, "-c", direct.uri(), "metrics"], stdout=follower) as one:
            os.close(follower)
            with contextlib.suppress(OSError):
                while part := os.read(leader, 65536):
                    seen += part
        assert one.returncode == 0
        assert b'domain="?31mevil"' in seen and "\u009b".encode() not in seen
        assert of(parse(tool.text_of(tool.ask(direct, "metrics"))), "inhibitors", name) == {(): 0}


def test_the_file_is_replaced_and_nothing_else_is_left(direct, guest, tmp_path):
    path = tmp_path / "balloon.prom"
    path.write_text("old")
    path.chmod(0o600)
    with open(path, encoding="ascii") as reader:
        assert tool.text_of(tool.ask(direct, "metrics", "--output", path)) == ""
        assert reader.read() == "old"
    assert of(parse(path.read_text()), "inhibitors", guest.name) == {(): 0}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == [path.name]


def test_a_file_that_cannot_be_written_exits_with_1_and_stays_as_it_was(direct, tmp_path):
    path = tmp_path / "balloon.prom"
    path.mkdir()
    assert tool.complaint(tool.ask(direct, "metrics", "--output", path), 1)
    assert tool.complaint(tool.ask(direct, "metrics", "--output", "/no/such/dir/x.prom"), 1)
    assert os.listdir(tmp_path) == [path.name]


def test_without_libvirt_the_file_stays_as_it_was(tmp_path):
    path = tmp_path / "balloon.prom"
    path.write_text("old")
    done = tool.run("-c", "qemu+unix:///system?socket=/run/no/socket", "metrics", "--output", path)
    assert tool.complaint(done, 3) and path.read_text() == "old"


def test_an_interrupt_leaves_the_old_file_or_the_new_one(direct, guest, tmp_path):
    path = tmp_path / "balloon.prom"
    seen = set()
    # However long it takes: other tests have left guests.
    start = time.monotonic()
    tool.text_of(tool.ask(direct, "metrics", "--output", path))
    whole = time.monotonic() - start
    for step in range(25):
        path.write_text("old")
        with subprocess.Popen([tool.TOOL, "-c", direct.uri(), "metrics", "--output", path]) as one:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(whole * step / 12 if step < 24 else 60)
            one.send_signal(signal.SIGINT)
        text = path.read_text()
        seen.add(text == "old")
        assert text == "old" or of(parse(text), "inhibitors", guest.name) == {(): 0}
        assert os.listdir(tmp_path) == [path.name]
    assert seen == {True, False}


def test_wrong_usage_exits_with_2(direct):
    for args in (["metrics", "a"], ["--format=json", "metrics"], ["--qmp", "/run/s", "metrics"]):
        assert tool.complaint(tool.run(*args), 2)
