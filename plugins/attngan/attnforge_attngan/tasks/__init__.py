"""AttnGAN's two training phases: matching words with regions, then the adversarial training."""
