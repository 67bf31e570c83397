"""Programs as motif graphs: their laws, an interpreter, and a network that draws their edges."""
