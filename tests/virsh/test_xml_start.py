"""What would start with an inflated balloon that gains the host nothing: refused, logged or passed.

The device need not exist: what is not refused here fails in libvirt, and that is not looked at.
"""

import libvirt
import pytest

import attributes
import guests
from attributes import MDEV_UUIDS, balloon, logged, mdev, opened, text_of

INFLATED = 48
KIB = INFLATED * 1024
REFUSED = ("{}: cannot {} domain '{}' with a currentMemory of {} KiB: ballooning will be inhibited "
           "by mediated device ({}): the guest would give up 16384 KiB when it starts and the host "
           "would gain nothing; raise <currentMemory> to 65536 KiB, or lower <memory>")
SRIOV = """\
<network>
  <name>sriov</name>
  <forward mode='hostdev' managed='yes'><pf dev='eth9'/></forward>
</network>
"""
ROUTED = "<network><name>routed</name><forward mode='open'/><bridge name='vbr9'/>" \
    "<ip address='192.0.2.1' prefix='24'/></network>"
INTERFACE = "<interface type='network'><source network='{}'/></interface>"

# Which policy of a domain's own is refused, which is said in the log.
POLICIES = {"block": "refused", "redirect": "refused", "warn": "logged", "ignore": "",
            "nonsense": "refused", None: "logged"}


def refusal_of(verb, domain):
    """The text that refuses it."""
    kind = "Requested operation is not valid" if verb == "start" else "unsupported configuration"
    return REFUSED.format(kind, verb, domain.name, KIB, MDEV_UUIDS[0])


@pytest.fixture(scope="module")
def networks(direct, directory):
    """Two networks, of which one hands out devices of the host; none is started."""
    for name, xml in (("sriov", SRIOV), ("routed", ROUTED)):
        path = directory / f"{name}.xml"
        path.write_text(xml)
        text_of(direct.virsh("net-define", path))
    yield
    for name in ("sriov", "routed"):
        text_of(direct.virsh("net-undefine", name))


def attempt(server, domain, verb, text):
    """Defines, creates or starts; the last with what is defined directly, as it is."""
    if verb == "start":
        text_of(domain.direct.virsh("define", domain.file(text)))
        return server.virsh("start", domain.name)
    return server.virsh(verb, domain.file(text))


def metadata(policy):
    """A policy in the stored form, or none."""
    return guests.policy(policy) if policy else ""


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("verb", ["define", "create", "start"])
def test_what_is_inflated_and_inhibited_is_judged_by_its_policy(
        virtballoond, domain, verb, policy):
    text = domain.text(balloon() + mdev(), metadata(policy), current=INFLATED)
    results = []
    log = logged(virtballoond,
                 lambda: results.append(attempt(virtballoond, domain, verb, text)))
    if POLICIES[policy] == "refused":
        assert attributes.refusal(results[0]) == refusal_of(verb, domain)
        assert domain.exists() == (verb == "start")
    elif verb == "define":
        text_of(results[0])
    else:
        assert attributes.misses_device(attributes.refusal(results[0]))
    # What libvirt does not start after all is not said to have started.
    says = POLICIES[policy] == "refused" or (POLICIES[policy] and verb == "define")
    assert (f"'{domain.name}'" in log) == bool(says), log


@pytest.mark.parametrize("verb", ["define", "create"])
def test_an_attribute_is_as_good_as_what_it_becomes(virtballoond, domain, verb):
    result = attempt(virtballoond, domain, verb,
                     domain.text(balloon("block") + mdev(), current=INFLATED))
    assert attributes.refusal(result) == refusal_of(verb, domain)
    assert not domain.exists()


@pytest.mark.parametrize("default", ["block", "warn", "ignore"])
def test_the_default_policy_never_keeps_a_domain_from_being_defined_or_started(
        start_virtballoond, domain, default):
    daemon = start_virtballoond(f"auth=none\ndefault_policy={default}\n")
    text = domain.text(balloon() + mdev(), current=INFLATED)
    log = logged(daemon, lambda: text_of(attempt(daemon, domain, "define", text)))
    assert (f"'{domain.name}'" in log) == (default != "ignore")
    result = attempt(daemon, domain, "start", text)
    assert attributes.misses_device(attributes.refusal(result))


@pytest.mark.parametrize("verb", ["define", "create", "start"])
@pytest.mark.parametrize("devices, current", [
    (balloon() + mdev(), 64), (guests.NO_BALLOON + mdev(), INFLATED), (balloon(), INFLATED),
    (balloon() + mdev("on"), INFLATED)],
    ids=["memory equal", "no balloon", "no device", "opted out"])
def test_what_is_not_inflated_or_not_inhibited_passes(
        virtballoond, domain, verb, devices, current):
    text = domain.text(devices, guests.policy("block"), current=current)
    if verb == "start":
        text_of(virtballoond.virsh("define", domain.file(text)))
        result = virtballoond.virsh("start", domain.name, "--paused")
    else:
        result = attempt(virtballoond, domain, verb, text)
    assert b"will be inhibited" not in result.err
    assert result.code == 0 or attributes.misses_device(result.err.decode())


@pytest.mark.parametrize("call", [
    lambda connection, domain, _: connection.lookupByName(domain.name).create(),
    lambda connection, domain, _: connection.lookupByName(domain.name).createWithFlags(
        libvirt.VIR_DOMAIN_START_PAUSED),
    lambda connection, domain, _: connection.lookupByName(domain.name).createWithFlags(
        libvirt.VIR_DOMAIN_START_FORCE_BOOT),
    lambda connection, _, text: connection.createXML(text),
    lambda connection, _, text: connection.defineXML(text),
    lambda connection, _, text: connection.defineXMLFlags(text, 0),
], ids=["create", "createWithFlags", "FORCE_BOOT", "createXML", "defineXML", "defineXMLFlags"])
def test_python_gets_code_and_domain(direct, virtballoond, domain, call):
    text = domain.text(balloon() + mdev(), guests.policy("block"), current=INFLATED)
    text_of(direct.virsh("define", domain.file(text)))
    with opened(virtballoond) as connection:
        code, origin, _ = attributes.error_of(lambda: call(connection, domain, text))
        assert connection.lookupByName(domain.name).UUIDString() == domain.uuid
    assert code in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
    assert origin == libvirt.VIR_FROM_QEMU


def test_a_size_for_the_next_start_and_the_start_agree(direct, virtballoond, domain):
    domain.define(direct, balloon() + mdev(), guests.policy("block"))
    result = virtballoond.virsh("setmem", domain.name, f"{INFLATED}M", "--config")
    assert "will be inhibited" in attributes.refusal(result)
    text_of(direct.virsh("setmem", domain.name, f"{INFLATED}M", "--config"))
    assert attributes.refusal(virtballoond.virsh("start", domain.name)) == \
        refusal_of("start", domain)
    text_of(virtballoond.virsh("setmem", domain.name, "64M", "--config"))
    assert b"will be inhibited" not in virtballoond.virsh("start", domain.name).err


def test_a_domain_that_runs_gets_libvirts_own_error(same, direct, start_guest):
    guest = start_guest()
    guest.define(devices=balloon() + mdev(), extra=guests.policy("block"))
    text_of(direct.virsh("setmem", guest.name, f"{INFLATED}M", "--config"))
    for options in ([], ["--force-boot"]):
        assert b"already active" in same("start", guest.name, *options).err


def test_a_read_only_client_gets_libvirts_own_refusal(same, direct, domain):
    text = domain.text(balloon() + mdev(), guests.policy("block"), current=INFLATED)
    assert b"read only access" in same("define", domain.file(text), readonly=True).err
    text_of(direct.virsh("define", domain.file(text)))
    assert b"read only access" in same("start", domain.name, readonly=True).err


@pytest.mark.parametrize("verb", ["define", "create", "start"])
@pytest.mark.parametrize("network, inhibited", [
    ("sriov", True), ("routed", False), ("no-such-network", False)])
@pytest.mark.usefixtures("networks")
def test_an_interface_of_a_network_is_looked_up(virtballoond, domain, verb, network, inhibited):
    text = domain.text(balloon() + INTERFACE.format(network), guests.policy("block"),
                       current=INFLATED)
    result = attempt(virtballoond, domain, verb, text)
    text = b"ballooning will be inhibited by assigned PCI device (of network 'sriov'): "
    assert (text in result.err) == inhibited, result
    assert (b"will be inhibited" in result.err) == inhibited


@pytest.fixture
def managed(direct, domain):
    """A domain with a managed save, and a definition that may not be started."""
    domain.define(direct, balloon())
    text_of(direct.virsh("start", domain.name, "--paused"))
    text_of(direct.virsh("managedsave", domain.name))
    text_of(direct.virsh("define", domain.file(
        domain.text(balloon() + mdev(), guests.policy("block"), current=INFLATED))))
    return domain


def test_a_managed_save_is_started_whatever_is_defined(virtballoond, managed):
    assert text_of(virtballoond.virsh("start", managed.name, "--paused")) == \
        f"Domain '{managed.name}' started\n\n"


def test_a_managed_save_that_is_thrown_away_does_not_count(direct, virtballoond, managed):
    result = virtballoond.virsh("start", managed.name, "--paused", "--force-boot")
    assert attributes.refusal(result) == refusal_of("start", managed)
    assert b"yes" in direct.virsh("dominfo", managed.name).out.partition(b"Managed save:")[2]


def test_an_inactive_snapshot_is_reverted_to_whatever_is_in_it(
        direct, virtballoond, domain, make_disk):
    domain.define(direct, balloon() + mdev() + make_disk(), guests.policy("block"),
                  current=INFLATED)
    text_of(direct.virsh("snapshot-create-as", domain.name, "then"))
    log = logged(virtballoond, lambda: text_of(
        virtballoond.virsh("snapshot-revert", domain.name, "then")))
    assert f"domain '{domain.name}': it is reverted with 16384 KiB less" in log
    result = virtballoond.virsh("snapshot-revert", domain.name, "then", "--running")
    assert attributes.misses_device(attributes.refusal(result))


def test_a_restore_with_other_xml_is_never_refused(direct, virtballoond, domain, directory):
    """libvirt does not take the device, which the guest has not seen, and so nothing is logged."""
    image = directory / "start.save"
    domain.define(direct, balloon())
    text_of(direct.virsh("start", domain.name, "--paused"))
    text_of(direct.virsh("save", domain.name, image))
    xml = domain.file(domain.text(balloon("block") + mdev(), current=INFLATED))
    results = []
    log = logged(virtballoond, lambda: results.append(
        virtballoond.virsh("restore", image, "--xml", xml)))
    image.unlink()
    assert domain.name not in log
    assert results[0].code == 1 and b"will be inhibited" not in results[0].err
