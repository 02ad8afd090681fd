"""Changes hyperframe for all HTTP/2 connections of this process.

h2 makes a text of each frame that it receives, for a log that nobody keeps. As shipped that of a DATA frame has all
its bytes in hexadecimal before it is cut, which takes longer than to receive them.
"""

from hyperframe.frame import DataFrame, Frame


def _briefly(frame: Frame) -> str:
    return f"<{frame.body_len} bytes>"


DataFrame._body_repr = _briefly  # type: ignore[assignment,method-assign]
