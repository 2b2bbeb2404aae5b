"""Recognise the usual failures of adversarial training while it runs, and name them in plain words."""
