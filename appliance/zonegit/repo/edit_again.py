"""Merges an edit that the branch contradicts with the branch's present tip, so that it can be edited again."""

from typing import NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.rrset import RRKey
from zonegit.repo.context import Context
from zonegit.repo.desired import base_content, sides_of, towards, with_authors
from zonegit.repo.editable import Editable, editable_of
from zonegit.repo.merging import Choice, three_way
from zonegit.repo.results import Contradiction, Position
from zonegit.repo.signed import Signatures
from zonegit.tree.edit import edit
from zonegit.tree.merge import Conflict
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.reader import ParsedZone


class EditedAgain(NamedTuple):
    """What is to be edited again."""

    editable: Editable
    """The merge; its base is the branch's tip. Where both conflict it has the edited records."""
    conflicts: list[Contradiction]
    """In canonical order; `theirs` is what was edited."""


def edit_again(
    context: Context, place: Position, wanted: ParsedZone, base: ObjectId, signatures: Signatures
) -> EditedAgain:
    """The merge of an edit of `base` with the branch's tip. `NotFound` if the base isn't here."""
    before, tip = base_content(context, base, place.zone), context.tip(place)
    nodes, sides = sides_of(before, towards(before, wanted, signatures), tip)
    left: dict[RRKey, Conflict] = {}

    def edited(key: RRKey, conflict: Conflict) -> Choice:
        left[key] = conflict
        return Choice.THEIRS

    found = three_way(nodes, sides, edited)
    built = edit(nodes, tip.tree.root, tip.zone.shape, found.changes.items())
    over = nodes.over(built.by_id)
    merge = tip._replace(tree=Tree(over, built.root))
    return EditedAgain(editable_of(place, merge, wanted.below), with_authors(nodes, left, before, tip))
