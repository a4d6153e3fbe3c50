"""Autoregressive decoding, painting, and ways through a latent space."""
