"""The bash completion of virt-balloon, asked as bash asks it."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

import harness
import tool

COMPLETION = Path(__file__).parents[2] / "tools" / "virt-balloon.bash-completion"
VERBS = ["status", "explain", "check", "capabilities", "reclaim", "verify", "metrics", "front"]
SCRIPT = """\
set -u
source {file}
COMP_LINE={line} COMP_POINT={point} COMP_CWORD={last}
COMP_WORDS=({words})
_virt_balloon virt-balloon "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(line, **environment):
    """What may stand in the place of the last word, which may be empty."""
    # Bash makes words of their own of these characters.
    words = [word for part in line.split(" ") for word in re.split("([:=]+)", part)
             if word or not part]
    text = SCRIPT.format(file=COMPLETION, line=shlex.quote(line), point=len(line),
                         last=len(words) - 1, words=shlex.join(words))
    done = subprocess.run(["bash", "-c", text], capture_output=True, timeout=60, check=True,
                          text=True, env=os.environ | environment)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.stdout != "\n" else []


@pytest.mark.parametrize(("line", "words"), [
    ("virt-balloon ", VERBS), ("virt-balloon c", ["check", "capabilities"]),
    ("virt-balloon --f", ["--format"]), ("virt-balloon --format ", ["table", "json"]),
    ("virt-balloon --format j", ["json"]), ("virt-balloon --format json e", ["explain"]),
    ("virt-balloon status --a", ["--all", "--ask"]), ("virt-balloon explain --n", ["--no-ask"]),
    ("virt-balloon capabilities --e", ["--emulator"]), ("virt-balloon metrics --o", ["--output"]),
    ("virt-balloon verify --p", ["--probe"]), ("virt-balloon reclaim --t", ["--timeout"]),
    ("virt-balloon front ", ["enable", "disable", "status"]), ("virt-balloon front d", ["disable"]),
    ("virt-balloon verify --probe ", []), ("virt-balloon metrics ", []), ("virt-balloon -c ", []),
])
def test_verbs_and_options_are_completed(line, words):
    assert complete(line) == words


@pytest.mark.parametrize("line", ["check ", "--qmp ", "metrics --output ",
                                  "capabilities --emulator "])
def test_files_are_completed(directory, line):
    path = directory / "completed.xml"
    path.touch()
    assert complete(f"virt-balloon {line}{directory}/compl") == [str(path)]


def test_domains_are_completed_of_the_libvirt_that_is_named(direct, guest, blocked):
    for start in (f"virt-balloon -c {direct.uri()}", f"virt-balloon --connect={direct.uri()}",
                  f"virt-balloon -c '{direct.uri()}'"):
        for verb in ("status", "explain", "reclaim", "verify"):
            found = complete(f"{start} {verb} gue", LIBVIRT_DEFAULT_URI="test:///default")
            assert {guest.name, blocked.name} <= set(found)
            assert all(name.startswith("gue") for name in found)


def test_domains_are_completed_of_the_default_libvirt(direct, guest):
    assert guest.name in complete(f"virt-balloon explain {guest.name[:4]}",
                                  LIBVIRT_DEFAULT_URI=direct.uri())
    assert complete("virt-balloon explain ", LIBVIRT_DEFAULT_URI="no:///driver") == []


def test_a_name_that_the_shell_would_take_apart_is_quoted(direct, domain):
    domain.name = 'odd $(name) "x'
    domain.define(direct)
    found = complete("virt-balloon status odd", LIBVIRT_DEFAULT_URI=direct.uri())
    assert [shlex.split(word) for word in found] == [[domain.name]]


def test_every_verb_and_shared_option_of_the_program_is_known():
    text = tool.text_of(tool.run("--help"))
    options, verbs = text.split("\nVerbs:\n")
    assert re.findall(r"^  (\w+) ", verbs, re.M) == complete("virt-balloon ") == VERBS
    assert sorted(set(re.findall(r"--[a-z]+", options))) == sorted(complete("virt-balloon --"))


def test_meson_installs_it():
    build = os.environ["VB_BUILD"]
    done = harness.run(["meson", "introspect", "--installed", build])
    assert b"/bash-completion/completions/virt-balloon" in done.stdout
