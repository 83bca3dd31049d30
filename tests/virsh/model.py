"""A model of libvirtd with one domain, for races that a real one is too slow to lose.

It answers what virtballoond asks and serves four changes: attaching a VFIO device and detaching it,
setting the memory, and the policy. Like libvirtd it serves the calls of all connections at once,
each after a moment of its own, reads the definition without waiting for anybody and changes it
under one job. It counts the changes that must not happen under policy 'block': memory taken from an
inhibited guest, a device for an inflated one.
"""

import contextlib
import random
import socket
import struct
import threading
import time

import frames

UUID = "7e0e7a57-9c1f-4a3e-8f0c-2f3d5c1b9a10"
MAXIMUM = 1048576
GET_TYPE, GET_MESSAGES = 3, 426
BLOCK, WARN = "block", "warn"

HOSTDEV = """<hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></source>
  <alias name='hostdev0'/>
</hostdev>"""

DOMAIN = """<domain type='qemu' id='1'>
  <name>model</name><uuid>{uuid}</uuid>
  <metadata>
    <balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='{policy}'/>
  </metadata>
  <memory>{maximum}</memory><currentMemory>{current}</currentMemory>
  <devices>{devices}<memballoon model='virtio'/></devices>
</domain>"""


class Held:
    """A call that has come and is not carried out yet."""

    def __init__(self):
        self.come = threading.Event()
        self.go = threading.Event()

    def wait(self):
        """Says that it has come, and waits until it may go on."""
        self.come.set()
        assert self.go.wait(60)


class Model:
    """Listens on libvirt-sock in a directory."""

    def __init__(self, directory, delay):
        self.delay = delay
        self.job = threading.Lock()
        self.wrong = []
        self.held = {}
        self.reset()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(directory / "libvirt-sock"))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def reset(self):
        """As the guest was started: no device, and all of its memory."""
        self.attached = False
        self.policy = BLOCK
        self.current = MAXIMUM

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        lock = threading.Lock()
        stream = peer.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            call = frames.unpack(head + stream.read(struct.unpack(">I", head)[0] - 4))
            threading.Thread(target=self.answer, args=(peer, lock, call), daemon=True).start()

    def answer(self, peer, lock, call):
        time.sleep(random.uniform(0, self.delay))
        if call.procedure in self.held:
            self.held[call.procedure].wait()
        payload = self.execute(call)
        with lock:
            peer.sendall(frames.pack(call.procedure, payload, program=call.program,
                                     kind=frames.REPLY, serial=call.serial))

    @contextlib.contextmanager
    def holding(self, procedure):
        """Calls of a procedure come here and are not carried out yet; gives what says so."""
        self.held[procedure] = Held()
        try:
            yield self.held[procedure]
        finally:
            self.held.pop(procedure).go.set()

    def execute(self, call):
        """Does what a call asks for and returns the payload of its reply."""
        if call.procedure == frames.AUTH_LIST:
            return struct.pack(">II", 1, 0)
        if call.procedure == GET_TYPE:
            return frames.string("QEMU")
        if call.procedure == GET_MESSAGES:
            return struct.pack(">I", 0)
        if call.procedure == frames.GET_XML_DESC:
            return frames.string(DOMAIN.format(uuid=UUID, maximum=MAXIMUM, current=self.current,
                                               policy=self.policy,
                                               devices=HOSTDEV if self.attached else ""))
        if call.procedure == frames.ATTACH_DEVICE:
            with self.job:
                if self.current < MAXIMUM and self.policy == BLOCK:
                    self.wrong.append("attached to an inflated guest")
                time.sleep(random.uniform(0, self.delay))
                self.attached = True
        if call.procedure == frames.DETACH_DEVICE:
            with self.job:
                time.sleep(random.uniform(0, self.delay))
                self.attached = False
        if call.procedure == frames.SET_METADATA:
            with self.job:
                time.sleep(random.uniform(0, self.delay))
                self.policy = WARN if b"'warn'" in call.payload else BLOCK
        if call.procedure == frames.SET_MEMORY:
            memory, = struct.unpack(">Q", call.payload[-8:])
            with self.job:
                if self.attached and memory < self.current and self.policy == BLOCK:
                    self.wrong.append("taken from an inhibited guest")
                time.sleep(random.uniform(0, self.delay))
                self.current = memory
        return b""
