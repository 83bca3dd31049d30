"""Two guests that are the same: what changes one directly changes the other one through."""

import concurrent.futures


class Twins:
    """A guest for either side."""

    def __init__(self, direct, through, start_guest, **definition):
        self._sides = [(server, start_guest(**definition)) for server in (direct, through)]

    def same(self, *args, **options):
        """Runs a command with {guest} in it on either side at the same time, and compares."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            first, second = pool.map(lambda side: run(*side, args, options), self._sides)
        assert first == second
        return first


def run(server, guest, args, options):
    """Runs the command on one side."""
    result = server.virsh(*(str(arg).replace("{guest}", guest.name) for arg in args), **options)
    return result._replace(out=anonymous(result.out, guest), err=anonymous(result.err, guest))


def anonymous(text, guest):
    """What a guest says, without its own name and number."""
    for word in (guest.name, guest.uuid):
        text = text.replace(word.encode(), b"GUEST")
    return b"\n".join(line for line in text.split(b"\n") if b"<domain type" not in line)
