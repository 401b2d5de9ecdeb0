"""Okabe's and Ito's colours, which people who confuse colours tell apart; their yellow is too pale for a line on white."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

COLORS = (BLUE, VERMILLION, BLACK, PURPLE, SKY, ORANGE, GREEN)
