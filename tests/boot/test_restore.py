"""Backup and restore as docs/operations.md has them, with the service, its user and its sockets as installed."""

import sys

from bootkit import REPLICATION, TOP, answer, until

sys.path.insert(0, str(TOP / "tests" / "kits"))

from machinekit import sections


def blocks(section: str, machine: str) -> str:
    """What the page has for a machine, without TLS: these are on one host."""
    text = "\n".join(text for kind, name, text in sections()[section] if (kind, name) == ("sh", machine))
    return text.replace(" --ca /etc/zonegit/tls/ca.pem", "").replace("https://192.0.2.1", "http://127.0.0.1")


def test_a_backup_is_restored(boot, install, package) -> None:
    machine = boot()
    install(machine, package)
    machine.shell("zonegit zone add example.org; zonegit set www A 300 192.0.2.1")
    machine.write("/etc/zonegit/zonegitd.toml", REPLICATION)
    machine.shell("zonegit key new k2026a; systemctl restart zonegitd")
    machine.shell(blocks("Backup", "backup"))
    machine.shell("zonegit set www A 300 192.0.2.66")
    until(lambda: answer(machine) == "192.0.2.66", "the change that is lost again")

    stop, start = blocks("The boot process", "systemd").splitlines()
    machine.shell(stop)
    assert "192.0.2" not in answer(machine)
    assert machine.property("zonegitd", "ActiveState") == "inactive"
    machine.shell(blocks("Backup", "restore"))
    machine.shell(start)
    until(lambda: answer(machine) == "192.0.2.1", "the restored zone")
    assert machine.run("curl", "-sS", "http://127.0.0.1:9353/readyz").strip() == "ready"
    machine.shell("zonegit set www A 300 192.0.2.2")
    until(lambda: answer(machine) == "192.0.2.2", "a change to it")
    owners = machine.run("sh", "-c", "stat -c '%U:%G' /var/lib/zonegit/*.mdb").split()
    assert set(owners) == {"zonegit:zonegit"}
    machine.shell("systemctl kill -s USR1 --kill-who=main zonegitd")
    until(lambda: "state process=dns-" in machine.journal(), "the state")
