"""attach, detach and update of devices with our attributes, to what runs and to what is defined."""

import concurrent.futures

import pytest

import attributes
import guests
from attributes import MDEV_UUIDS, balloon, mdev, text_of

POLICY_ONLY = "<memballoon model='virtio' policy='{}'/>"
OPTED_OUT = {MDEV_UUIDS[0]}
HOT_PLUG = ("unsupported configuration: ballooning='on' for mediated device ({}): libvirt cannot "
            "override properties of a device that is plugged into a running domain; attach it to "
            "domain '{}' with '--config' and start that again, or remove the attribute")
NOT_RUNNING = "Requested operation is not valid: domain is not running"


@pytest.fixture(scope="module")
def running(direct, directory):
    """A running domain that has no policy; tests leave it as it was."""
    domain = attributes.Domain(direct, directory).define(direct, balloon())
    text_of(direct.virsh("start", domain.name, "--paused"))
    yield domain
    domain.remove()


@pytest.fixture
def inactive(direct, domain):
    """A domain that does not run and has no policy."""
    return domain.define(direct, balloon())


def live_policy(domain):
    """The policy that the running domain has now."""
    return attributes.effect(domain.stored("--security-info")).policy


def inactive_policy(domain):
    """The policy that it will have when it is started again."""
    return attributes.effect(domain.stored()).policy


def change(server, command, domain, xml, *options):
    """Attaches, detaches or updates a device."""
    return server.virsh(command, domain.name, domain.file(xml, "device"), *options)


def same_error(direct, virtballoond, command, domain, xml, *options):
    """Asserts that libvirt refuses a change in its own words; returns them."""
    expected = change(direct, command, domain, xml, *options)
    assert expected.code == 1
    assert change(virtballoond, command, domain, xml, *options) == expected
    return attributes.refusal(expected)


@pytest.mark.parametrize("options", [["--config"], ["--current"], ["--persistent"]], ids="".join)
def test_an_opted_out_device_is_attached_to_what_does_not_run(virtballoond, inactive, options):
    result = change(virtballoond, "attach-device", inactive, mdev("on"), *options)
    assert text_of(result) == "Device attached successfully\n\n"
    assert attributes.effect(inactive.stored()) == (None, OPTED_OUT)
    assert f"<alias name='ua-vb-{MDEV_UUIDS[0]}'/>" in inactive.stored()


def test_an_opted_out_device_is_attached_for_the_next_start(virtballoond, running):
    before = running.stored("--security-info")
    text_of(change(virtballoond, "attach-device", running, mdev("on"), "--config"))
    assert running.stored("--security-info") == before
    assert attributes.effect(running.stored()) == (None, OPTED_OUT)
    text_of(change(virtballoond, "detach-device", running, mdev(), "--config"))


def test_what_is_attached_and_detached_leaves_all_else_as_it_was(virtballoond, inactive):
    before = inactive.stored()
    text_of(change(virtballoond, "attach-device", inactive, mdev("on"), "--config"))
    text_of(change(virtballoond, "detach-device", inactive, mdev(), "--config"))
    text_of(virtballoond.virsh("define", inactive.file(inactive.stored())))
    assert inactive.stored() == before


def test_a_second_device_keeps_the_opt_out_of_the_first(virtballoond, inactive):
    for number in (0, 1):
        text_of(change(virtballoond, "attach-device", inactive, mdev("on", number), "--config"))
    assert attributes.effect(inactive.stored()).opted_out == set(MDEV_UUIDS[:2])


def test_an_alias_of_the_user_is_kept(virtballoond, inactive):
    text_of(change(virtballoond, "attach-device", inactive,
                   mdev("on", alias="<alias name='ua-mine'/>"), "--config"))
    assert attributes.effect(inactive.stored()).opted_out == OPTED_OUT
    assert "ua-mine" in inactive.stored() and "ua-vb-" not in inactive.stored()


@pytest.mark.parametrize("before, after", [
    ("<?xml version='1.0' encoding='UTF-8'?>\n", "\n"), ("<!-- first -->", "<!-- last -->"),
    ("<?vendor data?>\n\n", "<?vendor more?>")], ids=["declaration", "comments", "instructions"])
def test_what_stands_around_a_device_does_not_matter(virtballoond, inactive, before, after):
    text_of(change(virtballoond, "attach-device", inactive, before + mdev("on") + after,
                   "--config"))
    assert attributes.effect(inactive.stored()).opted_out == OPTED_OUT


def test_an_opt_out_of_a_device_in_a_namespace_is_not_lost_silently(virtballoond, inactive):
    """libvirt looks at the local name of the root alone."""
    device = mdev("on").replace("<hostdev", "<x:hostdev xmlns:x='urn:x'").replace(
        "</hostdev", "</x:hostdev")
    result = change(virtballoond, "attach-device", inactive, device, "--config")
    assert (result.code, attributes.effect(inactive.stored()).opted_out) in \
        ((0, OPTED_OUT), (1, set()))


def test_secrets_stay_when_an_opted_out_device_is_attached(direct, virtballoond, domain):
    text_of(direct.virsh("define", domain.file(domain.text(balloon()).replace(
        "<graphics type='vnc'", "<graphics type='vnc' passwd='secret'"))))
    text_of(change(virtballoond, "attach-device", domain, mdev("on"), "--config"))
    assert attributes.effect(domain.stored()).opted_out == OPTED_OUT
    assert "passwd='secret'" in domain.stored("--inactive", "--security-info")


def test_what_is_not_defined_gets_libvirts_error(direct, virtballoond, domain):
    text_of(direct.virsh("create", domain.file(domain.text(balloon())), "--paused"))
    error = same_error(direct, virtballoond, "attach-device", domain, mdev("on"), "--config")
    assert "transient" in error
    result = change(virtballoond, "update-device", domain, POLICY_ONLY.format("warn"), "--config")
    assert "transient" in attributes.refusal(result)


def test_devices_that_are_attached_at_the_same_time_are_all_there(virtballoond, inactive):
    files = [inactive.file(mdev("on", number), f"device{number}")
             for number in range(len(MDEV_UUIDS))]
    policy = inactive.file(POLICY_ONLY.format("warn"), "policy")
    calls = [("attach-device", file) for file in files] + [("update-device", policy)]
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(lambda call: virtballoond.virsh(
            call[0], inactive.name, call[1], "--config"), calls))
    assert [result.code for result in results] == [0] * len(calls)
    assert attributes.effect(inactive.stored()) == ("warn", set(MDEV_UUIDS))


@pytest.mark.parametrize("options", [
    ["--live"], [], ["--current"], ["--persistent"], ["--live", "--config"]], ids="".join)
def test_an_opted_out_device_is_not_plugged_into_what_runs(
        direct, virtballoond, running, options):
    before = [running.stored(option) for option in ("--security-info", "--inactive")]
    results = []
    assert direct.commands_sent(lambda: results.append(
        change(virtballoond, "attach-device", running, mdev("on"), *options))) == []
    assert attributes.refusal(results[0]) == HOT_PLUG.format(MDEV_UUIDS[0], running.name)
    assert [running.stored(option) for option in ("--security-info", "--inactive")] == before


@pytest.mark.parametrize("options", [["--live"], []], ids="".join)
def test_a_hot_plug_into_what_does_not_run_gets_libvirts_error(
        direct, virtballoond, inactive, options):
    assert same_error(direct, virtballoond, "attach-device", inactive, mdev("on"), *options) == \
        NOT_RUNNING


def test_the_same_device_twice_gets_libvirts_error(direct, virtballoond, inactive):
    text_of(change(virtballoond, "attach-device", inactive, mdev("on"), "--config"))
    for ballooning in ("on", "off", None):
        error = same_error(direct, virtballoond, "attach-device", inactive, mdev(ballooning),
                           "--config")
        assert "already in the domain configuration" in error or "already exists" in error
    assert attributes.effect(inactive.stored()).opted_out == OPTED_OUT


@pytest.mark.parametrize("ballooning", ["off", None])
def test_a_device_that_is_not_opted_out_is_attached_as_it_is(virtballoond, inactive, ballooning):
    text_of(change(virtballoond, "attach-device", inactive, mdev(ballooning), "--config"))
    stored = inactive.stored()
    assert MDEV_UUIDS[0] in stored and "override" not in stored and "ua-vb" not in stored


@pytest.mark.parametrize("ballooning", ["on", "off", None])
def test_a_device_is_detached_whatever_it_says(virtballoond, domain, ballooning):
    domain.define(virtballoond, balloon("warn") + mdev("on"))
    text_of(change(virtballoond, "detach-device", domain, mdev(ballooning), "--config"))
    assert attributes.effect(domain.stored()) == ("warn", set())
    assert "<hostdev" not in domain.stored()


@pytest.mark.parametrize("command", ["detach-device", "detach-device-alias"])
def test_an_opt_out_of_a_detached_device_goes_when_the_domain_is_defined_again(
        virtballoond, domain, command):
    domain.define(virtballoond, mdev("on", 0) + mdev("on", 1))
    what = domain.file(mdev(), "device") if command == "detach-device" else \
        f"ua-vb-{MDEV_UUIDS[0]}"
    text_of(virtballoond.virsh(command, domain.name, what, "--config"))
    assert attributes.effect(domain.stored()).opted_out == {MDEV_UUIDS[1]}
    dump = text_of(virtballoond.virsh("dumpxml", domain.name))
    text_of(virtballoond.virsh("define", domain.file(dump)))
    assert attributes.effect(domain.stored()).opted_out == {MDEV_UUIDS[1]}
    assert MDEV_UUIDS[0] not in domain.stored()


@pytest.mark.parametrize("ballooning, opted_out", [(None, OPTED_OUT), ("off", set())])
def test_what_is_attached_again_is_opted_out_as_what_is_stored_says(
        virtballoond, domain, ballooning, opted_out):
    domain.define(virtballoond, mdev("on"))
    text_of(virtballoond.virsh("detach-device-alias", domain.name, f"ua-vb-{MDEV_UUIDS[0]}",
                               "--config"))
    xml = mdev(ballooning, alias=f"<alias name='ua-vb-{MDEV_UUIDS[0]}'/>")
    text_of(change(virtballoond, "attach-device", domain, xml, "--config"))
    assert attributes.effect(domain.stored()).opted_out == opted_out


def test_a_device_is_detached_as_a_dump_shows_it(virtballoond, domain):
    domain.define(virtballoond, mdev("on"))
    dump = text_of(virtballoond.virsh("dumpxml", domain.name))
    device = "<hostdev" + dump.partition("<hostdev")[2].partition("</hostdev>")[0] + "</hostdev>"
    assert "ballooning='on'" in device
    text_of(change(virtballoond, "detach-device", domain, device, "--config"))
    assert "<hostdev" not in domain.stored()


@pytest.mark.parametrize("options, changed", [
    (["--live"], "live"), (["--config"], "config"), (["--current"], "live"), ([], "live"),
    (["--live", "--config"], "both"), (["--persistent"], "both")], ids=str)
def test_the_policy_of_what_runs_is_updated(virtballoond, running, options, changed):
    for word, expected in (("warn", "warn"), ("redirect", "redirect"), ("default", None)):
        result = change(virtballoond, "update-device", running, POLICY_ONLY.format(word), *options)
        assert text_of(result) == "Device updated successfully\n\n"
        assert live_policy(running) == (expected if changed != "config" else None)
        assert inactive_policy(running) == (expected if changed != "live" else None)


@pytest.mark.parametrize("options", [["--config"], ["--current"], [], ["--persistent"]],
                         ids="".join)
def test_the_policy_of_what_does_not_run_is_updated(virtballoond, inactive, options):
    for word, expected in (("block", "block"), ("ignore", "ignore"), ("default", None)):
        text_of(change(virtballoond, "update-device", inactive, POLICY_ONLY.format(word),
                       *options))
        assert inactive_policy(inactive) == expected


def test_a_memory_balloon_as_a_dump_shows_it_is_updated(virtballoond, running):
    dump = text_of(virtballoond.virsh("dumpxml", running.name))
    device = "<memballoon" + dump.partition("<memballoon")[2].partition("</memballoon>")[0] + \
        "</memballoon>"
    assert "<address" in device and "<alias" in device
    text_of(change(virtballoond, "update-device", running,
                   device.replace(" model", " policy='warn' model"), "--live"))
    assert live_policy(running) == "warn"
    text_of(change(virtballoond, "update-device", running, POLICY_ONLY.format("default")))


def test_an_update_leaves_metadata_of_others_alone(direct, virtballoond, running):
    text_of(direct.virsh("metadata", running.name, "urn:mine", "--key", "m", "--set", "<mine/>"))
    for word, expected in (("warn", "warn"), ("ignore", "ignore"), ("default", None)):
        text_of(change(virtballoond, "update-device", running, POLICY_ONLY.format(word)))
        assert live_policy(running) == expected
        assert '<m:mine xmlns:m="urn:mine"/>' in running.stored("--security-info")


def test_what_an_update_does_not_say_stays(direct, virtballoond, domain):
    more = "<memballoon model='virtio' autodeflate='on'><stats period='5'/></memballoon>"
    domain.define(direct, more)
    text_of(change(virtballoond, "update-device", domain, POLICY_ONLY.format("warn"), "--config"))
    text_of(change(virtballoond, "update-device", domain,
                   more.replace(" model", " policy='ignore' model"), "--config"))
    assert inactive_policy(domain) == "ignore"
    assert "autodeflate='on'" in domain.stored() and "<stats period='5'/>" in domain.stored()


@pytest.mark.parametrize("xml", [
    "<memballoon model='virtio' policy='warn' autodeflate='on'/>",
    "<memballoon model='virtio-transitional' policy='warn'/>",
    "<memballoon model='none' policy='warn'/>",
    "<memballoon model='virtio' policy='warn'><driver iommu='on'/></memballoon>",
    "<memballoon model='virtio' policy='warn'><stats period='5'/></memballoon>",
    "<memballoon model='nonsense' policy='warn'/>",
    "<memballoon model='virtio'/>"])
@pytest.mark.parametrize("option", ["--live", "--config"])
def test_what_changes_more_than_the_policy_is_libvirts_business(
        direct, virtballoond, running, xml, option):
    before = running.stored("--security-info"), running.stored()
    command = change(direct, "update-device", running, xml, option)
    assert change(virtballoond, "update-device", running, xml, option) == command
    assert command.code == 1
    assert (running.stored("--security-info"), running.stored()) == before


def test_an_update_of_both_is_not_half_applied(direct, virtballoond, domain):
    domain.define(direct, balloon())
    text_of(direct.virsh("start", domain.name, "--paused"))
    more = "<memballoon model='virtio'{}><stats period='5'/></memballoon>"
    domain.define(direct, more.format(""))
    before = domain.stored("--security-info"), domain.stored()
    policy = more.format(" policy='warn'")
    for option in ("--persistent", "--live"):
        assert change(virtballoond, "update-device", domain, policy, option).code == 1
        assert (domain.stored("--security-info"), domain.stored()) == before
    text_of(change(virtballoond, "update-device", domain, policy, "--config"))
    assert (live_policy(domain), inactive_policy(domain)) == (None, "warn")


@pytest.mark.parametrize("options", [["--live"], ["--live", "--config"]], ids="".join)
def test_a_live_policy_for_what_does_not_run_gets_libvirts_error(virtballoond, inactive, options):
    result = change(virtballoond, "update-device", inactive, POLICY_ONLY.format("warn"), *options)
    assert attributes.refusal(result) == NOT_RUNNING
    assert inactive_policy(inactive) is None


@pytest.mark.parametrize("ballooning", ["on", "off"])
@pytest.mark.parametrize("option", ["--live", "--config"])
def test_a_host_device_cannot_be_updated_as_directly(
        direct, virtballoond, domain, ballooning, option):
    domain.define(virtballoond, mdev())
    same_error(direct, virtballoond, "update-device", domain, mdev(ballooning), option)


@pytest.mark.parametrize("option", ["--live", "--config"])
@pytest.mark.parametrize("command", ["attach-device", "detach-device"])
def test_a_memory_balloon_with_a_policy_is_attached_and_detached_as_directly(
        direct, virtballoond, running, command, option):
    same_error(direct, virtballoond, command, running, POLICY_ONLY.format("warn"), option)
    assert live_policy(running) is None and inactive_policy(running) is None


@pytest.mark.parametrize("command", ["attach-device", "update-device", "detach-device"])
@pytest.mark.parametrize("xml, problem", [
    (POLICY_ONLY.format("nonsense"), attributes.WRONG_POLICY),
    (mdev("nonsense"), attributes.WRONG_BALLOONING)], ids=["policy", "ballooning"])
@pytest.mark.parametrize("option", ["--live", "--config"])
def test_wrong_values_are_refused(virtballoond, running, command, xml, problem, option):
    before = running.stored("--security-info"), running.stored()
    result = change(virtballoond, command, running, xml, option)
    assert attributes.refusal(result) == f"XML error: {problem}"
    assert (running.stored("--security-info"), running.stored()) == before


@pytest.mark.parametrize("option", ["--live", "--config"])
def test_only_a_mediated_device_can_be_attached_with_an_opt_out(virtballoond, running, option):
    pci = guests.PCI.replace("<hostdev", "<hostdev ballooning='on'")
    result = change(virtballoond, "attach-device", running, pci, option)
    assert attributes.refusal(result) == \
        ("unsupported configuration: ballooning='on' for assigned PCI device 'ua-nic' "
         f"({guests.PCI_ADDRESS}): QEMU can only let a mediated device (type='mdev') of model "
         "'vfio-pci' be compatible with ballooning; remove the attribute")
    assert "ua-nic" not in running.stored()


@pytest.mark.parametrize("command", ["attach-device", "update-device", "detach-device"])
def test_a_read_only_client_gets_libvirts_own_refusal(same, running, command):
    result = same(command, running.name, running.file(POLICY_ONLY.format("warn"), "device"),
                  "--config", readonly=True)
    assert b"read only access" in result.err
    assert inactive_policy(running) is None
