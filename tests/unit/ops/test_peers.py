"""`[[peer]]` and `merge` in the configuration: what they come to, and every refusal."""

from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.ops.config import Config
from zonegit.ops.flags import load
from zonegit.sync.policy import Direction, Policy

FILE = """\
keys = "keys"
[replication]
listen = "127.0.0.1:9354"
name = "here"
[primary]
url = "http://127.0.0.1:1"
name = "up"
[[peer]]
name = "ams"
url = "http://127.0.0.1:2"
direction = "both"
policy = "merge"
zones = ["*.example.org.", "example.org."]
exclude = ["lab.example.org."]
pull_interval = "2s"
[peer.limits]
bytes = 2000000
[[peer]]
name = "laptop"
policy = "hold"
key = "k-laptop"
[[peer]]
name = "depot"
url = "http://127.0.0.1:3"
direction = "push"
[zone."example.org."]
merge = "hold"
"""


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str) -> Config:
        path = tmp_path / "zonegitd.toml"
        path.write_text(text)
        return load(["--config", str(path)])

    return read


def test_any_number_of_peers(read) -> None:
    config = read(FILE)
    ams, laptop, depot = config.peers
    assert ams.link is not None and laptop.link is None
    assert (ams.direction, ams.policy, ams.link.pull_interval, ams.link.limits.bytes) == (
        Direction.BOTH,
        Policy.MERGE,
        2.0,
        2_000_000,
    )
    assert (depot.direction, depot.policy) == (Direction.PUSH, Policy.FF_ONLY)
    assert [peer.name for peer in config.called] == ["up", "ams", "depot"]
    assert [link.name for link in config.pulled] == ["up", "ams"]
    assert [peer.name for peer in config.called if peer.pushed] == ["ams", "depot"]


def test_a_zones_policy_stands_before_its_peers(read) -> None:
    config = read(FILE)
    ams, laptop, _ = config.peers
    assert config.policy("example.org.", ams) is Policy.HOLD
    assert config.policy("a.example.org.", ams) is Policy.MERGE
    assert config.policy("a.example.org.", laptop) is Policy.HOLD


def test_a_pusher_is_known_by_the_key(read) -> None:
    config = read(FILE)
    assert config.pushed_policy("a.example.org.", "k-laptop") is Policy.HOLD, "its own table"
    assert config.pushed_policy("a.example.org.", "k1") is Policy.MERGE, "the first one that names no key"
    assert config.pushed_policy("other.net.", "k1") is Policy.FF_ONLY, "the depot's"
    assert config.pushed_policy("example.org.", "k1") is Policy.HOLD, "the zone's own"
    assert read("").pushed_policy("example.org.", "k1") is Policy.FF_ONLY


def test_a_zone_may_be_published_by_a_peer(read) -> None:
    config = read(FILE + 'publisher = "ams"\n')
    assert config.zone("example.org.").publisher == "ams"
    assert config.zone("a.example.org.").publisher is None
    assert read(FILE.replace('merge = "hold"', 'publisher = "up"')).zone("example.org.").publisher == "up"


PEER = 'keys = "k"\n[[peer]]\nname = "ams"\nurl = "http://127.0.0.1:2"\n'
CALLS = 'keys = "k"\n[replication]\nlisten = "127.0.0.1:1"\n[[peer]]\nname = "ams"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PEER.replace('name = "ams"\n', ""), r"\[\[peer\]\] number 1 has no 'name'"),
        (PEER.replace('keys = "k"\n', ""), r"\[\[peer\]\] needs key files"),
        (PEER + PEER.removeprefix('keys = "k"\n'), "two .* have the name 'ams'"),
        (PEER + '[primary]\nname = "ams"\nurl = "http://127.0.0.1:2"\n', "'ams' is both .primary. and a"),
        (PEER + 'policy = "theirs"\n', ":5: policy: 'theirs' is not a policy: write ff-only, merge, hold"),
        (PEER + 'direction = "in"\n', ":5: direction: 'in' is not a direction: write pull, push, both"),
        (PEER + 'zones = ["a.org:main"]\n', ":5: zones: 'a.org.:main' names a branch"),
        (PEER + 'exclude = "a"\n', ":5: exclude: 'a' is not a list"),
        (PEER + 'zone = ["a"]\n', ":5: unknown key 'zone'; did you mean 'zones'?"),
        (PEER + 'client_cert = "c.pem"\n', r"\[\[peer\]\] ams has only one of 'client_cert' and 'client_key'"),
        (PEER + 'ca = "c.pem"\n', r"\[\[peer\]\] ams has 'ca' but no https URL"),
        (PEER.replace("127.0.0.1", "192.0.2.1"), "cleartext to another machine"),
        (PEER + "[peer.limits]\nbyts = 1\n", "limits: unknown key 'byts'; did you mean 'bytes'?"),
        (PEER + PEER.removeprefix('keys = "k"\n').replace("ams", "fra") + "polcy = 1\n", ":8: unknown key 'polcy'"),
        (PEER.replace('"ams"', '"a..b"'), ":3: name: 'a..b' is not a peer name"),
        ('keys = "k"\n[peer]\nname = "ams"\n', r":2: write \[\[peer\]\]"),
        (CALLS.replace('[replication]\nlisten = "127.0.0.1:1"\n', ""), "no 'url', and without .replication."),
        (CALLS + 'direction = "both"\n', r"\[\[peer\]\] ams has 'direction' but no 'url'"),
        (CALLS + 'key = "k1"\n[[peer]]\nname = "fra"\nkey = "k1"\n', "two peers without 'url' have the key 'k1'"),
        ('[zone."a."]\nmerge = "never"\n', ":2: merge: 'never' is not a policy"),
        (PEER + '[zone."a."]\npublisher = "fra"\n', "publisher 'fra', but this node pulls a. from no such peer"),
        (PEER + 'direction = "push"\n[zone."a."]\npublisher = "ams"\n', "pulls a. from no such peer"),
        (PEER + 'exclude = ["a"]\n[zone."a."]\npublisher = "ams"\n', "pulls a. from no such peer"),
        (CALLS + '[zone."a."]\npublisher = "ams"\n', "pulls a. from no such peer"),
        (PEER + '[zone."a."]\npublisher = "ams"\n[zone."a.".publish]\n', r'"a."\.publish., so this node publi'),
        (PEER + '[zone."a."]\npublisher = "ams"\n[zone."a.".dnssec]\n', r'"a."\.dnssec., so this node publi'),
    ],
)  # fmt: skip
def test_refusals(read, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(text)
