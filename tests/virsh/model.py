"""A model of libvirtd with one domain, for races that a real one is too slow to lose.

It answers what virtballoond asks and serves two changes: attaching a VFIO device and setting the
memory. Like libvirtd it serves the calls of all connections at once, each after a moment of its
own, reads the definition without waiting for anybody and changes it under one job. It counts the
changes that must not happen: memory taken from an inhibited guest, a device for an inflated one.
"""

import random
import socket
import struct
import threading
import time

import frames

UUID = "7e0e7a57-9c1f-4a3e-8f0c-2f3d5c1b9a10"
MAXIMUM = 1048576
ATTACH_DEVICE, GET_TYPE, GET_MESSAGES = 8, 3, 426

HOSTDEV = """<hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></source>
  <alias name='hostdev0'/>
</hostdev>"""

DOMAIN = """<domain type='qemu' id='1'>
  <name>model</name><uuid>{uuid}</uuid>
  <metadata>
    <balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='block'/>
  </metadata>
  <memory>{maximum}</memory><currentMemory>{current}</currentMemory>
  <devices>{devices}<memballoon model='virtio'/></devices>
</domain>"""


class Model:
    """Listens on libvirt-sock in a directory."""

    def __init__(self, directory, delay):
        self.delay = delay
        self.job = threading.Lock()
        self.wrong = []
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
        payload = self.execute(call)
        with lock:
            peer.sendall(frames.pack(call.procedure, payload, program=call.program,
                                     kind=frames.REPLY, serial=call.serial))

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
                                               devices=HOSTDEV if self.attached else ""))
        if call.procedure == ATTACH_DEVICE:
            with self.job:
                if self.current < MAXIMUM:
                    self.wrong.append("attached to an inflated guest")
                time.sleep(random.uniform(0, self.delay))
                self.attached = True
        if call.procedure == frames.SET_MEMORY:
            memory, = struct.unpack(">Q", call.payload[-8:])
            with self.job:
                if self.attached and memory < self.current:
                    self.wrong.append("taken from an inhibited guest")
                time.sleep(random.uniform(0, self.delay))
                self.current = memory
        return b""
