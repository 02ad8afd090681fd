"""Messages as bytes (RFC 1035 §4): reads queries, writes responses, and reads RRsets from a zone's blocks."""
