"""Good RDATA of every type, as people write it."""

from collections.abc import Mapping, Sequence
from typing import Final

_KEY: Final = (
    "AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6E9f85ha0k0ewQGCblyW2836GiVsm6k8Kr5ECIoMJ6fZWf3CQSQ9ycW"
    "fTyOHfmI3eQ/1Covhb2y4b"
)
_SHA256: Final = "12c8dd1bd6c19d8a8f6d7e1c6f6d7b9a5f4e3d2c1b0a99887766554433221100"
_SIGNATURE: Final = "8 2 300 20260904170000 20260822160000 1234 @ AwEAAcNEU67LJI5GEg=="
_STRINGS: Final = (
    '""',
    "x",
    '"two words" more',
    '"a\\"b\\\\c\\000\\255;(" ü',
    'a"b"c',
    "a\\ b\\;",
    '"' + "y" * 255 + '"',
)
_SVCB: Final = (
    "0 .",
    "0 svc port=1 alpn=h2",
    "1 .",
    "1 svc.example.net. alpn=h2,h3",
    '16 . alpn="a\\\\,b,c\\\\\\\\d" port=53',
    "1 . port=65535 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1,::ffff:192.0.2.1",
    "1 . ech=AEX+DQBB",
    "1 . alpn=h2 no-default-alpn mandatory=alpn",
    "1 . mandatory=ipv4hint,key65000 ipv4hint=0.0.0.0 key65000=x",
    "1 . key65000=",
    "1 . key65000",
    '1 . key65001="a b\\000\\"" key65000=\\000x',
    "1 . ohttp",
    "1 . key8",
    '1 . dohpath="/dns-query{?dns}"',
    "1 . key7=/q{?dns}",
    '1 . dohpath="/a%20{x}ü{&a*,dns:3,b%2f}"',
    "1 . key1=\\002h2",
    "1 . key3=\\000\\053",
)
SAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "A": (
        "192.0.2.1",
        "0.0.0.0",
        "255.255.255.255",
    ),
    "NS": (
        "ns1",
        "@",
        ".",
        "a\\.b",
        "a\\032b.example.net.",
    ),
    "CNAME": (
        "www",
        "@",
        "UPPER.Example.NET.",
        "x" + "xx" * 31,
    ),
    "MB": ("x",),
    "MG": ("x.",),
    "MR": ("X",),
    "PTR": (
        "host.example.net.",
        "\\000\\255",
    ),
    "NULL": (
        "\\# 2 0102",
        "\\# 0",
    ),
    "WKS": (
        "192.0.2.1 6 25 80",
        "192.0.2.1 tcp 25 53",
        "192.0.2.1 17 65535 0",
        "192.0.2.1 17",
    ),
    "HINFO": (
        '"a b" x',
        "INTEL-386 Linux",
    ),
    "MINFO": (
        "a b",
        ". .",
    ),
    "MX": (
        "10 mail",
        "0 .",
        "65535 @",
    ),
    "TXT": _STRINGS,
    "RP": ("a b.example.net.",),
    "AFSDB": ("1 a",),
    "X25": (
        "311061700956",
        '"0000"',
    ),
    "ISDN": (
        "150862028003217",
        '150862028003217 "004"',
    ),
    "RT": ("10 a",),
    "NSAP": (
        "0x47.0005.80005a00.0000.01e133ffffff000161.00",
        "0x00",
    ),
    "NSAP-PTR": ("foo.bar.",),
    "SIG": ("A " + _SIGNATURE,),
    "KEY": (
        "256 3 8 " + _KEY,
        "49152 3 8",
        "512 255 RSASHA1 AQ==",
    ),
    "PX": ("1 a b",),
    "GPOS": (
        "-32.6882 116.8652 10.0",
        '"" "" ""',
    ),
    "AAAA": (
        "2001:db8::1",
        "::",
        "::ffff:192.0.2.1",
    ),
    "LOC": (
        "1 N 1 E 0.29m",
        "52 14 05 N 00 08 50 E 10m",
        "90 N 180 E -100000m",
        "90 0 0 S 180 0 0.000 W 42849672.95m 0m 90000000m 1",
        "42 21 54.5 n 71 06 18.999 w -24m 30.5m 0.01 9.99",
        "0 0 0.001 S 0 0 0.001 W 0.01",
        "1 59 59.9 S 1 59 9. E 1.1m",
    ),
    "NXT": (
        "b A MX",
        ". NXT",
    ),
    "EID": ("e32c6f78163a9348",),
    "NIMLOC": ("32251a030067",),
    "SRV": (
        "0 5 5060 sip",
        "1 2 3 .",
    ),
    "ATMA": (
        "+61200000000",
        "39.246f.00.0e7c9c03120001000100012345",
    ),
    "NAPTR": (
        '100 10 "" "" "!^urn:cid:.+@([^\\\\.]+\\\\.)(.*)$!\\\\2!i" .',
        '1 2 s SIP+D2U "" _sip._udp',
        '1 2 "u" "E2U+sip" "!^.*$!sip:x@example.org!" .',
        '1 1 "" "" "/a{1,3}[^]a-z[:alpha:]]|(b|c)+/\\\\1/" .',
    ),
    "KX": ("1 a",),
    "CERT": (
        "PKIX 1 RSASHA256 AQID",
        "65535 1 0 AQ==",
        "URI 0 253 AQID",
        "1 1 254 AQID",
    ),
    "A6": (
        "0 2001:db8::1",
        "64 ::1 b",
        "128 b",
        "127 ::1 b",
        "1 7fff:: b.",
    ),
    "DNAME": ("d.example.net.",),
    "SINK": (
        "1 2 3 AQID",
        "64 0 0",
        "0 0 0",
    ),
    "APL": (
        "1:192.0.2.0/24 !1:192.0.2.128/25 2:2001:db8::/32",
        "1:0.0.0.0/0",
        "!2:::/0",
        "1:192.0.2.1/8",
    ),
    "DS": (
        "60485 8 2 " + _SHA256,
        "1 5 1 " + "ab" * 20,
        "1 1 9 00",
        "1 RSASHA256 4 " + "cd" * 48,
        "0 0 0 00",
    ),
    "SSHFP": (
        "4 2 " + _SHA256,
        "1 1 " + "ab" * 20,
        "0 0 00",
    ),
    "IPSECKEY": (
        "10 1 2 192.0.2.38 AQNRU3mG",
        "10 0 2 . AQNRU3mG",
        "10 2 2 2001:db8::1 AQNRU3mG",
        "10 3 2 gw.example.net. AQNRU3mG",
        "10 0 0 .",
        "10 0 0 . AQ==",
    ),
    "RRSIG": (
        "A " + _SIGNATURE,
        "TYPE65280 253 0 2147483647 0 4294967295 0 . AWEA",
    ),
    "NSEC": (
        "b A NSEC RRSIG TYPE65280",
        ". NSEC",
        "B.Example.net. CAA",
    ),
    "DNSKEY": (
        "256 3 8 " + _KEY,
        "257 3 ECDSAP256SHA256 AQ==",
        "0 3 253 A2NvbQAB",
    ),
    "DHCID": ("AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",),
    "NSEC3": (
        "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
        "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "2 0 0 - 00 A",
    ),
    "NSEC3PARAM": (
        "1 0 0 -",
        "1 0 12 aabbccdd",
    ),
    "TLSA": (
        "3 1 1 " + _SHA256,
        "0 0 0 00",
    ),
    "SMIMEA": ("3 0 1 " + _SHA256,),
    "HIP": (
        "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI rvs.example.net. rvs2",
        "2 00 AQ==",
    ),
    "NINFO": _STRINGS,
    "RKEY": ("0 1 2 AQID",),
    "TALINK": (". a",),
    "CDS": (
        "0 0 0 00",
        "60485 8 2 " + _SHA256,
    ),
    "CDNSKEY": (
        "0 3 0 AA==",
        "257 3 8 " + _KEY,
    ),
    "OPENPGPKEY": ("AQID",),
    "CSYNC": (
        "66 3 A NS AAAA",
        "0 0",
    ),
    "ZONEMD": (
        "2018031900 1 1 " + "ab" * 48,
        "1 0 0 " + "ab" * 12,
        "1 0 2 " + "cd" * 64,
        "1 2 3 " + "ef" * 12,
        "4294967295 0 1 " + "ab" * 48,
    ),
    "SVCB": _SVCB,
    "HTTPS": _SVCB,
    "DSYNC": (
        "CDS NOTIFY 5300 a",
        "TYPE65280 2 0 .",
    ),
    "HHIT": ("AQID",),
    "BRID": ("AQID",),
    "SPF": _STRINGS,
    "NID": ("10 0014:4fff:ff20:ee64",),
    "L32": ("10 10.1.2.0",),
    "L64": ("10 2001:0DB8:1140:1000",),
    "LP": ("10 L64-subnet1",),
    "EUI48": ("00-00-5e-00-53-2a",),
    "EUI64": ("00-00-5E-EF-10-00-00-2A",),
    "URI": (
        '10 1 "ftp://ftp1.example.com/public"',
        '0 0 ""',
        '0 0 "' + "u" * 300 + '"',
        "1 1 unquoted",
    ),
    "CAA": (
        '0 issue "ca1.example.net; account=230123"',
        '128 tbs "Unknown"',
        '0 issue ""',
        "0 Iodef mailto:x",
    ),
    "AVC": _STRINGS,
    "DOA": (
        '0 1 2 "" aHR0cHM6',
        '1234567890 1234567890 1 "image/gif" -',
    ),
    "AMTRELAY": (
        "10 0 1 203.0.113.15",
        "10 1 2 2001:db8::15",
        "128 1 3 amtrelays.example.com.",
        "10 0 0 .",
    ),
    "RESINFO": ("qnamemin exterr=15,16,17",),
    "WALLET": ("ETH 0x0123",),
    "CLA": ("bp-tcp",),
    "IPN": (
        "977000",
        "18446744073709551615",
    ),
    "TA": ("60485 8 2 " + _SHA256,),
    "DLV": ("60485 8 2 " + _SHA256,),
    "TYPE65280": (
        "\\# 4 0a000001",
        "\\# 0",
    ),
    "UINFO": ("\\# 1 00",),
}
