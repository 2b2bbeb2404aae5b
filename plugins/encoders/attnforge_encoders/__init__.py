"""A subword tokenizer and a transformer as text encoder."""
