"""What `zonegit config` keeps: the values of one user, of several, and those that are nonsense."""

from pathlib import Path

import pytest

from zonegit.errors import CorruptStore, UsageError
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.settings import change_setting, settings

ADDRESS = [bytes([192, 0, 2, 77])]


def test_settings(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZONEGIT_AUTHOR", raising=False)
    monkeypatch.chdir(tmp_path)
    for key, value in (
        ("USER.NAME", "Ada"),
        ("user.email", "ada@example.net"),
        ("commit.sign", "Off"),
        ("gpg.ssh.allowedsignersfile", "allowed"),
    ):
        repository.configure(key, value)
    assert repository.settings() == {
        "user.name": "Ada",
        "user.email": "ada@example.net",
        "commit.sign": "false",
        "gpg.ssh.allowedSignersFile": str(tmp_path / "allowed"),
    }
    repository.set("www", A, 300, ADDRESS)
    assert repository.resolve().commit.author.name == "Ada <ada@example.net>"
    repository.configure("user.email", None)
    repository.set("www", A, 60, ADDRESS)
    assert repository.resolve().commit.author.name == "Ada"
    for key, value, told in (
        ("user.mail", "x", r"did you mean user\.email"),
        ("core.editor", "vi", "the keys are user.name"),
        ("commit.sign", "maybe", "commit.sign can't be 'maybe': true or false"),
        ("user.name", "a\nb", "printable"),
        ("user.name", " ", "printable"),
        ("user.email", "<a@b>", "without < and >"),
    ):
        with pytest.raises(UsageError, match=told):
            repository.configure(key, value)


def test_settings_of_several_users(repository: Repository) -> None:
    """Each has their own; what isn't about a person is the repository's until then."""
    store = repository._store
    repository.configure("user.name", "Ada")
    repository.configure("commit.sign", "true")
    with store.write() as writer:
        change_setting(writer, "HEAD/1001", "user.email", "bob@example.org")
    with store.read() as reader:
        assert settings(reader, "HEAD/1001") == {"user.email": "bob@example.org", "commit.sign": "true"}
        assert settings(reader, "HEAD/1002") == {"commit.sign": "true"}
        assert settings(reader, "HEAD") == {"user.name": "Ada", "commit.sign": "true"}
    with store.write() as writer:
        writer.set_setting("config", b"[")
    with pytest.raises(CorruptStore):
        repository.settings()
