"""What the tests in a container are made of: commands, and what systemd says of units."""

import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent
SERVICE = "virtballoond.service"
SOCKETS = ["virtballoond.socket", "virtballoond-ro.socket"]
UNITS = [SERVICE, *SOCKETS]
SECONDS = 30


def run(*argv, code=0, **options):
    """Runs a command, which must end with a status; returns what it says."""
    done = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=120, **options)
    assert code is None or done.returncode == code, (argv, done)
    return done.stdout


def wait_for(condition, seconds=SECONDS):
    """Waits until something has come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def state(unit, name="ActiveState"):
    """A property of a unit."""
    return run("systemctl", "show", "-P", name, unit).strip()


def active(unit):
    """Whether a unit is active."""
    return state(unit) == "active"
