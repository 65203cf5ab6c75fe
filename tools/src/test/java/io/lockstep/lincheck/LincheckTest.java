package io.lockstep.lincheck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt.forClasses;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each class that guards itself by a lock, by Lincheck's model checker: whatever two threads do
 * with it at once, what they see is what they would see one after the other. The operations on
 * class X are in {@code XOperations} beside it. Each check is shown to work by the same class
 * without its locks.
 *
 * <p>The model checker changes byte code, and does nothing, without an error, where it cannot: on
 * Java 25. There, classes without locks would pass.
 */
@EnabledForJreRange(max = JRE.JAVA_21)
class LincheckTest {
  private static final List<String> CHECKED =
      List.of(
          "core.AgentThread",
          "fs.fuse.DropQueue",
          "fs.fuse.KernelSizes",
          "fs.vfs.NameCache",
          "fs.vfs.OpenInodes",
          "fs.vfs.Unprivileged",
          "lockd.server.NameServer",
          "metadata.client.Leader",
          "metadata.client.Sequences",
          "metadata.server.OpenTable",
          "metadata.server.Sessions",
          "replication.client.BufferBudget",
          "replication.client.Rides",
          "replication.client.Waiters",
          "replication.client.WriteBuffer",
          "replication.client.WritesUnderWay",
          "replication.server.Gather",
          "replication.store.BufferPool",
          "replication.store.DiskSpace",
          "wire.netty.SessionLines");

  /** Those that are also tried without their locks: a few, in a long run all. */
  private static List<String> lockless() {
    return Boolean.getBoolean("lincheck.lockless")
        ? CHECKED
        : List.of(
            "core.AgentThread",
            "fs.vfs.Unprivileged",
            "metadata.client.Sequences",
            "replication.client.BufferBudget",
            "wire.netty.SessionLines");
  }

  /** Of few steps: more of their orders are looked at in the same time. */
  private static final Set<String> QUICK =
      Set.of(
          "core.AgentThread",
          "fs.vfs.Unprivileged",
          "metadata.client.Leader",
          "replication.server.Gather",
          "replication.store.DiskSpace");

  /**
   * Why the others are not: their lock stands beside something that a model checker cannot repeat,
   * or is not all that there is.
   */
  private static final Map<String, String> NOT_CHECKED =
      Map.ofEntries(
          Map.entry(
              "core.SystemClock", "it looks at the time before it takes the lock, on purpose"),
          Map.entry("fs.fuse.FuseSession", "the kernel"),
          Map.entry("fs.fuse.Mount", "the kernel"),
          Map.entry("metadata.client.MasterCall", "one request on a network"),
          Map.entry("metadata.raft.Checkpoints", "a disk"),
          Map.entry("metadata.server.Mutations", "the log"),
          Map.entry("metadata.store.Generations", "RocksDB"),
          Map.entry("replication.store.DataDirectory", "a disk"),
          Map.entry("replication.store.RocksRows", "RocksDB"),
          Map.entry("tools.stress.OpenFile", "the kernel; its lock is one that readers share"),
          Map.entry(
              "tools.stress.BlockHistory",
              "a write and a read are two steps each, and what is between them matters"),
          Map.entry("tools.process.Lifetime", "the end of the process"));

  private static final String SENTENCE = "Guarded by its own lock";

  private static ModelCheckingOptions options(String name) {
    boolean quick = QUICK.contains(name);
    return new ModelCheckingOptions()
        .iterations(quick ? 5 : 3)
        .invocationsPerIteration(quick ? 30 : 15)
        .threads(2)
        .actorsBefore(1)
        .actorsPerThread(2)
        .actorsAfter(2)
        .minimizeFailedScenario(false)
        // Messages are immutable, and a failed check formats its own.
        .addGuarantee(forClasses("io.lockstep.core.Check").allMethods().ignore())
        .addGuarantee(forClasses(LincheckTest::isMessage).allMethods().ignore());
  }

  private static boolean isMessage(String type) {
    return type.startsWith("com.google.protobuf.") || type.startsWith("io.lockstep.wire.message.");
  }

  private static Class<?> named(String name) throws ClassNotFoundException {
    return Class.forName("io.lockstep." + name);
  }

  @ParameterizedTest
  @FieldSource("CHECKED")
  void twoThreadsSeeWhatOneWould(String name) throws Exception {
    options(name).check(named(name + "Operations"));
  }

  @ParameterizedTest
  @MethodSource("lockless")
  void withoutItsLocksTheyDoNot(String name) throws Exception {
    Class<?> operations = Lockless.operationsOn(named(name), named(name + "Operations"));
    assertThatThrownBy(() -> options(name).check(operations))
        .isInstanceOf(LincheckAssertionError.class)
        .hasMessageContaining("Invalid execution results");
  }

  @Test
  void everyClassWithALockOfItsOwnIsHere() throws IOException {
    TreeSet<String> found = new TreeSet<>();
    try (Stream<Path> sources = Files.walk(top())) {
      for (Path source : sources.filter(LincheckTest::isProduction).toList()) {
        if (Files.readString(source).contains(" * " + SENTENCE)) {
          found.add(className(source));
        }
      }
    }
    TreeSet<String> known = new TreeSet<>(CHECKED);
    known.addAll(NOT_CHECKED.keySet());
    assertThat(found).isEqualTo(known);
  }

  private static boolean isProduction(Path source) {
    String path = source.toString();
    return path.endsWith(".java") && path.contains("/src/main/java/io/lockstep/");
  }

  private static String className(Path source) {
    String path = source.toString();
    String tail = path.substring(path.indexOf("/io/lockstep/") + "/io/lockstep/".length());
    return tail.substring(0, tail.length() - ".java".length()).replace('/', '.');
  }

  private static Path top() {
    Path at = Path.of("").toAbsolutePath();
    return Files.exists(at.resolve("verify")) ? at : at.getParent();
  }
}
