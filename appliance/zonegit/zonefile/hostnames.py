"""Which names are host names (RFC 952, RFC 1123 §2.1).

Owners of addresses and MX records have to be, and targets of NS, MX and SRV records. BIND refuses other zones as a
primary (`check-names`), and takes them as a secondary.
"""

import re
from collections.abc import Iterator
from typing import Final

from zonegit.model.names import Owner, OwnerKey, owner_key
from zonegit.model.rdata import AAAA, MX, A
from zonegit.zonefile.structure import Found, type_list
from zonegit.zonefile.zone_lookup import Types

HOSTED: Final = frozenset({A, AAAA, MX})
"""Types that stand at host names."""
_LABELS: Final = rb"(?:[a-z0-9]++(?:-++[a-z0-9]++)*+\0)*+"
_OWNER: Final = re.compile(_LABELS + rb"(?:\*\0|_msdcs\0gc\0)?").fullmatch
is_host_key: Final = re.compile(_LABELS).fullmatch
"""Whether an owner's key is a host's."""


def is_host_owner(owner: OwnerKey) -> bool:
    """Whether an owner's key is a host's, a wildcard's, or that of a Windows domain's global catalog."""
    return owner[:-1].isalnum() or _OWNER(owner) is not None  # most are one plain label


def is_host(name: bytes) -> bool:
    """Whether a wire name is a host's. The root is none, and stands for none."""
    return is_host_key(owner_key(Owner(name[:-1]))) is not None


def check_host(types: Types) -> Iterator[Found]:
    """What stands at an owner that isn't a host's name though it should be."""
    hosted = [rtype for rtype in types if rtype in HOSTED]
    if hosted:
        yield (
            "host-owner",
            f"{type_list(hosted)} at a name that isn't a host's (RFC 1123 §2.1); BIND refuses the zone as a "
            "primary (check-names)",
        )
