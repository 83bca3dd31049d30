"""A vfio-user server: a PCI device of no use, in a process of its own, for QEMU's vfio-user-pci.

usage: server.py SOCKET

It has a configuration space and nothing else: no BAR, no interrupt, no migration. That is all QEMU
needs to realize it, and while it is there QEMU discards no guest memory. One client at a time;
after one has gone, the next one finds a device that has just been reset.

Messages (both directions, little-endian): number, command, size, flags, error; then what belongs to
the command. QEMU waits five seconds for a reply.
"""

import array
import os
import socket
import struct
import sys

HEADER = struct.Struct("<HHIII")
REPLY, TYPE, NO_REPLY, ERROR = 0x1, 0xf, 0x10, 0x20
EINVAL = 22

VERSION, DMA_MAP, DMA_UNMAP, DEVICE_INFO, REGION_INFO = range(1, 6)
IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE = range(7, 11)
DEVICE_RESET = 13

DEVICE_FLAGS = 0x3  # can be reset, is a PCI device
REGIONS, IRQS = 9, 5  # QEMU wants as many as a PCI device of VFIO has
CONFIG_REGION, CONFIG_SIZE = 7, 256
READABLE_WRITABLE = 0x3
CAPABILITIES = b'{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}}\0'

# What a driver may write: the command register, the cache line size and the interrupt line.
WRITABLE = {0x04, 0x05, 0x0c, 0x3c}


def configuration():
    """The configuration space of an 1b36:00f5 of class ff0000."""
    space = bytearray(CONFIG_SIZE)
    struct.pack_into("<HH", space, 0x00, 0x1b36, 0x00f5)
    struct.pack_into("<I", space, 0x08, 0xff0000 << 8)
    struct.pack_into("<HH", space, 0x2c, 0x1af4, 0x1100)
    return space


class Device:
    """One client's device."""

    def __init__(self):
        self.space = configuration()

    def reply(self, command, data):
        """What answers a command; ValueError and struct.error if it makes no sense."""
        if command == VERSION:
            return data[:4] + CAPABILITIES
        if command in (DMA_MAP, SET_IRQS):
            return b""
        if command == DMA_UNMAP:
            return data[:24]
        if command == DEVICE_INFO:
            return struct.pack("<IIII", 16, DEVICE_FLAGS, REGIONS, IRQS)
        if command == REGION_INFO:
            _, _, index = struct.unpack_from("<III", data)
            flags, size = (READABLE_WRITABLE, CONFIG_SIZE) if index == CONFIG_REGION else (0, 0)
            return struct.pack("<IIIIQQ", 32, flags, index, 0, size, 0)
        if command == IRQ_INFO:
            _, _, index = struct.unpack_from("<III", data)
            return struct.pack("<IIII", 16, 0, index, 0)
        if command in (REGION_READ, REGION_WRITE):
            offset, region, count = struct.unpack_from("<QII", data)
            if region != CONFIG_REGION or offset + count > CONFIG_SIZE:
                raise ValueError("there is nothing in that place")
            if command == REGION_READ:
                return data[:16] + self.space[offset:offset + count]
            for place, byte in enumerate(data[16:16 + count], offset):
                if place in WRITABLE:
                    self.space[place] = byte
            return data[:16]
        if command == DEVICE_RESET:
            self.space = configuration()
            return b""
        raise ValueError("unknown command")


def receive(client, size):
    """That many bytes, or None at the end. Descriptors that come along are not needed."""
    data = b""
    while len(data) < size:
        part, ancillary, _, _ = client.recvmsg(size - len(data), socket.CMSG_SPACE(8 * 4))
        for _, _, sent in ancillary:
            descriptors = array.array("i")
            descriptors.frombytes(sent[:len(sent) - len(sent) % descriptors.itemsize])
            for descriptor in descriptors:
                os.close(descriptor)
        if not part:
            return None
        data += part
    return data


def serve(client):
    """Answers one client until it goes."""
    device = Device()
    while header := receive(client, HEADER.size):
        number, command, size, flags, _ = HEADER.unpack(header)
        data = receive(client, size - HEADER.size)
        if data is None:
            return
        if flags & TYPE == REPLY:
            continue
        error, answer = 0, b""
        try:
            answer = device.reply(command, data)
        except (ValueError, struct.error) as reason:
            print(f"command {command}: {reason}", file=sys.stderr, flush=True)
            error = EINVAL
        if not flags & NO_REPLY:
            client.sendall(HEADER.pack(number, command, HEADER.size + len(answer),
                                       REPLY | (ERROR if error else 0), error) + answer)


def main(path):
    """Serves one client after the other, for ever."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        client, _ = listener.accept()
        with client:
            try:
                serve(client)
            except ConnectionError:
                pass


if __name__ == "__main__":
    main(*sys.argv[1:])
