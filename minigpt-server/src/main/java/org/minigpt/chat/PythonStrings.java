package org.minigpt.chat;

import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/** The methods of Python's strings that chat templates call, which Jinjava does not have. */
final class PythonStrings extends ELResolver {
    private static final String SPACE = " \t\n\r\u000b\f";

    /** @return one that knows them beside what another does */
    static ELResolver beside(ELResolver other) {
        CompositeELResolver both = new CompositeELResolver();
        both.add(new PythonStrings());
        both.add(other);
        return both;
    }

    @Override
    public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] params) {
        Object result = base instanceof String text ? call(text, method.toString(), params) : null;
        if (result != null) {
            context.setPropertyResolved(true);
        }
        return result;
    }

    private static Object call(String text, String method, Object[] params) {
        String first = params.length == 0 || params[0] == null ? null : params[0].toString();
        return switch (method) {
            case "startswith" -> text.startsWith(first);
            case "endswith" -> text.endsWith(first);
            case "strip" -> strip(text, first, true, true);
            case "lstrip" -> strip(text, first, true, false);
            case "rstrip" -> strip(text, first, false, true);
            case "split" -> split(text, first, params.length < 2 ? -1 : ((Number) params[1]).intValue());
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "upper" -> text.toUpperCase(Locale.ROOT);
            default -> null;
        };
    }

    private static String strip(String text, String characters, boolean left, boolean right) {
        String all = characters == null ? SPACE : characters;
        int start = 0;
        int end = text.length();
        while (left && start < end && all.indexOf(text.charAt(start)) >= 0) {
            start++;
        }
        while (right && start < end && all.indexOf(text.charAt(end - 1)) >= 0) {
            end--;
        }
        return text.substring(start, end);
    }

    /** @param most how often, or -1 */
    private static List<String> split(String text, String separator, int most) {
        return separator == null
                ? Arrays.asList(strip(text, null, true, true).split("\\s+", most + 1))
                : Arrays.asList(text.split(Pattern.quote(separator), most < 0 ? -1 : most + 1));
    }

    @Override
    public Object getValue(ELContext context, Object base, Object property) {
        return null;
    }

    @Override
    public Class<?> getType(ELContext context, Object base, Object property) {
        return null;
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {}

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
        return true;
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
        return Collections.emptyIterator();
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, Object base) {
        return null;
    }
}
