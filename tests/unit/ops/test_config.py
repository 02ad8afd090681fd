"""Flags over file over defaults; every refusal is one line that names the place."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zonegit.errors import ConfigError, UsageError
from zonegit.ops.address import Address
from zonegit.ops.flags import load
from zonegit.ops.values import duration

FILE = """\
repo = "/var/lib/zonegit"
keys = "/etc/zonegit/keys.d"

[dns]
listen = ["127.0.0.1:5300", "[::1]:5300"]
workers = 3
udp_size = 1400

[metrics]
listen = "127.0.0.1:9353"

[replication]
listen = "127.0.0.1:9354"
name = "primary-1"
workers = 2
access_log = true
connections_per_source = 40

[primary]
url = "http://127.0.0.1:9999"
name = "top"
key = "k1"
pull_interval = "500ms"
compress = true

[zone."Example.ORG"]
branch = "live"
canary = "next:10"
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "zonegitd.toml"
        path.write_text(text)
        return str(path)

    return write


def test_file_is_read_whole(write):
    config = load(["--config", write(FILE)])
    assert config.repo == Path("/var/lib/zonegit")
    assert config.dns.listen == (Address("127.0.0.1", 5300), Address("::1", 5300))
    assert (config.dns.workers, config.dns.udp_size) == (3, 1400)
    assert config.metrics is not None and config.metrics.listen.port == 9353
    assert config.replication is not None and config.replication.name == "primary-1"
    assert config.replication.workers == 2
    assert config.replication.access_log
    assert config.replication.connections_per_source == 40
    assert config.primary is not None and config.primary.pull_interval == 0.5
    assert config.primary.compress
    assert config.zone("example.org.").branch == "live"
    assert config.zone("other.org.").branch == "main"


def test_flags_win_over_the_file(write):
    config = load(
        ["--config", write(FILE), "--repo", "here", "--listen", "127.0.0.1:0", "--workers", "1", "--key", "k2",
         "--branch", "b", "--zone", "EXAMPLE.org", "--at", "HEAD~1"]
    )  # fmt: skip
    assert config.repo == Path("here")
    assert config.dns.listen == (Address("127.0.0.1", 0),)
    assert config.dns.workers == 1
    assert config.primary is not None and config.primary.key == "k2"
    assert config.zone("example.org.").branch == "live", "a zone's own branch stands before the default"
    assert config.zone("example.org.").at == "HEAD~1"
    assert config.zone("other.").branch == "b"
    assert config.only_zones == {"example.org."}


def test_defaults():
    config = load([])
    assert config.dns.listen == (Address("127.0.0.1", 5300),)
    assert config.dns.workers == 1
    assert config.metrics is config.replication is config.primary is None


def test_without_a_kid_the_client_chooses(tmp_path):
    argv = ["--primary", "http://127.0.0.1:1", "--primary-name", "p", "--keys", str(tmp_path)]
    primary = load(argv).primary
    assert primary is not None and primary.key == ""


TLS = """\
keys = "keys"
[replication]
listen = "0.0.0.0:9354"
tls_cert = "s.pem"
tls_key = "s.key"
client_ca = "ca.pem"
[primary]
url = "https://192.0.2.1"
name = "top"
ca = "ca.pem"
client_cert = "c.pem"
client_key = "c.key"
"""


def test_tls(write):
    config = load(["--config", write(TLS)])
    assert config.replication is not None and config.replication.client_ca == Path("ca.pem")
    assert config.primary is not None and config.primary.client_key == Path("c.key")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('tls_key = "s.key"\n', "", "'tls_cert' and 'tls_key'"),
        ('tls_cert = "s.pem"\ntls_key = "s.key"\n', "", "'client_ca'"),
        ('client_key = "c.key"\n', "", "'client_cert' and 'client_key'"),
        ("https://192.0.2.1", "http://127.0.0.1", "no https URL"),
        ('url = "https://192.0.2.1"\nname = "top"\nca = "ca.pem"\nclient_cert = "c.pem"\nclient_key = "c.key"\n',
         'url = "http://192.0.2.1"\nname = "top"\n', "cleartext to another machine"),
    ],
)  # fmt: skip
def test_tls_settings_that_do_not_fit_together(write, old, new, says):
    assert old in TLS
    with pytest.raises(ConfigError, match=says):
        load(["--config", write(TLS.replace(old, new))])


def test_cleartext_to_a_primary_can_be_allowed(write):
    text = 'keys = "k"\n[primary]\nurl = "http://192.0.2.1"\nname = "top"\nallow_plaintext = true\n'
    primary = load(["--config", write(text)]).primary
    assert primary is not None and primary.allow_plaintext


def test_workers_auto():
    assert load(["--workers", "auto"]).dns.workers >= 1


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[dns]\nworkers = 1\nlistne = 3\n", 3, "unknown key 'listne'; did you mean 'listen'?"),
        ("rebo = 'x'\n", 1, "'repo'"),
        ("[dns]\nprimaries = ['192.0.2.1']\n", 2, "unknown key 'primaries'; it belongs in [zone.\"example.org.\"]"),
        ("[dns]\nmax_removals = 3\n", 2, 'it belongs in [catalog."catalog.example."]'),
        ("[dns.incoming_limits]\n\nseconds = 'x'\n", 3, "incoming_limits: seconds: 'x' is not a duration"),
        ("[dns.incoming_limits]\nrecords = 1000\nseconts = 1\n", 3, "did you mean 'seconds'?"),
        ("[dns]\nworkers = 1\ntls_listen = '192.0.2.1:853'\n", 3, "[dns] has 'tls_listen' but no 'tls_cert'"),
        ("[dns]\n[metrics]\nper_zone = 1\n", 2, "[metrics] has no 'listen'"),
        ("[zone.'a.']\n[zone.'b.']\npublisher = 'x'\n", 3, "has the publisher 'x'"),
        ("[dns]\n[[peer]]\nurl = 'https://b:1'\n", 2, "[[peer]] number 1 has no 'name'"),
        ("keys = 'k'\n[[peer]]\nname = 'b'\n[[peer]]\nname = 'c'\nurl = 'http://192.0.2.1:1'\n", 2, "has no 'url'"),
        ("keys = 'k'\n[[peer]]\nname = 'c'\nurl = 'http://192.0.2.1:1'\n", 4, "is cleartext to another machine"),
        ("[dns]\ntls_cert = 'x'\n", 1, "[dns] has only one of"),
        ("[zone.'a.']\nbranch = 'x'\nroutes = [{ when = 'client.asn == 1', branch = 'b' }]\n", 3, "set 'asn_db'"),
        ("[zone.'a.'.publsh]\n", 1, "unknown key 'publsh'; did you mean 'publish'?"),
        ("[matrics]\nlisten = 'x'\n", 1, "'metrics'"),
        ("repo = 'x'\n[zone.'a.']\nbranch = 'x'\n[zone.'b.']\nbranhc = 'x'\n", 5, "'branch'"),
        ("[dns]\nlisten = 'localhost:53'\n", 2, "not an address"),
        ("[dns]\nworkers = true\n", 2, "auto or a number"),
        ("[dns]\nudp_size = 100\n", 2, "512 to 4096"),
        ("dns = 3\n", 1, "not a table"),
        ("[zone.'a..b']\nbranch = 'x'\n", 1, "empty label"),
        ("[zone.'a']\n[zone.'A.']\n", 2, "two tables"),
        ("[zone.'a']\ncanary = 'next:101'\n", 2, "branch:percent"),
        ('[zone."a"]\ncanary = { branch = "next", percent = 10 }\n', 2, "canary: "),
        ('[zone.a]\nroutes = { when = "true" }\n', 2, "routes: "),
        ("[zone.example.at]\nbranch = 'main'\n", 1, "quote the zone's name"),
        ("[zone.example.org.publish]\n", 1, "quote the zone's name"),
        ("[zone.'a']\nroutes = 'x'\n", 2, "not a list of routes: write { when = "),
        ("[zone.'a']\nroutes = ['x']\n", 2, "route 1 is not a table"),
        ("[zone.'a']\nroutes = [{ when = 'time.hour == 1' }]\n", 2, "route 1 has no 'branch'"),
        ("[zone.'a']\nroutes = [{ if = 'x' }]\n", 2, "route 1 has the unknown key 'if'"),
        (
            "[zone.'a']\nroutes = [{when='time.hour == 1', branch='b'}, {when='time.hour = 1', branch='b'}]\n",
            2,
            "route 2: column 11: '=' is not expected here: write ==",
        ),
        ("[zone.'a']\nroutes = [{ when = 'time.hour == 1', branch = 'a..b' }]\n", 2, "route 1: 'a..b'"),
        ("[zone.'a']\nroutes = [" + "{}," * 65 + "]\n", 2, "there are 65 routes: write at most 64"),
        ("\n[zone.www.example.org]\nbranch = 'x'\n", 2, 'write [zone."example.org."]'),
        ("keys = 'a\\u0000b'\n".replace("'", '"'), 1, "NUL"),
        ("[dns]\ncookie_secrets = ''\n", 2, "empty"),
        (f"[dns]\nworkers = '{'9' * 5000}'\n", 2, "auto or a number"),
        (f"[dns]\nworkers = 0x{'f' * 5000}\n", 2, "workers: the number has too many digits"),
        (f"[dns]\nlisten = [0x{'f' * 5000}]\n", 2, "listen: the number has too many digits"),
        ("[dns]\nalso_notify = ['[::1']\n", 2, "not an address with a port"),
        ("[zone.'a']\nat = 'x'\nstrict = ['mx-cnam']\n", 3, "no check 'mx-cnam'; the nearest one is 'mx-cname'"),
        ("[zone.'a']\nstrict = 'mx-cname'\n", 2, "not a list of strings"),
    ],
)
def test_file_errors_name_the_line(write, text, line, says):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load(["--config", path])
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--listen", "5300"], "--listen"),
        (["--listen", "[::1]"], "--listen"),
        (["--listen", "::1:53"], "--listen"),
        (["--listen", "127.0.0.1:70000"], "--listen"),
        (["--workers", "0"], "--workers"),
        (["--pull-interval", "soon"], "--pull-interval"),
        (["--canary", "next"], "--canary"),
        (["--primary", "http://127.0.0.1:1"], "--primary-name"),
        (["--primary", "ftp://x", "--primary-name", "a", "--key", "b"], "--primary"),
        (["--replicate-listen", "127.0.0.1:0"], "--keys"),
        (["--key", "k"], "--primary"),
        (["--bogus"], "--bogus"),
        (["--workers", "9" * 5000], "--workers"),
        (["--canary-salt", "\udcff"], "--canary-salt: '\\udcff' is not UTF-8"),
        (["--repo", ""], "--repo"),
        (["--config", "/nonexistent/zonegitd.toml"], "No such file"),
    ],
)
def test_flag_errors(argv, says):
    with pytest.raises(UsageError) as caught:
        load(argv)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("repo = \n", ":1: Invalid value (column "),
        ("dns = " + "[" * 20_000, "brackets"),
        ("[dns]\nworkers = " + "9" * 5000, "digits"),
    ],
)
def test_bad_toml_is_one_line(write, text, says):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load(["--config", path])
    message = str(caught.value)
    assert message.startswith(f"{path}:") and says in message and "\n" not in message


def test_the_file_is_utf_8_whatever_the_locale(tmp_path):
    path = tmp_path / "zonegitd.toml"
    path.write_bytes('[dns]\nnsid = "é"\n'.encode())
    code = "import sys; from zonegit.ops.flags import load; sys.exit(load(sys.argv[1:]).dns.nsid != '\\xe9')"
    command = [sys.executable, "-X", "utf8=0", "-c", code, "--config", str(path)]
    assert subprocess.run(command, env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}).returncode == 0
    path.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match="utf-8"):
        load(["--config", str(path)])


def test_a_path_may_be_of_any_bytes():
    assert load(["--repo", "\udcff"]).repo == Path("\udcff")


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("250ms", 0.25), ("1m", 60), (3, 3), ("1.5", 1.5)])
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["127.0.0.1:53", "[::1]:53", "0.0.0.0:0"])
def test_addresses_come_back(text):
    assert str(Address.parse(text)) == text
