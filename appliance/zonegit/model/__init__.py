"""Values: object ids and kinds, owner names, RRsets, and the canonical bytes of every object. Pure."""
