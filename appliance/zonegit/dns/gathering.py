"""Memory that the transfers of one thread share: none is refused for lack of it, each can go on with less."""

from collections.abc import Iterator
from contextlib import contextmanager


class Gathering:
    """Bytes that transfers hold together."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """What one transfer holds, as long as this lasts."""
        share = Share(self)
        try:
            yield share
        finally:
            share.release()


class Share:
    """Bytes that one transfer holds."""

    def __init__(self, together: Gathering) -> None:
        self._together = together
        self._size = 0

    def grow(self, size: int) -> bool:
        """Hold so many more, or fewer; whether there is room for all."""
        self._size += size
        self._together.held += size
        return self._together.held <= self._together.most

    def release(self) -> None:
        """Hold nothing."""
        self.grow(-self._size)
