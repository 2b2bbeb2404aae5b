"""Tokenizers and text encoders of the field, beside the words and recurrent networks of AttnGAN."""
