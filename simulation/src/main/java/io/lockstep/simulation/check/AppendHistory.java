package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.LongStream;

/**
 * Confined to its owner. Files of records of one size, each written by one call with O_APPEND and
 * carrying a number of its own: none may be lost, torn, doubled or overwritten, one that was
 * acknowledged before another began stands before it, and where its call said that it stands.
 *
 * <p>Places are counted in records or in bytes, as the owner likes: in bytes it is seen where what
 * is torn begins and ends.
 *
 * <p>A place without a whole record (zeros, or a mix) is excused only by an append that was lost or
 * whose outcome is not known, one place by each.
 */
public final class AppendHistory {
  /** In place of a number: zeros. */
  public static final int HOLE = 0;

  /** In place of a number: neither zeros nor a whole record. */
  public static final int TORN = -1;

  private static final Comparator<Read> BY_START = Comparator.comparingLong(read -> read.startNs);

  /** One record. */
  public static final class Append extends Change {
    private long told = -1;
    private long place = -1;

    private Append(int value, String who, String file, long startNs) {
      super(value, who, file, startNs);
    }

    /** The call said that it stands there. */
    public void standsAt(long at) {
      told = at;
    }
  }

  /**
   * Immutable. What stood in a file, from the place of the first to the end of the last.
   *
   * @param values a number, {@link #HOLE} or {@link #TORN} for each place
   * @param end the place behind the last
   * @param toEnd whether the file ended there
   */
  public record Seen(List<Long> places, List<Integer> values, long end, boolean toEnd) {
    public Seen {
      places = List.copyOf(places);
      values = List.copyOf(values);
    }
  }

  private static final class Read {
    private final String who;
    private final String file;
    private final long[] places;
    private final int[] values;
    private final boolean toEnd;
    private final long startNs;
    private final long endNs;

    /**
     * @param places of the values, and behind the last
     */
    Read(
        String who, String file, long[] places, int[] values, boolean toEnd, long start, long end) {
      this.who = who;
      this.file = file;
      this.places = places;
      this.values = values;
      this.toEnd = toEnd;
      this.startNs = start;
      this.endNs = end;
    }

    long first() {
      return places[0];
    }

    long end() {
      return places[values.length];
    }
  }

  private final Consumer<Change> opened;
  private final List<Append> appends = new ArrayList<>();
  private final List<Read> reads = new ArrayList<>();
  private int lastValue;

  AppendHistory(Consumer<Change> opened) {
    this.opened = opened;
  }

  /** An append begins; numbers of records are positive, and unique among all files. */
  public Append begin(String who, String file, long nowNs) {
    Append append = new Append(++lastValue, who, file, nowNs);
    opened.accept(append);
    appends.add(append);
    return append;
  }

  /**
   * Records were read.
   *
   * @param first the place of the first; places count from 0
   * @param values a number, {@link #HOLE} or {@link #TORN} for each place
   * @param toEnd whether the file ended there
   */
  public void read(
      String who, String file, long first, int[] values, boolean toEnd, long startNs, long endNs) {
    long[] places = LongStream.rangeClosed(first, first + values.length).toArray();
    reads.add(new Read(who, file, places, values.clone(), toEnd, startNs, endNs));
  }

  /** Records were read. */
  public void read(String who, String file, Seen seen, long startNs, long endNs) {
    LongStream starts = seen.places.stream().mapToLong(Long::longValue);
    long[] places = LongStream.concat(starts, LongStream.of(seen.end)).toArray();
    int[] values = seen.values.stream().mapToInt(Integer::intValue).toArray();
    reads.add(new Read(who, file, places, values, seen.toEnd, startNs, endNs));
  }

  public int reads() {
    return reads.size();
  }

  public int appends() {
    return appends.size();
  }

  /** What the history violates; empty if nothing. */
  public List<Violation> violations() {
    List<Violation> violations = new ArrayList<>();
    Map<String, FileCheck> files = new TreeMap<>();
    appends.forEach(append -> append.place = -1);
    for (Append append : appends) {
      files.computeIfAbsent(append.file, FileCheck::new).appends.add(append);
    }
    for (Read read : reads) {
      files.computeIfAbsent(read.file, FileCheck::new).reads.add(read);
    }
    files.values().forEach(file -> file.check(violations));
    return violations;
  }

  /** The check of one file. */
  private final class FileCheck {
    private final String file;
    private final List<Append> appends = new ArrayList<>();
    private final List<Read> reads = new ArrayList<>();
    private final TreeMap<Long, Append> places = new TreeMap<>();
    private final List<String> problems = new ArrayList<>();

    FileCheck(String file) {
      this.file = file;
    }

    void check(List<Violation> violations) {
      appends.forEach(this::told);
      reads.forEach(this::place);
      reads.forEach(this::gaps);
      order();
      missing();
      problems.forEach(problem -> violations.add(new Violation(file, problem)));
    }

    private Append append(int value) {
      Append found =
          value <= AppendHistory.this.appends.size()
              ? AppendHistory.this.appends.get(value - 1)
              : null;
      return found == null || !found.file.equals(file) ? null : found;
    }

    private void told(Append append) {
      if (append.told >= 0 && append.stays()) {
        put(append, append.told, ", as its writer was told");
      }
    }

    /** Each record has one place, each place one record. */
    private void place(Read read) {
      for (int i = 0; i < read.values.length; i++) {
        long at = read.places[i];
        int value = read.values[i];
        if (value <= 0) {
          continue;
        }
        Append append = append(value);
        if (append == null || append.startNs > read.endNs) {
          problems.add(at(at) + "record " + value + ", which nobody had written" + seen(read));
        } else if (append.isWitness(read.who, read.startNs)) {
          put(append, at, seen(read));
        }
      }
    }

    private void put(Append append, long at, String seen) {
      if (append.place >= 0 && append.place != at) {
        problems.add(
            "record " + append.value() + " is doubled: at " + append.place + " and " + at + seen);
        return;
      }
      Append other = places.get(at);
      if (other != null && other != append && other.stays() && append.stays()) {
        problems.add(
            at(at)
                + "record "
                + append.value()
                + seen
                + ", and record "
                + other.value()
                + " before or after: one has overwritten the other");
      }
      append.place = at;
      if (other == null || append.stays()) {
        places.put(at, append);
      }
    }

    /** Places without a whole record need an excuse, and never were one that stays. */
    private void gaps(Read read) {
      int gaps = 0;
      for (int i = 0; i < read.values.length; i++) {
        if (read.values[i] > 0) {
          continue;
        }
        gaps++;
        for (Append was : places.subMap(read.places[i], read.places[i + 1]).values()) {
          if (!was.stays() || !was.isDone() || was.endNs() >= read.startNs) {
            continue;
          }
          problems.add(
              at(was.place)
                  + name(read.values[i])
                  + seen(read)
                  + ", where record "
                  + was.value()
                  + " was acknowledged at "
                  + RegisterHistory.time(was.endNs()));
        }
      }
      if (gaps > 0 && gaps > excuses(read)) {
        problems.add(
            gaps
                + " places without a whole record"
                + seen(read)
                + ", and "
                + excuses(read)
                + " appends that were lost or whose outcome is unknown");
      }
    }

    private long excuses(Read read) {
      return appends.stream()
          .filter(a -> a.startNs <= read.endNs && (!a.stays() || a.endNs() > read.endNs))
          .count();
    }

    /** Acknowledged before the other began: stands before it. */
    private void order() {
      Append earliest = null;
      for (Append append : places.descendingMap().values()) {
        if (earliest != null && earliest.endNs() < append.startNs) {
          problems.add(
              "record "
                  + append.value()
                  + " at "
                  + append.place
                  + " began after record "
                  + earliest.value()
                  + " at "
                  + earliest.place
                  + " was acknowledged");
        }
        boolean counts = append.stays() && append.isDone();
        if (counts && (earliest == null || append.endNs() < earliest.endNs())) {
          earliest = append;
        }
      }
    }

    /** What was acknowledged before a read to the end began is before that end. */
    private void missing() {
      List<Read> ends = reads.stream().filter(read -> read.toEnd).sorted(BY_START).toList();
      // The one that ends first, and a whole one, among each and those after it.
      Read[] shortest = new Read[ends.size() + 1];
      Read[] whole = new Read[ends.size() + 1];
      for (int i = ends.size() - 1; i >= 0; i--) {
        Read read = ends.get(i);
        boolean shorter = shortest[i + 1] == null || read.end() < shortest[i + 1].end();
        shortest[i] = shorter ? read : shortest[i + 1];
        whole[i] = read.first() == 0 ? read : whole[i + 1];
      }
      for (Append append : appends) {
        if (append.stays() && append.isDone()) {
          int after = firstAfter(ends, append.endNs());
          Read without = append.place < 0 ? whole[after] : shortest[after];
          if (without != null && (append.place < 0 || append.place >= without.end())) {
            problems.add(
                "record "
                    + append.value()
                    + " of "
                    + append.who
                    + ", acknowledged at "
                    + RegisterHistory.time(append.endNs())
                    + ", is lost: the file ends at place "
                    + without.end()
                    + seen(without));
          }
        }
      }
    }

    private int firstAfter(List<Read> ends, long ns) {
      int low = 0;
      int high = ends.size();
      while (low < high) {
        int middle = (low + high) >>> 1;
        boolean after = ends.get(middle).startNs > ns;
        low = after ? low : middle + 1;
        high = after ? middle : high;
      }
      return low;
    }
  }

  private static String at(long place) {
    return "place " + place + " holds ";
  }

  private static String name(int value) {
    return value == HOLE ? "zeros" : "what nobody wrote, or a mix,";
  }

  private static String seen(Read read) {
    return ", as " + read.who + " read at " + RegisterHistory.time(read.endNs);
  }

  void tell(String object, Story story) {
    for (Append a : appends) {
      if (a.file.equals(object)) {
        story.add(a.startNs, a.endNs(), a.who + " appends " + a.value() + " (" + a.state() + ")");
      }
    }
    for (Read r : reads) {
      if (r.file.equals(object)) {
        story.add(
            r.startNs,
            r.endNs,
            r.who
                + " reads from "
                + r.first()
                + ": "
                + Arrays.toString(r.values)
                + (r.toEnd ? " and the end" : ""));
      }
    }
  }
}
