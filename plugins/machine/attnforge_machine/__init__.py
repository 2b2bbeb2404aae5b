"""Hardware and speed of a run: machine.json in the run folder, and a section in its report."""
