#!/usr/bin/python3
"""The documents say what the code says: policy word for word, procedures by name and number.

The page about libvirt names functions and files of ours, which must be there.

Speaks TAP.  The arguments are the root of the source tree and the program mkinhibitors.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
POLICY = ROOT / "src/qemu/qemu_domain.c"
DRIVER = ROOT / "src/qemu/qemu_driver.c"
NUMBERS = ROOT / "src/rpc/remote_protocol.h"
MANUAL = ROOT / "docs/manpages/virtballoond.rst"
ARCHITECTURE = ROOT / "docs/architecture.rst"
UPSTREAM = ROOT / "docs/upstream.rst"
CONFIG = ROOT / "src/remote/config.c"
DAEMON = ROOT / "src/remote/virtballoond.c"
CONFIG_MANUAL = ROOT / "docs/manpages/virtballoond.conf.rst"
CONFIG_INSTALLED = ROOT / "src/remote/virtballoond.conf"


def read(path):
    return path.read_text(encoding="utf-8")


def paragraphs(text):
    """The paragraphs of a text, each as its words."""
    return [part.split() for part in re.split(r"\n\s*\n", text) if part.strip()]


def policy_of_code():
    body = read(POLICY).split(" * ----\n")[1]
    return paragraphs(re.sub(r"^ \* ?", "", body, flags=re.MULTILINE))


def policy_of_manual():
    body = re.search(r"^WHAT IS REFUSED\n=+\n(.*?)^OPTIONS\n", read(MANUAL),
                     re.MULTILINE | re.DOTALL).group(1)
    return paragraphs(body)


def procedures_of_code():
    """name -> number of what qemu_driver.c has in its table"""
    numbers = dict(re.findall(r"^    (\w+_PROC_\w+) = (\d+),", read(NUMBERS), re.MULTILINE))
    table = re.findall(r"^    \{ (REMOTE|QEMU)\((\w+)\), \"\w+\"", read(DRIVER), re.MULTILINE)
    return {name: int(numbers[f"{program}_PROC_{name}"]) for program, name in table}


def procedures_of_document():
    """name -> number of the table of procedures, but for those that are about the connection"""
    section = re.search(r"^Procedures\n=+\n(.*?)^Limits\n", read(ARCHITECTURE),
                        re.MULTILINE | re.DOTALL).group(1)
    rows = re.findall(r"^((?:QEMU )?)([A-Z0-9_]+)\s+(\d+)\s", section, re.MULTILINE)
    return {name: int(number) for _, name, number in rows if name not in ("CONNECT_OPEN", "CONNECT_SET_IDENTITY")}


def names_of_ours():
    """What the page about libvirt calls ours: names in sentences that say so, and files."""
    text = read(UPSTREAM)
    sentences = " ".join(re.findall(r"\b[Oo]urs:\s+(.*?)\.(?=\s|$)", text, re.DOTALL))
    return set(re.findall(r"``(\w+)[`.]", sentences)) | set(re.findall(r"``(\w+\.c)``", text))


def missing_in_source(names):
    files = [*(ROOT / "src").rglob("*.[ch]"), *(ROOT / "tests").glob("*.c")]
    words = {path.name for path in files}.union(*(re.findall(r"\w+", read(path)) for path in files))
    return names - words


def is_well_formed():
    """Whether every document can be rendered without a warning."""
    return all(subprocess.run(["rst2html", "--strict", str(path), "/dev/null"], check=False,
                              capture_output=True).returncode == 0
               for path in (ROOT / "docs").rglob("*.rst"))


def is_page_of_inhibitors():
    made = subprocess.run([sys.argv[2]], check=True, capture_output=True, text=True).stdout
    return made == read(ROOT / "docs/inhibitors.rst")


def keys_of_code():
    table = re.search(r"vbConfigKeys\[\] = \{\n(.*?)^\};", read(CONFIG),
                      re.MULTILINE | re.DOTALL).group(1)
    return re.findall(r'^    \{ "(\w+)",', table, re.MULTILINE)


def keys_of_manual():
    return re.findall(r"^``(\w+)`` = ", read(CONFIG_MANUAL), re.MULTILINE)


def keys_of_installed_file():
    """The keys of the file; each has a comment of its own above it."""
    return re.findall(r"\n\n(?:# .*\n)+#(\w+)=", read(CONFIG_INSTALLED))


def options_of_code():
    return set(re.findall(r'^        \{ "([\w-]+)", ', read(DAEMON), re.MULTILINE))


def options_of_manual():
    section = re.search(r"^OPTIONS\n=+\n(.*?)^CONFIGURATION\n", read(MANUAL),
                        re.MULTILINE | re.DOTALL).group(1)
    entries = re.findall(r"^``.*$", section, re.MULTILINE)
    return set(re.findall(r"--([\w-]+)", " ".join(entries))) - {"help"}


def without_words(text):
    """A line of the log without what differs each time, and without names in capitals."""
    return re.sub(r"%[a-z]+|\b[A-Z]+\b", "#", text)


def source_of_daemon():
    return "\n".join(read(path) for path in sorted((ROOT / "src").rglob("*.c")))


def lines_of_code():
    """What is logged: texts that GLib is given, and why a client is left."""
    calls = re.findall(r"\b(?:g_(?:message|warning|critical|info|debug)|vbJournalClient)"
                       r'\(((?:[^;"]|"[^"]*")*)\);', source_of_daemon())
    texts = ["".join(re.findall('"([^"]*)"', call)) for call in calls]
    return {without_words(text.removesuffix(" (%u more were not logged)"))
            for text in texts if text}


def lines_of_manual():
    return {without_words(text) for text in re.findall(r"^    \| ``(.*)``$", log_of_manual(),
                                                       re.MULTILINE)}


def log_of_manual():
    return re.search(r"^LOG\n=+\n(.*?)^THE POLICY", read(MANUAL), re.MULTILINE | re.DOTALL).group(1)


def fields_of_code():
    return set(re.findall(r"VIRTBALLOON_\w+", source_of_daemon()))


def fields_of_manual():
    heads = re.findall(r"^``VIRTBALLOON_.*``$", log_of_manual(), re.MULTILINE)
    return set(re.findall(r"VIRTBALLOON_\w+", " ".join(heads)))


def main():
    checks = [
        ("every document can be rendered", is_well_formed),
        ("the page of inhibitors is what the code's table says", is_page_of_inhibitors),
        ("the manual page has the policy word for word",
         lambda: policy_of_code() == policy_of_manual() and len(policy_of_code()) > 5),
        ("the architecture page has the procedures of the code and no others",
         lambda: procedures_of_code() == procedures_of_document()
         and len(procedures_of_code()) > 5),
        ("the manual page of the configuration has the keys of the code, in their order",
         lambda: keys_of_code() == keys_of_manual() and len(keys_of_code()) > 5),
        ("the installed configuration has the keys of the code, in their order",
         lambda: keys_of_code() == keys_of_installed_file() and len(keys_of_code()) > 5),
        ("the manual page has the options of the daemon",
         lambda: options_of_code() == options_of_manual() and len(options_of_code()) > 5),
        ("the manual page has every line of the log, and no other",
         lambda: lines_of_code() == lines_of_manual() and len(lines_of_code()) > 9),
        ("the manual page has every field of the journal, and no other",
         lambda: fields_of_code() == fields_of_manual() and len(fields_of_code()) == 6),
        ("the page about libvirt names only what there is of ours",
         lambda: not missing_in_source(names_of_ours()) and len(names_of_ours()) > 30),
    ]
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        print(f"{'ok' if check() else 'not ok'} {number} {name}")


main()
