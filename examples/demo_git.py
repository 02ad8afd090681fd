"""The part of `make demo` on git's verbs, on a zone that is served."""

import re

from primary import Primary
from tour import Tour


def walk(tour: Tour, primary: Primary) -> None:
    """Afterwards main and staging differ in one record: api is 203.0.113.100 on main, 203.0.113.200 on staging."""
    look_back(tour)
    branch(tour, primary)
    promo = merge(tour, primary)
    conflict(tour, primary)
    revert(tour, primary, promo)
    reset(tour, primary)
    undo(tour, primary)
    plan(tour, primary)
    time_travel(tour, primary)


def look_back(tour: Tour) -> None:
    tour.step("Log, diff, blame", "What was changed, by whom, and when.")
    tour.run("zonegit log", "Move api to the new rack", r"^Serial: 2026112102$", "Ada <ada@example.org>")
    moved = (r"^-api\.example\.org\.", r"^\+api\.example\.org\..*203\.0\.113\.7$")
    tour.run("zonegit diff HEAD~1 HEAD", *moved)
    tour.run("zonegit diff --exit-code --stat HEAD~1 HEAD", code=3)
    tour.run("zonegit blame api A", r"2026112102 +Ada .*203\.0\.113\.7$")


def branch(tour: Tour, primary: Primary) -> None:
    tour.step("Branch", "Edits on a branch are not served.")
    tour.run("zonegit checkout -b staging", "branch staging")
    tour.run("zonegit set beta A 60 203.0.113.98", r"^\[example\.org\. staging ")
    tour.run(f"{primary.dig} beta.example.org A | grep status", "status: NXDOMAIN")
    tour.run("zonegit diff main staging", r"^\+beta\.example\.org\..*203\.0\.113\.98$")
    tour.run("zonegit checkout main", "branch main")


def merge(tour: Tour, primary: Primary) -> str:
    """Returns the serial of a commit that `revert` can take back."""
    tour.step("Merge", "main has moved meanwhile, so the two are merged, record by record.")
    answer = tour.run("zonegit set promo A 60 203.0.113.80 -m 'Announce the promotion'", r"serial \d+")
    tour.run("zonegit merge staging", r"^\+beta\.example\.org\..*203\.0\.113\.98$", unexpected=r"promo")
    tour.run(f"{primary.dig} +short beta.example.org A", r"^203\.0\.113\.98$")
    tour.run(f"{primary.dig} +short promo.example.org A", r"^203\.0\.113\.80$")
    tour.run("zonegit log --graph --oneline -4", "Merge branch 'staging'", "Announce the promotion")
    (serial,) = re.findall(r"serial (\d+)", answer)
    return str(serial)


def conflict(tour: Tour, primary: Primary) -> None:
    tour.step("Conflict", "Two people change one record. The merge stops, and what is served stays.")
    tour.run("zonegit set api A 60 203.0.113.99 --branch staging", r"example\.org\. staging")
    tour.run("zonegit set api A - 203.0.113.50 -m 'Renumber api' --author 'Bob <bob@example.org>'")
    tour.run(
        "zonegit merge staging",
        r"^conflict: api\.example\.org\. A$",
        r"^  base +60  203\.0\.113\.7$",
        r"^  ours +60  203\.0\.113\.50 +\(Bob, [-0-9]{10}: Renumber api\)$",
        r"^  theirs +60  203\.0\.113\.99 +\(Ada, ",
        code=4,
    )
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.50$")
    tour.run("zonegit status", "^stopped: merge of staging on main", r"^  conflict: api\.example\.org\. A$")
    tour.run("zonegit merge --resolve api A theirs", "nothing is left to resolve")
    tour.run("zonegit merge --continue", r"^\+api\..*203\.0\.113\.99$")
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.99$")
    tour.run("zonegit blame api A", r"Ada .*203\.0\.113\.99$")


def revert(tour: Tour, primary: Primary, serial: str) -> None:
    tour.step("Revert", "One commit is taken back. It is not the last one, and later changes stay.")
    tour.run(f"zonegit revert serial={serial}", r"^-promo\.example\.org\.", unexpected="api|beta")
    tour.run(f"{primary.dig} promo.example.org A | grep status", "status: NXDOMAIN")
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.99$")


def reset(tour: Tour, primary: Primary) -> None:
    tour.step("Reset", "A bad change at three in the morning: back to the version before, under a higher serial.")
    tour.run("zonegit delete api -m 'Clean up'", r"^-api\.example\.org\.")
    tour.run(f"{primary.dig} api.example.org A | grep status", "status: NXDOMAIN")
    before = primary.serial(tour)
    tour.run("zonegit reset --hard HEAD~1", r"^\+api\..*203\.0\.113\.99$", "^to undo: zonegit reset --hard ")
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.99$")
    primary.rose(tour, before)
    tour.run("zonegit reflog -3", r"main@\{0\} .* reset: moving to", r"main@\{1\} .* commit: Clean up$")


def undo(tour: Tour, primary: Primary) -> None:
    tour.step("Undo", "Whatever the last operation was, `undo` undoes it, and `redo` the undo.")
    tour.run("zonegit set live TXT 60 'on the air'", r'^\+live\.example\.org\..*TXT\s+"on the air"$')
    tour.run("zonegit undo", r"^-live\.example\.org\..*TXT", r"^undone: commit: set live TXT \(Ada, ")
    tour.run(f"{primary.dig} live.example.org TXT | grep status", "status: NXDOMAIN")
    tour.run("zonegit redo", r"^\+live\.example\.org\..*TXT")
    tour.run(f"{primary.dig} +short live.example.org TXT", "on the air")


def plan(tour: Tour, primary: Primary) -> None:
    tour.step("Plan and apply", "An edited zone file becomes a plan. Exactly that is applied, and only once.")
    tour.run("zonegit export > wanted.zone")
    tour.run("sed -i 's/203.0.113.99$/203.0.113.100/' wanted.zone")
    moved = (r"^-api\..*203\.0\.113\.99$", r"^\+api\..*203\.0\.113\.100$", " 1 RRset ")
    tour.run("zonegit plan wanted.zone -o api.plan -m 'Move api again'", *moved, "planned in api.plan")
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.99$")
    tour.run("zonegit apply api.plan", *moved)
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.100$")
    tour.run("zonegit apply api.plan", r"was already applied to example\.org\. main", code=4)


def time_travel(tour: Tour, primary: Primary) -> None:
    tour.step("Time travel", "Any version can be queried, or served by a second daemon beside the first.")
    tour.run("zonegit show api A serial=2026112101", r"192\.0\.2\.81$", unexpected=r"203\.0\.113")
    tour.run("zonegit query api A @serial=2026112101", r"192\.0\.2\.81$", "^;; VERSION: .* serial 2026112101$")
    (port,) = tour.free_ports(1)
    pinned = tour.start("pinned", f"zonegitd --listen 127.0.0.1:{port} --zone example.org --at serial=2026112101")
    old, new = f"dig @127.0.0.1 -p {port} +short", f"{primary.dig} +short"
    tour.run(f"{old} example.org SOA", " 2026112101 ")
    tour.run(f"{old} api.example.org A", r"^192\.0\.2\.81$", unexpected=r"203\.0\.113")
    tour.run(f"{new} api.example.org A", r"^203\.0\.113\.100$")
    tour.stop(pinned)
