"""A local page that generates images as one types, served from loaded runs."""
