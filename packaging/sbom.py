"""List what the package is made of, as CycloneDX JSON 1.5: the wheels, by name, version, hash and license.

    sbom.py LOCK WHEELS OUTPUT

Every wheel but our own must have a hash of the lock; names and licenses are those of its metadata. The same wheels
give the same bytes: there is no random number in it, and its time is SOURCE_DATE_EPOCH.
"""

import hashlib
import json
import os
import re
import sys
import time
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final

OWN: Final = "zonegit"
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/zonegit")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Wheel:
    name: str
    """As package indexes spell it."""
    version: str
    license: dict[str, Any]
    sha256: str
    needs: frozenset[str]
    """Names, of extras not."""

    @property
    def reference(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def main(argv: list[str]) -> int:
    """Write the list; 1 if a wheel isn't in the lock."""
    lock, wheels, output = map(Path, argv)
    known = frozenset(_HASH.findall(lock.read_text()))
    found = sorted((read(path) for path in wheels.glob("*.whl")), key=lambda wheel: wheel.name)
    strangers = [wheel.name for wheel in found if wheel.name != OWN and wheel.sha256 not in known]
    if strangers or OWN not in {wheel.name for wheel in found}:
        sys.stderr.write(f"sbom.py: not wheels of {lock}: {', '.join(strangers) or OWN}\n")
        return 1
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document(found, _moment()), indent=1, ensure_ascii=True) + "\n")
    return 0


def _moment() -> str:
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(path: Path) -> Wheel:
    """A wheel's own word on itself, and its hash."""
    with zipfile.ZipFile(path) as wheel:
        (metadata,) = (name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        said = BytesParser().parsebytes(wheel.read(metadata), headersonly=True)
    needs = [
        normal(match[0])
        for requirement in said.get_all("Requires-Dist", [])
        if "extra ==" not in requirement and (match := _REQUIREMENT.match(requirement))
    ]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(normal(said["Name"]), said["Version"], _license(said), digest, frozenset(needs))


def normal(name: str) -> str:
    """A name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _license(said: Message) -> dict[str, Any]:
    text = said["License-Expression"] or said["License"] or ""
    if " OR " in text or " AND " in text:
        return {"expression": text}
    if text and " " not in text:
        return {"license": {"id": text}}
    return {"license": {"id": "MIT"} if "MIT" in text else {"name": text or "unknown"}}


def document(wheels: Iterable[Wheel], moment: str) -> dict[str, Any]:
    """The whole list; our own wheel is what it is about."""
    every = {wheel.name: wheel for wheel in wheels}
    own = every.pop(OWN)
    content = "".join(wheel.sha256 for wheel in every.values()) + own.version
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "version": 1,
        "metadata": {"timestamp": moment, "component": _component(own, "application")},
        "components": [_component(wheel, "library") for wheel in every.values()],
        "dependencies": [
            {
                "ref": wheel.reference,
                "dependsOn": [every[name].reference for name in sorted(wheel.needs) if name in every],
            }
            for wheel in (own, *every.values())
        ],
    }


def _component(wheel: Wheel, kind: str) -> dict[str, Any]:
    found = {
        "type": kind,
        "bom-ref": wheel.reference,
        "name": wheel.name,
        "version": wheel.version,
        "licenses": [wheel.license],
        "purl": wheel.reference,
    }
    if wheel.name != OWN:  # ours is built with the package, of its source
        found["hashes"] = [{"alg": "SHA-256", "content": wheel.sha256}]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
