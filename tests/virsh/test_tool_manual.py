"""What virt-balloon(1) shows is what the program prints, and it names every verb and option."""

import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

import attributes
import booted
import guests
import harness
import tool

MANUAL = Path(__file__).parents[2] / "docs" / "manpages" / "virt-balloon.rst"
TEXT = MANUAL.read_text()
MONITOR = "/run/alone.sock"
# A command behind '$', and what is as far in as it is, until the next command or the end.
TRANSCRIPTS = [
    (found[2], textwrap.dedent(found[3]))
    for found in re.finditer(r"^( +)\$ (.*)\n((?:\1(?!\$ ).*\n|\n(?=\n*\1))*)", TEXT, re.M)
    if "virt-balloon front" not in found[2]]  # with systemd only: tests/front compares that one
# What differs from one host and one day to the next.
VOLATILE = [(r"\d+ [KM]iB(?= +default +available)", "RESIDENT"),
            (r"QEMU (has|had) \d+ [KM]iB", r"QEMU \1 RESIDENT"),
            (r"(memory and has|and then) \d+ [KM]iB", r"\1 RESIDENT"),
            (r"(?m)(resident_bytes.*) \d+$", r"\1 RESIDENT"),
            (r"QEMU \d\S+ \(.*\)", "QEMU VERSION"), (r"(?s)This host: .*", "HOST"), (r" +", " ")]


def normalise(text):
    """Takes out what differs."""
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def give_up_for_nothing(guest, reader):
    """Inflates the balloon of a guest while a snapshot is made of it."""
    booted.start_snapshot(guest, reader)
    guest.balloon(160)
    reader.hurry()
    harness.wait_for(lambda: guest.migration() == "completed", 30)
    reader.close()


@pytest.fixture(scope="module")
def shell(direct, directory):
    """Runs a command where the page's guests and files are."""
    def text(name, number, devices, extra=""):
        made = tool.definition(name, devices, extra).replace("/run/no.vnc", f"{directory}/man.vnc")
        return made.replace("a000-000000000001", f"a003-{number:012}")

    here = directory / "manual"
    here.mkdir()
    device = re.sub("<alias.*/>", "", guests.PCI)
    db = text("db", 2, guests.BALLOON + device, guests.policy("block"))
    (here / "db.xml").write_text(db)
    environment = dict(os.environ, LIBVIRT_DEFAULT_URI=direct.uri(),
                       PATH=f"{tool.TOOL.parent}:{os.environ['PATH']}")
    qemu = harness.Process(["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-nodefaults",
                            "-display", "none", "-S", "-name", "alone", "-m", "512",
                            "-device", "virtio-balloon",
                            "-qmp", f"unix:{MONITOR},server=on,wait=off"],
                           harness.RESULTS / "manual.log")
    harness.wait_for(lambda: harness.Server(MONITOR).listens())
    with attributes.opened(direct) as connection:
        web = connection.createXML(text("web", 1, guests.BALLOON), 1)
        defined = connection.defineXML(db)
        mail = booted.LibvirtGuest(direct, here, "mail")
        mail.console.wait_for()
        give_up_for_nothing(mail, booted.Reader(here / "snapshot"))
        yield lambda command: subprocess.run(
            ["bash", "-c", command], cwd=here, env=environment, timeout=60, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        mail.destroy()
        web.destroy()
        defined.undefine()
    qemu.stop(signal.SIGKILL)


@pytest.mark.parametrize(("command", "output"), TRANSCRIPTS,
                         ids=[command for command, _ in TRANSCRIPTS])
def test_a_transcript_is_what_the_program_prints(shell, command, output):
    assert normalise(shell(command)) == normalise(output)


def test_every_verb_has_its_transcript():
    shown = " ".join(command for command, _ in TRANSCRIPTS)
    verbs = re.findall(r"^  (\w+) ", tool.text_of(tool.run("--help")).split("\nVerbs:\n")[1], re.M)
    assert [verb for verb in verbs if f" {verb}" not in shown] == ["front"]


def test_every_option_is_described():
    source = "".join(path.read_text() for path in
                     (Path(__file__).parents[2] / "tools").glob("*.c"))
    options = re.findall(r'\{ "([a-z-]+)", (?:0|\'.\'), 0, G_OPTION_ARG', source)
    assert len(options) > 9
    assert [name for name in options if f"``--{name}``" not in TEXT] == []
