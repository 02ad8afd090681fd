"""zonegit: git for authoritative DNS."""

__version__ = "0.1.0"
