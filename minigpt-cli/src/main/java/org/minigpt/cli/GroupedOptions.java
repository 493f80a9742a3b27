package org.minigpt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import picocli.CommandLine.Help;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The options in the help, those of each mixin under the mixin's name. Picocli itself groups only {@code ArgGroup}s,
 * and of those an option that is given twice resets all the others to their defaults.
 */
final class GroupedOptions implements IHelpSectionRenderer {
    private static final String STANDARD = "mixinStandardHelpOptions";

    @Override
    public String render(Help help) {
        CommandSpec command = help.commandSpec();
        List<OptionSpec> rest = new ArrayList<>(
                command.options().stream().filter(option -> !option.hidden()).toList());
        StringBuilder groups = new StringBuilder();
        for (Map.Entry<String, CommandSpec> mixin : command.mixins().entrySet()) {
            if (!mixin.getKey().equals(STANDARD)) {
                List<String> names = mixin.getValue().options().stream()
                        .map(OptionSpec::longestName)
                        .toList();
                Predicate<OptionSpec> inGroup = option -> names.contains(option.longestName());
                List<OptionSpec> group = rest.stream().filter(inGroup).toList();
                if (!group.isEmpty()) { // a command may hide options
                    groups.append(String.format("%n%s%n", mixin.getKey()));
                    groups.append(list(help, group));
                }
                rest.removeAll(group);
            }
        }
        return list(help, rest) + groups;
    }

    private static String list(Help help, List<OptionSpec> options) {
        // The columns are those of all options together.
        Help.Layout layout = help.createDefaultLayout(help.commandSpec().options(), List.of(), help.colorScheme());
        layout.addOptions(options, help.createDefaultParamLabelRenderer());
        return layout.toString();
    }
}
