"""The verifier on code that people really compare: see README.md here."""
