"""Which ref a branch is answered from: its published version, or its head where nothing is published of it.

A policy may stand between what people commit and what is served (docs/publishing.md). Then the branch has a
published version. A branch that has one is never answered from its head, whatever became of the policy. If the
version is a tombstone, the branch isn't served.
"""

from zonegit.model.refs import RefName, head, published
from zonegit.store.port import Reader


def served_ref(reader: Reader, zone: str, branch: str) -> RefName:
    """The ref that answers for a branch come from."""
    name = published(zone, branch)
    return head(zone, branch) if reader.ref(name) is None else name
