"""Streamed images beside images in memory."""
