"""Ruby in: rows of methods, or sources parsed by Ruby's `parser` gem, to Parquet."""
