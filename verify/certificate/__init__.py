"""Certificates: a verdict as JSON that names the two functions, and that can be run again."""

from verify.certificate.checking import Checked, check, rerun
from verify.certificate.fingerprints import fingerprint, source_fingerprint
from verify.certificate.names import ALWAYS, Refused, allowed_function, reference, resolve
from verify.certificate.schema import VERSION, read
from verify.certificate.writing import Subject, subject, to_json

__all__ = [
    "ALWAYS",
    "VERSION",
    "Checked",
    "Refused",
    "Subject",
    "allowed_function",
    "check",
    "fingerprint",
    "read",
    "reference",
    "rerun",
    "resolve",
    "source_fingerprint",
    "subject",
    "to_json",
]
