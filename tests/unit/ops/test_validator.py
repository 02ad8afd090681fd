"""A validator that does harm: it is bounded, and what it leaves behind is ended."""

import gc
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from repokit import ZONE, Clock, parsed
from zonegit.errors import StoreBusy, ValidatorUnavailable
from zonegit.model.commit import Commit
from zonegit.ops.validator import Validators, validate
from zonegit.repo import Repository
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.publishing.policy import Proposed, PublishPolicy
from zonegit.repo.results import Revision
from zonegit.store.memory import MemoryStore


@pytest.fixture
def run(tmp_path: Path, proposed: Proposed) -> Callable[[str, float], str | None]:
    """Runs Python code as the validator."""

    def run(code: str, seconds: float = 30) -> str | None:
        return validate(policy(tmp_path, code, seconds), proposed)

    return run


def policy(directory: Path, code: str, seconds: float = 30) -> PublishPolicy:
    file = directory / "validator.py"
    file.write_text(f"import os, signal, sys, time\n{code}\n")
    return PublishPolicy(validator=(sys.executable, str(file)), validator_timeout=seconds)


@pytest.fixture
def proposed() -> Proposed:
    store, clock = MemoryStore(), Clock()
    repository = Repository(Path("nowhere"), store, clock)
    repository.import_zone(parsed(ZONE), source="test.zone")
    tip = repository.resolve("main", zone="example.org.")
    return Proposed(None, Content.of(Context.over(store, clock).nodes, tip))


Run = Callable[..., str | None]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("os.kill(os.getpid(), 40)", "the validator was killed by signal 40"),
        ("signal.signal(15, signal.SIG_IGN); os.kill(0, 15); sys.exit(5)", "the validator exited with 5"),
        ("sys.stdin.close(); os.close(1); os.close(2); os._exit(7)", "the validator exited with 7"),
        ("os.write(2, b'a\\0b\\x1b[31m\\xffc\\nd\\n'); sys.exit(1)", "the validator exited with 1: a"),
        ("sys.exit(0 if 'mail' in sys.stdin.read() else 3)", None),
    ],
)
def test_its_end_is_described(run: Run, code: str, complaint: str | None) -> None:
    found = run(code)
    assert found == complaint or (found and complaint and found.startswith(complaint))
    assert found is None or found.isprintable()


def test_a_zone_that_can_not_be_handed_over_is_held(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(ValidatorUnavailable, match=r"cannot run .*: No space left on device"):
        run("")


def test_what_detaches_from_it_is_ended_too(run: Run, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    gc.collect()  # of files that other tests left
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    code = f"""
if not os.fork():
    os.setsid()
    for _ in range(3):
        if not os.fork():
            with open({str(pids)!r}, "a") as file:
                file.write(str(os.getpid()) + " ")
            while True:
                time.sleep(60)
    os._exit(0)
os.wait()
while not os.path.exists({str(pids)!r}) or len(open({str(pids)!r}).read().split()) < 3:
    time.sleep(0.01)
"""
    assert run(code) is None
    for pid in pids.read_text().split():
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or re.search(r"\) [ZX] ", state.read_text()), "it runs on"
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def test_much_output_is_dropped_and_the_time_counts(
    proposed: Proposed, needs_program: Callable[[str], str]
) -> None:
    """By a program that begins to write long before its time is up."""
    found = validate(PublishPolicy(validator=(needs_program("yes"), "xxx"), validator_timeout=0.5), proposed)
    assert found is not None and found.startswith("the validator took more than 0.5 s: xxx")


def test_its_processor_time_is_limited_by_the_system(run: Run) -> None:
    code = "import resource as r; print(r.getrlimit(r.RLIMIT_CPU), r.getrlimit(r.RLIMIT_NPROC)); sys.exit(1)"
    assert run(f"time.sleep(0.2); {code}", 9) == "the validator exited with 1: (10, 10) (4096, 4096)"


def test_it_stops_with_the_daemon(tmp_path: Path, proposed: Proposed) -> None:
    started = tmp_path / "started"
    code = f"signal.signal(15, signal.SIG_IGN); open({str(started)!r}, 'w'); time.sleep(600)"
    validators = Validators()
    raised: list[Exception] = []

    def ask() -> None:
        try:
            validators(policy(tmp_path, code, 600), proposed)
        except StoreBusy as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not started.exists():
        time.sleep(0.01)
    validators.stop()
    thread.join(60)
    assert not thread.is_alive() and len(raised) == 1
    with pytest.raises(StoreBusy):
        validators(policy(tmp_path, code), proposed)


def counting(tmp_path: Path, end: str) -> tuple[PublishPolicy, Callable[[], int]]:
    """A validator that ends like this, and how often it ran."""
    runs = tmp_path / "runs"
    runs.touch()
    code = f"open({str(runs)!r}, 'a').write('x'); {end}"
    return policy(tmp_path, code, 2), lambda: len(runs.read_text())


def test_what_it_refused_it_is_not_asked_again(tmp_path: Path, proposed: Proposed) -> None:
    rules, runs = counting(tmp_path, "sys.exit('no')")
    validators = Validators()
    first = validators(rules, proposed)
    assert first == "the validator exited with 1: no"
    assert (validators(rules, proposed), runs()) == (first, 1)
    served = Content(Revision(proposed.new.revision.id, shown(proposed)), *proposed.new[1:])
    assert (validators(rules, Proposed(served, proposed.new)), runs()) == (first, 2), "another version is served"
    validators.forget()
    assert (validators(rules, proposed), runs()) == (first, 3)


def shown(proposed: Proposed) -> Commit:
    """A published version of the same content."""
    tip = proposed.new.revision
    return tip.commit._replace(parents=(), generation=1, extra=(("publishes", tip.id.hex()),))


@pytest.mark.parametrize("end", ["sys.exit(0)", "os.kill(os.getpid(), 9)", "time.sleep(30)"])
def test_whatever_else_came_of_it_it_is_asked_again(tmp_path: Path, proposed: Proposed, end: str) -> None:
    rules, runs = counting(tmp_path, end)
    validators = Validators()
    assert validators(rules, proposed) == validators(rules, proposed)
    assert runs() == 2
