"""virt-balloon explain: the whole story of one guest."""

import pytest

import guests
import tool

TAINTED = "tainted: custom monitor control commands issued"


def paragraphs(done):
    """What is told, paragraph by paragraph, which all fit a terminal."""
    text = tool.text_of(done)
    assert all(len(line) < 80 for line in text.splitlines())
    return text.split("\n\n")


def test_a_running_guest_whose_ballooning_works(direct, guest):
    story = paragraphs(tool.ask(direct, "explain", guest.name))
    assert story[0] == (f"Domain '{guest.name}', running: available\n"
                        "ballooning works: what the guest gives up, the host gets")
    assert story[1].startswith("The balloon leaves the guest 64 MiB of 64 MiB.\nQEMU has ")
    assert story[1].endswith(" of the host's memory.\nIts policy is 'default'.\n")


def test_a_domain_with_devices_gets_evidence_and_advice(direct, blocked):
    story = paragraphs(tool.ask(direct, "explain", blocked.name))
    assert story[0].startswith(f"Domain '{blocked.name}', not running: inhibited\nballooning will")
    assert story[1] == (f"Because of:\n  mediated device 'ua-gpu' ({guests.MDEV_UUID})\n"
                        "      kind vfio-mdev, lasting; shown by the XML\n"
                        "      in QEMU: 3.1 and newer, unless it is opted out")
    assert story[2].endswith("Its policy is 'block'.")
    assert story[3].startswith("What to do:\n  detach the device, or lower <memory>")


def test_a_running_guest_that_is_inhibited(direct, through, start_guest):
    inhibited = start_guest()
    tool.disguise(direct, inhibited, tool.VDPA.format(7))
    for server in (direct, through):
        story = paragraphs(tool.ask(server, "explain", inhibited.name))
        assert story[0] == (f"Domain '{inhibited.name}', running: inhibited\n"
                            "ballooning is inhibited: what the guest gives up, the host does not "
                            "get")
        assert story[1].startswith("Because of:\n  vDPA device 'net7' (/dev/vhost-vdpa-7)\n")


def test_locked_memory_is_explained(direct, domain):
    domain.define(direct, guests.BALLOON, tool.LOCKED)
    text = tool.text_of(tool.ask(direct, "explain", domain.name))
    assert "ballooning has no effect on the host: the guest's memory is locked" in text
    assert "remove <locked/> from <memoryBacking>" in text


def test_a_domain_without_a_balloon_has_no_sizes_and_needs_no_advice(direct, domain):
    domain.define(direct, guests.NO_BALLOON)
    assert tool.text_of(tool.ask(direct, "explain", domain.name)) == (
        f"Domain '{domain.name}', not running: none\nthere is no balloon device\n"
        "Its policy is 'default'.\n")


def test_a_stored_policy_that_is_none_is_said_to_be_none(direct, domain):
    domain.define(direct, guests.BALLOON, guests.policy("wran\u202e"))
    assert tool.text_of(tool.ask(direct, "explain", domain.name)).endswith(
        "\nIts policy is 'block': what is stored, 'wran?', is none.\n")


@pytest.mark.parametrize("readonly", [False, True])
def test_without_asking_the_domain_is_not_tainted(direct, through, start_guest, readonly):
    doubtful = start_guest(extra=guests.COMMAND_LINE)
    for server in (direct, through):
        done = tool.run("-c", server.uri(readonly=readonly), "explain", "--no-ask", doubtful.name)
        assert "whether ballooning is inhibited is not known" in tool.text_of(done)
    assert TAINTED not in direct.virsh("dominfo", doubtful.name).out.decode()


def test_asking_taints_the_domain_and_finds_out(direct, start_guest):
    doubtful = start_guest(extra=guests.COMMAND_LINE)
    assert "ballooning works" in tool.text_of(tool.ask(direct, "explain", doubtful.name))
    assert TAINTED in direct.virsh("dominfo", doubtful.name).out.decode()


def test_the_json_is_that_of_status(direct, through, blocked):
    expected = tool.json_of(tool.ask(direct, "--format", "json", "status", blocked.name))[0]
    for server in (direct, through):
        for form in (["--format", "json", "explain", blocked.name],
                     ["explain", blocked.uuid, "--format=json"]):
            assert tool.json_of(tool.ask(server, *form)) == expected


def test_a_domain_that_is_not_there_exits_with_1(direct, through):
    for server in (direct, through):
        assert tool.complaint(tool.ask(server, "explain", "no-such-guest"), 1) == \
            "there is no domain 'no-such-guest'"


def test_a_connection_that_may_not_ask_qemu_exits_with_1_and_says_why(direct, guest):
    done = tool.run("-c", direct.uri(readonly=True), "explain", guest.name)
    said = tool.complaint(done, 1)
    assert said.startswith(f"domain '{guest.name}': ")
    assert said.endswith("; '--no-ask' tells what is known without asking QEMU")
