package org.minigpt.cli;

import java.util.List;
import java.util.Locale;
import org.minigpt.data.Split;
import org.minigpt.decode.Window;
import org.minigpt.graph.Activation;
import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.train.DecayGroup;
import org.minigpt.train.Sampling;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Enums as options spell them: {@code gelu-tanh} is {@code GELU_TANH}. */
abstract class EnumOption<E extends Enum<E>> implements ITypeConverter<E> {
    private final List<E> values;

    private EnumOption(E[] values) {
        this.values = List.of(values);
    }

    @Override
    public E convert(String text) {
        return values.stream()
                .filter(value -> spell(value).equals(text))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("it must be "
                        + String.join(
                                ", ", values.stream().map(EnumOption::spell).toList())
                        + ", but is '" + text + "'"));
    }

    /** @return the constant as options have it */
    static String spell(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static final class OfBias extends EnumOption<Bias> {
        OfBias() {
            super(Bias.values());
        }
    }

    static final class OfActivation extends EnumOption<Activation> {
        OfActivation() {
            super(Activation.values());
        }
    }

    static final class OfInitialization extends EnumOption<Initialization> {
        OfInitialization() {
            super(Initialization.values());
        }
    }

    static final class OfMlp extends EnumOption<Mlp> {
        OfMlp() {
            super(Mlp.values());
        }
    }

    static final class OfNorm extends EnumOption<Norm> {
        OfNorm() {
            super(Norm.values());
        }
    }

    static final class OfPositions extends EnumOption<Positions> {
        OfPositions() {
            super(Positions.values());
        }
    }

    static final class OfScheduleKind extends EnumOption<TrainingOptions.Schedule.Kind> {
        OfScheduleKind() {
            super(TrainingOptions.Schedule.Kind.values());
        }
    }

    static final class OfDecayGroup extends EnumOption<DecayGroup> {
        OfDecayGroup() {
            super(DecayGroup.values());
        }
    }

    static final class OfSampling extends EnumOption<Sampling> {
        OfSampling() {
            super(Sampling.values());
        }
    }

    static final class OfWindow extends EnumOption<Window> {
        OfWindow() {
            super(Window.values());
        }
    }

    static final class OfEngine extends EnumOption<BenchCommand.Engine> {
        OfEngine() {
            super(BenchCommand.Engine.values());
        }
    }

    static final class OfFormat extends EnumOption<ExportCommand.Format> {
        OfFormat() {
            super(ExportCommand.Format.values());
        }
    }

    static final class OfPreset extends EnumOption<SettingsOptions.Preset> {
        OfPreset() {
            super(SettingsOptions.Preset.values());
        }
    }

    static final class OfSource extends EnumOption<ImportCommand.Source> {
        OfSource() {
            super(ImportCommand.Source.values());
        }
    }

    static final class OfPrecision extends EnumOption<ExportCommand.Precision> {
        OfPrecision() {
            super(ExportCommand.Precision.values());
        }
    }

    static final class OfSplit extends EnumOption<Split> {
        OfSplit() {
            super(Split.values());
        }
    }
}
