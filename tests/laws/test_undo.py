"""Operations, undos and redos in any order: a branch's content follows a model of two stacks."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Conflict, Refused
from zonegit.model.names import parse_apex
from zonegit.model.rdata import TXT, A
from zonegit.repo import Repository
from zonegit.store.memory import MemoryStore
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.writer import write_zone

APEX = parse_apex("example.org.")
BEGIN = "@ 60 SOA ns.example.net. h 1 2 3 4 5\n@ 60 NS ns.example.net.\n"

Step = tuple[str, int]


def file(*lines: str) -> ParsedZone:
    return read_zone(BytesIO("\n".join([BEGIN, *lines]).encode()), name="x.zone", origin=APEX)


def content(repository: Repository) -> list[str]:
    """The zone's records, without its serial."""
    return [line for line in write_zone(APEX, repository.rrsets()) if "SOA" not in line]


def add_file(repository: Repository, number: int) -> None:
    repository.import_zone(file(f"c 60 A 192.0.2.{number}"), source="x.zone", replace=True)


def clear(repository: Repository, _number: int) -> None:
    if repository.rrsets_at("a"):
        repository.delete("a")


def some(repository: Repository, number: int) -> str:
    """A version of the history."""
    log = list(repository.log())
    return log[number % len(log)].id.hex()


def move_on(repository: Repository, number: int) -> None:
    """Over several commits at once."""
    name = f"side-{len(repository.branches())}"
    repository.create_branch(name)
    for last in range(number):
        repository.set("d", A, 60, [bytes([192, 0, 2, last])], branch=name)
    repository.merge(name, ff="only")


def merge(repository: Repository, number: int) -> None:
    name = f"side-{len(repository.branches())}"
    repository.create_branch(name, some(repository, number))
    repository.set("e", A, 60, [bytes([192, 0, 2, number])], branch=name)
    repository.merge(name, prefer="theirs")


def revert(repository: Repository, _number: int) -> None:
    parents = repository.resolve().commit.parents
    if parents:
        repository.revert("HEAD", mainline=int(len(parents) > 1))


def restore(repository: Repository, number: int) -> None:
    source = some(repository, number)
    if repository.rrsets_at("a") or repository.rrsets_at("a", source):
        repository.restore_records("a", source=source)


OPERATIONS: dict[str, Callable[[Repository, int], object]] = {
    "set": lambda repository, number: repository.set("a", A, 60, [bytes([192, 0, 2, number])]),
    "add": lambda repository, number: repository.add("b", TXT, 60, [b"\1%d" % number]),
    "clear": clear,
    "import": add_file,
    "reset": lambda repository, number: repository.reset(some(repository, number)),
    "move on": move_on,
    "merge": merge,
    "revert": revert,
    "restore": restore,
    "rename": lambda repository, number: repository.rename_branch(f"b{number}-{len(repository.branches())}"),
}
WHAT = (*OPERATIONS, "undo", "undo", "undo", "undo", "redo", "redo")
steps = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 3)), max_size=25)


def operate(repository: Repository, step: Step) -> bool:
    """Do something to the branch; whether it moved."""
    what, number = step
    before = repository.resolve().id
    with suppress(Conflict):  # a branch of that name is there
        OPERATIONS[what](repository, number)
    return repository.resolve().id != before


@given(steps)
def test_undo_and_redo_are_two_stacks(done: list[Step]) -> None:
    repository = Repository(Path("nowhere"), MemoryStore())
    repository.import_zone(file(), source="x.zone")
    undoable: list[list[str]] = []
    redoable: list[list[str]] = []
    for step in done:
        before, serial = content(repository), repository.resolve().commit.serial
        if step[0] in ("undo", "redo"):
            call, source, target = {
                "undo": (repository.undo, undoable, redoable),
                "redo": (repository.redo, redoable, undoable),
            }[step[0]]
            try:
                call()
            except Refused:
                assert not source
                assert content(repository) == before
                continue
            assert content(repository) == source.pop()
            target.append(before)
        elif operate(repository, step):
            undoable.append(before)
            redoable.clear()
        assert repository.resolve().commit.serial >= serial
