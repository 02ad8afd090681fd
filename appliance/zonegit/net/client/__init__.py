"""The client of `/v0`: signed requests to a peer, and what is done with one: pull, push, and both at once."""
