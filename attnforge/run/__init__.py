"""A run on disk: training into it, drawing with it, reporting on it."""
