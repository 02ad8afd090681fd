"""Proposals: branches that somebody asks to have merged into others.

A proposal is a tag object on the tip of its branch (`repo.review_refs`), and holds only what its proposer said.
Whether it has landed, what would change and what would hold it follows from the refs whenever somebody asks.
"""
