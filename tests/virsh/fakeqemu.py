"""A monitor for what no real QEMU says: it answers as it is told."""

import contextlib
import json
import socket
import threading

UUID = "00000000-0000-4000-b000-000000000001"
GREETING = {"QMP": {"version": {"qemu": {"major": 9, "minor": 1, "micro": 0}, "package": ""},
                    "capabilities": []}}


class FakeQemu:
    """A monitor that answers as it is told, to one client after the other."""

    def __init__(self, path, answers, greeting=GREETING):
        self.answers = {"qmp_capabilities": {}, "query-name": {"name": "fake"},
                        "query-uuid": {"UUID": UUID}, "query-memory-devices": [],
                        "query-memory-size-summary": {"base-memory": 1 << 30},
                        "query-balloon": {"actual": 1 << 29}} | answers
        self.greeting = greeting if isinstance(greeting, bytes) else self.line(greeting)
        self.asked = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def line(value):
        """A message; bytes are one already."""
        return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"

    def serve(self):
        """Answers until the socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                with self.socket.accept()[0] as client, contextlib.suppress(OSError):
                    client.sendall(self.greeting)
                    for text in client.makefile("rb"):
                        client.sendall(self.answer(json.loads(text)))

    def answer(self, command):
        """What is said to a command."""
        self.asked.append(command)
        name = command["execute"]
        if name.startswith("qom-"):
            arguments = command["arguments"]
            name = (arguments["path"], arguments.get("property"))
        answer = self.answers.get(name, [] if isinstance(name, tuple) and not name[1] else None)
        if isinstance(answer, bytes):
            return answer
        return self.line({"error": {"class": "GenericError", "desc": "no"}} if answer is None else
                         {"return": answer})

    def close(self):
        """Is there no more."""
        self.socket.close()
