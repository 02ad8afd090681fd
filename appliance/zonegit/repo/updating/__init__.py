"""UPDATE messages (RFC 2136) become commits."""
