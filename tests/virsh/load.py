"""A load of many kinds of calls by libvirt-python, as programs make it: threads on one connection.

Every call checks that the answer is the one to its own question.
"""

import random
import threading

import libvirt
import libvirt_qemu

NO_SUCH = "no-such-guest"


class Worker(threading.Thread):
    """Makes calls about guests until there were enough of them, or until libvirt says no."""

    def __init__(self, connection, guests, number, calls):
        super().__init__(daemon=True)
        self.answered = 0
        self.error = None
        self._connection = connection
        self._guests = guests
        self._random = random.Random(number)
        self._number = number
        self._calls = calls

    def run(self):
        kinds = [self._lookup, self._describe, self._shrink, self._configure, self._metadata,
                 self._monitor, self._fail, self._list]
        try:
            while self.answered < self._calls:
                guest = self._random.choice(self._guests)
                self._random.choice(kinds)(guest)
                self.answered += 1
        except (AssertionError, libvirt.libvirtError) as error:
            self.error = error

    def _domain(self, guest):
        return self._connection.lookupByUUIDString(guest.uuid)

    def _size(self):
        return self._random.randrange(40 << 10, 64 << 10)

    def _lookup(self, guest):
        assert self._domain(guest).name() == guest.name
        assert self._connection.lookupByName(guest.name).UUIDString() == guest.uuid

    def _describe(self, guest):
        domain = self._domain(guest)
        assert f"<name>{guest.name}</name>" in domain.XMLDesc()
        assert domain.info()[1] == 64 << 10

    def _shrink(self, guest):
        self._domain(guest).setMemory(self._size())

    def _configure(self, guest):
        self._domain(guest).setMemoryFlags(self._size(), libvirt.VIR_DOMAIN_AFFECT_CONFIG)

    def _metadata(self, guest):
        domain = self._domain(guest)
        element, uri = libvirt.VIR_DOMAIN_METADATA_ELEMENT, f"urn:worker:{self._number}"
        text = f"<n>{self._random.random()}</n>"
        domain.setMetadata(element, text, "n", uri, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        assert domain.metadata(element, uri) == text

    def _monitor(self, guest):
        reply = libvirt_qemu.qemuMonitorCommand(
            self._domain(guest), '{"execute":"query-name"}', 0)
        assert f'"{guest.name}"' in reply

    def _fail(self, _):
        try:
            self._connection.lookupByName(NO_SUCH)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            assert NO_SUCH in str(error)
        else:
            raise AssertionError(f"{NO_SUCH} was found")

    def _list(self, guest):
        assert guest.name in {domain.name() for domain in self._connection.listAllDomains()}


class Load:
    """Several connections with several threads on each."""

    def __init__(self, uri, guests, *, connections, threads, calls):
        libvirt.registerErrorHandler(lambda *_: None, None)  # libvirt prints errors by itself
        self._connections = [libvirt.open(uri) for _ in range(connections)]
        self.workers = [Worker(connection, guests, number * threads + thread, calls)
                        for number, connection in enumerate(self._connections)
                        for thread in range(threads)]

    def start(self):
        """Lets them begin."""
        for worker in self.workers:
            worker.start()
        return self

    def finish(self):
        """Waits for their end and returns how many calls were answered."""
        for worker in self.workers:
            worker.join()
        for connection in self._connections:
            try:
                connection.close()
            except libvirt.libvirtError:
                pass  # it was broken before
        return sum(worker.answered for worker in self.workers)

    def errors(self):
        """What ended workers early."""
        return [worker.error for worker in self.workers if worker.error]
