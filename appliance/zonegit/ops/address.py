"""An IP address with a port, as a configuration names it."""

from ipaddress import ip_address
from typing import NamedTuple

from zonegit.errors import ConfigError


class Address(NamedTuple):
    """An IP address and a port; port 0 lets the kernel choose one."""

    host: str
    """A literal address, without brackets; `0.0.0.0` and `::` mean all addresses."""
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Parse `127.0.0.1:53` or `[::1]:53`. `ConfigError`."""
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        bare = host[1:-1] if bracketed else host
        try:
            if not colon or not port.isdecimal() or int(port) > 65535 or bracketed != (":" in bare):
                raise ValueError
            return cls(str(ip_address(bare)), int(port))
        except ValueError:
            raise ConfigError(
                f"{text[:80]!r} is not an address with a port: write 192.0.2.1:53 or [2001:db8::1]:53"
            ) from None

    @classmethod
    def with_port(cls, text: str, port: int) -> "Address":
        """Parse an address with or without a port; `port` is the one that it has without. `ConfigError`."""
        has_port = text.count(":") == 1 or text.startswith("[")
        if has_port:
            return cls.parse(text)
        return cls.parse(f"[{text}]:{port}" if ":" in text else f"{text}:{port}")

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    @property
    def is_loopback(self) -> bool:
        return ip_address(self.host).is_loopback

    def is_at(self, client: bytes) -> bool:
        """Whether it has this address, of 4 or 16 bytes."""
        return ip_address(self.host) == ip_address(client)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"
