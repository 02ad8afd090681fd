"""Makes foreign text (from peers, zones, files, the environment, errors that quote them) safe to show.

A terminal obeys control characters, a line break forges a line of the log, and bidirectional marks mislead readers.
All that zonegit prints or logs passes through here; JSON escapes by itself.
"""

import re
from typing import Final

MOST: Final = 4096
"""Characters of a line of the log, of a message on stderr, or of a value in either."""

_LINE_BREAK: Final = re.compile(r"\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


def printable(text: str) -> str:
    """`text` with every character escaped that isn't a tab, a space or visible.

    Those are control characters (C0, DEL, C1), line breaks, marks of bidirectional text, and surrogates.
    """
    if text.isprintable() or text.replace("\t", "").isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode() for char in text
    )


def one_line(text: str, most: int = MOST) -> str:
    """`text` as one printable line of at most `most` characters, with blanks in place of its line breaks."""
    if len(text) <= most and text.isprintable():
        return text
    return cut(printable(_LINE_BREAK.sub(" ", text[: most + 1])), most)


def cut(text: str, most: int = MOST) -> str:
    """At most `most` characters of `text`; dots are the last of them where more follow."""
    return text if len(text) <= most else text[: most - 3] + "..."
