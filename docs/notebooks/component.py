# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
# %% [markdown]
# # Your own attention
#
# Every part of a model is a component that can be replaced. This notebook writes one in a cell, checks that
# it keeps what every attention promises, trains a recipe with it, and looks at what it attends to. It needs
# `pip install "attnforge[testing]"` for the check.

# %%
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import torch
from attnforge_attngan.stages import RefineStage
from torch import nn

import attnforge
from attnforge.interfaces import AttentionOutput
from attnforge.specs import AttentionSpec
from attnforge.testing import run

# %% [markdown]
# ## Write it
#
# An attention gets the features of an image and the words of its captions, and returns for each pixel a
# mixture of the words. This one divides the scores by a temperature: the lower it is, the more a pixel
# decides for a single word.
#
# The constructor has two groups of parameters. Before `*` is what the generator around it passes in: how
# many channels the image has, and how wide a word is. After `*` are the options that a recipe may set, with
# type, default and a line under `Args:`.


# %%
@attnforge.component("attention", "tempered")
class TemperedAttention(nn.Module):
    """Attends to words with a temperature.

    Args:
        temperature: What scores are divided by; below 1 a pixel decides for fewer words.
    """

    def __init__(self, spec: AttentionSpec, *, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.project = nn.Linear(spec.words, spec.channels, bias=False)

    def forward(self, features, text, *, return_weights=False):
        # text.words: batch x width x words; where text.padding is true, a caption has no word
        words = self.project(text.words.masked_fill(text.padding[:, None], 0).transpose(1, 2))
        scores = torch.bmm(words, features.flatten(2)) / self.temperature
        scores = scores.masked_fill(text.padding[:, :, None], torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=1).masked_fill(text.padding[:, :, None], 0)
        context = torch.bmm(words.transpose(1, 2), weights.to(words.dtype)).reshape(features.shape)
        maps = weights.reshape(len(weights), -1, *features.shape[2:])
        return AttentionOutput(context=context, weights=maps if return_weights else None)


# %% [markdown]
# ## Check it
#
# The conformance kit tests what an attention promises: weights sum to one, padding gets none, a caption's
# result does not depend on the others in its batch, gradients arrive, and more. Two checks are of packages,
# and skipped here.

# %%
print(run(TemperedAttention))

# %% [markdown]
# What it finds, in a class that forgets the padding. Nothing crashes, and training would continue; but what
# a caption gets then depends on how long the longest caption of its batch is.


# %%
@attnforge.component("attention", "forgetful")
class ForgetfulAttention(TemperedAttention):
    """Attends to words, and to places where there is none."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)

    def forward(self, features, text, *, return_weights=False):
        words = self.project(text.words.transpose(1, 2))
        weights = torch.bmm(words, features.flatten(2)).softmax(dim=1)
        context = torch.bmm(words.transpose(1, 2), weights).reshape(features.shape)
        maps = weights.reshape(len(weights), -1, *features.shape[2:])
        return AttentionOutput(context=context, weights=maps if return_weights else None)


print(run(ForgetfulAttention, only=["padding_gets_no_weight", "batch_invariance"]))

# %% [markdown]
# ## Train with it
#
# The class itself is the value in the recipe, alone or with options in `functools.partial`. The recipe is a
# small quickstart of half a minute.

# %%
sharp = partial(TemperedAttention, temperature=0.5)
recipe = attnforge.recipe(
    {
        "extends": "quickstart",
        "data": {"count": 400, "test_count": 100},
        "generator": {
            "channels": 8,
            "stages": [
                "initial",
                partial(RefineStage, attention=TemperedAttention, residual_blocks=1),
                partial(RefineStage, attention=sharp, residual_blocks=1),
            ],
        },
        "discriminator": {"channels": 8, "max_channels": 32},
        "phases": {"damsm": {"steps": 30}, "gan": {"steps": 30}},
        "evaluation": {"captions": 50},
    }
)
outcome = attnforge.train(recipe, out=Path(mkdtemp(), "tempered"))
outcome

# %% [markdown]
# A run keeps the names of its components. What loads it is passed the classes.

# %%
model = attnforge.load(outcome.run.path, components=[TemperedAttention])
images = model("a red bird with white wings", n=4)
images

# %% [markdown]
# How sharp is the attention of each stage? This is the share that the strongest word of a pixel has, on
# average. With six words, equal shares would be 0.17, and after so few steps they are.

# %%
for stage, maps in enumerate(images[0].attention, start=1):
    print(f"stage {stage}: {maps.max(axis=0).mean():.2f}")

# %% [markdown]
# ## Next
#
# - Other notebooks, commands and people need a package around the class: `attnforge plugins new tempered
#   --kind attention` writes one, with tests. Put the class into it under the same name, and this run loads
#   without this notebook. [The tutorial](../tutorial/write-a-plugin.md) continues from there.
# - [Compare two runs](compare.ipynb) to find out whether it helps.
# - [All kinds of components](../reference/kinds/index.md), and what each promises.
