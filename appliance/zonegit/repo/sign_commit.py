"""`sign-commit`: replaces the tip of a branch by the same commit with a signature, like `git commit --amend -S`."""

from itertools import chain

from zonegit.errors import Refused
from zonegit.model import refs
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import Ref, RefKind
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.context import Context
from zonegit.repo.heads import is_automatic
from zonegit.repo.listing import commit_of
from zonegit.repo.publishing.reading import published_at
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.signing import encoded, without_signature
from zonegit.repo.writing import check_writable
from zonegit.store.port import Reader, RefUpdate


def sign_commit(
    context: Context, place: Position, target: Revision | None, who: str | None, dry_run: bool
) -> Committed:
    """Sign the tip of a branch, which `target` must be. The old commit stays in the reflog.

    Content, parents, serial, author and message stay; whoever signs becomes the committer. `Refused` if the commit
    isn't only on this branch, because others would keep the old one.
    """
    check_writable(context, place)
    old = context.tip(place).revision
    if target is not None and target.id != old.id:
        raise Refused(
            f"{short(target.id)} is not the newest commit of {place.branch}: later commits build on it, and only "
            "the newest one can be signed afterwards"
        )
    if is_automatic(old.commit):
        raise Refused(
            f"{short(old.id)} was merged automatically: every node makes the same commit, so nobody signs it"
        )
    with context.store.read() as reader:
        _refuse_known(reader, place, old.id)
    stamp = context.stamp(who)
    commit = without_signature(old.commit)._replace(committer=stamp)
    data = encoded(context, commit, True, dry_run=dry_run)
    new = object_id(data)
    if not dry_run:
        update = RefUpdate(refs.head(place.zone, place.branch), old.id, new)
        with context.store.write() as writer:
            _refuse_known(writer, place, old.id)
            writer.insert([data])
            writer.move_refs([update], stamp, f"sign-commit: {commit.subject}")
    return Committed(place.zone, place.branch, old.id, None if dry_run else new, commit.serial, 0)


def _refuse_known(reader: Reader, place: Position, oid: ObjectId) -> None:
    """`Refused` if the commit is published, or in the history of another ref."""
    version = published_at(reader, place)
    if version is not None and version.of == oid:
        raise Refused(f"{short(oid)} is published: sign a commit before that")
    own = Ref(RefKind.HEAD, place.zone, place.branch)
    beginnings = (f"refs/heads/{place.zone}/", f"refs/tags/{place.zone}/", "refs/remotes/")
    for name, at in chain.from_iterable(map(reader.refs, beginnings)):
        ref = refs.parse(name)
        if ref.zone == place.zone and ref != own and is_ancestor(reader, oid, commit_of(reader, at)):
            raise Refused(
                f"{short(oid)} is also in {_named(ref)}, which would keep it without the signature: sign a commit "
                "before it is pushed, tagged or branched from"
            )


def _named(ref: Ref) -> str:
    if ref.kind is RefKind.REMOTE:
        return f"{ref.peer}'s {ref.name}, as it was last seen"
    return f"the {'tag' if ref.kind is RefKind.TAG else 'branch'} {ref.name}"
