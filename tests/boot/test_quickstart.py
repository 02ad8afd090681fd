"""zonegit-quickstart(7), as it stands, on two machines with a wire between them."""

import re
import shutil

from bootkit import TOP, Machine, until

PAGE = TOP / "docs" / "man" / "zonegit-quickstart.7"
PRIMARY, SECONDARY = "192.0.2.1", "192.0.2.2"


def sections() -> list[list[str]]:
    """The commands of the page by block: the primary's, the secondary's, what is done from then on."""
    blocks = re.findall(r"^\.EX\n(.*?)^\.EE\n", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [block.replace("\\-", "-").replace("\\e", "\\").splitlines() for block in blocks]


def test_six_commands_make_a_primary_and_a_secondary(boot, install, package):
    primary, secondary = boot(), boot()
    primary.cable(PRIMARY, secondary, SECONDARY)
    for machine in (primary, secondary):
        install(machine, package)
    first, second, then = sections()
    assert len(first) + len(second) == 6
    for command in first:
        primary.shell(command)
    for command in second:
        if command.startswith("scp "):
            command = copied(command, primary, secondary)
        secondary.shell(command)
    shutil.copy(TOP / "examples" / "example.org.zone", primary.root / "root")
    for command in then[:-1]:
        primary.shell(f"cd; {command}")

    def answered() -> bool:
        return secondary.ask("sh", "-c", then[-1]).stdout.strip() == "192.0.2.80"

    until(answered, "the change at the secondary")
    assert "sync failed" not in secondary.journal()
    for machine in (primary, secondary):
        assert "is valid" in machine.run("zonegit", "config", "check")


def copied(command: str, source: Machine, target: Machine) -> str:
    """What scp does: a new file with the mode of the old one, of the user who asks."""
    _, what, where = command.split()
    path = what.removeprefix(f"{PRIMARY}:")
    shutil.copy(source.root / path.lstrip("/"), target.root / "srv")
    mode = source.run("stat", "-c", "%a", path).strip()
    return f"install -m {mode} /srv/{path.rpartition('/')[2]} {where}"
