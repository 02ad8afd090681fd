"""The calls of `Repository` about signed zones: what is known of one, and what is asked of the publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.repo.mirrors import has_own_policy, mirror_setting
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.dnssec.policy import DnssecPolicy
    from zonegit.repo.dnssec.requests import Request, Wanted
    from zonegit.repo.dnssec.status import DnssecStatus
    from zonegit.repo.results import Position


class DnssecVerbs(RepositoryReader):
    """What `Repository` offers about DNSSEC."""

    def dnssec_status(self, zone: str | None = None) -> DnssecStatus | None:
        """What the publisher noted of a zone; None if it isn't signed here."""
        from zonegit.repo.dnssec.status import noted_status

        name = self._context.place(zone).zone
        with self._context.store.read() as reader:
            return noted_status(reader, name)

    def dnssec_statuses(self) -> list[DnssecStatus]:
        """The same for every zone that is signed here."""
        from zonegit.repo.dnssec.status import noted_statuses

        with self._context.store.read() as reader:
            return list(noted_statuses(reader))

    def dnssec_policies(self, zone: str | None = None) -> dict[Position, DnssecPolicy]:
        """By branches of a zone, the policies by which they were signed last."""
        from zonegit.repo.dnssec.remembered import remembered

        name = self._context.place(zone).zone
        with self._context.store.read() as reader:
            return {place: policy for place, policy in remembered(reader) if place.zone == name}

    def dnssec_requested(self, zone: str | None = None) -> Request | None:
        """What was asked of the publisher for a zone, and isn't taken up yet."""
        from zonegit.repo.dnssec.requests import requested

        name = self._context.place(zone).zone
        with self._context.store.read() as reader:
            return requested(reader, name)

    def request_dnssec(self, wanted: Wanted, zone: str | None = None) -> Request | None:
        """Ask the publisher for something. Returns the request that this one replaces."""
        from zonegit.repo.dnssec.requests import Request, request

        name = self._context.place(zone).zone
        return request(self._context.store, name, Request(wanted, int(self._context.now())))

    def mirrored_from(self, zone: str | None = None) -> str | None:
        """The peer whose published versions of a zone are served here; None for a zone that is published here."""
        name = self._context.place(zone).zone
        with self._context.store.read() as reader:
            peer = reader.setting(mirror_setting(name))
            return None if peer is None or has_own_policy(reader, name) else peer.decode()
