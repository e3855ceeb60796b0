"""Certificates: a verdict as JSON that names the two functions, and that can be run again.

`names`, `fingerprints` and `subjects` say what a verdict is about; `schema` reads a file from
elsewhere, and `checking` asks its question again.
"""
