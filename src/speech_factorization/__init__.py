"""Speech factorization with deep generative models."""
