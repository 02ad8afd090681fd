"""dnspython, nsupdate, knsupdate and Ansible's module nsupdate, unmodified, change a zone.

All but dnspython are set up as docs/adopting.md says. BIND as the primary shows what they get elsewhere.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest

from adoptkit import ANSIBLE, NSUPDATE, OLD_ANSIBLE
from clientkit import run
from daemonkit import DEADLINE
from updatedkit import Primary, Setup, initial_records

COLLECTIONS = (Path(__file__).resolve().parents[3] / "build" / "ansible", Path("/usr/lib/python3/dist-packages"))
"""Where Ansible's collections may be: where `.ci/run` puts the one module, and where Debian's package has all."""
MODULE = "ansible_collections/community/general/plugins/modules/nsupdate.py"


def test_dnspython(primary: Primary, own: Setup) -> None:
    """Prerequisites, and all its ways to change something, over UDP and TCP."""
    ring = dns.tsigkeyring.from_text({own.key.name: (own.key.algorithm, own.key.secret)})

    def update() -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(own.zone, keyring=ring)

    def send(message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        answer = dns.query.udp(message, primary.address, port=primary.port, timeout=DEADLINE)
        assert answer.had_tsig
        return answer.rcode()

    first, again = update(), update()
    first.absent("new")
    again.absent("new")
    first.present("www", "A", "192.0.2.80")
    first.add("new", 60, "A", "192.0.2.1", "192.0.2.2")
    first.replace("www", 60, "TXT", "one two", '"three"')
    assert send(first) == dns.rcode.NOERROR
    assert send(again) == dns.rcode.YXDOMAIN
    wrong = update()
    wrong.present("www", "A", "192.0.2.81")
    wrong.delete("www")
    assert send(wrong) == dns.rcode.NXRRSET
    second = update()
    second.present("new", "A")
    second.delete("new", "A", "192.0.2.1")
    second.delete("www", "TXT")
    second.add("*.new", 0, "CNAME", "www")
    answer = dns.query.tcp(second, primary.address, port=primary.port, timeout=DEADLINE)
    assert answer.rcode() == dns.rcode.NOERROR
    added = [f"*.new.{own.zone} 0 CNAME www.{own.zone}", f"new.{own.zone} 60 A 192.0.2.2"]
    assert primary.zone(own.zone) == sorted(added + initial_records(own.zone))


def test_nsupdate(primary: Primary, needs_program: Callable[[str], str]) -> None:
    """The page's command, by both programs: the first adds a name, and the second learns that it is there."""
    commands = primary.program_for(NSUPDATE).partition("<<EOF\n")[2].partition("EOF\n")[0]

    def asked(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [needs_program(name)], input=commands, capture_output=True, text=True, timeout=DEADLINE
        )

    assert asked("nsupdate").returncode == 0
    assert primary.zone(NSUPDATE.zone) == sorted(
        [f"new.{NSUPDATE.zone} 300 A 192.0.2.80", *initial_records(NSUPDATE.zone)]
    )
    again = asked("knsupdate")
    assert (again.returncode, "YXDOMAIN" in again.stdout + again.stderr) == (1, True), again


def test_ansible(primary: Primary, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    """A playbook changes something the first time, and nothing the second. By default it signs with HMAC-MD5."""
    program, place = needs_program("ansible-playbook"), collections()
    play, old = primary.program_for(ANSIBLE), primary.program_for(OLD_ANSIBLE)
    head, value = "    - community.general.nsupdate:\n", "value: [192.0.2.80, 192.0.2.81]"
    task = head + play.partition(head)[2]
    text = task.replace(value, "type: TXT\n        protocol: udp\n        value: a b")
    gone = task.replace("record: app", "record: www\n        state: absent").replace(value, "type: A")
    tasks = [play, text, gone, head, old.partition(head)[2]]
    (tmp_path / "play.yml").write_text("".join(tasks))

    def changed() -> int:
        printed = run(
            program, "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3",
            tmp_path / "play.yml", HOME=str(tmp_path), ANSIBLE_COLLECTIONS_PATH=str(place),
        )  # fmt: skip
        return int(re.findall(r" changed=(\d+) ", printed)[0])

    assert changed() == 4
    zone, old_zone = ANSIBLE.zone, OLD_ANSIBLE.zone
    added = [f"app.{zone} 300 A 192.0.2.80", f"app.{zone} 300 A 192.0.2.81", f'app.{zone} 300 TXT "a b"']
    assert primary.zone(zone) == sorted(added + initial_records(zone, ""))
    added = [f"app.{old_zone} 300 A 192.0.2.80", f"app.{old_zone} 300 A 192.0.2.81"]
    assert primary.zone(old_zone) == sorted(added + initial_records(old_zone))
    serial = primary.serial(zone)
    assert changed() == 0
    assert primary.serial(zone) == serial


def collections() -> Path:
    for place in COLLECTIONS:
        if (place / MODULE).exists():
            return place
    pytest.skip("needs Ansible's module community.general.nsupdate")
