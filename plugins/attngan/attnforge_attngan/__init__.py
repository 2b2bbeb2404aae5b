"""AttnGAN (Xu et al., CVPR 2018): encoders, stages, discriminators, losses and tasks."""
