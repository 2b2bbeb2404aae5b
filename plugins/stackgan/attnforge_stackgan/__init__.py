"""The two stages of StackGAN (Zhang et al., ICCV 2017): a rough image from a caption, and a fine one from it."""
