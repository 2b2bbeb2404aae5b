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
# # What words do
#
# A trained model shows where it looks for each word, what changes when a word is swapped, and what lies
# between two captions.
#
# `attnforge quickstart --out runs/birds` trains one in about six minutes. With another run of yours, change
# `RUN`.
#
# ![Three stages of a generated image, the words that stand out at each, and where the matching finds
# words](../images/attention.png)
#
# `attnforge sample RUN "a red bird with blue wings and a yellow crown" -n 4 --attention` wrote this sheet.

# %%
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import attnforge

RUN = Path("runs/birds")

# %% [markdown]
# Without a run, the next cell trains a very small one in half a minute. Everything below works with it, but
# its images are blots: it has seen too little to know what a word means.

# %%
if not RUN.exists():
    small = {
        "extends": "quickstart",
        "data": {"count": 400, "test_count": 100},
        "generator": {"channels": 8},
        "discriminator": {"channels": 8, "max_channels": 32},
        "phases": {"damsm": {"steps": 30}, "gan": {"steps": 30}},
        "evaluation": {"captions": 50},
    }
    RUN = attnforge.train(small, out=Path(mkdtemp(), "birds")).run.path

model = attnforge.load(RUN)
model

# %% [markdown]
# Point at a word below an image to see which pixels the last stage with attention gave it.

# %%
caption = "a red bird with white wings"
model(caption, n=8, seed=1)

# %% [markdown]
# The maps are numbers, too: one for each stage with attention and each word. This is the share of its
# attention that a word gets in the last stage, on average over the pixels; all words together get 1. With a
# run that was trained for seconds, all get about the same.

# %%
image = model(caption, seed=1)[0]
for word, share in zip(image.words, image.attention[-1], strict=True):
    print(f"{word:8}{share.mean():.2f}")

# %% [markdown]
# Words that no training caption has are skipped, so look at what a model does not know before you blame its
# attention.

# %%
model.unknown_words("a crimson bird with white wings and a hat")

# %% [markdown]
# The same noise with other words, as in Figure 5 of the AttnGAN paper: only the words differ between two
# rows.

# %%
rows = model.swap(caption, red="blue", white="black", n=4)
rows

# %% [markdown]
# How much each swap changes the images, of values from 0 to 255.

# %%
for before, after in pairwise(rows):
    change = abs(after.arrays.astype(float) - before.arrays).mean()
    print(f"{after.captions[0]}: {change:.1f}")

# %% [markdown]
# From one caption to another, with one noise.

# %%
model.walk(caption, "a blue bird with black wings", steps=6)

# %% [markdown]
# From one noise to another, with one caption. Saved as a GIF, it moves.

# %%
walk = model.walk(caption, steps=6, seed=1, last_seed=2)
walk.save(Path(mkdtemp(), "walk.gif"))
walk

# %% [markdown]
# ## Next
#
# - `attnforge play runs/birds` does the same as you type, in a browser.
# - [Train from Python](train.ipynb): recipes as dictionaries, and how good a run is.
# - [AttnGAN in ten minutes](../explanation/attngan.md): how attention and noise make an image.
