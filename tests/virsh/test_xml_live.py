"""The policy of a guest that runs and is inhibited, changed while it runs.

libvirtd believes that the guest has a device that inhibits its balloon, see second.py.
"""

import pytest

import attributes
import setmem
from attributes import balloon, logged, text_of

KIB = 1024
URI = attributes.POLICY_URI


@pytest.fixture(scope="module")
def inhibited(second, directory):
    """A running guest without a policy whose balloon is inhibited."""
    domain = attributes.Domain(second, directory).define(second, balloon())
    text_of(second.virsh("start", domain.name, "--paused"))
    second.inhibit(domain)
    return domain


@pytest.fixture(autouse=True)
def no_policy(inhibited):
    """Takes the policy away again."""
    yield
    for option in ("--live", "--config"):
        inhibited.direct.virsh("metadata", inhibited.name, URI, option, "--remove")
    text_of(inhibited.direct.virsh("setmem", inhibited.name, "64M"))


def shrink(daemon, guest):
    """Whether a shrink is refused or passes."""
    result = daemon.virsh("setmem", guest.name, "48M", "--live")
    if result.code == 0:
        return "passed"
    assert result.err.decode().startswith(f"error: {setmem.REFUSED}cannot reduce memory of domain "
                                          f"'{guest.name}' to {48 * KIB} KiB: ballooning is "
                                          "inhibited by vDPA device 'ua-vdpa'")
    return "refused"


OUTCOMES = {"block": "refused", "redirect": "refused", "warn": "passed", "ignore": "passed"}


def set_by_metadata(server, guest, word, *options):
    """Sets the policy as one can without virtballoond."""
    change = ["--remove"] if word == "default" else \
        ["--key", "balloon", "--set", f"<policy memballoon='{word}'/>"]
    return server.virsh("metadata", guest.name, URI, *change, *options)


def set_by_update(server, guest, word, *options):
    """Sets it by an update of the device."""
    return server.virsh("update-device", guest.name, guest.file(balloon(word), "device"), *options)


@pytest.mark.parametrize("word", OUTCOMES)
@pytest.mark.parametrize("change", [set_by_metadata, set_by_update])
def test_a_policy_that_is_set_live_counts_at_the_next_setmem(
        before_second, inhibited, change, word):
    assert shrink(before_second, inhibited) == "refused"
    text_of(change(before_second, inhibited, word, "--live"))
    assert shrink(before_second, inhibited) == OUTCOMES[word]
    text_of(inhibited.direct.virsh("setmem", inhibited.name, "64M"))
    text_of(change(before_second, inhibited, "default", "--live"))
    assert shrink(before_second, inhibited) == "refused"


@pytest.mark.parametrize("change", [set_by_metadata, set_by_update])
def test_a_policy_for_the_next_start_does_not_count_now(before_second, inhibited, change):
    text_of(change(before_second, inhibited, "ignore", "--config"))
    assert shrink(before_second, inhibited) == "refused"
    text_of(change(before_second, inhibited, "ignore", "--live", "--config"))
    assert shrink(before_second, inhibited) == "passed"


def test_a_policy_that_was_set_directly_counts(second, before_second, inhibited):
    text_of(set_by_metadata(second, inhibited, "ignore", "--live"))
    assert shrink(before_second, inhibited) == "passed"


@pytest.mark.parametrize("xml, problem", [
    ("<policy memballoon='nonsense'/>", "invalid value 'nonsense' of attribute 'memballoon' in "
     "element 'policy': expected 'block', 'warn', 'ignore', 'redirect' or 'default'"),
    ("<policy/>", f"metadata of namespace '{URI}' must be an element 'policy' with an attribute "
     "'memballoon'"),
    ("<other memballoon='warn'/>", f"metadata of namespace '{URI}' must be an element 'policy' "
     "with an attribute 'memballoon'")],
    ids=["value", "no attribute", "another element"])
def test_wrong_metadata_is_refused_and_changes_nothing(before_second, inhibited, xml, problem):
    for option in ("--live", "--config"):
        result = before_second.virsh("metadata", inhibited.name, URI, "--key", "balloon", "--set",
                                     xml, option)
        assert attributes.refusal(result) == f"XML error: {problem}"
    assert URI not in inhibited.stored() + inhibited.stored("--security-info")
    assert shrink(before_second, inhibited) == "refused"


@pytest.fixture
def inflated(second, directory):
    """A running guest that asks for 'block'; libvirt believes it inflated and inhibited."""
    guest = attributes.Domain(second, directory).define(second, balloon())
    text_of(second.virsh("start", guest.name, "--paused"))
    second.inhibit(guest, memory=80)
    text_of(set_by_metadata(second, guest, "block", "--live"))
    yield guest
    guest.remove()


def test_a_guest_that_was_saved_is_restored_as_directly(
        second, before_second, directory, inflated):
    image = directory / "inflated.save"
    text_of(second.virsh("save", inflated.name, image))
    expected = second.virsh("restore", image)
    assert before_second.virsh("restore", image) == expected
    assert expected.code == 1 and b"will be inhibited" not in expected.err


def test_a_guest_with_a_managed_save_is_started_as_directly(second, before_second, inflated):
    """libvirt does not find the device again; what did not start is not logged either."""
    text_of(second.virsh("managedsave", inflated.name))
    expected = second.virsh("start", inflated.name)
    results = []
    log = logged(before_second, lambda: results.append(
        before_second.virsh("start", inflated.name)))
    assert results == [expected] and expected.code == 1
    assert inflated.name not in log
