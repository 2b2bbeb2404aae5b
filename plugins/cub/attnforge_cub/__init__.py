"""The CUB birds as AttnGAN's authors released them."""
