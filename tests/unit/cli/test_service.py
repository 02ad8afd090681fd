"""`config check` and `metrics`."""

import http.server
import threading
from collections.abc import Iterator

import pytest

PAGE = """\
# HELP zonegit_dns_requests_total Packets.
# TYPE zonegit_dns_requests_total counter
zonegit_dns_requests_total{family="ipv4",proto="udp"} 1000.0
zonegit_dns_requests_total{family="ipv4",proto="tcp"} 0.0
zonegit_dns_queries_total{qtype="A",rcode="NOERROR"} 990.0
zonegit_dns_queries_total{qtype="A",rcode="NXDOMAIN"} 10.0
zonegit_dns_cache_hits_total{level="packet"} 900.0
zonegit_dns_request_duration_seconds_bucket{le="5e-05",proto="udp"} 980.0
zonegit_dns_request_duration_seconds_bucket{le="0.0001",proto="udp"} 995.0
zonegit_dns_request_duration_seconds_bucket{le="+Inf",proto="udp"} 1000.0
zonegit_dns_request_duration_seconds_count{proto="udp"} 1000.0
zonegit_dns_request_duration_seconds_sum{proto="udp"} 0.03
zonegit_zone_serial{zone="example.org."} 2026112001.0
zonegit_zone_records{zone="example.org."} 1.0
zonegit_zone_expired{zone="example.org."} 1.0
zonegit_publish_held{zone="example.org.",reason="validator"} 1.0
zonegit_publish_held{zone="example.org.",reason="checks"} 0.0
zonegit_sync_sessions_total{peer="p1",result="ok"} 7.0
zonegit_sync_last_success_timestamp_seconds{peer="p1"} 1.7e9
zonegit_auth_key_not_after_timestamp_seconds{key_id="k1"} 1893456000.0
zonegit_auth_key_not_after_timestamp_seconds{key_id="odd\\"\\\\one"} +Inf
zonegit_worker_restarts_total{worker="dns-0"} 2.0
zonegit_config_reload_success 0.0
process_open_fds 12.0
"""


@pytest.fixture
def page() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.encode()
            self.send_response(200 if self.path == "/metrics" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


def test_metrics_for_people(run, page) -> None:
    text = run("metrics", "--url", page).out
    for part in (
        "1,000 (1,000 udp)",
        "990 NOERROR, 10 NXDOMAIN",
        "90% packet",
        "30 µs mean, 99% within 100 µs",
        "serial 2026112001, 1 record, EXPIRED, held by validator\n",
        "7 exchanges (7 ok)",
        "ends 2030-01-01 00:00 UTC",
        'odd"\\one',
        "2 restarts",
        "REFUSED",
    ):
        assert part in text


def test_metrics_as_json_are_ours_alone(run, page) -> None:
    found = run("metrics", "--url", page, "--json").json
    assert {"name": "zonegit_config_reload_success", "labels": {}, "value": 0.0} in found
    assert all(each["name"].startswith("zonegit_") for each in found)


@pytest.mark.parametrize(
    ("url", "code"),
    [("ftp://127.0.0.1/", 2), ("nonsense", 2), ("http://127.0.0.1:1/metrics", 8)],
)
def test_no_metrics_are_one_line(run, url, code) -> None:
    result = run("metrics", "--url", url)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)


def test_a_page_of_something_else_is_told(run, page) -> None:
    assert run("metrics", "--url", page + "/other").code == 8


def test_a_good_configuration(run, zone, tmp_path) -> None:
    file = tmp_path / "zonegitd.toml"
    file.write_text(f'repo = "{tmp_path / "repo"}"\n[metrics]\nlisten = "127.0.0.1:9353"\n')
    result = run("config", "check", file)
    assert result.code == 0
    assert result.out.startswith(f"{file} is valid: DNS, metrics;")
    assert run("config", "check", file, "--json").json["roles"] == ["DNS", "metrics"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[dns]\nworkerz = 2\n", "workerz"),
        ("[dns\n", ":"),
        ('[zone."example.org."]\nat = "nowhere"\n', "nowhere"),
        ('keys = "/nonexistent"\n[replication]\nlisten = "127.0.0.1:9354"\nname = "p"\n', "/nonexistent"),
    ],
)
def test_a_bad_configuration_is_one_line(run, zone, tmp_path, text, reason) -> None:
    file = tmp_path / "zonegitd.toml"
    first, _, rest = text.partition("\n")
    lines = (
        [first, f'repo = "{tmp_path / "repo"}"', rest]
        if first.startswith("keys")
        else [
            f'repo = "{tmp_path / "repo"}"',
            text,
        ]
    )
    file.write_text("\n".join(lines))
    result = run("config", "check", file)
    assert result.code != 0
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert reason in result.err


def test_keys_of_both_kinds_are_counted(run, zone, tmp_path) -> None:
    keys, file = tmp_path / "keys.d", tmp_path / "zonegitd.toml"
    run("tsig", "new", "xfr", "--keys", keys)
    run("key", "new", "k1", "--keys", keys)
    start = f'repo = "{tmp_path / "repo"}"\nkeys = "{keys}"\n'
    transfers = '[dns]\ntransfer_acl = ["key:xfr"]\n'
    file.write_text(start + transfers)
    assert "; 0 replication keys, 1 TSIG key; repository" in run("config", "check", file).out
    file.write_text(start + transfers + '[replication]\nlisten = "127.0.0.1:9354"\nname = "p"\n')
    run("tsig", "new", "two", "--keys", keys)
    assert "; 1 replication key, 2 TSIG keys; repository" in run("config", "check", file).out
    found = run("config", "check", file, "--json").json
    assert (found["keys"], found["tsig_keys"]) == (1, 2)


def test_checking_a_new_secondary_makes_nothing(run, tmp_path) -> None:
    keys = tmp_path / "keys.d"
    run("key", "new", "k1", "--keys", keys)
    repo = tmp_path / "new"
    file = tmp_path / "zonegitd.toml"
    file.write_text(f'repo = "{repo}"\nkeys = "{keys}"\n[primary]\nurl = "http://127.0.0.1:9354"\nname = "p"\n')
    result = run("config", "check", file)
    assert result.code == 0, result.err
    assert "a secondary of http://127.0.0.1:9354" in result.out
    assert not repo.exists()


@pytest.fixture
def readiness() -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """The address of a page, and what it answers, one after the other; the last one for ever."""
    answers: list[tuple[int, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers[0] if len(answers) == 1 else answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()
    thread.join()


def test_ready_waits(run, readiness) -> None:
    url, answers = readiness
    answers += [(503, "no zone is served\n"), (503, "no worker answers yet\n"), (200, "ready\n")]
    result = run("ready", "--url", url)
    assert (result.code, result.out, result.err) == (0, "ready\n", "")
    assert len(answers) == 1


def test_not_ready_in_time_is_one_line_with_the_reason(run, refused, readiness) -> None:
    url, answers = readiness
    answers.append((503, "no zone is served\n"))
    refused(run("ready", "--url", url, "--timeout", "0"), 8, url, "is not ready: no zone is served")
    nobody = run("ready", "--url", "http://127.0.0.1:1", "--timeout", "0.1")
    refused(nobody, 8, "is not ready: Connection refused; is it running, with [metrics]?")
    refused(
        run("metrics", "--url", "http://127.0.0.1:1"), 8, "127.0.0.1:1: Connection refused; is zonegitd running"
    )
    refused(run("ready", "--url", "nonsense"), 2, "nonsense")
    refused(run("ready", "--timeout", "-1"), 2, "--timeout", "not a number of seconds from 0 to 86400")
    refused(run("ready", "--timeout", "soon"), 2, "--timeout", "is not a number of seconds")
