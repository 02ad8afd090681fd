"""A branch that this node has published, and that a peer publishes from now on.

What is served stays until the peer's version arrives: the zone may be signed, and its parent may say so. Private
keys stay as well, where they are.
"""

from zonegit.repo.context import Context
from zonegit.repo.dnssec.remembered import remember
from zonegit.repo.dnssec.status import forget_status
from zonegit.repo.mirrors import own_policy_setting, publisher_setting
from zonegit.repo.publishing.reading import held_setting
from zonegit.repo.results import Position


def hand_over(context: Context, place: Position, peer: str) -> None:
    """Leave the publishing of a branch to a peer. After a crash it is done again."""
    remember(context.store, place, None)  # first: a policy that is remembered is one of this node's
    forget_status(context.store, place.zone)
    with context.store.write() as writer:
        writer.set_setting(held_setting(place), None)
        writer.set_setting(publisher_setting(place.zone), peer.encode())
        writer.set_setting(own_policy_setting(place.zone), None)
