"""What dig, kdig and drill print for a transfer reads as a zone file."""

import pytest

from readkit import SOA, read, records, refusal

DIG = """\

; <<>> DiG 9.18.49 <<>> @192.0.2.53 -y hmac-sha256:xfr.test:AAAA example.com AXFR
; (1 server found)
;; global options: +cmd
"""
DIG_END = """\
;; Query time: 4 msec
;; SERVER: 192.0.2.53#53(192.0.2.53) (TCP)
;; XFR size: 3 records (messages 1, bytes 306)

"""
KDIG = ";; AXFR for example.com.\n"
LINE = "www.example.com.\t300\tIN\tA\t192.0.2.1\n"
FULL_SOA = SOA.replace("@", "example.com.").replace("ns1 hostmaster", "ns1.example.com. hostmaster.example.com.")
SIGNATURE = "xfr.test.\t\t0\tANY\tTSIG\thmac-sha256. 1795948588 300 32 OgxXok9s= 11830 NOERROR 0 \n"
FOLDED = "xfr.test.\t\t0s ANY TSIG hmac-sha256. 1795948623 300 32 (\n\t\tnevfbvcI= ) 4703 NOERROR 0 \n"
BROKEN = ";; communications error to 192.0.2.53#53: end of file\n;; no servers could be reached\n"


@pytest.mark.parametrize(
    "text",
    [
        DIG + FULL_SOA + LINE + FULL_SOA + DIG_END,
        DIG + FULL_SOA + LINE + FULL_SOA + SIGNATURE + DIG_END,
        DIG + FULL_SOA + SIGNATURE + LINE + FULL_SOA + SIGNATURE,
        DIG + FULL_SOA + LINE + FULL_SOA + FOLDED,
        FULL_SOA + LINE + FULL_SOA + SIGNATURE.replace("0\tANY\t", ""),
        FULL_SOA + LINE,
        ";; Connection to the mail server\n; Transfer failed. Again.\n;; AXFR for all\n" + FULL_SOA + LINE,
        DIG + FULL_SOA + LINE + DIG_END,  # dig +onesoa
        BROKEN + DIG + FULL_SOA + LINE + FULL_SOA + DIG_END,  # dig, from its second server
        KDIG + FULL_SOA + LINE + FULL_SOA + SIGNATURE + ";; Received 267 B (1 messages, 3 records)\n",
    ],
)
def test_a_transfer_warns_of_nothing(text: str) -> None:
    parsed = read(text, origin=None)
    assert (parsed.records, parsed.warnings) == (2, [])
    assert records(text, origin=None) == ["www.example.com. 300 IN A 192.0.2.1"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            DIG + FULL_SOA + LINE + BROKEN,
            "the transfer is incomplete (no servers could be reached): it doesn't end",
        ),
        (FULL_SOA + SIGNATURE + LINE + BROKEN, "the transfer is incomplete"),
        (DIG + FULL_SOA + LINE + FULL_SOA + LINE + BROKEN, "the transfer is incomplete"),
        (KDIG + FULL_SOA + LINE + ";; Received 19779 B\n", "the transfer is incomplete (AXFR for example.com.)"),
        (KDIG + FULL_SOA, "the transfer is incomplete"),
        (DIG + "; Transfer failed.\n", "the transfer failed (Transfer failed.)"),
        (BROKEN, "the transfer failed (no servers could be reached)"),
        (KDIG + ";; Received 0 B\n", "the transfer failed (AXFR for example.com.): no SOA came"),
        (
            ";; ERROR: server replied with error 'REFUSED'\n" + KDIG + ";; Received 0 B\n",
            "the transfer failed (server replied with error 'REFUSED')",
        ),
        (DIG, "the transfer failed (DiG 9.18.49 AXFR)"),
        (DIG + FULL_SOA + LINE, "the transfer is incomplete (DiG 9.18.49 AXFR): it doesn't end with its SOA"),
        (DIG.replace("example.com AXFR", "-t axfr example.com") + FULL_SOA + LINE, "the transfer is incomplete"),
        (DIG.replace("example.com AXFR", "-taxfr +multiline") + FULL_SOA + LINE, "the transfer is incomplete"),
        (DIG.replace("example.com AXFR", "example.com TYPE252") + FULL_SOA + LINE, "the transfer is incomplete"),
        (DIG.replace("AXFR", "ixfr=6") + FULL_SOA + LINE, "the transfer is incomplete (DiG 9.18.49 ixfr=6)"),
        (DIG + FULL_SOA + LINE + ";; XFR size: 3 rec", "the transfer is incomplete"),
        (FULL_SOA + LINE + SIGNATURE, "the transfer is incomplete (it has TSIG records)"),
    ],
)
def test_half_a_transfer_is_refused(text: str, reason: str) -> None:
    for origin in (None, b"\7example\3com\0"):
        assert refusal(text, origin).startswith(f"zone: {reason}")


def test_the_secret_on_digs_command_line_is_not_repeated() -> None:
    assert "AAAA" not in refusal(DIG + FULL_SOA + LINE)


WHOLE = (
    DIG
    + FULL_SOA
    + "example.com.\t\t3600\tIN\tNS\tns1.example.com.\n"
    + 'text.example.com.\t300\tIN\tTXT\t"v=spf1 a; -all"\n'
    + LINE
    + FULL_SOA
    + SIGNATURE
    + DIG_END
)
FOLDED_SOA = FULL_SOA.replace("7 7200", "(\n\t\t\t\t7 ; serial\n\t\t\t\t7200").replace(" 300\n", " 300 )\n")
MULTILINE = WHOLE.replace(FULL_SOA, FOLDED_SOA)


@pytest.mark.parametrize(
    "text", [WHOLE, MULTILINE, KDIG + WHOLE.removeprefix(DIG)], ids=["dig", "multiline", "kdig"]
)
def test_a_transfer_that_is_cut_anywhere_is_refused(text: str) -> None:
    soa = text.index("SOA")
    closing = text.index("300", text.index("SOA", soa + 3) + 60) + len("300")
    end = text.index("\n", closing) if ")" in text else closing
    for at in range(text.index("\n", 2) + 1, end):
        assert refusal(text[:at], None), text[:at]
    for at in range(text.index("\n", closing), len(text)):
        if not SIGNATURE.startswith(text[:at].rsplit("\n", 1)[1]) or text[:at].endswith("\n"):
            assert records(text[:at], None)[-1] == "www.example.com. 300 IN A 192.0.2.1"


def test_other_output_of_dig_is_no_transfer() -> None:
    head = "; <<>> DiG 9.18.49 <<>> @192.0.2.53 axfr.example.com SOA\n"
    assert records(head + FULL_SOA + LINE) == ["www.example.com. 300 IN A 192.0.2.1"]


def test_a_soa_with_another_ttl_at_the_end_is_told() -> None:
    assert [found.check for found in read(SOA + SOA.replace("3600", "60")).warnings] == ["mixed-ttl"]
