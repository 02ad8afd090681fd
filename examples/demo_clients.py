"""The part of `make demo` on answers by client: by the address that asks, or by EDNS Client Subnet (RFC 7871)."""

from primary import Primary
from tour import Tour

MAIN, STAGING = r"203\.0\.113\.100$", r"203\.0\.113\.200$"
CONFIG = ".zonegit/zonegitd.toml"


def walk(tour: Tour, primary: Primary) -> None:
    """Leaves the table of example.org as the last one of the configuration, without a route or a canary."""
    by_network(tour, primary)
    by_share(tour, primary)


def by_network(tour: Tour, primary: Primary) -> None:
    tour.step("Canary by client subnet", "Clients in two networks are answered from the branch staging.")
    tour.run("zonegit set api A 60 203.0.113.200 --branch staging", r"^\[example\.org\. staging ")
    networks = '["127.0.7.0/24", "198.51.100.0/24"]'
    rule = f"routes = [{{ when = 'client.subnet in {networks}', branch = \"staging\" }}]"
    tour.write(CONFIG, f'[zone."example.org."]\n{rule}', append=True)
    tour.run(f"zonegit config check {CONFIG}", " is valid: ")
    primary.reload(tour)
    ask = f"{primary.dig} api.example.org A"
    short = f"{ask} +short"
    tour.soon(f"{short} -b 127.0.7.1", f"^{STAGING}")
    tour.run(f"{short} -b 127.0.8.1", f"^{MAIN}")
    tour.note("a resolver that `ecs_trusted` lists asks for its clients' networks (EDNS Client Subnet)")
    only = "grep -e ^api -e CLIENT-SUBNET"
    tour.run(
        f"{ask} -b 127.0.0.53 +subnet=198.51.100.0/24 | {only}", STAGING, r"CLIENT-SUBNET: 198\.51\.100\.0/24/24$"
    )
    tour.run(f"{ask} -b 127.0.0.53 +subnet=192.0.2.0/24 | {only}", MAIN, r"CLIENT-SUBNET: 192\.0\.2\.0/24/\d+$")
    tour.note("from anybody else the option is ignored")
    tour.run(f"{ask} -b 127.0.8.1 +subnet=198.51.100.0/24 | {only}", MAIN, unexpected="CLIENT-SUBNET")
    tour.run(
        "zonegit query api --client 127.0.0.53 --subnet 198.51.100.0/24 | tail -n 6",
        r"^;; CHOSEN BY: route 1",
    )


def by_share(tour: Tour, primary: Primary) -> None:
    tour.step("Canary for a share of all networks", "Half of them get staging: the same ones each time they ask.")
    tour.run(f'sed -i \'s/^routes = .*/canary = "staging:50"\\ncanary_salt = "demo"/\' {CONFIG}')
    primary.reload(tour)
    ask = f"{primary.dig} +short api.example.org A"
    numbers = "for n in 1 2 3 4 5 6 7 8"
    split = (f" {MAIN}", f" {STAGING}")
    by_address = f'{numbers}; do echo "127.0.$n.0/24 $({ask} -b 127.0.$n.1)"; done'
    tour.soon(f"{ask} -b 127.0.1.1", f"^{STAGING}")
    if tour.run(by_address, *split) != tour.run(by_address):
        raise SystemExit("demo: the same networks were answered from other branches")
    tour.run(f'{numbers}; do echo "198.51.$n.0/24 $({ask} -b 127.0.0.53 +subnet=198.51.$n.0/24)"; done', *split)
    tour.run(f"sed -i '/^canary/d' {CONFIG}")
    primary.reload(tour)
    tour.soon(f"{by_address} | grep -c 203.0.113.100", "^8$")
