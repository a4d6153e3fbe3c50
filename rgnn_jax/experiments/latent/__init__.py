"""Looking into a trained run's latent space: numbers, arrays and pictures of each of the tools."""
