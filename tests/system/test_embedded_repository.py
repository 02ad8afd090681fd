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


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(zonegit.__path__[0]) / "py.typed").exists()
