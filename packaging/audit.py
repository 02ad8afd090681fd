"""Ask pip-audit for known vulnerabilities of what is locked. Not to know is a failure that says what was lacking.

audit.py [LOCK]…
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
LOCKS: Final = (HERE / "requirements.lock", HERE / "requirements-dev.lock")
_OPTIONS: Final = ("--format=json", "--progress-spinner=off", "--disable-pip", "--require-hashes")


def main(argv: list[str]) -> int:
    """Ask for each lock file; 0 if everything in all of them was looked up and nothing was found."""
    program = shutil.which("pip-audit")
    if program is None:
        sys.stderr.write(
            "make audit lacks pip-audit: install it in an environment of its own (pipx install pip-audit)\n"
        )
        return 1
    return max([audit(program, lock) for lock in map(Path, argv or LOCKS)])


def audit(program: str, lock: Path) -> int:
    """What pip-audit says of one lock file."""
    asked = subprocess.run((program, *_OPTIONS, "-r", lock), capture_output=True, text=True, check=False)
    try:
        listed = json.loads(asked.stdout)["dependencies"]
    except ValueError:
        last = asked.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        sys.stderr.write(f"make audit lacks an answer of pip-audit on {lock.name}: {last[0]}\n")
        return 1
    for each in listed:
        for found in each.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "nothing yet"
            print(f"{lock.name}: {each['name']} {each['version']}: {found['id']}, fixed in {fixed}")
    unknown = [each["name"] for each in listed if "skip_reason" in each]
    if unknown:
        sys.stderr.write(f"make audit lacks advisories on {lock.name}: none came for {', '.join(unknown)}\n")
    if unknown or any(each.get("vulns") for each in listed):
        return 1
    print(f"{lock.name}: no known vulnerability in {len(listed)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
