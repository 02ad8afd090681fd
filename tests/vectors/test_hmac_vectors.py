"""The published test vectors of `ZG1-HMAC-SHA256`: they pin the bytes that a second implementation must make."""

import re
from pathlib import Path

from blake3 import blake3

from zonegit.auth.key import Key
from zonegit.auth.scheme import (
    Call,
    Credentials,
    Signature,
    check_request,
    check_response,
    encode64,
    parse_authorization,
    sign_request,
    sign_response,
    signature_header,
)
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind
from zonegit.sync.arrival import Offer
from zonegit.sync.frames import FrameWriter
from zonegit.sync.push_wire import Answer, Ask

DOCS = Path(__file__).parents[2] / "docs"
KEY = Key.derive("k2026a", bytes(range(32)))
NONCE = bytes(range(0xA0, 0xB0))
TS = 1767225600
AUD = "primary-1"
REFS = Call("GET", "/v0/refs")
FETCH = Call("POST", "/v0/fetch", "application/vnd.zonegit.frames")
FIRST_MAC = "33heoKwR-5M_CAGkHPKU3DgeQB4EG-paLhFYjDQVGak"


def test_derived_keys() -> None:
    assert KEY.request.hex() == "a847f087dffc89c3ab960974b6c79b23ded50fce118f1101a39a7ee44cbe6802"
    assert KEY.response.hex() == "725f26aaff2dd98cb03796254e32aa5bce2652aa31e6126aef5f73e463f917cd"


def test_request_without_a_body() -> None:
    digest = blake3(b"").digest()
    assert digest.hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    header, mac = sign_request(KEY, REFS, aud=AUD, ts=TS, nonce=NONCE, digest=digest)
    assert mac == FIRST_MAC
    assert header == (
        "ZG1-HMAC-SHA256 kid=k2026a,ts=1767225600,nonce=oKGio6SlpqeoqaqrrK2urw,aud=primary-1,mac=" + FIRST_MAC
    )
    credentials = parse_authorization([header.encode()])
    assert credentials == Credentials("k2026a", TS, "oKGio6SlpqeoqaqrrK2urw", AUD, FIRST_MAC)
    assert check_request(KEY, REFS, credentials, aud=AUD, digest=digest)


def test_request_with_a_body() -> None:
    digest = blake3(b"hello, zonegit").digest()
    assert digest.hex() == "0a577c4f79ad3efce87514e471fc98a49af2258d0ffeee1e86949abf27330eaf"
    _, mac = sign_request(KEY, FETCH, aud=AUD, ts=TS, nonce=NONCE, digest=digest)
    assert mac == "pAfmUat-MLYm6ss0DrVhc1ZsDfpuSMLPAO7es8fyAzc"


def test_response() -> None:
    digest = blake3(b'{"zones":[],"branches":[]}').digest()
    assert digest.hex() == "8670640370fbb4769bf461a97c5f9992fd602213ee07cc38da41debd4c1d41e3"
    mac = sign_response(KEY, FIRST_MAC, status=200, ts=TS + 1, content_type="application/json", digest=digest)
    assert encode64(mac) == "Vt4KPuHLGOB6cj8_cK1gd5JFEqmMbnHdXjS5kp92C8Q"
    assert signature_header(KEY, TS + 1, mac) == f"kid=k2026a,ts={TS + 1},mac={encode64(mac)}"
    signature = Signature("k2026a", TS + 1, encode64(mac))
    assert check_response(KEY, FIRST_MAC, signature, status=200, content_type="application/json", digest=digest)


def test_push() -> None:
    ask = Ask(
        (ObjectId(b"\xaa" * 32),), (Offer(Ref(RefKind.HEAD, "example.org.", "main"), ObjectId(b"\xbb" * 32)),)
    )
    writer = FrameWriter(lambda ts, digest: b"")
    body = writer.group((bytes.fromhex("03010000000000000000"), bytes.fromhex("01010078"))) + writer.ask(
        ask.encode()
    )
    published = (DOCS / "protocol.md").read_text().partition("\n6. A push")[2]
    assert re.sub(r"\s", "", published.partition("\n\n")[2].partition("   The answer")[0]) == body.hex()
    call = Call("POST", "/v0/push", "application/vnd.zonegit.frames")
    _, mac = sign_request(KEY, call, aud=AUD, ts=TS, nonce=NONCE, digest=blake3(body).digest())
    assert mac == "wih169wajv4rasCjTOmkefy6KTTp3x-HpTsHhVeeJ2k"
    answer = Answer(2).encode()
    assert answer == b'{"stored":2,"missing":[],"results":[]}'
    digest = blake3(answer).digest()
    signed = sign_response(KEY, mac, status=200, ts=TS + 1, content_type="application/json", digest=digest)
    assert encode64(signed) == "UUW_zsJt4pk_xNeiM4XUV2wKITJZgZDAFaEdQV5xkf0"
