package org.minigpt;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.EvaluationResult;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.simd.Simd;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Holds the packages of minigpt-core and minigpt-formats to their order: each knows only those before it. */
class ArchitectureTest {

    private static final List<String> ROOMS = List.of(
            "internal.files",
            "internal.pickle",
            "files",
            "internal.random",
            "internal.parallel",
            "internal.simd",
            "internal.kernels",
            "ops",
            "internal.ops",
            "internal.runtime",
            "runtime",
            "internal.batch",
            "graph",
            "internal.text",
            "text",
            "data",
            "decode",
            "model",
            "dl4j",
            "train",
            "generate",
            "internal.tensors",
            "io",
            "checkpoint",
            "gguf",
            "llmc",
            "onnx",
            "pytorch",
            "llama2c");

    /** What a model is made of and run by. */
    private static final Set<String> MODELS = Set.of(
            "internal.simd",
            "internal.kernels",
            "ops",
            "internal.ops",
            "internal.runtime",
            "runtime",
            "internal.batch",
            "graph");

    /** What a file of a model's parameters has nothing to do with. */
    private static final Set<String> USES = Set.of("dl4j", "data", "train", "generate");

    /** What the files of another program have nothing to do with. */
    private static final Set<String> OTHERS = Set.of(
            "dl4j", "data", "train", "generate", "io", "checkpoint", "gguf", "llmc", "onnx", "pytorch", "llama2c");

    /** Rooms before it in the order that a room must not know all the same. */
    private static final Map<String, Set<String>> HIDDEN = Map.ofEntries(
            entry("decode", Set.of("text", "data")),
            entry("model", Set.of("text")),
            entry("dl4j", Set.of("text", "data", "decode", "model")),
            entry("internal.text", MODELS),
            entry("text", MODELS),
            entry("data", MODELS),
            entry("train", Set.of("text")),
            entry("generate", Set.of("train")),
            entry("internal.tensors", USES),
            entry("io", Set.of("train", "generate")),
            entry("checkpoint", Set.of("text", "generate")),
            entry("gguf", OTHERS),
            entry("llmc", OTHERS),
            entry("onnx", OTHERS),
            entry("pytorch", OTHERS),
            entry("llama2c", OTHERS));

    /** Of other modules, which use them all. */
    private static final List<String> OUTSIDE = List.of(
            "org.minigpt.chat..",
            "org.minigpt.langchain4j..",
            "org.minigpt.server..",
            "org.minigpt.cli..",
            "org.minigpt.examples..");

    /** Methods of JavaCPP's pointers that move what they point to, or give it away as something that does. */
    private static final Set<String> POINTER_COPIES = Set.of(
            "get",
            "put",
            "memcpy",
            "memmove",
            "memset",
            "memchr",
            "fill",
            "zero",
            "asBuffer",
            "asByteBuffer",
            "getString",
            "putString",
            "getPointer",
            "address",
            "getByte",
            "putByte",
            "getShort",
            "putShort",
            "getInt",
            "putInt",
            "getLong",
            "putLong",
            "getFloat",
            "putFloat",
            "getDouble",
            "putDouble");

    /** Methods of ND4J's buffers that tell where they lie. */
    private static final Set<String> BUFFER_ADDRESSES = Set.of(
            "addressPointer",
            "pointer",
            "address",
            "platformAddress",
            "asNio",
            "asNioFloat",
            "asNioDouble",
            "asNioInt",
            "asNioLong",
            "indexer",
            "opaqueBuffer");

    /** Types of the JDK and of ND4J whose instances change. */
    private static final List<Class<?>> CHANGEABLE = List.of(
            Thread.class,
            ThreadLocal.class,
            Random.class,
            BitSet.class,
            StringBuilder.class,
            Buffer.class,
            INDArray.class,
            DataBuffer.class,
            Pointer.class);

    /** Arrays that nothing writes to once they are made. */
    private static final Set<String> TABLES = Set.of(
            "ByteAlphabet.BYTES",
            "ByteAlphabet.SHOWN",
            "CompletionJob.DONE",
            "Exchange.EVENT_END",
            "Exchange.EVENT_START",
            "GgufHeader.WIDTHS",
            "GgufTensors.NAMES",
            "SplitPattern.ASCII",
            "Older.MAGIC");

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("org.minigpt");

    static List<String> rooms() {
        return ROOMS;
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void knowsOnlyTheRoomsAboveIt(String room) {
        assertTrue(CLASSES.containPackage(packageOf(room)), "it is gone");

        String[] forbidden = Stream.concat(
                        OUTSIDE.stream(),
                        ROOMS.stream()
                                .filter(other -> !other.equals(room))
                                .filter(other -> ROOMS.indexOf(other) > ROOMS.indexOf(room)
                                        || HIDDEN.getOrDefault(room, Set.of()).contains(other))
                                .map(ArchitectureTest::within))
                .toArray(String[]::new);

        noClasses()
                .that()
                .resideInAPackage(within(room))
                .should()
                .dependOnClassesThat(resideInAnyPackage(forbidden))
                .check(CLASSES);
    }

    @Test
    void everyClassIsInARoom() {
        String[] known = Stream.of(
                        Stream.of("org.minigpt"),
                        OUTSIDE.stream(),
                        ROOMS.stream().map(ArchitectureTest::within))
                .flatMap(packages -> packages)
                .toArray(String[]::new);

        classes().should().resideInAnyPackage(known).check(CLASSES);
    }

    /** What this library's own programs need, others need too, and it is public. */
    @Test
    void internalsAreNotForPrograms() throws IOException {
        noClasses()
                .that()
                .resideInAnyPackage(OUTSIDE.toArray(String[]::new))
                .should()
                .dependOnClassesThat(resideInAnyPackage(within("internal")))
                .check(CLASSES);
        // Those that are not on this module's class path.
        for (String folder : List.of("outside-project/src", "../minigpt-ui/src", "../minigpt-spark/src")) {
            List<Path> sources;
            try (Stream<Path> files = Files.walk(Path.of(folder))) {
                sources =
                        files.filter(file -> file.toString().endsWith(".java")).toList();
            }
            assertFalse(sources.isEmpty(), folder);
            for (Path source : sources) {
                assertFalse(Files.readString(source).contains(packageOf("internal")), source.toString());
            }
        }
    }

    /** Who opens minigpt-core sees so many types, those within others not counted: one more is to take another's place. */
    @Test
    void thePublicTypesAreFew() {
        List<String> types = CLASSES.stream()
                .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC)
                        && type.isTopLevelClass()
                        && !type.getPackageName().startsWith(packageOf("internal"))
                        && type.getSource().orElseThrow().getUri().toString().contains("/minigpt-core/"))
                .map(JavaClass::getFullName)
                .sorted()
                .toList();

        assertTrue(types.contains("org.minigpt.model.Gpt") && types.size() <= 110, () -> types.size() + ": " + types);
    }

    @Test
    void kernelsKnowNothingOfSameDiff() {
        noClasses()
                .that()
                .resideInAPackage(within("internal.kernels"))
                .should()
                .dependOnClassesThat(resideInAnyPackage("org.nd4j.autodiff.."))
                .check(CLASSES);
    }

    @Test
    void textKnowsNothingOfArrays() {
        noClasses()
                .that()
                .resideInAPackage(within("text"))
                .should()
                .dependOnClassesThat(resideInAnyPackage("org.nd4j..", "org.deeplearning4j.."))
                .check(CLASSES);
    }

    /** A native copy that goes too far ends the process, so there is one place to make any, and it checks lengths. */
    @Test
    void nativeMemoryIsCopiedInOnePlace() {
        DescribedPredicate<JavaCall<?>> copies =
                DescribedPredicate.describe("copies native memory or tells where it is", call -> {
                    JavaClass owner = call.getTargetOwner();
                    String name = call.getName();
                    if (owner.isAssignableTo(INDArray.class)) {
                        return name.startsWith("assign")
                                && call.getTarget().getRawParameterTypes().stream()
                                        .anyMatch(type -> type.isAssignableTo(INDArray.class));
                    }
                    return owner.isAssignableTo(Pointer.class) && POINTER_COPIES.contains(name)
                            || owner.isAssignableTo(DataBuffer.class) && BUFFER_ADDRESSES.contains(name)
                            || owner.getPackageName().startsWith("org.bytedeco.javacpp.indexer")
                            || name.startsWith("copyMemory")
                            || name.startsWith("copySwapMemory");
                });

        noClasses()
                .that()
                .areNotAssignableTo(NativeMemory.class)
                .should()
                .callCodeUnitWhere(copies)
                .check(CLASSES);
        // The rule would notice: in the one place there are such calls.
        EvaluationResult everywhere =
                noClasses().should().callCodeUnitWhere(copies).evaluate(CLASSES);
        assertTrue(everywhere.hasViolation());
    }

    /**
     * ND4J is a process-wide singleton, so its hooks are too, and processors and what the JIT has compiled are the whole
     * process's; nothing else has a reason to be.
     */
    @Test
    void onlyTheRuntimeKeepsStaticState() {
        List<String> state = CLASSES.stream()
                .filter(owner -> !owner.getPackageName().equals(packageOf("runtime"))
                        && !owner.getPackageName().equals(packageOf("internal.runtime"))
                        && !owner.isAssignableTo(Workers.class)
                        && !owner.isAssignableTo(Simd.class))
                .flatMap(owner -> owner.getFields().stream())
                .filter(ArchitectureTest::isState)
                .map(field -> field.getOwner().getSimpleName() + "." + field.getName())
                .filter(name -> !TABLES.contains(name))
                .sorted()
                .toList();

        assertEquals(List.of(), state);
        // The rule would notice: where state is allowed there is some.
        assertTrue(CLASSES.get(Workers.class).getFields().stream().anyMatch(ArchitectureTest::isState));
    }

    /** A static field that can be set, or whose value can change, as far as its type or the collection itself tells. */
    private static boolean isState(JavaField field) {
        Set<JavaModifier> modifiers = field.getModifiers();
        JavaClass type = field.getRawType();
        if (!modifiers.contains(JavaModifier.STATIC) || modifiers.contains(JavaModifier.SYNTHETIC)) {
            return false;
        }
        if (!modifiers.contains(JavaModifier.FINAL) || type.isArray()) {
            return true;
        }
        if (type.isAssignableTo(Collection.class) || type.isAssignableTo(Map.class)) {
            return !isImmutable(field);
        }
        return type.getPackageName().startsWith("java.util.concurrent") && !type.isEnum()
                || CHANGEABLE.stream().anyMatch(type::isAssignableTo)
                || type.getPackageName().startsWith("org.minigpt")
                        && type.getAllFields().stream()
                                .filter(inside ->
                                        inside.getOwner().getPackageName().startsWith("org.minigpt"))
                                .anyMatch(inside -> !inside.getModifiers().contains(JavaModifier.STATIC)
                                        && !inside.getModifiers().contains(JavaModifier.FINAL));
    }

    private static boolean isImmutable(JavaField collection) {
        try {
            Field field = collection.reflect();
            field.setAccessible(true);
            String type = field.get(null).getClass().getName();
            return type.startsWith("java.util.ImmutableCollections")
                    || type.startsWith("java.util.Collections$Unmodifiable");
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String packageOf(String room) {
        return "org.minigpt." + room;
    }

    private static String within(String room) {
        return packageOf(room) + "..";
    }
}
