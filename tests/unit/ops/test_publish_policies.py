"""The policies that verbs go by: of zones with a table, and of members of followed catalogs."""

from pathlib import Path

from zonegit.ops.publish_policies import configured
from zonegit.repo import Repository
from zonegit.repo.catalog.membership import keep_members
from zonegit.repo.catalog.values import Member
from zonegit.store.lmdb import LmdbStore

NOWHERE = Path("/nonexistent")
CATALOG = '[catalog."c."]\nprimaries = ["192.0.2.1"]\n'


def policies(repo: Path, text: str) -> dict[str, int | None]:
    """Zone -> the limit of its policy."""
    (repo / "zonegitd.toml").write_text(text)
    return {place.zone: policy.max_deletes for place, policy in configured(repo, NOWHERE).items()}


def test_members_have_the_policies_of_their_catalog(tmp_path: Path) -> None:
    Repository.init(tmp_path / "repo").close()
    store = LmdbStore.open(tmp_path / "repo")
    with store.write() as writer:
        members = [Member("a.", b"1"), Member("b.", b"2", ("g",)), Member("own.", b"3")]
        keep_members(
            writer, {}, {each.zone: ("c.", each) for each in members} | {"d.": ("other.", Member("d.", b"1"))}
        )
    store.close()
    own = '[zone."own."]\npublish.max_deletes = 1\n'
    repo = tmp_path / "repo"
    assert policies(repo, own) == {"own.": 1}
    assert policies(repo, own + CATALOG) == {"own.": 1}
    assert policies(repo, own + CATALOG + "zone.publish.max_deletes = 2\n") == {"a.": 2, "b.": 2, "own.": 1}
    assert policies(repo, own + CATALOG + "group.g.publish.max_deletes = 3\n") == {"b.": 3, "own.": 1}
    assert policies(repo, CATALOG) == {}
