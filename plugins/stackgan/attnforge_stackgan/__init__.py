"""StackGAN (Zhang et al., ICCV 2017): a small image of a caption, then a large one from both."""
