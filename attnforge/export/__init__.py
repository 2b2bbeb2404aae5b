"""Trained runs as files for other programs: graphs for ONNX and torch, weights, folders for a model hub."""
