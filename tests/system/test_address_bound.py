"""`connections_per_source`: how many connections of one key an address may have to a daemon's replication port."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from daemonkit import Daemon, ask, fetch, new_reader, page, rcode, secondary_of, until
from rawh2 import RawClient
from synckit import PEER
from zonegit.auth.keyring import Keyring

TOLD = f"exchanges with {PEER} have failed since "


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
            refs = client.ask("GET", "/v0/refs", headers)
            assert refs.status == 200
            client.poll(refs.headers["etag"].strip('"'), key=known[kid])
        more = ("--primary-name", PEER, "--workers", "1", "--metrics-listen", "127.0.0.1:0")
        here = tmp_path / "secondary"
        secondary = start(here, *secondary_of(primary, keys, *more))
        secondary.logged("as many connections with key k1 from this address")
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", here, "status"]
        until(lambda: TOLD in subprocess.run(command, capture_output=True, text=True, check=True).stderr, "status")
        status, _, unready = fetch(secondary.port("metrics"), "/readyz")
        assert status == 503
        assert unready.startswith(f"no zone is served\n{TOLD}")
        line = primary.logged("too many connections with one key source=127.0.0.1 kid=k1 way=")
    assert "connections_per_source" in line
    assert primary.count("too many connections") == 1
    refused = 'zonegit_http_connections_refused_total{key_id="k1"} '
    until(lambda: refused in page(primary, "/metrics"), "the refusals in the metrics")
    until(lambda: not rcode(ask(secondary.port(), "example.org.", 6)), "the zone where there is room again")
