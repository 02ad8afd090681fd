"""UPDATE messages (RFC 2136) as bytes."""
