"""`diff`: choose two versions and show their differences."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import chain, groupby
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes, typed_names
from zonegit.cli.commits import parent_of, served, stat
from zonegit.cli.log_paths import apart
from zonegit.cli.output import Output, Style
from zonegit.errors import NotFound, UsageError
from zonegit.model.ids import short
from zonegit.model.names import WireName, parse_apex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zonegit.repo import Change, Repository, Revision

_DIFFERENCES: Final = 3
"""Exit code of `diff --exit-code`."""


def diff(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        versions, behind = apart(args, repo, "diff")
        name, rtype = (*behind, None, None)[:2]
        number = typed_names.type_of(rtype)
        zone = args.zone if name is None else typed_names.zone_of(args, name, repo, out, number)
        if not versions:
            new = repo.resolve(zone=zone)
            old = parent_of(repo, new, zone)
            changes = repo.changes(new.id.hex(), zone=zone, name=name, rtype=number)
        else:
            with typed_names.hint_for_names("diff", versions[:1]):
                old, new = _sides(versions, repo, zone, out)
            changes = repo.diff(old.id.hex(), new.id.hex(), zone=zone, name=name, rtype=number)
        differ = _show_diff(args, out, old, new, served(changes, old, new))
        if name is not None and not differ:
            sides = [each.id.hex() for each in (old, new) if each]
            if not any(repo.rrsets_at(name, each, zone=zone) for each in sides):
                out.note(f"{name} has no records in either version")
    return _DIFFERENCES if differ and args.exit_code else 0


def _sides(versions: Sequence[str], repo: Repository, zone: str | None, out: Output) -> tuple[Revision, Revision]:
    """The two versions: `A B` or `A..B`, with HEAD for a missing B; `A...B`: their merge base and B."""
    first, *more = versions
    if ".." not in first:
        if len(more) > 1:
            raise UsageError(
                f"diff: expected at most two versions, not also {more[1][:80]!r}; see `zonegit diff --help`"
            )
        return repo.resolve(first, zone=zone), repo.resolve(more[0] if more else "HEAD", zone=zone)
    if more:
        raise UsageError(f"diff: {first} already names two versions; leave out {more[0][:80]}")
    from zonegit.repo.revisions import split_range

    chosen = split_range(first)
    if not chosen.apart:
        return repo.resolve(chosen.without[0], zone=zone), repo.resolve(chosen.of[0], zone=zone)
    one, other = chosen.apart[0]
    bases = repo.merge_bases(one, other, zone=zone)
    if not bases:
        raise NotFound(f"{first}: {one} and {other} have no common commit; compare them with {one}..{other}")
    if len(bases) > 1:
        out.warn(f"{first} has {len(bases)} merge bases; using {short(bases[0].id)}")
    return bases[0], repo.resolve(other, zone=zone)


def _show_diff(
    args: Namespace, out: Output, old: Revision | None, new: Revision, changes: Iterator[Change]
) -> bool:
    """Print the differences; returns whether there are any."""
    apex = parse_apex(new.commit.zone)
    first = next(changes, None)
    if args.name_only:
        names = _names(chain((first,), changes) if first else (), apex)
        if args.json:
            out.json_array(names)
        else:
            for name in names:
                out.line(name)
    elif args.json:
        out.json_array(shapes.change(change, apex) for change in (chain((first,), changes) if first else ()))
    elif first and args.stat:
        out.line(stat(chain((first,), changes)))
    elif first:
        for sign, revision in (("---", old), ("+++", new)):
            out.line(f"{sign} {_side(revision)}", Style.HEADING)
        render.show_changes(out, chain((first,), changes), apex)
    return first is not None


def _names(changes: Iterable[Change], apex: WireName) -> Iterator[str]:
    """The names whose records differ, each once."""
    return (render.owner_name(owner, apex) for owner, _ in groupby(changes, lambda change: change.owner))


def _side(revision: Revision | None) -> str:
    if revision is None:
        return "nothing"
    return f"{revision.commit.zone} {short(revision.id)} serial {revision.commit.serial}"


def diff_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revisions",
        metavar="REV|NAME",
        nargs="*",
        help="A B, A..B or A...B; without B: HEAD; without any: what HEAD changed. Then NAME and TYPE",
    )
    parser.add_argument("--stat", action="store_true", help="show only how many RRsets differ")
    parser.add_argument("--name-only", action="store_true", help="show only the names whose records differ")
    parser.add_argument("--exit-code", action="store_true", help="exit with code 3 if anything differs")
    typed_names.relative_option(parser)
    options.json_option(parser)


DIFF_DETAILS: Final = """\
With one version, `zonegit diff A` means `zonegit diff A HEAD`; to see what A itself changed use `zonegit show A`.
With none, `zonegit diff` means `zonegit diff HEAD~1 HEAD`. `zonegit diff A...B` shows what B changed since it
diverged from A: the difference between their merge base and B. The SOA serial, which increases with every commit,
doesn't count as a difference. With NAME (and TYPE) only the records there are compared, as in
zonegit diff main staging -- www A. `zonegit log --help` says how versions and names are distinguished."""
