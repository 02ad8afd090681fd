"""Files that are no zone files are named as what they are, with what to do about it."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from readkit import APEX, SOA, read, refusal
from zonegit.errors import ZoneFileError
from zonegit.zonefile.reader import read_zone

ZONE = (SOA + "@ NS ns1.example.net.\n").encode()


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("db.example", ZONE)
    return held.getvalue()


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        member = tarfile.TarInfo("db.example")
        member.size = len(ZONE)
        archive.addfile(member, io.BytesIO(ZONE))
    return held.getvalue()


@pytest.mark.parametrize(
    ("data", "what", "advice"),
    [
        (b"", "empty", "at least its SOA"),
        (b"\0\0\0\2\0\0\0\1" + bytes(40), "in BIND's raw format", "named-compilezone -f raw -F text"),
        (b"\0\0\0\3\0\0\0\1" + bytes(40), "in BIND's map format", "named-compilezone -f map -F text"),
        (b";BIND LOG V9.2\n\0" + bytes(48), "a journal of BIND's", "rndc sync -clean"),
        (b";\n; Start view _default\n;\n$DATE 20261129105349\n", "a dump of a whole server", "dig AXFR"),
        (b"; Start view _default\n", "a dump of a whole server", "dig AXFR"),
        (lzma.compress(ZONE), "compressed with xz", "xzcat FILE | zonegit import -"),
        (bz2.compress(ZONE), "compressed with bzip2", "bzcat FILE | zonegit import -"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "compressed with zstd", "zstdcat FILE | zonegit import -"),
        (zipped(), "a zip archive", "unzip -p FILE | zonegit import -"),
        (tarred(), "a tar archive", "tar -xOf FILE | zonegit import -"),
        (ZONE.decode().encode("utf-16"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8"),
        (ZONE.decode().encode("utf-16-le"), "binary data", "a zone file is text"),
        (b"\x7fELF\2\1\1" + bytes(9), "binary data", "a zone file is text"),
        (bytes(range(1, 32)) * 9, "binary data", "a zone file is text"),
        (json.dumps([{"NAME": "a."}], indent=2).encode(), "JSON", "RFC 1035"),
        (b"{}", "JSON", "RFC 1035"),
        (b"\n<!doctype html>\n<title>404</title>", "HTML or XML", "RFC 1035"),
        (b"-----BEGIN PRIVATE KEY-----\n", "a key or a certificate", "holds records"),
        (b'// local\n\nzone "example.com" {\n', "a configuration of BIND's", "the zone files that it names"),
        (b"/* a\n b */ options {\n", "a configuration of BIND's", "the zone files that it names"),
        (b"SQLite format 3\0" + bytes(84), "an SQLite database", "dig AXFR"),
    ],
)
def test_what_is_no_zone_file(data: bytes, what: str, advice: str) -> None:
    for packed in (data, gzip.compress(data)):
        message = refusal(packed)
        assert message.startswith(f"zone: this is {what}"), message
        assert ", no zone file; " in message
        assert advice in message


@pytest.mark.parametrize(
    "text",
    [
        SOA,
        SOA + "; \x0c \x01\n",
        "; caf\u00e9 \u00fc \u4e2d\u6587\n" * 20 + SOA,
        "\ufeff" + SOA,
        SOA + "key A 192.0.2.1 ; {\n",
        'zone 60 TXT "x" ; {\n' + SOA,
        "key 60 A 192.0.2.1 ; {\n" + SOA,
        "options 60 A 192.0.2.1\n" + SOA,
        "BZhang 60 A 192.0.2.1\n" + SOA,
        "key 60 TXT { x }\n" + SOA,
        "; zone of {\n" + SOA,
    ],
)
def test_what_may_be_one(text: str) -> None:
    assert read(text).serial == 7


def test_included_files_are_named(tmp_path: Path) -> None:
    zone = tmp_path / "zone"
    zone.write_text(SOA + "$INCLUDE other\n")
    (tmp_path / "other").write_bytes(lzma.compress(ZONE))
    with pytest.raises(ZoneFileError, match="other: this is compressed with xz"):
        read_zone(zone, name="zone", origin=APEX)


def test_what_bind_writes(needs_program: Callable[[str], str], tmp_path: Path) -> None:
    compile_zone = needs_program("named-compilezone")
    (tmp_path / "zone").write_bytes(ZONE)
    subprocess.run([compile_zone, "-q", "-F", "raw", "-o", "raw", "example.com", "zone"], cwd=tmp_path, check=True)
    assert "in BIND's raw format" in refusal((tmp_path / "raw").read_bytes())
