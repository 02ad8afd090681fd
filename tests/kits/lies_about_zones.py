"""Lies about where the zone begins and ends, about differences, and about who signs."""

from collections.abc import Iterator
from itertools import count

from lies import Item, Raw, Scene, lie
from primarykit import APEX, Version, a, in_messages, message, raw_rr, rr, soa, step, whole
from zonegit.dns.access import tsig

OTHER_KEY = tsig.TsigKey(APEX, "hmac-sha256", b"k" * 32)


# Whole zones.


@lie("doesn't begin with the zone's SOA")
def begins_without_its_soa(scene: Scene) -> Iterator[Item]:
    yield scene.one(*scene.new.records, scene.new.soa)


@lie("begins with serial 2 and ends with serial 3")
def ends_with_another_serial(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, *scene.new.records, soa(scene.new.serial + 1))


@lie("begins and ends with different SOA records")
def ends_with_another_soa(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, *scene.new.records, soa(scene.new.serial, minimum=7))


@lie("records follow the SOA record that ends the zone")
def goes_on_after_its_end(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, *scene.new.records, scene.new.soa, a("more", 1))


@lie("records follow the SOA record that ends the zone")
def ends_twice(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, *scene.new.records, scene.new.soa, scene.new.soa)


@lie("serial 1 isn't ahead of 1, the one here")
def does_not_rise(scene: Scene) -> Iterator[Item]:
    yield from whole(scene.ask, scene.old)


@lie("serial 4294967290 isn't ahead of 1, the one here")
def goes_back(scene: Scene) -> Iterator[Item]:
    yield from whole(scene.ask, Version.of(4294967290, scene.new.records))


@lie("more than 1,000 records")
def never_ends(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa)
    for number in count():
        yield scene.one(*(a(f"h{number}-{each}", 1) for each in range(50)))


@lie("more than 1,000 records")
def repeats_one_record(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa)
    while True:
        yield scene.one(*[a("www", 1)] * 200)


@lie("takes more than 100,000 bytes")
def small_messages_of_long_names(scene: Scene) -> Iterator[Item]:
    """Each record has 14 bytes here, and 250 once its owner is whole."""
    yield scene.one(scene.new.soa)
    owner = b"".join(b"\x2f" + b"x" * 47 for _ in range(4))
    first = raw_rr(owner + b"\xc0\x0c", 1, bytes(4))
    pointer = (0xC000 | len(scene.one())).to_bytes(2, "big")
    for number in count():
        rest = [raw_rr(pointer, 1, (number * 600 + each).to_bytes(4, "big")) for each in range(600)]
        yield scene.one(first, *rest)


@lie("takes more than 100,000 bytes")
def large_records(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa)
    for number in count():
        yield scene.one(rr(f"h{number}", 65280, bytes(60_000)))


@lie("takes more than 1 s to transfer", waits=True)
def drips(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa)
    while True:
        scene.pause(0.1)
        yield scene.one(a("www", 1))


# Differences.


@lie("a difference begins at serial 0, but the serial here is 1", incremental=True)
def begins_elsewhere(scene: Scene) -> Iterator[Item]:
    new, old = scene.new, scene.old
    yield scene.one(new.soa, soa(0), *step(old, new)[1:], new.soa)


@lie("begins at serial 7, but the one before leads to 2", incremental=True)
def steps_do_not_meet(scene: Scene) -> Iterator[Item]:
    new, old = scene.new, scene.old
    yield scene.one(soa(9), *step(old, new), soa(7), soa(9), soa(9))


@lie("leads from serial 1 back to 0", incremental=True)
def steps_back(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, scene.old.soa, soa(0), scene.new.soa)


@lie("leads to serial 9, beyond 2", incremental=True)
def goes_too_far(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, scene.old.soa, soa(9), scene.new.soa)


@lie("differences begin and end with different SOA records of serial 2", incremental=True)
def differences_end_with_another_soa(scene: Scene) -> Iterator[Item]:
    new, old = scene.new, scene.old
    yield scene.one(new.soa, *step(old, new), soa(new.serial, minimum=7))


@lie("records follow the SOA record that ends the differences", incremental=True)
def differences_go_on(scene: Scene) -> Iterator[Item]:
    new, old = scene.new, scene.old
    yield scene.one(new.soa, *step(old, new), new.soa, a("more", 1))


@lie(r"removes gone\.example\.org\. A, which isn't in the zone", incremental=True)
def removes_what_is_not_there(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, scene.old.soa, a("gone", 1), scene.new.soa, scene.new.soa)


@lie(r"adds www\.example\.org\. A, which is in the zone already", incremental=True)
def adds_what_is_there(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, scene.old.soa, scene.new.soa, a("www", 1), scene.new.soa)


@lie("takes more than 100,000 bytes", incremental=True)
def endless_steps(scene: Scene) -> Iterator[Item]:
    yield scene.one(soa(1 << 30))
    for serial in count(scene.old.serial, 50):
        yield scene.one(*(each for more in range(50) for each in (soa(serial + more), soa(serial + more + 1))))


@lie("NOTIMP: it doesn't do such transfers", incremental=True)
def knows_no_differences(scene: Scene) -> Iterator[Item]:
    yield scene.one(rcode=4)


# Signatures.


@lie("message 1 of the answer isn't signed", keyed=True)
def signs_nothing(scene: Scene) -> Iterator[Item]:
    yield from map(Raw, whole(scene.ask, scene.new))


@lie("message 2 of the answer isn't signed", keyed=True)
def signs_only_the_first(scene: Scene) -> Iterator[Item]:
    first, *rest = whole(scene.ask, scene.new)
    yield first
    yield from map(Raw, rest)


@lie("message 2 of the answer isn't signed", keyed=True)
def leaves_one_out(scene: Scene) -> Iterator[Item]:
    first, second, *rest = whole(scene.ask, scene.new)
    yield first
    yield Raw(second)
    yield from rest


@lie("the signature of message 1 of the answer doesn't verify", keyed=True)
def signs_with_another_secret(scene: Scene) -> Iterator[Item]:
    if scene.key is not None and scene.ask.record is not None:
        other = tsig.TsigKey(scene.key.name, scene.key.algorithm, b"o" * 32)
        signature = tsig.Signature(other, scene.ask.record.mac)
        yield Raw(signature.sign(whole(scene.ask, scene.new)[0], int(scene.clock())))


@lie(r"is signed with the key example\.org\.", keyed=True)
def signs_with_another_key(scene: Scene) -> Iterator[Item]:
    if scene.ask.record is not None:
        signature = tsig.Signature(OTHER_KEY, scene.ask.record.mac)
        yield Raw(signature.sign(whole(scene.ask, scene.new)[0], int(scene.clock())))


@lie("the signature of message 1 of the answer doesn't verify", keyed=True)
def changes_what_was_signed(scene: Scene) -> Iterator[Item]:
    for signed in _signed(scene, whole(scene.ask, scene.new)):
        yield Raw(signed.replace(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 6))))


@lie("the signature of message 2 of the answer doesn't verify", keyed=True)
def leaves_a_message_out(scene: Scene) -> Iterator[Item]:
    first, _, *rest = _signed(scene, in_messages(scene.ask, scene.new.all, each=1))
    yield from map(Raw, [first, *rest])


@lie("was signed at 1970-01-01 00:16:40 UTC by its clock", keyed=True)
def clock_is_wrong(scene: Scene) -> Iterator[Item]:
    if scene.key is not None and scene.ask.record is not None:
        yield Raw(tsig.Signature(scene.key, scene.ask.record.mac).sign(whole(scene.ask, scene.new)[0], 1000))


@lie(r"BADTIME: its clock is 1970-01-01 00:16:40 UTC, and this one was", keyed=True)
def says_badtime(scene: Scene) -> Iterator[Item]:
    if scene.key is not None and scene.ask.record is not None:
        signature = tsig.Signature(scene.key, scene.ask.record.mac)
        refusal = message(scene.ask, [], rcode=9)
        at = scene.ask.record.time_signed
        yield Raw(signature.sign(refusal, at, tsig.BADTIME, (1000).to_bytes(6, "big")))


@lie(r"BADKEY: it doesn't know the key xfr\. \(hmac-sha256\)", keyed=True)
def says_badkey(scene: Scene) -> Iterator[Item]:
    yield from _refused(scene, tsig.BADKEY)


@lie(r"BADSIG: its secret of the key xfr\. \(hmac-sha256\) is another one", keyed=True)
def says_badsig(scene: Scene) -> Iterator[Item]:
    yield from _refused(scene, tsig.BADSIG)


@lie("NOTAUTH: .*; it didn't sign that", keyed=True)
def refuses_without_a_signature(scene: Scene) -> Iterator[Item]:
    yield Raw(message(scene.ask, [], rcode=9))


def _refused(scene: Scene, code: int) -> Iterator[Item]:
    if scene.key is not None:
        yield Raw(tsig.with_record(message(scene.ask, [], rcode=9), scene.key.wire, int(scene.clock()), b"", code))


def _signed(scene: Scene, messages: list[bytes]) -> list[bytes]:
    if scene.key is None or scene.ask.record is None:
        return messages
    signature = tsig.Signature(scene.key, scene.ask.record.mac)
    return [signature.sign(each, int(scene.clock())) for each in messages]
