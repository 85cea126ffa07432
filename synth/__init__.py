"""heychip on the desktop: from the text of a phrase to a bundle of detectors."""
