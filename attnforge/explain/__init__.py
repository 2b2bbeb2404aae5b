"""The explanations of `attnforge explain`: components, kinds, hooks and error codes."""
