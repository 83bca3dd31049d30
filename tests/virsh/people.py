"""Users of this host, and who may do what: a real system bus, a real polkit, and rules for it.

/run, where the bus listens, is the run's own already (see tests/virsh/run), and so are the files of
users and of rules after this.
"""

from pathlib import Path

import harness

NOBODY = 65534
# Debian's own rule lets the group libvirt in.  Carol has a rule of her own, and where libvirt asks
# about each call she has the domain 'one' and no other.  Dave may not even look, and Erin is asked for
# root's password.
USERS = {"alice": 7001, "carol": 7003, "dave": 7004, "erin": 7005}
RULES = """
polkit.addRule(function(action, subject) {
    var unix = "org.libvirt.unix.", connect = "org.libvirt.api.connect.";
    var domain = "org.libvirt.api.domain.";

    if (subject.user == "dave" && action.id.indexOf(unix) == 0)
        return polkit.Result.NO;
    if (subject.user == "erin" && action.id.indexOf(unix) == 0)
        return polkit.Result.AUTH_ADMIN;
    if (subject.user != "carol")
        return polkit.Result.NOT_HANDLED;
    if (action.id == unix + "manage" || action.id == connect + "getattr" ||
        action.id == connect + "search-domains")
        return polkit.Result.YES;
    if (action.id.indexOf(domain) == 0)
        return action.lookup("domain_name") == "one" ? polkit.Result.YES : polkit.Result.NO;
    return polkit.Result.NOT_HANDLED;
});
"""


def _mount(*args):
    done = harness.run(["mount", *args])
    assert done.returncode == 0, done


class People:
    """The users, the bus and, once somebody asks for it, polkit."""

    def __init__(self, directory):
        for name in ("passwd", "group"):
            copy = directory / name
            lines = Path("/etc", name).read_text().splitlines()
            if name == "group":
                lines = [line + "alice" if line.startswith("libvirt:") else line for line in lines]
            for user, number in USERS.items():
                lines.append(f"{user}:x:{number}:" + ("" if name == "group" else
                                                      f"{number}::/:/bin/sh"))
            copy.write_text("\n".join(lines) + "\n")
            _mount("--bind", copy, Path("/etc", name))
        rules = Path("/etc/polkit-1/rules.d")
        rules.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", rules)
        (rules / "10-test.rules").write_text(RULES)
        (rules / "10-test.rules").chmod(0o644)
        self.start_bus()

    def start_bus(self):
        """Starts the system bus, which starts polkit."""
        socket = Path("/run/dbus/system_bus_socket")
        socket.parent.mkdir(exist_ok=True)
        socket.unlink(missing_ok=True)
        self._bus = harness.Process(["dbus-daemon", "--system", "--nofork", "--nopidfile"],
                                    harness.RESULTS / "bus.log")
        harness.wait_for(socket.exists)

    def polkit_pids(self):
        """The process ids of polkit."""
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/comm")
                if path.read_text() == "polkitd\n"]

    def stop_bus(self):
        """Ends the bus, and polkit with it."""
        self._bus.stop()
        harness.wait_for(lambda: not self.polkit_pids())

    def stop(self):
        """Ends all of it."""
        self.stop_bus()
        for path in ("/etc/polkit-1/rules.d", "/etc/group", "/etc/passwd"):
            harness.run(["umount", path])


def as_person(name):
    """The start of a command line that runs the rest as that user, with the groups he has."""
    if name == "root":
        return ["env", "LC_ALL=C"]
    user = USERS.get(name, NOBODY)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--", "env", "-i",
            "PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/"]
