"""Checkpoints: folders that are complete or do not exist.

    checkpoints/gan-0001000/
        <network>.safetensors      weights and buffers
        optimizers.pt              read with `weights_only`
        tokenizer.json             vocabulary, with its fingerprint in the manifest
        recipe.lock.yaml           the frozen recipe that it was trained with
        manifest.json              phase, step, networks, data, sha256 of every file and of the manifest

A checkpoint is written to a temporary folder, flushed to disk and moved into place with one rename, so a run
that is killed while saving keeps the previous one. Nothing in it is executed when it is read, and no file is
read whose digest differs from its manifest.
"""
