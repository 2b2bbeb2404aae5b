"""The checks of `attnforge plugins check`: the module, the components, and other declarations of a plugin."""
