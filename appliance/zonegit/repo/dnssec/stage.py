"""Signs what is published of zones, renews signatures, and brings rollovers on: one look at a branch at a time.

At each look the key state goes at most one step further and is written. Then a version is published if there is
something to show: a new commit, other keys, or new signatures in the place of those that end soon. What is new is
proven before.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final

from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.rollover.counting import LOOK
from zonegit.dnssec.rollover.machine import published_keys
from zonegit.dnssec.rollover.requests import NAMES
from zonegit.dnssec.rollover.state import State
from zonegit.dnssec.rollover.table import Kind, Until
from zonegit.dnssec.rollover.uses import row_of
from zonegit.dnssec.rollover.values import Facts, Parent
from zonegit.dnssec.signing.due import SignatureIndex
from zonegit.errors import DnssecError
from zonegit.model.names import parse_apex
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.dnssec.bootstrapping import announce, bootstrapped, take_news
from zonegit.repo.dnssec.describing import described
from zonegit.repo.dnssec.key_directory import KeyDirectory
from zonegit.repo.dnssec.key_states import advanced, read_state, with_request, write_state
from zonegit.repo.dnssec.look import Look
from zonegit.repo.dnssec.parents import SELDOM, SOON, Parents
from zonegit.repo.dnssec.requests import requested, taken
from zonegit.repo.dnssec.signed_release import Branch, Outcome, Tools, publish_signed
from zonegit.repo.dnssec.signing_pool import SigningPool
from zonegit.repo.dnssec.signing_process import WorkDivision
from zonegit.repo.dnssec.status import DnssecStatus, Problem, note_status, noted_status
from zonegit.repo.dnssec.tokens import close_tokens
from zonegit.repo.dnssec.zone_facts import Keys, Served, facts_of
from zonegit.repo.publishing.policy import Published
from zonegit.repo.publishing.reading import published_at, published_branches
from zonegit.repo.publishing.versions import release
from zonegit.repo.results import Position, Revision

_RETRY: Final = 300
"""Seconds until another look at a zone that couldn't be signed."""
_LONGEST_REST: Final = 3600
"""Seconds: many times as long as any pause between two slices."""


class SigningStage:
    """For one process. It keeps what it knows of zones between looks, and may be used on several threads."""

    def __init__(self, context: Context, parents: Parents, repo: Path | None = None) -> None:
        """`repo`: the repository's directory. Large versions are signed in a process that opens it, too, and ends;
        None: in this one.
        """
        self._context = context
        self._repo = repo
        self._parents = parents
        self._pool = SigningPool()
        self._zones: dict[tuple[str, str], _Zone] = {}

    def look(self, place: Position, policy: DnssecPolicy, old: Published, commit: Revision | None) -> Look:
        """Publish a commit of a branch that passed the gate; without one, what its version `old` needs now.

        `Conflict` if another process published meanwhile.
        """
        if commit is not None and commit.commit.is_tombstone:
            return Look(release(self._context, place, old, commit))
        if commit is None and old.version.commit.is_tombstone:
            return Look(old)
        zone = self._zone(place.zone, policy)
        with zone.lock, self._context.store.keeping():
            branch = Branch(place, policy, old, commit, zone.rest(place.branch))
            try:
                with zone.tools.keys.locked():
                    return zone.look(self._parents, branch)
            except DnssecError as error:
                return _unreadable(self._context, branch, str(error))

    def close(self) -> None:
        self._parents.close()
        self._pool.close()
        close_tokens()

    def _zone(self, name: str, policy: DnssecPolicy) -> "_Zone":
        key = str(policy.directory), name
        found = self._zones.get(key)
        if found is None:
            keys = KeyDirectory(policy.directory, self._pool.signer).zone(name)
            division = WorkDivision(keys, self._pool.verify_all, self._repo)
            tools = Tools(self._context, keys, SignatureIndex(self._context.now), division.of)
            found = self._zones.setdefault(key, _Zone(name, tools))
        return found


class _Zone:
    """What is known of a zone between looks."""

    def __init__(self, name: str, tools: Tools) -> None:
        self.tools = tools
        self.lock = Lock()
        self.rests: dict[str, float] = {}
        """By branch: when a slice of its signatures may be renewed again."""
        self._name = name
        self._refused: tuple[Problem, ...] = ()
        """Why an operator's last request was refused."""

    def rest(self, branch: str) -> float:
        """When a slice may be renewed again, in Unix seconds. A clock that went back doesn't make that long."""
        until = self.rests.get(branch, 0)
        return until if until <= self.tools.context.now() + _LONGEST_REST else 0

    def look(self, parents: Parents, branch: Branch) -> Look:
        keys, policy, now = self.tools.keys, branch.policy, int(self.tools.context.now())
        before = self._with_request(read_state(keys, parse_apex(self._name), policy, now), policy, now)
        every = _every(before)
        noted = _noted(self.tools.context, self._name, now)
        parent = parents.of(self._name, policy.parent, every, now, noted.parent_asked or 0)
        state = advanced(keys, before, self._facts(before, branch, parent, now), policy)
        write_state(keys, state)
        take_news(self.tools.context.store, self._name)
        outcome, problem = self._publish(state, branch)
        self._announce(state, outcome.published, policy)
        self.rests[branch.place.branch] = outcome.rests_until
        facts = self._facts(state, branch._replace(old=outcome.published), parent, now)
        found = (*self._refused, *([Problem("signing", problem)] if problem else ()))
        status = described(noted, policy, state, facts, outcome, found)
        note_status(self.tools.context.store, status)
        is_new = outcome.published.version.id != branch.old.version.id
        again = _again(state, status, outcome, now, is_new=is_new, failed=problem is not None)
        if state.process is not None or parent is not None or policy.parent:
            again = min(again, parents.next_look(self._name, _every(state), now))
        return Look(outcome.published, problem if branch.commit is not None else None, again, status)

    def _publish(self, state: State, branch: Branch) -> tuple[Outcome, str | None]:
        """Publish the commit; if it can't be signed, what the version before it needs. And what went wrong."""
        wanted = published_keys(state)
        try:
            return publish_signed(self.tools, branch, wanted), None
        except DnssecError as error:
            problem = str(error)
        try:
            if branch.commit is not None:
                return publish_signed(self.tools, branch._replace(commit=None), wanted), problem
        except DnssecError as error:
            problem = str(error)
        return Outcome(branch.old, None, branch.rests_until), problem

    def _announce(self, state: State, published: Published, policy: DnssecPolicy) -> None:
        """Have other zones of the repository signal the keys of this one, if it waits for its first DS."""
        context, wanted = self.tools.context, published_keys(state)
        zone = Content.of(context.nodes, published.content).tree
        announce(context.store, self._name, bootstrapped(state, wanted, zone, policy.dnskey_ttl))

    def _with_request(self, state: State, policy: DnssecPolicy, now: int) -> State:
        """The state after what an operator asked for, which is written before the request is taken away."""
        store = self.tools.context.store
        with store.read() as reader:
            request = requested(reader, self._name)
        if request is None:
            return state
        self._refused = ()
        try:
            state = with_request(state, request.wanted, policy, now)
            write_state(self.tools.keys, state)
        except DnssecError as error:
            self._refused = (Problem("request", f"{request.wanted} was refused: {error}"),)
        taken(store, self._name, request)
        return state

    def _facts(self, state: State, branch: Branch, parent: Parent | None, now: int) -> Facts:
        wanted = published_keys(state)
        keys = Keys(wanted.dnskeys, wanted.zone_signers, state.dnskeys, self.tools.keys.dnskeys())
        return facts_of(list(self._served(branch)), keys, parent, now)

    def _served(self, branch: Branch) -> Iterator[Served]:
        """What is served of each branch of the zone."""
        context = self.tools.context
        with context.store.read() as reader:
            found = {place: published_at(reader, place) for place in published_branches(reader, self._name)}
        for published in {**found, branch.place: branch.old}.values():
            if published is not None and not published.version.commit.is_tombstone:
                yield self.tools.served(published)


def _unreadable(context: Context, branch: Branch, why: str) -> Look:
    """The look at a zone whose keys, or their state, can't be read: what is served stays."""
    now = int(context.now())
    status = _noted(context, branch.place.zone, now)._replace(noted=now, problems=(Problem("keys", why),))
    note_status(context.store, status)
    return Look(branch.old, why if branch.commit is not None else None, now + _RETRY, status)


def _noted(context: Context, zone: str, now: int) -> DnssecStatus:
    """The status that was noted last; of a zone without any, that it is to be signed."""
    with context.store.read() as reader:
        return noted_status(reader, zone) or DnssecStatus(zone, now, under_way=NAMES[Kind.ENABLE])


def _every(state: State) -> int:
    """Seconds between two questions to the parent."""
    row = row_of(state)
    return SOON if row is not None and Until.PARENT in row.until else SELDOM


def _again(state: State, status: DnssecStatus, outcome: Outcome, now: int, *, is_new: bool, failed: bool) -> float:
    """When something is to be done without anything having moved."""
    times: list[float] = [now + SELDOM, *([outcome.renew_at] if outcome.renew_at is not None else ())]
    if failed:
        return now + _RETRY
    if state.process is not None:
        times.append(now if is_new else now + LOOK)  # a wait begins with the first look at what was published
        times += [waiting.until for waiting in status.waiting if waiting.until is not None]
    return max(min(times), now)
