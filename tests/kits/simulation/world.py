"""A run: nodes, a network between them, and what happens, step by step, all of it from a plan."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NamedTuple

from simulation.disk import PowerLost
from simulation.laws import LawBroken, Ledger
from simulation.network import Counts, Exchange, Message
from simulation.node import Node
from simulation.pulling import fetch, pull
from simulation.pushing import push
from simulation.users import choose, merge_by_hand
from zonegit.sync.policy import Policy

START = 1_767_225_600


class Step(NamedTuple):
    """Something that happens. What the numbers mean depends on what it is; each is taken modulo what there is."""

    kind: str
    at: int
    other: int
    salt: int

    def __str__(self) -> str:
        return f"{self.kind} {self.at} {self.other} {self.salt}"


class Plan(NamedTuple):
    """A run, before it happened."""

    seed: int
    nodes: int
    links: tuple[tuple[int, int], ...]
    """Who calls whom. Connected; all know all that call them, unless calls both pull and push."""
    pushing: bool
    """Whether calls push, too."""
    policies: tuple[Policy, ...]
    """By nodes."""
    steps: tuple[Step, ...]


class Tally(NamedTuple):
    """What a run held."""

    commits: int
    merges: int
    steps: int


WEIGHTS = {
    "user": 30,
    "dial": 22,
    "merge": 8,
    "carry": 80,
    "lose": 4,
    "part": 2,
    "mend": 2,
    "crash": 2,
    "dying": 2,
    "skew": 2,
    "rotate": 4,
    "race": 6,
}
"""How often each thing happens."""


def make_plan(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(seed)
    nodes = min(rng.randint(2, 7), rng.randint(2, 7))  # a large fleet costs much, and most bugs need a small one
    length = rng.randint(20, 200)
    steps = [
        Step(kind, rng.randrange(1 << 16), rng.randrange(1 << 16), rng.getrandbits(32))
        for kind in rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=length)
    ]
    policies = [Policy.MERGE] * nodes
    if rng.random() < 0.2:
        policies = rng.choices((Policy.MERGE, Policy.HOLD, Policy.FF_ONLY), (2, 1, 1), k=nodes)
    links, pushing = _links(nodes, rng), rng.random() < 0.6
    if pushing:  # those who listen needn't call
        links = {tuple(rng.sample(link, 2)) for link in links if link[0] < link[1]}
    return Plan(seed, nodes, tuple(sorted(links)), pushing, tuple(policies), tuple(steps))


def _links(nodes: int, rng: Random) -> set[tuple[int, int]]:
    """A chain, a ring, a star, a mesh, or anything that is connected."""
    kind = rng.choice(("chain", "ring", "star", "mesh", "any"))
    pairs = [(at, at + 1) for at in range(nodes - 1)]
    if kind == "ring":
        pairs.append((nodes - 1, 0))
    elif kind == "star":
        pairs = [(0, at) for at in range(1, nodes)]
    elif kind == "mesh":
        pairs = [(one, two) for one in range(nodes) for two in range(one)]
    elif kind == "any":
        pairs = [(rng.randrange(at), at) for at in range(1, nodes)]
        pairs += [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(rng.randrange(nodes))]
    return {link for one, two in pairs if one != two for link in ((one, two), (two, one))}


Kind = Callable[[Node, Node, Random, Counts], Exchange[None]]


class World:
    """A run under way."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.now = START
        rng = Random(plan.seed + 1)
        self.nodes = [
            Node(at, lambda: self.now, rng.getrandbits(32), policy) for at, policy in enumerate(plan.policies)
        ]
        self.ledger = Ledger()
        self.counts = Counts()
        self._parted: set[Message] = set()
        self._open: list[tuple[Exchange[None], Message]] = []
        """Exchanges, and the message of each that is on its way."""

    def run(self) -> Tally:
        for at, step in enumerate(self.plan.steps):
            try:
                self._step(step)
            except LawBroken as broken:
                raise LawBroken(f"step {at}, {step}: {broken}") from None
        self._settle()
        return Tally(self.ledger.commits, self.ledger.merges, len(self.plan.steps))

    def _step(self, step: Step) -> None:
        self.now += 1 + step.salt % 5
        node = self.nodes[step.at % len(self.nodes)]
        try:
            DEEDS[step.kind](self, node, step)
        except PowerLost:
            for each in self.nodes:
                if each.disk.is_dead:
                    self._stop(each)
        for each in self.nodes:
            self.ledger.check(each)

    def user(self, node: Node, step: Step) -> None:
        doing = choose(node, Random(step.salt))
        if doing.name == "reset":
            self.ledger.rewound(node)
        doing()

    def dial(self, node: Node, step: Step) -> None:
        """A node begins to pull from one of those that it calls, or to push to it."""
        if there := [link[1] for link in self.plan.links if link[0] == node.number]:
            kind = push if self.plan.pushing and step.salt % 2 else fetch if step.salt % 7 == 0 else pull
            self._begin(kind, node, self.nodes[there[step.other % len(there)]], step.salt)

    def merge(self, node: Node, step: Step) -> None:
        """Somebody fetches from a peer, and merges by hand what came, before the node does."""
        if there := [link[1] for link in self.plan.links if link[0] == node.number]:
            peer, rng = self.nodes[there[step.other % len(there)]], Random(step.salt)
            exchange = fetch(node, peer, rng, self.counts)
            with suppress(StopIteration):
                message = next(exchange)
                while True:
                    message = exchange.send(message not in self._parted)
            merge_by_hand(node, peer.name, rng)

    def carry(self, node: Node, step: Step) -> None:
        """Any message that is on its way arrives next, if the network lets it through."""
        if self._open:
            exchange, message = self._open.pop(step.other % len(self._open))
            self._go_on(exchange, message not in self._parted)

    def lose(self, node: Node, step: Step) -> None:
        """A message gets lost."""
        if self._open:
            self._go_on(self._open.pop(step.other % len(self._open))[0], False)

    def part(self, node: Node, step: Step) -> None:
        """What a node sends to another one, or to all, doesn't arrive from now on."""
        others = {step.other % len(self.nodes)} if step.salt % 2 else set(range(len(self.nodes)))
        self._parted |= {Message(node.number, other) for other in others}

    def mend(self, node: Node, step: Step) -> None:
        self._parted.clear()

    def crash(self, node: Node, step: Step) -> None:
        self._stop(node)

    def dying(self, node: Node, step: Step) -> None:
        """The machine will die in one of its next transactions."""
        node.disk.die_in(step.salt % 3, durable=bool(step.other % 2))

    def skew(self, node: Node, step: Step) -> None:
        node.skew = Random(step.salt).choice((0, 0, 1, -1, 100_000, -100_000, 10_000_000))

    def race(self, node: Node, step: Step) -> None:
        """Somebody commits while a transaction waits to begin that was planned without it."""
        node.disk.meanwhile = lambda: self.user(node, step)

    def rotate(self, node: Node, step: Step) -> None:
        """One of the nodes that are last goes on with the rotation of keys."""
        last = min(each.stage for each in self.nodes)
        waiting = [each for each in self.nodes if each.stage == last]
        waiting[step.other % len(waiting)].rotate()

    def _begin(self, kind: Kind, here: Node, there: Node, salt: int) -> None:
        exchange = kind(here, there, Random(salt), self.counts)
        self._open.append((exchange, next(exchange)))

    def _go_on(self, exchange: Exchange[None], arrives: bool) -> None:
        with suppress(StopIteration):
            self._open.append((exchange, exchange.send(arrives)))

    def _stop(self, node: Node) -> None:
        """A node dies and begins again. Whoever talks to it notices; it itself remembers nothing."""
        for exchange, message in self._open:
            if node.number in message:
                exchange.close()
        self._open = [(exchange, message) for exchange, message in self._open if node.number not in message]
        node.start()

    def _settle(self) -> None:
        """All goes well from now on: the nodes come to be the same, and then there is nothing more to say."""
        for exchange, _ in self._open:
            exchange.close()
        self._open.clear()
        self._parted.clear()
        for node in self.nodes:
            node.skew = max(-40_000, min(node.skew, 40_000))
            node.start()
        all_merge = set(self.plan.policies) == {Policy.MERGE}
        self._gather()
        rounds = 0 if all_merge else 2 * len(self.nodes)
        if self.ledger.resets:  # what was taken back comes again only with the merge of a peer that has it
            rounds += 2
        for _ in range(rounds + 1):
            moved, sent = self.counts.moved, self.counts.objects
            self._round()
            if moved == self.counts.moved and (sent == self.counts.objects or not all_merge):
                break
        else:
            raise LawBroken(f"after {rounds} rounds something is still sent")
        if all_merge:
            self.ledger.agree(self.nodes)
        for node in self.nodes:
            self.ledger.whole(node)

    def _gather(self) -> None:
        """All that any node has goes along a tree of links to one of them, and from there to all."""
        tree = _tree(self.plan)
        for near, far in [(far, near) for near, far in reversed(tree)] + tree:
            if (far, near) in self.plan.links:
                self._exchange(pull, far, near)
            else:
                self._exchange(push, near, far)

    def _round(self) -> None:
        """Everybody calls once all that they call."""
        for here, there in self.plan.links:
            for kind in (pull, push) if self.plan.pushing else (pull,):
                self._exchange(kind, here, there)

    def _exchange(self, kind: Kind, here: int, there: int) -> None:
        self._begin(kind, self.nodes[here], self.nodes[there], here)
        while self._open:
            self._go_on(self._open.pop()[0], True)
        self.ledger.check(self.nodes[here])
        self.ledger.check(self.nodes[there])


Deed = Callable[[World, Node, Step], None]
DEEDS: dict[str, Deed] = {
    each.__name__: each
    for each in (
        World.user,
        World.dial,
        World.merge,
        World.carry,
        World.lose,
        World.part,
        World.mend,
        World.crash,
        World.dying,
        World.skew,
        World.rotate,
        World.race,
    )
}


def _tree(plan: Plan) -> list[tuple[int, int]]:
    """Links that reach every node from one of them, each from the node that is nearer to it."""
    tree: list[tuple[int, int]] = []
    reached = [plan.seed % plan.nodes]
    for near in reached:
        for far in range(plan.nodes):
            if far not in reached and ((near, far) in plan.links or (far, near) in plan.links):
                tree.append((near, far))
                reached.append(far)
    return tree


def run(plan: Plan) -> Tally:
    """`LawBroken` where a law doesn't hold."""
    return World(plan).run()
