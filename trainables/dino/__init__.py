"""DINO on lung CT and the linear probe of its features."""
