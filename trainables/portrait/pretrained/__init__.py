"""Networks that others trained, rebuilt to be read from files of weights."""
