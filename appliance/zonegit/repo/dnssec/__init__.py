"""Signing as a stage of publishing: keys on disk, signed versions, renewal, rollovers, what operators see of it."""
