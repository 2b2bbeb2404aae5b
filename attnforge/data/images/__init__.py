"""Images of files: opening, decoding, resizing."""
