"""Work of several sources: at once while there is little, in turns when there is much."""

from collections.abc import Callable

from zonegit.net.turns import TURN, Turns

STEP = TURN / 4


class Scene:
    """A clock that work moves, and a loop that runs what is to be called soon."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []
        self.soon: list[Callable[[], None]] = []
        self.turns = Turns(lambda: self.now, self.soon.append)

    def ask(self, source: bytes, name: str, steps: int, cost: float = STEP) -> None:
        left = [name] * steps

        def work(until: float) -> bool:
            while left:
                self.done.append(left.pop())
                self.now += cost
                if self.now >= until:
                    break
            return bool(left)

        self.turns.ask(source, work)

    def round(self) -> str:
        """What is done between two looks at sockets."""
        before = len(self.done)
        waiting, self.soon[:] = list(self.soon), []
        assert len(waiting) <= 1
        for each in waiting:
            each()
        return "".join(self.done[before:])


def test_little_work_is_done_at_once() -> None:
    scene = Scene()
    for name in "abc":
        scene.ask(name.encode(), name, 1)
    assert scene.done == ["a", "b", "c"]
    assert scene.soon == []


def test_work_beyond_a_turn_waits_for_a_look_at_sockets() -> None:
    scene = Scene()
    for name in "abcdef":
        scene.ask(name.encode(), name, 1)
    assert scene.done == ["a", "b", "c", "d"]
    assert scene.round() == "ef"
    assert not scene.soon


def test_sources_take_turns_and_so_do_the_connections_of_each() -> None:
    scene = Scene()
    for name in ("a", "b", "c"):
        scene.ask(b"many", name, 10)
    scene.ask(b"few", "z", 1)
    scene.ask(b"two", "y", 6)
    assert scene.done == ["a"] * 4
    rounds = [scene.round() for _ in range(7)]
    assert rounds == ["aaaa", "zyyyy", "bbbb", "yycccc", "aabbbb", "cccc", "bbcc"]
    assert scene.round() == ""
    assert not scene.soon


def test_who_comes_while_another_has_no_end_waits_for_one_turn_of_each() -> None:
    scene = Scene()
    for source in range(5):
        for connection in range(50):
            scene.ask(b"%d" % source, f"{source}{connection} ", 1000)
    scene.ask(b"honest", "honest", 1)
    rounds = 0
    while "honest" not in scene.done:
        scene.round()
        rounds += 1
    assert rounds <= 6


def test_a_long_piece_of_work_is_not_broken_off_and_ends_the_turn() -> None:
    scene = Scene()
    scene.ask(b"1", "a", 2, 50 * TURN)
    scene.ask(b"2", "b", 1)
    assert scene.done == ["a"]
    assert [scene.round(), scene.round()] == ["a", "b"]
