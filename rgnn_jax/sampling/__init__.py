"""Autoregressive decoding: rules, one compiled loop, text."""
