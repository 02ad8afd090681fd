"""Lies that a single message tells: its header, its names, its types, its data; and connections that end."""

from collections.abc import Iterator

from lies import CLOSE, SILENCE, Item, Part, Raw, Scene, lie
from primarykit import APEX, raw_rr, rr, soa
from zonegit.dns.wire.message import AA, QR, TC
from zonegit.model.names import from_text

# The messages themselves.


@lie("has the id 4660, not the query's")
def wrong_id(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, ident=b"\x12\x34" if scene.ask.ident != b"\x12\x34" else b"\x12\x35")


@lie("has another question")
def wrong_question(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, question=from_text("example.net.") + scene.ask.question[-4:])


@lie("has another question")
def no_question(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, question=b"")


@lie("message 2 of the answer has the id")
def other_id_later(scene: Scene) -> Iterator[Item]:
    first, *_ = scene.zone()
    yield first
    yield scene.one(*scene.new.records, ident=bytes(each ^ 1 for each in scene.ask.ident))


@lie("isn't a response")
def query_as_answer(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, flags=AA)


@lie("is truncated")
def truncated(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, flags=QR | AA | TC)


@lie("a message of the answer has no records")
def empty_message(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa)
    while True:
        yield scene.one()


@lie("a record is cut short")
def more_counted_than_there(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, count=2)


@lie("bytes after its last record")
def bytes_after_the_records(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, end=b"more")


@lie("has 5 bytes, fewer than a header")
def no_header(scene: Scene) -> Iterator[Item]:
    yield Raw(scene.ask.ident + b"\x80\0\0")


@lie("REFUSED: it doesn't allow")
def refused(scene: Scene) -> Iterator[Item]:
    yield scene.one(rcode=5)


@lie("SERVFAIL: it can't serve the zone now")
def fails_in_the_middle(scene: Scene) -> Iterator[Item]:
    yield scene.zone()[0]
    yield scene.one(rcode=2)


@lie("closed the connection without an answer")
def closes_at_once(_: Scene) -> Iterator[Item]:
    yield CLOSE


@lie("closed the connection in the middle of the zone")
def closes_in_the_middle(scene: Scene) -> Iterator[Item]:
    yield scene.zone()[0]
    yield CLOSE


@lie("closed the connection in the middle of a message")
def closes_inside_of_a_message(scene: Scene) -> Iterator[Item]:
    yield Part(b"\x40\0" + scene.zone()[0])


@lie("sent no answer within", waits=True)
def never_answers(_: Scene) -> Iterator[Item]:
    yield SILENCE


@lie("sent no whole message for", waits=True)
def stops_in_the_middle(scene: Scene) -> Iterator[Item]:
    yield scene.zone()[0]
    yield SILENCE


# Names, types and data.


@lie(r"a record isn't in the zone: www\.example\.net\.")
def out_of_zone(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("www.example.net.", 1, bytes(4)))


@lie(r"a record isn't in the zone: org\.")
def above_the_zone(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("org.", 2, from_text("ns.example.org.")))


@lie("a SOA record is below the zone's apex")
def soa_below_the_apex(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(soa(7, owner="www"))


@lie("has the class 3, not IN")
def other_class(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("www", 1, bytes(4), rclass=3))


@lie("type ANY can't stand in a zone")
def meta_type(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("www", 255, b"x"))


@lie("type OPT can't stand in a zone")
def option_record(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("@", 41, b""))


@lie("compression pointer doesn't lead back")
def pointer_ahead(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, raw_rr(b"\xff\xff", 1, bytes(4)))


@lie("compression pointer doesn't lead back")
def pointer_to_itself(scene: Scene) -> Iterator[Item]:
    at = len(scene.one(scene.new.soa))
    yield scene.one(scene.new.soa, raw_rr((0xC000 | at).to_bytes(2, "big"), 1, bytes(4)))


@lie("compression pointer doesn't lead back")
def pointer_into_the_header(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, raw_rr(b"\3www\xc0\x02", 1, bytes(4)))


@lie("a chain of compression pointers")
def pointers_to_pointers(scene: Scene) -> Iterator[Item]:
    start = len(scene.one(scene.new.soa)) + len(raw_rr(APEX, 65280, b""))
    chain = b"".join((0xC000 | at).to_bytes(2, "big") for at in (12, *range(start, start + 4000, 2)))
    last = (0xC000 | start + 4000).to_bytes(2, "big")
    yield scene.one(scene.new.soa, raw_rr(APEX, 65280, chain), raw_rr(last, 1, bytes(4)))


@lie("unknown label type")
def unknown_label_type(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, raw_rr(b"\x41x" + APEX, 1, bytes(4)))


@lie("a name is too long")
def long_name(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(raw_rr((b"\x3f" + b"x" * 63) * 4 + APEX, 1, bytes(4)))


@lie("of type A doesn't fit it")
def address_of_five_bytes(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("www", 1, bytes(5)))


@lie("of type MX doesn't fit it")
def data_after_a_name(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("@", 15, b"\0\1" + APEX + b"x"))


@lie("of type TXT doesn't fit it")
def string_cut_short(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("@", 16, b"\x09short"))


@lie("a record is cut short")
def data_beyond_the_message(scene: Scene) -> Iterator[Item]:
    yield scene.one(scene.new.soa, rr("www", 1, bytes(4))[:-5] + b"\xff")


@lie("of type DNAME doesn't fit it")
def name_compressed_where_none_may_be(scene: Scene) -> Iterator[Item]:
    yield from scene.zone(rr("www", 39, b"\xc0\x0c"))
