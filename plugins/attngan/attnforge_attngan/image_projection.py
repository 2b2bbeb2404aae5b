"""The two trained layers that project image features into the text's space."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.interfaces import ImageFeatures


class Projection(nn.Module):
    """Maps local features c h w and a global vector e to regions d h w and an image vector d.

    The perceptron layers v = W f and v_bar = W_bar f_bar of AttnGAN (Xu et al., 2018), Eq. 6.
    """

    def __init__(self, *, local: int, overall: int, dim: int) -> None:
        super().__init__()
        self.regions = nn.Conv2d(local, dim, kernel_size=1, bias=False)
        self.image = nn.Linear(overall, dim)
        nn.init.uniform_(self.regions.weight, -0.1, 0.1)
        nn.init.uniform_(self.image.weight, -0.1, 0.1)

    def forward(self, local: Float[Tensor, "b c h w"], overall: Float[Tensor, "b e"]) -> ImageFeatures:
        return ImageFeatures(regions=self.regions(local), image=self.image(overall))
