"""The terms of AttnGAN's objective: adversarial (Eq. 4-5), matching (Eq. 7-14) and conditioning."""
