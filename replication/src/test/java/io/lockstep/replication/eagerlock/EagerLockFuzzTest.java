package io.lockstep.replication.eagerlock;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Check.BrokenInvariant;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * A random walk of the eager lock against a model of its surroundings: a lockd that grants,
 * recalls, forgets and answers late, operations of all kinds, timers that fire when they should
 * not.
 */
class EagerLockFuzzTest {
  private static final int WALKS = 400;
  private static final int STEPS = 400;

  /** One walk; what is wrong is thrown. */
  private static final class Walk {
    final Random random;
    final EagerLock lock;

    /** lockd: what it has granted or queued; an id is here until it is released or forgotten. */
    final Map<Long, Mode> atLockd = new LinkedHashMap<>();

    final TreeSet<Long> granted = new TreeSet<>();
    final ArrayDeque<Long> releasing = new ArrayDeque<>();
    final Map<Long, Kind> waiting = new LinkedHashMap<>();
    final Map<Long, Kind> running = new LinkedHashMap<>();
    final Map<Long, Range> ranges = new HashMap<>();
    final Map<Long, Long> cycles = new HashMap<>();
    final List<Long> timers = new ArrayList<>();
    final List<Long> postOps = new ArrayList<>();
    final Set<Long> ended = new HashSet<>();
    final StringBuilder trace = new StringBuilder();
    long lastTx;
    long lastAsked;
    long tokens;
    int finished;
    boolean calm;

    Walk(long seed, EagerLockRules rules) {
      random = new Random(seed);
      lock = new EagerLock(0, rules);
    }

    void run() {
      for (int i = 0; i < STEPS; i++) {
        step();
      }
      calm = true;
      for (int i = 0; i < 20_000 && !isQuiet(); i++) {
        step();
      }
      that(isQuiet(), "it does not come to rest");
      that(atLockd.isEmpty(), "a lease is left at lockd: " + atLockd);
    }

    private boolean isQuiet() {
      return waiting.isEmpty() && running.isEmpty() && lock.isIdle() && releasing.isEmpty();
    }

    private void step() {
      int dice = random.nextInt(100);
      if (dice < 25 && !calm) {
        arrive();
      } else if (dice < 50) {
        finishOne();
      } else if (dice < 62) {
        grantOrRefuse();
      } else if (dice < 70) {
        recall();
      } else if (dice < 78 && !releasing.isEmpty()) {
        long lease = releasing.poll();
        atLockd.remove(lease);
        granted.remove(lease);
        apply("released " + lease, lock.onReleased(lease));
      } else if (dice < 86 && !timers.isEmpty()) {
        long timer = timers.get(random.nextInt(timers.size()));
        apply("timer " + timer, lock.onTimer(timer));
      } else if (dice < 92) {
        boolean flush = random.nextBoolean();
        apply(
            flush ? "flush" : "post-op wanted", flush ? lock.onFlush() : lock.onPostOpRequested());
      } else if (dice < 95 && !postOps.isEmpty()) {
        long cycle = postOps.remove(random.nextInt(postOps.size()));
        apply("post-op done " + cycle, lock.onPostOpDone(cycle));
      } else if (dice < 96 && !calm) {
        lose();
      } else if (dice < 97) {
        apply("config", lock.onConfigChanged(random.nextInt(9)));
      } else if (!waiting.isEmpty()) {
        long tx = waiting.keySet().iterator().next();
        apply("deadline " + tx, lock.onDeadline(tx));
      }
    }

    private void arrive() {
      long tx = ++lastTx;
      Kind kind = List.of(Kind.READ, Kind.WRITE, Kind.HOLD).get(random.nextInt(3));
      long offset = random.nextInt(8);
      Range range =
          kind == Kind.READ
              ? Range.NONE
              : kind == Kind.HOLD ? Range.ALL : new Range(offset, offset + 1 + random.nextInt(4));
      Long hold = null;
      for (Map.Entry<Long, Kind> owner : running.entrySet()) {
        if (owner.getValue() == Kind.HOLD && random.nextBoolean()) {
          hold = owner.getKey();
        }
      }
      if (hold != null) {
        waiting.put(tx, Kind.WRITE);
        ranges.put(tx, Range.NONE);
        apply("flush " + tx + " under " + hold, lock.onArriveUnder(hold, tx));
        that(running.containsKey(tx), "a flush has to wait");
        return;
      }
      waiting.put(tx, kind);
      ranges.put(tx, range);
      apply("arrive " + tx + " " + kind + " " + range, lock.onArrive(tx, kind, range));
    }

    private void finishOne() {
      if (running.isEmpty()) {
        return;
      }
      List<Long> all = List.copyOf(running.keySet());
      long tx = all.get(random.nextInt(all.size()));
      int dice = random.nextInt(40);
      Result result = dice == 0 ? Result.FAILED : dice == 1 ? Result.LEASE_LOST : Result.OK;
      running.remove(tx);
      ranges.remove(tx);
      cycles.remove(tx);
      finished++;
      apply("done " + tx + " " + result, lock.onDone(tx, result));
    }

    private void grantOrRefuse() {
      for (Map.Entry<Long, Mode> asked : List.copyOf(atLockd.entrySet())) {
        long lease = asked.getKey();
        if (granted.contains(lease)) {
          continue;
        }
        int dice = calm ? 9 : random.nextInt(10);
        if (dice == 0) {
          atLockd.remove(lease);
          apply("refuse " + lease, lock.onRefused(lease, ErrorCode.STALE_LEASE));
        } else if (dice == 1) {
          apply("unknown " + lease, lock.onRefused(lease, ErrorCode.TIMED_OUT));
        } else {
          granted.add(lease);
          // An upgrade ends what was held before.
          atLockd.keySet().removeIf(other -> other < lease && granted.contains(other));
          granted.retainAll(atLockd.keySet());
          apply("grant " + lease, lock.onGranted(lease, new Token(1, ++tokens), 1));
        }
        return;
      }
    }

    private void recall() {
      if (atLockd.isEmpty()) {
        return;
      }
      List<Long> all = List.copyOf(atLockd.keySet());
      long lease = all.get(random.nextInt(all.size()));
      boolean known = lock.knows(lease);
      apply("recall " + lease, lock.onRecall(lease));
      if (!known && !releasing.contains(lease)) {
        // NOT-MINE ends it.
        atLockd.remove(lease);
        granted.remove(lease);
      }
    }

    private void lose() {
      apply("lost", lock.onLost());
    }

    private void apply(String event, List<Effect> effects) {
      trace.append(event).append(" -> ").append(effects).append('\n');
      for (Effect effect : effects) {
        execute(effect);
      }
      lock.checkInvariant();
      checkOwners();
    }

    private void execute(Effect effect) {
      if (effect instanceof Effect.SendAcquire acquire) {
        that(acquire.lease() > lastAsked, "lease ids must rise");
        lastAsked = acquire.lease();
        atLockd.put(acquire.lease(), acquire.mode());
        that(atLockd.size() - releasing.size() <= 2, "asks for more than an upgrade: " + atLockd);
      } else if (effect instanceof Effect.SendRelease release) {
        that(running.isEmpty(), "released under its owners " + running);
        releasing.add(release.lease());
      } else if (effect instanceof Effect.Start start) {
        onStart(start);
      } else if (effect instanceof Effect.Fail fail) {
        that(waiting.remove(fail.tx()) != null, "fails " + fail.tx() + ", which does not wait");
        ranges.remove(fail.tx());
      } else if (effect instanceof Effect.ArmTimer arm) {
        timers.add(arm.timer());
      } else if (effect instanceof Effect.PostOp postOp) {
        that(ended.add(postOp.cycle()), "two post-ops for cycle " + postOp.cycle());
        that(!cycles.containsValue(postOp.cycle()), "post-op under its transactions");
        postOps.add(postOp.cycle());
      }
    }

    private void onStart(Effect.Start start) {
      Kind kind = waiting.remove(start.tx());
      that(kind != null, "starts " + start.tx() + ", which does not wait");
      running.put(start.tx(), kind);
      if (kind == Kind.WRITE) {
        that(!ended.contains(start.cycle()), "starts in a cycle that has ended");
        cycles.put(start.tx(), start.cycle());
      }
      that(granted.contains(start.lease()) || releasing.contains(start.lease()), "no lease");
    }

    private void checkOwners() {
      for (long tx : running.keySet()) {
        for (long other : running.keySet()) {
          that(
              tx == other || !ranges.get(tx).overlaps(ranges.get(other)),
              tx + " and " + other + " overlap");
        }
      }
    }

    private void that(boolean condition, String message) {
      if (!condition) {
        throw new AssertionError(message + "\n" + lock);
      }
    }
  }

  private static long seed() {
    long seed = Long.getLong("seed", 20_260_101L);
    System.out.println("EagerLockFuzzTest -Dseed=" + seed);
    return seed;
  }

  @Test
  void randomWalksKeepTheInvariantAndLeaveNoLease() {
    long seed = seed();
    int finished = 0;
    for (int i = 0; i < WALKS; i++) {
      Walk walk = new Walk(seed + i, EagerLockRules.PRODUCTION);
      try {
        walk.run();
      } catch (AssertionError | BrokenInvariant e) {
        throw new AssertionError("seed " + (seed + i) + "\n" + walk.trace, e);
      }
      finished += walk.finished;
    }
    assertThat(finished).as("operations that ran").isGreaterThan(WALKS * 20);
  }

  @Test
  void afrAfterItsFixSurvives() {
    long seed = seed();
    for (int i = 0; i < WALKS / 4; i++) {
      new Walk(seed + i, AfrRules.AFTER).run();
    }
  }

  /** The mutant: release is not set when a flush takes the parked transaction out. */
  @Test
  void afrBeforeItsFixIsCaught() {
    long seed = seed();
    for (int i = 0; i < WALKS; i++) {
      try {
        new Walk(seed + i, AfrRules.BEFORE).run();
      } catch (BrokenInvariant e) {
        System.out.println("afr-before caught after " + (i + 1) + " walks");
        assertThat(e).hasMessageContaining("held without owners, timer or release");
        return;
      }
    }
    throw new AssertionError("the mutant survived");
  }
}
