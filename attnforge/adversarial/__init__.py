"""The adversarial game that every family of generators plays: public, for plugins to build on.

- `task.AdversarialTask`: one step of the game, in methods that a family overrides.
- `loss.AdversarialLoss`: which pairs of image and caption a loss classifies.
- `negatives`: mismatched captions; `pyramid`: real images at every size; `averaging`: EMA;
  `schedules`: learning rates; `normalisation`: batch normalisation over processes;
  `freezing`, `initialisation`, `precision`.
"""
