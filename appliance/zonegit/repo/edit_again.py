"""What somebody edited and the branch contradicts, over the branch's tip as it is now, to be edited once more."""

import dataclasses
from dataclasses import dataclass

from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rrset import RRKey
from zonegit.repo.content import Tree
from zonegit.repo.context import Context
from zonegit.repo.desired import base_content, sides_of, told_of, towards
from zonegit.repo.editable import Editable, editable_of
from zonegit.repo.merging import Choice, three_way
from zonegit.repo.results import Contradiction, Position
from zonegit.repo.signed import Signatures
from zonegit.tree.edit import edit
from zonegit.tree.merge import Conflict
from zonegit.zonefile.reader import ParsedZone


@dataclass(frozen=True, slots=True)
class EditedAgain:
    """What is to be edited once more."""

    editable: Editable
    """The merge; its base is the branch's tip. Where they conflict it has what was edited."""
    conflicts: list[Contradiction]
    """In canonical order; `theirs` is what was edited."""


def edit_again(
    context: Context, place: Position, wanted: ParsedZone, base: ObjectId, signatures: Signatures
) -> EditedAgain:
    """The merge of what somebody made of `base` with the branch's tip. `NotFound` where the base isn't here."""
    before, tip = base_content(context, base, place.zone), context.tip(place)
    nodes, sides = sides_of(before, towards(before, wanted, signatures), tip)
    left: dict[RRKey, Conflict] = {}

    def edited(key: RRKey, conflict: Conflict) -> Choice:
        left[key] = conflict
        return Choice.THEIRS

    found = three_way(nodes, sides, edited)
    built = edit(nodes, tip.tree.root, tip.zone.shape, found.changes.items())
    over = nodes.over({object_id(data): data for data in built.objects})
    merge = dataclasses.replace(tip, tree=Tree(over, built.root))
    return EditedAgain(editable_of(place, merge, wanted.below), told_of(nodes, left, before, tip))
