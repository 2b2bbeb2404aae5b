"""The files of the official AttnGAN code, read and written."""
