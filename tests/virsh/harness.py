"""The programs under test as objects, and the comparison of what they print.

A Server is something clients connect to: the real libvirtd, or a virtballoond in front of it. The
tests ask both the same and compare. Processes are ended by the id they were started with.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import frames

DAEMON = Path(os.environ["VB_BUILD"]) / "src" / "virtballoond"
LIBVIRTD = os.environ.get("VB_LIBVIRTD", "libvirtd").split()
RESULTS = Path(os.environ["VB_RESULTS"])
LISTENING = "00010000"  # the flags of such a socket in /proc/net/unix
UPSTREAM_DIR = Path("/run/libvirt")
URI = {
    "qemu": "qemu+unix:///system?socket={}",
    "session": "qemu+unix:///session?socket={}",
    "test": "test+unix:///default?socket={}",
    "lxc": "lxc+unix:///system?socket={}",
}

# What differs from one run to the next and says nothing about the relay.
VOLATILE = [
    (rb"\d+\.\d+s", b"SECONDS"),
    (rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", b"TIME"),
    (rb"(?<=<creationTime>)\d+", b"TIME"),
    (rb"(?m)^( *(?:cpu|vcpu|balloon)\.[\w.-]*(?:time|user|system|wait|delay|rss)=)\d+", rb"\1N"),
    (rb"(?m)^(rss|last_update) \d+", rb"\1 N"),
    (rb"/run/virsh\w{6}", b"FILE"),
    (rb'"id":( ?)"libvirt-\d+"', rb'"id":\1"libvirt-N"'),
]

# What virtballoond adds to answers; test_state.py is about it.
ADDED = [
    (rb"(?m)^  balloon\.(policy|state|(?:inhibitor|redirect)\.[\w.]+)=.*\n", b""),
    (rb" *<enum name='ballooning'>(\s*<value>\w+</value>)+\s*</enum>\n", b""),
    (rb" *<memballoon supported='yes'>\s*<enum name='policy'>(\s*<value>\w+</value>)+\s*</enum>"
     rb"\s*</memballoon>\n", b""),
]


class Result(NamedTuple):
    """What a command left behind, without what differs from run to run."""

    code: int
    out: bytes
    err: bytes


def wait_for(condition, seconds=30):
    """Asks until the answer is true, and returns it; fails after a while."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {condition}"
        time.sleep(0.02)
    return answer


def assert_hung_up(pipe):
    """Asserts that nobody holds the other end of a pipe any more, and closes this one."""
    ready, _, _ = select.select([pipe], [], [], 30)
    assert ready, "somebody still holds the other end"
    assert os.read(pipe, 1) == b""
    os.close(pipe)


def run(argv, *, timeout=60, **options):
    """Runs a command to its end; its output is bytes."""
    return subprocess.run(list(map(str, argv)), timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options)


def as_user(user):
    """The start of a command line that runs the rest as an ordinary user."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]


class Server:
    """The sockets of a libvirt daemon, or of what stands in front of one."""

    def __init__(self, path, path_ro=None):
        self.path = Path(path)
        self.path_ro = path_ro and Path(path_ro)

    def uri(self, driver="qemu", readonly=False):
        """The URI that reaches this server and no other."""
        return URI[driver].format(self.path_ro if readonly else self.path)

    def virsh(self, *args, driver="qemu", readonly=False, prefix=(), options=(), **rest):
        """Runs virsh, with rest as the options of subprocess, and normalises what it prints."""
        done = run([*prefix, "virsh", *(["-r"] if readonly else []), *options,
                    "-c", self.uri(driver, readonly), *args], **rest)
        return Result(done.returncode, self.normalise(done.stdout), self.normalise(done.stderr))

    def connect(self, **options):
        """A raw connection that has said nothing yet."""
        return frames.Connection(self.path, **options)

    def open(self, name="qemu:///system", **options):
        """A raw connection that is authenticated and open."""
        return self.connect(**options).open(name)

    def listens(self):
        """Whether somebody listens; asked without connecting, which would count as a client."""
        sockets = Path("/proc/net/unix").read_text().splitlines()
        return any(line.endswith(f" {self.path}") and line.split()[3] == LISTENING
                   for line in sockets)

    def normalise(self, text):
        """Takes out times, counters and this server's own address."""
        for path in filter(None, (self.path_ro, self.path)):
            text = text.replace(str(path).encode(), b"SOCKET")
        for pattern, replacement in VOLATILE + ADDED:
            text = re.sub(pattern, replacement, text)
        return text


class Process:
    """A daemon in the foreground, writing to a log file."""

    def __init__(self, argv, log, **options):
        self.log = Path(log)
        with open(self.log, "ab") as file:
            self._popen = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL,
                                           stdout=file, stderr=file, **options)

    @property
    def pid(self):
        return self._popen.pid

    def running(self):
        return self._popen.poll() is None

    def stop(self, number=signal.SIGTERM):
        """Ends the process and returns its exit status; it gets half a minute to go in peace."""
        if self.running():
            self._popen.send_signal(number)
        try:
            return self._popen.wait(30)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            raise

    def fds(self):
        """How many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_kib(self, field="VmRSS"):
        """One of the sizes in /proc/PID/status."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status)[1])


class Libvirtd(Server):
    """The private system libvirtd: /run/libvirt is empty and ours (see tests/virsh/run).

    VB_LIBVIRTD says how another one than this machine's is run (see tests/vfio-user/run).
    """

    def __init__(self):
        super().__init__(UPSTREAM_DIR / "libvirt-sock", UPSTREAM_DIR / "libvirt-sock-ro")
        self.conversation = RESULTS / "libvirtd.log"
        self.conversation.unlink(missing_ok=True)
        self.start()

    def start(self):
        """Starts it, the first time or again, and waits until it answers."""
        self.process = Process(LIBVIRTD, RESULTS / "libvirtd.out")
        wait_for(lambda: self.listens() and self.virsh("version").code == 0, 60)

    def kill(self):
        """Ends it without a warning; its guests go on."""
        self.process.stop(signal.SIGKILL)

    def stop(self):
        """Ends it and the guests that are still there."""
        guests = [int(file.read_text()) for file in UPSTREAM_DIR.glob("qemu/*.pid")
                  if file.name != "driver.pid"]
        self.process.stop()
        for pid in guests:
            os.kill(pid, signal.SIGKILL)

    def commands_sent(self, action):
        """The QMP commands that it sends to its guests during an action, without their ids."""
        start = self.conversation.stat().st_size
        action()
        with open(self.conversation, "rb") as file:
            file.seek(start)
            commands = re.findall(rb"QEMU_MONITOR_SEND_MSG: mon=\w+ msg=(\{.*\})", file.read())
        return [re.sub(rb'"id":"libvirt-\d+"', b'"id":""', command) for command in commands]


class Virtballoond(Server):
    """A system virtballoond in front of libvirtd, with sockets in a directory of its own."""

    def __init__(self, directory, config="", upstream_dir=UPSTREAM_DIR, prefix=()):
        directory.mkdir(exist_ok=True)
        self.config = directory / "virtballoond.conf"
        self.config.write_text(f"[virtballoond]\n{config}")
        super().__init__(directory / "virtballoond-sock", directory / "virtballoond-sock-ro")
        self.argv = [*prefix, DAEMON, "--system", "--config", self.config,
                     "--socket-dir", directory, "--upstream-dir", upstream_dir]
        self.start()

    def start(self):
        """Starts it, the first time or again, and waits until it listens."""
        self.process = Process(self.argv, RESULTS / f"{self.path.parent.name}.log")
        wait_for(lambda: self.listens() or not self.process.running())
        assert self.process.running(), self.process.log.read_text()

    def idle_fds(self):
        """How many descriptors it has open with no client, after its first one."""
        self.open("test:///default").socket.close()
        counts = []
        wait_for(lambda: counts.append(self.process.fds()) or counts[-5:] == [counts[-1]] * 5)
        return counts[-1]

    def stop(self):
        """Ends it; anything but a clean exit is a failure."""
        assert self.process.stop() == 0, self.process.log.read_text()


class Session(Server):
    """virtballoond --session of an ordinary user; it starts that user's libvirtd itself."""

    def __init__(self, directory, user):
        self.user = user
        home = directory / "home"
        runtime = directory / "xdg"
        for path in (directory, home, runtime):
            path.mkdir(mode=0o755)
            os.chown(path, user, user)
        program = Path(shutil.copy(DAEMON, home))
        self.environment = {
            "PATH": "/usr/bin:/bin", "LC_ALL": "C",
            "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime),
        }
        self.upstream = Server(runtime / "libvirt" / "libvirt-sock")
        self.pid_file = runtime / "libvirt" / "libvirtd.pid"
        super().__init__(runtime / "libvirt" / "virtballoond-sock")
        self.process = Process([*as_user(user), program, "--session"], RESULTS / "session.log",
                               env=self.environment, cwd="/")
        wait_for(lambda: self.listens() or not self.process.running())
        assert self.process.running(), self.process.log.read_text()

    def as_user(self, server, *args):
        """Runs virsh as the user on one of the two servers."""
        return server.virsh(*args, driver="session", prefix=as_user(self.user),
                            env=self.environment, cwd="/")

    def stop(self):
        """Ends virtballoond and the libvirtd it started."""
        libvirtd = int(self.pid_file.read_text()) if self.pid_file.exists() else None
        assert self.process.stop() == 0, self.process.log.read_text()
        if libvirtd:
            os.kill(libvirtd, signal.SIGTERM)
            wait_for(lambda: not os.path.exists(f"/proc/{libvirtd}"))
