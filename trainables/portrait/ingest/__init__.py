"""Portraits in: folders of pictures with what is known of each, to Parquet."""
