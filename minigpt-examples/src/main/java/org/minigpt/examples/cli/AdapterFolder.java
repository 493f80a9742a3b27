package org.minigpt.examples.cli;

import java.nio.file.Path;
import org.minigpt.io.LoraFolder;
import org.minigpt.model.Lora;
import org.minigpt.train.EvalReport;
import org.minigpt.train.TrainListener;

/** Saves an adapter whenever the model with it is saved: at each evaluation but that before the first step. */
record AdapterFolder(Path folder, Lora lora) implements TrainListener {
    /** Of the folder in that of the run. */
    static final String NAME = "adapter";

    @Override
    public void onEvaluation(EvalReport report) {
        if (report.iteration() > 0) {
            LoraFolder.save(folder, lora);
        }
    }
}
