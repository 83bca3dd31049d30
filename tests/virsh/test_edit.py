"""virsh edit and its kin, with editors that change nothing, something, or too much.

virsh edit compares two dumps byte for byte, so a dump must be the same every time.
"""

import os

import pytest

import twin

NOTHING = "true"
FAILING = "false"
ENVIRONMENT = dict(os.environ)


def edit(same, editor, *command, **options):
    """Runs a command that calls an editor."""
    return same(*command, env=ENVIRONMENT | {"EDITOR": editor}, **options)


@pytest.fixture
def setting(start_guest):
    """An inactive guest, to be edited."""
    return start_guest(start=False)


def test_an_edit_that_changes_nothing_says_so(same, equipped):
    result = edit(same, NOTHING, "edit", equipped.name)
    assert (result.code, result.out) == \
        (0, f"Domain '{equipped.name}' XML configuration not changed.\n\n".encode())


def test_an_edit_changes_the_definition(same, directory, setting):
    xml = directory / "edited.xml"
    xml.write_text((directory / f"{setting.name}.xml").read_text().replace(
        "</name>", "</name><title>edited</title>"))
    assert edit(same, f"cp {xml}", "edit", setting.name).code == 0
    assert b"<title>edited</title>" in same("dumpxml", setting.name).out


@pytest.mark.parametrize("editor", [
    FAILING, "/no/such/editor", "sed -i s/domain/doomed/", "sed -i s/<name>.*</<name>other</",
    "sed -i s/<uuid>.*</<uuid>no</", "truncate -s 0"])
def test_an_edit_that_goes_wrong_ends_the_same(same, setting, editor):
    edit(same, editor, "edit", setting.name)
    same("dumpxml", setting.name)


@pytest.mark.parametrize("command", [
    "edit test", "net-edit default", "pool-edit default-pool", "iface-edit eth1",
    "nwfilter-edit no-such-filter", "edit no-such-domain", "edit test --skip-validate",
    "save-image-edit /no/such/file", "managedsave-edit test",
    "snapshot-edit test no-such-snapshot", "checkpoint-edit test no-such-checkpoint"])
@pytest.mark.parametrize("editor", [NOTHING, FAILING, "sed -i s/default/other/"])
def test_everything_that_can_be_edited_is_edited_the_same(same, command, editor):
    edit(same, editor, command, driver="test")


@pytest.mark.parametrize("text", ["some words", "<a b='c'/>", "<a>", ""])
def test_metadata_and_description_are_edited_the_same(
        direct, through, start_guest, directory, text):
    twins = twin.Twins(direct, through, start_guest, start=False)
    file = directory / "edited"
    file.write_text(text)
    for command in ("desc {guest} --edit", "desc {guest} --edit --title",
                    "metadata {guest} urn:e --key e --edit"):
        for editor in (NOTHING, f"cp {file}"):
            edit(twins.same, editor, command)
    twins.same("dumpxml {guest}")
