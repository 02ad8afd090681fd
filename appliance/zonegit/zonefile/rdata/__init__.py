"""RDATA of every type as text and as wire: each type is a row of fields in `layouts`, each field reads and writes.

A field's reader takes what the type's presentation form allows, its writer any wire form that fits the field.
`presentation` puts them together, and uses RFC 3597's form where text wouldn't read back.
"""
