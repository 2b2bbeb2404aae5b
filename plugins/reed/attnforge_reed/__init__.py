"""The text encoder of Reed et al. (CVPR 2016), its training, and embeddings computed beforehand."""
