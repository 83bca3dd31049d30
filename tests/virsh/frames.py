"""libvirt's RPC protocol as raw frames: what virsh cannot be made to send, and what it hides.

A frame is a big-endian length word that counts itself, six header words, for the two types that
carry file descriptors their number, then the payload in XDR. The descriptors follow the frame, each
as one zero byte of its own with SCM_RIGHTS; the length does not count those bytes.
"""

import array
import os
import socket
import struct
import uuid as uuidlib
from typing import NamedTuple

REMOTE = (0x20008086, 1)
QEMU = (0x20008087, 1)
KEEPALIVE = (0x6B656570, 1)

CALL, REPLY, MESSAGE, STREAM, CALL_WITH_FDS, REPLY_WITH_FDS = range(6)
OK, ERROR, CONTINUE = range(3)

CONNECT_OPEN = 1
GET_TYPE = 3
GET_MAX_VCPUS = 5
GET_VERSION = 4
GET_CAPABILITIES = 7
ATTACH_DEVICE = 8
DETACH_DEVICE = 13
GET_XML_DESC = 14
GET_INFO = 16
SET_MEMORY = 31
SUPPORTS_FEATURE = 60
AUTH_LIST = 66
AUTH_POLKIT = 70
SET_MEMORY_FLAGS = 204
SET_METADATA = 264
SET_IDENTITY = 419
MONITOR_COMMAND, MONITOR_COMMAND_WITH_FILES = 1, 7  # of the program QEMU
PING, PONG = 1, 2

LENGTH_MAX = 33554436
HEADER = struct.Struct(">IIIiIII")


class RemoteError(NamedTuple):
    """The part of libvirt's remote_error that users see."""

    code: int
    domain: int
    message: str


class Frame(NamedTuple):
    """One received frame; fds is how many descriptors came with it (they are closed at once)."""

    program: tuple
    procedure: int
    type: int
    serial: int
    status: int
    payload: bytes
    fds: int

    def error(self):
        """The remote_error of a reply with status ERROR."""
        assert self.status == ERROR, self
        code, domain, has_message = struct.unpack_from(">iiI", self.payload)
        message = ""
        if has_message:
            length, = struct.unpack_from(">I", self.payload, 12)
            message = self.payload[16:16 + length].decode()
        return RemoteError(code, domain, message)


def string(text):
    """An XDR string."""
    data = text.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def optional(value):
    """An XDR pointer: None, or something packed already."""
    return struct.pack(">I", 0) if value is None else struct.pack(">I", 1) + value


def domain(name, uuid, number=-1):
    """A remote_nonnull_domain."""
    return string(name) + uuidlib.UUID(uuid).bytes + struct.pack(">i", number)


def pack(procedure, payload=b"", *, program=REMOTE, kind=CALL, serial=0, status=OK, nfds=None):
    """A whole frame; nfds is the count word, for the types that have one."""
    if nfds is not None:
        payload = struct.pack(">I", nfds) + payload
    length = HEADER.size + len(payload)
    return HEADER.pack(length, *program, procedure, kind, serial, status) + payload


def unpack(data):
    """The frame that some bytes are, without its descriptors."""
    _, program, version, procedure, kind, serial, status = HEADER.unpack_from(data)
    payload = bytes(data[HEADER.size:])
    fds = 0
    if kind in (CALL_WITH_FDS, REPLY_WITH_FDS):
        fds, = struct.unpack_from(">I", payload)
        payload = payload[4:]
    return Frame((program, version), procedure, kind, serial, status, payload, fds)


def split(data):
    """The frames of a stream that has no descriptors in it; the last one may not be whole yet."""
    data = memoryview(bytes(data))
    found = []
    while len(data) >= HEADER.size:
        length, = struct.unpack_from(">I", data)
        if len(data) < length:
            break
        found.append(unpack(data[:length]))
        data = data[length:]
    return found


class Connection:
    """A client on a UNIX socket that speaks frames, with a deadline on everything it waits for."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def open(self, name="qemu:///system"):
        """Authenticates and opens a driver, as every client does first."""
        assert self.call(AUTH_LIST).status == OK
        reply = self.call(CONNECT_OPEN, optional(string(name)) + struct.pack(">I", 0), serial=1)
        assert reply.status == OK, reply.error()
        return self

    def send(self, data, fds=()):
        """Sends bytes, then every descriptor with a byte of its own."""
        self.socket.sendall(data)
        for fd in fds:
            rights = array.array("i", [fd])
            self.socket.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    def call(self, procedure, payload=b"", *, fds=(), **header):
        """Sends one call and returns its reply."""
        self.send(pack(procedure, payload, **header), fds)
        return self.read_frame()

    def read_frame(self):
        """The next frame; EOFError when the peer has closed the connection."""
        header = self._read(HEADER.size)
        length, = struct.unpack_from(">I", header)
        frame = unpack(header + self._read(length - HEADER.size))
        for _ in range(frame.fds):
            self._read_fd()
        return frame

    def closed_by_peer(self):
        """Reads up to the end; True when the peer closed without sending anything more."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                raise EOFError("connection closed by the peer")
            data += part
        return bytes(data)

    def _read_fd(self):
        size = array.array("i").itemsize
        _, ancillary, _, _ = self.socket.recvmsg(1, socket.CMSG_SPACE(size))
        (_, _, rights), = ancillary
        os.close(array.array("i", rights)[0])
