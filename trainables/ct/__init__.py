"""CT slices: the phantom, prepared folders, views, nodules."""
