"""What benchmark.py and reproduce.py can be asked for, each with its title: known before torch is imported."""

SECTION_TITLES = {
    "glm": "Linear models to their certified optimum",
    "estimators": "Small fits by estimators",
    "networks": "Networks: seconds to a rival's score",
    "nist": "NIST's certified curves by least squares",
    "diagonal": "The exact diagonal of a network's curvature",
    "two_view": "Augmented views a second",
    "overhead": "What a step costs beside its derivatives",
    "scaling": "Time by rows, features, parameters and processes",
    "memory": "Peak memory",
    "gpu": "A GPU beside the CPU",
}
SYSTEM_TITLES = {
    "S1": "Backpropagation through a residual network",
    "S2": "Two views of MNIST",
    "S3": "Breast cancer by three methods",
    "S4": "Building blocks: initialisations, activations, losses",
    "S5": "First-order methods",
    "S6": "Second-order backpropagation through a chain of neurons",
    "S7": "MNIST and Iris by first-order methods and diagonal Newton",
    "S8": "MNIST's zeros and ones by logistic regression",
    "S9": "MNIST by softmax regression",
    "S10": "A wide network on MNIST: step size, batch, depth and width",
    "S11": "A two-layer tanh network under the absolute error",
    "S12": "A network on California housing",
    "S13": "Jacobians by forward and by reverse accumulation",
    "S14": "Functions as ReLU networks",
    "S15": "Initialisation and depth",
    "S16": "Least squares in closed form",
}
