"""What is kept on disk: designs, fronts, results, and searches that go on where they were."""
