"""Sheets of generated images: contact sheets, attention sheets and their files."""
