package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its owner. What applications did to files that are made of cells: each write fills
 * some cells with its own number, each read finds the number in each cell. Knows which writes were
 * promised to stay: those whose fsync succeeded survive everything, those whose flush or close
 * succeeded survive their client, and the others may go with it.
 */
public final class History {
  /** How far a write was acknowledged. */
  public enum Promise {
    /** write(2) returned: gone with the client or its lease, which tells EIO once. */
    ACCEPTED,
    /** flush returned: on every replica in step. */
    RECEIVED,
    /** fsync returned: durable on every replica in step. */
    DURABLE
  }

  /** Whether a write may be gone again. */
  private enum Fate {
    STAYS,
    /** Every replica in step went down at once: gone, unless an fsync succeeds later. */
    DOUBTFUL,
    /** Its client died or was told EIO. */
    LOST
  }

  /** One write, from its begin on. */
  public static final class Write {
    private final int value;
    private final String who;
    private final String file;
    private final int firstCell;
    private final int cells;
    private final long startNs;
    private long endNs = RegisterHistory.NEVER;
    private Promise promise = Promise.ACCEPTED;
    private Fate fate = Fate.STAYS;
    private long lostNs;
    private boolean seenByAll;

    private Write(int value, String who, String file, int firstCell, int cells, long startNs) {
      this.value = value;
      this.who = who;
      this.file = file;
      this.firstCell = firstCell;
      this.cells = cells;
      this.startNs = startNs;
    }

    public int value() {
      return value;
    }

    boolean isDone() {
      return endNs != RegisterHistory.NEVER;
    }
  }

  private record Read(String who, String file, int cell, int value, long startNs, long endNs) {}

  private final List<Write> writes = new ArrayList<>();
  private final List<Read> reads = new ArrayList<>();
  private final List<String> torn = new ArrayList<>();

  /** A write begins; its value is a number that no other has. */
  public Write begin(String who, String file, int firstCell, int cells, long nowNs) {
    Write write = new Write(writes.size() + 1, who, file, firstCell, cells, nowNs);
    writes.add(write);
    return write;
  }

  /** It returned without an error; without this its outcome is not known. */
  public void end(Write write, Promise promise, long nowNs) {
    write.endNs = nowNs;
    write.promise = promise;
  }

  public void read(String who, String file, int cell, int value, long startNs, long endNs) {
    reads.add(new Read(who, file, cell, value, startNs, endNs));
  }

  /** A cell held what nobody wrote. */
  public void torn(String what) {
    torn.add(what);
  }

  public int reads() {
    return reads.size();
  }

  public int writes() {
    return writes.size();
  }

  /**
   * flush or fsync of the file returned, for what {@code who} wrote before it began and since this
   * descriptor is open: of what was lost before it knows nothing.
   */
  public void kept(String who, String file, Promise promise, long openedNs, long beganNs) {
    for (Write write : writes) {
      boolean covered =
          write.isDone()
              && write.startNs >= openedNs
              && write.endNs <= beganNs
              && write.file.equals(file)
              && of(write, who);
      if (covered) {
        write.promise = promise.compareTo(write.promise) > 0 ? promise : write.promise;
        // Success is told for what is there only.
        boolean proved = promise == Promise.DURABLE && write.fate == Fate.DOUBTFUL;
        write.fate = proved ? Fate.STAYS : write.fate;
      }
    }
  }

  private static boolean of(Write write, String who) {
    return write.who.equals(who);
  }

  /**
   * The client {@code who} died, or was told EIO: what was only accepted from it may be gone.
   *
   * @param file null = all
   */
  public void lost(String who, String file, long nowNs) {
    for (Write write : writes) {
      if (of(write, who)
          && (file == null || write.file.equals(file))
          && (write.promise == Promise.ACCEPTED || write.fate == Fate.DOUBTFUL)) {
        write.fate = Fate.LOST;
        write.lostNs = nowNs;
      }
    }
  }

  /** No replica in step was left running: whatever is not durable may be gone. */
  public void blackout(long nowNs) {
    for (Write write : writes) {
      if (write.promise != Promise.DURABLE) {
        write.fate = write.fate == Fate.LOST ? Fate.LOST : Fate.DOUBTFUL;
        write.lostNs = nowNs;
        write.seenByAll = true;
      }
    }
  }

  /** What the history violates; empty if nothing. */
  public List<String> problems() {
    List<String> problems = new ArrayList<>(torn);
    Map<String, RegisterHistory> registers = new TreeMap<>();
    for (Write write : writes) {
      for (int cell = write.firstCell; cell < write.firstCell + write.cells; cell++) {
        register(registers, write.file, cell)
            .write(
                write.value,
                write.startNs,
                write.fate != Fate.STAYS ? RegisterHistory.NEVER : write.endNs);
      }
    }
    for (Read read : reads) {
      if (counts(read)) {
        register(registers, read.file, read.cell).read(read.value, read.startNs, read.endNs);
      }
    }
    registers.forEach(
        (name, register) -> {
          String problem = register.problem();
          if (problem != null) {
            problems.add(name + ": " + problem);
          }
        });
    return problems;
  }

  /** A read of what was lost later is no witness, if only the one who lost it could see it. */
  private boolean counts(Read read) {
    if (read.value <= 0 || read.value > writes.size()) {
      return true;
    }
    Write write = writes.get(read.value - 1);
    if (write.fate == Fate.STAYS || read.startNs > write.lostNs) {
      return true;
    }
    return !write.seenByAll && !write.who.equals(read.who);
  }

  private static RegisterHistory register(
      Map<String, RegisterHistory> registers, String file, int cell) {
    return registers.computeIfAbsent(file + " cell " + cell, name -> new RegisterHistory());
  }

  /** What happened to the cells of a file, in order of time, for people. */
  public List<String> story(String register) {
    List<String> lines = new ArrayList<>();
    for (Write w : writes) {
      for (int cell = w.firstCell; cell < w.firstCell + w.cells; cell++) {
        if ((w.file + " cell " + cell).equals(register)) {
          lines.add(
              String.format(
                  java.util.Locale.ROOT,
                  "%14.6f..%s %s writes %d (%s%s)",
                  w.startNs / 1e9,
                  end(w.endNs),
                  w.who,
                  w.value,
                  w.promise,
                  w.fate == Fate.STAYS ? "" : ", " + w.fate));
        }
      }
    }
    for (Read r : reads) {
      if ((r.file + " cell " + r.cell).equals(register)) {
        lines.add(
            String.format(
                java.util.Locale.ROOT,
                "%14.6f..%s %s reads %d%s",
                r.startNs / 1e9,
                end(r.endNs),
                r.who,
                r.value,
                counts(r) ? "" : " (of what was lost: no witness)"));
      }
    }
    lines.sort(null);
    return lines;
  }

  private static String end(long ns) {
    return ns == RegisterHistory.NEVER
        ? "          ?"
        : String.format(java.util.Locale.ROOT, "%.6f", ns / 1e9);
  }
}
