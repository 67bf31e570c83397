"""Portraits drawn pixel by pixel: a diffusion transformer, its conditions, its judges."""
