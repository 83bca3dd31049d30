"""`virsh setmem` on guests that have a real VFIO device, through virtballoond and beside it.

Nothing runs inside these guests: what is tested is who says what, and what QEMU is told.
test_setmem_linux.py has what happens to the memory of a guest that answers.
"""

import host
import libvirt
import pytest

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
CONFIG = libvirt.VIR_DOMAIN_AFFECT_CONFIG
CURRENT = libvirt.VIR_DOMAIN_AFFECT_CURRENT
MIB = 1024
REFUSED = (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_FROM_QEMU)


def code(error):
    """What a program looks at: the code of a libvirt error and the part of libvirt it is from."""
    return error.value.get_error_code(), error.value.get_error_domain()


def full_error(call):
    """Everything a client learns from a call that fails."""
    with pytest.raises(libvirt.libvirtError) as error:
        call()
    return error.value.err


def set_policy(guest, policy, uri, *where):
    """Sets the memballoon policy of a guest with stock virsh."""
    host.checked_virsh("metadata", guest, host.POLICY_NAMESPACE, *where, "--key", "balloon",
                       "--set", f"<policy memballoon='{policy}'/>", uri=uri)


def inactive_memory(domain):
    """The <currentMemory> line of a domain's stored configuration."""
    text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    return next(line.strip() for line in text.splitlines() if "<currentMemory" in line)


# What libvirt does by itself

def test_stock_libvirt_accepts_setmem_on_a_guest_with_a_vfio_device(vfio_guest, direct_uri):
    with host.balloon_commands(vfio_guest) as sizes:
        result = host.virsh("setmem", vfio_guest, "128M", "--live", uri=direct_uri)
    assert result.status == 0
    assert sizes == [128]


# The refusal

def test_setmem_below_current_is_refused_and_says_which_device_is_why(vfio_guest, through_uri):
    result = host.virsh("setmem", vfio_guest, "128M", "--live", uri=through_uri)
    assert result.status == 1
    assert result.out.strip() == ""
    assert result.err.startswith("error: Requested operation is not valid: ")
    for name in f"'{vfio_guest}'", "hostdev0", host.spare_devices()[0]:
        assert name in result.err


def test_a_refused_setmem_never_reaches_qemu(vfio_guest, through_uri):
    with host.balloon_commands(vfio_guest) as sizes:
        assert host.virsh("setmem", vfio_guest, "128M", "--live", uri=through_uri).status == 1
    assert sizes == []


@pytest.mark.parametrize("flags", [LIVE, CURRENT, LIVE | CONFIG])
def test_set_memory_flags_on_a_running_guest_is_refused_with_code_55(vfio_guest, through, flags):
    domain = through.lookupByName(vfio_guest)
    with pytest.raises(libvirt.libvirtError) as error:
        domain.setMemoryFlags(128 * MIB, flags)
    assert code(error) == REFUSED == (55, 10)


def test_the_older_call_set_memory_is_refused_with_code_55(vfio_guest, through):
    domain = through.lookupByName(vfio_guest)
    with pytest.raises(libvirt.libvirtError) as error:
        domain.setMemory(128 * MIB)
    assert code(error) == REFUSED


def test_a_refusal_has_the_same_form_as_an_error_of_libvirtd(vfio_guest, through, direct):
    refused = full_error(lambda: through.lookupByName(vfio_guest).setMemory(128 * MIB))
    error = full_error(lambda: direct.lookupByName(vfio_guest).setMaxMemory(128 * MIB))
    assert refused[:2] == error[:2] == REFUSED
    assert refused[3:5] == error[3:5]
    assert refused[6:] == error[6:]
    assert refused[2] == refused[4] % refused[5]


def test_the_connection_works_after_a_refusal(vfio_guest, through):
    domain = through.lookupByName(vfio_guest)
    for _ in range(3):
        with pytest.raises(libvirt.libvirtError):
            domain.setMemory(128 * MIB)
        assert domain.name() == vfio_guest
        assert domain.info()[1] == 256 * MIB


def test_live_and_config_together_are_refused_as_a_whole(vfio_guest, through):
    domain = through.lookupByName(vfio_guest)
    before = inactive_memory(domain)
    with pytest.raises(libvirt.libvirtError) as error:
        domain.setMemoryFlags(128 * MIB, LIVE | CONFIG)
    assert code(error) == REFUSED
    assert inactive_memory(domain) == before


# What passes

def test_setmem_to_the_current_value_passes(vfio_guest, through_uri):
    with host.balloon_commands(vfio_guest) as sizes:
        result = host.virsh("setmem", vfio_guest, "256M", "--live", uri=through_uri)
    assert result.status == 0
    assert sizes == [256]


def test_one_kib_less_is_refused(vfio_guest, through):
    with pytest.raises(libvirt.libvirtError) as error:
        through.lookupByName(vfio_guest).setMemory(256 * MIB - 1)
    assert code(error) == REFUSED


def test_config_alone_passes_when_the_domain_has_no_policy(vfio_guest, through):
    domain = through.lookupByName(vfio_guest)
    domain.setMemoryFlags(128 * MIB, CONFIG)
    assert inactive_memory(domain) == "<currentMemory unit='KiB'>131072</currentMemory>"


def test_config_alone_is_refused_when_the_domain_says_block(vfio_guest, through, direct_uri):
    set_policy(vfio_guest, "block", direct_uri, "--config")
    domain = through.lookupByName(vfio_guest)
    before = inactive_memory(domain)
    full_error(lambda: domain.setMemoryFlags(128 * MIB, CONFIG))
    assert inactive_memory(domain) == before


def test_setmem_passes_on_a_guest_without_a_device(plain_guest, through_uri):
    with host.balloon_commands(plain_guest) as sizes:
        result = host.virsh("setmem", plain_guest, "128M", "--live", uri=through_uri)
    assert (result.status, result.err.strip()) == (0, "")
    assert sizes == [128]


def test_a_guest_started_again_without_its_device_is_no_longer_refused(define, through_uri):
    address = host.spare_devices()[1]
    guest = host.start(define("gpu2", hostdevs=[address]))
    refused = host.virsh("setmem", guest, "128M", "--live", uri=through_uri)
    assert refused.status == 1
    assert address in refused.err

    host.checked_virsh("destroy", guest)
    device = host.WORK / "gpu2-hostdev.xml"
    device.write_text(host.hostdev_xml(address))
    host.checked_virsh("detach-device", guest, str(device), "--config")
    host.start(guest)
    with host.balloon_commands(guest) as sizes:
        assert host.virsh("setmem", guest, "128M", "--live", uri=through_uri).status == 0
    assert sizes == [128]


def test_every_device_is_named_when_there_are_two(define, through_uri):
    addresses = host.spare_devices()[1:3]
    guest = host.start(define("gpu3", hostdevs=addresses))
    result = host.virsh("setmem", guest, "128M", "--live", uri=through_uri)
    assert result.status == 1
    for name in "hostdev0", "hostdev1", *addresses:
        assert name in result.err


# Policies

@pytest.mark.parametrize("policy", ["warn", "ignore"])
def test_the_policies_warn_and_ignore_pass(vfio_guest, through_uri, policy):
    set_policy(vfio_guest, policy, through_uri, "--live")
    with host.balloon_commands(vfio_guest) as sizes:
        result = host.virsh("setmem", vfio_guest, "128M", "--live", uri=through_uri)
    assert (result.status, result.err.strip()) == (0, "")
    assert sizes == [128]


@pytest.mark.parametrize("policy, lines", [("warn", 1), ("ignore", 0)])
def test_warn_logs_one_line_and_ignore_none(vfio_guest, start_virtballoond, policy, lines):
    # A fresh one: how often it speaks of the same domain is limited.
    daemon = start_virtballoond()
    set_policy(vfio_guest, policy, daemon.uri, "--live")
    host.checked_virsh("setmem", vfio_guest, "128M", "--live", uri=daemon.uri)
    log = daemon.log().splitlines()
    assert len([line for line in log if vfio_guest in line]) == lines, log


def test_a_policy_set_on_the_running_guest_counts_from_the_next_setmem_on(
        vfio_guest, through_uri, direct_uri):
    def setmem():
        return host.virsh("setmem", vfio_guest, "128M", "--live", uri=through_uri).status

    assert setmem() == 1
    set_policy(vfio_guest, "warn", direct_uri)
    assert setmem() == 0
    set_policy(vfio_guest, "block", through_uri)
    assert setmem() == 1
    set_policy(vfio_guest, "ignore", through_uri)
    assert setmem() == 0
    host.checked_virsh("metadata", vfio_guest, host.POLICY_NAMESPACE, "--remove", uri=direct_uri)
    assert setmem() == 1


def test_a_policy_from_the_definition_counts(define, through_uri):
    guest = host.start(define("warned1", hostdevs=[host.spare_devices()[1]], policy="warn"))
    result = host.virsh("setmem", guest, "128M", "--live", uri=through_uri)
    assert (result.status, result.err.strip()) == (0, "")


def test_the_default_policy_comes_from_the_configuration(vfio_guest, start_virtballoond):
    daemon = start_virtballoond("default_policy=warn")
    assert host.virsh("setmem", vfio_guest, "128M", "--live", uri=daemon.uri).status == 0
    set_policy(vfio_guest, "block", daemon.uri, "--live")
    assert host.virsh("setmem", vfio_guest, "128M", "--live", uri=daemon.uri).status == 1


# Where libvirt refuses by itself, it has the word

@pytest.mark.parametrize("arguments", [
    ["setmem", "gpu1", "512M", "--live"],
    ["setmem", "gpu1", "512M", "--live", "--config"],
    ["setmem", "gpu1", "128M", "--current", "--live"],
    ["setmem", "gpu1", "0", "--live"],
    ["setmem", "gpu1", "128Q", "--live"],
    ["setmem", "idle1", "128M"],
    ["setmem", "idle1", "128M", "--live"],
    ["setmem", "idle1", "128M", "--live", "--config"],
    ["setmem", "idle1", "512M", "--config"],
    ["setmem", "nobody1", "128M", "--live"],
    ["setmaxmem", "gpu1", "128M", "--live"],
], ids=" ".join)
def test_what_libvirt_refuses_reads_the_same_through_virtballoond(
        vfio_guest, idle_guest, direct_uri, through_uri, arguments):
    assert {vfio_guest, idle_guest} == {"gpu1", "idle1"}
    direct = host.virsh(*arguments, uri=direct_uri)
    assert direct.status == 1
    assert host.virsh(*arguments, uri=through_uri) == direct


@pytest.mark.parametrize("memory, flags", [
    (128 * MIB, 0x400),
    (128 * MIB, LIVE | 0x400),
    (512 * MIB, LIVE),
    (512 * MIB, LIVE | CONFIG),
    (128 * MIB, libvirt.VIR_DOMAIN_MEM_MAXIMUM | LIVE),
    (0, LIVE),
])
def test_an_error_of_libvirt_is_the_same_in_every_field(vfio_guest, direct, through, memory, flags):
    errors = [
        full_error(lambda domain=connection.lookupByName(vfio_guest):
                   domain.setMemoryFlags(memory, flags))
        for connection in (direct, through)]
    assert errors[0] == errors[1]


def test_a_read_only_client_gets_the_words_of_libvirt(vfio_guest, direct_uri, virtballoond):
    arguments = ["--readonly", "setmem", vfio_guest, "128M", "--live"]
    direct = host.virsh(*arguments, uri=direct_uri)
    assert direct.status == 1
    assert "read only access" in direct.err
    assert host.virsh(*arguments, uri=virtballoond.read_only_uri) == direct


def test_a_domain_that_is_gone_gets_the_words_of_libvirt(define, direct, through):
    define("gone1", hostdevs=[host.spare_devices()[1]])
    domains = [connection.lookupByName("gone1") for connection in (direct, through)]
    host.checked_virsh("undefine", "gone1")
    errors = [full_error(lambda stale=domain: stale.setMemory(128 * MIB)) for domain in domains]
    assert errors[0][0] == libvirt.VIR_ERR_NO_DOMAIN
    assert errors[0] == errors[1]


def test_a_guest_without_a_balloon_device_gets_the_words_of_libvirt(define, direct, through):
    guest = host.start(define("noballoon1", hostdevs=[host.spare_devices()[1]],
                              memballoon="none"))
    errors = [full_error(lambda domain=connection.lookupByName(guest):
                         domain.setMemory(128 * MIB)) for connection in (direct, through)]
    assert errors[0] == errors[1]


# Nothing is left behind

def test_the_guest_is_not_tainted_by_being_asked_about(vfio_guest, through_uri, direct_uri):
    before = host.checked_virsh("dominfo", vfio_guest, uri=direct_uri)
    assert host.virsh("setmem", vfio_guest, "128M", "--live", uri=through_uri).status == 1
    assert host.virsh("setmem", vfio_guest, "256M", "--live", uri=through_uri).status == 0
    after = host.checked_virsh("dominfo", vfio_guest, uri=direct_uri)

    def messages(text):
        return text[text.index("Messages:"):]

    assert messages(after) == messages(before)
    assert "custom monitor" not in after


# Guests whose memory is partly virtio-mem

@pytest.fixture(scope="module")
def virtio_mem_guest():
    """256 MiB of memory that the balloon can reach and 256 MiB of virtio-mem that it cannot."""
    with host.guests() as define:
        yield host.start(define("vmem1", hostdevs=[host.spare_devices()[2]],
                                virtio_mem=[(256, 128)]))


def test_setmem_to_all_that_the_balloon_reaches_passes(virtio_mem_guest, through_uri):
    result = host.virsh("setmem", virtio_mem_guest, "256M", "--live", uri=through_uri)
    assert (result.status, result.err.strip()) == (0, "")


@pytest.mark.parametrize("size", ["513M", "512M", "300M", "257M"])
def test_setmem_above_what_the_balloon_reaches_gets_what_libvirt_says(
        virtio_mem_guest, direct_uri, through_uri, size):
    arguments = ["setmem", virtio_mem_guest, size, "--live"]
    assert host.virsh(*arguments, uri=through_uri) == host.virsh(*arguments, uri=direct_uri)


def test_setmem_below_what_the_balloon_reaches_is_refused(virtio_mem_guest, through_uri):
    result = host.virsh("setmem", virtio_mem_guest, "255M", "--live", uri=through_uri)
    assert result.status == 1
    assert "hostdev0" in result.err
    # Nothing of the virtio-mem device is plugged yet, so it has nothing to give back.
    assert "update-memory-device" not in result.err
