package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its owner. What applications did and saw, written down while they worked, and whether
 * it can be. Files are made of cells, which are registers, or of records at their end ({@link
 * AppendHistory}); beside them {@link NameHistory}, {@link LockHistory} and {@link
 * CloseToOpenHistory}.
 *
 * <p>Knows which changes were promised to stay: those whose fsync succeeded survive everything,
 * those whose flush or close succeeded survive their client, and the others may go with it.
 */
public final class History {
  /** How far a change was acknowledged. */
  public enum Promise {
    /** write(2) returned: gone with the client or its lease, which tells EIO once. */
    ACCEPTED,
    /** flush returned: on every replica in step. */
    RECEIVED,
    /** fsync returned: durable on every replica in step. */
    DURABLE
  }

  /** Some cells filled with one number, or cut off. */
  public static final class Write extends Change {
    private final int firstCell;
    private final int cells;
    private final boolean cut;

    private Write(
        int value, String who, String file, int firstCell, int cells, boolean cut, long startNs) {
      super(value, who, file, startNs);
      this.firstCell = firstCell;
      this.cells = cells;
      this.cut = cut;
    }
  }

  private record Read(String who, String file, int cell, int value, long startNs, long endNs) {}

  private final List<Write> writes = new ArrayList<>();
  private final List<Read> reads = new ArrayList<>();
  private final List<Violation> torn = new ArrayList<>();
  private final AppendHistory appends = new AppendHistory(this::open);
  private final NameHistory names = new NameHistory();
  private final LockHistory locks = new LockHistory();
  private final CloseToOpenHistory loose = new CloseToOpenHistory();

  /** By client and file: what may still be lost, or is not yet durable. */
  private final Map<String, Map<String, List<Change>>> open = new TreeMap<>();

  private int lastValue;

  public AppendHistory appends() {
    return appends;
  }

  public NameHistory names() {
    return names;
  }

  public LockHistory locks() {
    return locks;
  }

  public CloseToOpenHistory loose() {
    return loose;
  }

  // ---- what is written down

  /** A number that nothing else in this history has. */
  int newValue() {
    return ++lastValue;
  }

  private void open(Change change) {
    open.computeIfAbsent(change.who, who -> new TreeMap<>())
        .computeIfAbsent(change.file, file -> new ArrayList<>())
        .add(change);
  }

  /** A write begins; its value is a number that no other has. */
  public Write begin(String who, String file, int firstCell, int cells, long nowNs) {
    return begin(new Write(newValue(), who, file, firstCell, cells, false, nowNs));
  }

  /** A truncation begins that leaves zeros in these cells, whether the file ends there or not. */
  public Write beginCut(String who, String file, int firstCell, int cells, long nowNs) {
    return begin(new Write(newValue(), who, file, firstCell, cells, true, nowNs));
  }

  private Write begin(Write write) {
    writes.add(write);
    open(write);
    return write;
  }

  /** It returned without an error; without this its outcome is not known. */
  public void end(Change change, Promise promise, long nowNs) {
    change.end(promise, nowNs);
  }

  /** A cell was read; 0 = as if never written. */
  public void read(String who, String file, int cell, int value, long startNs, long endNs) {
    reads.add(new Read(who, file, cell, value, startNs, endNs));
  }

  /** A cell held what nobody wrote. */
  public void torn(String who, String file, int cell, long nowNs) {
    torn.add(
        new Violation(
            name(file, cell),
            who + " read what nobody wrote, or a mix, at " + RegisterHistory.time(nowNs)));
  }

  public int reads() {
    return reads.size();
  }

  public int writes() {
    return writes.size();
  }

  /**
   * flush or fsync of the file returned, for what {@code who} did before it began and since this
   * descriptor is open: of what was lost before it knows nothing.
   */
  public void kept(String who, String file, Promise promise, long openedNs, long beganNs) {
    Iterator<Change> each = open(who, file).iterator();
    while (each.hasNext()) {
      Change change = each.next();
      if (change.isDone() && change.startNs >= openedNs && change.endNs() <= beganNs) {
        change.onKept(promise);
      }
      if (change.isSettled()) {
        each.remove();
      }
    }
  }

  private List<Change> open(String who, String file) {
    return open.getOrDefault(who, Map.of()).getOrDefault(file, new ArrayList<>());
  }

  /**
   * The client {@code who} died, or was told EIO: what was only accepted from it may be gone.
   *
   * @param file null = all
   */
  public void lost(String who, String file, long nowNs) {
    if (file != null) {
      open(who, file).forEach(change -> change.onLost(nowNs));
    } else {
      open.getOrDefault(who, Map.of())
          .values()
          .forEach(all -> all.forEach(change -> change.onLost(nowNs)));
    }
  }

  /** No replica in step was left running: whatever is not durable may be gone. */
  public void blackout(long nowNs) {
    open.values()
        .forEach(
            files ->
                files.values().forEach(all -> all.forEach(change -> change.onBlackout(nowNs))));
  }

  // ---- whether it can be

  /** What all of it violates; empty if nothing. */
  public List<Violation> violations() {
    List<Violation> violations = new ArrayList<>(torn);
    registers()
        .forEach(
            (name, register) -> {
              String problem = register.problem();
              if (problem != null) {
                violations.add(new Violation(name, problem));
              }
            });
    violations.addAll(appends.violations());
    violations.addAll(names.violations());
    violations.addAll(locks.violations());
    violations.addAll(loose.violations());
    return violations;
  }

  /** What was done to one cell. */
  private static final class Cell {
    final RegisterHistory register = new RegisterHistory();
    final List<Write> writes = new ArrayList<>();
    boolean isCut;
  }

  private Map<String, RegisterHistory> registers() {
    Map<String, Map<Integer, Cell>> files = new TreeMap<>();
    for (Write write : writes) {
      for (int number = write.firstCell; number < write.firstCell + write.cells; number++) {
        Cell cell = cell(files, write.file, number);
        cell.writes.add(write);
        cell.isCut |= write.cut;
        long endNs = write.stays() ? write.endNs() : RegisterHistory.NEVER;
        cell.register.write(write.value(), write.startNs, endNs);
      }
    }
    for (Read read : reads) {
      Cell cell = cell(files, read.file, read.cell);
      if (counts(read) && (read.value != RegisterHistory.INITIAL || !mayBeCut(cell, read))) {
        cell.register.read(read.value, read.startNs, read.endNs);
      }
    }
    Map<String, RegisterHistory> all = new TreeMap<>();
    files.forEach(
        (file, cells) ->
            cells.forEach((number, cell) -> all.put(name(file, number), cell.register)));
    return all;
  }

  private static Cell cell(Map<String, Map<Integer, Cell>> files, String file, int number) {
    return files
        .computeIfAbsent(file, name -> new TreeMap<>())
        .computeIfAbsent(number, name -> new Cell());
  }

  /**
   * Zeros may be those of any truncation, unless something that stays was surely written after all
   * of them and before this read.
   */
  private static boolean mayBeCut(Cell cell, Read zeros) {
    long lastCutNs = Long.MIN_VALUE;
    for (Write write : cell.writes) {
      if (write.cut && write.startNs <= zeros.endNs) {
        lastCutNs = Math.max(lastCutNs, write.endNs());
      }
    }
    long afterNs = lastCutNs;
    return cell.isCut
        && afterNs != Long.MIN_VALUE
        && cell.writes.stream()
            .noneMatch(
                w -> !w.cut && w.stays() && w.startNs > afterNs && w.endNs() < zeros.startNs);
  }

  private boolean counts(Read read) {
    Change change = writtenBy(read);
    return change == null || change.isWitness(read.who, read.startNs);
  }

  /** Null if nobody wrote it. Values of writes rise, though not by one. */
  private Write writtenBy(Read read) {
    int low = 0;
    int high = writes.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int value = writes.get(middle).value();
      if (value == read.value) {
        return writes.get(middle);
      }
      low = value < read.value ? middle + 1 : low;
      high = value > read.value ? middle - 1 : high;
    }
    return null;
  }

  private static String name(String file, int cell) {
    return file + " cell " + cell;
  }

  // ---- for people

  /** What happened to the object of a violation, in order of time. */
  public List<String> story(String object) {
    Story story = new Story();
    for (Write w : writes) {
      for (int cell = w.firstCell; cell < w.firstCell + w.cells; cell++) {
        if (name(w.file, cell).equals(object)) {
          String what = w.cut ? " cuts it off, " : " writes ";
          story.add(w.startNs, w.endNs(), w.who + what + w.value() + " (" + w.state() + ")");
        }
      }
    }
    for (Read r : reads) {
      if (name(r.file, r.cell).equals(object)) {
        String tail = counts(r) ? "" : " (of what was lost: no witness)";
        story.add(r.startNs, r.endNs, r.who + " reads " + r.value + tail);
      }
    }
    appends.tell(object, story);
    names.tell(object, story);
    locks.tell(object, story);
    loose.tell(object, story);
    return story.lines();
  }
}
