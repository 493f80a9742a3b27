package org.minigpt.benchmarks;

import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.PortableOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the benchmarks of all operations have in common: microseconds forward, and forward and backward, on one thread.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public abstract class OpBenchmark {

    @Param
    public Size size;

    /** This library's ops, planned; or ND4J's, in SameDiff's own session. */
    @Param({"fused", "portable"})
    public String ops;

    private Supplier<Object> forward;
    private Supplier<Object> forwardAndBackward;

    /** Adds the operation to the graph; its output is named {@code graph.output()}. */
    abstract SDVariable define(OpGraph graph, Size size);

    @Setup
    public void setUp() {
        // Fused first in either case: that installs the runtime, with BLAS on one thread for both.
        FusedOps fused = new FusedOps();
        OpGraph graph = new OpGraph(ops.equals("fused") ? fused : new PortableOps());
        define(graph, size);
        forward = graph.forward();
        forwardAndBackward = graph.forwardAndBackward();
    }

    @Benchmark
    public Object forward() {
        return forward.get();
    }

    @Benchmark
    public Object forwardAndBackward() {
        return forwardAndBackward.get();
    }
}
