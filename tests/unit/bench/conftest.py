"""Puts the scripts of `bench/` within reach; behind everything else, so that their plain names hide nothing."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))
