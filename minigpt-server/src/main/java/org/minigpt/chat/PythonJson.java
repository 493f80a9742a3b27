package org.minigpt.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.core.util.Separators.Spacing;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.hubspot.jinjava.interpret.InterpretException;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import java.util.Map;

/** The filter {@code tojson} with the spaces of Python's json.dumps, on which models were trained, and its {@code indent}. */
final class PythonJson implements AdvancedFilter {
    private static final JsonMapper JSON = new JsonMapper();

    private static final Separators LINES = Separators.createDefaultInstance()
            .withObjectFieldValueSpacing(Spacing.AFTER)
            .withObjectEmptySeparator("")
            .withArrayEmptySeparator("");

    private static final DefaultPrettyPrinter ONE_LINE = indented(
            LINES.withObjectEntrySpacing(Spacing.AFTER).withArrayValueSpacing(Spacing.AFTER),
            DefaultPrettyPrinter.NopIndenter.instance);

    private static DefaultPrettyPrinter indented(Separators separators, DefaultPrettyPrinter.Indenter indenter) {
        return new DefaultPrettyPrinter(separators).withObjectIndenter(indenter).withArrayIndenter(indenter);
    }

    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, Object[] args, Map<String, Object> named) {
        DefaultPrettyPrinter printer = named.get("indent") instanceof Number indent
                ? indented(LINES, new DefaultIndenter(" ".repeat(indent.intValue()), "\n"))
                : ONE_LINE;
        try {
            return JSON.writer(printer).writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new InterpretException("tojson: " + e.getOriginalMessage(), e);
        }
    }
}
