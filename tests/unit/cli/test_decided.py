"""What rules decided in automatic merges: `log --merges --conflicts`, and `show` of one."""

from pathlib import Path

import pytest

from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId, short
from zonegit.model.refs import RefKind, RefName
from zonegit.repo import Repository
from zonegit.repo.canonical import merge_tips
from zonegit.store.port import RefUpdate

ADA, FINN = "Ada <ada@example.org>", "Finn <finn@example.org>"


def branch_ref(name: str) -> RefName:
    return RefName(f"refs/{RefKind.HEAD}/example.org./{name}")


def merge(path: Path, *branches: str) -> ObjectId:
    """Let main become the canonical merge of branches, as a sync does."""
    with Repository.open(path) as repository:
        tips = [repository.resolve(branch).id for branch in branches]
        merged = merge_tips(repository._context.nodes, tips)
        with repository._store.write() as writer:
            writer.insert(merged.objects)
            writer.move_refs([RefUpdate(branch_ref("main"), tips[0], merged.tip)], Stamp("sync", 1), "sync")
        return merged.tip


@pytest.fixture
def apart(zone, tmp_path):
    """`zone`, after www was moved on main and on staging, and mail on staging; and both merged."""
    zone("checkout", "-b", "staging")
    zone("set", "www", "A", "60", "192.0.2.20", "-m", "Renumber")
    zone("set", "mail", "A", "60", "192.0.2.26", "-m", "Move mail")
    zone("checkout", "main")
    zone("set", "www", "A", "300", "192.0.2.10", "-m", "Move www")
    merge(tmp_path / "repo", "main", "staging")
    return zone


def ids(run, *subjects: str) -> list[str]:
    commits = {each["message"].strip(): each["commit"][:12] for each in run("log", "--json").json}
    return [commits[subject] for subject in subjects]


def test_a_log_lists_what_a_rule_decided_and_how_to_have_it_otherwise(apart) -> None:
    ours, theirs = ids(apart, "Move www", "Renumber")
    result = apart("log", "--merges", "--conflicts", "--oneline", "--color", "never")
    assert result.lines[1:3] == [
        "decided: www.example.org. A: several heads changed it in different ways [both-changed]",
        f"  {'merged':<12}   60  192.0.2.10",
    ]
    assert f"  {'':<12}   60  192.0.2.20" in result.lines
    day = result.lines[4].split(", ")[1].partition(":")[0]
    for oid, ttl, address, subject in (
        (ours, "300", "192.0.2.10", "Move www"),
        (theirs, " 60", "192.0.2.20", "Renumber"),
    ):
        assert f"  {oid}  {ttl}  {address:<18}  (Ada, {day}: {subject})" in result.lines
    assert result.lines[-1].startswith("  otherwise: zonegit restore www.example.org. A --from ")
    assert len(result.lines) == 7
    assert apart("log", "--conflicts", "--oneline", "www").lines == apart("log", "--conflicts", "--oneline").lines


def test_a_graph_has_it_beside_its_lines(apart) -> None:
    plain = apart("log", "--conflicts").lines
    lines = apart("log", "--graph", "--conflicts").lines
    assert [line.removeprefix("*").removeprefix("|").strip() for line in lines] == [line.strip() for line in plain]


def test_it_can_be_had_otherwise_by_the_command_that_is_told(apart) -> None:
    *_, way = apart("log", "--conflicts").lines
    words = way.removeprefix("  otherwise: zonegit ").partition(" (or ")[0].split()
    assert apart(*words).code == 0
    [line] = apart("show", "www", "A").lines
    [wanted] = apart("show", "www", "A", words[-1]).lines
    assert line == wanted


def test_as_json(apart) -> None:
    [commit] = apart("log", "--conflicts", "--json").json
    [each] = commit["conflicts"]
    assert (each["name"], each["type"], each["rule"]) == ("www.example.org.", "A", "both-changed")
    assert [record["rdataA"] for record in each["merged"]] == ["192.0.2.10", "192.0.2.20"]
    assert {side["by"]["message"] for side in each["sides"]} == {"Move www", "Renumber"}
    assert all(side["at"] == side["by"]["commit"] for side in each["sides"])
    assert not any(side["left_out"] for side in each["sides"])
    assert apart("show", "--json").json["conflicts"] == commit["conflicts"]


def test_show_tells_what_was_decided(apart) -> None:
    result = apart("show")
    assert "    Merge what was written at the same time" in result.lines
    assert result.lines[-7] == ""
    assert result.lines[-6:] == apart("log", "--conflicts").lines[-6:]
    assert "decided:" not in apart("show", "-m", "1").out


def test_where_no_rule_had_to_decide_nothing_is_listed(zone, tmp_path) -> None:
    zone("checkout", "-b", "staging")
    zone("set", "mail", "A", "60", "192.0.2.26", "-m", "Move mail")
    zone("checkout", "main")
    zone("set", "www", "A", "300", "192.0.2.10", "-m", "Move www")
    tip = merge(tmp_path / "repo", "main", "staging")
    result = zone("log", "--conflicts")
    assert (result.code, result.out) == (0, "")
    assert "no rule had to decide" in result.err
    assert zone("log", "--conflicts", "--json").json == []
    [line] = zone("log", "--merges", "--oneline").lines
    assert line.startswith(short(tip))
    assert zone("log", "--conflicts", "--", "www").code == 0


def test_a_cname_that_yielded_is_told_with_what_it_yielded_to(zone, tmp_path) -> None:
    zone("checkout", "-b", "staging")
    zone("set", "new", "CNAME", "60", "www", "-m", "Alias")
    zone("checkout", "main")
    zone("set", "new", "A", "60", "192.0.2.9", "-m", "Address")
    merge(tmp_path / "repo", "main", "staging")
    alias, address = ids(zone, "Alias", "Address")
    lines = zone("log", "--conflicts", "--oneline").lines
    assert lines[1] == "decided: new.example.org. CNAME: a CNAME yields to other data at its name [cname]"
    assert lines[2].split() == ["merged", "(no", "records)"]
    assert lines[3].split()[:3] == [alias, "60", "www.example.org."]
    assert lines[4].split()[:4] == [address, "A", "60", "192.0.2.9"]
    assert lines[5] == f"  otherwise: zonegit restore new.example.org. --from {alias} (or {address})"
    assert zone("restore", "new", "--from", alias).code == 0
    assert zone("show", "new", "CNAME").code == 0


@pytest.mark.parametrize("others", [(), ("lab", "old")])
def test_a_zone_that_some_removed_and_others_changed_is_told(zone, tmp_path, others) -> None:
    """And the command that is told removes it for good: a peer that is merged with later doesn't bring it back."""
    for name in others:
        zone("branch", name)
    zone("branch", "staging")
    assert zone("branch", "-D", "staging", "--tombstone").code == 0
    zone("set", "www", "A", "60", "192.0.2.9", "-m", "Move www")
    with Repository.open(tmp_path / "repo") as repository, repository._store.read() as reader:
        removed = reader.ref(branch_ref("staging"))
    assert removed is not None
    merge(tmp_path / "repo", "main", removed.hex())
    lines = zone("log", "--conflicts", "--oneline").lines
    told = "some heads removed the zone, others changed it: it stays"
    assert lines[1] == f"decided: example.org. SOA: {told} [removed]"
    assert f"  {short(removed)}  " in zone("log", "--conflicts", "--oneline").out
    way = lines[-1].removeprefix("  otherwise: zonegit ")
    expected = (
        "--zone example.org. branch -D main --tombstone" if others else "zone remove example.org. --tombstone"
    )
    assert way == expected
    assert zone("show", "HEAD").lines[-1] == lines[-1]
    with Repository.open(tmp_path / "repo") as repository:
        merged = repository.resolve("main").id
        if others:
            repository.checkout("lab")
    assert zone(*way.split()).code == 0
    with Repository.open(tmp_path / "repo") as repository, repository._store.read() as reader:
        tip = reader.ref(branch_ref("main"))
        assert tip is not None and reader.is_removed(branch_ref("main"))
        assert merge_tips(repository._context.nodes, [merged, tip]).tip == tip
    if others:  # the merge isn't in any branch that is left
        assert [line for line in zone("log", "--conflicts", merged.hex()).lines if "otherwise" in line] == []


def blamed(run) -> dict[str, str]:
    """Of the addresses of mail: who put them there, in which commit."""
    return {
        each["record"]["rdataA"]: f"{each['commit']['author']['name']} {each['record']['TTL']}: "
        + each["commit"]["message"].strip()
        for each in run("blame", "mail", "A", "--json").json
    }


def test_a_record_whose_ttl_a_merge_lowered_is_its_authors(zone, tmp_path) -> None:
    zone("checkout", "-b", "staging")
    zone("ttl", "mail", "60", "--type", "A", "-m", "Lower the TTL")
    zone("checkout", "main")
    zone("add", "mail", "A", "-", "192.0.2.26", "-m", "Second address", "--author", FINN)
    merge(tmp_path / "repo", "main", "staging")
    found = blamed(zone)
    assert found == {"192.0.2.25": f"{ADA} 60: Lower the TTL", "192.0.2.26": f"{FINN} 60: Second address"}
    when = zone("when", "mail", "A", "192.0.2.26", "--json").json
    assert [each["commit"]["message"].strip() for each in when["passages"]] == ["Second address"]
    assert when["present"]
    zone("add", "mail", "A", "-", "192.0.2.27", "-m", "Third address")
    assert blamed(zone) == {**found, "192.0.2.27": f"{ADA} 60: Third address"}
