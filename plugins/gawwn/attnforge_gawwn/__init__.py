"""GAWWN (Reed et al., NeurIPS 2016): images from captions together with a box or with key points."""
