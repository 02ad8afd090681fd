"""Many tips in little memory are a sequence like any other."""

from random import Random

import pytest

from zonegit.model.ids import ObjectId
from zonegit.sync.tips import Tip, Tips

ZONES = (
    ".",
    "org.",
    "example.org.",
    "a/b.example.",
    "128/25.2.0.192.in-addr.arpa.",
    r"a\.b.example.",
    r"\000.test.",
)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_they_are_what_was_put_in(count: int) -> None:
    rng = Random(count)
    given = [
        Tip(rng.choice(ZONES), rng.choice(("main", "feature/x", "Release/1.0")), ObjectId(rng.randbytes(32)))
        for _ in range(count)
    ]
    tips = Tips(given)
    assert list(tips) == given
    assert len(tips) == count
    assert [tips[at] for at in range(count)] == given
    assert list(tips[3:9]) == given[3:9]
    assert tips == Tips(given)
    assert tips != Tips([*given, Tip("org.", "main", ObjectId(bytes(32)))])
    if given:
        assert tips[-1] == given[-1]
        assert given[-1] in tips
    with pytest.raises(IndexError):
        tips[count]
