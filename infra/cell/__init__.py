"""One cell trained: its run built or continued, watched, committed."""
