package org.minigpt.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.exptest.IsIterableExpTest;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;

/** A chat template in Jinja, with bounds on its time and on what it writes. */
final class JinjaTemplate implements ChatTemplate.Renderer {
    /** {@code namespace(last=messages|length - 1)}, in which only {@code messages|length} would be taken. */
    private static final Pattern NAMESPACE = Pattern.compile("\\bnamespace\\([^()]*\\)");

    private static final Pattern ARGUMENT = Pattern.compile("(\\w+)\\s*=\\s*([^,()]+)");

    private static final String TEXT = "'(?:\\\\.|[^'\\\\])*'|\"(?:\\\\.|[^\"\\\\])*\"";
    private static final Pattern TAG = Pattern.compile("\\{[{%](?:" + TEXT + "|[^'\"])*?[}%]\\}", Pattern.DOTALL);

    /** {@code not tools is defined}, which would ask whether {@code not tools} is. What has brackets stays as it is. */
    private static final Pattern NOT = Pattern.compile(
            TEXT + "|(?<!\\bis )\\bnot\\s+(?!in\\b)((?:" + TEXT + "|[^'\"(){}%])+?)"
                    + "(?=\\s*(?:\\b(?:and|or|else)\\b|-?[%}]\\}|\\)))",
            Pattern.DOTALL);

    private static final int MAX_OUTPUT = 4 << 20;
    private static final int SECONDS = 2;
    private static final long STEP_MILLIS = 50;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** All in which Jinjava goes its own way unless it is told not to. */
    private static final LegacyOverrides LIKE_JINJA = LegacyOverrides.newBuilder()
            .withEvaluateMapKeys(true)
            .withIterateOverMapKeys(true)
            .withUseNaturalOperatorPrecedence(true)
            .withParseWhitespaceControlStrictly(true)
            .withAllowAdjacentTextNodes(true)
            .withUseTrimmingForNotesAndExpressions(true)
            .withKeepNullableLoopValues(true)
            .withHandleBackslashInQuotesOnly(true)
            .build();

    private final Jinjava jinja;
    private final String name;
    private final String source;
    private final String bosToken;
    private final String eosToken;

    JinjaTemplate(String name, String source, String bosToken, String eosToken) {
        this.name = name;
        this.source = forJinjava(source);
        this.bosToken = bosToken;
        this.eosToken = eosToken;
        jinja = new Jinjava(JinjavaConfig.newBuilder()
                .withLegacyOverrides(LIKE_JINJA)
                .withKeepTrailingNewline(true)
                // What people say is no template.
                .withNestedInterpretationEnabled(false)
                .withElResolver(PythonStrings.beside(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY))
                .withMaxOutputSize(MAX_OUTPUT)
                .withMaxRenderDepth(20)
                .withMaxMacroRecursionDepth(20)
                .withEnableRecursiveMacroCalls(true)
                .build());
        jinja.registerFilter(new PythonJson());
        jinja.registerExpTest(new IsIterableExpTest() {
            @Override
            public boolean evaluate(Object value, JinjavaInterpreter interpreter, Object... args) {
                return value instanceof String || super.evaluate(value, interpreter, args);
            }
        });
        jinja.registerFunction(
                new ELFunctionDefinition("", "raise_exception", JinjaTemplate.class, "refuse", String.class));
        jinja.render("", Map.of()); // its classes are loaded in nobody's time
        jinja.registerFunction(new ELFunctionDefinition("", "strftime_now", JinjaTemplate.class, "now", String.class));
    }

    /** @return the same with all that Jinjava reads otherwise than Jinja in words that mean the same to both */
    private static String forJinjava(String source) {
        // trim_blocks and lstrip_blocks, as Hugging Face's library sets Jinja up: Jinjava's takes more than what begins
        // a line.
        String trimmed = source.replaceAll("(?m)^[ \\t]+(?=\\{[%#])", "").replaceAll("(?<=[%#]\\})\n", "");
        return replaceAll(TAG, trimmed, tag -> {
            String negated = replaceAll(
                    NOT, tag.group(), not -> not.group(1) == null ? not.group() : "not (" + not.group(1) + ")");
            return replaceAll(
                            NAMESPACE,
                            negated,
                            call -> ARGUMENT.matcher(call.group()).replaceAll("$1=($2)"))
                    .replace("[::-1]", "|reverse|list");
        });
    }

    private static String replaceAll(Pattern pattern, String text, Function<MatchResult, String> by) {
        return pattern.matcher(text).replaceAll(found -> Matcher.quoteReplacement(by.apply(found)));
    }

    /** For templates: {@code raise_exception}. */
    public static String refuse(String why) {
        throw new RefusedException(why);
    }

    /** For templates: {@code strftime_now}, of which days, months and years are known. */
    public static String now(String format) {
        LocalDate today = LocalDate.now();
        return format.replace("%d", today.format(DateTimeFormatter.ofPattern("dd")))
                .replace("%m", today.format(DateTimeFormatter.ofPattern("MM")))
                .replace("%Y", String.valueOf(today.getYear()))
                .replace("%b", today.format(DateTimeFormatter.ofPattern("MMM", Locale.ENGLISH)))
                .replace("%B", today.format(DateTimeFormatter.ofPattern("MMMM", Locale.ENGLISH)));
    }

    /** What a template says of a conversation that it is not for. */
    private static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        RefusedException(String why) {
            super(why, null, false, false);
        }
    }

    @Override
    public String render(Conversation conversation, boolean prompt) {
        Map<String, Object> values = new HashMap<>();
        values.put(
                "messages", conversation.messages().stream().map(Message::toMap).toList());
        if (!conversation.tools().isEmpty()) {
            values.put("tools", conversation.tools());
        }
        values.put("add_generation_prompt", prompt);
        values.put("strftime_now", true); // templates ask whether it is defined
        values.put("bos_token", bosToken);
        values.put("eos_token", eosToken);
        FutureTask<RenderResult> rendering = new FutureTask<>(() -> jinja.renderForResult(source, values));
        Thread thread = new Thread(rendering, "minigpt-template");
        thread.setDaemon(true);
        thread.start();
        try {
            RenderResult result = await(rendering, thread);
            for (TemplateError error : result.getErrors()) {
                if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
                    throw failure(error);
                }
            }
            return result.getOutput();
        } catch (ExecutionException e) {
            throw new MiniGptException(
                    "the chat template " + name + " fails (" + e.getCause().getMessage()
                            + "); choose another --chat-template",
                    e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MiniGptException("the chat template was interrupted; try again", e);
        }
    }

    /** The bound is on the processor's time, since a machine that is busy is no fault of the template's. */
    private RenderResult await(FutureTask<RenderResult> rendering, Thread thread)
            throws InterruptedException, ExecutionException {
        for (int waited = 1; ; waited++) {
            try {
                return rendering.get(STEP_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                boolean told = THREADS.isThreadCpuTimeSupported();
                long nanos = told ? THREADS.getThreadCpuTime(thread.getId()) : waited * STEP_MILLIS * 1_000_000;
                if (nanos > SECONDS * 1_000_000_000L) {
                    rendering.cancel(true);
                    throw new MiniGptException(
                            "the chat template " + name + " takes more than " + SECONDS
                                    + " s; choose another --chat-template",
                            e);
                }
            }
        }
    }

    private MiniGptException failure(TemplateError error) {
        for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
            if (cause instanceof RefusedException) {
                return new MiniGptException("the model's chat template refuses the messages: " + cause.getMessage()
                        + "; change them accordingly");
            }
        }
        return new MiniGptException("the chat template " + name + " fails in line " + error.getLineno() + " ("
                + error.getMessage().lines().findFirst().orElse("") + "); choose another --chat-template");
    }
}
