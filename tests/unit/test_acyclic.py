"""Python looks for cycles again after work on what is in none."""

import gc

import pytest

from zonegit.acyclic import acyclic


def test_the_collector_rests_meanwhile() -> None:
    assert gc.isenabled()
    with acyclic():
        assert not gc.isenabled()
        with acyclic():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the outer work goes on"
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="bad"), acyclic():
        raise ValueError("bad")
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with acyclic():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
