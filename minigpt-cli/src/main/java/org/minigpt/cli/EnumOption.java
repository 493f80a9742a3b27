package org.minigpt.cli;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/**
 * Enums as options spell them: {@code gelu-tanh} is {@code GELU_TANH}.
 *
 * @param values all constants
 */
record EnumOption<E extends Enum<E>>(E[] values) implements ITypeConverter<E> {

    /** Registers a converter for each enum that an option of the command or of one below it has. */
    static void registerAll(CommandLine command) {
        for (OptionSpec option : command.getCommandSpec().options()) {
            // The sizes of bench are letters, and have picocli's own.
            if (option.type().isEnum() && option.type() != WorkloadOptions.Preset.class) {
                register(command, option.type().asSubclass(Enum.class));
            }
        }
        command.getSubcommands().values().forEach(EnumOption::registerAll);
    }

    @SuppressWarnings({"rawtypes", "unchecked"}) // what isEnum() has said, the compiler does not know
    private static void register(CommandLine command, Class type) {
        command.registerConverter(type, new EnumOption((Enum[]) type.getEnumConstants()));
    }

    @Override
    public E convert(String text) {
        return Arrays.stream(values)
                .filter(value -> spell(value).equals(text))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("it must be "
                        + Stream.of(values).map(EnumOption::spell).collect(Collectors.joining(", ")) + ", but is '"
                        + text + "'"));
    }

    /** @return the constant as options have it: by its own toString, else by its name */
    static String spell(Enum<?> value) {
        String shown = value.toString();
        return shown.equals(value.name()) ? shown.toLowerCase(Locale.ROOT).replace('_', '-') : shown;
    }
}
