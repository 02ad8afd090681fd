"""The part of `make demo` on git's verbs: merge, conflict, revert, undo, plan and apply, on a served zone."""

from tour import Tour

ZONEGIT = "zonegit --repo p"


def walk(tour: Tour, primary: str, secondary: str) -> None:
    """`primary` and `secondary` are commands that query them; the zone's branches are main and staging."""
    merge(tour, primary)
    take_back(tour, primary, secondary)
    plan(tour, primary)
    tour.soon(f"{secondary} api.example.org A", r"^203\.0\.113\.100$")
    tour.run(f"{ZONEGIT} fsck", " 0 problems")


def merge(tour: Tour, ask: str) -> None:
    tour.step("two people change one record: the merge stops at the conflict, and nothing moves")
    tour.run(f"{ZONEGIT} set api A - 203.0.113.50 -m 'Renumber api' --author 'Bob <bob@example.org>'")
    tour.run(f"{ZONEGIT} set beta A 60 203.0.113.98 --branch staging", r"example\.org\. staging")
    tour.run(f"{ZONEGIT} diff main...staging", r"^\+api\..*203\.0\.113\.99$", r"^\+beta\.", unexpected=r"113\.50$")
    tour.run(
        f"{ZONEGIT} merge staging",
        r"^conflict: api\.example\.org\. A$",
        r"^  base +60  203\.0\.113\.7$",
        r"^  ours +60  203\.0\.113\.50 +\(Bob, [-0-9]{10}: Renumber api\)$",
        r"^  theirs +60  203\.0\.113\.99 +\(Ada, ",
        code=4,
    )
    tour.run(f"{ask} api.example.org A", r"^203\.0\.113\.50$")
    tour.run(f"{ZONEGIT} status", "^stopped: merge of staging on main", r"^  conflict: api\.example\.org\. A$")
    tour.step("resolve it, and go on")
    tour.run(f"{ZONEGIT} merge --resolve api A theirs", "nothing is left to resolve")
    tour.run(f"{ZONEGIT} merge --continue", r"^\+api\..*203\.0\.113\.99$", r"^\+beta\..*203\.0\.113\.98$")
    tour.run(f"{ask} api.example.org A", r"^203\.0\.113\.99$")
    tour.run(f"{ask} beta.example.org A", r"^203\.0\.113\.98$")
    tour.run(f"{ZONEGIT} log --graph --oneline -3", "Merge branch 'staging'", "Renumber api")
    tour.run(f"{ZONEGIT} blame api A", r"Ada .*203\.0\.113\.99$")


def take_back(tour: Tour, ask: str, ask_secondary: str) -> None:
    tour.step("revert a commit that is not the last one")
    tour.run(f"{ZONEGIT} revert serial=2026112105", r"^-live\.example\.org\..*TXT", unexpected="api")
    tour.run(f"{ask} live.example.org TXT", unexpected="seen at once")
    tour.run(f"{ask} api.example.org A", r"^203\.0\.113\.99$")
    tour.step("undo, whatever the last operation was; every secondary follows")
    tour.run(f"{ZONEGIT} undo", r"^\+live\.example\.org\..*TXT", r"^undone: revert: .*\(Ada, ")
    tour.run(f"{ask} live.example.org TXT", "seen at once")
    tour.soon(f"{ask_secondary} live.example.org TXT", "seen at once")
    tour.run(f"{ZONEGIT} redo --dry-run", "nothing written", "^would be redone: revert: ")


def plan(tour: Tour, ask: str) -> None:
    tour.step("plan a change from a zone file, then apply exactly that")
    tour.run(f"{ZONEGIT} export > wanted.zone")
    tour.run("sed -i 's/203.0.113.99$/203.0.113.100/' wanted.zone")
    moved = (r"^-api\..*203\.0\.113\.99$", r"^\+api\..*203\.0\.113\.100$", " 1 RRset ")
    tour.run(f"{ZONEGIT} plan wanted.zone -o api.plan -m 'Move api again'", *moved, "planned in api.plan")
    tour.run(f"{ask} api.example.org A", r"^203\.0\.113\.99$")
    tour.run(f"{ZONEGIT} apply api.plan", *moved)
    tour.run(f"{ask} api.example.org A", r"^203\.0\.113\.100$")
    tour.run(f"{ZONEGIT} log -1", "    Move api again$", "^ +Plan: [0-9a-f]+$")
    tour.run(f"{ZONEGIT} apply api.plan", r"was already applied to example\.org\. main", code=4)
