"""How a command is carried out: account, budget, targets, questions, progress and signals."""
