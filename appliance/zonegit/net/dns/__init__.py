"""DNS over UDP, TCP and TLS: the loops of the workers that answer, and questions to other servers."""
