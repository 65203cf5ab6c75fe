package io.lockstep.tools.repro;

import io.lockstep.core.Check.BrokenInvariant;
import io.lockstep.core.Outcome;
import io.lockstep.replication.client.LockSeam;
import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.EagerLockRules;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.replication.eagerlock.State;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Guarded by its own atomics and concurrent maps. The eager locks of one mount under observation:
 * the decisions of the variant, delays at the critical points, and the checks that a production
 * mount stops at, counted, for AFR's assertion is a line in a log and work goes on.
 */
final class Watch implements LockSeam {
  private final EagerLockVariant variant;
  private final Delays delays;
  private final AtomicLong violations = new AtomicLong();
  private final AtomicReference<String> first = new AtomicReference<>("");
  private final AtomicLong overlapped = new AtomicLong();
  private final AtomicLong writesBegun = new AtomicLong();
  private final AtomicInteger writing = new AtomicInteger();
  private final Map<Delays.Point, AtomicLong> passed = new ConcurrentHashMap<>();
  private final Map<Long, String> states = new ConcurrentHashMap<>();

  /** What is wrong with the lock of an inode right now; counted when it begins. */
  private final Map<Long, String> wrong = new ConcurrentHashMap<>();

  Watch(EagerLockVariant variant, Delays delays) {
    this.variant = variant;
    this.delays = delays;
  }

  @Override
  public EagerLockRules rules() {
    return variant.rules();
  }

  @Override
  public void afterEvent(long inode, EagerLock lock) {
    states.put(inode, lock.state().toString());
    String now = wrongWith(lock);
    if (now.isEmpty()) {
      wrong.remove(inode);
    } else if (!now.equals(wrong.put(inode, now))) {
      violations.incrementAndGet();
      first.compareAndSet("", now + ": " + lock);
    }
  }

  private static String wrongWith(EagerLock lock) {
    try {
      lock.checkInvariant();
    } catch (BrokenInvariant e) {
      String message = e.getMessage();
      int end = message.indexOf(':');
      return "I2: " + (end < 0 ? message : message.substring(0, end));
    }
    boolean second = lock.state() == State.ACQUIRING && lock.held() == Mode.EXCLUSIVE;
    return second ? "a second lease is asked for while one is held" : "";
  }

  /** The two steps of a flush, and the window between them. */
  @Override
  public void onFlush(long inode, Events events) throws Outcome {
    pass(Delays.Point.FLUSH);
    AtomicBoolean parked = new AtomicBoolean();
    events.run(
        lock -> {
          parked.set(lock.state() == State.PARKED);
          return lock.onFlush();
        });
    if (!parked.get()) {
      return;
    }
    long before = writesBegun.get();
    pass(Delays.Point.WAKE);
    if (writing.get() > 0 || writesBegun.get() != before) {
      overlapped.incrementAndGet();
    }
    events.run(variant::wake);
  }

  void beginWrite() {
    pass(Delays.Point.ARRIVE);
    writesBegun.incrementAndGet();
    writing.incrementAndGet();
  }

  void endWrite() {
    writing.decrementAndGet();
  }

  private void pass(Delays.Point point) {
    long ns = draw(point);
    if (ns > 0) {
      LockSupport.parkNanos(ns);
    }
  }

  /** For those who must not block; counts the pass. */
  long draw(Delays.Point point) {
    passed.computeIfAbsent(point, p -> new AtomicLong()).incrementAndGet();
    return delays.drawNs(point);
  }

  MountReport report() {
    Map<String, Long> passes = new TreeMap<>();
    passed.forEach((point, count) -> passes.put(point.toString(), count.get()));
    Map<String, String> locks = new TreeMap<>();
    states.forEach((inode, state) -> locks.put(Long.toUnsignedString(inode), state));
    return new MountReport(violations.get(), first.get(), passes, overlapped.get(), locks);
  }
}
