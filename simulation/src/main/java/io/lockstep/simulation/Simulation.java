package io.lockstep.simulation;

import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.Violation;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.simulation.cluster.StorageNode;
import io.lockstep.simulation.cluster.Variants;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Confined to the thread that runs it. One seed: a cluster, applications and faults that follow
 * from it, then a time without faults in which everything must come to rest, then the checkers.
 */
public final class Simulation {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final long SAFETY_NS = 600 * SECOND_NS;
  private static final long REST_SECONDS = 240;
  private static final int STORY_MAX = 60;
  private static final int NOTE_WHO_INDEX = 11;

  /**
   * Immutable. How one seed went.
   *
   * @param problems what was violated, in words; empty if nothing
   * @param story the last events
   */
  public record Result(
      long seed,
      Set<Fault> faults,
      List<String> problems,
      List<String> story,
      long traceHash,
      long events,
      int operations,
      int failed,
      int faultsHappened,
      long virtualNs) {
    public boolean isOk() {
      return problems.isEmpty();
    }
  }

  private final long seed;
  private final int operations;
  private final Random random;
  private final Set<Fault> kinds;
  private final History history = new History();
  private final List<Violation> violations = new ArrayList<>();
  private final Watch watch;
  private final Cluster cluster;
  private Workload workload;
  private Faults faults;

  /** Some of the possible faults, as the seed has it. */
  public Simulation(long seed, int operations, Variants variants, Set<Fault> possible) {
    this(seed, operations, variants, possible, Set.of());
  }

  /**
   * @param surely these faults in any case, beside some of the possible ones
   */
  public Simulation(
      long seed, int operations, Variants variants, Set<Fault> possible, Set<Fault> surely) {
    this.seed = seed;
    this.operations = operations;
    this.random = new Random(seed);
    this.kinds = Faults.swarm(new Random(random.nextLong()), possible);
    this.kinds.addAll(surely);
    this.watch = new Watch(history.locks());
    variants.withHandlers(watch::watching).withLog(watch::watching);
    this.cluster = new Cluster(random.nextLong(), 3, 2 + random.nextInt(2), variants);
    watch.begin(cluster);
  }

  /**
   * @param trace told every line of the story
   */
  public Result run(Consumer<String> trace) {
    cluster.time().tell(trace);
    List<String> problems = new ArrayList<>();
    try {
      safety();
      liveness();
      violations.addAll(watch.violations());
      violations.addAll(history.violations());
      violations.forEach(violation -> problems.add(violation.toString()));
      problems.addAll(new Convergence(cluster).problems());
    } catch (RuntimeException | Error e) {
      problems.add(describe(e));
    } finally {
      cluster.close();
    }
    return new Result(
        seed,
        kinds,
        List.copyOf(problems),
        story(),
        cluster.time().traceHash(),
        cluster.time().steps(),
        workload == null ? 0 : workload.ended(),
        workload == null ? 0 : workload.failed(),
        faults == null ? 0 : faults.happened(),
        cluster.time().nowNs());
  }

  private void safety() {
    cluster.time().note("world", "seed " + seed + " with " + kinds);
    cluster.start();
    workload = new Workload(new Random(random.nextLong()), history, operations);
    workload.prepare(cluster);
    faults = new Faults(cluster, new Random(random.nextLong()), history, workload, kinds);
    cluster.mounts().forEach(workload::begin);
    faults.start();
    long endNs = cluster.time().nowNs() + SAFETY_NS;
    while (!workload.isDone() && cluster.time().nowNs() < endNs && cluster.time().step()) {}
  }

  private void liveness() {
    faults.stop();
    workload.stop();
    cluster.await("every operation to end", REST_SECONDS, () -> workload.running() == 0);
    cluster.await("all members to be in step", REST_SECONDS, this::isWhole);
    workload.readAll(cluster, cluster.mounts().get(0));
  }

  private boolean isWhole() {
    SetConfig config = cluster.master().config();
    return cluster.master().isLeading()
        && config != null
        && config.open()
        && cluster.storages().stream().allMatch(node -> isInStep(config, node))
        && cluster.mounts().stream().allMatch(mount -> mount.isMounted());
  }

  /** In step, and in the run that is there: another run knows that it is not (P3). */
  private static boolean isInStep(SetConfig config, StorageNode node) {
    Member member = config.memberOn(node.id());
    return member != null
        && member.mode() == MemberMode.RW
        && node.daemon() != null
        && member.incarnation() == node.daemon().incarnation();
  }

  private static String describe(Throwable e) {
    StringBuilder text = new StringBuilder(String.valueOf(e));
    for (int i = 0; i < Math.min(12, e.getStackTrace().length); i++) {
      text.append("\n    at ").append(e.getStackTrace()[i]);
    }
    return e.getCause() == null ? text.toString() : text + "\n  by " + describe(e.getCause());
  }

  /**
   * What happened to the object of the first violation as applications saw it, then the last events
   * that may have to do with it: its file's, and what went wrong.
   */
  private List<String> story() {
    List<String> story = new ArrayList<>();
    Violation first = violations.isEmpty() ? null : violations.get(0);
    if (first != null) {
      List<String> about = history.story(first.object());
      if (!about.isEmpty()) {
        story.add("what happened to " + first.object() + ":");
        story.addAll(about.subList(Math.max(0, about.size() - STORY_MAX), about.size()));
      }
    }
    List<String> notes =
        cluster.time().notes().stream()
            .filter(note -> first == null || isAbout(note, first.object()))
            .toList();
    story.add("the last events" + (first == null ? ":" : " about it, and what went wrong:"));
    story.addAll(notes.subList(Math.max(0, notes.size() - STORY_MAX), notes.size()));
    return story;
  }

  /** Applications have names with a point in them; everything else that is told is the world. */
  private static boolean isAbout(String note, String object) {
    String who = note.substring(NOTE_WHO_INDEX).split(" ", 2)[0];
    return !who.contains(".") || note.contains(object.split(" ", 2)[0]);
  }
}
