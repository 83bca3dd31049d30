"""The files of virsh commands that are run on both sides and must print the same."""

import re
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE / "data"


def read(name):
    """The runs of virsh in a file; an indented line goes on with the one before."""
    text = (HERE / "commands" / f"{name}.txt").read_text()
    lines = re.sub(r"\n +", " ", text).splitlines()
    return [line for line in lines if line and not line.startswith("#")]
