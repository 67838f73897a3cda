"""What one photographer keeps and throws away, learnt from their verdicts."""
