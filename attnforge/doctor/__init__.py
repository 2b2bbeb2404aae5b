"""The checks of `attnforge doctor`: the environment, devices, plugins, data and folders."""
