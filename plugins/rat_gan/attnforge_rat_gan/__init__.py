"""RAT-GAN (Ye et al., 2022): a one-stage generator whose affine layers share a recurrent network."""
