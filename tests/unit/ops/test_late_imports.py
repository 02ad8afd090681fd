"""Modules that wait until they are used; in processes of their own, since these ones have loaded them."""

import subprocess
import sys

import pytest

LEAN = """
import sys
from zonegit.ops.late_imports import import_dnspython_lean
import_dnspython_lean()
import dns.dnssec, dns.name, dns._features
assert "email" not in sys.modules and "zipfile" not in sys.modules
assert dns.name.from_text("b\\u00fccher.example.").to_text() == "xn--bcher-kva.example."
dns.dnssec.default_policy.ok_to_validate
assert dns.dnssec.validate_rrsig is dns.dnssec._validate_rrsig
"""
LATER = """
import sys
from zonegit.ops.late_imports import import_late
import_late("importlib.metadata")
import importlib.metadata
assert "email" not in sys.modules
assert importlib.metadata.version("dnspython") == importlib.metadata.version("dnspython")
assert "email" in sys.modules
from importlib.metadata import distribution
assert distribution("dnspython").metadata["Name"] == "dnspython"
import importlib
assert sys.modules["importlib.metadata"] is importlib.metadata
"""
PRESENT = """
import importlib.metadata
from zonegit.ops.late_imports import import_late
before = importlib.metadata
import_late("importlib.metadata")
assert importlib.metadata is before
"""


@pytest.mark.parametrize("script", [LEAN, LATER, PRESENT], ids=["dnspython", "used-later", "loaded-before"])
def test_a_module_is_loaded_when_it_is_used(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)
