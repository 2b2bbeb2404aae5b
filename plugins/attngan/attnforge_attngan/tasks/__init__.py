"""The two things that AttnGAN trains: first the matching of words and regions, then the generator."""
