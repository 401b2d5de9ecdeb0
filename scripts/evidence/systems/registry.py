"""All systems, in order."""

from evidence.systems import (
    absolute_error,
    breast_cancer,
    building_blocks,
    california,
    chain,
    first_order_methods,
    initialization_depth,
    jacobians,
    least_squares,
    mnist_linear,
    relu_functions,
    residual_backpropagation,
    small_networks,
    two_views,
    wide_network,
)

SYSTEMS = (
    residual_backpropagation.SYSTEM,
    two_views.SYSTEM,
    breast_cancer.SYSTEM,
    building_blocks.SYSTEM,
    first_order_methods.SYSTEM,
    chain.SYSTEM,
    small_networks.SYSTEM,
    mnist_linear.ZERO_ONE,
    mnist_linear.SOFTMAX,
    wide_network.SYSTEM,
    absolute_error.SYSTEM,
    california.SYSTEM,
    jacobians.SYSTEM,
    relu_functions.SYSTEM,
    initialization_depth.SYSTEM,
    least_squares.SYSTEM,
)
