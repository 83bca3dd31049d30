#!/usr/bin/python3
"""What 'meson install' installs: which files, with which modes, and what systemd says of the units.

Speaks TAP.  The arguments are the root of the source tree, the build directory, prefix, and the
directories of configuration, daemons and system units.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT, BUILD, PREFIX, SYSCONFDIR, SBINDIR, UNITDIR = map(pathlib.Path, sys.argv[1:])
SPEC = BUILD / "packaging/virt-balloon.spec"
CHANGELOG = ROOT / "packaging/debian/changelog"



def drop_ins(daemon):
    """The units that are changed to put virtballoond in front of a daemon."""
    return [f"{daemon}.socket", f"{daemon}-ro.socket", "virtballoond.socket",
            "virtballoond-ro.socket", "virtballoond.service", "libvirt-guests.service"]


CONFIGURATION = f"{PREFIX / SYSCONFDIR}/virtballoond/virtballoond.conf"
DAEMONS = ["libvirtd", "virtqemud"]
PROGRAMS = ["bin/virt-balloon", f"{SBINDIR}/virtballoond"]
FILES = {CONFIGURATION, *(str(PREFIX / path) for path in [
    *PROGRAMS,
    f"{UNITDIR}/virt-balloon-report.service",
    f"{UNITDIR}/virtballoond-ro.socket",
    f"{UNITDIR}/virtballoond.service",
    f"{UNITDIR}/virtballoond.socket",
    "lib/systemd/user/virtballoond.service",
    "lib/systemd/user/virtballoond.socket",
    "share/bash-completion/completions/virt-balloon",
    "share/doc/virt-balloon/NEWS",
    "share/doc/virt-balloon/README.md",
    "share/doc/virt-balloon/architecture.rst",
    "share/doc/virt-balloon/deployment.rst",
    "share/doc/virt-balloon/formatdomain.rst",
    "share/doc/virt-balloon/inhibitors.rst",
    "share/doc/virt-balloon/upstream.rst",
    "share/man/man1/virt-balloon.1",
    "share/man/man5/virtballoond.conf.5",
    "share/man/man8/virtballoond.8",
    "share/virt-balloon/schemas/domain.rng",
    *(f"share/virt-balloon/front/{daemon}/{unit}.d/zz-virt-balloon-front.conf"
      for daemon in DAEMONS for unit in drop_ins(daemon)),
])}
MACROS = {"_sysconfdir": PREFIX / SYSCONFDIR, "_bindir": PREFIX / "bin",
          "_sbindir": PREFIX / SBINDIR, "_unitdir": PREFIX / UNITDIR,
          "_userunitdir": PREFIX / "lib/systemd/user",
          "_datadir": PREFIX / "share", "_docdir": PREFIX / "share/doc",
          "_mandir": PREFIX / "share/man"}
# What 'systemd-analyze security' says of the service, in tenths; less is better.
EXPOSURE = 15


def run(*argv, **environment):
    return subprocess.run(list(map(str, argv)), check=False, capture_output=True, text=True,
                          timeout=60, env=dict(os.environ, LC_ALL="C", **environment))


def installed(directory):
    """The files below a directory, as they are named once installed."""
    return {"/" + str(path.relative_to(directory))
            for path in directory.rglob("*") if not path.is_dir()}


def modes(directory):
    """The files whose mode is none that an installed file should have."""
    programs = {str(PREFIX / path) for path in PROGRAMS}
    return {name: oct(mode) for name in installed(directory)
            for mode in [(directory / name[1:]).stat().st_mode & 0o7777]
            if mode != (0o755 if name in programs else 0o644)}


def files_of_spec():
    """What the RPM has, but for directories and the licence, which RPM takes from the source."""
    section = SPEC.read_text(encoding="utf-8").split("\n%files\n")[1].split("\n\n")[0]
    lines = [re.sub(r"^%(?:doc|config\(\w+\)) ", "", line).removesuffix("*")
             for line in section.splitlines() if not re.match(r"%(?:dir|license) ", line)]
    return [re.sub(r"%\{(\w+)\}", lambda found: str(MACROS[found[1]]), line) for line in lines]


def versions():
    """The versions that meson, the RPM, Debian's changelog and NEWS say."""
    news = re.search(r"^(\d\S*) \(", (ROOT / "NEWS").read_text(encoding="utf-8"), re.MULTILINE)
    return {re.search(r"  version: '(.*)'", (ROOT / "meson.build").read_text())[1],
            re.search(r"^Version: +(.*)$", SPEC.read_text(), re.MULTILINE)[1],
            re.match(r"virt-balloon \((.*)-\d+\)", CHANGELOG.read_text())[1], news[1]}


def units(directory, unitdir, *options, daemon=None):
    """What systemd says against the units in a place, where the programs are in a directory.

    With a daemon's name it is in front of that, whose units are there, too.
    """
    place = directory / str(PREFIX / unitdir)[1:]
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(place, copy, dirs_exist_ok=True)
        if daemon:
            shutil.copytree(directory / f"{PREFIX}/share/virt-balloon/front"[1:] / daemon, copy,
                            dirs_exist_ok=True)
            for unit in (f"{daemon}.socket", f"{daemon}-ro.socket"):
                pathlib.Path(copy, unit).write_text(f"[Socket]\nService={daemon}.service\n")
            for unit in (f"{daemon}.service", "libvirt-guests.service"):
                pathlib.Path(copy, unit).write_text("[Service]\nExecStart=/bin/true\n")
        for unit in [*pathlib.Path(copy).glob("*.service"), *pathlib.Path(copy).glob("*.d/*")]:
            unit.write_text(re.sub(rf"=({PREFIX}/)", rf"={directory}\1", unit.read_text()))
        done = run("systemd-analyze", "verify", *options, "--man=no",
                   *sorted(pathlib.Path(copy).glob("*.socket")),
                   *sorted(pathlib.Path(copy).glob("*.service")), SYSTEMD_UNIT_PATH=f"{copy}:",
                   XDG_RUNTIME_DIR=copy)
        return done.stdout + done.stderr + f"exit status {done.returncode}"


def exposed(directory):
    """The unit's exposure, as systemd counts it, in tenths."""
    unit = directory / str(PREFIX / UNITDIR / "virtballoond.service")[1:]
    said = run("systemd-analyze", "security", "--offline=true", unit).stdout
    return int(re.search(r"exposure level .*: (\d+)\.(\d)", said).expand(r"\1\2"))


def page(directory, name):
    """What man shows of a page, or its complaints."""
    path = directory / str(PREFIX / "share/man" / name)[1:]
    shown = run("man", "--warnings", "-l", path, MANPAGER="cat", MANWIDTH="80")
    return shown.stderr or shown.stdout


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        done = run("meson", "install", "--no-rebuild", "-C", BUILD, DESTDIR=name)
        checks = [
            ("everything is installed where it belongs, and nothing else",
             lambda: done.returncode == 0 and installed(directory) ^ FILES == set()),
            ("programs can be run, and nothing can be written by others",
             lambda: FILES and modes(directory) == {}),
            ("the RPM has the files that are installed",
             lambda: sorted(files_of_spec()) == sorted(FILES)),
            ("meson, the RPM, Debian's changelog and NEWS have one version",
             lambda: len(versions()) == 1),
            ("the installed configuration is the one that is tested",
             lambda: (directory / CONFIGURATION[1:]).read_bytes()
             == (ROOT / "src/remote/virtballoond.conf").read_bytes()),
            ("systemd has nothing against the system units",
             lambda: units(directory, UNITDIR) == "exit status 0"),
            ("systemd has nothing against what puts them in front of either daemon",
             lambda: [units(directory, UNITDIR, daemon=daemon) for daemon in DAEMONS]
             == ["exit status 0"] * 2),
            ("systemd has nothing against the user units",
             lambda: units(directory, "lib/systemd/user", "--user") == "exit status 0"),
            ("the service is exposed as little as it was",
             lambda: exposed(directory) <= EXPOSURE),
            ("the manual pages can be shown",
             lambda: all(f"{title.upper()}({section})" in page(
                 directory, f"man{section}/{title}.{section}")
                         for title, section in [("virt-balloon", 1), ("virtballoond.conf", 5),
                                                ("virtballoond", 8)])),
        ]
        print(f"1..{len(checks)}")
        for number, (sentence, check) in enumerate(checks, 1):
            try:
                good = check()
            except (AttributeError, KeyError, OSError, TypeError) as error:
                good = False
                print(f"# {error!r}", file=sys.stderr)
            print(f"{'ok' if good else 'not ok'} {number} {sentence}")


main()
