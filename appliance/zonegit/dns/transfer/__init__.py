"""Zone transfers: who may have one, AXFR and IXFR (RFC 5936, RFC 1995), and their messages."""
