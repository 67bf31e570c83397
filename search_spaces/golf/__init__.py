"""The tiny language-model studies: documented arms, results and findings."""
