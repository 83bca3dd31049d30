"""SET_MEMORY and SET_MEMORY_FLAGS as frames, and what a refusal by virtballoond looks like."""

import struct

import frames

KIB = 1024
LIVE, CONFIG = 1, 2
OPERATION_INVALID, FROM_QEMU = 55, 10
REFUSED = "Requested operation is not valid: "


def arguments(procedure, domain, kib=48 * KIB, flags=LIVE):
    """The payload of one of the two calls; without flags, SET_MEMORY means LIVE."""
    payload = domain + struct.pack(">Q", kib)
    if procedure == frames.SET_MEMORY_FLAGS:
        payload += struct.pack(">I", flags)
    return payload


def shrink(guest, serial=5):
    """A call that takes memory from a running guest, as a frame."""
    return frames.pack(frames.SET_MEMORY, arguments(frames.SET_MEMORY, guest.wire()),
                       serial=serial)


def configure(guest, kib=48 * KIB):
    """The payload of SET_MEMORY_FLAGS for the next start."""
    return arguments(frames.SET_MEMORY_FLAGS, guest.wire(), kib, CONFIG)


def assert_refused(reply, guest, *words):
    """Asserts that a reply is ours, and that it names the guest and what else there is to name."""
    assert (reply.procedure, reply.type) == (frames.SET_MEMORY_FLAGS, frames.REPLY)
    error = reply.error()
    assert (error.code, error.domain) == (OPERATION_INVALID, FROM_QEMU)
    assert error.message.startswith(REFUSED)
    for word in (f"'{guest.name}'", "inhibited", *words):
        assert word in error.message
    assert not error.message.endswith(".")
