"""Where and how to compute: devices, precision, memory layout, CUDA graphs."""
