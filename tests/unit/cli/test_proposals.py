"""`propose`, `review`, `land`, and `approve` and `reject` of proposals."""

from pathlib import Path

import pytest

from sshkit import private_key, write_key
from zonegit.repo import Repository
from zonegit.ssh.signing import public_key

BOB = "Bob <bob@example.org>"


@pytest.fixture
def branched(zone):
    """`run`, on a repository with a branch `move` that has a commit more than main, and is HEAD's."""
    zone("checkout", "-b", "move")
    assert zone("set", "www", "A", "60", "192.0.2.7", "-m", "Move www").code == 0
    return zone


@pytest.fixture
def policed(branched, tmp_path: Path):
    """The same under a policy: Bob has to approve."""
    key = private_key(number=1)
    branched("config", "user.signingkey", write_key(tmp_path / "key", key))
    (tmp_path / "approvers").write_text(f"bob@example.org {public_key(key).line}\n")
    policy = f'[zone."example.org.".publish]\napprovals = 1\nallowed_approvers = "{tmp_path}/approvers"\n'
    (tmp_path / "repo" / "zonegitd.toml").write_text(policy)
    assert branched("publish").code == 0
    return branched


def test_what_would_hold_it_all_the_same_is_told_before_approvals_are_asked_for(policed, tmp_path: Path) -> None:
    file = tmp_path / "repo" / "zonegitd.toml"
    before = file.read_text()
    file.write_text(f'{before}validator = ["/bin/false"]\n')
    policed("propose")
    assert "is held by validator: the validator exited with 1" in policed("review", "1").out
    file.write_text(f'{before}validator = ["/bin/true"]\n')
    assert "is held by approvals: " in policed("review", "1").out


def tips(run) -> dict[str, str]:
    return {each["name"]: each["commit"] for each in run("branch", "--json").json}


def test_a_proposal_from_the_first_line_to_the_last(policed) -> None:
    tip = tips(policed)["move"]
    made = policed("propose", "-m", "Move the web server")
    assert made.code == 0 and made.out == ""
    assert made.err == f"proposal 1 of example.org.: move -> main at {tip[:12]} Move the web server: proposed\n"
    (line,) = policed("review").lines
    assert line.startswith("1  Move the web server  move -> main  Ada <ada@example.org>  ")
    assert line.endswith("  0 of 1 approvals")
    shown = policed("review", "1")
    assert shown.code == 0
    for words in (
        f"Commit:   {tip}\n",
        f"{tip[:12]} Move www (Ada <ada@example.org>)\n",
        "would be a fast-forward, and change 1 RRset:\n-www.example.org.\t300\tIN\tA\t192.0.2.1\n",
        "the gate would hold it: ",
        f"\n  zonegit approve {tip[:12]}\n",
        "\n  zonegit land 1\n",
    ):
        assert words in shown.out
    approved = policed("approve", "1", "--author", BOB)
    assert approved.err == f"proposal 1, {tip[:12]} Move www: approved by bob@example.org\n"
    assert policed("review").lines[0].endswith("  1 of 1 approvals")
    assert "the gate would let it through\n" in policed("review", "1").out
    policed("checkout", "move")
    landed = policed("land", "1", "-m", "unused")
    assert landed.code == 0 and "+www.example.org.\t60\tIN\tA\t192.0.2.7\n" in landed.out
    assert f"[example.org. main {tip[:12]}]" in landed.err and "a fast-forward makes no commit" in landed.err
    assert tips(policed)["main"] == tip
    assert policed("status", "--json").json["branch"] == "move"
    assert policed("publish").code == 0
    assert "has no open proposals; --all lists 1 other" in policed("review").err
    assert policed("review", "--all").lines[0].endswith("  landed")
    again = policed("land", "1")
    assert again.code == 0 and again.err.endswith(": has landed already\n")
    assert "approved by bob@example.org" in policed("review", "1").out


def test_json_of_all_verbs(policed) -> None:
    made = policed("propose", "--json").json
    assert (made["name"], made["from"], made["into"], made["state"], made["before"]) == (
        "1",
        "move",
        "main",
        "open",
        None,
    )
    (listed,) = policed("review", "--json").json
    assert (listed["approvals"], listed["rejections"]) == (0, 0)
    policed("reject", "1", "-m", "Not before Friday", "--author", BOB)
    seen = policed("review", "1", "--json").json
    assert [each["commit"] for each in seen["commits"]] == [made["commit"]]
    assert seen["landing"]["way"] == "fast-forward" and seen["landing"]["change_count"] == 1
    assert seen["landing"]["held"]["reason"] == "rejected" and seen["landing"]["needs"] == []
    (review,) = seen["reviews"]
    assert (review["opinion"], review["counts"], review["why_not"]) == ("reject", True, None)
    assert seen["next"][0] == f"zonegit approve {made['commit'][:12]}"
    assert policed("review", "--json").json[0]["rejections"] == 1
    policed("approve", "1", "--author", BOB)
    assert policed("land", "1", "--json").json["new"] == made["commit"]
    assert policed("review", "1", "--json").json["landing"] is None


def test_a_rejected_proposal_does_not_land(policed, refused) -> None:
    policed("propose")
    policed("reject", "1", "-m", "Not before Friday", "--author", BOB)
    assert policed("review").lines[0].endswith("  rejected")
    refused(policed("land", "1"), 1, "bob@example.org rejected commit", "Not before Friday", "once they approve")


def test_before_it_lands_nobody_is_told_to_reset_the_target(policed) -> None:
    policed("propose")
    policed("reject", "1", "-m", "no", "--author", BOB)
    shown = policed("review", "1").out
    assert "bob@example.org rejected commit" in shown and "; have it approved by the same reviewer\n" in shown
    assert "reset" not in shown


def test_a_branch_that_moved_on_is_told_with_the_way(policed) -> None:
    policed("propose")
    first = tips(policed)["move"]
    policed("approve", "1", "--author", BOB)
    policed("set", "www", "A", "60", "192.0.2.8")
    tip = tips(policed)["move"]
    shown = policed("review", "1")
    assert f"move has moved to {tip[:12]} since" in shown.err
    assert "\n  zonegit propose --from move --into main\n" in shown.out
    assert policed("propose").err.endswith(f"updated, was {first[:12]}\n")
    shown = policed("review", "1")
    assert "(doesn't count: of an earlier tip)" in shown.out and "the gate would hold it" in shown.out


def test_a_merge_needs_approvals_of_its_own(policed) -> None:
    policed("propose")
    policed("set", "mail", "A", "60", "192.0.2.9", "--branch", "main")
    policed("approve", "1", "--author", BOB)
    shown = policed("review", "1")
    assert "would be a merge commit, and change 1 RRset:" in shown.out
    assert "the merge commit would need 1 approval of its own" in shown.out
    assert "\n  zonegit merge main --branch move\n  zonegit propose --from move --into main\n" in shown.out
    assert "would need 1 approval" in policed("land", "1", "--dry-run").err
    only = policed("land", "1", "--ff-only")
    assert only.code == 1 and "no fast-forward" in only.err
    landed = policed("land", "1")
    merge = tips(policed)["main"]
    assert landed.code == 0 and "is held by approvals" in landed.err
    assert f"'zonegit approve {merge[:12]}' approves of the merge" in landed.err
    assert policed("publish", "--dry-run").code == 1
    policed("approve", "main", "--author", BOB)
    assert policed("publish").code == 0


def test_conflicts_are_shown_and_how_to_resolve_them(branched) -> None:
    branched("propose")
    branched("set", "www", "A", "60", "192.0.2.9", "--branch", "main")
    before = tips(branched)
    shown = branched("review", "1")
    assert shown.code == 0 and "cannot land on main" in shown.out
    assert "conflict: www.example.org. A\n" in shown.out and "  theirs   60  192.0.2.7" in shown.out
    landed = branched("land", "1")
    assert landed.code == 4 and "conflict: www.example.org. A\n" in landed.out
    assert "nothing moved: merge main into move and resolve them there" in landed.err
    assert tips(branched) == before
    seen = branched("review", "1", "--json").json["landing"]
    assert seen["way"] == "blocked" and [each["name"] for each in seen["conflicts"]] == ["www.example.org."]
    assert branched("land", "1", "--json").json["operation"] == "land"
    assert branched("merge", "main").code == 4, "nothing stands in the way of resolving it"
    branched("merge", "--continue", "--ours")
    assert branched("propose").code == 0
    assert branched("land", "1", "--ff-only").code == 0


def test_without_a_policy_it_is_said_that_nothing_is_between(branched) -> None:
    branched("propose")
    assert "main has no policy here" in branched("review", "1").out
    assert branched("review", "--json").json[0]["approvals"] is None


def test_withdrawing(branched, refused) -> None:
    branched("propose")
    refused(branched("propose", "--withdraw", "1", "--author", BOB), 1, "only they can withdraw it")
    refused(branched("propose", "--withdraw", "1", "--into", "main"), 2, "leave out --from and --into")
    assert branched("propose", "--withdraw", "1").err.endswith(": withdrawn\n")
    refused(branched("land", "1"), 1, "proposal 1 was withdrawn")
    assert branched("review", "--all").lines[0].endswith("  withdrawn")
    assert branched("review", "1").out.startswith("proposal 1 of example.org. (withdrawn)\n")


def test_what_is_refused(branched, refused) -> None:
    refused(branched("propose", "--from", "main"), 2, "into itself")
    refused(branched("propose", "--from", "gone"), 5, "no branch gone")
    refused(branched("propose", "--into", "gone"), 5, "no branch gone")
    refused(branched("propose", "-m", " "), 2, "--message is empty")
    refused(branched("review", "1"), 5, "no proposal 1")
    refused(branched("land", "x\x1b"), 5, "no proposal x\\x1b")
    refused(branched("review", "1", "--all"), 2, "--all lists all")
    branched("propose")
    refused(branched("land", "1", "--ff-only", "--at", "2099-01-01 00:00"), 2, "--ff-only makes no commit")


def test_digits_that_are_no_proposal_are_a_revision(policed) -> None:
    tip = tips(policed)["move"]
    policed("branch", "7", "move")
    assert policed("approve", "7", "--author", BOB).err.startswith(f"{tip[:12]} Move www: approved")
    policed("branch", "1", "main")
    policed("propose")
    assert policed("approve", "1", "--author", BOB).err.startswith(f"proposal 1, {tip[:12]} ")


def test_a_dry_run_writes_nothing(branched) -> None:
    assert branched("propose", "--dry-run").err.endswith(": would be proposed\n")
    assert branched("review", "--json").json == []
    branched("propose")
    assert branched("propose", "--withdraw", "1", "--dry-run").err.endswith(": would be withdrawn\n")
    before = tips(branched)
    assert "dry run, nothing written" in branched("land", "1", "--dry-run").err
    assert tips(branched) == before


def test_another_zone_is_named_in_the_commands(branched) -> None:
    branched("propose")
    branched("zone", "add", "example.net")
    branched("zone", "switch", "example.net")
    shown = branched("review", "1", "--zone", "example.org")
    assert "\n  zonegit land 1 --zone example.org.\n" in shown.out
    assert branched("land", "1", "--zone", "example.org").code == 0


def test_what_others_wrote_is_escaped(branched, tmp_path: Path) -> None:
    from zonegit.model.commit import Stamp, Tag
    from zonegit.model.ids import object_id
    from zonegit.repo.review_refs import ref_of
    from zonegit.store.lmdb import LmdbStore
    from zonegit.store.port import RefUpdate

    tip = bytes.fromhex(tips(branched)["move"])
    extra = (("number", "1"), ("from", "move"), ("into", "main"))
    bad = "\x1b[31m\u202e\x9b"
    with Repository.open(tmp_path / "repo") as repo:
        target = repo.resolve(tip.hex()).id
    tag = Tag(
        target,
        "example.org.",
        "propose",
        Stamp(f"Eve \u202e <eve{bad[5:]}@example.org>", 1),
        f"{bad}\n{bad}\r\n",
        extra,
    )
    store = LmdbStore.open(tmp_path / "repo")
    with store.write() as writer:
        writer.insert([tag.encode()])
        writer.move_refs([RefUpdate(ref_of(tag), None, object_id(tag.encode()))], tag.tagger, "test")
    store.close()
    for argv in (["review"], ["review", "1"], ["propose", "--withdraw", "1"], ["land", "1"]):
        done = branched(*argv)
        for char in "\x1b\u202e\x9b\r":
            assert char not in done.out + done.err, argv


def test_a_long_change_is_cut(branched) -> None:
    lines = "".join(f"add many{number} A 60 192.0.2.1\n" for number in range(1001))
    assert branched("batch", stdin=lines.encode()).code == 0
    branched("propose")
    shown = branched("review", "1")
    assert "change 1,002 RRsets" in shown.out and shown.out.count("\n+many") == 1000
    assert "2 more; 'zonegit diff main " in shown.err


def test_gc_says_how_many_it_deletes(branched) -> None:
    branched("propose")
    branched("land", "1")
    branched("set", "www", "A", "60", "192.0.2.8", "--branch", "move")
    branched("propose", "--from", "move")
    assert branched("gc", "--json").json["refs"] == 0
    would = branched("gc", "--grace", "0", "--dry-run")
    assert "would delete 1 old proposals and reviews that are settled\n" in would.err
    assert branched("gc", "--grace", "0", "--json").json["refs"] == 1
    assert [each["name"] for each in branched("review", "--all", "--json").json] == ["2"]


def test_a_signed_proposal_shows_whose_it_is(policed, tmp_path: Path) -> None:
    policed("propose", "-S")
    shown = policed("review", "1")
    assert "\nSignature: not good, with ED25519 key SHA256:" in shown.out
    key = private_key(number=1)
    (tmp_path / "signers").write_text(f"ada@example.org {public_key(key).line}\n")
    policed("config", "gpg.ssh.allowedSignersFile", tmp_path / "signers")
    assert "\nSignature: good, by ada@example.org with ED25519 key" in policed("review", "1").out
    assert policed("review", "1", "--json").json["signature"]["state"] == "good"


def test_without_a_setting_the_policys_signers_tell_whose_a_proposal_is(policed, tmp_path: Path) -> None:
    policed("propose", "-S", "--author", BOB)
    assert "\nSignature: good, by bob@example.org with ED25519 key" in policed("review", "1").out
    key = private_key(number=1)
    (tmp_path / "signers").write_text(f"carol@example.org {public_key(key).line}\n")
    file = tmp_path / "repo" / "zonegitd.toml"
    file.write_text(f'{file.read_text()}require_signed = true\nallowed_signers = "{tmp_path}/signers"\n')
    assert "\nSignature: not good, " in policed("review", "1").out


def test_a_review_that_no_policy_counts_is_warned_of(policed, tmp_path: Path) -> None:
    policed("propose")
    stranger = policed("approve", "1", "--author", "Dave <dave@example.org>")
    assert stranger.code == 0 and "approved by dave@example.org" in stranger.err
    assert (
        "warning: the policy of example.org. doesn't count this review: its signature is not good" in stranger.err
    )
    for opinion in (["approve", "1"], ["reject", "1", "-m", "no"]):
        assert "warning" not in policed(*opinion, "--author", BOB).err
    file = tmp_path / "repo" / "zonegitd.toml"
    file.write_text('[zone."example.org.".publish]\n')
    assert "warning" not in policed("approve", "1", "--author", "Dave <dave@example.org>").err
    file.write_text("broken\n")
    assert policed("approve", "1", "--author", BOB).code == 0


def test_approvers_that_cannot_be_read_are_told(policed, tmp_path: Path) -> None:
    policed("propose")
    (tmp_path / "approvers").unlink()
    for argv in (["review"], ["review", "1"]):
        done = policed(*argv)
        assert done.code == 0 and "approvers: the allowed signers can't be read" in done.err
    assert policed("review", "--json").json[0]["approvals"] is None


def test_a_branch_that_is_gone_is_made_again_to_resolve_conflicts(branched) -> None:
    branched("propose")
    branched("checkout", "main")
    branched("set", "www", "A", "60", "192.0.2.9")
    branched("branch", "-D", "move")
    commands = branched("review", "1", "--json").json["next"]
    assert [each.split()[1] for each in commands] == ["approve", "reject", "branch", "merge", "propose"]
    assert branched(*commands[2].split()[1:]).code == 0
    assert branched(*commands[3].split()[1:]).code == 4


def test_two_sites_that_gave_the_same_number(clone, tmp_path: Path, refused) -> None:
    peer = ("--repo", tmp_path / "peer")
    clone(*peer, "checkout", "-b", "theirs")
    clone(*peer, "set", "ftp", "A", "60", "192.0.2.9")
    assert clone(*peer, "propose", "-m", "Theirs", "--author", BOB).err.startswith("proposal 1 of ")
    clone("checkout", "-b", "ours")
    clone("set", "www", "A", "60", "192.0.2.8")
    assert clone("propose", "-m", "Ours").err.startswith("proposal 1 of ")
    assert clone("pull", "--all").code == 0
    assert clone("push", "--all").code == 0
    listed = clone("review", "--json").json
    assert listed == clone(*peer, "review", "--json").json
    one, other = sorted(each["name"] for each in listed)
    assert one[:2] == other[:2] == "1/" and one != other
    refused(clone("land", "1"), 1, f"has 2 proposals 1: name one of {one} ", other)
    refused(clone("approve", "1"), 1, "has 2 proposals 1")
    assert clone("propose", "-m", "Ours again").err.startswith("proposal 1/"), "it is updated all the same"
    assert clone("land", next(each["name"] for each in listed if each["message"] == "Ours\n")).code == 0


def test_open_proposals_are_completed(branched) -> None:
    branched("propose")
    for words in (["land", ""], ["review", ""], ["propose", "--withdraw", ""]):
        assert branched("__complete", *words).lines == ["1"]
    assert {"1", "HEAD", "main", "move"} <= set(branched("__complete", "approve", "").lines)
    assert branched("__complete", "propose", "--into", "m").lines == ["main", "move"]
    branched("land", "1")
    assert branched("__complete", "land", "").lines == []


def test_warnings_that_only_the_merge_has_can_be_accepted(zone) -> None:
    """On one side a mail server loses its address, on the other a second MX record names it."""
    zone("set", "mx2", "A", "60", "192.0.2.26")
    zone("checkout", "-b", "move")
    zone("add", "@", "MX", "-", "20 mx2")
    zone("propose")
    zone("delete", "mx2", "A", "--branch", "main")
    assert "conflict: both together: example.org.: MX target mx2" in zone("review", "1").out
    stopped = zone("land", "1")
    assert stopped.code == 4 and "add '--strict none' to accept warnings" in stopped.err
    assert zone("land", "1", "--strict", "none").code == 0


def test_long_subjects_are_cut_in_lists(branched) -> None:
    branched("propose", "-m", "Long " * 100)
    assert len(branched("review").lines[0]) < 200
    assert "Long " * 100 in branched("review", "1").out.replace("\n", " ")
