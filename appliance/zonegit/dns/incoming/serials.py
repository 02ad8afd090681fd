"""What serials of a transfer have to be: they rise, as RFC 1982 compares them."""

from zonegit.errors import TransferError
from zonegit.repo.serials import is_ahead


def check_newer(serial: int, than: int | None) -> None:
    """`TransferError` unless a primary's serial is ahead of the one that is here, if there is one."""
    if than is not None and not is_ahead(serial, than):
        raise TransferError(f"the primary's serial {serial} isn't ahead of {than}, the one here")
