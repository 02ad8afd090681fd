"""The installed service under a real systemd: it starts, answers, survives, turns its keys, and stays confined."""

import re

import pytest
from bootkit import REPLICATION, Machine, answer, lost, main_pid, until

from slicekit import slices
from zonegit.ops.time_slice import SHORTEST

SECONDARY = """\
repo = "/var/lib/zonegit-secondary"
keys = "/etc/zonegit-secondary/keys.d"

[dns]
listen = "127.0.0.1:5353"

[primary]
url = "http://127.0.0.1:9354"
name = "primary-1"
"""


def children(machine: Machine) -> list[int]:
    return [int(pid) for pid in machine.run("pgrep", "-P", str(main_pid(machine))).split()]


def test_it_answers_as_soon_as_it_is_installed(machine):
    assert machine.property("zonegitd", "ActiveState") == "active"
    assert answer(machine) == "192.0.2.1"
    assert "www.example.org" in machine.run("dig", "+tcp", "@::1", "www.example.org")
    assert machine.run("curl", "-sS", "http://127.0.0.1:9353/readyz").strip() == "ready"
    until(lambda: machine.property("zonegitd", "StatusText").startswith("1 zone"), "the status")


def test_a_start_takes_little(machine):
    machine.run("systemctl", "stop", "zonegitd.service")
    machine.run("systemctl", "start", "zonegitd.service")
    began = int(machine.property("zonegitd", "InactiveExitTimestampMonotonic"))
    ready = int(machine.property("zonegitd", "ActiveEnterTimestampMonotonic"))
    print(f"start to ready: {(ready - began) / 1000:.0f} ms")
    assert ready - began < 20_000_000


def test_it_runs_as_nobody_else_without_capabilities(machine):
    status = machine.run("cat", f"/proc/{main_pid(machine)}/status")
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert machine.run("stat", "-c", "%U", f"/proc/{main_pid(machine)}").strip() == "zonegit"
    exposure = machine.run("systemd-analyze", "security", "--no-pager", "zonegitd").splitlines()[-1]
    assert float(exposure.split(":")[1].split()[0]) <= 1.2, exposure


def test_dns_has_short_time_slices(machine):
    machine.run("kill", "-USR1", str(main_pid(machine)))

    def pids() -> list[str]:
        return re.findall(r"state process=dns-\d+ pid=(\d+)", machine.journal())

    until(pids, "the state of its processes")
    for pid in pids():
        assert slices(machine.shell(f"cat /proc/{pid}/task/*/sched")) == {SHORTEST}


def test_members_of_the_group_commit_and_others_do_not(machine):
    machine.shell("id alice 2>/dev/null || useradd -m -G zonegit alice; id bob 2>/dev/null || useradd -m bob")
    machine.run("runuser", "-u", "alice", "--", "sh", "-c", "cd; zonegit set mail A 300 192.0.2.25")
    machine.run("sh", "-c", "cd; zonegit set other A 300 192.0.2.26")
    refused = machine.ask("runuser", "-u", "bob", "--", "sh", "-c", "cd; zonegit status")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    owners = machine.run("sh", "-c", "stat -c '%U:%G %a' /var/lib/zonegit/*.mdb").split("\n")
    assert set(filter(None, owners)) == {"zonegit:zonegit 660"}
    assert machine.run("stat", "-c", "%U:%G %a", "/var/lib/zonegit-keys") == "zonegit:zonegit 700\n"


@pytest.mark.parametrize(
    "act",
    [
        "systemctl restart zonegitd.service",
        "kill -9 $(systemctl show --value -p MainPID zonegitd)",
        "pkill -9 -f 'spawn_main' -P $(systemctl show --value -p MainPID zonegitd)",
        "systemctl reload zonegitd.service",
    ],
)
def test_no_query_is_lost(machine, act):
    before = main_pid(machine)
    sent, unanswered = lost(machine, act)
    assert sent == 2000
    assert unanswered == 0
    until(lambda: machine.property("zonegitd", "ActiveState") == "active", "the service")
    assert (main_pid(machine) == before) == ("reload" in act or "pkill" in act)


def test_the_watchdog_ends_what_no_longer_answers(machine):
    machine.write("/etc/systemd/system/zonegitd.service.d/fast.conf", "[Service]\nWatchdogSec=3s\n")
    machine.shell("systemctl daemon-reload; systemctl restart zonegitd.service")
    before = main_pid(machine)
    for pid in children(machine):
        machine.run("kill", "-STOP", str(pid))
    until(lambda: main_pid(machine) not in (0, before), "another main process")
    until(lambda: answer(machine) == "192.0.2.1", "an answer")
    until(lambda: "watchdog" in machine.journal().lower(), "the reason in the journal")
    machine.shell("rm /etc/systemd/system/zonegitd.service.d/fast.conf; systemctl daemon-reload")
    machine.run("systemctl", "restart", "zonegitd.service")


def test_a_broken_configuration_is_not_taken(machine):
    good = (machine.root / "etc/zonegit/zonegitd.toml").read_text()
    before = main_pid(machine)
    machine.write("/etc/zonegit/zonegitd.toml", good.replace("[dns]\n", "[dns]\nworkerz = 2\n"))
    machine.ask("systemctl", "reload", "zonegitd.service")
    until(lambda: "reload refused" in machine.journal(), "the refusal")
    assert "'workerz'" in machine.journal()
    assert answer(machine) == "192.0.2.1"
    machine.write("/etc/zonegit/zonegitd.toml", good)
    machine.run("systemctl", "reload", "zonegitd.service")
    assert main_pid(machine) == before


def test_a_secondary_follows_and_keys_turn_without_a_restart(machine):
    machine.write("/etc/zonegit/zonegitd.toml", REPLICATION)
    machine.shell("zonegit key new k2026a --keys /etc/zonegit/keys.d; systemctl restart zonegitd.service")
    unit = machine.run("systemctl", "cat", "zonegitd.service").replace("/etc/zonegit/", "/etc/zonegit-secondary/")
    unit = unit.replace("StateDirectory=zonegit\n", "StateDirectory=zonegit-secondary\n")
    unit = "\n".join(line for line in unit.splitlines() if "zonegitd.socket" not in line)
    machine.write("/etc/systemd/system/zonegitd-secondary.service", unit)
    machine.write("/etc/zonegit-secondary/zonegitd.toml", SECONDARY)
    machine.shell("cp -a /etc/zonegit/keys.d /etc/zonegit-secondary/; systemctl daemon-reload")
    machine.run("systemctl", "start", "zonegitd-secondary.service")
    until(lambda: answer(machine, 5353) == "192.0.2.1", "the zone at the secondary")
    started = main_pid(machine), main_pid(machine, "zonegitd-secondary")

    machine.shell(
        "zonegit key new k2026b --keys /etc/zonegit/keys.d; systemctl reload zonegitd\n"
        "cp -a /etc/zonegit/keys.d/k2026b.key /etc/zonegit-secondary/keys.d/\n"
        "zonegit key promote k2026b --keys /etc/zonegit-secondary/keys.d; systemctl reload zonegitd-secondary"
    )
    page = "http://127.0.0.1:9353/metrics"
    used = 'zonegit_auth_key_last_used_timestamp_seconds{key_id="k2026b"}'
    until(lambda: used in machine.run("curl", "-sS", page), "the new key in use")
    machine.shell(
        "zonegit key promote k2026b --keys /etc/zonegit/keys.d\n"
        "zonegit key retire k2026a --keys /etc/zonegit/keys.d; systemctl reload zonegitd\n"
        "zonegit key retire k2026a --keys /etc/zonegit-secondary/keys.d; systemctl reload zonegitd-secondary\n"
        "zonegit set www A 300 192.0.2.99"
    )
    until(lambda: answer(machine, 5353) == "192.0.2.99", "the change at the secondary")
    assert (main_pid(machine), main_pid(machine, "zonegitd-secondary")) == started
    assert "sync failed" not in machine.journal("zonegitd-secondary")
    assert "secret" not in machine.journal() + machine.journal("zonegitd-secondary")
    machine.shell("zonegit set www A 300 192.0.2.1; systemctl stop zonegitd-secondary.service")


def test_a_first_key_may_be_a_credential(machine):
    machine.write("/etc/zonegit/zonegitd.toml", REPLICATION)
    machine.shell(
        "zonegit key new first --keys /srv/made; install -D -m 600 /srv/made/first.key /etc/credstore/first.key\n"
        "systemctl restart zonegitd.service"
    )
    machine.run(
        "zonegit", "clone", "http://127.0.0.1:9354", "/srv/clone", "--name", "primary-1", "--keys", "/srv/made"
    )
    assert "example.org." in machine.run("zonegit", "--repo", "/srv/clone", "zone", "list")
    machine.shell("rm /etc/credstore/first.key; systemctl restart zonegitd.service")
    assert machine.property("zonegitd", "ActiveState") == "active"


def test_a_full_disk_stops_commits_and_not_answers(machine):
    machine.shell(
        "systemctl stop zonegitd.service; cp -a /var/lib/zonegit /srv/saved\n"
        "mount -t tmpfs -o size=256k,mode=2770,uid=$(id -u zonegit),gid=$(id -g zonegit) full /var/lib/zonegit\n"
        "cp -a /srv/saved/. /var/lib/zonegit/; systemctl start zonegitd.service"
    )
    lines = "".join(f"h{at} 300 IN A 10.1.{at >> 8}.{at & 255}\n" for at in range(20_000))
    machine.write("/srv/large.zone", machine.run("zonegit", "export") + lines)
    refused = machine.ask("zonegit", "import", "/srv/large.zone", "--replace")
    assert refused.returncode == 1
    assert refused.stderr.startswith("zonegit: ")
    assert refused.stderr.count("\n") == 1
    assert answer(machine) == "192.0.2.1"
    machine.run("zonegit", "set", "full", "TXT", "300", "room")
    assert machine.run("zonegit", "fsck").count("problem") == 0
    machine.shell("systemctl stop zonegitd.service; umount /var/lib/zonegit; systemctl start zonegitd.service")
    assert answer(machine) == "192.0.2.1"


def test_the_weekly_check_runs_confined(machine):
    machine.run("systemctl", "start", "zonegit-fsck.service")
    assert machine.property("zonegit-fsck.service", "Result") == "success"
    assert machine.property("zonegit-fsck.timer", "ActiveState") == "active"
