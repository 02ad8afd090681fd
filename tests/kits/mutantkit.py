"""Bugs that somebody could make, each as a small change to a file, and the tests that have to notice it.

`tests/mutants` makes each change in a copy of the checkout, and runs those tests there.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A bug."""

    name: str
    path: str
    """The file, below `appliance/zonegit`."""
    old: str
    """What stands there, exactly once."""
    new: str
    caught_by: tuple[str, ...]
    """Tests, below `tests`; a file, or a directory."""


FLEETS = ("laws/simulation/test_simulation.py",)
ARRIVAL = ("unit/sync/test_arrival.py",)
CANONICAL = ("unit/repo/test_canonical.py", *FLEETS)
GATE = ("unit/auth/test_gate.py",)

MUTANTS = (
    # -- the canonical merge
    Mutant(
        "the serial of a merge is one above the highest",
        "repo/canonical.py",
        "return max(count_up(head.seq, steps) for",
        "return max(count_up(head.seq, 1) for",
        FLEETS,
    ),
    Mutant(
        "merges are made of two tips, and not of the heads behind them",
        "repo/canonical.py",
        "level = heads_of(history.commits, tips)",
        "level = list(tips)",
        FLEETS,
    ),
    Mutant(
        "automatic merges are looked behind only once",
        "repo/heads.py",
        "todo += commit.parents",
        "found.update(commit.parents)",
        ("laws/test_canonical.py",),
    ),
    Mutant(
        "the parents of a merge stand in the order of their coming",
        "repo/heads.py",
        "flat = sorted(_flattened(commits, tips))",
        "flat = sorted(_flattened(commits, tips))[:: 1 if tips == sorted(tips) else -1]",
        FLEETS,
    ),
    Mutant(
        "who is ahead goes back",
        "repo/canonical.py",
        "    if 0b10 not in apart:\n        return Merged(local)\n",
        "    if 0b10 not in apart:\n        return Merged(remote)\n",
        CANONICAL,
    ),
    Mutant(
        "a merge is as old as its oldest parent",
        "repo/canonical.py",
        "stamp = Stamp(AUTHOR, max(",
        "stamp = Stamp(AUTHOR, min(",
        FLEETS,
    ),
    Mutant(
        "a removal wins over an addition",
        "tree/merge_cells.py",
        "        if True in found:\n            kept.add(rdata)",
        "        if False not in found:\n            kept.add(rdata)",
        ("laws/test_canonical.py",),
    ),
    Mutant(
        "nobody's removal counts",
        "tree/merge_cells.py",
        "        if True in found:\n            kept.add(rdata)",
        "        kept.add(rdata)",
        ("laws/test_canonical.py",),
    ),
    Mutant(
        "heads that another one overrides still count",
        "tree/merge_cells.py",
        "        if not any(seen[head] != seen[other] and not seen[head] & ~seen[other] for other in heads)\n",
        "",
        FLEETS,
    ),
    Mutant(
        "a CNAME stands beside other data",
        "tree/merge_heads.py",
        "            self._yield_to_other_data(owner)\n            self._keep_small(owner, keys)",
        "            self._keep_small(owner, keys)",
        FLEETS,
    ),
    Mutant(
        "names stand below a DNAME",
        "tree/merge_heads.py",
        "        self._yield_to_names_below()\n\n    def first",
        "\n    def first",
        FLEETS,
    ),
    Mutant(
        "a zone loses all of its name servers",
        "tree/merge_heads.py",
        'return self.values.get(rr_key(APEX_KEY, NS), b"") is None',
        "return False",
        ("laws/test_canonical.py",),
    ),
    Mutant(
        "the larger TTL wins",
        "tree/merge_cells.py",
        "ttl = min(ttls or {rrset.ttl for rrset in there})",
        "ttl = max(ttls or {rrset.ttl for rrset in there})",
        ("laws/test_canonical.py",),
    ),
    Mutant(
        "a merge by hand counts as a change against its first parent alone",
        "repo/merge_history.py",
        "self._versions(commit.parents)))",
        "self._versions(commit.parents[:1])))",
        ("laws/test_canonical.py",),
    ),
    Mutant(
        "a merge by hand gets the serial after its branch's",
        "repo/writing.py",
        "    if last is None or not intent.others:\n",
        "    if True:\n",
        FLEETS,
    ),
    Mutant(
        "a reset takes the old serial again",
        "repo/reset.py",
        "seq = seq_on(target.commit.seq, served=served.commit.seq)",
        "seq = next_seq(target.commit.seq)",
        FLEETS,
    ),
    # -- what comes in
    Mutant(
        "an automatic merge is believed",
        "sync/acceptable.py",
        "not is_canonical(history, oid, history.commits(oid))",
        "False",
        ARRIVAL,
    ),
    Mutant(
        "what comes in is not checked to be a zone that can be served",
        "sync/acceptable.py",
        "if found := unfit(reader, ref.zone, [new]):",
        "if found := None:",
        ARRIVAL,
    ),
    Mutant(
        "a ref moves before its objects are here",
        "sync/arrival.py",
        '            return _Decision(Result(ref, "missing", local, "missing", message), local)',
        '            return _Decision(Result(ref, "updated", offer.new), local)',
        ARRIVAL,
    ),
    Mutant(
        "a ref may name what isn't here",
        "store/insert.py",
        "    facts = describe(oid)\n    if facts is None:\n        raise NotFound",
        "    facts = describe(oid)\n    if facts is None:\n        return\n        raise NotFound",
        ("unit/store",),
    ),
    Mutant(
        "a commit may come without its parents",
        "store/insert.py",
        "        parent = describe(oid)\n",
        "        parent = describe(oid)\n        if parent is None:\n            continue\n",
        ("unit/store",),
    ),
    Mutant(
        "a ref moves from wherever it is",
        "store/writer.py",
        "            if current != old:",
        "            if False:",
        ("unit/store", *ARRIVAL),
    ),
    Mutant(
        "a held branch is merged through a conflict",
        "sync/arrival.py",
        "    if rules and policy is Policy.HOLD:",
        "    if False:",
        ARRIVAL,
    ),
    Mutant(
        "ff-only merges",
        "sync/arrival.py",
        "    if merged is None or policy is Policy.FF_ONLY:\n        reason",
        "    if merged is None:\n        reason",
        ARRIVAL,
    ),
    Mutant(
        "who is behind takes back what is ahead",
        "sync/arrival.py",
        "    if local is None or is_ancestor(nodes.source, local, new):",
        "    if local is None or is_ancestor(nodes.source, local, new) or is_ancestor(nodes.source, new, local):",
        ARRIVAL,
    ),
    Mutant(
        "a tag moves",
        "sync/arrival.py",
        "    if local is None or (ref.kind.is_review and",
        "    if local is None or not ref.kind.is_review or (",
        ARRIVAL,
    ),
    Mutant(
        "a zone that is mirrored takes what others bring",
        "sync/acceptable.py",
        '    if peer:\n        return "mirrored"',
        '    if False:\n        return "mirrored"',
        ARRIVAL,
    ),
    Mutant(
        "an atomic push moves what it can",
        "sync/arrival.py",
        "    if atomic and any(",
        "    if False and any(",
        ARRIVAL,
    ),
    # -- pushes
    Mutant(
        "the scope of a push is checked when its refs have moved",
        "sync/push_server.py",
        "        _check_scope(grant.key, request.ask.updates)\n        with",
        "        with",
        ("unit/net/server/test_push.py",),
    ),
    Mutant(
        "another process takes a push again",
        "sync/push_server.py",
        "            remember(writer, kid, self._grant.nonce, self._grant.until, self._now)\n",
        "",
        FLEETS,
    ),
    Mutant(
        "objects of a push may point to what the key doesn't see",
        "sync/push_server.py",
        "        if lacking := outer & absent:",
        "        if lacking := frozenset():",
        ("unit/net/server/test_push.py",),
    ),
    # -- tombstones
    Mutant(
        "a removed zone leaves no tombstone",
        "repo/removal.py",
        "        if tombstone:",
        "        if False:",
        FLEETS,
    ),
    Mutant(
        "a tombstone is merged as a zone without records",
        "repo/canonical.py",
        " if not commit.is_tombstone) or every",
        ") or every",
        FLEETS,
    ),
    Mutant(
        "a tombstone counts as a change of all that it removed",
        "repo/canonical.py",
        " and not each.commit.is_tombstone:",
        ":",
        CANONICAL,
    ),
    Mutant(
        "a zone that begins anew is compared with an empty one",
        "repo/merge_history.py",
        "if commit.is_tombstone and commit.parents:",
        "if False:",
        CANONICAL,
    ),
    Mutant(
        "a zone that begins anew forgets its tombstone",
        "store/writer.py",
        "removed = new is not None and Commit.decode(self.get(new)).is_tombstone",
        "removed = False",
        ("unit/repo/test_tombstones.py",),
    ),
    # -- pulls
    Mutant(
        "an older pull undoes a newer one",
        "sync/peers.py",
        "known.epoch == refs.epoch and known.seq > refs.seq",
        "False",
        FLEETS,
    ),
    Mutant(
        "an older state of a peer is believed",
        "sync/peers.py",
        "    if refs.seq < known.seq:",
        "    if False:",
        ("unit/sync/test_pull.py",),
    ),
    Mutant(
        "objects that were asked for by their ids are believed",
        "sync/session.py",
        "            if oid != wanted:",
        "            if False:",
        ("unit/sync", "faults/hostile/test_lying_servers.py"),
    ),
    Mutant(
        "frames are given out before their MAC",
        "sync/frames.py",
        "            if self._at_once or not self._frames:",
        "            if True:",
        ("unit/sync",),
    ),
    Mutant(
        "a stream may stop before its end",
        "sync/session.py",
        "        stream.reader.close()\n",
        "",
        ("unit/sync",),
    ),
    Mutant(
        "what somebody fetched is never merged",
        "sync/policy_pull.py",
        "self._again or is_undecided(reader, self.peer)",
        "self._again",
        ("unit/sync/test_undecided.py",),
    ),
    # -- who may
    Mutant(
        "a MAC is compared byte by byte",
        "auth/scheme.py",
        "same = hmac.compare_digest(encode64(expected), credentials.mac)",
        "same = encode64(expected) == credentials.mac",
        ("test_architecture.py::test_macs_are_compared_in_constant_time",),
    ),
    Mutant(
        "a request may be sent again",
        "auth/gate.py",
        "        if seen is Seen.REPLAYED:",
        "        if False:",
        GATE,
    ),
    Mutant(
        "a request may be of any age",
        "auth/gate.py",
        "        if not (pending.in_time and now <= until):",
        "        if False:",
        GATE,
    ),
    Mutant(
        "a retired key still opens",
        "auth/key.py",
        "            self.state is not State.RETIRED\n            and ",
        "            ",
        GATE,
    ),
    Mutant(
        "a request for another server is taken",
        "auth/scheme.py",
        "return hmac.compare_digest(aud, credentials.aud) and same",
        "return same",
        GATE,
    ),
    Mutant(
        "a key sees objects beyond its scope",
        "sync/server.py",
        '    return key.allows_all("read")',
        "    return True",
        ("unit/sync", "unit/net/server/test_scopes.py"),
    ),
    # -- signatures
    Mutant(
        "a signature counts whatever it signs",
        "ssh/verdict.py",
        "    if reason := _flaw(envelope, message):",
        "    if reason := _flaw(envelope, message)[:0]:",
        ("unit/repo/test_signatures.py",),
    ),
    Mutant(
        "a certificate is everybody's",
        "ssh/allowed_signers.py",
        "(certificate is None or principal not in certificate.principals)",
        "certificate is None",
        ("unit/ssh/test_openssh.py",),
    ),
    Mutant(
        "only the committer has to have the key",
        "repo/signatures.py",
        "[made.author, made.committer]",
        "[made.committer]",
        ("unit/repo/test_signatures.py",),
    ),
    # -- publishing and reviews
    Mutant(
        "who made a commit approves of it",
        "repo/publishing/approvals.py",
        "    return sum(makers.isdisjoint(each) for each in _apart([makers, *found]))",
        "    return len(_apart([*found]))",
        ("unit/repo/test_approvals.py",),
    ),
    Mutant(
        "the approval of a correction is one of what it corrects",
        "repo/publishing/gate.py",
        "            held = held or self._unseen(candidate, past.new, reviewed)\n",
        "",
        ("unit/repo/test_approvals.py",),
    ),
    Mutant(
        "a commit that is held lets through what builds on it",
        "repo/publishing/gate.py",
        "held = next(filter(None, behind), None) or brought.get(oid)",
        "held = brought.get(oid)",
        ("unit/repo/test_publishing_signed.py",),
    ),
    Mutant(
        "what was signed once counts again",
        "repo/publishing/gate.py",
        "        if past.left is None or not (self._policy",
        "        if past or not (self._policy",
        ("unit/repo/test_publishing_signed.py",),
    ),
    Mutant(
        "a branch with a published version is answered from its tip",
        "store/served.py",
        "head(zone, branch) if reader.ref(name) is None else name",
        "head(zone, branch)",
        ("laws/test_publishing.py",),
    ),
    Mutant(
        "an older review comes back",
        "sync/arrival.py",
        "kept(reader, offer.new).replaces(kept(reader, local))",
        "True",
        ("unit/sync/test_review_sync.py",),
    ),
    Mutant(
        "a review stands in the place of somebody else's",
        "repo/review_refs.py",
        "    if place != name:",
        "    if place == name[:0]:",
        ("unit/repo/test_review_refs.py",),
    ),
    Mutant(
        "a commit becomes public without the limits of its policy",
        "repo/publishing/at_once.py",
        " and gate.judge(old, tip).release == tip",
        "",
        ("unit/repo/test_publishing_at_once.py",),
    ),
)
