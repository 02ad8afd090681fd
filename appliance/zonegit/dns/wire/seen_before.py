"""Tells what comes again from what comes once, within a bound: what is asked once isn't worth remembering."""


class SeenBefore:
    """Says yes to a thing that was seen before. A cache that asks it keeps none of an attack's invented names."""

    __slots__ = ("_limit", "_seen")

    def __init__(self, limit: int) -> None:
        """It remembers up to `limit` things, and forgets all of them when there are more."""
        self._limit = limit
        self._seen: dict[int, None] = {}
        """Hashes. A dict, because thousands of empty dicts take a third of the memory of empty sets."""

    def __call__(self, thing: object) -> bool:
        """Whether this was seen before. If so, it counts as unseen from then on."""
        seen = self._seen
        mark = hash(thing)
        if mark in seen:
            del seen[mark]
            return True
        if len(seen) >= self._limit:
            seen.clear()
        seen[mark] = None
        return False
