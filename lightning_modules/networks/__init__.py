"""Networks: plain torch modules that know nothing of losses and trainers, and what is known of them in closed form."""

from lightning_modules.networks.activation import Activation
from lightning_modules.networks.activations import ACTIVATIONS, Identity, make_activation
from lightning_modules.networks.conv_encoder import ConvEncoder
from lightning_modules.networks.conv_network import ConvNetwork
from lightning_modules.networks.dense_network import DenseNetwork
from lightning_modules.networks.initialization import initialize
from lightning_modules.networks.jacobian import forward_jacobian, reverse_jacobian
from lightning_modules.networks.relu_functions import dead_zone, tent
from lightning_modules.networks.residual_network import ResidualNetwork

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "ConvEncoder",
    "ConvNetwork",
    "DenseNetwork",
    "Identity",
    "ResidualNetwork",
    "dead_zone",
    "forward_jacobian",
    "initialize",
    "make_activation",
    "reverse_jacobian",
    "tent",
]
