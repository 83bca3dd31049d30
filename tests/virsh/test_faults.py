"""libvirtd and the machine at their worst, for real: what becomes of clients and of virtballoond.

What a test can play alone is in faulttest.c and memorytest.c. Wherever a call is made that is to be
refused, it is never carried out.
"""

import contextlib
import os
import resource
import select
import shutil
import signal
import socket
import time

import pytest

import frames
import harness
import setmem

MIB = 1 << 20
CLIENTS = 100
REFUSED = frames.SET_MEMORY_FLAGS
# The length of a name, which libvirtd takes and which is read like any other argument.
LARGE = 3 * MIB


@pytest.fixture
def own(start_virtballoond):
    """A virtballoond with no other clients, so that its descriptors and memory can be counted."""
    return start_virtballoond()


@pytest.fixture(autouse=True)
def unchanged(direct, blocked):
    """Whatever happens, the size that nobody may set is not set."""
    yield
    text = direct.virsh("dumpxml", blocked.name, "--inactive").out.decode()
    assert "<currentMemory unit='KiB'>65536<" in text


@contextlib.contextmanager
def limited(daemon, kind, value):
    """A running daemon with another soft limit."""
    old = resource.prlimit(daemon.process.pid, kind)
    resource.prlimit(daemon.process.pid, kind, (value, old[1]))
    try:
        yield
    finally:
        resource.prlimit(daemon.process.pid, kind, old)


def assert_serves(daemon, blocked, fds):
    """Asserts that clients are served and judged as ever, and that nothing was left behind."""
    assert daemon.process.running(), daemon.process.log.read_text()
    with daemon.open() as connection:
        setmem.assert_refused(connection.call(REFUSED, setmem.configure(blocked)), blocked)
        assert connection.call(frames.GET_VERSION, serial=2).status == frames.OK
    harness.wait_for(lambda: daemon.process.fds() == fds)


def until_end(connection):
    """The frames that still come."""
    found = []
    with contextlib.suppress(EOFError):
        while True:
            found.append(connection.read_frame())
    return found


@pytest.mark.parametrize("ends", ["killed", "stopped and killed", "told to end"])
def test_libvirtd_restarted_under_a_hundred_clients(direct, own, blocked, ends):
    """A third of them is quiet, a third waits for an answer, a third asks for what is refused."""
    fds = own.idle_fds()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(own.open()) for _ in range(CLIENTS)]
        if ends == "stopped and killed":
            os.kill(direct.process.pid, signal.SIGSTOP)
        for number, client in enumerate(clients):
            if number % 3 == 1:
                client.send(frames.pack(frames.GET_CAPABILITIES, serial=5))
            elif number % 3 == 2:
                client.send(frames.pack(REFUSED, setmem.configure(blocked), serial=5))
        if ends == "told to end":
            direct.process.stop()
        else:
            direct.kill()
        for number, client in enumerate(clients):
            replies = until_end(client)
            assert len(replies) <= (number % 3 > 0)
            for reply in replies:
                assert reply.serial == 5 and ends != "stopped and killed"
                if number % 3 == 2:
                    setmem.assert_refused(reply, blocked)
        harness.wait_for(lambda: own.process.fds() == fds)
        assert own.virsh("uri").code == 1
    direct.start()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(own.open()) for _ in range(CLIENTS)]
        for client in clients:
            client.send(frames.pack(REFUSED, setmem.configure(blocked), serial=5))
        for client in clients:
            setmem.assert_refused(client.read_frame(), blocked)
    assert_serves(own, blocked, fds)


def test_a_libvirtd_that_stops_for_a_moment_costs_nobody_an_answer(direct, own, blocked):
    """A hundred clients more come meanwhile."""
    fds = own.idle_fds()
    with contextlib.ExitStack() as stack:
        before = [stack.enter_context(own.open()) for _ in range(30)]
        os.kill(direct.process.pid, signal.SIGSTOP)
        try:
            for client in before:
                client.send(frames.pack(REFUSED, setmem.configure(blocked), serial=5))
            meanwhile = [stack.enter_context(own.connect()) for _ in range(CLIENTS)]
            for client in meanwhile:
                client.send(frames.pack(frames.AUTH_LIST, serial=5))
            time.sleep(1)
        finally:
            os.kill(direct.process.pid, signal.SIGCONT)
        for client in before:
            setmem.assert_refused(client.read_frame(), blocked)
        for client in meanwhile:
            assert client.read_frame().status == frames.OK
    assert_serves(own, blocked, fds)


@pytest.fixture
def deaf(directory):
    """Where a libvirtd would listen: a socket with little room, that nobody accepts from."""
    path = directory / "deaf"
    path.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path / "libvirt-sock"))
        listener.listen(1)
        listener.settimeout(30)
        yield listener
    shutil.rmtree(path)


def ask(stack, daemon, count, timeout):
    """So many clients that have said something."""
    clients = [stack.enter_context(daemon.connect(timeout=timeout)) for _ in range(count)]
    for client in clients:
        client.send(frames.pack(frames.AUTH_LIST, serial=5))
    return clients


def let_in(server):
    """As libvirtd answers virtballoond, who is root, before it hears of the client."""
    call = frames.unpack(server.recv(100))
    assert call.procedure == frames.AUTH_LIST and call.serial > 0xf0000000
    server.sendall(frames.pack(frames.AUTH_LIST, bytes([0, 0, 0, 1, 0, 0, 0, 0]),
                               kind=frames.REPLY, serial=call.serial))


def test_clients_for_which_libvirtds_socket_has_no_room_get_through_later(
        deaf, start_virtballoond):
    daemon = start_virtballoond(upstream_dir=deaf.getsockname().rpartition("/")[0])
    with contextlib.ExitStack() as stack:
        clients = ask(stack, daemon, 10, 30)
        time.sleep(0.5)
        for _ in clients:
            server = stack.enter_context(deaf.accept()[0])
            server.settimeout(30)
            let_in(server)
            call = frames.unpack(server.recv(100))
            assert (call.procedure, call.serial) == (frames.AUTH_LIST, 5)
            server.sendall(frames.pack(frames.AUTH_LIST, kind=frames.REPLY, serial=5))
        for client in clients:
            assert client.read_frame().serial == 5


def test_after_thirty_seconds_without_room_in_libvirtds_socket_clients_are_told(
        deaf, start_virtballoond):
    daemon = start_virtballoond(upstream_dir=deaf.getsockname().rpartition("/")[0])
    with contextlib.ExitStack() as stack:
        started = time.monotonic()
        clients = {client.socket: client for client in ask(stack, daemon, 4, 40)}

        def told():
            return select.select(list(clients), [], [], 0)[0]

        # Two others are in the socket's queue, and have a connection.
        harness.wait_for(lambda: len(told()) == 2, 35)
        assert 28 < time.monotonic() - started
        for found in told():
            error = clients[found].read_frame().error()
            assert "Resource temporarily unavailable" in error.message


def cpu_seconds(process):
    """What a process has used of the processor."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_descriptors_clients_wait_and_those_that_are_there_are_served(own, blocked):
    fds = own.idle_fds()
    with contextlib.ExitStack() as stack:
        there = stack.enter_context(own.open())
        # Room for three clients, and for one that finds none for its connection to libvirtd.
        with limited(own, resource.RLIMIT_NOFILE, own.process.fds() + 7):
            clients = [stack.enter_context(own.connect()) for _ in range(10)]
            for client in clients:
                client.send(frames.pack(frames.AUTH_LIST, serial=5))
            sockets = [client.socket for client in clients]
            harness.wait_for(lambda: len(select.select(sockets, [], [], 0)[0]) >= 4)
            used = cpu_seconds(own.process)
            time.sleep(1)
            assert cpu_seconds(own.process) - used < 0.05, "it turns round and round"
            answered = select.select(sockets, [], [], 0)[0]
            outcomes = [client.read_frame() if client.socket in answered else None
                        for client in clients]
            served = [reply for reply in outcomes if reply and reply.status == frames.OK]
            told = [reply for reply in outcomes if reply and reply.status == frames.ERROR]
            assert len(served) == 3 and told
            assert all("Too many open files" in reply.error().message for reply in told)
            assert None in outcomes, "nobody had to wait"
            setmem.assert_refused(there.call(REFUSED, setmem.configure(blocked)), blocked)
            assert there.call(frames.GET_VERSION, serial=2).status == frames.OK
            # Who goes makes room for who waits.
            for client, reply in zip(clients, outcomes):
                if reply:
                    client.socket.close()
            waiting = clients[outcomes.index(None)]
            assert waiting.read_frame().status == frames.OK
    assert_serves(own, blocked, fds)


def until_end_or_reply(connection):
    """The reply to the one call, in a list, or nothing where the connection has ended."""
    try:
        return [connection.read_frame()]
    except EOFError:
        return []


def large_calls(blocked):
    """Calls that are refused, and that take memory to read; by name."""
    long = "x" * LARGE
    return {
        "a name": frames.pack(REFUSED, setmem.arguments(
            REFUSED, frames.domain(long, blocked.uuid), flags=setmem.CONFIG), serial=5),
        "an opt-out": frames.pack(frames.ATTACH_DEVICE, blocked.wire() + frames.string(
            "<hostdev mode='subsystem' type='mdev' model='vfio-pci' ballooning='on'>"
            f"{'<b/>x' * (LARGE // 5)}</hostdev>"), serial=5),
    }


@pytest.mark.parametrize("what", ["a name", "an opt-out"])
def test_without_memory_a_call_is_not_forwarded_unread(direct, own, blocked, what):
    call = large_calls(blocked)[what]
    fds = own.idle_fds()
    ended = 0
    for more in (0, 1, 2, 5, 10, 20, 50, 100, 200):
        with own.open() as connection:
            size = own.process.memory_kib("VmSize") * 1024
            with limited(own, resource.RLIMIT_AS, size + more * MIB):
                with contextlib.suppress(ConnectionError):
                    connection.send(call)
                replies = until_end_or_reply(connection)
        ended += not replies
        for reply in replies:
            assert reply.status == frames.ERROR
            assert "inhibited" in reply.error().message or "ballooning" in reply.error().message
        assert own.process.running(), f"{more} MiB: {own.process.log.read_text()[-2000:]}"
    assert ended > 0, "there was always enough"
    assert b"out of memory" in own.process.log.read_bytes()
    assert_serves(own, blocked, fds)
