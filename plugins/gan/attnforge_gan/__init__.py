"""Parts that any family of text-to-image GANs uses: task, losses, discriminators and conditioners."""
