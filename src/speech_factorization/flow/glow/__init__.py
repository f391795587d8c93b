"""Glow (Kingma and Dhariwal, NeurIPS 2018): its blocks, each a module that gives a torch transform.

From zuko are the linear map of the channels (LULinearTransform) and the composition of a step's transforms. It has no
ActNorm, no squeeze and no split; its coupling picks channels by an index where a view does, and no transform of
its knows of padding.
"""
