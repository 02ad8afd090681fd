"""Every lie of a primary ends in one line that names it, in little memory; the next honest transfer works."""

import asyncio
import re
import tracemalloc
from pathlib import Path

import pytest

from lies import LIES
from lyingprimary import LyingPrimary, lying
from primarykit import APEX, a
from zonegit.dns.access.tsig import TsigKey
from zonegit.dns.incoming.bounds import Bounds
from zonegit.errors import TransferError
from zonegit.model.names import from_text
from zonegit.model.rrset import RRKey
from zonegit.net.dns.transfer_client import TransferClient
from zonegit.repo.incoming.difference import changes_of
from zonegit.repo.incoming.values import Differences, WholeZone

KEY = TsigKey(from_text("xfr."), "hmac-sha256", b"secret of 32 bytes, as is usual.")
PATIENT = Bounds(1_000, 100_000)
HASTY = PATIENT._replace(seconds=1.0, answer_seconds=0.3, idle_seconds=0.3)
MOST = 4 << 20
"""Bytes of memory that any lie may take."""
Zone = dict[RRKey, bytes]


async def first_version(primary: LyingPrimary) -> Zone:
    async with TransferClient(primary.primary, primary.key) as client:
        done = await client.transfer(APEX)
    assert isinstance(done, WholeZone)
    return dict(done.entries)


async def newest(client: TransferClient, zone: Zone, *, incremental: bool) -> Zone:
    """The newest version, transferred whole, or by what differs from `zone`, which has serial 1."""
    if not incremental:
        done = await client.transfer(APEX, newer_than=1)
        assert isinstance(done, WholeZone)
        return dict(done.entries)
    done = await client.transfer(APEX, 1)
    assert isinstance(done, Differences)
    after = dict(zone)
    for step in done.steps:
        for key, payload in changes_of(APEX, step, after.get).items():
            if payload is None:
                del after[key]
            else:
                after[key] = payload
    return after


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_and_the_next_transfer_works(name: str) -> None:
    lie = LIES[name]

    async def run(primary: LyingPrimary) -> None:
        zone = await first_version(primary)
        primary.add(a("new", 2), without=(a("www", 1),))
        primary.lie = name
        async with TransferClient(primary.primary, primary.key, HASTY if lie.waits else PATIENT) as client:
            tracemalloc.start()
            try:
                with pytest.raises(TransferError, match=lie.reason) as caught:
                    await newest(client, zone, incremental=lie.incremental)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            primary.lie = None
            if not lie.waits:
                assert await newest(client, zone, incremental=lie.incremental) == await first_version(primary)
        async with TransferClient(primary.primary, primary.key, PATIENT) as client:
            assert await newest(client, zone, incremental=lie.incremental) == await first_version(primary)
        assert peak < MOST
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 250

    with lying(key=KEY if lie.keyed else None) as primary:
        asyncio.run(run(primary))


def test_there_are_many_lies() -> None:
    """None is lost because two scripts have the same name."""
    kits = {Path(each.tell.__code__.co_filename) for each in LIES.values()}
    assert len(LIES) == sum(len(re.findall(r"^@lie\(", kit.read_text(), re.MULTILINE)) for kit in kits)
