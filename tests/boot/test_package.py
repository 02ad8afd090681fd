"""The package's life: installed, upgraded, removed, purged."""

from bootkit import answer, lost, main_pid, until


def test_upgrade_keeps_state_and_configuration_and_restarts_once(boot, install, package, older):
    machine = boot()
    install(machine, older)
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "zonegit") == "0.0.1"
    machine.shell("zonegit zone add example.org; zonegit set www A 300 192.0.2.1")
    changed = (machine.root / "etc/zonegit/zonegitd.toml").read_text() + "# mine\n"
    machine.write("/etc/zonegit/zonegitd.toml", changed)
    before = main_pid(machine)
    (machine.root / "srv" / package.name).write_bytes(package.read_bytes())
    sent, unanswered = lost(machine, f"DEBIAN_FRONTEND=noninteractive apt-get install -y /srv/{package.name}", 12)
    assert (sent, unanswered) == (4800, 0)
    assert main_pid(machine) not in (0, before)
    until(lambda: machine.journal().count("listening") >= 2, "both starts in the journal")
    assert machine.journal().count("listening") == 2
    assert (machine.root / "etc/zonegit/zonegitd.toml").read_text() == changed
    assert answer(machine) == "192.0.2.1"


def test_installing_twice_changes_nothing(boot, install, package):
    machine = boot()
    install(machine, package)
    machine.run("zonegit", "zone", "add", "example.org")
    machine.run("dpkg-reconfigure", "-f", "noninteractive", "zonegit")
    machine.run("dpkg", "--configure", "--pending")
    assert "example.org." in machine.run("zonegit", "zone", "list")


def test_remove_keeps_data_and_purge_says_where_it_stays(boot, install, package):
    machine = boot()
    install(machine, package)
    machine.shell("zonegit zone add example.org; zonegit key new k1 --keys /etc/zonegit/keys.d")
    machine.run("apt-get", "remove", "-y", "zonegit")
    assert (machine.root / "var/lib/zonegit/data.mdb").exists()
    assert (machine.root / "etc/zonegit/zonegitd.toml").exists()
    assert machine.ask("systemctl", "is-active", "zonegitd.socket").stdout.strip() == "inactive"
    purged = machine.ask("apt-get", "purge", "-y", "zonegit")
    assert purged.returncode == 0, purged.stderr
    assert "/var/lib/zonegit" in purged.stdout + purged.stderr
    assert (machine.root / "var/lib/zonegit/data.mdb").exists()
    assert (machine.root / "etc/zonegit/keys.d/k1.key").exists()
    assert not (machine.root / "etc/zonegit/zonegitd.toml").exists()
    assert not (machine.root / "usr/lib/zonegit").exists()
    install(machine, package)
    until(lambda: "example.org." in machine.run("zonegit", "zone", "list"), "the old zones")
