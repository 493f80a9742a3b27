package org.minigpt.examples.cli;

import org.minigpt.data.TokenDataset;
import org.minigpt.text.Tokenizer;

/**
 * A text that is ready to be trained on.
 *
 * @param name as the user wrote it
 * @param tokenizer whose ids the dataset has
 * @param dataset both splits
 */
record TrainingData(String name, Tokenizer tokenizer, TokenDataset dataset) {}
