"""cnnjax: convolutional layers as pure functions, and models that train with Optax."""
