"""`heychip bench`: what listening costs on this machine. Needs numpy and onnxruntime, as listening does.

Everything is counted in CPU time of this process, all its threads: a busy machine makes it slower by the
clock but hardly dearer. What is compared is measured in turns, so that both see the same moments.
"""
