"""The desktop's side of seeing: how classifiers become bundles."""
