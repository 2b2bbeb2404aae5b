"""What `attnforge plugins check` looks at: the module, the components, and what else a plugin declares."""
