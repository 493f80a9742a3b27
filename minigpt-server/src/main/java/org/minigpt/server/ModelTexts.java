package org.minigpt.server;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.generate.TextGenerator;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is served as texts: the model with its tokenizer and its chat template. */
final class ModelTexts {
    private static final Logger LOG = LoggerFactory.getLogger(ModelTexts.class);

    /** What stands before the prompt, before the suffix, and before what is to be filled in: StarCoder's, and Qwen's. */
    private static final List<List<String>> FILLING_IN = List.of(
            List.of("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
            List.of("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"));

    private final ServedModel served;
    private final Tokenizer tokenizer;
    private final TextGenerator generator;
    private final ChatTemplate template;
    private final Set<String> ignored = ConcurrentHashMap.newKeySet();
    private String[] texts;

    ModelTexts(ServedModel served, Tokenizer tokenizer, ChatTemplate template) {
        this.served = served;
        this.tokenizer = tokenizer;
        this.template = template;
        this.generator = new TextGenerator(served.model(), tokenizer);
    }

    /** @throws ApiException if the model's weights are kept in fewer bytes */
    Gpt gpt() {
        return served.requireF32("tells no logprobs of prompts");
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    TextGenerator generator() {
        return generator;
    }

    /**
     * @param suffix what comes after the text that is asked for; "" for nothing
     * @throws ApiException if there is a suffix, and the model knows no marks for it
     */
    int[] encode(String prompt, String suffix) {
        if (suffix.isEmpty()) {
            return generator.encode(prompt);
        }
        Set<String> special =
                tokenizer instanceof BpeTokenizer bpe ? bpe.specialTokens().keySet() : Set.of();
        for (List<String> marks : FILLING_IN) {
            if (special.containsAll(marks)) {
                return generator.encode(marks.get(0) + prompt + marks.get(1) + suffix + marks.get(2));
            }
        }
        throw ApiException.invalid(
                "suffix",
                "the model's vocabulary has no tokens by which to fill in before a suffix, such as "
                        + FILLING_IN.get(0).get(0) + "; leave it out");
    }

    ChatTemplate template() {
        return template;
    }

    /** Says once of each parameter that it has no effect. */
    void ignore(List<String> parameters) {
        for (String parameter : parameters) {
            if (ignored.add(parameter)) {
                LOG.warn("The parameter {} of requests has no effect here", parameter);
            }
        }
    }

    /** @return the text of each token, null for those that are special, without a text, or a part of a character */
    synchronized String[] texts() {
        if (texts == null) {
            Set<Integer> special = new HashSet<>(generator.eosTokenIds());
            Collection<Integer> more =
                    tokenizer instanceof BpeTokenizer bpe ? bpe.specialTokens().values() : List.of();
            special.addAll(more);
            String[] all = new String[tokenizer.vocabSize()];
            for (int id = 0; id < all.length; id++) {
                String text = special.contains(id) ? "" : tokenizer.decodeContinued(id);
                all[id] = text.isEmpty() || text.indexOf('\uFFFD') >= 0 ? null : text;
            }
            texts = all;
        }
        return texts;
    }
}
