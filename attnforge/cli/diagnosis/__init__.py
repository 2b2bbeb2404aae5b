"""What `attnforge doctor` looks at: the environment, devices, plugins, data and folders."""
