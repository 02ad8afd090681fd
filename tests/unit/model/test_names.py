"""Names as bytes: which is above which."""

from zonegit.model.names import APEX_KEY, ROOT, Owner, from_text, is_at_or_below, keys_above, owner_key, suffixes

EXAMPLE = from_text("example.org.")


def test_a_name_is_at_or_below_another_by_labels_not_by_bytes() -> None:
    assert is_at_or_below(EXAMPLE, EXAMPLE)
    assert is_at_or_below(from_text("a.b.example.org."), EXAMPLE)
    assert is_at_or_below(EXAMPLE, ROOT)
    assert not is_at_or_below(ROOT, EXAMPLE)
    assert not is_at_or_below(from_text("www.example.com."), EXAMPLE)
    inside_a_label = b"\x0da" + EXAMPLE  # one label, whose last bytes are those of a name
    assert inside_a_label.endswith(EXAMPLE)
    assert not is_at_or_below(inside_a_label, EXAMPLE)


def test_suffixes_end_before_the_root() -> None:
    assert list(suffixes(EXAMPLE)) == [EXAMPLE, from_text("org.")]
    assert list(suffixes(ROOT)) == []


def test_keys_above_an_owner_are_the_nearest_first_without_the_apex() -> None:
    key = owner_key(Owner(from_text("a.b.c.")[:-1]))
    assert list(keys_above(key)) == [owner_key(Owner(from_text(name)[:-1])) for name in ("b.c.", "c.")]
    assert list(keys_above(APEX_KEY)) == []
