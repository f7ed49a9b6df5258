package io.cmfhub.counting;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Counts 1, 2, 3, ... in keyed state, and says so in files, so that a test sees what became of the state.
 *
 * <p>Arguments: a folder that outlives the pods; and, optionally, milliseconds from one number to the next (20).
 * The file {@code starts} gets a line, `time host number`, with the first number after each start: 1 without
 * state, a later one with it. The file {@code count} gets a line, `time host number`, each 50 numbers. A state that
 * does not agree with the source's own position fails the job.
 */
public final class CountingJob {
    private CountingJob() {}

    public static void main(String[] arguments) throws Exception {
        String folder = arguments[0];
        long pause = arguments.length > 1 ? Long.parseLong(arguments[1]) : 20;
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        environment
                .fromSequence(1, Long.MAX_VALUE)
                .uid("numbers")
                .setParallelism(1)
                // In the source's own task: numbers that wait behind it would keep checkpoints waiting.
                .map(new Pause(pause))
                .uid("pause")
                .setParallelism(1)
                .keyBy(number -> 0, Types.INT)
                .process(new Count(folder))
                .uid("count")
                .setParallelism(1)
                .addSink(new DiscardingSink<>());
        environment.execute("counting");
    }

    /** Waits before each number. */
    static final class Pause implements MapFunction<Long, Long> {
        private final long milliseconds;

        Pause(long milliseconds) {
            this.milliseconds = milliseconds;
        }

        @Override
        public Long map(Long number) throws InterruptedException {
            Thread.sleep(milliseconds);
            return number;
        }
    }

    /** Compares its state with the number that comes, and writes down where it is. */
    static final class Count extends KeyedProcessFunction<Integer, Long, Long> {
        private final String folder;
        private transient ValueState<Long> state;
        private transient boolean started;

        Count(String folder) {
            this.folder = folder;
        }

        @Override
        public void open(Configuration parameters) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Long number, Context context, Collector<Long> out) throws Exception {
            Long before = state.value();
            long count = before == null ? 1 : before + 1;
            if (count != number) {
                throw new IllegalStateException("the state says " + count + " where the source says " + number);
            }
            state.update(count);
            if (!started) {
                write("starts", count);
                started = true;
            } else if (count % 50 == 0) {
                write("count", count);
            }
            out.collect(count);
        }

        private void write(String name, long count) throws IOException {
            Path file = Files.createDirectories(Path.of(folder)).resolve(name);
            String line = Instant.now() + " " + InetAddress.getLocalHost().getHostName() + " " + count + "\n";
            Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }
}
