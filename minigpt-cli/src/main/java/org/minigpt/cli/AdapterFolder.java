package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.minigpt.files.AtomicFolder;
import org.minigpt.io.LoraFolder;
import org.minigpt.model.Lora;

/**
 * Saves an adapter whenever the model with it has been saved. A model without an adapter takes the place of one that is
 * there with its adapter, which is then deleted.
 *
 * @param folder of the adapter
 * @param lora nothing if all parameters are trained
 */
record AdapterFolder(Path folder, Optional<Lora> lora) {
    /** Of the folder in that of the run. */
    static final String NAME = "adapter";

    void save() {
        lora.ifPresent(adapter -> LoraFolder.save(folder, adapter));
        if (lora.isEmpty() && Files.exists(AtomicFolder.locate(folder, "adapter_config.json"))) {
            AtomicFolder.delete(folder);
        }
    }
}
