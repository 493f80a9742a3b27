package org.minigpt.spark;

import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** A cluster on this machine: its executors are JVMs of their own. */
final class Cluster {
    private Cluster() {}

    /** @param executors of one core each */
    static JavaSparkContext start(int executors) {
        return start(executors, new SparkConf());
    }

    static JavaSparkContext start(int executors, SparkConf conf) {
        ClusterHome.settings().forEach(conf::setIfMissing);
        conf.setMaster("local-cluster[" + executors + ",1,1024]").setAppName("minigpt");
        return new JavaSparkContext(SparkGptTrainer.configure(conf));
    }

    /** Kills a JVM of an executor as {@code kill -9} does. */
    static void killAnExecutor() {
        try (Stream<ProcessHandle> children = ProcessHandle.current().descendants()) {
            children.filter(Cluster::isExecutor).findFirst().orElseThrow().destroyForcibly();
        }
    }

    private static boolean isExecutor(ProcessHandle process) {
        return process.info()
                .commandLine()
                .map(line -> line.contains("CoarseGrainedExecutorBackend"))
                .orElse(false);
    }
}
