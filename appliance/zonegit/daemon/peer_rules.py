"""What the configuration says about the zones of one peer."""

from zonegit.ops.config import Config, PeerConfig
from zonegit.sync.policy import Direction, Policy
from zonegit.sync.policy_pull import MIRROR, Rules


def rules_of(config: Config, peer: PeerConfig) -> Rules:
    """The rules for a peer. A zone is mirrored if it only comes from the peer and is never merged here."""
    if peer.pulled is None:  # only its refs are read, to know what it lacks and what has diverged
        return Rules(peer.covers.includes, lambda _zone: False, pulls=False)
    only_pulled = peer.direction is Direction.PULL
    zones = (config.default_zone, *config.zones.values())
    if only_pulled and peer.policy is Policy.FF_ONLY and peer.covers.all and not any(zone.merge for zone in zones):
        return MIRROR

    def policy(zone: str) -> Policy:
        return config.policy(zone, peer)

    def mirrors(zone: str) -> bool:
        return only_pulled and policy(zone) is Policy.FF_ONLY and peer.covers.includes(zone)

    def publishes(zone: str) -> bool:
        return config.zone(zone).publisher == peer.name and peer.covers.includes(zone)

    return Rules(peer.covers.includes, mirrors, policy, publishes=publishes)
