"""The set-ups of docs/adopting.md: what the page tells zonegitd and a program, for a test's zone and server."""

import re
from pathlib import Path
from typing import Final

from pagekit import FENCE
from updatedkit import Key, Setup, key

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "adopting.md"
_RULE: Final = re.compile(r'"key:(\S+) ')
_ZONE: Final = re.compile(r'^\[zone\."(.+)"\]', re.MULTILINE)


def setup(title: str, zone: str) -> Setup:
    """A section of the page, about a zone in the place of example.org; its first block for the program."""
    body = PAGE.read_text().partition(f"\n### {title}\n")[2].partition("\n##")[0]
    body = body.replace("example.org.", zone).replace("example.org", zone.removesuffix("."))
    blocks = [(block[1], block[2]) for block in FENCE.finditer(body)]
    rules = "".join(text for kind, text in blocks if kind == "toml")
    (name,) = set(_RULE.findall(rules))
    program = next(text for kind, text in blocks if kind != "toml")
    return Setup(tuple(_ZONE.findall(rules)), rules, key(name), program)


def signed_by(found: Setup, key: Key) -> Setup:
    """The same with another key."""
    old = found.key.name
    rules = re.sub(rf'"key:{old}(?=[ "])', f'"key:{key.name}', found.rules)
    program = re.sub(rf"([=:] ?){old}$", rf"\1{key.name}", found.program, flags=re.MULTILINE)
    return found._replace(rules=rules, key=key, program=program)


def with_legacy_key(title: str, zone: str, algorithm: str, unwanted: str) -> Setup:
    """A section with a key of an older algorithm, and the program's block without the line that begins so."""
    found = setup(title, zone)
    lines = [line for line in found.program.splitlines(keepends=True) if not line.lstrip().startswith(unwanted)]
    return signed_by(found._replace(program="".join(lines)), key(f"old-{found.key.name}", algorithm))


CERTBOT, LEGO = setup("certbot", "certbot.test."), setup("lego", "lego.test.")
OLD_CERTBOT = with_legacy_key("certbot", "old-certbot.test.", "hmac-md5", "dns_rfc2136_algorithm")
OLD_LEGO = with_legacy_key("lego", "old-lego.test.", "hmac-sha1", "RFC2136_TSIG_ALGORITHM")
KEA = setup("Kea", "kea.test.")
OCTODNS = setup("octoDNS", "octodns.test.")
ANSIBLE = setup("Ansible", "ansible.test.")
OLD_ANSIBLE = with_legacy_key("Ansible", "old-ansible.test.", "hmac-md5", "key_algorithm")
NSUPDATE = setup("nsupdate", "nsupdate.test.")
ALL: Final = (CERTBOT, LEGO, OLD_CERTBOT, OLD_LEGO, KEA, OCTODNS, ANSIBLE, OLD_ANSIBLE, NSUPDATE)
DHCPD, LEXICON = setup("ISC dhcpd", "dhcpd.test."), setup("dns-lexicon", "lexicon.test.")
ON_PORT_53: Final = (DHCPD, LEXICON)
"""Of programs that send to no other port."""
