"""`zonegit.Repository` in programs of one's own: the example, and what the page on it shows."""

import subprocess
import sys
import textwrap
from pathlib import Path

import zonegit

ROOT = Path(__file__).resolve().parents[2]


def python(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=False)


def test_a_program_changes_a_zone(repo: Path) -> None:
    program = ROOT / "examples" / "embed_repository.py"
    done = python(program, repo, "mail", "A", "1h", "192.0.2.26")
    assert done.stdout.splitlines() == [
        "-mail.example.org.\t3600\tIN\tA\t192.0.2.25",
        "+mail.example.org.\t3600\tIN\tA\t192.0.2.26",
        "example.org. main serial 2026112002",
    ]
    refused = python(program, repo, "mail", "CNAME", "1h", "www")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "CNAME beside other data" in refused.stderr


def test_the_lines_of_the_page_do_what_it_says(repo: Path) -> None:
    page = (ROOT / "docs" / "embedding.md").read_text()
    lines = textwrap.dedent(page.partition("## Repository\n\n")[2].partition("\n\n")[0])
    imports = (
        "from pathlib import Path\nfrom zonegit import Repository\nfrom zonegit.zonefile.types import parse_type\n"
    )
    done = python("-c", imports + lines.replace("/srv/zones", str(repo)))
    assert (done.stdout, done.stderr) == ("2026112002 [b'\\x03www']\n", "")


def test_a_program_replaces_a_key_in_simulated_time(tmp_path: Path) -> None:
    program = ROOT / "examples" / "roll_key.py"
    done = python(program, tmp_path / "repo", "example.net.")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(" | ") for line in done.stdout.splitlines()]
    dates = [line[0] for line in lines]
    assert dates == sorted(dates) and len(set(dates)) >= 8
    cds = [line[2].removeprefix("CDS: ") for line in lines if len(line) == 4]
    none, old, new = dict.fromkeys(cds)
    assert none == "none" and lines[-1][1] == f"key {old} is gone, key {new} signs"
    assert any(
        key == f"key {old} signs, is being replaced; key {new} signs the DNSKEY records only"
        for _, key, *_ in lines
    )
    again = python(program, tmp_path / "repo", "example.net.")
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (1, "", 1)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(zonegit.__path__[0]) / "py.typed").exists()
