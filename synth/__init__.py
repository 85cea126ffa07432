"""heychip on the desktop: from the text of a phrase to a bundle of detectors."""

import edge as edge  # it keeps ONNX Runtime from telling Microsoft, whoever imports it first here
