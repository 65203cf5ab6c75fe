package io.lockstep.replication.heal;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.replication.marks.DirtyMark;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the control agent. Heals one WO replica at one epoch, from the barrier of P9 until
 * the master calls it RW; a newer epoch ends it and another healer begins.
 *
 * <p>It sweeps over the objects in order of inode, a window at a time: pages of every RW member and
 * of the local replica from one cursor, cut at the lowest end. The first sweep repairs the union of
 * the others' pending and dirty marks and the local dirty marks (P2), or everything if the replica
 * was never whole; the next ones only what still has a pending mark. A sweep that finds none ends
 * with a report. Objects that failed, and marks that were renewed meanwhile, cause another sweep.
 */
public final class Healer {
  /** Objects that are repaired at the same time. */
  public static final int PARALLEL_MAX = 4;

  private static final long PAUSE_MIN_NS = 100_000_000L;
  private static final long PAUSE_MAX_NS = 5_000_000_000L;

  /** Where the heal stands. */
  public enum State {
    /** Waits for pages of a window. */
    LISTING,
    /** Repairs the objects of a window. */
    REPAIRING,
    /** Waits before the next try. */
    PAUSED,
    /** Waits for the master. */
    REPORTING,
    /** The master knows; its next configuration says RW. */
    DONE
  }

  /** What is known of one object of the window. */
  private static final class Item {
    final Map<Integer, Long> pendingVersions = new TreeMap<>();
    @Nullable DirtyMark ownDirty;
    @Nullable DirtyMark sourceDirty;
  }

  private final List<Integer> sources;
  private final boolean full;

  private State state = State.PAUSED;
  private long sweep;
  private long cursor;
  private boolean firstSweep = true;
  private boolean foundInSweep;
  private boolean failedInSweep;
  private int pagesAwaited;
  private boolean pageFailed;
  private boolean moreToList;
  private long windowEnd;
  private long nextTask = 1;
  private long pauseNs = PAUSE_MIN_NS;
  private long objectsDone;
  private long objectsFound;

  private final TreeMap<Long, Item> window = new TreeMap<>();
  private final ArrayDeque<Map.Entry<Long, Item>> waiting = new ArrayDeque<>();
  private final Map<Long, ObjectRepair> repairs = new HashMap<>();

  /**
   * @param sources ids of the RW members
   * @param full whether everything is compared: the replica was never whole
   */
  public Healer(List<Integer> sources, boolean full) {
    Check.that(!sources.isEmpty(), "nothing to heal from");
    this.sources = List.copyOf(sources);
    this.full = full;
  }

  public State state() {
    return state;
  }

  /** Objects repaired so far. */
  public long objectsDone() {
    return objectsDone;
  }

  /** Objects found so far that need repair. */
  public long objectsFound() {
    return objectsFound;
  }

  public List<HealEffect> onStart() {
    return beginSweep();
  }

  /** A page of a source, of its objects after the cursor. */
  public List<HealEffect> onListed(
      long ofSweep, int member, ErrorCode code, List<Found> page, boolean end) {
    if (!isAwaited(ofSweep)) {
      return List.of();
    }
    if (code.isOk()) {
      for (Found found : page) {
        boolean wanted = found.pendingVersion() != 0 || firstSweep;
        if (wanted) {
          Item item = window.computeIfAbsent(found.inode(), i -> new Item());
          item.sourceDirty = DirtyMark.newer(item.sourceDirty, found.dirty());
          if (found.pendingVersion() != 0) {
            item.pendingVersions.put(member, found.pendingVersion());
          }
        }
      }
    }
    return onPage(code, page, end);
  }

  /** A page of the local replica. */
  public List<HealEffect> onOwnListed(long ofSweep, ErrorCode code, List<Found> page, boolean end) {
    if (!isAwaited(ofSweep)) {
      return List.of();
    }
    for (Found found : page) {
      if (firstSweep) {
        Item item = window.computeIfAbsent(found.inode(), i -> new Item());
        item.ownDirty = found.dirty();
      }
    }
    return onPage(code, page, end);
  }

  public List<HealEffect> onStat(long task, ErrorCode code, SourceState found) {
    ObjectRepair repair = repairs.get(task);
    return repair == null ? List.of() : onStep(repair, repair.onStat(code, found));
  }

  public List<HealEffect> onCompared(long task, ErrorCode code, byte[] source, byte[] local) {
    ObjectRepair repair = repairs.get(task);
    return repair == null ? List.of() : onStep(repair, repair.onCompared(code, source, local));
  }

  public List<HealEffect> onDone(long task, ErrorCode code) {
    ObjectRepair repair = repairs.get(task);
    return repair == null ? List.of() : onStep(repair, repair.onDone(code));
  }

  public List<HealEffect> onReported(ErrorCode code) {
    if (state != State.REPORTING) {
      return List.of();
    }
    if (code.isOk()) {
      state = State.DONE;
      return List.of();
    }
    return pause();
  }

  public List<HealEffect> onPauseOver(long ofSweep) {
    return state == State.PAUSED && ofSweep == sweep ? beginSweep() : List.of();
  }

  private boolean isAwaited(long ofSweep) {
    return state == State.LISTING && ofSweep == sweep;
  }

  private List<HealEffect> beginSweep() {
    cursor = 0;
    foundInSweep = false;
    failedInSweep = false;
    return listWindow();
  }

  private List<HealEffect> listWindow() {
    state = State.LISTING;
    sweep++;
    window.clear();
    windowEnd = 0;
    moreToList = false;
    pageFailed = false;
    pagesAwaited = sources.size() + 1;
    List<HealEffect> effects = new ArrayList<>();
    for (int member : sources) {
      effects.add(new HealEffect.ListSource(sweep, member, cursor, full && firstSweep));
    }
    effects.add(new HealEffect.ListOwn(sweep, cursor));
    return effects;
  }

  private List<HealEffect> onPage(ErrorCode code, List<Found> page, boolean end) {
    pagesAwaited--;
    if (!code.isOk() || (!end && !advances(page))) {
      pageFailed = true;
    } else if (!end) {
      // Beyond the end of this page its owner may have more: the window ends here.
      long last = page.get(page.size() - 1).inode();
      windowEnd = moreToList ? minUnsigned(windowEnd, last) : last;
      moreToList = true;
    }
    if (pagesAwaited > 0) {
      return List.of();
    }
    if (pageFailed) {
      return pause();
    }
    for (Map.Entry<Long, Item> entry : window.entrySet()) {
      boolean inWindow = !moreToList || Long.compareUnsigned(entry.getKey(), windowEnd) <= 0;
      if (inWindow) {
        waiting.add(Map.entry(entry.getKey(), entry.getValue()));
      }
    }
    window.clear();
    foundInSweep |= !waiting.isEmpty();
    objectsFound += waiting.size();
    state = State.REPAIRING;
    return fill(new ArrayList<>());
  }

  /** Whether a page leads past the cursor, as a peer that follows the rules sends it. */
  private boolean advances(List<Found> page) {
    return !page.isEmpty() && Long.compareUnsigned(page.get(page.size() - 1).inode(), cursor) > 0;
  }

  private static long minUnsigned(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
  }

  private List<HealEffect> fill(List<HealEffect> effects) {
    while (repairs.size() < PARALLEL_MAX && !waiting.isEmpty()) {
      Map.Entry<Long, Item> next = waiting.poll();
      Item item = next.getValue();
      long task = nextTask++;
      ObjectRepair repair =
          new ObjectRepair(
              next.getKey(),
              task,
              inOrder(next.getKey()),
              item.pendingVersions,
              item.ownDirty,
              item.sourceDirty);
      repairs.put(task, repair);
      effects.add(repair.start());
    }
    return repairs.isEmpty() ? onWindowDone() : effects;
  }

  /** The sources, beginning with another one for each inode, so that they share the work. */
  private List<Integer> inOrder(long inode) {
    List<Integer> order = new ArrayList<>(sources.size());
    int first = Math.floorMod(Long.hashCode(inode), sources.size());
    for (int i = 0; i < sources.size(); i++) {
      order.add(sources.get((first + i) % sources.size()));
    }
    return order;
  }

  private List<HealEffect> onStep(ObjectRepair repair, @Nullable HealEffect next) {
    if (next != null) {
      return List.of(next);
    }
    repairs.remove(repair.task());
    if (repair.state() == ObjectRepair.State.DONE) {
      objectsDone++;
      pauseNs = PAUSE_MIN_NS;
    } else {
      failedInSweep = true;
    }
    return fill(new ArrayList<>());
  }

  private List<HealEffect> onWindowDone() {
    if (moreToList) {
      cursor = windowEnd;
      return listWindow();
    }
    if (failedInSweep) {
      return pause();
    }
    boolean clean = !foundInSweep;
    firstSweep = false;
    if (!clean) {
      return beginSweep();
    }
    state = State.REPORTING;
    return List.of(new HealEffect.Report());
  }

  private List<HealEffect> pause() {
    state = State.PAUSED;
    sweep++;
    long delayNs = pauseNs;
    pauseNs = Math.min(PAUSE_MAX_NS, 2 * pauseNs);
    return List.of(new HealEffect.Pause(sweep, delayNs));
  }
}
