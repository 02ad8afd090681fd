"""octoDNS with octodns-bind, unmodified: it plans from AXFR, applies by UPDATE, and finds no drift afterwards.

It is set up as docs/adopting.md says. BIND as the primary shows what it gets elsewhere.
"""

import sys
from pathlib import Path

from adoptkit import OCTODNS
from clientkit import run
from updatedkit import Primary

ZONE = OCTODNS.zone
NOTHING = "No changes were planned"
FIRST = (
    """
? ''
: - {type: A, ttl: 300, values: [192.0.2.1, 192.0.2.2]}
  - {type: AAAA, ttl: 300, value: '2001:db8::1'}
  - {type: CAA, values: [{flags: 0, tag: issue, value: letsencrypt.org}]}
  - {type: MX, values: [{preference: 10, exchange: mail.octodns.test.}]}
  - {type: NS, ttl: 3600, values: [ns1.octodns.test., ns2.example.net.]}
  - {type: TXT, values: ['v=spf1 -all', 'a\\; b "c"', LONG]}
'*.wild': {type: A, value: 192.0.2.7}
_sip._tcp: {type: SRV, values: [{priority: 0, weight: 5, port: 5060, target: sip.example.net.}]}
_443._tcp.www:
  type: TLSA
  value: {certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: HASH}
alias: {type: CNAME, ttl: 60, value: www.octodns.test.}
https: {type: HTTPS, value: {svcpriority: 1, targetname: ., svcparams: {alpn: [h2, h3]}}}
mail: {type: A, value: 192.0.2.25}
naptr:
  type: NAPTR
  value: {order: 1, preference: 2, flags: U, service: SIP+D2U, regexp: '!^.*$!sip:a@example.org!', replacement: .}
ns1: {type: A, value: 192.0.2.1}
place:
  type: LOC
  value: {lat_degrees: 52, lat_minutes: 22, lat_seconds: 23.0, lat_direction: N,
          long_degrees: 4, long_minutes: 53, long_seconds: 32.0, long_direction: E,
          altitude: 2.0, size: 10.0, precision_horz: 20.0, precision_vert: 10.0}
ptr: {type: PTR, values: [a.octodns.test., b.octodns.test.]}
secure:
  - {type: NS, values: [ns1.example.net., ns2.example.net.]}
  - {type: DS, value: {key_tag: 1, algorithm: 13, digest_type: 2, digest: HASH}}
ssh: {type: SSHFP, value: {algorithm: 4, fingerprint_type: 2, fingerprint: hash}}
svcb: {type: SVCB, value: {svcpriority: 0, targetname: svc.example.net.}}
www: {type: A, ttl: 300, value: 192.0.2.80}
""".replace("LONG", "x" * 300)
    .replace("HASH", "9F" * 32)
    .replace("hash", "9f" * 32)
)
SECOND = """
? ''
: - {type: A, ttl: 600, values: [192.0.2.1, 192.0.2.3]}
  - {type: NS, ttl: 3600, values: [ns1.octodns.test., ns2.example.net.]}
'*.wild': {type: AAAA, value: '2001:db8::7'}
alias: {type: A, value: 192.0.2.9}
new: {type: CNAME, value: www.octodns.test.}
ns1: {type: A, value: 192.0.2.1}
www: {type: A, ttl: 60, value: 192.0.2.80}
"""
"""Values, TTLs and types change, and much goes."""


def sync(config: Path, *more: str) -> str:
    """What octodns-sync says."""
    program = Path(sys.executable).with_name("octodns-sync")
    command = (program, "--config-file", config, "--log-stream-stdout", "--force", *more)
    return run(*command)


def test_plan_apply_and_no_drift(primary: Primary, tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(primary.program_for(OCTODNS).replace("./zones", str(tmp_path / "zones")))
    before = primary.serial(ZONE)
    for wanted in (FIRST, SECOND):
        (tmp_path / "zones" / f"{ZONE}yaml").write_text(wanted)
        assert NOTHING not in sync(config)
        sync(config, "--doit")
        again = sync(config)
        assert NOTHING in again, again
    assert primary.serial(ZONE) - before == 2
    assert primary.zone(ZONE) == [
        "*.wild.octodns.test. 3600 AAAA 2001:db8::7",
        "alias.octodns.test. 3600 A 192.0.2.9",
        "new.octodns.test. 3600 CNAME www.octodns.test.",
        "ns1.octodns.test. 3600 A 192.0.2.1",
        "octodns.test. 3600 NS ns1.octodns.test.",
        "octodns.test. 3600 NS ns2.example.net.",
        "octodns.test. 600 A 192.0.2.1",
        "octodns.test. 600 A 192.0.2.3",
        "www.octodns.test. 60 A 192.0.2.80",
    ]
