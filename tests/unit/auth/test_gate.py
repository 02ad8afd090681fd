"""The gate's order of checks: what each bad request is told, and what it leaves behind."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from blake3 import blake3

from zonegit.auth.budget import BURST, FailureBudget, source_of
from zonegit.auth.gate import Gate, Grant, Pending, Refusal, Signer
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.auth.replay import ReplayWindow, Seen
from zonegit.auth.scheme import EMPTY_DIGEST, Call, good_call, parse_authorization
from zonegit.auth.scope import parse_scope
from zonegit.errors import KeyFileError, NotAuthorised

NOW = 1_767_225_600.0
REFS = Call("GET", "/v0/refs")
KEY = Key.derive("k1", bytes(range(32)), scopes=(parse_scope("read:*"),))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def counter() -> Callable[[int], bytes]:
    state = iter(range(1, 10_000))
    return lambda size: next(state).to_bytes(size, "big")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("primary-1", Keyring([KEY]), clock)


@pytest.fixture
def signer(clock: Clock) -> Signer:
    return Signer("primary-1", KEY, clock, counter())


def ask(gate: Gate, header: str, call: Call = REFS, body: bytes = b"") -> Grant | Refusal:
    pending = gate.begin(call, [header.encode()], "192.0.2.1")
    return gate.finish(pending, blake3(body).digest(), "read") if isinstance(pending, Pending) else pending


def refused(found: Grant | Refusal | Pending) -> tuple[int, str, str]:
    assert isinstance(found, Refusal)
    return found.status, found.error, found.result


def test_a_good_request_passes_once(gate: Gate, signer: Signer) -> None:
    header, mac = signer.sign(REFS, EMPTY_DIGEST)
    found = ask(gate, header)
    assert isinstance(found, Grant)
    assert (found.key, found.request_mac) == (KEY, mac)
    assert refused(ask(gate, header)) == (401, "unauthorized", "replayed")


@pytest.mark.parametrize("field", ["method", "path", "content_type"])
def test_each_signed_field_counts(gate: Gate, signer: Signer, field: str) -> None:
    header, _ = signer.sign(REFS, EMPTY_DIGEST)
    other = {"method": "POST", "path": "/v0/fetch", "content_type": "text/plain"}[field]
    assert refused(ask(gate, header, REFS._replace(**{field: other}))) == (401, "unauthorized", "mac")


def test_the_body_counts(gate: Gate, signer: Signer) -> None:
    header, _ = signer.sign(REFS, EMPTY_DIGEST)
    assert refused(ask(gate, header, body=b"x")) == (401, "unauthorized", "mac")


def test_every_changed_character_of_the_header_is_refused(clock: Clock, signer: Signer) -> None:
    gate = Gate("primary-1", Keyring([KEY]), clock, budget=FailureBudget(burst=10_000))
    header, _ = signer.sign(REFS, EMPTY_DIGEST)
    for at, char in enumerate(header):
        changed = header[:at] + ("0" if char != "0" else "1") + header[at + 1 :]
        assert refused(ask(gate, changed))[0] == 401, changed
    assert isinstance(ask(gate, header), Grant), "no failed attempt may use the nonce up"


def test_a_request_to_another_server_is_refused(clock: Clock, signer: Signer) -> None:
    other = Gate("primary-2", Keyring([KEY]), clock)
    assert refused(ask(other, signer.sign(REFS, EMPTY_DIGEST)[0])) == (401, "unauthorized", "mac")


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b"a", b"b"],
        [b"Bearer x"],
        [b"x" * 513],
        [b"ZG1-HMAC-SHA256 kid=k1,kid=k1,ts=1,nonce=" + b"A" * 22 + b",aud=a,mac=" + b"A" * 43],
        [b"ZG1-HMAC-SHA256 ts=1,kid=k1,nonce=" + b"A" * 22 + b",aud=a,mac=" + b"A" * 43],
        [b"ZG1-HMAC-SHA256 kid=k1,ts=01,nonce=" + b"A" * 22 + b",aud=a,mac=" + b"A" * 43],
        [b"ZG1-HMAC-SHA256 kid=K1,ts=1,nonce=" + b"A" * 22 + b",aud=a,mac=" + b"A" * 43],
        [b"ZG1-HMAC-SHA256 kid=k1,ts=1,nonce=" + b"A" * 21 + b"B,aud=a,mac=" + b"A" * 43],
        [b"ZG1-HMAC-SHA256 kid=k1,ts=1,nonce=" + b"A" * 22 + b",aud=a,mac=" + b"A" * 42 + b"B"],
        [b"ZG1-HMAC-SHA256 kid=k1,ts=1,nonce=" + b"A" * 22 + b",aud=a,mac=" + b"A" * 43 + b"\n"],
    ],
)
def test_bad_syntax(gate: Gate, values: list[bytes]) -> None:
    with pytest.raises(NotAuthorised):
        parse_authorization(values)
    assert refused(gate.begin(REFS, values, "192.0.2.1")) == (401, "unauthorized", "syntax")


@pytest.mark.parametrize("path", ["/v0//refs", "/v0/../refs", "/v0/%72efs", "/v0/refs?x", "v0/refs", "/v0/\n", ""])
def test_paths_that_can_be_read_in_two_ways_are_refused(gate: Gate, signer: Signer, path: str) -> None:
    call = Call("GET", path)
    assert not good_call(call)
    assert refused(ask(gate, signer.sign(call, EMPTY_DIGEST)[0], call)) == (401, "unauthorized", "syntax")


def test_a_clock_that_is_off_costs_the_source_and_is_always_told(gate: Gate, signer: Signer) -> None:
    signer.offset = -301.0
    for _ in range(20):
        assert refused(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0])) == (401, "clock_skew", "clock_skew")
    assert refused(ask(gate, "nothing")) == (429, "too_many_failures", "throttled")


def test_clock_skew_is_told_only_to_a_right_mac(gate: Gate, clock: Clock, signer: Signer) -> None:
    signer.offset = -301.0
    header, mac = signer.sign(REFS, EMPTY_DIGEST)
    found = ask(gate, header)
    assert refused(found) == (401, "clock_skew", "clock_skew")
    assert isinstance(found, Refusal)
    assert found.grant is not None
    assert (found.grant.key, found.grant.request_mac) == (KEY, mac)
    assert found.server_time == int(NOW)
    forged = header[:-1] + ("A" if header[-1] != "A" else "E")
    assert refused(ask(gate, forged)) == (401, "unauthorized", "mac")
    signer.correct(found.server_time)
    assert isinstance(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]), Grant)


DAY = 86_400


@pytest.mark.parametrize("server_time", [NOW + DAY + 1, NOW - DAY - 1, 0])
def test_a_clock_is_corrected_by_a_day_at_most(signer: Signer, server_time: float) -> None:
    signer.correct(int(NOW) + 400)
    with pytest.raises(
        NotAuthorised, match=r"the clocks of primary-1 and this machine differ by [0-9.]+ days: correct"
    ):
        signer.correct(int(server_time))
    assert signer.offset == 400, "the correction before it stays"


@pytest.mark.parametrize(("off", "window"), [(-DAY, (NOW - 60, None)), (DAY, (None, NOW + 60))])
def test_a_correction_that_leaves_no_key_valid_is_dropped(
    gate: Gate, clock: Clock, off: int, window: tuple[float | None, float | None]
) -> None:
    """The clock was off, was corrected by the server's, and was set right since."""
    key = Key.derive("k1", bytes(range(32)), scopes=KEY.scopes, not_before=window[0], not_after=window[1])
    signer = Signer("primary-1", key, clock, counter())
    clock.now = NOW - off
    signer.correct(int(NOW))
    assert signer.key is key
    clock.now = NOW
    assert signer.key is key
    assert isinstance(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]), Grant)


def test_new_keys_are_used_by_the_clients_own_clock(signer: Signer) -> None:
    signer.correct(int(NOW) + 400)
    signer.use_keys(KEY)
    assert signer.offset == 0


@pytest.mark.parametrize(("ahead", "kept"), [(0, 0), (150, 0), (151, 400), (-151, 400)])
def test_a_correction_ends_once_the_clients_own_clock_is_right(signer: Signer, ahead: int, kept: int) -> None:
    signer.correct(int(NOW) + 400)
    signer.heard(int(NOW) + ahead)
    assert signer.offset == kept


@pytest.mark.parametrize("offset", [-300, 300])
def test_the_window_is_300_seconds_either_way(gate: Gate, signer: Signer, offset: int) -> None:
    signer.offset = offset
    assert isinstance(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]), Grant)


@pytest.mark.parametrize(
    "key",
    [
        replace(KEY, state=State.RETIRED),
        replace(KEY, not_before=NOW + 1),
        replace(KEY, not_after=NOW),
    ],
)
def test_a_key_that_is_not_valid(clock: Clock, signer: Signer, key: Key) -> None:
    gate = Gate("primary-1", Keyring([key]), clock)
    assert refused(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0])) == (401, "unauthorized", "key_not_valid")


@pytest.mark.parametrize("shown", ["", "cd" * 32])
def test_a_key_that_is_bound_to_a_certificate_needs_that_one(clock: Clock, signer: Signer, shown: str) -> None:
    bound = replace(KEY, client_cert="ab" * 32)
    gate = Gate("primary-1", Keyring([bound]), clock)
    found = []
    for certificate in (shown, "ab" * 32):
        header, _ = signer.sign(REFS, EMPTY_DIGEST)
        pending = gate.begin(REFS, [header.encode()], "192.0.2.1", certificate)
        assert isinstance(pending, Pending)
        found.append(gate.finish(pending, EMPTY_DIGEST, "read"))
    assert refused(found[0]) == (401, "unauthorized", "client_cert")
    assert isinstance(found[1], Grant)


def test_an_unknown_key_and_a_wrong_secret_are_told_the_same(gate: Gate, clock: Clock) -> None:
    for key in (replace(KEY, kid="k2"), Key.derive("k1", b"x" * 32)):
        found = ask(gate, Signer("primary-1", key, clock, counter()).sign(REFS, EMPTY_DIGEST)[0])
        assert refused(found)[:2] == (401, "unauthorized")


def test_the_decoy_key_opens_nothing(gate: Gate, clock: Clock) -> None:
    decoy = Key.derive("unknown", b"\0" * 32)
    found = ask(gate, Signer("primary-1", decoy, clock, counter()).sign(REFS, EMPTY_DIGEST)[0])
    assert refused(found) == (401, "unauthorized", "unknown_key")


def test_without_the_verb_a_right_mac_gets_a_signed_403(clock: Clock, signer: Signer) -> None:
    gate = Gate("primary-1", Keyring([replace(KEY, scopes=(parse_scope("push:*"),))]), clock)
    found = ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0])
    assert refused(found) == (403, "forbidden", "forbidden")
    assert isinstance(found, Refusal)
    assert found.grant is not None


def test_failures_of_a_source_are_bounded_and_forgiven(gate: Gate, clock: Clock) -> None:
    for _ in range(BURST):
        assert refused(gate.begin(REFS, [], "192.0.2.1"))[0] == 401
    found = gate.begin(REFS, [], "192.0.2.1")
    assert refused(found) == (429, "too_many_failures", "throttled")
    assert isinstance(found, Refusal)
    assert found.retry_after == 6
    assert refused(gate.begin(REFS, [], "192.0.2.2"))[0] == 401, "another source is not affected"
    clock.now += 6
    assert [refused(gate.begin(REFS, [], "192.0.2.1"))[0] for _ in range(2)] == [401, 429]


def test_what_is_right_passes_whatever_else_failed_at_its_address(gate: Gate, clock: Clock, signer: Signer) -> None:
    for _ in range(3 * BURST):
        gate.begin(REFS, [], "192.0.2.1")
    assert isinstance(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]), Grant)
    signer.offset = -301.0
    assert refused(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0])) == (401, "clock_skew", "clock_skew")
    signer.offset = 0.0
    gate.keyring = Keyring([replace(KEY, scopes=())])
    assert refused(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]))[0] == 403


def test_over_the_budget_every_refusal_is_the_same_too(gate: Gate, clock: Clock, signer: Signer) -> None:
    taken, _ = signer.sign(REFS, EMPTY_DIGEST)
    ask(gate, taken)
    for _ in range(BURST):
        gate.begin(REFS, [], "192.0.2.1")
    found = [ask(gate, taken), ask(gate, taken[:-1] + ("A" if taken[-1] != "A" else "E"))]
    others = (replace(KEY, kid="k2"), Key.derive("k1", b"x" * 32))
    signers = [Signer("primary-1", key, clock, counter()) for key in others]
    found.extend(ask(gate, other.sign(REFS, EMPTY_DIGEST)[0]) for other in signers)
    gate.keyring = Keyring([replace(KEY, state=State.RETIRED)])
    found.append(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]))
    pending = gate.begin(REFS, [signer.sign(REFS, EMPTY_DIGEST)[0].encode()], "192.0.2.1")
    assert isinstance(pending, Pending)
    found.append(gate.too_large(pending))
    assert [refused(each)[:2] for each in found] == [(429, "too_many_failures")] * 6
    assert all(isinstance(each, Refusal) and each.grant is None and each.retry_after > 0 for each in found)


def test_sources() -> None:
    assert source_of("192.0.2.1") == source_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:0:ff::1") == source_of("2001:db8:0:1:2::") == "2001:db8::/56"
    assert source_of("2001:db8:0:100::1") == "2001:db8:0:100::/56"
    assert source_of("fe80::1%eth0") == "fe80::/56"
    assert source_of("unix") == "unix"


def test_the_budget_forgets_the_oldest_source() -> None:
    budget = FailureBudget(limit=2)
    for source in ("a", "b", "c"):
        budget.fail(source, 0.0)
    assert len(budget) == 2


def test_a_budget_spent_while_the_clock_was_ahead_is_forgiven() -> None:
    budget = FailureBudget()
    for _ in range(BURST + 1):
        budget.fail("a", NOW + 1e8)
    assert budget.wait("a", NOW + 1e8) > 0
    assert budget.wait("a", NOW) == 0
    for _ in range(BURST):
        budget.fail("a", NOW)
    assert budget.wait("a", NOW) > 0


def test_nonces_live_for_600_seconds_and_are_forgotten() -> None:
    window = ReplayWindow()
    assert window.remember("k", "n", 1000.0) is Seen.NEW
    assert window.remember("k", "n", 1599.0) is Seen.REPLAYED
    assert window.remember("other", "n", 1599.0) is Seen.NEW
    assert window.remember("k", "n", 1601.0) is Seen.REPLAYED
    assert window.remember("k", "n", 9000.0) is Seen.NEW
    assert len(window) == 1


def test_a_nonce_taken_late_in_a_generation_lives_on() -> None:
    window = ReplayWindow()
    window.remember("k", "first", 1000.0)
    window.remember("k", "late", 1599.0)
    window.remember("k", "turn", 1601.0)
    assert window.remember("k", "late", 2199.0) is Seen.REPLAYED


def test_a_full_window_says_so_and_still_knows_what_it_has() -> None:
    window = ReplayWindow(limit=2)
    assert [window.remember("k", name, 1.0) for name in "abc"] == [Seen.NEW, Seen.NEW, Seen.FULL]
    assert window.remember("k", "a", 1.0) is Seen.REPLAYED


def test_the_window_survives_a_clock_that_jumps_back() -> None:
    window = ReplayWindow()
    window.remember("k", "n", 10_000.0)
    assert window.remember("k", "n", 5_000.0) is Seen.REPLAYED
    assert window.remember("k", "n", 5_599.0) is Seen.REPLAYED


def test_after_a_jump_back_nonces_are_forgotten_in_the_same_time() -> None:
    window = ReplayWindow(limit=1)
    window.remember("k", "n", 10_000.0)
    found = [window.remember("k", "m", now) for now in (5_000.0, 5_600.0, 6_260.0)]
    assert found == [Seen.FULL, Seen.FULL, Seen.NEW]


def test_two_keys_may_not_share_a_secret() -> None:
    with pytest.raises(KeyFileError, match="same secret"):
        Keyring([KEY, replace(KEY, kid="k2")])


def test_a_key_does_not_print_its_secret() -> None:
    assert KEY.request.hex() not in repr(KEY)
    assert repr(KEY.request) not in repr(KEY)


def test_a_request_is_remembered_for_its_window_and_its_body(clock: Clock, signer: Signer) -> None:
    """Signed 300 s ahead, taken at once, and sent again when it is 300 s old, with a body that takes 30 s."""
    gate = Gate("primary-1", Keyring([KEY]), clock)
    signer.offset = 300.0
    header, _ = signer.sign(REFS, EMPTY_DIGEST)
    assert isinstance(ask(gate, header), Grant)
    for began, took in [(600, 29), (600, 30), (599, 30)]:
        clock.now = NOW + began
        pending = gate.begin(REFS, [header.encode()], "192.0.2.1")
        assert isinstance(pending, Pending)
        clock.now += took
        assert refused(gate.finish(pending, EMPTY_DIGEST, "read")) == (401, "unauthorized", "replayed")
    clock.now = NOW + 600
    pending = gate.begin(REFS, [header.encode()], "192.0.2.1")
    clock.now += 31
    found = gate.finish(pending, EMPTY_DIGEST, "read")  # type: ignore[arg-type]  # it was in time
    assert refused(found) == (401, "clock_skew", "clock_skew"), "too late, whoever remembers what"


@pytest.mark.parametrize("back", [10.0, 700.0, 3_600.0, 86_400.0])
def test_a_clock_that_is_set_back_makes_no_request_new(clock: Clock, signer: Signer, back: float) -> None:
    steady = Clock()
    gate = Gate("primary-1", Keyring([KEY]), clock, replay=ReplayWindow(steady=steady))
    header, _ = signer.sign(REFS, EMPTY_DIGEST)
    assert isinstance(ask(gate, header), Grant)
    clock.now -= back
    while clock.now < NOW + 400:  # with an honest request now and then
        assert isinstance(ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0]), Grant)
        assert refused(ask(gate, header))[0] == 401
        clock.now += 100
        steady.now += 100


def test_a_clock_that_is_ahead_for_a_moment_makes_no_request_new(clock: Clock, signer: Signer) -> None:
    steady = Clock()
    gate = Gate("primary-1", Keyring([KEY]), clock, replay=ReplayWindow(steady=steady))
    header, _ = signer.sign(REFS, EMPTY_DIGEST)
    assert isinstance(ask(gate, header), Grant)
    clock.now += 86_400
    for _ in range(2):
        ask(gate, signer.sign(REFS, EMPTY_DIGEST)[0])
        clock.now, steady.now = clock.now + 250, steady.now + 250
    clock.now -= 86_400 + 300
    assert refused(ask(gate, header)) == (401, "unauthorized", "replayed")
