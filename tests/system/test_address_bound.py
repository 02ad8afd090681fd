"""`connections_per_source`: how many connections of one key an address may have to a daemon's replication port."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

from daemonkit import Daemon, ask, new_reader, rcode, secondary_of, until
from rawh2 import RawClient
from synckit import PEER
from zonegit.auth.keyring import Keyring


def test_one_too_many_is_told_at_both_ends_and_another_key_has_room(
    repo: Path, tmp_path: Path, keys: Path, start: Callable[..., Daemon]
) -> None:
    new_reader(keys, "k2")
    config = tmp_path / "zonegitd.toml"
    replication = f'[replication]\nlisten = "127.0.0.1:0"\nname = "{PEER}"\nconnections_per_source = 1\n'
    config.write_text(f'{replication}[metrics]\nlisten = "127.0.0.1:0"\n')
    primary = start(repo, "--config", config, "--keys", keys, "--workers", "1")
    known = {key.kid: key for key in Keyring.load(keys)}
    with RawClient(primary.port("replication")) as first, RawClient(primary.port("replication")) as other:
        for client, kid in ((first, "k1"), (other, "k2")):
            headers = client.signed("GET", "/v0/refs", key=known[kid])
            assert client.ask("GET", "/v0/refs", headers).status == 200
        who = secondary_of(primary, keys, "--primary-name", PEER, "--workers", "1")
        secondary = start(tmp_path / "secondary", *who)
        until(lambda: secondary.has("as many connections with key k1 from this address"), "the reason there")
        until(lambda: primary.has("too many connections with one key source=127.0.0.1 kid=k1 way="), "a line here")
    (line,) = [line for line in primary.log if "too many connections" in line]
    assert "connections_per_source" in line
    with urllib.request.urlopen(f"http://127.0.0.1:{primary.port('metrics')}/metrics", timeout=20) as page:
        assert 'zonegit_http_connections_refused_total{key_id="k1"} ' in page.read().decode()
    until(lambda: not rcode(ask(secondary.port(), "example.org.", 6)), "the zone where there is room again")
