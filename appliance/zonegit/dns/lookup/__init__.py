"""RFC 1034 §4.3.2: from a name and a type to the RRsets of each section, with the proofs of DNSSEC."""
