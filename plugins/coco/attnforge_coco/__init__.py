"""COCO's photographs and captions as a data set."""
