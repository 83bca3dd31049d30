"""virsh setmem through virtballoond where nothing inhibits the balloon: as without virtballoond."""

import libvirt
import pytest

import guests

KIB = 1024
MAXIMUM_KIB = 64 * KIB
BAD_FLAG = 0x400
CUSTOM_MONITOR = b"custom monitor control commands issued"
NO_BALLOON = (b"Unable to change memory of active domain without the balloon device and guest OS"
              b" balloon driver")

TEST_DRIVER_HOSTDEV = """\
<domain type='test'>
  <name>with-device</name>
  <uuid>00000000-0000-4000-8000-00000000face</uuid>
  <memory unit='MiB'>64</memory>
  <os><type>hvm</type></os>
  <devices>
    <hostdev mode='subsystem' type='pci'>
      <source><address domain='0' bus='7' slot='0' function='0'/></source>
    </hostdev>
  </devices>
</domain>
"""


@pytest.fixture(scope="module")
def inactive(start_guest):
    """A guest that does not run."""
    return start_guest(start=False)


@pytest.fixture(scope="module")
def without_balloon(start_guest):
    """A running guest without a balloon device."""
    return start_guest(devices=guests.NO_BALLOON)


@pytest.fixture(scope="module")
def with_command_line(start_guest):
    """A running guest with QEMU arguments of its own, which might hide an inhibitor."""
    return start_guest(extra=guests.COMMAND_LINE)


def python_error(server, call):
    """Calls with an open libvirt-python connection; returns the parts of the error it raises."""
    connection = libvirt.open(server.uri())
    try:
        with pytest.raises(libvirt.libvirtError) as caught:
            call(connection)
    finally:
        connection.close()
    return caught.value.err


def shrink(server, guest):
    """A shrink that must succeed without a word."""
    assert server.virsh("setmem", guest.name, "48M") == (0, b"\n", b"")


@pytest.mark.parametrize("options", [
    [], ["--live"], ["--current"], ["--config"], ["--live", "--config"],
    ["--current", "--config"], ["--current", "--live"]], ids="".join)
@pytest.mark.parametrize("size", ["48M", "64M"])
def test_a_guest_without_inhibitor_is_resized_as_directly(same, guest, options, size):
    result = same("setmem", guest.name, size, *options)
    assert result.code == ("--current" in options and len(options) > 1), result
    same("dumpxml", guest.name, "--inactive")
    same("domstats", guest.name, "--balloon")


def test_a_shrink_asks_qemu_nothing_more_than_libvirt_does(direct, through, guest):
    sent = [direct.commands_sent(lambda: server.virsh("setmem", guest.name, "40M"))
            for server in (direct, through)]
    assert sent[0] == sent[1] == [b'{"execute":"balloon","arguments":{"value":41943040},"id":""}']
    assert CUSTOM_MONITOR not in direct.virsh("dominfo", guest.name).out


def test_python_set_memory_is_relayed(direct, through, guest):
    for server in (direct, through):
        connection = libvirt.open(server.uri())
        sent = direct.commands_sent(lambda: connection.lookupByName(guest.name).setMemory(50000))
        connection.close()
        assert sent == [b'{"execute":"balloon","arguments":{"value":51200000},"id":""}']


@pytest.mark.parametrize("options", [[], ["--live"], ["--config"], ["--live", "--config"]],
                         ids="".join)
def test_more_than_the_maximum_is_refused_by_libvirt_itself(same, guest, options):
    result = same("setmem", guest.name, "65M", *options)
    assert result.code == 1
    assert b"invalid argument: cannot set memory higher than max memory" in result.err


def test_a_size_of_zero_is_refused_by_libvirt_itself(same, guest):
    result = same("setmem", guest.name, "0")
    assert result.code == 1
    assert b"must not be zero" in result.err


def test_an_unknown_domain_is_refused_by_libvirt_itself(same):
    result = same("setmem", "no-such-guest", "48M")
    assert (result.code, result.out) == (1, b"\n")
    assert result.err == b"error: failed to get domain 'no-such-guest'\n"


@pytest.mark.parametrize("options", [[], ["--live"], ["--live", "--config"]], ids="".join)
def test_an_inactive_guest_is_refused_by_libvirt_itself(same, inactive, options):
    result = same("setmem", inactive.name, "48M", *options)
    assert result.code == 1
    assert b"Requested operation is not valid: domain is not running" in result.err


@pytest.mark.parametrize("option", ["--config", "--current"])
def test_an_inactive_guest_may_be_configured(direct, through, inactive, option):
    for server, size in ((direct, 48), (through, 40)):
        assert server.virsh("setmem", inactive.name, f"{size}M", option) == (0, b"\n", b"")
        shown = direct.virsh("dumpxml", inactive.name).out.decode()
        assert f"<currentMemory unit='KiB'>{size * KIB}<" in shown


def test_a_guest_without_balloon_is_refused_by_libvirt_itself(same, without_balloon):
    result = same("setmem", without_balloon.name, "48M")
    assert result.code == 1
    assert NO_BALLOON in result.err


def test_a_read_only_client_is_refused_by_libvirt_itself(same, guest):
    result = same("setmem", guest.name, "48M", readonly=True)
    assert result.code == 1
    assert b"operation forbidden: read only access prevents virDomainSetMemory" in result.err


@pytest.mark.parametrize("flags", [BAD_FLAG, BAD_FLAG | libvirt.VIR_DOMAIN_AFFECT_LIVE,
                                   0x80000000], ids=hex)
def test_unknown_flags_are_refused_by_libvirt_itself(direct, through, guest, flags):
    errors = [python_error(server, lambda connection: connection.lookupByName(guest.name)
                           .setMemoryFlags(48 * KIB, flags))
              for server in (direct, through)]
    assert errors[0] == errors[1]
    assert f"unsupported flags (0x{flags & ~1:x})" in errors[0][2]


@pytest.mark.parametrize("kib", [MAXIMUM_KIB + 1, 1 << 52, (1 << 64) - 1])
@pytest.mark.parametrize("method", ["setMemory", "setMemoryFlags"])
def test_absurd_sizes_get_the_same_error(direct, through, guest, method, kib):
    number = kib if kib < 1 << 63 else kib - (1 << 64)
    errors = [python_error(server, lambda connection: getattr(
        connection.lookupByName(guest.name), method)(number)) for server in (direct, through)]
    assert errors[0] == errors[1]


@pytest.mark.parametrize("options", [["--live"], [], ["--config"]], ids="".join)
def test_the_maximum_is_set_as_directly(same, inactive, guest, options):
    for name in (guest.name, inactive.name):
        same("setmaxmem", name, "64M", *options)


def test_a_guest_with_arguments_of_its_own_is_asked_and_resized(
        direct, through, with_command_line):
    assert direct.virsh("setmem", with_command_line.name, "48M").code == 0
    sent = direct.commands_sent(lambda: shrink(through, with_command_line))
    assert sent[-1].startswith(b'{"execute":"balloon"')
    if through is not direct:
        assert len(sent) > 1, "nobody asked QEMU whether the arguments hide an inhibitor"


@pytest.mark.parametrize("policy", ["block", "warn", "ignore"])
@pytest.mark.parametrize("qmp", ["auto", "always", "never"])
def test_no_configuration_refuses_a_guest_without_inhibitor(
        direct, start_virtballoond, start_guest, policy, qmp):
    guest = start_guest()
    daemon = start_virtballoond(f"auth=none\ndefault_policy={policy}\nqmp={qmp}\n")
    sent = direct.commands_sent(lambda: shrink(daemon, guest))
    assert sent[-1].startswith(b'{"execute":"balloon"')
    asked = qmp == "always" and policy != "ignore"
    assert (CUSTOM_MONITOR in direct.virsh("dominfo", guest.name).out) == asked
    assert (len(sent) > 1) == asked


def test_the_test_driver_is_never_judged(same, directory):
    xml = directory / "with-device.xml"
    xml.write_text(TEST_DRIVER_HOSTDEV)
    result = same(f"create {xml}; setmem with-device 32M; dominfo with-device", driver="test")
    assert result.code == 0
    assert b"Used memory:    32768 KiB" in result.out
    assert same("setmem test 1G; setmem test 9G", driver="test").code == 1
