"""Opt-outs by what QEMU itself says it can do: virtballoond asks the binary that libvirt would run.

virtballoond alone sees another binary in its place, and libvirt the real QEMU.
"""

import json

import pytest

import attributes
from attributes import balloon, mdev, text_of

EMULATOR = "/usr/bin/qemu-system-x86_64"
IN_A_NAMESPACE = ["unshare", "--mount", "--propagation", "private", "--",
                  "sh", "-ec", 'mount --bind "$1" "$2"; shift 2; exec "$@"', "sh"]
UNSUPPORTED = ("unsupported configuration: ballooning='on' is not supported by emulator "
               f"'{EMULATOR}', whose devices of type 'vfio-pci' have no property "
               "'x-balloon-allowed'; remove the attribute")

# As much of QEMU as is asked, which leaves behind that it ran.
FAKE = """\
#!/usr/bin/python3 -I
import json
import sys

open({ran!r}, "a").close()
ANSWERS = {{
    "qom-list-types": [{{"name": "vfio-pci", "parent": "pci-device"}}],
    "device-list-properties": {properties},
}}


def say(message):
    print(json.dumps(message), flush=True)


say({{"QMP": {{"version": {{"qemu": {{"micro": 0, "minor": 2, "major": 7}}, "package": ""}},
             "capabilities": []}}}})
for line in sys.stdin:
    command = json.loads(line)
    say({{"return": ANSWERS.get(command["execute"], {{}}), "id": command["id"]}})
    if command["execute"] == "quit":
        break
"""
PROPERTIES = [{"name": "host", "type": "str"}, {"name": "sysfsdev", "type": "str"}]
ALLOWED = {"name": "x-balloon-allowed", "type": "bool"}


@pytest.fixture
def ran(directory):
    """A file that is there after a binary was run by whoever may do hardly anything."""
    place = directory / "ran"
    place.mkdir()
    place.chmod(0o777)
    yield place / "it"
    (place / "it").unlink(missing_ok=True)
    place.rmdir()


@pytest.fixture
def start_with(start_virtballoond, directory, ran):
    """Starts a virtballoond that sees another binary at a path."""
    def start(text, path=EMULATOR):
        program = directory / "emulator"
        program.write_text(text.replace("RAN", str(ran)))
        program.chmod(0o755)
        daemon = start_virtballoond()
        daemon.stop()
        daemon.argv = [*IN_A_NAMESPACE, program, path, *daemon.argv]
        daemon.start()
        return daemon

    return start


def fake(*properties):
    """A binary whose VFIO device has these properties."""
    return FAKE.format(ran="RAN", properties=json.dumps([*PROPERTIES, *properties]))


@pytest.mark.parametrize("verb", ["define", "create", "domxml-to-native qemu-argv"])
def test_an_opt_out_is_refused_if_qemu_cannot_do_it(start_with, domain, ran, verb):
    daemon = start_with(fake())
    result = daemon.virsh(*verb.split(), domain.file(domain.text(mdev("on"))))
    assert attributes.refusal(result) == UNSUPPORTED
    assert not domain.exists()
    assert ran.exists()


def test_a_device_is_not_attached_with_an_opt_out_that_qemu_cannot_do(direct, start_with, domain):
    daemon = start_with(fake())
    domain.define(direct, balloon())
    before = domain.stored()
    xml = domain.file(mdev("on"), "device")
    result = daemon.virsh("attach-device", domain.name, xml, "--config")
    assert attributes.refusal(result) == UNSUPPORTED
    assert domain.stored() == before


def test_qemu_is_asked_only_if_it_matters(start_with, domain, ran):
    daemon = start_with(fake())
    for devices in (balloon("warn"), mdev("off"), mdev()):
        domain.define(daemon, devices)
        text_of(daemon.virsh("dumpxml", domain.name))
    assert not ran.exists()


@pytest.mark.parametrize("answers", [
    fake(ALLOWED), "#!/bin/true\n", "#!/bin/sh\necho nonsense\n", "no program"],
    ids=["can", "says nothing", "says nonsense", "cannot be run"])
def test_an_opt_out_passes_if_qemu_can_do_it_or_does_not_say(start_with, domain, answers):
    domain.define(start_with(answers), mdev("on"))
    assert attributes.effect(domain.stored()).opted_out == {attributes.MDEV_UUIDS[0]}


def test_a_binary_that_libvirt_does_not_list_is_never_run(start_with, domain, ran):
    """libvirt itself runs what it is told to, and sees QEMU there."""
    path = domain.directory / "qemu-of-a-user"
    path.write_text(f'#!/bin/sh\nexec {EMULATOR} "$@"\n')
    path.chmod(0o755)
    daemon = start_with(fake(), path)
    text_of(daemon.virsh("define", domain.file(domain.text(mdev("on")).replace(
        EMULATOR, str(path)))))
    assert attributes.effect(domain.stored()).opted_out == {attributes.MDEV_UUIDS[0]}
    assert not ran.exists()
    path.unlink()
