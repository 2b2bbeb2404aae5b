"""What lives on disk: run folders, checkpoints, and how older ones are migrated."""
