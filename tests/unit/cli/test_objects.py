"""`cat-object`, `fsck` and `reindex`."""

import pytest

from zonegit.model.ids import object_id


def commit_of(run):
    return run("log", "-n", "1", "--json").json[0]


def test_every_kind_of_object_can_be_read(zone) -> None:
    zone("set", "big", "TXT", "300", *(f"{number} {'x' * 200}" for number in range(9)))
    zone("tag", "v1", "-m", "a tag")
    commit = commit_of(zone)
    text = zone("cat-object", commit["commit"])
    assert text.lines[0].startswith(f"commit {commit['commit']} ")
    assert f"zone-root {commit['zone_root']}" in text.lines
    top = zone("cat-object", commit["zone_root"]).lines
    assert top[0].startswith("zone ")
    tree = next(line.split()[1] for line in top if line.startswith("tree "))
    leaf = zone("cat-object", tree).lines
    assert leaf[0].startswith("node ")
    assert "www 300 IN A 192.0.2.1" in leaf
    stub = next(line for line in leaf if " in the rrset " in line)
    assert stub.startswith("big TXT: 9 records")
    rrset = zone("cat-object", stub.split()[-1]).lines
    assert rrset[0].startswith("rrset ")
    assert len(rrset) == 10


def test_inner_nodes_list_their_children(zone) -> None:
    zone("set", "many", "TXT", "300", *(str(number) for number in range(50)))
    for number in range(120):
        zone("set", f"host{number}", "A", "300", "192.0.2.1")
        top = zone("cat-object", commit_of(zone)["zone_root"]).lines
        tree = next(line.split()[1] for line in top if line.startswith("tree "))
        lines = zone("cat-object", tree).lines
        if " records to " in lines[1]:
            child = lines[1].split()[0]
            assert zone("cat-object", child).lines[0].startswith("node ")
            return
    raise AssertionError("120 hosts made no second level")


def test_bytes_hash_to_the_id(zone) -> None:
    commit = commit_of(zone)["commit"]
    data = bytes.fromhex(zone("cat-object", commit, "--json").json["data"])
    assert object_id(data).hex() == commit


@pytest.mark.parametrize(("prefix", "words"), [("00", ["4 to 64"]), ("zzzzzz", []), ("0" * 64, ["0 objects"])])
def test_an_id_that_names_no_object(zone, refused, prefix, words) -> None:
    result = zone("cat-object", prefix)
    refused(result, result.code, *words)
    assert result.code in (2, 5)


def test_fsck_finds_nothing_wrong_and_reindex_keeps_it_so(zone) -> None:
    result = zone("fsck")
    assert (result.code, result.out) == (0, "")
    assert "0 problems" in result.err
    assert zone("reindex").code == 0
    assert zone("reindex", "--dry-run").err.startswith("dry run")
    found = zone("fsck", "--json").json
    assert found["problems"] == []
    assert found["objects"] > 2


def test_fsck_finds_a_flipped_bit(zone, tmp_path) -> None:
    data = tmp_path / "repo" / "data.mdb"
    raw = bytearray(data.read_bytes())
    at = raw.find(b"Import example.org.zone")
    raw[at] ^= 1
    data.write_bytes(raw)
    result = zone("fsck")
    assert result.code == 6
    assert any(line.startswith("object ") for line in result.lines)
    assert zone("log").code == 6
