"""GAN-INT-CLS (Reed et al., ICML 2016): generator, discriminator, matching-aware loss, interpolation."""
