"""Small zones that the cases of answering are asked against."""

ORG = """
$TTL 3600
@        IN SOA ns1 hostmaster 7 7200 3600 1209600 300
@           NS  ns1
@           NS  ns.example.net.
@           MX  10 mail
@           TXT "apex"
ns1         A   192.0.2.1
ns1         AAAA 2001:db8::1
mail        A   192.0.2.2
www         CNAME web
web         A   192.0.2.3
web         A   192.0.2.4
loop1       CNAME loop2
loop2       CNAME loop1
away        CNAME www.elsewhere.test.
gone        CNAME missing
tonet       CNAME www.example.net.
todel       CNAME a.sub
a.b.ent     TXT "below two empty non-terminals"
*.wild      A   192.0.2.9
*.wild      MX  10 mail
x.wild      TXT "here"
*.wcname    CNAME web
below.*.wempty TXT "the wildcard is an empty non-terminal"
sub         NS  ns.sub
sub         NS  ns.other
sub         NS  ns.example.net.
ns.sub      A   192.0.2.20
ns.sub      AAAA 2001:db8::20
*.sub       A   192.0.2.99
other       NS  ns.other
ns.other    A   192.0.2.21
bare        NS  ns.elsewhere.test.
old         DNAME new
old         TXT "at the DNAME"
x.old       A   192.0.2.98
host.new    A   192.0.2.30
long        DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.new
_sip._tcp   SRV 1 2 5060 web
svc         HTTPS 1 web alpn=h2
svc0        SVCB 0 svc1
svc1        SVCB 1 . alpn=h2
"""

NET = """
$TTL 600
@    IN SOA ns hostmaster 9 7200 3600 1209600 60
@       NS  ns
@       NS  ns.sub.example.org.
ns      A   198.51.100.1
www     A   198.51.100.2
@       MX  5 mail.example.org.
@       MX  7 ns.sub.example.org.
deep    CNAME deeper
deeper  CNAME www.example.org.
"""

SIGNED = """
$TTL 3600
@        IN SOA ns1 hostmaster 7 7200 3600 1209600 300
@           NS  ns1
@           MX  10 web
@           MX  20 ns1
ns1         A   192.0.2.1
www         CNAME web
web         A   192.0.2.3
web         AAAA 2001:db8::3
gone        CNAME missing
a.b.ent     TXT "below two empty non-terminals"
*.wild      A   192.0.2.9
x.wild      TXT "here"
*.wcname    CNAME web
*.wdel      CNAME x.unsigned
unsigned    NS  ns.unsigned
ns.unsigned A   192.0.2.20
m.unsigned  A   192.0.2.21
z.z.unsigned A  192.0.2.22
unsigned2   TXT "next in line"
signed      NS  ns1
signed      DS  1 15 2 0000000000000000000000000000000000000000000000000000000000000000
old         DNAME wild
"""
