"""Ways past the policy of a zone, and to replace reviews, for `mutantkit`."""

from mutant import Mutant

PUBLISHING = (
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
