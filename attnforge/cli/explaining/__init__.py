"""What `attnforge explain` says of components, kinds, hooks and error codes."""
