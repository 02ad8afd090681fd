"""The part of `make demo` on review by others: what nobody else has approved of is not served."""

from primary import Primary
from tour import Tour

CONFIG = ".zonegit/zonegitd.toml"
ZONE = "zonegit --zone example.com"
BOB = "--author 'Bob <bob@example.org>'"


def walk(tour: Tour, primary: Primary) -> None:
    tour.step("A gate", "From here on, a commit to example.com is served once somebody else has approved of it.")
    if tour.has("ssh-keygen"):
        gate(tour, primary)
        review(tour, primary)


def gate(tour: Tour, primary: Primary) -> None:
    tour.run("zonegit zone add example.com", r"\+example\.com\.\s+3600\s+IN\s+SOA")
    tour.run("ssh-keygen -q -t ed25519 -N '' -C bob -f bob")
    tour.run('echo "bob@example.org $(cat bob.pub)" > allowed_approvers')
    tour.run("zonegit config user.signingkey bob")
    tour.write(
        CONFIG,
        '[zone."example.com.".publish]\napprovals = 1\nallowed_approvers = "allowed_approvers"',
        append=True,
    )
    tour.run(f"zonegit config check {CONFIG}", " is valid: ")
    primary.reload(tour)
    tour.soon(f"{ZONE} status", "^published main ")


def review(tour: Tour, primary: Primary) -> None:
    tour.step("Propose, review, approve", "A commit waits until another person approves of exactly this commit.")
    dig = f"{primary.dig} www.example.com A"
    ask = f"{dig} +short"
    tour.run(f"{ZONE} set www A 300 192.0.2.80 -m 'Open the shop'", "1 RRset changed")
    tour.soon(f"{ZONE} status", "held by approvals")
    tour.run(f"{dig} | grep status", "status: NXDOMAIN")
    tour.run(f"{ZONE} approve main", code=1)
    tour.run(f"{ZONE} approve main {BOB} -m 'Looks right'", r"approved by bob@example\.org")
    tour.soon(ask, r"^192\.0\.2\.80$")
    tour.run(f"{ZONE} set www A 300 192.0.2.81 -m 'Move the shop'", "1 RRset changed")
    tour.run(f"{ZONE} reject main {BOB} -m 'Not before Friday'", "rejected")
    tour.soon(f"{ZONE} status", "held by rejected")
    tour.run(ask, r"^192\.0\.2\.80$")
    tour.run(f"{ZONE} undo", r"^-www\.example\.com\..*\.81$")
