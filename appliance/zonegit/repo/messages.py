"""Checks what users write in messages of commits, tags and reviews."""

from zonegit.errors import UsageError


def checked_message(text: str) -> str:
    """Return a user's message for a commit or a tag. `UsageError` if it is empty or isn't printable."""
    if not text.strip():
        raise UsageError("--message is empty; write a line of plain text")
    if byte := next((ord(char) - 0xDC00 for char in text if 0xDC80 <= ord(char) <= 0xDCFF), 0):
        raise UsageError(
            f"--message contains the byte 0x{byte:02X}, which isn't valid UTF-8; write a line of plain text"
        )
    if bad := next((char for char in text if not (char.isprintable() or char in "\n\t")), ""):
        raise UsageError(f"--message contains U+{ord(bad):04X}, which isn't printable; write a line of plain text")
    return text
