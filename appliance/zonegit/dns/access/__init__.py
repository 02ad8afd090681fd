"""Who asks: the requestor of a query, access lists, cookies (RFC 7873), TSIG (RFC 8945), and rate limits."""
