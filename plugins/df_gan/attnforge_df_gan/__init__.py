"""DF-GAN (Tao et al., CVPR 2022): deep fusion blocks, a one-way discriminator, a matching-aware penalty."""
