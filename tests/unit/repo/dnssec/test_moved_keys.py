"""Keys that come from elsewhere: all of a zone's are taken over, or none; lost ones come back."""

import pytest

from zonegit.dnssec.bind_key_files import KeyTimes
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.rollover.state import from_json
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.errors import DnssecError
from zonegit.repo.dnssec.key_directory import KeyDirectory, ZoneKeys
from zonegit.repo.dnssec.moved_keys import KeyFile, import_keys

NOW = 1_767_225_600
MADE = NOW - 86_400


@pytest.fixture
def elsewhere(tmp_path) -> ZoneKeys:
    return KeyDirectory(tmp_path / "bind").zone("example.org.")


@pytest.fixture
def here(tmp_path) -> ZoneKeys:
    return KeyDirectory(tmp_path / "keys").zone("example.org.")


def made(keys: ZoneKeys, role: Role) -> tuple[ManagedKey, KeyFile]:
    key = keys.generate(role, Algorithm.ED25519, MADE)
    pair = keys.export(key.dnskey, KeyTimes(MADE, MADE, MADE))
    return key, KeyFile(pair.name, pair.private.encode(), pair.public.encode(), role)


def test_a_ksk_and_a_zsk_become_the_keys_of_the_zone(elsewhere, here):
    (ksk, one), (zsk, other) = made(elsewhere, Role.KSK), made(elsewhere, Role.ZSK)
    assert import_keys(here, [one, other], NOW, [ksk.dnskey]) == [ksk, zsk]
    state = from_json(here.read_state())
    assert {held.key for held in state.keys} == {ksk, zsk} and state.process is None
    assert set(here.dnskeys()) == {ksk.dnskey, zsk.dnskey}
    assert import_keys(here, [one, other], NOW, []) == [ksk, zsk], "again changes nothing"


def test_one_without_the_other_is_refused_and_leaves_nothing(elsewhere, here):
    _, ksk = made(elsewhere, Role.KSK)
    with pytest.raises(DnssecError, match="import one CSK, or a KSK and a ZSK"):
        import_keys(here, [ksk], NOW, [])
    assert here.dnskeys() == [] and here.read_state() is None


def test_a_bad_file_takes_the_good_ones_with_it(elsewhere, here):
    _, ksk = made(elsewhere, Role.KSK)
    bad = KeyFile("Kbad.private", b"nothing", None, Role.ZSK)
    with pytest.raises(DnssecError, match=r"Kbad\.private can't be imported: it is neither PEM nor"):
        import_keys(here, [ksk, bad], NOW, [])
    assert here.dnskeys() == [] and here.read_state() is None


def test_what_an_interrupted_call_left_counts_as_imported(elsewhere, here):
    key, file = made(elsewhere, Role.CSK)
    here.import_(file.private, Role.CSK, NOW)
    assert import_keys(here, [file], NOW, []) == [key]
    assert from_json(here.read_state()).dnskeys == {key.dnskey}


def test_a_lost_key_comes_back_and_no_other_is_let_in(elsewhere, here):
    key, file = made(elsewhere, Role.CSK)
    import_keys(here, [file], NOW, [])
    before = here.read_state()
    here.remove(key.dnskey)
    assert import_keys(here, [file], NOW, []) == [key]
    assert here.signing_key(key.dnskey).dnskey == key.dnskey
    _, strange = made(elsewhere, Role.CSK)
    with pytest.raises(DnssecError, match="is none of them: only keys that it has lost"):
        import_keys(here, [strange], NOW, [])
    assert here.read_state() == before and here.dnskeys() == [key.dnskey]


def test_a_key_file_shows_no_key(elsewhere):
    _, file = made(elsewhere, Role.CSK)
    assert repr(file) == f"<key file {file.name}>"
