"""An import tells how far it has come, from its checks to the view that is served."""

from pathlib import Path

from repokit import ZONE, parsed
from zonegit.repo import Repository

MANY = ZONE + "".join(f"host{number} IN A 192.0.2.1\n" for number in range(30000))


def test_it_rises_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    zone = parsed(MANY)
    with Repository.init(tmp_path) as repository:
        repository.import_zone(zone, source="zone", progress=lambda *reached: told.append(reached))
        parts = [done for done, total in told if total == 1000]
        assert len(parts) == len(told) > 8
        assert parts == sorted(parts)
        assert parts[0] == 0
        assert 900 < parts[-1] <= 1000
        told.clear()
        repository.import_zone(parsed(MANY + "w A 192.0.2.1\n"), source="zone", progress=lambda *_: told.append(_))
        assert [done for done, _ in told] == sorted(done for done, _ in told)
