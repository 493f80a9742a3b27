package org.minigpt.examples.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.minigpt.io.LoraFolder;
import org.minigpt.model.Lora;
import org.minigpt.train.EvalReport;
import org.minigpt.train.TrainListener;
import org.minigpt.util.AtomicFolder;

/**
 * Saves an adapter whenever the model with it is saved: at each evaluation but that before the first step. A model
 * without an adapter takes the place of one that is there with its adapter, which is deleted.
 *
 * @param folder of the adapter
 * @param lora nothing if all parameters are trained
 * @param maxIters at which the run ends; with no step there is no evaluation but one
 */
record AdapterFolder(Path folder, Optional<Lora> lora, long maxIters) implements TrainListener {
    /** Of the folder in that of the run. */
    static final String NAME = "adapter";

    @Override
    public void onEvaluation(EvalReport report) {
        if (report.iteration() == 0 && maxIters > 0) {
            return;
        }
        lora.ifPresent(adapter -> LoraFolder.save(folder, adapter));
        if (lora.isEmpty() && Files.exists(AtomicFolder.locate(folder, "adapter_config.json"))) {
            AtomicFolder.delete(folder);
        }
    }
}
