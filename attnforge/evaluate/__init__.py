"""Evaluation: images are generated for captions of the test split and scored by metrics."""
