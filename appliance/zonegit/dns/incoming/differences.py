"""Gathers the differences of an IXFR answer (RFC 1995 §4): what each step removes, then what it adds."""

from zonegit.dns.incoming.serials import check_newer
from zonegit.errors import DifferenceUnfit, TransferError
from zonegit.model.names import WireName
from zonegit.model.rdata import soa_serial
from zonegit.model.rrset import SOA_KEY, RRKey, served_soa
from zonegit.repo.incoming.values import Difference, Differences, Entry
from zonegit.repo.serials import is_ahead
from zonegit.zonefile.entries import Entries


class DifferenceReader:
    """Takes the records after the first SOA record. Each SOA record ends one part and begins the next."""

    def __init__(self, apex: WireName, soa: bytes, known: int) -> None:
        """`soa` is the stored form of the newest one, with its serial. `TransferError` if that isn't ahead."""
        check_newer(soa_serial(soa), known)
        self._apex = apex
        self._soa = soa
        self._newest = soa_serial(soa)
        self._reached = known
        """Where the steps before lead to."""
        self._steps: list[Difference] = []
        self._old: Entries | None = None
        """What the present step removes; None between steps."""
        self._new: Entries | None = None
        """What it adds; None before it adds anything."""
        self._serial = 0
        """The serial that the present step leads to."""
        self._ended = False

    def take(self, keys: list[RRKey], rrs: list[bytes]) -> Differences | None:
        """Take the records of a message; all differences, if they end them. `TransferError`, `DifferenceUnfit`."""
        for key, rr in zip(keys, rrs, strict=True):
            if self._ended:
                raise TransferError("records follow the SOA record that ends the differences")
            if key == SOA_KEY:
                self._take_soa(rr)
            else:
                self._part().add(key, rr)
        return Differences(self._apex, tuple(self._steps)) if self._ended else None

    def _part(self) -> Entries:
        part = self._old if self._new is None else self._new
        if part is None:
            raise AssertionError("the first record after the newest SOA is an SOA")
        return part

    def _take_soa(self, rr: bytes) -> None:
        serial = soa_serial(rr)
        if self._old is not None and self._new is None:
            self._begin_adding(serial, rr)
            return
        if self._old is not None and self._new is not None:
            self._end_step(self._old, self._new)
            if self._reached == self._newest:
                self._end(rr)
                return
        self._begin_step(serial, rr)

    def _begin_step(self, serial: int, rr: bytes) -> None:
        if serial != self._reached:
            after = "the serial here is" if not self._steps else "the one before leads to"
            raise DifferenceUnfit(f"a difference begins at serial {serial}, but {after} {self._reached}")
        self._old, self._new = Entries(), None
        self._old.add(SOA_KEY, served_soa(rr, 0))

    def _begin_adding(self, serial: int, rr: bytes) -> None:
        if not is_ahead(serial, self._reached):
            raise TransferError(f"a difference leads from serial {self._reached} back to {serial}")
        if serial != self._newest and not is_ahead(self._newest, serial):
            raise TransferError(f"a difference leads to serial {serial}, beyond {self._newest}, the newest one")
        self._serial = serial
        self._new = Entries()
        self._new.add(SOA_KEY, served_soa(rr, 0))

    def _end_step(self, old: Entries, new: Entries) -> None:
        removed, added = old.finish()[0], new.finish()[0]
        if dict(removed)[SOA_KEY] == dict(added)[SOA_KEY]:
            removed, added = _without_soa(removed), _without_soa(added)
        self._steps.append(Difference(self._reached, self._serial, tuple(removed), tuple(added)))
        self._reached = self._serial

    def _end(self, rr: bytes) -> None:
        if rr != self._soa:
            raise TransferError(
                f"the differences end with another SOA record than they begin with: serial {soa_serial(rr)}, "
                f"not {self._newest}"
                if soa_serial(rr) != self._newest
                else f"the differences begin and end with different SOA records of serial {self._newest}"
            )
        self._ended = True


def _without_soa(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry[0] != SOA_KEY]
