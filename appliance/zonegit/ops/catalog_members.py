"""Gives the members of followed catalogs the settings of their catalog."""

from dataclasses import replace

from zonegit.ops.config import Config
from zonegit.repo.catalog.membership import Members


def with_members(config: Config, members: Members) -> Config:
    """A configuration in which these zones are the members, and no others.

    Members with the same settings share one value, so that each of them costs little more than its name when the
    configuration is passed to another process. A zone that has a table of its own isn't changed.
    """
    if not config.members and not members:
        return config
    own = {name: zone for name, zone in config.zones.items() if name not in config.members}
    found = {
        zone: catalog.settings(member.groups)
        for zone, (name, member) in members.items()
        if zone not in own and (catalog := config.catalogs.get(name)) is not None
    }
    return replace(config, zones={**found, **own}, members=frozenset(found))
