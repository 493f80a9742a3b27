package outside;

import java.nio.file.Path;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenMultiDataSetIterator;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.NetworkFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.learning.config.Adam;

/** Ten steps in a ComputationGraph. Argument: the file to save to. */
public final class TrainAndSave {
    public static void main(String[] args) {
        String text = "To be, or not to be: that is the question.\n".repeat(50);
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(text);
        GptConfig config = GptConfig.builder().vocabSize(tokenizer.vocabSize()).build();
        ComputationGraph graph = GptNetworks.toComputationGraph(
                Gpt.create(config, 1), new NeuralNetConfiguration.Builder().updater(new Adam(1e-3)));
        RandomWindows windows = new RandomWindows(tokenizer.encode(text), 8, config.blockSize(), 1);
        TokenMultiDataSetIterator batches = new TokenMultiDataSetIterator(windows, 10);
        double before = graph.score(batches.next());
        batches.reset();
        graph.fit(batches);
        batches.reset();
        double after = graph.score(batches.next());
        if (!(after < before)) {
            throw new IllegalStateException("the loss went from " + before + " to " + after);
        }
        NetworkFile.save(Path.of(args[0]), graph, tokenizer);
        System.out.println("loss " + before + " to " + after);
    }
}
