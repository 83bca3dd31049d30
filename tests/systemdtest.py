#!/usr/bin/python3
"""virtballoond under a service manager: sockets, notification, watchdog, reload, idle exit.

The service manager is played by this program: it hands over sockets and reads what it is told. In
libvirt's place there are sockets that only accept.

Speaks TAP.  The argument is the program virtballoond.
"""

import contextlib
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

DAEMON = sys.argv[1]
SECONDS = 20  # for anything to happen
QUIET = 0.5  # in which nothing must happen
RW = "virtballoond.socket"
RO = "virtballoond-ro.socket"

# Puts descriptors where a service manager puts them and becomes virtballoond.
LAUNCH = """
import fcntl, os, sys
spare = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split()]
for number, fd in enumerate(spare):
    os.dup2(fd, 3 + number)
    os.close(fd)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def listen(path, kind=socket.SOCK_STREAM):
    """A UNIX socket at a path, which listens if it can."""
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(str(path))
    if kind == socket.SOCK_STREAM:
        made.listen(16)
    return made


def readable(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


class Host:
    """A directory with libvirt's two sockets, a configuration and a service manager's socket."""

    def __init__(self, stack):
        self.stack = stack
        self.directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.upstream = self.listen("libvirt-sock")
        self.upstream_ro = self.listen("libvirt-sock-ro")
        self.manager = self.listen("notify", socket.SOCK_DGRAM)
        self.config = self.directory / "virtballoond.conf"
        self.log = self.directory / "log"
        self.process = None

    def listen(self, name, kind=socket.SOCK_STREAM):
        return self.stack.enter_context(listen(self.directory / name, kind))

    def start(self, *args, config="", handed=(), **variables):
        """Starts virtballoond; handed: (name, socket) of each, in the order of descriptors."""
        self.configure(config)
        environment = {"NOTIFY_SOCKET": str(self.directory / "notify"), "LC_ALL": "C"}
        if handed:
            environment.update(LISTEN_FDS=str(len(handed)),
                               LISTEN_FDNAMES=":".join(name for name, _ in handed))
        environment.update(variables)
        fds = [sock.fileno() for _, sock in handed]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, " ".join(map(str, fds)), DAEMON, "--system",
                 "--config", self.config, "--socket-dir", self.directory,
                 "--upstream-dir", self.directory, *args],
                env=environment, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stack.callback(self.kill)

    def configure(self, lines):
        self.config.write_text(f"[virtballoond]\n{lines}", encoding="ascii")

    def kill(self):
        self.process.kill()
        self.process.wait(SECONDS)

    def told(self, seconds=SECONDS):
        """What the service manager is told next; nothing if it is told nothing."""
        return self.manager.recv(4096).decode() if readable(self.manager, seconds) else ""

    def ready(self):
        told = self.told()
        assert told == "READY=1", (told, self.said())

    def said(self):
        return self.log.read_text(encoding="utf-8")

    def status(self):
        return self.process.wait(SECONDS)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.status() == 0, self.said()

    def connect(self, name):
        client = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        client.settimeout(SECONDS)
        client.connect(str(self.directory / name))
        return client

    def reaches(self, name, upstream, seconds=SECONDS):
        """Whether a client of one socket that begins to speak is connected to one of libvirt's."""
        client = self.connect(name)
        client.send(b"\0")
        if not readable(upstream, seconds):
            return None
        self.stack.enter_context(upstream.accept()[0])
        return client


def sockets_by_name(host):
    """what clients of a socket may do is told by its name, not by its place"""
    host.start(handed=[(RO, host.listen("one")), (RW, host.listen("two"))])
    host.ready()
    assert host.reaches("one", host.upstream_ro)
    assert host.reaches("two", host.upstream)


def without_a_word(host):
    """a client that does not say anything is not connected to libvirt"""
    host.start(handed=[(RW, host.listen("one"))])
    host.ready()
    client = host.connect("one")
    assert not readable(host.upstream, QUIET)
    client.send(b"\0")
    assert readable(host.upstream, SECONDS)


def open_to_all(host):
    """a socket that everybody may connect to is not served without polkit"""
    one = host.listen("one")
    os.chmod(host.directory / "one", 0o666)
    host.start(handed=[(RW, one)], config="auth=none\n")
    assert host.status() == 2, host.said()
    assert "everybody may connect to socket" in host.said(), host.said()


def without_waiting(host):
    """a client that has gone before it was accepted does not hold it up"""
    one = host.listen("one")
    assert os.get_blocking(one.fileno())
    host.start(handed=[(RW, one)])
    host.ready()
    assert not os.get_blocking(one.fileno())


def one_socket(host):
    """a service manager may hand over one socket only"""
    host.start(handed=[(RO, host.listen("one"))])
    host.ready()
    assert host.reaches("one", host.upstream_ro)


def no_sockets_of_its_own(host):
    """where sockets are handed over it makes none"""
    host.start(handed=[(RW, host.listen("one"))])
    host.ready()
    assert not list(host.directory.glob("virtballoond-sock*"))


def leaves_sockets(host):
    """sockets that were handed over outlive it, and a client that comes meanwhile is not lost"""
    one = host.listen("one")
    host.start(handed=[(RW, one)])
    host.ready()
    host.stop()
    host.connect("one").send(b"\0")
    host.told()
    host.start(handed=[(RW, one)])
    assert readable(host.upstream, SECONDS), host.said()


def own_sockets(host):
    """where nothing is handed over it makes its own sockets, and takes them along"""
    host.start()
    host.ready()
    assert host.reaches("virtballoond-sock", host.upstream)
    assert host.reaches("virtballoond-sock-ro", host.upstream_ro)
    host.stop()
    assert not list(host.directory.glob("virtballoond-sock*"))


def handed_to_another(host):
    """what is handed over to another process is left alone"""
    host.start(handed=[(RW, host.listen("one"))], LISTEN_PID="1")
    host.ready()
    assert host.reaches("virtballoond-sock", host.upstream)


def refused(host, *handed):
    host.start(handed=handed)
    assert host.status() == 2, host.said()
    return host.said()


def unknown_name(host):
    """a socket of an unknown name is refused with that name and those that are known"""
    said = refused(host, (RW, host.listen("one")), ("libvirtd.socket", host.listen("two")))
    assert "'libvirtd.socket'" in said and f"'{RW}'" in said and f"'{RO}'" in said, said


def wrong_kind(host):
    """a socket of another kind is refused"""
    assert "no UNIX socket that listens" in refused(
        host, (RW, host.listen("one", socket.SOCK_DGRAM)))


def other_family(host):
    """a socket of the network is refused"""
    with socket.create_server(("127.0.0.1", 0)) as one:
        assert "no UNIX socket that listens" in refused(host, (RW, one))


def does_not_listen(host):
    """a socket that does not listen is refused"""
    with socket.socket(socket.AF_UNIX) as one:
        assert "no UNIX socket that listens" in refused(host, (RO, one))


def ready_when_served(host):
    """READY=1 is told once clients are served, and nothing before it"""
    host.start()
    host.ready()
    assert host.connect("virtballoond-sock")


def never_ready(host):
    """without a socket it is never ready"""
    host.start("--socket-dir", "/proc/nowhere")
    assert host.status() == 1, host.said()
    assert host.told(0) == ""


def stopping(host):
    """STOPPING=1 is told at the end"""
    host.start()
    host.ready()
    host.stop()
    assert host.told() == "STOPPING=1"


def reload(host):
    """Has it read its configuration again; returns what it was told and when, in microseconds."""
    before = time.monotonic_ns() // 1000
    host.process.send_signal(signal.SIGHUP)
    first = host.told()
    assert host.told() == "READY=1"
    return first, before


def reloading(host):
    """RELOADING=1 is told at SIGHUP, with the time, and READY=1 when it is done"""
    host.start()
    host.ready()
    told, before = reload(host)
    state, stamp = told.split("\n")
    assert state == "RELOADING=1"
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def reload_limit(host):
    """what is read again holds for the next client"""
    host.start(config="max_clients=1\n")
    host.ready()
    assert host.reaches("virtballoond-sock", host.upstream)
    assert not host.reaches("virtballoond-sock", host.upstream, QUIET)
    host.configure("max_clients=2\n")
    reload(host)
    assert "read again" in host.said()
    assert host.reaches("virtballoond-sock", host.upstream)


def reload_bad(host):
    """a wrong file changes nothing, and the log says what is wrong with it"""
    host.start(config="max_clients=1\n")
    host.ready()
    assert host.reaches("virtballoond-sock", host.upstream)
    host.configure("max_clients=2\ndefualt_policy=warn\n")
    reload(host)
    assert "did you mean 'default_policy'?" in host.said(), host.said()
    assert not host.reaches("virtballoond-sock", host.upstream, QUIET)


def reload_absent(host):
    """a file that was named and is gone changes nothing"""
    host.start(config="max_clients=1\n")
    host.ready()
    host.config.unlink()
    reload(host)
    assert "the configuration stays as it was" in host.said(), host.said()


def reload_later(host):
    """the log names the keys that wait for the next start"""
    host.start()
    host.ready()
    host.configure("socket_mode=0640\nsocket_group=daemon\n")
    reload(host)
    assert "socket_mode, socket_group waits" in host.said(), host.said()


def reload_keeps_clients(host):
    """clients stay connected"""
    host.start()
    host.ready()
    client = host.reaches("virtballoond-sock", host.upstream)
    reload(host)
    assert not readable(client, QUIET)


def watchdog(host):
    """the watchdog is fed twice in the time that it allows, and only after READY=1"""
    host.start(WATCHDOG_USEC="1000000")
    host.ready()
    begin = time.monotonic()
    told = [host.told() for _ in range(4)]
    assert told == ["WATCHDOG=1"] * 4
    assert 1.5 < time.monotonic() - begin < 4


def watchdog_after_reload(host):
    """a reload does not feed it twice as often"""
    host.start(WATCHDOG_USEC="1000000")
    host.ready()
    host.process.send_signal(signal.SIGHUP)
    begin = time.monotonic()
    fed = [told for told in (host.told(0.1) for _ in range(25))
           if told == "WATCHDOG=1" and time.monotonic() - begin < 2]
    assert 2 <= len(fed) <= 4, fed


def no_watchdog(host):
    """without a watchdog, or with that of another process, nothing is fed"""
    host.start(WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    host.ready()
    assert host.told(QUIET) == ""


def idle(host):
    """without clients it ends after --timeout, with status 0"""
    host.start("--timeout", "1")
    host.ready()
    begin = time.monotonic()
    assert host.status() == 0, host.said()
    assert 0.5 < time.monotonic() - begin < 5


def idle_with_client(host):
    """while there is a client it stays"""
    host.start("--timeout", "1")
    host.ready()
    client = host.reaches("virtballoond-sock", host.upstream)
    time.sleep(1.5)
    assert host.process.poll() is None
    client.close()
    assert host.status() == 0, host.said()


def idle_begins(host):
    """the time of --timeout begins when the last client has gone, not before and not later"""
    host.start("--timeout", "3")
    host.ready()
    client = host.reaches("virtballoond-sock", host.upstream)
    time.sleep(1.5)
    begin = time.monotonic()
    client.close()
    assert host.status() == 0, host.said()
    assert 2.9 < time.monotonic() - begin < 4.2


def no_idle(host):
    """with --timeout 0 it stays"""
    host.start("--timeout", "0")
    host.ready()
    time.sleep(1.5)
    assert host.process.poll() is None


def wrong_timeout(host):
    """a --timeout that is none is refused"""
    for value in ("-1", "2678401", "soon"):
        host.start("--timeout", value)
        assert host.status() == 2 and value in host.said(), (value, host.said())


def check(host, config, *args):
    host.start("--check-config", *args, config=config)
    status = host.status()
    return status, host.said()


def check_good(host):
    """--check-config says of a good file that it is good, and does nothing else"""
    assert check(host, "qmp=never\n") == (0, f"{host.config}: no errors\n")
    assert host.told(0) == "" and not list(host.directory.glob("virtballoond-sock*"))


def check_bad(host):
    """--check-config exits with 2 and the error of a bad file"""
    assert check(host, "qpm=never\n") == (
        2, f"virtballoond: {host.config}: unknown key 'qpm'; did you mean 'qmp'?\n")


def check_group(host):
    """--check-config looks for the group on this host"""
    status, said = check(host, "socket_group=no-such-group\n")
    assert status == 2 and "there is no such group" in said, said


def check_absent(host):
    """--check-config refuses a named file that is not there"""
    status, said = check(host, "", "--config", "/nonexistent")
    assert status == 2 and "No such file" in said, said


TESTS = [sockets_by_name, without_a_word, open_to_all, without_waiting, one_socket, no_sockets_of_its_own, leaves_sockets,
         own_sockets, handed_to_another, unknown_name, wrong_kind, other_family, does_not_listen,
         ready_when_served, never_ready, stopping, reloading, reload_limit, reload_bad,
         reload_absent, reload_later, reload_keeps_clients, watchdog, watchdog_after_reload,
         no_watchdog, idle, idle_with_client, idle_begins, no_idle, wrong_timeout, check_good,
         check_bad, check_group, check_absent]


def main():
    # A test program that runs under a service manager itself must not speak for this one.
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"):
        os.environ.pop(name, None)
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        good = True
        try:
            with contextlib.ExitStack() as stack:
                test(Host(stack))
        except Exception:  # pylint: disable=broad-except
            good = False
            traceback.print_exc()
        print(f"{'ok' if good else 'not ok'} {number} {test.__doc__}", flush=True)


main()
