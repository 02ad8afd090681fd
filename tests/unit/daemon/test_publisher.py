"""The publisher finds every commit, whenever that comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from daemonkit import until
from repokit import ZONE, Clock, parsed
from zonegit.daemon.publisher import Publisher
from zonegit.dnssec.policy import Algorithm, DnssecPolicy
from zonegit.errors import CorruptStore
from zonegit.model.rdata import A
from zonegit.ops.config import Config, ZoneConfig
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.repo.dnssec.remembered import remembered
from zonegit.repo.dnssec.status import noted_status
from zonegit.repo.mirrors import follows_versions, mirror_setting
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import Stopped, publish
from zonegit.repo.publishing.reading import Publication
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore

ORG = "example.org."


def no_samples() -> Mock:
    return Mock(**{"read.return_value": ()})


def test_a_commit_that_comes_while_it_looks_is_found_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Callable[[], object]] = []
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        store = LmdbStore.open(tmp_path / "repo")
        read = store.read

        @contextmanager
        def reading() -> Iterator[object]:
            with read() as reader:
                if waiting:
                    waiting.pop()()
                yield reader

        monkeypatch.setattr(store, "read", reading)
        config = Config(repo=tmp_path / "repo", zones={ORG: ZoneConfig(publish=PublishPolicy())})
        publisher = Publisher(store, config, no_samples())
        for _ in range(3):
            publisher.look()
        waiting.append(lambda: repository.set("www", A, 60, [bytes([192, 0, 2, 7])], zone=ORG))
        with store.write() as writer:
            writer.set_setting("other", b"1")  # so that it looks, and publishes nothing
        for _ in range(3):
            publisher.look()
        assert not waiting
        (found,) = repository.publications()
        assert found.published is not None
        assert found.published.of == repository.resolve("main", zone=ORG).id
        publisher.close()
        store.close()


class Zone:
    """A repository, and a publisher for two branches of its zone."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Repository.init(path).close()
        self.path = path
        self.store = LmdbStore.open(path)
        self.clock = Clock()
        self.repository = Repository(path, self.store, self.clock)
        self.repository.import_zone(parsed(ZONE), source="test.zone")
        self.repository.create_branch("canary", zone=ORG)
        self.samples = no_samples()
        self.lines: list[tuple[str, str]] = []
        """Message and branch of what is logged."""
        monkeypatch.setattr(
            "zonegit.ops.log.event",
            lambda _logger, message, *_, **fields: self.lines.append((message, fields.get("branch", ""))),
        )
        self.publisher = Publisher(self.store, self.config(PublishPolicy(max_deletes=0)), self.samples, self.clock)
        self.publisher.look()

    def config(self, policy: PublishPolicy | None, publisher: str | None = None) -> Config:
        settings = ZoneConfig(publish=policy, publisher=publisher, canary="canary:10")
        return Config(repo=self.path, zones={ORG: settings})

    def look(self) -> list[tuple[str, str]]:
        """What is logged at the next look."""
        self.lines.clear()
        self.publisher.look()
        return list(self.lines)

    def gauges(self, name: str) -> dict[str, int]:
        """The last values of a metric by their reasons."""
        calls = [call for call in self.samples.set.call_args_list if call.args[0] == name]
        return {call.kwargs.get("reason", ""): call.args[1] for call in calls}

    def follows(self) -> bool:
        with self.store.read() as reader:
            return follows_versions(reader, ORG)

    def set(self, name: str, last: int, branch: str = "main") -> None:
        self.repository.set(name, A, 60, [bytes([192, 0, 2, last])], zone=ORG, branch=branch)


@pytest.fixture
def zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    made = Zone(tmp_path / "repo", monkeypatch)
    yield made
    made.publisher.close()
    made.store.close()


def test_a_zone_is_held_while_any_of_its_branches_is(zone: Zone) -> None:
    for branch in ("main", "canary"):
        zone.repository.delete("www", zone=ORG, branch=branch)
    assert sorted(zone.look()) == [("not publishing a commit", "canary"), ("not publishing a commit", "main")]
    assert zone.gauges("publish_held") == {"max-deletes": 1}
    zone.repository.revert("canary", zone=ORG, branch="canary")
    assert zone.look() == [("published", "canary")]
    assert zone.gauges("publish_held") == {"max-deletes": 1}
    zone.repository.revert("main", zone=ORG)
    assert zone.look() == [("published", "main")]
    assert zone.gauges("publish_held") == {"max-deletes": 0}


def test_a_zone_was_published_when_its_last_branch_was(zone: Zone) -> None:
    zone.clock.now += 100
    zone.set("new", 1, "canary")
    zone.look()
    zone.publisher.configure(zone.config(PublishPolicy(max_deletes=1)))
    zone.look()
    assert zone.gauges("zone_published_timestamp_seconds") == {"": int(zone.clock.now)}


def test_a_branch_that_waits_is_noted_once_however_often_it_is_judged(zone: Zone) -> None:
    """Each review that somebody pushes has the branch judged again."""
    due = int(zone.clock.now) + 1000
    zone.repository.set("new", A, 60, [b"\x01\x02\x03\x04"], zone=ORG, not_before=due)
    for _ in range(20):
        zone.publisher.configure(zone.config(PublishPolicy(max_deletes=0)))
        zone.look()
    assert len(zone.publisher._later) == 1
    zone.clock.now = due - 1
    assert zone.look() == []
    zone.clock.now = due
    assert zone.look() == [("published", "main")]
    assert not zone.publisher._later


def test_what_a_commit_published_itself_is_logged(zone: Zone) -> None:
    zone.set("new", 1)
    (found,) = zone.repository.publications()[1:]
    assert found.published and found.published.of == zone.repository.resolve("main", zone=ORG).id
    assert zone.look() == [("published", "main")]
    assert zone.look() == []


def test_a_branch_is_judged_once_for_a_commit(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The move of its published ref, which that brings, is no reason for another look."""
    judged: list[str] = []
    begin = zone.publisher._begin

    def beginning(place: Position, since: float) -> None:
        judged.append(place.branch)
        begin(place, since)

    monkeypatch.setattr(zone.publisher, "_begin", beginning)
    zone.publisher.configure(zone.config(PublishPolicy(validator=("true",))))
    zone.look()
    assert sorted(judged) == ["canary", "main"]
    for number in range(3):
        judged.clear()
        zone.set("new", number)
        until(lambda: ("published", "main") in zone.look(), "the publication")
        for _ in range(3):
            zone.look()
        assert judged == ["main"]


def test_what_another_process_publishes_while_a_branch_is_judged_is_found(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, judge = PublishPolicy(max_deletes=0, validator=("true",)), zone.publisher._judge
    seen: list[tuple[str, str]] = []

    def judging(place: Position, policy: PublishPolicy | None, since: float) -> Publication | Stopped | None:
        found = judge(place, policy, since)
        if isinstance(found, Publication) and found.held is not None:
            publish(Context.over(zone.store, zone.clock), place, PublishPolicy(), lambda *_: None)
        return found

    def is_logged(line: tuple[str, str]) -> bool:
        seen.extend(zone.look())
        return line in seen

    monkeypatch.setattr(zone.publisher, "_judge", judging)
    zone.publisher.configure(zone.config(policy))
    zone.look()
    zone.repository.delete("www", zone=ORG)
    until(lambda: is_logged(("not publishing a commit", "main")), "a hold")
    until(lambda: is_logged(("published", "main")), "the publication")


def test_the_first_versions_of_many_zones_are_made_together(tmp_path: Path) -> None:
    """A branch that waits for its first version is served from its tip, whatever is committed to it meanwhile."""
    path, names = tmp_path / "repo", [f"z{number}.test." for number in range(150)]
    Repository.init(path).close()
    store = LmdbStore.open(path)
    repository = Repository(path, store, Clock())
    for name in names:
        repository.import_zone(parsed(ZONE.replace(ORG, name)), source="test.zone")
    held = names[7]
    config = Config(repo=path, zones={name: ZoneConfig(publish=PublishPolicy(max_deletes=0)) for name in names})
    publisher = Publisher(store, config, no_samples())
    before = store.txn_id()
    publisher.look()
    assert store.txn_id() <= before + 3, "the policies, and the zones in two groups"
    assert len(repository.publications()) == len(names)
    repository.delete("www", zone=held)
    publisher.look()
    assert [each.zone for each in repository.publications() if each.held] == [held]
    publisher.close()
    store.close()


def test_a_zone_that_can_not_be_read_keeps_no_other_from_being_published(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise CorruptStore("a page was changed on disk")

    zone.repository.stop_publishing(zone=ORG)
    monkeypatch.setattr("zonegit.repo.publishing.publish.begin", damaged)
    zone.publisher.configure(zone.config(PublishPolicy()))
    assert ("published", "main") in zone.look()


def test_a_stricter_policy_counts_from_the_reload_on(zone: Zone) -> None:
    zone.publisher.configure(zone.config(PublishPolicy(validator=("/nowhere/check",))))
    zone.publisher.look()
    zone.set("new", 1)
    (found,) = zone.repository.publications()[1:]
    assert found.published and found.published.of != zone.repository.resolve("main", zone=ORG).id


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_policy_that_goes_leaves_no_hold(zone: Zone, mirrored: bool) -> None:
    zone.repository.delete("www", zone=ORG)
    zone.look()
    assert zone.gauges("publish_held") == {"max-deletes": 1}
    if mirrored:
        with zone.store.write() as writer:
            writer.set_setting(mirror_setting(ORG), b"primary")
    zone.publisher.configure(zone.config(None))
    said = "following a peer's versions" if mirrored else "serving a branch from its tip"
    found = zone.look()
    assert found and all(message.startswith(said) for message, _ in found)
    assert zone.gauges("publish_held") == {"max-deletes": 0}


def test_a_zone_that_a_peer_publishes_from_now_on_keeps_its_versions(zone: Zone) -> None:
    zone.repository.delete("www", zone=ORG)
    zone.look()
    before = {each.branch: each.published for each in zone.repository.publications()}
    zone.publisher.configure(zone.config(None, publisher="ams"))
    assert {message for message, _ in zone.look()} == {
        "following a peer's versions: a branch has no policy any more"
    }
    assert {each.branch: each.published for each in zone.repository.publications()} == before
    assert zone.gauges("publish_held") == {"max-deletes": 0}
    assert zone.follows()
    zone.publisher.configure(zone.config(None, publisher="ams"))
    assert zone.look() == []
    zone.publisher.configure(zone.config(PublishPolicy()))
    assert ("published", "main") in zone.look()
    assert not zone.follows()


def test_a_zone_that_a_peer_signs_from_now_on_is_not_signed_here(zone: Zone, tmp_path: Path) -> None:
    dnssec = DnssecPolicy(Algorithm.ED25519, parent=("127.0.0.1:1",), directory=tmp_path / "keys")

    def signatures() -> dict[str, int | None]:
        found = ((each.branch, each.published) for each in zone.repository.publications())
        return {branch: old.version.commit.expires for branch, old in found if old is not None}

    def looked() -> dict[str, int | None]:
        zone.publisher.look()
        return signatures()

    zone.publisher.configure(zone.config(PublishPolicy(dnssec=dnssec)))
    until(lambda: None not in looked().values(), "signed versions")
    before = signatures()

    def is_left() -> bool:
        with zone.store.read() as reader:
            is_signed_here = noted_status(reader, ORG) is not None or list(remembered(reader))
            return follows_versions(reader, ORG) and not is_signed_here

    zone.publisher.configure(zone.config(None, publisher="ams"))
    until(lambda: looked() and is_left(), "that both branches are left to the peer")
    zone.set("new", 1)
    for _ in range(3):
        assert looked() == before
    assert is_left()


def test_a_file_of_signers_counts_soon_after_it_was_changed(zone: Zone, tmp_path: Path) -> None:
    signers = tmp_path / "allowed_approvers"
    policy = PublishPolicy(allowed_approvers=signers)
    zone.publisher.configure(zone.config(policy))
    zone.look()
    zone.repository.set("www", A, 60, [bytes([192, 0, 2, 7])], zone=ORG, branch="main")
    assert zone.look() == [("not publishing a commit", "main")]
    assert zone.look() == []
    signers.touch()
    zone.clock.now += 1
    assert ("published", "main") in zone.look()
    assert zone.look() == []


def test_a_clock_that_goes_back_has_the_branches_judged_again(zone: Zone) -> None:
    """What was to be done soon by the wrong clock would be years away."""
    zone.clock.now += 1e8
    due = int(zone.clock.now) + 10
    zone.repository.set("new", A, 60, [b"\x01\x02\x03\x04"], zone=ORG, not_before=due)
    zone.look()
    (place,) = zone.publisher._later
    zone.publisher._judge_at(place, due)
    zone.clock.now -= 1e8
    zone.look()
    assert zone.publisher._waiting == {} and list(zone.publisher._later) == [place]
    judged: list[object] = []
    zone.publisher._begin = lambda place, _since: judged.append(place)  # type: ignore[method-assign]
    zone.clock.now -= 1e8
    zone.look()
    assert judged == [place]
