"""The other half of docs/operations.md, run as it stands: first run, backup and restore, and each disaster."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from daemonkit import Daemon, ask, rcode, serial_of, until
from machinekit import Block, Machines, sections
from zonegit.model.ids import Kind
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

NAMES: Final = ("primary", "secondary", "other")
SERVES: Final = """
repo = "/var/lib/zonegit"
keys = "/etc/zonegit/keys.d"

[replication]
listen = "192.0.2.1:9354"
name = "primary-1"
access_log = true
"""
MIRRORS: Final = """
repo = "/var/lib/zonegit"
keys = "/etc/zonegit/keys.d"

[primary]
url = "http://192.0.2.1:9354"
name = "primary-1"
"""
SYSTEMD: Final = "systemd"
"""Blocks of this machine need a real systemd: `make test-boot` starts and stops the service and its sockets."""

Start = Callable[..., Daemon]


def block(page: dict[str, list[Block]], section: str, machine: str, kind: str = "sh") -> str:
    """The text of the only block, or of all in a row, that a section has for a machine."""
    found = [text for language, name, text in page[section] if (language, name) == (kind, machine)]
    assert found, (section, machine)
    return "\n".join(found)


def plain(text: str) -> str:
    """A command without TLS, which these machines do without on loopback; the page's first test has it."""
    return text.replace(" --ca /etc/zonegit/tls/ca.pem", "").replace("https://", "http://")


@pytest.fixture
def page() -> dict[str, list[Block]]:
    return sections()


@pytest.fixture
def machines(tmp_path: Path, repo: Path) -> Machines:
    """Three machines with one key; the primary has a zone."""
    found = Machines(tmp_path / "machines", NAMES)
    repo.rename(found.top / "primary" / "repo")
    _, machine, text = sections()["The first key"][0]
    found.sh(machine, text)
    key = found.top / "other" / "keys.d" / "k2026a.key"
    key.write_bytes((found.top / "primary" / "keys.d" / "k2026a.key").read_bytes())
    key.chmod(0o600)
    return found


def change(machines: Machines, machine: str, last: int) -> None:
    with Repository.open(machines.top / machine / "repo") as repository:
        repository.set("www", 1, 60, [bytes((192, 0, 2, last))], zone="example.org")


def shows(daemon: Daemon, last: int) -> None:
    wanted = bytes((192, 0, 2, last))
    until(lambda: wanted in ask(daemon.port(), "www.example.org", tries=3), f"the address {last}")


def test_first_run_and_a_bad_change(machines, page, start) -> None:
    primary = machines.run("primary", SERVES, start)
    found = machines.sh("primary", block(page, "First run", "primary"))
    assert "is valid" in found
    primary.logged("]: reloaded")
    answer = ask(primary.port(), "www.example.com")
    assert rcode(answer) == 0
    assert bytes((192, 0, 2, 80)) in answer
    machines.sh("primary", block(page, "Backup", "copy"))
    assert "SOA" in machines.sh("primary", block(page, "Backup", "primary") + "cat example.com.zone")
    machines.sh("primary", "zonegit zone switch example.org")
    change(machines, "primary", 10)
    change(machines, "primary", 66)
    shows(primary, 66)
    machines.sh("primary", block(page, "Disasters", "bad"))
    shows(primary, 10)
    assert "to undo: zonegit zone restore example.com." in machines.sh(
        "primary", block(page, "Disasters", "removed").replace("\n", " 2>&1\n", 1)
    )
    answer = ask(primary.port(), "www.example.com")
    assert rcode(answer) == 0
    assert bytes((192, 0, 2, 80)) in answer


def test_zones_move_here_from_another_server(machines, page, start, needs_program) -> None:
    needs_program("dig")
    old = machines.run("primary", SERVES, start)
    change(machines, "primary", 10)
    bare = "@ 300 IN SOA ns1 hostmaster 7 7200 900 1209600 300\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"
    (machines.top / "db.example.com").write_text(bare)
    text = block(page, "Moving from another server", "move")
    text = text.replace("/etc/bind", str(machines.top)).replace("@192.0.2.53", f"@127.0.0.1 -p {old.port()}")
    machines.sh("other", "zonegit init")
    machines.sh("other", text)
    with Repository.open(machines.top / "other" / "repo") as here:
        serials = {zone.zone: zone.serial for zone in here.zones()}
    assert serials == {"example.com.": 7, "example.org.": serial_of(old.port(), "example.org")}
    assert machines.sh("other", f"{text.splitlines()[1]} 2>&1").endswith("nothing to change\n")
    moved = block(page, "Moving from another server", "moved").replace("/etc/bind", str(machines.top))
    set_by_hand, replacing = moved.splitlines()
    machines.sh("other", set_by_hand)
    again = machines.sh("other", f"{replacing.replace('--replace --yes', '')} 2>&1")
    assert "nothing to change\nmerged the file's changes since serial 7" in again
    assert "to undo: zonegit --zone example.com reset --hard" in machines.sh("other", f"{replacing} 2>&1")
    change(machines, "primary", 11)
    machines.sh("other", text)
    assert "192.0.2.11" in machines.sh("other", "zonegit --zone example.org show www A")


def test_a_stolen_key_is_of_no_use(machines, page, start) -> None:
    primary = machines.run("primary", SERVES, start)
    secondary = machines.run("secondary", MIRRORS, start)
    change(machines, "primary", 10)
    shows(secondary, 10)
    primary.reload("http", by=lambda: machines.sh("primary", block(page, "Disasters", "stolen")))
    change(machines, "primary", 11)
    secondary.logged("result=unauthorized")
    shows(secondary, 10)
    machines.sh("primary", "scp /etc/zonegit/keys.d/k2026x.key secondary:/etc/zonegit/keys.d/")
    secondary.reload("puller")
    shows(secondary, 11)


def test_damaged_objects_are_mended_from_a_peer(machines, page, start) -> None:
    machines.run("primary", SERVES, start)
    secondary = machines.run("secondary", MIRRORS, start)
    change(machines, "primary", 10)
    shows(secondary, 10)
    secondary.stop()
    damage(machines.top / "secondary" / "repo")
    assert machines.sh("secondary", "zonegit fsck >&2 || echo $?") == "6\n"
    machines.sh("secondary", plain(block(page, "Disasters", "damaged")))
    machines.sh("secondary", "zonegit fsck")


def damage(path: Path) -> None:
    """Flip one bit in the newest tree node, wherever the file holds it."""
    store = LmdbStore.open(path, readonly=True)
    with store.read() as reader:
        data = reader.get(list(reader.object_ids(Kind.NODE))[-1])
    store.close()
    content = bytearray((path / "data.mdb").read_bytes())
    at = content.find(data)
    assert at >= 0
    while at >= 0:
        content[at + len(data) // 2] ^= 4
        at = content.find(data, at + 1)
    (path / "data.mdb").write_bytes(content)


def test_a_lost_primary_is_replaced_and_later_restored(machines, page, start) -> None:
    primary = machines.run("primary", SERVES, start)
    secondary = machines.run("secondary", MIRRORS, start)
    other = machines.run("other", MIRRORS, start)
    change(machines, "primary", 10)
    machines.sh("primary", plain(block(page, "Backup", "backup")))
    change(machines, "primary", 11)
    shows(secondary, 11)
    shows(other, 11)
    primary.stop()

    def promote() -> None:
        secondary.stop()
        machines.run("secondary", block(page, "Disasters", "promoted", "toml"), start)

    assert "example.org." in machines.sh("secondary", block(page, "Disasters", "promoted"), promote)
    change(machines, "secondary", 12)
    machines.config("other", MIRRORS.replace("192.0.2.1", "192.0.2.2"))
    machines.sh("other", block(page, "Disasters", "other"))
    shows(other, 12)

    machines.sh("primary", block(page, "Backup", "restore"))
    restored = machines.run("primary", SERVES, start)
    shows(restored, 10)
    machines.config("other", MIRRORS)
    other.reload("puller")
    until(lambda: other.has("an older state") or other.has("another repository"), "the refusal")
    machines.sh("other", block(page, "Backup", "secondary"))
    other.reload("puller")
    shows(other, 10)
    change(machines, "primary", 13)
    shows(other, 13)
    restored.stop()
    assert "Import" in machines.sh("primary", block(page, "Disasters", "returned"))
    returned = machines.run("primary", MIRRORS.replace("192.0.2.1", "192.0.2.2"), start)
    shows(returned, 12)


def test_a_zone_of_its_own_is_given_up(machines, page, start) -> None:
    machines.run("primary", SERVES, start)
    machines.sh("primary", block(page, "First run", "primary"))
    machines.sh("secondary", "zonegit init example.com")
    machines.sh("secondary", "zonegit set www A 300 192.0.2.66")
    secondary = machines.run("secondary", MIRRORS, start)
    secondary.logged("not following zones")
    found = machines.sh("secondary", block(page, "When an alert fires", "refused"))
    assert "192.0.2.80" in found
    until(lambda: bytes((192, 0, 2, 80)) in ask(secondary.port(), "www.example.com", tries=3), "the primary's")


def test_two_nodes_write_and_what_contradicts_is_merged_by_somebody(machines, page, start) -> None:
    text = "\n".join(
        line
        for line in plain(block(page, "Nodes that all write", "ams", "toml")).splitlines()
        if not line.startswith(("ca =", "tls_"))
    )
    turned = {"192.0.2.1:": "192.0.2.2:", "192.0.2.2:": "192.0.2.1:", '"ams"': '"fra"', '"fra"': '"ams"'}
    other = re.sub("|".join(map(re.escape, turned)), lambda found: turned[found[0]], text)
    machines.sh("primary", "zonegit zone add example.com")
    ams = machines.run("primary", text, start)
    fra = machines.run("secondary", other, start)
    until(lambda: rcode(ask(fra.port(), "example.com", 6)) == 0, "the zone at the other node")

    def diverge(here: str, there: str) -> Daemon:
        fra.stop()
        before = alarms(ams)
        for machine, name in (("primary", here), ("secondary", there)):
            machines.sh(machine, f"zonegit --zone example.com set www CNAME 300 {name}.example.net.")
        again = machines.run("secondary", other, start)
        until(lambda: alarms(ams) > before, "the alarm")
        until(lambda: "has diverged" in machines.sh("secondary", "zonegit status 2>&1"), "the note of it")
        return again

    fra = diverge("here", "there")
    found = machines.sh("secondary", block(page, "When an alert fires", "diverged"))
    assert "there.example.net." in found
    until(lambda: b"\5there" in ask(ams.port(), "www.example.com", 5, tries=3), "the merge")
    fra = diverge("ours", "theirs")
    found = machines.sh("secondary", "zonegit status 2>&1")
    assert "1 RRset conflicts: www.example.com. CNAME" in found
    machines.sh("secondary", block(page, "When an alert fires", "givenup"))
    tip = "zonegit --zone example.com log -1 --json"
    until(lambda: machines.sh("primary", tip) == machines.sh("secondary", tip), "history only grows")
    assert "ours.example.net." in machines.sh("secondary", "zonegit --zone example.com show www CNAME")
    until(lambda: "diverged" not in machines.sh("primary", "zonegit status 2>&1"), "the end of it")


def test_what_a_policy_holds_is_taken_back(machines, page, start) -> None:
    daemon = machines.run("primary", f'{SERVES}\n[zone."example.org.".publish]\nmax_deletes = 0\n', start)
    until(lambda: "published main" in machines.sh("primary", "zonegit status"), "the first version")
    machines.sh("primary", "zonegit delete www")
    daemon.logged("reason=max-deletes")
    found = machines.sh(
        "primary", block(page, "When an alert fires", "held").replace(" status\n", " status 2>&1\n")
    )
    assert "is held by max-deletes: 2 records would be deleted" in found
    until(lambda: "held" not in machines.sh("primary", "zonegit status 2>&1"), "the end of it")
    assert bytes((192, 0, 2, 10)) in ask(daemon.port(), "www.example.org")


def alarms(daemon: Daemon) -> int:
    return daemon.count("a branch has diverged")


def test_every_block_is_run_here_or_there(page) -> None:
    run = {
        "primary",
        "secondary",
        "backup",
        "copy",
        "bad",
        "removed",
        "refused",
        "diverged",
        "givenup",
        "held",
        "ams",
        "stolen",
        "damaged",
        "promoted",
        "other",
        "restore",
        "returned",
        "move",
        "moved",
        "zones",
    }
    assert {machine for blocks in page.values() for _, machine, _ in blocks} == run | {SYSTEMD}
