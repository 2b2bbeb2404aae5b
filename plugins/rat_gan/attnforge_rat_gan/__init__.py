"""RAT-GAN (Ye et al., 2022): affine layers that share a recurrent network, and spatial attention."""
