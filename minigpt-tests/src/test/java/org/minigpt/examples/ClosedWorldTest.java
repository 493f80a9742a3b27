package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;
import org.minigpt.server.ModelServer;
import org.minigpt.server.ServerOptions;

/** A model that {@link ChatExample} trains from nothing answers what it was never asked, over HTTP. */
class ClosedWorldTest {
    @TempDir
    private Path dir;

    @Test
    void unseenQuestionsAreAnswered() throws Exception {
        ChatExample.main(new String[] {dir.toString()});

        SavedModel saved = ModelFolder.load(dir);
        ServerOptions options = ServerOptions.builder()
                .port(0)
                .chatTemplate(ChatTemplate.of(dir))
                .build();
        List<ClosedWorld.Pair> unseen = ChatExample.unseen();
        try (ModelServer server = ModelServer.start(saved.gpt(), saved.tokenizer(), options)) {
            assertTrue(ClosedWorld.ask(server.address(), unseen) >= 0.95);
        }
    }
}
