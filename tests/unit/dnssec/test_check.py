"""What a validator would say of a signed zone, each mistake under its check's name."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from signkit import ALGORITHMS, DAY, KSK, NOW, REVOKED, ZSK, key, resigned, signed
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.times import SOON
from zonegit.model.names import owner_text
from zonegit.zonefile.findings import Finding, Severity, how_many
from zonegit.zonefile.reader import read_zone

ORIGIN = "example.org."
ZONE = f"""\
$ORIGIN {ORIGIN}
$TTL 300
@        SOA   ns host 7 3600 600 86400 60
@        NS    ns
@        MX    10 mail
ns       A     192.0.2.9
mail     A     192.0.2.25
www      A     192.0.2.1
www      A     192.0.2.2
www      TXT   "hello"
*.w      A     192.0.2.2
x.w      TXT   here
x.y.ent  TXT   deep
sub      NS    ns.sub
ns.sub   A     192.0.2.3
signed   NS    ns.sub
signed   DS    1 15 2 {"00" * 32}
"""
HASHED = {mode: (Path(__file__).parent / f"{mode}.zone").read_text() for mode in ("nsec3", "optout")}


def check(text: str, now: int = NOW) -> list[Finding]:
    parsed = read_zone(BytesIO(text.encode()), name="zone", origin=None)
    return check_signatures(parsed.apex, parsed.serial, parsed.entries, now)


def told(text: str, now: int = NOW) -> dict[str, list[str]]:
    """Owners by check."""
    found: dict[str, list[str]] = {}
    for finding in check(text, now):
        found.setdefault(finding.check, []).append(owner_text(finding.owner))
    return found


def without(text: str, pattern: str) -> str:
    """The zone without the records that a pattern matches, one at least."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not re.match(pattern, line)]
    assert len(kept) < len(lines), pattern
    return "".join(kept)


def changed(text: str, pattern: str, by: str) -> str:
    """The zone with one place replaced, which is there."""
    made, count = re.subn(pattern, by, text, flags=re.MULTILINE)
    assert count == 1, (pattern, count)
    return made


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_verifies_and_notices_a_changed_record(algorithm: int) -> None:
    text = signed(ZONE, [key(algorithm)], origin=ORIGIN)
    assert told(text) == {}
    assert told(text.replace("192.0.2.25", "192.0.2.26")) == {"signature-wrong": ["mail"]}


def test_a_signature_of_an_algorithm_that_nobody_knows_is_a_warning() -> None:
    text = signed(ZONE, [key(13)], origin=ORIGIN)
    text = re.sub(r"(DNSKEY 257 3|RRSIG \w+) 13 ", r"\g<1> 123 ", text)
    text = re.sub(r"(RRSIG .* )\d+( example\.org\. )", rf"\g<1>{tag_of(text)}\g<2>", text)
    assert list(told(text)) == ["signature-unjudged"]
    assert {finding.severity for finding in check(text)} == {Severity.WARNING}


def tag_of(text: str) -> int:
    from zonegit.dnssec.keys import key_tag
    from zonegit.model.names import APEX_KEY
    from zonegit.model.rdata import DNSKEY
    from zonegit.model.rrset import rdatas, rr_key

    parsed = read_zone(BytesIO(text.encode()), name="zone", origin=None)
    (rdata,) = rdatas(dict(parsed.entries)[rr_key(APEX_KEY, DNSKEY)])
    return key_tag(rdata)


def test_a_zone_that_is_not_signed_has_nothing_to_verify() -> None:
    assert check(ZONE) == []
    assert check(f"{ZONE}@ DNSKEY {key()[1].to_text()}\n") == []


def test_the_root_zone_verified_when_it_was_published(shared_data: Callable[[str], Path]) -> None:
    parsed = read_zone(shared_data("root-2017082100-signed.zone.gz"), name="root", origin=None)
    then = int(datetime(2017, 8, 22, tzinfo=UTC).timestamp())
    assert check_signatures(parsed.apex, parsed.serial, parsed.entries, then) == []
    assert check_signatures(parsed.apex, parsed.serial + 1, parsed.entries, then)[0].check == "signature-wrong"


class TestSignatures:
    """Signatures, keys and times, in a zone with NSEC."""

    text = signed(ZONE, [key(flags=KSK), key(flags=ZSK)], origin=ORIGIN)

    def test_the_serial_is_signed(self) -> None:
        assert told(changed(self.text, r"(SOA .*) 7 ", r"\1 8 ")) == {"signature-wrong": ["@"]}

    def test_an_rrset_without_a_signature(self) -> None:
        assert told(without(self.text, r"www\S* \d+ IN RRSIG A ")) == {"signature-missing": ["www"]}

    def test_a_record_more_and_a_record_less(self) -> None:
        assert told(self.text + "www.example.org. 300 IN A 192.0.2.7\n") == {"signature-wrong": ["www"]}
        assert told(without(self.text, r"www\S* \d+ IN A 192.0.2.2")) == {"signature-wrong": ["www"]}

    @pytest.mark.parametrize("owner", ["ns.sub", "deep.ns.sub", "*.sub"])
    def test_what_stands_below_a_delegation_is_not_signed(self, owner: str) -> None:
        assert told(f"{self.text}{owner}.example.org. 300 IN A 192.0.2.77\n") == {}

    def test_a_delegation_is_signed_as_to_its_ds_alone(self) -> None:
        assert told(self.text + "sub.example.org. 300 IN NS ns.example.net.\n") == {}
        assert told(without(self.text, r"signed\S* \d+ IN RRSIG DS ")) == {"signature-missing": ["signed"]}

    def test_what_stands_below_a_dname_is_not_signed(self) -> None:
        text = signed(ZONE + "old DNAME new\n", origin=ORIGIN)
        assert told(text + "x.old.example.org. 300 IN A 192.0.2.77\n") == {}

    def test_a_foreign_key(self) -> None:
        foreign = key(flags=ZSK, number=1)
        text = without(self.text, r"mail\S* \d+ IN RRSIG A ")
        text = resigned(text, "mail.example.org.", "A", foreign, origin=ORIGIN)
        assert told(text) == {"signature-key": ["mail"]}
        beside = resigned(self.text, "mail.example.org.", "A", foreign, origin=ORIGIN)
        assert told(beside) == {"signature-spare": ["mail"]}

    def test_no_key_at_all(self) -> None:
        assert told(without(self.text, r"\S+ \d+ IN (RRSIG )?DNSKEY ")) == {"no-dnskey": ["@"], "nsec-types": ["@"]}

    def test_keys_that_do_not_sign_themselves(self) -> None:
        assert told(without(self.text, r"\S+ \d+ IN RRSIG DNSKEY ")) == {"signature-missing": ["@"]}

    def test_keys_that_only_a_zone_key_signs(self) -> None:
        """The parent's DS names a key with the SEP flag, as a rule."""
        text = without(self.text, r"\S+ \d+ IN RRSIG DNSKEY ")
        text = resigned(text, ORIGIN, "DNSKEY", key(flags=ZSK), origin=ORIGIN)
        assert told(text) == {"dnskey-entry": ["@"]}

    def test_a_revoked_key_signs_the_keys_and_nothing_else(self) -> None:
        revoked = key(flags=REVOKED, number=2)
        plain = f"{ZONE}@ DNSKEY {revoked[1].to_text()}\n"
        text = signed(plain, [key()], origin=ORIGIN)
        text = resigned(text, ORIGIN, "DNSKEY", revoked, origin=ORIGIN)
        assert told(text) == {}
        alone = resigned(without(text, r"\S+ \d+ IN RRSIG DNSKEY "), ORIGIN, "DNSKEY", revoked, origin=ORIGIN)
        assert told(alone) == {"signature-missing": ["@"]}

    def test_signatures_that_have_ended_and_those_that_will(self) -> None:
        end = NOW + 10 * DAY
        assert told(self.text, end - SOON - 1) == {}
        assert told(self.text, end - SOON + 1) == {"signatures-end": ["@"]}
        late = check(self.text, end + 1)
        assert {finding.check for finding in late} == {"signature-expired", "signatures-end"}
        assert "expired at 2026-11-30T00:00:00Z" in late[0].message
        (warning,) = (finding for finding in late if finding.severity is Severity.WARNING)
        assert re.fullmatch(r"\d+ signatures expired, the first at 2026-11-30T00:00:00Z", warning.message)

    def test_signatures_that_are_not_valid_yet(self) -> None:
        assert set(told(self.text, NOW - 11 * DAY)) == {"signature-early"}

    def test_one_valid_signature_is_enough(self) -> None:
        ended = resigned(self.text, "mail.example.org.", "A", key(flags=ZSK), end=NOW - DAY, origin=ORIGIN)
        assert told(ended) == {"signature-spare": ["mail"], "signatures-end": ["mail"]}

    def test_an_algorithm_that_signs_only_some(self) -> None:
        text = resigned(
            signed(f"{ZONE}@ DNSKEY {key(13, ZSK)[1].to_text()}\n", [key()], origin=ORIGIN),
            "mail.example.org.",
            "A",
            key(13, ZSK),
            origin=ORIGIN,
        )
        (finding,) = check(text)
        assert (finding.check, finding.severity) == ("signature-algorithm", Severity.WARNING)
        assert finding.more >= 10
        assert finding.full_message == f"{finding.message}; and {finding.more} more of these"

    def test_a_ttl_that_was_not_signed(self) -> None:
        text = changed(self.text, r"^mail\.example\.org\. 300 IN A ", "mail.example.org. 600 IN A ")
        assert told(text) == {"signature-ttl": ["mail"]}

    def test_a_stray_signature(self) -> None:
        text = resigned(self.text, "sub.example.org.", "NS", key(flags=ZSK), origin=ORIGIN)
        assert told(text) == {"signature-stray": ["sub"]}

    def test_a_signature_made_for_a_wildcard_is_not_one_of_the_name(self) -> None:
        text = changed(self.text, r"(x\.w\.example\.org\. \d+ IN RRSIG TXT 15) 4 ", r"\1 3 ")
        assert told(text) == {"signature-wrong": ["x.w"]}

    def test_a_broken_key_signs_nothing(self) -> None:
        text = signed(ZONE, [key(13)], origin=ORIGIN)
        public = key(13)[1].to_text().split(maxsplit=3)[3].replace(" ", "")
        assert public in text.replace(" ", "")
        broken = re.sub(r"(DNSKEY 257 3 13) .*", rf"\1 {'A' * 88}", text)
        assert set(told(broken)) == {"signature-key"}

    def test_many_are_counted_and_not_listed(self) -> None:
        plain = ZONE + "".join(f"h{number} A 192.0.2.1\n" for number in range(120))
        text = without(signed(plain, origin=ORIGIN), r"h\d+\S* \d+ IN RRSIG A ")
        found = check(text)
        assert [each.more for each in found] == [0] * 99 + [20]
        assert how_many(found) == 120
        assert found[-1].full_message == f"{found[-1].message}; and 20 more of these"


class TestNsec:
    text = signed(ZONE, origin=ORIGIN)

    def test_a_name_without_its_record(self) -> None:
        text = without(self.text, r"ns\.example\S* \d+ IN (RRSIG )?NSEC ")
        assert told(text) == {"nsec-missing": ["ns"]}

    def test_no_record_at_all(self) -> None:
        assert told(without(self.text, r"\S+ \d+ IN (RRSIG )?NSEC ")) == {"no-denial": ["@"]}

    def test_the_next_name(self) -> None:
        found = told(changed(self.text, r"^(mail\S* \d+ IN NSEC) ns\.", r"\1 www."))
        assert found == {"signature-wrong": ["mail"], "nsec-next": ["mail"]}

    def test_the_chain_is_closed(self) -> None:
        found = told(changed(self.text, r"^(www\S* \d+ IN NSEC) example\.org\.", r"\1 zzz.example.org."))
        assert found == {"signature-wrong": ["www"], "nsec-next": ["www"]}

    def test_a_new_name_breaks_the_chain(self) -> None:
        found = told(self.text + "new.example.org. 300 IN A 192.0.2.1\n")
        assert found == {"signature-missing": ["new"], "nsec-missing": ["new"], "nsec-next": ["mail"]}

    @pytest.mark.parametrize(("there", "instead"), [("A TXT", "A"), ("A TXT", "A TXT LOC"), ("A TXT", "TXT")])
    def test_the_types(self, there: str, instead: str) -> None:
        found = told(changed(self.text, rf"^(www\S* \d+ IN NSEC \S+) {there}", rf"\1 {instead}"))
        assert found == {"signature-wrong": ["www"], "nsec-types": ["www"]}

    def test_a_record_below_a_delegation(self) -> None:
        found = told(self.text + "ns.sub.example.org. 60 IN NSEC www.example.org. A NSEC\n")
        assert found == {"nsec-stray": ["ns.sub"]}


@pytest.mark.parametrize("mode", HASHED)
class TestNsec3:
    def found(self, text: str) -> dict[str, list[str]]:
        return {check: owners for check, owners in told(text).items() if check != "nsec3-iterations"}

    def test_a_complete_zone(self, mode: str) -> None:
        assert self.found(HASHED[mode]) == {}
        assert ("nsec3-iterations" in told(HASHED[mode])) == (mode == "optout")

    def test_a_name_without_its_record(self, mode: str) -> None:
        owner = hashed_owner(HASHED[mode], "MX")
        found = self.found(without(HASHED[mode], rf"{owner}\S* \d+ IN (RRSIG )?NSEC3 "))
        assert found["nsec3-missing"] == ["@"]
        assert found.keys() == {"nsec3-missing", "nsec3-next"}

    def test_an_empty_name_needs_one_too(self, mode: str) -> None:
        found = self.found(HASHED[mode] + "a.b.example.org. 300 IN TXT new\n")
        assert found == {"signature-missing": ["a.b"], "nsec3-missing": ["a.b", "b"]}

    def test_an_unsigned_delegation_may_be_left_out_by_opt_out_alone(self, mode: str) -> None:
        found = self.found(HASHED[mode] + "b.ent2.example.org. 300 IN NS ns.example.net.\n")
        assert found == ({} if mode == "optout" else {"nsec3-missing": ["b.ent2", "ent2"]})

    def test_a_signed_one_may_not(self, mode: str) -> None:
        found = self.found(
            f"{HASHED[mode]}cut.example.org. 300 IN NS ns.\ncut.example.org. 300 IN DS 1 15 2 {'00' * 32}\n"
        )
        assert found == {"signature-missing": ["cut"], "nsec3-missing": ["cut"]}

    def test_the_types(self, mode: str) -> None:
        found = self.found(HASHED[mode] + "mail.example.org. 300 IN TXT new\n")
        assert found == {"signature-missing": ["mail"], "nsec3-types": ["mail"]}

    def test_a_name_that_is_gone(self, mode: str) -> None:
        found = self.found(without(HASHED[mode], r"alias\S* "))
        assert list(found) == ["nsec3-surplus"]

    def test_no_parameters(self, mode: str) -> None:
        found = self.found(without(HASHED[mode], r"\S+ \d+ IN (RRSIG )?NSEC3PARAM "))
        assert found == {"nsec3-parameters": ["@"]}

    def test_an_owner_that_is_no_hash(self, mode: str) -> None:
        stray = "xyz.example.org. 60 IN NSEC3 1 0 0 - 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A\n"
        assert self.found(HASHED[mode] + stray) == {"signature-missing": ["xyz"], "nsec3-stray": ["xyz"]}


def hashed_owner(text: str, rtype: str) -> str:
    """The first label of the NSEC3 record that has a type that stands at one name."""
    (owner,) = re.findall(rf"^(\w{{32}})\.\S+ \d+ IN NSEC3 .* {rtype} ", text, re.MULTILINE)
    return str(owner)
