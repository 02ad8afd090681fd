"""What the command does with a zone that is signed elsewhere."""

from base64 import b64encode
from time import time

import pytest

from signkit import DAY
from signkit import signed as sign
from zonegit.repo.dnssec.status import DnssecStatus, note_status
from zonegit.store.lmdb import LmdbStore

KEY = b64encode(bytes(64)).decode()
SIGNATURE = f"@ RRSIG SOA 13 2 300 20270101000000 20261101000000 1 @ {KEY}\n"


@pytest.fixture
def signed_file(zone_file):
    zone_file.write_text(zone_file.read_text() + SIGNATURE)
    return zone_file


@pytest.fixture
def signed(run, signed_file):
    run("init")
    assert run("import", signed_file).code == 0
    return run


@pytest.mark.parametrize(
    "argv",
    [
        ["set", "www", "A", "300", "192.0.2.7"],
        ["add", "www", "A", "-", "192.0.2.7"],
        ["delete", "mail"],
        ["set", "www", "A", "300", "192.0.2.7", "--dry-run"],
    ],
)
def test_changes_are_refused_with_the_way(signed, refused, argv) -> None:
    refused(signed(*argv), 1, "signed elsewhere", "--unsign", "--break-signatures")
    assert signed("log", "--oneline").out.count("\n") == 1
    assert signed(*argv, "--break-signatures", "--dry-run").code == 0
    assert "RRSIG" in signed(*argv, "--unsign").out


def test_unsign_and_break_exclude_each_other(signed, refused) -> None:
    refused(signed("delete", "mail", "--unsign", "--break-signatures"), 2, "not allowed with")


def test_an_unsigned_file_is_refused_and_can_be_forced(signed, zone_file, refused) -> None:
    zone_file.write_text(zone_file.read_text().replace(SIGNATURE, "").replace("2026112001", "2026112002"))
    refused(signed("import", zone_file), 1, "is signed and the file isn't", "--unsign")
    assert signed("import", zone_file, "--unsign").code == 0
    assert "RRSIG" not in signed("export").out


def test_reset_is_refused_and_says_where_no_way_leads_back(signed, signed_file, refused) -> None:
    signed("branch", "behind")
    signed_file.write_text(signed_file.read_text().replace("2026112001", "2026112002"))
    signed("import", signed_file)
    refused(signed("reset", "--hard", "HEAD~1"), 1, "isn't ahead", "--unsign")
    forward = signed("reset", "--hard", "main", "--branch", "behind")
    assert forward.code == 0
    assert "this can't be undone: that version is signed with serial 2026112001" in forward.err
    back = signed("reset", "--hard", "HEAD~1", "--unsign")
    assert back.code == 0
    assert "RRSIG" not in signed("export").out


@pytest.fixture
def verified(zone_file):
    """A file whose signatures are right and end in ten days."""
    now = int(time())
    zone_file.write_text(sign(zone_file.read_text(), begin=now - DAY, end=now + 10 * DAY, origin="example.org."))
    return zone_file


def test_check_verifies_a_file_and_a_version(run, verified, refused) -> None:
    run("init")
    assert run("import", verified).code == 0
    assert run("check").out == run("check", verified).out == ""
    assert run("set", "www", "A", "300", "192.0.2.7", "--break-signatures").code == 0
    result = run("check")
    assert result.code == 1
    assert "error: www.example.org.: the signature of A by key" in result.out
    assert "is wrong [signature-wrong]" in result.out
    found = {(item["check"], item["name"]) for item in run("check", "--json").json}
    assert found == {("signature-wrong", "example.org."), ("signature-wrong", "www.example.org.")}
    verified.write_text(verified.read_text().replace("192.0.2.25", "192.0.2.26"))
    assert run("check", verified, "--json").json[0]["name"] == "mail.example.org."


@pytest.mark.parametrize(
    ("days", "words"), [(2, "expire within three days, the first at"), (-1, "expired, the first at")]
)
def test_import_warns_of_signatures_that_end(run, zone_file, days, words) -> None:
    now = int(time())
    zone_file.write_text(
        sign(zone_file.read_text(), begin=now - 9 * DAY, end=now + days * DAY, origin="example.org.")
    )
    run("init")
    result = run("import", zone_file)
    assert result.code == 0
    assert words in result.err
    assert "[signatures-end]" in result.err
    assert "[signatures-end]" not in run("import", zone_file, "--unsign").err


def test_a_signed_file_of_a_zone_that_is_signed_here(zone, signed_file, refused, tmp_path) -> None:
    note_status(LmdbStore.open(tmp_path / "repo"), DnssecStatus("example.org.", noted=1))
    signed_file.write_text(signed_file.read_text().replace("2026112001", "2026112002"))
    refused(zone("import", signed_file), 1, "the file is signed", "--drop-signatures", "--keep-signatures")
    refused(zone("import", signed_file, "--keep-signatures", "--drop-signatures"), 2, "not allowed with")
    assert zone("import", signed_file, "--keep-signatures", "--dry-run").code == 0
    assert zone("import", signed_file, "--drop-signatures").code == 0
    assert "RRSIG" not in zone("export").out


@pytest.mark.parametrize(("option", "stays"), [("--drop-signatures", False), ("--keep-signatures", True)])
def test_importing_a_signed_file_says_what_becomes_of_its_signatures(run, signed_file, option, stays) -> None:
    run("init")
    assert run("import", signed_file, option).code == 0
    assert ("RRSIG" in run("export").out) is stays
