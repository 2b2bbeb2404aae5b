# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
# ---

# %% [markdown]
# # What words do
#
# Editors with notebooks and jupytext open this file as one. It needs a run, such as that of
# `attnforge quickstart --out runs/birds`.

# %%
from itertools import pairwise

import attnforge

model = attnforge.load("runs/birds")
model

# %% [markdown]
# Point at a word to see which pixels the last stage with attention gave it.

# %%
caption = "a red bird with white wings"
model(caption, n=8, seed=1)

# %% [markdown]
# The same noise for other words, as in Figure 5 of the paper: what changes is what the words say.

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
# From one caption to another, and from one noise to another.

# %%
model.walk(caption, "a blue bird with black wings", steps=6)

# %%
walk = model.walk(caption, steps=6, seed=1, last_seed=2)
walk.save("walk.gif")
walk
