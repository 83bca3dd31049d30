"""Stands on a socket in front of another one and keeps a copy of everything that passes.

Two of them, in front of virtballoond and behind it, tell what virtballoond itself does to a stream.
File descriptors get lost in it.
"""

import contextlib
import socket
import threading
from pathlib import Path

import frames


class Recorded:
    """One connection: what the client said, and what it was told."""

    def __init__(self):
        self.sent = bytearray()
        self.received = bytearray()

    def calls(self):
        """What the client said, as frames."""
        return frames.split(self.sent)

    def answers(self):
        """What it was told, as frames."""
        return frames.split(self.received)


class Recorder:
    """Listens on a path and connects to another one for every client."""

    def __init__(self, path, target):
        self.path = Path(path)
        self.connections = []
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Takes no more clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._target))
                recorded = Recorded()
                self.connections.append(recorded)
                for source, target, copy in ((client, server, recorded.sent),
                                             (server, client, recorded.received)):
                    threading.Thread(target=self._pump, args=(source, target, copy),
                                     daemon=True).start()

    @staticmethod
    def _pump(source, target, copy):
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                copy += part
                target.sendall(part)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
