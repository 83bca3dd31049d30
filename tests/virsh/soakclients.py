"""The clients of a soak. Each has guests of its own, so that nobody else changes what it compares.

A client is a thread that takes turns until the round is over; a turn asks something of libvirtd
and of virtballoond, in either order, and hands both answers to the checker.
"""

import hashlib
import random
import re
import subprocess
import threading
import time
from typing import NamedTuple

import libvirt
import libvirt_qemu

import attributes
import commands
import frames
import guests
import harness
import setmem
import soaksetting

KIB = 1024
# Of the device that second.Host.inhibit() makes libvirtd believe in.
INHIBITED = ("Requested operation is not valid: cannot reduce memory of domain '{}' to {} KiB: "
             "ballooning is inhibited by vDPA device 'ua-vdpa' (/dev/vhost-vdpa-0): the guest "
             "would lose {} KiB and the host would gain nothing; detach the device, or lower "
             "<memory> of the domain and start it again")
INHIBITED_LATER = ("Requested operation is not valid: cannot set memory of domain '{}' to {} KiB "
                   "for its next start: ballooning will be inhibited by mediated device 'ua-gpu' "
                   f"({guests.MDEV_UUID}): the guest would give up {{}} KiB when it starts and "
                   "the host would gain nothing; lower <memory> of the domain instead")
MESSAGE = "ballooning: inhibited by vDPA device 'ua-vdpa' (/dev/vhost-vdpa-0) (policy 'block')"
# Statistics that go on by themselves.
UNSTEADY = re.compile(r"(cpu|vcpu|balloon)\.[\w.-]*(time|user|system|wait|delay|rss|last-update)$")
# In what domxml-to-native says, where libvirtd has more descriptors for more clients.
LIBVIRTDS_FD = re.compile(rb'(?<="fd":")\d+(?=")')
# Other clients come and go, and those that list all domains see it; a drive has a tray, that the
# first of two answers opens.
ON_OTHERS = re.compile(r"(^|; *)(list|domstats --)|change-media")
VOLUME = "<volume><name>{}</name><capacity>{}</capacity></volume>"


class Said(NamedTuple):
    """An error of libvirt's."""

    code: int
    domain: int
    message: str


def outcome(call, *args):
    """What a call of libvirt-python comes to: a value, or an error."""
    try:
        return call(*args)
    except libvirt.libvirtError as error:
        return Said(error.get_error_code(), error.get_error_domain(), error.get_error_message())


class Client(threading.Thread):
    """What all clients have."""

    kind = None

    def __init__(self, setting, checker, seed, end):
        super().__init__(daemon=True)
        self.setting = setting
        self.random = random.Random(f"{self.kind}{seed}")
        self.sides = {"direct": setting.direct, "through": setting.through}
        self.connections = {}
        self._checker = checker
        self._end = end

    def run(self):
        try:
            self.begin()
            while time.monotonic() < self._end:
                self.turn()
            self.close()
        # What ends a client early is a difference, whatever it is.
        except Exception as error:  # pylint: disable=broad-except
            self._checker.differ(self.kind, f"ended by {error!r}")

    def begin(self):
        """Before the first turn."""

    def turn(self):
        """Asks something."""
        raise NotImplementedError

    def open(self):
        """Has libvirt-python connections to both, anew."""
        self.close()
        self.connections = {name: libvirt.open(server.uri())
                            for name, server in self.sides.items()}

    def close(self):
        """Leaves, as far as it is there."""
        while self.connections:
            self.connections.popitem()[1].close()

    def both(self, call, what):
        """Calls for either side, in either order; returns both answers, the direct one first."""
        names = list(what)
        self.random.shuffle(names)
        answers = {name: call(what[name]) for name in names}
        return answers["direct"], answers["through"]

    def same(self, what, expected, seen):
        """Compares two answers."""
        self._checker.same(self.kind, what, expected, seen)

    def domains(self, guest):
        """A guest, as an object of either connection."""
        return {name: connection.lookupByUUIDString(guest.uuid)
                for name, connection in self.connections.items()}


class Virsh(Client):
    """Runs of virsh on a guest, of every kind that the tests of the relay have."""

    kind = "virsh"
    number = 0

    def begin(self):
        self.guest, self.own = self.setting.equipped[self.number]
        self.lines = [line for name in ("guest", "devices", "monitor")
                      for line in commands.read(name) if "{guest}" in line]
        self.lines = [line for line in self.lines if not ON_OTHERS.search(line[2:])]

    def turn(self):
        line = self.random.choice(self.lines)
        for word, value in (("guest", self.guest.name), ("data", commands.DATA),
                            ("tmp", self.own)):
            line = line.replace(f"{{{word}}}", str(value))
        command = line.removeprefix("! ")  # here it may depend on what was before
        expected, seen = self.both(lambda side: side.virsh(command), self.sides)
        expected, seen = (answer._replace(out=LIBVIRTDS_FD.sub(b"N", answer.out))
                          for answer in (expected, seen))
        self.same(command, expected, seen)


class MoreVirsh(Virsh):
    """The same on another guest."""

    number = 1


class TestDriver(Client):
    """Runs of virsh on libvirt's test driver, where there is more to change than guests."""

    kind = "test driver"

    def begin(self):
        self.lines = commands.read("test-driver")

    def turn(self):
        line = self.random.choice(self.lines).replace("{data}", str(commands.DATA))
        line = line.replace("{tmp}", str(self.setting.directory)).removeprefix("! ")
        expected, seen = self.both(lambda side: side.virsh(line, driver="test"), self.sides)
        self.same(line, expected, seen)


class ReadOnly(Client):
    """Clients of the read-only socket."""

    kind = "read-only"
    words = ["dominfo", "dumpxml", "domstate --reason", "domblklist", "setmem --size 48M",
             "domstats", "destroy", "dommemstat", "vcpucount", "undefine"]

    def turn(self):
        name = self.setting.equipped[2][0].name
        command, *options = self.random.choice(self.words).split()
        expected, seen = self.both(
            lambda side: side.virsh(command, name, *options, readonly=True), self.sides)
        self.same(command, expected, seen)


class Python(Client):
    """A program that stays for a while and uses a guest of its own in many ways."""

    kind = "python"
    added = {"balloon.policy": "warn", "balloon.state": "available", "balloon.inhibitor.count": 0}

    def begin(self):
        self.turns = 0
        self.guest = self.setting.shown
        self.kinds = [self._read, self._describe, self._resize, self._metadata, self._monitor,
                      self._fail, self._statistics, self._capabilities, self._pause]

    def turn(self):
        if self.turns % 25 == 0:
            self.open()
        self.turns += 1
        self.random.choice(self.kinds)(self.domains(self.guest))

    def _equal(self, what, call, objects):
        expected, seen = self.both(lambda target: outcome(call, target), objects)
        self.same(what, expected, seen)
        return seen

    def _read(self, domains):
        for what, call in {
                "info": lambda domain: domain.info()[:4],
                "maxMemory": lambda domain: domain.maxMemory(),
                "state": lambda domain: domain.state(),
                "vcpusFlags": lambda domain: domain.vcpusFlags(0),
                "memoryParameters": lambda domain: domain.memoryParameters(0),
                "isPersistent": lambda domain: domain.isPersistent(),
                "jobInfo": lambda domain: domain.jobInfo(),
                "hasManagedSaveImage": lambda domain: domain.hasManagedSaveImage(),
                "messages": lambda domain: domain.messages(0)}.items():
            self._equal(what, call, domains)

    def _describe(self, domains):
        for flags in (0, libvirt.VIR_DOMAIN_XML_SECURE, libvirt.VIR_DOMAIN_XML_INACTIVE):
            expected, seen = self.both(lambda domain: domain.XMLDesc(flags), domains)
            self.same("XMLDesc", attributes.spliced(expected, "warn"), seen)
        self._equal("migratable", lambda domain: domain.XMLDesc(
            libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_SECURE), domains)

    def _resize(self, domains):
        size = self.random.choice([1, 40 * KIB, 48 * KIB, 64 * KIB, 64 * KIB + 1])
        self._equal("setMemory", lambda domain: domain.setMemory(size), domains)
        for flags in (1, 2, 3, 8):
            self._equal("setMemoryFlags", lambda domain: domain.setMemoryFlags(size, flags),
                        domains)
        self._equal("the size then", lambda domain: domain.XMLDesc(2).count(
            f"<currentMemory unit='KiB'>{size}<"), domains)

    def _metadata(self, domains):
        text = f"<n>{self.random.random()}</n>"
        element, uri = libvirt.VIR_DOMAIN_METADATA_ELEMENT, "urn:soak"
        self._equal("setMetadata", lambda domain: domain.setMetadata(
            element, text, "n", uri, libvirt.VIR_DOMAIN_AFFECT_LIVE), domains)
        for wanted in (uri, attributes.POLICY_URI, "urn:none"):
            self._equal("metadata", lambda domain: domain.metadata(element, wanted), domains)
        self.same("what was set", text, domains["direct"].metadata(element, uri))

    def _monitor(self, domains):
        for text in ('{"execute":"query-name"}', '{"execute":"query-balloon"}', "{}",
                     '{"execute":"balloon","arguments":{"value":41943040}}'):
            seen = self._equal(text, lambda domain: re.sub(
                r'"id":"libvirt-\d+"', "", libvirt_qemu.qemuMonitorCommand(domain, text, 0)),
                domains)
            assert seen is not None

    def _fail(self, _):
        for what, call in {
                "lookupByName": lambda connection: connection.lookupByName("no-such-guest"),
                "defineXML": lambda connection: connection.defineXML("<domain/>"),
                "lookupByID": lambda connection: connection.lookupByID(12345)}.items():
            self._equal(what, call, self.connections)

    def _statistics(self, domains):
        def ask(name):
            (_, values), = self.connections[name].domainListGetStats([domains[name]], 0, 0)
            return {key: value for key, value in values.items() if not UNSTEADY.search(key)}

        expected, seen = self.both(ask, {name: name for name in domains})
        self.same("statistics", expected | self.added, seen)

    def _capabilities(self, _):
        self._equal("getCapabilities", lambda connection: connection.getCapabilities(),
                    self.connections)
        expected, seen = self.both(lambda connection: connection.getDomainCapabilities().encode(),
                                   self.connections)
        found = 0
        for pattern, nothing in harness.ADDED:
            seen, count = re.subn(pattern, nothing, seen)
            found += count
        self.same("getDomainCapabilities", (expected, 2), (seen, found))

    def _pause(self, domains):
        self._equal("resume and suspend", lambda domain: (
            domain.resume(), domain.resume(), domain.state(), domain.suspend(), domain.state()),
            domains)


class Inhibited(Client):
    """Takes memory, and tries to, where something inhibits ballooning."""

    kind = "inhibited"
    added = {"balloon.policy": "block", "balloon.state": "inhibited", "balloon.inhibitor.count": 1}

    def begin(self):
        self.open()
        self.kinds = [self._refused, self._refused_by_virsh, self._refused_raw, self._granted,
                      self._warned, self._later, self._shown]

    def turn(self):
        self.random.choice(self.kinds)()

    def _through(self, guest):
        return self.connections["through"].lookupByUUIDString(guest.uuid)

    def _refused(self):
        guest, size = self.setting.inhibited, self.random.randrange(1, 64 * KIB)
        expected = Said(setmem.OPERATION_INVALID, setmem.FROM_QEMU,
                        INHIBITED.format(guest.name, size, 64 * KIB - size))
        self.same("setMemory", expected, outcome(self._through(guest).setMemory, size))
        for flags in (0, 1, 3):
            self.same("setMemoryFlags", expected,
                      outcome(self._through(guest).setMemoryFlags, size, flags))

    def _refused_by_virsh(self):
        name = self.setting.inhibited.name
        text = INHIBITED.format(name, 48 * KIB, 16 * KIB)
        self.same("virsh setmem", (1, b"\n", f"error: {text}\n".encode()),
                  self.setting.through.virsh("setmem", name, "48M"))

    def _refused_raw(self):
        guest = self.setting.inhibited
        for text in ('{"execute":"balloon","arguments":{"value":50331648}}',
                     '{"arguments":{"value":50331648},"execute":"ball\\u006fon"}'):
            said = outcome(libvirt_qemu.qemuMonitorCommand, self._through(guest), text, 0)
            self.same(text, INHIBITED.format(guest.name, 48 * KIB, 16 * KIB), said.message)

    def _granted(self):
        for size in (64 * KIB, 64 * KIB + 1):
            expected, seen = self.both(lambda domain: outcome(domain.setMemory, size),
                                       self.domains(self.setting.inhibited))
            self.same(f"setMemory {size}", expected, seen)

    def _warned(self):
        size = self.random.randrange(1, 64 * KIB)
        expected, seen = self.both(lambda domain: outcome(domain.setMemory, size),
                                   self.domains(self.setting.warned))
        self.same("setMemory under 'warn'", expected, seen)

    def _later(self):
        guest, size = self.setting.blocked, self.random.randrange(1, 64 * KIB)
        said = outcome(self._through(guest).setMemoryFlags, size, 2)
        self.same("setMemoryFlags CONFIG", INHIBITED_LATER.format(
            guest.name, size, 64 * KIB - size), said.message)
        expected, seen = self.both(lambda domain: domain.XMLDesc(0), self.domains(guest))
        self.same("XMLDesc", attributes.spliced(expected, "block"), seen)
        self.same("the size then", True, f"<currentMemory unit='KiB'>{64 * KIB}<" in expected)

    def _shown(self):
        domains = self.domains(self.setting.inhibited)
        expected, seen = self.both(lambda domain: domain.messages(0), domains)
        self.same("messages", [*expected, MESSAGE], seen)
        expected, seen = self.both(lambda domain: domain.messages(
            libvirt.VIR_DOMAIN_MESSAGE_TAINTING), domains)
        self.same("messages of one kind", expected, seen)


class Definer(Client):
    """Defines a domain with our attributes, starts and ends it, and has it go."""

    kind = "define"

    def begin(self):
        self.open()
        self.number = 0

    def turn(self):
        self.number += 1
        for maker, other in (("direct", "through"), ("through", "direct")):
            policy = self.random.choice(["block", "warn", "ignore"])
            domain = attributes.Domain(self.setting.direct, self.setting.directory)
            text = domain.text(devices=guests.BALLOON, extra=guests.policy(policy))
            if maker == "through":
                text = domain.text(devices=attributes.balloon(policy))
            self.connections[maker].defineXML(text)
            self._compare(domain, policy)
            if self.number % 4 == 0:
                self.connections[other].lookupByName(domain.name).createWithFlags(
                    libvirt.VIR_DOMAIN_START_PAUSED)
                self._compare(domain, policy)
                self.connections[maker].lookupByName(domain.name).destroy()
            self.connections[other].lookupByName(domain.name).undefine()
            expected, seen = self.both(
                lambda connection, name=domain.name: outcome(connection.lookupByName, name),
                self.connections)
            self.same("gone", expected, seen)

    def _compare(self, domain, policy):
        expected, seen = self.both(lambda target: target.XMLDesc(0), self.domains(domain))
        self.same("stored", (policy, set()), attributes.effect(expected))
        self.same("shown", attributes.spliced(expected, policy), seen)


class Volumes(Client):
    """Streams: a volume that goes up on one side and comes down on both."""

    kind = "volume"

    def begin(self):
        self.open()

    def turn(self):
        content = self.random.randbytes(self.random.randrange(1, 3_000_000))
        up = self.random.choice(["direct", "through"])
        pool = self.connections[up].storagePoolLookupByName("soak")
        volume = pool.createXML(VOLUME.format("volume", len(content)))
        stream = self.connections[up].newStream()
        volume.upload(stream, 0, 0)
        stream.sendAll(lambda _, count, place: content[place[0]:place.__setitem__(
            0, place[0] + count) or place[0]], [0])
        stream.finish()
        expected = hashlib.sha256(content).digest()
        for name in ("direct", "through"):
            self.same(f"up {up}, down {name}", expected, self._down(name))
        volume.delete()

    def _down(self, name):
        found = self.connections[name].storagePoolLookupByName("soak").storageVolLookupByName(
            "volume")
        stream = self.connections[name].newStream()
        found.download(stream, 0, 0)
        digest = hashlib.sha256()
        stream.recvAll(lambda _, data, into: into.update(data), digest)
        stream.finish()
        return digest.digest()


class Console(Client):
    """A console: what is typed comes back."""

    kind = "console"

    def begin(self):
        self.open()

    def turn(self):
        for name in self.random.sample(["direct", "through"], 2):
            stream = self.connections[name].newStream()
            self.connections[name].lookupByUUIDString(self.setting.echo.uuid).openConsole(
                None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
            word = b"<%08x>" % self.random.getrandbits(32)
            stream.send(word)
            seen = b""
            while len(seen) < len(word):
                seen += stream.recv(1024)
            self.same(name, word, seen)
            stream.abort()


class Events(Client):
    """Has things happen to a guest to which some have always listened, and others just now."""

    kind = "event"

    def turn(self):
        newcomers = soaksetting.Listeners(self.setting)
        name = self.setting.watched.name
        self.setting.listeners.since(self.setting.listeners.mark())
        for _ in range(self.random.randrange(1, 5)):
            side = self.random.choice(list(self.sides.values()))
            assert side.virsh(f"resume {name}; setmem {name} 60M; suspend {name}; "
                              f"desc {name} --live {self.random.random()}").code == 0
        mark = newcomers.mark()
        for who, listeners in (("newcomers", newcomers), ("others", self.setting.listeners)):
            expected, seen = listeners.since(mark)
            self.same(who, expected, seen)
            self.same(f"{who} have seen something", True, b"Resumed" in seen)
        newcomers.close()


class Leaver(Client):
    """Clients that are killed, or hang up in the middle of something."""

    kind = "leaving"

    def turn(self):
        self.random.choice([self._kill, self._hang_up])()
        # Whoever comes after them is served.
        expected, seen = self.both(lambda side: side.virsh("domstate", self.setting.left.name),
                                   self.sides)
        self.same("domstate", expected, seen)

    # Not a virsh event: libvirtd 9.0 itself may crash when a client goes that is about to register
    # for events.
    def _kill(self):
        name = self.setting.left.name
        command = self.random.choice([f"setmem {name} 60M", f"dumpxml {name}", f"domstats {name}",
                                      "vol-list soak"])
        client = subprocess.Popen(["virsh", "-c", self.setting.through.uri(), command],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.2))
        client.kill()
        client.wait()

    def _hang_up(self):
        call = setmem.shrink(self.setting.left)
        with self.setting.through.open() as connection:
            connection.send(call * self.random.randrange(4) +
                            call[:self.random.randrange(len(call))])
            if self.random.random() < 0.5:
                connection.send(frames.pack(frames.GET_XML_DESC, self.setting.left.wire() +
                                            bytes(4), serial=9))


KINDS = [Virsh, MoreVirsh, TestDriver, ReadOnly, Python, Inhibited, Definer, Volumes, Console,
         Events, Leaver]
