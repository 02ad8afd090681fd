"""What others wrote reaches a log, a terminal or the metrics page as text, and never as more than one line.

It comes from peers, zones, files, the environment and errors that quote them. Here are its ways out, which are few.
"""

import ast
import asyncio
import io
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

import zonegit
from httpkit import Counted, run
from liarkit import Asked, lying
from synckit import KEY, PEER
from zonegit.auth.gate import Signer
from zonegit.cli.main import main
from zonegit.cli.output import Output, Style
from zonegit.daemon import main as daemon
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import Pauses
from zonegit.errors import ConfigError
from zonegit.model.foreign import MOST
from zonegit.ops import flags, log
from zonegit.ops.config import PrimaryConfig
from zonegit.ops.families import Family, Kind
from zonegit.ops.metrics import _metric, _Table
from zonegit.ops.systemd import Notifier
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import FrameWriter

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\nzonegitd[dns-0]: \x85ready\u2028\u202egnorw\u2066\x7f\x00\v\udc9b"
LOG_PREFIX = 40
"""Characters in front of a message, at most."""
PAGE_SECONDS = 20.0
"""Of the processor, for a page of the metrics that is made to take long (16 MiB in one line); it takes some 0.1 s,
and minutes where each character is looked at again and again."""


def assert_harmless(text: str, lines: int = 1) -> None:
    """So many lines, and nothing but what can be seen, and tabs."""
    assert text.endswith("\n")
    assert text.count("\n") == lines == len(text.splitlines()), text
    assert text.replace("\n", "").replace("\t", "").isprintable(), ascii(text)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield logging.getLogger("zonegit.hostile")
    root.handlers[:] = handlers
    root.setLevel(level)


def _by_field(logger: logging.Logger, text: str) -> None:
    log.event(logger, "failed", error=ValueError(text), zone=text)


def _by_message(logger: logging.Logger, text: str) -> None:
    log.event(logger, text)


def _by_argument(logger: logging.Logger, text: str) -> None:
    logger.warning("it said %s", text)


def _by_format(logger: logging.Logger, text: str) -> None:
    logger.warning(text)


def _by_exception(logger: logging.Logger, text: str) -> None:
    try:
        raise ExceptionGroup("several", [OSError(5, text, text)])
    except ExceptionGroup:
        logger.exception("it failed")


def _by_library(logger: logging.Logger, text: str) -> None:
    logging.getLogger("hypercorn.error").error("Error in ASGI Framework: %s", text, stack_info=False)


def _by_seldom(logger: logging.Logger, text: str) -> None:
    log.Seldom(logger)(text, ValueError(text))


WAYS = [_by_field, _by_message, _by_argument, _by_format, _by_exception, _by_library, _by_seldom]


@pytest.mark.parametrize("form", log.Format)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 5000], ids=["short", "long"])
def test_no_record_of_the_log_is_more_than_a_line(
    way: Callable[[logging.Logger, str], None],
    form: log.Format,
    text: str,
    logger: logging.Logger,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.setup("dns-1", form)
    way(logger, text)
    written = capsys.readouterr().err
    assert_harmless(written)
    if form is log.Format.JSON:
        told = json.loads(written)
        values = [told["message"], *told.get("fields", {}).values()]
        assert all(len(value) <= MOST for value in values)
    else:
        assert len(written) <= MOST + LOG_PREFIX


async def _error_instead(asked: Asked, _primary: MemoryStore) -> None:
    await asked.reply(500, json.dumps({"error": HOSTILE}).encode())


async def _error_in_the_stream(asked: Asked, primary: MemoryStore) -> None:
    if asked.path == "/v0/refs":
        await asked.honest(primary)
    else:
        reason = HOSTILE.encode(errors="ignore").decode()
        writer = FrameWriter(asked.seal)
        await asked.frames(writer.error("bad", reason) + writer.end(int(time.time())))


@pytest.mark.parametrize("lie", [_error_instead, _error_in_the_stream])
def test_what_a_primary_says_of_an_error_is_told_as_text(
    lie: Callable[[Asked, MemoryStore], Awaitable[None]],
    primary: MemoryStore,
    logger: logging.Logger,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def script(asked: Asked) -> None:
        await lie(asked, primary)

    async def test() -> None:
        samples = Counted()
        async with lying(script) as url:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            configured = PrimaryConfig(url, PEER, "k1", 1.0)
            mirror = Mirror(MemoryStore(), configured, signer, samples, pauses=Pauses(0.001, 0.01, 0.01))
            task = asyncio.create_task(mirror.run())
            async with asyncio.timeout(20):
                while not any(name.startswith("sync_sessions_total") for name in samples.values):
                    await asyncio.sleep(0.005)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await mirror.close()

    log.setup("puller")
    run(test(), 60)
    written = capsys.readouterr().err
    assert "owned" in written
    assert_harmless(written, written.count("\n"))
    assert all(line.startswith("zonegitd[puller]: ") for line in written.splitlines())


@pytest.mark.parametrize("color", ["never", "always"])
def test_no_line_of_the_command_has_more_than_its_own_colours(color: str) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    out = Output(stdout, stderr)
    out.set_color(color)
    out.line(HOSTILE)
    out.line(HOSTILE, Style.NEW)
    out.line(f"{out.paint(HOSTILE, Style.ID)} {HOSTILE}")
    out.json({"text": HOSTILE})
    out.json_array([HOSTILE])
    shown = stdout.getvalue()
    for style in ("0", *Style):
        shown = shown.replace(f"\x1b[{style}m", "")
    assert_harmless(shown, 3 + 3 + 3)
    for tell in (out.note, out.warn, out.fail):
        tell(HOSTILE * 5000)
    out.ask(HOSTILE, io.StringIO("no\n"))
    assert_harmless(stderr.getvalue() + "\n", 4)
    assert len(stderr.getvalue()) <= 4 * (MOST + LOG_PREFIX)


def test_a_bar_has_no_escapes_of_a_files_name(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    with Output(io.StringIO(), terminal).progress(HOSTILE) as bar:
        bar._next = 0.0
        bar(1, 2)
    assert_harmless(terminal.getvalue().replace("\x1b[K", "").replace("\r", "") + "\n")


def test_labels_of_the_metrics_page_are_printable() -> None:
    family = Family("odd", Kind.GAUGE, "Odd.", ("peer",))
    metric = _metric(_Table(family, {(HOSTILE,): [1.0]}))
    assert all(value.isprintable() for sample in metric.samples for value in sample.labels.values())


def test_the_manager_is_told_one_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    notifier = Notifier({})
    monkeypatch.setattr(notifier, "_send", sent.append)
    notifier.status(HOSTILE + "\nMAINPID=1")
    notifier.ready(HOSTILE + "\nMAINPID=1")
    assert [text.count("\n") for text in sent] == [0, 1]


def _page(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_metrics_of_somebody_else_are_shown_as_text(form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    label = HOSTILE.replace("\r\n", "\\n").encode(errors="ignore").decode()
    lines = [
        f'zonegit_zone_serial{{zone="{label}"}} 1',
        f'zonegit_dns_requests_total{{proto="{label}"}} 1',
        f'zonegit_dns_queries_total{{rcode="{label}"}} 1',
        f'zonegit_sync_sessions_total{{peer="{label}",result="{label}"}} 1',
        f'zonegit_auth_key_not_after_timestamp_seconds{{key_id="{label}"}} +Inf',
        f'zonegit_worker_restarts_total{{worker="{label}"}} 1',
        'zonegit_odd{zone="cut\\',
        f"zonegit_{label} 1",
    ]
    for url in _page("\n".join(lines).encode()):
        assert main(["metrics", "--url", url, *form]) == 0
        shown = capsys.readouterr().out
    assert "owned" in shown
    assert_harmless(shown, shown.count("\n"))


def test_a_page_of_one_long_line_is_soon_read(capsys: pytest.CaptureFixture[str]) -> None:
    body = b'zonegit_zone_serial{zone="a' + b',a="b"' * ((15 << 20) // 6) + b"} 1\n"
    for url in _page(body):
        started = time.process_time()
        assert main(["metrics", "--url", url]) == 0
        assert time.process_time() - started < PAGE_SECONDS


WRITERS = {
    "cli/main.py": "gives them to the command's Output; one constant before there is one",
    "daemon/main.py": "what ends the daemon, as one_line",
    "ops/log.py": "the log's handler",
    "piped_process.py": "answers, to the process that started it",
    "repo/dnssec/signing_process.py": "its result, to the process that started it",
    "cli/editor.py": "nothing: whether it is a terminal, for the editor",
    "ssh/ssh_keygen.py": "nothing: whether it is a terminal, for what ssh-keygen asks",
}
"""Modules that name a standard stream, and what for."""


def test_nothing_else_writes_to_a_standard_stream() -> None:
    room = Path(zonegit.__file__).parent
    assert {str(file.relative_to(room)) for file in room.rglob("*.py") if _writes(file)} == WRITERS.keys()


def _writes(file: Path) -> bool:
    """Whether a module names a standard stream, or calls what writes to one."""
    text = file.read_text()
    if not any(word in text for word in ("stdout", "stderr", "print")):
        return False
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__" | "__stderr__"):
                return True
            case ast.Call(func=ast.Name(id="print")) | ast.Attribute(attr="print_exc" | "print_exception"):
                return True
    return False


@pytest.mark.parametrize("kind", [ConfigError, RuntimeError])
def test_what_ends_the_daemon_is_one_line(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(_: object) -> None:
        raise kind(HOSTILE)

    monkeypatch.setattr(flags, "load", load)
    assert daemon.main([]) != 0
    assert_harmless(capsys.readouterr().err)
