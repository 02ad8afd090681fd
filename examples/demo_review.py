"""The part of `make demo` on review by others: what nobody else has approved of is not served."""

from primary import Primary
from tour import Tour

CONFIG = ".zonegit/zonegitd.toml"
POLICY = """
[zone."example.com.".publish]
approvals = 1
allowed_approvers = "allowed_approvers"
"""
BOB = "--author 'Bob <bob@example.org>'"


def walk(tour: Tour, primary: Primary) -> None:
    tour.step("A gate", "A policy: a commit to example.com is served once somebody else has approved of it.")
    tour.run("zonegit zone add example.com", r"\+example\.com\.\s+3600\s+IN\s+SOA")
    tour.run("zonegit zone switch example.com")
    gate(tour, primary)
    propose(tour, primary)
    reject(tour, primary)
    tour.run("zonegit zone switch example.org")


def gate(tour: Tour, primary: Primary) -> None:
    tour.run(f"zonegit keygen bob {BOB} > allowed_approvers", r"^wrote bob and bob\.pub")
    tour.run("cat allowed_approvers", r"^bob@example\.org .*ssh-ed25519 ")
    tour.run("zonegit config user.signingkey bob")
    tour.write(CONFIG, POLICY, append=True)
    tour.run(f"zonegit config check {CONFIG}", " is valid: ")
    primary.reload(tour)
    tour.soon("zonegit status", "^published main ")
    tour.run("zonegit set www A 300 192.0.2.66 -m 'Nobody has seen this'", "1 RRset changed")
    tour.soon("zonegit status", "held by approvals")
    tour.run(f"{primary.dig} www.example.com A | grep status", "status: NXDOMAIN")
    tour.run("zonegit undo", r"^-www\.example\.com\.")


def propose(tour: Tour, primary: Primary) -> None:
    tour.step(
        "Propose, review, approve", "Ada proposes a branch. Bob looks at what would change, and approves of it."
    )
    tour.run("zonegit branch shop")
    tour.run("zonegit set www A 300 192.0.2.80 --branch shop -m 'Open the shop'", r"^\[example\.com\. shop ")
    tour.run(
        "zonegit propose --from shop -m 'Open the shop on Monday'", r"^proposal 1 of example\.com\..*: proposed$"
    )
    tour.run("zonegit review", r"^1  Open the shop on Monday  shop -> main  Ada .* 0 of 1 approvals$")
    tour.run("zonegit review 1", r"^\+www\.example\.com\..*192\.0\.2\.80$", "^the gate would hold it: ")
    tour.run("zonegit approve 1", "somebody else has to$", code=1)
    tour.run(f"zonegit approve 1 {BOB} -m 'Looks right'", r"approved by bob@example\.org$")
    tour.run(f"{primary.dig} www.example.com A | grep status", "status: NXDOMAIN")
    tour.run("zonegit land 1", r"^\+www\.example\.com\..*192\.0\.2\.80$")
    tour.soon(f"{primary.dig} +short www.example.com A", r"^192\.0\.2\.80$")


def reject(tour: Tour, primary: Primary) -> None:
    tour.step("Reject", "What Bob rejects can't land, until he approves of it.")
    tour.run("zonegit set www A 300 192.0.2.81 --branch shop -m 'Move the shop'", r"^\[example\.com\. shop ")
    tour.run("zonegit propose --from shop", r"^proposal 2 of example\.com\..*: proposed$")
    tour.run(f"zonegit reject 2 {BOB} -m 'Not before Friday'", r"rejected by bob@example\.org$")
    tour.run("zonegit land 2", "Not before Friday; proposal 2 can land once they approve of it$", code=1)
    tour.run(f"{primary.dig} +short www.example.com A", r"^192\.0\.2\.80$")
    tour.run("zonegit review --all", r"^1 .* landed$", r"^2 .* open +rejected$")
