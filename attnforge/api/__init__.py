"""What Python users call, and commands too: loading, generating, training, evaluating, recipes."""
