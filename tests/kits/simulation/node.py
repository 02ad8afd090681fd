"""One node: a repository, a clock that may be wrong, and what serves it to others."""

from collections.abc import Callable
from random import Random

from simulation.disk import Disk
from simulation.door import Door
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.store.memory import MemoryStore
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.policy import Policy
from zonegit.sync.push_server import PushEndpoint
from zonegit.sync.server import Endpoint


class MemoryRepository(Repository):
    """All verbs of a repository, over a store that isn't in a directory."""

    def __init__(self, store: MemoryStore, now: Callable[[], float], random: Callable[[int], bytes]) -> None:
        self._store = store  # type: ignore[assignment]
        self._context = Context.over(store, now, random)


class Node:
    """A machine with zonegit on it."""

    def __init__(self, number: int, now: Callable[[], float], seed: int, policy: Policy) -> None:
        self.number = number
        self.name = f"n{number}"
        self.policy = policy
        self.skew = 0
        """Seconds that its clock is ahead."""
        self._now = now
        self.random = Random(seed)
        self.stage = 0
        self.disk = Disk(self.random.randbytes(16))
        self.start()

    def start(self) -> None:
        """Begin with nothing but what is on the disk."""
        self.disk = self.disk.rebooted()
        self.repository = MemoryRepository(self.disk, self.clock, self.random.randbytes)
        self.endpoint = Endpoint(self.disk)
        self.pushes = PushEndpoint(self.disk, lambda kid, zone: self.policy, clock=self.clock)
        self.tracked: dict[str, KnownRefs] = {}
        """What is known of peers' refs, from one exchange to the next."""
        self.door = Door(self.name, self.stage, self.clock, self.random.randbytes)

    def rotate(self) -> None:
        """Go on with the rotation of the key that all nodes share."""
        self.stage += 1
        self.door.rotate()

    def clock(self) -> float:
        return self._now() + self.skew

    @property
    def who(self) -> Stamp:
        return Stamp(f"daemon at {self.name}", int(self.clock()))

    def heads(self) -> dict[RefName, ObjectId]:
        with self.disk.read() as reader:
            return dict(reader.refs("refs/heads/"))
