package io.lockstep.tools.explore;

import io.lockstep.core.Check;
import io.lockstep.core.Check.BrokenInvariant;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.EagerLockRules;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Immutable once it was made. The eager lock of one inode at one client, its writers, readers and
 * buffers, and a model of lockd with one other client. Messages are delivered late and in any
 * order, and timers fire at any time.
 */
public final class EagerLockWorld implements World<EagerLockWorld> {
  /** Immutable. The machine that is explored, and what belongs to it around it. */
  public record Machine(
      EagerLockRules rules, boolean historicPeer, Function<EagerLock, List<Effect>> wake) {
    /** Ours, with these decisions. */
    public static Machine of(EagerLockRules rules) {
      return new Machine(rules, false, lock -> List.of());
    }
  }

  private enum Event {
    ARRIVES,
    READER_ARRIVES,
    BUFFER_OPENS,
    BUFFER_SENDS,
    BUFFER_CLOSES,
    DONE,
    FAILED,
    FENCED,
    GRANT,
    NO_ANSWER,
    RELEASED,
    TIMER,
    FLUSH,
    WAKE,
    POST_OP_DONE,
    OTHER_ASKS,
    OTHER_DONE,
    RECALL,
    CONFIG
  }

  private static final List<Event> EVENTS = List.of(Event.values());
  private static final int EVENT_SHIFT = 24;
  private static final long READER_BASE = 100;
  private static final long BUFFER_BASE = 200;
  private static final Range[] RANGES = {new Range(0, 10), new Range(20, 30)};

  private final Machine machine;
  private final EagerLock lock;
  private final PeerModel peer;
  private EagerLockBounds left;
  private int arrived;
  private int readersArrived;
  private int buffersOpened;

  /** Of each operation that runs or waits; only writers have one that others could overlap. */
  private final Map<Long, Range> ranges = new TreeMap<>();

  private final TreeSet<Long> readers = new TreeSet<>();

  /** Open buffers, and whether each was told to write back or to drop what it has. */
  private final Map<Long, Boolean> buffers = new TreeMap<>();

  /** By write that a buffer has sent: the buffer, which stays open until it is done. */
  private final Map<Long, Long> sent = new TreeMap<>();

  /** The cycle of each operation that runs; 0 = of none. */
  private final Map<Long, Long> running = new TreeMap<>();

  private final TreeSet<Long> releasing = new TreeSet<>();

  private final TreeSet<Long> postOps = new TreeSet<>();

  /** Flushes between their two steps. */
  private int waking;

  private long epoch = 1;

  private final List<Violation> violations = new ArrayList<>();
  private String happened = "";
  private final List<String> done = new ArrayList<>();

  public EagerLockWorld(Machine machine, EagerLockBounds bounds) {
    this.machine = machine;
    this.lock = new EagerLock(0, machine.rules);
    this.peer = new PeerModel(machine.historicPeer);
    this.left = bounds;
  }

  private EagerLockWorld(EagerLockWorld from) {
    machine = from.machine;
    lock = from.lock.copy();
    peer = new PeerModel(from.peer);
    left = from.left;
    arrived = from.arrived;
    readersArrived = from.readersArrived;
    buffersOpened = from.buffersOpened;
    readers.addAll(from.readers);
    buffers.putAll(from.buffers);
    sent.putAll(from.sent);
    ranges.putAll(from.ranges);
    running.putAll(from.running);
    releasing.addAll(from.releasing);
    postOps.addAll(from.postOps);
    waking = from.waking;
    epoch = from.epoch;
  }

  // ---- what can happen

  @Override
  public int[] events() {
    List<Integer> events = internalEvents();
    if (arrived < left.writers()) {
      // Alone, a writer at the one range is as good as at the other.
      for (int range = 0; range < (ranges.isEmpty() ? 1 : RANGES.length); range++) {
        events.add(code(Event.ARRIVES, range));
      }
    }
    if (readersArrived < left.readers()) {
      events.add(code(Event.READER_ARRIVES, 0));
    }
    if (buffersOpened < left.buffers()) {
      events.add(code(Event.BUFFER_OPENS, 0));
    }
    // A buffer that nobody waits for closes whenever its application lets it.
    buffers.forEach(
        (buffer, told) -> {
          if (!told && mayClose(buffer)) {
            events.add(code(Event.BUFFER_CLOSES, buffer));
          }
          if (running.containsKey(buffer) && arrived < left.writers()) {
            events.add(code(Event.BUFFER_SENDS, buffer));
          }
        });
    if (left.failures() > 0) {
      for (long operation : running.keySet()) {
        if (!buffers.containsKey(operation)) {
          events.add(code(Event.FAILED, operation));
          events.add(code(Event.FENCED, operation));
        }
      }
      long asked = peer.granting != 0 ? peer.granting : peer.waiting;
      if (asked != 0) {
        events.add(code(Event.NO_ANSWER, asked));
      }
    }
    if (left.flushes() > 0) {
      events.add(code(Event.FLUSH, 0));
    }
    if (left.contentions() > 0) {
      events.add(code(Event.OTHER_ASKS, 0));
    }
    if (left.epochs() > 0) {
      events.add(code(Event.CONFIG, 0));
    }
    return events.stream().mapToInt(Integer::intValue).toArray();
  }

  /** What happens by itself, sooner or later. */
  private List<Integer> internalEvents() {
    List<Integer> events = new ArrayList<>();
    for (long operation : running.keySet()) {
      boolean told = buffers.getOrDefault(operation, false);
      if (!buffers.containsKey(operation)) {
        events.add(code(Event.DONE, operation));
      } else if (told && mayClose(operation)) {
        events.add(code(Event.BUFFER_CLOSES, operation));
      }
    }
    if (peer.granting != 0) {
      events.add(code(Event.GRANT, peer.granting));
    }
    releasing.forEach(lease -> events.add(code(Event.RELEASED, lease)));
    if (lock.isTimerArmed()) {
      events.add(code(Event.TIMER, lock.lastTimer()));
    }
    if (waking > 0) {
      events.add(code(Event.WAKE, 0));
    }
    postOps.forEach(cycle -> events.add(code(Event.POST_OP_DONE, cycle)));
    if (peer.other == PeerModel.Other.HOLDS) {
      events.add(code(Event.OTHER_DONE, 0));
    }
    peer.recalling.forEach(lease -> events.add(code(Event.RECALL, lease)));
    return events;
  }

  private boolean mayClose(long buffer) {
    return running.containsKey(buffer) && !sent.containsValue(buffer);
  }

  private static int code(Event event, long argument) {
    Check.that(0 <= argument && argument < 1 << EVENT_SHIFT, "argument %d", argument);
    return EVENTS.indexOf(event) << EVENT_SHIFT | (int) argument;
  }

  // ---- what it leads to

  @Override
  public EagerLockWorld after(int code) {
    EagerLockWorld next = new EagerLockWorld(this);
    Event event = EVENTS.get(code >>> EVENT_SHIFT);
    long argument = code & ((1 << EVENT_SHIFT) - 1);
    try {
      next.execute(next.happen(event, argument));
      next.check();
    } catch (BrokenInvariant e) {
      next.violations.add(new Violation("broken invariant", e.getMessage(), true));
    }
    return next;
  }

  private List<Effect> happen(Event event, long argument) {
    return switch (event) {
      case ARRIVES -> arrive(RANGES[(int) argument]);
      case READER_ARRIVES -> {
        readersArrived++;
        yield arrive(READER_BASE + readersArrived, Kind.READ);
      }
      case BUFFER_OPENS -> {
        buffersOpened++;
        yield arrive(BUFFER_BASE + buffersOpened, Kind.HOLD);
      }
      case BUFFER_SENDS -> send(argument);
      case BUFFER_CLOSES -> {
        buffers.remove(argument);
        yield end(argument, Result.OK, "closes");
      }
      case DONE -> end(argument, Result.OK, "is done");
      case FAILED -> fail(argument, Result.FAILED, "fails");
      case FENCED -> fail(argument, Result.LEASE_LOST, "is fenced");
      case GRANT -> {
        happened = "lockd grants lease " + argument;
        peer.granting = 0;
        yield lock.onGranted(argument, new Token(1, argument), 1);
      }
      case NO_ANSWER -> {
        happened = "no answer about lease " + argument;
        left = left.minus(0, 0, 1, 0);
        peer.granting = 0;
        yield lock.onRefused(argument, ErrorCode.TIMED_OUT);
      }
      case RELEASED -> {
        happened = "lockd takes lease " + argument + " back";
        releasing.remove(argument);
        peer.onRelease(argument);
        yield lock.onReleased(argument);
      }
      case TIMER -> {
        happened = "timer " + argument + " fires";
        yield lock.onTimer(argument);
      }
      case FLUSH -> flush();
      case WAKE -> {
        happened = "the flush goes on: wake-up";
        waking--;
        yield machine.wake.apply(lock);
      }
      case POST_OP_DONE -> {
        happened = "post-op of cycle " + argument + " is done";
        postOps.remove(argument);
        yield lock.onPostOpDone(argument);
      }
      case OTHER_ASKS -> {
        happened = "another client asks for the inode";
        left = left.minus(0, 1, 0, 0);
        peer.onOtherAcquires();
        yield List.of();
      }
      case OTHER_DONE -> {
        happened = "the other client lets go";
        peer.onOtherReleases();
        yield List.of();
      }
      case RECALL -> recall(argument);
      case CONFIG -> {
        epoch++;
        happened = "the configuration changes to epoch " + epoch;
        left = left.minus(0, 0, 0, 1);
        yield lock.onConfigChanged(epoch);
      }
    };
  }

  private List<Effect> arrive(Range range) {
    arrived++;
    happened = "writer " + arrived + " arrives at " + range.offset() + "-" + range.end();
    ranges.put((long) arrived, range);
    List<Effect> effects = lock.onArrive(arrived, Kind.WRITE, range);
    // It goes beside the buffer, which has to be with the members first.
    buffers.replaceAll((buffer, told) -> true);
    return effects;
  }

  private List<Effect> arrive(long operation, Kind kind) {
    happened = who(operation) + (kind == Kind.HOLD ? " opens" : " arrives");
    Range range = kind == Kind.HOLD ? Range.ALL : Range.NONE;
    ranges.put(operation, range);
    if (kind == Kind.HOLD) {
      buffers.put(operation, false);
    } else {
      readers.add(operation);
    }
    return lock.onArrive(operation, kind, range);
  }

  private List<Effect> send(long buffer) {
    arrived++;
    happened = who(buffer) + " sends what it has, as writer " + arrived;
    ranges.put((long) arrived, Range.NONE);
    sent.put((long) arrived, buffer);
    return lock.onArriveUnder(buffer, arrived);
  }

  private static String who(long operation) {
    if (operation > BUFFER_BASE) {
      return "buffer " + (operation - BUFFER_BASE);
    }
    return operation > READER_BASE ? "reader " + (operation - READER_BASE) : "writer " + operation;
  }

  private List<Effect> fail(long writer, Result result, String how) {
    left = left.minus(0, 0, 1, 0);
    return end(writer, result, how);
  }

  private List<Effect> end(long writer, Result result, String how) {
    happened = who(writer) + " " + how;
    running.remove(writer);
    ranges.remove(writer);
    readers.remove(writer);
    sent.remove(writer);
    return lock.onDone(writer, result);
  }

  private List<Effect> flush() {
    happened = "a descriptor is flushed";
    left = left.minus(1, 0, 0, 0);
    boolean armed = lock.isTimerArmed();
    List<Effect> effects = lock.onFlush();
    boolean woke = effects.stream().anyMatch(e -> e instanceof Effect.CancelTimer);
    waking += armed && woke ? 1 : 0;
    return effects;
  }

  private List<Effect> recall(long lease) {
    happened = "lockd recalls lease " + lease;
    peer.recalling.remove(lease);
    boolean known = lock.knows(lease);
    List<Effect> effects = lock.onRecall(lease);
    if (!known && !releasing.contains(lease)) {
      done.add("answer: not mine");
      peer.onNotMine(lease);
    }
    return effects;
  }

  private void execute(List<Effect> effects) {
    for (Effect effect : effects) {
      if (effect instanceof Effect.SendAcquire acquire) {
        onAcquire(acquire);
      } else if (effect instanceof Effect.Start start) {
        onStart(start);
      } else if (effect instanceof Effect.Fail fail) {
        done.add(who(fail.tx()) + " gets an error");
        ranges.remove(fail.tx());
        readers.remove(fail.tx());
        buffers.remove(fail.tx());
      } else if (effect instanceof Effect.SendRelease release) {
        done.add("release lease " + release.lease());
        releasing.add(release.lease());
        violate(!running.isEmpty(), "released under its owners", running.keySet());
      } else if (effect instanceof Effect.PostOp postOp) {
        done.add("clear the marks of cycle " + postOp.cycle());
        violate(running.containsValue(postOp.cycle()), "post-op under its writers", running);
        postOps.add(postOp.cycle());
      } else if (effect instanceof Effect.CancelTimer cancel) {
        done.add("cancel timer " + cancel.timer());
        violate(!lock.copy().onTimer(cancel.timer()).isEmpty(), "a cancelled timer works", cancel);
      } else if (effect instanceof Effect.ArmTimer arm) {
        done.add("arm timer " + arm.timer());
      } else if (effect instanceof Effect.WriteBack || effect instanceof Effect.Drop) {
        done.add(effect instanceof Effect.Drop ? "drop what is buffered" : "write back");
        buffers.replaceAll((buffer, told) -> told || running.containsKey(buffer));
      }
    }
  }

  private void onAcquire(Effect.SendAcquire acquire) {
    done.add("ask for lease " + acquire.lease());
    boolean second = lock.held() == Mode.EXCLUSIVE;
    violate(second, "a second lease is asked for", "lease " + lock.heldLease() + " is held");
    peer.onAcquire(acquire.lease(), acquire.mode());
  }

  private void onStart(Effect.Start start) {
    done.add(who(start.tx()) + " runs");
    Mode held = peer.granted.get(start.lease());
    boolean reads = readers.contains(start.tx());
    violate(peer.granted.isEmpty(), "runs without a lease", start);
    violate(held == Mode.SHARED && !reads, "writes under a shared lease", start);
    violate(start.epoch() < epoch, "runs at an old epoch", start);
    Range range = ranges.get(start.tx());
    running.forEach(
        (other, cycle) ->
            violate(ranges.get(other).overlaps(range), "overlapping writers run", start));
    running.put(start.tx(), start.cycle());
  }

  // ---- what must hold

  private void check() {
    try {
      lock.checkInvariant();
    } catch (BrokenInvariant e) {
      violations.add(new Violation("invariant I2", e.getMessage(), false));
    }
    for (long lease : peer.granted.keySet()) {
      boolean known = lock.knows(lease) || releasing.contains(lease);
      boolean asked = peer.granting == lease || peer.recalling.contains(lease);
      violate(
          !known && !asked,
          "stale lock",
          "lockd holds lease " + lease + ", which the client does not know");
    }
    boolean stands = !peer.granted.isEmpty() || lock.isLost();
    violate(!running.isEmpty() && !stands, "runs on after its lease has ended", running.keySet());
    if (internalEvents().isEmpty()) {
      boolean held = running.keySet().stream().anyMatch(buffers::containsKey);
      violate(!running.keySet().containsAll(ranges.keySet()), "somebody waits for ever", ranges);
      boolean waits = peer.other == PeerModel.Other.WAITS;
      violate(waits, "another client waits for ever", "it asked for the inode");
      violate(!held && !lock.isIdle(), "it does not come to rest", lock);
    }
  }

  private void violate(boolean violated, String kind, Object what) {
    if (violated) {
      violations.add(new Violation(kind, what.toString(), false));
    }
  }

  @Override
  public List<Violation> violations() {
    return List.copyOf(violations);
  }

  @Override
  public String key() {
    StringBuilder key = new StringBuilder(lock.key());
    key.append('|').append(arrived).append(epoch).append(waking);
    key.append(readersArrived).append(buffersOpened);
    buffers.forEach((buffer, told) -> key.append(told ? 'T' : 'U').append(mayClose(buffer)));
    key.append(left.flushes()).append(left.contentions()).append(left.failures());
    peer.appendKey(key, lock.lastLease());
    releasing.forEach(lease -> key.append('x').append(lease - lock.lastLease()));
    postOps.forEach(cycle -> key.append('p').append(cycle - lock.cycle()));
    return key.toString();
  }

  @Override
  public Step step() {
    return new Step(happened, String.join(", ", done), lock.state().toString());
  }
}
