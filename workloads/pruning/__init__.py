"""Small networks, trained and pruned here: real patterns of weights and activations, and what they cost in accuracy.

| module | what is in it |
|---|---|
| `images` | scikit-learn's digits; MNIST and the like |
| `small_networks` | a multi-layer perceptron and a convolutional network, every layer a matrix product |
| `masks` | which weights go: by magnitude over all layers or each, N:M, whole rows and channels, or inputs too |
| `schedule` | when they go |
| `train` | training and gradual pruning with JAX and optax; many networks at once |
| `priced_pruning` | gradual pruning under a price |
| `layer_statistics` | statistics of a layer that change smoothly with the outputs, inputs and weights that are left |
| `shrink` | the network without outputs that nothing reads |
| `quantisation` | the same network in integers of 4, 8 or 16 bits |
| `measurement` | accuracy on held-out images, zeros of weights and activations and what made them |
| `workload` | the network as a `Workload` |
"""
