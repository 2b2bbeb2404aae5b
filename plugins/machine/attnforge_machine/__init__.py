"""What a run ran on and how fast it went: machine.json in the run folder, a section in its report."""
