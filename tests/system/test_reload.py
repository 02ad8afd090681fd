"""SIGHUP: all of a good configuration is taken over, none of one with a mistake; the daemon goes on either way."""

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from daemonkit import PATIENCE, Daemon, ask, ask_tcp, query, rcode, until
from zonegit.model.rdata import A
from zonegit.repo import Repository

WWW = "www.example.org"


def reload_is_refused(daemon: Daemon) -> str:
    """The line that says so."""

    def refusals() -> list[str]:
        return [line for line in daemon.log if "reload refused" in line]

    before = len(refusals())
    daemon.signal(signal.SIGHUP)
    until(lambda: len(refusals()) > before, "a refusal")
    return refusals()[-1]


def test_a_good_configuration_is_taken_and_the_old_one_kept_for_a_bad_one(
    repo: Path, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    with Repository.open(repo) as repository:
        repository.create_branch("next")
        repository.set("www", A, 60, [bytes([10, 0, 0, 1])], branch="next")
    config = tmp_path / "zonegitd.toml"
    config.write_text("")
    daemon = start(repo, "--config", config, "--workers", "2")
    port = daemon.port()
    assert ask(port, WWW)[-4:-1] == bytes([192, 0, 2])
    config.write_text('[zone."example.org"]\nbranch = "next"\n')
    daemon.reload("dns-0", "dns-1")
    for _ in range(8):  # each from another port, so that both workers answer
        assert ask(port, WWW)[-4:] == bytes([10, 0, 0, 1])
        assert ask_tcp(port, query(WWW))[0][-4:] == bytes([10, 0, 0, 1])
    for bad, says in (
        ('[zone."example.org"]\nbrunch = "main"\n', "zonegitd.toml:2: unknown key 'brunch'"),
        ('repo = "/elsewhere"\n[dns]\nworkers = 3\n[zone."example.org"]\nat = "nosuch"\n', "'nosuch'"),
        (
            "[zone.'example.org']\nroutes = [{ when = 'time.hour > 24', branch = 'next' }]\n",
            "zonegitd.toml:2: routes: route 1: column 13: '24' is not a number from 0 to 23",
        ),
        ("[dns]\nudp_size = 600\n", "[dns] can't change while zonegitd runs: restart it"),
        ("dns = " + "[" * 20_000, "brackets"),
        ('keys = "a\\u0000b"\n', "NUL"),
    ):
        config.write_text(bad)
        assert says in reload_is_refused(daemon)
        assert ask(port, WWW)[-4:] == bytes([10, 0, 0, 1])
    assert daemon.child("dns-0") and daemon.child("dns-1")
    assert not daemon.has("process ended process=dns")


def test_processes_come_and_go_with_what_they_are_for(
    repo: Path, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    config = tmp_path / "zonegitd.toml"
    config.write_text("")
    daemon = start(repo, "--config", config)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE)
        config.write_text(f'[dns]\nalso_notify = ["127.0.0.1:{server.getsockname()[1]}"]\n')
        daemon.signal(signal.SIGHUP)
        assert server.recv(512)[2] >> 3 & 15 == 4, "a NOTIFY"
        notifier = Path(f"/proc/{daemon.child('notifier')}")
        assert notifier.exists()
        config.write_text("")
        daemon.signal(signal.SIGHUP)
        until(lambda: not notifier.exists(), "the end of the process")
        assert rcode(ask(daemon.port(), WWW)) == 0
        assert daemon.child("dns-0")
        assert not daemon.has("process ended")


def test_one_that_fails_unexpectedly_is_refused_too(repo: Path, tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text(
        "import sys\n"
        "from zonegit.daemon import supervisor\n"
        "from zonegit.daemon.main import main\n"
        "if __name__ == '__main__':\n"
        "    prepares = iter([supervisor.prepare])\n"
        "    supervisor.prepare = lambda *given, **more: next(prepares)(*given, **more)\n"
        "    sys.exit(main(sys.argv[4:]))\n"
    )
    daemon = Daemon("--repo", repo, "--listen", "127.0.0.1:0", through=[sys.executable, str(script)])
    try:
        daemon.logged("]: listening ")
        assert "StopIteration:  at failing.py:6" in reload_is_refused(daemon)
        assert rcode(ask(daemon.port(), WWW)) == 0
    finally:
        assert daemon.stop() == 0
