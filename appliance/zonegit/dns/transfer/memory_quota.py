"""The memory that transfers of one thread share. None is refused for lack of it: each can continue with less."""

from collections.abc import Iterator
from contextlib import contextmanager


class MemoryQuota:
    """How many bytes all transfers hold, and the most that they should."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """The share of one transfer, released at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            share.release()


class Share:
    """Bytes that one transfer holds."""

    def __init__(self, together: MemoryQuota) -> None:
        self._together = together
        self._size = 0

    def grow(self, size: int) -> bool:
        """Hold `size` more bytes, or fewer if negative; whether all shares fit the quota."""
        self._size += size
        self._together.held += size
        return self._together.held <= self._together.most

    def release(self) -> None:
        """Hold no bytes any more."""
        self.grow(-self._size)
