"""UPDATE messages by dnspython, and a repository that they are applied to."""

import dns.update

from zonegit.dns.update.message import read_update
from zonegit.model.names import WireName, from_text, lower
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository
from zonegit.repo.results import Position
from zonegit.repo.updating.apply import apply_updates
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy

KEY = WireName(lower(from_text("tester.")))
PLACE = Position("example.org.", "main")
ALL = UpdatePolicy((parse_rule("key:tester ** *"),))


def message(zone: str = "example.org.") -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage(zone)


def asked(update: dns.update.UpdateMessage, key: WireName = KEY, when: int = 1_767_225_600) -> Asked:
    return Asked(read_update(update.to_wire()), key, when)


def apply_all(
    repository: Repository, *updates: dns.update.UpdateMessage, policy: UpdatePolicy = ALL, key: WireName = KEY
) -> list[Done]:
    """What becomes of these messages, all in one transaction."""
    return apply_updates(repository._context, PLACE, policy, [asked(each, key) for each in updates])
