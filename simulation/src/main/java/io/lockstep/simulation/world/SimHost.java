package io.lockstep.simulation.world;

import io.lockstep.core.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation. One simulated process with a clock of its own. What it
 * planned before a crash never happens.
 */
public final class SimHost implements Clock {
  /** 2026-01-01, so that timestamps look like timestamps. */
  private static final long WALL_START_NS = 1_767_225_600_000_000_000L;

  private final VirtualTime time;
  private final String name;
  private final Random chance;
  private final List<Runnable> onCrash = new ArrayList<>();
  private int life;
  private boolean up = true;
  private long pausedUntilNs;
  private double rate = 1;
  private long baseNs;
  private long baseRealNs;
  private long wallOffsetNs;

  public SimHost(VirtualTime time, String name, Random chance) {
    this.time = time;
    this.name = name;
    this.chance = chance;
    this.baseNs = 1_000_000_000L * (1 + chance.nextInt(1_000_000));
  }

  public String name() {
    return name;
  }

  /** Rises with each crash. */
  public int life() {
    return life;
  }

  public boolean isUp() {
    return up;
  }

  public boolean isPaused() {
    return pausedUntilNs > time.nowNs();
  }

  Random chance() {
    return chance;
  }

  public VirtualTime time() {
    return time;
  }

  public SimAgent newAgent(String agent) {
    return new SimAgent(time, this, agent);
  }

  /** Runs {@code task} after {@code delayNs} of the world, unless this run of the host ended. */
  public void after(long delayNs, String what, Runnable task) {
    time.add(time.nowNs() + delayNs, this, null, name + "/" + what, task);
  }

  /** Told at the next crash, once. */
  public void onCrash(Runnable told) {
    onCrash.add(told);
  }

  /** The process is gone, with all that it planned. */
  public void crash() {
    if (!up) {
      return;
    }
    life++;
    up = false;
    pausedUntilNs = 0;
    List<Runnable> told = List.copyOf(onCrash);
    onCrash.clear();
    told.forEach(Runnable::run);
  }

  /** A new run may begin. */
  public void restart() {
    up = true;
  }

  /** SIGSTOP: nothing runs, the clock goes on. */
  public void pause(long durationNs) {
    pausedUntilNs = Math.max(pausedUntilNs, time.nowNs() + durationNs);
  }

  long pausedUntilNs() {
    return pausedUntilNs;
  }

  /** From now on the clock goes so much faster or slower than the world. */
  public void drift(double newRate) {
    long now = nowNs();
    baseNs = now;
    baseRealNs = time.nowNs();
    rate = newRate;
  }

  /** Somebody sets the wall clock. */
  public void jumpWall(long byNs) {
    wallOffsetNs += byNs;
  }

  /** How long a duration of this clock lasts in the world. */
  long realNs(long durationNs) {
    // Rounded up: a timer never comes before its time.
    return durationNs <= 0 || rate == 1 ? durationNs : (long) (durationNs / rate) + 2;
  }

  @Override
  public long nowNs() {
    return baseNs + (long) ((time.nowNs() - baseRealNs) * rate);
  }

  @Override
  public long wallTimeNs() {
    return WALL_START_NS + time.nowNs() + wallOffsetNs;
  }
}
