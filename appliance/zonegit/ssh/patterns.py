"""OpenSSH's lists of patterns (ssh_config(5), PATTERNS): `*@example.org,!bob@example.org`."""


def matches_list(text: str, patterns: str) -> bool:
    """Whether a text matches one of the patterns, and none that `!` negates."""
    positive = False
    for pattern in patterns.split(","):
        if pattern.startswith("!"):
            if matches(text, pattern[1:]):
                return False
        elif matches(text, pattern):
            positive = True
    return positive


def matches(text: str, pattern: str) -> bool:
    """Whether a text matches one pattern: `*` is any characters, `?` exactly one.

    Takes at most len(text) * len(pattern) steps: after a mismatch only the last `*` has to take one character more.
    """
    at = of = 0
    star = taken = -1
    while at < len(text):
        if of < len(pattern) and pattern[of] == "*":
            star, taken = of, at
            of += 1
        elif of < len(pattern) and pattern[of] in ("?", text[at]):
            at += 1
            of += 1
        elif star >= 0:
            taken += 1
            at, of = taken, star + 1
        else:
            return False
    return pattern[of:].strip("*") == ""
