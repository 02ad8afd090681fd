"""Between a branch and what is served: the gate that commits pass, and the published version (docs/publishing.md).

A branch with a policy isn't served from its tip but from its *published version*, an object of its own that shows
the last commit that passed the gate. History holds only what people and programs meant: a published version is no
part of it.
"""
